//! A REST connection from its opening on, byte for byte.

use super::super::super::request::Unsupported;
use super::super::super::response::Page;
use super::super::super::testing::{instrument, Ear, Told};
use super::*;
use crate::codec::test_captures;
use crate::order::{CancelReply, FactSource, OrderStatus, PlaceReply, ReplaceReply};
use crate::record::{Fixed128, InstrumentId, Liquidity, OrderType, RejectClass, Side, TimeInForce};
use proptest::prelude::*;

const NOW: UnixNanos = UnixNanos(1_000_000_000);

struct Line {
    session: OrderSession,
    ear: Ear,
}

impl Line {
    fn open() -> Line {
        let endpoint = Endpoint::https("https://api.coinbase.com").unwrap();
        let config = OrderConfig { user_agent: "test/1".into(), ..OrderConfig::default() };
        let mut session = OrderSession::new(&endpoint, config).unwrap();
        session.know(&instrument(0, "BTC-USD"));
        session.know(&instrument(1, "ADA-USDT"));
        session.opened();
        Line { session, ear: Ear::default() }
    }

    fn try_place(&mut self, change: impl FnOnce(&mut PlaceIntent<'_>)) -> Result<(), Refused> {
        let instrument = instrument(0, "BTC-USD");
        let id = "cl-0001".parse().unwrap();
        let mut intent = PlaceIntent {
            composite: None,
            instrument: &instrument,
            client_order_id: &id,
            side: Side::Buy,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::GoodTilCancelled,
            post_only: true,
            price: 8_300_050_000_000,
            quantity: 50_000_000,
            quantity_in_quote: false,
        };
        change(&mut intent);
        self.session.place(NOW, &intent, "a.b.c".into(), &mut self.ear)
    }

    fn placed() -> Line {
        let mut line = Line::open();
        line.try_place(|_| {}).unwrap();
        line.ear.sent.clear();
        line
    }

    fn cancel(&mut self, ids: &[&str]) {
        let ids: Vec<_> = ids.iter().map(|id| id.parse().unwrap()).collect();
        self.session.cancel(NOW, &ids, "d.e.f".into(), &mut self.ear).unwrap();
    }

    fn replace(&mut self) {
        let (instrument, id) = (instrument(0, "BTC-USD"), "o-1".parse().unwrap());
        let intent = ReplaceIntent {
            instrument: &instrument,
            venue_order_id: &id,
            client_order_id: &ClientOrderId::EMPTY,
            side: Side::Buy,
            price: 8_300_060_000_000,
            quantity: 60_000_000,
        };
        self.session.replace(NOW, &intent, "j.k.l".into(), &mut self.ear).unwrap();
    }

    fn query(&mut self, query: &Query<'_>) {
        self.session.query(NOW, query, Some("g.h.i".into()), &mut self.ear).unwrap();
    }

    /// The venue answers; the end of the request.
    fn try_answer(&mut self, bytes: &[u8]) -> Result<Option<Reply>, SessionError> {
        let mut bytes = bytes.to_vec();
        let mut start = 0;
        loop {
            let step = self.session.bytes(NOW, &mut bytes[start..], &mut self.ear)?;
            start += step.progress.consumed;
            if step.reply.is_some() || !step.progress.more {
                return Ok(step.reply);
            }
        }
    }

    fn answer(&mut self, status: u16, body: &str) -> Reply {
        self.try_answer(&http(status, "", body)).unwrap().expect("the request ended")
    }

    fn sent(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.ear.sent)).unwrap()
    }
}

fn http(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

const ACCEPTED: &str = r#"{"success":true,"success_response":{"order_id":"o-1","product_id":"BTC-USD","side":"BUY","client_order_id":"cl-0001"}}"#;

fn lost(code: &str) -> Told {
    Told::Place(PlaceReply::Ambiguous { code: InlineText::truncated(code) })
}

#[test]
fn an_order_leaves_as_one_request_and_its_token_is_spent() {
    let mut line = Line::open();
    line.try_place(|_| {}).unwrap();
    let body = r#"{"client_order_id":"cl-0001","product_id":"BTC-USD","side":"BUY","order_configuration":{"limit_limit_gtc":{"base_size":"0.5","limit_price":"83000.5","post_only":true}}}"#;
    assert_eq!(
        line.sent(),
        format!(
            "POST /api/v3/brokerage/orders HTTP/1.1\r\nHost: api.coinbase.com\r\nUser-Agent: test/1\r\nContent-Type: application/json\r\nAuthorization: Bearer a.b.c\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    );
    assert_eq!(line.ear.retired, ["a.b.c".into()]);
    assert!(line.session.busy());
    assert_eq!(line.session.expects_reply_by(), Some(NOW.plus_ms(limits::REPLY_MS_MAX)));
    let reply = line.answer(200, ACCEPTED);
    assert_eq!((reply.to, reply.outcome), (ReplyTo::Place, Outcome::Answered));
    assert_eq!(line.ear.take(), [Told::Place(PlaceReply::Accepted { venue_order_id: "o-1".parse().unwrap() })]);
    assert!(line.session.free() && line.session.expects_reply_by().is_none());
}

#[test]
fn a_change_leaves_as_one_request_and_has_exactly_one_answer_whatever_happens() {
    let mut line = Line::open();
    line.replace();
    let sent = line.sent();
    assert!(sent.starts_with("POST /api/v3/brokerage/orders/edit HTTP/1.1\r\n"), "{sent}");
    assert!(sent.ends_with("\r\n\r\n{\"order_id\":\"o-1\",\"price\":\"83000.6\",\"size\":\"0.6\"}"), "{sent}");
    assert_eq!(line.ear.retired, ["j.k.l".into()]);
    let told = |reply| [Told::Replace("o-1".parse().unwrap(), reply)];
    let reply = line.answer(200, r#"{"success":true,"errors":[]}"#);
    assert_eq!((reply.to, reply.outcome), (ReplyTo::Edit, Outcome::Answered));
    assert_eq!(line.ear.take(), told(ReplaceReply::Accepted));

    let code = InlineText::truncated("connection lost");
    line.replace();
    assert!(line.session.closed(&mut line.ear).is_some());
    assert_eq!(line.ear.take(), told(ReplaceReply::Ambiguous { code }));
    assert!(line.session.closed(&mut line.ear).is_none());

    let mut line = Line::open();
    line.replace();
    assert!(line.session.time(NOW.plus_ms(limits::REPLY_MS_MAX), &mut line.ear).is_err());
    let code = InlineText::truncated("no answer in time");
    assert_eq!(line.ear.take(), told(ReplaceReply::Ambiguous { code }));
}

#[test]
fn with_a_legacy_key_every_request_is_signed_as_it_is_written() {
    let key = Arc::new(LegacyKey::new("0123456789abcdef", "0123456789abcdef0123456789abcdef").unwrap());
    let mut line = Line::open();
    line.session = line.session.signed_by(key.clone());
    let id: VenueOrderId = "o-1".parse().unwrap();
    let at = UnixNanos(1_793_613_600_999_000_000);
    line.session.cancel(at, &[id], Box::default(), &mut line.ear).unwrap();
    let body = r#"{"order_ids":["o-1"]}"#;
    let signature = key.sign_rest("POST", "/api/v3/brokerage/orders/batch_cancel", body.as_bytes(), 1_793_613_600);
    assert_eq!(
        line.sent(),
        format!(
            "POST /api/v3/brokerage/orders/batch_cancel HTTP/1.1\r\nHost: api.coinbase.com\r\nUser-Agent: test/1\r\nCB-ACCESS-KEY: 0123456789abcdef\r\nCB-ACCESS-SIGN: {}\r\nCB-ACCESS-TIMESTAMP: 1793613600\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            signature.hex(),
            body.len()
        )
    );
    assert!(line.ear.retired.is_empty(), "there was no token");
    line.answer(200, r#"{"results":[]}"#);
    let query = Query::OpenOrders { limit: 5, cursor: "" };
    line.session.query(at, &query, Some(Box::default()), &mut line.ear).unwrap();
    let sent = line.sent();
    let signature = key.sign_rest("GET", "/api/v3/brokerage/orders/historical/batch", b"", 1_793_613_600);
    assert!(sent.contains(&format!("CB-ACCESS-SIGN: {}\r\n", signature.hex())) && !sent.contains("Bearer"), "{sent}");
}

#[test]
fn a_second_request_waits_for_the_first_and_gets_its_token_back() {
    let mut line = Line::placed();
    let refused = Refused { why: NotSent::Busy, token: Some("a.b.c".into()) };
    assert_eq!(line.try_place(|_| {}), Err(refused));
    assert_eq!(line.sent(), "");
    line.answer(200, ACCEPTED);
    line.try_place(|_| {}).unwrap();
}

#[test]
fn what_cannot_be_sent_leaves_no_byte_and_no_request_in_flight() {
    let mut line = Line::open();
    let refused = line.try_place(|intent| intent.quantity = 0).unwrap_err();
    assert_eq!(refused.why, NotSent::Unsupported(Unsupported::NotPositive));
    let refused = line.session.cancel(NOW, &[], "t".into(), &mut line.ear).unwrap_err();
    assert_eq!(refused, Refused { why: NotSent::Count { max: 100 }, token: Some("t".into()) });
    let id: VenueOrderId = "o".parse().unwrap();
    let refused = line.session.cancel(NOW, &[id; 101], "t".into(), &mut line.ear).unwrap_err();
    assert_eq!(refused.why, NotSent::Count { max: 100 });
    let refused = line.session.cancel(NOW, &[id], "bad\r\ntoken".into(), &mut line.ear).unwrap_err();
    assert!(matches!(refused.why, NotSent::Request(_)) && refused.token.is_some());
    let refused = line.session.query(NOW, &Query::Time, Some("bad\ntoken".into()), &mut line.ear).unwrap_err();
    assert!(matches!(refused.why, NotSent::Request(_)) && refused.token.is_some());
    let refused = line.session.query(NOW, &Query::KeyPermissions, Some("t".into()), &mut line.ear).unwrap_err();
    assert_eq!(refused.why, NotSent::ColdQuery);
    assert_eq!((line.sent(), line.session.busy(), line.ear.retired.len()), (String::new(), false, 0));
    line.session.closed(&mut line.ear);
    assert_eq!(line.try_place(|_| {}).unwrap_err().why, NotSent::Closed);
}

#[test]
fn a_cancel_of_several_orders_answers_each() {
    let mut line = Line::open();
    line.cancel(&["o-1", "o-2"]);
    assert!(line.sent().ends_with("\r\n\r\n{\"order_ids\":[\"o-1\",\"o-2\"]}"));
    let reply = line.answer(
        200,
        r#"{"results":[{"success":true,"failure_reason":"UNKNOWN_CANCEL_FAILURE_REASON","order_id":"o-1"},{"success":false,"failure_reason":"ORDER_IS_FULLY_FILLED","order_id":"o-2"}]}"#,
    );
    assert_eq!((reply.to, reply.outcome), (ReplyTo::Cancel, Outcome::Answered));
    let over =
        CancelReply::Rejected { class: RejectClass::OrderClosed, code: InlineText::truncated("ORDER_IS_FULLY_FILLED") };
    assert_eq!(
        line.ear.take(),
        [Told::Cancel("o-1".parse().unwrap(), CancelReply::Queued), Told::Cancel("o-2".parse().unwrap(), over)]
    );
}

#[test]
fn a_refused_cancel_request_refuses_each_and_says_so() {
    let mut line = Line::open();
    line.cancel(&["o-1"]);
    let reply = line.answer(400, r#"{"error":"INVALID_ARGUMENT","message":"too many ids"}"#);
    assert!(matches!(reply.outcome, Outcome::Refused { class: RejectClass::Malformed, .. }), "{reply:?}");
    assert!(matches!(line.ear.take()[1], Told::Cancel(_, CancelReply::Rejected { .. })));
}

#[test]
fn a_connection_lost_under_an_order_leaves_it_unknown_once() {
    let mut line = Line::placed();
    let reply = line.session.closed(&mut line.ear).unwrap();
    assert_eq!((reply.to, reply.status), (ReplyTo::Place, 0));
    assert_eq!(line.ear.take(), [lost("connection lost")]);
    assert_eq!(line.session.closed(&mut line.ear), None);
    assert_eq!(line.ear.take(), []);
}

#[test]
fn a_connection_lost_under_a_cancel_leaves_each_unknown() {
    let mut line = Line::open();
    line.cancel(&["o-1", "o-2"]);
    let part = http(200, "", r#"{"results":[]}"#);
    assert_eq!(line.try_answer(&part[..part.len() - 2]), Ok(None));
    line.session.eof(&mut part[..part.len() - 2].to_vec(), &mut line.ear);
    let code = InlineText::truncated("broken reply");
    let unknown = |id: &str| Told::Cancel(id.parse().unwrap(), CancelReply::Ambiguous { code });
    assert_eq!(line.ear.take(), [unknown("o-1"), unknown("o-2")]);
}

#[test]
fn an_answer_that_ends_with_the_connection_still_counts() {
    let mut line = Line::placed();
    let text = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{ACCEPTED}");
    assert_eq!(line.try_answer(text.as_bytes()), Ok(None));
    let reply = line.session.eof(&mut text.into_bytes(), &mut line.ear).unwrap();
    assert_eq!(reply.outcome, Outcome::Answered);
    assert!(matches!(line.ear.take()[..], [Told::Place(PlaceReply::Accepted { .. })]));
    let mut line = Line::placed();
    let cut = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", &ACCEPTED[..40]);
    line.session.eof(&mut cut.into_bytes(), &mut line.ear);
    assert_eq!(line.ear.take(), [lost("unreadable reply")]);
}

#[test]
fn an_answer_that_does_not_come_in_time_leaves_the_order_unknown() {
    let mut line = Line::placed();
    assert_eq!(line.session.time(NOW, &mut line.ear), Ok(Some(NOW.plus_ms(limits::REPLY_MS_MAX))));
    let late = NOW.plus_ms(limits::REPLY_MS_MAX);
    assert!(matches!(line.session.time(late, &mut line.ear), Err(SessionError::Silent { .. })));
    assert_eq!(line.ear.take(), [lost("no answer in time")]);
    assert!(!line.session.free());
}

#[test]
fn bytes_that_are_no_answer_leave_the_order_unknown_and_end_the_connection() {
    let mut line = Line::placed();
    assert!(matches!(line.try_answer(b"SSH-2.0-oops\r\n\r\n"), Err(SessionError::Protocol(_))));
    assert_eq!(line.ear.take(), [lost("broken reply")]);
    let mut idle = Line::open();
    assert!(matches!(idle.try_answer(b"HTTP/1.1 408 Request Timeout\r\n\r\n"), Err(SessionError::Protocol(_))));
    assert_eq!(idle.ear.take(), []);
}

#[test]
fn bytes_behind_an_answer_are_never_the_answer_to_the_next_request() {
    let mut line = Line::placed();
    let answers =
        [http(200, "", ACCEPTED), http(200, "", r#"{"results":[{"success":true,"order_id":"o-1"}]}"#)].concat();
    assert_eq!(line.try_answer(&answers).unwrap().expect("the first one").outcome, Outcome::Answered);
    assert_eq!(line.ear.take(), [Told::Place(PlaceReply::Accepted { venue_order_id: "o-1".parse().unwrap() })]);
    assert!(!line.session.free(), "who answers twice is not asked again");
    assert_eq!(line.try_place(|_| {}).unwrap_err().why, NotSent::Closed);

    let mut line = Line::open();
    line.query(&Query::OpenOrders { limit: 10, cursor: "" });
    let listing = r#"{"orders":[],"sequence":"0","has_next":false,"cursor":""}"#;
    line.try_answer(&[http(200, "", listing), b"HTTP".to_vec()].concat()).unwrap().expect("the listing");
    assert!(!line.session.free(), "nor behind a listing");
}

#[test]
fn an_error_answer_is_judged_and_its_headers_are_told() {
    let mut line = Line::placed();
    let bytes =
        http(429, "Retry-After: 7\r\nX-RateLimit-Remaining: 0\r\nConnection: close\r\n", "<html>slow down</html>");
    let reply = line.try_answer(&bytes).unwrap().unwrap();
    assert_eq!((reply.status, reply.wait_ms, reply.rate.remaining), (429, Some(7_000), Some(0)));
    assert!(matches!(reply.outcome, Outcome::Refused { class: RejectClass::RateLimited, .. }));
    let told = line.ear.take();
    assert!(
        matches!(told[..], [Told::Anomaly(Anomaly::VenueError, _), Told::Place(PlaceReply::Rejected { .. })]),
        "{told:?}"
    );
    assert!(!line.session.free(), "connection: close");
    let mut line = Line::placed();
    let reply = line.answer(502, "<html>bad gateway</html>");
    assert!(matches!(reply.outcome, Outcome::Failed { .. }));
    assert_eq!(line.ear.take()[1], lost("http 502"));
    assert!(line.session.free());
}

#[test]
fn a_warm_request_needs_no_token_and_brings_the_clock() {
    let mut line = Line::open();
    line.session.warm(NOW, &mut line.ear).unwrap();
    assert_eq!(
        line.sent(),
        "GET /api/v3/brokerage/time HTTP/1.1\r\nHost: api.coinbase.com\r\nUser-Agent: test/1\r\n\r\n"
    );
    let reply = line.answer(200, r#"{"iso":"x", "epochSeconds":"1790735849", "epochMillis":"1790735849298"}"#);
    assert_eq!((reply.to, reply.outcome), (ReplyTo::Time, Outcome::Time(UnixNanos(1_790_735_849_298_000_000))));
    assert_eq!(line.ear.take(), []);
}

const ORDER: &str = r#"{"order_id":"o-1","product_id":"ADA-USDT","order_configuration":{"limit_limit_gtc":{"base_size":"12","limit_price":"0.5","post_only":false}},"side":"SELL","client_order_id":"cl-0001","status":"OPEN","created_time":"2023-11-26T10:19:47.423220Z","filled_size":"10","average_filled_price":"0.392","number_of_fills":"1","filled_value":"3.92","total_fees":"0.03136","order_type":"LIMIT","reject_reason":"REJECT_REASON_UNSPECIFIED","reject_message":"","cancel_message":"","last_fill_time":"2023-11-26T10:19:47.504Z","edit_history":[]}"#;

#[test]
fn a_listing_of_orders_is_facts_and_a_page() {
    let mut line = Line::open();
    line.query(&Query::OpenOrders { limit: 10, cursor: "" });
    let sent = line.sent();
    assert!(sent.starts_with("GET /api/v3/brokerage/orders/historical/batch?order_status=OPEN&limit=10 HTTP/1.1\r\n"));
    assert!(sent.contains("\r\nAuthorization: Bearer g.h.i\r\n") && !sent.contains("Content-Length"));
    assert_eq!(line.ear.retired, ["g.h.i".into()]);
    let reply =
        line.answer(200, &format!(r#"{{"orders":[{ORDER}],"sequence":"0","has_next":true,"cursor":"748478308"}}"#));
    let page = Page { has_next: true, cursor: "748478308".into() };
    assert_eq!(reply.outcome, Outcome::Listed { rows: Rows { seen: 1, unreadable: 0 }, page });
    let told = line.ear.take();
    let [Told::Order(fact)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((fact.source, fact.status, fact.side), (FactSource::Query, OrderStatus::Open, Side::Sell));
    assert_eq!((fact.instrument, fact.cumulative_quantity), (Some(InstrumentId(1)), 1_000_000_000));
    assert_eq!((fact.quantity, fact.limit_price), (1_200_000_000, 50_000_000));
    assert_eq!(fact.cumulative_fees, Some(Fixed128::new(3_136, -5)));
    assert_eq!(fact.venue_time, UnixNanos(1_700_993_987_504_000_000));
    assert!(line.session.free());
}

#[test]
fn a_long_listing_is_told_slice_by_slice_and_the_connection_is_busy_until_its_end() {
    let mut line = Line::open();
    line.query(&Query::OpenOrders { limit: 200, cursor: "" });
    let body = format!(r#"{{"orders":[{}],"has_next":false,"cursor":""}}"#, vec![ORDER; 200].join(","));
    let mut bytes = http(200, "", &body);
    let (mut start, mut calls, mut told) = (0, 0, 0);
    let reply = loop {
        let step = line.session.bytes(NOW, &mut bytes[start..], &mut line.ear).unwrap();
        start += step.progress.consumed;
        calls += 1;
        assert!(line.ear.told.len() - told <= BYTES_PER_CALL_MAX / ORDER.len() + 1);
        told = line.ear.told.len();
        if let Some(reply) = step.reply {
            break reply;
        }
        assert!(line.session.busy() && step.progress.more);
    };
    assert!(calls > 5 && told == 200, "{calls} {told}");
    assert!(matches!(reply.outcome, Outcome::Listed { rows: Rows { seen: 200, unreadable: 0 }, .. }));
}

#[test]
fn a_row_that_cannot_be_read_is_counted_and_the_others_are_told() {
    let mut line = Line::open();
    line.query(&Query::OpenOrders { limit: 10, cursor: "" });
    let bad = ORDER.replace("\"10\"", "\"ten\"");
    let reply = line.answer(200, &format!(r#"{{"orders":[{bad},{ORDER}],"has_next":false,"cursor":""}}"#));
    assert!(matches!(reply.outcome, Outcome::Listed { rows: Rows { seen: 2, unreadable: 1 }, .. }));
    let told = line.ear.take();
    assert!(matches!(told[..], [Told::Anomaly(Anomaly::Number, _), Told::Order(_)]), "{told:?}");
}

#[test]
fn a_listing_that_ends_early_is_failed_not_short() {
    let mut line = Line::open();
    line.query(&Query::OpenOrders { limit: 10, cursor: "" });
    let reply = line.answer(200, &format!(r#"{{"orders":[{ORDER}"#));
    assert!(matches!(reply.outcome, Outcome::Failed { .. }), "{reply:?}");
    let reply = {
        line.query(&Query::OpenOrders { limit: 10, cursor: "" });
        line.answer(401, "Unauthorized")
    };
    assert!(matches!(reply.outcome, Outcome::Refused { class: RejectClass::Unauthorized, .. }));
}

fn fill(change: &[(&str, &str)]) -> (Reply, Vec<Told>) {
    let mut row = r#"{"entry_id":"e","trade_id":"19fc7eee-f4b4-40a7-8104-033da1db5311","order_id":"o-1","trade_time":"2023-11-26T10:19:47.504Z","trade_type":"FILL","price":"0.392","size":"10","commission":"0.0313600000000001","product_id":"ADA-USDT","liquidity_indicator":"TAKER","size_in_quote":false,"side":"SELL"}"#.to_owned();
    for (from, to) in change {
        row = row.replace(from, to);
    }
    let mut line = Line::open();
    line.query(&Query::Fills { ids: &[], product: None, since: UnixNanos::NONE, limit: 10, cursor: "" });
    let reply = line.answer(200, &format!(r#"{{"fills":[{row}],"cursor":""}}"#));
    (reply, line.ear.take())
}

#[test]
fn a_listing_of_fills_is_facts() {
    let (reply, told) = fill(&[]);
    assert_eq!(reply.outcome, Outcome::Listed { rows: Rows { seen: 1, unreadable: 0 }, page: Page::default() });
    let [Told::Fill(fact)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((fact.price, fact.quantity, fact.side), (39_200_000, 1_000_000_000, Side::Sell));
    assert_eq!((fact.fee, fact.liquidity), (Fixed128::new(313_600_000_000_001, -16), Liquidity::Taker));
    assert_eq!(fact.execution_id.as_str(), "19fc7eee-f4b4-40a7-8104-033da1db5311");
}

#[test]
fn a_fill_sized_in_quote_is_divided_if_that_is_exact() {
    for (size, quantity) in [("3.92", 1_000_000_000), ("0.0000000392", 10), ("0.00000000392", 1), ("1", 0)] {
        let (_, told) = fill(&[("\"10\"", &format!("\"{size}\"")), ("quote\":false", "quote\":true")]);
        let Some(Told::Fill(fact)) = told.last() else { panic!("{told:?}") };
        assert_eq!(fact.quantity, quantity, "{size}");
        assert_eq!(told.len(), if quantity == 0 { 2 } else { 1 }, "{told:?}");
    }
}

#[test]
fn a_correction_is_no_fill() {
    let (reply, told) = fill(&[("\"FILL\"", "\"REVERSAL\"")]);
    assert!(matches!(reply.outcome, Outcome::Listed { rows: Rows { seen: 1, unreadable: 1 }, .. }));
    assert!(matches!(told[..], [Told::Anomaly(Anomaly::UnknownValue, _)]), "{told:?}");
}

#[test]
fn the_recorded_listings_are_read_without_an_anomaly() {
    for (name, query) in [
        ("coinbase/ccxt/orders_batch_filled_20231126.json", Query::OpenOrders { limit: 1, cursor: "" }),
        (
            "coinbase/ccxt/fills_spot_20231126.json",
            Query::Fills { ids: &[], product: None, since: UnixNanos::NONE, limit: 1, cursor: "" },
        ),
    ] {
        let Some(text) = test_captures::text(name) else { continue };
        let mut line = Line::open();
        line.query(&query);
        let reply = line.answer(200, &text);
        assert!(
            matches!(&reply.outcome, Outcome::Listed { rows: Rows { seen: 1, unreadable: 0 }, page } if page.has_next)
        );
        let told = line.ear.take();
        assert!(matches!(told[..], [Told::Order(_) | Told::Fill(_)]), "{told:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// One fact, whatever comes and wherever it is cut.
    #[test]
    fn an_order_gets_exactly_one_reply(
        status in prop_oneof![Just(200_u16), 100_u16..600],
        body in prop_oneof![Just(ACCEPTED.as_bytes().to_vec()), prop::collection::vec(any::<u8>(), 0..60)],
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut line = Line::placed();
        let mut bytes = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        bytes.extend(body);
        if let Some((at, byte)) = damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let cut = cut.index(bytes.len());
        let mut start = 0;
        let mut alive = true;
        for end in [cut, bytes.len()] {
            match line.session.bytes(NOW, &mut bytes[start..end], &mut line.ear) {
                Ok(step) => start += step.progress.consumed,
                Err(_) => {
                    alive = false;
                    break;
                }
            }
        }
        if alive {
            line.session.eof(&mut bytes[start..], &mut line.ear);
        }
        line.session.closed(&mut line.ear);
        let replies = line.ear.told.iter().filter(|t| matches!(t, Told::Place(_))).count();
        prop_assert_eq!(replies, 1, "{:?}", line.ear.told);
    }
}
