//! The venue has the order, its reply is lost: Unknown, then exactly one Accepted flagged RECONCILED; sent once, alive once.
#![cfg(feature = "sim")]

mod common;

use common::{decimal, Bench, ORDERS};
use exchange_connectors::gateway::Gateway;
use exchange_connectors::record::{ExecutionKind as K, EXECUTION_FLAG_IMPLIED, EXECUTION_FLAG_RECONCILED};
use exchange_connectors::sim::server::{CloseHow, Fault, Response};

/// Longer than any reply of the quiet venue, shorter than a test may take.
const REPLY_TIMEOUT_MS: u64 = 300;

/// The user channel is silent about the order, so that only the query can tell.
fn unknown_then_accepted(fault: Fault) {
    let named = format!("{fault:?}");
    let mut rig = Bench::new().reply_timeout_ms(REPLY_TIMEOUT_MS).start();
    rig.venue.hold_user_events().unwrap();
    rig.venue.inject_next("POST", ORDERS, fault).unwrap();
    let request = rig.place(rig.resting_bid());
    let unknown = rig.expect(request, K::Unknown);
    let accepted = rig.expect(request, K::Accepted);
    assert_eq!(rig.first(request), Some(unknown), "{named}");
    assert!(accepted.has(EXECUTION_FLAG_RECONCILED) && !accepted.has(EXECUTION_FLAG_IMPLIED), "{named}: {accepted:?}");
    assert!(!accepted.venue_order_id.is_empty(), "{named}");

    // It lives on like any other order; what the user channel says late is nothing new.
    rig.venue.release_user_events().unwrap();
    rig.venue.fill_order(accepted.client_order_id.as_str(), decimal("0.004")).unwrap();
    rig.expect(request, K::Fill);
    rig.submit(rig.cancel_of(request));
    rig.expect(request, K::Cancelled);
    assert_eq!(rig.law(request), [K::Unknown, K::Accepted, K::Fill, K::Cancelled], "{named}");
    assert_eq!(rig.received(&accepted), 1, "{named}: an order is never sent again");
    assert_eq!(rig.gateway().open_orders().unwrap(), 0, "{named}");
    let _: &Gateway = rig.gateway();
}

#[test]
fn the_connection_ends_without_a_reply() {
    unknown_then_accepted(Fault::ThenClose(CloseHow::Clean));
    unknown_then_accepted(Fault::ThenClose(CloseHow::Truncated));
    unknown_then_accepted(Fault::ThenClose(CloseHow::Reset));
}

#[test]
fn the_reply_is_cut_in_its_body() {
    unknown_then_accepted(Fault::ThenCut { keep: 20, how: CloseHow::Clean });
    unknown_then_accepted(Fault::ThenCut { keep: 0, how: CloseHow::Truncated });
    unknown_then_accepted(Fault::ThenCut { keep: 60, how: CloseHow::Reset });
}

#[test]
fn the_reply_does_not_come_in_time() {
    unknown_then_accepted(Fault::ThenSilence);
}

#[test]
fn the_reply_is_a_server_error() {
    unknown_then_accepted(Fault::ThenReply(Response::json(500, r#"{"error":"INTERNAL","message":"oops"}"#)));
    unknown_then_accepted(Fault::ThenReply(Response::html(502, "<html><body>Bad Gateway</body></html>")));
    unknown_then_accepted(Fault::ThenReply(Response::text(503, "unavailable")));
    unknown_then_accepted(Fault::ThenReply(Response::html(504, "<html>timeout</html>")));
}

#[test]
fn the_reply_is_a_client_error_that_is_not_the_venues_own() {
    unknown_then_accepted(Fault::ThenReply(Response::html(400, "<html>proxy</html>")));
    unknown_then_accepted(Fault::ThenReply(Response::text(408, "")));
}

#[test]
fn the_reply_is_no_http_or_no_json() {
    unknown_then_accepted(Fault::ThenRaw(b"\x00\xff garbage \r\n\r\n more".to_vec()));
    unknown_then_accepted(Fault::ThenReply(Response::json(200, r#"{"success":tru"#)));
    unknown_then_accepted(Fault::ThenReply(Response::json(200, "{}")));
}
