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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_join_into_wider_candles() {
        let mut a = Candle::new(60, 10, 1);
        a.add(14, 2);
        let minutes = [a, Candle::new(240, 8, 3), Candle::new(300, 9, 4)];
        let wide = widened(minutes.iter(), 5 * MINUTE_S);
        assert_eq!(
            wide,
            [
                Candle { start_s: 0, open: 10, high: 14, low: 8, close: 8, lots: 6 },
                Candle { start_s: 300, open: 9, high: 9, low: 9, close: 9, lots: 4 }
            ]
        );
    }
}
