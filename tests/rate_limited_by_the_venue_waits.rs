//! After a 429 nothing leaves to that venue until its time is over; what is submitted meanwhile is refused here, typed and
//! with that time; the other venues of the gateway go on.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use exchange_connectors::record::{ExecutionKind as K, RejectClass, UnixNanos, Venue};
use exchange_connectors::sim::server::{Fault, Response};
use std::time::{Duration, Instant};
use venues::{Rig, Setup};

/// The venue that is spoken of answers a new order by a 429. Gives how long it wants nothing, as refusals here say, ms.
fn limited(rig: &mut Rig, response: Response) -> u64 {
    rig.local.spoil_next_order(Fault::Reply(response));
    let first = rig.place();
    assert_eq!((first.kind, first.reject), (K::Rejected, RejectClass::RateLimited), "{first:?}");
    assert_ne!(first.sent, UnixNanos::NONE, "it is the venue's word");
    let refused = rig.refused_here(rig.resting_bid());
    assert_eq!(refused.reject, RejectClass::RateLimited, "{refused:?}");
    refused.retry_at().expect("the time to try again").since(first.recv) / 1_000_000
}

/// Submits at each of these venues until an order is accepted; how long that took.
fn blocked_for(rig: &mut Rig, at: &[(Venue, Instant)]) -> Vec<Duration> {
    let posted: Vec<u64> = at
        .iter()
        .map(|(at, _)| {
            rig.turn_to(*at);
            rig.local.orders_posted()
        })
        .collect();
    let mut waited = vec![None; at.len()];
    while waited.iter().any(Option::is_none) {
        for (index, (at, since)) in at.iter().enumerate() {
            if waited[index].is_some() {
                continue;
            }
            rig.turn_to(*at);
            let request = rig.submit(rig.resting_bid());
            let first = rig.first(request);
            if first.kind == K::Accepted {
                assert_eq!(rig.local.orders_posted(), posted[index] + 1, "{at}: nothing left meanwhile");
                waited[index] = Some(since.elapsed());
                continue;
            }
            assert_eq!((first.kind, first.reject), (K::Rejected, RejectClass::RateLimited), "{first:?}");
            assert_eq!(first.sent, UnixNanos::NONE, "refused here");
        }
        rig.watch(Duration::from_millis(25));
    }
    waited.into_iter().flatten().collect()
}

#[test]
fn as_long_as_retry_after_says() {
    let mut rig = Setup::direct().start_everywhere();
    let limited = rig.each(|rig| {
        // Those before are waiting, this one does not.
        rig.place_accepted();
        let wanted = limited(rig, Response::text(429, "").with_header("Retry-After", 2));
        let at = rig.local.venue();
        assert!((1_900..=2_000).contains(&wanted), "{at}: {wanted} ms");
        (at, Instant::now())
    });
    for (waited, (at, _)) in blocked_for(&mut rig, &limited).into_iter().zip(limited) {
        assert!(waited >= Duration::from_millis(1_800), "{at}: {waited:?}");
    }
}

#[test]
fn a_while_if_nothing_is_said() {
    let mut rig = Setup::direct().start_everywhere();
    let limited = rig.each(|rig| {
        let wanted = limited(rig, Response::html(429, "<html></html>"));
        let at = rig.local.venue();
        // A ban follows whoever goes on at Binance.US (reference 6): there it is ten seconds.
        let expected = if at == Venue::BinanceUs { 10_000 } else { 1_000 };
        assert!((expected - 100..=expected).contains(&wanted), "{at}: {wanted} ms");
        (at, Instant::now())
    });
    let short: Vec<_> = limited.into_iter().filter(|(at, _)| *at != Venue::BinanceUs).collect();
    for (waited, (at, _)) in blocked_for(&mut rig, &short).into_iter().zip(&short) {
        assert!(waited >= Duration::from_millis(800) && waited < Duration::from_millis(1_900), "{at}: {waited:?}");
    }
    rig.turn_to(Venue::BinanceUs);
    assert_eq!(rig.refused_here(rig.resting_bid()).reject, RejectClass::RateLimited, "it waits on");
}
