//! A cancel of an order whose venue id is not known yet waits for it, then leaves by itself.

use crate::common::{Bench, BATCH_CANCEL, ORDERS};
use exchange_connectors::record::ExecutionKind as K;
use exchange_connectors::sim::server::{CloseHow, Fault};

#[test]
fn the_reply_brings_the_id() {
    let mut rig = Bench::new().start();
    rig.venue.hold_user_events().unwrap();
    rig.venue.inject_next("POST", ORDERS, Fault::ThenHold).unwrap();
    let request = rig.place(rig.resting_bid());
    let cancel = rig.submit(rig.cancel_of(request));
    rig.watch(std::time::Duration::from_millis(50));
    assert_eq!(rig.venue.requests(&format!("POST {BATCH_CANCEL}")).unwrap(), 0, "no id, no cancel");
    assert_eq!(rig.kinds(request), []);
    rig.venue.release_user_events().unwrap();
    rig.venue.release_held().unwrap();
    rig.expect(request, K::Cancelled);
    assert_eq!(rig.law(request), [K::Accepted, K::Cancelled]);
    assert_eq!(rig.kinds(cancel), [], "the order's own end is the answer");
    assert_eq!(rig.venue.requests(&format!("POST {BATCH_CANCEL}")).unwrap(), 1);
}

#[test]
fn reconciliation_brings_the_id() {
    let mut rig = Bench::new().start();
    rig.venue.hold_user_events().unwrap();
    rig.venue.inject_next("POST", ORDERS, Fault::ThenClose(CloseHow::Reset)).unwrap();
    let request = rig.place(rig.resting_bid());
    let unknown = rig.until("the first word", |rig| rig.first(request));
    assert_eq!(unknown.kind, K::Unknown);
    rig.submit(rig.cancel_of(request));
    rig.venue.release_user_events().unwrap();
    rig.expect(request, K::Cancelled);
    assert_eq!(rig.law(request), [K::Unknown, K::Accepted, K::Cancelled]);
    assert_eq!(rig.at_venue(&unknown).unwrap().0, "CANCELLED");
}
