//! The WebSocket API and the user stream: replies by id, both envelopes, races and faults.

use super::super::session::ApiSession;
use super::*;
use crate::sim::server::{Control, Fault, FaultRule};

#[test]
fn replies_carry_the_id_as_sent_and_rate_limits_only_if_wanted() {
    let mut bench = Bench::plain();
    let conn = bench.connect(DOOR_WS_API, "/ws-api/v3", "");
    for id in [json!(1), json!("a-b"), Value::Null] {
        bench.say(conn, &json!({"id": id, "method": "v3/time"}));
        let reply = bench.frames(conn).remove(0);
        assert_eq!((&reply["id"], &reply["status"]), (&id, &json!(200)));
        assert_eq!(reply["result"]["serverTime"], bench.now / MILLISECOND_NS);
        assert_eq!(reply["rateLimits"][0]["rateLimitType"], "REQUEST_WEIGHT");
    }
    bench.say(conn, &json!({"id": 2, "method": "ping", "params": {"returnRateLimits": false}}));
    assert_eq!(bench.texts(conn), [r#"{"id":2,"status":200,"result":{}}"#]);
    let hidden = bench.connect(DOOR_WS_API, "/ws-api/v3", "returnRateLimits=false");
    bench.say(hidden, &json!({"id": 3, "method": "ping"}));
    assert_eq!(bench.texts(hidden), [r#"{"id":3,"status":200,"result":{}}"#]);
}

#[test]
fn every_method_answers_as_its_rest_twin() {
    let mut bench = Bench::plain();
    let conn = bench.connect(DOOR_WS_API, "/ws-api/v3", "");
    bench.api(conn, "order.place", limit("c1", "BUY", "1", "90"));
    let symbol = json!({"symbol": "BTCUSD"});
    let by_id = json!({"symbol": "BTCUSD", "origClientOrderId": "c1"});
    for (method, path, params) in [
        ("order.status", "order", &by_id),
        ("openOrders.status", "openOrders", &symbol),
        ("allOrders", "allOrders", &symbol),
        ("myTrades", "myTrades", &symbol),
        ("account.status", "account", &json!({})),
        ("account.rateLimits.orders", "rateLimit/order", &json!({})),
        ("depth", "depth", &symbol),
        ("klines", "klines", &json!({"symbol": "BTCUSD", "interval": "1m"})),
        ("ticker.24hr", "ticker/24hr", &symbol),
        ("ticker", "ticker", &json!({"symbol": "BTCUSD", "windowSize": "5m"})),
        ("exchangeInfo", "exchangeInfo", &symbol),
    ] {
        let (one, other) = (bench.api(conn, method, params.clone()), bench.call("GET", path, params));
        assert_eq!(one["result"], other, "{method}");
    }
    let missing = bench.api(conn, "order.status", json!({"symbol": "BTCUSD", "orderId": 1}));
    assert_eq!((&missing["status"], &missing["error"]["code"]), (&json!(400), &json!(-2013)));
    let unknown = bench.api(conn, "order.nothing", json!({}));
    assert_eq!(unknown["error"]["code"], -1020);
}

#[test]
fn a_failed_replacement_has_its_data_in_the_error() {
    let mut bench = Bench::plain();
    let conn = bench.connect(DOOR_WS_API, "/ws-api/v3", "");
    let replace = with(with(limit("n", "BUY", "1", "90"), "cancelReplaceMode", "ALLOW_FAILURE"), "cancelOrderId", 1);
    let reply = bench.api(conn, "order.cancelReplace", replace);
    assert_eq!((&reply["status"], &reply["error"]["code"]), (&json!(409), &json!(-2021)));
    assert_eq!(reply["error"]["data"]["newOrderResult"], "SUCCESS");
}

#[test]
fn a_wrong_signature_is_refused_with_its_id() {
    let mut bench = Bench::plain();
    let conn = bench.connect(DOOR_WS_API, "/ws-api/v3", "");
    let mut request = bench.api_request(9, "account.status", json!({}));
    request["params"]["signature"] = json!("00");
    bench.say(conn, &request);
    let reply = bench.frames(conn).remove(0);
    assert_eq!((&reply["id"], &reply["status"], &reply["error"]["code"]), (&json!(9), &json!(400), &json!(-1022)));
}

#[test]
fn the_report_comes_before_the_reply_unless_told_otherwise() {
    let mut bench = Bench::plain();
    let conn = bench.listen();
    let mut order_of = |before: bool, id: &str| {
        bench.venue.events_before_reply = before;
        let request = bench.api_request(1, "order.place", limit(id, "BUY", "1", "90"));
        bench.say(conn, &request);
        bench
            .frames(conn)
            .iter()
            .map(|f| f.get("event").map_or("reply", |e| e["e"].as_str().unwrap()).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(order_of(true, "a"), ["executionReport", "outboundAccountPosition", "reply"]);
    assert_eq!(order_of(false, "b"), ["reply", "executionReport", "outboundAccountPosition"]);
}

#[test]
fn the_report_of_a_fill_has_the_recorded_members() {
    let mut bench = Bench::plain();
    let conn = bench.listen();
    bench.limit("c1", "SELL", "0.5", "100");
    let frames = bench.frames(conn);
    let fill = frames.iter().map(|f| &f["event"]).find(|e| e["x"] == "TRADE").unwrap();
    let recorded = [
        "e", "E", "s", "c", "S", "o", "f", "q", "p", "P", "F", "g", "C", "x", "X", "r", "i", "l", "z", "L", "n", "N",
        "T", "t", "I", "w", "m", "M", "O", "Z", "Y", "Q", "W", "V",
    ];
    let mut keys: Vec<&str> = fill.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let mut expected = recorded.to_vec();
    expected.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!(
        (&fill["l"], &fill["L"], &fill["Y"]),
        (&json!("0.50000000"), &json!("100.00000000"), &json!("50.00000000"))
    );
    assert_eq!(
        (&fill["n"], &fill["N"], &fill["m"], &fill["w"]),
        (&json!("0.05000000"), &json!("USD"), &json!(false), &json!(false))
    );
    let account = frames.iter().map(|f| &f["event"]).find(|e| e["e"] == "outboundAccountPosition").unwrap();
    let assets: Vec<_> = account["B"].as_array().unwrap().iter().map(|b| b["a"].as_str().unwrap()).collect();
    assert_eq!(assets, ["USD", "BTC"], "only what moved");
}

#[test]
fn a_subscription_ends_with_a_word_and_may_begin_again() {
    let mut bench = Bench::plain();
    let conn = bench.listen();
    assert_eq!(bench.api(conn, "userDataStream.subscribe.signature", json!({}))["error"]["code"], -2035);
    bench.say(conn, &json!({"id": 5, "method": "userDataStream.unsubscribe", "params": {"subscriptionId": 0}}));
    let frames = bench.frames(conn);
    assert_eq!((&frames[0]["id"], &frames[1]["event"]["e"]), (&json!(5), &json!("eventStreamTerminated")));
    bench.limit("a", "BUY", "1", "90");
    assert!(bench.frames(conn).is_empty(), "nothing is told after the end");
    assert_eq!(
        bench.api(conn, "userDataStream.subscribe.signature", json!({}))["result"],
        json!({"subscriptionId": 1})
    );
}

#[test]
fn deposits_and_withdrawals_are_told_as_deltas() {
    let mut bench = Bench::plain();
    let conn = bench.listen();
    bench.venue.deposit(bench.now, "ETH", d("-2.5"));
    let events: Vec<_> = bench.frames(conn).iter().map(|f| f["event"].clone()).collect();
    assert_eq!((&events[0]["e"], &events[0]["d"]), (&json!("balanceUpdate"), &json!("-2.50000000")));
    assert_eq!(events[1]["B"][0], json!({"a": "ETH", "f": "97.50000000", "l": "0.00000000"}));
}

#[test]
fn a_revoked_key_ends_everything_that_stood_on_it() {
    let mut bench = Bench::plain();
    let conn = bench.listen();
    bench.venue.revoke_key(bench.now);
    let frames = bench.frames(conn);
    assert_eq!(
        frames[0],
        json!({"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": bench.now / MILLISECOND_NS}})
    );
    assert_eq!((&frames[1]["id"], &frames[1]["error"]["code"]), (&Value::Null, &json!(-2015)));
    assert_eq!(bench.refused("GET", "account", &json!({})).1, -2015);
}

#[test]
fn each_fault_processes_what_it_says_and_answers_what_it_says() {
    let mut bench = Bench::plain();
    let conn = bench.connect(DOOR_WS_API, "/ws-api/v3", "");
    let mut try_fault = |fault: Fault, id: &str| {
        bench.venue.ws_faults.add(FaultRule::next("WS", "order.place", fault));
        let request = bench.api_request(1, "order.place", limit(id, "BUY", "1", "90"));
        bench.say(conn, &request);
        let answered = bench.frames(conn).len();
        (bench.venue.exchange.latest(id).is_some(), answered)
    };
    assert_eq!(try_fault(Fault::Silence, "a"), (false, 0));
    assert_eq!(try_fault(Fault::ThenSilence, "b"), (true, 0));
    assert_eq!(try_fault(Fault::Reply(Response::json(503, r#"{"id":1,"status":503}"#)), "c"), (false, 1));
    assert_eq!(try_fault(Fault::ThenReply(Response::json(504, r#"{"id":1,"status":504}"#)), "d"), (true, 1));
    assert_eq!(try_fault(Fault::ThenHold, "e"), (true, 0));
    assert_eq!(try_fault(Fault::Delay(1_000 * MILLISECOND_NS), "f"), (false, 0));
    bench.venue.release_ws_replies(bench.now);
    assert_eq!(bench.frames(conn)[0]["result"]["clientOrderId"], "e");
    bench.pass_ms(1_000);
    assert_eq!(
        bench.frames(conn)[0]["result"]["clientOrderId"],
        "f",
        "a delayed request is served when its time has come"
    );
    bench.venue.ws_faults.add(FaultRule::next("WS", "order.place", Fault::ThenClose(CloseHow::Reset)));
    let request = bench.api_request(1, "order.place", limit("g", "BUY", "1", "90"));
    bench.say(conn, &request);
    assert_eq!(bench.closed(conn), Some(CloseHow::Reset));
    assert!(bench.venue.exchange.latest("g").is_some());
    assert_eq!(bench.venue.observed.orders_received.get("g"), Some(&1));
}

#[test]
fn user_events_can_be_held_dropped_and_delayed() {
    let mut bench = Bench::plain();
    let conn = bench.listen();
    bench.venue.reports.held = true;
    bench.limit("a", "BUY", "1", "90");
    assert!(bench.reports(conn).is_empty());
    bench.venue.reports.held = false;
    assert_eq!(told(&bench.reports(conn)), [("a", "NEW", "NEW")]);
    bench.venue.reports.delay_ns = 500 * MILLISECOND_NS;
    bench.limit("b", "BUY", "1", "90");
    assert!(bench.reports(conn).is_empty());
    bench.pass_ms(500);
    assert_eq!(told(&bench.reports(conn)), [("b", "NEW", "NEW")]);
    bench.venue.reports.delay_ns = 0;
    bench.venue.reports.suppressed.insert("c".into());
    bench.limit("c", "BUY", "1", "90");
    assert!(bench.reports(conn).is_empty());
}

#[test]
fn a_listen_key_hears_the_same_events_until_it_ends() {
    let mut bench = Bench::plain_with(|config| config.ping_interval_ns = 0);
    let started = bench.request("POST", "userDataStream", String::new());
    let key: Value = serde_json::from_slice(&started.body).unwrap();
    let key = key["listenKey"].as_str().unwrap().to_owned();
    assert_eq!(key.len(), 60);
    let again = bench.request("POST", "userDataStream", String::new());
    assert_eq!(again.body, started.body, "one key at a time");
    let raw = bench.connect(DOOR_STREAM, &format!("/ws/{key}"), "");
    let combined = bench.connect(DOOR_STREAM, "/stream", &format!("streams={key}"));
    bench.limit("a", "BUY", "1", "90");
    let (one, other) = (bench.frames(raw), bench.frames(combined));
    assert_eq!(
        (one[0]["e"].as_str(), &other[0]["stream"], &other[0]["data"]),
        (Some("executionReport"), &json!(key), &one[0])
    );
    bench.pass_ms(59 * 60_000);
    assert_eq!(bench.request("PUT", "userDataStream", format!("listenKey={key}")).status, 200);
    bench.frames(raw);
    bench.pass_ms(60 * 60_000);
    let last = bench.frames(raw);
    assert!(last.iter().any(|f| f["e"] == "listenKeyExpired"), "{last:?}");
    let dead = bench.request("PUT", "userDataStream", format!("listenKey={key}"));
    assert!(String::from_utf8(dead.body).unwrap().contains("-1125"));
}

#[test]
fn who_does_not_answer_pings_is_dropped_and_nobody_stays_longer_than_a_day() {
    let mut bench = Bench::plain();
    let (good, silent) = (bench.connect(DOOR_WS_API, "/ws-api/v3", ""), bench.connect(DOOR_STREAM, "/ws", ""));
    for _ in 0..3 {
        bench.pass_ms(20_000);
        assert_eq!(bench.pings(good), 1);
        bench.venue.control(bench.now, good, &Control::Pong(Vec::new()));
    }
    assert_eq!((bench.closed(good), bench.closed(silent)), (None, Some(CloseHow::Frame(1000))));
    for _ in 0..(24 * 60 * 3) {
        bench.pass_ms(20_000);
        bench.venue.control(bench.now, good, &Control::Pong(Vec::new()));
    }
    assert_eq!(bench.closed(good), Some(CloseHow::Frame(1000)));
}

#[test]
fn a_shutdown_is_announced_in_each_envelope() {
    let mut bench = Bench::plain();
    let api = bench.connect(DOOR_WS_API, "/ws-api/v3", "");
    let (raw, combined) = (bench.connect(DOOR_STREAM, "/ws", ""), bench.connect(DOOR_STREAM, "/stream", ""));
    bench.venue.announce_shutdown(bench.now);
    let event = json!({"e": "serverShutdown", "E": bench.now / MILLISECOND_NS});
    assert_eq!(bench.frames(api), [json!({"event": event})]);
    assert_eq!(bench.frames(raw), std::slice::from_ref(&event));
    assert_eq!(bench.frames(combined), [json!({"stream": "!serverShutdown", "data": event})]);
    assert_eq!(ApiSession::wrap(3, "{}"), r#"{"subscriptionId":3,"event":{}}"#);
}
