//! Lists: filters, pages, lag, and the shape of bodies.

use super::*;

fn ids(list: &Value, key: &str) -> Vec<String> {
    list[key].as_array().unwrap().iter().map(|o| o["order_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn orders_come_newest_first_in_pages_that_do_not_shift_under_new_orders() {
    let mut bench = Bench::plain();
    let mut placed: Vec<String> = (0..7).map(|i| bench.limit(&format!("c{i}"), "BUY", "1", "90")).collect();
    placed.reverse();
    let first = bench.get("/orders/historical/batch", "limit=3");
    assert_eq!((ids(&first, "orders"), &first["has_next"]), (placed[..3].to_vec(), &json!(true)));
    bench.limit("late", "BUY", "1", "90");
    let cursor = first["cursor"].as_str().unwrap().to_owned();
    let second = bench.get("/orders/historical/batch", &format!("limit=3&cursor={cursor}"));
    assert_eq!(ids(&second, "orders"), placed[3..6]);
    let cursor = second["cursor"].as_str().unwrap().to_owned();
    let third = bench.get("/orders/historical/batch", &format!("limit=3&cursor={cursor}"));
    assert_eq!(
        (ids(&third, "orders"), &third["has_next"], &third["cursor"]),
        (placed[6..].to_vec(), &json!(false), &json!(""))
    );
}

#[test]
fn each_filter_of_the_order_list_narrows_it() {
    let mut bench = Bench::plain();
    let open = bench.limit("c1", "BUY", "1", "90");
    bench.pass_ms(1_000);
    let gone = bench.limit("c2", "SELL", "1", "110");
    bench.cancel(&[&gone]);
    bench.pass_ms(1_000);
    let eth = {
        let mut body = order("c3", "BUY", json!({"limit_limit_gtc": {"base_size": "1", "limit_price": "2000"}}));
        body["product_id"] = "ETH-USD".into();
        bench.post("/orders", &body)["success_response"]["order_id"].as_str().unwrap().to_owned()
    };
    let time = |ms: u64| crate::sim::rfc3339_nanos(START + ms * MILLISECOND_NS);
    for (query, expected) in [
        (String::new(), vec![&eth, &gone, &open]),
        ("order_status=OPEN".into(), vec![&eth, &open]),
        ("order_status=OPEN&order_status=CANCELLED".into(), vec![&eth, &gone, &open]),
        ("product_ids=BTC-USD".into(), vec![&gone, &open]),
        (format!("order_ids={open}&order_ids={eth}"), vec![&eth, &open]),
        ("order_side=SELL".into(), vec![&gone]),
        ("order_types=MARKET".into(), vec![]),
        ("time_in_forces=GOOD_UNTIL_CANCELLED&product_ids=ETH-USD".into(), vec![&eth]),
        (format!("start_date={}", time(1_000)), vec![&eth, &gone]),
        (format!("start_date={}&end_date={}", time(1_000), time(2_000)), vec![&gone]),
        ("product_type=FUTURE".into(), vec![]),
        ("contract_expiry_type=EXPIRING".into(), vec![]),
        ("asset_filters=ETH".into(), vec![&eth]),
        ("order_placement_source=RETAIL_SIMPLE".into(), vec![]),
    ] {
        let list = bench.get("/orders/historical/batch", &query);
        let expected: Vec<String> = expected.into_iter().cloned().collect();
        assert_eq!(ids(&list, "orders"), expected, "{query}");
    }
}

#[test]
fn orders_can_be_sorted_and_pages_of_a_sorted_list_go_on_where_the_last_ended() {
    let mut bench = Bench::plain();
    let [low, high, mid] = ["88", "91", "90"].map(|price| bench.limit(&format!("c{price}"), "BUY", "1", price));
    let first = bench.get("/orders/historical/batch", "sort_by=LIMIT_PRICE&limit=2");
    assert_eq!((ids(&first, "orders"), &first["has_next"]), (vec![high.clone(), mid.clone()], &json!(true)));
    let cursor = first["cursor"].as_str().unwrap().to_owned();
    let second = bench.get("/orders/historical/batch", &format!("sort_by=LIMIT_PRICE&limit=2&cursor={cursor}"));
    assert_eq!((ids(&second, "orders"), &second["cursor"]), (vec![low.clone()], &json!("")));
    bench.venue.fill_order(bench.now, "c88", d("0.5")).unwrap();
    assert_eq!(ids(&bench.get("/orders/historical/batch", "sort_by=LAST_FILL_TIME"), "orders")[0], low);
    assert_eq!(bench.ask("GET", "/orders/historical/batch", "sort_by=MOOD", "", true).0, 400);
}

#[test]
fn fills_are_listed_per_execution_and_add_up_to_the_order() {
    let mut bench = Bench::plain();
    bench.rest(Side::Sell, "102", "5");
    let taker = bench.limit("c1", "BUY", "11", "102");
    let maker = bench.limit("c2", "BUY", "1", "100.5");
    bench.hit(Side::Sell, "100.5", "1");
    let list = bench.get("/orders/historical/fills", "");
    let rows: Vec<_> = list["fills"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| {
            ["order_id", "price", "size", "commission", "liquidity_indicator"]
                .map(|k| f[k].as_str().unwrap().to_owned())
        })
        .collect();
    let row = |cells: [&str; 5]| cells.map(str::to_owned);
    assert_eq!(
        rows,
        [
            row([&maker, "100.5", "1", "0.603", "MAKER"]),
            row([&taker, "102", "1", "1.224", "TAKER"]),
            row([&taker, "101", "10", "12.12", "TAKER"]),
        ]
    );
    assert_eq!(list["cursor"], "");
    let page = bench.get("/orders/historical/fills", &format!("order_ids={taker}&limit=1"));
    let cursor = page["cursor"].as_str().unwrap().to_owned();
    let rest = bench.get("/orders/historical/fills", &format!("order_ids={taker}&limit=1&cursor={cursor}"));
    assert_eq!(
        (&page["fills"][0]["price"], &rest["fills"][0]["price"], &rest["cursor"]),
        (&json!("102"), &json!("101"), &json!(""))
    );
    let trade = list["fills"][1]["trade_id"].as_str().unwrap().to_owned();
    assert_eq!(
        bench.get("/orders/historical/fills", &format!("trade_ids={trade}"))["fills"].as_array().unwrap().len(),
        1
    );
}

#[test]
fn a_lagging_listing_shows_how_things_stood() {
    let mut bench = Bench::plain();
    bench.venue.reports.listing_lag_ns = 2_000 * MILLISECOND_NS;
    let id = bench.limit("c1", "BUY", "1", "100.5");
    bench.pass_ms(1_000);
    bench.hit(Side::Sell, "100.5", "1");
    let mut at = |ms: u64| {
        bench.now = START + ms * MILLISECOND_NS;
        let orders = bench.get("/orders/historical/batch", "");
        let fills = bench.get("/orders/historical/fills", "");
        let accounts = bench.get("/accounts", "");
        let btc = accounts["accounts"].as_array().unwrap().iter().find(|a| a["currency"] == "BTC").unwrap();
        (
            orders["orders"][0]["status"].as_str().map(str::to_owned),
            fills["fills"].as_array().unwrap().len(),
            btc["available_balance"]["value"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(at(1_999), (None, 0, "10".into()));
    assert_eq!(at(2_000), (Some("OPEN".into()), 0, "10".into()));
    assert_eq!(at(2_999), (Some("OPEN".into()), 0, "10".into()));
    assert_eq!(at(3_000), (Some("FILLED".into()), 1, "11".into()));
    assert_eq!(bench.order(&id)["status"], "FILLED");
}

#[test]
fn accounts_come_in_pages_with_available_and_hold_apart() {
    let mut bench = Bench::plain();
    bench.limit("c1", "SELL", "3", "150");
    let first = bench.get("/accounts", "limit=4");
    assert_eq!((&first["size"], &first["has_next"]), (&json!(4), &json!(true)));
    let btc = first["accounts"].as_array().unwrap().iter().find(|a| a["currency"] == "BTC").unwrap();
    assert_eq!((&btc["available_balance"]["value"], &btc["hold"]["value"]), (&json!("7"), &json!("3")));
    assert_eq!(btc["type"], "ACCOUNT_TYPE_CRYPTO");
    let cursor = first["cursor"].as_str().unwrap().to_owned();
    let second = bench.get("/accounts", &format!("limit=4&cursor={cursor}"));
    assert_eq!((&second["size"], &second["has_next"], &second["cursor"]), (&json!(2), &json!(false), &json!("")));
    let uuid = btc["uuid"].as_str().unwrap().to_owned();
    assert_eq!(bench.get(&format!("/accounts/{uuid}"), "")["account"]["currency"], "BTC");
}

#[test]
fn product_book_and_time_have_the_recorded_shape() {
    let mut bench = Bench::plain();
    let (status, text) = bench.ask("GET", "/market/products/BTC-USD", "", "", false);
    assert_eq!(status, 200, "the public twin needs no token");
    assert!(text.starts_with(r#"{"product_id":"BTC-USD", "price":""#), "{text}");
    let product: Value = serde_json::from_str(&text).unwrap();
    for (key, value) in [
        ("base_increment", "0.00000001"),
        ("price_increment", "0.01"),
        ("quote_min_size", "1"),
        ("base_max_size", "3400"),
        ("status", "online"),
        ("product_type", "SPOT"),
    ] {
        assert_eq!(product[key], value, "{key}");
    }
    let book = bench.get("/product_book", "product_id=BTC-USD&limit=1");
    assert_eq!(book["pricebook"]["bids"], json!([{"price": "100", "size": "10"}]));
    assert_eq!((&book["mid_market"], &book["spread_absolute"]), (&json!("100.5"), &json!("1")));
    let (_, time) = bench.ask("GET", "/time", "", "", false);
    assert_eq!(time, r#"{"iso":"2026-11-02T10:00:00Z", "epochSeconds":"1793613600", "epochMillis":"1793613600000"}"#);
    let list = bench.get("/products", "product_ids=BTC-USD&product_ids=ETH-USD");
    assert_eq!((&list["num_products"], &list["pagination"]), (&json!(2), &Value::Null));
}

/// The recordings are not part of the repository: without them this says so and passes.
#[test]
fn bodies_have_no_key_the_recorded_ones_lack_and_miss_none_that_matters() {
    let dir = std::env::var("EXCHANGE_CONNECTORS_CAPTURES").unwrap_or_else(|_| "../shared/captures".into());
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(dir).join("coinbase");
    let read =
        |name: &str| -> Option<Value> { serde_json::from_str(&std::fs::read_to_string(dir.join(name)).ok()?).ok() };
    let (Some(product), Some(accounts)) =
        (read("fastmm/advanced_product_btc_usd.json"), read("fastmm/advanced_accounts.json"))
    else {
        println!("skipped: no recordings");
        return;
    };
    let mut bench = Bench::plain();
    let keys = |v: &Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let ours = bench.get("/products/BTC-USD", "");
    assert!(keys(&ours).iter().all(|k| product.get(k).is_some()), "{:?}", keys(&ours));
    for key in keys(&ours) {
        assert_eq!(std::mem::discriminant(&ours[&key]), std::mem::discriminant(&product[&key]), "{key}");
    }
    let ours = bench.get("/accounts", "");
    assert_eq!(keys(&ours), keys(&accounts));
    assert_eq!(keys(&ours["accounts"][0]), keys(&accounts["accounts"][0]));
}
