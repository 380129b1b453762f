//! The orders strategies have prepared, by slot. A command with an old slot finds nothing: never another order.

use crate::record::{PreparedOrder, PreparedSlot, StrategyId, PREPARED_MAX};

/// All slots of all strategies; takes its memory at once (64 kB).
#[derive(Debug)]
pub(super) struct PreparedOrders {
    places: Vec<Option<(u32, Box<PreparedOrder>)>>,
}

impl PreparedOrders {
    pub(super) fn new() -> PreparedOrders {
        let places = StrategyId::COUNT_MAX.saturating_mul(PREPARED_MAX);
        PreparedOrders { places: std::iter::repeat_with(|| None).take(places).collect() }
    }

    /// Puts an order into a slot; what was there is gone.
    pub(super) fn put(&mut self, strategy: StrategyId, slot: PreparedSlot, order: Box<PreparedOrder>) {
        if let Some(place) = at(strategy, slot).and_then(|at| self.places.get_mut(at)) {
            *place = Some((slot.generation(), order));
        }
    }

    /// Empties a slot, unless another order is in it by now.
    pub(super) fn discard(&mut self, strategy: StrategyId, slot: PreparedSlot) {
        if let Some(place) = at(strategy, slot).and_then(|at| self.places.get_mut(at)) {
            if place.as_ref().is_some_and(|(generation, _)| *generation == slot.generation()) {
                *place = None;
            }
        }
    }

    /// Empties every slot of a strategy.
    pub(super) fn discard_all(&mut self, strategy: StrategyId) {
        let first = strategy.index().saturating_mul(PREPARED_MAX);
        for place in self.places.iter_mut().skip(first).take(PREPARED_MAX) {
            *place = None;
        }
    }

    /// The order in a slot.
    pub(super) fn get(&self, strategy: StrategyId, slot: PreparedSlot) -> Option<&PreparedOrder> {
        let (generation, order) = self.places.get(at(strategy, slot)?)?.as_ref()?;
        let same = *generation == slot.generation() && order.instrument() == slot.instrument();
        same.then_some(order.as_ref())
    }
}

fn at(strategy: StrategyId, slot: PreparedSlot) -> Option<usize> {
    let inside = slot.index() < PREPARED_MAX && strategy.index() < StrategyId::COUNT_MAX;
    inside.then(|| strategy.index().saturating_mul(PREPARED_MAX).saturating_add(slot.index()))
}
