//! Orders on trades: take profit, stop loss, guaranteed and trailing stops.

use super::*;

fn open(desk: &mut Desk, units: &str, more: Value) -> String {
    let mut order = json!({"type": "MARKET", "instrument": "EUR_USD", "units": units});
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    desk.place(order)["orderFillTransaction"]["id"].as_str().unwrap().to_owned()
}

fn since(desk: &mut Desk, id: &str) -> Vec<Value> {
    desk.get(&format!("/transactions/sinceid?id={id}"))["transactions"].as_array().unwrap().clone()
}

#[test]
fn a_take_profit_closes_the_trade_and_ends_its_stop() {
    let mut desk = Desk::new();
    let exits = json!({"takeProfitOnFill": {"price": "1.21"}, "stopLossOnFill": {"distance": "0.005"}});
    let trade = open(&mut desk, "100", exits);
    let made = since(&mut desk, &trade);
    let about = |t: &Value| (t["type"].as_str().unwrap().to_owned(), t["reason"].as_str().unwrap().to_owned());
    assert_eq!(
        made.iter().map(about).collect::<Vec<_>>(),
        [("TAKE_PROFIT_ORDER".to_owned(), "ON_FILL".to_owned()), ("STOP_LOSS_ORDER".to_owned(), "ON_FILL".to_owned())]
    );
    assert_eq!((&made[1]["price"], &made[1]["distance"]), (&"1.19510".into(), &"0.00500".into()));
    assert_eq!(made[1]["orderFillTransactionID"], trade.clone());
    assert_eq!(desk.get(&format!("/trades/{trade}"))["trade"]["takeProfitOrder"]["price"], "1.21000");
    let last = made[1]["id"].as_str().unwrap().to_owned();
    desk.price("1.21003", "1.21015");
    let end = since(&mut desk, &last);
    assert_eq!((&end[0]["reason"], &end[0]["pl"]), (&"TAKE_PROFIT_ORDER".into(), &"0.9810".into()));
    assert_eq!((&end[1]["reason"], &end[1]["closedTradeID"]), (&"LINKED_TRADE_CLOSED".into(), &trade.into()));
    assert_eq!((&end[1]["tradeCloseTransactionID"], end[1].get("requestID")), (&end[0]["id"], None));
    assert_eq!(desk.get("/pendingOrders")["orders"], json!([]));
}

#[test]
fn a_trailing_stop_follows_the_market_one_way() {
    let mut desk = Desk::new();
    let trade = open(&mut desk, "-100", json!({"trailingStopLossOnFill": {"distance": "0.001"}}));
    let stand = |desk: &mut Desk| {
        desk.get(&format!("/trades/{trade}"))["trade"]["trailingStopLossOrder"]["trailingStopValue"].clone()
    };
    assert_eq!(stand(&mut desk), "1.20122");
    desk.price("1.19000", "1.19012");
    assert_eq!(stand(&mut desk), "1.19112");
    desk.price("1.19080", "1.19092");
    assert_eq!(stand(&mut desk), "1.19112", "it does not go back");
    desk.price("1.19105", "1.19117");
    let end = desk.get(&format!("/trades/{trade}"));
    assert_eq!((&end["trade"]["state"], &end["trade"]["averageClosePrice"]), (&"CLOSED".into(), &"1.19117".into()));
}

#[test]
fn a_guaranteed_stop_fills_at_its_price_whatever_the_market_and_costs_its_premium() {
    let mut desk = Desk::new();
    let trade = open(&mut desk, "1000", json!({"guaranteedStopLossOnFill": {"price": "1.19"}}));
    desk.price("1.15000", "1.15012");
    let end = desk.get(&format!("/trades/{trade}"));
    assert_eq!((&end["trade"]["state"], &end["trade"]["averageClosePrice"]), (&"CLOSED".into(), &"1.19000".into()));
    let summary = desk.get("/summary");
    // 1000 units lost 0.01022 each, and the premium is 0.0001 a unit.
    assert_eq!(summary["account"]["balance"], "99989.6800");
    assert_eq!(summary["account"]["guaranteedExecutionFees"], "0.1000");
    let (status, body) = desk.ask(
        "POST",
        "/orders",
        json!({"order": {"type": "MARKET", "instrument": "USD_JPY", "units": "1",
        "guaranteedStopLossOnFill": {"price": "140"}}}),
    );
    assert_eq!((status, &body["errorCode"]), (400, &"GUARANTEED_STOP_LOSS_ON_FILL_NOT_ALLOWED".into()));
}

#[test]
fn orders_are_put_on_a_trade_replaced_and_taken_off() {
    let mut desk = Desk::new();
    let trade = open(&mut desk, "10", json!({}));
    let path = format!("/trades/{trade}/orders");
    let (status, body) = desk.ask("PUT", &path, json!({"takeProfit": {"price": "1.25"}, "stopLoss": {"price": "1.1"}}));
    assert_eq!((status, &body["takeProfitOrderTransaction"]["reason"]), (200, &"CLIENT_ORDER".into()));
    let stop = body["stopLossOrderTransaction"]["id"].clone();
    let (_, body) = desk.ask("PUT", &path, json!({"takeProfit": null, "stopLoss": {"price": "1.12"}}));
    assert_eq!(body["takeProfitOrderCancelTransaction"]["reason"], "CLIENT_REQUEST");
    assert_eq!(body["stopLossOrderCancelTransaction"]["orderID"], stop);
    assert_eq!(
        (&body["stopLossOrderTransaction"]["reason"], &body["stopLossOrderTransaction"]["replacesOrderID"]),
        (&"REPLACEMENT".into(), &stop)
    );
    let (status, body) = desk.ask("PUT", &path, json!({"stopLoss": {"price": "1.1234567"}}));
    assert_eq!((status, &body["errorCode"]), (400, &"PRICE_PRECISION_EXCEEDED".into()));
    assert_eq!(body["stopLossOrderRejectTransaction"]["type"], "STOP_LOSS_ORDER_REJECT");
    let again = json!({"order": {"type": "STOP_LOSS", "tradeID": trade, "price": "1.11"}});
    assert_eq!(desk.ask("POST", "/orders", again).1["errorCode"], "STOP_LOSS_ORDER_ALREADY_EXISTS");
    let profit = desk.place(json!({"type": "TAKE_PROFIT", "tradeID": trade, "price": "1.3"}));
    assert_eq!(profit["orderCreateTransaction"]["tradeID"], trade.clone());
    assert_eq!(desk.ask("PUT", "/trades/99/orders", json!({})).1["errorCode"], "NO_SUCH_TRADE");
}

#[test]
fn a_guaranteed_stop_too_near_and_a_good_for_day_exit_after_the_close_are_refused_and_ended() {
    let mut desk = Desk::new();
    let trade = open(&mut desk, "10", json!({"takeProfitOnFill": {"price": "1.3", "timeInForce": "GFD"}}));
    let near = json!({"order": {"type": "GUARANTEED_STOP_LOSS", "tradeID": trade, "price": "1.2"}});
    let (status, body) = desk.ask("POST", "/orders", near);
    assert_eq!((status, &body["errorCode"]), (400, &"GUARANTEED_STOP_LOSS_ORDER_MINIMUM_DISTANCE_NOT_MET".into()));
    assert_eq!(desk.get("/pendingOrders")["orders"].as_array().unwrap().len(), 1);
    desk.pass(12 * 3_600 * SECOND_NS);
    assert_eq!(desk.get("/pendingOrders")["orders"], json!([]));
    assert_eq!(desk.get(&format!("/trades/{trade}"))["trade"]["state"], "OPEN", "the trade lives on");
}
