//! Market streams: control messages, every kind of event, and a book that follows.

use super::*;
use crate::sim::server::Control;
use crate::sim::Model;
use std::collections::BTreeMap;

fn get(bench: &mut Bench, path: &str, query: &str) -> Value {
    serde_json::from_slice(&bench.request("GET", path, query.into()).body).unwrap()
}

#[test]
fn control_messages_answer_with_their_id() {
    let mut bench = Bench::plain();
    let conn = bench.connect(DOOR_STREAM, "/ws", "");
    let cases = [
        (
            json!({"method": "SUBSCRIBE", "params": ["btcusd@trade", "nosuch@depth"], "id": 1}),
            json!({"result": null, "id": 1}),
        ),
        (
            json!({"method": "LIST_SUBSCRIPTIONS", "id": 2}),
            json!({"result": ["btcusd@trade", "nosuch@depth"], "id": 2}),
        ),
        (json!({"method": "GET_PROPERTY", "params": ["combined"], "id": 3}), json!({"result": false, "id": 3})),
        (json!({"method": "UNSUBSCRIBE", "params": ["nosuch@depth"], "id": "x"}), json!({"result": null, "id": "x"})),
        (
            json!({"method": "SUBSCRIBE", "params": ["btcusd@nonsense"], "id": 5}),
            json!({"error": {"code": 2, "msg": "Invalid request: invalid stream"}, "id": 5}),
        ),
        (
            json!({"method": "SET_PROPERTY", "params": ["combined", 7], "id": 6}),
            json!({"error": {"code": 1, "msg": "Invalid value type: expected Boolean"}, "id": 6}),
        ),
        (json!({"method": "SET_PROPERTY", "params": ["combined", true], "id": 7}), json!({"result": null, "id": 7})),
    ];
    for (message, reply) in cases {
        bench.pass_ms(250);
        bench.say(conn, &message);
        assert_eq!(bench.frames(conn), [reply], "{message}");
    }
    bench.hit(Side::Buy, "101", "1");
    let frame = bench.frames(conn).remove(0);
    assert_eq!((&frame["stream"], &frame["data"]["e"]), (&json!("btcusd@trade"), &json!("trade")));
}

#[test]
fn a_sixth_message_in_a_second_ends_the_connection_and_control_frames_count() {
    let mut bench = Bench::plain();
    let conn = bench.connect(DOOR_STREAM, "/ws", "");
    for id in 0..4 {
        bench.say(conn, &json!({"method": "LIST_SUBSCRIPTIONS", "id": id}));
    }
    bench.venue.control(bench.now, conn, &Control::Ping(Vec::new()));
    assert_eq!(bench.closed(conn), None);
    bench.say(conn, &json!({"method": "LIST_SUBSCRIPTIONS", "id": 9}));
    assert_eq!(bench.closed(conn), Some(CloseHow::Frame(1008)));
    assert_eq!(bench.venue.usage.refused, 1);
}

#[test]
fn a_connection_holds_so_many_streams_and_no_more() {
    let mut bench = Bench::plain();
    bench.venue.limits.streams_per_connection = 2;
    let conn = bench.connect(DOOR_STREAM, "/stream", "streams=btcusd@trade/ethusd@trade/solusd@trade");
    bench.say(conn, &json!({"method": "LIST_SUBSCRIPTIONS", "id": 1}));
    assert_eq!(bench.frames(conn)[0]["result"], json!(["btcusd@trade", "ethusd@trade"]));
    bench.say(conn, &json!({"method": "SUBSCRIBE", "params": ["solusd@trade"], "id": 2}));
    assert_eq!(bench.frames(conn)[0]["error"]["code"], 2);
}

#[test]
fn one_trade_is_told_on_every_kind_of_stream() {
    let mut bench = Bench::plain();
    let kinds = [
        "trade",
        "aggTrade",
        "bookTicker",
        "depth@100ms",
        "depth",
        "depth5@100ms",
        "depth20",
        "kline_1m",
        "ticker",
        "miniTicker",
    ];
    let names: Vec<String> = kinds.iter().map(|kind| format!("btcusd@{kind}")).collect();
    let conn = bench.connect(DOOR_STREAM, "/stream", &format!("streams={}", names.join("/")));
    bench.rest(Side::Sell, "101", "1");
    bench.frames(conn);
    bench.hit(Side::Buy, "101", "10.5");
    let frames = bench.frames(conn);
    let of = |kind: &str| -> Vec<Value> {
        let name = format!("btcusd@{kind}");
        frames.iter().filter(|f| f["stream"] == *name).map(|f| f["data"].clone()).collect()
    };
    assert_eq!(of("trade").len(), 2, "two resting orders were hit");
    let aggregate = of("aggTrade").remove(0);
    assert_eq!(
        (&aggregate["q"], &aggregate["f"], &aggregate["l"]),
        (&json!("10.50000000"), &of("trade")[0]["t"], &of("trade")[1]["t"])
    );
    assert_eq!((&aggregate["m"], &of("trade")[0]["m"]), (&json!(false), &json!(false)), "the buyer took");
    let depth = of("depth@100ms").remove(0);
    assert_eq!((&depth["a"], &depth["b"]), (&json!([["101.00000000", "0.50000000"]]), &json!([])));
    assert_eq!(of("depth"), std::slice::from_ref(&depth));
    assert_eq!((&of("bookTicker")[0]["A"], &of("bookTicker")[0]["u"]), (&json!("0.50000000"), &depth["u"]));
    assert_eq!(of("depth5@100ms")[0]["lastUpdateId"], depth["u"]);
    let kline = of("kline_1m").remove(0)["k"].clone();
    assert_eq!((&kline["x"], &kline["c"], &kline["L"]), (&json!(false), &json!("101.00000000"), &of("trade")[1]["t"]));
    assert_eq!(of("ticker")[0]["c"], "101.00000000");
    assert_eq!(of("miniTicker")[0]["c"], "101.00000000");
    assert!(kinds.iter().all(|kind| *kind == "depth20" || !of(kind).is_empty()));
}

#[test]
fn depth_comes_on_the_grid_and_ids_follow_each_other_without_a_gap() {
    let mut bench = Bench::new(Config {
        depth_grid_ns: 100 * MILLISECOND_NS,
        slow_grid_ns: 1_000 * MILLISECOND_NS,
        ..Config::quiet()
    });
    let conn = bench.connect(DOOR_STREAM, "/stream", "streams=btcusd@depth@100ms/btcusd@depth");
    let (mut fast, mut slow) = (Vec::new(), Vec::new());
    for _ in 0..300 {
        bench.venue.step(bench.now, 20);
        bench.pass_ms(10);
        for frame in bench.frames(conn) {
            let list = if frame["stream"] == "btcusd@depth" { &mut slow } else { &mut fast };
            list.push(frame["data"].clone());
        }
    }
    assert!(fast.len() > 25 && fast.len() <= 31, "{}", fast.len());
    assert!(slow.len() >= 2 && slow.len() <= 4, "{}", slow.len());
    for list in [fast, slow] {
        assert!(list.windows(2).all(|pair| pair[1]["U"].as_u64() == pair[0]["u"].as_u64().map(|u| u + 1)));
    }
}

/// Price texts to quantities; prices of one side in one place.
type Sides = [BTreeMap<String, String>; 2];

fn apply(book: &mut Sides, bids: &Value, asks: &Value) {
    for (side, levels) in book.iter_mut().zip([bids, asks]) {
        for level in levels.as_array().unwrap() {
            let (price, size) = (level[0].as_str().unwrap().to_owned(), level[1].as_str().unwrap().to_owned());
            if d(&size).is_zero() {
                side.remove(&price)
            } else {
                side.insert(price, size)
            };
        }
    }
}

#[test]
fn a_book_of_snapshot_and_updates_equals_the_venues_own() {
    for (period, seed) in [(0, 1), (100, 2)] {
        let mut bench = Bench::new(Config { seed, depth_grid_ns: period * MILLISECOND_NS, ..Config::quiet() });
        let conn = bench.connect(DOOR_STREAM, "/ws/btcusd@depth@100ms", "");
        bench.venue.step(bench.now, 300);
        bench.pass_ms(7);
        let snapshot = get(&mut bench, "depth", "symbol=BTCUSD&limit=5000");
        let mut book = Sides::default();
        apply(&mut book, &snapshot["bids"], &snapshot["asks"]);
        let mut id = snapshot["lastUpdateId"].as_u64().unwrap();
        for _ in 0..40 {
            bench.venue.step(bench.now, 50);
            bench.pass_ms(30);
        }
        bench.pass_ms(100);
        for update in bench.frames(conn) {
            let (first, last) = (update["U"].as_u64().unwrap(), update["u"].as_u64().unwrap());
            if last <= id {
                continue;
            }
            assert!(first <= id + 1, "a gap: {first} after {id}");
            apply(&mut book, &update["b"], &update["a"]);
            id = last;
        }
        let now = get(&mut bench, "depth", "symbol=BTCUSD&limit=5000");
        let mut own = Sides::default();
        apply(&mut own, &now["bids"], &now["asks"]);
        assert_eq!(now["lastUpdateId"], id);
        assert_eq!(book, own);
    }
}

#[test]
fn a_dropped_frame_is_a_gap_on_its_stream_only() {
    let mut bench = Bench::plain();
    let conn = bench.connect(DOOR_STREAM, "/stream", "streams=btcusd@depth@100ms/btcusd@trade");
    bench.venue.frames_to_drop.insert("btcusd@depth@100ms".into(), 1);
    bench.hit(Side::Buy, "101", "1");
    assert_eq!(bench.frames(conn).iter().map(|f| f["stream"].clone()).collect::<Vec<_>>(), ["btcusd@trade"]);
    bench.hit(Side::Buy, "101", "1");
    assert_eq!(bench.frames(conn).len(), 2);
    assert_eq!(bench.venue.observed.frames_dropped, 1);
}

#[test]
fn a_minute_that_ends_closes_its_kline() {
    let mut bench = Bench::plain_with(|config| config.ping_interval_ns = 0);
    let conn = bench.connect(DOOR_STREAM, "/ws/btcusd@kline_1m/btcusd@kline_1h", "");
    bench.hit(Side::Buy, "101", "1");
    bench.frames(conn);
    let next = bench.tick().unwrap();
    assert_eq!(next % (60_000 * MILLISECOND_NS), 0, "it wants to be called when the minute ends");
    bench.now = next;
    let frames = bench.frames(conn);
    let seen: Vec<_> = frames.iter().map(|f| (f["k"]["i"].as_str().unwrap(), f["k"]["x"].as_bool().unwrap())).collect();
    assert_eq!(seen, [("1m", true), ("1m", false), ("1h", false)]);
    assert_eq!(frames[0]["k"]["T"].as_u64().map(|t| t + 1), frames[1]["k"]["t"].as_u64());
}

#[test]
fn all_mini_tickers_come_as_one_array_of_what_changed() {
    let mut bench = Bench::plain();
    let conn = bench.connect(DOOR_STREAM, "/ws/!miniTicker@arr", "");
    bench.hit(Side::Buy, "101", "1");
    let frames = bench.frames(conn);
    let symbols: Vec<_> = frames[0].as_array().unwrap().iter().map(|t| t["s"].as_str().unwrap()).collect();
    assert_eq!(symbols, ["BTCUSD"]);
}

#[test]
fn tickers_over_a_moving_window_are_told_and_can_be_asked_for() {
    let mut bench = Bench::plain();
    let one = bench.connect(DOOR_STREAM, "/ws/btcusd@ticker_1h", "");
    let all = bench.connect(DOOR_STREAM, "/ws/!ticker_4h@arr", "");
    bench.hit(Side::Buy, "101", "0.5");
    let (hour, four) = (bench.frames(one).remove(0), bench.frames(all).remove(0));
    assert_eq!(
        (&hour["e"], &hour["c"], hour.as_object().unwrap().len()),
        (&json!("1hTicker"), &json!("101.00000000"), 17)
    );
    assert_eq!(
        (four.as_array().unwrap().len(), &four[0]["e"], &four[0]["s"]),
        (1, &json!("4hTicker"), &json!("BTCUSD"))
    );
    assert!(bench.frames(one).is_empty() && bench.frames(all).is_empty(), "nothing changed");

    let asked = get(&mut bench, "ticker", "symbol=BTCUSD&windowSize=1h");
    assert_eq!((asked.as_object().unwrap().len(), &asked["lastPrice"]), (15, &json!("101.00000000")));
    assert_eq!(asked["openTime"].as_u64().unwrap() % 60_000, 0);
    assert!(asked["closeTime"].as_u64().unwrap() - asked["openTime"].as_u64().unwrap() < 61 * 60_000);
    let two = get(&mut bench, "ticker", "symbols=%5B%22BTCUSD%22,%22ETHUSD%22%5D&type=MINI");
    assert_eq!(
        (two.as_array().unwrap().len(), two[1]["symbol"].as_str(), two[1].get("priceChange")),
        (2, Some("ETHUSD"), None)
    );
    for (query, code) in [("", -1102), ("symbol=NOSUCH", -1121), ("symbol=BTCUSD&windowSize=1w", -1130)] {
        assert_eq!(get(&mut bench, "ticker", query)["code"], code, "{query}");
    }
    for path in ["ticker", "ticker/24hr", "ticker/price", "ticker/bookTicker"] {
        let both = get(&mut bench, path, "symbol=BTCUSD&symbols=%5B%22ETHUSD%22%5D");
        assert_eq!(both["code"], -1128, "{path}");
    }
}

#[test]
fn public_bodies_have_their_documented_form() {
    let mut bench = Bench::plain();
    bench.hit(Side::Buy, "101", "0.5");
    bench.tick();
    assert_eq!(get(&mut bench, "ticker/price", "symbol=BTCUSD"), json!({"symbol": "BTCUSD", "price": "101.00000000"}));
    assert_eq!(
        get(&mut bench, "ticker/bookTicker", "symbol=BTCUSD"),
        json!({"symbol": "BTCUSD", "bidPrice": "100.00000000", "bidQty": "10.00000000", "askPrice": "101.00000000", "askQty": "9.50000000"})
    );
    let two = get(&mut bench, "ticker/price", "symbols=%5B%22BTCUSD%22,%22ETHUSD%22%5D");
    assert_eq!(two.as_array().unwrap().len(), 2);
    let day = get(&mut bench, "ticker/24hr", "symbol=BTCUSD");
    assert_eq!((day.as_object().unwrap().len(), &day["lastQty"]), (21, &json!("0.50000000")));
    let kline = get(&mut bench, "klines", "symbol=BTCUSD&interval=1m&limit=1");
    assert_eq!((kline[0].as_array().unwrap().len(), &kline[0][4]), (12, &json!("101.00000000")));
    assert_eq!(get(&mut bench, "klines", "symbol=BTCUSD&interval=1s")["code"], -1120);
    let aggregate = get(&mut bench, "aggTrades", "symbol=BTCUSD&limit=1");
    assert_eq!((&aggregate[0]["q"], &aggregate[0]["m"]), (&json!("0.50000000"), &json!(false)));
    let info = get(&mut bench, "exchangeInfo", "symbol=BTCUSD&showPermissionSets=false");
    assert_eq!((info["symbols"].as_array().unwrap().len(), info["symbols"][0].get("permissionSets")), (1, None));
    let trades = get(&mut bench, "trades", "symbol=BTCUSD&limit=3");
    assert_eq!(trades.as_array().unwrap().len(), 3);
}
