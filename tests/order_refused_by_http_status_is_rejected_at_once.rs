//! 401, 403 and 429 are definitive whatever their body says: Rejected at once, with the right class.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bench, ORDERS};
use exchange_connectors::record::{ExecutionKind as K, RejectClass, EXECUTION_FLAG_RECONCILED};
use exchange_connectors::sim::server::{Fault, Response};

fn rejected_at_once(response: Response, class: RejectClass) {
    let named = format!("{response:?}");
    let mut rig = Bench::new().start();
    rig.venue.inject_next("POST", ORDERS, Fault::Reply(response)).unwrap();
    let request = rig.place(rig.resting_bid());
    let rejected = rig.expect(request, K::Rejected);
    assert_eq!(rejected.reject, class, "{named}");
    assert!(!rejected.has(EXECUTION_FLAG_RECONCILED), "{named}");
    assert_eq!(rig.kinds(request), [K::Rejected], "{named}");
    assert_eq!(rig.received(&rejected), 1, "{named}");
}

#[test]
fn unauthorized_in_plain_text() {
    rejected_at_once(Response::text(401, "Unauthorized\n"), RejectClass::Unauthorized);
}

#[test]
fn forbidden_in_json_and_in_html() {
    let json = r#"{"error":"PERMISSION_DENIED","error_details":"no","message":"no"}"#;
    rejected_at_once(Response::json(403, json), RejectClass::Forbidden);
    rejected_at_once(Response::html(403, "<html>Access denied</html>"), RejectClass::Forbidden);
}

#[test]
fn too_many_requests_with_and_without_a_word_on_when() {
    rejected_at_once(Response::html(429, "<html></html>"), RejectClass::RateLimited);
    rejected_at_once(Response::text(429, "").with_header("Retry-After", 1), RejectClass::RateLimited);
}

#[test]
fn a_form_error_in_the_venues_own_json() {
    let json = r#"{"error":"INVALID_ARGUMENT","error_details":"bad","message":"bad"}"#;
    rejected_at_once(Response::json(400, json), RejectClass::Malformed);
}
