//! Orders that take: the walk through the book, what an execution moves, and how an order ends.

use super::market::{Stop, Want};
use super::order::{PaperOrder, Place, Size};
use super::rules::SelfTrade;
use super::shown::Shown;
use super::told::Told;
use super::venue::{PaperVenue, FILLS_KEPT_MAX};
use crate::order::{FillFact, OrderStatus};
use crate::record::money::{covers, cut, minus, plus, share, ZERO};
use crate::record::{ExecutionId, Fixed, Fixed128, InlineText, InstrumentId, Liquidity, Side, TimeInForce, UnixNanos};
use arrayvec::ArrayString;
use std::fmt::Write as _;

/// What an execution moves.
struct Moved {
    /// Out of the hold.
    spent: Fixed128,
    /// Into the other asset.
    received: Fixed128,
    /// The fee, and whether it is in base currency.
    fee: Fixed128,
    fee_in_base: bool,
}

impl PaperVenue {
    /// An order that was let in starts to work.
    pub(super) fn begin(&mut self, now: UnixNanos, slot: u32, shown: Shown<'_>) {
        let Some(order) = self.order(slot).copied() else { return };
        if self.rules.tells_executions {
            self.say_order(now, slot);
        }
        match (order.limit, order.tif) {
            (Some(_), TimeInForce::GoodTilCancelled) => self.take_and_rest(now, slot, shown),
            (Some(_), TimeInForce::FillOrKill) if !self.fills_whole(&order, shown) => {
                self.finish(now, slot, self.rules.unfilled_end);
            }
            _ => self.sweep(now, slot, shown),
        }
    }

    fn fills_whole(&mut self, order: &PaperOrder, shown: Shown<'_>) -> bool {
        let Some(Some(market)) = self.markets.get(order.instrument.index()) else { return false };
        let (terms, want) = ((order.side, order.limit), Want::Quantity(order.left()));
        market.walk(&self.orders, shown, terms, want, &mut self.matches) == Stop::Done
    }

    /// Takes what is there, and ends.
    fn sweep(&mut self, now: UnixNanos, slot: u32, shown: Shown<'_>) {
        let stop = self.take(now, slot, shown);
        let Some(order) = self.order(slot).filter(|order| order.is_open()) else { return };
        let whole = match order.size {
            Size::Base(quantity) => quantity > 0 && order.filled >= quantity,
            // Done when no further lot fits, unless the book ran dry.
            Size::Quote(_) => order.filled > 0 && stop == Stop::Done,
        };
        let end = if whole { OrderStatus::Filled } else { self.rules.unfilled_end };
        self.finish(now, slot, end);
    }

    /// Takes up to the limit and rests there with what is left.
    fn take_and_rest(&mut self, now: UnixNanos, slot: u32, shown: Shown<'_>) {
        let stop = self.take(now, slot, shown);
        let Some(order) = self.order(slot).copied().filter(|order| order.is_open()) else { return };
        if order.left() <= 0 {
            return self.finish(now, slot, OrderStatus::Filled);
        }
        if matches!(stop, Stop::Own(_)) {
            return self.finish(now, slot, self.rules.unfilled_end);
        }
        let (Some(limit), side) = (order.limit, order.own_side()) else { return };
        let Some(Some(market)) = self.markets.get_mut(order.instrument.index()) else { return };
        let ahead = market.eaten.left(side, limit, shown.size_at(side, limit));
        let place = Place { ahead, since: market.heard, as_of: market.heard };
        market.resting.push(slot);
        if let Some(order) = self.orders.get_mut(slot as usize) {
            order.place = place;
        }
        if order.filled > 0 || !self.rules.tells_executions {
            self.say_order(now, slot);
        }
    }

    /// Takes from the book until the order has what it wants or nothing more is offered to it.
    fn take(&mut self, now: UnixNanos, slot: u32, shown: Shown<'_>) -> Stop {
        // Every turn but the last ends an order of ours: there are not more of them than this.
        for _ in 0..=self.orders.len() {
            let Some(order) = self.order(slot).copied() else { return Stop::Dry };
            let want = match order.size {
                Size::Base(_) => Want::Quantity(order.left()),
                Size::Quote(_) => Want::Spend(order.hold, self.taker),
            };
            let mut matches = std::mem::take(&mut self.matches);
            let market = self.markets.get(order.instrument.index()).and_then(Option::as_deref);
            let mut stop = market.map_or(Stop::Dry, |market| {
                market.walk(&self.orders, shown, (order.side, order.limit), want, &mut matches)
            });
            for (price, quantity) in matches.iter().copied() {
                if !self.eat(&order, price, quantity) || !self.fill(now, slot, price, quantity, false) {
                    stop = Stop::Dry;
                    break;
                }
            }
            self.matches = matches;
            match (stop, self.rules.self_trade) {
                (Stop::Own(maker), SelfTrade::MakerExpires) => self.finish(now, maker, OrderStatus::Expired),
                _ => return stop,
            }
        }
        Stop::Dry
    }

    /// What an order takes is not there for the next one. False: no further level can be remembered, so nothing is taken.
    fn eat(&mut self, order: &PaperOrder, price: i64, quantity: i64) -> bool {
        let from = order.own_side().opposite();
        let Some(Some(market)) = self.markets.get_mut(order.instrument.index()) else { return false };
        if market.eaten.at(from, price) == 0 && !market.eaten.has_room() {
            return false;
        }
        market.eaten.add(from, price, quantity);
        for other in &market.resting {
            // Others that stood before an order of ours are taken first.
            let resting = self.orders.get_mut(*other as usize);
            if let Some(own) = resting.filter(|own| own.own_side() == from && own.limit == Some(price)) {
                own.place.ahead = own.place.ahead.saturating_sub(quantity).max(0);
            }
        }
        true
    }

    /// Books one execution; false, and nothing moved, if it cannot be paid.
    pub(super) fn fill(&mut self, now: UnixNanos, slot: u32, price: i64, quantity: i64, maker: bool) -> bool {
        let Some(order) = self.order(slot).copied() else { return false };
        let Some(moved) = self.moved(&order, price, quantity, maker) else { return false };
        let Some(Some(market)) = self.markets.get(order.instrument.index()) else { return false };
        let value = market.value(price, quantity);
        let (spends, receives) = match order.side {
            Side::Buy => (market.quote, market.base),
            Side::Sell => (market.base, market.quote),
        };
        let (Some(total), Some(fees)) = (plus(order.value, value), plus(order.fees, moved.fee)) else { return false };
        let mut hold = order.hold;
        if !covers(hold, moved.spent) {
            // The market became dearer than what was held: the rest comes from what is free.
            let Some(more) = minus(moved.spent, hold).filter(|more| self.ledger.hold(spends, *more)) else {
                return false;
            };
            hold = plus(hold, more).unwrap_or(hold);
        }
        if !self.ledger.spend(spends, moved.spent) {
            return false;
        }
        // Cannot fail before 128 bits are full, which no account that was counted so far comes near.
        let _counted = self.ledger.credit(receives, moved.received);
        hold = minus(hold, moved.spent).unwrap_or(ZERO);
        if let Some(order) = self.orders.get_mut(slot as usize) {
            order.filled = order.filled.saturating_add(quantity);
            (order.value, order.fees, order.hold) = (total, fees, hold);
        }
        self.free_surplus(slot, spends);
        self.record(now, &order, (price, quantity), maker, &moved);
        true
    }

    /// What an execution takes and brings, and its fee.
    fn moved(&self, order: &PaperOrder, price: i64, quantity: i64, maker: bool) -> Option<Moved> {
        let market = self.markets.get(order.instrument.index())?.as_deref()?;
        let rate: Fixed = if maker { self.maker } else { self.taker };
        let (value, size) = (market.value(price, quantity), market.amount(quantity));
        Some(match (self.rules.fee_from_received, order.side) {
            (Some(places), Side::Buy) => {
                let fee = cut(share(size, rate)?, places);
                Moved { spent: value, received: minus(size, fee)?, fee, fee_in_base: true }
            }
            (Some(places), Side::Sell) => {
                let fee = cut(share(value, rate)?, places);
                Moved { spent: size, received: minus(value, fee)?, fee, fee_in_base: false }
            }
            (None, Side::Buy) => {
                let fee = share(value, rate)?;
                Moved { spent: plus(value, fee)?, received: size, fee, fee_in_base: false }
            }
            (None, Side::Sell) => {
                let fee = share(value, rate)?;
                Moved { spent: size, received: minus(value, fee)?, fee, fee_in_base: false }
            }
        })
    }

    /// Where a venue does so, what a purchase was cheaper than its limit is free at once.
    fn free_surplus(&mut self, slot: u32, spends: usize) {
        let Some(order) = self.order(slot).copied() else { return };
        let (Some(limit), Side::Buy, true) = (order.limit, order.side, self.rules.frees_at_once) else { return };
        let Some(Some(market)) = self.markets.get(order.instrument.index()) else { return };
        let needed = market.value(limit, order.left());
        let surplus = minus(order.hold, needed).filter(|surplus| surplus.mantissa() > 0);
        let Some(surplus) = surplus.filter(|surplus| self.ledger.release(spends, *surplus)) else { return };
        if let Some(order) = self.orders.get_mut(slot as usize) {
            order.hold = minus(order.hold, surplus).unwrap_or(ZERO);
        }
    }

    /// An execution for whoever asks for it, and for the stream where it tells each.
    fn record(
        &mut self,
        now: UnixNanos,
        order: &PaperOrder,
        (price, quantity): (i64, i64),
        maker: bool,
        moved: &Moved,
    ) {
        self.executions = self.executions.saturating_add(1);
        let mut name = ArrayString::<36>::new();
        let _fits = write!(name, "paper-{}", self.executions);
        let execution_id: ExecutionId = InlineText::truncated(&name);
        let market = self.markets.get(order.instrument.index()).and_then(Option::as_deref);
        let base = market.and_then(|market| self.ledger.get(market.base)).map(|account| account.asset);
        let fill = FillFact {
            venue_order_id: order.id,
            execution_id,
            instrument: Some(order.instrument),
            side: order.side,
            price,
            quantity,
            fee: moved.fee,
            fee_asset: base.filter(|_| moved.fee_in_base && !moved.fee.is_zero()),
            liquidity: if maker { Liquidity::Maker } else { Liquidity::Taker },
            venue_time: now,
        };
        if self.rules.tells_executions {
            self.outbox.say(now, Told::Fill(fill));
        }
        if self.fills.len() >= FILLS_KEPT_MAX {
            self.fills.pop_front();
        }
        self.fills.push_back(fill);
    }

    /// Ends an order: it leaves its queue, and what it still held is free.
    pub(super) fn finish(&mut self, now: UnixNanos, slot: u32, status: OrderStatus) {
        let Some(order) = self.order(slot).copied().filter(|order| order.is_open()) else { return };
        self.leave_queue(slot);
        if let Some(spends) = self.spends(&order) {
            let _held = self.ledger.release(spends, order.hold);
        }
        if let Some(order) = self.orders.get_mut(slot as usize) {
            (order.status, order.hold) = (status, ZERO);
        }
        self.closed.push_back(slot);
        self.say_order(now, slot);
    }

    pub(super) fn leave_queue(&mut self, slot: u32) {
        let Some(instrument) = self.order(slot).map(|order| order.instrument) else { return };
        if let Some(Some(market)) = self.markets.get_mut(instrument.index()) {
            market.resting.retain(|resting| *resting != slot);
        }
    }

    pub(super) fn is_resting(&self, instrument: InstrumentId, slot: u32) -> bool {
        let market = self.markets.get(instrument.index()).and_then(Option::as_deref);
        market.is_some_and(|market| market.resting.contains(&slot))
    }
}
