//! Pairs of orders at a venue that makes one command two orders (Binance.US, OCO): told to the strategy as the one order
//! it asked for.
//!
//! Owns which leg an order stands for. At most one leg is ever executed: as soon as one is, or the stop is triggered, the
//! venue ends the other. So the order goes by the limit leg, which has its client order id, until the limit leg ends
//! without an execution or the stop leg has one; from then on it goes by the stop leg. Guarantees that the end of the leg
//! it does not go by is never the order's end. Never sends.

use crate::order::{OrderFact, OrderStatus, Orders, Slot};
use crate::record::{ClientOrderId, OrderRef, UnixNanos, Venue, VenueOrderId};
use crate::venue::binance_us::composite::STOP_LETTER;

/// Pairs before their list takes more memory.
const PAIRS_USUAL: usize = 64;

#[derive(Debug, Clone, Copy)]
struct Pair {
    slot: Slot,
    /// The venue's id of the stop leg; empty until it is known.
    stop: VenueOrderId,
    /// The order goes by the stop leg.
    by_stop: bool,
    /// The limit leg ended without an execution.
    limit_over: bool,
    /// The stop leg ended without an execution.
    stop_over: bool,
}

/// Every pair whose order may still be heard of.
#[derive(Debug)]
pub(super) struct Pairs(Vec<Pair>);

impl Pairs {
    pub(super) fn new() -> Pairs {
        Pairs(Vec::with_capacity(PAIRS_USUAL))
    }

    /// An order was registered that becomes a pair. Those that are over and forgotten go.
    pub(super) fn begin(&mut self, slot: Slot, orders: &Orders) {
        self.0.retain(|pair| orders.get(pair.slot).is_some_and(|order| !order.is_over()));
        let stop = VenueOrderId::EMPTY;
        self.0.push(Pair { slot, stop, by_stop: false, limit_over: false, stop_over: false });
    }

    /// What a fact says of the order itself; `None` if it is about the leg it does not go by.
    pub(super) fn read(
        &mut self,
        now: UnixNanos,
        venue: Venue,
        fact: &OrderFact,
        orders: &mut Orders,
    ) -> Option<OrderFact> {
        if self.0.is_empty() {
            return Some(*fact);
        }
        match stop_of(&fact.client_order_id) {
            Some(client) => match self.find(venue, &client, orders) {
                Some(at) => self.stop_leg(at, venue, client, fact, orders),
                None => Some(*fact),
            },
            None => match self.find(venue, &fact.client_order_id, orders) {
                Some(at) => self.limit_leg(now, at, venue, fact, orders),
                None => Some(*fact),
            },
        }
    }

    /// An execution of this order of the venue's is to be told: if it is a stop leg, its order goes by it now.
    pub(super) fn executes(&mut self, venue: Venue, id: &VenueOrderId, orders: &mut Orders) {
        if id.is_empty() {
            return;
        }
        if let Some(pair) = self.0.iter_mut().find(|pair| pair.stop == *id) {
            pair.go_by_stop(venue, orders);
        }
    }

    /// The client order id under which to ask about an order whose limit leg is over while its stop leg was never seen.
    pub(super) fn unseen_stop(&self, slot: Slot, orders: &Orders) -> Option<ClientOrderId> {
        let pair = self.0.iter().find(|pair| pair.slot == slot && pair.limit_over && pair.stop.is_empty())?;
        let mut text = arrayvec::ArrayString::<40>::new();
        text.try_push_str(orders.get(pair.slot)?.client_order_id().as_str()).ok()?;
        text.try_push(STOP_LETTER).ok()?;
        ClientOrderId::new(&text).ok()
    }

    fn find(&self, venue: Venue, client: &ClientOrderId, orders: &Orders) -> Option<usize> {
        let slot = orders.find(venue, &OrderRef::Client(*client))?;
        self.0.iter().position(|pair| pair.slot == slot)
    }

    fn stop_leg(
        &mut self,
        at: usize,
        venue: Venue,
        client: ClientOrderId,
        fact: &OrderFact,
        orders: &mut Orders,
    ) -> Option<OrderFact> {
        let pair = self.0.get_mut(at)?;
        if pair.stop.is_empty() {
            pair.stop = fact.venue_order_id;
        }
        pair.stop_over |= fact.status.is_terminal() && fact.cumulative_quantity <= 0;
        if fact.cumulative_quantity > 0 || pair.limit_over {
            pair.go_by_stop(venue, orders);
        }
        pair.by_stop.then_some(OrderFact { client_order_id: client, ..*fact })
    }

    fn limit_leg(
        &mut self,
        now: UnixNanos,
        at: usize,
        venue: Venue,
        fact: &OrderFact,
        orders: &mut Orders,
    ) -> Option<OrderFact> {
        let pair = self.0.get_mut(at)?;
        if pair.by_stop {
            return None;
        }
        let triggered = fact.status == OrderStatus::Expired && fact.cumulative_quantity <= 0 && !pair.stop_over;
        if !triggered {
            return Some(*fact);
        }
        pair.limit_over = true;
        if !pair.stop.is_empty() && orders.find(venue, &OrderRef::Venue(fact.venue_order_id)).is_some() {
            pair.go_by_stop(venue, orders);
            return None;
        }
        // It exists, and how it stands the stop leg will say: it is asked for if its own report does not come.
        orders.ask_about(now, pair.slot);
        Some(OrderFact { status: OrderStatus::Unrecognised, ..*fact })
    }
}

impl Pair {
    fn go_by_stop(&mut self, venue: Venue, orders: &mut Orders) {
        let Some(order) = orders.get(self.slot).filter(|_| !self.by_stop) else { return };
        let known = *order.venue_order_id();
        // An order that has no id yet takes the stop leg's with the next fact.
        self.by_stop = known.is_empty() || known == self.stop || orders.renumber(venue, &known, &self.stop);
    }
}

/// The order's own id, if this is that of a stop leg.
fn stop_of(client: &ClientOrderId) -> Option<ClientOrderId> {
    ClientOrderId::new(client.as_str().strip_suffix(STOP_LETTER)?).ok()
}
