use super::super::testing::{instrument, Ear, Told, UNIT};
use super::*;
use crate::codec::test_captures;
use crate::order::OrderStatus;
use crate::record::{parse_any, Fixed128, Side};
use crate::venue::TradeEffect;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Sessions' state around the functions under test.
struct Desk {
    plain: Plain,
    products: Products,
    times: Rfc3339Cache,
    ledger: Ledger,
    ear: Ear,
}

impl Desk {
    /// An account whose history ends at `last`.
    fn new(last: u64) -> Desk {
        let mut products = Products::default();
        let names = ["EUR_USD", "USD_JPY", "GBP_USD", "DE30_EUR", "AUD_USD", "EUR_JPY"];
        for (id, name) in names.into_iter().enumerate() {
            products.know(&instrument(id as u32, name));
        }
        let mut ledger = Ledger::new();
        ledger.begin(last);
        let plain = Plain::new(super::super::limits::REPLY_TEXT_BYTES_MAX);
        Desk { plain, products, times: Rfc3339Cache::new(), ledger, ear: Ear::default() }
    }

    fn place(&mut self, status: u16, body: &str, sent: &str) -> PlaceReply {
        let Desk { plain, products, times, ledger, ear } = self;
        let mut teller = Teller { products, times, ledger, again: false };
        let sent = ClientOrderId::new(sent).unwrap();
        tell_place_reply(plain, status, &mut body.as_bytes().to_vec(), &sent, &mut teller, ear)
    }

    fn change(&mut self, status: u16, body: &str) -> Changed {
        let Desk { plain, products, times, ledger, ear } = self;
        let mut teller = Teller { products, times, ledger, again: false };
        tell_change(plain, status, &mut body.as_bytes().to_vec(), &mut teller, ear)
    }
}

fn money(text: &str) -> Fixed128 {
    parse_any(text.as_bytes()).unwrap()
}

fn observed(name: &str) -> Option<String> {
    test_captures::text(&format!("oanda/synthetic_observed_2026/{name}.json"))
}

#[test]
fn a_market_order_that_filled_is_accepted_and_its_trade_is_told() {
    let Some(body) = observed("201_market_order_filled_netting") else { return };
    let mut desk = Desk::new(100);
    let reply = desk.place(201, &body, "syn-open-1");
    assert_eq!(reply, PlaceReply::Accepted { venue_order_id: order_id(101) });
    assert_eq!(desk.ear.told[0], Told::Place(reply), "the reply goes first");
    let [part] = desk.ear.fills()[..] else { panic!("{:?}", desk.ear.told) };
    assert_eq!((part.effect, part.trade_id, part.fill.quantity), (TradeEffect::Opened, 102, UNIT));
    assert_eq!((part.fill.side, part.fill.price), (Side::Buy, 120_022_000));
    assert_eq!(desk.ear.orders().last().unwrap().status, OrderStatus::Filled);
    assert_eq!((desk.ledger.complete_to(), desk.ledger.is_missing()), (102, false));
    // The stream brings the same transactions, or the answer is read again: told once.
    desk.ear.take();
    assert_eq!(desk.place(201, &body, "syn-open-1"), reply);
    assert_eq!(desk.ear.take(), [Told::Place(reply)]);
}

#[test]
fn a_market_order_cancelled_at_birth_is_rejected_with_its_order_id() {
    let Some(body) = observed("201_market_order_cancelled_market_halted") else { return };
    let mut desk = Desk::new(111);
    let reply = desk.place(201, &body, "syn-halt-1");
    let code = InlineText::truncated("MARKET_HALTED");
    assert_eq!(reply, PlaceReply::Rejected { class: RejectClass::NotTradable, code });
    let [fact] = desk.ear.orders()[..] else { panic!("{:?}", desk.ear.told) };
    assert_eq!((fact.status, fact.venue_order_id.as_str()), (OrderStatus::Failed, "112"));
    assert_eq!((fact.client_order_id.as_str(), fact.reject), ("syn-halt-1", RejectClass::NotTradable));
    assert_eq!(desk.ear.told.last(), Some(&Told::Place(reply)), "what names the order goes first");
}

#[test]
fn a_limit_order_rests_and_a_part_filled_one_is_accepted() {
    let Some(body) = observed("201_limit_order_resting") else { return };
    let mut desk = Desk::new(102);
    assert_eq!(desk.place(201, &body, "syn-limit-1"), PlaceReply::Accepted { venue_order_id: order_id(103) });
    assert_eq!(desk.ear.orders()[0].status, OrderStatus::Open);
    assert!(matches!(desk.place(201, &body, "another"), PlaceReply::Ambiguous { .. }));
    // Not recorded anywhere, but possible: an IOC filled in part, the rest cancelled (OANDA reference 4).
    let partial = r#"{"orderCancelTransaction":{"id":"203","batchID":"201","time":"2026-03-04T10:11:12Z","type":"ORDER_CANCEL","orderID":"201","clientOrderID":"p","reason":"TIME_IN_FORCE_EXPIRED"},"orderFillTransaction":{"id":"202","batchID":"201","time":"2026-03-04T10:11:12Z","type":"ORDER_FILL","orderID":"201","clientOrderID":"p","instrument":"EUR_USD","units":"4","requestedUnits":"10","price":"1.2","tradeOpened":{"tradeID":"202","units":"4","price":"1.2"}},"orderCreateTransaction":{"id":"201","batchID":"201","time":"2026-03-04T10:11:12Z","type":"MARKET_ORDER","instrument":"EUR_USD","units":"10","clientExtensions":{"id":"p"}},"lastTransactionID":"203"}"#;
    let mut desk = Desk::new(200);
    assert_eq!(desk.place(201, partial, "p"), PlaceReply::Accepted { venue_order_id: order_id(201) });
    let states: Vec<_> = desk.ear.orders().iter().map(|fact| (fact.status, fact.reject)).collect();
    let none = RejectClass::None;
    assert_eq!(
        states,
        [
            (OrderStatus::Unrecognised, none),
            (OrderStatus::Filled, none),
            (OrderStatus::Failed, RejectClass::NoLiquidity)
        ],
        "in the order of their ids, whatever the order of keys"
    );
    assert_eq!(desk.ear.fills().len(), 1);
}

#[test]
fn refusals_are_definite_or_nothing() {
    for (file, status, class) in [
        ("400_units_limit_exceeded", 400, RejectClass::InvalidSize),
        ("400_units_precision_exceeded", 400, RejectClass::InvalidSize),
        ("400_units_invalid", 400, RejectClass::InvalidSize),
        ("400_time_in_force_invalid", 400, RejectClass::Malformed),
        ("400_unknown_instrument_no_transaction", 400, RejectClass::Malformed),
        ("401_insufficient_authorization", 401, RejectClass::Unauthorized),
        ("403_forbidden", 403, RejectClass::Forbidden),
        ("404_close_nothing_open", 404, RejectClass::UnknownOrder),
    ] {
        let Some(body) = observed(file) else { return };
        let mut desk = Desk::new(105);
        let reply = desk.place(status, &body, "c");
        assert!(matches!(reply, PlaceReply::Rejected { class: c, .. } if c == class), "{file}: {reply:?}");
        assert_eq!(desk.ear.told.last(), Some(&Told::Place(reply)));
    }
    let rejected = |status, body: &str| match Desk::new(1).place(status, body, "c") {
        PlaceReply::Rejected { class, code } => Some((class, code.as_str().to_owned())),
        PlaceReply::Ambiguous { .. } => None,
        PlaceReply::Accepted { .. } => panic!("{status} {body}"),
    };
    let html = "<html><title>Attention Required</title></html>";
    assert_eq!(rejected(429, html), Some((RejectClass::RateLimited, "http 429".into())));
    assert_eq!(rejected(403, html), Some((RejectClass::Forbidden, "http 403".into())));
    assert_eq!(rejected(405, r#"{"errorMessage":"Method not allowed"}"#).unwrap().0, RejectClass::Other);
    assert_eq!(rejected(416, r#"{"errorMessage":"Invalid range","errorCode":"NEW"}"#).unwrap().1, "NEW");
    for (status, body) in [
        (400, html),
        (404, ""),
        (400, "{}"),
        (400, r#"{"message":"a proxy's"}"#),
        (408, r#"{"errorMessage":"too slow"}"#),
        (307, r#"{"errorMessage":"elsewhere"}"#),
        (502, html),
        (504, r#"{"errorMessage":"Timeout waiting for response."}"#),
        (201, "{"),
        (201, "{}"),
        (200, html),
        (201, r#"{"orderFillTransaction":{"id":"2","type":"ORDER_FILL"}}"#),
    ] {
        assert_eq!(rejected(status, body), None, "{status} {body}");
    }
}

#[test]
fn closes_cancels_and_replaces_are_read_for_what_happened() {
    let Some(close) = test_captures::text("oanda/mab05k-oanda-client/position/close_position.json") else { return };
    let mut desk = Desk::new(1);
    let done = desk.change(200, &close);
    assert!(matches!(done, Changed::Done { nothing: None, .. }), "{done:?}");
    assert!(desk.ear.fills().iter().any(|part| part.effect == TradeEffect::Closed && part.realised.is_some()));
    let replace = test_captures::text("oanda/mab05k-oanda-client/order/replace.json").unwrap();
    let mut desk = Desk::new(1_076);
    assert_eq!(desk.change(201, &replace), Changed::Done { created: Some(order_id(1_078)), nothing: None });
    let states: Vec<_> = desk.ear.orders().iter().map(|f| (f.venue_order_id.as_str().to_owned(), f.status)).collect();
    assert_eq!(states, [("1078".into(), OrderStatus::Open)]);
    assert_eq!(desk.ear.told[0], Told::Renumbered(order_id(1_076), order_id(1_078)), "the old one goes on as the new");
    // 200, but nothing was traded (OANDA reference 5).
    let halted = r#"{"longOrderCreateTransaction":{"id":"5","batchID":"5","type":"MARKET_ORDER","units":"-3","instrument":"EUR_USD"},"longOrderCancelTransaction":{"id":"6","batchID":"5","type":"ORDER_CANCEL","orderID":"5","reason":"MARKET_HALTED"},"lastTransactionID":"6"}"#;
    let nothing = Some(InlineText::truncated("MARKET_HALTED"));
    assert_eq!(Desk::new(4).change(200, halted), Changed::Done { created: None, nothing });
    let cancel = observed("200_cancel_by_client_id").unwrap();
    assert_eq!(Desk::new(103).change(200, &cancel), Changed::Done { created: None, nothing: None });
    let again = observed("404_cancel_again").unwrap();
    let code = InlineText::truncated("ORDER_DOESNT_EXIST");
    assert_eq!(
        Desk::new(104).change(404, &again),
        Changed::Denied(Denial::Refused { class: RejectClass::UnknownOrder, code })
    );
    assert!(matches!(Desk::new(1).change(200, "{}"), Changed::Denied(Denial::Unclear { .. })));
}

#[test]
fn the_account_is_read_to_the_last_figure() {
    let Some(body) = observed("200_account_summary") else { return };
    let summary = summary(body.as_bytes()).unwrap();
    assert_eq!((summary.id.as_ref(), summary.currency.as_ref()), ("101-001-7654321-001", "USD"));
    assert_eq!((summary.balance, summary.margin_available), (money("49999.99"), money("49999.99")));
    assert_eq!((summary.realised, summary.last_transaction, summary.hedging), (money("-0.01"), 111, false));
    let body = test_captures::text("oanda/mab05k-oanda-client/account/account.json").unwrap();
    let details = account(body.as_bytes()).unwrap();
    assert_eq!((details.trades.len(), details.positions.len()), (1, 1));
    assert_eq!((details.trades[0].units, details.trades[0].price), (money("100"), money("1.25")));
    let list = br#"{"accounts":[{"id":"101-1-1-1","tags":[]},{"id":"101-1-1-2","mt4AccountID":123,"tags":["MT4"]},{"id":"101-1-1-3","mt4AccountID":null,"tags":["x"]},{"id":"101-1-1-4","tags":["MT4"]}]}"#;
    let mt4: Vec<_> = accounts(list).unwrap().iter().map(|row| row.mt4).collect();
    assert_eq!(mt4, [false, true, false, true]);
}

#[test]
fn instruments_become_rules_and_a_row_that_cannot_be_read_is_named() {
    let Some(body) = test_captures::text("oanda/mab05k-oanda-client/account/instruments.json") else { return };
    let (rules, refused) = instruments(body.as_bytes()).unwrap();
    assert!(rules.len() > 50 && refused.is_empty());
    let cnh = rules.iter().find(|rules| rules.name.as_ref() == "USD_CNH").unwrap();
    assert_eq!((cnh.display_precision, cnh.pip_location, cnh.trade_units_precision), (5, -4, 0));
    assert_eq!((cnh.units_max.to_string(), cnh.trailing_min.to_string()), ("100000000".into(), "0.0005".into()));
    let mixed = br#"{"instruments":[{"name":"A_B","displayPrecision":5,"tradeUnitsPrecision":0,"marginRate":"0.05","guaranteedStopLossOrderMode":"REQUIRED","minimumGuaranteedStopLossDistance":"0.001"},{"name":"C_D","displayPrecision":99}]}"#;
    let (rules, refused) = instruments(mixed).unwrap();
    assert_eq!((rules[0].margin_rate.to_string(), refused), ("0.05".to_owned(), vec!["C_D".into()]));
    assert_eq!(rules[0].guaranteed_stops, super::super::GuaranteedStops::Required);
}

#[test]
fn prices_candles_and_pages_are_read_exactly() {
    let Some(body) = observed("200_pricing_with_home_conversions") else { return };
    let found = prices(body.as_bytes()).unwrap();
    assert_eq!(found.prices[0].bids[0], (money("1.2001"), money("500000")));
    assert_eq!((found.home_conversions.len(), found.home_conversions[0].gain), (2, money("1.188158")));
    let body = test_captures::text("oanda/mab05k-oanda-client/instrument/candles.json").unwrap();
    let candles = candles(body.as_bytes()).unwrap();
    assert_eq!((candles.instrument.as_ref(), candles.granularity.as_ref()), ("GBP_USD", "D"));
    assert_eq!(candles.candles[0].ask.unwrap()[1], money("1.32571"));
    let body = test_captures::text("oanda/mab05k-oanda-client/transaction/transaction_pages.json").unwrap();
    let pages = pages(body.as_bytes()).unwrap();
    assert_eq!((pages.count, pages.pages[4]), (414, TransactionRange { from: 401, to: 414 }));
    let elsewhere = br#"{"pages":["https://evil.example/x"],"count":1}"#;
    assert!(super::pages(elsewhere).is_err());
}

/// Which parser takes a message, by its members; `None`: no message of the venue.
fn taken_by(message: &Value) -> Option<&'static str> {
    let has = |key: &str| message.get(key).is_some();
    let keys = ["accounts", "account", "changes", "instruments", "orders", "order", "positions", "position", "trades"];
    let more = ["trade", "prices", "candles", "pages", "transactions", "transaction"];
    let mutation = message.as_object()?.keys().any(|key| key.ends_with("Transaction"));
    if mutation {
        return Some("mutation");
    }
    let list = keys.into_iter().chain(more).find(|key| has(key));
    list.or_else(|| has("errorMessage").then_some("refusal"))
}

/// Gives a message to its parser.
fn decode(parser: &str, body: &str) -> Result<(), String> {
    let bytes = body.as_bytes();
    let mut desk = Desk::new(0);
    let text = |error: ReplyError| error.to_string();
    match parser {
        "mutation" | "transactions" | "transaction" => {
            let Desk { plain, products, times, ledger, ear } = &mut desk;
            ledger.begin(0);
            let mut teller = Teller { products, times, ledger, again: false };
            let read = plain.parse(&mut bytes.to_vec(), |cursor| {
                if parser == "mutation" {
                    let found = Mutation::read(cursor)?;
                    found.tell(&mut teller, ear);
                    return Ok(found.transactions.len());
                }
                let mut count = 0;
                each_field(cursor, |key, cursor| {
                    let mut one = |cursor: &mut Cursor<'_, '_>| {
                        count += 1;
                        let transaction = Transaction::read(cursor)?;
                        transaction.tell(FactSource::Query, teller.products, teller.times, ear)
                    };
                    match key {
                        "transaction" => one(cursor)?,
                        "transactions" => each_item(cursor, one)?,
                        _ => return Ok(false),
                    }
                    Ok(true)
                })?;
                Ok::<_, Fault>(count)
            });
            match read {
                Ok(0) => Err("no transaction".into()),
                Ok(_) if desk.ear.anomalies().is_empty() => Ok(()),
                Ok(_) => Err(format!("{:?}", desk.ear.anomalies())),
                Err(fault) => Err(fault.to_string()),
            }
        }
        "refusal" => {
            let Desk { plain, products, times, ledger, ear } = &mut desk;
            let mut teller = Teller { products, times, ledger, again: false };
            match denial(plain, 400, &mut bytes.to_vec(), &mut teller, ear) {
                Denial::Refused { .. } => Ok(()),
                Denial::Unclear { .. } => Err("no refusal".into()),
            }
        }
        "accounts" => accounts(bytes).map(|_| ()).map_err(text),
        "account" => account(bytes).map(|_| ()).map_err(text),
        "changes" => changes(bytes).map(|_| ()).map_err(text),
        "instruments" => match instruments(bytes) {
            Ok((_, refused)) if refused.is_empty() => Ok(()),
            Ok((_, refused)) => Err(format!("{refused:?}")),
            Err(error) => Err(error.to_string()),
        },
        "orders" => orders(bytes).map(|_| ()).map_err(text),
        "order" => order(bytes).map(|_| ()).map_err(text),
        "positions" => positions(bytes).map(|_| ()).map_err(text),
        "position" => position(bytes).map(|_| ()).map_err(text),
        "trades" => trades(bytes).map(|_| ()).map_err(text),
        "trade" => trade(bytes).map(|_| ()).map_err(text),
        "prices" => prices(bytes).map(|_| ()).map_err(text),
        "candles" => candles(bytes).map(|_| ()).map_err(text),
        "pages" => pages(bytes).map(|_| ()).map_err(text),
        other => Err(format!("no parser {other}")),
    }
}

/// A line of a stream to its stream's decoder.
fn decode_line(line: &str) -> Result<&'static str, String> {
    let mut decoder = super::super::stream::Decoder::new();
    for (id, name) in ["EUR_USD", "USD_JPY", "EUR_JPY", "DE30_EUR"].into_iter().enumerate() {
        let index = decoder.products.know(&instrument(id as u32, name));
        decoder.products.get_mut(index).unwrap().wanted = crate::venue::Channels::BOOK;
    }
    let (mut plain, mut ear, mut ledger) = (Plain::new(64 * 1024), Ear::default(), Ledger::new());
    ledger.begin(0);
    let pricing = line.contains("\"bids\"") && !line.contains("fullPrice")
        || line.contains("HEARTBEAT") && !line.contains("lastTransactionID");
    if pricing {
        decoder.pricing_line(&mut plain, &mut line.as_bytes().to_vec(), &mut ear);
    } else {
        decoder.transaction_line(&mut plain, &mut line.as_bytes().to_vec(), &mut ledger, &mut ear);
    }
    match ear.anomalies() {
        none if none.is_empty() && (!ear.told.is_empty() || ledger.newest() > 0) => {
            Ok(if pricing { "pricing line" } else { "transaction line" })
        }
        found => Err(format!("{found:?}")),
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        match entry.path() {
            path if path.is_dir() => files(&path, found),
            path => found.push(path),
        }
    }
}

/// Reference documents and texts, not messages of the venue; and two endpoints that the website no longer lists and
/// nobody here asks (OANDA reference 3).
const NO_MESSAGES: [&str; 3] = ["v20.json", "enums_merged.json", "scalar-enum-website-drift.json"];
const NOT_ASKED: [&str; 2] = ["orderBook", "positionBook"];

/// Every sample decodes, and the table printed says who took it.
#[test]
fn every_recorded_sample_is_decoded() {
    if test_captures::text("oanda/README.md").is_none() {
        return;
    }
    let root = match std::env::var_os("EXCHANGE_CONNECTORS_CAPTURES") {
        Some(root) => PathBuf::from(root),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/captures"),
    }
    .join("oanda");
    let mut all = Vec::new();
    files(&root, &mut all);
    all.sort();
    let (mut taken, mut failed) = (BTreeMap::<&str, usize>::new(), Vec::new());
    for path in &all {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        let text = std::fs::read_to_string(path).unwrap();
        let mut report = |what: String, result: Result<&'static str, String>| match result {
            Ok(parser) => {
                println!("{name} {what}: {parser}");
                *taken.entry(parser).or_default() += 1;
            }
            Err(error) => failed.push(format!("{name} {what}: {error}")),
        };
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("jsonl") => {
                for (number, line) in text.lines().enumerate() {
                    report(format!("line {}", number + 1), decode_line(line));
                }
            }
            Some("json") if NO_MESSAGES.iter().any(|document| name.ends_with(document)) => {
                report("reference document".into(), Ok("none: no message"));
            }
            Some("json") => {
                let value: Value = serde_json::from_str(&text).unwrap();
                let responses = value.as_object().unwrap().iter().filter(|(_, v)| v.get("response").is_some());
                let responses: Vec<_> = responses.map(|(key, v)| (key.clone(), v["response"].clone())).collect();
                // A whole file is decoded as it lies there, and again with its keys in another order.
                let whole = responses.is_empty();
                let messages = if whole { vec![("body".into(), value)] } else { responses };
                for (what, message) in messages {
                    if let Value::Array(lines) = &message {
                        for line in lines {
                            report(what.clone(), decode_line(&line.to_string()));
                        }
                    } else if NOT_ASKED.iter().any(|key| message.get(key).is_some()) {
                        report(what, Ok("none: not asked"));
                    } else {
                        let result = match taken_by(&message) {
                            Some(parser) => {
                                let as_is = if whole { decode(parser, &text) } else { Ok(()) };
                                as_is.and_then(|()| decode(parser, &message.to_string())).map(|()| parser)
                            }
                            None => Err("nobody takes it".into()),
                        };
                        report(what, result);
                    }
                }
            }
            _ => report("text".into(), Ok("none: no message")),
        }
    }
    println!("{taken:?}");
    assert_eq!(failed, Vec::<String>::new());
    let decoded: usize = taken.iter().filter(|(parser, _)| !parser.starts_with("none")).map(|(_, count)| count).sum();
    assert!(decoded >= 90, "{decoded} samples were decoded");
}
