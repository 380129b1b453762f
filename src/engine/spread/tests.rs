//! Many connections of one address against a venue that answers, counts messages and drops who says nothing.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::super::bench_parts::instrument_named;
use super::*;
use crate::engine::{Closed, CoinbaseSetup, Control, EngineConfig, Input};
use crate::guard::BreakerRules;
use crate::order::{ClientOrderIds, OrderLimits, ReconcileRules};
use crate::record::StrategyId;
use crate::sim::FakeOutputs;
use crate::venue::coinbase::limits::{FIRST_SUBSCRIBE_MS_MAX, MESSAGES_PER_SECOND_MAX};
use crate::venue::coinbase::{MarketFeeds, StreamConfig};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const START: UnixNanos = UnixNanos(1_793_613_600_000_000_000);
const ME: StrategyId = StrategyId(0);
const STEP_MS: u64 = 10;

/// The venue's end of one connection.
#[derive(Default)]
struct Peer {
    opened: Option<UnixNanos>,
    spoke: bool,
    sequence: u64,
    held: BTreeMap<String, BTreeSet<String>>,
}

struct Bench {
    engine: Engine,
    out: FakeOutputs,
    now: UnixNanos,
    peers: Vec<Peer>,
    /// When each message came.
    messages: Vec<UnixNanos>,
    dials_seen: usize,
}

impl Bench {
    fn new(market_connections_max: usize) -> Bench {
        let stream = StreamConfig { market_connections_max, ..StreamConfig::default() };
        let config = EngineConfig {
            binance_us: None,
            oanda: None,
            coinbase: Some(CoinbaseSetup { stream, market: MarketFeeds::default(), orders: None }),
            ids: ClientOrderIds::new("xc", 1).unwrap(),
            limits: None,
            order_limits: OrderLimits::default(),
            reconcile: ReconcileRules::default(),
            breaker: BreakerRules::default(),
            book_blocks_max: 64,
        };
        let mut engine = Engine::new(config).unwrap();
        let slots = engine.slots().len();
        let mut out = FakeOutputs::new(1, slots);
        engine.apply(START, Input::Control(Control::AddStrategy(ME)), &mut out);
        let peers = (0..slots).map(|_| Peer::default()).collect();
        Bench { engine, out, now: START, peers, messages: Vec::new(), dials_seen: 0 }
    }

    fn apply(&mut self, input: Input<'_>) {
        self.engine.apply(self.now, input, &mut self.out);
    }

    fn subscribe(&mut self, number: u32, channels: Channels) {
        let instrument = instrument_named(number, &format!("A{number}-USD"));
        let id = instrument.id;
        self.apply(Input::Control(Control::Instrument(Box::new(instrument))));
        self.apply(Input::Control(Control::Subscribe(ME, id, channels)));
    }

    fn unsubscribe(&mut self, number: u32, channels: Channels) {
        self.apply(Input::Control(Control::Unsubscribe(ME, InstrumentId(number), channels)));
    }

    fn conn_of(&self, number: u32) -> Option<usize> {
        self.engine.market.get(InstrumentId(number)).and_then(|t| t.conn).map(ConnId::index)
    }

    /// One step of time: dials that are due succeed, what was sent is answered, heartbeats come.
    fn step(&mut self) {
        self.now = self.now.plus_ms(STEP_MS);
        while let Some((conn, not_before)) = self.out.dials.get(self.dials_seen).copied() {
            if not_before > self.now {
                break;
            }
            self.dials_seen += 1;
            self.out.restart(conn);
            self.peers[conn.index()] = Peer { opened: Some(self.now), ..Peer::default() };
            self.apply(Input::Opened { conn });
        }
        if self.engine.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.apply(Input::Time);
        }
        let beat = self.now.0 / 1_000_000 % 1_000 < STEP_MS;
        for index in 0..self.peers.len() {
            let Some(opened) = self.peers[index].opened else { continue };
            let sent = self.out.take_sent(ConnId(index as u16));
            for text in messages(&sent) {
                self.messages.push(self.now);
                self.answer(index, &text);
            }
            let silent = self.now.since(opened) > FIRST_SUBSCRIBE_MS_MAX * 1_000_000 && !self.peers[index].spoke;
            assert!(!silent, "connection {index} said nothing for 5 s");
            if beat && self.peers[index].held.contains_key("heartbeats") {
                self.event(index, "heartbeats", r#"{"heartbeat_counter":1}"#);
            }
        }
        assert_eq!(self.out.closes, []);
    }

    fn run(&mut self, ms: u64) {
        for _ in 0..ms / STEP_MS {
            self.step();
        }
    }

    fn answer(&mut self, index: usize, text: &str) {
        let message: serde_json::Value = serde_json::from_str(text).unwrap();
        let channel = message["channel"].as_str().unwrap().to_owned();
        let subscribe = message["type"] == "subscribe";
        let names: Vec<String> = match message["product_ids"].as_array() {
            Some(ids) => ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect(),
            None => vec![channel.clone()],
        };
        self.peers[index].spoke = true;
        for name in names {
            let held = self.peers[index].held.entry(channel.clone()).or_default();
            if !subscribe {
                held.remove(&name);
            } else if held.insert(name.clone()) && channel == "level2" {
                assert!(held.len() <= 30, "the venue would refuse");
                let snapshot = format!(r#"{{"type":"snapshot","product_id":"{name}","updates":[]}}"#);
                self.event(index, "l2_data", &snapshot);
            }
        }
        let list = serde_json::to_string(&self.peers[index].held).unwrap();
        self.event(index, "subscriptions", &format!(r#"{{"subscriptions":{list}}}"#));
    }

    fn event(&mut self, index: usize, channel: &str, event: &str) {
        let sequence = self.peers[index].sequence;
        self.peers[index].sequence += 1;
        let text = format!(
            r#"{{"channel":"{channel}","timestamp":"2026-11-02T10:00:00Z","sequence_num":{sequence},"events":[{event}]}}"#
        );
        // Blanks at its end are no harm, and one form of length is enough here.
        let text = format!("{text:<126}");
        let mut bytes = vec![0x81, 126];
        bytes.extend_from_slice(&u16::try_from(text.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
        self.apply(Input::Bytes { conn: ConnId(index as u16), plain: &mut bytes });
    }

    fn cut(&mut self, index: usize) {
        // What it held is gone with it; it may never be dialled again.
        if std::mem::take(&mut self.peers[index]).opened.is_some() {
            let closed = Closed { why: "cut".into(), clean: false, began: 0 };
            self.apply(Input::Closed { conn: ConnId(index as u16), closed, rest: &mut [] });
        }
    }

    /// Books held at the venue, by connection.
    fn spread(&self) -> Vec<usize> {
        let books = |peer: &Peer| peer.held.get("level2").map_or(0, BTreeSet::len);
        self.peers.iter().filter(|peer| peer.opened.is_some()).map(books).collect()
    }

    /// The most messages in any second, however the seconds are aligned.
    fn busiest_second(&self) -> usize {
        let within = |(at, first): (usize, &UnixNanos)| {
            self.messages[at..].iter().take_while(|t| t.since(*first) < 1_000_000_000).count()
        };
        self.messages.iter().enumerate().map(within).max().unwrap_or(0)
    }
}

/// The texts of a client's frames.
fn messages(mut bytes: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    while let [_, len, ..] = bytes {
        let (header, len) = match len & 0x7f {
            126 => (8, usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))),
            len => (6, usize::from(len)),
        };
        let mask = &bytes[header - 4..header];
        let text = bytes[header..header + len].iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m).collect();
        texts.push(String::from_utf8(text).unwrap());
        bytes = &bytes[header + len..];
    }
    texts
}

#[test]
fn the_31st_instrument_opens_a_second_connection_which_is_left_when_it_falls_empty() {
    let mut bench = Bench::new(3);
    (0..30).for_each(|number| bench.subscribe(number, Channels::BOOK));
    bench.run(1_000);
    assert_eq!(bench.spread(), [30]);
    bench.subscribe(30, Channels::TRADES);
    assert_eq!(bench.conn_of(30), Some(1));
    bench.run(1_000);
    bench.subscribe(30, Channels::BOOK);
    bench.run(1_000);
    assert_eq!((bench.spread(), bench.conn_of(30)), (vec![30, 1], Some(1)), "it keeps its connection");
    bench.unsubscribe(30, Channels::BOOK | Channels::TRADES);
    bench.run(1_000);
    assert_eq!(bench.spread(), [30, 0]);
    let dials = bench.out.dials.len();
    bench.cut(1);
    bench.run(5_000);
    assert_eq!((bench.spread(), bench.out.dials.len()), (vec![30], dials), "nobody needs it");
    bench.unsubscribe(4, Channels::BOOK);
    bench.subscribe(30, Channels::BOOK);
    bench.run(1_000);
    assert_eq!((bench.spread(), bench.conn_of(30)), (vec![30], Some(0)), "the place that was freed");
}

#[test]
fn sixteen_connections_lost_at_once_are_all_heard_within_five_seconds() {
    let mut bench = Bench::new(16);
    (0..16 * 30).for_each(|number| bench.subscribe(number, Channels::BOOK | Channels::TRADES | Channels::TICKER));
    bench.run(15_000);
    assert_eq!(bench.spread(), [30; 16]);
    (0..16).for_each(|index| bench.cut(index));
    bench.run(20_000);
    assert_eq!(bench.spread(), [30; 16]);
    assert!(bench.busiest_second() <= MESSAGES_PER_SECOND_MAX as usize, "{}", bench.busiest_second());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Whatever is wanted and whichever connections fall: the venue's limits hold at every moment, and in the end
    /// exactly what is wanted is held, each book on one connection.
    #[test]
    fn limits_hold_and_everything_wanted_is_served_in_the_end(
        steps in prop::collection::vec((0_u32..100, 0_u8..8, 0_u64..400, 0_usize..12), 20..80),
    ) {
        let mut bench = Bench::new(4);
        let mut wanted = BTreeMap::new();
        for (number, bits, pause_ms, cut) in steps {
            let mut channels = Channels::NONE;
            for (bit, channel) in [(1, Channels::BOOK), (2, Channels::TRADES), (4, Channels::CANDLES)] {
                if bits & bit != 0 {
                    channels = channels | channel;
                }
            }
            // Neighbours too, so that connections fill up.
            for number in number..number + 8 {
                if wanted.contains_key(&number) {
                    bench.unsubscribe(number, Channels::BOOK | Channels::TRADES | Channels::CANDLES);
                }
                bench.subscribe(number, channels);
                wanted.insert(number, channels);
            }
            bench.run(pause_ms);
            if cut < 4 {
                bench.cut(cut);
            }
        }
        // Long enough for the longest pause before a connection is dialled again.
        bench.run(60_000);
        prop_assert!(bench.busiest_second() <= MESSAGES_PER_SECOND_MAX as usize);
        for (channel, name) in [(Channels::BOOK, "level2"), (Channels::TRADES, "market_trades"), (Channels::CANDLES, "candles")] {
            let mut held: Vec<String> = bench.peers.iter().filter_map(|p| p.held.get(name)).flatten().cloned().collect();
            held.sort();
            let mut expected: Vec<String> =
                wanted.iter().filter(|(_, c)| c.contains(channel)).map(|(n, _)| format!("A{n}-USD")).collect();
            expected.sort();
            prop_assert_eq!(held, expected, "{}", name);
        }
    }
}
