//! The account's events told twice, too late, never, or about what nobody asked for, at every venue: every order ends as
//! the venue ended it, and every fill counts once.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use common::fast_rules;
use exchange_connectors::order::ReconcileRules;
use exchange_connectors::record::{ExecutionKind as K, EXECUTION_FLAG_RECONCILED};
use exchange_connectors::sim::server::{CloseHow, Fault};
use exchange_connectors::telemetry::Counter;
use std::time::Duration;
use venues::{Rig, Setup};

/// The quantities of an order's fills.
fn fills(rig: &Rig, request: exchange_connectors::record::RequestId) -> Vec<String> {
    let fills = rig.executions.iter().filter(|r| r.request == request && r.kind == K::Fill);
    fills.map(|r| r.quantity().to_string()).collect()
}

#[test]
fn told_several_times() {
    venues::at_every_venue(|at| {
        let mut rig = Setup::direct().start(at);
        rig.local.repeat_user_events(3);
        let (whole, part) = (rig.place_accepted(), rig.place_accepted());
        let parts = rig.local.parts();
        for size in parts {
            rig.local.fill(whole.client_order_id.as_str(), size);
        }
        rig.expect(whole.request, K::Filled);
        let [fill, end] = rig.trade_to_the_end(&part);
        rig.watch(Duration::from_millis(100));
        assert_eq!(fills(&rig, whole.request), parts, "{at}");
        assert_eq!(rig.law(whole.request), rig.local.whole_life(), "{at}");
        assert_eq!(fills(&rig, part.request), parts[..1], "{at}");
        assert_eq!(rig.law(part.request), [K::Accepted, fill, end], "{at}");
    });
}

#[test]
fn never_told() {
    venues::at_every_venue(|at| {
        let rules = ReconcileRules { fills_every_ms: 300, ..fast_rules() };
        let mut rig = Setup { reconcile: rules, ..Setup::direct() }.start(at);
        let order = rig.place_accepted();
        let (request, id) = (order.request, order.client_order_id);
        rig.local.hold_user_events();
        let parts = rig.local.parts();
        rig.local.fill(id.as_str(), parts[0]);
        rig.local.drop_user_events();
        rig.local.release_user_events();
        // The stream is healthy and silent: history tells.
        rig.expect(request, K::Fill);
        assert_eq!(fills(&rig, request), parts[..1], "{at}");
        for size in &parts[1..] {
            rig.local.fill(id.as_str(), size);
        }
        rig.expect(request, K::Filled);
        assert_eq!(fills(&rig, request), parts, "{at}: {:#?}", rig.records(request));
        assert_eq!(rig.law(request), rig.local.whole_life(), "{at}");
    });
}

/// There is no execution that history could tell.
#[test]
fn ended_by_the_venue_and_never_told() {
    venues::at_every_venue(|at| {
        let rules = ReconcileRules { fills_every_ms: 300, ..fast_rules() };
        let mut rig = Setup { reconcile: rules, ..Setup::direct() }.start(at);
        let (order, other) = (rig.place_accepted(), rig.place_accepted());
        rig.local.hold_user_events();
        rig.local.expire(order.client_order_id.as_str());
        rig.local.drop_user_events();
        rig.local.release_user_events();
        rig.expect(order.request, K::Expired);
        assert_eq!(rig.law(order.request), [K::Accepted, K::Expired], "{at}");
        assert_eq!(rig.law(other.request), [K::Accepted], "{at}: it rests");
    });
}

#[test]
fn told_late() {
    venues::at_every_venue(|at| {
        let mut rig = Setup::direct().start(at);
        rig.local.delay_user_events(150);
        let order = rig.place_accepted();
        let (request, id) = (order.request, order.client_order_id);
        let parts = rig.local.parts();
        for size in parts {
            rig.local.fill(id.as_str(), size);
        }
        rig.expect(request, K::Filled);
        assert_eq!(fills(&rig, request), parts, "{at}");
        rig.watch(Duration::from_millis(200));
        assert_eq!(rig.law(request), rig.local.whole_life(), "{at}");
    });
}

#[test]
fn told_when_everything_is_over() {
    venues::at_every_venue(|at| {
        let mut rig = Setup::direct().start(at);
        let order = rig.place_accepted();
        let (request, id) = (order.request, order.client_order_id);
        rig.local.hold_user_events();
        let parts = rig.local.parts();
        rig.local.fill(id.as_str(), parts[0]);
        // Where it traded whole, it comes too late.
        rig.submit(rig.cancel_of(request));
        rig.until("the venue's end", |rig| (!rig.local.holds(id.as_str())).then_some(()));
        rig.watch(Duration::from_millis(50));
        rig.local.release_user_events();
        rig.expect(request, if parts.len() == 1 { K::Filled } else { K::Cancelled });
        rig.watch(Duration::from_millis(100));
        let law = rig.law(request);
        assert_eq!(fills(&rig, request), parts[..1], "{at}: {law:?}");
        assert_eq!(law.iter().filter(|kind| kind.is_terminal()).count(), 1, "{at}: {law:?}");
    });
}

#[test]
fn lost_with_the_reply_while_listings_lag() {
    venues::at_every_venue(|at| {
        let rules = ReconcileRules { absence_grace_ms: 600, ..fast_rules() };
        let mut rig = Setup { reconcile: rules, ..Setup::direct() }.start(at);
        rig.local.hold_user_events();
        // Longer than several questions take, shorter than absence needs to be believed.
        rig.local.lag_listings(400);
        rig.local.spoil_next_order(Fault::ThenClose(CloseHow::Reset));
        let first = rig.place();
        assert_eq!(first.kind, K::Unknown, "{at}: {first:?}");
        let accepted = rig.expect(first.request, K::Accepted);
        assert!(accepted.has(EXECUTION_FLAG_RECONCILED), "{at}");
        assert_eq!(rig.law(first.request), [K::Unknown, K::Accepted], "{at}");
        assert_eq!(rig.local.orders_received(accepted.client_order_id.as_str()), 1, "{at}");
    });
}

#[test]
fn about_instruments_nobody_asked_for_and_in_no_language() {
    venues::at_every_venue(|at| {
        let mut rig = Setup::direct().start(at);
        let before = rig.gateway.telemetry();
        // Somebody else trades what this gateway has never heard of.
        rig.local.strangers_bid(rig.local.other_symbol(), "somebody-else-1");
        for text in rig.local.nonsense() {
            rig.local.say_on_user_stream(text);
        }
        let order = rig.place_accepted();
        let [part, end] = rig.trade_to_the_end(&order);
        assert_eq!(rig.law(order.request), [K::Accepted, part, end], "{at}");
        let counted = |counter| rig.gateway.telemetry().counters.get(counter) - before.counters.get(counter);
        assert!(counted(Counter::Anomalies) > 0, "{at}: what cannot be read is counted");
    });
}
