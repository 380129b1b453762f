//! An order submitted by a strategy to its last byte taken by the kernel, over TLS on loopback to a local venue; the hops
//! it is made of, and the venue's answer. Immediate-or-cancel far below the market: each is accepted, then cancelled by
//! the venue, and takes one request.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::loopback::{heading, line, Loopback};
use exchange_connectors::gateway::{Channels, Idle, Strategy};
use exchange_connectors::record::{
    ExecutionKind, ExecutionRecord, Instrument, OrderCommand, Side, TimeInForce, UnixNanos, Venue,
};
use exchange_connectors::sim::coinbase::Config;
use exchange_connectors::telemetry::{Histogram, Hop};
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

fn main() {
    let orders = if common::is_quick() { ORDERS / 10 } else { ORDERS };
    run(Idle::Busy, "reactor spins", orders);
    run(Idle::Block, "reactor sleeps between events", orders);
}
