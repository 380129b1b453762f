//! The feed's messages, with the key order of the recordings (Coinbase reference 8). Book numbers are padded to the
//! product's increments, those of trades and tickers are trimmed.

use super::super::product::Market;
use crate::sim::market::{Side, Trade};
use crate::sim::{rfc3339_micros, Json};
use rust_decimal::Decimal;
use std::fmt::Write;

/// The whole book, asks first.
pub(super) fn snapshot(market: &Market) -> String {
    let mut text = String::with_capacity(4_096);
    let _ = write!(text, "{{\"type\":\"snapshot\",\"product_id\":\"{}\"", market.product.id);
    for (key, side) in [("asks", Side::Sell), ("bids", Side::Buy)] {
        let _ = write!(text, ",\"{key}\":[");
        for (i, (ticks, lots)) in market.book.levels(side).enumerate() {
            text.push_str(if i == 0 { "[" } else { ",[" });
            push_level(&mut text, market, ticks, lots);
        }
        text.push(']');
    }
    let _ = write!(text, ",\"time\":\"{}\"}}", rfc3339_micros(market.changed_ns));
    text
}

/// Changed levels with their absolute sizes.
pub(super) fn update(market: &Market, changed: &[(Side, i64, i64)], now_ns: u64) -> String {
    let mut text = format!("{{\"type\":\"l2update\",\"product_id\":\"{}\",\"changes\":[", market.product.id);
    for (i, (side, ticks, lots)) in changed.iter().enumerate() {
        let _ = write!(text, "{}[\"{}\",", if i == 0 { "" } else { "," }, lower(*side));
        push_level(&mut text, market, *ticks, *lots);
    }
    let _ = write!(text, "],\"time\":\"{}\"}}", rfc3339_micros(now_ns));
    text
}

fn push_level(text: &mut String, market: &Market, ticks: i64, lots: i64) {
    let padded = |count: i64, step: Decimal| Decimal::from(count) * step;
    let (price, size) = (padded(ticks, market.product.price_increment), padded(lots, market.product.base_increment));
    let _ = write!(text, "\"{price}\",\"{size}\"]");
}

/// A trade: `side` is the maker's.
pub(super) fn matched(kind: &str, market: &Market, trade: &Trade, sequence: u64) -> String {
    let product = &market.product;
    Json::compact().object(|j| {
        j.str("type", kind)
            .raw("trade_id", trade.id)
            .str("maker_order_id", order_id(trade, 'a'))
            .str("taker_order_id", order_id(trade, 'b'))
            .str("side", lower(trade.maker_side))
            .str("size", product.size(trade.lots))
            .str("price", product.price(trade.ticks))
            .str("product_id", &product.id)
            .raw("sequence", sequence)
            .str("time", rfc3339_micros(trade.at_ns));
    })
}

/// The product as it stands after a trade: `side` is the taker's.
pub(super) fn ticker(market: &Market, trade: &Trade, sequence: u64) -> String {
    let (product, view) = (&market.product, market.view());
    let best = |side| {
        let front = market.book.levels(side).next();
        front
            .map(|(ticks, lots)| (product.price(ticks).to_string(), product.size(lots).to_string()))
            .unwrap_or_default()
    };
    let ((bid, bid_size), (ask, ask_size)) = (best(Side::Buy), best(Side::Sell));
    let taker = match trade.maker_side {
        Side::Buy => Side::Sell,
        Side::Sell => Side::Buy,
    };
    Json::compact().object(|j| {
        j.str("type", "ticker")
            .raw("sequence", sequence)
            .str("product_id", &product.id)
            .str("price", product.price(trade.ticks))
            .str("open_24h", view.low)
            .str("volume_24h", view.volume)
            .str("low_24h", view.low)
            .str("high_24h", view.high)
            .str("volume_30d", view.volume)
            .str("best_bid", bid)
            .str("best_bid_size", bid_size)
            .str("best_ask", ask)
            .str("best_ask_size", ask_size)
            .str("side", lower(taker))
            .str("time", rfc3339_micros(trade.at_ns))
            .raw("trade_id", trade.id)
            .str("last_size", product.size(trade.lots));
    })
}

pub(super) fn heartbeat(market: &Market, sequence: u64, at_ns: u64) -> String {
    Json::compact().object(|j| {
        j.str("type", "heartbeat")
            .raw("last_trade_id", market.trades.front().map_or(0, |trade| trade.id))
            .str("product_id", &market.product.id)
            .raw("sequence", sequence)
            .str("time", rfc3339_micros(at_ns));
    })
}

pub(super) fn error(message: &str, reason: &str) -> String {
    Json::compact().object(|j| {
        j.str("type", "error").str("message", message).str("reason", reason);
    })
}

fn lower(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

/// An id of the right shape; nobody's orders are behind it.
fn order_id(trade: &Trade, whose: char) -> String {
    format!("00000000-0000-4000-8000-{whose}{:011}", trade.id % 100_000_000_000)
}
