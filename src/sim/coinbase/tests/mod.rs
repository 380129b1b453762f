//! The model's tests, without any socket: a bench that signs, asks, subscribes and reads.

mod access;
mod app;
mod conserved;
mod edits;
mod hostile;
mod kinds;
mod listings;
mod orders;
mod refusals;
mod streams;

use super::*;
use crate::sim::jwt::testing::token;
use crate::sim::server::{ConnId, Output, Request, Venue};
use crate::sim::{Credentials, KeyKind, MILLISECOND_NS};
use rust_decimal::Decimal;
use serde_json::{json, Value};
use std::sync::OnceLock;

pub(super) const START: u64 = 1_793_613_600_000_000_000;
const API: &str = "/api/v3/brokerage";

/// One key for all tests of the model: its making is not what they are about.
fn key() -> Credentials {
    static KEY: OnceLock<Credentials> = OnceLock::new();
    KEY.get_or_init(|| Credentials::generate(KeyKind::Es256).unwrap()).clone()
}

pub(super) fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// A venue, its key and the time.
pub(super) struct Bench {
    pub(super) venue: Coinbase,
    pub(super) now: u64,
    next_conn: u64,
    outputs: Vec<Output>,
}

impl Bench {
    pub(super) fn new(config: Config) -> Self {
        Self {
            venue: Coinbase::new(&config, key(), &["localhost:1".to_owned()], START),
            now: START,
            next_conn: 1,
            outputs: Vec::new(),
        }
    }

    /// An empty BTC-USD book, one bid and one offer of others: 100.00 and 101.00, 10 BTC each.
    pub(super) fn plain() -> Self {
        let mut bench = Self::new(Config { depth: 0, ..Config::quiet() });
        bench.rest(Side::Buy, "100", "10");
        bench.rest(Side::Sell, "101", "10");
        bench
    }

    pub(super) fn rest(&mut self, side: Side, price: &str, size: &str) -> Decimal {
        self.venue.participate(self.now, "BTC-USD", side, d(price), d(size), true).unwrap()
    }

    /// Another participant takes.
    pub(super) fn hit(&mut self, side: Side, price: &str, size: &str) -> Decimal {
        self.venue.participate(self.now, "BTC-USD", side, d(price), d(size), false).unwrap()
    }

    pub(super) fn pass(&mut self, ns: u64) {
        self.now += ns;
        self.tick();
    }

    pub(super) fn pass_ms(&mut self, ms: u64) {
        self.pass(ms * MILLISECOND_NS);
    }

    pub(super) fn tick(&mut self) -> Option<u64> {
        let next = self.venue.tick(self.now);
        self.outputs.extend(self.venue.take_outputs());
        next
    }

    pub(super) fn ask(&mut self, method: &str, path: &str, query: &str, body: &str, signed: bool) -> (u16, String) {
        let path = format!("{API}{path}");
        let mut request =
            Request { method: method.into(), query: query.into(), body: body.into(), ..Request::default() };
        if signed {
            let jwt = token(&key(), self.now, Some(&format!("{method} api.coinbase.com{path}")));
            request.headers.push(("authorization".into(), format!("Bearer {jwt}")));
        }
        request.path = path;
        self.venue.arrived(self.now, DOOR_REST, &request);
        let response = self.venue.http(self.now, DOOR_REST, &request);
        (response.status, String::from_utf8(response.body).unwrap())
    }

    pub(super) fn get(&mut self, path: &str, query: &str) -> Value {
        let (status, body) = self.ask("GET", path, query, "", true);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    pub(super) fn post(&mut self, path: &str, body: &Value) -> Value {
        let (status, body) = self.ask("POST", path, "", &body.to_string(), true);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Places an order; gives the reply.
    pub(super) fn place(&mut self, id: &str, side: &str, configuration: Value) -> Value {
        self.post("/orders", &order(id, side, configuration))
    }

    /// Places a limit order that must be let in; gives the venue's id.
    pub(super) fn limit(&mut self, id: &str, side: &str, size: &str, price: &str) -> String {
        let reply = self.place(
            id,
            side,
            json!({"limit_limit_gtc": {"base_size": size, "limit_price": price, "post_only": false}}),
        );
        assert_eq!(reply["success"], true, "{reply}");
        reply["success_response"]["order_id"].as_str().unwrap().to_owned()
    }

    pub(super) fn cancel(&mut self, ids: &[&str]) -> Value {
        self.post("/orders/batch_cancel", &json!({"order_ids": ids}))
    }

    pub(super) fn order(&mut self, id: &str) -> Value {
        self.get(&format!("/orders/historical/{id}"), "")["order"].clone()
    }

    /// (available, hold) of a currency.
    pub(super) fn money(&self, currency: &str) -> (Decimal, Decimal) {
        let account = self.venue.exchange.account(currency).unwrap();
        (account.available, account.hold)
    }

    pub(super) fn connect(&mut self, door: usize) -> ConnId {
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        let request = Request { method: "GET".into(), path: "/".into(), ..Request::default() };
        self.venue.upgrade(self.now, door, conn, &request).unwrap();
        conn
    }

    pub(super) fn say(&mut self, conn: ConnId, message: &Value) {
        self.venue.text(self.now, conn, &message.to_string());
        self.tick();
    }

    pub(super) fn subscribe(&mut self, conn: ConnId, channel: &str, products: &[&str]) {
        self.say(conn, &json!({"type": "subscribe", "channel": channel, "product_ids": products}));
    }

    pub(super) fn subscribe_user(&mut self, conn: ConnId) {
        let jwt = token(&key(), self.now, None);
        self.say(conn, &json!({"type": "subscribe", "channel": "user", "jwt": jwt}));
    }

    /// The frames a connection got since last asked.
    pub(super) fn frames(&mut self, conn: ConnId) -> Vec<Value> {
        self.texts(conn).iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    pub(super) fn texts(&mut self, wanted: ConnId) -> Vec<String> {
        self.tick();
        let (mine, others) = std::mem::take(&mut self.outputs)
            .into_iter()
            .partition(|o| matches!(o, Output::Text { conn, .. } if *conn == wanted));
        self.outputs = others;
        mine.into_iter()
            .filter_map(|o| match o {
                Output::Text { text, .. } => Some(text),
                Output::Ping { .. } | Output::Close { .. } => None,
            })
            .collect()
    }

    pub(super) fn was_closed(&mut self, wanted: ConnId) -> bool {
        self.outputs.iter().any(|o| matches!(o, Output::Close { conn, .. } if *conn == wanted))
    }

    /// The orders of the user frames a connection got, as (client order id, status, cumulative quantity).
    pub(super) fn user_orders(&mut self, conn: ConnId) -> Vec<(String, String, String)> {
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        self.frames(conn)
            .iter()
            .filter(|f| f["channel"] == "user")
            .flat_map(|f| f["events"][0]["orders"].as_array().unwrap().clone())
            .map(|o| (text(&o["client_order_id"]), text(&o["status"]), text(&o["cumulative_quantity"])))
            .collect()
    }
}

pub(super) fn order(id: &str, side: &str, configuration: Value) -> Value {
    json!({"client_order_id": id, "product_id": "BTC-USD", "side": side, "order_configuration": configuration})
}
