//! Orders: ids, lifecycle, and the evidence that moves it.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod booking;
mod cancel;
mod cancels;
mod fact;
mod ids;
mod index;
mod lifecycle;
mod list;
mod reconcile;
mod table;
#[cfg(test)]
mod tests;

pub use cancel::{
    CANCEL_CONFIRM_MS, CANCEL_PAUSE_MS_MAX, CANCEL_PAUSE_MS_MIN, CANCEL_REPLY_MS_MAX, CANCEL_UNKNOWN_ORDER_TRIES,
};
pub use cancels::{CancelSend, CancelStep};
pub use fact::{CancelReply, FactSource, FillFact, OrderFact, OrderStatus, PlaceReply};
pub use ids::{BadPrefix, ClientOrderIds, PREFIX_CHARS_MAX};
pub use lifecycle::{Order, OrderCounters, OrderEnd, OrderState};
pub use reconcile::{Query, QueryEnd, QueryId, ReconcileRules, QUERIES_MAX, QUERY_IDS_MAX};
pub use table::{OrderLimits, Orders, Placed, Refusal, Slot, Whose};

/// Where execution records go.
pub trait Executions {
    /// Takes one record. The sink routes it by `request`'s strategy, or by the client order id where that is `NONE`.
    fn emit(&mut self, record: &crate::record::ExecutionRecord);
}
