//! Whatever happens, and whatever the venue quotes back at us, the audit log holds no key, no token and no header.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/audit.rs"]
mod audit;
mod common;

use audit::AuditDirectory;
use common::scratch::canaries;
use common::{Bench, BATCH_CANCEL, ORDERS};
use exchange_connectors::gateway::{Channels, Shutdown};
use exchange_connectors::journal::AuditConfig;
use exchange_connectors::record::{ConnectionRole, ConnectionState, ExecutionKind as K, Venue};
use exchange_connectors::sim::server::{CloseHow, Fault, Response};

/// Begins every token the venue could quote.
const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJjZHAifQ.c2lnbmF0dXJl";

#[test]
fn a_session_with_quoted_credentials_leaves_none() {
    let log = AuditDirectory::new();
    let config = AuditConfig::new(&log.path);
    let bench = Bench::new().reply_timeout_ms(300).channels(Channels::BOOK | Channels::TRADES);
    let mut rig = bench.gateway(move |builder| builder.audit(config)).start();
    let accepted = rig.place_accepted(rig.resting_bid());
    // The venue refuses with our own token as its code, in every way it has, and vanishes.
    let quoted = format!(r#"{{"error":"{TOKEN}","message":"Bearer {TOKEN}"}}"#);
    for reply in [Response::html(401, format!("Bearer {TOKEN}")), Response::json(400, quoted.clone())] {
        rig.venue.inject_next("POST", ORDERS, Fault::Reply(reply)).unwrap();
        let refused = rig.place(rig.resting_bid());
        rig.expect(refused, K::Rejected);
    }
    rig.venue.inject_next("POST", BATCH_CANCEL, Fault::Reply(Response::json(500, quoted))).unwrap();
    rig.submit(rig.cancel_of(accepted.request));
    rig.expect(accepted.request, K::Cancelled);
    rig.venue.inject_next("POST", ORDERS, Fault::ThenClose(CloseHow::Reset)).unwrap();
    let lost = rig.place(rig.resting_bid());
    rig.expect(lost, K::Accepted);
    rig.mark();
    rig.venue.kill_connections(None, CloseHow::Reset).unwrap();
    rig.wait_for_state(ConnectionRole::User, ConnectionState::Healthy);
    rig.gateway().queries(Venue::Coinbase).unwrap().balances().unwrap();
    rig.shutdown(Shutdown::CancelOurs, 10_000).unwrap();

    log.assert_clean();
    let text = log.text();
    assert!(text.contains("[redacted]"), "the venue's quotation came as far as the log: {text}");
    for secret in canaries().chain(["eyJ", "Bearer", "BEGIN EC", "uthorization"]) {
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "the log shows {secret:?}");
    }
}
