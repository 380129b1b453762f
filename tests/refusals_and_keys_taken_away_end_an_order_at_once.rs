//! 401, 403 and 429 are definitive whatever their body says, and so is a 4xx in the venue's own words: Rejected at once, with
//! the right class, at every venue. So is a key that is taken away while we run. (What else a REST API answers:
//! `rest_failures_of_an_order_end_in_the_truth`.)
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use exchange_connectors::record::{ExecutionKind as K, RejectClass, Venue, EXECUTION_FLAG_RECONCILED};
use exchange_connectors::sim::server::{Fault, Response};
use venues::{Rig, Setup};

/// The next order is rejected at once as this.
#[track_caller]
fn rejected_at_once(rig: &mut Rig, class: RejectClass) {
    let at = rig.local.venue();
    let rejected = rig.place();
    assert_eq!((rejected.kind, rejected.reject), (K::Rejected, class), "{at}: {rejected:?}");
    assert!(!rejected.has(EXECUTION_FLAG_RECONCILED), "{at}: {rejected:?}");
    assert_eq!(rig.law(rejected.request), [K::Rejected], "{at}");
    assert_eq!(rig.local.orders_received(rejected.client_order_id.as_str()), 1, "{at}");
}

#[test]
fn by_a_status_or_in_the_venues_own_words() {
    let mut rig = Setup::direct().start_everywhere();
    rig.each(|rig| {
        // A form error and a prohibition, as each venue words them.
        let (form, forbidden, prohibited) = match rig.local.venue() {
            Venue::Coinbase => (
                r#"{"error":"INVALID_ARGUMENT","error_details":"bad","message":"bad"}"#,
                r#"{"error":"PERMISSION_DENIED","error_details":"no","message":"no"}"#,
                RejectClass::Forbidden,
            ),
            Venue::BinanceUs => (
                r#"{"code":-1102,"msg":"Mandatory parameter 'price' was not sent, was empty/null, or malformed."}"#,
                r#"{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}"#,
                // One code for a key nobody knows and one that may not.
                RejectClass::Unauthorized,
            ),
            Venue::Oanda => (
                r#"{"errorCode":"oanda::rest::core::InvalidParameterException","errorMessage":"Invalid value"}"#,
                r#"{"errorMessage":"The provided request was forbidden."}"#,
                RejectClass::Forbidden,
            ),
        };
        let answers = [
            (Response::text(401, "Unauthorized\n"), RejectClass::Unauthorized),
            (Response::json(400, form), RejectClass::Malformed),
            (Response::json(403, forbidden), prohibited),
            (Response::text(429, "").with_header("Retry-After", 1), RejectClass::RateLimited),
        ];
        for (answer, class) in answers {
            rig.local.spoil_next_order(Fault::Reply(answer));
            rejected_at_once(rig, class);
        }
    });
}

#[test]
fn by_a_key_that_was_taken_away_while_we_run() {
    let mut rig = Setup::direct().start_everywhere();
    rig.each(|rig| {
        let open = rig.place_accepted();
        let at = rig.local.venue();
        let comes_back = rig.local.take_the_key_away();
        rejected_at_once(rig, if at == Venue::Coinbase { RejectClass::Forbidden } else { RejectClass::Unauthorized });
        assert!(rig.rests(&open), "{at}: what is open stays open");
        assert_eq!(rig.law(open.request), [K::Accepted], "{at}");
        if comes_back {
            rig.local.give_the_key_back();
            rig.place_accepted();
            rig.cancel(open.request);
        }
    });
}
