//! What an order passes before a byte is built: increments, pre-trade limits, breaker, governors; each alone, and all of
//! them together as one command passes them. Baseline: one reading of the clock, of which the order path makes several.
//! The aim is under 100 ns for all together.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::coinbase::btc;
use common::{time, Comparisons};
use exchange_connectors::guard::{
    check_increments, Breaker, BreakerRules, Cost, Counted, Funds, Governor, InstrumentLimits, MarketView, OrderGuard,
    Priority, RateLimit, WindowGovernor,
};
use exchange_connectors::keeper::Clock;
use exchange_connectors::order::Exposure;
use exchange_connectors::record::{Fixed, Instrument, InstrumentId, OrderCommand, Side, UnixNanos};
use std::hint::black_box;

const CALLS: u64 = 5_000;
/// More for all of them together, and it shows in the time from tick to order, ns.
const ALL_NS_MAX: f64 = 100.0;
const START: UnixNanos = UnixNanos(1_700_006_400_000_000_000);

fn limits() -> [RateLimit; 4] {
    [
        RateLimit { counted: Counted::Weight, window_ms: 60_000, limit: 6_000 },
        RateLimit { counted: Counted::Orders, window_ms: 10_000, limit: 100 },
        RateLimit { counted: Counted::Orders, window_ms: 86_400_000, limit: 200_000_000 },
        RateLimit { counted: Counted::Requests, window_ms: 300_000, limit: 300_000 },
    ]
}

/// Everything that can be limited.
fn guard(instrument: &Instrument) -> OrderGuard {
    let all = InstrumentLimits {
        order_size_max: Some(Fixed::parse("1").unwrap()),
        order_notional_max: Some(Fixed::parse("100000").unwrap()),
        open_orders_max: Some(50),
        position_max: Some(Fixed::parse("5").unwrap()),
        price_band_bps: Some(100),
        book_age_ms_max: Some(5_000),
        feed_lag_ms_max: Some(500),
        no_self_trade: true,
        check_balance: true,
    };
    OrderGuard::new(&all, instrument)
}

fn main() {
    let mut table = Comparisons::default();
    let clock = Clock::start().0;
    let instrument = btc();
    let limit = OrderCommand::limit(InstrumentId(0), Side::Buy, 8_327_725_000_000, 1_000_000);
    let in_quote = OrderCommand::market_quote(InstrumentId(0), Side::Buy, 1_000_000_000);
    let view =
        MarketView { bid: Some(8_327_700_000_000), ask: Some(8_327_750_000_000), whole: true, silent_ns: 9, lag_ns: 9 };
    let funds = Funds::Balances { quote: Some(i128::MAX), base: Some(i128::MAX) };
    let ours = Exposure { position: 5_000, position_known: true, open_buy: 9_000, open_orders: 3, ..Exposure::NONE };
    let (guard, breaker) = (guard(&instrument), Breaker::new(BreakerRules::default()));
    for (name, order) in [("limit order", limit), ("market order in quote", in_quote)] {
        assert_eq!(check_increments(&instrument, &order), Ok(()));
        assert_eq!(guard.check(&order, &ours, &view, &funds), Ok(()));
        table.compare(
            &format!("increments, {name}"),
            None,
            CALLS,
            || time(CALLS, || clock.now()),
            || time(CALLS, || check_increments(black_box(&instrument), black_box(&order))),
        );
        table.compare(
            &format!("pre-trade limits, all set, {name}"),
            None,
            CALLS,
            || time(CALLS, || clock.now()),
            || time(CALLS, || guard.check(black_box(&order), black_box(&ours), black_box(&view), black_box(&funds))),
        );
    }
    let mut governor = Governor::new(25, 1_000, 100);
    let mut now = START;
    table.compare(
        "sliding governor",
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
    let cost = Cost { weight: 1, orders: 1 };
    // One order each 200 ms passes always; one each ms is refused mostly.
    for (name, step_ms) in [("let go", 200), ("refused", 1)] {
        let mut governor = WindowGovernor::new(&limits(), 100);
        governor.set_clock(1_000_000, 5_000_000);
        let mut now = START;
        table.compare(
            &format!("window governor, 4 limits, {name}"),
            None,
            CALLS,
            || time(CALLS, || clock.now()),
            || {
                time(CALLS, || {
                    now = now.plus_ms(step_ms);
                    governor.take(black_box(now), black_box(cost), Priority::Order)
                })
            },
        );
    }
    let mut windows = WindowGovernor::new(&limits(), 100);
    windows.set_clock(1_000_000, 5_000_000);
    let mut now = START;
    table.compare(
        "all of them, one limit order",
        None,
        CALLS,
        || time(CALLS, || clock.now()),
        || {
            time(CALLS, || {
                now = now.plus_ms(200);
                let order = black_box(&limit);
                (
                    check_increments(black_box(&instrument), order),
                    guard.check(order, black_box(&ours), black_box(&view), black_box(&funds)),
                    black_box(&breaker).admit(),
                    windows.take(now, cost, Priority::Order),
                )
            })
        },
    );
    let all_ns = table.last_least_ns();
    table.print("one reading of the clock");
    if !cfg!(debug_assertions) && all_ns >= ALL_NS_MAX {
        println!("over their limit of {ALL_NS_MAX} ns: all of them, one limit order: {all_ns:.1}");
        std::process::exit(1);
    }
}
