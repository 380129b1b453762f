//! Low-latency exchange connectivity: one pinned reactor, fixed-layout records, SPSC rings.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod book;
pub mod codec;
pub mod order;
pub mod record;
pub mod venue;
