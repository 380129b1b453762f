//! Ids of cancels: the venue lists an order that was cancelled by the id of its cancel (Binance.US reference 3).
//!
//! Owns the form of such an id: that of the order and one letter behind it, so that a session after ours, which finds
//! only the listing, knows whose the order was. Where nothing fits, the venue chooses.

use crate::record::ClientOrderId;

/// What the id of a cancel has behind the order's own. Upper case: no id of ours ends so.
pub const CANCEL_LETTER: char = 'C';

/// The id of a cancel.
#[derive(Debug, Clone, Copy)]
pub struct CancelId(Option<ClientOrderId>);

impl CancelId {
    /// Of the cancel of an order with this id.
    pub fn of(order: &ClientOrderId) -> CancelId {
        let mut text = arrayvec::ArrayString::<40>::new();
        let whole = text.try_push_str(order.as_str()).is_ok() && text.try_push(CANCEL_LETTER).is_ok();
        let fits = whole && !order.is_empty();
        CancelId(ClientOrderId::new(&text).ok().filter(|_| fits))
    }

    /// Its text; `None` if the order has no id, or one too long to be lengthened.
    pub fn text(&self) -> Option<&str> {
        self.0.as_ref().map(ClientOrderId::as_str)
    }
}

/// The id an order was placed by, if this is that of its cancel.
pub fn cancelled_id(id: &ClientOrderId) -> Option<ClientOrderId> {
    ClientOrderId::new(id.as_str().strip_suffix(CANCEL_LETTER)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancels_id_names_its_order() {
        let order = ClientOrderId::new("xc-7-10").unwrap();
        let cancel = CancelId::of(&order);
        assert_eq!(cancel.text(), Some("xc-7-10C"));
        assert_eq!(cancelled_id(&ClientOrderId::new("xc-7-10C").unwrap()), Some(order));
        assert_eq!(cancelled_id(&order), None);
    }

    #[test]
    fn where_nothing_fits_the_venue_chooses() {
        let long = ClientOrderId::new(&"x".repeat(36)).unwrap();
        for order in [ClientOrderId::EMPTY, long] {
            assert_eq!(CancelId::of(&order).text(), None);
        }
    }
}
