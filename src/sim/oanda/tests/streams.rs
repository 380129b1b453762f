//! Both streams: snapshot, windows, heartbeats, transactions, limits and what tests can do to them.

use super::*;
use crate::sim::MILLISECOND_NS;

const PRICES: &str = "/pricing/stream?instruments=EUR_USD%2CUSD_JPY";

#[test]
fn a_price_stream_begins_with_a_snapshot_and_tells_the_last_price_of_each_window() {
    let mut desk = Desk::with(Config { window_ns: 250 * MILLISECOND_NS, ..Config::quiet() });
    let (status, first) = desk.stream(1, PRICES);
    assert_eq!((status, first.len(), &first[0]["instrument"]), (200, 2, &"EUR_USD".into()));
    assert_eq!(desk.stream(2, "/pricing/stream?instruments=EUR_USD&snapshot=false").1, Vec::<Value>::new());
    desk.venue.closed(desk.now_ns, ConnId(2));
    desk.price("1.20011", "1.20023");
    desk.price("1.20012", "1.20024");
    assert_eq!(desk.pass(249 * MILLISECOND_NS), []);
    let told = desk.pass(MILLISECOND_NS);
    assert_eq!((told.len(), &told[0].1["bids"][0]["price"]), (1, &"1.20012".into()), "only the last of the window");
    assert_eq!(told[0].1["bids"][0]["liquidity"], 500_000);
    assert_eq!(desk.pass(SECOND_NS), [], "nothing changed");
}

#[test]
fn heartbeats_come_every_five_seconds_even_between_prices() {
    let mut desk = Desk::new();
    desk.stream(1, PRICES);
    desk.stream(2, "/transactions/stream");
    desk.price("1.20011", "1.20023");
    desk.pass(3 * SECOND_NS);
    let told = desk.pass(2 * SECOND_NS);
    assert_eq!(
        told,
        [
            (1, json!({"type": "HEARTBEAT", "time": "2026-03-04T10:11:17.000000000Z"})),
            (2, json!({"type": "HEARTBEAT", "lastTransactionID": "3", "time": "2026-03-04T10:11:17.000000000Z"}))
        ]
    );
}

#[test]
fn transactions_are_told_from_the_opening_on_and_never_again() {
    let mut desk = Desk::new();
    desk.market("1");
    desk.stream(1, "/transactions/stream");
    assert_eq!(desk.pass(1), [], "no replay");
    let body = desk.market("2");
    let told: Vec<Value> = desk.pass(1).into_iter().map(|(_, line)| line).collect();
    assert_eq!(told, [body["orderCreateTransaction"].clone(), body["orderFillTransaction"].clone()]);
    desk.stream(2, "/transactions/stream");
    assert_eq!(desk.pass(1), []);
}

#[test]
fn transactions_can_be_held_dropped_and_suppressed() {
    let mut desk = Desk::new();
    desk.stream(1, "/transactions/stream");
    desk.venue.reports.held = true;
    desk.market("1");
    assert_eq!(desk.pass(1), []);
    desk.venue.reports.held = false;
    assert_eq!(desk.pass(1).len(), 2);
    desk.venue.reports.suppressed.insert("hidden".into());
    desk.place(json!({"type": "LIMIT", "instrument": "EUR_USD", "units": "1", "price": "1.1", "clientExtensions": {"id": "hidden"}}));
    assert_eq!(desk.pass(1), []);
    desk.venue.reports.delay_ns = SECOND_NS;
    desk.market("1");
    assert_eq!((desk.pass(1).len(), desk.pass(SECOND_NS).len()), (0, 2));
    desk.venue.prices_to_drop.insert("EUR_USD".into(), 1);
    desk.stream(3, PRICES);
    desk.price("1.20011", "1.20023");
    assert_eq!(desk.pass(1), []);
    desk.price("1.20012", "1.20024");
    assert_eq!(desk.pass(1).len(), 1);
}

#[test]
fn streams_are_refused_like_ordinary_requests_and_beyond_their_limit() {
    let mut desk =
        Desk::with(Config { limits: Limits { streams: 1, connections_per_s: 2, ..Limits::NONE }, ..Config::quiet() });
    assert_eq!(desk.stream(1, "/pricing/stream?instruments=EUR_XXX").0, 400);
    assert_eq!(desk.stream(1, "/pricing/stream").0, 400);
    assert_eq!(desk.stream(1, "/nothing/stream").0, 404);
    assert_eq!(desk.stream(1, PRICES).0, 200);
    assert_eq!(desk.stream(2, PRICES).0, 429);
    desk.venue.closed(desk.now_ns, ConnId(1));
    assert_eq!(desk.stream(2, PRICES).0, 200);
    desk.venue.token_revoked = true;
    assert_eq!(desk.stream(3, PRICES).0, 401);
    let refused = (0..3).filter(|n| desk.venue.connected(desk.now_ns, DOOR_REST, ConnId(*n)).is_some()).count();
    assert_eq!(refused, 1, "two new connections a second");
}

#[test]
fn a_closed_market_is_told_as_such() {
    let mut desk = Desk::new();
    desk.stream(1, PRICES);
    desk.venue.set_tradeable(desk.now_ns, "EUR_USD", false).unwrap();
    let told = desk.pass(1);
    assert_eq!((&told[0].1["tradeable"], &told[0].1["status"]), (&false.into(), &"non-tradeable".into()));
}
