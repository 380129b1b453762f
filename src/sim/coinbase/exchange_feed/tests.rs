//! The feed without any socket: what goes out for what comes in.

use super::super::{Coinbase, Config, ExchangeCredentials, DOOR_EXCHANGE};
use crate::codec::hmac::HmacKey;
use crate::sim::coinbase::Side;
use crate::sim::server::{ConnId, Output, Request, Venue};
use crate::sim::{Credentials, KeyKind, MILLISECOND_NS, SECOND_NS};
use serde_json::{json, Value};

const START: u64 = 1_793_613_600_000_000_000;
/// Base64 of 16 zero bytes.
const SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAA==";
const HANDLE: ConnId = ConnId(1);

struct Bench {
    venue: Coinbase,
    now: u64,
}

impl Bench {
    /// A BTC-USD book of one bid at 100 and one offer at 101, batched on a grid of 50 ms, and one open connection.
    fn new() -> Bench {
        let config = Config {
            depth: 0,
            level2_grid_ns: 50 * MILLISECOND_NS,
            exchange_credentials: Some(ExchangeCredentials::new("key", SECRET, "pass")),
            ..Config::quiet()
        };
        let key = Credentials::generate(KeyKind::Ed25519).unwrap();
        let mut bench = Bench { venue: Coinbase::new(&config, key, &[], START), now: START };
        bench.rest(Side::Buy, "100");
        bench.rest(Side::Sell, "101");
        bench.pass_ms(100);
        let request = Request { path: "/".to_owned(), ..Request::default() };
        bench.venue.upgrade(bench.now, DOOR_EXCHANGE, HANDLE, &request).unwrap();
        bench
    }

    fn rest(&mut self, side: Side, price: &str) {
        let size = "10".parse().unwrap();
        self.venue.participate(self.now, "BTC-USD", side, price.parse().unwrap(), size, true).unwrap();
    }

    /// Another participant buys so many lots of a tenth at the offer.
    fn buy(&mut self) {
        let (price, size) = ("101".parse().unwrap(), "0.1".parse().unwrap());
        self.venue.participate(self.now, "BTC-USD", Side::Buy, price, size, false).unwrap();
    }

    fn pass_ms(&mut self, ms: u64) -> Vec<Value> {
        self.now += ms * MILLISECOND_NS;
        self.venue.tick(self.now);
        self.out()
    }

    fn out(&mut self) -> Vec<Value> {
        let text = |output| match output {
            Output::Text { text, .. } => serde_json::from_str(&text).unwrap(),
            Output::Ping { .. } => json!("ping"),
            Output::Close { .. } => json!("closed"),
        };
        self.venue.take_outputs().into_iter().map(text).collect()
    }

    fn say(&mut self, message: &Value) -> Vec<Value> {
        self.venue.text(self.now, HANDLE, &message.to_string());
        self.out()
    }

    fn subscribe(&mut self, channels: &[&str]) -> Vec<Value> {
        self.say(&json!({"type": "subscribe", "product_ids": ["BTC-USD"], "channels": channels}))
    }

    /// A signed subscription of the unbatched book.
    fn signed(&self, at_s: u64, passphrase: &str) -> Value {
        let mut signature = Vec::new();
        let timestamp = at_s.to_string();
        let signed = [timestamp.as_bytes(), b"GET/users/self/verify"];
        HmacKey::from_base64(SECRET).unwrap().sign_base64_into(&signed, &mut signature);
        json!({"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["level2"], "key": "key",
            "passphrase": passphrase, "timestamp": timestamp, "signature": String::from_utf8(signature).unwrap()})
    }
}

fn kinds(out: &[Value]) -> Vec<&str> {
    out.iter().map(|m| m["type"].as_str().unwrap()).collect()
}

#[test]
fn the_acknowledgement_comes_first_and_renames_the_batched_book() {
    let mut bench = Bench::new();
    bench.buy();
    bench.pass_ms(0);
    let out = bench.subscribe(&["level2_batch", "matches", "heartbeat"]);
    assert_eq!(kinds(&out), ["subscriptions", "snapshot", "last_match"]);
    let names: Vec<_> = out[0]["channels"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["level2_50", "matches", "heartbeat"]);
    assert_eq!(out[1]["asks"], json!([["101.00", "9.90000000"]]), "padded to the increments");
    assert_eq!(out[1]["bids"], json!([["100.00", "10.00000000"]]));
    assert_eq!((out[2]["price"].as_str(), out[2]["size"].as_str()), (Some("101"), Some("0.1")), "trimmed");
}

#[test]
fn a_match_is_told_at_once_with_the_makers_side_its_ticker_with_the_takers_and_the_book_on_the_grid() {
    let mut bench = Bench::new();
    bench.subscribe(&["level2_batch", "matches", "ticker"]);
    bench.buy();
    let out = bench.pass_ms(1);
    assert_eq!(kinds(&out), ["match", "ticker"]);
    assert_eq!((&out[0]["side"], &out[1]["side"]), (&json!("sell"), &json!("buy")));
    assert_eq!(out[0]["trade_id"], out[1]["trade_id"]);
    let out = bench.pass_ms(50);
    assert_eq!(kinds(&out), ["l2update"]);
    assert_eq!(out[0]["changes"], json!([["sell", "101.00", "9.90000000"]]));
}

#[test]
fn a_heartbeat_each_full_second_names_the_last_trade() {
    let mut bench = Bench::new();
    bench.subscribe(&["heartbeat", "matches"]);
    bench.buy();
    let matched = bench.pass_ms(1)[0]["trade_id"].clone();
    let out = bench.pass_ms(1_000);
    assert_eq!((kinds(&out), &out[0]["last_trade_id"]), (vec!["heartbeat"], &matched));
    assert_eq!(out[0]["time"], "2026-11-02T10:00:01Z");
    assert_eq!(bench.pass_ms(500), [json!(null); 0]);
    assert_eq!(kinds(&bench.pass_ms(500)), ["heartbeat"]);
}

#[test]
fn the_unbatched_book_needs_a_good_signature_and_comes_at_once() {
    let mut bench = Bench::new();
    let refused = |out: Vec<Value>| {
        assert_eq!(kinds(&out), ["error", "subscriptions"]);
        assert_eq!(out[1]["channels"], json!([]));
        out[0]["reason"].as_str().unwrap().to_owned()
    };
    assert!(refused(bench.subscribe(&["level2"])).contains("authentication"));
    let now_s = bench.now / SECOND_NS;
    let stale = bench.signed(now_s - 31, "pass");
    assert_eq!(refused(bench.say(&stale)), "request timestamp expired");
    let wrong = bench.signed(now_s, "past");
    assert_eq!(refused(bench.say(&wrong)), "invalid api key");
    let mut forged = bench.signed(now_s, "pass");
    forged["timestamp"] = json!((now_s + 1).to_string());
    assert_eq!(refused(bench.say(&forged)), "invalid signature");

    let good = bench.signed(now_s, "pass");
    assert_eq!(kinds(&bench.say(&good)), ["subscriptions", "snapshot"]);
    bench.rest(Side::Buy, "99");
    assert_eq!(kinds(&bench.pass_ms(1)), ["l2update"], "no grid");
}

#[test]
fn what_is_unknown_is_refused_by_name_and_the_rest_still_holds() {
    let mut bench = Bench::new();
    bench.subscribe(&["matches"]);
    let out = bench.subscribe(&["nosuch"]);
    assert_eq!(out[0]["reason"], "nosuch is not a valid channel");
    assert_eq!(out[1]["channels"][0]["name"], "matches");
    let out = bench.say(&json!({"type": "subscribe", "product_ids": ["XXX-USD"], "channels": ["matches"]}));
    assert_eq!(out[0]["reason"], "XXX-USD is not a valid product");
    for garbage in ["", "[]", "{}", r#"{"type":"subscribe"}"#, r#"{"type":"subscribe","channels":[1]}"#] {
        bench.venue.text(bench.now, HANDLE, garbage);
        assert_eq!(kinds(&bench.out()), ["error", "subscriptions"], "{garbage}");
    }
}

#[test]
fn a_channel_may_name_products_of_its_own_and_be_given_up() {
    let mut bench = Bench::new();
    let channels = json!(["heartbeat", {"name": "matches", "product_ids": ["ETH-USD"]}]);
    let out = bench.say(&json!({"type": "subscribe", "product_ids": ["BTC-USD"], "channels": channels}));
    let listed: Vec<_> = out[0]["channels"].as_array().unwrap().iter().map(|c| c["product_ids"].clone()).collect();
    assert_eq!(listed, [json!(["ETH-USD"]), json!(["BTC-USD"])]);
    let out = bench.say(&json!({"type": "unsubscribe", "product_ids": ["ETH-USD"], "channels": ["matches"]}));
    assert_eq!(out[0]["channels"].as_array().unwrap().len(), 1);
}

#[test]
fn a_connection_that_subscribes_to_nothing_is_dropped() {
    let mut bench = Bench::new();
    assert_eq!(bench.pass_ms(4_999), [json!(null); 0]);
    assert_eq!(bench.pass_ms(1), [json!("closed")]);
}

#[test]
fn a_lost_match_leaves_a_hole_in_the_ids() {
    let mut bench = Bench::new();
    bench.subscribe(&["matches"]);
    bench.venue.feed.matches_to_drop = 1;
    let ids: Vec<Option<u64>> = (0..2)
        .map(|_| {
            bench.buy();
            bench.pass_ms(1).first().and_then(|m| m["trade_id"].as_u64())
        })
        .collect();
    assert_eq!(ids[0], None);
    bench.buy();
    assert_eq!(bench.pass_ms(1)[0]["trade_id"].as_u64(), ids[1].map(|id| id + 1));
}
