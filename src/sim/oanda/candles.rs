//! Candles of bid, mid and ask prices (OANDA reference 3). Volume counts price changes, as the venue's does.
//!
//! Kept to five seconds, the finest the venue has, for as long as the process runs or a day, whichever is shorter.
//! Wider candles begin at multiples of their width in UTC; weeks and months are not served.

use super::market::Market;
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

/// What of an instrument's candles is wanted.
struct Chosen<'a> {
    market: &'a Market,
    granularity: &'static str,
    width_s: u64,
    /// Letters of B, M and A.
    prices: &'a str,
    /// Widened: bid, mid and ask.
    wide: [Vec<Candle>; 3],
}

impl Oanda {
    fn chosen<'a>(&'a self, instrument: &str, granularity: &str, prices: &'a str) -> Result<Chosen<'a>, Failure> {
        let found = self.exchange.market_index(instrument);
        let found = found.and_then(|index| Some((self.exchange.markets.get(index)?, self.candles.get(index)?)));
        let (market, candles) = found.ok_or_else(|| Failure::parameter("instrument"))?;
        let width = GRANULARITIES.into_iter().find(|(known, _)| *known == granularity);
        let (granularity, width_s) = width.ok_or_else(|| Failure::parameter("granularity"))?;
        if prices.is_empty() || !prices.chars().all(|c| "MBA".contains(c)) {
            return Err(Failure::parameter("price"));
        }
        let wide = candles.kept.each_ref().map(|kept| widened(kept.iter(), width_s));
        Ok(Chosen { market, granularity, width_s, prices, wide })
    }

    /// `GET /instruments/{i}/candles`.
    pub(crate) fn candles(&self, call: &Call<'_>) -> Result<Response, Failure> {
        let (granularity, prices) = (call.query("granularity").unwrap_or("S5"), call.query("price").unwrap_or("M"));
        let chosen = self.chosen(&call.specifier, granularity, prices)?;
        let count = call.number("count")?.unwrap_or(COUNT_DEFAULT);
        if count == 0 || count > COUNT_MAX {
            return Err(Failure::parameter("count"));
        }
        let count = usize::try_from(count).unwrap_or(1);
        let (from, to) = (call.time("from")?.unwrap_or(0), call.time("to")?.unwrap_or(u64::MAX));
        let [bids, ..] = &chosen.wide;
        let within = |c: &Candle| (from..to).contains(&(c.start_s * SECOND_NS));
        let starts: Vec<usize> = bids.iter().enumerate().filter(|(_, c)| within(c)).map(|(i, _)| i).collect();
        // With a beginning the first so many, else the last.
        let skip = if from > 0 { 0 } else { starts.len().saturating_sub(count) };
        let shown = starts.into_iter().skip(skip).take(count);
        Ok(Response::json(200, Json::compact().object(|j| chosen.write(j, call.now_ns, shown))))
    }

    /// `GET /candles/latest`: of each specification the candle that is open and the last one that is complete.
    pub(crate) fn latest_candles(&self, call: &Call<'_>) -> Result<Response, Failure> {
        let refused = || Failure::parameter("candleSpecifications");
        let specifications = call.query("candleSpecifications").filter(|text| !text.is_empty()).ok_or_else(refused)?;
        let mut all = Vec::new();
        for specification in specifications.split(',') {
            let parts: Vec<&str> = specification.split(':').collect();
            let [instrument, granularity, prices] = parts.as_slice() else { return Err(refused()) };
            all.push(self.chosen(instrument, granularity, prices).map_err(|_| refused())?);
        }
        let body = Json::compact().object(|j| {
            j.arr("latestCandles", |j| {
                for chosen in &all {
                    let [bids, ..] = &chosen.wide;
                    j.item(|j| chosen.write(j, call.now_ns, bids.len().saturating_sub(2)..bids.len()));
                }
            });
        });
        Ok(Response::json(200, body))
    }
}

impl Chosen<'_> {
    /// The candles at those places.
    fn write(&self, j: &mut Json, now_ns: u64, places: impl Iterator<Item = usize>) {
        let tenth = self.market.instrument.point() / Decimal::TEN;
        let text = |ticks: i64| self.market.price(Decimal::from(ticks) * tenth);
        let [bids, mids, asks] = &self.wide;
        j.str("instrument", &self.market.instrument.name).str("granularity", self.granularity).arr("candles", |j| {
            for at in places {
                let Some(candle) = bids.get(at) else { continue };
                let over = (candle.start_s + self.width_s).saturating_mul(SECOND_NS) <= now_ns;
                j.item(|j| {
                    j.raw("complete", over)
                        .raw("volume", candle.lots)
                        .str("time", rfc3339_full(candle.start_s * SECOND_NS));
                    for (letter, name, side) in [('B', "bid", bids), ('M', "mid", mids), ('A', "ask", asks)] {
                        if let Some(c) = side.get(at).filter(|_| self.prices.contains(letter)) {
                            j.obj(name, |j| {
                                j.str("o", text(c.open)).str("h", text(c.high));
                                j.str("l", text(c.low)).str("c", text(c.close));
                            });
                        }
                    }
                });
            }
        });
    }
}
