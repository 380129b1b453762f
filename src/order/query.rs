//! What can be asked of a venue about orders, and the times by which it is asked. When which query is due, and what follows
//! from its answer, is `reconcile`'s.

use crate::record::{InstrumentId, UnixNanos, Venue, VenueOrderId};
use arrayvec::ArrayVec;

/// Most orders one [`Query::OrdersByIds`] names: about 1.5 kB of URL.
pub const QUERY_IDS_MAX: usize = 32;

/// What becomes of orders a dead session left open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RestartPolicy {
    /// They are taken back: told to the strategy of their number as listed, and can be cancelled and changed.
    #[default]
    Adopt,
    /// They are taken back and cancelled; no order leaves before every one of them is over.
    Sweep,
}

/// The times of reconciliation, ms. The defaults are the design's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconcileRules {
    /// First pause before a query is repeated, doubled each time.
    pub query_pause_ms_min: u64,
    /// Longest pause between repetitions of a query.
    pub query_pause_ms_max: u64,
    /// A listing begun earlier than this after the last byte of an order may have left, or after its last sign of life,
    /// does not count as evidence of its absence.
    pub absence_grace_ms: u64,
    /// Least time between the beginnings of two listings that both count.
    pub absence_spacing_ms: u64,
    /// So many complete listings must lack an order.
    pub absences_needed: u8,
    /// Listings reach back this much further than needed, for the difference of two clocks.
    pub since_margin_ms: u64,
    /// An order that stays unknown is told again this often.
    pub unknown_repeat_ms: u64,
    /// Executions of venues with recent orders are asked for this often, and after them which of our orders are open.
    pub fills_every_ms: u64,
    /// Executions are asked for this far before the last complete answer began: rows are listed late.
    pub fills_overlap_ms: u64,
    /// What becomes of orders a dead session left open.
    pub restart: RestartPolicy,
    /// Balances are asked for as often as executions, not only at the start.
    pub balances: bool,
}

impl Default for ReconcileRules {
    fn default() -> Self {
        ReconcileRules {
            query_pause_ms_min: 250,
            query_pause_ms_max: 5_000,
            absence_grace_ms: 10_000,
            absence_spacing_ms: 1_000,
            absences_needed: 3,
            since_margin_ms: 60_000,
            unknown_repeat_ms: 10_000,
            fills_every_ms: 25_000,
            fills_overlap_ms: 120_000,
            restart: RestartPolicy::Adopt,
            balances: false,
        }
    }
}

/// One query; its number goes back with [`Orders::query_done`](super::Orders::query_done).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QueryId(pub(super) u64);

/// What to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "lives on the stack for one call; boxing would allocate")]
pub enum Query {
    /// Open orders of the account.
    OpenOrders {
        /// Where.
        venue: Venue,
        /// All of them; otherwise those in instruments without an open order of ours may be missing.
        whole: bool,
    },
    /// Every order of an instrument placed since a moment, whatever became of it: searched for our ids.
    RecentOrders {
        /// Where.
        venue: Venue,
        /// Of what.
        instrument: InstrumentId,
        /// From when.
        since: UnixNanos,
    },
    /// The state of these orders.
    OrdersByIds {
        /// Where.
        venue: Venue,
        /// The venue's ids, at least one.
        ids: ArrayVec<VenueOrderId, QUERY_IDS_MAX>,
    },
    /// Every balance of the account.
    Balances {
        /// Where.
        venue: Venue,
    },
    /// Every execution of these orders, from their beginnings.
    FillsOf {
        /// Where.
        venue: Venue,
        /// The venue's ids, at least one; [`Orders::instrument_of`](super::Orders::instrument_of) knows what they trade.
        ids: ArrayVec<VenueOrderId, QUERY_IDS_MAX>,
    },
    /// All executions of the account since a moment.
    Fills {
        /// Where.
        venue: Venue,
        /// Only those in this one, if it is named; others may come along.
        instrument: Option<InstrumentId>,
        /// From when.
        since: UnixNanos,
    },
}

/// How a query ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueryEnd {
    /// Every page of the answer was read and its rows were given in.
    Complete,
    /// Anything else. Rows already given in stand; nothing follows from what is missing.
    Failed,
}
