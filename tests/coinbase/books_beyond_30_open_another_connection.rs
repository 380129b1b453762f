//! One connection takes 30 books (Coinbase reference 5): the 31st opens a second, instruments keep theirs, and places
//! that are freed are used again. The venue's limits of 8 connections and 8 messages a second are never hit.

use crate::common::{Bench, Rig, QUERIES_PER_SECOND};
use exchange_connectors::book::{Follower, FollowerState};
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::{Instrument, Venue, View};
use exchange_connectors::sim::coinbase::{Limits, Product, DOOR_MARKET};
use exchange_connectors::sim::server::CloseHow;
use exchange_connectors::venue::coinbase::StreamConfig;
use rust_decimal::Decimal;
use std::sync::Arc;

const PRODUCTS: usize = 64;

fn name(number: usize) -> String {
    format!("A{number}-USD")
}

/// A venue with so many more products, its own limits of streams, and no REST limit: the products are looked up at once.
fn bench() -> Bench {
    let product = |n| Product::spot(&name(n), "A", Decimal::new(100, 0), Decimal::new(1, 2), Decimal::new(1, 8));
    Bench::new().without_credentials().coinbase(|config| config.query_requests_per_second(QUERIES_PER_SECOND)).venue(
        move |config| {
            config.products.extend((0..PRODUCTS).map(product));
            config.limits = Limits { public_per_s: 0, ..Limits::default() };
        },
    )
}

/// Subscribed books, followed.
struct Books {
    rig: Rig,
    books: Vec<(Arc<Instrument>, Follower)>,
    next: usize,
}

impl Books {
    fn subscribe(&mut self, numbers: std::ops::Range<usize>) {
        let id = self.rig.strategy.id();
        for number in numbers {
            let instrument = self.rig.gateway().subscribe(id, Venue::Coinbase, &name(number), Channels::BOOK).unwrap();
            let book = Follower::new(instrument.id, 1_000);
            self.books.push((instrument, book));
        }
    }

    fn unsubscribe(&mut self, numbers: std::ops::Range<usize>) {
        for number in numbers {
            let at = self.books.iter().position(|(i, _)| i.symbol() == name(number)).unwrap();
            let (instrument, _) = self.books.remove(at);
            self.rig.gateway().unsubscribe(self.rig.strategy.id(), &instrument, Channels::BOOK).unwrap();
        }
    }

    #[track_caller]
    fn wait_whole(&mut self) {
        let (books, next) = (&mut self.books, &mut self.next);
        self.rig.until_true("every book", |rig| {
            for record in &rig.market[*next..] {
                for (_, book) in books.iter_mut() {
                    book.apply(record);
                }
            }
            *next = rig.market.len();
            books.iter().all(|(_, book)| book.state() == FollowerState::Whole)
        });
    }

    /// Books on each connection, most first.
    #[track_caller]
    fn wait_spread(&mut self, expected: &[usize]) {
        self.rig.until_true(&format!("books spread as {expected:?}"), |rig| {
            let mut spread = rig.venue.books_per_connection().unwrap();
            spread.sort_unstable_by(|a, b| b.cmp(a));
            spread == expected
        });
    }

    fn connections(&self) -> usize {
        self.rig.venue.open_connections(DOOR_MARKET).unwrap()
    }

    fn nothing_was_refused(&self) {
        assert_eq!(self.rig.venue.rate_limit_hits().unwrap(), 0);
        let refused = |view: &View| matches!(view, View::Subscription(_));
        assert!(!self.rig.market.iter().any(|record| refused(&record.view())));
    }
}

#[test]
fn the_31st_book_opens_a_second_connection_and_freed_places_are_used_again() {
    let mut books = Books { rig: bench().start(), books: Vec::new(), next: 0 };
    books.subscribe(0..30);
    books.wait_whole();
    books.wait_spread(&[30]);
    assert_eq!(books.connections(), 1);

    books.subscribe(30..31);
    books.wait_whole();
    books.wait_spread(&[30, 1]);
    assert_eq!(books.connections(), 2);

    books.unsubscribe(3..5);
    books.wait_spread(&[28, 1]);
    books.subscribe(31..34);
    books.wait_whole();
    books.wait_spread(&[30, 2]);
    assert_eq!(books.connections(), 2, "the freed places first, then the second connection");
    books.nothing_was_refused();
}

#[test]
fn three_connections_at_once_keep_the_address_below_its_limits_and_come_back_after_an_outage() {
    let mut books = Books { rig: bench().start_unready(), books: Vec::new(), next: 0 };
    books.subscribe(0..PRODUCTS);
    books.wait_whole();
    books.wait_spread(&[30, 30, 4]);
    let from = books.rig.market.len();
    assert_eq!(books.rig.venue.kill_connections(Some(DOOR_MARKET), CloseHow::Reset).unwrap(), 3);
    books.rig.until_true("gaps", |rig| {
        rig.market[from..].iter().any(|r| matches!(r.view(), View::Gap(gap) if !gap.recovered))
    });
    books.wait_whole();
    books.wait_spread(&[30, 30, 4]);
    assert_eq!(books.connections(), 3);
    books.nothing_was_refused();
}

#[test]
fn what_finds_no_place_is_told_so_and_gets_the_next_that_is_freed() {
    let stream = StreamConfig { market_connections_max: 1, ..StreamConfig::default() };
    let rig = bench().coinbase(move |config| config.stream(stream)).start();
    let mut books = Books { rig, books: Vec::new(), next: 0 };
    books.subscribe(0..30);
    books.wait_whole();
    books.subscribe(30..31);
    let unplaced = books.books[30].0.id;
    let told = books.rig.until("the subscription record", |rig| {
        rig.market.iter().find_map(|r| match r.view() {
            View::Subscription(subscription) => Some((r.instrument(), subscription)),
            _ => None,
        })
    });
    assert_eq!((told.0, told.1.channel.name(), told.1.difference.name()), (unplaced, "book", "no_place"));
    books.unsubscribe(7..8);
    books.wait_whole();
    books.wait_spread(&[30]);
    assert_eq!(books.rig.venue.rate_limit_hits().unwrap(), 0);
}
