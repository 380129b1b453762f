//! What tests against a real venue share: whether they may, a whole book, and one order's life.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use exchange_connectors::book::{Follower, FollowerState};
use exchange_connectors::gateway::{
    Channels, Connector, ExchangeConnector, OrderKind, OrderRequest, OrderStatus, Shutdown,
};
use exchange_connectors::record::{Fixed, Side};
use rust_decimal::Decimal;
use std::time::{Duration, Instant};

/// Whether all these variables are set, or a word on what is missing.
pub fn has(names: &[&str]) -> bool {
    let has = names.iter().all(|name| std::env::var(name).is_ok_and(|value| !value.is_empty()));
    if !has {
        eprintln!("skipped: set {} to run this against the real venue", names.join(", "));
    }
    has
}

/// Whether an order may be placed, or a word on what that takes.
pub fn may_trade() -> bool {
    let may = std::env::var("EXCHANGE_CONNECTORS_LIVE_ORDERS").as_deref() == Ok("1");
    if !may {
        eprintln!("skipped: set EXCHANGE_CONNECTORS_LIVE_ORDERS=1 to place one order at the real venue");
    }
    may
}

pub fn exact(fixed: Fixed) -> Decimal {
    fixed.to_decimal().unwrap()
}

/// A whole book of the market, from the stream, of so many levels a side at most.
pub fn book(exchange: &mut Connector, symbol: &str, channels: Channels, levels: usize, time: Duration) -> Follower {
    let mut feed = exchange.start_market_stream(&[symbol], channels).unwrap();
    let mut book = Follower::new(feed.instruments[0].id, levels);
    let (end, mut records) = (Instant::now() + time, 0u64);
    while Instant::now() < end {
        if let Some(record) = feed.next(Duration::from_millis(100)) {
            book.apply(&record);
            records += 1;
        }
    }
    eprintln!("{records} records in {time:?}, best {:?} / {:?}", book.bid(), book.ask());
    assert_eq!(book.state(), FollowerState::Whole);
    book
}

/// A bid is placed, verified and cancelled; whatever happens, nothing of ours stays.
pub fn live_and_cancel(mut exchange: Connector, symbol: &str, kind: OrderKind) {
    let placed = exchange.place_order(&OrderRequest { symbol: symbol.into(), side: Side::Buy, kind });
    let verified = placed.as_ref().ok().map(|ack| exchange.get_order_status(&ack.order));
    let cancelled = placed.as_ref().ok().map(|ack| exchange.cancel_order(&ack.order));
    let after = placed.as_ref().ok().map(|ack| exchange.get_order_status(&ack.order));
    exchange.shutdown(Shutdown::CancelOurs).unwrap();
    eprintln!("{placed:?}\n{verified:?}\n{cancelled:?}\n{after:?}");
    assert_eq!(verified.unwrap().unwrap().status, OrderStatus::Open);
    assert_eq!(cancelled.unwrap(), Ok(OrderStatus::Cancelled));
    assert_eq!(after.unwrap().unwrap().status, OrderStatus::Cancelled);
}
