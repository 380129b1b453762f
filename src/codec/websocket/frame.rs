//! Frame headers, opcodes, close codes and the ways a peer can break the protocol (RFC 6455 sections 5 and 7).
//!
//! Owns the header grammar: a header that comes out of [`parse_header`] is unmasked, has no reserved bit or opcode, a
//! length in its shortest form, and if it is a control frame it is whole and short. Knows nothing of the order of frames;
//! that is the reader's affair.

use thiserror::Error;

/// Longest payload of a ping, pong or close frame in bytes (RFC 6455 section 5.5).
pub const CONTROL_BYTES_MAX: usize = 125;

/// Length byte that announces a 16-bit length.
const LENGTH_16: u8 = 126;
/// Length byte that announces a 64-bit length.
const LENGTH_64: u8 = 127;

/// What a frame is (RFC 6455 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Opcode {
    /// Carries on the fragmented message that is open.
    Continuation,
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
    /// End of the connection.
    Close,
    /// Asks for a pong with the same payload.
    Ping,
    /// Answers a ping, or comes unasked.
    Pong,
}

impl Opcode {
    const fn from_wire(bits: u8) -> Option<Self> {
        match bits {
            0x0 => Some(Self::Continuation),
            0x1 => Some(Self::Text),
            0x2 => Some(Self::Binary),
            0x8 => Some(Self::Close),
            0x9 => Some(Self::Ping),
            0xA => Some(Self::Pong),
            _ => None,
        }
    }

    /// The four bits on the wire.
    #[must_use]
    pub const fn wire(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }

    /// Close, ping and pong: these may come between the fragments of a message.
    #[must_use]
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// A close code that may travel in a close frame: one of RFC 6455 section 7.4.1, one registered since, or 3000-4999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: done.
    pub const NORMAL: Self = Self(1000);
    /// 1001: one side is going away.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the framing rules.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1007: the peer sent text that is not UTF-8.
    pub const INVALID_DATA: Self = Self(1007);
    /// 1009: the peer sent more than we take.
    pub const TOO_BIG: Self = Self(1009);
    /// 1012: the server restarts; wait a while before coming back.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: the server is overloaded; wait a while before coming back.
    pub const TRY_AGAIN_LATER: Self = Self(1013);

    /// `None` for codes that must never be on the wire: below 1000, the reserved 1004, 1005, 1006 and 1015, the
    /// unassigned 1016-2999, and 5000 upward.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            // 1012-1014 are in the IANA registry, though not in the RFC.
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// How a server broke the protocol. [`WsError::close_code`] says what to close the connection with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WsError {
    /// A server must not mask (RFC 6455 section 5.1).
    #[error("websocket: the server masked a frame; reconnect")]
    Masked,
    /// Reserved bits are set although no extension was agreed.
    #[error("websocket: reserved bits {bits:#05b} set without an agreed extension; reconnect")]
    ReservedBits {
        /// RSV1 is bit 2, RSV2 bit 1, RSV3 bit 0.
        bits: u8,
    },
    /// Opcodes 3-7 and 11-15 mean nothing yet.
    #[error("websocket: reserved opcode {bits:#x}; reconnect")]
    ReservedOpcode {
        /// The four opcode bits.
        bits: u8,
    },
    /// Control frames may not be fragmented.
    #[error("websocket: fragmented {opcode:?} frame; reconnect")]
    FragmentedControl {
        /// Which control frame.
        opcode: Opcode,
    },
    /// Control frames carry at most [`CONTROL_BYTES_MAX`] bytes.
    #[error("websocket: {opcode:?} frame longer than 125 bytes; reconnect")]
    ControlTooLong {
        /// Which control frame.
        opcode: Opcode,
    },
    /// A continuation frame while no message is open.
    #[error("websocket: continuation frame without a message to continue; reconnect")]
    ContinuationWithoutStart,
    /// A text or binary frame while a fragmented message is open.
    #[error("websocket: new message began inside a fragmented one; reconnect")]
    DataInsideMessage,
    /// A length was not written in its shortest form.
    #[error("websocket: payload length {length} not in its shortest form; reconnect")]
    NonMinimalLength {
        /// The length, in bytes.
        length: u64,
    },
    /// The top bit of a 64-bit length is set.
    #[error("websocket: 64-bit payload length with its top bit set; reconnect")]
    LengthTopBit,
    /// The message is longer than [`Limits::message_bytes_max`](super::Limits::message_bytes_max).
    #[error("websocket: message of at least {bytes} bytes exceeds the limit of {bytes_max}; raise the limit or subscribe to less")]
    MessageTooBig {
        /// What the frames so far add up to, in bytes.
        bytes: u64,
        /// The limit, in bytes.
        bytes_max: u64,
    },
    /// Text, or the reason of a close frame, is not UTF-8.
    #[error("websocket: text is not UTF-8; reconnect")]
    InvalidUtf8,
    /// A close payload of one byte cannot hold a code.
    #[error("websocket: close frame of one byte; reconnect")]
    CloseOfOneByte,
    /// The close code may not be on the wire.
    #[error("websocket: close code {code} must not be sent; reconnect")]
    BadCloseCode {
        /// The code as sent.
        code: u16,
    },
}

impl WsError {
    /// What to put into the close frame before giving the connection up: 1002, 1007 or 1009.
    #[must_use]
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::InvalidUtf8 => CloseCode::INVALID_DATA,
            Self::MessageTooBig { .. } => CloseCode::TOO_BIG,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }
}

/// A header that obeys the rules of a single frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub fin: bool,
    pub opcode: Opcode,
    /// Bytes of the header itself: 2, 4 or 10.
    pub header_bytes: usize,
    /// Bytes of payload behind it, below 2^63.
    pub payload_bytes: u64,
}

/// Outcome of looking for a header at the front of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// At least so many more bytes are wanted.
    Wanted(usize),
    Header(Header),
}

/// Reads one server frame header. Refuses as soon as the bytes that are there settle the matter.
pub(super) fn parse_header(bytes: &[u8]) -> Result<Parsed, WsError> {
    let Some(&[first, second]) = bytes.first_chunk::<2>() else {
        return Ok(Parsed::Wanted(2_usize.saturating_sub(bytes.len())));
    };
    let fin = first & 0x80 != 0;
    let reserved = (first >> 4) & 0x7;
    if reserved != 0 {
        return Err(WsError::ReservedBits { bits: reserved });
    }
    let Some(opcode) = Opcode::from_wire(first & 0xF) else {
        return Err(WsError::ReservedOpcode { bits: first & 0xF });
    };
    if second & 0x80 != 0 {
        return Err(WsError::Masked);
    }
    let short = second & 0x7F;
    if opcode.is_control() {
        if !fin {
            return Err(WsError::FragmentedControl { opcode });
        }
        if usize::from(short) > CONTROL_BYTES_MAX {
            return Err(WsError::ControlTooLong { opcode });
        }
    }
    let (header_bytes, payload_bytes) = match short {
        LENGTH_16 => {
            let Some(&[_, _, high, low]) = bytes.first_chunk::<4>() else {
                return Ok(Parsed::Wanted(4_usize.saturating_sub(bytes.len())));
            };
            let length = u64::from(u16::from_be_bytes([high, low]));
            if length < u64::from(LENGTH_16) {
                return Err(WsError::NonMinimalLength { length });
            }
            (4, length)
        }
        LENGTH_64 => {
            let Some(&[_, _, a, b, c, d, e, f, g, h]) = bytes.first_chunk::<10>() else {
                return Ok(Parsed::Wanted(10_usize.saturating_sub(bytes.len())));
            };
            let length = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
            if length >> 63 != 0 {
                return Err(WsError::LengthTopBit);
            }
            if length <= u64::from(u16::MAX) {
                return Err(WsError::NonMinimalLength { length });
            }
            (10, length)
        }
        short => (2, u64::from(short)),
    };
    Ok(Parsed::Header(Header {
        fin,
        opcode,
        header_bytes,
        payload_bytes,
    }))
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[test]
    fn every_close_code_is_allowed_or_refused_as_the_registry_says() {
        for code in 0..=u16::MAX {
            let allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            assert_eq!(CloseCode::new(code).is_some(), allowed, "{code}");
        }
        assert_eq!(CloseCode::new(1012), Some(CloseCode::SERVICE_RESTART));
    }

    #[test]
    fn the_three_length_forms_are_read() {
        let header = |bytes: &[u8]| match parse_header(bytes).unwrap() {
            Parsed::Header(header) => (header.header_bytes, header.payload_bytes),
            Parsed::Wanted(more) => panic!("{more} more wanted"),
        };
        assert_eq!(header(&[0x81, 125]), (2, 125));
        assert_eq!(header(&[0x81, 126, 0, 126]), (4, 126));
        assert_eq!(header(&[0x81, 126, 255, 255]), (4, 65_535));
        assert_eq!(header(&[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]), (10, 65_536));
    }

    #[test]
    fn a_partial_header_says_how_many_bytes_it_wants() {
        assert_eq!(parse_header(&[]), Ok(Parsed::Wanted(2)));
        assert_eq!(parse_header(&[0x81]), Ok(Parsed::Wanted(1)));
        assert_eq!(parse_header(&[0x81, 126]), Ok(Parsed::Wanted(2)));
        assert_eq!(parse_header(&[0x81, 127, 0]), Ok(Parsed::Wanted(7)));
    }
}
