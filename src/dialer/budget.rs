//! How many connections a venue takes from one address per second.
//!
//! Owns the times of the last openings. Guarantees that in no window of [`WINDOW_MS`] more than the limit begin: a bucket
//! that refills would let twice as many through in its first second. Reads no clock.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The venues count per second, with their clock and the network between: 100 ms are for the jitter.
pub const WINDOW_MS: u64 = 1_100;

/// Which connections a venue's limit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Budgeted {
    /// All of them (OANDA).
    #[default]
    All,
    /// Only WebSockets (Coinbase reference 5).
    WebSockets,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct ConnectionBudget {
    per_window: usize,
    begun: VecDeque<Instant>,
}

impl ConnectionBudget {
    /// At most `per_second` (at least 1).
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        let per_window = per_second.max(1) as usize;
        Self { per_window, begun: VecDeque::with_capacity(per_window) }
    }

    /// Takes the right to open one connection now.
    ///
    /// # Errors
    /// How long to wait.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let window = Duration::from_millis(WINDOW_MS);
        if self.begun.len() >= self.per_window {
            let oldest = self.begun.front().copied().unwrap_or(now);
            let since = now.saturating_duration_since(oldest);
            if since < window {
                return Err(window - since);
            }
            self.begun.pop_front();
        }
        self.begun.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_says_exactly_how_long_to_wait() {
        let start = Instant::now();
        let mut budget = ConnectionBudget::new(2);
        assert_eq!(budget.take(start), Ok(()));
        assert_eq!(budget.take(start + Duration::from_millis(400)), Ok(()));
        let wait = budget.take(start + Duration::from_millis(500)).unwrap_err();
        assert_eq!(wait, Duration::from_millis(600));
        assert_eq!(budget.take(start + Duration::from_millis(500) + wait), Ok(()));
        assert_eq!(budget.take(start + Duration::from_millis(1_100)), Err(Duration::from_millis(400)));
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_the_limit(per_second in 1_u32..9, steps in proptest::collection::vec(0_u64..700, 1..80)) {
            let start = Instant::now();
            let (mut budget, mut at_ms, mut begun) = (ConnectionBudget::new(per_second), 0, Vec::new());
            for step in steps {
                at_ms += step;
                if budget.take(start + Duration::from_millis(at_ms)).is_ok() {
                    begun.push(at_ms);
                }
            }
            for (index, &first) in begun.iter().enumerate() {
                let within = begun[index..].iter().filter(|&&at| at < first + WINDOW_MS).count();
                prop_assert!(within <= per_second as usize);
            }
        }
    }
}
