//! One instrument at the paper venue: which orders of ours rest there, and what the market offers an order that takes.

use super::order::{is_before, reaches, PaperOrder};
use super::shown::{Eaten, Shown};
use crate::record::{BookSide, Fixed, Fixed128, Instrument, Side, UnixNanos};

/// One execution to be booked: price and quantity.
pub(super) type Match = (i64, i64);

/// How much an order takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Want {
    /// So much of the base asset.
    Quantity(i64),
    /// As many whole lots as so much of the quote asset pays for, with a fee at this rate.
    Spend(Fixed128, Fixed),
}

/// Why an order takes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// It has what it wants, or no further lot fits the amount.
    Done,
    /// Nothing more is offered within its limit.
    Dry,
    /// An order of ours, in this slot, is next.
    Own(u32),
}

/// An instrument that can be traded.
#[derive(Debug)]
pub(super) struct PaperMarket {
    pub(super) price_exponent: i8,
    pub(super) size_exponent: i8,
    pub(super) lot: i64,
    /// Place of the base asset's account.
    pub(super) base: usize,
    /// Place of the quote asset's account.
    pub(super) quote: usize,
    /// Orders of ours, oldest first, by slot.
    pub(super) resting: Vec<u32>,
    pub(super) eaten: Eaten,
    /// The venue's time of the last whole book event.
    pub(super) heard: UnixNanos,
}

impl PaperMarket {
    pub(super) fn new(instrument: &Instrument, base: usize, quote: usize) -> PaperMarket {
        let (price_exponent, size_exponent) = instrument.exponents();
        let lot = instrument.lot_mantissa().max(1);
        let (resting, eaten, heard) = (Vec::new(), Eaten::default(), UnixNanos::NONE);
        PaperMarket { price_exponent, size_exponent, lot, base, quote, resting, eaten, heard }
    }

    /// `price x quantity`, quote currency, exact.
    pub(super) fn value(&self, price: i64, quantity: i64) -> Fixed128 {
        // Two 64-bit mantissas always fit 128 bits.
        let mantissa = i128::from(price).saturating_mul(i128::from(quantity));
        Fixed128::new(mantissa, self.price_exponent.saturating_add(self.size_exponent)).normalized()
    }

    /// A quantity as an amount of the base asset.
    pub(super) fn amount(&self, quantity: i64) -> Fixed128 {
        Fixed128::new(i128::from(quantity), self.size_exponent).normalized()
    }

    /// Our first order in the queue of the best price of a side, by slot.
    pub(super) fn first_own<'o>(&self, orders: &'o [PaperOrder], side: BookSide) -> Option<(u32, i64, &'o PaperOrder)> {
        let own = self.resting.iter().filter_map(|slot| Some((*slot, orders.get(*slot as usize)?)));
        let own = own.filter(|(_, order)| order.own_side() == side);
        let priced = own.filter_map(|(slot, order)| Some((slot, order.limit?, order)));
        // The oldest of equals is kept: they come oldest first.
        priced.reduce(|best, next| if is_before(side, next.1, best.1) { next } else { best })
    }

    /// The best price an order of `side` would meet, ours included.
    pub(super) fn opposite_best(&self, orders: &[PaperOrder], shown: Shown<'_>, side: Side) -> Option<i64> {
        let from = super::order::book_side(side).opposite();
        let own = self.first_own(orders, from).map(|(_, price, _)| price);
        let others = self.offered(shown, from).next().map(|(price, _)| price);
        match (own, others) {
            (Some(own), Some(other)) => Some(if is_before(from, own, other) { own } else { other }),
            (own, others) => own.or(others),
        }
    }

    /// Levels of a side less what was taken from them, best first.
    pub(super) fn offered<'a>(&'a self, shown: Shown<'a>, side: BookSide) -> impl Iterator<Item = Match> + 'a {
        let left = move |(price, size)| (price, self.eaten.left(side, price, size));
        shown.levels(side).map(left).filter(|(_, size)| *size > 0)
    }

    /// What an order of `side` would take now, best first, into `matches`. Changes nothing.
    pub(super) fn walk(
        &self,
        orders: &[PaperOrder],
        shown: Shown<'_>,
        (side, limit): (Side, Option<i64>),
        want: Want,
        matches: &mut Vec<Match>,
    ) -> Stop {
        matches.clear();
        let from = super::order::book_side(side).opposite();
        let own = self.first_own(orders, from).filter(|(_, price, _)| reaches(side, limit, *price));
        let met = |stop: Stop| own.map_or(stop, |(slot, ..)| Stop::Own(slot));
        let mut want = want;
        for (price, size) in self.offered(shown, from) {
            if self.most(want, price) <= 0 {
                return Stop::Done;
            }
            if !reaches(side, limit, price) {
                return met(Stop::Dry);
            }
            let before_own = match own {
                Some((slot, at, _)) if is_before(from, at, price) => return Stop::Own(slot),
                Some((_, at, order)) if at == price => size.min(order.place.ahead),
                _ => size,
            };
            let taken = self.most(want, price).min(before_own);
            if taken > 0 {
                matches.push((price, taken));
                want = self.less(want, price, taken);
            }
            if self.most(want, price) <= 0 {
                return Stop::Done;
            }
            if before_own < size || own.is_some_and(|(_, at, _)| at == price) {
                return met(Stop::Dry);
            }
        }
        match own {
            Some((slot, price, _)) if self.most(want, price) > 0 => Stop::Own(slot),
            _ if matches!(want, Want::Quantity(0)) => Stop::Done,
            _ => Stop::Dry,
        }
    }

    /// How much of a want fits at a price.
    fn most(&self, want: Want, price: i64) -> i64 {
        match want {
            Want::Quantity(quantity) => quantity,
            Want::Spend(amount, rate) => {
                let lot = crate::record::money::with_share(self.value(price, self.lot), rate);
                let lots = lot.and_then(|lot| crate::record::money::times_in(lot, amount)).unwrap_or(0);
                i64::try_from(lots).ok().and_then(|lots| lots.checked_mul(self.lot)).unwrap_or(i64::MAX)
            }
        }
    }

    /// What is left of a want.
    fn less(&self, want: Want, price: i64, taken: i64) -> Want {
        match want {
            Want::Quantity(quantity) => Want::Quantity(quantity.saturating_sub(taken)),
            Want::Spend(amount, rate) => {
                let cost = crate::record::money::with_share(self.value(price, taken), rate);
                let left = cost.and_then(|cost| crate::record::money::minus(amount, cost));
                Want::Spend(left.unwrap_or(crate::record::money::ZERO), rate)
            }
        }
    }

    /// What a quantity would cost at present, before fees, as far as it is offered; `None` if it cannot be counted.
    pub(super) fn cost(&self, shown: Shown<'_>, quantity: i64) -> Option<Fixed128> {
        let (mut left, mut sum) = (quantity, crate::record::money::ZERO);
        for (price, size) in self.offered(shown, BookSide::Ask) {
            let taken = left.min(size);
            sum = crate::record::money::plus(sum, self.value(price, taken))?;
            left = left.saturating_sub(taken);
            if left <= 0 {
                break;
            }
        }
        Some(sum)
    }
}
