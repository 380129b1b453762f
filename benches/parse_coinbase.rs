//! Coinbase stream frames to facts, against the JSON tape alone: `cargo bench --bench parse_coinbase`.
//!
//! `tape` is simd-json's `fill_tape` into reused buffers over the same payloads: the floor of any walk over a tape.
//! `session` is everything a frame goes through below the engine: deframing, UTF-8 check, tape, sequence check,
//! product, times, numbers, facts into a sink that only counts. Ratios of the two travel; nanoseconds do not.
#![allow(missing_docs)]

mod common;

use common::coinbase::{btc, frame, message, one_trade, three_levels};
use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use exchange_connectors::order::{CancelReply, OrderFact, PlaceReply};
use exchange_connectors::record::{BookSide, GapCause, InstrumentId, TradingStatus, UnixNanos, VenueOrderId};
use exchange_connectors::venue::coinbase::{StreamConfig, StreamRole, StreamSession};
use exchange_connectors::venue::{
    Anomaly, BookEvent, Channels, Facts, FillFact, GapScope, QuoteFact, StreamFact, TickerFact, TradeFact, Wire,
};
use simd_json::{fill_tape, Buffers, Tape};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Messages per round: a burst that stays in the second-level cache.
const ROUND: u64 = 256;
const NOW: UnixNanos = UnixNanos(1_000_000_000);

#[derive(Default)]
struct Count {
    levels: u64,
    trades: u64,
    other: u64,
    sum: i64,
}

impl Facts for Count {
    fn book(&mut self, event: BookEvent) {
        self.sum = self.sum.wrapping_add(event.venue_time.0 as i64);
    }
    fn level(&mut self, _: BookSide, price: i64, size: i64) {
        self.levels += 1;
        self.sum = self.sum.wrapping_add(price ^ size);
    }
    fn book_end(&mut self, _: bool) {}
    fn trade(&mut self, fact: TradeFact) {
        self.trades += 1;
        self.sum = self.sum.wrapping_add(fact.price ^ fact.size ^ fact.venue_time.0 as i64);
    }
    fn quote(&mut self, _: QuoteFact) {}
    fn ticker(&mut self, _: TickerFact) {}
    fn status(&mut self, _: InstrumentId, _: TradingStatus, _: UnixNanos) {}
    fn gap(&mut self, _: GapScope, _: GapCause, _: u64) {
        self.other += 1;
    }
    fn stream(&mut self, _: StreamFact) {}
    fn order(&mut self, _: &OrderFact) {}
    fn place_reply(&mut self, _: PlaceReply) {}
    fn cancel_reply(&mut self, _: &VenueOrderId, _: CancelReply) {}
    fn fill(&mut self, _: &FillFact) {}
    fn anomaly(&mut self, _: Anomaly, _: &str) {
        self.other += 1;
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

/// An open session whose book is held; the next sequence number is 3.
fn ready(session: &mut StreamSession, count: &mut Count) {
    let said = |session: &mut StreamSession, count: &mut Count, text: String| {
        let mut bytes = frame(&text);
        assert!(session.bytes(NOW, &mut bytes, count).is_ok());
    };
    assert!(session.opened(NOW, count).is_ok());
    let ack = r#"{"subscriptions":{"heartbeats":["heartbeats"]}}"#;
    said(session, count, message(0, "subscriptions", ack));
    let ack = r#"{"subscriptions":{"heartbeats":["heartbeats"],"market_trades":["BTC-USD"]}}"#;
    said(session, count, message(1, "subscriptions", ack));
    let snapshot = r#"{"type":"snapshot","product_id":"BTC-USD","updates":[{"side":"bid","event_time":"","price_level":"1","new_quantity":"1"}]}"#;
    said(session, count, message(2, "l2_data", snapshot));
}

fn bench(c: &mut Criterion, name: &str, make: fn(u64) -> String) {
    let messages: Vec<String> = (3..3 + ROUND).map(make).collect();
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(ROUND));
    group.bench_function("tape", |b| {
        let (mut buffers, mut tape) = (Buffers::new(4096), Tape(Vec::new()));
        b.iter_custom(|rounds| {
            let mut spent = Duration::ZERO;
            for _ in 0..rounds {
                let mut texts: Vec<Vec<u8>> = messages.iter().map(|m| m.as_bytes().to_vec()).collect();
                let start = Instant::now();
                for text in &mut texts {
                    let mut filled = std::mem::replace(&mut tape, Tape(Vec::new())).reset();
                    assert!(fill_tape(text, &mut buffers, &mut filled).is_ok());
                    black_box(&filled.0);
                    tape = filled.reset();
                }
                spent += start.elapsed();
            }
            spent
        });
    });
    group.bench_function("session", |b| {
        let config = StreamConfig { message_gap_ms: 0, ..StreamConfig::default() };
        let mut session = StreamSession::new(StreamRole::Market, config);
        assert!(session.want(&btc(), Channels::BOOK.with(Channels::TRADES)).is_ok());
        let mut count = Count::default();
        b.iter_custom(|rounds| {
            let mut spent = Duration::ZERO;
            for _ in 0..rounds {
                ready(&mut session, &mut count);
                let mut bytes: Vec<u8> = messages.iter().flat_map(|m| frame(m)).collect();
                count = Count::default();
                let start = Instant::now();
                let mut at = 0;
                while at < bytes.len() {
                    match session.bytes(NOW, bytes.get_mut(at..).unwrap_or_default(), &mut count) {
                        Ok(progress) => at += progress.consumed,
                        Err(_) => break,
                    }
                }
                spent += start.elapsed();
                black_box(count.sum);
                assert!(count.levels == 3 * ROUND || count.trades == ROUND, "every message was told");
                assert_eq!(count.other, 0, "nothing went wrong");
            }
            spent
        });
    });
    group.finish();
}

fn benches(c: &mut Criterion) {
    bench(c, "l2_3_levels", three_levels);
    bench(c, "one_trade", one_trade);
}

criterion_group!(parse_coinbase, benches);
criterion_main!(parse_coinbase);
