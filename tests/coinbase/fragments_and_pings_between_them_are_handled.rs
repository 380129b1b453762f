//! Messages in many fragments, a snapshot among them, with pings from the venue in between.

use crate::common::Bench;
use crate::feed::{count, gaps_since, wait_recovered, Feed};
use exchange_connectors::gateway::Channels;
use exchange_connectors::sim::coinbase::DOOR_MARKET;
use exchange_connectors::sim::server::CloseHow;
use exchange_connectors::telemetry::Counter;

#[test]
fn a_feed_in_small_fragments_gives_the_same_book() {
    let mut rig = Bench::new().without_credentials().venue(|v| v.depth = 200).channels(Channels::BOOK).start();
    let mut feed = Feed::of(&mut rig);
    rig.venue.fragment_messages(Some(101)).unwrap();
    let from = rig.market.len();
    rig.venue.kill_connections(Some(DOOR_MARKET), CloseHow::Reset).unwrap();
    wait_recovered(&mut rig, from);
    for payload in [&b""[..], b"are you there?", &[0xff; 125]] {
        rig.venue.step(20).unwrap();
        assert_eq!(rig.venue.ping(DOOR_MARKET, payload).unwrap(), 1);
    }
    feed.wait_equal(&mut rig);
    assert_eq!(count(&rig, Counter::Anomalies), 0);
    assert_eq!(gaps_since(&rig, from).len(), 2, "only that of the new connection");
}

#[test]
fn a_ping_between_two_fragments_of_one_message_breaks_nothing() {
    let mut rig = Bench::new().without_credentials().channels(Channels::BOOK).start();
    let mut feed = Feed::of(&mut rig);
    // `{"channel":` ping `"nonsense"}`: one text message of a channel nobody knows.
    let mut bytes = vec![0x01, 11];
    bytes.extend(b"{\"channel\":");
    bytes.extend([0x89, 2, b'h', b'i']);
    bytes.extend([0x80, 23]);
    bytes.extend(b"\"nonsense\",\"events\":[5]");
    bytes.extend([0x82, 0]);
    bytes.truncate(bytes.len() - 2);
    let last = bytes.len() - 24;
    bytes[last] = 24;
    bytes.push(b'}');
    assert_eq!(rig.venue.send_bytes(DOOR_MARKET, &bytes).unwrap(), 1);
    rig.until_true("the anomaly", |rig| count(rig, Counter::Anomalies) >= 1);
    rig.venue.step(20).unwrap();
    feed.wait_equal(&mut rig);
    assert_eq!(count(&rig, Counter::Disconnects), 0);
}
