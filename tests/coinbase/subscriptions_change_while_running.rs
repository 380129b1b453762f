//! Channels and strategies come and go while the feed runs.

use crate::common::Bench;
use crate::feed::{held, snapshot_ends, venue_book, Feed};
use exchange_connectors::book::{Follower, FollowerState};
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::{Flags, MarketKind, Venue, View};
use std::time::Duration;

#[test]
fn a_channel_added_streams_and_a_channel_dropped_is_silent_and_comes_back_fresh() {
    let mut rig = Bench::new().without_credentials().channels(Channels::BOOK).start();
    let mut feed = Feed::of(&mut rig);
    let id = rig.strategy.id();
    rig.gateway().subscribe(id, Venue::Coinbase, "ETH-USD", Channels::TRADES).unwrap();
    let trade = |r: &exchange_connectors::record::MarketRecord| r.kind() == MarketKind::Trade;
    rig.until_true("trades of ETH-USD", |rig| {
        rig.venue.step(5).unwrap();
        rig.market.iter().any(trade)
    });
    feed.wait_equal(&mut rig);
    let btc = rig.btc.clone();
    rig.gateway().unsubscribe(id, &btc, Channels::BOOK).unwrap();
    // Controls are taken in order: what is answered behind it comes after it.
    rig.gateway().open_orders().unwrap();
    rig.take();
    let from = rig.market.len();
    rig.venue.step(100).unwrap();
    rig.until_true("more trades", |rig| {
        rig.venue.step(5).unwrap();
        rig.market[from..].iter().any(trade)
    });
    assert!(!rig.market[from..].iter().any(|r| r.instrument() == btc.id && r.kind() == MarketKind::Level));
    rig.gateway().subscribe(id, Venue::Coinbase, "BTC-USD", Channels::BOOK).unwrap();
    let mut fresh = Follower::new(btc.id, 5_000);
    let mut next = from;
    rig.until_true("the book again", |rig| {
        for record in &rig.market[next..] {
            fresh.apply(record);
        }
        next = rig.market.len();
        fresh.state() == FollowerState::Whole && held(&fresh) == venue_book(&rig.venue, "BTC-USD")
    });
}

#[test]
fn a_second_strategy_gets_the_book_from_the_engine_and_the_venue_sends_none() {
    let mut rig = Bench::new().without_credentials().channels(Channels::BOOK).start();
    let mut feed = Feed::of(&mut rig);
    let from = rig.market.len();
    let mut other = rig.gateway().strategy().unwrap();
    rig.gateway().subscribe(other.id(), Venue::Coinbase, "BTC-USD", Channels::BOOK).unwrap();
    let mut book = Follower::new(rig.btc.id, 5_000);
    let mut derived = 0;
    rig.until_true("the second book", |_| {
        other.wait(Duration::from_millis(2));
        while let Some(record) = other.market.pop() {
            assert!(!matches!(record.view(), View::Gap(_)), "it lost nothing");
            derived += usize::from(record.flags().contains(Flags::SNAPSHOT | Flags::DERIVED));
            book.apply(&record);
        }
        book.state() == FollowerState::Whole
    });
    assert_eq!(held(&book), venue_book(&rig.venue, "BTC-USD"));
    assert_eq!(derived, book.len(exchange_connectors::record::BookSide::Bid) * 2);
    rig.venue.step(50).unwrap();
    feed.wait_equal(&mut rig);
    assert_eq!(snapshot_ends(&rig, from), (0, 0), "the venue was not asked for another snapshot");
}

#[test]
fn a_number_given_again_belongs_to_the_new_strategy_alone() {
    let mut rig = Bench::new().without_credentials().channels(Channels::BOOK).start();
    let mut feed = Feed::of(&mut rig);
    let first = rig.gateway().strategy().unwrap();
    let id = first.id();
    rig.gateway().subscribe(id, Venue::Coinbase, "BTC-USD", Channels::BOOK).unwrap();
    drop(first);
    let mut second = rig.gateway().strategy().unwrap();
    assert_eq!(second.id(), id);
    rig.venue.step(50).unwrap();
    feed.wait_equal(&mut rig);
    rig.gateway().open_orders().unwrap();
    while let Some(record) = second.market.pop() {
        assert_ne!(record.kind(), MarketKind::Level, "it subscribed to nothing");
    }
}
