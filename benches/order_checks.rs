//! What an order passes before a byte is built: increments, sizes and status, and the rate governor. Baseline: one
//! reading of the clock, of which the order path makes several.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::coinbase::btc;
use common::{time, Comparisons};
use exchange_connectors::guard::{check_increments, Governor, Priority};
use exchange_connectors::keeper::Clock;
use exchange_connectors::record::{InstrumentId, OrderCommand, Side, UnixNanos};
use std::hint::black_box;

const CALLS: u64 = 5_000;

fn main() {
    let mut table = Comparisons::default();
    let clock = Clock::start().0;
    let instrument = btc();
    let limit = OrderCommand::limit(InstrumentId(0), Side::Buy, 8_327_725_000_000, 1_000_000);
    let in_quote = OrderCommand::market_quote(InstrumentId(0), Side::Buy, 1_000_000_000);
    for (name, order) in [("increments, limit order", limit), ("increments, market order in quote", in_quote)] {
        assert_eq!(check_increments(&instrument, &order), Ok(()));
        table.compare(
            name,
            None,
            CALLS,
            || time(CALLS, || clock.now()),
            || time(CALLS, || check_increments(black_box(&instrument), black_box(&order))),
        );
    }
    let mut governor = Governor::new(25, 1_000, 100);
    let mut now = UnixNanos(1_000_000_000_000);
    table.compare(
        "governor",
        None,
        CALLS,
        || time(CALLS, || clock.now()),
        || {
            time(CALLS, || {
                now = now.plus_ms(60);
                governor.take(black_box(now), Priority::Order)
            })
        },
    );
    table.print("one reading of the clock");
}
