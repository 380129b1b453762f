//! The one exception of the order law: an order judged never to have arrived that turns out to live is told by one
//! StrangerOrder flagged LATE, and cancelled without being asked.

use crate::common::{Bench, ORDERS};
use exchange_connectors::record::{ExecutionKind as K, RejectClass, EXECUTION_FLAG_LATE};
use exchange_connectors::sim::server::{CloseHow, Fault};

#[test]
fn it_is_told_and_does_not_rest() {
    let mut rig = Bench::new().start();
    rig.venue.inject_next("POST", ORDERS, Fault::Close(CloseHow::Reset)).unwrap();
    let request = rig.place(rig.resting_bid());
    let rejected = rig.expect(request, K::Rejected);
    assert_eq!(rejected.reject, RejectClass::NeverArrived);
    // The bytes we sent come out of the network only now.
    rig.strangers_bid(rejected.client_order_id.as_str(), "50000", "0.01");
    let risen = rig.expect_kind(request, K::StrangerOrder);
    assert!(risen.has(EXECUTION_FLAG_LATE));
    assert_eq!((risen.quantity().to_string(), risen.price().to_string()), ("0.01".into(), "50000".into()));
    rig.until_true("its cancel", |rig| rig.at_venue(&rejected).unwrap().0 == "CANCELLED");
    rig.until_true("nothing to be open", |rig| rig.gateway().open_orders().unwrap() == 0);
    assert_eq!(rig.law(request), [K::Unknown, K::Rejected, K::StrangerOrder], "no second end");
}
