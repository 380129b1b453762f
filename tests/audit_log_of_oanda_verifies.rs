//! The audit log of a session at OANDA verifies and names every call, the account's questions included.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/audit.rs"]
mod audit;
mod common;
#[path = "common/oanda.rs"]
mod oanda;

use audit::AuditDirectory;
use exchange_connectors::journal::AuditConfig;
use exchange_connectors::record::{ExecutionKind as K, Side};
use exchange_connectors::sim::server::{CloseHow, Fault, FaultRule};
use oanda::{quiet_venue, OandaRig};
use serde_json::Value;

#[test]
fn orders_filled_cancelled_and_unknown() {
    let log = AuditDirectory::new();
    let config = AuditConfig::new(&log.path);
    let mut rig = OandaRig::trading_at(
        quiet_venue(|_| {}),
        |config| config.reply_timeout_ms(300),
        |builder| builder.audit(config),
    );
    let bought = rig.submit(rig.market(Side::Buy, "100"));
    rig.expect(bought, K::Filled);
    let request = rig.submit(rig.resting_bid());
    let accepted = rig.expect(request, K::Accepted);
    rig.submit(rig.cancel_of(request));
    rig.expect(request, K::Cancelled);
    // Its reply does not come and the account's events are silent: only the history can tell.
    rig.venue.hold_user_events().unwrap();
    let path = rig.orders_path();
    rig.venue.inject(FaultRule::next("POST", &path, Fault::ThenClose(CloseHow::Reset))).unwrap();
    let lost = rig.submit(rig.resting_bid());
    rig.expect(lost, K::Unknown);
    rig.expect(lost, K::Accepted);
    drop(rig);

    let report = log.assert_clean();
    assert_eq!((report.open, report.orders), (1, 3), "{report}");
    let lines = log.lines();
    let of = |kind: &str, op: &str| -> Vec<Value> {
        lines.iter().filter(|line| line["kind"] == kind && line["op"] == op).cloned().collect()
    };
    assert!(lines.iter().all(|line| line["venue"].is_null() || line["venue"] == "oanda"));
    assert!(of("sent", "place").iter().all(|line| line["instrument"] == "EUR_USD"));
    assert_eq!(of("sent", "cancel")[0]["venue_order_id"], accepted.venue_order_id.as_str());
    let outcomes: Vec<Value> = of("ended", "place").iter().map(|line| line["outcome"].clone()).collect();
    assert_eq!(outcomes, ["answered", "answered", "no_answer"]);
    assert!(!of("sent", "account").is_empty());
}
