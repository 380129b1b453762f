//! The engine against the pure model of the venue, through WebSocket bytes, with rings that refuse at random: no socket,
//! clock or thread, so every failure is found again from its seed.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::bench_parts::{client_texts, instrument, key, server_text, SYMBOLS};
use super::*;
use crate::book::{Follower, FollowerState};
use crate::guard::BreakerRules;
use crate::order::{ClientOrderIds, OrderLimits};
use crate::record::{BookSide, Gap, GapCause, InstrumentId, MarketRecord, StrategyId, View};
use crate::sim::coinbase::{Coinbase, Config, Side, DOOR_MARKET};
use crate::sim::server::{ConnId as VenueConn, Output, Request, Venue as _};
use crate::sim::FakeOutputs;
use crate::sim::Model;
use crate::telemetry::Counter;
use crate::venue::coinbase::{MarketFeeds, StreamConfig};
use crate::venue::Channels;
use proptest::prelude::*;

mod losses;

const START: u64 = 1_793_613_600_000_000_000;
const MARKET: ConnId = ConnId(0);
/// Takes everything: what it holds is what the engine published.
const SHADOW: StrategyId = StrategyId(0);
/// Refuses at random.
const VICTIM: StrategyId = StrategyId(1);

/// What one strategy made of its records.
struct Heard {
    books: Vec<Follower>,
    lost_announced: u64,
    gaps: Vec<Gap>,
}

impl Heard {
    fn new() -> Heard {
        let books = (0..SYMBOLS.len()).map(|i| Follower::new(InstrumentId(i as u32), 4_000)).collect();
        Heard { books, lost_announced: 0, gaps: Vec::new() }
    }

    fn hear(&mut self, record: &MarketRecord) {
        for book in &mut self.books {
            book.apply(record);
        }
        if let View::Gap(gap) = record.view() {
            self.gaps.push(gap);
            if gap.cause == GapCause::ConsumerFull && !gap.recovered {
                self.lost_announced += gap.lost;
            }
        }
    }

    fn state(&self, index: usize) -> FollowerState {
        self.books[index].state()
    }

    fn levels(&self, index: usize) -> Levels {
        let side = |side| {
            let text = |l: crate::book::BookLevel| (l.price.to_string(), l.size.to_string());
            self.books[index].levels(side).map(text).collect()
        };
        [side(BookSide::Bid), side(BookSide::Ask)]
    }
}

struct Bench {
    engine: Engine,
    out: FakeOutputs,
    venue: Coinbase,
    now: u64,
    /// The venue's number of the connection, while it is open.
    conn: Option<VenueConn>,
    connections: u64,
    /// Server bytes on their way.
    wire: Vec<u8>,
    /// Bytes the engine is given at a time.
    chunk: usize,
    shadow: Heard,
    victim: Heard,
    /// The independent account of what the victim loses, from the log of offers.
    losing: bool,
    lost: u64,
    lost_in_all: u64,
    subscribes: usize,
    /// The shadow listens to everything the victim listens to: they can be compared.
    compared: bool,
}

impl Bench {
    fn new(depth: usize, seed: u64) -> Bench {
        let stream = StreamConfig::default();
        let config = EngineConfig {
            binance_us: None,
            oanda: None,
            coinbase: Some(CoinbaseSetup { stream, market: MarketFeeds::default(), orders: None }),
            ids: ClientOrderIds::new("xc", 1).unwrap(),
            limits: None,
            breaker: BreakerRules::default(),
            order_limits: OrderLimits::default(),
            reconcile: ReconcileRules::default(),
            book_blocks_max: 1_024,
        };
        let venue_config = Config { depth, seed, ..Config::quiet() };
        let mut bench = Bench {
            engine: Engine::new(config).unwrap(),
            out: FakeOutputs::new(seed, 1),
            venue: Coinbase::new(&venue_config, key(), &["localhost:1".to_owned()], START),
            now: START,
            conn: None,
            connections: 0,
            wire: Vec::new(),
            chunk: usize::MAX,
            shadow: Heard::new(),
            victim: Heard::new(),
            losing: false,
            lost: 0,
            lost_in_all: 0,
            subscribes: 0,
            compared: true,
        };
        for index in 0..SYMBOLS.len() {
            bench.control(Control::Instrument(Box::new(instrument(index))));
        }
        for strategy in [SHADOW, VICTIM] {
            bench.control(Control::AddStrategy(strategy));
        }
        bench
    }

    /// Both strategies listen to everything and hold both books.
    fn streaming(depth: usize, seed: u64) -> Bench {
        let mut bench = Bench::new(depth, seed);
        for strategy in [SHADOW, VICTIM] {
            for index in 0..SYMBOLS.len() {
                bench.subscribe(strategy, index);
            }
        }
        bench.pass_ms(700);
        assert_eq!(bench.shadow.state(0), FollowerState::Whole);
        assert_eq!(bench.victim.state(1), FollowerState::Whole);
        bench
    }

    fn control(&mut self, control: Control) {
        self.apply(Input::Control(control));
    }

    fn subscribe(&mut self, strategy: StrategyId, index: usize) {
        let channels = Channels::BOOK | Channels::TRADES;
        self.control(Control::Subscribe(strategy, InstrumentId(index as u32), channels));
    }

    fn unsubscribe(&mut self, strategy: StrategyId, index: usize) {
        let channels = Channels::BOOK | Channels::TRADES;
        self.control(Control::Unsubscribe(strategy, InstrumentId(index as u32), channels));
    }

    fn apply(&mut self, input: Input<'_>) -> Progress {
        let room = matches!(input, Input::Room { .. });
        let progress = self.engine.apply(UnixNanos(self.now), input, &mut self.out);
        self.account(room);
        let (shadow, victim) = (self.out.take_market(SHADOW), self.out.take_market(VICTIM));
        shadow.iter().for_each(|record| self.shadow.hear(record));
        victim.iter().for_each(|record| self.victim.hear(record));
        if !shadow.is_empty() || !victim.is_empty() {
            self.check();
        }
        progress
    }

    /// The victim's loss, from what was offered to whom: every record of every event from the first one refused until
    /// the gap record is taken. The shadow listens to the same, so what is offered to it alone is lost to the victim.
    fn account(&mut self, room: bool) {
        let mut event = 0;
        for offer in std::mem::take(&mut self.out.offers) {
            let refused = offer.refused.contains(VICTIM);
            if offer.to.contains(SHADOW) {
                event = offer.records as u64;
            }
            match (self.losing, offer.to.contains(VICTIM)) {
                (true, true) => {
                    assert!(room && offer.records == 1, "while it loses only the gap record is offered");
                    if !refused {
                        self.losing = false;
                        self.lost_in_all += self.lost;
                    }
                }
                (true, false) => self.lost += event,
                (false, true) if refused && !room => (self.losing, self.lost) = (true, event),
                (false, _) => {}
            }
        }
    }

    /// A book that is vouched for is the engine's, whatever was refused before.
    fn check(&self) {
        if self.losing || !self.compared {
            return; // it cannot know yet
        }
        for (index, symbol) in SYMBOLS.iter().enumerate() {
            if self.victim.state(index) == FollowerState::Whole {
                assert_eq!(self.shadow.state(index), FollowerState::Whole, "vouches for a doubtful {symbol}");
                for side in [BookSide::Bid, BookSide::Ask] {
                    let (held, engine) = (self.victim.books[index].levels(side), self.shadow.books[index].levels(side));
                    assert!(held.eq(engine), "vouches for a wrong {symbol}");
                }
            }
        }
    }

    fn open(&mut self) {
        self.connections += 1;
        let conn = VenueConn(self.connections);
        let request = Request { method: "GET".into(), path: "/".into(), ..Request::default() };
        self.venue.upgrade(self.now, DOOR_MARKET, conn, &request).unwrap();
        self.conn = Some(conn);
        self.out.restart(MARKET);
        self.apply(Input::Opened { conn: MARKET });
    }

    fn kill(&mut self, why: &str) {
        if let Some(conn) = self.conn.take() {
            self.venue.closed(self.now, conn);
            let mut rest = std::mem::take(&mut self.wire);
            let closed = Closed { why: why.to_owned(), clean: false, began: 0 };
            self.apply(Input::Closed { conn: MARKET, closed, rest: &mut rest });
        }
    }

    /// Lets everything happen that happens without time passing.
    fn pump(&mut self) {
        for turn in 0.. {
            assert!(turn < 10_000, "the engine comes again and again for nothing");
            let due = self.out.dials.iter().position(|(_, at)| at.0 <= self.now);
            if let (None, Some(dial)) = (self.conn, due) {
                self.out.dials.remove(dial);
                self.open();
                continue;
            }
            if let Some((_, why)) = self.out.closes.pop() {
                self.kill(&why);
                continue;
            }
            if let Some(conn) = self.conn {
                for text in client_texts(&self.out.take_sent(MARKET)) {
                    self.subscribes += usize::from(text.contains("\"subscribe\""));
                    self.venue.text(self.now, conn, &text);
                }
            }
            self.venue.tick(self.now);
            for output in self.venue.take_outputs() {
                match output {
                    Output::Text { text, .. } => server_text(&mut self.wire, text.as_bytes()),
                    Output::Ping { .. } => {}
                    Output::Close { .. } => self.kill("closed by the venue"),
                }
            }
            if self.read() {
                continue;
            }
            if self.engine.deadline().is_some_and(|at| at.0 <= self.now) {
                self.apply(Input::Time);
                continue;
            }
            if self.out.closes.is_empty() && self.out.sent[0].is_empty() {
                return;
            }
        }
    }

    /// Gives the engine what is on the wire, a chunk at a time; true if there was anything.
    fn read(&mut self) -> bool {
        let mut inbox = Vec::new();
        let mut wire = std::mem::take(&mut self.wire);
        let any = !wire.is_empty();
        while self.conn.is_some() && self.out.closes.is_empty() {
            let take = self.chunk.min(wire.len());
            inbox.extend(wire.drain(..take));
            let progress = self.apply(Input::Bytes { conn: MARKET, plain: &mut inbox });
            inbox.drain(..progress.consumed);
            if wire.is_empty() && !progress.more {
                break;
            }
        }
        assert!(inbox.is_empty() || self.conn.is_none() || !self.out.closes.is_empty(), "{} unread", inbox.len());
        any
    }

    fn pass_ms(&mut self, ms: u64) {
        let end = self.now + ms * 1_000_000;
        self.pump();
        while self.now < end {
            self.now = (self.now + 25_000_000).min(end);
            self.pump();
        }
    }

    fn give_room(&mut self) -> bool {
        let wants = self.engine.wants_room();
        for strategy in wants.iter() {
            self.apply(Input::Room { strategy });
        }
        !wants.is_empty()
    }

    /// No more refusals: everybody catches up.
    fn calm(&mut self) {
        self.out.refuse(VICTIM, 0);
        // The next heartbeat reveals what was lost last.
        self.pass_ms(1_100);
        for _ in 0..400 {
            self.pass_ms(500);
            let whole = (0..SYMBOLS.len()).all(|i| self.shadow.state(i) == FollowerState::Whole);
            if !self.give_room() && whole {
                return;
            }
        }
        panic!("no calm: {:?} {:?}", self.shadow.books[0].state(), self.engine.wants_room());
    }

    /// The venue's own book, as texts.
    fn truth(&self, index: usize) -> Levels {
        let market = &self.venue.exchange.markets[index];
        let side = |side| {
            let text = |(ticks, lots)| (market.product.price(ticks).to_string(), market.product.size(lots).to_string());
            market.book.levels(side).map(text).collect()
        };
        [side(Side::Buy), side(Side::Sell)]
    }

    fn assert_true_everywhere(&self) {
        for index in 0..SYMBOLS.len() {
            assert_eq!(self.shadow.state(index), FollowerState::Whole);
            assert_same(&self.shadow.levels(index), &self.truth(index), "the engine's book");
            assert_eq!(self.victim.state(index), FollowerState::Whole);
            assert_same(&self.victim.levels(index), &self.truth(index), "the victim's book");
        }
    }
}

type Levels = [Vec<(String, String)>; 2];

fn assert_same(held: &Levels, truth: &Levels, what: &str) {
    for (held, truth) in held.iter().zip(truth) {
        for (held, truth) in held.iter().zip(truth) {
            assert_eq!(held, truth, "{what} is wrong");
        }
        assert_eq!(held.len(), truth.len(), "{what} has too many or too few levels");
    }
}

#[derive(Debug, Clone)]
enum Happening {
    Market(u64),
    LoseFrames(u32),
    Kill,
    Refuse(u64),
    Room(usize),
    Pass(u64),
    Chunk(usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (1u64..25).prop_map(Happening::Market),
        1 => (1u32..3).prop_map(Happening::LoseFrames),
        1 => Just(Happening::Kill),
        3 => prop_oneof![Just(0u64), 5u64..100].prop_map(Happening::Refuse),
        5 => (1usize..5).prop_map(Happening::Room),
        3 => prop_oneof![1u64..100, 100u64..1_500].prop_map(Happening::Pass),
        1 => prop_oneof![Just(usize::MAX), 1_000usize..20_000].prop_map(Happening::Chunk),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    /// Whatever is refused, lost or cut off: a consumer that vouches for a book holds the engine's, it is told exactly
    /// how much it lost, and in the end everybody holds the venue's book.
    #[test]
    fn a_slow_consumer_never_vouches_for_a_wrong_book_and_its_loss_is_counted_exactly(
        seed in 1u64..1_000,
        happenings in proptest::collection::vec(happening(), 1..40),
    ) {
        let mut bench = Bench::streaming(300, seed);
        for happening in happenings {
            match happening {
                Happening::Market(events) => bench.venue.step(bench.now, events),
                Happening::LoseFrames(frames) => bench.venue.frames_to_drop = frames,
                Happening::Kill => bench.kill("reset"),
                Happening::Refuse(percent) => bench.out.refuse(VICTIM, percent),
                Happening::Room(times) => (0..times).for_each(|_| { bench.give_room(); }),
                Happening::Pass(ms) => bench.pass_ms(ms),
                Happening::Chunk(bytes) => bench.chunk = bytes,
            }
            bench.pump();
        }
        bench.venue.frames_to_drop = 0;
        bench.calm();
        bench.assert_true_everywhere();
        prop_assert_eq!(bench.victim.lost_announced, bench.lost_in_all);
        prop_assert_eq!(bench.shadow.lost_announced, 0);
    }
}

#[test]
fn a_book_nobody_listened_to_for_a_while_is_not_handed_over_stale() {
    let mut bench = Bench::streaming(50, 5);
    bench.compared = false;
    for strategy in [SHADOW, VICTIM] {
        bench.unsubscribe(strategy, 0);
    }
    bench.pass_ms(1_000);
    bench.venue.step(bench.now, 200);
    bench.pass_ms(100);
    bench.victim.books[0] = Follower::new(InstrumentId(0), 4_000);
    bench.subscribe(VICTIM, 0);
    for _ in 0..40 {
        bench.give_room();
        let vouched = bench.victim.state(0) == FollowerState::Whole;
        assert!(!vouched || bench.victim.levels(0) == bench.truth(0), "a stale book was handed over as whole");
        bench.pass_ms(25);
    }
    assert!(bench.victim.levels(0) == bench.truth(0));
}

#[test]
fn a_channel_dropped_and_wanted_again_at_once_still_brings_a_book() {
    let mut bench = Bench::streaming(50, 5);
    bench.compared = false;
    for strategy in [SHADOW, VICTIM] {
        bench.unsubscribe(strategy, 0);
    }
    bench.victim.books[0] = Follower::new(InstrumentId(0), 4_000);
    bench.subscribe(VICTIM, 0);
    for _ in 0..200 {
        bench.give_room();
        bench.pass_ms(25);
    }
    assert_eq!(bench.victim.state(0), FollowerState::Whole);
    assert!(bench.victim.levels(0) == bench.truth(0));
}

#[test]
fn a_second_listener_gets_the_book_from_the_engine_and_the_venue_hears_nothing_of_it() {
    let mut bench = Bench::new(300, 11);
    bench.subscribe(SHADOW, 0);
    bench.pass_ms(2_000);
    bench.venue.step(bench.now, 50);
    bench.pass_ms(100);
    let subscribes = bench.subscribes;
    bench.subscribe(VICTIM, 0);
    for _ in 0..10 {
        bench.give_room();
        bench.venue.step(bench.now, 3);
        bench.pump();
    }
    assert_eq!(bench.victim.state(0), FollowerState::Whole);
    assert!(bench.victim.levels(0) == bench.truth(0));
    assert_eq!(bench.subscribes, subscribes);
    assert!(bench.victim.gaps.is_empty(), "it lost nothing: there is no gap");
}

#[test]
fn a_number_given_to_a_new_strategy_inherits_nothing() {
    let mut bench = Bench::streaming(50, 13);
    bench.out.refuse(VICTIM, 100);
    bench.venue.step(bench.now, 50);
    bench.pump();
    bench.control(Control::RemoveStrategy(VICTIM));
    (bench.losing, bench.lost) = (false, 0);
    bench.out.refuse(VICTIM, 0);
    bench.victim = Heard::new();
    bench.control(Control::AddStrategy(VICTIM));
    bench.venue.step(bench.now, 50);
    bench.pump();
    assert!(!bench.give_room(), "nothing is owed to the new one");
    assert!(bench.victim.gaps.is_empty() && bench.victim.state(0) == FollowerState::Void);
    bench.subscribe(VICTIM, 0);
    bench.subscribe(VICTIM, 1);
    bench.calm();
    bench.assert_true_everywhere();
    assert_eq!(bench.victim.lost_announced, 0);
}

#[test]
fn the_same_inputs_give_the_same_outputs_byte_for_byte() {
    let run = || {
        let mut bench = Bench::streaming(100, 17);
        bench.out.refuse(VICTIM, 40);
        for _ in 0..20 {
            bench.venue.step(bench.now, 10);
            bench.pass_ms(100);
            bench.give_room();
        }
        bench.calm();
        (bench.out.notes.clone(), bench.victim.levels(0), bench.lost_in_all, bench.out.counters.get(Counter::Gaps))
    };
    assert_eq!(run(), run());
}
