//! The two ends of a ring. An event is published whole or not at all; every refusal is counted; neither end ever waits
//! for the other.

use std::sync::Arc;

use super::counters::HIGH_WATER_STEPS;
use super::{Doorbell, RingCounters};

/// Creates a ring for `capacity` records (the only allocation) and its two ends.
///
/// With a `doorbell`, every push rings it, and so does the end of the producer. Several rings that one thread consumes
/// share one doorbell. A ring of capacity 0 refuses everything.
pub fn ring<T: Copy + Send>(capacity: usize, doorbell: Option<Doorbell>) -> (Producer<T>, Consumer<T>) {
    let (producer, consumer) = rtrb::RingBuffer::new(capacity);
    let counters = Arc::new(RingCounters::new(capacity));
    let producer = Producer {
        ring: producer,
        capacity,
        pushed: 0,
        refused: 0,
        high_water: 0,
        measure_below: capacity - capacity / HIGH_WATER_STEPS,
        counters: counters.clone(),
        bell: Bell(doorbell),
    };
    (producer, Consumer { ring: consumer, popped: 0, counters })
}

/// The writing end of a ring; owned by one thread.
#[derive(Debug)]
pub struct Producer<T: Copy + Send> {
    ring: rtrb::Producer<T>,
    capacity: usize,
    pushed: u64,
    refused: u64,
    high_water: usize,
    /// The high-water mark is measured when the free room, as last known, is less than this.
    measure_below: usize,
    counters: Arc<RingCounters>,
    /// After `ring`, because fields are dropped in order: the bell must ring when the end is already visible.
    bell: Bell,
}

/// Rings once more when dropped, so that nobody sleeps through the end of a producer.
#[derive(Debug)]
struct Bell(Option<Doorbell>);

impl Drop for Bell {
    fn drop(&mut self) {
        if let Some(bell) = &self.0 {
            bell.ring();
        }
    }
}

impl<T: Copy + Send> Producer<T> {
    /// Publishes `records` as one: the consumer sees all of them or none. `false` if there was no room for all of them;
    /// then nothing was stored and `records.len()` is added to the refused. Never blocks.
    #[inline]
    #[must_use = "false means the records are lost unless the caller acts"]
    pub fn push_all(&mut self, records: &[T]) -> bool {
        match records {
            // A single record is cheaper by itself than as a slice.
            [record] => self.push(*record),
            [] => true,
            _ => {
                let taken = self.ring.push_entire_slice(records).is_ok();
                self.account(taken, records.len())
            }
        }
    }

    /// Publishes one record; otherwise as [`Producer::push_all`].
    #[inline]
    #[must_use = "false means the record is lost unless the caller acts"]
    pub fn push(&mut self, record: T) -> bool {
        let taken = self.ring.push(record).is_ok();
        self.account(taken, 1)
    }

    /// Records that fit now; the consumer can only make it more. Reads the consumer's cache line.
    pub fn free(&self) -> usize {
        self.ring.slots()
    }

    /// Records the ring can hold.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether the consumer is gone for good: what is pushed will never be read.
    pub fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }

    /// The account of this ring, for any thread.
    pub fn counters(&self) -> &Arc<RingCounters> {
        &self.counters
    }

    #[inline]
    fn account(&mut self, taken: bool, records: usize) -> bool {
        if !taken {
            self.refuse(records);
            return false;
        }
        self.pushed = self.pushed.wrapping_add(records as u64);
        self.counters.set_pushed(self.pushed);
        // The last known room is never more than the real room and costs nothing to read, so a mark a step higher
        // than the present one cannot be missed.
        if self.ring.cached_slots() < self.measure_below {
            self.measure();
        }
        if let Bell(Some(bell)) = &self.bell {
            bell.ring();
        }
        true
    }

    #[cold]
    fn refuse(&mut self, records: usize) {
        self.refused = self.refused.wrapping_add(records as u64);
        self.counters.set_refused(self.refused);
        self.measure();
    }

    #[cold]
    fn measure(&mut self) {
        let waiting = self.capacity.saturating_sub(self.ring.slots());
        if waiting > self.high_water {
            self.high_water = waiting;
            self.counters.set_high_water(waiting as u64);
            let next = waiting.saturating_add(self.capacity / HIGH_WATER_STEPS);
            self.measure_below = self.capacity.saturating_sub(next);
        }
    }
}

/// The reading end of a ring; owned by one thread.
#[derive(Debug)]
pub struct Consumer<T: Copy + Send> {
    ring: rtrb::Consumer<T>,
    popped: u64,
    counters: Arc<RingCounters>,
}

impl<T: Copy + Send> Consumer<T> {
    /// Takes the oldest record. Never blocks.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        let record = self.ring.pop().ok()?;
        self.account(1);
        Some(record)
    }

    /// Shows `visit` up to `max` waiting records in place, in order, in one slice or two (where the ring wraps), and
    /// takes them. Returns how many. Never blocks. An event may be cut by `max`. If `visit` panics, nothing is taken.
    #[inline]
    pub fn read(&mut self, max: usize, mut visit: impl FnMut(&[T])) -> usize {
        let count = self.ring.slots().min(max);
        let Ok(chunk) = self.ring.read_chunk(count) else { return 0 };
        let (first, second) = chunk.as_slices();
        if !first.is_empty() {
            visit(first);
        }
        if !second.is_empty() {
            visit(second);
        }
        chunk.commit_all();
        self.account(count);
        count
    }

    /// Records waiting now; the producer can only make it more.
    pub fn len(&self) -> usize {
        self.ring.slots()
    }

    /// Whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Whether the producer is gone for good. Records it left can still be taken: look at this first, then at
    /// [`Consumer::is_empty`].
    pub fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }

    /// Whether there is a reason to look: a record waits, or the producer is gone. What a sleeper's `ready` asks.
    #[inline]
    pub fn is_ready(&self) -> bool {
        !self.is_empty() || self.is_abandoned()
    }

    /// The account of this ring, for any thread.
    pub fn counters(&self) -> &Arc<RingCounters> {
        &self.counters
    }

    #[inline]
    fn account(&mut self, records: usize) {
        self.popped = self.popped.wrapping_add(records as u64);
        self.counters.set_popped(self.popped);
    }
}
