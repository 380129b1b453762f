//! `exchange-connectors audit` prints a summary of a sound log, names what is wrong with another, and says clearly what it
//! cannot read.

use crate::audit::AuditDirectory;
use crate::command_line::{program, run, Ended};
use crate::common::Bench;
use exchange_connectors::gateway::Shutdown;
use exchange_connectors::journal::AuditConfig;
use exchange_connectors::record::ExecutionKind as K;
use std::path::Path;

fn check(paths: &[&Path]) -> Ended {
    run(program().arg("audit").args(paths))
}

/// The log of one order's life.
fn sound() -> AuditDirectory {
    let log = AuditDirectory::new();
    let config = AuditConfig::new(&log.path);
    let mut rig = Bench::new().gateway(move |builder| builder.audit(config)).start();
    let order = rig.place_accepted(rig.resting_bid());
    rig.submit(rig.cancel_of(order.request));
    rig.expect(order.request, K::Cancelled);
    rig.shutdown(Shutdown::CancelOurs, 10_000).unwrap();
    log
}

/// Rewrites the log's one file.
fn forge(log: &AuditDirectory, change: impl Fn(&str) -> String) {
    let file = log.files().pop().unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, change(&text)).unwrap();
}

#[test]
fn a_sound_log_is_summed_up() {
    let log = sound();
    let file = log.files().pop().unwrap();
    for path in [log.path.as_path(), file.as_path()] {
        let ended = check(&[path]);
        ended.assert_no_panic();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        for part in ["commands     cancel 1, place 1", "Accepted 1,", "Cancelled 1\n", "no violations"] {
            assert!(ended.stdout.contains(part), "{part:?} is missing: {ended:?}");
        }
    }
}

#[test]
fn a_forged_log_is_named_line_by_line() {
    let log = sound();
    forge(&log, |text| {
        text.lines().filter(|l| !l.contains(r#""event":"accepted""#)).map(|l| format!("{l}\n")).collect()
    });
    let ended = check(&[&log.path]);
    assert_eq!(ended.the_error(), "exchange-connectors: audit: 2 violations", "{ended:?}");
    assert_eq!(ended.code, Some(1));
    for part in ["a hole: 1 lines", "Cancelled before it was accepted", ".jsonl:"] {
        assert!(ended.stdout.contains(part), "{part:?} is missing: {ended:?}");
    }
}

#[test]
fn a_log_still_being_written_verifies_if_that_is_said() {
    let log = sound();
    forge(&log, |text| text[..text.len() - 5].to_owned());
    assert_eq!(check(&[&log.path]).code, Some(1));
    let ended = run(program().arg("audit").arg("--unfinished").arg(&log.path));
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn what_cannot_be_read_is_named() {
    let log = sound();
    let says = |paths: &[&Path], wanted: &str| {
        let ended = check(paths);
        let error = ended.the_error().to_owned();
        assert!(error.contains(wanted) && ended.stdout.is_empty(), "{wanted:?} is missing: {ended:?}");
    };
    says(&[Path::new("/nowhere/audit.jsonl")], "/nowhere/audit.jsonl: ");
    let empty = AuditDirectory::new();
    std::fs::create_dir(&empty.path).unwrap();
    says(&[&empty.path], "no files of an audit log");
    let file = empty.path.join("notes.txt");
    for text in ["", "milk, eggs\n", "{\"kind\":\"other\"}\n", "\u{0}\u{1}"] {
        std::fs::write(&file, text).unwrap();
        says(&[&file], "not an audit log");
    }
    let copy = empty.path.join("copy.jsonl");
    std::fs::copy(log.files().pop().unwrap(), &copy).unwrap();
    says(&[&log.path, &copy], "the same part of the same run");
    forge(&log, |text| text.replacen("\"kind\":\"command\"", "\"kind\":\"wish\"", 1));
    says(&[&log.path], "unknown kind `wish`");
    forge(&log, |text| text.replacen("\"kind\":\"wish\"", "\"kind\":", 1));
    says(&[&log.path], ".jsonl:");
    assert_eq!(run(program().arg("audit")).code, Some(2), "which file?");
}
