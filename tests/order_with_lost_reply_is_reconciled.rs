//! The venue has the order, its reply is lost: Unknown, then exactly one Accepted flagged RECONCILED; sent once, alive once.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{decimal, fast_rules, Bench, LIST_ORDERS, ORDERS};
use exchange_connectors::order::ReconcileRules;
use exchange_connectors::record::{ExecutionKind as K, EXECUTION_FLAG_IMPLIED, EXECUTION_FLAG_RECONCILED};
use exchange_connectors::sim::coinbase::DOOR_REST;
use exchange_connectors::sim::server::{CloseHow, Fault, FaultRule, Response};
use std::time::Duration;

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

#[test]
fn the_whole_venue_goes_down_with_the_reply() {
    let mut rig = Bench::new().start();
    rig.venue.hold_user_events().unwrap();
    rig.venue.inject_next("POST", ORDERS, Fault::ThenHold).unwrap();
    let request = rig.place(rig.resting_bid());
    rig.venue.down().unwrap();
    rig.expect(request, K::Unknown);
    rig.venue.up().unwrap().unwrap();
    let accepted = rig.expect(request, K::Accepted);
    assert!(accepted.has(EXECUTION_FLAG_RECONCILED));
    assert_eq!(rig.law(request), [K::Unknown, K::Accepted]);
    assert_eq!(rig.received(&accepted), 1);
}

#[test]
fn while_nothing_can_be_learnt_unknown_is_repeated_and_means_nothing_new() {
    let rules = ReconcileRules { unknown_repeat_ms: 100, ..fast_rules() };
    let mut rig = Bench::new().gateway(move |b| b.reconcile(rules)).start();
    rig.venue.hold_user_events().unwrap();
    let broken = Fault::Reply(Response::json(503, "{}"));
    rig.venue.inject(FaultRule::next("GET", LIST_ORDERS, broken).times(1_000)).unwrap();
    rig.venue.inject_next("POST", ORDERS, Fault::ThenClose(CloseHow::Reset)).unwrap();
    let request = rig.place(rig.resting_bid());
    rig.until_true("three repetitions", |rig| rig.kinds(request).len() >= 4);
    assert!(rig.kinds(request).iter().all(|kind| *kind == K::Unknown));
    rig.venue.clear_faults().unwrap();
    rig.expect(request, K::Accepted);
    rig.watch(Duration::from_millis(250));
    let after: Vec<_> = rig.law(request).into_iter().skip_while(|kind| *kind == K::Unknown).collect();
    assert_eq!(after, [K::Accepted]);
}

#[test]
fn many_at_once_are_all_found() {
    let mut rig = Bench::new().order_connections(8).start();
    rig.venue.hold_user_events().unwrap();
    rig.venue.inject(FaultRule::next("POST", ORDERS, Fault::ThenHold).times(6)).unwrap();
    let requests: Vec<_> = (0..6).map(|_| rig.place(rig.resting_bid())).collect();
    rig.venue.kill_connections(Some(DOOR_REST), CloseHow::Reset).unwrap();
    for request in requests {
        let accepted = rig.expect(request, K::Accepted);
        assert_eq!(rig.law(request), [K::Unknown, K::Accepted]);
        assert_eq!(rig.received(&accepted), 1);
    }
}
