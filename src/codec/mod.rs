//! Wire codecs: bytes in, values out, and back.
//!
//! Owns the formats that more than one venue speaks. Guarantees that no input, however hostile, makes it panic or
//! allocate without a named limit. Never touches a socket, a clock, a thread, a log or a random source: time and
//! entropy are arguments.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

pub(crate) mod hex;
pub mod hmac;
pub mod http1;
pub mod json;
pub mod jwt;
pub mod secret;
pub mod text;
pub mod timestamp;
pub mod websocket;

#[cfg(test)]
pub(crate) mod test_captures;
