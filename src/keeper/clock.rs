//! The clock every thread reads: the processor's counter, anchored to the system's time by one keeper.
//!
//! Owns the shared anchor. Guarantees a reading in some 10 ns that never waits, not even for a keeper that was descheduled
//! in the middle of anchoring. Readings never go back on one thread, and across threads by no more than counters of
//! different cores differ (nothing, on machines with an invariant counter), except when the system's time was set back by
//! more than [`STEP_MIN_NS`](super::STEP_MIN_NS): then they jump, once, and that is counted. Without a usable counter it
//! falls back to the system's monotonic clock.

use std::sync::atomic::{fence, AtomicI64, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::anchor::{Adjustment, Anchor, Point};
use crate::record::UnixNanos;

/// Anchors kept, so that the one being written is never one that is being read.
const SLOTS: usize = 4;
/// Attempts at a reading that nothing came between; the narrowest counts.
const READINGS: usize = 5;
/// A reading wider than this says too little: the thread was descheduled in every one.
const READING_NS_MAX: u64 = 100_000;

#[derive(Default)]
struct Slot {
    raw: AtomicU64,
    unix_ns: AtomicU64,
    drift: AtomicI64,
    slew: AtomicI64,
}

#[derive(Default)]
struct Shared {
    /// The newest anchor is in slot `generation % SLOTS`.
    generation: AtomicU64,
    slots: [Slot; SLOTS],
    steps: AtomicU64,
    unreadable: AtomicU64,
    error_ns: AtomicI64,
}

impl Shared {
    /// Only one thread writes.
    fn publish(&self, point: Point) {
        let generation = self.generation.load(Ordering::Relaxed).wrapping_add(1);
        let Some(slot) = self.slots.get(generation as usize % SLOTS) else { return };
        // A reader that sees any of what follows also sees the generation before it, and so knows that its slot is stale.
        fence(Ordering::Release);
        slot.raw.store(point.raw, Ordering::Relaxed);
        slot.unix_ns.store(point.unix_ns, Ordering::Relaxed);
        slot.drift.store(point.drift, Ordering::Relaxed);
        slot.slew.store(point.slew, Ordering::Relaxed);
        self.generation.store(generation, Ordering::Release);
    }

    #[inline]
    fn point(&self) -> Point {
        loop {
            let generation = self.generation.load(Ordering::Acquire);
            let Some(slot) = self.slots.get(generation as usize % SLOTS) else { continue };
            let point = Point {
                raw: slot.raw.load(Ordering::Relaxed),
                unix_ns: slot.unix_ns.load(Ordering::Relaxed),
                drift: slot.drift.load(Ordering::Relaxed),
                slew: slot.slew.load(Ordering::Relaxed),
            };
            fence(Ordering::Acquire);
            // The slot is written again only after three newer ones, which takes many seconds.
            if self.generation.load(Ordering::Relaxed).wrapping_sub(generation) < SLOTS as u64 - 1 {
                return point;
            }
        }
    }
}

/// See the module's documentation. Cheap to clone; clones read the same anchor.
#[derive(Clone)]
pub struct Clock {
    counter: quanta::Clock,
    shared: Arc<Shared>,
}

/// How well the clock follows the system's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockHealth {
    /// Times it jumped.
    pub steps: u64,
    /// Readings given up because the thread was descheduled in each of them.
    pub unreadable: u64,
    /// Error found by the last reading, ns; positive: the clock was behind.
    pub error_ns: i64,
}

impl Clock {
    /// A clock anchored now, and the right to anchor it again. The first one in a process takes up to 200 ms to calibrate
    /// the counter.
    #[must_use]
    pub fn start() -> (Clock, ClockAnchor) {
        let clock = Clock { counter: quanta::Clock::new(), shared: Arc::default() };
        let (raw, unix_ns, _) = clock.reading();
        let anchor = Anchor::new(raw, unix_ns);
        clock.shared.publish(anchor.point());
        (clock.clone(), ClockAnchor { clock, anchor })
    }

    /// The time.
    #[inline]
    #[must_use]
    pub fn now(&self) -> UnixNanos {
        self.now_and_raw().0
    }

    /// The time, and the counter it was made of.
    #[inline]
    #[must_use]
    pub fn now_and_raw(&self) -> (UnixNanos, u64) {
        let point = self.shared.point();
        let raw = self.counter.raw();
        (UnixNanos(point.at(self.counter.delta_as_nanos(point.raw, raw))), raw)
    }

    /// The counter; cheaper than the time.
    #[inline]
    #[must_use]
    pub fn raw(&self) -> u64 {
        self.counter.raw()
    }

    /// Nanoseconds between two values of the counter; 0 if they are in the wrong order.
    #[inline]
    #[must_use]
    pub fn ns_between(&self, earlier_raw: u64, later_raw: u64) -> u64 {
        self.counter.delta_as_nanos(earlier_raw, later_raw)
    }

    /// How well it follows.
    #[must_use]
    pub fn health(&self) -> ClockHealth {
        ClockHealth {
            steps: self.shared.steps.load(Ordering::Relaxed),
            unreadable: self.shared.unreadable.load(Ordering::Relaxed),
            error_ns: self.shared.error_ns.load(Ordering::Relaxed),
        }
    }

    /// Counter and system's time as close together as can be had, and how close that is in ns.
    fn reading(&self) -> (u64, u64, u64) {
        let mut best = (0, 0, u64::MAX);
        for _ in 0..READINGS {
            let before = self.counter.raw();
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let after = self.counter.raw();
            let width_ns = self.counter.delta_as_nanos(before, after);
            if width_ns < best.2 {
                let middle = before + after.saturating_sub(before) / 2;
                best = (middle, u64::try_from(since.as_nanos()).unwrap_or(u64::MAX), width_ns);
            }
        }
        best
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({:?})", self.health())
    }
}

/// The right to anchor a [`Clock`]. There is one, so there is one writer.
pub struct ClockAnchor {
    clock: Clock,
    anchor: Anchor,
}

impl ClockAnchor {
    /// Reads the system's time and corrects the clock. `None` if no good reading was to be had this time.
    pub fn read(&mut self) -> Option<Adjustment> {
        let (raw, unix_ns, width_ns) = self.clock.reading();
        if width_ns > READING_NS_MAX {
            self.clock.shared.unreadable.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.take(raw, unix_ns))
    }

    fn take(&mut self, raw: u64, unix_ns: u64) -> Adjustment {
        let elapsed_ns = self.clock.counter.delta_as_nanos(self.anchor.point().raw, raw);
        let adjustment = self.anchor.read(raw, elapsed_ns, unix_ns);
        let shared = &self.clock.shared;
        shared.publish(self.anchor.point());
        let (Adjustment::Slewed { error_ns } | Adjustment::Stepped { error_ns }) = adjustment;
        shared.error_ns.store(error_ns, Ordering::Relaxed);
        if let Adjustment::Stepped { error_ns } = adjustment {
            shared.steps.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(error_ns, "the system's time was set; the clock stepped");
        }
        adjustment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system_ns() -> u64 {
        u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
    }

    #[test]
    fn it_tells_the_systems_time() {
        let (clock, mut anchor) = Clock::start();
        for _ in 0..3 {
            let before = system_ns();
            let now = clock.now().0;
            let after = system_ns();
            // The counter's calibration and the machine's noise are microseconds; a wrong anchor would be far off.
            assert!(now + 1_000_000 > before && now < after + 1_000_000, "{before} {now} {after}");
            anchor.read();
        }
        assert_eq!(clock.health().steps, 0);
    }

    #[test]
    fn setting_the_systems_time_steps_every_clone_once() {
        let (clock, mut anchor) = Clock::start();
        let clone = clock.clone();
        let before = clock.now().0;
        let raw = clock.raw();
        let hour_ns = 3_600_000_000_000;
        assert!(matches!(anchor.take(raw, before + hour_ns), Adjustment::Stepped { .. }));
        assert!(clone.now().0 >= before + hour_ns);
        assert_eq!(clone.health().steps, 1);
    }

    #[test]
    fn it_never_goes_back_while_it_is_being_anchored() {
        let (clock, mut anchor) = Clock::start();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    let (clock, stop) = (clock.clone(), &stop);
                    scope.spawn(move || {
                        let mut last = clock.now();
                        while !stop.load(Ordering::Relaxed) {
                            for _ in 0..100 {
                                let now = clock.now();
                                // Between loading an anchor and the counter a new anchor may come: the rates of the two
                                // differ by 0.2 % at most, over the time the thread was descheduled.
                                assert!(now.0 + 100_000 > last.0, "{last:?} {now:?}");
                                last = now;
                            }
                            std::thread::yield_now();
                        }
                    })
                })
                .collect();
            for turn in 0..2_000_i64 {
                let (raw, unix_ns, _) = clock.reading();
                anchor.take(raw, unix_ns.wrapping_add_signed((turn % 7 - 3) * 1_000_000));
            }
            stop.store(true, Ordering::Relaxed);
            for reader in readers {
                reader.join().unwrap();
            }
        });
    }

    #[test]
    fn counter_differences_are_nanoseconds() {
        let (clock, _anchor) = Clock::start();
        let (_, first) = clock.now_and_raw();
        std::thread::sleep(std::time::Duration::from_millis(20));
        let ns = clock.ns_between(first, clock.raw());
        assert!(ns >= 19_500_000, "{ns}");
        assert_eq!(clock.ns_between(clock.raw(), first), 0);
    }
}
