//! What an engine is built from: which venues it speaks to, how, as whom, and with how many connections.
//!
//! Owns values only, checked by whoever builds them. Reads no environment and no file.

use crate::guard::{BreakerRules, Limits};
use crate::order::{ClientOrderIds, OrderLimits, ReconcileRules};
use crate::venue::coinbase::auth::LegacyKey;
use crate::venue::coinbase::{Endpoint, MarketFeeds, OrderConfig, StreamConfig};
use crate::venue::{binance_us, oanda};
use std::sync::Arc;

/// What an engine is built from.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Coinbase, if it is spoken to.
    pub coinbase: Option<CoinbaseSetup>,
    /// Binance.US, if it is spoken to.
    pub binance_us: Option<BinanceUsSetup>,
    /// OANDA, if it is spoken to.
    pub oanda: Option<OandaSetup>,
    /// Makes client order ids.
    pub ids: ClientOrderIds,
    /// Pre-trade limits; `None` by explicit choice only.
    pub limits: Option<Limits>,
    /// When a venue in trouble gets no new orders.
    pub breaker: BreakerRules,
    /// Sizes of the order table.
    pub order_limits: OrderLimits,
    /// When what is asked about orders.
    pub reconcile: ReconcileRules,
    /// Blocks of 128 levels that all books share.
    pub book_blocks_max: usize,
}

/// How Coinbase is spoken to.
#[derive(Debug, Clone)]
pub struct CoinbaseSetup {
    /// Stream timing.
    pub stream: StreamConfig,
    /// Where market data comes from.
    pub market: MarketFeeds,
    /// Order entry; `None` without credentials: market data only.
    pub orders: Option<CoinbaseOrders>,
}

/// How Binance.US is spoken to.
#[derive(Debug, Clone)]
pub struct BinanceUsSetup {
    /// Where the REST API is: book snapshots and the venue's clock.
    pub rest: Endpoint,
    /// Stream timing.
    pub stream: binance_us::StreamConfig,
    /// Of every REST connection.
    pub session: binance_us::OrderConfig,
    /// Most market connections; further ones are dialled when the first are full. 1 or more.
    pub market_connections_max: usize,
    /// Levels per side of a book snapshot.
    pub snapshot_levels: u32,
    /// An idle REST connection is used this often to keep it warm, ms.
    pub warm_every_ms: u64,
    /// Order entry; `None` without credentials: market data only.
    pub orders: Option<BinanceUsOrders>,
}

/// Order entry at Binance.US.
#[derive(Debug, Clone)]
pub struct BinanceUsOrders {
    /// Signs every request.
    pub key: Arc<binance_us::auth::Credentials>,
    /// Of every WebSocket API connection.
    pub api: binance_us::ApiConfig,
    /// How the account's events come: over a connection of their own.
    pub user_data: binance_us::UserData,
    /// WebSocket API connections for orders and cancels; each carries many requests at a time. 0: REST only.
    pub api_connections: usize,
    /// REST connections for orders while the others are down, 1 or more; one more is kept for cancels.
    pub rest_connections: usize,
}

/// Order entry at Coinbase.
#[derive(Debug, Clone)]
pub struct CoinbaseOrders {
    /// Where the REST API is.
    pub rest: Endpoint,
    /// Of every HTTP connection.
    pub session: OrderConfig,
    /// Signs requests as they are written, with a key of the retired scheme; tokens authorise them if `None`.
    pub legacy: Option<Arc<LegacyKey>>,
    /// An idle connection is used this often to keep it warm, ms.
    pub warm_every_ms: u64,
    /// Connections for new orders (1 or more); one more is kept for cancels and one for listings.
    pub order_connections: usize,
    /// Private requests a second the engine may make.
    pub requests_per_second: usize,
}

/// How OANDA is spoken to. There is no public data: a token and an account are needed for prices, too.
#[derive(Debug, Clone)]
pub struct OandaSetup {
    /// Where both streams are.
    pub stream: Endpoint,
    /// Whose prices, orders and transactions.
    pub account: oanda::auth::AccountId,
    /// Authorises every request.
    pub token: Arc<oanda::auth::AccessToken>,
    /// Times of both streams.
    pub streams: oanda::StreamConfig,
    /// Order entry; `None`: prices only.
    pub orders: Option<OandaOrders>,
}

/// Order entry at OANDA.
#[derive(Debug, Clone)]
pub struct OandaOrders {
    /// Where the REST API is.
    pub rest: Endpoint,
    /// Of every HTTP connection.
    pub session: oanda::OrderConfig,
    /// An idle connection is used this often to keep it warm, ms.
    pub warm_every_ms: u64,
    /// Connections for new orders (1 or more); one more is kept for cancels and one for listings.
    pub order_connections: usize,
    /// Requests a second the engine may make.
    pub requests_per_second: usize,
}
