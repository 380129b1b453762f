//! Trading on paper through the whole engine: over a market that is made up by the pure model of the venue, and over a
//! recording of it.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::bench_parts::{client_texts, instrument, key, server_text};
use super::*;
use crate::book::{Follower, FollowerState};
use crate::guard::{BreakerRules, InstrumentLimits, Limits, OrderRate, VenueLimits};
use crate::order::{ClientOrderIds, OrderLimits};
use crate::paper::PaperConfig;
use crate::record::{
    BookSide, ExecutionKind as K, ExecutionRecord, GuardEvent, InstrumentId, OrderCommand, OrderRef, RejectClass,
    RequestId, Side, StrategyId, TimeInForce,
};
use crate::sim::coinbase::{Coinbase, Config, DOOR_MARKET};
use crate::sim::server::{ConnId as VenueConn, Output, Request, Venue as _};
use crate::sim::{FakeOutputs, Model, MILLISECOND_NS};
use crate::venue::coinbase::{MarketFeeds, StreamConfig};
use crate::venue::Channels;
use rust_decimal::Decimal;

const START: u64 = 1_793_613_600_000_000_000;
const ME: StrategyId = StrategyId(0);
const BTC: InstrumentId = InstrumentId(0);
const MARKET: ConnId = ConnId(0);

/// One input as it was given, to be given again.
enum Logged {
    Opened,
    Bytes(Vec<u8>),
    Time,
    Command(OrderCommand),
}

fn paper(command_ms: u64, event_ms: u64) -> PaperConfig {
    let paper = PaperConfig::new(Venue::Coinbase);
    let paper = paper.balance("USD", Decimal::from(10_000_000)).unwrap();
    let paper = paper.balance("BTC", Decimal::from(100)).unwrap();
    paper.latency_ns(command_ms * MILLISECOND_NS, event_ms * MILLISECOND_NS).unwrap()
}

/// An engine that trades BTC-USD on paper. Nobody listens to the market: the paper venue sees to it that it is kept.
fn engine(paper: &PaperConfig, limits: Option<Limits>) -> (Engine, FakeOutputs) {
    let market = MarketFeeds::default();
    let config = EngineConfig {
        binance_us: None,
        oanda: None,
        coinbase: Some(CoinbaseSetup { stream: StreamConfig::default(), market, orders: None }),
        ids: ClientOrderIds::new("xc", 1).unwrap(),
        limits,
        order_limits: OrderLimits::default(),
        reconcile: ReconcileRules::default(),
        book_blocks_max: 1_024,
        breaker: BreakerRules::default(),
    };
    let mut engine = Engine::new(config).unwrap().trading_on_paper(paper);
    let mut out = FakeOutputs::new(7, engine.slots().len());
    engine.apply(UnixNanos(START), Input::Control(Control::AddStrategy(ME)), &mut out);
    engine.apply(UnixNanos(START), Input::Control(Control::Instrument(Box::new(instrument(0)))), &mut out);
    (engine, out)
}

struct Bench {
    engine: Engine,
    out: FakeOutputs,
    venue: Coinbase,
    now: u64,
    conn: Option<VenueConn>,
    book: Follower,
    log: Vec<(u64, Logged)>,
    requests: u64,
}

impl Bench {
    fn new(paper: &PaperConfig, limits: Option<Limits>) -> Bench {
        let (engine, out) = engine(paper, limits);
        let venue = Config { depth: 30, seed: 11, ..Config::quiet() };
        let venue = Coinbase::new(&venue, key(), &[], START);
        let book = Follower::new(BTC, 4_000);
        let mut bench = Bench { engine, out, venue, now: START, conn: None, book, log: vec![], requests: 0 };
        bench.pass_ms(1_500);
        bench
    }

    /// With a strategy that listens to the book, so that it can see what it trades against.
    fn listening(paper: &PaperConfig) -> Bench {
        let mut bench = Bench::new(paper, None);
        let listens = Control::Subscribe(ME, BTC, Channels::BOOK);
        bench.engine.apply(UnixNanos(bench.now), Input::Control(listens), &mut bench.out);
        bench.pass_ms(500);
        assert_eq!(bench.book.state(), FollowerState::Whole);
        bench.log.clear();
        bench
    }

    fn give(&mut self, input: Logged) {
        apply(&mut self.engine, &mut self.out, self.now, &input, usize::MAX);
        self.log.push((self.now, input));
        for record in self.out.take_market(ME) {
            self.book.apply(&record);
        }
    }

    fn pump(&mut self) {
        for turn in 0.. {
            assert!(turn < 10_000, "the engine comes again and again for nothing");
            if let (None, Some(dial)) = (self.conn, self.out.dials.iter().position(|(_, at)| at.0 <= self.now)) {
                self.out.dials.remove(dial);
                let request = Request { method: "GET".into(), path: "/".into(), ..Request::default() };
                self.venue.upgrade(self.now, DOOR_MARKET, VenueConn(1), &request).unwrap();
                self.conn = Some(VenueConn(1));
                self.give(Logged::Opened);
                continue;
            }
            for text in client_texts(&self.out.take_sent(MARKET)) {
                assert!(!text.contains("\"user\""), "no account is asked for: {text}");
                self.venue.text(self.now, VenueConn(1), &text);
            }
            self.venue.tick(self.now);
            let mut wire = Vec::new();
            for output in self.venue.take_outputs() {
                if let Output::Text { text, .. } = output {
                    server_text(&mut wire, text.as_bytes());
                }
            }
            if !wire.is_empty() {
                self.give(Logged::Bytes(wire));
                continue;
            }
            let wants = self.engine.wants_room();
            for strategy in wants.iter() {
                self.engine.apply(UnixNanos(self.now), Input::Room { strategy }, &mut self.out);
            }
            if !wants.is_empty() {
                continue;
            }
            if self.engine.deadline().is_some_and(|at| at.0 <= self.now) {
                self.give(Logged::Time);
                continue;
            }
            if self.out.sent[0].is_empty() {
                return;
            }
        }
    }

    fn pass_ms(&mut self, ms: u64) {
        for _ in 0..ms.div_ceil(5) {
            self.pump();
            self.now += 5 * MILLISECOND_NS;
        }
        self.pump();
    }

    fn submit(&mut self, command: OrderCommand) -> RequestId {
        self.requests += 1;
        let request = RequestId::new(ME, self.requests);
        self.give(Logged::Command(command.stamped(request, UnixNanos(self.now))));
        request
    }

    fn best(&self, side: BookSide) -> i64 {
        self.book.levels(side).next().unwrap().price.rescale(-8).unwrap()
    }

    fn kinds(&self, request: RequestId) -> Vec<K> {
        let of = self.out.executions[0].iter().filter(|record| record.request == request);
        of.map(|record| record.kind).filter(|kind| *kind != K::FillDetail).collect()
    }
}

/// Gives one input, bytes in pieces of at most `chunk`.
fn apply(engine: &mut Engine, out: &mut FakeOutputs, now: u64, input: &Logged, chunk: usize) {
    let now = UnixNanos(now);
    match input {
        Logged::Opened => {
            engine.apply(now, Input::Opened { conn: MARKET }, out);
        }
        Logged::Time => {
            engine.apply(now, Input::Time, out);
        }
        Logged::Command(command) => {
            engine.apply(now, Input::Command(command), out);
        }
        Logged::Bytes(bytes) => {
            let (mut inbox, mut rest) = (Vec::new(), &bytes[..]);
            loop {
                let (piece, behind) = rest.split_at(chunk.min(rest.len()));
                inbox.extend_from_slice(piece);
                rest = behind;
                let progress = engine.apply(now, Input::Bytes { conn: MARKET, plain: &mut inbox }, out);
                inbox.drain(..progress.consumed);
                if rest.is_empty() && !progress.more {
                    assert!(inbox.is_empty(), "{} bytes unread", inbox.len());
                    return;
                }
            }
        }
    }
}

/// A strategy of sorts: joins both sides, takes now and then, and cancels what has rested for long.
fn trade(bench: &mut Bench) {
    let lot = 1_000_000;
    let mut resting = Vec::new();
    for turn in 0..120i64 {
        bench.venue.step(bench.now, 12);
        bench.pass_ms(20);
        let (bid, ask) = (bench.best(BookSide::Bid), bench.best(BookSide::Ask));
        resting.push(bench.submit(OrderCommand::limit(BTC, Side::Buy, bid, lot * (1 + turn % 7)).post_only()));
        resting.push(bench.submit(OrderCommand::limit(BTC, Side::Sell, ask, lot * (1 + turn % 5)).post_only()));
        if turn % 4 == 0 {
            let (side, price) = if turn % 8 == 0 { (Side::Buy, ask) } else { (Side::Sell, bid) };
            let taking = OrderCommand::limit(BTC, side, price, lot * 300);
            bench.submit(taking.time_in_force(TimeInForce::ImmediateOrCancel));
        }
        if resting.len() > 12 {
            for request in resting.drain(..4) {
                bench.submit(OrderCommand::cancel(BTC, OrderRef::Request(request)));
            }
        }
    }
    bench.pass_ms(200);
}

#[test]
fn a_recording_is_traded_on_alike_however_its_bytes_are_cut() {
    let mut bench = Bench::new(&paper(7, 3), None);
    let listens = Control::Subscribe(ME, BTC, Channels::BOOK);
    bench.engine.apply(UnixNanos(bench.now), Input::Control(listens), &mut bench.out);
    let subscribed_at = bench.log.len();
    bench.pass_ms(500);
    trade(&mut bench);
    let live = &bench.out.executions[0];
    let count = |kind: K| live.iter().filter(|record| record.kind == kind).count();
    assert!(count(K::Filled) > 10 && count(K::Cancelled) > 20, "{} {}", count(K::Filled), count(K::Cancelled));

    for chunk in [usize::MAX, 700] {
        let (mut engine, mut out) = engine(&paper(7, 3), None);
        for (index, (now, input)) in bench.log.iter().enumerate() {
            if index == subscribed_at {
                engine.apply(UnixNanos(*now), Input::Control(Control::Subscribe(ME, BTC, Channels::BOOK)), &mut out);
            }
            apply(&mut engine, &mut out, *now, input, chunk);
        }
        assert_eq!(out.executions[0].len(), live.len());
        for (again, before) in out.executions[0].iter().zip(live) {
            assert_eq!(again, before, "in pieces of {chunk}");
        }
        assert_eq!(engine.paper_balances(Venue::Coinbase), bench.engine.paper_balances(Venue::Coinbase));
    }
}

#[test]
fn commands_and_news_travel_as_long_as_they_are_told_to() {
    let mut bench = Bench::listening(&paper(10, 20));
    let price = bench.best(BookSide::Bid) / 2 / 1_000_000 * 1_000_000;
    let request = bench.submit(OrderCommand::limit(BTC, Side::Buy, price, 1_000_000));
    let submitted = bench.now;
    let arrives = bench.engine.deadline().unwrap();
    assert!(arrives <= UnixNanos(submitted + 10 * MILLISECOND_NS));
    bench.pass_ms(25);
    assert_eq!(bench.kinds(request), []);
    bench.pass_ms(5);
    assert_eq!(bench.kinds(request), [K::Accepted]);
    let accepted = bench.out.executions[0].iter().find(|record| record.request == request).unwrap();
    assert_eq!((accepted.sent.0, accepted.recv.0), (submitted, submitted + 30 * MILLISECOND_NS));
}

#[test]
fn limits_and_the_kill_switch_guard_paper_as_they_guard_money() {
    let limits = Limits::new().every_instrument(InstrumentLimits {
        order_size_max: Some(crate::record::Fixed::new(5, -2)),
        ..InstrumentLimits::default()
    });
    let mut bench = Bench::new(&paper(0, 0), Some(limits));
    let price = 50_000 * 100_000_000;
    let large = bench.submit(OrderCommand::limit(BTC, Side::Buy, price, 6_000_000));
    let small = bench.submit(OrderCommand::limit(BTC, Side::Buy, price, 5_000_000));
    bench.pass_ms(10);
    assert_eq!((bench.kinds(large), bench.kinds(small)), (vec![K::Rejected], vec![K::Accepted]));
    let kill = Input::Control(Control::Kill(KillScope::Ours));
    bench.engine.apply(UnixNanos(bench.now), kill, &mut bench.out);
    bench.pass_ms(1_100);
    assert_eq!(bench.kinds(small), [K::Accepted, K::Cancelled]);
    let confirmed = |record: &&ExecutionRecord| record.guard == GuardEvent::KillConfirmed;
    assert_eq!(bench.out.executions[0].iter().filter(confirmed).count(), 1);
    let late = bench.submit(OrderCommand::limit(BTC, Side::Buy, price, 1_000_000));
    let refused = bench.out.executions[0].iter().find(|record| record.request == late).unwrap();
    assert_eq!((refused.kind, refused.reject), (K::Rejected, RejectClass::Stopped));
}

#[test]
fn a_position_begins_with_what_the_account_has_however_late_its_news_come() {
    for event_ms in [0, 400] {
        let bench = Bench::new(&paper(0, event_ms), None);
        let held = bench.engine.trading.orders.exposure(BTC);
        assert_eq!((held.position, held.position_known), (100 * 100_000_000, true), "{event_ms} ms");
    }
}

#[test]
fn no_change_leaves_before_every_venue_is_reconciled() {
    let mut bench = Bench::new(&paper(0, 0), None);
    let price = 50_000 * 100_000_000;
    let order = bench.submit(OrderCommand::limit(BTC, Side::Buy, price, 1_000_000));
    bench.pass_ms(10);
    let change = OrderCommand::replace(BTC, OrderRef::Request(order), price / 2, 1_000_000);
    // Orders are traded elsewhere too, and nobody has listed them yet.
    bench.engine.trading.desks.get_mut(Venue::Oanda).user = Some(ConnId(0));
    let early = bench.submit(change);
    bench.engine.trading.desks.get_mut(Venue::Oanda).user = None;
    let late = bench.submit(change);
    bench.pass_ms(10);
    let refused = bench.out.executions[0].iter().find(|record| record.request == early).unwrap();
    assert_eq!((refused.kind, refused.reject), (K::ReplaceRejected, RejectClass::NotConnected));
    assert_eq!(bench.kinds(late), [K::Replaced]);
}

#[test]
fn a_change_counts_to_our_own_order_rate_and_a_refused_one_does_not() {
    let rate = Some(OrderRate { orders: 2, window_ms: 60_000 });
    let limits = VenueLimits { order_rate_max: rate, ..VenueLimits::default() };
    let mut bench = Bench::new(&paper(0, 0), Some(Limits::new().venue(Venue::Coinbase, limits)));
    let price = 50_000 * 100_000_000;
    let order = bench.submit(OrderCommand::limit(BTC, Side::Buy, price, 1_000_000));
    bench.pass_ms(10);
    let change = |price| OrderCommand::replace(BTC, OrderRef::Request(order), price, 1_000_000);
    let nothing = bench.submit(change(price));
    assert_eq!(bench.kinds(nothing), [K::ReplaceRejected], "nothing would change");
    let second = bench.submit(change(price / 2));
    bench.pass_ms(10);
    assert_eq!(bench.kinds(second), [K::Replaced]);
    let third = bench.submit(change(price / 4));
    let refused = bench.out.executions[0].iter().find(|record| record.request == third).unwrap();
    assert_eq!((refused.kind, refused.reject), (K::ReplaceRejected, RejectClass::RateLimited));
}

#[test]
fn while_the_book_is_doubtful_nothing_is_taken_and_nothing_is_filled() {
    let mut bench = Bench::listening(&paper(0, 0));
    let ask = bench.best(BookSide::Ask);
    let closed = Closed { why: "cut".to_owned(), clean: false, began: 0 };
    bench.engine.apply(UnixNanos(bench.now), Input::Closed { conn: MARKET, closed, rest: &mut [] }, &mut bench.out);
    let request = bench.submit(OrderCommand::limit(BTC, Side::Buy, ask, 1_000_000));
    let refused = bench.out.executions[0].iter().find(|record| record.request == request).unwrap();
    assert_eq!((refused.kind, refused.reject), (K::Rejected, RejectClass::Busy));
    assert!(refused.retry_at().is_some() && !refused.sent.is_some());
}

#[test]
fn a_cancel_and_an_order_in_one_are_refused_while_the_book_is_doubtful_and_the_order_stands() {
    let paper = PaperConfig::new(Venue::BinanceUs).balance("USD", Decimal::from(1_000_000)).unwrap();
    let mut bench = super::binance_us_bench::Bench::on_paper(&paper);
    bench.subscribe(0, Channels::BOOK);
    bench.pass_ms(2_000);
    let bid = bench.resting_bid();
    let old = bench.submit(1, bid);
    bench.pass_ms(100);
    assert_eq!(bench.kinds(old), [K::Accepted]);
    bench.cut(MARKET, "cut");
    let dearer = OrderCommand::replace(BTC, OrderRef::Request(old), bid.price() / 2, bid.quantity());
    let swaps = [(2, dearer), (3, dearer.place_anyway())].map(|(number, swap)| bench.submit(number, swap));
    for swap in swaps {
        let refused = bench.executions.iter().find(|record| record.request == swap).unwrap();
        assert_eq!(refused.reject, RejectClass::Busy);
        assert!(refused.retry_at().is_some() && !refused.sent.is_some());
    }
    bench.pass_ms(5_000);
    assert_eq!((bench.books[0].state(), bench.kinds(old)), (FollowerState::Whole, vec![K::Accepted]));
    let swap = bench.submit(4, dearer);
    bench.pass_ms(100);
    assert_eq!((bench.kinds(old), bench.kinds(swap)), (vec![K::Accepted, K::Cancelled], vec![K::Accepted]));
}

#[test]
fn fills_are_listed_with_their_price_and_fee_as_a_venue_lists_them() {
    let mut bench = Bench::listening(&paper(0, 0));
    let ask = bench.best(BookSide::Ask);
    let order = OrderCommand::limit(BTC, Side::Buy, ask, 1_000_000).time_in_force(TimeInForce::ImmediateOrCancel);
    let request = bench.submit(order);
    bench.pass_ms(30_000);
    let details: Vec<_> =
        bench.out.executions[0].iter().filter(|r| r.request == request && r.kind == K::FillDetail).collect();
    let [detail] = details[..] else { panic!("{details:?}") };
    assert_eq!((detail.last_price, detail.last_quantity), (ask, 1_000_000));
    assert!(!detail.fee().is_zero() && detail.execution_id.as_str() == "paper-1");
}
