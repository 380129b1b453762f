//! The listenKey's life, against the pure model of Binance.US.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::super::binance_us_bench::Bench;
use super::*;
use crate::record::{ExecutionKind as K, ExecutionRecord, RequestId};
use crate::sim::binance_us::ListenKeys;
use crate::sim::server::Venue as _;
use crate::telemetry::Counter;
use crate::venue::binance_us::{StreamConfig, UserData};

const START: &str = "POST /api/v3/userDataStream";
const KEEP: &str = "PUT /api/v3/userDataStream";

fn bench(stream: StreamConfig) -> Bench {
    let mut bench = Bench::of(stream, Some(UserData::ListenKey));
    bench.pass_ms(3_000);
    bench
}

fn asked(bench: &Bench, what: &str) -> usize {
    bench.requests.get(what).copied().unwrap_or(0)
}

fn stands(bench: &Bench) -> Option<ConnectionState> {
    bench.states(ConnectionRole::User).last().copied()
}

#[track_caller]
fn accepted(bench: &mut Bench, number: u32) -> (RequestId, ExecutionRecord) {
    let request = bench.submit(number, bench.resting_bid());
    bench.pass_ms(50);
    let first = bench.executions.iter().find(|r| r.request == request).copied().expect("an answer");
    assert_eq!(first.kind, K::Accepted, "{first:?}");
    (request, first)
}

fn fill(bench: &mut Bench, order: &ExecutionRecord) {
    let filled = bench.venue.fill_order(bench.now, order.client_order_id.as_str(), "0.1".parse().unwrap()).unwrap();
    assert!(!filled.is_zero());
}

fn guards(bench: &Bench) -> Vec<GuardEvent> {
    bench.executions.iter().filter(|r| r.kind == K::Guard).map(|r| r.guard).collect()
}

#[test]
fn the_accounts_events_come_over_a_stream_named_by_the_key() {
    let mut bench = bench(StreamConfig::default());
    assert_eq!((stands(&bench), asked(&bench, START)), (Some(ConnectionState::Healthy), 1));
    let (request, order) = accepted(&mut bench, 1);
    let queries = asked(&bench, "GET /api/v3/myTrades");
    fill(&mut bench, &order);
    bench.pass_ms(50);
    assert_eq!(bench.kinds(request), [K::Accepted, K::Fill, K::Filled]);
    assert_eq!(asked(&bench, "GET /api/v3/myTrades"), queries, "told by the stream, not by a query");
}

#[test]
fn the_key_is_kept_alive_every_30_minutes_and_outlives_its_60() {
    let mut bench = bench(StreamConfig::default());
    let states = bench.states(ConnectionRole::User).len();
    bench.pass_s(29 * 60);
    assert_eq!(asked(&bench, KEEP), 0);
    bench.pass_s(100 * 60);
    assert_eq!((asked(&bench, KEEP), asked(&bench, START)), (4, 1));
    assert_eq!(bench.states(ConnectionRole::User).len(), states, "nobody was disturbed");
    let (request, order) = accepted(&mut bench, 1);
    fill(&mut bench, &order);
    bench.pass_ms(50);
    assert_eq!(bench.kinds(request).last(), Some(&K::Filled));
}

#[test]
fn after_the_key_expired_another_brings_what_follows_and_queries_what_was_missed() {
    let mut bench = bench(StreamConfig::default());
    let (request, order) = accepted(&mut bench, 1);
    bench.venue.listen_key.as_mut().unwrap().expires_ns = bench.now;
    bench.venue.tick(bench.now);
    // Before the engine has heard of it: no stream brings this.
    fill(&mut bench, &order);
    bench.pass_ms(3_000);
    assert_eq!((stands(&bench), asked(&bench, START)), (Some(ConnectionState::Healthy), 2));
    let mut kinds = bench.kinds(request);
    kinds.retain(|kind| *kind != K::FillDetail);
    assert_eq!(kinds, [K::Accepted, K::Fill, K::Filled]);
    let (request, order) = accepted(&mut bench, 2);
    fill(&mut bench, &order);
    bench.pass_ms(50);
    assert_eq!(bench.kinds(request), [K::Accepted, K::Fill, K::Filled]);
}

/// The venue does not always say that a key ended (Binance.US reference 9.10).
#[test]
fn a_key_that_died_in_silence_is_noticed_when_it_is_kept() {
    let mut bench = bench(StreamConfig::default());
    bench.venue.listen_key = None;
    let (request, order) = accepted(&mut bench, 1);
    fill(&mut bench, &order);
    bench.pass_s(31 * 60);
    assert_eq!((asked(&bench, KEEP), asked(&bench, START)), (1, 2));
    assert_eq!(stands(&bench), Some(ConnectionState::Healthy));
    assert!(bench.kinds(request).contains(&K::Filled), "the replay of executions told it long before");
}

#[test]
fn a_venue_without_listen_keys_is_asked_once_and_strategies_are_told() {
    for gone in [ListenKeys::Gone, ListenKeys::NotFound] {
        let mut bench = Bench::of(StreamConfig::default(), Some(UserData::ListenKey));
        bench.venue.listen_keys = gone;
        bench.pass_s(180);
        assert_eq!((asked(&bench, START), guards(&bench)), (1, vec![GuardEvent::EventsNotServed]), "{gone:?}");
        assert_eq!(stands(&bench), None, "nothing was dialled");
        let request = bench.submit(1, bench.resting_bid());
        let refused = bench.executions.iter().find(|r| r.request == request).unwrap();
        let said = (refused.kind, refused.reject, refused.venue_code.as_str());
        assert_eq!(said, (K::Rejected, RejectClass::NotConnected, "venue has no listenKeys any more"));
    }
}

#[test]
fn orders_left_without_a_stream_for_good_are_followed_by_queries_and_can_be_cancelled() {
    let mut bench = bench(StreamConfig::default());
    let (filled, order) = accepted(&mut bench, 1);
    let (cancelled, _) = accepted(&mut bench, 2);
    bench.venue.listen_keys = ListenKeys::Gone;
    bench.venue.listen_key.as_mut().unwrap().expires_ns = bench.now;
    bench.pass_ms(2_000);
    assert_eq!((asked(&bench, START), guards(&bench)), (2, vec![GuardEvent::EventsNotServed]));
    assert_eq!(stands(&bench), Some(ConnectionState::Down));
    fill(&mut bench, &order);
    let target = crate::record::OrderRef::Request(cancelled);
    bench.submit(3, crate::record::OrderCommand::cancel(crate::record::InstrumentId(0), target));
    bench.pass_s(60);
    assert_eq!(bench.kinds(filled).last(), Some(&K::Filled), "{:?}", bench.requests);
    assert_eq!(bench.kinds(cancelled).last(), Some(&K::Cancelled));
    assert_eq!((bench.engine.open_orders(), asked(&bench, START)), (0, 2));
}

#[test]
fn a_venue_in_trouble_is_asked_again_ever_more_rarely() {
    let mut bench = Bench::of(StreamConfig::default(), Some(UserData::ListenKey));
    bench.broken.push("/api/v3/userDataStream".to_owned());
    bench.pass_s(120);
    let tries = asked(&bench, START);
    assert!((5..=10).contains(&tries), "{tries} in two minutes");
    bench.broken.clear();
    bench.pass_s(70);
    assert_eq!(stands(&bench), Some(ConnectionState::Healthy));
    assert_eq!(guards(&bench).iter().filter(|event| **event == GuardEvent::EventsNotServed).count(), 0);
}

#[test]
fn the_connection_is_relieved_at_its_age_and_every_event_is_told_once() {
    let mut bench = bench(StreamConfig { replace_after_ms: 5_000, overlap_ms: 1_000, ..StreamConfig::default() });
    let states = bench.states(ConnectionRole::User).len();
    for number in 1..=40 {
        let (request, order) = accepted(&mut bench, number);
        fill(&mut bench, &order);
        bench.pass_ms(200);
        assert_eq!(bench.kinds(request), [K::Accepted, K::Fill, K::Filled], "order {number}");
    }
    assert!(bench.out.counters.get(Counter::ConnectionsRelieved) >= 2);
    assert_eq!(bench.states(ConnectionRole::User).len(), states, "never closed to orders");
    assert_eq!(asked(&bench, START), 1, "it is the same key");
}

#[test]
fn a_relief_that_cannot_be_dialled_is_tried_again_over_the_same_key() {
    let mut bench = bench(StreamConfig { replace_after_ms: 5_000, overlap_ms: 1_000, ..StreamConfig::default() });
    let states = bench.states(ConnectionRole::User).len();
    let user = bench.open(ConnectionRole::User)[0];
    let relief = bench.partner_of(user);
    bench.unreachable.push(relief);
    bench.pass_ms(6_000);
    assert_eq!(bench.open(ConnectionRole::User), [user], "it serves on");
    bench.unreachable.clear();
    bench.pass_ms(20_000);
    assert!(bench.out.counters.get(Counter::ConnectionsRelieved) >= 1);
    assert_eq!(bench.states(ConnectionRole::User).len(), states, "never closed to orders");
    assert_eq!(asked(&bench, START), 1, "it is the same key");
}
