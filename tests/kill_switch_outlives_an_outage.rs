//! The kill switch at every venue, thrown while the venue is away, or while it fails: it is told what is left, and it ends
//! with nothing of ours at the venue.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use exchange_connectors::gateway::KillScope;
use exchange_connectors::record::{ExecutionKind as K, GuardEvent, RejectClass};
use exchange_connectors::sim::server::{CloseHow, Fault, FaultRule, Response};
use venues::Setup;

#[test]
fn the_venue_is_away_when_it_is_thrown() {
    venues::at_every_venue(|at| {
        let mut rig = Setup::direct().start(at);
        let open = [rig.place_accepted(), rig.place_accepted()];
        rig.local.strangers_bid(rig.local.symbol(), "somebody-else-1");
        rig.local.down();
        rig.gateway.kill(KillScope::Ours);
        rig.guard(GuardEvent::Killed);
        let pending = rig.guard(GuardEvent::KillPending);
        assert_eq!(pending.last_quantity, 2, "{at}");
        let refused = rig.submit(rig.resting_bid());
        assert_eq!(rig.expect(refused, K::Rejected).reject, RejectClass::Stopped, "{at}");
        rig.local.up();
        for order in open {
            rig.expect(order.request, K::Cancelled);
        }
        rig.guard(GuardEvent::KillConfirmed);
        assert!(open.iter().all(|order| !rig.local.holds(order.client_order_id.as_str())), "{at}");
        assert!(rig.local.holds("somebody-else-1"), "{at}: strangers' orders are left alone");
    });
}

#[test]
fn an_order_of_unknown_outcome_is_found_and_cancelled() {
    venues::at_every_venue(|at| {
        let mut rig = Setup::direct().start(at);
        rig.local.hold_user_events();
        rig.local.spoil_next_order(Fault::ThenClose(CloseHow::Reset));
        let first = rig.place();
        assert_eq!(first.kind, K::Unknown, "{at}: {first:?}");
        rig.gateway.kill(KillScope::Ours);
        rig.guard(GuardEvent::KillConfirmed);
        let id = first.client_order_id;
        assert!(rig.local.state_of(id.as_str()).is_some() && !rig.local.holds(id.as_str()), "{at}");
        assert_eq!(rig.local.orders_received(id.as_str()), 1, "{at}");
    });
}

#[test]
fn cancels_the_venue_fails_are_repeated() {
    venues::at_every_venue(|at| {
        let mut rig = Setup::direct().start(at);
        let order = rig.place_accepted();
        let (method, path) = rig.local.paths().cancel;
        for fault in [
            Fault::Reply(Response::html(502, "<html>")),
            Fault::Close(CloseHow::Reset),
            Fault::ThenClose(CloseHow::Truncated),
            Fault::Reply(Response::json(503, "")),
        ] {
            rig.local.inject(FaultRule::next(method, path, fault));
        }
        rig.gateway.kill(KillScope::Ours);
        rig.guard(GuardEvent::KillPending);
        rig.expect(order.request, K::Cancelled);
        rig.guard(GuardEvent::KillConfirmed);
        assert!(!rig.local.holds(order.client_order_id.as_str()), "{at}");
    });
}
