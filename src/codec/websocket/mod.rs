//! The client side of RFC 6455: upgrade, incoming frames, outgoing frames.
//!
//! Owns the framing and nothing else. Incoming payloads are handed out in place and mutable, because the JSON parser
//! scribbles over its input; a message longer than [`Limits::whole_bytes_max`] arrives in pieces, so the receive buffer
//! never has to hold it. Guarantees that whatever the server sends ends in an item or in a [`WsError`] that carries the
//! close code to answer with. Never answers by itself (pongs and closes are the session's to send), never allocates while
//! reading, never makes up a mask: entropy is an argument.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod frame;
mod handshake;
mod reader;
mod utf8;
mod writer;

pub use frame::{CloseCode, Opcode, WsError, CONTROL_BYTES_MAX};
pub use handshake::{HandshakeError, Upgrade, UpgradeReader, UpgradeRequest};
pub use reader::{FrameReader, Item, Limits, Step};
pub use writer::{
    encode, encode_close, encode_ping, encode_pong, ControlTooLong, Data, FrameBuilder,
};

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests;
