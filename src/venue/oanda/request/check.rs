//! Whether an order fits its instrument: what the venue would refuse is refused here, before anything is sent.
//!
//! Owns the account's rules of precision, size and distance (OANDA reference 2, 3) and of what goes with what
//! (reference 4). Pure; costs a few divisions. Never judges prices against the market.

use super::order::Level;
use super::{ByDistance, EntryKind, EntryOrder, Exit, ExitKind, ExitOrder, Expiry, Labels, OnFill, StopLevel};
use crate::record::{Fixed, Fixed128, RejectClass};
use crate::venue::oanda::limits::LABEL_CHARS_MAX;
use crate::venue::oanda::products::{GuaranteedStops, InstrumentRules};

/// Why an order is refused. The venue's own name for the reason is in [`CheckError::code`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// Zero units.
    #[error("units must not be zero")]
    NoUnits,
    /// More decimals than the instrument's units have.
    #[error("units have more decimals than the instrument's")]
    UnitsPrecision,
    /// Fewer units than the least.
    #[error("fewer units than the instrument's minimum")]
    UnitsMinimum,
    /// More units than the most.
    #[error("more units than the instrument's maximum")]
    UnitsLimit,
    /// A price or distance that is not positive.
    #[error("{0} must be positive")]
    NotPositive(&'static str),
    /// More decimals than the instrument's prices have.
    #[error("{0} has more decimals than the instrument's prices")]
    PricePrecision(&'static str),
    /// A lifetime this kind of order cannot have.
    #[error("{0} cannot have this time in force")]
    TimeInForce(&'static str),
    /// A moment that is no moment.
    #[error("an order until a moment needs the moment")]
    NoMoment,
    /// A trailing or guaranteed stop too close.
    #[error("the {0} distance is below the instrument's minimum")]
    DistanceMinimum(&'static str),
    /// A trailing stop too far away.
    #[error("the {0} distance is above the instrument's maximum")]
    DistanceMaximum(&'static str),
    /// Guaranteed stops are not offered here.
    #[error("guaranteed stops are not offered for this instrument and account")]
    NoGuaranteedStops,
    /// A guaranteed stop is needed here.
    #[error("this instrument and account require a guaranteed stop")]
    GuaranteedStopRequired,
    /// A stop and a guaranteed stop exclude each other.
    #[error("a stop-loss and a guaranteed stop-loss exclude each other")]
    TwoStops,
    /// A label that is empty or too long.
    #[error("client ids, tags and comments have 1 to {LABEL_CHARS_MAX} characters")]
    Label,
}

impl CheckError {
    /// Its class in our vocabulary.
    pub const fn class(&self) -> RejectClass {
        match self {
            CheckError::NoUnits | CheckError::UnitsPrecision | CheckError::UnitsMinimum | CheckError::UnitsLimit => {
                RejectClass::InvalidSize
            }
            CheckError::NotPositive(_)
            | CheckError::PricePrecision(_)
            | CheckError::DistanceMinimum(_)
            | CheckError::DistanceMaximum(_) => RejectClass::InvalidPrice,
            CheckError::TimeInForce(_) | CheckError::NoMoment | CheckError::Label => RejectClass::Malformed,
            CheckError::NoGuaranteedStops | CheckError::TwoStops => RejectClass::Unsupported,
            CheckError::GuaranteedStopRequired => RejectClass::Limit,
        }
    }

    /// What the venue would say, nearly.
    pub const fn code(&self) -> &'static str {
        match self {
            CheckError::NoUnits => "UNITS_INVALID",
            CheckError::UnitsPrecision => "UNITS_PRECISION_EXCEEDED",
            CheckError::UnitsMinimum => "UNITS_MINIMUM_NOT_MET",
            CheckError::UnitsLimit => "UNITS_LIMIT_EXCEEDED",
            CheckError::NotPositive(_) => "PRICE_INVALID",
            CheckError::PricePrecision(_) => "PRICE_PRECISION_EXCEEDED",
            CheckError::TimeInForce(_) => "TIME_IN_FORCE_INVALID",
            CheckError::NoMoment => "TIME_IN_FORCE_GTD_TIMESTAMP_MISSING",
            CheckError::DistanceMinimum(_) => "PRICE_DISTANCE_MINIMUM_NOT_MET",
            CheckError::DistanceMaximum(_) => "PRICE_DISTANCE_MAXIMUM_EXCEEDED",
            CheckError::NoGuaranteedStops => "GUARANTEED_STOP_LOSS_ORDER_NOT_ALLOWED",
            CheckError::GuaranteedStopRequired => "GUARANTEED_STOP_LOSS_ON_FILL_REQUIRED",
            CheckError::TwoStops => "ORDERS_ON_FILL_RMO_MUTUAL_EXCLUSIVITY",
            CheckError::Label => "CLIENT_ORDER_ID_INVALID",
        }
    }
}

type Checked = Result<(), CheckError>;

/// Checks an order that can open a trade.
///
/// # Errors
/// The first [`CheckError`] found.
pub fn check(order: &EntryOrder<'_>, rules: &InstrumentRules) -> Checked {
    units(order.units, rules)?;
    let (price, bound) = match order.kind {
        EntryKind::Market { price_bound } => (None, price_bound),
        EntryKind::Limit { price } => (Some(price), None),
        EntryKind::Stop { price, price_bound } | EntryKind::MarketIfTouched { price, price_bound } => {
            (Some(price), price_bound)
        }
    };
    for (what, value) in [("price", price), ("priceBound", bound)] {
        if let Some(value) = value {
            a_price(what, value, rules)?;
        }
    }
    let (what, allowed) = match order.kind {
        EntryKind::Market { .. } => ("a market order", !order.expiry.rests()),
        EntryKind::MarketIfTouched { .. } => ("a market-if-touched order", order.expiry.rests()),
        // No restriction is documented (OANDA reference 4).
        EntryKind::Limit { .. } | EntryKind::Stop { .. } => ("", true),
    };
    expiry(what, order.expiry, allowed)?;
    labels(&order.labels)?;
    labels(&order.trade_labels)?;
    on_fill(&order.on_fill, rules)
}

/// Checks an order that closes a trade of the instrument.
///
/// # Errors
/// The first [`CheckError`] found.
pub fn check_exit(order: &ExitOrder<'_>, rules: &InstrumentRules) -> Checked {
    expiry("an exit", order.expiry, order.expiry.rests())?;
    labels(&order.labels)?;
    match &order.kind {
        ExitKind::TakeProfit(level) => levels("price", level, rules),
        ExitKind::StopLoss(level) => levels("stop", level, rules),
        ExitKind::GuaranteedStopLoss(level) => guaranteed(level, rules),
        ExitKind::TrailingStopLoss(level) => trailing(level, rules),
    }
}

/// Checks the units of a partial close; they are positive on either side.
///
/// # Errors
/// [`CheckError::NoUnits`], [`CheckError::UnitsPrecision`].
pub fn check_close(close: Fixed, rules: &InstrumentRules) -> Checked {
    if close.mantissa() <= 0 {
        return Err(CheckError::NoUnits);
    }
    places(close, rules.trade_units_precision, CheckError::UnitsPrecision)
}

fn units(units: Fixed, rules: &InstrumentRules) -> Checked {
    if units.is_zero() {
        return Err(CheckError::NoUnits);
    }
    places(units, rules.trade_units_precision, CheckError::UnitsPrecision)?;
    let size = Fixed128::new(i128::from(units.mantissa()).saturating_abs(), units.exponent());
    if less(size, rules.units_min.into()) {
        return Err(CheckError::UnitsMinimum);
    }
    if !rules.units_max.is_zero() && less(rules.units_max.into(), size) {
        return Err(CheckError::UnitsLimit);
    }
    Ok(())
}

fn a_price(what: &'static str, price: Fixed, rules: &InstrumentRules) -> Checked {
    if price.mantissa() <= 0 {
        return Err(CheckError::NotPositive(what));
    }
    places(price, rules.display_precision, CheckError::PricePrecision(what))
}

fn expiry(what: &'static str, expiry: Expiry, allowed: bool) -> Checked {
    match expiry {
        _ if !allowed => Err(CheckError::TimeInForce(what)),
        Expiry::GoodTilDate(moment) if !moment.is_some() => Err(CheckError::NoMoment),
        _ => Ok(()),
    }
}

fn on_fill(exits: &OnFill<'_>, rules: &InstrumentRules) -> Checked {
    if let Some(exit) = &exits.take_profit {
        attached(exit)?;
        levels("take-profit price", &exit.level, rules)?;
    }
    if let Some(exit) = &exits.stop_loss {
        attached(exit)?;
        levels("stop", &exit.level, rules)?;
    }
    if let Some(exit) = &exits.guaranteed_stop {
        attached(exit)?;
        guaranteed(&exit.level, rules)?;
        if exits.stop_loss.is_some() {
            return Err(CheckError::TwoStops);
        }
    } else if rules.guaranteed_stops == GuaranteedStops::Required {
        return Err(CheckError::GuaranteedStopRequired);
    }
    if let Some(exit) = &exits.trailing_stop {
        attached(exit)?;
        trailing(&exit.level, rules)?;
    }
    Ok(())
}

fn attached<L>(exit: &Exit<'_, L>) -> Checked {
    expiry("an exit", exit.expiry, exit.expiry.rests())?;
    labels(&exit.labels)
}

fn levels(what: &'static str, level: &impl Level, rules: &InstrumentRules) -> Checked {
    let mut checked = Ok(());
    level.each(|_, value| checked = checked.and_then(|()| a_price(what, value, rules)));
    checked
}

fn guaranteed(level: &StopLevel, rules: &InstrumentRules) -> Checked {
    if rules.guaranteed_stops == GuaranteedStops::Disabled {
        return Err(CheckError::NoGuaranteedStops);
    }
    levels("guaranteed stop", level, rules)?;
    match (level, rules.guaranteed_distance_min) {
        (StopLevel::Distance(distance), Some(least)) if less((*distance).into(), least.into()) => {
            Err(CheckError::DistanceMinimum("guaranteed stop"))
        }
        _ => Ok(()),
    }
}

fn trailing(level: &ByDistance, rules: &InstrumentRules) -> Checked {
    levels("trailing stop", level, rules)?;
    let distance = Fixed128::from(level.0);
    if less(distance, rules.trailing_min.into()) {
        return Err(CheckError::DistanceMinimum("trailing stop"));
    }
    if !rules.trailing_max.is_zero() && less(rules.trailing_max.into(), distance) {
        return Err(CheckError::DistanceMaximum("trailing stop"));
    }
    Ok(())
}

fn labels(labels: &Labels<'_>) -> Checked {
    let fits = |label: &str| (1..=LABEL_CHARS_MAX).contains(&label.chars().count());
    match [labels.id, labels.tag, labels.comment].into_iter().flatten().all(fits) {
        true => Ok(()),
        false => Err(CheckError::Label),
    }
}

/// No digit finer than so many places: zeros behind are no digits, since they are not sent.
fn places(value: Fixed, most: u8, error: CheckError) -> Checked {
    let exponent = i8::try_from(most).unwrap_or(i8::MAX).saturating_neg();
    match value.rescale(exponent) {
        Err(crate::record::DecimalError::TooFine) => Err(error),
        // One too large for that exponent has no finer digit.
        _ => Ok(()),
    }
}

/// `a < b`; amounts that cannot be compared are none we would send.
fn less(a: Fixed128, b: Fixed128) -> bool {
    a.checked_sub(b).map_or(true, |difference| difference.mantissa() < 0)
}

#[cfg(test)]
mod tests {
    use super::super::{OrderSpecifier, TakeProfitAt};
    use super::*;
    use crate::record::UnixNanos;
    use crate::venue::oanda::testing::{fixed, rules};

    fn limit<'a>(units: &str, price: &str) -> EntryOrder<'a> {
        EntryOrder::new("EUR_USD", fixed(units), EntryKind::Limit { price: fixed(price) })
    }

    #[test]
    fn precision_and_limits_are_those_of_the_row() {
        let rules = rules("EUR_USD");
        assert_eq!(check(&limit("1", "1.20000"), &rules), Ok(()));
        assert_eq!(check(&limit("-100000000", "1.2"), &rules), Ok(()));
        // Zeros behind the last place are not sent.
        assert_eq!(check(&limit("1.0", "1.2000000"), &rules), Ok(()));
        for (units, price, error) in [
            ("0", "1.2", CheckError::NoUnits),
            ("1.5", "1.2", CheckError::UnitsPrecision),
            ("-1.5", "1.2", CheckError::UnitsPrecision),
            ("100000001", "1.2", CheckError::UnitsLimit),
            ("-100000001", "1.2", CheckError::UnitsLimit),
            ("1", "1.336876", CheckError::PricePrecision("price")),
            ("1", "0", CheckError::NotPositive("price")),
            ("1", "-1", CheckError::NotPositive("price")),
        ] {
            assert_eq!(check(&limit(units, price), &rules), Err(error), "{units} at {price}");
        }
        let finer = InstrumentRules { trade_units_precision: 2, units_min: fixed("0.1"), ..rules };
        assert_eq!(check(&limit("0.25", "1.2"), &finer), Ok(()));
        assert_eq!(check(&limit("0.05", "1.2"), &finer), Err(CheckError::UnitsMinimum));
    }

    #[test]
    fn each_kind_has_its_lifetimes() {
        let rules = rules("EUR_USD");
        let market = EntryOrder::new("EUR_USD", fixed("1"), EntryKind::Market { price_bound: Some(fixed("1.3")) });
        let touched = EntryKind::MarketIfTouched { price: fixed("1.2"), price_bound: None };
        let touched = EntryOrder::new("EUR_USD", fixed("1"), touched);
        let with = |order: EntryOrder<'static>, expiry| check(&EntryOrder { expiry, ..order }, &rules).is_ok();
        let date = Expiry::GoodTilDate(UnixNanos(1));
        for (expiry, immediate) in [
            (Expiry::FillOrKill, true),
            (Expiry::ImmediateOrCancel, true),
            (Expiry::GoodTilCancelled, false),
            (Expiry::GoodForDay, false),
            (date, false),
        ] {
            assert_eq!(with(market, expiry), immediate, "{expiry:?}");
            assert_eq!(with(touched, expiry), !immediate, "{expiry:?}");
            assert!(with(limit("1", "1.2"), expiry), "{expiry:?}");
        }
        let never = EntryOrder { expiry: Expiry::GoodTilDate(UnixNanos::NONE), ..limit("1", "1.2") };
        assert_eq!(check(&never, &rules), Err(CheckError::NoMoment));
    }

    #[test]
    fn exits_obey_distances_and_guaranteed_modes() {
        let base = rules("EUR_USD");
        let on_fill = |on_fill| EntryOrder { on_fill, ..limit("1", "1.2") };
        let trailing =
            |text| on_fill(OnFill { trailing_stop: Some(Exit::at(ByDistance(fixed(text)))), ..OnFill::default() });
        assert_eq!(check(&trailing("0.00500"), &base), Ok(()));
        assert_eq!(check(&trailing("0.0004"), &base), Err(CheckError::DistanceMinimum("trailing stop")));
        assert_eq!(check(&trailing("1.5"), &base), Err(CheckError::DistanceMaximum("trailing stop")));
        assert_eq!(check(&trailing("0.000501"), &base), Err(CheckError::PricePrecision("trailing stop")));
        let stop = |level| on_fill(OnFill { guaranteed_stop: Some(Exit::at(level)), ..OnFill::default() });
        let near = stop(StopLevel::Distance(fixed("0.001")));
        assert_eq!(check(&near, &base), Err(CheckError::NoGuaranteedStops));
        let guaranteed_distance_min = Some(fixed("0.002"));
        let allowed =
            InstrumentRules { guaranteed_stops: GuaranteedStops::Allowed, guaranteed_distance_min, ..base.clone() };
        assert_eq!(check(&near, &allowed), Err(CheckError::DistanceMinimum("guaranteed stop")));
        assert_eq!(check(&stop(StopLevel::Price(fixed("1.1"))), &allowed), Ok(()));
        let both = on_fill(OnFill {
            guaranteed_stop: Some(Exit::at(StopLevel::Price(fixed("1.1")))),
            stop_loss: Some(Exit::at(StopLevel::Price(fixed("1.1")))),
            ..OnFill::default()
        });
        assert_eq!(check(&both, &allowed), Err(CheckError::TwoStops));
        let required = InstrumentRules { guaranteed_stops: GuaranteedStops::Required, ..base.clone() };
        assert_eq!(check(&limit("1", "1.2"), &required), Err(CheckError::GuaranteedStopRequired));
        let fleeting = Exit { expiry: Expiry::FillOrKill, ..Exit::at(TakeProfitAt(fixed("1.3"))) };
        let fleeting = on_fill(OnFill { take_profit: Some(fleeting), ..OnFill::default() });
        assert_eq!(check(&fleeting, &base), Err(CheckError::TimeInForce("an exit")));
    }

    #[test]
    fn exits_of_a_trade_and_closes_are_checked_alike() {
        let rules = rules("EUR_USD");
        let exit = |kind| ExitOrder {
            trade: OrderSpecifier::Id("1"),
            kind,
            expiry: Expiry::GoodTilCancelled,
            trigger: super::super::TriggerPrice::Default,
            labels: Labels::default(),
        };
        assert_eq!(check_exit(&exit(ExitKind::TakeProfit(TakeProfitAt(fixed("1.21")))), &rules), Ok(()));
        let fine = exit(ExitKind::StopLoss(StopLevel::Distance(fixed("0.000001"))));
        assert_eq!(check_exit(&fine, &rules), Err(CheckError::PricePrecision("stop")));
        assert_eq!(check_close(fixed("10"), &rules), Ok(()));
        assert_eq!(check_close(fixed("-10"), &rules), Err(CheckError::NoUnits));
        assert_eq!(check_close(fixed("1.5"), &rules), Err(CheckError::UnitsPrecision));
    }

    #[test]
    fn labels_have_1_to_128_characters() {
        let rules = rules("EUR_USD");
        let (longest, longer) = ("ü".repeat(128), "ü".repeat(129));
        let labelled = |id| check(&EntryOrder { labels: Labels::id(id), ..limit("1", "1.2") }, &rules);
        assert_eq!(labelled(&longest), Ok(()));
        assert_eq!(labelled(&longer), Err(CheckError::Label));
        assert_eq!(labelled(""), Err(CheckError::Label));
    }
}
