//! The dead-man switch: a strategy that is not heard from for too long, or whose handles were dropped, has its orders
//! cancelled like everybody's: whoever trades without watching may not leave anything behind.
//!
//! Off unless a time is set. A strategy is watched from its first beat or command on; both count as signs of life. Once it
//! has tripped it rests until the kill is released, and then gives everybody the whole time again.

use crate::record::{StrategyId, UnixNanos};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// How often the strategies are looked at, ns.
const LOOK_EVERY_NS: u64 = 1_000_000;

/// When a strategy was last heard from; shared with its handle.
#[derive(Debug, Clone, Default)]
pub struct Heartbeat(Arc<AtomicU64>);

impl Heartbeat {
    /// A sign of life.
    #[inline]
    pub fn beat(&self, now: UnixNanos) {
        self.0.store(now.0, Ordering::Relaxed);
    }

    /// The last one; `NONE` if there was none.
    pub fn last(&self) -> UnixNanos {
        UnixNanos(self.0.load(Ordering::Relaxed))
    }
}

/// Watches the strategies for the reactor.
#[derive(Debug)]
pub(super) struct DeadMan {
    silence_ns_max: Option<u64>,
    tripped: bool,
    /// Silence before this does not count.
    since: UnixNanos,
    next_look: UnixNanos,
}

impl DeadMan {
    pub(super) fn new(silence_ms_max: Option<u64>) -> DeadMan {
        let silence_ns_max = silence_ms_max.map(|ms| ms.saturating_mul(1_000_000));
        DeadMan { silence_ns_max, tripped: false, since: UnixNanos::NONE, next_look: UnixNanos::NONE }
    }

    /// Orders end by a call of their own: nobody is watched any more.
    pub(super) fn disarm(&mut self) {
        self.silence_ns_max = None;
    }

    /// It did its work: nothing more to do until the kill is released.
    pub(super) fn trip(&mut self) {
        self.tripped = true;
    }

    /// The kill was released: whoever is still silent by now has the whole time again.
    pub(super) fn rearm(&mut self, now: UnixNanos) {
        (self.tripped, self.since) = (false, now);
    }

    /// Whether it was switched on and nobody has ended trading on purpose.
    pub(super) fn is_on(&self) -> bool {
        self.silence_ns_max.is_some()
    }

    /// Whether it watches now.
    pub(super) fn is_armed(&self) -> bool {
        self.silence_ns_max.is_some() && !self.tripped
    }

    /// The first strategy that has been silent for too long; looks at most once a millisecond.
    pub(super) fn silent<'a>(
        &mut self,
        now: UnixNanos,
        strategies: impl Iterator<Item = (StrategyId, &'a Heartbeat)>,
    ) -> Option<StrategyId> {
        let silence_ns_max = self.silence_ns_max.filter(|_| !self.tripped && now >= self.next_look)?;
        self.next_look = now.plus_ns(LOOK_EVERY_NS);
        let mut watched = strategies.filter(|(_, heart)| heart.last().is_some());
        watched.find(|(_, heart)| now.since(heart.last().max(self.since)) > silence_ns_max).map(|(id, _)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: UnixNanos = UnixNanos(1_000_000_000_000);

    #[test]
    fn only_who_was_heard_once_and_then_no_more_is_silent() {
        let (never, lively) = (Heartbeat::default(), Heartbeat::default());
        let strategies = [(StrategyId(0), &never), (StrategyId(1), &lively)];
        let mut dead_man = DeadMan::new(Some(50));
        assert_eq!(dead_man.silent(START, strategies.into_iter()), None);
        lively.beat(START);
        assert_eq!(dead_man.silent(START.plus_ms(50), strategies.into_iter()), None);
        assert_eq!(dead_man.silent(START.plus_ms(51), strategies.into_iter()), Some(StrategyId(1)));
        dead_man.disarm();
        assert_eq!(dead_man.silent(START.plus_ms(99), strategies.into_iter()), None);
    }

    #[test]
    fn a_released_kill_arms_it_again_with_the_whole_time() {
        let heart = Heartbeat::default();
        let strategies = [(StrategyId(0), &heart)];
        let mut dead_man = DeadMan::new(Some(50));
        heart.beat(START);
        dead_man.trip();
        assert!(!dead_man.is_armed());
        assert_eq!(dead_man.silent(START.plus_ms(100), strategies.into_iter()), None);
        dead_man.rearm(START.plus_ms(200));
        assert_eq!(dead_man.silent(START.plus_ms(250), strategies.into_iter()), None);
        assert_eq!(dead_man.silent(START.plus_ms(251), strategies.into_iter()), Some(StrategyId(0)));
    }
}
