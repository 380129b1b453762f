//! The governor of fixed windows that every Binance.US request passes: request weight per minute, orders per 10 s and per
//! day, raw requests per 5 minutes. Baseline: one reading of the clock, of which the order path makes several. The aim is
//! under 100 ns per check.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{time, Comparisons};
use exchange_connectors::guard::{Cost, Counted, Priority, RateLimit, WindowGovernor};
use exchange_connectors::keeper::Clock;
use exchange_connectors::record::UnixNanos;
use std::hint::black_box;

const CALLS: u64 = 5_000;

fn limits() -> [RateLimit; 4] {
    [
        RateLimit { counted: Counted::Weight, window_ms: 60_000, limit: 6_000 },
        RateLimit { counted: Counted::Orders, window_ms: 10_000, limit: 100 },
        RateLimit { counted: Counted::Orders, window_ms: 86_400_000, limit: 200_000_000 },
        RateLimit { counted: Counted::Requests, window_ms: 300_000, limit: 300_000 },
    ]
}

fn main() {
    let mut table = Comparisons::default();
    let clock = Clock::start().0;
    let order = Cost { weight: 1, orders: 1 };
    // One order each 200 ms passes always; one each ms is refused mostly.
    for (name, step_ms) in [("let go", 200), ("refused", 1)] {
        let mut governor = WindowGovernor::new(&limits(), 100);
        governor.set_clock(1_000_000, 5_000_000);
        let mut now = UnixNanos(1_700_006_400_000_000_000);
        table.compare(
            &format!("window governor, 4 limits, {name}"),
            None,
            CALLS,
            || time(CALLS, || clock.now()),
            || {
                time(CALLS, || {
                    now = now.plus_ms(step_ms);
                    governor.take(black_box(now), black_box(order), Priority::Order)
                })
            },
        );
    }
    table.print("one reading of the clock");
}
