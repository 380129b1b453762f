//! Replies, judged by the law of outcomes.

use super::*;
use crate::codec::test_captures;
use crate::record::{Fixed, Fixed128, InlineText, RejectClass, TradingStatus, UnixNanos};
use proptest::prelude::*;

fn place(status: u16, body: &str) -> PlaceReply {
    place_reply(&mut Plain::new(1 << 12), status, &mut body.as_bytes().to_vec(), &"cl-0001".parse().unwrap())
}

fn rejected(class: RejectClass, code: &str) -> PlaceReply {
    PlaceReply::Rejected { class, code: InlineText::truncated(code) }
}

fn is_ambiguous(reply: &PlaceReply) -> bool {
    matches!(reply, PlaceReply::Ambiguous { .. })
}

#[test]
fn an_order_is_accepted_only_by_success_with_an_order_id() {
    let id = VenueOrderId::new("o-1").unwrap();
    let ok = r#"{"success":true, "failure_reason":"UNKNOWN_FAILURE_REASON","success_response":{"order_id":"o-1","client_order_id":"cl-0001"},"error_response":null}"#;
    assert_eq!(place(200, ok), PlaceReply::Accepted { venue_order_id: id });
    for doubtful in [
        r#"{"success":true}"#,
        r#"{"success":true,"success_response":{"order_id":""}}"#,
        r#"{"success":true,"success_response":{"order_id":"o-1","client_order_id":"another"}}"#,
        r#"{"success":"true","success_response":{"order_id":"o-1"}}"#,
        r#"{"success_response":{"order_id":"o-1"}}"#,
        r#"{"success":true,"success_response":{"order_id":"o-1""#,
        r#"{}"#,
        "",
        "<html>ok</html>",
    ] {
        assert!(is_ambiguous(&place(200, doubtful)), "{doubtful}");
    }
    assert!(is_ambiguous(&place(201, ok)) && is_ambiguous(&place(302, ok)));
}

/// Coinbase reference 3.1: which field speaks differs.
#[test]
fn the_first_reason_that_says_something_counts() {
    let body = |error: &str| format!(r#"{{"success":false,"error_response":{{{error}}}}}"#);
    for (error, class, code) in [
        (
            r#""error":"UNKNOWN_FAILURE_REASON","preview_failure_reason":"PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY","new_order_failure_reason":"UNKNOWN_FAILURE_REASON""#,
            RejectClass::WouldTake,
            "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY",
        ),
        (
            r#""error":"INSUFFICIENT_FUND","new_order_failure_reason":"INVALID_PRICE_PRECISION""#,
            RejectClass::InvalidPrice,
            "INVALID_PRICE_PRECISION",
        ),
        (r#""error":"","message":"account is not available""#, RejectClass::Forbidden, "account is not available"),
        (r#""error":null"#, RejectClass::Other, ""),
    ] {
        assert_eq!(place(200, &body(error)), rejected(class, code), "{error}");
    }
    assert_eq!(place(200, r#"{"success":false}"#), rejected(RejectClass::Other, ""));
}

#[test]
fn an_error_status_rejects_only_with_evidence() {
    for (status, body, expected) in [
        (401, "Unauthorized", rejected(RejectClass::Unauthorized, "http 401")),
        (403, "<html>no</html>", rejected(RejectClass::Forbidden, "http 403")),
        (429, "<html>\n<head>", rejected(RejectClass::RateLimited, "http 429")),
        (
            429,
            r#"{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}"#,
            rejected(RejectClass::RateLimited, "rate_limit_exceeded"),
        ),
        (
            400,
            r#"{"error":"INVALID_ARGUMENT","error_details":"x","message":"x"}"#,
            rejected(RejectClass::Malformed, "INVALID_ARGUMENT"),
        ),
        (
            404,
            r#"{"error":"unknown","error_details":"d","message":"valid product_id is required"}"#,
            rejected(RejectClass::Other, "valid product_id is required"),
        ),
    ] {
        assert_eq!(place(status, body), expected, "{status} {body}");
    }
    for (status, body) in [
        (400, "Bad Request"),
        (400, "<html>cloudflare</html>"),
        (400, r#"{"title":"Error 1020","status":400,"error_code":1020}"#),
        (400, r#"{"error":"INVALID_ARGUMENT""#),
        (404, r#"{"error":"no explanation"}"#),
        (408, r#"{"error":"TIMEOUT","message":"x"}"#),
        (500, r#"{"error":"INTERNAL","message":"x"}"#),
        (502, "<html>bad gateway</html>"),
        (503, ""),
        (522, ""),
        (301, ""),
        (204, ""),
    ] {
        assert!(is_ambiguous(&place(status, body)), "{status} {body}");
    }
}

fn cancel(status: u16, body: &str, ids: &[&str]) -> Vec<(String, CancelReply)> {
    let ids: Vec<_> = ids.iter().map(|id| VenueOrderId::new(id).unwrap()).collect();
    let mut told = Vec::new();
    cancel_replies(&mut Plain::new(1 << 12), status, &mut body.as_bytes().to_vec(), &ids, |id, reply| {
        told.push((id.as_str().to_owned(), reply));
    });
    told
}

#[test]
fn every_cancel_asked_gets_one_answer_matched_by_id() {
    let body = r#"{"results":[{"success":false,"failure_reason":"UNKNOWN_CANCEL_ORDER","order_id":"o-2"},{"success":true,"failure_reason":"UNKNOWN_CANCEL_FAILURE_REASON","order_id":"o-1"},{"success":false,"failure_reason":"DUPLICATE_CANCEL_REQUEST","order_id":"o-4"},{"success":true,"order_id":"never asked"},{"order_id":"o-5"}]}"#;
    let code = |text| InlineText::truncated(text);
    assert_eq!(
        cancel(200, body, &["o-1", "o-2", "o-3", "o-4", "o-5"]),
        [
            (
                "o-2".into(),
                CancelReply::Rejected { class: RejectClass::UnknownOrder, code: code("UNKNOWN_CANCEL_ORDER") }
            ),
            ("o-1".into(), CancelReply::Queued),
            ("o-4".into(), CancelReply::Queued),
            ("o-3".into(), CancelReply::Ambiguous { code: code("not in the reply") }),
            ("o-5".into(), CancelReply::Ambiguous { code: code("not in the reply") }),
        ]
    );
    let lost = CancelReply::Ambiguous { code: code("http 502") };
    assert_eq!(cancel(502, "", &["a", "b"]), [("a".into(), lost), ("b".into(), lost)]);
    let refused = CancelReply::Rejected { class: RejectClass::RateLimited, code: code("http 429") };
    assert_eq!(cancel(429, "<html>", &["a"]), [("a".into(), refused)]);
    assert_eq!(cancel(200, "{", &["a"]), [("a".into(), CancelReply::Ambiguous { code: code("unreadable reply") })]);
}

#[test]
fn a_throttled_reply_says_how_long_to_wait_and_a_date_is_not_believed() {
    let none = RateHeaders::default();
    assert_eq!((none.wait_ms(200, false), none.wait_ms(429, false)), (None, Some(1_000)));
    let both = RateHeaders { retry_after_s: Some(3), reset_s: Some(9), ..none };
    assert_eq!((both.wait_ms(429, false), both.wait_ms(503, false)), (Some(3_000), Some(3_000)));
    let reset = RateHeaders { reset_s: Some(9), ..none };
    assert_eq!((reset.wait_ms(429, false), reset.wait_ms(200, false)), (Some(9_000), None));
    let date = RateHeaders { reset_s: Some(1_793_613_600), ..none };
    assert_eq!(date.wait_ms(429, false), Some(1_000));
}

/// The shape is that of the recorded body (Coinbase reference 3.6).
#[test]
fn accounts_are_balances() {
    let body = r#"{"accounts":[{"uuid":"x","currency":"USD","available_balance":{"value":"10.0000000000000001","currency":"USD"},"deleted_at":null,"hold":{"value":"2.5","currency":"USD"}},{"currency":"BTC","available_balance":{"value":""},"hold":null}], "has_next":true,"cursor":"c","size":2}"#;
    let (found, page) = balances(body.as_bytes()).unwrap();
    let zero = Fixed128::default();
    assert_eq!(
        found,
        [
            Balance {
                currency: "USD".into(),
                available: Fixed128::new(100_000_000_000_000_001, -16),
                hold: Fixed128::new(25, -1)
            },
            Balance { currency: "BTC".into(), available: zero, hold: zero },
        ]
    );
    assert_eq!(page, Page { has_next: true, cursor: "c".into() });
    assert!(balances(br#"{"error":"x"}"#).is_err());
    assert!(balances(b"<html>").is_err());
}

const PRODUCT: &str = r#"{"product_id":"BTC-USD", "price":"83306.04","base_increment":"0.00000001","quote_increment":"0.01","price_increment":"0.01","quote_min_size":"1","base_min_size":"0.00000001","base_max_size":"3400","status":"online","is_disabled":false,"cancel_only":false,"limit_only":false,"post_only":false,"trading_disabled":false,"auction_mode":false,"view_only":false,"product_type":"SPOT","base_currency_id":"BTC","quote_currency_id":"USD","alias_to":["BTC-USDC"],"mid_market_price":""}"#;

fn status_of(change: (&str, &str)) -> TradingStatus {
    let body = PRODUCT.replace(change.0, change.1);
    listing(&mut Plain::new(1 << 13), &mut body.into_bytes()).unwrap().status
}

#[test]
fn a_product_is_a_listing() {
    let found = listing(&mut Plain::new(1 << 13), &mut PRODUCT.as_bytes().to_vec()).unwrap();
    assert_eq!((found.symbol.as_ref(), found.base.as_ref(), found.quote.as_ref()), ("BTC-USD", "BTC", "USD"));
    assert_eq!((found.tick, found.lot, found.quote_lot), (Fixed::new(1, -2), Fixed::new(1, -8), Fixed::new(1, -2)));
    assert_eq!((found.size_max, found.notional_min), (Fixed::new(3400, 0), Fixed::new(1, 0)));
    assert_eq!(found.status, TradingStatus::Online);
    for (from, to, status) in [
        (r#""trading_disabled":false"#, r#""trading_disabled":true"#, TradingStatus::Halted),
        (r#""cancel_only":false"#, r#""cancel_only":true"#, TradingStatus::CancelOnly),
        (r#""post_only":false"#, r#""post_only":true"#, TradingStatus::PostOnly),
        (r#""limit_only":false"#, r#""limit_only":true"#, TradingStatus::LimitOnly),
        (r#""status":"online""#, r#""status":"delisted""#, TradingStatus::Halted),
        (r#""status":"online""#, r#""status":"new word""#, TradingStatus::Unknown),
    ] {
        assert_eq!(status_of((from, to)), status, "{to}");
    }
}

#[test]
fn a_list_of_products_keeps_spot_and_names_what_it_cannot_read() {
    let future = PRODUCT.replace("SPOT", "FUTURE").replace("BTC-USD", "BIP-CDE");
    let odd = PRODUCT.replace("\"0.00000001\"", "\"\"").replace("BTC-USD", "ODD-USD");
    let body = format!(r#"{{"products":[{PRODUCT},{future},{odd}],"num_products":3,"pagination":null}}"#);
    let (found, refused) = listings(body.as_bytes()).unwrap();
    assert_eq!(found.iter().map(|l| l.symbol.as_ref()).collect::<Vec<_>>(), ["BTC-USD"]);
    assert_eq!(refused, ["ODD-USD".into()]);
    let many = vec![PRODUCT; 2_000].join(",");
    let (found, _) = listings(format!(r#"{{"products":[{many}]}}"#).as_bytes()).unwrap();
    assert_eq!(found.len(), 2_000);
}

#[test]
fn permissions_and_the_clock_are_read() {
    let plain = &mut Plain::new(1 << 12);
    let mut body = br#"{"can_view":true,"can_trade":false,"can_transfer":true,"can_receive":false,"portfolio_uuid":"p","portfolio_type":"DEFAULT"}"#.to_vec();
    let found = key_permissions(plain, &mut body).unwrap();
    assert_eq!((found.can_view, found.can_trade, found.can_transfer), (true, false, true));
    assert!(key_permissions(plain, &mut b"{}".to_vec()).is_err());
    let mut time =
        br#"{"iso":"2026-09-30T02:37:29Z", "epochSeconds":"1790735849", "epochMillis":"1790735849298"}"#.to_vec();
    assert_eq!(server_time(plain, &mut time).unwrap(), UnixNanos(1_790_735_849_298_000_000));
    assert!(server_time(plain, &mut b"Unauthorized".to_vec()).is_err());
}

#[test]
fn the_recorded_bodies_are_read() {
    if let Some(text) = test_captures::text("coinbase/fastmm/advanced_accounts.json") {
        let (found, page) = balances(text.as_bytes()).unwrap();
        assert!(found.iter().any(|b| b.currency.as_ref() == "USD") && !page.has_next);
    }
    let plain = &mut Plain::new(1 << 14);
    if let Some(text) = test_captures::text("coinbase/fastmm/advanced_product_btc_usd.json") {
        assert_eq!(listing(plain, &mut text.into_bytes()).unwrap().status, TradingStatus::Online);
    }
    if let Some(text) = test_captures::text("coinbase/fastmm/advanced_time.json") {
        assert_eq!(server_time(plain, &mut text.into_bytes()).unwrap(), UnixNanos(1_790_735_849_298_000_000));
    }
}

/// The synthetic replies say in their names what they are.
#[test]
fn the_synthetic_replies_are_judged_as_they_are_named() {
    let Some(text) = test_captures::text("coinbase/synthetic/advanced_rest_responses.jsonl") else { return };
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = case["case"].as_str().unwrap();
        let body = match case["text"].as_str() {
            Some(text) => text.to_owned(),
            None => case["body"].to_string(),
        };
        let status = u16::try_from(case["status"].as_u64().unwrap()).unwrap();
        let reply = place(status, &body);
        let expected = match name {
            "create ok (current)" | "create ok (pre 2024-07-19 extra fields)" => {
                PlaceReply::Accepted { venue_order_id: "10000000-0000-4000-8000-000000000001".parse().unwrap() }
            }
            "create rejected, reason in error + preview" => {
                rejected(RejectClass::InsufficientFunds, "INSUFFICIENT_FUND")
            }
            "create rejected, reason only in preview" => {
                rejected(RejectClass::WouldTake, "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY")
            }
            "bad argument" => rejected(RejectClass::Malformed, "INVALID_ARGUMENT"),
            "bad enum in query" => {
                rejected(RejectClass::Other, "parsing field \"product_type\": \"OPTIONS\" is not a valid value")
            }
            "not found" => rejected(RejectClass::Other, "NOT_FOUND"),
            "forbidden" => rejected(RejectClass::Forbidden, "PERMISSION_DENIED"),
            "bad jwt" => rejected(RejectClass::Unauthorized, "http 401"),
            "throttled json (Coinbase App form)" => rejected(RejectClass::RateLimited, "rate_limit_exceeded"),
            "throttled html (seen on POST /orders)" => rejected(RejectClass::RateLimited, "http 429"),
            // Bodies of other requests prove nothing about an order.
            _ => {
                assert!(name.starts_with("edit") || is_ambiguous(&reply), "{name}: {reply:?}");
                continue;
            }
        };
        assert_eq!(reply, expected, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_reply_makes_it_panic_and_only_evidence_decides(
        status in prop_oneof![Just(200_u16), Just(400), Just(429), 100_u16..600],
        body in prop::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:truefals".to_vec())], 0..120),
    ) {
        let plain = &mut Plain::new(256);
        let reply = place_reply(plain, status, &mut body.clone(), &"c".parse().unwrap());
        if status >= 500 || (201..400).contains(&status) {
            prop_assert!(is_ambiguous(&reply));
        }
        let accepted = matches!(reply, PlaceReply::Accepted { .. });
        prop_assert!(!accepted || status == 200);
        let ids = ["a".parse().unwrap(), "b".parse().unwrap()];
        let mut told = 0;
        cancel_replies(plain, status, &mut body.clone(), &ids, |_, _| told += 1);
        prop_assert_eq!(told, 2);
        let _ = listing(plain, &mut body.clone());
    }
}

/// Every reader of a cold reply.
fn read_cold(body: &[u8]) {
    let copy = || body.to_vec();
    let _ = order_details(body);
    let _ = order_detail(&mut copy());
    let _ = fill_details(body);
    let _ = accounts(body);
    let _ = account(&mut copy());
    let _ = fees(body);
    let _ = product_book(&mut copy());
    let _ = best_bid_ask(&mut copy());
    let _ = market_trades(&mut copy());
    let _ = candles(&mut copy());
    let _ = preview(&mut copy());
    let _ = error_text(body);
    let _ = edit_reply(&mut Plain::new(body.len()), 200, &mut copy());
}

const COLD_BODIES: [&str; 6] = [
    r#"{"orders":[{"order_id":"o","side":"BUY","order_configuration":{"limit_limit_gtc":{"base_size":"1","limit_price":"2"}},"edit_history":[{"price":"3","size":"4","replace_accept_timestamp":""}]}],"has_next":true,"cursor":"c"}"#,
    r#"{"fills":[{"trade_id":"t","order_id":"o","side":"SELL","price":"1","size":"2","commission":""}],"cursor":""}"#,
    r#"{"accounts":[{"uuid":"u","currency":"USD","available_balance":{"value":"1","currency":"USD"}}],"has_next":false,"cursor":""}"#,
    r#"{"fee_tier":{"maker_fee_rate":"0.1"},"total_volume":1.25,"total_fees":-3}"#,
    r#"{"pricebooks":[{"product_id":"A","bids":[{"price":"1","size":"2"}],"asks":[]}],"errs":["X"],"order_total":"1"}"#,
    r#"{"success":false,"errors":[{"edit_failure_reason":"X"}],"error":"a","message":"b"}"#,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_cold_reply_makes_a_reader_panic(
        which in 0..COLD_BODIES.len(),
        at in any::<proptest::sample::Index>(),
        with in proptest::collection::vec(any::<u8>(), 0..6),
        cut in 0_usize..4,
    ) {
        let mut body = COLD_BODIES[which].as_bytes().to_vec();
        let at = at.index(body.len());
        let end = (at + cut).min(body.len());
        body.splice(at..end, with.iter().copied());
        read_cold(&body);
        read_cold(&with);
    }
}

#[test]
fn every_error_form_becomes_one_line() {
    for (body, text) in [
        (&b"Unauthorized\n"[..], "Unauthorized"),
        (br#"{"error":"NOT_FOUND","error_details":"valid product_id is required","message":"valid product_id is required"}"#, "NOT_FOUND: valid product_id is required"),
        (br#"{"error":"unknown","error_details":"order with this orderID was not found","message":""}"#, "order with this orderID was not found"),
        (br#"{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}"#, "rate_limit_exceeded: Too many requests"),
        (br#"{"weird":1}"#, r#"{"weird":1}"#),
    ] {
        assert_eq!(error_text(body), text);
    }
    let page = b"<html>\n  <head>\n    <title>Coinbase</title>";
    assert_eq!(error_text(page), "Coinbase", "of a page, what a person would read");
}
