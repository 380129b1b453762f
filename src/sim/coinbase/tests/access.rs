//! Keys, the retired scheme, the forms of refusals, and the listings that came with them.

use super::*;
use crate::sim::coinbase::errors::{Generation, ReasonPlace};
use crate::sim::Refused;
use aws_lc_rs::hmac;

fn view_only() -> Credentials {
    static KEY: OnceLock<Credentials> = OnceLock::new();
    KEY.get_or_init(|| Credentials::generate_named("view-only", KeyKind::Es256).unwrap()).clone()
}

fn request(method: &str, path: &str, headers: &[(&str, String)], body: &str) -> Request {
    Request {
        method: method.into(),
        path: format!("{API}{path}"),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        body: body.into(),
        ..Request::default()
    }
}

fn hmac_hex(secret: &str, text: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), text.as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_second_key_of_the_same_account_may_look_and_not_trade() {
    let config = Config { view_only_credentials: Some(view_only()), depth: 0, ..Config::quiet() };
    let mut bench = Bench::new(config);
    let signed = |method: &str, path: &str, now: u64| {
        let jwt = token(&view_only(), now, Some(&format!("{method} api.coinbase.com{API}{path}")));
        request(method, path, &[("authorization", format!("Bearer {jwt}"))], "{}")
    };
    let now = bench.now;
    let ours = bench.get("/key_permissions", "");
    assert_eq!((&ours["can_view"], &ours["can_trade"]), (&json!(true), &json!(true)));
    let reply = bench.venue.http(now, DOOR_REST, &signed("GET", "/key_permissions", now));
    let theirs: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((&theirs["can_view"], &theirs["can_trade"]), (&json!(true), &json!(false)));
    assert_eq!(theirs["portfolio_uuid"], ours["portfolio_uuid"], "of the same account");
    for path in ["/orders", "/orders/batch_cancel", "/orders/edit", "/orders/edit_preview"] {
        let reply = bench.venue.http(now, DOOR_REST, &signed("POST", path, now));
        assert_eq!((reply.status, reply.body), (403, errors::permission_denied().body), "{path}");
    }
    assert_eq!(bench.venue.http(now, DOOR_REST, &signed("POST", "/orders/preview", now)).status, 400, "looks only");
}

#[test]
fn the_retired_hmac_scheme_opens_the_venue_only_when_configured() {
    let legacy = LegacyKey { key: "0123456789abcdef".into(), secret: "throwaway".into() };
    let stamp = (START / crate::sim::SECOND_NS).to_string();
    let signed = |query: &str, signature: String| {
        let headers = [
            ("cb-access-key", legacy.key.clone()),
            ("cb-access-sign", signature),
            ("cb-access-timestamp", stamp.clone()),
        ];
        Request { query: query.into(), ..request("GET", "/accounts", &headers, "") }
    };
    let good = hmac_hex("throwaway", &format!("{stamp}GET{API}/accounts"));
    let with_query = hmac_hex("throwaway", &format!("{stamp}GET{API}/accounts?limit=1"));
    let mut off = Bench::new(Config::quiet());
    assert_eq!(off.venue.http(START, DOOR_REST, &signed("limit=1", good.clone())).status, 401);
    let mut on = Bench::new(Config { legacy_key: Some(legacy.clone()), ..Config::quiet() });
    assert_eq!(on.venue.http(START, DOOR_REST, &signed("limit=1", good.clone())).status, 200);
    assert_eq!(on.venue.http(START, DOOR_REST, &signed("limit=1", with_query)).status, 401, "the path without query");
    assert_eq!(on.venue.observed.refused_tokens, [Refused::Signature]);

    let conn = on.connect(DOOR_USER);
    let subscribe = |products: &[&str], signature: String| {
        json!({"type": "subscribe", "channel": "user", "product_ids": products, "api_key": legacy.key.clone(),
               "timestamp": stamp.clone(), "signature": signature})
    };
    let products = ["BTC-USD", "ETH-USD"];
    on.say(conn, &subscribe(&products, hmac_hex("throwaway", &format!("{stamp}userBTC-USD"))));
    assert_eq!(on.frames(conn)[0]["message"], "authentication failure");
    on.say(conn, &subscribe(&products, hmac_hex("throwaway", &format!("{stamp}userBTC-USD,ETH-USD"))));
    assert_eq!(on.frames(conn)[0]["channel"], "user");
}

#[test]
fn the_reason_of_a_rejection_may_be_in_any_one_place() {
    let unknown = ["UNKNOWN_FAILURE_REASON", "UNKNOWN_FAILURE_REASON", "UNKNOWN_PREVIEW_FAILURE_REASON", ""];
    for (place, at, text) in [
        (ReasonPlace::NewOrderFailureReason, 0, "INSUFFICIENT_FUND"),
        (ReasonPlace::Error, 1, "INSUFFICIENT_FUND"),
        (ReasonPlace::PreviewFailureReason, 2, "PREVIEW_INSUFFICIENT_FUND"),
        (ReasonPlace::Message, 3, "Insufficient balance in source account"),
    ] {
        let mut bench = Bench::plain();
        bench.venue.reason_place = place;
        let dear = json!({"limit_limit_gtc": {"base_size": "3000", "limit_price": "400"}});
        let error = bench.place("c1", "BUY", dear)["error_response"].clone();
        let mut expected = unknown;
        expected[at] = text;
        let found = ["new_order_failure_reason", "error", "preview_failure_reason", "message"].map(|key| &error[key]);
        assert_eq!(found, expected.each_ref().map(|text| text), "{place:?}");
    }
}

#[test]
fn bodies_of_before_2024_can_be_had() {
    let mut bench = Bench::plain();
    bench.venue.generation = Generation::Before2024;
    let limit = json!({"limit_limit_gtc": {"base_size": "1", "limit_price": "90"}});
    let placed = bench.place("c1", "BUY", limit);
    assert_eq!(placed["failure_reason"], "UNKNOWN_FAILURE_REASON", "even on success");
    assert_eq!(placed["order_id"], placed["success_response"]["order_id"]);
    let refused = bench.place("c2", "BUY", json!({"limit_limit_gtc": {"base_size": "3000", "limit_price": "400"}}));
    assert_eq!((&refused["failure_reason"], &refused["order_id"]), (&json!("UNKNOWN_FAILURE_REASON"), &json!("")));
    assert!(refused["error_response"].get("new_order_failure_reason").is_none());
    let edit = bench.post("/orders/edit", &json!({"order_id": "none", "price": "1", "size": "1"}));
    assert_eq!(edit["error_response"]["edit_order_failure_reason"], "ORDER_NOT_FOUND");
    let (status, text) = bench.ask("GET", "/orders/historical/none", "", "", true);
    assert_eq!((status, text.contains(r#""error":"unknown""#)), (404, true), "{text}");
}

#[test]
fn every_canned_error_has_its_status_and_form() {
    let json_of = |response: &crate::sim::server::Response| serde_json::from_slice::<Value>(&response.body).ok();
    let denied = errors::missing_scopes();
    assert_eq!(
        (denied.status, json_of(&denied).unwrap()["error_details"].clone()),
        (403, json!("Missing required scopes"))
    );
    assert_eq!(json_of(&errors::too_many_requests()).unwrap()["errors"][0]["id"], "rate_limit_exceeded");
    assert_eq!(json_of(&errors::described(500, "INTERNAL", "boom")).unwrap()["code"], 500);
    assert_eq!(errors::unauthorized().body, b"Unauthorized\n");
    for (page, status) in [(errors::too_many_requests_html(), 429), (errors::html(522), 522)] {
        assert_eq!(page.status, status);
        assert!(json_of(&page).is_none() && page.body.len() > 2_048, "a page of several kB");
    }
}

#[test]
fn edits_can_be_refused_on_request() {
    let mut bench = Bench::plain();
    let id = bench.limit("c1", "BUY", "1", "90");
    bench.venue.forced_edit_failures.push_back("ORDER_IS_ALREADY_BEING_REPLACED");
    let body = json!({"order_id": id, "price": "91", "size": "1"});
    assert_eq!(
        bench.post("/orders/edit", &body)["errors"][0]["edit_failure_reason"],
        "ORDER_IS_ALREADY_BEING_REPLACED"
    );
    assert_eq!(bench.post("/orders/edit", &body)["success"], true);
}

#[test]
fn candles_come_newest_first_in_the_width_asked_and_at_most_350() {
    let mut bench = Bench::plain();
    for (price, minutes) in [("100", 0), ("99.5", 1), ("99", 4), ("98", 1)] {
        bench.pass_ms(minutes * 60_000);
        bench.rest(Side::Buy, price, "20");
        bench.hit(Side::Sell, price, "25");
    }
    let start = START / crate::sim::SECOND_NS;
    let range = |granularity: &str| format!("start={}&end={}&granularity={granularity}", start, start + 600);
    let candles = bench.get("/products/BTC-USD/candles", &range("FIVE_MINUTE"))["candles"].clone();
    let starts: Vec<u64> =
        candles.as_array().unwrap().iter().map(|c| c["start"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(starts, [start + 300, start]);
    assert_eq!(
        (&candles[0]["open"], &candles[0]["low"], &candles[0]["close"]),
        (&json!("99"), &json!("98"), &json!("98"))
    );
    let minutes = bench.get("/market/products/BTC-USD/candles", &format!("{}&limit=1", range("ONE_MINUTE")));
    assert_eq!(minutes["candles"].as_array().unwrap().len(), 1);
    for query in [
        format!("start={start}&end={}&granularity=ONE_MINUTE", start + 60 * 400),
        range("ONE_SECOND"),
        "start=x&end=1&granularity=ONE_DAY".to_owned(),
        "granularity=ONE_DAY".to_owned(),
    ] {
        assert_eq!(bench.ask("GET", "/products/BTC-USD/candles", &query, "", true).0, 400, "{query}");
    }
}

#[test]
fn products_can_be_paged_and_those_not_traded_listed_on_request() {
    let mut bench = Bench::plain();
    bench.venue.exchange.markets[1].product.trading = Trading::Disabled;
    let ids = |list: &Value| -> Vec<String> {
        list["products"].as_array().unwrap().iter().map(|p| p["product_id"].as_str().unwrap().to_owned()).collect()
    };
    let all = ids(&bench.get("/products", "get_all_products=true"));
    let traded = ids(&bench.get("/products", ""));
    assert!(all.contains(&"ETH-USD".to_owned()) && !traded.contains(&"ETH-USD".to_owned()));
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = bench.get("/products", &format!("get_all_products=true&limit=4&cursor={cursor}"));
        paged.extend(ids(&page));
        if page["pagination"]["has_next"] == false {
            break;
        }
        cursor = page["pagination"]["next_cursor"].as_str().unwrap().to_owned();
    }
    assert_eq!(paged, all);
    assert_eq!(ids(&bench.get("/products", "product_type=FUTURE")), Vec::<String>::new());
    let (status, text) = bench.ask("GET", "/products", "product_type=OPTIONS", "", true);
    assert!(status == 400 && text.contains("OPTIONS") && text.contains("is not a valid value"), "{text}");
}

#[test]
fn a_book_can_be_joined_into_coarser_levels() {
    let mut bench = Bench::plain();
    bench.rest(Side::Buy, "99.6", "1");
    bench.rest(Side::Sell, "101.4", "1");
    let query = "product_id=BTC-USD&aggregation_price_increment=1";
    let book = bench.get("/product_book", query)["pricebook"].clone();
    assert_eq!(book["bids"], json!([{"price": "100", "size": "10"}, {"price": "99", "size": "1"}]));
    assert_eq!(book["asks"], json!([{"price": "101", "size": "10"}, {"price": "102", "size": "1"}]));
}

#[test]
fn fills_can_be_sorted_by_price_and_lag_on_their_own() {
    let mut bench = Bench::plain();
    bench.rest(Side::Sell, "102", "5");
    bench.limit("c1", "BUY", "11", "102");
    bench.pass_ms(1);
    bench.limit("c2", "SELL", "1", "100");
    let prices = |list: &Value| -> Vec<String> {
        list["fills"].as_array().unwrap().iter().map(|f| f["price"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(prices(&bench.get("/orders/historical/fills", "sort_by=TRADE_TIME")), ["100", "102", "101"]);
    let first = bench.get("/orders/historical/fills", "sort_by=PRICE&limit=2");
    let cursor = first["cursor"].as_str().unwrap().to_owned();
    let rest = bench.get("/orders/historical/fills", &format!("sort_by=PRICE&limit=2&cursor={cursor}"));
    assert_eq!((prices(&first), prices(&rest)), (vec!["102".into(), "101".into()], vec!["100".to_owned()]));
    bench.venue.fills_lag_ns = 1_000 * MILLISECOND_NS;
    assert!(prices(&bench.get("/orders/historical/fills", "")).is_empty());
    assert_eq!(bench.get("/orders/historical/batch", "")["orders"].as_array().unwrap().len(), 2, "orders do not lag");
    bench.pass_ms(1_000);
    assert_eq!(prices(&bench.get("/orders/historical/fills", "")).len(), 3);
}

#[test]
fn the_futures_balance_needs_a_key_and_has_the_documented_form() {
    let mut bench = Bench::plain();
    let conn = bench.connect(DOOR_USER);
    bench.say(conn, &json!({"type": "subscribe", "channel": "futures_balance_summary"}));
    assert_eq!(bench.frames(conn)[0]["message"], "authentication failure");
    let jwt = token(&key(), bench.now, None);
    bench.say(conn, &json!({"type": "subscribe", "channel": "futures_balance_summary", "jwt": jwt}));
    let frames = bench.frames(conn);
    assert_eq!(frames[0]["channel"], "futures_balance_summary");
    let summary = &frames[0]["events"][0]["fcm_balance_summary"];
    assert!(summary["available_margin"].is_string(), "{summary}");
    assert!(summary["intraday_margin_window_measure"]["maintenance_margin"].is_string());
    assert!(frames[1]["events"][0]["subscriptions"]["futures_balance_summary"].is_array());
}

#[test]
fn what_the_reference_leaves_open_can_be_chosen() {
    let gtc = |price: &str| json!({"limit_limit_gtc": {"base_size": "1", "limit_price": price, "post_only": true}});
    let id = |reply: Value| reply["success_response"]["order_id"].as_str().unwrap().to_owned();
    let mut bench = Bench::plain();
    bench.venue.unconfirmed.post_only_fails_later = true;
    let crossing = id(bench.place("c1", "BUY", gtc("101")));
    assert_eq!(bench.order(&crossing)["status"], "FAILED");

    bench.venue.unconfirmed.open_orders_max = 1;
    let first = id(bench.place("c2", "BUY", gtc("90")));
    let second = id(bench.place("c3", "BUY", gtc("90")));
    assert_eq!(bench.order(&first)["status"], "OPEN");
    assert_eq!(bench.order(&second)["reject_reason"], "TOO_MANY_OPEN_ORDERS");

    bench.venue.unconfirmed.cancels_blind_ns = 50 * MILLISECOND_NS;
    assert_eq!(bench.cancel(&[&first])["results"][0]["failure_reason"], "UNKNOWN_CANCEL_ORDER");
    bench.pass_ms(50);
    assert_eq!(bench.cancel(&[&first])["results"][0]["success"], true);

    let bought = id(bench.place("c4", "BUY", json!({"market_market_ioc": {"quote_size": "102.22"}})));
    bench.venue.unconfirmed.fills_in_quote = true;
    let fill = bench.get("/orders/historical/fills", "")["fills"][0].clone();
    assert_eq!((&fill["size_in_quote"], &fill["size"]), (&json!(true), &bench.order(&bought)["filled_value"]));

    bench.venue.unconfirmed.tokens_good_once = true;
    // The bench signs with one nonce for ever.
    assert_eq!(bench.ask("GET", "/accounts", "", "", true).0, 401);
    assert_eq!(bench.venue.observed.refused_tokens, [Refused::Reused]);
}
