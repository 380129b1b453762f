//! The watch over the reactor: silent for too long, or ended by a panic.
//!
//! Owns how long the pulse has stood still. Guarantees one alarm per silence, another if the reactor then ends by a panic, and that time in which the keeper itself did
//! not run counts as little: of each pause between two looks at most a quarter of the limit is held against the reactor, so
//! that neither a suspended machine nor a machine too busy to run anybody raises it; at least four looks must have found the
//! pulse where it was. Reads no clock.

use std::fmt;
use std::time::Duration;

use super::pulse::{Life, Pulse};

/// Looks a silence takes at least.
const LOOKS_MIN: u32 = 4;

/// Why the reactor was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Alarm {
    /// It has not turned for so long, ms: a handler that blocks or loops, or a thread that gets no processor.
    Silent {
        /// The limit it exceeded.
        limit_ms: u64,
    },
    /// It panicked, most likely in a handler on its thread.
    Panicked,
    /// It was dropped without a shutdown.
    Abandoned,
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Alarm::Silent { limit_ms } => {
                write!(f, "the reactor has not turned for {limit_ms} ms (does a handler on its thread block?)")
            }
            Alarm::Panicked => f.write_str("the reactor panicked"),
            Alarm::Abandoned => f.write_str("the reactor was dropped without a shutdown"),
        }
    }
}

/// The decision, look by look.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    limit: Duration,
    turns: u64,
    silent: Duration,
    looked: Option<Duration>,
    /// The alarm that was raised since the last turn.
    raised: Option<Alarm>,
}

impl Watch {
    pub(super) fn new(limit: Duration) -> Watch {
        Watch { limit, turns: 0, silent: Duration::ZERO, looked: None, raised: None }
    }

    /// Longest sensible pause between two looks: half of what one of them may count.
    pub(super) fn look_every(&self) -> Duration {
        self.limit / (2 * LOOKS_MIN)
    }

    /// What `pulse` shows at `now`, a time that only grows; an alarm if it is to be raised.
    pub(super) fn look(&mut self, now: Duration, life: Life, turns: u64) -> Option<Alarm> {
        let since = self.looked.replace(now).map_or(Duration::ZERO, |looked| now.saturating_sub(looked));
        let found = match life {
            Life::Unwatched | Life::Stopped => {
                self.silent = Duration::ZERO;
                return None;
            }
            Life::Panicked => Some(Alarm::Panicked),
            Life::Abandoned => Some(Alarm::Abandoned),
            Life::Watched if turns != self.turns => {
                (self.turns, self.silent, self.raised) = (turns, Duration::ZERO, None);
                None
            }
            Life::Watched => {
                self.silent = self.silent.saturating_add(since.min(self.limit / LOOKS_MIN));
                let limit_ms = u64::try_from(self.limit.as_millis()).unwrap_or(u64::MAX);
                (self.silent >= self.limit).then_some(Alarm::Silent { limit_ms })
            }
        };
        found.filter(|alarm| self.raised.replace(*alarm) != Some(*alarm))
    }
}

/// What the keeper is to do with the watch.
pub struct ReactorWatch {
    /// The reactor's pulse.
    pub pulse: Pulse,
    /// Silence after which it is given up, ms.
    pub silence_ms_max: u64,
    /// Called once per silence, on the keeper's thread: it must not block.
    pub alarm: Box<dyn FnMut(Alarm) + Send>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT_MS: u64 = 1_000;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn watch() -> Watch {
        Watch::new(ms(LIMIT_MS))
    }

    #[test]
    fn silence_is_told_once_and_again_only_after_a_turn() {
        let mut watch = watch();
        let mut alarms = Vec::new();
        let mut now = 0;
        for turns in [1, 2, 3] {
            assert_eq!(watch.look(ms(now), Life::Watched, turns), None);
            now += 100;
        }
        for _ in 0..30 {
            alarms.extend(watch.look(ms(now), Life::Watched, 3).map(|alarm| (now, alarm)));
            now += 100;
        }
        let silent = Alarm::Silent { limit_ms: LIMIT_MS };
        assert_eq!(alarms, [(1_200, silent)], "1,000 ms after the look that saw the last turn");
        assert_eq!(watch.look(ms(now), Life::Watched, 4), None);
        let again = (1..30).find_map(|step| watch.look(ms(now + 100 * step), Life::Watched, 4));
        assert_eq!(again, Some(silent));
    }

    #[test]
    fn time_the_keeper_slept_through_is_not_the_reactors_silence() {
        let mut watch = watch();
        assert_eq!(watch.look(ms(0), Life::Watched, 1), None);
        // A lid closed for an hour: the reactor had no time to turn either.
        assert_eq!(watch.look(ms(3_600_000), Life::Watched, 1), None);
        assert_eq!(watch.look(ms(3_600_100), Life::Watched, 2), None);
    }

    #[test]
    fn a_panic_raises_it_at_once_whether_watched_or_not_and_an_ordered_end_never_does() {
        for (life, alarm) in [(Life::Panicked, Some(Alarm::Panicked)), (Life::Abandoned, Some(Alarm::Abandoned))] {
            let mut watch = watch();
            assert_eq!(watch.look(ms(0), life, 0), alarm);
            assert_eq!(watch.look(ms(100), life, 0), None, "once");
        }
        for life in [Life::Unwatched, Life::Stopped] {
            let mut watch = watch();
            assert!((0..100).all(|step| watch.look(ms(100 * step), life, 7).is_none()));
        }
    }

    #[test]
    fn a_panic_after_a_silence_is_another_alarm() {
        let mut watch = watch();
        let silent = (0..30).find_map(|step| watch.look(ms(100 * step), Life::Watched, 0));
        assert_eq!(silent, Some(Alarm::Silent { limit_ms: LIMIT_MS }));
        assert_eq!(watch.look(ms(3_000), Life::Panicked, 0), Some(Alarm::Panicked), "in that same turn");
        assert_eq!(watch.look(ms(3_100), Life::Panicked, 0), None, "once");
    }

    proptest! {
        #[test]
        fn a_reactor_that_turned_between_any_four_looks_is_never_given_up(
            steps in proptest::collection::vec((0u64..100_000, any::<bool>()), 1..60)
        ) {
            let (mut watch, mut now, mut turns, mut still) = (watch(), 0, 0, 0);
            for (pause, turned) in steps {
                now += pause;
                let turned = turned || still == 3;
                still = if turned { 0 } else { still + 1 };
                turns += u64::from(turned);
                prop_assert_eq!(watch.look(ms(now), Life::Watched, turns), None);
            }
        }

        #[test]
        fn a_reactor_that_stands_still_is_given_up_within_a_look_of_the_limit(pause in 1u64..125) {
            let mut watch = watch();
            let raised = (0..).map(|step| step * pause).find(|now| watch.look(ms(*now), Life::Watched, 0).is_some());
            let raised = raised.unwrap();
            prop_assert!((LIMIT_MS..LIMIT_MS + pause).contains(&raised), "{}", raised);
        }
    }
}
