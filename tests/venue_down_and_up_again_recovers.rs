//! A venue is gone for a while: dials fail with growing pauses, orders are refused here, the other venues go on. Once it is
//! back on the same ports what happened meanwhile is told, the book is whole again, and orders can be sent.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use exchange_connectors::gateway::Channels;
use exchange_connectors::record::{ConnectionRole, ConnectionState, ExecutionKind as K, GapCause, RejectClass};
use exchange_connectors::telemetry::Counter;
use venues::{Local, Rig, Setup};

#[test]
fn what_happened_is_told_the_book_is_whole_and_trading_resumes() {
    let mut rig = Setup { channels: Channels::BOOK, ..Setup::direct() }.start_everywhere();
    rig.each(Rig::book_is_the_venues);
    for at in Local::ALL {
        rig.turn_to(at);
        let (filled, resting) = (rig.place_accepted(), rig.place_accepted());
        let (from, failures) = (rig.market.len(), rig.gateway.telemetry().counters.get(Counter::DialFailures));
        rig.local.down();
        rig.until("two failed dials", |rig| {
            let failed = rig.gateway.telemetry().counters.get(Counter::DialFailures) - failures >= 2;
            (failed && rig.state(ConnectionRole::User) != Some(ConnectionState::Healthy)).then_some(())
        });
        let told = rig.gaps(from);
        assert_eq!(told.len(), 1, "{at}: one gap, however many dials fail: {told:?}");
        assert_eq!(told[0].cause, GapCause::Disconnected, "{at}");
        assert_eq!(rig.refused_here(rig.resting_bid()).reject, RejectClass::NotConnected, "{at}");
        for other in Local::ALL.into_iter().filter(|other| *other != at) {
            rig.turn_to(other);
            let placed = rig.place_accepted();
            rig.cancel(placed.request);
            assert_eq!(rig.gaps(from), [], "{at} is away, {other} is not");
        }

        rig.turn_to(at);
        for size in rig.local.parts() {
            rig.local.fill(filled.client_order_id.as_str(), size);
        }
        rig.local.up();
        rig.healthy();
        rig.expect(filled.request, K::Filled);
        assert_eq!(rig.law(filled.request), rig.local.whole_life(), "{at}");
        assert_eq!(rig.law(resting.request), [K::Accepted], "{at}: it rests on, and nothing is told of it");
        rig.until("the recovery", |rig| rig.gaps(from).iter().any(|gap| gap.recovered).then_some(()));
        rig.book_is_the_venues();

        let again = rig.place_accepted();
        rig.cancel(resting.request);
        rig.cancel(again.request);
    }
    assert_eq!(rig.gateway.open_orders().unwrap(), 0);
}
