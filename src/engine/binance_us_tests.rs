//! Books, quotes and several market connections of Binance.US, against the pure model.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::binance_us_bench::{Bench, ME, STEP_MS, SYMBOLS};
use super::{pretrade, Control, Input};
use crate::book::FollowerState;
use crate::record::{ConnectionRole, Difference, InstrumentId, MarketKind, MarketRecord, UnixNanos, View};
use crate::sim::Model as _;
use crate::venue::binance_us::StreamConfig;
use crate::venue::Channels;

const EVERYTHING: Channels = Channels::ALL.without(Channels::STATUS);

/// One instrument a connection, of which there are two.
fn narrow() -> StreamConfig {
    StreamConfig { instruments_max: 1, ..StreamConfig::default() }
}

fn places(bench: &Bench) -> Vec<Option<usize>> {
    let conn = |number| bench.engine.market.get(InstrumentId(number)).and_then(|traded| traded.conn);
    (0..bench.books.len() as u32).map(|number| conn(number).map(|conn| conn.index())).collect()
}

#[test]
fn instruments_are_spread_over_connections_and_each_comes_whole() {
    let mut bench = Bench::new(narrow(), false);
    bench.subscribe(0, EVERYTHING);
    bench.pass_ms(2_000);
    assert_eq!(bench.open(ConnectionRole::Market).len(), 1, "the second is not dialled before it is needed");
    bench.subscribe(1, EVERYTHING);
    bench.pass_ms(2_000);
    let [btc, eth] = places(&bench)[..] else { panic!("two instruments") };
    assert!(btc.is_some() && eth.is_some() && btc != eth, "{btc:?} {eth:?}");
    bench.trade_ms(6_000);
    bench.pass_ms(1_000);
    assert_eq!(bench.gaps(), []);
    bench.assert_every_trade_once();
    bench.assert_books_are_the_venues();
}

#[test]
fn a_connection_that_falls_is_a_gap_of_its_own_instruments_only() {
    let mut bench = Bench::streaming(narrow());
    let eth = bench.engine.market.get(InstrumentId(1)).unwrap().conn.unwrap();
    let before = bench.market.len();
    bench.cut(eth, "cut");
    bench.trade_ms(4_000);
    bench.pass_ms(1_000);
    let gaps = bench.market[before..].iter().filter(|record| record.kind() == MarketKind::Gap);
    let of: Vec<InstrumentId> = gaps.map(MarketRecord::instrument).collect();
    assert_eq!(of, [InstrumentId(1); 2], "one that opens and one that closes");
    bench.assert_books_are_the_venues();
}

#[test]
fn who_finds_no_place_is_told_and_gets_the_next_that_is_freed() {
    let mut bench = Bench::streaming(narrow());
    bench.know(2, "SOLUSD");
    bench.subscribe(2, Channels::BOOK);
    bench.pass_ms(1_000);
    let no_place = |record: &MarketRecord| match record.view() {
        View::Subscription(told) => told.difference == Difference::NoPlace && record.instrument() == InstrumentId(2),
        _ => false,
    };
    assert_eq!(bench.market.iter().filter(|record| no_place(record)).count(), 1);
    assert_ne!(bench.books[2].state(), FollowerState::Whole);
    let freed = places(&bench)[1];
    bench.apply(Input::Control(Control::Unsubscribe(ME, InstrumentId(1), EVERYTHING)));
    bench.pass_ms(3_000);
    assert_eq!(places(&bench)[2], freed);
    assert_eq!(bench.books[2].state(), FollowerState::Whole);
}

/// Quotes leave the venue at once, changes of the book every 100 ms, under one count of updates: whoever goes by the higher
/// number is never contradicted.
#[test]
fn quotes_and_books_are_one_market_by_update_id() {
    let mut bench = Bench::on_the_grid();
    bench.subscribe_all();
    bench.pass_ms(2_000);
    // Per instrument: the update and the best prices of the latest word.
    let (mut seen, mut ahead, mut told) = (bench.market.len(), 0, [(0u64, 0u64); SYMBOLS.len()]);
    for _ in 0..500 {
        bench.venue.step(bench.now, 4);
        bench.pump();
        for record in &bench.market[seen..] {
            let (book, quote) = &mut told[record.instrument().index()];
            match record.view() {
                View::Quote(_) => {
                    assert!(record.sequence() > *quote.max(book), "a quote that is old news: {record:?}");
                    *quote = record.sequence();
                }
                View::Level(_) => {
                    assert!(record.sequence() >= *book, "a book that goes back: {record:?}");
                    *book = record.sequence();
                }
                _ => {}
            }
        }
        seen = bench.market.len();
        for (index, symbol) in SYMBOLS.iter().enumerate() {
            let (book, quote) = told[index];
            let [bid, ask] = bench.venue_best(symbol);
            let traded = bench.engine.market.get(InstrumentId(index as u32)).unwrap();
            let view = pretrade::view(UnixNanos(bench.now), traded, &bench.engine.market, UnixNanos(bench.now));
            if quote > book {
                ahead += 1;
                assert_eq!((view.bid, view.ask), (Some(bid), Some(ask)), "{symbol}: by the quote, at once");
            }
        }
        bench.pass_ms(STEP_MS);
    }
    assert!(ahead > 100, "quotes were ahead of the book {ahead} times");
    bench.pass_ms(1_000);
    for (index, symbol) in SYMBOLS.iter().enumerate() {
        let traded = bench.engine.market.get(InstrumentId(index as u32)).unwrap();
        let view = pretrade::view(UnixNanos(bench.now), traded, &bench.engine.market, UnixNanos(bench.now));
        assert_eq!([view.bid, view.ask], bench.venue_best(symbol).map(Some), "{symbol}: by the book, in the end");
    }
    bench.assert_books_are_the_venues();
    assert_eq!(bench.gaps(), []);
}
