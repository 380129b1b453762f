//! Wire codecs: bytes to meaning and back, each one venue-neutral.
//!
//! Everything here works on the caller's buffers and takes time and randomness as arguments. Nothing here opens a socket,
//! reads a clock, starts a thread or logs. No input, however hostile, panics: it ends in a typed error.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod http1;
pub mod websocket;
