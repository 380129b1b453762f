use super::super::testing::{instrument, Ear, Told};
use super::*;
use crate::codec::json::{JsonError, Plain};
use crate::codec::test_captures;
use crate::record::InstrumentId;

fn read(text: &str) -> (UserControl, Vec<Told>) {
    let mut products = Products::default();
    for (id, symbol) in ["BTCUSD", "LTCBTC", "ETHBTC"].into_iter().enumerate() {
        products.know(&instrument(id as u32, symbol));
    }
    let mut ear = Ear::default();
    let mut bytes = text.as_bytes().to_vec();
    let control = Plain::new(16 * 1024)
        .parse(&mut bytes, |cursor| Ok::<_, JsonError>(event(cursor, &mut products, &mut ear)))
        .unwrap();
    (control, ear.take())
}

/// The real message of 2025-10-01, as the captures have it.
const FILLED: &str = r#"{"e":"executionReport","E":1759347763167,"s":"BTCUSD","c":"T0ESHzso0banw0QiPFZYgj","S":"SELL","o":"LIMIT","f":"GTC","q":"0.00042000","p":"117290.77000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE","X":"FILLED","r":"NONE","i":2281896601,"l":"0.00042000","z":"0.00042000","L":"117290.77000000","n":"0.00492621","N":"USD","T":1759347763167,"t":88685053,"I":4644480641,"w":false,"m":false,"M":true,"O":1759347763167,"Z":"49.26212340","Y":"49.26212340","Q":"0.00000000","W":1759347763167,"V":"EXPIRE_MAKER"}"#;

#[test]
fn the_recorded_report_is_the_constant_of_these_tests() {
    let Some(text) = test_captures::text("binance_us/us_executionReport_20251001.json") else { return };
    let of = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(of(&text), of(FILLED));
    assert_eq!(read(text.trim()), read(FILLED));
}

#[test]
fn a_fill_is_told_between_the_order_before_it_and_after_it() {
    let (control, told) = read(FILLED);
    assert_eq!(control, UserControl::None);
    let [Told::Order(before), Told::Fill(fill), Told::Order(after)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((before.status, before.cumulative_quantity), (OrderStatus::Open, 0));
    assert!(before.cumulative_value.unwrap().is_zero());
    assert_eq!((fill.execution_id.as_str(), fill.venue_order_id.as_str()), ("88685053", "2281896601"));
    assert_eq!((fill.price, fill.quantity), (11_729_077_000_000, 42_000));
    assert_eq!((fill.fee, fill.liquidity), (parse_any(b"0.00492621").unwrap(), Liquidity::Taker));
    assert_eq!((after.status, after.cumulative_quantity, after.quantity), (OrderStatus::Filled, 42_000, 42_000));
    assert_eq!(after.client_order_id.as_str(), "T0ESHzso0banw0QiPFZYgj");
    assert_eq!((after.side, after.instrument), (Side::Sell, Some(InstrumentId(0))));
    assert_eq!(after.venue_time, UnixNanos::NONE.plus_ms(1_759_347_763_167));
}

#[test]
fn a_fee_in_another_asset_names_it() {
    let (_, told) = read(&FILLED.replace(r#""N":"USD""#, r#""N":"BNB""#));
    let Some(Told::Fill(fill)) = told.iter().find(|t| matches!(t, Told::Fill(_))) else { panic!("{told:?}") };
    assert_eq!(fill.fee_asset.as_ref().map(|code| code.as_str()), Some("BNB"));
    assert_eq!(fill.fee, parse_any(b"0.00492621").unwrap());
}

#[test]
fn a_cancelled_order_keeps_its_own_id_and_not_that_of_its_cancel() {
    let cancelled = r#"{"e":"executionReport","E":1,"s":"LTCBTC","c":"cancelMyOrder1","S":"BUY","o":"LIMIT","f":"GTC","q":"1.0","p":"2.0","P":"0","F":"0","g":-1,"C":"myOrder1","x":"CANCELED","X":"CANCELED","r":"NONE","i":4,"l":"0.0","z":"0.25","L":"0","n":"0","N":null,"T":1,"t":-1,"I":1,"w":false,"m":false,"M":false,"O":1,"Z":"0.5","Y":"0","Q":"0","V":"EXPIRE_MAKER"}"#;
    let (_, told) = read(cancelled);
    let [Told::Order(fact)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((fact.client_order_id.as_str(), fact.status), ("myOrder1", OrderStatus::Cancelled));
    assert_eq!(fact.cumulative_quantity, 25_000_000);
}

#[test]
fn reports_without_an_execution_tell_the_order_alone() {
    let of = |kind: &str, status: &str, reason: &str, more: &str| {
        let text = FILLED
            .replace(r#""x":"TRADE""#, &format!(r#""x":"{kind}""#))
            .replace(r#""X":"FILLED""#, &format!(r#""X":"{status}"{more}"#))
            .replace(r#""r":"NONE""#, &format!(r#""r":"{reason}""#));
        let (_, told) = read(&text);
        let [Told::Order(fact)] = &told[..] else { panic!("{told:?}") };
        (fact.status, fact.reject, fact.code.to_string())
    };
    assert_eq!(of("NEW", "NEW", "NONE", ""), (OrderStatus::Open, RejectClass::None, String::new()));
    assert_eq!(
        of("EXPIRED", "EXPIRED", "NONE", r#","eR":"INSUFFICIENT_LIQUIDITY""#),
        (OrderStatus::Expired, RejectClass::None, "INSUFFICIENT_LIQUIDITY".into())
    );
    assert_eq!(
        of(
            "TRADE_PREVENTION",
            "EXPIRED_IN_MATCH",
            "NONE",
            r#","v":3,"A":"1","B":"1","u":1,"U":7,"Cs":"BTCUSD","pl":"1","pL":"2","pY":"2""#
        ),
        (OrderStatus::Expired, RejectClass::None, String::new())
    );
    assert_eq!(
        of("REJECTED", "REJECTED", "INSUFFICIENT_BALANCES", ""),
        (OrderStatus::Failed, RejectClass::InsufficientFunds, "INSUFFICIENT_BALANCES".into())
    );
}

#[test]
fn balances_ends_and_notices_are_told() {
    let money = |text: &str| parse_any(text.as_bytes()).unwrap();
    let balance = BalanceFact {
        asset: InlineText::new("ETH").unwrap(),
        available: money("10000"),
        hold: money("0.25"),
        venue_time: UnixNanos::NONE.plus_ms(1_564_034_571_073),
    };
    for text in [
        r#"{"e":"outboundAccountPosition","E":1564034571105,"u":1564034571073,"B":[{"a":"ETH","f":"10000.000000","l":"0.250000"}]}"#,
        r#"{"e":"outboundAccountPosition","B":[{"a":"ETH","f":"10000.000000","l":"0.250000"}],"u":1564034571073}"#,
    ] {
        assert_eq!(read(text).1, [Told::Balance(balance)]);
    }
    assert_eq!(
        read(r#"{"e":"balanceUpdate","E":1573200697110,"a":"BTC","d":"-100.00000000","T":1573200697068}"#).1,
        [Told::BalanceChange("BTC".into(), money("-100"))]
    );
    assert_eq!(read(r#"{"e":"listStatus","E":1564035303637,"s":"ETHBTC","g":2,"c":"OCO","l":"EXEC_STARTED","L":"EXECUTING","r":"NONE","C":"F4","T":1564035303625,"O":[{"s":"ETHBTC","i":17,"c":"A"}]}"#).1, []);
    assert_eq!(read(r#"{"e":"eventStreamTerminated","E":1728973001334}"#).0, UserControl::Ended);
    assert_eq!(read(r#"{"e":"listenKeyExpired","E":1699596037418,"listenKey":"k"}"#).0, UserControl::Ended);
    assert_eq!(read(r#"{"E":1770123456789,"e":"serverShutdown"}"#).0, UserControl::Shutdown);
}

#[test]
fn what_cannot_be_read_is_a_gap_of_the_connection() {
    for text in [
        FILLED.replace(r#""i":2281896601,"#, ""),
        FILLED.replace(r#""S":"SELL""#, r#""S":"SIDEWAYS""#),
        FILLED.replace(r#""z":"0.00042000""#, r#""z":"0.000420001""#),
        FILLED.replace(r#""t":88685053"#, r#""t":"88685053""#),
        "{}".into(),
    ] {
        let (_, told) = read(&text);
        assert!(told.contains(&Told::Gap(GapScope::Connection, GapCause::Malformed, 1)), "{text} {told:?}");
        assert!(!told.iter().any(|t| matches!(t, Told::Fill(_))), "{text}");
    }
    let (_, told) = read(r#"{"e":"somethingNew","a":1}"#);
    assert!(matches!(&told[..], [Told::Anomaly(Anomaly::UnknownChannel, _)]), "new kinds of event are no gap");
}
