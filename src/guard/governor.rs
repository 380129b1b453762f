//! A request governor for one rate limit of one venue.
//!
//! It keeps the times of the last `limit` requests and lets a request go only if fewer than `limit` fall into the window
//! that ends with it, so that no window of that length anywhere, however the venue aligns its own, ever counts more.
//! The window is lengthened by a margin for one-way delay: requests sent a window apart can arrive closer together.
//! A share of the limit is reserved for requests of higher priority: a cancel must never wait for new orders.

use crate::record::UnixNanos;

/// Who asks; each may use the whole limit less what is reserved for those above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Cancels: the whole limit.
    Cancel = 0,
    /// Queries for orders of unknown outcome.
    UnknownQuery = 1,
    /// New orders and changes.
    Order = 2,
    /// Warm-up and periodic listings.
    Housekeeping = 3,
}

/// Refused: the same request would be let go at this time, if no other comes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryAt(pub UnixNanos);

/// Most requests per window one governor counts.
pub const LIMIT_MAX: usize = 256;

/// A sliding-window count of one rate limit.
#[derive(Debug, Clone)]
pub struct Governor {
    /// Ring of the last `limit` send times, oldest at `next`.
    sent: Vec<UnixNanos>,
    next: usize,
    window_ns: u64,
    reserves: [usize; 4],
    blocked_until: UnixNanos,
}

impl Governor {
    /// At most `limit` requests (1 to 256, clamped) in any `window_ms`, judged over `window_ms + margin_ms`.
    /// Of them a fifth is kept for cancels and queries, another fifth from housekeeping.
    pub fn new(limit: usize, window_ms: u64, margin_ms: u64) -> Governor {
        let limit = limit.clamp(1, LIMIT_MAX);
        let fifth = limit / 5;
        Governor {
            sent: vec![UnixNanos::NONE; limit],
            next: 0,
            window_ns: window_ms.saturating_add(margin_ms).saturating_mul(1_000_000),
            reserves: [0, fifth / 2, fifth, fifth.saturating_mul(2)],
            blocked_until: UnixNanos::NONE,
        }
    }

    /// Whether a request could leave now; counts nothing.
    ///
    /// # Errors
    /// [`RetryAt`] if the limit, less what is reserved from `priority`, is used up, or the venue told us to wait.
    pub fn ready(&self, now: UnixNanos, priority: Priority) -> Result<(), RetryAt> {
        if now < self.blocked_until {
            return Err(RetryAt(self.blocked_until));
        }
        let limit = self.sent.len();
        let reserve = self.reserves.get(priority as usize).copied().unwrap_or(0);
        // The request that is `limit - reserve` back must have left the window. Ring index of the one k back is next - k.
        let back = limit.saturating_sub(reserve).max(1);
        let index = (self.next + limit - back) % limit;
        let oldest = self.sent.get(index).copied().unwrap_or_default();
        if oldest.is_some() {
            let free_at = oldest.plus_ns(self.window_ns);
            if now < free_at {
                return Err(RetryAt(free_at));
            }
        }
        Ok(())
    }

    /// Counts a request that leaves now.
    ///
    /// # Errors
    /// As of [`Governor::ready`]; nothing is counted then.
    pub fn take(&mut self, now: UnixNanos, priority: Priority) -> Result<(), RetryAt> {
        self.ready(now, priority)?;
        if let Some(slot) = self.sent.get_mut(self.next) {
            *slot = now;
        }
        self.next = (self.next + 1) % self.sent.len();
        Ok(())
    }

    /// The venue said to wait (429, Retry-After): nothing leaves before `until`.
    pub fn block_until(&mut self, until: UnixNanos) {
        self.blocked_until = self.blocked_until.max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: UnixNanos = UnixNanos(1_000_000_000_000);

    #[test]
    fn new_orders_leave_the_reserve_to_cancels() {
        let mut governor = Governor::new(10, 1_000, 0);
        let orders = (0..10).filter(|_| governor.take(START, Priority::Order).is_ok()).count();
        let cancels = (0..10).filter(|_| governor.take(START, Priority::Cancel).is_ok()).count();
        assert_eq!((orders, cancels), (8, 2));
    }

    #[test]
    fn a_refusal_names_the_time_at_which_it_would_pass() {
        let mut governor = Governor::new(2, 1_000, 0);
        assert!(governor.take(START, Priority::Cancel).is_ok());
        assert!(governor.take(START.plus_ms(400), Priority::Cancel).is_ok());
        let RetryAt(at) = governor.take(START.plus_ms(500), Priority::Cancel).unwrap_err();
        assert_eq!(at, START.plus_ms(1_000));
        assert!(governor.take(at, Priority::Cancel).is_ok());
    }

    #[test]
    fn a_venue_that_says_wait_is_obeyed_by_everyone() {
        let mut governor = Governor::new(10, 1_000, 0);
        governor.block_until(START.plus_ms(5_000));
        assert_eq!(governor.take(START, Priority::Cancel), Err(RetryAt(START.plus_ms(5_000))));
        assert!(governor.take(START.plus_ms(5_000), Priority::Cancel).is_ok());
    }

    proptest! {
        /// Whatever we ask and however each request is delayed (up to the margin), no window of the venue's counts
        /// more than its limit.
        #[test]
        fn the_venue_never_counts_more_than_its_limit(
            limit in 1usize..20, window_ms in 1u64..2_000, delay_ms_max in 0u64..3_000,
            steps in proptest::collection::vec((0u64..200, 0u64..=100, 0u8..4), 1..200),
        ) {
            let mut governor = Governor::new(limit, window_ms, delay_ms_max);
            let mut now = START;
            let mut arrivals = Vec::new();
            for (gap_ms, late, who) in steps {
                now = now.plus_ms(gap_ms);
                let delay_ms = delay_ms_max * late / 100;
                let priority = [Priority::Cancel, Priority::UnknownQuery, Priority::Order, Priority::Housekeeping][who as usize];
                if governor.take(now, priority).is_ok() {
                    arrivals.push(now.plus_ms(delay_ms).0);
                }
            }
            arrivals.sort_unstable();
            for (i, start) in arrivals.iter().enumerate() {
                let count = arrivals.iter().skip(i).take_while(|t| *t - start < window_ms * 1_000_000).count();
                prop_assert!(count <= limit, "{count} arrivals in one window of limit {limit}");
            }
        }
    }
}
