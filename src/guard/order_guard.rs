//! The pre-trade check of one instrument: its limits as mantissas, compared exactly, in constant time.
//!
//! Owns no state: what is open, held and quoted comes as arguments. Never rounds in the order's favour: a limit finer than
//! the instrument's numbers is cut down, a value that must be divided is rounded up.

use super::limits::InstrumentLimits;
use crate::order::Exposure;
use crate::record::{Fixed, Instrument, OrderCommand, OrderType, RejectClass, Side};

/// Why an order was refused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}", self.reason())]
#[non_exhaustive]
pub enum LimitBreach {
    /// Larger than one order may be.
    OrderSize,
    /// Worth more than one order may be.
    OrderNotional,
    /// Too many orders of this instrument.
    OpenOrders,
    /// The position could grow too large.
    Position,
    /// What is held is not known yet.
    PositionUnknown,
    /// It would meet an order of ours.
    SelfTrade,
    /// Too far through the market.
    PriceBand,
    /// The check needs a book, and there is none that can be trusted.
    NoBook,
    /// The book's connection is silent.
    StaleBook,
    /// Market data comes late.
    FeedLag,
    /// The account cannot pay for it.
    Balance,
    /// The account's balance is not known yet.
    BalanceUnknown,
    /// The account has too little free margin for it.
    Margin,
    /// No book tells what the instrument's quote currency is worth in the account's.
    NoConversion,
}

impl LimitBreach {
    /// How the refusal is classed.
    pub const fn class(self) -> RejectClass {
        match self {
            LimitBreach::PriceBand => RejectClass::PriceBand,
            LimitBreach::Balance | LimitBreach::Margin => RejectClass::InsufficientFunds,
            LimitBreach::PositionUnknown => RejectClass::Busy,
            _ => RejectClass::Limit,
        }
    }

    /// The refusal in at most 32 characters: what fits a record.
    pub const fn reason(self) -> &'static str {
        match self {
            LimitBreach::OrderSize => "order size over the limit",
            LimitBreach::OrderNotional => "order value over the limit",
            LimitBreach::OpenOrders => "too many open orders here",
            LimitBreach::Position => "position over the limit",
            LimitBreach::PositionUnknown => "position not known yet",
            LimitBreach::SelfTrade => "would meet our own order",
            LimitBreach::PriceBand => "price beyond the band",
            LimitBreach::NoBook => "no book to check against",
            LimitBreach::StaleBook => "book is stale",
            LimitBreach::FeedLag => "market data lags",
            LimitBreach::Balance => "not enough balance",
            LimitBreach::BalanceUnknown => "balance not known yet",
            LimitBreach::Margin => "not enough margin",
            LimitBreach::NoConversion => "no price to account currency",
        }
    }
}

/// What is known of the market. Prices are mantissas at the price exponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MarketView {
    /// Best bid.
    pub bid: Option<i64>,
    /// Best ask.
    pub ask: Option<i64>,
    /// The book is complete and in sequence.
    pub whole: bool,
    /// Time since its connection said anything, ns.
    pub silent_ns: u64,
    /// How much later than at its quickest the last message came, ns.
    pub lag_ns: u64,
}

/// What the account can spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Funds {
    /// It holds balances of what is traded.
    Balances {
        /// Quote currency, mantissa at price exponent plus size exponent; `None` if not known.
        quote: Option<i128>,
        /// Base currency, mantissa at the size exponent; `None` if not known.
        base: Option<i128>,
    },
    /// It holds margin; or why nobody can tell how much is free.
    Margin(Result<MarginRoom, LimitBreach>),
}

impl Funds {
    /// Nobody stated a balance.
    pub const UNKNOWN: Funds = Funds::Balances { quote: None, base: None };
}

/// How large one order may be for the margin that is free. Mantissas at the size exponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarginRoom {
    /// Of an order that buys.
    pub buy: i128,
    /// Of an order that sells.
    pub sell: i128,
}

/// The limits of one instrument at its own exponents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderGuard {
    size_max: Option<i64>,
    /// At price exponent plus size exponent.
    notional_max: Option<i128>,
    open_orders_max: Option<u32>,
    position_max: Option<i64>,
    band_bps: Option<u32>,
    silent_ns_max: Option<u64>,
    lag_ns_max: Option<u64>,
    no_self_trade: bool,
    check_balance: bool,
    /// What turns a quantity in quote currency into a notional.
    quote_factor: i128,
}

const NANOS_PER_MS: u64 = 1_000_000;
const BPS: i128 = 10_000;

impl OrderGuard {
    /// These limits at this instrument's exponents.
    pub fn new(limits: &InstrumentLimits, instrument: &Instrument) -> OrderGuard {
        let value_exponent = instrument.price_exponent.saturating_add(instrument.size_exponent);
        let size = |figure: Option<Fixed>| figure.map(|f| narrow(floor(f, instrument.size_exponent)));
        let quote_places = u32::from(instrument.quote_exponent.saturating_sub(value_exponent).unsigned_abs());
        OrderGuard {
            size_max: size(limits.order_size_max),
            notional_max: limits.order_notional_max.map(|f| floor(f, value_exponent)),
            open_orders_max: limits.open_orders_max,
            position_max: size(limits.position_max),
            band_bps: limits.price_band_bps,
            silent_ns_max: limits.book_age_ms_max.map(|ms| ms.saturating_mul(NANOS_PER_MS)),
            lag_ns_max: limits.feed_lag_ms_max.map(|ms| ms.saturating_mul(NANOS_PER_MS)),
            no_self_trade: limits.no_self_trade,
            check_balance: limits.check_balance,
            quote_factor: 10_i128.checked_pow(quote_places).unwrap_or(i128::MAX),
        }
    }

    /// Whether it needs to know what the account holds.
    pub const fn checks_holdings(&self) -> bool {
        self.position_max.is_some() || self.check_balance
    }

    /// Whether it needs to know what the account can spend.
    pub const fn checks_balance(&self) -> bool {
        self.check_balance
    }

    /// Checks a place command whose increments were checked before.
    ///
    /// # Errors
    /// The first [`LimitBreach`] found.
    pub fn check(
        &self,
        order: &OrderCommand,
        exposure: &Exposure,
        market: &MarketView,
        funds: &Funds,
    ) -> Result<(), LimitBreach> {
        if self.open_orders_max.is_some_and(|max| exposure.open_orders >= max) {
            return Err(LimitBreach::OpenOrders);
        }
        self.check_market(order, market)?;
        if self.no_self_trade && meets_ours(order, exposure) {
            return Err(LimitBreach::SelfTrade);
        }
        self.check_amounts(order, exposure, market, funds)
    }

    fn check_market(&self, order: &OrderCommand, market: &MarketView) -> Result<(), LimitBreach> {
        if let Some(max) = self.silent_ns_max {
            if !market.whole {
                return Err(LimitBreach::NoBook);
            }
            if market.silent_ns > max {
                return Err(LimitBreach::StaleBook);
            }
        }
        if self.lag_ns_max.is_some_and(|max| market.lag_ns > max) {
            return Err(LimitBreach::FeedLag);
        }
        let Some((bps, price)) = self.band_bps.zip(bound(order)) else { return Ok(()) };
        let best = far_side(order.side(), market).ok_or(LimitBreach::NoBook)?;
        let (price, best, bps) = (i128::from(price), i128::from(best), i128::from(bps));
        let beyond = match order.side() {
            Side::Buy => price.saturating_mul(BPS) > best.saturating_mul(BPS.saturating_add(bps)),
            Side::Sell => price.saturating_mul(BPS) < best.saturating_mul(BPS.saturating_sub(bps)),
        };
        if beyond {
            Err(LimitBreach::PriceBand)
        } else {
            Ok(())
        }
    }

    fn check_amounts(
        &self,
        order: &OrderCommand,
        exposure: &Exposure,
        market: &MarketView,
        funds: &Funds,
    ) -> Result<(), LimitBreach> {
        let sized = self.size_max.is_some() || self.position_max.is_some() || self.check_balance;
        if !sized && self.notional_max.is_none() {
            return Ok(());
        }
        let (size, notional) = self.amounts(order, market)?;
        if self.size_max.is_some_and(|max| size > i128::from(max)) {
            return Err(LimitBreach::OrderSize);
        }
        if self.notional_max.is_some_and(|max| notional > max) {
            return Err(LimitBreach::OrderNotional);
        }
        if let Some(max) = self.position_max {
            if !exposure.position_known {
                return Err(LimitBreach::PositionUnknown);
            }
            let (position, open) = match order.side() {
                Side::Buy => (i128::from(exposure.position), exposure.open_buy),
                Side::Sell => (i128::from(exposure.position).saturating_neg(), exposure.open_sell),
            };
            if position.saturating_add(i128::from(open)).saturating_add(size) > i128::from(max) {
                return Err(LimitBreach::Position);
            }
        }
        if !self.check_balance {
            return Ok(());
        }
        match (funds, order.side()) {
            (Funds::Balances { quote, .. }, Side::Buy) => pays(*quote, notional),
            (Funds::Balances { base, .. }, Side::Sell) => pays(*base, size),
            (Funds::Margin(room), side) => {
                let MarginRoom { buy, sell } = (*room)?;
                let enough = size <= if side == Side::Buy { buy } else { sell };
                enough.then_some(()).ok_or(LimitBreach::Margin)
            }
        }
    }

    /// Size and value of the order, the unknown one at the best price it would meet.
    fn amounts(&self, order: &OrderCommand, market: &MarketView) -> Result<(i128, i128), LimitBreach> {
        let quantity = i128::from(order.quantity());
        let price = match bound(order) {
            Some(price) if !order.is_quantity_in_quote() => {
                return Ok((quantity, quantity.saturating_mul(i128::from(price))));
            }
            price => price,
        };
        let best = price.or(far_side(order.side(), market)).filter(|best| *best > 0).ok_or(LimitBreach::NoBook)?;
        let best = i128::from(best);
        if order.is_quantity_in_quote() {
            let notional = quantity.saturating_mul(self.quote_factor);
            let size = notional.saturating_add(best.saturating_sub(1)).checked_div(best).unwrap_or(i128::MAX);
            return Ok((size, notional));
        }
        Ok((quantity, quantity.saturating_mul(best)))
    }
}

fn pays(available: Option<i128>, needed: i128) -> Result<(), LimitBreach> {
    let enough = available.ok_or(LimitBreach::BalanceUnknown)? >= needed;
    enough.then_some(()).ok_or(LimitBreach::Balance)
}

fn far_side(side: Side, market: &MarketView) -> Option<i64> {
    match side {
        Side::Buy => market.ask,
        Side::Sell => market.bid,
    }
}

fn meets_ours(order: &OrderCommand, exposure: &Exposure) -> bool {
    let bound = bound(order);
    match order.side() {
        Side::Buy => exposure.ask_min != Exposure::NO_ASK && bound.is_none_or(|price| price >= exposure.ask_min),
        Side::Sell => exposure.bid_max != Exposure::NO_BID && bound.is_none_or(|price| price <= exposure.bid_max),
    }
}

/// The worst price an order takes; `None` if it takes any. A triggered order counts as if it were triggered.
fn bound(order: &OrderCommand) -> Option<i64> {
    (order.order_type() != OrderType::Market && order.price() > 0).then_some(order.price())
}

/// The greatest mantissa at `exponent` that is not above a limit.
fn floor(limit: Fixed, exponent: i8) -> i128 {
    let mantissa = i128::from(limit.mantissa());
    let shift = i16::from(limit.exponent()).saturating_sub(i16::from(exponent));
    let factor = 10_i128.checked_pow(u32::from(shift.unsigned_abs()));
    match factor {
        Some(factor) if shift >= 0 => mantissa.saturating_mul(factor),
        Some(factor) => mantissa.checked_div_euclid(factor).unwrap_or(0),
        None if shift >= 0 && mantissa != 0 => i128::MAX,
        None => 0,
    }
}

fn narrow(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "order_guard_tests.rs"]
mod tests;
