//! What an order connection says of its requests: why one was not sent, and how one ended.

use super::super::request::Unsupported;
use super::super::response::{ReplyHeaders, Rows};
use crate::codec::http1::RequestError;
use crate::order::Denial;
use crate::record::{InlineText, RejectClass, VenueOrderId};

/// Why nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotSent {
    /// Not open, or no more requests may follow on this connection.
    #[error("the connection takes no more requests")]
    Closed,
    /// A request is in flight.
    #[error("a request is in flight on this connection")]
    Busy,
    /// The venue has no form for it.
    #[error("{0}")]
    Unsupported(#[from] Unsupported),
    /// Its answer is no fact: ask on another connection, off the hot thread.
    #[error("this query is not for an order connection")]
    ColdQuery,
    /// A value cannot stand in a request.
    #[error("{0}")]
    Request(#[from] RequestError),
}

/// Which request a reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplyTo {
    /// A place request; its fact was told.
    Place,
    /// A cancel request; its fact was told.
    Cancel,
    /// A replace of an order; its fact was told.
    Replace,
    /// Any other request that changes something: a close, exits, labels. Its transactions were told.
    Change,
    /// A listing of orders, or one order; its rows were told.
    Orders,
    /// A listing of transactions; its rows were told.
    Transactions,
    /// The pages transactions come in; where the first begins is said.
    Pages,
    /// A listing of positions; its rows were told.
    Positions,
    /// A picture of the account, or its figures; they were told.
    Account,
}

impl ReplyTo {
    /// The array that its answer cannot be without.
    pub(super) const fn array(self) -> Option<&'static str> {
        match self {
            ReplyTo::Orders => Some("orders"),
            ReplyTo::Transactions => Some("transactions"),
            ReplyTo::Pages => Some("pages"),
            ReplyTo::Positions => Some("positions"),
            ReplyTo::Place | ReplyTo::Cancel | ReplyTo::Replace | ReplyTo::Change | ReplyTo::Account => None,
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Answered as documented. For a place or cancel the facts say how.
    Answered,
    /// A change was made.
    Changed {
        /// The order it created, if one: of a replace, the new one.
        created: Option<VenueOrderId>,
        /// It was accepted, but every order it made was cancelled at once, for this reason: nothing was traded.
        nothing: Option<InlineText<32>>,
    },
    /// Every row was told, but for the unreadable ones.
    Listed {
        /// How many.
        rows: Rows,
        /// Transactions only: more follow; ask again from [`Ledger::complete_to`](super::super::Ledger::complete_to).
        more: bool,
        /// The account's newest transaction that the answer includes; 0 if it did not say.
        last: u64,
    },
    /// The venue refused it.
    Refused {
        /// Why.
        class: RejectClass,
        /// The venue's code.
        code: InlineText<32>,
    },
    /// No use could be made of the answer, or there was none. Rows told so far are true, but not all.
    Failed {
        /// What was seen.
        code: InlineText<32>,
    },
}

/// Of an answer that is no success.
impl From<Denial> for Outcome {
    fn from(denial: Denial) -> Outcome {
        match denial {
            Denial::Refused { class, code } => Outcome::Refused { class, code },
            Denial::Unclear { code } => Outcome::Failed { code },
        }
    }
}

/// Of an answer that is one unless denied.
impl From<Option<Denial>> for Outcome {
    fn from(denial: Option<Denial>) -> Outcome {
        denial.map_or(Outcome::Answered, Outcome::from)
    }
}

/// The end of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Which request.
    pub to: ReplyTo,
    /// HTTP status; 0 if there was no answer.
    pub status: u16,
    /// What became of it.
    pub outcome: Outcome,
    /// What the headers say.
    pub headers: ReplyHeaders,
    /// How long the venue wants nothing sent, ms.
    pub wait_ms: Option<u64>,
    /// Of a place or change: the account's newest transaction before it was sent. An order of unknown outcome is
    /// found after this id ([`Query::TransactionsSince`](super::super::request::Query::TransactionsSince)); client
    /// ids are no idempotency keys here (OANDA reference 4).
    pub sent_after: u64,
}

/// What a call read.
pub type OrderProgress = crate::venue::OrderProgress<Reply>;
