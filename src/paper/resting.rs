//! Orders that rest: what trades and changes of the book do to them.

use super::order::{book_side, is_before, rank, reaches};
use super::shown::Shown;
use super::venue::PaperVenue;
use crate::order::OrderStatus;
use crate::record::{BookSide, InstrumentId, Side, UnixNanos};
use crate::venue::TradeFact;

impl PaperVenue {
    /// A whole event of an instrument's book ended; `at` is the venue's time of it.
    pub fn book(&mut self, now: UnixNanos, instrument: InstrumentId, at: UnixNanos, shown: Shown<'_>) {
        if self.margin.is_some() {
            return self.quoted(now, instrument, shown);
        }
        let Some(Some(market)) = self.markets.get_mut(instrument.index()) else { return };
        market.heard = at;
        market.eaten.renew(shown);
        if market.resting.is_empty() {
            return;
        }
        for slot in &market.resting {
            let Some(order) = self.orders.get_mut(*slot as usize) else { continue };
            let (Some(limit), side) = (order.limit, order.own_side()) else { continue };
            order.place.shown(shown.size_at(side, limit), at);
        }
        for side in [Side::Buy, Side::Sell] {
            self.be_crossed(now, instrument, side, shown);
        }
        self.say_balances(now);
    }

    /// What is shown at our orders' prices or better ones would have met them: it fills them, the best first, at theirs.
    fn be_crossed(&mut self, now: UnixNanos, instrument: InstrumentId, side: Side, shown: Shown<'_>) {
        let (own_side, from) = (book_side(side), book_side(side).opposite());
        loop {
            let Some(Some(market)) = self.markets.get_mut(instrument.index()) else { return };
            let Some((slot, limit, order)) = market.first_own(&self.orders, own_side) else { return };
            let Some((price, size)) = market.offered(shown, from).next() else { return };
            if !reaches(side, Some(limit), price) {
                return;
            }
            let quantity = order.left().min(size);
            let known = market.eaten.at(from, price) > 0;
            if quantity <= 0 || !(known || market.eaten.has_room()) {
                return;
            }
            market.eaten.add(from, price, quantity);
            self.be_filled(now, slot, limit, quantity);
        }
    }

    /// Somebody traded.
    pub fn trade(&mut self, now: UnixNanos, fact: &TradeFact) {
        let Some(Some(market)) = self.markets.get(fact.instrument.index()) else { return };
        if market.resting.is_empty() || fact.snapshot {
            return;
        }
        // The aggressor met orders of the other side.
        let side = book_side(fact.side.opposite());
        let mut queue = std::mem::take(&mut self.queue);
        queue.clear();
        let concerned = |slot: &&u32| {
            let order = self.orders.get(**slot as usize);
            order.is_some_and(|o| o.own_side() == side && o.limit.is_some_and(|p| !is_before(side, fact.price, p)))
        };
        queue.extend(market.resting.iter().filter(concerned));
        let priority = |slot: &u32| {
            let order = self.orders.get(*slot as usize);
            order.map(|order| (rank(side, order.limit.unwrap_or(0)), order.serial))
        };
        queue.sort_unstable_by_key(priority);
        let mut left = fact.size;
        for slot in queue.iter().copied() {
            left = left.saturating_sub(self.be_traded(now, slot, side, fact, left));
        }
        self.queue = queue;
        self.say_balances(now);
    }

    /// What an order of ours gets of a trade of which so much is left for it; its price is the trade's or better.
    fn be_traded(&mut self, now: UnixNanos, slot: u32, side: BookSide, fact: &TradeFact, left: i64) -> i64 {
        let Some(order) = self.orders.get_mut(slot as usize) else { return 0 };
        let Some(limit) = order.limit else { return 0 };
        let wanted = order.left();
        let quantity = if is_before(side, limit, fact.price) {
            if !order.place.joined_before(fact.venue_time) {
                return 0;
            }
            // Everything at our price was taken before somebody traded at a worse one.
            order.place.ahead = 0;
            wanted.min(left)
        } else {
            if !order.place.is_news(fact.venue_time) {
                return 0;
            }
            let reached = left.saturating_sub(order.place.ahead);
            order.place.ahead = order.place.ahead.saturating_sub(left).max(0);
            wanted.min(reached)
        };
        if quantity <= 0 {
            return 0;
        }
        self.be_filled(now, slot, limit, quantity);
        quantity
    }

    /// A resting order was met.
    fn be_filled(&mut self, now: UnixNanos, slot: u32, price: i64, quantity: i64) {
        if !self.fill(now, slot, price, quantity, true) {
            // It cannot be paid: a venue would not let it rest on.
            return self.finish(now, slot, OrderStatus::Cancelled);
        }
        match self.order(slot).map(|order| order.left()) {
            Some(left) if left > 0 => self.say_order(now, slot),
            _ => self.finish(now, slot, OrderStatus::Filled),
        }
    }
}
