//! Orders of dead sessions as the engine meets them: taken back, swept if that is the policy, and no order of this
//! session before every venue was asked.

use super::contract::{Outputs, Shutdown};
use super::ear::Ear;
use super::trading::Stray;
use super::Engine;
use crate::order::{OrderFact, Refusal};
use crate::record::{Instrument, RejectClass, UnixNanos, Venue};
use crate::venue::binance_us::request::cancelled_id;

impl<O: Outputs> Ear<'_, O> {
    /// What is told of an order of a dead session that was cancelled, under the id it was placed by.
    pub(super) fn under_its_own_id(&self, fact: &OrderFact) -> OrderFact {
        let placed = cancelled_id(&fact.client_order_id).filter(|_| self.venue == Venue::BinanceUs);
        match placed.filter(|id| self.trading.orders.ids().dead_request_of(id).is_some()) {
            Some(client_order_id) => OrderFact { client_order_id, ..*fact },
            None => *fact,
        }
    }

    /// Takes an order of a dead session back; whether it is ours now.
    pub(super) fn take_back(&mut self, fact: &OrderFact) -> bool {
        let (now, venue) = (self.now, self.venue);
        let instrument = fact.instrument.and_then(|id| self.market.get(id)).map(|traded| &traded.instrument);
        let cancels = self.trading.kill.is_some() || self.trading.stopping == Some(Shutdown::CancelOurs);
        let Some(instrument) = instrument else {
            let (orders, mut sink) = self.trading.orders_and_sink(self.out);
            let sweeps = orders.cannot_adopt(now, venue, fact, &mut sink);
            if (sweeps || cancels) && !fact.status.is_terminal() {
                // A cancel needs the venue's names only.
                let (instrument, symbol) = (fact.instrument, fact.unknown_symbol);
                self.trading.stray(Stray { venue, id: fact.venue_order_id, instrument, symbol });
            }
            return false;
        };
        let slot = self.trading.event(now, self.market, self.out, |orders, event| {
            let slot = orders.adopt(now, instrument, fact, event);
            if let Some(slot) = slot.filter(|_| cancels) {
                orders.sweep(now, slot);
            }
            slot
        });
        self.trading.stirred |= slot.is_some();
        slot.is_some()
    }
}

impl Engine {
    /// An instrument became known: orders of dead sessions in it, and their executions, can be read now.
    pub(super) fn recall(&mut self, now: UnixNanos, instrument: &Instrument) {
        let venue = instrument.listing.venue;
        if self.trading.orders.ids().has_earlier() {
            self.trading.ordered(venue, instrument.id);
            self.trading.orders.instrument_known(now, venue, instrument.id);
            self.trading.stirred = true;
        }
    }

    /// Up to when everything that was executed at a venue was told, as far as that is known now: what a session that
    /// follows this one has to look for begins there.
    pub fn told_until(&self, now: UnixNanos, venue: Venue) -> Option<UnixNanos> {
        let whole = venue != Venue::Oanda || self.oanda.ledger.is_complete();
        self.trading.orders.told_until(now, venue).filter(|_| whole)
    }

    /// Nothing leaves at the first start before every venue that is traded at was accounted for once.
    ///
    /// # Errors
    /// [`Refusal`] of class `NotConnected`.
    pub(super) fn all_accounted_for(&self, venue: Venue) -> Result<(), Refusal> {
        match self.trading_venues().filter(|other| *other != venue).all(|v| self.trading.orders.was_reconciled(v)) {
            true => Ok(()),
            false => Err(Refusal::new(RejectClass::NotConnected, "another venue is not reconciled")),
        }
    }
}
