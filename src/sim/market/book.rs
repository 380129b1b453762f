//! One order book with price-time priority, in ticks and lots.
//!
//! Knows who rests where and which levels changed since they were last published; knows nothing of money,
//! statuses or time. Never holds an empty level.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Buy or sell. For an order its own side; a trade is kept by its maker's.
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

/// An order in its queue. Of an iceberg `lots` is the part on show.
#[derive(Debug)]
struct Resting {
    owner: Owner,
    lots: i64,
    hidden: i64,
    peak: i64,
}

#[derive(Debug, Default)]
struct Level {
    /// Lots on show.
    lots: i64,
    queue: VecDeque<Resting>,
}

impl Level {
    /// Lots of other participants, hidden parts included.
    fn of_others(&self) -> i64 {
        let others = self.queue.iter().filter(|order| order.owner == Owner::Market);
        others.map(|order| order.lots + order.hidden).sum()
    }

    /// Puts the order at `at`, whose shown part is used up, at the end of the queue with its next part, or away.
    fn renew(&mut self, at: usize) {
        let Some(mut order) = self.queue.remove(at) else { return };
        order.lots = order.peak.min(order.hidden);
        order.hidden -= order.lots;
        if order.lots > 0 {
            self.lots += order.lots;
            self.queue.push_back(order);
        }
    }
}

/// Bids and offers of one instrument.
#[derive(Debug, Default)]
pub(crate) struct Book {
    bids: BTreeMap<i64, Level>,
    asks: BTreeMap<i64, Level>,
    /// Levels changed since they were last published on the grid.
    dirty: BTreeSet<(Side, i64)>,
    /// Levels changed since they were last published at once.
    fresh: BTreeSet<(Side, i64)>,
    changes: u64,
}

impl Book {
    /// Adds an order at the end of its level's queue. The caller has matched what crosses.
    pub(crate) fn rest(&mut self, side: Side, ticks: i64, lots: i64, owner: Owner) {
        self.rest_iceberg(side, ticks, lots, lots, owner);
    }

    /// The same, showing at most `peak` lots at a time; each part shown joins the end of the queue.
    pub(crate) fn rest_iceberg(&mut self, side: Side, ticks: i64, lots: i64, peak: i64, owner: Owner) {
        if lots > 0 && ticks > 0 && peak > 0 {
            let shown = lots.min(peak);
            let level = self.side_mut(side).entry(ticks).or_default();
            level.lots += shown;
            level.queue.push_back(Resting { owner, lots: shown, hidden: lots - shown, peak });
            self.changed(side, ticks);
        }
    }

    /// The best order of a side.
    pub(crate) fn front(&self, side: Side) -> Option<Front> {
        let (ticks, level) = match side {
            Side::Buy => self.bids.last_key_value(),
            Side::Sell => self.asks.first_key_value(),
        }?;
        let order = level.queue.front()?;
        Some(Front { ticks: *ticks, lots: order.lots, owner: order.owner })
    }

    /// Takes `lots` off the best order of a side; `lots` must not exceed what [`Self::front`] showed.
    pub(crate) fn consume(&mut self, side: Side, lots: i64) {
        let Some(front) = self.front(side) else { return };
        if let Some(level) = self.side_mut(side).get_mut(&front.ticks) {
            level.lots -= lots;
            match level.queue.front_mut() {
                Some(order) if order.lots > lots => order.lots -= lots,
                _ => level.renew(0),
            }
        }
        self.tidy(side, front.ticks);
    }

    /// Takes a client order out, giving the lots it still had.
    pub(crate) fn remove(&mut self, side: Side, ticks: i64, owner: Owner) -> i64 {
        let Some(level) = self.side_mut(side).get_mut(&ticks) else {
            return 0;
        };
        let (mut shown, mut hidden) = (0, 0);
        level.queue.retain(|order| {
            let goes = order.owner == owner;
            if goes {
                shown += order.lots;
                hidden += order.hidden;
            }
            !goes
        });
        level.lots -= shown;
        self.tidy(side, ticks);
        shown + hidden
    }

    /// Takes lots off one order wherever it stands in its queue; gives what was taken.
    pub(crate) fn reduce(&mut self, side: Side, ticks: i64, owner: Owner, lots: i64) -> i64 {
        let Some(level) = self.side_mut(side).get_mut(&ticks) else { return 0 };
        let mut taken = 0;
        while let Some(at) = level.queue.iter().position(|order| order.owner == owner).filter(|_| taken < lots) {
            let Some(order) = level.queue.get_mut(at) else { break };
            let part = order.lots.min(lots - taken);
            order.lots -= part;
            level.lots -= part;
            taken += part;
            if order.lots == 0 {
                level.renew(at);
            }
        }
        if taken > 0 {
            self.tidy(side, ticks);
        }
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

    /// What other participants offer to a taker of `taker` side, hidden parts included, best first.
    pub(crate) fn offered(&self, taker: Side) -> Box<dyn Iterator<Item = (i64, i64)> + '_> {
        let of_others = |(ticks, level): (&i64, &Level)| (*ticks, level.of_others());
        match taker {
            Side::Buy => Box::new(self.asks.iter().map(of_others).filter(|(_, lots)| *lots > 0)),
            Side::Sell => Box::new(self.bids.iter().rev().map(of_others).filter(|(_, lots)| *lots > 0)),
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

    /// Whether an order of that owner rests at a level.
    pub(crate) fn holds(&self, side: Side, ticks: i64, owner: Owner) -> bool {
        let level = match side {
            Side::Buy => self.bids.get(&ticks),
            Side::Sell => self.asks.get(&ticks),
        };
        level.is_some_and(|level| level.queue.iter().any(|order| order.owner == owner))
    }

    /// Lots of one client's order at a level, hidden ones included.
    #[cfg(test)]
    pub(crate) fn lots_of(&self, side: Side, ticks: i64, order: usize) -> i64 {
        let level = match side {
            Side::Buy => self.bids.get(&ticks),
            Side::Sell => self.asks.get(&ticks),
        };
        let own = |level: &Level| -> i64 {
            let mine = level.queue.iter().filter(|resting| resting.owner == Owner::Client(order));
            mine.map(|resting| resting.lots + resting.hidden).sum()
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
        self.offered(taker).take_while(|(ticks, _)| within(ticks)).map(|(_, lots)| lots).sum()
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

    /// Changes of levels so far: every one counts, also one that is undone before anybody is told.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    fn changed(&mut self, side: Side, ticks: i64) {
        self.dirty.insert((side, ticks));
        self.fresh.insert((side, ticks));
        self.changes += 1;
    }

    fn tidy(&mut self, side: Side, ticks: i64) {
        let book = self.side_mut(side);
        if book.get(&ticks).is_some_and(|level| level.queue.is_empty()) {
            book.remove(&ticks);
        }
        self.changed(side, ticks);
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
    fn an_iceberg_shows_a_part_at_a_time_and_queues_anew_with_each() {
        let mut book = Book::default();
        book.rest_iceberg(Side::Sell, 101, 25, 10, Owner::Client(0));
        book.rest(Side::Sell, 101, 4, Owner::Market);
        assert_eq!(book.lots_at(Side::Sell, 101), 14);
        book.consume(Side::Sell, 10);
        assert_eq!(book.front(Side::Sell).map(|f| (f.lots, f.owner)), Some((4, Owner::Market)));
        assert_eq!(book.lots_at(Side::Sell, 101), 14, "the next part stands behind");
        assert_eq!(book.reduce(Side::Sell, 101, Owner::Client(0), 12), 12);
        assert_eq!(book.remove(Side::Sell, 101, Owner::Client(0)), 3, "10 of 25 taken, then 12");
        assert_eq!(book.lots_at(Side::Sell, 101), 4);
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
        assert_eq!(book.changes(), 6);
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
