//! Changing orders of the table: from a command to the one request that is sent, and from evidence to records.
//!
//! Owns the rules for strategy authors: a replace is answered, under ITS request id, by exactly one of Replaced and
//! ReplaceRejected, or by the order's own terminal record (under the ORDER's). ReplaceUnknown, at most once before that,
//! says that it may not have arrived; the order's state is being asked, and the answer is flagged RECONCILED. A change is
//! never sent a second time. Never sends.

use super::change::{ChangeVerdict, Terms};
use super::entry::{Entry, Place, Slot};
use super::fact::{OrderFact, ReplaceReply};
use super::query::ReconcileRules;
use super::reconcile::CHECK_DELAY_MS;
use super::refusal::Refusal;
use super::state::OrderState;
use super::table::Orders;
use super::Executions;
use crate::record::{
    ClientOrderId, ExecutionKind, ExecutionRecord, InlineText, InstrumentId, OrderCommand, OrderType, RejectClass,
    RequestId, Side, UnixNanos, Venue, VenueOrderId, EXECUTION_FLAG_IMPLIED, EXECUTION_FLAG_LAST,
    EXECUTION_FLAG_RECONCILED,
};

/// A change to send, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplaceSend {
    /// The order.
    pub slot: Slot,
    /// Where.
    pub venue: Venue,
    /// What it trades.
    pub instrument: InstrumentId,
    /// The replace it carries out: to be named with its answer.
    pub request: RequestId,
    /// The venue's id of it, never empty.
    pub venue_order_id: VenueOrderId,
    /// Our id of it.
    pub client_order_id: ClientOrderId,
    /// Its side.
    pub side: Side,
    /// The new price, mantissa at the price exponent.
    pub price: i64,
    /// The new quantity, of what is executed and what is left together, mantissa at the size exponent.
    pub quantity: i64,
}

impl Orders {
    /// A strategy's change of a resting order: the request to send, or `None` where ReplaceRejected was told.
    pub fn replace(
        &mut self,
        now: UnixNanos,
        venue: Venue,
        command: &OrderCommand,
        out: &mut impl Executions,
    ) -> Option<ReplaceSend> {
        let slot = command.target().and_then(|target| self.find(venue, &target));
        let rules = *self.reconciliation.rules();
        let begun = slot.and_then(|slot| self.exposing(slot, |entry| begin(now, slot, entry, command, &rules)));
        let begun = begun.unwrap_or(Err(Refusal::new(RejectClass::UnknownOrder, "no such order")));
        match begun {
            Ok(send) => Some(send),
            Err(refusal) => {
                self.refuse(now, command, venue, &refusal, out);
                None
            }
        }
    }

    /// A change that was handed out is not sent after all. `false`, and nothing told, if a byte may have left.
    pub fn replace_abandoned(
        &mut self,
        now: UnixNanos,
        slot: Slot,
        class: RejectClass,
        reason: &str,
        out: &mut impl Executions,
    ) -> bool {
        let abandoned = self.exposing(slot, |entry| {
            let abandoned = entry.change.abandon();
            if abandoned {
                let code = InlineText::truncated(reason);
                conclude(entry, now, ChangeVerdict::Refused { class, code, reconciled: false }, out);
            }
            abandoned
        });
        abandoned.unwrap_or(false)
    }

    /// The first byte of the change may have left at `at`. To be called before anything is given to the kernel.
    pub fn replace_sent(&mut self, slot: Slot, at: UnixNanos) {
        if let Some(entry) = self.entry(slot) {
            entry.change.sent(at);
        }
    }

    /// The connection that carried the change is gone.
    pub fn replace_lost(&mut self, now: UnixNanos, slot: Slot, out: &mut impl Executions) {
        if self.replace_abandoned(now, slot, RejectClass::NotConnected, "connection lost before sending", out) {
            return;
        }
        let code = InlineText::truncated("connection lost");
        self.change_evidence(now, slot, out, |entry| entry.change.reply(&ReplaceReply::Ambiguous { code }, now));
    }

    /// The direct answer to the change that `request` asked for, or its lack.
    pub fn replace_reply(
        &mut self,
        now: UnixNanos,
        slot: Slot,
        request: RequestId,
        reply: &ReplaceReply,
        out: &mut impl Executions,
    ) {
        let Some(entry) = self.entry(slot) else { return };
        if entry.place != Place::Open {
            self.counters.behind_terminal = self.counters.behind_terminal.saturating_add(1);
            return;
        }
        if entry.change.request() != request {
            // Other evidence settled that one, and another change is under way by now.
            return;
        }
        let over =
            matches!(reply, ReplaceReply::Rejected { class: RejectClass::OrderClosed | RejectClass::UnknownOrder, .. });
        self.change_evidence(now, slot, out, |entry| entry.change.reply(reply, now));
        if over {
            // How it ended is asked; a refusal alone ends nothing.
            self.change(now, slot, |order, _| order.said_to_be_over());
        }
    }

    /// A fact about an order may show that its change is done.
    pub(super) fn observe_change(&mut self, now: UnixNanos, slot: Slot, fact: &OrderFact, out: &mut impl Executions) {
        self.change_evidence(now, slot, out, |entry| match entry.place {
            Place::Open => entry.change.observe(fact),
            Place::Vacant | Place::Closed => ChangeVerdict::Quiet,
        });
    }

    /// Applies evidence to the change of an order, tells what follows, and asks the venue if nothing does.
    pub(super) fn change_evidence(
        &mut self,
        now: UnixNanos,
        slot: Slot,
        out: &mut impl Executions,
        apply: impl FnOnce(&mut Entry) -> ChangeVerdict,
    ) {
        let told = self.exposing(slot, |entry| {
            let verdict = apply(entry);
            conclude(entry, now, verdict, out);
            verdict != ChangeVerdict::Quiet
        });
        let Some(entry) = self.entry(slot).filter(|_| told == Some(true)) else { return };
        if entry.change.is_unknown() {
            entry.check.arm(now);
        } else if entry.order.wants_check() {
            entry.check.arm(now.plus_ms(CHECK_DELAY_MS));
        }
        let at = entry.check.at;
        self.due.check = self.due.check.min(at);
    }
}

/// The terms an order has and those a replace asks for, if it can be changed at all now.
pub(super) fn changeable(entry: &Entry, command: &OrderCommand) -> Result<(Terms, Terms), Refusal> {
    let order = &entry.order;
    match order.state() {
        OrderState::Live => {}
        OrderState::New | OrderState::Sent | OrderState::Unknown => {
            return Err(Refusal::new(RejectClass::Busy, "order not accepted yet"));
        }
        OrderState::Closed(_) | OrderState::Risen => {
            return Err(Refusal::new(RejectClass::OrderClosed, "the order is over"))
        }
    }
    if order.venue_order_id().is_empty() {
        return Err(Refusal::new(RejectClass::Busy, "venue id not known yet"));
    }
    if order.order_type() == OrderType::Market || order.is_quantity_in_quote() {
        return Err(Refusal::new(RejectClass::Unsupported, "only limit orders by base size"));
    }
    if command.quantity() <= order.executed() {
        return Err(Refusal::new(RejectClass::InvalidSize, "not above what is executed"));
    }
    if entry.cancel.is_asked() {
        return Err(Refusal::new(RejectClass::Busy, "the order is being cancelled"));
    }
    if entry.change.is_under_way() {
        return Err(Refusal::new(RejectClass::Busy, "another change is under way"));
    }
    let (from, to) = (
        Terms { price: order.price(), quantity: order.quantity() },
        Terms { price: command.price(), quantity: command.quantity() },
    );
    if from == to {
        // Nothing could ever tell whether it arrived.
        return Err(Refusal::new(RejectClass::Malformed, "nothing would change"));
    }
    Ok((from, to))
}

fn begin(
    now: UnixNanos,
    slot: Slot,
    entry: &mut Entry,
    command: &OrderCommand,
    rules: &ReconcileRules,
) -> Result<ReplaceSend, Refusal> {
    let (from, to) = changeable(entry, command)?;
    let returns = entry.change.returns(to, now, rules);
    if !entry.change.begin(command.request(), from, to, returns) {
        return Err(Refusal::new(RejectClass::Busy, "another change is under way"));
    }
    entry.order.expect_terms(to.price, to.quantity);
    Ok(ReplaceSend {
        slot,
        request: command.request(),
        venue: entry.order.venue(),
        instrument: entry.order.instrument(),
        venue_order_id: *entry.order.venue_order_id(),
        client_order_id: *entry.order.client_order_id(),
        side: entry.order.side(),
        price: to.price,
        quantity: to.quantity,
    })
}

/// Tells a verdict, and takes over the new terms if it is done.
fn conclude(entry: &mut Entry, now: UnixNanos, verdict: ChangeVerdict, out: &mut impl Executions) {
    let request = entry.change.request();
    let of = |entry: &Entry, kind, flags| -> ExecutionRecord {
        let mut record = entry.order.record(kind, now, UnixNanos::NONE);
        (record.request, record.sent, record.flags) = (request, UnixNanos::NONE, flags | EXECUTION_FLAG_LAST);
        record
    };
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    let record = match verdict {
        ChangeVerdict::Quiet => return,
        ChangeVerdict::Done { reconciled, implied } => {
            let Terms { price, quantity } = entry.change.to();
            entry.order.take_terms(price, quantity);
            entry.change.done(now);
            let flags =
                flag(reconciled, EXECUTION_FLAG_RECONCILED) | flag(implied && !reconciled, EXECUTION_FLAG_IMPLIED);
            let mut record = of(entry, ExecutionKind::Replaced, flags);
            (record.last_price, record.last_quantity) = (price, quantity);
            record
        }
        ChangeVerdict::Refused { class, code, reconciled } => {
            entry.order.keep_terms();
            let mut record = of(entry, ExecutionKind::ReplaceRejected, flag(reconciled, EXECUTION_FLAG_RECONCILED));
            (record.reject, record.venue_code) = (class, code);
            record
        }
        ChangeVerdict::Unknown { code } => {
            let mut record = of(entry, ExecutionKind::ReplaceUnknown, 0);
            record.venue_code = code;
            record
        }
    };
    // A risen order was told to be dead: nothing is said of it but its fills.
    if entry.order.state() != OrderState::Risen && request != RequestId::NONE {
        out.emit(&record);
    }
}
