//! Orders: client order ids, the life of an order, and what has to be asked of a venue to know it.
//!
//! Owns every order of every strategy from its registration to the last late fill. It is driven by evidence alone:
//! replies, stream events, listings, rows of history, in any order, repeated, late or never. It reads no clock, sends
//! nothing, logs nothing, allocates nothing after construction; `now` is an argument, records leave through
//! [`Executions`], requests are handed out ([`CancelStep`], [`Orders::next_due_cancel`], [`Orders::next_query`]).
//! It never guesses an outcome and never sends an order a second time.
//!
//! # What a strategy is told
//! For each place request, on its execution ring:
//! 1. First exactly one of Accepted, Rejected, Unknown. Accepted is flagged `IMPLIED` if something else than the reply
//!    proved it.
//! 2. After Unknown exactly one Accepted or Rejected, flagged `RECONCILED`. Until then Unknown is repeated, by default
//!    every 10 s, and the repetitions mean nothing new.
//! 3. After Accepted any number of Fill and FillDetail, then at most one of Filled, Cancelled, Expired. An order that
//!    was Accepted is never Rejected: if the venue fails it afterwards, it is Cancelled with a reject class other than
//!    `None` and the venue's code.
//! 4. After that nothing but Fill flagged `LATE` (a fill found after the end still moves the position; it does not
//!    change the end that was told) and FillDetail.
//!
//! The sum of an order's Fill records is what was executed, in quantity, value and fee, exactly and once. A Fill from
//! cumulative figures is flagged `DERIVED`: its quantity, value and fee are exact, its price is value over quantity, cut
//! towards zero to the price exponent (0 if no value is known). A Fill of quantity 0 makes up for a value or fee the
//! venue had left out. A fee in another asset than the quote asset stands, exact, in the record of its own row (Fill or
//! FillDetail) and in no sum. FillDetail names one execution of the venue's history that Fill records already count; an
//! execution id appears in at most one record.
//!
//! A cancel request is answered by the order's own terminal record (under the ORDER's request id, however it ended) or
//! by CancelRejected under the CANCEL's request id; both carry the order's ids. CancelUnknown, at most once per cancel,
//! says that it may not have arrived and is being repeated. Cancels of one order are one intention: answers name the
//! latest.
//!
//! A replace request is answered by exactly one of Replaced and ReplaceRejected under the REPLACE's request id, or by the
//! order's own terminal record. ReplaceUnknown, at most once before that, says that it may not have arrived: it is never
//! sent again; the order's state is asked until it shows the new terms (Replaced), or the old ones in 3 complete answers
//! begun 10 s or more after the last byte (ReplaceRejected, NeverArrived), both flagged `RECONCILED`. Until then both
//! quantities count: the order is over at neither on our word.
//!
//! Where a venue changes by cancelling and placing anew ([`Swap`]), what leaves for a replace is a new order, told under
//! the REPLACE's request as for a place request; the old one is told under its own. Only what never left is answered by
//! ReplaceRejected there.
//!
//! The one exception, made so that nothing stays alive unseen: an order told to be Rejected that turns out to live is
//! told by one StrangerOrder under its own ids and request, flagged `LATE`; it is cancelled without being asked, its
//! fills come flagged `LATE`, and no second terminal record follows.
//!
//! # States, evidence, transitions
//! "Life" is any order state but FAILED, or a row of history. Fills are booked in every state, before the transition.
//!
//! | state | evidence | told | next |
//! |---|---|---|---|
//! | New | [`Orders::sent`] | | Sent |
//! | New | [`Orders::abandon`], connection lost | Rejected | Closed |
//! | New | reply timeout | | New |
//! | New, Sent | reply: accepted | Accepted | Live |
//! | New, Sent | life | Accepted `IMPLIED`, then as Live | Live |
//! | New, Sent | reply: refused; FAILED without a fill | Rejected | Closed |
//! | New, Sent | reply: duplicate id (only this very order can have our id) or ambiguous | Unknown | Unknown |
//! | Sent | connection lost, reply timeout | Unknown | Unknown |
//! | Unknown | reply: accepted; life | Accepted `RECONCILED`, then as Live | Live |
//! | Unknown | reply: refused; FAILED without a fill | Rejected `RECONCILED` | Closed |
//! | Unknown | absent from 3 complete listings, each begun 10 s or more after its last byte may have left | Rejected (NeverArrived) `RECONCILED` | Closed |
//! | Unknown | time, failed listings, anything else | (Unknown again) | Unknown |
//! | Live | larger cumulative, rows beyond it | Fill | Live |
//! | Live | row within the cumulative | FillDetail | Live |
//! | Live | FILLED with the whole quantity, or told again by a query | Filled | Closed |
//! | Live | FILLED with less, on the stream | | Live, asked by id; Closed once the rows complete it |
//! | Live | whole quantity executed, no end told | | Live, asked by id |
//! | Live | CANCELLED; EXPIRED; FAILED | Cancelled; Expired; Cancelled with class | Closed |
//! | Live | reply: refused, nothing executed | | Live, doubted, asked by id |
//! | Live | cancel refused three times: unknown order | CancelRejected | Live, doubted, asked by id |
//! | Live | doubted, and denied by 3 complete answers begun 10 s or more after its last sign of life | Cancelled with the doubt's class, `RECONCILED` | Closed |
//! | Live | absence alone | | Live |
//! | Closed | larger cumulative, rows beyond it | Fill `LATE` | Closed |
//! | Closed | a state not behind it, anything else | (counted) | Closed |
//! | Closed as Rejected, not by FAILED | reply: accepted; OPEN, CANCEL_QUEUED or EDIT_QUEUED; a fill while not over | StrangerOrder `LATE` | Risen |
//! | Risen | larger cumulative, rows beyond it | Fill `LATE` | Risen |
//! | Risen | FILLED, CANCELLED, EXPIRED, FAILED; doubted and denied, as Live | | Closed |
//!
//! Closed orders are remembered for a bounded while ([`OrderLimits::closed_kept`]); evidence about older ones is
//! [`Whose::Forgotten`] and counted. An order found [`Whose::Twin`] or open and forgotten should be cancelled by its
//! venue id.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod assets;
mod booking;
mod cancel;
mod cancels;
mod change;
mod changes;
mod check;
mod counters;
mod entry;
mod exposure;
mod fact;
mod holdings;
mod ids;
mod index;
mod lifecycle;
mod list;
mod lookup;
mod query;
mod recall;
mod reconcile;
mod refusal;
mod silence;
mod state;
mod swap;
mod table;
#[cfg(test)]
mod tests;
mod told;

pub use cancel::{
    CANCEL_CONFIRM_MS, CANCEL_PAUSE_MS_MAX, CANCEL_PAUSE_MS_MIN, CANCEL_REPLY_MS_MAX, CANCEL_UNKNOWN_ORDER_TRIES,
};
pub use cancels::{CancelSend, CancelStep};
pub use changes::ReplaceSend;
pub use counters::OrderCounters;
pub use entry::Slot;
pub use exposure::{Exposure, HeldSum};
pub use fact::{CancelReply, Denial, FactSource, FillFact, OrderFact, OrderStatus, PlaceReply, ReplaceReply};
pub use ids::{BadPrefix, ClientOrderIds, PREFIX_CHARS_MAX};
pub use lookup::Whose;
pub use query::{Query, QueryEnd, QueryId, ReconcileRules, RestartPolicy, QUERY_IDS_MAX};
pub use recall::REPLAY_MARGIN_MS;
pub use reconcile::QUERIES_MAX;
pub use refusal::Refusal;
pub use state::{Order, OrderEnd, OrderState};
pub use swap::Swap;
pub use table::{OrderLimits, Orders, Placed};

/// Where execution records go.
pub trait Executions {
    /// Takes one record. Route it by the strategy of `request`, or of the client order id where that is `NONE`; a
    /// [`StrangerOrder`](crate::record::ExecutionKind::StrangerOrder) without either concerns every strategy.
    fn emit(&mut self, record: &crate::record::ExecutionRecord);
}
