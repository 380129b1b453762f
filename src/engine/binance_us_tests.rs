//! Books, quotes and several market connections of Binance.US, against the pure model.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::binance_us_bench::{Bench, ME, STEP_MS, SYMBOLS};
use super::trading::Cargo;
use super::{pretrade, Carrier, ConnId, Control, Input};
use crate::book::FollowerState;
use crate::record::{
    ConnectionRole, Difference, ExecutionKind, InstrumentId, MarketKind, MarketRecord, OrderCommand, OrderRef,
    UnixNanos, View,
};
use crate::sim::binance_us::DOOR_REST;
use crate::sim::server::{Request, Venue as _};
use crate::sim::Model as _;
use crate::venue::binance_us::{listings, StreamConfig};
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

/// The first connection of a kind with this role.
fn conn_of(bench: &Bench, carrier: Carrier, role: ConnectionRole) -> ConnId {
    let of = |index: &usize| (bench.carriers[*index], bench.roles[*index]) == (carrier, role);
    ConnId((0..bench.links.len()).find(of).unwrap() as u16)
}

#[test]
fn a_question_about_orders_goes_before_the_snapshots_that_wait_for_the_same_connection() {
    const SNAPSHOT: &str = "GET /api/v3/depth";
    let mut bench = Bench::new(StreamConfig::default(), true);
    for (number, symbol) in (2..).zip(["SOLUSD", "BTCUSDT", "ETHUSDT"]) {
        bench.know(number, symbol);
    }
    bench.pass_ms(3_000);
    let rest = conn_of(&bench, Carrier::Rest, ConnectionRole::Queries);
    bench.links[rest.index()].delay_ms = 1_500;
    for number in 0..5 {
        bench.subscribe(number, Channels::BOOK);
    }
    while !bench.asked.iter().any(|asked| asked == SNAPSHOT) {
        bench.pass_ms(STEP_MS);
    }
    let before = bench.asked.len();
    assert_eq!(bench.asked.iter().filter(|asked| *asked == SNAPSHOT).count(), 1, "the others wait for it");
    // What is held of another instrument is to be known.
    bench.know(5, "PEPEUSD");
    bench.pass_ms(4_000);
    assert_eq!(bench.asked[before..][..2], ["GET /api/v3/account", SNAPSHOT], "{:?}", bench.asked);
}

/// Two cancels are under way on one connection, and the second is answered first.
#[test]
fn an_answer_to_a_cancel_ends_the_request_it_answers() {
    let mut bench = Bench::new(StreamConfig::default(), true);
    bench.pass_ms(3_000);
    let orders = [1, 2].map(|number| bench.submit(number, bench.resting_bid()));
    bench.pass_ms(100);
    let ids = orders.map(|request| {
        let accepted = bench.executions.iter().find(|record| record.request == request).unwrap();
        assert_eq!(accepted.kind, ExecutionKind::Accepted);
        accepted.venue_order_id
    });
    let api = conn_of(&bench, Carrier::Api, ConnectionRole::Orders);
    bench.links[api.index()].delay_ms = 100;
    for (number, request) in (3..).zip(orders) {
        bench.submit(number, OrderCommand::cancel(InstrumentId(0), OrderRef::Request(request)));
    }
    bench.pump();
    let answers = &mut bench.links[api.index()].on_the_way;
    assert_eq!(answers.len(), 2, "one answer each");
    answers.swap(0, 1);
    answers[1].0 += 100_000_000;
    bench.pass_ms(150);
    let awaited =
        ids.map(|id| bench.engine.trading.carries(api, |cargo| matches!(cargo, Cargo::Cancel(of) if *of == id)));
    assert_eq!(awaited, [true, false]);
    bench.pass_ms(150);
    assert!(!bench.engine.trading.carries(api, |cargo| matches!(cargo, Cargo::Cancel(_))));
}

#[test]
fn the_average_price_is_asked_for_once_and_again_only_where_there_were_orders() {
    let mut bench = Bench::new(StreamConfig::default(), true);
    let request = Request { method: "GET".into(), path: "/api/v3/exchangeInfo".into(), ..Request::default() };
    let catalog = listings(&bench.venue.http(bench.now, DOOR_REST, &request).body).unwrap();
    for market in catalog.markets {
        if let Some(index) = SYMBOLS.iter().position(|symbol| *market.listing.symbol == **symbol) {
            bench.apply(Input::Control(Control::Market(InstrumentId(index as u32), Box::new(market))));
        }
    }
    let asked = |bench: &Bench| bench.asked.iter().filter(|asked| *asked == "GET /api/v3/avgPrice").count();
    bench.pass_s(120);
    assert_eq!(asked(&bench), 2, "once each");
    for number in 1..=2 {
        bench.submit(number, bench.resting_bid());
        bench.pass_s(1);
    }
    assert_eq!(bench.executions.iter().filter(|record| record.kind == ExecutionKind::Accepted).count(), 2);
    bench.pass_s(120);
    // The second order was sent when the average was fresh: it is asked for once more when it is not.
    assert!((3..=4).contains(&asked(&bench)), "{}", asked(&bench));
    let after = asked(&bench);
    bench.pass_s(120);
    assert_eq!(asked(&bench), after, "nobody ordered anything");
}
