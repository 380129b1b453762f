//! However hard a strategy hammers, the venue's own limit of 30 requests a second is never hit; what is too much is refused
//! here, typed, and cancels still get through.

use crate::common::{Bench, ORDERS};
use exchange_connectors::record::{ExecutionKind as K, RejectClass, UnixNanos};
use exchange_connectors::sim::coinbase::Limits;
use std::time::{Duration, Instant};

#[test]
fn two_hundred_orders_and_their_cancels() {
    let mut rig = Bench::new().venue(|config| config.limits = Limits::default()).start();
    let order = rig.resting_bid();
    // A burst, then one every few milliseconds until more than one window of the limit is over.
    let mut submitted: Vec<_> = (0..50).map(|_| rig.submit(order)).collect();
    let started = Instant::now();
    while submitted.len() < 200 || started.elapsed() < Duration::from_millis(1_300) {
        submitted.push(rig.submit(order));
        rig.watch(Duration::from_millis(5));
    }
    let all = submitted.clone();
    rig.until_true("every order to be answered", |rig| all.iter().all(|r| rig.first(*r).is_some()));
    let (mut accepted, mut limited) = (Vec::new(), 0);
    for request in &submitted {
        let first = rig.first(*request).unwrap();
        match (first.kind, first.reject) {
            (K::Accepted, _) => accepted.push(*request),
            (K::Rejected, RejectClass::RateLimited) => {
                assert_eq!(first.sent, UnixNanos::NONE, "refused here, not there");
                limited += 1;
            }
            (K::Rejected, RejectClass::Busy) => assert_eq!(first.sent, UnixNanos::NONE),
            other => panic!("{other:?}: {first:?}"),
        }
    }
    assert!(accepted.len() >= 20 && limited > 50, "{} accepted, {limited} limited", accepted.len());
    assert_eq!(rig.venue.requests(&format!("POST {ORDERS}")).unwrap(), accepted.len() as u64);

    // Cancels draw on their own reserve while orders are refused.
    for request in &accepted {
        rig.submit(rig.cancel_of(*request));
    }
    for request in &accepted {
        rig.expect(*request, K::Cancelled);
    }
    assert_eq!(rig.venue.rate_limit_hits().unwrap(), 0);
    let seen = rig.venue.observed().unwrap();
    assert_eq!((seen.tokens_reused, seen.refused_tokens.len()), (0, 0), "each token was good, and used once");
    assert!(seen.orders_received.values().all(|times| *times == 1));
}
