//! Keys, signatures, windows, forms and filters: what is refused, and in whose words.

use super::*;

fn code(body: &[u8]) -> i64 {
    serde_json::from_slice::<Value>(body).unwrap()["code"].as_i64().unwrap()
}

#[test]
fn a_wrong_key_and_a_malformed_one_are_401_with_their_own_codes() {
    let mut bench = Bench::plain();
    let query = bench.signed(&json!({}));
    for (key, expected) in [(None, -2014), (Some("short"), -2014), (Some(&*"a".repeat(64)), -2015)] {
        let headers = key.map(|key| ("x-mbx-apikey".to_owned(), key.to_owned())).into_iter().collect();
        let request = Request {
            method: "GET".into(),
            path: "/api/v3/account".into(),
            query: query.clone(),
            headers,
            body: vec![],
        };
        let response = bench.venue.http(bench.now, DOOR_REST, &request);
        assert_eq!((response.status, code(&response.body)), (401, expected), "{key:?}");
    }
}

#[test]
fn a_signature_covers_every_byte_and_may_be_upper_case() {
    let mut bench = Bench::plain();
    let good = bench.signed(&json!({"recvWindow": 5000}));
    let upper = format!("{}signature={}", &good[..good.len() - 74], good[good.len() - 64..].to_uppercase());
    assert_eq!(bench.request("GET", "account", upper).status, 200);
    let changed = bench.request("GET", "account", good.replace("recvWindow=5000", "recvWindow=5001"));
    assert_eq!((changed.status, code(&changed.body)), (400, -1022));
    assert_eq!(bench.venue.observed.signature_refusals, 1);
}

#[test]
fn parameters_may_come_in_the_body_and_the_query_wins() {
    let mut bench = Bench::plain();
    let body = bench.signed(&limit("c1", "BUY", "1", "90"));
    let key = bench.venue.key.key().to_owned();
    let request = Request {
        method: "POST".into(),
        path: "/api/v3/order".into(),
        headers: vec![("x-mbx-apikey".into(), key)],
        body: body.into_bytes(),
        ..Request::default()
    };
    assert_eq!(bench.venue.http(bench.now, DOOR_REST, &request).status, 200);
    let other = Request { query: "price=80".into(), ..request };
    let refused = bench.venue.http(bench.now, DOOR_REST, &other);
    assert_eq!(code(&refused.body), -1022, "the query is signed before the body");
}

#[test]
fn a_timestamp_has_a_window_and_may_not_be_ahead() {
    let mut bench = Bench::plain();
    let now_ms = bench.now / MILLISECOND_NS;
    let mut at = |timestamp: u64, window: u64| {
        let (status, body) = bench.ask("GET", "account", &json!({"timestamp": timestamp, "recvWindow": window}));
        if status == 200 {
            (0, String::new())
        } else {
            (body["code"].as_i64().unwrap(), body["msg"].as_str().unwrap().to_owned())
        }
    };
    assert_eq!(at(now_ms - 5_000, 5_000).0, 0);
    assert_eq!(at(now_ms - 5_001, 5_000), (-1021, "Timestamp for this request is outside of the recvWindow.".into()));
    assert_eq!(at(now_ms + 999, 5_000).0, 0);
    assert_eq!(
        at(now_ms + 1_000, 5_000),
        (-1021, "Timestamp for this request was 1000ms ahead of the server's time.".into())
    );
    assert_eq!(at(now_ms, 60_001).0, -1131);
}

#[test]
fn each_form_error_has_its_code() {
    let mut bench = Bench::plain();
    let good = || limit("c", "BUY", "1", "90");
    let without = |name: &str| {
        let mut order = good();
        order.as_object_mut().unwrap().remove(name);
        order
    };
    let cases = [
        (with(good(), "symbol", "NOSUCH"), -1121),
        (with(good(), "side", "buy"), -1117),
        (with(good(), "type", "STOP"), -1116),
        (with(good(), "timeInForce", "GTD"), -1115),
        (without("price"), -1102),
        (without("timeInForce"), -1102),
        (without("quantity"), -1102),
        (with(good(), "price", "1e2"), -1100),
        (with(good(), "price", "90.123456789"), -1111),
        (with(good(), "price", "0"), -1013),
        (with(good(), "stopPrice", "80"), -1106),
        (with(good(), "quoteOrderQty", "80"), -1128),
        (with(good(), "newClientOrderId", "a.b"), -1100),
        (with(good(), "newOrderRespType", "ALL"), -1130),
        (with(good(), "selfTradePreventionMode", "NONE"), -2010),
        (with(with(good(), "icebergQty", "0.5"), "timeInForce", "IOC"), -1106),
        (with(good(), "icebergQty", "2"), -2010),
        (with(good(), "trailingDelta", 100), -1106),
    ];
    for (order, expected) in cases {
        let query = bench.signed(&order);
        let response = bench.request("POST", "order/test", query);
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!((response.status, body["code"].as_i64()), (400, Some(expected)), "{order}: {body}");
    }
}

#[test]
fn each_filter_is_told_by_its_name() {
    let mut bench = Bench::plain();
    let cases = [
        (limit("c", "BUY", "1", "90.001"), "PRICE_FILTER"),
        (limit("c", "BUY", "1", "1000000.01"), "PRICE_FILTER"),
        (limit("c", "BUY", "1", "600"), "PERCENT_PRICE_BY_SIDE"),
        (limit("c", "SELL", "1", "10"), "PERCENT_PRICE_BY_SIDE"),
        (limit("c", "BUY", "0.000001", "90"), "LOT_SIZE"),
        (limit("c", "BUY", "9001", "90"), "LOT_SIZE"),
        (limit("c", "BUY", "0.01", "90"), "MIN_NOTIONAL"),
        (json!({"symbol": "BTCUSD", "side": "SELL", "type": "MARKET", "quantity": "11"}), "MARKET_LOT_SIZE"),
        (json!({"symbol": "BTCUSD", "side": "BUY", "type": "MARKET", "quoteOrderQty": "0.5"}), "MIN_NOTIONAL"),
        (with(limit("c", "BUY", "1", "90"), "icebergQty", "0.09"), "ICEBERG_PARTS"),
        (
            json!({"symbol": "BTCUSD", "side": "SELL", "type": "STOP_LOSS", "quantity": "1", "trailingDelta": 9}),
            "TRAILING_DELTA",
        ),
    ];
    for (order, filter) in cases {
        let refused = bench.refused("POST", "order/test", &order);
        assert_eq!(refused, (400, -1013, format!("Filter failure: {filter}")), "{order}");
    }
}

#[test]
fn open_orders_stops_and_lists_are_counted() {
    let mut bench = Bench::plain();
    let filters = &mut bench.venue.exchange.markets[BTCUSD].product.filters;
    (filters.orders_max, filters.algo_orders_max, filters.order_lists_max) = (7, 1, 1);
    bench.hit(Side::Buy, "101", "1");
    let stop = |id: &str| json!({"symbol": "BTCUSD", "side": "SELL", "type": "STOP_LOSS", "quantity": "1", "stopPrice": "90", "newClientOrderId": id});
    bench.place(stop("s1"));
    assert_eq!(bench.refused("POST", "order", &stop("s2")).2, "Filter failure: MAX_NUM_ALGO_ORDERS");
    bench.cancel("s1");
    let oco = json!({"symbol": "BTCUSD", "side": "SELL", "quantity": "1", "price": "105", "trailingDelta": 500});
    bench.call("POST", "order/oco", &oco);
    let second = bench.refused("POST", "order/oco", &oco).2;
    assert!(second.ends_with("MAX_NUM_ORDER_LISTS") || second.ends_with("MAX_NUM_ALGO_ORDERS"), "{second}");
    for n in 0..5 {
        bench.limit(&format!("c{n}"), "BUY", "0.1", "90");
    }
    assert_eq!(bench.refused("POST", "order", &limit("c9", "BUY", "0.1", "90")).2, "Filter failure: MAX_NUM_ORDERS");
}

#[test]
fn the_engine_refuses_in_the_documented_words() {
    let mut bench = Bench::plain();
    let money = bench.refused("POST", "order", &limit("c", "SELL", "11", "110"));
    assert_eq!(money, (400, -2010, "Account has insufficient balance for requested action.".into()));
    let mut maker = with(limit("c", "BUY", "1", "101"), "type", "LIMIT_MAKER");
    maker.as_object_mut().unwrap().remove("timeInForce");
    assert_eq!(bench.refused("POST", "order", &maker).2, "Order would immediately match and take.");
    bench.limit("dup", "BUY", "1", "90");
    assert_eq!(bench.refused("POST", "order", &limit("dup", "BUY", "1", "90")).2, "Duplicate order sent.");
    bench.cancel("dup");
    bench.limit("dup", "BUY", "1", "90");
    let restricted =
        json!({"symbol": "BTCUSD", "origClientOrderId": "dup", "cancelRestrictions": "ONLY_PARTIALLY_FILLED"});
    let refused = bench.refused("DELETE", "order", &restricted);
    assert_eq!(refused, (400, -2011, "Order was not canceled due to cancel restrictions.".into()));
    bench.venue.exchange.markets[BTCUSD].product.trading = Trading::Halt;
    assert_eq!(bench.refused("POST", "order", &limit("h", "BUY", "1", "90")).2, "Market is closed.");
    assert_eq!(bench.cancel("dup")["status"], "CANCELED", "cancels work in a halt");
    bench.venue.exchange.markets[BTCUSD].product.trading = Trading::Trading;
    bench.venue.forced_rejects.push_back((-2010, "This action is disabled on this account."));
    assert_eq!(
        bench.refused("POST", "order", &limit("f", "BUY", "1", "90")).2,
        "This action is disabled on this account."
    );
    assert_eq!(bench.limit("f", "BUY", "1", "90")["status"], "NEW");
}

#[test]
fn unknown_paths_methods_and_listen_keys_of_the_past_are_no_json() {
    let mut bench = Bench::plain();
    assert_eq!(bench.request("GET", "nothing", String::new()).status, 404);
    assert_eq!(bench.request("PATCH", "order", String::new()).status, 405);
    assert_eq!(bench.request("POST", "userDataStream", String::new()).status, 200);
    for (mode, status) in [(ListenKeys::Gone, 410), (ListenKeys::NotFound, 404)] {
        bench.venue.listen_keys = mode;
        let response = bench.request("POST", "userDataStream", String::new());
        assert_eq!(response.status, status);
        assert!(response.headers.iter().any(|(_, value)| value.starts_with("text/html")));
    }
}
