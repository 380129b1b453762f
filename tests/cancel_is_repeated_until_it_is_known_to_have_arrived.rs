//! A cancel whose reply is lost is told once as CancelUnknown and repeated until the order is over.
#![cfg(feature = "sim")]

mod common;

use common::{Bench, BATCH_CANCEL};
use exchange_connectors::record::ExecutionKind as K;
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
    assert_eq!(rig.venue.requests("POST", BATCH_CANCEL).unwrap(), u64::from(times) + 1, "{named}");
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
