//! Following the book of what is traded, to compare it with the venue's own.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::super::common::decimal;
use super::{Levels, Rig};
use exchange_connectors::book::{Follower, FollowerState};
use exchange_connectors::record::{BookSide, Gap, View};

/// What a follower holds.
fn held(book: &Follower) -> Levels {
    [BookSide::Bid, BookSide::Ask].map(|side| {
        let level = |text: &str| decimal(text).normalize();
        book.levels(side).map(|l| (level(&l.price.to_string()), level(&l.size.to_string()))).collect()
    })
}

impl Rig {
    /// Waits until the book that was told is whole and, level by level, the venue's. Needs a setup with the channel.
    #[track_caller]
    pub fn book_is_the_venues(&mut self) {
        let (mut book, mut next) = (Follower::new(self.traded.id, 60_000), 0);
        self.until("the venue's book", |rig| {
            for record in &rig.market[next..] {
                book.apply(record);
            }
            next = rig.market.len();
            (book.state() == FollowerState::Whole && held(&book) == rig.local.book()).then_some(())
        });
        assert!(held(&book).iter().all(|side| !side.is_empty()), "{}: a market", self.local.venue());
    }

    /// The gaps of its book told since a place in the records.
    pub fn gaps(&self, from: usize) -> Vec<Gap> {
        let gap = |view| match view {
            View::Gap(gap) => Some(gap),
            _ => None,
        };
        let of = self.market[from..].iter().filter(|r| r.instrument() == self.traded.id);
        of.filter_map(|r| gap(r.view())).collect()
    }
}
