//! A venue whose clock jumps away from ours: tokens that are outdated there, stamps it does not take. Nothing is unknown by
//! that, and what can be corrected is.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use exchange_connectors::record::{ExecutionKind as K, GuardEvent, RejectClass, UnixNanos, Venue};
use venues::Setup;

fn ten_seconds_away_opens_the_breaker(at: Venue) {
    let mut rig = Setup { warm_every_ms: Some(100), ..Setup::direct() }.start(at);
    rig.place_accepted();
    rig.local.step_clock(10_000);
    let opened = rig.guard(GuardEvent::BreakerOpened);
    assert_eq!(opened.venue_code.as_str(), "clocks too far apart");
    let request = rig.submit(rig.resting_bid());
    let refused = rig.first(request);
    assert_eq!((refused.kind, refused.reject), (K::Rejected, RejectClass::BreakerOpen), "{refused:?}");
    assert!(refused.retry_at().is_some());
}

#[test]
fn coinbase_ten_seconds_away_opens_the_breaker_when_it_is_asked_for_the_time() {
    ten_seconds_away_opens_the_breaker(Venue::Coinbase);
}

#[test]
fn oanda_ten_seconds_away_opens_the_breaker_when_a_reply_tells_its_time() {
    ten_seconds_away_opens_the_breaker(Venue::Oanda);
}

#[test]
fn a_token_that_coinbase_finds_expired_is_a_refusal() {
    let mut rig = Setup::direct().start(Venue::Coinbase);
    let open = rig.place_accepted();
    rig.local.step_clock(300_000);
    let first = rig.place();
    assert_eq!((first.kind, first.reject), (K::Rejected, RejectClass::Unauthorized), "{first:?}");
    assert_eq!(rig.local.orders_received(first.client_order_id.as_str()), 1);
    assert!(rig.local.holds(open.client_order_id.as_str()), "what is open stays open");
}

#[test]
fn a_stamp_that_binance_us_refuses_is_a_refusal_and_the_next_one_is_right() {
    let mut rig = Setup::direct().start(Venue::BinanceUs);
    let open = rig.place_accepted();
    rig.local.step_clock(20_000);
    let first = rig.place();
    assert_eq!(first.kind, K::Rejected, "{first:?}");
    assert!(first.venue_code.as_str().starts_with("-1021"), "{first:?}");
    // The clock is asked at once, and until it is known nothing is signed: what is submitted meanwhile never leaves.
    let next = rig.place_accepted();
    let left: Vec<_> = rig.executions.iter().filter(|r| r.kind == K::Rejected && r.sent != UnixNanos::NONE).collect();
    assert_eq!(left.len(), 1, "one stamp was refused: {left:#?}");
    rig.cancel(next.request);
    rig.cancel(open.request);
}
