//! Reply and user event in either order, or at once: Accepted comes first and exactly once; IMPLIED if the event was first.

use crate::common::{decimal, Bench, BTC, ORDERS};
use exchange_connectors::record::{ExecutionKind as K, Side, EXECUTION_FLAG_IMPLIED, EXECUTION_FLAG_RECONCILED};
use exchange_connectors::sim::coinbase::Side as VenueSide;
use exchange_connectors::sim::server::Fault;
use std::time::Duration;

#[test]
fn the_reply_before_the_event() {
    let mut rig = Bench::new().start();
    rig.venue.hold_user_events().unwrap();
    let accepted = rig.place_accepted(rig.resting_bid());
    assert!(!accepted.has(EXECUTION_FLAG_IMPLIED));
    rig.venue.fill_order(accepted.client_order_id.as_str(), decimal("0.01")).unwrap();
    rig.venue.release_user_events().unwrap();
    rig.expect(accepted.request, K::Filled);
    assert_eq!(rig.law(accepted.request), [K::Accepted, K::Fill, K::Filled]);
}

#[test]
fn the_event_before_the_reply() {
    let mut rig = Bench::new().start();
    rig.venue.inject_next("POST", ORDERS, Fault::ThenHold).unwrap();
    let request = rig.place(rig.resting_bid());
    let accepted = rig.expect(request, K::Accepted);
    assert!(accepted.has(EXECUTION_FLAG_IMPLIED) && !accepted.has(EXECUTION_FLAG_RECONCILED), "{accepted:?}");
    rig.venue.fill_order(accepted.client_order_id.as_str(), decimal("0.004")).unwrap();
    rig.expect(request, K::Fill);
    rig.venue.release_held().unwrap();
    rig.watch(Duration::from_millis(100));
    rig.submit(rig.cancel_of(request));
    rig.expect(request, K::Cancelled);
    assert_eq!(rig.law(request), [K::Accepted, K::Fill, K::Cancelled]);
}

#[test]
fn a_fill_before_the_reply() {
    let mut rig = Bench::new().start();
    rig.venue.frames_before_reply(true).unwrap();
    let offer = decimal("60000");
    rig.venue.clear_liquidity(BTC).unwrap();
    rig.venue.add_liquidity(BTC, VenueSide::Sell, offer, decimal("1")).unwrap();
    rig.venue.inject_next("POST", ORDERS, Fault::ThenHold).unwrap();
    let request = rig.place(rig.limit(Side::Buy, "60000", "0.01"));
    let end = rig.expect(request, K::Filled);
    rig.venue.release_held().unwrap();
    rig.watch(Duration::from_millis(100));
    assert_eq!(rig.law(request), [K::Accepted, K::Fill, K::Filled]);
    assert!(rig.first(request).unwrap().has(EXECUTION_FLAG_IMPLIED));
    assert_eq!(rig.received(&end), 1);
}

#[test]
fn an_event_that_came_first_makes_a_lost_reply_harmless() {
    let mut rig = Bench::new().reply_timeout_ms(300).start();
    rig.venue.inject_next("POST", ORDERS, Fault::ThenSilence).unwrap();
    let request = rig.place(rig.resting_bid());
    let accepted = rig.expect(request, K::Accepted);
    assert!(accepted.has(EXECUTION_FLAG_IMPLIED));
    rig.watch(Duration::from_millis(600));
    assert_eq!(rig.law(request), [K::Accepted], "the timeout changes nothing that is known");
    assert_eq!(rig.received(&accepted), 1);
}

#[test]
fn a_reply_in_pieces_or_chunks_is_one_reply() {
    let mut rig = Bench::new().start();
    rig.venue.hold_user_events().unwrap();
    for fault in [
        Fault::ThenSlow { chunk: 40, interval_ns: 1_000_000 },
        Fault::ThenChunked { chunk: 7 },
        Fault::ThenDelay(50_000_000),
    ] {
        rig.venue.inject_next("POST", ORDERS, fault).unwrap();
        let accepted = rig.place_accepted(rig.resting_bid());
        assert_eq!(accepted.flags & (EXECUTION_FLAG_IMPLIED | EXECUTION_FLAG_RECONCILED), 0);
        assert_eq!(rig.law(accepted.request), [K::Accepted]);
    }
}
