//! Once warm, no market message and no order command makes the engine allocate: bytes in, records and requests out.
//!
//! The engine runs here without sockets and threads, so that every allocation counted is its own. Tokens come from
//! outside and are handed back; buffers for what is sent belong to the sink and are large enough.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use exchange_connectors::engine::{
    CoinbaseOrders, CoinbaseSetup, ConnId, Control, Engine, EngineConfig, Input, Note, Outputs, Progress, StrategySet,
    TOKEN_SLOT_USER,
};
use exchange_connectors::order::{ClientOrderIds, OrderLimits, ReconcileRules};
use exchange_connectors::record::{
    AssetId, ExecutionKind, ExecutionRecord, Fixed, Instrument, InstrumentId, Listing, MarketRecord, OrderCommand,
    OrderRef, RequestId, Side, StatisticsRecord, StrategyId, TradingStatus, UnixNanos, Venue,
};
use exchange_connectors::telemetry::Counter;
use exchange_connectors::venue::coinbase::request::TokenPath;
use exchange_connectors::venue::coinbase::{Endpoint, OrderConfig, StreamConfig};
use exchange_connectors::venue::Channels;
use std::collections::BTreeMap;

const START: UnixNanos = UnixNanos(1_790_735_993_000_000_000);
const BTC: InstrumentId = InstrumentId(0);
const STRATEGY: StrategyId = StrategyId(0);
const MARKET: ConnId = ConnId(0);
const USER: ConnId = ConnId(1);
/// Orders, cancels and listings: one connection each.
const REST: [ConnId; 3] = [ConnId(2), ConnId(3), ConnId(4)];

/// Takes everything; its own memory is there from the start.
struct Sink {
    sent: Vec<Vec<u8>>,
    offsets: Vec<u64>,
    executions: Vec<ExecutionRecord>,
    retired: Vec<Box<str>>,
    records: u64,
    statistics: u64,
    anomalies: u64,
    gaps: u64,
}

impl Sink {
    fn new() -> Sink {
        Sink {
            sent: (0..5).map(|_| Vec::with_capacity(1 << 20)).collect(),
            offsets: vec![0; 5],
            executions: Vec::with_capacity(100_000),
            retired: Vec::with_capacity(100_000),
            records: 0,
            statistics: 0,
            anomalies: 0,
            gaps: 0,
        }
    }
}

impl Outputs for Sink {
    fn event(&mut self, _: StrategySet, records: &[MarketRecord]) -> StrategySet {
        self.records += records.len() as u64;
        StrategySet::NONE
    }

    fn statistics(&mut self, _: StrategySet, _: &StatisticsRecord) -> StrategySet {
        self.statistics += 1;
        StrategySet::NONE
    }

    fn execution(&mut self, _: StrategyId, record: &ExecutionRecord) -> bool {
        self.executions.push(*record);
        true
    }

    fn execution_room(&self, _: StrategyId) -> usize {
        1_000
    }

    fn transmit(&mut self, conn: ConnId, build: impl FnOnce(&mut Vec<u8>)) -> u64 {
        let buffer = &mut self.sent[conn.index()];
        let before = buffer.len();
        build(buffer);
        self.offsets[conn.index()] += (buffer.len() - before) as u64;
        self.offsets[conn.index()]
    }

    fn dial(&mut self, _: ConnId, _: UnixNanos) {}

    fn close(&mut self, conn: ConnId, why: String) {
        panic!("{conn:?} is to be closed: {why}");
    }

    fn retire(&mut self, token: Box<str>) {
        self.retired.push(token);
    }

    fn entropy(&mut self, out: &mut [u8]) {
        out.fill(7);
    }

    fn count(&mut self, counter: Counter, n: u64) {
        match counter {
            Counter::Anomalies => self.anomalies += n,
            Counter::Gaps => self.gaps += n,
            _ => {}
        }
    }

    fn note(&mut self, note: Note<'_>) {
        if let Note::Anomaly { anomaly, excerpt, .. } = note {
            panic!("{anomaly:?}: {excerpt}");
        }
    }
}

/// The engine, its sink, and how often it allocated.
struct Line {
    engine: Engine,
    sink: Sink,
    now: UnixNanos,
    allocations: u64,
    sequences: [u64; 2],
    requests: u64,
}

impl Line {
    fn new() -> Line {
        let orders = CoinbaseOrders {
            rest: Endpoint::https("https://localhost").unwrap(),
            session: OrderConfig { user_agent: "test/1".into(), ..OrderConfig::default() },
            warm_every_ms: 600_000,
            order_connections: 1,
            requests_per_second: 100,
        };
        let engine = Engine::new(EngineConfig {
            coinbase: Some(CoinbaseSetup { stream: StreamConfig::default(), orders: Some(orders) }),
            ids: ClientOrderIds::new("xc", START.0).unwrap(),
            limits: None,
            order_limits: OrderLimits::default(),
            reconcile: ReconcileRules::default(),
            book_blocks_max: 256,
        });
        let (engine, sink) = (engine.unwrap(), Sink::new());
        Line { engine, sink, now: START, allocations: 0, sequences: [0; 2], requests: 0 }
    }

    /// One input; what the engine allocates meanwhile is added up.
    fn apply(&mut self, input: Input<'_>) -> Progress {
        let Line { engine, sink, now, allocations, .. } = self;
        let mut progress = Progress::default();
        let counted = allocation_counter::measure(|| progress = engine.apply(*now, input, sink));
        *allocations += counted.count_total;
        progress
    }

    fn bytes(&mut self, conn: ConnId, mut bytes: Vec<u8>) {
        let mut start = 0;
        loop {
            let progress = self.apply(Input::Bytes { conn, plain: &mut bytes[start..] });
            start += progress.consumed;
            if !progress.more {
                break;
            }
        }
        assert_eq!(start, bytes.len());
    }

    /// One message over a stream.
    fn message(&mut self, conn: ConnId, channel: &str, events: &str) {
        let sequence = &mut self.sequences[conn.index()];
        let text = format!(
            r#"{{"channel":"{channel}","client_id":"","timestamp":"2026-09-30T02:39:53.407329Z","sequence_num":{sequence},"events":[{events}]}}"#
        );
        *sequence += 1;
        let mut frame = vec![0x81, 126];
        frame.extend_from_slice(&(text.len() as u16).to_be_bytes());
        frame.extend_from_slice(text.as_bytes());
        self.bytes(conn, frame);
    }

    fn time(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
        self.apply(Input::Time);
    }

    fn token(&mut self, slot: u8) {
        let expires = self.now.plus_ms(120_000);
        self.apply(Input::Token { venue: Venue::Coinbase, slot, token: "e.f.g".into(), expires });
    }

    /// The request a REST connection sent since the last call, once it left.
    fn request(&mut self, conn: ConnId) -> Option<String> {
        let total = self.sink.offsets[conn.index()];
        let sent = &mut self.sink.sent[conn.index()];
        if sent.is_empty() {
            return None;
        }
        let text = String::from_utf8(sent.clone()).unwrap();
        sent.clear();
        self.apply(Input::Written { conn, began: total, total });
        Some(text)
    }

    fn reply(&mut self, conn: ConnId, body: &str) {
        let reply = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.bytes(conn, reply.into_bytes());
    }

    /// Streams open, the book there, the account reconciled.
    fn open(&mut self) {
        self.apply(Input::Time);
        self.apply(Input::Control(Control::AddStrategy(STRATEGY)));
        self.apply(Input::Control(Control::Instrument(Box::new(instrument()))));
        self.apply(Input::Control(Control::Subscribe(
            STRATEGY,
            BTC,
            Channels::BOOK | Channels::TRADES | Channels::TICKER,
        )));
        for slot in [TokenPath::ListOrders as u8, TokenPath::ListFills as u8, TOKEN_SLOT_USER] {
            self.token(slot);
            self.token(slot);
        }
        for conn in [MARKET, USER].into_iter().chain(REST) {
            self.apply(Input::Opened { conn });
        }
        // One message at a time leaves on a stream; the venue answers each with all that is subscribed by then.
        let mut subscribed = String::from(r#""heartbeats":["heartbeats"]"#);
        self.message(USER, "subscriptions", &format!(r#"{{"subscriptions":{{{subscribed}}}}}"#));
        for channel in ["market_trades", "ticker", "level2"] {
            self.message(MARKET, "subscriptions", &format!(r#"{{"subscriptions":{{{subscribed}}}}}"#));
            self.time(160);
            subscribed.push_str(&format!(r#","{channel}":["BTC-USD"]"#));
        }
        self.message(MARKET, "subscriptions", &format!(r#"{{"subscriptions":{{{subscribed}}}}}"#));
        let levels: Vec<String> = (0..100).map(|i| level(i, "0.5")).collect();
        let snapshot = format!(r#"{{"type":"snapshot","product_id":"BTC-USD","updates":[{}]}}"#, levels.join(","));
        self.message(MARKET, "l2_data", &snapshot);
        self.time(10);
        self.message(USER, "subscriptions", r#"{"subscriptions":{"heartbeats":["heartbeats"],"user":["0"]}}"#);
        self.message(USER, "user", r#"{"type":"snapshot","orders":[]}"#);
        for _ in 0..20 {
            self.time(50);
            for conn in REST {
                let Some(request) = self.request(conn) else { continue };
                let body = if request.contains("/fills") {
                    r#"{"fills":[],"cursor":""}"#
                } else {
                    r#"{"orders":[],"has_next":false,"cursor":""}"#
                };
                self.reply(conn, body);
            }
        }
    }

    fn submit(&mut self, command: OrderCommand) -> RequestId {
        self.requests += 1;
        let request = RequestId::new(STRATEGY, self.requests);
        let command = command.stamped(request, self.now);
        self.apply(Input::Command(&command));
        request
    }

    fn kinds(&self, request: RequestId) -> Vec<ExecutionKind> {
        self.sink.executions.iter().filter(|r| r.request == request).map(|r| r.kind).collect()
    }

    /// One order placed, acknowledged, filled in part, cancelled.
    fn order_life(&mut self, n: u64) {
        self.time(50);
        self.token(TokenPath::Place as u8);
        self.token(TokenPath::BatchCancel as u8);
        let order = self.submit(OrderCommand::limit(BTC, Side::Buy, 8_000_000_000_000, 1_000_000).post_only());
        let sent = self.request(REST[0]).unwrap_or_else(|| panic!("nothing left: {:?}", self.sink.executions.last()));
        let id = sent.split(r#""client_order_id":""#).nth(1).unwrap().split('"').next().unwrap().to_owned();
        let venue_id = format!("11111111-2222-4333-8444-{n:012}");
        self.reply(
            REST[0],
            &format!(
                r#"{{"success":true,"success_response":{{"order_id":"{venue_id}","product_id":"BTC-USD","side":"BUY","client_order_id":"{id}"}}}}"#
            ),
        );
        let row = |status: &str, filled: &str, leaves: &str, value: &str| {
            format!(
                r#"{{"type":"update","orders":[{{"avg_price":"80000","cancel_reason":"","client_order_id":"{id}","cumulative_quantity":"{filled}","filled_value":"{value}","leaves_quantity":"{leaves}","limit_price":"80000","order_id":"{venue_id}","order_side":"BUY","order_type":"Limit","product_id":"BTC-USD","status":"{status}","total_fees":"0","reject_reason":""}}],"positions":{{}}}}"#
            )
        };
        self.message(USER, "user", &row("OPEN", "0", "0.01", "0"));
        self.message(USER, "user", &row("OPEN", "0.004", "0.006", "320"));
        self.submit(OrderCommand::cancel(BTC, OrderRef::Request(order)));
        let carrier = REST.into_iter().find(|conn| !self.sink.sent[conn.index()].is_empty()).expect("the cancel left");
        let sent = self.request(carrier).unwrap();
        assert!(sent.contains("batch_cancel") && sent.contains(&venue_id), "{sent}");
        self.reply(
            carrier,
            &format!(r#"{{"results":[{{"success":true,"failure_reason":"UNKNOWN_CANCEL_FAILURE_REASON","order_id":"{venue_id}"}}]}}"#),
        );
        self.message(USER, "user", &row("CANCELLED", "0.004", "0", "320"));
        let lived = [ExecutionKind::Accepted, ExecutionKind::Fill, ExecutionKind::Cancelled];
        assert_eq!(self.kinds(order), lived, "{:#?}", self.sink.executions.last());
    }

    fn market_turn(&mut self, i: u64) {
        self.time(5);
        let size = if i.is_multiple_of(3) { "0" } else { "0.75" };
        let updates = [level(i % 100, size), level((i + 7) % 130, "0.25"), level((i + 1) % 100, "1.125")].join(",");
        let update = format!(r#"{{"type":"update","product_id":"BTC-USD","updates":[{updates}]}}"#);
        self.message(MARKET, "l2_data", &update);
        let trade = format!(
            r#"{{"type":"update","trades":[{{"product_id":"BTC-USD","trade_id":"{}","price":"83277.26","size":"0.00058346","time":"2026-09-30T02:39:53.40732Z","side":"BUY"}}]}}"#,
            9_000_000 + i
        );
        self.message(MARKET, "market_trades", &trade);
        let ticker = r#"{"type":"update","tickers":[{"type":"ticker","product_id":"BTC-USD","price":"83277.26","volume_24_h":"242.9","low_24_h":"83000","high_24_h":"84000","low_52_w":"1","high_52_w":"100000","price_percent_chg_24_h":"0.5","best_bid":"83277.25","best_bid_quantity":"0.5","best_ask":"83277.26","best_ask_quantity":"0.25"}]}"#;
        self.message(MARKET, "ticker", ticker);
        if i.is_multiple_of(10) {
            let beat = format!(r#"{{"current_time":"2026-09-30 02:39:53 +0000 UTC","heartbeat_counter":{i}}}"#);
            self.message(MARKET, "heartbeats", &beat);
            self.message(USER, "heartbeats", &beat);
        }
    }
}

fn level(i: u64, size: &str) -> String {
    let (side, price) = if i.is_multiple_of(2) { ("bid", 83_000 - i) } else { ("offer", 83_001 + i) };
    format!(
        r#"{{"side":"{side}","event_time":"2026-09-30T02:39:53.4Z","price_level":"{price}.25","new_quantity":"{size}"}}"#
    )
}

fn instrument() -> Instrument {
    let fixed = |text| Fixed::parse(text).unwrap();
    let listing = Listing {
        venue: Venue::Coinbase,
        symbol: "BTC-USD".into(),
        base: "BTC".into(),
        quote: "USD".into(),
        tick: fixed("0.01"),
        lot: fixed("0.00000001"),
        quote_lot: fixed("0.01"),
        size_min: fixed("0.00000001"),
        size_max: fixed("3400"),
        notional_min: fixed("1"),
        status: TradingStatus::Online,
    };
    Instrument::new(BTC, AssetId(0), AssetId(1), listing)
}

#[test]
fn market_messages_allocate_nothing_once_warm() {
    let mut line = Line::new();
    line.open();
    for i in 0..300 {
        line.market_turn(i);
    }
    let (records, statistics) = (line.sink.records, line.sink.statistics);
    line.allocations = 0;
    for i in 300..1_300 {
        line.market_turn(i);
    }
    // Up to 3 levels, a trade and a quote a turn; removing a level that is not there changes nothing.
    let published = line.sink.records - records;
    assert!((4_000..=5_000).contains(&published), "levels, trades and quotes were published: {published}");
    assert_eq!(line.sink.statistics - statistics, 1_000, "tickers were published");
    assert_eq!((line.sink.anomalies, line.sink.gaps), (0, 0), "everything was understood");
    assert_eq!(line.allocations, 0, "in 1,000 updates, trades and tickers each");
}

#[test]
fn order_commands_replies_and_events_allocate_nothing_once_warm() {
    let mut line = Line::new();
    line.open();
    for n in 0..50 {
        line.market_turn(n);
        line.order_life(n);
    }
    line.allocations = 0;
    let mut before = BTreeMap::new();
    for record in &line.sink.executions {
        *before.entry(format!("{:?}", record.kind)).or_insert(0) += 1;
    }
    for n in 50..250 {
        line.market_turn(n);
        line.order_life(n);
    }
    assert_eq!(line.sink.anomalies, 0, "everything was understood");
    assert_eq!(line.allocations, 0, "in 200 orders placed, filled in part and cancelled; before: {before:?}");
}

#[test]
fn the_count_sees_an_allocation() {
    let mut line = Line::new();
    line.open();
    assert!(line.allocations > 0, "taking up an instrument allocates, and is counted");
}
