//! The engine against the pure model of Binance.US over links of different delays, with the model's own message limits: the
//! bench that tests of several files play on.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::contract::ConnId;
use crate::book::{Follower, FollowerState};
use crate::engine::bench_parts::{client_texts, instrument_named, server_text};
use crate::engine::{
    BinanceUsOrders, BinanceUsSetup, Carrier, Closed, Control, Engine, EngineConfig, Input, Outputs, Progress,
};
use crate::guard::{BreakerRules, Limits};
use crate::order::{ClientOrderIds, OrderLimits, ReconcileRules};
use crate::paper::PaperConfig;
use crate::record::{
    BookSide, ConnectionRole, ConnectionState, ExecutionKind, ExecutionRecord, Fixed, Gap, Instrument, InstrumentId,
    Listing, MarketRecord, OrderCommand, RequestId, Side, State, StrategyId, UnixNanos, Venue, View,
};
use crate::sim::binance_us::{
    usual_symbols, BinanceUs, Config, Limits as VenueLimits, DOOR_REST, DOOR_STREAM, DOOR_WS_API,
};
use crate::sim::server::{ConnId as VenueConn, Control as Frame, Output, Request, Response, Venue as _};
use crate::sim::{FakeOutputs, Model as _};
use crate::venue::binance_us::auth::Credentials;
use crate::venue::binance_us::{ApiConfig, BinanceUsEndpoints, OrderConfig, StreamConfig, UserData};
use crate::venue::Channels;
use std::collections::{BTreeMap, VecDeque};

pub(super) const START: u64 = 1_793_613_600_000_000_000;
pub(super) const ME: StrategyId = StrategyId(0);
pub(super) const SYMBOLS: [&str; 2] = ["BTCUSD", "ETHUSD"];
pub(super) const STEP_MS: u64 = 10;

/// One connection: the venue's end, and what is on its way from there.
#[derive(Default)]
pub(super) struct Link {
    pub(super) open: Option<VenueConn>,
    /// How late everything from the venue comes, ms.
    pub(super) delay_ms: u64,
    pub(super) on_the_way: VecDeque<(u64, Vec<u8>)>,
    pub(super) unread: Vec<u8>,
    pub(super) request: Vec<u8>,
}

pub(super) struct Bench {
    pub(super) engine: Engine,
    pub(super) out: FakeOutputs,
    pub(super) venue: BinanceUs,
    pub(super) now: u64,
    pub(super) links: Vec<Link>,
    pub(super) carriers: Vec<Carrier>,
    pub(super) roles: Vec<ConnectionRole>,
    pub(super) connections: u64,
    pub(super) books: Vec<Follower>,
    pub(super) market: Vec<MarketRecord>,
    pub(super) executions: Vec<ExecutionRecord>,
    /// Every trade the venue published, by symbol.
    pub(super) published: BTreeMap<String, Vec<u64>>,
    pub(super) snapshots: usize,
    /// REST requests by method and path.
    pub(super) requests: BTreeMap<String, usize>,
    /// The same, as they came.
    pub(super) asked: Vec<String>,
    /// REST paths that answer 503.
    pub(super) broken: Vec<String>,
    /// Dials of these connections do not succeed.
    pub(super) unreachable: Vec<ConnId>,
}

impl Bench {
    pub(super) fn new(stream: StreamConfig, trades: bool) -> Bench {
        Self::of(stream, trades.then_some(UserData::Signature))
    }

    /// With orders, if it says how the account's events come.
    pub(super) fn of(stream: StreamConfig, user_data: Option<UserData>) -> Bench {
        Self::at(Config::quiet(), stream, user_data, None, None)
    }

    /// A venue whose market is followed, and traded on paper.
    pub(super) fn on_paper(paper: &PaperConfig) -> Bench {
        Self::at(Config::quiet(), StreamConfig::default(), None, None, Some(paper))
    }

    /// With orders, and limits for them.
    pub(super) fn limited(limits: Limits) -> Bench {
        let user_data = Some(UserData::Signature);
        let mut bench = Self::at(Config::quiet(), StreamConfig::default(), user_data, Some(limits), None);
        bench.pass_ms(3_000);
        bench
    }

    /// A venue that tells changes of books every 100 ms, as the real one does.
    pub(super) fn on_the_grid() -> Bench {
        let depth_grid_ns = Config::default().depth_grid_ns;
        Self::at(Config { depth_grid_ns, ..Config::quiet() }, StreamConfig::default(), None, None, None)
    }

    fn at(
        venue_config: Config,
        stream: StreamConfig,
        user_data: Option<UserData>,
        limits: Option<Limits>,
        paper: Option<&PaperConfig>,
    ) -> Bench {
        let venue_config = Config { limits: VenueLimits::default(), ..venue_config };
        let endpoints = BinanceUsEndpoints::default();
        let key = Credentials::new(venue_config.key.key(), venue_config.key.secret()).unwrap();
        let api = ApiConfig {
            replace_after_ms: stream.replace_after_ms,
            overlap_ms: stream.overlap_ms,
            ..ApiConfig::default()
        };
        let orders = user_data.map(|user_data| BinanceUsOrders {
            key: key.into(),
            api,
            user_data,
            api_connections: 1,
            rest_connections: 1,
        });
        let config = EngineConfig {
            coinbase: None,
            oanda: None,
            binance_us: Some(BinanceUsSetup {
                rest: endpoints.rest,
                stream,
                session: OrderConfig::default(),
                market_connections_max: 2,
                snapshot_levels: 1_000,
                warm_every_ms: 15_000,
                orders,
            }),
            ids: ClientOrderIds::new("xc", 1).unwrap(),
            limits,
            breaker: BreakerRules::default(),
            order_limits: OrderLimits::default(),
            reconcile: ReconcileRules::default(),
            book_blocks_max: 256,
        };
        let engine = Engine::new(config).unwrap();
        let engine = match paper {
            Some(paper) => engine.trading_on_paper(paper),
            None => engine,
        };
        let slots = engine.slots();
        let mut bench = Bench {
            out: FakeOutputs::new(7, slots.len()),
            engine,
            venue: BinanceUs::new(&venue_config, START),
            now: START,
            links: slots.iter().map(|_| Link::default()).collect(),
            carriers: slots.iter().map(|slot| slot.carrier).collect(),
            roles: slots.iter().map(|slot| slot.role).collect(),
            connections: 0,
            books: Vec::new(),
            market: Vec::new(),
            executions: Vec::new(),
            published: BTreeMap::new(),
            snapshots: 0,
            requests: BTreeMap::new(),
            asked: Vec::new(),
            broken: Vec::new(),
            unreachable: Vec::new(),
        };
        bench.apply(Input::Control(Control::AddStrategy(ME)));
        for (index, symbol) in SYMBOLS.iter().enumerate() {
            bench.know(index as u32, symbol);
        }
        bench
    }

    /// An instrument of the venue under this number.
    pub(super) fn know(&mut self, number: u32, symbol: &str) {
        let market = usual_symbols().into_iter().find(|s| s.id == *symbol).unwrap();
        let named = instrument_named(number, &format!("{}-{}", market.base, market.quote));
        let listing = Listing {
            venue: Venue::BinanceUs,
            symbol: symbol.into(),
            tick: Fixed::new(1, -(market.price_digits as i8)),
            lot: Fixed::new(1, -(market.quantity_digits as i8)),
            ..named.listing
        };
        let instrument = Instrument::new(named.id, named.base, named.quote, listing);
        self.books.push(Follower::new(instrument.id, 4_000));
        self.apply(Input::Control(Control::Instrument(Box::new(instrument))));
    }

    pub(super) fn subscribe(&mut self, number: u32, channels: Channels) {
        self.apply(Input::Control(Control::Subscribe(ME, InstrumentId(number), channels)));
    }

    /// Both books whole, trades flowing.
    pub(super) fn streaming(stream: StreamConfig) -> Bench {
        let mut bench = Bench::new(stream, false);
        bench.subscribe_all();
        bench.pass_ms(2_000);
        assert!(bench.books.iter().all(|book| book.state() == FollowerState::Whole), "{:?}", bench.out.notes);
        bench
    }

    pub(super) fn subscribe_all(&mut self) {
        for index in 0..SYMBOLS.len() {
            let channels = Channels::BOOK | Channels::TRADES | Channels::TICKER;
            self.apply(Input::Control(Control::Subscribe(ME, InstrumentId(index as u32), channels)));
        }
    }

    pub(super) fn apply(&mut self, input: Input<'_>) -> Progress {
        let progress = self.engine.apply(UnixNanos(self.now), input, &mut self.out);
        for record in self.out.take_market(ME) {
            for book in &mut self.books {
                book.apply(&record);
            }
            self.market.push(record);
        }
        self.executions.append(&mut self.out.executions[ME.index()]);
        progress
    }

    /// Lets everything happen that happens without time passing.
    pub(super) fn pump(&mut self) {
        for turn in 0.. {
            assert!(turn < 10_000, "the engine comes again and again for nothing");
            let mut worked = self.dial_and_close();
            for index in 0..self.links.len() {
                worked |= self.carry_up(index);
            }
            self.venue.tick(self.now);
            self.take_outputs();
            for index in 0..self.links.len() {
                worked |= self.carry_down(index);
            }
            if self.engine.deadline().is_some_and(|at| at.0 <= self.now) {
                self.apply(Input::Time);
                worked = true;
            }
            if !worked {
                return;
            }
        }
    }

    pub(super) fn dial_and_close(&mut self) -> bool {
        let mut worked = false;
        while let Some(due) = self.out.dials.iter().position(|(_, at)| at.0 <= self.now) {
            let (conn, _) = self.out.dials.remove(due);
            worked = true;
            if self.unreachable.contains(&conn) {
                let closed = Closed { why: "unreachable".into(), clean: false, began: 0 };
                self.apply(Input::Closed { conn, closed, rest: &mut [] });
                continue;
            }
            self.connections += 1;
            let venue_conn = VenueConn(self.connections);
            let (door, path) = match self.carriers[conn.index()] {
                Carrier::Stream => (DOOR_STREAM, "/stream".to_owned()),
                Carrier::Events => (DOOR_STREAM, format!("/ws/{}", self.out.addresses[conn.index()])),
                Carrier::Api => (DOOR_WS_API, "/ws-api/v3".to_owned()),
                Carrier::Rest => (DOOR_REST, String::new()),
            };
            if door != DOOR_REST {
                let request = Request { method: "GET".into(), path, ..Request::default() };
                self.venue.upgrade(self.now, door, venue_conn, &request).unwrap();
            }
            let delay_ms = self.links[conn.index()].delay_ms;
            self.links[conn.index()] = Link { open: Some(venue_conn), delay_ms, ..Link::default() };
            self.out.restart(conn);
            self.apply(Input::Opened { conn });
        }
        for (conn, why) in std::mem::take(&mut self.out.closes) {
            worked = true;
            self.cut(conn, &why);
        }
        worked
    }

    pub(super) fn cut(&mut self, conn: ConnId, why: &str) {
        let link = &mut self.links[conn.index()];
        if let Some(venue_conn) = link.open.take() {
            self.venue.closed(self.now, venue_conn);
            link.on_the_way.clear();
            let closed = Closed { why: why.to_owned(), clean: false, began: u64::MAX };
            self.apply(Input::Closed { conn, closed, rest: &mut [] });
        }
    }

    /// From us to the venue, at once.
    pub(super) fn carry_up(&mut self, index: usize) -> bool {
        let bytes = self.out.take_sent(ConnId(index as u16));
        let Some(conn) = self.links[index].open else { return false };
        if bytes.is_empty() {
            return false;
        }
        let id = ConnId(index as u16);
        let total = self.out.transmit(id, |_| ());
        self.apply(Input::Written { conn: id, began: total, total });
        if self.carriers[index] == Carrier::Rest {
            self.links[index].request.extend(bytes);
            self.answer_request(index);
            return true;
        }
        if bytes[0] & 0x0f == 0x0a {
            self.venue.control(self.now, conn, &Frame::Pong(Vec::new()));
            return true;
        }
        for text in client_texts(&bytes) {
            self.venue.text(self.now, conn, &text);
        }
        true
    }

    pub(super) fn answer_request(&mut self, index: usize) {
        let text = String::from_utf8(std::mem::take(&mut self.links[index].request)).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").expect("whole requests");
        let mut lines = head.lines();
        let mut first = lines.next().unwrap().split(' ');
        let (method, target) = (first.next().unwrap(), first.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = lines.filter_map(|line| line.split_once(": "));
        let request = Request {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(),
            body: body.as_bytes().to_vec(),
        };
        self.snapshots += usize::from(path.ends_with("/depth"));
        *self.requests.entry(format!("{method} {path}")).or_default() += 1;
        self.asked.push(format!("{method} {path}"));
        self.venue.arrived(self.now, DOOR_REST, &request);
        let reply = match self.broken.contains(&request.path) {
            true => Response::html(503, "<html>trouble</html>"),
            false => self.venue.http(self.now, DOOR_REST, &request),
        };
        let mut bytes = format!("HTTP/1.1 {} -\r\nContent-Length: {}\r\n", reply.status, reply.body.len());
        for (name, value) in &reply.headers {
            bytes.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut bytes = (bytes + "\r\n").into_bytes();
        bytes.extend(reply.body);
        let at = self.now + self.links[index].delay_ms * 1_000_000;
        self.links[index].on_the_way.push_back((at, bytes));
    }

    pub(super) fn take_outputs(&mut self) {
        for output in self.venue.take_outputs() {
            let (conn, bytes) = match output {
                Output::Text { conn, text } => {
                    self.note_trade(&text);
                    let mut bytes = Vec::new();
                    server_text(&mut bytes, text.as_bytes());
                    (conn, bytes)
                }
                Output::Ping { conn, payload } => (conn, [&[0x89, payload.len() as u8][..], &payload].concat()),
                Output::Close { conn, how } => {
                    let link = self.links.iter().position(|link| link.open == Some(conn));
                    panic!("the venue closes {link:?}: {how:?}");
                }
            };
            if let Some(link) = self.links.iter_mut().find(|link| link.open == Some(conn)) {
                link.on_the_way.push_back((self.now + link.delay_ms * 1_000_000, bytes));
            }
        }
    }

    pub(super) fn note_trade(&mut self, text: &str) {
        let message: serde_json::Value = serde_json::from_str(text).unwrap();
        let event = &message["data"];
        if event["e"] == "trade" {
            let ids = self.published.entry(event["s"].as_str().unwrap().to_owned()).or_default();
            let id = event["t"].as_u64().unwrap();
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }

    /// From the venue to us, as late as the link is.
    pub(super) fn carry_down(&mut self, index: usize) -> bool {
        let mut worked = false;
        while let Some((due, _)) = self.links[index].on_the_way.front() {
            if *due > self.now {
                break;
            }
            let (_, bytes) = self.links[index].on_the_way.pop_front().unwrap();
            worked = true;
            let mut unread = std::mem::take(&mut self.links[index].unread);
            unread.extend(bytes);
            loop {
                let progress = self.apply(Input::Bytes { conn: ConnId(index as u16), plain: &mut unread });
                unread.drain(..progress.consumed);
                if !progress.more {
                    break;
                }
            }
            self.links[index].unread = unread;
        }
        worked
    }

    pub(super) fn pass_ms(&mut self, ms: u64) {
        self.pass(ms / STEP_MS, STEP_MS);
    }

    /// Seconds in which nobody looks closely.
    pub(super) fn pass_s(&mut self, s: u64) {
        self.pass(s, 1_000);
    }

    fn pass(&mut self, steps: u64, step_ms: u64) {
        self.pump();
        for _ in 0..steps {
            self.now += step_ms * 1_000_000;
            self.pump();
        }
    }

    /// A lively market for so long.
    pub(super) fn trade_ms(&mut self, ms: u64) {
        for _ in 0..ms / (4 * STEP_MS) {
            self.venue.step(self.now, 4);
            self.pass_ms(4 * STEP_MS);
        }
    }

    /// The connections of this role that are open.
    pub(super) fn open(&self, role: ConnectionRole) -> Vec<ConnId> {
        let of_role = |(index, link): (usize, &Link)| {
            (link.open.is_some() && self.roles[index] == role).then_some(ConnId(index as u16))
        };
        self.links.iter().enumerate().filter_map(of_role).collect()
    }

    /// The other one of its pair.
    pub(super) fn partner_of(&self, conn: ConnId) -> ConnId {
        self.engine.conns[conn.index()].partner.unwrap()
    }

    pub(super) fn gaps(&self) -> Vec<Gap> {
        self.market.iter().filter_map(|r| if let View::Gap(gap) = r.view() { Some(gap) } else { None }).collect()
    }

    pub(super) fn states(&self, role: ConnectionRole) -> Vec<ConnectionState> {
        let state = |r: &MarketRecord| match r.view() {
            View::State(State { role: of, state, .. }) if of == role => Some(state),
            _ => None,
        };
        self.market.iter().filter_map(state).collect()
    }

    /// Every trade the venue published, once each.
    #[track_caller]
    pub(super) fn assert_every_trade_once(&self) {
        for (index, symbol) in SYMBOLS.iter().enumerate() {
            let id = |r: &MarketRecord| match r.view() {
                View::Trade(trade) if r.instrument() == InstrumentId(index as u32) => Some(trade.trade_id),
                _ => None,
            };
            let mut told: Vec<u64> = self.market.iter().filter_map(id).collect();
            told.sort_unstable();
            assert!(told.len() > 10, "{symbol}: {} trades", told.len());
            assert_eq!(told, self.published[*symbol], "{symbol}");
            assert!(told.windows(2).all(|ids| ids[1] == ids[0] + 1), "{symbol}: the venue numbers them one by one");
        }
    }

    /// The venue's best bid and ask now, as mantissas.
    pub(super) fn venue_best(&self, symbol: &str) -> [i64; 2] {
        let (bid, ask) = self.venue.best(symbol).unwrap();
        let number = SYMBOLS.iter().position(|known| *known == symbol).unwrap();
        let traded = self.engine.market.get(InstrumentId(number as u32)).unwrap();
        let (price_exponent, _) = traded.instrument.exponents();
        let mantissa = |price: rust_decimal::Decimal| Fixed::parse(&price.to_string()).unwrap().rescale(price_exponent);
        [bid, ask].map(|price| mantissa(price.unwrap()).unwrap())
    }

    #[track_caller]
    pub(super) fn assert_books_are_the_venues(&mut self) {
        for (book, symbol) in self.books.iter().zip(SYMBOLS) {
            let query = format!("symbol={symbol}&limit=5000");
            let request = Request { method: "GET".into(), path: "/api/v3/depth".into(), query, ..Request::default() };
            let reply = self.venue.http(self.now, DOOR_REST, &request);
            let truth: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            for (side, name) in [(BookSide::Bid, "bids"), (BookSide::Ask, "asks")] {
                let number = |text: &str| text.parse::<rust_decimal::Decimal>().unwrap();
                let held: Vec<_> =
                    book.levels(side).map(|l| (number(&l.price.to_string()), number(&l.size.to_string()))).collect();
                let of = |v: &serde_json::Value| number(v.as_str().unwrap());
                let truth: Vec<_> = truth[name].as_array().unwrap().iter().map(|l| (of(&l[0]), of(&l[1]))).collect();
                assert!(held == truth, "{symbol} {name}");
            }
            assert_eq!(book.state(), FollowerState::Whole);
        }
    }

    pub(super) fn submit(&mut self, number: u32, command: OrderCommand) -> RequestId {
        let request = RequestId::new(ME, number.into());
        let command = command.stamped(request, UnixNanos(self.now));
        self.apply(Input::Command(&command));
        request
    }

    /// A bid for 0.1 BTC far below the market.
    pub(super) fn resting_bid(&self) -> OrderCommand {
        let [price, size] = ["50000", "0.1"].map(|text| Fixed::parse(text).unwrap());
        let (price_exponent, size_exponent) = self.engine.market.get(InstrumentId(0)).unwrap().instrument.exponents();
        let (price, size) = (price.rescale(price_exponent).unwrap(), size.rescale(size_exponent).unwrap());
        OrderCommand::limit(InstrumentId(0), Side::Buy, price, size)
    }

    pub(super) fn kinds(&self, request: RequestId) -> Vec<ExecutionKind> {
        self.executions.iter().filter(|r| r.request == request).map(|r| r.kind).collect()
    }
}
