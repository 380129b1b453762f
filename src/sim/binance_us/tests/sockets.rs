//! The three doors over TLS: an order's life with the controls, an outage, and a ping of the server's.

use super::*;
use crate::sim::server::tests::{dial_port, Tls};
use crate::sim::server::{Door, Fault};
use std::io::{Read, Write};
use std::time::{SystemTime, UNIX_EPOCH};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

fn quiet() -> LocalBinanceUs {
    LocalBinanceUs::start(Config { depth: 20, ..Config::quiet() }).unwrap()
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

fn websocket(venue: &LocalBinanceUs, door: Door, path: &str) -> WebSocket<Tls> {
    let request = format!("wss://localhost:{}{path}", venue.port(door)).into_client_request().unwrap();
    tungstenite::client(request, dial_port(venue.ca_pem(), venue.port(door), "localhost")).unwrap().0
}

fn next(ws: &mut WebSocket<Tls>) -> Value {
    loop {
        if let Message::Text(text) = ws.read().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

/// Sends a signed request of the WebSocket API.
fn send(venue: &LocalBinanceUs, ws: &mut WebSocket<Tls>, method: &str, mut params: Value) {
    params = with(with(params, "apiKey", venue.key().key()), "timestamp", now_ms());
    let payload = super::super::params::Params::of_json(Some(&params)).sorted_payload();
    let params = with(params, "signature", signature_of(venue.key().secret(), &payload).unwrap());
    ws.send(Message::text(json!({"id": 1, "method": method, "params": params}).to_string())).unwrap();
}

/// One REST request on a connection of its own; the whole reply as text.
fn rest(venue: &LocalBinanceUs, method: &str, path: &str) -> String {
    let mut tls = dial_port(venue.ca_pem(), venue.port(DOOR_REST), "localhost");
    let key = venue.key().key();
    write!(tls, "{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-MBX-APIKEY: {key}\r\nConnection: close\r\n\r\n")
        .unwrap();
    // A faulty reply keeps the connection open, whatever was asked.
    let (mut text, mut piece) = (String::new(), [0; 4096]);
    let whole = |text: &str| {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "))?;
        (body.len() >= length.parse().unwrap()).then_some(())
    };
    while whole(&text).is_none() {
        let read = tls.read(&mut piece).unwrap();
        assert!(read > 0, "cut short: {text}");
        text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
    }
    text
}

#[test]
fn an_order_lives_over_the_websocket_api_and_is_filled_by_a_control() {
    let venue = quiet();
    let mut ws = websocket(&venue, DOOR_WS_API, "/ws-api/v3");
    send(&venue, &mut ws, "userDataStream.subscribe.signature", json!({}));
    assert_eq!(next(&mut ws)["result"]["subscriptionId"], 0);
    send(&venue, &mut ws, "order.place", limit("c1", "BUY", "1", "50000"));
    assert_eq!(next(&mut ws)["event"]["x"], "NEW", "the report comes before the reply");
    assert_eq!(next(&mut ws)["event"]["e"], "outboundAccountPosition");
    assert_eq!(next(&mut ws)["result"]["status"], "NEW");
    assert_eq!(venue.fill_order("c1", d("0.4")).unwrap(), d("0.4"));
    let report = next(&mut ws)["event"].clone();
    assert_eq!(
        (&report["X"], &report["l"], &report["m"]),
        (&json!("PARTIALLY_FILLED"), &json!("0.40000000"), &json!(true))
    );
    assert_eq!(
        venue.order("c1").unwrap().map(|(_, status, filled)| (status, filled)),
        Some(("PARTIALLY_FILLED", d("0.4")))
    );
    assert_eq!(venue.balance("USD").unwrap().map(|b| b.locked), Some(d("30000")));
    assert_eq!((venue.requests("WS order.place").unwrap(), venue.orders_received("c1").unwrap()), (1, 1));
    assert_eq!(venue.rate_limit_hits().unwrap(), 0);
}

#[test]
fn after_an_outage_the_same_ports_serve_the_same_orders() {
    let venue = quiet();
    let mut ws = websocket(&venue, DOOR_WS_API, "/ws-api/v3");
    send(&venue, &mut ws, "order.place", limit("c1", "BUY", "1", "50000"));
    assert_eq!(next(&mut ws)["status"], 200);
    venue.down().unwrap();
    assert!(ws.read().is_err());
    venue.up().unwrap().unwrap();
    let mut ws = websocket(&venue, DOOR_WS_API, "/ws-api/v3");
    send(&venue, &mut ws, "order.status", json!({"symbol": "BTCUSD", "origClientOrderId": "c1"}));
    assert_eq!(next(&mut ws)["result"]["status"], "NEW");
}

#[test]
fn streams_flow_and_a_firewall_page_is_not_json() {
    let venue = quiet();
    let mut ws = websocket(&venue, DOOR_STREAM, "/stream?streams=btcusd@depth@100ms");
    venue.add_liquidity("BTCUSD", Side::Buy, d("1000"), d("0.5")).unwrap();
    let frame = next(&mut ws);
    assert_eq!(
        (&frame["stream"], &frame["data"]["b"]),
        (&json!("btcusd@depth@100ms"), &json!([["1000.00000000", "0.50000000"]]))
    );
    assert_eq!(frame["data"]["u"], venue.update_id("BTCUSD").unwrap());
    venue.inject_next("GET", "/api/v3/time", Fault::Reply(waf_page())).unwrap();
    let page = rest(&venue, "GET", "/api/v3/time");
    assert!(page.starts_with("HTTP/1.1 403") && page.contains("<html>"), "{page}");
    let time = rest(&venue, "GET", "/api/v3/time");
    assert!(
        time.starts_with("HTTP/1.1 200") && time.contains("serverTime") && time.contains("x-mbx-used-weight-1m: 1"),
        "{time}"
    );
}

#[test]
fn the_servers_ping_is_answered_by_any_client_that_reads() {
    let venue = LocalBinanceUs::start(Config { ping_interval_ns: 20 * MILLISECOND_NS, ..Config::quiet() }).unwrap();
    let mut ws = websocket(&venue, DOOR_WS_API, "/ws-api/v3");
    let Message::Ping(payload) = ws.read().unwrap() else { panic!("a ping comes first") };
    assert!(String::from_utf8(payload.to_vec()).unwrap().parse::<u64>().unwrap() > 0);
    ws.flush().unwrap();
    send(&venue, &mut ws, "ping", json!({}));
    assert_eq!(next(&mut ws)["result"], json!({}));
    assert!(venue.observed().unwrap().pongs >= 1);
}
