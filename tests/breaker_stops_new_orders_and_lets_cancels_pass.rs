//! A venue in trouble: after too many server errors new orders are refused here, typed and with a time, while cancels go
//! on; probes find the venue well again, and every change is told.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bench, Rig, ORDERS};
use exchange_connectors::gateway::BreakerRules;
use exchange_connectors::record::{ExecutionKind as K, GuardEvent, RejectClass};
use exchange_connectors::sim::server::{Fault, FaultRule, Response};

const TIME: &str = "/api/v3/brokerage/time";

fn guard_events(rig: &Rig) -> Vec<GuardEvent> {
    rig.executions.iter().filter(|r| r.kind == K::Guard).map(|r| r.guard).collect()
}

#[test]
fn it_opens_by_server_errors_and_closes_by_probes() {
    let rules = BreakerRules {
        server_errors_max: 2,
        pause_ms_min: 20,
        pause_ms_max: 40,
        probes: 2,
        probe_ms: 10,
        ..BreakerRules::default()
    };
    let mut rig = Bench::new().gateway(move |b| b.breaker(rules)).start();
    let resting = rig.place_accepted(rig.resting_bid());

    let trouble = |path: &str, method: &str| {
        FaultRule::next(method, path, Fault::Reply(Response::html(503, "<html>down</html>"))).times(u32::MAX)
    };
    rig.venue.inject(trouble(ORDERS, "POST")).unwrap();
    rig.venue.inject(trouble(TIME, "GET")).unwrap();
    for _ in 0..2 {
        let lost = rig.place(rig.resting_bid());
        rig.expect(lost, K::Unknown);
    }
    let opened = rig.wait_for_execution("the breaker opens", |r| r.guard == GuardEvent::BreakerOpened);
    assert_eq!((opened.kind, opened.venue_code.to_string()), (K::Guard, "too many server errors".to_owned()));
    assert!(opened.retry_at().is_some_and(|at| at > opened.recv));

    // Nothing new leaves, and it says until when; what rests can still be cancelled.
    let sent = rig.venue.requests(&format!("POST {ORDERS}")).unwrap();
    let request = rig.submit(rig.resting_bid());
    let refused = rig.expect(request, K::Rejected);
    assert_eq!((refused.reject, refused.retry_at().is_some()), (RejectClass::BreakerOpen, true));
    rig.submit(rig.cancel_of(resting.request));
    rig.expect(resting.request, K::Cancelled);
    assert_eq!(rig.venue.requests(&format!("POST {ORDERS}")).unwrap(), sent);

    // Failing probes keep it open.
    rig.until_true("a probe fails", |rig| {
        rig.executions.iter().any(|r| r.guard == GuardEvent::BreakerOpened && r.venue_code.as_str() == "a probe failed")
    });
    assert!(!guard_events(&rig).contains(&GuardEvent::BreakerClosed));

    rig.venue.clear_faults().unwrap();
    rig.until_true("the breaker closes", |rig| guard_events(rig).last() == Some(&GuardEvent::BreakerClosed));
    rig.place_accepted(rig.resting_bid());
}
