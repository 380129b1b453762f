//! Weights, counts, bans, and what the headers say of them.

use super::*;

fn header(response: &Response, name: &str) -> Option<u64> {
    response.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.parse().unwrap())
}

fn strict(limits: Limits) -> Bench {
    let mut bench = Bench::plain();
    bench.venue.limits = limits;
    bench
}

#[test]
fn headers_tell_the_weight_used_and_for_placed_orders_the_counts() {
    let mut bench = strict(Limits::default());
    let depth = bench.request("GET", "depth", "symbol=BTCUSD&limit=5000".into());
    assert_eq!((header(&depth, "X-MBX-USED-WEIGHT-1M"), header(&depth, "X-MBX-ORDER-COUNT-10S")), (Some(250), None));
    let query = bench.signed(&limit("c", "BUY", "1", "90"));
    let placed = bench.request("POST", "order", query);
    assert_eq!(
        (header(&placed, "x-mbx-used-weight-1m"), header(&placed, "x-mbx-order-count-10s")),
        (Some(251), Some(1))
    );
    bench.pass_ms(10_000);
    let oco = json!({"symbol": "BTCUSD", "side": "SELL", "quantity": "1", "price": "105", "stopPrice": "90"});
    bench.hit(Side::Buy, "101", "1");
    let query = bench.signed(&oco);
    let placed = bench.request("POST", "order/oco", query);
    assert_eq!((header(&placed, "x-mbx-order-count-10s"), header(&placed, "x-mbx-order-count-1d")), (Some(2), Some(3)));
}

#[test]
fn beyond_the_weight_comes_429_with_retry_after_and_then_a_ban() {
    let limits = Limits { weight_per_minute: 10, warnings_before_ban: 1, ..Limits::default() };
    let mut bench = strict(limits);
    let mut ask = || bench.request("GET", "depth", "symbol=BTCUSD".into());
    let statuses: Vec<u16> = (0..4).map(|_| ask().status).collect();
    assert_eq!(statuses, [200, 200, 429, 418]);
    let banned = ask();
    let (retry, body) = (header(&banned, "retry-after"), String::from_utf8(banned.body.clone()).unwrap());
    assert_eq!((banned.status, retry), (418, Some(120)));
    assert!(body.contains(r#""code":-1003"#) && body.contains("IP banned until"), "{body}");
    assert_eq!(bench.venue.usage.refused, 3);
}

#[test]
fn rest_and_the_websocket_api_share_one_weight_and_one_order_count() {
    let mut bench = strict(Limits { orders_per_10_s: 2, ..Limits::default() });
    let conn = bench.connect(DOOR_WS_API, "/ws-api/v3", "");
    assert_eq!(bench.venue.usage.used(bench.now).0, 2, "a connection costs 2");
    bench.limit("a", "BUY", "1", "90");
    let reply = bench.api(conn, "order.place", limit("b", "BUY", "1", "90"));
    assert_eq!(
        reply["rateLimits"][0],
        json!({"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 2, "count": 2})
    );
    assert_eq!(reply["rateLimits"][2]["count"], 4);
    let reply = bench.api(conn, "order.place", limit("c", "BUY", "1", "90"));
    assert_eq!((&reply["status"], &reply["error"]["code"]), (&json!(429), &json!(-1015)));
    let (status, code, message) = bench.refused("POST", "order", &limit("d", "BUY", "1", "90"));
    assert_eq!(
        (status, code, message.as_str()),
        (429, -1015, "Too many new orders; current limit is 2 orders per 10 SECOND.")
    );
}

#[test]
fn a_ban_on_the_websocket_api_says_until_when() {
    let mut bench = strict(Limits::default());
    let conn = bench.connect(DOOR_WS_API, "/ws-api/v3", "");
    bench.venue.usage.ban_for(bench.now, 60_000 * MILLISECOND_NS);
    let reply = bench.api(conn, "ping", json!({}));
    assert_eq!((&reply["status"], &reply["error"]["code"]), (&json!(418), &json!(-1003)));
    let until = (bench.now / MILLISECOND_NS) + 60_000;
    assert_eq!(reply["error"]["data"], json!({"serverTime": bench.now / MILLISECOND_NS, "retryAfter": until}));
}
