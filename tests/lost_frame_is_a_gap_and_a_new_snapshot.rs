//! A frame that never came is noticed by the next one: a gap with its count, then the book afresh on the same connection. At
//! OANDA lines bear no numbers and each carries the whole book: the next one makes a lost one good, and nothing is told.
//! (Binance.US: `binance_us/books_are_the_venues`.)
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;
#[path = "common/feed.rs"]
mod feed;
mod venues;

use common::{decimal, Bench};
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::{BookSide, Gap, GapCause, Venue, View};
use exchange_connectors::sim::coinbase::Side;
use feed::{snapshot_ends, upgrades, wait_recovered, Feed};
use venues::{Local, Setup};

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

#[test]
fn a_line_of_oanda_that_never_came_is_made_good_by_the_next() {
    let mut rig = Setup { channels: Channels::BOOK, ..Setup::direct() }.start(Venue::Oanda);
    rig.book_is_the_venues();
    let (from, local) = (rig.market.len(), rig.local.clone());
    let Local::Oanda(venue) = &*local else { panic!("it is OANDA") };
    venue.drop_prices("EUR_USD", 1).unwrap();
    venue.set_price("EUR_USD", decimal("1.20100"), decimal("1.20110")).unwrap();
    rig.until("the line to be lost", |_| (venue.observed().unwrap().lines_dropped == 1).then_some(()));
    venue.set_price("EUR_USD", decimal("1.20200"), decimal("1.20210")).unwrap();
    rig.book_is_the_venues();
    assert_eq!(rig.gaps(from), []);
    let bids = rig.market[from..].iter().filter_map(|record| match record.view() {
        View::Level(level) if level.side == BookSide::Bid => Some(level),
        _ => None,
    });
    assert!(bids.clone().count() > 0 && bids.clone().all(|bid| bid.price.to_string() != "1.201"), "it was lost");
}
