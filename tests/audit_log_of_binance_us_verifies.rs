//! The audit log of a session at Binance.US verifies and names every call, over the WebSocket API and over REST.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/audit.rs"]
mod audit;
#[path = "common/binance_us.rs"]
mod binance_us;
mod common;

use audit::AuditDirectory;
use binance_us::BinanceRig;
use common::decimal;
use exchange_connectors::journal::AuditConfig;
use exchange_connectors::record::ExecutionKind as K;
use exchange_connectors::sim::server::{CloseHow, Fault, FaultRule};
use serde_json::Value;

fn session(over_rest: bool) -> AuditDirectory {
    let log = AuditDirectory::new();
    let config = AuditConfig::new(&log.path);
    let mut rig = BinanceRig::trading_by(
        |builder| builder.audit(config),
        |config| config.reply_timeout_ms(300).api_connections(if over_rest { 0 } else { 1 }),
    );
    let request = rig.submit(rig.resting_bid());
    let accepted = rig.expect(request, K::Accepted);
    rig.venue.fill_order(accepted.client_order_id.as_str(), decimal("0.004")).unwrap();
    rig.expect(request, K::Fill);
    rig.submit(rig.cancel_of(request));
    rig.expect(request, K::Cancelled);
    // Its reply does not come and the account's events are silent: only queries can tell.
    rig.venue.hold_user_events().unwrap();
    match over_rest {
        true => rig.venue.inject(FaultRule::next("POST", "/api/v3/order", Fault::ThenClose(CloseHow::Reset))),
        false => rig.venue.inject_next_ws("order.place", Fault::ThenClose(CloseHow::Reset)),
    }
    .unwrap();
    let lost = rig.submit(rig.resting_bid());
    rig.expect(lost, K::Unknown);
    rig.expect(lost, K::Accepted);
    drop(rig);

    let report = log.assert_clean();
    assert_eq!((report.open, report.orders), (1, 2), "{report}");
    let lines = log.lines();
    let of = |kind: &str, op: &str| -> Vec<Value> {
        lines.iter().filter(|line| line["kind"] == kind && line["op"] == op).cloned().collect()
    };
    let (client, venue) = (accepted.client_order_id.as_str(), accepted.venue_order_id.as_str());
    assert!(lines.iter().all(|line| line["venue"].is_null() || line["venue"] == "binance_us"));
    let placed = &of("sent", "place")[0];
    assert!(placed["client_order_id"] == client && placed["instrument"] == "BTCUSD", "{placed}");
    assert_eq!(of("sent", "cancel")[0]["venue_order_id"], venue);
    let outcomes: Vec<Value> = of("ended", "place").iter().map(|line| line["outcome"].clone()).collect();
    assert_eq!(outcomes, ["answered", "no_answer"]);
    assert!(of("ended", "place")[0]["latency_ns"].as_u64().unwrap() > 1_000);
    log
}

#[test]
fn over_the_websocket_api() {
    session(false);
}

#[test]
fn over_rest() {
    session(true);
}
