//! The model as a client sees it, without sockets: requests in, replies and stream lines out.

use super::{Config, Limits, Oanda, DOOR_REST, DOOR_STREAM};
use crate::sim::server::{ConnId, Output, Request, Response, Venue};
use crate::sim::SECOND_NS;
use rust_decimal::Decimal;
use serde_json::{json, Value};

mod conserved;
mod decoded;
mod exits;
mod orders;
mod positions;
mod queries;
mod sockets;
mod streams;

/// 2026-03-04T10:11:12Z, a Wednesday.
const START_NS: u64 = 1_772_619_072 * SECOND_NS;

fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// A client at its desk: a venue at rest, EUR_USD at 1.20010 / 1.20022, and the time.
struct Desk {
    venue: Oanda,
    now_ns: u64,
}

impl Desk {
    fn new() -> Self {
        Self::with(Config::quiet())
    }

    fn with(config: Config) -> Self {
        let mut desk = Self { venue: Oanda::new(&config, "https://localhost:1", START_NS), now_ns: START_NS };
        desk.price("1.20010", "1.20022");
        desk
    }

    fn price(&mut self, bid: &str, ask: &str) {
        self.set("EUR_USD", bid, ask);
    }

    fn set(&mut self, instrument: &str, bid: &str, ask: &str) {
        self.venue.set_price(self.now_ns, instrument, d(bid), d(ask)).unwrap();
    }

    fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Request {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let account = &self.venue.identity.account;
        Request {
            method: method.to_owned(),
            path: format!("/v3/accounts/{account}{path}"),
            query: query.to_owned(),
            headers: vec![("authorization".into(), format!("Bearer {}", self.venue.token.text()))],
            body: body.map(|b| b.to_string().into_bytes()).unwrap_or_default(),
        }
    }

    fn send(&mut self, request: &Request) -> Response {
        self.now_ns += 1_000;
        self.venue.http(self.now_ns, DOOR_REST, request)
    }

    fn ask(&mut self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let request = self.request(method, path, Some(&body).filter(|b| !b.is_null()));
        let response = self.send(&request);
        (response.status, serde_json::from_slice(&response.body).unwrap())
    }

    fn get(&mut self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, Value::Null);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Places an order that is taken; gives the reply.
    fn place(&mut self, order: Value) -> Value {
        let (status, body) = self.ask("POST", "/orders", json!({ "order": order }));
        assert_eq!(status, 201, "{body}");
        body
    }

    fn market(&mut self, units: &str) -> Value {
        self.place(json!({"type": "MARKET", "instrument": "EUR_USD", "units": units}))
    }

    /// Opens a stream; gives the head's status and its first lines.
    fn stream(&mut self, conn: u64, path: &str) -> (u16, Vec<Value>) {
        let request = self.request("GET", path, None);
        match self.venue.open_ended(self.now_ns, DOOR_STREAM, ConnId(conn), &request) {
            Some(head) => (head.status, lines(std::str::from_utf8(&head.body).unwrap())),
            None => (self.venue.http(self.now_ns, DOOR_STREAM, &request).status, Vec::new()),
        }
    }

    /// Lets time pass; gives the lines that were sent, by connection.
    fn pass(&mut self, ns: u64) -> Vec<(u64, Value)> {
        self.now_ns += ns;
        self.venue.tick(self.now_ns);
        let text = |output| match output {
            Output::Text { conn, text } => lines(&text).into_iter().map(move |line| (conn.0, line)),
            other => panic!("{other:?}"),
        };
        self.venue.take_outputs().into_iter().flat_map(text).collect()
    }
}

fn lines(text: &str) -> Vec<Value> {
    assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
