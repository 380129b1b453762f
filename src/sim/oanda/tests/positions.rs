//! Trades and positions: netting, hedging, flips, closing, margin.

use super::*;

#[test]
fn a_netting_account_reduces_first_in_order_and_a_flip_is_one_fill() {
    let mut desk = Desk::new();
    desk.market("60");
    desk.market("40");
    let body = desk.market("-150");
    let fill = &body["orderFillTransaction"];
    assert_eq!(fill["tradesClosed"].as_array().unwrap().len(), 2);
    assert_eq!((&fill["tradesClosed"][0]["units"], &fill["tradeOpened"]["units"]), (&"-60".into(), &"-50".into()));
    assert_eq!((&fill["pl"], &fill["accountBalance"]), (&"-0.0120".into(), &"99999.9880".into()));
    let body = desk.market("20");
    assert_eq!(body["orderFillTransaction"]["tradeReduced"]["units"], "20");
    let position = &desk.get("/positions/EUR_USD")["position"];
    assert_eq!((&position["short"]["units"], &position["long"]["units"]), (&"-30".into(), &"0".into()));
    assert_eq!((&position["short"]["averagePrice"], position["long"].get("averagePrice")), (&"1.20010".into(), None));
    let only = json!({"type": "MARKET", "instrument": "EUR_USD", "units": "5", "positionFill": "OPEN_ONLY"});
    assert_eq!(desk.place(only)["orderCancelTransaction"]["reason"], "FIFO_VIOLATION");
}

#[test]
fn a_hedging_account_keeps_both_sides_and_margins_the_larger() {
    let mut desk = Desk::with(Config { hedging: true, ..Config::quiet() });
    desk.market("1000");
    let used = |desk: &mut Desk| desk.get("/summary")["account"]["marginUsed"].as_str().unwrap().to_owned();
    let before = used(&mut desk);
    desk.market("-400");
    assert_eq!(used(&mut desk), before);
    let position = desk.get("/openPositions")["positions"][0].clone();
    assert_eq!((&position["long"]["units"], &position["short"]["units"]), (&"1000".into(), &"-400".into()));
    let reduce = json!({"type": "MARKET", "instrument": "EUR_USD", "units": "-100", "positionFill": "REDUCE_FIRST"});
    assert_eq!(desk.place(reduce)["orderFillTransaction"]["tradeReduced"]["units"], "-100");
}

#[test]
fn a_position_closes_as_asked() {
    let mut desk = Desk::new();
    let path = "/positions/EUR_USD/close";
    let (status, body) = desk.ask("PUT", path, json!({"shortUnits": "ALL", "longUnits": "NONE"}));
    assert_eq!((status, &body["errorCode"]), (404, &"CLOSEOUT_POSITION_DOESNT_EXIST".into()));
    assert!(body["shortOrderRejectTransaction"].get("units").is_none(), "{body}");
    desk.market("100");
    let (status, body) = desk.ask("PUT", path, json!({}));
    assert_eq!(
        (status, &body["longOrderRejectTransaction"]["rejectReason"]),
        (400, &"CLOSEOUT_POSITION_REJECT".into())
    );
    assert_eq!(body["errorCode"], "CLOSEOUT_POSITION_DOESNT_EXIST");
    let (status, body) =
        desk.ask("PUT", path, json!({"longUnits": "30", "shortUnits": "NONE", "longClientExtensions": {"id": "c"}}));
    assert_eq!((status, &body["longOrderFillTransaction"]["tradeReduced"]["units"]), (200, &"-30".into()));
    assert_eq!(body["longOrderFillTransaction"]["clientOrderID"], "c");
    let (status, body) = desk.ask("PUT", path, json!({"longUnits": "71", "shortUnits": "NONE"}));
    assert_eq!((status, &body["errorCode"]), (400, &"CLOSEOUT_POSITION_UNITS_EXCEED_POSITION_SIZE".into()));
    let (status, body) = desk.ask("PUT", path, json!({"longUnits": "0.5", "shortUnits": "NONE"}));
    assert_eq!((status, &body["errorCode"]), (400, &"UNITS_PRECISION_EXCEEDED".into()));
    let (status, body) = desk.ask("PUT", path, json!({"longUnits": "ALL", "shortUnits": "NONE"}));
    let create = &body["longOrderCreateTransaction"];
    assert_eq!((status, &create["units"], &create["reason"]), (200, &"-70".into(), &"POSITION_CLOSEOUT".into()));
    assert_eq!(create["longPositionCloseout"], json!({"instrument": "EUR_USD", "units": "ALL"}));
    assert_eq!(body["longOrderFillTransaction"]["reason"], "MARKET_ORDER_POSITION_CLOSEOUT");
    assert_eq!(desk.get("/openPositions")["positions"], json!([]));
    assert_eq!(desk.get("/positions")["positions"][0]["long"]["units"], "0", "once traded, always listed");
    let (_, body) = desk.ask("PUT", path, json!({"longUnits": "NONE", "shortUnits": "NONE"}));
    assert!(body["errorMessage"].is_string());
}

#[test]
fn a_closed_market_leaves_a_close_undone_with_200() {
    let mut desk = Desk::new();
    desk.market("100");
    desk.venue.set_tradeable(desk.now_ns, "EUR_USD", false).unwrap();
    let (status, body) = desk.ask("PUT", "/positions/EUR_USD/close", json!({"longUnits": "ALL", "shortUnits": "NONE"}));
    assert_eq!((status, &body["longOrderCancelTransaction"]["reason"]), (200, &"MARKET_HALTED".into()));
}

#[test]
fn a_trade_closes_whole_or_in_part() {
    let mut desk = Desk::new();
    let trade = desk.market("100")["orderFillTransaction"]["id"].as_str().unwrap().to_owned();
    let path = format!("/trades/{trade}/close");
    let (_, body) = desk.ask("PUT", &path, json!({"units": "40"}));
    assert_eq!(body["orderCreateTransaction"]["tradeClose"], json!({"units": "40", "tradeID": trade}));
    assert_eq!(body["orderFillTransaction"]["reason"], "MARKET_ORDER_TRADE_CLOSE");
    assert_eq!(desk.ask("PUT", &path, json!({"units": "61"})).1["errorCode"], "CLOSE_TRADE_UNITS_EXCEED_TRADE_SIZE");
    let (_, body) = desk.ask("PUT", &path, Value::Null);
    assert_eq!(body["orderFillTransaction"]["tradesClosed"][0]["units"], "-60");
    let (status, body) = desk.ask("PUT", &path, json!({"units": "ALL"}));
    assert_eq!((status, &body["orderRejectTransaction"]["rejectReason"]), (404, &"TRADE_DOESNT_EXIST".into()));
    assert_eq!(
        desk.ask("PUT", "/trades/x/close", json!({})).1["errorMessage"],
        "Invalid value specified for 'tradeID'"
    );
    assert_eq!(desk.get("/trades?state=CLOSED")["trades"][0]["closingTransactionIDs"].as_array().unwrap().len(), 2);
}

#[test]
fn profit_in_another_currency_is_converted_at_a_cost() {
    let mut desk = Desk::new();
    desk.set("USD_JPY", "150.000", "150.010");
    desk.place(json!({"type": "MARKET", "instrument": "USD_JPY", "units": "10000"}));
    desk.set("USD_JPY", "151.010", "151.020");
    let (_, body) = desk.ask("PUT", "/positions/USD_JPY/close", json!({"longUnits": "ALL", "shortUnits": "NONE"}));
    let fill = &body["longOrderFillTransaction"];
    // 10000 yen at 1/151.015, less one percent.
    assert_eq!((&fill["quotePL"], &fill["pl"]), (&"10000".into(), &"65.5564".into()));
    assert_eq!(fill["gainQuoteHomeConversionFactor"], "0.00655564");
}

#[test]
fn an_account_without_margin_is_closed_out() {
    let mut desk = Desk::with(Config { balance: d("1000"), ..Config::quiet() });
    desk.market("40000");
    desk.price("1.18720", "1.18732");
    let summary = desk.get("/summary");
    assert_eq!(summary["account"]["openTradeCount"], 1, "half the margin is still covered: {summary}");
    desk.price("1.18700", "1.18712");
    let summary = desk.get("/summary");
    assert_eq!(
        (&summary["account"]["openTradeCount"], &summary["account"]["marginUsed"]),
        (&0.into(), &"0.0000".into())
    );
    let last = desk.venue.exchange.log.text(desk.venue.exchange.log.last());
    assert!(last.contains("MARKET_ORDER_MARGIN_CLOSEOUT"), "{last}");
}
