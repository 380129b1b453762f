//! The same life of an order at all three venues, with the same code: connect, place, status, cancel, verify; through one
//! gateway's rings, through `ExchangeConnector`, and across the death of a session.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/binance_us.rs"]
mod binance_us;
mod common;
#[path = "common/oanda.rs"]
mod oanda;

use common::ear::takes_orders;
use common::scratch::Scratch;
use common::{canary_credentials, decimal, fast_rules, quiet_venue, RootFile};
use exchange_connectors::gateway::{
    BinanceUsConfig, Channels, CoinbaseConfig, Connector, ConnectorConfig, ExchangeConnector, ExchangeError, Gateway,
    GatewayBuilder, OrderKind, OrderRequest, OrderStatus, Shutdown, Strategy,
};
use exchange_connectors::order;
use exchange_connectors::record::{
    ExecutionKind as K, ExecutionRecord, Fixed, OrderCommand, OrderRef, RejectClass, RequestId, Side, TimeInForce,
    UnixNanos, Venue, EXECUTION_FLAG_LAST, EXECUTION_FLAG_REPLAYED,
};
use exchange_connectors::sim::binance_us::{Config as BinanceUsVenue, LocalBinanceUs};
use exchange_connectors::sim::coinbase::LocalVenue;
use exchange_connectors::sim::oanda::LocalOanda;
use exchange_connectors::sim::server::{Fault, FaultRule};
use rust_decimal::Decimal;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

/// What is traded where: far below the market, so that it rests.
const ORDERS: [(Venue, &str, &str, &str); 3] = [
    (Venue::Coinbase, "BTC-USD", "50000", "0.01"),
    (Venue::BinanceUs, "BTCUSD", "50000", "0.01"),
    (Venue::Oanda, "EUR_USD", "1.1", "100"),
];

struct Venues {
    coinbase: LocalVenue,
    binance_us: LocalBinanceUs,
    oanda: LocalOanda,
    roots: RootFile,
}

impl Venues {
    fn start() -> Venues {
        common::logs();
        let coinbase = LocalVenue::start(quiet_venue()).unwrap();
        let binance_us = LocalBinanceUs::start(BinanceUsVenue::quiet()).unwrap();
        let oanda = oanda::quiet_venue(|_| {});
        let roots = RootFile::write(&[coinbase.ca_pem(), binance_us.ca_pem(), oanda.ca_pem()].concat());
        Venues { coinbase, binance_us, oanda, roots }
    }

    fn builder(&self) -> GatewayBuilder {
        let key = canary_credentials();
        let coinbase = CoinbaseConfig::default().endpoints(common::endpoints(&self.coinbase));
        let binance_us = BinanceUsConfig::default().endpoints(binance_us::endpoints(&self.binance_us));
        let secret = self.binance_us.key();
        GatewayBuilder::default()
            .coinbase(coinbase.credentials(key.name(), key.secret()).unwrap())
            .binance_us(binance_us.credentials(secret.key(), secret.secret()).unwrap())
            .oanda(oanda::config(&self.oanda))
            .root_certificates(&self.roots.path)
            .without_limits()
            .without_state()
            .reconcile(fast_rules())
            .without_reactor_watch()
    }

    /// Somebody trades with all of an order.
    fn fill(&self, venue: Venue, client_order_id: &str) {
        let (_, _, _, quantity) = ORDERS.into_iter().find(|(at, ..)| *at == venue).unwrap();
        let traded = match venue {
            Venue::Coinbase => self.coinbase.fill_order(client_order_id, decimal(quantity)).unwrap(),
            Venue::BinanceUs => self.binance_us.fill_order(client_order_id, decimal(quantity)).unwrap(),
            Venue::Oanda => self.oanda.fill_order(client_order_id).unwrap(),
        };
        assert_eq!(traded, decimal(quantity), "{venue}");
    }

    /// How the venue itself says that our order stands: still open or not, whichever word it has for it.
    fn is_open(&self, venue: Venue, client_order_id: &str) -> bool {
        let state = match venue {
            Venue::Coinbase => self.coinbase.order(client_order_id).unwrap().unwrap().1,
            Venue::BinanceUs => self.binance_us.order(client_order_id).unwrap().unwrap().1,
            Venue::Oanda => self.oanda.order(client_order_id).unwrap().unwrap().1,
        };
        matches!(state, "OPEN" | "NEW" | "PENDING")
    }
}

#[track_caller]
fn expect(strategy: &mut Strategy, seen: &mut Vec<ExecutionRecord>, request: RequestId, kind: K) -> ExecutionRecord {
    until_told(strategy, seen, request, &[kind])
}

/// The first record of a request of one of these kinds, out of all seen so far.
#[track_caller]
fn until_told(
    strategy: &mut Strategy,
    seen: &mut Vec<ExecutionRecord>,
    request: RequestId,
    kinds: &[K],
) -> ExecutionRecord {
    let deadline = Instant::now() + PATIENCE;
    loop {
        while strategy.market.pop().is_some() {}
        while let Some(record) = strategy.executions.pop() {
            seen.push(record);
        }
        if let Some(found) = seen.iter().find(|record| record.request == request && kinds.contains(&record.kind)) {
            return *found;
        }
        assert!(Instant::now() < deadline, "{kinds:?} did not come: {seen:#?}");
        strategy.wait(Duration::from_millis(2));
    }
}

/// Waits until orders may leave at all three.
#[track_caller]
fn until_open(strategy: &mut Strategy) {
    until_open_at(strategy, &Venue::ALL);
}

#[track_caller]
fn until_open_at(strategy: &mut Strategy, venues: &[Venue]) {
    let (mut told, deadline) = (Vec::new(), Instant::now() + PATIENCE);
    while !venues.iter().all(|venue| takes_orders(&told, *venue)) {
        told.extend(std::iter::from_fn(|| strategy.market.pop()));
        assert!(Instant::now() < deadline, "{told:?}");
        strategy.wait(Duration::from_millis(2));
    }
}

fn place(gateway: &Gateway, strategy: &mut Strategy, seen: &mut Vec<ExecutionRecord>, of: usize) -> ExecutionRecord {
    let told = ask(gateway, strategy, seen, of);
    assert_eq!(told.kind, K::Accepted, "{told:#?}");
    told
}

/// The first word about an order.
fn ask(gateway: &Gateway, strategy: &mut Strategy, seen: &mut Vec<ExecutionRecord>, of: usize) -> ExecutionRecord {
    let (venue, symbol, price, quantity) = ORDERS[of];
    let instrument = gateway.subscribe(strategy.id(), venue, symbol, Channels::NONE).unwrap();
    let at = |text: &str, exponent| Fixed::parse(text).unwrap().rescale(exponent).unwrap();
    let (price, quantity) = (at(price, instrument.price_exponent), at(quantity, instrument.size_exponent));
    let request = strategy.orders.submit(OrderCommand::limit(instrument.id, Side::Buy, price, quantity)).unwrap();
    until_told(strategy, seen, request, &[K::Accepted, K::Rejected])
}

/// Waits until enough was told.
#[track_caller]
fn until(strategy: &mut Strategy, seen: &mut Vec<ExecutionRecord>, done: impl Fn(&[ExecutionRecord]) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done(seen) {
        while strategy.market.pop().is_some() {}
        while let Some(record) = strategy.executions.pop() {
            seen.push(record);
        }
        assert!(Instant::now() < deadline, "{seen:#?}");
        strategy.wait(Duration::from_millis(2));
    }
}

/// The fill of an order, and both sides of the position its event ends with.
#[track_caller]
fn the_position_behind(
    strategy: &mut Strategy,
    seen: &mut Vec<ExecutionRecord>,
    request: RequestId,
) -> (ExecutionRecord, [ExecutionRecord; 2]) {
    let fill = expect(strategy, seen, request, K::Fill);
    let first = seen.iter().position(|r| *r == fill).unwrap();
    let ends = |r: &ExecutionRecord| r.has(EXECUTION_FLAG_LAST);
    until(strategy, seen, |seen| seen[first..].iter().any(ends));
    let last = first + seen[first..].iter().position(ends).unwrap();
    let [told, rest @ .., long, short] = &seen[first..=last] else { panic!("{seen:#?}") };
    assert_eq!((told.kind, long.kind, short.kind), (K::Fill, K::Position, K::Position), "{seen:#?}");
    assert!(rest.iter().all(|r| r.request == request && r.kind == K::Filled), "{rest:#?}");
    (fill, [*long, *short])
}

/// What the account holds of an instrument as it becomes known: all of its base asset, or nothing where trades are held.
#[track_caller]
fn start_of(
    gateway: &Gateway,
    strategy: &mut Strategy,
    seen: &mut Vec<ExecutionRecord>,
    venue: Venue,
    symbol: &str,
) -> Decimal {
    let instrument = gateway.subscribe(strategy.id(), venue, symbol, Channels::NONE).unwrap();
    if venue == Venue::Oanda {
        return decimal("0");
    }
    let of = |r: &&ExecutionRecord| r.kind == K::Balance && (r.venue, r.fee_asset) == (venue, instrument.base);
    until(strategy, seen, |seen| seen.iter().any(|r| of(&r)));
    decimal(&seen.iter().find(of).unwrap().value().to_string())
}

#[test]
fn through_the_rings_of_one_gateway() {
    let venues = Venues::start();
    let gateway = venues.builder().start().unwrap();
    let mut strategy = gateway.strategy().unwrap();
    let mut seen = Vec::new();
    until_open(&mut strategy);
    let starts = ORDERS.map(|(venue, symbol, ..)| start_of(&gateway, &mut strategy, &mut seen, venue, symbol));
    assert!(starts[0] > decimal("0") && starts[1] > decimal("0"), "{starts:?}");
    for (of, (venue, symbol, ..)) in ORDERS.into_iter().enumerate() {
        let accepted = place(&gateway, &mut strategy, &mut seen, of);
        assert!(venues.is_open(venue, accepted.client_order_id.as_str()), "{venue}");
        let instrument = gateway.directory().find(venue, symbol).unwrap();
        let status = || gateway.queries(venue).unwrap().order(&instrument, &accepted.venue_order_id).unwrap().unwrap();
        assert_eq!(status().status, order::OrderStatus::Open, "{venue}");
        let target = OrderRef::Request(accepted.request);
        strategy.orders.submit(OrderCommand::cancel(instrument.id, target)).unwrap();
        expect(&mut strategy, &mut seen, accepted.request, K::Cancelled);
        assert_eq!(status().status, order::OrderStatus::Cancelled, "{venue}");
        assert!(!venues.is_open(venue, accepted.client_order_id.as_str()), "{venue}");
        let law: Vec<_> = seen.iter().filter(|r| r.request == accepted.request).map(|r| r.kind).collect();
        assert_eq!(law, [K::Accepted, K::Cancelled], "{venue}");
    }
    assert_eq!(gateway.open_orders().unwrap(), 0);
    let mut other = gateway.strategy().unwrap();
    for (of, (venue, _, price, quantity)) in ORDERS.into_iter().enumerate() {
        let accepted = place(&gateway, &mut strategy, &mut seen, of);
        venues.fill(venue, accepted.client_order_id.as_str());
        let (fill, sides) = the_position_behind(&mut strategy, &mut seen, accepted.request);
        let figures = |figure: &dyn std::fmt::Display| decimal(&figure.to_string());
        assert_eq!(figures(&fill.quantity()), decimal(quantity), "{venue}");
        let [long, short] = sides.map(|side| {
            assert_eq!((side.instrument, side.venue, side.request), (fill.instrument, venue, RequestId::NONE));
            assert_eq!(
                figures(&side.cumulative()),
                starts[of] + decimal(quantity),
                "{venue}: with what was held before"
            );
            assert_eq!(figures(&side.value()), decimal("0"), "{venue}: nothing realised");
            (side.side, figures(&side.quantity()), figures(&side.price()))
        });
        assert_eq!(long, (Side::Buy, decimal(quantity), decimal(price)), "{venue}");
        assert_eq!(short, (Side::Sell, decimal("0"), decimal("0")), "{venue}");
        let mut heard = Vec::new();
        until(&mut other, &mut heard, |heard| heard.iter().filter(|r| r.kind == K::Position).count() == 2);
        let heard: Vec<_> = heard.into_iter().filter(|r| r.kind == K::Position).collect();
        assert_eq!(heard, sides, "{venue}: the account's, not a strategy's");
    }
    gateway.shutdown(Shutdown::CancelOurs, 5_000).unwrap();
}

#[test]
fn a_dead_sessions_orders_come_back_at_all_three_and_nothing_leaves_before() {
    let venues = Venues::start();
    let state = Scratch::new("lifecycle");
    let builder = || venues.builder().state_directory(&state.path);
    let first = builder().start().unwrap();
    let (mut strategy, mut seen) = (first.strategy().unwrap(), Vec::new());
    until_open(&mut strategy);
    let mut orders = |seen: &mut Vec<_>| [0, 1, 2].map(|of| place(&first, &mut strategy, seen, of).client_order_id);
    let (resting, filled) = (orders(&mut seen), orders(&mut seen));
    first.shutdown(Shutdown::LeaveOpen, 5_000).unwrap();
    for (at, (venue, ..)) in ORDERS.into_iter().enumerate() {
        venues.fill(venue, filled[at].as_str());
    }

    let pending = format!("/v3/accounts/{}/pendingOrders", venues.oanda.account_id());
    // The start asks first, for the instruments; what the engine asks is held.
    venues.oanda.inject(FaultRule::next("GET", &pending, Fault::ThenHold).after(1)).unwrap();
    let asked = || venues.oanda.requests("GET /pendingOrders").unwrap();
    let before = asked();
    let gateway = builder().start().unwrap();
    let (mut strategy, mut seen) = (gateway.strategy().unwrap(), Vec::new());
    for (venue, symbol, ..) in ORDERS {
        gateway.subscribe(strategy.id(), venue, symbol, Channels::NONE).unwrap();
    }
    until_open_at(&mut strategy, &[Venue::Coinbase, Venue::BinanceUs]);
    until(&mut strategy, &mut seen, |_| asked() == before + 2);
    for of in [0, 1, 2, 0, 1] {
        let refused = ask(&gateway, &mut strategy, &mut seen, of);
        assert_eq!((refused.reject, refused.sent), (RejectClass::NotConnected, UnixNanos::NONE), "{refused:#?}");
    }
    venues.oanda.release_held().unwrap();
    let told = |seen: &[ExecutionRecord], kind| seen.iter().filter(|r| r.kind == kind).count();
    until(&mut strategy, &mut seen, |seen| {
        told(seen, K::OrderListed) == 6 && told(seen, K::Filled) == 3 && told(seen, K::Fill) == 3
    });
    for (at, (venue, _, _, quantity)) in ORDERS.into_iter().enumerate() {
        let of = |id| seen.iter().filter(move |r| r.client_order_id == id).collect::<Vec<_>>();
        assert_eq!(of(resting[at]).iter().map(|r| r.kind).collect::<Vec<_>>(), [K::OrderListed], "{venue}");
        let fills: Vec<_> = of(filled[at]).into_iter().filter(|r| r.kind == K::Fill).collect();
        let [fill] = fills[..] else { panic!("{venue}: told once: {fills:#?}") };
        assert!(fill.has(EXECUTION_FLAG_REPLAYED) && !fill.execution_id.is_empty(), "{venue}: {fill:#?}");
        let [told, price] = [fill.quantity(), fill.price()].map(|figure| decimal(&figure.to_string()));
        assert_eq!((told, price), (decimal(quantity), decimal(ORDERS[at].2)), "{venue}");
    }
    for (at, (venue, symbol, ..)) in ORDERS.into_iter().enumerate() {
        let instrument = gateway.directory().find(venue, symbol).unwrap();
        strategy.orders.submit(OrderCommand::cancel(instrument.id, OrderRef::Client(resting[at]))).unwrap();
        until(&mut strategy, &mut seen, |seen| {
            seen.iter().any(|r| r.client_order_id == resting[at] && r.kind == K::Cancelled)
        });
        assert!(!venues.is_open(venue, resting[at].as_str()), "{venue}");
    }
    // By now everything is accounted for.
    until(&mut strategy, &mut seen, |_| gateway.open_orders().unwrap() == 0);
    for of in 0..ORDERS.len() {
        place(&gateway, &mut strategy, &mut seen, of);
    }
    gateway.shutdown(Shutdown::CancelOurs, 5_000).unwrap();
}

#[test]
fn through_exchange_connector() {
    let venues = Venues::start();
    for (venue, symbol, price, quantity) in ORDERS {
        let builder = venues.builder().only(venue);
        let mut exchange: Box<dyn ExchangeConnector> =
            Box::new(Connector::new(venue, builder, ConnectorConfig::default()));
        exchange.connect().unwrap();
        assert!(!exchange.get_account_balances().unwrap().is_empty(), "{venue}");
        let kind = OrderKind::Limit {
            price: decimal(price),
            quantity: decimal(quantity),
            time_in_force: TimeInForce::GoodTilCancelled,
            post_only: false,
        };
        let request = OrderRequest { symbol: symbol.into(), side: Side::Buy, kind };
        let ack = exchange.place_order(&request).unwrap();
        let id = ack.order.client_order_id;
        assert!(venues.is_open(venue, id.as_str()), "{venue}");
        let report = exchange.get_order_status(&ack.order).unwrap();
        assert_eq!((report.status, &report.order), (OrderStatus::Open, &ack.order), "{venue}");
        assert_eq!(exchange.cancel_order(&ack.order), Ok(OrderStatus::Cancelled), "{venue}");
        assert_eq!(exchange.get_order_status(&ack.order).unwrap().status, OrderStatus::Cancelled, "{venue}");
        assert!(!venues.is_open(venue, id.as_str()), "{venue}");
        assert_eq!(exchange.cancel_order(&ack.order), Ok(OrderStatus::Cancelled), "{venue}: it may be repeated");
        let unknown = exchange.place_order(&OrderRequest { symbol: "NO_SUCH".into(), ..request }).unwrap_err();
        assert!(matches!(unknown, ExchangeError::InvalidArgument { argument: "symbol", .. }), "{venue}: {unknown:?}");
    }
}
