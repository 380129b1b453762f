//! A directory of a test's own: for an audit log, or for state. When the test is over it holds no secret, and is gone.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// What is searched for in everything the tests print or write: the secrets of the keys they use, or pieces of them.
pub fn canaries() -> impl Iterator<Item = &'static str> {
    include_str!("canaries.txt").lines().filter(|line| !line.is_empty())
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Scratch {
    pub path: PathBuf,
}

impl Scratch {
    /// A name that nobody else has; the directory itself is made by whoever uses it.
    pub fn new(what: &str) -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("exchange-connectors-{what}-{}-{count}", std::process::id());
        Scratch { path: std::env::temp_dir().join(name) }
    }
}

/// The first canary below a place, and the file that holds it.
pub fn canary_below(place: &Path) -> Option<(&'static str, PathBuf)> {
    std::fs::read_dir(place).ok()?.flatten().find_map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => canary_below(&entry.path()),
        _ => {
            let bytes = std::fs::read(entry.path()).ok()?;
            let text = String::from_utf8_lossy(&bytes);
            let found = canaries().find(|canary| text.contains(canary))?;
            Some((found, entry.path()))
        }
    })
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let found = canary_below(&self.path);
        let _ = std::fs::remove_dir_all(&self.path);
        if !std::thread::panicking() {
            assert_eq!(found, None, "a secret was written");
        }
    }
}
