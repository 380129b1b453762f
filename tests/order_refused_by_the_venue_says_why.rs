//! A business reject in HTTP 200 ends the order at once with a class of ours and the venue's own code.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::Bench;
use exchange_connectors::record::{ExecutionKind as K, RejectClass, Side, UnixNanos, EXECUTION_FLAG_RECONCILED};
use exchange_connectors::sim::coinbase::{Generation, ReasonPlace};

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
fn the_reason_is_found_in_whichever_place_speaks() {
    let mut rig = Bench::new().start();
    for generation in [Generation::Current, Generation::Before2024] {
        rig.venue.set_generation(generation).unwrap();
        for place in [
            ReasonPlace::Usual,
            ReasonPlace::NewOrderFailureReason,
            ReasonPlace::Error,
            ReasonPlace::PreviewFailureReason,
            ReasonPlace::Message,
        ] {
            if generation == Generation::Before2024 && place == ReasonPlace::NewOrderFailureReason {
                continue; // there was no such key
            }
            rig.venue.reasons_in(place).unwrap();
            let request = rig.place(rig.limit(Side::Buy, "50000", "100"));
            let rejected = rig.expect(request, K::Rejected);
            let said = rejected.venue_code;
            assert_eq!(rejected.reject, RejectClass::InsufficientFunds, "{generation:?} {place:?}: {said}");
            assert!(!said.is_empty(), "{place:?}");
        }
        rig.venue.reasons_in(ReasonPlace::Usual).unwrap();
        let order = rig.place_accepted(rig.resting_bid());
        rig.submit(rig.cancel_of(order.request));
        rig.expect(order.request, K::Cancelled);
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
