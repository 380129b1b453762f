//! The account of a ring: what went in, what was refused, what came out, and how full it got. Each figure has one
//! writer (a plain store, no read-modify-write) and any number of readers; the two writers share no cache line.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The high-water mark is measured in steps of one part in this many of the capacity: measuring it exactly on every
/// push would read the consumer's cache line on every push.
pub const HIGH_WATER_STEPS: usize = 32;

/// Keeps what one thread writes off the cache lines of others; 128 because neighbouring lines are fetched in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Padded<T>(pub(super) T);

/// The shared account of one ring, readable from any thread through the `Arc` that both ends hand out.
///
/// The figures of the two ends are a moment apart: a reader may see a record popped before it sees it pushed.
#[derive(Debug)]
pub struct RingCounters {
    capacity: usize,
    producer: Padded<ProducerSide>,
    popped: Padded<AtomicU64>,
}

#[derive(Debug, Default)]
struct ProducerSide {
    pushed: AtomicU64,
    refused: AtomicU64,
    high_water: AtomicU64,
}

/// The figures of a ring at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RingFigures {
    /// Records the ring can hold.
    pub capacity: u64,
    /// Records that went in.
    pub pushed: u64,
    /// Records that found no room and were not stored.
    pub refused: u64,
    /// Records that came out.
    pub popped: u64,
    /// Most records that ever waited, at most `capacity / HIGH_WATER_STEPS` below the truth; exact once something
    /// was refused.
    pub high_water: u64,
}

impl RingCounters {
    pub(super) fn new(capacity: usize) -> RingCounters {
        RingCounters { capacity, producer: Padded::default(), popped: Padded::default() }
    }

    /// Records the ring can hold.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Records that went in.
    pub fn pushed(&self) -> u64 {
        self.producer.0.pushed.load(Relaxed)
    }

    /// Records that found no room and were not stored.
    pub fn refused(&self) -> u64 {
        self.producer.0.refused.load(Relaxed)
    }

    /// Records that came out.
    pub fn popped(&self) -> u64 {
        self.popped.0.load(Relaxed)
    }

    /// Most records that ever waited; see [`RingFigures::high_water`].
    pub fn high_water(&self) -> u64 {
        self.producer.0.high_water.load(Relaxed)
    }

    /// All figures at once.
    pub fn figures(&self) -> RingFigures {
        RingFigures {
            capacity: self.capacity as u64,
            pushed: self.pushed(),
            refused: self.refused(),
            popped: self.popped(),
            high_water: self.high_water(),
        }
    }

    pub(super) fn set_pushed(&self, records: u64) {
        self.producer.0.pushed.store(records, Relaxed);
    }

    pub(super) fn set_refused(&self, records: u64) {
        self.producer.0.refused.store(records, Relaxed);
    }

    pub(super) fn set_high_water(&self, records: u64) {
        self.producer.0.high_water.store(records, Relaxed);
    }

    pub(super) fn set_popped(&self, records: u64) {
        self.popped.0.store(records, Relaxed);
    }
}
