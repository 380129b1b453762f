//! Counting one passage of a hop, and reading the clock for it, against one atomic counter and the standard library's
//! clock.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{time, Comparisons};
use exchange_connectors::keeper::Clock;
use exchange_connectors::telemetry::{Hop, Hops};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

const CALLS: u64 = 5_000;

fn main() {
    let mut table = Comparisons::default();
    let counter = AtomicU64::new(0);
    let mut ours = Hops::new();
    let (mut a, mut b) = (0u64, 0u64);
    // Latencies between 100 and 1,123 ns.
    let next = |n: &mut u64| {
        *n = n.wrapping_add(7);
        100 + (*n & 1_023)
    };
    table.compare(
        "Hops::record, one counter",
        None,
        CALLS,
        || time(CALLS, || counter.store(counter.load(Relaxed).wrapping_add(black_box(next(&mut a))), Relaxed)),
        || time(CALLS, || ours.record(black_box(Hop::Parse), black_box(next(&mut b)))),
    );
    let clock = Clock::start().0;
    table.compare(
        "Clock::now, Instant::now",
        None,
        CALLS,
        || time(CALLS, Instant::now),
        || time(CALLS, || clock.now()),
    );
    table.print("named in each row");
}
