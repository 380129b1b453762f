//! The local OANDA: [`Oanda`] is the pure model, [`LocalOanda`] the same behind TLS servers.
//!
//! Served (OANDA reference 3 to 9): REST v20 for one account with every order kind, exits on trades, netting and
//! hedging, margin, the transaction log and its queries, prices and candles; the pricing and the transaction stream;
//! token, limits and errors. Not served: order and position books, `candles/latest`, financing, dividends and margin
//! calls before a close-out. Where the venue's behaviour is unconfirmed the choice is said at the place.

mod account;
mod candles;
mod close;
mod config;
mod exchange;
mod fill;
mod hours;
mod instrument;
mod local;
mod log;
mod market;
mod model;
mod money;
mod observed;
mod order;
mod parse;
mod queries;
mod reject;
mod rest;
mod show;
mod stream;
mod text;
mod trading;
mod trigger;

#[cfg(test)]
mod tests;

pub use crate::sim::market::Side;
pub use config::{Config, Identity, Limits, Token};
pub use instrument::{usual_instruments, Guaranteed, Instrument, InstrumentKind};
pub use local::{ControlError, LocalOanda, Position};
pub use model::{Oanda, DOOR_REST, DOOR_STREAM};
pub use observed::Observed;
pub use reject::edge_page;
