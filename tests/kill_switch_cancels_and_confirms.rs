//! The kill switch: one call, no new order, every open one cancelled until the venue confirms it, and told meanwhile; also
//! for a venue that is away; strangers' orders only when asked for by name.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use common::{Bench, Rig, BATCH_CANCEL};
use exchange_connectors::gateway::KillScope;
use exchange_connectors::record::{ExecutionKind as K, ExecutionRecord, GuardEvent, RejectClass};
use exchange_connectors::sim::server::{Fault, FaultRule, Response};
use venues::{Local, Setup};

fn guard(event: GuardEvent) -> impl Fn(&ExecutionRecord) -> bool {
    move |record| record.kind == K::Guard && record.guard == event
}

#[test]
fn open_orders_are_cancelled_and_new_ones_refused_until_it_is_released() {
    let mut rig = Bench::new().start();
    let open: Vec<_> = (0..3).map(|_| rig.place_accepted(rig.resting_bid())).collect();
    rig.mark();
    rig.gateway().kill(KillScope::Ours);
    rig.wait_for_execution("killed", guard(GuardEvent::Killed));
    for order in &open {
        rig.expect(order.request, K::Cancelled);
    }
    let confirmed = rig.wait_for_execution("confirmed", guard(GuardEvent::KillConfirmed));
    assert_eq!(confirmed.last_quantity, 0);
    assert!(open.iter().all(|order| rig.at_venue(order).is_some_and(|(state, _)| state == "CANCELLED")));

    let request = rig.submit(rig.resting_bid());
    assert_eq!(rig.expect(request, K::Rejected).reject, RejectClass::Stopped);
    rig.gateway().release_kill();
    rig.wait_for_execution("released", guard(GuardEvent::KillReleased));
    rig.place_accepted(rig.resting_bid());
}

#[test]
fn cancels_the_venue_fails_are_repeated_and_how_many_are_left_is_told() {
    let mut rig = Bench::new().start();
    let order = rig.place_accepted(rig.resting_bid());
    let fails = Fault::Reply(Response::html(502, "<html>"));
    rig.venue.inject(FaultRule::next("POST", BATCH_CANCEL, fails).times(3)).unwrap();
    rig.mark();
    rig.gateway().kill(KillScope::Ours);
    let pending = rig.wait_for_execution("pending", guard(GuardEvent::KillPending));
    assert_eq!(pending.last_quantity, 1);
    rig.expect(order.request, K::Cancelled);
    rig.wait_for_execution("confirmed", guard(GuardEvent::KillConfirmed));
    assert!(rig.venue.requests(&format!("POST {BATCH_CANCEL}")).unwrap() >= 4);
}

#[test]
fn a_venue_that_is_away_is_cancelled_at_when_it_is_back() {
    let mut rig = Bench::new().start();
    let order = rig.place_accepted(rig.resting_bid());
    rig.venue.down().unwrap();
    rig.mark();
    rig.gateway().kill(KillScope::Ours);
    let pending = rig.wait_for_execution("pending", guard(GuardEvent::KillPending));
    assert_eq!(pending.last_quantity, 1);
    rig.venue.up().unwrap().unwrap();
    rig.expect(order.request, K::Cancelled);
    rig.wait_for_execution("confirmed", guard(GuardEvent::KillConfirmed));
}

#[test]
fn strangers_orders_live_on_unless_the_whole_account_is_named() {
    let mut rig = Bench::new().start();
    let ours = rig.place_accepted(rig.resting_bid());
    let strange = rig.strangers_bid("somebody-else-1", "1000", "0.01");
    rig.mark();
    rig.gateway().kill(KillScope::Ours);
    rig.expect(ours.request, K::Cancelled);
    rig.wait_for_execution("ours are confirmed", guard(GuardEvent::KillConfirmed));
    let alive = |rig: &Rig| rig.venue.order("somebody-else-1").unwrap().is_some_and(|(_, state, _)| state == "OPEN");
    assert!(alive(&rig), "{strange}");

    rig.mark();
    rig.gateway().kill(KillScope::WholeAccount);
    rig.wait_for_execution("the account is confirmed", guard(GuardEvent::KillConfirmed));
    assert!(!alive(&rig));
}

#[test]
fn the_whole_account_is_also_what_nobody_here_has_subscribed() {
    for at in Local::ALL {
        let mut rig = Setup::direct().start(at);
        let ours = rig.place_accepted();
        rig.local.strangers_bid(rig.local.other_symbol(), "somebody-else-1");
        rig.gateway.kill(KillScope::WholeAccount);
        rig.expect(ours.request, K::Cancelled);
        rig.guard(GuardEvent::KillConfirmed);
        assert!(!rig.local.holds("somebody-else-1"), "{at}");
    }
}
