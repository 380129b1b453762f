//! Ciphertext that came, cut into TLS records.
//!
//! Owns one block of bytes, allocated once. Guarantees that a record is shown only when whole, and that what cannot be a
//! TLS record is an error before rustls sees it. Never looks behind the five bytes of the header.

use super::error::LinkError;

/// Longest TLS record in bytes: header, 2^14 of payload, and what RFC 5246 section 6.2.3 allows a cipher to add.
pub const RECORD_BYTES_MAX: usize = HEADER_BYTES + PAYLOAD_BYTES_MAX;

const HEADER_BYTES: usize = 5;
const PAYLOAD_BYTES_MAX: usize = (1 << 14) + 2048;
/// Room for ciphertext in bytes: one read takes what a busy feed sends between two turns.
const CIPHER_BYTES_MAX: usize = 64 * 1024;
/// Content types of RFC 8446 section 5.1: change cipher spec, alert, handshake, application data; 24 is heartbeat.
const CONTENT_TYPES: std::ops::RangeInclusive<u8> = 20..=24;
/// Bytes shown of what is no TLS.
const SHOWN_BYTES_MAX: usize = 24;

/// See the module's documentation.
pub(super) struct CipherBuffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl CipherBuffer {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; CIPHER_BYTES_MAX].into_boxed_slice(), start: 0, end: 0 }
    }

    /// Bytes that came and were not decrypted.
    pub(super) const fn len(&self) -> usize {
        self.end - self.start
    }

    /// Free bytes behind what came. Empty only while whole records wait to be decrypted.
    pub(super) fn spare(&mut self) -> &mut [u8] {
        if self.start > 0 && self.bytes.len() - self.end < RECORD_BYTES_MAX {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// The first `bytes` of [`CipherBuffer::spare`] were read.
    pub(super) fn commit(&mut self, bytes: usize) {
        self.end = self.end.saturating_add(bytes).min(self.bytes.len());
    }

    /// The next record if it is whole.
    pub(super) fn record(&self) -> Result<Option<&[u8]>, LinkError> {
        let unread = self.bytes.get(self.start..self.end).unwrap_or_default();
        let Some(&[content_type, major, _, high, low]) = unread.first_chunk() else { return Ok(None) };
        let payload = usize::from(u16::from_be_bytes([high, low]));
        if !CONTENT_TYPES.contains(&content_type) || major != 3 || payload > PAYLOAD_BYTES_MAX {
            let shown = unread.get(..SHOWN_BYTES_MAX).unwrap_or(unread);
            return Err(LinkError::NotTls { shown: shown.escape_ascii().to_string() });
        }
        Ok(unread.get(..HEADER_BYTES + payload))
    }

    /// Done with so many bytes.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.start += bytes.min(self.len());
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }
}
