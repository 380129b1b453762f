//! What is defended against, and what is not.
//!
//! # The peer
//!
//! Certificates are always verified, against the usual roots and, if given, an additional file; there is no switch. Redirects
//! are never followed, compression is never offered. Every parser takes hostile bytes: no input panics, every size has a named
//! limit, frames are masked with unpredictable keys. The crate's own code is `forbid(unsafe_code)`.
//!
//! # Secrets
//!
//! Keys are taken from the environment or from code, never from the command line. They live in wrappers that print nothing
//! and are wiped when dropped; tokens are single-use, travel as boxed text, and come back to be wiped. Nothing of either
//! appears in errors, records, the audit log or logs at any level; CI searches the whole output of the tests, at trace level, for the
//! tests' fixed keys. What we cannot wipe: the process environment, copies inside the crypto library while it signs, and
//! bytes on their way through TLS buffers.
//!
//! # Money
//!
//! A gateway with credentials does not start without limits or an explicit `without_limits()`. The demo reads no credential
//! and no endpoint of the environment and talks only to the venue it started. Live tests are ignored by default and read-only
//! unless `EXCHANGE_CONNECTORS_LIVE_ORDERS=1`.
//!
//! # Not defended against
//!
//! A hostile process of the same user; a clock set wrong by more than the venue tolerates (tokens are then refused); a venue
//! that lies.
