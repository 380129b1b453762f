//! The local Binance.US: [`BinanceUs`] is the pure model, [`LocalBinanceUs`] the same behind TLS servers.
//!
//! Served, as after the engine upgrade of 2026-08-31 (Binance.US reference 0): REST and WebSocket API with every order
//! kind, cancelReplace, OCO lists and the queries; market streams; the user stream by subscription and by listen key;
//! weights, order counts, bans, filters, signatures and time windows. Not served: order amend and the list kinds
//! Binance.US does not document. Where the venue's behaviour is unconfirmed (reference 11) the choice
//! is configurable or said at the place.

mod account;
mod auth;
mod config;
mod endpoint;
mod exchange;
mod filters;
mod frames;
mod kline;
mod limits;
mod list;
mod local;
mod market_data;
mod model;
mod observed;
mod oco;
mod order;
mod params;
mod parse;
mod prevention;
mod product;
mod publisher;
mod reject;
mod report;
mod rest;
mod rolling;
mod service;
mod session;
mod stream;
mod trading;
mod trigger;
mod user;
mod ws_api;

#[cfg(test)]
mod tests;

pub use crate::sim::market::Side;
pub use config::{ApiKey, Config, ListenKeys};
pub use exchange::Fees;
pub use limits::Limits;
pub use local::{Balance, ControlError, LocalBinanceUs};
pub use model::{BinanceUs, DOOR_REST, DOOR_STREAM, DOOR_WS_API};
pub use observed::{Observed, SeenOrder};
pub use product::{usual_symbols, Filters, Symbol, Trading};
pub use reject::waf_page;
