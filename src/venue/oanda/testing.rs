//! Helpers of this folder's tests: an account, and instruments.

use super::auth::{AccessToken, AccountId};
use super::products::{GuaranteedStops, InstrumentRules};
use crate::record::{AssetId, Fixed, Instrument, InstrumentId, UnixNanos};

pub use crate::venue::testing::{Ear, Told};

pub const NOW: UnixNanos = UnixNanos(1_800_000_000_000_000_000);

/// One unit at the size exponent of the instruments here.
pub const UNIT: i64 = 10_000_000;

pub fn fixed(text: &str) -> Fixed {
    Fixed::parse(text).unwrap()
}

pub fn account() -> AccountId {
    AccountId::new("101-001-7654321-001").unwrap()
}

pub fn token() -> AccessToken {
    AccessToken::new("throwaway-test-token").unwrap()
}

/// Rules as most pairs have them: five decimals, three where yen are paid.
pub fn rules(name: &str) -> InstrumentRules {
    InstrumentRules {
        name: name.into(),
        kind: "CURRENCY".into(),
        display_precision: if name.ends_with("_JPY") { 3 } else { 5 },
        trade_units_precision: 0,
        pip_location: if name.ends_with("_JPY") { -2 } else { -4 },
        units_min: fixed("1"),
        units_max: fixed("100000000"),
        position_max: Fixed::default(),
        trailing_min: fixed("0.0005"),
        trailing_max: fixed("1"),
        margin_rate: fixed("0.02"),
        guaranteed_stops: GuaranteedStops::Disabled,
        guaranteed_distance_min: None,
    }
}

pub fn instrument(id: u32, name: &str) -> Instrument {
    Instrument::new(InstrumentId(id), AssetId(0), AssetId(1), rules(name).listing())
}
