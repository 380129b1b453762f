//! How many conditional orders and icebergs of ours are open in a symbol of Binance.US, which limits both (filters
//! MAX_NUM_ALGO_ORDERS and MAX_NUM_ICEBERG_ORDERS, Binance.US reference 9).
//!
//! Owns which orders of this session are such: the order table does not tell. Guarantees that an order counts from the
//! moment it is registered until it is over. Orders of other sessions and of strangers do not count here: the venue
//! counts them, and refuses.

use crate::order::{Orders, Slot};
use crate::record::{InstrumentId, OrderShape, OrderTerms, VenueOptions};

/// Orders remembered before those that are over are forgotten.
const KEPT: usize = 64;

#[derive(Debug, Clone, Copy)]
struct Special {
    slot: Slot,
    conditional: bool,
    iceberg: bool,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct SpecialOrders(Vec<Special>);

/// What is open in one symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct OpenSpecials {
    pub(super) conditional: u32,
    pub(super) icebergs: u32,
}

impl SpecialOrders {
    /// An order of these terms was registered.
    pub(super) fn begin(&mut self, slot: Slot, terms: &OrderTerms, orders: &Orders) {
        let conditional = matches!(terms.shape, OrderShape::Triggered { .. } | OrderShape::Bracket { .. });
        let leg_shown = match terms.options {
            VenueOptions::BinanceUs(options) => options.limit_shown.or(options.stop_shown),
            _ => None,
        };
        let iceberg = terms.shown().or(leg_shown).is_some();
        if !conditional && !iceberg {
            return;
        }
        if self.0.len() >= KEPT {
            self.0.retain(|special| is_open(special, orders));
        }
        self.0.push(Special { slot, conditional, iceberg });
    }

    /// What is open of an instrument.
    pub(super) fn open(&self, instrument: InstrumentId, orders: &Orders) -> OpenSpecials {
        let of = |special: &&Special| {
            is_open(special, orders) && orders.get(special.slot).is_some_and(|order| order.instrument() == instrument)
        };
        let add = |sum: OpenSpecials, special: &Special| OpenSpecials {
            conditional: sum.conditional.saturating_add(u32::from(special.conditional)),
            icebergs: sum.icebergs.saturating_add(u32::from(special.iceberg)),
        };
        self.0.iter().filter(of).fold(OpenSpecials::default(), add)
    }
}

fn is_open(special: &Special, orders: &Orders) -> bool {
    orders.get(special.slot).is_some_and(|order| !order.is_over())
}
