//! What makes terms impossible whatever the venue.

use super::{
    Lifetime, OnTrigger, OrderQuantity, OrderShape, OrderTerms, Scaled, StopLoss, TrailingDistance, Trigger, Twap,
};
use crate::record::Side;

/// A contradiction in an order's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTerms {
    /// A quantity, a slice, or the shown part of an iceberg.
    #[error("quantities must be positive")]
    QuantityNotPositive,
    /// A price or a distance.
    #[error("prices and distances must be positive")]
    PriceNotPositive,
    /// An iceberg that shows more than there is.
    #[error("the shown part must be smaller than the order, and the order sized in the base asset")]
    ShownTooLarge,
    /// Post-only with immediate-or-cancel or fill-or-kill.
    #[error("a post-only order must be able to rest: it cannot be immediate-or-cancel or fill-or-kill")]
    PostOnlyMustRest,
    /// A market order that is to wait.
    #[error("a market order cannot rest: immediate-or-cancel or fill-or-kill")]
    MarketMustNotRest,
    /// Triggers, brackets, slices and scales wait by nature.
    #[error("this kind of order waits: it cannot be immediate-or-cancel or fill-or-kill")]
    MustRest,
    /// A take-profit on the losing side of the stop.
    #[error("take-profit and stop are on the wrong sides of each other for this side")]
    ExitsCross,
    /// Slices without an end.
    #[error("an order in slices needs an end: a lifetime of `Until` or `For`")]
    NoEnd,
    /// Slices that end before they begin.
    #[error("the end is not after the start")]
    EndBeforeStart,
    /// No slices, or slices without time or size.
    #[error("number, size and duration of slices must be positive")]
    NoSlices,
    /// A scaled order of fewer than two parts, or whose stated parts are not as many.
    #[error("a scaled order has at least 2 parts, and states all of them or none")]
    Parts,
    /// A range of prices that is none.
    #[error("the lowest price of a scaled order must be below its highest")]
    EmptyRange,
}

type Checked = Result<(), InvalidTerms>;

pub(super) fn check(terms: &OrderTerms) -> Checked {
    if terms.quantity.mantissa() <= 0 {
        return Err(InvalidTerms::QuantityNotPositive);
    }
    let mut all_positive = true;
    terms.each_price(|price| all_positive &= price > 0);
    if !all_positive {
        return Err(InvalidTerms::PriceNotPositive);
    }
    if let Some(shown) = terms.shown() {
        match terms.quantity {
            _ if shown <= 0 => return Err(InvalidTerms::QuantityNotPositive),
            OrderQuantity::Base(whole) if shown < whole => {}
            OrderQuantity::Base(_) | OrderQuantity::Quote(_) => return Err(InvalidTerms::ShownTooLarge),
        }
    }
    shape(terms)?;
    exits(terms)
}

fn shape(terms: &OrderTerms) -> Checked {
    let rests = terms.lifetime.rests();
    match &terms.shape {
        OrderShape::Market { .. } if rests => Err(InvalidTerms::MarketMustNotRest),
        OrderShape::Limit { post_only: true, .. } if !rests => Err(InvalidTerms::PostOnlyMustRest),
        OrderShape::Market { .. } | OrderShape::Limit { .. } => Ok(()),
        // What it becomes may be immediate-or-cancel at some venues: the lifetime is that of the triggered limit order.
        OrderShape::Triggered { trigger, then } => triggered(trigger, then, rests),
        _ if !rests => Err(InvalidTerms::MustRest),
        OrderShape::Bracket { take_profit, stop, .. } => apart(terms.side, *take_profit, *stop),
        OrderShape::Twap(twap) => slices(twap, terms.lifetime),
        OrderShape::Scaled(scaled) => parts(scaled),
    }
}

fn triggered(trigger: &Trigger, then: &OnTrigger, rests: bool) -> Checked {
    if let Trigger::Trailing { distance: TrailingDistance::BasisPoints(0), .. } = trigger {
        return Err(InvalidTerms::PriceNotPositive);
    }
    // A stop that becomes a market order waits for its trigger only; one that becomes a limit order may say how long
    // that lives.
    match then {
        OnTrigger::Market { .. } | OnTrigger::Limit { shown: Some(_), .. } if !rests => Err(InvalidTerms::MustRest),
        _ => Ok(()),
    }
}

/// A sell leaves a long position: profit above, stop below. A buy is the mirror.
fn apart(side: Side, take_profit: i64, stop: i64) -> Checked {
    let good = match side {
        Side::Sell => take_profit > stop,
        Side::Buy => take_profit < stop,
    };
    good.then_some(()).ok_or(InvalidTerms::ExitsCross)
}

fn slices(twap: &Twap, lifetime: Lifetime) -> Checked {
    let Twap { start, slices, slice_size, slice_s, .. } = *twap;
    if slices == Some(0) || slice_s == Some(0) || slice_size.is_some_and(|size| size <= 0) {
        return Err(InvalidTerms::NoSlices);
    }
    match (lifetime, start) {
        (Lifetime::Until(end), Some(start)) if end <= start => Err(InvalidTerms::EndBeforeStart),
        (Lifetime::For { ms: 0 }, _) => Err(InvalidTerms::EndBeforeStart),
        (Lifetime::Until(_) | Lifetime::For { .. }, _) => Ok(()),
        _ => Err(InvalidTerms::NoEnd),
    }
}

fn parts(scaled: &Scaled) -> Checked {
    let stated = u32::try_from(scaled.stated.len()).unwrap_or(u32::MAX);
    if scaled.parts < 2 || (stated != 0 && stated != scaled.parts) {
        return Err(InvalidTerms::Parts);
    }
    if scaled.price_min >= scaled.price_max {
        return Err(InvalidTerms::EmptyRange);
    }
    if scaled.stated.iter().any(|part| part.quantity.mantissa() <= 0) {
        return Err(InvalidTerms::QuantityNotPositive);
    }
    Ok(())
}

fn exits(terms: &OrderTerms) -> Checked {
    if !terms.exits.lifetime.rests() {
        return Err(InvalidTerms::MustRest);
    }
    match (terms.exits.take_profit, terms.exits.stop_loss) {
        // Exits of a buy are sells.
        (Some(profit), Some(StopLoss::At(stop) | StopLoss::GuaranteedAt(stop))) => {
            apart(terms.side.opposite(), profit, stop)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Exits, TriggerDirection, UnixNanos};

    const LIMIT: OrderShape = OrderShape::Limit { price: 100, post_only: true, shown: None };
    const MARKET: OnTrigger = OnTrigger::Market { worst_price: None };

    fn of(shape: OrderShape) -> OrderTerms {
        OrderTerms::new(Side::Sell, OrderQuantity::Base(10), shape)
    }

    fn twap(start: Option<u64>) -> OrderShape {
        let start = start.map(UnixNanos);
        OrderShape::Twap(Twap { limit: 100, start, slices: Some(5), slice_size: Some(2), slice_s: Some(300) })
    }

    fn scaled(parts: u32, price_min: i64, stated: usize) -> OrderShape {
        let part = super::super::ScaledPart { quantity: OrderQuantity::Base(5), price: 100, post_only: false };
        let (prices, sizes, size_difference, size_ratio) = (None, None, None, None);
        let stated = vec![part; stated];
        OrderShape::Scaled(Scaled {
            parts,
            price_min,
            price_max: 200,
            prices,
            sizes,
            size_difference,
            size_ratio,
            stated,
        })
    }

    #[test]
    fn every_contradiction_has_its_own_refusal() {
        let trigger = Trigger::Price { at: 90, direction: TriggerDirection::Down };
        let trailing = Trigger::Trailing {
            distance: TrailingDistance::BasisPoints(0),
            activation: None,
            direction: TriggerDirection::Down,
        };
        let market = OrderShape::Market { worst_price: None };
        let bracket = |take_profit, stop| OrderShape::Bracket { take_profit, stop, stop_limit: None };
        let exits = Exits { take_profit: Some(80), stop_loss: Some(StopLoss::At(120)), ..Exits::default() };
        let cases = [
            (OrderTerms { quantity: OrderQuantity::Quote(0), ..of(market.clone()) }, InvalidTerms::QuantityNotPositive),
            (of(OrderShape::Limit { price: 0, post_only: false, shown: None }), InvalidTerms::PriceNotPositive),
            (of(bracket(110, -90)), InvalidTerms::PriceNotPositive),
            (of(OrderShape::Limit { price: 1, post_only: false, shown: Some(0) }), InvalidTerms::QuantityNotPositive),
            (of(OrderShape::Limit { price: 1, post_only: false, shown: Some(10) }), InvalidTerms::ShownTooLarge),
            (of(LIMIT).living(Lifetime::FillOrKill), InvalidTerms::PostOnlyMustRest),
            (of(market).living(Lifetime::UntilCancelled), InvalidTerms::MarketMustNotRest),
            (of(OrderShape::Triggered { trigger, then: MARKET }).living(Lifetime::FillOrKill), InvalidTerms::MustRest),
            (of(OrderShape::Triggered { trigger: trailing, then: MARKET }), InvalidTerms::PriceNotPositive),
            (of(bracket(110, 90)).living(Lifetime::ImmediateOrCancel), InvalidTerms::MustRest),
            (of(bracket(90, 110)), InvalidTerms::ExitsCross),
            (OrderTerms { side: Side::Buy, ..of(bracket(110, 90)) }, InvalidTerms::ExitsCross),
            (OrderTerms { side: Side::Buy, ..of(LIMIT) }.with_exits(exits), InvalidTerms::ExitsCross),
            (of(twap(None)), InvalidTerms::NoEnd),
            (of(twap(Some(9))).living(Lifetime::Until(UnixNanos(9))), InvalidTerms::EndBeforeStart),
            (of(twap(None)).living(Lifetime::For { ms: 0 }), InvalidTerms::EndBeforeStart),
            (of(scaled(1, 100, 0)), InvalidTerms::Parts),
            (of(scaled(3, 100, 2)), InvalidTerms::Parts),
            (of(scaled(3, 200, 0)), InvalidTerms::EmptyRange),
        ];
        for (terms, why) in cases {
            assert_eq!(check(&terms), Err(why), "{terms:?}");
        }
    }

    #[test]
    fn sound_terms_of_every_shape_pass() {
        let trigger = Trigger::Price { at: 90, direction: TriggerDirection::Down };
        let limit = OnTrigger::Limit { price: 89, shown: None };
        let exits = Exits { take_profit: Some(80), stop_loss: Some(StopLoss::At(120)), ..Exits::default() };
        for terms in [
            of(LIMIT).living(Lifetime::Until(UnixNanos(5))).with_exits(exits),
            of(OrderShape::Market { worst_price: Some(95) }),
            of(OrderShape::Triggered { trigger, then: MARKET }),
            of(OrderShape::Triggered { trigger, then: limit }).living(Lifetime::FillOrKill),
            of(OrderShape::Bracket { take_profit: 110, stop: 90, stop_limit: Some(89) }).living(Lifetime::Day),
            of(twap(Some(9))).living(Lifetime::Until(UnixNanos(10))),
            of(scaled(3, 100, 3)),
        ] {
            assert_eq!(check(&terms), Ok(()), "{terms:?}");
        }
    }
}
