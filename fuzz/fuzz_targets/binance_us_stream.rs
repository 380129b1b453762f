//! Any messages of a Binance.US market or listenKey connection, framed properly or not at all, in pieces of any length,
//! onto books that are held or still waiting for their snapshot. Holds that nothing panics, that every call makes
//! progress, and that how the bytes are cut changes nothing about what is told, but for how much of a message is told that
//! breaks the wire.
#![no_main]
#![forbid(unsafe_code)]

mod ear;
mod wire;

use ear::{instrument, Ear};
use exchange_connectors::record::{UnixNanos, Venue};
use exchange_connectors::venue::binance_us::{
    BinanceUsEndpoints, CandleInterval, MarketData, OrderConfig, OrderSession, StreamConfig, StreamSession, Streams,
    UserSession,
};
use libfuzzer_sys::fuzz_target;
use wire::{assert_same, feed, framed, framed_one, kind, messages, response};

const NOW: UnixNanos = UnixNanos(1_790_735_993_000_000_000);
const SYMBOLS: [(u32, &str); 2] = [(0, "BTCUSD"), (1, "ETHUSD")];

/// As documented (Binance.US reference 6 and 7).
const SAMPLES: [&str; 10] = [
    r#"{"stream":"btcusd@trade","data":{"e":"trade","E":1790612332757,"s":"BTCUSD","t":88685053,"p":"83539.87000000","q":"0.01775000","T":1790612332757,"m":true,"M":true}}"#,
    r#"{"stream":"btcusd@depth@100ms","data":{"e":"depthUpdate","E":1790612332757,"s":"BTCUSD","U":4602208313,"u":4602208314,"b":[["83539.87000000","0.01775000"],["83519.32000000","0.00000000"]],"a":[["83541.20000000","0.31181000"]]}}"#,
    r#"{"stream":"btcusd@depth20@100ms","data":{"lastUpdateId":4602208313,"bids":[["83000.87000000","0.01775000"]],"asks":[["84000.87000000","0.01775000"]]}}"#,
    r#"{"stream":"ethusd@bookTicker","data":{"u":400900217,"s":"ETHUSD","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}}"#,
    r#"{"stream":"btcusd@aggTrade","data":{"e":"aggTrade","E":1790612332757,"s":"BTCUSD","a":12345,"p":"83539.87","q":"0.1","f":100,"l":105,"T":1790612332757,"m":true,"M":true}}"#,
    r#"{"e":"executionReport","E":1759347763167,"s":"BTCUSD","c":"xc-1","S":"SELL","o":"LIMIT","f":"GTC","q":"0.00042000","p":"117290.77000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE","X":"FILLED","r":"NONE","i":2281896601,"l":"0.00042000","z":"0.00042000","L":"117290.77000000","n":"0.00492621","N":"USD","T":1759347763167,"t":88685053,"m":false,"O":1759347763167,"Z":"49.26212340","Y":"49.26212340","Q":"0.00000000"}"#,
    r#"{"e":"outboundAccountPosition","E":1564034571105,"u":1564034571073,"B":[{"a":"ETH","f":"10000.000000","l":"0.000000"}]}"#,
    r#"{"stream":"btcusd@kline_1m","data":{"e":"kline","E":1672515782136,"s":"BTCUSD","k":{"t":1672515780000,"T":1672515839999,"s":"BTCUSD","i":"1m","f":100,"L":200,"o":"0.0010","c":"0.0020","h":"0.0025","l":"0.0015","v":"1000","n":100,"x":false,"q":"1.0000","V":"500","Q":"0.500","B":"0"}}}"#,
    r#"{"stream":"btcusd@ticker","data":{"e":"24hrTicker","E":1672515782136,"s":"BTCUSD","p":"0.0015","P":"250.00","w":"0.0018","x":"0.0009","c":"0.0025","Q":"10","b":"0.0024","B":"10","a":"0.0026","A":"100","o":"0.0010","h":"0.0025","l":"0.0010","v":"10000","q":"18","O":0,"C":86400000,"F":0,"L":18150,"n":18151}}"#,
    r#"{"e":"balanceUpdate","E":1573200697110,"a":"BTC","d":"100.00000000","T":1573200697068}"#,
];

fuzz_target!(|input: &[u8]| {
    let Some((&[role, piece], rest)) = input.split_first_chunk::<2>() else {
        return;
    };
    let read = |piece| {
        // Raw bytes as the wire, or each line as a text message.
        let wire = if role & 2 == 2 { rest.to_vec() } else { framed(&messages(rest, &SAMPLES)) };
        match role & 1 == 1 {
            true => user(&wire, piece),
            false => market(role & 4 == 4, &wire, piece),
        }
    };
    assert_same(&read(usize::MAX), &read(usize::from(piece) + 1));
});

/// What was told, and what ended the session.
fn market(synced: bool, wire: &[u8], piece: usize) -> (Vec<String>, Option<String>) {
    let (mut session, mut data, mut ear) =
        (StreamSession::new(StreamConfig::default()), MarketData::default(), Ear::default());
    let all = [Streams::DIFFS, Streams::DEPTH_20, Streams::QUOTES, Streams::TICKER, Streams::MINI_TICKER];
    let all = all.into_iter().fold(Streams::TRADES, Streams::with).with(Streams::AGGREGATED_TRADES);
    let all = all.with(Streams::candles(CandleInterval::M1));
    for (id, symbol) in SYMBOLS {
        session.want(&instrument(Venue::BinanceUs, id, symbol), all, &mut data).expect("few streams");
    }
    session.opened(NOW, &mut data, &mut ear).expect("opens");
    let mut done = framed_one(r#"{"result":null,"id":1}"#);
    session.bytes(NOW, &mut done, &mut data, &mut ear).expect("an answer as documented");
    while let Some(request) = data.next_snapshot(NOW).filter(|_| synced) {
        let endpoint = BinanceUsEndpoints::default().rest;
        let mut rest = OrderSession::new(&endpoint, None, OrderConfig::default()).expect("a constant");
        rest.opened();
        rest.snapshot(NOW, &request, &data, &mut ear).expect("nothing is in flight");
        let body = br#"{"lastUpdateId":4602208312,"bids":[["1","1"]],"asks":[]}"#;
        feed(&response(0, body), usize::MAX, |bytes| rest.bytes(NOW, bytes, &mut data, &mut ear).map(|p| p.progress));
    }
    let (end, _) = feed(wire, piece, |bytes| session.bytes(NOW, bytes, &mut data, &mut ear));
    assert_eq!(ear.stray_levels, 0, "levels belong to an event");
    (ear.told, end.map(kind))
}

/// The same of a listenKey connection.
fn user(wire: &[u8], piece: usize) -> (Vec<String>, Option<String>) {
    let (mut session, mut ear) = (UserSession::new(StreamConfig::default()), Ear::default());
    for (id, symbol) in SYMBOLS {
        session.know(&instrument(Venue::BinanceUs, id, symbol));
    }
    session.opened(NOW, &mut ear);
    let (end, _) = feed(wire, piece, |bytes| session.bytes(NOW, bytes, &mut ear));
    (ear.told, end.map(kind))
}
