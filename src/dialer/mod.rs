//! The threads that may wait: for names, for connections, for handshakes, for whole answers.
//!
//! Owns, per venue, one worker that opens connections when they are due and within the venue's budget, a few helpers that
//! do the waiting, and workers for cold queries over connections of their own. Guarantees that every [`DialJob`] gets
//! exactly one [`DialResult`], also on shutdown; that no attempt outlives its timeout, DNS included; that what is handed
//! over is ready for a poll loop, with every byte that came already. Never retries a dial (backing off is the engine's
//! business), never repeats a request that may have left unless it only reads, never follows a redirect, never logs a
//! header, a path or a body.

mod budget;
mod cold;
mod connect;
mod dial;
mod endpoint;
mod error;
mod exchange;
mod resolve;
mod worker;

#[cfg(all(test, feature = "sim"))]
mod tests;

pub use budget::{Budgeted, ConnectionBudget};
pub use cold::{Build, ColdHandle, ColdJob};
pub use dial::{DialJob, DialResult, Timings};
pub use endpoint::{Endpoint, EndpointKind};
pub use error::{DialError, DialReason, Phase};
pub use exchange::{ColdClient, ColdRequest, ExchangeError, ExchangeReason, OwnedResponse, Written};
pub use resolve::{system_lookup, Lookup};
pub use worker::{DialHandle, Dialer, DialerSettings, DialerStopped, Wake};
