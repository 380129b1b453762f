//! One paper order: what was asked, how far it got, and where it stands in its queue.

use crate::order::{FactSource, OrderFact, OrderStatus};
use crate::record::money::ZERO;
use crate::record::{
    BookSide, ClientOrderId, Fixed128, InlineText, InstrumentId, RejectClass, Side, TimeInForce, UnixNanos,
    VenueOrderId,
};
use crate::venue::oanda::request::{PositionFill, TriggerPrice};

/// How much an order wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// Base asset, mantissa at the size exponent.
    Base(i64),
    /// Quote asset.
    Quote(Fixed128),
}

/// Where a resting order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// At most so much of others stands before it, mantissa at the size exponent.
    pub(super) ahead: i64,
    /// The venue's time of the book it joined: older trades do not concern it.
    pub(super) since: UnixNanos,
    /// The venue's time of the book event that gave `ahead`: trades up to then are in it.
    pub(super) as_of: UnixNanos,
}

impl Place {
    pub(super) const NONE: Place = Place { ahead: 0, since: UnixNanos::NONE, as_of: UnixNanos::NONE };

    /// The level shows so much now.
    pub(super) fn shown(&mut self, size: i64, at: UnixNanos) {
        if size < self.ahead {
            (self.ahead, self.as_of) = (size.max(0), at);
        }
    }

    /// Whether a trade is news to what stands before it.
    pub(super) fn is_news(&self, trade_at: UnixNanos) -> bool {
        trade_at.is_some() && trade_at > self.as_of
    }

    /// Whether a trade was after it joined.
    pub(super) fn joined_before(&self, trade_at: UnixNanos) -> bool {
        trade_at.is_some() && trade_at > self.since
    }
}

/// When an order at a venue that quotes is executed (OANDA reference 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryShape {
    /// Now.
    Market,
    /// At its price or better.
    Limit,
    /// At its price or worse.
    Stop,
    /// When its price is reached from where the market was.
    Touched {
        /// By rising.
        rises: bool,
    },
}

/// What an order at a venue that quotes has beside its price; orders in a book have none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quotation {
    pub(super) kind: EntryShape,
    /// Worst price, mantissa at the price exponent.
    pub(super) bound: Option<i64>,
    pub(super) position_fill: PositionFill,
    pub(super) trigger: TriggerPrice,
    /// When it ends by itself; `NONE`: never.
    pub(super) until: UnixNanos,
}

impl Quotation {
    pub(super) const PLAIN: Quotation = Quotation {
        kind: EntryShape::Market,
        bound: None,
        position_fill: PositionFill::Default,
        trigger: TriggerPrice::Default,
        until: UnixNanos::NONE,
    };
}

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub(super) struct PaperOrder {
    /// Its number, a later one for whoever joined the queue later; slots are used again, numbers are not.
    pub(super) serial: u64,
    pub(super) id: VenueOrderId,
    pub(super) client: ClientOrderId,
    pub(super) instrument: InstrumentId,
    pub(super) side: Side,
    /// Mantissa at the price exponent; `None` for a market order.
    pub(super) limit: Option<i64>,
    pub(super) size: Size,
    pub(super) tif: TimeInForce,
    pub(super) post_only: bool,
    pub(super) status: OrderStatus,
    /// Executed so far, mantissa at the size exponent.
    pub(super) filled: i64,
    /// Quote currency.
    pub(super) value: Fixed128,
    /// Quote currency; not counted where fees are taken from what is received.
    pub(super) fees: Fixed128,
    /// Still held of what it spends.
    pub(super) hold: Fixed128,
    pub(super) place: Place,
    pub(super) quotation: Quotation,
    pub(super) updated: UnixNanos,
}

impl PaperOrder {
    pub(super) const VACANT: PaperOrder = PaperOrder {
        serial: 0,
        id: VenueOrderId::EMPTY,
        client: ClientOrderId::EMPTY,
        instrument: InstrumentId::NONE,
        side: Side::Buy,
        limit: None,
        size: Size::Base(0),
        tif: TimeInForce::GoodTilCancelled,
        post_only: false,
        status: OrderStatus::Failed,
        filled: 0,
        value: ZERO,
        fees: ZERO,
        hold: ZERO,
        place: Place::NONE,
        quotation: Quotation::PLAIN,
        updated: UnixNanos::NONE,
    };

    pub(super) const fn is_open(&self) -> bool {
        !self.status.is_terminal()
    }

    /// Base quantity still to be executed; 0 for one sized in quote.
    pub(super) const fn left(&self) -> i64 {
        match self.size {
            Size::Base(quantity) => quantity.saturating_sub(self.filled),
            Size::Quote(_) => 0,
        }
    }

    /// Where it rests.
    pub(super) const fn own_side(&self) -> BookSide {
        book_side(self.side)
    }

    /// What a venue says of it.
    pub(super) fn fact(&self, source: FactSource, with_fees: bool) -> OrderFact {
        OrderFact {
            source,
            instrument: Some(self.instrument),
            unknown_symbol: InlineText::EMPTY,
            venue_order_id: self.id,
            client_order_id: self.client,
            status: self.status,
            side: self.side,
            cumulative_quantity: self.filled,
            cumulative_value: Some(self.value),
            cumulative_fees: with_fees.then_some(self.fees),
            limit_price: self.limit.unwrap_or(0),
            quantity: match self.size {
                Size::Base(quantity) => quantity,
                Size::Quote(_) => 0,
            },
            venue_time: self.updated,
            reject: RejectClass::None,
            code: InlineText::EMPTY,
        }
    }
}

/// Where orders of this side rest.
pub(super) const fn book_side(side: Side) -> BookSide {
    match side {
        Side::Buy => BookSide::Bid,
        Side::Sell => BookSide::Ask,
    }
}

/// Whether an order of `side` limited to `limit` (none: at any price) takes at `price`.
pub(super) const fn reaches(side: Side, limit: Option<i64>, price: i64) -> bool {
    match (side, limit) {
        (_, None) => true,
        (Side::Buy, Some(limit)) => price <= limit,
        (Side::Sell, Some(limit)) => price >= limit,
    }
}

/// Orders prices of a side best first: bids complemented, which reverses their order and cannot overflow.
pub(super) const fn rank(side: BookSide, price: i64) -> i64 {
    match side {
        BookSide::Bid => !price,
        BookSide::Ask => price,
    }
}

/// Whether `price` is better than `than` for whoever takes from `side` of the book.
pub(super) const fn is_before(side: BookSide, price: i64, than: i64) -> bool {
    match side {
        BookSide::Bid => price > than,
        BookSide::Ask => price < than,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_only_ever_bounds_what_stands_before_an_order() {
        let mut place = Place { ahead: 10, since: UnixNanos(5), as_of: UnixNanos(5) };
        place.shown(12, UnixNanos(6));
        assert_eq!((place.ahead, place.as_of), (10, UnixNanos(5)), "those that came stand behind");
        place.shown(4, UnixNanos(7));
        assert_eq!((place.ahead, place.as_of), (4, UnixNanos(7)));
        assert!(!place.is_news(UnixNanos(7)) && place.is_news(UnixNanos(8)), "a trade at 7 is in the level of 7");
        assert!(place.joined_before(UnixNanos(6)) && !place.joined_before(UnixNanos(5)));
        assert!(!place.is_news(UnixNanos::NONE), "without a time nothing is known");
    }
}
