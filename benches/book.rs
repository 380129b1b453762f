//! The book against `BTreeMap` in the same run: feeding a snapshot level by level, changes as recorded, changes near the
//! top, reading the best, and paging for a slow consumer. Compare the pairs; the nanoseconds are this machine's.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{criterion_group, criterion_main, BatchSize, BenchmarkId, Criterion, Throughput};
use exchange_connectors::book::{BlockPool, OrderBook, RecoveryCursor, INSTALMENT_LEVELS};
use exchange_connectors::record::BookSide;
use std::collections::BTreeMap;
use std::hint::black_box;

/// The largest recorded book, Coinbase BTC-USD: 43,000 levels, half of them a side.
const SIDE_LEVELS: i64 = 21_500;
const SIDES: [BookSide; 2] = [BookSide::Bid, BookSide::Ask];
/// Changes drawn ahead, so that the generator is not measured.
const CHANGES: usize = 1 << 16;

#[derive(Default)]
struct Trees([BTreeMap<i64, i64>; 2]);

impl Trees {
    fn set(&mut self, side: BookSide, price: i64, size: i64) {
        let tree = self.0.get_mut(side as usize).unwrap();
        if size > 0 {
            tree.insert(price, size);
        } else {
            tree.remove(&price);
        }
    }
}

/// The price of the `away`-th level: asks upwards, bids downwards, every third cent in use.
fn price(side: BookSide, away: i64) -> i64 {
    match side {
        BookSide::Bid => 8_327_700 - 3 * away,
        BookSide::Ask => 8_327_701 + 3 * away,
    }
}

fn snapshot(levels: i64) -> impl Iterator<Item = (BookSide, i64, i64)> {
    SIDES.into_iter().flat_map(move |side| (0..levels).map(move |i| (side, price(side, i), 1 + i)))
}

struct Draw(u64);

impl Draw {
    fn next(&mut self, below: u64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % below) as i64
    }
}

/// Distances in levels from the best: the recording's quartiles (0.04 %, 0.12 %, 1 %, 12.5 % of the price) at three cents
/// a level, cut at the depth of the book. 45 % delete, as recorded.
fn recorded(draw: &mut Draw) -> (BookSide, i64, i64) {
    let away = match draw.next(100) {
        0..50 => draw.next(1_100),
        50..75 => 1_100 + draw.next(2_200),
        75..90 => 3_300 + draw.next(10_000),
        _ => draw.next(SIDE_LEVELS as u64),
    };
    change(draw, away)
}

fn near_top(draw: &mut Draw) -> (BookSide, i64, i64) {
    let away = draw.next(20);
    change(draw, away)
}

fn change(draw: &mut Draw, away: i64) -> (BookSide, i64, i64) {
    let side = if draw.next(2) == 0 { BookSide::Bid } else { BookSide::Ask };
    let size = if draw.next(100) < 45 { 0 } else { 1 + draw.next(1_000) };
    (side, price(side, away), size)
}

fn filled() -> (BlockPool, OrderBook, Trees) {
    let mut pool = BlockPool::for_levels(3 * SIDE_LEVELS as usize, 1);
    let (mut book, mut trees) = (OrderBook::new(), Trees::default());
    for (side, price, size) in snapshot(SIDE_LEVELS) {
        book.set(&mut pool, side, price, size).unwrap();
        trees.set(side, price, size);
    }
    (pool, book, trees)
}

/// Per level these must not grow with the length: that is what linear means.
fn snapshots(c: &mut Criterion) {
    let mut group = c.benchmark_group("snapshot, best first, level by level");
    group.sample_size(20);
    for side_levels in [SIDE_LEVELS / 16, SIDE_LEVELS / 4, SIDE_LEVELS] {
        let levels: Vec<_> = snapshot(side_levels).collect();
        group.throughput(Throughput::Elements(levels.len() as u64));
        let mut pool = BlockPool::for_levels(levels.len(), 1);
        let mut book = OrderBook::new();
        group.bench_function(BenchmarkId::new("blocks", levels.len()), |b| {
            b.iter(|| {
                book.clear(&mut pool);
                for &(side, price, size) in &levels {
                    let _ = black_box(book.set(&mut pool, side, price, size));
                }
            });
        });
        group.bench_function(BenchmarkId::new("BTreeMap", levels.len()), |b| {
            b.iter_batched_ref(
                Trees::default,
                |trees| levels.iter().for_each(|&(side, price, size)| trees.set(side, price, size)),
                BatchSize::PerIteration,
            );
        });
    }
}

fn changes(c: &mut Criterion) {
    for (name, draw_one) in [("recorded", recorded as fn(&mut Draw) -> _), ("near the top", near_top)] {
        let mut draw = Draw(7);
        let drawn: Vec<_> = (0..CHANGES).map(|_| draw_one(&mut draw)).collect();
        let (mut pool, mut book, mut trees) = filled();
        let mut group = c.benchmark_group(format!("changes, {name}"));
        group.throughput(Throughput::Elements(1));
        let mut next = drawn.iter().cycle();
        group.bench_function("blocks", |b| {
            b.iter(|| {
                let &(side, price, size) = next.next().unwrap();
                black_box(book.set(&mut pool, side, price, size)).unwrap();
            });
        });
        let mut next = drawn.iter().cycle();
        group.bench_function("BTreeMap", |b| {
            b.iter(|| {
                let &(side, price, size) = next.next().unwrap();
                trees.set(side, price, size);
            });
        });
    }
}

fn reads(c: &mut Criterion) {
    let (pool, book, trees) = filled();
    let mut group = c.benchmark_group("best bid and ask");
    group.bench_function("blocks", |b| {
        b.iter(|| (black_box(&book).best(&pool, BookSide::Bid), black_box(&book).best(&pool, BookSide::Ask)));
    });
    group.bench_function("BTreeMap", |b| {
        b.iter(|| {
            let [bids, asks] = &black_box(&trees).0;
            black_box((bids.last_key_value(), asks.first_key_value()));
        });
    });
    drop(group);

    let mut group = c.benchmark_group("recovery of the whole book, by instalments");
    group.throughput(Throughput::Elements(2 * SIDE_LEVELS as u64));
    let mut out = [(0, 0); INSTALMENT_LEVELS];
    group.bench_function("blocks", |b| {
        b.iter(|| {
            let mut cursor = RecoveryCursor::new();
            while !cursor.is_done() {
                black_box(cursor.next_instalment(&book, &pool, &mut out));
            }
        });
    });
    group.bench_function("BTreeMap", |b| {
        b.iter(|| {
            let [bids, asks] = &trees.0;
            let (mut below, mut above) = (i64::MAX, i64::MIN);
            while let Some((&price, _)) = out_page(bids.range(..below).rev(), &mut out) {
                below = price;
            }
            while let Some((&price, _)) = out_page(asks.range(above.saturating_add(1)..), &mut out) {
                above = price;
            }
        });
    });
}

/// Copies one instalment and gives its last level; `None` at the end.
fn out_page<'a>(
    levels: impl Iterator<Item = (&'a i64, &'a i64)>,
    out: &mut [(i64, i64); INSTALMENT_LEVELS],
) -> Option<(&'a i64, &'a i64)> {
    let last = out
        .iter_mut()
        .zip(levels)
        .map(|(slot, level)| {
            *slot = (*level.0, *level.1);
            level
        })
        .last();
    black_box(out);
    last
}

criterion_group!(benches, snapshots, changes, reads);
criterion_main!(benches);
