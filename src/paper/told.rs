//! What the paper venue has said and nobody has heard yet, in the order in which it arrives.

use crate::order::{CancelReply, Denial, FillFact, OrderFact, PlaceReply, ReplaceReply};
use crate::record::{ClientOrderId, UnixNanos, VenueOrderId};
use crate::venue::{AccountFact, BalanceFact, Facts, TradeFill};
use std::collections::VecDeque;

/// Which command an answer is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// To the place command of this order.
    Place(ClientOrderId, PlaceReply),
    /// To a cancel of this order.
    Cancel(VenueOrderId, CancelReply),
    /// To a change of this order.
    Replace(VenueOrderId, ReplaceReply),
}

impl Answer {
    /// Why it is no success; `None` if it is one.
    pub const fn denial(&self) -> Option<Denial> {
        match self {
            Answer::Place(_, reply) => reply.denial(),
            Answer::Cancel(_, reply) => reply.denial(),
            Answer::Replace(_, reply) => reply.denial(),
        }
    }
}

/// One thing the paper venue says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "kept in one queue whose memory is taken once; boxing would allocate")]
pub enum Told {
    /// The direct answer to a command.
    Answer(Answer),
    /// How an order stands.
    Order(OrderFact),
    /// An execution.
    Fill(FillFact),
    /// So many parts of one fill, at a venue that keeps trades; they wait in the outbox.
    Fills(usize),
    /// The venue gave an order another id.
    Renumbered(VenueOrderId, VenueOrderId),
    /// What an asset's balance is.
    Balance(BalanceFact),
    /// Figures of an account of margin.
    Account(AccountFact),
}

impl Told {
    /// Says it as a venue session says it; `parts` are those of the fills not yet told.
    pub(super) fn tell(&self, parts: &mut VecDeque<TradeFill>, facts: &mut impl Facts) {
        match self {
            Told::Fills(count) => {
                let of_it = (*count).min(parts.len());
                facts.fills(parts.make_contiguous().get(..of_it).unwrap_or_default());
                parts.drain(..of_it);
            }
            Told::Renumbered(old, new) => facts.renumbered(old, new),
            Told::Account(fact) => facts.account(fact),
            Told::Answer(Answer::Place(client, reply)) => facts.place_reply(client, *reply),
            Told::Answer(Answer::Cancel(id, reply)) => facts.cancel_reply(id, *reply),
            Told::Answer(Answer::Replace(id, reply)) => facts.replace_reply(id, *reply),
            Told::Order(fact) => facts.order(fact),
            Told::Fill(fact) => facts.fill(fact),
            Told::Balance(fact) => facts.balance(fact),
        }
    }
}

/// News on its way; a constant latency keeps it in order.
#[derive(Debug)]
pub(super) struct Outbox {
    news: VecDeque<(UnixNanos, Told)>,
    /// Of the fills among them, in their order.
    pub(super) parts: VecDeque<TradeFill>,
    latency_ns: u64,
}

impl Outbox {
    pub(super) fn new(latency_ns: u64, usual: usize) -> Outbox {
        Outbox { news: VecDeque::with_capacity(usual), parts: VecDeque::new(), latency_ns }
    }

    pub(super) fn say(&mut self, now: UnixNanos, told: Told) {
        self.news.push_back((later(now, self.latency_ns), told));
    }

    /// The next news that has arrived.
    pub(super) fn next(&mut self, now: UnixNanos) -> Option<Told> {
        self.news.front().filter(|(due, _)| *due <= now)?;
        self.news.pop_front().map(|(_, told)| told)
    }

    pub(super) fn deadline(&self) -> Option<UnixNanos> {
        self.news.front().map(|(due, _)| *due)
    }
}

/// A moment `ns` nanoseconds after another.
pub(super) fn later(now: UnixNanos, ns: u64) -> UnixNanos {
    UnixNanos(now.0.saturating_add(ns))
}
