//! The state machine of one order: evidence in, execution records out. The table of `order`'s own documentation is
//! what this file does.
//!
//! Owns one order's state and what was told to its strategy. Guarantees, for every order and repetition of inputs: the
//! first record is exactly one of Accepted, Rejected, Unknown; after Unknown comes exactly one Accepted or Rejected;
//! then fills; then at most one terminal record, and after it nothing but late fills and details. Never judges by
//! time or silence: absence is an input, judged in `reconcile`.

use super::assets::OtherFee;
use super::booking::Row;
use super::counters::OrderCounters;
use super::fact::{FactSource, FillFact, OrderFact, OrderStatus, PlaceReply};
use super::state::{Doubt, Order, OrderEnd, OrderState};
use super::told::Burst;
use super::Executions;
use crate::record::{
    ExecutionKind, ExecutionRecord, Fixed128, InlineText, RejectClass, UnixNanos, VenueOrderId, EXECUTION_FLAG_IMPLIED,
    EXECUTION_FLAG_LATE, EXECUTION_FLAG_RECONCILED,
};

impl Order {
    pub(super) fn learn_id(&mut self, id: &VenueOrderId) {
        self.venue_order_id = *id;
    }

    /// The first byte may have left.
    pub(super) fn sent(&mut self, at: UnixNanos) {
        if self.state == OrderState::New {
            self.state = OrderState::Sent;
        }
        self.sent = if self.sent.is_some() { self.sent.min(at) } else { at };
        self.watermark = self.watermark.max(at);
    }

    /// The last byte went to the kernel.
    pub(super) fn written(&mut self, at: UnixNanos) {
        self.sent(at);
        self.written = at;
    }

    /// A refusal of our own, before any byte was written; `false` if a byte may have left.
    pub(super) fn abandon(
        &mut self,
        now: UnixNanos,
        class: RejectClass,
        code: InlineText<32>,
        out: &mut impl Executions,
    ) -> bool {
        if self.state != OrderState::New {
            return false;
        }
        let mut burst = Burst::new(out);
        self.close(OrderEnd::Rejected, now, UnixNanos::NONE, class, code, &mut burst);
        burst.finish();
        true
    }

    /// The direct answer to the place request, or its lack ([`PlaceReply::Ambiguous`]).
    pub(super) fn reply(
        &mut self,
        now: UnixNanos,
        reply: &PlaceReply,
        counters: &mut OrderCounters,
        out: &mut impl Executions,
    ) {
        let mut burst = Burst::new(out);
        match *reply {
            PlaceReply::Accepted { .. } => match self.state {
                OrderState::Closed(_) => self.rise(now, UnixNanos::NONE, counters, &mut burst),
                _ => self.alive(now, UnixNanos::NONE, 0, &mut burst),
            },
            // Our ids are unique: an earlier order of this id can only be this very order, delivered twice.
            PlaceReply::Rejected { class: RejectClass::DuplicateId, code } => self.unsettle(now, code, &mut burst),
            PlaceReply::Rejected { class, code } => self.refused(now, class, code, counters, &mut burst),
            PlaceReply::Ambiguous { code } => self.unsettle(now, code, &mut burst),
        }
        burst.finish();
    }

    /// The venue states how the order stands.
    pub(super) fn fact(
        &mut self,
        now: UnixNanos,
        fact: &OrderFact,
        counters: &mut OrderCounters,
        out: &mut impl Executions,
    ) {
        let mut burst = Burst::new(out);
        let failed = fact.status == OrderStatus::Failed;
        if self.is_over() {
            self.fact_after_end(now, fact, counters, &mut burst);
        } else if failed && fact.cumulative_quantity <= 0 && self.state != OrderState::Live {
            self.failed = true;
            self.close(OrderEnd::Rejected, now, fact.venue_time, reason(fact), fact.code, &mut burst);
        } else {
            self.alive(now, fact.venue_time, EXECUTION_FLAG_IMPLIED, &mut burst);
            self.book(now, fact, 0, &mut burst);
            self.end_by(now, fact, counters, &mut burst);
        }
        burst.finish();
    }

    /// A row of the venue's history of executions, not seen before.
    pub(super) fn row(
        &mut self,
        now: UnixNanos,
        fact: &FillFact,
        other: Option<OtherFee>,
        counters: &mut OrderCounters,
        out: &mut impl Executions,
    ) {
        let mut burst = Burst::new(out);
        let late = if self.is_over() { EXECUTION_FLAG_LATE } else { 0 };
        if late == 0 {
            self.alive(now, fact.venue_time, EXECUTION_FLAG_IMPLIED, &mut burst);
        }
        // What the listing of an adopted order has of it.
        let inherited = self.inherited.saturating_sub(self.booking.rows()).clamp(0, fact.quantity.max(0));
        let in_quote = if other.is_some() { Fixed128::new(0, 0) } else { fact.fee };
        let replays = inherited > 0 && fact.venue_time >= self.replayed_from;
        let row = self.booking.row(fact.price, fact.quantity, in_quote, self.base_quantity(), self.scale);
        let of_row = |mut record: ExecutionRecord| {
            if let Some(other) = &other {
                other.put(&mut record);
            }
            record
        };
        match row {
            Row::Detail if replays => {
                burst.emit(of_row(self.replay(now, &FillFact { quantity: inherited, ..*fact }, late)));
            }
            Row::Detail => burst.emit(of_row(self.detail(now, fact))),
            Row::Excess => counters.refused_rows = counters.refused_rows.saturating_add(1),
            Row::Fill(delta) => {
                let mut record = self.fill(now, fact.venue_time, &delta, late);
                (record.execution_id, record.liquidity) = (fact.execution_id, fact.liquidity);
                burst.emit(of_row(record));
            }
            Row::FillAndDetail(delta) => {
                burst.emit(self.fill(now, fact.venue_time, &delta, late));
                // A row listed late, after one of what was executed since: of it, too, the listing had a part.
                burst.emit(of_row(match replays {
                    true => self.replay(now, &FillFact { quantity: inherited, ..*fact }, late),
                    false => self.detail(now, fact),
                }));
            }
        }
        let fills = matches!(row, Row::Fill(_) | Row::FillAndDetail(_));
        if late != 0 {
            if fills {
                counters.late_fills = counters.late_fills.saturating_add(1);
                self.rise_if_told_dead(now, fact.venue_time, counters, &mut burst);
            }
        } else if self.base_quantity().is_some_and(|whole| self.executed() >= whole) {
            if self.told_filled {
                self.close(OrderEnd::Filled, now, fact.venue_time, RejectClass::None, InlineText::EMPTY, &mut burst);
            } else {
                self.ending = true;
            }
        }
        burst.finish();
    }

    /// Enough complete listings lack the order. An Unknown one never arrived; a Live one has ended only if the venue
    /// had denied it otherwise, too. Whether it is over now.
    pub(super) fn absent(&mut self, now: UnixNanos, out: &mut impl Executions) -> bool {
        let mut burst = Burst::new(out);
        match (self.state, self.doubt) {
            (OrderState::Unknown, _) => {
                self.close(
                    OrderEnd::Rejected,
                    now,
                    UnixNanos::NONE,
                    RejectClass::NeverArrived,
                    InlineText::EMPTY,
                    &mut burst,
                );
            }
            (OrderState::Live, Some(Doubt { class, code })) => {
                let mut record = self.record(ExecutionKind::Cancelled, now, UnixNanos::NONE);
                (record.reject, record.venue_code, record.flags) = (class, code, EXECUTION_FLAG_RECONCILED);
                self.state = OrderState::Closed(OrderEnd::Cancelled);
                burst.emit(record);
            }
            (OrderState::Risen, Some(_)) => self.state = OrderState::Closed(OrderEnd::Rejected),
            _ => {}
        }
        burst.finish();
        matches!(self.state, OrderState::Closed(_))
    }

    /// The venue denies the order in answer to a request about it.
    pub(super) fn doubt(&mut self, class: RejectClass, code: InlineText<32>) {
        if matches!(self.state, OrderState::Live | OrderState::Risen) {
            self.doubt = Some(Doubt { class, code });
        }
    }

    /// The venue says that the order is over, without saying how.
    pub(super) fn said_to_be_over(&mut self) {
        self.ending = matches!(self.state, OrderState::Live | OrderState::Risen);
    }

    /// A sign of life while the order is not over. `flag` is how Accepted is flagged if it is the first word.
    fn alive<E: Executions>(&mut self, now: UnixNanos, venue_time: UnixNanos, flag: u8, burst: &mut Burst<'_, E>) {
        let flags = match self.state {
            OrderState::New | OrderState::Sent => flag,
            OrderState::Unknown => EXECUTION_FLAG_RECONCILED,
            OrderState::Live | OrderState::Closed(_) | OrderState::Risen => {
                // A reply that only repeats "accepted" is older than a doubt; everything else refutes it.
                if flag == EXECUTION_FLAG_IMPLIED {
                    self.seen_alive(now);
                }
                return;
            }
        };
        self.state = OrderState::Live;
        self.seen_alive(now);
        let mut record = self.record(ExecutionKind::Accepted, now, venue_time);
        record.flags = flags;
        burst.emit(record);
    }

    fn seen_alive(&mut self, now: UnixNanos) {
        self.doubt = None;
        self.watermark = self.watermark.max(now);
    }

    /// The outcome is unknown.
    fn unsettle<E: Executions>(&mut self, now: UnixNanos, code: InlineText<32>, burst: &mut Burst<'_, E>) {
        if !matches!(self.state, OrderState::New | OrderState::Sent) {
            return;
        }
        self.state = OrderState::Unknown;
        // Until now its bytes may still have been on their way out.
        self.watermark = self.watermark.max(now);
        if !self.sent.is_some() {
            self.sent = now;
        }
        let mut record = self.record(ExecutionKind::Unknown, now, UnixNanos::NONE);
        record.venue_code = code;
        burst.emit(record);
    }

    /// A definitive refusal in the direct reply.
    fn refused<E: Executions>(
        &mut self,
        now: UnixNanos,
        class: RejectClass,
        code: InlineText<32>,
        counters: &mut OrderCounters,
        burst: &mut Burst<'_, E>,
    ) {
        match self.state {
            OrderState::New | OrderState::Sent | OrderState::Unknown => {
                self.close(OrderEnd::Rejected, now, UnixNanos::NONE, class, code, burst)
            }
            OrderState::Live => {
                counters.conflicts = counters.conflicts.saturating_add(1);
                if self.executed() == 0 {
                    self.doubt = Some(Doubt { class, code });
                }
            }
            OrderState::Closed(_) | OrderState::Risen => {
                counters.behind_terminal = counters.behind_terminal.saturating_add(1);
            }
        }
    }

    /// Books what a fact says was executed; whether it was anything.
    fn book<E: Executions>(&mut self, now: UnixNanos, fact: &OrderFact, flags: u8, burst: &mut Burst<'_, E>) -> bool {
        let delta =
            self.booking.cumulative(fact.cumulative_quantity, fact.cumulative_value, fact.cumulative_fees, self.scale);
        if let Some(delta) = delta {
            burst.emit(self.fill(now, fact.venue_time, &delta, flags));
        }
        delta.is_some()
    }

    /// Ends a Live order if the fact says so credibly.
    fn end_by<E: Executions>(
        &mut self,
        now: UnixNanos,
        fact: &OrderFact,
        counters: &mut OrderCounters,
        burst: &mut Burst<'_, E>,
    ) {
        let whole = self.base_quantity();
        let complete = whole.is_some_and(|whole| self.executed() >= whole);
        let none = InlineText::EMPTY;
        match fact.status {
            OrderStatus::Filled => {
                let short = whole.is_some() && !complete;
                // Somebody may have made the order smaller; then the venue's quantity is what counts.
                let short = short && (fact.quantity <= 0 || self.executed() < fact.quantity);
                if short && !self.told_filled {
                    counters.short_fills = counters.short_fills.saturating_add(1);
                }
                self.told_filled |= short;
                if short && fact.source != FactSource::Query {
                    self.ending = true;
                } else {
                    self.close(OrderEnd::Filled, now, fact.venue_time, RejectClass::None, none, burst);
                }
            }
            OrderStatus::Cancelled => {
                self.close(OrderEnd::Cancelled, now, fact.venue_time, RejectClass::None, fact.code, burst);
            }
            OrderStatus::Expired => {
                self.close(OrderEnd::Expired, now, fact.venue_time, RejectClass::None, fact.code, burst);
            }
            OrderStatus::Failed => {
                self.close(OrderEnd::Cancelled, now, fact.venue_time, reason(fact), fact.code, burst);
            }
            _ if complete && self.told_filled => {
                self.close(OrderEnd::Filled, now, fact.venue_time, RejectClass::None, none, burst);
            }
            _ if complete => self.ending = true,
            _ => {}
        }
    }

    /// A fact about an order whose strategy was told that it is over.
    fn fact_after_end<E: Executions>(
        &mut self,
        now: UnixNanos,
        fact: &OrderFact,
        counters: &mut OrderCounters,
        burst: &mut Burst<'_, E>,
    ) {
        let filled = self.book(now, fact, EXECUTION_FLAG_LATE, burst);
        if filled {
            counters.late_fills = counters.late_fills.saturating_add(1);
        }
        if self.state == OrderState::Risen {
            if fact.status.is_terminal() {
                (self.state, self.failed) = (OrderState::Closed(OrderEnd::Rejected), true);
            } else {
                self.seen_alive(now);
            }
            return;
        }
        // "Pending" may only be late; whatever rests, or rested long enough to be filled, lives.
        let rests = matches!(fact.status, OrderStatus::Open | OrderStatus::CancelQueued | OrderStatus::EditQueued);
        if fact.status.is_terminal() {
            self.failed = true;
        } else if rests || filled {
            self.rise_if_told_dead(now, fact.venue_time, counters, burst);
        }
        if !filled && self.state != OrderState::Risen {
            counters.behind_terminal = counters.behind_terminal.saturating_add(1);
        }
    }

    fn rise_if_told_dead<E: Executions>(
        &mut self,
        now: UnixNanos,
        venue_time: UnixNanos,
        counters: &mut OrderCounters,
        burst: &mut Burst<'_, E>,
    ) {
        if self.state == OrderState::Closed(OrderEnd::Rejected) && !self.failed {
            self.rise(now, venue_time, counters, burst);
        }
    }

    /// Evidence of life for an order that is over: if it was told to be Rejected, it rises.
    fn rise<E: Executions>(
        &mut self,
        now: UnixNanos,
        venue_time: UnixNanos,
        counters: &mut OrderCounters,
        burst: &mut Burst<'_, E>,
    ) {
        if self.state != OrderState::Closed(OrderEnd::Rejected) || self.failed {
            counters.behind_terminal = counters.behind_terminal.saturating_add(1);
            return;
        }
        counters.risen = counters.risen.saturating_add(1);
        self.state = OrderState::Risen;
        self.seen_alive(now);
        let mut record = self.record(ExecutionKind::StrangerOrder, now, venue_time);
        (record.last_price, record.flags) = (self.price, EXECUTION_FLAG_LATE);
        record.last_quantity = if self.quantity_in_quote { 0 } else { self.quantity };
        burst.emit(record);
    }

    fn close<E: Executions>(
        &mut self,
        end: OrderEnd,
        now: UnixNanos,
        venue_time: UnixNanos,
        class: RejectClass,
        code: InlineText<32>,
        burst: &mut Burst<'_, E>,
    ) {
        let mut record = self.record(end.kind(), now, venue_time);
        (record.reject, record.venue_code) = (class, code);
        if self.state == OrderState::Unknown && end == OrderEnd::Rejected {
            record.flags = EXECUTION_FLAG_RECONCILED;
        }
        self.state = OrderState::Closed(end);
        (self.ending, self.doubt) = (false, None);
        burst.emit(record);
    }
}

/// The class of a failure, never "not a refusal".
const fn reason(fact: &OrderFact) -> RejectClass {
    match fact.reject {
        RejectClass::None => RejectClass::Other,
        class => class,
    }
}
