//! Whatever a REST API answers to a new order, at every venue: a verdict is Rejected at once, with its class and the time
//! to try again; anything else is Unknown and then what the venue's listings prove. The order is never sent again.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use canned::failures::{all, html, json, Failure, First};
use common::fast_rules;
use exchange_connectors::gateway::BreakerRules;
use exchange_connectors::order::ReconcileRules;
use exchange_connectors::record::{
    ExecutionKind as K, GuardEvent, RejectClass, UnixNanos, Venue, EXECUTION_FLAG_RECONCILED,
};
use std::thread;
use std::time::Duration;
use venues::{Rig, Setup};

/// Where redirects point: the same host, whose certificate is trusted.
const ELSEWHERE: &str = "/elsewhere";

/// Every failure at a venue. What ends in doubt leaves nothing behind: a gateway goes through several of them. A verdict may
/// hold up what follows: each has a gateway of its own.
fn each(at: Venue, show: fn(&mut Rig, &Failure)) {
    let (doubts, verdicts): (Vec<_>, Vec<_>) = all(at).into_iter().partition(|f| f.first == First::Unknown);
    thread::scope(|scope| {
        scope.spawn(|| verdicts.iter().for_each(|failure| show(&mut Setup::canned().start(at), failure)));
        venues::in_parts(Setup::canned(), at, &doubts, |rig, failure| {
            rig.canned().forget();
            show(rig, failure);
        });
    });
}

fn orders_sent(rig: &Rig) -> usize {
    let (verb, path) = rig.local.paths().place;
    rig.canned().asked(verb, path)
}

/// The can answers, and the venue never hears of the order.
fn never_arrived(rig: &mut Rig, failure: &Failure) {
    let (at, name) = (rig.local.venue(), failure.name);
    let (verb, path) = rig.local.paths().place;
    rig.canned().answer(verb, path, failure.reply.clone());
    let first = rig.place();
    match failure.first {
        First::Rejected(class) => {
            assert_eq!((first.kind, first.reject), (K::Rejected, class), "{at} {name}: {first:?}");
            assert!(first.sent != UnixNanos::NONE && !first.has(EXECUTION_FLAG_RECONCILED), "{at} {name}");
            assert!(!first.venue_code.as_str().is_empty(), "{at} {name}: the venue's words are told");
        }
        First::Unknown => {
            assert_eq!(first.kind, K::Unknown, "{at} {name}: {first:?}");
            let rejected = rig.expect(first.request, K::Rejected);
            assert_eq!(rejected.reject, RejectClass::NeverArrived, "{at} {name}");
            assert!(rejected.has(EXECUTION_FLAG_RECONCILED), "{at} {name}");
        }
    }
    if let Some(wait_ms) = failure.wait_ms {
        let next = rig.submit(rig.resting_bid());
        let refused = rig.first(next);
        assert_eq!((refused.kind, refused.reject), (K::Rejected, failure.held), "{at} {name}: {refused:?}");
        assert_eq!(refused.sent, UnixNanos::NONE, "{at} {name}: nothing of it left");
        let again = refused.retry_at().expect("the time to try again");
        let waits_ms = again.since(first.recv) / 1_000_000;
        assert!(waits_ms <= wait_ms && waits_ms + 1_000 > wait_ms, "{at} {name}: in {waits_ms} ms, not {wait_ms}");
    }
    rig.watch(Duration::from_millis(100));
    let law = rig.law(first.request);
    let of_rejected: &[K] = &[K::Rejected];
    let of_unknown: &[K] = &[K::Unknown, K::Rejected];
    assert_eq!(law, if failure.first == First::Unknown { of_unknown } else { of_rejected }, "{at} {name}");
    assert_eq!(orders_sent(rig), 1, "{at} {name}: sent once");
    assert_eq!(rig.gateway.open_orders().unwrap(), 0, "{at} {name}");
}

/// The venue takes the order, the can answers in its place, and the account's events are silent.
fn taken_all_the_same(rig: &mut Rig, failure: &Failure) {
    let (at, name) = (rig.local.venue(), failure.name);
    if failure.first != First::Unknown {
        return;
    }
    rig.local.hold_user_events();
    let (verb, path) = rig.local.paths().place;
    rig.canned().answer_when_done(verb, path, failure.reply.clone());
    let first = rig.place();
    let (accepted, told) = rig.accepted_in_doubt(first.request);
    let id = accepted.client_order_id;
    assert!(!accepted.venue_order_id.is_empty(), "{at} {name}");
    rig.local.release_user_events();
    let end = rig.trade_to_the_end(&accepted);
    assert_eq!(rig.law(first.request), [&told[..], &end].concat(), "{at} {name}");
    assert_eq!((orders_sent(rig), rig.local.orders_received(id.as_str())), (1, 1), "{at} {name}: sent once");
}

#[test]
fn an_order_that_never_arrived_at_coinbase() {
    each(Venue::Coinbase, never_arrived);
}

#[test]
fn an_order_that_never_arrived_at_binance_us() {
    each(Venue::BinanceUs, never_arrived);
}

#[test]
fn an_order_that_never_arrived_at_oanda() {
    each(Venue::Oanda, never_arrived);
}

#[test]
fn an_order_taken_all_the_same_at_coinbase() {
    each(Venue::Coinbase, taken_all_the_same);
}

#[test]
fn an_order_taken_all_the_same_at_binance_us() {
    each(Venue::BinanceUs, taken_all_the_same);
}

#[test]
fn an_order_taken_all_the_same_at_oanda() {
    each(Venue::Oanda, taken_all_the_same);
}

#[test]
fn a_redirect_is_followed_nowhere() {
    venues::at_every_venue(|at| {
        // Doubts that follow each other closely ask more than our own rate limit lets.
        let mut rig = Setup { requests_per_second: Some(venues::UNLIMITED), ..Setup::canned() }.start(at);
        let (verb, path) = rig.local.paths().place;
        for status in [301, 302, 303, 307, 308] {
            rig.canned().forget();
            let there = format!("{}{ELSEWHERE}", rig.canned().url());
            rig.canned().answer(verb, path, json(status, "{}").insert_header("Location", there.as_str()));
            let first = rig.place();
            assert_eq!(first.kind, K::Unknown, "{at} {status}: {first:?}");
            assert_eq!(rig.expect(first.request, K::Rejected).reject, RejectClass::NeverArrived, "{at} {status}");
            assert_eq!(orders_sent(&rig), 1, "{at} {status}: sent once");
            let went = ["GET", "POST"].map(|verb| rig.canned().asked(verb, ELSEWHERE));
            assert_eq!(went, [0, 0], "{at} {status}: nobody went there");
        }
    });
}

#[test]
fn an_answer_that_is_no_listing_is_no_evidence_that_an_order_is_not_there() {
    venues::at_every_venue(|at| {
        // Twelve questions are soon asked.
        let reconcile = ReconcileRules { query_pause_ms_max: 20, ..fast_rules() };
        let requests_per_second = Some(venues::UNLIMITED);
        let mut rig = Setup { reconcile, requests_per_second, ..Setup::canned() }.start(at);
        let paths = rig.local.paths();
        for body in ["{}", "null", "", r#"{"orders":"#, r#"{"error":"maintenance"}"#, "[1", "<html></html>"] {
            rig.local.hold_user_events();
            rig.canned().answer_when_done(paths.place.0, paths.place.1, html(502));
            let (verb, path) = paths.recent_orders;
            rig.canned().answer(verb, path, json(200, body));
            for (verb, path) in paths.other_listings {
                rig.canned().answer(verb, path, json(200, body));
            }
            let first = rig.place();
            assert_eq!(first.kind, K::Unknown, "{at} {body}: {first:?}");
            rig.until("a dozen questions", |rig| (rig.canned().asked(verb, path) >= 12).then_some(()));
            assert_eq!(rig.law(first.request), [K::Unknown], "{at} {body}: nothing is known");
            rig.canned().forget();
            rig.expect(first.request, K::Accepted);
            rig.local.release_user_events();
        }
    });
}

#[test]
fn a_venue_that_only_fails_opens_the_breaker_until_it_answers_again() {
    venues::at_every_venue(|at| {
        let breaker = BreakerRules {
            server_errors_max: 3,
            pause_ms_min: 200,
            probe_ms: 50,
            probes: 2,
            ..BreakerRules::default()
        };
        // Questions that keep connections warm would fail, too, and count.
        let mut rig = Setup { breaker, warm_every_ms: Some(60_000), ..Setup::canned() }.start(at);
        let lives = rig.place_accepted();
        let paths = rig.local.paths();
        if paths.time == paths.balances {
            // What probes at OANDA is also asked once at the start: it would fail, too, and count.
            rig.canned().until_asked(paths.balances, 1);
        }
        for (reply, (verb, path)) in [(html(502), paths.place), (json(503, ""), paths.time)] {
            rig.canned().answer(verb, path, reply);
        }
        let mut sent = 0;
        while rig.place().kind == K::Unknown {
            sent += 1;
        }
        assert_eq!(sent, 3, "{at}: three server errors open it");
        let opened = rig.guard(GuardEvent::BreakerOpened);
        let next = rig.submit(rig.resting_bid());
        let refused = rig.first(next);
        assert_eq!((refused.kind, refused.reject), (K::Rejected, RejectClass::BreakerOpen), "{at}: {refused:?}");
        assert!(opened.retry_at().is_some() && refused.retry_at() >= opened.retry_at(), "{at}: {opened:?} {refused:?}");
        assert_eq!(orders_sent(&rig), sent + 1, "{at}");
        // Cancels pass.
        rig.cancel(lives.request);

        rig.guard(GuardEvent::BreakerProbing);
        rig.canned().forget();
        rig.guard(GuardEvent::BreakerClosed);
        rig.place_accepted();
        assert_eq!(orders_sent(&rig), 1, "{at}: no order was the probe");
    });
}
