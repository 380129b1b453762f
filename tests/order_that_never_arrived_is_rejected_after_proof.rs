//! The request was lost before the venue had it: Unknown, then Rejected (NeverArrived, RECONCILED), but only after enough
//! complete listings, each begun long enough after the last byte left. It is never sent again. At every venue. (By every
//! fault of the injector: `broken_replies_to_an_order_are_reconciled`.)
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use common::fast_rules;
use exchange_connectors::record::{ExecutionKind as K, RejectClass, EXECUTION_FLAG_RECONCILED};
use exchange_connectors::sim::server::{CloseHow, Fault, Response};
use std::time::Duration;
use venues::{Local, Setup};

#[test]
fn listings_begun_late_enough_are_proof() {
    let mut rig = Setup::direct().start_everywhere();
    for fault in [
        Fault::Close(CloseHow::Reset),
        Fault::Close(CloseHow::Clean),
        Fault::Reply(Response::html(502, "<html>Bad Gateway</html>")),
        Fault::Raw(b"HTTP/9 what".to_vec()),
        Fault::Silence,
    ] {
        let sent = rig.each(|rig| {
            rig.local.spoil_next_order(fault.clone());
            (rig.local.asked(rig.local.paths().recent_orders), rig.send())
        });
        for (at, (before, request)) in Local::ALL.into_iter().zip(sent) {
            rig.turn_to(at);
            let rejected = rig.expect(request, K::Rejected);
            let listings = rig.local.asked(rig.local.paths().recent_orders) - before;
            assert_eq!(rejected.reject, RejectClass::NeverArrived, "{at} {fault:?}");
            assert!(rejected.has(EXECUTION_FLAG_RECONCILED), "{at} {fault:?}");
            assert_eq!(rig.law(request), [K::Unknown, K::Rejected], "{at} {fault:?}");
            assert!(listings >= u64::from(fast_rules().absences_needed), "{at} {fault:?}: {listings} listings");
            let waited_ms = rejected.recv.since(rejected.sent) / 1_000_000;
            assert!(waited_ms >= fast_rules().absence_grace_ms, "{at} {fault:?}: judged after {waited_ms} ms");
        }
        rig.watch(Duration::from_millis(50));
        for (at, (_, request)) in Local::ALL.into_iter().zip(sent) {
            rig.turn_to(at);
            let id = rig.first(request).client_order_id;
            assert_eq!(rig.local.orders_received(id.as_str()), 1, "{at} {fault:?}: an order is never sent again");
            assert_eq!(rig.local.state_of(id.as_str()), None, "{at} {fault:?}");
        }
    }
    assert_eq!(rig.gateway.open_orders().unwrap(), 0);
}

#[test]
fn listings_that_fail_are_no_proof() {
    let mut rig = Setup::direct().start_everywhere();
    let unknown = rig.each(|rig| {
        rig.local.spoil_lookups(&Fault::Reply(Response::json(503, "<html>")));
        rig.local.spoil_next_order(Fault::Close(CloseHow::Reset));
        rig.place()
    });
    rig.watch(Duration::from_millis(900));
    rig.each_of(&unknown, |rig, order| {
        let at = order.venue;
        assert_eq!(rig.law(order.request), [K::Unknown], "{at}: nothing was learnt");
        rig.local.clear_faults();
        assert_eq!(rig.expect(order.request, K::Rejected).reject, RejectClass::NeverArrived, "{at}");
    });
}
