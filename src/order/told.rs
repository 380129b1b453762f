//! What is told of an order: its records, and bursts of them.
//!
//! Owns how an order's facts are laid into execution records, and that the last record of every input is flagged LAST.
//! Decides nothing.

use super::booking::{row_value, Delta};
use super::fact::{FillFact, OrderFact};
use super::state::{Order, OrderState};
use super::Executions;
use crate::record::{
    ExecutionKind, ExecutionRecord, InlineText, InstrumentId, UnixNanos, Venue, EXECUTION_FLAG_DERIVED,
    EXECUTION_FLAG_LAST, EXECUTION_FLAG_REPLAYED,
};

impl Order {
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

    /// A Fill of what a piece of evidence added.
    pub(super) fn fill(&self, now: UnixNanos, venue_time: UnixNanos, delta: &Delta, flags: u8) -> ExecutionRecord {
        let mut record = self.record(ExecutionKind::Fill, now, venue_time);
        (record.last_quantity, record.last_price) = (delta.quantity, delta.price);
        (record.value, record.value_exponent) = (delta.value.mantissa(), delta.value.exponent());
        (record.fee, record.fee_exponent, record.fee_asset) = (delta.fee.mantissa(), delta.fee.exponent(), self.quote);
        record.flags = flags | if delta.derived { EXECUTION_FLAG_DERIVED } else { 0 };
        record
    }

    /// A Fill of one row that the listing of an adopted order counts already.
    pub(super) fn replay(&self, now: UnixNanos, fact: &FillFact, flags: u8) -> ExecutionRecord {
        let record = ExecutionRecord { kind: ExecutionKind::Fill, ..self.detail(now, fact) };
        ExecutionRecord { flags: flags | EXECUTION_FLAG_REPLAYED, ..record }
    }

    /// A FillDetail of one row.
    pub(super) fn detail(&self, now: UnixNanos, fact: &FillFact) -> ExecutionRecord {
        let value = row_value(fact.price, fact.quantity, self.scale);
        let mut record = self.record(ExecutionKind::FillDetail, now, fact.venue_time);
        (record.last_quantity, record.last_price) = (fact.quantity, fact.price);
        (record.value, record.value_exponent) = (value.mantissa(), value.exponent());
        (record.fee, record.fee_exponent, record.fee_asset) = (fact.fee.mantissa(), fact.fee.exponent(), self.quote);
        (record.execution_id, record.liquidity) = (fact.execution_id, fact.liquidity);
        record
    }
}

/// An order of somebody else's, or the venue's second copy of ours.
pub(super) fn stranger(now: UnixNanos, venue: Venue, exponents: (i8, i8), fact: &OrderFact) -> ExecutionRecord {
    let instrument = fact.instrument.unwrap_or(InstrumentId::NONE);
    let mut record = ExecutionRecord::new(ExecutionKind::StrangerOrder, venue, instrument);
    (record.recv, record.venue_time) = (now, fact.venue_time);
    (record.price_exponent, record.size_exponent) = exponents;
    (record.last_price, record.last_quantity) = (fact.limit_price, fact.quantity);
    record.cumulative_quantity = fact.cumulative_quantity;
    record.side = fact.side;
    (record.client_order_id, record.venue_order_id) = (fact.client_order_id, fact.venue_order_id);
    record.flags = EXECUTION_FLAG_LAST;
    record
}

/// The records one input causes: the last one is flagged LAST.
pub(super) struct Burst<'a, E: Executions> {
    out: &'a mut E,
    held: Option<ExecutionRecord>,
}

impl<'a, E: Executions> Burst<'a, E> {
    pub fn new(out: &'a mut E) -> Burst<'a, E> {
        Burst { out, held: None }
    }

    pub fn emit(&mut self, record: ExecutionRecord) {
        if let Some(before) = self.held.replace(record) {
            self.out.emit(&before);
        }
    }

    pub fn finish(self) {
        if let Some(mut record) = self.held {
            record.flags |= EXECUTION_FLAG_LAST;
            self.out.emit(&record);
        }
    }
}
