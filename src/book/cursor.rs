//! The walk that hands a live book to a slow consumer in instalments. Owns only its place (a side and a price): which
//! levels come next, and whether a live change must be published now or a later instalment will include it. Publishes
//! nothing itself.
//!
//! The consumer discards what it held at the first instalment, applies instalments and published changes in the order
//! they come, and holds exactly the engine's book after the last one, whatever happened between.

use super::order_book::{rank, OrderBook};
use super::pool::BlockPool;
use crate::record::{BookSide, Flags};

/// Levels per instalment: no engine call publishes more than this.
pub const INSTALMENT_LEVELS: usize = 256;

/// One instalment: levels of one side, best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instalment {
    /// Whose levels.
    pub side: BookSide,
    /// How many were written; never 0 unless there was no room at all.
    pub levels: usize,
    /// Nothing was handed over before: the consumer discards what it holds.
    pub first: bool,
    /// The consumer holds the whole book after this one.
    pub last: bool,
}

impl Instalment {
    /// The flags of the record that carries its `index`-th level.
    pub fn flags(&self, index: usize) -> Flags {
        let mut flags = Flags::SNAPSHOT;
        if self.first && index == 0 {
            flags = flags.with(Flags::FIRST);
        }
        if self.last && index.saturating_add(1) == self.levels {
            flags = flags.with(Flags::LAST);
        }
        flags
    }
}

/// How far a book has been handed over: bids from the best, then asks. Start a new one whenever the book itself begins a
/// new snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryCursor {
    place: Place,
    started: bool,
    /// Where the last level was handed over, to close with if nothing is left to say.
    handed: Option<(BookSide, i64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Bids down to this price are handed over.
    Bids(Option<i64>),
    /// All bids, and asks up to this price.
    Asks(Option<i64>),
    Done,
}

impl RecoveryCursor {
    /// Before the best bid.
    pub const fn new() -> RecoveryCursor {
        RecoveryCursor { place: Place::Bids(None), started: false, handed: None }
    }

    /// Whether the consumer must be told of a change to this level now. If not, a later instalment includes it.
    pub fn covers(&self, side: BookSide, price: i64) -> bool {
        let behind = |end: Option<i64>| end.is_some_and(|end| rank(side, price) <= rank(side, end));
        match (self.place, side) {
            (Place::Bids(end), BookSide::Bid) | (Place::Asks(end), BookSide::Ask) => behind(end),
            (Place::Bids(_), BookSide::Ask) => false,
            (Place::Asks(_), BookSide::Bid) | (Place::Done, _) => true,
        }
    }

    /// Whether the last instalment was written.
    pub fn is_done(&self) -> bool {
        self.place == Place::Done
    }

    /// Writes the next levels (price, size) into `out` and moves behind them.
    ///
    /// Every instalment has a level to carry its flags: if none is left to hand over, the last one handed over is
    /// repeated with the size it has now (0 if it went), and an empty book gives the level price 0, size 0. A done
    /// cursor, or an empty `out`, writes nothing.
    pub fn next_instalment(&mut self, book: &OrderBook, pool: &BlockPool, out: &mut [(i64, i64)]) -> Instalment {
        if out.is_empty() || self.is_done() {
            let side = self.handed.map_or(BookSide::Bid, |(side, _)| side);
            return Instalment { side, levels: 0, first: false, last: self.is_done() };
        }
        let first = !std::mem::replace(&mut self.started, true);
        if let Place::Bids(after) = self.place {
            let levels = self.take_page(book, pool, BookSide::Bid, after, out);
            // A full page may not be the end; the next call finds out.
            self.place = if levels == out.len() { Place::Bids(self.handed_price()) } else { Place::Asks(None) };
            if levels > 0 {
                // Without asks to follow, this is the end: no empty instalment after it.
                let last = self.place == Place::Asks(None) && book.len(BookSide::Ask) == 0;
                return self.end(Instalment { side: BookSide::Bid, levels, first, last });
            }
        }
        let Place::Asks(after) = self.place else {
            return Instalment { side: BookSide::Bid, levels: 0, first, last: self.is_done() };
        };
        let levels = self.take_page(book, pool, BookSide::Ask, after, out);
        if levels > 0 {
            self.place = Place::Asks(self.handed_price());
            return self.end(Instalment { side: BookSide::Ask, levels, first, last: levels < out.len() });
        }
        let (side, price) = self.handed.unwrap_or((BookSide::Bid, 0));
        if let Some(slot) = out.first_mut() {
            *slot = (price, book.size_at(pool, side, price));
        }
        self.end(Instalment { side, levels: 1, first, last: true })
    }

    fn take_page(
        &mut self,
        book: &OrderBook,
        pool: &BlockPool,
        side: BookSide,
        after: Option<i64>,
        out: &mut [(i64, i64)],
    ) -> usize {
        let levels = book.page(pool, side, after, out);
        if let Some(&(price, _)) = levels.checked_sub(1).and_then(|i| out.get(i)) {
            self.handed = Some((side, price));
        }
        levels
    }

    fn handed_price(&self) -> Option<i64> {
        self.handed.map(|(_, price)| price)
    }

    fn end(&mut self, instalment: Instalment) -> Instalment {
        if instalment.last {
            self.place = Place::Done;
        }
        instalment
    }
}

impl Default for RecoveryCursor {
    fn default() -> Self {
        RecoveryCursor::new()
    }
}
