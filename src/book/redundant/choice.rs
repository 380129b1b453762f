//! Whose book a product follows.

use super::Feed;
use crate::record::UnixNanos;

/// The followed book is stale when it has not changed for so long, ms, while the other one has, [`STALE_EVENTS`] times:
/// both venues' books are conflated at 50 ms (Coinbase reference 6.4, 8), so whatever changes shows in both within 100 ms.
pub const STALE_MS: u64 = 1_000;
/// See [`STALE_MS`].
pub const STALE_EVENTS: u32 = 10;

/// Which of two books is followed. Guarantees that it never leaves a whole book that keeps up for another, and never one
/// that is not whole for one that is not either.
#[derive(Debug, Clone, Copy)]
pub struct BookChoice {
    followed: Feed,
    whole: [bool; 2],
    /// When the followed book last changed.
    last: UnixNanos,
    /// Changes of the other book since.
    unanswered: u32,
}

impl Default for BookChoice {
    fn default() -> Self {
        BookChoice::new()
    }
}

impl BookChoice {
    /// Follows the first; neither is whole.
    pub const fn new() -> BookChoice {
        BookChoice { followed: Feed::First, whole: [false; 2], last: UnixNanos::NONE, unanswered: 0 }
    }

    /// Whose book is followed.
    #[inline]
    pub const fn followed(&self) -> Feed {
        self.followed
    }

    /// A book is complete after one of its events. True: it is now followed in place of the other, which is doubtful.
    #[must_use]
    pub fn whole(&mut self, feed: Feed, now: UnixNanos) -> bool {
        self.set(feed, true);
        if feed == self.followed {
            (self.last, self.unanswered) = (now, 0);
            return false;
        }
        let takes_over = !self.is_whole(self.followed);
        if takes_over {
            self.follow(feed, now);
        } else {
            self.unanswered = self.unanswered.saturating_add(1);
        }
        takes_over
    }

    /// A book is not to be trusted until it is complete again. True: the other one is now followed.
    #[must_use]
    pub fn doubtful(&mut self, feed: Feed, now: UnixNanos) -> bool {
        self.set(feed, false);
        let leaves = feed == self.followed && self.is_whole(feed.other());
        if leaves {
            self.follow(feed.other(), now);
        }
        leaves
    }

    /// Whether the followed book is whole, but has fallen silent while the other one has not. The caller then says that it
    /// is [`BookChoice::doubtful`], and has it fetched again.
    #[inline]
    pub fn is_stale(&self, now: UnixNanos) -> bool {
        self.unanswered >= STALE_EVENTS
            && self.is_whole(self.followed)
            && now.since(self.last) > STALE_MS.saturating_mul(1_000_000)
    }

    /// Nobody listens any more: both books are given up.
    pub fn forget(&mut self) {
        *self = BookChoice { followed: self.followed, ..BookChoice::new() };
    }

    fn follow(&mut self, feed: Feed, now: UnixNanos) {
        (self.followed, self.last, self.unanswered) = (feed, now, 0);
    }

    fn is_whole(&self, feed: Feed) -> bool {
        self.whole.get(feed.index()).copied().unwrap_or(false)
    }

    fn set(&mut self, feed: Feed, whole: bool) {
        if let Some(place) = self.whole.get_mut(feed.index()) {
            *place = whole;
        }
    }
}
