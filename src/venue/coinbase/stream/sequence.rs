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
    /// The last of [`BEHIND_MAX`] in a row that were not: the count began again, and so many before this one were ignored.
    Restarted(u64),
}

/// Messages in a row behind the count that can be repetitions. No connection repeats at all as far as is known; without a
/// limit a count that begins again would silence the connection for as long as it stays open.
pub(in crate::venue::coinbase) const BEHIND_MAX: u64 = 8;

#[derive(Debug, Clone, Copy, Default)]
pub(in crate::venue::coinbase) struct Sequence {
    next: u64,
    /// Messages that came without a readable number since the last that had one.
    unread: u64,
    /// Messages in a row that were behind the count.
    behind: u64,
}

impl Sequence {
    #[inline]
    pub fn check(&mut self, number: u64) -> Verdict {
        let Some(missed) = number.checked_sub(self.next) else { return self.fell_behind(number) };
        (self.next, self.behind) = (number.saturating_add(1), 0);
        match missed.saturating_sub(std::mem::take(&mut self.unread)) {
            0 => Verdict::Next,
            missed => Verdict::Missed(missed),
        }
    }

    #[cold]
    fn fell_behind(&mut self, number: u64) -> Verdict {
        self.behind = self.behind.saturating_add(1);
        if self.behind < BEHIND_MAX {
            return Verdict::Behind;
        }
        *self = Sequence { next: number.saturating_add(1), ..Sequence::default() };
        Verdict::Restarted(BEHIND_MAX.saturating_sub(1))
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
    fn a_count_that_begins_again_is_taken_up_after_a_few_messages() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.check(u64::MAX), Verdict::Missed(u64::MAX));
        for number in 0..BEHIND_MAX - 1 {
            assert_eq!(sequence.check(number), Verdict::Behind);
        }
        assert_eq!(sequence.check(BEHIND_MAX - 1), Verdict::Restarted(BEHIND_MAX - 1));
        assert_eq!(sequence.check(BEHIND_MAX), Verdict::Next);

        // A repetition now and then is none.
        for number in BEHIND_MAX + 1..5 * BEHIND_MAX {
            assert_eq!((sequence.check(number), sequence.check(number)), (Verdict::Next, Verdict::Behind));
        }
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
