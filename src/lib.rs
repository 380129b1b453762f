//! Low-latency exchange connectivity: one pinned reactor, fixed-layout records, SPSC rings.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod book;
pub mod codec;
pub mod dialer;
pub mod engine;
pub mod gateway;
pub mod guard;
pub mod keeper;
pub mod link;
pub mod order;
pub mod reactor;
pub mod record;
pub mod ring;
#[cfg(feature = "sim")]
pub mod sim;
pub mod telemetry;
pub mod venue;

#[cfg(feature = "cli")]
pub mod cli;
