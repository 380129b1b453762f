//! What the engine knows of orders on their way: the table, the streams to the strategies, the venues' desks, and which
//! connection carries what.

use super::audit::Calls;
use super::contract::{ConnId, Outputs, Shutdown};
use super::credit::Credit;
use super::delivery::{Delivery, DeliverySink, Followed};
use super::desk::Desk;
use super::kill::Kill;
use super::pairs::Pairs;
use super::portfolio::{names_trades, Portfolio};
use super::prepared::PreparedOrders;
use super::pretrade::PreTrade;
use super::publish::Market;
use super::purse::Purse;
use crate::guard::Limits;
use crate::order::{Exposure, Orders, Slot};
use crate::record::{InlineText, InstrumentId, PerVenue, RequestId, UnixNanos, Venue, VenueOrderId};
use crate::telemetry::Hop;
use crate::venue::HeldTrade;
use arrayvec::ArrayVec;
use std::collections::VecDeque;

/// Orders the venue holds twice that wait for their cancel; more are found again by the next listing.
pub(super) const STRAYS_MAX: usize = 16;
/// Most cancels one request carries.
pub(super) const CANCELS_PER_REQUEST_MAX: usize = 32;

/// Instruments with orders before their list takes more memory.
const ORDERED_KEPT: usize = 256;
/// Requests in flight on one connection before its list takes more memory: no session lets so many be under way.
const CARRIED_MAX: usize = 64;

/// What a request in flight is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cargo {
    /// A new order.
    Place(Slot),
    /// A cancel of this order; of several, the session knows which, and none is named here.
    Cancel(VenueOrderId),
    /// The change of an order this request asked for.
    Change(Slot, RequestId),
    /// A cancel of the old order and the new one in one request.
    Swap {
        /// The new order.
        new: Slot,
        /// The old one.
        old: Slot,
    },
    /// A page of the query its venue's desk asks.
    Query,
    /// A question about the account as a whole: what it holds, and what happened to it.
    Account,
    /// A book snapshot.
    Snapshot,
    /// The question for an average price.
    Average,
    /// A subscription of the account's events, or something about the listenKey they come by.
    Subscribe,
    /// Something to keep the connection warm.
    Warm,
}

impl Cargo {
    /// The new order it carries.
    pub(super) const fn order(&self) -> Option<Slot> {
        match self {
            Cargo::Place(slot) | Cargo::Swap { new: slot, .. } => Some(*slot),
            _ => None,
        }
    }
}

/// A request in flight and where it lies in its connection's sent stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Carriage {
    pub(super) cargo: Cargo,
    /// Offset before its first byte.
    pub(super) start: u64,
    /// Offset after its last byte.
    pub(super) end: u64,
    /// Its first byte may have left.
    pub(super) began: bool,
    /// When its last byte was with the kernel; `NONE` before.
    pub(super) written: UnixNanos,
    /// When the socket was read of the record that caused it; `NONE` if the strategy did not say.
    pub(super) origin: UnixNanos,
    /// Its number in the audit log.
    pub(super) call: u64,
    /// When it was handed to the connection; `NONE` until the input that caused it is done with.
    pub(super) loaded: UnixNanos,
    /// The audit log was told how it ended.
    pub(super) ended: bool,
}

/// An order the venue holds although we did not mean it to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stray {
    pub(super) venue: Venue,
    pub(super) id: VenueOrderId,
    /// `None` if it is of an instrument we do not know.
    pub(super) instrument: Option<InstrumentId>,
    /// The venue's name of that, if it must be named.
    pub(super) symbol: InlineText<24>,
}

/// Everything that says what the account has, and what of it is bound.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub(super) orders: &'a Orders,
    pub(super) purse: &'a Purse,
    pub(super) credit: &'a Credit,
    pub(super) portfolio: &'a Portfolio,
}

pub(super) struct Trading {
    pub(super) orders: Orders,
    pub(super) delivery: Delivery,
    pub(super) prepared: PreparedOrders,
    /// Orders that are two at their venue.
    pub(super) pairs: Pairs,
    pub(super) desks: PerVenue<Desk>,
    pub(super) pretrade: PreTrade,
    /// Instruments in which orders of ours are known, whichever session placed them: where executions are to be looked
    /// for at venues that list them by instrument.
    pub(super) ordered: PerVenue<Vec<InstrumentId>>,
    pub(super) stopping: Option<Shutdown>,
    pub(super) kill: Option<Kill>,
    /// What the account can spend.
    pub(super) purse: Purse,
    /// What it can bind as margin, at a venue that has such accounts.
    pub(super) credit: Credit,
    /// What executions made of its positions.
    pub(super) portfolio: Portfolio,
    /// Trades of the picture of the account that is being read.
    pub(super) held: Vec<HeldTrade>,
    /// A fill has changed the account's figures since they were told.
    pub(super) figures_stale: bool,
    /// By connection, oldest first: HTTP carries one request at a time, the WebSocket API several.
    carriages: Vec<VecDeque<Carriage>>,
    /// What the audit log is to be told of requests.
    pub(super) calls: Calls,
    pub(super) strays: ArrayVec<Stray, STRAYS_MAX>,
    /// Cancels, queries or strays may be due: look after this input.
    pub(super) stirred: bool,
}

impl Trading {
    pub(super) fn new(orders: Orders, desks: PerVenue<Desk>, limits: Option<Limits>, connections: usize) -> Trading {
        let portfolio = Portfolio::new(orders.listing_lag_ms());
        Trading {
            orders,
            delivery: Delivery::new(),
            prepared: PreparedOrders::new(),
            pairs: Pairs::new(),
            desks,
            pretrade: PreTrade::new(limits),
            ordered: PerVenue::new(|_| Vec::with_capacity(ORDERED_KEPT)),
            stopping: None,
            kill: None,
            purse: Purse::default(),
            credit: Credit::new(),
            portfolio,
            held: Vec::new(),
            figures_stale: false,
            carriages: (0..connections).map(|_| VecDeque::with_capacity(CARRIED_MAX)).collect(),
            calls: Calls::new(),
            strays: ArrayVec::new(),
            stirred: false,
        }
    }

    /// A number under which requests are carried although no connection has it.
    pub(super) fn add_carrier(&mut self) -> ConnId {
        let conn = ConnId(self.carriages.len() as u16);
        self.carriages.push(VecDeque::with_capacity(CARRIED_MAX));
        conn
    }

    pub(super) fn is_user(&self, conn: ConnId) -> bool {
        self.desks.iter().any(|(_, desk)| desk.user == Some(conn))
    }

    /// What an order's cost is measured against.
    pub(super) const fn means(&self) -> Means<'_> {
        let Trading { orders, purse, credit, portfolio, .. } = self;
        Means { orders, purse, credit, portfolio }
    }

    /// The order table and the sink its records go to.
    pub(super) fn orders_and_sink<'a, O: Outputs>(
        &'a mut self,
        out: &'a mut O,
    ) -> (&'a mut Orders, DeliverySink<'a, O>) {
        let Trading { orders, delivery, purse, portfolio, .. } = self;
        (orders, DeliverySink { delivery, purse, portfolio, out })
    }

    /// What one call of the order table tells, and behind it, as the end of its last event, every position that it moved.
    pub(super) fn event<O: Outputs, R>(
        &mut self,
        now: UnixNanos,
        market: &Market,
        out: &mut O,
        call: impl FnOnce(&mut Orders, &mut Followed<'_, O>) -> R,
    ) -> R {
        let (orders, sink) = self.orders_and_sink(out);
        let mut event = Followed::new(sink);
        let result = call(orders, &mut event);
        let stirs = event.sink.portfolio.openings.in_doubt();
        while let Some(doubt) = event.sink.portfolio.openings.take_doubt() {
            orders.doubt_position(now, doubt.venue, doubt.instrument, doubt.until);
        }
        while let Some(sides) = event.sink.portfolio.next_changed(now, market, orders) {
            sides.iter().for_each(|side| event.follow(side));
        }
        event.finish();
        self.stirred |= stirs;
        result
    }

    /// Every balance at a venue was told, asked for at `asked`: the position of an instrument that waited for that begins
    /// with what is held of its base asset, or waits for balances that were asked for when no fill was on its way.
    pub(super) fn open_position(&mut self, now: UnixNanos, venue: Venue, instrument: InstrumentId, asked: UnixNanos) {
        let Trading { purse, portfolio, orders, .. } = self;
        purse.all_told(instrument);
        if names_trades(venue) {
            // On paper: elsewhere the picture of the account tells it.
            return orders.know_position(instrument);
        }
        let (before, held) = (orders.exposure(instrument), purse.held(instrument));
        match portfolio.openings.begin(now, instrument, asked) {
            Ok(()) => orders.set_position(instrument, held),
            Err(at) => {
                orders.suppose_position(instrument, held);
                orders.doubt_position(now, venue, instrument, at);
            }
        }
        let known = |exposure: Exposure| (exposure.position, exposure.position_known);
        let told = portfolio.of(venue).get(instrument).is_some_and(|position| position.touched);
        if told && known(before) != known(orders.exposure(instrument)) {
            portfolio.changed(venue, instrument, UnixNanos::NONE);
        }
    }

    /// Whether a connection carries the place request of this order.
    pub(super) fn carries_order(&self, conn: ConnId, slot: Slot) -> bool {
        self.carries(conn, |cargo| cargo.order() == Some(slot))
    }

    /// Whether a connection carries a request that cancels this order and places another.
    pub(super) fn carries_swap_of(&self, conn: ConnId, slot: Slot) -> bool {
        self.carries(conn, |cargo| matches!(cargo, Cargo::Swap { old, .. } if *old == slot))
    }

    /// Whether a connection carries a request of this kind.
    pub(super) fn carries(&self, conn: ConnId, wanted: impl Fn(&Cargo) -> bool) -> bool {
        let carried = self.carriages.get(conn.index());
        carried.is_some_and(|carried| carried.iter().any(|c| wanted(&c.cargo)))
    }

    /// The change of this order that a connection carries, by the request that asked for it.
    pub(super) fn carried_change(&self, conn: ConnId, slot: Slot) -> Option<RequestId> {
        self.carriages.get(conn.index())?.iter().find_map(|c| match c.cargo {
            Cargo::Change(of, request) if of == slot => Some(request),
            _ => None,
        })
    }

    /// Whether a connection carries a page of a query.
    pub(super) fn carries_query(&self, conn: ConnId) -> bool {
        self.carries(conn, |cargo| matches!(cargo, Cargo::Query))
    }

    /// Loads a connection; the request's bytes lie from `start` to `end` of its sent stream.
    pub(super) fn load(&mut self, conn: ConnId, cargo: Cargo, start: u64, end: u64, origin: UnixNanos) {
        let (call, none) = (self.calls.number(), UnixNanos::NONE);
        let carriage =
            Carriage { cargo, start, end, began: false, written: none, origin, call, loaded: none, ended: false };
        let order = cargo.order().and_then(|slot| self.orders.get(slot));
        if let Some((venue, instrument)) = order.map(|order| (order.venue(), order.instrument())) {
            self.ordered(venue, instrument);
        }
        if let Some(carried) = self.carriages.get_mut(conn.index()) {
            carried.push_back(carriage);
            self.say_sent(conn, &carriage);
        }
    }

    /// An order of ours in this instrument is known.
    pub(super) fn ordered(&mut self, venue: Venue, instrument: InstrumentId) {
        let known = self.ordered.get_mut(venue);
        if !known.contains(&instrument) {
            known.push(instrument);
        }
    }

    /// What a connection carries, oldest first.
    pub(super) fn carried_mut(&mut self, conn: ConnId) -> impl Iterator<Item = &mut Carriage> {
        self.carriages.get_mut(conn.index()).into_iter().flatten()
    }

    /// The oldest request of this kind was answered.
    pub(super) fn unload(&mut self, conn: ConnId, answered: impl Fn(&Cargo) -> bool) -> Option<Carriage> {
        let carried = self.carriages.get_mut(conn.index())?;
        let at = carried.iter().position(|c| answered(&c.cargo))?;
        let carriage = carried.remove(at)?;
        self.calls.answered(conn, &carriage);
        Some(carriage)
    }

    /// The connection is gone, or new: it carries nothing.
    pub(super) fn unload_all(&mut self, conn: ConnId) {
        if let Some(carried) = self.carriages.get_mut(conn.index()) {
            for carriage in carried.drain(..) {
                self.calls.abandoned(conn, &carriage);
            }
        }
    }

    /// How far a connection's stream came: an order is on its way from its first byte on.
    pub(super) fn written(&mut self, now: UnixNanos, out: &mut impl Outputs, conn: ConnId, began: u64, total: u64) {
        let Trading { carriages, orders, .. } = self;
        let Some(carried) = carriages.get_mut(conn.index()) else { return };
        for carriage in carried.iter_mut().filter(|c| !c.written.is_some()) {
            let begins = !carriage.began && began > carriage.start;
            let ends = total >= carriage.end;
            carriage.began |= begins;
            if ends {
                carriage.written = now;
                if carriage.origin.is_some() {
                    out.measured(Hop::TickToTrade, now.since(carriage.origin));
                }
            }
            if let (Cargo::Change(slot, _), true) = (carriage.cargo, begins) {
                orders.replace_sent(slot, now);
            }
            let Some(slot) = carriage.cargo.order() else { continue };
            if begins {
                orders.sent(now, slot, now);
            }
            if ends {
                orders.written(now, slot, now);
            }
        }
    }

    /// A connection is lost: of what it carried, an order of which nothing left is refused now; one that began to leave is
    /// marked as sent, and the session's own words make it unknown.
    pub(super) fn settle_orders(&mut self, now: UnixNanos, out: &mut impl Outputs, conn: ConnId, began: u64) {
        let Trading { carriages, orders, delivery, purse, portfolio, calls, .. } = self;
        let Some(carried) = carriages.get_mut(conn.index()) else { return };
        let mut sink = DeliverySink { delivery, purse, portfolio, out };
        carried.retain_mut(|carriage| {
            if carriage.began {
                return true;
            }
            let begins = began > carriage.start;
            carriage.began = begins;
            match (carriage.cargo, begins) {
                (Cargo::Place(slot) | Cargo::Swap { new: slot, .. }, true) => orders.sent(now, slot, now),
                (Cargo::Place(slot), false) => orders.connection_lost(now, slot, &mut sink),
                (Cargo::Swap { new, old }, false) => {
                    orders.connection_lost(now, new, &mut sink);
                    orders.swap_abandoned(old);
                }
                (Cargo::Change(slot, _), true) => orders.replace_sent(slot, now),
                (Cargo::Change(slot, _), false) => orders.replace_lost(now, slot, &mut sink),
                (
                    Cargo::Cancel(_)
                    | Cargo::Query
                    | Cargo::Account
                    | Cargo::Snapshot
                    | Cargo::Average
                    | Cargo::Subscribe
                    | Cargo::Warm,
                    _,
                ) => return true,
            }
            if !begins {
                calls.abandoned(conn, carriage);
            }
            begins
        });
    }

    /// A page of a query is to be asked for somewhere.
    pub(super) fn asking_waits(&self) -> bool {
        self.desks.iter().any(|(_, desk)| desk.asking_waits())
    }

    pub(super) fn stray(&mut self, stray: Stray) {
        if !self.strays.contains(&stray) {
            let _ = self.strays.try_push(stray);
            self.stirred = true;
        }
    }
}
