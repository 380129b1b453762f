//! What one session's strategy was told of one order, checked against the law of records as it comes.

use crate::record::{
    ExecutionKind as K, ExecutionRecord, EXECUTION_FLAG_LATE, EXECUTION_FLAG_RECONCILED, EXECUTION_FLAG_REPLAYED,
};
use std::collections::BTreeSet;

/// See the module's documentation. Quantities are mantissas at the size exponent.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    pub accepted: bool,
    pub unknown: bool,
    pub end: Option<K>,
    /// Told dead, and found alive.
    pub risen: bool,
    /// The cumulative quantity it was adopted with.
    pub listed: Option<i64>,
    /// Sum of the fills.
    pub filled: i64,
    /// Price and quantity of the last change that was told.
    pub terms: Option<(i64, i64)>,
    /// Sum of the fills flagged as replayed.
    pub replayed: i64,
    executions: BTreeSet<String>,
}

impl Told {
    /// Whether anything was told of it that asks for an end.
    pub(super) fn begun(&self) -> bool {
        self.accepted || self.unknown || self.listed.is_some()
    }

    /// The next record of this order.
    ///
    /// # Errors
    /// What the law forbids, in words.
    pub(super) fn record(&mut self, record: &ExecutionRecord) -> Result<(), String> {
        let settled = self.accepted || self.end.is_some() || self.listed.is_some();
        let before = self.clone();
        let wrong = |what: &str| Err(format!("{what}: {record:?} after {before:?}"));
        if matches!(record.kind, K::Fill | K::FillDetail)
            && !record.execution_id.is_empty()
            && !self.executions.insert(record.execution_id.to_string())
        {
            return Err(format!("execution {} told twice", record.execution_id));
        }
        match record.kind {
            K::Unknown if settled => return wrong("unknown after it was settled"),
            K::Unknown => self.unknown = true,
            K::Accepted | K::Rejected if settled => return wrong("settled twice"),
            K::Accepted | K::Rejected if record.has(EXECUTION_FLAG_RECONCILED) != self.unknown => {
                return wrong("flagged reconciled without being, or the reverse");
            }
            K::Accepted => self.accepted = true,
            K::Rejected => self.end = Some(K::Rejected),
            K::OrderListed if settled || !record.request.is_adopted() => return wrong("listed for no reason"),
            K::OrderListed => self.listed = Some(record.cumulative_quantity),
            K::Filled | K::Cancelled | K::Expired if !(self.accepted || self.listed.is_some()) => {
                return wrong("an end without a beginning");
            }
            K::Filled | K::Cancelled | K::Expired if self.end.is_some() => return wrong("a second end"),
            K::Filled | K::Cancelled | K::Expired => self.end = Some(record.kind),
            K::Fill if record.has(EXECUTION_FLAG_REPLAYED) && self.listed.is_none() => {
                return wrong("a replay of an order that was not adopted");
            }
            K::Fill if record.has(EXECUTION_FLAG_REPLAYED) => {
                self.replayed = self.replayed.saturating_add(record.last_quantity);
            }
            K::Fill if record.has(EXECUTION_FLAG_LATE) != self.end.is_some() => {
                return wrong("late is what comes after the end");
            }
            K::Fill => {
                self.filled = self.filled.saturating_add(record.last_quantity);
                if record.cumulative_quantity != self.filled.saturating_add(self.listed.unwrap_or(0)) {
                    return wrong("its fills do not make the cumulative quantity");
                }
            }
            // What was told to be rejected may turn out to live, once; nothing else of ours is ever a stranger's.
            K::StrangerOrder if self.risen || self.end != Some(K::Rejected) => {
                return wrong("risen without having been told dead");
            }
            K::StrangerOrder => self.risen = true,
            K::Replaced | K::ReplaceUnknown if self.end.is_some() => return wrong("changed after its end"),
            K::Replaced => self.terms = Some((record.last_price, record.last_quantity)),
            _ => {}
        }
        Ok(())
    }
}

/// What was told of one change, under its own request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Answer {
    unknown: bool,
    answer: Option<K>,
}

impl Answer {
    pub(super) fn is_answered(&self) -> bool {
        self.answer.is_some()
    }

    pub(super) fn is_done(&self) -> bool {
        self.answer == Some(K::Replaced)
    }

    /// The next record under its request.
    ///
    /// # Errors
    /// What the law forbids, in words.
    pub(super) fn record(&mut self, record: &ExecutionRecord) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{what}: {record:?}"));
        match record.kind {
            _ if self.answer.is_some() => return wrong("a change answered twice"),
            K::ReplaceUnknown if self.unknown => return wrong("a change unknown twice"),
            K::ReplaceUnknown => self.unknown = true,
            K::Replaced | K::ReplaceRejected if record.has(EXECUTION_FLAG_RECONCILED) != self.unknown => {
                return wrong("a change flagged reconciled without being, or the reverse");
            }
            K::Replaced | K::ReplaceRejected => self.answer = Some(record.kind),
            _ => return wrong("no answer to a change"),
        }
        Ok(())
    }
}
