//! The blocking facade, used as a trait object: connect, balances, place, status, part fill, cancel, verify.

use crate::common::{decimal, Bench, RootFile, BTC};
use exchange_connectors::gateway::{
    Connector, ConnectorConfig, ExchangeConnector, ExchangeError, OrderKind, OrderRequest, OrderStatus,
};
use exchange_connectors::record::{RejectClass, Side, TimeInForce, Venue};

fn limit(price: &str, quantity: &str) -> OrderRequest {
    let kind = OrderKind::Limit {
        price: decimal(price),
        quantity: decimal(quantity),
        time_in_force: TimeInForce::GoodTilCancelled,
        post_only: true,
    };
    OrderRequest { symbol: BTC.into(), side: Side::Buy, kind }
}

#[test]
fn an_order_lives_its_whole_life_through_a_trait_object() {
    let bench = Bench::new();
    let venue = bench.start_venue();
    let roots = RootFile::write(venue.ca_pem());
    let connector = Connector::new(Venue::Coinbase, bench.builder(&venue, &roots), ConnectorConfig::default());
    let mut exchange: Box<dyn ExchangeConnector> = Box::new(connector);

    exchange.connect().unwrap();
    exchange.connect().expect("connecting twice does nothing");
    let balance = |exchange: &mut dyn ExchangeConnector, asset: &str| {
        let all = exchange.get_account_balances().unwrap();
        let found = all.into_iter().find(|b| b.asset == asset).expect("an account");
        (found.available.to_string(), found.hold.to_string())
    };
    assert_eq!(balance(&mut *exchange, "USD"), ("1000000".into(), "0".into()));

    let ack = exchange.place_order(&limit("50000", "0.01")).unwrap();
    assert!(!ack.reconciled);
    assert_eq!(ack.order.symbol, BTC);
    let status = exchange.get_order_status(&ack.order).unwrap();
    assert_eq!((status.status, status.filled_quantity.to_string()), (OrderStatus::Open, "0".into()));
    assert_eq!(status.order, ack.order);
    let (_, held) = balance(&mut *exchange, "USD");
    assert!(decimal(&held) >= decimal("500"), "the bid holds its value: {held}");

    let id = ack.order.client_order_id;
    assert_eq!(venue.fill_order(id.as_str(), decimal("0.004")).unwrap(), decimal("0.004"));
    let status = exchange.get_order_status(&ack.order).unwrap();
    assert_eq!((status.status, status.filled_quantity.to_string()), (OrderStatus::Open, "0.004".into()));
    assert_eq!(status.filled_value.map(|v| v.to_string()).as_deref(), Some("200"));

    assert_eq!(exchange.cancel_order(&ack.order), Ok(OrderStatus::Cancelled));
    let status = exchange.get_order_status(&ack.order).unwrap();
    assert_eq!((status.status, status.filled_quantity.to_string()), (OrderStatus::Cancelled, "0.004".into()));
    assert_eq!(venue.order(id.as_str()).unwrap().unwrap().1, "CANCELLED");
    assert_eq!(balance(&mut *exchange, "USD").1, "0", "nothing is held any more");
    assert_eq!(balance(&mut *exchange, "BTC").0, "10.004");

    assert_eq!(exchange.cancel_order(&ack.order), Ok(OrderStatus::Cancelled), "cancelling may be repeated");

    let market =
        OrderRequest { symbol: BTC.into(), side: Side::Buy, kind: OrderKind::MarketByValue { value: decimal("100") } };
    let ack = exchange.place_order(&market).unwrap();
    assert_eq!(exchange.cancel_order(&ack.order), Ok(OrderStatus::Filled), "it was filled first");

    let refused = exchange.place_order(&limit("50000", "3000")).unwrap_err();
    let ExchangeError::Rejected { venue: Venue::Coinbase, operation: "place", class, ref code } = refused else {
        panic!("{refused:?}");
    };
    assert_eq!((class, code.as_str()), (RejectClass::InsufficientFunds, "INSUFFICIENT_FUND"));
    assert!(!refused.is_retryable() && !refused.is_ambiguous());
}
