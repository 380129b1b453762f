//! The progress of changing one order's price and quantity.
//!
//! Owns which change is under way and what the evidence says of it. A change is asked for once and never repeated: one
//! that may or may not have arrived stays unknown until the venue answers, shows the order with its new terms, or keeps
//! showing it with its old ones long enough after the last byte can have left. Never emits records and never sends.
//!
//! | phase | evidence | verdict | next |
//! |---|---|---|---|
//! | Handed | first byte may have left | | Sent |
//! | Handed | not sent, connection lost | refused | Idle |
//! | Sent, Unknown | reply: taken | done | Idle |
//! | Sent, Unknown | reply: refused | refused | Idle |
//! | Sent | reply: ambiguous, or none | unknown | Unknown |
//! | Sent, Unknown | the order with its new terms | done | Idle |
//! | Unknown | the order with its new terms, which it had before, too, in an answer begun 10 s or more after the last byte | done | Idle |
//! | Unknown | the order with its old terms in 3 complete answers, each begun 10 s or more after the last byte | refused (NeverArrived) | Idle |
//! | any | the order is over | its own end is the answer | Idle |

use super::fact::{FactSource, OrderFact, OrderStatus, ReplaceReply};
use super::query::ReconcileRules;
use crate::record::{InlineText, RejectClass, RequestId, UnixNanos};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No change under way.
    Idle,
    /// Handed out to be sent; not a byte was written.
    Handed,
    /// Its first byte may have left.
    Sent,
    /// It may or may not have arrived.
    Unknown,
}

/// Price and quantity of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    /// Mantissa at the price exponent.
    pub price: i64,
    /// Mantissa at the size exponent.
    pub quantity: i64,
}

/// What a piece of evidence says of the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChangeVerdict {
    /// Nothing to tell.
    Quiet,
    /// The order has its new terms. `reconciled` if that was unknown, `implied` if something else than the reply says so.
    Done { reconciled: bool, implied: bool },
    /// The order stands as it stood.
    Refused { class: RejectClass, code: InlineText<32>, reconciled: bool },
    /// It may or may not have arrived.
    Unknown { code: InlineText<32> },
}

/// The change of one order.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChangeProgress {
    phase: Phase,
    request: RequestId,
    from: Terms,
    to: Terms,
    /// Latest moment at which its bytes may still have been leaving.
    watermark: UnixNanos,
    /// The answer being read shows the order with its old terms.
    stands: bool,
    /// The answer being read shows the order with its new terms.
    shown: bool,
    /// It had its new terms not long ago: what shows them may be of then.
    returns: bool,
    /// The terms before the last change that was done.
    before: Terms,
    /// When the last change was done.
    done_at: UnixNanos,
    /// And the one before it.
    older_at: UnixNanos,
    denials: u8,
    /// When the last answer that counted began.
    counted: UnixNanos,
}

const NO_TERMS: Terms = Terms { price: 0, quantity: 0 };

impl ChangeProgress {
    pub const NONE: ChangeProgress = ChangeProgress {
        phase: Phase::Idle,
        request: RequestId::NONE,
        from: NO_TERMS,
        to: NO_TERMS,
        watermark: UnixNanos::NONE,
        stands: false,
        shown: false,
        returns: false,
        before: NO_TERMS,
        done_at: UnixNanos::NONE,
        older_at: UnixNanos::NONE,
        denials: 0,
        counted: UnixNanos::NONE,
    };

    /// Begins a change; `false` if one is under way.
    pub fn begin(&mut self, request: RequestId, from: Terms, to: Terms, returns: bool) -> bool {
        if self.phase != Phase::Idle {
            return false;
        }
        let ChangeProgress { before, done_at, older_at, .. } = *self;
        let phase = Phase::Handed;
        *self = ChangeProgress { phase, request, from, to, returns, before, done_at, older_at, ..ChangeProgress::NONE };
        true
    }

    /// Whether an order may have had these terms so short ago that a listing that lags still shows them.
    pub fn returns(&self, to: Terms, now: UnixNanos, rules: &ReconcileRules) -> bool {
        let recent = |at: UnixNanos| at.is_some() && now < at.plus_ms(rules.absence_grace_ms);
        recent(self.older_at) || recent(self.done_at) && to == self.before
    }

    /// The change under way was done.
    pub fn done(&mut self, now: UnixNanos) {
        (self.before, self.older_at, self.done_at) = (self.from, self.done_at, now);
    }

    /// Whatever changes were made before are not known.
    pub fn unknown_past(&mut self, now: UnixNanos) {
        self.older_at = now;
    }

    /// Whether a change is under way.
    pub fn is_under_way(&self) -> bool {
        self.phase != Phase::Idle
    }

    /// The request its answer names.
    pub const fn request(&self) -> RequestId {
        self.request
    }

    /// The terms asked for.
    pub const fn to(&self) -> Terms {
        self.to
    }

    /// Whether the venue has to be asked.
    pub fn is_unknown(&self) -> bool {
        self.phase == Phase::Unknown
    }

    /// The first byte may have left.
    pub fn sent(&mut self, at: UnixNanos) {
        if self.phase == Phase::Handed {
            self.phase = Phase::Sent;
        }
        self.watermark = self.watermark.max(at);
    }

    /// Not a byte was written; `false` if one may have left.
    pub fn abandon(&mut self) -> bool {
        let handed = self.phase == Phase::Handed;
        if handed {
            self.phase = Phase::Idle;
        }
        handed
    }

    /// What was asked for is told under another order's name; what it did to this one has to be asked.
    pub fn leave_open(&mut self, now: UnixNanos) {
        if self.phase != Phase::Idle {
            (self.phase, self.request) = (Phase::Unknown, RequestId::NONE);
            self.watermark = self.watermark.max(now);
        }
    }

    /// The order is over.
    pub fn stop(&mut self) {
        *self = ChangeProgress::NONE;
    }

    /// The direct answer, or its lack.
    pub fn reply(&mut self, reply: &ReplaceReply, now: UnixNanos) -> ChangeVerdict {
        let reconciled = match self.phase {
            // Settled by other evidence before.
            Phase::Idle => return ChangeVerdict::Quiet,
            Phase::Handed | Phase::Sent => false,
            Phase::Unknown => true,
        };
        match *reply {
            ReplaceReply::Accepted => {
                self.phase = Phase::Idle;
                ChangeVerdict::Done { reconciled, implied: false }
            }
            ReplaceReply::Rejected { class, code } => {
                self.phase = Phase::Idle;
                ChangeVerdict::Refused { class, code, reconciled }
            }
            ReplaceReply::Ambiguous { .. } if reconciled => ChangeVerdict::Quiet,
            ReplaceReply::Ambiguous { code } => {
                self.phase = Phase::Unknown;
                self.watermark = self.watermark.max(now);
                ChangeVerdict::Unknown { code }
            }
        }
    }

    /// A question about the order begins: what was read before does not count for its answer.
    pub fn asked(&mut self) {
        (self.stands, self.shown) = (false, false);
    }

    /// The venue states how the order stands.
    pub fn observe(&mut self, fact: &OrderFact) -> ChangeVerdict {
        let reconciled = match self.phase {
            Phase::Idle | Phase::Handed => return ChangeVerdict::Quiet,
            Phase::Sent => false,
            Phase::Unknown => true,
        };
        if self.shows(fact, self.to, self.from) {
            if self.returns {
                self.shown |= fact.source == FactSource::Query;
                return ChangeVerdict::Quiet;
            }
            self.phase = Phase::Idle;
            return ChangeVerdict::Done { reconciled, implied: true };
        }
        let rests = fact.status == OrderStatus::Open;
        self.stands |= rests && fact.source == FactSource::Query && self.shows(fact, self.from, self.to);
        ChangeVerdict::Quiet
    }

    /// Whether a fact shows these terms and not the `other` ones; a figure the venue leaves out shows nothing.
    fn shows(&self, fact: &OrderFact, these: Terms, other: Terms) -> bool {
        if these == other || fact.limit_price != these.price {
            return false;
        }
        if fact.quantity <= 0 {
            return these.price != other.price;
        }
        fact.quantity == these.quantity
    }

    /// A complete answer about the order, asked for at `begun`, was read.
    pub fn answered(&mut self, begun: UnixNanos, rules: &ReconcileRules) -> ChangeVerdict {
        let (stands, shown) = (std::mem::take(&mut self.stands), std::mem::take(&mut self.shown));
        let ripe = begun >= self.watermark.plus_ms(rules.absence_grace_ms);
        let spaced = !self.counted.is_some() || begun >= self.counted.plus_ms(rules.absence_spacing_ms);
        if self.phase == Phase::Unknown && shown && ripe {
            self.phase = Phase::Idle;
            return ChangeVerdict::Done { reconciled: true, implied: true };
        }
        if self.phase != Phase::Unknown || !stands || !ripe || !spaced {
            return ChangeVerdict::Quiet;
        }
        (self.denials, self.counted) = (self.denials.saturating_add(1), begun);
        if self.denials < rules.absences_needed.max(1) {
            return ChangeVerdict::Quiet;
        }
        self.phase = Phase::Idle;
        ChangeVerdict::Refused { class: RejectClass::NeverArrived, code: InlineText::EMPTY, reconciled: true }
    }
}
