//! The real venue. Ignored unless asked for: `cargo test --test live_binance_us -- --ignored`.
//!
//! Reads `BINANCE_US_API_KEY` and `BINANCE_US_API_SECRET`; without them every test that needs them says so and passes.
//! Binance.US has no sandbox: `order/test` checks an order without placing it. Only with
//! `EXCHANGE_CONNECTORS_LIVE_ORDERS=1` is an order placed: post-only, of the smallest size, half the market price away,
//! cancelled and verified before the test ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod live;

use exchange_connectors::book::Follower;
use exchange_connectors::gateway::{
    BinanceUsConfig, Channels, Connector, ConnectorConfig, ExchangeConnector, GatewayBuilder, Limits, OrderKind,
    Shutdown,
};
use exchange_connectors::record::{
    BookSide, Fixed, Instrument, OrderQuantity, OrderShape, OrderTerms, PreparedOrder, Side, TimeInForce, UnixNanos,
    Venue,
};
use live::{exact, live_and_cancel, may_trade};
use rust_decimal::{Decimal, RoundingStrategy};
use std::time::Duration;

const SYMBOL: &str = "BTCUSD";
const STREAM_FOR: Duration = Duration::from_secs(20);
const HOUR_NS: u64 = 3_600_000_000_000;

fn connector(binance_us: BinanceUsConfig) -> Connector {
    let builder = GatewayBuilder::default()
        .without_state()
        .binance_us(binance_us)
        .limits(Limits::new().open_orders_per_strategy(1));
    Connector::new(Venue::BinanceUs, builder, ConnectorConfig::default())
}

/// Both halves of a key, or a word on what is missing.
fn credentials() -> Option<BinanceUsConfig> {
    live::has(&["BINANCE_US_API_KEY", "BINANCE_US_API_SECRET"])
        .then(|| BinanceUsConfig::from_env().expect("usable credentials"))
}

/// A whole book of the market, from the stream.
fn book(exchange: &mut Connector, time: Duration) -> Follower {
    live::book(exchange, SYMBOL, Channels::BOOK | Channels::TRADES, 200_000, time)
}

/// The smallest order the venue takes at half this price: (price, quantity).
fn smallest(instrument: &exchange_connectors::record::Listing, bid: Decimal) -> (Decimal, Decimal) {
    let (tick, lot) = (exact(instrument.tick), exact(instrument.lot));
    let price = (bid / Decimal::TWO / tick).floor() * tick;
    let lots = (exact(instrument.notional_min) / price / lot).round_dp_with_strategy(0, RoundingStrategy::AwayFromZero);
    let quantity = (lots * lot).max(exact(instrument.size_min));
    assert!(price * quantity < Decimal::from(20), "never more than twenty dollars: {quantity} at {price}");
    (price, quantity)
}

#[test]
#[ignore = "contacts the real venue"]
fn public_market_data_makes_a_whole_book() {
    let mut exchange = connector(BinanceUsConfig::default());
    exchange.connect().unwrap();
    let queries = exchange.gateway().unwrap().queries(Venue::BinanceUs).unwrap();
    let ours = exchange.gateway().unwrap().now();
    let theirs = queries.server_time().unwrap();
    assert!(ours.0.abs_diff(theirs.0) < 60_000_000_000, "clocks differ: {ours:?}, {theirs:?}");
    assert_eq!(queries.product(SYMBOL).unwrap().symbol.as_ref(), SYMBOL);
    let book = book(&mut exchange, STREAM_FOR);
    let (bid, ask) = (book.bid().unwrap().price, book.ask().unwrap().price);
    assert!(exact(bid) < exact(ask));
    assert!(book.len(BookSide::Bid) > 20 && book.len(BookSide::Ask) > 20);
}

#[test]
#[ignore = "contacts the real venue"]
fn everything_a_reading_key_may_ask_is_answered_and_an_order_is_checked() {
    let Some(binance_us) = credentials() else { return };
    let gateway = GatewayBuilder::default().without_state().binance_us(binance_us).without_limits().start().unwrap();
    let queries = gateway.binance_us().unwrap();
    let strategy = gateway.strategy().unwrap();
    let btc = gateway.subscribe(strategy.id(), Venue::BinanceUs, SYMBOL, Channels::NONE).unwrap();
    let account = queries.account().unwrap();
    eprintln!("{} balances, rates {:?} {:?}", account.balances.len(), account.maker_rate, account.taker_rate);
    let since = UnixNanos(gateway.now().0 - 24 * HOUR_NS);
    eprintln!(
        "{} open orders, {} orders, {} trades",
        queries.open_orders(&btc).unwrap().len(),
        queries.all_orders(&btc, None, UnixNanos::NONE).unwrap().len(),
        queries.my_trades(&btc, None, since).unwrap().len(),
    );
    let catalog = queries.catalog(None).unwrap();
    eprintln!("{} symbols, {} unreadable, limits {:?}", catalog.markets.len(), catalog.unreadable, catalog.limits);
    assert!(catalog.unreadable == 0 && !catalog.limits.is_empty());
    // Nothing reaches the matching engine.
    let mantissa = |value: Decimal, exponent: i8| Fixed::parse(&value.to_string()).unwrap().rescale(exponent).unwrap();
    let instrument: &Instrument = &btc;
    let (price, quantity) = smallest(&instrument.listing, Decimal::from(50_000));
    let shape = OrderShape::Limit { price: mantissa(price, btc.price_exponent), post_only: true, shown: None };
    let terms = OrderTerms::new(Side::Buy, OrderQuantity::Base(mantissa(quantity, btc.size_exponent)), shape);
    eprintln!("{:?}", queries.test_order(&btc, &PreparedOrder::new(&btc, terms).unwrap()));
    gateway.shutdown(Shutdown::LeaveOpen, 5_000).unwrap();
}

#[test]
#[ignore = "contacts the real venue; places an order if EXCHANGE_CONNECTORS_LIVE_ORDERS=1"]
fn one_smallest_order_far_from_the_market_is_placed_verified_and_cancelled() {
    if !may_trade() {
        return;
    }
    let Some(binance_us) = credentials() else { return };
    let mut exchange = connector(binance_us);
    exchange.connect().unwrap();
    let bid = exact(book(&mut exchange, STREAM_FOR).bid().unwrap().price);
    let listing = exchange.gateway().unwrap().queries(Venue::BinanceUs).unwrap().product(SYMBOL).unwrap();
    let (price, quantity) = smallest(&listing, bid);
    let kind = OrderKind::Limit { price, quantity, time_in_force: TimeInForce::GoodTilCancelled, post_only: true };
    live_and_cancel(exchange, SYMBOL, kind);
}
