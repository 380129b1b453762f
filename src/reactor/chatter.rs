//! How much of what a connection gets wrong is logged.
//!
//! Owns the lines told of one connection in the second at hand. Guarantees that a venue which breaks every message costs the
//! hot thread no more than [`LINES_PER_S_MAX`] lines a second, and that what is left out is told by its number: counters
//! count everything. Reads no clock.

use crate::record::UnixNanos;

/// Enough to see what is wrong; formatting a line costs more than reading a message.
pub(super) const LINES_PER_S_MAX: u32 = 20;
const SECOND_NS: u64 = 1_000_000_000;

/// See the module's documentation.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Chatter {
    since: UnixNanos,
    told: u32,
    left_out: u64,
}

impl Chatter {
    /// Whether to log one more line now, and how many were left out before it, to be told with it.
    pub(super) fn may_tell(&mut self, now: UnixNanos) -> Option<u64> {
        if now.since(self.since) >= SECOND_NS {
            let left_out = self.left_out;
            *self = Chatter { since: now, told: 1, left_out: 0 };
            return Some(left_out);
        }
        if self.told >= LINES_PER_S_MAX {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.told = self.told.saturating_add(1);
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_by_its_beginning_and_its_number() {
        let (mut chatter, start) = (Chatter::default(), UnixNanos(SECOND_NS * 100));
        let told = (0..1_000).filter(|_| chatter.may_tell(start).is_some()).count();
        assert_eq!(told, LINES_PER_S_MAX as usize);
        assert_eq!(chatter.may_tell(start.plus_ms(999)), None);
        assert_eq!(chatter.may_tell(start.plus_ms(1_000)), Some(1_001 - u64::from(LINES_PER_S_MAX)));
        assert_eq!(chatter.may_tell(start.plus_ms(1_001)), Some(0), "and then a line is a line again");
    }
}
