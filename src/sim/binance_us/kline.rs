//! Bars: one per minute and symbol, put together to klines of any interval and to the figures of the last 24 hours.
//!
//! A minute without trades has a flat bar. Only the last two days are kept.

use super::order::ms;
use super::product::Symbol;
use crate::sim::market::{Side, Trade};
use crate::sim::{parse_rfc3339, rfc3339_nanos, MILLISECOND_NS};
use rust_decimal::Decimal;
use std::collections::VecDeque;

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 86_400_000;
/// UNIX time began on a Thursday; weeks begin on Monday.
const MONDAY_MS: u64 = 4 * DAY_MS;
/// Two days of minutes.
const BARS_KEPT: usize = 2_880;

/// A kline's length. There is no `1s` on Binance.US (reference 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    name: &'static str,
    /// 0 for a calendar month.
    length_ms: u64,
}

const INTERVALS: [Interval; 15] = [
    Interval { name: "1m", length_ms: MINUTE_MS },
    Interval { name: "3m", length_ms: 3 * MINUTE_MS },
    Interval { name: "5m", length_ms: 5 * MINUTE_MS },
    Interval { name: "15m", length_ms: 15 * MINUTE_MS },
    Interval { name: "30m", length_ms: 30 * MINUTE_MS },
    Interval { name: "1h", length_ms: 60 * MINUTE_MS },
    Interval { name: "2h", length_ms: 120 * MINUTE_MS },
    Interval { name: "4h", length_ms: 240 * MINUTE_MS },
    Interval { name: "6h", length_ms: 360 * MINUTE_MS },
    Interval { name: "8h", length_ms: 480 * MINUTE_MS },
    Interval { name: "12h", length_ms: 720 * MINUTE_MS },
    Interval { name: "1d", length_ms: DAY_MS },
    Interval { name: "3d", length_ms: 3 * DAY_MS },
    Interval { name: "1w", length_ms: 7 * DAY_MS },
    Interval { name: "1M", length_ms: 0 },
];

impl Interval {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        INTERVALS.into_iter().find(|interval| interval.name == name)
    }

    pub(crate) fn name(self) -> &'static str {
        self.name
    }

    /// First ms of the interval that holds `at_ms`, and the first ms after it.
    pub(crate) fn bounds(self, at_ms: u64) -> (u64, u64) {
        match self.length_ms {
            0 => {
                let first = month_start(at_ms);
                (first, month_start(first + 32 * DAY_MS))
            }
            length if length == 7 * DAY_MS => {
                let first = at_ms.saturating_sub(MONDAY_MS) / length * length + MONDAY_MS;
                (first, first + length)
            }
            length => (at_ms / length * length, at_ms / length * length + length),
        }
    }
}

fn month_start(at_ms: u64) -> u64 {
    let text = rfc3339_nanos(at_ms * MILLISECOND_NS);
    let first = text.get(..7).and_then(|month| parse_rfc3339(&format!("{month}-01T00:00:00Z")));
    first.unwrap_or(0) / MILLISECOND_NS
}

/// Prices in ticks, quantities in lots, over some time.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) open_ms: u64,
    /// Last ms of it.
    pub(crate) close_ms: u64,
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) close: i64,
    pub(crate) lots: i64,
    pub(crate) value: Decimal,
    /// The part in which the taker bought.
    pub(crate) bought_lots: i64,
    pub(crate) bought_value: Decimal,
    /// First and last trade id, -1 if there was none.
    pub(crate) first_id: i64,
    pub(crate) last_id: i64,
    pub(crate) count: u64,
}

impl Bar {
    fn flat(open_ms: u64, ticks: i64) -> Self {
        Self {
            open_ms,
            close_ms: open_ms + MINUTE_MS - 1,
            open: ticks,
            high: ticks,
            low: ticks,
            close: ticks,
            lots: 0,
            value: Decimal::ZERO,
            bought_lots: 0,
            bought_value: Decimal::ZERO,
            first_id: -1,
            last_id: -1,
            count: 0,
        }
    }

    fn add(&mut self, trade: &Trade, symbol: &Symbol) {
        if self.count == 0 {
            self.first_id = trade.id as i64;
            (self.open, self.high, self.low) = (trade.ticks, trade.ticks, trade.ticks);
        }
        let value = symbol.value(trade.ticks, trade.lots);
        self.high = self.high.max(trade.ticks);
        self.low = self.low.min(trade.ticks);
        self.close = trade.ticks;
        self.lots = self.lots.saturating_add(trade.lots);
        self.value += value;
        if trade.maker_side == Side::Sell {
            self.bought_lots = self.bought_lots.saturating_add(trade.lots);
            self.bought_value += value;
        }
        self.last_id = trade.id as i64;
        self.count += 1;
    }

    /// Appends the bar that follows in time.
    fn join(&mut self, next: &Bar) {
        if self.count == 0 {
            *self = Bar { open_ms: self.open_ms, close_ms: self.close_ms, ..next.clone() };
        } else if next.count > 0 {
            self.high = self.high.max(next.high);
            self.low = self.low.min(next.low);
            self.close = next.close;
            self.lots = self.lots.saturating_add(next.lots);
            self.value += next.value;
            self.bought_lots = self.bought_lots.saturating_add(next.bought_lots);
            self.bought_value += next.bought_value;
            self.last_id = next.last_id;
            self.count += next.count;
        }
    }
}

/// One symbol's minutes, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Bars(VecDeque<Bar>);

impl Bars {
    /// Takes a trade in; trades come in order.
    pub(crate) fn add(&mut self, trade: &Trade, symbol: &Symbol) {
        self.roll(trade.at_ns, trade.ticks);
        if let Some(bar) = self.0.back_mut() {
            bar.add(trade, symbol);
        }
    }

    /// Opens the minutes up to now, flat until something trades.
    pub(crate) fn roll(&mut self, now_ns: u64, ticks: i64) {
        let minute = ms(now_ns) / MINUTE_MS * MINUTE_MS;
        let mut next = self.0.back().map_or(minute, |bar| bar.open_ms + MINUTE_MS);
        // After a long pause only what is kept anyway.
        next = next.max(minute.saturating_sub(BARS_KEPT as u64 * MINUTE_MS));
        while next <= minute {
            let ticks = self.0.back().map_or(ticks, |bar| bar.close);
            self.0.push_back(Bar::flat(next, ticks));
            next += MINUTE_MS;
        }
        while self.0.len() > BARS_KEPT {
            self.0.pop_front();
        }
    }

    /// Klines of an interval that open within the times given, oldest first.
    pub(crate) fn series(&self, interval: Interval, from_ms: u64, to_ms: u64) -> Vec<Bar> {
        let mut series: Vec<Bar> = Vec::new();
        for bar in &self.0 {
            let (first, after) = interval.bounds(bar.open_ms);
            match series.last_mut().filter(|last| last.open_ms == first) {
                Some(last) => last.join(bar),
                None => series.push(Bar { open_ms: first, close_ms: after - 1, ..bar.clone() }),
            }
        }
        series.retain(|bar| (from_ms..=to_ms).contains(&bar.open_ms));
        series
    }

    /// The kline of an interval that is open now.
    pub(crate) fn current(&self, interval: Interval) -> Option<Bar> {
        let (first, after) = interval.bounds(self.0.back()?.open_ms);
        self.over(first, after)
    }

    /// The last 24 hours as one bar.
    pub(crate) fn day(&self, now_ns: u64) -> Option<Bar> {
        let now_ms = ms(now_ns);
        let from_ms = now_ms.saturating_sub(DAY_MS);
        let day = self.over(from_ms / MINUTE_MS * MINUTE_MS, now_ms + 1)?;
        Some(Bar { open_ms: from_ms, close_ms: now_ms, ..day })
    }

    /// So many minutes up to now as one bar, from a whole minute on.
    pub(crate) fn window(&self, now_ns: u64, minutes: u64) -> Option<Bar> {
        let now_ms = ms(now_ns);
        let from_ms = now_ms.saturating_sub(minutes * MINUTE_MS) / MINUTE_MS * MINUTE_MS;
        self.over(from_ms, now_ms + 1)
    }

    fn over(&self, from_ms: u64, after_ms: u64) -> Option<Bar> {
        let skipped = self.0.partition_point(|bar| bar.open_ms < from_ms);
        let mut bars = self.0.iter().skip(skipped);
        let mut sum = Bar { open_ms: from_ms, close_ms: after_ms - 1, ..bars.next()?.clone() };
        bars.for_each(|bar| sum.join(bar));
        Some(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::super::product::usual_symbols;
    use super::*;
    use crate::sim::SECOND_NS;

    const NOON: u64 = 1_790_769_600 * SECOND_NS;

    fn trade(id: u64, ticks: i64, lots: i64, at_s: u64, maker_side: Side) -> Trade {
        Trade { id, ticks, lots, maker_side, at_ns: NOON + at_s * SECOND_NS, taker: id }
    }

    #[test]
    fn minutes_join_to_longer_bars_and_quiet_minutes_are_flat() {
        let symbol = &usual_symbols()[2];
        let mut bars = Bars::default();
        bars.add(&trade(7, 100, 5, 0, Side::Sell), symbol);
        bars.add(&trade(8, 120, 1, 30, Side::Buy), symbol);
        bars.add(&trade(9, 90, 2, 150, Side::Buy), symbol);
        let minutes = bars.series(Interval::parse("1m").unwrap(), 0, u64::MAX);
        let seen: Vec<_> = minutes.iter().map(|b| (b.open, b.high, b.low, b.close, b.lots, b.count)).collect();
        assert_eq!(seen, [(100, 120, 100, 120, 6, 2), (120, 120, 120, 120, 0, 0), (90, 90, 90, 90, 2, 1)]);
        let five = bars.current(Interval::parse("5m").unwrap()).unwrap();
        assert_eq!((five.open, five.high, five.low, five.close, five.count), (100, 120, 90, 90, 3));
        assert_eq!((five.first_id, five.last_id, five.bought_lots), (7, 9, 5));
        assert_eq!(five.close_ms - five.open_ms, 300_000 - 1);
        let two = bars.window(NOON + 151 * SECOND_NS, 2).unwrap();
        assert_eq!(
            (two.open, two.high, two.low, two.close, two.count),
            (100, 120, 90, 90, 3),
            "from a whole minute on"
        );
        assert_eq!((two.open_ms, two.close_ms), (ms(NOON), ms(NOON) + 151_000));
        let one = bars.window(NOON + 151 * SECOND_NS, 1).unwrap();
        assert_eq!((one.open, one.count, one.first_id), (90, 1, 9), "nothing traded in its first minute");
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        let at_ms = ms(parse_rfc3339("2026-11-22T11:31:00Z").unwrap());
        let shown = |name: &str| {
            let (first, after) = Interval::parse(name).unwrap().bounds(at_ms);
            [first, after].map(|at| rfc3339_nanos(at * MILLISECOND_NS)[..10].to_owned())
        };
        assert_eq!(shown("1w"), ["2026-11-16", "2026-11-23"]);
        assert_eq!(shown("1M"), ["2026-11-01", "2026-12-01"]);
        assert!(Interval::parse("1s").is_none());
    }
}
