//! The dead-man switch, at all three venues: a strategy that stops beating, or drops its handles without a shutdown, has its
//! orders cancelled and new ones refused; a shutdown on purpose, and a gateway without the switch, leave them alone.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use common::decimal;
use exchange_connectors::gateway::{Connector, ConnectorConfig, ExchangeConnector, OrderKind, OrderRequest, Shutdown};
use exchange_connectors::record::{ExecutionKind as K, GuardEvent, RejectClass, Side, TimeInForce};
use std::time::Duration;
use venues::{at_every_venue, rest_at, Rig, Setup};

const SILENCE_MS: u64 = 600;

fn rig(dead_man_ms: u64) -> Rig {
    Setup::direct().start_everywhere_by(|builder| builder.dead_man_ms(dead_man_ms))
}

#[test]
fn silence_trips_it_and_beats_do_not_and_after_a_release_it_watches_again() {
    let mut rig = rig(SILENCE_MS);
    let open = rig.each(Rig::place_accepted);
    for _ in 0..6 {
        rig.strategy.orders.beat();
        rig.watch(Duration::from_millis(SILENCE_MS / 4));
    }
    rig.each_of(&open, |rig, order| assert!(rig.rests(order), "{}: it was heard from all the time", order.venue));

    rig.each_of(&open, |rig, order| {
        let killed = rig.guard(GuardEvent::Killed);
        assert_eq!(killed.venue_code.to_string(), "a strategy is not heard from");
        rig.expect(order.request, K::Cancelled);
        assert!(!rig.rests(order), "{}", order.venue);
        assert_eq!(rig.refused_here(rig.resting_bid()).reject, RejectClass::Stopped, "{}", order.venue);
    });

    rig.forget();
    rig.gateway.release_kill();
    rig.each(|rig| {
        rig.guard(GuardEvent::KillReleased);
    });
    let again = rig.each(Rig::place_accepted);
    rig.each_of(&again, |rig, order| {
        rig.guard(GuardEvent::Killed);
        rig.expect(order.request, K::Cancelled);
    });
}

#[test]
fn dropped_handles_trip_it() {
    let mut rig = rig(60_000);
    let open = rig.each(Rig::place_accepted);
    rig.strategy = rig.gateway.strategy().unwrap();
    rig.each_of(&open, |rig, order| rig.until("the cancel", |rig| (!rig.rests(order)).then_some(())));
}

#[test]
fn a_gateway_dropped_without_a_shutdown_cancels_before_it_ends() {
    let mut rig = rig(60_000);
    let open = rig.each(Rig::place_accepted);
    assert_eq!(rest_at(&rig.die(), &open), [false; 3]);
}

#[test]
fn without_the_switch_neither_cancels() {
    let mut rig = Setup::direct().start_everywhere();
    let open = rig.each(Rig::place_accepted);
    rig.strategy = rig.gateway.strategy().unwrap();
    rig.watch(Duration::from_millis(200));
    rig.each_of(&open, |rig, order| assert!(rig.rests(order), "{}", order.venue));
    assert_eq!(rest_at(&rig.die(), &open), [true; 3]);
}

#[test]
fn a_shutdown_on_purpose_disarms_it() {
    let mut rig = rig(SILENCE_MS);
    let open = rig.each(Rig::place_accepted);
    let locals = rig.locals();
    rig.gateway.shutdown(Shutdown::LeaveOpen, 1_000).unwrap();
    assert_eq!(rest_at(&locals, &open), [true; 3]);
}

#[test]
fn the_blocking_facade_never_has_it_whatever_its_gateway_was_given() {
    at_every_venue(|at| {
        let (local, _, builder, _roots) = Setup::direct().prepare(at);
        let mut exchange = Connector::new(at, builder.dead_man_ms(SILENCE_MS), ConnectorConfig::default());
        exchange.connect().unwrap();
        let (price, quantity) = local.bid_terms();
        let kind = OrderKind::Limit {
            price: decimal(price),
            quantity: decimal(quantity),
            time_in_force: TimeInForce::GoodTilCancelled,
            post_only: false,
        };
        let request = OrderRequest { symbol: local.symbol().to_owned(), side: Side::Buy, kind };
        let placed = exchange.place_order(&request).unwrap();
        // Its caller may do anything between two calls.
        std::thread::sleep(Duration::from_millis(2 * SILENCE_MS));
        let id = placed.order.client_order_id;
        assert!(local.holds(id.as_str()), "{at}: nobody asked for its end");
        assert!(exchange.place_order(&request).is_ok(), "{at}: no kill was thrown");
        drop(exchange);
        assert!(local.holds(id.as_str()), "{at}: nor at the end");
    });
}
