//! The audit log goes on from file to file, and from run to run, as one chain that verifies; only so many files are kept.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/audit.rs"]
mod audit;
mod common;

use audit::AuditDirectory;
use common::Bench;
use exchange_connectors::gateway::Shutdown;
use exchange_connectors::journal::verify::{verify, Rules};
use exchange_connectors::journal::{AuditConfig, Fsync};
use exchange_connectors::record::ExecutionKind as K;

/// A session of some orders with a log of small files.
fn session(log: &AuditDirectory, files_max: usize) {
    let config = AuditConfig::new(&log.path).rotate_bytes(4_096).files_max(files_max).fsync(Fsync::EveryEntry);
    let mut rig = Bench::new().gateway(move |builder| builder.audit(config)).start();
    for _ in 0..8 {
        let order = rig.place_accepted(rig.resting_bid());
        rig.submit(rig.cancel_of(order.request));
        rig.expect(order.request, K::Cancelled);
    }
    rig.shutdown(Shutdown::CancelOurs, 10_000).unwrap();
}

#[test]
fn files_and_runs_are_one_chain() {
    let log = AuditDirectory::new();
    session(&log, 1_000);
    session(&log, 1_000);
    let report = log.assert_clean();
    assert!(report.files > 6 && report.runs == 2 && report.headless == 0, "{report}");
    assert_eq!(report.orders, 16);
    for file in log.files() {
        let bytes = std::fs::metadata(&file).unwrap().len();
        assert!(bytes < 2 * 4_096, "{} has {bytes} bytes", file.display());
    }
}

#[test]
fn a_file_taken_away_from_the_middle_is_found() {
    let log = AuditDirectory::new();
    session(&log, 1_000);
    let mut files = log.files();
    files.remove(files.len() / 2);
    let report = verify(&files, Rules::default()).unwrap();
    assert!(report.violations.iter().any(|v| v.what.contains("a hole: ")), "{report}");
}

#[test]
fn only_the_newest_files_are_kept() {
    let log = AuditDirectory::new();
    session(&log, 3);
    assert_eq!(log.files().len(), 3);
    let report = log.assert_clean();
    assert_eq!(report.headless, 1, "{report}");
}
