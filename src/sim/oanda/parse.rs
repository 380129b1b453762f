//! Bodies of requests into orders: what cannot be read is refused without a transaction, what can be read and is not
//! allowed carries its reject reason (OANDA reference 2 and 4). Looks up nothing but the instrument and the trade.

use super::exchange::Exchange;
use super::instrument::Guaranteed;
use super::market::Market;
use super::order::{Exit, Extensions, Kind, Order, TimeInForce};
use super::reject::Failure;
use super::text::{decimal, time};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// Characters of a client id, tag or comment.
const CLIENT_TEXT_MAX: usize = 128;
/// A price or distance beyond this many times the market's is a slip of the keyboard, and would overflow nothing yet.
const PRICE_FACTOR_MAX: Decimal = Decimal::ONE_HUNDRED;

/// An order as asked for, and why it is refused if it is.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) order: Order,
    pub(crate) reject: Option<String>,
    /// Whether the refusal is that its trade is missing: 404 instead of 400.
    pub(crate) target_missing: bool,
}

/// A JSON object of a request with the name it has in error messages.
#[derive(Clone, Debug)]
pub(crate) struct Body<'a> {
    members: &'a Map<String, Value>,
    name: String,
}

impl<'a> Body<'a> {
    pub(crate) fn new(value: &'a Value) -> Result<Self, Failure> {
        let members = value.as_object().ok_or_else(Failure::missing)?;
        Ok(Self { members, name: String::new() })
    }

    /// Whether the member is there, as `null` or as something.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// A member that is an object; `None` if absent or `null`.
    pub(crate) fn object(&self, name: &str) -> Result<Option<Self>, Failure> {
        match self.members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Self { members, name: self.full(name) })),
            Some(_) => Err(self.bad(name)),
        }
    }

    /// A member that is text; a number is taken as its digits, as the venue does for units.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Failure> {
        match self.members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(self.bad(name)),
        }
    }

    pub(crate) fn decimal(&self, name: &str) -> Result<Option<Decimal>, Failure> {
        let read = |text: String| decimal(&text).ok_or_else(|| self.bad(name));
        self.text(name)?.map(read).transpose()
    }

    fn time(&self, name: &str) -> Result<Option<u64>, Failure> {
        let read = |text: String| time(&text).ok_or_else(|| self.bad(name));
        self.text(name)?.map(read).transpose()
    }

    fn one_of(&self, name: &str, allowed: &[&'static str]) -> Result<&'static str, Failure> {
        let text = self.text(name)?.unwrap_or_else(|| "DEFAULT".to_owned());
        allowed.iter().find(|a| **a == text).copied().ok_or_else(|| self.bad(name))
    }

    pub(crate) fn extensions(&self, name: &str) -> Result<Extensions, Failure> {
        let Some(body) = self.object(name)? else { return Ok(Extensions::default()) };
        Ok(Extensions { id: body.text("id")?, tag: body.text("tag")?, comment: body.text("comment")? })
    }

    fn full(&self, name: &str) -> String {
        if self.name.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.name)
        }
    }

    pub(crate) fn bad(&self, name: &str) -> Failure {
        Failure::parameter(&self.full(name))
    }
}

/// Reads `order` of a create or replace request.
pub(crate) fn order(body: &Body<'_>, exchange: &Exchange, now_ns: u64) -> Result<Draft, Failure> {
    let kind = Kind::parse(&body.text("type")?.ok_or_else(|| body.bad("type"))?).ok_or_else(|| body.bad("type"))?;
    let mut draft = if kind.is_entry() { entry(body, kind, exchange)? } else { exit_order(body, kind, exchange)? };
    let order = &mut draft.order;
    if let Some(text) = body.text("timeInForce")? {
        order.time_in_force = TimeInForce::parse(&text).ok_or_else(|| body.bad("timeInForce"))?;
    }
    order.gtd_ns = body.time("gtdTime")?;
    order.extensions = body.extensions("clientExtensions")?;
    order.price = body.decimal("price")?;
    order.distance = body.decimal("distance")?;
    order.trigger = body.one_of("triggerCondition", &["DEFAULT", "INVERSE", "BID", "ASK", "MID"])?;
    if kind.is_entry() {
        order.bound = body.decimal("priceBound")?;
        order.position_fill = body.one_of("positionFill", &["DEFAULT", "OPEN_ONLY", "REDUCE_FIRST", "REDUCE_ONLY"])?;
        order.trade_extensions = body.extensions("tradeClientExtensions")?;
        order.on_fill = on_fill(body)?;
    }
    let Some(market) = exchange.markets.get(order.market) else { return Err(body.bad("instrument")) };
    if draft.reject.is_none() {
        draft.reject = fault(order, market, now_ns);
    }
    Ok(draft)
}

fn entry(body: &Body<'_>, kind: Kind, exchange: &Exchange) -> Result<Draft, Failure> {
    let name = body.text("instrument")?.unwrap_or_default();
    let market = exchange.market_index(&name).ok_or_else(|| body.bad("instrument"))?;
    let mut order = Order::new(kind, market);
    let units = body.decimal("units")?;
    order.units_text = body.text("units")?.unwrap_or_default();
    order.units = units.unwrap_or_default();
    let reject = units.is_none().then(|| "UNITS_MISSING".to_owned());
    Ok(Draft { order, reject, target_missing: false })
}

fn exit_order(body: &Body<'_>, kind: Kind, exchange: &Exchange) -> Result<Draft, Failure> {
    let (id, client) = (body.text("tradeID")?, body.text("clientTradeID")?);
    let specifier = id.clone().or_else(|| client.as_ref().map(|client| format!("@{client}")));
    let trade = specifier.as_ref().and_then(|specifier| exchange.trade(specifier)).filter(|t| t.is_open());
    let mut order = Order::new(kind, trade.map_or(0, |t| t.market));
    order.trade = trade.map(|t| t.id).or_else(|| id.and_then(|id| id.parse().ok()));
    order.client_trade = client;
    order.units = trade.map_or(Decimal::ZERO, |t| -t.units);
    let reject = match (&specifier, trade) {
        (None, _) => Some("TRADE_ID_UNSPECIFIED".to_owned()),
        (Some(_), None) => Some("TRADE_DOESNT_EXIST".to_owned()),
        _ => None,
    };
    let target_missing = reject.as_deref() == Some("TRADE_DOESNT_EXIST");
    Ok(Draft { order, reject, target_missing })
}

fn on_fill(body: &Body<'_>) -> Result<Vec<Exit>, Failure> {
    let mut exits = Vec::new();
    for (name, kind) in [
        ("takeProfitOnFill", Kind::TakeProfit),
        ("stopLossOnFill", Kind::StopLoss),
        ("guaranteedStopLossOnFill", Kind::GuaranteedStopLoss),
        ("trailingStopLossOnFill", Kind::TrailingStopLoss),
    ] {
        if let Some(details) = body.object(name)? {
            exits.push(exit(&details, kind)?);
        }
    }
    Ok(exits)
}

/// Details of an order on a trade, whether on fill or put there later.
pub(crate) fn exit(body: &Body<'_>, kind: Kind) -> Result<Exit, Failure> {
    let time_in_force = match body.text("timeInForce")? {
        None => TimeInForce::Gtc,
        Some(text) => TimeInForce::parse(&text).ok_or_else(|| body.bad("timeInForce"))?,
    };
    let guaranteed = kind == Kind::StopLoss && body.members.get("guaranteed") == Some(&Value::Bool(true));
    Ok(Exit {
        kind: if guaranteed { Kind::GuaranteedStopLoss } else { kind },
        price: body.decimal("price")?,
        distance: body.decimal("distance")?,
        time_in_force,
        gtd_ns: body.time("gtdTime")?,
        extensions: body.extensions("clientExtensions")?,
    })
}

/// The first thing that is not allowed about an order.
fn fault(order: &Order, market: &Market, now_ns: u64) -> Option<String> {
    let named = |reason: &str| Some(reason.to_owned());
    if order.kind.is_entry() {
        let size = order.units.abs();
        let instrument = &market.instrument;
        let reason = if size.is_zero() {
            "UNITS_INVALID"
        } else if size.normalize().scale() > instrument.trade_units_precision {
            "UNITS_PRECISION_EXCEEDED"
        } else if size > instrument.maximum_order_units {
            "UNITS_LIMIT_EXCEEDED"
        } else if size < instrument.minimum_trade_size {
            "UNITS_MINIMUM_NOT_MET"
        } else {
            match (order.kind, order.price) {
                (Kind::Market, _) => "",
                (_, None) => "PRICE_MISSING",
                (_, Some(price)) => price_fault(price, market, ["PRICE_INVALID", "PRICE_PRECISION_EXCEEDED"]),
            }
        };
        if !reason.is_empty() {
            return named(reason);
        }
        if let Some(bound) = order.bound {
            let reason = price_fault(bound, market, ["PRICE_BOUND_INVALID", "PRICE_BOUND_PRECISION_EXCEEDED"]);
            if !reason.is_empty() {
                return named(reason);
            }
        }
        let labels = labels_fault(&order.trade_extensions, "CLIENT_TRADE");
        let exits = || order.on_fill.iter().find_map(|exit| exit_fault(exit, true, market, now_ns));
        if let Some(reason) = labels.or_else(exits) {
            return Some(reason);
        }
    } else {
        let exit = Exit {
            kind: order.kind,
            price: order.price,
            distance: order.distance,
            time_in_force: order.time_in_force,
            gtd_ns: order.gtd_ns,
            extensions: Extensions::default(),
        };
        if let Some(reason) = exit_fault(&exit, false, market, now_ns) {
            return Some(reason);
        }
    }
    let allowed = match order.kind {
        Kind::Market => order.time_in_force.is_immediate(),
        Kind::Limit | Kind::Stop => true,
        _ => !order.time_in_force.is_immediate(),
    };
    if !allowed {
        return named("TIME_IN_FORCE_INVALID");
    }
    gtd_fault(order.time_in_force, order.gtd_ns, now_ns, "").or_else(|| labels_fault(&order.extensions, "CLIENT_ORDER"))
}

/// The first thing that is not allowed about an order on a trade. On fill the reasons have other names than alone.
pub(crate) fn exit_fault(exit: &Exit, on_fill: bool, market: &Market, now_ns: u64) -> Option<String> {
    let kind = exit.kind.name();
    let (alone, prefix) = (format!("{kind}_ORDER"), format!("{kind}_ON_FILL"));
    let reason = |on: &str, off: &str| if on_fill { format!("{prefix}_{on}") } else { off.to_owned() };
    let both = |what: &str| {
        let name = format!("PRICE_AND_DISTANCE_BOTH_{what}");
        Some(if on_fill { format!("{prefix}_{name}") } else { format!("{alone}_{name}") })
    };
    match (exit.kind, exit.price, exit.distance) {
        (Kind::TakeProfit, None, _) => return Some(reason("PRICE_MISSING", "PRICE_MISSING")),
        (Kind::TrailingStopLoss, _, None) => {
            return Some(reason("PRICE_DISTANCE_MISSING", "PRICE_DISTANCE_MISSING"));
        }
        (Kind::StopLoss | Kind::GuaranteedStopLoss, Some(_), Some(_)) => return both("SPECIFIED"),
        (Kind::StopLoss | Kind::GuaranteedStopLoss, None, None) => return both("MISSING"),
        _ => {}
    }
    if exit.kind == Kind::GuaranteedStopLoss && market.instrument.guaranteed == Guaranteed::Disabled {
        return Some(if on_fill { format!("{prefix}_NOT_ALLOWED") } else { format!("{alone}_NOT_ALLOWED") });
    }
    if let Some(price) = exit.price {
        let fault = price_fault(price, market, ["PRICE_INVALID", "PRICE_PRECISION_EXCEEDED"]);
        if !fault.is_empty() {
            return Some(reason(fault, fault));
        }
    }
    if let Some(distance) = exit.distance {
        let trailing = exit.kind == Kind::TrailingStopLoss;
        let fault = price_fault(distance, market, ["INVALID", "PRECISION_EXCEEDED"]);
        let (least, most) = market.instrument.trailing_range();
        let fault = match fault {
            "" if trailing && distance < least => "MINIMUM_NOT_MET",
            "" if trailing && distance > most => "MAXIMUM_EXCEEDED",
            other => other,
        };
        if !fault.is_empty() {
            let name = if trailing { "PRICE_DISTANCE" } else { "DISTANCE" };
            return Some(reason(&format!("{name}_{fault}"), &format!("PRICE_DISTANCE_{fault}")));
        }
    }
    if exit.time_in_force.is_immediate() {
        return Some(reason("TIME_IN_FORCE_INVALID", "TIME_IN_FORCE_INVALID"));
    }
    let before = if on_fill { format!("{prefix}_") } else { String::new() };
    gtd_fault(exit.time_in_force, exit.gtd_ns, now_ns, &before).or_else(|| {
        let name = if on_fill { format!("{prefix}_CLIENT_ORDER") } else { "CLIENT_ORDER".to_owned() };
        labels_fault(&exit.extensions, &name)
    })
}

fn price_fault(price: Decimal, market: &Market, [invalid, precision]: [&'static str; 2]) -> &'static str {
    if price <= Decimal::ZERO || price > market.mid() * PRICE_FACTOR_MAX {
        invalid
    } else if price.normalize().scale() > market.instrument.display_precision {
        precision
    } else {
        ""
    }
}

fn gtd_fault(tif: TimeInForce, gtd_ns: Option<u64>, now_ns: u64, prefix: &str) -> Option<String> {
    let reason = |name: &str| {
        let before = if prefix.is_empty() { "TIME_IN_FORCE_" } else { prefix };
        Some(format!("{before}{name}"))
    };
    match (tif, gtd_ns) {
        (TimeInForce::Gtd, None) => reason("GTD_TIMESTAMP_MISSING"),
        (TimeInForce::Gtd, Some(at_ns)) if at_ns <= now_ns => reason("GTD_TIMESTAMP_IN_PAST"),
        _ => None,
    }
}

/// What is wrong with client extensions; `prefix` is `CLIENT_ORDER`, `CLIENT_TRADE` or the same on fill.
pub(crate) fn labels_fault(labels: &Extensions, prefix: &str) -> Option<String> {
    let bad = |text: &Option<String>, empty_too: bool| {
        text.as_ref().is_some_and(|t| t.chars().count() > CLIENT_TEXT_MAX || empty_too && t.is_empty())
    };
    let found = [(&labels.id, "ID", true), (&labels.tag, "TAG", false), (&labels.comment, "COMMENT", false)];
    let found = found.into_iter().find(|(text, _, empty_too)| bad(text, *empty_too));
    found.map(|(_, name, _)| format!("{prefix}_{name}_INVALID"))
}
