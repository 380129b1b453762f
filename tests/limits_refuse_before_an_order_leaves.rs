//! Pre-trade limits: one open order too many is refused here with class Limit; a place given back can be used again.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bench, ORDERS};
use exchange_connectors::gateway::Limits;
use exchange_connectors::record::{ExecutionKind as K, RejectClass, UnixNanos};

#[test]
fn the_order_beyond_the_limit_never_leaves() {
    let mut rig = Bench::new().gateway(|b| b.limits(Limits::new().open_orders_per_strategy(2))).start();
    let first = rig.place_accepted(rig.resting_bid());
    rig.place_accepted(rig.resting_bid());
    let sent = rig.venue.requests(&format!("POST {ORDERS}")).unwrap();
    let third = rig.submit(rig.resting_bid());
    let refused = rig.expect(third, K::Rejected);
    assert_eq!((refused.reject, refused.sent), (RejectClass::Limit, UnixNanos::NONE));
    assert_eq!(rig.venue.requests(&format!("POST {ORDERS}")).unwrap(), sent);
    rig.submit(rig.cancel_of(first.request));
    rig.expect(first.request, K::Cancelled);
    rig.place_accepted(rig.resting_bid());
}
