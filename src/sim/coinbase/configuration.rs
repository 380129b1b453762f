//! The members of `order_configuration`, each with its fields and rules (Coinbase reference 3.1).
//!
//! Fields may be written in camelCase too, as the venue's documentation shows them accepted.

use super::order::{Direction, Kind, Rests, Rung, Size};
use super::parse::Wrong;
use super::product::Product;
use super::reject::Reject;
use crate::sim::market::Side;
use crate::sim::{parse_rfc3339, SECOND_NS};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::Decimal;
use serde_json::Value;

/// Prices above this are refused before any arithmetic.
const PRICE_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
/// Furthest end of an order; the venue's own figure is not documented.
const END_MAX_NS: u64 = 366 * 24 * 3_600 * SECOND_NS;
/// Most slices of a TWAP and rungs of a scaled order; not documented either.
const PARTS_MAX: u32 = 1_000;
/// Largest rung in terms of the smallest, so that no sum of rungs overflows.
const WEIGHT_MAX: Decimal = Decimal::from_parts(4_000_000_000, 0, 0, false, 0);

/// What a configuration says.
pub(super) struct Terms {
    pub(super) kind: Kind,
    pub(super) size: Size,
    pub(super) end_ns: Option<u64>,
    pub(super) rungs: Vec<Rung>,
}

impl Terms {
    fn of(kind: Kind, size: Size, end_ns: Option<u64>) -> Self {
        Self { kind, size, end_ns, rungs: Vec::new() }
    }
}

/// Reads one member.
pub(super) fn terms(name: &str, fields: &Value, side: Side, product: &Product, now_ns: u64) -> Result<Terms, Wrong> {
    if fields.flag("reduce_only") {
        return Err(Reject::Named("REDUCE_ONLY_NOT_ALLOWED_ON_SPOT_PRODUCTS").into());
    }
    let end = || end_time(fields, now_ns).map(Some);
    match name {
        "market_market_ioc" => Ok(Terms::of(Kind::Market, market_size(fields, side, product)?, None)),
        // For perpetuals and futures only.
        "market_market_fok" => Err(Reject::Unsupported.into()),
        "limit_limit_gtc" => limit(fields, product, resting(fields), None),
        "limit_limit_gtd" => limit(fields, product, resting(fields), end()?),
        "sor_limit_ioc" => limit(fields, product, Rests::ImmediateOrCancel, None),
        "limit_limit_fok" if fields.flag("post_only") => Err(Reject::Named("POST_ONLY_NOT_ALLOWED_WITH_FOK").into()),
        "limit_limit_fok" => limit(fields, product, Rests::FillOrKill, None),
        "stop_limit_stop_limit_gtc" => stop_limit(fields, product, None),
        "stop_limit_stop_limit_gtd" => stop_limit(fields, product, end()?),
        "trigger_bracket_gtc" => bracket(fields, product, None),
        "trigger_bracket_gtd" => bracket(fields, product, end()?),
        "twap_limit_gtd" => twap(fields, product, now_ns),
        "scaled_limit_gtc" => scaled(fields, product),
        other => Err(Wrong::Form(format!("unknown field \"{other}\""))),
    }
}

fn resting(fields: &Value) -> Rests {
    Rests::UntilCancelled { post_only: fields.flag("post_only") }
}

fn limit(fields: &Value, product: &Product, rests: Rests, end_ns: Option<u64>) -> Result<Terms, Wrong> {
    let Rung { ticks, lots, .. } = limit_and_lots(fields, product)?;
    Ok(Terms::of(Kind::Limit { ticks, rests }, Size::Base(lots), end_ns))
}

fn stop_limit(fields: &Value, product: &Product, end_ns: Option<u64>) -> Result<Terms, Wrong> {
    let Rung { ticks, lots, .. } = limit_and_lots(fields, product)?;
    let stop = stop_price(fields, "stop_price", product)?;
    let direction = match fields.text("stop_direction")? {
        Some("STOP_DIRECTION_STOP_UP") => Direction::Up,
        Some("STOP_DIRECTION_STOP_DOWN") => Direction::Down,
        Some(other) => return Err(Wrong::Value("stop_direction", other.to_owned())),
        None => return Err(Wrong::Form("stop_direction is required".to_owned())),
    };
    Ok(Terms::of(Kind::StopLimit { ticks, stop, direction }, Size::Base(lots), end_ns))
}

fn bracket(fields: &Value, product: &Product, end_ns: Option<u64>) -> Result<Terms, Wrong> {
    if fields.decimal("quote_size")?.is_some() {
        return Err(Reject::Named("QUOTE_SIZE_NOT_ALLOWED_FOR_BRACKET").into());
    }
    let Rung { ticks, lots, .. } = limit_and_lots(fields, product)?;
    let stop = stop_price(fields, "stop_trigger_price", product)?;
    Ok(Terms::of(Kind::Bracket { ticks, stop }, Size::Base(lots), end_ns))
}

fn twap(fields: &Value, product: &Product, now_ns: u64) -> Result<Terms, Wrong> {
    let Rung { ticks, lots, .. } = limit_and_lots(fields, product)?;
    let start_ns = time(fields, "start_time")?.ok_or(Reject::Named("START_TIME_MUST_BE_SPECIFIED"))?;
    let end_ns = end_time(fields, now_ns)?;
    let bucket_lots = match (fields.decimal("bucket_size")?, fields.decimal("quote_size")?) {
        // In what the order's size is in.
        (Some(size), Some(_)) => Some(product.lots_for(size, product.price(ticks))),
        (Some(size), None) => Some(product.lots(size).ok_or(Reject::SizePrecision)?),
        (None, _) => None,
    };
    let buckets = match (fields.decimal("number_buckets")?, bucket_lots) {
        (Some(n), _) => n.to_u32(),
        (None, Some(each)) => lots.checked_add(each - 1).and_then(|n| n.checked_div(each)?.to_u32()),
        (None, None) => return Err(Wrong::Form("one of number_buckets and bucket_size is required".to_owned())),
    };
    let buckets = buckets.filter(|n| (1..=PARTS_MAX).contains(n));
    let buckets = buckets.ok_or_else(|| Wrong::Form("parsing field \"number_buckets\": out of range".to_owned()))?;
    // Without a duration the slices fill the time there is.
    let bucket_ns = match duration_ns(fields)? {
        Some(ns) => ns,
        None => end_ns.saturating_sub(start_ns) / u64::from(buckets),
    };
    if bucket_ns == 0 {
        return Err(Reject::Named("DURATION_TOO_SMALL").into());
    }
    if start_ns.saturating_add(bucket_ns.saturating_mul(u64::from(buckets))) > end_ns.saturating_add(bucket_ns) {
        return Err(Reject::Named("DURATION_TOO_LARGE").into());
    }
    let bucket_lots = bucket_lots.unwrap_or(lots / i64::from(buckets));
    if product.size(bucket_lots) < product.base_min_size {
        return Err(Reject::Named("BUCKET_SIZE_SMALLER_THAN_BASE_MIN").into());
    }
    if product.price(ticks) * product.size(bucket_lots) < product.quote_min_size {
        return Err(Reject::Named("BUCKET_SIZE_SMALLER_THAN_QUOTE_MIN").into());
    }
    Ok(Terms::of(Kind::Twap { ticks, start_ns, bucket_ns, buckets }, Size::Base(lots), Some(end_ns)))
}

/// `"300s"`.
fn duration_ns(fields: &Value) -> Result<Option<u64>, Wrong> {
    let Some(text) = fields.text("bucket_duration")? else { return Ok(None) };
    let seconds: Option<Decimal> = text.strip_suffix('s').and_then(|n| n.parse().ok());
    let ns = seconds.and_then(|s| s.checked_mul(Decimal::from(SECOND_NS))).and_then(|ns| ns.to_u64());
    ns.map(Some).ok_or_else(|| Wrong::Form(format!("parsing field \"bucket_duration\": {text:?} is not a duration")))
}

/// A ladder: given rung by rung in `orders`, or spread from `min_price` to `max_price`.
fn scaled(fields: &Value, product: &Product) -> Result<Terms, Wrong> {
    let infeasible = Reject::Named("SCALED_PARAM_INFEASIBLE");
    let given = fields.member("orders").and_then(Value::as_array).filter(|orders| !orders.is_empty());
    let mut rungs = match given {
        Some(orders) => orders.iter().map(|order| limit_and_lots(order, product)).collect::<Result<Vec<_>, Wrong>>()?,
        None => spread(fields, product)?,
    };
    if rungs.len() > PARTS_MAX as usize {
        return Err(Reject::Named("SCALED_MAX_ORDER_VIOLATION").into());
    }
    let too_small = |r: &Rung| product.price(r.ticks) * product.size(r.lots) < product.quote_min_size;
    if rungs.iter().any(|r| product.size(r.lots) < product.base_min_size || too_small(r)) {
        return Err(Reject::Named("SCALED_MIN_ORDER_VIOLATION").into());
    }
    let total = rungs.iter().try_fold(0_i64, |sum, r| sum.checked_add(r.lots)).ok_or(infeasible)?;
    if let (Some(_), Some(size)) = (given, fields.decimal("base_size")?) {
        if product.lots(size) != Some(total) {
            return Err(Reject::Named("SCALED_PARAM_DISCREPANCY").into());
        }
    }
    if product.size(total) > product.base_max_size {
        return Err(Reject::BaseTooLarge.into());
    }
    // One queue entry per price.
    rungs.sort_by_key(|r| r.ticks);
    rungs.dedup_by(|later, kept| {
        let same = later.ticks == kept.ticks;
        kept.lots += if same { later.lots } else { 0 };
        kept.post_only |= same && later.post_only;
        same
    });
    Ok(Terms { kind: Kind::Scaled, size: Size::Base(total), end_ns: None, rungs })
}

fn spread(fields: &Value, product: &Product) -> Result<Vec<Rung>, Wrong> {
    let infeasible = || Wrong::Rule(Reject::Named("SCALED_PARAM_INFEASIBLE"));
    let member = |key: &str| fields.member(key).and_then(|n| n.as_u64().or_else(|| n.as_str()?.parse().ok()));
    let count = member("num_orders").ok_or_else(|| Wrong::Form("num_orders is required".to_owned()))?;
    let count = i64::try_from(count).ok().filter(|n| (2..=i64::from(PARTS_MAX)).contains(n)).ok_or_else(infeasible)?;
    let low = price(fields, "min_price", product)?;
    let high = price(fields, "max_price", product)?;
    if low >= high {
        return Err(infeasible());
    }
    let mid = product.price(low + (high - low) / 2);
    let total = lots(fields, product, mid)?;
    let prices = spread_of(fields, "price_distribution", &["FLAT", "LINEAR_INCREASING", "LINEAR_DECREASING"])?;
    let gaps = i128::from(count - 1);
    let ticks = |i: i64| {
        let i = i128::from(i);
        // How far up, as a part of a whole: gaps all the same, each wider than the one below, or each narrower.
        let (part, whole) = match prices {
            Spread::Even => (i, gaps),
            Spread::Rising => (i * (i + 1), gaps * (gaps + 1)),
            Spread::Falling => (gaps * (gaps + 1) - (gaps - i) * (gaps - i + 1), gaps * (gaps + 1)),
        };
        low + i64::try_from(i128::from(high - low) * part / whole).unwrap_or(0)
    };
    let weights = weights(fields, count, product.size(total))?.ok_or_else(infeasible)?;
    let sum: Decimal = weights.iter().sum();
    let mut left = total;
    let mut rungs = Vec::new();
    for (i, weight) in (0..count).zip(weights) {
        let share = Decimal::from(total).checked_mul(weight).and_then(|part| part.checked_div(sum));
        let share = share.and_then(|lots| lots.floor().to_i64()).unwrap_or(0);
        // What rounding leaves over goes to the last rung.
        let lots = if i == count - 1 { left } else { share.min(left) };
        left -= lots;
        rungs.push(Rung { ticks: ticks(i), lots, post_only: false });
    }
    Ok(rungs)
}

/// How something changes from the lowest rung to the highest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spread {
    Even,
    Rising,
    Falling,
}

fn spread_of(fields: &Value, key: &'static str, values: &[&str]) -> Result<Spread, Wrong> {
    match fields.text(key)? {
        Some(value) if !values.contains(&value) => Err(Wrong::Value(key, value.to_owned())),
        Some("INCREASING" | "LINEAR_INCREASING") => Ok(Spread::Rising),
        Some("DECREASING" | "LINEAR_DECREASING") => Ok(Spread::Falling),
        _ => Ok(Spread::Even),
    }
}

/// Relative sizes of the rungs from the lowest price to the highest: neighbours differ by the factor `size_ratio`, else
/// by `size_diff` base units, else by as much as the smallest rung; `None` if there is no such ladder. What the venue
/// makes of the parameters is not documented beyond their names.
fn weights(fields: &Value, count: i64, total: Decimal) -> Result<Option<Vec<Decimal>>, Wrong> {
    let sizes = ["UNKNOWN_DISTRIBUTION", "INCREASING", "DECREASING", "EVENLY_SPLIT"];
    let spread = spread_of(fields, "size_distribution", &sizes)?;
    if spread == Spread::Even {
        return Ok(Some((0..count).map(|_| Decimal::ONE).collect()));
    }
    let (ratio, diff) = (fields.decimal("size_ratio")?, fields.decimal("size_diff")?);
    let rising = || -> Option<Vec<Decimal>> {
        let mut weight = match (ratio, diff) {
            (None, Some(diff)) => first_of_ladder(total, diff, count)?,
            _ => Decimal::ONE,
        };
        let mut all = Vec::new();
        for _ in 0..count {
            if weight <= Decimal::ZERO || weight > WEIGHT_MAX {
                return None;
            }
            all.push(weight);
            weight = match ratio {
                Some(ratio) => weight.checked_mul(ratio)?,
                None => weight.checked_add(diff.unwrap_or(Decimal::ONE))?,
            };
        }
        Some(all)
    };
    let mut all = rising();
    if let Some(all) = all.as_mut().filter(|_| spread == Spread::Falling) {
        all.reverse();
    }
    Ok(all)
}

/// The smallest of `count` sizes, each `diff` more than the one before, that add up to `total`.
fn first_of_ladder(total: Decimal, diff: Decimal, count: i64) -> Option<Decimal> {
    let steps = Decimal::from(count.checked_mul(count - 1)? / 2);
    total.checked_sub(diff.checked_mul(steps)?)?.checked_div(Decimal::from(count))
}

fn limit_and_lots(fields: &Value, product: &Product) -> Result<Rung, Wrong> {
    let ticks = price(fields, "limit_price", product)?;
    Ok(Rung { ticks, lots: lots(fields, product, product.price(ticks))?, post_only: fields.flag("post_only") })
}

fn price(fields: &Value, key: &str, product: &Product) -> Result<i64, Wrong> {
    let price = fields.decimal(key)?.ok_or_else(|| Wrong::Form(format!("{key} is required")))?;
    if price <= Decimal::ZERO || price > PRICE_MAX {
        return Err(Reject::Named("INVALID_LIMIT_PRICE").into());
    }
    Ok(product.ticks(price).ok_or(Reject::PricePrecision)?)
}

fn stop_price(fields: &Value, key: &str, product: &Product) -> Result<i64, Wrong> {
    let price = fields.decimal(key)?.ok_or_else(|| Wrong::Form(format!("{key} is required")))?;
    if price <= Decimal::ZERO || price > PRICE_MAX {
        return Err(Reject::Preview("PREVIEW_INVALID_STOP_PRICE").into());
    }
    Ok(product.ticks(price).ok_or(Reject::Preview("PREVIEW_INVALID_STOP_PRICE_PRECISION"))?)
}

fn lots(fields: &Value, product: &Product, price: Decimal) -> Result<i64, Wrong> {
    let lots = match (fields.decimal("base_size")?, fields.decimal("quote_size")?) {
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
    Ok(lots)
}

fn market_size(fields: &Value, side: Side, product: &Product) -> Result<Size, Wrong> {
    match (fields.decimal("base_size")?, fields.decimal("quote_size")?) {
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

fn end_time(fields: &Value, now_ns: u64) -> Result<u64, Wrong> {
    let end_ns = time(fields, "end_time")?.ok_or(Reject::Named("GTD_ORDERS_MUST_HAVE_END_TIME"))?;
    if end_ns <= now_ns {
        return Err(Reject::Named("END_TIME_IS_IN_THE_PAST").into());
    }
    if end_ns - now_ns > END_MAX_NS {
        return Err(Reject::Named("END_TIME_TOO_FAR_IN_FUTURE").into());
    }
    Ok(end_ns)
}

fn time(fields: &Value, key: &'static str) -> Result<Option<u64>, Wrong> {
    let text = fields.text(key)?;
    text.map(|text| parse_rfc3339(text).ok_or_else(|| Wrong::Value(key, text.to_owned()))).transpose()
}

/// Members of a JSON object as the venue reads them.
pub(super) trait Field {
    /// A member by its name in snake case or in camelCase.
    fn member(&self, key: &str) -> Option<&Value>;

    /// A string; `""` and null count as absent (reference 3).
    fn text(&self, key: &str) -> Result<Option<&str>, Wrong> {
        match self.member(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|t| !t.is_empty())),
            Some(other) => Err(Wrong::Form(format!("parsing field \"{key}\": {other} is not a string"))),
        }
    }

    /// A decimal; all of the venue's numbers are strings.
    fn decimal(&self, key: &str) -> Result<Option<Decimal>, Wrong> {
        let number = |text: &str| text.parse().map_err(|_| Wrong::Rule(Reject::Named("INVALID_REQUEST")));
        self.text(key)?.map(number).transpose()
    }

    /// A boolean, false if absent.
    fn flag(&self, key: &str) -> bool {
        self.member(key).and_then(Value::as_bool).unwrap_or(false)
    }
}

impl Field for Value {
    fn member(&self, key: &str) -> Option<&Value> {
        self.get(key).or_else(|| self.get(camel(key)))
    }
}

fn camel(key: &str) -> String {
    let mut upper = false;
    let letter = |c: char| {
        let out = if upper { c.to_ascii_uppercase() } else { c };
        upper = c == '_';
        (c != '_').then_some(out)
    };
    key.chars().filter_map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_are_read_in_both_spellings_and_empty_ones_are_absent() {
        let fields = json!({"baseSize": "1.5", "limit_price": "", "post_only": true, "n": 1});
        assert_eq!(fields.decimal("base_size").ok().flatten(), Some(Decimal::new(15, 1)));
        assert!(fields.decimal("limit_price").is_ok_and(|n| n.is_none()));
        assert!(fields.flag("post_only") && !fields.flag("reduce_only"));
        assert!(fields.text("n").is_err());
        assert_eq!(camel("stop_trigger_price"), "stopTriggerPrice");
    }

    #[test]
    fn the_rungs_of_a_ladder_add_up_to_its_size_and_follow_its_distribution() {
        let product = &super::super::product::usual_products()[0];
        let ladder = |more: Value| {
            let mut fields =
                json!({"base_size": "1.00000001", "num_orders": 4, "min_price": "100", "max_price": "103"});
            fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            spread(&fields, product).ok().unwrap()
        };
        let even = ladder(json!({"size_distribution": "EVENLY_SPLIT"}));
        assert_eq!(even.iter().map(|r| r.ticks).collect::<Vec<_>>(), [10_000, 10_100, 10_200, 10_300]);
        assert_eq!(even.iter().map(|r| r.lots).collect::<Vec<_>>(), [25_000_000, 25_000_000, 25_000_000, 25_000_001]);
        let rising = ladder(json!({"size_distribution": "INCREASING", "size_diff": "0.1"}));
        assert_eq!(rising.iter().map(|r| r.lots).collect::<Vec<_>>(), [10_000_000, 20_000_000, 30_000_000, 40_000_001]);
        let falling = ladder(json!({"size_distribution": "DECREASING", "size_ratio": "2"}));
        assert_eq!(falling.iter().map(|r| r.lots).collect::<Vec<_>>(), [53_333_333, 26_666_666, 13_333_333, 6_666_669]);
        for (way, ticks) in
            [("INCREASING", [10_000, 10_050, 10_150, 10_300]), ("DECREASING", [10_000, 10_150, 10_250, 10_300])]
        {
            let uneven = ladder(json!({ "price_distribution": format!("LINEAR_{way}") }));
            assert_eq!(uneven.iter().map(|r| r.ticks).collect::<Vec<_>>(), ticks);
        }
        for more in [json!({"size_diff": "0.2"}), json!({"size_ratio": "1000000"}), json!({"size_ratio": "-1"})] {
            let mut fields = json!({"base_size": "1", "num_orders": 4, "min_price": "100", "max_price": "103",
                                    "size_distribution": "INCREASING"});
            fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            assert!(spread(&fields, product).is_err(), "{fields}");
        }
    }
}
