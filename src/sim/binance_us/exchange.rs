//! Balances, orders and fills over the markets: what happens when an order arrives, meets another or is cancelled.
//!
//! Guarantees: money is exact, `free + locked` changes only by fills, commissions and deposits; an order's hold is zero
//! once it is over; a terminal order never changes again; an event for the user stream follows every change, in the
//! order of the changes. Knows nothing of HTTP, signatures or connections. Triggers are in `trigger`, lists in
//! `oco`, self-trade prevention is in `prevention`.

use super::filters::average_price;
use super::list::List;
use super::order::{Fill, NewOrder, Order, Prevented, Progress, Status, Tif, Type};
use super::product::{Market, Symbol, ASSET_PRECISION};
use super::reject::Failure;
use super::report::{self, Detail, Execution};
use crate::sim::market::book::{Owner, Side};
use crate::sim::market::{Account, Ledger, Match, Past, Want};
use crate::sim::Rng;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// Earlier states kept per order for lagging listings; an order with more changes forgets its oldest ones.
const PAST_STATES_MAX: usize = 64;
/// Where the venue's numbers were when they were last seen (Binance.US reference 3), so that nothing takes them for u32.
const ORDER_ID_FIRST: u64 = 2_281_896_601;
const EXECUTION_ID_FIRST: u64 = 4_644_480_641;
/// Length of the ids the venue makes up.
const MADE_ID_CHARS: usize = 22;

/// Commission rates as fractions, taken from what is received (recorded executionReport: a sale pays in the quote asset).
#[derive(Clone, Copy, Debug)]
pub struct Fees {
    /// For a resting order that is hit.
    pub maker: Decimal,
    /// For an order that takes.
    pub taker: Decimal,
    /// An asset they are taken in instead, and what one of it is worth in any quote asset; none of it is needed.
    pub instead: Option<(&'static str, Decimal)>,
}

impl Default for Fees {
    /// The venue's rates of 2026 on most pairs (Binance.US reference 9).
    fn default() -> Self {
        Self { maker: Decimal::ZERO, taker: Decimal::new(1, 4), instead: None }
    }
}

/// An event for the user stream.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) text: String,
    /// The order it is about, by place.
    pub(crate) order: Option<usize>,
}

/// What a cancel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// One order, by place.
    Order(usize),
    /// A whole list, by place.
    List(usize),
}

/// How a request names an order.
#[derive(Clone, Debug)]
pub(crate) enum OrderName {
    Id(u64),
    Client(String),
}

/// `cancelRestrictions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Restriction {
    OnlyNew,
    OnlyPartiallyFilled,
}

/// The whole state of the venue behind its doors.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) markets: Vec<Market>,
    pub(crate) ledger: Ledger,
    /// What was in it.
    pub(super) balances: Past<Vec<Account>>,
    pub(crate) orders: Vec<Order>,
    pub(crate) fills: Vec<Fill>,
    pub(crate) lists: Vec<List>,
    pub(crate) prevented: Vec<Prevented>,
    pub(crate) fees: Fees,
    /// Events not yet handed to the user stream.
    pub(crate) events: Vec<Event>,
    pub(super) execution_id: u64,
    /// Per market, the last trade the triggers have seen.
    pub(super) seen_trades: Vec<u64>,
    by_client_id: BTreeMap<String, usize>,
    id_rng: Rng,
}

impl Exchange {
    pub(crate) fn new(markets: Vec<Market>, balances: &[(String, Decimal)], fees: Fees, seed: u64) -> Self {
        let ledger = Ledger::new(balances);
        Self {
            seen_trades: markets.iter().map(|m| m.trades.front().map_or(0, |t| t.id)).collect(),
            markets,
            balances: Past::new(0, ledger.accounts().to_vec()),
            ledger,
            orders: Vec::new(),
            fills: Vec::new(),
            lists: Vec::new(),
            prevented: Vec::new(),
            fees,
            events: Vec::new(),
            execution_id: EXECUTION_ID_FIRST,
            by_client_id: BTreeMap::new(),
            // Ids have a generator of their own: placing an order does not move the market.
            id_rng: Rng::new(seed ^ 0x1d5),
        }
    }

    pub(crate) fn symbol_index(&self, id: &str) -> Option<usize> {
        self.markets.iter().position(|m| m.product.id == id)
    }

    pub(crate) fn symbol(&self, index: usize) -> Option<&Symbol> {
        self.markets.get(index).map(|m| &m.product)
    }

    /// An id as the venue makes them up: 22 letters and digits.
    pub(crate) fn made_id(&mut self) -> String {
        const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let draw = |_| ALPHABET.get(self.id_rng.below(62) as usize).map_or('0', |b| char::from(*b));
        (0..MADE_ID_CHARS).map(draw).collect()
    }

    /// The order a request means, whatever its state; the latest if a client id was used again.
    pub(crate) fn find(&self, symbol: usize, name: &OrderName) -> Option<usize> {
        let index = match name {
            OrderName::Id(id) => usize::try_from(id.checked_sub(ORDER_ID_FIRST)?).ok()?,
            OrderName::Client(id) => *self.by_client_id.get(id)?,
        };
        self.orders.get(index).filter(|order| order.asked.symbol == symbol).map(|_| index)
    }

    /// The latest order with that client id, on any symbol.
    pub(crate) fn latest(&self, client_id: &str) -> Option<usize> {
        self.by_client_id.get(client_id).copied()
    }

    /// `orderListId` of an order, -1 without a list.
    pub(crate) fn list_id(&self, order: &Order) -> i64 {
        order.list.and_then(|at| self.lists.get(at)).map_or(-1, |list| list.id as i64)
    }

    /// Lets an order in that has passed the filters: checks crossing, trigger and funds, then matches and rests.
    pub(crate) fn place(&mut self, now_ns: u64, asked: NewOrder) -> Result<usize, Failure> {
        let asked = self.sized(asked)?;
        self.check(&asked)?;
        let hold = self.needed(&asked);
        self.lock_for(&asked, hold)?;
        let index = self.admit(now_ns, asked, hold, None);
        self.announce_new(now_ns, index);
        self.start(now_ns, index);
        self.turn_over(now_ns);
        Ok(index)
    }

    /// An order that was let through the front and refused behind it, as the new leg of a cancelReplace: the only kind
    /// of rejection the user stream tells (reference 7).
    pub(crate) fn reject(&mut self, now_ns: u64, asked: NewOrder, reason: &'static str) {
        let index = self.admit(now_ns, asked, Decimal::ZERO, None);
        self.change(now_ns, index, |p| {
            p.status = Status::Rejected;
            p.reject_reason = reason;
            p.working_ns = None;
        });
        self.report(now_ns, index, Execution::Rejected, Detail::default());
    }

    /// The rules that depend on the market and on what is open.
    pub(crate) fn check(&self, asked: &NewOrder) -> Result<(), Failure> {
        let market = self.markets.get(asked.symbol).ok_or_else(Failure::symbol)?;
        let taken = self.latest(&asked.client_id).and_then(|at| self.orders.get(at)).is_some_and(Order::is_open);
        if taken {
            return Err(Failure::order("Duplicate order sent."));
        }
        if asked.kind == Type::LimitMaker && self.crosses(asked) {
            return Err(Failure::order("Order would immediately match and take."));
        }
        if asked.kind.is_triggered() && asked.stop > 0 {
            let last = market.last();
            let above = asked.kind.triggers_above(asked.side);
            if if above { last >= asked.stop } else { last <= asked.stop } {
                return Err(Failure::order("Order would trigger immediately."));
            }
        }
        Ok(())
    }

    /// A market order in quote, turned into the lots it pays for at present.
    fn sized(&self, mut asked: NewOrder) -> Result<NewOrder, Failure> {
        if asked.quote.is_zero() {
            return Ok(asked);
        }
        let market = self.markets.get(asked.symbol).ok_or_else(Failure::symbol)?;
        let mut left = asked.quote;
        for (ticks, here) in market.book.offered(asked.side) {
            let price = market.product.price(ticks);
            let lots = market.product.lots_for(left, price).min(here);
            left -= price * market.product.size(lots);
            asked.lots += lots;
            if lots < here {
                break;
            }
        }
        if asked.lots == 0 && market.book.offered(asked.side).next().is_some() {
            return Err(Failure::filter("LOT_SIZE"));
        }
        Ok(asked)
    }

    /// What has to be locked for an order, in the asset it spends.
    pub(super) fn needed(&self, asked: &NewOrder) -> Decimal {
        let Some(market) = self.markets.get(asked.symbol) else { return Decimal::ZERO };
        match asked.side {
            Side::Sell => market.product.size(asked.lots),
            Side::Buy if asked.kind.has_price() => market.product.value(asked.ticks, asked.lots),
            Side::Buy if asked.kind == Type::Market => self.cost(asked.symbol, asked.lots),
            // A trailing order without a stop price has nothing better to go by than the last trade.
            Side::Buy if asked.stop == 0 => market.product.value(market.last(), asked.lots),
            Side::Buy => market.product.value(asked.stop, asked.lots),
        }
    }

    /// Locks what an order needs.
    pub(super) fn lock_for(&mut self, asked: &NewOrder, hold: Decimal) -> Result<(), Failure> {
        let asset = self.spends(asked).to_owned();
        let locked = self.ledger.lock(&asset, hold);
        locked.then_some(()).ok_or_else(|| Failure::order("Account has insufficient balance for requested action."))
    }

    /// What so many lots cost a taker at present.
    pub(super) fn cost(&self, symbol: usize, lots: i64) -> Decimal {
        let Some(market) = self.markets.get(symbol) else { return Decimal::ZERO };
        let (mut left, mut sum) = (lots, Decimal::ZERO);
        for (ticks, here) in market.book.offered(Side::Buy) {
            let taken = left.min(here);
            sum += market.product.value(ticks, taken);
            left -= taken;
            if left == 0 {
                break;
            }
        }
        sum
    }

    pub(super) fn admit(&mut self, now_ns: u64, asked: NewOrder, hold: Decimal, list: Option<usize>) -> usize {
        let index = self.orders.len();
        let trails = asked.trailing > 0 && asked.stop == 0;
        let last = self.markets.get(asked.symbol).map_or(0, Market::last);
        let now = Progress {
            status: Status::New,
            client_id: asked.client_id.clone(),
            lots: 0,
            value: Decimal::ZERO,
            hold,
            updated_ns: now_ns,
            working_ns: (!asked.kind.is_triggered()).then_some(now_ns),
            prevented_lots: 0,
            prevented_id: None,
            expiry: None,
            reject_reason: "NONE",
            trailing_ns: trails.then_some(now_ns),
            reference: if trails { last } else { 0 },
        };
        self.by_client_id.insert(asked.client_id.clone(), index);
        let id = ORDER_ID_FIRST.saturating_add(index as u64);
        self.orders.push(Order { id, list, created_ns: now_ns, now, past: Vec::new(), asked });
        index
    }

    pub(super) fn announce_new(&mut self, now_ns: u64, index: usize) {
        self.report(now_ns, index, Execution::New, Detail::default());
    }

    /// Sends an order to the book unless it waits for its trigger.
    pub(super) fn start(&mut self, now_ns: u64, index: usize) {
        if self.orders.get(index).is_some_and(|o| o.now.working_ns.is_some()) {
            self.execute(now_ns, index);
        }
    }

    /// Matches a working order, then rests or ends what is left.
    pub(super) fn execute(&mut self, now_ns: u64, index: usize) {
        let Some(asked) = self.orders.get(index).map(|o| o.asked.clone()) else { return };
        let limit = asked.kind.has_price().then_some(asked.ticks);
        let Some(market) = self.markets.get(asked.symbol) else { return };
        if asked.tif == Tif::Fok && limit.is_some() && market.book.available(asked.side, limit) < asked.lots {
            self.expire(now_ns, index, "UNFILLED_FOK_ORDER_EXPIRED");
            return;
        }
        loop {
            let left = self.orders.get(index).map_or(0, Order::left);
            let Some(market) = self.markets.get_mut(asked.symbol).filter(|_| left > 0) else { return };
            for m in market.take(now_ns, asked.side, limit, false, Want::Lots(left)) {
                self.book_fill(now_ns, index, m, false);
            }
            let open = self.orders.get(index).is_some_and(|o| o.is_open() && o.left() > 0);
            match self.own_in_the_way(&asked).filter(|_| open) {
                Some(maker) => self.prevent(now_ns, index, maker),
                None => break,
            }
        }
        let Some(left) = self.orders.get(index).filter(|o| o.is_open()).map(Order::left) else { return };
        match (asked.kind.has_price(), asked.tif) {
            (true, Tif::Gtc) => {
                let peak = if asked.iceberg > 0 { asked.iceberg } else { left };
                if let Some(market) = self.markets.get_mut(asked.symbol) {
                    market.book.rest_iceberg(asked.side, asked.ticks, left, peak, Owner::Client(index));
                    market.changed_ns = now_ns;
                }
            }
            (true, Tif::Fok) => self.expire(now_ns, index, "UNFILLED_FOK_ORDER_EXPIRED"),
            (true, Tif::Ioc) => self.expire(now_ns, index, "UNFILLED_IOC_QUANTITY_EXPIRED"),
            (false, _) => self.expire(now_ns, index, "INSUFFICIENT_LIQUIDITY"),
        }
    }

    /// Whether a limit order would take at present.
    pub(super) fn crosses(&self, asked: &NewOrder) -> bool {
        let front = self.markets.get(asked.symbol).and_then(|m| m.book.front(asked.side.opposite()));
        front.is_some_and(|front| reaches(asked.side, asked.ticks, front.ticks))
    }

    /// Books what other participants did to the client's resting orders, and what follows from the trades.
    pub(crate) fn settle(&mut self, now_ns: u64, matches: &[Match]) {
        for m in matches {
            if let Owner::Client(index) = m.maker {
                self.book_fill(now_ns, index, *m, true);
            }
        }
        self.turn_over(now_ns);
    }

    /// The end of every command: triggers that the trades pulled, then the balances that moved.
    pub(super) fn turn_over(&mut self, now_ns: u64) {
        self.run_triggers(now_ns);
        let touched = self.ledger.take_touched();
        if !touched.is_empty() {
            self.balances.note(now_ns, self.ledger.accounts().to_vec());
            self.events.push(Event { text: report::account_position(now_ns, &touched), order: None });
        }
    }

    fn book_fill(&mut self, now_ns: u64, index: usize, m: Match, maker: bool) {
        let Some(order) = self.orders.get(index) else { return };
        let (asked, hold_before) = (order.asked.clone(), order.now.hold);
        let Some(symbol) = self.symbol(asked.symbol).cloned() else { return };
        let (size, value) = (symbol.size(m.lots), symbol.value(m.ticks, m.lots));
        let rate = if maker { self.fees.maker } else { self.fees.taker };
        let instead = self.fees.instead;
        let cut = |gross: Decimal| match instead {
            None => (gross * rate).trunc_with_scale(ASSET_PRECISION),
            Some(_) => Decimal::ZERO,
        };
        let fee = match asked.side {
            Side::Buy => {
                // A limit order locked its own price: what the fill was cheaper goes back.
                let locked = if asked.kind.has_price() { symbol.value(asked.ticks, m.lots) } else { value };
                let locked = locked.min(hold_before).max(value);
                // One without a price may meet worse ones than it was let in with: the rest is of what is free.
                let short = (value - hold_before).max(Decimal::ZERO);
                let added = if self.ledger.lock(&symbol.quote, short) { short } else { Decimal::ZERO };
                self.ledger.spend(&symbol.quote, value);
                self.ledger.unlock(&symbol.quote, locked - value);
                self.ledger.credit(&symbol.base, size - cut(size));
                self.change(now_ns, index, |p| p.hold += added - locked);
                cut(size)
            }
            Side::Sell => {
                self.ledger.spend(&symbol.base, size);
                self.ledger.credit(&symbol.quote, value - cut(value));
                self.change(now_ns, index, |p| p.hold -= size);
                cut(value)
            }
        };
        let (fee, fee_asset) = match instead {
            None => (fee, if asked.side == Side::Buy { symbol.base } else { symbol.quote }),
            Some((asset, worth)) => {
                let fee = (value * rate / worth).trunc_with_scale(ASSET_PRECISION);
                self.ledger.credit(asset, -fee);
                (fee, asset.to_owned())
            }
        };
        self.amend(index, |order| {
            order.now.lots += m.lots;
            order.now.value += value;
            order.now.status = if order.left() == 0 { Status::Filled } else { Status::PartiallyFilled };
        });
        let filled = self.orders.get(index).is_some_and(|o| o.now.status == Status::Filled);
        if filled {
            self.release(now_ns, index);
        }
        let (ticks, lots, trade_id) = (m.ticks, m.lots, m.trade_id);
        let fill = Fill { trade_id, order: index, ticks, lots, value, fee, fee_asset, maker, at_ns: now_ns };
        self.report(now_ns, index, Execution::Trade, Detail { fill: Some(&fill), ..Detail::default() });
        self.fills.push(fill);
        self.end_other_leg(now_ns, index);
        if filled {
            self.leg_ended(now_ns, index);
        }
    }

    /// Cancels one order, or the list it is in.
    pub(crate) fn cancel(
        &mut self,
        now_ns: u64,
        symbol: usize,
        name: &OrderName,
        cancel_id: Option<&str>,
        restriction: Option<Restriction>,
    ) -> Result<Ended, Failure> {
        let index = self.find(symbol, name).ok_or_else(Failure::unknown_order)?;
        let order = self.orders.get(index).filter(|o| o.is_open()).ok_or_else(Failure::unknown_order)?;
        let allowed = match restriction {
            None => true,
            Some(Restriction::OnlyNew) => order.now.status == Status::New,
            Some(Restriction::OnlyPartiallyFilled) => order.now.status == Status::PartiallyFilled,
        };
        if !allowed {
            return Err(Failure::cancel("Order was not canceled due to cancel restrictions."));
        }
        let list = order.list.filter(|at| self.lists.get(*at).is_some_and(|list| !list.done));
        let cancel_id = cancel_id.map_or_else(|| self.made_id(), str::to_owned);
        let ended = match list {
            Some(list) => {
                self.end_list(now_ns, list, &cancel_id);
                Ended::List(list)
            }
            None => {
                self.end_by_cancel(now_ns, index, &cancel_id);
                Ended::Order(index)
            }
        };
        self.turn_over(now_ns);
        Ok(ended)
    }

    /// Takes an order off the book and ends it under the id of its cancel.
    pub(super) fn end_by_cancel(&mut self, now_ns: u64, index: usize, cancel_id: &str) {
        self.pull(now_ns, index);
        self.release(now_ns, index);
        self.change(now_ns, index, |p| {
            p.status = Status::Canceled;
            p.client_id = cancel_id.to_owned();
        });
        self.report(now_ns, index, Execution::Canceled, Detail::default());
        self.leg_ended(now_ns, index);
    }

    /// Ends an order without a cancel, for a reason of the venue's.
    pub(super) fn expire(&mut self, now_ns: u64, index: usize, reason: &'static str) {
        self.pull(now_ns, index);
        self.release(now_ns, index);
        self.change(now_ns, index, |p| {
            p.status = Status::Expired;
            p.expiry = Some(reason);
        });
        self.report(now_ns, index, Execution::Expired, Detail::default());
        self.leg_ended(now_ns, index);
    }

    fn pull(&mut self, now_ns: u64, index: usize) {
        let Some((symbol, side, ticks)) = self.orders.get(index).map(|o| (o.asked.symbol, o.asked.side, o.asked.ticks))
        else {
            return;
        };
        let rests = |m: &&mut Market| m.book.holds(side, ticks, Owner::Client(index));
        if let Some(market) = self.markets.get_mut(symbol).filter(rests) {
            market.pull(now_ns, side, ticks, index);
        }
    }

    /// Gives back what an order still holds.
    pub(super) fn release(&mut self, now_ns: u64, index: usize) {
        self.set_hold(now_ns, index, Decimal::ZERO);
    }

    /// Lowers what an order holds; the difference goes free.
    pub(super) fn set_hold(&mut self, now_ns: u64, index: usize, hold: Decimal) {
        let Some(order) = self.orders.get(index).filter(|o| o.now.hold > hold) else { return };
        let (asset, surplus) = (self.spends(&order.asked).to_owned(), order.now.hold - hold);
        self.ledger.unlock(&asset, surplus);
        self.change(now_ns, index, |p| p.hold = hold);
    }

    /// Changes an order's state, keeping the old one; several changes in one moment are one state.
    pub(super) fn change(&mut self, now_ns: u64, index: usize, f: impl FnOnce(&mut Progress)) {
        if let Some(order) = self.orders.get_mut(index) {
            if order.now.updated_ns < now_ns {
                if order.past.len() == PAST_STATES_MAX {
                    order.past.remove(0);
                }
                order.past.push(order.now.clone());
            }
            f(&mut order.now);
            order.now.updated_ns = now_ns;
        }
    }

    fn amend(&mut self, index: usize, f: impl FnOnce(&mut Order)) {
        if let Some(order) = self.orders.get_mut(index) {
            f(order);
        }
    }

    /// Writes an execution report with the next execution id.
    pub(super) fn report(&mut self, now_ns: u64, index: usize, what: Execution, detail: Detail<'_>) {
        let Some(order) = self.orders.get(index) else { return };
        let Some(symbol) = self.symbol(order.asked.symbol) else { return };
        let detail = Detail { execution_id: self.execution_id, list_id: self.list_id(order), ..detail };
        let text = report::execution(now_ns, order, symbol, what, detail);
        self.execution_id += 1;
        self.events.push(Event { text, order: Some(index) });
    }

    /// The asset an order pays with.
    pub(super) fn spends(&self, asked: &NewOrder) -> &str {
        self.symbol(asked.symbol).map_or("", |symbol| match asked.side {
            Side::Buy => &symbol.quote,
            Side::Sell => &symbol.base,
        })
    }

    /// The average price filters go by, in quote per base.
    pub(crate) fn average(&self, symbol: usize, now_ns: u64) -> Decimal {
        self.markets.get(symbol).map_or(Decimal::ZERO, |market| average_price(market, now_ns))
    }
}

/// Whether a limit of `ticks` reaches an order of the other side at `front`.
pub(super) fn reaches(side: Side, ticks: i64, front: i64) -> bool {
    match side {
        Side::Buy => ticks >= front,
        Side::Sell => ticks <= front,
    }
}
