//! What an order passes before a byte is built: increments, sizes and status, every limit there is, the circuit breaker
//! and the rate governor. Baseline: one reading of the clock, of which the order path makes several. The aim is under
//! 100 ns for all of them together.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::coinbase::btc;
use common::{time, Comparisons};
use exchange_connectors::guard::{
    check_increments, Breaker, BreakerRules, Funds, Governor, InstrumentLimits, MarketView, OrderGuard, Priority,
};
use exchange_connectors::keeper::Clock;
use exchange_connectors::order::Exposure;
use exchange_connectors::record::{Fixed, InstrumentId, OrderCommand, Side, UnixNanos};
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
    let most = Fixed::parse("1000000").ok();
    let limits = InstrumentLimits {
        order_size_max: most,
        order_notional_max: most,
        open_orders_max: Some(20),
        position_max: most,
        price_band_bps: Some(100),
        book_age_ms_max: Some(1_000),
        feed_lag_ms_max: Some(1_000),
        no_self_trade: true,
        check_balance: true,
    };
    let guard = OrderGuard::new(&limits, &instrument);
    let breaker = Breaker::new(BreakerRules::default());
    let exposure = Exposure { position: 5, open_buy: 1_000, open_orders: 3, bid_max: 1, ..Exposure::NONE };
    let (bid, ask) = (Some(8_327_724_000_000), Some(8_327_726_000_000));
    let market = MarketView { bid, ask, whole: true, silent_ns: 1_000, lag_ns: 1_000 };
    let funds = Funds { quote: Some(i128::MAX), base: Some(i128::MAX) };
    for (name, order) in
        [("every limit and breaker, limit order", limit), ("the same, market order in quote", in_quote)]
    {
        assert_eq!(guard.check(&order, &exposure, &market, &funds), Ok(()));
        table.compare(
            name,
            None,
            CALLS,
            || time(CALLS, || clock.now()),
            || {
                time(CALLS, || {
                    let (exposure, market) = (black_box(&exposure), black_box(&market));
                    let passed = black_box(&guard).check(black_box(&order), exposure, market, black_box(&funds));
                    (passed, black_box(&breaker).admit())
                })
            },
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
