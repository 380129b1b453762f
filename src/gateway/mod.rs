//! The front door: build a gateway, take handles, spin on them.
//!
//! [`Gateway::builder`] takes venues, limits and threading; [`GatewayBuilder::start`] runs the reactor on a thread of its
//! own, [`GatewayBuilder::build`] hands it to you to turn yourself. [`Gateway::strategy`] gives one strategy its handles,
//! [`Gateway::subscribe`] adds instruments while running, [`Gateway::queries`] asks for listings off the hot path, and
//! [`Gateway::shutdown`] ends everything. For scripts there is the blocking [`ExchangeConnector`] over the same rings.

mod binance_us;
mod builder;
mod checks;
mod coinbase;
mod connector;
mod directory;
mod emergency;
mod epoch;
mod error;
mod learn;
mod mint;
mod oanda;
mod paper;
mod places;
mod queries;
mod refresh;
mod running;
mod strategy;

pub use crate::engine::{KillScope, Shutdown};
pub use crate::guard::{BreakerRules, InstrumentLimits, Limits, OrderRate, VenueLimits};
pub use crate::journal::{AuditConfig, Fsync};
pub use crate::keeper::{Alarm, EmergencyState};
pub use crate::order::RestartPolicy;
pub use crate::paper::{PaperConfig, PaperError};
pub use crate::reactor::{Handler, Idle, InlineOrders, PrepareError, Reactor};
pub use crate::venue::coinbase::MarketSource;
pub use crate::venue::Channels;
pub use binance_us::BinanceUsConfig;
pub use builder::GatewayBuilder;
pub use coinbase::CoinbaseConfig;
pub use connector::{
    Connector, ConnectorConfig, ExchangeConnector, MarketFeed, OrderAck, OrderHandle, OrderKind, OrderReport,
    OrderRequest, OrderStatus,
};
pub use directory::Directory;
pub use emergency::EmergencyReport;
pub use error::{ExchangeError, GatewayError};
pub use oanda::OandaConfig;
pub use queries::{
    Balance, BinanceUsQueries, CancelResult, ClockOffset, CoinbaseQueries, OandaQueries, Paged, Queries,
};
pub use running::{FeedFigures, Gateway, Telemetry};
pub use strategy::{ExecutionStream, MarketStream, OrderEntry, StatisticsStream, Strategy};

use places::StrategyPlaces;

/// Sent with every request; one venue refuses requests without it.
const USER_AGENT: &str = concat!("exchange-connectors/", env!("CARGO_PKG_VERSION"));

/// Reads one environment variable.
type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;
