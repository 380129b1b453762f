//! Reads a create-order body as the venue does: its form first (HTTP 400), then the product's rules
//! (HTTP 200 with `success:false`). Funds and the state of the market are the exchange's business.

use super::exchange::Exchange;
use super::order::{Kind, NewOrder, Rests, Size};
use super::product::{Product, Trading};
use super::reject::Reject;
use crate::sim::market::Side;
use rust_decimal::Decimal;
use serde_json::Value;

/// Prices above this are refused before any arithmetic.
const PRICE_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
/// Longest client order id (one client library's figure; Coinbase reference 3.1 marks it unconfirmed).
const CLIENT_ORDER_ID_MAX: usize = 128;
/// Members of `order_configuration` the venue knows and this one does not serve yet.
const LATER: [&str; 7] = [
    "market_market_fok",
    "limit_limit_gtd",
    "stop_limit_stop_limit_gtc",
    "stop_limit_stop_limit_gtd",
    "trigger_bracket_gtc",
    "trigger_bracket_gtd",
    "twap_limit_gtd",
];

/// Why a body was not turned into an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// HTTP 400: (`error`, `error_details`).
    Malformed(&'static str, String),
    /// HTTP 200 with `success:false`; the configuration is echoed.
    Business(Reject, String),
}

pub(crate) fn new_order(body: &[u8], exchange: &Exchange) -> Result<NewOrder, Refusal> {
    let body: Value = serde_json::from_slice(body).map_err(|e| malformed(format!("invalid JSON: {e}")))?;
    let text = |key: &str| body.get(key).and_then(Value::as_str).filter(|t| !t.is_empty());
    let required = |key: &str| text(key).ok_or_else(|| malformed(format!("{key} is required")));

    let client_order_id = required("client_order_id")?.to_owned();
    if client_order_id.len() > CLIENT_ORDER_ID_MAX {
        return Err(malformed("client_order_id is too long".to_owned()));
    }
    let product_id = required("product_id")?;
    let side = match required("side")? {
        "BUY" => Side::Buy,
        "SELL" => Side::Sell,
        other => return Err(not_valid("side", other)),
    };
    let configuration = body
        .get("order_configuration")
        .and_then(Value::as_object)
        .filter(|c| c.len() == 1)
        .ok_or_else(|| malformed("order_configuration must have exactly one member".to_owned()))?;
    let echo = Value::Object(configuration.clone()).to_string();
    let business = |reject| Refusal::Business(reject, echo.clone());

    let (name, fields) = configuration.iter().next().ok_or_else(|| malformed(String::new()))?;
    let market = exchange.market_index(product_id).ok_or_else(|| business(Reject::InvalidProduct))?;
    let product = exchange.markets.get(market).map(|m| &m.product).ok_or_else(|| business(Reject::InvalidProduct))?;
    let (kind, size) = kind_and_size(name, fields, side, product).map_err(|wrong| match wrong {
        Wrong::Form(detail) => malformed(detail),
        Wrong::Rule(reject) => business(reject),
    })?;
    check_trading(product.trading, kind).map_err(business)?;
    Ok(NewOrder { client_order_id, market, side, kind, size, configuration: echo })
}

enum Wrong {
    Form(String),
    Rule(Reject),
}

impl From<Reject> for Wrong {
    fn from(reject: Reject) -> Self {
        Self::Rule(reject)
    }
}

fn kind_and_size(name: &str, fields: &Value, side: Side, product: &Product) -> Result<(Kind, Size), Wrong> {
    let rests = match name {
        "market_market_ioc" => return Ok((Kind::Market, market_size(fields, side, product)?)),
        "limit_limit_gtc" => {
            Rests::UntilCancelled { post_only: fields.get("post_only").and_then(Value::as_bool).unwrap_or(false) }
        }
        "sor_limit_ioc" => Rests::ImmediateOrCancel,
        "limit_limit_fok" => Rests::FillOrKill,
        later if LATER.contains(&later) || later == "scaled_limit_gtc" => return Err(Reject::Unsupported.into()),
        other => return Err(Wrong::Form(format!("unknown field \"{other}\""))),
    };
    let price = decimal(fields, "limit_price")?.ok_or_else(|| Wrong::Form("limit_price is required".to_owned()))?;
    if price <= Decimal::ZERO || price > PRICE_MAX {
        return Err(Reject::Named("INVALID_LIMIT_PRICE").into());
    }
    let ticks = product.ticks(price).ok_or(Reject::PricePrecision)?;
    let lots = match (decimal(fields, "base_size")?, decimal(fields, "quote_size")?) {
        (Some(size), None) => base_lots(size, product)?,
        // A quote-sized limit order is good for as many lots as it pays for at its limit.
        (None, Some(quote)) => product.lots_for(check_quote(quote, product)?, price),
        _ => return Err(Wrong::Form("exactly one of base_size and quote_size is required".to_owned())),
    };
    let worth = price * product.size(lots);
    if worth < product.quote_min_size {
        return Err(Reject::QuoteTooSmall.into());
    }
    if worth > product.quote_max_size {
        return Err(Reject::QuoteTooLarge.into());
    }
    Ok((Kind::Limit { ticks, rests }, Size::Base(lots)))
}

fn market_size(fields: &Value, side: Side, product: &Product) -> Result<Size, Wrong> {
    match (decimal(fields, "base_size")?, decimal(fields, "quote_size")?) {
        (Some(size), None) => Ok(Size::Base(base_lots(size, product)?)),
        (None, Some(quote)) if side == Side::Buy => Ok(Size::Quote(check_quote(quote, product)?)),
        (None, Some(_)) => Err(Reject::Unsupported.into()),
        _ => Err(Wrong::Form("exactly one of base_size and quote_size is required".to_owned())),
    }
}

fn base_lots(size: Decimal, product: &Product) -> Result<i64, Reject> {
    if size > product.base_max_size {
        return Err(Reject::BaseTooLarge);
    }
    if size < product.base_min_size {
        return Err(Reject::BaseTooSmall);
    }
    product.lots(size).ok_or(Reject::SizePrecision)
}

fn check_quote(quote: Decimal, product: &Product) -> Result<Decimal, Reject> {
    if quote > product.quote_max_size {
        return Err(Reject::QuoteTooLarge);
    }
    if quote < product.quote_min_size {
        return Err(Reject::QuoteTooSmall);
    }
    let on_step = quote.checked_rem(product.quote_increment).is_some_and(|rest| rest.is_zero());
    on_step.then_some(quote).ok_or(Reject::QuotePrecision)
}

fn check_trading(trading: Trading, kind: Kind) -> Result<(), Reject> {
    let post_only = matches!(kind, Kind::Limit { rests: Rests::UntilCancelled { post_only: true }, .. });
    match trading {
        Trading::Open => Ok(()),
        Trading::PostOnly if post_only => Ok(()),
        Trading::PostOnly => Err(Reject::PostOnlyMode),
        Trading::LimitOnly if kind == Kind::Market => Err(Reject::LimitOnly),
        Trading::LimitOnly => Ok(()),
        Trading::CancelOnly => Err(Reject::CancelOnly),
        Trading::Disabled => Err(Reject::Disabled),
    }
}

/// A decimal member; all of the venue's numbers are strings. `""` counts as absent (reference 3).
fn decimal(fields: &Value, key: &str) -> Result<Option<Decimal>, Wrong> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Wrong::Rule(Reject::Named("INVALID_REQUEST"))),
        },
        Some(other) => Err(Wrong::Form(format!("parsing field \"{key}\": {other} is not a string"))),
    }
}

fn malformed(detail: String) -> Refusal {
    Refusal::Malformed("INVALID_ARGUMENT", detail)
}

/// An enum member that is none of its values: the other shape of a 400 (reference 4).
pub(crate) fn not_valid(field: &str, value: &str) -> Refusal {
    Refusal::Malformed("unknown", format!("parsing field \"{field}\": \"{value}\" is not a valid value"))
}
