//! The local Coinbase Advanced Trade: [`Coinbase`] is the pure model, [`LocalVenue`] the same behind TLS servers.
//!
//! Served: every REST call of Coinbase reference 3 (each order kind, edit, previews, batch cancel, lookups and lists,
//! accounts, products, books, trades, candles, time, permissions, fees), the market WebSocket (`level2`,
//! `market_trades`, `ticker`, `ticker_batch`, `candles`, `status`, `heartbeats`) and the user WebSocket (`user`,
//! `futures_balance_summary`, `heartbeats`); of the older `/v2` only what general clients read before they trade. `market_market_fok` is refused, as the venue refuses it for spot.
//!
//! Where the venue's behaviour is unconfirmed (Coinbase reference 9) the choice is configurable or said at the place:
//! an attached bracket waits as `QUEUED` until its originating order is over and then protects what that filled; the
//! rungs of a scaled order are one order to the client; a TWAP slice takes what the book has at its limit; an edit
//! keeps its place in the queue only for a smaller size at the same price.

mod auth;
mod candle;
mod config;
mod configuration;
mod control;
mod edit;
pub mod errors;
mod exchange;
mod exchange_feed;
mod frames;
mod funds;
mod futures;
mod limits;
mod local;
mod matching;
mod model;
mod observed;
mod order;
mod parse;
mod product;
mod reject;
mod rest;
mod schedule;
mod session;
mod show;
mod stream;
mod streaming;

#[cfg(test)]
mod tests;

pub use crate::sim::market::Side;
pub use auth::LegacyKey;
pub use config::{Config, Permissions, Unconfirmed};
pub use control::SeenOrder;
pub use errors::{Generation, ReasonPlace};
pub use exchange::Fees;
pub use exchange_feed::ExchangeCredentials;
pub use limits::{Limits, Refusal429};
pub use local::{Balance, ControlError, LocalVenue};
pub use model::{Coinbase, DOOR_EXCHANGE, DOOR_MARKET, DOOR_REST, DOOR_USER, PRODUCTION_HOST};
pub use observed::Observed;
pub use product::{usual_products, Product, Trading};
