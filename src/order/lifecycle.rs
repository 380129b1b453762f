//! The state machine of one order: evidence in, execution records out. The table of `order`'s own documentation is
//! what this file does.
//!
//! Owns one order's state and what was told to its strategy. Guarantees, for every order and repetition of inputs: the
//! first record is exactly one of Accepted, Rejected, Unknown; after Unknown comes exactly one Accepted or Rejected;
//! then fills; then at most one terminal record, and after it nothing but late fills and details. Never judges by
//! time or silence: absence is an input, judged in `reconcile`.

use super::booking::{row_value, Booking, Delta, Row, Scale};
use super::fact::{FactSource, FillFact, OrderFact, OrderStatus, PlaceReply};
use super::Executions;
use crate::record::{
    AssetId, ClientOrderId, ExecutionKind, ExecutionRecord, InlineText, Instrument, InstrumentId, OrderCommand,
    OrderType, RejectClass, RequestId, Side, TimeInForce, UnixNanos, Venue, VenueOrderId, EXECUTION_FLAG_DERIVED,
    EXECUTION_FLAG_IMPLIED, EXECUTION_FLAG_LAST, EXECUTION_FLAG_LATE, EXECUTION_FLAG_RECONCILED,
};

/// Where an order stands, as far as evidence goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderState {
    /// Registered; not one byte of it was written.
    New,
    /// Its first byte may have left; nothing was told yet.
    Sent,
    /// The venue has it; Accepted was told.
    Live,
    /// It may or may not live; Unknown was told.
    Unknown,
    /// Over, and told.
    Closed(OrderEnd),
    /// Rejected was told, and then the venue showed that it lives. It is being cancelled.
    Risen,
}

/// How an order ended, as its strategy was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderEnd {
    /// Wholly filled.
    Filled,
    /// Cancelled, by us or by the venue, perhaps after fills; also failed after it had been accepted.
    Cancelled,
    /// Its time ran out.
    Expired,
    /// It never lived.
    Rejected,
}

impl OrderEnd {
    const fn kind(self) -> ExecutionKind {
        match self {
            OrderEnd::Filled => ExecutionKind::Filled,
            OrderEnd::Cancelled => ExecutionKind::Cancelled,
            OrderEnd::Expired => ExecutionKind::Expired,
            OrderEnd::Rejected => ExecutionKind::Rejected,
        }
    }
}

/// What was ignored or found odd. Each is worth a look when it grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OrderCounters {
    /// Evidence behind a terminal state that said nothing new.
    pub behind_terminal: u64,
    /// Statements that contradict stronger ones: a refusal of a live order, a second venue id for one order.
    pub conflicts: u64,
    /// Fills found after the terminal record.
    pub late_fills: u64,
    /// Orders told to be Rejected that turned out to live.
    pub risen: u64,
    /// "Filled" with less than the order's quantity executed.
    pub short_fills: u64,
    /// Rows listed again.
    pub duplicate_rows: u64,
    /// Rows without identity, or beyond the quantity of their order: not counted.
    pub refused_rows: u64,
    /// Evidence about orders of this session that are no longer remembered.
    pub forgotten: u64,
    /// Replies to requests nobody made, or for a slot that was reused.
    pub unexpected: u64,
    /// Complete listings in which a live order was missing.
    pub denied: u64,
}

/// Why a Live order may have ended unseen; absence confirms it, a sign of life refutes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Doubt {
    class: RejectClass,
    code: InlineText<32>,
}

/// One order.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    request: RequestId,
    client_order_id: ClientOrderId,
    venue_order_id: VenueOrderId,
    venue: Venue,
    instrument: InstrumentId,
    quote: AssetId,
    scale: Scale,
    side: Side,
    order_type: OrderType,
    time_in_force: TimeInForce,
    post_only: bool,
    quantity_in_quote: bool,
    price: i64,
    quantity: i64,
    state: OrderState,
    sent: UnixNanos,
    written: UnixNanos,
    /// Latest moment at which its bytes may still have been leaving, or at which it showed life.
    watermark: UnixNanos,
    booking: Booking,
    /// The venue itself lists the order as failed: nothing it says later makes it rise.
    failed: bool,
    /// The venue said that it is over, or its whole quantity is executed, but not (credibly) how it ended.
    ending: bool,
    told_filled: bool,
    doubt: Option<Doubt>,
}

impl Order {
    /// What stands in an unused slot.
    pub(super) const VACANT: Order = Order {
        request: RequestId::NONE,
        client_order_id: ClientOrderId::EMPTY,
        venue_order_id: VenueOrderId::EMPTY,
        venue: Venue::Coinbase,
        instrument: InstrumentId::NONE,
        quote: AssetId::NONE,
        scale: Scale { price: 0, size: 0 },
        side: Side::Buy,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::GoodTilCancelled,
        post_only: false,
        quantity_in_quote: false,
        price: 0,
        quantity: 0,
        state: OrderState::Closed(OrderEnd::Rejected),
        sent: UnixNanos::NONE,
        written: UnixNanos::NONE,
        watermark: UnixNanos::NONE,
        booking: Booking::NOTHING,
        failed: true,
        ending: false,
        told_filled: false,
        doubt: None,
    };

    pub(super) fn new(command: &OrderCommand, instrument: &Instrument, client_order_id: ClientOrderId) -> Order {
        Order {
            request: command.request(),
            client_order_id,
            venue: instrument.listing.venue,
            instrument: instrument.id,
            quote: instrument.quote,
            scale: Scale { price: instrument.price_exponent, size: instrument.size_exponent },
            side: command.side(),
            order_type: command.order_type(),
            time_in_force: command.tif(),
            post_only: command.is_post_only(),
            quantity_in_quote: command.is_quantity_in_quote(),
            price: command.price(),
            quantity: command.quantity(),
            state: OrderState::New,
            failed: false,
            ..Order::VACANT
        }
    }

    /// The command that placed it.
    pub const fn request(&self) -> RequestId {
        self.request
    }

    /// Our id of it.
    pub const fn client_order_id(&self) -> &ClientOrderId {
        &self.client_order_id
    }

    /// The venue's id of it; empty until it is known.
    pub const fn venue_order_id(&self) -> &VenueOrderId {
        &self.venue_order_id
    }

    /// Where it was placed.
    pub const fn venue(&self) -> Venue {
        self.venue
    }

    /// What it trades.
    pub const fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// Buy or sell.
    pub const fn side(&self) -> Side {
        self.side
    }

    /// Limit or market.
    pub const fn order_type(&self) -> OrderType {
        self.order_type
    }

    /// How long it lives.
    pub const fn time_in_force(&self) -> TimeInForce {
        self.time_in_force
    }

    /// Whether it must not take liquidity.
    pub const fn is_post_only(&self) -> bool {
        self.post_only
    }

    /// Limit price, mantissa at the price exponent; 0 on market orders.
    pub const fn price(&self) -> i64 {
        self.price
    }

    /// Quantity, mantissa at the size exponent (at the quote exponent if [`Order::is_quantity_in_quote`]).
    pub const fn quantity(&self) -> i64 {
        self.quantity
    }

    /// Whether the quantity counts the quote asset.
    pub const fn is_quantity_in_quote(&self) -> bool {
        self.quantity_in_quote
    }

    /// Quantity known to be executed, mantissa at the size exponent.
    pub const fn executed(&self) -> i64 {
        self.booking.quantity()
    }

    /// Where it stands.
    pub const fn state(&self) -> OrderState {
        self.state
    }

    /// Whether its strategy was told that it is over.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, OrderState::Closed(_) | OrderState::Risen)
    }

    /// When its first byte may have left; `NONE` before.
    pub const fn sent_at(&self) -> UnixNanos {
        self.sent
    }

    /// Whether something about it can only be settled by asking the venue.
    pub(super) const fn wants_check(&self) -> bool {
        match self.state {
            OrderState::Unknown => true,
            OrderState::Live | OrderState::Risen => {
                self.ending || self.doubt.is_some() || self.venue_order_id.is_empty()
            }
            OrderState::New | OrderState::Sent | OrderState::Closed(_) => false,
        }
    }

    /// Whether a listing must be searched for our id because the venue's is not known.
    pub(super) const fn wants_identity(&self) -> bool {
        match self.state {
            OrderState::Unknown => true,
            OrderState::Live | OrderState::Risen => self.venue_order_id.is_empty(),
            OrderState::New | OrderState::Sent | OrderState::Closed(_) => false,
        }
    }

    /// A listing begun before this moment proves nothing about the order's absence.
    pub(super) const fn watermark(&self) -> UnixNanos {
        self.watermark
    }

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
        counters: &mut OrderCounters,
        out: &mut impl Executions,
    ) {
        let mut burst = Burst::new(out);
        let late = if self.is_over() { EXECUTION_FLAG_LATE } else { 0 };
        if late == 0 {
            self.alive(now, fact.venue_time, EXECUTION_FLAG_IMPLIED, &mut burst);
        }
        let row = self.booking.row(fact.price, fact.quantity, fact.fee, self.base_quantity(), self.scale);
        match row {
            Row::Detail => burst.emit(self.detail(now, fact)),
            Row::Excess => counters.refused_rows = counters.refused_rows.saturating_add(1),
            Row::Fill(delta) => {
                let mut record = self.fill(now, fact.venue_time, &delta, late);
                (record.execution_id, record.liquidity) = (fact.execution_id, fact.liquidity);
                burst.emit(record);
            }
            Row::FillAndDetail(delta) => {
                burst.emit(self.fill(now, fact.venue_time, &delta, late));
                burst.emit(self.detail(now, fact));
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

    /// The record that tells again that nothing is known.
    pub(super) fn still_unknown(&self, now: UnixNanos) -> ExecutionRecord {
        let mut record = self.record(ExecutionKind::Unknown, now, UnixNanos::NONE);
        record.flags = EXECUTION_FLAG_LAST;
        record.venue_code = InlineText::truncated("still unknown");
        record
    }

    /// How the order is told in a resync after lost records: OrderListed, or Unknown; `None` where nothing was told
    /// yet (its first record is still to come) or where it is over.
    pub fn listed(&self, now: UnixNanos) -> Option<ExecutionRecord> {
        match self.state {
            OrderState::New | OrderState::Sent | OrderState::Closed(_) => None,
            OrderState::Unknown => Some(self.still_unknown(now)),
            OrderState::Live | OrderState::Risen => {
                let mut record = self.record(ExecutionKind::OrderListed, now, UnixNanos::NONE);
                (record.last_price, record.flags) = (self.price, EXECUTION_FLAG_LAST);
                record.last_quantity = if self.quantity_in_quote { 0 } else { self.quantity };
                Some(record)
            }
        }
    }

    /// A record of this order with nothing but its names, scales and stamps.
    pub(super) fn record(&self, kind: ExecutionKind, now: UnixNanos, venue_time: UnixNanos) -> ExecutionRecord {
        let mut record = ExecutionRecord::new(kind, self.venue, self.instrument);
        record.request = self.request;
        record.recv = now;
        record.venue_time = venue_time;
        record.sent = if self.written.is_some() { self.written } else { self.sent };
        record.cumulative_quantity = self.booking.quantity();
        record.side = self.side;
        (record.price_exponent, record.size_exponent) = (self.scale.price, self.scale.size);
        record.client_order_id = self.client_order_id;
        record.venue_order_id = self.venue_order_id;
        record
    }

    /// The order's quantity if it counts the base asset.
    const fn base_quantity(&self) -> Option<i64> {
        if self.quantity_in_quote || self.quantity <= 0 {
            None
        } else {
            Some(self.quantity)
        }
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
                if short {
                    counters.short_fills = counters.short_fills.saturating_add(1);
                }
                if short && fact.source != FactSource::Query {
                    (self.told_filled, self.ending) = (true, true);
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

    fn fill(&self, now: UnixNanos, venue_time: UnixNanos, delta: &Delta, flags: u8) -> ExecutionRecord {
        let mut record = self.record(ExecutionKind::Fill, now, venue_time);
        (record.last_quantity, record.last_price) = (delta.quantity, delta.price);
        (record.value, record.value_exponent) = (delta.value.mantissa(), delta.value.exponent());
        (record.fee, record.fee_exponent, record.fee_asset) = (delta.fee.mantissa(), delta.fee.exponent(), self.quote);
        record.flags = flags | if delta.derived { EXECUTION_FLAG_DERIVED } else { 0 };
        record
    }

    fn detail(&self, now: UnixNanos, fact: &FillFact) -> ExecutionRecord {
        let value = row_value(fact.price, fact.quantity, self.scale);
        let mut record = self.record(ExecutionKind::FillDetail, now, fact.venue_time);
        (record.last_quantity, record.last_price) = (fact.quantity, fact.price);
        (record.value, record.value_exponent) = (value.mantissa(), value.exponent());
        (record.fee, record.fee_exponent, record.fee_asset) = (fact.fee.mantissa(), fact.fee.exponent(), self.quote);
        (record.execution_id, record.liquidity) = (fact.execution_id, fact.liquidity);
        record
    }
}

/// The class of a failure, never "not a refusal".
const fn reason(fact: &OrderFact) -> RejectClass {
    match fact.reject {
        RejectClass::None => RejectClass::Other,
        class => class,
    }
}

/// The records one input causes: the last one is flagged LAST.
struct Burst<'a, E: Executions> {
    out: &'a mut E,
    held: Option<ExecutionRecord>,
}

impl<'a, E: Executions> Burst<'a, E> {
    fn new(out: &'a mut E) -> Burst<'a, E> {
        Burst { out, held: None }
    }

    fn emit(&mut self, record: ExecutionRecord) {
        if let Some(before) = self.held.replace(record) {
            self.out.emit(&before);
        }
    }

    fn finish(self) {
        if let Some(mut record) = self.held {
            record.flags |= EXECUTION_FLAG_LAST;
            self.out.emit(&record);
        }
    }
}
