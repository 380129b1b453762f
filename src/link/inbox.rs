//! Plaintext that came: contiguous and mutable, so that frames and JSON are read in place.
//!
//! Owns one block of [`INBOX_BYTES_MAX`] bytes, allocated once. Guarantees that unread bytes stay contiguous and in order.
//! Moves bytes only when the tail is short, and then no more than were consumed since the last move, unless the reader
//! cannot go on without more. Never grows; never shows bytes twice.

/// Room for plaintext, in bytes. The longest message that must lie whole (an order list on a hot connection) is far below
/// it; longer ones are read in pieces.
pub const INBOX_BYTES_MAX: usize = 256 * 1024;

/// See the module's documentation.
pub struct Inbox {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    /// Refused room since the reader last consumed anything: it needs more bytes, so moving is worth it at any price.
    starved: bool,
}

impl Inbox {
    /// Empty.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: vec![0; INBOX_BYTES_MAX].into_boxed_slice(), start: 0, end: 0, starved: false }
    }

    /// What came and was not consumed.
    #[must_use]
    pub fn unread(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..self.end).unwrap_or_default()
    }

    /// How much of it there is, in bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether no byte more can come until some are consumed: a message longer than the whole buffer.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.len() + super::record::RECORD_BYTES_MAX > INBOX_BYTES_MAX
    }

    /// Done with the first `bytes` of [`Inbox::unread`] (more than there are counts as all).
    pub fn consume(&mut self, bytes: usize) {
        self.start += bytes.min(self.len());
        self.starved &= bytes == 0;
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Makes room for `bytes` more at the end. False if there is none: consume first.
    pub(super) fn reserve(&mut self, bytes: usize) -> bool {
        if self.bytes.len() - self.end >= bytes {
            return true;
        }
        let fits = self.bytes.len() - self.len() >= bytes;
        // Moving costs what is unread; what was consumed pays for it.
        if fits && (self.starved || self.start >= self.len()) {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            self.starved = false;
            return true;
        }
        self.starved = true;
        false
    }

    /// Free bytes behind what came; [`Inbox::reserve`] says that there are enough.
    pub(super) fn spare(&mut self, bytes: usize) -> &mut [u8] {
        let end = self.end.saturating_add(bytes).min(self.bytes.len());
        self.bytes.get_mut(self.end..end).unwrap_or_default()
    }

    /// The first `bytes` of [`Inbox::spare`] were written.
    pub(super) fn commit(&mut self, bytes: usize) {
        self.end = self.end.saturating_add(bytes).min(self.bytes.len());
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inbox({} bytes unread)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(inbox: &mut Inbox, bytes: &[u8]) -> bool {
        let room = inbox.reserve(bytes.len());
        if room {
            inbox.spare(bytes.len()).copy_from_slice(bytes);
            inbox.commit(bytes.len());
        }
        room
    }

    #[test]
    fn bytes_come_out_in_order_however_often_the_buffer_wraps() {
        let mut inbox = Inbox::new();
        let (mut sent, mut seen) = (0_u8, 0_u8);
        for round in 0..2_000_usize {
            let piece: Vec<u8> = (0..997)
                .map(|_| {
                    sent = sent.wrapping_add(1);
                    sent
                })
                .collect();
            if !put(&mut inbox, &piece) {
                sent = sent.wrapping_sub((997_usize % 256) as u8);
            }
            let take = (round * 31) % 1_500;
            for byte in inbox.unread().iter().take(take) {
                seen = seen.wrapping_add(1);
                assert_eq!(*byte, seen);
            }
            inbox.consume(take);
        }
        assert!(inbox.unread().iter().all(|byte| {
            seen = seen.wrapping_add(1);
            *byte == seen
        }));
        assert_eq!(seen, sent);
    }

    #[test]
    fn a_short_tail_is_refused_once_and_made_good_when_the_reader_cannot_go_on() {
        let mut inbox = Inbox::new();
        assert!(put(&mut inbox, &vec![1; INBOX_BYTES_MAX - 10]));
        inbox.consume(1_000);
        assert!(!put(&mut inbox, &[2; 500]), "moving 250 KiB for 1,000 consumed bytes");
        assert!(put(&mut inbox, &[2; 500]), "the reader consumed nothing, so it needs them");
        assert_eq!(inbox.len(), INBOX_BYTES_MAX - 10 - 1_000 + 500);
        assert_eq!(inbox.unread().last(), Some(&2));
    }

    #[test]
    fn a_full_buffer_takes_nothing_and_says_so() {
        let mut inbox = Inbox::new();
        assert!(put(&mut inbox, &vec![1; INBOX_BYTES_MAX]));
        assert!(inbox.is_full());
        assert!(!put(&mut inbox, &[2]));
        assert!(!put(&mut inbox, &[2]));
        inbox.consume(usize::MAX);
        assert!(inbox.is_empty() && put(&mut inbox, &[2]));
    }
}
