//! OANDA v20.
//!
//! Owns the translation between the venue's bytes and the vocabulary of [`crate::venue`]: lines of the two HTTP streams
//! and REST replies to [`Facts`](super::Facts), intents to requests. What differs from the other venues: streams are
//! lines in endless HTTP/1.1 bodies, a quantity is signed instead of having a side, an account holds positions and
//! margin instead of assets, and the account's numbered transactions are the one truth about all of it: each is applied
//! once ([`Ledger`]), whichever of stream, reply or history brought it first. Wire facts are cited as sections of the
//! venue reference ("OANDA reference 6"). Never touches a socket, a clock or a random source, and owns no order, book or
//! guard.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

pub mod auth;
pub mod cold;
mod endpoint;
mod ledger;
pub mod limits;
mod products;
pub mod reject;
pub mod request;
pub mod response;
mod session;
mod stream;
#[cfg(test)]
pub(crate) mod testing;
mod transaction;

pub use crate::venue::endpoint::{Endpoint, EndpointError};
pub use endpoint::{EndpointsError, Environment, OandaEndpoints};
pub use ledger::{Admitted, Ledger};
pub use products::{GuaranteedStops, InstrumentRules};
pub use session::{
    NotSent, OrderConfig, OrderProgress, OrderSession, Outcome, Reply, ReplyTo, StreamConfig, StreamRole,
    StreamSession, WantError,
};
