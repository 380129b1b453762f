//! When a symbol's changes are due: on the clock's grid, or at once (Binance.US reference 6).

use super::kline::Interval;
use crate::sim::market::Side;
use std::collections::BTreeSet;

/// Points in time at which something is published if it changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    period_ns: u64,
    due_ns: Option<u64>,
}

impl Grid {
    /// Points of the clock so far apart; 0 for always.
    pub(crate) fn new(period_ns: u64) -> Self {
        Self { period_ns, due_ns: None }
    }

    /// Whether a change is to be published now.
    pub(crate) fn is_due(&mut self, now_ns: u64, changed: bool) -> bool {
        if !changed {
            return false;
        }
        let next = now_ns.checked_div(self.period_ns).map_or(now_ns, |passed| (passed + 1) * self.period_ns);
        let due = *self.due_ns.get_or_insert(next) <= now_ns;
        if due {
            self.due_ns = None;
        }
        due
    }

    /// When it wants to be asked again.
    pub(crate) fn next(&self) -> Option<u64> {
        self.due_ns
    }
}

/// What one symbol has to publish.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) fast: Grid,
    pub(crate) slow: Grid,
    pub(crate) tickers: Grid,
    pub(crate) klines: Grid,
    /// Last update id told on the 100 ms stream and on the 1000 ms stream.
    pub(crate) fast_id: u64,
    pub(crate) slow_id: u64,
    /// Levels changed since the 1000 ms stream was told.
    pub(crate) slow_levels: BTreeSet<(Side, i64)>,
    /// Best prices and quantities last told.
    pub(crate) best: [(i64, i64); 2],
    pub(crate) ticker_changed: bool,
    pub(crate) kline_changed: bool,
    /// The minute that klines have been told about.
    pub(crate) minute_ms: u64,
}

impl Publisher {
    pub(crate) fn new(periods_ns: [u64; 3], update_id: u64, best: [(i64, i64); 2], minute_ms: u64) -> Self {
        let [depth, slow, kline] = periods_ns;
        Self {
            fast: Grid::new(depth),
            slow: Grid::new(slow),
            tickers: Grid::new(slow),
            klines: Grid::new(kline),
            fast_id: update_id,
            slow_id: update_id,
            slow_levels: BTreeSet::new(),
            best,
            ticker_changed: false,
            kline_changed: false,
            minute_ms,
        }
    }

    /// When it wants a turn.
    pub(crate) fn next(&self) -> Option<u64> {
        [self.fast, self.slow, self.tickers, self.klines].iter().filter_map(Grid::next).min()
    }

    /// Whether an interval ended between the minute told last and this one.
    pub(crate) fn ended(&self, interval: Interval, minute_ms: u64) -> bool {
        interval.bounds(self.minute_ms).0 != interval.bounds(minute_ms).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_waits_for_the_grid_and_a_period_of_zero_does_not_wait() {
        let mut grid = Grid::new(100);
        assert!(!grid.is_due(205, true));
        assert_eq!(grid.next(), Some(300));
        assert!(!grid.is_due(299, true) && grid.is_due(301, true));
        assert!(!grid.is_due(302, false), "nothing changed");
        assert_eq!(grid.next(), None);
        assert!(Grid::new(0).is_due(7, true));
    }
}
