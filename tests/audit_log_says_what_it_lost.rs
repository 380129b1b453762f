//! A disk that refuses the audit log, and a ring that fills up behind it: every strategy is told, the log says exactly how
//! much is missing and where, and what cannot be written at the end is an error of the shutdown.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/audit.rs"]
mod audit;
mod common;

use audit::AuditDirectory;
use common::{Bench, Rig};
use exchange_connectors::gateway::{GatewayError, Shutdown};
use exchange_connectors::journal::AuditConfig;
use exchange_connectors::record::{ExecutionKind as K, ExecutionRecord, GuardEvent};
use std::path::PathBuf;
use std::time::Duration;

/// A log of small files: a new one is needed all the time, and cannot be made while the directory is away.
fn start(log: &AuditDirectory) -> Rig {
    let config = AuditConfig::new(&log.path).rotate_bytes(4_096).files_max(1_000).ring_entries(16);
    Bench::new().gateway(move |builder| builder.audit(config)).start()
}

/// Where the directory is while it is away.
fn elsewhere(log: &AuditDirectory) -> PathBuf {
    log.path.with_extension("away")
}

fn trade(rig: &mut Rig) {
    let order = rig.place_accepted(rig.resting_bid());
    rig.submit(rig.cancel_of(order.request));
    rig.expect(order.request, K::Cancelled);
    // Slower than the rate limit of the account.
    rig.watch(Duration::from_millis(150));
}

fn told(rig: &Rig, event: GuardEvent) -> Vec<ExecutionRecord> {
    rig.executions.iter().filter(|r| r.kind == K::Guard && r.guard == event).copied().collect()
}

#[test]
fn the_strategy_is_told_and_the_log_has_the_exact_count() {
    let log = AuditDirectory::new();
    let mut rig = start(&log);
    std::fs::rename(&log.path, elsewhere(&log)).unwrap();
    while told(&rig, GuardEvent::AuditTroubled).is_empty() {
        trade(&mut rig);
    }
    for _ in 0..5 {
        trade(&mut rig);
    }
    std::fs::rename(elsewhere(&log), &log.path).unwrap();
    rig.until_true("the log to go on", |rig| !told(rig, GuardEvent::AuditRecovered).is_empty());
    trade(&mut rig);
    rig.shutdown(Shutdown::CancelOurs, 10_000).unwrap();

    let recovered: i64 = told(&rig, GuardEvent::AuditRecovered).iter().map(|record| record.last_quantity).sum();
    let report = log.report();
    assert!(recovered > 0, "the ring was full: {report}");
    assert_eq!(report.lost as i64, recovered, "{report}");
    assert!(report.files > 1 && !report.is_clean(), "{report}");
    let lines = log.lines();
    let sequences: Vec<u64> = lines.iter().map(|line| line["seq"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=lines.len() as u64).collect::<Vec<_>>(), "what is lost makes no hole: it has a line");
    let violations: Vec<String> = report.violations.iter().map(ToString::to_string).collect();
    assert!(violations.iter().any(|v| v.contains("found no room (ring) and are missing")), "{violations:?}");
    assert!(lines.iter().any(|line| line["guard"] == "audit_recovered"), "the log holds that it was in trouble");
}

#[test]
fn what_cannot_be_written_at_the_end_is_an_error_of_the_shutdown() {
    let log = AuditDirectory::new();
    let mut rig = start(&log);
    std::fs::rename(&log.path, elsewhere(&log)).unwrap();
    while told(&rig, GuardEvent::AuditTroubled).is_empty() {
        trade(&mut rig);
    }
    let result = rig.shutdown(Shutdown::CancelOurs, 10_000);
    std::fs::rename(elsewhere(&log), &log.path).unwrap();
    let Err(GatewayError::AuditIncomplete { missing, why }) = result else { panic!("{result:?}") };
    assert!(missing > 0 && !why.is_empty(), "{missing} {why}");
    let report = log.report();
    assert!(report.violations.iter().any(|v| v.what.contains("the run does not end here")), "{report}");
}
