//! The audit log of a session with every kind of trouble verifies, and holds every command, call and event of it.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/audit.rs"]
mod audit;
mod common;

use audit::AuditDirectory;
use common::{Bench, BATCH_CANCEL, ORDERS};
use exchange_connectors::gateway::Shutdown;
use exchange_connectors::journal::AuditConfig;
use exchange_connectors::record::{ConnectionRole, ConnectionState, ExecutionKind as K, OrderCommand, Side, Venue};
use exchange_connectors::sim::server::{CloseHow, Fault, Response};
use serde_json::Value;

#[test]
fn every_command_call_and_event_is_in_it() {
    let log = AuditDirectory::new();
    let config = AuditConfig::new(&log.path);
    let mut rig = Bench::new().reply_timeout_ms(300).gateway(move |builder| builder.audit(config)).start();
    // A whole life, a refusal here and one there, an order that takes, a change, outcomes unknown.
    let accepted = rig.place_accepted(rig.resting_bid());
    rig.submit(rig.cancel_of(accepted.request));
    rig.expect(accepted.request, K::Cancelled);
    let off_tick = rig.submit(OrderCommand::limit(rig.btc.id, Side::Buy, 1, 1));
    rig.expect(off_tick, K::Rejected);
    let too_large = rig.place(rig.limit(Side::Buy, "50000", "1000"));
    rig.expect(too_large, K::Rejected);
    let taking = rig.place(rig.limit(Side::Buy, "90000", "0.001"));
    rig.expect(taking, K::Filled);
    let resting = rig.place_accepted(rig.resting_bid());
    rig.venue.inject_next("POST", ORDERS, Fault::ThenClose(CloseHow::Reset)).unwrap();
    let lost = rig.place(rig.resting_bid());
    rig.expect(lost, K::Accepted);
    rig.venue.inject_next("POST", ORDERS, Fault::Reply(Response::html(502, "<html>"))).unwrap();
    let never = rig.place(rig.resting_bid());
    rig.end_of(never);
    rig.venue.inject_next("POST", BATCH_CANCEL, Fault::ThenClose(CloseHow::Reset)).unwrap();
    rig.submit(rig.cancel_of(resting.request));
    rig.expect(resting.request, K::Cancelled);
    rig.mark();
    rig.venue.kill_connections(None, CloseHow::Reset).unwrap();
    rig.wait_for_state(ConnectionRole::User, ConnectionState::Healthy);
    rig.gateway().queries(Venue::Coinbase).unwrap().balances().unwrap();
    let told = rig.executions.len();
    rig.shutdown(Shutdown::CancelOurs, 10_000).unwrap();

    let report = log.assert_clean();
    println!("{report}");
    assert!(told > 0 && report.events.values().sum::<u64>() as usize >= rig.executions.len(), "{report}");
    assert_eq!((report.open, report.unknown, report.lost), (0, 0, 0));
    let lines = log.lines();
    let is = |line: &Value, members: &[(&str, &str)]| members.iter().all(|(key, value)| line[*key] == **value);
    let find = |members: &[(&str, &str)]| {
        lines.iter().find(|line| is(line, members)).unwrap_or_else(|| panic!("{members:?}\n{}", log.text())).clone()
    };
    let request = accepted.request.to_string();
    let command = find(&[("kind", "command"), ("request", &request)]);
    assert!(is(&command, &[("op", "place"), ("instrument", "BTC-USD"), ("price", "50000"), ("quantity", "0.01")]));
    let (client, venue) = (accepted.client_order_id.to_string(), accepted.venue_order_id.to_string());
    let sent = find(&[("kind", "sent"), ("op", "place"), ("client_order_id", &client), ("request", &request)]);
    let ended = find(&[("kind", "ended"), ("op", "place"), ("call", sent["call"].as_str().unwrap())]);
    assert!(is(&ended, &[("outcome", "answered"), ("venue", "coinbase")]), "{ended}");
    assert!(ended["status"] == 200 && ended["latency_ns"].as_u64().unwrap() > 1_000, "{ended}");
    find(&[("kind", "execution"), ("event", "accepted"), ("request", &request), ("venue_order_id", &venue)]);
    find(&[("kind", "sent"), ("op", "cancel"), ("venue_order_id", &venue)]);
    find(&[("kind", "ended"), ("op", "place"), ("outcome", "no_answer")]);
    find(&[("kind", "ended"), ("op", "connect"), ("outcome", "answered")]);
    find(&[("kind", "connection"), ("role", "user"), ("state", "down")]);
    assert_eq!(find(&[("kind", "ended"), ("op", "place"), ("outcome", "failed")])["status"], 502);
    assert!(lines.iter().any(|line| line["call"].as_str().is_some_and(|call| call.starts_with("cold"))
        && line["status"] == 200
        && line["latency_ns"].as_u64().is_some_and(|ns| ns > 0)));
    assert!(lines.iter().all(|line| line["seq"].is_u64() && line["ns"].is_u64()));
}
