//! A strategy that does not read: its ring fills, the loss is counted exactly, then the book comes from the engine.

use crate::common::{self, Bench};
use crate::feed::{gaps_since, held, upgrades, venue_book, Feed};
use exchange_connectors::book::{Follower, FollowerState};
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::{GapCause, MarketRecord, Venue, View};

#[test]
fn published_less_popped_is_what_the_gap_says_and_the_book_is_whole_after() {
    let bench = Bench::new().without_credentials().channels(Channels::BOOK).gateway(|g| g.market_ring(512));
    let mut rig = bench.start();
    let mut feed = Feed::of(&mut rig);
    let mut other = rig.gateway().strategy().unwrap();
    rig.gateway().subscribe(other.id(), Venue::Coinbase, "BTC-USD", Channels::BOOK).unwrap();
    let mut book = Follower::new(rig.btc.id, 5_000);
    let mut published = 0u64;
    let read = |other: &mut exchange_connectors::gateway::Strategy, book: &mut Follower, published: &mut u64| {
        other.wait(std::time::Duration::from_millis(2));
        while let Some(record) = other.market.pop() {
            assert!(!matches!(record.view(), View::Gap(_)), "the one that reads loses nothing");
            *published += 1;
            book.apply(&record);
        }
    };
    rig.until_true("the other's book", |_| {
        read(&mut other, &mut book, &mut published);
        book.state() == FollowerState::Whole
    });
    // The other is live and both hold the same. Let everything on its way arrive, then count.
    rig.venue.step(5).unwrap();
    feed.wait_equal(&mut rig);
    let deadline = std::time::Instant::now() + common::PATIENCE;
    while held(&book) != venue_book(&rig.venue, "BTC-USD") {
        assert!(std::time::Instant::now() < deadline);
        read(&mut other, &mut book, &mut published);
    }
    let from = rig.market.len();
    published = 0;
    while published < 800 {
        rig.venue.step(40).unwrap();
        while held(&book) != venue_book(&rig.venue, "BTC-USD") {
            assert!(std::time::Instant::now() < deadline, "{published} published");
            read(&mut other, &mut book, &mut published);
        }
    }
    let is_gap = |r: &MarketRecord| matches!(r.view(), View::Gap(g) if g.cause == GapCause::ConsumerFull);
    rig.until_true("the end of the gap", |rig| gaps_since(rig, from).iter().any(|g| g.recovered));
    let popped = rig.market[from..].iter().position(is_gap).unwrap() as u64;
    let lost: Vec<u64> = gaps_since(&rig, from).iter().map(|g| g.lost).collect();
    assert_eq!(lost, [published - popped, 0]);
    assert!(popped <= 512);
    feed.wait_equal(&mut rig);
    rig.venue.step(50).unwrap();
    feed.wait_equal(&mut rig);
    assert_eq!(gaps_since(&rig, from).len(), 2, "live after");
    assert_eq!(upgrades(&rig), 1, "nobody reconnects because a strategy paused");
}
