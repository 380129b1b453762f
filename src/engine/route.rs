//! Commands to venues: checks first, then a free connection and a token, then bytes. Nothing waits here: what cannot
//! leave now is refused with a reason, except cancels, which stay due until they left.

use super::connections::Session;
use super::contract::{ConnId, Note, Outputs, Shutdown, StrategySet};
use super::desk::Desk;
use super::port::Permit;
use super::pretrade::Beside;
use super::trading::{Cargo, Stray, Trading, CANCELS_PER_REQUEST_MAX, STRAYS_MAX};
use super::Engine;
use crate::guard::{check_increments, Cost, IncrementError, Priority, RetryAt};
use crate::order::{CancelSend, CancelStep, Refusal};
use crate::record::{
    AuditEntry, ClientOrderId, CommandKind, ConnectionRole, ConnectionState, Instrument, OrderCommand, PreparedOrder,
    PreparedSlot, RejectClass, RequestId, UnixNanos, Venue, VenueOrderId,
};
use crate::telemetry::Counter;
use crate::venue::coinbase::request::TokenPath;
use crate::venue::coinbase::OrderSession;
use crate::venue::{PlaceIntent, ReplaceIntent, Wire};
use arrayvec::ArrayVec;

/// A cancel that found no free connection or token is tried again this soon.
const CANCEL_RETRY_MS: u64 = 2;

/// When to try again what found every connection or token in use, ms: a reply comes in about that.
pub(super) const BUSY_MS: u64 = 5;

/// What a change needs and counts as, at venues that have such a request.
pub(super) const CHANGE: (TokenPath, Cost, Priority) =
    (TokenPath::Edit, Cost { weight: 1, orders: 1 }, Priority::Order);

/// A connection as a request builder sees it.
pub(super) struct Plug<'a, O> {
    pub(super) out: &'a mut O,
    pub(super) conn: ConnId,
    /// Offset of the sent stream after the last send.
    pub(super) end: u64,
}

impl<O: Outputs> Wire for Plug<'_, O> {
    fn send(&mut self, build: impl FnOnce(&mut Vec<u8>)) {
        self.end = self.out.transmit(self.conn, build);
    }

    fn entropy(&mut self, out: &mut [u8]) {
        self.out.entropy(out);
    }

    fn retire(&mut self, token: Box<str>) {
        self.out.retire(token);
    }
}

/// A command that does not fit its instrument.
pub(super) const fn misfit(error: IncrementError) -> Refusal {
    match error {
        IncrementError::OffTick => Refusal::new(RejectClass::InvalidPrice, "price off the tick"),
        IncrementError::OffLot => Refusal::new(RejectClass::InvalidSize, "quantity off the lot"),
        IncrementError::TooSmall => Refusal::new(RejectClass::InvalidSize, "order too small"),
        IncrementError::TooLarge => Refusal::new(RejectClass::InvalidSize, "order too large"),
        IncrementError::NotTradable => Refusal::new(RejectClass::NotTradable, "no such order now"),
    }
}

impl Engine {
    pub(super) fn command(&mut self, now: UnixNanos, out: &mut impl Outputs, command: &OrderCommand) {
        out.count(Counter::CommandsTaken, 1);
        let venue = self.market.get(command.instrument()).map(|t| t.instrument.listing.venue);
        let prepared =
            command.prepared_slot().and_then(|slot| self.trading.prepared.get(command.request().strategy(), slot));
        let told = prepared.map_or(*command, |order| order.command().submitted_by(command));
        out.audit(&AuditEntry::Command { at: now, venue, command: told });
        let result = match (venue, command.kind()) {
            (None, _) => Err(Refusal::new(RejectClass::UnknownInstrument, "no such instrument here")),
            (Some(_), CommandKind::Place) => self.place(now, out, command),
            (Some(venue), CommandKind::Cancel) => {
                self.cancel(now, out, venue, command);
                Ok(())
            }
            (Some(venue), CommandKind::Replace) => self.replace(now, out, venue, command),
        };
        if let Err(refusal) = result {
            out.count(Counter::OrdersRefused, 1);
            let venue = venue.unwrap_or(Venue::Coinbase);
            let (orders, mut sink) = self.trading.orders_and_sink(out);
            orders.refuse(now, command, venue, &refusal, &mut sink);
        }
    }

    fn place(&mut self, now: UnixNanos, out: &mut impl Outputs, command: &OrderCommand) -> Result<(), Refusal> {
        let Some(traded) = self.market.get(command.instrument()) else {
            return Err(Refusal::new(RejectClass::UnknownInstrument, "no such instrument here"));
        };
        let instrument = &traded.instrument;
        let venue = instrument.listing.venue;
        self.trading.admit(command)?;
        let composite = match command.prepared_slot() {
            Some(slot) => Some(self.trading.prepared_for(command.request(), slot, instrument)?),
            None => None,
        };
        let whole = composite.map(|order| order.command().submitted_by(command));
        let command = whole.as_ref().unwrap_or(command);
        self.check_terms(now, instrument, command, composite)?;
        if venue == Venue::Oanda {
            self.oanda.account.check(now, &PlaceIntent::of(instrument, &ClientOrderId::EMPTY, command, composite))?;
        }
        // A composite order may be a pair: then the venue counts two.
        let counted = if composite.is_some() { 2 } else { 1 };
        let heard = self.heard_of(traded);
        self.trading.pretrade.check(now, command, traded, &self.market, heard, &self.trading.means())?;
        if !self.may_trade(venue) {
            return Err(self.not_reconciled(venue));
        }
        self.all_accounted_for(venue)?;
        if let Err(RetryAt(at)) = self.trading.desks.get(venue).breaker.admit() {
            return Err(Refusal::new(RejectClass::BreakerOpen, "circuit breaker is open").until(at));
        }
        if self.market.on_paper(venue) {
            let (command, prepared) = (*command, composite.is_some());
            return self.place_on_paper(now, out, &command, prepared);
        }
        let Some(id) = free_conn(&self.conns, venue, &[ConnectionRole::Orders]) else {
            let open = self.conns.iter().any(|c| c.venue == venue && c.role == ConnectionRole::Orders && c.is_open());
            return Err(match open {
                true => Refusal::new(RejectClass::Busy, "no free connection").until(now.plus_ms(BUSY_MS)),
                false => Refusal::new(RejectClass::NotConnected, "no order connection"),
            });
        };
        let Engine { conns, trading, binance_us, oanda, .. } = self;
        let Trading { desks, orders, prepared, pretrade, pairs, .. } = trading;
        let desk = desks.get_mut(venue);
        let cost = Cost { weight: 1, orders: counted };
        let permit = Permit::take(now, venue, (TokenPath::Place, cost, Priority::Order), desk, binance_us, out)
            .map_err(|none| none.refusal(now))?;
        // Each rate is counted once the order leaves: what one of them refuses must not use up the other.
        if let Err(refusal) = pretrade.rate_ready(now, venue) {
            permit.give_back(desk);
            out.count(Counter::RateLimited, 1);
            return Err(refusal);
        }
        let Some(session) = conns.get_mut(id.index()).map(|conn| &mut conn.session) else {
            permit.give_back(desk);
            return Err(Refusal::new(RejectClass::NotConnected, "no order connection"));
        };
        let placed = match orders.place(command, instrument) {
            Ok(placed) => placed,
            Err(refusal) => {
                permit.give_back(desk);
                return Err(refusal);
            }
        };
        let mark = permit.count(now, Priority::Order, desk, binance_us);
        pretrade.count_rate(now, venue);
        let composite = command.prepared_slot().and_then(|slot| prepared.get(command.request().strategy(), slot));
        let intent = PlaceIntent::of(instrument, &placed.client_order_id, command, composite);
        if venue == Venue::Oanda {
            oanda.account.note(placed.slot, oanda.ledger.newest(), orders);
        }
        if let Some(order) = intent.composite.filter(|_| venue == Venue::BinanceUs) {
            binance_us.specials.begin(placed.slot, order.terms(), orders);
            if order.terms().is_bracket() {
                pairs.begin(placed.slot, orders);
            }
        }
        let start = out.transmit(id, |_| ());
        let mut plug = Plug { out, conn: id, end: start };
        if let Err(token) = session.place(now, &intent, permit, &oanda.ledger, &mut plug) {
            if let Some(token) = token {
                out.retire(token);
            }
            let (orders, mut sink) = trading.orders_and_sink(out);
            orders.abandon(now, placed.slot, RejectClass::Unsupported, "not offered by the venue", &mut sink);
            return Ok(());
        }
        let (end, deadline) = (plug.end, session.deadline_after_request());
        binance_us.sent(id, venue, instrument.id, mark);
        trading.load(id, Cargo::Place(placed.slot), start, end, command.origin());
        self.deadlines.set(id.index(), deadline);
        out.count(Counter::OrdersSent, 1);
        out.note(Note::OrderSent { request: command.request(), client_order_id: placed.client_order_id.as_str() });
        Ok(())
    }

    /// One change of a resting order, sent once. What is refused here was never begun.
    fn replace(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        venue: Venue,
        command: &OrderCommand,
    ) -> Result<(), Refusal> {
        let Some(traded) = self.market.get(command.instrument()) else {
            return Err(Refusal::new(RejectClass::UnknownInstrument, "no such instrument here"));
        };
        let instrument = &traded.instrument;
        self.trading.admit(command)?;
        if venue == Venue::BinanceUs {
            return self.replace_at_binance_us(now, out, command);
        }
        if command.places_anyway() {
            return Err(Refusal::new(RejectClass::Unsupported, "no such change here"));
        }
        check_increments(instrument, command).map_err(misfit)?;
        let target = command.target().and_then(|target| self.trading.orders.find(venue, &target));
        if let Some(order) = target.and_then(|slot| self.trading.orders.get(slot)) {
            let heard = self.heard_of(traded);
            self.trading.pretrade.check_change(
                now,
                command,
                (order, Beside::Nothing),
                traded,
                &self.market,
                heard,
                &self.trading.means(),
            )?;
        }
        if !self.may_trade(venue) {
            return Err(self.not_reconciled(venue));
        }
        // At some venues a change is another order.
        self.all_accounted_for(venue)?;
        if let Err(RetryAt(at)) = self.trading.desks.get(venue).breaker.admit() {
            return Err(Refusal::new(RejectClass::BreakerOpen, "circuit breaker is open").until(at));
        }
        if self.market.on_paper(venue) {
            return self.replace_on_paper(now, out, venue, command);
        }
        let id = free_conn(&self.conns, venue, &[ConnectionRole::Orders])
            .ok_or(Refusal::new(RejectClass::Busy, "no free connection").until(now.plus_ms(BUSY_MS)))?;
        if venue == Venue::Oanda {
            return self.replace_at_oanda(now, out, id, command);
        }
        let Engine { conns, trading, binance_us, .. } = self;
        let Some(session) = order_session(conns, id) else {
            return Err(Refusal::new(RejectClass::NotConnected, "no order connection"));
        };
        let desk = trading.desks.get_mut(venue);
        let permit = Permit::take(now, venue, CHANGE, desk, binance_us, out).map_err(|none| none.refusal(now))?;
        if let Err(refusal) = trading.pretrade.rate_ready(now, venue) {
            permit.give_back(desk);
            out.count(Counter::RateLimited, 1);
            return Err(refusal);
        }
        let (orders, mut sink) = trading.orders_and_sink(out);
        let send = orders.replace(now, venue, command, &mut sink);
        let desk = trading.desks.get_mut(venue);
        let Some(send) = send else {
            // Told already.
            permit.give_back(desk);
            return Ok(());
        };
        permit.count(now, Priority::Order, desk, binance_us);
        trading.pretrade.count_rate(now, venue);
        let intent = ReplaceIntent {
            instrument,
            venue_order_id: &send.venue_order_id,
            client_order_id: &send.client_order_id,
            side: send.side,
            price: send.price,
            quantity: send.quantity,
        };
        let start = out.transmit(id, |_| ());
        let mut plug = Plug { out, conn: id, end: start };
        let sent = match permit.into_token() {
            Some(token) => session.replace(now, &intent, token, &mut plug).map_err(|refused| refused.token),
            None => Err(None),
        };
        if let Err(token) = sent {
            if let Some(token) = token {
                out.retire(token);
            }
            let (orders, mut sink) = trading.orders_and_sink(out);
            orders.replace_abandoned(now, send.slot, RejectClass::Busy, "not sent", &mut sink);
            return Ok(());
        }
        let (end, deadline) = (plug.end, session.expects_reply_by());
        trading.load(id, Cargo::Change(send.slot, send.request), start, end, command.origin());
        self.deadlines.set(id.index(), deadline);
        out.count(Counter::ChangesSent, 1);
        self.arm_orders(now);
        Ok(())
    }

    /// Whether orders may leave: the user stream is open and everything before it is accounted for.
    pub(super) fn may_trade(&self, venue: Venue) -> bool {
        if let Some(may) = self.may_trade_on_paper(venue) {
            return may;
        }
        self.conns
            .iter()
            .any(|c| c.venue == venue && c.role == ConnectionRole::User && c.state == ConnectionState::Healthy)
    }

    fn cancel(&mut self, now: UnixNanos, out: &mut impl Outputs, venue: Venue, command: &OrderCommand) {
        let (orders, mut sink) = self.trading.orders_and_sink(out);
        match orders.cancel(now, venue, command, &mut sink) {
            CancelStep::Send(send) => self.send_cancels(now, out, send),
            CancelStep::WaitForVenueId if venue == Venue::Oanda && !self.market.on_paper(venue) => {
                self.cancel_by_our_id_at_oanda(now, out, command);
            }
            CancelStep::WaitForVenueId | CancelStep::UnderWay | CancelStep::AlreadyClosed | CancelStep::NoSuchOrder => {
            }
        }
        self.arm_orders(now);
    }

    /// Sends a cancel, and with it every other that is due at the same venue.
    pub(super) fn send_cancels(&mut self, now: UnixNanos, out: &mut impl Outputs, first: CancelSend) {
        if self.cancel_on_paper(now, out, &first) {
            return;
        }
        if first.venue == Venue::BinanceUs {
            let client = self.trading.orders.get(first.slot).map_or(ClientOrderId::EMPTY, |o| *o.client_order_id());
            if let Err(until) =
                self.cancel_at_binance_us(now, out, (Some(first.instrument), ""), &first.venue_order_id, &client)
            {
                self.trading.orders.cancel_delayed(first.slot, until);
            }
            self.arm_orders(now);
            return;
        }
        if first.venue == Venue::Oanda {
            if let Err(until) = self.cancel_at_oanda(now, out, &first.venue_order_id) {
                self.trading.orders.cancel_delayed(first.slot, until);
            }
            self.arm_orders(now);
            return;
        }
        let mut sends = ArrayVec::<CancelSend, CANCELS_PER_REQUEST_MAX>::new();
        sends.push(first);
        while !sends.is_full() {
            match self.trading.orders.next_due_cancel_at(now, first.venue) {
                Some(send) => sends.push(send),
                None => break,
            }
        }
        let ids: ArrayVec<VenueOrderId, CANCELS_PER_REQUEST_MAX> = sends.iter().map(|s| s.venue_order_id).collect();
        if let Err(until) = self.send_cancel_ids(now, out, first.venue, &ids) {
            for send in &sends {
                self.trading.orders.cancel_delayed(send.slot, until);
            }
        }
        self.arm_orders(now);
    }

    /// One cancel request; when to try again if nothing is free for it.
    fn send_cancel_ids(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        venue: Venue,
        ids: &ArrayVec<VenueOrderId, CANCELS_PER_REQUEST_MAX>,
    ) -> Result<(), UnixNanos> {
        let soon = now.plus_ms(CANCEL_RETRY_MS);
        let roles = [ConnectionRole::Orders, ConnectionRole::Cancels];
        let id = free_conn(&self.conns, venue, &roles).ok_or(soon)?;
        let Engine { conns, trading, .. } = self;
        let Desk { tokens, governor, .. } = trading.desks.get_mut(venue);
        let path = TokenPath::BatchCancel as u8;
        let token = tokens.take(path, now, |t| out.retire(t)).ok_or(soon)?;
        if let Err(RetryAt(at)) = governor.take(now, Priority::Cancel) {
            tokens.put_back(path, token);
            return Err(at);
        }
        let session = order_session(conns, id).ok_or(soon)?;
        let start = out.transmit(id, |_| ());
        let mut plug = Plug { out, conn: id, end: start };
        if let Err(refused) = session.cancel(now, ids, token.token, &mut plug) {
            if let Some(token) = refused.token {
                out.retire(token);
            }
            return Err(soon);
        }
        let (end, deadline) = (plug.end, session.expects_reply_by());
        trading.load(id, Cargo::Cancel(VenueOrderId::EMPTY), start, end, UnixNanos::NONE);
        trading.say_cancelled(ids);
        self.deadlines.set(id.index(), deadline);
        out.count(Counter::CancelsSent, ids.len() as u64);
        Ok(())
    }

    /// Orders the venue holds although we did not mean them to: cancelled by their venue id.
    pub(super) fn send_strays(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        for venue in Venue::ALL {
            if self.market.on_paper(venue) {
                // They are of the real account.
                self.trading.strays.retain(|stray| stray.venue != venue);
                continue;
            }
            let strays = &self.trading.strays;
            if venue != Venue::Coinbase {
                let ours = strays.iter().filter(|stray| stray.venue == venue);
                let ours: ArrayVec<Stray, STRAYS_MAX> = ours.copied().collect();
                for stray in ours {
                    let Stray { id, instrument, symbol, .. } = stray;
                    let named = (instrument, symbol.as_str());
                    let sent = match venue {
                        Venue::Oanda => self.cancel_at_oanda(now, out, &id),
                        _ => self.cancel_at_binance_us(now, out, named, &id, &ClientOrderId::EMPTY),
                    };
                    if sent.is_err() {
                        break;
                    }
                    self.trading.strays.retain(|other| *other != stray);
                }
                continue;
            }
            let ids: ArrayVec<_, _> =
                strays.iter().filter(|stray| stray.venue == venue).map(|stray| stray.id).collect();
            if !ids.is_empty() && self.send_cancel_ids(now, out, venue, &ids).is_ok() {
                self.trading.strays.retain(|stray| stray.venue != venue);
            }
        }
    }

    /// Cancels every open order of these strategies.
    pub(super) fn cancel_all_of(&mut self, now: UnixNanos, strategies: StrategySet) {
        for strategy in strategies.iter() {
            let mut after = 0;
            loop {
                let open = self.trading.orders.open_of(strategy, after);
                let slots: ArrayVec<_, CANCELS_PER_REQUEST_MAX> =
                    open.map(|(slot, serial, _)| (slot, serial)).take(CANCELS_PER_REQUEST_MAX).collect();
                let Some((_, serial)) = slots.last() else { break };
                after = *serial;
                for (slot, _) in &slots {
                    if let CancelStep::Send(send) = self.trading.orders.cancel_slot(now, *slot, RequestId::NONE) {
                        // Due at once: it leaves with the others.
                        self.trading.orders.cancel_delayed(send.slot, now);
                    }
                }
            }
        }
        self.trading.stirred = true;
    }

    pub(super) fn stop(&mut self, now: UnixNanos, shutdown: Shutdown) {
        self.trading.stopping = Some(shutdown);
        if shutdown == Shutdown::CancelOurs {
            self.cancel_all_of(now, StrategySet(u64::MAX));
        }
    }

    /// How far a connection's stream came.
    pub(super) fn written(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId, began: u64, total: u64) {
        self.trading.written(now, out, id, began, total);
        self.arm_orders(now);
    }
}

impl Trading {
    /// The order prepared in a slot, at the exponents the instrument has now.
    fn prepared_for(
        &self,
        request: RequestId,
        slot: PreparedSlot,
        instrument: &Instrument,
    ) -> Result<&PreparedOrder, Refusal> {
        match self.prepared.get(request.strategy(), slot) {
            None => Err(Refusal::new(RejectClass::Malformed, "nothing prepared in this slot")),
            Some(order) if !order.fits(instrument) => {
                Err(Refusal::new(RejectClass::Malformed, "exponents changed, prepare again"))
            }
            Some(order) => Ok(order),
        }
    }

    /// What is refused whatever the order.
    fn admit(&self, command: &OrderCommand) -> Result<(), Refusal> {
        if self.kill.is_some() {
            return Err(Refusal::new(RejectClass::Stopped, "killed"));
        }
        if self.stopping.is_some() {
            return Err(Refusal::new(RejectClass::Stopped, "the gateway is shutting down"));
        }
        if self.delivery.is_latched(command.request().strategy()) {
            return Err(Refusal::new(RejectClass::Stopped, "execution records were lost"));
        }
        Ok(())
    }
}

/// A connection of these roles that is open and idle, first role first.
pub(super) fn free_conn(conns: &[super::connections::Conn], venue: Venue, roles: &[ConnectionRole]) -> Option<ConnId> {
    roles.iter().find_map(|role| {
        conns
            .iter()
            .position(|c| c.venue == venue && c.role == *role && c.is_open() && c.serves() && c.session.free())
            .map(|index| ConnId(index as u16))
    })
}

pub(super) fn order_session(conns: &mut [super::connections::Conn], id: ConnId) -> Option<&mut OrderSession> {
    match conns.get_mut(id.index()).map(|c| &mut c.session) {
        Some(Session::CoinbaseOrders(session)) => Some(session),
        _ => None,
    }
}
