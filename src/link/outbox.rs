//! Plaintext that is to leave, with its place in the stream.
//!
//! Owns the bytes appended and not yet encrypted. Guarantees that offsets count plaintext from the opening of the
//! connection, never go back, and name the end of what was appended. Bytes are wiped when the connection goes, since they
//! hold tokens and signatures. Grows only beyond [`OUTBOX_BYTES_INITIAL`].

use zeroize::Zeroizing;

/// Room allocated at once, in bytes: some twenty orders with their tokens.
const OUTBOX_BYTES_INITIAL: usize = 32 * 1024;

/// See the module's documentation.
pub struct Outbox {
    bytes: Zeroizing<Vec<u8>>,
    /// Of `bytes`, how many were encrypted.
    start: usize,
    /// Stream offset of `bytes[start]`.
    offset: u64,
}

impl Outbox {
    /// Empty, at offset 0.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: Zeroizing::new(Vec::with_capacity(OUTBOX_BYTES_INITIAL)), start: 0, offset: 0 }
    }

    /// Appends what `build` appends; the stream offset behind it. Nothing leaves before
    /// [`Wire::flush`](super::Wire::flush), so all that is appended before one flush leaves in one write.
    pub fn append(&mut self, build: impl FnOnce(&mut Vec<u8>)) -> u64 {
        // What was encrypted pays for the move, so it costs each byte once.
        if self.start > 0 && self.start >= self.pending().len() {
            let pending = self.pending().len();
            self.bytes.copy_within(self.start.., 0);
            self.bytes.truncate(pending);
            self.start = 0;
        }
        build(&mut self.bytes);
        self.end_offset()
    }

    /// Appended and not yet encrypted.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Stream offset behind all that was appended.
    #[must_use]
    pub fn end_offset(&self) -> u64 {
        self.offset.saturating_add(self.pending().len() as u64)
    }

    /// The first `bytes` of [`Outbox::pending`] were encrypted.
    pub(super) fn advance(&mut self, bytes: usize) {
        let bytes = bytes.min(self.pending().len());
        self.start += bytes;
        self.offset = self.offset.saturating_add(bytes as u64);
        if self.start >= self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        }
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Self::new()
    }
}

/// Sizes only: the bytes are secrets.
impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outbox({} bytes pending from offset {})", self.pending().len(), self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_count_plaintext_from_the_opening() {
        let mut outbox = Outbox::new();
        assert_eq!(outbox.append(|out| out.extend_from_slice(b"hello")), 5);
        outbox.advance(3);
        assert_eq!(outbox.pending(), b"lo");
        assert_eq!(outbox.append(|out| out.extend_from_slice(b" you")), 9);
        assert_eq!(outbox.pending(), b"lo you");
        outbox.advance(99);
        assert_eq!((outbox.pending(), outbox.end_offset()), (&b""[..], 9));
        assert_eq!(outbox.append(|_| ()), 9);
    }

    #[test]
    fn its_debug_shows_no_bytes() {
        let mut outbox = Outbox::new();
        outbox.append(|out| out.extend_from_slice(b"secret"));
        assert_eq!(format!("{outbox:?}"), "Outbox(6 bytes pending from offset 0)");
    }
}
