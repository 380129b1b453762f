//! A door that answers the upgrade with garbage, an error page, or nothing but an end is asked again until it does.

use crate::common::Bench;
use crate::feed::{count, upgrades, Feed};
use exchange_connectors::gateway::Channels;
use exchange_connectors::sim::coinbase::DOOR_MARKET;
use exchange_connectors::sim::server::{CloseHow, Fault, FaultRule, Response};
use exchange_connectors::telemetry::Counter;

fn dialled_again_after(fault: Fault) {
    let bench = Bench::new().without_credentials().channels(Channels::BOOK);
    let venue = bench.start_venue();
    venue.inject(FaultRule::next("GET", "/", fault).on(DOOR_MARKET)).unwrap();
    let mut rig = bench.start_at(venue);
    Feed::of(&mut rig);
    assert_eq!((count(&rig, Counter::DialFailures), upgrades(&rig)), (1, 2));
}

#[test]
fn bytes_that_are_no_http() {
    dialled_again_after(Fault::Raw(b"\x15\x03\x01 what?\r\n\r\n".to_vec()));
}

#[test]
fn an_error_page() {
    dialled_again_after(Fault::Reply(Response::html(503, "<html>sorry</html>")));
}

#[test]
fn a_plain_200() {
    dialled_again_after(Fault::Reply(Response::text(200, "hello")));
}

#[test]
fn an_end_without_a_word() {
    dialled_again_after(Fault::Close(CloseHow::Truncated));
}

#[test]
fn a_wrong_accept_key() {
    let head = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n";
    dialled_again_after(Fault::Raw(head.as_bytes().to_vec()));
}
