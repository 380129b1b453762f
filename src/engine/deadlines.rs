//! Fixed deadline slots with a cached lower bound: re-arming costs a store and a comparison, and nothing is allocated.

use crate::record::UnixNanos;

/// Deadlines by slot number.
#[derive(Debug)]
pub(super) struct Deadlines {
    at: Vec<UnixNanos>,
    /// No slot is due before this; may be too early, never too late.
    bound: UnixNanos,
}

impl Deadlines {
    pub(super) fn new(slots: usize) -> Deadlines {
        Deadlines { at: vec![UnixNanos::MAX; slots], bound: UnixNanos::MAX }
    }

    /// One more slot, disarmed; its number.
    pub(super) fn add(&mut self) -> usize {
        self.at.push(UnixNanos::MAX);
        self.at.len().saturating_sub(1)
    }

    /// Arms `slot`, or disarms it with `None`.
    pub(super) fn set(&mut self, slot: usize, at: Option<UnixNanos>) {
        let at = at.unwrap_or(UnixNanos::MAX);
        if let Some(place) = self.at.get_mut(slot) {
            *place = at;
            self.bound = self.bound.min(at);
        }
    }

    /// The next slot that is due, disarmed. Slots due together come lowest first.
    pub(super) fn take_due(&mut self, now: UnixNanos) -> Option<usize> {
        if now < self.bound {
            return None;
        }
        let due = self.at.iter().position(|at| *at <= now);
        match due.and_then(|slot| self.at.get_mut(slot)) {
            Some(place) => *place = UnixNanos::MAX,
            None => self.bound = self.at.iter().copied().min().unwrap_or(UnixNanos::MAX),
        }
        due
    }

    /// Nothing is due before this.
    pub(super) fn bound(&self) -> Option<UnixNanos> {
        (self.bound != UnixNanos::MAX).then_some(self.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn exactly_the_due_slots_come_out_whatever_the_order_of_arming(
            arms in proptest::collection::vec((0usize..8, proptest::option::of(1u64..100)), 0..40),
            now in 0u64..120,
        ) {
            let mut deadlines = Deadlines::new(8);
            let mut model = [None; 8];
            for (slot, at) in arms {
                deadlines.set(slot, at.map(UnixNanos));
                model[slot] = at;
            }
            let mut due = Vec::new();
            while let Some(slot) = deadlines.take_due(UnixNanos(now)) { due.push(slot); }
            let expected: Vec<usize> = (0..8).filter(|s| model[*s].is_some_and(|at| at <= now)).collect();
            prop_assert_eq!(due, expected);
            let rest = model.iter().flatten().filter(|at| **at > now).min().copied();
            // The bound may be too early, which costs a look; too late would miss a deadline.
            prop_assert!(rest.is_none_or(|rest| deadlines.bound().is_some_and(|bound| bound.0 <= rest)));
        }
    }
}
