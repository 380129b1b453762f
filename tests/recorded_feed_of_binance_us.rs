//! A recording of the real Binance.US, 480 frames of four symbols with the snapshots taken beside it, through the whole
//! engine: four books in sync, no gap, nothing strange, equal to an independent replay; and a frame taken out is noticed,
//! and only its symbol is fetched again. Skips, and says so, where the recording is not.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use exchange_connectors::book::{BookLevel, Follower, FollowerState};
use exchange_connectors::engine::{BinanceUsSetup, Carrier, ConnId, Control, Engine, EngineConfig, Input};
use exchange_connectors::gateway::PaperConfig;
use exchange_connectors::guard::BreakerRules;
use exchange_connectors::order::{ClientOrderIds, OrderLimits, ReconcileRules};
use exchange_connectors::record::{
    AssetId, BookSide, ExecutionKind as K, Fixed, Gap, GapCause, Instrument, InstrumentId, Listing, OrderCommand,
    RequestId, Side::Buy, StrategyId, TimeInForce, TradingStatus, UnixNanos, Venue, View,
};
use exchange_connectors::sim::FakeOutputs;
use exchange_connectors::telemetry::Counter;
use exchange_connectors::venue::binance_us::{BinanceUsEndpoints, OrderConfig, StreamConfig};
use exchange_connectors::venue::Channels;
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

const FOLDER: &str = "binance_us";
/// In the order in which their snapshots were taken.
const SYMBOLS: [&str; 4] = ["COMPUSDT", "OMGBUSD", "CRVUSDT", "ZRXUSDT"];
const ME: StrategyId = StrategyId(0);

struct Recording {
    /// Time in ns, and text.
    frames: Vec<(u64, String)>,
    /// By symbol: time in ns, and the venue's answer.
    snapshots: Vec<(u64, Value)>,
}

fn recording() -> Option<Recording> {
    let root = std::env::var_os("EXCHANGE_CONNECTORS_CAPTURES").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/captures"));
    let text = |name: &str| std::fs::read_to_string(root.join(FOLDER).join(name)).ok();
    let texts =
        (text("us_ws_20211012.frames.jsonl"), text("us_ws_20211012.recv_ts.txt"), text("us_rest_depth_20211012.jsonl"));
    let (Some(frames), Some(times), Some(snapshots)) = texts else {
        println!("skipped: no recording in {FOLDER} (set EXCHANGE_CONNECTORS_CAPTURES)");
        return None;
    };
    let ns = |seconds: f64| (seconds * 1e6) as u64 * 1_000;
    let times = times.lines().map(|line| ns(line.split_whitespace().next().unwrap().parse().unwrap()));
    let rows: Vec<Value> = snapshots.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |symbol: &&str| {
        let row = rows.iter().find(|row| row["url"].as_str().unwrap().contains(*symbol)).unwrap();
        (ns(row["recv_ts"].as_f64().unwrap()), row["body"].clone())
    };
    Some(Recording {
        frames: times.zip(frames.lines().map(str::to_owned)).collect(),
        snapshots: SYMBOLS.iter().map(of).collect(),
    })
}

fn instrument(index: usize) -> Instrument {
    let symbol = SYMBOLS[index];
    let listing = Listing {
        venue: Venue::BinanceUs,
        symbol: symbol.into(),
        streamed_as: None,
        base: symbol[..3].into(),
        quote: symbol[symbol.len() - 4..].into(),
        tick: Fixed::new(1, -8),
        lot: Fixed::new(1, -8),
        quote_lot: Fixed::new(1, -8),
        size_min: Fixed::new(1, -8),
        size_max: Fixed::new(9_000_000, 0),
        notional_min: Fixed::new(1, 0),
        status: TradingStatus::Online,
    };
    Instrument::new(InstrumentId(index as u32), AssetId(index as u16), AssetId(9), listing)
}

type Side = BTreeMap<Decimal, Decimal>;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// One book by serde_json and two maps: shares nothing with the crate.
#[derive(Clone, Default)]
struct Model {
    id: u64,
    sides: [Side; 2],
}

impl Model {
    fn set(&mut self, side: usize, levels: &Value) {
        for level in levels.as_array().unwrap() {
            let (price, size) = (decimal(level[0].as_str().unwrap()), decimal(level[1].as_str().unwrap()));
            match size.is_zero() {
                true => self.sides[side].remove(&price),
                false => self.sides[side].insert(price, size),
            };
        }
    }

    fn of(snapshot: &Value) -> Model {
        let mut model = Model { id: snapshot["lastUpdateId"].as_u64().unwrap(), ..Model::default() };
        model.set(0, &snapshot["bids"]);
        model.set(1, &snapshot["asks"]);
        model
    }

    fn apply(&mut self, diff: &Value) {
        let last = diff["u"].as_u64().unwrap();
        if last > self.id {
            self.id = last;
            self.set(0, &diff["b"]);
            self.set(1, &diff["a"]);
        }
    }

    fn body(&self) -> String {
        let side = |side: &Side| {
            let levels: Vec<_> = side.iter().map(|(price, size)| format!(r#"["{price}","{size}"]"#)).collect();
            levels.join(",")
        };
        format!(r#"{{"lastUpdateId":{},"bids":[{}],"asks":[{}]}}"#, self.id, side(&self.sides[0]), side(&self.sides[1]))
    }
}

struct Replay {
    engine: Engine,
    out: FakeOutputs,
    now: u64,
    stream: ConnId,
    rest: ConnId,
    books: Vec<Follower>,
    gaps: Vec<(InstrumentId, Gap)>,
    /// What the venue's books are by now, all frames seen, and when each was first asked of it.
    models: Vec<Model>,
    diffs: Vec<Vec<Value>>,
    /// Snapshots fetched, by symbol.
    fetched: [usize; 4],
    asked: Option<usize>,
}

impl Replay {
    fn new(recording: &Recording, paper: Option<&PaperConfig>) -> Replay {
        let config = EngineConfig {
            coinbase: None,
            oanda: None,
            binance_us: Some(BinanceUsSetup {
                rest: BinanceUsEndpoints::default().rest,
                stream: StreamConfig::default(),
                session: OrderConfig::default(),
                market_connections_max: 1,
                snapshot_levels: 1_000,
                warm_every_ms: 15_000,
                orders: None,
            }),
            ids: ClientOrderIds::new("xc", 1).unwrap(),
            limits: None,
            breaker: BreakerRules::default(),
            order_limits: OrderLimits::default(),
            reconcile: ReconcileRules::default(),
            book_blocks_max: 512,
        };
        let mut engine = Engine::new(config).unwrap();
        if let Some(paper) = paper {
            engine = engine.trading_on_paper(paper);
        }
        let slots = engine.slots();
        let first = |carrier| ConnId(slots.iter().position(|slot| slot.carrier == carrier).unwrap() as u16);
        let mut replay = Replay {
            out: FakeOutputs::new(1, slots.len()),
            engine,
            // Time to subscribe before the recording begins.
            now: recording.frames[0].0 - 1_000_000_000,
            stream: first(Carrier::Stream),
            rest: first(Carrier::Rest),
            books: (0..SYMBOLS.len()).map(|i| Follower::new(InstrumentId(i as u32), 20_000)).collect(),
            gaps: Vec::new(),
            models: recording.snapshots.iter().map(|(_, body)| Model::of(body)).collect(),
            diffs: vec![Vec::new(); SYMBOLS.len()],
            fetched: [0; 4],
            asked: None,
        };
        replay.apply(Input::Control(Control::AddStrategy(ME)));
        for index in 0..SYMBOLS.len() {
            replay.apply(Input::Control(Control::Instrument(Box::new(instrument(index)))));
            let channels = Channels::BOOK | Channels::TRADES | Channels::TICKER | Channels::CANDLES;
            replay.apply(Input::Control(Control::Subscribe(ME, InstrumentId(index as u32), channels)));
        }
        for conn in [replay.stream, replay.rest] {
            replay.apply(Input::Opened { conn });
        }
        replay
    }

    fn apply(&mut self, input: Input<'_>) -> (usize, bool) {
        let progress = self.engine.apply(UnixNanos(self.now), input, &mut self.out);
        for record in self.out.take_market(ME) {
            for book in &mut self.books {
                book.apply(&record);
            }
            if let View::Gap(gap) = record.view() {
                self.gaps.push((record.instrument(), gap));
            }
        }
        (progress.consumed, progress.more)
    }

    fn read(&mut self, conn: ConnId, bytes: &mut [u8]) {
        let mut at = 0;
        loop {
            let (consumed, more) = self.apply(Input::Bytes { conn, plain: &mut bytes[at..] });
            at += consumed;
            if !more {
                break;
            }
        }
        assert_eq!(at, bytes.len(), "everything is read to its end");
    }

    /// Up to `until`: what the engine asks is answered, snapshots as soon as they were recorded.
    fn pass(&mut self, recording: &Recording, until: u64) {
        loop {
            for text in unmasked(&self.out.take_sent(self.stream)) {
                let id = text.rsplit(':').next().unwrap().trim_end_matches('}').to_owned();
                self.read(self.stream, &mut framed(&format!(r#"{{"result":null,"id":{id}}}"#)));
            }
            let request = String::from_utf8(self.out.take_sent(self.rest)).unwrap();
            if request.starts_with("GET /api/v3/time") {
                let body = format!(r#"{{"serverTime":{}}}"#, self.now / 1_000_000);
                self.read(self.rest, &mut reply(&body));
                continue;
            }
            if !request.is_empty() {
                assert!(request.starts_with("GET /api/v3/depth?"), "{request}");
                self.asked = SYMBOLS.iter().position(|symbol| request.contains(symbol));
            }
            if let Some(index) = self.asked.filter(|index| recording.snapshots[*index].0 <= self.now) {
                self.asked = None;
                let mut model = self.models[index].clone();
                // The first is the recorded one; later ones are what the venue's book is by now.
                if self.fetched[index] > 0 {
                    self.diffs[index].iter().for_each(|diff| model.apply(diff));
                }
                self.fetched[index] += 1;
                self.read(self.rest, &mut reply(&model.body()));
                continue;
            }
            if self.engine.deadline().is_some_and(|at| at.0 <= self.now) {
                self.apply(Input::Time);
                continue;
            }
            if self.now >= until {
                return;
            }
            self.now = (self.now + 10_000_000).min(until);
        }
    }
}

impl Replay {
    /// Orders after so many; how many.
    fn trade(&mut self, index: usize, after: u64) -> u64 {
        let (book, instrument) = (&self.books[index], instrument(index));
        let (FollowerState::Whole, Some(bid), Some(ask)) = (book.state(), book.bid(), book.ask()) else { return 0 };
        let quantity = Fixed::new(10, 0).rescale(instrument.size_exponent).unwrap();
        let joins = OrderCommand::limit(instrument.id, Buy, bid.price.mantissa(), quantity).post_only();
        let takes = OrderCommand::limit(instrument.id, Buy, ask.price.mantissa(), quantity);
        let takes = takes.time_in_force(TimeInForce::ImmediateOrCancel);
        for (order, number) in [joins, takes].into_iter().zip(after + 1..) {
            let order = order.stamped(RequestId::new(ME, number), UnixNanos(self.now));
            self.apply(Input::Command(&order));
        }
        2
    }
}

/// Everything recorded, but for one frame.
fn replayed(recording: &Recording, dropped: Option<usize>) -> Replay {
    played(recording, dropped, None)
}

/// The same, traded on on paper at every fifth frame: joining the best bid, and taking from the best ask.
fn played(recording: &Recording, dropped: Option<usize>, paper: Option<&PaperConfig>) -> Replay {
    let mut replay = Replay::new(recording, paper);
    let mut submitted = 0;
    for (at, (time, frame)) in recording.frames.iter().enumerate() {
        replay.pass(recording, *time);
        let message: Value = serde_json::from_str(frame).unwrap();
        let data = &message["data"];
        if data["e"] == "depthUpdate" {
            let index = SYMBOLS.iter().position(|symbol| data["s"] == *symbol).unwrap();
            replay.diffs[index].push(data.clone());
        }
        if dropped != Some(at) {
            replay.read(replay.stream, &mut framed(frame));
        }
        if paper.is_some() && at % 5 == 0 {
            for index in 0..SYMBOLS.len() {
                submitted += replay.trade(index, submitted);
            }
        }
    }
    replay.pass(recording, replay.now + 3_000_000_000);
    assert_eq!(replay.out.closes, []);
    assert_eq!(replay.out.counters.get(Counter::Anomalies), 0, "{:?}", replay.out.notes);
    replay
}

fn assert_books_equal(replay: &Replay) {
    for (index, book) in replay.books.iter().enumerate() {
        assert_eq!(book.state(), FollowerState::Whole, "{}", SYMBOLS[index]);
        let mut model = replay.models[index].clone();
        replay.diffs[index].iter().for_each(|diff| model.apply(diff));
        let held = |side| -> Side {
            book.levels(side)
                .map(|l: BookLevel| (decimal(&l.price.to_string()), decimal(&l.size.to_string())))
                .collect()
        };
        assert!(held(BookSide::Bid) == model.sides[0] && held(BookSide::Ask) == model.sides[1], "{}", SYMBOLS[index]);
        let best = (model.sides[0].last_key_value(), model.sides[1].first_key_value());
        assert!(matches!(best, (Some((bid, _)), Some((ask, _))) if bid < ask), "not crossed");
    }
}

/// A server's text frame.
fn framed(text: &str) -> Vec<u8> {
    let mut bytes = vec![0x81];
    match text.len() {
        len @ 0..=125 => bytes.push(len as u8),
        len => {
            bytes.push(126);
            bytes.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
    }
    bytes.extend(text.as_bytes());
    bytes
}

fn reply(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into()
}

/// What the client said: the texts of its masked frames.
fn unmasked(mut bytes: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    while let [_, len, rest @ ..] = bytes {
        let (len, rest) = match len & 0x7f {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            len => (usize::from(len), rest),
        };
        let (mask, rest) = rest.split_at(4);
        let text = rest[..len].iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m).collect();
        texts.push(String::from_utf8(text).unwrap());
        bytes = &rest[len..];
    }
    texts
}

#[test]
fn the_recording_gives_four_books_in_sync_without_a_gap() {
    let Some(recording) = recording() else { return };
    let replay = replayed(&recording, None);
    assert_eq!(replay.diffs.iter().map(Vec::len).sum::<usize>(), 336);
    assert_eq!((replay.gaps.len(), replay.fetched), (0, [1; 4]));
    assert_books_equal(&replay);
}

#[test]
fn a_frame_taken_out_is_noticed_and_only_its_symbol_is_fetched_again() {
    let Some(recording) = recording() else { return };
    let diffs: Vec<(usize, usize)> = recording
        .frames
        .iter()
        .enumerate()
        .filter(|(_, (_, frame))| frame.contains("depthUpdate"))
        .map(|(at, (_, frame))| (at, SYMBOLS.iter().position(|symbol| frame.contains(symbol)).unwrap()))
        .collect();
    let mut noticed = 0;
    // Behind the last snapshot of each, and not the last diff of its symbol.
    for (at, concerned) in diffs.iter().filter(|(at, _)| *at > 120).step_by(23) {
        if !diffs.iter().any(|(later, of)| later > at && of == concerned) {
            continue;
        }
        let replay = replayed(&recording, Some(*at));
        let id = InstrumentId(*concerned as u32);
        let [(first, opened), (second, closed)] = replay.gaps[..] else { panic!("frame {at}: {:?}", replay.gaps) };
        assert_eq!((first, second, opened.recovered, closed.recovered), (id, id, false, true), "frame {at}");
        assert!(opened.cause == GapCause::Sequence && opened.lost > 0, "frame {at}: {opened:?}");
        for (index, symbol) in SYMBOLS.iter().enumerate() {
            let again = usize::from(index == *concerned);
            assert_eq!(replay.fetched[index], 1 + again, "frame {at}: {symbol}");
        }
        assert_books_equal(&replay);
        noticed += 1;
    }
    assert!(noticed >= 8, "{noticed}");
}

#[test]
fn the_recording_is_traded_on_on_paper_and_twice_alike() {
    let Some(recording) = recording() else { return };
    let paper = ["USDT", "BUSD"]
        .into_iter()
        .fold(PaperConfig::new(Venue::BinanceUs), |paper, asset| paper.balance(asset, decimal("1000000")).unwrap());
    let paper = paper.latency_ns(3_000_000, 1_000_000).unwrap();
    let [once, again] = [(); 2].map(|()| {
        let replay = played(&recording, None, Some(&paper));
        assert_books_equal(&replay);
        replay.out.executions.into_iter().next().unwrap()
    });
    assert_eq!(once, again);
    let count = |kind: K| once.iter().filter(|record| record.kind == kind).count();
    assert!(count(K::Accepted) >= 40 && count(K::Fill) >= 10, "{} {}", count(K::Accepted), count(K::Fill));
    // Every fill is followed by the position it leaves, and that is what was bought.
    for (index, symbol) in SYMBOLS.iter().enumerate() {
        let of = |kind: K| once.iter().filter(move |r| r.kind == kind && r.instrument.index() == index);
        let bought: i64 = of(K::Fill).map(|record| record.last_quantity).sum();
        let told = of(K::Position).next_back().map_or(0, |record| record.cumulative_quantity);
        assert_eq!(told, bought, "{symbol}");
    }
}
