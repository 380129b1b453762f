//! The dead-man switch: a strategy that stops beating, or drops its handles without a shutdown, has its orders cancelled and
//! new ones refused; a shutdown on purpose, and a gateway without the switch, leave them alone.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bench, Rig};
use exchange_connectors::gateway::Shutdown;
use exchange_connectors::record::{ExecutionKind as K, GuardEvent, RejectClass};
use std::time::Duration;

const SILENCE_MS: u64 = 400;

fn state(rig: &Rig, client_order_id: &str) -> &'static str {
    rig.venue.order(client_order_id).unwrap().map_or("", |(_, state, _)| state)
}

#[test]
fn silence_trips_it_and_beats_do_not() {
    let mut rig = Bench::new().gateway(|b| b.dead_man_ms(SILENCE_MS)).start();
    let order = rig.place_accepted(rig.resting_bid());
    for _ in 0..6 {
        rig.strategy.orders.beat();
        rig.watch(Duration::from_millis(SILENCE_MS / 4));
    }
    assert_eq!(state(&rig, order.client_order_id.as_str()), "OPEN", "it was heard from all the time");

    rig.mark();
    let killed = rig.wait_for_execution("killed", |r| r.guard == GuardEvent::Killed);
    assert_eq!(killed.venue_code.to_string(), "a strategy is not heard from");
    rig.expect(order.request, K::Cancelled);
    let request = rig.submit(rig.resting_bid());
    assert_eq!(rig.expect(request, K::Rejected).reject, RejectClass::Stopped);
}

#[test]
fn after_a_release_it_watches_again() {
    let mut rig = Bench::new().gateway(|b| b.dead_man_ms(SILENCE_MS)).start();
    rig.strategy.orders.beat();
    rig.wait_for_execution("killed", |r| r.guard == GuardEvent::Killed);
    rig.mark();
    rig.gateway().release_kill();
    rig.wait_for_execution("released", |r| r.guard == GuardEvent::KillReleased);
    let order = rig.place_accepted(rig.resting_bid());
    rig.wait_for_execution("killed again", |r| r.guard == GuardEvent::Killed);
    rig.expect(order.request, K::Cancelled);
}

#[test]
fn dropped_handles_trip_it() {
    let mut rig = Bench::new().gateway(|b| b.dead_man_ms(60_000)).start();
    let order = rig.place_accepted(rig.resting_bid());
    let other = rig.gateway().strategy().unwrap();
    drop(std::mem::replace(&mut rig.strategy, other));
    rig.until_true("the order is cancelled", |rig| state(rig, order.client_order_id.as_str()) == "CANCELLED");
}

#[test]
fn a_gateway_dropped_without_a_shutdown_cancels_before_it_ends() {
    let mut rig = Bench::new().gateway(|b| b.dead_man_ms(60_000)).start();
    let order = rig.place_accepted(rig.resting_bid());
    rig.abandon();
    assert_eq!(state(&rig, order.client_order_id.as_str()), "CANCELLED");
}

#[test]
fn a_gateway_without_the_switch_leaves_them() {
    let mut rig = Bench::new().start();
    let order = rig.place_accepted(rig.resting_bid());
    rig.abandon();
    assert_eq!(state(&rig, order.client_order_id.as_str()), "OPEN");
}

#[test]
fn a_shutdown_on_purpose_disarms_it() {
    let mut rig = Bench::new().gateway(|b| b.dead_man_ms(SILENCE_MS)).start();
    let order = rig.place_accepted(rig.resting_bid());
    rig.shutdown(Shutdown::LeaveOpen, 1_000).unwrap();
    assert_eq!(state(&rig, order.client_order_id.as_str()), "OPEN");
}

#[test]
fn without_the_switch_dropped_handles_leave_orders_alone() {
    let mut rig = Bench::new().start();
    let order = rig.place_accepted(rig.resting_bid());
    let other = rig.gateway().strategy().unwrap();
    drop(std::mem::replace(&mut rig.strategy, other));
    rig.watch(Duration::from_millis(200));
    assert_eq!(state(&rig, order.client_order_id.as_str()), "OPEN");
}
