//! Orders: the forms of a 201, rejects, what waits and what fires, replace and cancel.

use super::*;

#[test]
fn a_market_order_fills_at_the_other_side_and_tells_everything_of_it() {
    let mut desk = Desk::new();
    let body = desk.place(json!({"type": "MARKET", "instrument": "EUR_USD", "units": "100",
        "clientExtensions": {"id": "my-1"}, "tradeClientExtensions": {"id": "trade-1"}}));
    let fill = &body["orderFillTransaction"];
    assert_eq!(
        (&fill["price"], &fill["units"], &fill["reason"]),
        (&"1.20022".into(), &"100".into(), &"MARKET_ORDER".into())
    );
    assert_eq!((&fill["clientOrderID"], &fill["tradeOpened"]["tradeID"]), (&"my-1".into(), &fill["id"]));
    assert_eq!(fill["batchID"], body["orderCreateTransaction"]["id"]);
    assert_eq!(fill["tradeOpened"]["initialMarginRequired"], "2.4003");
    assert_eq!(fill["fullPrice"]["asks"][0], json!({"price": "1.20022", "liquidity": "500000"}));
    assert_eq!(body["relatedTransactionIDs"], json!(["4", "5"]));
    assert_eq!(body["lastTransactionID"], "5");
    let prices = desk.get("/pricing?instruments=EUR_USD");
    assert_eq!(prices["prices"][0]["asks"][0]["liquidity"], 499_900, "its own fill took it, and REST writes a number");
}

#[test]
fn created_and_cancelled_at_once_is_still_201() {
    let mut desk = Desk::new();
    let reason = |body: &Value| body["orderCancelTransaction"]["reason"].as_str().unwrap().to_owned();
    let order = |units: &str, more: Value| {
        let mut order = json!({"type": "MARKET", "instrument": "EUR_USD", "units": units});
        order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        order
    };
    let bounded = desk.place(order("1", json!({"priceBound": "1.20021"})));
    assert_eq!(reason(&bounded), "BOUNDS_VIOLATION");
    assert_eq!(reason(&desk.place(order("50000000", json!({})))), "INSUFFICIENT_LIQUIDITY");
    assert_eq!(reason(&desk.place(order("10000000", json!({})))), "INSUFFICIENT_MARGIN");
    assert_eq!(reason(&desk.place(order("1", json!({"positionFill": "REDUCE_ONLY"})))), "POSITION_CLOSEOUT_FAILED");
    let losing = desk.place(order("1", json!({"takeProfitOnFill": {"price": "1.20000"}})));
    assert_eq!(reason(&losing), "TAKE_PROFIT_ON_FILL_LOSS");
    let losing = desk.place(order("1", json!({"stopLossOnFill": {"price": "1.20015"}})));
    assert_eq!(reason(&losing), "STOP_LOSS_ON_FILL_LOSS");
    desk.venue.set_tradeable(desk.now_ns, "EUR_USD", false).unwrap();
    assert_eq!(reason(&desk.place(order("1", json!({})))), "MARKET_HALTED");
    assert_eq!(desk.get("/summary")["account"]["balance"], "100000.0000", "nothing was traded");
}

#[test]
fn ioc_fills_what_is_there_and_cancels_the_rest() {
    let mut desk = Desk::new();
    let order = json!({"type": "MARKET", "instrument": "EUR_USD", "units": "700000", "timeInForce": "IOC",
        "priceBound": "1.20022"});
    let body = desk.place(order);
    let fill = &body["orderFillTransaction"];
    assert_eq!((&fill["units"], &fill["requestedUnits"]), (&"500000".into(), &"700000".into()));
    assert_eq!(body["orderCancelTransaction"]["reason"], "TIME_IN_FORCE_EXPIRED");
}

#[test]
fn refusals_are_transactions_with_the_venues_reasons() {
    let mut desk = Desk::new();
    desk.place(json!({"type": "LIMIT", "instrument": "EUR_USD", "units": "1", "price": "1.1",
        "clientExtensions": {"id": "taken"}}));
    for (order, reason) in [
        (json!({"type": "MARKET", "instrument": "EUR_USD", "units": "0"}), "UNITS_INVALID"),
        (json!({"type": "MARKET", "instrument": "EUR_USD", "units": "1.5"}), "UNITS_PRECISION_EXCEEDED"),
        (json!({"type": "MARKET", "instrument": "EUR_USD", "units": "999999999"}), "UNITS_LIMIT_EXCEEDED"),
        (json!({"type": "MARKET", "instrument": "SPX500_USD", "units": "0.1"}), ""),
        (json!({"type": "MARKET", "instrument": "EUR_USD"}), "UNITS_MISSING"),
        (
            json!({"type": "MARKET", "instrument": "EUR_USD", "units": "1", "timeInForce": "GTC"}),
            "TIME_IN_FORCE_INVALID",
        ),
        (json!({"type": "LIMIT", "instrument": "EUR_USD", "units": "1"}), "PRICE_MISSING"),
        (
            json!({"type": "LIMIT", "instrument": "EUR_USD", "units": "1", "price": "1.2000001"}),
            "PRICE_PRECISION_EXCEEDED",
        ),
        (json!({"type": "LIMIT", "instrument": "EUR_USD", "units": "1", "price": "-1"}), "PRICE_INVALID"),
        (
            json!({"type": "STOP", "instrument": "EUR_USD", "units": "1", "price": "1.3", "timeInForce": "GTD"}),
            "TIME_IN_FORCE_GTD_TIMESTAMP_MISSING",
        ),
        (
            json!({"type": "STOP", "instrument": "EUR_USD", "units": "1", "price": "1.3", "timeInForce": "GTD",
            "gtdTime": "2020-01-01T00:00:00Z"}),
            "TIME_IN_FORCE_GTD_TIMESTAMP_IN_PAST",
        ),
        (
            json!({"type": "MARKET_IF_TOUCHED", "instrument": "EUR_USD", "units": "1", "price": "1.3", "timeInForce": "IOC"}),
            "TIME_IN_FORCE_INVALID",
        ),
        (
            json!({"type": "LIMIT", "instrument": "EUR_USD", "units": "1", "price": "1.1",
            "clientExtensions": {"id": "taken"}}),
            "CLIENT_ORDER_ID_ALREADY_EXISTS",
        ),
        (
            json!({"type": "LIMIT", "instrument": "EUR_USD", "units": "1", "price": "1.1",
            "clientExtensions": {"id": "x".repeat(129)}}),
            "CLIENT_ORDER_ID_INVALID",
        ),
        (
            json!({"type": "MARKET", "instrument": "EUR_USD", "units": "1", "stopLossOnFill":
            {"price": "1.1", "distance": "0.1"}}),
            "STOP_LOSS_ON_FILL_PRICE_AND_DISTANCE_BOTH_SPECIFIED",
        ),
        (
            json!({"type": "MARKET", "instrument": "EUR_USD", "units": "1", "trailingStopLossOnFill":
            {"distance": "0.00001"}}),
            "TRAILING_STOP_LOSS_ON_FILL_PRICE_DISTANCE_MINIMUM_NOT_MET",
        ),
        (json!({"type": "STOP_LOSS", "price": "1.1"}), "TRADE_ID_UNSPECIFIED"),
    ] {
        let (status, body) = desk.ask("POST", "/orders", json!({ "order": order }));
        if reason.is_empty() {
            assert_eq!(status, 201, "{body}");
            continue;
        }
        let reject = &body["orderRejectTransaction"];
        assert_eq!(
            (status, &reject["rejectReason"], &body["errorCode"]),
            (400, &reason.into(), &reason.into()),
            "{body}"
        );
        assert_eq!(reject["type"], format!("{}_ORDER_REJECT", order["type"].as_str().unwrap()));
        assert_eq!(body["lastTransactionID"], reject["id"], "a reject uses up an id");
    }
    let (status, body) =
        desk.ask("POST", "/orders", json!({"order": {"type": "STOP_LOSS", "tradeID": "99", "price": "1.1"}}));
    assert_eq!((status, &body["errorCode"]), (404, &"TRADE_DOESNT_EXIST".into()));
}

#[test]
fn what_cannot_be_read_is_refused_without_a_transaction() {
    let mut desk = Desk::new();
    let last = desk.venue.exchange.log.last();
    for body in [
        json!({"order": {"type": "MARKET", "instrument": "EUR_XXX", "units": "1"}}),
        json!({"order": {"type": "SOMETHING", "instrument": "EUR_USD", "units": "1"}}),
        json!({"order": {"type": "MARKET", "instrument": "EUR_USD", "units": "one"}}),
        json!({"type": "MARKET", "instrument": "EUR_USD", "units": "1"}),
        json!([]),
    ] {
        let (status, reply) = desk.ask("POST", "/orders", body);
        assert_eq!(status, 400);
        assert!(reply["errorMessage"].is_string() && reply.get("orderRejectTransaction").is_none(), "{reply}");
    }
    let mut request = desk.request("POST", "/orders", None);
    request.body = b"{".to_vec();
    assert_eq!(desk.send(&request).status, 400);
    assert_eq!(desk.venue.exchange.log.last(), last);
}

#[test]
fn limit_stop_and_touched_orders_fire_on_their_side_of_the_market() {
    for (kind, units, price, moves, filled_at) in [
        ("LIMIT", "10", "1.19000", ("1.18980", "1.19000"), "1.19000"),
        ("LIMIT", "-10", "1.21000", ("1.21005", "1.21017"), "1.21005"),
        ("STOP", "10", "1.21000", ("1.20990", "1.21002"), "1.21002"),
        ("STOP", "-10", "1.19000", ("1.18998", "1.19010"), "1.18998"),
        ("MARKET_IF_TOUCHED", "10", "1.19000", ("1.18985", "1.18997"), "1.18997"),
        ("MARKET_IF_TOUCHED", "10", "1.21000", ("1.21010", "1.21022"), "1.21022"),
    ] {
        let mut desk = Desk::new();
        let body = desk.place(json!({"type": kind, "instrument": "EUR_USD", "units": units, "price": price}));
        assert!(body.get("orderFillTransaction").is_none(), "{kind} {units} rests: {body}");
        let id = body["orderCreateTransaction"]["id"].as_str().unwrap().to_owned();
        desk.price("1.20012", "1.20024");
        assert_eq!(desk.get(&format!("/orders/{id}"))["order"]["state"], "PENDING");
        desk.price(moves.0, moves.1);
        assert_eq!(desk.get(&format!("/orders/{id}"))["order"]["state"], "FILLED", "{kind} {units}");
        let transactions = desk.get(&format!("/transactions/sinceid?id={id}"));
        let fill = &transactions["transactions"][0];
        assert_eq!((&fill["price"], fill.get("requestID")), (&filled_at.into(), None), "{kind} {units}");
    }
}

#[test]
fn a_limit_order_through_the_market_fills_at_the_market() {
    let mut desk = Desk::new();
    let body = desk.place(json!({"type": "LIMIT", "instrument": "EUR_USD", "units": "1", "price": "1.3"}));
    assert_eq!(body["orderFillTransaction"]["price"], "1.20022");
    assert_eq!(body["orderFillTransaction"]["reason"], "LIMIT_ORDER");
    let dead = desk
        .place(json!({"type": "LIMIT", "instrument": "EUR_USD", "units": "1", "price": "1.1", "timeInForce": "FOK"}));
    assert_eq!(dead["orderCancelTransaction"]["reason"], "TIME_IN_FORCE_EXPIRED");
}

#[test]
fn orders_end_at_their_time() {
    let mut desk = Desk::new();
    let order = json!({"type": "LIMIT", "instrument": "EUR_USD", "units": "1", "price": "1.1", "timeInForce": "GTD",
        "gtdTime": "2026-03-04T10:11:20Z"});
    let gtd = desk.place(order)["orderCreateTransaction"]["id"].as_str().unwrap().to_owned();
    desk.place(json!({"type": "LIMIT", "instrument": "EUR_USD", "units": "1", "price": "1.1", "timeInForce": "GFD"}));
    desk.pass(9 * SECOND_NS);
    let order = desk.get(&format!("/orders/{gtd}"));
    assert_eq!(order["order"]["state"], "CANCELLED");
    assert_eq!(desk.get("/pendingOrders")["orders"].as_array().unwrap().len(), 1);
    desk.pass(12 * 3_600 * SECOND_NS);
    assert_eq!(desk.get("/pendingOrders")["orders"], json!([]), "17:00 in New York has passed");
}

#[test]
fn replace_is_a_cancel_and_a_create_in_one_batch() {
    let mut desk = Desk::new();
    desk.place(json!({"type": "LIMIT", "instrument": "EUR_USD", "units": "1", "price": "1.1", "clientExtensions": {"id": "a"}}));
    let order = json!({"order": {"type": "LIMIT", "instrument": "EUR_USD", "units": "2", "price": "1.15"}});
    let (status, body) = desk.ask("PUT", "/orders/@a", order.clone());
    let (cancel, create) = (&body["orderCancelTransaction"], &body["orderCreateTransaction"]);
    assert_eq!((status, &cancel["reason"]), (201, &"CLIENT_REQUEST_REPLACED".into()));
    assert_eq!((&cancel["replacedByOrderID"], &create["replacesOrderID"]), (&create["id"], &cancel["orderID"]));
    assert_eq!((&create["reason"], &create["cancellingTransactionID"]), (&"REPLACEMENT".into(), &cancel["id"]));
    assert_eq!(
        (&create["batchID"], &create["clientExtensions"]["id"]),
        (&cancel["id"], &"a".into()),
        "labels carry over"
    );
    assert_eq!(desk.get("/orders/@a")["order"]["units"], "2");
    let (status, body) = desk.ask("PUT", "/orders/@b", order);
    assert_eq!((status, &body["errorCode"]), (404, &"ORDER_DOESNT_EXIST".into()));
    let crossing = json!({"order": {"type": "LIMIT", "instrument": "EUR_USD", "units": "2", "price": "1.3"}});
    assert_eq!(desk.ask("PUT", "/orders/@a", crossing).1["orderFillTransaction"]["price"], "1.20022");
}

#[test]
fn a_client_id_finds_only_pending_orders_and_is_no_idempotency_key() {
    let mut desk = Desk::new();
    for _ in 0..2 {
        let order =
            json!({"type": "MARKET", "instrument": "EUR_USD", "units": "1", "clientExtensions": {"id": "same"}});
        assert!(desk.place(order)["orderFillTransaction"].is_object(), "a second fill, as at the venue");
    }
    let (status, body) = desk.ask("GET", "/orders/@same", Value::Null);
    assert_eq!((status, &body["errorCode"]), (404, &"NO_SUCH_ORDER".into()));
    desk.place(json!({"type": "LIMIT", "instrument": "EUR_USD", "units": "1", "price": "1.1", "clientExtensions": {"id": "p"}}));
    let (status, body) = desk.ask("PUT", "/orders/%40p/cancel", Value::Null);
    assert_eq!((status, &body["orderCancelTransaction"]["clientOrderID"]), (200, &"p".into()));
    let (status, body) = desk.ask("PUT", "/orders/@p/cancel", Value::Null);
    assert_eq!((status, &body["orderCancelRejectTransaction"]["rejectReason"]), (404, &"ORDER_DOESNT_EXIST".into()));
}

#[test]
fn labels_change_on_orders_and_trades() {
    let mut desk = Desk::new();
    let id = desk.place(json!({"type": "LIMIT", "instrument": "EUR_USD", "units": "1", "price": "1.1"}));
    let path = format!("/orders/{}/clientExtensions", id["orderCreateTransaction"]["id"].as_str().unwrap());
    let (status, body) = desk.ask("PUT", &path, json!({"clientExtensions": {"id": "new", "tag": "t"}}));
    assert_eq!(
        (status, body["orderClientExtensionsModifyTransaction"]["clientExtensionsModify"]["tag"].as_str()),
        (200, Some("t"))
    );
    assert_eq!(desk.get("/orders/@new")["order"]["clientExtensions"]["tag"], "t");
    let trade = desk.market("1")["orderFillTransaction"]["id"].as_str().unwrap().to_owned();
    let (status, _) =
        desk.ask("PUT", &format!("/trades/{trade}/clientExtensions"), json!({"clientExtensions": {"id": "mine"}}));
    assert_eq!((status, &desk.get("/trades/@mine")["trade"]["id"]), (200, &trade.into()));
}
