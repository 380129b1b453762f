//! The kill switch at all three venues at once: one call, no new order, every open one cancelled until its venue confirms it,
//! and told meanwhile; also where a venue is away or fails. Strangers' orders only when asked for by name.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use exchange_connectors::gateway::KillScope;
use exchange_connectors::record::{ExecutionKind as K, GuardEvent, RejectClass, UnixNanos};
use exchange_connectors::sim::server::{CloseHow, Fault, FaultRule, Response};
use venues::{Local, Rig, Setup};

const STRANGER: &str = "somebody-else-1";
/// Trades what nobody here has subscribed.
const FAR_STRANGER: &str = "somebody-else-2";

/// New orders are refused.
fn assert_stopped(rig: &mut Rig) {
    let refused = rig.refused_here(rig.resting_bid());
    assert_eq!(refused.reject, RejectClass::Stopped, "{}", rig.local.venue());
}

#[test]
fn open_orders_are_cancelled_and_new_ones_refused_until_it_is_released() {
    let mut rig = Setup::direct().start_everywhere();
    let open = [rig.each(Rig::place_accepted), rig.each(Rig::place_accepted)];
    rig.each(|rig| {
        rig.local.strangers_bid(rig.local.symbol(), STRANGER);
        rig.local.strangers_bid(rig.local.other_symbol(), FAR_STRANGER);
    });
    rig.gateway.kill(KillScope::Ours);
    rig.each(|rig| {
        rig.guard(GuardEvent::Killed);
        assert_eq!(rig.guard(GuardEvent::KillConfirmed).last_quantity, 0);
    });
    for orders in &open {
        rig.each_of(orders, |rig, order| {
            rig.expect(order.request, K::Cancelled);
            assert!(!rig.rests(order), "{}", order.venue);
        });
    }
    rig.each(|rig| {
        assert_stopped(rig);
        let left_alone = [STRANGER, FAR_STRANGER].map(|id| rig.local.holds(id));
        assert_eq!(left_alone, [true, true], "{}", rig.local.venue());
    });

    // The whole account, when it is named: also what nobody here has subscribed.
    rig.forget();
    rig.gateway.kill(KillScope::WholeAccount);
    rig.each(|rig| {
        rig.guard(GuardEvent::KillConfirmed);
        let left = [STRANGER, FAR_STRANGER].map(|id| rig.local.holds(id));
        assert_eq!(left, [false, false], "{}", rig.local.venue());
        assert_stopped(rig);
    });

    rig.gateway.release_kill();
    rig.each(|rig| {
        rig.guard(GuardEvent::KillReleased);
        rig.place_accepted();
    });
}

#[test]
fn a_venue_that_is_away_is_cancelled_at_first_of_all_when_it_is_back() {
    // The listing that is held below must not time out.
    let mut rig = Setup { reply_timeout_ms: 60_000, ..Setup::direct() }.start_everywhere();
    for away in Local::ALL {
        rig.turn_to(away);
        rig.forget();
        let elsewhere = rig.each(Rig::place_accepted);
        rig.turn_to(away);
        let open = [elsewhere.iter().find(|order| order.venue == away).copied().unwrap(), rig.place_accepted()];
        rig.local.strangers_bid(rig.local.symbol(), STRANGER);
        rig.local.down();
        rig.gateway.kill(KillScope::Ours);
        rig.guard(GuardEvent::Killed);
        assert_eq!(rig.guard(GuardEvent::KillPending).last_quantity, 2, "{away}");
        assert_stopped(&mut rig);
        // The others are not held up by it.
        rig.each_of(&elsewhere, |rig, order| {
            if order.venue != away {
                rig.guard(GuardEvent::KillConfirmed);
                assert!(!rig.rests(order), "{away} is away: {}", order.venue);
            }
        });

        // Nothing but cancels is answered there for now: they wait for no listing.
        rig.turn_to(away);
        let (verb, path) = rig.local.paths().open_orders;
        rig.local.inject(FaultRule::next(verb, path, Fault::ThenHold).times(u32::MAX));
        rig.local.up();
        rig.until("the cancels", |rig| (!open.iter().any(|order| rig.rests(order))).then_some(()));
        let confirmed =
            |rig: &Rig| rig.executions.iter().any(|r| r.venue == away && r.guard == GuardEvent::KillConfirmed);
        assert!(!confirmed(&rig), "{away}: nothing is confirmed before it is listed");
        rig.local.clear_faults();
        rig.local.release_held();
        for order in open {
            rig.expect(order.request, K::Cancelled);
        }
        rig.guard(GuardEvent::KillConfirmed);
        assert!(rig.local.holds(STRANGER), "{away}: strangers' orders are left alone");

        rig.gateway.release_kill();
        rig.each(|rig| {
            rig.guard(GuardEvent::KillReleased);
            rig.healthy();
        });
    }
}

#[test]
fn an_order_of_unknown_outcome_is_found_and_cancelled() {
    let mut rig = Setup::direct().start_everywhere();
    let unknown = rig.each(|rig| {
        rig.local.hold_user_events();
        rig.local.spoil_next_order(Fault::ThenClose(CloseHow::Reset));
        let first = rig.place();
        assert_eq!(first.kind, K::Unknown, "{first:?}");
        first
    });
    rig.gateway.kill(KillScope::Ours);
    rig.each_of(&unknown, |rig, order| {
        rig.guard(GuardEvent::KillConfirmed);
        let id = order.client_order_id;
        assert!(rig.local.state_of(id.as_str()).is_some() && !rig.rests(order), "{}", order.venue);
        assert_eq!(rig.local.orders_received(id.as_str()), 1, "{}", order.venue);
    });
}

#[test]
fn cancels_the_venue_fails_are_repeated_and_how_many_are_left_is_told() {
    let faults = [
        Fault::Reply(Response::html(502, "<html>")),
        Fault::Close(CloseHow::Reset),
        Fault::ThenClose(CloseHow::Truncated),
        Fault::Reply(Response::json(503, "")),
    ];
    let mut rig = Setup::direct().start_everywhere();
    let open = rig.each(|rig| {
        let (method, path) = rig.local.paths().cancel;
        for fault in &faults {
            rig.local.inject(FaultRule::next(method, path, fault.clone()));
        }
        rig.place_accepted()
    });
    rig.gateway.kill(KillScope::Ours);
    rig.each_of(&open, |rig, order| {
        assert_eq!(rig.guard(GuardEvent::KillPending).last_quantity, 1, "{}", order.venue);
        let end = rig.expect(order.request, K::Cancelled);
        assert_ne!(end.recv, UnixNanos::NONE);
        rig.guard(GuardEvent::KillConfirmed);
        assert!(!rig.rests(order), "{}", order.venue);
        // The third took, and need not be followed by another.
        assert!(rig.local.cancels_posted() >= 3, "{}: {}", order.venue, rig.local.cancels_posted());
    });
}
