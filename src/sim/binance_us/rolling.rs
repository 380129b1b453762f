//! Tickers over a window that moves with the clock: `GET ticker` and the `@ticker_<window>` streams (Binance.US reference
//! 3 and 6).
//!
//! A window begins with a whole minute and so is up to a minute longer than its name says. Only the last two days are
//! kept, so longer windows show those.

use super::frames::Change;
use super::kline::Bar;
use super::order::ms;
use super::params::Params;
use super::product::{fixed, Symbol, ASSET_PRECISION};
use super::reject::Failure;
use crate::sim::Json;

/// Symbols one request may name (reference 3: the weight is capped at 50 symbols, not the request).
pub(crate) const SYMBOLS_MAX: usize = 100;

/// The windows that are streamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    Hour,
    FourHours,
    Day,
}

impl Window {
    pub(crate) const ALL: [Self; 3] = [Self::Hour, Self::FourHours, Self::Day];

    /// As in a stream's name and its event.
    fn name(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::FourHours => "4h",
            Self::Day => "1d",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|window| window.name() == name)
    }

    pub(crate) fn minutes(self) -> u64 {
        match self {
            Self::Hour => 60,
            Self::FourHours => 240,
            Self::Day => 1_440,
        }
    }
}

/// The `windowSize` of a request in minutes: up to 59 minutes, 23 hours or 7 days; a day if absent.
pub(crate) fn minutes(params: &Params) -> Result<u64, Failure> {
    let Some(text) = params.get("windowSize")? else { return Ok(Window::Day.minutes()) };
    let units = [("m", 1, 59), ("h", 60, 23), ("d", 1_440, 7)];
    let read = units.into_iter().find_map(|(unit, minutes, most)| {
        let count: u64 = text.strip_suffix(unit).filter(|count| !count.starts_with('+'))?.parse().ok()?;
        (1..=most).contains(&count).then_some(count * minutes)
    });
    read.ok_or_else(|| Failure::bad(-1130, "Data sent for parameter 'windowSize' is not valid."))
}

/// `@ticker_<window>`.
pub(crate) fn frame(now_ns: u64, symbol: &Symbol, window: Window, bar: &Bar) -> String {
    let change = Change::of(symbol, bar);
    Json::compact().object(|j| {
        j.str("e", format!("{}Ticker", window.name()))
            .raw("E", ms(now_ns))
            .str("s", &symbol.id)
            .str("p", change.price)
            .str("P", change.percent)
            .str("o", symbol.show_price(bar.open))
            .str("h", symbol.show_price(bar.high))
            .str("l", symbol.show_price(bar.low))
            .str("c", symbol.show_price(bar.close))
            .str("w", change.average)
            .str("v", symbol.show_size(bar.lots))
            .str("q", fixed(bar.value, ASSET_PRECISION))
            .raw("O", bar.open_ms)
            .raw("C", bar.close_ms)
            .raw("F", bar.first_id)
            .raw("L", bar.last_id)
            .raw("n", bar.count);
    })
}

/// The body of `GET ticker` for one symbol.
pub(crate) fn write(j: &mut Json, symbol: &Symbol, bar: &Bar, mini: bool) {
    let change = Change::of(symbol, bar);
    j.str("symbol", &symbol.id);
    if !mini {
        j.str("priceChange", change.price)
            .str("priceChangePercent", change.percent)
            .str("weightedAvgPrice", change.average);
    }
    j.str("openPrice", symbol.show_price(bar.open))
        .str("highPrice", symbol.show_price(bar.high))
        .str("lowPrice", symbol.show_price(bar.low))
        .str("lastPrice", symbol.show_price(bar.close))
        .str("volume", symbol.show_size(bar.lots))
        .str("quoteVolume", fixed(bar.value, ASSET_PRECISION))
        .raw("openTime", bar.open_ms)
        .raw("closeTime", bar.close_ms)
        .raw("firstId", bar.first_id)
        .raw("lastId", bar.last_id)
        .raw("count", bar.count);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn windows_are_minutes_hours_and_days_within_their_bounds() {
        let read = |text: &str| minutes(&Params::of_json(Some(&json!({ "windowSize": text })))).ok();
        assert_eq!(["1m", "59m", "23h", "7d"].map(read), [Some(1), Some(59), Some(1_380), Some(10_080)]);
        assert_eq!(["0m", "60m", "24h", "8d", "1w", "h", "", "+1h"].map(read), [None; 8]);
        assert_eq!(minutes(&Params::of_json(None)).ok(), Some(1_440));
    }
}
