//! One test per order kind beyond market and plain limit orders: stops, brackets, ends, slices, ladders, attachments.

use super::*;
use crate::sim::{rfc3339_nanos, SECOND_NS};

fn at(seconds: u64) -> String {
    rfc3339_nanos(START + seconds * SECOND_NS)
}

impl Bench {
    /// The plain book after a trade at 100, so that the last price is where the book is.
    fn traded() -> Self {
        let mut bench = Self::plain();
        bench.hit(Side::Sell, "100", "0.5");
        bench
    }

    /// Places an order that must be let in; gives the venue's id.
    fn take_in(&mut self, id: &str, side: &str, configuration: Value) -> String {
        let reply = self.place(id, side, configuration);
        assert_eq!(reply["success"], true, "{reply}");
        reply["success_response"]["order_id"].as_str().unwrap().to_owned()
    }

    /// (status, filled size, trigger status) of an order.
    fn state(&mut self, id: &str) -> [String; 3] {
        let order = self.order(id);
        ["status", "filled_size", "trigger_status"].map(|key| order[key].as_str().unwrap().to_owned())
    }

    fn refusal(&mut self, id: &str, side: &str, configuration: Value) -> (String, String) {
        let reply = self.place(id, side, configuration);
        assert_eq!(reply["success"], false, "{reply}");
        let reason = |key: &str| reply["error_response"][key].as_str().unwrap().to_owned();
        (reason("new_order_failure_reason"), reason("preview_failure_reason"))
    }
}

#[test]
fn a_limit_order_with_an_end_expires_then_and_gives_its_money_back() {
    let mut bench = Bench::plain();
    let before = bench.money("USD");
    let conn = bench.connect(DOOR_USER);
    bench.subscribe_user(conn);
    let gtd =
        json!({"limit_limit_gtd": {"base_size": "1", "limit_price": "90", "end_time": at(10), "post_only": true}});
    let id = bench.take_in("c1", "BUY", gtd);
    assert_eq!(bench.order(&id)["time_in_force"], "GOOD_UNTIL_DATE_TIME");
    let next = bench.tick().unwrap();
    assert_eq!(next, START + 10 * SECOND_NS, "the model asks to be woken for the end");
    bench.pass_ms(9_999);
    assert_eq!(bench.state(&id)[0], "OPEN");
    bench.pass_ms(1);
    assert_eq!(bench.state(&id)[0], "EXPIRED");
    assert_eq!(bench.money("USD"), before);
    let frames = bench.frames(conn);
    let last = &frames.last().unwrap()["events"][0]["orders"][0];
    assert_eq!((&last["status"], &last["end_time"]), (&json!("EXPIRED"), &json!(at(10))));
    assert_eq!(bench.get("/orders/historical/batch", "order_status=EXPIRED")["orders"].as_array().unwrap().len(), 1);
    assert_eq!(bench.cancel(&[&id])["results"][0]["failure_reason"], "UNKNOWN_CANCEL_ORDER");
    let late = json!({"limit_limit_gtd": {"base_size": "1", "limit_price": "90", "end_time": at(10)}});
    assert_eq!(bench.refusal("c2", "BUY", late).0, "END_TIME_IS_IN_THE_PAST");
}

#[test]
fn a_stop_limit_order_waits_for_a_trade_at_its_stop_and_then_is_a_limit_order() {
    let mut bench = Bench::traded();
    let stop = |price: &str, stop: &str, way: &str| {
        json!({"stop_limit_stop_limit_gtc": {"base_size": "2", "limit_price": price, "stop_price": stop,
                                             "stop_direction": format!("STOP_DIRECTION_STOP_{way}")}})
    };
    let conn = bench.connect(DOOR_USER);
    bench.subscribe_user(conn);
    let id = bench.take_in("c1", "BUY", stop("103", "102", "UP"));
    assert_eq!(bench.state(&id), ["OPEN", "0", "STOP_PENDING"]);
    assert_eq!(bench.money("USD").1, d("208.472"), "2 * 103 * 1.012 is held while it waits");
    bench.rest(Side::Sell, "102", "5");
    bench.hit(Side::Buy, "101", "10");
    assert_eq!(bench.state(&id)[2], "STOP_PENDING", "101 is not 102");
    bench.hit(Side::Buy, "102", "1");
    assert_eq!(bench.state(&id), ["FILLED", "2", "STOP_TRIGGERED"], "it took the rest at 102");
    assert_eq!(bench.order(&id)["average_filled_price"], "102");
    assert_eq!(bench.money("USD").1, Decimal::ZERO);
    let user: Vec<Value> = bench.frames(conn).iter().map(|f| f["events"][0]["orders"][0].clone()).collect();
    let open = user.iter().find(|o| o["status"] == "OPEN").unwrap();
    assert_eq!(
        (&open["order_type"], &open["stop_price"], &open["trigger_status"], &open["limit_price"]),
        (&json!("Stop Limit"), &json!("102"), &json!("STOP_PENDING"), &json!("103"))
    );
    assert_eq!(user.last().unwrap()["trigger_status"], "STOP_TRIGGERED");
}

#[test]
fn a_triggered_stop_that_finds_nothing_at_its_limit_rests_there() {
    let mut bench = Bench::traded();
    let sell = json!({"stop_limit_stop_limit_gtd": {"base_size": "2", "limit_price": "98.5", "stop_price": "99",
                      "stop_direction": "STOP_DIRECTION_STOP_DOWN", "end_time": at(60)}});
    let id = bench.take_in("c1", "SELL", sell);
    bench.rest(Side::Buy, "99", "1");
    bench.hit(Side::Sell, "99", "10.5");
    assert_eq!(bench.state(&id), ["OPEN", "0", "STOP_TRIGGERED"]);
    assert_eq!(bench.get("/best_bid_ask", "product_ids=BTC-USD")["pricebooks"][0]["asks"][0]["price"], "98.5");
    bench.hit(Side::Buy, "98.5", "2");
    assert_eq!(bench.state(&id)[0], "FILLED");
    assert_eq!(bench.order(&id)["order_type"], "STOP_LIMIT");
}

#[test]
fn stops_on_the_wrong_side_of_the_market_or_of_their_limit_are_refused() {
    let mut bench = Bench::traded();
    let mut refusal = |side: &str, price: &str, stop: &str, way: &str| {
        let order = json!({"stop_limit_stop_limit_gtc": {"base_size": "1", "limit_price": price, "stop_price": stop,
                                                         "stop_direction": format!("STOP_DIRECTION_STOP_{way}")}});
        bench.refusal("c1", side, order).1
    };
    assert_eq!(refusal("BUY", "110", "99", "UP"), "PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE");
    assert_eq!(refusal("SELL", "90", "105", "DOWN"), "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE");
    assert_eq!(refusal("BUY", "104", "105", "UP"), "PREVIEW_STOP_PRICE_ABOVE_LIMIT_PRICE");
    assert_eq!(refusal("SELL", "96", "95", "DOWN"), "PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE");
    assert_eq!(refusal("BUY", "106", "105.001", "UP"), "PREVIEW_INVALID_STOP_PRICE_PRECISION");
    let sideways = order(
        "c1",
        "BUY",
        json!({"stop_limit_stop_limit_gtc": {"base_size": "1", "limit_price": "106", "stop_price": "105",
                                                          "stop_direction": "SIDEWAYS"}}),
    );
    let (status, text) = bench.ask("POST", "/orders", "", &sideways.to_string(), true);
    assert!(status == 400 && text.contains("stop_direction"), "{text}");
}

#[test]
fn a_bracket_takes_its_profit_at_the_limit() {
    let mut bench = Bench::traded();
    let bracket = json!({"trigger_bracket_gtc": {"base_size": "2", "limit_price": "105", "stop_trigger_price": "95"}});
    let id = bench.take_in("c1", "SELL", bracket);
    assert_eq!(bench.state(&id), ["OPEN", "0", "STOP_PENDING"]);
    assert_eq!(bench.money("BTC").1, d("2"), "held once, not once per leg");
    bench.hit(Side::Buy, "105", "12");
    assert_eq!(bench.state(&id), ["FILLED", "2", "STOP_PENDING"]);
    assert_eq!(bench.order(&id)["order_type"], "BRACKET");
    assert_eq!(bench.money("BTC").1, Decimal::ZERO);
}

#[test]
fn a_bracket_limits_its_loss_at_the_stop_at_most_5_percent_below_it() {
    let mut bench = Bench::traded();
    bench.rest(Side::Buy, "95", "1");
    bench.rest(Side::Buy, "91", "1");
    bench.rest(Side::Buy, "90", "1");
    let end = at(100);
    let id = bench.take_in(
        "c1",
        "SELL",
        json!({"trigger_bracket_gtd": {"base_size": "2", "limit_price": "105", "stop_trigger_price": "95", "end_time": end}}),
    );
    bench.hit(Side::Sell, "95", "9.6");
    assert_eq!(bench.state(&id), ["OPEN", "1.9", "STOP_TRIGGERED"], "0.9 left at 95 and 1 at 91");
    let best = bench.get("/best_bid_ask", "product_ids=BTC-USD")["pricebooks"][0].clone();
    assert_eq!((&best["bids"][0]["price"], &best["asks"][0]["price"]), (&json!("90"), &json!("90.25")));
    let asks = bench.get("/product_book", "product_id=BTC-USD")["pricebook"]["asks"].clone();
    assert!(asks.as_array().unwrap().iter().all(|level| level["price"] != "105"), "the profit leg left the book");
    bench.pass_ms(100_000);
    assert_eq!(bench.state(&id)[..2], ["EXPIRED", "1.9"]);
}

#[test]
fn bracket_prices_must_embrace_the_market() {
    let mut bench = Bench::traded();
    let mut refusal = |limit: &str, stop: &str| {
        let order =
            json!({"trigger_bracket_gtc": {"base_size": "1", "limit_price": limit, "stop_trigger_price": stop}});
        bench.refusal("c1", "SELL", order).0
    };
    assert_eq!(refusal("99", "95"), "INVALID_BRACKET_LIMIT_PRICE");
    assert_eq!(refusal("105", "101"), "INVALID_BRACKET_STOP_TRIGGER_PRICE");
    assert_eq!(refusal("95", "105"), "INVALID_BRACKET_PRICES");
    let quote = json!({"trigger_bracket_gtc": {"quote_size": "10", "limit_price": "105", "stop_trigger_price": "95"}});
    assert_eq!(bench.refusal("c1", "SELL", quote).0, "QUOTE_SIZE_NOT_ALLOWED_FOR_BRACKET");
}

#[test]
fn a_twap_order_takes_a_slice_per_interval_and_ends_with_the_last() {
    let mut bench = Bench::traded();
    let twap = |end: u64| {
        json!({"twap_limit_gtd": {"base_size": "3", "start_time": at(10), "end_time": at(end), "limit_price": "101",
                                  "number_buckets": "3", "bucket_size": "1", "bucket_duration": "10s"}})
    };
    let id = bench.take_in("c1", "BUY", twap(40));
    assert_eq!(bench.state(&id)[..2], ["OPEN", "0"]);
    for (ms, status, filled) in [(9_999, "OPEN", "0"), (1, "OPEN", "1"), (9_999, "OPEN", "1"), (1, "OPEN", "2")] {
        bench.pass_ms(ms);
        assert_eq!(bench.state(&id)[..2], [status, filled], "after {ms} ms more");
    }
    bench.venue.clear_liquidity(bench.now, "BTC-USD").unwrap();
    bench.pass_ms(10_000);
    assert_eq!(bench.state(&id)[..2], ["OPEN", "2"], "nothing there for the last slice");
    bench.pass_ms(10_000);
    assert_eq!(bench.state(&id)[..2], ["EXPIRED", "2"]);
    assert_eq!(bench.order(&id)["order_type"], "TWAP");
    assert_eq!(bench.money("USD").1, Decimal::ZERO);
    bench.rest(Side::Sell, "101", "10");
    let mut soon = twap(80);
    soon["twap_limit_gtd"]["start_time"] = at(40).into();
    let id = bench.take_in("c2", "BUY", soon);
    bench.pass_ms(20_000);
    assert_eq!(bench.state(&id)[..2], ["FILLED", "3"], "slices slept through are caught up");
}

#[test]
fn a_twap_order_in_quote_has_slices_in_quote_and_what_is_left_out_follows_from_the_rest() {
    let mut bench = Bench::traded();
    let twap = json!({"twap_limit_gtd": {"quote_size": "303", "start_time": at(0), "end_time": at(30),
                      "limit_price": "101", "bucket_size": "101"}});
    let id = bench.take_in("c1", "BUY", twap);
    assert_eq!(bench.state(&id)[..2], ["OPEN", "1"], "the first slice at once");
    bench.pass_ms(10_000);
    assert_eq!(bench.state(&id)[..2], ["OPEN", "2"], "three slices in 30 seconds");
    bench.pass_ms(10_000);
    assert_eq!(bench.state(&id)[..2], ["FILLED", "3"]);
}

#[test]
fn twap_rules_refuse() {
    let mut bench = Bench::traded();
    let good = json!({"base_size": "3", "start_time": at(10), "end_time": at(40), "limit_price": "101",
                      "number_buckets": "3", "bucket_size": "1", "bucket_duration": "10s"});
    for (key, value, reason) in [
        ("start_time", Value::Null, "START_TIME_MUST_BE_SPECIFIED"),
        ("end_time", json!(""), "GTD_ORDERS_MUST_HAVE_END_TIME"),
        ("bucket_duration", json!("0s"), "DURATION_TOO_SMALL"),
        ("bucket_duration", json!("0.0000000001s"), "DURATION_TOO_SMALL"),
        ("bucket_duration", json!("300s"), "DURATION_TOO_LARGE"),
        ("bucket_size", json!("0.001"), "BUCKET_SIZE_SMALLER_THAN_QUOTE_MIN"),
    ] {
        let mut fields = good.clone();
        fields[key] = value;
        assert_eq!(bench.refusal("c1", "BUY", json!({ "twap_limit_gtd": fields })).0, reason);
    }
}

#[test]
fn a_scaled_order_rests_on_every_rung_and_is_one_order_to_the_client() {
    let mut bench = Bench::traded();
    let scaled = json!({"scaled_limit_gtc": {"base_size": "3", "num_orders": 3, "min_price": "97", "max_price": "99",
                        "price_distribution": "FLAT", "size_distribution": "EVENLY_SPLIT"}});
    let id = bench.take_in("c1", "BUY", scaled);
    let bids = bench.get("/product_book", "product_id=BTC-USD")["pricebook"]["bids"].clone();
    let prices: Vec<&str> = bids.as_array().unwrap().iter().map(|l| l["price"].as_str().unwrap()).collect();
    assert_eq!(prices, ["100", "99", "98", "97"]);
    // (97 + 98 + 99) * 1.012
    assert_eq!(bench.money("USD").1, d("297.528"));
    bench.hit(Side::Sell, "98", "11");
    assert_eq!(bench.state(&id)[..2], ["OPEN", "1.5"]);
    assert_eq!(bench.order(&id)["filled_value"], "148", "99 + 98 / 2");
    bench.cancel(&[&id]);
    assert_eq!(bench.state(&id)[..2], ["CANCELLED", "1.5"]);
    assert_eq!(bench.get("/product_book", "product_id=BTC-USD")["pricebook"]["bids"], json!([]), "every rung is gone");
    assert_eq!(bench.money("USD").1, Decimal::ZERO);
    assert_eq!(bench.order(&id)["order_type"], "SCALED");
}

#[test]
fn a_scaled_order_may_list_its_rungs_and_they_must_add_up() {
    let mut bench = Bench::traded();
    let rung = |price: &str| json!({"base_size": "1", "limit_price": price, "post_only": false});
    let ladder = |size: &str| json!({"scaled_limit_gtc": {"base_size": size, "orders": [rung("103"), rung("104")]}});
    assert_eq!(bench.refusal("c0", "SELL", ladder("3")).0, "SCALED_PARAM_DISCREPANCY");
    let id = bench.take_in("c1", "SELL", ladder("2"));
    bench.hit(Side::Buy, "104", "12");
    assert_eq!(bench.state(&id)[..2], ["FILLED", "2"]);
    let mut crossing = ladder("2");
    crossing["scaled_limit_gtc"]["orders"][0] = json!({"base_size": "1", "limit_price": "99", "post_only": true});
    bench.rest(Side::Buy, "99.5", "1");
    assert_eq!(bench.refusal("c2", "SELL", crossing).0, "INVALID_LIMIT_PRICE_POST_ONLY");
    let spread = |more: Value| {
        let mut fields = json!({"base_size": "1", "num_orders": "2", "min_price": "90", "max_price": "91"});
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "scaled_limit_gtc": fields })
    };
    assert_eq!(bench.refusal("c2", "BUY", spread(json!({"max_price": "90"}))).0, "SCALED_PARAM_INFEASIBLE");
    assert_eq!(bench.refusal("c2", "BUY", spread(json!({"num_orders": "1"}))).0, "SCALED_PARAM_INFEASIBLE");
    assert_eq!(bench.refusal("c2", "BUY", spread(json!({"base_size": "0.012"}))).0, "SCALED_MIN_ORDER_VIOLATION");
}

fn with_bracket(id: &str, configuration: Value, profit: &str, loss: &str) -> Value {
    let mut body = order(id, "BUY", configuration);
    body["attached_order_configuration"] =
        json!({"trigger_bracket_gtc": {"limit_price": profit, "stop_trigger_price": loss}});
    body
}

#[test]
fn an_attached_bracket_sleeps_until_its_order_is_over_and_protects_what_that_filled() {
    let mut bench = Bench::traded();
    let conn = bench.connect(DOOR_USER);
    bench.subscribe_user(conn);
    let limit = json!({"limit_limit_gtc": {"base_size": "4", "limit_price": "99"}});
    let reply = bench.post("/orders", &with_bracket("c1", limit, "110", "90"));
    let id = |key: &str| reply["success_response"][key].as_str().unwrap().to_owned();
    let (parent, bracket) = (id("order_id"), id("attached_order_id"));
    assert_eq!(bench.state(&bracket)[0], "QUEUED");
    let shown = bench.order(&parent);
    assert_eq!(shown["attached_order_id"], bracket);
    assert_eq!(
        shown["attached_order_configuration"],
        json!({"trigger_bracket_gtc": {"limit_price": "110", "stop_trigger_price": "90"}})
    );
    assert_eq!(bench.order(&bracket)["originating_order_id"], parent);
    bench.hit(Side::Sell, "99", "10.5");
    assert_eq!((bench.state(&parent)[1].as_str(), bench.state(&bracket)[0].as_str()), ("1", "QUEUED"));
    assert_eq!(bench.money("BTC").1, Decimal::ZERO);
    bench.cancel(&[&parent]);
    assert_eq!(bench.state(&bracket), ["OPEN", "0", "STOP_PENDING"]);
    assert_eq!(bench.money("BTC").1, d("1"), "it sells what was bought");
    bench.hit(Side::Buy, "110", "11");
    assert_eq!(bench.state(&bracket)[..2], ["FILLED", "1"]);
    let seen = bench.user_orders(conn);
    let statuses: Vec<&str> = seen.iter().filter(|(id, ..)| id != "c1").map(|(_, status, _)| status.as_str()).collect();
    assert_eq!(statuses, ["OPEN", "FILLED"], "asleep it is not told of");
}

#[test]
fn a_bracket_attached_to_an_order_without_a_fill_ends_with_it() {
    let mut bench = Bench::traded();
    let limit = json!({"limit_limit_gtc": {"base_size": "4", "limit_price": "99"}});
    let reply = bench.post("/orders", &with_bracket("c1", limit, "110", "90"));
    let id = |key: &str| reply["success_response"][key].as_str().unwrap().to_owned();
    bench.cancel(&[&id("order_id")]);
    assert_eq!(bench.state(&id("attached_order_id"))[0], "CANCELLED");
    let market = json!({"market_market_ioc": {"base_size": "1"}});
    let reply = bench.post("/orders", &with_bracket("c2", market, "110", "90"));
    let bracket = reply["success_response"]["attached_order_id"].as_str().unwrap().to_owned();
    assert_eq!(bench.state(&bracket)[0], "OPEN", "a market order is over at once");
}

#[test]
fn attachments_have_rules_of_their_own() {
    let limit = || json!({"limit_limit_gtc": {"base_size": "1", "limit_price": "99"}});
    let good = with_bracket("c1", limit(), "110", "90");
    let mut sell = good.clone();
    sell["side"] = "SELL".into();
    let mut sized = good.clone();
    sized["attached_order_configuration"]["trigger_bracket_gtc"]["base_size"] = "1".into();
    let mut other = good.clone();
    other["attached_order_configuration"] = limit();
    let mut one_leg = good.clone();
    one_leg["attached_order_configuration"]["trigger_bracket_gtc"]["limit_price"] = "".into();
    let twap = json!({"twap_limit_gtd": {"base_size": "3", "start_time": at(10), "end_time": at(40),
                      "limit_price": "101", "number_buckets": "3", "bucket_duration": "10s"}});
    for (body, reason) in [
        (sell, "INVALID_ORDER_SIDE_FOR_ATTACHED_TPSL"),
        (sized, "ATTACHED_ORDER_SIZE_MUST_BE_NIL"),
        (other, "INVALID_ORDER_TYPE_FOR_ATTACHED"),
        (one_leg, "SINGLE_LEGGED_TPSL_NOT_ALLOWED"),
        (with_bracket("c1", twap, "110", "90"), "ATTACHED_ORDERS_ONLY_ALLOWED_ON_MARKET_LIMIT"),
        (with_bracket("c1", limit(), "98", "90"), "INVALID_ATTACHED_TAKE_PROFIT_PRICE"),
        (with_bracket("c1", limit(), "110", "99"), "INVALID_ATTACHED_STOP_LOSS_PRICE"),
        (with_bracket("c1", limit(), "110.001", "90"), "INVALID_ATTACHED_TAKE_PROFIT_PRICE_PRECISION"),
    ] {
        let mut bench = Bench::traded();
        assert_eq!(bench.post("/orders", &body)["error_response"]["error"], reason);
        assert!(bench.venue.exchange.orders.is_empty());
    }
}

#[test]
fn an_order_for_an_alias_keeps_its_name_and_pays_in_its_own_currency() {
    let mut bench = Bench::traded();
    let mut body = order("c1", "BUY", json!({"limit_limit_gtc": {"base_size": "1", "limit_price": "101"}}));
    body["product_id"] = "BTC-USDC".into();
    let (usd, usdc) = (bench.money("USD"), bench.money("USDC"));
    let id = bench.post("/orders", &body)["success_response"]["order_id"].as_str().unwrap().to_owned();
    let shown = bench.order(&id);
    assert_eq!((&shown["product_id"], &shown["status"]), (&json!("BTC-USDC"), &json!("FILLED")));
    assert_eq!((bench.money("USD"), bench.money("USDC")), (usd, (usdc.0 - d("102.212"), Decimal::ZERO)));
    let alias = bench.get("/products/BTC-USDC", "");
    assert_eq!(
        (&alias["alias"], &alias["quote_currency_id"], &alias["price"]),
        (&json!("BTC-USD"), &json!("USDC"), &json!("101"))
    );
    let fills = bench.get("/orders/historical/fills", "product_ids=BTC-USDC");
    assert_eq!(fills["fills"][0]["product_id"], "BTC-USDC");
}

#[test]
fn one_trade_may_set_off_a_chain_of_stops() {
    let mut bench = Bench::traded();
    bench.rest(Side::Buy, "98", "1");
    bench.rest(Side::Buy, "96", "5");
    let stop = |size: &str, limit: &str, stop: &str| {
        json!({"stop_limit_stop_limit_gtc": {"base_size": size, "limit_price": limit, "stop_price": stop,
                                             "stop_direction": "STOP_DIRECTION_STOP_DOWN"}})
    };
    let second = bench.take_in("c2", "SELL", stop("1", "90", "98"));
    let first = bench.take_in("c1", "SELL", stop("1", "90", "100"));
    bench.hit(Side::Sell, "100", "9.5");
    assert_eq!(bench.state(&first)[0], "FILLED", "at 98, which is the other's stop");
    assert_eq!(bench.state(&second)[0], "FILLED", "at 96");
    assert_eq!(bench.order(&second)["average_filled_price"], "96");
}
