//! One folder per venue, and the vocabulary they all translate into.
//!
//! A venue session only translates: bytes to [`Facts`], intents to bytes. It owns no order, no book and no guard.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

pub mod binance_us;
pub mod coinbase;
pub mod endpoint;
mod facts;
mod fault;
mod intent;

pub use crate::order::FillFact;
pub use facts::{
    Anomaly, BookEvent, BookEventKind, Facts, GapScope, QuoteFact, StreamFact, SubscribedChannel, TickerFact, TradeFact,
};
pub use intent::{
    Channels, Deadline, PlaceIntent, SessionError, SessionProgress, Wire, BYTES_PER_CALL_MAX, LEVELS_PER_CALL_MAX,
};
