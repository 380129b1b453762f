use super::super::super::testing::{account, fixed, instrument, token, Ear, Told, NOW, UNIT};
use super::*;
use crate::order::{CancelReply, FactSource, OrderStatus, PlaceReply};
use crate::record::{InstrumentId, OrderType, RejectClass, Side, TimeInForce};
use crate::venue::oanda::request::{CloseUnits, EntryKind};
use crate::venue::{AccountFact, Anomaly, HeldTrade};
use proptest::prelude::*;

struct Bench {
    session: OrderSession,
    ledger: Ledger,
    ear: Ear,
}

impl Bench {
    /// Open, with a ledger that begins at 100.
    fn new() -> Bench {
        let endpoint = crate::venue::oanda::OandaEndpoints::practice().rest;
        let mut session = OrderSession::new(&endpoint, account(), Arc::new(token()), OrderConfig::default()).unwrap();
        session.know(&instrument(0, "EUR_USD"));
        session.opened();
        let mut ledger = Ledger::new();
        ledger.begin(100);
        Bench { session, ledger, ear: Ear::default() }
    }

    fn place(&mut self) -> Result<(), NotSent> {
        let (instrument, id) = (instrument(0, "EUR_USD"), ClientOrderId::new("syn-open-1").unwrap());
        let intent = PlaceIntent {
            instrument: &instrument,
            client_order_id: &id,
            side: Side::Buy,
            order_type: OrderType::Market,
            time_in_force: TimeInForce::FillOrKill,
            post_only: false,
            price: 0,
            quantity: UNIT,
            quantity_in_quote: false,
            composite: None,
        };
        self.session.place(NOW, &intent, &self.ledger, &mut self.ear)
    }

    fn query(&mut self, query: &Query<'_>) {
        self.session.query(NOW, query, &mut self.ear).unwrap();
        self.ear.take_sent();
    }

    /// Feeds a response whole, or in parts of so many bytes; the reply.
    fn answer(&mut self, status: &str, body: &str, part: usize) -> Option<Reply> {
        let wire = format!("HTTP/1.1 {status}\r\nRequestID: 42\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut unread = Vec::new();
        let mut reply = None;
        for bytes in wire.as_bytes().chunks(part) {
            unread.extend_from_slice(bytes);
            loop {
                let step = self.session.bytes(NOW, &mut unread, &mut self.ledger, &mut self.ear).unwrap();
                unread.drain(..step.progress.consumed);
                assert!(reply.is_none() || step.reply.is_none(), "one reply");
                reply = reply.or(step.reply);
                if !step.progress.more {
                    break;
                }
            }
        }
        assert!(unread.is_empty());
        reply
    }
}

const FILLED: &str = r#"{"orderCreateTransaction":{"id":"101","batchID":"101","time":"2026-03-04T10:11:12Z","type":"MARKET_ORDER","instrument":"EUR_USD","units":"1","clientExtensions":{"id":"syn-open-1"}},"orderFillTransaction":{"id":"102","batchID":"101","time":"2026-03-04T10:11:12Z","type":"ORDER_FILL","orderID":"101","clientOrderID":"syn-open-1","instrument":"EUR_USD","units":"1","price":"1.20022","tradeOpened":{"price":"1.20022","tradeID":"102","units":"1"}},"relatedTransactionIDs":["101","102"],"lastTransactionID":"102"}"#;

#[test]
fn an_order_is_one_request_and_its_answer_is_told_once() {
    let mut bench = Bench::new();
    bench.place().unwrap();
    assert_eq!(
        bench.ear.take_sent(),
        concat!(
            "POST /v3/accounts/101-001-7654321-001/orders HTTP/1.1\r\nHost: api-fxpractice.oanda.com\r\n",
            "User-Agent: exchange-connectors/",
            env!("CARGO_PKG_VERSION"),
            "\r\nAccept-Datetime-Format: RFC3339\r\nAuthorization: Bearer throwaway-test-token\r\n",
            "Content-Type: application/json\r\nContent-Length: 153\r\n\r\n",
            r#"{"order":{"type":"MARKET","instrument":"EUR_USD","units":"1","timeInForce":"FOK","positionFill":"DEFAULT","#,
            r#""clientExtensions":{"id":"syn-open-1"}}}"#
        )
        .replace("153", &FIRST_BODY.len().to_string())
    );
    assert_eq!(bench.place(), Err(NotSent::Busy));
    assert_eq!(bench.session.expects_reply_by(), Some(NOW.plus_ms(limits::REPLY_MS_MAX)));
    let reply = bench.answer("201 Created", FILLED, 11).unwrap();
    assert_eq!((reply.to, &reply.outcome, reply.sent_after), (ReplyTo::Place, &Outcome::Answered, 100));
    assert_eq!(reply.headers.request_id, Some(42));
    let placed = bench.ear.told.iter().filter(|t| matches!(t, Told::Place(_))).count();
    assert_eq!((placed, bench.ear.fills().len(), bench.ledger.complete_to()), (1, 1, 102));
    assert!(bench.session.free());
}

const FIRST_BODY: &str = r#"{"order":{"type":"MARKET","instrument":"EUR_USD","units":"1","timeInForce":"FOK","positionFill":"DEFAULT","clientExtensions":{"id":"syn-open-1"}}}"#;

#[test]
fn an_order_without_an_answer_is_unknown_and_found_after_the_id_noted_before() {
    let mut bench = Bench::new();
    bench.place().unwrap();
    let reply = bench.session.closed(&mut bench.ear).unwrap();
    assert_eq!(reply.sent_after, 100);
    assert!(matches!(bench.ear.take()[..], [Told::Place(PlaceReply::Ambiguous { .. })]));
    // On a new connection the history is read from there: it names the client id.
    bench.session.opened();
    bench.query(&Query::TransactionsSince { id: reply.sent_after });
    let rows = FILLED
        .replace(r#""orderCreateTransaction":"#, r#""transactions":["#)
        .replace(r#""orderFillTransaction":"#, "")
        .replace(r#"},"relatedTransactionIDs":["101","102"]"#, r#"}]"#);
    let reply = bench.answer("200 OK", &rows, 100).unwrap();
    let rows = Rows { seen: 2, unreadable: 0, last_id: 102, first_id: 0 };
    let Outcome::Listed { rows: told, more: false, .. } = reply.outcome else { panic!("{reply:?}") };
    assert_eq!((reply.to, told), (ReplyTo::Transactions, rows));
    let facts = bench.ear.orders();
    assert_eq!(facts.last().map(|f| (f.client_order_id.as_str(), f.status)), Some(("syn-open-1", OrderStatus::Filled)));
    assert_eq!((bench.ear.fills().len(), bench.ledger.is_missing()), (1, false));
}

#[test]
fn bytes_behind_an_answer_are_never_the_answer_to_the_next_request() {
    let mut bench = Bench::new();
    bench.place().unwrap();
    let answer = format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n{FILLED}", FILLED.len());
    let mut twice = answer.repeat(2).into_bytes();
    let told = bench.session.bytes(NOW, &mut twice, &mut bench.ledger, &mut bench.ear).unwrap();
    assert!(told.reply.is_some() && told.progress.consumed == answer.len());
    assert!(!bench.session.free(), "who answers twice is not asked again");
    assert_eq!(bench.place(), Err(NotSent::Closed));
}

#[test]
fn silence_and_nonsense_are_unknown_too() {
    let mut silent = Bench::new();
    silent.place().unwrap();
    let late = NOW.plus_ms(limits::REPLY_MS_MAX);
    assert!(matches!(silent.session.time(late, &mut silent.ear), Err(SessionError::Silent { .. })));
    assert!(matches!(silent.ear.take()[..], [Told::Place(PlaceReply::Ambiguous { .. })]));
    assert_eq!(silent.place(), Err(NotSent::Closed));
    let mut broken = Bench::new();
    broken.place().unwrap();
    let noise = broken.session.bytes(NOW, &mut b"nonsense\r\n\r\n".to_vec(), &mut broken.ledger, &mut broken.ear);
    assert!(matches!(noise, Err(SessionError::Protocol(_))));
    assert!(matches!(broken.ear.take()[..], [Told::Place(PlaceReply::Ambiguous { .. })]));
    let mut page = Bench::new();
    page.place().unwrap();
    let reply = page.answer("502 Bad Gateway", "<html><title>Bad gateway</title></html>", 999).unwrap();
    assert!(matches!(reply.outcome, Outcome::Failed { code } if code.as_str() == "http 502"));
    assert_eq!(page.ear.told[0], Told::Anomaly(Anomaly::VenueError, "Bad gateway".into()));
}

#[test]
fn too_many_requests_is_a_refusal_and_a_wait() {
    let mut bench = Bench::new();
    bench.place().unwrap();
    let reply = bench.answer("429 Too Many Requests", "", 999).unwrap();
    assert!(matches!(reply.outcome, Outcome::Refused { class: RejectClass::RateLimited, .. }));
    assert_eq!(reply.wait_ms, Some(limits::THROTTLED_MS));
}

#[test]
fn a_cancel_names_one_order_and_its_end_is_told() {
    let (mut bench, id) = (Bench::new(), VenueOrderId::new("103").unwrap());
    bench.session.cancel(NOW, &id, &bench.ledger, &mut bench.ear).unwrap();
    let sent = bench.ear.take_sent();
    assert!(sent.starts_with("PUT /v3/accounts/101-001-7654321-001/orders/103/cancel HTTP/1.1\r\n"), "{sent}");
    assert!(sent.ends_with("Content-Length: 0\r\n\r\n") && !sent.contains("Content-Type"), "{sent}");
    let done = r#"{"orderCancelTransaction":{"id":"104","batchID":"104","time":"2026-03-04T10:11:12Z","type":"ORDER_CANCEL","orderID":"103","reason":"CLIENT_REQUEST"},"lastTransactionID":"104"}"#;
    assert_eq!(bench.answer("200 OK", done, 50).unwrap().outcome, Outcome::Answered);
    assert_eq!(bench.ear.orders()[0].status, OrderStatus::Cancelled);
    assert!(bench.ear.told.contains(&Told::Cancel(id, CancelReply::Queued)));
    assert!(bench.ledger.is_missing(), "101 to 103 never came");
    bench.ear.take();
    bench.session.cancel(NOW, &id, &bench.ledger, &mut bench.ear).unwrap();
    let gone = r#"{"errorMessage":"The Order specified does not exist","errorCode":"ORDER_DOESNT_EXIST"}"#;
    bench.answer("404 Not Found", gone, 50).unwrap();
    let code = InlineText::truncated("ORDER_DOESNT_EXIST");
    let refused = CancelReply::Rejected { class: RejectClass::UnknownOrder, code };
    assert_eq!(bench.ear.told.last(), Some(&Told::Cancel(id, refused)));
}

#[test]
fn any_change_can_be_sent_and_says_what_came_of_it() {
    let mut bench = Bench::new();
    let close = Command::CloseTrade(OrderSpecifier::Id("102"), CloseUnits::Units(fixed("5")));
    bench.session.change(NOW, &close, &bench.ledger, &mut bench.ear).unwrap();
    assert!(bench.ear.take_sent().ends_with("\r\n\r\n{\"units\":\"5\"}"));
    let halted = r#"{"orderCreateTransaction":{"id":"101","batchID":"101","type":"MARKET_ORDER","instrument":"EUR_USD","units":"-5"},"orderCancelTransaction":{"id":"102","batchID":"101","type":"ORDER_CANCEL","orderID":"101","reason":"MARKET_HALTED"},"lastTransactionID":"102"}"#;
    let reply = bench.answer("200 OK", halted, 999).unwrap();
    let Outcome::Changed { created, nothing } = reply.outcome else { panic!("{reply:?}") };
    assert_eq!(
        (created, nothing.map(|n| n.as_str().to_owned())),
        (VenueOrderId::new("101").ok(), Some("MARKET_HALTED".into()))
    );
    let order = EntryOrder::new("EUR_USD", fixed("1"), EntryKind::Limit { price: fixed("1.1") });
    let replace = Command::Replace(OrderSpecifier::Client("my-2"), &order);
    bench.session.change(NOW, &replace, &bench.ledger, &mut bench.ear).unwrap();
    assert!(bench.ear.take_sent().starts_with("PUT /v3/accounts/101-001-7654321-001/orders/@my-2 HTTP/1.1"));
}

fn transactions(ids: std::ops::RangeInclusive<u64>, last: u64, filler: usize) -> String {
    let rows: Vec<_> = ids
        .map(|id| {
            format!(
                r#"{{"id":"{id}","batchID":"{id}","time":"2026-03-04T10:11:12Z","type":"ORDER_CANCEL","orderID":"7","reason":"CLIENT_REQUEST","x":"{}"}}"#,
                "y".repeat(filler)
            )
        })
        .collect();
    format!(r#"{{"transactions":[{}],"lastTransactionID":"{last}"}}"#, rows.join(","))
}

#[test]
fn a_gap_is_closed_by_the_history_and_a_long_one_in_slices_and_pages() {
    let mut bench = Bench::new();
    bench.ledger.opened();
    let since = bench.ledger.ask_since(NOW).unwrap();
    bench.query(&Query::TransactionsSince { id: since });
    // 120 kB: eight slices of 16 KiB. The venue cuts it short of the newest one.
    let reply = bench.answer("200 OK", &transactions(101..=300, 350, 500), 4_096).unwrap();
    let Outcome::Listed { rows, more, .. } = reply.outcome else { panic!("{reply:?}") };
    assert_eq!((rows.seen, rows.last_id, more), (200, 300, true));
    assert_eq!((bench.ear.take().len(), bench.ledger.complete_to(), bench.ledger.is_complete()), (200, 300, false));
    bench.query(&Query::TransactionsSince { id: bench.ledger.complete_to() });
    let reply = bench.answer("200 OK", &transactions(301..=350, 350, 1), 999).unwrap();
    assert!(matches!(reply.outcome, Outcome::Listed { more: false, .. }));
    assert!(bench.ledger.is_complete());
    // Nothing new, and ids with holes: both end the gap.
    bench.ledger.opened();
    let since = bench.ledger.ask_since(NOW).unwrap();
    bench.query(&Query::TransactionsSince { id: since });
    bench.answer("200 OK", r#"{"transactions":[],"lastTransactionID":"350"}"#, 999).unwrap();
    assert!(bench.ledger.is_complete());
    bench.ledger.heard(360);
    let due = bench.ledger.ask_since(NOW).or_else(|| bench.ledger.ask_since(NOW.plus_ms(5_000)));
    bench.query(&Query::TransactionsSince { id: due.unwrap() });
    bench.answer("200 OK", &transactions(355..=360, 360, 1), 999).unwrap();
    assert!(bench.ledger.is_complete(), "what does not exist is not waited for");
}

#[test]
fn a_transaction_of_the_history_that_cannot_be_read_is_passed_and_doubted() {
    // Its kind is no text; its execution names no order.
    for row in [r#""type":7"#, r#""type":"ORDER_FILL","units":"1""#] {
        let mut bench = Bench::new();
        bench.ledger.opened();
        let since = bench.ledger.ask_since(NOW).unwrap();
        bench.query(&Query::TransactionsSince { id: since });
        let body = transactions(101..=103, 103, 1).replace(r#""type":"ORDER_CANCEL","orderID":"7""#, row);
        let reply = bench.answer("200 OK", &body, 999).unwrap();
        let Outcome::Listed { rows, more, .. } = reply.outcome else { panic!("{reply:?}") };
        assert_eq!((rows.unreadable, rows.last_id, more), (3, 103, false), "{row}");
        assert!(bench.ledger.is_complete(), "{row}");
        assert!(bench.ledger.take_doubt(), "{row}: what it did is to be asked of the account");
    }
}

#[test]
fn a_history_that_ends_early_is_no_evidence_and_not_asked_for_more() {
    let unnamed = r#"{"transactions":[{"id":"x","type":"ORDER_FILL"}],"lastTransactionID":"120"}"#.to_owned();
    let known = transactions(99..=100, 120, 1);
    for body in [r#"{"transactions":[],"lastTransactionID":"120"}"#.to_owned(), unnamed, known] {
        let mut bench = Bench::new();
        bench.ledger.opened();
        let since = bench.ledger.ask_since(NOW).unwrap();
        bench.query(&Query::TransactionsSince { id: since });
        let reply = bench.answer("200 OK", &body, 999).unwrap();
        let failed = Outcome::Failed { code: InlineText::truncated("listing ends early") };
        assert_eq!((reply.outcome, bench.ledger.newest()), (failed, 120), "{body}");
        assert_eq!((bench.ledger.complete_to(), bench.ledger.is_complete()), (100, false), "{body}");
    }
}

#[test]
fn a_page_with_a_hole_is_followed_by_the_next_one() {
    let mut bench = Bench::new();
    bench.ledger.opened();
    let mut since = bench.ledger.ask_since(NOW).unwrap();
    // 101 does not exist, and 103 cannot be read.
    let pages = [transactions(102..=105, 110, 1).replacen(r#""103""#, r#""x""#, 1), transactions(106..=110, 110, 1)];
    for (page, last) in pages.into_iter().zip([105, 110]) {
        bench.query(&Query::TransactionsSince { id: since });
        let reply = bench.answer("200 OK", &page, 999).unwrap();
        let Outcome::Listed { more, .. } = reply.outcome else { panic!("{reply:?}") };
        assert_eq!((more, bench.ledger.complete_to()), (last < 110, last));
        assert_eq!((bench.ledger.is_complete(), bench.ledger.is_missing()), (last == 110, last < 110));
        since = last;
    }
}

#[test]
fn pictures_are_orders_positions_and_figures() {
    let mut bench = Bench::new();
    bench.ledger = Ledger::new();
    bench.query(&Query::Account);
    let body = r#"{"account":{"orders":[{"id":"9","type":"LIMIT","state":"PENDING","instrument":"EUR_USD","units":"-5","price":"1.3","clientExtensions":{"id":"c-1"}}],"balance":"100.5","marginUsed":"2.4","positions":[{"instrument":"EUR_USD","long":{"units":"3","averagePrice":"1.2","pl":"1","unrealizedPL":"-0.5"},"short":{"units":"-2","averagePrice":"1.25"}}],"marginAvailable":"98.1","NAV":"100","trades":[{"id":"3","instrument":"EUR_USD","currentUnits":"-2","price":"1.25","state":"OPEN"},{"id":"4","instrument":"XAU_USD","currentUnits":"1"}]},"lastTransactionID":"57"}"#;
    let reply = bench.answer("200 OK", body, 77).unwrap();
    assert!(matches!(reply.outcome, Outcome::Listed { rows: Rows { seen: 4, unreadable: 0, .. }, .. }), "{reply:?}");
    let held =
        HeldTrade { instrument: InstrumentId(0), side: Side::Sell, trade_id: 3, units: 2 * UNIT, price: 125_000_000 };
    assert!(bench.ear.told.contains(&Told::Held(held)));
    assert_eq!(bench.ledger.complete_to(), 57);
    assert_eq!(bench.ear.orders()[0].venue_order_id.as_str(), "9");
    let sides: Vec<_> = bench
        .ear
        .told
        .iter()
        .filter_map(|t| if let Told::Position(fact) = t { Some((fact.side, fact.units)) } else { None })
        .collect();
    assert_eq!(sides, [(Side::Buy, 3 * UNIT), (Side::Sell, 2 * UNIT)]);
    let Some(Told::Account(AccountFact { margin_used: Some(used), .. })) = bench.ear.told.last() else {
        panic!("{:?}", bench.ear.told)
    };
    assert_eq!(used.to_string(), "2.4");
    // A later one does not move the beginning: what it includes may not have been told.
    bench.query(&Query::Summary);
    let summary = r#"{"account":{"balance":"1","currency":"EUR","marginRate":"0.05","hedgingEnabled":true},"lastTransactionID":"60"}"#;
    bench.answer("200 OK", summary, 999).unwrap();
    assert_eq!((bench.ledger.complete_to(), bench.ledger.is_missing()), (57, true));
    let Some(Told::Account(fact)) = bench.ear.told.last() else { panic!("{:?}", bench.ear.told) };
    let rate = fact.margin_rate.map(|rate| rate.to_string());
    assert_eq!((fact.currency.as_str(), rate.as_deref(), fact.hedging), ("EUR", Some("0.05"), Some(true)));
    assert_eq!((fact.last_transaction, fact.margin_available), (60, None));
}

#[test]
fn one_order_is_asked_for_by_either_name() {
    let mut bench = Bench::new();
    bench.session.query(NOW, &Query::Order(OrderSpecifier::Client("c-1")), &mut bench.ear).unwrap();
    assert!(bench.ear.take_sent().starts_with("GET /v3/accounts/101-001-7654321-001/orders/@c-1 HTTP/1.1"));
    let body = r#"{"order":{"id":"9","state":"CANCELLED","cancelledTime":"2026-03-04T10:11:12Z","instrument":"EUR_USD","units":"5"},"lastTransactionID":"100"}"#;
    assert_eq!(bench.answer("200 OK", body, 9).unwrap().outcome, Outcome::Answered);
    assert_eq!((bench.ear.orders()[0].status, bench.ear.orders()[0].quantity), (OrderStatus::Cancelled, 5 * UNIT));
    bench.query(&Query::Order(OrderSpecifier::Client("c-2")));
    let gone = r#"{"lastTransactionID":"100","errorMessage":"The order ID specified does not exist","errorCode":"NO_SUCH_ORDER"}"#;
    let reply = bench.answer("404 Not Found", gone, 99).unwrap();
    assert!(matches!(reply.outcome, Outcome::Refused { class: RejectClass::UnknownOrder, .. }));
    let cold = bench.session.query(NOW, &Query::Accounts, &mut bench.ear);
    assert_eq!(cold, Err(NotSent::ColdQuery));
}

/// What was executed stands in the transaction that filled it: the row names the units asked for, however few were filled.
#[test]
fn a_filled_order_is_over_once_its_transaction_was_told_and_its_row_counts_nothing() {
    for (filling, source) in [("100", FactSource::Query), ("101", FactSource::Stream)] {
        let mut bench = Bench::new();
        bench.query(&Query::Order(OrderSpecifier::Id("9")));
        let body = format!(
            r#"{{"order":{{"id":"9","state":"FILLED","fillingTransactionID":"{filling}","instrument":"EUR_USD","units":"5"}},"lastTransactionID":"101"}}"#
        );
        assert_eq!(bench.answer("200 OK", &body, 9).unwrap().outcome, Outcome::Answered);
        let [row] = bench.ear.orders()[..] else { panic!("{:?}", bench.ear.told) };
        assert_eq!((row.status, row.source, row.cumulative_quantity), (OrderStatus::Filled, source, 0), "{filling}");
    }
}

/// A change is told by its transaction, by the order that bears the new terms, or by both, and what was asked before comes late.
#[test]
fn an_order_that_was_replaced_is_told_by_its_new_id_alone() {
    let old = r#"{"id":"9","state":"PENDING","instrument":"EUR_USD","units":"5"}"#;
    let new = r#"{"id":"102","state":"PENDING","replacesOrderID":"9","instrument":"EUR_USD","units":"6"}"#;
    let created = r#"{"id":"102","batchID":"101","time":"2026-03-04T10:11:12Z","type":"LIMIT_ORDER","instrument":"EUR_USD","units":"6","price":"1.2","replacesOrderID":"9"}"#;
    let ids = |bench: &Bench| bench.ear.orders().iter().map(|o| o.venue_order_id.to_string()).collect::<Vec<_>>();
    let renumbered = |bench: &Bench| bench.ear.told.iter().filter(|told| matches!(told, Told::Renumbered(..))).count();
    for transaction_first in [true, false] {
        let mut bench = Bench::new();
        if transaction_first {
            bench.query(&Query::TransactionsSince { id: 100 });
            let body = format!(r#"{{"transactions":[{created}],"lastTransactionID":"102"}}"#);
            bench.answer("200 OK", &body, 999).unwrap();
            assert_eq!((ids(&bench), renumbered(&bench)), (vec!["102".to_owned()], 1));
        }
        bench.query(&Query::PendingOrders);
        bench.answer("200 OK", &format!(r#"{{"orders":[{new}],"lastTransactionID":"102"}}"#), 999).unwrap();
        assert_eq!(ids(&bench).last().unwrap(), "102");
        assert_eq!(renumbered(&bench), 1, "{transaction_first}: once is enough");
        bench.query(&Query::PendingOrders);
        bench.answer("200 OK", &format!(r#"{{"orders":[{old}],"lastTransactionID":"100"}}"#), 999).unwrap();
        assert!(!ids(&bench).contains(&"9".to_owned()), "an old picture of it says nothing");
    }
}

#[test]
fn an_order_listed_as_cancelled_because_it_was_replaced_goes_on_under_its_new_id() {
    let mut bench = Bench::new();
    bench.query(&Query::Order(OrderSpecifier::Id("9")));
    let body = r#"{"order":{"id":"9","state":"CANCELLED","instrument":"EUR_USD","units":"5","cancelledTime":"2026-03-04T10:11:12Z","replacedByOrderID":"102"},"lastTransactionID":"100"}"#;
    assert_eq!(bench.answer("200 OK", body, 9).unwrap().outcome, Outcome::Answered);
    assert!(bench.ear.orders().is_empty(), "no end is told");
    let renumbered =
        |told: &&Told| matches!(told, Told::Renumbered(old, new) if old.as_str() == "9" && new.as_str() == "102");
    assert_eq!(bench.ear.told.iter().filter(renumbered).count(), 1, "{:?}", bench.ear.told);
}

#[test]
fn a_row_that_cannot_be_read_is_counted_and_the_others_are_told() {
    let mut bench = Bench::new();
    bench.query(&Query::PendingOrders);
    let body = r#"{"orders":[{"id":"1","state":"PENDING"},{"state":"PENDING"},{"id":"2","state":"NEW_STATE"}],"lastTransactionID":"100"}"#;
    let reply = bench.answer("200 OK", body, 999).unwrap();
    assert!(matches!(reply.outcome, Outcome::Listed { rows: Rows { seen: 3, unreadable: 1, .. }, more: false, .. }));
    assert_eq!((bench.ear.orders().len(), bench.ear.anomalies().len()), (2, 2));
}

proptest! {
    // Each case makes a session with its buffers.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_comes_there_is_one_place_reply(
        status in 100u16..600, body in "\\PC{0,60}", part in 1usize..50, own in any::<bool>(),
    ) {
        let mut bench = Bench::new();
        bench.place().unwrap();
        let body = if own { r#"{"errorMessage":"m","errorCode":"UNITS_INVALID"}"#.to_owned() } else { body };
        let wire = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut unread = Vec::new();
        for bytes in wire.as_bytes().chunks(part) {
            unread.extend_from_slice(bytes);
            let Ok(step) = bench.session.bytes(NOW, &mut unread, &mut bench.ledger, &mut bench.ear) else { break };
            unread.drain(..step.progress.consumed);
        }
        bench.session.closed(&mut bench.ear);
        let replies: Vec<_> = bench.ear.told.iter().filter(|t| matches!(t, Told::Place(_))).collect();
        prop_assert_eq!(replies.len(), 1);
        let definite = own && (400..500).contains(&status) && status != 408 || matches!(status, 401 | 403 | 429);
        let rejected = matches!(replies[0], Told::Place(PlaceReply::Rejected { .. }));
        prop_assert_eq!(rejected, definite);
    }
}
