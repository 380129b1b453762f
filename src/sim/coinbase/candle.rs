//! Candles: what traded in a stretch of time, a minute at the finest.

/// The finest width.
pub(crate) const MINUTE_S: u64 = 60;

/// Open, high, low and close in ticks, volume in lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candle {
    pub(crate) start_s: u64,
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) close: i64,
    pub(crate) lots: i64,
}

impl Candle {
    /// A candle with one trade.
    pub(crate) fn new(start_s: u64, ticks: i64, lots: i64) -> Self {
        Self { start_s, open: ticks, high: ticks, low: ticks, close: ticks, lots }
    }

    /// One more trade.
    pub(crate) fn add(&mut self, ticks: i64, lots: i64) {
        self.high = self.high.max(ticks);
        self.low = self.low.min(ticks);
        self.close = ticks;
        self.lots = self.lots.saturating_add(lots);
    }

    fn join(&mut self, later: &Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.lots = self.lots.saturating_add(later.lots);
    }
}

/// Candles of `width_s` out of finer ones, oldest first both.
pub(crate) fn widened<'a>(fine: impl Iterator<Item = &'a Candle>, width_s: u64) -> Vec<Candle> {
    let mut wide: Vec<Candle> = Vec::new();
    for candle in fine {
        let start_s = candle.start_s / width_s * width_s;
        match wide.last_mut() {
            Some(last) if last.start_s == start_s => last.join(candle),
            _ => wide.push(Candle { start_s, ..*candle }),
        }
    }
    wide
}

/// The width a `granularity` names (Coinbase reference 3).
pub(crate) fn width_s(granularity: &str) -> Option<u64> {
    const HOUR_S: u64 = 60 * MINUTE_S;
    Some(match granularity {
        "ONE_MINUTE" => MINUTE_S,
        "FIVE_MINUTE" => 5 * MINUTE_S,
        "FIFTEEN_MINUTE" => 15 * MINUTE_S,
        "THIRTY_MINUTE" => 30 * MINUTE_S,
        "ONE_HOUR" => HOUR_S,
        "TWO_HOUR" => 2 * HOUR_S,
        "FOUR_HOUR" => 4 * HOUR_S,
        "SIX_HOUR" => 6 * HOUR_S,
        "ONE_DAY" => 24 * HOUR_S,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_join_into_wider_candles() {
        let mut a = Candle::new(60, 10, 1);
        a.add(14, 2);
        let minutes = [a, Candle::new(240, 8, 3), Candle::new(300, 9, 4)];
        let wide = widened(minutes.iter(), width_s("FIVE_MINUTE").unwrap());
        assert_eq!(
            wide,
            [
                Candle { start_s: 0, open: 10, high: 14, low: 8, close: 8, lots: 6 },
                Candle { start_s: 300, open: 9, high: 9, low: 9, close: 9, lots: 4 }
            ]
        );
        assert_eq!(width_s("ONE_SECOND"), None);
    }
}
