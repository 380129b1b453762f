//! Requests that are nobody's command: cancels that are due again, queries about orders, and keeping connections warm;
//! and what the replies of all requests lead to.

use super::audit;
use super::connections::Session;
use super::contract::{ConnId, Outputs};
use super::desk::{Asking, Desk};
use super::ear::Ear;
use super::route::{free_conn, order_session, Plug};
use super::trading::{Cargo, Trading};
use super::Engine;
use crate::guard::Priority;
use crate::order::{Query, QueryEnd};
use crate::record::{ConnectionRole, ConnectionState, UnixNanos, Venue};
use crate::telemetry::Counter;
use crate::venue::coinbase::request::{self, TokenPath};
use crate::venue::coinbase::{Outcome, Reply, ReplyTo};
use crate::venue::SessionProgress;

/// Rows asked per page of a listing: about 12 kB, one call's work.
const ROWS_PER_PAGE: u32 = 12;
/// Balances asked per page: short rows.
const BALANCES_PER_PAGE: u32 = 50;
/// Pages of one listing; more means that the cursor runs in a circle. The executions of a long time nobody was there fit.
const PAGES_MAX: usize = 1_000;
/// What is due but finds no connection, token or permit is looked at again this soon.
const RETRY_MS: u64 = 5;
/// Outdated tokens given back per look: with one look a second all pools are clean long before the next ones are outdated.
const RETIRED_PER_LOOK_MAX: usize = 16;

impl Engine {
    /// Does what is due: orders told again, old tokens retired, and what can leave: tokens to streams that wait for one,
    /// strays, cancels, queries. Arms the next deadline, so nothing that is due may be left to that deadline.
    pub(super) fn pump(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        let (orders, mut sink) = self.trading.orders_and_sink(out);
        orders.tick(now, &mut sink);
        for venue in Venue::ALL {
            let tokens = &mut self.trading.desks.get_mut(venue).tokens;
            for _ in 0..RETIRED_PER_LOOK_MAX {
                let Some((_, token)) = tokens.take_expiring(now) else { break };
                out.count(Counter::TokensExpired, 1);
                out.retire(token);
            }
        }
        self.tend_breakers(now, out);
        self.tend_kill(now, out);
        self.give_tokens(now, out);
        self.tend_listen_key(now, out);
        self.send_strays(now, out);
        while let Some(send) = self.trading.orders.next_due_cancel(now) {
            self.send_cancels(now, out, send);
        }
        for venue in Venue::ALL {
            self.ask(now, out, venue);
        }
        while let Some((instrument, asked)) = self.trading.orders.take_told_position() {
            let Some(venue) = self.market.get(instrument).map(|traded| traded.instrument.listing.venue) else {
                continue;
            };
            self.trading.open_position(now, venue, instrument, asked);
        }
        self.tell_positions(now, out);
        for venue in Venue::ALL {
            if let Some(until) = self.trading.orders.told_until(now, venue) {
                self.trading.portfolio.openings.told_until(venue, until);
            }
        }
        self.trading.orders.note_reconciled();
        self.refresh_health(now, out);
        self.arm_orders(now);
    }

    /// Sets the deadline of everything that is due without a connection's doing.
    pub(super) fn arm_orders(&mut self, now: UnixNanos) {
        let breakers = self.trading.desks.iter().filter_map(|(_, desk)| desk.breaker.deadline());
        let guards = breakers.chain(self.kill_deadline()).chain(self.listen_key_deadline());
        let mut deadline =
            self.trading.orders.deadline().into_iter().chain(guards).chain(self.oanda_deadline(now)).min();
        if deadline.is_some_and(|at| at <= now) || !self.trading.strays.is_empty() || self.trading.asking_waits() {
            deadline = Some(now.plus_ms(RETRY_MS));
        }
        let slot = self.conns.len();
        self.deadlines.set(slot, deadline);
    }

    /// A user stream that waits for its token gets one.
    fn give_tokens(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        for index in 0..self.conns.len() {
            let id = ConnId(index as u16);
            let Engine { conns, market, trading, .. } = self;
            let Some(conn) = conns.get_mut(index) else { return };
            let Session::CoinbaseStream(session) = &mut conn.session else { continue };
            if !session.needs_token(now) {
                continue;
            }
            let tokens = &mut trading.desks.get_mut(conn.venue).tokens;
            let Some(ready) = tokens.take(super::TOKEN_SLOT_USER, now, |t| out.retire(t)) else { continue };
            let mut ear = Ear { market, trading, out, conn: id, venue: conn.venue, now };
            let result = session.give_token(ready.token, now, &mut ear).map(|_| ());
            self.session_result(now, out, id, result);
        }
    }

    /// A user stream is healthy once everything before it is accounted for.
    fn refresh_health(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        for index in 0..self.conns.len() {
            let stream = |role| matches!(role, ConnectionRole::Market | ConnectionRole::User);
            if self.conns.get(index).is_some_and(|c| stream(c.role) && c.state == ConnectionState::Open) {
                self.session_result(now, out, ConnId(index as u16), Ok(()));
            }
        }
    }

    /// The next page of the query under way, or the next query, if a connection, a token and a permit are free.
    fn ask(&mut self, now: UnixNanos, out: &mut impl Outputs, venue: Venue) {
        if self.market.on_paper(venue) {
            return self.ask_paper(now, out, venue);
        }
        if venue == Venue::BinanceUs {
            return self.ask_binance_us(now, out);
        }
        if venue == Venue::Oanda {
            return self.ask_oanda(now, out);
        }
        let Engine { conns, market, trading, .. } = self;
        let Trading { desks, orders, .. } = trading;
        let Desk { asking, tokens, governor, .. } = desks.get_mut(venue);
        if asking.as_ref().is_some_and(|asking| !asking.waits) {
            return;
        }
        let Some(id) = free_conn(conns, venue, &[ConnectionRole::Queries]) else { return };
        let (orders_path, fills_path) = (TokenPath::ListOrders as u8, TokenPath::ListFills as u8);
        if !tokens.has(orders_path) || !tokens.has(fills_path) {
            return;
        }
        if asking.is_none() {
            let Some((query_id, query)) = orders.next_query(now, venue) else { return };
            *asking = Some(Asking::new(query_id, query));
        }
        let Some(asking) = asking.as_mut() else { return };
        let symbol;
        let (query, path) = match &asking.query {
            Query::OpenOrders { .. } => {
                (request::Query::OpenOrders { limit: ROWS_PER_PAGE, cursor: &asking.cursor }, orders_path)
            }
            Query::RecentOrders { instrument, since, .. } => {
                symbol = market.get(*instrument).map(|t| t.instrument.listing.symbol.clone());
                let (product, cursor) = (symbol.as_deref(), asking.cursor.as_str());
                let since = *since;
                (request::Query::OrdersSince { product, since, limit: ROWS_PER_PAGE, cursor }, orders_path)
            }
            Query::OrdersByIds { ids, .. } => (request::Query::OrdersById { ids }, orders_path),
            Query::Balances { .. } => {
                let cursor = asking.cursor.as_str();
                (request::Query::Accounts { limit: BALANCES_PER_PAGE, cursor }, TokenPath::Accounts as u8)
            }
            Query::FillsOf { ids, .. } => {
                let (since, cursor) = (UnixNanos::NONE, asking.cursor.as_str());
                (request::Query::Fills { ids, product: None, since, limit: ROWS_PER_PAGE, cursor }, fills_path)
            }
            Query::Fills { instrument, since, .. } => {
                symbol = instrument.and_then(|id| market.get(id)).map(|t| t.instrument.listing.symbol.clone());
                let (product, since, cursor) = (symbol.as_deref(), *since, asking.cursor.as_str());
                (request::Query::Fills { ids: &[], product, since, limit: ROWS_PER_PAGE, cursor }, fills_path)
            }
        };
        // Nothing is counted for a request that cannot leave.
        if !tokens.has(path) {
            return;
        }
        if governor.take(now, Priority::UnknownQuery).is_err() {
            out.count(Counter::RateLimited, 1);
            return;
        }
        let Some(ready) = tokens.take(path, now, |t| out.retire(t)) else { return };
        let Some(session) = order_session(conns, id) else { return };
        let start = out.transmit(id, |_| ());
        let mut plug = Plug { out, conn: id, end: start };
        if let Err(refused) = session.query(now, &query, Some(ready.token), &mut plug) {
            if let Some(token) = refused.token {
                out.retire(token);
            }
            return;
        }
        let (end, deadline) = (plug.end, session.expects_reply_by());
        asking.waits = false;
        trading.load(id, Cargo::Query, start, end, UnixNanos::NONE);
        self.deadlines.set(id.index(), deadline);
    }

    /// Bytes of an HTTP connection.
    pub(super) fn reply_bytes(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        id: ConnId,
        plain: &mut [u8],
    ) -> SessionProgress {
        let Engine { conns, market, trading, .. } = self;
        let Some(conn) = conns.get_mut(id.index()) else { return SessionProgress::default() };
        let Session::CoinbaseOrders(session) = &mut conn.session else { return SessionProgress::default() };
        let mut ear = Ear { market, trading, out, conn: id, venue: conn.venue, now };
        let (given, read) = (plain.len(), session.bytes(now, plain, &mut ear));
        let read = read.map(|read| (read.reply, read.progress));
        self.http_read(now, out, (id, given), read, |engine, out, reply| {
            engine.replied(now, out, id, reply);
            engine.unload_answered(now, out, id, |_| true);
            engine.trading.stirred = true;
            engine.warm_later(now, id);
        })
    }

    /// A request ended.
    pub(super) fn replied(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId, reply: Reply) {
        if let Outcome::Time(said) = reply.outcome {
            // Before the answer is judged: of a probe it would be a good one.
            self.compare_clocks(now, out, id, (said, 1));
        }
        if let Some(wait_ms) = reply.wait_ms {
            let (until, venue) = (now.plus_ms(wait_ms), Venue::Coinbase);
            self.trading.desks.get_mut(venue).governor.block_until(until);
            self.obey(now, out, venue, reply.status, until);
        }
        self.judge(now, out, id, reply.status, matches!(reply.outcome, Outcome::Failed { .. }));
        self.trading.say_ended(now, id, |cargo| audit::answers(cargo, reply.to), audit::end_of(&reply));
        let is_listing = matches!(reply.to, ReplyTo::Orders | ReplyTo::Fills | ReplyTo::Balances);
        if !is_listing || !self.trading.carries_query(id) {
            return;
        }
        let Some(mut asking) = self.desk_of(id).and_then(|desk| desk.asking.take()) else { return };
        let end = match reply.outcome {
            Outcome::Listed { rows, page } => {
                asking.incomplete |= rows.unreadable > 0;
                asking.pages += 1;
                if page.has_next && asking.pages < PAGES_MAX {
                    asking.cursor = page.cursor;
                    asking.waits = true;
                    if let Some(desk) = self.desk_of(id) {
                        desk.asking = Some(asking);
                    }
                    return;
                }
                match asking.incomplete || page.has_next {
                    true => QueryEnd::Failed,
                    false => QueryEnd::Complete,
                }
            }
            Outcome::Answered | Outcome::Time(_) | Outcome::Refused { .. } | Outcome::Failed { .. } => QueryEnd::Failed,
        };
        self.trading.event(now, &self.market, out, |orders, event| orders.query_done(now, asking.id, end, event));
    }

    /// A connection is gone. If it carried a page of a query whose reply nobody reported (it was overdue, or no HTTP, and
    /// the session closed the connection itself), the query has failed and is asked again; otherwise none would ever be.
    pub(super) fn query_lost(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) {
        if !self.trading.carries_query(id) {
            return;
        }
        let asking = self.desk_of(id).and_then(|desk| desk.asking.take_if(|asking| !asking.waits));
        let Some(asking) = asking else { return };
        self.trading
            .event(now, &self.market, out, |orders, event| orders.query_done(now, asking.id, QueryEnd::Failed, event));
    }

    /// An idle connection is used again after a while; each a little later than its neighbour, so that they are never
    /// all busy with it.
    pub(super) fn warm_later(&mut self, now: UnixNanos, id: ConnId) {
        let Some(every_ms) = self.desk_of(id).map(|desk| desk.warm_every_ms) else { return };
        let stagger_ms = u64::from(id.0).saturating_mul(every_ms / 16);
        let at = now.plus_ms(every_ms.saturating_add(stagger_ms));
        self.deadlines.set(id.index(), Some(at));
    }

    /// The desk a connection belongs to; `None` for a connection that does not exist.
    pub(super) fn desk_of(&mut self, id: ConnId) -> Option<&mut Desk> {
        let venue = self.conns.get(id.index())?.venue;
        Some(self.trading.desks.get_mut(venue))
    }
}
