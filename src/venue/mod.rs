//! One folder per venue, and the vocabulary they all translate into.
//!
//! A venue session only translates: bytes to [`Facts`], intents to bytes. It owns no order, no book and no guard.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

pub mod binance_us;
pub mod coinbase;
mod collected;
pub mod endpoint;
mod facts;
mod fault;
mod intent;
mod listed;
mod listing;
pub mod oanda;
#[cfg(test)]
mod testing;
mod wait;
mod websocket;

use crate::record::{PreparedOrder, Venue};

/// Whether an order's venue has a form for its terms: asked when it is prepared, so that submitting cannot fail for it.
///
/// # Errors
/// What the venue has no form for, in words.
pub fn check_prepared(order: &PreparedOrder) -> Result<(), String> {
    match order.venue() {
        Venue::Coinbase => coinbase::composite::check(order).map_err(|error| error.to_string()),
        Venue::BinanceUs => binance_us::composite::check(order).map_err(|error| error.to_string()),
        Venue::Oanda => oanda::request::check_terms(order).map_err(|error| error.to_string()),
    }
}

pub use crate::order::FillFact;
pub use crate::record::SubscribedChannel;
pub use facts::{
    AccountFact, Anomaly, BalanceFact, BookEvent, BookEventKind, CandleFact, Facts, FuturesFact, FuturesFigures,
    GapScope, HeldTrade, PositionFact, QuoteFact, StreamFact, TickerFact, TradeEffect, TradeFact, TradeFill,
};
pub use intent::{
    Channels, Deadline, OrderProgress, PlaceIntent, ReplaceIntent, SessionError, SessionProgress, Wire,
    BYTES_PER_CALL_MAX, LEVELS_PER_CALL_MAX,
};
pub use listed::ListedOrder;
pub(crate) use wait::is_page;
