//! What an order waits for besides its price: a trade at its stop price, its next slice, its end.

use super::exchange::Exchange;
use super::order::{Kind, Size, Status};
use crate::sim::market::Want;
use std::collections::BTreeSet;

/// Who waits for what.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    timers: BTreeSet<(u64, usize)>,
    watched: BTreeSet<usize>,
}

impl Schedule {
    /// Wakes an order then; no time, no timer.
    pub(super) fn at(&mut self, at_ns: Option<u64>, order: usize) {
        self.timers.extend(at_ns.map(|at_ns| (at_ns, order)));
    }

    /// An order waits for its stop price.
    pub(super) fn watch(&mut self, order: usize) {
        self.watched.insert(order);
    }

    pub(super) fn unwatch(&mut self, order: usize) {
        self.watched.remove(&order);
    }

    /// Orders that wait for their stop price, oldest first.
    pub(super) fn watched(&self) -> impl Iterator<Item = usize> + '_ {
        self.watched.iter().copied()
    }

    /// An order is over.
    pub(super) fn forget(&mut self, order: usize) {
        self.watched.remove(&order);
        self.timers.retain(|(_, o)| *o != order);
    }

    fn due(&mut self, now_ns: u64) -> Option<usize> {
        let first = *self.timers.first().filter(|(at_ns, _)| *at_ns <= now_ns)?;
        self.timers.remove(&first);
        Some(first.1)
    }
}

impl Exchange {
    /// Ends what is over and places the slices that are due; gives the next time something will be.
    pub(crate) fn run_timers(&mut self, now_ns: u64) -> Option<u64> {
        while let Some(index) = self.schedule.due(now_ns) {
            let Some(order) = self.orders.get(index) else { continue };
            if order.asked.end_ns.is_some_and(|end_ns| end_ns <= now_ns) {
                self.finish(now_ns, index, Status::Expired, "");
            } else if let Kind::Twap { .. } = order.asked.kind {
                self.slice(now_ns, index);
            }
            self.run_triggers(now_ns);
        }
        self.schedule.timers.first().map(|(at_ns, _)| *at_ns)
    }

    /// One slice of a TWAP order: takes up to what should be filled by now at its limit or better. What a slice finds
    /// no taker price for is left to the next one; how the venue itself works a slice is not documented.
    fn slice(&mut self, now_ns: u64, index: usize) {
        let Some(order) = self.orders.get(index) else { return };
        let Kind::Twap { ticks, start_ns, bucket_ns, buckets } = order.asked.kind else { return };
        let Size::Base(lots) = order.now.size else { return };
        let nth = (now_ns.saturating_sub(start_ns) / bucket_ns.max(1) + 1).min(u64::from(buckets));
        let by_now = i128::from(lots) * i128::from(nth) / i128::from(buckets.max(1));
        let want = i64::try_from(by_now).unwrap_or(lots) - order.now.lots;
        if nth < u64::from(buckets) {
            self.schedule.at(Some(start_ns.saturating_add(nth.saturating_mul(bucket_ns))), index);
        }
        if want > 0 && self.take(now_ns, index, Some(ticks), Want::Lots(want)) > 0 {
            self.conclude(now_ns, index, true);
        }
    }
}
