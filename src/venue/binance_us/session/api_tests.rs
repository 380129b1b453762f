use super::super::super::auth::tests::{documented, KEY};
use super::super::super::request::{NewOrder, OrderId, OrderKind, Quantity, ReplaceMode, ReplaceOrder, ResponseDetail};
use super::super::super::response::Wait;
use super::super::super::testing::{instrument, Ear, Told};
use super::super::reply::Outcome;
use super::super::tests::{frame, sent};
use super::*;
use crate::order::{CancelReply, OrderStatus, PlaceReply, ReplaceReply};
use crate::record::{ClientOrderId, Fixed, RejectClass, Side, TimeInForce, VenueOrderId};
use crate::venue::PlaceIntent;
use proptest::prelude::*;

const NOW: UnixNanos = UnixNanos(1_645_423_376_000_000_000);
const STAMP: VenueMs = VenueMs(1_645_423_376_532);

struct Bench {
    session: ApiSession,
    ear: Ear,
}

fn id(n: usize) -> ClientOrderId {
    ClientOrderId::new(&format!("order-{n}")).unwrap()
}

impl Bench {
    fn new(user_events: bool) -> Bench {
        let config = ApiConfig { user_events, ..ApiConfig::default() };
        let mut session = ApiSession::new(Arc::new(documented()), config);
        session.know(&instrument(0, "BTCUSDT"));
        session.opened(NOW);
        Bench { session, ear: Ear::default() }
    }

    fn order<'a>(&self, id: &'a ClientOrderId) -> NewOrder<'a> {
        NewOrder {
            symbol: "BTCUSDT",
            side: Side::Sell,
            kind: OrderKind::Limit,
            time_in_force: Some(TimeInForce::GoodTilCancelled),
            quantity: Quantity::Base(Fixed::new(1, -2)),
            price: Some(Fixed::new(52_000, 0)),
            stop_price: None,
            trailing_delta: None,
            iceberg: None,
            client_order_id: id.as_str(),
            self_trade: None,
            detail: ResponseDetail::Ack,
        }
    }

    fn place(&mut self, n: usize) -> Result<(), NotSent> {
        let id = id(n);
        let order = self.order(&id);
        self.session.place_order(NOW, STAMP, &order, id, &mut self.ear)
    }

    fn feed(&mut self, text: &str) -> Vec<Reply> {
        let mut bytes = frame(text);
        let progress = self.session.bytes(NOW, &mut bytes, &mut self.ear).unwrap();
        assert_eq!((progress.consumed, progress.more), (bytes.len(), false));
        std::iter::from_fn(|| self.session.next_reply()).collect()
    }

    fn places(&mut self) -> Vec<PlaceReply> {
        self.ear.take().into_iter().filter_map(|t| if let Told::Place(r) = t { Some(r) } else { None }).collect()
    }
}

fn accepted(request: u64, n: usize) -> String {
    format!(
        r#"{{"id":{request},"status":200,"result":{{"symbol":"BTCUSDT","orderId":{},"orderListId":-1,"clientOrderId":"order-{n}","transactTime":1655716096505}},"rateLimits":[{{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":100,"count":12}},{{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":200000,"count":4043}},{{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000,"count":321}}]}}"#,
        1_000 + n
    )
}

#[test]
fn an_order_is_one_frame_signed_over_its_parameters_in_the_order_of_their_names() {
    let mut bench = Bench::new(false);
    bench.place(1).unwrap();
    let text = sent(&mut bench.ear).pop().unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((value["id"].as_u64(), value["method"].as_str()), (Some(1), Some("order.place")));
    let params = value["params"].as_object().unwrap();
    assert_eq!((params["apiKey"].as_str(), params["price"].as_str()), (Some(KEY), Some("52000")));
    let mut named: Vec<String> = params
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "signature" | "apiKey"))
        .map(|(name, value)| format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    named.sort();
    let mut expected = Vec::new();
    documented().sign_ws(named.join("&").as_bytes(), &mut expected);
    assert_eq!(params["signature"].as_str().unwrap().as_bytes(), expected);
}

#[test]
fn answers_are_matched_by_id_in_any_order() {
    let mut bench = Bench::new(false);
    for n in 1..=3 {
        bench.place(n).unwrap();
    }
    let cancelled = VenueOrderId::new("77").unwrap();
    bench.session.cancel(NOW, STAMP, "BTCUSDT", &cancelled, &id(9), &mut bench.ear).unwrap();
    assert_eq!(bench.session.in_flight(), 4);
    let third = bench.feed(&accepted(3, 3));
    assert_eq!((third[0].client_order_id, third[0].status, &third[0].outcome), (id(3), 200, &Outcome::Answered));
    assert_eq!(
        (third[0].usage.weight_1m, third[0].usage.orders_10s, third[0].usage.orders_1d),
        (Some(321), Some(12), Some(4_043))
    );
    assert_eq!(bench.places(), [PlaceReply::Accepted { venue_order_id: VenueOrderId::new("1003").unwrap() }]);
    // The id last, and the error of another.
    bench.feed(r#"{"rateLimits":[],"error":{"msg":"Account has insufficient balance for requested action.","code":-2010},"status":400,"id":1}"#);
    assert!(matches!(bench.places()[..], [PlaceReply::Rejected { class: RejectClass::InsufficientFunds, .. }]));
    bench.feed(r#"{"id":4,"status":200,"result":{"symbol":"BTCUSDT","origClientOrderId":"order-9","orderId":77,"clientOrderId":"x","price":"1","origQty":"1","executedQty":"0","cummulativeQuoteQty":"0","status":"CANCELED","side":"BUY"}}"#);
    let told = bench.ear.take();
    assert!(
        matches!(&told[..], [Told::Cancel(id, CancelReply::Queued), Told::Order(fact)] if *id == cancelled && fact.status == OrderStatus::Cancelled)
    );
    assert_eq!(bench.session.in_flight(), 1);
    bench.feed(&accepted(3, 3));
    assert_eq!(bench.places(), [], "an answer counts once");
}

#[test]
fn a_connection_takes_a_limited_number_of_requests_in_flight() {
    let mut bench = Bench::new(false);
    for n in 0..limits::IN_FLIGHT_MAX {
        bench.place(n).unwrap();
    }
    assert!(!bench.session.free());
    bench.ear.sent.clear();
    assert_eq!(bench.place(99), Err(NotSent::Busy));
    assert!(bench.ear.sent.is_empty());
    bench.session.closed(&mut bench.ear);
    let unknown = bench.places();
    assert_eq!(unknown.len(), limits::IN_FLIGHT_MAX);
    assert!(unknown.iter().all(|reply| matches!(reply, PlaceReply::Ambiguous { .. })));
    assert_eq!(std::iter::from_fn(|| bench.session.next_reply()).count(), limits::IN_FLIGHT_MAX);
    assert_eq!(bench.place(1), Err(NotSent::Closed));
}

#[test]
fn errors_are_refusals_or_unknown_outcomes_and_bans_are_handed_on() {
    for (answer, judge, wait) in [
        (r#""status":400,"error":{"code":-1007,"msg":"Timeout waiting for response"}"#, "U", None),
        (r#""status":500"#, "U", None),
        (r#""status":503,"error":{"code":-1008,"msg":"overloaded"}"#, "U", None),
        (r#""status":200"#, "U", None),
        (r#""status":200,"result":{}"#, "U", None),
        (r#""status":400,"error":{"code":-2010,"msg":"Duplicate order sent."}"#, "R", None),
        (r#""status":401,"error":{"code":-2015,"msg":"Invalid API-key"}"#, "R", None),
        (
            r#""status":418,"error":{"code":-1003,"msg":"Way too much request weight used; IP banned until 1659146400000.","data":{"serverTime":1659142907531,"retryAfter":1659146400001}}"#,
            "R",
            Some(Wait::UntilVenue(1_659_146_400_001)),
        ),
        (
            r#""status":429,"error":{"code":-1015,"msg":"Too many new orders"}"#,
            "R",
            Some(Wait::For(limits::THROTTLED_MS)),
        ),
    ] {
        let mut bench = Bench::new(false);
        bench.place(1).unwrap();
        let reply = bench.feed(&format!(r#"{{"id":1,{answer},"rateLimits":[]}}"#)).remove(0);
        assert_eq!(reply.wait, wait, "{answer}");
        let told: String = bench
            .places()
            .iter()
            .map(|reply| match reply {
                PlaceReply::Accepted { .. } => 'A',
                PlaceReply::Rejected { .. } => 'R',
                PlaceReply::Ambiguous { .. } => 'U',
            })
            .collect();
        assert_eq!(told, judge, "{answer}");
    }
    let mut bench = Bench::new(false);
    bench.place(1).unwrap();
    let reply = bench.feed(r#"{"id":1,"status":400,"error":{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}}"#);
    assert!(reply[0].clock_refused);
}

#[test]
fn a_partly_failed_replace_tells_both_halves() {
    let mut bench = Bench::new(false);
    let new = id(2);
    let order = bench.order(&new);
    let replace = ReplaceOrder {
        cancel: OrderId::Venue("9"),
        cancel_id: None,
        restriction: None,
        mode: ReplaceMode::AllowFailure,
        order,
    };
    let old = VenueOrderId::new("9").unwrap();
    bench.session.replace(NOW, STAMP, &replace, old, new, &mut bench.ear).unwrap();
    assert!(sent(&mut bench.ear)[0].contains(r#""method":"order.cancelReplace""#));
    bench.feed(r#"{"id":1,"status":409,"error":{"code":-2021,"msg":"Order cancel-replace partially failed.","data":{"cancelResult":"FAILURE","newOrderResult":"SUCCESS","cancelResponse":{"code":-2011,"msg":"Unknown order sent."},"newOrderResponse":{"symbol":"BTCUSDT","orderId":11,"clientOrderId":"order-2","transactTime":1}}}}"#);
    let told = bench.ear.take();
    assert!(told.iter().any(
        |t| matches!(t, Told::Replace(id, ReplaceReply::Rejected { class: RejectClass::UnknownOrder, .. }) if *id == old)
    ));
    assert_eq!(told.iter().filter(|t| matches!(t, Told::Place(PlaceReply::Accepted { .. }))).count(), 1);
    assert_eq!(told.iter().filter(|t| matches!(t, Told::Place(_) | Told::Replace(..))).count(), 2);
}

#[test]
fn user_events_are_subscribed_first_and_again_after_they_end() {
    let mut bench = Bench::new(true);
    assert!(bench.session.user_due(NOW) && !bench.session.healthy());
    bench.session.subscribe_user(NOW, STAMP, &mut bench.ear).unwrap();
    assert!(!bench.session.user_due(NOW));
    let text = sent(&mut bench.ear).pop().unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["method"], "userDataStream.subscribe.signature");
    let mut expected = Vec::new();
    documented().sign_ws(b"recvWindow=5000&timestamp=1645423376532", &mut expected);
    assert_eq!(value["params"]["signature"].as_str().unwrap().as_bytes(), expected);
    let reply = bench.feed(r#"{"id":1,"status":200,"result":{"subscriptionId":0},"rateLimits":[]}"#);
    assert_eq!((reply[0].to, bench.session.healthy()), (ReplyTo::SubscribeUser, true));
    assert_eq!(bench.ear.take(), [Told::Stream(StreamFact::UserSnapshotComplete)]);
    bench.feed(r#"{"subscriptionId":0,"event":{"e":"executionReport","E":1,"s":"BTCUSDT","c":"order-1","S":"BUY","o":"LIMIT","f":"GTC","q":"1.0","p":"2.0","C":"","x":"NEW","X":"NEW","r":"NONE","i":4,"l":"0.0","z":"0.0","L":"0","n":"0","N":null,"T":1,"t":-1,"I":1,"w":true,"m":false,"M":false,"O":1,"Z":"0","Y":"0","Q":"0","W":1,"V":"EXPIRE_MAKER"}}"#);
    assert!(matches!(&bench.ear.take()[..], [Told::Order(fact)] if fact.status == OrderStatus::Open));
    bench.feed(r#"{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1728973001334}}"#);
    assert_eq!(bench.ear.gaps(), [(GapScope::Connection, GapCause::Disconnected, 0)]);
    assert!(!bench.session.healthy() && bench.session.user_due(NOW.plus_ms(limits::RETRY_MS_MIN)));
    bench.feed(r#"{"event":{"e":"serverShutdown","E":1770123456789}}"#);
    assert_eq!(bench.session.replace_at(), Some(NOW));
    bench.session.subscribe_user(NOW, STAMP, &mut bench.ear).unwrap();
    bench.feed(r#"{"id":2,"status":400,"error":{"code":-1021,"msg":"ahead"}}"#);
    assert!(bench.session.user_due(NOW.plus_ms(limits::RETRY_MS_MIN)), "asked again after the clock was");
}

#[test]
fn a_missing_answer_and_silence_end_the_connection_and_a_revoked_key_says_so() {
    let mut bench = Bench::new(false);
    bench.place(1).unwrap();
    let by = bench.session.deadline().unwrap();
    assert_eq!(by, NOW.plus_ms(limits::REPLY_MS_MAX));
    assert!(matches!(bench.session.time(by, &mut bench.ear), Err(SessionError::Silent { .. })));
    assert!(matches!(bench.places()[..], [PlaceReply::Ambiguous { .. }]));
    bench.session.closed(&mut bench.ear);
    assert_eq!(bench.places(), [], "told once");
    let mut bench = Bench::new(false);
    let mut revoked = frame(
        r#"{"id":null,"status":401,"error":{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}}"#,
    );
    assert!(matches!(bench.session.bytes(NOW, &mut revoked, &mut bench.ear), Err(SessionError::Refused(_))));
}

#[test]
fn a_prepared_bracket_is_placed_as_a_pair_and_accepted_under_its_own_id() {
    use crate::record::{OrderQuantity, OrderShape, OrderTerms, OrderType, PreparedOrder};
    let mut bench = Bench::new(false);
    let instrument = instrument(0, "BTCUSDT");
    let shape = OrderShape::Bracket { take_profit: 11_000_000_000, stop: 9_000_000_000, stop_limit: None };
    let terms = OrderTerms::new(Side::Sell, OrderQuantity::Base(100_000_000), shape);
    let order = PreparedOrder::new(&instrument, terms).unwrap();
    let client = id(1);
    let intent = PlaceIntent {
        instrument: &instrument,
        client_order_id: &client,
        side: Side::Sell,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::GoodTilCancelled,
        post_only: false,
        price: 0,
        quantity: 0,
        quantity_in_quote: false,
        composite: Some(&order),
    };
    for (answer, accepted) in [
        (
            r#""status":200,"result":{"orderListId":5,"contingencyType":"OCO","orders":[{"symbol":"BTCUSDT","orderId":12,"clientOrderId":"order-1S"},{"symbol":"BTCUSDT","orderId":13,"clientOrderId":"order-1"}],"orderReports":[{"symbol":"BTCUSDT","orderId":12,"clientOrderId":"order-1S","transactTime":1}]}"#,
            Some("13"),
        ),
        (r#""status":200,"result":{"orderListId":5,"orders":[]}"#, None),
        (r#""status":400,"error":{"code":-2010,"msg":"no"}"#, None),
    ] {
        bench.session.place(NOW, STAMP, &intent, &mut bench.ear).unwrap();
        let text = sent(&mut bench.ear).pop().unwrap();
        assert!(text.contains(r#""method":"orderList.place""#) && text.contains(r#""stopClientOrderId":"order-1S""#));
        let request = bench.session.next_id;
        bench.feed(&format!(r#"{{"id":{request},{answer}}}"#));
        let told = bench.places();
        let venue = told.iter().find_map(|r| {
            if let PlaceReply::Accepted { venue_order_id } = r {
                Some(venue_order_id.to_string())
            } else {
                None
            }
        });
        assert_eq!((told.len(), venue.as_deref()), (1, accepted));
    }
}

#[test]
fn the_time_needs_no_parameters() {
    let mut bench = Bench::new(false);
    bench.session.query(NOW, STAMP, &Call::Time, &mut bench.ear).unwrap();
    assert_eq!(sent(&mut bench.ear), [r#"{"id":1,"method":"time"}"#]);
    let reply = bench.feed(r#"{"id":1,"status":200,"result":{"serverTime":1656400526260}}"#);
    assert_eq!(reply[0].outcome, Outcome::Time { sent: NOW, server: VenueMs(1_656_400_526_260) });
    assert_eq!(bench.session.query(NOW, STAMP, &Call::Account, &mut bench.ear), Err(NotSent::WrongConnection));
    bench
        .session
        .query(NOW, STAMP, &Call::Order { symbol: "BTCUSDT", id: OrderId::Client("order-5") }, &mut bench.ear)
        .unwrap();
    let reply = bench.feed(r#"{"id":2,"status":400,"error":{"code":-2013,"msg":"Order does not exist."}}"#);
    assert_eq!((&reply[0].outcome, reply[0].client_order_id), (&Outcome::NotFound, id(5)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever is answered, in whatever order, repeated, garbled or not at all: each order gets exactly one reply fact.
    #[test]
    fn every_order_gets_exactly_one_reply_fact(orders in 1usize..12, answers in prop::collection::vec((1u64..14, 0u8..5), 0..30)) {
        let mut bench = Bench::new(false);
        for n in 1..=orders {
            bench.place(n).unwrap();
        }
        for (request, kind) in answers {
            let text = match kind {
                0 | 1 => accepted(request, request as usize),
                2 => format!(r#"{{"id":{request},"status":400,"error":{{"code":-2010,"msg":"no"}}}}"#),
                3 => format!(r#"{{"id":{request},"status":504}}"#),
                _ => format!(r#"{{"id":{request},"status":200,"result":"#),
            };
            bench.feed(&text);
        }
        bench.session.closed(&mut bench.ear);
        prop_assert_eq!(bench.places().len(), orders);
    }
}
