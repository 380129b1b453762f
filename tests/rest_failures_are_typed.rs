//! Whatever a REST API or a proxy before it may answer, the caller gets an error that names venue, operation and cause,
//! says whether it may be repeated, and never takes a failure for an answer.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use canned::failures::{html, json, Failure, First};
use canned::{cut, Canned};
use common::{decimal, fast_rules, RootFile};
use exchange_connectors::gateway::{
    Connector, ConnectorConfig, ExchangeConnector, ExchangeError, Gateway, GatewayBuilder, OrderKind, OrderRequest,
};
use exchange_connectors::order::ReconcileRules;
use exchange_connectors::record::{RejectClass, Side, TimeInForce, Venue};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use venues::{Local, Setup};
use wiremock::ResponseTemplate;

/// More than our own share of the rate limit may make a query wait.
const QUERY_TIMEOUT_MS: u64 = 1_500;

/// A local venue whose REST API is cans, and a gateway to it that is not started yet.
struct Cans {
    at: Venue,
    local: Arc<Local>,
    canned: Canned,
    _roots: RootFile,
    builder: GatewayBuilder,
}

fn cans(at: Venue) -> Cans {
    cans_of(at, true)
}

/// For queries: at OANDA the engine would ask the same as they do, if it might trade.
fn cans_of_queries(at: Venue) -> Cans {
    cans_of(at, false)
}

fn cans_of(at: Venue, trades: bool) -> Cans {
    // Nothing that was sent is taken for lost while a test looks.
    let reconcile = ReconcileRules { absence_grace_ms: 60_000, ..fast_rules() };
    let setup = Setup { reconcile, reply_timeout_ms: 200, query_timeout_ms: QUERY_TIMEOUT_MS, ..Setup::canned() };
    let setup = Setup { trades, ..setup };
    let (local, canned, builder, roots) = setup.prepare(at);
    Cans { at, local, canned: canned.unwrap(), _roots: roots, builder }
}

impl Cans {
    fn start(&self) -> Gateway {
        self.builder.clone().start().unwrap()
    }

    /// The same, and waits until the engine, too, has asked for the balances: it does so once.
    fn start_settled(&self) -> Gateway {
        let gateway = self.start();
        // The key of Binance.US is checked by the same question before anything starts.
        let times = if self.at == Venue::BinanceUs { 2 } else { 1 };
        self.canned.until_asked(self.local.paths().balances, times);
        gateway
    }

    /// What is asked for a balance is answered like this, from now on.
    fn of_balances(&self, reply: ResponseTemplate) {
        let (verb, path) = self.local.paths().balances;
        self.canned.forget();
        self.canned.answer(verb, path, reply);
    }

    fn asked_for_balances(&self) -> usize {
        let (verb, path) = self.local.paths().balances;
        self.canned.asked(verb, path)
    }

    fn fails(&self, gateway: &Gateway, reply: ResponseTemplate) -> ExchangeError {
        self.of_balances(reply);
        let error = gateway.queries(self.at).unwrap().balances().unwrap_err();
        let (text, venue) = (error.to_string(), self.at.name());
        assert!(text.starts_with(&format!("{venue}: ")) && text.contains("balances"), "venue and operation: {text}");
        assert_eq!(text.matches(venue).count(), 1, "and once: {text}");
        assert!(!text.contains(['\n', '\r']) && text.len() < 400, "one line: {text}");
        assert!(!error.is_ambiguous(), "a query changes nothing: {text}");
        error
    }
}

#[test]
fn a_cold_query_that_fails_says_how_and_whether_to_try_again() {
    venues::at_every_venue(|at| {
        let cans = cans_of_queries(at);
        let gateway = cans.start();
        for (reply, status, retryable, excerpt) in [
            (json(401, r#"{"error":"Unauthorized"}"#), 401, false, "Unauthorized"),
            (json(500, r#"{"error":"INTERNAL"}"#), 500, true, "INTERNAL"),
            (html(502), 502, true, "502 Bad Gateway"),
            (json(503, ""), 503, true, ""),
            (html(504), 504, true, "502 Bad Gateway"),
            (json(404, "{}"), 404, false, "{}"),
            (json(204, ""), 204, false, ""),
            (ResponseTemplate::new(302).insert_header("Location", "https://elsewhere.invalid"), 302, false, ""),
            // A firewall that refuses is left alone for a while at Binance.US: last.
            (html(403), 403, false, "502 Bad Gateway"),
        ] {
            let error = cans.fails(&gateway, reply);
            let ExchangeError::Http { venue, status: said, excerpt: ref shown, .. } = error else {
                panic!("{at} {status}: {error:?}");
            };
            assert_eq!((venue, said, error.is_retryable()), (at, status, retryable), "{error}");
            assert!(shown.contains(excerpt), "{error}");
        }
    });
}

#[test]
fn an_answer_that_is_none_is_never_taken_for_one() {
    venues::at_every_venue(|at| {
        let cans = cans_of_queries(at);
        let gateway = cans.start();
        let rows = match at {
            Venue::Coinbase => r#"{"accounts":[{"currency":"USD"}]}"#,
            Venue::BinanceUs => r#"{"balances":[{"asset":"USD"}]}"#,
            Venue::Oanda => r#"{"account":{"currency":"USD"}}"#,
        };
        for body in ["", "null", "[]", "{}", "<html>", r#"{"accounts":"#, r#"{"balances":"#, rows] {
            let error = cans.fails(&gateway, json(200, body));
            assert!(matches!(error, ExchangeError::Unreadable { .. }), "{at} {body:?}: {error:?}");
            assert!(!error.is_retryable());
        }

        let started = Instant::now();
        let error = cans.fails(&gateway, html(200).set_delay(Duration::from_secs(5)));
        assert!(matches!(error, ExchangeError::Timeout { timeout_ms: QUERY_TIMEOUT_MS, .. }), "{error:?}");
        assert!(error.is_retryable() && started.elapsed() < Duration::from_secs(3));

        for keep in [0, 5, 120] {
            let error = cans.fails(&gateway, cut(json(200, &" ".repeat(4_000)), keep));
            let ExchangeError::Transport { ref cause, .. } = error else { panic!("{error:?}") };
            assert!(cause.contains("localhost") && error.is_retryable(), "{error}");
        }
    });
}

/// The next query is refused here, says when to try again, and is not sent.
fn is_held(cans: &Cans, gateway: &Gateway, for_ms: u64) {
    let started = Instant::now();
    let error = cans.fails(gateway, json(200, "{}"));
    let ExchangeError::Throttled { retry_in_ms, .. } = error else { panic!("{error:?}") };
    assert!(retry_in_ms <= for_ms && retry_in_ms + 2_000 > for_ms, "{retry_in_ms} ms of {for_ms} ms: {error}");
    assert!(error.is_retryable());
    assert!(started.elapsed() < Duration::from_millis(QUERY_TIMEOUT_MS), "at once: it could not be in time");
    assert_eq!(cans.asked_for_balances(), 0, "the venue is left alone");
}

#[test]
fn a_429_holds_the_next_query_for_as_long_as_it_says() {
    venues::at_every_venue(|at| {
        let cans = cans_of_queries(at);
        let gateway = cans.start();
        let error = cans.fails(&gateway, json(429, "slow down").insert_header("Retry-After", "30"));
        assert!(matches!(error, ExchangeError::Http { status: 429, .. }) && error.is_retryable(), "{error:?}");
        is_held(&cans, &gateway, 30_000);
    });
}

#[test]
fn a_429_without_a_time_holds_the_next_query_for_a_moment_at_coinbase() {
    let mut cans = cans(Venue::Coinbase);
    cans.builder = cans.builder.query_timeout_ms(10_000);
    let gateway = cans.start();
    let error = cans.fails(&gateway, html(429));
    assert!(matches!(error, ExchangeError::Http { status: 429, .. }) && error.is_retryable(), "{error:?}");
    cans.of_balances(json(200, r#"{"accounts":[],"has_next":false,"cursor":"","size":0}"#));
    let started = Instant::now();
    assert_eq!(gateway.queries(Venue::Coinbase).unwrap().balances(), Ok(vec![]));
    assert!(started.elapsed() > Duration::from_millis(100), "it waited a moment");
}

#[test]
fn a_ban_a_throttle_and_the_firewall_of_binance_us_are_obeyed_by_queries() {
    let at = Venue::BinanceUs;
    let soon = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() + 60_000;
    let ban = format!(r#"{{"code":-1003,"msg":"Way too much request weight used; IP banned until {soon}."}}"#);
    for (reply, hold_ms) in [
        (json(418, &ban), 60_000),
        (json(418, "").insert_header("Retry-After", "50"), 50_000),
        (html(418), 120_000),
        (html(429), 10_000),
        (html(403), 120_000),
    ] {
        let cans = cans(at);
        let gateway = cans.start();
        cans.fails(&gateway, reply);
        is_held(&cans, &gateway, hold_ms);
    }
}

#[test]
fn binance_us_own_words_are_typed() {
    let cans = cans(Venue::BinanceUs);
    let gateway = cans.start();
    for (reply, expected, retryable) in [
        (json(401, r#"{"code":-2015,"msg":"Invalid API-key"}"#), RejectClass::Unauthorized, false),
        (json(400, r#"{"code":-1121,"msg":"Invalid symbol."}"#), RejectClass::UnknownInstrument, false),
        (json(400, r#"{"code":-9999,"msg":"Something new"}"#), RejectClass::Other, false),
        (json(429, r#"{"code":-1003,"msg":"Too many requests"}"#), RejectClass::RateLimited, true),
    ] {
        let error = cans.fails(&gateway, reply);
        let ExchangeError::Rejected { class, .. } = error else { panic!("{error:?}") };
        assert_eq!((class, error.is_retryable()), (expected, retryable), "{error}");
    }
}

#[test]
fn oandas_own_words_are_typed() {
    let cans = cans_of_queries(Venue::Oanda);
    let gateway = cans.start();
    for (reply, expected, code, retryable) in [
        (
            json(401, r#"{"errorMessage":"Insufficient authorization"}"#),
            RejectClass::Unauthorized,
            "Insufficient",
            false,
        ),
        (json(403, r#"{"errorMessage":"forbidden"}"#), RejectClass::Forbidden, "forbidden", false),
        (json(404, r#"{"errorMessage":"?","errorCode":"NO_SUCH_TRADE"}"#), RejectClass::UnknownOrder, "NO_SUCH", false),
        (json(405, r#"{"errorMessage":"Method Not Allowed"}"#), RejectClass::Other, "Method Not", false),
        (json(416, r#"{"errorMessage":"The range is invalid"}"#), RejectClass::Other, "The range", false),
        (json(429, r#"{"errorMessage":"Rate limit violation"}"#), RejectClass::RateLimited, "Rate limit", true),
    ] {
        let error = cans.fails(&gateway, reply);
        let ExchangeError::Rejected { class, code: ref said, .. } = error else { panic!("{error:?}") };
        assert_eq!((class, error.is_retryable()), (expected, retryable), "{error}");
        assert!(said.starts_with(code), "{error}");
    }
}

#[test]
fn a_token_oanda_does_not_take_is_a_start_error_that_says_what_to_do() {
    for (reply, what) in [
        (
            json(401, r#"{"errorMessage":"Insufficient authorization"}"#),
            "(HTTP 401: Insufficient authorization): check",
        ),
        (html(403), "(HTTP 403: 502 Bad Gateway): check"),
        (json(200, r#"{"accounts":[]}"#), "not among the accounts of this token"),
        (html(502), "HTTP 502"),
    ] {
        let cans = cans(Venue::Oanda);
        cans.canned.answer("GET", "/v3/accounts", reply);
        let error = cans.builder.start().map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(what) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn a_stamp_that_binance_us_refuses_is_corrected_and_asked_once_more() {
    let cans = cans(Venue::BinanceUs);
    let gateway = cans.start_settled();
    let refused = r#"{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}"#;
    let error = cans.fails(&gateway, json(400, refused));
    assert!(matches!(error, ExchangeError::Rejected { .. }), "{error:?}");
    assert_eq!(cans.asked_for_balances(), 2, "asked twice and no more");
    let (verb, path) = cans.local.paths().time;
    assert!(cans.canned.asked(verb, path) >= 1, "the venue's clock was asked in between");
}

#[test]
fn a_401_of_coinbase_is_asked_once_more_where_asking_twice_does_no_harm() {
    let cans = cans(Venue::Coinbase);
    let gateway = cans.start_settled();
    for (reply, times) in [(json(401, "Unauthorized\n"), 2), (json(404, "{}"), 1)] {
        let error = cans.fails(&gateway, reply);
        assert_eq!(cans.asked_for_balances(), times, "{error}");
    }
    let ids = ["o-1".parse().unwrap()];
    let (verb, path) = cans.local.paths().cancel;
    cans.canned.answer(verb, path, json(401, "Unauthorized\n"));
    let error = gateway.coinbase().unwrap().cancel_orders(&ids).unwrap_err();
    assert_eq!(error.to_string(), "coinbase: cancel failed with HTTP 401: Unauthorized");
    assert_eq!(cans.canned.asked(verb, path), 2);
    // The firewall's page is left alone: nothing follows it for a while.
    let error = cans.fails(&gateway, html(403));
    assert_eq!(cans.asked_for_balances(), 1, "{error}");
}

#[test]
fn a_key_coinbase_does_not_take_is_a_start_error_that_says_what_to_do() {
    for (reply, what) in [
        (json(401, "Unauthorized\n"), "the API key is refused (HTTP 401: Unauthorized): check key"),
        (json(200, r#"{"can_view":true,"can_trade":false}"#), "the API key may not trade: give it"),
        (json(200, r#"{"can_view":false,"can_trade":false}"#), "the API key may not view: give it"),
    ] {
        let cans = cans(Venue::Coinbase);
        cans.canned.answer("GET", "/api/v3/brokerage/key_permissions", reply);
        let error = cans.builder.start().map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("coinbase: ") && error.contains(what), "{error}");
    }
    let cans = cans(Venue::Coinbase);
    let old = r#"{"iso":"","epochSeconds":"1790735993","epochMillis":"1790735993000"}"#;
    let (verb, path) = cans.local.paths().time;
    cans.canned.answer(verb, path, json(200, old));
    let error = cans.builder.start().map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("ms off the venue's") && error.contains("synchronise it"), "{error}");
}

#[test]
fn an_order_by_the_connector_is_rejected_only_by_a_verdict_and_ambiguous_otherwise() {
    venues::at_every_venue(|at| {
        let failures = canned::failures::all(at);
        // Each has a connector of its own: a throttle, a ban, or a connection that fails again and again holds up the next.
        thread::scope(|scope| {
            for part in failures.chunks(failures.len().div_ceil(venues::GATEWAYS_AT_A_TIME)) {
                scope.spawn(move || part.iter().for_each(|failure| places(&mut connect(at, 400), failure)));
            }
        });
    });
}

#[test]
fn an_order_that_coinbase_throttled_is_not_sent_again_by_the_connector() {
    let mut connected = connect(Venue::Coinbase, 3_000);
    let failures = canned::failures::all(Venue::Coinbase);
    let throttled = failures.iter().find(|failure| failure.name == "429 without a time").unwrap();
    places(&mut connected, throttled);
}

fn connect(at: Venue, order_timeout_ms: u64) -> (Cans, Connector) {
    let cans = cans(at);
    let config = ConnectorConfig { order_timeout_ms, ..ConnectorConfig::default() };
    let mut exchange = Connector::new(at, cans.builder.clone(), config);
    exchange.connect().unwrap();
    (cans, exchange)
}

fn places((cans, exchange): &mut (Cans, Connector), failure: &Failure) {
    let (price, quantity) = cans.local.bid_terms();
    let kind = OrderKind::Limit {
        price: decimal(price),
        quantity: decimal(quantity),
        time_in_force: TimeInForce::GoodTilCancelled,
        // OANDA has no such orders.
        post_only: cans.at != Venue::Oanda,
    };
    let order = OrderRequest { symbol: cans.local.symbol().into(), side: Side::Buy, kind };
    let (verb, path) = cans.local.paths().place;
    cans.canned.forget();
    cans.canned.answer(verb, path, failure.reply.clone());
    let error = exchange.place_order(&order).unwrap_err();
    let text = format!("{}: {error}", failure.name);
    let venue = cans.at.name();
    assert!(error.to_string().starts_with(&format!("{venue}: ")) && !text.contains('\n'), "{text}");
    assert_eq!(cans.canned.asked(verb, path), 1, "sent once: {text}");
    match failure.first {
        First::Rejected(class) => {
            assert!(matches!(&error, ExchangeError::Rejected { class: c, .. } if *c == class), "{text}");
            let limited = class == RejectClass::RateLimited;
            assert_eq!((error.is_ambiguous(), error.is_retryable()), (false, limited), "{text}");
        }
        First::Unknown => {
            assert!(matches!(&error, ExchangeError::OutcomeUnknown { .. }), "{text}");
            assert!(error.is_ambiguous() && !error.is_retryable(), "{text}");
        }
    }
}
