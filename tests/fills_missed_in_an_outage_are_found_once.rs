//! What was executed while the user channel was away is found after the reconnect, exactly once.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{decimal, Bench};
use exchange_connectors::record::{ConnectionRole, ConnectionState, ExecutionKind as K};
use exchange_connectors::sim::coinbase::DOOR_USER;
use exchange_connectors::sim::server::CloseHow;
use std::time::Duration;

#[test]
fn a_part_fill_and_a_whole_fill_during_the_outage() {
    let mut rig = Bench::new().start();
    let part = rig.place_accepted(rig.resting_bid());
    let whole = rig.place_accepted(rig.resting_bid());
    rig.venue.fill_order(part.client_order_id.as_str(), decimal("0.001")).unwrap();
    rig.expect(part.request, K::Fill);

    rig.mark();
    rig.venue.set_stalled(DOOR_USER, true).unwrap();
    rig.venue.kill_connections(Some(DOOR_USER), CloseHow::Reset).unwrap();
    rig.wait_for_state(ConnectionRole::User, ConnectionState::Down);
    rig.venue.fill_order(part.client_order_id.as_str(), decimal("0.002")).unwrap();
    rig.venue.fill_order(part.client_order_id.as_str(), decimal("0.003")).unwrap();
    rig.venue.fill_order(whole.client_order_id.as_str(), decimal("0.01")).unwrap();
    rig.venue.set_stalled(DOOR_USER, false).unwrap();
    rig.wait_for_state(ConnectionRole::User, ConnectionState::Healthy);

    rig.expect(whole.request, K::Filled);
    rig.watch(Duration::from_millis(200));
    let filled = |rig: &common::Rig, request| {
        rig.records(request).iter().filter(|r| r.kind == K::Fill).map(|r| r.last_quantity).sum::<i64>()
    };
    assert_eq!(filled(&rig, part.request), rig.size("0.006"));
    assert_eq!(filled(&rig, whole.request), rig.size("0.01"));
    assert_eq!(rig.at_venue(&part), Some(("OPEN", decimal("0.006"))));
    let value: rust_decimal::Decimal =
        rig.records(part.request).iter().filter(|r| r.kind == K::Fill).map(|r| r.value().to_decimal().unwrap()).sum();
    assert_eq!(value.normalize(), decimal("300"));
    let accepted = rig.kinds(part.request).iter().filter(|k| **k == K::Accepted).count();
    assert_eq!(accepted, 1);
}

#[test]
fn events_that_a_healthy_stream_dropped_are_found_in_the_history() {
    let rules = exchange_connectors::order::ReconcileRules { fills_every_ms: 250, ..common::fast_rules() };
    let mut rig = Bench::new().gateway(move |b| b.reconcile(rules)).start();
    let accepted = rig.place_accepted(rig.resting_bid());
    rig.watch(Duration::from_millis(50));
    rig.venue.suppress_user_events(accepted.client_order_id.as_str()).unwrap();
    rig.venue.fill_order(accepted.client_order_id.as_str(), decimal("0.004")).unwrap();
    let fill = rig.expect(accepted.request, K::Fill);
    assert_eq!((fill.quantity().to_string(), fill.price().to_string()), ("0.004".into(), "50000".into()));
    rig.watch(Duration::from_millis(600));
    assert_eq!(rig.law(accepted.request), [K::Accepted, K::Fill], "each row counts once, however often it is listed");
    assert!(!fill.execution_id.is_empty(), "history names the execution");
}
