//! A trade that never came is noticed by the next one: a gap with its count, then the book afresh on the same connection.

use crate::common::{self, decimal, Bench};
use crate::feed::{snapshot_ends, upgrades, wait_recovered, Feed};
use exchange_connectors::gateway::{Channels, MarketSource};
use exchange_connectors::record::{Gap, GapCause};
use exchange_connectors::sim::coinbase::Side;

#[test]
fn the_gap_counts_the_missing_trades_and_ends_with_a_snapshot_on_the_same_connection() {
    let bench = Bench::new().without_credentials().channels(Channels::BOOK);
    let mut rig = bench.coinbase(|c| c.market_source(MarketSource::Exchange)).start_unready();
    let mut feed = Feed::of(&mut rig);
    let buy = |rig: &common::Rig| {
        rig.venue.trade_against("BTC-USD", Side::Buy, decimal("90000"), decimal("0.00000001")).unwrap();
    };
    buy(&rig);
    feed.wait_equal(&mut rig);
    let (from, connections) = (rig.market.len(), upgrades(&rig));
    rig.venue.drop_exchange_matches(2).unwrap();
    (0..3).for_each(|_| buy(&rig));
    let gaps = wait_recovered(&mut rig, from);
    let gap = |recovered, lost| Gap { cause: GapCause::Sequence, recovered, lost };
    assert_eq!(gaps, [gap(false, 2), gap(true, 0)]);
    assert_eq!(snapshot_ends(&rig, from), (1, 1));
    feed.wait_equal(&mut rig);
    assert_eq!(upgrades(&rig), connections, "no new connection");
}

#[test]
fn a_heartbeat_tells_of_the_last_trade_when_no_other_follows() {
    let bench = Bench::new().without_credentials().channels(Channels::BOOK);
    let mut rig = bench.coinbase(|c| c.market_source(MarketSource::Exchange)).start_unready();
    let mut feed = Feed::of(&mut rig);
    let from = rig.market.len();
    rig.venue.trade_against("BTC-USD", Side::Buy, decimal("90000"), decimal("0.00000001")).unwrap();
    rig.venue.drop_exchange_matches(1).unwrap();
    rig.venue.trade_against("BTC-USD", Side::Buy, decimal("90000"), decimal("0.00000001")).unwrap();
    let gaps = wait_recovered(&mut rig, from);
    assert_eq!(gaps[0], Gap { cause: GapCause::Sequence, recovered: false, lost: 1 });
    feed.wait_equal(&mut rig);
}
