//! A strategy on the reactor's own thread: the same records as over a ring, in the same order, and its orders leave.

use crate::common::{self, is_state, Bench, RootFile};
use crate::feed::{held, venue_book};
use exchange_connectors::book::{Follower, FollowerState};
use exchange_connectors::gateway::{Channels, Handler, InlineOrders};
use exchange_connectors::record::{
    ConnectionRole, ConnectionState, ExecutionKind, ExecutionRecord, Flags, MarketKind, MarketRecord, OrderCommand,
    OrderRef, Side, Venue,
};
use std::sync::mpsc::{channel, Sender};
use std::time::{Duration, Instant};

struct Inline {
    tell: Sender<MarketRecord>,
    executions: Sender<ExecutionRecord>,
    healthy: bool,
    given: bool,
}

impl Handler for Inline {
    fn on_market(&mut self, records: &[MarketRecord], orders: &mut InlineOrders) {
        for record in records {
            self.healthy |= is_state(record, ConnectionRole::User, ConnectionState::Healthy);
            let _ = self.tell.send(*record);
        }
        let level = records.iter().find(|r| r.kind() == MarketKind::Level);
        if let (Some(level), true, false) = (level, self.healthy, self.given) {
            self.given = true;
            let (price, _) = level.exponents();
            let price = 50_000 * 10i64.pow(u32::from(price.unsigned_abs()));
            orders.submit(OrderCommand::limit(level.instrument(), Side::Buy, price, 1_000_000).post_only()).unwrap();
        }
    }

    fn on_execution(&mut self, record: &ExecutionRecord, orders: &mut InlineOrders) {
        let _ = self.executions.send(*record);
        match record.kind {
            ExecutionKind::Accepted => {
                orders.submit(OrderCommand::cancel(record.instrument, OrderRef::Request(record.request))).unwrap();
            }
            // Refused for want of a connection or token: with the next level once more.
            ExecutionKind::Rejected => self.given = false,
            _ => {}
        }
    }
}

#[test]
fn the_handler_gets_what_a_ring_gets_and_takes_an_order_through_its_life() {
    let bench = Bench::new();
    let venue = bench.start_venue();
    let roots = RootFile::write(venue.ca_pem());
    let (tell, told) = channel();
    let (executions, executed) = channel();
    let handler = Inline { tell, executions, healthy: false, given: false };
    let gateway = bench.builder(&venue, &roots).start_with_handler(Box::new(handler)).unwrap();
    let me = gateway.inline_strategy().unwrap();
    let btc = gateway.subscribe(me, Venue::Coinbase, common::BTC, Channels::BOOK).unwrap();
    let mut ring = gateway.strategy().unwrap();
    gateway.subscribe(ring.id(), Venue::Coinbase, common::BTC, Channels::BOOK).unwrap();
    let mut books = [Follower::new(btc.id, 5_000), Follower::new(btc.id, 5_000)];
    let mut updates = [Vec::new(), Vec::new()];
    let mut kinds = Vec::new();
    let deadline = Instant::now() + common::PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "{kinds:?} {:?}", books.each_ref().map(Follower::state));
        ring.wait(Duration::from_millis(2));
        let mut hear = |which: usize, record: MarketRecord| {
            books[which].apply(&record);
            // The ring's strategy joined later: only what is live is common to both.
            if record.kind() == MarketKind::Level && !record.flags().contains(Flags::SNAPSHOT) {
                updates[which].push(record);
            }
        };
        while let Ok(record) = told.try_recv() {
            if record.kind() != MarketKind::Pulse {
                hear(0, record);
            }
        }
        while let Some(record) = ring.market.pop() {
            hear(1, record);
        }
        let of_no_order = [ExecutionKind::Rejected, ExecutionKind::Balance];
        kinds.extend(executed.try_iter().map(|r| r.kind).filter(|kind| !of_no_order.contains(kind)));
        let over = kinds.last() == Some(&ExecutionKind::Cancelled);
        let whole = books.iter().all(|b| b.state() == FollowerState::Whole);
        if over && whole && books.iter().all(|b| held(b) == venue_book(&venue, common::BTC)) {
            break;
        }
        if !over {
            venue.step(1).unwrap(); // levels for the handler to act on
        }
    }
    assert_eq!(kinds, [ExecutionKind::Accepted, ExecutionKind::Cancelled]);
    let [inline, ring] = updates;
    assert!(!ring.is_empty() && inline.ends_with(&ring), "the same records in the same order");
}
