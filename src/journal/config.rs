//! How the audit log is kept.

use std::path::{Path, PathBuf};

/// Entries the reactor's ring holds: 5 MB, and more than a disk that hangs for a second makes wait.
const RING_ENTRIES: usize = 16_384;
/// Fewer would lose entries in any burst.
const RING_ENTRIES_MIN: usize = 16;
/// Size at which a file is followed by the next.
const ROTATE_BYTES: u64 = 64 * 1024 * 1024;
/// A file must hold more than its own first line.
const ROTATE_BYTES_MIN: u64 = 4 * 1024;
/// Files kept.
const FILES_MAX: usize = 64;

/// When the log is forced to the disk. A process that dies loses nothing either way; a machine that dies loses what was
/// not forced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// Only at the end of a file and of the run.
    Never,
    /// At most so many milliseconds after an entry was written.
    EveryMs(u64),
    /// Whenever something was written. Entries that came together share one.
    EveryEntry,
}

/// Where and how the audit log is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct AuditConfig {
    pub(super) directory: PathBuf,
    pub(super) fsync: Fsync,
    pub(super) rotate_bytes: u64,
    pub(super) files_max: usize,
    pub(super) ring_entries: usize,
}

impl AuditConfig {
    /// A log in this directory, which is made if it is missing and should be one gateway's own. Forced to the disk every
    /// second, files of 64 MiB, the newest 64 are kept.
    pub fn new(directory: impl Into<PathBuf>) -> AuditConfig {
        AuditConfig {
            directory: directory.into(),
            fsync: Fsync::EveryMs(1_000),
            rotate_bytes: ROTATE_BYTES,
            files_max: FILES_MAX,
            ring_entries: RING_ENTRIES,
        }
    }

    /// Where the files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// How many entries can wait.
    pub(crate) const fn entries(&self) -> usize {
        self.ring_entries
    }

    /// When it is forced to the disk.
    pub fn fsync(self, fsync: Fsync) -> AuditConfig {
        AuditConfig { fsync, ..self }
    }

    /// Size at which a file is followed by the next, bytes; at least 4,096.
    pub fn rotate_bytes(self, bytes: u64) -> AuditConfig {
        AuditConfig { rotate_bytes: bytes.max(ROTATE_BYTES_MIN), ..self }
    }

    /// How many files are kept, the one being written included; older ones are deleted, those of earlier runs too. At
    /// least 1.
    pub fn files_max(self, files: usize) -> AuditConfig {
        AuditConfig { files_max: files.max(1), ..self }
    }

    /// Entries (of 320 bytes) that can wait for the journal's thread; at least 16.
    pub fn ring_entries(self, entries: usize) -> AuditConfig {
        AuditConfig { ring_entries: entries.max(RING_ENTRIES_MIN), ..self }
    }
}
