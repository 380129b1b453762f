//! Pre-trade limits of instruments and venues: what is over one is refused here, typed, and not a byte of it leaves; what
//! is exactly at it passes.

use crate::common::{decimal, Bench, Rig, BTC, ORDERS, PATIENCE};
use exchange_connectors::gateway::{Channels, InstrumentLimits, Limits};
use exchange_connectors::record::{
    ExecutionKind as K, Fixed, Flags, MarketKind, OrderCommand, RejectClass, Side, UnixNanos, Venue,
};
use std::time::Instant;

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
    // That there is no bitcoin is said by the silence of a whole listing.
    let sell = |rig: &Rig| rig.limit(Side::Sell, "60000", "0.001");
    let mut over = refused(&mut rig, sell);
    let end = Instant::now() + PATIENCE;
    while over == (RejectClass::Limit, "balance not known yet".to_owned()) && Instant::now() < end {
        over = refused(&mut rig, sell);
    }
    assert_eq!(over, (RejectClass::InsufficientFunds, "not enough balance".to_owned()));
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
