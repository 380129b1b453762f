//! How an order meets the book: what it takes, where it rests, and how executions are booked.
//!
//! Price-time priority throughout; a client's order never trades with another of the same client.

use super::exchange::{Exchange, NOT_FILLED};
use super::funds::{collar, crosses};
use super::order::{Direction, Kind, Rests, Size, Status};
use crate::sim::market::book::{Owner, Side};
use crate::sim::market::{Match, Want};

impl Exchange {
    /// An order that was let in starts to work.
    pub(super) fn begin(&mut self, now_ns: u64, index: usize) {
        let Some(order) = self.orders.get(index) else { return };
        let (kind, end_ns, left) = (order.asked.kind, order.asked.end_ns, order.left());
        self.schedule.at(end_ns, index);
        match kind {
            Kind::Market => self.sweep(now_ns, index, None),
            Kind::Limit { ticks, rests: Rests::ImmediateOrCancel } => self.sweep(now_ns, index, Some(ticks)),
            Kind::Limit { ticks, rests: Rests::FillOrKill } => self.all_or_nothing(now_ns, index, ticks),
            Kind::Limit { ticks, rests: Rests::UntilCancelled { .. } } => {
                let stays = self.take_and_rest(now_ns, index, ticks, left);
                self.conclude(now_ns, index, stays);
            }
            Kind::StopLimit { .. } => {
                self.schedule.watch(index);
                self.conclude(now_ns, index, true);
            }
            Kind::Bracket { ticks, .. } => {
                self.schedule.watch(index);
                let stays = self.take_and_rest(now_ns, index, ticks, left);
                self.conclude(now_ns, index, stays);
            }
            Kind::Twap { start_ns, .. } => {
                self.schedule.at(Some(start_ns), index);
                self.conclude(now_ns, index, true);
                self.run_timers(now_ns);
            }
            Kind::Scaled => self.climb(now_ns, index),
        }
    }

    /// Takes what is there and ends.
    fn sweep(&mut self, now_ns: u64, index: usize, limit: Option<i64>) {
        let Some(order) = self.orders.get(index) else { return };
        let (size, market, taker) = (order.asked.size, order.asked.market, order.asked.side);
        let fee_rate = self.fees.taker;
        let want = match size {
            Size::Base(lots) => Want::Lots(lots),
            Size::Quote(quote) => Want::Spend { quote, fee_rate },
        };
        let filled = self.take(now_ns, index, limit, want);
        let whole = match size {
            Size::Base(lots) => filled == lots,
            // A quote-sized order is done when no further lot fits, unless the book ran dry.
            Size::Quote(_) => {
                filled > 0 && self.markets.get(market).is_some_and(|m| m.book.front(taker.opposite()).is_some())
            }
        };
        match whole {
            true => self.finish(now_ns, index, Status::Filled, ""),
            false => self.finish(now_ns, index, Status::Cancelled, NOT_FILLED),
        }
    }

    fn all_or_nothing(&mut self, now_ns: u64, index: usize, ticks: i64) {
        let Some(order) = self.orders.get(index) else { return };
        let market = self.markets.get(order.asked.market);
        let there = market.map_or(0, |m| m.book.available(order.asked.side, Some(ticks)));
        if there < order.left() {
            self.finish(now_ns, index, Status::Cancelled, NOT_FILLED);
        } else {
            self.sweep(now_ns, index, Some(ticks));
        }
    }

    /// The rungs of a scaled order, each a limit order of its own, all of them one order to the client.
    fn climb(&mut self, now_ns: u64, index: usize) {
        let rungs = self.orders.get(index).map(|o| o.asked.rungs.clone()).unwrap_or_default();
        let stays = rungs.iter().all(|rung| self.take_and_rest(now_ns, index, rung.ticks, rung.lots));
        self.conclude(now_ns, index, stays);
    }

    /// Takes up to a limit and rests there with what is left; false if an order of the client's own stands in the way.
    pub(super) fn take_and_rest(&mut self, now_ns: u64, index: usize, ticks: i64, lots: i64) -> bool {
        let left = lots - self.take(now_ns, index, Some(ticks), Want::Lots(lots));
        let Some(order) = self.orders.get_mut(index).filter(|_| left > 0) else { return true };
        let side = order.asked.side;
        let Some(market) = self.markets.get_mut(order.asked.market) else { return false };
        // After matching, only an order of the client's own can still stand in the way.
        if crosses(side, ticks, market.book.front(side.opposite()).map(|front| front.ticks)) {
            return false;
        }
        market.rest(now_ns, side, ticks, left, Owner::Client(index));
        if !order.resting.contains(&ticks) {
            order.resting.push(ticks);
        }
        true
    }

    /// Takes from the book and books the executions; gives the lots.
    pub(super) fn take(&mut self, now_ns: u64, index: usize, limit: Option<i64>, want: Want) -> i64 {
        let Some((market, side)) = self.orders.get(index).map(|o| (o.asked.market, o.asked.side)) else { return 0 };
        let Some(market) = self.markets.get_mut(market) else { return 0 };
        let matches = market.take(now_ns, side, limit, false, want);
        for m in &matches {
            self.book_fill(now_ns, index, m.ticks, m.lots, false);
        }
        matches.iter().map(|m| m.lots).sum()
    }

    /// After matching: filled, at work, or over because it could not stay.
    pub(super) fn conclude(&mut self, now_ns: u64, index: usize, stays: bool) {
        let Some(order) = self.orders.get(index) else { return };
        if order.is_whole() {
            self.finish(now_ns, index, Status::Filled, "");
        } else if !stays {
            self.finish(now_ns, index, Status::Cancelled, NOT_FILLED);
        } else {
            self.change(now_ns, index, |p| {
                if p.status != Status::CancelQueued {
                    p.status = Status::Open;
                }
            });
            self.announce(index);
        }
    }

    /// Books what other participants did to the client's resting orders, and sets off the stops this reached.
    pub(crate) fn settle(&mut self, now_ns: u64, matches: &[Match]) {
        for m in matches {
            let Owner::Client(index) = m.maker else { continue };
            self.book_fill(now_ns, index, m.ticks, m.lots, true);
            if self.orders.get(index).is_some_and(|o| o.is_whole()) {
                self.finish(now_ns, index, Status::Filled, "");
            } else {
                self.announce(index);
            }
        }
        self.run_triggers(now_ns);
    }

    /// Sets off the orders whose stop price the trades since the last call reached; what they trade may set off more.
    pub(super) fn run_triggers(&mut self, now_ns: u64) {
        loop {
            let mut reached = Vec::new();
            for (place, market) in self.markets.iter_mut().enumerate() {
                let Some(range) = market.take_range() else { continue };
                let set_off = |index: &usize| {
                    let Some(order) = self.orders.get(*index) else { return false };
                    let (stop, direction) = order.trigger().unwrap_or((0, Direction::Up));
                    order.asked.market == place && direction.reached(stop, range)
                };
                reached.extend(self.schedule.watched().filter(set_off));
            }
            if reached.is_empty() {
                return;
            }
            for index in reached {
                self.set_off(now_ns, index);
            }
        }
    }

    fn set_off(&mut self, now_ns: u64, index: usize) {
        self.schedule.unwatch(index);
        let Some(order) = self.orders.get(index).filter(|o| o.now.status.is_working()) else { return };
        let (kind, side, left) = (order.asked.kind, order.asked.side, order.left());
        let ticks = match kind {
            Kind::StopLimit { ticks, .. } => ticks,
            Kind::Bracket { stop, .. } => collar(side, stop),
            Kind::Market | Kind::Limit { .. } | Kind::Twap { .. } | Kind::Scaled => return,
        };
        self.withdraw(now_ns, index);
        self.change(now_ns, index, |p| {
            p.triggered = true;
            p.limit = Some(ticks);
        });
        let stays = self.take_and_rest(now_ns, index, ticks, left);
        self.conclude(now_ns, index, stays);
    }

    fn book_fill(&mut self, now_ns: u64, index: usize, ticks: i64, lots: i64, maker: bool) {
        let Some(asked) = self.orders.get(index).map(|o| &o.asked) else { return };
        let Some(product) = self.markets.get(asked.market).map(|m| &m.product) else { return };
        let (size, side) = (product.size(lots), asked.side);
        let value = product.price(ticks) * size;
        let fee = value * if maker { self.fees.maker } else { self.fees.taker };
        let (base, quote) = (product.base.clone(), asked.quote.clone());
        // What this fill takes out of the hold, and what it brings.
        let (spent, spent_currency, received, got_currency) = match side {
            Side::Buy => (value + fee, quote, size, base),
            Side::Sell => (size, base, value - fee, quote),
        };
        if let Some(account) = self.account_mut(&spent_currency) {
            account.hold -= spent;
            account.updated_ns = now_ns;
        }
        if let Some(account) = self.account_mut(&got_currency) {
            account.available += received;
            account.updated_ns = now_ns;
        }
        self.balances.note(now_ns, self.accounts.clone());
        self.change(now_ns, index, |p| {
            p.lots += lots;
            p.value += value;
            p.fees += fee;
            p.fills += 1;
            p.hold -= spent;
            p.last_fill_ns = now_ns;
        });
        let (entry_id, trade_id) = (self.id_rng.uuid(), self.id_rng.uuid());
        self.fills.push(super::order::Fill {
            entry_id,
            trade_id,
            order: index,
            ticks,
            lots,
            fee,
            maker,
            at_ns: now_ns,
        });
    }
}
