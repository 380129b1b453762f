//! Trades, positions, profit and loss and margin of the account: plain bookkeeping, exact to the money's last decimal.
//!
//! Guarantees: the balance is what it was at the start plus every realised profit, loss and fee, each rounded once to
//! four decimals. Knows no orders and decides nothing; prices come as arguments.

use super::order::Extensions;
use super::text::MONEY_DECIMALS;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// A trade: what one fill opened.
#[derive(Clone, Debug)]
pub(crate) struct Trade {
    /// Id of the fill that opened it.
    pub(crate) id: u64,
    pub(crate) market: usize,
    pub(crate) price: Decimal,
    pub(crate) opened_ns: u64,
    pub(crate) initial_units: Decimal,
    /// Signed; 0 once closed.
    pub(crate) units: Decimal,
    pub(crate) realized: Decimal,
    pub(crate) initial_margin: Decimal,
    pub(crate) extensions: Extensions,
    /// Fills that closed of it.
    pub(crate) closings: Vec<u64>,
    /// Sum of closed units times their price.
    closed_value: Decimal,
    pub(crate) closed_ns: Option<u64>,
    /// Orders that rest on it: take profit, stop loss, guaranteed and trailing stop.
    pub(crate) exits: BTreeSet<u64>,
}

impl Trade {
    pub(crate) fn is_open(&self) -> bool {
        !self.units.is_zero()
    }

    pub(crate) fn is_long(&self) -> bool {
        self.initial_units.is_sign_positive()
    }

    /// Average price of what was closed.
    pub(crate) fn average_close(&self) -> Option<Decimal> {
        self.closed_value.checked_div((self.initial_units - self.units).abs()).filter(|_| !self.closings.is_empty())
    }
}

/// What a closing realised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) trade: u64,
    /// Signed as the fill.
    pub(crate) units: Decimal,
    /// In the quote currency.
    pub(crate) quote_pl: Decimal,
    /// In the account's.
    pub(crate) pl: Decimal,
    /// Whether nothing of the trade is left.
    pub(crate) whole: bool,
}

/// Sums of one instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) long_pl: Decimal,
    pub(crate) short_pl: Decimal,
    pub(crate) fees: Decimal,
    /// The last transaction that changed it.
    pub(crate) changed: u64,
}

/// Quote currency to account currency: a profit is worth a little less, a loss a little more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conversion {
    pub(crate) gain: Decimal,
    pub(crate) loss: Decimal,
    pub(crate) mid: Decimal,
}

impl Conversion {
    /// A profit or loss of the quote currency in account money.
    pub(crate) fn realize(&self, quote: Decimal) -> Decimal {
        let factor = if quote.is_sign_negative() { self.loss } else { self.gain };
        (quote * factor).round_dp(MONEY_DECIMALS)
    }
}

/// The account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) hedging: bool,
    pub(crate) margin_rate: Decimal,
    pub(crate) alias: String,
    pub(crate) balance: Decimal,
    pub(crate) realized: Decimal,
    pub(crate) fees: Decimal,
    pub(crate) trades: BTreeMap<u64, Trade>,
    open: BTreeSet<u64>,
    pub(crate) totals: BTreeMap<usize, Totals>,
}

impl Account {
    pub(crate) fn new(balance: Decimal, hedging: bool, margin_rate: Decimal) -> Self {
        Self {
            hedging,
            margin_rate,
            alias: "Primary".to_owned(),
            balance,
            realized: Decimal::ZERO,
            fees: Decimal::ZERO,
            trades: BTreeMap::new(),
            open: BTreeSet::new(),
            totals: BTreeMap::new(),
        }
    }

    /// Open trades, oldest first.
    pub(crate) fn open_trades(&self) -> impl DoubleEndedIterator<Item = &Trade> {
        self.open.iter().filter_map(|id| self.trades.get(id))
    }

    /// Open trades of one side of an instrument, oldest first.
    pub(crate) fn side(&self, market: usize, long: bool) -> impl Iterator<Item = &Trade> {
        self.open_trades().filter(move |t| t.market == market && t.is_long() == long)
    }

    /// Units of one side of an instrument, signed.
    pub(crate) fn units(&self, market: usize, long: bool) -> Decimal {
        self.side(market, long).map(|t| t.units).sum()
    }

    /// Opens a trade; its id is the fill's.
    pub(crate) fn open(
        &mut self,
        (id, at_ns): (u64, u64),
        market: usize,
        units: Decimal,
        price: Decimal,
        initial_margin: Decimal,
        extensions: Extensions,
    ) {
        self.totals.entry(market).or_default().changed = id;
        self.open.insert(id);
        let trade = Trade {
            id,
            market,
            price,
            opened_ns: at_ns,
            initial_units: units,
            units,
            realized: Decimal::ZERO,
            initial_margin,
            extensions,
            closings: Vec::new(),
            closed_value: Decimal::ZERO,
            closed_ns: None,
            exits: BTreeSet::new(),
        };
        self.trades.insert(id, trade);
    }

    /// Closes so many units (positive, at most what is left) of a trade; `None` if there is no such trade.
    pub(crate) fn close(
        &mut self,
        (fill, at_ns): (u64, u64),
        trade: u64,
        units: Decimal,
        price: Decimal,
        conversion: Conversion,
    ) -> Option<Closed> {
        let trade = self.trades.get_mut(&trade).filter(|t| t.is_open())?;
        let units = units.min(trade.units.abs());
        let signed = if trade.is_long() { units } else { -units };
        let quote_pl = (price - trade.price) * signed;
        let pl = conversion.realize(quote_pl);
        trade.units -= signed;
        trade.realized += pl;
        trade.closed_value += units * price;
        trade.closings.push(fill);
        let whole = trade.units.is_zero();
        if whole {
            trade.closed_ns = Some(at_ns);
            self.open.remove(&trade.id);
        }
        let totals = self.totals.entry(trade.market).or_default();
        *(if trade.is_long() { &mut totals.long_pl } else { &mut totals.short_pl }) += pl;
        totals.changed = fill;
        self.realized += pl;
        self.balance += pl;
        Some(Closed { trade: trade.id, units: -signed, quote_pl, pl, whole })
    }

    /// A fee for an execution at a guaranteed price.
    pub(crate) fn charge(&mut self, market: usize, fee: Decimal) {
        self.totals.entry(market).or_default().fees += fee;
        self.fees += fee;
        self.balance -= fee;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    const ONE: Conversion = Conversion { gain: Decimal::ONE, loss: Decimal::ONE, mid: Decimal::ONE };

    #[test]
    fn a_trade_closed_in_two_parts_realises_both_and_then_is_closed() {
        let mut account = Account::new(d("1000"), false, d("0.02"));
        account.open((5, 0), 0, d("-100"), d("1.20"), d("2.4"), Extensions::default());
        let part = account.close((6, 1), 5, d("40"), d("1.19"), ONE).unwrap();
        assert_eq!((part.units, part.pl, part.whole), (d("40"), d("0.4"), false));
        let rest = account.close((7, 2), 5, d("60"), d("1.22"), ONE).unwrap();
        assert_eq!((rest.units, rest.pl, rest.whole), (d("60"), d("-1.2"), true));
        assert_eq!((account.balance, account.totals[&0].short_pl), (d("999.2"), d("-0.8")));
        let trade = &account.trades[&5];
        assert_eq!((trade.average_close(), trade.closed_ns), (Some(d("1.208")), Some(2)));
        assert_eq!(account.close((8, 3), 5, d("1"), d("1"), ONE), None, "nothing is left of it");
    }

    #[test]
    fn a_loss_costs_more_than_a_gain_brings_when_money_is_converted() {
        let yen = Conversion { gain: d("0.0066"), loss: d("0.0067"), mid: d("0.00665") };
        assert_eq!((yen.realize(d("1000")), yen.realize(d("-1000"))), (d("6.6"), d("-6.7")));
    }
}
