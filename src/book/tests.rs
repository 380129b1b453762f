//! Properties of the whole floor, with `BTreeMap` as the oracle.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::*;
use crate::record::{parse_mantissa, BookSide, Flags, Head, InstrumentId, MarketRecord, Stamp, UnixNanos};
use proptest::prelude::*;
use std::collections::BTreeMap;

const SIDES: [BookSide; 2] = [BookSide::Bid, BookSide::Ask];

/// The oracle: price -> size per side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Model([BTreeMap<i64, i64>; 2]);

impl Model {
    fn side(&self, side: BookSide) -> &BTreeMap<i64, i64> {
        &self.0[side as usize]
    }

    fn levels(&self, side: BookSide) -> Vec<(i64, i64)> {
        let pairs = self.side(side).iter().map(|(p, s)| (*p, *s));
        match side {
            BookSide::Bid => pairs.rev().collect(),
            BookSide::Ask => pairs.collect(),
        }
    }

    fn best(&self, side: BookSide) -> Option<(i64, i64)> {
        let map = self.side(side);
        match side {
            BookSide::Bid => map.last_key_value(),
            BookSide::Ask => map.first_key_value(),
        }
        .map(|(p, s)| (*p, *s))
    }

    fn set(&mut self, side: BookSide, price: i64, size: i64) -> Change {
        let before = self.best(side);
        let map = &mut self.0[side as usize];
        let old = if size > 0 { map.insert(price, size) } else { map.remove(&price) };
        let kind = match (old, size > 0) {
            (None, true) => ChangeKind::Inserted,
            (Some(old), true) if old == size => ChangeKind::Nothing,
            (Some(_), true) => ChangeKind::Changed,
            (Some(_), false) => ChangeKind::Removed,
            (None, false) => ChangeKind::Nothing,
        };
        Change { kind, best: self.best(side) != before }
    }

    fn is_crossed(&self) -> bool {
        matches!((self.best(BookSide::Bid), self.best(BookSide::Ask)), (Some(b), Some(a)) if b.0 >= a.0)
    }
}

fn assert_same(book: &OrderBook, pool: &BlockPool, model: &Model) {
    for side in SIDES {
        assert_eq!(book.levels(pool, side).collect::<Vec<_>>(), model.levels(side));
        assert_eq!(book.best(pool, side), model.best(side));
        assert_eq!(book.len(side), model.side(side).len());
    }
    assert_eq!(book.is_crossed(pool), model.is_crossed());
    book.check(pool);
}

/// A random stream that needs no generator state of the test framework: long sequences, cheap and repeatable.
struct Draw(u64);

impl Draw {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn side(&mut self) -> BookSide {
        SIDES[self.next(2) as usize]
    }

    /// As recorded: mostly near the top, often deep, now and then absurd.
    fn price(&mut self, side: BookSide) -> i64 {
        let away = match self.next(100) {
            0..60 => self.next(300),
            60..90 => self.next(3_000),
            90..99 => self.next(1_000_000),
            _ => return [i64::MIN, i64::MAX, 0, -1, i64::MIN + 1, i64::MAX - 1][self.next(6) as usize],
        } as i64;
        // The spread is at a negative price: sign must not matter.
        match side {
            BookSide::Bid => -1_000 - away,
            BookSide::Ask => -999 + away,
        }
    }

    /// As recorded: near half of all changes delete.
    fn size(&mut self) -> i64 {
        if self.next(100) < 45 {
            0
        } else {
            1 + self.next(50) as i64
        }
    }
}

#[derive(Debug, Clone)]
enum Op {
    /// So many random changes as a feed has them.
    Churn(u64, u16),
    /// A run of levels, best to worst or the other way.
    Fill {
        side: BookSide,
        start: i64,
        step: i64,
        count: u16,
    },
    /// Every level of a price range goes.
    Drain {
        side: BookSide,
        start: i64,
        step: i64,
        count: u16,
    },
    Clear,
}

fn op() -> impl Strategy<Value = (usize, Op)> {
    let side = || prop_oneof![Just(BookSide::Bid), Just(BookSide::Ask)];
    let step = || prop_oneof![Just(1i64), Just(-1), Just(3), Just(-2)];
    let fill = (side(), -2_000i64..2_000, step(), 1u16..600);
    let op = prop_oneof![
        5 => (any::<u64>(), 1u16..400).prop_map(|(seed, n)| Op::Churn(seed, n)),
        3 => fill.clone().prop_map(|(side, start, step, count)| Op::Fill { side, start, step, count }),
        3 => fill.prop_map(|(side, start, step, count)| Op::Drain { side, start, step, count }),
        1 => Just(Op::Clear),
    ];
    (0usize..3, op)
}

/// Applies one change to book and oracle; a refused change leaves both as they were. Says whether it was refused.
fn set_both(
    book: &mut OrderBook,
    pool: &mut BlockPool,
    model: &mut Model,
    side: BookSide,
    price: i64,
    size: i64,
) -> bool {
    match book.set(pool, side, price, size) {
        Ok(change) => {
            assert_eq!(change, model.set(side, price, size));
            assert_eq!(book.size_at(pool, side, price), size.max(0));
            assert_eq!(book.best(pool, side), model.best(side));
            false
        }
        Err(why) => {
            assert!(size > 0 && !model.side(side).contains_key(&price), "only a new level needs room: {why}");
            true
        }
    }
}

fn run(ops: Vec<(usize, Op)>, pool: &mut BlockPool, side_blocks_max: usize) -> u64 {
    let mut books: Vec<_> =
        (0..3).map(|_| (OrderBook::with_side_blocks_max(side_blocks_max), Model::default())).collect();
    let mut refused = 0u64;
    for (which, op) in ops {
        let (book, model) = &mut books[which];
        let mut set = |side, price, size| refused += u64::from(set_both(book, pool, model, side, price, size));
        match op {
            Op::Churn(seed, count) => {
                let mut draw = Draw(seed);
                for _ in 0..count {
                    let side = draw.side();
                    set(side, draw.price(side), draw.size());
                }
            }
            Op::Fill { side, start, step, count } => {
                (0..i64::from(count)).for_each(|i| set(side, start + i * step, 1 + i));
            }
            Op::Drain { side, start, step, count } => {
                (0..i64::from(count)).for_each(|i| set(side, start + i * step, 0));
            }
            Op::Clear => {
                book.clear(pool);
                *model = Model::default();
            }
        }
        let held: usize = books.iter().map(|(book, _)| book.check(pool)).sum();
        assert_eq!(pool.blocks_in_use(), held, "every block in use belongs to a book");
        let (book, model) = &books[which];
        assert_same(book, pool, model);
    }
    for (book, _) in &mut books {
        book.clear(pool);
    }
    assert_eq!(pool.blocks_in_use(), 0);
    assert_eq!(pool.refused(), refused);
    refused
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn books_sharing_a_pool_equal_their_oracles(ops in proptest::collection::vec(op(), 1..30)) {
        let refused = run(ops, &mut BlockPool::new(1_000), SIDE_BLOCKS_MAX);
        prop_assert_eq!(refused, 0);
    }

    #[test]
    fn a_full_pool_or_side_refuses_new_levels_and_harms_nothing(
        ops in proptest::collection::vec(op(), 1..30), blocks in 0usize..12, side_blocks in 0usize..6,
    ) {
        run(ops, &mut BlockPool::new(blocks), side_blocks);
    }

    #[test]
    fn pages_of_any_length_from_any_price_equal_the_oracle(
        ops in proptest::collection::vec(op(), 1..6), length in 1usize..400, from in -2_500i64..2_500,
    ) {
        let mut pool = BlockPool::new(1_000);
        let (mut book, mut model) = (OrderBook::new(), Model::default());
        for (_, op) in ops {
            if let Op::Fill { side, start, step, count } = op {
                (0..i64::from(count)).for_each(|i| {
                    set_both(&mut book, &mut pool, &mut model, side, start + i * step, 1);
                });
            } else if let Op::Churn(seed, count) = op {
                let mut draw = Draw(seed);
                for _ in 0..count {
                    let side = draw.side();
                    set_both(&mut book, &mut pool, &mut model, side, draw.price(side), draw.size());
                }
            }
        }
        let mut out = vec![(0, 0); length];
        for side in SIDES {
            let want = model.levels(side);
            let worse = want.iter().copied().filter(|(p, _)| if side == BookSide::Bid { *p < from } else { *p > from });
            let n = book.page(&pool, side, Some(from), &mut out);
            prop_assert_eq!(&out[..n], &worse.take(length).collect::<Vec<_>>()[..]);

            let (mut all, mut after) = (Vec::new(), None);
            loop {
                let n = book.page(&pool, side, after, &mut out);
                all.extend_from_slice(&out[..n]);
                if n < length {
                    break;
                }
                after = Some(out[n - 1].0);
            }
            prop_assert_eq!(all, want);
        }
    }

    #[test]
    fn a_pool_made_for_so_many_levels_holds_them_however_they_came(seed in any::<u64>(), levels_max in 1usize..2_000) {
        let mut pool = BlockPool::for_levels(levels_max, 1);
        let (mut book, mut model) = (OrderBook::with_side_blocks_max(pool.blocks_max()), Model::default());
        let mut draw = Draw(seed);
        let mut thinning = false;
        for _ in 0..8_000 {
            let side = draw.side();
            let price = draw.next(levels_max as u64) as i64;
            // Fills to the brim, then thins out at random until little is left, again and again: what empties blocks
            // most without freeing them.
            match model.0.iter().map(BTreeMap::len).sum::<usize>() {
                held if held >= levels_max => thinning = true,
                held if held <= levels_max / 8 => thinning = false,
                _ => {}
            }
            let size = i64::from(!thinning);
            let refused = set_both(&mut book, &mut pool, &mut model, side, price, size);
            prop_assert!(!refused);
            if model.side(side).len() % 64 == 0 {
                book.check(&pool);
            }
        }
        assert_same(&book, &pool, &model);
    }

    #[test]
    fn a_slow_consumer_recovers_exactly_whatever_happens_between_instalments(
        seed in any::<u64>(), initial in 0u64..3_000,
        // Short ones often end exactly where a side ends: the case that needs a closing level.
        instalment in prop_oneof![1usize..4, 1usize..300], per_gap in 0u64..60, deletes in 0u64..100,
    ) {
        let mut pool = BlockPool::new(1_000);
        let (mut book, mut model) = (OrderBook::new(), Model::default());
        let mut draw = Draw(seed);
        for _ in 0..initial {
            let side = draw.side();
            set_both(&mut book, &mut pool, &mut model, side, draw.price(side), draw.size());
        }
        let mut consumer = Follower::new(InstrumentId(7), 50_000);
        // What it held before is wrong in every way.
        consumer.apply(&level(Flags::SNAPSHOT | Flags::FIRST | Flags::LAST, BookSide::Ask, -5_000_000, 9));
        let mut cursor = RecoveryCursor::new();
        let mut out = vec![(0, 0); instalment];
        let mut skipped = 0u32;
        loop {
            for _ in 0..draw.next(per_gap + 1) {
                let side = draw.side();
                let price = draw.price(side);
                let size = if draw.next(100) < deletes { 0 } else { draw.size() };
                set_both(&mut book, &mut pool, &mut model, side, price, size);
                if cursor.covers(side, price) {
                    let state = consumer.apply(&level(Flags::LAST, side, price, size));
                    prop_assert_eq!(state == FollowerState::Building, !cursor.is_done());
                } else {
                    skipped += 1;
                }
            }
            if cursor.is_done() {
                break;
            }
            let part = cursor.next_instalment(&book, &pool, &mut out);
            prop_assert!(part.levels >= 1 && part.last == cursor.is_done());
            for (i, &(price, size)) in out[..part.levels].iter().enumerate() {
                consumer.apply(&level(part.flags(i), part.side, price, size));
            }
        }
        prop_assert_eq!(consumer.state(), FollowerState::Whole);
        for side in SIDES {
            let held: Vec<_> = consumer.levels(side).map(|l| (l.price.mantissa(), l.size.mantissa())).collect();
            prop_assert_eq!(held, model.levels(side), "{:?}, {} changes skipped", side, skipped);
        }
    }
}

const EXPONENTS: (i8, i8) = (-2, -8);
const STAMP: Stamp = Stamp { recv: UnixNanos(2), venue: UnixNanos(1), sequence: 1 };

fn level(flags: Flags, side: BookSide, price: i64, size: i64) -> MarketRecord {
    MarketRecord::level(
        Head { stamp: STAMP, instrument: InstrumentId(7), exponents: EXPONENTS, flags },
        side,
        price,
        size,
    )
}

#[test]
fn long_churn_as_recorded_equals_the_oracle() {
    let mut pool = BlockPool::new(500);
    let (mut book, mut model) = (OrderBook::new(), Model::default());
    let mut draw = Draw(42);
    for i in 0..150_000 {
        let side = draw.side();
        set_both(&mut book, &mut pool, &mut model, side, draw.price(side), draw.size());
        if i % 5_000 == 0 {
            assert_same(&book, &pool, &model);
        }
    }
    assert_same(&book, &pool, &model);
}

/// Feeds `n` asks in the given order and says how many entries were moved and how many blocks are in use.
fn feed(n: i64, prices: impl Iterator<Item = i64>) -> (u64, usize) {
    let mut pool = BlockPool::for_levels(n as usize, 1);
    let mut book = OrderBook::new();
    for price in prices {
        book.set(&mut pool, BookSide::Ask, price, 1).unwrap();
    }
    assert_eq!(book.len(BookSide::Ask), n as usize);
    (pool.moved, book.check(&pool))
}

#[test]
fn a_snapshot_fed_best_first_moves_nothing_and_packs_its_blocks() {
    for n in [1_000, 43_000] {
        assert_eq!(feed(n, 0..n), (0, (n as usize).div_ceil(BLOCK_LEVELS)));
    }
}

#[test]
fn a_snapshot_in_any_other_order_is_linear_too() {
    for n in [1_000i64, 43_000] {
        let (moved, blocks) = feed(n, (0..n).rev());
        assert!(moved <= n as u64 * BLOCK_LEVELS as u64, "{moved}");
        assert_eq!(blocks, (n as usize).div_ceil(BLOCK_LEVELS));
        // 7,919 is prime and no divisor: visits each price once, in no order.
        let (moved, _) = feed(n, (0..n).map(|i| i * 7_919 % n));
        assert!(moved <= n as u64 * BLOCK_LEVELS as u64, "{moved}");
    }
}

#[test]
fn one_runaway_book_is_stopped_by_its_own_limit() {
    let mut pool = BlockPool::new(10);
    let mut runaway = OrderBook::with_side_blocks_max(2);
    for price in 0..256 {
        runaway.set(&mut pool, BookSide::Bid, -price, 1).unwrap();
    }
    assert_eq!(runaway.set(&mut pool, BookSide::Bid, -256, 1), Err(BookFull::Side { blocks_max: 2 }));
    assert_eq!((pool.refused(), pool.blocks_in_use(), pool.blocks_in_use_max()), (1, 2, 2));
    let mut other = OrderBook::new();
    for price in 0..1_024 {
        other.set(&mut pool, BookSide::Ask, price, 1).unwrap();
    }
    assert_eq!(other.set(&mut pool, BookSide::Ask, 1_024, 1), Err(BookFull::Pool { blocks_max: 10 }));
    assert_eq!(other.set(&mut pool, BookSide::Ask, 1_023, 0).unwrap().kind, ChangeKind::Removed);
    assert!(other.set(&mut pool, BookSide::Ask, 1_024, 1).is_ok(), "a level for a level");
}

#[test]
fn a_book_used_with_a_strangers_pool_says_so() {
    let (mut own, mut stranger) = (BlockPool::new(4), BlockPool::new(0));
    let mut book = OrderBook::new();
    book.set(&mut own, BookSide::Bid, 1, 1).unwrap();
    assert_eq!(book.set(&mut stranger, BookSide::Bid, 2, 1), Err(BookFull::ForeignPool));
    assert_eq!(book.best(&stranger, BookSide::Bid), None);
}

#[test]
fn an_empty_book_is_handed_over_as_one_empty_level() {
    let mut cursor = RecoveryCursor::new();
    let mut out = [(9, 9); 4];
    assert!(!cursor.covers(BookSide::Bid, i64::MAX), "nothing is handed over yet");
    let part = cursor.next_instalment(&OrderBook::new(), &BlockPool::new(1), &mut out);
    assert_eq!((part.levels, part.first, part.last, out[0]), (1, true, true, (0, 0)));
    assert_eq!(part.flags(0), Flags::FIRST | Flags::SNAPSHOT | Flags::LAST);
    let mut follower = Follower::new(InstrumentId(7), 100);
    assert_eq!(follower.apply(&level(part.flags(0), part.side, out[0].0, out[0].1)), FollowerState::Whole);
    assert!(follower.is_empty() && follower.bid().is_none());
    assert!(cursor.covers(BookSide::Ask, i64::MAX), "from now on every change is live");
    assert_eq!(cursor.next_instalment(&OrderBook::new(), &BlockPool::new(1), &mut out).levels, 0);
}

#[test]
fn a_book_that_ends_where_an_instalment_ends_is_closed_by_its_last_level_again() {
    let mut pool = BlockPool::new(4);
    let mut book = OrderBook::new();
    for price in [10, 11] {
        book.set(&mut pool, BookSide::Ask, price, price).unwrap();
    }
    let mut out = [(0, 0); 2];
    let mut cursor = RecoveryCursor::new();
    let part = cursor.next_instalment(&book, &pool, &mut out);
    assert_eq!((part.levels, part.first, part.last), (2, true, false));
    for size in [5, 0] {
        book.set(&mut pool, BookSide::Ask, 11, size).unwrap();
        let mut cursor = cursor;
        let part = cursor.next_instalment(&book, &pool, &mut out);
        let want = Instalment { side: BookSide::Ask, levels: 1, first: false, last: true };
        assert_eq!((part, out[0]), (want, (11, size)), "absolute, so saying it again does no harm");
        assert!(cursor.is_done());
    }
}

#[test]
fn a_book_is_crossed_from_equal_prices_on() {
    let mut pool = BlockPool::new(4);
    let mut book = OrderBook::new();
    book.set(&mut pool, BookSide::Ask, 10, 1).unwrap();
    for (bid, crossed) in [(9, false), (10, true), (11, true)] {
        book.set(&mut pool, BookSide::Bid, bid, 1).unwrap();
        assert_eq!(book.is_crossed(&pool), crossed, "bid {bid}, ask 10");
    }
}

#[test]
fn no_room_for_an_instalment_loses_nothing() {
    let mut pool = BlockPool::new(2);
    let mut book = OrderBook::new();
    book.set(&mut pool, BookSide::Bid, 5, 1).unwrap();
    let mut cursor = RecoveryCursor::new();
    assert_eq!(cursor.next_instalment(&book, &pool, &mut []).levels, 0);
    let part = cursor.next_instalment(&book, &pool, &mut [(0, 0); 3]);
    assert!(part.first && part.last && part.levels == 1);
}

/// Recordings live beside the repository, or where the variable says; they are never copied in.
fn capture(name: &str) -> Option<String> {
    let folder = std::env::var_os("EXCHANGE_CONNECTORS_CAPTURES").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures"),
        std::path::PathBuf::from,
    );
    std::fs::read_to_string(folder.join(name)).ok()
}

#[test]
fn a_recorded_coinbase_book_replays_like_the_oracle_and_never_crosses() {
    let Some(text) = capture("coinbase/fastmm/advanced_md_stream.jsonl") else {
        println!("skipped: no recordings (set EXCHANGE_CONNECTORS_CAPTURES)");
        return;
    };
    let mut pool = BlockPool::for_levels(60_000, 4);
    let mut products: BTreeMap<String, (OrderBook, Model, Follower)> = BTreeMap::new();
    let (mut events, mut levels) = (0, 0);
    for line in text.lines() {
        let message: serde_json::Value = serde_json::from_str(line).unwrap();
        if message["channel"] != "l2_data" {
            continue;
        }
        for event in message["events"].as_array().unwrap() {
            let product = event["product_id"].as_str().unwrap().to_owned();
            let (book, model, follower) = products
                .entry(product)
                .or_insert_with(|| (OrderBook::new(), Model::default(), Follower::new(InstrumentId(7), 60_000)));
            let snapshot = event["type"] == "snapshot";
            if snapshot {
                book.clear(&mut pool);
                *model = Model::default();
            }
            let updates = event["updates"].as_array().unwrap();
            for (i, update) in updates.iter().enumerate() {
                let number =
                    |key: &str, exponent| parse_mantissa(update[key].as_str().unwrap().as_bytes(), exponent).unwrap();
                let side = match update["side"].as_str().unwrap() {
                    "bid" => BookSide::Bid,
                    "offer" => BookSide::Ask,
                    other => panic!("side {other}"),
                };
                let (price, size) = (number("price_level", EXPONENTS.0), number("new_quantity", EXPONENTS.1));
                assert!(!set_both(book, &mut pool, model, side, price, size));
                let mut flags = if snapshot { Flags::SNAPSHOT } else { Flags::NONE };
                if snapshot && i == 0 {
                    flags = flags | Flags::FIRST;
                }
                if i + 1 == updates.len() {
                    flags = flags | Flags::LAST;
                }
                follower.apply(&level(flags, side, price, size));
                levels += 1;
            }
            events += 1;
            assert!(!book.is_crossed(&pool), "crossed after event {events}");
            assert_eq!(follower.state(), FollowerState::Whole);
            assert_eq!(follower.bid().map(|l| l.price.mantissa()), model.best(BookSide::Bid).map(|b| b.0));
            if events % 50 == 0 {
                assert_same(book, &pool, model);
            }
        }
    }
    for (book, model, follower) in products.values() {
        assert_same(book, &pool, model);
        for side in SIDES {
            let held: Vec<_> = follower.levels(side).map(|l| (l.price.mantissa(), l.size.mantissa())).collect();
            assert_eq!(held, model.levels(side));
        }
    }
    println!("{events} events, {levels} levels, {pool:?}");
    assert!(events > 50 && levels > 1_000, "the recording holds something: {events} events, {levels} levels");
}
