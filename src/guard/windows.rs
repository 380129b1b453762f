//! A governor for limits that a venue counts in fixed windows aligned to its own clock: request weight per minute, orders
//! per 10 s and per day (Binance.US reference 5).
//!
//! Owns our count of each window and the bounds of the venue's clock. Guarantees that whatever the one-way delay of each
//! request up to the one given, and wherever the venue's clock stands within its error, no window ever counts more of our
//! requests than its limit: a request that may arrive on either side of a boundary counts in both windows. A share of
//! every limit is reserved for requests of higher priority: a cancel never waits for new orders. The venue's own counts
//! only ever raise ours: what others on the same address or account use is used. O(1), a few comparisons per limit.

use super::governor::Priority;
use crate::record::UnixNanos;
use arrayvec::ArrayVec;

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counted {
    /// Request weight.
    Weight,
    /// Requests of any kind.
    Requests,
    /// New orders.
    Orders,
}

/// One limit: so much in each window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RateLimit {
    /// What it counts.
    pub counted: Counted,
    /// Length of its windows, ms; they begin at multiples of it since 1970.
    pub window_ms: u64,
    /// How much each window takes.
    pub limit: u32,
}

/// What a request costs, besides being one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Request weight.
    pub weight: u32,
    /// New orders.
    pub orders: u32,
}

impl Cost {
    const fn of(self, counted: Counted) -> u32 {
        match counted {
            Counted::Weight => self.weight,
            Counted::Requests => 1,
            Counted::Orders => self.orders,
        }
    }
}

/// Refused; nothing was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Throttled {
    /// A limit, less what is reserved from this priority, is used up.
    #[error("{counted:?} per {window_ms} ms is used up")]
    Used {
        /// What is used up.
        counted: Counted,
        /// Length of its windows, ms.
        window_ms: u64,
        /// When the same request would pass, if no other comes before it.
        retry_at: UnixNanos,
    },
    /// The venue told us to wait.
    #[error("the venue told us to wait")]
    Blocked {
        /// The end of it.
        retry_at: UnixNanos,
    },
    /// It costs more than the limit leaves this priority; it never passes.
    #[error("it costs more than {counted:?} per {window_ms} ms leaves it")]
    TooMuch {
        /// What it costs too much of.
        counted: Counted,
        /// Length of its windows, ms.
        window_ms: u64,
    },
}

impl Throttled {
    /// When to try again; `None` if never.
    pub const fn retry_at(&self) -> Option<UnixNanos> {
        match self {
            Throttled::Used { retry_at, .. } | Throttled::Blocked { retry_at } => Some(*retry_at),
            Throttled::TooMuch { .. } => None,
        }
    }
}

/// Limits one governor keeps.
pub const LIMITS_MAX: usize = 8;
/// Windows of one limit whose counts are kept: the ones a request may fall into.
const WINDOWS: usize = 2;

/// One limit with its windows.
#[derive(Debug, Clone)]
struct Meter {
    limit: RateLimit,
    window_ns: u64,
    /// What each priority must leave.
    reserves: [u32; 4],
    /// Venue time at which the first window begins; the second follows it.
    start: u64,
    used: [u32; WINDOWS],
    /// Everything ever counted: what was sent after a request is the difference.
    total: u64,
}

/// Everything counted when a request was let go, by limit: hand it back with the venue's count in the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    sent: UnixNanos,
    totals: [u64; LIMITS_MAX],
}

/// See the module's documentation.
#[derive(Debug, Clone)]
pub struct WindowGovernor {
    meters: ArrayVec<Meter, LIMITS_MAX>,
    delay_ns: u64,
    offset_ns: i64,
    error_ns: u64,
    blocked_until: UnixNanos,
}

/// How well our clock is believed to agree with the venue's before anybody asked it, ns.
const UNKNOWN_CLOCK_ERROR_NS: u64 = 5_000_000_000;

impl WindowGovernor {
    /// Keeps these limits (the first [`LIMITS_MAX`]) for requests that take at most `delay_ms_max` to arrive, which must
    /// be less than the shortest window.
    #[must_use]
    pub fn new(limits: &[RateLimit], delay_ms_max: u64) -> WindowGovernor {
        let mut governor = WindowGovernor {
            meters: ArrayVec::new(),
            delay_ns: delay_ms_max.saturating_mul(1_000_000),
            offset_ns: 0,
            error_ns: UNKNOWN_CLOCK_ERROR_NS,
            blocked_until: UnixNanos::NONE,
        };
        governor.set_limits(limits);
        governor
    }

    /// The venue changed its limits, or states them for the first time. What was counted stays counted.
    pub fn set_limits(&mut self, limits: &[RateLimit]) {
        let old = std::mem::take(&mut self.meters);
        for limit in limits.iter().filter(|limit| limit.window_ms > 0).take(LIMITS_MAX) {
            let known = old.iter().find(|m| m.limit.counted == limit.counted && m.limit.window_ms == limit.window_ms);
            let fifth = limit.limit / 5;
            let mut meter = known.cloned().unwrap_or_else(|| Meter {
                limit: *limit,
                window_ns: limit.window_ms.saturating_mul(1_000_000),
                reserves: [0; 4],
                start: 0,
                used: [0; WINDOWS],
                total: 0,
            });
            meter.limit = *limit;
            meter.reserves = [0, fifth / 2, fifth, fifth.saturating_mul(2)];
            self.meters.push(meter);
        }
    }

    /// The venue's clock is ahead of ours by `offset_ns`, more or less `error_ns`.
    pub fn set_clock(&mut self, offset_ns: i64, error_ns: u64) {
        (self.offset_ns, self.error_ns) = (offset_ns, error_ns);
    }

    /// Whether a request could leave now; nothing is counted.
    ///
    /// # Errors
    /// [`Throttled`].
    #[inline]
    pub fn ready(&mut self, now: UnixNanos, cost: Cost, priority: Priority) -> Result<(), Throttled> {
        if now < self.blocked_until {
            return Err(Throttled::Blocked { retry_at: self.blocked_until });
        }
        let (earliest, latest) = self.arrival(now);
        for meter in &mut self.meters {
            meter.advance(earliest);
            let costs = cost.of(meter.limit.counted);
            if costs == 0 {
                continue;
            }
            let most = meter.limit.limit.saturating_sub(meter.reserves.get(priority as usize).copied().unwrap_or(0));
            if costs > most {
                let RateLimit { counted, window_ms, .. } = meter.limit;
                return Err(Throttled::TooMuch { counted, window_ms });
            }
            if let Some(full) = meter.full(latest, costs, most) {
                return Err(self.used(full));
            }
        }
        Ok(())
    }

    /// Counts a request that leaves now.
    ///
    /// # Errors
    /// [`Throttled`]: it must not leave; nothing is counted then.
    #[inline]
    pub fn take(&mut self, now: UnixNanos, cost: Cost, priority: Priority) -> Result<Mark, Throttled> {
        self.ready(now, cost, priority)?;
        let (_, latest) = self.arrival(now);
        let mut mark = Mark { sent: now, totals: [0; LIMITS_MAX] };
        for (meter, total) in self.meters.iter_mut().zip(&mut mark.totals) {
            *total = meter.count(latest, cost.of(meter.limit.counted));
        }
        Ok(mark)
    }

    /// When a request that leaves now arrives at the earliest and at the latest, by the venue's clock.
    #[inline]
    fn arrival(&self, now: UnixNanos) -> (u64, u64) {
        let venue = now.0.saturating_add_signed(self.offset_ns);
        (venue.saturating_sub(self.error_ns), venue.saturating_add(self.error_ns).saturating_add(self.delay_ns))
    }

    /// The venue's count in the reply to a request, received now. Ours becomes at least that, and what left since.
    pub fn correct(&mut self, now: UnixNanos, mark: &Mark, counted: Counted, window_ms: u64, count: u32) {
        // The venue counted between our sending and our receiving: only if both lie in one window is it known in which.
        let earliest = mark.sent.0.saturating_add_signed(self.offset_ns).saturating_sub(self.error_ns);
        let latest = now.0.saturating_add_signed(self.offset_ns).saturating_add(self.error_ns);
        for (meter, before) in self.meters.iter_mut().zip(mark.totals) {
            if meter.limit.counted != counted || meter.limit.window_ms != window_ms {
                continue;
            }
            meter.advance(latest);
            let end = meter.start.saturating_add(meter.window_ns);
            if earliest >= meter.start && latest < end {
                let since = u32::try_from(meter.total.saturating_sub(before)).unwrap_or(u32::MAX);
                let [first, _] = &mut meter.used;
                *first = (*first).max(count.saturating_add(since));
            }
        }
    }

    /// The venue said to wait (429, 418): nothing leaves before `until`.
    pub fn block_until(&mut self, until: UnixNanos) {
        self.blocked_until = self.blocked_until.max(until);
    }

    /// How much of a limit the current window has used by our count; for display.
    pub fn used_now(&self, counted: Counted, window_ms: u64) -> Option<u32> {
        let meter = self.meters.iter().find(|m| m.limit.counted == counted && m.limit.window_ms == window_ms)?;
        meter.used.first().copied()
    }

    /// The refusal of a request that waits for the window beginning at `opens` by the venue's clock.
    #[cold]
    fn used(&self, (limit, opens): (RateLimit, u64)) -> Throttled {
        // Then even the earliest time of arrival lies in it.
        let ours = opens.saturating_add_signed(self.offset_ns.saturating_neg()).saturating_add(self.error_ns);
        Throttled::Used { counted: limit.counted, window_ms: limit.window_ms, retry_at: UnixNanos(ours) }
    }
}

impl Meter {
    /// Nothing arrives before this time any more: windows that ended are forgotten.
    #[inline]
    fn advance(&mut self, earliest: u64) {
        let end = self.start.saturating_add(self.window_ns);
        if earliest < end {
            // Also where the bounds of the clock grew backwards: the venue's time never does.
            return;
        }
        let [_, second] = self.used;
        let next_end = end.saturating_add(self.window_ns);
        if earliest < next_end {
            (self.start, self.used) = (end, [second, 0]);
        } else {
            let into = earliest.checked_rem(self.window_ns).unwrap_or(0);
            (self.start, self.used) = (earliest.saturating_sub(into), [0; WINDOWS]);
        }
    }

    /// Whether a request that arrives until `latest` finds no room: the limit, and when the window after the full one
    /// begins.
    #[inline]
    fn full(&self, latest: u64, costs: u32, most: u32) -> Option<(RateLimit, u64)> {
        let end = self.start.saturating_add(self.window_ns);
        let [first, second] = self.used;
        let next = end.saturating_add(self.window_ns);
        if latest >= end && (second.saturating_add(costs) > most || latest >= next) {
            return Some((self.limit, next));
        }
        (first.saturating_add(costs) > most).then_some((self.limit, end))
    }

    #[inline]
    fn count(&mut self, latest: u64, costs: u32) -> u64 {
        let end = self.start.saturating_add(self.window_ns);
        let [first, second] = &mut self.used;
        *first = first.saturating_add(costs);
        if latest >= end {
            *second = second.saturating_add(costs);
        }
        self.total = self.total.saturating_add(u64::from(costs));
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const MINUTE: u64 = 60_000;
    /// The beginning of a day.
    const START: UnixNanos = UnixNanos(1_700_006_400_000_000_000);
    const WEIGHT: Cost = Cost { weight: 10, orders: 0 };

    fn limits(weight: u32, orders: u32) -> [RateLimit; 3] {
        [
            RateLimit { counted: Counted::Weight, window_ms: MINUTE, limit: weight },
            RateLimit { counted: Counted::Orders, window_ms: 10_000, limit: orders },
            RateLimit { counted: Counted::Requests, window_ms: 5 * MINUTE, limit: 1_000_000 },
        ]
    }

    fn exact(weight: u32, orders: u32) -> WindowGovernor {
        let mut governor = WindowGovernor::new(&limits(weight, orders), 0);
        governor.set_clock(0, 0);
        governor
    }

    #[test]
    fn a_window_is_used_up_and_the_next_begins_at_the_venues_full_minute() {
        let mut governor = exact(100, 50);
        let at = START.plus_ms(59_000);
        for _ in 0..10 {
            assert!(governor.take(at, WEIGHT, Priority::Cancel).is_ok());
        }
        let refused = governor.take(at, WEIGHT, Priority::Cancel).unwrap_err();
        let retry_at = START.plus_ms(MINUTE);
        assert_eq!(refused, Throttled::Used { counted: Counted::Weight, window_ms: MINUTE, retry_at });
        assert!(governor.take(retry_at, WEIGHT, Priority::Cancel).is_ok());
        assert_eq!(governor.used_now(Counted::Weight, MINUTE), Some(10));
    }

    #[test]
    fn a_request_near_a_boundary_counts_on_both_sides() {
        let mut governor = WindowGovernor::new(&limits(20, 50), 100);
        governor.set_clock(2_000_000_000, 50_000_000);
        // By the venue's clock 59.9 s, give or take 50 ms, and up to 100 ms on the way.
        let near = START.plus_ms(57_900);
        assert!(governor.take(near, WEIGHT, Priority::Cancel).is_ok());
        assert!(governor.take(near, WEIGHT, Priority::Cancel).is_ok());
        let retry_at = governor.take(near, WEIGHT, Priority::Cancel).unwrap_err().retry_at().unwrap();
        assert_eq!(retry_at, START.plus_ms(2 * MINUTE - 2_000 + 50), "the next minute is used up too");
        assert!(governor.take(START.plus_ms(58_100), WEIGHT, Priority::Cancel).is_err());
        assert!(governor.take(retry_at, WEIGHT, Priority::Cancel).is_ok());
    }

    #[test]
    fn orders_and_housekeeping_leave_their_reserve_to_cancels() {
        let mut governor = exact(100, 1_000);
        let took = |governor: &mut WindowGovernor, priority| {
            (0..20).filter(|_| governor.take(START, WEIGHT, priority).is_ok()).count()
        };
        assert_eq!(took(&mut governor, Priority::Housekeeping), 6);
        assert_eq!(took(&mut governor, Priority::Order), 2);
        assert_eq!(took(&mut governor, Priority::UnknownQuery), 1);
        assert_eq!(took(&mut governor, Priority::Cancel), 1);
    }

    #[test]
    fn every_kind_of_limit_keeps_reserves_by_priority_and_says_when_to_try_again() {
        let cost = Cost { weight: 1, orders: 1 };
        for counted in [Counted::Weight, Counted::Requests, Counted::Orders] {
            for window_ms in [10_000, MINUTE, 24 * 60 * MINUTE] {
                let mut governor = WindowGovernor::new(&[RateLimit { counted, window_ms, limit: 10 }], 0);
                governor.set_clock(0, 0);
                let at = START.plus_ms(1_000);
                let all = [Priority::Housekeeping, Priority::Order, Priority::UnknownQuery, Priority::Cancel];
                let took = all.map(|priority| {
                    let took = (0..20).filter(|_| governor.take(at, cost, priority).is_ok()).count();
                    let refused = governor.take(at, cost, priority).unwrap_err();
                    let retry_at = START.plus_ms(window_ms);
                    assert_eq!(refused, Throttled::Used { counted, window_ms, retry_at }, "{priority:?}");
                    took
                });
                assert_eq!(took, [6, 2, 1, 1], "{counted:?} per {window_ms} ms");
                assert!(all.iter().all(|priority| governor.take(START.plus_ms(window_ms), cost, *priority).is_ok()));
            }
        }
    }

    #[test]
    fn order_counts_are_limited_apart_from_weight_and_nothing_is_counted_of_a_refusal() {
        let mut governor = exact(6_000, 2);
        let order = Cost { weight: 1, orders: 1 };
        assert!(governor.take(START, order, Priority::Cancel).is_ok());
        assert!(governor.take(START, order, Priority::Cancel).is_ok());
        let refused = governor.take(START.plus_ms(9_999), order, Priority::Cancel).unwrap_err();
        assert_eq!(refused.retry_at(), Some(START.plus_ms(10_000)));
        assert_eq!(governor.used_now(Counted::Weight, MINUTE), Some(2));
        assert!(governor.take(START, Cost { weight: 1, orders: 0 }, Priority::Cancel).is_ok(), "cancels are no orders");
        assert_eq!(
            governor.take(START, Cost { weight: 6_001, orders: 0 }, Priority::Cancel),
            Err(Throttled::TooMuch { counted: Counted::Weight, window_ms: MINUTE })
        );
    }

    #[test]
    fn the_venues_count_raises_ours_with_what_left_since_and_never_lowers_it() {
        let mut governor = exact(100, 50);
        let mark = governor.take(START, WEIGHT, Priority::Cancel).unwrap();
        governor.take(START.plus_ms(10), WEIGHT, Priority::Cancel).unwrap();
        governor.correct(START.plus_ms(50), &mark, Counted::Weight, MINUTE, 70);
        assert_eq!(governor.used_now(Counted::Weight, MINUTE), Some(80));
        governor.correct(START.plus_ms(60), &mark, Counted::Weight, MINUTE, 1);
        assert_eq!(governor.used_now(Counted::Weight, MINUTE), Some(80));
        // A reply over a boundary says nothing of the new minute.
        let late = governor.take(START.plus_ms(59_990), WEIGHT, Priority::Cancel).unwrap();
        governor.correct(START.plus_ms(60_010), &late, Counted::Weight, MINUTE, 90);
        assert!(governor.take(START.plus_ms(60_020), WEIGHT, Priority::Cancel).is_ok());
        assert_eq!(governor.used_now(Counted::Weight, MINUTE), Some(10));
    }

    #[test]
    fn a_ban_is_obeyed_by_everyone_and_new_limits_keep_the_count() {
        let mut governor = exact(100, 50);
        governor.take(START, WEIGHT, Priority::Cancel).unwrap();
        governor.set_limits(&limits(10, 50));
        assert!(matches!(governor.take(START, WEIGHT, Priority::Cancel), Err(Throttled::Used { .. })));
        governor.block_until(START.plus_ms(120_000));
        governor.block_until(START.plus_ms(1_000));
        let blocked = governor.take(START.plus_ms(119_999), WEIGHT, Priority::Cancel);
        assert_eq!(blocked, Err(Throttled::Blocked { retry_at: START.plus_ms(120_000) }));
        assert!(governor.take(START.plus_ms(120_000), WEIGHT, Priority::Cancel).is_ok());
    }

    proptest! {
        /// Whatever we ask, however late each request arrives (up to the delay), and wherever the venue's clock stands
        /// within its error, no window of the venue's counts more than its limit; and the time named for trying again is
        /// one at which the request passes.
        #[test]
        fn the_venue_never_counts_more_than_its_limit(
            weight in 20u32..60, orders in 1u32..10, delay_ms_max in 0u64..400,
            offset_ms in -5_000i64..5_000, error_ms in 0u64..500, within in -100i64..=100, into_day_ms in 0u64..86_400_000,
            steps in prop::collection::vec((0u64..1_500, 0u64..=100, 0usize..4, 1u32..8, 0u32..2, 0u8..10), 1..150),
        ) {
            let limits = limits(weight, orders);
            let mut governor = WindowGovernor::new(&limits, delay_ms_max);
            governor.set_clock(offset_ms * 1_000_000, error_ms * 1_000_000);
            let true_offset_ns = offset_ms * 1_000_000 + within * (error_ms as i64) * 10_000;
            let mut now = START.plus_ms(into_day_ms);
            let mut counts: BTreeMap<(usize, u64), u32> = BTreeMap::new();
            for (pause_ms, late, who, weight, orders, jump) in steps {
                now = now.plus_ms(if jump == 0 { pause_ms * 40 } else { pause_ms });
                let priority = [Priority::Cancel, Priority::UnknownQuery, Priority::Order, Priority::Housekeeping][who];
                let cost = Cost { weight, orders };
                if let Err(refused) = governor.take(now, cost, priority) {
                    // Each limit may name its own time; whoever waits for them passes.
                    let (mut waiting, mut refused, mut at) = (governor.clone(), Some(refused), now);
                    for _ in 0..2 * limits.len() {
                        let Some(next) = refused.and_then(|refused| refused.retry_at()) else { break };
                        prop_assert!(next > at);
                        at = next;
                        refused = waiting.take(at, cost, priority).err();
                    }
                    prop_assert!(refused.is_none_or(|refused| refused.retry_at().is_none()), "refused for ever");
                    continue;
                }
                let arrives = now.0.saturating_add_signed(true_offset_ns) + delay_ms_max * 10_000 * late;
                for (at, limit) in limits.iter().enumerate() {
                    *counts.entry((at, arrives / (limit.window_ms * 1_000_000))).or_default() += cost.of(limit.counted);
                }
            }
            for ((at, window), count) in counts {
                prop_assert!(count <= limits[at].limit, "{count} of {:?} in window {window}", limits[at]);
            }
        }
    }
}
