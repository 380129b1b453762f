//! `shutdown(CancelOurs)` returns when the venue has confirmed every cancel; without confirmation it says how many are open.

use crate::common::Bench;
use exchange_connectors::gateway::{GatewayError, Shutdown};
use exchange_connectors::record::ExecutionKind as K;

#[test]
fn every_order_is_cancelled_and_told() {
    let mut rig = Bench::new().start();
    let orders: Vec<_> = (0..3).map(|_| rig.place_accepted(rig.resting_bid())).collect();
    rig.shutdown(Shutdown::CancelOurs, 5_000).unwrap();
    for order in orders {
        assert_eq!(rig.at_venue(&order).unwrap().0, "CANCELLED");
        assert_eq!(rig.law(order.request), [K::Accepted, K::Cancelled]);
    }
    assert!(rig.strategy.is_gateway_gone());
}

#[test]
fn what_is_not_confirmed_is_an_error() {
    let mut rig = Bench::new().start();
    rig.place_accepted(rig.resting_bid());
    rig.venue.hold_cancels().unwrap();
    let result = rig.shutdown(Shutdown::CancelOurs, 300);
    assert_eq!(result, Err(GatewayError::ShutdownTimeout { timeout_ms: 300, open_orders: 1 }));
}
