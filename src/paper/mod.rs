//! The paper venue: the same commands and the same facts as a live venue, filled against the book the engine keeps.
//!
//! Owns a made-up account (balances, orders, executions) at one venue and how its orders meet the market. Takes what the
//! engine would send ([`PlaceIntent`](crate::venue::PlaceIntent), cancels, changes), what the market does (whole book
//! events, public trades) and `now`; tells [`Facts`](crate::venue::Facts), so that the order table, guards, execution
//! records, audit log and kill switch are the very code that trades live. Guarantees exact arithmetic, that money is only
//! ever moved by fills and fees, and that the same inputs give the same facts. Never touches a socket, clock, thread,
//! random source or credential, and never sends anything anywhere.
//!
//! # The rules
//! An order reaches the market one command latency after it was submitted, and what becomes of it is told one event
//! latency later. In between the market moves on. The paper venue lives at the moment at which its market data was
//! received: add what the data itself needs to travel to the command latency.
//!
//! - **Taking.** An order that crosses walks the opposite side, best price first, level by level, up to its limit. What
//!   our orders took from a level is remembered: it is not there for the next one, until the level has shrunk below it.
//! - **Resting.** What is left joins the end of the queue: everything shown at its price stands before it. Trades at its
//!   price take from what stands before it, then fill it. A level that shows less than stood before the order bounds what
//!   can still stand before it. Nobody knows who cancelled: whoever leaves is taken to have stood behind us, until the level
//!   says otherwise. A trade that is not newer than the book event which gave the bound is in that bound already, and does
//!   not count twice.
//! - **Being passed.** A trade at a worse price by somebody who would have met our order first fills it, up to the size of
//!   that trade. So does an offer shown at its price or a better one, up to what is shown, at OUR price: it rests. A trade
//!   no newer than the book the order joined passed nobody; times of Binance.US are whole milliseconds.
//! - **A doubtful book.** While the book is not whole nothing is filled. A new order is refused before it leaves
//!   ([`Busy`](crate::record::RejectClass::Busy)); one that was on its way, by the venue
//!   ([`NotTradable`](crate::record::RejectClass::NotTradable)). So is a change, and the order stands as it stood.
//! - **Immediate or cancel, fill or kill, post-only, market by base or by quote**, funds, fees and the words of refusals are
//!   those of the venue it stands for ([`rules`]).
//! - **Our own orders** never trade with each other: at Coinbase the newer one ends, at Binance.US the resting one expires.
//!
//! # A venue that quotes
//! OANDA shows prices for sizes and is the other side of every fill. There:
//! - **Executions.** An order looks at the price it would be filled at (or the one it names), with every price. Once that is
//!   where it waits for it, it is filled whole out of the buckets, at their average, rounded to the tick against us; or not
//!   at all; or, immediate-or-cancel, in part. What our orders took is gone until the next price. The half-spread is what a
//!   fill costs: there are no fees. Limit, stop, market-if-touched, price bounds, good-till-date, and what an order may do to
//!   the position are known; a change is another order in the place of the first.
//! - **The account** has one currency and nets: what opposes a position closes its oldest trades first, and what is left over
//!   opens a trade, all in one fill. Profits are converted by the prices seen, at a cost. What the account can bear is asked
//!   at every execution, by the instrument's own margin rate or the account's, whichever is higher. Once half the margin is
//!   more than the account is worth, each instrument is closed out with its next price.
//! - A profit in a currency for which no instrument here gives a price cannot be counted: such orders are refused
//!   (`INSTRUMENT_PRICE_UNKNOWN`). Subscribe to the pair.
//!
//! # What it does not model
//! Our orders do not move the market: nobody reacts to them, they are not shown in the book, and what they take comes back
//! when the level is renewed. Hidden and iceberg orders, of others and of ours; how many orders a level is made of (a fill
//! is one per level, not one per resting order); price bands and auctions; the venue's rate limits, outages and lost
//! replies; prepared (composite) orders in a book, and at OANDA exits on fill and orders until the end of the day, which are
//! refused; financing, guaranteed stops and margin calls before a close-out; deposits, interest, and fee tiers that change with volume. Two
//! instruments that share one book at the venue (`BTC-USD`, `BTC-USDC`) do not compete for it here.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod account;
mod config;
mod margin;
mod market;
mod order;
mod quoting;
mod resting;
pub mod rules;
mod shown;
mod taking;
#[cfg(test)]
mod tests;
mod told;
mod venue;

pub use config::{PaperConfig, PaperError, ASSETS_MAX};
pub use shown::{Books, Shown};
pub use told::{Answer, Told};
pub use venue::{Asked, NotOffered, PaperVenue, FILLS_KEPT_MAX, ORDERS_KEPT_MAX};
