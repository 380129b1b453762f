//! The filters of a symbol as exact values, and their check before anything is sent (Binance.US reference 3, filters).
//!
//! Owns the rules: price, lot, market lot, notional, percent price, iceberg parts, trailing delta, and the counts of open
//! orders. Guarantees exact arithmetic and the venue's own names in errors. What a rule needs and nobody knows (the
//! average price) is not judged: the venue will. Owns no counts and no prices: they are arguments.

use super::request::{NewOrder, OrderKind, Quantity};
use crate::record::{Fixed, Fixed128, RejectClass, Side};

/// A range in steps; 0 turns a part off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Range {
    /// Least.
    pub min: Fixed,
    /// Greatest.
    pub max: Fixed,
    /// Increment.
    pub step: Fixed,
}

/// Limits of price times quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Notional {
    /// Least.
    pub min: Fixed,
    /// Greatest; none if 0.
    pub max: Fixed,
    /// Whether the least holds for market orders, at the average price.
    pub min_for_market: bool,
    /// Whether the greatest does.
    pub max_for_market: bool,
}

/// How far prices may lie from the average price, as factors of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PercentPrice {
    /// Highest buy.
    pub bid_up: Fixed,
    /// Lowest buy.
    pub bid_down: Fixed,
    /// Highest sell.
    pub ask_up: Fixed,
    /// Lowest sell.
    pub ask_down: Fixed,
}

/// Trailing distances, hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrailingDelta {
    /// Least and greatest of triggers above the market: STOP_LOSS buys and TAKE_PROFIT sells.
    pub above: (u32, u32),
    /// Of triggers below it.
    pub below: (u32, u32),
}

/// All filters of one symbol that an order can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filters {
    /// PRICE_FILTER: prices and stop prices.
    pub price: Range,
    /// LOT_SIZE.
    pub lot: Range,
    /// MARKET_LOT_SIZE; market orders only, on top of LOT_SIZE.
    pub market_lot: Range,
    /// MIN_NOTIONAL or NOTIONAL.
    pub notional: Notional,
    /// PERCENT_PRICE, and PERCENT_PRICE_BY_SIDE: both forms are in use, the narrower holds.
    pub percent: Option<PercentPrice>,
    /// ICEBERG_PARTS.
    pub iceberg_parts: Option<u32>,
    /// TRAILING_DELTA.
    pub trailing: Option<TrailingDelta>,
    /// MAX_NUM_ORDERS.
    pub orders_max: Option<u32>,
    /// MAX_NUM_ALGO_ORDERS.
    pub algo_orders_max: Option<u32>,
    /// MAX_NUM_ICEBERG_ORDERS.
    pub iceberg_orders_max: Option<u32>,
    /// MAX_NUM_ORDER_LISTS.
    pub order_lists_max: Option<u32>,
}

/// What an order is judged against, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// The venue's weighted average price of the last minutes.
    pub average_price: Option<Fixed>,
    /// Open orders of the account in the symbol.
    pub open_orders: u32,
    /// Of them, conditional ones.
    pub open_algo_orders: u32,
    /// Of them, icebergs.
    pub open_icebergs: u32,
}

/// The filter an order fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// A price off the tick or out of range.
    #[error("PRICE_FILTER: price off the tick or out of range")]
    Price,
    /// A quantity off the step or out of range.
    #[error("LOT_SIZE: quantity off the step or out of range")]
    Lot,
    /// The same for market orders.
    #[error("MARKET_LOT_SIZE: quantity off the step or out of range for a market order")]
    MarketLot,
    /// Worth too little or too much.
    #[error("NOTIONAL: order value out of range")]
    Notional,
    /// Too far from the average price.
    #[error("PERCENT_PRICE: price too far from the average price")]
    PercentPrice,
    /// More parts than allowed.
    #[error("ICEBERG_PARTS: too many parts")]
    IcebergParts,
    /// Out of range.
    #[error("TRAILING_DELTA: trailing delta out of range")]
    TrailingDelta,
    /// Too many open orders.
    #[error("MAX_NUM_ORDERS: too many open orders in the symbol")]
    TooManyOrders,
    /// Too many open conditional orders.
    #[error("MAX_NUM_ALGO_ORDERS: too many open conditional orders in the symbol")]
    TooManyAlgoOrders,
    /// Too many open icebergs.
    #[error("MAX_NUM_ICEBERG_ORDERS: too many open icebergs in the symbol")]
    TooManyIcebergs,
}

impl FilterError {
    /// The venue's name of the filter, for a refusal's reason.
    pub const fn name(self) -> &'static str {
        match self {
            FilterError::Price => "filter PRICE_FILTER",
            FilterError::Lot => "filter LOT_SIZE",
            FilterError::MarketLot => "filter MARKET_LOT_SIZE",
            FilterError::Notional => "filter NOTIONAL",
            FilterError::PercentPrice => "filter PERCENT_PRICE",
            FilterError::IcebergParts => "filter ICEBERG_PARTS",
            FilterError::TrailingDelta => "filter TRAILING_DELTA",
            FilterError::TooManyOrders => "filter MAX_NUM_ORDERS",
            FilterError::TooManyAlgoOrders => "filter MAX_NUM_ALGO_ORDERS",
            FilterError::TooManyIcebergs => "filter MAX_NUM_ICEBERG_ORDERS",
        }
    }

    /// The class in the vocabulary of all venues.
    pub const fn class(self) -> RejectClass {
        match self {
            FilterError::Price | FilterError::TrailingDelta => RejectClass::InvalidPrice,
            FilterError::Lot | FilterError::MarketLot | FilterError::Notional | FilterError::IcebergParts => {
                RejectClass::InvalidSize
            }
            FilterError::PercentPrice => RejectClass::PriceBand,
            FilterError::TooManyOrders | FilterError::TooManyAlgoOrders | FilterError::TooManyIcebergs => {
                RejectClass::Limit
            }
        }
    }
}

impl Range {
    /// Whether a value is in the range and on a step. Steps count from 0, not from the least (Binance.US reference 3).
    pub fn contains(&self, value: Fixed) -> bool {
        let low = self.min.is_zero() || !is_less(value.into(), self.min.into());
        let high = self.max.is_zero() || !is_less(self.max.into(), value.into());
        low && high && (self.step.is_zero() || is_multiple(value, self.step))
    }
}

impl PercentPrice {
    /// The narrower of both.
    #[must_use]
    pub fn narrowed(self, other: PercentPrice) -> PercentPrice {
        let lower = |a: Fixed, b: Fixed| if is_less(a.into(), b.into()) { a } else { b };
        let higher = |a: Fixed, b: Fixed| if is_less(a.into(), b.into()) { b } else { a };
        PercentPrice {
            bid_up: lower(self.bid_up, other.bid_up),
            bid_down: higher(self.bid_down, other.bid_down),
            ask_up: lower(self.ask_up, other.ask_up),
            ask_down: higher(self.ask_down, other.ask_down),
        }
    }
}

impl Filters {
    /// Checks an order before it is sent.
    ///
    /// # Errors
    /// The first [`FilterError`] found.
    pub fn check(&self, order: &NewOrder<'_>, standing: &Standing) -> Result<(), FilterError> {
        self.check_counts(order, standing)?;
        for price in [order.price, order.stop_price].into_iter().flatten() {
            if !self.price.contains(price) {
                return Err(FilterError::Price);
            }
        }
        self.check_quantity(order)?;
        self.check_trailing(order)?;
        self.check_percent(order, standing)?;
        self.check_notional(order, standing)
    }

    fn check_counts(&self, order: &NewOrder<'_>, standing: &Standing) -> Result<(), FilterError> {
        let full = |count: u32, max: Option<u32>| max.is_some_and(|max| count >= max);
        if full(standing.open_orders, self.orders_max) {
            return Err(FilterError::TooManyOrders);
        }
        if order.kind.is_conditional() && full(standing.open_algo_orders, self.algo_orders_max) {
            return Err(FilterError::TooManyAlgoOrders);
        }
        if order.iceberg.is_some() && full(standing.open_icebergs, self.iceberg_orders_max) {
            return Err(FilterError::TooManyIcebergs);
        }
        Ok(())
    }

    fn check_quantity(&self, order: &NewOrder<'_>) -> Result<(), FilterError> {
        // A quantity in the quote asset becomes one in the base asset at the venue, which rounds it to the lot.
        let Quantity::Base(quantity) = order.quantity else { return Ok(()) };
        if !self.lot.contains(quantity) {
            return Err(FilterError::Lot);
        }
        if order.kind == OrderKind::Market && !self.market_lot.contains(quantity) {
            return Err(FilterError::MarketLot);
        }
        let Some(shown) = order.iceberg else { return Ok(()) };
        if !self.lot.contains(shown) {
            return Err(FilterError::Lot);
        }
        let most = self.iceberg_parts.map(|parts| product(shown, Fixed::new(i64::from(parts), 0)));
        match most {
            Some(most) if is_less(most, quantity.into()) => Err(FilterError::IcebergParts),
            _ => Ok(()),
        }
    }

    fn check_trailing(&self, order: &NewOrder<'_>) -> Result<(), FilterError> {
        let (Some(delta), Some(filter)) = (order.trailing_delta, self.trailing) else { return Ok(()) };
        let stop_loss = matches!(order.kind, OrderKind::StopLoss | OrderKind::StopLossLimit);
        let above = stop_loss == (order.side == Side::Buy);
        let (min, max) = if above { filter.above } else { filter.below };
        if (min..=max).contains(&delta) {
            Ok(())
        } else {
            Err(FilterError::TrailingDelta)
        }
    }

    fn check_percent(&self, order: &NewOrder<'_>, standing: &Standing) -> Result<(), FilterError> {
        let (Some(filter), Some(average)) = (self.percent, standing.average_price) else { return Ok(()) };
        let (up, down) = match order.side {
            Side::Buy => (filter.bid_up, filter.bid_down),
            Side::Sell => (filter.ask_up, filter.ask_down),
        };
        // Limit prices only: a trigger may lie anywhere.
        let Some(price) = order.price else { return Ok(()) };
        if is_less(product(average, up), price.into()) || is_less(price.into(), product(average, down)) {
            return Err(FilterError::PercentPrice);
        }
        Ok(())
    }

    fn check_notional(&self, order: &NewOrder<'_>, standing: &Standing) -> Result<(), FilterError> {
        let market = !order.kind.has_price();
        let value = match (order.quantity, order.price.or(standing.average_price.filter(|_| market))) {
            (Quantity::Quote(value), _) => value.into(),
            (Quantity::Base(quantity), Some(price)) => product(price, quantity),
            (Quantity::Base(_), None) => return Ok(()),
        };
        let Notional { min, max, min_for_market, max_for_market } = self.notional;
        let too_small = (min_for_market || !market) && is_less(value, min.into());
        let too_large = (max_for_market || !market) && !max.is_zero() && is_less(max.into(), value);
        if too_small || too_large {
            return Err(FilterError::Notional);
        }
        Ok(())
    }
}

/// Exact: two 64-bit mantissas always fit 128 bits.
fn product(a: Fixed, b: Fixed) -> Fixed128 {
    let mantissa = i128::from(a.mantissa()).saturating_mul(i128::from(b.mantissa()));
    Fixed128::new(mantissa, a.exponent().saturating_add(b.exponent()))
}

/// Exact where both fit 128 bits at the finer exponent; otherwise the larger in size is the one that did not fit.
fn is_less(a: Fixed128, b: Fixed128) -> bool {
    match a.checked_sub(b) {
        Ok(difference) => difference.mantissa() < 0,
        Err(_) => a.mantissa().signum() < b.mantissa().signum() || a.exponent() < b.exponent(),
    }
}

fn is_multiple(value: Fixed, step: Fixed) -> bool {
    let finer = value.exponent().min(step.exponent());
    let (value, step) = (Fixed128::from(value).rescale(finer), Fixed128::from(step).rescale(finer));
    matches!((value, step), (Ok(value), Ok(step)) if value.checked_rem(step) == Some(0))
}

#[cfg(test)]
mod tests {
    use super::super::request::ResponseDetail;
    use super::*;
    use crate::record::TimeInForce;
    use proptest::prelude::*;

    fn fixed(text: &str) -> Fixed {
        Fixed::parse(text).unwrap()
    }

    /// BTCUSDT as observed on 2026-09-27.
    fn filters() -> Filters {
        let percent =
            PercentPrice { bid_up: fixed("5"), bid_down: fixed("0.2"), ask_up: fixed("5"), ask_down: fixed("0.2") };
        Filters {
            price: Range { min: fixed("0.01"), max: fixed("1000000"), step: fixed("0.01") },
            lot: Range { min: fixed("0.00001"), max: fixed("9000"), step: fixed("0.00001") },
            market_lot: Range { min: fixed("0"), max: fixed("10.92994037"), step: fixed("0") },
            notional: Notional { min: fixed("1"), min_for_market: true, ..Notional::default() },
            percent: Some(percent),
            iceberg_parts: Some(10),
            trailing: Some(TrailingDelta { above: (10, 2_000), below: (20, 2_000) }),
            orders_max: Some(200),
            algo_orders_max: Some(5),
            iceberg_orders_max: Some(3),
            order_lists_max: Some(20),
        }
    }

    fn order(price: &str, quantity: &str) -> NewOrder<'static> {
        NewOrder {
            symbol: "BTCUSDT",
            side: Side::Buy,
            kind: OrderKind::Limit,
            time_in_force: Some(TimeInForce::GoodTilCancelled),
            quantity: Quantity::Base(fixed(quantity)),
            price: Some(fixed(price)),
            stop_price: None,
            trailing_delta: None,
            iceberg: None,
            client_order_id: "c",
            self_trade: None,
            detail: ResponseDetail::Ack,
        }
    }

    fn market(quantity: Quantity) -> NewOrder<'static> {
        NewOrder { kind: OrderKind::Market, time_in_force: None, price: None, quantity, ..order("1", "1") }
    }

    const AVERAGE: Standing =
        Standing { average_price: Some(Fixed::new(80_000, 0)), open_orders: 0, open_algo_orders: 0, open_icebergs: 0 };

    #[test]
    fn every_filter_passes_what_fits_and_names_itself_otherwise() {
        let check = |order: NewOrder<'_>| filters().check(&order, &AVERAGE);
        assert_eq!(check(order("80000.01", "0.00002")), Ok(()));
        assert_eq!(check(order("80000.001", "0.00002")), Err(FilterError::Price));
        assert_eq!(check(order("1000000.01", "0.00002")), Err(FilterError::Price));
        assert_eq!(check(order("80000", "0.000015")), Err(FilterError::Lot));
        assert_eq!(check(order("80000", "9000.00001")), Err(FilterError::Lot));
        assert_eq!(check(order("80000", "0.00001")), Err(FilterError::Notional));
        assert_eq!(check(order("400000", "0.001")), Ok(()));
        assert_eq!(check(order("400000.01", "0.001")), Err(FilterError::PercentPrice));
        assert_eq!(check(order("15999.99", "0.001")), Err(FilterError::PercentPrice));
        assert_eq!(check(market(Quantity::Base(fixed("10.92994")))), Ok(()));
        assert_eq!(check(market(Quantity::Base(fixed("10.92995")))), Err(FilterError::MarketLot));
        assert_eq!(check(market(Quantity::Base(fixed("0.00001")))), Err(FilterError::Notional));
        assert_eq!(check(market(Quantity::Quote(fixed("1")))), Ok(()));
        assert_eq!(check(market(Quantity::Quote(fixed("0.99")))), Err(FilterError::Notional));
        let iceberg = |shown| NewOrder { iceberg: Some(fixed(shown)), ..order("80000", "1") };
        assert_eq!((check(iceberg("0.1")), check(iceberg("0.09999"))), (Ok(()), Err(FilterError::IcebergParts)));
        assert_eq!(check(iceberg("0.100001")), Err(FilterError::Lot));
        let trailing = |kind, side, delta| NewOrder { kind, side, trailing_delta: Some(delta), ..order("80000", "1") };
        assert_eq!(check(trailing(OrderKind::StopLossLimit, Side::Buy, 10)), Ok(()));
        assert_eq!(check(trailing(OrderKind::StopLossLimit, Side::Sell, 10)), Err(FilterError::TrailingDelta));
        assert_eq!(check(trailing(OrderKind::TakeProfitLimit, Side::Sell, 10)), Ok(()));
        assert_eq!(check(trailing(OrderKind::TakeProfitLimit, Side::Sell, 2_001)), Err(FilterError::TrailingDelta));
        let stop =
            NewOrder { stop_price: Some(fixed("80000.005")), ..trailing(OrderKind::StopLossLimit, Side::Buy, 10) };
        assert_eq!(check(stop), Err(FilterError::Price));
    }

    #[test]
    fn open_orders_are_counted_by_kind_and_the_unknown_is_not_judged() {
        let standing = Standing { open_orders: 199, open_algo_orders: 5, open_icebergs: 3, average_price: None };
        assert_eq!(filters().check(&order("900000", "1"), &standing), Ok(()));
        assert_eq!(filters().check(&market(Quantity::Base(fixed("0.00001"))), &standing), Ok(()));
        let stop = NewOrder { kind: OrderKind::StopLossLimit, stop_price: Some(fixed("1")), ..order("1", "1") };
        assert_eq!(filters().check(&stop, &standing), Err(FilterError::TooManyAlgoOrders));
        let iceberg = NewOrder { iceberg: Some(fixed("1")), ..order("1", "1") };
        assert_eq!(filters().check(&iceberg, &standing), Err(FilterError::TooManyIcebergs));
        let full = Standing { open_orders: 200, ..standing };
        assert_eq!(filters().check(&order("1", "1"), &full), Err(FilterError::TooManyOrders));
        assert_eq!(FilterError::TooManyOrders.class(), RejectClass::Limit);
    }

    proptest! {
        /// Against decimal arithmetic that rounds nothing.
        #[test]
        fn ranges_and_values_are_exact(value in 1i64..10_000_000, places in 0i8..9, step in 1i64..1_000, step_places in 0i8..9,
                                       min in 0i64..1_000, max in 0i64..10_000_000) {
            use rust_decimal::Decimal;
            let decimal = |fixed: Fixed| fixed.to_decimal().unwrap();
            let (value, step) = (Fixed::new(value, -places), Fixed::new(step, -step_places));
            let (min, max) = (Fixed::new(min, -4), Fixed::new(max, -2));
            let range = Range { min, max, step };
            let expected = decimal(value) >= decimal(min)
                && (max.is_zero() || decimal(value) <= decimal(max))
                && (decimal(value) % decimal(step)) == Decimal::ZERO;
            prop_assert_eq!(range.contains(value), expected);
        }

        /// Every order that passes keeps every rule, and every order that keeps them passes.
        #[test]
        fn a_limit_order_passes_exactly_if_it_keeps_every_rule(
            cents in 1i64..100_000_000, finer in 0i64..3, steps in 1i64..2_000_000, off in 0i64..3, average in 1i64..100_000
        ) {
            use rust_decimal::Decimal;
            let decimal = |fixed: Fixed| fixed.to_decimal().unwrap();
            let price = Fixed::new(cents * 10 + if finer == 0 { 1 } else { 0 }, -3);
            let quantity = Fixed::new(steps * 10 + if off == 0 { 5 } else { 0 }, -6);
            let order = NewOrder { price: Some(price), quantity: Quantity::Base(quantity), ..order("1", "1") };
            let standing = Standing { average_price: Some(Fixed::new(average, 0)), ..Standing::default() };
            let (p, q, a) = (decimal(price), decimal(quantity), Decimal::from(average));
            let on_tick = p % Decimal::new(1, 2) == Decimal::ZERO && p <= Decimal::from(1_000_000);
            let on_step = q % Decimal::new(1, 5) == Decimal::ZERO && q <= Decimal::from(9_000);
            let near = p <= a * Decimal::from(5) && p >= a * Decimal::new(2, 1);
            let worth = p * q >= Decimal::ONE;
            prop_assert_eq!(filters().check(&order, &standing).is_ok(), on_tick && on_step && near && worth);
        }
    }
}
