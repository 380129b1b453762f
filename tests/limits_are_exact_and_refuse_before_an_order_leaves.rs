//! Pre-trade limits of instruments and venues: what is over one is refused here, typed, and not a byte of it leaves; what
//! is exactly at it passes.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use common::{decimal, Bench, Rig, BTC, ORDERS};
use exchange_connectors::gateway::{Channels, InstrumentLimits, Limits, OrderRate, VenueLimits};
use exchange_connectors::record::{
    ExecutionKind as K, ExecutionRecord, Fixed, Flags, MarketKind, OrderCommand, OrderRef, RejectClass, Side,
    UnixNanos, Venue,
};
use venues::{at_every_venue, Setup};

fn fixed(text: &str) -> Option<Fixed> {
    Some(Fixed::parse(text).unwrap())
}

fn rig(limits: InstrumentLimits) -> Rig {
    let limits = Limits::new().instrument(Venue::Coinbase, BTC, limits);
    let mut rig = Bench::new().channels(Channels::BOOK).gateway(move |b| b.limits(limits)).start();
    rig.until_true("the book is there", |rig| {
        rig.market.iter().any(|record| record.kind() == MarketKind::Level && record.flags().contains(Flags::LAST))
    });
    rig
}

/// Submits an order that must be refused here.
fn refused(rig: &mut Rig, order: impl FnOnce(&Rig) -> OrderCommand) -> (RejectClass, String) {
    let order = order(rig);
    let sent = rig.venue.requests(&format!("POST {ORDERS}")).unwrap();
    let request = rig.submit(order);
    let record = rig.expect(request, K::Rejected);
    assert_eq!(record.sent, UnixNanos::NONE);
    assert_eq!(rig.venue.requests(&format!("POST {ORDERS}")).unwrap(), sent, "not a byte of it left");
    (record.reject, record.venue_code.to_string())
}

#[test]
fn size_and_value_of_an_order_are_bounded() {
    let none = InstrumentLimits::default();
    let mut rig = rig(InstrumentLimits { order_size_max: fixed("0.01"), order_notional_max: fixed("100"), ..none });
    let over = refused(&mut rig, |rig| rig.limit(Side::Buy, "1000", "0.01000001"));
    assert_eq!(over, (RejectClass::Limit, "order size over the limit".to_owned()));
    let over = refused(&mut rig, |rig| rig.limit(Side::Buy, "10000.01", "0.01"));
    assert_eq!(over, (RejectClass::Limit, "order value over the limit".to_owned()));
    rig.place_accepted(rig.limit(Side::Buy, "10000", "0.01"));
}

#[test]
fn the_position_counts_fills_and_open_orders() {
    // The account holds 10 bitcoin to begin with.
    let mut rig = rig(InstrumentLimits { position_max: fixed("10.01"), ..InstrumentLimits::default() });
    let open = rig.place_accepted(rig.limit(Side::Buy, "1000", "0.006"));
    let over = refused(&mut rig, |rig| rig.limit(Side::Buy, "1000", "0.00400001"));
    assert_eq!(over, (RejectClass::Limit, "position over the limit".to_owned()));
    rig.submit(rig.cancel_of(open.request));
    rig.expect(open.request, K::Cancelled);
    let market = rig.submit(OrderCommand::market(rig.btc.id, Side::Buy, rig.size("0.008")));
    rig.expect(market, K::Filled);
    let over = refused(&mut rig, |rig| rig.limit(Side::Buy, "1000", "0.00200001"));
    assert_eq!(over, (RejectClass::Limit, "position over the limit".to_owned()));
    rig.place_accepted(rig.limit(Side::Buy, "1000", "0.002"));
}

#[test]
fn a_price_far_through_the_market_is_refused() {
    let mut rig = rig(InstrumentLimits { price_band_bps: Some(1_000), ..InstrumentLimits::default() });
    let over = refused(&mut rig, |rig| rig.limit(Side::Buy, "9000000", "0.001"));
    assert_eq!(over, (RejectClass::PriceBand, "price beyond the band".to_owned()));
    rig.place_accepted(rig.resting_bid());
}

#[test]
fn an_order_that_would_meet_our_own_is_refused() {
    let mut rig = rig(InstrumentLimits { no_self_trade: true, ..InstrumentLimits::default() });
    rig.place_accepted(rig.resting_bid());
    let ours = (RejectClass::Limit, "would meet our own order".to_owned());
    let price = rig.resting_bid().price();
    let met = refused(&mut rig, |rig| OrderCommand::limit(rig.btc.id, Side::Sell, price, rig.size("0.001")));
    assert_eq!(met, ours);
    let met = refused(&mut rig, |rig| OrderCommand::market(rig.btc.id, Side::Sell, rig.size("0.001")));
    assert_eq!(met, ours);
}

#[test]
fn what_the_account_cannot_pay_for_is_refused_until_a_cancel_frees_it() {
    let limits = InstrumentLimits { check_balance: true, ..InstrumentLimits::default() };
    let limits = Limits::new().instrument(Venue::Coinbase, BTC, limits);
    let bench = Bench::new().venue(|config| config.balances = vec![("USD".to_owned(), decimal("1000"))]);
    let mut rig = bench.gateway(move |b| b.limits(limits)).start();
    rig.wait_for_execution("the balance", |r| r.kind == K::Balance && r.value().to_string().starts_with("1000"));
    let open = rig.place_accepted(rig.limit(Side::Buy, "60000", "0.01"));
    let over = refused(&mut rig, |rig| rig.limit(Side::Buy, "40001", "0.01"));
    assert_eq!(over, (RejectClass::InsufficientFunds, "not enough balance".to_owned()));
    let over = refused(&mut rig, |rig| rig.limit(Side::Sell, "60000", "0.001"));
    assert_eq!(over.0, RejectClass::InsufficientFunds, "there is no bitcoin");
    rig.submit(rig.cancel_of(open.request));
    rig.expect(open.request, K::Cancelled);
    rig.place_accepted(rig.limit(Side::Buy, "40001", "0.01"));
}

#[test]
fn without_a_book_what_needs_one_is_refused() {
    let limits = InstrumentLimits { book_age_ms_max: Some(5_000), ..InstrumentLimits::default() };
    let limits = Limits::new().every_instrument(limits);
    let mut rig = Bench::new().channels(Channels::NONE).gateway(move |b| b.limits(limits)).start();
    let blind = refused(&mut rig, Rig::resting_bid);
    assert_eq!(blind, (RejectClass::Limit, "no book to check against".to_owned()));
}

#[test]
fn a_venue_has_a_limit_of_open_orders() {
    let limits = VenueLimits { open_orders_max: Some(1), order_rate_max: None };
    let limits = Limits::new().venue(Venue::Coinbase, limits);
    let mut rig = Bench::new().gateway(move |b| b.limits(limits)).start();
    rig.place_accepted(rig.resting_bid());
    let over = refused(&mut rig, Rig::resting_bid);
    assert_eq!(over, (RejectClass::Limit, "too many open orders at venue".to_owned()));
}

#[test]
fn a_venue_has_an_order_rate_of_our_own_and_changes_count_to_it() {
    at_every_venue(|at| {
        let rate = OrderRate { orders: 2, window_ms: 60_000 };
        let limits = VenueLimits { open_orders_max: None, order_rate_max: Some(rate) };
        let limits = Limits::new().venue(at, limits);
        let mut rig = Setup::direct().start_by(at, |builder| builder.limits(limits));
        let order = rig.place_accepted();
        let change = |rig: &mut venues::Rig, ticks: i64| loop {
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
