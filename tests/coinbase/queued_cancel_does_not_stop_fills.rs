//! A cancel that the venue keeps queued, as only Coinbase says, does not stop fills: the order ends with what was filled.

use crate::common::{decimal, Bench};
use exchange_connectors::record::ExecutionKind as K;

#[test]
fn a_cancel_the_venue_keeps_queued_does_not_stop_fills() {
    let mut rig = Bench::new().start();
    let accepted = rig.place_accepted(rig.resting_bid());
    rig.venue.hold_cancels().unwrap();
    rig.submit(rig.cancel_of(accepted.request));
    rig.until_true("the cancel to be queued", |rig| rig.at_venue(&accepted).unwrap().0 == "CANCEL_QUEUED");
    rig.venue.fill_order(accepted.client_order_id.as_str(), decimal("0.003")).unwrap();
    rig.expect(accepted.request, K::Fill);
    rig.venue.release_cancels().unwrap();
    let end = rig.expect(accepted.request, K::Cancelled);
    assert_eq!(end.cumulative().to_string(), "0.003");
    assert_eq!(rig.law(accepted.request), [K::Accepted, K::Fill, K::Cancelled]);
}
