//! What the benches share: runs of baseline and subject in turns, and Coinbase messages as recorded.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and uses what it needs of this"
)]

pub mod binance_us;
pub mod coinbase;
pub mod engine;
#[cfg(feature = "sim")]
pub mod loopback;
pub mod parse;
#[cfg(feature = "sim")]
pub mod sink;
pub mod trading;

use criterion::{Criterion, Throughput};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Rounds of a comparison; baseline and subject take turns, so that a noisy neighbour hits both.
const ROUNDS: usize = 41;
/// Rounds under `cargo test --benches` and with `--quick`.
const ROUNDS_QUICK: usize = 5;

/// Comparisons of one bench: a criterion group each, and a table of ratios at the end.
pub struct Comparisons {
    criterion: Criterion,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    limit: Option<f64>,
    baseline: Spread,
    subject: Spread,
}

/// Nanoseconds per operation.
#[derive(Clone, Copy)]
struct Spread {
    min: f64,
    median: f64,
}

impl Spread {
    fn of(mut times: Vec<f64>) -> Spread {
        times.sort_by(f64::total_cmp);
        Spread {
            min: times.first().copied().unwrap_or(0.0),
            median: times.get(times.len() / 2).copied().unwrap_or(0.0),
        }
    }
}

impl Default for Comparisons {
    fn default() -> Self {
        let criterion = Criterion::default()
            .sample_size(20)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_millis(1_500));
        Comparisons { criterion: criterion.configure_from_args(), rows: Vec::new() }
    }
}

impl Comparisons {
    /// Measures `subject` against `baseline`; each call does `operations` and says how long they took. `limit` is the
    /// ratio to stay under, if one is set.
    pub fn compare(
        &mut self,
        name: &str,
        limit: Option<f64>,
        operations: u64,
        mut baseline: impl FnMut() -> Duration,
        mut subject: impl FnMut() -> Duration,
    ) {
        let mut group = self.criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(operations));
        group.bench_function("baseline", |b| b.iter_custom(|rounds| (0..rounds).map(|_| baseline()).sum()));
        group.bench_function("subject", |b| b.iter_custom(|rounds| (0..rounds).map(|_| subject()).sum()));
        group.finish();
        let rounds = if is_quick() { ROUNDS_QUICK } else { ROUNDS };
        let per_operation = |spent: Duration| spent.as_nanos() as f64 / operations as f64;
        // Once unmeasured: caches, page faults, branch predictors.
        baseline();
        subject();
        let (base, subj): (Vec<f64>, Vec<f64>) =
            (0..rounds).map(|_| (per_operation(baseline()), per_operation(subject()))).unzip();
        self.rows.push(Row { name: name.to_owned(), limit, baseline: Spread::of(base), subject: Spread::of(subj) });
    }

    /// The subject of the last row in its least disturbed round, ns per operation.
    pub fn last_least_ns(&self) -> f64 {
        self.rows.last().map_or(0.0, |row| row.subject.min)
    }

    /// The table. Where optimised code is over a limit in its least disturbed round, the bench fails.
    pub fn print(self, baseline: &str) {
        println!("\nns per operation, median (least); baseline: {baseline}");
        println!("{:<44}{:>18}{:>18}{:>16}{:>8}", "", "baseline", "subject", "ratio (least)", "limit");
        for Row { name, limit, baseline, subject } in &self.rows {
            let cell = |s: &Spread| format!("{:.1} ({:.1})", s.median, s.min);
            let ratio = format!("{:.2} ({:.2})", subject.median / baseline.median, subject.min / baseline.min);
            let limit = limit.map_or_else(String::new, |limit| format!("{limit:.2}"));
            println!("{name:<44}{:>18}{:>18}{ratio:>16}{limit:>8}", cell(baseline), cell(subject));
        }
        self.criterion.final_summary();
        if cfg!(debug_assertions) {
            return;
        }
        let least = |row: &Row| row.subject.min / row.baseline.min;
        let over: Vec<_> = self.rows.iter().filter(|row| row.limit.is_some_and(|limit| least(row) > limit)).collect();
        for row in &over {
            println!("over its limit: {}: {:.2}", row.name, least(row));
        }
        if !over.is_empty() {
            std::process::exit(1);
        }
    }
}

/// How long `operations` calls take.
pub fn time<T>(operations: u64, mut call: impl FnMut() -> T) -> Duration {
    let start = Instant::now();
    for _ in 0..operations {
        black_box(call());
    }
    start.elapsed()
}

/// Whether this run is a smoke test.
pub fn is_quick() -> bool {
    std::env::args().any(|argument| argument == "--test" || argument == "--quick")
}
