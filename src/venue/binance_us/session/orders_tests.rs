use super::super::super::auth::tests::documented;
use super::super::super::request::{
    CancelRestriction, OrderId, OrderKind, Quantity, ReplaceMode, ReplaceOrder, ResponseDetail,
};
use super::super::super::response::Wait;
use super::super::super::snapshot::SnapshotOutcome;
use super::super::super::testing::{instrument, Ear, Told};
use super::super::super::BinanceUsEndpoints;
use super::*;
use crate::order::{CancelReply, OrderStatus, PlaceReply, ReplaceReply};
use crate::record::{Fixed, InstrumentId, OrderType, RejectClass, Side, TimeInForce};
use crate::venue::PlaceIntent;
use proptest::prelude::*;

const NOW: UnixNanos = UnixNanos(1_499_827_319_000_000_000);
const STAMP: VenueMs = VenueMs(1_499_827_319_559);

pub(super) fn client() -> ClientOrderId {
    ClientOrderId::new("6gCrw2kRUAF9CvJDGP16IP").unwrap()
}

struct Bench {
    session: OrderSession,
    data: MarketData,
    ear: Ear,
}

impl Bench {
    fn new() -> Bench {
        let endpoint = BinanceUsEndpoints::default().rest;
        let credentials = Some(Arc::new(documented()));
        let mut session = OrderSession::new(&endpoint, credentials, OrderConfig::default()).unwrap();
        for (id, symbol) in ["LTCBTC", "BTCUSDT", "BNBBTC"].into_iter().enumerate() {
            session.know(&instrument(id as u32, symbol));
        }
        session.opened();
        Bench { session, data: MarketData::default(), ear: Ear::default() }
    }

    /// The request sent, head and body.
    fn request(&mut self) -> (String, String) {
        let text = String::from_utf8(std::mem::take(&mut self.ear.sent)).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    fn reply(&mut self, status: u16, headers: &str, body: &str) -> Reply {
        let text = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len());
        let mut bytes = text.into_bytes();
        let mut at = 0;
        loop {
            let progress = self.session.bytes(NOW, &mut bytes[at..], &mut self.data, &mut self.ear).unwrap();
            at += progress.progress.consumed;
            if let Some(reply) = progress.reply {
                assert_eq!(at, bytes.len());
                return reply;
            }
            assert!(progress.progress.more, "no reply and nothing more");
        }
    }

    fn place(&mut self) {
        let instrument = instrument(0, "LTCBTC");
        let id = client();
        let intent = PlaceIntent {
            instrument: &instrument,
            client_order_id: &id,
            side: Side::Buy,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::GoodTilCancelled,
            post_only: false,
            price: 10_000_000,
            quantity: 100_000_000,
            quantity_in_quote: false,
            composite: None,
        };
        self.session.place(NOW, STAMP, &intent, &mut self.ear).unwrap();
    }

    fn cancel(&mut self) {
        let venue = VenueOrderId::new("4").unwrap();
        self.session.cancel(NOW, STAMP, "LTCBTC", &venue, &client(), &mut self.ear).unwrap();
    }

    fn query(&mut self, call: &Call<'_>) {
        self.session.query(NOW, STAMP, call, &mut self.ear).unwrap();
    }

    fn placed(&mut self) -> PlaceReply {
        let replies: Vec<_> =
            self.ear.take().into_iter().filter_map(|t| if let Told::Place(r) = t { Some(r) } else { None }).collect();
        assert_eq!(replies.len(), 1, "exactly one reply fact");
        replies[0]
    }
}

#[test]
fn an_order_is_a_signed_form_on_a_prepared_head() {
    let mut bench = Bench::new();
    bench.place();
    let (head, body) = bench.request();
    assert!(head.starts_with("POST /api/v3/order HTTP/1.1\r\nHost: api.binance.us\r\n"), "{head}");
    assert!(head.contains("\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
    assert!(head.contains("\r\nX-MBX-APIKEY: vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A\r\n"));
    let (signed, signature) = body.split_once("&signature=").unwrap();
    assert_eq!(signed, "newClientOrderId=6gCrw2kRUAF9CvJDGP16IP&newOrderRespType=ACK&price=0.1&quantity=1&recvWindow=5000&side=BUY&symbol=LTCBTC&timeInForce=GTC&timestamp=1499827319559&type=LIMIT");
    let mut expected = Vec::new();
    documented().sign_rest(b"", signed.as_bytes(), &mut expected);
    assert_eq!(signature.as_bytes(), expected);
    assert_eq!(bench.session.place_order(NOW, STAMP, &new_order(), client(), &mut bench.ear), Err(NotSent::Busy));
}

fn new_order() -> NewOrder<'static> {
    NewOrder {
        symbol: "LTCBTC",
        side: Side::Buy,
        kind: OrderKind::Limit,
        time_in_force: Some(TimeInForce::GoodTilCancelled),
        quantity: Quantity::Base(Fixed::new(1, 0)),
        price: Some(Fixed::new(1, -1)),
        stop_price: None,
        trailing_delta: None,
        iceberg: None,
        client_order_id: "6gCrw2kRUAF9CvJDGP16IP",
        self_trade: None,
        detail: ResponseDetail::Ack,
    }
}

#[test]
fn an_id_accepts_an_order_and_its_state_is_told_where_it_is_said() {
    let mut bench = Bench::new();
    bench.place();
    let ack = r#"{"symbol":"LTCBTC","orderId":28,"orderListId":-1,"clientOrderId":"6gCrw2kRUAF9CvJDGP16IP","transactTime":1507725176595}"#;
    let reply =
        bench.reply(200, "X-MBX-USED-WEIGHT-1M: 17\r\nx-mbx-order-count-10s: 3\r\nX-Mbx-Order-Count-1d: 40\r\n", ack);
    assert_eq!((reply.to, reply.outcome, reply.wait), (ReplyTo::Place, Outcome::Answered, None));
    assert_eq!((reply.usage.weight_1m, reply.usage.orders_10s, reply.usage.orders_1d), (Some(17), Some(3), Some(40)));
    assert_eq!(bench.placed(), PlaceReply::Accepted { venue_order_id: VenueOrderId::new("28").unwrap() });
    bench.place();
    let full = r#"{"symbol":"LTCBTC","orderId":28,"orderListId":-1,"clientOrderId":"6gCrw2kRUAF9CvJDGP16IP","transactTime":1507725176595,"price":"0.00000000","origQty":"10.00000000","executedQty":"10.00000000","cummulativeQuoteQty":"10.00000000","status":"FILLED","timeInForce":"GTC","type":"MARKET","side":"SELL","workingTime":1507725176595,"selfTradePreventionMode":"NONE","fills":[{"price":"4000.00000000","qty":"1.00000000","commission":"4.00000000","commissionAsset":"USDT","tradeId":56}],"expiryReason":"NONE"}"#;
    bench.reply(200, "", full);
    let told = bench.ear.take();
    assert!(
        matches!(&told[..], [Told::Place(PlaceReply::Accepted { .. }), Told::Order(fact)]
        if fact.status == OrderStatus::Filled && fact.cumulative_quantity == 1_000_000_000),
        "{told:?}"
    );
}

#[test]
fn only_definitive_evidence_rejects_an_order() {
    let rejected = |class| move |reply| matches!(reply, PlaceReply::Rejected { class: c, .. } if c == class);
    let unknown = |reply| matches!(reply, PlaceReply::Ambiguous { .. });
    type Judge = Box<dyn Fn(PlaceReply) -> bool>;
    let cases: Vec<(u16, &str, Judge)> = vec![
        (
            400,
            r#"{"code":-2010,"msg":"Account has insufficient balance for requested action."}"#,
            Box::new(rejected(RejectClass::InsufficientFunds)),
        ),
        (400, r#"{"code":-1013,"msg":"Filter failure: LOT_SIZE"}"#, Box::new(rejected(RejectClass::InvalidSize))),
        (
            400,
            r#"{"code":-1021,"msg":"Timestamp for this request was 1000ms ahead of the server's time."}"#,
            Box::new(rejected(RejectClass::Other)),
        ),
        (
            401,
            r#"{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}"#,
            Box::new(rejected(RejectClass::Unauthorized)),
        ),
        (401, "", Box::new(rejected(RejectClass::Unauthorized))),
        (403, "<html><head><title>Request blocked</title></head></html>", Box::new(rejected(RejectClass::Forbidden))),
        (
            418,
            r#"{"code":-1003,"msg":"Way too much request weight used; IP banned until 1659146400000."}"#,
            Box::new(rejected(RejectClass::RateLimited)),
        ),
        (
            429,
            r#"{"code":-1015,"msg":"Too many new orders; current limit is 100 orders per 10 SECOND."}"#,
            Box::new(rejected(RejectClass::RateLimited)),
        ),
        (400, r#"{"code":-1006,"msg":"An unexpected response was received from the message bus."}"#, Box::new(unknown)),
        (400, r#"{"code":-1007,"msg":"Timeout waiting for response from backend server."}"#, Box::new(unknown)),
        (408, "", Box::new(unknown)),
        (404, "<html>nginx</html>", Box::new(unknown)),
        (500, r#"{"code":-1000,"msg":"An unknown error occurred while processing the request."}"#, Box::new(unknown)),
        (502, "<html>Bad Gateway</html>", Box::new(unknown)),
        (503, r#"{"code":-1008,"msg":"Server is currently overloaded"}"#, Box::new(unknown)),
        (504, "", Box::new(unknown)),
        (200, "{}", Box::new(unknown)),
        (200, "not JSON", Box::new(unknown)),
        (200, r#"{"symbol":"LTCBTC","orderId":28,"clientOrderId":"somebody else's"}"#, Box::new(unknown)),
    ];
    for (status, body, judge) in cases {
        let mut bench = Bench::new();
        bench.place();
        let reply = bench.reply(status, "", body);
        assert_eq!(reply.clock_refused, body.contains("-1021"));
        let placed = bench.placed();
        assert!(judge(placed), "{status} {body}: {placed:?}");
    }
}

#[test]
fn a_lost_connection_a_missing_answer_and_a_cut_answer_are_unknown_outcomes() {
    let mut bench = Bench::new();
    bench.place();
    assert_eq!(bench.session.closed(NOW, &mut bench.data, &mut bench.ear).unwrap().to, ReplyTo::Place);
    assert!(matches!(bench.placed(), PlaceReply::Ambiguous { .. }));
    let mut bench = Bench::new();
    bench.place();
    let by = bench.session.expects_reply_by().unwrap();
    assert!(matches!(bench.session.time(by, &mut bench.data, &mut bench.ear), Err(SessionError::Silent { .. })));
    assert!(matches!(bench.placed(), PlaceReply::Ambiguous { .. }));
    assert!(bench.session.closed(NOW, &mut bench.data, &mut bench.ear).is_some());
    assert_eq!(bench.ear.take(), [], "told once");
    let mut bench = Bench::new();
    bench.place();
    let mut cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"orderId\":28".to_vec();
    assert!(bench.session.eof(NOW, &mut cut, &mut bench.data, &mut bench.ear).is_some());
    assert!(matches!(bench.placed(), PlaceReply::Ambiguous { .. }));
}

#[test]
fn bytes_behind_an_answer_are_never_the_answer_to_the_next_request() {
    let mut bench = Bench::new();
    bench.place();
    let refused = r#"{"code":-2010,"msg":"Account has insufficient balance for requested action."}"#;
    let answer = format!("HTTP/1.1 400 X\r\nContent-Length: {}\r\n\r\n{refused}", refused.len());
    let mut twice = answer.repeat(2).into_bytes();
    let told = bench.session.bytes(NOW, &mut twice, &mut bench.data, &mut bench.ear).unwrap();
    assert!(told.reply.is_some() && told.progress.consumed == answer.len());
    assert!(!bench.session.free(), "who answers twice is not asked again");
}

#[test]
fn a_cancel_is_a_signed_query_and_its_report_is_told() {
    let mut bench = Bench::new();
    bench.cancel();
    let (head, body) = bench.request();
    assert!(head.starts_with(
        "DELETE /api/v3/order?newClientOrderId=6gCrw2kRUAF9CvJDGP16IPC&orderId=4&recvWindow=5000&symbol=LTCBTC\
         &timestamp=1499827319559&signature="
    ));
    assert_eq!(body, "");
    bench.reply(200, "", r#"{"symbol":"LTCBTC","origClientOrderId":"myOrder1","orderId":4,"orderListId":-1,"clientOrderId":"cancelMyOrder1","price":"2.00000000","origQty":"1.00000000","executedQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"CANCELED","timeInForce":"GTC","type":"LIMIT","side":"BUY","selfTradePreventionMode":"NONE"}"#);
    let told = bench.ear.take();
    assert!(
        matches!(&told[..], [Told::Cancel(id, CancelReply::Queued), Told::Order(fact)]
        if id.as_str() == "4" && fact.client_order_id.as_str() == "myOrder1" && fact.status == OrderStatus::Cancelled),
        "{told:?}"
    );
    for (status, body, class) in [
        (400, r#"{"code":-2011,"msg":"Unknown order sent."}"#, Some(RejectClass::UnknownOrder)),
        (
            400,
            r#"{"code":-2011,"msg":"Order was not canceled due to cancel restrictions."}"#,
            Some(RejectClass::OrderClosed),
        ),
        (500, "", None),
    ] {
        bench.cancel();
        bench.reply(status, "", body);
        let told = bench.ear.take();
        let Some(Told::Cancel(_, reply)) = told.last() else { panic!("{told:?}") };
        match (class, reply) {
            (Some(class), CancelReply::Rejected { class: c, .. }) => assert_eq!(*c, class),
            (None, CancelReply::Ambiguous { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    // By our id, where the venue's is not known yet.
    bench.request();
    bench.session.cancel(NOW, STAMP, "LTCBTC", &VenueOrderId::EMPTY, &client(), &mut bench.ear).unwrap();
    let named = "?newClientOrderId=6gCrw2kRUAF9CvJDGP16IPC&origClientOrderId=6gCrw2kRUAF9CvJDGP16IP&";
    assert!(bench.request().0.contains(named));
}

#[test]
fn both_failure_modes_of_a_cancel_replace_tell_both_halves_once() {
    let cancelled = r#"{"symbol":"LTCBTC","origClientOrderId":"a","orderId":9,"clientOrderId":"b","price":"1","origQty":"1","executedQty":"0","cummulativeQuoteQty":"0","status":"CANCELED","side":"BUY"}"#;
    let placed = r#"{"symbol":"LTCBTC","orderId":10,"clientOrderId":"6gCrw2kRUAF9CvJDGP16IP","transactTime":1}"#;
    let unknown = r#"{"code":-2011,"msg":"Unknown order sent."}"#;
    let would_take = r#"{"code":-2010,"msg":"Order would immediately match and take."}"#;
    let whole = |cancel: &str, order: &str, c: &str, o: &str| {
        format!(
            r#"{{"cancelResult":"{cancel}","newOrderResult":"{order}","cancelResponse":{c},"newOrderResponse":{o}}}"#
        )
    };
    let error =
        |code: i32, data: String| format!(r#"{{"code":{code},"msg":"Order cancel-replace failed.","data":{data}}}"#);
    let cases = [
        (200, whole("SUCCESS", "SUCCESS", cancelled, placed), "QA"),
        (409, error(-2021, whole("SUCCESS", "FAILURE", cancelled, would_take)), "QR"),
        (409, error(-2021, whole("FAILURE", "SUCCESS", unknown, placed)), "RA"),
        (400, error(-2022, whole("FAILURE", "NOT_ATTEMPTED", unknown, "null")), "RR"),
        (400, error(-2022, whole("FAILURE", "FAILURE", unknown, would_take)), "RR"),
        (400, r#"{"code":-1013,"msg":"Filter failure: PRICE_FILTER"}"#.into(), "RR"),
        (409, error(-2021, whole("SUCCESS", "FAILURE", cancelled, r#"{"code":-1007,"msg":"Timeout"}"#)), "QU"),
        (409, error(-2021, whole("SUCCESS", "SOMETHING", cancelled, "null")), "QU"),
        (409, r#"{"code":-2021,"msg":"Order cancel-replace partially failed."}"#.into(), "UU"),
        (400, r#"{"code":-2022,"msg":"Order cancel-replace failed."}"#.into(), "RR"),
        (502, "<html></html>".into(), "UU"),
        (200, "{".into(), "UU"),
    ];
    for (status, body, expected) in cases {
        let mut bench = Bench::new();
        let replace = ReplaceOrder {
            cancel: OrderId::Venue("9"),
            cancel_id: None,
            restriction: Some(CancelRestriction::OnlyNew),
            mode: ReplaceMode::StopOnFailure,
            order: new_order(),
        };
        let id = VenueOrderId::new("9").unwrap();
        bench.session.replace(NOW, STAMP, &replace, id, client(), &mut bench.ear).unwrap();
        assert!(bench.request().0.starts_with("POST /api/v3/order/cancelReplace HTTP/1.1"));
        bench.reply(status, "", &body);
        let halves: String = bench
            .ear
            .take()
            .iter()
            .filter_map(|told| match told {
                Told::Replace(_, ReplaceReply::Accepted) => Some('Q'),
                Told::Replace(_, ReplaceReply::Rejected { .. }) | Told::Place(PlaceReply::Rejected { .. }) => Some('R'),
                Told::Replace(_, ReplaceReply::Ambiguous { .. }) | Told::Place(PlaceReply::Ambiguous { .. }) => {
                    Some('U')
                }
                Told::Place(PlaceReply::Accepted { .. }) => Some('A'),
                _ => None,
            })
            .collect();
        assert_eq!(halves, expected, "{status} {body}");
    }
}

#[test]
fn listings_and_queries_are_told_row_by_row() {
    let mut bench = Bench::new();
    let row = |id: u32, status: &str| {
        format!(
            r#"{{"symbol":"LTCBTC","orderId":{id},"orderListId":-1,"clientOrderId":"myOrder{id}","price":"0.1","origQty":"1.0","executedQty":"0.5","cummulativeQuoteQty":"-1","status":"{status}","timeInForce":"GTC","type":"LIMIT","side":"BUY","stopPrice":"0.0","icebergQty":"0.0","time":1499827319559,"updateTime":1499827319560,"isWorking":true,"origQuoteOrderQty":"0.000000"}}"#
        )
    };
    bench.query(&Call::OpenOrders { symbol: None });
    assert!(bench.request().0.starts_with("GET /api/v3/openOrders?recvWindow=5000&timestamp="));
    let rows: Vec<String> = (1..=700).map(|id| row(id, "NEW")).chain([row(701, "NEW").replace("BUY", "UP")]).collect();
    let reply = bench.reply(200, "", &format!("[{}]", rows.join(",")));
    assert_eq!(reply.outcome, Outcome::Listed(Rows { seen: 701, unreadable: 1, last_id: 700 }));
    let orders: Vec<_> =
        bench.ear.take().into_iter().filter_map(|t| if let Told::Order(f) = t { Some(f) } else { None }).collect();
    assert_eq!((orders.len(), orders[0].cumulative_value, orders[0].cumulative_quantity), (700, None, 50_000_000));
    bench.query(&Call::Order { symbol: "LTCBTC", id: OrderId::Client("6gCrw2kRUAF9CvJDGP16IP") });
    assert!(matches!(bench.reply(200, "", &row(3, "EXPIRED_IN_MATCH")).outcome, Outcome::Listed(_)));
    assert!(matches!(&bench.ear.take()[..], [Told::Order(fact)] if fact.status == OrderStatus::Expired));
    bench.query(&Call::Order { symbol: "LTCBTC", id: OrderId::Client("6gCrw2kRUAF9CvJDGP16IP") });
    let missing = bench.reply(400, "", r#"{"code":-2013,"msg":"Order does not exist."}"#);
    assert_eq!((missing.outcome, missing.client_order_id), (Outcome::NotFound, client()));
    bench.ear.take();
    bench.query(&Call::MyTrades {
        symbol: "BNBBTC",
        order_id: None,
        from_id: None,
        since: UnixNanos::NONE,
        limit: 500,
    });
    let trades = r#"[{"symbol":"BNBBTC","id":28457,"orderId":100234,"orderListId":-1,"price":"4.00000100","qty":"12.00000000","quoteQty":"48.000012","commission":"10.10000000","commissionAsset":"BNB","time":1499865549590,"isBuyer":true,"isMaker":false,"isBestMatch":true}]"#;
    assert_eq!(bench.reply(200, "", trades).outcome, Outcome::Listed(Rows { seen: 1, unreadable: 0, last_id: 28_457 }));
    assert!(
        matches!(&bench.ear.take()[..], [Told::Fill(fill)] if fill.execution_id.as_str() == "28457" && fill.fee_asset.is_some() && fill.instrument == Some(InstrumentId(2)))
    );
    bench.query(&Call::AllOrders { symbol: "LTCBTC", from_order_id: None, since: UnixNanos::NONE, limit: 10 });
    assert_eq!(bench.reply(200, "", "[]").outcome, Outcome::Listed(Rows::default()));
    bench.query(&Call::Account);
    let account = r#"{"makerCommission":15,"balances":[{"asset":"BTC","free":"4723846.89208129","locked":"0.00000000"}],"permissions":["SPOT"]}"#;
    assert!(matches!(bench.reply(200, "", account).outcome, Outcome::Listed(_)));
    assert_eq!(bench.ear.anomalies(), []);
}

#[test]
fn short_calls_have_their_outcomes() {
    let mut bench = Bench::new();
    bench.session.warm(NOW, &mut bench.ear).unwrap();
    let (head, _) = bench.request();
    assert!(head.starts_with("GET /api/v3/time HTTP/1.1\r\n") && !head.contains("APIKEY"), "{head}");
    let reply = bench.reply(200, "", r#"{"serverTime":1499827319559}"#);
    assert_eq!(reply.outcome, Outcome::Time { sent: NOW, server: STAMP });
    bench.query(&Call::StartListenKey);
    let (head, body) = bench.request();
    assert!(head.starts_with("POST /api/v3/userDataStream") && head.contains("APIKEY") && body.is_empty());
    assert_eq!(bench.reply(200, "", r#"{"listenKey":"abc"}"#).outcome, Outcome::ListenKey("abc".into()));
    bench.query(&Call::KeepListenKey { key: "abc" });
    assert!(bench.request().0.starts_with("PUT /api/v3/userDataStream?listenKey=abc HTTP/1.1"));
    let gone = bench.reply(410, "", "<html>410 Gone</html>");
    assert_eq!((gone.status, matches!(gone.outcome, Outcome::Failed { .. })), (410, true));
    bench.query(&Call::OrderCounts);
    let counts = r#"[{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":100,"count":7},{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":200000,"count":9}]"#;
    assert_eq!(bench.reply(200, "", counts).usage.orders_10s, Some(7));
    bench.request();
    let order = new_order();
    bench.query(&Call::Test(&order));
    assert!(bench.request().0.starts_with("POST /api/v3/order/test"));
    assert_eq!(bench.reply(200, "", "{}").outcome, Outcome::Answered);
    bench.query(&Call::CancelAll { symbol: "LTCBTC" });
    let row = r#"{"symbol":"LTCBTC","origClientOrderId":"a","orderId":9,"clientOrderId":"b","price":"1","origQty":"1","executedQty":"0","cummulativeQuoteQty":"0","status":"CANCELED","side":"BUY"}"#;
    let list = format!(
        r#"{{"orderListId":2,"contingencyType":"OCO","symbol":"LTCBTC","orders":[],"orderReports":[{row},{row}]}}"#
    );
    let reply = bench.reply(200, "", &format!("[{row},{list}]"));
    assert_eq!(reply.outcome, Outcome::Listed(Rows { seen: 3, ..Rows::default() }));
    assert_eq!(bench.ear.take().iter().filter(|t| matches!(t, Told::Order(_))).count(), 3);
}

#[test]
fn what_the_venue_wants_us_to_wait_is_handed_on() {
    for (status, headers, body, wait) in [
        (429, "Retry-After: 12\r\n", r#"{"code":-1003,"msg":"Too much request weight used"}"#, Some(Wait::For(12_000))),
        (
            418,
            "",
            r#"{"code":-1003,"msg":"Way too much request weight used; IP banned until 1659146400000."}"#,
            Some(Wait::UntilVenue(1_659_146_400_000)),
        ),
        (403, "", "<html>blocked</html>", Some(Wait::For(limits::FORBIDDEN_MS))),
        (400, "", r#"{"code":-2013,"msg":"Order does not exist."}"#, None),
    ] {
        let mut bench = Bench::new();
        bench.query(&Call::Order { symbol: "LTCBTC", id: OrderId::Venue("1") });
        assert_eq!(bench.reply(status, headers, body).wait, wait, "{status}");
    }
}

#[test]
fn a_snapshot_of_five_thousand_levels_is_told_in_parts_and_a_failed_one_is_due_again() {
    use super::super::super::Streams;
    use super::super::{StreamConfig, StreamSession};
    let mut bench = Bench::new();
    let instrument = instrument(0, "LTCBTC");
    let mut stream = StreamSession::new(StreamConfig::default());
    stream.want(&instrument, Streams::DIFFS, &mut bench.data).unwrap();
    stream.opened(NOW, &mut bench.data, &mut bench.ear).unwrap();
    let mut ack = b"\x81\x16{\"result\":null,\"id\":1}".to_vec();
    stream.bytes(NOW, &mut ack, &mut bench.data, &mut bench.ear).unwrap();
    bench.ear.sent.clear();
    bench.ear.take();
    let request = bench.data.next_snapshot(NOW).unwrap();
    bench.session.snapshot(NOW, &request, &bench.data, &mut bench.ear).unwrap();
    assert!(bench.request().0.starts_with("GET /api/v3/depth?limit=1000&symbol=LTCBTC HTTP/1.1"));
    assert_eq!(bench.reply(503, "", "").to, ReplyTo::Snapshot(InstrumentId(0)));
    assert_eq!(bench.data.next_snapshot(NOW), None);
    let later = NOW.plus_ms(limits::RETRY_MS_MIN);
    let request = bench.data.next_snapshot(later).unwrap();
    bench.session.snapshot(later, &request, &bench.data, &mut bench.ear).unwrap();
    let side = |from: u32| {
        (0..5_000).map(|n| format!(r#"["{}.00000000","431.00000000"]"#, from + n)).collect::<Vec<_>>().join(",")
    };
    let body = format!(r#"{{"lastUpdateId":1027024,"bids":[{}],"asks":[{}]}}"#, side(10_000), side(20_000));
    bench.ear.take();
    let reply = bench.reply(200, "", &body);
    assert_eq!(reply.outcome, Outcome::Snapshot(SnapshotOutcome::Synced));
    assert!(bench.data.is_synced(InstrumentId(0)) && stream.healthy(&bench.data));
    let told = bench.ear.take();
    assert_eq!(told.iter().filter(|t| matches!(t, Told::Level(..))).count(), 10_000);
    assert_eq!(told.iter().filter(|t| matches!(t, Told::BookEnd(true))).count(), 1);
}

#[test]
fn a_session_without_credentials_carries_public_calls_only() {
    let endpoint = BinanceUsEndpoints::default().rest;
    let mut session = OrderSession::new(&endpoint, None, OrderConfig::default()).unwrap();
    let mut ear = Ear::default();
    session.opened();
    assert_eq!(session.query(NOW, STAMP, &Call::Account, &mut ear), Err(NotSent::WrongConnection));
    assert_eq!(session.place_order(NOW, STAMP, &new_order(), client(), &mut ear), Err(NotSent::WrongConnection));
    assert_eq!(session.query(NOW, STAMP, &Call::SubscribeUser, &mut ear), Err(NotSent::WrongConnection));
    assert!(ear.sent.is_empty());
    session.warm(NOW, &mut ear).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever bytes come back, an order gets exactly one reply fact, and only an id of the venue's accepts it.
    #[test]
    fn any_answer_is_exactly_one_reply_fact(status in 100u16..600, body in prop_oneof![
        "[ -~]{0,40}",
        Just(r#"{"orderId":7,"clientOrderId":"6gCrw2kRUAF9CvJDGP16IP"}"#.to_owned()),
        (-3000i64..0).prop_map(|code| format!(r#"{{"code":{code},"msg":"x"}}"#)),
    ]) {
        let mut bench = Bench::new();
        bench.place();
        let text = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let mut bytes = text.into_bytes();
        let read = bench.session.bytes(NOW, &mut bytes, &mut bench.data, &mut bench.ear);
        let ended = read.is_ok_and(|progress| progress.reply.is_some());
        let closed = bench.session.closed(NOW, &mut bench.data, &mut bench.ear).is_some();
        prop_assert!(ended != closed);
        let placed = bench.placed();
        let accepted = matches!(placed, PlaceReply::Accepted { .. });
        prop_assert_eq!(accepted, status == 200 && body.contains("orderId"));
    }
}
