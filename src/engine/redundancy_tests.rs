//! The engine with two connections to one model of the venue, each with losses, pauses and ends of its own: every trade
//! that either brings is published once, and the book that is vouched for is the venue's.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::bench_parts::{client_texts, instrument, key, server_text};
use super::*;
use crate::book::{Follower, FollowerState};
use crate::guard::BreakerRules;
use crate::order::{ClientOrderIds, OrderLimits};
use crate::record::{BookSide, Gap, GapCause, InstrumentId, MarketRecord, StrategyId, View};
use crate::sim::coinbase::{Coinbase, Config, DOOR_EXCHANGE, DOOR_MARKET};
use crate::sim::server::{ConnId as VenueConn, Door, Output, Request, Venue as _};
use crate::sim::Model;
use crate::sim::{FakeOutputs, MILLISECOND_NS};
use crate::telemetry::Counter;
use crate::venue::coinbase::{MarketFeeds, StreamConfig};
use crate::venue::Channels;
use proptest::prelude::*;
use std::collections::BTreeMap;

const START: u64 = 1_793_613_600_000_000_000;
const ME: StrategyId = StrategyId(0);
const BTC: InstrumentId = InstrumentId(0);
const FIRST: usize = 0;
const SECOND: usize = 1;

/// One of the two connections.
#[derive(Default)]
struct Line {
    conn: Option<VenueConn>,
    /// Whole texts on their way.
    wire: Vec<String>,
    /// Nothing arrives for now.
    held: bool,
    lose: u32,
}

struct Bench {
    engine: Engine,
    out: FakeOutputs,
    venue: Coinbase,
    now: u64,
    doors: [Door; 2],
    lines: [Line; 2],
    connections: u64,
    book: Follower,
    gaps: Vec<Gap>,
    /// How often each trade was told, and each was brought.
    told: BTreeMap<u64, u32>,
    brought: BTreeMap<u64, u32>,
    snapshots: usize,
}

impl Bench {
    fn new(second: MarketSource) -> Bench {
        let market = MarketFeeds { second: Some(second), ..MarketFeeds::default() };
        let config = EngineConfig {
            binance_us: None,
            oanda: None,
            coinbase: Some(CoinbaseSetup { stream: StreamConfig::default(), market, orders: None }),
            ids: ClientOrderIds::new("xc", 1).unwrap(),
            limits: None,
            order_limits: OrderLimits::default(),
            reconcile: ReconcileRules::default(),
            book_blocks_max: 1_024,
            breaker: BreakerRules::default(),
        };
        let engine = Engine::new(config).unwrap();
        let out = FakeOutputs::new(7, engine.slots().len());
        let venue = Config { depth: 30, seed: 7, ..Config::quiet() };
        let doors = [DOOR_MARKET, if second.is_exchange() { DOOR_EXCHANGE } else { DOOR_MARKET }];
        let mut bench = Bench {
            engine,
            out,
            venue: Coinbase::new(&venue, key(), &[], START),
            now: START,
            doors,
            lines: Default::default(),
            connections: 0,
            book: Follower::new(BTC, 4_000),
            gaps: Vec::new(),
            told: BTreeMap::new(),
            brought: BTreeMap::new(),
            snapshots: 0,
        };
        bench.apply(Input::Control(Control::Instrument(Box::new(instrument(0)))));
        bench.apply(Input::Control(Control::AddStrategy(ME)));
        bench
    }

    /// Both connections up, the book held.
    fn streaming(second: MarketSource) -> Bench {
        let mut bench = Bench::new(second);
        bench.apply(Input::Control(Control::Subscribe(ME, BTC, Channels::BOOK | Channels::TRADES)));
        bench.pass_ms(1_500);
        bench.assert_whole();
        bench.gaps.clear();
        bench.snapshots = 0;
        bench
    }

    fn apply(&mut self, input: Input<'_>) -> Progress {
        let progress = self.engine.apply(UnixNanos(self.now), input, &mut self.out);
        for record in self.out.take_market(ME) {
            self.hear(&record);
        }
        progress
    }

    fn hear(&mut self, record: &MarketRecord) {
        let before = self.book.state();
        let after = self.book.apply(record);
        match record.view() {
            View::Trade(trade) => *self.told.entry(trade.trade_id).or_default() += 1,
            View::Gap(gap) => self.gaps.push(gap),
            View::Level(_) if record.flags().contains(crate::record::Flags::FIRST) => self.snapshots += 1,
            _ => {}
        }
        assert!(before != FollowerState::Whole || after != FollowerState::Void, "a book vanished: {record:?}");
    }

    fn open(&mut self, line: usize) {
        self.connections += 1;
        let conn = VenueConn(self.connections);
        let request = Request { method: "GET".into(), path: "/".into(), ..Request::default() };
        self.venue.upgrade(self.now, self.doors[line], conn, &request).unwrap();
        self.lines[line].conn = Some(conn);
        self.out.restart(ConnId(line as u16));
        self.apply(Input::Opened { conn: ConnId(line as u16) });
    }

    fn kill(&mut self, line: usize) {
        let Some(conn) = self.lines[line].conn.take() else { return };
        self.venue.closed(self.now, conn);
        self.lines[line].wire.clear();
        let closed = Closed { why: "cut".to_owned(), clean: false, began: 0 };
        self.apply(Input::Closed { conn: ConnId(line as u16), closed, rest: &mut [] });
    }

    fn pump(&mut self) {
        for turn in 0.. {
            assert!(turn < 10_000, "the engine comes again and again for nothing");
            if let Some(at) = self.out.dials.iter().position(|(_, at)| at.0 <= self.now) {
                let (conn, _) = self.out.dials.remove(at);
                self.open(conn.index());
                continue;
            }
            if let Some((conn, _)) = self.out.closes.pop() {
                self.kill(conn.index());
                continue;
            }
            for line in [FIRST, SECOND] {
                let Some(conn) = self.lines[line].conn else { continue };
                for text in client_texts(&self.out.take_sent(ConnId(line as u16))) {
                    self.venue.text(self.now, conn, &text);
                }
            }
            self.venue.tick(self.now);
            for output in self.venue.take_outputs() {
                match output {
                    Output::Text { conn, text } => {
                        if let Some(line) = self.lines.iter_mut().find(|line| line.conn == Some(conn)) {
                            line.wire.push(text);
                        }
                    }
                    Output::Ping { .. } => {}
                    Output::Close { conn, .. } => {
                        let line = self.lines.iter().position(|line| line.conn == Some(conn));
                        line.into_iter().for_each(|line| self.kill(line));
                    }
                }
            }
            let moved = self.deliver(FIRST) | self.deliver(SECOND);
            let wants = self.engine.wants_room();
            for strategy in wants.iter() {
                self.apply(Input::Room { strategy });
            }
            if moved || !wants.is_empty() {
                continue;
            }
            if self.engine.deadline().is_some_and(|at| at.0 <= self.now) {
                self.apply(Input::Time);
                continue;
            }
            let quiet = self.out.sent.iter().take(2).all(Vec::is_empty);
            if self.out.closes.is_empty() && quiet {
                return;
            }
        }
    }

    /// Gives the engine the texts of a line; true if there were any.
    fn deliver(&mut self, line: usize) -> bool {
        if self.lines[line].held {
            return false;
        }
        let texts = std::mem::take(&mut self.lines[line].wire);
        for text in &texts {
            // The Exchange feed tells of lost trades only: a book message that is missing alone cannot be noticed.
            let noticeable = self.doors[line] == DOOR_MARKET || text.starts_with(r#"{"type":"match""#);
            if self.lines[line].lose > 0 && noticeable {
                self.lines[line].lose -= 1;
                continue;
            }
            self.note_trades(text);
            let mut bytes = Vec::new();
            server_text(&mut bytes, text.as_bytes());
            loop {
                let progress = self.apply(Input::Bytes { conn: ConnId(line as u16), plain: &mut bytes });
                bytes.drain(..progress.consumed);
                if !progress.more {
                    break;
                }
            }
        }
        !texts.is_empty()
    }

    /// The trades a text brings, in either protocol.
    fn note_trades(&mut self, text: &str) {
        let message: serde_json::Value = serde_json::from_str(text).unwrap();
        let mut brought = |id: &serde_json::Value| {
            let id = id.as_u64().or_else(|| id.as_str()?.parse().ok()).unwrap();
            self.brought.insert(id, 1);
        };
        if message["channel"] == "market_trades" {
            for event in message["events"].as_array().unwrap() {
                event["trades"].as_array().unwrap().iter().for_each(|trade| brought(&trade["trade_id"]));
            }
        } else if message["type"] == "match" || message["type"] == "last_match" {
            brought(&message["trade_id"]);
        }
    }

    fn pass_ms(&mut self, ms: u64) {
        let end = self.now + ms * MILLISECOND_NS;
        self.pump();
        while self.now < end {
            self.now = (self.now + 25 * MILLISECOND_NS).min(end);
            self.pump();
        }
    }

    /// The market moves, and both connections tell of it.
    fn step(&mut self, events: u64) {
        self.venue.step(self.now, events);
        self.pass_ms(25);
    }

    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Market(events) => self.step(events),
            Happening::Lose(line, count) => self.lines[line].lose = count,
            Happening::Cut(line) => self.kill(line),
            Happening::Hold(line) => self.lines[line].held = true,
            Happening::Release(line) => self.lines[line].held = false,
            Happening::Pass(ms) => self.pass_ms(ms),
        }
    }

    /// No more troubles: trades reveal what the Exchange feed lost last, and everything is fetched again.
    fn settle(&mut self) {
        for line in &mut self.lines {
            (line.held, line.lose) = (false, 0);
        }
        for _ in 0..3 {
            self.step(40);
            self.pass_ms(4_000);
        }
    }

    #[track_caller]
    fn assert_whole(&mut self) {
        assert_eq!(self.book.state(), FollowerState::Whole, "{:?}", self.gaps);
        let request = Request {
            method: "GET".into(),
            path: "/api/v3/brokerage/market/product_book".into(),
            query: "product_id=BTC-USD".into(),
            ..Request::default()
        };
        let reply = self.venue.http(self.now, crate::sim::coinbase::DOOR_REST, &request);
        let truth: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        for (key, side) in [("bids", BookSide::Bid), ("asks", BookSide::Ask)] {
            let number = |value: &serde_json::Value| value.as_str().unwrap().parse::<rust_decimal::Decimal>().unwrap();
            let truth: Vec<_> = truth["pricebook"][key]
                .as_array()
                .unwrap()
                .iter()
                .map(|level| (number(&level["price"]), number(&level["size"])))
                .collect();
            let held: Vec<_> = self
                .book
                .levels(side)
                .map(|l| (l.price.to_string().parse().unwrap(), l.size.to_string().parse().unwrap()))
                .collect();
            assert_eq!(held, truth, "{key}");
        }
    }

    #[track_caller]
    fn assert_trades(&self) {
        assert_eq!(self.told, self.brought);
    }

    fn count(&self, counter: Counter) -> u64 {
        self.out.counters.get(counter)
    }

    fn gaps(&self) -> Vec<(GapCause, bool)> {
        self.gaps.iter().map(|gap| (gap.cause, gap.recovered)).collect()
    }
}

const BOTH: [MarketSource; 3] = [MarketSource::Advanced, MarketSource::Exchange, MarketSource::Exchange];

#[test]
fn one_connection_cut_loses_no_trade_and_its_book_is_followed_by_the_others_snapshot() {
    for second in BOTH {
        let mut bench = Bench::streaming(second);
        bench.step(60);
        let followed = if bench.count(Counter::BookSwitches) > 0 { SECOND } else { FIRST };
        let switches = bench.count(Counter::BookSwitches);
        bench.kill(followed);
        assert_eq!(bench.gaps().first(), Some(&(GapCause::Disconnected, false)));
        for _ in 0..8 {
            bench.step(20);
        }
        assert_eq!(bench.gaps(), [(GapCause::Disconnected, false), (GapCause::Disconnected, true)]);
        assert_eq!((bench.snapshots, bench.count(Counter::BookSwitches)), (1, switches + 1));
        bench.pass_ms(2_000);
        bench.assert_whole();
        bench.assert_trades();
    }
}

#[test]
fn the_standby_may_come_and_go_unnoticed() {
    for second in BOTH {
        let mut bench = Bench::streaming(second);
        let followed = if bench.count(Counter::BookSwitches) > 0 { SECOND } else { FIRST };
        bench.kill(1 - followed);
        bench.step(40);
        bench.pass_ms(3_000);
        bench.step(40);
        assert_eq!((bench.gaps(), bench.snapshots), (vec![], 0));
        bench.pass_ms(1_000);
        bench.assert_whole();
        bench.assert_trades();
    }
}

#[test]
fn a_book_that_falls_silent_while_the_other_moves_is_left() {
    let mut bench = Bench::streaming(MarketSource::Advanced);
    let followed = if bench.count(Counter::BookSwitches) > 0 { SECOND } else { FIRST };
    bench.step(10);
    bench.lines[followed].held = true;
    for _ in 0..60 {
        bench.step(5);
    }
    assert_eq!(bench.gaps(), [(GapCause::Stale, false), (GapCause::Stale, true)]);
    assert_eq!(bench.count(Counter::Stale), 1);
    bench.lines[followed].held = false;
    bench.pass_ms(3_000);
    bench.assert_whole();
    bench.assert_trades();
}

#[test]
fn how_late_the_standby_is_is_known_when_it_is_changed_over_to() {
    for second in BOTH {
        let mut bench = Bench::streaming(second);
        bench.step(40);
        let followed = if bench.count(Counter::BookSwitches) > 0 { SECOND } else { FIRST };
        bench.lines[1 - followed].held = true;
        bench.step(40);
        bench.pass_ms(400);
        bench.lines[1 - followed].held = false;
        bench.pass_ms(25);
        let traded = |bench: &Bench| bench.engine.market.traded.iter().flatten().next().unwrap().lag.lag_ns();
        let lag_ms = |bench: &Bench| traded(bench) / MILLISECOND_NS;
        assert!(lag_ms(&bench) < 100, "{second:?}: the other one was quick");
        bench.kill(followed);
        assert!(lag_ms(&bench) >= 300, "{second:?}: {} ms", lag_ms(&bench));
    }
}

#[test]
fn both_are_counted_by_who_was_first() {
    let mut bench = Bench::streaming(MarketSource::Exchange);
    for _ in 0..20 {
        bench.step(20);
    }
    bench.pass_ms(500);
    let [first, second, repeated] =
        [Counter::FeedOneTradesFirst, Counter::FeedTwoTradesFirst, Counter::TradesRepeated].map(|c| bench.count(c));
    assert!(first + second > 10, "{first} {second}");
    assert_eq!(first + second, repeated, "each came over the other, too");
    bench.assert_trades();
}

#[test]
fn with_both_cut_the_gap_stays_open_until_one_is_back() {
    let mut bench = Bench::streaming(MarketSource::Exchange);
    bench.kill(FIRST);
    bench.kill(SECOND);
    assert_eq!(bench.gaps().last(), Some(&(GapCause::Disconnected, false)));
    assert_ne!(bench.book.state(), FollowerState::Whole);
    bench.step(50);
    bench.pass_ms(3_000);
    assert_eq!(bench.gaps().last(), Some(&(GapCause::Disconnected, true)));
    bench.assert_whole();
}

/// What happens to the two connections.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Market(u64),
    Lose(usize, u32),
    Cut(usize),
    Hold(usize),
    Release(usize),
    Pass(u64),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => (1_u64..30).prop_map(Happening::Market),
        1 => (0_usize..2, 1_u32..3).prop_map(|(line, count)| Happening::Lose(line, count)),
        1 => (0_usize..2).prop_map(Happening::Cut),
        1 => (0_usize..2).prop_map(Happening::Hold),
        2 => (0_usize..2).prop_map(Happening::Release),
        2 => (25_u64..600).prop_map(Happening::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn whatever_happens_to_either_every_trade_brought_is_told_once_and_the_book_is_the_venues(
        exchange in any::<bool>(),
        happenings in prop::collection::vec(happening(), 1..40),
    ) {
        let mut bench = Bench::streaming(if exchange { MarketSource::Exchange } else { MarketSource::Advanced });
        for happening in happenings {
            bench.happens(happening);
            prop_assert!(bench.told.values().all(|times| *times == 1));
        }
        bench.settle();
        bench.assert_trades();
        bench.assert_whole();
    }

    /// The same with a ring that refuses: trades are lost then, and counted; the book comes out right.
    #[test]
    fn a_slow_consumer_still_ends_with_the_venues_book(
        exchange in any::<bool>(),
        refused in 1_u64..60,
        happenings in prop::collection::vec(happening(), 1..40),
    ) {
        let mut bench = Bench::streaming(if exchange { MarketSource::Exchange } else { MarketSource::Advanced });
        bench.out.refuse(ME, refused);
        for happening in happenings {
            bench.happens(happening);
        }
        bench.out.refuse(ME, 0);
        bench.settle();
        prop_assert!(bench.told.values().all(|times| *times == 1));
        bench.assert_whole();
    }
}
