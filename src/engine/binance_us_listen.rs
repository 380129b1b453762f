//! The account's events by listenKey, where the WebSocket API does not bring them (Binance.US reference 7).
//!
//! Owns the key: asked for over REST before every connection to it, kept alive at half its life, let go when it ends.
//! Guarantees that requests for it are counted by the weight governor and never hurry; that a venue that answers 404 or 410
//! has no such keys any more and is not asked again: strategies are told once, no order leaves, and orders that are open
//! are followed by queries. Never deletes a key: it is the account's, and other processes listen to it too.

use super::connections::{Conn, Session};
use super::contract::{ConnId, Outputs};
use super::protect::GuardNews;
use super::relief::Duty;
use super::route::{free_conn, Plug};
use super::trading::Cargo;
use super::Engine;
use crate::guard::{Cost, Priority};
use crate::order::Refusal;
use crate::record::{ConnectionRole, ConnectionState, GuardEvent, RejectClass, UnixNanos, Venue};
use crate::venue::binance_us::request::Call;
use crate::venue::binance_us::{limits, Outcome, Reply, ReplyTo, VenueMs};
use crate::venue::Deadline;

const VENUE: Venue = Venue::BinanceUs;
/// First and longest pause before a key is asked for again, ms.
const PAUSE_MS_MIN: u64 = 500;
const PAUSE_MS_MAX: u64 = 60_000;
/// HTTP says that there is no such thing here.
const NOT_FOUND: u16 = 404;
const GONE: u16 = 410;

/// How the key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// To be asked for, not before this time.
    Wanted(UnixNanos),
    Asked,
    /// There; to be kept alive at this time.
    Held(UnixNanos),
    Keeping,
    /// Dead; what listens to it is being closed.
    Dead,
    /// The venue has none.
    Gone,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct ListenKey {
    standing: Standing,
    key: Option<Box<str>>,
    pause_ms: u64,
    /// Something is due and no connection is free for it: the next that is, is used.
    blocked: bool,
}

impl Default for ListenKey {
    fn default() -> Self {
        ListenKey { standing: Standing::Wanted(UnixNanos::NONE), key: None, pause_ms: PAUSE_MS_MIN, blocked: false }
    }
}

impl ListenKey {
    fn due_at(&self) -> Deadline {
        match self.standing {
            Standing::Wanted(at) | Standing::Held(at) => Some(at),
            Standing::Asked | Standing::Keeping | Standing::Dead | Standing::Gone => None,
        }
    }

    /// What was asked did not come.
    fn failed(&mut self, now: UnixNanos) {
        let at = now.plus_ms(self.pause_ms);
        self.pause_ms = self.pause_ms.saturating_mul(2).min(PAUSE_MS_MAX);
        self.standing = match self.standing {
            Standing::Keeping => Standing::Held(at),
            _ => Standing::Wanted(at),
        };
    }
}

impl Engine {
    /// When the key is to be asked for or kept.
    pub(super) fn listen_key_deadline(&self) -> Deadline {
        self.binance_us.listen_key.as_ref().filter(|listen| !listen.blocked).and_then(ListenKey::due_at)
    }

    /// Why no order may leave before the account's events come.
    pub(super) fn not_reconciled(&self, venue: Venue) -> Refusal {
        let gone = self.binance_us.listen_key.as_ref().is_some_and(|listen| listen.standing == Standing::Gone);
        match venue == VENUE && gone {
            true => Refusal::new(RejectClass::NotConnected, "venue has no listenKeys any more"),
            false => Refusal::new(RejectClass::NotConnected, "user stream not reconciled yet"),
        }
    }

    /// A REST connection is free again.
    pub(super) fn listen_key_unblocked(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        if let Some(listen) = &mut self.binance_us.listen_key {
            listen.blocked = false;
            self.tend_listen_key(now, out);
        }
    }

    /// Asks for the key, or keeps it, if that is due.
    pub(super) fn tend_listen_key(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        let Engine { conns, trading, binance_us, .. } = self;
        let Some(mut listen) = binance_us.listen_key.take() else { return };
        if listen.due_at().is_some_and(|at| at <= now) {
            let keeps = matches!(listen.standing, Standing::Held(_));
            let call = match (&listen.key, keeps) {
                (Some(key), true) => Call::KeepListenKey { key },
                _ => Call::StartListenKey,
            };
            let cost = Cost { weight: call.weight(), orders: 0 };
            let id = free_conn(conns, VENUE, &[ConnectionRole::Queries]);
            let session = id.and_then(|id| conns.get_mut(id.index())).map(|conn| &mut conn.session);
            if let (Some(id), Some(Session::BinanceUsRest(session))) = (id, session) {
                match binance_us.leave(now, cost, Priority::UnknownQuery) {
                    Err(at) => {
                        listen.standing = if keeps { Standing::Held(at) } else { Standing::Wanted(at) };
                    }
                    Ok(mark) => {
                        let start = out.transmit(id, |_| ());
                        let mut plug = Plug { out, conn: id, end: start };
                        // It is authorised by the key's header alone: no stamp.
                        if session.query(now, VenueMs(0), &call, &mut plug).is_ok() {
                            let (end, deadline) = (plug.end, session.expects_reply_by());
                            binance_us.mark(id, Some(mark));
                            trading.load(id, Cargo::Subscribe, start, end, UnixNanos::NONE);
                            self.deadlines.set(id.index(), deadline);
                            listen.standing = if keeps { Standing::Keeping } else { Standing::Asked };
                        } else {
                            listen.failed(now);
                        }
                    }
                }
            } else {
                listen.blocked = true;
            }
        }
        self.binance_us.listen_key = Some(listen);
    }

    /// A request for the key ended.
    pub(super) fn listen_key_replied(&mut self, now: UnixNanos, out: &mut impl Outputs, reply: &Reply) {
        if reply.to != ReplyTo::ListenKey {
            return;
        }
        let Some(listen) = &mut self.binance_us.listen_key else { return };
        self.trading.stirred = true;
        match (&reply.outcome, listen.standing) {
            (Outcome::ListenKey(key), Standing::Asked) if is_key(key) => self.listen(now, out, key),
            (Outcome::Answered, Standing::Keeping) => {
                listen.standing = Standing::Held(now.plus_ms(limits::LISTEN_KEY_KEEP_MS));
                listen.pause_ms = PAUSE_MS_MIN;
            }
            (_, Standing::Asked | Standing::Keeping) if matches!(reply.status, NOT_FOUND | GONE) => {
                listen.standing = Standing::Gone;
                let news = GuardNews::new(VENUE, GuardEvent::EventsNotServed, "venue has no listenKeys any more");
                self.tell_guard(now, out, news);
            }
            // Dead already (-1125), and its connection with it, if the venue has not said so.
            (Outcome::Refused { .. }, Standing::Keeping) => {
                let listens = |conn: &Conn| conn.is_open() && matches!(conn.session, Session::BinanceUsUser(_));
                listen.standing = match self.conns.iter().any(listens) {
                    true => Standing::Dead,
                    false => Standing::Wanted(now),
                };
                for (index, _) in self.conns.iter().enumerate().filter(|(_, conn)| listens(conn)) {
                    out.close(ConnId(index as u16), "the venue does not know the listenKey any more".to_owned());
                }
            }
            (_, Standing::Asked | Standing::Keeping) => listen.failed(now),
            // A connection fell meanwhile.
            (_, Standing::Wanted(_) | Standing::Held(_) | Standing::Dead | Standing::Gone) => {}
        }
    }

    /// There is a key: the connection to it, unless it stands.
    fn listen(&mut self, now: UnixNanos, out: &mut impl Outputs, key: &str) {
        let Some(listen) = &mut self.binance_us.listen_key else { return };
        listen.standing = Standing::Held(now.plus_ms(limits::LISTEN_KEY_KEEP_MS));
        listen.pause_ms = PAUSE_MS_MIN;
        if let Some(spent) = listen.key.replace(key.into()) {
            out.retire(spent);
        }
        for (index, conn) in self.conns.iter().enumerate() {
            if matches!(conn.session, Session::BinanceUsUser(_)) {
                out.address(ConnId(index as u16), key);
            }
        }
        let Some(user) = self.trading.desks.get(VENUE).user else { return };
        let Some(conn) = self.conns.get_mut(user.index()).filter(|conn| conn.state == ConnectionState::Down) else {
            return;
        };
        conn.dormant = false;
        self.set_state(now, out, user, ConnectionState::Connecting, "");
        out.dial(user, now);
    }

    /// The connection of the account's events is gone: it is dialled again once there is a key, which may be another one.
    /// False of any other connection.
    pub(super) fn awaits_listen_key(&mut self, id: ConnId, again: UnixNanos) -> bool {
        let Some(conn) = self.conns.get_mut(id.index()) else { return false };
        // One that stands by is dialled again like any other: its key is there, and the connection it is to relieve lives.
        let stands_by = conn.duty == Duty::StandsBy;
        if stands_by || conn.role != ConnectionRole::User || !matches!(conn.session, Session::BinanceUsUser(_)) {
            return false;
        }
        conn.dormant = true;
        if let Some(listen) = self.binance_us.listen_key.as_mut().filter(|listen| listen.standing != Standing::Gone) {
            // An answer under way is of no use any more: the key may have died with the connection.
            listen.standing = Standing::Wanted(again);
        }
        true
    }
}

/// Whether it can stand in a path.
fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric())
}

#[cfg(all(test, feature = "sim"))]
mod tests;
