//! Two connections that carry the same instrument, and one product made of them.
//!
//! Owns the two decisions: whether a trade that arrived was told already ([`TradeMerger`]), and whose book the product
//! follows ([`BookChoice`]). Trades have ids, so the first arrival wins and the second is dropped. Books are conflated,
//! each connection in its own rhythm, and share no id (DESIGN section 6): they are never mixed, the product follows one
//! and changes over to the other when it is doubtful or has fallen silent. Constant memory; never holds a level, a record
//! or a clock: the caller keeps the books, publishes, and announces.

mod choice;
#[cfg(test)]
mod tests;
mod trades;

pub use choice::{BookChoice, STALE_EVENTS, STALE_MS};
pub use trades::{Arrival, TradeMerger, TRADE_WINDOW};

/// One of the two connections of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feed {
    /// The first: its book is followed to begin with.
    First = 0,
    /// The second.
    Second = 1,
}

impl Feed {
    /// Both, first one first.
    pub const ALL: [Feed; 2] = [Feed::First, Feed::Second];

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Feed {
        match self {
            Feed::First => Feed::Second,
            Feed::Second => Feed::First,
        }
    }

    /// 0 or 1.
    pub const fn index(self) -> usize {
        self as usize
    }
}
