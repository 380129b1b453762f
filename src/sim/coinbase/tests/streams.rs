//! The WebSocket channels.

use super::*;
use crate::sim::Model;
use std::collections::BTreeMap;

fn channels(frames: &[Value]) -> Vec<String> {
    let kind = |f: &Value| f["events"][0]["type"].as_str().map(|t| format!("/{t}")).unwrap_or_default();
    frames.iter().map(|f| format!("{}{}", f["channel"].as_str().unwrap(), kind(f))).collect()
}

/// Applies l2_data events to a book of texts, as a client would.
fn apply(book: &mut BTreeMap<(String, Decimal), Decimal>, frames: &[Value]) {
    for event in frames.iter().filter(|f| f["channel"] == "l2_data").flat_map(|f| f["events"].as_array().unwrap()) {
        if event["type"] == "snapshot" {
            book.clear();
        }
        for level in event["updates"].as_array().unwrap() {
            let key = (level["side"].as_str().unwrap().to_owned(), d(level["price_level"].as_str().unwrap()));
            match d(level["new_quantity"].as_str().unwrap()) {
                size if size.is_zero() => book.remove(&key),
                size => book.insert(key, size),
            };
        }
    }
}

#[test]
fn the_snapshot_comes_before_the_ack_and_the_ack_lists_the_whole_set() {
    let mut bench = Bench::new(Config::quiet());
    let conn = bench.connect(DOOR_MARKET);
    bench.subscribe(conn, "level2", &["BTC-USD", "NO-SUCH", "ETH-USD"]);
    let frames = bench.frames(conn);
    assert_eq!(channels(&frames), ["l2_data/snapshot", "l2_data/snapshot", "subscriptions"]);
    bench.subscribe(conn, "market_trades", &["BTC-USD"]);
    bench.subscribe(conn, "ticker", &["BTC-USD"]);
    bench.subscribe(conn, "heartbeats", &[]);
    let frames = bench.frames(conn);
    let expected = ["market_trades/snapshot", "subscriptions", "ticker/snapshot", "subscriptions", "subscriptions"];
    assert_eq!(channels(&frames), expected);
    assert_eq!(
        frames[4]["events"][0]["subscriptions"],
        json!({"heartbeats": ["heartbeats"], "level2": ["BTC-USD", "ETH-USD"], "market_trades": ["BTC-USD"], "ticker": ["BTC-USD"]})
    );
    let numbers: Vec<u64> = frames.iter().map(|f| f["sequence_num"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [3, 4, 5, 6, 7]);
    assert!(frames.iter().all(|f| f.get("client_id").is_none()));
}

#[test]
fn a_repeated_subscription_is_acked_without_a_new_snapshot_and_a_renewed_one_has_it() {
    let mut bench = Bench::new(Config::quiet());
    let conn = bench.connect(DOOR_MARKET);
    bench.subscribe(conn, "level2", &["BTC-USD"]);
    bench.frames(conn);
    bench.subscribe(conn, "level2", &["BTC-USD"]);
    assert_eq!(channels(&bench.frames(conn)), ["subscriptions"]);
    bench.say(conn, &json!({"type": "unsubscribe", "channel": "level2"}));
    assert_eq!(bench.frames(conn)[0]["events"][0]["subscriptions"], json!({}));
    bench.subscribe(conn, "level2", &["BTC-USD"]);
    assert_eq!(channels(&bench.frames(conn)), ["l2_data/snapshot", "subscriptions"]);
}

#[test]
fn a_client_that_applies_the_updates_has_the_venues_book() {
    let mut bench = Bench::new(Config { depth: 100, level2_grid_ns: 50 * MILLISECOND_NS, ..Config::quiet() });
    let conn = bench.connect(DOOR_MARKET);
    let mut book = BTreeMap::new();
    bench.venue.step(bench.now, 50);
    bench.subscribe(conn, "level2", &["BTC-USD"]);
    let mut updates = 0;
    for _ in 0..200 {
        bench.venue.step(bench.now, 25);
        bench.pass_ms(10);
        let frames = bench.frames(conn);
        updates += frames.len();
        apply(&mut book, &frames);
    }
    bench.pass_ms(50);
    apply(&mut book, &bench.frames(conn));
    let market = &bench.venue.exchange.markets[0];
    let side = |side, name: &'static str| {
        let levels = market.book.levels(side).collect::<Vec<_>>();
        levels.into_iter().map(move |(t, l)| ((name.to_owned(), market.product.price(t)), market.product.size(l)))
    };
    let expected: BTreeMap<_, _> = side(Side::Buy, "bid").chain(side(Side::Sell, "offer")).collect();
    assert_eq!(book, expected);
    assert!((38..=48).contains(&updates), "2 s on a 50 ms grid are about 40 updates, not {updates}");
}

#[test]
fn trades_come_newest_first_with_the_makers_side_on_a_100_ms_grid() {
    let mut bench = Bench::new(Config { depth: 0, trades_grid_ns: 100 * MILLISECOND_NS, ..Config::quiet() });
    bench.rest(Side::Sell, "101", "10");
    let conn = bench.connect(DOOR_MARKET);
    bench.subscribe(conn, "market_trades", &["BTC-USD"]);
    let snapshot = bench.frames(conn).remove(0);
    let history = snapshot["events"][0]["trades"].as_array().unwrap().clone();
    assert_eq!(history.len(), 100);
    bench.hit(Side::Buy, "101", "1");
    bench.hit(Side::Buy, "101", "2");
    bench.pass_ms(1);
    assert!(bench.frames(conn).is_empty(), "not before the grid");
    bench.pass_ms(100);
    let frames = bench.frames(conn);
    assert_eq!(channels(&frames), ["market_trades/update"]);
    let trades = frames[0]["events"][0]["trades"].as_array().unwrap();
    let rows: Vec<_> = trades.iter().map(|t| (t["size"].as_str().unwrap(), t["side"].as_str().unwrap())).collect();
    assert_eq!(rows, [("2", "SELL"), ("1", "SELL")]);
    let id = |t: &Value| t["trade_id"].as_str().unwrap().parse::<u64>().unwrap();
    assert_eq!((id(&trades[0]), id(&trades[1])), (id(&history[0]) + 2, id(&history[0]) + 1));
}

#[test]
fn a_ticker_fires_on_matches_once_per_cascade_and_not_on_quotes() {
    let mut bench = Bench::plain();
    let conn = bench.connect(DOOR_MARKET);
    bench.subscribe(conn, "ticker", &["BTC-USD"]);
    bench.frames(conn);
    bench.rest(Side::Sell, "100.9", "1");
    assert!(bench.frames(conn).is_empty());
    bench.hit(Side::Buy, "101", "2");
    let frames = bench.frames(conn);
    assert_eq!(channels(&frames), ["ticker/update"]);
    let ticker = &frames[0]["events"][0]["tickers"][0];
    assert_eq!(
        (&ticker["price"], &ticker["best_ask"], &ticker["best_ask_quantity"]),
        (&json!("101"), &json!("101"), &json!("9"))
    );
}

#[test]
fn heartbeats_come_each_second_and_count_up_by_one() {
    let mut bench = Bench::plain();
    let conn = bench.connect(DOOR_MARKET);
    bench.pass_ms(400);
    bench.subscribe(conn, "heartbeats", &[]);
    bench.frames(conn);
    let mut beats = Vec::new();
    for late_ms in [3, 0, 40, 0, 7] {
        // Late by less than a period: neither the rhythm nor the counter may drift.
        bench.pass_ms(1_000 - late_ms);
        bench.pass_ms(late_ms);
        beats.extend(bench.frames(conn).iter().map(|f| f["events"][0]["heartbeat_counter"].as_u64().unwrap()));
    }
    assert_eq!(beats, [12_001, 12_002, 12_003, 12_004, 12_005]);
}

#[test]
fn errors_carry_no_number_and_leave_the_connection_up() {
    let mut bench = Bench::plain();
    let conn = bench.connect(DOOR_MARKET);
    let unauthentic = r#"{"type":"error","message":"authentication failure"}"#;
    let malformed = r#"{"type":"error","message":"subscribe or unsubscribe required"}"#;
    for (message, answer) in [
        (json!({"type": "subscribe", "channel": "no_such_channel"}), unauthentic),
        (json!({"type": "subscribe", "channel": "user"}), unauthentic),
        (json!({"type": "subscribe", "channel": "user", "jwt": "a.b.c"}), unauthentic),
        (json!({"type": "subscribe", "channel": "level2", "product_ids": ["BTC-USD"], "jwt": "a.b.c"}), unauthentic),
        (json!({"type": "hello"}), malformed),
        (json!({"channel": "level2"}), malformed),
        (json!({"type": "subscribe", "channel": "level2"}), r#"{"type":"error","message":"failure to subscribe"}"#),
    ] {
        bench.say(conn, &message);
        assert_eq!(bench.texts(conn), [answer], "{message}");
    }
    bench.venue.text(bench.now, conn, "{nonsense");
    assert_eq!(bench.texts(conn), [malformed]);
    bench.subscribe(conn, "ticker", &["BTC-USD"]);
    assert_eq!(bench.frames(conn)[0]["sequence_num"], 0);
}

#[test]
fn more_than_30_books_on_one_connection_are_refused_whole() {
    let mut config = Config { depth: 1, ..Config::quiet() };
    let extra =
        |n: i64| Product::spot(&format!("T{n}-USD"), "Test", Decimal::TEN, Decimal::new(1, 2), Decimal::new(1, 4));
    config.products.extend((0..31).map(extra));
    let mut bench = Bench::new(config);
    let conn = bench.connect(DOOR_MARKET);
    let ids: Vec<String> = (0..31).map(|n| format!("T{n}-USD")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    bench.subscribe(conn, "level2", &ids);
    assert_eq!(
        bench.texts(conn),
        [r#"{"type":"error","message":"too many L2 streams requested in a single session"}"#]
    );
    bench.subscribe(conn, "level2", &ids[..30]);
    assert_eq!(bench.frames(conn).len(), 31);
    bench.subscribe(conn, "level2", &["BTC-USD"]);
    assert!(bench.texts(conn)[0].contains("too many"));
    bench.say(conn, &json!({"type": "unsubscribe", "channel": "level2", "product_ids": ["T0-USD"]}));
    bench.frames(conn);
    bench.subscribe(conn, "level2", &["BTC-USD"]);
    assert_eq!(channels(&bench.frames(conn)), ["l2_data/snapshot", "subscriptions"]);
}

#[test]
fn who_subscribes_to_nothing_is_dropped_after_5_seconds() {
    let mut bench = Bench::plain();
    let (idle, busy) = (bench.connect(DOOR_MARKET), bench.connect(DOOR_MARKET));
    bench.subscribe(busy, "heartbeats", &[]);
    bench.pass_ms(4_999);
    assert!(!bench.was_closed(idle));
    bench.pass_ms(1);
    assert!(bench.was_closed(idle) && !bench.was_closed(busy));
}

#[test]
fn connections_and_messages_are_rate_limited() {
    let mut bench = Bench::new(Config { limits: Limits::default(), ..Config::quiet() });
    let conn = bench.connect(DOOR_MARKET);
    for _ in 0..8 {
        bench.subscribe(conn, "ticker", &["BTC-USD"]);
    }
    bench.texts(conn);
    bench.subscribe(conn, "ticker", &["ETH-USD"]);
    assert_eq!(bench.texts(conn), [r#"{"type":"error","message":"rate limit exceeded"}"#]);
    for _ in 0..7 {
        bench.connect(DOOR_MARKET);
    }
    let request = Request { method: "GET".into(), path: "/".into(), ..Request::default() };
    let refused = bench.venue.upgrade(bench.now, DOOR_MARKET, ConnId(99), &request).unwrap_err();
    assert_eq!(refused.status, 429);
}

#[test]
fn the_user_channel_tells_each_state_of_an_order_in_full() {
    let mut bench = Bench::plain();
    let conn = bench.connect(DOOR_USER);
    bench.subscribe_user(conn);
    let first = bench.frames(conn);
    assert_eq!(channels(&first), ["user/snapshot", "subscriptions"]);
    assert_eq!(first[0]["events"][0]["orders"], json!([]));
    assert_eq!(first[0]["client_id"], "");
    let id = bench.limit("c1", "BUY", "1", "100.5");
    bench.hit(Side::Sell, "100.5", "0.4");
    bench.cancel(&[&id]);
    let frames = bench.frames(conn);
    let orders: Vec<&Value> = frames.iter().map(|f| &f["events"][0]["orders"][0]).collect();
    let seen: Vec<_> = orders
        .iter()
        .map(|o| ["status", "cumulative_quantity", "leaves_quantity"].map(|k| o[k].as_str().unwrap()))
        .collect();
    assert_eq!(
        seen,
        [
            ["PENDING", "0", "1"],
            ["OPEN", "0", "1"],
            ["OPEN", "0.4", "0.6"],
            ["CANCEL_QUEUED", "0.4", "0.6"],
            ["CANCELLED", "0.4", "0"]
        ]
    );
    let partial = orders[2];
    for (key, value) in [
        ("avg_price", "100.5"),
        ("completion_percentage", "40.00"),
        ("filled_value", "40.2"),
        ("number_of_fills", "1"),
        ("order_side", "BUY"),
        ("order_type", "Limit"),
        ("post_only", "false"),
        ("total_fees", "0.2412"),
        ("creation_time", "2026-11-02T10:00:00Z"),
        ("end_time", "0001-01-01T00:00:00Z"),
    ] {
        assert_eq!(partial[key], value, "{key}");
    }
    assert_eq!(orders[4]["cancel_reason"], "User requested cancel");
}

#[test]
fn one_update_may_cover_several_fills() {
    let mut bench = Bench::plain();
    bench.rest(Side::Sell, "102", "1");
    let conn = bench.connect(DOOR_USER);
    bench.subscribe_user(conn);
    bench.frames(conn);
    bench.place("c1", "BUY", json!({"sor_limit_ioc": {"base_size": "11", "limit_price": "102"}}));
    let row = |status: &str, size: &str| ("c1".to_owned(), status.to_owned(), size.to_owned());
    assert_eq!(bench.user_orders(conn), [row("PENDING", "0"), row("FILLED", "11")]);
}

#[test]
fn the_user_snapshot_comes_in_batches_of_50_and_a_short_one_ends_it() {
    for (open, batches) in [(49, vec![49]), (50, vec![50, 0]), (120, vec![50, 50, 20])] {
        let mut bench = Bench::plain();
        for n in 0..open {
            bench.limit(&format!("c{n}"), "BUY", "0.1", "90");
        }
        let conn = bench.connect(DOOR_USER);
        bench.subscribe_user(conn);
        let frames = bench.frames(conn);
        let sizes: Vec<usize> = frames
            .iter()
            .filter(|f| f["channel"] == "user")
            .map(|f| f["events"][0]["orders"].as_array().unwrap().len())
            .collect();
        assert_eq!(sizes, batches);
    }
}

#[test]
fn user_events_can_be_held_delayed_suppressed_and_lost() {
    let mut bench = Bench::plain();
    let conn = bench.connect(DOOR_USER);
    bench.subscribe_user(conn);
    bench.venue.reports.held = true;
    bench.limit("held", "BUY", "1", "90");
    bench.frames(conn);
    assert!(bench.user_orders(conn).is_empty());
    bench.venue.reports.held = false;
    assert_eq!(bench.user_orders(conn).len(), 2);

    bench.venue.reports.delay_ns = 500 * MILLISECOND_NS;
    bench.limit("late", "BUY", "1", "90");
    bench.pass_ms(0);
    assert_eq!(bench.tick(), Some(bench.now + 500 * MILLISECOND_NS));
    bench.pass_ms(499);
    assert!(bench.user_orders(conn).is_empty());
    bench.pass_ms(1);
    assert_eq!(bench.user_orders(conn).len(), 2);

    bench.venue.reports.delay_ns = 0;
    bench.venue.reports.suppressed.insert("silent".into());
    bench.limit("silent", "BUY", "1", "90");
    bench.limit("loud", "BUY", "1", "90");
    assert!(bench.user_orders(conn).iter().all(|(id, ..)| id == "loud"));
}

#[test]
fn a_lost_market_frame_leaves_a_hole_in_the_numbers() {
    let mut bench = Bench::plain();
    let conn = bench.connect(DOOR_MARKET);
    bench.subscribe(conn, "level2", &["BTC-USD"]);
    bench.frames(conn);
    bench.venue.frames_to_drop = 1;
    bench.rest(Side::Buy, "99", "1");
    assert!(bench.frames(conn).is_empty());
    bench.rest(Side::Buy, "98", "1");
    assert_eq!(bench.frames(conn)[0]["sequence_num"], 3, "0 and 1 were snapshot and ack, 2 is lost");
}

#[test]
fn a_candle_only_grows_however_many_trades_it_has() {
    let mut bench = Bench::new(Config { seed: 3, events_per_s: 5_000, depth: 30, ..Config::default() });
    let conn = bench.connect(DOOR_MARKET);
    bench.subscribe(conn, "candles", &["BTC-USD"]);
    let mut seen: BTreeMap<String, (String, Decimal, Decimal, Decimal)> = BTreeMap::new();
    for _ in 0..200 {
        bench.pass_ms(50);
        for event in bench.frames(conn).iter().filter(|f| f["channel"] == "candles").map(|f| &f["events"][0]) {
            let candle = &event["candles"][0];
            let text = |key: &str| candle[key].as_str().unwrap().to_owned();
            let now = (text("open"), d(&text("high")), d(&text("low")), d(&text("volume")));
            if let Some(before) = seen.insert(text("start"), now.clone()) {
                assert_eq!(now.0, before.0, "the first trade stays the first");
                assert!(now.1 >= before.1 && now.2 <= before.2 && now.3 >= before.3, "{before:?} became {now:?}");
            }
        }
    }
    assert!(!seen.is_empty());
}

#[test]
fn the_same_seed_and_calls_give_the_same_bytes() {
    let run = |seed: u64| {
        let mut bench = Bench::new(Config { seed, events_per_s: 500, depth: 30, ..Config::default() });
        let (market, user) = (bench.connect(DOOR_MARKET), bench.connect(DOOR_USER));
        for channel in ["level2", "market_trades", "ticker", "candles", "ticker_batch", "status"] {
            bench.subscribe(market, channel, &["BTC-USD", "ETH-USD"]);
        }
        bench.subscribe_user(user);
        let mut all = String::new();
        for n in 0..100_u64 {
            bench.pass_ms(13);
            if n % 10 == 0 {
                let body = order(&format!("c{n}"), "BUY", json!({"market_market_ioc": {"quote_size": "1000"}}));
                all += &bench.ask("POST", "/orders", "", &body.to_string(), true).1;
            }
            all += &bench.texts(market).concat();
            all += &bench.texts(user).concat();
        }
        all
    };
    let first = run(5);
    assert!(first.len() > 50_000 && first.contains("\"FILLED\""));
    assert_eq!(first, run(5));
    assert_ne!(first, run(6));
}

#[test]
fn a_full_size_snapshot_is_as_large_as_the_venues() {
    let mut bench = Bench::new(Config { depth: 21_500, ..Config::quiet() });
    bench.now += 407_329_000;
    bench.rest(Side::Buy, "1", "1");
    let conn = bench.connect(DOOR_MARKET);
    bench.subscribe(conn, "level2", &["BTC-USD"]);
    let bytes = bench.texts(conn)[0].len();
    assert!((4_500_000..6_000_000).contains(&bytes), "{bytes}");
}

/// Coinbase reference 7.1.
#[test]
fn usdc_products_are_streamed_as_usd_and_both_are_one_stream() {
    let mut bench = Bench::new(Config { level2_products_max: 1, ..Config::quiet() });
    let conn = bench.connect(DOOR_MARKET);
    bench.subscribe(conn, "level2", &["BTC-USDC"]);
    let frames = bench.frames(conn);
    assert_eq!(channels(&frames), ["l2_data/snapshot", "subscriptions"]);
    assert_eq!(frames[0]["events"][0]["product_id"], "BTC-USD");
    assert_eq!(frames[1]["events"][0]["subscriptions"], json!({"level2": ["BTC-USD"]}));
    bench.subscribe(conn, "level2", &["BTC-USD", "BTC-USDC"]);
    assert_eq!(channels(&bench.frames(conn)), ["subscriptions"], "held already, and one place for both");
    bench.say(conn, &json!({"type": "unsubscribe", "channel": "level2", "product_ids": ["BTC-USDC"]}));
    assert_eq!(bench.frames(conn)[0]["events"][0]["subscriptions"], json!({}));
    bench.subscribe(conn, "level2", &["ETH-EUR"]);
    assert_eq!(channels(&bench.frames(conn)), ["subscriptions"], "no such product, alias or not");
}

#[test]
fn a_status_comes_at_first_and_when_it_changes() {
    let mut bench = Bench::new(Config::quiet());
    let conn = bench.connect(DOOR_MARKET);
    bench.subscribe(conn, "status", &["BTC-USD"]);
    bench.tick();
    let frames = bench.frames(conn);
    assert_eq!(channels(&frames), ["status/snapshot", "subscriptions"]);
    assert_eq!(frames[0]["events"][0]["products"][0]["status"], "online");
    bench.venue.exchange.markets[0].product.trading = crate::sim::coinbase::Trading::Disabled;
    bench.tick();
    bench.tick();
    let frames = bench.frames(conn);
    assert_eq!(channels(&frames), ["status/update"]);
    assert_eq!(frames[0]["events"][0]["products"][0]["status"], "offline");
}

#[test]
fn a_ticker_batch_comes_every_five_seconds_if_the_product_traded() {
    let mut bench = Bench::plain();
    let conn = bench.connect(DOOR_MARKET);
    bench.subscribe(conn, "ticker_batch", &["BTC-USD"]);
    bench.frames(conn);
    let batches = |bench: &mut Bench| {
        for _ in 0..60 {
            bench.pass_ms(100);
        }
        channels(&bench.frames(conn))
    };
    assert_eq!(batches(&mut bench), [""; 0]);
    bench.hit(Side::Buy, "101", "1");
    assert_eq!(batches(&mut bench), ["ticker_batch/update"]);
    assert_eq!(batches(&mut bench), [""; 0]);
}
