//! Which strategy numbers are taken, and how far each has counted its requests: a number that is given out again goes on
//! counting where its predecessor stopped, so that no client order id comes twice.

use crate::record::StrategyId;
use std::sync::atomic::{AtomicU64, Ordering};

/// One bit per strategy, and one count.
#[derive(Debug)]
pub(super) struct StrategyPlaces {
    taken: AtomicU64,
    counted: [AtomicU64; StrategyId::COUNT_MAX],
}

impl Default for StrategyPlaces {
    fn default() -> Self {
        StrategyPlaces { taken: AtomicU64::new(0), counted: [const { AtomicU64::new(0) }; StrategyId::COUNT_MAX] }
    }
}

impl StrategyPlaces {
    /// The lowest free number, taken, and the count of requests it starts after.
    pub(super) fn take(&self) -> Option<(StrategyId, u64)> {
        let mut taken = self.taken.load(Ordering::Acquire);
        loop {
            let free = taken.trailing_ones();
            if free as usize >= StrategyId::COUNT_MAX {
                return None;
            }
            match self.taken.compare_exchange_weak(taken, taken | 1 << free, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    let counted = self.counted.get(free as usize).map_or(0, |c| c.load(Ordering::Acquire));
                    return Some((StrategyId(free as u8), counted));
                }
                Err(now) => taken = now,
            }
        }
    }

    /// Whether a number was given out, and not given back.
    pub(super) fn is_taken(&self, strategy: StrategyId) -> bool {
        strategy.index() < StrategyId::COUNT_MAX && self.taken.load(Ordering::Acquire) >> strategy.0 & 1 == 1
    }

    /// Gives a number back, with the count it came to.
    pub(super) fn free(&self, strategy: StrategyId, counted: u64) {
        if let Some(place) = self.counted.get(strategy.index()) {
            place.store(counted, Ordering::Release);
        }
        self.taken.fetch_and(!(1u64 << strategy.0), Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_four_strategies_fit_and_freed_numbers_come_again() {
        let places = StrategyPlaces::default();
        let all: Vec<_> = (0..64).map(|_| places.take().unwrap().0 .0).collect();
        assert_eq!(all, (0..64).collect::<Vec<u8>>());
        assert_eq!(places.take(), None);
        assert!(
            places.is_taken(StrategyId(7)) && !places.is_taken(StrategyId(64)) && !places.is_taken(StrategyId(255))
        );
        places.free(StrategyId(7), 41);
        assert!(!places.is_taken(StrategyId(7)));
        assert_eq!(places.take(), Some((StrategyId(7), 41)));
    }
}
