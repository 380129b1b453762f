//! A user who owns the loop turns the reactor by `poll_once`: the feed streams, and shutdown ends the loop.

use crate::common::{self, Bench, RootFile};
use crate::feed::{held, venue_book};
use exchange_connectors::book::{Follower, FollowerState};
use exchange_connectors::gateway::{Channels, Shutdown};
use exchange_connectors::record::Venue;
use std::time::{Duration, Instant};

#[test]
fn a_loop_of_ones_own_streams_and_ends() {
    let bench = Bench::new().without_credentials();
    let venue = bench.start_venue();
    let roots = RootFile::write(venue.ca_pem());
    let (gateway, mut reactor) = bench.builder(&venue, &roots).build().unwrap();
    let turning = std::thread::spawn(move || {
        let mut turns = 0u64;
        while !reactor.is_stopped() {
            turns += 1;
            if !reactor.poll_once() {
                std::thread::sleep(Duration::from_millis(1)); // its user's idle strategy
            }
        }
        turns
    });
    let mut strategy = gateway.strategy().unwrap();
    let btc = gateway.subscribe(strategy.id(), Venue::Coinbase, common::BTC, Channels::BOOK).unwrap();
    let mut book = Follower::new(btc.id, 5_000);
    venue.step(50).unwrap();
    let deadline = Instant::now() + common::PATIENCE;
    while book.state() != FollowerState::Whole || held(&book) != venue_book(&venue, common::BTC) {
        assert!(Instant::now() < deadline, "{:?}", book.state());
        strategy.wait(Duration::from_millis(2));
        while let Some(record) = strategy.market.pop() {
            book.apply(&record);
        }
    }
    gateway.shutdown(Shutdown::LeaveOpen, 1_000).unwrap();
    assert!(turning.join().unwrap() > 1);
    assert!(strategy.is_gateway_gone());
}
