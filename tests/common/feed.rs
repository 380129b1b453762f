//! Following one book in a test, and the venue's own book to compare it with.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::common::{decimal, Rig};
use exchange_connectors::book::{Follower, FollowerState};
use exchange_connectors::record::{BookSide, Flags, Gap, MarketKind, MarketRecord, View};
use exchange_connectors::sim::coinbase::{LocalVenue, DOOR_REST};
use exchange_connectors::sim::server::{Request, Venue as _};
use exchange_connectors::telemetry::Counter;
use rust_decimal::Decimal;

/// Bids and asks, best first: price and size.
pub type Levels = [Vec<(Decimal, Decimal)>; 2];

/// The venue's own book, asked of the model past all sockets.
pub fn venue_book(venue: &LocalVenue, symbol: &str) -> Levels {
    let request = Request {
        method: "GET".into(),
        path: "/api/v3/brokerage/market/product_book".into(),
        query: format!("product_id={symbol}"),
        ..Request::default()
    };
    let reply = venue.call(move |core, now_ns| core.venue.http(now_ns, DOOR_REST, &request)).unwrap();
    let book: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    ["bids", "asks"].map(|side| {
        let levels = book["pricebook"][side].as_array().unwrap();
        levels.iter().map(|l| (decimal(l["price"].as_str().unwrap()), decimal(l["size"].as_str().unwrap()))).collect()
    })
}

/// What a follower holds.
pub fn held(book: &Follower) -> Levels {
    [BookSide::Bid, BookSide::Ask]
        .map(|side| book.levels(side).map(|l| (decimal(&l.price.to_string()), decimal(&l.size.to_string()))).collect())
}

/// The book of a rig's BTC-USD, kept from its records.
pub struct Feed {
    pub book: Follower,
    next: usize,
}

impl Feed {
    pub fn new(rig: &Rig) -> Feed {
        Feed { book: Follower::new(rig.btc.id, 60_000), next: 0 }
    }

    /// A rig that streams, and its book once it is the venue's.
    pub fn of(rig: &mut Rig) -> Feed {
        let mut feed = Feed::new(rig);
        feed.wait_equal(rig);
        feed
    }

    pub fn follow(&mut self, rig: &Rig) {
        rig.market[self.next..].iter().for_each(|record| {
            self.book.apply(record);
        });
        self.next = rig.market.len();
    }

    /// Waits until the book is whole and, level by level, the venue's.
    #[track_caller]
    pub fn wait_equal(&mut self, rig: &mut Rig) {
        rig.until_true("the venue's book", |rig| {
            self.follow(rig);
            self.book.state() == FollowerState::Whole && held(&self.book) == venue_book(&rig.venue, "BTC-USD")
        });
    }
}

/// All gaps told since a place in the records.
pub fn gaps_since(rig: &Rig, from: usize) -> Vec<Gap> {
    let gap = |r: &MarketRecord| match r.view() {
        View::Gap(gap) => Some(gap),
        _ => None,
    };
    rig.market[from..].iter().filter_map(gap).collect()
}

/// Waits for the end of a gap told since a place in the records.
#[track_caller]
pub fn wait_recovered(rig: &mut Rig, from: usize) -> Vec<Gap> {
    rig.until("the recovery", |rig| {
        let gaps = gaps_since(rig, from);
        gaps.iter().any(|g| g.recovered).then_some(gaps)
    })
}

/// Where snapshots begin and end since a place in the records.
pub fn snapshot_ends(rig: &Rig, from: usize) -> (usize, usize) {
    let count = |flag| {
        let is = |r: &&MarketRecord| r.kind() == MarketKind::Level && r.flags().contains(Flags::SNAPSHOT | flag);
        rig.market[from..].iter().filter(is).count()
    };
    (count(Flags::FIRST), count(Flags::LAST))
}

/// A counter of the reactor.
pub fn count(rig: &Rig, counter: Counter) -> u64 {
    rig.gateway().telemetry().counters.get(counter)
}

/// Upgrades the venue has been asked for.
pub fn upgrades(rig: &Rig) -> u64 {
    rig.venue.requests("GET /").unwrap()
}
