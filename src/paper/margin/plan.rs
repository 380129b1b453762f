//! What an order would do to the position if it were executed now: every check of the venue, and no change.

use super::{MarginAccount, Quoted};
use crate::paper::market::PaperMarket;
use crate::paper::order::{book_side, reaches, EntryShape, PaperOrder};
use crate::paper::shown::Shown;
use crate::record::money::{minus, plus, rounded, times, ZERO};
use crate::record::{Fixed128, Side, TimeInForce};
use crate::venue::oanda::request::PositionFill;

/// The venue's own word for why an order is not executed.
pub(in crate::paper) type Reason = &'static str;

/// An execution to be performed. Units are positive mantissas at the size exponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::paper) struct Plan {
    pub(in crate::paper) filled: i64,
    /// Something is left over that nobody sells, or buys.
    pub(in crate::paper) partial: bool,
    pub(in crate::paper) closes: i64,
    pub(in crate::paper) opens: i64,
    /// Mantissa at the price exponent: the average, rounded to the tick against the order.
    pub(in crate::paper) price: i64,
}

/// What a walk through the buckets costs: units times price, mantissa at the sum of both exponents.
#[derive(Debug, Clone, Copy)]
struct Walked {
    units: i64,
    cost: i128,
}

impl MarginAccount {
    /// See the module's documentation. `only`: the order closes this trade and nothing else.
    ///
    /// # Errors
    /// [`Reason`].
    pub(in crate::paper) fn plan(
        &self,
        market: &PaperMarket,
        order: &PaperOrder,
        shown: Shown<'_>,
        only: Option<u64>,
    ) -> Result<Plan, Reason> {
        let quoted = self.get(order.instrument).ok_or("INSTRUMENT_PRICE_UNKNOWN")?;
        if !quoted.tradeable {
            return Err("MARKET_HALTED");
        }
        if !quoted.is_priced() || self.conversion(quoted).is_none() {
            return Err("INSTRUMENT_PRICE_UNKNOWN");
        }
        let (closable, may_open) = closable(quoted, order, only)?;
        let asked = order.left();
        let wanted = if may_open { asked } else { asked.min(closable) };
        if wanted <= 0 {
            return Err("POSITION_CLOSEOUT_FAILED");
        }
        let filled = fillable(quoted, market, order, shown, wanted)?;
        let closes = closable.min(filled);
        let opens = filled.saturating_sub(closes);
        let walked = walk(market, order.side, shown, filled);
        let price = average(walked, order.side, quoted.tick).ok_or("INTERNAL_SERVER_ERROR")?;
        if opens > 0 {
            self.may_open(quoted, order.side, walked, (closes, opens))?;
        }
        Ok(Plan { filled, partial: filled < wanted, closes, opens, price })
    }

    /// Whether the account may hold so much more.
    fn may_open(&self, quoted: &Quoted, side: Side, walked: Walked, (closes, opens): (i64, i64)) -> Result<(), Reason> {
        // Whatever opposed it is closed first.
        let before = if closes > 0 { 0 } else { quoted.net().saturating_abs() };
        let held = before.saturating_add(opens);
        if quoted.position_max > 0 && held > quoted.position_max {
            return Err("POSITION_SIZE_EXCEEDED");
        }
        match self.margin_left(quoted, side, walked, (opens, held)) {
            Some(left) if left.mantissa() >= 0 => Ok(()),
            _ => Err("INSUFFICIENT_MARGIN"),
        }
    }

    /// Net value less margin once it is held: it is worth less by the spread and by what the walk cost beyond the best.
    fn margin_left(&self, quoted: &Quoted, side: Side, walked: Walked, (opens, held): (i64, i64)) -> Option<Fixed128> {
        let figures = self.figures()?;
        let value_exponent = quoted.price_exponent.checked_add(quoted.size_exponent)?;
        let at_best = i128::from(quoted.best(side)).checked_mul(i128::from(walked.units))?;
        let beyond = walked.cost.checked_sub(at_best)?.checked_abs()?;
        // Its share of what the walk cost: all of it, unless a part of the order closes.
        let beyond = beyond.checked_mul(i128::from(opens))?.checked_div(i128::from(walked.units))?;
        let spread = i128::from(quoted.ask).checked_sub(i128::from(quoted.bid))?.checked_mul(i128::from(opens))?;
        let paid = Fixed128::new(beyond.checked_add(spread)?, value_exponent);
        let net_value = minus(figures.net_value, times(paid, self.conversion(quoted)?.loss)?)?;
        let before = if quoted.trades.is_empty() { ZERO } else { self.margin(quoted, quoted.net())? };
        let used = plus(minus(figures.margin_used, before)?, self.margin(quoted, held)?)?;
        minus(net_value, used).map(|left| rounded(left, LEFT_EXPONENT))
    }
}

/// Finer than any money of the account.
const LEFT_EXPONENT: i8 = -12;

/// Units it may close, and whether it may open a trade.
fn closable(quoted: &Quoted, order: &PaperOrder, only: Option<u64>) -> Result<(i64, bool), Reason> {
    if let Some(only) = only {
        let trade = quoted.trades.iter().find(|trade| trade.id == only);
        return Ok((trade.map_or(0, |trade| trade.units.saturating_abs()), false));
    }
    let against = quoted.against(order.side);
    match order.quotation.position_fill {
        PositionFill::ReduceOnly => Ok((against, false)),
        PositionFill::OpenOnly if against > 0 => Err("FIFO_VIOLATION"),
        PositionFill::OpenOnly | PositionFill::Default | PositionFill::ReduceFirst => Ok((against, true)),
    }
}

/// How much of what is wanted the buckets have for it: all, or a part for immediate-or-cancel.
fn fillable(
    quoted: &Quoted,
    market: &PaperMarket,
    order: &PaperOrder,
    shown: Shown<'_>,
    wanted: i64,
) -> Result<i64, Reason> {
    let bound = match order.quotation.kind {
        EntryShape::Limit => order.limit,
        _ => order.quotation.bound,
    };
    let from = book_side(order.side).opposite();
    let available = |bound| {
        let within = market.offered(shown, from).filter(|(price, _)| reaches(order.side, bound, *price));
        within.fold(0i64, |sum, (_, size)| sum.saturating_add(size))
    };
    let within = available(bound);
    if within >= wanted {
        return Ok(wanted);
    }
    let odd = within.checked_rem(quoted.lot).unwrap_or(0);
    let part = within.saturating_sub(odd);
    if order.tif == TimeInForce::ImmediateOrCancel && part > 0 && part >= quoted.least {
        return Ok(part);
    }
    Err(if bound.is_some() && available(None) >= wanted { "BOUNDS_VIOLATION" } else { "INSUFFICIENT_LIQUIDITY" })
}

/// Takes so many units from the best buckets on, without taking them.
fn walk(market: &PaperMarket, side: Side, shown: Shown<'_>, units: i64) -> Walked {
    let mut walked = Walked { units: 0, cost: 0 };
    for (price, size) in market.offered(shown, book_side(side).opposite()) {
        let taken = size.min(units.saturating_sub(walked.units));
        if taken <= 0 {
            break;
        }
        walked.units = walked.units.saturating_add(taken);
        walked.cost = walked.cost.saturating_add(i128::from(price).saturating_mul(i128::from(taken)));
    }
    walked
}

/// The average price of a walk, to the tick, against whoever takes.
fn average(walked: Walked, side: Side, tick: i64) -> Option<i64> {
    let step = i128::from(walked.units).checked_mul(i128::from(tick))?;
    let ticks = walked.cost.checked_div_euclid(step)?;
    let rest = walked.cost.checked_rem_euclid(step)?;
    let up = i128::from(side == Side::Buy && rest > 0);
    i64::try_from(ticks.checked_add(up)?.checked_mul(i128::from(tick))?).ok()
}
