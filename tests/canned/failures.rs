//! Every way a REST API, or a proxy before it, fails to answer a new order, and how the order must end.
#![allow(dead_code)]

use super::{cut, trickle};
use exchange_connectors::record::{RejectClass, Venue};
use std::time::Duration;
use wiremock::ResponseTemplate;

const PAGE: &str = "<html><head><title>502 Bad Gateway</title></head>\r\n<body>cloudflare</body></html>";
/// How long nothing is sent after a firewall's page, ms.
const FIREWALL_MS: u64 = 120_000;
/// More than a reply may take in any test.
const NEVER: Duration = Duration::from_secs(5);

/// What an order's strategy is told first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// Definitive.
    Rejected(RejectClass),
    /// Then what queries prove.
    Unknown,
}

/// One way to fail.
pub struct Failure {
    pub name: &'static str,
    pub reply: ResponseTemplate,
    pub first: First,
    /// The venue wants nothing for so long: the next order is refused here until then, ms.
    pub wait_ms: Option<u64>,
    /// As what it is refused.
    pub held: RejectClass,
}

pub fn json(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body.to_owned(), "application/json")
}

pub fn html(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(PAGE, "text/html")
}

/// All of them, as this venue means them.
pub fn all(at: Venue) -> Vec<Failure> {
    use First::{Rejected, Unknown};
    let failure = |name, reply, first| Failure { name, reply, first, wait_ms: None, held: RejectClass::RateLimited };
    let limited = Rejected(RejectClass::RateLimited);
    let (throttled_ms, ban) = match at {
        // Of a ban Coinbase knows nothing: 418 is a 4xx that is not its own.
        Venue::Coinbase | Venue::Oanda => (1_000, (Unknown, None)),
        Venue::BinanceUs => (10_000, (limited, Some(120_000))),
    };
    let mut failures = vec![
        failure("401 in plain text", json(401, "Unauthorized\n"), Rejected(RejectClass::Unauthorized)),
        Failure {
            wait_ms: Some(FIREWALL_MS),
            held: RejectClass::BreakerOpen,
            ..failure("403 HTML", html(403), Rejected(RejectClass::Forbidden))
        },
        Failure { wait_ms: ban.1, held: RejectClass::BreakerOpen, ..failure("418", json(418, ""), ban.0) },
        Failure {
            wait_ms: Some(30_000),
            ..failure("429 with Retry-After", json(429, "slow down").insert_header("Retry-After", "30"), limited)
        },
        Failure { wait_ms: Some(throttled_ms), ..failure("429 without a time", html(429), limited) },
        failure("500", json(500, r#"{"error":"INTERNAL","code":-1000,"msg":"oops"}"#), Unknown),
        failure("502 HTML", html(502), Unknown),
        failure("503", json(503, ""), Unknown),
        failure("504 HTML", html(504), Unknown),
        failure("slow", json(200, "{}").set_delay(NEVER), Unknown),
        failure("trickling", trickle(json(200, &" ".repeat(2_000)), 5), Unknown),
        failure("cut before a byte", cut(json(200, "{}"), 0), Unknown),
        failure("cut in the head", cut(json(200, "{}"), 12), Unknown),
        failure("cut mid-body", cut(json(200, &format!("{{\"a\":\"{}\"}}", "x".repeat(900))), 300), Unknown),
        failure("empty", json(200, ""), Unknown),
        failure("204", ResponseTemplate::new(204), Unknown),
        failure("no order in it", json(200, "{}"), Unknown),
        failure("a page in place of JSON", html(200), Unknown),
        failure(
            "a redirect",
            ResponseTemplate::new(302).insert_header("Location", "https://elsewhere.invalid"),
            Unknown,
        ),
        failure("a proxy's 400", html(400), Unknown),
        failure("a proxy's 404", html(404), Unknown),
        failure("a proxy's 405", html(405), Unknown),
        failure("416 and nothing", json(416, ""), Unknown),
    ];
    if at == Venue::Oanda {
        // In its own words they are verdicts (OANDA reference 8).
        for status in [404, 405, 416] {
            let words = json(status, r#"{"errorMessage":"Something that nobody has seen"}"#);
            failures.push(failure("4xx in the venue's words", words, Rejected(RejectClass::Other)));
        }
    }
    failures
}
