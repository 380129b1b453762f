//! Helpers of this folder's tests.

use crate::record::{AssetId, Fixed, Instrument, InstrumentId, Listing, TradingStatus, Venue};

pub use crate::venue::testing::{Ear, Told};

/// An instrument with a tick of 0.01, a lot of 1e-5 and exponents of -8; the quote asset is USD, USDT or BUSD.
pub fn instrument(id: u32, symbol: &str) -> Instrument {
    let fixed = |text| Fixed::parse(text).unwrap();
    let quote = ["USDT", "BUSD", "USD", "BTC"].into_iter().find(|quote| symbol.ends_with(quote)).unwrap_or("USD");
    let listing = Listing {
        venue: Venue::BinanceUs,
        symbol: symbol.into(),
        streamed_as: None,
        base: symbol.strip_suffix(quote).unwrap_or(symbol).into(),
        quote: quote.into(),
        tick: fixed("0.01"),
        lot: fixed("0.00001"),
        quote_lot: fixed("0.00000001"),
        size_min: fixed("0.00001"),
        size_max: fixed("9000"),
        notional_min: fixed("1"),
        status: TradingStatus::Online,
    };
    Instrument::new(InstrumentId(id), AssetId(0), AssetId(1), listing)
}
