//! Edits and previews (Coinbase reference 3.3).

use super::*;

impl Bench {
    fn edit(&mut self, id: &str, price: &str, size: &str) -> Value {
        self.post("/orders/edit", &json!({"order_id": id, "price": price, "size": size}))
    }

    /// (`edit_failure_reason`, `preview_failure_reason`).
    fn edit_refusal(&mut self, body: Value) -> (String, String) {
        let reply = self.post("/orders/edit", &body);
        assert_eq!(reply["success"], false, "{reply}");
        let reason = |key: &str| reply["errors"][0][key].as_str().unwrap().to_owned();
        (reason("edit_failure_reason"), reason("preview_failure_reason"))
    }
}

#[test]
fn an_edit_changes_price_size_and_hold_and_keeps_the_id() {
    let mut bench = Bench::plain();
    let conn = bench.connect(DOOR_USER);
    bench.subscribe_user(conn);
    let id = bench.limit("c1", "BUY", "2", "90");
    assert_eq!(bench.edit(&id, "95", "3"), json!({"success": true, "errors": []}));
    // 3 * 95 * 1.012
    assert_eq!(bench.money("USD").1, d("288.42"));
    let shown = bench.order(&id);
    assert_eq!((&shown["status"], &shown["outstanding_hold_amount"]), (&json!("OPEN"), &json!("288.42")));
    assert_eq!(
        shown["order_configuration"],
        json!({"limit_limit_gtc": {"base_size": "3", "limit_price": "95", "post_only": false}})
    );
    assert_eq!(shown["edit_history"][0]["price"], "95");
    let frames = bench.frames(conn);
    let seen: Vec<_> = frames
        .iter()
        .flat_map(|f| f["events"][0]["orders"].as_array().unwrap_or(&Vec::new()).clone())
        .map(|o| (o["status"].as_str().unwrap().to_owned(), o["limit_price"].as_str().unwrap().to_owned()))
        .collect();
    let seen: Vec<_> = seen.iter().map(|(status, price)| (status.as_str(), price.as_str())).collect();
    assert_eq!(seen, [("PENDING", "90"), ("OPEN", "90"), ("EDIT_QUEUED", "90"), ("OPEN", "95")]);
    bench.cancel(&[&id]);
    assert_eq!(bench.money("USD").1, Decimal::ZERO);
}

#[test]
fn a_smaller_size_keeps_its_place_and_anything_else_goes_to_the_end() {
    for (price, size, keeps) in [("99", "1", true), ("99", "3", false), ("99.5", "2", false)] {
        let mut bench = Bench::plain();
        let id = bench.limit("c1", "BUY", "2", "99");
        bench.rest(Side::Buy, price, "1");
        if price == "99" {
            bench.rest(Side::Buy, "99", "1");
        }
        assert_eq!(bench.edit(&id, price, size)["success"], true);
        bench.hit(Side::Sell, "100", "10");
        bench.hit(Side::Sell, price, "1");
        assert_eq!(bench.order(&id)["filled_size"] != "0", keeps, "{price} {size}");
    }
}

#[test]
fn an_edit_to_a_price_that_crosses_takes() {
    let mut bench = Bench::plain();
    let id = bench.limit("c1", "BUY", "2", "99");
    bench.edit(&id, "101", "2");
    let shown = bench.order(&id);
    assert_eq!((&shown["status"], &shown["average_filled_price"]), (&json!("FILLED"), &json!("101")));
}

#[test]
fn a_partly_filled_order_holds_what_its_rest_needs_after_an_edit() {
    let mut bench = Bench::plain();
    let id = bench.limit("c1", "BUY", "2", "100.5");
    bench.hit(Side::Sell, "100.5", "1");
    assert_eq!(bench.edit(&id, "100.5", "1.5")["success"], true);
    // 0.5 * 100.5 * 1.012
    assert_eq!(bench.money("USD").1, d("50.853"));
    bench.hit(Side::Sell, "100.5", "0.5");
    assert_eq!(bench.order(&id)["status"], "FILLED");
    assert_eq!(bench.money("USD").1, Decimal::ZERO);
}

#[test]
fn each_edit_rule_refuses_with_its_own_reason() {
    let mut bench = Bench::plain();
    let id = bench.limit("c1", "BUY", "2", "100.5");
    bench.hit(Side::Sell, "100.5", "1");
    let body = |price: &str, size: &str| json!({"order_id": id, "price": price, "size": size});
    for (body, reason, preview) in [
        (json!({"order_id": "none", "price": "1", "size": "1"}), "ORDER_NOT_FOUND", ""),
        (json!({"order_id": id, "price": "99"}), "INVALID_EDITED_SIZE", ""),
        (json!({"order_id": id, "size": "2"}), "INVALID_EDITED_PRICE", ""),
        (body("99.001", "2"), "INVALID_EDITED_PRICE", ""),
        (body("99", "0.000000001"), "INVALID_EDITED_SIZE", ""),
        (body("100.5", "2"), "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST", ""),
        (body("100.5", "1"), "CANNOT_EDIT_TO_BELOW_FILLED_SIZE", ""),
        (body("1000", "2000"), "COMMANDER_REJECTED_EDIT_ORDER", "PREVIEW_INSUFFICIENT_FUND"),
        (json!({"order_id": id, "price": "99", "size": "2", "stop_price": "90"}), "FIELD_STOPPRICE_NOT_SUPPORTED", ""),
        (
            json!({"order_id": id, "price": "99", "size": "2", "attached_order_configuration": {}}),
            "CANNOT_EDIT_ATTACHED_ORDER_CONFIGURATION_AFTER_CREATION",
            "",
        ),
    ] {
        let refusal = bench.edit_refusal(body.clone());
        assert_eq!(refusal.0, reason, "{body}");
        assert!(preview.is_empty() || refusal.1 == preview, "{body}: {refusal:?}");
    }
    let ioc = json!({"limit_limit_gtd": {"base_size": "1", "limit_price": "90", "end_time": "2026-12-01T00:00:00Z"}});
    let gtd = bench.place("c2", "BUY", ioc)["success_response"]["order_id"].as_str().unwrap().to_owned();
    let edit_gtd = json!({"order_id": gtd, "price": "91", "size": "1"});
    assert_eq!(bench.edit_refusal(edit_gtd).0, "ONLY_LIMIT_ORDER_EDITS_SUPPORTED");
    let quote = json!({"limit_limit_gtc": {"quote_size": "90", "limit_price": "90"}});
    let quote = bench.place("c4", "BUY", quote)["success_response"]["order_id"].as_str().unwrap().to_owned();
    assert_eq!(bench.order(&quote)["size_in_quote"], true);
    let edit_quote = json!({"order_id": quote, "price": "91", "size": "1"});
    assert_eq!(bench.edit_refusal(edit_quote).0, "SIZE_IN_QUOTE_EDITS_NOT_ALLOWED");
    let post_only = json!({"limit_limit_gtc": {"base_size": "1", "limit_price": "90", "post_only": true}});
    let post_only = bench.place("c3", "BUY", post_only)["success_response"]["order_id"].as_str().unwrap().to_owned();
    let crossing = json!({"order_id": post_only, "price": "101", "size": "1"});
    assert_eq!(bench.edit_refusal(crossing).1, "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY");
    bench.venue.exchange.cancels_held = true;
    bench.cancel(&[&id]);
    assert_eq!(bench.edit_refusal(body("99", "2")).0, "CANNOT_EDIT_ORDER_PENDING_CANCEL");
    bench.cancel(&[&gtd]);
    bench.venue.exchange.cancels_held = false;
    bench.venue.exchange.run_cancels(bench.now);
    assert_eq!(bench.edit_refusal(body("99", "2")).0, "ONLY_OPEN_ORDERS_CAN_BE_EDITED");
    assert_eq!(bench.ask("POST", "/orders/edit", "", "{}", true).0, 400);
}

#[test]
fn a_held_edit_blocks_others_and_falls_away_when_the_order_fills_first() {
    let mut bench = Bench::plain();
    let (a, b) = (bench.limit("a", "BUY", "2", "100.5"), bench.limit("b", "BUY", "2", "100.4"));
    bench.venue.exchange.edits_held = true;
    bench.edit(&a, "99", "2");
    bench.edit(&b, "99", "1");
    assert_eq!(bench.order(&a)["status"], "EDIT_QUEUED");
    let again = json!({"order_id": a, "price": "98", "size": "2"});
    assert_eq!(bench.edit_refusal(again).0, "ORDER_IS_ALREADY_BEING_REPLACED");
    assert_eq!(bench.cancel(&[&a])["results"][0]["failure_reason"], "ORDER_IS_BEING_REPLACED");
    bench.hit(Side::Sell, "100.4", "3.5");
    assert_eq!(bench.order(&a)["status"], "FILLED");
    bench.venue.exchange.edits_held = false;
    bench.venue.exchange.run_edits(bench.now);
    let shown = bench.order(&b);
    assert_eq!(
        (&shown["status"], &shown["filled_size"]),
        (&json!("OPEN"), &json!("1.5")),
        "1 was below what is filled"
    );
    assert_eq!(shown["order_configuration"]["limit_limit_gtc"]["limit_price"], "100.4", "and so nothing changed");
    bench.cancel(&[&b]);
    assert_eq!(bench.money("USD").1, Decimal::ZERO);
}

#[test]
fn an_edit_preview_changes_nothing_and_says_what_an_edit_would() {
    let mut bench = Bench::plain();
    let id = bench.limit("c1", "BUY", "2", "90");
    let preview = bench.post("/orders/edit_preview", &json!({"order_id": id, "price": "95", "size": "3"}));
    assert_eq!((&preview["errors"], &preview["quote_size"]), (&json!([]), &json!("285")));
    assert_eq!((&preview["best_bid"], &preview["best_ask"]), (&json!("100"), &json!("101")));
    assert_eq!(bench.order(&id)["order_configuration"]["limit_limit_gtc"]["limit_price"], "90");
    let refused = bench.post("/orders/edit_preview", &json!({"order_id": id, "price": "90", "size": "2"}));
    assert_eq!(refused["errors"][0]["edit_failure_reason"], "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST");
}

#[test]
fn an_edit_may_cancel_the_attached_bracket() {
    let mut bench = Bench::plain();
    bench.hit(Side::Sell, "100", "1");
    let mut body = order("c1", "BUY", json!({"limit_limit_gtc": {"base_size": "1", "limit_price": "99"}}));
    body["attached_order_configuration"] =
        json!({"trigger_bracket_gtc": {"limit_price": "110", "stop_trigger_price": "90"}});
    let reply = bench.post("/orders", &body)["success_response"].clone();
    let (id, bracket) = (reply["order_id"].as_str().unwrap(), reply["attached_order_id"].as_str().unwrap());
    let edit = json!({"order_id": id, "price": "99", "size": "1", "cancel_attached_order": true});
    assert_eq!(bench.post("/orders/edit", &edit)["success"], true);
    assert_eq!(bench.order(bracket)["status"], "CANCELLED");
    assert_eq!(bench.order(id)["status"], "OPEN");
}

#[test]
fn a_preview_prices_the_order_names_what_is_wrong_and_places_nothing() {
    let mut bench = Bench::plain();
    let preview =
        |configuration: Value| json!({"product_id": "BTC-USD", "side": "BUY", "order_configuration": configuration});
    let good = bench.post("/orders/preview", &preview(json!({"market_market_ioc": {"base_size": "2"}})));
    assert_eq!((&good["quote_size"], &good["errs"]), (&json!("202"), &json!([])));
    assert_eq!((&good["commission_total"], &good["order_total"]), (&json!("2.424"), &json!("204.424")));
    let limit = json!({"limit_limit_gtc": {"base_size": "2", "limit_price": "90"}});
    assert_eq!(bench.post("/orders/preview", &preview(limit))["commission_total"], "1.08", "a maker's");
    let dear = json!({"limit_limit_gtc": {"base_size": "3000", "limit_price": "400"}});
    assert_eq!(bench.post("/orders/preview", &preview(dear))["errs"], json!(["PREVIEW_INSUFFICIENT_FUND"]));
    let fok = json!({"market_market_fok": {"base_size": "1"}});
    assert_eq!(
        bench.post("/orders/preview", &preview(fok))["errs"],
        json!(["PREVIEW_UNSUPPORTED_ORDER_CONFIGURATION"])
    );
    assert_eq!(bench.ask("POST", "/orders/preview", "", "{}", true).0, 400);
    assert!(bench.venue.exchange.orders.is_empty());
    assert_eq!(bench.money("USD").1, Decimal::ZERO);
}
