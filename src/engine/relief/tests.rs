//! Planned ends, against the pure model of Binance.US.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::super::binance_us_bench::{Bench, ME, STEP_MS};
use super::*;
use crate::book::FollowerState;
use crate::engine::{Control, Input};
use crate::record::{ExecutionKind, Gap, GapCause};
use crate::venue::binance_us::StreamConfig;

fn quick() -> StreamConfig {
    StreamConfig { overlap_ms: 1_000, ..StreamConfig::default() }
}

#[test]
fn an_announced_end_loses_and_doubles_nothing_whichever_connection_is_ahead() {
    for (old_ms, new_ms) in [(0, 0), (300, 0), (0, 300), (120, 40)] {
        let mut bench = Bench::streaming(quick());
        let old = bench.open(ConnectionRole::Market)[0];
        let new = bench.partner_of(old);
        bench.links[old.index()].delay_ms = old_ms;
        bench.links[new.index()].delay_ms = new_ms;
        bench.trade_ms(1_000);
        let (states, snapshots) = (bench.states(ConnectionRole::Market).len(), bench.snapshots);
        bench.venue.announce_shutdown(bench.now);
        bench.trade_ms(600);
        assert_eq!(bench.open(ConnectionRole::Market).len(), 2, "both are there for a while");
        bench.trade_ms(2_500);
        assert_eq!(bench.open(ConnectionRole::Market), [new], "the old one was left");
        bench.pass_ms(1_000);
        assert_eq!((bench.gaps(), bench.snapshots), (vec![], snapshots), "delays {old_ms} and {new_ms} ms");
        assert_eq!(bench.states(ConnectionRole::Market).len(), states, "nobody was disturbed");
        bench.assert_every_trade_once();
        bench.assert_books_are_the_venues();
        assert_eq!(bench.out.counters.get(Counter::ConnectionsRelieved), 1);
        assert_eq!(bench.out.counters.get(Counter::Anomalies), 0);
    }
}

#[test]
fn a_connection_is_relieved_at_its_age_again_and_again() {
    let mut bench = Bench::streaming(StreamConfig { replace_after_ms: 2_500, ..quick() });
    bench.trade_ms(9_000);
    assert!(bench.out.counters.get(Counter::ConnectionsRelieved) >= 2);
    bench.pass_ms(1_000);
    assert_eq!(bench.gaps(), []);
    bench.assert_every_trade_once();
    bench.assert_books_are_the_venues();
}

#[test]
fn a_wish_made_while_a_connection_is_relieved_is_served_and_one_withdrawn_is_not() {
    let mut bench = Bench::new(quick(), false);
    let subscribe = |bench: &mut Bench, number, channels| {
        bench.apply(Input::Control(Control::Subscribe(ME, InstrumentId(number), channels)));
    };
    subscribe(&mut bench, 0, Channels::BOOK);
    bench.pass_ms(2_000);
    bench.venue.announce_shutdown(bench.now);
    bench.pass_ms(STEP_MS);
    subscribe(&mut bench, 1, Channels::BOOK | Channels::TRADES);
    bench.apply(Input::Control(Control::Unsubscribe(ME, InstrumentId(0), Channels::BOOK)));
    bench.trade_ms(6_000);
    assert_eq!(bench.out.counters.get(Counter::ConnectionsRelieved), 1);
    assert_eq!(bench.books[1].state(), FollowerState::Whole);
    let before = bench.market.len();
    bench.trade_ms(500);
    let told = &bench.market[before..];
    assert!(told.iter().any(|r| r.instrument() == InstrumentId(1)));
    assert!(told.iter().all(|r| r.instrument() != InstrumentId(0)), "nobody wants it any more");
}

#[test]
fn a_connection_cut_before_its_relief_has_everything_is_a_gap_that_ends_over_the_relief() {
    let mut bench = Bench::streaming(quick());
    let old = bench.open(ConnectionRole::Market)[0];
    let new = bench.partner_of(old);
    bench.links[new.index()].delay_ms = 400;
    bench.venue.announce_shutdown(bench.now);
    bench.trade_ms(200);
    bench.cut(old, "cut");
    bench.trade_ms(4_000);
    assert_eq!(bench.open(ConnectionRole::Market), [new], "nobody dialled the old one");
    let gap = |recovered| Gap { cause: GapCause::Disconnected, recovered, lost: 0 };
    assert_eq!(bench.gaps(), [gap(false), gap(false), gap(true), gap(true)]);
    bench.pass_ms(1_000);
    bench.assert_books_are_the_venues();
}

#[test]
fn a_relief_that_cannot_be_dialled_is_tried_again_and_the_old_connection_serves_on() {
    let mut bench = Bench::streaming(quick());
    let old = bench.open(ConnectionRole::Market)[0];
    bench.unreachable.push(bench.partner_of(old));
    bench.venue.announce_shutdown(bench.now);
    bench.trade_ms(5_000);
    assert_eq!((bench.open(ConnectionRole::Market), bench.gaps()), (vec![old], vec![]));
    bench.unreachable.clear();
    bench.trade_ms(12_000);
    assert_eq!((bench.open(ConnectionRole::Market), bench.gaps()), (vec![bench.partner_of(old)], vec![]));
    bench.assert_every_trade_once();
}

#[test]
fn orders_and_the_accounts_events_go_on_while_their_connections_are_relieved() {
    let mut bench = Bench::new(quick(), true);
    bench.pass_ms(3_000);
    let before = bench.open(ConnectionRole::User);
    assert_eq!(bench.states(ConnectionRole::User).last(), Some(&ConnectionState::Healthy), "{:?}", bench.out.notes);
    let states = bench.states(ConnectionRole::User).len();
    let bid = bench.resting_bid();
    let mut requests = Vec::new();
    bench.venue.announce_shutdown(bench.now);
    for number in 1..=40 {
        let request = bench.submit(number, bid);
        bench.pass_ms(50);
        let sent = bench.executions.iter().find(|r| r.request == request).expect("an answer");
        assert_eq!(sent.kind, ExecutionKind::Accepted, "{sent:?}");
        let id = sent.client_order_id;
        let filled = bench.venue.fill_order(bench.now, id.as_str(), "0.1".parse().unwrap()).unwrap();
        assert!(!filled.is_zero());
        bench.pass_ms(50);
        requests.push(request);
    }
    bench.pass_ms(2_000);
    let after = bench.open(ConnectionRole::User);
    assert_eq!(after, [bench.partner_of(before[0])]);
    for request in requests {
        let kinds = bench.kinds(request);
        let fills = kinds.iter().filter(|kind| **kind == ExecutionKind::Fill).count();
        assert_eq!((fills, kinds.last()), (1, Some(&ExecutionKind::Filled)), "{kinds:?}");
    }
    assert_eq!(bench.states(ConnectionRole::User).len(), states, "never closed to orders");
    assert_eq!(bench.out.counters.get(Counter::OrdersUnknown), 0);
    assert_eq!(bench.out.counters.get(Counter::ConnectionsRelieved), 3, "market data, account, orders");
}
