//! Listings, transactions, changes, prices, candles; who is let in and how errors look.

use super::*;

#[test]
fn errors_have_the_venues_forms() {
    let mut desk = Desk::new();
    let mut stranger = desk.request("GET", "/summary", None);
    stranger.headers.clear();
    assert_eq!(desk.send(&stranger).status, 401);
    let mut other = desk.request("GET", "/summary", None);
    other.path = "/v3/accounts/101-001-7654321-002/summary".into();
    let response = desk.send(&other);
    assert_eq!(
        (response.status, response.body.as_slice()),
        (403, &br#"{"errorMessage":"The provided request was forbidden."}"#[..])
    );
    for (method, path, status, code) in [
        ("DELETE", "/orders", 405, None),
        ("GET", "/nothing", 404, None),
        ("GET", "/orders/99", 404, Some("NO_SUCH_ORDER")),
        ("GET", "/trades/99", 404, Some("NO_SUCH_TRADE")),
        ("GET", "/transactions/99", 404, Some("NO_SUCH_TRANSACTION")),
        ("GET", "/positions/EUR_USD", 404, Some("NO_SUCH_POSITION")),
        ("GET", "/transactions/idrange?from=3&to=99", 416, None),
        ("GET", "/transactions/sinceid?id=99", 416, None),
        ("GET", "/changes?sinceTransactionID=99", 416, None),
        ("GET", "/pricing", 400, Some("oanda::rest::core::InvalidParameterException")),
        ("GET", "/orders?count=501", 400, Some("oanda::rest::core::InvalidParameterException")),
    ] {
        let (got, body) = desk.ask(method, path, Value::Null);
        assert_eq!((got, body["errorCode"].as_str()), (status, code), "{method} {path}: {body}");
        assert!(body["errorMessage"].is_string());
    }
}

#[test]
fn too_many_requests_get_429_and_the_next_second_is_free_again() {
    let limits = Limits { requests_per_s: 3, ..Limits::NONE };
    let mut desk = Desk::with(Config { limits, ..Config::quiet() });
    let statuses: Vec<u16> = (0..4).map(|_| desk.ask("GET", "/summary", Value::Null).0).collect();
    assert_eq!(statuses, [200, 200, 200, 429]);
    desk.pass(SECOND_NS);
    assert_eq!(desk.ask("GET", "/summary", Value::Null).0, 200);
}

#[test]
fn accounts_show_the_mt4_account_and_every_reply_its_request_id() {
    let mut desk = Desk::new();
    let mut request = desk.request("GET", "", None);
    request.path = "/v3/accounts".into();
    let response = desk.send(&request);
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(body["accounts"][1]["tags"], json!(["MT4"]));
    assert!(response.headers.iter().any(|(name, value)| name == "RequestID" && value.len() == 17));
}

#[test]
fn unix_times_are_given_where_asked_for() {
    let mut desk = Desk::new();
    let mut request = desk.request("GET", "/transactions/1", None);
    request.headers.push(("accept-datetime-format".into(), "UNIX".into()));
    let body: Value = serde_json::from_slice(&desk.send(&request).body).unwrap();
    assert_eq!(body["transaction"]["time"], "1772619072.000000000");
}

#[test]
fn transactions_are_found_by_id_range_and_time() {
    let mut desk = Desk::new();
    desk.market("1");
    desk.market("-1");
    let since = desk.get("/transactions/sinceid?id=3");
    let ids: Vec<&str> = since["transactions"].as_array().unwrap().iter().map(|t| t["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["4", "5", "6", "7"]);
    let fills = desk.get("/transactions/idrange?from=1&to=7&type=ORDER_FILL");
    assert_eq!(fills["transactions"].as_array().unwrap().len(), 2);
    let pages = desk.get("/transactions?from=2026-03-01T00:00:00Z&pageSize=3&type=ORDER");
    assert_eq!((&pages["count"], pages["pages"].as_array().unwrap().len()), (&4.into(), 2));
    assert!(pages["pages"][0].as_str().unwrap().ends_with("/transactions/idrange?from=4&to=6&type=ORDER"), "{pages}");
}

#[test]
fn long_listings_come_in_pages() {
    let mut desk = Desk::new();
    for _ in 0..3 {
        desk.place(json!({"type": "LIMIT", "instrument": "EUR_USD", "units": "1", "price": "1.1"}));
    }
    let request = desk.request("GET", "/orders?count=2", None);
    let response = desk.send(&request);
    let link = &response.headers.iter().find(|(name, _)| name == "Link").unwrap().1;
    assert!(link.contains("beforeID=5") && link.contains("rel=\"next\""), "{link}");
    assert_eq!(desk.get("/orders?count=2&beforeID=5")["orders"].as_array().unwrap().len(), 1);
    assert_eq!(desk.get("/orders?ids=4,6")["orders"].as_array().unwrap().len(), 2);
}

#[test]
fn changes_tell_what_happened_since() {
    let mut desk = Desk::new();
    desk.place(json!({"type": "LIMIT", "instrument": "EUR_USD", "units": "1", "price": "1.1"}));
    let trade = desk.market("10")["orderFillTransaction"]["id"].clone();
    let changes = desk.get("/changes?sinceTransactionID=3");
    let of = |name: &str| changes["changes"][name].as_array().unwrap().len();
    assert_eq!(
        [of("ordersCreated"), of("ordersFilled"), of("tradesOpened"), of("positions"), of("transactions")],
        [1, 1, 1, 1, 3]
    );
    assert_eq!(changes["state"]["trades"][0]["id"], trade);
    assert_eq!(changes["state"]["orders"][0]["triggerDistance"], "0.10022");
    let changes = desk.get("/changes?sinceTransactionID=6");
    assert_eq!(changes["changes"]["transactions"], json!([]));
}

#[test]
fn a_lagging_listing_does_not_know_a_fresh_order() {
    let mut desk = Desk::new();
    desk.now_ns += 10 * SECOND_NS;
    desk.venue.reports.listing_lag_ns = 5 * SECOND_NS;
    desk.place(json!({"type": "LIMIT", "instrument": "EUR_USD", "units": "1", "price": "1.1", "clientExtensions": {"id": "f"}}));
    assert_eq!(desk.ask("GET", "/orders/@f", Value::Null).0, 404);
    let since = desk.get("/transactions/sinceid?id=3");
    assert_eq!((&since["transactions"], &since["lastTransactionID"]), (&json!([]), &"3".into()));
    desk.pass(5 * SECOND_NS);
    assert_eq!(desk.get("/orders/@f")["order"]["state"], "PENDING");
}

#[test]
fn prices_and_their_conversions_are_told() {
    let mut desk = Desk::new();
    let body = desk.get("/pricing?instruments=EUR_USD%2CUSD_JPY&includeHomeConversions=true");
    assert_eq!(body["prices"].as_array().unwrap().len(), 2);
    let euro = &body["homeConversions"][0];
    assert_eq!(
        (&euro["currency"], &euro["accountGain"], &euro["accountLoss"]),
        (&"EUR".into(), &"1.1881584".into(), &"1.2121616".into())
    );
}

#[test]
fn candles_widen_and_show_the_sides_asked_for() {
    let mut desk = Desk::new();
    desk.pass(60 * SECOND_NS);
    desk.price("1.21000", "1.21010");
    desk.price("1.20500", "1.20510");
    let body = desk.get("/instruments/EUR_USD/candles?granularity=M1&price=BM&count=1");
    let candle = &body["candles"][0];
    assert_eq!((&candle["bid"]["h"], &candle["mid"]["c"]), (&"1.21000".into(), &"1.20505".into()), "{body}");
    assert_eq!((candle.get("ask"), &candle["complete"]), (None, &false.into()));
    assert_eq!(desk.ask("GET", "/instruments/EUR_USD/candles?granularity=M3", Value::Null).0, 400);
}

#[test]
fn the_latest_candles_of_several_kinds_come_in_one_reply() {
    let mut desk = Desk::new();
    desk.price("1.21000", "1.21010");
    desk.pass(60 * SECOND_NS);
    desk.price("1.20500", "1.20510");
    let body = desk.get("/candles/latest?candleSpecifications=EUR_USD:M1:BM,USD_JPY:S5:M");
    let (euro, yen) = (&body["latestCandles"][0], &body["latestCandles"][1]);
    assert_eq!((&euro["instrument"], &euro["granularity"]), (&"EUR_USD".into(), &"M1".into()), "{body}");
    let candles = euro["candles"].as_array().unwrap();
    assert_eq!((candles.len(), &candles[0]["complete"], &candles[1]["complete"]), (2, &true.into(), &false.into()));
    assert_eq!((&candles[1]["bid"]["c"], candles[1].get("ask")), (&"1.20500".into(), None));
    assert_eq!((&yen["granularity"], body["latestCandles"].as_array().unwrap().len()), (&"S5".into(), 2));
    for wrong in ["", "EUR_USD", "EUR_USD:M1", "EUR_USD:M3:M", "EUR_USD:M1:X", "NO_SUCH:M1:M", "EUR_USD:M1:M,"] {
        let path = format!("/candles/latest?candleSpecifications={wrong}");
        assert_eq!(desk.ask("GET", &path, Value::Null).0, 400, "{wrong}");
    }
}

#[test]
fn the_account_can_be_configured() {
    let mut desk = Desk::new();
    let (status, body) = desk.ask("PATCH", "/configuration", json!({"alias": "Mine", "marginRate": "0.05"}));
    assert_eq!((status, &body["clientConfigureTransaction"]["marginRate"]), (200, &"0.05".into()));
    assert_eq!(desk.get("/summary")["account"]["alias"], "Mine");
    let (status, body) = desk.ask("PATCH", "/configuration", json!({"marginRate": "2"}));
    assert_eq!((status, &body["errorCode"]), (400, &"MARGIN_RATE_INVALID".into()));
}
