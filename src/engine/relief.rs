//! Make before break: a connection whose end is known beforehand is relieved by another one.
//!
//! Owns the pairs of connections of which one serves and the other stands by. When a session says that its time is coming
//! to an end ([`replace_at`](crate::venue::binance_us::StreamSession::replace_at)), its partner is dialled, given the
//! same wishes, and takes over once everything it was asked for is confirmed; the other one stays for an overlap, so that
//! what was on its way still arrives, and is left then. Guarantees that a planned end is no loss: no gap, no new snapshot,
//! no refused order; that both bring the same events and the sessions' shared memory, or the order table, tells each
//! once; and that a connection which falls before its relief is ready loses only what the relief does not carry yet.
//! Strategies hear of the one that serves. Reads no clock.

use super::connections::{Conn, Session};
use super::contract::{ConnId, Outputs};
use super::Engine;
use crate::record::{ConnectionRole, ConnectionState, Instrument, InstrumentId, UnixNanos};
use crate::telemetry::Counter;
use crate::venue::binance_us::Streams;
use crate::venue::{Channels, Deadline};

/// What a connection of a pair is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duty {
    /// It serves. So does every connection without a partner, but for a price stream of OANDA beside the one that counts
    /// (`oanda_desk`).
    Serves,
    /// It serves, and its partner is being made ready.
    Relieved,
    /// Dormant, or being made ready.
    StandsBy,
    /// Its partner took over: it is left then, and only listened to until then.
    Leaves(UnixNanos),
}

/// Left already: [`Outputs::close`] was asked for.
const LEFT: Duty = Duty::Leaves(UnixNanos::MAX);
/// One that is to be left with answers outstanding is looked at again after this, ms.
const ANSWERS_OUTSTANDING_MS: u64 = 100;

/// Gives every connection that can be relieved a partner. Those made come last.
pub(super) fn pair(conns: &mut Vec<Conn>) {
    for index in 0..conns.len() {
        let relief = ConnId(conns.len() as u16);
        let Some(conn) = conns.get_mut(index) else { return };
        let Some(successor) = conn.relief_of(ConnId(index as u16)) else { continue };
        conn.partner = Some(relief);
        conns.push(successor);
    }
}

impl Session {
    /// A session of the same kind, closed; `None` where connections have no known end.
    pub(super) fn successor(&self) -> Option<Session> {
        match self {
            Session::BinanceUsStream(session) => Some(Session::BinanceUsStream(Box::new(session.successor()))),
            Session::BinanceUsApi(session) => Some(Session::BinanceUsApi(Box::new(session.successor()))),
            Session::BinanceUsUser(session) => Some(Session::BinanceUsUser(Box::new(session.successor()))),
            _ => None,
        }
    }

    fn replace_at(&self) -> Deadline {
        match self {
            Session::BinanceUsStream(session) => session.replace_at(),
            Session::BinanceUsApi(session) => session.replace_at(),
            Session::BinanceUsUser(session) => session.replace_at(),
            _ => None,
        }
    }

    /// How long both are kept.
    fn overlap_ms(&self) -> u64 {
        match self {
            Session::BinanceUsStream(session) => session.overlap_ms(),
            Session::BinanceUsApi(session) => session.overlap_ms(),
            Session::BinanceUsUser(session) => session.overlap_ms(),
            _ => 0,
        }
    }

    /// Whether answers are outstanding.
    fn is_awaited(&self) -> bool {
        matches!(self, Session::BinanceUsApi(session) if session.in_flight() > 0)
    }

    /// Whether everything wanted of the instrument comes over it.
    fn carries_whole(&self, instrument: InstrumentId) -> bool {
        matches!(self, Session::BinanceUsStream(session) if session.carries_whole(instrument))
    }

    /// Streams wanted of it.
    fn wishes(&self) -> Vec<(InstrumentId, Streams)> {
        match self {
            Session::BinanceUsStream(session) => session.wanted().collect(),
            _ => Vec::new(),
        }
    }
}

impl Conn {
    /// Whether it is the one of its pair that serves, or has no partner.
    pub(super) fn serves(&self) -> bool {
        matches!(self.duty, Duty::Serves | Duty::Relieved)
    }

    /// When its duty asks for attention.
    pub(super) fn duty_at(&self) -> UnixNanos {
        match self.duty {
            Duty::Serves if self.partner.is_some() => self.session.replace_at().unwrap_or(UnixNanos::MAX),
            Duty::Leaves(at) => at,
            Duty::Serves | Duty::Relieved | Duty::StandsBy => UnixNanos::MAX,
        }
    }
}

impl Engine {
    /// After every call into a session of a pair: what its duty asks for.
    pub(super) fn do_duty(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) {
        let Some(conn) = self.conns.get(id.index()) else { return };
        let Some(partner) = conn.partner else { return };
        match conn.duty {
            Duty::Serves if conn.duty_at() <= now => self.make_ready(now, out, id, partner),
            Duty::StandsBy if conn.state == ConnectionState::Healthy => self.take_over(now, out, partner, id),
            Duty::Leaves(at) if at <= now => self.leave(now, out, id),
            _ => {}
        }
    }

    /// The partner is dialled, with the same wishes.
    fn make_ready(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId, partner: ConnId) {
        let Some(conn) = self.conns.get_mut(id.index()) else { return };
        conn.duty = Duty::Relieved;
        for (instrument, streams) in conn.session.wishes() {
            let Some(instrument) = self.market.get(instrument).map(|traded| &traded.instrument) else { continue };
            let relief = self.conns.get_mut(partner.index()).map(|conn| &mut conn.session);
            if let Some(Session::BinanceUsStream(session)) = relief {
                // It had room for them on the other one.
                let _ = session.want(instrument, streams, &mut self.binance_us.data);
            }
        }
        let Some(relief) = self.conns.get_mut(partner.index()) else { return };
        relief.dormant = false;
        self.set_state(now, out, partner, ConnectionState::Connecting, "");
        out.dial(partner, now);
    }

    /// A wish changed while the partner is being made ready: it is told too.
    pub(super) fn tell_relief(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        id: ConnId,
        instrument: &Instrument,
        channels: Channels,
    ) {
        let Some(conn) = self.conns.get(id.index()).filter(|conn| conn.duty == Duty::Relieved) else { return };
        let Some(partner) = conn.partner else { return };
        let Engine { conns, binance_us, .. } = self;
        let Some(Session::BinanceUsStream(session)) = conns.get_mut(partner.index()).map(|conn| &mut conn.session)
        else {
            return;
        };
        let _ = session.want_channels(instrument, channels, &mut binance_us.data);
        self.session_result(now, out, partner, Ok(()));
    }

    /// The partner has everything: from now on it serves.
    fn take_over(&mut self, now: UnixNanos, out: &mut impl Outputs, old: ConnId, new: ConnId) {
        self.hand_on(old, new, |_| true);
        self.change_duties(now, out, old, new);
        let Some(conn) = self.conns.get_mut(old.index()) else { return };
        match conn.is_open() {
            true => conn.duty = Duty::Leaves(now.plus_ms(conn.session.overlap_ms())),
            // It waits to be told where to be dialled to, and needs not be dialled any more.
            false if conn.dormant => {}
            // Being dialled: it is closed as soon as it is there.
            false => conn.duty = Duty::Leaves(now),
        }
        out.count(Counter::ConnectionsRelieved, 1);
        self.session_result(now, out, old, Ok(()));
    }

    /// The overlap is over.
    fn leave(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id.index()) else { return };
        if !conn.is_open() {
            return;
        }
        if conn.session.is_awaited() {
            conn.duty = Duty::Leaves(now.plus_ms(ANSWERS_OUTSTANDING_MS));
            self.deadlines.set(id.index(), Some(now.plus_ms(ANSWERS_OUTSTANDING_MS)));
            return;
        }
        conn.duty = LEFT;
        out.close(id, "relieved by another connection".to_owned());
    }

    /// Before a connection that fell is looked at: what its partner carries already goes over to it without a word.
    /// Returns the partner if it serves from now on.
    pub(super) fn fall_back(&mut self, id: ConnId) -> Option<ConnId> {
        let conn = self.conns.get(id.index()).filter(|conn| conn.serves())?;
        let partner = conn.partner?;
        let relief = &self.conns.get(partner.index()).filter(|conn| conn.is_open())?.session;
        let flows = match relief {
            Session::BinanceUsApi(session) => session.healthy(),
            _ => true,
        };
        let wishes = relief.wishes().into_iter().map(|(id, _)| id);
        let carried: Vec<InstrumentId> = wishes.filter(|id| relief.carries_whole(*id)).collect();
        if flows {
            self.hand_on(id, partner, |instrument| carried.contains(&instrument));
        }
        Some(partner)
    }

    /// After a connection fell whose partner is there: the rest goes over to it, behind the gap that was told of it.
    pub(super) fn succeed(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId, heir: ConnId) {
        let rest: Vec<InstrumentId> =
            self.market.traded.iter().flatten().filter(|t| t.conn == Some(id)).map(|t| t.instrument.id).collect();
        self.hand_on(id, heir, |_| true);
        self.change_duties(now, out, id, heir);
        for instrument in rest {
            // Its diffs may continue the book, but the gap that was told ends with a snapshot only.
            self.renew_book(now, instrument);
        }
        self.stand_by(id);
        self.session_result(now, out, heir, Ok(()));
    }

    /// What is carried over one connection is, as far as `which` says, carried over the other from now on.
    fn hand_on(&mut self, old: ConnId, new: ConnId, which: impl Fn(InstrumentId) -> bool) {
        for traded in self.market.traded.iter_mut().flatten() {
            if traded.conn == Some(old) && which(traded.instrument.id) {
                traded.conn = Some(new);
            }
        }
        let user = self.conns.get(old.index()).filter(|conn| conn.role == ConnectionRole::User).map(|conn| conn.venue);
        if let Some(venue) = user {
            self.trading.desks.get_mut(venue).user = Some(new);
        }
    }

    /// The second serves from now on, the first stands by.
    fn change_duties(&mut self, now: UnixNanos, out: &mut impl Outputs, old: ConnId, new: ConnId) {
        let Some(conn) = self.conns.get_mut(old.index()) else { return };
        let before = conn.state;
        conn.duty = Duty::StandsBy;
        let Some(conn) = self.conns.get_mut(new.index()) else { return };
        conn.duty = Duty::Serves;
        if conn.state != before {
            self.tell_state(now, out, new);
        }
    }

    /// A connection of a pair is gone, and its partner serves: it sleeps until it is to relieve that one.
    pub(super) fn stand_by(&mut self, id: ConnId) {
        let Engine { conns, market, binance_us, .. } = self;
        let Some(conn) = conns.get_mut(id.index()) else { return };
        (conn.duty, conn.dormant) = (Duty::StandsBy, true);
        let wishes = conn.session.wishes();
        let Session::BinanceUsStream(session) = &mut conn.session else { return };
        for (instrument, _) in wishes {
            if let Some(traded) = market.get(instrument) {
                let _ = session.want(&traded.instrument, Streams::NONE, &mut binance_us.data);
            }
        }
    }

    /// Whether a connection that is gone is to stay away, since its partner serves. One that was to relieve its partner
    /// is dialled again as long as that one is to be relieved.
    pub(super) fn stays_away(&mut self, now: UnixNanos, id: ConnId) -> bool {
        let Some(conn) = self.conns.get(id.index()) else { return false };
        let Some(partner) = conn.partner else { return false };
        match conn.duty {
            Duty::Serves | Duty::Relieved => return false,
            Duty::Leaves(_) => {}
            Duty::StandsBy => {
                let Some(served) = self.conns.get_mut(partner.index()) else { return false };
                let ends = served.is_open() && served.session.replace_at().is_some_and(|at| at <= now);
                if ends {
                    return false;
                }
                // It fell and came back by itself, or it is being dialled: nothing to relieve.
                if served.duty == Duty::Relieved {
                    served.duty = Duty::Serves;
                }
            }
        }
        self.stand_by(id);
        true
    }
}

#[cfg(all(test, feature = "sim"))]
mod tests;
