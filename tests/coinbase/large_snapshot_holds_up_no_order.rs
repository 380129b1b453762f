//! A snapshot of 43,000 levels, about 5 MB, is read in pieces: an order given at its first level leaves before the second piece.

use crate::common::ear::takes_orders;
use crate::common::{self, Bench, RootFile};
use crate::feed::{held, venue_book};
use exchange_connectors::book::{Follower, FollowerState};
use exchange_connectors::gateway::{Channels, Handler, InlineOrders};
use exchange_connectors::record::{
    BookSide, ExecutionKind, ExecutionRecord, Fixed, Flags, Instrument, MarketKind, MarketRecord, OrderCommand, Side,
    UnixNanos, Venue,
};
use std::sync::mpsc::{channel, Sender};
use std::sync::{Arc, OnceLock};

const DEPTH: usize = 21_500;

enum Told {
    Ready,
    Piece(Vec<MarketRecord>, UnixNanos),
    Execution(Box<ExecutionRecord>),
}

/// Gives one order inside the call that brings the first level of the snapshot.
struct AtFirst {
    btc: Arc<OnceLock<Arc<Instrument>>>,
    tell: Sender<Told>,
    /// What it was told of connections.
    states: Vec<MarketRecord>,
    given: bool,
}

impl Handler for AtFirst {
    fn on_market(&mut self, records: &[MarketRecord], orders: &mut InlineOrders) {
        self.states.extend(records.iter().filter(|record| record.kind() == MarketKind::State));
        if takes_orders(&self.states, Venue::Coinbase) {
            let _ = self.tell.send(Told::Ready);
        }
        if records[0].kind() != MarketKind::Level {
            return;
        }
        let _ = self.tell.send(Told::Piece(records.to_vec(), orders.now()));
        if records[0].flags().contains(Flags::FIRST) && !self.given {
            self.given = true;
            let btc = self.btc.get().unwrap();
            let (price, size) = (50_000 * 100 * btc.tick_mantissa(), 1_000_000 * btc.lot_mantissa());
            orders.submit(OrderCommand::limit(btc.id, Side::Buy, price, size).post_only()).unwrap();
        }
    }

    fn on_execution(&mut self, record: &ExecutionRecord, _: &mut InlineOrders) {
        let _ = self.tell.send(Told::Execution(Box::new(*record)));
    }
}

#[test]
fn the_order_leaves_between_two_pieces_and_the_book_is_complete() {
    let bench = Bench::new().venue(|v| {
        v.depth = DEPTH;
        v.products.truncate(1);
    });
    let venue = bench.start_venue();
    let roots = RootFile::write(venue.ca_pem());
    let (tell, told) = channel();
    let btc = Arc::new(OnceLock::new());
    let handler = AtFirst { btc: btc.clone(), tell, states: vec![], given: false };
    let gateway = bench.builder(&venue, &roots).start_with_handler(Box::new(handler)).unwrap();
    let me = gateway.inline_strategy().unwrap();
    btc.set(gateway.subscribe(me, Venue::Coinbase, common::BTC, Channels::NONE).unwrap()).unwrap();
    let instrument = btc.get().unwrap().clone();
    while !matches!(told.recv_timeout(common::PATIENCE).expect("order entry opens"), Told::Ready) {}
    gateway.subscribe(me, Venue::Coinbase, common::BTC, Channels::BOOK).unwrap();
    let mut book = Follower::new(instrument.id, 100_000);
    let (mut pieces, mut second_at, mut last_at, mut order) = (0, None, None, None);
    while order.is_none() || last_at.is_none() {
        match told.recv_timeout(common::PATIENCE).expect("the snapshot and the order") {
            Told::Piece(records, at) => {
                pieces += 1;
                if pieces == 2 {
                    second_at = Some(at);
                }
                assert!(records.len() <= 256, "no piece is longer");
                let ends = records.iter().filter(|r| r.flags().contains(Flags::SNAPSHOT | Flags::LAST)).count();
                records.iter().for_each(|r| {
                    book.apply(r);
                });
                assert_eq!(ends == 1, book.state() == FollowerState::Whole && last_at.is_none() && ends > 0);
                if ends == 1 {
                    last_at = Some(at);
                }
            }
            Told::Execution(record) if record.kind == ExecutionKind::Balance => {}
            Told::Execution(record) if record.kind != ExecutionKind::Accepted => panic!("{record:?}"),
            Told::Execution(record) => order = Some(record),
            _ => {}
        }
    }
    assert!(pieces > 2 * DEPTH / 256, "{pieces} pieces");
    let (sent, second_at) = (order.unwrap().sent, second_at.unwrap());
    assert!(sent.is_some() && sent <= second_at, "the order left at {sent:?}, the second piece came at {second_at:?}");
    // The order itself is a level by now, told by an update behind the snapshot.
    let (price, size) = (Fixed::parse("50000").unwrap(), Fixed::parse("0.01").unwrap());
    while book.size_at(BookSide::Bid, price)
        != Fixed::new(size.rescale(instrument.size_exponent).unwrap(), instrument.size_exponent)
    {
        if let Told::Piece(records, _) = told.recv_timeout(common::PATIENCE).expect("the order's level") {
            records.iter().for_each(|r| {
                book.apply(r);
            });
        }
    }
    assert!(held(&book) == venue_book(&venue, common::BTC), "43,001 levels, each the venue's");
}
