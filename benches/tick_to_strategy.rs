//! Socket read to popped by the strategy, over TLS on loopback, from a local venue that publishes each change at once;
//! the hops it is made of, and the same with the reactor asleep between events. Absolute figures: there is no baseline
//! to a thread's wake-up. The reactor and the strategy spin only where the machine has a core for each and one for the
//! venue; with fewer, the strategy sleeps.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::loopback::{heading, line, Loopback};
use exchange_connectors::gateway::{Channels, Idle};
use exchange_connectors::record::Venue;
use exchange_connectors::sim::coinbase::Config;
use exchange_connectors::telemetry::Hop;
use std::time::{Duration, Instant};

const EVENTS_PER_S: u64 = 2_000;
const LENGTH: Duration = Duration::from_secs(4);

fn run(idle: Idle, name: &str, length: Duration) {
    let config = Config { events_per_s: EVENTS_PER_S, level2_grid_ns: 0, trades_grid_ns: 0, ..Config::default() };
    let loopback = Loopback::start(idle, config);
    let mut strategy = loopback.gateway.strategy().unwrap();
    let channels = Channels::BOOK | Channels::TRADES;
    for symbol in ["BTC-USD", "ETH-USD"] {
        loopback.gateway.subscribe(strategy.id(), Venue::Coinbase, symbol, channels).unwrap();
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let end = Instant::now() + length;
    let mut records = 0u64;
    while Instant::now() < end {
        while strategy.market.pop().is_some() {
            records += 1;
        }
        if idle == Idle::Busy && cores > 2 {
            std::hint::spin_loop();
        } else {
            strategy.wait(Duration::from_millis(5));
        }
    }
    assert!(records > 0, "nothing came");
    heading(&format!("{name}: {records} records"));
    for (hop, summary) in loopback.gateway.telemetry().hops.table() {
        if matches!(hop, Hop::Decrypt | Hop::Parse | Hop::Publish | Hop::HandOff | Hop::TickToStrategy) {
            line(hop.name(), summary);
        }
    }
}

fn main() {
    let length = if common::is_quick() { LENGTH / 4 } else { LENGTH };
    run(Idle::Busy, "reactor spins", length);
    run(Idle::Block, "reactor sleeps between events", length);
}
