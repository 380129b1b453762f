//! The blocking facade refuses what cannot work before anything is sent, and says which argument, which call, which
//! credential; a failed `connect` can be repeated.

use crate::common::{self, decimal, Bench, RootFile, BTC, ORDERS};
use exchange_connectors::gateway::{
    Channels, CoinbaseConfig, Connector, ConnectorConfig, ExchangeConnector, ExchangeError, GatewayBuilder,
    OrderHandle, OrderKind, OrderRequest,
};
use exchange_connectors::record::{RejectClass, Side, TimeInForce, Venue};
use std::time::{Duration, Instant};

fn request(symbol: &str, kind: OrderKind) -> OrderRequest {
    OrderRequest { symbol: symbol.into(), side: Side::Buy, kind }
}

fn limit(price: &str, quantity: &str) -> OrderKind {
    let time_in_force = TimeInForce::GoodTilCancelled;
    OrderKind::Limit { price: decimal(price), quantity: decimal(quantity), time_in_force, post_only: false }
}

fn some_order() -> OrderHandle {
    OrderHandle {
        symbol: BTC.into(),
        client_order_id: "xc-none-1".parse().unwrap(),
        venue_order_id: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
    }
}

#[test]
fn an_argument_that_cannot_work_is_named_and_nothing_is_sent() {
    let bench = Bench::new();
    let venue = bench.start_venue();
    let roots = RootFile::write(venue.ca_pem());
    let mut exchange = Connector::new(Venue::Coinbase, bench.builder(&venue, &roots), ConnectorConfig::default());
    exchange.connect().unwrap();
    let market = |quantity: &str| OrderKind::Market { quantity: decimal(quantity) };
    for (request, argument) in [
        (request(BTC, limit("0", "1")), "price"),
        (request(BTC, limit("-5", "1")), "price"),
        (request(BTC, limit("50000", "0")), "quantity"),
        (request(BTC, limit("50000", "-1")), "quantity"),
        (request(BTC, limit("50000", "0.0000000000000001")), "quantity"),
        (request(BTC, limit("79228162514264337593543950335", "1")), "price"),
        (request(BTC, market("0")), "quantity"),
        (request(BTC, OrderKind::MarketByValue { value: decimal("-1") }), "value"),
        (request("NOPE-USD", limit("50000", "1")), "symbol"),
        (request("", limit("50000", "1")), "symbol"),
    ] {
        let error = exchange.place_order(&request).unwrap_err();
        assert!(matches!(&error, ExchangeError::InvalidArgument { argument: a, .. } if *a == argument), "{error:?}");
        assert!(error.to_string().starts_with(argument), "{error}");
        assert!(!error.is_retryable() && !error.is_ambiguous(), "{error}");
    }
    // Off the increments: refused by a check of ours, in the vocabulary of records.
    for (kind, class) in
        [(limit("50000.001", "1"), RejectClass::InvalidPrice), (limit("50000", "1000000"), RejectClass::InvalidSize)]
    {
        let error = exchange.place_order(&request(BTC, kind)).unwrap_err();
        assert!(matches!(&error, ExchangeError::Rejected { class: c, .. } if *c == class), "{error:?}");
    }
    assert_eq!(venue.requests(&format!("POST {ORDERS}")).unwrap(), 0, "nothing was sent");

    for (symbols, channels, argument) in [
        (&[][..], Channels::BOOK, "symbols"),
        (&[BTC][..], Channels::NONE, "channels"),
        (&[BTC, "NOPE-USD"][..], Channels::BOOK, "symbol"),
    ] {
        let error = exchange.start_market_stream(symbols, channels).map(|_| ()).unwrap_err();
        assert!(matches!(&error, ExchangeError::InvalidArgument { argument: a, .. } if *a == argument), "{error:?}");
    }

    let error = exchange.get_order_status(&some_order()).unwrap_err();
    assert!(matches!(&error, ExchangeError::Rejected { class: RejectClass::UnknownOrder, .. }), "{error:?}");
    let error = exchange.cancel_order(&some_order()).unwrap_err();
    assert!(matches!(&error, ExchangeError::Rejected { operation: "cancel", .. }), "{error:?}");
}

#[test]
fn calls_before_connect_say_so_and_may_be_repeated() {
    let builder = GatewayBuilder::default().without_state().coinbase(CoinbaseConfig::default());
    let mut exchange: Box<dyn ExchangeConnector> =
        Box::new(Connector::new(Venue::Coinbase, builder, ConnectorConfig::default()));
    for error in [
        exchange.place_order(&request(BTC, limit("1", "1"))).unwrap_err(),
        exchange.cancel_order(&some_order()).unwrap_err(),
        exchange.get_order_status(&some_order()).unwrap_err(),
        exchange.get_account_balances().unwrap_err(),
        exchange.start_market_stream(&[BTC], Channels::BOOK).map(|_| ()).unwrap_err(),
    ] {
        assert!(matches!(&error, ExchangeError::NotConnected { venue: Venue::Coinbase, .. }), "{error:?}");
        assert!(error.to_string().contains("before `connect`"), "{error}");
        assert!(error.is_retryable() && !error.is_ambiguous());
    }
}

#[test]
fn without_credentials_market_data_works_and_trading_names_what_is_missing() {
    let bench = Bench::new().without_credentials();
    let venue = bench.start_venue();
    let roots = RootFile::write(venue.ca_pem());
    let mut exchange = Connector::new(Venue::Coinbase, bench.builder(&venue, &roots), ConnectorConfig::default());
    exchange.connect().unwrap();
    let mut feed = exchange.start_market_stream(&[BTC], Channels::BOOK).unwrap();
    assert!(feed.next(common::PATIENCE).is_some());
    for error in [
        exchange.place_order(&request(BTC, limit("1", "1"))).unwrap_err(),
        exchange.get_account_balances().unwrap_err(),
    ] {
        assert!(matches!(&error, ExchangeError::NoCredentials(Venue::Coinbase, _)), "{error:?}");
        assert!(error.to_string().contains("COINBASE_API_KEY"), "{error}");
        assert!(!error.is_retryable() && !error.is_ambiguous());
    }
}

#[test]
fn credentials_without_limits_are_refused_by_name() {
    let venue = Bench::new().start_venue();
    let key = venue.credentials();
    let config = CoinbaseConfig::default().credentials(key.name(), key.secret()).unwrap();
    let builder = GatewayBuilder::default().without_state().coinbase(config);
    let error = Connector::new(Venue::Coinbase, builder, ConnectorConfig::default()).connect().unwrap_err();
    assert!(matches!(&error, ExchangeError::InvalidArgument { argument: "limits", .. }), "{error:?}");
}

#[test]
fn a_connect_that_failed_in_its_time_can_be_repeated() {
    let bench = Bench::new();
    let venue = bench.start_venue();
    let roots = RootFile::write(venue.ca_pem());
    let config = ConnectorConfig { connect_timeout_ms: 400, ..ConnectorConfig::default() };
    let mut exchange = Connector::new(Venue::Coinbase, bench.builder(&venue, &roots), config);
    venue.down().unwrap();
    let started = Instant::now();
    let error = exchange.connect().unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5), "it keeps its time");
    assert!(matches!(&error, ExchangeError::NotConnected { .. }) && error.is_retryable(), "{error:?}");
    assert!(error.to_string().contains("no market data") && error.to_string().contains("400 ms"), "{error}");
    venue.up().unwrap().unwrap();
    let deadline = Instant::now() + common::PATIENCE;
    while let Err(error) = exchange.connect() {
        assert!(error.is_retryable(), "{error}");
        assert!(Instant::now() < deadline, "{error}");
    }
    assert!(exchange.get_account_balances().is_ok());
}

#[test]
fn a_time_that_cannot_work_is_named_before_anything_is_dialled() {
    let venue = Bench::new().start_venue();
    let roots = RootFile::write(venue.ca_pem());
    let usual = ConnectorConfig::default();
    for (config, argument) in [
        (ConnectorConfig { connect_timeout_ms: 0, ..usual }, "connect_timeout_ms"),
        (ConnectorConfig { order_timeout_ms: 0, ..usual }, "order_timeout_ms"),
        (ConnectorConfig { order_timeout_ms: u64::MAX, ..usual }, "order_timeout_ms"),
    ] {
        let error =
            Connector::new(Venue::Coinbase, Bench::new().builder(&venue, &roots), config).connect().unwrap_err();
        assert!(matches!(&error, ExchangeError::InvalidArgument { argument: a, .. } if *a == argument), "{error:?}");
    }
    assert_eq!(venue.connections_accepted().unwrap(), 0);
}
