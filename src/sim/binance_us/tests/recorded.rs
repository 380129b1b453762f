//! Member for member as recorded from the live venue. Skipped, and said so, where the recordings are absent.

use super::*;

fn recording(name: &str) -> Option<String> {
    let folder = std::env::var("EXCHANGE_CONNECTORS_CAPTURES")
        .unwrap_or_else(|_| format!("{}/../shared/captures", env!("CARGO_MANIFEST_DIR")));
    let path = format!("{folder}/binance_us/{name}");
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        eprintln!("skipped: no recording at {path}");
    }
    text
}

/// The members of an object in the order of the text: serde_json's map would sort them.
fn keys(text: &str) -> Vec<String> {
    let (mut depth, mut keys, mut rest) = (0, Vec::new(), text);
    while let Some(at) = rest.find(['{', '[', '}', ']', '"']) {
        let (mark, tail) = (&rest[at..=at], &rest[at + 1..]);
        match mark {
            "{" | "[" => depth += 1,
            "}" | "]" => depth -= 1,
            _ => {
                let end = tail.find('"').unwrap();
                if depth == 1 && tail[end + 1..].starts_with(':') {
                    keys.push(tail[..end].to_owned());
                }
                rest = &tail[end + 1..];
                continue;
            }
        }
        rest = tail;
    }
    keys
}

/// The event inside a combined frame, as text.
fn inner(frame: &str) -> &str {
    let at = frame.find(r#""data":"#).unwrap() + 7;
    &frame[at..frame.len() - 1]
}

#[test]
fn symbols_are_shown_as_recorded_after_the_upgrade() {
    let Some(text) = recording("us_exchangeInfo_20260927_subset.json") else { return };
    let recorded: Value = serde_json::from_str(&text).unwrap();
    let mut bench = Bench::new(Config::quiet());
    bench.venue.limits = Limits::default();
    let response = bench.request("GET", "exchangeInfo", String::new());
    let shown: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(shown["rateLimits"], recorded["rateLimits"]);
    for theirs in recorded["symbols"].as_array().unwrap() {
        let ours = shown["symbols"].as_array().unwrap().iter().find(|s| s["symbol"] == theirs["symbol"]).unwrap();
        assert_eq!(ours, theirs);
    }
}

#[test]
fn stream_events_have_the_members_of_the_recorded_ones_in_their_order() {
    let Some(recorded) = recording("us_ws_20211012.frames.jsonl") else { return };
    let mut bench = Bench::plain();
    let kinds = ["aggTrade", "bookTicker", "depth@100ms", "kline_1m"];
    let names: Vec<String> = kinds.iter().map(|kind| format!("btcusd@{kind}")).collect();
    let conn = bench.connect(DOOR_STREAM, "/stream", &format!("streams={}", names.join("/")));
    bench.hit(Side::Buy, "101", "1");
    let ours = bench.texts(conn);
    for kind in kinds {
        let marked = format!(r#"@{kind}","data""#);
        let theirs = recorded.lines().find(|line| line.contains(&marked)).unwrap();
        let ours = ours.iter().find(|line| line.contains(&marked)).unwrap();
        assert_eq!(keys(ours), keys(theirs), "{kind}");
        assert_eq!(keys(inner(ours)), keys(inner(theirs)), "{kind}");
    }
}

#[test]
fn a_fill_is_reported_with_the_recorded_members_in_their_order() {
    let Some(recorded) = recording("us_executionReport_20251001.json") else { return };
    let mut bench = Bench::plain();
    let conn = bench.listen();
    bench.limit("c1", "SELL", "0.5", "100");
    let texts = bench.texts(conn);
    let fill = texts.iter().find(|text| text.contains(r#""x":"TRADE""#)).unwrap();
    let event = &fill[fill.find(r#""event":"#).unwrap() + 8..fill.len() - 1];
    assert_eq!(keys(event), keys(&recorded));
}
