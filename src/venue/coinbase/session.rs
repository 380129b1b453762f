//! One WebSocket connection to the venue: market data or user events.
//!
//! Owns the framing state, the parser's buffers, the subscriptions and the watchdog of one connection. Guarantees at
//! most [`BYTES_PER_CALL_MAX`] bytes of JSON per call; heartbeats always subscribed; that a lost message, a message that
//! cannot be read and a dropped subscription are announced and every book they may have touched is fetched again; and
//! that silence ends the connection. Never opens or closes anything itself: it returns a [`SessionError`].
//!
//! **Resynchronisation.** The feed has no replay (Coinbase reference 7.4) and a repeated subscribe brings no snapshot
//! (6.1), so a doubtful book is unsubscribed and subscribed again on the same connection: two messages for all books,
//! while trades and tickers go on; a new connection would cost TCP, TLS, upgrade and every other channel too. Until the
//! new snapshot begins, nothing of that book counts. A new connection is asked for where that does not help: more than
//! [`CONNECTION_GAPS_MAX`] losses within a minute, a snapshot that does not come, a subscription without any answer.
//! A gap on the user connection keeps the connection: the engine lists orders and fills, and the stream is still live.

use super::dialect::Dialect;
use super::limits;
use super::products::BookState;
use super::stream::Decoder;
use crate::codec::json::SliceLimits;
use crate::record::{Instrument, InstrumentId, UnixNanos};
use crate::venue::websocket::{Frames, FramesConfig};
use crate::venue::{Channels, Deadline, Facts, SessionError, SessionProgress, Wire};

mod authorised;
mod config;
mod orders;
mod reply;
mod talk;

pub use config::{StreamConfig, StreamLoad, StreamRole, WantError};
pub use orders::{OrderConfig, OrderSession};
pub use reply::{NotSent, OrderProgress, Outcome, Refused, Reply, ReplyTo};

use talk::{Hearing, Talk};

/// Losses within [`limits::RETRY_MS_MAX`] that one connection is forgiven.
pub const CONNECTION_GAPS_MAX: u32 = 3;
/// See the module's documentation. What messages look like is the business of its dialect `D`.
#[derive(Debug)]
pub struct StreamSession<D = Decoder> {
    open: bool,
    frames: Frames,
    talk: Talk<D>,
    deadline: UnixNanos,
}

impl StreamSession {
    /// A session for connections of this role to Advanced Trade; closed.
    #[must_use]
    pub fn new(role: StreamRole, config: StreamConfig) -> StreamSession {
        StreamSession::speaking(Decoder::new(), role, config)
    }
}

impl<D: Dialect> StreamSession<D> {
    /// A session that speaks this dialect; closed.
    pub(super) fn speaking(decoder: D, role: StreamRole, config: StreamConfig) -> StreamSession<D> {
        StreamSession {
            open: false,
            frames: Frames::new(frames::<D>(&config)),
            talk: Talk::new(decoder, role, config),
            deadline: UnixNanos::MAX,
        }
    }

    /// From now on exactly these channels of the instrument are wanted; takes effect at the next [`Self::time`], which
    /// is due at once. On a user connection: the instrument's orders can be read in full; `channels` must be empty.
    ///
    /// # Errors
    /// [`WantError`].
    pub fn want(&mut self, instrument: &Instrument, channels: Channels) -> Result<(), WantError> {
        if self.talk.role == StreamRole::User && !channels.is_empty() {
            return Err(WantError::NotMarket);
        }
        let channels = D::widened(channels.and(D::SERVED));
        let products = self.talk.decoder.products_mut();
        let index = products.know(instrument);
        let max = limits::BOOKS_PER_CONNECTION_MAX;
        if channels.contains(Channels::BOOK)
            && self.talk.subscriptions.books_wanted_besides(products.head_of(index)) >= max
        {
            return Err(WantError::TooManyBooks { max });
        }
        if let Some(product) = products.get_mut(index) {
            let before = std::mem::replace(&mut product.wanted, channels);
            if D::HEARTBEATS_NAME_PRODUCTS && before.is_empty() && !channels.is_empty() {
                self.talk.subscriptions.ask_heartbeats_again();
            }
            self.talk.subscriptions.want(index, before, products);
        }
        self.due_now();
        Ok(())
    }

    /// Takes over an instrument, or its new metadata, and changes nothing of what is wanted of it.
    pub fn know(&mut self, instrument: &Instrument) {
        self.talk.decoder.products_mut().know(instrument);
    }

    /// The channels there are on such a connection; others are left out of every wish.
    pub const fn served(&self) -> Channels {
        D::SERVED
    }

    /// What is wanted here besides the instrument's own stream.
    pub fn load(&mut self, instrument: &Instrument) -> StreamLoad {
        let products = self.talk.decoder.products_mut();
        let index = products.know(instrument);
        let head = products.head_of(index);
        StreamLoad {
            carried: !products.wanted_of_stream(head).is_empty(),
            streams: self.talk.subscriptions.streams_wanted_besides(head),
            books: self.talk.subscriptions.books_wanted_besides(head),
            places: limits::BOOKS_PER_CONNECTION_MAX,
        }
    }

    /// Least time between two messages of this address, ms.
    pub const fn message_gap_ms(&self) -> u64 {
        self.talk.config.message_gap_ms
    }

    /// Whether the connection serves anything but its own heartbeats.
    pub fn wants_anything(&self) -> bool {
        self.talk.subscriptions.wants_anything()
    }

    /// Another connection of this address sent something: nothing unauthenticated is sent here before this time, since
    /// the venue counts by address (Coinbase reference 5).
    pub fn hold(&mut self, now: UnixNanos, until: UnixNanos) {
        self.talk.subscriptions.hold(until);
        if self.open {
            self.schedule(now);
        }
    }

    /// Whether an unauthenticated message was sent since the last call.
    pub fn take_spoke(&mut self) -> bool {
        std::mem::take(&mut self.talk.spoke)
    }

    /// Open, and nothing was sent yet: such connections come first, since the venue drops them otherwise.
    pub fn is_mute(&self) -> bool {
        self.open && self.talk.subscriptions.is_mute()
    }

    /// The connection is up, upgraded, and nothing was sent on it.
    ///
    /// # Errors
    /// As [`Self::time`].
    pub fn opened<IO: Facts + Wire>(&mut self, now: UnixNanos, io: &mut IO) -> Result<Deadline, SessionError> {
        self.open = true;
        self.frames.opened(now);
        self.talk.opened(now);
        self.time(now, io)
    }

    /// The connection is gone. An unused token comes back, to be wiped: it would be stale on the next connection.
    pub fn closed(&mut self) -> Option<Box<str>> {
        self.open = false;
        self.deadline = UnixNanos::MAX;
        self.talk.token.take()
    }

    /// Whether a channel of the account waits for a token; ask after every call.
    pub fn needs_token(&self, now: UnixNanos) -> bool {
        self.open && self.talk.token.is_none() && self.talk.subscriptions.token_due(now)
    }

    /// A token without `uri` (Coinbase reference 2d), fresh.
    ///
    /// # Errors
    /// As [`Self::time`].
    pub fn give_token<IO: Facts + Wire>(
        &mut self,
        token: Box<str>,
        now: UnixNanos,
        io: &mut IO,
    ) -> Result<Deadline, SessionError> {
        if let Some(unused) = self.talk.token.replace(token) {
            io.retire(unused);
        }
        self.time(now, io)
    }

    /// Reads from `plain`, the unread bytes of the connection, within the budget of one call.
    ///
    /// # Errors
    /// [`SessionError`]: close the connection. What was to be sent before (a close frame) is with the wire.
    pub fn bytes<IO: Facts + Wire>(
        &mut self,
        now: UnixNanos,
        plain: &mut [u8],
        io: &mut IO,
    ) -> Result<SessionProgress, SessionError> {
        let mut hearing = Hearing { now, talk: &mut self.talk, acted: false };
        let progress = self.frames.read(now, plain, &mut hearing, io)?;
        if hearing.acted {
            self.schedule(now);
        }
        Ok(progress)
    }

    /// Does what is due and says when to come again.
    ///
    /// # Errors
    /// [`SessionError::Silent`], [`SessionError::Resync`]: close the connection.
    pub fn time<IO: Facts + Wire>(&mut self, now: UnixNanos, io: &mut IO) -> Result<Deadline, SessionError> {
        if !self.open {
            self.deadline = UnixNanos::MAX;
            return Ok(None);
        }
        self.frames.time(now, io)?;
        if self.frames.is_between_messages() {
            self.talk.expire(now, io)?;
        }
        self.talk.pump(now, io);
        Ok(self.schedule(now))
    }

    /// When [`Self::time`] is due next; may lie in the past.
    pub fn deadline(&self) -> Deadline {
        (self.deadline != UnixNanos::MAX).then_some(self.deadline)
    }

    /// The engine found the book wrong: fetch it again. No gap is reported back.
    pub fn resync(&mut self, instrument: InstrumentId) {
        let products = self.talk.decoder.products_mut();
        if let Some(product) = products.find_instrument(instrument).and_then(|index| products.get_mut(index)) {
            if product.book != BookState::Unwanted {
                product.book = BookState::Doubtful;
                self.talk.decoder.note_doubt();
                self.due_now();
            }
        }
    }

    /// Whether everything asked is confirmed or its grace is over, every book is held, and the user snapshot complete.
    pub fn healthy(&self) -> bool {
        let user = self.talk.role == StreamRole::Market || self.talk.user_snapshot;
        self.open
            && user
            && self.frames.is_between_messages()
            && self.talk.subscriptions.settled(self.talk.decoder.products())
    }

    /// What the connection carries.
    pub const fn role(&self) -> StreamRole {
        self.talk.role
    }

    fn schedule(&mut self, now: UnixNanos) -> Deadline {
        let work = match self.frames.is_between_messages() {
            // A doubt is acted on at once, whoever has the turn to speak.
            true if self.talk.decoder.has_doubts() => UnixNanos(1),
            true => self.talk.subscriptions.deadline(now, self.talk.token.is_some()),
            false => UnixNanos::MAX,
        };
        self.deadline = self.frames.deadline().min(work);
        Some(self.deadline)
    }

    fn due_now(&mut self) {
        if self.open {
            self.deadline = UnixNanos(1);
        }
    }
}

fn frames<D: Dialect>(config: &StreamConfig) -> FramesConfig {
    FramesConfig {
        long_arrays: D::LONG_ARRAYS,
        slices: SliceLimits { slice_bytes_max: limits::SLICE_BYTES_MAX, ..SliceLimits::default() },
        message_bytes_max: config.message_bytes_max,
        whole_bytes_max: limits::WHOLE_MESSAGE_BYTES_MAX,
        silence_ms_max: config.silence_ms_max,
        // The venue counts by address, so its limit of messages is kept by whoever knows all connections.
        pace: None,
    }
}

#[cfg(test)]
mod tests;
