//! An audit log in a directory of its own, and what tests ask of it.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use exchange_connectors::journal::verify::{verify, Report, Rules};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that is gone when the test is.
pub struct AuditDirectory {
    pub path: PathBuf,
}

impl AuditDirectory {
    pub fn new() -> AuditDirectory {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("exchange-connectors-audit-{}-{count}", std::process::id());
        AuditDirectory { path: std::env::temp_dir().join(name) }
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
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Whether a path is there.
pub fn exists(path: &Path) -> bool {
    std::fs::metadata(path).is_ok()
}
