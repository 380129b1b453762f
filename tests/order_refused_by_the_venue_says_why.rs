//! A business reject in HTTP 200 ends the order at once with a class of ours and the venue's own code.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::Bench;
use exchange_connectors::record::{ExecutionKind as K, RejectClass, Side, UnixNanos, EXECUTION_FLAG_RECONCILED};

#[test]
fn post_only_funds_and_codes_never_seen_before_are_told_apart() {
    let mut rig = Bench::new().start();
    let would_take = rig.limit(Side::Buy, "90000", "0.01").post_only();
    let too_dear = rig.limit(Side::Buy, "50000", "100");
    let usual = rig.resting_bid();
    for (order, forced, class, code) in [
        (would_take, None, RejectClass::WouldTake, "INVALID_LIMIT_PRICE_POST_ONLY"),
        (too_dear, None, RejectClass::InsufficientFunds, "INSUFFICIENT_FUND"),
        (usual, Some("PRODUCT_TRADING_HALTED"), RejectClass::NotTradable, "PRODUCT_TRADING_HALTED"),
        (usual, Some("SOMETHING_NEW"), RejectClass::Other, "SOMETHING_NEW"),
    ] {
        if let Some(reason) = forced {
            rig.venue.reject_next_order(reason).unwrap();
        }
        let request = rig.place(order);
        let rejected = rig.expect(request, K::Rejected);
        assert_eq!((rejected.reject, rejected.venue_code.as_str()), (class, code));
        assert!(rejected.sent != UnixNanos::NONE, "it did leave");
        assert!(!rejected.has(EXECUTION_FLAG_RECONCILED), "the reply itself said so");
        assert_eq!(rig.kinds(request), [K::Rejected]);
        assert_eq!(rig.received(&rejected), 1);
    }
}

#[test]
fn an_order_that_fails_after_it_was_accepted_is_cancelled_with_the_reason() {
    let mut rig = Bench::new().start();
    rig.venue.hold_user_events().unwrap();
    rig.venue.fail_next_order("REJECT_REASON_INSUFFICIENT_FUNDS").unwrap();
    let accepted = rig.place_accepted(rig.resting_bid());
    rig.venue.release_user_events().unwrap();
    let end = rig.expect(accepted.request, K::Cancelled);
    assert_eq!(end.reject, RejectClass::InsufficientFunds);
    assert_eq!(rig.law(accepted.request), [K::Accepted, K::Cancelled]);
}
