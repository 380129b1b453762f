//! An engine that may trade, and a venue that answers it: orders are accepted, then filled whole.

use super::coinbase::{btc, message};
use super::engine::{stream_config, NOW};
use exchange_connectors::engine::{
    CoinbaseOrders, CoinbaseSetup, ConnId, Control, Engine, EngineConfig, Input, Note, Outputs, StrategySet,
    TOKEN_SLOTS,
};
use exchange_connectors::guard::BreakerRules;
use exchange_connectors::journal::AuditTap;
use exchange_connectors::order::{ClientOrderIds, OrderLimits, ReconcileRules};
use exchange_connectors::record::{
    AuditEntry, ExecutionKind, ExecutionRecord, Exits, InstrumentId, Lifetime, MarketRecord, OrderCommand,
    OrderQuantity, OrderShape, OrderTerms, PreparedOrder, PreparedSlot, RequestId, Side, StatisticsRecord, StrategyId,
    UnixNanos, Venue,
};
use exchange_connectors::ring::{ring, Consumer, OrderProducer, Producer};
use exchange_connectors::telemetry::{Counter, Hop};
use exchange_connectors::venue::coinbase::{Endpoint, MarketFeeds, OrderConfig};
use std::time::{Duration, Instant};

const STRATEGY: StrategyId = StrategyId(0);
const USER: ConnId = ConnId(1);
/// One connection for orders; then one for cancels, one for listings.
const ORDERS: ConnId = ConnId(2);
const LISTINGS: ConnId = ConnId(4);
const CONNECTIONS: usize = 5;
/// Requests a second: all the governor counts.
const REQUESTS_PER_SECOND: usize = 256;
/// Time between two orders, so that the governor lets all go.
const SPACING_MS: u64 = 20;
/// Longer than any run.
const NEVER_MS: u64 = 1 << 40;

/// Send buffers by connection, and the execution ring.
pub struct Lines {
    sent: Vec<Vec<u8>>,
    total: Vec<u64>,
    executions: Producer<ExecutionRecord>,
    audit: Option<AuditTap>,
}

impl Outputs for Lines {
    fn event(&mut self, _: StrategySet, _: &[MarketRecord]) -> StrategySet {
        StrategySet::NONE
    }
    fn statistics(&mut self, _: StrategySet, _: &StatisticsRecord) -> StrategySet {
        StrategySet::NONE
    }
    fn execution(&mut self, _: StrategyId, record: &ExecutionRecord) -> bool {
        self.executions.push(*record)
    }
    fn execution_room(&self, _: StrategyId) -> usize {
        self.executions.free()
    }
    fn transmit(&mut self, conn: ConnId, build: impl FnOnce(&mut Vec<u8>)) -> u64 {
        let (Some(sent), Some(total)) = (self.sent.get_mut(conn.index()), self.total.get_mut(conn.index())) else {
            return 0;
        };
        let before = sent.len();
        build(sent);
        *total += (sent.len() - before) as u64;
        *total
    }
    fn dial(&mut self, _: ConnId, _: UnixNanos) {}
    fn close(&mut self, conn: ConnId, why: String) {
        panic!("connection {} closes: {why}", conn.0);
    }
    fn retire(&mut self, _: Box<str>) {}
    fn entropy(&mut self, out: &mut [u8]) {
        out.fill(7);
    }
    fn count(&mut self, counter: Counter, _: u64) {
        assert!(counter != Counter::Anomalies && counter != Counter::OrdersRefused, "{}", counter.name());
    }
    fn measured(&mut self, _: Hop, _: u64) {}
    fn note(&mut self, _: Note<'_>) {}
    fn audit(&mut self, entry: &AuditEntry) {
        if let Some(audit) = &mut self.audit {
            audit.push(|| NOW, entry);
        }
    }
}

/// Engine and venue.
pub struct Trading {
    pub engine: Engine,
    pub out: Lines,
    executions: Consumer<ExecutionRecord>,
    commands: OrderProducer,
    commands_out: Consumer<OrderCommand>,
    pub now: UnixNanos,
    sequences: [u64; 2],
    placed: u64,
}

/// What one order needs from outside, made before anything is measured.
pub struct Prepared {
    command: OrderCommand,
    token: Option<Box<str>>,
    reply: Vec<u8>,
    events: [Vec<u8>; 2],
}

impl Default for Trading {
    fn default() -> Self {
        Trading::new()
    }
}

impl Trading {
    /// The same with an audit log.
    pub fn audited(audit: AuditTap) -> Trading {
        let mut trading = Trading::new();
        trading.out.audit = Some(audit);
        trading
    }

    /// Connected, authenticated, reconciled.
    pub fn new() -> Trading {
        let (executions_in, executions) = ring(1_024, None);
        let (commands_in, commands_out) = ring(16, None);
        let orders = CoinbaseOrders {
            legacy: None,
            rest: Endpoint::https("https://api.coinbase.com").unwrap(),
            session: OrderConfig::default(),
            warm_every_ms: NEVER_MS,
            order_connections: 1,
            requests_per_second: REQUESTS_PER_SECOND,
        };
        let engine = Engine::new(EngineConfig {
            binance_us: None,
            oanda: None,
            coinbase: Some(CoinbaseSetup {
                stream: stream_config(),
                market: MarketFeeds::default(),
                orders: Some(orders),
            }),
            ids: ClientOrderIds::new("xc", 1).unwrap(),
            limits: None,
            breaker: BreakerRules::default(),
            order_limits: OrderLimits::default(),
            reconcile: ReconcileRules { fills_every_ms: NEVER_MS, ..ReconcileRules::default() },
            book_blocks_max: 64,
        });
        let out = Lines {
            sent: (0..CONNECTIONS).map(|_| Vec::with_capacity(1 << 14)).collect(),
            total: vec![0; CONNECTIONS],
            executions: executions_in,
            audit: None,
        };
        let commands = OrderProducer::new(STRATEGY, 0, commands_in);
        let (sequences, placed) = ([0; 2], 0);
        let mut trading =
            Trading { engine: engine.unwrap(), out, executions, commands, commands_out, now: NOW, sequences, placed };
        trading.open();
        trading
    }

    fn open(&mut self) {
        self.apply(Input::Control(Control::Instrument(Box::new(btc()))));
        self.apply(Input::Control(Control::AddStrategy(STRATEGY)));
        for slot in 0..TOKEN_SLOTS as u8 {
            for _ in 0..4 {
                self.give_token(slot, token());
            }
        }
        for conn in 0..CONNECTIONS as u16 {
            self.apply(Input::Opened { conn: ConnId(conn) });
        }
        let acks = [r#""heartbeats":["heartbeats"]"#, r#""heartbeats":["heartbeats"],"user":["0"]"#];
        for conn in [ConnId(0), USER] {
            let mut ack = self.event(conn, "subscriptions", &format!(r#"{{"subscriptions":{{{}}}}}"#, acks[0]));
            self.read(conn, &mut ack);
        }
        let mut snapshot = self.event(USER, "user", r#"{"type":"snapshot","orders":[]}"#);
        self.read(USER, &mut snapshot);
        let mut ack = self.event(USER, "subscriptions", &format!(r#"{{"subscriptions":{{{}}}}}"#, acks[1]));
        self.read(USER, &mut ack);
        for _ in 0..20 {
            self.now = self.now.plus_ms(100);
            self.apply(Input::Time);
            let listing = self.out.sent.get_mut(LISTINGS.index()).map(std::mem::take).unwrap_or_default();
            let listing = String::from_utf8(listing).unwrap();
            let body = if listing.contains("fills") {
                r#"{"fills":[],"cursor":""}"#
            } else if listing.contains("accounts") {
                r#"{"accounts":[],"has_next":false,"cursor":"","size":0}"#
            } else {
                r#"{"orders":[],"sequence":"0","has_next":false,"cursor":""}"#
            };
            if !listing.is_empty() {
                let mut reply = http(body);
                self.read(LISTINGS, &mut reply);
            }
        }
    }

    pub fn apply(&mut self, input: Input<'_>) {
        self.engine.apply(self.now, input, &mut self.out);
    }

    fn read(&mut self, conn: ConnId, bytes: &mut [u8]) {
        let mut at = 0;
        loop {
            let plain = bytes.get_mut(at..).unwrap_or_default();
            let progress = self.engine.apply(self.now, Input::Bytes { conn, plain }, &mut self.out);
            at += progress.consumed;
            if at >= bytes.len() && !progress.more {
                break;
            }
        }
    }

    fn give_token(&mut self, slot: u8, token: Box<str>) {
        let expires = self.now.plus_ms(120_000);
        self.apply(Input::Token { venue: Venue::Coinbase, slot, token, expires });
    }

    fn event(&mut self, conn: ConnId, channel: &str, event: &str) -> Vec<u8> {
        let sequence = self.sequences.get_mut(conn.index()).unwrap();
        let text = message(*sequence, channel, event);
        *sequence += 1;
        super::coinbase::frame(&text)
    }

    /// Everything one order needs.
    pub fn prepare(&mut self) -> Prepared {
        self.prepare_for(OrderCommand::limit(InstrumentId(0), Side::Buy, 8_327_725_000_000, 1_000_000))
    }

    /// The same for an order of the same price and quantity with an end and exits, submitted by its slot.
    pub fn prepare_from(&mut self, slot: PreparedSlot) -> Prepared {
        self.prepare_for(OrderCommand::prepared(slot))
    }

    /// Puts such an order into a slot.
    pub fn fill_slot(&mut self) -> PreparedSlot {
        let shape = OrderShape::Limit { price: 8_327_725_000_000, post_only: false, shown: None };
        let exits = Exits { take_profit: Some(9_000_000_000_000), ..Exits::default() };
        let terms = OrderTerms::new(Side::Buy, OrderQuantity::Base(1_000_000), shape)
            .living(Lifetime::For { ms: 60_000 })
            .with_exits(exits);
        let order = PreparedOrder::new(&btc(), terms).unwrap();
        let slot = PreparedSlot::new(InstrumentId(0), 0, 1);
        self.apply(Input::Control(Control::Prepare(STRATEGY, slot, Box::new(order))));
        slot
    }

    fn prepare_for(&mut self, order: OrderCommand) -> Prepared {
        self.placed += 1;
        self.commands.submit(order, self.now).unwrap();
        let command = self.commands_out.pop().unwrap();
        let (order, ours) = (self.placed, client_order_id(command.request()));
        let venue_id = format!("00000000-0000-4000-8000-{order:012}");
        let reply = http(&format!(
            r#"{{"success":true,"success_response":{{"order_id":"{venue_id}","product_id":"BTC-USD","side":"BUY","client_order_id":"{ours}"}},"order_configuration":{{"limit_limit_gtc":{{"base_size":"0.01","limit_price":"83277.25","post_only":false}}}}}}"#
        ));
        let row = format!(
            r#"{{"type":"update","orders":[{{"order_id":"{venue_id}","client_order_id":"{ours}","product_id":"BTC-USD","order_side":"BUY","order_type":"Limit","status":"FILLED","cumulative_quantity":"0.01","leaves_quantity":"0","filled_value":"832.7725","total_fees":"4.9966350000000001","limit_price":"83277.25"}}],"positions":{{}}}}"#
        );
        let beat =
            format!(r#"{{"current_time":"2026-09-30 02:39:53 +0000 UTC m=+1.5","heartbeat_counter":"{order}"}}"#);
        let events = [self.event(USER, "user", &row), self.event(ConnId(0), "heartbeats", &beat)];
        Prepared { command, token: Some(token()), reply, events }
    }

    /// The command to request bytes, and to the kernel's taking them: what the reactor's thread does of it besides TLS.
    pub fn send(&mut self, prepared: &Prepared) {
        self.apply(Input::Command(&prepared.command));
        let total = self.out.total.get(ORDERS.index()).copied().unwrap_or_default();
        self.apply(Input::Written { conn: ORDERS, began: total, total });
    }

    /// The venue's answer, the fill of the whole order, a heartbeat of the other stream.
    pub fn settle(&mut self, prepared: &mut Prepared) {
        let Prepared { token, reply, events: [user, beat], .. } = prepared;
        self.read(ORDERS, reply);
        self.read(USER, user);
        self.read(ConnId(0), beat);
        if let Some(token) = token.take() {
            self.give_token(0, token);
        }
        self.now = self.now.plus_ms(SPACING_MS);
        self.apply(Input::Time);
    }

    /// What the strategy was told, and what was sent; both are forgotten.
    pub fn take(&mut self) -> (usize, usize) {
        let bytes = self.out.sent.iter_mut().map(|sent| std::mem::replace(&mut sent.len(), 0)).sum();
        self.out.sent.iter_mut().for_each(Vec::clear);
        let mut filled = 0;
        while let Some(record) = self.executions.pop() {
            assert!(record.kind != ExecutionKind::Rejected, "{record:?}");
            filled += usize::from(record.kind == ExecutionKind::Filled);
        }
        (filled, bytes)
    }

    /// So many orders one after the other; how long the sending took, and how long the answers.
    pub fn round(&mut self, orders: usize) -> (Duration, Duration) {
        let (mut sending, mut settling) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..orders {
            let mut prepared = self.prepare();
            let start = Instant::now();
            self.send(&prepared);
            let sent = Instant::now();
            self.settle(&mut prepared);
            sending += sent - start;
            settling += sent.elapsed();
            let (filled, bytes) = self.take();
            assert!(filled == 1 && bytes > 300, "{filled} filled, {bytes} bytes");
        }
        (sending, settling)
    }
}

/// As the engine makes it of the request.
fn client_order_id(request: RequestId) -> String {
    ClientOrderIds::new("xc", 1).unwrap().id_of(request).as_str().to_owned()
}

/// As long as an ES256 token of the venue.
fn token() -> Box<str> {
    "e".repeat(560).into_boxed_str()
}

fn http(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}
