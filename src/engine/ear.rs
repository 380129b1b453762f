//! The one choke point: what a session says becomes changes of books and orders here, for every venue and for replay.

use super::contract::{ConnId, Note, Outputs};
use super::kill::KillScope;
use super::publish::Market;
use super::trading::{Stray, Trading};
use crate::order::{CancelReply, FillFact, OrderFact, PlaceReply, ReplaceReply, Whose};
use crate::record::{
    BookSide, ClientOrderId, Fixed, GapCause, InstrumentId, OrderRef, TradingStatus, UnixNanos, Venue, VenueOrderId,
};
use crate::telemetry::Counter;
use crate::venue::{
    AccountFact, Anomaly, BalanceFact, BookEvent, CandleFact, Facts, FuturesFact, GapScope, HeldTrade, PositionFact,
    QuoteFact, StreamFact, SubscribedChannel, TickerFact, TradeFact, TradeFill, Wire,
};

/// The engine as one session sees it during one call.
pub(super) struct Ear<'a, O> {
    pub(super) market: &'a mut Market,
    pub(super) trading: &'a mut Trading,
    pub(super) out: &'a mut O,
    pub(super) conn: ConnId,
    pub(super) venue: Venue,
    pub(super) now: UnixNanos,
}

impl<O: Outputs> Facts for Ear<'_, O> {
    #[inline]
    fn book(&mut self, event: BookEvent) {
        self.market.book(self.now, self.conn, event);
    }

    #[inline]
    fn level(&mut self, side: BookSide, price: i64, size: i64) {
        self.market.level(self.out, side, price, size);
    }

    #[inline]
    fn book_end(&mut self, last: bool) {
        self.market.book_end(self.now, self.out, last);
    }

    #[inline]
    fn trade(&mut self, fact: TradeFact) {
        self.market.trade(self.now, self.out, self.conn, fact);
    }

    fn quote(&mut self, fact: QuoteFact) {
        self.market.quote(self.now, self.out, self.conn, fact);
    }

    fn ticker(&mut self, fact: TickerFact) {
        self.market.ticker(self.now, self.out, self.conn, fact);
    }

    fn ticker_batch(&mut self, fact: TickerFact) {
        self.market.ticker_batch(self.now, self.out, fact);
    }

    fn candle(&mut self, fact: CandleFact) {
        self.market.candle(self.now, self.out, fact);
    }

    fn futures(&mut self, fact: FuturesFact) {
        self.market.futures(self.now, self.out, self.trading.delivery.everybody(), fact);
    }

    fn increments(&mut self, instrument: InstrumentId, tick: Fixed, lot: Fixed) {
        if !self.market.increments(instrument, tick, lot) {
            self.anomaly(Anomaly::Number, "tick or lot finer than the instrument's exponents");
        }
    }

    fn status(&mut self, instrument: InstrumentId, status: TradingStatus, venue_time: UnixNanos) {
        self.market.status(self.now, self.out, instrument, status, venue_time);
    }

    fn gap(&mut self, scope: GapScope, cause: GapCause, missed: u64) {
        self.market.gaps(self.now, self.out, self.conn, scope, cause, missed);
        if self.trading.is_user(self.conn) {
            // Events of the account were lost: nothing is certain until orders and fills were listed again.
            self.trading.orders.user_stream_up(self.now, self.venue);
        }
    }

    fn stream(&mut self, fact: StreamFact) {
        match fact {
            StreamFact::Subscribed(SubscribedChannel::Trades, id) => {
                self.market.trades_flow(self.now, self.out, self.conn, id)
            }
            StreamFact::Heartbeat | StreamFact::Subscribed(..) => {}
            StreamFact::NotAsAsked(id, subscription) => {
                self.market.not_as_asked(self.now, self.out, (self.conn, self.venue), id, subscription);
            }
            // What relieves the connection that brings them missed nothing.
            StreamFact::UserSnapshotComplete if !self.trading.is_user(self.conn) => {}
            StreamFact::UserSnapshotComplete => self.trading.orders.user_stream_up(self.now, self.venue),
        }
    }

    fn order(&mut self, fact: &OrderFact) {
        let fact = &self.under_its_own_id(fact);
        let Trading { pairs, orders, .. } = &mut *self.trading;
        let Some(fact) = &pairs.read(self.now, self.venue, fact, orders) else { return };
        let exponents = fact.instrument.and_then(|id| self.market.get(id)).map_or((0, 0), |t| t.instrument.exponents());
        let (instrument, symbol) = (fact.instrument, fact.unknown_symbol);
        let stray = Stray { venue: self.venue, id: fact.venue_order_id, instrument, symbol };
        let (now, venue) = (self.now, self.venue);
        let whose = self
            .trading
            .event(now, self.market, self.out, |orders, event| orders.order_fact(now, venue, exponents, fact, event));
        if let (Whose::Ours(_) | Whose::OurPrefixOtherSession, Some(instrument)) = (whose, fact.instrument) {
            self.trading.ordered(self.venue, instrument);
        }
        match whose {
            Whose::OurPrefixOtherSession if self.take_back(fact) => {}
            // The venue holds one of our orders twice: the one we did not send on purpose must not rest.
            Whose::Twin(_) => self.trading.stray(stray),
            // Ours is not spared though it could not be taken back, and nobody's is where the kill is of the whole account.
            Whose::OurPrefixOtherSession | Whose::Stranger | Whose::Forgotten
                if self.trading.kill.is_some_and(|kill| {
                    kill.scope == KillScope::WholeAccount || whose == Whose::OurPrefixOtherSession
                }) && !fact.status.is_terminal() =>
            {
                if let Some(kill) = &mut self.trading.kill {
                    let seen = kill.strangers.get_mut(self.venue);
                    *seen = seen.saturating_add(1);
                }
                self.trading.stray(stray);
            }
            Whose::Ours(_) | Whose::Forgotten | Whose::OurPrefixOtherSession | Whose::Stranger => {}
        }
    }

    fn place_reply(&mut self, client_order_id: &ClientOrderId, reply: PlaceReply) {
        let target = OrderRef::Client(*client_order_id);
        let Some(slot) = self.trading.orders.find(self.venue, &target) else { return };
        if !self.trading.carries_order(self.conn, slot) {
            return; // of a request that was settled before its reply
        }
        match reply {
            PlaceReply::Accepted { .. } => {}
            PlaceReply::Rejected { .. } => self.out.count(Counter::OrdersRejected, 1),
            PlaceReply::Ambiguous { .. } => self.out.count(Counter::OrdersUnknown, 1),
        }
        let (orders, mut sink) = self.trading.orders_and_sink(self.out);
        orders.place_reply(self.now, slot, &reply, &mut sink);
    }

    fn cancel_reply(&mut self, venue_order_id: &VenueOrderId, reply: CancelReply) {
        let (orders, mut sink) = self.trading.orders_and_sink(self.out);
        orders.cancel_reply(self.now, self.venue, venue_order_id, &reply, &mut sink);
    }

    fn replace_reply(&mut self, venue_order_id: &VenueOrderId, reply: ReplaceReply) {
        let target = OrderRef::Venue(*venue_order_id);
        let Some(slot) = self.trading.orders.find(self.venue, &target) else { return };
        if self.trading.carries_swap_of(self.conn, slot) {
            return self.trading.orders.swap_reply(self.now, slot, &reply);
        }
        let Some(request) = self.trading.carried_change(self.conn, slot) else { return };
        let (orders, mut sink) = self.trading.orders_and_sink(self.out);
        orders.replace_reply(self.now, slot, request, &reply, &mut sink);
    }

    fn fill(&mut self, fact: &FillFact) {
        let Trading { pairs, orders, .. } = &mut *self.trading;
        pairs.executes(self.venue, &fact.venue_order_id, orders);
        let (now, venue) = (self.now, self.venue);
        self.trading.event(now, self.market, self.out, |orders, event| orders.fill_fact(now, venue, fact, event));
    }

    fn fills(&mut self, parts: &[TradeFill]) {
        self.tell_fills(parts);
    }

    fn renumbered(&mut self, old: &VenueOrderId, new: &VenueOrderId) {
        self.trading.orders.renumber(self.venue, old, new);
    }

    fn held(&mut self, fact: &HeldTrade) {
        self.tell_held(fact);
    }

    fn position(&mut self, fact: &PositionFact) {
        self.tell_stated(fact);
    }

    fn account(&mut self, fact: &AccountFact) {
        self.tell_account(fact);
    }

    fn balance(&mut self, fact: &BalanceFact) {
        self.tell_balance(fact);
    }

    fn anomaly(&mut self, anomaly: Anomaly, excerpt: &str) {
        self.out.count(Counter::Anomalies, 1);
        self.out.note(Note::Anomaly { conn: self.conn, venue: self.venue, anomaly, excerpt });
    }
}

impl<O: Outputs> Wire for Ear<'_, O> {
    fn send(&mut self, build: impl FnOnce(&mut Vec<u8>)) {
        self.out.transmit(self.conn, build);
    }

    fn entropy(&mut self, out: &mut [u8]) {
        self.out.entropy(out);
    }

    fn retire(&mut self, token: Box<str>) {
        self.out.retire(token);
    }
}
