//! What crosses a ring, and the exact numbers and names inside it.
//!
//! This floor owns the fixed-layout records ([`MarketRecord`] 64 bytes, [`StatisticsRecord`] 128, [`OrderCommand`] 192,
//! [`ExecutionRecord`] 256), the decimals they are made of, identifiers, and instrument metadata. Every record is
//! `Copy`, `#[repr(C)]` and has its size and offsets asserted at compile time. Nothing here allocates per record, reads
//! a clock, or imports another floor of this crate.

mod audit;
mod command;
mod decimal;
pub(crate) mod digits;
mod execution;
mod flags;
mod futures;
mod guard;
mod id;
mod instrument;
mod market;
pub(crate) mod money;
mod options;
mod prepared;
mod side;
mod statistics;
mod subscription;
mod text;
mod time;
mod venue;

pub use audit::{AuditCall, AuditConnection, AuditEntry, CallEnd, CallId, CallOutcome, CallStep, Caller, LossPlace};
pub use command::{CommandKind, OrderCommand, OrderRef, OrderType, TimeInForce};
pub use decimal::{parse_any, parse_mantissa, DecimalError, Fixed, Fixed128, DIGITS_MAX};
pub use execution::{
    ExecutionKind, ExecutionRecord, Liquidity, RejectClass, EXECUTION_FLAG_DERIVED, EXECUTION_FLAG_IMPLIED,
    EXECUTION_FLAG_LAST, EXECUTION_FLAG_LATE, EXECUTION_FLAG_RECONCILED, EXECUTION_FLAG_REPLAYED,
};
pub use flags::Flags;
pub use futures::{FuturesBalance, FuturesMargin, MarginLevel, MarginWindow};
pub use guard::GuardEvent;
pub use id::{AssetId, ClientOrderId, ExecutionId, InstrumentId, RequestId, StrategyId, VenueOrderId};
pub use instrument::{Instrument, Listing, TradingStatus};
pub use market::{
    ConnectionRole, ConnectionState, Gap, GapCause, Head, InstrumentStatus, Level, MarketKind, MarketRecord, Pulse,
    Quote, Stamp, State, Trade, View,
};
pub use options::{
    BinanceUsOptions, ClientLabels, CoinbaseOptions, MarginType, OandaOptions, PositionFill, SelfTradePrevention,
    TriggerPrice, VenueOptions,
};
pub use prepared::{
    Exits, InvalidTerms, Lifetime, OnTrigger, OrderQuantity, OrderShape, OrderTerms, PreparedOrder, PreparedSlot,
    Scaled, ScaledPart, Spread, StopLoss, TrailingDistance, Trigger, TriggerDirection, Twap, PREPARED_MAX,
};
pub use side::{BookSide, Side};
pub use statistics::{Candle, StatisticsKind, StatisticsRecord, StatisticsView, Ticker};
pub use subscription::{Difference, SubscribedChannel, Subscription};
pub use text::{InlineText, TextTooLong};
pub use time::UnixNanos;
pub use venue::{PerVenue, UnknownVenue, Venue};
