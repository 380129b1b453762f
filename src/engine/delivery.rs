//! Execution records reach their strategy, or it is told exactly how many did not.
//!
//! A full ring spills into a bounded reserve. When that is full too, the strategy is latched as lost: its new orders are
//! refused, its open ones cancelled, and everything further is only counted. The first record it gets once its ring has
//! room for its open orders is one [`ExecutionKind::Lost`] with the exact count, then all of these; with that the latch is
//! lifted. Every position and balance out of the engine follows, by the ring and the reserve like anything else, and then
//! [`ExecutionKind::ResyncEnd`].

use super::contract::{Outputs, StrategySet};
use super::portfolio::Portfolio;
use super::purse::Purse;
use super::refresh::doubts_rules;
use crate::order::Executions;
use crate::record::{
    AuditEntry, ExecutionKind, ExecutionRecord, InstrumentId, StrategyId, UnixNanos, Venue, EXECUTION_FLAG_LAST,
};
use crate::telemetry::Counter;
use std::collections::VecDeque;

/// Execution records kept for a strategy whose ring is full.
pub const EXECUTION_RESERVE_MAX: usize = 1024;

#[derive(Debug, Default)]
struct Slot {
    reserve: VecDeque<ExecutionRecord>,
    /// Records lost since the latch closed; 0 while it is open.
    lost: u64,
}

/// Every strategy's execution stream.
#[derive(Debug)]
pub(super) struct Delivery {
    slots: Vec<Slot>,
    everybody: StrategySet,
    /// Strategies with a reserve to flush or a loss to report.
    starving: StrategySet,
    latched: StrategySet,
    /// Latched since the engine last looked: their open orders are to be cancelled.
    newly_latched: StrategySet,
}

impl Delivery {
    pub(super) fn new() -> Delivery {
        Delivery {
            slots: (0..StrategyId::COUNT_MAX).map(|_| Slot::default()).collect(),
            everybody: StrategySet::NONE,
            starving: StrategySet::NONE,
            latched: StrategySet::NONE,
            newly_latched: StrategySet::NONE,
        }
    }

    pub(super) fn add(&mut self, strategy: StrategyId) {
        let one = StrategySet::one(strategy);
        if let Some(slot) = self.slots.get_mut(strategy.index()) {
            // What was told of adopted orders before their strategy was there.
            slot.reserve.reserve(EXECUTION_RESERVE_MAX.saturating_sub(slot.reserve.len()));
            if !slot.reserve.is_empty() {
                self.starving = self.starving.with(one);
            }
            if slot.lost > 0 {
                self.latched = self.latched.with(one);
            }
            self.everybody = self.everybody.with(one);
        }
    }

    pub(super) fn remove(&mut self, strategy: StrategyId) {
        let one = StrategySet::one(strategy);
        if let Some(slot) = self.slots.get_mut(strategy.index()) {
            *slot = Slot::default();
        }
        for set in [&mut self.everybody, &mut self.starving, &mut self.latched, &mut self.newly_latched] {
            *set = set.without(one);
        }
    }

    pub(super) fn everybody(&self) -> StrategySet {
        self.everybody
    }

    pub(super) fn starving(&self) -> StrategySet {
        self.starving
    }

    /// Whether this strategy must not send new orders now.
    pub(super) fn is_latched(&self, strategy: StrategyId) -> bool {
        self.latched.contains(strategy)
    }

    pub(super) fn take_newly_latched(&mut self) -> StrategySet {
        std::mem::take(&mut self.newly_latched)
    }

    pub(super) fn deliver(&mut self, out: &mut impl Outputs, strategy: StrategyId, record: &ExecutionRecord) {
        let one = StrategySet::one(strategy);
        let absent = !self.everybody.contains(strategy);
        if absent && !record.request.is_adopted() {
            return; // its handles are gone; the order's own state is kept all the same
        }
        let Some(slot) = self.slots.get_mut(strategy.index()) else { return };
        if slot.lost > 0 {
            slot.lost = slot.lost.saturating_add(1);
            return;
        }
        if absent {
            // Kept until a strategy of that number comes; nobody is lost who is not there.
            match slot.reserve.len() < EXECUTION_RESERVE_MAX {
                true => slot.reserve.push_back(*record),
                false => slot.lost = 1,
            }
            return;
        }
        if slot.reserve.is_empty() && out.execution(strategy, record) {
            return;
        }
        self.starving = self.starving.with(one);
        if slot.reserve.len() < EXECUTION_RESERVE_MAX {
            slot.reserve.push_back(*record);
            return;
        }
        slot.lost = 1;
        self.latched = self.latched.with(one);
        self.newly_latched = self.newly_latched.with(one);
    }

    /// The strategy's ring may have room again. `open` lists its open orders as the engine holds them, at most
    /// `open_count`; `holdings` what the account has. Whether all of that was told, since records were lost.
    pub(super) fn room(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        strategy: StrategyId,
        open_count: usize,
        open: impl Iterator<Item = ExecutionRecord>,
        holdings: impl Iterator<Item = ExecutionRecord>,
    ) -> bool {
        let Some(slot) = self.slots.get_mut(strategy.index()) else { return false };
        while let Some(record) = slot.reserve.front() {
            if !out.execution(strategy, record) {
                return false;
            }
            slot.reserve.pop_front();
        }
        let lost = slot.lost > 0;
        self.starving = self.starving.without(StrategySet::one(strategy));
        if lost {
            self.starving = self.starving.with(StrategySet::one(strategy));
            if out.execution_room(strategy) < open_count.saturating_add(2) {
                return false; // all of them in one go, or the list would be stale before it ends
            }
            let mut lost = ExecutionRecord::new(ExecutionKind::Lost, Venue::Coinbase, InstrumentId::NONE);
            (lost.recv, lost.last_quantity) = (now, i64::try_from(slot.lost).unwrap_or(i64::MAX));
            let mut end = ExecutionRecord::new(ExecutionKind::ResyncEnd, Venue::Coinbase, InstrumentId::NONE);
            end.recv = now;
            for record in std::iter::once(lost).chain(open) {
                if !out.execution(strategy, &record) {
                    return false; // cannot be, room was counted; the whole list comes again
                }
            }
            slot.lost = 0;
            for set in [&mut self.starving, &mut self.latched] {
                *set = set.without(StrategySet::one(strategy));
            }
            for record in holdings.chain(std::iter::once(end)) {
                self.deliver(out, strategy, &record);
            }
        }
        lost
    }
}

/// A sink for the order table: its records go to the strategy that sent the command; those nobody sent, to everybody.
pub(super) struct DeliverySink<'a, O> {
    pub(super) delivery: &'a mut Delivery,
    pub(super) purse: &'a mut Purse,
    pub(super) portfolio: &'a mut Portfolio,
    pub(super) out: &'a mut O,
}

impl<O: Outputs> DeliverySink<'_, O> {
    /// What the record does to what the account has.
    fn moves(&mut self, record: &ExecutionRecord) {
        self.purse.moved(record);
        if self.portfolio.moved(record).is_err() {
            self.out.count(Counter::Anomalies, 1);
        }
        if doubts_rules(record) {
            self.out.outdated(record.instrument);
        }
    }

    fn pass(&mut self, record: &ExecutionRecord) {
        self.out.audit(&AuditEntry::Execution(*record));
        if record.request == crate::record::RequestId::NONE {
            for strategy in self.delivery.everybody.iter() {
                self.delivery.deliver(self.out, strategy, record);
            }
        } else {
            self.delivery.deliver(self.out, record.request.strategy(), record);
        }
    }
}

impl<O: Outputs> Executions for DeliverySink<'_, O> {
    fn emit(&mut self, record: &ExecutionRecord) {
        self.moves(record);
        self.pass(record);
    }
}

/// Makes one event of what several inputs cause: only its last record is flagged LAST.
pub(super) struct OneEvent<'a, S: Executions> {
    sink: &'a mut S,
    held: Option<ExecutionRecord>,
}

impl<'a, S: Executions> OneEvent<'a, S> {
    pub(super) fn new(sink: &'a mut S) -> OneEvent<'a, S> {
        OneEvent { sink, held: None }
    }

    pub(super) fn finish(self) {
        if let Some(mut record) = self.held {
            record.flags |= EXECUTION_FLAG_LAST;
            self.sink.emit(&record);
        }
    }
}

impl<S: Executions> Executions for OneEvent<'_, S> {
    fn emit(&mut self, record: &ExecutionRecord) {
        let record = ExecutionRecord { flags: record.flags & !EXECUTION_FLAG_LAST, ..*record };
        if let Some(before) = self.held.replace(record) {
            self.sink.emit(&before);
        }
    }
}

/// Lets more follow as part of an event that is told already but for its end.
pub(super) struct Followed<'a, O> {
    pub(super) sink: DeliverySink<'a, O>,
    held: Option<ExecutionRecord>,
}

impl<'a, O: Outputs> Followed<'a, O> {
    pub(super) fn new(sink: DeliverySink<'a, O>) -> Followed<'a, O> {
        Followed { sink, held: None }
    }

    /// What was the end of the event is not, any more: this is.
    pub(super) fn follow(&mut self, record: &ExecutionRecord) {
        if let Some(held) = &mut self.held {
            held.flags &= !EXECUTION_FLAG_LAST;
        }
        self.emit(&ExecutionRecord { flags: record.flags | EXECUTION_FLAG_LAST, ..*record });
    }

    pub(super) fn finish(mut self) {
        if let Some(record) = self.held {
            self.sink.pass(&record);
        }
    }
}

impl<O: Outputs> Executions for Followed<'_, O> {
    fn emit(&mut self, record: &ExecutionRecord) {
        // At once: what follows is about all that was told.
        self.sink.moves(record);
        if let Some(before) = self.held.replace(*record) {
            self.sink.pass(&before);
        }
    }
}
