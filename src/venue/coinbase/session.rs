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
use super::request::put_json_string;
use super::stream::{Control, Decoder, Fault};
use super::subscribe::{Request, Subscriptions, Topic};
use crate::codec::json::{ArraySlicer, Plain, Slice, SliceLimits};
use crate::codec::websocket::{self, Data, FrameReader, Item, WsError};
use crate::record::{Instrument, InstrumentId, UnixNanos};
use crate::venue::{
    Anomaly, Channels, Deadline, Facts, SessionError, SessionProgress, Wire, BYTES_PER_CALL_MAX, LEVELS_PER_CALL_MAX,
};

mod authorised;
mod config;
mod orders;
mod reply;

pub use config::{StreamConfig, StreamLoad, StreamRole, WantError};
pub use orders::{OrderConfig, OrderSession};
pub use reply::{NotSent, OrderProgress, Outcome, Refused, Reply, ReplyTo};

/// Losses within [`limits::RETRY_MS_MAX`] that one connection is forgiven.
pub const CONNECTION_GAPS_MAX: u32 = 3;
/// Longest header of a server's frame, bytes.
const FRAME_HEADER_BYTES_MAX: usize = 10;
/// The product whose heartbeat keeps a connection open on which nothing is wanted yet.
const ANCHOR: &str = "BTC-USD";
/// Slices of a long message in one call: one large one, or the small ones at its ends.
const SMALL_SLICES_BYTES: usize = 1024;

/// A long message being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Long {
    None,
    /// Slices may be ready; otherwise it is [`Long::Hungry`].
    Slicing,
    /// More pieces are needed.
    Hungry,
    /// Nothing of it is of use; more pieces will come.
    Discarding,
    /// All pieces are there; slices are left.
    Draining,
    /// All slices were read; trades are left to tell.
    Telling(Control),
    /// Nothing is left.
    Over(Control),
}

/// See the module's documentation. What messages look like is the business of its dialect `D`.
#[derive(Debug)]
pub struct StreamSession<D = Decoder> {
    role: StreamRole,
    config: StreamConfig,
    open: bool,
    reader: FrameReader,
    plain: Plain,
    slicer: ArraySlicer,
    long: Long,
    decoder: D,
    subscriptions: Subscriptions,
    token: Option<Box<str>>,
    user_snapshot: bool,
    last_seen: UnixNanos,
    deadline: UnixNanos,
    /// Connection-wide losses since `gaps_since`.
    gaps: u32,
    gaps_since: UnixNanos,
    text: Vec<u8>,
    /// An unauthenticated message was sent.
    spoke: bool,
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
            role,
            config,
            open: false,
            reader: reader(config),
            plain: Plain::new(BYTES_PER_CALL_MAX),
            slicer: ArraySlicer::with_limits(D::LONG_ARRAYS, slice_limits()),
            long: Long::None,
            decoder,
            subscriptions: Subscriptions::new(config, role == StreamRole::User),
            token: None,
            user_snapshot: false,
            last_seen: UnixNanos::NONE,
            deadline: UnixNanos::MAX,
            gaps: 0,
            gaps_since: UnixNanos::NONE,
            text: Vec::with_capacity(1024),
            spoke: false,
        }
    }

    /// From now on exactly these channels of the instrument are wanted; takes effect at the next [`Self::time`], which
    /// is due at once. On a user connection: the instrument's orders can be read in full; `channels` must be empty.
    ///
    /// # Errors
    /// [`WantError`].
    pub fn want(&mut self, instrument: &Instrument, channels: Channels) -> Result<(), WantError> {
        if self.role == StreamRole::User && !channels.is_empty() {
            return Err(WantError::NotMarket);
        }
        let channels = D::widened(channels.and(D::SERVED));
        let products = self.decoder.products_mut();
        let index = products.know(instrument);
        let max = limits::BOOKS_PER_CONNECTION_MAX;
        if channels.contains(Channels::BOOK) && self.subscriptions.books_wanted_besides(products.head_of(index)) >= max
        {
            return Err(WantError::TooManyBooks { max });
        }
        if let Some(product) = products.get_mut(index) {
            let before = std::mem::replace(&mut product.wanted, channels);
            if D::HEARTBEATS_NAME_PRODUCTS && before.is_empty() && !channels.is_empty() {
                self.subscriptions.ask_heartbeats_again();
            }
            self.subscriptions.want(index, before, products);
        }
        self.due_now();
        Ok(())
    }

    /// Takes over an instrument, or its new metadata, and changes nothing of what is wanted of it.
    pub fn know(&mut self, instrument: &Instrument) {
        self.decoder.products_mut().know(instrument);
    }

    /// The channels there are on such a connection; others are left out of every wish.
    pub const fn served(&self) -> Channels {
        D::SERVED
    }

    /// What is wanted here besides the instrument's own stream.
    pub fn load(&mut self, instrument: &Instrument) -> StreamLoad {
        let products = self.decoder.products_mut();
        let index = products.know(instrument);
        let head = products.head_of(index);
        StreamLoad {
            carried: !products.wanted_of_stream(head).is_empty(),
            streams: self.subscriptions.streams_wanted_besides(head),
            books: self.subscriptions.books_wanted_besides(head),
            places: limits::BOOKS_PER_CONNECTION_MAX,
        }
    }

    /// Least time between two messages of this address, ms.
    pub const fn message_gap_ms(&self) -> u64 {
        self.config.message_gap_ms
    }

    /// Whether the connection serves anything but its own heartbeats.
    pub fn wants_anything(&self) -> bool {
        self.subscriptions.wants_anything()
    }

    /// Another connection of this address sent something: nothing unauthenticated is sent here before this time, since
    /// the venue counts by address (Coinbase reference 5).
    pub fn hold(&mut self, now: UnixNanos, until: UnixNanos) {
        self.subscriptions.hold(until);
        if self.open {
            self.schedule(now);
        }
    }

    /// Whether an unauthenticated message was sent since the last call.
    pub fn take_spoke(&mut self) -> bool {
        std::mem::take(&mut self.spoke)
    }

    /// Open, and nothing was sent yet: such connections come first, since the venue drops them otherwise.
    pub fn is_mute(&self) -> bool {
        self.open && self.subscriptions.is_mute()
    }

    /// The connection is up, upgraded, and nothing was sent on it.
    ///
    /// # Errors
    /// As [`Self::time`].
    pub fn opened<IO: Facts + Wire>(&mut self, now: UnixNanos, io: &mut IO) -> Result<Deadline, SessionError> {
        self.open = true;
        self.reader = reader(self.config);
        self.slicer.reset();
        self.long = Long::None;
        self.decoder.opened();
        self.subscriptions.opened();
        self.user_snapshot = false;
        self.last_seen = now;
        (self.gaps, self.gaps_since) = (0, now);
        self.time(now, io)
    }

    /// The connection is gone. An unused token comes back, to be wiped: it would be stale on the next connection.
    pub fn closed(&mut self) -> Option<Box<str>> {
        self.open = false;
        self.deadline = UnixNanos::MAX;
        self.token.take()
    }

    /// Whether a channel of the account waits for a token; ask after every call.
    pub fn needs_token(&self, now: UnixNanos) -> bool {
        self.open && self.token.is_none() && self.subscriptions.token_due(now)
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
        if let Some(unused) = self.token.replace(token) {
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
        let (mut consumed, mut spent) = (0_usize, 0_usize);
        self.decoder.forget_levels();
        let more = loop {
            if !matches!(self.long, Long::None | Long::Hungry | Long::Discarding) {
                if spent > SMALL_SLICES_BYTES {
                    break true;
                }
                spent = spent.saturating_add(self.slice(now, io)?);
                continue;
            }
            let unread = plain.get_mut(consumed..).unwrap_or_default();
            if unread.is_empty() {
                break false;
            }
            let room = BYTES_PER_CALL_MAX.saturating_sub(spent);
            if room == 0 || self.decoder.levels() >= LEVELS_PER_CALL_MAX {
                break true;
            }
            // A frame that does not fit what is left of the budget waits for the next call.
            let window = if spent == 0 { room.saturating_add(FRAME_HEADER_BYTES_MAX) } else { room };
            let cut = window < unread.len();
            let unread = if cut { unread.get_mut(..window).unwrap_or_default() } else { unread };
            let step = self.reader.next(unread).map_err(|error| protocol(error, io))?;
            consumed = consumed.saturating_add(step.consumed);
            match step.item {
                Item::Incomplete { .. } => break cut && (spent > 0 || step.consumed > 0),
                Item::Message { text: true, payload } => {
                    spent = spent.saturating_add(payload.len());
                    self.last_seen = now;
                    let control = self.decoder.message(&mut self.plain, payload, io);
                    if control != Control::None || self.decoder.has_doubts() {
                        self.react(control, now, io)?;
                    }
                }
                Item::Piece { text: true, payload, first, last } => {
                    self.last_seen = now;
                    if self.long == Long::Discarding {
                        spent = spent.saturating_add(payload.len());
                    }
                    self.piece(payload, first, last, io);
                }
                Item::Message { payload, .. } | Item::Piece { payload, .. } => {
                    spent = spent.saturating_add(payload.len());
                    io.anomaly(Anomaly::Malformed, "binary message");
                }
                Item::Ping { payload } => {
                    self.last_seen = now;
                    let mask = mask(io);
                    // A ping that was read is short enough for its answer.
                    io.send(|out| websocket::encode_pong(out, mask, payload).unwrap_or_default());
                }
                Item::Pong { .. } => self.last_seen = now,
                Item::Close { code, reason } => {
                    let mask = mask(io);
                    io.send(|out| websocket::encode_close(out, mask, code, ""));
                    let code = code.map_or_else(|| "no code".to_owned(), |code| code.get().to_string());
                    return Err(SessionError::ClosedByPeer(format!("{code} {reason}").trim_end().to_owned()));
                }
            }
        };
        Ok(SessionProgress { consumed, more })
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
        // Pieces of a long message count as life, so it is measured on the bytes that come.
        let silent_ms = now.since(self.last_seen).checked_div(1_000_000).unwrap_or(0);
        if silent_ms > self.config.silence_ms_max {
            return Err(SessionError::Silent { silent_ms });
        }
        if self.long == Long::None {
            match self.subscriptions.expire(now, self.decoder.products_mut(), io) {
                Ok(None) => {}
                Ok(Some(request)) => self.say(request, now, io),
                Err(what) => return Err(SessionError::Resync(what)),
            }
        }
        self.pump(now, io);
        Ok(self.schedule(now))
    }

    /// When [`Self::time`] is due next; may lie in the past.
    pub fn deadline(&self) -> Deadline {
        (self.deadline != UnixNanos::MAX).then_some(self.deadline)
    }

    /// The engine found the book wrong: fetch it again. No gap is reported back.
    pub fn resync(&mut self, instrument: InstrumentId) {
        let products = self.decoder.products_mut();
        if let Some(product) = products.find_instrument(instrument).and_then(|index| products.get_mut(index)) {
            if product.book != BookState::Unwanted {
                product.book = BookState::Doubtful;
                self.decoder.note_doubt();
                self.due_now();
            }
        }
    }

    /// Whether everything asked is confirmed or its grace is over, every book is held, and the user snapshot complete.
    pub fn healthy(&self) -> bool {
        let user = self.role == StreamRole::Market || self.user_snapshot;
        self.open && user && self.long == Long::None && self.subscriptions.settled(self.decoder.products())
    }

    /// What the connection carries.
    pub const fn role(&self) -> StreamRole {
        self.role
    }

    /// Acts on what a message was.
    #[cold]
    fn react<IO: Facts + Wire>(&mut self, control: Control, now: UnixNanos, io: &mut IO) -> Result<(), SessionError> {
        match control {
            Control::None => {}
            Control::Heartbeat if !self.decoder.has_doubts() => return Ok(()),
            Control::Heartbeat => {}
            Control::Listed => {
                let listed = self.decoder.listed();
                self.subscriptions.listed(now, listed, self.decoder.products_mut(), io);
            }
            Control::UserSnapshotComplete => self.user_snapshot = true,
            Control::NotUtf8 => return Err(protocol(self.reader.refuse_text(), io)),
            Control::Error => {
                let topic = self.subscriptions.refused(now, self.decoder.products_mut(), io);
                if topic == Some(Topic::User) {
                    return Err(SessionError::Refused(format!("user channel: {}", self.decoder.error())));
                }
            }
        }
        self.check_gaps(now)?;
        self.pump(now, io);
        self.schedule(now);
        Ok(())
    }

    fn check_gaps(&mut self, now: UnixNanos) -> Result<(), SessionError> {
        let new = self.decoder.take_connection_gaps();
        if new == 0 || self.role == StreamRole::User {
            return Ok(());
        }
        if now.since(self.gaps_since) > limits::RETRY_MS_MAX.saturating_mul(1_000_000) {
            (self.gaps, self.gaps_since) = (0, now);
        }
        self.gaps = self.gaps.saturating_add(new);
        if self.gaps > CONNECTION_GAPS_MAX {
            return Err(SessionError::Resync("repeated losses on one connection"));
        }
        Ok(())
    }

    /// Sends the next message, if one may be sent.
    fn pump<IO: Facts + Wire>(&mut self, now: UnixNanos, io: &mut IO) {
        if self.decoder.take_doubts() {
            self.subscriptions.note_doubts(now, self.decoder.products());
        }
        if let Some(request) = self.subscriptions.choose(now, self.token.is_some()) {
            self.say(request, now, io);
        }
    }

    fn schedule(&mut self, now: UnixNanos) -> Deadline {
        let watchdog = self.last_seen.plus_ms(self.config.silence_ms_max).plus_ms(1);
        let work = match self.long {
            // A doubt is acted on at once, whoever has the turn to speak.
            Long::None if self.decoder.has_doubts() => UnixNanos(1),
            Long::None => self.subscriptions.deadline(now, self.token.is_some()),
            _ => UnixNanos::MAX,
        };
        self.deadline = watchdog.min(work);
        Some(self.deadline)
    }

    fn due_now(&mut self) {
        if self.open {
            self.deadline = UnixNanos(1);
        }
    }

    /// Sends one (un)subscribe message.
    fn say<IO: Facts + Wire>(&mut self, request: Request, now: UnixNanos, io: &mut IO) {
        let text = &mut self.text;
        text.clear();
        text.extend_from_slice(if request.subscribe {
            b"{\"type\":\"subscribe\""
        } else {
            b"{\"type\":\"unsubscribe\""
        });
        let products = self.decoder.products();
        let all = D::HEARTBEATS_NAME_PRODUCTS && request.topic == Topic::Heartbeats;
        if all || matches!(request.topic, Topic::Market(_)) {
            text.extend_from_slice(b",\"product_ids\":[");
            let first = text.len();
            let members = self.subscriptions.members().iter().filter_map(|index| products.get(*index));
            for product in members.chain(products.wanted_heads().filter(|_| all)) {
                if text.len() > first {
                    text.push(b',');
                }
                put_json_string(text, &product.streamed_as);
            }
            if all && text.len() == first {
                // Nothing wanted yet: a heartbeat all the same, or the venue ends the connection (Coinbase reference 8).
                put_json_string(text, ANCHOR);
            }
            text.push(b']');
        }
        let token = if request.topic.needs_token() { self.token.take() } else { None };
        let secret = self.decoder.put_channel(request, token.as_deref(), now, text);
        text.push(b'}');
        let mask = mask(io);
        io.send(|out| websocket::encode(out, Data::Text, mask, text));
        self.spoke |= token.is_none();
        if secret {
            // Not to linger here: the buffer is used again for other messages.
            text.fill(0);
            text.clear();
        }
        if let Some(token) = token {
            io.retire(token);
        }
        self.subscriptions.sent(now, request, self.decoder.products_mut());
    }

    /// Takes a piece of a long message.
    fn piece(&mut self, payload: &[u8], first: bool, last: bool, facts: &mut impl Facts) {
        if first {
            self.slicer.reset();
            self.decoder.long_begins();
            self.long = Long::Hungry;
        }
        if self.long == Long::Discarding {
            if last {
                self.long = Long::Over(Control::None);
            }
            return;
        }
        // Slices are taken before every push, so only one endless element leaves no room.
        let taken = self.slicer.push(payload) == payload.len();
        if last {
            self.slicer.finish();
        }
        self.long = if last { Long::Draining } else { Long::Slicing };
        if !taken {
            self.give_up_long(&Fault::TooLong { key: "array element" }, facts);
        }
    }

    fn give_up_long(&mut self, fault: &Fault, facts: &mut impl Facts) {
        self.decoder.long_failed(fault, facts);
        self.discard_long();
    }

    fn discard_long(&mut self) {
        let complete = self.long == Long::Draining;
        self.long = if complete { Long::Over(Control::None) } else { Long::Discarding };
    }

    /// One step of a long message; returns the bytes parsed.
    fn slice<IO: Facts + Wire>(&mut self, now: UnixNanos, io: &mut IO) -> Result<usize, SessionError> {
        match self.long {
            Long::Telling(control) => {
                let more = self.decoder.long_rest(io);
                self.long = if more { Long::Telling(control) } else { Long::Over(control) };
                return Ok(if more { BYTES_PER_CALL_MAX } else { 0 });
            }
            Long::Over(control) => {
                self.long = Long::None;
                self.last_seen = now;
                self.subscriptions.held_up(now);
                return self.react(control, now, io).map(|()| 0);
            }
            _ => {}
        }
        let (bytes, useful) = match self.slicer.next_slice() {
            Ok(Slice::NeedMore) if self.long == Long::Slicing => {
                self.long = Long::Hungry;
                return Ok(0);
            }
            Ok(Slice::NeedMore) => {
                self.long = Long::Over(Control::None);
                return Ok(0);
            }
            Ok(Slice::Head { text, .. }) => (text.len(), self.decoder.long_head(&mut self.plain, text, io)),
            Ok(Slice::Elements { text, last }) => {
                (text.len(), self.decoder.long_elements(&mut self.plain, text, last, io))
            }
            Ok(Slice::End { text }) => {
                let bytes = text.len();
                self.long = Long::Telling(self.decoder.long_end(&mut self.plain, text, io));
                return Ok(bytes);
            }
            Err(error) => {
                self.give_up_long(&Fault::Slice(error), io);
                return Ok(0);
            }
        };
        if !useful {
            self.discard_long();
        }
        Ok(bytes)
    }
}

fn slice_limits() -> SliceLimits {
    SliceLimits { slice_bytes_max: limits::SLICE_BYTES_MAX, ..SliceLimits::default() }
}

/// The decoder's parser looks at every byte of a whole message for UTF-8, so the reader need not.
fn reader(config: StreamConfig) -> FrameReader {
    let whole_bytes_max = limits::WHOLE_MESSAGE_BYTES_MAX;
    let limits = websocket::Limits { message_bytes_max: config.message_bytes_max, whole_bytes_max };
    FrameReader::new(limits).leaving_whole_text_unchecked()
}

fn mask(wire: &mut impl Wire) -> [u8; 4] {
    let mut mask = [0; 4];
    wire.entropy(&mut mask);
    mask
}

/// Says goodbye with the code the error calls for.
#[cold]
fn protocol(error: WsError, wire: &mut impl Wire) -> SessionError {
    let mask = mask(wire);
    wire.send(|out| websocket::encode_close(out, mask, Some(error.close_code()), ""));
    SessionError::Protocol(error.to_string())
}

#[cfg(test)]
mod tests;
