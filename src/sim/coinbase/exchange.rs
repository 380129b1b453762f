//! Accounts, orders and fills over the markets: what happens when an order arrives, meets another or is cancelled.
//!
//! Guarantees: money is exact, `available + hold` changes only by fills and fees, an order's hold is zero once it is
//! over, a terminal order never changes again. Every change of an order is one [`Update`], in the order it happened.
//! Knows nothing of HTTP, tokens or connections.

use super::order::{Fill, Ids, Kind, NewOrder, Order, Progress, Rests, Size, Status};
use super::product::Market;
use super::reject::{CancelFailure, Reject};
use crate::sim::market::book::{Owner, Side};
use crate::sim::market::{Match, Want};
use crate::sim::Rng;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// Earlier states kept per order for lagging listings; an order with more fills forgets its oldest ones.
const PAST_STATES_MAX: usize = 64;
const USER_CANCEL: &str = "User requested cancel";
const NOT_FILLED: &str = "Order could not be filled immediately";

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
    pub(crate) orders: Vec<Order>,
    pub(crate) fills: Vec<Fill>,
    pub(crate) ids: Ids,
    pub(crate) fees: Fees,
    /// Changes not yet handed to the user channel.
    pub(crate) updates: Vec<Update>,
    /// While true, cancels stay queued and the orders go on matching.
    pub(crate) cancels_held: bool,
    by_id: BTreeMap<String, usize>,
    by_client_id: BTreeMap<String, usize>,
    queued_cancels: Vec<usize>,
    id_rng: Rng,
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
        let accounts = balances.iter().map(account).collect();
        Self {
            markets,
            accounts,
            orders: Vec::new(),
            fills: Vec::new(),
            ids,
            fees,
            updates: Vec::new(),
            cancels_held: false,
            by_id: BTreeMap::new(),
            by_client_id: BTreeMap::new(),
            queued_cancels: Vec::new(),
            id_rng,
        }
    }

    pub(crate) fn market_index(&self, product_id: &str) -> Option<usize> {
        self.markets.iter().position(|m| m.product.id == product_id)
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
        let hold = self.check_market(&asked)?;
        let currency = self.spends(&asked).to_owned();
        let account = self.account_mut(&currency).ok_or(Reject::NoAccount)?;
        if account.available < hold {
            return Err(Reject::InsufficientFund);
        }
        account.available -= hold;
        account.hold += hold;
        account.updated_ns = now_ns;
        let index = self.admit(now_ns, asked, hold);
        self.execute(now_ns, index);
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

    fn admit(&mut self, now_ns: u64, asked: NewOrder, hold: Decimal) -> usize {
        let index = self.orders.len();
        let order = Order {
            id: self.id_rng.uuid(),
            created_ns: now_ns,
            now: Progress {
                status: Status::Pending,
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
            asked,
        };
        self.by_id.insert(order.id.clone(), index);
        self.by_client_id.insert(order.asked.client_order_id.clone(), index);
        self.orders.push(order);
        self.announce(index);
        index
    }

    /// The rules that depend on the market: crossing, liquidity, and how much the order holds.
    fn check_market(&self, asked: &NewOrder) -> Result<Decimal, Reject> {
        let market = self.markets.get(asked.market).ok_or(Reject::InvalidProduct)?;
        let best = market.book.front(asked.side.opposite()).map(|front| front.ticks);
        if let Kind::Limit { ticks, rests: Rests::UntilCancelled { post_only: true } } = asked.kind {
            let crosses = best.is_some_and(|best| match asked.side {
                Side::Buy => ticks >= best,
                Side::Sell => ticks <= best,
            });
            if crosses {
                return Err(Reject::PostOnlyWouldCross);
            }
        }
        let with_fee = Decimal::ONE + self.fees.taker;
        Ok(match (asked.kind, asked.side, asked.size) {
            (_, _, Size::Quote(quote)) => {
                best.ok_or(Reject::NoLiquidity)?;
                quote
            }
            (Kind::Limit { ticks, .. }, Side::Buy, Size::Base(lots)) => {
                market.product.price(ticks) * market.product.size(lots) * with_fee
            }
            (Kind::Limit { .. }, Side::Sell, Size::Base(lots)) => market.product.size(lots),
            (Kind::Market, side, Size::Base(lots)) => {
                best.ok_or(Reject::NoLiquidity)?;
                match side {
                    Side::Sell => market.product.size(lots),
                    Side::Buy => cost(market, lots) * with_fee,
                }
            }
        })
    }

    fn execute(&mut self, now_ns: u64, index: usize) {
        let Some(asked) = self.orders.get(index).map(|o| o.asked.clone()) else { return };
        let (fee_rate, with_own) = (self.fees.taker, false);
        let Some(market) = self.markets.get_mut(asked.market) else { return };
        let limit = match asked.kind {
            Kind::Market => None,
            Kind::Limit { ticks, .. } => Some(ticks),
        };
        let kill = matches!((asked.kind, asked.size), (Kind::Limit { rests: Rests::FillOrKill, .. }, Size::Base(lots))
            if market.book.available(asked.side, limit) < lots);
        if kill {
            self.finish(now_ns, index, Status::Cancelled, NOT_FILLED);
            return;
        }
        let want = match asked.size {
            Size::Base(lots) => Want::Lots(lots),
            Size::Quote(quote) => Want::Spend { quote, fee_rate },
        };
        let matches = market.take(now_ns, asked.side, limit, with_own, want);
        for m in &matches {
            self.book_fill(now_ns, index, m.ticks, m.lots, false);
        }
        let filled: i64 = matches.iter().map(|m| m.lots).sum();
        let whole = match asked.size {
            Size::Base(lots) => filled == lots,
            // A quote-sized order is done when no further lot fits, unless the book ran dry.
            Size::Quote(_) => {
                filled > 0
                    && self.markets.get(asked.market).is_some_and(|m| m.book.front(asked.side.opposite()).is_some())
            }
        };
        let left = match asked.size {
            Size::Base(lots) => lots - filled,
            Size::Quote(_) => 0,
        };
        match asked.kind {
            _ if whole => self.finish(now_ns, index, Status::Filled, ""),
            Kind::Limit { ticks, rests: Rests::UntilCancelled { .. } } if !self.would_cross(&asked, ticks) => {
                if let Some(market) = self.markets.get_mut(asked.market) {
                    market.rest(now_ns, asked.side, ticks, left, Owner::Client(index));
                }
                self.change(now_ns, index, |p| p.status = Status::Open);
                self.announce(index);
            }
            _ => self.finish(now_ns, index, Status::Cancelled, NOT_FILLED),
        }
    }

    /// After matching, only an order of the client's own can still stand in the way.
    fn would_cross(&self, asked: &NewOrder, ticks: i64) -> bool {
        let best = self.markets.get(asked.market).and_then(|m| m.book.front(asked.side.opposite()));
        best.is_some_and(|front| match asked.side {
            Side::Buy => ticks >= front.ticks,
            Side::Sell => ticks <= front.ticks,
        })
    }

    /// Books what other participants did to the client's resting orders.
    pub(crate) fn settle(&mut self, now_ns: u64, matches: &[Match]) {
        for m in matches {
            let Owner::Client(index) = m.maker else { continue };
            self.book_fill(now_ns, index, m.ticks, m.lots, true);
            let done = self.orders.get(index).is_some_and(|o| o.asked.size == Size::Base(o.now.lots));
            if done {
                self.queued_cancels.retain(|queued| *queued != index);
                self.finish(now_ns, index, Status::Filled, "");
            } else {
                self.announce(index);
            }
        }
    }

    /// Asks for a cancel. `Ok` means queued, as on the venue (reference 3.2).
    pub(crate) fn cancel(&mut self, now_ns: u64, order_id: &str) -> Result<(), CancelFailure> {
        let index = self.order_index(order_id).ok_or(CancelFailure::UnknownOrder)?;
        let status = self.orders.get(index).map(|o| o.now.status);
        match status {
            Some(Status::Filled) => return Err(CancelFailure::FullyFilled),
            Some(Status::CancelQueued) => return Err(CancelFailure::Duplicate),
            Some(Status::Open | Status::Pending) => {}
            _ => return Err(CancelFailure::UnknownOrder),
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
            let Some(asked) = self.orders.get(index).map(|o| o.asked.clone()) else { continue };
            if let (Kind::Limit { ticks, .. }, Some(market)) = (asked.kind, self.markets.get_mut(asked.market)) {
                market.pull(now_ns, asked.side, ticks, index);
            }
            self.finish(now_ns, index, Status::Cancelled, USER_CANCEL);
        }
    }

    fn book_fill(&mut self, now_ns: u64, index: usize, ticks: i64, lots: i64, maker: bool) {
        let Some((market, side)) = self.orders.get(index).map(|o| (o.asked.market, o.asked.side)) else { return };
        let Some(product) = self.markets.get(market).map(|m| m.product.clone()) else { return };
        let size = product.size(lots);
        let value = product.price(ticks) * size;
        let fee = value * if maker { self.fees.maker } else { self.fees.taker };
        // What this fill takes out of the hold, and what it brings.
        let (spent, received, got_currency) = match side {
            Side::Buy => (value + fee, size, product.base.as_str()),
            Side::Sell => (size, value - fee, product.quote.as_str()),
        };
        let spent_currency = if side == Side::Buy { product.quote.as_str() } else { product.base.as_str() };
        if let Some(account) = self.account_mut(spent_currency) {
            account.hold -= spent;
            account.updated_ns = now_ns;
        }
        if let Some(account) = self.account_mut(got_currency) {
            account.available += received;
            account.updated_ns = now_ns;
        }
        self.change(now_ns, index, |p| {
            p.lots += lots;
            p.value += value;
            p.fees += fee;
            p.fills += 1;
            p.hold -= spent;
            p.last_fill_ns = now_ns;
        });
        let (entry_id, trade_id) = (self.id_rng.uuid(), self.id_rng.uuid());
        self.fills.push(Fill { entry_id, trade_id, order: index, ticks, lots, fee, maker, at_ns: now_ns });
    }

    /// Ends an order and gives back what it still held.
    fn finish(&mut self, now_ns: u64, index: usize, status: Status, reason: &'static str) {
        let Some((currency, hold)) = self.orders.get(index).map(|o| (self.spends(&o.asked).to_owned(), o.now.hold))
        else {
            return;
        };
        if let Some(account) = self.account_mut(&currency) {
            account.hold -= hold;
            account.available += hold;
            account.updated_ns = now_ns;
        }
        self.change(now_ns, index, |p| {
            p.status = status;
            p.hold = Decimal::ZERO;
            p.cancel_reason = reason;
        });
        self.announce(index);
    }

    fn change(&mut self, now_ns: u64, index: usize, f: impl FnOnce(&mut Progress)) {
        if let Some(order) = self.orders.get_mut(index) {
            if order.past.len() == PAST_STATES_MAX {
                order.past.remove(0);
            }
            order.past.push(order.now.clone());
            f(&mut order.now);
            order.now.updated_ns = now_ns;
        }
    }

    fn announce(&mut self, index: usize) {
        if let Some(order) = self.orders.get(index) {
            self.updates.push(Update { order: index, progress: order.now.clone() });
        }
    }

    fn spends(&self, asked: &NewOrder) -> &str {
        self.markets.get(asked.market).map_or("", |market| match asked.side {
            Side::Buy => &market.product.quote,
            Side::Sell => &market.product.base,
        })
    }

    fn account_mut(&mut self, currency: &str) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|a| a.currency == currency)
    }
}

/// What `lots` cost a taker at present, before fees.
fn cost(market: &Market, lots: i64) -> Decimal {
    let mut left = lots;
    let mut sum = Decimal::ZERO;
    for (ticks, here) in market.book.levels(Side::Sell) {
        let taken = left.min(here);
        sum += market.product.price(ticks) * market.product.size(taken);
        left -= taken;
        if left == 0 {
            break;
        }
    }
    sum
}
