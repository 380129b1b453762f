//! Coinbase Advanced Trade.
//!
//! Owns the translation between the venue's bytes and the vocabulary of [`crate::venue`]: stream messages and REST
//! replies to [`Facts`](super::Facts), intents to frames and requests. Wire facts are cited as sections of the venue
//! reference ("Coinbase reference 6.4"). Never touches a socket, a clock or a random source, and owns no order, book or
//! guard.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

pub mod auth;
#[cfg(test)]
mod captures;
pub mod cold;
pub mod composite;
mod dialect;
mod endpoint;
pub mod exchange;
pub mod limits;
mod products;
mod query;
pub mod reject;
pub mod request;
pub mod response;
mod session;
mod source;
mod stream;
mod subscribe;
#[cfg(test)]
mod testing;

pub use endpoint::{CoinbaseEndpoints, Endpoint, EndpointError};
pub use session::{
    NotSent, OrderConfig, OrderProgress, OrderSession, Outcome, Refused, Reply, ReplyTo, StreamConfig, StreamLoad,
    StreamRole, StreamSession, WantError, CONNECTION_GAPS_MAX,
};
pub use source::{MarketFeeds, MarketSource, StreamConnection};
