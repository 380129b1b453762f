//! The real venue. Ignored unless asked for: `cargo test --test live_coinbase -- --ignored`.
//!
//! Reads `COINBASE_API_KEY` and `COINBASE_API_SECRET`; without them every test that needs them says so and passes. Only
//! with `EXCHANGE_CONNECTORS_LIVE_ORDERS=1` is an order placed: post-only, of the smallest size, half the market price
//! away, cancelled and verified before the test ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use exchange_connectors::book::{Follower, FollowerState};
use exchange_connectors::gateway::{
    Channels, CoinbaseConfig, Connector, ConnectorConfig, ExchangeConnector, GatewayBuilder, Limits, OrderKind,
    OrderRequest, OrderStatus, Shutdown,
};
use exchange_connectors::record::{BookSide, Side, TimeInForce, Venue};
use rust_decimal::{Decimal, RoundingStrategy};
use std::time::{Duration, Instant};

const SYMBOL: &str = "BTC-USD";
const STREAM_FOR: Duration = Duration::from_secs(10);

fn connector(coinbase: CoinbaseConfig) -> Connector {
    let builder = GatewayBuilder::default().coinbase(coinbase).limits(Limits::new().open_orders_per_strategy(1));
    Connector::new(Venue::Coinbase, builder, ConnectorConfig::default())
}

/// Both halves of a key, or a word on what is missing.
fn credentials() -> Option<CoinbaseConfig> {
    let set = |name| std::env::var(name).is_ok_and(|value| !value.is_empty());
    if !set("COINBASE_API_KEY") || !set("COINBASE_API_SECRET") {
        eprintln!("skipped: set COINBASE_API_KEY and COINBASE_API_SECRET to run this against the real venue");
        return None;
    }
    Some(CoinbaseConfig::from_env().expect("usable credentials"))
}

/// A whole book of the market, from the stream.
fn book(exchange: &mut Connector, time: Duration) -> Follower {
    let mut feed = exchange.start_market_stream(&[SYMBOL], Channels::BOOK | Channels::TRADES).unwrap();
    let mut book = Follower::new(feed.instruments[0].id, 200_000);
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

#[test]
#[ignore = "contacts the real venue"]
fn public_market_data_makes_a_whole_book() {
    let mut exchange = connector(CoinbaseConfig::default());
    exchange.connect().unwrap();
    let queries = exchange.gateway().unwrap().queries();
    let ours = exchange.gateway().unwrap().now();
    let theirs = queries.server_time().unwrap();
    assert!(ours.0.abs_diff(theirs.0) < 30_000_000_000, "clocks differ: {ours:?}, {theirs:?}");
    assert_eq!(queries.product(SYMBOL).unwrap().symbol.as_ref(), SYMBOL);
    let book = book(&mut exchange, STREAM_FOR);
    let (bid, ask) = (book.bid().unwrap().price, book.ask().unwrap().price);
    assert!(bid.to_decimal().unwrap() < ask.to_decimal().unwrap());
    assert!(book.len(BookSide::Bid) > 100 && book.len(BookSide::Ask) > 100);
}

#[test]
#[ignore = "contacts the real venue"]
fn accounts_can_be_read() {
    let Some(coinbase) = credentials() else { return };
    let mut exchange = connector(coinbase);
    exchange.connect().unwrap();
    let balances = exchange.get_account_balances().unwrap();
    eprintln!("{} accounts", balances.len());
    assert!(!balances.is_empty());
}

#[test]
#[ignore = "contacts the real venue; places an order if EXCHANGE_CONNECTORS_LIVE_ORDERS=1"]
fn one_smallest_order_far_from_the_market_is_placed_verified_and_cancelled() {
    if std::env::var("EXCHANGE_CONNECTORS_LIVE_ORDERS").as_deref() != Ok("1") {
        eprintln!("skipped: set EXCHANGE_CONNECTORS_LIVE_ORDERS=1 to place one order at the real venue");
        return;
    }
    let Some(coinbase) = credentials() else { return };
    let mut exchange = connector(coinbase);
    exchange.connect().unwrap();
    let bid = book(&mut exchange, Duration::from_secs(3)).bid().unwrap().price.to_decimal().unwrap();
    let listing = exchange.gateway().unwrap().queries().product(SYMBOL).unwrap();
    let exact = |fixed: exchange_connectors::record::Fixed| fixed.to_decimal().unwrap();
    let (tick, lot) = (exact(listing.tick), exact(listing.lot));
    let price = (bid / Decimal::TWO / tick).floor() * tick;
    let smallest =
        (exact(listing.notional_min) / price / lot).round_dp_with_strategy(0, RoundingStrategy::AwayFromZero);
    let quantity = (smallest * lot).max(exact(listing.size_min));
    assert!(price * quantity < Decimal::TEN, "never more than ten dollars: {quantity} at {price}");
    let kind = OrderKind::Limit { price, quantity, time_in_force: TimeInForce::GoodTilCancelled, post_only: true };
    let placed = exchange.place_order(&OrderRequest { symbol: SYMBOL.into(), side: Side::Buy, kind });
    let verified = placed.as_ref().ok().map(|ack| exchange.get_order_status(&ack.order));
    let cancelled = placed.as_ref().ok().map(|ack| exchange.cancel_order(&ack.order));
    let after = placed.as_ref().ok().map(|ack| exchange.get_order_status(&ack.order));
    // Whatever happened above: nothing of ours stays.
    exchange.shutdown(Shutdown::CancelOurs).unwrap();
    eprintln!("{placed:?}\n{verified:?}\n{cancelled:?}\n{after:?}");
    assert_eq!(verified.unwrap().unwrap().status, OrderStatus::Open);
    assert_eq!(cancelled.unwrap(), Ok(OrderStatus::Cancelled));
    assert_eq!(after.unwrap().unwrap().status, OrderStatus::Cancelled);
}
