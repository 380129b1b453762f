//! A book snapshot out of a REST reply, slice by slice (Binance.US reference 3, `GET depth`).
//!
//! Owns what must be remembered between two slices of one snapshot. Guarantees that no call tells more than one slice or
//! one budget of kept diffs, that a snapshot older than the diffs that wait tells nothing at all, and that a snapshot
//! which breaks off never counts as a book. Never fetches.

use super::book_sync::SnapshotVerdict;
use super::market_data::{MarketData, Parts};
use super::stream::put_levels;
use crate::codec::json::{ArraySlicer, Plain, Slice};
use crate::record::{BookSide, InstrumentId, UnixNanos};
use crate::venue::fault::{announce, Fault};
use crate::venue::{BookEvent, BookEventKind, Facts};

/// What became of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SnapshotOutcome {
    /// The book is held, the diffs that waited are told.
    Synced,
    /// Older than what waits, or overtaken: it is due again.
    TooOld,
    /// Nobody wants the book any more.
    Unneeded,
    /// Not to be read: it is due again, later.
    Failed,
}

#[derive(Debug)]
enum State {
    Start,
    Taking { parts: Parts, side: BookSide },
    Replaying,
}

/// One snapshot being read.
#[derive(Debug)]
pub(super) struct SnapshotReader {
    instrument: InstrumentId,
    state: State,
}

impl SnapshotReader {
    pub const fn new(instrument: InstrumentId) -> SnapshotReader {
        SnapshotReader { instrument, state: State::Start }
    }

    /// One slice, or one budget of kept diffs. The outcome ends it. The slicer's first two long arrays must be `bids`
    /// and `asks`.
    pub fn step(
        &mut self,
        now: UnixNanos,
        slicer: &mut ArraySlicer,
        plain: &mut Plain,
        data: &mut MarketData,
        facts: &mut impl Facts,
    ) -> Option<SnapshotOutcome> {
        let Some(index) = data.products.find_instrument(self.instrument) else {
            return Some(SnapshotOutcome::Unneeded);
        };
        if matches!(self.state, State::Replaying) {
            return (!data.replay(index, facts)).then_some(SnapshotOutcome::Synced);
        }
        match self.slice(now, index, slicer, plain, data, facts) {
            Ok(outcome) => outcome,
            Err(fault) => {
                announce(&fault, facts);
                if let State::Taking { parts, .. } = &mut self.state {
                    parts.give_up(facts);
                }
                data.snapshot_failed(self.instrument, now);
                Some(SnapshotOutcome::Failed)
            }
        }
    }

    fn slice(
        &mut self,
        now: UnixNanos,
        index: usize,
        slicer: &mut ArraySlicer,
        plain: &mut Plain,
        data: &mut MarketData,
        facts: &mut impl Facts,
    ) -> Result<Option<SnapshotOutcome>, Fault> {
        match slicer.next_slice()? {
            Slice::NeedMore => Err(Fault::Missing { key: "end" }),
            Slice::Head { text, array } => {
                let side = if array == 0 { BookSide::Bid } else { BookSide::Ask };
                if let State::Taking { side: place, .. } = &mut self.state {
                    *place = side;
                    return Ok(None);
                }
                let id = plain.parse(text, |cursor| {
                    let mut fields = cursor.object()?;
                    while let Some(key) = fields.next_key(cursor)? {
                        match key {
                            "lastUpdateId" => return Ok(cursor.u64()?),
                            _ => cursor.skip()?,
                        }
                    }
                    Err(Fault::Missing { key: "lastUpdateId" })
                })?;
                match data.snapshot(now, index, id) {
                    SnapshotVerdict::TooOld => return Ok(Some(SnapshotOutcome::TooOld)),
                    SnapshotVerdict::Unneeded => return Ok(Some(SnapshotOutcome::Unneeded)),
                    SnapshotVerdict::Take => {}
                }
                let parts = Parts::new(BookEvent {
                    instrument: self.instrument,
                    kind: BookEventKind::SnapshotFirst,
                    // It carries none.
                    venue_time: UnixNanos::NONE,
                    sequence: id,
                });
                self.state = State::Taking { parts, side };
                Ok(None)
            }
            Slice::Elements { text, .. } => {
                let exponents = data.products.get(index).map_or((0, 0), |p| (p.price_exponent, p.size_exponent));
                let State::Taking { parts, side } = &mut self.state else { return Err(Fault::Missing { key: "bids" }) };
                plain.parse(text, |cursor| {
                    put_levels(*side, exponents, cursor, |side, price, size| parts.level(side, price, size, facts))
                })?;
                parts.cut(facts);
                Ok(None)
            }
            Slice::End { text } => {
                // Only now is it sure that the reply was JSON to its end.
                plain.parse(text, |cursor| cursor.skip().map_err(Fault::from))?;
                let State::Taking { parts, .. } = &mut self.state else { return Err(Fault::Missing { key: "bids" }) };
                if !data.snapshot_ends(now, index) {
                    parts.give_up(facts);
                    return Ok(Some(SnapshotOutcome::TooOld));
                }
                parts.end(facts);
                self.state = State::Replaying;
                Ok(None)
            }
        }
    }
}
