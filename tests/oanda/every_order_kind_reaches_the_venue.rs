//! Each kind of order reaches OANDA as what it was meant to be: the local venue, which was written from the reference alone,
//! says what it understood.

use crate::common::decimal;
use crate::oanda::{stranger, OandaRig};
use exchange_connectors::order::OrderStatus;
use exchange_connectors::record::{
    ClientLabels, ClientOrderId, ExecutionKind as K, ExecutionRecord, Exits, Fixed, Lifetime, OandaOptions, OnTrigger,
    OrderCommand, OrderQuantity, OrderRef, OrderShape, OrderTerms, PositionFill, PreparedOrder, RequestId, Side,
    StopLoss, TimeInForce, Trigger, TriggerDirection, TriggerPrice, Venue, VenueOrderId,
};
use exchange_connectors::sim::server::{Fault, FaultRule};
use exchange_connectors::venue::oanda::request::{
    ByDistance, Change, Exit, ExitKind, ExitOrder, Expiry, Labels, OrderSpecifier, StopLevel, TakeProfitAt, TradeExits,
};
use serde_json::{json, Value};

fn rig() -> OandaRig {
    OandaRig::trading(|config| config)
}

fn submit(rig: &mut OandaRig, terms: OrderTerms) -> RequestId {
    let order = PreparedOrder::new(&rig.eur, terms).unwrap();
    let slot = rig.strategy.orders.prepare(order).unwrap();
    rig.submit(OrderCommand::prepared(slot))
}

/// The order as the venue lists it.
fn seen(rig: &OandaRig, record: &ExecutionRecord) -> Value {
    stranger(&rig.venue, "GET", &format!("/orders/{}", record.venue_order_id), "")["order"].take()
}

/// What the venue has under these names.
fn of(seen: &Value, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| seen[*name].as_str().unwrap_or("-").to_owned()).collect()
}

/// Places an order that rests, asks the venue what it is, and cancels it.
fn rests(rig: &mut OandaRig, terms: OrderTerms) -> Value {
    let request = submit(rig, terms);
    let accepted = rig.expect(request, K::Accepted);
    let seen = seen(rig, &accepted);
    assert_eq!(seen["state"], "PENDING");
    rig.submit(rig.cancel_of(request));
    rig.expect(request, K::Cancelled);
    assert_eq!(rig.law(request), [K::Accepted, K::Cancelled]);
    seen
}

/// Buys 100 by a prepared market order.
fn bought(rig: &mut OandaRig, change: impl FnOnce(&OandaRig, &mut OrderTerms)) -> (RequestId, ExecutionRecord) {
    let mut terms = OrderTerms::new(Side::Buy, units(rig, "100"), OrderShape::Market { worst_price: None });
    change(rig, &mut terms);
    let request = submit(rig, terms);
    let filled = rig.expect(request, K::Filled);
    (request, filled)
}

fn units(rig: &OandaRig, text: &str) -> OrderQuantity {
    OrderQuantity::Base(rig.units(text))
}

fn limit(rig: &OandaRig) -> OrderTerms {
    let shape = OrderShape::Limit { price: rig.price("1.10"), post_only: false, shown: None };
    OrderTerms::new(Side::Buy, units(rig, "100"), shape)
}

/// The one open trade.
fn trade(rig: &OandaRig) -> Value {
    let trades = stranger(&rig.venue, "GET", "/openTrades", "");
    let [trade] = trades["trades"].as_array().unwrap().as_slice() else { panic!("{trades}") };
    trade.clone()
}

#[test]
fn market_orders_fill_or_kill_and_immediate_or_cancel_within_their_bound() {
    let mut rig = rig();
    let bound = rig.price("1.20020");
    for (lifetime, tif) in [(Lifetime::FillOrKill, "FOK"), (Lifetime::ImmediateOrCancel, "IOC")] {
        let (request, filled) = bought(&mut rig, |_, terms| {
            terms.shape = OrderShape::Market { worst_price: Some(bound) };
            terms.lifetime = lifetime;
        });
        let order = seen(&rig, &filled);
        let names = ["type", "units", "timeInForce", "priceBound", "state"];
        assert_eq!(of(&order, &names), ["MARKET", "100", tif, "1.20020", "FILLED"]);
        assert_eq!(rig.law(request), [K::Accepted, K::Fill, K::Filled]);
    }
    for (command, tif) in [
        (rig.market(Side::Sell, "50"), None),
        (rig.market(Side::Sell, "50").time_in_force(TimeInForce::FillOrKill), Some("FOK")),
        (rig.market(Side::Sell, "50").time_in_force(TimeInForce::ImmediateOrCancel), Some("IOC")),
    ] {
        let request = rig.submit(command);
        let order = rig.expect(request, K::Filled);
        let order = seen(&rig, &order);
        assert_eq!(of(&order, &["type", "units"]), ["MARKET", "-50"]);
        assert!(tif.is_none_or(|tif| order["timeInForce"] == tif), "{order}");
    }
    // Nothing to be had at that price: the 201 says that it is over.
    let worse = rig.price("1.19000");
    let terms = OrderTerms::new(Side::Buy, units(&rig, "100"), OrderShape::Market { worst_price: Some(worse) });
    let request = submit(&mut rig, terms);
    let end = rig
        .until("its end", |rig| rig.executions.iter().find(|r| r.request == request && r.kind.is_terminal()).copied());
    assert_eq!(end.venue_code.as_str(), "BOUNDS_VIOLATION", "{end:?}");
}

#[test]
fn limit_orders_with_each_lifetime() {
    let mut rig = rig();
    let end = rig.gateway.now().plus_ms(3_600_000);
    for (lifetime, tif) in [(Lifetime::UntilCancelled, "GTC"), (Lifetime::Until(end), "GTD"), (Lifetime::Day, "GFD")] {
        let terms = limit(&rig).living(lifetime);
        let order = rests(&mut rig, terms);
        assert_eq!(of(&order, &["type", "price", "units", "timeInForce"]), ["LIMIT", "1.10000", "100", tif]);
        assert_eq!(order["gtdTime"].is_string(), tif == "GTD", "{order}");
    }
    for (lifetime, tif) in [(Lifetime::FillOrKill, "FOK"), (Lifetime::ImmediateOrCancel, "IOC")] {
        let terms = limit(&rig).living(lifetime);
        let request = submit(&mut rig, terms);
        let end = rig.until("its end", |rig| {
            rig.executions.iter().find(|r| r.request == request && r.kind.is_terminal()).copied()
        });
        let order = seen(&rig, &end);
        assert_eq!(of(&order, &["type", "timeInForce", "state"]), ["LIMIT", tif, "CANCELLED"]);
    }
}

#[test]
fn a_good_till_date_order_ends_by_itself() {
    let mut rig = rig();
    let terms = limit(&rig).living(Lifetime::For { ms: 1_000 });
    let request = submit(&mut rig, terms);
    rig.expect(request, K::Expired);
    assert_eq!(rig.law(request), [K::Accepted, K::Expired]);
}

#[test]
fn stops_and_orders_if_touched_differ_by_the_side_the_price_comes_from() {
    let mut rig = rig();
    for (side, at, direction, kind) in [
        (Side::Buy, "1.25000", TriggerDirection::Up, "STOP"),
        (Side::Sell, "1.15000", TriggerDirection::Down, "STOP"),
        (Side::Buy, "1.15000", TriggerDirection::Down, "MARKET_IF_TOUCHED"),
        (Side::Sell, "1.25000", TriggerDirection::Up, "MARKET_IF_TOUCHED"),
    ] {
        for bound in [None, Some(if side == Side::Buy { "1.26000" } else { "1.14000" })] {
            let trigger = Trigger::Price { at: rig.price(at), direction };
            let then = OnTrigger::Market { worst_price: bound.map(|price| rig.price(price)) };
            let terms = OrderTerms::new(side, units(&rig, "100"), OrderShape::Triggered { trigger, then });
            let order = rests(&mut rig, terms);
            let units = if side == Side::Buy { "100" } else { "-100" };
            let expected = [kind, at, bound.unwrap_or("-"), units, "GTC"];
            assert_eq!(of(&order, &["type", "price", "priceBound", "units", "timeInForce"]), expected);
        }
    }
}

#[test]
fn a_stop_that_is_set_off_is_filled_at_the_market() {
    let mut rig = rig();
    let trigger = Trigger::Price { at: rig.price("1.21"), direction: TriggerDirection::Up };
    let shape = OrderShape::Triggered { trigger, then: OnTrigger::Market { worst_price: None } };
    let terms = OrderTerms::new(Side::Buy, units(&rig, "100"), shape);
    let request = submit(&mut rig, terms);
    rig.expect(request, K::Accepted);
    rig.venue.set_price("EUR_USD", decimal("1.21500"), decimal("1.21510")).unwrap();
    let filled = rig.expect(request, K::Filled);
    assert_eq!(
        (rig.law(request), filled.cumulative().to_string()),
        (vec![K::Accepted, K::Fill, K::Filled], "100".into())
    );
}

#[test]
fn options_of_the_venue_and_labels_of_order_and_trade() {
    let mut rig = rig();
    let label = |text: &str| Some(text.into());
    for (fill, fill_name, trigger, trigger_name) in [
        (None, "DEFAULT", None, "DEFAULT"),
        (Some(PositionFill::OpenOnly), "OPEN_ONLY", Some(TriggerPrice::Inverse), "INVERSE"),
        (Some(PositionFill::ReduceFirst), "REDUCE_FIRST", Some(TriggerPrice::Bid), "BID"),
        (Some(PositionFill::ReduceOnly), "REDUCE_ONLY", Some(TriggerPrice::Ask), "ASK"),
        (None, "DEFAULT", Some(TriggerPrice::Mid), "MID"),
    ] {
        let options = OandaOptions {
            position_fill: fill,
            trigger_price: trigger,
            order_labels: ClientLabels { id: None, tag: label("tag"), comment: label("a \"comment\"") },
            trade_labels: ClientLabels { id: label("my-trade"), tag: label("t"), comment: None },
        };
        let terms = limit(&rig).with_options(options);
        let order = rests(&mut rig, terms);
        assert_eq!(of(&order, &["positionFill", "triggerCondition"]), [fill_name, trigger_name]);
        let labels = &order["clientExtensions"];
        assert_eq!((&labels["tag"], &labels["comment"]), (&json!("tag"), &json!("a \"comment\"")));
        assert!(labels["id"].as_str().is_some_and(|id| ClientOrderId::new(id).is_ok()));
        assert_eq!(order["tradeClientExtensions"], json!({"id": "my-trade", "tag": "t"}));
    }
}

#[test]
fn exits_on_fill_of_every_kind_stand_on_the_trade() {
    type Stop = fn(i64) -> StopLoss;
    let stops: [(Stop, &str, &str, &str); 4] = [
        (StopLoss::At, "stopLossOrder", "price", "1.19000"),
        (StopLoss::Distance, "stopLossOrder", "distance", "0.00500"),
        (StopLoss::GuaranteedAt, "guaranteedStopLossOrder", "price", "1.18000"),
        (StopLoss::GuaranteedDistance, "guaranteedStopLossOrder", "distance", "0.02000"),
    ];
    for (stop, name, member, value) in stops {
        let mut rig = rig();
        bought(&mut rig, |rig, terms| {
            terms.exits = Exits {
                take_profit: Some(rig.price("1.21")),
                stop_loss: Some(stop(rig.price(value))),
                trailing_stop: Some(rig.price("0.00300")),
                lifetime: Lifetime::UntilCancelled,
            };
        });
        let trade = trade(&rig);
        assert_eq!(trade["takeProfitOrder"]["price"], "1.21000", "{trade}");
        assert_eq!(trade["trailingStopLossOrder"]["distance"], "0.00300", "{trade}");
        assert_eq!(trade[name][member], value, "{trade}");
    }
}

#[test]
fn orders_on_a_trade_are_placed_replaced_and_cancelled() {
    let mut rig = rig();
    bought(&mut rig, |_, _| {});
    let queries = rig.gateway.oanda().unwrap();
    let id = trade(&rig)["id"].as_str().unwrap().to_owned();
    let on = OrderSpecifier::Id(&id);
    let fixed = |text: &str| Fixed::parse(text).unwrap();
    let order = |kind| ExitOrder {
        trade: on,
        kind,
        expiry: Expiry::GoodTilCancelled,
        trigger: Default::default(),
        labels: Labels { id: None, tag: Some("exit"), comment: None },
    };
    for (kind, name, member, value) in [
        (ExitKind::TakeProfit(TakeProfitAt(fixed("1.25"))), "takeProfitOrder", "price", "1.25000"),
        (ExitKind::StopLoss(StopLevel::Price(fixed("1.15"))), "stopLossOrder", "price", "1.15000"),
        (ExitKind::TrailingStopLoss(ByDistance(fixed("0.01"))), "trailingStopLossOrder", "distance", "0.01000"),
    ] {
        queries.place_exit(&rig.eur, &order(kind)).unwrap();
        let placed = trade(&rig)[name].clone();
        assert_eq!((&placed[member], &placed["clientExtensions"]["tag"]), (&json!(value), &json!("exit")), "{placed}");
    }
    let old = trade(&rig)["takeProfitOrder"]["id"].as_str().unwrap().to_owned();
    let nearer = order(ExitKind::TakeProfit(TakeProfitAt(fixed("1.24"))));
    queries.replace_exit(&rig.eur, OrderSpecifier::Id(&old), &nearer).unwrap();
    let replaced = trade(&rig)["takeProfitOrder"].clone();
    assert_eq!((&replaced["price"], &replaced["replacesOrderID"]), (&json!("1.24000"), &json!(old)), "{replaced}");
    queries.cancel(OrderSpecifier::Id(replaced["id"].as_str().unwrap())).unwrap();
    assert!(trade(&rig)["takeProfitOrder"].is_null());
    let exits = TradeExits {
        stop_loss: Change::Cancel,
        guaranteed_stop: Change::Set(Exit::at(StopLevel::Price(fixed("1.16")))),
        ..TradeExits::default()
    };
    queries.change_exits(&rig.eur, on, &exits).unwrap();
    let trade = trade(&rig);
    assert_eq!(
        (&trade["guaranteedStopLossOrder"]["price"], &trade["stopLossOrder"]),
        (&json!("1.16000"), &Value::Null)
    );
}

#[test]
fn an_order_is_replaced_and_told_and_cancelled_by_each_of_its_names() {
    let mut rig = rig();
    type Name = fn(&ExecutionRecord) -> OrderRef;
    let names: [Name; 3] = [
        |of| OrderRef::Request(of.request),
        |of| OrderRef::Client(of.client_order_id),
        |of| OrderRef::Venue(of.venue_order_id),
    ];
    for name in names {
        let request = rig.submit(rig.resting_bid());
        let accepted = rig.expect(request, K::Accepted);
        let (price, quantity) = (rig.price("1.12"), rig.units("150"));
        let change = rig.submit(OrderCommand::replace(rig.eur.id, name(&accepted), price, quantity));
        let replaced = rig.expect(change, K::Replaced);
        let order = stranger(&rig.venue, "GET", &format!("/orders/{}", replaced.venue_order_id), "")["order"].take();
        assert_eq!(
            of(&order, &["price", "units", "replacesOrderID"]),
            ["1.12000", "150", accepted.venue_order_id.as_str()]
        );
        let labels = &order["clientExtensions"]["id"];
        assert_eq!(labels, accepted.client_order_id.as_str(), "it keeps our name");

        let status =
            |id: &VenueOrderId| rig.gateway.queries(Venue::Oanda).unwrap().order(&rig.eur, id).unwrap().unwrap();
        assert_eq!(status(&replaced.venue_order_id).status, OrderStatus::Open);
        let pending = rig.gateway.oanda().unwrap().pending_orders().unwrap();
        assert_eq!(
            pending.iter().map(|row| row.id.to_string()).collect::<Vec<_>>(),
            [replaced.venue_order_id.as_str()]
        );
        let now = ExecutionRecord { venue_order_id: replaced.venue_order_id, ..accepted };
        rig.submit(OrderCommand::cancel(rig.eur.id, name(&now)));
        rig.expect(request, K::Cancelled);
        assert_eq!((rig.law(request), rig.law(change)), (vec![K::Accepted, K::Cancelled], vec![K::Replaced]));
    }
}

/// The venue has the order, and neither its reply nor its transaction comes: the cancel goes by our id.
#[test]
fn a_cancel_waits_for_no_venue_id() {
    let mut rig = rig();
    rig.venue.hold_user_events().unwrap();
    rig.venue.inject(FaultRule::next("POST", &rig.orders_path(), Fault::ThenHold)).unwrap();
    let request = rig.submit(rig.resting_bid());
    let client = rig.until("the order at the venue", |rig| {
        let received = rig.venue.observed().unwrap();
        received.orders_received.keys().next().cloned()
    });
    assert_eq!(rig.law(request), [], "nobody has said anything");
    rig.submit(rig.cancel_of(request));
    rig.expect(request, K::Cancelled);
    assert_eq!(rig.venue.order(&client).unwrap().unwrap().1, "CANCELLED");
    assert_eq!(rig.law(request), [K::Accepted, K::Cancelled]);
    rig.venue.release_held().unwrap();
    rig.venue.release_user_events().unwrap();
    let next = rig.submit(rig.resting_bid());
    rig.expect(next, K::Accepted);
    assert_eq!(rig.law(request), [K::Accepted, K::Cancelled], "late news is no news");
}
