//! The inside of market-data frames: level2, trades, tickers, candles, status (Coinbase reference 6.4 to 6.7), with the
//! key order of the recordings.

use super::product::{Market, Trading};
use crate::sim::market::{widened, Candle, Side, Trade};
use crate::sim::{rfc3339_micros, Json, SECOND_NS};
use std::fmt::Write;

/// The one candle width of the WebSocket (reference 6.7).
const CANDLE_S: u64 = 300;

/// The whole book: bids from the best outwards, then offers.
pub(crate) fn level2_snapshot(market: &Market) -> String {
    let bids = market.book.levels(Side::Buy).map(|(ticks, lots)| (Side::Buy, ticks, lots));
    let asks = market.book.levels(Side::Sell).map(|(ticks, lots)| (Side::Sell, ticks, lots));
    level2("snapshot", market, bids.chain(asks))
}

/// Changed levels with their absolute sizes, `0` for gone.
pub(crate) fn level2_update(market: &Market, changed: &[(Side, i64, i64)]) -> String {
    level2("update", market, changed.iter().copied())
}

fn level2(kind: &str, market: &Market, levels: impl Iterator<Item = (Side, i64, i64)>) -> String {
    let time = rfc3339_micros(market.changed_ns);
    let (tick, lot) = (&market.product.price_increment, &market.product.base_increment);
    let mut text = String::with_capacity(4_096);
    let _ = write!(text, "{{\"type\":\"{kind}\",\"product_id\":\"{}\",\"updates\":[", market.product.id);
    for (i, (side, ticks, lots)) in levels.enumerate() {
        let side = if side == Side::Buy { "bid" } else { "offer" };
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(text, "{comma}{{\"side\":\"{side}\",\"event_time\":\"{time}\",\"price_level\":\"");
        push_multiple(&mut text, ticks, tick);
        text.push_str("\",\"new_quantity\":\"");
        push_multiple(&mut text, lots, lot);
        text.push_str("\"}");
    }
    text.push_str("]}");
    text
}

/// `count * step` without trailing zeros. A book of 43,000 levels goes through here, so no Decimal is built.
fn push_multiple(text: &mut String, count: i64, step: &rust_decimal::Decimal) {
    let value = i128::from(count) * step.mantissa();
    let scale = step.scale() as usize;
    let unit = 10_i128.pow(step.scale());
    let _ = write!(text, "{}", value / unit);
    let fraction = value % unit;
    if fraction != 0 {
        let from = text.len() + 1;
        let _ = write!(text, ".{fraction:0scale$}");
        let kept = text.trim_end_matches('0').len().max(from);
        text.truncate(kept);
    }
}

/// Trades, newest first, with the MAKER's side (reference 6.5).
pub(crate) fn trades<'a>(kind: &str, market: &Market, newest_first: impl Iterator<Item = &'a Trade>) -> String {
    let product = &market.product;
    Json::compact().object(|j| {
        j.str("type", kind).arr("trades", |j| {
            for trade in newest_first {
                j.item(|j| {
                    j.str("product_id", &product.id)
                        .str("trade_id", trade.id)
                        .str("price", product.price(trade.ticks))
                        .str("size", product.size(trade.lots))
                        .str("time", rfc3339_micros(trade.at_ns))
                        .str("side", trade.maker_side.as_str());
                });
            }
        });
    })
}

/// A ticker; `batch` leaves the best bid and offer out (reference 6.6).
pub(crate) fn ticker(kind: &str, market: &Market, batch: bool) -> String {
    let (product, view) = (&market.product, market.view());
    let best = |side| {
        let front = market.book.levels(side).next();
        let text =
            |f: &dyn Fn((i64, i64)) -> rust_decimal::Decimal| front.map(|l| f(l).to_string()).unwrap_or_default();
        (text(&|(ticks, _)| product.price(ticks)), text(&|(_, lots)| product.size(lots)))
    };
    let ((bid, bid_size), (ask, ask_size)) = (best(Side::Buy), best(Side::Sell));
    Json::compact().object(|j| {
        j.str("type", kind).arr("tickers", |j| {
            j.item(|j| {
                j.str("type", "ticker")
                    .str("product_id", &product.id)
                    .str("price", view.price)
                    .str("volume_24_h", view.volume)
                    .str("low_24_h", view.low)
                    .str("high_24_h", view.high)
                    .str("low_52_w", view.low)
                    .str("high_52_w", view.high)
                    .str("price_percent_chg_24_h", view.change_percent);
                if !batch {
                    j.str("best_bid", bid)
                        .str("best_ask", ask)
                        .str("best_bid_quantity", bid_size)
                        .str("best_ask_quantity", ask_size);
                }
            });
        });
    })
}

/// The current five-minute candle, as it has grown so far.
pub(crate) fn candle(kind: &str, market: &Market, now_ns: u64) -> String {
    let product = &market.product;
    let start_s = now_ns / SECOND_NS / CANDLE_S * CANDLE_S;
    let minutes = market.minutes.iter().filter(|minute| minute.start_s >= start_s);
    let candle = widened(minutes, CANDLE_S).pop().unwrap_or(Candle::new(start_s, market.last(), 0));
    Json::compact().object(|j| {
        j.str("type", kind).arr("candles", |j| {
            j.item(|j| {
                j.str("start", start_s)
                    .str("high", product.price(candle.high))
                    .str("low", product.price(candle.low))
                    .str("open", product.price(candle.open))
                    .str("close", product.price(candle.close))
                    .str("volume", product.size(candle.lots))
                    .str("product_id", &product.id);
            });
        });
    })
}

/// A product's trading status.
pub(crate) fn status(kind: &str, market: &Market) -> String {
    let product = &market.product;
    Json::compact().object(|j| {
        j.str("type", kind).arr("products", |j| {
            j.item(|j| {
                j.str("product_type", "SPOT")
                    .str("id", &product.id)
                    .str("base_currency", &product.base)
                    .str("quote_currency", &product.quote)
                    .str("base_increment", product.base_increment)
                    .str("quote_increment", product.quote_increment)
                    .str("display_name", format!("{}/{}", product.base, product.quote))
                    .str("status", if product.trading == Trading::Disabled { "offline" } else { "online" })
                    .str("status_message", "")
                    .str("min_market_funds", product.quote_min_size);
            });
        });
    })
}

#[cfg(test)]
mod tests {
    use super::super::product::usual_products;
    use super::*;
    use crate::sim::market::book::Owner;
    use rust_decimal::Decimal;

    #[test]
    fn multiples_of_a_step_are_written_trimmed() {
        let text = |count, step: Decimal| {
            let mut text = String::from("0");
            push_multiple(&mut text, count, &step);
            text.split_off(1)
        };
        assert_eq!(text(8_326_100, Decimal::new(1, 2)), "83261");
        assert_eq!(text(8_327_725, Decimal::new(1, 2)), "83277.25");
        assert_eq!(text(70_000_000, Decimal::new(1, 8)), "0.7");
        assert_eq!(text(0, Decimal::new(1, 8)), "0");
        assert_eq!(text(30, Decimal::new(1, 0)), "30");
        assert_eq!(text(3, Decimal::new(5, 1)), "1.5");
        assert_eq!(text(100, Decimal::new(10, 0)), "1000");
    }

    #[test]
    fn a_book_is_written_like_the_recorded_frame() {
        let mut market = Market::new(usual_products().remove(0), 1, 0, 100, 1_790_735_993_407_329_000);
        market.rest(1_790_735_993_407_329_000, Side::Sell, 8_327_726, 10_000_000, Owner::Market);
        market.rest(1_790_735_993_407_329_000, Side::Buy, 8_327_725, 715_626, Owner::Market);
        assert_eq!(
            level2_snapshot(&market),
            r#"{"type":"snapshot","product_id":"BTC-USD","updates":[{"side":"bid","event_time":"2026-09-30T02:39:53.407329Z","price_level":"83277.25","new_quantity":"0.00715626"},{"side":"offer","event_time":"2026-09-30T02:39:53.407329Z","price_level":"83277.26","new_quantity":"0.1"}]}"#
        );
    }
}
