//! Low-latency exchange connectivity: one reactor thread, pinned to a core, owns every venue socket; market data arrives as
//! fixed-layout records on single-producer single-consumer rings, orders leave on warm TLS connections.
//!
//! What it guarantees, and what not:
//!
//! - Numbers are exact: integer mantissas and powers of ten, no float, no rounding.
//! - A venue event is published whole or not at all; a loss is announced with its exact size, and so is its end.
//! - An order is never sent twice. An order whose outcome is unknown stays [`Unknown`](record::ExecutionKind::Unknown) until
//!   the venue gives evidence.
//! - Submitting never blocks and never allocates; what cannot leave now is refused with a reason.
//! - It does not decide when to trade, persists nothing but an audit log if one is asked for, and speaks one venue so far: Coinbase.
//!
//! # A strategy
//!
//! ```no_run
//! use exchange_connectors::record::{OrderCommand, Side, Venue, View};
//! use exchange_connectors::{Channels, Gateway, GatewayBuilder, Shutdown};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Credentials and endpoints from the environment; see `CoinbaseConfig` for the same in code.
//! let gateway: Gateway = GatewayBuilder::from_env()?.without_limits().pin_to_core(1).start()?;
//! let mut strategy = gateway.strategy()?;
//! let btc = gateway.subscribe(strategy.id(), Venue::Coinbase, "BTC-USD", Channels::BOOK | Channels::TRADES)?;
//!
//! for _ in 0..1_000_000 {
//!     while let Some(record) = strategy.market.pop() {
//!         let View::Trade(trade) = record.view() else { continue };
//!         if trade.price.to_string() == "83277.26" {
//!             let price = trade.price.rescale(btc.price_exponent)?;
//!             let order = OrderCommand::limit(btc.id, Side::Buy, price, btc.lot_mantissa()).post_only();
//!             strategy.orders.submit(order.caused_by(record.recv()))?;
//!         }
//!     }
//!     while let Some(execution) = strategy.executions.pop() {
//!         println!("{execution:?}");
//!     }
//! }
//! gateway.shutdown(Shutdown::CancelOurs, 5_000)?;
//! # Ok(())
//! # }
//! ```
//!
//! # A script
//!
//! ```no_run
//! use exchange_connectors::record::Venue;
//! use exchange_connectors::{Connector, ConnectorConfig, ExchangeConnector, GatewayBuilder};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let builder = GatewayBuilder::from_env()?.without_limits();
//! let mut coinbase = Connector::new(Venue::Coinbase, builder, ConnectorConfig::default());
//! coinbase.connect()?;
//! for balance in coinbase.get_account_balances()? {
//!     println!("{} {} free, {} held", balance.asset, balance.available, balance.hold);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Where to look
//!
//! [`gateway`] is the front door, [`record`] what crosses the rings, [`book`] has a [`Follower`] that rebuilds books from
//! records. [`manual`] explains decisions. The floors below are public so that they can be fuzzed, benched and reused:
//! [`codec`], [`venue`], [`order`], [`position`], [`guard`], [`paper`], [`engine`] are pure functions without sockets, clocks or threads; [`link`],
//! [`dialer`], [`keeper`], [`journal`] and [`reactor`] are where the outside is touched.
//!
//! # Features
//!
//! - `cli` (default): the command line; implies `sim`.
//! - `sim`: local venues that speak the real protocol over TLS on loopback, with fault injection.
//!
//! A strategy links the library with `default-features = false` and gets neither.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]
#![deny(missing_docs)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)
)]

pub mod book;
#[cfg(feature = "cli")]
pub mod cli;
pub mod codec;
pub mod dialer;
pub mod engine;
pub mod gateway;
pub mod guard;
pub mod journal;
pub mod keeper;
pub mod link;
pub mod manual;
pub mod order;
pub mod paper;
pub mod position;
pub mod reactor;
pub mod record;
pub mod ring;
#[cfg(feature = "sim")]
pub mod sim;
pub mod state;
pub mod telemetry;
pub mod venue;

pub use book::Follower;
pub use gateway::{
    AuditConfig, Channels, CoinbaseConfig, Connector, ConnectorConfig, ExchangeConnector, ExchangeError, Gateway,
    GatewayBuilder, GatewayError, Handler, Idle, Limits, PaperConfig, Queries, Shutdown, Strategy,
};
