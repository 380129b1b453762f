//! The request was lost before the venue had it: Unknown, then Rejected (NeverArrived, RECONCILED), but only after enough
//! complete listings, each begun long enough after the last byte left. It is never sent again.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{fast_rules, Bench, LIST_ORDERS, ORDERS};
use exchange_connectors::record::{ExecutionKind as K, RejectClass, EXECUTION_FLAG_RECONCILED};
use exchange_connectors::sim::server::{CloseHow, Fault, Response};
use std::time::Duration;

fn unknown_then_rejected(fault: Fault) {
    let named = format!("{fault:?}");
    let mut rig = Bench::new().reply_timeout_ms(300).start();
    rig.venue.inject_next("POST", ORDERS, fault).unwrap();
    let listings_before = rig.venue.requests(&format!("GET {LIST_ORDERS}")).unwrap();
    let request = rig.place(rig.resting_bid());
    rig.expect(request, K::Unknown);
    let rejected = rig.expect(request, K::Rejected);
    let listings = rig.venue.requests(&format!("GET {LIST_ORDERS}")).unwrap() - listings_before;
    assert_eq!(rejected.reject, RejectClass::NeverArrived, "{named}");
    assert!(rejected.has(EXECUTION_FLAG_RECONCILED), "{named}");
    assert_eq!(rig.law(request), [K::Unknown, K::Rejected], "{named}");
    assert!(listings >= u64::from(fast_rules().absences_needed), "{named}: {listings} listings");
    let waited_ms = rejected.recv.since(rejected.sent) / 1_000_000;
    assert!(waited_ms >= fast_rules().absence_grace_ms, "{named}: judged after {waited_ms} ms");
    rig.watch(Duration::from_millis(50));
    assert_eq!(rig.received(&rejected), 1, "{named}: an order is never sent again");
    assert_eq!(rig.at_venue(&rejected), None, "{named}");
    assert_eq!(rig.gateway().open_orders().unwrap(), 0, "{named}");
}

#[test]
fn the_connection_ended() {
    unknown_then_rejected(Fault::Close(CloseHow::Reset));
    unknown_then_rejected(Fault::Close(CloseHow::Clean));
}

#[test]
fn a_gateway_in_between_answered() {
    unknown_then_rejected(Fault::Reply(Response::html(502, "<html>Bad Gateway</html>")));
    unknown_then_rejected(Fault::Raw(b"HTTP/9 what".to_vec()));
}

#[test]
fn nobody_answered() {
    unknown_then_rejected(Fault::Silence);
}

#[test]
fn listings_that_fail_are_no_proof() {
    let mut rig = Bench::new().start();
    rig.venue.inject_next("POST", ORDERS, Fault::Close(CloseHow::Reset)).unwrap();
    let broken = exchange_connectors::sim::server::FaultRule::next(
        "GET",
        LIST_ORDERS,
        Fault::Reply(Response::html(503, "<html>")),
    );
    rig.venue.inject(broken.times(1_000)).unwrap();
    let request = rig.place(rig.resting_bid());
    rig.expect(request, K::Unknown);
    rig.watch(Duration::from_millis(900));
    assert_eq!(rig.law(request), [K::Unknown], "nothing was learnt");
    rig.venue.clear_faults().unwrap();
    assert_eq!(rig.expect(request, K::Rejected).reject, RejectClass::NeverArrived);
}

#[test]
fn a_listing_that_lags_behind_is_no_proof() {
    // The order lives, its reply is lost, the user channel is silent, and listings show the past: it must stay Unknown
    // until they show it, not be judged dead.
    let rules = exchange_connectors::order::ReconcileRules { absence_grace_ms: 1_200, ..fast_rules() };
    let mut rig = Bench::new().gateway(move |b| b.reconcile(rules)).start();
    rig.venue.hold_user_events().unwrap();
    rig.venue.lag_listings(800_000_000).unwrap();
    rig.venue.inject_next("POST", ORDERS, Fault::ThenClose(CloseHow::Reset)).unwrap();
    let request = rig.place(rig.resting_bid());
    rig.expect(request, K::Unknown);
    let accepted = rig.expect(request, K::Accepted);
    assert!(accepted.has(EXECUTION_FLAG_RECONCILED));
    assert_eq!(rig.received(&accepted), 1);
}
