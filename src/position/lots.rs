//! The open lots of one side of one instrument, oldest first.

use super::{Closed, PositionError, LOTS_AT_START, LOTS_MAX};
use std::collections::VecDeque;

#[derive(Debug, Clone, Copy)]
struct Lot {
    /// The venue's number; 0 if it has none.
    trade: u64,
    units: i64,
    price: i64,
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

    pub fn push(&mut self, trade: u64, units: i64, price: i64) -> Result<(), PositionError> {
        // Units at the price of the newest lot need none of their own: a venue without trades opens many of them.
        if let Some(newest) = self.0.back_mut().filter(|lot| trade == 0 && lot.trade == 0 && lot.price == price) {
            newest.units = newest.units.checked_add(units).ok_or(PositionError::Overflow)?;
            return Ok(());
        }
        if self.0.len() >= LOTS_MAX {
            return Err(PositionError::TooManyLots);
        }
        self.0.push_back(Lot { trade, units, price });
        Ok(())
    }

    /// Takes up to `units` out of a trade; nothing if it is not held.
    pub fn take_trade(&mut self, trade: u64, units: i64) -> Closed {
        match self.0.iter().position(|lot| lot.trade == trade) {
            Some(at) => self.take(at, units),
            None => Closed::default(),
        }
    }

    /// Takes up to `units` out of the oldest lot; nothing if there is none.
    pub fn take_oldest(&mut self, units: i64) -> Closed {
        self.take(0, units)
    }

    fn take(&mut self, at: usize, units: i64) -> Closed {
        let Some(lot) = self.0.get_mut(at) else { return Closed::default() };
        let closed = Closed { units: units.min(lot.units), price: lot.price };
        lot.units = lot.units.saturating_sub(closed.units);
        if lot.units == 0 {
            self.0.remove(at);
        }
        closed
    }
}
