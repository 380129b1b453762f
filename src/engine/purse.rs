//! What the account can spend: the venue's last word on each balance, carried on by our own fills and open orders.
//!
//! Owns one row per asset that an instrument here is made of. Between two words of the venue a fill moves both of its
//! assets exactly, and what our open orders reserve is taken off as they stand at that moment; what others hold is kept as
//! it was. Never guesses a balance nobody stated: what is not known refuses. Allocates only when an instrument becomes
//! known.

use crate::guard::Funds;
use crate::order::Orders;
use crate::record::{
    AssetId, ExecutionKind, ExecutionRecord, Fixed128, Instrument, InstrumentId, Side, UnixNanos, Venue,
    EXECUTION_FLAG_LAST, EXECUTION_FLAG_REPLAYED,
};

/// One asset at one venue.
#[derive(Debug)]
struct Row {
    venue: Venue,
    asset: AssetId,
    /// All of it; `None` before the venue said so.
    total: Option<Fixed128>,
    /// Held for others than our own orders, as of the venue's last word.
    others: Fixed128,
    /// Instruments that are made of it.
    touching: Vec<Pair>,
}

/// What an instrument is made of.
#[derive(Debug, Clone, Copy)]
struct Pair {
    id: InstrumentId,
    base: AssetId,
    quote: AssetId,
    price_exponent: i8,
    size_exponent: i8,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Purse {
    rows: Vec<Row>,
}

impl Purse {
    /// An instrument, or its new figures. Its position begins with what is held of its base asset, if that is known.
    pub(super) fn know(&mut self, instrument: &Instrument, orders: &mut Orders) {
        let pair = Pair {
            id: instrument.id,
            base: instrument.base,
            quote: instrument.quote,
            price_exponent: instrument.price_exponent,
            size_exponent: instrument.size_exponent,
        };
        let venue = instrument.listing.venue;
        for asset in [pair.base, pair.quote] {
            let at = match self.rows.iter().position(|row| row.venue == venue && row.asset == asset) {
                Some(at) => at,
                None => {
                    let others = Fixed128::default();
                    self.rows.push(Row { venue, asset, total: None, others, touching: Vec::new() });
                    self.rows.len().saturating_sub(1)
                }
            };
            let Some(row) = self.rows.get_mut(at) else { continue };
            if row.touching.iter().any(|other| other.id == pair.id) {
                continue;
            }
            row.touching.push(pair);
            if let Some(total) = row.total.filter(|_| asset == pair.base) {
                orders.set_position(pair.id, held(total, pair.size_exponent));
            }
        }
    }

    /// The venue states a balance. The first time, it is where positions in the asset begin.
    pub(super) fn stated(
        &mut self,
        venue: Venue,
        asset: AssetId,
        (total, hold): (Fixed128, Fixed128),
        orders: &mut Orders,
    ) {
        let Some(row) = self.rows.iter_mut().find(|row| row.venue == venue && row.asset == asset) else { return };
        if row.total.is_none() {
            for pair in row.touching.iter().filter(|pair| pair.base == asset) {
                orders.set_position(pair.id, held(total, pair.size_exponent));
            }
        }
        row.total = Some(total);
        let others = hold.checked_sub(row.reserved(orders)).unwrap_or(hold);
        row.others = if others.mantissa() > 0 { others } else { Fixed128::default() };
    }

    /// Every balance was told since the instrument is known: nothing is held of its assets that were not among them.
    pub(super) fn all_told(&mut self, instrument: InstrumentId) {
        let touching = |row: &&mut Row| row.touching.iter().any(|pair| pair.id == instrument);
        for row in self.rows.iter_mut().filter(touching) {
            row.total.get_or_insert(Fixed128::default());
        }
    }

    /// A record on its way to a strategy: a fill moves money.
    pub(super) fn moved(&mut self, record: &ExecutionRecord) {
        if record.kind != ExecutionKind::Fill || record.has(EXECUTION_FLAG_REPLAYED) {
            return;
        }
        for row in self.rows.iter_mut().filter(|row| row.venue == record.venue) {
            let Some(pair) = row.touching.iter().find(|pair| pair.id == record.instrument) else { continue };
            let Some(mut total) = row.total else { continue };
            let quantity = Fixed128::new(i128::from(record.last_quantity), record.size_exponent);
            let gained = if row.asset == pair.base { quantity } else { record.value() };
            let gains = (row.asset == pair.base) == (record.side == Side::Buy);
            total = if gains { plus(total, gained) } else { minus(total, gained) };
            if record.fee_asset == row.asset {
                total = minus(total, record.fee());
            }
            row.total = Some(total);
        }
    }

    /// Every balance as it stands: all of it, and what of that is held.
    pub(super) fn all<'a>(&'a self, now: UnixNanos, orders: &'a Orders) -> impl Iterator<Item = ExecutionRecord> + 'a {
        self.rows.iter().filter_map(move |row| {
            let hold = plus(row.others, row.reserved(orders));
            Some(balance(row.venue, row.asset, (row.total?, hold), (now, UnixNanos::NONE)))
        })
    }

    /// What a new order in an instrument could spend.
    pub(super) fn funds(&self, instrument: &Instrument, orders: &Orders) -> Funds {
        let venue = instrument.listing.venue;
        let free = |asset, exponent| {
            let row = self.rows.iter().find(|row| row.venue == venue && row.asset == asset)?;
            let free = minus(minus(row.total?, row.others), row.reserved(orders));
            Some(floor(free, exponent))
        };
        let value_exponent = instrument.price_exponent.saturating_add(instrument.size_exponent);
        Funds { quote: free(instrument.quote, value_exponent), base: free(instrument.base, instrument.size_exponent) }
    }
}

impl Row {
    /// What our open orders hold of it.
    fn reserved(&self, orders: &Orders) -> Fixed128 {
        self.touching.iter().fold(Fixed128::default(), |sum, pair| {
            let exposure = orders.exposure(pair.id);
            let value_exponent = pair.price_exponent.saturating_add(pair.size_exponent);
            match self.asset == pair.quote {
                true => plus(sum, Fixed128::new(exposure.reserved, value_exponent)),
                false => plus(sum, Fixed128::new(i128::from(exposure.open_sell), pair.size_exponent)),
            }
        })
    }
}

/// The record of a balance, heard now, of which the venue says that it was so at a time.
pub(super) fn balance(
    venue: Venue,
    asset: AssetId,
    (total, hold): (Fixed128, Fixed128),
    (now, venue_time): (UnixNanos, UnixNanos),
) -> ExecutionRecord {
    let mut record = ExecutionRecord::new(ExecutionKind::Balance, venue, InstrumentId::NONE);
    (record.recv, record.venue_time, record.fee_asset) = (now, venue_time, asset);
    (record.value, record.value_exponent) = (total.mantissa(), total.exponent());
    (record.fee, record.fee_exponent) = (hold.mantissa(), hold.exponent());
    record.flags = EXECUTION_FLAG_LAST;
    record
}

/// Beyond all numbers nothing can be spent.
fn plus(a: Fixed128, b: Fixed128) -> Fixed128 {
    minus(a, Fixed128::new(b.mantissa().saturating_neg(), b.exponent()))
}

fn minus(a: Fixed128, b: Fixed128) -> Fixed128 {
    a.checked_sub(b).unwrap_or_default()
}

/// The greatest mantissa at `exponent` that is not above `amount`.
fn floor(amount: Fixed128, exponent: i8) -> i128 {
    if let Ok(exact) = amount.rescale(exponent) {
        return exact;
    }
    let places = i16::from(exponent).saturating_sub(i16::from(amount.exponent()));
    let factor = 10i128.checked_pow(u32::try_from(places).unwrap_or(0)).unwrap_or(i128::MAX);
    amount.mantissa().checked_div_euclid(factor).unwrap_or(0)
}

fn held(total: Fixed128, size_exponent: i8) -> i64 {
    i64::try_from(floor(total, size_exponent)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::{ClientOrderIds, OrderLimits, ReconcileRules};
    use crate::record::{Fixed, Listing, OrderCommand, RequestId, StrategyId, TradingStatus, UnixNanos};

    const VENUE: Venue = Venue::BinanceUs;
    const BTC: AssetId = AssetId(0);
    const USD: AssetId = AssetId(1);

    fn instrument() -> Instrument {
        let fixed = |text: &str| Fixed::parse(text).unwrap();
        let listing = Listing {
            venue: VENUE,
            symbol: "BTCUSD".into(),
            streamed_as: None,
            base: "BTC".into(),
            quote: "USD".into(),
            tick: fixed("0.01"),
            lot: fixed("0.001"),
            quote_lot: fixed("0.01"),
            size_min: fixed("0.001"),
            size_max: fixed("100"),
            notional_min: fixed("1"),
            status: TradingStatus::Online,
        };
        let mut instrument = Instrument::new(InstrumentId(0), BTC, USD, listing);
        (instrument.price_exponent, instrument.size_exponent) = (-2, -3);
        instrument
    }

    fn money(text: &str) -> Fixed128 {
        crate::record::parse_any(text.as_bytes()).unwrap()
    }

    struct Bench {
        purse: Purse,
        orders: Orders,
        instrument: Instrument,
    }

    impl Bench {
        fn new() -> Bench {
            let limits = OrderLimits { open_max: 8, closed_kept: 8, executions_kept: 8, strangers_kept: 8 };
            let ids = ClientOrderIds::new("xc", 1).unwrap();
            let mut orders = Orders::new(ids, limits, ReconcileRules::default());
            let (mut purse, instrument) = (Purse::default(), instrument());
            purse.know(&instrument, &mut orders);
            Bench { purse, orders, instrument }
        }

        fn stated(&mut self, asset: AssetId, total: &str, hold: &str) {
            self.purse.stated(VENUE, asset, (money(total), money(hold)), &mut self.orders);
        }

        fn place(&mut self, side: Side, price: i64, quantity: i64) {
            let request = RequestId::new(StrategyId(0), self.orders.open_count() as u64 + 1);
            let command = OrderCommand::limit(InstrumentId(0), side, price, quantity);
            self.orders.place(&command.stamped(request, UnixNanos(1)), &self.instrument).unwrap();
        }

        /// (quote at 10^-5, base at 10^-3).
        fn funds(&self) -> (Option<i128>, Option<i128>) {
            let funds = self.purse.funds(&self.instrument, &self.orders);
            (funds.quote, funds.base)
        }
    }

    #[test]
    fn what_nobody_stated_is_not_known() {
        let mut bench = Bench::new();
        assert_eq!(bench.funds(), (None, None));
        bench.stated(USD, "100", "0");
        assert_eq!(bench.funds(), (Some(10_000_000), None));
    }

    #[test]
    fn our_open_orders_are_taken_off_as_they_stand_and_others_as_they_stood() {
        let mut bench = Bench::new();
        bench.stated(USD, "100", "30");
        bench.stated(BTC, "2.0005", "0");
        assert_eq!(bench.funds(), (Some(7_000_000), Some(2_000)), "cut down, never up");
        bench.place(Side::Buy, 1_000, 2_000);
        bench.place(Side::Sell, 2_000, 1_500);
        assert_eq!(bench.funds(), (Some(5_000_000), Some(500)), "10.00 for 2.000, and 1.500");
        // The venue's own word has them held by now.
        bench.stated(USD, "100", "50");
        assert_eq!(bench.funds().0, Some(5_000_000));
    }

    #[test]
    fn a_fill_moves_both_assets_by_exactly_what_it_cost() {
        let mut bench = Bench::new();
        bench.stated(USD, "100", "0");
        bench.stated(BTC, "2", "0");
        let mut fill = ExecutionRecord::new(ExecutionKind::Fill, VENUE, InstrumentId(0));
        (fill.side, fill.last_quantity, fill.size_exponent) = (Side::Buy, 500, -3);
        (fill.value, fill.value_exponent) = (505, -2);
        (fill.fee, fill.fee_exponent, fill.fee_asset) = (1, -4, USD);
        bench.purse.moved(&fill);
        assert_eq!(bench.funds(), (Some(10_000_000 - 505_000 - 10), Some(2_500)));
        bench.purse.moved(&ExecutionRecord { flags: EXECUTION_FLAG_REPLAYED, ..fill });
        assert_eq!(bench.funds().1, Some(2_500), "the balances of the start have it already");
        bench.purse.moved(&ExecutionRecord { side: Side::Sell, fee: 0, ..fill });
        assert_eq!(bench.funds(), (Some(10_000_000 - 10), Some(2_000)));
    }

    #[test]
    fn what_the_whole_account_lacks_is_nothing_and_later_words_move_no_position() {
        let mut bench = Bench::new();
        bench.stated(USD, "100", "0");
        bench.purse.all_told(InstrumentId(7));
        assert_eq!(bench.funds().1, None, "of another instrument");
        bench.purse.all_told(InstrumentId(0));
        assert_eq!(bench.funds(), (Some(10_000_000), Some(0)));
        bench.stated(BTC, "0.5", "0");
        assert_eq!(bench.orders.exposure(InstrumentId(0)).position, 0, "a fill tells it");
    }

    #[test]
    fn a_position_begins_with_what_is_held_and_goes_on_with_fills() {
        let mut bench = Bench::new();
        bench.stated(BTC, "2.0005", "0.5");
        assert_eq!(bench.orders.exposure(InstrumentId(0)).position, 2_000);
        bench.stated(BTC, "5", "0");
        assert_eq!(bench.orders.exposure(InstrumentId(0)).position, 2_000, "a deposit is no trade");
    }
}
