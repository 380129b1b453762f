//! What an order connection says of its requests: why one was not sent, and how one ended.

use super::super::request::Unsupported;
use super::super::response::{Page, RateHeaders, RowKind, Rows};
use crate::codec::http1::RequestError;
use crate::order::Denial;
use crate::record::{InlineText, RejectClass, UnixNanos};

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
    /// No ids, or more than one request takes.
    #[error("a cancel request takes 1 to {max} ids")]
    Count {
        /// The limit.
        max: usize,
    },
    /// Its answer is no fact: ask on another connection, off the hot thread.
    #[error("this query is not for an order connection")]
    ColdQuery,
    /// The token or a value cannot stand in a request.
    #[error("{0}")]
    Request(#[from] RequestError),
}

/// Nothing was sent, and the token comes back unspent.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub why: NotSent,
    /// The token, if one was given.
    pub token: Option<Box<str>>,
}

/// Which request a reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplyTo {
    /// A place request; its fact was told.
    Place,
    /// A cancel request; a fact per id was told.
    Cancel,
    /// A change; its fact was told.
    Edit,
    /// A listing of orders; its rows were told.
    Orders,
    /// A listing of fills; its rows were told.
    Fills,
    /// A listing of accounts; their balances were told.
    Balances,
    /// The question for the time.
    Time,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Answered as documented. For a place or cancel the facts say how.
    Answered,
    /// Every row of this page was told, but for the unreadable ones.
    Listed {
        /// How many.
        rows: Rows,
        /// How the listing goes on.
        page: Page,
    },
    /// The venue's clock.
    Time(UnixNanos),
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
    /// What the headers say about our rate.
    pub rate: RateHeaders,
    /// How long the venue wants nothing sent, ms.
    pub wait_ms: Option<u64>,
}

/// What a call read.
pub type OrderProgress = crate::venue::OrderProgress<Reply>;

impl ReplyTo {
    pub(super) const fn of(kind: RowKind) -> ReplyTo {
        match kind {
            RowKind::Orders => ReplyTo::Orders,
            RowKind::Fills => ReplyTo::Fills,
            RowKind::Balances => ReplyTo::Balances,
        }
    }
}
