//! What the engine keeps per venue to trade there: credentials, the governor, the listing under way, and which connection
//! carries the account's events.

use super::contract::ConnId;
use super::tokens::TokenPools;
use crate::guard::{Breaker, BreakerRules, Governor};
use crate::order::{Query, QueryId};
use crate::record::UnixNanos;

/// A query under way, page by page.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) id: QueryId,
    pub(super) query: Query,
    /// Where the next page begins; empty for the first.
    pub(super) cursor: String,
    pub(super) pages: usize,
    /// Which of the query's items is asked about, where a venue takes them one by one: ids, instruments.
    pub(super) item: usize,
    /// A row could not be read: nothing follows from what is missing.
    pub(super) incomplete: bool,
    /// The next page is to be asked for; otherwise one is under way.
    pub(super) waits: bool,
}

impl Asking {
    /// A query whose first page is to be asked for.
    pub(super) const fn new(id: QueryId, query: Query) -> Asking {
        Asking { id, query, cursor: String::new(), pages: 0, item: 0, incomplete: false, waits: true }
    }
}

/// One venue's desk. A venue without credentials has one all the same, and never uses it.
pub(super) struct Desk {
    /// The connection of the account's events; `None` without credentials.
    pub(super) user: Option<ConnId>,
    pub(super) tokens: TokenPools,
    pub(super) governor: Governor,
    /// Whether new orders may leave.
    pub(super) breaker: Breaker,
    /// The venue wanted nothing sent until then, as it said last.
    pub(super) throttled_until: UnixNanos,
    pub(super) asking: Option<Asking>,
    /// An idle HTTP connection is used this often to keep it warm, ms.
    pub(super) warm_every_ms: u64,
}

impl Desk {
    /// The desk of a venue whose requests are signed as they are written and let go by the weight governor.
    pub(super) fn signing(user: ConnId, rules: BreakerRules) -> Desk {
        Desk { user: Some(user), breaker: Breaker::new(rules), ..Desk::idle(0) }
    }

    /// The desk of a venue where nothing is traded: one request a second, and nobody to make it.
    pub(super) fn idle(governor_margin_ms: u64) -> Desk {
        Desk {
            user: None,
            tokens: TokenPools::new(0),
            governor: Governor::new(1, 1_000, governor_margin_ms),
            breaker: Breaker::new(BreakerRules::default()),
            throttled_until: UnixNanos::NONE,
            asking: None,
            warm_every_ms: u64::MAX,
        }
    }

    /// A page of a query is to be asked for.
    pub(super) fn asking_waits(&self) -> bool {
        self.asking.as_ref().is_some_and(|asking| asking.waits)
    }
}
