//! What was executed while the account's events were away, or were silent, is found once, at every venue.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use common::{decimal, fast_rules};
use exchange_connectors::order::ReconcileRules;
use exchange_connectors::record::{
    ConnectionRole, ConnectionState, ExecutionKind as K, RejectClass, RequestId, Venue, EXECUTION_FLAG_DERIVED,
};
use exchange_connectors::sim::server::CloseHow;
use rust_decimal::Decimal;
use std::time::Duration;
use venues::{Local, Rig, Setup};

/// What an order's fills come to: quantity and value.
fn filled(rig: &Rig, request: RequestId) -> (Decimal, Decimal) {
    let fills = rig.records(request).into_iter().filter(|r| r.kind == K::Fill);
    fills.fold((Decimal::ZERO, Decimal::ZERO), |(quantity, value), fill| {
        (quantity + decimal(&fill.quantity().to_string()), value + fill.value().to_decimal().unwrap())
    })
}

/// Every connection of the venue ends, those that carry the account's events come back only when the test lets them.
#[test]
fn the_connections_end_and_the_stream_stays_away_for_a_while() {
    let mut rig = Setup::direct().start_everywhere();
    rig.each(|rig| {
        let at = rig.local.venue();
        let [part, whole, resting] = [(); 3].map(|()| rig.place_accepted());
        let parts = rig.local.parts();
        let price = decimal(rig.local.bid_terms().0);
        // Where orders trade whole, that one trades in the outage, or not at all.
        let in_parts = parts.len() > 1;
        if in_parts {
            rig.local.fill(part.client_order_id.as_str(), "0.001");
            rig.expect(part.request, K::Fill);
        }

        let door = rig.local.user_door();
        rig.local.set_stalled(door, true);
        rig.local.kill_connections(None, CloseHow::Reset);
        rig.until("the end", |rig| (rig.state(ConnectionRole::User) != Some(ConnectionState::Healthy)).then_some(()));
        if in_parts {
            rig.local.fill(part.client_order_id.as_str(), "0.002");
            rig.local.fill(part.client_order_id.as_str(), "0.003");
        }
        for size in parts {
            rig.local.fill(whole.client_order_id.as_str(), size);
        }
        // Until all of it is accounted for nothing leaves.
        let refused = rig.refused_here(rig.resting_bid());
        assert_eq!(refused.reject, RejectClass::NotConnected, "{at}");
        assert_ne!(rig.state(ConnectionRole::User), Some(ConnectionState::Healthy), "{at}");
        rig.local.set_stalled(door, false);
        rig.healthy();

        rig.expect(whole.request, K::Filled);
        rig.watch(Duration::from_millis(200));
        let size: Decimal = parts.iter().map(|part| decimal(part)).sum();
        assert_eq!(filled(rig, whole.request), (size, size * price), "{at}");
        let ends = rig.law(whole.request).iter().filter(|kind| kind.is_terminal()).count();
        assert_eq!((ends, rig.law(whole.request)[0]), (1, K::Accepted), "{at}");
        let size = if in_parts { decimal("0.006") } else { Decimal::ZERO };
        assert_eq!(filled(rig, part.request), (size, size * price), "{at}");
        assert!(rig.rests(&part), "{at}");
        assert!(rig.law(part.request)[1..].iter().all(|kind| *kind == K::Fill), "{at}: {:?}", rig.law(part.request));
        assert_eq!(rig.law(resting.request), [K::Accepted], "{at}: it rests on, and nothing is told of it");
        rig.place_accepted();
    });
}

#[test]
fn events_that_a_healthy_stream_dropped_are_found_in_the_history() {
    let reconcile = ReconcileRules { fills_every_ms: 250, ..fast_rules() };
    let mut rig = Setup { reconcile, ..Setup::direct() }.start_everywhere();
    rig.each(|rig| {
        let at = rig.local.venue();
        let order = rig.place_accepted();
        rig.watch(Duration::from_millis(50));
        let (size, price) = (rig.local.parts()[0], rig.local.bid_terms().0);
        rig.local.suppress_user_events(order.client_order_id.as_str());
        rig.local.fill(order.client_order_id.as_str(), size);
        let fill = rig.expect(order.request, K::Fill);
        let told = (decimal(&fill.quantity().to_string()), decimal(&fill.price().to_string()));
        assert_eq!(told, (decimal(size), decimal(price)), "{at}");
        assert!(!fill.execution_id.is_empty(), "{at}: history names the execution");
        rig.watch(Duration::from_millis(600));
        let law = rig.law(order.request);
        let fills = law.iter().filter(|kind| **kind == K::Fill).count();
        assert_eq!(fills, 1, "{at}: each row counts once, however often it is listed: {law:?}");
        let expected: &[K] =
            if rig.local.parts().len() > 1 { &[K::Accepted, K::Fill] } else { &rig.local.whole_life() };
        assert_eq!(law, expected, "{at}");
    });
}

/// Coinbase lists executions for themselves, and may list them later than the order that says it is filled.
#[test]
fn executions_listed_later_than_their_order_count_once() {
    let mut rig = Setup::direct().start(Venue::Coinbase);
    let order = rig.place_accepted();
    let door = rig.local.user_door();
    rig.local.set_stalled(door, true);
    rig.local.kill_connections(Some(door), CloseHow::Reset);
    rig.until("the end", |rig| (rig.state(ConnectionRole::User) != Some(ConnectionState::Healthy)).then_some(()));
    let local = rig.local.clone();
    let Local::Coinbase(venue) = &*local else { panic!("it is Coinbase") };
    venue.lag_fills(700_000_000).unwrap();
    for size in rig.local.parts() {
        rig.local.fill(order.client_order_id.as_str(), size);
    }
    rig.local.set_stalled(door, false);
    rig.expect(order.request, K::Filled);
    rig.watch(Duration::from_millis(1_000));
    let price = decimal(rig.local.bid_terms().0);
    assert_eq!(filled(&rig, order.request), (decimal("0.01"), price * decimal("0.01")));
    assert_eq!(rig.law(order.request), [K::Accepted, K::Fill, K::Filled]);
    // By the order's own figures, and no execution's name yet.
    let fill = rig.records(order.request)[1];
    assert!(fill.has(EXECUTION_FLAG_DERIVED) && fill.execution_id.is_empty(), "{fill:?}");
    rig.healthy();
    rig.place_accepted();
}
