//! Matching, statuses, holds, fees and cancels.

use super::*;

#[test]
fn a_resting_order_holds_its_money_with_the_taker_fee_and_gives_it_back_on_cancel() {
    let mut bench = Bench::plain();
    let before = bench.money("USD");
    let id = bench.limit("c1", "BUY", "2", "90");
    // 2 * 90 * 1.012
    assert_eq!(bench.money("USD"), (before.0 - d("182.16"), d("182.16")));
    let shown = bench.order(&id);
    assert_eq!((&shown["status"], &shown["outstanding_hold_amount"]), (&json!("OPEN"), &json!("182.16")));
    let results = bench.cancel(&[&id, "nonsense"]);
    assert_eq!(
        results["results"],
        json!([
            {"success": true, "failure_reason": "UNKNOWN_CANCEL_FAILURE_REASON", "order_id": id},
            {"success": false, "failure_reason": "UNKNOWN_CANCEL_ORDER", "order_id": "nonsense"},
        ])
    );
    assert_eq!(bench.money("USD"), before);
    let shown = bench.order(&id);
    assert_eq!((&shown["status"], &shown["outstanding_hold_amount"]), (&json!("CANCELLED"), &json!("0")));
}

#[test]
fn a_maker_is_filled_in_parts_at_its_own_price_and_pays_the_maker_fee() {
    let mut bench = Bench::plain();
    let (usd, btc) = (bench.money("USD"), bench.money("BTC"));
    let id = bench.limit("c1", "BUY", "2", "100.5");
    assert_eq!(bench.hit(Side::Sell, "100", "0.5"), d("0.5"), "the client's better bid goes first");
    let shown = bench.order(&id);
    assert_eq!(shown["status"], "OPEN");
    assert_eq!((&shown["filled_size"], &shown["completion_percentage"]), (&json!("0.5"), &json!("25.00")));
    // 0.5 * 100.5 * 0.006
    assert_eq!(shown["total_fees"], "0.3015");
    bench.hit(Side::Sell, "100", "1.5");
    let shown = bench.order(&id);
    assert_eq!((&shown["status"], &shown["number_of_fills"]), (&json!("FILLED"), &json!("2")));
    assert_eq!((&shown["average_filled_price"], &shown["filled_value"]), (&json!("100.5"), &json!("201")));
    assert_eq!(bench.money("USD"), (usd.0 - d("201") - d("1.206"), Decimal::ZERO));
    assert_eq!(bench.money("BTC"), (btc.0 + d("2"), Decimal::ZERO));
}

#[test]
fn at_one_price_the_older_order_goes_first() {
    let mut bench = Bench::plain();
    let id = bench.limit("c1", "BUY", "1", "100");
    bench.hit(Side::Sell, "100", "10");
    assert_eq!(bench.order(&id)["filled_size"], "0", "others were there before with 10");
    bench.hit(Side::Sell, "100", "0.25");
    assert_eq!(bench.order(&id)["filled_size"], "0.25");
}

#[test]
fn a_taker_sweeps_levels_best_first_and_rests_with_the_remainder() {
    let mut bench = Bench::plain();
    bench.rest(Side::Sell, "102", "1");
    let id = bench.limit("c1", "BUY", "12", "102");
    let shown = bench.order(&id);
    assert_eq!((&shown["status"], &shown["filled_size"]), (&json!("OPEN"), &json!("11")));
    // 10 * 101 + 1 * 102
    assert_eq!((&shown["filled_value"], &shown["total_fees"]), (&json!("1112"), &json!("13.344")));
    let best = &bench.get("/best_bid_ask", "product_ids=BTC-USD")["pricebooks"][0];
    assert_eq!(best["bids"], json!([{"price": "102", "size": "1"}]));
    assert_eq!(best["asks"], json!([]));
}

#[test]
fn a_market_buy_in_quote_never_spends_more_than_it_was_given() {
    let mut bench = Bench::plain();
    bench.rest(Side::Sell, "101.37", "3");
    let before = bench.money("USD").0;
    let reply = bench.place("c1", "BUY", json!({"market_market_ioc": {"quote_size": "1250.77"}}));
    let id = reply["success_response"]["order_id"].as_str().unwrap().to_owned();
    let shown = bench.order(&id);
    assert_eq!(
        (&shown["status"], &shown["size_in_quote"], &shown["size_inclusive_of_fees"]),
        (&json!("FILLED"), &json!(true), &json!(true))
    );
    let spent = before - bench.money("USD").0;
    assert_eq!(d(shown["total_value_after_fees"].as_str().unwrap()), spent);
    assert!(spent <= d("1250.77") && spent > d("1250.76"), "{spent}");
    assert_eq!(bench.money("USD").1, Decimal::ZERO);
}

#[test]
fn market_orders_end_with_what_the_book_had() {
    let mut bench = Bench::plain();
    let sell = bench.place("c1", "SELL", json!({"market_market_ioc": {"base_size": "4"}}));
    let sell = sell["success_response"]["order_id"].as_str().unwrap().to_owned();
    assert_eq!(bench.order(&sell)["status"], "FILLED");
    let buy = bench.place("c2", "BUY", json!({"market_market_ioc": {"base_size": "11"}}));
    let buy = buy["success_response"]["order_id"].as_str().unwrap().to_owned();
    let shown = bench.order(&buy);
    assert_eq!((&shown["status"], &shown["filled_size"]), (&json!("CANCELLED"), &json!("10")));
    assert_eq!(bench.money("USD").1, Decimal::ZERO);
}

#[test]
fn ioc_takes_what_is_there_and_fok_all_or_nothing() {
    let mut bench = Bench::plain();
    let id = |reply: Value| reply["success_response"]["order_id"].as_str().unwrap().to_owned();
    let fok = json!({"limit_limit_fok": {"base_size": "10.1", "limit_price": "101"}});
    let killed = id(bench.place("c1", "BUY", fok));
    assert_eq!(
        (&bench.order(&killed)["status"], &bench.order(&killed)["filled_size"]),
        (&json!("CANCELLED"), &json!("0"))
    );
    let ioc = json!({"sor_limit_ioc": {"base_size": "10.1", "limit_price": "101"}});
    let part = id(bench.place("c2", "BUY", ioc));
    assert_eq!(
        (&bench.order(&part)["status"], &bench.order(&part)["filled_size"]),
        (&json!("CANCELLED"), &json!("10"))
    );
    let fok = json!({"limit_limit_fok": {"base_size": "10", "limit_price": "100"}});
    let whole = id(bench.place("c3", "SELL", fok));
    assert_eq!(
        (&bench.order(&whole)["status"], &bench.order(&whole)["time_in_force"]),
        (&json!("FILLED"), &json!("FILL_OR_KILL"))
    );
}

#[test]
fn a_client_never_trades_with_itself() {
    let mut bench = Bench::plain();
    let sell = bench.limit("c1", "SELL", "1", "100.5");
    let buy = bench.limit("c2", "BUY", "1", "100.5");
    assert_eq!(bench.order(&sell)["status"], "OPEN");
    assert_eq!((&bench.order(&buy)["status"], &bench.order(&buy)["filled_size"]), (&json!("CANCELLED"), &json!("0")));
}

#[test]
fn an_order_may_fill_while_its_cancel_waits_and_then_the_cancel_ends_the_rest() {
    let mut bench = Bench::plain();
    let (a, b) = (bench.limit("a", "BUY", "1", "100.5"), bench.limit("b", "BUY", "1", "100.4"));
    bench.venue.exchange.cancels_held = true;
    bench.cancel(&[&a, &b]);
    assert_eq!(bench.cancel(&[&a])["results"][0]["failure_reason"], "DUPLICATE_CANCEL_REQUEST");
    bench.hit(Side::Sell, "100.4", "1.5");
    assert_eq!(bench.order(&a)["status"], "FILLED");
    assert_eq!((&bench.order(&b)["status"], &bench.order(&b)["filled_size"]), (&json!("CANCEL_QUEUED"), &json!("0.5")));
    bench.venue.exchange.cancels_held = false;
    let now = bench.now;
    bench.venue.exchange.run_cancels(now);
    assert_eq!(bench.order(&b)["status"], "CANCELLED");
    assert_eq!(bench.cancel(&[&a])["results"][0]["failure_reason"], "ORDER_IS_FULLY_FILLED");
    assert_eq!(bench.money("USD").1, Decimal::ZERO);
}

#[test]
fn the_same_client_order_id_gives_the_earlier_order_and_makes_no_other() {
    let mut bench = Bench::plain();
    let first = bench.limit("c1", "BUY", "1", "90");
    assert_eq!(bench.limit("c1", "BUY", "5", "80"), first);
    assert_eq!(bench.get("/orders/historical/batch", "")["orders"].as_array().unwrap().len(), 1);
    assert_eq!(bench.venue.observed.orders_received["c1"], 2);
    bench.venue.unconfirmed.duplicates_refused = true;
    let reply = bench.place("c1", "BUY", json!({"limit_limit_gtc": {"base_size": "1", "limit_price": "90"}}));
    assert_eq!(reply["error_response"]["new_order_failure_reason"], "DUPLICATE_CLIENT_ORDER_ID");
}

#[test]
fn exactly_the_clients_order_can_be_filled_whoever_stands_before_it() {
    let mut bench = Bench::plain();
    let id = bench.limit("c1", "BUY", "1", "90");
    assert_eq!(bench.venue.fill_order(bench.now, "c1", d("0.3")), Ok(d("0.3")));
    assert_eq!(bench.order(&id)["filled_size"], "0.3");
    assert_eq!(bench.venue.fill_order(bench.now, "c1", d("5")), Ok(d("0.7")));
    assert_eq!(bench.order(&id)["status"], "FILLED");
    assert_eq!(bench.venue.fill_order(bench.now, "c1", d("5")), Ok(Decimal::ZERO));
}
