//! Local venues: what the exchanges do, on loopback, without them.
//!
//! Each venue is a pure model (seed, time and requests in, replies and frames out: no socket, clock, thread or
//! random source inside), so the same calls give the same outputs, under a deterministic simulation as well as
//! behind the real TLS servers of [`server`]. Nothing here talks to a real exchange, holds a real key or writes a
//! file. It is a test double with the venue's manners: signatures are verified, rate limits enforced, errors
//! worded as the venue words them, and [`server::Fault`] makes it misbehave on request.
//!
//! [`coinbase::LocalVenue::start`] is the front door.

pub mod binance_us;
pub mod coinbase;
pub mod oanda;
pub mod server;
pub mod simulation;

mod controls;
mod json;
mod jwt;
mod keys;
mod market;
mod outputs;
mod requests;
mod rng;
mod stamp;
mod window;

pub use controls::{Model, Reports, VenueEnd};
pub use json::Json;
pub use jwt::{Refused, Target};
pub use keys::{Credentials, KeyError, KeyKind};
pub use outputs::{FakeOutputs, Offer};
pub use requests::{RequestLog, SeenRequest};
pub use rng::Rng;
pub use stamp::{parse_rfc3339, rfc3339_micros, rfc3339_nanos};

/// Nanoseconds in one second; every time in `sim` is UNIX nanoseconds.
pub const SECOND_NS: u64 = 1_000_000_000;
/// Nanoseconds in one millisecond.
pub const MILLISECOND_NS: u64 = 1_000_000;
