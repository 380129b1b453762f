//! An order in a listing, as little of it as it takes to cancel it.

use crate::record::VenueOrderId;

/// Who an order of the account is, whoever placed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedOrder {
    /// The venue's id.
    pub id: VenueOrderId,
    /// The id its client gave it, of any length; may be empty.
    pub client_order_id: Box<str>,
    /// What it trades, in the venue's spelling.
    pub symbol: Box<str>,
}

impl ListedOrder {
    /// `None` if the venue's id is missing or too long to be one.
    #[must_use]
    pub fn new(id: &str, client_order_id: &str, symbol: &str) -> Option<ListedOrder> {
        let id = VenueOrderId::new(id).ok().filter(|id| !id.is_empty())?;
        Some(ListedOrder { id, client_order_id: client_order_id.into(), symbol: symbol.into() })
    }
}
