//! What an order must respect in the market of the moment, and how much money it holds while it works.

use super::exchange::Exchange;
use super::order::{BracketPrices, Direction, Kind, NewOrder, Size};
use super::product::Market;
use super::reject::Reject;
use crate::sim::market::Side;
use rust_decimal::Decimal;

/// A triggered bracket becomes a limit order this much worse than its stop price, in percent (the venue's own
/// description of the order kind).
const COLLAR_PERCENT: i64 = 5;

/// The limit of a bracket whose stop price was reached.
pub(crate) fn collar(side: Side, stop: i64) -> i64 {
    let distance = stop.saturating_mul(COLLAR_PERCENT) / 100;
    match side {
        Side::Buy => stop.saturating_add(distance),
        Side::Sell => (stop - distance).max(1),
    }
}

impl Exchange {
    /// The rules that depend on the market: crossing, liquidity, where the last trade was.
    pub(super) fn check_market(&self, asked: &NewOrder) -> Result<(), Reject> {
        let market = self.markets.get(asked.market).ok_or(Reject::InvalidProduct)?;
        let best = market.book.front(asked.side.opposite()).map(|front| front.ticks);
        let last = market.last();
        if asked.kind == Kind::Market || matches!(asked.size, Size::Quote(_)) {
            best.ok_or(Reject::NoLiquidity)?;
        }
        match asked.kind {
            Kind::Limit { ticks, rests } => {
                let post_only = matches!(rests, super::order::Rests::UntilCancelled { post_only: true });
                if post_only && crosses(asked.side, ticks, best) {
                    return Err(Reject::PostOnlyWouldCross);
                }
            }
            Kind::StopLimit { ticks, stop, direction } => check_stop(asked.side, ticks, stop, direction, last)?,
            Kind::Bracket { ticks, stop } => check_bracket(asked.side, BracketPrices { ticks, stop }, last)?,
            Kind::Scaled => {
                if asked.rungs.iter().any(|rung| rung.post_only && crosses(asked.side, rung.ticks, best)) {
                    return Err(Reject::PostOnlyWouldCross);
                }
            }
            Kind::Market | Kind::Twap { .. } => {}
        }
        if let Some(prices) = asked.attached {
            let entry = match asked.kind {
                Kind::Limit { ticks, .. } => ticks,
                _ => last,
            };
            check_attached(prices, entry)?;
        }
        Ok(())
    }

    /// What an order holds: all it could spend, with the taker's fee.
    pub(super) fn hold(&self, asked: &NewOrder) -> Result<Decimal, Reject> {
        let market = self.markets.get(asked.market).ok_or(Reject::InvalidProduct)?;
        let product = &market.product;
        let with_fee = Decimal::ONE + self.fees.taker;
        let lots = match asked.size {
            Size::Quote(quote) => return Ok(quote),
            Size::Base(lots) if asked.side == Side::Sell => return Ok(product.size(lots)),
            Size::Base(lots) => lots,
        };
        let at = |ticks: i64| product.price(ticks) * product.size(lots);
        let value = match asked.kind {
            Kind::Market => cost(market, lots),
            Kind::Limit { ticks, .. } | Kind::StopLimit { ticks, .. } | Kind::Twap { ticks, .. } => at(ticks),
            Kind::Bracket { ticks, stop } => at(ticks.max(collar(Side::Buy, stop))),
            Kind::Scaled => asked.rungs.iter().map(|r| product.price(r.ticks) * product.size(r.lots)).sum(),
        };
        Ok(value * with_fee)
    }
}

/// Whether a limit would take from a book whose best opposite price is `best`.
pub(crate) fn crosses(side: Side, ticks: i64, best: Option<i64>) -> bool {
    best.is_some_and(|best| match side {
        Side::Buy => ticks >= best,
        Side::Sell => ticks <= best,
    })
}

/// What `lots` cost a taker at present, before fees.
pub(crate) fn cost(market: &Market, lots: i64) -> Decimal {
    let mut left = lots;
    let mut sum = Decimal::ZERO;
    for (ticks, here) in market.book.levels(Side::Sell) {
        let taken = left.min(here);
        sum += market.product.price(ticks) * market.product.size(taken);
        left -= taken;
        if left == 0 {
            break;
        }
    }
    sum
}

fn check_stop(side: Side, ticks: i64, stop: i64, direction: Direction, last: i64) -> Result<(), Reject> {
    match direction {
        Direction::Up if stop < last => return Err(Reject::Preview("PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE")),
        Direction::Down if stop > last => return Err(Reject::Preview("PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE")),
        _ => {}
    }
    // A buy that sets off above its own limit, or a sale below, could not fill when it matters.
    match (side, direction) {
        (Side::Buy, Direction::Up) if stop > ticks => Err(Reject::Preview("PREVIEW_STOP_PRICE_ABOVE_LIMIT_PRICE")),
        (Side::Sell, Direction::Down) if stop < ticks => Err(Reject::Preview("PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE")),
        _ => Ok(()),
    }
}

fn check_bracket(side: Side, BracketPrices { ticks, stop }: BracketPrices, last: i64) -> Result<(), Reject> {
    let (profit, loss) = match side {
        Side::Sell => (ticks > last, stop < last),
        Side::Buy => (ticks < last, stop > last),
    };
    match (profit, loss) {
        (true, true) => Ok(()),
        (false, true) => Err(Reject::Named("INVALID_BRACKET_LIMIT_PRICE")),
        (true, false) => Err(Reject::Named("INVALID_BRACKET_STOP_TRIGGER_PRICE")),
        (false, false) => Err(Reject::Named("INVALID_BRACKET_PRICES")),
    }
}

/// Attached brackets protect a purchase: profit above its price, loss below.
fn check_attached(prices: BracketPrices, entry: i64) -> Result<(), Reject> {
    if prices.ticks <= entry {
        Err(Reject::Named("INVALID_ATTACHED_TAKE_PROFIT_PRICE"))
    } else if prices.stop >= entry {
        Err(Reject::Named("INVALID_ATTACHED_STOP_LOSS_PRICE"))
    } else {
        Ok(())
    }
}
