//! Pre-trade limits, at all three venues: what is over one is refused here, typed, and not a byte of it leaves; what is
//! exactly at it passes; a place given back can be used again. (What else is limited: `limits_are_exact_...`.)
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use common::PATIENCE;
use exchange_connectors::gateway::{InstrumentLimits, Limits, OrderRate, VenueLimits};
use exchange_connectors::record::{
    ExecutionKind as K, ExecutionRecord, Fixed, OrderCommand, OrderRef, RejectClass, Side, Venue,
};
use std::time::{Duration, Instant};
use venues::{at_every_venue, Local, Rig, Setup};

fn rig(limits: Limits) -> Rig {
    Setup::direct().start_everywhere_by(|builder| builder.limits(limits))
}

/// The bid with more of price or size: so many ticks and lots.
fn bid(rig: &Rig, ticks: i64, lots: i64) -> OrderCommand {
    let (bid, traded) = (rig.resting_bid(), &rig.traded);
    let price = bid.price() + ticks * traded.tick_mantissa();
    OrderCommand::limit(traded.id, Side::Buy, price, bid.quantity() + lots * traded.lot_mantissa())
}

#[track_caller]
fn assert_refused(rig: &mut Rig, order: OrderCommand, class: RejectClass, words: &str) {
    let refused = rig.refused_here(order);
    assert_eq!((refused.reject, refused.venue_code.as_str()), (class, words), "{}", rig.local.venue());
}

#[test]
fn the_order_beyond_the_limit_of_one_strategy_never_leaves() {
    // One strategy's, wherever its orders are.
    let mut rig = rig(Limits::new().open_orders_per_strategy(3));
    let open = rig.each(Rig::place_accepted);
    let class = RejectClass::Limit;
    rig.each(|rig| assert_refused(rig, rig.resting_bid(), class, "open order limit reached"));
    rig.each_of(&open, |rig, order| {
        rig.cancel(order.request);
        rig.place_accepted();
        assert_refused(rig, rig.resting_bid(), class, "open order limit reached");
    });
    // Another strategy's orders do not use it up.
    let mut other = rig.gateway.strategy().unwrap();
    rig.each(|rig| {
        let request = other.orders.submit(rig.resting_bid()).unwrap();
        let deadline = Instant::now() + PATIENCE;
        let first = loop {
            if let Some(record) = other.executions.pop().filter(|r| r.request == request) {
                break record;
            }
            assert!(Instant::now() < deadline, "no answer");
            other.wait(Duration::from_millis(2));
        };
        assert_eq!(first.kind, K::Accepted, "{first:?}");
    });
}

#[test]
fn size_and_value_of_an_order_are_bounded_and_it_may_not_meet_our_own() {
    let limits = Local::ALL.into_iter().fold(Limits::new(), |limits, at| {
        let (symbol, size, value) = match at {
            Venue::Coinbase => ("BTC-USD", "0.01", "500"),
            Venue::BinanceUs => ("BTCUSD", "0.01", "500"),
            Venue::Oanda => ("EUR_USD", "100", "110"),
        };
        let most = |text| Some(Fixed::parse(text).unwrap());
        let own = InstrumentLimits {
            order_size_max: most(size),
            order_notional_max: most(value),
            no_self_trade: true,
            ..InstrumentLimits::default()
        };
        limits.instrument(at, symbol, own)
    });
    let mut rig = rig(limits);
    rig.each(|rig| {
        let limit = RejectClass::Limit;
        assert_refused(rig, bid(rig, 0, 1), limit, "order size over the limit");
        assert_refused(rig, bid(rig, 1, 0), limit, "order value over the limit");
        // Exactly at both.
        let ours = rig.place_accepted();
        let bid = rig.resting_bid();
        let ask = OrderCommand::limit(rig.traded.id, Side::Sell, bid.price(), bid.quantity());
        assert_refused(rig, ask, limit, "would meet our own order");
        rig.cancel(ours.request);
    });
}

#[test]
fn a_venue_has_a_limit_of_open_orders_and_an_order_rate_of_our_own() {
    let rate = OrderRate { orders: 2, window_ms: 60_000 };
    let each = VenueLimits { open_orders_max: Some(1), order_rate_max: Some(rate) };
    let mut rig = rig(Local::ALL.into_iter().fold(Limits::new(), |limits, at| limits.venue(at, each)));
    rig.each(|rig| {
        let first = rig.place_accepted();
        assert_refused(rig, rig.resting_bid(), RejectClass::Limit, "too many open orders at venue");
        rig.cancel(first.request);
        let second = rig.place_accepted();
        rig.cancel(second.request);
        assert_refused(rig, rig.resting_bid(), RejectClass::RateLimited, "own order rate limit");
    });
}

#[test]
fn a_venue_has_an_order_rate_of_our_own_and_changes_count_to_it() {
    at_every_venue(|at| {
        let rate = OrderRate { orders: 2, window_ms: 60_000 };
        let limits = VenueLimits { open_orders_max: None, order_rate_max: Some(rate) };
        let limits = Limits::new().venue(at, limits);
        let mut rig = Setup::direct().start_by(at, |builder| builder.limits(limits));
        let order = rig.place_accepted();
        let change = |rig: &mut Rig, ticks: i64| loop {
            let tick = rig.traded.listing.tick.rescale(rig.traded.price_exponent).unwrap();
            let bid = rig.resting_bid();
            let (price, target) = (bid.price() - ticks * tick, OrderRef::Request(order.request));
            let request = rig.submit(OrderCommand::replace(bid.instrument(), target, price, bid.quantity()));
            let first = rig.first(request);
            // No token is there, or the connection is in use.
            if first.reject != RejectClass::Busy {
                return first;
            }
        };
        let changed = change(&mut rig, 1);
        // At Binance.US it is another order.
        let told = if at == Venue::BinanceUs { K::Accepted } else { K::Replaced };
        assert_eq!(changed.kind, told, "{at}: {changed:?}");
        let refused = |record: ExecutionRecord| (record.kind, record.reject, record.venue_code.to_string());
        let over = |kind| (kind, RejectClass::RateLimited, "own order rate limit".to_owned());
        if at != Venue::BinanceUs {
            let third = change(&mut rig, 2);
            assert_eq!(refused(third), over(K::ReplaceRejected), "{at}");
        }
        let third = rig.submit(rig.resting_bid());
        let third = rig.first(third);
        assert_eq!(refused(third), over(K::Rejected), "{at}");
    });
}
