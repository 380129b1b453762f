//! What a symbol takes, asked before anything is sent: its kinds of order, what it allows with them, its filters.
//!
//! Owns the translation of an intent into the request it would become, only to be judged. Guarantees that each leg of a
//! pair is judged as the order it is. Never writes.

use super::composite::{PairIds, Placement};
use super::filters::{FilterError, Standing};
use super::request::{NewOrder, OrderKind, Quantity, Unsupported};
use super::response::Market;
use crate::record::RejectClass;
use crate::venue::PlaceIntent;

/// Why a symbol does not take an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// It fails one of the symbol's filters.
    #[error("{0}")]
    Filter(#[from] FilterError),
    /// The venue has no form for it.
    #[error("{0}")]
    Form(#[from] Unsupported),
    /// The symbol does not list this kind of order.
    #[error("the symbol takes no {} orders", .0.name())]
    Kind(OrderKind),
    /// No icebergs in this symbol.
    #[error("the symbol takes no icebergs")]
    Iceberg,
    /// No pairs in this symbol.
    #[error("the symbol takes no pairs of orders")]
    Pair,
    /// No market orders in the quote asset in this symbol.
    #[error("the symbol takes no market orders sized in the quote asset")]
    QuoteQuantity,
    /// No trailing triggers in this symbol.
    #[error("the symbol takes no trailing triggers")]
    Trailing,
    /// No cancelReplace in this symbol.
    #[error("the symbol takes no cancelReplace")]
    Replace,
}

impl RuleError {
    /// The class in the vocabulary of all venues.
    pub const fn class(self) -> RejectClass {
        match self {
            RuleError::Filter(error) => error.class(),
            RuleError::Form(Unsupported::NotPositive) => RejectClass::InvalidSize,
            _ => RejectClass::Unsupported,
        }
    }

    /// The same in at most 32 characters; a filter by its own name.
    pub const fn reason(self) -> &'static str {
        match self {
            RuleError::Filter(error) => error.name(),
            RuleError::Form(Unsupported::NotPositive) => "price or quantity not positive",
            RuleError::Form(_) => "not offered by the venue",
            RuleError::Kind(_) => "no such kind of order in symbol",
            RuleError::Iceberg => "no icebergs in this symbol",
            RuleError::Pair => "no OCO in this symbol",
            RuleError::QuoteQuantity => "no quoteOrderQty in this symbol",
            RuleError::Trailing => "no trailing stops in this symbol",
            RuleError::Replace => "no cancelReplace in this symbol",
        }
    }
}

impl Market {
    /// Whether the symbol takes an order. `intent` needs no client order id yet.
    ///
    /// # Errors
    /// The first [`RuleError`] found.
    pub fn check(&self, intent: &PlaceIntent<'_>, standing: &Standing) -> Result<(), RuleError> {
        let ids = intent.composite.and_then(|_| PairIds::of(intent.client_order_id));
        match Placement::of(intent, ids.as_ref())? {
            Placement::One(order) => self.check_order(&order, standing),
            Placement::Pair(_) if !self.oco => Err(RuleError::Pair),
            Placement::Pair(pair) => {
                let [limit, stop] = pair.legs();
                self.check_order(&limit, standing)?;
                let second = Standing { open_orders: standing.open_orders.saturating_add(1), ..*standing };
                self.check_order(&stop, &second)
            }
        }
    }

    fn check_order(&self, order: &NewOrder<'_>, standing: &Standing) -> Result<(), RuleError> {
        // An empty list would forbid everything: it means that the venue did not say.
        if !self.kinds.is_empty() && !self.kinds.contains(&order.kind) {
            return Err(RuleError::Kind(order.kind));
        }
        if order.iceberg.is_some() && !self.iceberg {
            return Err(RuleError::Iceberg);
        }
        if matches!(order.quantity, Quantity::Quote(_)) && !self.quote_quantity {
            return Err(RuleError::QuoteQuantity);
        }
        if order.trailing_delta.is_some() && !self.trailing {
            return Err(RuleError::Trailing);
        }
        Ok(self.filters.check(order, standing)?)
    }
}
