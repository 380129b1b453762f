//! After a 429 nothing leaves until the venue's time is over; what is submitted meanwhile is refused here, typed.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bench, Rig, ORDERS};
use exchange_connectors::record::{ExecutionKind as K, ExecutionRecord, RejectClass, RequestId, UnixNanos};
use exchange_connectors::sim::server::{Fault, Response};
use std::time::{Duration, Instant};

fn first_answer(rig: &mut Rig, request: RequestId) -> ExecutionRecord {
    rig.until("an answer", |rig| rig.first(request))
}

/// Submits until an order is accepted; how long that took since the 429.
fn blocked_for(rig: &mut Rig, response: Response) -> Duration {
    rig.venue.inject_next("POST", ORDERS, Fault::Reply(response)).unwrap();
    let request = rig.place(rig.resting_bid());
    rig.expect(request, K::Rejected);
    let (since, sent_before) = (Instant::now(), rig.venue.requests(&format!("POST {ORDERS}")).unwrap());
    let mut refused = 0;
    loop {
        let request = rig.submit(rig.resting_bid());
        let answer = first_answer(rig, request);
        if answer.kind == K::Accepted {
            assert!(refused > 0, "the first attempt was let through");
            assert_eq!(
                rig.venue.requests(&format!("POST {ORDERS}")).unwrap(),
                sent_before + 1,
                "nothing left meanwhile"
            );
            return since.elapsed();
        }
        assert_eq!((answer.kind, answer.reject), (K::Rejected, RejectClass::RateLimited), "{answer:?}");
        assert_eq!(answer.sent, UnixNanos::NONE, "refused here");
        refused += 1;
        rig.watch(Duration::from_millis(25));
    }
}

#[test]
fn as_long_as_retry_after_says() {
    let mut rig = Bench::new().start();
    let waited = blocked_for(&mut rig, Response::text(429, "").with_header("Retry-After", 2));
    assert!(waited >= Duration::from_millis(1_900), "{waited:?}");
}

#[test]
fn a_second_if_nothing_is_said() {
    let mut rig = Bench::new().start();
    let waited = blocked_for(&mut rig, Response::html(429, "<html></html>"));
    assert!(waited >= Duration::from_millis(900) && waited < Duration::from_millis(1_900), "{waited:?}");
}
