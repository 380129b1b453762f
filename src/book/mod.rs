//! Local order books: exact, absolute levels, kept in blocks of one shared pool.
//!
//! This floor owns the engine's books ([`OrderBook`] over a [`BlockPool`]), the walk that hands a book to a slow consumer
//! in instalments ([`RecoveryCursor`]), and the strategy's side of both: a [`Follower`] rebuilds one book from market
//! records. All memory is reserved when a pool or book is made; a full pool or book is a typed, counted error that
//! leaves the book as it was. Any price is valid, negative ones too. Nothing here reads a clock, touches a socket, or
//! decides what a crossed or doubtful book means: callers announce that.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod cursor;
mod follower;
mod ladder;
mod order_book;
mod pool;
mod redundant;
#[cfg(test)]
mod tests;

pub use cursor::{Instalment, RecoveryCursor, INSTALMENT_LEVELS};
pub use follower::{BookLevel, Follower, FollowerState};
pub use order_book::{Change, ChangeKind, OrderBook, SIDE_BLOCKS_MAX};
pub use pool::{BlockPool, BookFull, BLOCK_LEVELS};
pub use redundant::{Arrival, BookChoice, Feed, TradeMerger, STALE_EVENTS, STALE_MS, TRADE_WINDOW};
