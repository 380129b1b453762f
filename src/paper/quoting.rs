//! Orders at a venue that quotes prices: what an entry order means, when it is executed, and what its execution does to
//! the account's trades (OANDA reference 4 and 5).
//!
//! Nothing rests in a queue there: the venue is the other side of every fill. An order looks at the price it would be
//! filled at; once that is where it waits for it, it is filled whole out of the buckets, at their average, or not at all,
//! or in part if it is immediate-or-cancel. What our orders took is gone until the next price, which is a whole new
//! picture. What the account can bear is asked at every execution, not when an order is placed.

use super::margin::plan::{Plan, Reason};
use super::margin::{Closed, MarginAccount, Quoted, Trade};
use super::order::{book_side, EntryShape, PaperOrder, Place, Quotation, Size};
use super::rules::Refused;
use super::shown::Shown;
use super::told::{Answer, Told};
use super::venue::{NotOffered, PaperVenue, FILLS_KEPT_MAX};
use crate::order::{Denial, FactSource, FillFact, OrderFact, OrderStatus, PlaceReply, ReplaceReply};
use crate::record::money::plus;
use crate::record::{
    ExecutionId, Fixed128, InlineText, InstrumentId, Liquidity, Side, TimeInForce, UnixNanos, VenueOrderId,
};
use crate::venue::oanda::reject;
use crate::venue::oanda::request::{entry_order, EntryKind, Expiry, OnFill, TriggerPrice};
use crate::venue::oanda::InstrumentRules;
use crate::venue::{AccountFact, Facts, PlaceIntent, TradeEffect, TradeFill};
use arrayvec::ArrayString;
use std::fmt::Write as _;

/// What becomes of an order the moment it exists.
#[derive(Debug, Clone, Copy)]
enum Birth {
    Fills(Plan),
    Rests,
    /// It never lived.
    Dies(Reason),
}

/// Not filled now, and may not rest.
const EXPIRED: Reason = "TIME_IN_FORCE_EXPIRED";

impl PaperVenue {
    /// What an intent asks of a venue that quotes.
    pub(super) fn asked_entry(&self, now: UnixNanos, intent: &PlaceIntent<'_>) -> Result<PaperOrder, NotOffered> {
        let entry = entry_order(now, intent).map_err(|_| NotOffered)?;
        if entry.on_fill != OnFill::default() {
            return Err(NotOffered);
        }
        let (tif, until) = match entry.expiry {
            Expiry::GoodTilCancelled => (TimeInForce::GoodTilCancelled, UnixNanos::NONE),
            Expiry::GoodTilDate(until) => (TimeInForce::GoodTilCancelled, until),
            Expiry::FillOrKill => (TimeInForce::FillOrKill, UnixNanos::NONE),
            Expiry::ImmediateOrCancel => (TimeInForce::ImmediateOrCancel, UnixNanos::NONE),
            // The end of New York's day needs a calendar.
            Expiry::GoodForDay => return Err(NotOffered),
        };
        // They are written at the instrument's exponents.
        let (kind, limit, bound) = match entry.kind {
            EntryKind::Market { price_bound } => (EntryShape::Market, None, price_bound),
            EntryKind::Limit { price } => (EntryShape::Limit, Some(price), None),
            EntryKind::Stop { price, price_bound } => (EntryShape::Stop, Some(price), price_bound),
            // From which side it is reached is known when it arrives.
            EntryKind::MarketIfTouched { price, price_bound } => {
                (EntryShape::Touched { rises: false }, Some(price), price_bound)
            }
        };
        let units = entry.units.mantissa();
        Ok(PaperOrder {
            instrument: intent.instrument.id,
            side: if units < 0 { Side::Sell } else { Side::Buy },
            limit: limit.map(|price| price.mantissa()),
            size: Size::Base(units.saturating_abs()),
            tif,
            status: OrderStatus::Open,
            quotation: Quotation {
                kind,
                bound: bound.map(|bound| bound.mantissa()),
                position_fill: entry.position_fill,
                trigger: entry.trigger,
                until,
            },
            ..PaperOrder::VACANT
        })
    }

    /// A new order has arrived.
    pub(super) fn take_quoted(&mut self, now: UnixNanos, order: PaperOrder, shown: Option<Shown<'_>>) {
        let client = order.client;
        let entered = shown.ok_or(Refused::NoBook).and_then(|shown| Ok((self.enter(now, order)?, shown)));
        let (slot, shown) = match entered {
            Ok(entered) => entered,
            Err(refused) => {
                let reply = self.denial(refused).into();
                return self.outbox.say(now, Told::Answer(Answer::Place(client, reply)));
            }
        };
        let birth = self.birth(slot, shown);
        if let Birth::Dies(reason) = birth {
            // The answer has no place for its id: what became of it is told first.
            self.live(now, slot, birth, shown);
            let reply = Denial::refused(reject::ending(reason, true).1, reason).into();
            return self.outbox.say(now, Told::Answer(Answer::Place(client, reply)));
        }
        let venue_order_id = self.order(slot).map_or(VenueOrderId::EMPTY, |order| order.id);
        self.outbox.say(now, Told::Answer(Answer::Place(client, PlaceReply::Accepted { venue_order_id })));
        self.live(now, slot, birth, shown);
    }

    /// A change has arrived: another limit order takes the place of the one that waits, under another id.
    pub(super) fn requote(
        &mut self,
        now: UnixNanos,
        (id, old): (VenueOrderId, Option<u32>),
        (price, quantity): (i64, i64),
        shown: Option<Shown<'_>>,
    ) {
        // The book first: without one nothing is changed.
        let entered =
            shown.ok_or(Refused::NoBook).and_then(|shown| Ok((self.reenter(now, old, (price, quantity))?, shown)));
        let (slot, shown) = match entered {
            Ok(entered) => entered,
            Err(refused) => {
                let reply = self.denial(refused).into();
                return self.outbox.say(now, Told::Answer(Answer::Replace(id, reply)));
            }
        };
        let new = self.order(slot).map_or(VenueOrderId::EMPTY, |order| order.id);
        self.outbox.say(now, Told::Renumbered(id, new));
        self.outbox.say(now, Told::Answer(Answer::Replace(new, ReplaceReply::Accepted)));
        let birth = self.birth(slot, shown);
        self.live(now, slot, birth, shown);
    }

    fn reenter(&mut self, now: UnixNanos, old: Option<u32>, (price, quantity): (i64, i64)) -> Result<u32, Refused> {
        let old = old.ok_or(Refused::NotFound)?;
        let before = *self.order(old).filter(|order| order.is_open()).ok_or(Refused::NotFound)?;
        if before.quotation.kind != EntryShape::Limit {
            return Err(Refused::NotEditable);
        }
        let quotation = Quotation { kind: EntryShape::Limit, ..Quotation::PLAIN };
        let order = PaperOrder { limit: Some(price), size: Size::Base(quantity), quotation, ..before };
        let new = self.enter(now, order)?;
        self.leave_queue(old);
        // Nobody asks for it any more: its client id is the new one's.
        if let Some(place) = self.orders.get_mut(old as usize) {
            *place = PaperOrder::VACANT;
        }
        self.free.push(old);
        Ok(new)
    }

    /// Gives an order its slot, its id, and for one that waits to be touched the side from which it is.
    fn enter(&mut self, now: UnixNanos, mut order: PaperOrder) -> Result<u32, Refused> {
        let slot = self.free_slot().ok_or(Refused::TooManyOrders)?;
        let quoted = self.margin.as_deref().and_then(|account| account.get(order.instrument));
        if let (EntryShape::Touched { .. }, Some(limit), Some(quoted)) = (order.quotation.kind, order.limit, quoted) {
            let rises = i128::from(limit).saturating_mul(2) > twice_reference(quoted, &order);
            order.quotation.kind = EntryShape::Touched { rises };
        }
        order.place = Place::NONE;
        self.enlist(now, slot, order);
        if order.quotation.until.is_some() {
            self.ends_at = self.ends_at.into_iter().chain([order.quotation.until]).min();
        }
        Ok(slot)
    }

    fn birth(&self, slot: u32, shown: Shown<'_>) -> Birth {
        let Some(order) = self.order(slot) else { return Birth::Dies("INTERNAL_SERVER_ERROR") };
        let immediate = order.tif != TimeInForce::GoodTilCancelled;
        if !self.is_due(order) {
            return if immediate { Birth::Dies(EXPIRED) } else { Birth::Rests };
        }
        match self.plan(order, shown, None) {
            Ok(plan) => Birth::Fills(plan),
            Err(reason) if immediate || ends_order(order.quotation.kind, reason) => Birth::Dies(reason),
            Err(_) => Birth::Rests,
        }
    }

    /// What its birth says comes true, and is told.
    fn live(&mut self, now: UnixNanos, slot: u32, birth: Birth, shown: Shown<'_>) {
        let Some(order) = self.order(slot).copied() else { return };
        if order.quotation.kind != EntryShape::Market {
            self.say_order(now, slot);
        }
        match birth {
            Birth::Rests => {
                if let Some(Some(market)) = self.markets.get_mut(order.instrument.index()) {
                    market.resting.push(slot);
                }
            }
            Birth::Dies(reason) => self.end(now, slot, reason, true),
            Birth::Fills(plan) => {
                self.perform(now, slot, plan, shown, None);
                if plan.partial {
                    self.end(now, slot, EXPIRED, true);
                }
            }
        }
    }

    /// Whether the market is where the order waits for it.
    fn is_due(&self, order: &PaperOrder) -> bool {
        let quoted = self.margin.as_deref().and_then(|account| account.get(order.instrument));
        let buys = order.side == Side::Buy;
        let rises_to = match order.quotation.kind {
            EntryShape::Market => return true,
            EntryShape::Limit => !buys,
            EntryShape::Stop => buys,
            EntryShape::Touched { rises } => rises,
        };
        let (Some(quoted), Some(limit)) = (quoted.filter(|q| q.tradeable && q.is_priced()), order.limit) else {
            return false;
        };
        let (seen, waits_for) = (twice_reference(quoted, order), i128::from(limit).saturating_mul(2));
        if rises_to {
            seen >= waits_for
        } else {
            seen <= waits_for
        }
    }

    fn plan(&self, order: &PaperOrder, shown: Shown<'_>, only: Option<u64>) -> Result<Plan, Reason> {
        let market = self.markets.get(order.instrument.index()).and_then(Option::as_deref);
        let (Some(market), Some(account)) = (market, self.margin.as_deref()) else {
            return Err("INSTRUMENT_PRICE_UNKNOWN");
        };
        account.plan(market, order, shown, only)
    }

    /// Books an execution that was planned a moment ago, and tells it.
    fn perform(&mut self, now: UnixNanos, slot: u32, plan: Plan, shown: Shown<'_>, only: Option<u64>) {
        let Some(order) = self.order(slot).copied() else { return };
        let Some(Some(market)) = self.markets.get_mut(order.instrument.index()) else { return };
        let value = market.value(plan.price, plan.filled);
        let from = book_side(order.side).opposite();
        self.matches.clear();
        self.matches.extend(market.offered(shown, from));
        let mut left = plan.filled;
        for (price, size) in self.matches.iter().copied() {
            let taken = size.min(left);
            if taken > 0 {
                market.eaten.add(from, price, taken);
                left = left.saturating_sub(taken);
            }
        }
        self.executions = self.executions.saturating_add(1);
        let number = self.executions;
        let Some(account) = self.margin.as_deref_mut() else { return };
        let mut closed = std::mem::take(&mut account.closed);
        // Planned with the same figures: a profit that could not be counted was refused there.
        let _counted = account.close(order.instrument, only, (plan.closes, plan.price), &mut closed);
        if plan.opens > 0 {
            let units = if order.side == Side::Buy { plan.opens } else { plan.opens.saturating_neg() };
            account.open(order.instrument, Trade { id: number, units, price: plan.price });
        }
        account.changed = true;
        let leaves = !plan.partial;
        if let Some(order) = self.orders.get_mut(slot as usize) {
            order.filled = order.filled.saturating_add(plan.filled);
            order.value = plus(order.value, value).unwrap_or(order.value);
            if leaves {
                order.status = OrderStatus::Filled;
            }
        }
        self.tell_parts(now, &order, (number, plan), &closed);
        if let Some(account) = self.margin.as_deref_mut() {
            account.closed = closed;
        }
        if leaves {
            self.leave_queue(slot);
            self.closed.push_back(slot);
        }
        self.say_order(now, slot);
    }

    /// One part for each trade that was closed, reduced or opened, in this order.
    fn tell_parts(&mut self, now: UnixNanos, order: &PaperOrder, (number, plan): (u64, Plan), closed: &[Closed]) {
        let part = |trade: u64, units: i64, effect: TradeEffect, realised: Option<Fixed128>| TradeFill {
            fill: FillFact {
                venue_order_id: order.id,
                execution_id: execution_id(number, trade),
                instrument: Some(order.instrument),
                side: order.side,
                price: plan.price,
                quantity: units,
                fee: Fixed128::default(),
                fee_asset: None,
                // The venue is the counterparty of every fill: there is no maker.
                liquidity: Liquidity::Unknown,
                venue_time: now,
            },
            trade_id: trade,
            effect,
            realised,
        };
        let closes = closed.iter().map(|closed| {
            let effect = if closed.whole { TradeEffect::Closed } else { TradeEffect::Reduced };
            part(closed.trade, closed.units, effect, Some(closed.profit))
        });
        let opens = (plan.opens > 0).then(|| part(number, plan.opens, TradeEffect::Opened, None));
        for part in closes.chain(opens) {
            if self.fills.len() >= FILLS_KEPT_MAX {
                self.fills.pop_front();
            }
            self.fills.push_back(part.fill);
            self.outbox.parts.push_back(part);
        }
        let count = closed.len().saturating_add(usize::from(plan.opens > 0));
        self.outbox.say(now, Told::Fills(count));
    }

    /// Ends an order as the venue does by itself, in its words.
    fn end(&mut self, now: UnixNanos, slot: u32, reason: Reason, at_birth: bool) {
        let Some(order) = self.order(slot).filter(|order| order.is_open()) else { return };
        let (status, reject) = reject::ending(reason, at_birth);
        let fact = OrderFact { status, reject, ..order.fact(FactSource::Stream, false) };
        self.leave_queue(slot);
        if let Some(order) = self.orders.get_mut(slot as usize) {
            (order.status, order.updated) = (status, now);
        }
        self.closed.push_back(slot);
        let code = InlineText::truncated(reason);
        self.outbox.say(now, Told::Order(OrderFact { code, venue_time: now, ..fact }));
    }

    /// A new price of an instrument: orders that waited for it are executed, the oldest first, and an account that is lost
    /// is closed out.
    pub(super) fn quoted(&mut self, now: UnixNanos, instrument: InstrumentId, shown: Shown<'_>) {
        let Some(account) = self.margin.as_deref_mut() else { return };
        account.priced(instrument, shown);
        let Some(Some(market)) = self.markets.get_mut(instrument.index()) else { return };
        market.eaten.forget();
        let mut queue = std::mem::take(&mut self.queue);
        queue.clear();
        queue.extend(market.resting.iter().copied());
        for slot in queue.iter().copied() {
            let Some(order) = self.order(slot).filter(|order| order.is_open() && self.is_due(order)) else { continue };
            match self.plan(order, shown, None) {
                Ok(plan) => self.perform(now, slot, plan, shown, None),
                Err(reason) if ends_order(order.quotation.kind, reason) => self.end(now, slot, reason, false),
                // It waits for more.
                Err(_) => {}
            }
        }
        self.queue = queue;
        self.close_out(now, instrument, shown);
        self.say_balances(now);
    }

    /// Closes an instrument's trades if half the margin is more than what the account is worth; those of others follow
    /// with their next prices.
    fn close_out(&mut self, now: UnixNanos, instrument: InstrumentId, shown: Shown<'_>) {
        let Some(account) = self.margin.as_deref() else { return };
        // First, since what the account is worth takes a look at everything it holds.
        let Some(held) = account.get(instrument).filter(|quoted| !quoted.trades.is_empty()) else { return };
        if !account.is_lost() {
            return;
        }
        let trades: Vec<Trade> = held.trades.iter().copied().collect();
        for trade in trades {
            let order = PaperOrder {
                instrument,
                side: if trade.units < 0 { Side::Buy } else { Side::Sell },
                size: Size::Base(trade.units.saturating_abs()),
                // What the buckets do not have for it stays open until the next price.
                tif: TimeInForce::ImmediateOrCancel,
                status: OrderStatus::Open,
                ..PaperOrder::VACANT
            };
            let Ok(plan) = self.plan(&order, shown, Some(trade.id)) else { continue };
            let Ok(slot) = self.enter(now, order) else { return };
            self.perform(now, slot, plan, shown, Some(trade.id));
            if plan.partial {
                self.end(now, slot, EXPIRED, true);
            }
        }
    }

    /// Ends what was good till a moment that has come.
    pub(super) fn expire(&mut self, now: UnixNanos) {
        if self.ends_at.is_none_or(|at| at > now) {
            return;
        }
        let mut queue = std::mem::take(&mut self.queue);
        queue.clear();
        queue.extend(self.markets.iter().flatten().flat_map(|market| market.resting.iter().copied()));
        self.ends_at = None;
        for slot in queue.iter().copied() {
            let Some(until) = self.order(slot).map(|order| order.quotation.until).filter(|at| at.is_some()) else {
                continue;
            };
            if until <= now {
                self.end(now, slot, EXPIRED, false);
            } else {
                self.ends_at = self.ends_at.into_iter().chain([until]).min();
            }
        }
        self.queue = queue;
    }

    /// Whether an instrument can be traded now. What waits is executed with the next price.
    pub fn set_tradeable(&mut self, instrument: InstrumentId, tradeable: bool) {
        if let Some(quoted) = self.margin.as_deref_mut().and_then(|account| account.get_mut(instrument)) {
            quoted.tradeable = tradeable;
        }
    }

    /// The account's own rules of an instrument: its margin, and the most that may be held.
    pub fn set_rules(&mut self, instrument: InstrumentId, rules: &InstrumentRules) {
        if let Some(account) = self.margin.as_deref_mut() {
            account.set_rules(instrument, rules);
        }
    }

    /// Figures of an account of margin.
    pub fn tell_account(&self, now: UnixNanos, facts: &mut impl Facts) {
        if let Some(account) = self.margin.as_deref() {
            facts.account(&figures(now, account));
        }
    }

    /// The account's figures if an execution changed them.
    pub(super) fn say_figures(&mut self, now: UnixNanos) {
        if let Some(account) = self.margin.as_deref_mut().filter(|account| account.changed) {
            account.changed = false;
            let fact = figures(now, account);
            self.outbox.say(now, Told::Account(fact));
        }
    }
}

/// What an account of margin is told to be; without a price to convert what it holds, only its cash is known.
fn figures(now: UnixNanos, account: &MarginAccount) -> AccountFact {
    let figures = account.figures();
    AccountFact {
        balance: Some(account.balance),
        net_value: figures.map(|figures| figures.net_value),
        unrealised: figures.map(|figures| figures.unrealised),
        margin_used: figures.map(|figures| figures.margin_used),
        margin_available: figures.map(|figures| figures.margin_available),
        margin_call: None,
        venue_time: now,
        currency: account.currency,
        margin_rate: Some(account.rate.into()),
        hedging: Some(false),
        // It is told behind every execution that it includes.
        last_transaction: u64::MAX,
    }
}

/// Twice the price an order looks at, so that the middle is exact.
fn twice_reference(quoted: &Quoted, order: &PaperOrder) -> i128 {
    let twice = |price: i64| i128::from(price).saturating_mul(2);
    match order.quotation.trigger {
        TriggerPrice::Default => twice(quoted.best(order.side)),
        TriggerPrice::Inverse => twice(quoted.best(order.side.opposite())),
        TriggerPrice::Bid => twice(quoted.bid),
        TriggerPrice::Ask => twice(quoted.ask),
        TriggerPrice::Mid => i128::from(quoted.bid).saturating_add(i128::from(quoted.ask)),
    }
}

/// Whether an order that was due and could not be filled for this reason is done for; others wait and try again.
fn ends_order(kind: EntryShape, reason: Reason) -> bool {
    let waits = matches!(reason, "MARKET_HALTED" | "INSUFFICIENT_LIQUIDITY" | "BOUNDS_VIOLATION");
    match kind {
        EntryShape::Market => true,
        EntryShape::Stop | EntryShape::Touched { .. } => reason != "MARKET_HALTED",
        EntryShape::Limit => !waits,
    }
}

/// As the venue's: the number of the fill, and the trade's.
fn execution_id(fill: u64, trade: u64) -> ExecutionId {
    let mut name = ArrayString::<48>::new();
    let _fits = write!(name, "paper-{fill}-{trade}");
    InlineText::truncated(&name)
}
