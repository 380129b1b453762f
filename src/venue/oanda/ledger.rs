//! Which of the account's numbered transactions were applied.
//!
//! A transaction reaches us on the stream, in the answer to a request, and in the history, in any order (OANDA reference
//! 7). Owns the set of ids applied, as the id up to which all are and a window of bits behind it. Guarantees that each
//! id is admitted once, and knows what is missing, since ids are consecutive per account. One per account, shared by all
//! of its sessions. Never asks for anything itself; reads no clock.

use super::limits::{REPAIR_GRACE_MS, REPAIR_RETRY_MS};
use crate::record::UnixNanos;

/// Ids behind the first missing one that can be told apart.
const WINDOW_IDS: usize = 65_536;
const WORDS: usize = WINDOW_IDS / 64;
const _: () = assert!(WINDOW_IDS.is_power_of_two());
/// Orders remembered to have been replaced: what was asked before may still tell of one.
const REPLACED_KEPT: usize = 64;

/// What to do with a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Admitted {
    /// Apply it: this is the first time it is seen.
    New,
    /// It was applied.
    Known,
    /// Not to be applied now: nothing has begun yet, or too much is missing before it. The history will bring it.
    Later,
}

/// See the module's documentation.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// Everything up to this id was applied, or is history from before our time; `None` before anything is known.
    floor: Option<u64>,
    /// Where it began: everything up to here is history from before our time.
    began: u64,
    /// Ids applied behind the floor: the bit of an id is its remainder by the window.
    applied: Box<[u64; WORDS]>,
    /// Orders that go on under another id, by the id they had, and which of these is written over next.
    replaced: [u64; REPLACED_KEPT],
    replaced_next: usize,
    /// The newest id the venue has named.
    newest: u64,
    missing_since: UnixNanos,
    asked_at: UnixNanos,
    /// The stream was opened and the history not read since: it may have been silent about anything.
    unverified: bool,
    /// What one of them did is not known.
    doubtful: bool,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Ledger {
    /// Nothing known yet.
    pub fn new() -> Ledger {
        Ledger {
            floor: None,
            began: 0,
            applied: Box::new([0; WORDS]),
            replaced: [0; REPLACED_KEPT],
            replaced_next: 0,
            newest: 0,
            missing_since: UnixNanos::NONE,
            asked_at: UnixNanos::NONE,
            unverified: false,
            doubtful: false,
        }
    }

    /// A picture of the account was taken that includes everything up to `last`: what is older is history.
    pub fn begin(&mut self, last: u64) {
        self.newest = self.newest.max(last);
        if self.floor.is_none() {
            self.began = last;
        }
        let floor = self.floor.unwrap_or(last);
        if last > floor.saturating_add(WINDOW_IDS as u64) {
            self.applied.fill(0);
            self.floor = Some(last);
            return;
        }
        for id in floor.saturating_add(1)..=last {
            self.set(id, false);
        }
        self.floor = Some(floor.max(last));
        self.rise();
    }

    /// Whether the transaction is to be applied; it counts as applied from now on.
    pub fn admit(&mut self, id: u64) -> Admitted {
        self.newest = self.newest.max(id);
        // Before the picture it is not known whether the picture will include it.
        let Some(floor) = self.floor else { return Admitted::Later };
        if id <= floor {
            return Admitted::Known;
        }
        if id > floor.saturating_add(WINDOW_IDS as u64) {
            return Admitted::Later;
        }
        if self.set(id, true) {
            return Admitted::Known;
        }
        self.rise();
        Admitted::New
    }

    /// An order goes on under another id.
    pub fn replaced(&mut self, order: u64) {
        if let Some(place) = self.replaced.get_mut(self.replaced_next) {
            *place = order;
        }
        self.replaced_next = self.replaced_next.saturating_add(1).checked_rem(REPLACED_KEPT).unwrap_or(0);
    }

    /// Whether an order is known to go on under another id: what is said of it by this one is old.
    pub fn was_replaced(&self, order: u64) -> bool {
        order != 0 && self.replaced.contains(&order)
    }

    /// Whether a transaction was applied, or is history from before our time.
    pub fn knows(&self, id: u64) -> bool {
        let Some(floor) = self.floor else { return false };
        if id <= floor {
            return true;
        }
        let (word, bit) = place(id);
        id <= floor.saturating_add(WINDOW_IDS as u64) && self.applied.get(word).is_some_and(|word| word & bit != 0)
    }

    /// The venue named its newest transaction: in a heartbeat, or in an answer.
    pub fn heard(&mut self, last: u64) {
        self.newest = self.newest.max(last);
    }

    /// The newest id the venue has named: noted before an order is sent, it bounds where the order can be found.
    pub const fn newest(&self) -> u64 {
        self.newest
    }

    /// The id up to which nothing is missing.
    pub fn complete_to(&self) -> u64 {
        self.floor.unwrap_or(0)
    }

    /// The newest id of the first picture: up to here nothing was ever applied, and after it nothing is left out.
    pub const fn began(&self) -> u64 {
        self.began
    }

    /// Whether a picture of the account is needed to begin with: ask for the account, then [`Ledger::begin`].
    pub const fn needs_beginning(&self) -> bool {
        self.floor.is_none()
    }

    /// The stream was opened, or opened again: it does not repeat what happened before (OANDA reference 7).
    pub fn opened(&mut self) {
        self.unverified = true;
        self.asked_at = UnixNanos::NONE;
    }

    /// The history was read from [`Ledger::complete_to`] or before to its end: whatever has not come by now does not
    /// exist, or cannot be read.
    pub fn verified(&mut self, last: u64) {
        self.begin(last);
        // An answer to a question from before the stream was opened says nothing about the time between.
        self.unverified &= !self.asked_at.is_some();
    }

    /// A transaction could not be read, or not in full: it does not come again, so what it did to the account stands in a
    /// new picture only.
    pub fn doubt(&mut self) {
        self.doubtful = true;
    }

    /// Whether a picture is needed of what transactions could not tell. The question counts as asked.
    pub fn take_doubt(&mut self) -> bool {
        std::mem::take(&mut self.doubtful)
    }

    /// Whether a transaction is known to exist that was not applied.
    pub fn is_missing(&self) -> bool {
        self.floor.is_some_and(|floor| self.newest > floor)
    }

    /// Whether everything the account did is known to be applied.
    pub fn is_complete(&self) -> bool {
        self.floor.is_some() && !self.unverified && !self.is_missing()
    }

    /// The id after which to ask the history now: at once after a stream was opened, else if something is missing for
    /// long enough. The question counts as asked.
    pub fn ask_since(&mut self, now: UnixNanos) -> Option<u64> {
        let floor = self.floor?;
        if !self.is_missing() {
            self.missing_since = UnixNanos::NONE;
            if !self.unverified {
                return None;
            }
        } else if !self.missing_since.is_some() {
            self.missing_since = now;
        }
        if self.due_at().is_some_and(|due| now < due) {
            return None;
        }
        self.asked_at = now;
        Some(floor)
    }

    /// When [`Ledger::ask_since`] or [`Ledger::take_doubt`] has something to ask; `None` if nothing is missing.
    pub fn deadline(&self) -> Option<UnixNanos> {
        if self.doubtful {
            return Some(UnixNanos(1));
        }
        let asks = self.floor.is_some() && (self.unverified || self.is_missing());
        asks.then(|| self.due_at().unwrap_or(UnixNanos(1)))
    }

    /// Until when it is waited; `None`: not at all.
    fn due_at(&self) -> Option<UnixNanos> {
        let retry = self.asked_at.is_some().then(|| self.asked_at.plus_ms(REPAIR_RETRY_MS));
        let patient = self.is_missing() && !self.unverified && self.missing_since.is_some();
        retry.max(patient.then(|| self.missing_since.plus_ms(REPAIR_GRACE_MS)))
    }

    /// Sets the bit of an id of the window; what it was.
    fn set(&mut self, id: u64, value: bool) -> bool {
        let (word, bit) = place(id);
        let Some(word) = self.applied.get_mut(word) else { return true };
        let was = *word & bit != 0;
        *word = if value { *word | bit } else { *word & !bit };
        was
    }

    /// Raises the floor over what follows it without a hole, and frees their bits.
    fn rise(&mut self) {
        let Some(mut floor) = self.floor else { return };
        while floor < self.newest {
            let next = floor.saturating_add(1);
            // Reads and clears in one; a hole stays a hole.
            if !self.set(next, false) {
                break;
            }
            floor = next;
        }
        self.floor = Some(floor);
        if !self.is_missing() {
            self.missing_since = UnixNanos::NONE;
        }
    }
}

/// The word an id of the window stands in, and its bit there.
const fn place(id: u64) -> (usize, u64) {
    // A power of two: the remainder.
    let place = (id & (WINDOW_IDS as u64).wrapping_sub(1)) as usize;
    (place / 64, 1_u64 << (place % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const NOW: UnixNanos = UnixNanos(1_000_000_000_000);

    #[test]
    fn a_transaction_is_admitted_once_whoever_brings_it() {
        let mut ledger = Ledger::new();
        ledger.begin(100);
        assert_eq!(ledger.admit(100), Admitted::Known);
        assert_eq!(ledger.admit(101), Admitted::New);
        assert_eq!(ledger.admit(103), Admitted::New);
        assert_eq!(ledger.admit(103), Admitted::Known);
        assert!(ledger.is_missing());
        assert_eq!(ledger.complete_to(), 101);
        assert_eq!(
            [99, 101, 102, 103, 104, 103 + WINDOW_IDS as u64].map(|id| ledger.knows(id)),
            [true, true, false, true, false, false]
        );
        assert_eq!(ledger.admit(102), Admitted::New);
        assert_eq!((ledger.complete_to(), ledger.is_missing()), (103, false));
    }

    #[test]
    fn the_latest_replaced_orders_are_remembered() {
        let mut ledger = Ledger::new();
        (1..=REPLACED_KEPT as u64 + 1).for_each(|order| ledger.replaced(order));
        let known = |order| ledger.was_replaced(order);
        assert_eq!([0, 1, 2, 65, 66].map(known), [false, false, true, true, false]);
    }

    #[test]
    fn the_history_is_asked_after_a_grace() {
        let mut ledger = Ledger::new();
        assert!(ledger.needs_beginning());
        assert_eq!(ledger.admit(9), Admitted::Later, "the picture may include it, or not");
        ledger.begin(10);
        assert_eq!((ledger.ask_since(NOW), ledger.deadline(), ledger.is_complete()), (None, None, true));
        ledger.heard(12);
        assert_eq!((ledger.ask_since(NOW), ledger.is_complete()), (None, false));
        let due = ledger.deadline().unwrap();
        assert_eq!(due, NOW.plus_ms(REPAIR_GRACE_MS));
        assert_eq!(ledger.ask_since(due), Some(10));
        assert_eq!(ledger.ask_since(due.plus_ms(1)), None, "asked a moment ago");
        let again = ledger.deadline().unwrap();
        assert_eq!(ledger.ask_since(again), Some(10));
        assert_eq!((ledger.admit(11), ledger.admit(12)), (Admitted::New, Admitted::New));
        assert_eq!((ledger.ask_since(again.plus_ms(10_000)), ledger.deadline()), (None, None));
    }

    #[test]
    fn after_every_opening_the_history_is_asked_at_once_until_it_was_read() {
        let mut ledger = Ledger::new();
        ledger.opened();
        assert_eq!((ledger.ask_since(NOW), ledger.deadline()), (None, None), "the picture comes first");
        ledger.begin(10);
        assert_eq!(ledger.ask_since(NOW), Some(10));
        assert!(!ledger.is_complete());
        ledger.opened();
        // The answer to the question from before.
        ledger.verified(10);
        assert!(!ledger.is_complete());
        assert_eq!(ledger.ask_since(NOW.plus_ms(1)), Some(10));
        assert_eq!(ledger.ask_since(NOW.plus_ms(2)), None);
        ledger.verified(10);
        assert!(ledger.is_complete());
        assert_eq!(ledger.ask_since(NOW.plus_ms(5_000)), None);
    }

    #[test]
    fn what_could_not_be_read_is_asked_of_a_picture_once() {
        let mut ledger = Ledger::new();
        ledger.begin(10);
        assert_eq!((ledger.take_doubt(), ledger.deadline()), (false, None));
        assert_eq!(ledger.admit(11), Admitted::New);
        ledger.doubt();
        assert_eq!((ledger.deadline(), ledger.take_doubt()), (Some(UnixNanos(1)), true));
        assert_eq!((ledger.take_doubt(), ledger.deadline()), (false, None));
    }

    #[test]
    fn what_is_too_far_ahead_is_left_to_the_history() {
        let mut ledger = Ledger::new();
        ledger.begin(10);
        let far = 11 + WINDOW_IDS as u64;
        assert_eq!(ledger.admit(far), Admitted::Later);
        assert!(ledger.is_missing());
        assert_eq!(ledger.admit(11), Admitted::New);
        assert_eq!(ledger.admit(far), Admitted::New);
    }

    #[test]
    fn a_picture_taken_later_covers_what_was_missing() {
        let mut ledger = Ledger::new();
        ledger.begin(10);
        assert_eq!(ledger.admit(15), Admitted::New);
        ledger.begin(14);
        assert_eq!((ledger.complete_to(), ledger.is_missing()), (15, false));
        assert_eq!(ledger.admit(12), Admitted::Known);
        ledger.begin(1_000_000);
        assert_eq!(ledger.admit(1_000_001), Admitted::New);
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_set_of_all_ids(start in 0u64..1_000, ids in proptest::collection::vec(0u64..300, 0..300)) {
            let mut ledger = Ledger::new();
            ledger.begin(start);
            let mut model = BTreeSet::new();
            for id in ids {
                let new = id > start && model.insert(id);
                prop_assert_eq!(ledger.admit(id) == Admitted::New, new);
            }
            let hole = (start + 1..).find(|id| !model.contains(id)).unwrap();
            prop_assert_eq!(ledger.complete_to(), hole - 1);
            prop_assert_eq!(ledger.is_missing(), model.last().is_some_and(|last| *last >= hole));
        }
    }
}
