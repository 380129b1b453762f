//! Two feeds of one model, each with losses and a rhythm of its own, in every interleaving: every trade once, and the
//! followed book the model's.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::*;
use crate::book::{BlockPool, OrderBook};
use crate::record::{BookSide, UnixNanos};
use proptest::prelude::*;
use std::collections::BTreeMap;

const LIVE: bool = false;
const HISTORY: bool = true;
const NEWS: Arrival = Arrival::First { history: false };
const OLD: Arrival = Arrival::First { history: true };

#[test]
fn the_first_arrival_is_told_and_the_second_is_not() {
    let mut merger = TradeMerger::new();
    assert_eq!(merger.offer(Feed::Second, 100, LIVE), NEWS);
    assert_eq!(merger.offer(Feed::First, 100, LIVE), Arrival::Repeated);
    assert_eq!(merger.offer(Feed::First, 101, LIVE), NEWS);
    assert_eq!(merger.offer(Feed::First, 101, LIVE), Arrival::Repeated, "also from the same one");
    assert_eq!(merger.newest(), 101);
}

#[test]
fn a_trade_one_feed_lost_is_told_when_the_other_brings_it() {
    let mut merger = TradeMerger::new();
    for id in [100, 103] {
        assert_eq!(merger.offer(Feed::First, id, LIVE), NEWS);
    }
    let second: Vec<_> = (100..=103).map(|id| merger.offer(Feed::Second, id, LIVE)).collect();
    assert_eq!(second, [Arrival::Repeated, NEWS, NEWS, Arrival::Repeated]);
}

#[test]
fn history_is_told_once_as_history_and_what_it_brings_beyond_that_is_news() {
    let mut merger = TradeMerger::new();
    for id in 90..=100 {
        assert_eq!(merger.offer(Feed::First, id, HISTORY), OLD);
    }
    // The other one came up a moment later, and its history reaches further.
    for id in 92..=100 {
        assert_eq!(merger.offer(Feed::Second, id, HISTORY), Arrival::Repeated);
    }
    assert_eq!(merger.offer(Feed::Second, 101, HISTORY), NEWS);
    assert_eq!(merger.offer(Feed::First, 101, LIVE), Arrival::Repeated);
    assert_eq!(merger.offer(Feed::Second, 89, HISTORY), OLD, "from before");
    // A reconnect brings history again: what nobody told meanwhile is news.
    assert_eq!(merger.offer(Feed::First, 101, HISTORY), Arrival::Repeated);
    assert_eq!(merger.offer(Feed::First, 102, HISTORY), NEWS);
}

#[test]
fn the_window_forgets_what_is_far_behind_and_takes_it_for_told() {
    let mut merger = TradeMerger::new();
    for id in 1..=TRADE_WINDOW + 10 {
        assert_eq!(merger.offer(Feed::First, id, LIVE), NEWS);
    }
    assert_eq!(merger.offer(Feed::Second, 10, LIVE), Arrival::TooOld);
    assert_eq!(merger.offer(Feed::Second, 11, LIVE), Arrival::Repeated);
    let far = 10 * TRADE_WINDOW;
    assert_eq!(merger.offer(Feed::Second, far, LIVE), NEWS);
    assert_eq!(merger.offer(Feed::First, far - 1, LIVE), NEWS, "nothing of the old turn is left in its place");
}

#[test]
fn a_venue_that_counts_anew_is_believed_after_a_while() {
    let mut merger = TradeMerger::new();
    merger.offer(Feed::First, 1_000_000, LIVE);
    let told = (1..=200).filter(|id| merger.offer(Feed::First, *id, LIVE) == NEWS).count();
    assert!((100..200).contains(&told), "{told}");
    assert_eq!(merger.newest(), 200);
}

#[test]
fn without_ids_only_the_first_connection_is_told() {
    let mut merger = TradeMerger::new();
    assert_eq!(merger.offer(Feed::First, 0, LIVE), NEWS);
    assert_eq!(merger.offer(Feed::Second, 0, LIVE), Arrival::Repeated);
    assert_eq!(merger.offer(Feed::First, 0, LIVE), NEWS);
}

fn ms(ms: u64) -> UnixNanos {
    UnixNanos(1).plus_ms(ms)
}

#[test]
fn a_doubtful_book_is_left_for_a_whole_one_and_not_returned_to() {
    let mut choice = BookChoice::new();
    assert!(!choice.doubtful(Feed::First, ms(0)), "the other is no better");
    assert!(!choice.whole(Feed::First, ms(0)));
    assert!(!choice.whole(Feed::Second, ms(0)));
    assert!(!choice.doubtful(Feed::Second, ms(1)), "not followed");
    assert!(!choice.whole(Feed::Second, ms(2)));
    assert!(choice.doubtful(Feed::First, ms(3)));
    assert_eq!(choice.followed(), Feed::Second);
    assert!(!choice.whole(Feed::First, ms(4)), "the followed one is still good");
    assert!(choice.doubtful(Feed::Second, ms(5)));
    assert_eq!(choice.followed(), Feed::First);
}

#[test]
fn with_neither_whole_the_first_to_recover_is_followed() {
    let mut choice = BookChoice::new();
    assert!(choice.whole(Feed::Second, ms(0)));
    assert_eq!(choice.followed(), Feed::Second);
    assert!(!choice.doubtful(Feed::Second, ms(1)));
    assert!(choice.whole(Feed::First, ms(2)));
}

#[test]
fn only_a_book_that_is_silent_while_the_other_is_not_is_stale() {
    let mut choice = BookChoice::new();
    let _ = (choice.whole(Feed::First, ms(0)), choice.whole(Feed::Second, ms(0)));
    assert!(!choice.is_stale(ms(60_000)), "a quiet market is not stale");
    for at in 1..=STALE_EVENTS as u64 {
        assert!(!choice.whole(Feed::Second, ms(at)));
    }
    assert!(!choice.is_stale(ms(STALE_MS)));
    assert!(choice.is_stale(ms(STALE_MS + 1)));
    assert!(!choice.whole(Feed::First, ms(STALE_MS + 1)));
    assert!(!choice.is_stale(ms(10 * STALE_MS)));
}

/// One step of a feed: it takes in so many messages of the model, loses one, or repeats one.
#[derive(Debug, Clone, Copy)]
enum Step {
    Take(Feed, usize),
    Lose(Feed),
    Repeat(Feed),
}

fn any_step() -> impl Strategy<Value = Step> {
    let feed = prop_oneof![Just(Feed::First), Just(Feed::Second)];
    prop_oneof![
        8 => (feed.clone(), 1_usize..6).prop_map(|(feed, count)| Step::Take(feed, count)),
        1 => feed.clone().prop_map(Step::Lose),
        1 => feed.prop_map(Step::Repeat),
    ]
}

/// The model's book after each of its changes; sizes are absolute.
fn model_book(changes: &[(i64, i64)], upto: usize) -> BTreeMap<i64, i64> {
    let mut book = BTreeMap::new();
    for (price, size) in &changes[..upto] {
        book.insert(*price, *size);
    }
    book.retain(|_, size| *size != 0);
    book
}

/// One connection: how far it is in the model's changes, and the book made of what came.
struct Connection {
    at: usize,
    book: OrderBook,
    whole: bool,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_trade_that_either_brings_is_told_exactly_once(
        steps in prop::collection::vec(any_step(), 1..200),
        start in 1_u64..5_000_000,
    ) {
        let mut merger = TradeMerger::new();
        let mut at = [0_u64; 2];
        let mut told: BTreeMap<u64, u32> = BTreeMap::new();
        let mut brought: BTreeMap<u64, u32> = BTreeMap::new();
        for step in steps {
            let (feed, ids) = match step {
                Step::Take(feed, count) => {
                    let from = at[feed.index()];
                    at[feed.index()] += count as u64;
                    (feed, from..from + count as u64)
                }
                Step::Lose(feed) => {
                    at[feed.index()] += 1;
                    continue;
                }
                Step::Repeat(feed) => (feed, at[feed.index()].saturating_sub(1)..at[feed.index()]),
            };
            for id in ids.map(|id| start + id) {
                brought.insert(id, 1);
                if merger.offer(feed, id, LIVE) == NEWS {
                    *told.entry(id).or_default() += 1;
                }
            }
        }
        prop_assert_eq!(told, brought);
    }

    #[test]
    fn the_followed_book_is_the_models_whenever_it_is_whole(
        steps in prop::collection::vec(any_step(), 1..200),
        changes in prop::collection::vec((1_i64..40, 0_i64..4), 1_500..1_501),
    ) {
        let mut pool = BlockPool::for_levels(1_000, 2);
        let mut choice = BookChoice::new();
        let mut both = [(); 2].map(|()| Connection { at: 0, book: OrderBook::new(), whole: false });
        let mut switches = 0;
        for (tick, step) in steps.into_iter().enumerate() {
            let now = ms(tick as u64);
            let feed = match step { Step::Take(feed, _) | Step::Lose(feed) | Step::Repeat(feed) => feed };
            let connection = &mut both[feed.index()];
            match step {
                Step::Take(_, count) => {
                    if !connection.whole {
                        // A snapshot: the model's book as it is for this connection.
                        connection.book.clear(&mut pool);
                        for (price, size) in model_book(&changes, connection.at) {
                            connection.book.set(&mut pool, BookSide::Bid, price, size).unwrap();
                        }
                        connection.whole = true;
                    }
                    for (price, size) in &changes[connection.at..connection.at + count] {
                        connection.book.set(&mut pool, BookSide::Bid, *price, *size).unwrap();
                    }
                    connection.at += count;
                    switches += u32::from(choice.whole(feed, now));
                }
                Step::Lose(_) => {
                    // Noticed by the sequence: nothing of this book counts before its next snapshot.
                    connection.at += 1;
                    connection.whole = false;
                    switches += u32::from(choice.doubtful(feed, now));
                }
                // A repeated message is ignored by its sequence.
                Step::Repeat(_) => {}
            }
            let followed = &both[choice.followed().index()];
            if followed.whole {
                let held: BTreeMap<i64, i64> = followed.book.levels(&pool, BookSide::Bid).collect();
                prop_assert_eq!(held, model_book(&changes, followed.at));
            } else {
                prop_assert!(!both[choice.followed().other().index()].whole, "a whole book was not followed");
            }
        }
        prop_assert!(switches <= 200);
    }
}
