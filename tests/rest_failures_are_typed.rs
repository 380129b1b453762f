//! Whatever a REST API or a proxy before it may answer, the caller gets an error that names venue, operation and cause,
//! says whether it may be repeated, and never takes a failure for an answer.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;

use canned::Canned;
use common::{canary_credentials, decimal, fast_rules, quiet_venue, RootFile, BTC, LIST_FILLS, LIST_ORDERS, ORDERS};
use exchange_connectors::gateway::{
    BreakerRules, CoinbaseConfig, Connector, ConnectorConfig, ExchangeConnector, ExchangeError, Gateway,
    GatewayBuilder, OrderKind, OrderRequest,
};
use exchange_connectors::order::ReconcileRules;
use exchange_connectors::record::{RejectClass, Side, TimeInForce, Venue};
use exchange_connectors::sim::coinbase::LocalVenue;
use exchange_connectors::venue::coinbase::{CoinbaseEndpoints, Endpoint};
use std::time::{Duration, Instant};
use wiremock::ResponseTemplate;

const ACCOUNTS: &str = "/api/v3/brokerage/accounts";
const PRODUCT: &str = "/api/v3/brokerage/market/products/BTC-USD";
const PAGE: &str = "<html><head><title>502 Bad Gateway</title></head>\r\n<body>cloudflare</body></html>";
/// More than our own share of the rate limit may make a query wait.
const QUERY_TIMEOUT_MS: u64 = 1_500;

/// The streams of a local venue, the REST API of the cans.
struct Setup {
    canned: Canned,
    _venue: LocalVenue,
    _roots: RootFile,
    builder: GatewayBuilder,
}

fn setup() -> Setup {
    common::logs();
    let canned = Canned::start();
    let venue = LocalVenue::start(quiet_venue()).unwrap();
    let roots = RootFile::write(&format!("{}{}", venue.ca_pem(), canned.ca_pem));
    let endpoints = CoinbaseEndpoints {
        rest: Endpoint::https(&canned.url()).unwrap(),
        ws: Endpoint::wss(&venue.ws_url()).unwrap(),
        ws_user: Endpoint::wss(&venue.ws_user_url()).unwrap(),
        exchange_ws: Endpoint::wss(&venue.exchange_ws_url()).unwrap(),
    };
    let key = canary_credentials();
    let config = CoinbaseConfig::default()
        .endpoints(endpoints)
        .order_connections(1)
        .reply_timeout_ms(200)
        .credentials(key.name(), key.secret())
        .unwrap();
    let builder = GatewayBuilder::default()
        .coinbase(config)
        .without_limits()
        .without_state()
        // Nothing that was sent is taken for lost while a test looks.
        .reconcile(ReconcileRules { absence_grace_ms: 60_000, ..fast_rules() })
        // Nor does the breaker keep orders from a venue that does nothing but fail.
        .breaker(BreakerRules {
            outcomes_min: u32::MAX,
            timeouts_max: u32::MAX,
            server_errors_max: u32::MAX,
            ..BreakerRules::default()
        })
        .query_timeout_ms(QUERY_TIMEOUT_MS)
        .root_certificates(&roots.path);
    Setup { canned, _venue: venue, _roots: roots, builder }
}

fn json(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body.to_owned(), "application/json")
}

fn html(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(PAGE, "text/html")
}

fn balances(canned: &Canned, gateway: &Gateway, reply: ResponseTemplate) -> ExchangeError {
    canned.forget();
    canned.answer("GET", ACCOUNTS, reply);
    let error = gateway.queries(Venue::Coinbase).unwrap().balances().unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("coinbase: ") && text.contains("balances"), "venue and operation are named: {text}");
    assert_eq!(text.matches("coinbase").count(), 1, "and once: {text}");
    assert!(!text.contains('\n') && text.len() < 400, "one line: {text}");
    assert!(!error.is_ambiguous(), "a query changes nothing: {text}");
    error
}

#[test]
fn a_cold_query_that_fails_says_how_and_whether_to_try_again() {
    let setup = setup();
    let gateway = setup.builder.start().unwrap();
    for (reply, status, retryable, excerpt) in [
        (json(401, r#"{"error":"Unauthorized"}"#), 401, false, "Unauthorized"),
        (html(403), 403, false, "502 Bad Gateway"),
        (json(500, r#"{"error":"INTERNAL"}"#), 500, true, "INTERNAL"),
        (html(502), 502, true, "502 Bad Gateway"),
        (json(503, ""), 503, true, ""),
        (html(504), 504, true, "502 Bad Gateway"),
        (json(404, "{}"), 404, false, "{}"),
        (json(204, ""), 204, false, ""),
        (ResponseTemplate::new(302).insert_header("Location", "https://elsewhere.invalid"), 302, false, ""),
    ] {
        let error = balances(&setup.canned, &gateway, reply);
        let ExchangeError::Http { venue: Venue::Coinbase, status: said, excerpt: ref shown, .. } = error else {
            panic!("{status}: {error:?}");
        };
        assert_eq!((said, error.is_retryable()), (status, retryable), "{error}");
        assert!(shown.contains(excerpt), "{error}");
    }
}

#[test]
fn an_answer_that_is_none_is_never_taken_for_one() {
    let setup = setup();
    let gateway = setup.builder.start().unwrap();
    for body in ["", "null", "[]", "<html>", r#"{"accounts":"#, r#"{"accounts":[{"currency":"USD"}]}"#] {
        let error = balances(&setup.canned, &gateway, json(200, body));
        assert!(matches!(error, ExchangeError::Unreadable { .. }), "{body:?}: {error:?}");
        assert!(!error.is_retryable());
    }

    let started = Instant::now();
    let slow = html(200).set_delay(Duration::from_secs(5));
    let error = balances(&setup.canned, &gateway, slow);
    assert!(matches!(error, ExchangeError::Timeout { timeout_ms: QUERY_TIMEOUT_MS, .. }), "{error:?}");
    assert!(error.is_retryable() && started.elapsed() < Duration::from_secs(3));

    for keep in [0, 5, 120] {
        setup.canned.forget();
        setup.canned.answer("GET", ACCOUNTS, json(200, &" ".repeat(4_000)));
        setup.canned.cut_after(keep);
        let error = gateway.queries(Venue::Coinbase).unwrap().balances().unwrap_err();
        let ExchangeError::Transport { venue: Venue::Coinbase, ref cause, .. } = error else { panic!("{error:?}") };
        assert!(cause.contains("localhost") && error.is_retryable(), "{error}");
    }
}

#[test]
fn a_429_holds_the_next_query_for_as_long_as_it_says() {
    let setup = setup();
    let gateway = setup.builder.start().unwrap();
    let error = balances(&setup.canned, &gateway, json(429, "slow down").insert_header("Retry-After", "30"));
    assert!(matches!(error, ExchangeError::Http { status: 429, .. }) && error.is_retryable(), "{error:?}");
    // Half a minute is beyond the query's own time: it fails here, at once, and the venue is left alone.
    let started = Instant::now();
    let error = balances(&setup.canned, &gateway, json(200, "{}"));
    assert!(matches!(error, ExchangeError::Timeout { .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_millis(QUERY_TIMEOUT_MS));
    assert_eq!(setup.canned.asked("GET", ACCOUNTS), 0);
}

#[test]
fn a_429_without_a_time_holds_the_next_query_for_a_moment_only() {
    let setup = setup();
    let gateway = setup.builder.query_timeout_ms(10_000).start().unwrap();
    let error = balances(&setup.canned, &gateway, html(429));
    assert!(matches!(error, ExchangeError::Http { status: 429, .. }) && error.is_retryable(), "{error:?}");
    setup.canned.forget();
    setup.canned.answer("GET", ACCOUNTS, json(200, r#"{"accounts":[],"has_next":false,"cursor":"","size":0}"#));
    let started = Instant::now();
    assert_eq!(gateway.queries(Venue::Coinbase).unwrap().balances(), Ok(vec![]));
    assert!(started.elapsed() > Duration::from_millis(100), "it waited a moment");
}

/// A venue whose clock is far off would not be started with.
fn the_time() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    format!(r#"{{"iso":"","epochSeconds":"{}","epochMillis":"{}"}}"#, now.as_secs(), now.as_millis())
}

#[test]
fn a_401_is_asked_once_more_where_asking_twice_does_no_harm() {
    let setup = setup();
    let gateway = setup.builder.start().unwrap();
    for (reply, times) in [(json(401, "Unauthorized\n"), 2), (html(403), 1), (json(404, "{}"), 1)] {
        setup.canned.forget();
        setup.canned.answer("GET", ACCOUNTS, reply);
        let error = gateway.queries(Venue::Coinbase).unwrap().balances().unwrap_err();
        assert_eq!(setup.canned.asked("GET", ACCOUNTS), times, "{error}");
    }
    let ids = ["o-1".parse().unwrap()];
    setup.canned.answer("POST", "/api/v3/brokerage/orders/batch_cancel", json(401, "Unauthorized\n"));
    let error = gateway.coinbase().unwrap().cancel_orders(&ids).unwrap_err();
    assert_eq!(error.to_string(), "coinbase: cancel failed with HTTP 401: Unauthorized");
    assert_eq!(setup.canned.asked("POST", "/api/v3/brokerage/orders/batch_cancel"), 2);
}

#[test]
fn a_key_the_venue_does_not_take_is_a_start_error_that_says_what_to_do() {
    for (reply, what) in [
        (json(401, "Unauthorized\n"), "the API key is refused (HTTP 401: Unauthorized): check key"),
        (json(200, r#"{"can_view":true,"can_trade":false}"#), "the API key may not trade: give it"),
        (json(200, r#"{"can_view":false,"can_trade":false}"#), "the API key may not view: give it"),
    ] {
        let setup = setup();
        setup.canned.answer("GET", "/api/v3/brokerage/time", json(200, &the_time()));
        setup.canned.answer("GET", "/api/v3/brokerage/key_permissions", reply);
        let error = setup.builder.start().map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("coinbase: ") && error.contains(what), "{error}");
    }
    let setup = setup();
    let old = r#"{"iso":"","epochSeconds":"1790735993","epochMillis":"1790735993000"}"#;
    setup.canned.answer("GET", "/api/v3/brokerage/time", json(200, old));
    let error = setup.builder.start().map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("ms off the venue's") && error.contains("synchronise it"), "{error}");
}

#[test]
fn an_order_is_rejected_only_by_a_verdict_and_ambiguous_otherwise() {
    let setup = setup();
    let canned = &setup.canned;
    let always = || {
        canned.forget();
        canned.answer("GET", LIST_ORDERS, json(200, r#"{"orders":[],"has_next":false,"cursor":""}"#));
        canned.answer("GET", LIST_FILLS, json(200, r#"{"fills":[],"cursor":""}"#));
        canned.answer("GET", "/api/v3/brokerage/time", json(200, &the_time()));
        canned.answer("GET", PRODUCT, json(200, include_str!("canned/product.json")));
    };
    always();
    let config = ConnectorConfig { order_timeout_ms: 350, ..ConnectorConfig::default() };
    let mut exchange = Connector::new(Venue::Coinbase, setup.builder.clone(), config);
    exchange.connect().unwrap();
    let kind = OrderKind::Limit {
        price: decimal("50000"),
        quantity: decimal("0.01"),
        time_in_force: TimeInForce::GoodTilCancelled,
        post_only: true,
    };
    let order = OrderRequest { symbol: BTC.into(), side: Side::Buy, kind };
    for (reply, verdict) in [
        (html(403), Some(RejectClass::Forbidden)),
        (json(401, "Unauthorized\n"), Some(RejectClass::Unauthorized)),
        (html(502), None),
        (json(500, r#"{"error":"INTERNAL"}"#), None),
        (json(503, ""), None),
        (html(504), None),
        (json(200, ""), None),
        (json(200, "{}"), None),
        (html(200), None),
        (json(201, "").set_delay(Duration::from_secs(5)), None),
    ] {
        always();
        canned.answer("POST", ORDERS, reply.clone());
        let before = canned.asked("POST", ORDERS);
        let error = exchange.place_order(&order).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("coinbase: ") && !text.contains('\n'), "{text}");
        assert_eq!(canned.asked("POST", ORDERS) - before, 1, "sent once: {text}");
        match verdict {
            Some(class) => {
                assert!(matches!(&error, ExchangeError::Rejected { class: c, .. } if *c == class), "{error:?}");
                assert!(!error.is_ambiguous() && !error.is_retryable(), "{text}");
            }
            None => {
                assert!(matches!(&error, ExchangeError::OutcomeUnknown { .. }), "{reply:?}: {error:?}");
                assert!(error.is_ambiguous() && !error.is_retryable(), "{text}");
            }
        }
    }
}
