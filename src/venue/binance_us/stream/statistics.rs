//! Tickers and candles.

use super::{excerpt, venue_time, Anomaly, Ctx, Cursor, Decoder, Facts, Fault, Fields, Statistic};
use crate::record::{Candle, Fixed, Ticker, UnixNanos};
use crate::venue::{CandleFact, TickerFact};

/// A figure; `None` for none and, counted, for what does not fit.
fn figure(text: &str, facts: &mut impl Facts) -> Option<Fixed> {
    if text.is_empty() {
        return None;
    }
    let figure = Fixed::parse(text).ok();
    if figure.is_none() {
        facts.anomaly(Anomaly::Number, excerpt(text));
    }
    figure
}

/// A ticker as sent; a mini ticker has `c`, `h`, `l` and `v` of it (Binance.US reference 6).
#[derive(Debug, Default)]
struct TickerText<'i> {
    symbol: &'i str,
    time: u64,
    price: &'i str,
    bid: &'i str,
    bid_size: &'i str,
    ask: &'i str,
    ask_size: &'i str,
    volume: &'i str,
    low: &'i str,
    high: &'i str,
    change_percent: &'i str,
}

impl Decoder {
    pub(super) fn ticker<F: Facts>(
        &mut self,
        statistic: Statistic,
        mut fields: Fields,
        cursor: &mut Cursor<'_, '_>,
        ctx: &mut Ctx<'_, F>,
    ) -> Result<(), Fault> {
        let mut text = TickerText::default();
        while let Some(key) = fields.next_key(cursor)? {
            let field = match key {
                "E" => {
                    text.time = cursor.u64()?;
                    continue;
                }
                "s" => &mut text.symbol,
                "c" => &mut text.price,
                "b" => &mut text.bid,
                "B" => &mut text.bid_size,
                "a" => &mut text.ask,
                "A" => &mut text.ask_size,
                "v" => &mut text.volume,
                "l" => &mut text.low,
                "h" => &mut text.high,
                "P" => &mut text.change_percent,
                _ => {
                    cursor.skip()?;
                    continue;
                }
            };
            *field = cursor.str()?;
        }
        let Some(index) = ctx.data.products.find(text.symbol) else {
            ctx.facts.anomaly(Anomaly::UnknownInstrument, excerpt(text.symbol));
            return Ok(());
        };
        let Some(instrument) = ctx.data.products.get(index).map(|product| product.instrument) else { return Ok(()) };
        if !ctx.data.statistic_is_news(index, statistic, text.time) {
            return Ok(());
        }
        let facts = &mut *ctx.facts;
        let ticker = Ticker {
            price: figure(text.price, facts),
            bid: figure(text.bid, facts),
            bid_size: figure(text.bid_size, facts),
            ask: figure(text.ask, facts),
            ask_size: figure(text.ask_size, facts),
            volume_24h: figure(text.volume, facts),
            low_24h: figure(text.low, facts),
            high_24h: figure(text.high, facts),
            change_24h_percent: figure(text.change_percent, facts),
            last_side: None,
        };
        let fact = TickerFact { instrument, ticker, venue_time: venue_time(text.time), sequence: 0, snapshot: false };
        // Neither carries a quote: both are a second old, and the quote stream is not.
        match statistic {
            Statistic::MiniTicker => facts.ticker_batch(fact),
            Statistic::Ticker => facts.ticker(fact),
        }
        Ok(())
    }

    pub(super) fn candle<F: Facts>(
        &mut self,
        mut fields: Fields,
        cursor: &mut Cursor<'_, '_>,
        ctx: &mut Ctx<'_, F>,
    ) -> Result<(), Fault> {
        let (mut symbol, mut time, mut start, mut interval) = ("", 0, 0, "");
        let (mut open, mut high, mut low, mut close, mut volume) = ("", "", "", "", "");
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "E" => time = cursor.u64()?,
                "s" => symbol = cursor.str()?,
                "k" => {
                    let mut inner = cursor.object()?;
                    while let Some(key) = inner.next_key(cursor)? {
                        let field = match key {
                            "t" => {
                                start = cursor.u64()?;
                                continue;
                            }
                            "i" => &mut interval,
                            "o" => &mut open,
                            "h" => &mut high,
                            "l" => &mut low,
                            "c" => &mut close,
                            "v" => &mut volume,
                            _ => {
                                cursor.skip()?;
                                continue;
                            }
                        };
                        *field = cursor.str()?;
                    }
                }
                _ => cursor.skip()?,
            }
        }
        let Some(index) = ctx.data.products.find(symbol) else {
            ctx.facts.anomaly(Anomaly::UnknownInstrument, excerpt(symbol));
            return Ok(());
        };
        let Some(instrument) = ctx.data.products.get(index).map(|product| product.instrument) else { return Ok(()) };
        let fixed = |key, text: &str| Fixed::parse(text).map_err(|error| Fault::Number { key, error });
        let start: UnixNanos = venue_time(start);
        let candle = Candle {
            start,
            interval_s: interval_s(interval).ok_or(Fault::Value { key: "i" })?,
            open: fixed("o", open)?,
            high: fixed("h", high)?,
            low: fixed("l", low)?,
            close: fixed("c", close)?,
            volume: fixed("v", volume)?,
        };
        if ctx.data.candle_is_news(index, candle.interval_s, time) {
            let venue_time = venue_time(time);
            ctx.facts.candle(CandleFact { instrument, candle, venue_time, sequence: 0, snapshot: false });
        }
        Ok(())
    }
}

/// The length of an interval's name, seconds; a month counts 30 days.
pub(in crate::venue::binance_us) fn interval_s(name: &str) -> Option<u32> {
    let (count, unit) = name.split_at_checked(name.len().checked_sub(1)?)?;
    let unit = match unit {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        "M" => 30 * 86_400,
        _ => return None,
    };
    count.parse::<u32>().ok()?.checked_mul(unit)
}
