//! One book event on its way to the engine, in parts of at most [`LEVELS_PER_CALL_MAX`] levels.
//!
//! Owns the event that is open. Guarantees that its last level is told by [`OpenBook::close`] only: a snapshot lists its
//! sides in two arrays with its time behind both (Coinbase reference 8), so nobody knows before the message ends which
//! level is the last, or at what time it was. Never parses.

use crate::record::{BookSide, InstrumentId, UnixNanos};
use crate::venue::{BookEvent, BookEventKind, Facts, LEVELS_PER_CALL_MAX};

/// A book event being told.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenBook {
    /// Index of the product.
    pub index: usize,
    pub exponents: (i8, i8),
    instrument: InstrumentId,
    /// Of the next part.
    kind: BookEventKind,
    /// Levels in the part begun; `None` between parts.
    part_levels: Option<usize>,
    held_back: Option<(BookSide, i64, i64)>,
}

impl OpenBook {
    pub fn new(index: usize, instrument: InstrumentId, exponents: (i8, i8), snapshot: bool) -> OpenBook {
        let kind = if snapshot { BookEventKind::SnapshotFirst } else { BookEventKind::Update };
        OpenBook { index, exponents, instrument, kind, part_levels: None, held_back: None }
    }

    /// Whether a part is begun.
    pub fn begun(&self) -> bool {
        self.part_levels.is_some()
    }

    /// Takes the next level and tells the one before it.
    #[inline]
    pub fn level(&mut self, side: BookSide, price: i64, size: i64, time: UnixNanos, facts: &mut impl Facts) {
        if let Some(before) = self.held_back.replace((side, price, size)) {
            self.tell(before, time, facts);
        }
    }

    /// Ends the part begun, more to follow.
    pub fn cut(&mut self, facts: &mut impl Facts) {
        if self.part_levels.take().is_some() {
            facts.book_end(false);
        }
    }

    /// The message is complete: tells its last level and ends the event.
    #[inline]
    pub fn close(mut self, time: UnixNanos, facts: &mut impl Facts) {
        match self.held_back.take() {
            Some(last) => self.tell(last, time, facts),
            // Without levels: an empty snapshot still empties the book; a change of nothing is nothing.
            None if self.kind == BookEventKind::SnapshotFirst => self.begin(time, facts),
            None => {}
        }
        if self.begun() {
            facts.book_end(true);
        }
    }

    #[inline]
    fn tell(&mut self, (side, price, size): (BookSide, i64, i64), time: UnixNanos, facts: &mut impl Facts) {
        if self.part_levels.is_some_and(|levels| levels >= LEVELS_PER_CALL_MAX) {
            self.cut(facts);
        }
        if !self.begun() {
            self.begin(time, facts);
        }
        facts.level(side, price, size);
        self.part_levels = self.part_levels.map(|levels| levels.saturating_add(1));
    }

    fn begin(&mut self, venue_time: UnixNanos, facts: &mut impl Facts) {
        // Book messages have no sequence number (Coinbase reference 8).
        facts.book(BookEvent { instrument: self.instrument, kind: self.kind, venue_time, sequence: 0 });
        self.part_levels = Some(0);
        if self.kind == BookEventKind::SnapshotFirst {
            self.kind = BookEventKind::SnapshotMore;
        }
    }
}
