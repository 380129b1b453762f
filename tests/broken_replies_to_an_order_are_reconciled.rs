//! Every fault of the injector on the request of a new order, at every venue: the order is sent once, Unknown if there is
//! no answer that can be believed, and then what the venue's listings prove; it lives or is dead, never both or neither.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use exchange_connectors::record::{
    ExecutionKind as K, RejectClass, Venue, EXECUTION_FLAG_IMPLIED, EXECUTION_FLAG_LATE, EXECUTION_FLAG_RECONCILED,
};
use exchange_connectors::sim::server::{CloseHow, Fault, Response};
use std::thread;
use venues::{Rig, Setup};

const MS_NS: u64 = 1_000_000;

fn page() -> Response {
    Response::html(502, "<html>Bad Gateway</html>")
}

/// Answers no HTTP parser may take.
fn garbage() -> Vec<Vec<u8>> {
    let mut many_headers = b"HTTP/1.1 200 OK\r\n".to_vec();
    (0..5_000).for_each(|i| many_headers.extend_from_slice(format!("X-{i}: y\r\n").as_bytes()));
    many_headers.extend_from_slice(b"Content-Length: 2\r\n\r\n{}");
    let mut long_header = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
    long_header.extend(std::iter::repeat_n(b'x', 300_000));
    long_header.extend_from_slice(b"\r\nContent-Length: 2\r\n\r\n{}");
    let mut words: Vec<Vec<u8>> = [
        &b"\x00\xff\x16\x03 garbage \r\n\r\n"[..],
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
        b"HTTP/1.1 200 OK\r\nX\x00Y: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ]
    .map(<[u8]>::to_vec)
    .into();
    words.extend([many_headers, long_header]);
    words
}

/// The same for each of these faults at every venue. What one leaves behind the next would meet: nothing.
fn each(setup: &Setup, faults: &[Fault], show: fn(&mut Rig, &Fault)) {
    venues::at_every_venue(|at| {
        venues::in_parts(setup.clone(), at, faults, |rig, fault| {
            rig.local.spoil_next_order(fault.clone());
            show(rig, fault);
        });
    });
}

/// The same over the WebSocket API, which has one connection: each has a gateway of its own, a few at a time.
fn each_api(faults: &[Fault], show: fn(&mut Rig, &Fault)) {
    thread::scope(|scope| {
        for part in faults.chunks(faults.len().div_ceil(venues::GATEWAYS_AT_A_TIME)) {
            scope.spawn(move || {
                for fault in part {
                    let mut rig = Setup { api_connections: 1, ..Setup::direct() }.start(Venue::BinanceUs);
                    // Until it is open, orders go over REST.
                    while rig.local.orders_by_api() == 0 {
                        let order = rig.place_accepted();
                        rig.cancel(order.request);
                    }
                    rig.local.spoil_next_api_order(fault.clone());
                    show(&mut rig, fault);
                }
            });
        }
    });
}

/// The name of a fault, for messages.
fn brief(fault: &Fault) -> String {
    format!("{fault:?}").chars().take(80).collect()
}

/// The venue never hears of it.
fn never_arrived(rig: &mut Rig, fault: &Fault) {
    let (at, name) = (rig.local.venue(), brief(fault));
    let first = rig.place();
    assert_eq!(first.kind, K::Unknown, "{at} {name}: {first:?}");
    let rejected = rig.expect(first.request, K::Rejected);
    assert_eq!(rejected.reject, RejectClass::NeverArrived, "{at} {name}");
    assert!(rejected.has(EXECUTION_FLAG_RECONCILED), "{at} {name}");
    // And whatever was broken is whole again.
    rig.healthy();
    rig.place_accepted();
    assert_eq!(rig.law(first.request), [K::Unknown, K::Rejected], "{at} {name}");
    assert_eq!(rig.local.orders_received(first.client_order_id.as_str()), 1, "{at} {name}: sent once");
}

/// The venue has it, and the account's events are silent about it.
fn taken(rig: &mut Rig, fault: &Fault) {
    let (at, name) = (rig.local.venue(), brief(fault));
    rig.local.hold_user_events();
    let first = rig.place();
    let (accepted, told) = rig.accepted_in_doubt(first.request);
    let id = accepted.client_order_id;
    rig.local.release_user_events();
    let end = rig.trade_to_the_end(&accepted);
    assert_eq!(rig.law(first.request), [&told[..], &end].concat(), "{at} {name}");
    assert_eq!(rig.local.orders_received(id.as_str()), 1, "{at} {name}: sent once");
    assert_eq!(rig.gateway.open_orders().unwrap(), 0, "{at} {name}");
}

/// The answer is strange, late or slow, and good.
fn answered(rig: &mut Rig, fault: &Fault) {
    let (at, name) = (rig.local.venue(), brief(fault));
    rig.local.hold_user_events();
    let first = rig.place();
    assert_eq!(first.kind, K::Accepted, "{at} {name}: {first:?}");
    assert!(!first.has(EXECUTION_FLAG_RECONCILED | EXECUTION_FLAG_IMPLIED), "{at} {name}: {first:?}");
    rig.local.release_user_events();
    rig.cancel(first.request);
    assert_eq!(rig.law(first.request), [K::Accepted, K::Cancelled], "{at} {name}");
}

#[test]
fn the_request_is_lost_on_its_way() {
    let mut faults = vec![
        Fault::Reply(page()),
        Fault::Close(CloseHow::Clean),
        Fault::Close(CloseHow::Truncated),
        Fault::Close(CloseHow::Reset),
        Fault::Silence,
    ];
    faults.extend(garbage().into_iter().map(Fault::Raw));
    each(&Setup::direct(), &faults, never_arrived);
}

#[test]
fn the_reply_is_lost_on_its_way() {
    let mut faults = vec![
        Fault::ThenReply(page()),
        Fault::ThenClose(CloseHow::Clean),
        Fault::ThenClose(CloseHow::Truncated),
        Fault::ThenClose(CloseHow::Reset),
        Fault::ThenSilence,
        Fault::ThenHold,
        Fault::ThenDelay(2_000 * MS_NS),
        Fault::ThenCut { keep: 0, how: CloseHow::Clean },
        Fault::ThenCut { keep: 20, how: CloseHow::Truncated },
        Fault::ThenCut { keep: 60, how: CloseHow::Reset },
        Fault::ThenSlow { chunk: 1, interval_ns: 5 * MS_NS },
        // More than any reply has.
        Fault::ThenReply(Response::json(200, format!("{{\"x\":\"{}\"}}", "x".repeat(8 << 20)))),
    ];
    faults.extend(garbage().into_iter().map(Fault::ThenRaw));
    each(&Setup::direct(), &faults, taken);
}

#[test]
fn a_request_or_a_reply_over_the_websocket_api_is_lost() {
    let words = |text: &str| text.as_bytes().to_vec();
    let ends = || [CloseHow::Frame(1011), CloseHow::Clean, CloseHow::Truncated, CloseHow::Reset].into_iter();
    let lost: Vec<_> = ends().map(Fault::Close).chain([Fault::Silence]).collect();
    let answers = [
        Fault::ThenSilence,
        Fault::ThenRaw(words("{not json")),
        Fault::ThenRaw(words("[]")),
        Fault::ThenRaw(words(r#"{"id":"somebody-else","status":200,"result":{}}"#)),
        Fault::ThenRaw(words(r#"{"status":500,"error":{"code":-1000,"msg":"oops"}}"#)),
    ];
    let unanswered: Vec<_> = ends().map(Fault::ThenClose).chain(answers).collect();
    thread::scope(|scope| {
        scope.spawn(|| each_api(&lost, never_arrived));
        scope.spawn(|| each_api(&unanswered, taken));
    });
}

#[test]
fn a_reply_in_pieces_or_late_is_a_reply() {
    let faults = [
        Fault::Delay(100 * MS_NS),
        Fault::ThenDelay(100 * MS_NS),
        Fault::ThenSlow { chunk: 7, interval_ns: MS_NS },
        Fault::ThenChunked { chunk: 1 },
        Fault::ThenChunked { chunk: 1_000 },
    ];
    each(&Setup { reply_timeout_ms: 5_000, ..Setup::direct() }, &faults, answered);
}

#[test]
fn a_half_open_connection_is_left_and_an_order_that_comes_out_of_it_late_does_not_rest() {
    venues::at_every_venue(|at| {
        let mut rig = Setup::direct().start(at);
        assert!(rig.local.freeze_rest(true) > 0);
        let first = rig.place();
        assert_eq!(first.kind, K::Unknown, "{at}: {first:?}");
        let rejected = rig.expect(first.request, K::Rejected);
        assert_eq!(rejected.reject, RejectClass::NeverArrived, "{at}");
        let id = rejected.client_order_id;
        assert_eq!(rig.local.orders_received(id.as_str()), 0, "{at}: it waits in the network");
        rig.local.freeze_rest(false);
        let risen = rig.until("the order that came late", |rig| {
            rig.executions.iter().find(|r| r.kind == K::StrangerOrder && r.client_order_id == id).copied()
        });
        assert!(risen.has(EXECUTION_FLAG_LATE), "{at}: {risen:?}");
        rig.until("its end", |rig| (!rig.local.holds(id.as_str())).then_some(()));
        assert_eq!(rig.local.orders_received(id.as_str()), 1, "{at}: sent once");
        rig.place_accepted();
    });
}
