//! Rate limits: so many events in any one second, counted exactly (Coinbase reference 5).

use crate::sim::SECOND_NS;
use std::collections::VecDeque;

/// The venue's limits, all per second; 0 switches one off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// REST calls with a token, per key.
    pub private_per_s: u32,
    /// REST calls without one, per address.
    pub public_per_s: u32,
    /// New WebSocket connections, per address.
    pub connections_per_s: u32,
    /// WebSocket messages without a token, per address.
    pub messages_per_s: u32,
    /// What a refused `POST /orders` gets.
    pub refusal: Refusal429,
}

/// The body of a 429: both have been seen (reference 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Refusal429 {
    /// `{"errors":[{"id":"rate_limit_exceeded",…}]}` on every path.
    #[default]
    Json,
    /// A page of HTML on `POST /orders`, JSON elsewhere.
    HtmlOnOrders,
}

impl Default for Limits {
    fn default() -> Self {
        Self { private_per_s: 30, public_per_s: 10, connections_per_s: 8, messages_per_s: 8, refusal: Refusal429::Json }
    }
}

impl Limits {
    /// No limit at all.
    pub const NONE: Self =
        Self { private_per_s: 0, public_per_s: 0, connections_per_s: 0, messages_per_s: 0, refusal: Refusal429::Json };
}

/// The times of the last second's events.
#[derive(Debug, Default)]
pub(crate) struct Window {
    taken: VecDeque<u64>,
    pub(crate) refused: u64,
}

impl Window {
    /// Counts one event if the last second has room for it.
    pub(crate) fn take(&mut self, now_ns: u64, per_s: u32) -> bool {
        while self.taken.front().is_some_and(|at| at.saturating_add(SECOND_NS) <= now_ns) {
            self.taken.pop_front();
        }
        let room = per_s == 0 || self.taken.len() < per_s as usize;
        if room {
            self.taken.push_back(now_ns);
        } else {
            self.refused += 1;
        }
        room
    }

    /// What is left of the current second, for `x-ratelimit-remaining`.
    pub(crate) fn left(&self, per_s: u32) -> u32 {
        per_s.saturating_sub(self.taken.len() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_room_for_so_many_and_the_next_one_again() {
        let mut window = Window::default();
        let taken = (0..40).filter(|i| window.take(1_000 + i * 1_000_000, 30)).count();
        assert_eq!((taken, window.refused), (30, 10));
        assert!(!window.take(1_000 + SECOND_NS - 1, 30));
        assert!(window.take(1_000 + SECOND_NS, 30));
        assert!(!window.take(1_000 + SECOND_NS, 30), "one event left the window, one may enter");
    }

    #[test]
    fn a_limit_of_zero_is_no_limit() {
        let mut window = Window::default();
        assert!((0..1000).all(|_| window.take(1, 0)));
    }
}
