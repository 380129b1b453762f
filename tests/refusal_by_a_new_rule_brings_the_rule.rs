//! A venue makes a rule stricter while it is traded: the first order that breaks it leaves and is refused there; what the
//! venue lists is asked for again at once, and such orders are refused here. What fits the new rule is taken.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use common::decimal;
use exchange_connectors::record::{ExecutionKind as K, OrderCommand, RejectClass, Side};
use venues::{at_every_venue, Setup};

#[test]
fn orders_too_small_for_it_leave_no_more() {
    at_every_venue(|at| {
        let mut rig = Setup::direct().start(at);
        let bid = rig.resting_bid();
        let (_, size) = rig.local.bid_terms();
        let least = (decimal(size) * decimal("2")).to_string();
        rig.local.set_size_min(&least);
        let refused = rig.place();
        assert_eq!((refused.kind, refused.reject), (K::Rejected, RejectClass::InvalidSize), "{at}: {refused:#?}");
        assert!(refused.sent.is_some(), "{at}: nothing here knew better: {refused:#?}");
        rig.until("a refusal before anything leaves", |rig| {
            let request = rig.submit(bid);
            let refused = rig.first(request);
            (refused.reject == RejectClass::InvalidSize && !refused.sent.is_some()).then_some(())
        });
        let posted = rig.local.orders_posted();
        let request = rig.submit(bid);
        let refused = rig.first(request);
        assert_eq!((refused.reject, refused.sent.is_some()), (RejectClass::InvalidSize, false), "{at}");
        assert_eq!(rig.local.orders_posted(), posted, "{at}");
        let renewed = rig.gateway.directory().instrument(rig.traded.id).unwrap();
        assert_eq!(decimal(&renewed.listing.size_min.to_string()), decimal(&least), "{at}");
        assert_eq!(renewed.exponents(), rig.traded.exponents(), "{at}");
        let larger = OrderCommand::limit(rig.traded.id, Side::Buy, bid.price(), 2 * bid.quantity());
        let taken = rig.until("an order that fits", |rig| {
            let request = rig.submit(larger);
            let first = rig.first(request);
            (!common::is_for_want_of_a_path(&first)).then_some(first)
        });
        assert_eq!(taken.kind, K::Accepted, "{at}: {taken:#?}");
    });
}
