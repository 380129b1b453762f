//! Pre-trade limits, at all three venues: what is over one is refused here, typed, and not a byte of it leaves; what is
//! exactly at it passes; a place given back can be used again.
//!
//! One limit is not the same everywhere: an account at OANDA holds margin and no balance of what is traded, so that it is
//! the margin that must do.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use common::PATIENCE;
use exchange_connectors::gateway::{Channels, InstrumentLimits, Limits, OrderRate, VenueLimits};
use exchange_connectors::record::{
    ExecutionKind as K, ExecutionRecord, Fixed, MarketKind, OrderCommand, OrderRef, RejectClass, Side, Venue,
};
use exchange_connectors::sim::server::{Fault, FaultRule};
use std::time::{Duration, Instant};
use venues::{at_every_venue, Local, Rig, Setup, UNLIMITED};

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
        let at_market = OrderCommand::market(rig.traded.id, Side::Sell, bid.quantity());
        assert_refused(rig, at_market, limit, "would meet our own order");
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

/// How much later than at its quickest market data may come, ms.
const LAG_MS_MAX: u64 = 300;

/// The same limits for whatever is traded; books are streamed.
fn rig_with_books(limits: InstrumentLimits) -> Rig {
    let setup = Setup { channels: Channels::BOOK, requests_per_second: Some(UNLIMITED), ..Setup::direct() };
    let mut rig = setup.start_everywhere_by(|builder| builder.limits(Limits::new().every_instrument(limits)));
    rig.each(Rig::book_is_the_venues);
    rig
}

/// Lets the market move until a change of the book was told.
fn hear_of_the_book(rig: &mut Rig) {
    rig.take();
    let from = rig.market.len();
    rig.until("news of the book", |rig| {
        rig.local.step();
        let told = |r: &_| is_of_the_book(rig, r);
        rig.market[from..].iter().any(told).then_some(())
    });
}

fn is_of_the_book(rig: &Rig, record: &exchange_connectors::record::MarketRecord) -> bool {
    record.instrument() == rig.traded.id && record.kind() == MarketKind::Level
}

/// Why a resting bid was refused here, or that it was not: then it is cancelled.
fn refusal(rig: &mut Rig) -> Option<String> {
    let posted = rig.local.orders_posted();
    let first = rig.place();
    if first.kind == K::Accepted {
        rig.cancel(first.request);
        return None;
    }
    assert_eq!((first.kind, first.reject), (K::Rejected, RejectClass::Limit), "{first:?}");
    assert_eq!(rig.local.orders_posted(), posted, "{}: not a byte of it left", rig.local.venue());
    Some(first.venue_code.to_string())
}

#[test]
fn the_position_counts_fills_and_open_orders() {
    // 10 bitcoin, 10 bitcoin and no euro are held to begin with; the limit is two bids more.
    let limits = Local::ALL.into_iter().fold(Limits::new(), |limits, at| {
        let (symbol, most) = match at {
            Venue::Coinbase => ("BTC-USD", "10.02"),
            Venue::BinanceUs => ("BTCUSD", "10.02"),
            Venue::Oanda => ("EUR_USD", "200"),
        };
        let position_max = Some(Fixed::parse(most).unwrap());
        limits.instrument(at, symbol, InstrumentLimits { position_max, ..InstrumentLimits::default() })
    });
    let mut rig = rig(limits);
    rig.each(|rig| {
        let over = |rig: &mut Rig, lots| {
            let order = bid(rig, 0, lots);
            assert_refused(rig, order, RejectClass::Limit, "position over the limit");
        };
        let first = rig.place_accepted();
        over(rig, 1);
        let second = rig.place_accepted();
        over(rig, 0);
        rig.cancel(second.request);
        for part in rig.local.parts() {
            rig.local.fill(first.client_order_id.as_str(), part);
        }
        rig.expect(first.request, K::Filled);
        over(rig, 1);
        rig.place_accepted();
    });
}

#[test]
fn a_price_far_through_the_market_is_refused() {
    let mut rig = rig_with_books(InstrumentLimits { price_band_bps: Some(100), ..InstrumentLimits::default() });
    rig.each(|rig| {
        let [bids, asks] = rig.local.book();
        for (side, opposite, of_best, beyond) in [(Side::Buy, asks, 101, 1), (Side::Sell, bids, 99, -1)] {
            let best = Fixed::parse(&opposite[0].0.to_string()).unwrap();
            let best = best.rescale(rig.traded.price_exponent).unwrap();
            // The last price within the band.
            let tick = rig.traded.tick_mantissa();
            let band = best * of_best / 100;
            let last = if side == Side::Buy { band / tick * tick } else { (band + tick - 1) / tick * tick };
            let quantity = rig.resting_bid().quantity();
            let at = |price| OrderCommand::limit(rig.traded.id, side, price, quantity);
            let (within, over) = (at(last), at(last + beyond * tick));
            assert_refused(rig, over, RejectClass::PriceBand, "price beyond the band");
            let first = rig.place_order(within);
            assert_eq!(first.kind, K::Accepted, "{}: {first:?}", rig.local.venue());
        }
    });
}

#[test]
fn without_a_book_what_needs_one_is_refused() {
    let age = InstrumentLimits { book_age_ms_max: Some(5_000), ..InstrumentLimits::default() };
    let band = InstrumentLimits { price_band_bps: Some(100), ..InstrumentLimits::default() };
    for limits in [age, band] {
        let mut rig = rig(Limits::new().every_instrument(limits));
        rig.each(|rig| assert_refused(rig, rig.resting_bid(), RejectClass::Limit, "no book to check against"));
    }
}

#[test]
fn while_the_connection_of_the_book_is_silent_orders_are_refused() {
    let limits = InstrumentLimits { book_age_ms_max: Some(400), ..InstrumentLimits::default() };
    let mut rig = rig_with_books(limits);
    rig.each(|rig| {
        // Nothing moves but what the order and its cancel do to the book themselves; heartbeats come more rarely.
        let deadline = Instant::now() + PATIENCE;
        while refusal(rig).as_deref() != Some("book is stale") {
            assert!(Instant::now() < deadline, "{}: never stale", rig.local.venue());
            rig.watch(Duration::from_millis(600));
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            hear_of_the_book(rig);
            let Some(why) = refusal(rig) else { return };
            assert_eq!(why, "book is stale");
            assert!(Instant::now() < deadline, "{}: for ever", rig.local.venue());
        }
    });
}

#[test]
fn while_market_data_comes_late_orders_are_refused() {
    let limits = InstrumentLimits { feed_lag_ms_max: Some(LAG_MS_MAX), ..InstrumentLimits::default() };
    let mut rig = rig_with_books(limits);
    rig.each(|rig| {
        hear_of_the_book(rig);
        rig.local.hold_prices(true);
        // What was on its way.
        rig.watch(Duration::from_millis(100));
        let from = rig.market.len();
        for _ in 0..200 {
            rig.local.step();
        }
        rig.watch(Duration::from_millis(2 * LAG_MS_MAX));
        assert!(!rig.market[from..].iter().any(|r| is_of_the_book(rig, r)), "{}: nothing is told", rig.local.venue());
        rig.local.hold_prices(false);
        rig.until("what was held", |rig| rig.market[from..].iter().any(|r| is_of_the_book(rig, r)).then_some(()));
        assert_eq!(refusal(rig).as_deref(), Some("market data lags"), "{}", rig.local.venue());
        let deadline = Instant::now() + PATIENCE;
        loop {
            hear_of_the_book(rig);
            let Some(why) = refusal(rig) else { return };
            assert_eq!(why, "market data lags");
            assert!(Instant::now() < deadline, "{}: for ever", rig.local.venue());
        }
    });
}

#[test]
fn what_the_account_cannot_pay_for_is_refused_until_a_cancel_or_a_fill_frees_it() {
    let limits = InstrumentLimits { check_balance: true, ..InstrumentLimits::default() };
    // 1,000,000 dollars; of all else the silence of a whole listing says that there is nothing.
    let setup = Setup { dollars_only: true, channels: Channels::BOOK, ..Setup::direct() };
    let mut rig = setup.start_everywhere_by(|builder| builder.limits(Limits::new().every_instrument(limits)));
    rig.each(|rig| {
        if rig.local.venue() == Venue::Oanda {
            return by_margin(rig);
        }
        let size = |rig: &Rig, text| Fixed::parse(text).unwrap().rescale(rig.traded.size_exponent).unwrap();
        let price = rig.resting_bid().price();
        let order = |rig: &Rig, side, quantity| OrderCommand::limit(rig.traded.id, side, price, quantity);
        let known = |rig: &mut Rig, order| {
            rig.until("balances", |rig| {
                let request = rig.submit(order);
                (rig.first(request).venue_code.as_str() != "balance not known yet").then_some(())
            });
        };
        let over = |rig: &mut Rig, order| {
            assert_refused(rig, order, RejectClass::InsufficientFunds, "not enough balance");
        };
        let lot = rig.traded.lot_mantissa();
        let ten = size(rig, "10");
        let sell_one_lot_more = |rig: &Rig, than| {
            let ask = 2 * price;
            OrderCommand::limit(rig.traded.id, Side::Sell, ask, than + lot)
        };
        let nothing = sell_one_lot_more(rig, size(rig, "0.01"));
        known(rig, nothing);
        over(rig, nothing);
        // Half of the dollars.
        let first = order(rig, Side::Buy, ten);
        let first = rig.place_order(first);
        assert_eq!(first.kind, K::Accepted, "{first:?}");
        let more = order(rig, Side::Buy, ten + lot);
        over(rig, more);
        rig.cancel(first.request);
        let second = rig.place_order(more);
        assert_eq!(second.kind, K::Accepted, "{second:?}");
        rig.local.fill(second.client_order_id.as_str(), "1");
        rig.expect(second.request, K::Fill);
        let too_much = sell_one_lot_more(rig, size(rig, "1"));
        over(rig, too_much);
        let half = OrderCommand::limit(rig.traded.id, Side::Sell, 2 * price, size(rig, "0.5"));
        // The local Coinbase opens no account for what is bought, and refuses it itself.
        let sold = rig.place_order(half);
        assert!(sold.kind == K::Accepted || sold.sent.is_some(), "it leaves: {sold:?}");
    });
}

/// 100,000 dollars of margin, at 2 % of 1.2001 for each euro.
fn by_margin(rig: &mut Rig) {
    let units = |rig: &Rig, text| Fixed::parse(text).unwrap().rescale(rig.traded.size_exponent).unwrap();
    let price = rig.resting_bid().price();
    let order = |rig: &Rig, side, text| OrderCommand::limit(rig.traded.id, side, price, units(rig, text));
    let over = |rig: &mut Rig, order| {
        assert_refused(rig, order, RejectClass::InsufficientFunds, "not enough margin");
    };
    let too_much = order(rig, Side::Buy, "4166320");
    rig.until("margin and a price", |rig| {
        let request = rig.submit(too_much);
        (rig.first(request).reject == RejectClass::InsufficientFunds).then_some(())
    });
    over(rig, too_much);
    let first = rig.place_order(order(rig, Side::Buy, "3000000"));
    assert_eq!(first.kind, K::Accepted, "{first:?}");
    over(rig, order(rig, Side::Buy, "1166320"));
    let rest = rig.place_order(order(rig, Side::Buy, "1166319"));
    assert_eq!(rest.kind, K::Accepted, "to the last euro: {rest:?}");
    over(rig, order(rig, Side::Buy, "1"));
    rig.cancel(rest.request);
    // Bought far below the market: with the venue's next word there is the profit to bind, too.
    let (verb, path) = rig.local.paths().balances;
    rig.local.inject(FaultRule::next(verb, path, Fault::ThenHold).times(u32::MAX));
    rig.local.fill(first.client_order_id.as_str(), "3000000");
    rig.expect(first.request, K::Fill);
    over(rig, order(rig, Side::Buy, "1166320"));
    rig.local.clear_faults();
    rig.local.release_held();
    // What closes binds nothing.
    let sold = rig.place_order(OrderCommand::limit(rig.traded.id, Side::Sell, 2 * price, units(rig, "3000000")));
    assert_eq!(sold.kind, K::Accepted, "{sold:?}");
}
