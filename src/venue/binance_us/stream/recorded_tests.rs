use super::super::super::market_data::MarketData;
use super::super::super::testing::{instrument, Ear, Told};
use super::*;
use crate::codec::json::Plain;
use crate::codec::test_captures;
use crate::record::{InstrumentId, UnixNanos};
use proptest::prelude::*;

const NOW: UnixNanos = UnixNanos(1);
const SYMBOLS: [&str; 5] = ["BTCUSD", "CRVUSDT", "COMPUSDT", "OMGBUSD", "ZRXUSDT"];

/// A market whose books of the even symbols come as diffs, and hold a snapshot.
fn market(snapshot: u64) -> MarketData {
    let (mut data, mut ear) = (MarketData::default(), Ear::default());
    for (id, symbol) in SYMBOLS.into_iter().enumerate() {
        let index = data.index(&instrument(id as u32, symbol));
        if id % 2 == 0 {
            data.diffs_asked(index);
            data.diffs_flow(index, NOW);
            data.snapshot(NOW, index, snapshot);
            data.snapshot_ends(NOW, index);
            data.diff_ends(index, &mut ear);
        }
    }
    data
}

/// What messages tell one after the other, and how many of them went the fast way.
fn told(texts: &[Vec<u8>], snapshot: u64, plain_only: bool) -> (Vec<Told>, Vec<Option<u64>>, usize) {
    let (mut data, mut decoder, mut ear) = (market(snapshot), Decoder::default(), Ear::default());
    let (mut plain, mut fast) = (Plain::new(16 * 1024), 0);
    for text in texts {
        let mut ctx = Ctx { now: NOW, data: &mut data, facts: &mut ear };
        if !plain_only && decoder.recorded(text, &mut ctx).is_some() {
            fast += 1;
            continue;
        }
        decoder.plain_message(&mut plain, &mut text.clone(), &mut ctx);
    }
    let synced = (0..SYMBOLS.len()).map(|id| data.synced_id(InstrumentId(id as u32))).collect();
    (ear.told, synced, fast)
}

fn both(texts: &[Vec<u8>], snapshot: u64) -> (Vec<Told>, usize) {
    let (fast, slow) = (told(texts, snapshot, false), told(texts, snapshot, true));
    assert_eq!((&fast.0, &fast.1), (&slow.0, &slow.1), "{}", String::from_utf8_lossy(&texts.concat()));
    (fast.0, fast.2)
}

fn trade(symbol: &str, id: u64, price: &str, size: &str, order_ids: bool) -> String {
    let ids = if order_ids { r#""b":88,"a":50,"# } else { "" };
    format!(
        r#"{{"stream":"x@trade","data":{{"e":"trade","E":1790612332757,"s":"{symbol}","t":{id},"p":"{price}","q":"{size}",{ids}"T":1790612332757,"m":true,"M":true}}}}"#
    )
}

fn diff(symbol: &str, first: u64, last: u64, bids: &str, asks: &str) -> String {
    format!(
        r#"{{"stream":"x@depth@100ms","data":{{"e":"depthUpdate","E":1790612332757,"s":"{symbol}","U":{first},"u":{last},"b":[{bids}],"a":[{asks}]}}}}"#
    )
}

fn partial(stream: &str, id: u64, bids: &str, asks: &str) -> String {
    format!(r#"{{"stream":"{stream}@depth20@100ms","data":{{"lastUpdateId":{id},"bids":[{bids}],"asks":[{asks}]}}}}"#)
}

fn quote(symbol: &str, id: u64, bid: &str, size: &str) -> String {
    format!(
        r#"{{"stream":"x@bookTicker","data":{{"u":{id},"s":"{symbol}","b":"{bid}","B":"{size}","a":"83541.20000000","A":"0.5"}}}}"#
    )
}

fn bytes<const N: usize>(texts: [String; N]) -> Vec<Vec<u8>> {
    texts.into_iter().map(String::into_bytes).collect()
}

#[test]
fn every_form_that_is_recorded_goes_the_fast_way() {
    let level = r#"["83539.87000000","0.01775000"],["83519.32000000","0.00000000"]"#;
    let texts = bytes([
        trade("BTCUSD", 1, "83539.87000000", "0.01775000", false),
        trade("BTCUSD", 2, "83539.87000000", "0.01775000", true),
        diff("BTCUSD", 101, 103, level, r#"["83541.20000000","0.31181000"]"#),
        diff("BTCUSD", 104, 104, "", level),
        partial("crvusdt", 7, level, ""),
        quote("CRVUSDT", 8, "83539.87000000", "1"),
    ]);
    let (told, fast) = both(&texts, 100);
    assert_eq!(fast, texts.len(), "{told:?}");
    let levels = told.iter().filter(|told| matches!(told, Told::Level(..))).count();
    let trades = told.iter().filter(|told| matches!(told, Told::Trade(..))).count();
    let quotes = told.iter().filter(|told| matches!(told, Told::Quote(..))).count();
    assert_eq!((levels, trades, quotes), (7, 2, 1));
}

#[test]
fn whatever_is_unusual_says_the_same_in_both_ways() {
    let level = r#"["83539.87000000","0.01775000"]"#;
    let texts = bytes([
        trade("NOBODYS", 1, "1", "1", false),
        trade("BTCUSD", 2, "1.5x", "1", false),
        trade("BTCUSD", 3, "1", "0.000000001", false),
        diff("BTCUSD", 101, 100, level, ""),
        diff("BTCUSD", 101, 102, r#"["83539.87000000","0.01775000","more"]"#, level),
        diff("BTCUSD", 103, 104, r#"["83539.87","1"],["83 539","1"]"#, level),
        diff("BTCUSD", 200, 201, level, level),
        diff("BTCUSD", 202, 203, level, level),
        diff("CRVUSDT", 1, 2, level, level),
        partial("nobodys", 1, level, level),
        partial("btcusd", 1, level, level),
        partial("crvusdt", 5, level, level),
        partial("crvusdt", 5, level, level),
        partial("crvusdt", 6, r#"["1","1e3"]"#, level),
        quote("CRVUSDT", 8, "1", "1"),
        quote("CRVUSDT", 8, "2", "1"),
        quote("CRVUSDT", 9, "", "1"),
        partial("crvusdt", 9, &[level; LEVELS_MAX].join(","), ""),
        partial("crvusdt", 10, &[level; LEVELS_MAX].join(","), level),
        diff("BTCUSD", 102, 103, level, level).replace(",\"s\"", ", \"s\""),
        "{}".to_owned(),
    ]);
    let (told, fast) = both(&texts, 100);
    assert!(fast > 3 && told.iter().any(|told| matches!(told, Told::Anomaly(..))), "{fast} {told:?}");
}

#[test]
fn every_recorded_frame_says_the_same_in_both_ways() {
    let Some(text) = test_captures::text("binance_us/us_ws_20211012.frames.jsonl") else { return };
    let texts: Vec<Vec<u8>> = text.lines().map(|line| line.as_bytes().to_vec()).collect();
    for snapshot in [0, 113_129_219] {
        let (_, fast) = both(&texts, snapshot);
        let known = texts.iter().filter(|text| {
            let text = String::from_utf8_lossy(text);
            text.contains("@depth@100ms") || text.contains("@bookTicker")
        });
        assert_eq!(fast, known.count(), "every diff and quote goes the fast way");
    }
}

fn amount() -> impl Strategy<Value = String> {
    prop_oneof![
        (0u64..200_000, 0u32..100_000_000).prop_map(|(whole, part)| format!("{whole}.{part:08}")),
        (0u64..200_000).prop_map(|whole| whole.to_string()),
        (0u64..2_000_000, 0u32..100).prop_map(|(whole, part)| format!("{whole}.{part:02}")),
        "-?[0-9.]{0,20}",
    ]
}

fn levels() -> impl Strategy<Value = String> {
    let level = (amount(), amount()).prop_map(|(price, size)| format!(r#"["{price}","{size}"]"#));
    proptest::collection::vec(level, 0..20).prop_map(|levels| levels.join(","))
}

fn message() -> impl Strategy<Value = String> {
    let symbol = || proptest::sample::select(vec!["BTCUSD", "CRVUSDT", "COMPUSDT", "NOBODYS"]);
    prop_oneof![
        (symbol(), 0u64..9, amount(), amount(), any::<bool>()).prop_map(|(s, id, p, q, ids)| trade(s, id, &p, &q, ids)),
        (symbol(), 98u64..108, 0u64..3, levels(), levels()).prop_map(|(s, first, more, b, a)| diff(
            s,
            first,
            first + more,
            &b,
            &a
        )),
        (symbol(), 0u64..9, levels(), levels()).prop_map(|(s, id, b, a)| partial(&s.to_lowercase(), id, &b, &a)),
        (symbol(), 0u64..9, amount(), amount()).prop_map(|(s, id, b, q)| quote(s, id, &b, &q)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Messages in the recorded form, sound or damaged in one place, say the same in both ways, one after the other.
    #[test]
    fn the_fast_way_says_what_the_plain_one_says(
        texts in proptest::collection::vec(message(), 1..12),
        damage in proptest::option::of((any::<proptest::sample::Index>(), any::<proptest::sample::Index>(), any::<u8>())),
    ) {
        let mut texts: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
        if let Some((which, place, byte)) = damage {
            let text = which.get(&texts).len();
            let which = which.index(texts.len());
            texts[which][place.index(text)] = byte;
        }
        both(&texts, 100);
    }
}
