//! The blocking facade and a reply that never comes: settled by queries if they can tell, else ambiguous and never
//! retryable, within the configured time.

use crate::common::{decimal, fast_rules, Bench, RootFile, BTC, LIST_ORDERS, ORDERS};
use exchange_connectors::gateway::{
    Connector, ConnectorConfig, ExchangeConnector, ExchangeError, OrderKind, OrderRequest, OrderStatus,
};
use exchange_connectors::order::ReconcileRules;
use exchange_connectors::record::{Side, TimeInForce, Venue};
use exchange_connectors::sim::coinbase::LocalVenue;
use exchange_connectors::sim::server::{CloseHow, Fault, FaultRule};
use std::time::{Duration, Instant};

const ORDER_TIMEOUT_MS: u64 = 700;

fn bid() -> OrderRequest {
    let kind = OrderKind::Limit {
        price: decimal("50000"),
        quantity: decimal("0.01"),
        time_in_force: TimeInForce::GoodTilCancelled,
        post_only: true,
    };
    OrderRequest { symbol: BTC.into(), side: Side::Buy, kind }
}

fn connected(rules: ReconcileRules, timeout_ms: u64) -> (LocalVenue, Connector, RootFile) {
    let bench = Bench::new().reply_timeout_ms(200).gateway(move |builder| builder.reconcile(rules));
    let venue = bench.start_venue();
    let roots = RootFile::write(venue.ca_pem());
    let config = ConnectorConfig { order_timeout_ms: timeout_ms, ..ConnectorConfig::default() };
    let mut exchange = Connector::new(Venue::Coinbase, bench.builder(&venue, &roots), config);
    exchange.connect().unwrap();
    (venue, exchange, roots)
}

#[test]
fn an_order_whose_reply_was_lost_is_found_and_acknowledged_as_reconciled() {
    let (venue, mut exchange, _roots) = connected(fast_rules(), 10_000);
    venue.hold_user_events().unwrap();
    venue.inject_next("POST", ORDERS, Fault::ThenClose(CloseHow::Reset)).unwrap();
    let ack = exchange.place_order(&bid()).unwrap();
    assert!(ack.reconciled, "{ack:?}");
    assert_eq!(venue.orders_received(ack.order.client_order_id.as_str()).unwrap(), 1, "never sent twice");
    venue.release_user_events().unwrap();
    assert_eq!(exchange.cancel_order(&ack.order), Ok(OrderStatus::Cancelled));
}

#[test]
fn an_order_nobody_can_tell_about_is_ambiguous_and_never_resent() {
    let patient = ReconcileRules { absence_grace_ms: 60_000, ..fast_rules() };
    let (venue, mut exchange, _roots) = connected(patient, ORDER_TIMEOUT_MS);
    venue.hold_user_events().unwrap();
    venue.inject(FaultRule::next("GET", LIST_ORDERS, Fault::Silence).times(100)).unwrap();
    venue.inject_next("POST", ORDERS, Fault::ThenSilence).unwrap();
    let started = Instant::now();
    let error = exchange.place_order(&bid()).unwrap_err();
    assert!(started.elapsed() < Duration::from_millis(ORDER_TIMEOUT_MS) + Duration::from_secs(2));
    assert!(error.is_ambiguous() && !error.is_retryable(), "{error:?}");
    let ExchangeError::OutcomeUnknown { venue: Venue::Coinbase, operation: "place", ref client_order_id, .. } = error
    else {
        panic!("{error:?}");
    };
    assert!(error.to_string().contains("do not resend"), "{error}");
    assert_eq!(venue.orders_received(client_order_id).unwrap(), 1, "never sent twice");
}

#[test]
fn a_place_or_cancel_without_any_answer_in_time_is_ambiguous() {
    let bench = Bench::new();
    let venue = bench.start_venue();
    let roots = RootFile::write(venue.ca_pem());
    let config = ConnectorConfig { order_timeout_ms: 300, ..ConnectorConfig::default() };
    let mut exchange = Connector::new(Venue::Coinbase, bench.builder(&venue, &roots), config);
    exchange.connect().unwrap();
    let ack = exchange.place_order(&bid()).unwrap();
    venue.hold_cancels().unwrap();
    let error = exchange.cancel_order(&ack.order).unwrap_err();
    assert!(matches!(&error, ExchangeError::Timeout { operation: "cancel", timeout_ms: 300, .. }), "{error:?}");
    assert!(error.is_ambiguous() && !error.is_retryable(), "{error}");
    venue.release_cancels().unwrap();

    venue.hold_user_events().unwrap();
    venue.inject_next("POST", ORDERS, Fault::ThenSilence).unwrap();
    let error = exchange.place_order(&bid()).unwrap_err();
    assert!(matches!(&error, ExchangeError::Timeout { operation: "place", .. }), "{error:?}");
    assert!(error.is_ambiguous() && !error.is_retryable(), "{error}");
}
