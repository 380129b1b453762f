//! The WebSocket side of a connection: frames in, messages out, within the budget of one call.
//!
//! Owns the framing state, the parser's buffers, the slicer of long messages, the sign of life and the answers to pings.
//! Guarantees at most [`BYTES_PER_CALL_MAX`] bytes of JSON and about [`LEVELS_PER_CALL_MAX`] levels per call; that a ping
//! is answered at once where the venue's limit of messages allows it, and otherwise with the youngest payload as soon as
//! it does (RFC 6455 section 5.5.3); and that silence ends the connection. Knows no message and no venue: a [`Reader`]
//! does.

use super::fault::Fault;
use super::{Anomaly, Facts, SessionError, SessionProgress, Wire, BYTES_PER_CALL_MAX, LEVELS_PER_CALL_MAX};
use crate::codec::json::{ArraySlicer, Plain, Slice, SliceLimits};
use crate::codec::websocket::{self, FrameReader, Item, WsError, CONTROL_BYTES_MAX};
use crate::guard::{Governor, Priority};
use crate::record::UnixNanos;
use arrayvec::ArrayVec;

/// Longest header of a server's frame, bytes.
const FRAME_HEADER_BYTES_MAX: usize = 10;
/// What binary messages are told as: no venue sends any.
const BINARY: &str = "binary message";
/// Slices of a long message in one call: one large one, or the small ones at its ends.
const SMALL_SLICES_BYTES: usize = 1024;

/// What a venue's connections are like.
#[derive(Debug, Clone)]
pub(in crate::venue) struct FramesConfig {
    /// Names of the arrays that make messages long.
    pub long_arrays: &'static [&'static str],
    /// How long messages are cut.
    pub slices: SliceLimits,
    /// Longest message taken, bytes.
    pub message_bytes_max: u64,
    /// Longest message parsed whole, bytes; longer ones are sliced.
    pub whole_bytes_max: usize,
    /// Silence after which the connection counts as dead, ms.
    pub silence_ms_max: u64,
    /// Messages of ours that count against the venue's limit, none counted yet; `None` where it has none.
    pub pace: Option<Governor>,
}

/// Why a message ends its connection.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::venue) enum Unread {
    /// It is not UTF-8 (RFC 6455 section 8.1).
    NotUtf8,
    /// For what it says.
    End(SessionError),
}

impl From<SessionError> for Unread {
    fn from(error: SessionError) -> Unread {
        Unread::End(error)
    }
}

/// What a fault of `text`, just refused by the parser, means for its connection.
pub(in crate::venue) fn check_text(fault: &Fault, text: &[u8]) -> Result<(), Unread> {
    match fault {
        Fault::Json(error) if error.is_of_bad_utf8(text) => Err(Unread::NotUtf8),
        _ => Ok(()),
    }
}

/// Reads the messages of one connection.
pub(in crate::venue) trait Reader<IO> {
    /// A whole message, text that nobody has checked; returns the levels told.
    fn message(&mut self, parser: &mut Plain, text: &mut [u8], io: &mut IO) -> Result<usize, Unread>;
    /// A long message begins.
    fn long_begins(&mut self) {}
    /// The text up to an array that opens. False: nothing more of this message is of use.
    fn long_head(&mut self, _parser: &mut Plain, _text: &mut [u8], _array: usize, _io: &mut IO) -> bool {
        true
    }
    /// Elements of the array that opened last, `last` if it ends with them. False: nothing more of this message is of use.
    fn long_elements(&mut self, _parser: &mut Plain, _text: &mut [u8], _last: bool, _io: &mut IO) -> bool {
        true
    }
    /// The whole text with its long arrays empty: a connection without long arrays reads a message that came in
    /// fragments here.
    fn long_end(&mut self, parser: &mut Plain, text: &mut [u8], io: &mut IO) -> Result<(), Unread> {
        self.message(parser, text, io).map(|_| ())
    }
    /// Tells what was held back of a message read to its end; true while more is left. Nothing else is read before.
    fn long_rest(&mut self, _io: &mut IO) -> bool {
        false
    }
    /// The message cannot be read any further.
    fn long_failed(&mut self, fault: &Fault, io: &mut IO);
    /// A long message is over, read to its end or not: nothing of it will come any more.
    fn long_over(&mut self, _io: &mut IO) -> Result<(), Unread> {
        Ok(())
    }
}

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
    /// All slices were read; something of them is left to tell.
    Telling,
    /// Nothing is left.
    Over,
}

/// See the module's documentation.
#[derive(Debug)]
pub(in crate::venue) struct Frames {
    config: FramesConfig,
    reader: FrameReader,
    parser: Plain,
    slicer: ArraySlicer,
    long: Long,
    last_seen: UnixNanos,
    pace: Option<Governor>,
    /// A ping that could not be answered yet.
    ping: Option<ArrayVec<u8, CONTROL_BYTES_MAX>>,
    pong_at: UnixNanos,
}

impl Frames {
    /// For a connection that is not up yet.
    pub fn new(config: FramesConfig) -> Frames {
        Frames {
            reader: frame_reader(&config),
            parser: Plain::new(BYTES_PER_CALL_MAX),
            slicer: ArraySlicer::with_limits(config.long_arrays, config.slices),
            long: Long::None,
            last_seen: UnixNanos::NONE,
            pace: config.pace.clone(),
            ping: None,
            pong_at: UnixNanos::MAX,
            config,
        }
    }

    /// The connection is up.
    pub fn opened(&mut self, now: UnixNanos) {
        self.reader = frame_reader(&self.config);
        self.slicer.reset();
        (self.long, self.last_seen) = (Long::None, now);
        (self.ping, self.pong_at) = (None, UnixNanos::MAX);
        self.pace.clone_from(&self.config.pace);
    }

    /// Whether no long message is being read.
    pub fn is_between_messages(&self) -> bool {
        self.long == Long::None
    }

    /// A message of ours may leave now; it is counted.
    ///
    /// # Errors
    /// When it may.
    pub fn may_send(&mut self, now: UnixNanos) -> Result<(), UnixNanos> {
        match &mut self.pace {
            None => Ok(()),
            Some(pace) => pace.take(now, Priority::Cancel).map_err(|retry| retry.0),
        }
    }

    /// Answers what is due and looks at the silence. Returns when to come again.
    pub fn time<IO: Wire>(&mut self, now: UnixNanos, io: &mut IO) -> Result<UnixNanos, SessionError> {
        // Pieces of a long message count as life, so it is measured on the bytes that come.
        let silent_ms = now.since(self.last_seen).checked_div(1_000_000).unwrap_or(0);
        if silent_ms > self.config.silence_ms_max {
            return Err(SessionError::Silent { silent_ms });
        }
        if self.pong_at <= now {
            self.pong_at = UnixNanos::MAX;
            if let Some(payload) = self.ping.take() {
                self.pong(now, &payload, io);
            }
        }
        Ok(self.deadline())
    }

    /// When [`Frames::time`] is due next.
    pub fn deadline(&self) -> UnixNanos {
        self.last_seen.plus_ms(self.config.silence_ms_max).plus_ms(1).min(self.pong_at)
    }

    /// Reads from `plain`, the unread bytes of the connection, within the budget of one call.
    pub fn read<IO: Facts + Wire>(
        &mut self,
        now: UnixNanos,
        plain: &mut [u8],
        reader: &mut impl Reader<IO>,
        io: &mut IO,
    ) -> Result<SessionProgress, SessionError> {
        let (mut consumed, mut spent, mut levels) = (0_usize, 0_usize, 0_usize);
        let more = loop {
            if !matches!(self.long, Long::None | Long::Hungry | Long::Discarding) {
                if spent > SMALL_SLICES_BYTES {
                    break true;
                }
                spent = spent.saturating_add(self.slice(now, reader, io)?);
                continue;
            }
            let unread = plain.get_mut(consumed..).unwrap_or_default();
            if unread.is_empty() {
                break false;
            }
            let room = BYTES_PER_CALL_MAX.saturating_sub(spent);
            if room == 0 || levels >= LEVELS_PER_CALL_MAX {
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
                    let told = reader.message(&mut self.parser, payload, io);
                    levels = levels.saturating_add(told.map_err(|unread| self.ended(unread, io))?);
                }
                Item::Piece { text: true, payload, first, last } => {
                    self.last_seen = now;
                    if self.long == Long::Discarding {
                        spent = spent.saturating_add(payload.len());
                    }
                    self.piece(payload, first, last, reader, io);
                }
                Item::Message { payload, .. } => {
                    spent = spent.saturating_add(payload.len());
                    io.anomaly(Anomaly::Malformed, BINARY);
                }
                Item::Piece { payload, last, .. } => {
                    spent = spent.saturating_add(payload.len());
                    // Once, in however many pieces it came.
                    if last {
                        io.anomaly(Anomaly::Malformed, BINARY);
                    }
                }
                Item::Ping { payload } => {
                    self.last_seen = now;
                    let mut kept = ArrayVec::<u8, CONTROL_BYTES_MAX>::new();
                    // A ping that was read is short enough.
                    let _ = kept.try_extend_from_slice(payload);
                    self.pong(now, &kept, io);
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

    #[cold]
    fn ended(&mut self, unread: Unread, io: &mut impl Wire) -> SessionError {
        match unread {
            Unread::NotUtf8 => protocol(self.reader.refuse_text(), io),
            Unread::End(error) => error,
        }
    }

    fn pong(&mut self, now: UnixNanos, payload: &[u8], io: &mut impl Wire) {
        match self.may_send(now) {
            Ok(()) => {
                let mask = mask(io);
                io.send(|out| websocket::encode_pong(out, mask, payload).unwrap_or_default());
            }
            Err(at) => {
                self.ping = ArrayVec::try_from(payload).ok();
                self.pong_at = at;
            }
        }
    }

    fn piece<IO: Facts>(&mut self, payload: &[u8], first: bool, last: bool, reader: &mut impl Reader<IO>, io: &mut IO) {
        if first {
            self.slicer.reset();
            reader.long_begins();
            self.long = Long::Hungry;
        }
        if self.long == Long::Discarding {
            if last {
                self.long = Long::Over;
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
            reader.long_failed(&Fault::TooLong { key: "array element" }, io);
            self.discard();
        }
    }

    fn discard(&mut self) {
        self.long = if self.long == Long::Draining { Long::Over } else { Long::Discarding };
    }

    /// One step of a long message; returns the bytes parsed.
    fn slice<IO: Facts + Wire>(
        &mut self,
        now: UnixNanos,
        reader: &mut impl Reader<IO>,
        io: &mut IO,
    ) -> Result<usize, SessionError> {
        match self.long {
            Long::Telling => {
                let more = reader.long_rest(io);
                self.long = if more { Long::Telling } else { Long::Over };
                return Ok(if more { BYTES_PER_CALL_MAX } else { 0 });
            }
            Long::Over => {
                (self.long, self.last_seen) = (Long::None, now);
                return reader.long_over(io).map(|()| 0).map_err(|unread| self.ended(unread, io));
            }
            _ => {}
        }
        let (bytes, useful) = match self.slicer.next_slice() {
            Ok(Slice::NeedMore) if self.long == Long::Slicing => {
                self.long = Long::Hungry;
                return Ok(0);
            }
            Ok(Slice::NeedMore) => {
                self.long = Long::Over;
                return Ok(0);
            }
            Ok(Slice::Head { text, array }) => (text.len(), reader.long_head(&mut self.parser, text, array, io)),
            Ok(Slice::Elements { text, last }) => (text.len(), reader.long_elements(&mut self.parser, text, last, io)),
            Ok(Slice::End { text }) => {
                let bytes = text.len();
                self.long = Long::Telling;
                let read = reader.long_end(&mut self.parser, text, io);
                return read.map(|()| bytes).map_err(|unread| self.ended(unread, io));
            }
            Err(error) => {
                reader.long_failed(&Fault::Slice(error), io);
                self.discard();
                return Ok(0);
            }
        };
        if !useful {
            self.discard();
        }
        Ok(bytes)
    }
}

/// The parser looks at every byte of a whole message for UTF-8, so the reader need not.
fn frame_reader(config: &FramesConfig) -> FrameReader {
    let limits =
        websocket::Limits { message_bytes_max: config.message_bytes_max, whole_bytes_max: config.whole_bytes_max };
    FrameReader::new(limits).leaving_whole_text_unchecked()
}

/// What the next frame is masked with.
pub(in crate::venue) fn mask(wire: &mut impl Wire) -> [u8; 4] {
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
