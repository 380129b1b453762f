//! A cancel that comes too late is answered under its own request id, and the order's end stays what it was.

use crate::common::{decimal, Bench, BATCH_CANCEL};
use exchange_connectors::record::{ClientOrderId, ExecutionKind as K, OrderCommand, OrderRef, RejectClass, RequestId};

#[test]
fn an_order_we_know_to_be_filled() {
    let mut rig = Bench::new().start();
    let accepted = rig.place_accepted(rig.resting_bid());
    rig.venue.fill_order(accepted.client_order_id.as_str(), decimal("0.01")).unwrap();
    rig.expect(accepted.request, K::Filled);
    let cancel = rig.submit(rig.cancel_of(accepted.request));
    let refused = rig.until("the refusal", |rig| rig.first(cancel));
    assert_eq!((refused.kind, refused.reject), (K::CancelRejected, RejectClass::OrderClosed));
    assert_eq!(refused.venue_order_id, accepted.venue_order_id);
    assert_eq!(rig.venue.requests(&format!("POST {BATCH_CANCEL}")).unwrap(), 0, "known here, nothing sent");
}

#[test]
fn an_order_the_venue_filled_before_the_cancel_came() {
    let mut rig = Bench::new().start();
    let accepted = rig.place_accepted(rig.resting_bid());
    rig.venue.hold_user_events().unwrap();
    rig.venue.fill_order(accepted.client_order_id.as_str(), decimal("0.01")).unwrap();
    let cancel = rig.submit(rig.cancel_of(accepted.request));
    let refused = rig.until("the refusal", |rig| rig.first(cancel));
    assert_eq!((refused.kind, refused.reject), (K::CancelRejected, RejectClass::OrderClosed));
    assert_eq!(refused.venue_code.as_str(), "ORDER_IS_FULLY_FILLED");
    rig.venue.release_user_events().unwrap();
    rig.expect(accepted.request, K::Filled);
    assert_eq!(rig.law(accepted.request), [K::Accepted, K::Fill, K::Filled]);
}

#[test]
fn an_order_nobody_knows() {
    let mut rig = Bench::new().start();
    let targets = [
        OrderRef::Request(RequestId::new(rig.strategy.id(), 1 << 40)),
        OrderRef::Client(ClientOrderId::new("nobody-1").unwrap()),
    ];
    for target in targets {
        let cancel = rig.submit(OrderCommand::cancel(rig.btc.id, target));
        let refused = rig.until("the refusal", |rig| rig.first(cancel));
        assert_eq!((refused.kind, refused.reject), (K::CancelRejected, RejectClass::UnknownOrder));
    }
}
