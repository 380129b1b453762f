//! The progress of cancelling one order.
//!
//! Owns when the next cancel request for an order is due and whose request its answers name. A cancel is an intention:
//! once asked for it is repeated, with back-off, until the order is over or the venue refuses definitively. Cancels of
//! one order are one intention, answered under the request id of the latest. Never emits records and never decides how
//! an order stands.

use super::fact::CancelReply;
use crate::record::{InlineText, RejectClass, RequestId, UnixNanos};

/// First pause before a cancel is repeated, doubled each time up to [`CANCEL_PAUSE_MS_MAX`].
pub const CANCEL_PAUSE_MS_MIN: u64 = 250;
/// Longest pause between repetitions of a cancel.
pub const CANCEL_PAUSE_MS_MAX: u64 = 5_000;
/// A cancel that nobody reported on for this long is taken as ambiguous: a net below the engine's own timeouts.
pub const CANCEL_REPLY_MS_MAX: u64 = 10_000;
/// A queued cancel is repeated when the order has not ended after this long.
pub const CANCEL_CONFIRM_MS: u64 = 5_000;
/// "Unknown order" may be a race with the venue's own bookkeeping (Coinbase reference 7.14): so many are needed.
pub const CANCEL_UNKNOWN_ORDER_TRIES: u8 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing asked for, or refused definitively.
    Idle,
    /// Asked for; the venue's id is not known yet.
    Waiting,
    /// To be sent at `at`.
    Due,
    /// Sent; an answer is expected before `at`.
    InFlight,
    /// Taken by the venue; the end of the order is expected before `at`.
    Queued,
}

/// What a reply changes, for the order and for the strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing to tell.
    Quiet,
    /// The order must end soon: ask if it does not.
    Queued,
    /// Tell, once, that it is uncertain and being repeated.
    Uncertain { class: RejectClass, code: InlineText<32> },
    /// The venue does not know the order this time.
    UnknownOrder,
    /// Refused for good.
    Refused { class: RejectClass, code: InlineText<32> },
    /// No cancel was under way.
    Unasked,
}

/// The cancel intention for one order.
#[derive(Debug, Clone, Copy)]
pub(super) struct CancelProgress {
    phase: Phase,
    request: RequestId,
    at: UnixNanos,
    pause_ms: u64,
    uncertain_told: bool,
    unknown_order: u8,
}

impl CancelProgress {
    pub const NONE: CancelProgress = CancelProgress {
        phase: Phase::Idle,
        request: RequestId::NONE,
        at: UnixNanos::MAX,
        pause_ms: CANCEL_PAUSE_MS_MIN,
        uncertain_told: false,
        unknown_order: 0,
    };

    /// The request its answers name.
    pub const fn request(&self) -> RequestId {
        self.request
    }

    /// Whether a cancel is asked for and not refused.
    pub fn is_asked(&self) -> bool {
        self.phase != Phase::Idle
    }

    /// When something is to be done; `MAX` if nothing.
    pub fn deadline(&self) -> UnixNanos {
        match self.phase {
            Phase::Idle | Phase::Waiting => UnixNanos::MAX,
            Phase::Due | Phase::InFlight | Phase::Queued => self.at,
        }
    }

    /// Asks for a cancel; `true` if a request is to be sent now.
    pub fn ask(&mut self, request: RequestId, has_venue_id: bool, now: UnixNanos) -> bool {
        match self.phase {
            Phase::InFlight | Phase::Queued => {
                self.request = request;
                false
            }
            Phase::Idle | Phase::Waiting | Phase::Due => {
                *self = CancelProgress { request, phase: Phase::Waiting, ..CancelProgress::NONE };
                has_venue_id && self.send(now)
            }
        }
    }

    /// The venue's id became known.
    pub fn identified(&mut self, now: UnixNanos) {
        if self.phase == Phase::Waiting {
            (self.phase, self.at) = (Phase::Due, now);
        }
    }

    /// Takes what is due: `true` if a request is to be sent now.
    pub fn take_due(&mut self, now: UnixNanos) -> bool {
        self.deadline() <= now && self.send(now)
    }

    /// The request handed out was not sent after all.
    pub fn delayed(&mut self, until: UnixNanos) {
        if self.phase == Phase::InFlight {
            (self.phase, self.at) = (Phase::Due, until);
        }
    }

    /// The order is over.
    pub fn stop(&mut self) {
        *self = CancelProgress::NONE;
    }

    /// The answer to a request.
    pub fn reply(&mut self, reply: &CancelReply, now: UnixNanos) -> Verdict {
        if matches!(self.phase, Phase::Idle | Phase::Waiting) {
            return Verdict::Unasked;
        }
        match *reply {
            CancelReply::Queued | CancelReply::Rejected { class: RejectClass::DuplicateId, .. } => {
                (self.phase, self.at) = (Phase::Queued, now.plus_ms(CANCEL_CONFIRM_MS));
                self.unknown_order = 0;
                Verdict::Queued
            }
            CancelReply::Ambiguous { code } => self.uncertain(RejectClass::None, code, now),
            CancelReply::Rejected { class, code } if is_transient(class) => self.uncertain(class, code, now),
            CancelReply::Rejected { class: RejectClass::UnknownOrder, code } => {
                self.unknown_order = self.unknown_order.saturating_add(1);
                if self.unknown_order < CANCEL_UNKNOWN_ORDER_TRIES {
                    self.again(now);
                    return Verdict::UnknownOrder;
                }
                self.phase = Phase::Idle;
                Verdict::Refused { class: RejectClass::UnknownOrder, code }
            }
            CancelReply::Rejected { class, code } => {
                self.phase = Phase::Idle;
                Verdict::Refused { class, code }
            }
        }
    }

    fn uncertain(&mut self, class: RejectClass, code: InlineText<32>, now: UnixNanos) -> Verdict {
        self.again(now);
        if std::mem::replace(&mut self.uncertain_told, true) {
            return Verdict::Quiet;
        }
        Verdict::Uncertain { class, code }
    }

    fn again(&mut self, now: UnixNanos) {
        (self.phase, self.at) = (Phase::Due, now.plus_ms(self.pause_ms));
        self.pause_ms = self.pause_ms.saturating_mul(2).min(CANCEL_PAUSE_MS_MAX);
    }

    fn send(&mut self, now: UnixNanos) -> bool {
        (self.phase, self.at) = (Phase::InFlight, now.plus_ms(CANCEL_REPLY_MS_MAX));
        true
    }
}

/// Refusals that say "not now": the cancel surely did not arrive and is repeated.
const fn is_transient(class: RejectClass) -> bool {
    matches!(
        class,
        RejectClass::RateLimited | RejectClass::Unauthorized | RejectClass::Busy | RejectClass::NotConnected
    )
}
