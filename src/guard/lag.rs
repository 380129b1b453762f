//! How late a feed is, without knowing how far the venue's clock is from ours.
//!
//! The age of a message (received less sent, each by its own clock) is the true delay plus an unknown, slowly drifting
//! difference of clocks. Its minimum over the last minutes stands for the quickest way there is; what a message is older
//! than that, it is late. Two windows that take turns keep the minimum young, so that drift does not add up.

use crate::record::UnixNanos;

/// Each of the two windows lasts so long, ns.
const WINDOW_NS: u64 = 60_000_000_000;

/// The lag of one feed.
#[derive(Debug, Clone, Copy)]
pub struct FeedLag {
    now_min: i64,
    last_min: i64,
    since: UnixNanos,
    lag_ns: u64,
}

impl Default for FeedLag {
    fn default() -> Self {
        FeedLag { now_min: i64::MAX, last_min: i64::MAX, since: UnixNanos::NONE, lag_ns: 0 }
    }
}

impl FeedLag {
    /// A message was received that the venue stamped; messages without a stamp say nothing.
    pub fn heard(&mut self, received: UnixNanos, stamped: UnixNanos) {
        if !stamped.is_some() {
            return;
        }
        let age = i64::try_from(i128::from(received.0).saturating_sub(i128::from(stamped.0))).unwrap_or(i64::MAX);
        if received.since(self.since) >= WINDOW_NS {
            (self.last_min, self.now_min, self.since) = (self.now_min, i64::MAX, received);
        }
        self.now_min = self.now_min.min(age);
        let least = self.now_min.min(self.last_min);
        self.lag_ns = age.saturating_sub(least).unsigned_abs();
    }

    /// How much later than the quickest the last message was, ns.
    pub const fn lag_ns(&self) -> u64 {
        self.lag_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: u64 = 1_700_000_000_000_000_000;
    const MS: u64 = 1_000_000;

    fn heard(lag: &mut FeedLag, sent_ms: u64, delay_ms: u64, clock_ms: i64) -> u64 {
        let received = START + (sent_ms + delay_ms) * MS;
        let stamped = START + sent_ms * MS;
        lag.heard(UnixNanos(received), UnixNanos(stamped.wrapping_add_signed(clock_ms * MS as i64)));
        lag.lag_ns() / MS
    }

    #[test]
    fn the_clocks_difference_does_not_matter_the_delay_beyond_the_quickest_does() {
        for clock_ms in [-5_000, 0, 5_000] {
            let mut lag = FeedLag::default();
            assert_eq!(heard(&mut lag, 0, 10, clock_ms), 0);
            assert_eq!(heard(&mut lag, 100, 35, clock_ms), 25);
            assert_eq!(heard(&mut lag, 200, 4, clock_ms), 0);
            assert_eq!(heard(&mut lag, 300, 10, clock_ms), 6);
        }
    }

    #[test]
    fn a_clock_that_moved_is_forgiven_after_two_windows() {
        let mut lag = FeedLag::default();
        heard(&mut lag, 0, 10, 0);
        assert_eq!(heard(&mut lag, 1_000, 10, -500), 500);
        heard(&mut lag, 61_000, 10, -500);
        assert_eq!(heard(&mut lag, 122_000, 10, -500), 0);
    }

    proptest! {
        #[test]
        fn whatever_the_stamps_nothing_overflows(stamps in proptest::collection::vec((any::<u64>(), any::<u64>()), 0..20)) {
            let mut lag = FeedLag::default();
            for (received, stamped) in stamps {
                lag.heard(UnixNanos(received), UnixNanos(stamped));
            }
            let _ = lag.lag_ns();
        }
    }
}
