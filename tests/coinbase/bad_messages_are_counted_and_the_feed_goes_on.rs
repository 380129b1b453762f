//! What cannot be read is counted and, where a book may have been in it, announced; the connection stays, the feed goes on.

use crate::common::{Bench, Rig};
use crate::feed::{count, gaps_since, upgrades, wait_recovered, Feed};
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::GapCause;
use exchange_connectors::sim::coinbase::DOOR_MARKET;
use exchange_connectors::telemetry::Counter;

fn streaming() -> (Rig, Feed) {
    let mut rig = Bench::new().without_credentials().channels(Channels::BOOK).start();
    let feed = Feed::of(&mut rig);
    (rig, feed)
}

/// Sends it and shows what followed: anomalies counted, gaps opened.
fn goes_on_after(text: &str, gap: bool) {
    let (mut rig, mut feed) = streaming();
    let from = rig.market.len();
    assert_eq!(rig.venue.send_raw(DOOR_MARKET, text).unwrap(), 1);
    rig.until_true("the anomaly", |rig| count(rig, Counter::Anomalies) > 0);
    if gap {
        let gaps = wait_recovered(&mut rig, from);
        assert!(gaps.iter().all(|g| g.cause == GapCause::Malformed), "{gaps:?}");
    }
    rig.venue.step(30).unwrap();
    feed.wait_equal(&mut rig);
    assert_eq!(!gaps_since(&rig, from).is_empty(), gap);
    assert_eq!((upgrades(&rig), count(&rig, Counter::Disconnects)), (1, 0), "the connection stays");
}

#[test]
fn text_that_is_not_json() {
    goes_on_after("{\"channel\":\"l2_data\",,", true);
}

#[test]
fn a_channel_nobody_knows() {
    goes_on_after(r#"{"channel":"horoscope","timestamp":"2026-11-22T00:00:00Z","events":[{}]}"#, false);
}

#[test]
fn events_of_a_wrong_type() {
    goes_on_after(r#"{"channel":"l2_data","timestamp":"2026-11-22T00:00:00Z","events":5}"#, true);
}

#[test]
fn a_number_that_does_not_fit() {
    let level = r#"{"side":"bid","event_time":"2026-11-22T00:00:00Z","price_level":"1.000000000000000000001","new_quantity":"1"}"#;
    goes_on_after(
        &format!(
            r#"{{"channel":"l2_data","timestamp":"2026-11-22T00:00:00Z","events":[{{"type":"update","product_id":"BTC-USD","updates":[{level}]}}]}}"#
        ),
        true,
    );
}

#[test]
fn a_binary_message() {
    let (mut rig, mut feed) = streaming();
    rig.venue.send_bytes(DOOR_MARKET, &[0x82, 3, 1, 2, 3]).unwrap();
    rig.until_true("the anomaly", |rig| count(rig, Counter::Anomalies) > 0);
    rig.venue.step(30).unwrap();
    feed.wait_equal(&mut rig);
    assert_eq!((upgrades(&rig), gaps_since(&rig, 0).len()), (1, 0));
}
