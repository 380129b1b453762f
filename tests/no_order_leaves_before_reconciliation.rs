//! Orders are refused (NotConnected, nothing sent) until open orders were listed over a live stream of the account's events:
//! after a start at every venue, since nobody knows before what an earlier session left where.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use exchange_connectors::record::{ConnectionRole, ConnectionState, RejectClass};
use exchange_connectors::sim::server::{Fault, FaultRule};
use std::time::Duration;
use venues::{Local, Rig, Setup};

/// Ten orders in a row.
fn is_shut(rig: &mut Rig) {
    for _ in 0..10 {
        assert_eq!(rig.refused_here(rig.resting_bid()).reject, RejectClass::NotConnected, "{}", rig.local.venue());
        rig.watch(Duration::from_millis(5));
    }
    assert_eq!(rig.local.orders_posted(), 0, "{}", rig.local.venue());
}

#[test]
fn a_held_listing_holds_every_order() {
    let locals = Local::everywhere();
    for local in &locals {
        let (method, path) = local.paths().open_orders;
        local.inject(FaultRule::next(method, path, Fault::ThenHold).times(u32::MAX));
    }
    let setup = Setup { reply_timeout_ms: 60_000, ..Setup::direct() };
    let mut rig = setup.try_start(&locals, |builder| builder).unwrap();
    rig.each(|rig| {
        let listed = |rig: &Rig| rig.local.asked(rig.local.paths().open_orders) > 0;
        rig.until("the listing to be asked for", |rig| listed(rig).then_some(()));
    });
    for (released, at) in Local::ALL.into_iter().enumerate() {
        rig.each(is_shut);
        for held in &Local::ALL[released..] {
            rig.turn_to(*held);
            assert_ne!(rig.state(ConnectionRole::User), Some(ConnectionState::Healthy), "{held}");
        }
        rig.turn_to(at);
        rig.local.clear_faults();
        rig.local.release_held();
        rig.healthy();
    }
    rig.each(Rig::place_accepted);
}
