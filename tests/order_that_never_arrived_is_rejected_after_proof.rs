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
use venues::Setup;

#[test]
fn listings_begun_late_enough_are_proof_and_those_that_fail_are_none() {
    let mut rig = Setup::direct().start_everywhere();
    rig.each(|rig| {
        let at = rig.local.venue();
        for fault in [
            Fault::Close(CloseHow::Reset),
            Fault::Close(CloseHow::Clean),
            Fault::Reply(Response::html(502, "<html>Bad Gateway</html>")),
            Fault::Raw(b"HTTP/9 what".to_vec()),
            Fault::Silence,
        ] {
            rig.local.spoil_next_order(fault.clone());
            let before = rig.local.asked(rig.local.paths().recent_orders);
            let first = rig.place();
            assert_eq!(first.kind, K::Unknown, "{at} {fault:?}: {first:?}");
            let rejected = rig.expect(first.request, K::Rejected);
            let listings = rig.local.asked(rig.local.paths().recent_orders) - before;
            assert_eq!(rejected.reject, RejectClass::NeverArrived, "{at} {fault:?}");
            assert!(rejected.has(EXECUTION_FLAG_RECONCILED), "{at} {fault:?}");
            assert_eq!(rig.law(first.request), [K::Unknown, K::Rejected], "{at} {fault:?}");
            assert!(listings >= u64::from(fast_rules().absences_needed), "{at} {fault:?}: {listings} listings");
            let waited_ms = rejected.recv.since(rejected.sent) / 1_000_000;
            assert!(waited_ms >= fast_rules().absence_grace_ms, "{at} {fault:?}: judged after {waited_ms} ms");
            rig.watch(Duration::from_millis(50));
            let id = rejected.client_order_id;
            assert_eq!(rig.local.orders_received(id.as_str()), 1, "{at} {fault:?}: an order is never sent again");
            assert_eq!(rig.local.state_of(id.as_str()), None, "{at} {fault:?}");
        }

        rig.local.spoil_lookups(&Fault::Reply(Response::json(503, "<html>")));
        rig.local.spoil_next_order(Fault::Close(CloseHow::Reset));
        let first = rig.place();
        rig.watch(Duration::from_millis(900));
        assert_eq!(rig.law(first.request), [K::Unknown], "{at}: nothing was learnt");
        rig.local.clear_faults();
        assert_eq!(rig.expect(first.request, K::Rejected).reject, RejectClass::NeverArrived, "{at}");
    });
    assert_eq!(rig.gateway.open_orders().unwrap(), 0);
}
