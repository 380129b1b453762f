//! Reads a create-order or preview body as the venue does: its form first (HTTP 400), then the product's rules
//! (HTTP 200 with `success:false`). Funds and the state of the market are the exchange's business.

use super::configuration::{self, Field, Terms};
use super::exchange::Exchange;
use super::order::{BracketPrices, Kind, NewOrder, Rests};
use super::product::{Product, Trading};
use super::reject::Reject;
use crate::sim::market::Side;
use rust_decimal::Decimal;
use serde_json::Value;

/// Longest client order id (one client library's figure; Coinbase reference 3.1 marks it unconfirmed).
const CLIENT_ORDER_ID_MAX: usize = 128;

/// Why a body was not turned into an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// HTTP 400: (`error`, `error_details`).
    Malformed(&'static str, String),
    /// HTTP 200 with `success:false`; the configuration is echoed.
    Business(Reject, String),
}

/// What is wrong with one part of a body.
pub(super) enum Wrong {
    /// The form: HTTP 400 with this detail.
    Form(String),
    /// An enum member that is none of its values.
    Value(&'static str, String),
    /// A rule of the product.
    Rule(Reject),
}

impl From<Reject> for Wrong {
    fn from(reject: Reject) -> Self {
        Self::Rule(reject)
    }
}

/// A create-order body at `now_ns`.
pub(crate) fn new_order(body: &[u8], exchange: &Exchange, now_ns: u64) -> Result<NewOrder, Refusal> {
    let body = json(body)?;
    let client_order_id = required(&body, "client_order_id")?.to_owned();
    if client_order_id.len() > CLIENT_ORDER_ID_MAX {
        return Err(malformed("client_order_id is too long".to_owned()));
    }
    order(&body, client_order_id, exchange, now_ns)
}

/// A preview body: an order without a client order id.
pub(crate) fn preview(body: &[u8], exchange: &Exchange, now_ns: u64) -> Result<NewOrder, Refusal> {
    order(&json(body)?, String::new(), exchange, now_ns)
}

/// The body of an edit or its preview (reference 3.3).
pub(crate) fn edit(body: &[u8]) -> Result<super::edit::Asked, Refusal> {
    let body = json(body)?;
    let number = |key: &str| match body.get(key) {
        None | Some(Value::Null) => Ok(Decimal::ZERO),
        Some(Value::String(text)) if text.is_empty() => Ok(Decimal::ZERO),
        Some(Value::String(text)) => text.parse().map_err(|_| malformed(format!("parsing field \"{key}\": {text:?}"))),
        Some(other) => Err(malformed(format!("parsing field \"{key}\": {other} is not a string"))),
    };
    Ok(super::edit::Asked {
        order_id: required(&body, "order_id")?.to_owned(),
        price: number("price")?,
        size: number("size")?,
        stop_price: !number("stop_price")?.is_zero(),
        attached: body.get("attached_order_configuration").is_some_and(|attached| !attached.is_null()),
        cancel_attached: body.get("cancel_attached_order").and_then(Value::as_bool).unwrap_or(false),
    })
}

fn order(body: &Value, client_order_id: String, exchange: &Exchange, now_ns: u64) -> Result<NewOrder, Refusal> {
    let product_id = required(body, "product_id")?;
    let side = match required(body, "side")? {
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
    let refuse = |wrong: Wrong| match wrong {
        Wrong::Form(detail) => malformed(detail),
        Wrong::Value(field, value) => not_valid(field, &value),
        Wrong::Rule(reject) => Refusal::Business(reject, echo.clone()),
    };
    let (name, fields) = configuration.iter().next().ok_or_else(|| malformed(String::new()))?;
    let listing = exchange.listing(product_id).and_then(|(i, quote)| Some((i, quote, exchange.markets.get(i)?)));
    let (market, quote, at) = listing.ok_or_else(|| refuse(Reject::InvalidProduct.into()))?;
    check_options(body).map_err(refuse)?;
    let Terms { kind, size, end_ns, rungs } =
        configuration::terms(name, fields, side, &at.product, now_ns).map_err(refuse)?;
    let attached = attached(body, kind, side, &at.product).map_err(refuse)?;
    check_trading(at.product.trading, kind).map_err(|reject| refuse(reject.into()))?;
    Ok(NewOrder {
        client_order_id,
        market,
        product_id: product_id.to_owned(),
        quote: quote.to_owned(),
        side,
        kind,
        size,
        in_quote: fields.decimal("quote_size").is_ok_and(|size| size.is_some()),
        end_ns,
        rungs,
        attached,
        configuration: echo,
    })
}

/// The optional members of the top level that a spot order may carry (reference 3.1).
fn check_options(body: &Value) -> Result<(), Wrong> {
    let one_of = |key: &'static str, values: &[&str]| match body.text(key)? {
        Some(value) if !values.contains(&value) => Err(Wrong::Value(key, value.to_owned())),
        _ => Ok(()),
    };
    one_of("margin_type", &["CROSS", "ISOLATED"])?;
    one_of("sor_preference", &["SOR_PREFERENCE_UNSPECIFIED", "SOR_ENABLED", "SOR_DISABLED"])?;
    match body.decimal("leverage")? {
        Some(leverage) if leverage != Decimal::ONE => Err(Reject::Named("INVALID_LEVERAGE").into()),
        _ => Ok(()),
    }
}

/// `attached_order_configuration`: a `trigger_bracket_gtc` without size, on a purchase (reference 3.1).
fn attached(body: &Value, kind: Kind, side: Side, product: &Product) -> Result<Option<BracketPrices>, Wrong> {
    let configuration = match body.get("attached_order_configuration") {
        None | Some(Value::Null) => return Ok(None),
        Some(configuration) => configuration,
    };
    let rule = |name| Err(Wrong::Rule(Reject::Named(name)));
    let members = configuration.as_object().filter(|c| c.len() == 1).and_then(|c| c.iter().next());
    let Some((name, fields)) = members else {
        return Err(Wrong::Form("attached_order_configuration must have exactly one member".to_owned()));
    };
    if name != "trigger_bracket_gtc" {
        return rule("INVALID_ORDER_TYPE_FOR_ATTACHED");
    }
    if !matches!(kind, Kind::Market | Kind::Limit { .. }) {
        return rule("ATTACHED_ORDERS_ONLY_ALLOWED_ON_MARKET_LIMIT");
    }
    if side == Side::Sell {
        return rule("INVALID_ORDER_SIDE_FOR_ATTACHED_TPSL");
    }
    if fields.decimal("base_size")?.or(fields.decimal("quote_size")?).is_some() {
        return rule("ATTACHED_ORDER_SIZE_MUST_BE_NIL");
    }
    let (Some(profit), Some(loss)) = (fields.decimal("limit_price")?, fields.decimal("stop_trigger_price")?) else {
        return rule("SINGLE_LEGGED_TPSL_NOT_ALLOWED");
    };
    if profit <= Decimal::ZERO || loss <= Decimal::ZERO {
        return rule("ATTACHED_ORDER_MUST_HAVE_POSITIVE_PRICES");
    }
    let Some(ticks) = product.ticks(profit) else {
        return rule("INVALID_ATTACHED_TAKE_PROFIT_PRICE_PRECISION");
    };
    let Some(stop) = product.ticks(loss) else {
        return rule("INVALID_ATTACHED_STOP_LOSS_PRICE_PRECISION");
    };
    Ok(Some(BracketPrices { ticks, stop }))
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

fn json(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|e| malformed(format!("invalid JSON: {e}")))
}

fn required<'a>(body: &'a Value, key: &str) -> Result<&'a str, Refusal> {
    let text = body.get(key).and_then(Value::as_str).filter(|t| !t.is_empty());
    text.ok_or_else(|| malformed(format!("{key} is required")))
}

fn malformed(detail: String) -> Refusal {
    Refusal::Malformed("INVALID_ARGUMENT", detail)
}

/// An enum member that is none of its values: the other shape of a 400 (reference 4).
pub(crate) fn not_valid(field: &str, value: &str) -> Refusal {
    Refusal::Malformed("unknown", format!("parsing field \"{field}\": \"{value}\" is not a valid value"))
}
