//! The book of one instrument: two sides of absolute levels. Owns no memory of levels (the pool does) and no policy: it
//! says whether it is crossed, its owner what to do then.

use super::ladder::Ladder;
use super::pool::{BlockPool, BookFull, Entry};
use crate::record::BookSide;

/// Blocks one side may hold unless told otherwise: at least 33,000 levels, 131,072 if they come sorted. The largest
/// recorded book (Coinbase BTC-USD) has 21,500 a side.
pub const SIDE_BLOCKS_MAX: usize = 1_024;

/// What one [`OrderBook::set`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// What became of the level.
    pub kind: ChangeKind,
    /// Whether price or size of the side's best level is another than before.
    pub best: bool,
}

/// What became of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It already was so: the same size, or the removal of a level that is not there (normal at every venue).
    Nothing,
    /// A new level.
    Inserted,
    /// A new size for a level that was there.
    Changed,
    /// The level is gone.
    Removed,
}

impl Change {
    pub(super) const NOTHING: Change = Change { kind: ChangeKind::Nothing, best: false };
}

/// One instrument's book. Every call takes the pool it was filled from; [`OrderBook::clear`] it before dropping it, else
/// its blocks stay taken.
#[derive(Debug)]
pub struct OrderBook {
    bids: Ladder,
    asks: Ladder,
}

impl OrderBook {
    /// An empty book whose sides may hold [`SIDE_BLOCKS_MAX`] blocks each.
    pub fn new() -> OrderBook {
        OrderBook::with_side_blocks_max(SIDE_BLOCKS_MAX)
    }

    /// An empty book whose sides may hold `blocks_max` blocks each: what one runaway book can take from the others. The
    /// index (16 bytes a block) is reserved here.
    pub fn with_side_blocks_max(blocks_max: usize) -> OrderBook {
        OrderBook { bids: Ladder::new(blocks_max), asks: Ladder::new(blocks_max) }
    }

    /// Removes every level and gives every block back.
    pub fn clear(&mut self, pool: &mut BlockPool) {
        self.bids.clear(pool);
        self.asks.clear(pool);
    }

    /// Sets the absolute size at a price; both are mantissas at the instrument's exponents. Size 0 (or less) removes
    /// the level.
    ///
    /// # Errors
    /// [`BookFull`], counted by the pool: the book is unchanged and must be flagged by its owner.
    #[inline]
    pub fn set(&mut self, pool: &mut BlockPool, side: BookSide, price: i64, size: i64) -> Result<Change, BookFull> {
        let rank = rank(side, price);
        let ladder = match side {
            BookSide::Bid => &mut self.bids,
            BookSide::Ask => &mut self.asks,
        };
        if size > 0 {
            ladder.put(pool, rank, size)
        } else {
            ladder.take(pool, rank)
        }
    }

    /// Price and size of the best level.
    #[inline]
    pub fn best(&self, pool: &BlockPool, side: BookSide) -> Option<(i64, i64)> {
        self.ladder(side).best(pool).map(|entry| level(side, entry))
    }

    /// The size at a price; 0 if there is no such level.
    pub fn size_at(&self, pool: &BlockPool, side: BookSide, price: i64) -> i64 {
        self.ladder(side).size_at(pool, rank(side, price)).unwrap_or(0)
    }

    /// Prices and sizes of one side, best to worst.
    pub fn levels<'a>(&'a self, pool: &'a BlockPool, side: BookSide) -> impl Iterator<Item = (i64, i64)> + 'a {
        self.ladder(side).iter(pool, None).map(move |entry| level(side, entry))
    }

    /// Fills `out` with the next levels strictly worse than the price `after` (from the best if `None`) and says how
    /// many it wrote; fewer than `out` holds means the side ends there. Costs a search plus the levels written,
    /// wherever the page begins.
    pub fn page(&self, pool: &BlockPool, side: BookSide, after: Option<i64>, out: &mut [(i64, i64)]) -> usize {
        let levels = self.ladder(side).iter(pool, after.map(|price| rank(side, price)));
        out.iter_mut().zip(levels).map(|(slot, entry)| *slot = level(side, entry)).count()
    }

    /// Levels of one side.
    pub fn len(&self, side: BookSide) -> usize {
        self.ladder(side).len()
    }

    /// Whether neither side has a level.
    pub fn is_empty(&self) -> bool {
        self.bids.len() == 0 && self.asks.len() == 0
    }

    /// Whether the best bid is at or above the best ask: impossible at rest on a matching venue.
    pub fn is_crossed(&self, pool: &BlockPool) -> bool {
        match (self.best(pool, BookSide::Bid), self.best(pool, BookSide::Ask)) {
            (Some((bid, _)), Some((ask, _))) => bid >= ask,
            _ => false,
        }
    }

    /// Blocks one side may hold.
    pub fn side_blocks_max(&self) -> usize {
        self.bids.runs_max()
    }

    fn ladder(&self, side: BookSide) -> &Ladder {
        match side {
            BookSide::Bid => &self.bids,
            BookSide::Ask => &self.asks,
        }
    }

    /// Blocks held by both sides, after checking every promise about their order and occupancy.
    #[cfg(test)]
    pub(super) fn check(&self, pool: &BlockPool) -> usize {
        self.bids.check(pool).saturating_add(self.asks.check(pool))
    }
}

impl Default for OrderBook {
    fn default() -> Self {
        OrderBook::new()
    }
}

/// Orders prices best first: asks as they are, bids complemented, which reverses their order over all of `i64` and
/// cannot overflow. Its own inverse.
#[inline]
pub(super) const fn rank(side: BookSide, price: i64) -> i64 {
    match side {
        BookSide::Bid => !price,
        BookSide::Ask => price,
    }
}

#[inline]
const fn level(side: BookSide, entry: Entry) -> (i64, i64) {
    (rank(side, entry.rank), entry.size)
}
