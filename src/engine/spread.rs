//! Which market connection carries an instrument, and whose turn it is to speak.
//!
//! Owns the placing of instruments on the market connections of their venue, of each feed where there are two. One connection takes so many books at most
//! (Coinbase reference 5), so instruments are spread: the first connections are filled first, a further one is dialled
//! when it gets its first instrument, and one that falls with nothing to carry is not dialled again. Guarantees that an
//! instrument's channels all come over one connection, that it keeps it as long as anything is wanted of it, that
//! unsubscribing frees its place for others, and that who found no place is told so and gets the next that is freed.
//! Between the connections of one address there is one message at a time, spaced: the venue counts by address. Reads no
//! clock.

use super::connections::Session;
use super::contract::{ConnId, Outputs};
use super::redundancy::{Place, REDUNDANT};
use super::traded::Traded;
use super::Engine;
use crate::book::Feed;
use crate::record::{
    ConnectionState, Difference, Instrument, InstrumentId, SubscribedChannel, Subscription, UnixNanos, Venue,
};
use crate::venue::coinbase::StreamConnection;
use crate::venue::Channels;

impl Engine {
    /// Tells the market sessions what is wanted of an instrument by anybody.
    pub(super) fn rewant(&mut self, now: UnixNanos, out: &mut impl Outputs, id: InstrumentId) {
        self.tell_not_offered(now, out, id);
        if self.market.get(id).is_some_and(|traded| traded.instrument.listing.venue == Venue::Oanda) {
            return self.rewant_prices(now, out, id);
        }
        let mut freed = false;
        for feed in self.market.feeds() {
            freed |= self.rewant_one(now, out, id, *feed);
        }
        if !freed {
            return;
        }
        // Cold: places are freed when somebody unsubscribes.
        for index in 0..self.market.traded.len() {
            for feed in self.market.feeds() {
                let traded = self.market.traded.get(index).and_then(Option::as_ref);
                if let Some(traded) = traded.filter(|traded| traded.place(*feed).no_place) {
                    let id = traded.instrument.id;
                    self.rewant_one(now, out, id, *feed);
                }
            }
        }
    }

    /// Channels that the connections of a feed have.
    fn served(&self, venue: Venue, feed: Feed) -> Channels {
        let conn = self.conns.iter().find(|conn| conn.is_market(venue, feed));
        conn.map_or(Channels::NONE, |conn| conn.session.served())
    }

    /// What of the wanted channels a feed is asked for: the redundant ones of both, the others of the first that has them.
    pub(super) fn share(&self, venue: Venue, feed: Feed, wanted: Channels) -> Channels {
        let wanted = wanted.and(self.served(venue, feed));
        match feed {
            Feed::First => wanted,
            Feed::Second => wanted.without(self.served(venue, Feed::First).without(REDUNDANT)),
        }
    }

    /// Says once which of the wanted channels no feed has.
    fn tell_not_offered(&mut self, now: UnixNanos, out: &mut impl Outputs, id: InstrumentId) {
        let Some(traded) = self.market.get(id) else { return };
        let (venue, wanted) = (traded.instrument.listing.venue, traded.wanted());
        let served = self.market.feeds().iter().fold(Channels::NONE, |all, feed| all | self.served(venue, *feed));
        let missing = wanted.without(served);
        let Some(traded) = self.market.get_mut(id) else { return };
        let before = std::mem::replace(&mut traded.not_offered, missing);
        let conn = self.conns.iter().position(|conn| conn.is_market(venue, Feed::First)).unwrap_or(0);
        for (set, channel) in [
            (Channels::AGGREGATED_TRADES, SubscribedChannel::Trades),
            (Channels::BOOK_5, SubscribedChannel::Book),
            (Channels::BOOK_10, SubscribedChannel::Book),
            (Channels::BOOK_20, SubscribedChannel::Book),
            (Channels::TRADES, SubscribedChannel::Trades),
            (Channels::TICKER_BATCH, SubscribedChannel::TickerBatch),
            (Channels::CANDLES, SubscribedChannel::Candles),
            (Channels::STATUS, SubscribedChannel::Status),
        ] {
            if missing.without(before).contains(set) {
                let subscription = Subscription { channel, difference: Difference::NotOffered };
                self.market.not_as_asked(now, out, (ConnId(conn as u16), venue), id, subscription);
            }
        }
    }

    /// True if a place was freed.
    fn rewant_one(&mut self, now: UnixNanos, out: &mut impl Outputs, id: InstrumentId, feed: Feed) -> bool {
        let Some(traded) = self.market.get(id) else { return false };
        let instrument = traded.instrument.clone();
        let mut wanted = self.share(instrument.listing.venue, feed, traded.wanted());
        let Place { conn: before, placed: had, no_place: told } = traded.place(feed);
        let kept = before.filter(|_| !had.is_empty());
        let place = match kept {
            Some(conn) => Some(conn),
            None if wanted.is_empty() => None,
            None => self.find_place(&instrument, feed, wanted, before),
        };
        let book_fits = place.is_none_or(|conn| had.contains(Channels::BOOK) || self.book_fits(conn, &instrument));
        let no_place = wanted.contains(Channels::BOOK) && !book_fits;
        if no_place {
            wanted = wanted.without(Channels::BOOK);
        }
        let Some(traded) = self.market.get_mut(id) else { return false };
        traded.set_place(feed, Place { conn: place.or(before), placed: wanted, no_place });
        if let Some(conn) = place {
            if no_place && !told {
                let venue = instrument.listing.venue;
                let subscription = Subscription { channel: SubscribedChannel::Book, difference: Difference::NoPlace };
                self.market.not_as_asked(now, out, (conn, venue), id, subscription);
            }
            self.tell_session(now, out, conn, &instrument, wanted);
        }
        had.contains(Channels::BOOK) && !wanted.contains(Channels::BOOK) || wanted.is_empty() && !had.is_empty()
    }

    fn tell_session(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        id: ConnId,
        instrument: &Instrument,
        wanted: Channels,
    ) {
        let Engine { conns, binance_us, .. } = self;
        let Some(conn) = conns.get_mut(id.index()) else { return };
        // Places were counted before: a refusal would mean that the count is wrong.
        let accepted = conn.session.want(instrument, wanted, &mut binance_us.data);
        debug_assert!(accepted, "a place without room");
        let wake = conn.dormant && !wanted.is_empty();
        if wake {
            conn.dormant = false;
            self.set_state(now, out, id, ConnectionState::Connecting, "");
            out.dial(id, now);
        }
        self.session_result(now, out, id, Ok(()));
        self.tell_relief(now, out, id, instrument, wanted);
    }

    /// The connection for an instrument that has none: the one that carries its stream already, else where it was, else
    /// the first that has room. Where none has, what needs no book goes to the first all the same.
    fn find_place(
        &mut self,
        instrument: &Instrument,
        feed: Feed,
        wanted: Channels,
        before: Option<ConnId>,
    ) -> Option<ConnId> {
        let venue = instrument.listing.venue;
        let (mut shared, mut same, mut roomy, mut books, mut first) = (None, None, None, None, None);
        for (index, conn) in self.conns.iter_mut().enumerate() {
            if !conn.is_market(venue, feed) {
                continue;
            }
            let Some(load) = conn.session.load(instrument) else { continue };
            let id = Some(ConnId(index as u16));
            first = first.or(id);
            if load.carried {
                shared = shared.or(id);
            }
            if load.streams < load.places {
                roomy = roomy.or(id);
                same = same.or(id.filter(|_| before == id && !conn.dormant));
            }
            if load.books < load.places {
                books = books.or(id);
            }
        }
        let last = if wanted.contains(Channels::BOOK) { books.or(first) } else { first };
        shared.or(same).or(roomy).or(last)
    }

    /// When the connection that carries an instrument brought anything last; of one that nobody listens to, the venue's
    /// first.
    pub(super) fn heard_of(&self, traded: &Traded) -> UnixNanos {
        let venue = traded.instrument.listing.venue;
        let first = || self.conns.iter().find(|c| c.is_market(venue, Feed::First));
        let conn = traded.conn.and_then(|conn| self.conns.get(conn.index())).or_else(first);
        conn.map_or(UnixNanos::NONE, |conn| conn.heard)
    }

    fn book_fits(&mut self, conn: ConnId, instrument: &Instrument) -> bool {
        let load = self.conns.get_mut(conn.index()).and_then(|conn| conn.session.load(instrument));
        load.is_some_and(|load| load.books < load.places)
    }

    /// After a call into a stream session: if it spoke, every connection of its address waits; those that were not heard
    /// at all since they opened come next, one after the other, since the venue drops who says nothing.
    pub(super) fn take_turn(&mut self, now: UnixNanos, id: ConnId) {
        let Some(venue) = self.conns.get(id.index()).map(|c| c.venue) else { return };
        let Some(session) = self.stream_session(id) else { return };
        if !session.take_spoke() {
            return;
        }
        let gap_ms = session.message_gap_ms();
        let mute = self.conns.iter().filter(|c| c.venue == venue && is_mute(&c.session)).count() as u64;
        for (index, conn) in self.conns.iter_mut().enumerate() {
            let first = is_mute(&conn.session);
            let Session::CoinbaseStream(session) = &mut conn.session else { continue };
            if conn.venue != venue {
                continue;
            }
            let turns = if first { 1 } else { mute.saturating_add(1) };
            session.hold(now, now.plus_ms(gap_ms.saturating_mul(turns)));
            self.deadlines.set(index, session.deadline());
        }
    }

    fn stream_session(&mut self, id: ConnId) -> Option<&mut StreamConnection> {
        match self.conns.get_mut(id.index()).map(|c| &mut c.session) {
            Some(Session::CoinbaseStream(session)) => Some(session),
            _ => None,
        }
    }
}

/// Open, and nothing was sent on it yet.
fn is_mute(session: &Session) -> bool {
    matches!(session, Session::CoinbaseStream(session) if session.is_mute())
}

#[cfg(all(test, feature = "sim"))]
mod tests;
