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
//! tests' fixed keys.
//!
//! Wiped: the text of a key once it is parsed, and every copy on the way there; HMAC keys and their hash states; tokens, used
//! or not; signed requests in the buffers of queries, emergencies and order connections, up to the size they begin with.
//!
//! Not wiped, because it is not ours to wipe:
//! - The process environment: a key taken from a variable stays there, for whoever can read the memory or
//!   `/proc/PID/environ` of the process, and for every child it starts. Pass keys in code, or unset the variable before the
//!   first thread starts, if that matters.
//! - What the caller keeps: we borrow the text you pass and cannot wipe your copy.
//! - The crypto library: private keys live inside AWS-LC for as long as the gateway, in its own allocations, which it clears
//!   when it frees them; what it puts on the stack while it signs is up to it. TLS session keys and the plaintext on its way
//!   through are rustls's, in buffers it does not promise to clear.
//! - What the system does with memory: swap, hibernation, core dumps, a debugger of the same user. Switch swap and core dumps
//!   off on a machine that holds keys.
//! - A buffer that had to grow: what it held before the move is freed, not cleared.
//! - After a panic, the threads that did not unwind, and after `panic = "abort"` everything.
//!
//! # Money
//!
//! A gateway with credentials does not start without a limit at each of their venues or an explicit `without_limits()`. The demo reads no credential
//! and no endpoint of the environment and talks only to the venue it started. Live tests are ignored by default and read-only
//! unless `EXCHANGE_CONNECTORS_LIVE_ORDERS=1`.
//!
//! # Not defended against
//!
//! A hostile process of the same user; a clock set wrong by more than the venue tolerates (tokens are then refused); a venue
//! that lies.
