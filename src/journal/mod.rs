//! The audit log: every API call and every order event as one JSON line, written by a thread of its own.
//!
//! Owns the files, their sequence numbers, their rotation, and when they are forced to the disk; and the two ways in: a
//! ring from the reactor, which only copies an [`AuditEntry`](crate::record::AuditEntry) into it, and a bounded queue
//! from cold queries. Guarantees that nothing is missing in silence: what found no room is counted exactly and the log
//! says where; a disk that refuses stops the taking of entries until it obeys; the strategies are told of both. The
//! end of the gateway drains everything and forces it to the disk. Never writes a key, a token or a signature: entries
//! have no field for one, and texts of foreign origin are searched for what looks like one.
//!
//! [`verify`] reads the files back and checks every order's history against what this crate promises.

mod config;
mod disk;
mod escape;
mod line;
mod tap;
mod thread;
pub mod verify;
mod writer;

pub use config::{AuditConfig, Fsync};
pub use tap::{AuditTap, ColdAudit};
pub use thread::{AuditEnd, Journal, Names};

/// How the names of the log's files begin and end: `audit-<start of the run, ns>-<part>.jsonl`.
const FILE_PREFIX: &str = "audit-";
const FILE_SUFFIX: &str = ".jsonl";
