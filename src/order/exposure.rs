//! What is ours in each instrument: the position our fills made, and what open orders may still add to it.
//!
//! Follows every change of an order by the difference it makes, so that a guard reads one number instead of walking the
//! table. Guarantees that the sums equal those over the table itself. An order sized in quote currency counts with its
//! fills alone: how much of the base asset the rest will buy, nobody knows.

use super::state::{Order, OrderState};
use crate::record::{InstrumentId, OrderType, PerVenue, Side, UnixNanos, Venue};

/// What is ours in one instrument. Sizes are mantissas at the size exponent, prices at the price exponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exposure {
    /// Held through fills of this session, on top of what was told at its start; long positive.
    pub position: i64,
    /// The venue has said what was held before, and it is known how our fills stand to that. Until then `position` may lack
    /// it, or have a fill twice.
    pub position_known: bool,
    /// What open buy orders may still buy.
    pub open_buy: i64,
    /// What open sell orders may still sell.
    pub open_sell: i64,
    /// Orders open or on their way.
    pub open_orders: u32,
    /// Our highest open buy price; [`Exposure::NO_BID`] if none.
    pub bid_max: i64,
    /// Our lowest open sell price; [`Exposure::NO_ASK`] if none.
    pub ask_min: i64,
    /// What open buy orders reserve of the quote asset, at price exponent plus size exponent. A market order sized in the
    /// base asset reserves nothing: nobody knows its price.
    pub reserved: i128,
}

impl Exposure {
    /// No buy order of ours is open.
    pub const NO_BID: i64 = i64::MIN;
    /// No sell order of ours is open.
    pub const NO_ASK: i64 = i64::MAX;
    /// Nothing held, nothing open.
    pub const NONE: Exposure = Exposure {
        position: 0,
        position_known: false,
        open_buy: 0,
        open_sell: 0,
        open_orders: 0,
        bid_max: Exposure::NO_BID,
        ask_min: Exposure::NO_ASK,
        reserved: 0,
    };
}

/// What one order adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    open: bool,
    side: Side,
    /// Still to be executed, base; 0 if the order is over or sized in quote currency.
    rest: i64,
    executed: i64,
    /// Where it rests, or may rest once a change is done; `None` for market orders and those that are over.
    price: Option<i64>,
    /// Of the quote asset, at price exponent plus size exponent.
    reserved: i128,
}

impl Share {
    pub fn of(order: &Order) -> Share {
        let open = !matches!(order.state(), OrderState::Closed(_));
        let rest = order.open_quantity();
        let price = order.reach();
        let limit = open && order.order_type() != OrderType::Market && price > 0;
        Share {
            open,
            side: order.side(),
            rest,
            executed: order.executed_here(),
            price: limit.then_some(price),
            reserved: order.reserved(),
        }
    }
}

impl Share {
    /// Where the order rests; `None` if it does not.
    pub const fn price(&self) -> Option<i64> {
        self.price
    }
}

/// One sum of what open orders hold of an asset: over instruments that count it at the same exponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldSum(usize);

/// Where it is summed up what open orders in an instrument hold.
#[derive(Debug, Clone, Copy)]
struct Held {
    /// [`Exposure::reserved`].
    quote: HeldSum,
    /// [`Exposure::open_sell`].
    base: HeldSum,
}

/// All exposures.
#[derive(Debug)]
pub(super) struct Exposures {
    by_instrument: Vec<Exposure>,
    /// By instrument.
    held: Vec<Option<Held>>,
    /// By [`HeldSum`].
    sums: Vec<i128>,
    open_by_venue: PerVenue<u32>,
    /// Instruments whose position the next whole list of balances tells, by its silence too.
    awaited: Vec<(Venue, InstrumentId)>,
    /// Instruments for which all balances were told, and when those were asked for, until they are taken.
    told: Vec<(InstrumentId, UnixNanos)>,
}

/// How the best price of a side stands after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Best {
    Known,
    /// The order that set it is gone from it: look through the table.
    Lost(Side),
}

impl Exposures {
    pub fn new(instruments: usize) -> Exposures {
        let by_instrument = vec![Exposure::NONE; instruments];
        let held = vec![None; instruments];
        let (open_by_venue, awaited, told, sums) = (PerVenue::default(), Vec::new(), Vec::new(), Vec::new());
        Exposures { by_instrument, held, sums, open_by_venue, awaited, told }
    }

    /// Another sum, of nothing yet.
    pub fn add_held_sum(&mut self) -> HeldSum {
        self.sums.push(0);
        HeldSum(self.sums.len().saturating_sub(1))
    }

    /// What open orders in an instrument hold is in these sums from now on; to be called once for each.
    pub fn sum_held(&mut self, instrument: InstrumentId, quote: HeldSum, base: HeldSum) {
        let Some(place) = self.held.get_mut(instrument.index()) else { return };
        *place = Some(Held { quote, base });
        let Exposure { reserved, open_sell, .. } = self.get(instrument);
        self.add(quote, reserved);
        self.add(base, i128::from(open_sell));
    }

    pub fn held(&self, sum: HeldSum) -> i128 {
        self.sums.get(sum.0).copied().unwrap_or(0)
    }

    fn add(&mut self, to: HeldSum, more: i128) {
        if let Some(sum) = self.sums.get_mut(to.0) {
            *sum = sum.saturating_add(more);
        }
    }

    pub fn get(&self, instrument: InstrumentId) -> Exposure {
        self.by_instrument.get(instrument.index()).copied().unwrap_or(Exposure::NONE)
    }

    pub const fn open_at(&self, venue: Venue) -> u32 {
        *self.open_by_venue.get(venue)
    }

    /// The position was told from outside.
    pub fn set_position(&mut self, instrument: InstrumentId, position: i64) {
        if let Some(exposure) = self.by_instrument.get_mut(instrument.index()) {
            (exposure.position, exposure.position_known) = (position, true);
        }
    }

    /// What the position is as far as anybody knows.
    pub fn suppose_position(&mut self, instrument: InstrumentId, position: i64) {
        if let Some(exposure) = self.by_instrument.get_mut(instrument.index()) {
            (exposure.position, exposure.position_known) = (position, false);
        }
    }

    /// The position is what our fills made of it: nothing was held before.
    pub fn know_position(&mut self, instrument: InstrumentId) {
        if let Some(exposure) = self.by_instrument.get_mut(instrument.index()) {
            exposure.position_known = true;
        }
    }

    /// The position is in doubt: another list of balances tells it.
    pub fn doubt_position(&mut self, venue: Venue, instrument: InstrumentId) {
        if let Some(exposure) = self.by_instrument.get_mut(instrument.index()) {
            exposure.position_known = false;
        }
        self.await_position(venue, instrument);
    }

    /// The next list of balances tells the position; whether there is anything to wait for.
    pub fn await_position(&mut self, venue: Venue, instrument: InstrumentId) -> bool {
        let waits = !self.get(instrument).position_known && instrument.index() < self.by_instrument.len();
        if waits && !self.awaited.contains(&(venue, instrument)) {
            self.awaited.push((venue, instrument));
        }
        waits
    }

    /// Every balance of the account was told, asked for at `asked`.
    pub fn balances_told(&mut self, venue: Venue, asked: UnixNanos) {
        let Exposures { awaited, told, .. } = self;
        awaited.retain(|(of, instrument)| {
            if *of == venue {
                told.push((*instrument, asked));
            }
            *of != venue
        });
    }

    /// An instrument that was awaited and whose balances were told since, and when those were asked for; each once.
    pub fn take_told(&mut self) -> Option<(InstrumentId, UnixNanos)> {
        self.told.pop()
    }

    /// An order that added `before` (`None`: a new one) adds `after` now.
    pub fn changed(&mut self, venue: Venue, instrument: InstrumentId, before: Option<Share>, after: Share) -> Best {
        if before == Some(after) {
            return Best::Known;
        }
        let was_open = before.is_some_and(|share| share.open);
        if was_open != after.open {
            let count = self.open_by_venue.get_mut(venue);
            *count = if after.open { count.saturating_add(1) } else { count.saturating_sub(1) };
        }
        let Some(exposure) = self.by_instrument.get_mut(instrument.index()) else { return Best::Known };
        let (reserved_before, open_sell_before) = (exposure.reserved, exposure.open_sell);
        if was_open != after.open {
            let count = exposure.open_orders;
            exposure.open_orders = if after.open { count.saturating_add(1) } else { count.saturating_sub(1) };
        }
        let (rest, executed) = before.map_or((0, 0), |share| (share.rest, share.executed));
        let open = match after.side {
            Side::Buy => &mut exposure.open_buy,
            Side::Sell => &mut exposure.open_sell,
        };
        *open = open.saturating_sub(rest).saturating_add(after.rest);
        let reserved = before.map_or(0, |share| share.reserved);
        exposure.reserved = exposure.reserved.saturating_sub(reserved).saturating_add(after.reserved);
        let filled = after.executed.saturating_sub(executed);
        exposure.position = match after.side {
            Side::Buy => exposure.position.saturating_add(filled),
            Side::Sell => exposure.position.saturating_sub(filled),
        };
        let holds = exposure.reserved.saturating_sub(reserved_before);
        let sells = i128::from(exposure.open_sell).saturating_sub(i128::from(open_sell_before));
        if let Some(Some(Held { quote, base })) = self.held.get(instrument.index()).copied() {
            self.add(quote, holds);
            self.add(base, sells);
        }
        let old_price = before.and_then(|share| share.price);
        if old_price == after.price {
            return Best::Known;
        }
        let Some(exposure) = self.by_instrument.get_mut(instrument.index()) else { return Best::Known };
        let best = match after.side {
            Side::Buy => exposure.bid_max,
            Side::Sell => exposure.ask_min,
        };
        exposure.offer(after.side, after.price);
        if old_price == Some(best) {
            Best::Lost(after.side)
        } else {
            Best::Known
        }
    }

    /// Sets the best price of a side to the best of these.
    pub fn find_best(&mut self, instrument: InstrumentId, side: Side, prices: impl Iterator<Item = i64>) {
        let Some(exposure) = self.by_instrument.get_mut(instrument.index()) else { return };
        match side {
            Side::Buy => exposure.bid_max = Exposure::NO_BID,
            Side::Sell => exposure.ask_min = Exposure::NO_ASK,
        }
        for price in prices {
            exposure.offer(side, Some(price));
        }
    }
}

impl Exposure {
    fn offer(&mut self, side: Side, price: Option<i64>) {
        match (side, price) {
            (Side::Buy, Some(price)) => self.bid_max = self.bid_max.max(price),
            (Side::Sell, Some(price)) => self.ask_min = self.ask_min.min(price),
            (_, None) => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: InstrumentId = InstrumentId(3);

    fn share(side: Side, rest: i64, executed: i64, price: Option<i64>, open: bool) -> Share {
        let (rest, price) = if open { (rest, price) } else { (0, None) };
        let reserved = if side == Side::Buy { i128::from(rest) * i128::from(price.unwrap_or(0)) } else { 0 };
        Share { open, side, rest, executed, price, reserved }
    }

    proptest! {
        /// However orders come, fill, move and go, the sums and best prices are those of the orders that are left.
        #[test]
        fn what_is_followed_equals_what_is_there(
            steps in proptest::collection::vec((0usize..6, 0i64..50, 0i64..20, proptest::option::of(90i64..110), any::<bool>()), 1..80),
        ) {
            let mut exposures = Exposures::new(8);
            exposures.set_position(ID, 1_000);
            let [quote, base] = [(); 2].map(|()| exposures.add_held_sum());
            let mut summed_from = steps.len() / 2;
            let mut orders: [Option<Share>; 6] = [None; 6];
            for (at, rest, fill, price, open) in steps {
                // The instrument's assets become known while there are orders.
                if summed_from == 0 {
                    exposures.sum_held(ID, quote, base);
                }
                summed_from = summed_from.wrapping_sub(1);
                let side = if at % 2 == 0 { Side::Buy } else { Side::Sell };
                let before = orders[at];
                let executed = before.map_or(0, |share| share.executed) + fill;
                let after = share(side, rest, executed, price, open);
                orders[at] = Some(after);
                if let Best::Lost(side) = exposures.changed(Venue::Oanda, ID, before, after) {
                    exposures.find_best(ID, side, orders.iter().flatten().filter(|s| s.side == side).filter_map(|s| s.price));
                }
            }
            let all: Vec<Share> = orders.iter().flatten().copied().collect();
            let of = |side| all.iter().filter(move |s| s.side == side);
            let expected = Exposure {
                position_known: true,
                position: 1_000 + of(Side::Buy).map(|s| s.executed).sum::<i64>() - of(Side::Sell).map(|s| s.executed).sum::<i64>(),
                open_buy: of(Side::Buy).map(|s| s.rest).sum(),
                open_sell: of(Side::Sell).map(|s| s.rest).sum(),
                open_orders: all.iter().filter(|s| s.open).count() as u32,
                bid_max: of(Side::Buy).filter_map(|s| s.price).max().unwrap_or(Exposure::NO_BID),
                ask_min: of(Side::Sell).filter_map(|s| s.price).min().unwrap_or(Exposure::NO_ASK),
                reserved: of(Side::Buy).map(|s| s.reserved).sum(),
            };
            prop_assert_eq!(exposures.get(ID), expected);
            prop_assert_eq!([exposures.held(quote), exposures.held(base)], [expected.reserved, expected.open_sell.into()]);
            prop_assert_eq!(exposures.open_at(Venue::Oanda), expected.open_orders);
        }
    }

    #[test]
    fn a_position_waits_for_every_balance_of_its_own_venue_and_is_known_once_it_is_set() {
        let (mut exposures, other) = (Exposures::new(8), InstrumentId(4));
        assert!(exposures.await_position(Venue::Coinbase, ID) && exposures.await_position(Venue::Coinbase, other));
        exposures.balances_told(Venue::BinanceUs, UnixNanos(7));
        assert_eq!(exposures.take_told(), None);
        exposures.set_position(ID, 5);
        assert!(exposures.get(ID).position_known && !exposures.get(other).position_known);
        exposures.balances_told(Venue::Coinbase, UnixNanos(9));
        assert!(!exposures.get(other).position_known, "nobody said what it is");
        assert_eq!(
            [exposures.take_told(), exposures.take_told(), exposures.take_told()],
            [Some((other, UnixNanos(9))), Some((ID, UnixNanos(9))), None]
        );
        exposures.know_position(other);
        assert_eq!((exposures.get(other).position, exposures.get(other).position_known), (0, true));
        assert!(!exposures.await_position(Venue::Coinbase, other), "it stays known");
    }

    #[test]
    fn a_position_in_doubt_is_not_known_and_waits_for_the_next_balances() {
        let mut exposures = Exposures::new(8);
        exposures.set_position(ID, 5);
        exposures.doubt_position(Venue::Coinbase, ID);
        assert_eq!((exposures.get(ID).position, exposures.get(ID).position_known), (5, false));
        exposures.balances_told(Venue::Coinbase, UnixNanos(9));
        assert_eq!(exposures.take_told(), Some((ID, UnixNanos(9))));
        exposures.suppose_position(ID, 6);
        assert_eq!((exposures.get(ID).position, exposures.get(ID).position_known), (6, false));
    }

    #[test]
    fn an_instrument_past_the_table_is_counted_at_its_venue_and_nothing_breaks() {
        let mut exposures = Exposures::new(1);
        let far = InstrumentId::NONE;
        let best = exposures.changed(Venue::Oanda, far, None, share(Side::Buy, 1, 0, Some(1), true));
        assert_eq!((best, exposures.get(far), exposures.open_at(Venue::Oanda)), (Best::Known, Exposure::NONE, 1));
    }
}
