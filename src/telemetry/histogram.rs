//! A latency histogram with one writer and any number of readers. Values are grouped log-linearly: exact below 64, then
//! 32 buckets for every power of two up to `u64::MAX`, so no value is out of range and no quantile is off by more than
//! one part in [`ERROR_PARTS`]. Least and greatest value are kept exactly. 15 KiB, allocated once.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;

/// A quantile is at least the exact one, and above it by at most one part in this many (3.2 %).
pub const ERROR_PARTS: u64 = 1 << SUB_BITS;

const SUB_BITS: u32 = 5;
const SUB_BUCKETS: usize = 1 << SUB_BITS;
/// One group for the values below 2^5, and one for every power of two from 2^5 to 2^63.
const BUCKETS: usize = (u64::BITS - SUB_BITS + 1) as usize * SUB_BUCKETS;

/// The writing end; owned by the thread that measures.
#[derive(Debug)]
pub struct Histogram {
    min: u64,
    max: u64,
    shared: Arc<Shared>,
}

/// The reading end, for any thread, as many as wanted.
#[derive(Debug, Clone)]
pub struct HistogramReader(Arc<Shared>);

#[derive(Debug)]
#[repr(align(128))]
struct Shared {
    /// `u64::MAX` until something is recorded.
    min: AtomicU64,
    max: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

/// What a histogram held at one moment; mergeable with those of other writers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// `u64::MAX` while empty.
    min: u64,
    max: u64,
    count: u64,
    buckets: Box<[u64]>,
}

/// The figures of a snapshot that people look at, in ns; all 0 if nothing was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Values recorded.
    pub count: u64,
    /// Least value, exact.
    pub min: u64,
    /// Median.
    pub p50: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    pub p999: u64,
    /// Greatest value, exact.
    pub max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// An empty histogram.
    pub fn new() -> Histogram {
        let shared = Arc::new(Shared {
            min: AtomicU64::new(u64::MAX),
            max: AtomicU64::new(0),
            buckets: std::array::from_fn(|_| AtomicU64::new(0)),
        });
        Histogram { min: u64::MAX, max: 0, shared }
    }

    /// Counts one duration. Wait-free, a few ns.
    #[inline]
    pub fn record(&mut self, ns: u64) {
        // A plain load and store: there is no other writer.
        if let Some(bucket) = self.shared.buckets.get(index_of(ns)) {
            bucket.store(bucket.load(Relaxed).wrapping_add(1), Relaxed);
        }
        if ns < self.min {
            self.min = ns;
            self.shared.min.store(ns, Relaxed);
        }
        if ns > self.max {
            self.max = ns;
            self.shared.max.store(ns, Relaxed);
        }
    }

    /// A reading end.
    pub fn reader(&self) -> HistogramReader {
        HistogramReader(self.shared.clone())
    }
}

impl HistogramReader {
    /// What the histogram holds now. The writer goes on meanwhile: a value recorded during the reading is in it or not,
    /// never in part.
    pub fn snapshot(&self) -> Snapshot {
        let buckets: Box<[u64]> = self.0.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect();
        let count = buckets.iter().fold(0u64, |sum, n| sum.saturating_add(*n));
        let (mut min, mut max) = (u64::MAX, 0);
        // The writer stores a bucket and the extremes one after the other: hold them to what the buckets prove.
        if let Some(lowest) = buckets.iter().position(|n| *n > 0) {
            min = self.0.min.load(Relaxed).min(greatest_of(lowest));
        }
        if let Some(highest) = buckets.iter().rposition(|n| *n > 0) {
            max = self.0.max.load(Relaxed).max(least_of(highest));
        }
        Snapshot { min, max, count, buckets }
    }
}

impl Snapshot {
    /// A snapshot of nothing, to merge others into.
    pub fn empty() -> Snapshot {
        Snapshot { min: u64::MAX, max: 0, count: 0, buckets: vec![0; BUCKETS].into_boxed_slice() }
    }

    /// Adds what another histogram held.
    pub fn merge(&mut self, other: &Snapshot) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.count = self.count.saturating_add(other.count);
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine = mine.saturating_add(*theirs);
        }
    }

    /// Values recorded.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Least value, exact; `None` if there is none.
    pub fn min(&self) -> Option<u64> {
        (self.count > 0).then_some(self.min)
    }

    /// Greatest value, exact; `None` if there is none.
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// The value that `parts` in a `million` of all values do not exceed: 500,000 is the median, 999,000 the 99.9th
    /// percentile; more than a million counts as a million. Never below the exact quantile, above it by at most one
    /// part in [`ERROR_PARTS`]. `None` if nothing was recorded.
    pub fn quantile(&self, parts_per_million: u32) -> Option<u64> {
        const MILLION: u128 = 1_000_000;
        let parts = u128::from(parts_per_million).min(MILLION);
        // At least the first value, rounded up: the smallest rank that covers the wanted share.
        let rank = (u128::from(self.count) * parts).div_ceil(MILLION).max(1);
        let mut below = 0u128;
        for (index, count) in self.buckets.iter().enumerate() {
            below += u128::from(*count);
            if below >= rank {
                return Some(greatest_of(index).clamp(self.min, self.max));
            }
        }
        None
    }

    /// The usual figures.
    pub fn summary(&self) -> Summary {
        let at = |parts| self.quantile(parts).unwrap_or(0);
        Summary {
            count: self.count,
            min: self.min().unwrap_or(0),
            p50: at(500_000),
            p99: at(990_000),
            p999: at(999_000),
            max: self.max().unwrap_or(0),
        }
    }
}

/// The bucket of a value.
#[inline]
const fn index_of(value: u64) -> usize {
    // Values below 32 are treated like those from 32 to 63: their buckets are one wide.
    let shift = (value | (1 << SUB_BITS)).ilog2() - SUB_BITS;
    // What is left of the value is its six leading bits, 32 to 63 (or the value itself): the groups need no offset.
    (shift as usize) * SUB_BUCKETS + (value >> shift) as usize
}

/// The least value of a bucket.
const fn least_of(index: usize) -> u64 {
    if index < 2 * SUB_BUCKETS {
        return index as u64;
    }
    let shift = index / SUB_BUCKETS - 1;
    ((SUB_BUCKETS + index % SUB_BUCKETS) as u64) << shift
}

/// The greatest value of a bucket.
const fn greatest_of(index: usize) -> u64 {
    if index + 1 >= BUCKETS {
        return u64::MAX;
    }
    least_of(index + 1) - 1
}

const _: () = assert!(index_of(0) == 0 && index_of(u64::MAX) == BUCKETS - 1);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::thread;

    fn filled(values: &[u64]) -> Snapshot {
        let mut histogram = Histogram::new();
        values.iter().for_each(|v| histogram.record(*v));
        histogram.reader().snapshot()
    }

    /// Values of every magnitude alike.
    fn values() -> impl Strategy<Value = Vec<u64>> {
        let value = (any::<u64>(), 0u32..64).prop_map(|(bits, shift)| bits >> shift);
        proptest::collection::vec(value, 1..300)
    }

    #[test]
    fn buckets_meet_without_gap_or_overlap() {
        for index in 0..BUCKETS {
            assert_eq!((index_of(least_of(index)), index_of(greatest_of(index))), (index, index));
            assert!(index == 0 || greatest_of(index - 1) + 1 == least_of(index));
        }
        assert_eq!(greatest_of(BUCKETS - 1), u64::MAX);
    }

    #[test]
    fn nothing_recorded_is_no_latency_of_zero() {
        let nothing = filled(&[]);
        assert_eq!((nothing.min(), nothing.quantile(500_000), nothing.max()), (None, None, None));
        assert_eq!((nothing.summary(), nothing), (Summary::default(), Snapshot::empty()));
        assert_eq!(filled(&[0]).summary(), Summary { count: 1, ..Summary::default() });
    }

    #[test]
    fn the_summary_of_a_plain_row_of_values() {
        let summary = filled(&(1..=1000).collect::<Vec<_>>()).summary();
        assert_eq!((summary.count, summary.min, summary.max), (1000, 1, 1000));
        assert!((500..=515).contains(&summary.p50), "{summary:?}");
        assert!((990..=1000).contains(&summary.p99) && (999..=1000).contains(&summary.p999), "{summary:?}");
    }

    proptest! {
        #[test]
        fn quantiles_are_within_the_stated_error(mut values in values(), parts in 0u32..=1_000_000) {
            let snapshot = filled(&values);
            values.sort_unstable();
            let rank = (values.len() as u64 * u64::from(parts)).div_ceil(1_000_000).max(1) as usize;
            let exact = values[rank - 1];
            let told = snapshot.quantile(parts).unwrap();
            prop_assert!(told >= exact && told - exact <= exact / ERROR_PARTS, "{told} for {exact}");
            prop_assert_eq!((snapshot.min(), snapshot.max()), (values.first().copied(), values.last().copied()));
        }

        #[test]
        fn merged_snapshots_equal_one_histogram_of_everything(a in values(), b in values()) {
            let mut merged = Snapshot::empty();
            merged.merge(&filled(&a));
            merged.merge(&filled(&b));
            prop_assert_eq!(merged, filled(&[a, b].concat()));
        }
    }

    #[test]
    fn a_reader_sees_only_whole_values_while_the_writer_goes_on() {
        const ROUNDS: u64 = 20_000;
        const VALUES: [u64; 3] = [3, 5_000, 9_000_000_000];
        let mut histogram = Histogram::new();
        let reader = histogram.reader();
        let writer = thread::spawn(move || {
            for round in 0..ROUNDS {
                VALUES.iter().for_each(|v| histogram.record(*v));
                if round % 64 == 0 {
                    thread::yield_now();
                }
            }
        });
        let mut last = Snapshot::empty();
        while !writer.is_finished() {
            let now = reader.snapshot();
            for (index, (before, after)) in last.buckets.iter().zip(&now.buckets).enumerate() {
                assert!(before <= after && *after <= ROUNDS, "bucket {index} went from {before} to {after}");
                assert!(
                    *after == 0 || VALUES.iter().any(|v| index_of(*v) == index),
                    "bucket {index} was never written"
                );
            }
            if now.count > 0 {
                let (min, max) = (now.min().unwrap(), now.max().unwrap());
                assert!(min <= max && now.quantile(500_000).is_some_and(|p50| (min..=max).contains(&p50)));
            }
            last = now;
            thread::yield_now();
        }
        writer.join().unwrap();
        let summary = reader.snapshot().summary();
        assert_eq!((summary.count, summary.min, summary.max), (ROUNDS * 3, 3, 9_000_000_000));
    }
}
