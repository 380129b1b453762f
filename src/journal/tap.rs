//! The two ways into the journal, and the account of what found no room.
//!
//! Neither ever waits, allocates or formats. Losses are counted where they happen and told in the order of events: a
//! [`AuditEntry::Lost`] with the exact count goes in as soon as there is room for it.

use crate::engine::AuditNews;
use crate::record::{AuditEntry, CallId, Caller, LossPlace, UnixNanos};
use crate::ring::{Consumer, Producer};
use crossbeam_queue::ArrayQueue;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

/// Entries of cold queries that can wait: their threads are few and each waits for a venue in between.
const COLD_ENTRIES_MAX: usize = 1_024;

/// What the journal's thread and both ways in share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// The disk refuses.
    pub(super) failing: AtomicBool,
    /// Entries lost so far, wherever.
    pub(super) lost: AtomicU64,
    /// What the reactor's end could not tell itself before it was dropped.
    pub(super) lost_at_the_end: AtomicU64,
}

/// The reactor's way in.
#[derive(Debug)]
pub struct AuditTap {
    ring: Producer<AuditEntry>,
    shared: Arc<Shared>,
    /// Lost and not told in the ring yet.
    pending: u64,
    /// All losses the strategies were told of.
    told: u64,
    /// The strategies know that it is in trouble.
    troubled: bool,
}

impl AuditTap {
    pub(super) fn new(ring: Producer<AuditEntry>, shared: Arc<Shared>) -> AuditTap {
        AuditTap { ring, shared, pending: 0, told: 0, troubled: false }
    }

    /// Copies an entry into the ring, or counts it as lost.
    pub fn push(&mut self, now: impl FnOnce() -> UnixNanos, entry: &AuditEntry) {
        let behind = self.pending > 0 && !self.tell_loss(now);
        if behind || !self.ring.push(*entry) {
            self.pending = self.pending.saturating_add(1);
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What the strategies are to be told now, if anything. Cheap when all is well; call it every turn.
    pub fn news(&mut self, now: impl FnOnce() -> UnixNanos) -> Option<AuditNews> {
        let failing = self.shared.failing.load(Ordering::Relaxed);
        if self.pending > 0 && !failing {
            self.tell_loss(now);
        }
        let full = self.pending > 0;
        if failing || full {
            let why = if failing { "the disk refuses the audit log" } else { "the audit log cannot keep up" };
            return (!std::mem::replace(&mut self.troubled, true)).then_some(AuditNews::Troubled(why));
        }
        let lost = self.shared.lost.load(Ordering::Relaxed);
        let since = lost.wrapping_sub(std::mem::replace(&mut self.told, lost));
        (std::mem::take(&mut self.troubled) || since > 0).then_some(AuditNews::Recovered(since))
    }

    /// One entry says how many are missing before it; false if there is no room for that either.
    #[cold]
    fn tell_loss(&mut self, now: impl FnOnce() -> UnixNanos) -> bool {
        let lost = AuditEntry::Lost { at: now(), count: self.pending, place: LossPlace::Ring };
        let told = self.ring.push(lost);
        if told {
            self.pending = 0;
        }
        told
    }
}

impl Drop for AuditTap {
    fn drop(&mut self) {
        // The ring was full to the last: the journal tells it when it has drained it.
        self.shared.lost_at_the_end.fetch_add(self.pending, Ordering::Release);
    }
}

/// The way in of threads that may block; cheap to clone. Without a journal behind it, it takes and forgets everything.
#[derive(Debug, Clone)]
pub struct ColdAudit {
    queue: Option<Arc<ColdQueue>>,
    caller: Caller,
}

impl Default for ColdAudit {
    fn default() -> Self {
        ColdAudit { queue: None, caller: Caller::Cold }
    }
}

#[derive(Debug)]
struct ColdQueue {
    entries: ArrayQueue<AuditEntry>,
    lost: AtomicU64,
    calls: AtomicU64,
    shared: Arc<Shared>,
}

impl ColdAudit {
    pub(super) fn new(shared: Arc<Shared>) -> ColdAudit {
        let entries = ArrayQueue::new(COLD_ENTRIES_MAX);
        let queue = ColdQueue { entries, lost: AtomicU64::new(0), calls: AtomicU64::new(0), shared };
        ColdAudit { queue: Some(Arc::new(queue)), caller: Caller::Cold }
    }

    /// The same way in for somebody else, whose calls are named differently.
    #[must_use]
    pub fn of(&self, caller: Caller) -> ColdAudit {
        ColdAudit { queue: self.queue.clone(), caller }
    }

    /// The name of a new call.
    pub fn call(&self) -> CallId {
        let number = self.queue.as_ref().map_or(0, |queue| queue.calls.fetch_add(1, Ordering::Relaxed).wrapping_add(1));
        CallId { caller: self.caller, number }
    }

    /// Hands an entry over, or counts it as lost.
    pub fn push(&self, entry: AuditEntry) {
        let Some(queue) = &self.queue else { return };
        if queue.entries.push(entry).is_err() {
            queue.lost.fetch_add(1, Ordering::AcqRel);
            queue.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn pop(&self, now: UnixNanos) -> Option<AuditEntry> {
        let queue = self.queue.as_ref()?;
        // What is lost found the queue full, so all that waited comes first.
        queue.entries.pop().or_else(|| {
            let count = queue.lost.swap(0, Ordering::AcqRel);
            (count > 0).then_some(AuditEntry::Lost { at: now, count, place: LossPlace::ColdQueue })
        })
    }
}

/// The journal's end of both.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) ring: Consumer<AuditEntry>,
    pub(super) cold: ColdAudit,
    pub(super) shared: Arc<Shared>,
}

impl Intake {
    /// The next entry, if one waits.
    pub(super) fn next(&mut self, now: UnixNanos) -> Option<AuditEntry> {
        self.ring.pop().or_else(|| self.cold.pop(now))
    }

    /// What the reactor lost and could not tell, once it is gone and its ring is drained.
    pub(super) fn lost_at_the_end(&self, now: UnixNanos) -> Option<AuditEntry> {
        let count = self.shared.lost_at_the_end.swap(0, Ordering::AcqRel);
        (count > 0).then_some(AuditEntry::Lost { at: now, count, place: LossPlace::Ring })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{AuditCall, CallStep, Venue};
    use crate::ring::ring;

    const NOW: UnixNanos = UnixNanos(1_000);

    fn entry(number: u64) -> AuditEntry {
        let call = CallId { caller: Caller::Engine, number };
        AuditEntry::Call(AuditCall::new(NOW, call, Venue::Coinbase, "place", CallStep::Sent))
    }

    fn tap(capacity: usize) -> (AuditTap, Intake) {
        let shared = Arc::new(Shared::default());
        let (producer, ring) = ring(capacity, None);
        let cold = ColdAudit::new(shared.clone());
        (AuditTap::new(producer, shared.clone()), Intake { ring, cold, shared })
    }

    fn lost(count: u64) -> AuditEntry {
        AuditEntry::Lost { at: NOW, count, place: LossPlace::Ring }
    }

    #[test]
    fn what_a_full_ring_loses_is_told_exactly_where_it_is_missing() {
        let (mut tap, mut intake) = tap(2);
        for number in 1..=5 {
            tap.push(|| NOW, &entry(number));
        }
        assert_eq!(tap.news(|| NOW), Some(AuditNews::Troubled("the audit log cannot keep up")));
        assert_eq!(tap.news(|| NOW), None, "told once");
        assert_eq!((intake.next(NOW), intake.next(NOW), intake.next(NOW)), (Some(entry(1)), Some(entry(2)), None));
        tap.push(|| NOW, &entry(6));
        assert_eq!((intake.next(NOW), intake.next(NOW)), (Some(lost(3)), Some(entry(6))));
        assert_eq!(tap.news(|| NOW), Some(AuditNews::Recovered(3)));
        assert_eq!(tap.news(|| NOW), None);
    }

    #[test]
    fn a_loss_is_told_as_soon_as_there_is_room_even_if_nothing_follows() {
        let (mut tap, mut intake) = tap(1);
        tap.push(|| NOW, &entry(1));
        tap.push(|| NOW, &entry(2));
        intake.next(NOW);
        assert_eq!(tap.news(|| NOW), Some(AuditNews::Recovered(1)));
        assert_eq!(intake.next(NOW), Some(lost(1)));
    }

    #[test]
    fn what_was_lost_last_is_told_when_the_reactor_is_gone() {
        let (mut tap, mut intake) = tap(1);
        for number in 1..=3 {
            tap.push(|| NOW, &entry(number));
        }
        drop(tap);
        assert_eq!(intake.next(NOW), Some(entry(1)));
        assert_eq!((intake.next(NOW), intake.lost_at_the_end(NOW)), (None, Some(lost(2))));
        assert_eq!(intake.lost_at_the_end(NOW), None);
    }

    #[test]
    fn a_disk_that_refuses_is_told_and_so_is_its_recovery() {
        let (mut tap, intake) = tap(4);
        intake.shared.failing.store(true, Ordering::Relaxed);
        assert_eq!(tap.news(|| NOW), Some(AuditNews::Troubled("the disk refuses the audit log")));
        assert_eq!(tap.news(|| NOW), None);
        intake.shared.failing.store(false, Ordering::Relaxed);
        assert_eq!(tap.news(|| NOW), Some(AuditNews::Recovered(0)));
    }

    #[test]
    fn cold_queries_that_find_no_room_are_counted_too() {
        let (mut tap, mut intake) = tap(4);
        let cold = intake.cold.clone();
        for number in 0..COLD_ENTRIES_MAX as u64 + 2 {
            cold.push(entry(number));
        }
        assert_eq!(tap.news(|| NOW), Some(AuditNews::Recovered(2)));
        for number in 0..COLD_ENTRIES_MAX as u64 {
            assert_eq!(intake.next(NOW), Some(entry(number)));
        }
        assert_eq!(intake.next(NOW), Some(AuditEntry::Lost { at: NOW, count: 2, place: LossPlace::ColdQueue }));
        assert_eq!(intake.next(NOW), None);
    }
}
