//! What a venue says of an order, in one vocabulary for all venues: the evidence the lifecycle is driven by.

use crate::record::{
    ClientOrderId, ExecutionId, Fixed128, InlineText, InstrumentId, Liquidity, RejectClass, Side, UnixNanos,
    VenueOrderId,
};

/// A venue's word for how an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderStatus {
    /// Taken by the front end, not yet by the matching engine.
    Pending,
    /// Resting or working.
    Open,
    /// A cancel is queued; fills may still come.
    CancelQueued,
    /// A change is queued.
    EditQueued,
    /// Over: wholly filled.
    Filled,
    /// Over: cancelled, perhaps after partial fills.
    Cancelled,
    /// Over: its time ran out.
    Expired,
    /// Over: never placed.
    Failed,
    /// A value we do not know: proves that the order exists, nothing more.
    Unrecognised,
}

impl OrderStatus {
    /// Whether the order is over.
    pub const fn is_terminal(self) -> bool {
        matches!(self, OrderStatus::Filled | OrderStatus::Cancelled | OrderStatus::Expired | OrderStatus::Failed)
    }
}

/// Where a fact was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FactSource {
    /// A live user-stream event.
    Stream,
    /// The snapshot a user stream begins with.
    StreamSnapshot,
    /// The answer to a query or a listing.
    Query,
}

/// The full state of one order as the venue gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderFact {
    /// Where it was read.
    pub source: FactSource,
    /// The instrument, if we know it.
    pub instrument: Option<InstrumentId>,
    /// The venue's name of an instrument we do not know, where a cancel must name it; empty otherwise.
    pub unknown_symbol: InlineText<24>,
    /// The venue's id.
    pub venue_order_id: VenueOrderId,
    /// Our id, if the venue repeats it; also of orders that are not ours.
    pub client_order_id: ClientOrderId,
    /// How it stands.
    pub status: OrderStatus,
    /// Its side.
    pub side: Side,
    /// Quantity executed so far, mantissa at the instrument's size exponent.
    pub cumulative_quantity: i64,
    /// Value executed so far, quote currency, exact; `None` if not sent.
    pub cumulative_value: Option<Fixed128>,
    /// Fees so far, quote currency, exact; `None` if not sent.
    pub cumulative_fees: Option<Fixed128>,
    /// Limit price, mantissa at the price exponent; 0 if none or unknown.
    pub limit_price: i64,
    /// Order quantity, mantissa at the size exponent; 0 if unknown.
    pub quantity: i64,
    /// The venue's time of this state.
    pub venue_time: UnixNanos,
    /// Why it failed, if it did.
    pub reject: RejectClass,
    /// The venue's own code for it.
    pub code: InlineText<32>,
}

/// One execution as the venue's history lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FillFact {
    /// The order.
    pub venue_order_id: VenueOrderId,
    /// The venue's identity of the execution.
    pub execution_id: ExecutionId,
    /// Whose, if we know it.
    pub instrument: Option<InstrumentId>,
    /// Our side.
    pub side: Side,
    /// Mantissa at the price exponent.
    pub price: i64,
    /// Mantissa at the size exponent; 0 if the venue gave it in quote currency that does not divide.
    pub quantity: i64,
    /// Fee, exact.
    pub fee: Fixed128,
    /// The code of the asset the fee was taken in; `None` if it is the quote asset.
    pub fee_asset: Option<InlineText<16>>,
    /// Made or took.
    pub liquidity: Liquidity,
    /// The venue's time.
    pub venue_time: UnixNanos,
}

/// The direct answer to a place request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceReply {
    /// The venue has the order under this id.
    Accepted {
        /// The venue's id.
        venue_order_id: VenueOrderId,
    },
    /// Definitive refusal: the order never lived.
    Rejected {
        /// Why.
        class: RejectClass,
        /// The venue's own code.
        code: InlineText<32>,
    },
    /// Nothing follows from the answer, or there was none: the outcome is unknown.
    Ambiguous {
        /// What was seen instead, such as `http 502` or `connection lost`.
        code: InlineText<32>,
    },
}

/// The direct answer to a change of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplaceReply {
    /// The order has, or is about to have, its new terms under its old id.
    Accepted,
    /// Refused: the order stands as it stood, or is over already.
    Rejected {
        /// Why.
        class: RejectClass,
        /// The venue's own code.
        code: InlineText<32>,
    },
    /// Whether it arrived is unknown; it may not be repeated.
    Ambiguous {
        /// What was seen instead.
        code: InlineText<32>,
    },
}

/// The direct answer to a cancel request, for one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelReply {
    /// Queued: the terminal state follows on the user stream.
    Queued,
    /// Refused: the order stands as it stood, or is over already.
    Rejected {
        /// Why.
        class: RejectClass,
        /// The venue's own code.
        code: InlineText<32>,
    },
    /// Whether it arrived is unknown; a cancel may be repeated.
    Ambiguous {
        /// What was seen instead.
        code: InlineText<32>,
    },
}

/// A direct answer that is no success, or the lack of one, to whatever was asked: the law of outcomes (DESIGN section 7)
/// knows these two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// Definitive: it was not done.
    Refused {
        /// Why.
        class: RejectClass,
        /// The venue's own code.
        code: InlineText<32>,
    },
    /// Whether it was done is unknown.
    Unclear {
        /// What was seen instead.
        code: InlineText<32>,
    },
}

impl Denial {
    /// Refused, in these words.
    pub fn refused(class: RejectClass, code: &str) -> Denial {
        Denial::Refused { class, code: InlineText::truncated(code) }
    }

    /// Nothing follows from what was seen.
    pub fn unclear(code: &str) -> Denial {
        Denial::Unclear { code: InlineText::truncated(code) }
    }
}

/// What a denial is as the answer to one kind of request, and back.
macro_rules! denied {
    ($($reply:ident),*) => {$(
        impl From<Denial> for $reply {
            fn from(denial: Denial) -> $reply {
                match denial {
                    Denial::Refused { class, code } => $reply::Rejected { class, code },
                    Denial::Unclear { code } => $reply::Ambiguous { code },
                }
            }
        }

        impl $reply {
            /// Why it is no success; `None` if it is one.
            pub const fn denial(&self) -> Option<Denial> {
                match *self {
                    $reply::Rejected { class, code } => Some(Denial::Refused { class, code }),
                    $reply::Ambiguous { code } => Some(Denial::Unclear { code }),
                    _ => None,
                }
            }
        }
    )*};
}

denied!(PlaceReply, ReplaceReply, CancelReply);
