//! A cancel whose reply is lost is told once as CancelUnknown and repeated until the order is over, at every venue.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use exchange_connectors::record::{ExecutionKind as K, RejectClass, Venue};
use exchange_connectors::sim::server::{CloseHow, Fault, FaultRule, Response};
use venues::{at_every_venue, Rig, Setup};

/// The next cancels meet this fault.
fn spoil_cancels(rig: &Rig, fault: Fault, times: u32) {
    let (method, path) = rig.local.paths().cancel;
    rig.local.inject(FaultRule::next(method, path, fault).times(times));
}

fn repeated(fault: &Fault, times: u32) {
    at_every_venue(|at| {
        let named = format!("{at}: {fault:?}");
        let mut rig = Setup::direct().start(at);
        let accepted = rig.place_accepted();
        spoil_cancels(&rig, fault.clone(), times);
        let cancel = rig.submit(rig.cancel_of(accepted.request));
        rig.expect(accepted.request, K::Cancelled);
        assert_eq!(rig.law(accepted.request), [K::Accepted, K::Cancelled], "{named}");
        assert_eq!(rig.kinds(cancel), [K::CancelUnknown], "{named}: told once, however often it is repeated");
        assert_eq!(rig.local.cancels_posted(), u64::from(times) + 1, "{named}");
        assert!(!rig.rests(&accepted), "{named}");
    });
}

#[test]
fn when_the_connection_ended() {
    repeated(&Fault::Close(CloseHow::Reset), 2);
}

#[test]
fn when_nobody_answered() {
    repeated(&Fault::Silence, 1);
}

#[test]
fn when_a_gateway_in_between_answered() {
    repeated(&Fault::Reply(Response::html(502, "<html>")), 2);
}

#[test]
fn when_the_venue_had_too_many_requests() {
    repeated(&Fault::Reply(Response::text(429, "").with_header("Retry-After", 1)), 1);
}

#[test]
fn a_cancel_that_did_arrive_ends_the_order_whatever_became_of_its_reply() {
    at_every_venue(|at| {
        let mut rig = Setup::direct().start(at);
        let accepted = rig.place_accepted();
        spoil_cancels(&rig, Fault::ThenClose(CloseHow::Reset), 1);
        rig.cancel(accepted.request);
        assert_eq!(rig.law(accepted.request), [K::Accepted, K::Cancelled], "{at}");
    });
}

#[test]
fn an_order_that_never_arrived_answers_its_cancel_by_its_own_end() {
    at_every_venue(|at| {
        let mut rig = Setup::direct().start(at);
        rig.local.spoil_next_order(Fault::Close(CloseHow::Reset));
        let request = rig.send();
        let cancel = rig.submit(rig.cancel_of(request));
        assert_eq!(rig.expect(request, K::Rejected).reject, RejectClass::NeverArrived, "{at}");
        assert_eq!(rig.kinds(cancel), [], "{at}");
        if at == Venue::Coinbase {
            // There is nothing to name: it goes by the venue's id only.
            assert_eq!(rig.local.cancels_posted(), 0);
        }
    });
}
