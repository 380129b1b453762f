//! The local Coinbase Advanced Trade: [`Coinbase`] is the pure model, [`LocalVenue`] the same behind TLS servers.
//!
//! Served: REST create (market, limit GTC/IOC/FOK, post-only), batch cancel, order lookup and lists, fills, accounts,
//! products, book, trades, time, permissions, fees; the market WebSocket (`level2`, `market_trades`, `ticker`,
//! `ticker_batch`, `candles`, `status`, `heartbeats`) and the user WebSocket. Other order kinds are refused as
//! `UNSUPPORTED_ORDER_CONFIGURATION`. Where the venue's behaviour is unconfirmed (Coinbase reference 9) the choice is
//! configurable or said at the place.

mod config;
mod exchange;
mod frames;
mod limits;
mod local;
mod model;
mod observed;
mod order;
mod parse;
mod product;
mod reject;
mod rest;
mod session;
mod stream;

#[cfg(test)]
mod tests;

pub use crate::sim::market::Side;
pub use config::{Config, Permissions};
pub use exchange::Fees;
pub use limits::{Limits, Refusal429};
pub use local::{Balance, ControlError, LocalVenue};
pub use model::{Coinbase, DOOR_MARKET, DOOR_REST, DOOR_USER, PRODUCTION_HOST};
pub use observed::{Observed, SeenRequest};
pub use product::{usual_products, Product, Trading};
