//! What executions made of the positions, until it is told.
//!
//! Owns the lots of every account. A venue that names its trades feeds them by what it says of these; at the others they are
//! fed by the very records of fills on their way to a strategy, which are exact and come once, whatever told them: a fill of
//! quantity 0 moves nothing, FillDetail neither, and what is flagged REPLAYED is in the balance of the start. Guarantees
//! that a change is told once, with both sides. Allocates only when an instrument becomes known. Decides nothing.

use super::openings::Openings;
use super::publish::Market;
use crate::order::Orders;
use crate::position::{Execution, Lot, Position, PositionError, Positions};
use crate::record::{
    BookSide, ExecutionKind, ExecutionRecord, InlineText, Instrument, InstrumentId, PerVenue, Side, UnixNanos, Venue,
    EXECUTION_FLAG_DERIVED, EXECUTION_FLAG_LAST, EXECUTION_FLAG_REPLAYED,
};
use std::collections::VecDeque;

/// Said of a position whose profit cannot be told: nobody has subscribed to its book, a side is empty, or nobody said what
/// it cost.
pub(super) const NO_PRICE: &str = "no price";
/// Positions that change in one call before their list takes more memory.
const UNTOLD_KEPT: usize = 64;

/// A position that changed, and is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Untold {
    venue: Venue,
    instrument: InstrumentId,
    /// The venue's time of the change.
    time: UnixNanos,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Portfolio {
    positions: PerVenue<Positions>,
    untold: VecDeque<Untold>,
    /// Where those of spot venues begin.
    pub(super) openings: Openings,
}

impl Portfolio {
    /// Listings may lag by so much, ms.
    pub(super) fn new(lag_ms: u64) -> Portfolio {
        let positions = PerVenue::new(|_| Positions::default());
        Portfolio { positions, untold: VecDeque::with_capacity(UNTOLD_KEPT), openings: Openings::new(lag_ms) }
    }

    /// Keeps the position of an instrument.
    pub(super) fn know(&mut self, instrument: &Instrument) {
        let venue = instrument.listing.venue;
        self.positions.get_mut(venue).know(instrument.id, instrument.exponents());
        if !names_trades(venue) {
            self.openings.know(venue, instrument.id);
        }
    }

    pub(super) const fn of(&self, venue: Venue) -> &Positions {
        self.positions.get(venue)
    }

    pub(super) fn of_mut(&mut self, venue: Venue) -> &mut Positions {
        self.positions.get_mut(venue)
    }

    /// A position has changed.
    pub(super) fn changed(&mut self, venue: Venue, instrument: InstrumentId, time: UnixNanos) {
        match self.untold.iter_mut().find(|untold| untold.instrument == instrument) {
            Some(untold) => untold.time = time,
            None => self.untold.push_back(Untold { venue, instrument, time }),
        }
    }

    pub(super) fn has_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    /// A record on its way to a strategy: a fill moves what is held, where the venue does not say itself what it moves.
    ///
    /// # Errors
    /// [`PositionError`]; the position is doubtful, and is told so.
    pub(super) fn moved(&mut self, record: &ExecutionRecord) -> Result<(), PositionError> {
        let ExecutionRecord { venue, instrument, side, last_quantity, last_price, .. } = *record;
        self.openings.moved(record);
        let replayed = record.has(EXECUTION_FLAG_REPLAYED);
        if record.kind != ExecutionKind::Fill || replayed || names_trades(venue) {
            return Ok(());
        }
        let positions = self.positions.get_mut(venue);
        if last_quantity == 0 {
            // It makes up for a value that was left out.
            if last_price != 0 && positions.price(instrument, side, last_price)? {
                self.changed(venue, instrument, record.venue_time);
            }
            return Ok(());
        }
        let value = Some(record.value()).filter(|value| last_price != 0 || !value.is_zero());
        let (quantity, lot) = (last_quantity, Lot::Unnamed);
        let execution = Execution { instrument, side, quantity, value, lot, account_profit: None };
        let executed = positions.execute(&execution);
        self.changed(venue, instrument, record.venue_time);
        executed.map(|_| ())
    }

    /// Both sides of the position that changed first among those not told since; they are told with this.
    pub(super) fn next_changed(
        &mut self,
        now: UnixNanos,
        market: &Market,
        orders: &Orders,
    ) -> Option<[ExecutionRecord; 2]> {
        while let Some(changed) = self.untold.pop_front() {
            if let Some(sides) = self.sides(now, market, orders, changed) {
                return Some(sides);
            }
        }
        None
    }

    /// Every position that was ever anything, as it stands, both sides of each as one event.
    pub(super) fn all<'a>(
        &'a self,
        now: UnixNanos,
        market: &'a Market,
        orders: &'a Orders,
    ) -> impl Iterator<Item = ExecutionRecord> + 'a {
        let kept = self.positions.iter().flat_map(|(venue, positions)| positions.iter().map(move |kept| (venue, kept)));
        let told = kept.filter_map(move |(venue, (instrument, position))| {
            let something = position.touched || orders.exposure(instrument).position != 0;
            let as_it_is = Untold { venue, instrument, time: UnixNanos::NONE };
            let [long, short] = something.then(|| self.sides(now, market, orders, as_it_is)).flatten()?;
            Some([long, ExecutionRecord { flags: short.flags | EXECUTION_FLAG_LAST, ..short }])
        });
        told.flatten()
    }

    /// Both sides of what is held, as counted from executions.
    fn sides(
        &self,
        now: UnixNanos,
        market: &Market,
        orders: &Orders,
        Untold { venue, instrument, time }: Untold,
    ) -> Option<[ExecutionRecord; 2]> {
        let (position, traded) = (self.of(venue).get(instrument)?, market.get(instrument)?);
        let best = |side| traded.book.best(&market.pool, side).map(|(price, _)| price);
        let closes_at = [best(BookSide::Bid), best(BookSide::Ask)];
        let mut common = ExecutionRecord::new(ExecutionKind::Position, venue, instrument);
        (common.recv, common.venue_time) = (now, time);
        (common.price_exponent, common.size_exponent) = (position.price_exponent, position.size_exponent);
        common.cumulative_quantity = match names_trades(venue) {
            true => position.net_units(),
            // With what was held before the first of our fills: what the position limit counts.
            false => orders.exposure(instrument).position,
        };
        (common.value, common.value_exponent) = (position.realised, position.value_exponent());
        (common.fee_asset, common.fee_exponent) = (traded.instrument.quote, position.value_exponent());
        let begun = names_trades(venue) || orders.exposure(instrument).position_known;
        if position.inexact || position.doubtful || !begun {
            common.flags = EXECUTION_FLAG_DERIVED;
        }
        let [bid, ask] = closes_at;
        Some([one_side(common, position, Side::Buy, bid), one_side(common, position, Side::Sell, ask)])
    }
}

/// One side, which would be closed at this price.
fn one_side(common: ExecutionRecord, position: &Position, side: Side, closes_at: Option<i64>) -> ExecutionRecord {
    let holding = position.side(side);
    let mut record = ExecutionRecord { side, last_quantity: holding.units, ..common };
    if holding.units == 0 {
        return record;
    }
    let (price, exact) = holding.average_price().unwrap_or((0, false));
    record.last_price = price;
    if !exact {
        record.flags |= EXECUTION_FLAG_DERIVED;
    }
    match closes_at.and_then(|price| holding.unrealised(side, price)) {
        Some(unrealised) => record.fee = unrealised,
        None => record.venue_code = InlineText::truncated(NO_PRICE),
    }
    record
}

/// Whether a venue says of every execution which trade it opened or closed.
pub(super) const fn names_trades(venue: Venue) -> bool {
    match venue {
        Venue::Oanda => true,
        Venue::Coinbase | Venue::BinanceUs => false,
    }
}
