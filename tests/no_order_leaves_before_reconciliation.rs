//! Orders are refused (NotConnected, nothing sent) until open orders were listed over a live user stream.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bench, LIST_ORDERS, ORDERS};
use exchange_connectors::record::{ConnectionRole, ConnectionState, ExecutionKind as K, RejectClass, UnixNanos};
use exchange_connectors::sim::server::Fault;

#[test]
fn a_held_listing_holds_every_order() {
    let bench = Bench::new();
    let venue = bench.start_venue();
    venue.inject_next("GET", LIST_ORDERS, Fault::ThenHold).unwrap();
    let mut rig = bench.start_at(venue);
    rig.wait_for_state(ConnectionRole::User, ConnectionState::Open);
    rig.until_true("the listing to be asked for", |rig| {
        rig.venue.requests(&format!("GET {LIST_ORDERS}")).unwrap() == 1
    });
    for _ in 0..20 {
        let request = rig.submit(rig.resting_bid());
        let refused = rig.expect(request, K::Rejected);
        assert_eq!((refused.reject, refused.sent), (RejectClass::NotConnected, UnixNanos::NONE));
        rig.watch(std::time::Duration::from_millis(5));
    }
    assert_eq!(rig.venue.requests(&format!("POST {ORDERS}")).unwrap(), 0);
    assert_ne!(rig.user_state(), Some(ConnectionState::Healthy));
    rig.venue.release_held().unwrap();
    rig.healthy();
    rig.place_accepted(rig.resting_bid());
}
