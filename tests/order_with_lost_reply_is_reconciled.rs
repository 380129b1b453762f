//! The venue has the order, its reply is lost: Unknown, then exactly one Accepted flagged RECONCILED; sent once, alive once.
//! At every venue, also when the whole venue goes with the reply, when nothing can be learnt for a while, and many at once.
//! (By every fault of the injector: `broken_replies_to_an_order_are_reconciled`.)
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use common::fast_rules;
use exchange_connectors::order::ReconcileRules;
use exchange_connectors::record::{ExecutionKind as K, EXECUTION_FLAG_IMPLIED, EXECUTION_FLAG_RECONCILED};
use exchange_connectors::sim::server::{CloseHow, Fault, FaultRule, Response};
use std::time::Duration;
use venues::{Rig, Setup};

const MANY: usize = 6;

/// An order is Unknown and then found, once, and lives on like any other.
fn assert_found(rig: &mut Rig, request: exchange_connectors::record::RequestId) {
    let at = rig.local.venue();
    let accepted = rig.expect(request, K::Accepted);
    assert!(accepted.has(EXECUTION_FLAG_RECONCILED) && !accepted.has(EXECUTION_FLAG_IMPLIED), "{at}: {accepted:?}");
    assert!(!accepted.venue_order_id.is_empty(), "{at}");
    assert_eq!(rig.law(request), [K::Unknown, K::Accepted], "{at}");
    assert_eq!(rig.local.orders_received(accepted.client_order_id.as_str()), 1, "{at}: an order is never sent again");
    // What the stream says late is nothing new.
    rig.local.release_user_events();
    let end = rig.trade_to_the_end(&accepted);
    assert_eq!(rig.law(request), [&[K::Unknown, K::Accepted], &end[..]].concat(), "{at}");
}

#[test]
fn the_whole_venue_goes_down_with_the_reply() {
    // Long enough for the venue to go down first.
    let mut rig = Setup { reply_timeout_ms: 10_000, ..Setup::direct() }.start_everywhere();
    rig.each(|rig| {
        rig.local.hold_user_events();
        rig.local.spoil_next_order(Fault::ThenHold);
        let request = rig.send();
        rig.local.down();
        rig.expect(request, K::Unknown);
        rig.local.up();
        assert_found(rig, request);
    });
    assert_eq!(rig.gateway.open_orders().unwrap(), 0);
}

#[test]
fn while_nothing_can_be_learnt_unknown_is_repeated_and_means_nothing_new() {
    let reconcile = ReconcileRules { unknown_repeat_ms: 100, ..fast_rules() };
    let mut rig = Setup { reconcile, ..Setup::direct() }.start_everywhere();
    rig.each(|rig| {
        let at = rig.local.venue();
        rig.local.hold_user_events();
        rig.local.spoil_lookups(&Fault::Reply(Response::json(503, "{}")));
        rig.local.spoil_next_order(Fault::ThenClose(CloseHow::Reset));
        let first = rig.place();
        let request = first.request;
        rig.until("three repetitions", |rig| (rig.law(request).len() >= 4).then_some(()));
        assert!(rig.law(request).iter().all(|kind| *kind == K::Unknown), "{at}: {:?}", rig.law(request));
        rig.local.clear_faults();
        let accepted = rig.expect(request, K::Accepted);
        assert!(accepted.has(EXECUTION_FLAG_RECONCILED), "{at}: {accepted:?}");
        rig.watch(Duration::from_millis(250));
        let after: Vec<_> = rig.law(request).into_iter().skip_while(|kind| *kind == K::Unknown).collect();
        assert_eq!(after, [K::Accepted], "{at}");
        assert_eq!(rig.local.orders_received(first.client_order_id.as_str()), 1, "{at}");
    });
}

#[test]
fn many_at_once_are_all_found() {
    let setup = Setup { reply_timeout_ms: 10_000, order_connections: MANY + 2, ..Setup::direct() };
    let mut rig = setup.start_everywhere();
    rig.each(|rig| {
        rig.local.hold_user_events();
        let (method, path) = rig.local.paths().place;
        rig.local.inject(FaultRule::next(method, path, Fault::ThenHold).times(MANY as u32));
        let requests = [(); MANY].map(|()| rig.send());
        rig.local.kill_connections(Some(rig.local.rest_door()), CloseHow::Reset);
        for request in requests {
            rig.expect(request, K::Accepted);
        }
        for request in requests {
            assert_found(rig, request);
        }
    });
    assert_eq!(rig.gateway.open_orders().unwrap(), 0);
}
