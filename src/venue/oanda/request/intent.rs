//! Intents of the engine as orders of the venue.

use super::{EntryKind, EntryOrder, Expiry, Labels};
use crate::record::{Fixed, OrderType, Side, TimeInForce};
use crate::venue::PlaceIntent;

/// Why an intent has no form here; nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// The venue is the only counterparty: there is no book to rest in first.
    #[error("OANDA has no post-only orders")]
    PostOnly,
    /// Units count the base.
    #[error("OANDA orders are sized in units of the base only")]
    QuoteQuantity,
    /// Market orders fill now or not at all (OANDA reference 4).
    #[error("OANDA market orders are fill-or-kill or immediate-or-cancel only")]
    MarketTimeInForce,
    /// Quantities and limit prices are positive.
    #[error("quantity and limit price must be positive")]
    NotPositive,
}

/// The order an intent means: a limit or market order under our id, which also names the trade it opens.
///
/// # Errors
/// [`Unsupported`].
pub fn entry_order<'a>(intent: &PlaceIntent<'a>) -> Result<EntryOrder<'a>, Unsupported> {
    let limit = intent.order_type == OrderType::Limit;
    if intent.quantity <= 0 || (limit && intent.price <= 0) {
        return Err(Unsupported::NotPositive);
    }
    if intent.post_only {
        return Err(Unsupported::PostOnly);
    }
    if intent.quantity_in_quote {
        return Err(Unsupported::QuoteQuantity);
    }
    let (price_exponent, size_exponent) = intent.instrument.exponents();
    let units = match intent.side {
        Side::Buy => intent.quantity,
        Side::Sell => intent.quantity.saturating_neg(),
    };
    let expiry = match intent.time_in_force {
        TimeInForce::GoodTilCancelled if limit => Expiry::GoodTilCancelled,
        TimeInForce::GoodTilCancelled => return Err(Unsupported::MarketTimeInForce),
        TimeInForce::ImmediateOrCancel => Expiry::ImmediateOrCancel,
        TimeInForce::FillOrKill => Expiry::FillOrKill,
    };
    let kind = if limit {
        EntryKind::Limit { price: Fixed::new(intent.price, price_exponent) }
    } else {
        EntryKind::Market { price_bound: None }
    };
    let order = EntryOrder::new(intent.instrument.symbol(), Fixed::new(units, size_exponent), kind);
    Ok(EntryOrder { expiry, labels: Labels::id(intent.client_order_id.as_str()), ..order })
}
