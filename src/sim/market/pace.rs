//! How fast a made-up market moves: so many events a second, whatever the turns of its server.

use crate::sim::SECOND_NS;

/// Most made-up events in one turn; after a pause of the process the rest is skipped, not caught up.
const EVENTS_PER_TURN_MAX: u64 = 2_000;

/// The clock of a made-up market.
#[derive(Debug)]
pub(crate) struct Pace {
    events_per_s: u64,
    next_ns: u64,
}

impl Pace {
    /// So many events per second from `now_ns` on; 0 for a market that stands still.
    pub(crate) fn new(events_per_s: u64, now_ns: u64) -> Self {
        Self { events_per_s, next_ns: now_ns }
    }

    /// How many events are due, and when the next one will be.
    pub(crate) fn due(&mut self, now_ns: u64) -> (u64, Option<u64>) {
        if self.events_per_s == 0 {
            return (0, None);
        }
        let interval_ns = (SECOND_NS / self.events_per_s).max(1);
        let due = match now_ns.checked_sub(self.next_ns) {
            Some(late_ns) => late_ns / interval_ns + 1,
            None => 0,
        };
        self.next_ns = self.next_ns.saturating_add(due.saturating_mul(interval_ns));
        (due.min(EVENTS_PER_TURN_MAX), Some(self.next_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_keep_their_rate_however_late_the_turns_are() {
        let mut pace = Pace::new(10, 0);
        let turns = [0, 1, SECOND_NS / 2, SECOND_NS - 1, SECOND_NS];
        assert_eq!(turns.map(|at| pace.due(at).0), [1, 0, 5, 4, 1]);
    }

    #[test]
    fn a_long_pause_is_not_caught_up_and_a_market_at_rest_asks_for_no_turn() {
        assert_eq!(Pace::new(1_000_000, 0).due(SECOND_NS).0, EVENTS_PER_TURN_MAX);
        assert_eq!(Pace::new(0, 0).due(SECOND_NS), (0, None));
    }
}
