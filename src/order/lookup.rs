//! How orders are found by their names: request, client id, venue id.
//!
//! Owns whose an order is that a venue speaks of, and how an order comes by its venue's id. Guarantees that an id is one
//! order's at a time.

use super::entry::{Entry, Slot};
use super::index::{hash_text, hash_word};
use super::table::Orders;
use crate::record::{ClientOrderId, OrderRef, RequestId, Venue, VenueOrderId};

/// Whose order a fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// One of this table, open or closed.
    Ours(Slot),
    /// Placed by this session and forgotten since; the fact was not used.
    Forgotten,
    /// It has our client id but another venue id than the order we know: the venue holds it twice. Reported once, never
    /// merged; cancel it by its venue id.
    Twin(Slot),
    /// Ours, of a known dead session: to be taken back by [`Orders::adopt`]. The fact was not used.
    OurPrefixOtherSession,
    /// Somebody else's; reported once if open.
    Stranger,
}

impl Orders {
    /// The slot of an order this table knows, open or closed.
    pub fn find(&self, venue: Venue, target: &OrderRef) -> Option<Slot> {
        self.locate(venue, target).and_then(|at| self.slot_at(at))
    }

    pub(super) fn whose(&self, venue: Venue, venue_id: &VenueOrderId, client_id: &ClientOrderId) -> Whose {
        if let Some(request) = self.ids().request_of(client_id) {
            let Some(at) = self.at_request(request) else { return Whose::Forgotten };
            let Some(entry) = self.entries.get(at as usize) else { return Whose::Forgotten };
            let known = entry.order.venue_order_id();
            let differs = !known.is_empty() && !venue_id.is_empty() && known != venue_id;
            let slot = entry.slot(at);
            return if differs || entry.order.venue() != venue { Whose::Twin(slot) } else { Whose::Ours(slot) };
        }
        // Some venues leave our id out, or replace it when they cancel.
        match self.at_venue_id(venue, venue_id).and_then(|at| self.slot_at(at)) {
            Some(slot) => Whose::Ours(slot),
            None if self.ids().dead_request_of(client_id).is_some() => Whose::OurPrefixOtherSession,
            None => Whose::Stranger,
        }
    }

    pub(super) fn locate(&self, venue: Venue, target: &OrderRef) -> Option<u32> {
        match target {
            OrderRef::Request(request) => self.at_request(*request),
            OrderRef::Client(id) => match self.ids().request_of(id) {
                Some(request) => self.at_request(request),
                None => self.at_client(venue, id),
            },
            OrderRef::Venue(id) => self.at_venue_id(venue, id),
        }
    }

    pub(super) fn at_request(&self, request: RequestId) -> Option<u32> {
        self.by_request.find(hash_word(0, request.0), |at| {
            self.entries.get(at as usize).is_some_and(|e| e.order.request() == request)
        })
    }

    fn at_client(&self, venue: Venue, id: &ClientOrderId) -> Option<u32> {
        self.by_client.find(hash_text(0, id.as_str()), |at| {
            self.entries.get(at as usize).is_some_and(|e| e.order.client_order_id() == id && e.order.venue() == venue)
        })
    }

    pub(super) fn at_venue_id(&self, venue: Venue, id: &VenueOrderId) -> Option<u32> {
        if id.is_empty() {
            return None;
        }
        self.by_venue_id.find(hash_text(venue as u64, id.as_str()), |at| {
            self.entries.get(at as usize).is_some_and(|e| e.order.venue_order_id() == id && e.order.venue() == venue)
        })
    }

    pub(super) fn slot_at(&self, at: u32) -> Option<Slot> {
        self.entries.get(at as usize).map(|entry| entry.slot(at))
    }

    pub(super) fn entry(&mut self, slot: Slot) -> Option<&mut Entry> {
        let found = self.entries.get_mut(slot.at as usize).filter(|e| e.generation == slot.generation);
        if found.is_none() {
            self.counters.unexpected = self.counters.unexpected.saturating_add(1);
        }
        found
    }

    /// Learns the venue's id of an order, if it has none yet and nobody else has it.
    pub(super) fn identify(&mut self, at: u32, slot: Slot, id: &VenueOrderId) {
        let Some(order) = self.get(slot).filter(|_| !id.is_empty()) else { return };
        let (venue, known) = (order.venue(), *order.venue_order_id());
        if known.is_empty() && self.at_venue_id(venue, id).is_none() {
            if let Some(entry) = self.entries.get_mut(at as usize) {
                entry.order.learn_id(id);
                self.by_venue_id.insert(hash_text(venue as u64, id.as_str()), at);
            }
        } else if known != *id {
            self.counters.conflicts = self.counters.conflicts.saturating_add(1);
        }
    }

    /// The venue goes on with an order under another id: it has no other way to change it. False if it is not known by
    /// the old one, or the new one is another's.
    pub fn renumber(&mut self, venue: Venue, old: &VenueOrderId, new: &VenueOrderId) -> bool {
        let Some(at) = self.at_venue_id(venue, old) else { return false };
        if new.is_empty() || self.at_venue_id(venue, new).is_some() {
            self.counters.conflicts = self.counters.conflicts.saturating_add(1);
            return false;
        }
        self.by_venue_id.remove(hash_text(venue as u64, old.as_str()), |found| found == at);
        if let Some(entry) = self.entries.get_mut(at as usize) {
            entry.order.learn_id(new);
            self.by_venue_id.insert(hash_text(venue as u64, new.as_str()), at);
        }
        true
    }
}
