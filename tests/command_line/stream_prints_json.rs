//! `stream --json`: every record one line with the documented keys and no others, decimals canonical, events closed.

use crate::command_line::{is_canonical, run, Simulator};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

const SYMBOLS: [&str; 2] = ["BTC-USD", "ETH-USD"];
/// On every line.
const ALWAYS: [&str; 6] = ["venue", "kind", "sequence", "venue_ns", "recv_ns", "flags"];

fn keys_of(kind: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        "trade" => (&["instrument", "side", "price", "size"], &["trade_id"]),
        "level" => (&["instrument", "side", "price", "size"], &[]),
        "quote" => (&["instrument", "bid", "bid_size", "ask", "ask_size"], &[]),
        "ticker" => (
            &["instrument"],
            &[
                "price",
                "bid",
                "bid_size",
                "ask",
                "ask_size",
                "volume_24h",
                "low_24h",
                "high_24h",
                "change_24h_percent",
                "last_side",
            ],
        ),
        "ticker_batch" => (&["instrument"], &["price", "volume_24h", "low_24h", "high_24h", "change_24h_percent"]),
        "candle" => (&["instrument", "start_ns", "interval_s", "open", "high", "low", "close", "volume"], &[]),
        "subscription" => (&["instrument", "channel", "difference"], &[]),
        "state" => (&["role", "state"], &[]),
        "status" => (&["instrument", "status", "tick", "lot"], &[]),
        "gap" => (&["instrument", "cause", "recovered", "lost"], &[]),
        other => panic!("undocumented kind {other:?}"),
    }
}

fn flags(line: &Value) -> Vec<&str> {
    line["flags"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect()
}

#[test]
fn every_line_has_the_documented_keys_and_canonical_decimals() {
    let simulator = Simulator::start(&["--depth", "60", "--rate", "400"]);
    let arguments = ["stream", "coinbase", SYMBOLS[0], SYMBOLS[1], "--json", "--seconds", "2"];
    let ended = run(&mut simulator.client(arguments));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.assert_no_panic();

    let now_ns = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let mut kinds: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut sides: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut sequence = 0;
    let mut open_event: Option<(String, u64)> = None;
    let mut snapshots = BTreeMap::new();
    let mut removed = 0;
    let lines: Vec<Value> =
        ended.stdout.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{l:?}: {e}"))).collect();
    for line in &lines {
        let kind = line["kind"].as_str().unwrap();
        let (required, optional) = keys_of(kind);
        let object = line.as_object().unwrap();
        for key in ALWAYS.iter().chain(required) {
            assert!(object.contains_key(*key), "{key} is missing: {line}");
        }
        for (key, value) in object {
            let known = [&ALWAYS[..], required, optional].iter().any(|keys| keys.contains(&key.as_str()));
            assert!(known, "{key} is not documented for {kind}: {line}");
            assert!(!value.is_null(), "what does not apply is absent: {line}");
        }
        assert_eq!(line["venue"], "coinbase", "{line}");
        for key in ["price", "size", "bid", "bid_size", "ask", "ask_size", "volume_24h", "low_24h", "high_24h"] {
            if let Some(value) = object.get(key) {
                assert!(value.as_str().is_some_and(is_canonical), "{key}: {line}");
            }
        }
        let recv_ns = line["recv_ns"].as_u64().unwrap();
        assert!(recv_ns.abs_diff(now_ns) < 60_000_000_000, "{line}");
        let Some(instrument) = line.get("instrument").and_then(Value::as_str) else { continue };
        assert!(SYMBOLS.contains(&instrument), "{line}");
        *kinds.entry((instrument.to_owned(), kind.to_owned())).or_default() += 1;
        if let "trade" | "level" = kind {
            let side = line["side"].as_str().unwrap().to_owned();
            sides.entry(if kind == "trade" { "trade" } else { "level" }).or_default().insert(side);
        }
        if kind == "ticker" {
            // Statistics come over a ring of their own.
            continue;
        }
        let this = line["sequence"].as_u64().unwrap();
        assert!(this >= sequence, "sequence numbers of one connection never fall: {line}");
        sequence = this;
        assert!(line["venue_ns"].as_u64().unwrap() > 0, "{line}");

        let flags = flags(line);
        let is_last = flags.contains(&"LAST");
        if let Some(open) = &open_event {
            assert_eq!(open, &(instrument.to_owned(), this), "an event is closed before the next begins: {line}");
        }
        open_event = (!is_last).then(|| (instrument.to_owned(), this));
        if kind == "level" {
            assert_ne!(line["price"], "0", "{line}");
            removed += u64::from(line["size"] == "0");
            if flags.contains(&"SNAPSHOT") {
                *snapshots.entry(instrument.to_owned()).or_insert(0) += 1;
                assert_ne!(line["size"], "0", "a snapshot removes nothing: {line}");
            } else {
                assert!(snapshots.contains_key(instrument), "a snapshot comes before changes: {line}");
            }
        }
    }
    assert_eq!(open_event, None, "the last event printed is whole");
    for symbol in SYMBOLS {
        for kind in ["trade", "level", "quote", "ticker"] {
            assert!(kinds.contains_key(&(symbol.to_owned(), kind.to_owned())), "no {kind} of {symbol}: {kinds:?}");
        }
        let levels = snapshots[symbol];
        assert!((80..=130).contains(&levels), "about both sides of a book of depth 60, not {levels}");
    }
    let set = |names: [&str; 2]| names.iter().map(|n| (*n).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(sides["trade"], set(["buy", "sell"]));
    assert_eq!(sides["level"], set(["bid", "ask"]));
    assert!(removed > 0, "levels are removed by size 0");
    let said = format!("{} records", lines.len());
    assert_eq!(ended.stderr.lines().last(), Some(said.as_str()), "{}", ended.stderr);
}

#[test]
fn the_slow_channels_have_kinds_of_their_own_with_the_documented_keys() {
    let simulator = Simulator::start(&["--depth", "10", "--rate", "400"]);
    let channels = "ticker_batch,candles,status";
    let arguments = ["stream", "coinbase", "BTC-USD", "BTC-USDC", "--channels", channels, "--json", "--seconds", "3"];
    let ended = run(&mut simulator.client(arguments));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let mut kinds: BTreeSet<(String, String)> = BTreeSet::new();
    for line in ended.stdout.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let kind = line["kind"].as_str().unwrap();
        let (required, optional) = keys_of(kind);
        let object = line.as_object().unwrap();
        assert!(ALWAYS.iter().chain(required).all(|key| object.contains_key(*key)), "{line}");
        let known = |key: &str| [&ALWAYS[..], required, optional].iter().any(|keys| keys.contains(&key));
        assert!(object.keys().all(|key| known(key)), "{line}");
        for key in ["price", "open", "high", "low", "close", "volume", "tick", "lot"] {
            if let Some(value) = object.get(key) {
                assert!(value.as_str().is_some_and(is_canonical), "{key}: {line}");
            }
        }
        if let Some(instrument) = line.get("instrument") {
            kinds.insert((instrument.as_str().unwrap().to_owned(), kind.to_owned()));
        }
    }
    let of = |symbol: &str| ["candle", "status", "ticker_batch"].map(|kind| (symbol.to_owned(), kind.to_owned()));
    let expected: BTreeSet<_> = of("BTC-USD").into_iter().chain(of("BTC-USDC")).collect();
    assert_eq!(kinds, expected, "each by its own name, and nothing that was not asked for");
}

#[test]
fn only_the_channels_asked_for_are_printed() {
    let simulator = Simulator::start(&["--depth", "10", "--rate", "400"]);
    let arguments = ["stream", "coinbase", "BTC-USD", "--channels", "trades", "--json", "--seconds", "1"];
    let ended = run(&mut simulator.client(arguments));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let mut kinds: BTreeSet<String> = BTreeSet::new();
    for line in ended.stdout.lines() {
        kinds.insert(serde_json::from_str::<Value>(line).unwrap()["kind"].as_str().unwrap().to_owned());
    }
    assert!(kinds.remove("trade"), "{kinds:?}");
    kinds.remove("state");
    assert!(kinds.is_empty(), "{kinds:?}");
}
