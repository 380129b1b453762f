//! A listing whose reply never comes, is cut or is no HTTP is asked again: one lost query does not stop reconciliation.

use crate::common::{Bench, LIST_FILLS, LIST_ORDERS, ORDERS};
use exchange_connectors::record::{ExecutionKind as K, EXECUTION_FLAG_RECONCILED};
use exchange_connectors::sim::server::{CloseHow, Fault, Response};

/// An order of unknown outcome; the first query about it meets this fault.
fn found_all_the_same(fault: Fault) {
    let named = format!("{fault:?}");
    let mut rig = Bench::new().reply_timeout_ms(300).start();
    rig.venue.hold_user_events().unwrap();
    rig.venue.inject_next("GET", LIST_ORDERS, fault).unwrap();
    rig.venue.inject_next("POST", ORDERS, Fault::ThenClose(CloseHow::Reset)).unwrap();
    let request = rig.place(rig.resting_bid());
    let accepted = rig.expect(request, K::Accepted);
    assert!(accepted.has(EXECUTION_FLAG_RECONCILED), "{named}");
    assert_eq!(rig.law(request), [K::Unknown, K::Accepted], "{named}");
}

#[test]
fn silence() {
    found_all_the_same(Fault::Silence);
    found_all_the_same(Fault::ThenSilence);
}

#[test]
fn a_lost_connection() {
    found_all_the_same(Fault::Close(CloseHow::Reset));
    found_all_the_same(Fault::ThenCut { keep: 30, how: CloseHow::Truncated });
}

#[test]
fn garbage() {
    found_all_the_same(Fault::Raw(b"\x01\x02 not http \r\n\r\n".to_vec()));
    found_all_the_same(Fault::Reply(Response::json(200, "{\"orders\":[{]}")));
    found_all_the_same(Fault::Reply(Response::html(500, "<html>")));
}

#[test]
fn order_entry_opens_although_the_first_listing_is_lost() {
    let bench = Bench::new().reply_timeout_ms(300);
    let venue = bench.start_venue();
    venue.inject_next("GET", LIST_ORDERS, Fault::Silence).unwrap();
    venue.inject_next("GET", LIST_FILLS, Fault::Silence).unwrap();
    let mut rig = bench.start_at(venue);
    rig.healthy();
    rig.place_accepted(rig.resting_bid());
}
