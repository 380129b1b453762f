//! The blocking facade at Binance.US, used as a trait object: the same calls, the same answers as at Coinbase.

use crate::binance_us::{endpoints, venue_book, Levels};
use crate::common::{self, decimal, fast_rules, RootFile, PATIENCE};
use exchange_connectors::book::{Follower, FollowerState};
use exchange_connectors::gateway::{
    BinanceUsConfig, Channels, Connector, ConnectorConfig, ExchangeConnector, ExchangeError, GatewayBuilder, OrderKind,
    OrderRequest, OrderStatus,
};
use exchange_connectors::record::{BookSide, MarketKind, RejectClass, Side, TimeInForce, Venue};
use exchange_connectors::sim::binance_us::{Config, LocalBinanceUs, Side as VenueSide};
use rust_decimal::Decimal;
use std::time::{Duration, Instant};

const BTC: &str = "BTCUSD";

fn venue() -> (LocalBinanceUs, RootFile) {
    common::logs();
    let venue = LocalBinanceUs::start(Config::quiet()).unwrap();
    let roots = RootFile::write(venue.ca_pem());
    (venue, roots)
}

fn connector(config: BinanceUsConfig, roots: &RootFile) -> Box<dyn ExchangeConnector> {
    let builder = GatewayBuilder::default().without_state().binance_us(config).root_certificates(&roots.path);
    let builder = builder.without_limits().reconcile(fast_rules());
    Box::new(Connector::new(Venue::BinanceUs, builder, ConnectorConfig::default()))
}

fn order(kind: OrderKind) -> OrderRequest {
    OrderRequest { symbol: BTC.into(), side: Side::Buy, kind }
}

fn limit(price: &str, quantity: &str) -> OrderRequest {
    order(OrderKind::Limit {
        price: decimal(price),
        quantity: decimal(quantity),
        time_in_force: TimeInForce::GoodTilCancelled,
        post_only: true,
    })
}

#[test]
fn an_order_lives_its_whole_life_through_a_trait_object() {
    let (venue, roots) = venue();
    let config = BinanceUsConfig::default().endpoints(endpoints(&venue));
    let mut exchange = connector(config.credentials(venue.key().key(), venue.key().secret()).unwrap(), &roots);
    exchange.connect().unwrap();
    exchange.connect().expect("connecting twice does nothing");
    let balance = |exchange: &mut dyn ExchangeConnector, asset: &str| {
        let all = exchange.get_account_balances().unwrap();
        let found = all.into_iter().find(|b| b.asset == asset).expect("an account");
        (decimal(&found.available.to_string()), decimal(&found.hold.to_string()))
    };
    assert_eq!(balance(&mut *exchange, "USD"), (decimal("1000000"), Decimal::ZERO));

    let ack = exchange.place_order(&limit("50000", "0.01")).unwrap();
    assert!(!ack.reconciled);
    assert_eq!(ack.order.symbol, BTC);
    let report = exchange.get_order_status(&ack.order).unwrap();
    assert_eq!((report.status, report.filled_quantity.to_decimal()), (OrderStatus::Open, Ok(Decimal::ZERO)));
    assert_eq!(report.order, ack.order);
    assert_eq!(balance(&mut *exchange, "USD").1, decimal("500"), "the bid holds its value");

    let id = ack.order.client_order_id;
    assert_eq!(venue.fill_order(id.as_str(), decimal("0.004")).unwrap(), decimal("0.004"));
    let report = exchange.get_order_status(&ack.order).unwrap();
    assert_eq!((report.status, report.filled_quantity.to_decimal()), (OrderStatus::Open, Ok(decimal("0.004"))));
    assert_eq!(report.filled_value.map(|v| decimal(&v.to_string())), Some(decimal("200")));

    assert_eq!(exchange.cancel_order(&ack.order), Ok(OrderStatus::Cancelled));
    assert_eq!(exchange.get_order_status(&ack.order).unwrap().status, OrderStatus::Cancelled);
    assert_eq!(venue.order(id.as_str()).unwrap().unwrap().1, "CANCELED");
    assert_eq!(balance(&mut *exchange, "USD").1, Decimal::ZERO, "nothing is held any more");
    assert_eq!(exchange.cancel_order(&ack.order), Ok(OrderStatus::Cancelled), "cancelling may be repeated");

    let ack = exchange.place_order(&order(OrderKind::MarketByValue { value: decimal("100") })).unwrap();
    assert_eq!(exchange.cancel_order(&ack.order), Ok(OrderStatus::Filled), "it was filled first");

    let refused = exchange.place_order(&limit("50000", "3000")).unwrap_err();
    let ExchangeError::Rejected { venue: Venue::BinanceUs, operation: "place", class, ref code } = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(class, RejectClass::InsufficientFunds);
    assert!(code.contains("-2010"), "{code}");
    assert!(!refused.is_retryable() && !refused.is_ambiguous());
    let unknown = exchange.place_order(&OrderRequest { symbol: "BTC-USD".into(), ..limit("1", "1") }).unwrap_err();
    assert!(matches!(unknown, ExchangeError::InvalidArgument { argument: "symbol", .. }), "{unknown:?}");
}

#[test]
fn a_feed_gives_a_snapshot_then_changes_and_without_a_key_orders_name_what_is_missing() {
    let (venue, roots) = venue();
    let mut exchange = connector(BinanceUsConfig::default().endpoints(endpoints(&venue)), &roots);
    exchange.connect().unwrap();
    let mut feed = exchange.start_market_stream(&["ETHUSD", BTC], Channels::BOOK | Channels::TRADES).unwrap();
    let symbols: Vec<&str> = feed.instruments.iter().map(|i| i.symbol()).collect();
    assert_eq!(symbols, ["ETHUSD", BTC]);
    let mut books: Vec<Follower> = feed.instruments.iter().map(|i| Follower::new(i.id, 1_000)).collect();
    let held = |book: &Follower| -> Levels {
        [BookSide::Bid, BookSide::Ask].map(|side| {
            let number = |text: String| decimal(&text).normalize();
            book.levels(side).map(|l| (number(l.price.to_string()), number(l.size.to_string()))).collect()
        })
    };
    let (bid, _) = venue.best(BTC).unwrap();
    let mut traded = Decimal::ZERO;
    let mut trades = 0;
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "{trades} trades");
        if let Some(record) = feed.next(Duration::from_millis(20)) {
            trades += usize::from(record.kind() == MarketKind::Trade);
            for book in &mut books {
                book.apply(&record);
            }
            continue;
        }
        let whole = books.iter().all(|book| book.state() == FollowerState::Whole);
        if whole && traded.is_zero() {
            traded = venue.trade_against(BTC, VenueSide::Sell, bid.unwrap(), decimal("0.01")).unwrap();
            assert!(traded > Decimal::ZERO);
        }
        let equal = books.iter().zip(&feed.instruments).all(|(b, i)| held(b) == venue_book(&venue, i.symbol()));
        if whole && trades > 0 && equal {
            break;
        }
    }
    for error in [exchange.place_order(&limit("1", "1")).unwrap_err(), exchange.get_account_balances().unwrap_err()] {
        assert!(matches!(&error, ExchangeError::NoCredentials(Venue::BinanceUs, _)), "{error:?}");
        assert!(error.to_string().contains("BINANCE_US_API_KEY"), "{error}");
    }
}
