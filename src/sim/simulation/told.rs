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
            _ => {}
        }
        Ok(())
    }
}
