//! Prepared orders in Coinbase's words: every member of `order_configuration` and the options beside it
//! (Coinbase reference 3.1).
//!
//! Owns which terms have a form here, said when an order is prepared ([`check`]), and the exact bytes when it is
//! submitted ([`put`]). Writing allocates nothing once its buffer has grown. Left out, with a reason:
//! `prediction_metadata`, which belongs to prediction markets and has no published shape.

use super::request::{put_decimal, put_json_string, Unsupported};
use crate::codec::timestamp::format_rfc3339_us;
use crate::record::{
    CoinbaseOptions, Exits, Fixed, Instrument, Lifetime, MarginType, OnTrigger, OrderQuantity, OrderShape, OrderTerms,
    PreparedOrder, Scaled, Side, Spread, StopLoss, Trigger, TriggerDirection, Twap, UnixNanos, VenueOptions,
};

type Checked = Result<(), Unsupported>;

const fn no(what: &'static str) -> Checked {
    Err(Unsupported::Configuration(what))
}

/// Whether the venue has a form for these terms.
///
/// # Errors
/// [`Unsupported`] names what it has none for.
pub fn check(order: &PreparedOrder) -> Checked {
    let terms = order.terms();
    let options = match &terms.options {
        VenueOptions::None => None,
        VenueOptions::Coinbase(options) => Some(options),
        _ => return no("use for another venue's options"),
    };
    let in_quote = matches!(terms.quantity, OrderQuantity::Quote(_));
    let market = matches!(terms.shape, OrderShape::Market { .. });
    if options.is_some_and(|options| options.rfq_disabled.is_some()) && !market {
        return no("`rfq_disabled` but on market orders");
    }
    if terms.lifetime == Lifetime::Day {
        return no("orders until the end of the day");
    }
    match &terms.shape {
        OrderShape::Market { worst_price: Some(_) } => return no("worst price on market orders: use a limit IOC"),
        OrderShape::Market { .. } if in_quote && terms.side == Side::Sell => return Err(Unsupported::QuoteQuantity),
        OrderShape::Limit { shown: Some(_), .. } => return no("icebergs"),
        OrderShape::Market { .. } | OrderShape::Limit { .. } => {}
        OrderShape::Triggered { trigger: Trigger::Trailing { .. }, .. } => return no("trailing stops"),
        OrderShape::Triggered { then: OnTrigger::Market { .. }, .. } => return no("stop-market orders"),
        OrderShape::Triggered { then: OnTrigger::Limit { shown: Some(_), .. }, .. } => return no("icebergs"),
        OrderShape::Triggered { .. } if !terms.lifetime.rests() => {
            return no("immediate-or-cancel or fill-or-kill stop-limit orders")
        }
        OrderShape::Bracket { stop_limit: Some(_), .. } => return no("limit price of its own for a bracket's stop"),
        OrderShape::Triggered { .. } | OrderShape::Bracket { .. } if in_quote => {
            return no("stop-limit orders or brackets sized in quote currency")
        }
        OrderShape::Scaled(_) if terms.lifetime != Lifetime::UntilCancelled => return no("scaled orders with an end"),
        OrderShape::Triggered { .. } | OrderShape::Bracket { .. } | OrderShape::Twap(_) | OrderShape::Scaled(_) => {}
    }
    exits(terms)
}

fn exits(terms: &OrderTerms) -> Checked {
    let Exits { stop_loss, trailing_stop, lifetime, .. } = terms.exits;
    if terms.exits.is_empty() {
        return Ok(());
    }
    // ATTACHED_ORDERS_ONLY_ALLOWED_ON_MARKET_LIMIT (Coinbase reference, appendix A).
    if !matches!(terms.shape, OrderShape::Market { .. } | OrderShape::Limit { .. }) {
        return no("attached exits but on market and limit orders");
    }
    if trailing_stop.is_some() || !matches!(stop_loss, None | Some(StopLoss::At(_))) {
        return no("attached exits but at fixed prices");
    }
    if lifetime != Lifetime::UntilCancelled {
        return no("attached exits with an end");
    }
    Ok(())
}

/// Appends `"order_configuration":{…}` and the members after it, for terms that passed [`check`]; the object is left open.
pub fn put(out: &mut Vec<u8>, now: UnixNanos, instrument: &Instrument, order: &PreparedOrder) {
    let terms = order.terms();
    out.extend_from_slice(b"\"order_configuration\":{\"");
    out.extend_from_slice(member(terms).as_bytes());
    out.extend_from_slice(b"\":{");
    let mut fields = Fields { out, instrument, first: true };
    fields.configuration(now, terms);
    fields.out.extend_from_slice(b"}}");
    fields.first = false;
    fields.beside(terms);
}

/// The one member of `order_configuration`.
const fn member(terms: &OrderTerms) -> &'static str {
    let timed = matches!(terms.lifetime, Lifetime::Until(_) | Lifetime::For { .. });
    match (&terms.shape, timed) {
        (OrderShape::Market { .. }, _) => match terms.lifetime {
            // Perpetuals and futures only; spot answers UNSUPPORTED_ORDER_CONFIGURATION.
            Lifetime::FillOrKill => "market_market_fok",
            _ => "market_market_ioc",
        },
        (OrderShape::Limit { .. }, _) => match terms.lifetime {
            // There is no limit_limit_ioc.
            Lifetime::ImmediateOrCancel => "sor_limit_ioc",
            Lifetime::FillOrKill => "limit_limit_fok",
            Lifetime::Until(_) | Lifetime::For { .. } => "limit_limit_gtd",
            Lifetime::UntilCancelled | Lifetime::Day => "limit_limit_gtc",
        },
        (OrderShape::Triggered { .. }, false) => "stop_limit_stop_limit_gtc",
        (OrderShape::Triggered { .. }, true) => "stop_limit_stop_limit_gtd",
        (OrderShape::Bracket { .. }, false) => "trigger_bracket_gtc",
        (OrderShape::Bracket { .. }, true) => "trigger_bracket_gtd",
        (OrderShape::Twap(_), _) => "twap_limit_gtd",
        (OrderShape::Scaled(_), _) => "scaled_limit_gtc",
    }
}

/// The members of a JSON object being written.
struct Fields<'o, 'i> {
    out: &'o mut Vec<u8>,
    instrument: &'i Instrument,
    first: bool,
}

impl Fields<'_, '_> {
    fn configuration(&mut self, now: UnixNanos, terms: &OrderTerms) {
        match &terms.shape {
            OrderShape::Market { .. } => {
                self.size(terms.quantity);
                if let VenueOptions::Coinbase(CoinbaseOptions { rfq_disabled: Some(disabled), .. }) = terms.options {
                    self.flag("rfq_disabled", disabled);
                }
            }
            OrderShape::Limit { price, post_only, .. } => {
                self.size(terms.quantity);
                self.price("limit_price", *price);
                self.end(now, terms.lifetime);
                if terms.lifetime.rests() {
                    self.flag("post_only", *post_only);
                }
            }
            OrderShape::Triggered { trigger, then } => {
                self.size(terms.quantity);
                if let OnTrigger::Limit { price, .. } = then {
                    self.price("limit_price", *price);
                }
                if let Trigger::Price { at, direction } = trigger {
                    self.price("stop_price", *at);
                    self.end(now, terms.lifetime);
                    let direction = match direction {
                        TriggerDirection::Up => "STOP_DIRECTION_STOP_UP",
                        TriggerDirection::Down => "STOP_DIRECTION_STOP_DOWN",
                    };
                    self.text("stop_direction", direction);
                }
            }
            OrderShape::Bracket { take_profit, stop, .. } => {
                self.size(terms.quantity);
                self.price("limit_price", *take_profit);
                self.price("stop_trigger_price", *stop);
                self.end(now, terms.lifetime);
            }
            OrderShape::Twap(twap) => self.twap(now, terms, twap),
            OrderShape::Scaled(scaled) => self.scaled(terms, scaled),
        }
    }

    fn twap(&mut self, now: UnixNanos, terms: &OrderTerms, twap: &Twap) {
        self.size(terms.quantity);
        self.time("start_time", twap.start.unwrap_or(now));
        self.end(now, terms.lifetime);
        self.price("limit_price", twap.limit);
        let mut digits = itoa::Buffer::new();
        if let Some(slices) = twap.slices {
            self.text("number_buckets", digits.format(slices));
        }
        if let Some(size) = twap.slice_size {
            self.decimal("bucket_size", size, self.exponent(terms.quantity));
        }
        if let Some(seconds) = twap.slice_s {
            self.key("bucket_duration");
            self.out.push(b'"');
            self.out.extend_from_slice(digits.format(seconds).as_bytes());
            self.out.extend_from_slice(b"s\"");
        }
    }

    fn scaled(&mut self, terms: &OrderTerms, scaled: &Scaled) {
        if !scaled.stated.is_empty() {
            self.key("orders");
            self.out.push(b'[');
            for (place, part) in scaled.stated.iter().enumerate() {
                self.out.extend_from_slice(if place > 0 { b",{" } else { b"{" });
                self.first = true;
                self.size(part.quantity);
                self.price("limit_price", part.price);
                self.flag("post_only", part.post_only);
                self.out.push(b'}');
            }
            self.out.push(b']');
        }
        self.size(terms.quantity);
        self.key("num_orders");
        self.out.extend_from_slice(itoa::Buffer::new().format(scaled.parts).as_bytes());
        self.price("min_price", scaled.price_min);
        self.price("max_price", scaled.price_max);
        if let Some(spread) = scaled.prices {
            let name = match spread {
                Spread::Even => "FLAT",
                Spread::Increasing => "LINEAR_INCREASING",
                Spread::Decreasing => "LINEAR_DECREASING",
            };
            self.text("price_distribution", name);
        }
        if let Some(spread) = scaled.sizes {
            let name = match spread {
                Spread::Even => "EVENLY_SPLIT",
                Spread::Increasing => "INCREASING",
                Spread::Decreasing => "DECREASING",
            };
            self.text("size_distribution", name);
        }
        self.fixed("size_diff", scaled.size_difference);
        self.fixed("size_ratio", scaled.size_ratio);
    }

    /// The members beside the configuration.
    fn beside(&mut self, terms: &OrderTerms) {
        let options = match &terms.options {
            VenueOptions::Coinbase(options) => Some(options),
            _ => None,
        };
        if let Some(options) = options {
            self.fixed("leverage", options.leverage);
            if let Some(margin) = options.margin_type {
                let name = match margin {
                    MarginType::Cross => "CROSS",
                    MarginType::Isolated => "ISOLATED",
                };
                self.text("margin_type", name);
            }
            self.some("preview_id", options.preview_id.as_deref());
        }
        self.attached(&terms.exits);
        if let Some(options) = options {
            if let Some(routed) = options.smart_routing {
                self.text("sor_preference", if routed { "SOR_ENABLED" } else { "SOR_DISABLED" });
            }
            self.some("cost_basis_method", options.cost_basis_method.as_deref());
            self.some("retail_portfolio_id", options.portfolio_id.as_deref());
            self.some("self_trade_prevention_id", options.self_trade_prevention_id.as_deref());
        }
    }

    /// Exits have the size of what was filled: stating one is an error (ATTACHED_ORDER_SIZE_MUST_BE_NIL).
    fn attached(&mut self, exits: &Exits) {
        if exits.is_empty() {
            return;
        }
        self.key("attached_order_configuration");
        self.out.extend_from_slice(b"{\"trigger_bracket_gtc\":{");
        self.first = true;
        if let Some(price) = exits.take_profit {
            self.price("limit_price", price);
        }
        if let Some(StopLoss::At(price)) = exits.stop_loss {
            self.price("stop_trigger_price", price);
        }
        self.out.extend_from_slice(b"}}");
        self.first = false;
    }

    fn exponent(&self, quantity: OrderQuantity) -> i8 {
        match quantity {
            OrderQuantity::Base(_) => self.instrument.size_exponent,
            OrderQuantity::Quote(_) => self.instrument.quote_exponent,
        }
    }

    fn size(&mut self, quantity: OrderQuantity) {
        let key = match quantity {
            OrderQuantity::Base(_) => "base_size",
            OrderQuantity::Quote(_) => "quote_size",
        };
        self.decimal(key, quantity.mantissa(), self.exponent(quantity));
    }

    fn price(&mut self, key: &str, mantissa: i64) {
        self.decimal(key, mantissa, self.instrument.price_exponent);
    }

    fn fixed(&mut self, key: &str, value: Option<Fixed>) {
        if let Some(value) = value {
            self.decimal(key, value.mantissa(), value.exponent());
        }
    }

    fn decimal(&mut self, key: &str, mantissa: i64, exponent: i8) {
        self.key(key);
        self.out.push(b'"');
        put_decimal(self.out, mantissa, exponent);
        self.out.push(b'"');
    }

    fn end(&mut self, now: UnixNanos, lifetime: Lifetime) {
        if let Some(end) = lifetime.end(now) {
            self.time("end_time", end);
        }
    }

    fn time(&mut self, key: &str, time: UnixNanos) {
        self.key(key);
        self.out.push(b'"');
        format_rfc3339_us(time.0, self.out);
        self.out.push(b'"');
    }

    fn flag(&mut self, key: &str, value: bool) {
        self.key(key);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn some(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        put_json_string(self.out, value);
    }

    fn key(&mut self, key: &str) {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(b',');
        }
        put_json_string(self.out, key);
        self.out.push(b':');
    }
}

#[cfg(test)]
#[path = "composite_tests.rs"]
mod tests;
