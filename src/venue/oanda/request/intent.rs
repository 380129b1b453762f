//! Intents of the engine, and prepared orders, as orders of the venue.
//!
//! Owns which terms have a form here: said when an order is prepared ([`check_terms`]), so that submitting cannot fail
//! for it. A stop and a market-if-touched differ only in the side from which the price is reached (OANDA reference 4).

use super::{
    ByDistance, EntryKind, EntryOrder, Exit, Expiry, Labels, OnFill, PositionFill, StopLevel, TakeProfitAt,
    TriggerPrice,
};
use crate::record::{
    self, ClientLabels, Exits, Fixed, Lifetime, OnTrigger, OrderQuantity, OrderShape, OrderTerms, OrderType,
    PreparedOrder, Side, StopLoss, TimeInForce, Trigger, TriggerDirection, UnixNanos, VenueOptions,
};
use crate::venue::{PlaceIntent, ReplaceIntent};

/// Why an intent has no form here; nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// The venue is the only counterparty: there is no book to rest in first.
    #[error("OANDA has no post-only orders")]
    PostOnly,
    /// Units count the base.
    #[error("OANDA orders are sized in units of the base only")]
    QuoteQuantity,
    /// Market orders fill now or not at all (OANDA reference 4).
    #[error("OANDA market orders are fill-or-kill or immediate-or-cancel only")]
    MarketTimeInForce,
    /// Quantities and limit prices are positive.
    #[error("quantity and limit price must be positive")]
    NotPositive,
    /// Terms without a form.
    #[error("OANDA has no {0}")]
    Terms(&'static str),
}

/// The order an intent means, under our id; `now` is when an order that lives for so long begins.
///
/// # Errors
/// [`Unsupported`].
pub fn entry_order<'a>(now: UnixNanos, intent: &PlaceIntent<'a>) -> Result<EntryOrder<'a>, Unsupported> {
    let (exponents, id) = (intent.instrument.exponents(), intent.client_order_id.as_str());
    if let Some(prepared) = intent.composite {
        return of_terms(now, prepared.terms(), intent.instrument.symbol(), exponents, id);
    }
    let limit = intent.order_type == OrderType::Limit;
    if intent.quantity <= 0 || (limit && intent.price <= 0) {
        return Err(Unsupported::NotPositive);
    }
    if intent.post_only {
        return Err(Unsupported::PostOnly);
    }
    if intent.quantity_in_quote {
        return Err(Unsupported::QuoteQuantity);
    }
    let expiry = match intent.time_in_force {
        TimeInForce::GoodTilCancelled if limit => Expiry::GoodTilCancelled,
        TimeInForce::GoodTilCancelled => return Err(Unsupported::MarketTimeInForce),
        TimeInForce::ImmediateOrCancel => Expiry::ImmediateOrCancel,
        TimeInForce::FillOrKill => Expiry::FillOrKill,
    };
    let kind = match intent.order_type {
        OrderType::Limit => EntryKind::Limit { price: Fixed::new(intent.price, exponents.0) },
        OrderType::Market => EntryKind::Market { price_bound: None },
        // Its terms came with it, or it is none.
        OrderType::Composite => return Err(Unsupported::Terms("composite orders without terms")),
    };
    let order = EntryOrder::new(intent.instrument.symbol(), units(intent.side, intent.quantity, exponents.1), kind);
    Ok(EntryOrder { expiry, labels: Labels::id(id), ..order })
}

/// The limit order that takes the place of one that rests. The venue gives it another id, and without labels of its own
/// it keeps those of the old one (OANDA reference 4). Its units are all of the new quantity, and its lifetime is until
/// cancelled: what else the old one had is gone.
pub fn replacement<'a>(intent: &ReplaceIntent<'a>) -> EntryOrder<'a> {
    let (price_exponent, size_exponent) = intent.instrument.exponents();
    let kind = EntryKind::Limit { price: Fixed::new(intent.price, price_exponent) };
    EntryOrder::new(intent.instrument.symbol(), units(intent.side, intent.quantity, size_exponent), kind)
}

/// Whether prepared terms have a form here.
///
/// # Errors
/// [`Unsupported`] names what has none.
pub fn check_terms(order: &PreparedOrder) -> Result<(), Unsupported> {
    of_terms(UnixNanos(1), order.terms(), "", (0, 0), "").map(|_| ())
}

fn units(side: Side, quantity: i64, exponent: i8) -> Fixed {
    let signed = match side {
        Side::Buy => quantity,
        Side::Sell => quantity.saturating_neg(),
    };
    Fixed::new(signed, exponent)
}

fn of_terms<'a>(
    now: UnixNanos,
    terms: &'a OrderTerms,
    symbol: &'a str,
    (price_exponent, size_exponent): (i8, i8),
    id: &'a str,
) -> Result<EntryOrder<'a>, Unsupported> {
    let options = match &terms.options {
        VenueOptions::None => None,
        VenueOptions::Oanda(options) => Some(options),
        _ => return Err(Unsupported::Terms("use for another venue's options")),
    };
    let OrderQuantity::Base(quantity) = terms.quantity else { return Err(Unsupported::QuoteQuantity) };
    let price = |mantissa| Fixed::new(mantissa, price_exponent);
    let kind = match &terms.shape {
        OrderShape::Market { worst_price } => EntryKind::Market { price_bound: worst_price.map(price) },
        OrderShape::Limit { post_only: true, .. } => return Err(Unsupported::PostOnly),
        OrderShape::Limit { shown: Some(_), .. } => return Err(Unsupported::Terms("icebergs")),
        OrderShape::Limit { price: at, .. } => EntryKind::Limit { price: price(*at) },
        OrderShape::Triggered { then: OnTrigger::Limit { .. }, .. } => {
            return Err(Unsupported::Terms("orders that become limit orders"))
        }
        OrderShape::Triggered { trigger: Trigger::Trailing { .. }, .. } => {
            return Err(Unsupported::Terms("trailing orders but as exits of a trade"))
        }
        OrderShape::Triggered {
            trigger: Trigger::Price { at, direction },
            then: OnTrigger::Market { worst_price },
        } => {
            let (price, price_bound) = (price(*at), worst_price.map(price));
            // Towards worse it stops, towards better it takes what was hoped for.
            match (terms.side, direction) {
                (Side::Buy, TriggerDirection::Up) | (Side::Sell, TriggerDirection::Down) => {
                    EntryKind::Stop { price, price_bound }
                }
                _ => EntryKind::MarketIfTouched { price, price_bound },
            }
        }
        OrderShape::Bracket { .. } => {
            return Err(Unsupported::Terms("brackets of their own: attach exits to the order that opens"))
        }
        OrderShape::Twap(_) | OrderShape::Scaled(_) => return Err(Unsupported::Terms("sliced or scaled orders")),
    };
    let expiry = expiry(now, terms.lifetime);
    match kind {
        EntryKind::Market { .. } if expiry.rests() => return Err(Unsupported::MarketTimeInForce),
        EntryKind::MarketIfTouched { .. } if !expiry.rests() => {
            return Err(Unsupported::Terms("immediate market-if-touched orders"))
        }
        _ => {}
    }
    let mut order = EntryOrder {
        expiry,
        labels: Labels::id(id),
        on_fill: on_fill(now, &terms.exits, price_exponent)?,
        ..EntryOrder::new(symbol, units(terms.side, quantity, size_exponent), kind)
    };
    if let Some(options) = options {
        order.position_fill = position_fill(options.position_fill);
        order.trigger = trigger_price(options.trigger_price);
        order.labels = Labels { id: Some(id), ..labels(&options.order_labels) };
        order.trade_labels = labels(&options.trade_labels);
    }
    Ok(order)
}

fn expiry(now: UnixNanos, lifetime: Lifetime) -> Expiry {
    match lifetime {
        Lifetime::UntilCancelled => Expiry::GoodTilCancelled,
        Lifetime::ImmediateOrCancel => Expiry::ImmediateOrCancel,
        Lifetime::FillOrKill => Expiry::FillOrKill,
        Lifetime::Until(end) => Expiry::GoodTilDate(end),
        Lifetime::For { ms } => Expiry::GoodTilDate(now.plus_ms(ms)),
        Lifetime::Day => Expiry::GoodForDay,
    }
}

fn on_fill<'a>(now: UnixNanos, exits: &Exits, exponent: i8) -> Result<OnFill<'a>, Unsupported> {
    let expiry = expiry(now, exits.lifetime);
    if !exits.is_empty() && !expiry.rests() {
        return Err(Unsupported::Terms("exits that do not rest"));
    }
    let price = |mantissa| Fixed::new(mantissa, exponent);
    let exit = |level| Some(Exit { expiry, ..Exit::at(level) });
    let mut on_fill = OnFill {
        take_profit: exits.take_profit.map(|at| Exit { expiry, ..Exit::at(TakeProfitAt(price(at))) }),
        trailing_stop: exits.trailing_stop.map(|by| Exit { expiry, ..Exit::at(ByDistance(price(by))) }),
        ..OnFill::default()
    };
    match exits.stop_loss {
        None => {}
        Some(StopLoss::At(at)) => on_fill.stop_loss = exit(StopLevel::Price(price(at))),
        Some(StopLoss::Distance(by)) => on_fill.stop_loss = exit(StopLevel::Distance(price(by))),
        Some(StopLoss::GuaranteedAt(at)) => on_fill.guaranteed_stop = exit(StopLevel::Price(price(at))),
        Some(StopLoss::GuaranteedDistance(by)) => on_fill.guaranteed_stop = exit(StopLevel::Distance(price(by))),
    }
    Ok(on_fill)
}

fn position_fill(fill: Option<record::PositionFill>) -> PositionFill {
    match fill {
        None => PositionFill::Default,
        Some(record::PositionFill::OpenOnly) => PositionFill::OpenOnly,
        Some(record::PositionFill::ReduceFirst) => PositionFill::ReduceFirst,
        Some(record::PositionFill::ReduceOnly) => PositionFill::ReduceOnly,
    }
}

fn trigger_price(price: Option<record::TriggerPrice>) -> TriggerPrice {
    match price {
        None => TriggerPrice::Default,
        Some(record::TriggerPrice::Inverse) => TriggerPrice::Inverse,
        Some(record::TriggerPrice::Bid) => TriggerPrice::Bid,
        Some(record::TriggerPrice::Ask) => TriggerPrice::Ask,
        Some(record::TriggerPrice::Mid) => TriggerPrice::Mid,
    }
}

fn labels(labels: &ClientLabels) -> Labels<'_> {
    Labels { id: labels.id.as_deref(), tag: labels.tag.as_deref(), comment: labels.comment.as_deref() }
}
