//! An order to its last byte taken by the kernel, in two looks.
//!
//! A session given an order: built, signed, encrypted and written, against encrypting and writing the same bytes alone;
//! both ways that Binance.US takes orders, side by side, and OANDA's one. Ratios travel.
//!
//! A strategy's submit over TLS on loopback to a local venue (Coinbase): the hops it is made of, and the venue's answer.
//! Immediate-or-cancel far below the market: each is accepted, then cancelled by the venue, and takes one request.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::loopback::{heading, line, Loopback};
use common::sink::{Out, Sink};
use common::{binance_us, time, Comparisons};
use exchange_connectors::gateway::{Channels, Idle, Strategy};
use exchange_connectors::link::Outbox;
use exchange_connectors::record::{
    AssetId, ClientOrderId, ExecutionKind, ExecutionRecord, Fixed, Instrument, InstrumentId, Listing, OrderCommand,
    Side, TimeInForce, TradingStatus, UnixNanos, Venue,
};
use exchange_connectors::sim::coinbase::Config;
use exchange_connectors::telemetry::{Histogram, Hop};
use exchange_connectors::venue::binance_us::auth::Credentials;
use exchange_connectors::venue::binance_us::{
    ApiConfig, ApiSession, BinanceUsEndpoints, OrderConfig, OrderSession, Requests, VenueMs,
};
use exchange_connectors::venue::oanda::auth::{AccessToken, AccountId};
use exchange_connectors::venue::oanda::{self, Ledger, OandaEndpoints};
use exchange_connectors::venue::{PlaceIntent, Wire};
use std::sync::Arc;
use std::time::{Duration, Instant};

const ORDERS: u32 = 1_000;
/// Four fifths of what the governor lets new orders have: none is refused.
const SPACING: Duration = Duration::from_millis(8);
/// How long an order may take to be answered.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends one order and waits until it is over.
fn order(strategy: &mut Strategy, instrument: &Instrument) -> (UnixNanos, Option<ExecutionRecord>) {
    let price = 100 * instrument.tick_mantissa();
    let quantity = 10i64.pow(u32::from(instrument.size_exponent.unsigned_abs()));
    let command =
        OrderCommand::limit(instrument.id, Side::Buy, price, quantity).time_in_force(TimeInForce::ImmediateOrCancel);
    let submitted = strategy.orders.now();
    let request = strategy.orders.submit(command).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut accepted = None;
    while Instant::now() < deadline {
        while let Some(record) = strategy.executions.pop() {
            if record.request != request {
                continue;
            }
            match record.kind {
                ExecutionKind::Accepted => accepted = Some(record),
                ExecutionKind::Rejected => return (submitted, None),
                _ => return (submitted, accepted),
            }
        }
        while strategy.market.pop().is_some() {}
        strategy.wait(Duration::from_millis(5));
    }
    (submitted, None)
}

fn run(idle: Idle, name: &str, orders: u32) {
    let loopback = Loopback::start(idle, Config { events_per_s: 0, ..Config::default() });
    let mut strategy = loopback.gateway.strategy().unwrap();
    let btc = loopback.gateway.subscribe(strategy.id(), Venue::Coinbase, "BTC-USD", Channels::NONE).unwrap();
    let ready = Instant::now() + PATIENCE;
    // Orders are refused until the account's open orders were listed.
    while order(&mut strategy, &btc).1.is_none() {
        assert!(Instant::now() < ready, "order entry did not open");
        std::thread::sleep(Duration::from_millis(50));
    }
    let (mut wire, mut answer) = (Histogram::new(), Histogram::new());
    let mut refused = 0;
    for _ in 0..orders {
        let (submitted, accepted) = order(&mut strategy, &btc);
        match accepted {
            Some(accepted) => {
                wire.record(accepted.sent.since(submitted));
                answer.record(accepted.recv.since(accepted.sent));
            }
            None => refused += 1,
        }
        std::thread::sleep(SPACING);
    }
    heading(&format!("{name}: {orders} orders, {refused} refused"));
    for (hop, summary) in loopback.gateway.telemetry().hops.table() {
        if matches!(hop, Hop::CommandWait | Hop::Build | Hop::Write) {
            line(hop.name(), summary);
        }
    }
    line("order_to_wire", wire.reader().snapshot().summary());
    line("answer of the local venue", answer.reader().snapshot().summary());
}

/// Orders of one round of a comparison.
const ROUND: u64 = 500;
const NOW: UnixNanos = UnixNanos(1_790_612_332_757_000_000);
const STAMP: VenueMs = VenueMs(1_790_612_332_757);

/// One order after the other over a connection of its own, against the bytes of the first alone.
fn against_the_write_alone(table: &mut Comparisons, name: &str, mut order: impl FnMut(&mut Out<'_>)) {
    let mut first = Outbox::new();
    order(&mut Out(&mut first));
    let bytes = first.pending().to_vec();
    let (mut alone, mut whole) = (Sink::connect(), Sink::connect());
    table.compare(
        name,
        Some(1.5),
        ROUND,
        || time(ROUND, || alone.send(|out| out.send(|out| out.extend_from_slice(&bytes)))),
        || time(ROUND, || whole.send(&mut order)),
    );
}

fn binance_us(table: &mut Comparisons) {
    let credentials = Arc::new(Credentials::new("key", "secret").unwrap());
    let (instrument, id) = (binance_us::btc(), ClientOrderId::new("xc-0001-00000001").unwrap());
    let intent = binance_us::order(&instrument, &id);
    let mut api = ApiSession::new(credentials.clone(), ApiConfig { user_events: false, ..ApiConfig::default() });
    against_the_write_alone(table, "Binance.US, WebSocket API", |out| {
        if !api.free() {
            // Nobody answers here: what is in flight is forgotten.
            api.opened(NOW);
        }
        api.place(NOW, STAMP, &intent, out).unwrap();
    });
    let endpoint = BinanceUsEndpoints::default().rest;
    let mut rest = OrderSession::new(&endpoint, Some(credentials), OrderConfig::default()).unwrap();
    against_the_write_alone(table, "Binance.US, REST", |out| {
        rest.opened();
        rest.place(NOW, STAMP, &intent, out).unwrap();
    });
}

fn oanda(table: &mut Comparisons) {
    let fixed = |text| Fixed::parse(text).unwrap_or_default();
    let listing = Listing {
        venue: Venue::Oanda,
        symbol: "EUR_USD".into(),
        streamed_as: None,
        base: "EUR".into(),
        quote: "USD".into(),
        tick: fixed("0.00001"),
        lot: fixed("1"),
        quote_lot: fixed("0.00001"),
        size_min: fixed("1"),
        size_max: fixed("100000000"),
        notional_min: fixed("0"),
        status: TradingStatus::Online,
    };
    let instrument = Instrument::new(InstrumentId(0), AssetId(0), AssetId(1), listing);
    let id = ClientOrderId::new("xc-0001-00000001").unwrap();
    let at = |text, exponent| fixed(text).rescale(exponent).unwrap();
    let (price_exponent, size_exponent) = instrument.exponents();
    let intent = PlaceIntent {
        price: at("1.20001", price_exponent),
        quantity: at("1000", size_exponent),
        post_only: false,
        ..binance_us::order(&instrument, &id)
    };
    let account = AccountId::new("101-001-7654321-001").unwrap();
    let token = AccessToken::new("0123456789abcdef0123456789abcdef-0123456789abcdef0123456789abcdef").unwrap();
    let rest = OandaEndpoints::practice().rest;
    let config = oanda::OrderConfig::default();
    let mut session = oanda::OrderSession::new(&rest, account, Arc::new(token), config).unwrap();
    let ledger = Ledger::new();
    against_the_write_alone(table, "OANDA, REST", |out| {
        session.opened();
        session.place(NOW, &intent, &ledger, out).unwrap();
    });
}

fn main() {
    let mut table = Comparisons::default();
    binance_us(&mut table);
    oanda(&mut table);
    table.print("the same bytes encrypted and written");
    let orders = if common::is_quick() { ORDERS / 10 } else { ORDERS };
    run(Idle::Busy, "reactor spins", orders);
    run(Idle::Block, "reactor sleeps between events", orders);
}
