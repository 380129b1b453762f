//! The connection table: what each slot is for, how it stands, and when it is dialled again.

use super::contract::{Closed, ConnId, Note, Outputs, StrategySet};
use super::ear::Ear;
use super::port::Carrier;
use super::relief::Duty;
use super::Engine;
use crate::book::Feed;
use crate::guard::Backoff;
use crate::record::{
    ConnectionRole, ConnectionState, GapCause, MarketRecord, Stamp, State, StrategyId, UnixNanos, Venue,
};
use crate::telemetry::Counter;
use crate::venue::coinbase::{MarketSource, OrderSession, StreamConnection};
use crate::venue::{binance_us, oanda, GapScope, SessionError};

/// First pause before a lost connection is dialled again.
const BACKOFF_FIRST_MS: u64 = 250;
/// Longest pause.
const BACKOFF_CAP_MS: u64 = 30_000;
/// A connection that lived this long is redialled at once when it falls.
const BACKOFF_HEALTHY_MS: u64 = 10_000;

/// The translator of one connection; a closed enum, no dynamic dispatch.
#[derive(Debug)]
pub(super) enum Session {
    /// A Coinbase WebSocket.
    CoinbaseStream(Box<StreamConnection>),
    /// A Coinbase keep-alive HTTP connection.
    CoinbaseOrders(Box<OrderSession>),
    /// A Binance.US stream.
    BinanceUsStream(Box<binance_us::StreamSession>),
    /// A Binance.US keep-alive HTTP connection.
    BinanceUsRest(Box<binance_us::OrderSession>),
    /// A Binance.US WebSocket API connection: orders, or the account's events.
    BinanceUsApi(Box<binance_us::ApiSession>),
    /// The account's events of Binance.US by listenKey.
    BinanceUsUser(Box<binance_us::UserSession>),
    /// An OANDA stream: prices, or the account's transactions.
    OandaStream(Box<oanda::StreamSession>),
    /// An OANDA keep-alive HTTP connection.
    OandaRest(Box<oanda::OrderSession>),
}

/// One slot.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) venue: Venue,
    pub(super) role: ConnectionRole,
    pub(super) state: ConnectionState,
    pub(super) session: Session,
    /// When it last brought anything.
    pub(super) heard: UnixNanos,
    backoff: Backoff,
    ever_open: bool,
    /// Not to be dialled before something is wanted of it.
    pub(super) dormant: bool,
    /// Goes dormant again when it falls with nothing to carry.
    spare: bool,
    /// Which of the venue's two market feeds it belongs to.
    pub(super) feed: Feed,
    /// Whose market data it carries.
    pub(super) source: MarketSource,
    /// The other one of its pair, if it can be relieved.
    pub(super) partner: Option<ConnId>,
    /// How one that does not serve stands is nobody's business.
    pub(super) duty: Duty,
}

impl Conn {
    pub(super) fn new(venue: Venue, role: ConnectionRole, session: Session) -> Conn {
        let backoff = Backoff::new(BACKOFF_FIRST_MS, BACKOFF_CAP_MS, BACKOFF_HEALTHY_MS);
        Conn {
            venue,
            role,
            state: ConnectionState::Down,
            session,
            heard: UnixNanos::NONE,
            backoff,
            ever_open: false,
            dormant: false,
            spare: false,
            feed: Feed::First,
            source: MarketSource::Advanced,
            partner: None,
            duty: Duty::Serves,
        }
    }

    /// A market connection of one of the two feeds.
    pub(super) fn of_feed(self, feed: Feed, source: MarketSource) -> Conn {
        Conn { feed, source, ..self }
    }

    /// Not dialled before somebody says so.
    pub(super) fn dormant(self) -> Conn {
        Conn { dormant: true, ..self }
    }

    /// A further connection, dialled when it is needed.
    pub(super) fn spare(self) -> Conn {
        Conn { dormant: true, spare: true, ..self }
    }

    /// The connection that is to relieve this one, if its sessions have a known end.
    pub(super) fn relief_of(&self, id: ConnId) -> Option<Conn> {
        let relief = Conn::new(self.venue, self.role, self.session.successor()?);
        Some(Conn { dormant: true, spare: self.spare, partner: Some(id), duty: Duty::StandsBy, ..relief })
    }

    /// Whether it carries a venue's market data, of this feed.
    pub(super) fn is_market(&self, venue: Venue, feed: Feed) -> bool {
        self.venue == venue && self.role == ConnectionRole::Market && self.feed == feed && self.serves()
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, ConnectionState::Open | ConnectionState::Healthy)
    }
}

impl Engine {
    /// Asks for every connection, once, at the first input.
    pub(super) fn dial_all(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        for index in 0..self.conns.len() {
            let conn = ConnId(index as u16);
            if self.conns.get(index).is_none_or(|c| c.dormant) {
                continue;
            }
            self.set_state(now, out, conn, ConnectionState::Connecting, "");
            out.dial(conn, now);
        }
    }

    pub(super) fn opened(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) {
        self.set_state(now, out, id, ConnectionState::Open, "");
        let Engine { conns, market, trading, binance_us, .. } = self;
        let Some(conn) = conns.get_mut(id.index()) else { return };
        conn.backoff.opened(now);
        if std::mem::replace(&mut conn.ever_open, true) {
            out.count(Counter::Reconnects, 1);
        }
        trading.unload_all(id);
        trading.stirred = true;
        let mut ear = Ear { market, trading, out, conn: id, venue: conn.venue, now };
        let result = match &mut conn.session {
            Session::CoinbaseStream(session) => session.opened(now, &mut ear).map(|_| ()),
            Session::CoinbaseOrders(session) => {
                session.opened();
                Ok(())
            }
            Session::BinanceUsStream(session) => session.opened(now, &mut binance_us.data, &mut ear).map(|_| ()),
            Session::OandaStream(session) => session.opened(now, &mut ear).map(|_| ()),
            Session::OandaRest(session) => {
                session.opened();
                Ok(())
            }
            Session::BinanceUsRest(session) => {
                session.opened();
                Ok(())
            }
            Session::BinanceUsApi(session) => {
                session.opened(now);
                Ok(())
            }
            Session::BinanceUsUser(session) => {
                session.opened(now, &mut ear);
                Ok(())
            }
        };
        let carrier = conn.session.carrier();
        if carrier == Carrier::Rest {
            // Nothing is to be asked before it can be used.
            self.set_state(now, out, id, ConnectionState::Healthy, "");
        }
        match self.conns.get(id.index()).map(|conn| &conn.session) {
            Some(Session::CoinbaseOrders(_) | Session::OandaRest(_)) => self.warm_later(now, id),
            Some(Session::BinanceUsRest(_)) => self.rest_opened(now, out, id),
            Some(Session::BinanceUsApi(_)) => self.subscribe_users(now, out),
            _ => {}
        }
        self.session_result(now, out, id, result);
    }

    /// After every call into a session: arm its deadline, see whether it became healthy, close it if it asks for it.
    pub(super) fn session_result(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        id: ConnId,
        result: Result<(), SessionError>,
    ) {
        self.take_turn(now, id);
        if let Err(error) = result {
            out.close(id, error.to_string());
            return;
        }
        let Some(conn) = self.conns.get(id.index()) else { return };
        match &conn.session {
            Session::CoinbaseStream(session) => {
                self.deadlines.set(id.index(), session.deadline());
                if conn.state == ConnectionState::Open {
                    let reconciled = conn.role != ConnectionRole::User || self.trading.orders.is_reconciled(conn.venue);
                    if session.healthy() && reconciled {
                        self.set_state(now, out, id, ConnectionState::Healthy, "");
                    }
                }
            }
            Session::BinanceUsStream(session) => {
                let deadline = session.deadline().unwrap_or(UnixNanos::MAX).min(conn.duty_at());
                self.deadlines.set(id.index(), Some(deadline));
                self.deadlines.set(self.snapshot_slot(), self.binance_us.snapshot_at());
                if conn.state == ConnectionState::Open && session.healthy(&self.binance_us.data) {
                    self.set_state(now, out, id, ConnectionState::Healthy, "");
                }
            }
            Session::CoinbaseOrders(session) => {
                if let Some(deadline) = session.expects_reply_by() {
                    self.deadlines.set(id.index(), Some(deadline));
                }
            }
            Session::OandaStream(session) => {
                self.deadlines.set(id.index(), session.deadline());
                let reconciled = conn.role != ConnectionRole::User
                    || self.trading.orders.is_reconciled(conn.venue) && self.oanda.ledger.is_complete();
                if conn.state == ConnectionState::Open && session.healthy() && reconciled {
                    self.set_state(now, out, id, ConnectionState::Healthy, "");
                }
            }
            Session::OandaRest(session) => {
                if let Some(deadline) = session.expects_reply_by() {
                    self.deadlines.set(id.index(), Some(deadline));
                }
            }
            Session::BinanceUsApi(session) => {
                let deadline = session.deadline().unwrap_or(UnixNanos::MAX).min(conn.duty_at());
                self.deadlines.set(id.index(), Some(deadline));
                let reconciled = conn.role != ConnectionRole::User || self.trading.orders.is_reconciled(conn.venue);
                if conn.state == ConnectionState::Open && session.healthy() && reconciled {
                    self.set_state(now, out, id, ConnectionState::Healthy, "");
                }
            }
            Session::BinanceUsUser(session) => {
                let deadline = session.deadline().unwrap_or(UnixNanos::MAX).min(conn.duty_at());
                self.deadlines.set(id.index(), Some(deadline));
                // What relieves another has nothing to reconcile before it serves.
                if conn.state == ConnectionState::Open && self.trading.orders.is_reconciled(conn.venue) {
                    self.set_state(now, out, id, ConnectionState::Healthy, "");
                }
            }
            Session::BinanceUsRest(session) => {
                if let Some(deadline) = session.expects_reply_by() {
                    self.deadlines.set(id.index(), Some(deadline));
                }
            }
        }
        self.do_duty(now, out, id);
    }

    pub(super) fn closed(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        id: ConnId,
        closed: &Closed,
        rest: &mut [u8],
    ) {
        self.deadlines.set(id.index(), None);
        self.trading.settle_orders(now, out, id, closed.began);
        let heir = self.fall_back(id);
        let Engine { conns, market, trading, binance_us, oanda, .. } = self;
        let Some(conn) = conns.get_mut(id.index()) else { return };
        let (was_open, serves) = (conn.is_open(), conn.serves());
        if was_open {
            out.count(Counter::Disconnects, 1);
        }
        let (mut reply, mut answer, mut oanda_reply) = (None, None, None);
        match &mut conn.session {
            Session::CoinbaseStream(session) => {
                if let Some(token) = session.closed() {
                    out.retire(token);
                }
                if was_open && conn.role == ConnectionRole::Market {
                    market.gaps(now, out, id, GapScope::Connection, GapCause::Disconnected, 0);
                }
                if conn.role == ConnectionRole::User {
                    trading.orders.user_stream_down(conn.venue);
                }
            }
            Session::CoinbaseOrders(session) => {
                let mut ear = Ear { market, trading, out, conn: id, venue: conn.venue, now };
                // Only an end in order completes a body whose length was not announced.
                reply = if closed.clean { session.eof(rest, &mut ear) } else { session.closed(&mut ear) };
            }
            Session::BinanceUsStream(session) => {
                session.closed(&mut binance_us.data);
                if was_open && serves {
                    market.gaps(now, out, id, GapScope::Connection, GapCause::Disconnected, 0);
                }
            }
            Session::OandaStream(session) => {
                session.closed();
                if was_open && conn.role == ConnectionRole::Market {
                    market.gaps(now, out, id, GapScope::Connection, GapCause::Disconnected, 0);
                }
                if conn.role == ConnectionRole::User {
                    trading.orders.user_stream_down(conn.venue);
                }
            }
            Session::OandaRest(session) => {
                let mut ear = Ear { market, trading, out, conn: id, venue: conn.venue, now };
                oanda_reply = match closed.clean {
                    true => session.eof(rest, &mut oanda.ledger, &mut ear),
                    false => session.closed(&mut ear),
                };
            }
            Session::BinanceUsApi(session) => {
                if trading.is_user(id) {
                    trading.orders.user_stream_down(conn.venue);
                }
                let mut ear = Ear { market, trading, out, conn: id, venue: conn.venue, now };
                session.closed(&mut ear);
            }
            Session::BinanceUsUser(session) => {
                if trading.is_user(id) {
                    trading.orders.user_stream_down(conn.venue);
                }
                session.closed();
            }
            Session::BinanceUsRest(session) => {
                let mut ear = Ear { market, trading, out, conn: id, venue: conn.venue, now };
                let data = &mut binance_us.data;
                answer = match closed.clean {
                    true => session.eof(now, rest, data, &mut ear),
                    false => session.closed(now, data, &mut ear),
                };
            }
        }
        if let Some(reply) = reply {
            self.replied(now, out, id, reply);
        }
        if let Some(answer) = answer {
            self.rest_replied(now, out, id, &answer);
            self.deadlines.set(id.index(), None);
        }
        if let Some(reply) = oanda_reply {
            self.oanda_replied(now, out, id, &reply);
        }
        self.oanda.account.conn_lost(now, id);
        self.figures_ended(now, id, false);
        self.api_replies(now, out, id);
        self.query_lost(now, out, id);
        self.trading.unload_all(id);
        self.trading.stirred = true;
        self.price_stream_lost(id);
        let Some(conn) = self.conns.get_mut(id.index()) else { return };
        let mut random = [0u8; 8];
        out.entropy(&mut random);
        let again = conn.backoff.failed(now, u64::from_le_bytes(random));
        let idle = conn.spare && !conn.session.wants_anything();
        self.set_state(now, out, id, ConnectionState::Down, &closed.why);
        if let Some(heir) = heir {
            return self.succeed(now, out, id, heir);
        }
        if self.stays_away(now, id) || self.awaits_listen_key(id, again) {
            return;
        }
        if let Some(conn) = self.conns.get_mut(id.index()).filter(|_| idle) {
            conn.dormant = true;
            self.price_stream_rests(now, out, id);
            return;
        }
        self.set_state(now, out, id, ConnectionState::Connecting, "");
        out.dial(id, again);
    }

    pub(super) fn set_state(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        id: ConnId,
        state: ConnectionState,
        why: &str,
    ) {
        let Some(conn) = self.conns.get_mut(id.index()) else { return };
        if conn.state == state {
            return;
        }
        let (venue, role, serves) = (conn.venue, conn.role, conn.serves());
        let was_up = matches!(conn.state, ConnectionState::Open | ConnectionState::Healthy);
        let lost = serves && was_up && state == ConnectionState::Down;
        conn.state = state;
        out.note(Note::Connection { conn: id, venue, role, state, lost, why });
        if serves {
            self.tell_state(now, out, id);
        }
    }

    /// How a connection stands, to every strategy.
    pub(super) fn tell_state(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) {
        let Some(conn) = self.conns.get(id.index()) else { return };
        let record = state_record(now, conn, &self.conns);
        self.market.broadcast(out, self.trading.delivery.everybody(), record);
    }

    /// A strategy that comes late is told how every connection stands: the changes before it are gone, and the next may be
    /// a day away.
    pub(super) fn tell_states(&mut self, now: UnixNanos, out: &mut impl Outputs, strategy: StrategyId) {
        let told = |conn: &&Conn| conn.state != ConnectionState::Down && conn.serves();
        for conn in self.conns.iter().filter(told) {
            self.market.broadcast(out, StrategySet::one(strategy), state_record(now, conn, &self.conns));
        }
    }
}

fn state_record(now: UnixNanos, conn: &Conn, conns: &[Conn]) -> MarketRecord {
    let (venue, role, state) = (conn.venue, conn.role, conn.state);
    let alike = || conns.iter().filter(|c| c.venue == venue && c.role == role && c.serves());
    let open = alike().filter(|c| c.is_open()).count() as u16;
    let wanted = alike().filter(|c| !c.dormant).count() as u16;
    let stamp = Stamp { recv: now, venue: UnixNanos::NONE, sequence: 0 };
    MarketRecord::state(stamp, State { venue, role, state, open, wanted })
}
