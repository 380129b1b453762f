//! Bytes of a Binance.US frame to facts, against the JSON tape alone: trade, diff of three levels, partial book of 20
//! levels a side, execution report; and the two forms of an order, built and signed, against the signature alone.
//!
//! Baseline of the parsers: simd-json's `fill_tape` into reused buffers over the same payloads. Ratios travel; nanoseconds
//! do not.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::binance_us::{btc, order};
use common::coinbase::frame;
use common::engine::{NOW, ROUND};
use common::parse::{Count, Tapes};
use common::{time, Comparisons};
use exchange_connectors::record::{ClientOrderId, InstrumentId};
use exchange_connectors::venue::binance_us::auth::Credentials;
use exchange_connectors::venue::binance_us::{
    ApiConfig, ApiSession, BinanceUsEndpoints, MarketData, OrderConfig, OrderSession, Requests, StreamConfig,
    StreamSession, Streams, UserSession, VenueMs,
};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// As documented (Binance.US reference 6), without the order ids that are gone.
fn trade(n: u64) -> String {
    let time = 1_790_612_332_757 + n;
    format!(
        r#"{{"stream":"btcusd@trade","data":{{"e":"trade","E":{time},"s":"BTCUSD","t":{},"p":"83539.87000000","q":"0.01775000","T":{time},"m":true,"M":true}}}}"#,
        88_685_053 + n
    )
}

/// Three levels, shaped as recorded on 2026-09-28.
fn diff(n: u64) -> String {
    let id = 4_602_208_313 + n;
    format!(
        r#"{{"stream":"btcusd@depth@100ms","data":{{"e":"depthUpdate","E":{},"s":"BTCUSD","U":{id},"u":{id},"b":[["83539.87000000","0.01775000"],["83519.32000000","0.00000000"]],"a":[["83541.20000000","0.31181000"]]}}}}"#,
        1_790_612_332_757 + n
    )
}

/// 20 levels a side.
fn depth20(n: u64) -> String {
    let side = |from: u64| {
        let levels: Vec<String> =
            (0..20).map(|l| format!(r#"["{}.87000000","0.{:08}"]"#, from + l, 1_775_000 + n)).collect();
        levels.join(",")
    };
    let (bids, asks) = (side(83_000), side(84_000));
    format!(
        r#"{{"stream":"btcusd@depth20@100ms","data":{{"lastUpdateId":{},"bids":[{bids}],"asks":[{asks}]}}}}"#,
        4_602_208_313 + n
    )
}

/// The same with white space that no recording has: it goes the plain way.
fn spaced(message: &str) -> String {
    message.replacen('{', "{ ", 1)
}

/// The real report of 2025-10-01 (Binance.US reference 7), a fill.
fn report(n: u64) -> String {
    format!(
        r#"{{"e":"executionReport","E":1759347763167,"s":"BTCUSD","c":"T0ESHzso0banw0QiPFZYgj","S":"SELL","o":"LIMIT","f":"GTC","q":"0.00042000","p":"117290.77000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE","X":"FILLED","r":"NONE","i":{},"l":"0.00042000","z":"0.00042000","L":"117290.77000000","n":"0.00492621","N":"USD","T":1759347763167,"t":{},"I":4644480641,"w":false,"m":false,"M":true,"O":1759347763167,"Z":"49.26212340","Y":"49.26212340","Q":"0.00000000","W":1759347763167,"V":"EXPIRE_MAKER"}}"#,
        2_281_896_601 + n,
        88_685_053 + n
    )
}

/// A market connection with one symbol.
struct Market {
    session: StreamSession,
    data: MarketData,
    count: Count,
    next: u64,
}

impl Market {
    fn new(streams: Streams) -> Market {
        let (mut session, mut data, mut count) =
            (StreamSession::new(StreamConfig::default()), MarketData::default(), Count::default());
        session.want(&btc(), streams, &mut data).unwrap();
        session.opened(NOW, &mut data, &mut count).unwrap();
        session.bytes(NOW, &mut frame(r#"{"result":null,"id":1}"#), &mut data, &mut count).unwrap();
        if let Some(request) = data.next_snapshot(NOW) {
            let mut rest =
                OrderSession::new(&BinanceUsEndpoints::default().rest, None, OrderConfig::default()).unwrap();
            rest.opened();
            rest.snapshot(NOW, &request, &data, &mut count).unwrap();
            let body = r#"{"lastUpdateId":4602208312,"bids":[["1","1"]],"asks":[]}"#;
            let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes();
            let mut at = 0;
            while !data.is_synced(InstrumentId(0)) {
                let progress = rest.bytes(NOW, &mut answer[at..], &mut data, &mut count).unwrap();
                at += progress.progress.consumed;
            }
        }
        Market { session, data, count, next: 0 }
    }

    fn round(&mut self, make: fn(u64) -> String, facts: usize) -> Duration {
        let mut frames: Vec<Vec<u8>> = (0..ROUND).map(|i| frame(&make(self.next + i))).collect();
        self.next += ROUND;
        self.count.told = 0;
        let start = Instant::now();
        for bytes in &mut frames {
            let _ = black_box(self.session.bytes(NOW, bytes, &mut self.data, &mut self.count));
        }
        let spent = start.elapsed();
        black_box(self.count.sum);
        assert_eq!(self.count.told, facts * ROUND as usize, "every message was told");
        spent
    }
}

/// A connection with the account's events.
struct User {
    session: UserSession,
    count: Count,
    next: u64,
}

impl User {
    fn new() -> User {
        let (mut session, mut count) = (UserSession::new(StreamConfig::default()), Count::default());
        session.know(&btc());
        session.opened(NOW, &mut count);
        User { session, count, next: 0 }
    }

    fn round(&mut self, make: fn(u64) -> String) -> Duration {
        let mut frames: Vec<Vec<u8>> = (0..ROUND).map(|i| frame(&make(self.next + i))).collect();
        self.next += ROUND;
        self.count.told = 0;
        let start = Instant::now();
        for bytes in &mut frames {
            let _ = black_box(self.session.bytes(NOW, bytes, &mut self.count));
        }
        let spent = start.elapsed();
        assert_eq!(self.count.told, 3 * ROUND as usize, "order, fill, order");
        spent
    }
}

fn main() {
    let mut table = Comparisons::default();
    let limit = Some(1.5);
    for (name, streams, make, facts, limit) in [
        ("trade", Streams::TRADES, trade as fn(u64) -> String, 1, limit),
        ("diff, 3 levels", Streams::DIFFS, diff, 3, limit),
        ("depth20", Streams::DEPTH_20, depth20, 40, limit),
        ("trade, plain way", Streams::TRADES, |n| spaced(&trade(n)), 1, None),
        ("diff, 3 levels, plain way", Streams::DIFFS, |n| spaced(&diff(n)), 3, None),
        ("depth20, plain way", Streams::DEPTH_20, |n| spaced(&depth20(n)), 40, None),
    ] {
        let (mut tapes, mut market) = (Tapes::new(0), Market::new(streams));
        table.compare(name, limit, ROUND, || tapes.round(make), || market.round(make, facts));
    }
    for (name, make, limit) in [
        ("executionReport, a fill", report as fn(u64) -> String, limit),
        ("executionReport, plain way", |n| spaced(&report(n)), None),
    ] {
        let (mut tapes, mut user) = (Tapes::new(0), User::new());
        table.compare(name, limit, ROUND, || tapes.round(make), || user.round(make));
    }
    table.print("simd-json fill_tape, reused buffers, same bytes");
    orders();
}

/// Over the WebSocket API and over REST, side by side.
fn orders() {
    const CALLS: u64 = 1_000;
    let mut table = Comparisons::default();
    let credentials = Arc::new(Credentials::new("key", "secret").unwrap());
    let (instrument, id) = (btc(), ClientOrderId::new("xc-0001-00000001").unwrap());
    let intent = order(&instrument, &id);
    let signed = b"newClientOrderId=xc-0001-00000001&newOrderRespType=ACK&price=83539.87&quantity=0.01775&recvWindow=5000&side=BUY&symbol=BTCUSD&timestamp=1790612332757&type=LIMIT_MAKER";
    let mut out = Vec::with_capacity(128);
    let signer = credentials.clone();
    let mut signature = move || {
        time(CALLS, || {
            out.clear();
            signer.sign_rest(black_box(signed), b"", &mut out);
        })
    };
    let mut api = ApiSession::new(credentials.clone(), ApiConfig { user_events: false, ..ApiConfig::default() });
    let mut count = Count::default();
    table.compare("order, WebSocket API", None, CALLS, &mut signature, || {
        time(CALLS, || {
            if !api.free() {
                api.opened(NOW);
            }
            let _ = black_box(api.place(NOW, VenueMs(1_790_612_332_757), black_box(&intent), &mut count));
        })
    });
    let endpoint = BinanceUsEndpoints::default().rest;
    let mut rest = OrderSession::new(&endpoint, Some(credentials), OrderConfig::default()).unwrap();
    table.compare("order, REST", None, CALLS, &mut signature, || {
        time(CALLS, || {
            rest.opened();
            let _ = black_box(rest.place(NOW, VenueMs(1_790_612_332_757), black_box(&intent), &mut count));
        })
    });
    table.print("the signature alone");
}
