//! What the account can spend: the venue's last word on each balance, carried on by our own fills and open orders.
//!
//! Owns one row per asset that an instrument here is made of. Between two words of the venue a fill moves both of its
//! assets exactly, and what our open orders reserve is taken off as they stand at that moment; what others hold is kept as
//! it was. Never guesses a balance nobody stated: what is not known refuses. Allocates only when an instrument becomes
//! known. What an order can spend is read in constant time: the order table sums up what open orders hold as they change.

use crate::guard::Funds;
use crate::order::{HeldSum, Orders};
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
    /// When a fill moved it last.
    moved_at: UnixNanos,
    /// Held for others than our own orders, as of the venue's last word.
    others: Fixed128,
    /// Instruments that are made of it.
    touching: Vec<Pair>,
    /// What our open orders hold of it: one sum for each exponent its instruments count it at, which are few.
    held: Vec<(i8, HeldSum)>,
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

impl Pair {
    /// Of prices times quantities.
    const fn value_exponent(&self) -> i8 {
        self.price_exponent.saturating_add(self.size_exponent)
    }
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Purse {
    rows: Vec<Row>,
    /// By instrument: the rows of its base and its quote asset.
    of: Vec<Option<[usize; 2]>>,
}

impl Purse {
    /// An instrument, or its new figures.
    pub(super) fn know(&mut self, instrument: &Instrument, orders: &mut Orders) {
        let pair = Pair {
            id: instrument.id,
            base: instrument.base,
            quote: instrument.quote,
            price_exponent: instrument.price_exponent,
            size_exponent: instrument.size_exponent,
        };
        let (venue, index) = (instrument.listing.venue, pair.id.index());
        if index >= InstrumentId::COUNT_MAX || self.rows_of(pair.id).is_some() {
            return;
        }
        let at = [pair.base, pair.quote].map(|asset| self.row_at(venue, asset));
        if self.of.len() <= index {
            self.of.resize(index.saturating_add(1), None);
        }
        if let Some(place) = self.of.get_mut(index) {
            *place = Some(at);
        }
        let exponents = [pair.size_exponent, pair.value_exponent()];
        let mut sums = [None; 2];
        for ((at, exponent), sum) in at.into_iter().zip(exponents).zip(&mut sums) {
            let Some(row) = self.rows.get_mut(at) else { continue };
            row.touching.push(pair);
            *sum = Some(row.sum_at(exponent, orders));
        }
        if let [Some(base), Some(quote)] = sums {
            orders.sum_held(pair.id, quote, base);
        }
    }

    fn rows_of(&self, instrument: InstrumentId) -> Option<[usize; 2]> {
        self.of.get(instrument.index()).copied().flatten()
    }

    /// Where an asset's row is, or is from now on.
    fn row_at(&mut self, venue: Venue, asset: AssetId) -> usize {
        self.rows.iter().position(|row| row.venue == venue && row.asset == asset).unwrap_or_else(|| {
            let (others, touching, held) = (Fixed128::default(), Vec::new(), Vec::new());
            self.rows.push(Row { venue, asset, total: None, moved_at: UnixNanos::NONE, others, touching, held });
            self.rows.len().saturating_sub(1)
        })
    }

    /// The venue states a balance, while those asked for at `asked` are read, if any are. What a fill has overtaken is not
    /// taken: nobody knows whether it has the fill. What was stated before and the fill are exact, and it is asked again.
    pub(super) fn stated(
        &mut self,
        venue: Venue,
        asset: AssetId,
        (total, hold): (Fixed128, Fixed128),
        asked: Option<UnixNanos>,
        orders: &Orders,
    ) {
        let Some(row) = self.rows.iter_mut().find(|row| row.venue == venue && row.asset == asset) else { return };
        if row.total.is_some() && row.moved_at.is_some() && asked.is_some_and(|asked| row.moved_at >= asked) {
            return;
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

    /// What is held of an instrument's base asset, mantissa at its size exponent, cut down; nothing if nobody stated it.
    pub(super) fn held(&self, instrument: InstrumentId) -> i64 {
        let row = self.rows_of(instrument).and_then(|[base, _]| self.rows.get(base));
        let pair = row.and_then(|row| row.touching.iter().find(|pair| pair.id == instrument));
        let total = row.and_then(|row| row.total).unwrap_or_default();
        pair.map_or(0, |pair| i64::try_from(floor(total, pair.size_exponent)).unwrap_or(i64::MAX))
    }

    /// A record on its way to a strategy: a fill moves money.
    pub(super) fn moved(&mut self, record: &ExecutionRecord) {
        if record.kind != ExecutionKind::Fill || record.has(EXECUTION_FLAG_REPLAYED) {
            return;
        }
        let Some([base, quote]) = self.rows_of(record.instrument) else { return };
        for (at, is_base) in [(base, true), (quote, false)] {
            let Some(row) = self.rows.get_mut(at) else { continue };
            row.moved_at = record.recv;
            let Some(mut total) = row.total else { continue };
            let quantity = Fixed128::new(i128::from(record.last_quantity), record.size_exponent);
            let gained = if is_base { quantity } else { record.value() };
            let gains = is_base == (record.side == Side::Buy);
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
        let Some([base, quote]) = self.rows_of(instrument.id) else { return Funds::UNKNOWN };
        let free = |at: usize, exponent| {
            let row = self.rows.get(at)?;
            let free = minus(minus(row.total?, row.others), row.reserved(orders));
            Some(floor(free, exponent))
        };
        let value_exponent = instrument.price_exponent.saturating_add(instrument.size_exponent);
        Funds::Balances { quote: free(quote, value_exponent), base: free(base, instrument.size_exponent) }
    }
}

impl Row {
    /// What our open orders hold of it.
    fn reserved(&self, orders: &Orders) -> Fixed128 {
        let held = self.held.iter().map(|(exponent, sum)| Fixed128::new(orders.held(*sum), *exponent));
        held.fold(Fixed128::default(), plus)
    }

    /// The sum of what is held of it in instruments of this exponent.
    fn sum_at(&mut self, exponent: i8, orders: &mut Orders) -> HeldSum {
        if let Some((_, sum)) = self.held.iter().find(|(of, _)| *of == exponent) {
            return *sum;
        }
        let sum = orders.add_held_sum();
        self.held.push((exponent, sum));
        sum
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

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::order::{ClientOrderIds, Executions, OrderLimits, ReconcileRules};
    use crate::record::{Fixed, Listing, OrderCommand, RejectClass, RequestId, StrategyId, TradingStatus, UnixNanos};
    use proptest::prelude::*;

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
            self.listed(asset, total, hold, None);
        }

        fn listed(&mut self, asset: AssetId, total: &str, hold: &str, asked: Option<UnixNanos>) {
            self.purse.stated(VENUE, asset, (money(total), money(hold)), asked, &self.orders);
        }

        fn place(&mut self, side: Side, price: i64, quantity: i64) {
            let request = RequestId::new(StrategyId(0), self.orders.open_count() as u64 + 1);
            let command = OrderCommand::limit(InstrumentId(0), side, price, quantity);
            self.orders.place(&command.stamped(request, UnixNanos(1)), &self.instrument).unwrap();
        }

        /// (quote at 10^-5, base at 10^-3).
        fn funds(&self) -> (Option<i128>, Option<i128>) {
            match self.purse.funds(&self.instrument, &self.orders) {
                Funds::Balances { quote, base } => (quote, base),
                Funds::Margin(_) => panic!("it holds balances"),
            }
        }
    }

    struct Nobody;

    impl Executions for Nobody {
        fn emit(&mut self, _: &ExecutionRecord) {}
    }

    /// An instrument of its own exponents; the first asset is traded for the second.
    fn pair(id: u32, [base, quote]: [AssetId; 2], [price_exponent, size_exponent]: [i8; 2]) -> Instrument {
        let mut instrument = instrument();
        (instrument.id, instrument.base, instrument.quote) = (InstrumentId(id), base, quote);
        (instrument.price_exponent, instrument.size_exponent) = (price_exponent, size_exponent);
        instrument
    }

    proptest! {
        /// However orders come and go, and whenever instruments become known, what is held of an asset is what the open
        /// orders of all its instruments hold together.
        #[test]
        fn what_is_held_is_the_sum_over_all_instruments(
            steps in proptest::collection::vec((0usize..4, any::<bool>(), 1i64..5_000, 1i64..5_000, 0usize..3), 1..60),
        ) {
            const ETH: AssetId = AssetId(2);
            let pairs = [
                pair(0, [BTC, USD], [-2, -3]),
                pair(1, [ETH, USD], [-2, -4]),
                pair(2, [ETH, BTC], [-5, -3]),
                pair(3, [ETH, USD], [-1, -4]),
            ];
            let mut bench = Bench::new();
            let (mut placed, mut known) = (vec![], [true, false, false, false]);
            for (which, buys, price, quantity, gone) in steps {
                let side = if buys { Side::Buy } else { Side::Sell };
                let request = RequestId::new(StrategyId(0), placed.len() as u64 + 1);
                let order = OrderCommand::limit(pairs[which].id, side, price, quantity).stamped(request, UnixNanos(1));
                if let Ok(order) = bench.orders.place(&order, &pairs[which]) {
                    placed.push(order.slot);
                }
                // Some end, and others are known only after there were orders.
                if gone == 0 {
                    let slot = placed[which % placed.len()];
                    let _ = bench.orders.abandon(UnixNanos(2), slot, RejectClass::Busy, "not sent", &mut Nobody);
                }
                if gone == 1 {
                    bench.purse.know(&pairs[which], &mut bench.orders);
                    known[which] = true;
                }
            }
            for row in &bench.purse.rows {
                let sum = pairs.iter().zip(known).filter(|(_, known)| *known).fold(Fixed128::default(), |sum, (pair, _)| {
                    let exposure = bench.orders.exposure(pair.id);
                    let (value, size) = (pair.price_exponent + pair.size_exponent, pair.size_exponent);
                    match row.asset {
                        asset if asset == pair.quote => plus(sum, Fixed128::new(exposure.reserved, value)),
                        asset if asset == pair.base => plus(sum, Fixed128::new(exposure.open_sell.into(), size)),
                        _ => sum,
                    }
                });
                prop_assert_eq!(minus(row.reserved(&bench.orders), sum).mantissa(), 0);
            }
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
    fn a_listing_that_a_fill_has_overtaken_is_not_taken() {
        let mut bench = Bench::new();
        bench.stated(USD, "100", "0");
        bench.stated(BTC, "2", "0");
        let mut fill = ExecutionRecord::new(ExecutionKind::Fill, VENUE, InstrumentId(0));
        (fill.side, fill.last_quantity, fill.size_exponent) = (Side::Buy, 500, -3);
        (fill.value, fill.value_exponent, fill.recv) = (40, 0, UnixNanos(70));
        bench.purse.moved(&fill);
        // Asked for before the fill was told: it may have it or not.
        bench.listed(USD, "100", "0", Some(UnixNanos(70)));
        bench.listed(BTC, "2", "0", Some(UnixNanos(60)));
        assert_eq!(bench.funds(), (Some(6_000_000), Some(2_500)));
        bench.listed(USD, "61", "0", Some(UnixNanos(71)));
        bench.stated(BTC, "2.6", "0");
        assert_eq!(bench.funds(), (Some(6_100_000), Some(2_600)), "asked for since; and a stream's word");
    }

    #[test]
    fn what_the_whole_account_lacks_is_nothing() {
        let mut bench = Bench::new();
        bench.stated(USD, "100", "0");
        bench.purse.all_told(InstrumentId(7));
        assert_eq!(bench.funds().1, None, "of another instrument");
        bench.purse.all_told(InstrumentId(0));
        assert_eq!(bench.funds(), (Some(10_000_000), Some(0)));
    }

    #[test]
    fn what_is_held_of_the_base_asset_is_cut_down_to_the_instruments_exponent() {
        let mut bench = Bench::new();
        assert_eq!(bench.purse.held(InstrumentId(0)), 0);
        bench.stated(USD, "7", "0");
        bench.stated(BTC, "2.0005", "0.5");
        assert_eq!([0, 7].map(|id| bench.purse.held(InstrumentId(id))), [2_000, 0]);
        bench.stated(BTC, "-0.0005", "0");
        assert_eq!(bench.purse.held(InstrumentId(0)), -1, "never up");
    }
}
