//! Positions: what is held of each instrument, at what price, and what was earned on it.
//!
//! Owns the lots of every instrument: a venue that keeps trades names them, any other is reckoned first in, first out. It
//! is fed by executions and by pictures of what is held, and guarantees exactness: units, cost and profit are integers
//! at the instrument's own exponents, an average is a quotient that is cut only where somebody asks for its digits; what
//! was not told, or told finer than that, is said to be so. On a netting account one side is flat at any time; on a hedging
//! one both may be held. An execution that contradicts what is held is a typed error, and the position is doubtful until it
//! is restored. Executions of a venue that names no trades take no memory. Never asks, never judges prices, reads no clock.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::record::{Fixed128, InstrumentId, Side};

mod lots;
#[cfg(test)]
mod tests;

use lots::{Bulk, Lots};

/// Instruments positions are kept of.
pub const INSTRUMENTS_MAX: usize = 4_096;
/// Lots of one side of one instrument; a venue that keeps trades allows about as many in a whole account.
pub const LOTS_MAX: usize = 1_024;
/// Room for lots made when an instrument becomes known. Past it lots without a name join the newest, at their average; with
/// names a side grows, at most to [`LOTS_MAX`].
pub const LOTS_AT_START: usize = 128;

/// How opposite executions meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Accounting {
    /// They reduce what is held before they open anything.
    #[default]
    Netting,
    /// They open unless they say what they close.
    Hedging,
}

/// Which lot an execution concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lot {
    /// The venue does not say: the oldest of the other side on a netting account, a new one on a hedging account.
    Unnamed,
    /// Opens this trade.
    Opens(u64),
    /// Closes this trade, wholly or in part.
    Closes(u64),
}

/// One execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execution {
    /// Whose.
    pub instrument: InstrumentId,
    /// Bought or sold.
    pub side: Side,
    /// How much, mantissa at the size exponent; positive.
    pub quantity: i64,
    /// What all of it came to in quote currency; `None` if the venue did not say.
    pub value: Option<Fixed128>,
    /// Against which lot.
    pub lot: Lot,
    /// Profit realised by it in the account's currency, as the venue reckons it.
    pub account_profit: Option<Fixed128>,
}

/// Why an execution did not fit; the position is doubtful from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PositionError {
    /// [`Positions::know`] was not called for it.
    #[error("no positions are kept of instrument {}", .0.0)]
    UnknownInstrument(InstrumentId),
    /// Zero or negative.
    #[error("an execution of {0} units")]
    Quantity(i64),
    /// It closes more than is held.
    #[error("{missing} units were closed that were not held")]
    NothingToClose {
        /// Units for which there was no lot.
        missing: i64,
    },
    /// More lots than are kept.
    #[error("more than {LOTS_MAX} open lots on one side")]
    TooManyLots,
    /// A sum beyond its type.
    #[error("a position beyond all numbers")]
    Overflow,
}

/// One side of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holding {
    /// Units held, mantissa at the size exponent; never negative.
    pub units: i64,
    /// What they cost: the sum of price times units, at the sum of both exponents.
    pub cost: i128,
    /// Those of which nobody said what they cost; they are in `units`, and not in `cost`.
    pub unpriced: i64,
}

impl Holding {
    /// The average price as a mantissa at the price exponent, cut towards zero, and whether nothing was cut. `None` if
    /// flat, or if nobody said what some of it cost.
    pub fn average_price(&self) -> Option<(i64, bool)> {
        if self.unpriced > 0 {
            return None;
        }
        let units = i128::from(self.units);
        let price = i64::try_from(self.cost.checked_div(units)?).ok()?;
        Some((price, self.cost.checked_rem(units)? == 0))
    }
}

impl Holding {
    /// Profit not realised yet if this side were closed at `price`, at the sum of both exponents; `None` if it is beyond
    /// all numbers, or if nobody said what some of it cost.
    pub const fn unrealised(&self, side: Side, price: i64) -> Option<i128> {
        if self.unpriced > 0 {
            return None;
        }
        match side {
            Side::Buy => value(price, self.units).checked_sub(self.cost),
            Side::Sell => self.cost.checked_sub(value(price, self.units)),
        }
    }
}

/// What is held of one instrument, and what was earned on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Bought.
    pub long: Holding,
    /// Sold.
    pub short: Holding,
    /// Profit realised in quote currency since the start, at [`Position::value_exponent`].
    pub realised: i128,
    /// Profit realised in the account's currency since the start, as far as the venue said it.
    pub account_realised: Fixed128,
    /// Power of ten of prices.
    pub price_exponent: i8,
    /// Power of ten of units.
    pub size_exponent: i8,
    /// An execution contradicted what was held: restore it.
    pub doubtful: bool,
    /// Digits of what an execution came to were cut, or profit was realised on one that nobody priced: costs and profits are
    /// not exact.
    pub inexact: bool,
    /// Something was executed, or restored.
    pub touched: bool,
}

impl Position {
    /// One side.
    pub const fn side(&self, side: Side) -> Holding {
        match side {
            Side::Buy => self.long,
            Side::Sell => self.short,
        }
    }

    /// Long units less short units, mantissa at the size exponent.
    pub const fn net_units(&self) -> i64 {
        self.long.units.saturating_sub(self.short.units)
    }

    /// Power of ten of costs and profits.
    pub const fn value_exponent(&self) -> i8 {
        self.price_exponent.saturating_add(self.size_exponent)
    }

    /// Profit realised in quote currency, exact.
    pub const fn realised_profit(&self) -> Fixed128 {
        Fixed128::new(self.realised, self.value_exponent())
    }

    /// Profit not realised yet in quote currency, exact, if longs were closed at `bid` and shorts at `ask` (mantissas at
    /// the price exponent); `None` if it is beyond all numbers.
    pub fn unrealised_profit(&self, bid: i64, ask: i64) -> Option<Fixed128> {
        let (long, short) = (self.long.unrealised(Side::Buy, bid)?, self.short.unrealised(Side::Sell, ask)?);
        Some(Fixed128::new(long.checked_add(short)?, self.value_exponent()))
    }
}

/// Price times units: two 64-bit numbers always fit 128 bits.
const fn value(price: i64, units: i64) -> i128 {
    (price as i128).saturating_mul(units as i128)
}

#[derive(Debug)]
struct Kept {
    position: Position,
    long: Lots,
    short: Lots,
}

/// See the module's documentation. One per account.
#[derive(Debug, Default)]
pub struct Positions {
    accounting: Accounting,
    kept: Vec<Option<Box<Kept>>>,
}

impl Positions {
    /// Nothing held.
    pub fn new(accounting: Accounting) -> Positions {
        Positions { accounting, kept: Vec::new() }
    }

    /// How the account meets opposite executions: told by the venue, before the first of them.
    pub fn account(&mut self, accounting: Accounting) {
        self.accounting = accounting;
    }

    /// Keeps positions of an instrument with these exponents. False past [`INSTRUMENTS_MAX`].
    pub fn know(&mut self, instrument: InstrumentId, (price_exponent, size_exponent): (i8, i8)) -> bool {
        let index = instrument.index();
        if index >= INSTRUMENTS_MAX {
            return false;
        }
        if self.kept.len() <= index {
            self.kept.resize_with(index.saturating_add(1), || None);
        }
        let Some(place) = self.kept.get_mut(index) else { return false };
        if place.is_none() {
            let position = Position { price_exponent, size_exponent, ..Position::default() };
            *place = Some(Box::new(Kept { position, long: Lots::new(), short: Lots::new() }));
        }
        true
    }

    /// What is held of an instrument; `None` if it is not known.
    pub fn get(&self, instrument: InstrumentId) -> Option<&Position> {
        self.kept.get(instrument.index())?.as_ref().map(|kept| &kept.position)
    }

    /// All positions, flat ones too, in the order of their instruments.
    pub fn iter(&self) -> impl Iterator<Item = (InstrumentId, &Position)> {
        let numbered = self.kept.iter().zip(0_u32..);
        numbered.filter_map(|(kept, id)| Some((InstrumentId(id), &kept.as_ref()?.position)))
    }

    /// Everything held is forgotten, to be restored from a picture; what was realised stays.
    pub fn clear(&mut self) {
        for kept in self.kept.iter_mut().flatten() {
            kept.clear();
        }
    }

    /// The same for one instrument.
    pub fn clear_of(&mut self, instrument: InstrumentId) {
        if let Some(kept) = self.kept.get_mut(instrument.index()).and_then(Option::as_mut) {
            kept.clear();
        }
    }

    /// A lot that is held already: from a picture of the account.
    ///
    /// # Errors
    /// [`PositionError`].
    pub fn restore(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        trade: u64,
        units: i64,
        price: i64,
    ) -> Result<(), PositionError> {
        self.with(instrument, |kept| {
            positive(units)?;
            kept.position.touched = true;
            kept.open(side, trade, Bulk::new(units, Some(value(price, units)))?)
        })
    }

    /// Books an execution; what is held now.
    ///
    /// # Errors
    /// [`PositionError`]; what could be booked was, and the position is doubtful.
    pub fn execute(&mut self, execution: &Execution) -> Result<Position, PositionError> {
        let Execution { instrument, side, quantity, value, lot, account_profit } = *execution;
        let accounting = self.accounting;
        self.with(instrument, |kept| {
            positive(quantity)?;
            kept.position.touched = true;
            if let Some(profit) = account_profit {
                kept.add_account_profit(profit)?;
            }
            let value = value.map(|value| kept.at_value_exponent(value)).transpose()?;
            let mut bulk = Bulk::new(quantity, value)?;
            match lot {
                Lot::Opens(trade) => kept.open(side, trade, bulk),
                Lot::Closes(trade) => kept.close_trade(side.opposite(), trade, bulk),
                Lot::Unnamed if accounting == Accounting::Hedging => kept.open(side, 0, bulk),
                Lot::Unnamed => {
                    kept.close_oldest(side.opposite(), &mut bulk)?;
                    match bulk.units {
                        0 => Ok(()),
                        _ => kept.open(side, 0, bulk),
                    }
                }
            }
        })?;
        self.get(instrument).copied().ok_or(PositionError::UnknownInstrument(instrument))
    }

    /// What the units of a side cost of which nobody had said it: each this price, which may be cut. Whether there were any.
    ///
    /// # Errors
    /// [`PositionError`]; the position is doubtful.
    pub fn price(&mut self, instrument: InstrumentId, side: Side, price: i64) -> Result<bool, PositionError> {
        let mut any = false;
        self.with(instrument, |kept| {
            let (lots, holding, _) = kept.parts(side);
            any = holding.unpriced > 0;
            if any {
                holding.cost = holding.cost.checked_add(lots.price_at(price)?).ok_or(PositionError::Overflow)?;
                (holding.unpriced, kept.position.inexact) = (0, true);
            }
            Ok(())
        })?;
        Ok(any)
    }

    fn with(
        &mut self,
        instrument: InstrumentId,
        change: impl FnOnce(&mut Kept) -> Result<(), PositionError>,
    ) -> Result<(), PositionError> {
        let kept = self.kept.get_mut(instrument.index()).and_then(Option::as_mut);
        let kept = kept.ok_or(PositionError::UnknownInstrument(instrument))?;
        let changed = change(kept);
        kept.position.doubtful |= changed.is_err();
        changed
    }
}

fn positive(units: i64) -> Result<(), PositionError> {
    match units {
        1.. => Ok(()),
        other => Err(PositionError::Quantity(other)),
    }
}

impl Kept {
    fn clear(&mut self) {
        self.long.clear();
        self.short.clear();
        (self.position.long, self.position.short) = (Holding::default(), Holding::default());
        self.position.doubtful = false;
    }

    fn parts(&mut self, side: Side) -> (&mut Lots, &mut Holding, &mut i128) {
        match side {
            Side::Buy => (&mut self.long, &mut self.position.long, &mut self.position.realised),
            Side::Sell => (&mut self.short, &mut self.position.short, &mut self.position.realised),
        }
    }

    /// What something came to, at the exponent of costs; digits too fine for it are cut, and that is noted.
    fn at_value_exponent(&mut self, value: Fixed128) -> Result<i128, PositionError> {
        let exponent = self.position.value_exponent();
        if let Ok(exact) = value.rescale(exponent) {
            return Ok(exact);
        }
        let places = i16::from(exponent).saturating_sub(i16::from(value.exponent()));
        let places = u32::try_from(places).map_err(|_| PositionError::Overflow)?;
        self.position.inexact = true;
        // A power beyond all numbers is above every mantissa.
        Ok(10_i128.checked_pow(places).map_or(0, |power| value.mantissa().checked_div(power).unwrap_or(0)))
    }

    fn open(&mut self, side: Side, trade: u64, bulk: Bulk) -> Result<(), PositionError> {
        let (lots, holding, _) = self.parts(side);
        let units = holding.units.checked_add(bulk.units).ok_or(PositionError::Overflow)?;
        let cost = holding.cost.checked_add(bulk.cost()).ok_or(PositionError::Overflow)?;
        let unpriced = holding.unpriced.saturating_add(bulk.unpriced);
        lots.push(trade, bulk)?;
        *holding = Holding { units, cost, unpriced };
        Ok(())
    }

    /// Closes a named trade. One that is not known here was opened before the picture, or is missing from it: then the
    /// oldest goes.
    fn close_trade(&mut self, held: Side, trade: u64, mut bulk: Bulk) -> Result<(), PositionError> {
        self.close(held, &mut bulk, |lots, units| lots.take_trade(trade, units))?;
        self.close_oldest(held, &mut bulk)?;
        match bulk.units {
            0 => Ok(()),
            missing => Err(PositionError::NothingToClose { missing }),
        }
    }

    /// Closes the oldest lots of a side; what is left in `bulk` is that for which there was none.
    fn close_oldest(&mut self, held: Side, bulk: &mut Bulk) -> Result<(), PositionError> {
        self.close(held, bulk, Lots::take_oldest)
    }

    /// Closes what `take` finds among the lots of the side `held` with as much of `bulk`, as long as it finds anything.
    fn close(
        &mut self,
        held: Side,
        bulk: &mut Bulk,
        take: impl Fn(&mut Lots, i64) -> Bulk,
    ) -> Result<(), PositionError> {
        while bulk.units > 0 {
            let (lots, holding, realised) = self.parts(held);
            let closed = take(lots, bulk.units);
            if closed.units == 0 {
                break;
            }
            let against = bulk.take(closed.units);
            holding.units = holding.units.saturating_sub(closed.units);
            holding.cost = holding.cost.saturating_sub(closed.cost());
            holding.unpriced = holding.unpriced.saturating_sub(closed.unpriced);
            if closed.unpriced > 0 || against.unpriced > 0 {
                self.position.inexact = true;
                continue;
            }
            let profit = match held {
                Side::Buy => against.cost().checked_sub(closed.cost()),
                Side::Sell => closed.cost().checked_sub(against.cost()),
            };
            *realised = profit.and_then(|profit| realised.checked_add(profit)).ok_or(PositionError::Overflow)?;
        }
        Ok(())
    }

    fn add_account_profit(&mut self, profit: Fixed128) -> Result<(), PositionError> {
        let negated = profit.mantissa().checked_neg().ok_or(PositionError::Overflow)?;
        let negated = Fixed128::new(negated, profit.exponent());
        let sum = self.position.account_realised.checked_sub(negated);
        self.position.account_realised = sum.map_err(|_| PositionError::Overflow)?;
        Ok(())
    }
}
