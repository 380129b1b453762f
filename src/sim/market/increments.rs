//! Prices and sizes as whole numbers: ticks and lots, so that matching never rounds.

use rust_decimal::Decimal;

/// The steps of one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Increments {
    /// Step of prices.
    pub(crate) tick: Decimal,
    /// Step of sizes.
    pub(crate) lot: Decimal,
}

/// What a made-up market needs to know of its instrument.
pub(crate) trait Traded {
    /// Its steps.
    fn increments(&self) -> Increments;
    /// Where its market starts.
    fn start_price(&self) -> Decimal;
    /// A usual order size, in base units.
    fn usual_size(&self) -> Decimal;
}

impl Increments {
    /// So many ticks as a price.
    pub(crate) fn price(&self, ticks: i64) -> Decimal {
        (Decimal::from(ticks) * self.tick).normalize()
    }

    /// So many lots as a size.
    pub(crate) fn size(&self, lots: i64) -> Decimal {
        (Decimal::from(lots) * self.lot).normalize()
    }

    /// A price in ticks, `None` if it is not on the tick or not positive.
    pub(crate) fn ticks(&self, price: Decimal) -> Option<i64> {
        whole(price, self.tick)
    }

    /// A size in lots, `None` if it is not on the lot or not positive.
    pub(crate) fn lots(&self, size: Decimal) -> Option<i64> {
        whole(size, self.lot)
    }

    /// The most lots that `quote` buys at `price`, rounded down.
    pub(crate) fn lots_for(&self, quote: Decimal, price: Decimal) -> i64 {
        let lots = quote.checked_div(price).and_then(|base| base.checked_div(self.lot));
        let lots = lots.and_then(|lots| i64::try_from(lots.floor()).ok()).unwrap_or(0);
        // A quotient of 28 digits may have been rounded up to a whole number.
        let too_dear = self.size(lots).checked_mul(price).is_some_and(|cost| cost > quote);
        lots - i64::from(too_dear)
    }

    /// `value` in whole `step`s, rounded down, for values of our own making.
    pub(crate) fn whole_steps(value: Decimal, step: Decimal) -> i64 {
        value.checked_div(step).and_then(|n| i64::try_from(n.floor()).ok()).unwrap_or(1)
    }
}

fn whole(value: Decimal, step: Decimal) -> Option<i64> {
    let count = value.checked_div(step)?;
    // A quotient that lost digits could look whole: multiply back to be sure.
    (count.fract().is_zero() && count > Decimal::ZERO && count.checked_mul(step) == Some(value))
        .then(|| i64::try_from(count).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn prices_and_sizes_are_whole_ticks_and_lots_or_refused() {
        let btc = Increments { tick: d("0.01"), lot: d("0.00000001") };
        assert_eq!(btc.ticks(d("83000.50")), Some(8_300_050));
        assert_eq!(btc.ticks(d("83000.505")), None);
        assert_eq!((btc.ticks(Decimal::ZERO), btc.ticks(-Decimal::ONE)), (None, None));
        assert_eq!((btc.lots(d("0.00000001")), btc.lots(d("0.000000001"))), (Some(1), None));
        assert_eq!(btc.price(8_300_050).to_string(), "83000.5");
        assert_eq!(btc.size(100_000_000).to_string(), "1");
    }

    #[test]
    fn an_increment_that_does_not_divide_evenly_is_still_exact() {
        let odd = Increments { tick: d("0.03"), lot: d("0.00000003") };
        assert_eq!((odd.ticks(d("0.09")), odd.ticks(d("0.10"))), (Some(3), None));
    }

    #[test]
    fn a_budget_never_buys_more_than_it_pays_for() {
        let coarse = Increments { tick: d("0.01"), lot: d("0.1") };
        assert_eq!(coarse.lots_for(d("10"), d("3")), 33);
        assert_eq!(coarse.lots_for(d("0.29"), d("3")), 0);
    }
}
