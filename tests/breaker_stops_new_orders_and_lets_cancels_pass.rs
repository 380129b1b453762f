//! A venue in trouble: after too many server errors new orders are refused here, typed and with a time, while queries and
//! cancels go on; probes find the venue well again, and every change is told. At every venue alike. (What else opens the
//! breaker is a table of the engine's tests.)
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/binance_us.rs"]
mod binance_us;
mod common;
#[path = "common/oanda.rs"]
mod oanda;

use binance_us::BinanceRig;
use common::{Bench, Rig, ORDERS};
use exchange_connectors::gateway::BreakerRules;
use exchange_connectors::record::{ExecutionKind as K, ExecutionRecord, GuardEvent, RejectClass};
use exchange_connectors::sim::server::{Fault, FaultRule, Response};
use oanda::OandaRig;

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

/// From now on this is answered by a server that is down.
fn trouble(method: &str, path: &str) -> FaultRule {
    FaultRule::next(method, path, Fault::Reply(Response::html(503, "<html>down</html>"))).times(u32::MAX)
}

fn guards(executions: &[ExecutionRecord]) -> Vec<GuardEvent> {
    executions.iter().filter(|r| r.kind == K::Guard).map(|r| r.guard).collect()
}

/// The same story at a venue: its rig, where it takes orders, how it names that when it counts, and what probes ask.
macro_rules! it_opens_by_server_errors_and_closes_by_probes {
    ($test:ident, $rig:expr, $place:expr, $counted:expr, $probe:expr) => {
        #[test]
        fn $test() {
            let mut rig = $rig;
            let (place, probe): (String, String) = ($place(&rig), $probe(&rig));
            let resting = rig.submit(rig.resting_bid());
            rig.expect(resting, K::Accepted);

            rig.venue.inject(trouble("POST", &place)).unwrap();
            rig.venue.inject(trouble("GET", &probe)).unwrap();
            let lost = [rig.resting_bid(), rig.resting_bid()].map(|bid| {
                let lost = rig.submit(bid);
                rig.expect(lost, K::Unknown);
                lost
            });
            let opened = rig.until("the breaker opens", |rig| {
                rig.executions.iter().find(|r| r.guard == GuardEvent::BreakerOpened).copied()
            });
            assert_eq!((opened.kind, opened.venue_code.as_str()), (K::Guard, "too many server errors"));
            assert!(opened.retry_at().is_some_and(|at| at > opened.recv));

            // Nothing new leaves, and it says until when; what rests can still be cancelled.
            let sent = rig.venue.requests($counted).unwrap();
            let request = rig.submit(rig.resting_bid());
            let refused = rig.expect(request, K::Rejected);
            assert_eq!((refused.reject, refused.retry_at().is_some()), (RejectClass::BreakerOpen, true));
            rig.submit(rig.cancel_of(resting));
            rig.expect(resting, K::Cancelled);
            assert_eq!(rig.venue.requests($counted).unwrap(), sent);

            // What became of the orders is asked while it is open, and found out.
            for lost in lost {
                let end = rig.expect(lost, K::Rejected);
                assert_eq!(end.reject, RejectClass::NeverArrived);
            }

            // Failing probes keep it open.
            rig.until("a probe fails", |rig| {
                rig.executions.iter().find(|r| r.venue_code.as_str() == "a probe failed").copied()
            });
            assert!(!guards(&rig.executions).contains(&GuardEvent::BreakerClosed));

            rig.venue.clear_faults().unwrap();
            rig.until("the breaker closes", |rig| {
                (guards(&rig.executions).last() == Some(&GuardEvent::BreakerClosed)).then_some(())
            });
            let placed = rig.submit(rig.resting_bid());
            rig.expect(placed, K::Accepted);
        }
    };
}

it_opens_by_server_errors_and_closes_by_probes!(
    at_coinbase,
    Bench::new().gateway(|b| b.breaker(RULES)).start(),
    |_: &Rig| ORDERS.into(),
    &format!("POST {ORDERS}"),
    |_: &Rig| "/api/v3/brokerage/time".into()
);

it_opens_by_server_errors_and_closes_by_probes!(
    at_binance_us,
    // Orders over REST, which faults can be injected into.
    BinanceRig::trading_by(|b| b.breaker(RULES), |config| config.api_connections(0)),
    |_: &BinanceRig| "/api/v3/order".into(),
    "POST /api/v3/order",
    |_: &BinanceRig| "/api/v3/time".into()
);

it_opens_by_server_errors_and_closes_by_probes!(
    at_oanda,
    OandaRig::trading_at(oanda::quiet_venue(|_| {}), |config| config, |b| b.breaker(RULES)),
    |rig: &OandaRig| rig.orders_path(),
    "POST /orders",
    |rig: &OandaRig| rig.orders_path().replace("/orders", "/summary")
);
