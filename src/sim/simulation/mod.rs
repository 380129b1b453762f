//! The deterministic simulation: an engine and a venue's pure model over a network made of memory, on a clock that is a
//! number.
//!
//! Owns the network between them ([`Network`]: latency, requests that are cut, lost, late or answered into the void,
//! connections that fall) and the scenarios that are played on it ([`scenario`]): orders placed, filled, cancelled and
//! abandoned by a session that dies, all drawn from one seed. Guarantees that the same seed gives the same run, byte for
//! byte, so that a failure is found again from its number. No socket, clock or thread.

mod network;
pub mod scenario;
mod subjects;
#[cfg(test)]
mod tests;
mod told;
mod websocket;

pub use network::Network;
pub use subjects::{Subject, Truth};
