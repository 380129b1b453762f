//! The blocking facade's market feed: several instruments in the order asked for, a snapshot first, then changes; none in
//! time is `None`, and a feed does not end with the connector's other calls.

use crate::common::{decimal, Bench, RootFile, BTC, PATIENCE};
use exchange_connectors::book::{Follower, FollowerState};
use exchange_connectors::gateway::{Channels, Connector, ConnectorConfig, ExchangeConnector, Shutdown};
use exchange_connectors::record::{Flags, Venue, View};
use exchange_connectors::sim::coinbase::Side as VenueSide;
use std::time::{Duration, Instant};

#[test]
fn a_feed_gives_a_snapshot_then_changes_and_none_when_nothing_comes() {
    let bench = Bench::new().without_credentials();
    let venue = bench.start_venue();
    let roots = RootFile::write(venue.ca_pem());
    let mut exchange = Connector::new(Venue::Coinbase, bench.builder(&venue, &roots), ConnectorConfig::default());
    exchange.connect().unwrap();
    let mut feed = exchange.start_market_stream(&["ETH-USD", BTC], Channels::BOOK | Channels::TRADES).unwrap();
    let symbols: Vec<&str> = feed.instruments.iter().map(|i| i.symbol()).collect();
    assert_eq!(symbols, ["ETH-USD", BTC]);

    let mut books: Vec<Follower> = feed.instruments.iter().map(|i| Follower::new(i.id, 1_000)).collect();
    let deadline = Instant::now() + PATIENCE;
    while !books.iter().all(|b| b.state() == FollowerState::Whole) {
        assert!(Instant::now() < deadline);
        let Some(record) = feed.next(Duration::from_millis(100)) else { continue };
        for book in &mut books {
            book.apply(&record);
        }
        if let View::Level(_) = record.view() {
            assert!(record.flags().contains(Flags::SNAPSHOT), "the market stands still: {record:?}");
        }
    }
    // Let the rest of what subscribing brought pass by; the market stands still.
    while feed.next(Duration::from_millis(200)).is_some() {}
    let started = Instant::now();
    assert!(feed.next(Duration::from_millis(50)).is_none());
    assert!(started.elapsed() >= Duration::from_millis(50));

    let bid = venue.best(BTC).unwrap().0.unwrap();
    venue.add_liquidity(BTC, VenueSide::Buy, bid, decimal("1.5")).unwrap();
    let change = loop {
        let record = feed.next(Duration::MAX).expect("the change");
        if let View::Level(level) = record.view() {
            break level;
        }
    };
    assert_eq!(change.price.to_string(), bid.normalize().to_string());

    exchange.shutdown(Shutdown::LeaveOpen).unwrap();
    let started = Instant::now();
    while feed.next(PATIENCE).is_some() {}
    assert!(started.elapsed() < PATIENCE, "a feed whose gateway has gone does not wait");
}
