//! What an account of margin can still bind: the venue's last word on it, less what has come since and what may come.
//!
//! Owns the account's free margin and the rate of each instrument. From the venue's word it takes off the margin of fills
//! that the word did not include, and of open orders, as if every one of a side were filled; at the price now, as the venue
//! reckons it. What an order closes binds nothing. Never guesses: without the venue's word, an instrument's rate or a
//! price to convert by, the order is refused. Rounds against the order.

use super::publish::Market;
use crate::guard::{LimitBreach, MarginRoom};
use crate::order::{Exposure, Orders};
use crate::position::{Position, Positions};
use crate::record::money::{divided_down, minus, plus, times, ZERO};
use crate::record::{Fixed, Fixed128, InlineText, Instrument, InstrumentId};
use crate::venue::AccountFact;
use std::collections::VecDeque;

/// Fills between two words of the venue that are kept one by one: more are kept as if they were as new as the newest.
const UNSEEN_KEPT: usize = 64;
/// Money of the account has four decimals (OANDA reference 2).
const MONEY_EXPONENT: i8 = -4;
const ONE: Fixed128 = Fixed128::new(1, 0);

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Credit {
    /// Of the account; empty before it was told.
    currency: InlineText<16>,
    /// Long and short are held together: then the larger side binds margin.
    hedging: bool,
    /// The client's own rate.
    rate: Fixed128,
    /// The venue's last word.
    free: Option<Fixed128>,
    /// The newest transaction that is in it.
    newest: u64,
    /// Transactions that are not in it, and the margin that what they opened binds.
    unseen: VecDeque<(u64, Fixed128)>,
    /// The rate of each instrument.
    rates: Vec<(InstrumentId, Fixed128)>,
}

/// What open orders of an instrument may come to, beyond what its position binds now. Mantissas; negative while they close.
#[derive(Debug, Clone, Copy)]
struct Growth {
    buy: i128,
    sell: i128,
}

impl Growth {
    fn of(exposure: &Exposure, position: &Position, hedging: bool) -> Growth {
        let (long, short) = (i128::from(position.long.units), i128::from(position.short.units));
        let bound = long.max(short);
        // What closes before it opens anything is taken off.
        let beside = |own: i128, other: i128| if hedging { own } else { own.saturating_sub(other) };
        let side = |own, other, open: i64| beside(own, other).saturating_add(open.into()).saturating_sub(bound);
        Growth { buy: side(long, short, exposure.open_buy), sell: side(short, long, exposure.open_sell) }
    }

    /// Units that may come to bind margin: one side or the other, never both.
    fn units(&self) -> i128 {
        self.buy.max(self.sell).max(0)
    }
}

impl Credit {
    pub(super) fn new() -> Credit {
        Credit {
            currency: InlineText::EMPTY,
            hedging: false,
            rate: ZERO,
            free: None,
            newest: 0,
            unseen: VecDeque::with_capacity(UNSEEN_KEPT),
            rates: Vec::new(),
        }
    }

    /// What an instrument binds, per value of it.
    pub(super) fn set_rate(&mut self, id: InstrumentId, rate: Fixed) {
        match self.rates.iter_mut().find(|(of, _)| *of == id) {
            Some((_, known)) => *known = rate.into(),
            None => self.rates.push((id, rate.into())),
        }
    }

    /// The venue's word.
    pub(super) fn stated(&mut self, fact: &AccountFact) {
        if !fact.currency.is_empty() {
            self.currency = fact.currency;
        }
        self.hedging = fact.hedging.unwrap_or(self.hedging);
        self.rate = fact.margin_rate.unwrap_or(self.rate);
        // An answer that another one has overtaken would bring back what is bound since.
        let Some(free) = fact.margin_available.filter(|_| fact.last_transaction >= self.newest) else { return };
        (self.free, self.newest) = (Some(free), fact.last_transaction);
        while self.unseen.front().is_some_and(|(transaction, _)| *transaction <= self.newest) {
            self.unseen.pop_front();
        }
    }

    /// A fill opened a trade: that binds margin, which the venue's word may not include yet. Trades are numbered as the
    /// transactions that opened them.
    pub(super) fn opened(&mut self, trade_id: u64, id: InstrumentId, units: i64, market: &Market) {
        if trade_id <= self.newest {
            return;
        }
        // Where nobody can tell what it binds, it may be all that was free.
        let binds = self.binds(id, units.into(), market).ok().or(self.free).unwrap_or(ZERO);
        if self.unseen.len() < UNSEEN_KEPT {
            return self.unseen.push_back((trade_id, binds));
        }
        if let Some((transaction, sum)) = self.unseen.back_mut() {
            (*transaction, *sum) = (trade_id, plus(*sum, binds).unwrap_or(*sum));
        }
    }

    /// What a new order in an instrument could bind; `ours` is what is open of it without that order.
    pub(super) fn room(
        &self,
        instrument: InstrumentId,
        ours: &Exposure,
        market: &Market,
        orders: &Orders,
        positions: &Positions,
    ) -> Result<MarginRoom, LimitBreach> {
        if !ours.position_known {
            return Err(LimitBreach::PositionUnknown);
        }
        let growth = |id, exposure: &Exposure| {
            let position = positions.get(id).copied().unwrap_or_default();
            Growth::of(exposure, &position, self.hedging)
        };
        let mut free = self.free.ok_or(LimitBreach::BalanceUnknown)?;
        let mut take = |binds: Fixed128| minus(free, binds).map(|left| free = left).ok_or(LimitBreach::Margin);
        for (_, binds) in &self.unseen {
            take(*binds)?;
        }
        let own = growth(instrument, ours);
        for (id, _) in &self.rates {
            let units = match *id == instrument {
                true => own.units(),
                false => growth(*id, &orders.exposure(*id)).units(),
            };
            if units > 0 {
                take(self.binds(*id, units, market)?)?;
            }
        }
        let unit = self.unit(instrument, market)?;
        let more = times(free, unit.below).and_then(|free| divided_down(free, unit.above, 0));
        let more = more.ok_or(LimitBreach::Margin)?.mantissa().max(0);
        // Up to what the other side may come to, one side binds nothing more.
        let side = |growth: i128| own.units().saturating_sub(growth).saturating_add(more);
        Ok(MarginRoom { buy: side(own.buy), sell: side(own.sell) })
    }

    /// What so many units bind, account currency.
    fn binds(&self, id: InstrumentId, units: i128, market: &Market) -> Result<Fixed128, LimitBreach> {
        let unit = self.unit(id, market)?;
        // Less than nothing is cut to what is lower still, so never too little is bound.
        let owed = times(Fixed128::new(units.saturating_neg(), 0), unit.above);
        let owed = owed.and_then(|owed| divided_down(owed, unit.below, MONEY_EXPONENT)).ok_or(LimitBreach::Margin)?;
        Ok(Fixed128::new(owed.mantissa().saturating_neg(), owed.exponent()))
    }

    /// What one unit of the size's mantissa binds, at the price it is bought for now.
    fn unit(&self, id: InstrumentId, market: &Market) -> Result<Unit, LimitBreach> {
        let traded = market.get(id).ok_or(LimitBreach::NoBook)?;
        let Instrument { listing, price_exponent, size_exponent, .. } = &traded.instrument;
        let rate = self.rates.iter().find(|(of, _)| *of == id).map_or(ZERO, |(_, rate)| *rate);
        let higher = minus(self.rate, rate).is_some_and(|more| more.mantissa() > 0);
        let rate = if higher { self.rate } else { rate };
        if rate.is_zero() {
            return Err(LimitBreach::BalanceUnknown);
        }
        let [_, ask] = traded.best_prices(&market.pool);
        let value =
            Fixed128::new(ask.ok_or(LimitBreach::NoBook)?.into(), price_exponent.saturating_add(*size_exponent));
        let binds = times(value, rate).ok_or(LimitBreach::Margin)?;
        let home = self.currency.as_str();
        if *listing.quote == *home {
            return Ok(Unit { above: binds, below: ONE });
        }
        if let Some([_, Some(ask)]) = self.pair(&listing.quote, home, market) {
            return Ok(Unit { above: times(binds, ask).ok_or(LimitBreach::Margin)?, below: ONE });
        }
        match self.pair(home, &listing.quote, market) {
            Some([Some(bid), _]) => Ok(Unit { above: binds, below: bid }),
            _ => Err(LimitBreach::NoConversion),
        }
    }

    /// Best bid and ask of a pair of currencies, if there is an instrument of it here.
    fn pair(&self, base: &str, quote: &str, market: &Market) -> Option<[Option<Fixed128>; 2]> {
        let mut known = self.rates.iter().filter_map(|(id, _)| market.get(*id));
        let traded = known.find(|traded| {
            let listing = &traded.instrument.listing;
            *listing.base == *base && *listing.quote == *quote
        })?;
        let exponent = traded.instrument.price_exponent;
        Some(traded.best_prices(&market.pool).map(|price| price.map(|price| Fixed128::new(price.into(), exponent))))
    }
}

/// Account currency for one unit, as a quotient: nothing is lost by dividing before the end.
#[derive(Debug, Clone, Copy)]
struct Unit {
    above: Fixed128,
    /// Positive.
    below: Fixed128,
}

#[cfg(test)]
#[path = "credit_tests.rs"]
mod tests;
