//! The real venue. Ignored unless asked for: `cargo test --test live_coinbase -- --ignored`.
//!
//! Reads `COINBASE_API_KEY` and `COINBASE_API_SECRET`; without them every test that needs them says so and passes. Only
//! with `EXCHANGE_CONNECTORS_LIVE_ORDERS=1` is an order placed: post-only, of the smallest size, half the market price
//! away, cancelled and verified before the test ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod live;

use exchange_connectors::book::Follower;
use exchange_connectors::gateway::{
    Channels, CoinbaseConfig, Connector, ConnectorConfig, ExchangeConnector, GatewayBuilder, Limits, MarketSource,
    OrderKind, Shutdown,
};
use exchange_connectors::record::{
    BookSide, OrderQuantity, OrderShape, OrderTerms, PreparedOrder, Side, TimeInForce, UnixNanos, Venue,
};
use exchange_connectors::venue::coinbase::cold::{FillFilter, Granularity, OrderFilter};
use live::{exact, live_and_cancel, may_trade};
use rust_decimal::{Decimal, RoundingStrategy};
use std::time::Duration;

const SYMBOL: &str = "BTC-USD";
const STREAM_FOR: Duration = Duration::from_secs(10);

fn connector(coinbase: CoinbaseConfig) -> Connector {
    let builder =
        GatewayBuilder::default().without_state().coinbase(coinbase).limits(Limits::new().open_orders_per_strategy(1));
    Connector::new(Venue::Coinbase, builder, ConnectorConfig::default())
}

/// Both halves of a key, or a word on what is missing.
fn credentials() -> Option<CoinbaseConfig> {
    live::has(&["COINBASE_API_KEY", "COINBASE_API_SECRET"])
        .then(|| CoinbaseConfig::from_env().expect("usable credentials"))
}

/// A whole book of the market, from the stream.
fn book(exchange: &mut Connector, time: Duration) -> Follower {
    live::book(exchange, SYMBOL, Channels::BOOK | Channels::TRADES, 200_000, time)
}

#[test]
#[ignore = "contacts the real venue"]
fn public_market_data_makes_a_whole_book() {
    let mut exchange = connector(CoinbaseConfig::default());
    exchange.connect().unwrap();
    let queries = exchange.gateway().unwrap().queries(Venue::Coinbase).unwrap();
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
fn the_public_exchange_feed_makes_the_same_book() {
    let mut exchange = connector(CoinbaseConfig::default().market_source(MarketSource::Exchange));
    exchange.connect().unwrap();
    let book = book(&mut exchange, STREAM_FOR);
    assert!(book.len(BookSide::Bid) > 100 && book.len(BookSide::Ask) > 100);
}

#[test]
#[ignore = "contacts the real venue"]
fn the_authenticated_exchange_feed_makes_the_same_book() {
    let names = ["COINBASE_EXCHANGE_API_KEY", "COINBASE_EXCHANGE_API_SECRET", "COINBASE_EXCHANGE_API_PASSPHRASE"];
    if !live::has(&names) {
        return;
    }
    let coinbase = CoinbaseConfig::market_data_from_env().expect("a usable key");
    let mut exchange = connector(coinbase.market_source(MarketSource::ExchangeAuthenticated));
    exchange.connect().unwrap();
    book(&mut exchange, STREAM_FOR);
}

#[test]
#[ignore = "contacts the real venue"]
fn two_feeds_tell_each_trade_once_and_who_was_first() {
    let coinbase = CoinbaseConfig::default().redundant_market_source(MarketSource::Exchange);
    let mut exchange = connector(coinbase);
    exchange.connect().unwrap();
    book(&mut exchange, STREAM_FOR);
    let figures = exchange.gateway().unwrap().telemetry().feeds();
    eprintln!("{figures:?}, shares in thousandths {:?}", figures.win_permille());
    assert!(figures.trades_repeated > 0, "both brought trades");
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
#[ignore = "contacts the real venue"]
fn everything_a_view_key_may_ask_is_answered() {
    let Some(coinbase) = credentials() else { return };
    let gateway = GatewayBuilder::default().without_state().coinbase(coinbase).without_limits().start().unwrap();
    let queries = gateway.coinbase().unwrap();
    eprintln!(
        "{:?}\n{:?}\n{:?}",
        queries.key_permissions().unwrap(),
        queries.clock().unwrap(),
        queries.fees().unwrap()
    );
    let orders = queries.orders_page(&OrderFilter::default(), "").unwrap();
    let fills = queries.fills_page(&FillFilter::default(), "").unwrap();
    eprintln!(
        "{} orders, {} fills, {} accounts",
        orders.rows.len(),
        fills.rows.len(),
        queries.accounts().unwrap().len()
    );
    let until = gateway.now();
    let since = UnixNanos(until.0 - 3_600_000_000_000);
    assert!(!queries.candles(SYMBOL, Granularity::FiveMinutes, since, until).unwrap().is_empty());
    assert_eq!(queries.best_bid_ask(&[SYMBOL]).unwrap().len(), 1);
    assert_eq!(queries.product_book(SYMBOL, 5).unwrap().bids.len(), 5);
    assert!(!queries.trades(SYMBOL, 5).unwrap().trades.is_empty());
    let strategy = gateway.strategy().unwrap();
    let btc = gateway.subscribe(strategy.id(), Venue::Coinbase, SYMBOL, Channels::NONE).unwrap();
    // A preview places nothing.
    let size = OrderQuantity::Base(btc.listing.size_min.rescale(btc.size_exponent).unwrap() * 100_000);
    let terms = OrderTerms::new(Side::Buy, size, OrderShape::Market { worst_price: None });
    let preview = queries.preview(&btc, &PreparedOrder::new(&btc, terms).unwrap()).unwrap();
    eprintln!("{preview:?}");
    gateway.shutdown(Shutdown::LeaveOpen, 5_000).unwrap();
}

#[test]
#[ignore = "contacts the real venue; places an order if EXCHANGE_CONNECTORS_LIVE_ORDERS=1"]
fn one_smallest_order_far_from_the_market_is_placed_verified_and_cancelled() {
    if !may_trade() {
        return;
    }
    let Some(coinbase) = credentials() else { return };
    let mut exchange = connector(coinbase);
    exchange.connect().unwrap();
    let bid = book(&mut exchange, Duration::from_secs(3)).bid().unwrap().price.to_decimal().unwrap();
    let listing = exchange.gateway().unwrap().queries(Venue::Coinbase).unwrap().product(SYMBOL).unwrap();
    let (tick, lot) = (exact(listing.tick), exact(listing.lot));
    let price = (bid / Decimal::TWO / tick).floor() * tick;
    let smallest =
        (exact(listing.notional_min) / price / lot).round_dp_with_strategy(0, RoundingStrategy::AwayFromZero);
    let quantity = (smallest * lot).max(exact(listing.size_min));
    assert!(price * quantity < Decimal::TEN, "never more than ten dollars: {quantity} at {price}");
    let kind = OrderKind::Limit { price, quantity, time_in_force: TimeInForce::GoodTilCancelled, post_only: true };
    live_and_cancel(exchange, SYMBOL, kind);
}
