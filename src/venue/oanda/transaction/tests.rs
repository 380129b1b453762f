use super::super::testing::{instrument, Ear, Told, UNIT};
use super::*;
use crate::codec::json::Plain;
use crate::record::parse_any;

/// What a transaction tells, read as from the stream; EUR_USD and USD_JPY are known.
fn told(text: &str) -> Ear {
    let (ear, read) = told_or_not(text);
    assert_eq!(read, Ok(()), "{text}");
    ear
}

fn told_or_not(text: &str) -> (Ear, Result<(), Fault>) {
    let (mut products, mut times, mut ear) = (Products::default(), Rfc3339Cache::new(), Ear::default());
    products.know(&instrument(0, "EUR_USD"));
    products.know(&instrument(1, "USD_JPY"));
    let read = Plain::new(64 * 1024).parse(&mut text.as_bytes().to_vec(), |cursor| {
        Transaction::read(cursor)?.tell(FactSource::Query, &mut products, &mut times, &mut ear)
    });
    (ear, read)
}

fn money(text: &str) -> Fixed128 {
    parse_any(text.as_bytes()).unwrap()
}

const HEAD: &str = r#""accountID":"101-001-7654321-001","userID":7,"time":"2026-03-04T10:11:12.123456789Z""#;

#[test]
fn a_resting_order_is_open_with_side_size_and_price() {
    let ear = told(&format!(
        r#"{{"id":"103","batchID":"103",{HEAD},"type":"LIMIT_ORDER","instrument":"EUR_USD","units":"-1000","price":"1.23456","timeInForce":"GTC","reason":"CLIENT_ORDER","clientExtensions":{{"tag":"t","id":"c-1"}}}}"#
    ));
    let [fact] = ear.orders()[..] else { panic!("{:?}", ear.told) };
    assert_eq!((fact.status, fact.side, fact.venue_order_id.as_str()), (OrderStatus::Open, Side::Sell, "103"));
    assert_eq!((fact.client_order_id.as_str(), fact.quantity, fact.limit_price), ("c-1", 1_000 * UNIT, 123_456_000));
    assert_eq!(fact.venue_time, UnixNanos(1_772_619_072_123_456_789));
}

#[test]
fn a_flip_is_one_execution_per_trade_closed_reduced_and_opened() {
    let ear = told(&format!(
        r#"{{"type":"ORDER_FILL","orderID":"200","clientOrderID":"c-2","instrument":"EUR_USD","units":"-300","requestedUnits":"-300","price":"1.2","fullVWAP":"1.2","pl":"-0.5","commission":"0.03","accountBalance":"999.5","reason":"MARKET_ORDER","tradeOpened":{{"tradeID":"201","units":"-150","price":"1.20001","guaranteedExecutionFee":"0"}},"tradesClosed":[{{"tradeID":"90","units":"-100","realizedPL":"-0.4","price":"1.20003"}},{{"tradeID":"91","units":"-40","realizedPL":"-0.1","price":"1.20002","guaranteedExecutionFee":"0.01"}}],"tradeReduced":{{"tradeID":"92","units":"-10","realizedPL":"0.0","price":"1.20001"}},"id":"201","batchID":"200",{HEAD}}}"#
    ));
    // Whose it is, its executions, how it stands; then the money.
    assert!(matches!(&ear.told[..], [Told::Order(_), Told::Fills(_), Told::Order(_), Told::Account(_)]));
    let fills = ear.fills();
    let seen: Vec<_> = fills.iter().map(|p| (p.effect, p.trade_id, p.fill.quantity / UNIT, p.fill.price)).collect();
    assert_eq!(
        seen,
        [
            (TradeEffect::Closed, 90, 100, 120_003_000),
            (TradeEffect::Closed, 91, 40, 120_002_000),
            (TradeEffect::Reduced, 92, 10, 120_001_000),
            (TradeEffect::Opened, 201, 150, 120_001_000),
        ]
    );
    assert!(fills.iter().all(|p| p.fill.side == Side::Sell && p.fill.venue_order_id.as_str() == "200"));
    let ids: Vec<_> = fills.iter().map(|p| p.fill.execution_id.as_str().to_owned()).collect();
    assert_eq!(ids, ["201-90", "201-91", "201-92", "201-201"]);
    let fees: Vec<_> = fills.iter().map(|p| p.fill.fee).collect();
    assert_eq!(fees, [money("0"), money("0.01"), money("0"), money("0.03")]);
    assert_eq!(fills[0].realised, Some(money("-0.4")));
    let orders = ear.orders();
    assert_eq!((orders[0].status, orders[0].cumulative_quantity), (OrderStatus::Unrecognised, 0));
    assert_eq!((orders[1].status, orders[1].cumulative_quantity), (OrderStatus::Filled, 300 * UNIT));
}

#[test]
fn a_fill_of_less_than_asked_has_the_order_asked_for() {
    let ear = told(&format!(
        r#"{{"id":"6","batchID":"5",{HEAD},"type":"ORDER_FILL","orderID":"5","clientOrderID":"c","instrument":"EUR_USD","units":"3","requestedUnits":"10","price":"1.2","tradeOpened":{{"tradeID":"6","units":"3","price":"1.2"}}}}"#
    ));
    let last = *ear.orders().last().unwrap();
    assert_eq!((last.status, last.cumulative_quantity), (OrderStatus::Filled, 3 * UNIT));
    assert_eq!((last.source, last.quantity), (FactSource::Stream, 10 * UNIT), "a hint, whoever tells it");
}

/// A fill that closes 4, reduces by 3 and opens 5; what stands for the marks is given.
fn of_three_trades(marks: [(&str, &str); 2]) -> String {
    let fill = format!(
        r#"{{"id":"201","batchID":"200",{HEAD},"type":"ORDER_FILL","orderID":"200","clientOrderID":"c","instrument":"EUR_USD","units":"UNITS","price":"1.2","commission":"COMMISSION","accountBalance":"BALANCE","tradesClosed":[{{"tradeID":"90","units":"-4","price":"1.1","realizedPL":"PROFIT"}}],"tradeReduced":{{"tradeID":"91","units":"REDUCED","price":"PRICE"}},"tradeOpened":{{"tradeID":"201","units":"-5","price":"1.3","guaranteedExecutionFee":"FEE"}}}}"#
    );
    let usual = [
        ("UNITS", "-12"),
        ("COMMISSION", "0.5"),
        ("BALANCE", "99"),
        ("PROFIT", "-1"),
        ("REDUCED", "-3"),
        ("PRICE", "1.2"),
        ("FEE", "0.25"),
    ];
    marks.into_iter().chain(usual).fold(fill, |text, (mark, value)| text.replace(mark, value))
}

/// The units of its executions.
fn units(ear: &Ear) -> Vec<i64> {
    ear.fills().iter().map(|part| part.fill.quantity / UNIT).collect()
}

#[test]
fn an_amount_that_cannot_be_read_is_announced_and_costs_no_execution() {
    for (mark, key) in [
        ("COMMISSION", "commission"),
        ("BALANCE", "accountBalance"),
        ("PROFIT", "realizedPL"),
        ("FEE", "guaranteedExecutionFee"),
    ] {
        let ear = told(&of_three_trades([(mark, "n/a"), ("", "")]));
        assert_eq!(units(&ear), [4, 3, 5], "{mark}");
        let last = *ear.orders().last().unwrap();
        assert_eq!((last.status, last.cumulative_quantity), (OrderStatus::Filled, 12 * UNIT), "{mark}");
        let anomalies = ear.anomalies();
        assert!(matches!(&anomalies[..], [(Anomaly::Number, text)] if text.starts_with(key)), "{anomalies:?}");
    }
    // Two that are too large to be added.
    let most = "17014118346046923173168730371588410572.7";
    let ear = told(&of_three_trades([("COMMISSION", most), ("FEE", most)]));
    assert_eq!((units(&ear), ear.anomalies().len()), (vec![4, 3, 5], 1));
}

#[test]
fn a_trade_that_cannot_be_read_is_a_fault_and_the_fill_is_told_all_the_same() {
    for (mark, value) in [("REDUCED", "three"), ("PRICE", "1.2.3"), (r#""REDUCED""#, "{}")] {
        let (ear, read) = told_or_not(&of_three_trades([(mark, value), ("", "")]));
        assert!(read.is_err(), "{mark}: somebody is to ask what is held");
        assert_eq!(units(&ear), [4, 5], "{mark}");
        let fees: Vec<_> = ear.fills().iter().map(|part| part.fill.fee).collect();
        assert_eq!(fees, [money("0"), money("0.75")], "{mark}");
        let last = *ear.orders().last().unwrap();
        let whole = (OrderStatus::Filled, FactSource::Query, 12 * UNIT);
        assert_eq!((last.status, last.source, last.cumulative_quantity), whole, "{mark}");
        assert!(matches!(ear.told.last(), Some(Told::Account(_))), "{mark}: the balance it left");
    }
    // None of them can be: the fill is no trade of its own.
    let text = of_three_trades([("REDUCED", "-3"), ("PRICE", "1.2")])
        .replace(r#""tradesClosed":[{"#, r#""tradesClosed":{"x":{"#)
        .replace(r#""-1"}]"#, r#""-1"}}"#)
        .replace(r#""tradeReduced":{"#, r#""tradeReduced":[{"#)
        .replace(r#""1.2"},"tradeOpened":{"#, r#""1.2"}],"tradeOpened":[{"#)
        .replace(r#""0.25"}"#, r#""0.25"}]"#);
    let (ear, read) = told_or_not(&text);
    assert!(read.is_err() && ear.fills().is_empty(), "{:?}", ear.told);
    assert_eq!((ear.orders().last().unwrap().cumulative_quantity, ear.anomalies().len()), (12 * UNIT, 2));
}

#[test]
fn a_fill_whose_units_cannot_be_read_is_told_by_its_trades_and_asked_for() {
    let (ear, read) = told_or_not(&of_three_trades([("UNITS", "twelve"), ("", "")]));
    assert!(read.is_err());
    assert_eq!(units(&ear), [4, 3, 5]);
    assert!(ear.fills().iter().all(|part| part.fill.side == Side::Sell), "the sign of the trades is the fill's");
    let last = *ear.orders().last().unwrap();
    assert_eq!((last.status, last.source), (OrderStatus::Filled, FactSource::Stream), "no more than a hint");
    assert_eq!(last.cumulative_quantity, 0);
}

#[test]
fn a_fill_without_trades_or_with_too_fine_a_price_is_not_lost() {
    let ear = told(&format!(
        r#"{{"id":"6","batchID":"5",{HEAD},"type":"ORDER_FILL","orderID":"5","instrument":"USD_JPY","units":"3","fullVWAP":"150.0012345678"}}"#
    ));
    let [part] = ear.fills()[..] else { panic!("{:?}", ear.told) };
    assert_eq!((part.fill.execution_id.as_str(), part.fill.quantity), ("6", 3 * UNIT));
    assert_eq!(part.fill.price, 15_000_123_456, "cut at the eighth decimal");
    assert_eq!(ear.anomalies().len(), 1);
    let unknown = told(&format!(
        r#"{{"id":"6","batchID":"5",{HEAD},"type":"ORDER_FILL","orderID":"5","instrument":"XAU_USD","units":"3","price":"1"}}"#
    ));
    assert_eq!((unknown.fills().len(), unknown.orders()[0].instrument), (0, None));
}

#[test]
fn a_fill_of_hundreds_of_trades_is_told_in_full() {
    let closed: Vec<_> =
        (1..=100).map(|id| format!(r#"{{"tradeID":"{id}","units":"-1","realizedPL":"0","price":"1.2"}}"#)).collect();
    let ear = told(&format!(
        r#"{{"id":"900","batchID":"899",{HEAD},"type":"ORDER_FILL","orderID":"899","instrument":"EUR_USD","units":"-100","price":"1.2","tradesClosed":[{}]}}"#,
        closed.join(",")
    ));
    assert_eq!(ear.fills().iter().map(|p| p.trade_id).collect::<Vec<_>>(), (1..=100).collect::<Vec<_>>());
}

#[test]
fn a_cancel_says_how_the_order_ended() {
    let cancel = |order: u64, batch: u64, reason: &str| {
        let ear = told(&format!(
            r#"{{"id":"105","batchID":"{batch}",{HEAD},"type":"ORDER_CANCEL","orderID":"{order}","clientOrderID":"c","reason":"{reason}"}}"#
        ));
        let [fact] = ear.orders()[..] else { panic!("{:?}", ear.told) };
        (fact.status, fact.reject, fact.code.as_str().to_owned())
    };
    let none = RejectClass::None;
    assert_eq!(cancel(90, 105, "CLIENT_REQUEST"), (OrderStatus::Cancelled, none, "CLIENT_REQUEST".into()));
    assert_eq!(cancel(90, 105, "TIME_IN_FORCE_EXPIRED").0, OrderStatus::Expired);
    assert_eq!(cancel(90, 105, "LINKED_TRADE_CLOSED").0, OrderStatus::Cancelled);
    // In the batch that created it.
    let halted = cancel(104, 104, "MARKET_HALTED");
    assert_eq!((halted.0, halted.1), (OrderStatus::Failed, RejectClass::NotTradable));
    let unfilled = cancel(104, 104, "TIME_IN_FORCE_EXPIRED");
    assert_eq!((unfilled.0, unfilled.1), (OrderStatus::Failed, RejectClass::NoLiquidity));
    // Of a replacement, whose batch begins with the cancel of the old order.
    assert_eq!(cancel(104, 103, "INSUFFICIENT_MARGIN").0, OrderStatus::Failed);
    let new = cancel(90, 105, "SOME_NEW_REASON");
    assert_eq!((new.0, new.1, new.2.as_str()), (OrderStatus::Failed, RejectClass::Other, "SOME_NEW_REASON"));
}

#[test]
fn a_reject_of_ours_is_a_failed_order_and_a_strangers_is_nothing() {
    let reject = |extensions: &str| {
        told(&format!(
            r#"{{"id":"106","batchID":"106",{HEAD},"type":"MARKET_ORDER_REJECT","rejectReason":"UNITS_LIMIT_EXCEEDED","instrument":"EUR_USD","units":"999999999"{extensions}}}"#
        ))
    };
    let ours = reject(r#","clientExtensions":{"id":"c-9"}"#);
    let [fact] = ours.orders()[..] else { panic!("{:?}", ours.told) };
    assert_eq!((fact.status, fact.reject), (OrderStatus::Failed, RejectClass::InvalidSize));
    assert_eq!((fact.client_order_id.as_str(), fact.code.as_str()), ("c-9", "UNITS_LIMIT_EXCEEDED"));
    assert_eq!(reject("").told, []);
    assert_eq!(reject(r#","clientExtensions":null"#).told, []);
}

#[test]
fn money_and_margin_calls_are_figures_of_the_account() {
    let financing = told(&format!(
        r#"{{"id":"414","batchID":"414",{HEAD},"type":"DAILY_FINANCING","financing":"-0.0083","accountBalance":"99991.1237","positionFinancings":[{{"instrument":"EUR_USD"}}]}}"#
    ));
    let [Told::Account(fact)] = &financing.told[..] else { panic!("{:?}", financing.told) };
    assert_eq!((fact.balance, fact.margin_call), (Some(money("99991.1237")), None));
    for (kind, on) in [("MARGIN_CALL_ENTER", true), ("MARGIN_CALL_EXTEND", true), ("MARGIN_CALL_EXIT", false)] {
        let call = told(&format!(r#"{{"id":"1","batchID":"1",{HEAD},"type":"{kind}"}}"#));
        assert!(matches!(&call.told[..], [Told::Account(fact)] if fact.margin_call == Some(on)), "{kind}");
    }
}

#[test]
fn every_documented_type_is_known_and_a_new_one_is_counted() {
    let Some(enums) = crate::codec::test_captures::json("oanda/enums_merged.json") else { return };
    let types = enums["TransactionType"].as_array().unwrap();
    assert!(types.len() >= 38);
    for kind in types {
        let kind = kind.as_str().unwrap();
        let text = format!(
            r#"{{"id":"2","batchID":"1",{HEAD},"type":"{kind}","orderID":"1","instrument":"EUR_USD","units":"1"}}"#
        );
        assert_eq!(told(&text).anomalies(), [], "{kind}");
    }
    let new = told(&format!(r#"{{"id":"2","batchID":"1",{HEAD},"type":"SOMETHING_NEW"}}"#));
    assert_eq!(new.anomalies(), [(Anomaly::UnknownValue, "SOMETHING_NEW".to_owned())]);
}
