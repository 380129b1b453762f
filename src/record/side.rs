//! Sides: of a trade or order, and of a book.

/// The direction of an order; on a trade, the AGGRESSOR's direction (the taker's), whatever the venue sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Side {
    /// Buys the base asset.
    Buy = 0,
    /// Sells the base asset.
    Sell = 1,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }

    /// `buy` or `sell`.
    pub const fn name(self) -> &'static str {
        match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
        }
    }
}

/// The side of a book a level stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum BookSide {
    /// Resting buy orders, best is the highest price.
    Bid = 0,
    /// Resting sell orders, best is the lowest price.
    Ask = 1,
}

impl BookSide {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> BookSide {
        match self {
            BookSide::Bid => BookSide::Ask,
            BookSide::Ask => BookSide::Bid,
        }
    }

    /// `bid` or `ask`.
    pub const fn name(self) -> &'static str {
        match self {
            BookSide::Bid => "bid",
            BookSide::Ask => "ask",
        }
    }
}
