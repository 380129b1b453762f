//! The procedure by which diffs and one snapshot become a book (Binance.US reference 6, "Local book").
//!
//! Owns, for one symbol, where the procedure stands, the id of the last update in the book, and the diffs that wait for
//! the snapshot, in buffers with a limit. Guarantees that a diff counts once and only in its place; that whatever was
//! lost between two diffs, or between the snapshot and the first diff, is noticed at the next diff; and that the diff
//! which shows a loss begins the next attempt, so that nothing behind it is lost too; and that of two connections which
//! bring the same diffs, one that is ahead of the other is no loss: what it brings waits until the other caught up. Never
//! asks for a snapshot and never tells a level.

use super::limits::{BRIDGED_EVENTS_MAX, BUFFERED_EVENTS_MAX, BUFFERED_LEVELS_MAX, IDS_RESTARTED_MS};
use crate::record::{BookSide, UnixNanos};
use crate::venue::LEVELS_PER_CALL_MAX;

/// Where the procedure stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nobody wants the book.
    Unwanted,
    /// Diffs are kept; a snapshot is needed.
    Waiting,
    /// A snapshot is being told; diffs are kept.
    Loading,
    /// The snapshot is told; the kept diffs are being told.
    Replaying,
    /// Every diff is told as it comes.
    Synced,
    /// The same, but one of two connections is ahead of the other: what it brought is kept until that one caught up.
    Bridging,
}

/// What to do with a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// Nothing: nobody wants it, or the book has it already.
    Ignore,
    /// Tell its levels.
    Apply,
    /// Keep its levels.
    Buffer,
    /// So many updates are missing before it (0: unknown; the ids began again): the book is wrong. Keep its levels.
    Gap(u64),
}

/// What to do with a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SnapshotVerdict {
    /// Tell it.
    Take,
    /// Older than the diffs that are kept: fetch another.
    TooOld,
    /// Nobody needs it any more.
    Unneeded,
}

/// A level of a kept diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeptLevel {
    pub side: BookSide,
    pub price: i64,
    pub size: i64,
}

/// A kept diff, or what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeptDiff {
    pub first: u64,
    pub last: u64,
    pub time: UnixNanos,
    /// Levels not yet told.
    pub levels: usize,
}

#[derive(Debug)]
pub(super) struct BookSync {
    phase: Phase,
    /// Last update in the book, or in the snapshot being told.
    id: u64,
    /// Highest update id ever seen: a snapshot below it would go back in time.
    floor: u64,
    /// Time of the youngest diff since the snapshot; none before its first, whose time nothing can be compared with.
    youngest: UnixNanos,
    diffs: Vec<KeptDiff>,
    /// Diffs at the front that were told.
    told: usize,
    levels: Vec<KeptLevel>,
    told_levels: usize,
    /// Two connections bring the same diffs.
    pub twofold: bool,
    /// The update before a long diff that is being told in pieces: what the other connection brings meanwhile waits.
    before_long: Option<u64>,
    /// How often what was held became void: what belonged to an earlier book is not told to a later one.
    age: u64,
    /// The venue's ids began again.
    ids_restarted: bool,
}

impl BookSync {
    pub const fn new() -> BookSync {
        BookSync {
            phase: Phase::Unwanted,
            id: 0,
            floor: 0,
            youngest: UnixNanos::NONE,
            diffs: Vec::new(),
            told: 0,
            levels: Vec::new(),
            told_levels: 0,
            twofold: false,
            before_long: None,
            age: 0,
            ids_restarted: false,
        }
    }

    /// Which book it is: another number after everything held became void.
    pub const fn age(&self) -> u64 {
        self.age
    }

    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether the venue's ids began again since this was asked last: what else counts by them begins again too.
    pub fn take_ids_restarted(&mut self) -> bool {
        std::mem::take(&mut self.ids_restarted)
    }

    /// Last update in the book; `None` while there is none.
    pub fn synced_id(&self) -> Option<u64> {
        matches!(self.phase, Phase::Synced | Phase::Bridging).then_some(self.id)
    }

    /// Somebody wants the book, or everything held of it is void.
    pub fn begin(&mut self) {
        self.phase = Phase::Waiting;
        self.forget();
    }

    /// Nobody wants the book any more. What was seen of the ids is forgotten too.
    pub fn end(&mut self) {
        (self.phase, self.floor, self.youngest) = (Phase::Unwanted, 0, UnixNanos::NONE);
        self.forget();
    }

    /// A diff comes, of the updates `first..=last`. After [`Admission::Buffer`] and [`Admission::Gap`] its levels
    /// follow by [`BookSync::keep`].
    #[inline]
    pub fn diff(&mut self, first: u64, last: u64, time: UnixNanos) -> Admission {
        if self.phase == Phase::Synced && first == self.id.wrapping_add(1) && last >= first {
            (self.id, self.floor, self.youngest) = (last, last, time);
            return Admission::Apply;
        }
        self.other_diff(first, last, time)
    }

    fn other_diff(&mut self, first: u64, last: u64, time: UnixNanos) -> Admission {
        let before = match self.phase {
            Phase::Unwanted => return Admission::Ignore,
            Phase::Synced | Phase::Bridging => Some(self.id),
            Phase::Waiting | Phase::Loading => self.diffs.last().map(|diff| diff.last),
            Phase::Replaying => Some(self.diffs.last().map_or(self.id, |diff| diff.last)),
        };
        if let Some(before) = before.filter(|before| last <= *before) {
            // Behind: a repetition over a second connection, or the venue's ids began again (Binance.US reference 6.10).
            debug_assert!(last <= before);
            if !self.youngest.is_some() {
                // A snapshot overtakes the stream: what it has already comes late, and is dropped (reference 6.4).
                self.youngest = time;
            }
            if time.since(self.youngest) <= IDS_RESTARTED_MS.saturating_mul(1_000_000) {
                return Admission::Ignore;
            }
            (self.floor, self.ids_restarted) = (0, true);
            return self.restart(first, last, time, 0);
        }
        let youngest = self.youngest.max(time);
        match before {
            Some(before) if first > before.saturating_add(1) => {
                if self.may_wait(first, last) {
                    self.phase = Phase::Bridging;
                    self.push(first, last, time);
                    return Admission::Buffer;
                }
                self.restart(first, last, time, first.saturating_sub(before).saturating_sub(1))
            }
            // Sizes are absolute, so updates that are in the book already do no harm.
            Some(_) if self.before_long.is_some() && self.diffs.is_empty() => {
                self.push(first, last, time);
                Admission::Buffer
            }
            Some(_) if matches!(self.phase, Phase::Synced | Phase::Bridging) && self.before_long.is_none() => {
                (self.id, self.floor, self.youngest) = (last, self.floor.max(last), youngest);
                if self.phase == Phase::Bridging {
                    self.close_bridge();
                }
                Admission::Apply
            }
            _ => {
                if self.diffs.len() >= BUFFERED_EVENTS_MAX {
                    return self.restart(first, last, time, 0);
                }
                self.push(first, last, time);
                Admission::Buffer
            }
        }
    }

    /// Whether what is missing before a diff may still come over the other connection: it has not come to that point
    /// itself, and this diff continues what the first one brought.
    fn may_wait(&self, first: u64, last: u64) -> bool {
        let continues = match (self.phase, self.diffs.last()) {
            (Phase::Synced, _) | (Phase::Bridging, None) => true,
            // A diff that is kept already comes over the one that was behind: it has not got what is missing either.
            (Phase::Bridging, Some(kept)) => first == kept.last.saturating_add(1) && last >= first,
            _ => false,
        };
        self.twofold && continues && self.diffs.len() < BRIDGED_EVENTS_MAX
    }

    /// A diff that was applied, from update `first` on, is told in pieces with other work between them. Another connection
    /// may come to bring the same meanwhile.
    pub fn long_begins(&mut self, first: u64) {
        if self.phase == Phase::Synced {
            (self.phase, self.before_long) = (Phase::Bridging, Some(first.saturating_sub(1)));
        }
    }

    /// It is told to its end.
    pub fn long_ends(&mut self) {
        if self.before_long.take().is_some() && self.phase == Phase::Bridging {
            self.close_bridge();
        }
    }

    /// The connection that brought it is gone: the other one brings it whole, or shows by its next diff that it is past it.
    pub fn long_lost(&mut self) {
        if let Some(before) = self.before_long.take() {
            self.id = before;
            if self.phase == Phase::Bridging && self.diffs.is_empty() {
                self.phase = Phase::Synced;
            }
        }
    }

    /// The connection that was behind came further: what is kept follows, or goes on waiting, or was told by now.
    fn close_bridge(&mut self) {
        let old = self.diffs.iter().take_while(|diff| diff.last <= self.id);
        (self.told, self.told_levels) = old.fold((0_usize, 0_usize), |(diffs, levels), diff| {
            (diffs.saturating_add(1), levels.saturating_add(diff.levels))
        });
        match self.diffs.get(self.told) {
            Some(next) if next.first > self.id.saturating_add(1) => {}
            _ => {
                self.phase = Phase::Replaying;
                self.settle();
            }
        }
    }

    /// Everything held is void; this diff is the first of the next attempt.
    fn restart(&mut self, first: u64, last: u64, time: UnixNanos, missed: u64) -> Admission {
        let held = matches!(self.phase, Phase::Synced | Phase::Bridging | Phase::Replaying);
        self.age = self.age.wrapping_add(1);
        self.forget_kept();
        if self.phase != Phase::Loading {
            self.phase = Phase::Waiting;
        }
        self.push(first, last, time);
        if held {
            Admission::Gap(missed)
        } else {
            // Nothing was promised yet. A snapshot on its way is judged by what is kept now.
            Admission::Buffer
        }
    }

    fn push(&mut self, first: u64, last: u64, time: UnixNanos) {
        self.floor = self.floor.max(last);
        self.youngest = self.youngest.max(time);
        self.diffs.push(KeptDiff { first, last, time, levels: 0 });
    }

    /// Keeps a level of the diff that ends with update `last`, which came last unless another connection brought one between
    /// its pieces: then what is kept is out of order, and void. Beyond the limit everything kept is dropped: the snapshot will be too
    /// old for what follows, or new enough to make up for it. False: what is held of the book is wrong by that.
    pub fn keep(&mut self, last: u64, level: KeptLevel) -> bool {
        if self.diffs.last().is_some_and(|diff| diff.last != last) {
            return match self.diffs.iter().any(|diff| diff.last == last) {
                true => !self.broken(),
                // Dropped with everything kept then: the snapshot will be of a later time.
                false => true,
            };
        }
        let Some(diff) = self.diffs.last_mut() else { return true };
        let most = if self.phase == Phase::Bridging { LEVELS_PER_CALL_MAX } else { BUFFERED_LEVELS_MAX };
        if self.levels.len() >= most {
            return !self.broken();
        }
        diff.levels = diff.levels.saturating_add(1);
        self.levels.push(level);
        true
    }

    /// The diff that came last could not be read to its end. True: what is held of the book is wrong by that.
    pub fn broken(&mut self) -> bool {
        let held = matches!(self.phase, Phase::Synced | Phase::Bridging | Phase::Replaying);
        self.age = self.age.wrapping_add(1);
        self.forget_kept();
        match self.phase {
            Phase::Unwanted | Phase::Waiting | Phase::Loading => {}
            Phase::Replaying | Phase::Synced | Phase::Bridging => self.phase = Phase::Waiting,
        }
        held
    }

    /// A snapshot comes, of all updates up to `id`.
    pub fn snapshot(&mut self, id: u64) -> SnapshotVerdict {
        if self.phase != Phase::Waiting {
            return SnapshotVerdict::Unneeded;
        }
        if !self.reaches(id) {
            return SnapshotVerdict::TooOld;
        }
        (self.phase, self.id) = (Phase::Loading, id);
        SnapshotVerdict::Take
    }

    /// Whether nothing is missing between a snapshot and what is kept, or between it and what was seen.
    fn reaches(&self, id: u64) -> bool {
        match self.diffs.first() {
            Some(diff) => id.saturating_add(1) >= diff.first,
            None => id >= self.floor,
        }
    }

    /// The snapshot is told to its end. False: what is kept does not follow it any more; the book is not to be used.
    pub fn snapshot_ends(&mut self) -> bool {
        if self.phase != Phase::Loading {
            return false;
        }
        if !self.reaches(self.id) {
            self.phase = Phase::Waiting;
            return false;
        }
        let old = self.diffs.iter().take_while(|diff| diff.last <= self.id);
        (self.told, self.told_levels) = old.fold((0_usize, 0_usize), |(diffs, levels), diff| {
            (diffs.saturating_add(1), levels.saturating_add(diff.levels))
        });
        self.floor = self.floor.max(self.id);
        // However old the diffs before it are, the next one may be older than the snapshot.
        let newer = self.diffs.last().filter(|diff| diff.last > self.id);
        self.youngest = newer.map_or(UnixNanos::NONE, |diff| diff.time);
        self.phase = Phase::Replaying;
        self.settle();
        true
    }

    /// The snapshot will not be told to its end.
    pub fn snapshot_fails(&mut self) {
        if self.phase == Phase::Loading {
            self.phase = Phase::Waiting;
        }
    }

    /// The next kept diff to tell, and up to `most` of its levels; after them [`BookSync::replayed`].
    pub fn replay(&self, most: usize) -> Option<(KeptDiff, &[KeptLevel])> {
        if self.phase != Phase::Replaying {
            return None;
        }
        let diff = self.diffs.get(self.told)?;
        let end = self.told_levels.saturating_add(diff.levels.min(most));
        Some((*diff, self.levels.get(self.told_levels..end).unwrap_or_default()))
    }

    /// So many levels of the diff were told.
    pub fn replayed(&mut self, levels: usize) {
        self.told_levels = self.told_levels.saturating_add(levels);
        if let Some(diff) = self.diffs.get_mut(self.told) {
            diff.levels = diff.levels.saturating_sub(levels);
            if diff.levels == 0 {
                self.id = diff.last;
                self.told = self.told.saturating_add(1);
            }
        }
        self.settle();
    }

    fn settle(&mut self) {
        if self.phase == Phase::Replaying && self.told >= self.diffs.len() {
            self.phase = Phase::Synced;
            self.forget_kept();
        }
    }

    fn forget(&mut self) {
        self.age = self.age.wrapping_add(1);
        self.id = 0;
        self.forget_kept();
    }

    fn forget_kept(&mut self) {
        self.before_long = None;
        self.diffs.clear();
        self.levels.clear();
        (self.told, self.told_levels) = (0, 0);
    }
}

#[cfg(test)]
#[path = "book_sync_tests.rs"]
mod tests;
