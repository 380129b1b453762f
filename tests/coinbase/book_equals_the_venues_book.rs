//! After a burst of changes the book kept from records is the venue's own, level by level.

use crate::common::Bench;
use crate::feed::{count, gaps_since, Feed};
use exchange_connectors::gateway::Channels;
use exchange_connectors::telemetry::Counter;

#[test]
fn after_a_burst_every_level_of_both_sides_is_the_venues() {
    let mut rig = Bench::new().without_credentials().venue(|v| v.depth = 300).channels(Channels::BOOK).start();
    let mut feed = Feed::of(&mut rig);
    for _ in 0..5 {
        rig.venue.step(400).unwrap();
        feed.wait_equal(&mut rig);
    }
    assert_eq!((count(&rig, Counter::Anomalies), gaps_since(&rig, 0)), (0, vec![]));
}
