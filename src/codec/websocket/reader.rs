//! The incremental reader of server frames over the caller's receive buffer.
//!
//! Owns the place in the stream (inside which frame, inside which message, how much of a code point) and no bytes.
//! Guarantees: the items do not depend on how the bytes were cut into reads, except where a long message is cut into
//! pieces; text is UTF-8, unless the caller has taken that check on itself; after a close frame or an error nothing more
//! is delivered. Never copies a payload, never allocates.
//!
//! The loop around it:
//! ```
//! # use exchange_connectors::codec::websocket::{FrameReader, Item, Limits, Step};
//! # let mut receive_buffer = [0x81, 2, b'h', b'i', 0x89];
//! # let mut reader = FrameReader::new(Limits::default());
//! let mut start = 0;
//! loop {
//!     let Step { consumed, item } = reader.next(&mut receive_buffer[start..])?;
//!     let stop = match item {
//!         Item::Incomplete { .. } => true, // read more bytes behind the unread ones, then call again
//!         Item::Message { payload, .. } => { assert_eq!(payload, b"hi"); false }
//!         _ => false,
//!     };
//!     start += consumed; // also with `Incomplete`
//!     if stop { break }
//! }
//! assert_eq!(start, 4); // the first byte of the next frame waits
//! # Ok::<(), exchange_connectors::codec::websocket::WsError>(())
//! ```

use super::frame::{parse_header, CloseCode, Header, Opcode, Parsed, WsError};
use super::utf8::Utf8Pieces;

/// Default of [`Limits::message_bytes_max`]: the largest snapshot seen is 5 MB (Coinbase reference 6), with room to grow.
const MESSAGE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Default of [`Limits::whole_bytes_max`]: one turn of the engine parses no more than this.
const WHOLE_BYTES_MAX: usize = 16 * 1024;

/// What the reader takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest message in bytes, over all its fragments. Default 16 MiB.
    pub message_bytes_max: u64,
    /// Longest message in bytes that is delivered whole, and the most new bytes in one piece of a longer one. The receive
    /// buffer must hold this and 10 bytes of header. Default 16 KiB.
    pub whole_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message_bytes_max: MESSAGE_BYTES_MAX, whole_bytes_max: WHOLE_BYTES_MAX }
    }
}

/// One step through the stream.
#[derive(Debug)]
pub struct Step<'b> {
    /// Bytes at the front of the buffer that are done with once the item has been looked at.
    pub consumed: usize,
    /// What they held.
    pub item: Item<'b>,
}

/// What the server sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'b> {
    /// Nothing more in the buffer. `consumed` may still be above zero (a header was taken).
    Incomplete {
        /// At least so many more bytes are needed behind what stays unread. A lower bound, never 0.
        bytes_wanted: usize,
    },
    /// A whole unfragmented message of at most [`Limits::whole_bytes_max`] bytes.
    Message {
        /// Text (then it is UTF-8, but see [`FrameReader::leaving_whole_text_unchecked`]) or binary.
        text: bool,
        /// The payload, in place.
        payload: &'b mut [u8],
    },
    /// The next part of a longer or fragmented message. Empty only where it is the last part.
    Piece {
        /// Text or binary. What was delivered so far is a valid beginning of UTF-8; a code point may be cut at the end.
        text: bool,
        /// What was kept of the piece before ([`FrameReader::keep`]), then at most [`Limits::whole_bytes_max`] new bytes.
        payload: &'b mut [u8],
        /// Opens the message.
        first: bool,
        /// Ends the message.
        last: bool,
    },
    /// Answer with a pong of the same payload.
    Ping {
        /// At most 125 bytes.
        payload: &'b [u8],
    },
    /// An answer to our ping, or unasked.
    Pong {
        /// At most 125 bytes.
        payload: &'b [u8],
    },
    /// The server closes. Nothing is delivered after it.
    Close {
        /// `None` where the frame was empty.
        code: Option<CloseCode>,
        /// At most 123 bytes, often empty.
        reason: &'b str,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Between messages.
    Ready,
    /// Inside a message that is delivered in pieces.
    Open,
    Closed,
    Failed(WsError),
}

/// The message that is being delivered in pieces.
#[derive(Clone, Debug, Default)]
struct Open {
    text: bool,
    /// A piece of it has been delivered.
    begun: bool,
    /// The current frame is the last of the message.
    fin: bool,
    /// Payload bytes of the current frame still to come.
    frame_bytes_left: u64,
    /// Payload bytes announced by all its frames so far.
    bytes: u64,
    utf8: Utf8Pieces,
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct FrameReader {
    phase: Phase,
    limits: Limits,
    /// Whether whole text messages are checked here.
    checks_whole_text: bool,
    open: Open,
    /// Bytes at the front of the buffer that the caller kept of the last piece.
    kept: usize,
    /// Length of the last item if it was a piece that has a successor: the most that can be kept.
    keepable: usize,
}

impl FrameReader {
    /// A reader at the first byte behind the upgrade response.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let whole_max = usize::try_from(limits.message_bytes_max).unwrap_or(usize::MAX);
        let limits = Limits { whole_bytes_max: limits.whole_bytes_max.clamp(1, whole_max.max(1)), ..limits };
        Self { phase: Phase::Ready, limits, checks_whole_text: true, open: Open::default(), kept: 0, keepable: 0 }
    }

    /// The same reader, which delivers a [`Item::Message`] of text without looking at its bytes: for callers whose parser
    /// looks at them anyway, and who must then call [`Self::refuse_text`] for what is not UTF-8 (RFC 6455 section 8.1).
    /// Pieces are checked all the same: what a parser sees of them may begin and end inside a code point.
    #[must_use]
    pub fn leaving_whole_text_unchecked(mut self) -> Self {
        self.checks_whole_text = false;
        self
    }

    /// The text just delivered is not UTF-8: nothing more is delivered. Returns the error to close the connection with.
    #[cold]
    pub fn refuse_text(&mut self) -> WsError {
        self.fail(WsError::InvalidUtf8)
    }

    /// Takes the next item off the front of `unread`, which must begin where the last step's `consumed` (less what
    /// was [kept](Self::keep)) ended.
    ///
    /// # Errors
    /// The way the server broke the protocol; the same again on every later call.
    #[inline]
    pub fn next<'b>(&mut self, unread: &'b mut [u8]) -> Result<Step<'b>, WsError> {
        // Nearly every frame of a feed is a whole text message with a 7 or 16 bit length: settle it here.
        if self.phase == Phase::Ready {
            if let Some((text, header_bytes, end)) = whole_frame(unread, self.limits.whole_bytes_max) {
                let payload = unread.get_mut(header_bytes..end).unwrap_or_default();
                if text && self.checks_whole_text && simdutf8::basic::from_utf8(payload).is_err() {
                    return Err(self.fail(WsError::InvalidUtf8));
                }
                return Ok(Step { consumed: end, item: Item::Message { text, payload } });
            }
        }
        self.step(unread).map_err(|error| self.fail(error))
    }

    /// Leaves the last `bytes` of the piece just delivered in the buffer: they come again at the front of the next piece,
    /// with the new bytes right behind them even where a frame boundary or a ping lay between. So an array that is cut
    /// inside an element needs no second buffer. Returns how many are kept (0 after anything but a piece with a
    /// successor); advance by `consumed` less this.
    ///
    /// What is kept stays in the caller's buffer: keep less than a whole piece of a long message again and again, or the
    /// buffer fills.
    pub fn keep(&mut self, bytes: usize) -> usize {
        if self.keepable == 0 {
            return 0;
        }
        self.kept = bytes.min(self.keepable);
        self.kept
    }

    /// True once a close frame came: all that is left is to answer it and hang up.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    #[cold]
    fn fail(&mut self, error: WsError) -> WsError {
        self.phase = Phase::Failed(error);
        error
    }

    /// The general case. `taken` bytes at the front are done with, the kept bytes lie behind them, then what is new.
    fn step<'b>(&mut self, unread: &'b mut [u8]) -> Result<Step<'b>, WsError> {
        self.keepable = 0;
        match self.phase {
            Phase::Closed => return Ok(incomplete(unread.len(), 1)),
            Phase::Failed(error) => return Err(error),
            Phase::Ready | Phase::Open => {}
        }
        let mut taken = 0_usize;
        loop {
            if self.open.frame_bytes_left > 0 {
                return self.piece(unread, taken);
            }
            let new_at = taken.saturating_add(self.kept);
            let new = unread.get(new_at..).unwrap_or_default();
            let header = match parse_header(new)? {
                Parsed::Wanted(more) => return Ok(incomplete(taken, more)),
                Parsed::Header(header) => header,
            };
            self.check_order(header)?;
            let payload_bytes = usize::try_from(header.payload_bytes).unwrap_or(usize::MAX);
            let whole = header.opcode.is_control()
                || (self.phase == Phase::Ready && header.fin && payload_bytes <= self.limits.whole_bytes_max);
            if whole {
                let frame_bytes = header.header_bytes.saturating_add(payload_bytes);
                if let Some(missing) = frame_bytes.checked_sub(new.len()).filter(|&missing| missing > 0) {
                    return Ok(incomplete(taken, missing));
                }
                self.put_before_kept(unread, taken, frame_bytes);
                let payload_at = taken.saturating_add(header.header_bytes);
                let end = taken.saturating_add(frame_bytes);
                let payload = unread.get_mut(payload_at..end).unwrap_or_default();
                return Ok(Step { consumed: end, item: self.whole(header.opcode, payload)? });
            }
            self.put_before_kept(unread, taken, header.header_bytes);
            taken = taken.saturating_add(header.header_bytes);
            self.enter(header);
            if header.payload_bytes == 0 && header.fin {
                return self.piece(unread, taken);
            }
        }
    }

    /// The rules about which frame may follow which, and the limit on the sum.
    fn check_order(&self, header: Header) -> Result<(), WsError> {
        match (header.opcode, self.phase == Phase::Open) {
            (opcode, _) if opcode.is_control() => return Ok(()),
            (Opcode::Continuation, false) => return Err(WsError::ContinuationWithoutStart),
            (Opcode::Text | Opcode::Binary, true) => return Err(WsError::DataInsideMessage),
            _ => {}
        }
        let before = if self.phase == Phase::Open { self.open.bytes } else { 0 };
        let bytes = before.saturating_add(header.payload_bytes);
        if bytes > self.limits.message_bytes_max {
            return Err(WsError::MessageTooBig { bytes, bytes_max: self.limits.message_bytes_max });
        }
        Ok(())
    }

    /// Goes into a data frame whose payload is delivered in pieces.
    fn enter(&mut self, header: Header) {
        if self.phase == Phase::Ready {
            self.phase = Phase::Open;
            self.open = Open { text: header.opcode == Opcode::Text, ..Open::default() };
        }
        self.open.fin = header.fin;
        self.open.frame_bytes_left = header.payload_bytes;
        self.open.bytes = self.open.bytes.saturating_add(header.payload_bytes);
    }

    /// Delivers what is there of the current frame.
    fn piece<'b>(&mut self, unread: &'b mut [u8], taken: usize) -> Result<Step<'b>, WsError> {
        let new_at = taken.saturating_add(self.kept);
        let there = unread.len().saturating_sub(new_at).min(self.limits.whole_bytes_max);
        let left = usize::try_from(self.open.frame_bytes_left).unwrap_or(usize::MAX);
        let new_bytes = there.min(left);
        if new_bytes == 0 && left > 0 {
            return Ok(incomplete(taken, 1));
        }
        let end = new_at.saturating_add(new_bytes);
        let text = self.open.text;
        if text {
            let new = unread.get(new_at..end).unwrap_or_default();
            self.open.utf8.feed(new).map_err(|_| WsError::InvalidUtf8)?;
        }
        self.open.frame_bytes_left =
            self.open.frame_bytes_left.saturating_sub(u64::try_from(new_bytes).unwrap_or(u64::MAX));
        let last = self.open.fin && self.open.frame_bytes_left == 0;
        if last {
            if text && !self.open.utf8.is_complete() {
                return Err(WsError::InvalidUtf8);
            }
            self.phase = Phase::Ready;
        }
        let first = !self.open.begun;
        self.open.begun = true;
        self.kept = 0;
        let payload = unread.get_mut(taken..end).unwrap_or_default();
        self.keepable = if last { 0 } else { payload.len() };
        Ok(Step { consumed: end, item: Item::Piece { text, payload, first, last } })
    }

    /// Reads the payload of a frame that is complete in the buffer.
    fn whole<'b>(&mut self, opcode: Opcode, payload: &'b mut [u8]) -> Result<Item<'b>, WsError> {
        Ok(match opcode {
            Opcode::Ping => Item::Ping { payload },
            Opcode::Pong => Item::Pong { payload },
            Opcode::Close => {
                let item = close(payload)?;
                self.phase = Phase::Closed;
                item
            }
            Opcode::Continuation | Opcode::Text | Opcode::Binary => {
                let text = opcode == Opcode::Text;
                if text && self.checks_whole_text && simdutf8::basic::from_utf8(payload).is_err() {
                    return Err(WsError::InvalidUtf8);
                }
                Item::Message { text, payload }
            }
        })
    }

    /// Swaps the kept bytes with the `bytes` that follow them, so that they lie right before what comes next.
    fn put_before_kept(&self, unread: &mut [u8], taken: usize, bytes: usize) {
        if self.kept == 0 {
            return;
        }
        let end = taken.saturating_add(self.kept).saturating_add(bytes);
        if let Some(both) = unread.get_mut(taken..end) {
            both.rotate_left(self.kept);
        }
    }
}

const fn incomplete<'b>(consumed: usize, bytes_wanted: usize) -> Step<'b> {
    Step { consumed, item: Item::Incomplete { bytes_wanted } }
}

/// Text or binary, header bytes and end of the frame, if a whole unfragmented short message lies at the front.
#[inline]
fn whole_frame(unread: &[u8], whole_bytes_max: usize) -> Option<(bool, usize, usize)> {
    // FIN set, RSV clear, opcode text or binary; length byte below 128, so not masked.
    let (text, header_bytes, payload_bytes) = match *unread {
        [first @ (0x81 | 0x82), 126, high, low, ..] => (first == 0x81, 4, usize::from(u16::from_be_bytes([high, low]))),
        [first @ (0x81 | 0x82), short @ 0..=125, ..] => (first == 0x81, 2, usize::from(short)),
        _ => return None,
    };
    let minimal = header_bytes == 2 || payload_bytes > 125;
    let end = payload_bytes.saturating_add(header_bytes);
    (minimal && payload_bytes <= whole_bytes_max && end <= unread.len()).then_some((text, header_bytes, end))
}

/// Code and reason of a close frame (RFC 6455 section 5.5.1).
fn close(payload: &[u8]) -> Result<Item<'_>, WsError> {
    let Some((&[high, low], reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() {
            Ok(Item::Close { code: None, reason: "" })
        } else {
            Err(WsError::CloseOfOneByte)
        };
    };
    let code = u16::from_be_bytes([high, low]);
    let code = CloseCode::new(code).ok_or(WsError::BadCloseCode { code })?;
    let reason = std::str::from_utf8(reason).map_err(|_| WsError::InvalidUtf8)?;
    Ok(Item::Close { code: Some(code), reason })
}
