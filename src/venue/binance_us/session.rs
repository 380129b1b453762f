//! One market connection: streams in, subscriptions out.
//!
//! Owns the framing, the subscriptions and the age of one connection. Guarantees at most
//! [`BYTES_PER_CALL_MAX`](crate::venue::BYTES_PER_CALL_MAX) bytes of JSON per call, messages below the venue's limit,
//! pongs at once, and that silence ends the connection. Never opens or closes anything itself: it returns a
//! [`SessionError`], or says by [`StreamSession::replace_at`] that its time is coming to an end.
//!
//! **Make before break.** The venue ends every connection after 24 h and says so before a maintenance
//! (`serverShutdown`). Whoever owns the connections then opens a second session over the same [`MarketData`], gives it
//! the same wishes ([`StreamSession::wanted`]), waits until it is [`healthy`](StreamSession::healthy), and closes the
//! first. What both bring is told once; the books stay in sync, since diffs of either connection continue them.

use super::limits;
use super::market_data::MarketData;
use super::stream::{Control, Ctx, Decoder, LONG_ARRAYS};
use super::subscribe::{CandleInterval, Streams, Subscriptions};
use crate::codec::json::{Plain, SliceLimits};
use crate::codec::websocket::{self, Data};
use crate::guard::Governor;
use crate::record::{Instrument, InstrumentId, UnixNanos};
use crate::venue::fault::Fault;
use crate::venue::websocket::{mask, Frames, FramesConfig, Reader, Unread};
use crate::venue::{Channels, Deadline, Facts, SessionError, SessionProgress, Wire};

mod api;
mod body;
mod orders;
mod reply;
mod requests;
#[cfg(test)]
mod tests;
mod user;
#[cfg(test)]
mod utf8_tests;

pub use api::{ApiConfig, ApiSession};
pub use orders::{OrderConfig, OrderSession};
pub use reply::{NotSent, OrderProgress, Outcome, Reply, ReplyTo};
pub use requests::Requests;
pub use user::UserSession;

/// How a market connection is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamConfig {
    /// Silence after which the connection counts as dead, ms.
    pub silence_ms_max: u64,
    /// How long an acknowledgement may take, ms.
    pub ack_grace_ms: u64,
    /// Age at which a connection is to be replaced, ms.
    pub replace_after_ms: u64,
    /// How long a connection that was replaced is listened to beside its replacement, ms.
    pub overlap_ms: u64,
    /// Instruments one connection takes, 1 to
    /// [`INSTRUMENTS_PER_CONNECTION_MAX`](super::limits::INSTRUMENTS_PER_CONNECTION_MAX).
    pub instruments_max: usize,
    /// How long the candles of [`Channels::CANDLES`] last.
    pub candles: CandleInterval,
}

impl Default for StreamConfig {
    fn default() -> Self {
        StreamConfig {
            silence_ms_max: limits::SILENCE_MS_MAX,
            ack_grace_ms: limits::ACK_GRACE_MS,
            replace_after_ms: limits::REPLACE_AFTER_MS,
            overlap_ms: limits::OVERLAP_MS,
            instruments_max: limits::INSTRUMENTS_PER_CONNECTION_MAX,
            candles: CandleInterval::default(),
        }
    }
}

/// How the account's events come. Which of the two the venue serves today is unconfirmed (Binance.US reference 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum UserData {
    /// Subscribed over the WebSocket API by a signed request.
    #[default]
    Signature,
    /// Over a stream named by a listenKey, which is asked for and kept alive over REST.
    ListenKey,
}

/// Why a wish was refused; nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WantError {
    /// The venue carries no more on one connection.
    #[error("more than {max} streams on one Binance.US connection; open another connection")]
    TooManyStreams {
        /// The limit.
        max: usize,
    },
}

/// See the module's documentation.
#[derive(Debug)]
pub struct StreamSession {
    config: StreamConfig,
    open: bool,
    frames: Frames,
    decoder: Decoder,
    subscriptions: Subscriptions,
    opened_at: UnixNanos,
    /// The server said that it will close.
    shutdown_at: UnixNanos,
    deadline: UnixNanos,
    text: Vec<u8>,
}

impl StreamSession {
    /// A session, closed.
    #[must_use]
    pub fn new(config: StreamConfig) -> StreamSession {
        StreamSession {
            config,
            open: false,
            frames: Frames::new(streams(LONG_ARRAYS, config.silence_ms_max)),
            decoder: Decoder::default(),
            subscriptions: Subscriptions::new(config.ack_grace_ms),
            opened_at: UnixNanos::NONE,
            shutdown_at: UnixNanos::NONE,
            deadline: UnixNanos::MAX,
            text: Vec::with_capacity(4 * 1024),
        }
    }

    /// A session of the same kind, closed, with nothing wanted of it: a replacement.
    #[must_use]
    pub fn successor(&self) -> StreamSession {
        StreamSession::new(self.config)
    }

    /// From now on exactly these streams of the instrument are wanted; takes effect at the next [`Self::time`], which is
    /// due at once.
    ///
    /// # Errors
    /// [`WantError`].
    pub fn want(&mut self, instrument: &Instrument, streams: Streams, data: &mut MarketData) -> Result<(), WantError> {
        let index = data.index(instrument);
        let max = limits::STREAMS_PER_CONNECTION_MAX;
        if self.subscriptions.streams_besides(index).saturating_add(streams.len()) > max {
            return Err(WantError::TooManyStreams { max });
        }
        self.subscriptions.want(index, instrument.id, streams);
        if self.open {
            self.deadline = UnixNanos(1);
        }
        Ok(())
    }

    /// The same in the vocabulary of all venues.
    ///
    /// # Errors
    /// [`WantError`].
    pub fn want_channels(
        &mut self,
        instrument: &Instrument,
        channels: Channels,
        data: &mut MarketData,
    ) -> Result<(), WantError> {
        self.want(instrument, Streams::of(channels, self.config.candles), data)
    }

    /// What is wanted of this connection: the wishes of its replacement.
    pub fn wanted(&self) -> impl Iterator<Item = (InstrumentId, Streams)> + '_ {
        self.subscriptions.wanted()
    }

    /// Instruments something is wanted of.
    pub fn instruments(&self) -> usize {
        self.wanted().count()
    }

    /// Instruments it takes.
    pub fn places(&self) -> usize {
        self.config.instruments_max.clamp(1, limits::INSTRUMENTS_PER_CONNECTION_MAX)
    }

    /// Whether something is wanted of this instrument.
    pub fn carries(&self, instrument: InstrumentId) -> bool {
        self.wanted().any(|(id, _)| id == instrument)
    }

    /// Whether everything wanted of this instrument is confirmed.
    pub fn carries_whole(&self, instrument: InstrumentId) -> bool {
        self.open && self.subscriptions.carries_whole(instrument)
    }

    /// Streams that can still be wanted.
    pub fn places_left(&self) -> usize {
        limits::STREAMS_PER_CONNECTION_MAX.saturating_sub(self.subscriptions.streams_besides(usize::MAX))
    }

    /// The connection is up, upgraded, and nothing was sent on it.
    ///
    /// # Errors
    /// As [`Self::time`].
    pub fn opened<IO: Facts + Wire>(
        &mut self,
        now: UnixNanos,
        data: &mut MarketData,
        io: &mut IO,
    ) -> Result<Deadline, SessionError> {
        self.open = true;
        self.frames.opened(now);
        self.decoder.opened();
        self.subscriptions.opened();
        (self.opened_at, self.shutdown_at) = (now, UnixNanos::NONE);
        self.time(now, data, io)
    }

    /// The connection is gone. Books that no other connection carries are given up; they come back with a new snapshot.
    pub fn closed(&mut self, data: &mut MarketData) {
        self.open = false;
        self.deadline = UnixNanos::MAX;
        self.subscriptions.closed(data);
    }

    /// Reads from `plain`, the unread bytes of the connection, within the budget of one call.
    ///
    /// # Errors
    /// [`SessionError`]: close the connection. What was to be sent before (a close frame) is with the wire.
    pub fn bytes<IO: Facts + Wire>(
        &mut self,
        now: UnixNanos,
        plain: &mut [u8],
        data: &mut MarketData,
        io: &mut IO,
    ) -> Result<SessionProgress, SessionError> {
        let mut reader = MarketReader {
            now,
            data,
            decoder: &mut self.decoder,
            subscriptions: &mut self.subscriptions,
            shutdown_at: &mut self.shutdown_at,
            answered: false,
        };
        let progress = self.frames.read(now, plain, &mut reader, io)?;
        if reader.answered {
            self.pump(now, data, io)?;
        }
        self.deadline = self.deadline.min(self.frames.deadline());
        Ok(progress)
    }

    /// Does what is due and says when to come again.
    ///
    /// # Errors
    /// [`SessionError::Silent`], [`SessionError::Resync`]: close the connection.
    pub fn time<IO: Facts + Wire>(
        &mut self,
        now: UnixNanos,
        data: &mut MarketData,
        io: &mut IO,
    ) -> Result<Deadline, SessionError> {
        if !self.open {
            self.deadline = UnixNanos::MAX;
            return Ok(None);
        }
        self.frames.time(now, io)?;
        self.pump(now, data, io)?;
        Ok(Some(self.deadline))
    }

    /// When [`Self::time`] is due next; may lie in the past.
    pub fn deadline(&self) -> Deadline {
        (self.deadline != UnixNanos::MAX).then_some(self.deadline)
    }

    /// Whether everything asked is confirmed or refused, and every book it carries is held.
    pub fn healthy(&self, data: &MarketData) -> bool {
        self.open
            && self.frames.is_between_messages()
            && self.subscriptions.settled()
            && self.subscriptions.books().all(|instrument| data.is_synced(instrument))
    }

    /// When a replacement is to be opened: before the venue's limit, or at once after its announcement. `None` while
    /// closed.
    pub fn replace_at(&self) -> Deadline {
        let by_age = self.opened_at.plus_ms(self.config.replace_after_ms);
        let at = if self.shutdown_at.is_some() { by_age.min(self.shutdown_at) } else { by_age };
        self.open.then_some(at)
    }

    /// How long it is listened to beside its replacement, ms.
    pub fn overlap_ms(&self) -> u64 {
        self.config.overlap_ms
    }

    /// Whether the venue announced that it will close this connection.
    pub fn shutdown_announced(&self) -> bool {
        self.open && self.shutdown_at.is_some()
    }

    /// Sends the next message, if one may be sent, and works out when to come again.
    fn pump<IO: Facts + Wire>(
        &mut self,
        now: UnixNanos,
        data: &mut MarketData,
        io: &mut IO,
    ) -> Result<(), SessionError> {
        let again = self.subscriptions.expire(now).map_err(SessionError::Resync)?;
        let mut work = UnixNanos::MAX;
        if again || self.subscriptions.choose(now) {
            match self.frames.may_send(now) {
                Ok(()) => {
                    self.text.clear();
                    self.subscriptions.put(now, &mut self.text, data);
                    let mask = mask(io);
                    io.send(|out| websocket::encode(out, Data::Text, mask, &self.text));
                }
                Err(at) => work = at,
            }
        }
        if work == UnixNanos::MAX {
            work = self.subscriptions.deadline(now);
        }
        self.deadline = self.frames.deadline().min(work);
        Ok(())
    }
}

/// Connections that are told what to send, by messages the venue counts, pongs included (Binance.US reference 5).
fn streams(long_arrays: &'static [&'static str], silence_ms_max: u64) -> FramesConfig {
    let pace = Governor::new(limits::MESSAGES_PER_SECOND, 1_000, limits::MESSAGE_MARGIN_MS);
    FramesConfig { pace: Some(pace), long_arrays, ..frames(silence_ms_max) }
}

/// Every connection of the venue.
fn frames(silence_ms_max: u64) -> FramesConfig {
    FramesConfig {
        long_arrays: &[],
        slices: SliceLimits::default(),
        message_bytes_max: limits::MESSAGE_BYTES_MAX,
        whole_bytes_max: limits::WHOLE_MESSAGE_BYTES_MAX,
        silence_ms_max,
        pace: None,
    }
}

/// What the frames need to know of messages.
struct MarketReader<'a> {
    now: UnixNanos,
    data: &'a mut MarketData,
    decoder: &'a mut Decoder,
    subscriptions: &'a mut Subscriptions,
    shutdown_at: &'a mut UnixNanos,
    /// A request of ours was answered: another may go.
    answered: bool,
}

impl MarketReader<'_> {
    #[cold]
    fn react(&mut self, control: Control, facts: &mut impl Facts) {
        match control {
            Control::None | Control::NotUtf8 => return,
            Control::Done(id) => self.subscriptions.done(self.now, id, self.data, facts),
            Control::Refused(id) => self.subscriptions.refused(self.now, id, self.data, facts),
            Control::Shutdown => *self.shutdown_at = self.now,
        }
        self.answered = true;
    }
}

impl<IO: Facts> Reader<IO> for MarketReader<'_> {
    #[inline]
    fn message(&mut self, parser: &mut Plain, text: &mut [u8], io: &mut IO) -> Result<usize, Unread> {
        let control = self.decoder.message(parser, text, &mut Ctx { now: self.now, data: self.data, facts: io });
        match control {
            Control::None => {}
            Control::NotUtf8 => return Err(Unread::NotUtf8),
            control => self.react(control, io),
        }
        Ok(self.decoder.levels)
    }

    fn long_begins(&mut self) {
        self.decoder.long_begins();
    }

    fn long_head(&mut self, parser: &mut Plain, text: &mut [u8], array: usize, io: &mut IO) -> bool {
        self.decoder.long_head(parser, text, array, &mut Ctx { now: self.now, data: self.data, facts: io })
    }

    fn long_elements(&mut self, parser: &mut Plain, text: &mut [u8], _: bool, io: &mut IO) -> bool {
        self.decoder.long_elements(parser, text, &mut Ctx { now: self.now, data: self.data, facts: io })
    }

    fn long_end(&mut self, parser: &mut Plain, text: &mut [u8], io: &mut IO) -> Result<(), Unread> {
        let control = self.decoder.long_end(parser, text, &mut Ctx { now: self.now, data: self.data, facts: io });
        self.react(control, io);
        Ok(())
    }

    fn long_failed(&mut self, fault: &Fault, io: &mut IO) {
        self.decoder.long_failed(fault, &mut Ctx { now: self.now, data: self.data, facts: io });
    }
}
