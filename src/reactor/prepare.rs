//! Preparing an order, for strategies on either side of the rings: the venue's word on it, a slot, and the way to the
//! engine.

use crate::record::{PreparedOrder, PreparedSlot, Venue, PREPARED_MAX};
use crate::ring::PreparedSlots;
use crate::venue;

/// Why an order was not prepared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// Every slot is taken.
    #[error("{PREPARED_MAX} orders are prepared already: discard one first")]
    Full,
    /// The venue has no form for these terms.
    #[error("{venue} cannot take this order: {why}")]
    Unsupported {
        /// The venue.
        venue: Venue,
        /// What it has no form for.
        why: String,
    },
    /// The reactor is gone, or so busy that its letter box is full.
    #[error("order not prepared: the gateway has stopped, or does not keep up")]
    Stopped,
}

/// Asks the venue's translator, takes a slot, and gives both to `send`, which says whether they arrived.
///
/// # Errors
/// [`PrepareError`]; no slot is taken then.
pub fn prepare(
    slots: &mut PreparedSlots,
    order: PreparedOrder,
    send: impl FnOnce(PreparedSlot, Box<PreparedOrder>) -> bool,
) -> Result<PreparedSlot, PrepareError> {
    venue::check_prepared(&order).map_err(|why| PrepareError::Unsupported { venue: order.venue(), why })?;
    let slot = slots.take(order.instrument()).ok_or(PrepareError::Full)?;
    if send(slot, Box::new(order)) {
        return Ok(slot);
    }
    slots.free(slot);
    Err(PrepareError::Stopped)
}
