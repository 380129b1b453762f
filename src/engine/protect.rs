//! The circuit breakers at work: how requests end is counted per venue, and a venue in trouble gets no new orders until
//! probes were answered. Every change of this guard and of the others is told to every strategy from here.

use super::connections::Session;
use super::contract::{ConnId, Outputs};
use super::route::free_conn;
use super::trading::Cargo;
use super::Engine;
use crate::guard::{BreakerChange, BreakerState, Failure, Priority, TripCause};
use crate::order::Executions;
use crate::record::{
    ConnectionRole, ExecutionKind, ExecutionRecord, GuardEvent, InlineText, InstrumentId, UnixNanos, Venue,
};
use crate::telemetry::Counter;

const NANOS_PER_MS: u64 = 1_000_000;
/// A warm-up that the governor does not allow now is tried again after this.
const WARM_RETRY_MS: u64 = 250;

/// A guard's change of state, as strategies are told of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct GuardNews {
    pub(super) venue: Venue,
    pub(super) event: GuardEvent,
    /// Of what the event counts.
    pub(super) count: u64,
    /// When to try again; `NONE` if no time is known.
    pub(super) retry_at: UnixNanos,
    pub(super) words: &'static str,
}

impl GuardNews {
    /// News without a count or a time.
    pub(super) const fn new(venue: Venue, event: GuardEvent, words: &'static str) -> GuardNews {
        GuardNews { venue, event, count: 0, retry_at: UnixNanos::NONE, words }
    }
}

impl Engine {
    /// A request of this connection ended with this status, 0 if there was no answer; `failed`: no use could be made of it.
    pub(super) fn judge(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId, status: u16, failed: bool) {
        let Some(venue) = self.conns.get(id.index()).map(|c| c.venue) else { return };
        let breaker = &mut self.trading.desks.get_mut(venue).breaker;
        let failure = match (failed, status) {
            (_, 0) => Some(Failure::Timeout),
            (_, 500..) => Some(Failure::ServerError),
            // A refusal, also one by status, is an answer.
            (true, 200..=299) => Some(Failure::ServerError),
            _ => None,
        };
        let change = match failure {
            None => {
                breaker.answered(now);
                None
            }
            Some(failure) => breaker.failed(now, failure),
        };
        // Who is told to wait, or shut out, was answered, and finds nobody well.
        let well = failure.is_none() && !matches!(status, 403 | 418 | 429);
        let change = match self.trading.carries(id, |cargo| matches!(cargo, Cargo::Warm)) {
            true => change.or(self.trading.desks.get_mut(venue).breaker.probed(now, well)),
            false => change,
        };
        self.tell_breaker(now, out, venue, change);
    }

    /// The venue wants nothing sent before `until`, said by a reply of this status. A ban, and a firewall's page, open the
    /// breaker until then; a throttle only has the governor wait. Each is told once.
    pub(super) fn obey(&mut self, now: UnixNanos, out: &mut impl Outputs, venue: Venue, status: u16, until: UnixNanos) {
        out.count(Counter::VenueRateLimited, 1);
        let desk = self.trading.desks.get_mut(venue);
        if matches!(status, 403 | 418) {
            return self.banned(now, out, venue, until);
        }
        if status != 429 {
            return; // an outage with a time to come again
        }
        // Replies of what was under way together say the same.
        let known = desk.throttled_until.max(now);
        desk.throttled_until = desk.throttled_until.max(until);
        if until > known {
            let news = GuardNews::new(venue, GuardEvent::Throttled, "told to wait: too many requests");
            self.tell_guard(now, out, GuardNews { retry_at: until, ..news });
        }
    }

    /// How vaguely the venue's clock is known whose time requests are stamped with.
    pub(super) fn obey_clock(&mut self, now: UnixNanos, out: &mut impl Outputs, venue: Venue, skew_ms: u64) {
        let change = self.trading.desks.get_mut(venue).breaker.skewed(now, skew_ms);
        self.tell_breaker(now, out, venue, change);
    }

    /// A request got no answer in time.
    pub(super) fn judge_silence(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) {
        let Some(venue) = self.conns.get(id.index()).map(|c| c.venue) else { return };
        let breaker = &mut self.trading.desks.get_mut(venue).breaker;
        let change = breaker.failed(now, Failure::Timeout).or(breaker.probed(now, false));
        self.tell_breaker(now, out, venue, change);
    }

    /// The venue has banned us until then: no new order is the next to find out.
    fn banned(&mut self, now: UnixNanos, out: &mut impl Outputs, venue: Venue, until: UnixNanos) {
        let change = self.trading.desks.get_mut(venue).breaker.banned(now, until);
        self.tell_breaker(now, out, venue, change);
    }

    /// What the clock of a venue said, whose requests bear the time of ours, to the question this connection carries. Their
    /// difference is at least what no delay explains, and no cutting off to so many milliseconds. (Binance.US is sent its
    /// own time: a difference does no harm there.)
    pub(super) fn compare_clocks(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        id: ConnId,
        (said, fineness_ms): (UnixNanos, u64),
    ) {
        let Some(venue) = self.conns.get(id.index()).map(|c| c.venue) else { return };
        let asked = self.trading.carried_mut(id).find(|c| matches!(c.cargo, Cargo::Warm)).map(|c| c.written);
        let Some(asked) = asked.filter(|asked| asked.is_some()) else { return };
        let behind = asked.since(said.plus_ms(fineness_ms));
        let skew_ms = behind.max(said.since(now)) / NANOS_PER_MS;
        let change = self.trading.desks.get_mut(venue).breaker.skewed(now, skew_ms);
        self.tell_breaker(now, out, venue, change);
    }

    /// Moves breakers on whose time has come, and sends the probes that are due.
    pub(super) fn tend_breakers(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        for venue in Venue::ALL {
            let breaker = &mut self.trading.desks.get_mut(venue).breaker;
            if breaker.state() == BreakerState::Closed {
                continue;
            }
            let change = breaker.time(now);
            self.tell_breaker(now, out, venue, change);
            let roles = [ConnectionRole::Queries, ConnectionRole::Cancels, ConnectionRole::Orders];
            let Some(id) = free_conn(&self.conns, venue, &roles) else { continue };
            if self.trading.desks.get_mut(venue).breaker.take_probe(now) {
                self.warm(now, out, id);
            }
        }
    }

    /// An HTTP connection was idle for long: it is used, or looked at again soon. The last order connection that is free
    /// beside busy ones is left free: it would be missing to an order, and the others are free again soon.
    pub(super) fn warm_or_retry(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) {
        if self.is_last_free(id) || !self.warm(now, out, id) {
            self.deadlines.set(id.index(), Some(now.plus_ms(WARM_RETRY_MS)));
        }
    }

    fn is_last_free(&self, id: ConnId) -> bool {
        let Some(conn) = self.conns.get(id.index()).filter(|conn| conn.role == ConnectionRole::Orders) else {
            return false;
        };
        let beside = |at: usize| self.conns.get(at).filter(|other| at != id.index() && other.venue == conn.venue);
        let beside = (0..self.conns.len()).filter_map(beside);
        let mut beside = beside.filter(|other| other.role == conn.role && other.is_open() && other.serves()).peekable();
        beside.peek().is_some() && beside.all(|other| !other.session.free())
    }

    fn tell_breaker(&mut self, now: UnixNanos, out: &mut impl Outputs, venue: Venue, change: Option<BreakerChange>) {
        let Some(change) = change else { return };
        if change.state == BreakerState::Open {
            out.count(Counter::BreakerTrips, 1);
        }
        let news = GuardNews::new(venue, event_of(change.state), words_of(change.cause));
        self.tell_guard(now, out, GuardNews { retry_at: change.until, ..news });
        self.trading.stirred = true;
    }

    /// Tells every strategy of a guard's change.
    pub(super) fn tell_guard(&mut self, now: UnixNanos, out: &mut impl Outputs, news: GuardNews) {
        let mut record = ExecutionRecord::new(ExecutionKind::Guard, news.venue, InstrumentId::NONE);
        (record.recv, record.venue_time, record.guard) = (now, news.retry_at, news.event);
        record.last_quantity = i64::try_from(news.count).unwrap_or(i64::MAX);
        record.venue_code = InlineText::truncated(news.words);
        let (_, mut sink) = self.trading.orders_and_sink(out);
        sink.emit(&record);
    }

    /// Uses an idle HTTP connection, so that it stays warm; false if it could not be, or the governor does not allow it
    /// now: whatever asks for it, it must not push an order out.
    pub(super) fn warm(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) -> bool {
        if matches!(self.conns.get(id.index()).map(|conn| &conn.session), Some(Session::BinanceUsRest(_))) {
            return self.ask_time(now, out, id);
        }
        let Some(desk) = self.desk_of(id) else { return false };
        if desk.governor.take(now, Priority::Housekeeping).is_err() {
            return false;
        }
        if matches!(self.conns.get(id.index()).map(|conn| &conn.session), Some(Session::OandaRest(_))) {
            return self.warm_at_oanda(now, out, id);
        }
        let Engine { conns, trading, .. } = self;
        let Some(Session::CoinbaseOrders(session)) = conns.get_mut(id.index()).map(|c| &mut c.session) else {
            return false;
        };
        let start = out.transmit(id, |_| ());
        let mut plug = super::route::Plug { out, conn: id, end: start };
        if session.warm(now, &mut plug).is_err() {
            return false;
        }
        let (end, deadline) = (plug.end, session.expects_reply_by());
        trading.load(id, Cargo::Warm, start, end, UnixNanos::NONE);
        self.deadlines.set(id.index(), deadline);
        true
    }
}

const fn event_of(state: BreakerState) -> GuardEvent {
    match state {
        BreakerState::Open => GuardEvent::BreakerOpened,
        BreakerState::HalfOpen => GuardEvent::BreakerProbing,
        BreakerState::Closed => GuardEvent::BreakerClosed,
    }
}

const fn words_of(cause: TripCause) -> &'static str {
    match cause {
        TripCause::FailureRate => "too many requests failed",
        TripCause::Timeouts => "too many requests unanswered",
        TripCause::ServerErrors => "too many server errors",
        TripCause::Ban => "banned by the venue",
        TripCause::ClockSkew => "clocks too far apart",
        TripCause::ProbeFailed => "a probe failed",
    }
}

#[cfg(all(test, feature = "sim"))]
#[path = "protect_tests.rs"]
pub(super) mod tests;
