//! A handler that blocks stops the reactor: the keeper throws the kill switch and cancels without it. When the reactor comes
//! back it finds the kill latched before it takes an order, and tells each order's end exactly once.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod canned;
mod common;
#[path = "common/sabotage.rs"]
mod sabotage;
mod venues;

use exchange_connectors::gateway::{Alarm, EmergencyState};
use exchange_connectors::record::{ExecutionKind as K, GuardEvent, RejectClass, Venue};
use sabotage::Stage;
use std::sync::mpsc;

const SILENCE_MS: u64 = 600;

fn comes_back_to_a_latched_kill(at: Venue) {
    let (release, released) = mpsc::channel::<()>();
    let wedge = move || released.recv().unwrap();
    let mut stage = Stage::set(at, |builder| builder.reactor_silence_ms_max(SILENCE_MS), wedge);
    stage.sabotage();
    stage.until("the emergency", |stage| stage.state() == EmergencyState::Done { orders: 3 });
    stage.assert_only_ours_were_cancelled();
    assert_eq!(stage.gateway().emergency().alarm, Some(Alarm::Silent { limit_ms: SILENCE_MS }));
    assert!(!stage.strategy.is_gateway_gone());

    // Submitted into a ring that nobody reads: the first thing the reactor would take when it comes back.
    let received = stage.local.orders_posted();
    let meanwhile = stage.submit();
    release.send(()).unwrap();
    let rejected = stage.until_some("the answer", |stage| stage.first(meanwhile, |_| true));
    assert_eq!((rejected.kind, rejected.reject), (K::Rejected, RejectClass::Stopped), "{rejected:?}");
    stage.until("the kill to be confirmed", |stage| {
        stage.executions.iter().any(|r| r.guard == GuardEvent::KillConfirmed && r.last_quantity == 0)
    });
    assert_eq!(stage.local.orders_posted(), received);
    let killed: Vec<_> = stage.executions.iter().filter(|r| r.guard == GuardEvent::Killed).collect();
    assert_eq!(killed.len(), 1, "{killed:#?}");
    assert_eq!(killed[0].venue_code.to_string(), "the reactor stood still");
    for order in stage.open.clone() {
        stage.until("its end", |stage| stage.first(order.request, |r| r.kind.is_terminal()).is_some());
    }

    // Released by hand it trades again, and nothing that was told comes twice.
    stage.gateway().release_kill();
    stage.until("the release", |stage| stage.executions.iter().any(|r| r.guard == GuardEvent::KillReleased));
    let again = stage.place_accepted();
    assert!(stage.local.holds(again.client_order_id.as_str()));
    for order in &stage.open {
        assert_eq!(stage.law(order.request), [K::Accepted, K::Cancelled], "{:#?}", stage.executions);
    }
    let report = stage.gateway().emergency();
    assert!(report.alarm.is_none() && !report.is_under_way(), "{report:?}");
}

#[test]
fn at_coinbase() {
    comes_back_to_a_latched_kill(Venue::Coinbase);
}

#[test]
fn at_binance_us() {
    comes_back_to_a_latched_kill(Venue::BinanceUs);
}

#[test]
fn at_oanda() {
    comes_back_to_a_latched_kill(Venue::Oanda);
}

#[test]
fn a_gateway_is_not_kept_from_ending_by_a_reactor_that_stands_still() {
    venues::at_every_venue(|at| {
        let (release, released) = mpsc::channel::<()>();
        let wedge = move || {
            let _ = released.recv();
        };
        let mut stage = Stage::set(at, |builder| builder.reactor_silence_ms_max(SILENCE_MS), wedge);
        stage.sabotage();
        drop(stage.gateway.take());
        stage.assert_only_ours_were_cancelled();
        drop(release);
    });
}
