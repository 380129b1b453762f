//! Bytes that break the WebSocket protocol end the connection; a new one brings everything back.

use crate::common::Bench;
use crate::feed::{upgrades, wait_recovered, Feed};
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::GapCause;
use exchange_connectors::sim::coinbase::DOOR_MARKET;

fn reconnects_after(bytes: &[u8]) {
    let mut rig = Bench::new().without_credentials().channels(Channels::BOOK).start();
    let mut feed = Feed::of(&mut rig);
    let from = rig.market.len();
    assert_eq!(rig.venue.send_bytes(DOOR_MARKET, bytes).unwrap(), 1);
    let gaps = wait_recovered(&mut rig, from);
    assert!(gaps.iter().all(|g| g.cause == GapCause::Disconnected), "{gaps:?}");
    feed.wait_equal(&mut rig);
    assert_eq!(upgrades(&rig), 2);
}

#[test]
fn a_message_of_more_than_16_mib() {
    let mut bytes = vec![0x81, 127];
    bytes.extend((17u64 * 1024 * 1024).to_be_bytes());
    reconnects_after(&bytes);
}

#[test]
fn a_masked_frame_from_a_server() {
    reconnects_after(&[0x81, 0x81, 1, 2, 3, 4, b'x' ^ 1]);
}

#[test]
fn reserved_bits() {
    reconnects_after(&[0xf1, 0]);
}

#[test]
fn text_that_is_not_utf8() {
    reconnects_after(&[0x81, 2, 0xc3, 0x28]);
}
