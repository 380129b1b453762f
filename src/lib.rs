//! Low-latency exchange connectivity: one pinned reactor, fixed-layout records, SPSC rings.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod codec;
pub mod order;
pub mod record;
pub mod venue;
