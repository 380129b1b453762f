//! Paper trading behind the blocking facade and an inline handler; credentials that are configured are not used.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{decimal, is_state, Bench, RootFile, BTC, ORDERS};
use exchange_connectors::gateway::{
    Channels, Connector, ConnectorConfig, ExchangeConnector, ExchangeError, GatewayError, Handler, InlineOrders,
    OrderKind, OrderRequest, OrderStatus, PaperConfig,
};
use exchange_connectors::record::{
    ConnectionRole, ConnectionState, ExecutionKind as K, ExecutionRecord, MarketKind, MarketRecord, OrderCommand,
    RejectClass, Side, TimeInForce, Venue,
};
use exchange_connectors::sim::coinbase::LocalVenue;
use std::sync::mpsc::{channel, Sender};

fn paper() -> PaperConfig {
    let latency_ns = 2_000_000;
    let empty = PaperConfig::new(Venue::Coinbase).latency_ns(latency_ns, latency_ns).unwrap();
    empty.balance("USD", decimal("100000")).unwrap()
}

/// Nothing but public market data was asked for.
fn assert_untouched(venue: &LocalVenue) {
    assert_eq!(venue.requests(&format!("POST {ORDERS}")).unwrap(), 0);
    assert_eq!(venue.balance("USD").unwrap().unwrap().available, decimal("1000000"));
}

fn request(side: Side, kind: OrderKind) -> OrderRequest {
    OrderRequest { symbol: BTC.into(), side, kind }
}

fn limit(price: &str, quantity: &str) -> OrderKind {
    OrderKind::Limit {
        price: decimal(price),
        quantity: decimal(quantity),
        time_in_force: TimeInForce::GoodTilCancelled,
        post_only: true,
    }
}

#[test]
fn the_blocking_facade_trades_on_paper_and_sends_nothing() {
    // With credentials: they must not be used.
    let bench = Bench::new().gateway(|builder| builder.paper(paper()));
    let venue = bench.start_venue();
    let roots = RootFile::write(venue.ca_pem());
    let connector = Connector::new(Venue::Coinbase, bench.builder(&venue, &roots), ConnectorConfig::default());
    let mut exchange: Box<dyn ExchangeConnector> = Box::new(connector);
    exchange.connect().unwrap();

    let ack = exchange.place_order(&request(Side::Buy, limit("50000", "0.01"))).unwrap();
    assert!(ack.order.venue_order_id.as_str().starts_with("paper-"), "{ack:?}");
    let status = exchange.get_order_status(&ack.order).unwrap();
    assert_eq!((status.status, status.filled_quantity.to_string()), (OrderStatus::Open, "0".into()));
    let balance = |exchange: &mut dyn ExchangeConnector, asset: &str| {
        let all = exchange.get_account_balances().unwrap();
        let found = all.into_iter().find(|b| b.asset == asset).expect("an account");
        (found.available.to_string(), found.hold.to_string())
    };
    assert_eq!(balance(&mut *exchange, "USD"), ("99494".into(), "506".into()), "500 and the taker's fee of 1.2 %");
    assert_eq!(exchange.cancel_order(&ack.order), Ok(OrderStatus::Cancelled));
    assert_eq!(balance(&mut *exchange, "USD"), ("100000".into(), "0".into()));

    let market = OrderKind::MarketByValue { value: decimal("1000") };
    let ack = exchange.place_order(&request(Side::Buy, market)).unwrap();
    assert_eq!(exchange.cancel_order(&ack.order), Ok(OrderStatus::Filled), "it was filled first");
    let status = exchange.get_order_status(&ack.order).unwrap();
    assert!(status.fees.is_some_and(|fees| !fees.is_zero()), "{status:?}");
    assert_eq!(balance(&mut *exchange, "BTC").0, status.filled_quantity.to_string());

    let refused = exchange.place_order(&request(Side::Buy, limit("50000", "3"))).unwrap_err();
    let ExchangeError::Rejected { class, ref code, .. } = refused else { panic!("{refused:?}") };
    assert_eq!((class, code.as_str()), (RejectClass::InsufficientFunds, "INSUFFICIENT_FUND"));
    assert_untouched(&venue);
}

struct Inline {
    executions: Sender<ExecutionRecord>,
    healthy: bool,
    given: bool,
}

impl Handler for Inline {
    fn on_market(&mut self, records: &[MarketRecord], orders: &mut InlineOrders) {
        self.healthy |= records.iter().any(|r| is_state(r, ConnectionRole::User, ConnectionState::Healthy));
        let level = records.iter().find(|r| r.kind() == MarketKind::Level);
        if let (Some(level), true, false) = (level, self.healthy, self.given) {
            self.given = true;
            orders.submit(OrderCommand::market(level.instrument(), Side::Buy, 1_000_000)).unwrap();
        }
    }

    fn on_execution(&mut self, record: &ExecutionRecord, _: &mut InlineOrders) {
        let _ = self.executions.send(*record);
        if record.kind == K::Rejected {
            // The book was not whole yet: with the next level once more.
            self.given = false;
        }
    }
}

#[test]
fn an_inline_handler_trades_on_paper_without_credentials() {
    let bench = Bench::new().without_credentials().gateway(|builder| builder.paper(paper()));
    let venue = bench.start_venue();
    let roots = RootFile::write(venue.ca_pem());
    let (executions, told) = channel();
    let handler = Box::new(Inline { executions, healthy: false, given: false });
    let gateway = bench.builder(&venue, &roots).start_with_handler(handler).unwrap();
    let me = gateway.inline_strategy().unwrap();
    gateway.subscribe(me, Venue::Coinbase, BTC, Channels::BOOK).unwrap();
    let mut kinds = Vec::new();
    // Behind the fill stands what is held now, both sides, as live.
    while kinds.iter().filter(|kind| **kind == K::Position).count() < 2 {
        if told.recv_timeout(std::time::Duration::from_millis(50)).map(|record| kinds.push(record.kind)).is_err() {
            venue.step(1).unwrap();
        }
        assert!(kinds.len() < 1_000, "{kinds:?}");
    }
    let of_order: Vec<_> = kinds.into_iter().filter(|kind| ![K::Balance, K::Rejected].contains(kind)).collect();
    assert_eq!(of_order, [K::Accepted, K::Fill, K::Filled, K::Position, K::Position]);
    assert_untouched(&venue);
    assert_eq!(gateway.paper_balances(Venue::BinanceUs), Err(GatewayError::NotOnPaper(Venue::BinanceUs)));
}

#[test]
fn a_paper_account_at_a_venue_that_is_not_spoken_to_is_refused() {
    let builder = exchange_connectors::GatewayBuilder::default().without_state().paper(paper());
    let other = builder.binance_us(exchange_connectors::gateway::BinanceUsConfig::default());
    assert_eq!(other.start().map(|_| ()), Err(GatewayError::VenueNotConfigured(Venue::Coinbase)));
}
