//! A cancel whose reply is lost is told once as CancelUnknown and repeated until the order is over.

use crate::common::{decimal, Bench, BATCH_CANCEL, ORDERS};
use exchange_connectors::record::{ExecutionKind as K, RejectClass};
use exchange_connectors::sim::server::{CloseHow, Fault, FaultRule, Response};

fn repeated(fault: Fault, times: u32) {
    let named = format!("{fault:?}");
    let mut rig = Bench::new().reply_timeout_ms(300).start();
    let accepted = rig.place_accepted(rig.resting_bid());
    rig.venue.inject(FaultRule::next("POST", BATCH_CANCEL, fault).times(times)).unwrap();
    let cancel = rig.submit(rig.cancel_of(accepted.request));
    rig.expect(accepted.request, K::Cancelled);
    assert_eq!(rig.law(accepted.request), [K::Accepted, K::Cancelled], "{named}");
    assert_eq!(rig.kinds(cancel), [K::CancelUnknown], "{named}: told once, however often it is repeated");
    assert_eq!(rig.venue.requests(&format!("POST {BATCH_CANCEL}")).unwrap(), u64::from(times) + 1, "{named}");
    assert_eq!(rig.at_venue(&accepted).unwrap().0, "CANCELLED", "{named}");
}

#[test]
fn when_the_connection_ended() {
    repeated(Fault::Close(CloseHow::Reset), 2);
}

#[test]
fn when_nobody_answered() {
    repeated(Fault::Silence, 1);
}

#[test]
fn when_a_gateway_in_between_answered() {
    repeated(Fault::Reply(Response::html(502, "<html>")), 2);
}

#[test]
fn a_cancel_that_did_arrive_ends_the_order_whatever_became_of_its_reply() {
    let mut rig = Bench::new().start();
    let accepted = rig.place_accepted(rig.resting_bid());
    rig.venue.inject_next("POST", BATCH_CANCEL, Fault::ThenClose(CloseHow::Reset)).unwrap();
    rig.submit(rig.cancel_of(accepted.request));
    rig.expect(accepted.request, K::Cancelled);
    assert_eq!(rig.law(accepted.request), [K::Accepted, K::Cancelled]);
}

#[test]
fn when_the_venue_had_too_many_requests() {
    repeated(Fault::Reply(Response::text(429, "").with_header("Retry-After", 1)), 1);
}

#[test]
fn an_order_that_never_arrived_answers_its_cancel_by_its_own_end() {
    let mut rig = Bench::new().start();
    rig.venue.inject_next("POST", ORDERS, Fault::Close(CloseHow::Reset)).unwrap();
    let request = rig.place(rig.resting_bid());
    let cancel = rig.submit(rig.cancel_of(request));
    assert_eq!(rig.expect(request, K::Rejected).reject, RejectClass::NeverArrived);
    assert_eq!(rig.kinds(cancel), []);
    assert_eq!(rig.venue.requests(&format!("POST {BATCH_CANCEL}")).unwrap(), 0, "there was nothing to name");
}

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
