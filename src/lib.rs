//! Low-latency exchange connectivity: one pinned reactor, fixed-layout records, SPSC rings.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(feature = "sim")]
pub mod sim;

#[cfg(feature = "cli")]
pub mod cli;
