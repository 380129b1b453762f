//! So many events in any one second, counted exactly.

use super::SECOND_NS;
use std::collections::VecDeque;

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
