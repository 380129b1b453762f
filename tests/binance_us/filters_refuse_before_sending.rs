//! The filters of a Binance.US symbol are the venue's own, checked here: what fails one is refused by its name and never
//! leaves.

use crate::binance_us::BinanceRig;
use exchange_connectors::record::{
    ExecutionKind as K, ExecutionRecord, Fixed, OnTrigger, OrderCommand, OrderQuantity, OrderShape, OrderTerms,
    PreparedOrder, RejectClass, Side, TrailingDistance, Trigger, TriggerDirection,
};
use exchange_connectors::sim::binance_us::Config;

fn refused(rig: &mut BinanceRig, command: OrderCommand) -> ExecutionRecord {
    let request = rig.submit(command);
    rig.expect(request, K::Rejected)
}

fn prepared(rig: &mut BinanceRig, shape: OrderShape) -> OrderCommand {
    let size = rig.size("0.01");
    let terms = OrderTerms::new(Side::Sell, OrderQuantity::Base(size), shape);
    let prepared = PreparedOrder::new(&rig.btc, terms).unwrap();
    OrderCommand::prepared(rig.strategy.orders.prepare(prepared).unwrap())
}

#[test]
fn every_filter_refuses_by_its_name_and_nothing_leaves() {
    let mut rig = BinanceRig::trading(|config| config);
    let cents = Fixed::parse("0.99").unwrap().rescale(rig.btc.quote_exponent).unwrap();
    let iceberg = OrderShape::Limit { price: rig.price("90000"), post_only: false, shown: Some(rig.size("0.0005")) };
    let trailing = Trigger::Trailing {
        distance: TrailingDistance::BasisPoints(2_001),
        activation: None,
        direction: TriggerDirection::Down,
    };
    let trailing = OrderShape::Triggered { trigger: trailing, then: OnTrigger::Market { worst_price: None } };
    let (iceberg, trailing) = (prepared(&mut rig, iceberg), prepared(&mut rig, trailing));
    for (command, class, filter) in [
        (rig.limit(Side::Buy, "50000.001", "0.01"), RejectClass::InvalidPrice, "PRICE_FILTER"),
        (rig.limit(Side::Buy, "1000000.01", "0.01"), RejectClass::InvalidPrice, "PRICE_FILTER"),
        (rig.limit(Side::Buy, "50000", "0.000015"), RejectClass::InvalidSize, "LOT_SIZE"),
        (rig.limit(Side::Buy, "50000", "9001"), RejectClass::InvalidSize, "LOT_SIZE"),
        (rig.limit(Side::Buy, "50000", "0.00001"), RejectClass::InvalidSize, "NOTIONAL"),
        (OrderCommand::market_quote(rig.btc.id, Side::Buy, cents), RejectClass::InvalidSize, "NOTIONAL"),
        (OrderCommand::market(rig.btc.id, Side::Buy, rig.size("11")), RejectClass::InvalidSize, "MARKET_LOT_SIZE"),
        (iceberg, RejectClass::InvalidSize, "ICEBERG_PARTS"),
        (trailing, RejectClass::InvalidPrice, "TRAILING_DELTA"),
    ] {
        let told = refused(&mut rig, command);
        assert_eq!((told.reject, told.venue_code.as_str()), (class, format!("filter {filter}").as_str()));
        assert!(!told.sent.is_some(), "{told:?}");
    }
    assert_eq!(rig.venue.requests("WS order.place").unwrap(), 0);
    let good = rig.submit(rig.resting_bid());
    rig.expect(good, K::Accepted);
}

#[test]
fn prices_far_from_the_average_are_refused_once_the_average_is_known() {
    let mut rig = BinanceRig::trading(|config| config);
    let far = rig.limit(Side::Buy, "100", "0.1");
    let mut told = refused(&mut rig, far);
    // Before that, the venue refuses it: its own words say so.
    while told.venue_code.as_str() != "filter PERCENT_PRICE" {
        assert_eq!(told.venue_code.as_str(), "-1013 Filter failure: PERCENT_PR");
        told = refused(&mut rig, far);
    }
    assert_eq!((told.reject, told.sent.is_some()), (RejectClass::PriceBand, false));
    assert!(rig.venue.requests("GET /api/v3/avgPrice").unwrap() >= 1);
}

#[test]
fn what_a_symbol_does_not_take_is_refused_here() {
    let mut rig = BinanceRig::trading(|config| config);
    let bracket =
        OrderShape::Bracket { take_profit: rig.price("90000.001"), stop: rig.price("70000"), stop_limit: None };
    let command = prepared(&mut rig, bracket);
    let told = refused(&mut rig, command);
    assert_eq!(told.venue_code.as_str(), "filter PRICE_FILTER", "each leg is judged as the order it is");
}

#[test]
fn conditional_orders_and_icebergs_are_counted_as_long_as_they_are_open() {
    let limit = |config: &mut Config| {
        for symbol in &mut config.symbols {
            symbol.filters.algo_orders_max = 2;
            symbol.filters.iceberg_orders_max = Some(1);
        }
    };
    let mut rig = BinanceRig::trading_at(limit, |builder| builder, |config| config);
    let trigger = Trigger::Price { at: rig.price("70000"), direction: TriggerDirection::Down };
    let stop = OrderShape::Triggered { trigger, then: OnTrigger::Market { worst_price: None } };
    let bracket = OrderShape::Bracket { take_profit: rig.price("90000"), stop: rig.price("70000"), stop_limit: None };
    let iceberg = OrderShape::Limit { price: rig.price("90000"), post_only: false, shown: Some(rig.size("0.005")) };
    let [stop, bracket, iceberg] = [stop, bracket, iceberg].map(|shape| prepared(&mut rig, shape));
    let first = rig.submit(stop);
    rig.expect(first, K::Accepted);
    let pair = rig.submit(bracket);
    rig.expect(pair, K::Accepted);
    let shown = rig.submit(iceberg);
    rig.expect(shown, K::Accepted);
    for (command, filter) in
        [(stop, "MAX_NUM_ALGO_ORDERS"), (bracket, "MAX_NUM_ALGO_ORDERS"), (iceberg, "MAX_NUM_ICEBERG_ORDERS")]
    {
        let told = refused(&mut rig, command);
        assert_eq!((told.reject, told.venue_code.as_str()), (RejectClass::Limit, format!("filter {filter}").as_str()));
        assert!(!told.sent.is_some(), "{told:?}");
    }
    let plain = rig.submit(rig.resting_bid());
    rig.expect(plain, K::Accepted);
    for over in [first, shown] {
        rig.submit(rig.cancel_of(over));
        rig.expect(over, K::Cancelled);
    }
    for again in [stop, iceberg] {
        let again = rig.submit(again);
        rig.expect(again, K::Accepted);
    }
}
