//! Tick, lot and size limits of an order, checked exactly and before anything is sent.

use crate::record::{
    Instrument, OrderCommand, OrderShape, OrderType, PreparedOrder, TimeInForce, TradingStatus, Venue,
};

/// Why an order does not fit its instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IncrementError {
    /// The price is not a multiple of the tick.
    #[error("price off the tick")]
    OffTick,
    /// The quantity is not a multiple of the lot.
    #[error("quantity off the lot")]
    OffLot,
    /// Below the least order size or value.
    #[error("order too small")]
    TooSmall,
    /// Above the greatest order size.
    #[error("order too large")]
    TooLarge,
    /// The instrument takes no such order now.
    #[error("instrument takes no such order now")]
    NotTradable,
}

/// Checks every figure of a prepared order against its instrument as it is now.
///
/// # Errors
/// The first [`IncrementError`] found.
pub fn check_prepared(instrument: &Instrument, order: &PreparedOrder) -> Result<(), IncrementError> {
    let terms = order.terms();
    let mut on_tick = true;
    terms.each_price(|price| on_tick &= is_multiple(price, instrument.tick_mantissa()));
    if !on_tick {
        return Err(IncrementError::OffTick);
    }
    if terms.shown().is_some_and(|shown| !is_multiple(shown, instrument.lot_mantissa())) {
        return Err(IncrementError::OffLot);
    }
    let rests = terms.lifetime.rests() && !matches!(terms.shape, OrderShape::Market { .. });
    check(instrument, order.command(), terms.is_limit(), rests)
}

/// Checks a place command against its instrument. Division-free where the increment is 1, else two remainders.
///
/// # Errors
/// The first [`IncrementError`] found.
pub fn check_increments(instrument: &Instrument, order: &OrderCommand) -> Result<(), IncrementError> {
    let limit = order.order_type() == OrderType::Limit;
    check(instrument, order, limit, limit && order.tif() == TimeInForce::GoodTilCancelled)
}

/// Checks only whether the instrument takes such an order now: for venues whose own rules say the rest.
///
/// # Errors
/// [`IncrementError::NotTradable`].
pub fn check_status(instrument: &Instrument, limit: bool, post_only: bool) -> Result<(), IncrementError> {
    match instrument.listing.status {
        TradingStatus::Online | TradingStatus::Unknown => Ok(()),
        TradingStatus::LimitOnly if limit => Ok(()),
        TradingStatus::PostOnly if post_only => Ok(()),
        _ => Err(IncrementError::NotTradable),
    }
}

/// Whether the venue takes an order that is to rest while the market is closed (OANDA reference 10: pending orders may be
/// placed and changed then).
fn takes_while_closed(instrument: &Instrument, rests: bool) -> bool {
    rests && instrument.listing.venue == Venue::Oanda
}

fn check(instrument: &Instrument, order: &OrderCommand, limit: bool, rests: bool) -> Result<(), IncrementError> {
    if !takes_while_closed(instrument, rests) {
        check_status(instrument, limit, order.is_post_only())?;
    }
    if limit && !is_multiple(order.price(), instrument.tick_mantissa()) {
        return Err(IncrementError::OffTick);
    }
    let quantity = order.quantity();
    if order.is_quantity_in_quote() {
        if !is_multiple(quantity, instrument.quote_lot_mantissa()) {
            return Err(IncrementError::OffLot);
        }
        return at_least(quantity, instrument.quote_min_mantissa());
    }
    if !is_multiple(quantity, instrument.lot_mantissa()) {
        return Err(IncrementError::OffLot);
    }
    at_least(quantity, instrument.size_min_mantissa())?;
    let most = instrument.size_max_mantissa();
    if most > 0 && quantity > most {
        return Err(IncrementError::TooLarge);
    }
    if limit && i128::from(order.price()) * i128::from(quantity) < instrument.value_min_mantissa() {
        return Err(IncrementError::TooSmall);
    }
    Ok(())
}

fn is_multiple(value: i64, increment: i64) -> bool {
    increment <= 1 || value % increment == 0
}

fn at_least(value: i64, least: i64) -> Result<(), IncrementError> {
    if value < least {
        Err(IncrementError::TooSmall)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{
        AssetId, Fixed, InstrumentId, Lifetime, Listing, OnTrigger, OrderQuantity, OrderTerms, Side, Trigger,
        TriggerDirection,
    };

    fn instrument(status: TradingStatus) -> Instrument {
        let f = |t| Fixed::parse(t).unwrap();
        let listing = Listing {
            venue: Venue::Coinbase,
            symbol: "BTC-USD".into(),
            streamed_as: None,
            base: "BTC".into(),
            quote: "USD".into(),
            tick: f("0.01"),
            lot: f("0.00000001"),
            quote_lot: f("0.01"),
            size_min: f("0.0001"),
            size_max: f("3400"),
            notional_min: f("1"),
            status,
        };
        Instrument::new(InstrumentId(0), AssetId(0), AssetId(1), listing)
    }

    fn limit(price: &str, size: &str) -> OrderCommand {
        let at = |t: &str| Fixed::parse(t).unwrap().rescale(-8).unwrap();
        OrderCommand::limit(InstrumentId(0), Side::Buy, at(price), at(size))
    }

    #[test]
    fn only_orders_on_tick_lot_and_within_the_limits_pass() {
        let online = instrument(TradingStatus::Online);
        assert_eq!(check_increments(&online, &limit("60000.01", "0.001")), Ok(()));
        assert_eq!(check_increments(&online, &limit("60000.001", "0.001")), Err(IncrementError::OffTick));
        assert_eq!(check_increments(&online, &limit("60000", "0.00001")), Err(IncrementError::TooSmall));
        assert_eq!(check_increments(&online, &limit("100", "0.001")), Err(IncrementError::TooSmall));
        assert_eq!(check_increments(&online, &limit("60000", "3401")), Err(IncrementError::TooLarge));
        let quote = |cents: i64| OrderCommand::market_quote(InstrumentId(0), Side::Buy, cents * 1_000_000);
        assert_eq!(check_increments(&online, &quote(1_000)), Ok(()));
        assert_eq!(check_increments(&online, &quote(99)), Err(IncrementError::TooSmall));
    }

    #[test]
    fn what_rests_is_taken_in_a_closed_market_where_the_venue_takes_it() {
        let mut halted = instrument(TradingStatus::Halted);
        let resting = limit("60000", "0.001");
        assert_eq!(check_increments(&halted, &resting), Err(IncrementError::NotTradable));
        halted.listing.venue = Venue::Oanda;
        assert_eq!(check_increments(&halted, &resting), Ok(()));
        let now = resting.time_in_force(TimeInForce::FillOrKill);
        assert_eq!(check_increments(&halted, &now), Err(IncrementError::NotTradable));
        let market = OrderCommand::market(InstrumentId(0), Side::Sell, 100_000);
        assert_eq!(check_increments(&halted, &market), Err(IncrementError::NotTradable));
        let prepared = |shape, lifetime| {
            let quantity = OrderQuantity::Base(100_000);
            PreparedOrder::new(&halted, OrderTerms::new(Side::Sell, quantity, shape).living(lifetime)).unwrap()
        };
        let stop = OrderShape::Triggered {
            trigger: Trigger::Price { at: 5_000_000_000_000, direction: TriggerDirection::Down },
            then: OnTrigger::Market { worst_price: None },
        };
        assert_eq!(check_prepared(&halted, &prepared(stop, Lifetime::UntilCancelled)), Ok(()));
        let market = OrderShape::Market { worst_price: None };
        let market = check_prepared(&halted, &prepared(market, Lifetime::FillOrKill));
        assert_eq!(market, Err(IncrementError::NotTradable));
    }

    #[test]
    fn the_trading_status_decides_what_is_taken() {
        let market = OrderCommand::market(InstrumentId(0), Side::Sell, 100_000);
        let resting = limit("60000", "0.001");
        for (status, limit_ok, post_ok, market_ok) in [
            (TradingStatus::Online, true, true, true),
            (TradingStatus::LimitOnly, true, true, false),
            (TradingStatus::PostOnly, false, true, false),
            (TradingStatus::CancelOnly, false, false, false),
            (TradingStatus::Halted, false, false, false),
        ] {
            let i = instrument(status);
            assert_eq!(check_increments(&i, &resting).is_ok(), limit_ok, "{status:?}");
            assert_eq!(check_increments(&i, &resting.post_only()).is_ok(), post_ok, "{status:?}");
            assert_eq!(check_increments(&i, &market).is_ok(), market_ok, "{status:?}");
        }
    }
}
