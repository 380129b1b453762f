//! A frame that never came is noticed by the next one: a gap with its count, then the book afresh on the same connection.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/feed.rs"]
mod feed;

use common::{decimal, Bench};
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::{Gap, GapCause};
use exchange_connectors::sim::coinbase::Side;
use feed::{snapshot_ends, upgrades, wait_recovered, Feed};

#[test]
fn the_gap_counts_the_missing_frames_and_ends_with_a_snapshot_on_the_same_connection() {
    let mut rig = Bench::new().without_credentials().channels(Channels::BOOK).start();
    let mut feed = Feed::of(&mut rig);
    let (from, connections) = (rig.market.len(), upgrades(&rig));
    rig.venue.drop_market_frames(2).unwrap();
    for price in ["50000", "50001", "50002"] {
        rig.venue.add_liquidity("BTC-USD", Side::Buy, decimal(price), decimal("1")).unwrap();
    }
    let gaps = wait_recovered(&mut rig, from);
    let gap = |recovered, lost| Gap { cause: GapCause::Sequence, recovered, lost };
    assert_eq!(gaps, [gap(false, 2), gap(true, 0)]);
    assert_eq!(snapshot_ends(&rig, from), (1, 1));
    feed.wait_equal(&mut rig);
    assert_eq!(upgrades(&rig), connections, "no new connection");
}
