//! An audit log in a directory of its own, and what tests ask of it.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use super::common::scratch::Scratch;
use exchange_connectors::journal::verify::{verify, Report, Rules};
use serde_json::Value;
use std::path::PathBuf;

/// A directory that is gone when the test is.
pub struct AuditDirectory {
    pub path: PathBuf,
    _scratch: Scratch,
}

impl AuditDirectory {
    pub fn new() -> AuditDirectory {
        let scratch = Scratch::new("audit");
        AuditDirectory { path: scratch.path.clone(), _scratch: scratch }
    }

    /// Where the directory is while a test has it taken away.
    pub fn elsewhere(&self) -> PathBuf {
        self.path.with_extension("away")
    }

    /// The files, in the order in which they were written.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(&self.path).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        files
    }

    /// Everything that was written.
    pub fn text(&self) -> String {
        self.files().iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
    }

    /// Every line, parsed.
    pub fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What the verification says.
    pub fn report(&self) -> Report {
        verify(std::slice::from_ref(&self.path), Rules::default()).unwrap()
    }

    /// The verification finds nothing.
    #[track_caller]
    pub fn assert_clean(&self) -> Report {
        let report = self.report();
        assert!(report.is_clean(), "{report}\n{}", self.text());
        report
    }
}

impl Drop for AuditDirectory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.elsewhere());
    }
}
