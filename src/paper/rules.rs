//! What differs between the venues a paper account stands for: holds, fees, ends, self-trades and the words of refusals.
//!
//! Owns no state. The words are the venues' own codes, read by the venues' own tables where those exist, so that a strategy
//! sees the class it would see live.

use crate::order::OrderStatus;
use crate::record::{RejectClass, Venue};

/// Why the paper venue refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refused {
    /// The book is not whole: the market cannot be seen.
    NoBook,
    /// An order that cannot rest found nothing to take.
    NoLiquidity,
    /// Post-only, and it would have taken.
    WouldTake,
    /// Not enough of what it spends.
    Funds,
    /// An amount that does not fit 128 bits.
    Uncountable,
    /// An amount that pays for no lot.
    TooSmall,
    /// More orders than the paper venue keeps.
    TooManyOrders,
    /// Nobody knows this order.
    UnknownOrder,
    /// The order is wholly filled.
    Filled,
    /// The order is over.
    Over,
    /// Nobody knows the order that is to be changed.
    NotFound,
    /// The order that is to be changed is over.
    NotOpen,
    /// Only orders that rest until cancelled can be changed.
    NotEditable,
    /// A new size that is filled already.
    BelowFilled,
    /// Something of it is executed, and it was to be left alone then.
    Touched,
    /// The change asks for what is.
    SameAgain,
}

/// What happens when an order of ours would meet another of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SelfTrade {
    /// The newer one ends where it would meet the other.
    TakerEnds,
    /// The resting one expires, and the newer one goes on.
    MakerExpires,
}

/// The rules of one venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The taker's fee is held with the value of a purchase.
    pub holds_fee: bool,
    /// A fee is taken from what is received, and cut to this power of ten; otherwise in quote currency, exact.
    pub fee_from_received: Option<i8>,
    /// Each execution is told by itself; otherwise the order's cumulative figures are.
    pub tells_executions: bool,
    /// How an order ends that could not be filled at once and may not rest.
    pub unfilled_end: OrderStatus,
    /// A market order into an empty book is refused; otherwise it is taken, and ends so.
    pub refuses_empty_book: bool,
    /// A purchase by quote amount pays its fee out of that amount.
    pub quote_includes_fee: bool,
    /// What a fill was cheaper than the limit is free again at once; otherwise when the order is over.
    pub frees_at_once: bool,
    /// Our own orders.
    pub self_trade: SelfTrade,
}

impl Rules {
    /// The rules of a venue.
    pub const fn of(venue: Venue) -> Rules {
        match venue {
            Venue::Coinbase => Rules {
                holds_fee: true,
                fee_from_received: None,
                tells_executions: false,
                unfilled_end: OrderStatus::Cancelled,
                refuses_empty_book: true,
                quote_includes_fee: true,
                frees_at_once: false,
                self_trade: SelfTrade::TakerEnds,
            },
            // It is the other side of every order itself: its own code says the rest, in `quoting`.
            Venue::Oanda => Rules {
                holds_fee: false,
                fee_from_received: None,
                tells_executions: true,
                unfilled_end: OrderStatus::Failed,
                refuses_empty_book: false,
                quote_includes_fee: false,
                frees_at_once: false,
                self_trade: SelfTrade::TakerEnds,
            },
            Venue::BinanceUs => Rules {
                holds_fee: false,
                fee_from_received: Some(-8),
                tells_executions: true,
                unfilled_end: OrderStatus::Expired,
                refuses_empty_book: false,
                quote_includes_fee: false,
                frees_at_once: true,
                self_trade: SelfTrade::MakerExpires,
            },
        }
    }
}

/// Class and code of a refusal, as the venue words it.
pub const fn words(venue: Venue, refused: Refused) -> (RejectClass, &'static str) {
    use RejectClass as C;
    match (venue, refused) {
        (_, Refused::NoBook) => (C::NotTradable, "PAPER_BOOK_NOT_WHOLE"),
        (_, Refused::Uncountable) => (C::InvalidSize, "PAPER_UNCOUNTABLE"),
        (Venue::BinanceUs, Refused::TooSmall) => (C::InvalidSize, "-1013"),
        (_, Refused::TooSmall) => (C::InvalidSize, "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
        (_, Refused::TooManyOrders) => (C::Limit, "PAPER_TOO_MANY_ORDERS"),
        (Venue::BinanceUs, Refused::NoLiquidity) => (C::NoLiquidity, "-1112"),
        (Venue::BinanceUs, Refused::WouldTake) => (C::WouldTake, "-2010"),
        (Venue::BinanceUs, Refused::Funds) => (C::InsufficientFunds, "-2010"),
        (Venue::BinanceUs, Refused::UnknownOrder | Refused::Filled | Refused::Over) => (C::UnknownOrder, "-2011"),
        (
            Venue::Oanda,
            Refused::UnknownOrder | Refused::Filled | Refused::Over | Refused::NotFound | Refused::NotOpen,
        ) => (C::UnknownOrder, "ORDER_DOESNT_EXIST"),
        (Venue::Oanda, Refused::NotEditable) => (C::Malformed, "REPLACING_ORDER_INVALID"),
        (_, Refused::Touched) => (C::OrderClosed, "-2011"),
        (Venue::BinanceUs, Refused::NotFound | Refused::NotOpen) => (C::UnknownOrder, "-2022"),
        (Venue::BinanceUs, Refused::NotEditable | Refused::BelowFilled | Refused::SameAgain) => (C::Unsupported, ""),
        (_, Refused::NoLiquidity) => (C::NoLiquidity, "INVALID_NO_LIQUIDITY"),
        (_, Refused::WouldTake) => (C::WouldTake, "INVALID_LIMIT_PRICE_POST_ONLY"),
        (_, Refused::Funds) => (C::InsufficientFunds, "INSUFFICIENT_FUND"),
        (_, Refused::UnknownOrder | Refused::Over) => (C::UnknownOrder, "UNKNOWN_CANCEL_ORDER"),
        (_, Refused::Filled) => (C::OrderClosed, "ORDER_IS_FULLY_FILLED"),
        (_, Refused::NotFound) => (C::UnknownOrder, "ORDER_NOT_FOUND"),
        (_, Refused::NotOpen) => (C::OrderClosed, "ONLY_OPEN_ORDERS_CAN_BE_EDITED"),
        (_, Refused::NotEditable) => (C::Unsupported, "ONLY_LIMIT_ORDER_EDITS_SUPPORTED"),
        (_, Refused::BelowFilled) => (C::InvalidSize, "CANNOT_EDIT_TO_BELOW_FILLED_SIZE"),
        (_, Refused::SameAgain) => (C::Malformed, "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venue::coinbase::reject;
    use crate::venue::oanda::reject as oanda;

    #[test]
    fn so_does_oandas() {
        for refused in [Refused::UnknownOrder, Refused::Over, Refused::NotFound, Refused::NotEditable] {
            let (class, code) = words(Venue::Oanda, refused);
            assert_eq!(oanda::class(code), class, "{code}");
        }
    }

    #[test]
    fn the_venues_own_table_reads_every_word_as_the_class_it_is_told_with() {
        for refused in [Refused::NoLiquidity, Refused::WouldTake, Refused::Funds] {
            let (class, code) = words(Venue::Coinbase, refused);
            assert_eq!(reject::order_class(code), class, "{code}");
        }
        for refused in [Refused::UnknownOrder, Refused::Filled, Refused::Over] {
            let (class, code) = words(Venue::Coinbase, refused);
            assert_eq!(reject::cancel_class(code), class, "{code}");
        }
        for refused in [
            Refused::NotFound,
            Refused::NotOpen,
            Refused::NotEditable,
            Refused::BelowFilled,
            Refused::SameAgain,
            Refused::Funds,
            Refused::WouldTake,
        ] {
            let (class, code) = words(Venue::Coinbase, refused);
            assert_eq!(reject::edit_class(code), class, "{code}");
        }
    }
}
