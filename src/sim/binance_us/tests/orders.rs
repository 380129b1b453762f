//! Matching, statuses, money, cancels, replacements and self-trade prevention.

use super::*;

#[test]
fn a_resting_order_locks_its_money_and_gives_it_back_on_cancel() {
    let mut bench = Bench::plain();
    let before = bench.money("USD");
    let placed = bench.limit("c1", "BUY", "2", "90");
    assert_eq!((&placed["status"], &placed["fills"]), (&json!("NEW"), &json!([])));
    assert_eq!(bench.money("USD"), (before.0 - d("180"), d("180")));
    let shown = bench.order("c1");
    assert_eq!((&shown["isWorking"], &shown["origQty"]), (&json!(true), &json!("2.00000000")));
    let gone = bench.call(
        "DELETE",
        "order",
        &json!({"symbol": "BTCUSD", "orderId": shown["orderId"], "newClientOrderId": "x1"}),
    );
    assert_eq!(
        (&gone["status"], &gone["origClientOrderId"], &gone["clientOrderId"]),
        (&json!("CANCELED"), &json!("c1"), &json!("x1"))
    );
    assert_eq!(bench.money("USD"), before);
    assert_eq!(bench.order("c1")["clientOrderId"], "x1", "a cancel changes the client id, the old one still finds it");
}

#[test]
fn a_maker_is_filled_in_parts_at_its_own_price_and_pays_in_what_it_receives() {
    let mut bench = Bench::plain();
    let (usd, btc) = (bench.money("USD"), bench.money("BTC"));
    bench.limit("c1", "BUY", "2", "100.5");
    assert_eq!(bench.hit(Side::Sell, "100", "0.5"), d("0.5"), "the client's better bid goes first");
    let shown = bench.order("c1");
    assert_eq!((&shown["status"], &shown["executedQty"]), (&json!("PARTIALLY_FILLED"), &json!("0.50000000")));
    assert_eq!(shown["cummulativeQuoteQty"], "50.25000000");
    bench.hit(Side::Sell, "100", "1.5");
    assert_eq!(bench.order("c1")["status"], "FILLED");
    assert_eq!(bench.money("USD"), (usd.0 - d("201"), Decimal::ZERO));
    assert_eq!(bench.money("BTC"), (btc.0 + d("1.998"), Decimal::ZERO), "0.1 % of 2 BTC");
    let trades = bench.call("GET", "myTrades", &json!({"symbol": "BTCUSD"}));
    let rows: Vec<_> =
        trades.as_array().unwrap().iter().map(|t| (&t["qty"], &t["commission"], &t["isMaker"])).collect();
    assert_eq!(rows[0], (&json!("0.50000000"), &json!("0.00050000"), &json!(true)));
    let public = bench.request("GET", "trades", "symbol=BTCUSD&limit=2".into());
    let public: Value = serde_json::from_slice(&public.body).unwrap();
    assert_eq!(
        (&public[1]["id"], &public[1]["isBuyerMaker"]),
        (&trades[1]["id"], &json!(true)),
        "one id on both sides"
    );
}

#[test]
fn at_one_price_the_older_order_goes_first() {
    let mut bench = Bench::plain();
    bench.limit("c1", "BUY", "1", "100");
    bench.hit(Side::Sell, "100", "10");
    assert_eq!(bench.order("c1")["executedQty"], "0.00000000", "others were there before with 10");
    bench.hit(Side::Sell, "100", "0.25");
    assert_eq!(bench.order("c1")["executedQty"], "0.25000000");
}

#[test]
fn a_taker_sweeps_levels_best_first_and_gets_back_what_it_locked_too_much() {
    let mut bench = Bench::plain();
    bench.rest(Side::Sell, "102", "1");
    let usd = bench.money("USD");
    let reply = bench.limit("c1", "BUY", "12", "102");
    let prices: Vec<_> = reply["fills"].as_array().unwrap().iter().map(|f| (&f["price"], &f["qty"])).collect();
    assert_eq!(
        prices,
        [(&json!("101.00000000"), &json!("10.00000000")), (&json!("102.00000000"), &json!("1.00000000"))]
    );
    // 10 * 101 + 1 * 102 spent, 1 * 102 rests.
    assert_eq!(bench.money("USD"), (usd.0 - d("1214"), d("102")));
}

#[test]
fn a_market_order_in_quote_spends_no_more_than_it_was_given() {
    let mut bench = Bench::plain();
    let usd = bench.money("USD").0;
    let reply = bench.place(json!({"symbol": "BTCUSD", "side": "BUY", "type": "MARKET", "quoteOrderQty": "150.5"}));
    assert_eq!((&reply["status"], &reply["executedQty"]), (&json!("FILLED"), &json!("1.49009000")));
    assert_eq!(usd - bench.money("USD").0, d("150.49909"));
    let reply = bench.place(json!({"symbol": "BTCUSD", "side": "SELL", "type": "MARKET", "quoteOrderQty": "50"}));
    assert_eq!((&reply["status"], &reply["executedQty"]), (&json!("FILLED"), &json!("0.50000000")));
}

#[test]
fn what_cannot_be_filled_expires_and_says_why() {
    let mut bench = Bench::plain();
    let expiry = |reply: &Value| (reply["status"].clone(), reply["executedQty"].clone(), reply["expiryReason"].clone());
    let market = bench.place(json!({"symbol": "BTCUSD", "side": "BUY", "type": "MARKET", "quantity": "10.25"}));
    assert_eq!(expiry(&market), (json!("EXPIRED"), json!("10.00000000"), json!("INSUFFICIENT_LIQUIDITY")));
    let ioc = bench.place(with(limit("c2", "SELL", "10.5", "100"), "timeInForce", "IOC"));
    assert_eq!(expiry(&ioc), (json!("EXPIRED"), json!("10.00000000"), json!("UNFILLED_IOC_QUANTITY_EXPIRED")));
    bench.rest(Side::Buy, "100", "1");
    let fok = bench.place(with(limit("c3", "SELL", "1.1", "100"), "timeInForce", "FOK"));
    assert_eq!(expiry(&fok), (json!("EXPIRED"), json!("0.00000000"), json!("UNFILLED_FOK_ORDER_EXPIRED")));
    let fok = bench.place(with(limit("c4", "SELL", "1", "100"), "timeInForce", "FOK"));
    assert_eq!(fok["status"], "FILLED");
    assert_eq!((bench.money("USD").1, bench.money("BTC").1), (Decimal::ZERO, Decimal::ZERO));
}

#[test]
fn an_iceberg_shows_a_part_and_fills_whole() {
    let mut bench = Bench::plain();
    bench.place(with(limit("c1", "BUY", "1", "100.5"), "icebergQty", "0.3"));
    let depth = bench.request("GET", "depth", "symbol=BTCUSD&limit=5".into());
    let depth: Value = serde_json::from_slice(&depth.body).unwrap();
    assert_eq!(depth["bids"][0], json!(["100.50000000", "0.30000000"]));
    assert_eq!(bench.hit(Side::Sell, "100.5", "0.8"), d("0.8"));
    assert_eq!(bench.order("c1")["executedQty"], "0.80000000");
}

#[test]
fn the_reply_is_as_long_as_asked_for() {
    let mut bench = Bench::plain();
    let keys = |reply: &Value| reply.as_object().unwrap().len();
    let ack = bench.place(with(limit("c1", "BUY", "1", "90"), "newOrderRespType", "ACK"));
    assert_eq!(keys(&ack), 5);
    let result = bench.place(with(limit("c2", "BUY", "1", "90"), "newOrderRespType", "RESULT"));
    assert!(result.get("fills").is_none() && result["status"] == "NEW");
    let maker =
        bench.place(json!({"symbol": "BTCUSD", "side": "BUY", "type": "LIMIT_MAKER", "quantity": "1", "price": "90"}));
    assert_eq!(keys(&maker), 5, "ACK is what other kinds than LIMIT and MARKET get");
}

#[test]
fn cancel_replace_answers_by_what_went_well() {
    let mut bench = Bench::plain();
    let replace = |mode: &str, cancel: &str, new: &str, price: &str| {
        let order = with(with(limit(new, "BUY", "1", price), "type", "LIMIT_MAKER"), "cancelReplaceMode", mode);
        let mut order = with(order, "cancelOrigClientOrderId", cancel);
        order.as_object_mut().unwrap().remove("timeInForce");
        order
    };
    bench.limit("a", "BUY", "1", "90");
    let both = bench.call("POST", "order/cancelReplace", &replace("STOP_ON_FAILURE", "a", "b", "91"));
    assert_eq!(
        (&both["cancelResponse"]["status"], &both["newOrderResponse"]["clientOrderId"]),
        (&json!("CANCELED"), &json!("b"))
    );

    let (status, body) = bench.ask("POST", "order/cancelReplace", &replace("STOP_ON_FAILURE", "a", "c", "91"));
    assert_eq!((status, &body["code"], &body["data"]["newOrderResult"]), (400, &json!(-2022), &json!("NOT_ATTEMPTED")));
    assert_eq!(
        (&body["data"]["cancelResponse"]["code"], &body["data"]["newOrderResponse"]),
        (&json!(-2011), &Value::Null)
    );

    let (status, body) = bench.ask("POST", "order/cancelReplace", &replace("ALLOW_FAILURE", "a", "c", "91"));
    assert_eq!((status, &body["code"], &body["data"]["newOrderResult"]), (409, &json!(-2021), &json!("SUCCESS")));

    let conn = bench.listen();
    let (status, body) = bench.ask("POST", "order/cancelReplace", &replace("STOP_ON_FAILURE", "b", "d", "101"));
    assert_eq!((status, &body["code"], &body["data"]["cancelResult"]), (409, &json!(-2021), &json!("SUCCESS")));
    assert_eq!(body["data"]["newOrderResponse"]["msg"], "Order would immediately match and take.");
    assert_eq!(told(&bench.reports(conn)), [("b", "CANCELED", "CANCELED"), ("d", "REJECTED", "REJECTED")]);

    let (status, body) = bench.ask("POST", "order/cancelReplace", &replace("ALLOW_FAILURE", "b", "e", "101"));
    assert_eq!((status, &body["code"], &body["data"]["newOrderResult"]), (400, &json!(-2022), &json!("FAILURE")));
    assert_eq!((bench.money("USD").1, bench.order("c")["status"].clone()), (d("91"), json!("NEW")));
}

#[test]
fn cancel_all_takes_every_order_of_the_symbol_and_an_empty_book_refuses() {
    let mut bench = Bench::plain();
    bench.limit("a", "BUY", "1", "90");
    bench.limit("b", "SELL", "1", "110");
    let gone = bench.call("DELETE", "openOrders", &json!({"symbol": "BTCUSD"}));
    assert_eq!(gone.as_array().unwrap().len(), 2);
    assert_eq!(bench.refused("DELETE", "openOrders", &json!({"symbol": "BTCUSD"})).1, -2011);
    assert_eq!(bench.call("GET", "openOrders", &json!({})), json!([]));
}

#[test]
fn the_takers_mode_decides_who_gives_way_to_prevent_a_trade_with_oneself() {
    let run = |mode: &str| {
        let mut bench = Bench::plain();
        let conn = bench.listen();
        bench.limit("maker", "SELL", "2", "100.5");
        let taker = bench.place(with(limit("taker", "BUY", "3", "101"), "selfTradePreventionMode", mode));
        let maker = bench.order("maker");
        let reports = bench.reports(conn);
        let prevented = reports.iter().filter(|r| r.1 == "TRADE_PREVENTION").count();
        let own: Vec<_> = [&maker, &taker].iter().map(|o| (o["status"].clone(), o["executedQty"].clone())).collect();
        let locked = (bench.money("USD").1, bench.money("BTC").1);
        (own, prevented, locked)
    };
    let row = |status: &str, quantity: &str| (json!(status), json!(quantity));
    let (zero, none) = ("0.00000000", Decimal::ZERO);
    let maker_gone = vec![row("EXPIRED_IN_MATCH", zero), row("FILLED", "3.00000000")];
    assert_eq!(run("EXPIRE_MAKER"), (maker_gone, 1, (none, none)));
    let taker_gone = vec![row("NEW", zero), row("EXPIRED_IN_MATCH", zero)];
    assert_eq!(run("EXPIRE_TAKER"), (taker_gone, 1, (none, d("2"))));
    let both_gone = vec![row("EXPIRED_IN_MATCH", zero), row("EXPIRED_IN_MATCH", zero)];
    assert_eq!(run("EXPIRE_BOTH"), (both_gone, 2, (none, none)));
    // 2 of 3 were prevented on both sides, the third met somebody else.
    let reduced = vec![row("EXPIRED_IN_MATCH", zero), row("FILLED", "1.00000000")];
    assert_eq!(run("DECREMENT"), (reduced, 2, (none, none)));
}

#[test]
fn prevented_matches_are_listed_with_both_orders() {
    let mut bench = Bench::plain();
    let maker = bench.limit("maker", "SELL", "2", "100.5")["orderId"].clone();
    let taker = bench.limit("taker", "BUY", "1", "100.5");
    assert_eq!(taker["preventedMatches"].as_array().unwrap().len(), 1);
    let rows = bench.call("GET", "myPreventedMatches", &json!({"symbol": "BTCUSD", "orderId": maker}));
    assert_eq!((&rows[0]["takerOrderId"], &rows[0]["price"]), (&taker["orderId"], &json!("100.50000000")));
    let shown = bench.order("maker");
    assert_eq!((&shown["preventedMatchId"], &shown["preventedQuantity"]), (&json!(1), &json!("2.00000000")));
}

#[test]
fn listings_that_lag_show_the_past_and_a_fresh_order_seems_not_to_exist() {
    let mut bench = Bench::plain();
    bench.venue.reports.listing_lag_ns = 1_000 * MILLISECOND_NS;
    bench.limit("c1", "BUY", "1", "101");
    let query = json!({"symbol": "BTCUSD", "origClientOrderId": "c1"});
    assert_eq!(bench.refused("GET", "order", &query), (400, -2013, "Order does not exist.".into()));
    assert_eq!(bench.refused("DELETE", "order", &query).1, -2011);
    assert_eq!(bench.call("GET", "myTrades", &json!({"symbol": "BTCUSD"})), json!([]));
    let held = |bench: &mut Bench| {
        let account = bench.call("GET", "account", &json!({}));
        let btc = account["balances"].as_array().unwrap().iter().find(|b| b["asset"] == "BTC").unwrap();
        btc["free"].as_str().unwrap().parse::<Decimal>().unwrap()
    };
    let before = held(&mut bench);
    bench.pass_ms(1_000);
    assert_eq!(bench.order("c1")["status"], "FILLED");
    assert!(held(&mut bench) > before, "balances lag like the rest");
    assert_eq!(bench.call("GET", "myTrades", &json!({"symbol": "BTCUSD"})).as_array().unwrap().len(), 1);
    bench.limit("c2", "BUY", "1", "90");
    bench.pass_ms(1_000);
    bench.cancel("c2");
    assert_eq!(bench.order("c2")["status"], "NEW", "the cancel is not shown yet");
    assert_eq!(bench.call("GET", "openOrders", &json!({"symbol": "BTCUSD"})).as_array().unwrap().len(), 1);
}

#[test]
fn listings_page_by_id_and_time() {
    let mut bench = Bench::plain();
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(bench.limit(&format!("c{n}"), "BUY", "0.1", "90")["orderId"].as_u64().unwrap());
        bench.pass_ms(10);
    }
    let listed =
        |rows: Value| rows.as_array().unwrap().iter().map(|o| o["orderId"].as_u64().unwrap()).collect::<Vec<_>>();
    let newest = bench.call("GET", "allOrders", &json!({"symbol": "BTCUSD", "limit": 2}));
    assert_eq!(listed(newest), ids[3..]);
    let from = bench.call("GET", "allOrders", &json!({"symbol": "BTCUSD", "orderId": ids[1], "limit": 2}));
    assert_eq!(listed(from), ids[1..3]);
    let start = START / MILLISECOND_NS + 20;
    let later = bench.call("GET", "allOrders", &json!({"symbol": "BTCUSD", "startTime": start}));
    assert_eq!(listed(later), ids[2..]);
}
