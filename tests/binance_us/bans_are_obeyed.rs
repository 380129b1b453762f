//! A throttle, a ban and the firewall's page are obeyed at once, told to every strategy with the time of their end, and
//! over when they are over.

use crate::binance_us::BinanceRig;
use exchange_connectors::guard::BreakerRules;
use exchange_connectors::record::{ExecutionKind as K, ExecutionRecord, GuardEvent, RejectClass};
use exchange_connectors::sim::binance_us::waf_page;
use exchange_connectors::sim::server::{Fault, FaultRule, Response};

const SECOND_NS: u64 = 1_000_000_000;

/// Orders over REST, and a breaker that probes quickly.
fn rig() -> BinanceRig {
    let rules = BreakerRules { pause_ms_min: 50, probe_ms: 20, probes: 2, ..BreakerRules::default() };
    BinanceRig::trading_by(|builder| builder.breaker(rules), |config| config.api_connections(0))
}

fn guard(rig: &mut BinanceRig, event: GuardEvent) -> ExecutionRecord {
    rig.until(&format!("{event:?}"), |rig| {
        rig.executions.iter().find(|r| r.kind == K::Guard && r.guard == event).copied()
    })
}

fn answer_next_order(rig: &BinanceRig, response: Response) {
    rig.venue.inject(FaultRule::next("POST", "/api/v3/order", Fault::Reply(response))).unwrap();
}

fn error(status: u16, body: &str) -> Response {
    Response::json(status, body)
}

fn rejected(rig: &mut BinanceRig) -> ExecutionRecord {
    let request = rig.submit(rig.resting_bid());
    rig.expect(request, K::Rejected)
}

#[test]
fn a_ban_opens_the_breaker_until_its_end_and_probes_close_it() {
    let mut rig = rig();
    rig.venue.ban(2 * SECOND_NS).unwrap();
    // Whichever request meets the ban first opens the breaker: this order, or a question of the engine's own.
    let first = rejected(&mut rig).reject;
    assert!(matches!(first, RejectClass::RateLimited | RejectClass::BreakerOpen), "{first:?}");
    let opened = guard(&mut rig, GuardEvent::BreakerOpened);
    assert_eq!(opened.venue_code.as_str(), "banned by the venue");
    let until = opened.retry_at().unwrap();
    assert!(until > opened.recv && until.since(opened.recv) <= 3 * SECOND_NS, "{opened:?}");
    let refused = rejected(&mut rig);
    assert_eq!((refused.reject, refused.sent.is_some()), (RejectClass::BreakerOpen, false));
    guard(&mut rig, GuardEvent::BreakerClosed);
    let request = rig.submit(rig.resting_bid());
    rig.expect(request, K::Accepted);
    let opened: Vec<_> = rig.executions.iter().filter(|r| r.guard == GuardEvent::BreakerOpened).collect();
    assert_eq!(opened.len(), 1, "one ban is told once: {opened:#?}");
}

#[test]
fn the_firewalls_page_is_no_verdict_on_the_key_and_everything_waits() {
    let mut rig = rig();
    answer_next_order(&rig, waf_page());
    assert_eq!(rejected(&mut rig).reject, RejectClass::Forbidden);
    let opened = guard(&mut rig, GuardEvent::BreakerOpened);
    assert!(opened.retry_at().unwrap().since(opened.recv) >= 10 * SECOND_NS, "minutes, not moments: {opened:?}");
    assert_eq!(rejected(&mut rig).reject, RejectClass::BreakerOpen);
}

#[test]
fn a_throttle_is_waited_for_with_and_without_a_time() {
    for (response, most_ns) in [
        (
            error(429, r#"{"code":-1003,"msg":"Too much request weight used."}"#).with_header("Retry-After", "1"),
            SECOND_NS,
        ),
        (
            error(429, r#"{"code":-1015,"msg":"Too many new orders; current limit is 100 orders per 10 SECOND."}"#),
            60 * SECOND_NS,
        ),
    ] {
        let mut rig = rig();
        answer_next_order(&rig, response);
        assert_eq!(rejected(&mut rig).reject, RejectClass::RateLimited);
        let told = guard(&mut rig, GuardEvent::Throttled);
        let until = told.retry_at().unwrap();
        assert!(until > told.recv && until.since(told.recv) <= most_ns, "{told:?}");
        let refused = rejected(&mut rig);
        assert_eq!((refused.reject, refused.sent.is_some()), (RejectClass::RateLimited, false));
        assert!(refused.retry_at().unwrap() >= until, "the time to try again is told");
        assert_eq!(rig.executions.iter().filter(|r| r.guard == GuardEvent::Throttled).count(), 1);
    }
}

#[test]
fn a_refused_stamp_has_the_clock_asked_at_once_and_the_next_order_passes() {
    let mut rig = rig();
    let asked = rig.venue.requests("GET /api/v3/time").unwrap();
    let stale = r#"{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}"#;
    answer_next_order(&rig, error(400, stale));
    assert!(rejected(&mut rig).venue_code.as_str().starts_with("-1021"));
    rig.until("the clock is asked", |rig| (rig.venue.requests("GET /api/v3/time").unwrap() > asked).then_some(()));
    let accepted = rig.until("an accepted order", |rig| {
        let request = rig.submit(rig.resting_bid());
        let answer = rig.until("an answer", |rig| rig.executions.iter().find(|r| r.request == request).copied());
        assert!(answer.kind == K::Accepted || answer.reject == RejectClass::Busy, "{answer:?}");
        (answer.kind == K::Accepted).then_some(answer)
    });
    assert_eq!(rig.received(&accepted), 1);
}
