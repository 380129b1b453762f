//! One order: its terms, where it stands, and what is known of it.
//!
//! Owns the fields and the questions about them; `lifecycle` alone changes them.

use super::booking::{Booking, Scale};
use super::fact::OrderFact;
use crate::record::{
    AssetId, ClientOrderId, ExecutionKind, InlineText, Instrument, InstrumentId, OrderCommand, OrderType, RejectClass,
    RequestId, Side, TimeInForce, UnixNanos, Venue, VenueOrderId,
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
    /// The record that tells it.
    pub(super) const fn kind(self) -> ExecutionKind {
        match self {
            OrderEnd::Filled => ExecutionKind::Filled,
            OrderEnd::Cancelled => ExecutionKind::Cancelled,
            OrderEnd::Expired => ExecutionKind::Expired,
            OrderEnd::Rejected => ExecutionKind::Rejected,
        }
    }
}

/// Why a Live order may have ended unseen; absence confirms it, a sign of life refutes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Doubt {
    pub class: RejectClass,
    pub code: InlineText<32>,
}

/// One order.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    pub(super) request: RequestId,
    pub(super) client_order_id: ClientOrderId,
    pub(super) venue_order_id: VenueOrderId,
    pub(super) venue: Venue,
    pub(super) instrument: InstrumentId,
    pub(super) quote: AssetId,
    pub(super) scale: Scale,
    pub(super) side: Side,
    pub(super) order_type: OrderType,
    pub(super) time_in_force: TimeInForce,
    pub(super) post_only: bool,
    pub(super) quantity_in_quote: bool,
    /// Its terms say more than the fields here.
    pub(super) prepared: bool,
    pub(super) price: i64,
    pub(super) quantity: i64,
    /// The quantity a change under way asks for; 0 if none is.
    pub(super) expected_quantity: i64,
    /// The price a change under way asks for; 0 if none is.
    pub(super) expected_price: i64,
    pub(super) state: OrderState,
    pub(super) sent: UnixNanos,
    pub(super) written: UnixNanos,
    /// Latest moment at which its bytes may still have been leaving, or at which it showed life.
    pub(super) watermark: UnixNanos,
    pub(super) booking: Booking,
    /// The venue itself lists the order as failed: nothing it says later makes it rise.
    pub(super) failed: bool,
    /// The venue said that it is over, or its whole quantity is executed, but not (credibly) how it ended.
    pub(super) ending: bool,
    pub(super) told_filled: bool,
    pub(super) doubt: Option<Doubt>,
    /// What turns a quantity in quote currency into a value at price exponent plus size exponent.
    pub(super) quote_factor: i128,
    /// Quantity executed before this session had it: the position of the start has it already.
    pub(super) inherited: i64,
    /// Of an order of a dead session: executions from then on are told although they are inherited.
    pub(super) replayed_from: UnixNanos,
}

impl Order {
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
        prepared: false,
        price: 0,
        quantity: 0,
        expected_quantity: 0,
        expected_price: 0,
        state: OrderState::Closed(OrderEnd::Rejected),
        sent: UnixNanos::NONE,
        written: UnixNanos::NONE,
        watermark: UnixNanos::NONE,
        booking: Booking::NOTHING,
        failed: true,
        ending: false,
        told_filled: false,
        doubt: None,
        quote_factor: 1,
        inherited: 0,
        replayed_from: UnixNanos::NONE,
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
            prepared: command.prepared_slot().is_some(),
            price: command.price(),
            quantity: command.quantity(),
            state: OrderState::New,
            failed: false,
            quote_factor: quote_factor(instrument),
            ..Order::VACANT
        }
    }

    /// An order of a dead session as it is listed now.
    pub(super) fn adopted(
        now: UnixNanos,
        request: RequestId,
        instrument: &Instrument,
        fact: &OrderFact,
        since: UnixNanos,
    ) -> Order {
        let in_quote = fact.quantity <= 0;
        Order {
            request,
            client_order_id: fact.client_order_id,
            venue_order_id: fact.venue_order_id,
            venue: instrument.listing.venue,
            instrument: instrument.id,
            quote: instrument.quote,
            scale: Scale { price: instrument.price_exponent, size: instrument.size_exponent },
            side: fact.side,
            order_type: if fact.limit_price > 0 { OrderType::Limit } else { OrderType::Market },
            quantity_in_quote: in_quote,
            price: fact.limit_price,
            quantity: fact.quantity.max(0),
            state: OrderState::Live,
            watermark: now,
            booking: Booking::inherited(fact.cumulative_quantity, fact.cumulative_value, fact.cumulative_fees),
            failed: false,
            quote_factor: quote_factor(instrument),
            inherited: fact.cumulative_quantity.max(0),
            replayed_from: since,
            ..Order::VACANT
        }
    }

    /// Quantity executed since this session has it, mantissa at the size exponent.
    pub(super) const fn executed_here(&self) -> i64 {
        self.executed().saturating_sub(self.inherited)
    }

    /// Whether the venue has denied it, and nothing has refuted that.
    pub(super) const fn is_doubted(&self) -> bool {
        self.doubt.is_some()
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

    /// The order's quantity if it counts the base asset; while a change is under way, the larger of the two it may have.
    pub(super) const fn base_quantity(&self) -> Option<i64> {
        let most = if self.expected_quantity > self.quantity { self.expected_quantity } else { self.quantity };
        if self.quantity_in_quote || most <= 0 {
            None
        } else {
            Some(most)
        }
    }

    /// What may still be executed, mantissa at the size exponent: 0 if the order is over, or sized in quote currency.
    /// While a change is under way, of the larger of the two quantities the order may have.
    pub(crate) fn open_quantity(&self) -> i64 {
        match (self.state, self.base_quantity()) {
            (OrderState::Closed(_), _) | (_, None) => 0,
            (_, Some(whole)) => whole.saturating_sub(self.executed()).max(0),
        }
    }

    /// What it may still cost of the quote asset, at price exponent plus size exponent; 0 of a sell order, of one that is
    /// over, and of a market order sized in the base asset.
    pub(crate) fn reserved(&self) -> i128 {
        match (self.side, self.state) {
            (Side::Sell, _) | (_, OrderState::Closed(_)) => 0,
            (Side::Buy, _) if self.quantity_in_quote => i128::from(self.quantity).saturating_mul(self.quote_factor),
            (Side::Buy, _) => i128::from(self.open_quantity()).saturating_mul(i128::from(self.reach().max(0))),
        }
    }

    /// The price that reaches furthest of those the order may have: while a change is under way, the better for whoever
    /// meets it. 0 on market orders.
    pub(super) fn reach(&self) -> i64 {
        match (self.side, self.expected_price) {
            (_, 0) => self.price,
            (Side::Buy, expected) => self.price.max(expected),
            (Side::Sell, expected) => self.price.min(expected),
        }
    }

    /// A change to these terms is under way.
    pub(super) fn expect_terms(&mut self, price: i64, quantity: i64) {
        (self.expected_price, self.expected_quantity) = (price, quantity);
    }

    /// The change under way is done.
    pub(super) fn take_terms(&mut self, price: i64, quantity: i64) {
        (self.price, self.quantity) = (price, quantity);
        self.keep_terms();
    }

    /// The change under way was refused. With one quantity left the order may turn out to be wholly executed.
    pub(super) fn keep_terms(&mut self) {
        (self.expected_price, self.expected_quantity) = (0, 0);
        let complete = self.base_quantity().is_some_and(|whole| self.executed() >= whole);
        self.ending |= complete && matches!(self.state, OrderState::Live);
    }
}

fn quote_factor(instrument: &Instrument) -> i128 {
    let value_exponent = instrument.price_exponent.saturating_add(instrument.size_exponent);
    let places = u32::from(instrument.quote_exponent.saturating_sub(value_exponent).unsigned_abs());
    10_i128.checked_pow(places).unwrap_or(i128::MAX)
}
