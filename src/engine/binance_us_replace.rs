//! Changing an order at Binance.US: a cancel and a new order in one request, sent once.
//!
//! The new order is registered under the replace's own request and lives like any other from then on. The old one ends by
//! its own record, or stands. Both halves are told by their own replies; of a half without one nothing is assumed.

use super::connections::Session;
use super::contract::{Note, Outputs};
use super::port::Permit;
use super::pretrade::Beside;
use super::route::{free_conn, Plug, BUSY_MS};
use super::trading::{Cargo, Trading};
use super::Engine;
use crate::guard::{Cost, Priority, RetryAt};
use crate::order::Refusal;
use crate::record::{ClientOrderId, ConnectionRole, OrderCommand, RejectClass, UnixNanos, Venue};
use crate::telemetry::Counter;
use crate::venue::binance_us::request::{CancelId, CancelRestriction, NewOrder, OrderId, ReplaceMode, ReplaceOrder};
use crate::venue::binance_us::Requests;
use crate::venue::coinbase::request::TokenPath;
use crate::venue::PlaceIntent;

const VENUE: Venue = Venue::BinanceUs;
/// What it counts as, whatever becomes of it (Binance.US reference 5).
const COST: Cost = Cost { weight: 1, orders: 1 };

impl Engine {
    /// One replace. What is refused here was never begun.
    pub(super) fn replace_at_binance_us(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        command: &OrderCommand,
    ) -> Result<(), Refusal> {
        let swap = self.trading.orders.swap(VENUE, command)?;
        let Some(traded) = self.market.get(swap.order.instrument()) else {
            return Err(Refusal::new(RejectClass::UnknownInstrument, "no such instrument here"));
        };
        let instrument = &traded.instrument;
        self.check_swap(now, instrument, &swap.order)?;
        if let Some(old) = self.trading.orders.get(swap.slot) {
            let heard = self.heard_of(traded);
            let (pretrade, means) = (&self.trading.pretrade, self.trading.means());
            // The venue promises to place nothing after a fill only of an order that had none before.
            let beside = if swap.only_untouched(command) { Beside::Nothing } else { Beside::Rest };
            pretrade.check_change(now, command, (old, beside), traded, &self.market, heard, &means)?;
            if command.places_anyway() {
                // The old one may rest on: it is one more order.
                pretrade.check(now, &swap.order, traded, &self.market, heard, &means)?;
            }
        }
        if !self.may_trade(VENUE) {
            return Err(self.not_reconciled(VENUE));
        }
        self.all_accounted_for(VENUE)?;
        if let Err(RetryAt(at)) = self.trading.desks.get(VENUE).breaker.admit() {
            return Err(Refusal::new(RejectClass::BreakerOpen, "circuit breaker is open").until(at));
        }
        if self.market.on_paper(VENUE) {
            return self.swap_on_paper(now, out, &swap, command.places_anyway());
        }
        let id = free_conn(&self.conns, VENUE, &[ConnectionRole::Orders])
            .ok_or(Refusal::new(RejectClass::Busy, "no free connection").until(now.plus_ms(BUSY_MS)))?;
        let Engine { conns, trading, binance_us, .. } = self;
        let Trading { desks, orders, pretrade, .. } = trading;
        let desk = desks.get_mut(VENUE);
        let wanted = (TokenPath::Place, COST, Priority::Order);
        let permit = Permit::take(now, VENUE, wanted, desk, binance_us, out).map_err(|none| none.refusal(now))?;
        let Permit::Stamp(stamp, _) = permit else {
            return Err(Refusal::new(RejectClass::Busy, "the venue's clock is not known"));
        };
        if let Err(refusal) = pretrade.rate_ready(now, VENUE) {
            out.count(Counter::RateLimited, 1);
            return Err(refusal);
        }
        let session = conns.get_mut(id.index()).map(|conn| &mut conn.session);
        let session = session.ok_or(Refusal::new(RejectClass::NotConnected, "no order connection"))?;
        let cancelled = orders.get(swap.slot).map_or(ClientOrderId::EMPTY, |order| *order.client_order_id());
        let cancel_id = CancelId::of(&cancelled);
        let placed = orders.place(&swap.order, instrument)?;
        orders.swap_begun(&swap);
        let mark = permit.count(now, Priority::Order, desk, binance_us);
        pretrade.count_rate(now, VENUE);
        let anyway = command.places_anyway();
        let intent = PlaceIntent::of(instrument, &placed.client_order_id, &swap.order, None);
        let start = out.transmit(id, |_| ());
        let mut plug = Plug { out, conn: id, end: start };
        let sent = NewOrder::of_intent(&intent).map_err(Into::into).and_then(|order| {
            let replace = ReplaceOrder {
                cancel: OrderId::Venue(swap.venue_order_id.as_str()),
                cancel_id: cancel_id.text(),
                restriction: swap.only_untouched(command).then_some(CancelRestriction::OnlyNew),
                mode: if anyway { ReplaceMode::AllowFailure } else { ReplaceMode::StopOnFailure },
                order,
            };
            let (old, new) = (swap.venue_order_id, placed.client_order_id);
            match session {
                Session::BinanceUsApi(session) => session.replace(now, stamp, &replace, old, new, &mut plug),
                Session::BinanceUsRest(session) => session.replace(now, stamp, &replace, old, new, &mut plug),
                _ => Err(crate::venue::binance_us::NotSent::WrongConnection),
            }
        });
        if sent.is_err() {
            orders.swap_abandoned(swap.slot);
            let (orders, mut sink) = trading.orders_and_sink(out);
            orders.abandon(now, placed.slot, RejectClass::Unsupported, "not offered by the venue", &mut sink);
            return Ok(());
        }
        let (end, deadline) = (plug.end, session.deadline_after_request());
        binance_us.sent(id, VENUE, instrument.id, mark);
        let cargo = Cargo::Swap { new: placed.slot, old: swap.slot };
        trading.load(id, cargo, start, end, command.origin());
        self.deadlines.set(id.index(), deadline);
        out.count(Counter::ChangesSent, 1);
        out.note(Note::OrderSent { request: command.request(), client_order_id: placed.client_order_id.as_str() });
        self.arm_orders(now);
        Ok(())
    }
}

#[cfg(all(test, feature = "sim"))]
mod tests;
