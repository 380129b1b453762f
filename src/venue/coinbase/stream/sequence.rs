//! The connection's message count: one number over all channels, from 0, one more each message (Coinbase reference
//! 6.2). Error frames do not count.
//!
//! Owns the next number. Guarantees that every lost message is noticed at the next one. Never decides what follows.

/// What a number says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::venue::coinbase) enum Verdict {
    /// The next one.
    Next,
    /// So many are missing before it.
    Missed(u64),
    /// Not above the last one: out of order or repeated.
    Behind,
}

#[derive(Debug, Clone, Copy, Default)]
pub(in crate::venue::coinbase) struct Sequence {
    next: u64,
    /// Messages that came without a readable number since the last that had one.
    unread: u64,
}

impl Sequence {
    #[inline]
    pub fn check(&mut self, number: u64) -> Verdict {
        let Some(missed) = number.checked_sub(self.next) else { return Verdict::Behind };
        self.next = number.saturating_add(1);
        match missed.saturating_sub(std::mem::take(&mut self.unread)) {
            0 => Verdict::Next,
            missed => Verdict::Missed(missed),
        }
    }

    /// A message came whose number could not be read; its loss is announced already.
    pub fn lose_count(&mut self) {
        self.unread = self.unread.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_next_missed_or_behind() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.check(0), Verdict::Next);
        assert_eq!(sequence.check(1), Verdict::Next);
        assert_eq!(sequence.check(4), Verdict::Missed(2));
        assert_eq!(sequence.check(4), Verdict::Behind);
        assert_eq!(sequence.check(2), Verdict::Behind);
        assert_eq!(sequence.check(5), Verdict::Next);
    }

    #[test]
    fn the_first_number_must_be_zero() {
        assert_eq!(Sequence::default().check(3), Verdict::Missed(3));
    }

    #[test]
    fn an_unreadable_message_excuses_one_step() {
        let mut sequence = Sequence::default();
        sequence.lose_count();
        assert_eq!(sequence.check(1), Verdict::Next);
        assert_eq!(sequence.check(3), Verdict::Missed(1));
    }
}
