//! Wire codecs: bytes in, values out, and back. Every format here is one that more than one venue speaks.
//!
//! Everything here works on the caller's buffers and takes time and randomness as arguments. Nothing here opens a socket,
//! reads a clock, starts a thread or logs. No input, however hostile, panics or allocates past a named limit: it ends in
//! a typed error.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

pub(crate) mod hex;
pub mod hmac;
pub mod http1;
pub mod json;
pub mod jwt;
pub mod secret;
pub mod timestamp;
pub mod websocket;

#[cfg(test)]
pub(crate) mod test_captures;
