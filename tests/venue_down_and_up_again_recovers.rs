//! The venue is gone for a while: dials fail with growing pauses, and once it is back on the same ports all is whole.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/feed.rs"]
mod feed;

use common::Bench;
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::GapCause;
use exchange_connectors::telemetry::Counter;
use feed::{count, gaps_since, wait_recovered, Feed};

#[test]
fn dials_go_on_until_the_venue_is_back_and_the_book_is_whole_again() {
    let mut rig = Bench::new().without_credentials().channels(Channels::BOOK).start();
    let mut feed = Feed::of(&mut rig);
    let from = rig.market.len();
    rig.venue.down().unwrap();
    rig.until_true("two failed dials", |rig| count(rig, Counter::DialFailures) >= 2);
    assert_eq!(gaps_since(&rig, from).len(), 1, "one gap, however many dials fail");
    assert_eq!(gaps_since(&rig, from)[0].cause, GapCause::Disconnected);
    rig.venue.up().unwrap().unwrap();
    wait_recovered(&mut rig, from);
    feed.wait_equal(&mut rig);
}
