//! The 192-byte order command: what a strategy pushes to the reactor.

use super::prepared::{Lifetime, OrderQuantity, OrderShape, OrderTerms, PreparedSlot};
use super::{ClientOrderId, InstrumentId, RequestId, Side, UnixNanos, VenueOrderId};

/// What a command asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CommandKind {
    /// Place an order.
    Place = 1,
    /// Cancel an order.
    Cancel = 2,
    /// Change price and size of a resting order.
    Replace = 3,
}

/// Kind of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OrderType {
    /// At the given price or better.
    Limit = 1,
    /// At whatever price the book gives.
    Market = 2,
    /// Anything else: its terms were prepared ahead ([`PreparedOrder`](super::PreparedOrder)).
    Composite = 3,
}

/// How long an order lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TimeInForce {
    /// Until cancelled.
    GoodTilCancelled = 1,
    /// Fill what crosses now, cancel the rest.
    ImmediateOrCancel = 2,
    /// All now or nothing.
    FillOrKill = 3,
}

/// One order command. Built by the constructors; the producer handle stamps the request id.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct OrderCommand {
    request: RequestId,
    /// Which order a cancel or replace means, when it is one of this run.
    target_request: RequestId,
    origin: UnixNanos,
    submitted: UnixNanos,
    price: i64,
    quantity: i64,
    instrument: InstrumentId,
    kind: CommandKind,
    order_type: OrderType,
    time_in_force: TimeInForce,
    side: Side,
    post_only: bool,
    quantity_in_quote: bool,
    /// Of a replace: the new order even if the old one cannot be cancelled.
    place_anyway: bool,
    prepared: PreparedSlot,
    target_client: ClientOrderId,
    target_venue: VenueOrderId,
}

const _: () = assert!(std::mem::size_of::<OrderCommand>() == 192);

/// How a cancel or replace names its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderRef {
    /// By the request that placed it, in this run.
    Request(RequestId),
    /// By our client order id (also of an earlier run).
    Client(ClientOrderId),
    /// By the venue's id.
    Venue(VenueOrderId),
}

impl OrderCommand {
    const BLANK: OrderCommand = OrderCommand {
        request: RequestId::NONE,
        target_request: RequestId::NONE,
        origin: UnixNanos::NONE,
        submitted: UnixNanos::NONE,
        price: 0,
        quantity: 0,
        instrument: InstrumentId::NONE,
        kind: CommandKind::Place,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::GoodTilCancelled,
        side: Side::Buy,
        post_only: false,
        quantity_in_quote: false,
        place_anyway: false,
        prepared: PreparedSlot::NONE,
        target_client: ClientOrderId::EMPTY,
        target_venue: VenueOrderId::EMPTY,
    };

    /// A good-til-cancelled limit order. `price` and `quantity` are mantissas at the instrument's price and size
    /// exponents, both positive.
    pub const fn limit(instrument: InstrumentId, side: Side, price: i64, quantity: i64) -> OrderCommand {
        OrderCommand { instrument, side, price, quantity, ..Self::BLANK }
    }

    /// A market order for `quantity` of the base asset (mantissa at the size exponent).
    pub const fn market(instrument: InstrumentId, side: Side, quantity: i64) -> OrderCommand {
        OrderCommand {
            instrument,
            side,
            quantity,
            order_type: OrderType::Market,
            time_in_force: TimeInForce::ImmediateOrCancel,
            ..Self::BLANK
        }
    }

    /// A market order for `quantity` of the quote asset (mantissa at the quote exponent).
    pub const fn market_quote(instrument: InstrumentId, side: Side, quantity: i64) -> OrderCommand {
        OrderCommand { quantity_in_quote: true, ..Self::market(instrument, side, quantity) }
    }

    /// The order prepared in a slot. Its side, price and quantity are those of its terms.
    pub const fn prepared(slot: PreparedSlot) -> OrderCommand {
        let (instrument, order_type) = (slot.instrument(), OrderType::Composite);
        OrderCommand { instrument, order_type, prepared: slot, ..Self::BLANK }
    }

    /// What prepared terms are to limits, tables and records.
    pub(super) fn summary(instrument: InstrumentId, terms: &OrderTerms) -> OrderCommand {
        let quantity_in_quote = matches!(terms.quantity, OrderQuantity::Quote(_));
        // Where it is no more than a hot order to limits and tables, it is one.
        let order_type = match terms.shape {
            OrderShape::Limit { .. } if !quantity_in_quote => OrderType::Limit,
            OrderShape::Market { worst_price: None } => OrderType::Market,
            _ => OrderType::Composite,
        };
        let time_in_force = match terms.lifetime {
            Lifetime::ImmediateOrCancel => TimeInForce::ImmediateOrCancel,
            Lifetime::FillOrKill => TimeInForce::FillOrKill,
            Lifetime::UntilCancelled | Lifetime::Until(_) | Lifetime::For { .. } | Lifetime::Day => {
                TimeInForce::GoodTilCancelled
            }
        };
        OrderCommand {
            instrument,
            order_type,
            time_in_force,
            side: terms.side,
            price: terms.bounding_price(),
            quantity: terms.quantity.mantissa(),
            quantity_in_quote,
            post_only: terms.is_post_only(),
            ..Self::BLANK
        }
    }

    /// This summary of a prepared order with the identity, slot and stamps of the command that submits it.
    #[must_use]
    pub const fn submitted_by(self, command: &OrderCommand) -> OrderCommand {
        let OrderCommand { request, origin, submitted, prepared, .. } = *command;
        OrderCommand { request, origin, submitted, prepared, ..self }
    }

    /// A cancel of one order.
    pub const fn cancel(instrument: InstrumentId, target: OrderRef) -> OrderCommand {
        OrderCommand { instrument, kind: CommandKind::Cancel, ..Self::BLANK }.with_target(target)
    }

    /// A change of a resting limit order to a new price and total quantity: what is executed and what is left together.
    /// Where it is a cancel and a new order, the new order goes by this command's request
    /// ([`manual::orders`](crate::manual::orders)).
    pub const fn replace(instrument: InstrumentId, target: OrderRef, price: i64, quantity: i64) -> OrderCommand {
        OrderCommand { instrument, kind: CommandKind::Replace, price, quantity, ..Self::BLANK }.with_target(target)
    }

    /// The same replace, whose new order is placed even if the old one can no longer be cancelled: both may then be
    /// executed. Only where a change is a cancel and a new order ([`manual::orders`](crate::manual::orders)); refused
    /// elsewhere.
    #[must_use]
    pub const fn place_anyway(self) -> OrderCommand {
        OrderCommand { place_anyway: true, ..self }
    }

    const fn with_target(self, target: OrderRef) -> OrderCommand {
        match target {
            OrderRef::Request(id) => OrderCommand { target_request: id, ..self },
            OrderRef::Client(id) => OrderCommand { target_client: id, ..self },
            OrderRef::Venue(id) => OrderCommand { target_venue: id, ..self },
        }
    }

    /// The same limit order with another time in force.
    #[must_use]
    pub const fn time_in_force(self, time_in_force: TimeInForce) -> OrderCommand {
        OrderCommand { time_in_force, ..self }
    }

    /// The same limit order, refused by the venue rather than taking liquidity.
    #[must_use]
    pub const fn post_only(self) -> OrderCommand {
        OrderCommand { post_only: true, ..self }
    }

    /// The same command, remembering the receive stamp of the record that caused it: tick-to-trade is measured from it.
    #[must_use]
    pub const fn caused_by(self, recv: UnixNanos) -> OrderCommand {
        OrderCommand { origin: recv, ..self }
    }

    /// The same command with its identity and submission stamp; the producer handle calls this.
    #[must_use]
    pub const fn stamped(self, request: RequestId, submitted: UnixNanos) -> OrderCommand {
        OrderCommand { request, submitted, ..self }
    }

    /// Its request id; [`RequestId::NONE`] before submission.
    pub const fn request(&self) -> RequestId {
        self.request
    }

    /// What it asks for.
    pub const fn kind(&self) -> CommandKind {
        self.kind
    }

    /// The instrument.
    pub const fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// Kind of order (place).
    pub const fn order_type(&self) -> OrderType {
        self.order_type
    }

    /// Time in force (place).
    pub const fn tif(&self) -> TimeInForce {
        self.time_in_force
    }

    /// Side (place).
    pub const fn side(&self) -> Side {
        self.side
    }

    /// Limit price, mantissa at the price exponent.
    pub const fn price(&self) -> i64 {
        self.price
    }

    /// Quantity, mantissa at the size exponent, or at the quote exponent if [`OrderCommand::is_quantity_in_quote`].
    pub const fn quantity(&self) -> i64 {
        self.quantity
    }

    /// Whether it must not take liquidity.
    pub const fn is_post_only(&self) -> bool {
        self.post_only
    }

    /// The slot of the prepared order it submits, if it does.
    pub fn prepared_slot(&self) -> Option<PreparedSlot> {
        (self.prepared != PreparedSlot::NONE).then_some(self.prepared)
    }

    /// Whether the quantity counts the quote asset.
    pub const fn is_quantity_in_quote(&self) -> bool {
        self.quantity_in_quote
    }

    /// Whether a replace is to place its new order even if the old one cannot be cancelled.
    pub const fn places_anyway(&self) -> bool {
        self.place_anyway
    }

    /// Which order a cancel or replace means; `None` on a place, or if it names none.
    pub fn target(&self) -> Option<OrderRef> {
        if self.target_request != RequestId::NONE {
            Some(OrderRef::Request(self.target_request))
        } else if !self.target_client.is_empty() {
            Some(OrderRef::Client(self.target_client))
        } else if !self.target_venue.is_empty() {
            Some(OrderRef::Venue(self.target_venue))
        } else {
            None
        }
    }

    /// Receive stamp of the record that caused it; [`UnixNanos::NONE`] if not told.
    pub const fn origin(&self) -> UnixNanos {
        self.origin
    }

    /// When the strategy submitted it.
    pub const fn submitted(&self) -> UnixNanos {
        self.submitted
    }
}

impl std::fmt::Debug for OrderCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrderCommand")
            .field("request", &self.request)
            .field("kind", &self.kind)
            .field("instrument", &self.instrument.0)
            .field("order_type", &self.order_type)
            .field("time_in_force", &self.time_in_force)
            .field("side", &self.side)
            .field("price", &self.price)
            .field("quantity", &self.quantity)
            .field("post_only", &self.post_only)
            .field("quantity_in_quote", &self.quantity_in_quote)
            .field("target", &self.target())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_says_what_it_was_built_from() {
        let id = InstrumentId(2);
        let place = OrderCommand::limit(id, Side::Sell, 10, 20).post_only();
        assert_eq!((place.kind(), place.price(), place.quantity()), (CommandKind::Place, 10, 20));
        assert!(place.is_post_only() && place.target().is_none());
        let target = OrderRef::Request(RequestId(7));
        assert_eq!(OrderCommand::cancel(id, target).target(), Some(target));
        let venue = OrderRef::Venue(VenueOrderId::new("o-1").unwrap());
        assert_eq!(OrderCommand::replace(id, venue, 1, 2).target(), Some(venue));
    }
}
