//! The servers over real sockets: a blocking rustls client and tungstenite's client side against a local Coinbase.
//!
//! No test sleeps to wait for the server: controls are acknowledged, and reads block until the data or a limit comes.

use super::*;
use crate::sim::coinbase::{Config, Limits, LocalVenue, Side, DOOR_MARKET, DOOR_REST, DOOR_USER};
use crate::sim::jwt::testing::token;
use crate::sim::{KeyKind, MILLISECOND_NS};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::{json, Value};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tungstenite::client::IntoClientRequest;
use tungstenite::{HandshakeError, Message, WebSocket};

pub(crate) type Tls = StreamOwned<ClientConnection, TcpStream>;
/// A read that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(30);
const ORDERS: &str = "/api/v3/brokerage/orders";
const TIME: &str = "/api/v3/brokerage/time";

fn quiet() -> LocalVenue {
    LocalVenue::start(Config::quiet()).unwrap()
}

fn dial(venue: &LocalVenue, door: Door, name: &str) -> Tls {
    dial_port(venue.ca_pem(), venue.port(door), name)
}

/// A TLS connection to a port of any local venue, not yet shaken hands on.
pub(crate) fn dial_port(ca_pem: &str, port: u16, name: &str) -> Tls {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let sock = TcpStream::connect(("127.0.0.1", port)).unwrap();
    sock.set_read_timeout(Some(LIMIT)).unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), sock)
}

fn websocket(venue: &LocalVenue, door: Door) -> WebSocket<Tls> {
    let request = format!("wss://localhost:{}/", venue.port(door)).into_client_request().unwrap();
    tungstenite::client(request, dial(venue, door, "localhost")).unwrap().0
}

fn next_text(ws: &mut WebSocket<Tls>) -> String {
    loop {
        if let Message::Text(text) = ws.read().unwrap() {
            return text.to_string();
        }
    }
}

fn next_frame(ws: &mut WebSocket<Tls>) -> Value {
    serde_json::from_str(&next_text(ws)).unwrap()
}

fn say(ws: &mut WebSocket<Tls>, message: &Value) {
    ws.send(Message::text(message.to_string())).unwrap();
}

fn subscribe_user(venue: &LocalVenue) -> WebSocket<Tls> {
    let mut ws = websocket(venue, DOOR_USER);
    let jwt = token(venue.credentials(), unix_now(), None);
    say(&mut ws, &json!({"type": "subscribe", "channel": "user", "jwt": jwt}));
    assert_eq!(next_frame(&mut ws)["channel"], "user");
    assert_eq!(next_frame(&mut ws)["channel"], "subscriptions");
    ws
}

fn unix_now() -> u64 {
    super::event_loop::unix_now()
}

fn request_text(venue: &LocalVenue, method: &str, path: &str, body: &str) -> String {
    let host = format!("localhost:{}", venue.port(DOOR_REST));
    let jwt = token(venue.credentials(), unix_now(), Some(&format!("{method} {host}{path}")));
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {jwt}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn ask(stream: &mut Tls, venue: &LocalVenue, method: &str, path: &str, body: &str) -> io::Result<(u16, String)> {
    stream.write_all(request_text(venue, method, path, body).as_bytes())?;
    read_reply(stream)
}

/// Reads one reply, plain or chunked.
fn read_reply(stream: &mut impl Read) -> io::Result<(u16, String)> {
    let mut bytes = Vec::new();
    let head_len = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        read_more(stream, &mut bytes)?;
    };
    let head = String::from_utf8(bytes[..head_len].to_vec()).unwrap();
    let status = head[9..12].parse().unwrap();
    if head.contains("Transfer-Encoding: chunked") {
        while !bytes.ends_with(b"0\r\n\r\n") {
            read_more(stream, &mut bytes)?;
        }
        let text = String::from_utf8(bytes[head_len..].to_vec()).unwrap();
        return Ok((status, text));
    }
    let length = head.lines().find_map(|l| l.strip_prefix("Content-Length: ")).unwrap().parse::<usize>().unwrap();
    while bytes.len() < head_len + length {
        read_more(stream, &mut bytes)?;
    }
    assert_eq!(bytes.len(), head_len + length, "nothing behind the reply");
    Ok((status, String::from_utf8(bytes[head_len..].to_vec()).unwrap()))
}

fn read_more(stream: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut piece = [0; 4096];
    match stream.read(&mut piece)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        n => {
            bytes.extend_from_slice(&piece[..n]);
            Ok(())
        }
    }
}

fn limit_order(id: &str) -> String {
    let configuration = json!({"limit_limit_gtc": {"base_size": "0.01", "limit_price": "50000", "post_only": true}});
    json!({"client_order_id": id, "product_id": "BTC-USD", "side": "BUY", "order_configuration": configuration})
        .to_string()
}

#[test]
fn a_kept_connection_serves_request_after_request() {
    let venue = quiet();
    let mut stream = dial(&venue, DOOR_REST, "localhost");
    for n in 0..20 {
        let (status, body) = ask(&mut stream, &venue, "POST", ORDERS, &limit_order(&format!("c{n}"))).unwrap();
        assert!(status == 200 && body.contains("\"success\":true"), "{body}");
    }
    assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert_eq!((venue.connections_accepted().unwrap(), venue.requests(&format!("POST {ORDERS}")).unwrap()), (1, 20));
    assert_eq!(venue.order("c7").unwrap().unwrap().1, "OPEN");
}

#[test]
fn requests_sent_together_are_answered_in_order() {
    let venue = quiet();
    let mut stream = dial(&venue, DOOR_REST, "localhost");
    let both = request_text(&venue, "GET", TIME, "") + &request_text(&venue, "GET", "/nowhere", "");
    stream.write_all(both.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    while bytes.windows(5).filter(|w| w == b"HTTP/").count() < 2 || !bytes.ends_with(b"}") {
        read_more(&mut stream, &mut bytes).unwrap();
    }
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.find("200 OK").unwrap() < text.find("404 Not Found").unwrap(), "{text}");
}

#[test]
fn clients_that_ask_for_heads_or_send_chunks_or_ask_before_the_body_stay_in_step() {
    let venue = quiet();
    let mut stream = dial(&venue, DOOR_REST, "localhost");
    let place =
        |id: &str, framing: &str| request_text(&venue, "POST", ORDERS, id).replace("Content-Length: 0", framing);
    let order = limit_order("chunked");
    let chunked = place("", "Transfer-Encoding: chunked") + &format!("{:x}\r\n{order}\r\n0\r\n\r\n", order.len());
    stream.write_all(request_text(&venue, "HEAD", TIME, "").as_bytes()).unwrap();
    stream.write_all(chunked.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|w| w == b"\r\n\r\n") {
        read_more(&mut stream, &mut bytes).unwrap();
    }
    // Nothing stands between the head that was asked for and the reply to the request after it.
    let (_, mut rest) = bytes.split_at(bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4);
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(rest));
    let (status, body) = read_reply(&mut (&mut rest).chain(&mut stream)).unwrap();
    assert!(status == 200 && body.contains("\"success\":true"), "{body}");

    let order = limit_order("asked first");
    let first = place("", &format!("Expect: 100-continue\r\nContent-Length: {}", order.len()));
    stream.write_all(first.as_bytes()).unwrap();
    let mut told = [0; 25];
    stream.read_exact(&mut told).unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(order.as_bytes()).unwrap();
    assert!(read_reply(&mut stream).unwrap().1.contains("\"success\":true"));
}

#[test]
fn an_ed25519_key_opens_the_venue_too() {
    let venue = LocalVenue::start(Config { key_kind: KeyKind::Ed25519, ..Config::quiet() }).unwrap();
    let mut stream = dial(&venue, DOOR_REST, "127.0.0.1");
    assert_eq!(ask(&mut stream, &venue, "POST", ORDERS, &limit_order("c1")).unwrap().0, 200);
    subscribe_user(&venue);
}

#[test]
fn replies_have_more_headers_than_some_parsers_take() {
    let venue = quiet();
    let mut stream = dial(&venue, DOOR_REST, "localhost");
    stream.write_all(request_text(&venue, "GET", "/api/v3/brokerage/accounts", "").as_bytes()).unwrap();
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|w| w == b"\r\n\r\n") {
        read_more(&mut stream, &mut bytes).unwrap();
    }
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    assert!(head.parse(&bytes).unwrap().is_complete());
    assert!(head.headers.len() > 32, "{}", head.headers.len());
}

#[test]
fn each_fault_shows_the_client_what_it_says_and_processes_what_it_says() {
    let reply = Response::html(502, "<html>bad gateway</html>");
    type Seen = Result<u16, ErrorKind>;
    let eof: Seen = Err(ErrorKind::UnexpectedEof);
    let cases: Vec<(Fault, Seen, bool)> = vec![
        (Fault::Reply(reply.clone()), Ok(502), false),
        (Fault::Close(CloseHow::Clean), eof, false),
        (Fault::Close(CloseHow::Truncated), eof, false),
        (Fault::Close(CloseHow::Reset), Err(ErrorKind::ConnectionReset), false),
        (Fault::Delay(5 * MILLISECOND_NS), Ok(200), true),
        (Fault::ThenReply(reply), Ok(502), true),
        (Fault::ThenClose(CloseHow::Clean), eof, true),
        (Fault::ThenClose(CloseHow::Truncated), eof, true),
        (Fault::ThenClose(CloseHow::Reset), Err(ErrorKind::ConnectionReset), true),
        (Fault::ThenDelay(5 * MILLISECOND_NS), Ok(200), true),
        (Fault::ThenCut { keep: 10, how: CloseHow::Truncated }, eof, true),
        (Fault::ThenSlow { chunk: 100, interval_ns: MILLISECOND_NS }, Ok(200), true),
        (Fault::ThenChunked { chunk: 7 }, Ok(200), true),
    ];
    let venue = quiet();
    for (n, (fault, seen, processed)) in cases.into_iter().enumerate() {
        let id = format!("c{n}");
        venue.inject_next("POST", ORDERS, fault.clone()).unwrap();
        let mut stream = dial(&venue, DOOR_REST, "localhost");
        let got = ask(&mut stream, &venue, "POST", ORDERS, &limit_order(&id)).map(|r| r.0).map_err(|e| e.kind());
        assert_eq!(got, seen, "{fault:?}");
        assert_eq!(venue.order(&id).unwrap().is_some(), processed, "{fault:?}");
        assert_eq!(venue.orders_received(&id).unwrap(), 1, "{fault:?}");
        let mut stream = dial(&venue, DOOR_REST, "localhost");
        assert_eq!(ask(&mut stream, &venue, "GET", TIME, "").unwrap().0, 200, "the next request is served");
    }
}

#[test]
fn garbage_is_what_the_client_gets() {
    let venue = quiet();
    for fault in [Fault::Raw(b"\x00\x01 not http".to_vec()), Fault::ThenRaw(b"\x00\x01 not http".to_vec())] {
        venue.inject_next("GET", TIME, fault).unwrap();
        let mut stream = dial(&venue, DOOR_REST, "localhost");
        stream.write_all(request_text(&venue, "GET", TIME, "").as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"\x00\x01 not http");
    }
}

#[test]
fn a_held_reply_comes_when_released_and_the_user_event_before_it() {
    let venue = quiet();
    let mut user = subscribe_user(&venue);
    venue.inject_next("POST", ORDERS, Fault::ThenHold).unwrap();
    let mut stream = dial(&venue, DOOR_REST, "localhost");
    stream.write_all(request_text(&venue, "POST", ORDERS, &limit_order("c1")).as_bytes()).unwrap();
    assert_eq!(next_frame(&mut user)["events"][0]["orders"][0]["status"], "PENDING");
    assert_eq!(next_frame(&mut user)["events"][0]["orders"][0]["status"], "OPEN");
    venue.release_held().unwrap();
    assert_eq!(read_reply(&mut stream).unwrap().0, 200);
}

#[test]
fn a_user_event_can_be_kept_until_after_the_reply() {
    let venue = quiet();
    let mut user = subscribe_user(&venue);
    venue.hold_user_events().unwrap();
    let mut stream = dial(&venue, DOOR_REST, "localhost");
    assert_eq!(ask(&mut stream, &venue, "POST", ORDERS, &limit_order("c1")).unwrap().0, 200);
    user.get_ref().sock.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
    assert!(matches!(user.read(), Err(tungstenite::Error::Io(e)) if e.kind() == ErrorKind::WouldBlock));
    user.get_ref().sock.set_read_timeout(Some(LIMIT)).unwrap();
    venue.release_user_events().unwrap();
    assert_eq!(next_frame(&mut user)["events"][0]["orders"][0]["client_order_id"], "c1");
}

#[test]
fn silence_leaves_the_connection_open_and_the_order_unknown() {
    let venue = quiet();
    venue.inject(FaultRule::next("POST", ORDERS, Fault::ThenSilence)).unwrap();
    let mut stream = dial(&venue, DOOR_REST, "localhost");
    stream.write_all(request_text(&venue, "POST", ORDERS, &limit_order("c1")).as_bytes()).unwrap();
    stream.flush().unwrap();
    let deadline = Instant::now() + LIMIT;
    while venue.order("c1").unwrap().is_none() {
        assert!(Instant::now() < deadline);
    }
    stream.sock.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    venue.release_held().unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock, "never means never");
    assert_eq!(venue.open_connections(DOOR_REST).unwrap(), 1);
}

#[test]
fn partial_fills_arrive_one_by_one_with_nothing_but_controls_between() {
    let venue = quiet();
    let mut user = subscribe_user(&venue);
    let mut stream = dial(&venue, DOOR_REST, "localhost");
    ask(&mut stream, &venue, "POST", ORDERS, &limit_order("c1")).unwrap();
    for (size, status, cumulative) in [("0.004", "OPEN", "0.004"), ("0.006", "FILLED", "0.01")] {
        assert_eq!(venue.fill_order("c1", size.parse().unwrap()).unwrap(), size.parse().unwrap());
        let order = loop {
            let order = next_frame(&mut user)["events"][0]["orders"][0].clone();
            if order["cumulative_quantity"] != "0" && order["cumulative_quantity"] != "0.004"
                || cumulative == "0.004" && order["cumulative_quantity"] == "0.004"
            {
                break order;
            }
        };
        assert_eq!((&order["status"], &order["cumulative_quantity"]), (&json!(status), &json!(cumulative)));
    }
    assert_eq!(venue.balance("USD").unwrap().unwrap().hold, rust_decimal::Decimal::ZERO);
}

#[test]
fn market_data_flows_and_a_control_is_seen_at_once() {
    let venue = quiet();
    let mut ws = websocket(&venue, DOOR_MARKET);
    say(&mut ws, &json!({"type": "subscribe", "channel": "level2", "product_ids": ["BTC-USD"]}));
    assert_eq!(next_frame(&mut ws)["events"][0]["type"], "snapshot");
    assert_eq!(next_frame(&mut ws)["channel"], "subscriptions");
    let (bid, _) = venue.best("BTC-USD").unwrap();
    venue.add_liquidity("BTC-USD", Side::Buy, bid.unwrap(), "0.5".parse().unwrap()).unwrap();
    let update = next_frame(&mut ws);
    assert_eq!(update["events"][0]["updates"][0]["price_level"], bid.unwrap().to_string());
    assert_eq!(update["sequence_num"], 2);
    venue.step(200).unwrap();
    assert_eq!(next_frame(&mut ws)["sequence_num"], 3);
}

#[test]
fn a_subscription_sent_with_the_upgrade_request_is_not_lost() {
    let venue = quiet();
    let mut stream = dial(&venue, DOOR_MARKET, "localhost");
    let text = br#"{"type":"subscribe","channel":"heartbeats"}"#;
    let mut bytes = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".to_vec();
    bytes.extend_from_slice(&[0x81, 0x80 | text.len() as u8, 0, 0, 0, 0]);
    bytes.extend_from_slice(text);
    stream.write_all(&bytes).unwrap();
    let mut got = Vec::new();
    while !String::from_utf8_lossy(&got).contains("\"heartbeats\":[\"heartbeats\"]") {
        read_more(&mut stream, &mut got).unwrap();
    }
    assert!(String::from_utf8_lossy(&got).contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

#[test]
fn frames_can_ride_in_the_record_of_the_upgrade_reply() {
    let venue = quiet();
    venue.inject_next("GET", "/", Fault::WithUpgrade(vec!["{\"early\":1}".into(), "{\"early\":2}".into()])).unwrap();
    let mut stream = dial(&venue, DOOR_MARKET, "localhost");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n").unwrap();
    let mut piece = [0; 4096];
    let n = stream.read(&mut piece).unwrap();
    let text = String::from_utf8_lossy(&piece[..n]).into_owned();
    assert!(text.starts_with("HTTP/1.1 101") && text.ends_with("{\"early\":2}"), "{text}");
}

#[test]
fn an_upgrade_can_be_refused_and_wrong_ones_are() {
    let venue = quiet();
    venue.inject(FaultRule::next("GET", "/", Fault::Reply(Response::text(503, "no"))).on(DOOR_MARKET)).unwrap();
    let url = format!("wss://localhost:{}/", venue.port(DOOR_MARKET));
    let refused = tungstenite::client(url.as_str(), dial(&venue, DOOR_MARKET, "localhost"));
    assert!(format!("{:?}", refused.err().unwrap()).contains("503"));
    for (path, status) in [("/", "426"), ("/x", "426")] {
        let mut stream = dial(&venue, DOOR_MARKET, "localhost");
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()).unwrap();
        assert_eq!(read_reply(&mut stream).unwrap().0.to_string(), status);
    }
    let mut stream = dial(&venue, DOOR_MARKET, "localhost");
    stream.write_all(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n\r\n").unwrap();
    assert_eq!(read_reply(&mut stream).unwrap().0, 400);
    websocket(&venue, DOOR_MARKET);
}

#[test]
fn connections_beyond_the_limit_are_refused_with_429() {
    let venue = LocalVenue::start(Config { limits: Limits::default(), ..Config::quiet() }).unwrap();
    let url = format!("wss://localhost:{}/", venue.port(DOOR_MARKET));
    let connect = || tungstenite::client(url.as_str(), dial(&venue, DOOR_MARKET, "localhost")).map_err(Box::new);
    let tries: Vec<_> = (0..10).map(|_| connect()).collect();
    let hits = venue.rate_limit_hits().unwrap();
    // By the status, not by its digits in the text of the error: a port may have them.
    let is_refused = |error: &HandshakeError<_>| matches!(error, HandshakeError::Failure(tungstenite::Error::Http(reply)) if reply.status() == 429);
    let refused = tries.iter().filter(|t| t.as_ref().is_err_and(|error| is_refused(error))).count();
    assert_eq!(refused as u64, hits);
    // Ten TLS handshakes may take longer than the second in which eight are allowed; then none is refused.
    assert!(hits <= 2);
}

#[test]
fn a_killed_connection_ends_as_asked() {
    let venue = quiet();
    for how in [CloseHow::Frame(1012), CloseHow::Clean, CloseHow::Truncated, CloseHow::Reset] {
        let mut ws = websocket(&venue, DOOR_MARKET);
        assert_eq!(venue.kill_connections(Some(DOOR_MARKET), how).unwrap(), 1);
        match (how, ws.read()) {
            (CloseHow::Frame(code), Ok(Message::Close(Some(frame)))) => assert_eq!(u16::from(frame.code), code),
            (CloseHow::Clean, Err(tungstenite::Error::Protocol(_) | tungstenite::Error::ConnectionClosed)) => {}
            (CloseHow::Truncated, Err(tungstenite::Error::Io(e))) => assert_eq!(e.kind(), ErrorKind::UnexpectedEof),
            (CloseHow::Reset, Err(tungstenite::Error::Io(e))) => assert_eq!(e.kind(), ErrorKind::ConnectionReset),
            (how, other) => panic!("{how:?}: {other:?}"),
        }
        assert_eq!(venue.open_connections(DOOR_MARKET).unwrap(), 0);
    }
}

#[test]
fn after_an_outage_the_same_ports_serve_the_same_state() {
    let venue = quiet();
    let mut stream = dial(&venue, DOOR_REST, "localhost");
    ask(&mut stream, &venue, "POST", ORDERS, &limit_order("c1")).unwrap();
    let url = venue.rest_url();
    venue.down().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], venue.port(DOOR_REST)));
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    let somebody = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    assert_eq!(somebody.bind(&address.into()).unwrap_err().kind(), ErrorKind::AddrInUse, "the port is kept");
    assert!(ask(&mut stream, &venue, "GET", TIME, "").is_err());
    venue.up().unwrap().unwrap();
    assert_eq!(venue.rest_url(), url);
    let mut stream = dial(&venue, DOOR_REST, "localhost");
    let (_, orders) = ask(&mut stream, &venue, "GET", "/api/v3/brokerage/orders/historical/batch", "").unwrap();
    assert!(orders.contains("\"client_order_id\":\"c1\"") && orders.contains("\"status\":\"OPEN\""), "{orders}");
}

#[test]
fn a_wrong_certificate_does_not_get_past_verification() {
    let venue = quiet();
    for (certificate, error) in [
        (Certificate::Expired, "Expired"),
        (Certificate::WrongName, "NotValidForName"),
        (Certificate::UnknownCa, "UnknownIssuer"),
    ] {
        venue.set_certificate(DOOR_REST, certificate).unwrap();
        let failed = ask(&mut dial(&venue, DOOR_REST, "localhost"), &venue, "GET", TIME, "").unwrap_err();
        let text = format!("{failed:?}");
        assert!(text.contains(error), "{certificate:?}: {text}");
    }
    venue.set_certificate(DOOR_REST, Certificate::Good).unwrap();
    assert_eq!(ask(&mut dial(&venue, DOOR_REST, "localhost"), &venue, "GET", TIME, "").unwrap().0, 200);
}

#[test]
fn a_stalled_door_accepts_and_says_nothing() {
    let venue = quiet();
    venue.set_stalled(DOOR_REST, true).unwrap();
    let mut stream = dial(&venue, DOOR_REST, "localhost");
    stream.sock.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
    assert_eq!(ask(&mut stream, &venue, "GET", TIME, "").unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn raw_text_broken_frames_pings_and_fragments_reach_the_client() {
    // A slow machine reads for longer than the venue lets a connection be that has subscribed to nothing.
    let first_subscribe_ns = LIMIT.as_nanos() as u64;
    let venue = LocalVenue::start(Config { first_subscribe_ns, ..Config::quiet() }).unwrap();
    let mut ws = websocket(&venue, DOOR_MARKET);
    assert_eq!(venue.send_raw(DOOR_MARKET, "{not json").unwrap(), 1);
    assert_eq!(next_text(&mut ws), "{not json");
    let huge = "x".repeat(20 << 20);
    ws.set_config(|c| {
        c.max_message_size = None;
        c.max_frame_size = None;
    });
    // The socket cannot take it all at once: the rest follows as the client reads.
    assert_eq!(venue.send_raw(DOOR_MARKET, &huge).unwrap(), 1);
    assert_eq!(next_text(&mut ws).len(), huge.len());
    venue.fragment_messages(Some(100)).unwrap();
    say(&mut ws, &json!({"type": "subscribe", "channel": "level2", "product_ids": ["BTC-USD"]}));
    assert_eq!(next_frame(&mut ws)["events"][0]["type"], "snapshot");
    venue.ping(DOOR_MARKET, b"hello").unwrap();
    loop {
        if let Message::Ping(payload) = ws.read().unwrap() {
            assert_eq!(payload.as_ref(), b"hello");
            break;
        }
    }
    // A reserved opcode.
    assert_eq!(venue.send_bytes(DOOR_MARKET, &[0x83, 0x00]).unwrap(), 1);
    assert!(matches!(ws.read(), Err(tungstenite::Error::Protocol(_))));
}

#[test]
fn binary_and_too_large_messages_end_the_connection_with_their_code() {
    let venue = quiet();
    for (message, code) in [(Message::binary(b"{}".to_vec()), 1003), (Message::text("x".repeat(2 << 20)), 1009)] {
        let mut ws = websocket(&venue, DOOR_MARKET);
        ws.send(message).unwrap();
        let Message::Close(Some(close)) = ws.read().unwrap() else { panic!("closed with {code}") };
        assert_eq!(u16::from(close.code), code);
    }
}

#[test]
fn a_ping_is_answered() {
    let venue = quiet();
    let mut ws = websocket(&venue, DOOR_MARKET);
    ws.send(Message::Ping(b"are you there".to_vec().into())).unwrap();
    assert!(matches!(ws.read().unwrap(), Message::Pong(payload) if payload.as_ref() == b"are you there"));
}

#[test]
fn a_live_market_runs_by_itself_and_stops_when_paused() {
    let venue = LocalVenue::start(Config { depth: 50, events_per_s: 2_000, ..Config::quiet() }).unwrap();
    let mut ws = websocket(&venue, DOOR_MARKET);
    say(&mut ws, &json!({"type": "subscribe", "channel": "level2", "product_ids": ["BTC-USD"]}));
    for n in 0..50 {
        assert_eq!(next_frame(&mut ws)["sequence_num"], n);
    }
    venue.pause_market().unwrap();
    let best = venue.best("BTC-USD").unwrap();
    assert_eq!(venue.best("BTC-USD").unwrap(), best);
}

#[test]
fn a_taken_port_is_an_error_and_a_stopped_venue_frees_its_own() {
    let venue = quiet();
    let ports = [0, 1, 2, 3].map(|door| venue.port(door));
    let second = LocalVenue::start(Config { ports, ..Config::quiet() });
    assert!(matches!(second, Err(StartError::Io(e)) if e.kind() == ErrorKind::AddrInUse));
    venue.stop();
    // Free for everybody: somebody else may have been given one of them, but not every time.
    let restarts = || {
        let venue = quiet();
        let ports = [0, 1, 2, 3].map(|door| venue.port(door));
        venue.stop();
        LocalVenue::start(Config { ports, ..Config::quiet() }).is_ok()
    };
    assert!((0..5).any(|_| restarts()));
}

#[test]
fn nothing_the_venue_remembers_or_shows_holds_the_secret() {
    let venue = quiet();
    let mut stream = dial(&venue, DOOR_REST, "localhost");
    ask(&mut stream, &venue, "POST", ORDERS, &limit_order("c1")).unwrap();
    let secret_line = venue.credentials().secret().lines().nth(1).unwrap().to_owned();
    let shown = format!("{venue:?} {:?} {:?}", venue.credentials(), venue.observed().unwrap());
    assert!(!shown.contains(&secret_line) && !shown.contains("Bearer"), "{shown}");
    assert!(shown.contains("c1"));
}

#[test]
fn user_events_are_repeated_as_often_as_asked_for() {
    let venue = quiet();
    venue.repeat_user_events(2).unwrap();
    let mut user = subscribe_user(&venue);
    ask(&mut dial(&venue, DOOR_REST, "localhost"), &venue, "POST", ORDERS, &limit_order("c1")).unwrap();
    let told: Vec<Value> = (0..6).map(|_| next_frame(&mut user)["events"][0]["orders"][0]["status"].clone()).collect();
    assert_eq!(told, ["PENDING", "PENDING", "PENDING", "OPEN", "OPEN", "OPEN"]);
}

#[test]
fn a_frozen_connection_takes_requests_and_answers_them_when_it_goes_on() {
    let venue = quiet();
    let mut stream = dial(&venue, DOOR_REST, "localhost");
    assert_eq!(ask(&mut stream, &venue, "GET", TIME, "").unwrap().0, 200);
    assert_eq!(venue.set_frozen(DOOR_REST, true).unwrap(), 1);
    stream.sock.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
    assert_eq!(ask(&mut stream, &venue, "GET", TIME, "").unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(
        ask(&mut dial(&venue, DOOR_REST, "localhost"), &venue, "GET", TIME, "").unwrap().0,
        200,
        "new ones live"
    );
    venue.set_frozen(DOOR_REST, false).unwrap();
    stream.sock.set_read_timeout(Some(LIMIT)).unwrap();
    assert_eq!(read_reply(&mut stream).unwrap().0, 200);
}

#[test]
fn the_venues_clock_jumps_ahead_and_its_deadlines_with_it() {
    let venue = quiet();
    let mut stream = dial(&venue, DOOR_REST, "localhost");
    venue.step_clock(3_600_000 * MILLISECOND_NS).unwrap();
    let (status, body) = ask(&mut stream, &venue, "GET", TIME, "").unwrap();
    let said: Value = serde_json::from_str(&body).unwrap();
    let said_ms: u64 = said["epochMillis"].as_str().unwrap().parse().unwrap();
    let ahead_ms = said_ms - unix_now() / MILLISECOND_NS;
    assert!(status == 200 && (3_599_000..=3_600_000).contains(&ahead_ms), "{ahead_ms}");
}
