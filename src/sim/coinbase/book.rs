//! One order book with price-time priority, in ticks and lots.
//!
//! Knows who rests where and which levels changed since they were last published; knows nothing of money,
//! statuses or time. Never holds an empty level.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Buy or sell. For an order its own side, for a trade the MAKER's (Coinbase reference 6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Bids.
    Buy,
    /// Offers.
    Sell,
}

impl Side {
    /// The other side.
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// `BUY` or `SELL`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
        }
    }
}

/// Who owns a resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Another participant: the made-up market or a test.
    Market,
    /// The client, by the order's place in the model's list.
    Client(usize),
}

/// The order at the head of the queue on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Front {
    pub(crate) ticks: i64,
    pub(crate) lots: i64,
    pub(crate) owner: Owner,
}

#[derive(Debug, Default)]
struct Level {
    lots: i64,
    queue: VecDeque<(Owner, i64)>,
}

/// Bids and offers of one product.
#[derive(Debug, Default)]
pub(crate) struct Book {
    bids: BTreeMap<i64, Level>,
    asks: BTreeMap<i64, Level>,
    /// Levels changed since they were last published on the grid.
    dirty: BTreeSet<(Side, i64)>,
    /// Levels changed since they were last published at once.
    fresh: BTreeSet<(Side, i64)>,
}

impl Book {
    /// Adds an order at the end of its level's queue. The caller has matched what crosses.
    pub(crate) fn rest(&mut self, side: Side, ticks: i64, lots: i64, owner: Owner) {
        if lots > 0 && ticks > 0 {
            let level = self.side_mut(side).entry(ticks).or_default();
            level.lots += lots;
            level.queue.push_back((owner, lots));
            self.note(side, ticks);
        }
    }

    /// The best order of a side.
    pub(crate) fn front(&self, side: Side) -> Option<Front> {
        let (ticks, level) = match side {
            Side::Buy => self.bids.last_key_value(),
            Side::Sell => self.asks.first_key_value(),
        }?;
        let (owner, lots) = *level.queue.front()?;
        Some(Front { ticks: *ticks, lots, owner })
    }

    /// Takes `lots` off the best order of a side; `lots` must not exceed what [`Self::front`] showed.
    pub(crate) fn consume(&mut self, side: Side, lots: i64) {
        let Some(front) = self.front(side) else { return };
        if let Some(level) = self.side_mut(side).get_mut(&front.ticks) {
            level.lots -= lots;
            match level.queue.front_mut() {
                Some((_, left)) if *left > lots => *left -= lots,
                _ => {
                    level.queue.pop_front();
                }
            }
        }
        self.tidy(side, front.ticks);
    }

    /// Takes a client order out, giving the lots it still had.
    pub(crate) fn remove(&mut self, side: Side, ticks: i64, owner: Owner) -> i64 {
        let Some(level) = self.side_mut(side).get_mut(&ticks) else {
            return 0;
        };
        let gone: i64 = level.queue.iter().filter(|(o, _)| *o == owner).map(|(_, l)| l).sum();
        level.queue.retain(|(o, _)| *o != owner);
        level.lots -= gone;
        self.tidy(side, ticks);
        gone
    }

    /// Takes lots off one order wherever it stands in its queue; gives what was taken.
    pub(crate) fn reduce(&mut self, side: Side, ticks: i64, owner: Owner, lots: i64) -> i64 {
        let Some(level) = self.side_mut(side).get_mut(&ticks) else { return 0 };
        let Some((_, left)) = level.queue.iter_mut().find(|(o, _)| *o == owner) else { return 0 };
        let taken = lots.min(*left);
        *left -= taken;
        level.lots -= taken;
        level.queue.retain(|(_, left)| *left > 0);
        self.tidy(side, ticks);
        taken
    }

    /// Takes every order of other participants out of one level; false if there was none.
    pub(crate) fn clear_market_level(&mut self, side: Side, ticks: i64) -> bool {
        self.remove(side, ticks, Owner::Market) > 0
    }

    /// Levels from the best outwards, as (ticks, lots).
    pub(crate) fn levels(&self, side: Side) -> Box<dyn Iterator<Item = (i64, i64)> + '_> {
        match side {
            Side::Buy => Box::new(self.bids.iter().rev().map(|(t, l)| (*t, l.lots))),
            Side::Sell => Box::new(self.asks.iter().map(|(t, l)| (*t, l.lots))),
        }
    }

    /// Number of levels on a side.
    pub(crate) fn depth(&self, side: Side) -> usize {
        match side {
            Side::Buy => self.bids.len(),
            Side::Sell => self.asks.len(),
        }
    }

    /// The level furthest from the market.
    pub(crate) fn worst(&self, side: Side) -> Option<i64> {
        match side {
            Side::Buy => self.bids.keys().next(),
            Side::Sell => self.asks.keys().next_back(),
        }
        .copied()
    }

    /// Total lots at a level, 0 if there is none.
    pub(crate) fn lots_at(&self, side: Side, ticks: i64) -> i64 {
        match side {
            Side::Buy => self.bids.get(&ticks),
            Side::Sell => self.asks.get(&ticks),
        }
        .map_or(0, |level| level.lots)
    }

    /// Lots of one client's order at a level.
    #[cfg(test)]
    pub(crate) fn lots_of(&self, side: Side, ticks: i64, order: usize) -> i64 {
        let level = match side {
            Side::Buy => self.bids.get(&ticks),
            Side::Sell => self.asks.get(&ticks),
        };
        let own = |level: &Level| -> i64 {
            level.queue.iter().filter(|(owner, _)| *owner == Owner::Client(order)).map(|(_, lots)| lots).sum()
        };
        level.map_or(0, own)
    }

    /// Lots a taker of `taker` side would find at `limit` or better, not counting the client's own orders.
    pub(crate) fn available(&self, taker: Side, limit: Option<i64>) -> i64 {
        let within = |ticks: &i64| match (taker, limit) {
            (_, None) => true,
            (Side::Buy, Some(limit)) => *ticks <= limit,
            (Side::Sell, Some(limit)) => *ticks >= limit,
        };
        let of_others =
            |level: &Level| -> i64 { level.queue.iter().filter(|(o, _)| *o == Owner::Market).map(|(_, l)| l).sum() };
        match taker {
            Side::Buy => self.asks.iter().take_while(|(t, _)| within(t)).map(|(_, l)| of_others(l)).sum(),
            Side::Sell => self.bids.iter().rev().take_while(|(t, _)| within(t)).map(|(_, l)| of_others(l)).sum(),
        }
    }

    /// Levels changed since the last call: bids first, each side from the best outwards (reference 6.4).
    pub(crate) fn take_dirty(&mut self) -> Vec<(Side, i64, i64)> {
        let dirty = std::mem::take(&mut self.dirty);
        self.with_lots(&dirty)
    }

    /// The same for whoever is told of each change at once.
    pub(crate) fn take_fresh(&mut self) -> Vec<(Side, i64, i64)> {
        let fresh = std::mem::take(&mut self.fresh);
        self.with_lots(&fresh)
    }

    fn with_lots(&self, levels: &BTreeSet<(Side, i64)>) -> Vec<(Side, i64, i64)> {
        let with_lots = |(side, ticks): &(Side, i64)| (*side, *ticks, self.lots_at(*side, *ticks));
        let bids = levels.iter().rev().filter(|(s, _)| *s == Side::Buy).map(with_lots);
        let asks = levels.iter().filter(|(s, _)| *s == Side::Sell).map(with_lots);
        bids.chain(asks).collect()
    }

    /// Whether a level changed since the last [`Self::take_dirty`].
    pub(crate) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    fn tidy(&mut self, side: Side, ticks: i64) {
        let book = self.side_mut(side);
        if book.get(&ticks).is_some_and(|level| level.queue.is_empty()) {
            book.remove(&ticks);
        }
        self.note(side, ticks);
    }

    fn note(&mut self, side: Side, ticks: i64) {
        self.dirty.insert((side, ticks));
        self.fresh.insert((side, ticks));
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<i64, Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_price_goes_first_and_at_one_price_the_oldest() {
        let mut book = Book::default();
        book.rest(Side::Sell, 102, 5, Owner::Market);
        book.rest(Side::Sell, 101, 5, Owner::Market);
        book.rest(Side::Sell, 101, 7, Owner::Client(0));
        let front = |book: &Book| book.front(Side::Sell).map(|f| (f.ticks, f.lots, f.owner));
        assert_eq!(front(&book), Some((101, 5, Owner::Market)));
        book.consume(Side::Sell, 5);
        assert_eq!(front(&book), Some((101, 7, Owner::Client(0))));
        book.consume(Side::Sell, 3);
        assert_eq!(front(&book), Some((101, 4, Owner::Client(0))));
        book.consume(Side::Sell, 4);
        assert_eq!(front(&book), Some((102, 5, Owner::Market)));
    }

    #[test]
    fn a_removed_order_leaves_the_others_of_its_level_in_place() {
        let mut book = Book::default();
        book.rest(Side::Buy, 99, 1, Owner::Client(0));
        book.rest(Side::Buy, 99, 2, Owner::Market);
        assert_eq!(book.remove(Side::Buy, 99, Owner::Client(0)), 1);
        assert_eq!(book.lots_at(Side::Buy, 99), 2);
        assert_eq!(book.remove(Side::Buy, 99, Owner::Client(0)), 0);
    }

    #[test]
    fn changed_levels_come_bids_first_best_first_once_each_and_gone_ones_with_zero() {
        let mut book = Book::default();
        for (side, ticks) in [(Side::Sell, 103), (Side::Buy, 98), (Side::Sell, 101), (Side::Buy, 99), (Side::Buy, 99)] {
            book.rest(side, ticks, 1, Owner::Market);
        }
        let changed = [(Side::Buy, 99, 2), (Side::Buy, 98, 1), (Side::Sell, 101, 1), (Side::Sell, 103, 1)];
        assert_eq!(book.take_dirty(), changed);
        assert!(book.take_dirty().is_empty());
        book.clear_market_level(Side::Sell, 101);
        assert_eq!(book.take_dirty(), [(Side::Sell, 101, 0)]);
    }

    #[test]
    fn what_is_available_stops_at_the_limit_and_leaves_own_orders_out() {
        let mut book = Book::default();
        book.rest(Side::Sell, 101, 5, Owner::Market);
        book.rest(Side::Sell, 102, 5, Owner::Client(0));
        book.rest(Side::Sell, 103, 5, Owner::Market);
        assert_eq!(book.available(Side::Buy, Some(102)), 5);
        assert_eq!(book.available(Side::Buy, None), 10);
        assert_eq!(book.available(Side::Sell, None), 0);
    }
}
