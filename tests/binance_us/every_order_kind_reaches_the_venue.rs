//! Each kind of order reaches Binance.US as what it was meant to be: the local venue, which was written from the reference
//! alone, says what it understood. A pair of orders is told as the one order it was asked for.

use crate::binance_us::BinanceRig;
use crate::common::decimal;
use exchange_connectors::record::{
    BinanceUsOptions, ExecutionKind as K, ExecutionRecord, Lifetime, OnTrigger, OrderCommand, OrderQuantity,
    OrderShape, OrderTerms, PreparedOrder, RequestId, SelfTradePrevention, Side, TimeInForce, TrailingDistance,
    Trigger, TriggerDirection, VenueOptions,
};
use exchange_connectors::sim::binance_us::{SeenOrder, Side as VenueSide};

fn rig() -> BinanceRig {
    BinanceRig::trading(|config| config)
}

fn prepared(rig: &mut BinanceRig, terms: OrderTerms) -> RequestId {
    let prepared = PreparedOrder::new(&rig.btc, terms).unwrap();
    let slot = rig.strategy.orders.prepare(prepared).unwrap();
    rig.submit(OrderCommand::prepared(slot))
}

fn seen(rig: &BinanceRig, record: &ExecutionRecord) -> SeenOrder {
    rig.venue.order_details(record.client_order_id.as_str()).unwrap().unwrap()
}

/// Places an order that rests, asks the venue what it is, and cancels it.
fn rests(rig: &mut BinanceRig, terms: OrderTerms) -> SeenOrder {
    let request = prepared(rig, terms);
    let accepted = rig.expect(request, K::Accepted);
    let seen = seen(rig, &accepted);
    rig.submit(rig.cancel_of(request));
    rig.expect(request, K::Cancelled);
    assert_eq!(rig.law(request), [K::Accepted, K::Cancelled]);
    seen
}

fn of(seen: &SeenOrder) -> [&str; 3] {
    [seen.kind, seen.time_in_force, seen.status]
}

fn size(rig: &BinanceRig, text: &str) -> OrderQuantity {
    OrderQuantity::Base(rig.size(text))
}

/// The local market's best bid and ask in whole dollars.
fn touch(rig: &BinanceRig) -> (i64, i64) {
    use rust_decimal::prelude::ToPrimitive;
    let (bid, ask) = rig.venue.best("BTCUSD").unwrap();
    (bid.unwrap().floor().to_i64().unwrap(), ask.unwrap().ceil().to_i64().unwrap())
}

#[test]
fn limit_orders_with_each_time_in_force() {
    let mut rig = rig();
    let bid = rig.resting_bid();
    for (command, kind, tif, end) in [
        (bid, "LIMIT", "GTC", None),
        (bid.post_only(), "LIMIT_MAKER", "GTC", None),
        (bid.time_in_force(TimeInForce::ImmediateOrCancel), "LIMIT", "IOC", Some(K::Expired)),
        (bid.time_in_force(TimeInForce::FillOrKill), "LIMIT", "FOK", Some(K::Expired)),
    ] {
        let request = rig.submit(command);
        let accepted = rig.expect(request, K::Accepted);
        assert_eq!(of(&seen(&rig, &accepted))[..2], [kind, tif]);
        match end {
            None => {
                rig.submit(rig.cancel_of(request));
                rig.expect(request, K::Cancelled);
            }
            Some(end) => {
                rig.expect(request, end);
                assert_eq!(rig.law(request), [K::Accepted, end]);
            }
        }
    }
}

#[test]
fn a_post_only_order_that_would_take_is_refused() {
    let mut rig = rig();
    let (_, ask) = touch(&rig);
    let request = rig.submit(rig.limit(Side::Buy, &(ask + 10).to_string(), "0.01").post_only());
    let rejected = rig.expect(request, K::Rejected);
    assert_eq!(rejected.reject, exchange_connectors::record::RejectClass::WouldTake, "{rejected:?}");
}

#[test]
fn market_orders_by_quantity_and_by_quote_quantity() {
    let mut rig = rig();
    let quantity = rig.size("0.01");
    let request = rig.submit(OrderCommand::market(rig.btc.id, Side::Buy, quantity));
    let end = rig.expect(request, K::Filled);
    assert_eq!((of(&seen(&rig, &end))[0], end.cumulative().to_string()), ("MARKET", "0.01".into()));
    let quote = exchange_connectors::record::Fixed::parse("500").unwrap().rescale(rig.btc.quote_exponent).unwrap();
    let request = rig.submit(OrderCommand::market_quote(rig.btc.id, Side::Sell, quote));
    // What does not make a whole step is left over: the venue says how it ended.
    let end = rig
        .until("its end", |rig| rig.executions.iter().find(|r| r.request == request && r.kind.is_terminal()).copied());
    let order = seen(&rig, &end);
    assert_eq!((order.kind, order.quote_quantity), ("MARKET", decimal("500")));
    let fills = rig.executions.iter().filter(|r| r.request == request && r.kind == K::Fill);
    let sum: rust_decimal::Decimal = fills.map(|r| decimal(&r.quantity().to_string())).sum();
    assert!(sum > decimal("0") && sum == order.executed, "{sum} of {order:?}");
}

#[test]
fn every_trigger_has_its_kind() {
    let mut rig = rig();
    let (bid, ask) = touch(&rig);
    let (below, above) = ((bid - 1_000).to_string(), (ask + 1_000).to_string());
    let at = |rig: &BinanceRig, price: &str, direction| Trigger::Price { at: rig.price(price), direction };
    let market = OnTrigger::Market { worst_price: None };
    for (side, price, direction, kind) in [
        (Side::Buy, &above, TriggerDirection::Up, "STOP_LOSS"),
        (Side::Sell, &below, TriggerDirection::Down, "STOP_LOSS"),
        (Side::Buy, &below, TriggerDirection::Down, "TAKE_PROFIT"),
        (Side::Sell, &above, TriggerDirection::Up, "TAKE_PROFIT"),
    ] {
        let trigger = at(&rig, price, direction);
        let limit = OnTrigger::Limit { price: rig.price(price), shown: None };
        for (then, kind, limit_price) in
            [(market, kind.to_owned(), None), (limit, format!("{kind}_LIMIT"), Some(decimal(price)))]
        {
            let terms = OrderTerms::new(side, size(&rig, "0.01"), OrderShape::Triggered { trigger, then });
            let seen = rests(&mut rig, terms);
            assert_eq!((seen.kind, seen.status), (kind.as_str(), "NEW"));
            assert_eq!((seen.stop_price, seen.price), (Some(decimal(price)), limit_price));
        }
    }
}

#[test]
fn trailing_triggers_icebergs_and_self_trade_prevention() {
    let mut rig = rig();
    let trigger = Trigger::Trailing {
        distance: TrailingDistance::BasisPoints(150),
        activation: None,
        direction: TriggerDirection::Down,
    };
    let shape = OrderShape::Triggered { trigger, then: OnTrigger::Market { worst_price: None } };
    let terms = OrderTerms::new(Side::Sell, size(&rig, "0.01"), shape);
    let trailing = rests(&mut rig, terms);
    assert_eq!((trailing.kind, trailing.trailing_delta), ("STOP_LOSS", Some(150)));

    let shape = OrderShape::Limit { price: rig.price("50000"), post_only: false, shown: Some(rig.size("0.002")) };
    let options = BinanceUsOptions {
        self_trade_prevention: Some(SelfTradePrevention::ExpireBoth),
        ..BinanceUsOptions::default()
    };
    let terms = OrderTerms::new(Side::Buy, size(&rig, "0.01"), shape).with_options(VenueOptions::BinanceUs(options));
    let iceberg = rests(&mut rig, terms);
    assert_eq!((iceberg.kind, iceberg.shown), ("LIMIT", Some(decimal("0.002"))));
    assert_eq!(iceberg.self_trade, "EXPIRE_BOTH");

    let shape = OrderShape::Limit { price: rig.price("50000"), post_only: false, shown: None };
    let terms = OrderTerms::new(Side::Buy, size(&rig, "0.01"), shape).living(Lifetime::FillOrKill);
    let request = prepared(&mut rig, terms);
    let end = rig.expect(request, K::Expired);
    assert_eq!(of(&seen(&rig, &end)), ["LIMIT", "FOK", "EXPIRED"]);
}

#[test]
fn an_order_that_would_meet_our_own_expires_what_the_mode_says() {
    let mut rig = rig();
    rig.venue.clear_liquidity("BTCUSD").unwrap();
    let resting = rig.submit(rig.resting_bid());
    rig.expect(resting, K::Accepted);
    let shape = OrderShape::Limit { price: rig.price("50000"), post_only: false, shown: None };
    let options = BinanceUsOptions {
        self_trade_prevention: Some(SelfTradePrevention::ExpireBoth),
        ..BinanceUsOptions::default()
    };
    let terms = OrderTerms::new(Side::Sell, size(&rig, "0.01"), shape).with_options(VenueOptions::BinanceUs(options));
    let taker = prepared(&mut rig, terms);
    rig.expect(taker, K::Expired);
    rig.expect(resting, K::Expired);
    assert_eq!((rig.law(taker), rig.law(resting)), (vec![K::Accepted, K::Expired], vec![K::Accepted, K::Expired]));
}

/// A sell of 0.01 with a take-profit above the market and a stop below it.
fn bracket(rig: &mut BinanceRig) -> (RequestId, ExecutionRecord, i64, i64) {
    let (bid, ask) = touch(rig);
    let (take_profit, stop) = (ask + 1_000, bid - 1_000);
    let shape = OrderShape::Bracket {
        take_profit: rig.price(&take_profit.to_string()),
        stop: rig.price(&stop.to_string()),
        stop_limit: None,
    };
    let terms = OrderTerms::new(Side::Sell, size(rig, "0.01"), shape);
    let request = prepared(rig, terms);
    let accepted = rig.expect(request, K::Accepted);
    (request, accepted, take_profit, stop)
}

fn stop_of(rig: &BinanceRig, record: &ExecutionRecord) -> SeenOrder {
    rig.venue.order_details(&format!("{}S", record.client_order_id)).unwrap().unwrap()
}

#[test]
fn a_bracket_is_a_pair_and_its_cancel_ends_both() {
    let mut rig = rig();
    let (request, accepted, take_profit, stop) = bracket(&mut rig);
    let (limit, other) = (seen(&rig, &accepted), stop_of(&rig, &accepted));
    assert_eq!((limit.kind, limit.price), ("LIMIT_MAKER", Some(decimal(&take_profit.to_string()))));
    assert_eq!((other.kind, other.stop_price), ("STOP_LOSS", Some(decimal(&stop.to_string()))));
    assert_eq!(accepted.venue_order_id.as_str(), limit.order_id.to_string());
    rig.submit(rig.cancel_of(request));
    rig.expect(request, K::Cancelled);
    assert_eq!([seen(&rig, &accepted).status, stop_of(&rig, &accepted).status], ["CANCELED"; 2]);
    assert_eq!(rig.law(request), [K::Accepted, K::Cancelled]);
    assert!(!rig.executions.iter().any(|r| r.kind == K::StrangerOrder), "the stop leg is ours");
    assert_eq!(rig.gateway.open_orders().unwrap(), 0);
}

#[test]
fn a_bracket_whose_limit_is_met_is_filled_and_the_stop_leg_is_no_news() {
    let mut rig = rig();
    let (request, accepted, ..) = bracket(&mut rig);
    rig.venue.fill_order(accepted.client_order_id.as_str(), decimal("0.01")).unwrap();
    let end = rig.expect(request, K::Filled);
    assert_eq!(
        (end.cumulative().to_string(), rig.law(request)),
        ("0.01".into(), vec![K::Accepted, K::Fill, K::Filled])
    );
    assert_eq!(stop_of(&rig, &accepted).status, "EXPIRED");
    assert_eq!(rig.gateway.open_orders().unwrap(), 0);
}

/// The market falls through the stop.
fn set_off(rig: &mut BinanceRig, stop: i64) {
    rig.venue.clear_liquidity("BTCUSD").unwrap();
    let price = decimal(&(stop - 10).to_string());
    rig.venue.add_liquidity("BTCUSD", VenueSide::Buy, price, decimal("5")).unwrap();
    rig.venue.trade_against("BTCUSD", VenueSide::Sell, price, decimal("1")).unwrap();
}

#[test]
fn a_bracket_whose_stop_is_set_off_is_filled_by_its_stop_leg() {
    let mut rig = rig();
    let (request, accepted, _, stop) = bracket(&mut rig);
    set_off(&mut rig, stop);
    let end = rig.expect(request, K::Filled);
    assert_eq!(end.cumulative().to_string(), "0.01");
    assert_eq!([seen(&rig, &accepted).status, stop_of(&rig, &accepted).status], ["EXPIRED", "FILLED"]);
    let fills: Vec<_> = rig.executions.iter().filter(|r| r.request == request && r.kind == K::Fill).copied().collect();
    assert!(!fills.is_empty() && fills.iter().all(|fill| !fill.execution_id.is_empty()), "{fills:?}");
    assert_eq!(end.venue_order_id.as_str(), stop_of(&rig, &accepted).order_id.to_string());
    assert!(!rig.executions.iter().any(|r| r.kind == K::StrangerOrder || r.kind == K::Expired));
    assert_eq!(rig.gateway.open_orders().unwrap(), 0);
}

#[test]
fn a_stop_that_was_set_off_unseen_is_found_by_asking() {
    let mut rig = rig();
    let (request, accepted, _, stop) = bracket(&mut rig);
    rig.venue.hold_user_events().unwrap();
    set_off(&mut rig, stop);
    rig.venue.drop_user_events().unwrap();
    let doors = exchange_connectors::sim::server::CloseHow::Reset;
    rig.venue.kill_connections(Some(exchange_connectors::sim::binance_us::DOOR_WS_API), doors).unwrap();
    rig.venue.release_user_events().unwrap();
    let end = rig.expect(request, K::Filled);
    assert_eq!((end.cumulative().to_string(), seen(&rig, &accepted).status), ("0.01".into(), "EXPIRED"));
    assert_eq!(rig.gateway.open_orders().unwrap(), 0);
}
