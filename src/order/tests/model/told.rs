//! What a session was told of each order, checked against the law of records as it comes.

use super::*;
use std::collections::{HashMap, HashSet};
use ExecutionKind as K;

/// What was told of one order.
#[derive(Default, Debug)]
pub struct Told {
    pub unknown: bool,
    pub accepted: bool,
    pub end: Option<K>,
    /// The cumulative quantity it was taken back with.
    pub listed: Option<i64>,
    /// Sums of the fills, replayed ones apart.
    pub quantity: i64,
    pub value: i128,
    pub fees: i128,
    pub replayed: i64,
    /// Executions told with their own price, quantity and fee.
    pub executions: HashSet<String>,
    pub exact_value: i128,
    pub exact_fees: i128,
    pub risen: bool,
}

#[derive(Default)]
pub struct Checker {
    pub told: HashMap<ClientOrderId, Told>,
    pub records: Vec<ExecutionRecord>,
}

impl Executions for Checker {
    fn emit(&mut self, r: &ExecutionRecord) {
        self.records.push(*r);
        if matches!(r.kind, K::CancelUnknown | K::CancelRejected) {
            // Of an order nobody knows, there is nothing to keep.
            let ended = self.told.get(&r.client_order_id).is_some_and(|told| told.end.is_some());
            return assert!(!ended || r.reject == RejectClass::OrderClosed);
        }
        let told = self.told.entry(r.client_order_id).or_default();
        let settled = told.accepted || told.end.is_some() || told.listed.is_some();
        let begun = told.accepted || told.listed.is_some();
        let late = r.has(EXECUTION_FLAG_LATE);
        match r.kind {
            K::Unknown => {
                assert!(!settled, "unknown after it was settled: {told:?}");
                told.unknown = true;
            }
            K::Accepted => {
                assert!(!settled, "accepted twice or late: {told:?}");
                assert_eq!(r.has(EXECUTION_FLAG_RECONCILED), told.unknown);
                told.accepted = true;
            }
            K::Rejected => {
                assert!(!settled, "rejected twice or late: {told:?}");
                assert_eq!(r.has(EXECUTION_FLAG_RECONCILED), told.unknown);
                assert_ne!(r.reject, RejectClass::None);
                told.end = Some(r.kind);
            }
            K::OrderListed => {
                assert!(!settled && !told.unknown && r.request.is_adopted(), "listed for no reason: {told:?}");
                told.listed = Some(r.cumulative_quantity);
            }
            K::Cancelled | K::Expired | K::Filled => {
                assert!(begun && told.end.is_none(), "end without beginning, or second end: {told:?}");
                assert_eq!(r.cumulative_quantity, told.quantity + told.listed.unwrap_or(0));
                told.end = Some(r.kind);
            }
            K::Fill if r.has(EXECUTION_FLAG_REPLAYED) => {
                assert!(told.listed.is_some(), "a replay of an order that was not taken back: {told:?}");
                told.replayed += r.last_quantity;
                assert!(told.executions.insert(r.execution_id.to_string()), "one execution twice");
            }
            K::Fill => {
                assert_eq!(late, told.end.is_some(), "late is what comes after the end: {told:?}");
                assert!(begun || late);
                assert!(r.last_quantity >= 0);
                told.quantity += r.last_quantity;
                assert_eq!(r.cumulative_quantity, told.quantity + told.listed.unwrap_or(0));
                told.value += r.value().rescale(-16).unwrap();
                told.fees += r.fee().rescale(-12).unwrap();
                if !r.execution_id.is_empty() {
                    assert!(told.executions.insert(r.execution_id.to_string()), "one execution twice");
                    told.add_exact(r);
                }
            }
            K::FillDetail => {
                assert!(told.executions.insert(r.execution_id.to_string()), "one execution twice");
                told.add_exact(r);
            }
            K::StrangerOrder => {
                assert!(late && told.end == Some(K::Rejected) && !told.risen);
                told.risen = true;
            }
            kind => panic!("{kind:?}"),
        }
    }
}

impl Told {
    fn add_exact(&mut self, r: &ExecutionRecord) {
        self.exact_value += i128::from(r.last_quantity) * i128::from(r.last_price);
        self.exact_fees += r.fee().rescale(-12).unwrap();
    }
}

pub fn agrees(told: K, truth: Option<OrderStatus>) -> bool {
    match truth {
        Some(OrderStatus::Filled) => told == K::Filled,
        Some(OrderStatus::Expired) => told == K::Expired,
        Some(OrderStatus::Cancelled | OrderStatus::Failed) => told == K::Cancelled,
        _ => false,
    }
}
