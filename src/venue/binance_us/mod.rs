//! Binance.US spot.
//!
//! Owns the translation between the venue's bytes and the vocabulary of [`crate::venue`]: stream messages, WebSocket API
//! and REST replies to [`Facts`](super::Facts), intents to frames and requests. Wire facts are cited as sections of the
//! venue reference ("Binance.US reference 6"); the engine upgrade of 2026-08-31 (section 0) made older documentation
//! wrong. Never touches a socket, a clock or a random source, and owns no order and no guard.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

pub mod auth;
mod book_sync;
mod clock;
pub mod cold;
pub mod composite;
#[cfg(test)]
mod documented_tests;
mod endpoint;
mod filters;
pub mod limits;
mod market_data;
mod params;
mod products;
pub mod reject;
pub mod request;
mod response;
mod rules;
mod session;
mod snapshot;
mod stream;
mod subscribe;
#[cfg(test)]
mod testing;
mod user;

pub use clock::{NotSynced, Offset, TimeSync, VenueMs};
pub use endpoint::{BinanceUsEndpoints, Endpoint, EndpointError};
pub use filters::{FilterError, Filters, Notional, PercentPrice, Range, Standing, TrailingDelta};
pub use market_data::{MarketData, SnapshotRequest};
pub use response::{listings, Catalog, CatalogError, Market, RowKind, Rows, Usage, Wait};
pub use rules::RuleError;
pub use session::{
    ApiConfig, ApiSession, NotSent, OrderConfig, OrderProgress, OrderSession, Outcome, Reply, ReplyTo, Requests,
    StreamConfig, StreamSession, UserData, UserSession, WantError,
};
pub use snapshot::SnapshotOutcome;
pub use subscribe::{CandleInterval, Streams};
