//! Cancelling orders of the table: from a command or a decision to requests that are due, and from answers to records.
//!
//! Owns the rules for strategy authors: a cancel is answered either by the order's terminal record (under the ORDER's
//! request id, whatever the end was) or by CancelRejected under the CANCEL's request id; CancelUnknown, at most once,
//! says that it is being repeated. Never sends.

use super::cancel::Verdict;
use super::entry::{Entry, Place, Slot};
use super::fact::CancelReply;
use super::reconcile::CHECK_DELAY_MS;
use super::refusal::Refusal;
use super::state::OrderState;
use super::table::Orders;
use super::Executions;
use crate::record::{
    ExecutionKind, InstrumentId, OrderCommand, RejectClass, RequestId, UnixNanos, Venue, VenueOrderId,
    EXECUTION_FLAG_LAST,
};

/// A cancel request to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CancelSend {
    /// The order.
    pub slot: Slot,
    /// Where.
    pub venue: Venue,
    /// What it trades.
    pub instrument: InstrumentId,
    /// The venue's id of it, never empty.
    pub venue_order_id: VenueOrderId,
    /// The cancel it carries out; `NONE` if the engine's own.
    pub request: RequestId,
}

/// What a cancel leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelStep {
    /// Send this request now.
    Send(CancelSend),
    /// The venue's id is not known yet: it becomes due by itself.
    WaitForVenueId,
    /// A request is under way already; its answer will name the new request.
    UnderWay,
    /// The order is over.
    AlreadyClosed,
    /// The table does not know the order.
    NoSuchOrder,
}

const OVER: Refusal = Refusal::new(RejectClass::OrderClosed, "the order is over");
const NO_SUCH_ORDER: Refusal = Refusal::new(RejectClass::UnknownOrder, "no such order");

impl Orders {
    /// A strategy's cancel. Where nothing is to be sent because there is no such open order, CancelRejected is told.
    pub fn cancel(
        &mut self,
        now: UnixNanos,
        venue: Venue,
        command: &OrderCommand,
        out: &mut impl Executions,
    ) -> CancelStep {
        let slot = command.target().and_then(|target| self.find(venue, &target));
        let step = match slot {
            Some(slot) => self.cancel_slot(now, slot, command.request()),
            None => CancelStep::NoSuchOrder,
        };
        match step {
            CancelStep::AlreadyClosed => {
                self.refuse(now, command, venue, &OVER, out);
            }
            CancelStep::NoSuchOrder => {
                self.refuse(now, command, venue, &NO_SUCH_ORDER, out);
            }
            CancelStep::Send(_) | CancelStep::WaitForVenueId | CancelStep::UnderWay => {}
        }
        step
    }

    /// Asks for the cancel of one order, for the engine's own reasons (`request` `NONE`) or for a strategy's.
    pub fn cancel_slot(&mut self, now: UnixNanos, slot: Slot, request: RequestId) -> CancelStep {
        let Some(entry) = self.entry(slot) else { return CancelStep::NoSuchOrder };
        if entry.place != Place::Open {
            return CancelStep::AlreadyClosed;
        }
        let identified = !entry.order.venue_order_id().is_empty();
        let step = if entry.cancel.ask(request, identified, now) {
            CancelStep::Send(cancel_send(slot, entry))
        } else if identified {
            CancelStep::UnderWay
        } else {
            CancelStep::WaitForVenueId
        };
        let at = entry.cancel.deadline();
        self.due.cancel = self.due.cancel.min(at);
        step
    }

    /// The next cancel to send: one that waited for its venue id, or a repetition.
    pub fn next_due_cancel(&mut self, now: UnixNanos) -> Option<CancelSend> {
        self.due_cancel(now, |_| true)
    }

    /// The next cancel to send to one venue.
    pub fn next_due_cancel_at(&mut self, now: UnixNanos, venue: Venue) -> Option<CancelSend> {
        self.due_cancel(now, |at| at == venue)
    }

    fn due_cancel(&mut self, now: UnixNanos, wanted: impl Fn(Venue) -> bool) -> Option<CancelSend> {
        if now < self.due.cancel {
            return None;
        }
        let (mut at, mut next) = (self.open.first, UnixNanos::MAX);
        while let Some(entry) = self.entries.get_mut(at as usize) {
            if wanted(entry.order.venue()) && entry.cancel.take_due(now) {
                return Some(cancel_send(entry.slot(at), entry));
            }
            next = next.min(entry.cancel.deadline());
            at = entry.link.after;
        }
        self.due.cancel = next;
        None
    }

    /// A cancel that was handed out could not be sent: it is due again at `until`.
    pub fn cancel_delayed(&mut self, slot: Slot, until: UnixNanos) {
        if let Some(entry) = self.entry(slot) {
            entry.cancel.delayed(until);
            self.due.cancel = self.due.cancel.min(until);
        }
    }

    /// The answer to a cancel request, for one order.
    pub fn cancel_reply(
        &mut self,
        now: UnixNanos,
        venue: Venue,
        venue_order_id: &VenueOrderId,
        reply: &CancelReply,
        out: &mut impl Executions,
    ) {
        let at = self.at_venue_id(venue, venue_order_id);
        let Some(entry) = at.and_then(|at| self.entries.get_mut(at as usize)) else {
            self.counters.forgotten = self.counters.forgotten.saturating_add(1);
            return;
        };
        if entry.place != Place::Open {
            self.counters.behind_terminal = self.counters.behind_terminal.saturating_add(1);
            return;
        }
        let verdict = entry.cancel.reply(reply, now);
        let told = match verdict {
            Verdict::Uncertain { class, code } => Some((ExecutionKind::CancelUnknown, class, code)),
            Verdict::Refused { class, code } => Some((ExecutionKind::CancelRejected, class, code)),
            Verdict::Quiet | Verdict::Queued | Verdict::UnknownOrder | Verdict::Unasked => None,
        };
        match verdict {
            Verdict::Refused { class: RejectClass::UnknownOrder, code } => {
                entry.order.doubt(RejectClass::UnknownOrder, code);
            }
            Verdict::Refused { class: RejectClass::OrderClosed, .. } => entry.order.said_to_be_over(),
            Verdict::Unasked => self.counters.unexpected = self.counters.unexpected.saturating_add(1),
            _ => {}
        }
        let request = entry.cancel.request();
        // A risen order was told to be dead, and nobody asked for this cancel.
        let silent = entry.order.state() == OrderState::Risen;
        // Neither it nor one that is being swept may rest, whatever a venue answers whose bookkeeping lags.
        let insists = silent || entry.swept;
        let final_word = !(insists && request == RequestId::NONE && matches!(verdict, Verdict::Refused { .. }));
        if let Some((kind, class, code)) = told.filter(|_| !silent && final_word) {
            let mut record = entry.order.record(kind, now, UnixNanos::NONE);
            (record.request, record.reject, record.venue_code) = (request, class, code);
            (record.sent, record.flags) = (UnixNanos::NONE, EXECUTION_FLAG_LAST);
            out.emit(&record);
        }
        if insists && matches!(verdict, Verdict::Refused { .. }) {
            // Asked for again after the longest pause, for as long as it lives.
            entry.cancel.ask(RequestId::NONE, true, now);
            entry.cancel.delayed(now.plus_ms(super::CANCEL_PAUSE_MS_MAX));
        }
        let doubtful = matches!(verdict, Verdict::Queued | Verdict::UnknownOrder) || entry.order.wants_check();
        if doubtful {
            entry.check.arm(now.plus_ms(CHECK_DELAY_MS));
            self.due.check = self.due.check.min(entry.check.at);
        }
        self.due.cancel = self.due.cancel.min(entry.cancel.deadline());
    }
}

fn cancel_send(slot: Slot, entry: &Entry) -> CancelSend {
    CancelSend {
        slot,
        venue: entry.order.venue(),
        instrument: entry.order.instrument(),
        venue_order_id: *entry.order.venue_order_id(),
        request: entry.cancel.request(),
    }
}
