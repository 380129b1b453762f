//! Stops, take-profits, trailing deltas and lists.

use super::*;

fn stop(id: &str, side: &str, kind: &str, price: &str) -> Value {
    json!({"symbol": "BTCUSD", "side": side, "type": kind, "quantity": "1", "stopPrice": price, "newClientOrderId": id})
}

#[test]
fn a_stop_waits_until_a_trade_reaches_it_and_then_says_new_again() {
    let mut bench = Bench::plain();
    let conn = bench.listen();
    bench.rest(Side::Buy, "97", "5");
    bench.place(with(with(stop("s", "SELL", "STOP_LOSS_LIMIT", "98"), "timeInForce", "GTC"), "price", "97"));
    assert_eq!(bench.order("s")["isWorking"], false);
    bench.hit(Side::Sell, "100", "1");
    assert_eq!(bench.order("s")["isWorking"], false, "100 is above the stop");
    bench.hit(Side::Sell, "97", "9.5");
    assert_eq!(bench.order("s")["status"], "FILLED");
    let frames = bench.frames(conn);
    let reports: Vec<_> = frames.iter().map(|f| &f["event"]).filter(|e| e["e"] == "executionReport").collect();
    let seen: Vec<_> =
        reports.iter().map(|e| (e["x"].as_str().unwrap(), e["w"].as_bool().unwrap(), e.get("W").is_some())).collect();
    assert_eq!(seen, [("NEW", false, false), ("NEW", true, true), ("TRADE", false, true)]);
    assert!(reports.windows(2).all(|pair| pair[0]["I"].as_u64() < pair[1]["I"].as_u64()), "execution ids increase");
}

#[test]
fn each_kind_triggers_on_its_own_side_of_the_market() {
    let run = |side: &str, kind: &str, at: &str, up: bool| {
        let mut bench = Bench::plain();
        bench.rest(Side::Sell, "105", "5");
        bench.rest(Side::Buy, "95", "5");
        bench.place(stop("s", side, kind, at));
        if up {
            bench.hit(Side::Buy, "105", "11")
        } else {
            bench.hit(Side::Sell, "95", "11")
        };
        bench.order("s")["status"].as_str().unwrap().to_owned()
    };
    for (side, kind, at, up) in [
        ("BUY", "STOP_LOSS", "104", true),
        ("SELL", "STOP_LOSS", "96", false),
        ("SELL", "TAKE_PROFIT", "104", true),
        ("BUY", "TAKE_PROFIT", "96", false),
    ] {
        assert_eq!(run(side, kind, at, up), "FILLED", "{side} {kind}");
        assert_eq!(run(side, kind, at, !up), "NEW", "{side} {kind} the other way");
    }
}

#[test]
fn a_stop_on_the_wrong_side_would_trigger_at_once_and_is_refused() {
    let mut bench = Bench::plain();
    bench.hit(Side::Buy, "101", "1");
    for (side, kind, price) in [
        ("SELL", "STOP_LOSS", "102"),
        ("BUY", "STOP_LOSS", "100"),
        ("SELL", "TAKE_PROFIT", "100"),
        ("BUY", "TAKE_PROFIT", "102"),
    ] {
        let (_, code, message) = bench.refused("POST", "order", &stop("s", side, kind, price));
        assert_eq!((code, message.as_str()), (-2010, "Order would trigger immediately."), "{side} {kind}");
    }
}

#[test]
fn a_trailing_stop_follows_the_best_price_and_triggers_its_delta_behind() {
    let mut bench = Bench::plain();
    bench.hit(Side::Buy, "101", "10");
    bench.rest(Side::Sell, "110", "10");
    // 5 % behind the highest price.
    bench.place(json!({"symbol": "BTCUSD", "side": "SELL", "type": "STOP_LOSS", "quantity": "1", "trailingDelta": 500, "newClientOrderId": "t"}));
    bench.hit(Side::Buy, "110", "1");
    bench.rest(Side::Buy, "104.51", "1");
    bench.hit(Side::Sell, "104.51", "1");
    assert_eq!(bench.order("t")["status"], "NEW", "110 less 5 % is 104.50");
    bench.rest(Side::Buy, "104.5", "2");
    bench.hit(Side::Sell, "104.5", "1");
    assert_eq!(bench.order("t")["status"], "FILLED");
}

#[test]
fn with_a_stop_price_trailing_begins_only_there() {
    let mut bench = Bench::plain();
    bench.hit(Side::Buy, "101", "1");
    bench.place(with(stop("t", "SELL", "STOP_LOSS", "98"), "trailingDelta", 100));
    assert_eq!(bench.order("t")["trailingTime"], -1);
    bench.rest(Side::Buy, "97", "20");
    bench.hit(Side::Sell, "97", "11");
    assert_eq!(bench.order("t")["status"], "NEW", "reached: it trails from 97 now");
    assert_ne!(bench.order("t")["trailingTime"], -1);
    bench.rest(Side::Buy, "96", "20");
    bench.hit(Side::Sell, "96", "20");
    assert_eq!(bench.order("t")["status"], "FILLED");
}

fn oco(list: &str) -> Value {
    json!({"symbol": "BTCUSD", "side": "SELL", "quantity": "1", "price": "105", "stopPrice": "95", "stopLimitPrice": "94",
        "stopLimitTimeInForce": "GTC", "listClientOrderId": list, "limitClientOrderId": "lim", "stopClientOrderId": "stp"})
}

#[test]
fn a_list_locks_its_money_once_and_a_fill_of_one_leg_ends_the_other() {
    let mut bench = Bench::plain();
    bench.hit(Side::Buy, "101", "1");
    let conn = bench.listen();
    let reply = bench.call("POST", "order/oco", &oco("list"));
    assert_eq!((&reply["contingencyType"], &reply["listStatusType"]), (&json!("OCO"), &json!("EXEC_STARTED")));
    assert_eq!(
        (&reply["orderReports"][0]["type"], &reply["orderReports"][1]["type"]),
        (&json!("STOP_LOSS_LIMIT"), &json!("LIMIT_MAKER"))
    );
    assert_eq!(bench.money("BTC").1, d("1"));
    bench.hit(Side::Buy, "105", "9.25");
    assert_eq!(
        (bench.order("lim")["status"].clone(), bench.order("stp")["status"].clone()),
        (json!("PARTIALLY_FILLED"), json!("EXPIRED"))
    );
    assert_eq!(bench.order("stp")["expiryReason"], "OCO_TRIGGER");
    bench.hit(Side::Buy, "105", "0.75");
    assert_eq!(bench.money("BTC").1, Decimal::ZERO);
    let frames = bench.frames(conn);
    let lists: Vec<_> = frames
        .iter()
        .map(|f| &f["event"])
        .filter(|e| e["e"] == "listStatus")
        .map(|e| e["L"].as_str().unwrap())
        .collect();
    assert_eq!(lists, ["EXECUTING", "ALL_DONE"]);
}

#[test]
fn the_stop_of_a_list_takes_over_when_it_triggers() {
    let mut bench = Bench::plain();
    bench.hit(Side::Buy, "101", "1");
    bench.rest(Side::Buy, "94", "20");
    bench.call("POST", "order/oco", &oco("list"));
    bench.hit(Side::Sell, "94", "11");
    assert_eq!(
        (bench.order("lim")["status"].clone(), bench.order("stp")["status"].clone()),
        (json!("EXPIRED"), json!("FILLED"))
    );
    assert_eq!(bench.money("BTC").1, Decimal::ZERO);
    assert_eq!(bench.call("GET", "openOrderList", &json!({})), json!([]));
    let list = bench.call("GET", "orderList", &json!({"origClientOrderId": "list"}));
    assert_eq!(list["listOrderStatus"], "ALL_DONE");
}

#[test]
fn a_leg_that_gives_way_to_an_order_of_our_own_ends_the_other() {
    let mut bench = Bench::plain();
    bench.hit(Side::Buy, "101", "1");
    bench.call("POST", "order/oco", &oco("list"));
    let taker = with(limit("taker", "BUY", "20", "105"), "selfTradePreventionMode", "EXPIRE_MAKER");
    bench.place(taker);
    let statuses = ["lim", "stp"].map(|leg| bench.order(leg)["status"].clone());
    assert_eq!(statuses, [json!("EXPIRED_IN_MATCH"), json!("EXPIRED")]);
    assert_eq!(bench.money("BTC").1, Decimal::ZERO);
    assert_eq!(bench.call("GET", "openOrderList", &json!({})), json!([]));
}

#[test]
fn cancelling_one_leg_cancels_the_list_and_the_list_may_be_cancelled_by_name() {
    let mut bench = Bench::plain();
    bench.hit(Side::Buy, "101", "1");
    bench.call("POST", "order/oco", &oco("one"));
    let gone = bench.cancel("lim");
    assert_eq!((&gone["listOrderStatus"], gone["orderReports"].as_array().unwrap().len()), (&json!("ALL_DONE"), 2));
    bench.call("POST", "order/oco", &oco("two"));
    let gone = bench.call("DELETE", "orderList", &json!({"symbol": "BTCUSD", "listClientOrderId": "two"}));
    assert!(gone["orderReports"].as_array().unwrap().iter().all(|r| r["status"] == "CANCELED"), "{gone}");
    assert_eq!(bench.refused("DELETE", "orderList", &json!({"symbol": "BTCUSD", "listClientOrderId": "two"})).1, -2011);
    assert_eq!(bench.money("BTC").1, Decimal::ZERO);
}

#[test]
fn the_prices_of_a_list_must_surround_the_market() {
    let mut bench = Bench::plain();
    bench.hit(Side::Buy, "101", "1");
    let (status, code, _) = bench.refused("POST", "order/oco", &with(oco("list"), "price", "100.5"));
    assert_eq!((status, code), (400, -2010));
    assert_eq!(bench.money("BTC").1, Decimal::ZERO);
}
