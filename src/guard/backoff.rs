//! Reconnect back-off: exponential, jittered, capped, and forgotten after a healthy period.

use crate::record::UnixNanos;

/// The delays of one endpoint.
#[derive(Debug, Clone)]
pub struct Backoff {
    first_ms: u64,
    cap_ms: u64,
    healthy_ms: u64,
    failures: u32,
    opened: UnixNanos,
}

impl Backoff {
    /// Delays from `first_ms`, doubled per failure up to `cap_ms`; a connection that stayed open for `healthy_ms` starts
    /// afresh.
    pub const fn new(first_ms: u64, cap_ms: u64, healthy_ms: u64) -> Backoff {
        Backoff { first_ms, cap_ms, healthy_ms, failures: 0, opened: UnixNanos::NONE }
    }

    /// The connection is open.
    pub fn opened(&mut self, now: UnixNanos) {
        self.opened = now;
    }

    /// The connection failed or was lost: when to dial again. `random` spreads clients that fell together: the delay is
    /// between half and the whole of the current step. The first loss of a healthy connection is retried at once.
    pub fn failed(&mut self, now: UnixNanos, random: u64) -> UnixNanos {
        let healthy = self.opened.is_some() && now.since(self.opened) >= self.healthy_ms.saturating_mul(1_000_000);
        self.opened = UnixNanos::NONE;
        if healthy {
            self.failures = 1;
            return now;
        }
        let step_ms = self.first_ms.checked_shl(self.failures.min(32)).unwrap_or(u64::MAX).min(self.cap_ms).max(1);
        self.failures = self.failures.saturating_add(1);
        let half = step_ms / 2;
        now.plus_ms(half + random % (step_ms - half + 1))
    }

    /// Failures in a row.
    pub const fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_healthy_connection_is_redialled_at_once_and_then_ever_slower() {
        let mut backoff = Backoff::new(100, 1_000, 10_000);
        let now = UnixNanos(1).plus_ms(100_000);
        backoff.opened(now);
        assert_eq!(backoff.failed(now.plus_ms(10_000), 0), now.plus_ms(10_000));
        let delays: Vec<u64> = (0..6).map(|_| backoff.failed(now, u64::MAX - 1).since(now) / 1_000_000).collect();
        assert!(delays.windows(2).all(|w| w[0] <= 2 * w[1]), "{delays:?}");
        assert!(delays.iter().all(|d| *d <= 1_000));
    }

    proptest! {
        #[test]
        fn every_delay_lies_between_half_the_step_and_the_cap(failures in 0usize..80, random in any::<u64>()) {
            let mut backoff = Backoff::new(250, 30_000, 60_000);
            let now = UnixNanos(5);
            for _ in 0..failures { backoff.failed(now, random); }
            let ms = backoff.failed(now, random).since(now) / 1_000_000;
            prop_assert!((125..=30_000).contains(&ms), "{ms}");
        }
    }
}
