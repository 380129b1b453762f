//! A recording of the real venue, 250 frames of two books, through the whole engine: nothing strange, no gap, never
//! crossed, equal to an independent replay; one frame taken out is noticed once; and it can be traded on on paper. Skips, and says so, where the
//! recording is not.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use exchange_connectors::book::{Follower, FollowerState};
use exchange_connectors::engine::{CoinbaseSetup, ConnId, Control, Engine, EngineConfig, Input};
use exchange_connectors::gateway::PaperConfig;
use exchange_connectors::guard::BreakerRules;
use exchange_connectors::order::{ClientOrderIds, OrderLimits, ReconcileRules};
use exchange_connectors::record::{
    AssetId, BookSide, ExecutionKind as K, ExecutionRecord, Fixed, Gap, GapCause, Instrument, InstrumentId, Listing,
    OrderCommand, RequestId, Side::Buy, StrategyId, TimeInForce, TradingStatus, UnixNanos, Venue, View,
};
use exchange_connectors::sim::FakeOutputs;
use exchange_connectors::telemetry::Counter;
use exchange_connectors::venue::coinbase::{MarketFeeds, StreamConfig};
use exchange_connectors::venue::Channels;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::path::PathBuf;

const NAME: &str = "coinbase/fastmm/advanced_md_stream.jsonl";
const MARKET: ConnId = ConnId(0);
const ME: StrategyId = StrategyId(0);

fn recording() -> Option<Vec<String>> {
    let root = std::env::var_os("EXCHANGE_CONNECTORS_CAPTURES").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/captures"));
    let text = std::fs::read_to_string(root.join(NAME)).ok();
    if text.is_none() {
        println!("skipped: no recording {NAME} (set EXCHANGE_CONNECTORS_CAPTURES)");
    }
    text.map(|text| text.lines().map(str::to_owned).collect())
}

/// Products whose book is in the recording.
fn symbols(frames: &[String]) -> Vec<String> {
    let mut symbols = Vec::new();
    for frame in frames {
        let frame: serde_json::Value = serde_json::from_str(frame).unwrap();
        for event in frame["events"].as_array().unwrap().iter().filter(|_| frame["channel"] == "l2_data") {
            let symbol = event["product_id"].as_str().unwrap().to_owned();
            if !symbols.contains(&symbol) {
                symbols.push(symbol);
            }
        }
    }
    symbols
}

fn instrument(index: usize, symbol: &str) -> Instrument {
    let (base, quote) = symbol.split_once('-').unwrap();
    let listing = Listing {
        venue: Venue::Coinbase,
        symbol: symbol.into(),
        streamed_as: None,
        base: base.into(),
        quote: quote.into(),
        tick: Fixed::new(1, -2),
        lot: Fixed::new(1, -8),
        quote_lot: Fixed::new(1, -2),
        size_min: Fixed::new(1, -8),
        size_max: Fixed::new(3400, 0),
        notional_min: Fixed::new(1, 0),
        status: TradingStatus::Online,
    };
    Instrument::new(InstrumentId(index as u32), AssetId(index as u16), AssetId(9), listing)
}

struct Replay {
    books: Vec<Follower>,
    gaps: Vec<Gap>,
    crossed: usize,
    anomalies: u64,
    closes: Vec<(ConnId, String)>,
    executions: Vec<ExecutionRecord>,
}

/// Feeds the recording to an engine, with paper to one that trades on it: every fifth frame it joins the best bid of the
/// first product, and every tenth it takes from the best ask.
fn replay(frames: &[String], symbols: &[String], paper: Option<&PaperConfig>) -> Replay {
    let config = EngineConfig {
        binance_us: None,
        oanda: None,
        coinbase: Some(CoinbaseSetup { stream: StreamConfig::default(), market: MarketFeeds::default(), orders: None }),
        ids: ClientOrderIds::new("xc", 1).unwrap(),
        limits: None,
        breaker: BreakerRules::default(),
        order_limits: OrderLimits::default(),
        reconcile: ReconcileRules::default(),
        book_blocks_max: 4_096,
    };
    let mut engine = Engine::new(config).unwrap();
    if let Some(paper) = paper {
        engine = engine.trading_on_paper(paper);
    }
    let mut out = FakeOutputs::new(1, engine.slots().len());
    let mut now = UnixNanos(1_793_613_600_000_000_000);
    engine.apply(now, Input::Control(Control::AddStrategy(ME)), &mut out);
    let channels = Channels::BOOK | Channels::TRADES | Channels::TICKER;
    for (index, symbol) in symbols.iter().enumerate() {
        let instrument = Box::new(instrument(index, symbol));
        let id = instrument.id;
        engine.apply(now, Input::Control(Control::Instrument(instrument)), &mut out);
        engine.apply(now, Input::Control(Control::Subscribe(ME, id, channels)), &mut out);
    }
    engine.apply(now, Input::Opened { conn: MARKET }, &mut out);
    // Every subscription must be asked before the recording, which holds their answers, begins. No acknowledgement comes
    // meanwhile: a message is repeated once, then the next has its turn.
    for _ in 0..20 {
        let asked = String::from_utf8_lossy(&unmasked(&out.sent[0])).matches("level2").count();
        if asked > 0 {
            break;
        }
        let ack = r#"{"channel":"subscriptions","timestamp":"2026-11-22T00:00:00Z","events":[{"subscriptions":{"heartbeats":["heartbeats"],"market_trades":["A"],"ticker":["A"]}}]}"#;
        let ack = ack.replace("\"A\"", &format!("\"{}\"", symbols.join("\",\"")));
        let mut bytes = framed(&ack);
        engine.apply(now, Input::Bytes { conn: MARKET, plain: &mut bytes }, &mut out);
        now = now.plus_ms(200);
        engine.apply(now, Input::Time, &mut out);
    }
    assert_eq!(out.closes, [], "{:?}", String::from_utf8_lossy(&unmasked(&out.sent[0])));
    let before = out.counters.get(Counter::Anomalies);
    let mut books: Vec<_> = (0..symbols.len()).map(|i| Follower::new(InstrumentId(i as u32), 200_000)).collect();
    let (mut gaps, mut crossed, mut submitted) = (Vec::new(), 0, 0);
    out.take_market(ME);
    for (turn, frame) in frames.iter().enumerate() {
        now = now.plus_ms(1);
        let mut bytes = framed(frame);
        let mut at = 0;
        loop {
            let progress = engine.apply(now, Input::Bytes { conn: MARKET, plain: &mut bytes[at..] }, &mut out);
            at += progress.consumed;
            if !progress.more {
                break;
            }
        }
        assert_eq!(at, bytes.len(), "every frame is read to its end");
        for record in out.take_market(ME) {
            for book in &mut books {
                book.apply(&record);
                if let (FollowerState::Whole, Some(bid), Some(ask)) = (book.state(), book.bid(), book.ask()) {
                    crossed += usize::from(decimal(&bid.price.to_string()) >= decimal(&ask.price.to_string()));
                }
            }
            if let View::Gap(gap) = record.view() {
                gaps.push(gap);
            }
        }
        let (bid, ask) = (books[0].bid(), books[0].ask());
        if let (Some(bid), Some(ask), true) = (bid, ask, paper.is_some() && turn % 5 == 0) {
            let (id, lot) = (InstrumentId(0), 1_000_000);
            let joins = OrderCommand::limit(id, Buy, bid.price.mantissa(), lot).post_only();
            let takes = OrderCommand::limit(id, Buy, ask.price.mantissa(), 100 * lot);
            let takes = takes.time_in_force(TimeInForce::ImmediateOrCancel);
            for order in [Some(joins), Some(takes).filter(|_| turn % 10 == 0)].into_iter().flatten() {
                submitted += 1;
                let order = order.stamped(RequestId::new(ME, submitted), now);
                engine.apply(now, Input::Command(&order), &mut out);
            }
        }
    }
    let anomalies = out.counters.get(Counter::Anomalies) - before;
    let executions = std::mem::take(&mut out.executions[0]);
    Replay { books, gaps, crossed, anomalies, closes: out.closes, executions }
}

/// A server's text frame.
fn framed(text: &str) -> Vec<u8> {
    let mut bytes = vec![0x81];
    match text.len() {
        len @ 0..=125 => bytes.push(len as u8),
        len @ 126..=0xffff => {
            bytes.push(126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(text.as_bytes());
    bytes
}

/// What the client said: payloads of its short masked frames, one after the other.
fn unmasked(mut bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    while let [_, len, rest @ ..] = bytes {
        let (len, rest) = match len & 0x7f {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            len => (usize::from(len), rest),
        };
        let (mask, rest) = rest.split_at(4);
        text.extend(rest[..len].iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
        bytes = &rest[len..];
    }
    text
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

type Side = BTreeMap<Decimal, Decimal>;

/// The same frames through serde_json into two maps: shares nothing with the crate.
fn independent(frames: &[String], symbol: &str) -> [Side; 2] {
    let mut book = [Side::new(), Side::new()];
    for frame in frames {
        let frame: serde_json::Value = serde_json::from_str(frame).unwrap();
        if frame["channel"] != "l2_data" {
            continue;
        }
        for event in frame["events"].as_array().unwrap().iter().filter(|e| e["product_id"] == symbol) {
            if event["type"] == "snapshot" {
                book = [Side::new(), Side::new()];
            }
            for level in event["updates"].as_array().unwrap() {
                let side = &mut book[usize::from(level["side"] != "bid")];
                let price = decimal(level["price_level"].as_str().unwrap());
                match decimal(level["new_quantity"].as_str().unwrap()) {
                    size if size.is_zero() => side.remove(&price),
                    size => side.insert(price, size),
                };
            }
        }
    }
    book
}

#[test]
fn the_recording_gives_the_venues_books_without_a_gap_or_an_anomaly() {
    let Some(frames) = recording() else { return };
    let symbols = symbols(&frames);
    assert_eq!((frames.len(), symbols.len()), (250, 2));
    let replay = replay(&frames, &symbols, None);
    assert_eq!(replay.closes, []);
    assert_eq!((replay.anomalies, replay.crossed), (0, 0));
    assert_eq!(replay.gaps, []);
    for (book, symbol) in replay.books.iter().zip(&symbols) {
        assert_eq!(book.state(), FollowerState::Whole, "{symbol}");
        let [bids, asks] = independent(&frames, symbol);
        let held = |side| -> Side {
            let level =
                |l: exchange_connectors::book::BookLevel| (decimal(&l.price.to_string()), decimal(&l.size.to_string()));
            book.levels(side).map(level).collect()
        };
        assert!(held(BookSide::Bid) == bids && held(BookSide::Ask) == asks, "{symbol}");
        assert!(!bids.is_empty() && !asks.is_empty());
    }
}

#[test]
fn one_frame_taken_out_is_noticed_once() {
    let Some(mut frames) = recording() else { return };
    let symbols = symbols(&frames);
    let removed = frames.remove(150);
    assert!(removed.contains("l2_data"), "a frame of a book");
    let replay = replay(&frames, &symbols, None);
    let gap = Gap { cause: GapCause::Sequence, recovered: false, lost: 1 };
    assert_eq!(replay.gaps, vec![gap; symbols.len()], "one loss, told of each book of the connection");
    assert!(replay.books.iter().all(|book| book.state() == FollowerState::Doubtful));
}

#[test]
fn the_recording_is_traded_on_on_paper_and_twice_alike() {
    let Some(frames) = recording() else { return };
    let symbols = symbols(&frames);
    let (_, quote) = symbols[0].split_once('-').unwrap();
    let paper = PaperConfig::new(Venue::Coinbase);
    let paper = paper.balance(quote, decimal("1000000")).unwrap().latency_ns(3_000_000, 1_000_000).unwrap();
    let [once, again] = [(); 2].map(|()| replay(&frames, &symbols, Some(&paper)).executions);
    assert_eq!(once, again);
    let count = |kind: K| once.iter().filter(|record| record.kind == kind).count();
    println!(
        "accepted {}, fills {}, filled {}, cancelled {}",
        count(K::Accepted),
        count(K::Fill),
        count(K::Filled),
        count(K::Cancelled)
    );
    assert!(count(K::Accepted) >= 40 && count(K::Fill) >= 10, "{} {}", count(K::Accepted), count(K::Fill));
}
