//! Any lines of an OANDA pricing or transaction stream, in chunks or as raw bytes, in pieces of any length. Holds that
//! nothing panics, that every call makes progress, and that how the bytes are cut changes nothing about what is told.
#![no_main]
#![forbid(unsafe_code)]

mod ear;
mod wire;

use std::sync::Arc;

use ear::{instrument, Ear};
use exchange_connectors::record::{UnixNanos, Venue};
use exchange_connectors::venue::oanda::auth::{AccessToken, AccountId};
use exchange_connectors::venue::oanda::{Ledger, OandaEndpoints, StreamConfig, StreamRole, StreamSession};
use exchange_connectors::venue::Channels;
use libfuzzer_sys::fuzz_target;
use wire::{chunked, feed, kind, messages};

const NOW: UnixNanos = UnixNanos(1_790_735_993_000_000_000);

/// As documented (OANDA reference 5 and 6).
const SAMPLES: [&str; 7] = [
    r#"{"type":"PRICE","time":"2026-03-04T10:11:11.900000000Z","bids":[{"price":"1.20010","liquidity":500000},{"price":"1.20009","liquidity":2000000}],"asks":[{"price":"1.20022","liquidity":500000}],"closeoutBid":"1.20001","closeoutAsk":"1.20032","status":"tradeable","tradeable":true,"instrument":"EUR_USD"}"#,
    r#"{"type":"PRICE","instrument":"USD_JPY","time":"2026-03-04T10:11:11.900000000Z","bids":[],"asks":[{"price":"155.022","liquidity":"500000"}],"tradeable":false}"#,
    r#"{"type":"HEARTBEAT","time":"2026-03-04T10:11:12.000000000Z"}"#,
    r#"{"type":"HEARTBEAT","lastTransactionID":"103","time":"2026-03-04T10:11:12.000000000Z"}"#,
    r#"{"id":"103","batchID":"103","accountID":"101-001-7654321-001","userID":7,"time":"2026-03-04T10:11:12.123456789Z","type":"LIMIT_ORDER","instrument":"EUR_USD","units":"-1000","price":"1.23456","timeInForce":"GTC","reason":"CLIENT_ORDER","clientExtensions":{"tag":"t","id":"c-1"}}"#,
    r#"{"type":"ORDER_FILL","orderID":"200","clientOrderID":"c-2","instrument":"EUR_USD","units":"-300","requestedUnits":"-300","price":"1.2","fullVWAP":"1.2","pl":"-0.5","commission":"0.03","accountBalance":"999.5","reason":"MARKET_ORDER","tradeOpened":{"tradeID":"201","units":"-150","price":"1.20001"},"tradesClosed":[{"tradeID":"90","units":"-100","realizedPL":"-0.4","price":"1.20003"}],"tradeReduced":{"tradeID":"92","units":"-50","realizedPL":"0.0","price":"1.20001"},"id":"101","batchID":"101","time":"2026-03-04T10:11:12.123456789Z"}"#,
    r#"{"type":"ORDER_CANCEL","orderID":"103","clientOrderID":"c-1","reason":"CLIENT_REQUEST","id":"102","batchID":"102","time":"2026-03-04T10:11:12.123456789Z"}"#,
];

fuzz_target!(|input: &[u8]| {
    let Some((&[role, piece], rest)) = input.split_first_chunk::<2>() else {
        return;
    };
    // Raw bytes as the wire, or each line in a chunk of its own.
    let wire = if role & 2 == 2 { rest.to_vec() } else { chunked(&messages(rest, &SAMPLES)) };
    let whole = read(role & 1 == 1, &wire, usize::MAX);
    let parts = read(role & 1 == 1, &wire, usize::from(piece) + 1);
    assert_eq!(whole, parts, "the cut changes nothing");
});

/// What was told, how far the account is known, and what ended the session.
fn read(account: bool, wire: &[u8], piece: usize) -> (Vec<String>, u64, Option<String>) {
    let role = if account { StreamRole::Transactions } else { StreamRole::Pricing };
    let (id, token) = (AccountId::new("101-001-7654321-001"), AccessToken::new("throwaway"));
    let (Ok(id), Ok(token)) = (id, token) else { panic!("constants") };
    let endpoint = OandaEndpoints::practice().stream;
    let mut session =
        StreamSession::new(role, &endpoint, id, Arc::new(token), StreamConfig::default()).expect("a constant");
    for (id, name) in [(0, "EUR_USD"), (1, "USD_JPY")] {
        let instrument = instrument(Venue::Oanda, id, name);
        session.know(&instrument);
        if !account {
            session.want(&instrument, Channels::BOOK.with(Channels::TICKER)).expect("no trades are wanted");
        }
    }
    let (mut ledger, mut ear) = (Ledger::new(), Ear::default());
    ledger.begin(100);
    session.opened(NOW, &mut ear).expect("opens");
    let (end, _) = feed(wire, piece, |bytes| session.bytes(NOW, bytes, &mut ledger, &mut ear));
    assert_eq!(ear.stray_levels, 0, "levels belong to an event");
    (ear.told, ledger.complete_to(), end.map(kind))
}
