//! A handler that panics takes the reactor with it: the kill switch is thrown and every order of ours cancelled without the
//! reactor, over a connection opened before; a stranger's order lives on, and anybody may read how it went.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/audit.rs"]
mod audit;
mod canned;
mod common;
#[path = "common/sabotage.rs"]
mod sabotage;
mod venues;

use audit::AuditDirectory;
use exchange_connectors::gateway::{Alarm, AuditConfig, EmergencyState, GatewayError, Shutdown};
use exchange_connectors::record::Venue;
use exchange_connectors::sim::server::{CloseHow, Fault, FaultRule, Response};
use exchange_connectors::telemetry::Counter;
use sabotage::Stage;

fn panics() {
    panic!("the strategy on the reactor's thread, for the test");
}

fn is_cancelled_without_the_reactor(at: Venue) {
    let mut stage = Stage::set(at, |builder| builder, panics);
    let received = stage.local.orders_posted();
    stage.sabotage();
    stage.until("the emergency", |stage| stage.state() == EmergencyState::Done { orders: 3 });
    stage.assert_only_ours_were_cancelled();
    assert_eq!(stage.gateway().emergency().alarm, Some(Alarm::Panicked));
    assert!(stage.strategy.is_gateway_gone());
    let counters = stage.gateway().telemetry().counters;
    assert_eq!((counters.get(Counter::Emergencies), counters.get(Counter::EmergencyFailures)), (1, 0));
    assert!(counters.get(Counter::EmergencyCancels) >= 3);

    let bid = stage.bid();
    assert!(stage.strategy.orders.submit(bid).is_err(), "nobody takes an order any more");
    assert_eq!(stage.local.orders_posted(), received);
    let ended = stage.gateway.take().unwrap().shutdown(Shutdown::CancelOurs, 5_000);
    assert_eq!(ended, Err(GatewayError::Stopped));
}

#[test]
fn at_coinbase() {
    is_cancelled_without_the_reactor(Venue::Coinbase);
}

#[test]
fn at_binance_us() {
    is_cancelled_without_the_reactor(Venue::BinanceUs);
}

#[test]
fn at_oanda() {
    is_cancelled_without_the_reactor(Venue::Oanda);
}

#[test]
fn a_program_that_gives_up_at_once_still_cancels() {
    venues::at_every_venue(|at| {
        let mut stage = Stage::set(at, |builder| builder, panics);
        stage.sabotage();
        drop(stage.gateway.take());
        stage.assert_only_ours_were_cancelled();
    });
}

#[test]
fn what_the_venue_fails_is_tried_again() {
    venues::at_every_venue(|at| {
        let mut stage = Stage::set(at, |builder| builder, panics);
        let ((cancel, at_cancels), (list, at_list)) = (stage.local.paths().cancel, stage.local.paths().open_orders);
        let fails = Fault::Reply(Response::html(502, "<html>"));
        stage.local.inject(FaultRule::next(cancel, at_cancels, fails));
        // The listing after it finds its connection dead, and opens another one.
        let rule = FaultRule::next(list, at_list, Fault::Close(CloseHow::Reset));
        stage.local.inject(rule.after(1));
        stage.sabotage();
        stage.until("the emergency", |stage| stage.state() == EmergencyState::Done { orders: 3 });
        stage.assert_only_ours_were_cancelled();
        assert!(stage.gateway().telemetry().counters.get(Counter::EmergencyFailures) >= 1, "{at}");
    });
}

#[test]
fn the_audit_log_names_every_call_of_it() {
    venues::at_every_venue(|at| {
        let log = AuditDirectory::new();
        let config = AuditConfig::new(&log.path);
        let mut stage = Stage::set(at, |builder| builder.audit(config), panics);
        stage.sabotage();
        stage.until("the emergency", |stage| stage.state() == EmergencyState::Done { orders: 3 });
        drop(stage.gateway.take());
        let calls: Vec<_> = log.lines().into_iter().filter(|line| line["kind"] == "ended").collect();
        for op in ["list open orders", "cancel"] {
            let of_keeper =
                |line: &&serde_json::Value| line["call"].as_str().is_some_and(|call| call.starts_with("keeper-"));
            let call = calls.iter().filter(of_keeper).find(|line| line["op"] == op);
            assert!(
                call.is_some_and(|call| call["status"] == 200 && call["venue"] == at.name()),
                "{op}: {}",
                log.text()
            );
        }
    });
}
