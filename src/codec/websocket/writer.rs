//! Client frames into a send buffer.
//!
//! Owns the outgoing header and the mask. Guarantees frames that are final, masked and of minimal length form, and that a
//! frame begun and not finished leaves no trace. Never splits a message, never invents the mask: the caller draws it from
//! a cryptographic generator, since a guessable mask lets a payload be read as something else by a proxy
//! (RFC 6455 section 10.3).

use std::io;

use thiserror::Error;

use super::frame::{CloseCode, Opcode, CONTROL_BYTES_MAX};

/// FIN: we never fragment.
const FIN: u8 = 0x80;
/// The bit in the length byte that says a mask follows.
const MASKED: u8 = 0x80;
/// Length byte that announces a 16-bit length.
const LENGTH_16: u8 = 126;
/// Length byte that announces a 64-bit length.
const LENGTH_64: u8 = 127;
/// Longest payload whose length fits the length byte.
const SHORT_BYTES_MAX: usize = 125;
/// Longest close reason in bytes: the code takes two of the 125.
const REASON_BYTES_MAX: usize = CONTROL_BYTES_MAX - 2;
/// What [`FrameBuilder`] sets aside: header with a 16-bit length, then the mask. Orders are 126 to 65,535 bytes, so for
/// them the guess is right and nothing moves.
const RESERVED_BYTES: usize = 8;

/// What a message we send is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// UTF-8 text; the caller answers for it.
    Text,
    /// Bytes.
    Binary,
}

impl Data {
    const fn opcode(self) -> Opcode {
        match self {
            Self::Text => Opcode::Text,
            Self::Binary => Opcode::Binary,
        }
    }
}

/// A ping, pong or close payload over 125 bytes was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("websocket: control payload of {bytes} bytes, at most 125 fit; shorten it")]
pub struct ControlTooLong {
    /// What was to be sent, in bytes.
    pub bytes: usize,
}

/// Appends one whole message to `out`.
pub fn encode(out: &mut Vec<u8>, data: Data, mask: [u8; 4], payload: &[u8]) {
    put(out, data.opcode(), mask, payload);
}

/// Appends a ping.
///
/// # Errors
/// The payload is over 125 bytes; nothing was appended.
pub fn encode_ping(out: &mut Vec<u8>, mask: [u8; 4], payload: &[u8]) -> Result<(), ControlTooLong> {
    put_control(out, Opcode::Ping, mask, payload)
}

/// Appends the answer to a ping: `payload` is the ping's.
///
/// # Errors
/// The payload is over 125 bytes (no ping that was read is); nothing was appended.
pub fn encode_pong(out: &mut Vec<u8>, mask: [u8; 4], payload: &[u8]) -> Result<(), ControlTooLong> {
    put_control(out, Opcode::Pong, mask, payload)
}

/// Appends a close frame; without a code the reason has no place and is left out. A reason over 123 bytes is cut at a
/// code point.
pub fn encode_close(out: &mut Vec<u8>, mask: [u8; 4], code: Option<CloseCode>, reason: &str) {
    let Some(code) = code else {
        return put(out, Opcode::Close, mask, &[]);
    };
    let cut = (0..=REASON_BYTES_MAX.min(reason.len()))
        .rev()
        .find(|&at| reason.is_char_boundary(at))
        .unwrap_or(0);
    let reason = reason.get(..cut).unwrap_or_default();
    let start = put_header(out, Opcode::Close, mask, reason.len().saturating_add(2));
    out.extend_from_slice(&code.get().to_be_bytes());
    out.extend_from_slice(reason.as_bytes());
    apply_mask(out.get_mut(start..).unwrap_or_default(), mask);
}

/// Builds a message straight in the send buffer: [`begin`](Self::begin), append, [`finish`](Self::finish). Dropped
/// without `finish`, it takes everything back.
#[derive(Debug)]
pub struct FrameBuilder<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    opcode: Opcode,
    finished: bool,
}

impl<'a> FrameBuilder<'a> {
    /// Sets the header aside at the end of `out`.
    pub fn begin(out: &'a mut Vec<u8>, data: Data) -> Self {
        let start = out.len();
        out.extend_from_slice(&[0; RESERVED_BYTES]);
        Self {
            out,
            start,
            opcode: data.opcode(),
            finished: false,
        }
    }

    /// Appends to the payload.
    #[inline]
    pub fn append(&mut self, payload: &[u8]) {
        self.out.extend_from_slice(payload);
    }

    /// The buffer itself, for writers that append to a `Vec`. Append only: what lies before is other frames.
    #[inline]
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// Writes the header and masks the payload.
    pub fn finish(mut self, mask: [u8; 4]) {
        self.finished = true;
        let reserved_end = self.start.saturating_add(RESERVED_BYTES);
        if self.out.len() < reserved_end {
            // The caller cut into the header through `buffer`: an empty message is all that is left of it.
            self.out.resize(reserved_end, 0);
        }
        let payload_bytes = self.out.len().saturating_sub(reserved_end);
        let (header, header_bytes) = header(self.opcode, mask, payload_bytes);
        let header = header.get(..header_bytes).unwrap_or_default();
        if header_bytes == RESERVED_BYTES {
            if let Some(place) = self.out.get_mut(self.start..reserved_end) {
                place.copy_from_slice(header);
            }
        } else {
            // Below 126 bytes or above 65,535: the payload moves by 2 or 6 bytes.
            self.out
                .splice(self.start..reserved_end, header.iter().copied());
        }
        let payload_at = self.start.saturating_add(header_bytes);
        apply_mask(self.out.get_mut(payload_at..).unwrap_or_default(), mask);
    }
}

impl Drop for FrameBuilder<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.out.truncate(self.start);
        }
    }
}

impl io::Write for FrameBuilder<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn put_control(
    out: &mut Vec<u8>,
    opcode: Opcode,
    mask: [u8; 4],
    payload: &[u8],
) -> Result<(), ControlTooLong> {
    if payload.len() > CONTROL_BYTES_MAX {
        return Err(ControlTooLong {
            bytes: payload.len(),
        });
    }
    put(out, opcode, mask, payload);
    Ok(())
}

fn put(out: &mut Vec<u8>, opcode: Opcode, mask: [u8; 4], payload: &[u8]) {
    let start = put_header(out, opcode, mask, payload.len());
    out.extend_from_slice(payload);
    apply_mask(out.get_mut(start..).unwrap_or_default(), mask);
}

/// Returns where the payload begins.
fn put_header(out: &mut Vec<u8>, opcode: Opcode, mask: [u8; 4], payload_bytes: usize) -> usize {
    let (header, header_bytes) = header(opcode, mask, payload_bytes);
    out.extend_from_slice(header.get(..header_bytes).unwrap_or_default());
    out.len()
}

/// The header and how many bytes of the array it takes: 6, 8 or 14.
fn header(opcode: Opcode, mask: [u8; 4], payload_bytes: usize) -> ([u8; 14], usize) {
    let first = FIN | opcode.wire();
    let [k, l, m, n] = mask;
    match (u8::try_from(payload_bytes), u16::try_from(payload_bytes)) {
        (Ok(short), _) if payload_bytes <= SHORT_BYTES_MAX => (
            [first, MASKED | short, k, l, m, n, 0, 0, 0, 0, 0, 0, 0, 0],
            6,
        ),
        (_, Ok(middle)) => {
            let [a, b] = middle.to_be_bytes();
            (
                [
                    first,
                    MASKED | LENGTH_16,
                    a,
                    b,
                    k,
                    l,
                    m,
                    n,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                ],
                8,
            )
        }
        _ => {
            // A usize has at most 64 bits, and no buffer has 2^63 bytes.
            let [a, b, c, d, e, f, g, h] = u64::try_from(payload_bytes)
                .unwrap_or(u64::MAX)
                .to_be_bytes();
            (
                [
                    first,
                    MASKED | LENGTH_64,
                    a,
                    b,
                    c,
                    d,
                    e,
                    f,
                    g,
                    h,
                    k,
                    l,
                    m,
                    n,
                ],
                14,
            )
        }
    }
}

/// XORs the mask over the payload, eight bytes at a time.
fn apply_mask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = payload.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}
