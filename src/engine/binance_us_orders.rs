//! Orders at Binance.US: cancels one by one, queries item by item, the account's events, and what replies lead to.
//!
//! Orders go over the WebSocket API where it is up and over REST where it is not: both are connections of one role, in
//! this order, so the fallback needs no decision. Guarantees that nothing is signed with a stamp of an unknown clock, that
//! a refused stamp has the clock asked at once, and that a query is complete only if every one of its items was answered.

use super::audit;
use super::connections::Session;
use super::contract::{ConnId, Outputs};
use super::desk::Asking;
use super::ear::Ear;
use super::route::{free_conn, Plug};
use super::trading::{Cargo, Trading};
use super::Engine;
use crate::guard::{Cost, Priority};
use crate::order::{Query, QueryEnd};
use crate::record::{ClientOrderId, ConnectionRole, InstrumentId, OrderRef, UnixNanos, Venue, VenueOrderId};
use crate::telemetry::Counter;
use crate::venue::binance_us::request::{Call, OrderId};
use crate::venue::binance_us::{Outcome, Reply, ReplyTo, Requests};
use crate::venue::SessionProgress;

const VENUE: Venue = Venue::BinanceUs;
/// Rows asked per page of a listing: a page is read in slices, so that its length holds nobody up.
const ROWS_PER_PAGE: u32 = 500;
/// Pages and items of one query; more means that a listing does not end.
const STEPS_MAX: usize = 1_000;
/// A cancel that found no free connection is tried again this soon.
const CANCEL_RETRY_MS: u64 = 2;

impl Engine {
    /// One cancel request, of an order of a known instrument or of a symbol nobody trades here; when to try again if
    /// nothing is free for it.
    pub(super) fn cancel_at_binance_us(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        (instrument, symbol): (Option<InstrumentId>, &str),
        order: &VenueOrderId,
        client: &ClientOrderId,
    ) -> Result<(), UnixNanos> {
        let soon = now.plus_ms(CANCEL_RETRY_MS);
        let id = free_conn(&self.conns, VENUE, &[ConnectionRole::Orders, ConnectionRole::Cancels]).ok_or(soon)?;
        let Engine { conns, trading, market, binance_us, .. } = self;
        let known = instrument.and_then(|id| market.get(id)).map(|traded| traded.instrument.symbol());
        let symbol = known.unwrap_or(symbol);
        let cost = Cost { weight: 1, orders: 0 };
        let (stamp, mark) = binance_us.permit(now, cost, Priority::Cancel).map_err(|none| none.retry_at(now))?;
        let session = conns.get_mut(id.index()).map(|conn| &mut conn.session).ok_or(soon)?;
        let start = out.transmit(id, |_| ());
        let mut plug = Plug { out, conn: id, end: start };
        let sent = match session {
            Session::BinanceUsApi(session) => session.cancel(now, stamp, symbol, order, client, &mut plug),
            Session::BinanceUsRest(session) => session.cancel(now, stamp, symbol, order, client, &mut plug),
            _ => return Err(soon),
        };
        sent.map_err(|_| soon)?;
        let (end, deadline) = (plug.end, session.deadline_after_request());
        binance_us.mark(id, mark);
        trading.load(id, Cargo::Cancel(*order), start, end, UnixNanos::NONE);
        trading.say_cancelled(&[*order]);
        self.deadlines.set(id.index(), deadline);
        out.count(Counter::CancelsSent, 1);
        Ok(())
    }

    /// The next step of the query under way, or of the next query, if a connection and a permit are free.
    pub(super) fn ask_binance_us(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        let Engine { conns, market, trading, binance_us, .. } = self;
        let Trading { desks, orders, pairs, ordered, .. } = trading;
        let desk = desks.get_mut(VENUE);
        if desk.user.is_none() || desk.asking.as_ref().is_some_and(|asking| !asking.waits) {
            return;
        }
        let Some(id) = free_conn(conns, VENUE, &[ConnectionRole::Queries]) else { return };
        if !binance_us.knows_time(now) {
            return;
        }
        if desk.asking.is_none() {
            let Some((query_id, query)) = orders.next_query(now, VENUE) else { return };
            desk.asking = Some(Asking::new(query_id, query));
        }
        let Some(asking) = &mut desk.asking else { return };
        let symbol_of = |id: InstrumentId| market.get(id).map(|traded| traded.instrument.symbol());
        let from = asking.cursor.parse::<u64>().ok();
        let since = |since: UnixNanos| if from.is_some() { UnixNanos::NONE } else { since };
        let holds_ours = |id: &InstrumentId| orders.exposure(*id).open_orders > 0;
        if let Query::OpenOrders { whole: whole @ false, .. } = &mut asking.query {
            // Of one symbol after the other while that is cheaper.
            let ours = ordered.get(VENUE).iter().filter(|id| holds_ours(id)).count() as u32;
            let each = Call::OpenOrders { symbol: Some("") }.weight();
            *whole = asking.item == 0 && ours.saturating_mul(each) > Call::OpenOrders { symbol: None }.weight();
        }
        // Items that cannot be named any more are passed over: of an instrument that is gone there is nothing to learn.
        let mut leg: Option<ClientOrderId>;
        let call = loop {
            let call = match &asking.query {
                Query::OpenOrders { whole: false, .. } => ordered.get(VENUE).get(asking.item).map(|instrument| {
                    // What is ours since the listing began needs none.
                    let symbol = Some(*instrument).filter(holds_ours).and_then(symbol_of)?;
                    Some(Call::OpenOrders { symbol: Some(symbol) })
                }),
                Query::OpenOrders { whole: true, .. } => {
                    (asking.item == 0).then_some(Some(Call::OpenOrders { symbol: None }))
                }
                Query::RecentOrders { instrument, since: begin, .. } => (asking.item == 0).then(|| {
                    let (from_order_id, since) = (from, since(*begin));
                    let symbol = symbol_of(*instrument)?;
                    Some(Call::AllOrders { symbol, from_order_id, since, limit: ROWS_PER_PAGE })
                }),
                Query::OrdersByIds { ids, .. } => match ids.get(asking.item) {
                    None => None,
                    Some(id) => {
                        let slot = orders.find(VENUE, &OrderRef::Venue(*id));
                        leg = slot.and_then(|slot| pairs.unseen_stop(slot, orders));
                        let id = leg.as_ref().map_or(OrderId::Venue(id.as_str()), |leg| OrderId::Client(leg.as_str()));
                        let instrument = ids.get(asking.item).and_then(|id| orders.instrument_of(VENUE, id));
                        Some(instrument.and_then(symbol_of).map(|symbol| Call::Order { symbol, id }))
                    }
                },
                Query::Balances { .. } => (asking.item == 0).then_some(Some(Call::Account)),
                Query::FillsOf { ids, .. } => ids.get(asking.item).map(|id| {
                    let (order_id, since) = (Some(id.as_str().parse().ok()?), UnixNanos::NONE);
                    let symbol = symbol_of(orders.instrument_of(VENUE, id)?)?;
                    Some(Call::MyTrades { symbol, order_id, from_id: from, since, limit: ROWS_PER_PAGE })
                }),
                Query::Fills { instrument, since: begin, .. } => {
                    let asked = match instrument {
                        Some(only) => (asking.item == 0).then_some(only),
                        None => ordered.get(VENUE).get(asking.item),
                    };
                    asked.map(|instrument| {
                        let (order_id, from_id, since) = (None, from, since(*begin));
                        let symbol = symbol_of(*instrument)?;
                        Some(Call::MyTrades { symbol, order_id, from_id, since, limit: ROWS_PER_PAGE })
                    })
                }
            };
            match call {
                Some(Some(call)) => break Some(call),
                Some(None) => asking.item = asking.item.saturating_add(1),
                None => break None,
            }
        };
        let Some(call) = call else {
            // Nothing (left) to ask about.
            return self.asked(now, out, QueryEnd::Complete);
        };
        let cost = Cost { weight: call.weight(), orders: 0 };
        let Ok((stamp, mark)) = binance_us.permit(now, cost, Priority::UnknownQuery) else {
            out.count(Counter::RateLimited, 1);
            return;
        };
        let Some(session) = conns.get_mut(id.index()).map(|conn| &mut conn.session) else { return };
        let Session::BinanceUsRest(rest) = session else { return };
        let start = out.transmit(id, |_| ());
        let mut plug = Plug { out, conn: id, end: start };
        if rest.query(now, stamp, &call, &mut plug).is_err() {
            return;
        }
        let (end, deadline) = (plug.end, rest.expects_reply_by());
        asking.waits = false;
        binance_us.mark(id, mark);
        trading.load(id, Cargo::Query, start, end, UnixNanos::NONE);
        self.deadlines.set(id.index(), deadline);
    }

    /// A step of the query under way was answered.
    fn step_answered(&mut self, now: UnixNanos, out: &mut impl Outputs, outcome: &Outcome) {
        let Some(asking) = &mut self.trading.desks.get_mut(VENUE).asking else { return };
        asking.pages = asking.pages.saturating_add(1);
        let full = match outcome {
            Outcome::Listed(rows) => {
                asking.incomplete |= rows.unreadable > 0;
                let paged =
                    matches!(asking.query, Query::RecentOrders { .. } | Query::Fills { .. } | Query::FillsOf { .. });
                (paged && rows.seen >= ROWS_PER_PAGE as usize).then_some(rows.last_id)
            }
            // No such order: no row, as in a listing without it.
            Outcome::NotFound => None,
            _ => return self.asked(now, out, QueryEnd::Failed),
        };
        asking.cursor.clear();
        match full {
            Some(last) => {
                use std::fmt::Write as _;
                let _ = write!(asking.cursor, "{}", last.saturating_add(1));
            }
            None => asking.item = asking.item.saturating_add(1),
        }
        asking.waits = true;
        if asking.pages >= STEPS_MAX {
            self.asked(now, out, QueryEnd::Failed);
        }
    }

    /// The query under way ended.
    fn asked(&mut self, now: UnixNanos, out: &mut impl Outputs, end: QueryEnd) {
        let Some(asking) = self.trading.desks.get_mut(VENUE).asking.take() else { return };
        let end = if asking.incomplete { QueryEnd::Failed } else { end };
        self.trading.event(now, &self.market, out, |orders, event| orders.query_done(now, asking.id, end, event));
        self.trading.stirred = true;
    }

    /// A request ended, over whichever connection.
    pub(super) fn binance_us_replied(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId, reply: &Reply) {
        if let Some(wait) = reply.wait {
            // Before the answer is judged: a probe that is banned is no good one.
            let until = self.binance_us.wait_end(now, wait);
            self.obey(now, out, VENUE, reply.status, until);
        }
        self.judge(now, out, id, reply.status, matches!(reply.outcome, Outcome::Failed { .. }));
        self.binance_us.learn(now, id, reply);
        if let (Outcome::Time { .. }, Some(vague_ms)) = (&reply.outcome, self.binance_us.clock_error_ms(now)) {
            // Stamps are of the venue's clock: only not knowing it can have them refused.
            self.obey_clock(now, out, VENUE, vague_ms);
        }
        if reply.clock_refused {
            self.ask_time_soon(now);
        }
        let orders = &self.trading.orders;
        let placed = orders.find(VENUE, &OrderRef::Client(reply.client_order_id));
        let is_answered = |cargo: &Cargo| match (cargo, reply.to) {
            (Cargo::Place(slot), ReplyTo::Place | ReplyTo::PlaceOco) => Some(*slot) == placed,
            (Cargo::Swap { new, .. }, ReplyTo::Replace) => Some(*new) == placed,
            // Several are under way on one connection.
            (Cargo::Cancel(order), ReplyTo::Cancel) => *order == reply.venue_order_id,
            (Cargo::Snapshot, ReplyTo::Snapshot(_))
            | (Cargo::Average, ReplyTo::AveragePrice(_))
            | (Cargo::Subscribe, ReplyTo::SubscribeUser | ReplyTo::ListenKey)
            | (Cargo::Warm, ReplyTo::Time)
            | (Cargo::Query, ReplyTo::List(_) | ReplyTo::Order) => true,
            _ => false,
        };
        self.trading.say_ended(now, id, is_answered, audit::end_of_binance_us(reply));
        let Some(carriage) = self.unload_answered(now, out, id, is_answered) else { return };
        if matches!(carriage.cargo, Cargo::Query) {
            self.step_answered(now, out, &reply.outcome);
        }
        self.trading.stirred = true;
    }

    /// Bytes of a WebSocket API connection.
    pub(super) fn api_bytes(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        id: ConnId,
        plain: &mut [u8],
    ) -> SessionProgress {
        let Engine { conns, market, trading, .. } = self;
        let Some(conn) = conns.get_mut(id.index()) else { return SessionProgress::default() };
        let Session::BinanceUsApi(session) = &mut conn.session else { return SessionProgress::default() };
        let mut ear = Ear { market, trading, out, conn: id, venue: conn.venue, now };
        let result = session.bytes(now, plain, &mut ear);
        let progress = result.as_ref().copied().unwrap_or(SessionProgress { consumed: plain.len(), more: false });
        // Account events may have made something due.
        self.trading.stirred = true;
        self.api_replies(now, out, id);
        self.session_result(now, out, id, result.map(|_| ()));
        progress
    }

    /// What ended on a WebSocket API connection.
    pub(super) fn api_replies(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) {
        loop {
            let session = self.conns.get_mut(id.index()).map(|conn| &mut conn.session);
            let Some(Session::BinanceUsApi(session)) = session else { return };
            let Some(reply) = session.next_reply() else { return };
            self.binance_us_replied(now, out, id, &reply);
        }
    }

    /// A WebSocket API connection's deadline has passed.
    pub(super) fn api_due(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) {
        let Engine { conns, market, trading, .. } = self;
        let Some(conn) = conns.get_mut(id.index()) else { return };
        let Session::BinanceUsApi(session) = &mut conn.session else { return };
        let mut ear = Ear { market, trading, out, conn: id, venue: conn.venue, now };
        let result = session.time(now, &mut ear).map(|_| ());
        self.api_replies(now, out, id);
        self.session_result(now, out, id, result);
        self.subscribe_users(now, out);
    }

    /// Connections that are to carry the account's events and do not yet ask for them.
    pub(super) fn subscribe_users(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        for index in 0..self.conns.len() {
            let id = ConnId(index as u16);
            let Engine { conns, trading, binance_us, .. } = self;
            let Some(Session::BinanceUsApi(session)) = conns.get_mut(index).map(|conn| &mut conn.session) else {
                continue;
            };
            if !session.user_due(now) {
                continue;
            }
            let cost = Cost { weight: Call::SubscribeUser.weight(), orders: 0 };
            let Ok((stamp, mark)) = binance_us.permit(now, cost, Priority::UnknownQuery) else {
                // As soon as the clock is known, or the governor lets it go.
                self.deadlines.set(index, Some(now.plus_ms(SUBSCRIBE_RETRY_MS)));
                continue;
            };
            let start = out.transmit(id, |_| ());
            let mut plug = Plug { out, conn: id, end: start };
            if session.subscribe_user(now, stamp, &mut plug).is_err() {
                continue;
            }
            let (end, deadline) = (plug.end, session.deadline());
            binance_us.mark(id, mark);
            trading.load(id, Cargo::Subscribe, start, end, UnixNanos::NONE);
            self.deadlines.set(index, deadline);
        }
    }
}

/// A subscription of the account's events that has to wait for the clock or the governor is tried again after this.
const SUBSCRIBE_RETRY_MS: u64 = 20;
