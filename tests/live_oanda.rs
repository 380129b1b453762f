//! The real venue. Ignored unless asked for: `cargo test --test live_oanda -- --ignored`.
//!
//! Reads `OANDA_API_TOKEN` and `OANDA_ACCOUNT_ID`, and `OANDA_ENVIRONMENT`, which is `practice` unless it says `live`;
//! without the first two every test says so and passes. Only with `EXCHANGE_CONNECTORS_LIVE_ORDERS=1` is an order placed:
//! one unit, a fifth below the market, cancelled and verified before the test ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use exchange_connectors::book::{Follower, FollowerState};
use exchange_connectors::gateway::{
    Channels, Connector, ConnectorConfig, ExchangeConnector, GatewayBuilder, Limits, OandaConfig, OrderKind,
    OrderRequest, OrderStatus, Shutdown,
};
use exchange_connectors::record::{Fixed, Side, TimeInForce, Venue};
use rust_decimal::Decimal;
use std::time::{Duration, Instant};

const SYMBOL: &str = "EUR_USD";
const STREAM_FOR: Duration = Duration::from_secs(20);

fn connector(oanda: OandaConfig) -> Connector {
    let builder =
        GatewayBuilder::default().without_state().oanda(oanda).limits(Limits::new().open_orders_per_strategy(1));
    Connector::new(Venue::Oanda, builder, ConnectorConfig::default())
}

/// Token and account, or a word on what is missing.
fn credentials() -> Option<OandaConfig> {
    let set = |name| std::env::var(name).is_ok_and(|value| !value.is_empty());
    if !set("OANDA_API_TOKEN") || !set("OANDA_ACCOUNT_ID") {
        eprintln!("skipped: set OANDA_API_TOKEN and OANDA_ACCOUNT_ID to run this against the real venue");
        return None;
    }
    Some(OandaConfig::from_env().expect("usable credentials"))
}

/// Prices of the market, from the stream. On a weekend the market is closed and its last prices stand.
fn book(exchange: &mut Connector, time: Duration) -> Follower {
    let mut feed = exchange.start_market_stream(&[SYMBOL], Channels::BOOK | Channels::TICKER).unwrap();
    let mut book = Follower::new(feed.instruments[0].id, 1_000);
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

fn exact(fixed: Fixed) -> Decimal {
    fixed.to_decimal().unwrap()
}

#[test]
#[ignore = "contacts the real venue"]
fn the_account_answers_and_prices_stream() {
    let Some(oanda) = credentials() else { return };
    let mut exchange = connector(oanda.market_data_only());
    exchange.connect().unwrap();
    let queries = exchange.gateway().unwrap().oanda().unwrap();
    eprintln!("{:?}\n{:?}", queries.accounts().unwrap(), queries.summary().unwrap());
    eprintln!("{} instruments", queries.instruments().unwrap().len());
    eprintln!(
        "{} open trades, {} open positions, {} pending orders",
        queries.open_trades().unwrap().len(),
        queries.open_positions().unwrap().len(),
        queries.pending_orders().unwrap().len(),
    );
    let (ours, theirs) =
        (exchange.gateway().unwrap().now(), exchange.gateway().unwrap().queries(Venue::Oanda).unwrap());
    assert!(ours.0.abs_diff(theirs.server_time().unwrap().0) < 60_000_000_000, "clocks differ");
    let book = book(&mut exchange, STREAM_FOR);
    assert!(exact(book.bid().unwrap().price) < exact(book.ask().unwrap().price));
}

#[test]
#[ignore = "contacts the real venue; places an order if EXCHANGE_CONNECTORS_LIVE_ORDERS=1"]
fn one_smallest_order_far_from_the_market_is_placed_verified_and_cancelled() {
    if std::env::var("EXCHANGE_CONNECTORS_LIVE_ORDERS").as_deref() != Ok("1") {
        eprintln!("skipped: set EXCHANGE_CONNECTORS_LIVE_ORDERS=1 to place one order at the real venue");
        return;
    }
    let Some(oanda) = credentials() else { return };
    let mut exchange = connector(oanda);
    exchange.connect().unwrap();
    let bid = exact(book(&mut exchange, STREAM_FOR).bid().unwrap().price);
    let listing = exchange.gateway().unwrap().queries(Venue::Oanda).unwrap().product(SYMBOL).unwrap();
    let tick = exact(listing.tick);
    let price = (bid * Decimal::new(8, 1) / tick).floor() * tick;
    let quantity = exact(listing.size_min);
    assert!(price * quantity < Decimal::from(20), "never more than twenty dollars: {quantity} at {price}");
    let kind = OrderKind::Limit { price, quantity, time_in_force: TimeInForce::GoodTilCancelled, post_only: false };
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
