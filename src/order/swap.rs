//! Changing an order at a venue that has no change in place: one request cancels it and places another.
//!
//! Owns what such a request may be made of, and what is known of the order that is to go: nothing is told of it under the
//! replace's request, which is the new order's from the moment it is registered. The old order ends by its own terminal
//! record, or stands. If an answer leaves open which of the two, its state is asked until it shows. Never sends, and never
//! repeats the cancel.

use super::change::Terms;
use super::changes::changeable;
use super::entry::{Place, Slot};
use super::fact::ReplaceReply;
use super::reconcile::CHECK_DELAY_MS;
use super::refusal::Refusal;
use super::table::Orders;
use crate::record::{ClientOrderId, OrderCommand, RejectClass, Venue, VenueOrderId};
use crate::record::{OrderType, UnixNanos};

/// A cancel and a new order, to be sent together, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swap {
    /// The order that is to go.
    pub slot: Slot,
    /// The venue's id of it, never empty.
    pub venue_order_id: VenueOrderId,
    /// Our id of it.
    pub client_order_id: ClientOrderId,
    /// Nothing of it is known to be executed.
    pub untouched: bool,
    /// The new order: under the replace's request, for the quantity asked less what the old one has executed.
    pub order: OrderCommand,
    from: Terms,
    to: Terms,
}

impl Swap {
    /// Whether the venue is told to cancel the order, and with it to place the other, only if nothing of it was executed: a
    /// fill on its way then cannot make both together more than was asked for.
    pub const fn only_untouched(&self, command: &OrderCommand) -> bool {
        self.untouched && !command.places_anyway()
    }
}

impl Orders {
    /// What a replace would become. Changes nothing.
    ///
    /// # Errors
    /// [`Refusal`]: the order is not known, is over, is being changed or cancelled, or is of a kind whose terms a replace
    /// cannot state.
    pub fn swap(&self, venue: Venue, command: &OrderCommand) -> Result<Swap, Refusal> {
        let slot = command.target().and_then(|target| self.find(venue, &target));
        let found = slot.and_then(|slot| Some((slot, self.entries.get(slot.at as usize)?)));
        let (slot, entry) = found.ok_or(Refusal::new(RejectClass::UnknownOrder, "no such order"))?;
        let (from, to) = changeable(entry, command)?;
        let order = &entry.order;
        if order.prepared || order.order_type() != OrderType::Limit {
            // A new order is stated whole, and a replace states a price and a quantity.
            return Err(Refusal::new(RejectClass::Unsupported, "prepared: cancel it, place another"));
        }
        let left = to.quantity.saturating_sub(order.executed());
        let new = OrderCommand::limit(order.instrument(), order.side(), to.price, left)
            .time_in_force(order.time_in_force())
            .caused_by(command.origin())
            .stamped(command.request(), command.submitted());
        Ok(Swap {
            slot,
            venue_order_id: *order.venue_order_id(),
            client_order_id: *order.client_order_id(),
            untouched: order.executed() == 0,
            order: if order.is_post_only() { new.post_only() } else { new },
            from,
            to,
        })
    }

    /// The swap is being sent: until its answer the old order takes no other change.
    pub fn swap_begun(&mut self, swap: &Swap) {
        if let Some(entry) = self.entry(swap.slot) {
            // The old order never has the new terms.
            let _idle = entry.change.begin(swap.order.request(), swap.from, swap.to, false);
        }
    }

    /// Not a byte of the swap has left: the old order stands as it stood.
    pub fn swap_abandoned(&mut self, slot: Slot) {
        if let Some(entry) = self.entry(slot) {
            let _handed = entry.change.abandon();
        }
    }

    /// How an order stands is doubtful for a reason of its venue's own: it is asked until it is over.
    pub fn ask_about(&mut self, now: UnixNanos, slot: Slot) {
        self.change(now, slot, |order, _| order.said_to_be_over());
    }

    /// What the answer says of the old order, or that there is none.
    pub fn swap_reply(&mut self, now: UnixNanos, slot: Slot, reply: &ReplaceReply) {
        let Some(entry) = self.entry(slot).filter(|entry| entry.place == Place::Open) else { return };
        let stands = match reply {
            // It ends by its own report, which may be late or lost.
            ReplaceReply::Accepted | ReplaceReply::Ambiguous { .. } => false,
            // It may be over, or partly executed: a refusal alone ends nothing.
            ReplaceReply::Rejected { class, .. } => {
                !matches!(class, RejectClass::OrderClosed | RejectClass::UnknownOrder)
            }
        };
        if stands {
            let _handed = entry.change.abandon();
            return;
        }
        entry.change.leave_open(now);
        entry.check.arm(now.plus_ms(CHECK_DELAY_MS));
        let at = entry.check.at;
        self.due.check = self.due.check.min(at);
    }
}
