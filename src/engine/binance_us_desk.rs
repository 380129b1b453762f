//! What the engine keeps for Binance.US beside the connections: the market data all of them share, the weight governor
//! and the venue's clock; and the REST connection that fetches book snapshots.
//!
//! Guarantees that snapshots are fetched one by one, each only once the governor lets its weight go, so that hundreds of
//! books come in stages and orders never wait for them; that every reply corrects the governor by the venue's own counts;
//! and that the venue's clock is asked as soon as there is a connection and again before it is known too vaguely.

use super::binance_us_counts::SpecialOrders;
use super::binance_us_listen::ListenKey;
use super::binance_us_rules::Rules;
use super::connections::Session;
use super::contract::{ConnId, Outputs};
use super::ear::Ear;
use super::port::NoPermit;
use super::route::{free_conn, Plug};
use super::trading::Cargo;
use super::Engine;
use crate::guard::{Cost, Counted, Mark, Priority, RateLimit, WindowGovernor};
use crate::record::{ConnectionRole, Instrument, InstrumentId, UnixNanos, Venue};
use crate::venue::binance_us::request::Call;
use crate::venue::binance_us::{limits, MarketData, Outcome, Reply, ReplyTo, TimeSync, VenueMs, Wait};
use crate::venue::{Deadline, SessionProgress};

/// What is left of each limit to the engine: the rest of the weight is for cold queries and emergencies.
const LIMITS: [RateLimit; 4] = [
    RateLimit {
        counted: Counted::Weight,
        window_ms: 60_000,
        limit: limits::REQUEST_WEIGHT_PER_MINUTE - limits::weight_set_aside(limits::REQUEST_WEIGHT_PER_MINUTE),
    },
    RateLimit { counted: Counted::Requests, window_ms: 300_000, limit: limits::RAW_REQUESTS_PER_5_MIN },
    RateLimit { counted: Counted::Orders, window_ms: 10_000, limit: limits::ORDERS_PER_10_S },
    RateLimit { counted: Counted::Orders, window_ms: 86_400_000, limit: limits::ORDERS_PER_DAY },
];
/// A request the governor does not allow now is tried again after this, if it cannot say when.
const THROTTLED_RETRY_MS: u64 = 1_000;

/// See the module's documentation. An engine that does not speak to Binance.US has one all the same, and never uses it.
pub(super) struct BinanceUs {
    pub(super) data: MarketData,
    pub(super) rules: Rules,
    pub(super) specials: SpecialOrders,
    /// `None` where the account's events do not come by one.
    pub(super) listen_key: Option<ListenKey>,
    governor: WindowGovernor,
    clock: TimeSync,
    /// By connection: what was counted when the request in flight left.
    marks: Vec<Option<Mark>>,
    /// The governor lets no snapshot go before this.
    snapshots_from: UnixNanos,
    warm_every_ms: u64,
}

impl BinanceUs {
    pub(super) fn new(connections: usize, snapshot_levels: u32, warm_every_ms: u64) -> BinanceUs {
        BinanceUs {
            data: MarketData::new(snapshot_levels),
            rules: Rules::default(),
            specials: SpecialOrders::default(),
            listen_key: None,
            governor: WindowGovernor::new(&LIMITS, limits::DELAY_MS_MAX),
            clock: TimeSync::new(),
            marks: vec![None; connections],
            snapshots_from: UnixNanos::NONE,
            warm_every_ms,
        }
    }

    /// When the next snapshot may be fetched; may be too early, never too late.
    pub(super) fn snapshot_at(&self) -> Deadline {
        self.data.due_bound().map(|at| at.max(self.snapshots_from))
    }

    /// The venue states its limits: the weight set aside for cold queries and emergencies is not ours.
    pub(super) fn set_limits(&mut self, mut limits: Vec<RateLimit>) {
        if limits.is_empty() {
            return;
        }
        for limit in limits.iter_mut().filter(|limit| limit.counted == Counted::Weight) {
            let minutes = u32::try_from(limit.window_ms / 60_000).unwrap_or(u32::MAX).max(1);
            let set_aside = limits::weight_set_aside(limit.limit.checked_div(minutes).unwrap_or(0));
            limit.limit = limit.limit.saturating_sub(set_aside.saturating_mul(minutes));
        }
        self.governor.set_limits(&limits);
    }

    /// Whether requests can be stamped.
    pub(super) fn knows_time(&self, now: UnixNanos) -> bool {
        self.clock.stamp(now).is_ok()
    }

    /// The venue's time to sign a request with, if the governor would let it go. Nothing is counted.
    pub(super) fn ready(&mut self, now: UnixNanos, cost: Cost, priority: Priority) -> Result<VenueMs, NoPermit> {
        let stamp = self.clock.stamp(now).map_err(|_| NoPermit::NoClock)?;
        match self.governor.ready(now, cost, priority) {
            Ok(()) => Ok(stamp),
            Err(throttled) => Err(NoPermit::Until(throttled.retry_at().unwrap_or(now.plus_ms(THROTTLED_RETRY_MS)))),
        }
    }

    /// Counts a request that leaves now, after [`BinanceUs::ready`].
    pub(super) fn count(&mut self, now: UnixNanos, cost: Cost, priority: Priority) -> Option<Mark> {
        self.governor.take(now, cost, priority).ok()
    }

    /// Both at once.
    pub(super) fn permit(
        &mut self,
        now: UnixNanos,
        cost: Cost,
        priority: Priority,
    ) -> Result<(VenueMs, Option<Mark>), NoPermit> {
        let stamp = self.ready(now, cost, priority)?;
        Ok((stamp, self.count(now, cost, priority)))
    }

    /// Counts an unsigned request that leaves now.
    ///
    /// # Errors
    /// When the governor would let it go.
    pub(super) fn leave(&mut self, now: UnixNanos, cost: Cost, priority: Priority) -> Result<Mark, UnixNanos> {
        let taken = self.governor.take(now, cost, priority);
        taken.map_err(|throttled| throttled.retry_at().unwrap_or(now.plus_ms(THROTTLED_RETRY_MS)))
    }

    /// Counts a request of the lowest priority, which leaves now, if the governor lets it go.
    pub(super) fn housekeeping(&mut self, now: UnixNanos, cost: Cost) -> Option<Mark> {
        self.governor.take(now, cost, Priority::Housekeeping).ok()
    }

    /// A request left: the next reply over its connection corrects the governor by this mark or an earlier one, which
    /// corrects no less.
    pub(super) fn mark(&mut self, id: ConnId, mark: Option<Mark>) {
        if let (Some(place), Some(mark)) = (self.marks.get_mut(id.index()), mark) {
            place.get_or_insert(mark);
        }
    }

    /// An order left.
    pub(super) fn sent(&mut self, id: ConnId, venue: Venue, instrument: InstrumentId, mark: Option<Mark>) {
        if venue != Venue::BinanceUs {
            return;
        }
        self.mark(id, mark);
        self.rules.ordered(instrument);
    }

    /// When an idle connection is used again: to stay warm, or because the clock must be asked.
    fn idle_until(&self, now: UnixNanos) -> UnixNanos {
        let soonest = now.plus_ms(limits::CLOCK_RETRY_MS);
        now.plus_ms(self.warm_every_ms).min(self.clock.due_at(now)).max(soonest)
    }

    /// When a wait the venue asked for is over.
    pub(super) fn wait_end(&self, now: UnixNanos, wait: Wait) -> UnixNanos {
        let offset = self.clock.offset(now);
        let end = wait.end(now, offset.map_or(0, |offset| offset.ns));
        match wait {
            Wait::For(_) => end,
            // Not before it, as far as the clocks agree; and the venue counts whole milliseconds.
            Wait::UntilVenue(_) => {
                UnixNanos(end.0.saturating_add(offset.map_or(0, |offset| offset.error_ns))).plus_ms(1)
            }
        }
    }

    /// How far off the venue's time may be that requests are stamped with, ms; `None` while it is not known at all.
    pub(super) fn clock_error_ms(&self, now: UnixNanos) -> Option<u64> {
        self.clock.offset(now).map(|offset| offset.error_ns / 1_000_000)
    }

    /// What a reply says of the governor and the clock.
    pub(super) fn learn(&mut self, now: UnixNanos, id: ConnId, reply: &Reply) {
        if let Outcome::Time { sent, server } = reply.outcome {
            self.clock.sample(sent, now, server);
            if let Some(offset) = self.clock.offset(now) {
                self.governor.set_clock(offset.ns, offset.error_ns);
            }
        }
        if let Outcome::AveragePrice(instrument, price) = reply.outcome {
            self.rules.average(now, instrument, price);
        }
        if reply.clock_refused {
            self.clock.refused();
        }
        let mark = self.marks.get_mut(id.index()).and_then(Option::take);
        let usage = reply.usage;
        for (counted, window_ms, count) in [
            (Counted::Weight, 60_000, usage.weight_1m),
            (Counted::Orders, 10_000, usage.orders_10s),
            (Counted::Orders, 86_400_000, usage.orders_1d),
            (Counted::Requests, 300_000, usage.raw_5m),
        ] {
            if let (Some(mark), Some(count)) = (&mark, count) {
                self.governor.correct(now, mark, counted, window_ms, count);
            }
        }
        if let Some(wait) = reply.wait {
            self.governor.block_until(self.wait_end(now, wait));
        }
    }
}

impl Engine {
    /// The deadline slot of what Binance.US is to be asked.
    pub(super) fn snapshot_slot(&self) -> usize {
        self.conns.len().saturating_add(1)
    }

    /// An instrument's book is wrong: it is fetched again.
    pub(super) fn renew_book(&mut self, now: UnixNanos, id: InstrumentId) {
        self.binance_us.data.resync(id, now);
        self.arm_snapshots();
    }

    /// Everything that reads numbers of an instrument learns its exponents.
    pub(super) fn know_shared(&mut self, now: UnixNanos, instrument: &Instrument) {
        self.binance_us.data.know(instrument, now);
        self.arm_snapshots();
    }

    pub(super) fn arm_snapshots(&mut self) {
        self.deadlines.set(self.snapshot_slot(), self.binance_us.snapshot_at());
    }

    /// Fetches the next snapshot that is due, if a connection is free and the governor lets its weight go.
    pub(super) fn fetch_snapshot(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        // A reply, or a new connection, arms this again.
        let Some(id) = free_conn(&self.conns, Venue::BinanceUs, &[ConnectionRole::Queries]) else { return };
        let Engine { conns, binance_us, trading, .. } = self;
        let BinanceUs { data, governor, marks, snapshots_from, .. } = binance_us;
        let Some(Session::BinanceUsRest(session)) = conns.get_mut(id.index()).map(|conn| &mut conn.session) else {
            return;
        };
        let Some(weight) = data.snapshot_due(now) else {
            self.arm_snapshots();
            return;
        };
        let mark = match governor.take(now, Cost { weight, orders: 0 }, Priority::Housekeeping) {
            Ok(mark) => mark,
            Err(throttled) => {
                *snapshots_from = throttled.retry_at().unwrap_or(now.plus_ms(THROTTLED_RETRY_MS));
                self.arm_snapshots();
                return;
            }
        };
        let Some(request) = data.next_snapshot(now) else { return };
        let start = out.transmit(id, |_| ());
        let mut plug = Plug { out, conn: id, end: start };
        if session.snapshot(now, &request, data, &mut plug).is_err() {
            data.snapshot_failed(request.instrument, now);
            self.arm_snapshots();
            return;
        }
        let (end, deadline) = (plug.end, session.expects_reply_by());
        if let Some(place) = marks.get_mut(id.index()) {
            *place = Some(mark);
        }
        trading.load(id, Cargo::Snapshot, start, end, UnixNanos::NONE);
        self.deadlines.set(id.index(), deadline);
        self.arm_snapshots();
    }

    /// The REST connection is up: the venue's clock is asked first.
    pub(super) fn rest_opened(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) {
        self.ask_time(now, out, id);
        self.arm_snapshots();
        self.listen_key_unblocked(now, out);
    }

    /// Bytes of the REST connection.
    pub(super) fn rest_bytes(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        id: ConnId,
        plain: &mut [u8],
    ) -> SessionProgress {
        let Engine { conns, market, trading, binance_us, .. } = self;
        let Some(conn) = conns.get_mut(id.index()) else { return SessionProgress::default() };
        let Session::BinanceUsRest(session) = &mut conn.session else { return SessionProgress::default() };
        let mut ear = Ear { market, trading, out, conn: id, venue: conn.venue, now };
        let (given, read) = (plain.len(), session.bytes(now, plain, &mut binance_us.data, &mut ear));
        let read = read.map(|read| (read.reply, read.progress));
        self.http_read(now, out, (id, given), read, |engine, out, reply| engine.rest_replied(now, out, id, &reply))
    }

    /// A request of a REST connection ended.
    pub(super) fn rest_replied(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId, reply: &Reply) {
        self.binance_us_replied(now, out, id, reply);
        self.deadlines.set(id.index(), Some(self.binance_us.idle_until(now)));
        self.arm_snapshots();
        self.listen_key_replied(now, out, reply);
        self.listen_key_unblocked(now, out);
        // What became of orders is asked before anything else takes the connection.
        if !self.market.on_paper(Venue::BinanceUs) {
            self.ask_binance_us(now, out);
        }
        // Others of its stage: one leaves as the one before comes in.
        self.fetch_snapshot(now, out);
        self.ask_average(now, out);
        self.refresh_streams(now, out);
        if matches!(reply.to, ReplyTo::Time) {
            self.subscribe_users(now, out);
        }
    }

    /// The venue refused a stamp: the first idle REST connection asks for the time at once.
    pub(super) fn ask_time_soon(&mut self, now: UnixNanos) {
        let idle = |conn: &super::connections::Conn| {
            conn.is_open() && matches!(&conn.session, Session::BinanceUsRest(session) if session.free())
        };
        if let Some(index) = self.conns.iter().position(idle) {
            self.deadlines.set(index, Some(now));
        }
    }

    /// The REST connection's deadline has passed: an answer is overdue, or it was idle for long.
    pub(super) fn rest_due(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) {
        let Engine { conns, market, trading, binance_us, .. } = self;
        let Some(conn) = conns.get_mut(id.index()) else { return };
        let Session::BinanceUsRest(session) = &mut conn.session else { return };
        if !session.busy() {
            return self.warm_or_retry(now, out, id);
        }
        let mut ear = Ear { market, trading, out, conn: id, venue: conn.venue, now };
        // Silence is judged once the connection is closed: the session has the reply then.
        let result = session.time(now, &mut binance_us.data, &mut ear).map(|_| ());
        self.session_result(now, out, id, result);
    }

    /// Asks for the venue's time over an idle connection: it stays warm by that, too.
    pub(super) fn ask_time(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) -> bool {
        let Engine { conns, trading, binance_us, .. } = self;
        let Some(Session::BinanceUsRest(session)) = conns.get_mut(id.index()).map(|c| &mut c.session) else {
            return false;
        };
        let cost = Cost { weight: Call::Time.weight(), orders: 0 };
        let mark = match binance_us.governor.take(now, cost, Priority::Housekeeping) {
            Ok(mark) => mark,
            Err(throttled) => {
                let at = throttled.retry_at().unwrap_or(now.plus_ms(THROTTLED_RETRY_MS));
                self.deadlines.set(id.index(), Some(at));
                return false;
            }
        };
        let start = out.transmit(id, |_| ());
        let mut plug = Plug { out, conn: id, end: start };
        if session.warm(now, &mut plug).is_err() {
            return false;
        }
        let (end, deadline) = (plug.end, session.expects_reply_by());
        binance_us.mark(id, Some(mark));
        trading.load(id, Cargo::Warm, start, end, UnixNanos::NONE);
        self.deadlines.set(id.index(), deadline);
        true
    }

    /// A snapshot came in: the stream connection that carries its book may be healthy now.
    fn refresh_streams(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        for index in 0..self.conns.len() {
            if self.conns.get(index).is_some_and(|conn| matches!(conn.session, Session::BinanceUsStream(_))) {
                self.session_result(now, out, ConnId(index as u16), Ok(()));
            }
        }
    }
}
