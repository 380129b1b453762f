//! The real venue. Ignored unless asked for: `cargo test --test live_oanda -- --ignored`.
//!
//! Reads `OANDA_API_TOKEN` and `OANDA_ACCOUNT_ID`, and `OANDA_ENVIRONMENT`, which is `practice` unless it says `live`;
//! without the first two every test says so and passes. Only with `EXCHANGE_CONNECTORS_LIVE_ORDERS=1` is an order placed:
//! one unit, a fifth below the market, cancelled and verified before the test ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod live;

use exchange_connectors::book::Follower;
use exchange_connectors::gateway::{
    Channels, Connector, ConnectorConfig, ExchangeConnector, GatewayBuilder, Limits, OandaConfig, OrderKind,
};
use exchange_connectors::record::{TimeInForce, Venue};
use live::{exact, live_and_cancel, may_trade};
use rust_decimal::Decimal;
use std::time::Duration;

const SYMBOL: &str = "EUR_USD";
const STREAM_FOR: Duration = Duration::from_secs(20);

fn connector(oanda: OandaConfig) -> Connector {
    let builder =
        GatewayBuilder::default().without_state().oanda(oanda).limits(Limits::new().open_orders_per_strategy(1));
    Connector::new(Venue::Oanda, builder, ConnectorConfig::default())
}

/// Token and account, or a word on what is missing.
fn credentials() -> Option<OandaConfig> {
    live::has(&["OANDA_API_TOKEN", "OANDA_ACCOUNT_ID"]).then(|| OandaConfig::from_env().expect("usable credentials"))
}

/// Prices of the market, from the stream. On a weekend the market is closed and its last prices stand.
fn book(exchange: &mut Connector, time: Duration) -> Follower {
    live::book(exchange, SYMBOL, Channels::BOOK | Channels::TICKER, 1_000, time)
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
    if !may_trade() {
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
    live_and_cancel(exchange, SYMBOL, kind);
}
