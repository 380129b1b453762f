//! Bytes of an OANDA price line to facts, against the JSON tape alone.
//!
//! Baseline: simd-json's `fill_tape` into reused buffers over the same lines, the floor of any walk over a tape.
//! `parser`: response framing, chunks, lines, keys, instrument, times, numbers, best prices, facts into a sink that
//! counts. `plain way`: the same for a line whose keys come in another order, so that the fast way refuses it. `cut`: each
//! line in two chunks, as the venue may send it. Ratios travel; nanoseconds do not.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use common::Comparisons;
use exchange_connectors::order::{CancelReply, OrderFact, PlaceReply, ReplaceReply};
use exchange_connectors::record::{
    AssetId, BookSide, ClientOrderId, Fixed, GapCause, Instrument, InstrumentId, Listing, TradingStatus, UnixNanos,
    Venue, VenueOrderId,
};
use exchange_connectors::venue::oanda::auth::{AccessToken, AccountId};
use exchange_connectors::venue::oanda::{Ledger, OandaEndpoints, StreamConfig, StreamRole, StreamSession};
use exchange_connectors::venue::{
    Anomaly, BookEvent, Channels, Facts, FillFact, GapScope, QuoteFact, StreamFact, TickerFact, TradeFact, Wire,
};
use simd_json::{fill_tape, Buffers, Tape};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const NOW: UnixNanos = UnixNanos(1_000_000_000);
/// Lines of a round: a burst that stays in the second-level cache.
const ROUND: u64 = 256;
/// Levels of a line, as of 2026: seven bids, six asks.
const LEVELS: usize = 13;

fn line(tick: u64) -> String {
    let side = |prices: &[u64]| {
        let sizes = [500_000, 500_000, 2_000_000, 2_000_000, 5_000_000, 10_000_000, 10_000_000];
        let rows = prices
            .iter()
            .zip(sizes)
            .map(|(price, size)| format!(r#"{{"price":"1.{:05}","liquidity":{size}}}"#, price + tick % 1_000));
        rows.collect::<Vec<_>>().join(",")
    };
    format!(
        r#"{{"type":"PRICE","time":"2026-03-04T10:11:{:02}.{:09}Z","bids":[{}],"asks":[{}],"closeoutBid":"1.20001","closeoutAsk":"1.20032","status":"tradeable","tradeable":true,"instrument":"EUR_USD"}}"#,
        tick / 4 % 60,
        tick % 4 * 250_000_000,
        side(&[20_010, 20_009, 20_008, 20_007, 20_006, 20_004, 20_001]),
        side(&[20_022, 20_024, 20_025, 20_026, 20_029, 20_032]),
    )
}

/// The instrument before the sides.
fn other_order(tick: u64) -> String {
    let line = line(tick).replace(r#","instrument":"EUR_USD""#, "");
    line.replace(r#""type":"PRICE""#, r#""type":"PRICE","instrument":"EUR_USD""#)
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

fn one_chunk(line: &str) -> Vec<u8> {
    chunk(&format!("{line}\n"))
}

fn two_chunks(line: &str) -> Vec<u8> {
    let (front, rest) = line.split_at(300);
    [chunk(front), chunk(&format!("{rest}\n"))].concat()
}

/// The tape alone.
struct Tapes {
    buffers: Buffers,
    tape: Tape<'static>,
    tick: u64,
}

impl Tapes {
    fn new() -> Tapes {
        Tapes { buffers: Buffers::new(4096), tape: Tape(Vec::new()), tick: 0 }
    }

    fn round(&mut self, make: fn(u64) -> String) -> Duration {
        let mut texts: Vec<Vec<u8>> = (0..ROUND).map(|i| make(self.tick + i).into_bytes()).collect();
        self.tick += ROUND;
        let start = Instant::now();
        for text in &mut texts {
            let mut filled = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
            assert!(fill_tape(text, &mut self.buffers, &mut filled).is_ok());
            black_box(&filled.0);
            self.tape = filled.reset();
        }
        start.elapsed()
    }
}

#[derive(Default)]
struct Count {
    told: usize,
    sum: i64,
}

impl Facts for Count {
    fn book(&mut self, event: BookEvent) {
        self.sum = self.sum.wrapping_add(event.venue_time.0 as i64);
    }
    fn level(&mut self, _: BookSide, price: i64, size: i64) {
        self.told += 1;
        self.sum = self.sum.wrapping_add(price ^ size);
    }
    fn book_end(&mut self, _: bool) {}
    fn trade(&mut self, _: TradeFact) {}
    fn quote(&mut self, fact: QuoteFact) {
        self.told += 1;
        self.sum = self.sum.wrapping_add(fact.words.iter().fold(0, |a, b| a ^ b));
    }
    fn ticker(&mut self, _: TickerFact) {}
    fn status(&mut self, _: InstrumentId, _: TradingStatus, _: UnixNanos) {}
    fn gap(&mut self, _: GapScope, cause: GapCause, _: u64) {
        panic!("no gap here: {cause:?}");
    }
    fn stream(&mut self, _: StreamFact) {}
    fn order(&mut self, _: &OrderFact) {}
    fn place_reply(&mut self, _: &ClientOrderId, _: PlaceReply) {}
    fn cancel_reply(&mut self, _: &VenueOrderId, _: CancelReply) {}
    fn replace_reply(&mut self, _: &VenueOrderId, _: ReplaceReply) {}
    fn fill(&mut self, _: &FillFact) {}
    fn anomaly(&mut self, _: Anomaly, excerpt: &str) {
        panic!("nothing is wrong here: {excerpt}");
    }
}

impl Wire for Count {
    fn send(&mut self, build: impl FnOnce(&mut Vec<u8>)) {
        build(&mut Vec::new());
    }
    fn entropy(&mut self, out: &mut [u8]) {
        out.fill(7);
    }
    fn retire(&mut self, _: Box<str>) {}
}

fn eur_usd() -> Instrument {
    let fixed = |text| Fixed::parse(text).unwrap();
    let listing = Listing {
        venue: Venue::Oanda,
        symbol: "EUR_USD".into(),
        streamed_as: None,
        base: "EUR".into(),
        quote: "USD".into(),
        tick: fixed("0.00001"),
        lot: fixed("1"),
        quote_lot: fixed("0.00001"),
        size_min: fixed("1"),
        size_max: fixed("100000000"),
        notional_min: Fixed::default(),
        status: TradingStatus::Online,
    };
    Instrument::new(InstrumentId(0), AssetId(0), AssetId(1), listing)
}

/// The session alone.
struct Parser {
    session: StreamSession,
    ledger: Ledger,
    count: Count,
    tick: u64,
}

impl Parser {
    fn new() -> Parser {
        let (endpoint, token) = (OandaEndpoints::practice().stream, AccessToken::new("throwaway").unwrap());
        let account = AccountId::new("101-001-7654321-001").unwrap();
        let config = StreamConfig::default();
        let mut session = StreamSession::new(StreamRole::Pricing, &endpoint, account, Arc::new(token), config).unwrap();
        session.want(&eur_usd(), Channels::BOOK.with(Channels::TICKER)).unwrap();
        let (mut count, mut ledger) = (Count::default(), Ledger::new());
        session.opened(NOW, &mut count).unwrap();
        let mut head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        session.bytes(NOW, &mut head, &mut ledger, &mut count).unwrap();
        Parser { session, ledger, count, tick: 0 }
    }

    fn round(&mut self, make: fn(u64) -> String, wrap: fn(&str) -> Vec<u8>) -> Duration {
        let mut wires: Vec<Vec<u8>> = (0..ROUND).map(|i| wrap(&make(self.tick + i))).collect();
        self.tick += ROUND;
        self.count.told = 0;
        let start = Instant::now();
        for bytes in &mut wires {
            let _ = black_box(self.session.bytes(NOW, bytes, &mut self.ledger, &mut self.count));
        }
        let spent = start.elapsed();
        black_box(self.count.sum);
        assert_eq!(self.count.told, (LEVELS + 1) * ROUND as usize, "every line was told");
        spent
    }
}

fn main() {
    let mut table = Comparisons::default();
    let limit = Some(1.5);
    for (name, limit, make, wrap) in [
        ("price: parser", limit, line as fn(u64) -> String, one_chunk as fn(&str) -> Vec<u8>),
        ("price: cut", limit, line, two_chunks),
        ("price: plain way", None, other_order, one_chunk),
    ] {
        let (mut tapes, mut parser) = (Tapes::new(), Parser::new());
        table.compare(name, limit, ROUND, || tapes.round(make), || parser.round(make, wrap));
    }
    table.print("simd-json fill_tape, reused buffers, same bytes");
}
