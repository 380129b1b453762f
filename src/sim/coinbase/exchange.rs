//! Accounts, orders and fills over the markets: how an order is let in, cancelled and ended.
//!
//! Guarantees: money is exact, `available + hold` changes only by fills and fees, an order's hold is zero once it is
//! over, a terminal order never changes again. Every change of an order is one [`Update`], in the order it happened.
//! Knows nothing of HTTP, tokens or connections. Matching is in [`super::matching`], stops and timers in
//! [`super::schedule`], edits in [`super::edit`].

use super::order::{BracketPrices, Fill, Ids, Kind, NewOrder, Order, Progress, Size, Status};
use super::product::Market;
use super::reject::{CancelFailure, Reject};
use super::schedule::Schedule;
use crate::sim::market::{Past, Side};
use crate::sim::{Json, Rng, VenueEnd};
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// Earlier states kept per order for lagging listings; an order with more fills forgets its oldest ones.
const PAST_STATES_MAX: usize = 64;
const USER_CANCEL: &str = "User requested cancel";
pub(super) const NOT_FILLED: &str = "Order could not be filled immediately";
/// The originating order ended without a fill.
const NOTHING_TO_PROTECT: &str = "Originating order ended without a fill";

/// One currency's balance.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) uuid: String,
    pub(crate) currency: String,
    pub(crate) available: Decimal,
    pub(crate) hold: Decimal,
    pub(crate) updated_ns: u64,
}

/// An order as it stood at one moment, for the user channel.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    pub(crate) order: usize,
    pub(crate) progress: Progress,
}

/// Fee rates as fractions (reference 7.11).
#[derive(Clone, Copy, Debug)]
pub struct Fees {
    /// For a resting order that is hit.
    pub maker: Decimal,
    /// For an order that takes.
    pub taker: Decimal,
}

impl Default for Fees {
    fn default() -> Self {
        Self { maker: Decimal::new(6, 3), taker: Decimal::new(12, 3) }
    }
}

/// What happened to an order that was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// A new order, by its place in the list.
    New(usize),
    /// The client order id was known: this is the earlier order, and nothing new was made.
    Earlier(usize),
}

/// The whole state of the venue behind its doors.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) markets: Vec<Market>,
    pub(crate) accounts: Vec<Account>,
    /// What was in them when something was executed.
    pub(super) balances: Past<Vec<Account>>,
    pub(crate) orders: Vec<Order>,
    pub(crate) fills: Vec<Fill>,
    pub(crate) ids: Ids,
    pub(crate) fees: Fees,
    /// Changes not yet handed to the user channel.
    pub(crate) updates: Vec<Update>,
    /// While true, cancels stay queued and the orders go on matching.
    pub(crate) cancels_held: bool,
    /// The same for edits.
    pub(crate) edits_held: bool,
    pub(super) schedule: Schedule,
    pub(super) queued_edits: Vec<super::edit::Plan>,
    by_id: BTreeMap<String, usize>,
    by_client_id: BTreeMap<String, usize>,
    queued_cancels: Vec<usize>,
    pub(super) id_rng: Rng,
}

impl Exchange {
    pub(crate) fn new(
        markets: Vec<Market>,
        balances: &[(String, Decimal)],
        fees: Fees,
        seed: u64,
        now_ns: u64,
    ) -> Self {
        // Ids have a generator of their own: placing an order does not move the market.
        let mut id_rng = Rng::new(seed ^ 0x1d5);
        let ids = Ids { user: id_rng.uuid(), portfolio: id_rng.uuid() };
        let account = |(currency, available): &(String, Decimal)| Account {
            uuid: id_rng.uuid(),
            currency: currency.clone(),
            available: *available,
            hold: Decimal::ZERO,
            updated_ns: now_ns,
        };
        let accounts: Vec<Account> = balances.iter().map(account).collect();
        Self {
            markets,
            balances: Past::new(now_ns, accounts.clone()),
            accounts,
            orders: Vec::new(),
            fills: Vec::new(),
            ids,
            fees,
            updates: Vec::new(),
            cancels_held: false,
            edits_held: false,
            schedule: Schedule::default(),
            queued_edits: Vec::new(),
            by_id: BTreeMap::new(),
            by_client_id: BTreeMap::new(),
            queued_cancels: Vec::new(),
            id_rng,
        }
    }

    pub(crate) fn market_index(&self, product_id: &str) -> Option<usize> {
        self.markets.iter().position(|m| m.product.id == product_id)
    }

    /// The market an order for `product_id` trades in, and the currency it is paid in: an alias shares the market of
    /// its target and is paid in its own currency (Coinbase reference 7.1).
    pub(crate) fn listing(&self, product_id: &str) -> Option<(usize, &str)> {
        let own = |(i, m): (usize, &Market)| (m.product.id == product_id).then_some(i);
        if let Some(index) = self.markets.iter().enumerate().find_map(own) {
            return Some((index, self.markets.get(index)?.product.quote.as_str()));
        }
        let aliased = |(i, m): (usize, &Market)| (m.product.alias_id().as_deref() == Some(product_id)).then_some(i);
        self.markets.iter().enumerate().find_map(aliased).map(|index| (index, super::product::ALIAS_QUOTE))
    }

    pub(crate) fn order_index(&self, order_id: &str) -> Option<usize> {
        self.by_id.get(order_id).copied()
    }

    pub(crate) fn earlier(&self, client_order_id: &str) -> Option<usize> {
        self.by_client_id.get(client_order_id).copied()
    }

    pub(crate) fn account(&self, currency: &str) -> Option<&Account> {
        self.accounts.iter().find(|a| a.currency == currency)
    }

    /// Lets an order in: checks market and funds, matches, rests.
    pub(crate) fn place(&mut self, now_ns: u64, asked: NewOrder) -> Result<Placed, Reject> {
        if let Some(earlier) = self.earlier(&asked.client_order_id) {
            return Ok(Placed::Earlier(earlier));
        }
        let hold = self.check(&asked)?;
        self.reserve(now_ns, self.spends(&asked).to_owned().as_str(), hold);
        let bracket = asked.attached.map(|prices| self.attachment(&asked, prices));
        let index = self.admit(now_ns, asked, hold);
        if let Some(bracket) = bracket {
            let attached = self.list(now_ns, bracket, Decimal::ZERO, Status::Queued);
            self.link(index, attached);
        }
        self.begin(now_ns, index);
        self.run_triggers(now_ns);
        Ok(Placed::New(index))
    }

    /// Lets an order in that then fails, as one that passed the front end and not the engine (reference 6.8).
    pub(crate) fn fail(&mut self, now_ns: u64, asked: NewOrder, reason: &'static str) -> Result<Placed, Reject> {
        if let Some(earlier) = self.earlier(&asked.client_order_id) {
            return Ok(Placed::Earlier(earlier));
        }
        let index = self.admit(now_ns, asked, Decimal::ZERO);
        self.change(now_ns, index, |p| p.reject_reason = reason);
        self.finish(now_ns, index, Status::Failed, "");
        Ok(Placed::New(index))
    }

    /// Every rule an order must pass besides its form; gives what it will hold.
    pub(crate) fn check(&self, asked: &NewOrder) -> Result<Decimal, Reject> {
        self.check_market(asked)?;
        let hold = self.hold(asked)?;
        let account = self.account(self.spends(asked)).ok_or(Reject::NoAccount)?;
        if account.available < hold {
            return Err(Reject::InsufficientFund);
        }
        Ok(hold)
    }

    fn admit(&mut self, now_ns: u64, asked: NewOrder, hold: Decimal) -> usize {
        let index = self.list(now_ns, asked, hold, Status::Pending);
        self.announce(index);
        index
    }

    fn list(&mut self, now_ns: u64, asked: NewOrder, hold: Decimal, status: Status) -> usize {
        let index = self.orders.len();
        let limit = match asked.kind {
            Kind::Limit { ticks, .. }
            | Kind::StopLimit { ticks, .. }
            | Kind::Bracket { ticks, .. }
            | Kind::Twap { ticks, .. } => Some(ticks),
            Kind::Market | Kind::Scaled => None,
        };
        let order = Order {
            id: self.id_rng.uuid(),
            created_ns: now_ns,
            now: Progress {
                status,
                limit,
                size: asked.size,
                triggered: false,
                lots: 0,
                value: Decimal::ZERO,
                fees: Decimal::ZERO,
                fills: 0,
                hold,
                updated_ns: now_ns,
                last_fill_ns: 0,
                cancel_reason: "",
                reject_reason: "",
            },
            past: Vec::new(),
            resting: Vec::new(),
            edits: Vec::new(),
            attached: None,
            originating: None,
            asked,
        };
        self.by_id.insert(order.id.clone(), index);
        self.by_client_id.insert(order.asked.client_order_id.clone(), index);
        self.orders.push(order);
        index
    }

    /// The bracket attached to an order, its size still open: it will be what the order fills.
    fn attachment(&mut self, asked: &NewOrder, prices: BracketPrices) -> NewOrder {
        let BracketPrices { ticks, stop } = prices;
        let product = self.markets.get(asked.market).map(|m| m.product.clone());
        let price = |ticks| product.as_ref().map(|p| p.price(ticks)).unwrap_or_default();
        NewOrder {
            client_order_id: self.id_rng.uuid(),
            side: asked.side.opposite(),
            kind: Kind::Bracket { ticks, stop },
            size: Size::Base(0),
            in_quote: false,
            end_ns: None,
            rungs: Vec::new(),
            attached: None,
            configuration: Json::compact().object(|j| {
                j.obj("trigger_bracket_gtc", |j| {
                    j.str("limit_price", price(ticks)).str("stop_trigger_price", price(stop));
                });
            }),
            ..asked.clone()
        }
    }

    fn link(&mut self, order: usize, attached: usize) {
        if let Some(order) = self.orders.get_mut(order) {
            order.attached = Some(attached);
        }
        if let Some(bracket) = self.orders.get_mut(attached) {
            bracket.originating = Some(order);
        }
    }

    /// Asks for a cancel. `Ok` means queued, as on the venue (reference 3.2).
    pub(crate) fn cancel(&mut self, now_ns: u64, order_id: &str) -> Result<(), CancelFailure> {
        let index = self.order_index(order_id).ok_or(CancelFailure::UnknownOrder)?;
        match self.orders.get(index).map(|o| o.now.status) {
            Some(Status::Open | Status::Pending | Status::Queued) => {}
            Some(Status::EditQueued) => return Err(CancelFailure::BeingReplaced),
            Some(Status::CancelQueued) => return Err(CancelFailure::Duplicate),
            Some(Status::Filled) => return Err(CancelFailure::FullyFilled),
            Some(Status::Cancelled | Status::Expired | Status::Failed) | None => {
                return Err(CancelFailure::UnknownOrder)
            }
        }
        self.change(now_ns, index, |p| p.status = Status::CancelQueued);
        self.announce(index);
        self.queued_cancels.push(index);
        self.run_cancels(now_ns);
        Ok(())
    }

    /// Carries out queued cancels unless they are held.
    pub(crate) fn run_cancels(&mut self, now_ns: u64) {
        if self.cancels_held {
            return;
        }
        for index in std::mem::take(&mut self.queued_cancels) {
            self.finish(now_ns, index, Status::Cancelled, USER_CANCEL);
        }
    }

    /// Ends the open order of a client id, unasked; whether there was one.
    pub(crate) fn end_alone(&mut self, now_ns: u64, client_order_id: &str, end: VenueEnd) -> bool {
        let open = |at: &usize| self.orders.get(*at).is_some_and(|order| !order.now.status.is_terminal());
        let Some(index) = self.earlier(client_order_id).filter(open) else { return false };
        let (status, reason) = match end {
            VenueEnd::Cancelled => (Status::Cancelled, "Internal cancel"),
            VenueEnd::Expired => (Status::Expired, "Order expired"),
        };
        self.finish(now_ns, index, status, reason);
        true
    }

    /// Ends an order: it leaves the book, what it still held is given back, and a bracket attached to it either
    /// protects what was filled or ends too.
    pub(super) fn finish(&mut self, now_ns: u64, index: usize, status: Status, reason: &'static str) {
        let Some(order) = self.orders.get(index).filter(|o| !o.now.status.is_terminal()) else { return };
        let (hold, filled, attached) = (order.now.hold, order.now.lots, order.attached);
        // A bracket that never woke was never told of.
        let asleep = order.now.status == Status::Queued;
        let currency = self.spends(&order.asked).to_owned();
        self.withdraw(now_ns, index);
        self.reserve(now_ns, &currency, -hold);
        self.change(now_ns, index, |p| {
            p.status = status;
            p.hold = Decimal::ZERO;
            p.cancel_reason = reason;
        });
        self.schedule.forget(index);
        if !asleep {
            self.announce(index);
        }
        match attached {
            Some(bracket) if filled > 0 => self.activate(now_ns, bracket, filled),
            Some(bracket) => self.finish(now_ns, bracket, Status::Cancelled, NOTHING_TO_PROTECT),
            None => {}
        }
    }

    /// Wakes an attached bracket for so many lots.
    fn activate(&mut self, now_ns: u64, index: usize, lots: i64) {
        let Some(order) = self.orders.get(index).filter(|o| !o.now.status.is_terminal()) else { return };
        let asked = NewOrder { size: Size::Base(lots), ..order.asked.clone() };
        let spends = self.spends(&asked).to_owned();
        let hold = self.hold(&asked).ok().filter(|hold| self.account(&spends).is_some_and(|a| a.available >= *hold));
        self.change(now_ns, index, |p| p.size = Size::Base(lots));
        match hold {
            Some(hold) => {
                self.reserve(now_ns, &spends, hold);
                self.change(now_ns, index, |p| p.hold = hold);
                self.begin(now_ns, index);
            }
            None => {
                self.change(now_ns, index, |p| p.reject_reason = "HOLD_FAILURE");
                self.finish(now_ns, index, Status::Failed, "");
            }
        }
    }

    /// Takes what an order has in the book out of it.
    pub(super) fn withdraw(&mut self, now_ns: u64, index: usize) {
        let Some(order) = self.orders.get_mut(index) else { return };
        let (side, resting) = (order.asked.side, std::mem::take(&mut order.resting));
        if let Some(market) = self.markets.get_mut(order.asked.market) {
            for ticks in resting {
                market.pull(now_ns, side, ticks, index);
            }
        }
    }

    /// Moves money from available to hold, back if negative.
    pub(super) fn reserve(&mut self, now_ns: u64, currency: &str, amount: Decimal) {
        if let Some(account) = self.account_mut(currency) {
            account.available -= amount;
            account.hold += amount;
            account.updated_ns = now_ns;
        }
    }

    pub(super) fn change(&mut self, now_ns: u64, index: usize, f: impl FnOnce(&mut Progress)) {
        if let Some(order) = self.orders.get_mut(index) {
            if order.past.len() == PAST_STATES_MAX {
                order.past.remove(0);
            }
            order.past.push(order.now.clone());
            f(&mut order.now);
            order.now.updated_ns = now_ns;
        }
    }

    pub(super) fn announce(&mut self, index: usize) {
        if let Some(order) = self.orders.get(index) {
            self.updates.push(Update { order: index, progress: order.now.clone() });
        }
    }

    /// The currency an order spends.
    pub(crate) fn spends<'a>(&'a self, asked: &'a NewOrder) -> &'a str {
        match asked.side {
            Side::Buy => &asked.quote,
            Side::Sell => self.markets.get(asked.market).map_or("", |market| &market.product.base),
        }
    }

    pub(super) fn account_mut(&mut self, currency: &str) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|a| a.currency == currency)
    }
}
