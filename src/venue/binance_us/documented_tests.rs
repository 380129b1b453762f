//! Every documented sample of stream and user events, and replies that are facts, goes through its reader.

use super::testing::{instrument, Ear, Told};
use super::*;
use crate::codec::json::{JsonError, Plain};
use crate::codec::test_captures;
use crate::record::UnixNanos;
use crate::venue::Anomaly;

const SYMBOLS: [&str; 6] = ["BNBBTC", "BNBUSDT", "ETHBTC", "LTCBTC", "BTCUSDT", "BTCUSD"];

/// Bodies of the documents with an event kind, by kind.
fn events(name: &str) -> Vec<(String, String)> {
    let Some(text) = test_captures::text(name) else { return Vec::new() };
    let mut found = Vec::new();
    for line in text.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let body = row.get("body").unwrap_or(&serde_json::Value::Null);
        let event = body.get("event").or_else(|| body.get("data")).unwrap_or(body);
        if let Some(kind) = event.get("e").and_then(|kind| kind.as_str()) {
            found.push((kind.to_owned(), event.to_string()));
        }
    }
    found
}

#[test]
fn documented_events_are_read_by_the_reader_of_their_kind() {
    let all: Vec<(String, String)> = ["binance_us/documented_us.jsonl", "binance_us/documented_com_2026-07.jsonl"]
        .iter()
        .flat_map(|n| events(n))
        .collect();
    if all.is_empty() {
        return;
    }
    let (mut data, mut products) = (MarketData::default(), products::Products::default());
    for (id, symbol) in SYMBOLS.into_iter().enumerate() {
        data.index(&instrument(id as u32, symbol));
        products.know(&instrument(id as u32, symbol));
    }
    let mut plain = Plain::new(16 * 1024);
    let (mut market, mut user, mut other) = (0, 0, Vec::new());
    for (kind, text) in all {
        let mut ear = Ear::default();
        match kind.as_str() {
            "trade" | "aggTrade" | "depthUpdate" | "kline" | "24hrTicker" | "24hrMiniTicker" | "serverShutdown" => {
                market += 1;
                let mut decoder = stream::Decoder::default();
                let mut bytes = format!(r#"{{"stream":"bnbbtc@x","data":{text}}}"#).into_bytes();
                let mut ctx = stream::Ctx { now: UnixNanos(1), data: &mut data, facts: &mut ear };
                decoder.message(&mut plain, &mut bytes, &mut ctx);
            }
            "executionReport"
            | "outboundAccountPosition"
            | "balanceUpdate"
            | "listStatus"
            | "eventStreamTerminated"
            | "listenKeyExpired" => {
                user += 1;
                let mut bytes = text.clone().into_bytes();
                let read =
                    plain.parse(&mut bytes, |cursor| Ok::<_, JsonError>(user::event(cursor, &mut products, &mut ear)));
                assert!(read.is_ok());
            }
            _ => other.push(kind.clone()),
        }
        // Symbols nobody knows are named; nothing else is wrong with any of them.
        let wrong: Vec<&Told> = ear
            .told
            .iter()
            .filter(|told| {
                matches!(told, Told::Gap(..)) || matches!(told, Told::Anomaly(a, _) if *a != Anomaly::UnknownInstrument)
            })
            .collect();
        assert!(wrong.is_empty(), "{kind}: {wrong:?}\n{text}");
    }
    assert!(market >= 10 && user >= 8, "{market} {user} {other:?}");
    println!("market {market}, user {user}; kinds without a reader: {other:?}");
}
