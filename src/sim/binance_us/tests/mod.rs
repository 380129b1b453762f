//! The model's tests, without any socket: a bench that signs, asks, subscribes and reads.

mod conserved;
mod hostile;
mod limits;
mod orders;
mod recorded;
mod refusals;
mod sockets;
mod streams;
mod triggers;
mod ws_api;

use super::auth::signature_of;
use super::*;
use crate::sim::server::{CloseHow, ConnId, Output, Request, Response, Venue};
use crate::sim::MILLISECOND_NS;
use rust_decimal::Decimal;
use serde_json::{json, Value};

pub(super) const START: u64 = 1_793_613_600_000_000_000;
pub(super) const BTCUSD: usize = 2;

pub(super) fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// A venue and the time.
pub(super) struct Bench {
    pub(super) venue: BinanceUs,
    pub(super) now: u64,
    next_conn: u64,
    outputs: Vec<Output>,
}

impl Bench {
    pub(super) fn new(config: Config) -> Self {
        Self { venue: BinanceUs::new(&config, START), now: START, next_conn: 1, outputs: Vec::new() }
    }

    /// An empty BTCUSD book, one bid and one offer of others: 100.00 and 101.00, 10 BTC each; fees of 0.1 %.
    pub(super) fn plain() -> Self {
        Self::plain_with(|_| {})
    }

    /// The same with a configuration changed.
    pub(super) fn plain_with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config =
            Config { depth: 0, fees: Fees { maker: d("0.001"), taker: d("0.001"), instead: None }, ..Config::quiet() };
        config.symbols[BTCUSD].start_price = d("100");
        change(&mut config);
        let mut bench = Self::new(config);
        bench.rest(Side::Buy, "100", "10");
        bench.rest(Side::Sell, "101", "10");
        bench.tick();
        bench.outputs.clear();
        bench
    }

    pub(super) fn rest(&mut self, side: Side, price: &str, size: &str) -> Decimal {
        self.venue.participate(self.now, "BTCUSD", side, d(price), d(size), true).unwrap()
    }

    /// Another participant takes.
    pub(super) fn hit(&mut self, side: Side, price: &str, size: &str) -> Decimal {
        self.venue.participate(self.now, "BTCUSD", side, d(price), d(size), false).unwrap()
    }

    pub(super) fn pass_ms(&mut self, ms: u64) {
        self.now += ms * MILLISECOND_NS;
        self.tick();
    }

    pub(super) fn tick(&mut self) -> Option<u64> {
        let next = self.venue.tick(self.now);
        self.outputs.extend(self.venue.take_outputs());
        next
    }

    /// `name=value` of an object's members, signed.
    pub(super) fn signed(&self, params: &Value) -> String {
        let mut query: Vec<String> = Vec::new();
        for (name, value) in params.as_object().unwrap() {
            query.push(format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
        }
        if params.get("timestamp").is_none() {
            query.push(format!("timestamp={}", self.now / MILLISECOND_NS));
        }
        let query = query.join("&");
        let signature = signature_of(self.venue.key.secret(), &query).unwrap();
        format!("{query}&signature={signature}")
    }

    pub(super) fn request(&mut self, method: &str, path: &str, query: String) -> Response {
        let key = self.venue.key.key().to_owned();
        let headers = vec![("x-mbx-apikey".to_owned(), key)];
        let path = format!("/api/v3/{path}");
        let request = Request { method: method.into(), path, query, headers, body: Vec::new() };
        self.venue.arrived(self.now, DOOR_REST, &request);
        self.venue.http(self.now, DOOR_REST, &request)
    }

    /// A signed call; status and body.
    pub(super) fn ask(&mut self, method: &str, path: &str, params: &Value) -> (u16, Value) {
        let query = self.signed(params);
        let response = self.request(method, path, query);
        (response.status, serde_json::from_slice(&response.body).unwrap())
    }

    /// A signed call that must be served.
    pub(super) fn call(&mut self, method: &str, path: &str, params: &Value) -> Value {
        let (status, body) = self.ask(method, path, params);
        assert_eq!(status, 200, "{method} {path}: {body}");
        body
    }

    /// A signed call that must be refused: (status, code, message).
    pub(super) fn refused(&mut self, method: &str, path: &str, params: &Value) -> (u16, i64, String) {
        let (status, body) = self.ask(method, path, params);
        assert_ne!(status, 200, "{method} {path}: {body}");
        (status, body["code"].as_i64().unwrap(), body["msg"].as_str().unwrap().to_owned())
    }

    /// Places an order that must be let in; gives the reply.
    pub(super) fn place(&mut self, params: Value) -> Value {
        self.call("POST", "order", &params)
    }

    /// A GTC limit order.
    pub(super) fn limit(&mut self, id: &str, side: &str, size: &str, price: &str) -> Value {
        self.place(limit(id, side, size, price))
    }

    pub(super) fn order(&mut self, id: &str) -> Value {
        self.call("GET", "order", &json!({"symbol": "BTCUSD", "origClientOrderId": id}))
    }

    pub(super) fn cancel(&mut self, id: &str) -> Value {
        self.call("DELETE", "order", &json!({"symbol": "BTCUSD", "origClientOrderId": id}))
    }

    /// (free, locked) of an asset.
    pub(super) fn money(&self, asset: &str) -> (Decimal, Decimal) {
        self.venue.exchange.ledger.account(asset).map(|a| (a.free, a.locked)).unwrap()
    }

    pub(super) fn connect(&mut self, door: usize, path: &str, query: &str) -> ConnId {
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        let request = Request { method: "GET".into(), path: path.into(), query: query.into(), ..Request::default() };
        self.venue.upgrade(self.now, door, conn, &request).unwrap();
        conn
    }

    /// A connection to the WebSocket API that hears user events.
    pub(super) fn listen(&mut self) -> ConnId {
        self.tick();
        let conn = self.connect(DOOR_WS_API, "/ws-api/v3", "");
        let reply = self.api(conn, "userDataStream.subscribe.signature", json!({}));
        assert_eq!(reply["result"], json!({"subscriptionId": 0}));
        conn
    }

    pub(super) fn say(&mut self, conn: ConnId, message: &Value) {
        self.venue.text(self.now, conn, &message.to_string());
        self.tick();
    }

    /// A signed request of the WebSocket API, as text.
    pub(super) fn api_request(&self, id: u64, method: &str, mut params: Value) -> Value {
        let members = params.as_object_mut().unwrap();
        members.insert("apiKey".into(), json!(self.venue.key.key()));
        members.insert("timestamp".into(), json!(self.now / MILLISECOND_NS));
        let payload = super::params::Params::of_json(Some(&params)).sorted_payload();
        let signature = signature_of(self.venue.key.secret(), &payload).unwrap();
        params.as_object_mut().unwrap().insert("signature".into(), json!(signature));
        json!({"id": id, "method": method, "params": params})
    }

    /// A signed request of the WebSocket API and its reply; other frames stay for later.
    pub(super) fn api(&mut self, conn: ConnId, method: &str, params: Value) -> Value {
        let before = self.outputs.len();
        let request = self.api_request(7, method, params);
        self.say(conn, &request);
        let fresh = self.outputs.split_off(before);
        let (mut replies, others): (Vec<_>, Vec<_>) = fresh
            .into_iter()
            .partition(|o| matches!(o, Output::Text { conn: c, text } if *c == conn && text.starts_with(r#"{"id":7"#)));
        self.outputs.extend(others);
        match replies.pop() {
            Some(Output::Text { text, .. }) => serde_json::from_str(&text).unwrap(),
            other => panic!("no reply to {method}: {other:?}"),
        }
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
                _ => None,
            })
            .collect()
    }

    pub(super) fn closed(&self, wanted: ConnId) -> Option<CloseHow> {
        self.outputs.iter().find_map(|o| match o {
            Output::Close { conn, how } if *conn == wanted => Some(*how),
            _ => None,
        })
    }

    pub(super) fn pings(&mut self, wanted: ConnId) -> usize {
        let count = self.outputs.iter().filter(|o| matches!(o, Output::Ping { conn, .. } if *conn == wanted)).count();
        self.outputs.retain(|o| !matches!(o, Output::Ping { .. }));
        count
    }

    /// The execution reports a listener got, as (client order id, x, X, cumulative quantity).
    pub(super) fn reports(&mut self, conn: ConnId) -> Vec<(String, String, String, String)> {
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let own = |e: &Value| text(if e["C"] == "" { &e["c"] } else { &e["C"] });
        self.frames(conn)
            .iter()
            .map(|f| f["event"].clone())
            .filter(|e| e["e"] == "executionReport")
            .map(|e| (own(&e), text(&e["x"]), text(&e["X"]), text(&e["z"])))
            .collect()
    }
}

pub(super) fn limit(id: &str, side: &str, size: &str, price: &str) -> Value {
    json!({"symbol": "BTCUSD", "side": side, "type": "LIMIT", "timeInForce": "GTC", "quantity": size, "price": price,
        "newClientOrderId": id})
}

/// An object with one more member.
pub(super) fn with(mut object: Value, name: &str, value: impl Into<Value>) -> Value {
    object.as_object_mut().unwrap().insert(name.to_owned(), value.into());
    object
}

/// Three reports and such, short.
pub(super) fn told(rows: &[(String, String, String, String)]) -> Vec<(&str, &str, &str)> {
    rows.iter().map(|(id, what, status, _)| (id.as_str(), what.as_str(), status.as_str())).collect()
}
