//! What crosses a ring, and the exact numbers and names inside it.
//!
//! This floor owns the fixed-layout records ([`MarketRecord`] 64 bytes, [`StatisticsRecord`] 128, [`OrderCommand`] 192,
//! [`ExecutionRecord`] 256), the decimals they are made of, identifiers, and instrument metadata. Every record is
//! `Copy`, `#[repr(C)]` and has its size and offsets asserted at compile time. Nothing here allocates per record, reads
//! a clock, or imports another floor of this crate.

mod command;
mod decimal;
pub(crate) mod digits;
mod execution;
mod flags;
mod id;
mod instrument;
mod market;
mod side;
mod statistics;
mod text;
mod time;

pub use command::{CommandKind, OrderCommand, OrderRef, OrderType, TimeInForce};
pub use decimal::{parse_any, parse_mantissa, DecimalError, Fixed, Fixed128, DIGITS_MAX};
pub use execution::{
    ExecutionKind, ExecutionRecord, Liquidity, RejectClass, EXECUTION_FLAG_DERIVED, EXECUTION_FLAG_IMPLIED,
    EXECUTION_FLAG_LAST, EXECUTION_FLAG_LATE, EXECUTION_FLAG_RECONCILED,
};
pub use flags::Flags;
pub use id::{AssetId, ClientOrderId, ExecutionId, InstrumentId, RequestId, StrategyId, VenueOrderId};
pub use instrument::{Instrument, Listing, TradingStatus};
pub use market::{
    ConnectionRole, ConnectionState, Gap, GapCause, Head, InstrumentStatus, Level, MarketKind, MarketRecord, Pulse,
    Quote, Stamp, State, Trade, View,
};
pub use side::{BookSide, Side};
pub use statistics::{StatisticsKind, StatisticsRecord, Ticker};
pub use text::{InlineText, TextTooLong};
pub use time::UnixNanos;

/// A trading venue this crate speaks to. Exhaustive: a new venue is a new release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Venue {
    /// Coinbase Advanced Trade.
    Coinbase = 0,
}

impl Venue {
    /// Every venue, in the order of their numbers.
    pub const ALL: [Venue; 1] = [Venue::Coinbase];

    /// The lower-case name used in JSON output, logs and errors.
    pub const fn name(self) -> &'static str {
        match self {
            Venue::Coinbase => "coinbase",
        }
    }

    /// The venue of a number written by `as u8`; `None` if there is none.
    pub const fn from_u8(value: u8) -> Option<Venue> {
        match value {
            0 => Some(Venue::Coinbase),
            _ => None,
        }
    }
}

impl std::fmt::Display for Venue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Venue {
    type Err = UnknownVenue;

    fn from_str(text: &str) -> Result<Self, UnknownVenue> {
        Venue::ALL.into_iter().find(|v| v.name() == text).ok_or_else(|| UnknownVenue(text.into()))
    }
}

/// A venue name that this crate does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown venue `{0}`: known venues are coinbase")]
pub struct UnknownVenue(String);
