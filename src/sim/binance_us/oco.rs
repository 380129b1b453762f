//! One cancels the other: placing a list of two, and what a leg's fate does to its sibling (Binance.US reference 3).
//!
//! The money of a list is locked once, by the limit leg; the stop leg takes it over when it triggers.

use super::exchange::{Event, Exchange};
use super::list::List;
use super::order::{NewOrder, Order};
use super::reject::Failure;
use crate::sim::market::Side;
use crate::sim::Json;
use rust_decimal::Decimal;

impl Exchange {
    /// Lets a list in: the stop leg and the limit leg of one symbol, side and quantity.
    pub(crate) fn place_oco(
        &mut self,
        now_ns: u64,
        client_id: String,
        stop: NewOrder,
        limit: NewOrder,
    ) -> Result<usize, Failure> {
        let last = self.markets.get(limit.symbol).ok_or_else(Failure::symbol)?.last();
        let reference = if stop.stop > 0 { stop.stop } else { last };
        let ordered = match limit.side {
            Side::Sell => limit.ticks > last && reference <= last,
            Side::Buy => limit.ticks < last && reference >= last,
        };
        if !ordered {
            return Err(Failure::order("The relationship of the prices for the orders is not correct."));
        }
        let known = self.lists.iter().any(|list| !list.done && list.asked_client_id == client_id);
        if known || stop.client_id == limit.client_id {
            return Err(Failure::order("Duplicate order sent."));
        }
        self.check(&limit)?;
        self.check(&stop)?;
        let hold = self.needed(&limit).max(self.needed(&stop));
        self.lock_for(&limit, hold)?;
        let at = self.lists.len();
        let symbol = limit.symbol;
        let asked_client_id = client_id.clone();
        self.lists.push(List {
            id: at as u64,
            symbol,
            client_id,
            asked_client_id,
            legs: [self.orders.len(), self.orders.len() + 1],
            at_ns: now_ns,
            done: false,
        });
        let legs = [self.admit(now_ns, stop, Decimal::ZERO, Some(at)), self.admit(now_ns, limit, hold, Some(at))];
        for leg in legs {
            self.announce_new(now_ns, leg);
        }
        self.announce_list(now_ns, at);
        let [_, limit] = legs;
        self.start(now_ns, limit);
        self.turn_over(now_ns);
        Ok(at)
    }

    /// Cancels both legs under the id of the cancel.
    pub(super) fn end_list(&mut self, now_ns: u64, at: usize, cancel_id: &str) {
        let Some(legs) = self.lists.get_mut(at).map(|list| {
            list.client_id = cancel_id.to_owned();
            list.legs
        }) else {
            return;
        };
        for leg in legs {
            if self.orders.get(leg).is_some_and(Order::is_open) {
                self.end_by_cancel(now_ns, leg, cancel_id);
            }
        }
    }

    /// Cancels an open list by its id or its client id.
    pub(crate) fn cancel_list(
        &mut self,
        now_ns: u64,
        symbol: usize,
        id: Option<u64>,
        client_id: Option<&str>,
        cancel_id: Option<&str>,
    ) -> Result<usize, Failure> {
        let named = |list: &List| match (id, client_id) {
            (Some(id), _) => list.id == id,
            (None, client_id) => client_id == Some(list.asked_client_id.as_str()),
        };
        let at = self.lists.iter().rposition(|list| named(list) && list.symbol == symbol && !list.done);
        let at = at.ok_or_else(Failure::unknown_order)?;
        let cancel_id = cancel_id.map_or_else(|| self.made_id(), str::to_owned);
        self.end_list(now_ns, at, &cancel_id);
        self.turn_over(now_ns);
        Ok(at)
    }

    /// The other leg of an order's list, if that is still open.
    fn sibling(&self, index: usize) -> Option<usize> {
        let list = self.lists.get(self.orders.get(index)?.list?).filter(|list| !list.done)?;
        let other = list.legs.into_iter().find(|leg| *leg != index)?;
        self.orders.get(other).filter(|o| o.is_open()).map(|_| other)
    }

    /// What happened to one leg, a fill or its end by self-trade prevention, ends the other.
    pub(super) fn end_other_leg(&mut self, now_ns: u64, index: usize) {
        if let Some(other) = self.sibling(index) {
            self.expire(now_ns, other, "OCO_TRIGGER");
        }
    }

    /// The trigger of the stop leg ends the limit leg and takes over its money.
    pub(super) fn leg_triggered(&mut self, now_ns: u64, index: usize) {
        let Some(other) = self.sibling(index) else { return };
        let hold = self.orders.get(other).map_or(Decimal::ZERO, |o| o.now.hold);
        self.change(now_ns, other, |p| p.hold = Decimal::ZERO);
        self.change(now_ns, index, |p| p.hold += hold);
        self.expire(now_ns, other, "OCO_TRIGGER");
    }

    /// When both legs are over the list is done.
    pub(super) fn leg_ended(&mut self, now_ns: u64, index: usize) {
        let Some(at) = self.orders.get(index).and_then(|o| o.list) else { return };
        let open = |leg: &usize| self.orders.get(*leg).is_some_and(Order::is_open);
        let Some(list) = self.lists.get(at).filter(|list| !list.done && !list.legs.iter().any(open)) else { return };
        let id = list.id;
        if let Some(list) = self.lists.iter_mut().find(|list| list.id == id) {
            list.done = true;
            list.at_ns = now_ns;
        }
        self.announce_list(now_ns, at);
    }

    fn announce_list(&mut self, now_ns: u64, at: usize) {
        let Some(list) = self.lists.get(at) else { return };
        let symbol = self.symbol(list.symbol).map_or("", |s| &s.id);
        let text = list.event(now_ns, symbol, &self.legs_of(list));
        self.events.push(Event { text, order: None });
    }

    /// (order id, client order id) of both legs.
    fn legs_of(&self, list: &List) -> Vec<(u64, String)> {
        let leg = |at: &usize| self.orders.get(*at).map(|o| (o.id, o.asked.client_id.clone()));
        list.legs.iter().filter_map(leg).collect()
    }

    /// A list as REST shows it.
    pub(crate) fn write_list(&self, j: &mut Json, list: &List) {
        let symbol = self.symbol(list.symbol).map_or("", |s| &s.id);
        list.write(j, symbol, &self.legs_of(list));
    }
}
