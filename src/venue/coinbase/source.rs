//! Where market data comes from: one of the venue's two protocols, behind one face.
//!
//! Owns the choice between the two dialects of a [`StreamSession`], a closed one. Never adds to what they do.

use super::exchange::{ExchangeKey, ExchangeSession};
use super::session::{StreamConfig, StreamLoad, StreamRole, StreamSession, WantError};
use crate::record::{Instrument, InstrumentId, UnixNanos};
use crate::venue::{Channels, Deadline, Facts, SessionError, SessionProgress, Wire};

/// A source of market data for the same instruments, with the same trade ids (Coinbase reference 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MarketSource {
    /// The Advanced Trade WebSocket: all channels, sequence numbers on every message.
    #[default]
    Advanced,
    /// The Exchange feed without a key: trades one by one, a book conflated at 50 ms, losses seen by trade ids.
    Exchange,
    /// The Exchange feed with a key: the same, and a book that is not conflated.
    ExchangeAuthenticated,
}

impl MarketSource {
    /// `advanced`, `exchange` or `exchange-authenticated`.
    pub const fn name(self) -> &'static str {
        match self {
            MarketSource::Advanced => "advanced",
            MarketSource::Exchange => "exchange",
            MarketSource::ExchangeAuthenticated => "exchange-authenticated",
        }
    }

    /// Whether it is the Exchange feed, which has hosts of its own.
    pub const fn is_exchange(self) -> bool {
        !matches!(self, MarketSource::Advanced)
    }
}

impl std::str::FromStr for MarketSource {
    type Err = String;

    fn from_str(text: &str) -> Result<MarketSource, String> {
        let all = [MarketSource::Advanced, MarketSource::Exchange, MarketSource::ExchangeAuthenticated];
        let found = all.into_iter().find(|source| source.name() == text);
        found.ok_or_else(|| format!("unknown feed `{text}`: choose from {}", all.map(MarketSource::name).join(", ")))
    }
}

/// The market data of a venue: one source, or two for the same instruments.
#[derive(Debug, Clone, Default)]
pub struct MarketFeeds {
    /// The one whose book is followed to begin with.
    pub first: MarketSource,
    /// A second connection, for redundancy: trades from whichever is first, its book on standby.
    pub second: Option<MarketSource>,
    /// For [`MarketSource::ExchangeAuthenticated`].
    pub exchange_key: Option<ExchangeKey>,
}

/// A WebSocket connection in either protocol; see [`StreamSession`] for what each of its functions does.
#[derive(Debug)]
pub enum StreamConnection {
    /// Advanced Trade: market data or user events.
    Advanced(StreamSession),
    /// The Exchange feed: market data.
    Exchange(ExchangeSession),
}

/// The same call, whichever protocol is spoken.
macro_rules! either {
    ($self:ident, $session:ident => $call:expr) => {
        match $self {
            StreamConnection::Advanced($session) => $call,
            StreamConnection::Exchange($session) => $call,
        }
    };
}

impl StreamConnection {
    /// A market connection to this source; closed. The key is used by [`MarketSource::ExchangeAuthenticated`] only.
    pub fn market(source: MarketSource, key: Option<&ExchangeKey>, config: StreamConfig) -> StreamConnection {
        match source {
            MarketSource::Advanced => StreamConnection::Advanced(StreamSession::new(StreamRole::Market, config)),
            MarketSource::Exchange => StreamConnection::Exchange(ExchangeSession::exchange(None, config)),
            MarketSource::ExchangeAuthenticated => {
                StreamConnection::Exchange(ExchangeSession::exchange(key.cloned(), config))
            }
        }
    }

    /// A connection for user events; closed.
    pub fn user(config: StreamConfig) -> StreamConnection {
        StreamConnection::Advanced(StreamSession::new(StreamRole::User, config))
    }

    /// See [`StreamSession::want`].
    ///
    /// # Errors
    /// [`WantError`].
    pub fn want(&mut self, instrument: &Instrument, channels: Channels) -> Result<(), WantError> {
        either!(self, session => session.want(instrument, channels))
    }

    /// See [`StreamSession::know`].
    pub fn know(&mut self, instrument: &Instrument) {
        either!(self, session => session.know(instrument));
    }

    /// See [`StreamSession::served`].
    pub fn served(&self) -> Channels {
        either!(self, session => session.served())
    }

    /// See [`StreamSession::load`].
    pub fn load(&mut self, instrument: &Instrument) -> StreamLoad {
        either!(self, session => session.load(instrument))
    }

    /// See [`StreamSession::message_gap_ms`].
    pub fn message_gap_ms(&self) -> u64 {
        either!(self, session => session.message_gap_ms())
    }

    /// See [`StreamSession::wants_anything`].
    pub fn wants_anything(&self) -> bool {
        either!(self, session => session.wants_anything())
    }

    /// See [`StreamSession::hold`].
    pub fn hold(&mut self, now: UnixNanos, until: UnixNanos) {
        either!(self, session => session.hold(now, until));
    }

    /// See [`StreamSession::take_spoke`].
    pub fn take_spoke(&mut self) -> bool {
        either!(self, session => session.take_spoke())
    }

    /// See [`StreamSession::is_mute`].
    pub fn is_mute(&self) -> bool {
        either!(self, session => session.is_mute())
    }

    /// See [`StreamSession::opened`].
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn opened<IO: Facts + Wire>(&mut self, now: UnixNanos, io: &mut IO) -> Result<Deadline, SessionError> {
        either!(self, session => session.opened(now, io))
    }

    /// See [`StreamSession::closed`].
    pub fn closed(&mut self) -> Option<Box<str>> {
        either!(self, session => session.closed())
    }

    /// See [`StreamSession::needs_token`].
    pub fn needs_token(&self, now: UnixNanos) -> bool {
        either!(self, session => session.needs_token(now))
    }

    /// See [`StreamSession::give_token`].
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn give_token<IO: Facts + Wire>(
        &mut self,
        token: Box<str>,
        now: UnixNanos,
        io: &mut IO,
    ) -> Result<Deadline, SessionError> {
        either!(self, session => session.give_token(token, now, io))
    }

    /// See [`StreamSession::bytes`].
    ///
    /// # Errors
    /// [`SessionError`].
    #[inline]
    pub fn bytes<IO: Facts + Wire>(
        &mut self,
        now: UnixNanos,
        plain: &mut [u8],
        io: &mut IO,
    ) -> Result<SessionProgress, SessionError> {
        either!(self, session => session.bytes(now, plain, io))
    }

    /// See [`StreamSession::time`].
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn time<IO: Facts + Wire>(&mut self, now: UnixNanos, io: &mut IO) -> Result<Deadline, SessionError> {
        either!(self, session => session.time(now, io))
    }

    /// See [`StreamSession::deadline`].
    pub fn deadline(&self) -> Deadline {
        either!(self, session => session.deadline())
    }

    /// See [`StreamSession::resync`].
    pub fn resync(&mut self, instrument: InstrumentId) {
        either!(self, session => session.resync(instrument));
    }

    /// See [`StreamSession::healthy`].
    pub fn healthy(&self) -> bool {
        either!(self, session => session.healthy())
    }
}
