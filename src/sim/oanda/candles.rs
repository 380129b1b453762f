//! Candles of bid, mid and ask prices (OANDA reference 3). Volume counts price changes, as the venue's does.
//!
//! Kept to five seconds, the finest the venue has, for as long as the process runs or a day, whichever is shorter.
//! Wider candles begin at multiples of their width in UTC; weeks and months are not served.

use super::model::Oanda;
use super::reject::Failure;
use super::rest::Call;
use crate::sim::market::{widened, Candle};
use crate::sim::server::Response;
use crate::sim::stamp::rfc3339_full;
use crate::sim::{Json, SECOND_NS};
use rust_decimal::Decimal;
use std::collections::VecDeque;

/// Width of the candles kept.
const FINEST_S: u64 = 5;
/// Candles kept: a day of them.
const KEPT: usize = 86_400 / FINEST_S as usize;
const COUNT_DEFAULT: u64 = 500;
const COUNT_MAX: u64 = 5_000;
/// Widths by name, in seconds.
const GRANULARITIES: [(&str, u64); 19] = [
    ("S5", 5),
    ("S10", 10),
    ("S15", 15),
    ("S30", 30),
    ("M1", 60),
    ("M2", 120),
    ("M4", 240),
    ("M5", 300),
    ("M10", 600),
    ("M15", 900),
    ("M30", 1_800),
    ("H1", 3_600),
    ("H2", 7_200),
    ("H3", 10_800),
    ("H4", 14_400),
    ("H6", 21_600),
    ("H8", 28_800),
    ("H12", 43_200),
    ("D", 86_400),
];

/// Candles of one instrument: bid, mid and ask, in tenths of the last decimal so that mid prices are whole.
#[derive(Debug, Default)]
pub(crate) struct Candles {
    kept: [VecDeque<Candle>; 3],
}

impl Candles {
    /// A price change, prices in tenths of points.
    pub(crate) fn add(&mut self, now_ns: u64, prices: [i64; 3]) {
        let start_s = now_ns / SECOND_NS / FINEST_S * FINEST_S;
        for (kept, price) in self.kept.iter_mut().zip(prices) {
            match kept.back_mut().filter(|c| c.start_s == start_s) {
                Some(candle) => candle.add(price, 1),
                None => kept.push_back(Candle::new(start_s, price, 1)),
            }
            if kept.len() > KEPT {
                kept.pop_front();
            }
        }
    }
}

impl Oanda {
    /// `GET /instruments/{i}/candles`.
    pub(crate) fn candles(&self, call: &Call<'_>) -> Result<Response, Failure> {
        let index = self.exchange.market_index(&call.specifier).ok_or_else(|| Failure::parameter("instrument"))?;
        let (Some(market), Some(candles)) = (self.exchange.markets.get(index), self.candles.get(index)) else {
            return Err(Failure::parameter("instrument"));
        };
        let name = call.query("granularity").unwrap_or("S5");
        let width = GRANULARITIES.iter().find(|(known, _)| *known == name);
        let (_, width_s) = width.ok_or_else(|| Failure::parameter("granularity"))?;
        let count = call.number("count")?.unwrap_or(COUNT_DEFAULT);
        let prices = call.query("price").unwrap_or("M");
        if count == 0 || count > COUNT_MAX {
            return Err(Failure::parameter("count"));
        }
        if prices.is_empty() || !prices.chars().all(|c| "MBA".contains(c)) {
            return Err(Failure::parameter("price"));
        }
        let (from, to) = (call.time("from")?.unwrap_or(0), call.time("to")?.unwrap_or(u64::MAX));
        let wide: Vec<Vec<Candle>> = candles.kept.iter().map(|kept| widened(kept.iter(), *width_s)).collect();
        let within = |c: &Candle| (from..to).contains(&(c.start_s * SECOND_NS));
        let count = usize::try_from(count).unwrap_or(1);
        let starts: Vec<usize> = wide.first().map_or_else(Vec::new, |first| {
            first.iter().enumerate().filter(|(_, c)| within(c)).map(|(i, _)| i).collect()
        });
        // With a beginning the first so many, else the last.
        let skip = if from > 0 { 0 } else { starts.len().saturating_sub(count) };
        let tenth = market.instrument.point() / Decimal::TEN;
        let text = |ticks: i64| market.price(Decimal::from(ticks) * tenth);
        let body = Json::compact().object(|j| {
            j.str("instrument", &market.instrument.name).str("granularity", name).arr("candles", |j| {
                for at in starts.iter().skip(skip).take(count) {
                    let Some(candle) = wide.first().and_then(|w| w.get(*at)) else { continue };
                    let over = (candle.start_s + width_s).saturating_mul(SECOND_NS) <= call.now_ns;
                    j.item(|j| {
                        j.raw("complete", over)
                            .raw("volume", candle.lots)
                            .str("time", rfc3339_full(candle.start_s * SECOND_NS));
                        for (letter, name, side) in [('B', "bid", 0), ('M', "mid", 1), ('A', "ask", 2)] {
                            let candle = wide.get(side).and_then(|w| w.get(*at));
                            if let Some(c) = candle.filter(|_| prices.contains(letter)) {
                                j.obj(name, |j| {
                                    j.str("o", text(c.open)).str("h", text(c.high));
                                    j.str("l", text(c.low)).str("c", text(c.close));
                                });
                            }
                        }
                    });
                }
            });
        });
        Ok(Response::json(200, body))
    }
}
