use super::super::super::testing::{instrument, Ear, Told};
use super::super::{event, UserControl};
use super::*;
use crate::codec::json::{JsonError, Plain};
use crate::codec::test_captures;
use proptest::prelude::*;

fn products() -> Products {
    let mut products = Products::default();
    for (id, symbol) in ["BTCUSD", "LTCBTC", "ETHBTC"].into_iter().enumerate() {
        products.know(&instrument(id as u32, symbol));
    }
    products
}

fn fast(text: &[u8]) -> Option<Vec<Told>> {
    let mut ear = Ear::default();
    let read = report(Scan::new(text), b"", &mut products(), &mut ear);
    assert!(read.is_some() || ear.told.is_empty(), "what was not read was told: {:?}", ear.told);
    read.map(|()| ear.told)
}

/// `None`: not JSON.
fn slow(text: &[u8]) -> Option<Vec<Told>> {
    let (mut ear, mut products) = (Ear::default(), products());
    let read = Plain::new(16 * 1024)
        .parse(&mut text.to_vec(), |cursor| Ok::<_, JsonError>(event(cursor, &mut products, &mut ear)))
        .ok()?;
    assert_eq!(read, UserControl::None);
    Some(ear.told)
}

/// Whatever the fast way tells, the plain one tells.
fn both(text: &[u8]) -> Option<Vec<Told>> {
    let told = fast(text);
    if told.is_some() {
        assert_eq!(told, slow(text), "{}", String::from_utf8_lossy(text));
    }
    told
}

const MEMBERS: [(&str, &str); 36] = [
    ("E", "1759347763167"),
    ("s", r#""BTCUSD""#),
    ("c", r#""T0ESHzso0banw0QiPFZYgj""#),
    ("S", r#""SELL""#),
    ("o", r#""LIMIT""#),
    ("f", r#""GTC""#),
    ("q", r#""0.00042000""#),
    ("p", r#""117290.77000000""#),
    ("P", r#""0.00000000""#),
    ("F", r#""0.00000000""#),
    ("g", "-1"),
    ("C", r#""""#),
    ("x", r#""TRADE""#),
    ("X", r#""FILLED""#),
    ("r", r#""NONE""#),
    ("eR", r#""NONE""#),
    ("i", "2281896601"),
    ("l", r#""0.00042000""#),
    ("z", r#""0.00042000""#),
    ("L", r#""117290.77000000""#),
    ("n", r#""0.00492621""#),
    ("N", r#""USD""#),
    ("T", "1759347763167"),
    ("t", "88685053"),
    ("I", "4644480641"),
    ("w", "false"),
    ("m", "false"),
    ("M", "true"),
    ("O", "1759347763167"),
    ("Z", r#""49.26212340""#),
    ("Y", r#""49.26212340""#),
    ("Q", r#""0.00000000""#),
    ("W", "1759347763167"),
    ("V", r#""EXPIRE_MAKER""#),
    ("d", "4"),
    ("uS", "true"),
];

fn text(members: &[(&str, &str)]) -> String {
    let rest: String = members.iter().map(|(key, value)| format!(",\"{key}\":{value}")).collect();
    format!("{{\"e\":\"executionReport\"{rest}}}")
}

#[test]
fn a_report_goes_the_fast_way_whatever_members_it_has_in_whatever_order() {
    let told = both(text(&MEMBERS).as_bytes()).unwrap();
    assert!(matches!(&told[..], [Told::Order(_), Told::Fill(_), Told::Order(_)]), "{told:?}");
    let mut backwards = MEMBERS;
    backwards.reverse();
    assert_eq!(both(text(&backwards).as_bytes()).unwrap(), told);
    for (place, (key, _)) in MEMBERS.into_iter().enumerate() {
        let without: Vec<_> = MEMBERS.iter().copied().filter(|(other, _)| *other != key).collect();
        assert!(both(text(&without).as_bytes()).is_some(), "without {key}");
        let mut null = MEMBERS;
        null[place].1 = "null";
        let numbers = ["i", "T", "t", "m"].contains(&key);
        assert_eq!(both(text(&null).as_bytes()).is_none(), numbers, "{key} is null");
    }
}

#[test]
fn every_recorded_report_goes_the_fast_way() {
    for name in ["us_executionReport_20251001.json", "documented_us.jsonl", "documented_com_2026-07.jsonl"] {
        let Some(texts) = test_captures::text(&format!("binance_us/{name}")) else { return };
        let mut read = 0;
        for line in texts.lines() {
            let Some(start) = line.find("{\"e\":\"executionReport\"") else { continue };
            let mut rows = serde_json::Deserializer::from_str(&line[start..]).into_iter::<serde_json::Value>();
            assert!(rows.next().unwrap().is_ok());
            let report = &line[start..start + rows.byte_offset()];
            read += usize::from(both(report.as_bytes()).is_some());
        }
        assert!(read > 0, "{name}");
    }
}

fn member() -> impl Strategy<Value = (String, String)> {
    let key = prop_oneof![
        4 => prop::sample::select(&MEMBERS[..]).prop_map(|(key, _)| key.to_owned()),
        1 => "[a-zA-Z]{1,3}",
    ];
    let value = prop_oneof![
        4 => prop::sample::select(&MEMBERS[..]).prop_map(|(_, value)| value.to_owned()),
        2 => prop::sample::select(vec![
            "null", "-0", "01", "1.5", "1e3", "{}", "[]", "{\"i\":1}", "\"\\u0041\"", "\"\u{e9}\"", "tru", "",
            "18446744073709551616", "\"TRADE\"", "\"CANCELED\"", "\"-1\"", "\"1e3\"", "\"XX\"", "-1",
        ]).prop_map(str::to_owned),
        1 => "\"[ -~]{0,8}\"",
        1 => "-?[0-9]{1,20}",
    ];
    (key, value)
}

proptest! {
    #[test]
    fn both_ways_tell_the_same_of_any_members(
        members in proptest::collection::vec(member(), 0..6), places in proptest::collection::vec(0_usize..40, 6),
    ) {
        let mut all: Vec<(String, String)> =
            MEMBERS.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        for (member, place) in members.into_iter().zip(places) {
            // Instead of one, or beside all.
            match all.get_mut(place) {
                Some(old) => *old = member,
                None => all.push(member),
            }
        }
        let all: Vec<_> = all.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        both(text(&all).as_bytes());
    }

    #[test]
    fn both_ways_tell_the_same_of_damaged_reports(
        damage in proptest::collection::vec((0_usize..700, any::<u8>()), 1..4), cut in prop::option::of(0_usize..700),
    ) {
        let mut bytes = text(&MEMBERS).into_bytes();
        for (place, byte) in damage {
            if let Some(old) = bytes.get_mut(place) {
                *old = byte;
            }
        }
        bytes.truncate(cut.unwrap_or(usize::MAX));
        both(&bytes);
    }
}
