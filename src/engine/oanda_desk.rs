//! What the engine keeps for OANDA beside the connections: which of the account's transactions were applied, and which
//! price stream counts.
//!
//! A price stream brings the instruments it was opened with and no others (OANDA reference 6). Guarantees that a change of
//! what is wanted opens a new stream before the old one is let go: each instrument is taken from the new one as soon as
//! that has told its first price, which is a whole picture, and from then on not from the old one, so that no picture is
//! missing and nothing is told twice; that there are never more than two of them; and that changes made while one is
//! under way go with the next. What the old one has told is not told again by the new one, and nothing older is: when the
//! new one is ahead, what the old one still has under way is out of date. How many connections begin in a second is the
//! dialer's to see to.

use super::connections::{Conn, Session};
use super::contract::{ConnId, Outputs};
use super::desk::Desk;
use super::oanda_figures::Figures;
use super::oanda_orders::{self, Account};
use super::redundancy::Place;
use super::relief::Duty;
use super::{Engine, OandaSetup};
use crate::book::Feed;
use crate::codec::http1::RequestError;
use crate::guard::{Breaker, BreakerRules};
use crate::record::{ConnectionRole, ConnectionState, InstrumentId, TradingStatus, UnixNanos, Venue};
use crate::venue::oanda::{Ledger, StreamRole, StreamSession};
use crate::venue::Channels;

pub(super) const VENUE: Venue = Venue::Oanda;
/// Why the old stream is closed.
const REPLACED: &str = "replaced by a stream with other instruments";

/// The two connections prices can come over.
#[derive(Debug, Clone, Copy)]
struct PriceStreams {
    /// The one whose prices count.
    active: ConnId,
    /// The one a change goes to.
    other: ConnId,
    /// The other one is being opened, or takes over.
    changing: bool,
}

/// See the module's documentation. An engine that does not speak to OANDA has one all the same, and never uses it.
#[derive(Default)]
pub(super) struct Oanda {
    pub(super) ledger: Ledger,
    pub(super) account: Account,
    pub(super) figures: Figures,
    prices: Option<PriceStreams>,
}

impl Oanda {
    /// Adds its connections, and the desk if orders may be sent.
    ///
    /// # Errors
    /// A host or user agent that cannot stand in a request.
    pub(super) fn new(
        setup: &OandaSetup,
        conns: &mut Vec<Conn>,
        desk: &mut Desk,
        breaker: BreakerRules,
    ) -> Result<Oanda, RequestError> {
        let mut streams = |role, conn_role| -> Result<ConnId, RequestError> {
            let OandaSetup { stream, account, token, streams, .. } = setup;
            let session = StreamSession::new(role, stream, *account, token.clone(), streams.clone())?;
            let id = ConnId(conns.len() as u16);
            let conn = Conn::new(VENUE, conn_role, Session::OandaStream(Box::new(session)));
            // A price stream is opened when something is wanted.
            conns.push(if conn_role == ConnectionRole::Market { conn.spare() } else { conn });
            Ok(id)
        };
        let active = streams(StreamRole::Pricing, ConnectionRole::Market)?;
        let other = streams(StreamRole::Pricing, ConnectionRole::Market)?;
        let prices = Some(PriceStreams { active, other, changing: false });
        if let Some(orders) = &setup.orders {
            let user = streams(StreamRole::Transactions, ConnectionRole::User)?;
            *desk = oanda_orders::desk(user, orders, Breaker::new(breaker));
            oanda_orders::add_order_connections(setup, orders, conns)?;
        }
        Ok(Oanda { prices, ..Oanda::default() })
    }
}

impl Engine {
    /// Tells the price streams what is wanted of an instrument by anybody.
    pub(super) fn rewant_prices(&mut self, now: UnixNanos, out: &mut impl Outputs, id: InstrumentId) {
        let Some(PriceStreams { active, other, changing }) = self.oanda.prices else { return };
        let Some(traded) = self.market.get(id) else { return };
        let wanted = self.share(VENUE, Feed::First, traded.wanted());
        let conn = traded.conn.or(Some(active));
        let gone_over = changing && conn == Some(other);
        if let Some(traded) = self.market.get_mut(id) {
            traded.set_place(Feed::First, Place { conn, placed: wanted, no_place: false });
            if wanted.is_empty() {
                // Only prices say whether the market is open: what they said last does not hold for ever.
                traded.instrument.listing.status = TradingStatus::Unknown;
            }
        }
        if !gone_over {
            self.want_prices(active, id, wanted);
        }
        if changing {
            self.want_prices(other, id, wanted);
        }
        if !wanted.is_empty() {
            self.wake_price_stream(now, out, active);
        }
        self.tend_price_streams(now, out);
    }

    /// A price stream is about to be read.
    pub(super) fn oanda_streams(&mut self, id: ConnId) {
        let Some(prices) = self.oanda.prices.filter(|prices| prices.changing && prices.other == id) else { return };
        let Engine { conns, market, .. } = self;
        for traded in market.traded.iter().flatten().filter(|traded| traded.conn == Some(prices.active)) {
            let instrument = traded.instrument.id;
            let told = match conns.get(prices.active.index()).map(|conn| &conn.session) {
                Some(Session::OandaStream(session)) => session.told(instrument),
                _ => UnixNanos::NONE,
            };
            if let Some(Session::OandaStream(session)) = conns.get_mut(id.index()).map(|conn| &mut conn.session) {
                session.skip_to(instrument, told);
            }
        }
    }

    /// A price stream was read, or had its time.
    pub(super) fn oanda_streamed(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) {
        if self.oanda.prices.is_some_and(|prices| prices.changing && prices.other == id) {
            self.tend_price_streams(now, out);
        }
    }

    /// Begins the change that is due, and brings the one under way further.
    pub(super) fn tend_price_streams(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        let Some(prices) = self.oanda.prices else { return };
        if prices.changing {
            self.take_over_prices(prices);
            let healthy = self.conns.get(prices.other.index()).is_some_and(|c| c.state == ConnectionState::Healthy);
            if !healthy {
                return;
            }
            self.end_change(prices);
            if let Some(old) = self.conns.get_mut(prices.active.index()) {
                old.duty = Duty::StandsBy;
            }
            out.close(prices.active, REPLACED.to_owned());
        }
        self.begin_change(now, out);
    }

    /// A price stream rests now. If that was told, the one that counts now is told after it.
    pub(super) fn price_stream_rests(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) {
        let Some(prices) = self.oanda.prices.filter(|prices| prices.other == id) else { return };
        let told = self.conns.get_mut(id.index()).map(|conn| std::mem::replace(&mut conn.duty, Duty::StandsBy));
        if told.is_some_and(|duty| duty != Duty::StandsBy) {
            self.tell_state(now, out, prices.active);
        }
        self.tend_price_streams(now, out);
    }

    /// A price stream fell: before it is dialled again, or not.
    pub(super) fn price_stream_lost(&mut self, id: ConnId) {
        let Some(prices) = self.oanda.prices.filter(|prices| prices.changing) else { return };
        if id == prices.active {
            // The other one goes on alone, as far as it is.
            self.end_change(prices);
        } else if id == prices.other {
            // What it had taken over goes back to the one that stands.
            for index in 0..self.market.traded.len() {
                let Some(traded) = self.oanda_traded(index) else { continue };
                let (instrument, place) = (traded.instrument.id, traded.place(Feed::First));
                if place.conn == Some(prices.other) {
                    self.place_prices(instrument, prices.active);
                    self.want_prices(prices.active, instrument, place.placed);
                }
            }
        }
    }

    /// Opens a stream with all that is wanted, if the one that counts does not bring it.
    fn begin_change(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        let Some(PriceStreams { active, other, changing: false }) = self.oanda.prices else { return };
        let outdated = matches!(self.conns.get(active.index()), Some(conn) if conn.is_open()
            && matches!(&conn.session, Session::OandaStream(session) if session.is_outdated()));
        // One that was replaced a moment ago is waited for.
        if !outdated || self.conns.get(other.index()).is_none_or(|conn| !conn.dormant) {
            return;
        }
        for index in 0..self.market.traded.len() {
            let Some(traded) = self.oanda_traded(index) else { continue };
            let (instrument, placed) = (traded.instrument.id, traded.placed);
            self.want_prices(other, instrument, placed);
        }
        if let Some(conn) = self.conns.get_mut(other.index()) {
            conn.duty = Duty::StandsBy;
        }
        self.oanda.prices = Some(PriceStreams { active, other, changing: true });
        self.wake_price_stream(now, out, other);
    }

    /// Takes from the new stream what it brings by now.
    fn take_over_prices(&mut self, PriceStreams { active, other, .. }: PriceStreams) {
        for index in 0..self.market.traded.len() {
            let Some(traded) = self.oanda_traded(index) else { continue };
            let (id, conn) = (traded.instrument.id, traded.conn);
            let session = self.conns.get(other.index()).map(|conn| &conn.session);
            let brings = matches!(session, Some(Session::OandaStream(session)) if session.brings(id));
            if brings && conn != Some(other) {
                self.place_prices(id, other);
                self.want_prices(active, id, Channels::NONE);
            }
        }
    }

    /// The new stream counts from now on, for whatever it brings or will bring.
    fn end_change(&mut self, PriceStreams { active, other, .. }: PriceStreams) {
        for index in 0..self.market.traded.len() {
            let Some(traded) = self.oanda_traded(index) else { continue };
            let id = traded.instrument.id;
            self.place_prices(id, other);
            self.want_prices(active, id, Channels::NONE);
        }
        if let Some(new) = self.conns.get_mut(other.index()) {
            new.duty = Duty::Serves;
        }
        self.oanda.prices = Some(PriceStreams { active: other, other: active, changing: false });
    }

    fn oanda_traded(&self, index: usize) -> Option<&super::traded::Traded> {
        let traded = self.market.traded.get(index).and_then(Option::as_ref);
        traded.filter(|traded| traded.instrument.listing.venue == VENUE)
    }

    fn place_prices(&mut self, id: InstrumentId, conn: ConnId) {
        if let Some(traded) = self.market.get_mut(id) {
            let place = Place { conn: Some(conn), ..traded.place(Feed::First) };
            traded.set_place(Feed::First, place);
        }
    }

    /// From now on exactly these channels of the instrument are wanted of a stream.
    fn want_prices(&mut self, conn: ConnId, id: InstrumentId, channels: Channels) {
        let Engine { conns, market, binance_us, .. } = self;
        let (Some(conn), Some(traded)) = (conns.get_mut(conn.index()), market.get(id)) else { return };
        let accepted = conn.session.want(&traded.instrument, channels, &mut binance_us.data);
        debug_assert!(accepted, "prices have no such channel");
    }

    fn wake_price_stream(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id.index()) else { return };
        if std::mem::take(&mut conn.dormant) {
            self.set_state(now, out, id, ConnectionState::Connecting, "");
            out.dial(id, now);
        }
    }
}
