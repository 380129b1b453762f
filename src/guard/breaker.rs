//! A circuit breaker for the new orders of one venue.
//!
//! It counts how requests end. When too many fail it opens: no new order leaves, while cancels and queries still do, since
//! they are what clears the damage up. After a pause it is half open: probes (requests that change nothing) are sent, and
//! only when enough of them were answered in a row it closes. An order is never the probe. Each further trip without a
//! healthy time in between doubles the pause, up to a cap.
//!
//! Pure and O(1): time is an argument, outcomes fall into two half windows that take turns.

use super::RetryAt;
use crate::record::UnixNanos;

/// Whether new orders may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BreakerState {
    /// They may.
    Closed = 0,
    /// They may not.
    Open = 1,
    /// They may not, and the venue is being probed.
    HalfOpen = 2,
}

/// What opened a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TripCause {
    /// Too large a share of requests failed.
    FailureRate = 0,
    /// Too many requests got no answer.
    Timeouts = 1,
    /// Too many answers with a status of 500 or more.
    ServerErrors = 2,
    /// The venue has banned us for a time.
    Ban = 3,
    /// The clocks are too far apart for signatures and times to hold.
    ClockSkew = 4,
    /// A probe failed.
    ProbeFailed = 5,
}

/// How a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// No answer in time, or the connection was lost while it was awaited.
    Timeout,
    /// An answer with a status of 500 or more, or none that can be read.
    ServerError,
}

/// When a breaker opens and how it closes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerRules {
    /// Outcomes older than this do not count, ms.
    pub window_ms: u64,
    /// A share of failures counts from so many outcomes on.
    pub outcomes_min: u32,
    /// The share that opens, percent.
    pub failure_percent_max: u32,
    /// So many requests without an answer within the window open it.
    pub timeouts_max: u32,
    /// So many server errors within the window open it.
    pub server_errors_max: u32,
    /// Greatest difference of clocks, ms.
    pub skew_ms_max: u64,
    /// First pause, ms.
    pub pause_ms_min: u64,
    /// Longest pause, ms.
    pub pause_ms_max: u64,
    /// Probes that must be answered in a row.
    pub probes: u32,
    /// Least time between two probes, and longest wait for one, ms.
    pub probe_ms: u64,
}

impl Default for BreakerRules {
    fn default() -> Self {
        BreakerRules {
            window_ms: 30_000,
            outcomes_min: 10,
            failure_percent_max: 50,
            timeouts_max: 5,
            server_errors_max: 5,
            skew_ms_max: 5_000,
            pause_ms_min: 2_000,
            pause_ms_max: 60_000,
            probes: 3,
            probe_ms: 1_000,
        }
    }
}

/// A change of state, to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerChange {
    /// What it is now.
    pub state: BreakerState,
    /// What opened it, last.
    pub cause: TripCause,
    /// When it is looked at again; `NONE` once it is closed.
    pub until: UnixNanos,
}

/// Outcomes of half a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Half {
    answered: u32,
    timeouts: u32,
    server_errors: u32,
}

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Breaker {
    rules: BreakerRules,
    state: BreakerState,
    cause: TripCause,
    halves: [Half; 2],
    half_since: UnixNanos,
    until: UnixNanos,
    pause_ms: u64,
    closed_at: UnixNanos,
    probes_left: u32,
}

impl Breaker {
    /// Closed.
    pub const fn new(rules: BreakerRules) -> Breaker {
        Breaker {
            rules,
            state: BreakerState::Closed,
            cause: TripCause::FailureRate,
            halves: [Half { answered: 0, timeouts: 0, server_errors: 0 }; 2],
            half_since: UnixNanos::NONE,
            until: UnixNanos::NONE,
            pause_ms: 0,
            closed_at: UnixNanos::NONE,
            probes_left: 0,
        }
    }

    /// Whether new orders may leave, and what keeps them.
    pub const fn state(&self) -> BreakerState {
        self.state
    }

    /// Whether a new order may leave.
    ///
    /// # Errors
    /// [`RetryAt`]: not before; it may still be shut then.
    pub const fn admit(&self) -> Result<(), RetryAt> {
        match self.state {
            BreakerState::Closed => Ok(()),
            BreakerState::Open | BreakerState::HalfOpen => Err(RetryAt(self.until)),
        }
    }

    /// When [`Breaker::time`] is due.
    pub fn deadline(&self) -> Option<UnixNanos> {
        (self.state != BreakerState::Closed).then_some(self.until)
    }

    /// A request was answered as documented; a refusal of an order is an answer too.
    pub fn answered(&mut self, now: UnixNanos) {
        let half = self.half(now);
        half.answered = half.answered.saturating_add(1);
    }

    /// A request failed.
    pub fn failed(&mut self, now: UnixNanos, failure: Failure) -> Option<BreakerChange> {
        let half = self.half(now);
        let count = match failure {
            Failure::Timeout => &mut half.timeouts,
            Failure::ServerError => &mut half.server_errors,
        };
        *count = count.saturating_add(1);
        if self.state != BreakerState::Closed {
            return None;
        }
        let [first, second] = self.halves;
        let timeouts = first.timeouts.saturating_add(second.timeouts);
        let server_errors = first.server_errors.saturating_add(second.server_errors);
        let failures = u64::from(timeouts).saturating_add(u64::from(server_errors));
        let answered = u64::from(first.answered).saturating_add(u64::from(second.answered));
        let all = answered.saturating_add(failures);
        let share = u64::from(self.rules.failure_percent_max).saturating_mul(all);
        if timeouts >= self.rules.timeouts_max {
            return Some(self.trip(now, TripCause::Timeouts));
        }
        if server_errors >= self.rules.server_errors_max {
            return Some(self.trip(now, TripCause::ServerErrors));
        }
        let counts = all >= u64::from(self.rules.outcomes_min) && failures.saturating_mul(100) >= share;
        counts.then(|| self.trip(now, TripCause::FailureRate))
    }

    /// The venue has banned us until then. A breaker that is open stays so at least as long; that it is a ban now is news,
    /// the next reply that says the same is none.
    pub fn banned(&mut self, now: UnixNanos, until: UnixNanos) -> Option<BreakerChange> {
        let news = self.state != BreakerState::Open || self.cause != TripCause::Ban;
        if self.state != BreakerState::Open {
            self.trip(now, TripCause::Ban);
        }
        (self.cause, self.until) = (TripCause::Ban, self.until.max(until));
        news.then(|| self.change())
    }

    /// The clocks differ by so much. A probe whose answer shows it has failed.
    pub fn skewed(&mut self, now: UnixNanos, skew_ms: u64) -> Option<BreakerChange> {
        let far = skew_ms > self.rules.skew_ms_max && self.state != BreakerState::Open;
        far.then(|| self.trip(now, TripCause::ClockSkew))
    }

    /// Time has passed: an open breaker whose pause is over becomes half open, and a probe is due.
    pub fn time(&mut self, now: UnixNanos) -> Option<BreakerChange> {
        if self.state != BreakerState::Open || now < self.until {
            return None;
        }
        self.state = BreakerState::HalfOpen;
        self.probes_left = self.rules.probes.max(1);
        self.until = now;
        Some(self.change())
    }

    /// Whether a probe is to be sent now; it counts as sent.
    pub fn take_probe(&mut self, now: UnixNanos) -> bool {
        let due = self.state == BreakerState::HalfOpen && now >= self.until;
        if due {
            self.until = now.plus_ms(self.rules.probe_ms);
        }
        due
    }

    /// How a probe ended.
    pub fn probed(&mut self, now: UnixNanos, answered: bool) -> Option<BreakerChange> {
        if self.state != BreakerState::HalfOpen {
            return None;
        }
        if !answered {
            return Some(self.trip(now, TripCause::ProbeFailed));
        }
        self.probes_left = self.probes_left.saturating_sub(1);
        if self.probes_left > 0 {
            return None;
        }
        self.state = BreakerState::Closed;
        self.halves = [Half::default(); 2];
        (self.closed_at, self.until) = (now, UnixNanos::NONE);
        Some(self.change())
    }

    fn trip(&mut self, now: UnixNanos, cause: TripCause) -> BreakerChange {
        // Healthy for as long as the longest pause: the past is forgotten.
        let healthy = self.state == BreakerState::Closed
            && now.since(self.closed_at) > self.rules.pause_ms_max.saturating_mul(1_000_000);
        let doubled = if healthy { 0 } else { self.pause_ms.saturating_mul(2) };
        self.pause_ms = doubled.clamp(self.rules.pause_ms_min, self.rules.pause_ms_max.max(self.rules.pause_ms_min));
        (self.state, self.cause) = (BreakerState::Open, cause);
        self.until = self.until.max(now.plus_ms(self.pause_ms));
        self.change()
    }

    const fn change(&self) -> BreakerChange {
        BreakerChange { state: self.state, cause: self.cause, until: self.until }
    }

    /// The half window that counts now.
    fn half(&mut self, now: UnixNanos) -> &mut Half {
        let half_ns = self.rules.window_ms.saturating_mul(500_000);
        let age = now.since(self.half_since);
        if age >= half_ns.saturating_mul(2) {
            self.halves = [Half::default(); 2];
            self.half_since = now;
        } else if age >= half_ns {
            let [current, _] = self.halves;
            self.halves = [Half::default(), current];
            self.half_since = now;
        }
        let [current, _] = &mut self.halves;
        current
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: UnixNanos = UnixNanos(1_000_000_000_000_000);

    fn breaker() -> Breaker {
        Breaker::new(BreakerRules::default())
    }

    #[test]
    fn timeouts_open_it_and_answered_probes_close_it() {
        let mut b = breaker();
        for _ in 0..4 {
            assert_eq!(b.failed(START, Failure::Timeout), None);
        }
        let opened = b.failed(START, Failure::Timeout).unwrap();
        assert_eq!((opened.state, opened.cause), (BreakerState::Open, TripCause::Timeouts));
        assert_eq!(b.admit(), Err(RetryAt(START.plus_ms(2_000))));
        assert_eq!(b.time(START.plus_ms(1_999)), None);
        let mut now = START.plus_ms(2_000);
        assert_eq!(b.time(now).map(|c| c.state), Some(BreakerState::HalfOpen));
        for left in [2, 1, 0] {
            assert!(b.take_probe(now));
            assert!(!b.take_probe(now), "one at a time");
            assert!(b.admit().is_err(), "no order is a probe");
            let change = b.probed(now, true);
            assert_eq!(change.is_some(), left == 0);
            now = now.plus_ms(1_000);
        }
        assert_eq!((b.state(), b.admit(), b.deadline()), (BreakerState::Closed, Ok(()), None));
    }

    #[test]
    fn each_trip_without_a_healthy_time_between_waits_twice_as_long() {
        let mut b = breaker();
        let mut now = START;
        let mut pauses = Vec::new();
        b.banned(now, now);
        for _ in 0..7 {
            let until = b.deadline().unwrap();
            pauses.push(until.since(now) / 1_000_000);
            now = until;
            b.time(now);
            assert!(b.take_probe(now));
            assert_eq!(b.probed(now, false).map(|c| c.cause), Some(TripCause::ProbeFailed));
        }
        assert_eq!(pauses, [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    }

    #[test]
    fn a_ban_lasts_as_long_as_the_venue_says() {
        let mut b = breaker();
        let end = START.plus_ms(3_600_000);
        assert_eq!(b.banned(START, end).map(|c| (c.until, c.cause)), Some((end, TripCause::Ban)));
        assert_eq!(b.banned(START, end.plus_ms(1)), None, "every request under way says the same");
        assert_eq!(b.time(end), None, "and it lasts longer by that");
        assert_eq!(b.time(end.plus_ms(1)).map(|c| c.state), Some(BreakerState::HalfOpen));
    }

    #[test]
    fn a_ban_is_told_once_though_it_is_open_for_another_cause() {
        let mut b = breaker();
        b.skewed(START, 5_001).unwrap();
        let pause = b.deadline().unwrap();
        let end = START.plus_ms(3_600_000);
        let told = b.banned(START, end).unwrap();
        assert_eq!((told.state, told.cause, told.until), (BreakerState::Open, TripCause::Ban, end));
        assert_eq!(b.banned(START, end), None);
        assert_eq!(b.time(pause), None, "the pause it had is over, the ban is not");
        assert_eq!(b.time(end).map(|c| (c.state, c.cause)), Some((BreakerState::HalfOpen, TripCause::Ban)));
    }

    #[test]
    fn clocks_too_far_apart_open_it_once() {
        let mut b = breaker();
        assert_eq!(b.skewed(START, 5_000), None);
        assert_eq!(b.skewed(START, 5_001).map(|c| c.cause), Some(TripCause::ClockSkew));
        assert_eq!(b.skewed(START, 5_001), None);
    }

    #[test]
    fn old_failures_are_forgotten() {
        let mut b = breaker();
        for i in 0..40 {
            assert_eq!(b.failed(START.plus_ms(i * 10_000), Failure::ServerError), None, "{i}");
        }
    }

    proptest! {
        /// It opens by its share exactly when the share is reached, and never closes without its probes.
        #[test]
        fn it_opens_at_the_stated_share_and_closes_only_by_probes(outcomes in proptest::collection::vec(0u8..3, 1..60)) {
            let rules = BreakerRules { timeouts_max: u32::MAX, server_errors_max: u32::MAX, ..BreakerRules::default() };
            let mut b = Breaker::new(rules);
            let (mut all, mut failures) = (0u32, 0u32);
            for outcome in outcomes {
                all += 1;
                let change = match outcome {
                    0 => { b.answered(START); None }
                    1 => b.failed(START, Failure::Timeout),
                    _ => b.failed(START, Failure::ServerError),
                };
                failures += u32::from(outcome != 0);
                let reached = outcome != 0 && all >= 10 && failures * 100 >= 50 * all;
                prop_assert_eq!(change.is_some(), reached);
                if reached {
                    prop_assert_eq!(b.state(), BreakerState::Open);
                    prop_assert!(b.probed(START, true).is_none());
                    prop_assert!(b.admit().is_err());
                    return Ok(());
                }
                prop_assert_eq!(b.state(), BreakerState::Closed);
            }
        }
    }
}
