//! What is to be asked about one order, and what absence from answers amounts to.
//!
//! Owns when the next question about an order is due and how many complete listings lacked it. Which question that is, and
//! what follows from its answer, is `reconcile`'s. Never asks and never emits.

use super::query::{QueryEnd, QueryId, ReconcileRules};
use crate::record::UnixNanos;

/// What is to be asked about one order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Check {
    /// When; `MAX` if nothing is to be asked.
    pub at: UnixNanos,
    /// The venue's id was known when the order was last looked at.
    pub identified: bool,
    pub query: Option<QueryId>,
    /// A complete answer begun from then on is wanted, whatever is answered before; `MAX` if none is.
    pub later: UnixNanos,
    pub pause_ms: u64,
    absences: u8,
    /// When the last listing that counted began.
    counted: UnixNanos,
}

impl Check {
    pub const NONE: Check = Check {
        at: UnixNanos::MAX,
        identified: false,
        query: None,
        later: UnixNanos::MAX,
        pause_ms: 0,
        absences: 0,
        counted: UnixNanos::NONE,
    };

    /// Asks at `at`, unless a query is under way or due anyway.
    pub fn arm(&mut self, at: UnixNanos) {
        if self.query.is_none() {
            self.at = self.at.min(at);
        }
    }

    /// Asks at `at`, whatever is answered until then.
    pub fn arm_again(&mut self, at: UnixNanos) {
        self.later = self.later.min(at);
        self.arm(at);
    }

    /// Nothing is to be asked for now.
    pub fn rest(&mut self) {
        self.at = if self.query.is_none() { self.later } else { UnixNanos::MAX };
    }

    /// It is being asked for.
    pub fn asked(&mut self, id: QueryId) {
        (self.query, self.at) = (Some(id), UnixNanos::MAX);
    }

    /// The query about it ended.
    pub fn ended(&mut self, begun: UnixNanos, end: QueryEnd) {
        self.query = None;
        if end == QueryEnd::Complete && begun >= self.later {
            self.later = UnixNanos::MAX;
        }
    }

    /// The order is over: nothing is ever to be asked again.
    pub fn stop(&mut self) {
        *self = Check { identified: self.identified, ..Check::NONE };
    }

    /// The order was heard of.
    pub fn refuted(&mut self) {
        (self.absences, self.counted) = (0, UnixNanos::NONE);
    }

    pub fn again(&mut self, now: UnixNanos, rules: &ReconcileRules) {
        self.pause_ms = pause(self.pause_ms, rules);
        self.at = now.plus_ms(self.pause_ms);
    }

    /// Counts a complete listing that lacks the order; whether there were enough.
    pub fn absent(&mut self, begun: UnixNanos, watermark: UnixNanos, rules: &ReconcileRules) -> bool {
        let ripe = begun >= watermark.plus_ms(rules.absence_grace_ms);
        let spaced = !self.counted.is_some() || begun >= self.counted.plus_ms(rules.absence_spacing_ms);
        if ripe && spaced {
            (self.absences, self.counted) = (self.absences.saturating_add(1), begun);
        }
        self.absences >= rules.absences_needed.max(1)
    }
}

/// The next pause after one of `last_ms`.
pub(super) fn pause(last_ms: u64, rules: &ReconcileRules) -> u64 {
    // No `clamp`: it panics on rules whose least is above their most.
    last_ms.saturating_mul(2).min(rules.query_pause_ms_max).max(rules.query_pause_ms_min)
}
