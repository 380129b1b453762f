//! What the local venues share: an order book with price-time priority, and a made-up market around it.
//!
//! Knows no venue: instruments come in through [`Traded`], accounts, order states and wire formats stay with the venue.
//! Everything is decided by seed, calls and times; nothing here owns a socket, a clock or a thread.

pub(crate) mod book;
mod candle;
mod generated;
mod increments;
mod ledger;
mod pace;
mod past;

pub use book::Side;
pub(crate) use candle::{widened, Candle, MINUTE_S};
pub(crate) use generated::{Market, Match, Trade, Want};
pub(crate) use increments::{Increments, Traded};
pub(crate) use ledger::{Account, Ledger};
pub(crate) use pace::Pace;
pub(crate) use past::Past;
