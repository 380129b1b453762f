//! Which places for prepared orders a strategy has given out. The orders themselves are behind the ring; this is the
//! strategy's side of the account, so that preparing never waits for an answer.

use crate::record::{InstrumentId, PreparedSlot, PREPARED_MAX};

/// The places of one strategy.
#[derive(Debug)]
pub struct PreparedSlots {
    /// One bit per taken place.
    taken: u64,
    generations: [u32; PREPARED_MAX],
}

const _: () = assert!(PREPARED_MAX == u64::BITS as usize);

impl Default for PreparedSlots {
    fn default() -> Self {
        PreparedSlots { taken: 0, generations: [0; PREPARED_MAX] }
    }
}

impl PreparedSlots {
    /// A free place for an order of `instrument`; `None` if all [`PREPARED_MAX`] are taken.
    pub fn take(&mut self, instrument: InstrumentId) -> Option<PreparedSlot> {
        let index = self.taken.trailing_ones() as usize;
        let generation = self.generations.get_mut(index)?;
        // Never 0: that is no slot.
        *generation = generation.wrapping_add(1).max(1);
        self.taken |= 1 << index;
        Some(PreparedSlot::new(instrument, index as u16, *generation))
    }

    /// Gives a place back; false if it was given back before, or is another strategy's.
    pub fn free(&mut self, slot: PreparedSlot) -> bool {
        let index = slot.index();
        let current = self.generations.get(index).is_some_and(|generation| *generation == slot.generation());
        let taken = current && self.taken & (1 << index) != 0;
        if taken {
            self.taken &= !(1 << index);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_given_back_comes_again_under_another_generation() {
        let mut slots = PreparedSlots::default();
        let id = InstrumentId(4);
        let all: Vec<_> = std::iter::from_fn(|| slots.take(id)).collect();
        assert_eq!(all.len(), PREPARED_MAX);
        let third = all[3];
        assert!(slots.free(third) && !slots.free(third));
        let again = slots.take(id).unwrap();
        assert_eq!((again.index(), again.instrument()), (third.index(), id));
        assert_ne!(again, third);
        assert!(!slots.free(third) && slots.free(again));
    }
}
