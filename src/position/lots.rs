//! The open lots of one side of one instrument, oldest first.

use super::{PositionError, LOTS_AT_START, LOTS_MAX};
use std::collections::VecDeque;

/// Units and what they cost, to the last digit, however they are parted: each but the last unit taken costs `price`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bulk {
    pub units: i64,
    /// The average, cut towards zero; 0 if it was not told.
    price: i64,
    /// What all of them cost beyond price times units.
    rest: i64,
    /// Units whose cost was not told.
    pub unpriced: i64,
}

impl Bulk {
    /// Units that cost this much in all; nothing is known of it if `None`.
    pub fn new(units: i64, cost: Option<i128>) -> Result<Bulk, PositionError> {
        let Some(cost) = cost else { return Ok(Bulk { units, unpriced: units, ..Bulk::default() }) };
        let of = |part: Option<i128>| part.and_then(|part| i64::try_from(part).ok()).ok_or(PositionError::Overflow);
        let (price, rest) = (of(cost.checked_div(units.into()))?, of(cost.checked_rem(units.into()))?);
        Ok(Bulk { units, price, rest, unpriced: 0 })
    }

    /// What they cost, as far as it was told.
    pub fn cost(&self) -> i128 {
        let priced = self.units.saturating_sub(self.unpriced);
        // Two 64-bit numbers always fit 128 bits.
        i128::from(self.price).saturating_mul(priced.into()).saturating_add(self.rest.into())
    }

    /// Takes up to so many units.
    pub fn take(&mut self, units: i64) -> Bulk {
        if units >= self.units {
            return std::mem::take(self);
        }
        let unpriced = self.unpriced.min(units);
        let taken = Bulk { units, price: self.price, rest: 0, unpriced };
        self.units = self.units.saturating_sub(units);
        self.unpriced = self.unpriced.saturating_sub(unpriced);
        taken
    }

    /// Both together, at their average.
    fn with(&self, other: &Bulk) -> Result<Bulk, PositionError> {
        let overflow = PositionError::Overflow;
        let units = self.units.checked_add(other.units).ok_or(overflow)?;
        let unpriced = self.unpriced.saturating_add(other.unpriced);
        let priced = units.saturating_sub(unpriced);
        if priced <= 0 {
            return Bulk::new(units, None);
        }
        let cost = self.cost().checked_add(other.cost()).ok_or(overflow)?;
        Ok(Bulk { units, unpriced, ..Bulk::new(priced, Some(cost))? })
    }

    /// Units whose cost was not told cost this much each. What that adds.
    fn price_at(&mut self, price: i64) -> Result<i128, PositionError> {
        if self.unpriced == 0 {
            return Ok(0);
        }
        let before = self.cost();
        let added = i128::from(price).saturating_mul(self.unpriced.into());
        *self = Bulk::new(self.units, Some(before.checked_add(added).ok_or(PositionError::Overflow)?))?;
        Ok(added)
    }
}

#[derive(Debug, Clone, Copy)]
struct Lot {
    /// The venue's number; 0 if it has none.
    trade: u64,
    bulk: Bulk,
}

/// Guarantees that no lot is empty.
#[derive(Debug)]
pub(super) struct Lots(VecDeque<Lot>);

impl Lots {
    pub fn new() -> Lots {
        Lots(VecDeque::with_capacity(LOTS_AT_START))
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds a lot. One that has no name joins the newest if they cost the same, and whatever they cost once there are
    /// [`LOTS_AT_START`]: a venue that keeps no trades makes one with every fill, and none may take memory then.
    pub fn push(&mut self, trade: u64, bulk: Bulk) -> Result<(), PositionError> {
        let full = self.0.len() >= LOTS_AT_START;
        let joins = |lot: &Lot| full || (lot.bulk.price, lot.bulk.unpriced, bulk.unpriced) == (bulk.price, 0, 0);
        if let Some(newest) = self.0.back_mut().filter(|lot| trade == 0 && lot.trade == 0 && joins(lot)) {
            newest.bulk = newest.bulk.with(&bulk)?;
            return Ok(());
        }
        if self.0.len() >= LOTS_MAX {
            return Err(PositionError::TooManyLots);
        }
        self.0.push_back(Lot { trade, bulk });
        Ok(())
    }

    /// Takes up to `units` out of a trade; nothing if it is not held.
    pub fn take_trade(&mut self, trade: u64, units: i64) -> Bulk {
        match self.0.iter().position(|lot| lot.trade == trade) {
            Some(at) => self.take(at, units),
            None => Bulk::default(),
        }
    }

    /// Takes up to `units` out of the oldest lot; nothing if there is none.
    pub fn take_oldest(&mut self, units: i64) -> Bulk {
        self.take(0, units)
    }

    /// As [`Bulk::price_at`], of all.
    pub fn price_at(&mut self, price: i64) -> Result<i128, PositionError> {
        self.0.iter_mut().try_fold(0_i128, |sum, lot| Ok(sum.saturating_add(lot.bulk.price_at(price)?)))
    }

    fn take(&mut self, at: usize, units: i64) -> Bulk {
        let Some(lot) = self.0.get_mut(at) else { return Bulk::default() };
        let taken = lot.bulk.take(units);
        if lot.bulk.units == 0 {
            self.0.remove(at);
        }
        taken
    }
}
