//! The made-up account of a venue that quotes prices and lends: one currency, trades of signed units, and margin.
//!
//! Owns the balance, the trades of every instrument and the last price seen of each. Guarantees exact arithmetic, rounded
//! where the venue rounds (four decimals of money, eight of conversion factors), and that the balance is what it was at
//! the start and every profit and loss realised since. Accounts are netting: what opposes a position closes its oldest
//! trades first (OANDA reference 5). Decides nothing about orders; what one would do is a [`Plan`](plan::Plan), and nothing
//! changes by making it.

pub(super) mod plan;
#[cfg(test)]
mod tests;
mod worth;

use super::config::PaperConfig;
use super::shown::Shown;
use crate::record::money::plus;
use crate::record::{BookSide, Fixed, Fixed128, InlineText, Instrument, InstrumentId, Side, TradingStatus};
use crate::venue::oanda::InstrumentRules;
use std::collections::VecDeque;

/// A trade: what one fill opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trade {
    /// The number of the fill that opened it.
    pub(super) id: u64,
    /// Units left of it, mantissa at the size exponent; negative if sold.
    pub(super) units: i64,
    /// Mantissa at the price exponent.
    pub(super) price: i64,
}

/// A part of a trade that was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) trade: u64,
    /// Positive, mantissa at the size exponent.
    pub(super) units: i64,
    /// Account currency.
    pub(super) profit: Fixed128,
    /// Nothing of the trade is left.
    pub(super) whole: bool,
}

/// An instrument the venue quotes.
#[derive(Debug)]
pub(super) struct Quoted {
    pub(super) base: InlineText<16>,
    pub(super) quote: InlineText<16>,
    pub(super) price_exponent: i8,
    pub(super) size_exponent: i8,
    /// Mantissas: increment of prices, increment of units, least units of an order.
    pub(super) tick: i64,
    pub(super) lot: i64,
    pub(super) least: i64,
    /// Margin per value.
    pub(super) margin_rate: Fixed,
    /// Most units of a position, mantissa; 0: no limit.
    pub(super) position_max: i64,
    pub(super) tradeable: bool,
    /// The last best prices; 0 before the first.
    pub(super) bid: i64,
    pub(super) ask: i64,
    /// Oldest first; all of one sign.
    pub(super) trades: VecDeque<Trade>,
}

impl Quoted {
    /// Signed units held.
    pub(super) fn net(&self) -> i64 {
        self.trades.iter().fold(0i64, |sum, trade| sum.saturating_add(trade.units))
    }

    /// Units an order of `side` would close before it opens anything.
    pub(super) fn against(&self, side: Side) -> i64 {
        match (side, self.net()) {
            (Side::Buy, net) if net < 0 => net.saturating_neg(),
            (Side::Sell, net) if net > 0 => net,
            _ => 0,
        }
    }

    /// The best price for whoever takes on this side; the last one if nothing is offered now.
    pub(super) const fn best(&self, taker: Side) -> i64 {
        match taker {
            Side::Buy => self.ask,
            Side::Sell => self.bid,
        }
    }

    /// Both prices were seen.
    pub(super) const fn is_priced(&self) -> bool {
        self.bid > 0 && self.ask > 0
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct MarginAccount {
    pub(super) currency: InlineText<16>,
    pub(super) balance: Fixed128,
    /// Least margin per value, whatever the instrument's own.
    pub(super) rate: Fixed,
    /// What converting a profit or loss costs, as a fraction of the rate.
    conversion_cost: Fixed,
    quoted: Vec<Option<Box<Quoted>>>,
    /// The parts of the fill at hand.
    pub(super) closed: Vec<Closed>,
    /// Something was executed that the figures have not told.
    pub(super) changed: bool,
}

impl MarginAccount {
    pub(super) fn new(config: &PaperConfig) -> MarginAccount {
        let usual = (InlineText::truncated(super::config::CURRENCY), Fixed128::default());
        let (currency, balance) = config.balances.first().copied().unwrap_or(usual);
        MarginAccount {
            currency,
            balance,
            rate: config.margin_rate,
            conversion_cost: config.conversion_cost,
            quoted: Vec::new(),
            closed: Vec::new(),
            changed: false,
        }
    }

    /// An instrument, or its new metadata.
    pub(super) fn know(&mut self, instrument: &Instrument) {
        let index = instrument.id.index();
        if self.quoted.len() <= index {
            self.quoted.resize_with(index.saturating_add(1), || None);
        }
        let Some(place) = self.quoted.get_mut(index) else { return };
        let (tick, lot) = (instrument.tick_mantissa().max(1), instrument.lot_mantissa().max(1));
        let least = instrument.size_min_mantissa();
        if let Some(known) = place {
            (known.tick, known.lot, known.least) = (tick, lot, least);
            return;
        }
        let (price_exponent, size_exponent) = instrument.exponents();
        *place = Some(Box::new(Quoted {
            base: InlineText::truncated(&instrument.listing.base),
            quote: InlineText::truncated(&instrument.listing.quote),
            price_exponent,
            size_exponent,
            tick,
            lot,
            least,
            margin_rate: Fixed::new(0, 0),
            position_max: 0,
            tradeable: !matches!(instrument.listing.status, TradingStatus::Halted),
            bid: 0,
            ask: 0,
            trades: VecDeque::new(),
        }));
    }

    /// The account's own rules of an instrument.
    pub(super) fn set_rules(&mut self, id: InstrumentId, rules: &InstrumentRules) {
        let Some(quoted) = self.get_mut(id) else { return };
        quoted.margin_rate = rules.margin_rate;
        // One that does not fit could not be reached either.
        quoted.position_max = rules.position_max.rescale(quoted.size_exponent).unwrap_or(0);
    }

    pub(super) fn get(&self, id: InstrumentId) -> Option<&Quoted> {
        self.quoted.get(id.index())?.as_deref()
    }

    pub(super) fn get_mut(&mut self, id: InstrumentId) -> Option<&mut Quoted> {
        self.quoted.get_mut(id.index())?.as_deref_mut()
    }

    fn all(&self) -> impl Iterator<Item = &Quoted> {
        self.quoted.iter().filter_map(Option::as_deref)
    }

    /// A new price.
    pub(super) fn priced(&mut self, id: InstrumentId, shown: Shown<'_>) {
        let best = |side| shown.levels(side).next().map(|(price, _)| price);
        let (bid, ask) = (best(BookSide::Bid), best(BookSide::Ask));
        if let Some(quoted) = self.get_mut(id) {
            (quoted.bid, quoted.ask) = (bid.unwrap_or(quoted.bid), ask.unwrap_or(quoted.ask));
        }
    }

    /// Closes so many units of what opposes `side`, the oldest trades first, or those of one trade only; each part that
    /// was closed goes into `parts`. `None`, and nothing is closed, if a profit cannot be counted.
    pub(super) fn close(
        &mut self,
        id: InstrumentId,
        only: Option<u64>,
        (units, price): (i64, i64),
        parts: &mut Vec<Closed>,
    ) -> Option<()> {
        parts.clear();
        let quoted = self.get(id)?;
        let conversion = self.conversion(quoted);
        let (mut left, mut balance) = (units, self.balance);
        for trade in quoted.trades.iter().filter(|trade| only.is_none_or(|only| trade.id == only)) {
            let held = trade.units.saturating_abs();
            let closed = held.min(left);
            if closed <= 0 {
                break;
            }
            let signed = if trade.units < 0 { closed.saturating_neg() } else { closed };
            let profit = conversion?.profit(quoted, (trade.price, price), signed)?;
            balance = plus(balance, profit)?;
            left = left.saturating_sub(closed);
            parts.push(Closed { trade: trade.id, units: closed, profit, whole: closed == held });
        }
        self.balance = balance;
        let quoted = self.get_mut(id)?;
        for part in parts.iter() {
            let Some(trade) = quoted.trades.iter_mut().find(|trade| trade.id == part.trade) else { continue };
            trade.units = match trade.units {
                units if units < 0 => units.saturating_add(part.units),
                units => units.saturating_sub(part.units),
            };
        }
        quoted.trades.retain(|trade| trade.units != 0);
        Some(())
    }

    /// Opens a trade.
    pub(super) fn open(&mut self, id: InstrumentId, trade: Trade) {
        if let Some(quoted) = self.get_mut(id) {
            quoted.trades.push_back(trade);
        }
    }
}
