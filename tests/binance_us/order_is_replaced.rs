//! A replace at Binance.US is a cancel and a new order in one request, sent once: the new order is told under the
//! replace's own request, the old one under its own, and of a half that nobody answered nothing is assumed.

use crate::binance_us::BinanceRig;
use crate::common::decimal;
use exchange_connectors::record::{
    ConnectionRole, ConnectionState, ExecutionKind as K, ExecutionRecord, OrderCommand, OrderRef, RejectClass,
    RequestId, EXECUTION_FLAG_RECONCILED,
};
use exchange_connectors::sim::server::{CloseHow, Fault, FaultRule};

const WS_REPLACE: &str = "WS order.cancelReplace";
const REST_REPLACE: &str = "POST /api/v3/order/cancelReplace";
const SECOND_NS: u64 = 1_000_000_000;

fn resting(rig: &mut BinanceRig) -> ExecutionRecord {
    let request = rig.submit(rig.resting_bid());
    rig.expect(request, K::Accepted)
}

fn change_of(rig: &BinanceRig, order: RequestId, price: &str, size: &str) -> OrderCommand {
    OrderCommand::replace(rig.btc.id, OrderRef::Request(order), rig.price(price), rig.size(size))
}

fn change(rig: &mut BinanceRig, order: &ExecutionRecord, price: &str, size: &str) -> RequestId {
    let command = change_of(rig, order.request, price, size);
    rig.submit(command)
}

/// How an order stands at the venue: its status and what of it is executed.
fn at_venue(rig: &BinanceRig, order: &ExecutionRecord) -> String {
    let (_, status, executed) = rig.venue.order(order.client_order_id.as_str()).unwrap().unwrap();
    format!("{status} {executed}")
}

fn replaced(over_rest: bool) {
    let mut rig = BinanceRig::trading(|config| config.api_connections(if over_rest { 0 } else { 1 }));
    let old = resting(&mut rig);
    let request = change(&mut rig, &old, "49000", "0.02");
    let new = rig.expect(request, K::Accepted);
    rig.expect(old.request, K::Cancelled);
    assert_ne!((new.client_order_id, new.venue_order_id), (old.client_order_id, old.venue_order_id));
    assert_eq!(rig.gateway.open_orders().unwrap(), 1);
    // From now on the order goes by the replace's request.
    rig.venue.fill_order(new.client_order_id.as_str(), decimal("0.015")).unwrap();
    let fill = rig.expect(request, K::Fill);
    assert_eq!((fill.quantity().to_string(), fill.price().to_string()), ("0.015".into(), "49000".into()));
    rig.submit(rig.cancel_of(request));
    rig.expect(request, K::Cancelled);
    assert_eq!(rig.law(request), [K::Accepted, K::Fill, K::Cancelled]);
    assert_eq!(rig.law(old.request), [K::Accepted, K::Cancelled]);
    let calls = [WS_REPLACE, REST_REPLACE].map(|name| rig.venue.requests(name).unwrap());
    assert_eq!(calls, if over_rest { [0, 1] } else { [1, 0] });
    assert_eq!(rig.gateway.open_orders().unwrap(), 0);
}

#[test]
fn the_new_order_lives_under_the_replaces_request_and_the_old_one_ends() {
    replaced(false);
}

#[test]
fn without_a_websocket_api_connection_the_same_goes_over_rest() {
    replaced(true);
}

#[test]
fn what_the_old_order_has_executed_counts_to_the_quantity_asked_for() {
    let mut rig = BinanceRig::trading(|config| config);
    let old = resting(&mut rig);
    rig.venue.fill_order(old.client_order_id.as_str(), decimal("0.004")).unwrap();
    rig.expect(old.request, K::Fill);
    let request = change(&mut rig, &old, "49000", "0.02");
    let new = rig.expect(request, K::Accepted);
    rig.venue.fill_order(new.client_order_id.as_str(), decimal("1")).unwrap();
    assert_eq!(rig.expect(request, K::Filled).cumulative().to_string(), "0.016");
    assert_eq!(rig.expect(old.request, K::Cancelled).cumulative().to_string(), "0.004");
}

#[test]
fn a_fill_on_its_way_keeps_the_old_order_and_places_no_new_one() {
    let mut rig = BinanceRig::trading(|config| config);
    let old = resting(&mut rig);
    rig.venue.hold_user_events().unwrap();
    rig.venue.fill_order(old.client_order_id.as_str(), decimal("0.004")).unwrap();
    // The engine does not know of the fill: the new order would be for too much.
    let request = change(&mut rig, &old, "49000", "0.01");
    let rejected = rig.expect(request, K::Rejected);
    assert_eq!(rejected.reject, RejectClass::OrderClosed, "{rejected:?}");
    assert_eq!(at_venue(&rig, &old), "PARTIALLY_FILLED 0.004");
    rig.venue.release_user_events().unwrap();
    rig.expect(old.request, K::Fill);
    assert_eq!(rig.gateway.open_orders().unwrap(), 1);
}

#[test]
fn a_new_order_refused_after_the_cancel_leaves_none() {
    let mut rig = BinanceRig::trading(|config| config);
    let old = resting(&mut rig);
    rig.venue.reject_next_order(-2010, "Account has insufficient balance for requested action.").unwrap();
    let request = change(&mut rig, &old, "49000", "0.02");
    assert_eq!(rig.expect(request, K::Rejected).reject, RejectClass::InsufficientFunds);
    rig.expect(old.request, K::Cancelled);
    assert_eq!((rig.law(request), rig.gateway.open_orders().unwrap()), (vec![K::Rejected], 0));
}

#[test]
fn a_cancel_that_failed_stops_the_new_order_and_the_old_one_stands() {
    let mut rig = BinanceRig::trading(|config| config);
    let old = resting(&mut rig);
    // The venue does not find the order for a while.
    rig.venue.lag_listings(60 * SECOND_NS).unwrap();
    let request = change(&mut rig, &old, "49000", "0.02");
    let rejected = rig.expect(request, K::Rejected);
    assert_eq!(
        (rejected.reject, rejected.venue_code.as_str()),
        (RejectClass::UnknownOrder, "-2011 Unknown order sent.")
    );
    assert_eq!((at_venue(&rig, &old).as_str(), rig.received(&rejected)), ("NEW 0", 1));
    rig.venue.lag_listings(0).unwrap();
    // It is asked how the old order stands; that it stands is no news, and it can be changed again.
    let mut tried = change(&mut rig, &old, "49000", "0.02");
    let new = rig.until("an accepted change", |rig| {
        let answer = rig.executions.iter().find(|r| r.request == tried).copied()?;
        if answer.kind == K::ReplaceRejected && answer.reject == RejectClass::Busy {
            tried = change(rig, &old, "49000", "0.02");
            return None;
        }
        Some(answer)
    });
    assert_eq!(new.kind, K::Accepted, "{new:?}");
    rig.expect(old.request, K::Cancelled);
}

#[test]
fn placed_anyway_the_new_order_lives_beside_the_old_one() {
    let mut rig = BinanceRig::trading(|config| config);
    let old = resting(&mut rig);
    rig.venue.lag_listings(60 * SECOND_NS).unwrap();
    let command = change_of(&rig, old.request, "49000", "0.02").place_anyway();
    let request = rig.submit(command);
    let new = rig.expect(request, K::Accepted);
    rig.venue.lag_listings(0).unwrap();
    assert_eq!((at_venue(&rig, &old).as_str(), at_venue(&rig, &new).as_str()), ("NEW 0", "NEW 0"));
    assert_eq!(rig.gateway.open_orders().unwrap(), 2);
    for order in [old.request, request] {
        rig.submit(rig.cancel_of(order));
        rig.expect(order, K::Cancelled);
    }
}

/// The venue did both and its answer is lost; the account's events are silent.
fn lost_reply(over_rest: bool) {
    let mut rig =
        BinanceRig::trading(|config| config.reply_timeout_ms(300).api_connections(if over_rest { 0 } else { 1 }));
    let old = resting(&mut rig);
    rig.venue.hold_user_events().unwrap();
    let lost = Fault::ThenClose(CloseHow::Reset);
    match over_rest {
        true => rig.venue.inject(FaultRule::next("POST", "/api/v3/order/cancelReplace", lost)),
        false => rig.venue.inject_next_ws("order.cancelReplace", lost),
    }
    .unwrap();
    let request = change(&mut rig, &old, "49000", "0.02");
    rig.expect(request, K::Unknown);
    let new = rig.expect(request, K::Accepted);
    assert!(new.has(EXECUTION_FLAG_RECONCILED), "{new:?}");
    rig.expect(old.request, K::Cancelled);
    assert_eq!((rig.law(request), rig.received(&new)), (vec![K::Unknown, K::Accepted], 1));
    assert_eq!(rig.gateway.open_orders().unwrap(), 1);
}

#[test]
fn a_lost_reply_over_the_websocket_api_leaves_both_halves_to_be_asked() {
    lost_reply(false);
}

#[test]
fn a_lost_reply_over_rest_leaves_both_halves_to_be_asked() {
    lost_reply(true);
}

#[test]
fn a_replace_that_never_arrived_is_rejected_after_proof_and_the_old_order_stands() {
    let mut rig = BinanceRig::trading(|config| config.reply_timeout_ms(300));
    let old = resting(&mut rig);
    rig.venue.inject_next_ws("order.cancelReplace", Fault::Close(CloseHow::Reset)).unwrap();
    let request = change(&mut rig, &old, "49000", "0.02");
    rig.expect(request, K::Unknown);
    let rejected = rig.expect(request, K::Rejected);
    assert_eq!((rejected.reject, rejected.has(EXECUTION_FLAG_RECONCILED)), (RejectClass::NeverArrived, true));
    assert_eq!((at_venue(&rig, &old).as_str(), rig.law(old.request)), ("NEW 0", vec![K::Accepted]));
    rig.until_state(ConnectionRole::Orders, ConnectionState::Healthy);
    rig.submit(rig.cancel_of(old.request));
    rig.expect(old.request, K::Cancelled);
}

#[test]
fn what_cannot_be_replaced_is_refused_before_anything_leaves() {
    let mut rig = BinanceRig::trading(|config| config);
    let old = resting(&mut rig);
    for (price, size, class) in [
        ("50000", "0.01", RejectClass::Malformed),
        ("50000.001", "0.01", RejectClass::InvalidPrice),
        ("49000", "0.000001", RejectClass::InvalidSize),
    ] {
        let request = change(&mut rig, &old, price, size);
        assert_eq!(rig.expect(request, K::ReplaceRejected).reject, class, "{price} {size}");
    }
    let nobody = change_of(&rig, RequestId(u64::MAX), "49000", "0.01");
    let request = rig.submit(nobody);
    assert_eq!(rig.expect(request, K::ReplaceRejected).reject, RejectClass::UnknownOrder);
    assert_eq!(rig.venue.requests(WS_REPLACE).unwrap(), 0);
}
