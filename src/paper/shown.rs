//! The market as it is shown, less what our own orders took from it.

use crate::book::{BlockPool, OrderBook};
use crate::record::{BookSide, InstrumentId};

/// Levels from which our orders took more than has been renewed since; past them nothing more is taken.
const EATEN_MAX: usize = 512;

/// A whole book.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    book: &'a OrderBook,
    pool: &'a BlockPool,
}

impl<'a> Shown<'a> {
    /// A book and the pool it was filled from.
    pub const fn new(book: &'a OrderBook, pool: &'a BlockPool) -> Shown<'a> {
        Shown { book, pool }
    }

    /// Prices and sizes of one side, best first.
    pub(super) fn levels(self, side: BookSide) -> impl Iterator<Item = (i64, i64)> + 'a {
        self.book.levels(self.pool, side)
    }

    /// Size shown at a price.
    pub(super) fn size_at(self, side: BookSide, price: i64) -> i64 {
        self.book.size_at(self.pool, side, price)
    }
}

/// Where the paper venue finds the books of the moment.
pub trait Books {
    /// The book of an instrument; `None` unless it is whole.
    fn shown(&self, instrument: InstrumentId) -> Option<Shown<'_>>;
}

/// What our orders took of what is still shown.
#[derive(Debug, Default)]
pub(super) struct Eaten {
    levels: Vec<(BookSide, i64, i64)>,
}

impl Eaten {
    /// What was taken from a level.
    pub(super) fn at(&self, side: BookSide, price: i64) -> i64 {
        let level = self.levels.iter().find(|(s, p, _)| (*s, *p) == (side, price));
        level.map_or(0, |(_, _, taken)| *taken)
    }

    /// What is left of a level that shows so much.
    pub(super) fn left(&self, side: BookSide, price: i64, shown: i64) -> i64 {
        shown.saturating_sub(self.at(side, price)).max(0)
    }

    /// Whether a further level can be remembered.
    pub(super) fn has_room(&self) -> bool {
        self.levels.len() < EATEN_MAX
    }

    /// So much more was taken from a level.
    pub(super) fn add(&mut self, side: BookSide, price: i64, taken: i64) {
        match self.levels.iter_mut().find(|(s, p, _)| (*s, *p) == (side, price)) {
            Some((_, _, before)) => *before = before.saturating_add(taken),
            None => self.levels.push((side, price, taken)),
        }
    }

    /// Everything on offer is new.
    pub(super) fn forget(&mut self) {
        self.levels.clear();
    }

    /// The book changed: of a level that shows less than was taken from it, no more is remembered than it shows.
    pub(super) fn renew(&mut self, shown: Shown<'_>) {
        self.levels.retain_mut(|(side, price, taken)| {
            *taken = (*taken).min(shown.size_at(*side, *price));
            *taken > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_comes_back_only_as_the_level_is_renewed() {
        let (mut pool, mut book, mut eaten) = (BlockPool::new(8), OrderBook::new(), Eaten::default());
        let mut show = |size| {
            book.set(&mut pool, BookSide::Ask, 100, size).unwrap();
            eaten.renew(Shown::new(&book, &pool));
            let left = eaten.left(BookSide::Ask, 100, size);
            eaten.add(BookSide::Ask, 100, left.min(6));
            left
        };
        assert_eq!(show(10), 10, "6 of them are taken");
        assert_eq!(show(9), 3, "others may have left: all 3 are taken");
        assert_eq!(show(9), 0);
        assert_eq!(show(11), 2, "two came");
        assert_eq!(show(4), 0, "4 shown, and 11 were taken");
        assert_eq!(show(0), 0);
        assert_eq!(show(5), 5, "a new level");
    }
}
