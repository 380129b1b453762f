//! The symbol filters: what an order has to pass before the matching engine sees it (Binance.US reference 3).

use super::exchange::Exchange;
use super::order::{NewOrder, Order, Type};
use super::product::{Market, Trading};
use super::reject::Failure;
use crate::sim::SECOND_NS;
use rust_decimal::Decimal;

/// `avgPriceMins` of the recorded filters, ns.
const AVERAGE_NS: u64 = 300 * SECOND_NS;

/// Checks an order against every filter of its symbol, in a fixed order, so that the first it fails is the one told.
/// `list_legs` is 2 for a leg of a list.
pub(crate) fn check(exchange: &Exchange, now_ns: u64, asked: &NewOrder, list_legs: usize) -> Result<(), Failure> {
    let market = exchange.markets.get(asked.symbol).ok_or_else(Failure::symbol)?;
    if market.product.trading != Trading::Trading {
        return Err(Failure::order("Market is closed."));
    }
    let average = average_price(market, now_ns);
    check_prices(market, asked, average)?;
    check_quantities(market, asked, average)?;
    check_shape(market, asked)?;
    check_counts(exchange, market, asked, list_legs)
}

fn check_prices(market: &Market, asked: &NewOrder, average: Decimal) -> Result<(), Failure> {
    let (symbol, f) = (&market.product, &market.product.filters);
    let prices = [asked.ticks, asked.stop].into_iter().filter(|ticks| *ticks > 0).map(|ticks| symbol.price(ticks));
    for price in prices {
        if price < f.price_min || price > f.price_max {
            return Err(Failure::filter("PRICE_FILTER"));
        }
    }
    if asked.ticks > 0 {
        let price = symbol.price(asked.ticks);
        if price > average * f.multiplier_up || price < average * f.multiplier_down {
            return Err(Failure::filter("PERCENT_PRICE_BY_SIDE"));
        }
    }
    Ok(())
}

fn check_quantities(market: &Market, asked: &NewOrder, average: Decimal) -> Result<(), Failure> {
    let (symbol, f) = (&market.product, &market.product.filters);
    let quantity = symbol.size(asked.lots);
    let by_quote = asked.lots == 0;
    if !by_quote && (quantity < f.quantity_min || quantity > f.quantity_max) {
        return Err(Failure::filter("LOT_SIZE"));
    }
    let market_like = !asked.kind.has_price();
    let worth = match (by_quote, market_like) {
        (true, _) => asked.quote,
        (false, true) => quantity * average,
        (false, false) => quantity * symbol.price(asked.ticks),
    };
    let estimated = if by_quote { asked.quote / average } else { quantity };
    if asked.kind == Type::Market && estimated > f.market_quantity_max {
        return Err(Failure::filter("MARKET_LOT_SIZE"));
    }
    if worth < f.notional_min {
        return Err(Failure::filter("MIN_NOTIONAL"));
    }
    Ok(())
}

fn check_shape(market: &Market, asked: &NewOrder) -> Result<(), Failure> {
    let f = &market.product.filters;
    if asked.iceberg > 0 {
        let parts = (asked.lots + asked.iceberg - 1) / asked.iceberg;
        if parts > f.iceberg_parts_max {
            return Err(Failure::filter("ICEBERG_PARTS"));
        }
    }
    let (low, high) = f.trailing_delta;
    if asked.trailing > 0 && !(low..=high).contains(&asked.trailing) {
        return Err(Failure::filter("TRAILING_DELTA"));
    }
    Ok(())
}

fn check_counts(exchange: &Exchange, market: &Market, asked: &NewOrder, list_legs: usize) -> Result<(), Failure> {
    let f = &market.product.filters;
    let open = || exchange.orders.iter().filter(|o| o.is_open() && o.asked.symbol == asked.symbol);
    if open().count() + list_legs.max(1) > f.orders_max {
        return Err(Failure::filter("MAX_NUM_ORDERS"));
    }
    let algo = |o: &&Order| o.asked.kind.is_triggered();
    if asked.kind.is_triggered() && open().filter(algo).count() >= f.algo_orders_max {
        return Err(Failure::filter("MAX_NUM_ALGO_ORDERS"));
    }
    let icebergs = || open().filter(|o| o.asked.iceberg > 0).count();
    if asked.iceberg > 0 && f.iceberg_orders_max.is_some_and(|max| icebergs() >= max) {
        return Err(Failure::filter("MAX_NUM_ICEBERG_ORDERS"));
    }
    let lists = exchange.lists.iter().filter(|list| !list.done && list.symbol == asked.symbol).count();
    if list_legs > 0 && lists >= f.order_lists_max {
        return Err(Failure::filter("MAX_NUM_ORDER_LISTS"));
    }
    Ok(())
}

/// Average price of the last five minutes by quantity; the last price if nothing was traded.
pub(crate) fn average_price(market: &Market, now_ns: u64) -> Decimal {
    let recent = market.trades.iter().take_while(|t| t.at_ns.saturating_add(AVERAGE_NS) >= now_ns);
    let (lots, weighted) = recent.fold((0_i128, 0_i128), |(lots, weighted), t| {
        (lots + i128::from(t.lots), weighted + i128::from(t.lots) * i128::from(t.ticks))
    });
    let ticks = if lots > 0 { weighted / lots } else { i128::from(market.last()) };
    market.product.price(i64::try_from(ticks).unwrap_or(i64::MAX))
}
