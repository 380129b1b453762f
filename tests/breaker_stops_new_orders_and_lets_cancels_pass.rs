//! A venue in trouble: after too many server errors new orders are refused here, typed and with a time, while queries and
//! cancels go on; probes find the venue well again, and every change is told. At every venue alike, and the other venues of
//! the gateway trade on meanwhile. (What else opens the breaker is a table of the engine's tests.)
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use exchange_connectors::gateway::BreakerRules;
use exchange_connectors::record::{ExecutionKind as K, GuardEvent, RejectClass, Venue};
use exchange_connectors::sim::server::{Fault, FaultRule, Response};
use venues::{Local, Rig, Setup};

const RULES: BreakerRules = BreakerRules {
    window_ms: 30_000,
    outcomes_min: u32::MAX,
    failure_percent_max: 50,
    timeouts_max: u32::MAX,
    server_errors_max: 2,
    skew_ms_max: 5_000,
    pause_ms_min: 20,
    pause_ms_max: 40,
    probes: 2,
    probe_ms: 10,
};

/// What was told of a venue's breaker, in order.
fn guards(rig: &Rig, at: Venue) -> Vec<GuardEvent> {
    rig.executions.iter().filter(|r| r.kind == K::Guard && r.venue == at).map(|r| r.guard).collect()
}

#[test]
fn it_opens_by_server_errors_and_closes_by_probes() {
    let mut rig = Setup { breaker: RULES, ..Setup::direct() }.start_everywhere();
    for at in Local::ALL {
        rig.turn_to(at);
        let resting = rig.place_accepted();

        // From now on a server that is down answers orders and probes.
        let paths = rig.local.paths();
        for (method, path) in [paths.place, paths.time] {
            let down = Fault::Reply(Response::html(503, "<html>down</html>"));
            rig.local.inject(FaultRule::next(method, path, down).times(u32::MAX));
        }
        let lost = [(); 2].map(|()| {
            let first = rig.place();
            assert_eq!(first.kind, K::Unknown, "{first:?}");
            first
        });
        let opened = rig.guard(GuardEvent::BreakerOpened);
        assert_eq!(opened.venue_code.as_str(), "too many server errors", "{at}");
        assert!(opened.retry_at().is_some_and(|at| at > opened.recv), "{at}");

        // Nothing new leaves, and it says until when; what rests can still be cancelled.
        let refused = rig.refused_here(rig.resting_bid());
        assert_eq!((refused.reject, refused.retry_at().is_some()), (RejectClass::BreakerOpen, true), "{at}");
        rig.cancel(resting.request);
        for other in Local::ALL.into_iter().filter(|other| *other != at) {
            rig.turn_to(other);
            let placed = rig.place_accepted();
            rig.cancel(placed.request);
        }
        rig.turn_to(at);

        // What became of the orders is asked while it is open, and found out.
        for lost in lost {
            assert_eq!(rig.expect(lost.request, K::Rejected).reject, RejectClass::NeverArrived, "{at}");
        }

        // Failing probes keep it open.
        rig.until("a probe fails", |rig| {
            rig.executions.iter().find(|r| r.venue == at && r.venue_code.as_str() == "a probe failed").copied()
        });
        assert!(!guards(&rig, at).contains(&GuardEvent::BreakerClosed), "{at}");

        rig.local.clear_faults();
        rig.until("the breaker closes", |rig| {
            (guards(rig, at).last() == Some(&GuardEvent::BreakerClosed)).then_some(())
        });
        rig.place_accepted();
    }
    // Each of them once, and nobody's trouble opened another's.
    for at in Local::ALL {
        let closed = guards(&rig, at).into_iter().filter(|event| *event == GuardEvent::BreakerClosed).count();
        assert_eq!(closed, 1, "{at}");
    }
}
