//! Every way to be refused: tokens, permissions, rate limits, forms, business rules.

use super::*;

#[test]
fn each_business_rule_refuses_in_http_200_with_its_own_reason() {
    let limit = |size: &str, price: &str| json!({"limit_limit_gtc": {"base_size": size, "limit_price": price}});
    let post_only =
        |price: &str| json!({"limit_limit_gtc": {"base_size": "1", "limit_price": price, "post_only": true}});
    let quote = |quote: &str| json!({"market_market_ioc": {"quote_size": quote}});
    let unknown = "UNKNOWN_FAILURE_REASON";
    let no_preview = "UNKNOWN_PREVIEW_FAILURE_REASON";
    for (side, configuration, reason, preview) in [
        ("BUY", limit("3000", "101"), unknown, no_preview),
        ("BUY", limit("1", "100.001"), "INVALID_PRICE_PRECISION", "PREVIEW_INVALID_PRICE_PRECISION"),
        ("BUY", limit("1.000000001", "100"), "INVALID_SIZE_PRECISION", "PREVIEW_INVALID_SIZE_PRECISION"),
        ("BUY", limit("0", "100"), unknown, "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"),
        ("BUY", limit("-1", "100"), unknown, "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"),
        ("BUY", limit("3401", "100"), unknown, "PREVIEW_INVALID_BASE_SIZE_TOO_LARGE"),
        ("BUY", limit("0.001", "100"), unknown, "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
        ("BUY", limit("1", "-5"), "INVALID_LIMIT_PRICE", no_preview),
        ("BUY", limit("1", "99999999999999999999"), "INVALID_LIMIT_PRICE", no_preview),
        ("BUY", limit("one", "100"), "INVALID_REQUEST", no_preview),
        ("BUY", limit("3000", "400"), "INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND"),
        ("SELL", limit("11", "400"), "INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND"),
        ("BUY", post_only("101"), "INVALID_LIMIT_PRICE_POST_ONLY", "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"),
        ("SELL", post_only("100"), "INVALID_LIMIT_PRICE_POST_ONLY", "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"),
        ("BUY", quote("0.5"), unknown, "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
        ("BUY", quote("10.001"), unknown, "PREVIEW_INVALID_QUOTE_SIZE_PRECISION"),
        ("BUY", quote("1000000000"), unknown, "PREVIEW_INVALID_QUOTE_SIZE_TOO_LARGE"),
        ("SELL", quote("10"), "UNSUPPORTED_ORDER_CONFIGURATION", no_preview),
        ("BUY", json!({"market_market_fok": {"base_size": "1"}}), "UNSUPPORTED_ORDER_CONFIGURATION", no_preview),
        ("BUY", json!({"limit_limit_gtd": {}}), "GTD_ORDERS_MUST_HAVE_END_TIME", no_preview),
    ] {
        let mut bench = Bench::plain();
        let before = bench.money("USD");
        let reply = bench.place("c1", side, configuration.clone());
        if reason == unknown && preview == no_preview {
            assert_eq!(reply["success"], true, "the table's control case: {reply}");
            continue;
        }
        assert_eq!(reply["success"], false, "{configuration}: {reply}");
        let error = &reply["error_response"];
        assert_eq!(
            (error["new_order_failure_reason"].as_str(), error["error"].as_str()),
            (Some(reason), Some(reason)),
            "{configuration}"
        );
        assert_eq!(error["preview_failure_reason"], preview, "{configuration}");
        assert_eq!(reply["order_configuration"], configuration, "echoed");
        assert_eq!(bench.money("USD"), before);
        assert!(bench.venue.exchange.orders.is_empty());
    }
}

#[test]
fn an_unknown_product_an_empty_book_and_a_missing_account_refuse() {
    let mut bench = Bench::plain();
    let mut ask = |product: &str, side: &str, configuration: Value| {
        let mut body = order("c1", side, configuration);
        body["product_id"] = product.into();
        bench.post("/orders", &body)["error_response"].clone()
    };
    assert_eq!(ask("NO-USD", "BUY", json!({"market_market_ioc": {"base_size": "1"}}))["error"], "INVALID_PRODUCT_ID");
    assert_eq!(
        ask("ETH-USD", "BUY", json!({"market_market_ioc": {"base_size": "1"}}))["error"],
        "INVALID_NO_LIQUIDITY"
    );
    let mut config = Config { depth: 0, ..Config::quiet() };
    config.balances.retain(|(currency, _)| currency != "USD");
    let reply =
        Bench::new(config).place("c1", "BUY", json!({"limit_limit_gtc": {"base_size": "1", "limit_price": "90"}}));
    assert_eq!(reply["error_response"]["message"], "account is not available");
}

#[test]
fn a_product_takes_only_what_its_state_allows() {
    let gtc = json!({"limit_limit_gtc": {"base_size": "1", "limit_price": "90"}});
    let post_only = json!({"limit_limit_gtc": {"base_size": "1", "limit_price": "90", "post_only": true}});
    let market = json!({"market_market_ioc": {"base_size": "1"}});
    for (trading, taken) in [
        (Trading::Open, [true, true, true]),
        (Trading::LimitOnly, [true, true, false]),
        (Trading::PostOnly, [false, true, false]),
        (Trading::CancelOnly, [false, false, false]),
        (Trading::Disabled, [false, false, false]),
    ] {
        let mut bench = Bench::plain();
        bench.venue.exchange.markets[0].product.trading = trading;
        let orders = [&gtc, &post_only, &market].into_iter().enumerate();
        let success: Vec<bool> =
            orders.map(|(i, c)| bench.place(&format!("c{i}"), "BUY", c.clone())["success"] == true).collect();
        assert_eq!(success, taken, "{trading:?}");
    }
}

#[test]
fn a_malformed_order_is_400_with_the_venues_error_object() {
    let mut bench = Bench::plain();
    let good = order("c1", "BUY", json!({"market_market_ioc": {"base_size": "1"}}));
    for (member, value, error) in [
        ("client_order_id", json!(""), "INVALID_ARGUMENT"),
        ("client_order_id", json!("x".repeat(129)), "INVALID_ARGUMENT"),
        ("product_id", Value::Null, "INVALID_ARGUMENT"),
        ("side", json!("buy"), "unknown"),
        ("order_configuration", json!({}), "INVALID_ARGUMENT"),
        ("order_configuration", json!({"market_market_ioc": {}, "limit_limit_gtc": {}}), "INVALID_ARGUMENT"),
        ("order_configuration", json!({"no_such_kind": {}}), "INVALID_ARGUMENT"),
        ("order_configuration", json!({"market_market_ioc": {}}), "INVALID_ARGUMENT"),
        ("order_configuration", json!({"market_market_ioc": {"base_size": 1}}), "INVALID_ARGUMENT"),
        ("order_configuration", json!({"limit_limit_gtc": {"base_size": "1"}}), "INVALID_ARGUMENT"),
    ] {
        let mut body = good.clone();
        body[member] = value;
        let (status, text) = bench.ask("POST", "/orders", "", &body.to_string(), true);
        let reply: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status, reply["error"].as_str()), (400, Some(error)), "{body}: {text}");
        assert_eq!(reply["message"], reply["error_details"]);
    }
    assert_eq!(bench.ask("POST", "/orders", "", "{", true).0, 400);
    assert_eq!(bench.ask("POST", "/orders/batch_cancel", "", "{\"order_ids\":[]}", true).0, 400);
    let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    let (status, text) = bench.ask("POST", "/orders/batch_cancel", "", &json!({"order_ids": many}).to_string(), true);
    assert_eq!(status, 400);
    assert!(text.contains("InvalidArgument") && text.contains("100"), "{text}");
}

#[test]
fn without_a_good_token_the_answer_is_plain_text_401_and_nothing_happens() {
    let mut bench = Bench::plain();
    let body = order("c1", "BUY", json!({"market_market_ioc": {"base_size": "1"}})).to_string();
    assert_eq!(bench.ask("POST", "/orders", "", &body, false), (401, "Unauthorized\n".to_owned()));
    let for_another_path = token(&key(), bench.now, Some("POST api.coinbase.com/api/v3/brokerage/orders/batch_cancel"));
    let request = Request {
        method: "POST".into(),
        path: format!("{API}/orders"),
        headers: vec![("authorization".into(), format!("Bearer {for_another_path}"))],
        body: body.into(),
        ..Request::default()
    };
    assert_eq!(bench.venue.http(bench.now, DOOR_REST, &request).status, 401);
    assert!(bench.venue.exchange.orders.is_empty());
    assert_eq!(bench.venue.observed.refused_tokens, [crate::sim::Refused::Missing, crate::sim::Refused::Uri]);
}

#[test]
fn a_view_only_key_may_look_and_not_trade() {
    let mut bench = Bench::plain();
    bench.venue.keys[0].permissions = Permissions { view: true, trade: false };
    let (status, text) = bench.ask("POST", "/orders", "", "{}", true);
    assert_eq!(status, 403);
    assert!(text.contains("PERMISSION_DENIED"), "{text}");
    assert_eq!(bench.get("/key_permissions", "")["can_trade"], false);
}

#[test]
fn beyond_the_rate_limit_the_answer_is_429_and_the_next_second_is_free_again() {
    let mut bench = Bench::new(Config { limits: Limits::default(), ..Config::quiet() });
    let statuses: Vec<u16> = (0..31).map(|_| bench.ask("GET", "/accounts", "", "", true).0).collect();
    assert!(statuses[..30].iter().all(|s| *s == 200));
    assert_eq!(statuses[30], 429);
    let public: Vec<u16> = (0..11).map(|_| bench.ask("GET", "/time", "", "", false).0).collect();
    assert_eq!((public[9], public[10]), (200, 429), "its own, smaller limit");
    bench.venue.limits.refusal = Refusal429::HtmlOnOrders;
    let (status, page) = bench.ask("POST", "/orders", "", "{}", true);
    assert!(status == 429 && page.starts_with("<!DOCTYPE html>"), "{page}");
    assert!(bench.ask("GET", "/accounts", "", "", true).1.contains("rate_limit_exceeded"));
    bench.pass_ms(1_000);
    assert_eq!(bench.ask("GET", "/accounts", "", "", true).0, 200);
}

#[test]
fn unknown_things_are_404_and_bad_queries_400() {
    let mut bench = Bench::plain();
    for (path, status) in [
        ("/products/NO-SUCH", 404),
        ("/orders/historical/none", 404),
        ("/accounts/none", 404),
        ("/no/such/path", 404),
        ("/product_book", 400),
    ] {
        let (got, text) = bench.ask("GET", path, "", "", true);
        assert_eq!(got, status, "{path}: {text}");
        assert!(serde_json::from_str::<Value>(&text).unwrap()["message"].is_string());
    }
    for query in ["order_status=NONSENSE", "limit=x", "cursor=x", "start_date=yesterday"] {
        assert_eq!(bench.ask("GET", "/orders/historical/batch", query, "", true).0, 400, "{query}");
    }
    assert_eq!(bench.ask("DELETE", "/orders", "", "", true).0, 405);
}

#[test]
fn a_test_can_have_the_next_order_refused_or_failed_for_any_reason() {
    let mut bench = Bench::plain();
    let conn = bench.connect(DOOR_USER);
    bench.subscribe_user(conn);
    bench.venue.forced_rejects.push_back("BREACHED_RISK_LIMIT");
    bench.venue.forced_failures.push_back("REJECT_REASON_INSUFFICIENT_FUNDS");
    let configuration = json!({"limit_limit_gtc": {"base_size": "1", "limit_price": "90"}});
    let refused = bench.place("c1", "BUY", configuration.clone());
    assert_eq!(refused["error_response"]["error"], "BREACHED_RISK_LIMIT");
    assert_eq!(bench.place("c2", "BUY", configuration.clone())["success"], true);
    assert_eq!(bench.place("c3", "BUY", configuration)["success"], true);
    let seen = bench.user_orders(conn);
    let seen: Vec<_> = seen.iter().map(|(id, status, _)| (id.as_str(), status.as_str())).collect();
    assert_eq!(seen, [("c2", "PENDING"), ("c2", "FAILED"), ("c3", "PENDING"), ("c3", "OPEN")]);
}
