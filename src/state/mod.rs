//! What survives a restart: one small directory per user of this machine.
//!
//! Owns, for every account that is traded with, a lock (one process at a time), the epochs of the sessions that traded
//! with it (they are part of every client order id, so that a dead session's orders are recognised) and up to when what was
//! executed was told. Guarantees that this moment is moved by nothing but [`ToldUntil`], not by a start that fails either;
//! that a second process is refused while the first lives, however it ends, and that an epoch is
//! on the disk before it is used: written to a temporary file, forced, renamed, and the directory forced. Never talks to a
//! venue, never decides what becomes of old orders, and keeps no secret: an account is named by a digest of its key's
//! public name.

mod account;
mod alive;
mod directory;
mod epochs;
#[cfg(test)]
mod tests;
mod told;

pub use account::Account;
pub use directory::{default_directory, Locked, Session, StateDirectory};
pub use epochs::EPOCHS_KEPT;
pub use told::ToldUntil;

use crate::record::Venue;
use std::path::PathBuf;

/// Why there is no session. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Nobody said where to keep it.
    #[error(
        "no place for the state directory: set EXCHANGE_CONNECTORS_STATE_DIR (or HOME), or call `.state_directory(..)`"
    )]
    NoPlace,
    /// Another process trades with this account.
    #[error("{venue}: this account is in use by another process ({holder}): end it first, or trade with another key (lock: {})", path.display())]
    InUse {
        /// The venue.
        venue: Venue,
        /// Who holds it, as far as it said: its process id.
        holder: String,
        /// The lock's file.
        path: PathBuf,
    },
    /// The same account is configured twice.
    #[error("{0}: the same account twice in one gateway: leave one out")]
    Twice(Venue),
    /// The disk does not do what is needed.
    #[error("state directory: cannot {operation} {}: {why}; nothing is traded before that works", path.display())]
    Disk {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// A file is there but not ours, or damaged.
    #[error("state directory: {} cannot be read ({why}): restore it, or remove it once no order of an earlier run is open", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}
