//! Reads the parameters of new orders as the venue does: names and forms first, then ticks and steps. Filters, funds and
//! the state of the market are checked elsewhere.

use super::exchange::Exchange;
use super::order::{NewOrder, Resp, Stp, Tif, Type};
use super::params::Params;
use super::product::Symbol;
use super::reject::Failure;
use crate::sim::market::Side;
use rust_decimal::Decimal;

/// The symbol a call names.
pub(crate) fn symbol(params: &Params, exchange: &Exchange) -> Result<usize, Failure> {
    exchange.symbol_index(params.required("symbol")?).ok_or_else(Failure::symbol)
}

/// A new order, as POST /order and the new leg of cancelReplace have it. A missing client id is made up.
pub(crate) fn new_order(params: &Params, exchange: &mut Exchange) -> Result<NewOrder, Failure> {
    let (at, side) = (symbol(params, exchange)?, side(params)?);
    let kind = Type::parse(params.required("type")?).ok_or_else(|| Failure::bad(-1116, "Invalid orderType."))?;
    let symbol = exchange.symbol(at).ok_or_else(Failure::symbol)?;
    let tif = match (kind, tif(params, "timeInForce")?) {
        (Type::Limit | Type::StopLossLimit | Type::TakeProfitLimit, None) => {
            return Err(Failure::missing("timeInForce"))
        }
        (_, None) => Tif::Gtc,
        (Type::LimitMaker | Type::Market | Type::StopLoss | Type::TakeProfit, Some(_)) => {
            return Err(Failure::not_required("timeInForce"));
        }
        (_, Some(tif)) => tif,
    };
    let ticks = match (kind.has_price(), params.decimal("price")?) {
        (true, None) => return Err(Failure::missing("price")),
        (false, Some(_)) => return Err(Failure::not_required("price")),
        (_, price) => price_ticks(symbol, price)?,
    };
    let (lots, quote) = quantity(params, symbol, kind)?;
    let trailing = u32::try_from(params.integer("trailingDelta")?.unwrap_or(0)).unwrap_or(u32::MAX);
    let stop = match (kind.is_triggered(), params.decimal("stopPrice")?) {
        (true, None) if trailing == 0 => return Err(Failure::missing("stopPrice")),
        (false, Some(_)) => return Err(Failure::not_required("stopPrice")),
        (_, price) => price_ticks(symbol, price)?,
    };
    if trailing > 0 && !kind.is_triggered() {
        return Err(Failure::not_required("trailingDelta"));
    }
    let iceberg = iceberg(params, "icebergQty", symbol, lots, kind, tif)?;
    let usual = if matches!(kind, Type::Market | Type::Limit) { Resp::Full } else { Resp::Ack };
    let (stp, resp) = (stp(params)?, resp(params, usual)?);
    let client_id = params.client_id("newClientOrderId")?.map(str::to_owned);
    let client_id = client_id.unwrap_or_else(|| exchange.made_id());
    Ok(NewOrder { client_id, symbol: at, side, kind, tif, lots, quote, ticks, stop, trailing, iceberg, stp, resp })
}

/// The list id and the two legs of POST /order/oco: first the stop, then the limit maker.
pub(crate) fn oco(params: &Params, exchange: &mut Exchange) -> Result<(String, NewOrder, NewOrder), Failure> {
    let (at, side) = (symbol(params, exchange)?, side(params)?);
    let symbol = exchange.symbol(at).ok_or_else(Failure::symbol)?;
    let lots = base_lots(symbol, params.decimal("quantity")?.ok_or_else(|| Failure::missing("quantity"))?)?;
    let price = params.decimal("price")?.ok_or_else(|| Failure::missing("price"))?;
    let trailing = u32::try_from(params.integer("trailingDelta")?.unwrap_or(0)).unwrap_or(u32::MAX);
    let stop_price = params.decimal("stopPrice")?;
    if stop_price.is_none() && trailing == 0 {
        return Err(Failure::missing("stopPrice"));
    }
    let (kind, stop_ticks, stop_tif) = match (params.decimal("stopLimitPrice")?, tif(params, "stopLimitTimeInForce")?) {
        (None, None) => (Type::StopLoss, 0, Tif::Gtc),
        (None, Some(_)) => return Err(Failure::not_required("stopLimitTimeInForce")),
        (Some(_), None) => return Err(Failure::missing("stopLimitTimeInForce")),
        (Some(price), Some(tif)) => (Type::StopLossLimit, price_ticks(symbol, Some(price))?, tif),
    };
    let (stp, resp) = (stp(params)?, resp(params, Resp::Full)?);
    let limit = NewOrder {
        client_id: String::new(),
        symbol: at,
        side,
        kind: Type::LimitMaker,
        tif: Tif::Gtc,
        lots,
        quote: Decimal::ZERO,
        ticks: price_ticks(symbol, Some(price))?,
        stop: 0,
        trailing: 0,
        iceberg: iceberg(params, "limitIcebergQty", symbol, lots, Type::LimitMaker, Tif::Gtc)?,
        stp,
        resp,
    };
    let stop = NewOrder {
        kind,
        tif: stop_tif,
        ticks: stop_ticks,
        stop: price_ticks(symbol, stop_price)?,
        trailing,
        iceberg: iceberg(params, "stopIcebergQty", symbol, lots, kind, stop_tif)?,
        ..limit.clone()
    };
    let mut id = |name: &str| -> Result<String, Failure> {
        let given = params.client_id(name)?.map(str::to_owned);
        Ok(given.unwrap_or_else(|| exchange.made_id()))
    };
    let (list, stop_id, limit_id) = (id("listClientOrderId")?, id("stopClientOrderId")?, id("limitClientOrderId")?);
    Ok((list, NewOrder { client_id: stop_id, ..stop }, NewOrder { client_id: limit_id, ..limit }))
}

fn side(params: &Params) -> Result<Side, Failure> {
    match params.required("side")? {
        "BUY" => Ok(Side::Buy),
        "SELL" => Ok(Side::Sell),
        _ => Err(Failure::bad(-1117, "Invalid side.")),
    }
}

fn tif(params: &Params, name: &str) -> Result<Option<Tif>, Failure> {
    match params.get(name)? {
        None => Ok(None),
        Some(text) => Tif::parse(text).map(Some).ok_or_else(|| Failure::bad(-1115, "Invalid timeInForce.")),
    }
}

fn stp(params: &Params) -> Result<Stp, Failure> {
    match params.get("selfTradePreventionMode")? {
        // `defaultSelfTradePreventionMode` of the recorded exchangeInfo.
        None => Ok(Stp::ExpireMaker),
        Some(text) => Stp::parse(text)
            .ok_or_else(|| Failure::order("This symbol does not allow the specified self-trade prevention mode.")),
    }
}

fn resp(params: &Params, usual: Resp) -> Result<Resp, Failure> {
    match params.get("newOrderRespType")? {
        None => Ok(usual),
        Some("ACK") => Ok(Resp::Ack),
        Some("RESULT") => Ok(Resp::Result),
        Some("FULL") => Ok(Resp::Full),
        Some(_) => Err(Failure::bad(-1130, "Data sent for parameter 'newOrderRespType' is not valid.")),
    }
}

fn quantity(params: &Params, symbol: &Symbol, kind: Type) -> Result<(i64, Decimal), Failure> {
    match (params.decimal("quantity")?, params.decimal("quoteOrderQty")?) {
        (Some(_), Some(_)) => Err(Failure::bad(-1128, "Combination of optional parameters invalid.")),
        (None, Some(_)) if kind != Type::Market => Err(Failure::not_required("quoteOrderQty")),
        (None, Some(quote)) if quote.is_zero() => Err(Failure::bad(-1013, "Invalid quoteOrderQty.")),
        (None, Some(quote)) => Ok((0, quote)),
        (Some(size), None) => Ok((base_lots(symbol, size)?, Decimal::ZERO)),
        (None, None) => Err(Failure::missing("quantity")),
    }
}

fn base_lots(symbol: &Symbol, size: Decimal) -> Result<i64, Failure> {
    if size.is_zero() {
        return Err(Failure::bad(-1013, "Invalid quantity."));
    }
    symbol.lots(size).ok_or_else(|| Failure::filter("LOT_SIZE"))
}

/// A price in ticks, 0 for none.
fn price_ticks(symbol: &Symbol, price: Option<Decimal>) -> Result<i64, Failure> {
    match price {
        None => Ok(0),
        Some(price) if price.is_zero() => Err(Failure::bad(-1013, "Invalid price.")),
        Some(price) => symbol.ticks(price).ok_or_else(|| Failure::filter("PRICE_FILTER")),
    }
}

/// `icebergQty` in lots, 0 for none. It needs a price and GTC (Binance.US reference 3).
fn iceberg(params: &Params, name: &str, symbol: &Symbol, lots: i64, kind: Type, tif: Tif) -> Result<i64, Failure> {
    let Some(size) = params.decimal(name)?.filter(|size| !size.is_zero()) else { return Ok(0) };
    if !kind.has_price() || tif != Tif::Gtc {
        return Err(Failure::not_required(name));
    }
    let shown = base_lots(symbol, size)?;
    if shown > lots {
        return Err(Failure::order("IcebergQty exceeds QTY."));
    }
    Ok(shown)
}
