//! What every integration test stands on: a quiet local venue, a gateway to it, one strategy, and waits with deadlines.
//!
//! [`Bench`] says how venue and gateway are set up, [`Rig`] is both running. The venue does nothing unless told to, has
//! no rate limits, and is opened by a fixed throwaway key whose pieces are in `canaries.txt`: CI searches all output for
//! them. `EXCHANGE_CONNECTORS_TEST_LOG=trace` shows every event of the crate on stderr.
//!
//! Waiting is the [`ear`]'s: what a rig was told is kept. A test says `rig.mark()` before it causes something it then waits
//! for by [`Rig::wait_for_market`] or [`Rig::wait_for_execution`]; both look at records since the mark only.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

pub mod ear;
pub mod scratch;

pub use ear::PATIENCE;
use ear::{hears, speaks, Ear};
use exchange_connectors::gateway::{Channels, CoinbaseConfig, Gateway, GatewayBuilder, GatewayError, Idle, Shutdown};
use exchange_connectors::order::ReconcileRules;
use exchange_connectors::record::{
    ConnectionRole, ConnectionState, ExecutionKind, ExecutionRecord, Fixed, Instrument, MarketRecord, OrderCommand,
    OrderRef, RejectClass, RequestId, Side, UnixNanos, Venue,
};
use exchange_connectors::sim::coinbase::{Config, ExchangeCredentials, Limits, LocalVenue, DOOR_REST};
use exchange_connectors::sim::server::{Request, Venue as _};
use exchange_connectors::sim::Credentials;
use exchange_connectors::venue::coinbase::auth::CdpKey;
use exchange_connectors::venue::coinbase::{CoinbaseEndpoints, Endpoint};
use rust_decimal::Decimal;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Once};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Where new orders go.
pub const ORDERS: &str = "/api/v3/brokerage/orders";
/// Where cancels go.
pub const BATCH_CANCEL: &str = "/api/v3/brokerage/orders/batch_cancel";
/// Where orders are listed.
pub const LIST_ORDERS: &str = "/api/v3/brokerage/orders/historical/batch";
/// Where executions are listed.
pub const LIST_FILLS: &str = "/api/v3/brokerage/orders/historical/fills";
/// Local venues without limits are asked, by queries and subscriptions, so many times a second at most.
pub const QUERIES_PER_SECOND: usize = 100;
/// Local venues without limits are connected to, where that is counted, so many times a second at most.
pub const CONNECTIONS_PER_SECOND: u32 = 100;
/// More than a test has orders without a reply at a time.
pub const ORDER_CONNECTIONS: usize = 6;
/// What the rig trades unless told otherwise.
pub const BTC: &str = "BTC-USD";

const KEY_NAME: &str = "organizations/11111111-0000-4000-8000-000000000000/apiKeys/canary";
/// Made for these tests and used nowhere else.
const KEY_PEM: &str = include_str!("canary_key.pem");

/// Made for these tests and used nowhere else.
const EXCHANGE_SECRET: &str =
    "9LbpCKoEFslM/9CT80GtoYSRv8VdP27j5KaT+W2WIm/QZcRhf0nLKpuXwpH1N5GVYFEWRJIQ86iqh/noiZPp0w==";
const EXCHANGE_PASSPHRASE: &str = "canary-passphrase-7f3a";

/// The fixed throwaway key of the Exchange feed.
pub fn canary_exchange_credentials() -> ExchangeCredentials {
    ExchangeCredentials::new("canary-exchange-key", EXCHANGE_SECRET, EXCHANGE_PASSPHRASE)
}

/// The fixed throwaway key.
pub fn canary_credentials() -> Credentials {
    Credentials::from_secret(KEY_NAME, KEY_PEM).unwrap()
}

/// Reconciliation in fractions of a second instead of many: same rules, smaller numbers.
pub fn fast_rules() -> ReconcileRules {
    ReconcileRules {
        query_pause_ms_min: 20,
        query_pause_ms_max: 80,
        absence_grace_ms: 200,
        absence_spacing_ms: 40,
        unknown_repeat_ms: 5_000,
        ..ReconcileRules::default()
    }
}

/// Logs to stderr what `EXCHANGE_CONNECTORS_TEST_LOG` asks for.
pub fn logs() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if let Ok(filter) = std::env::var("EXCHANGE_CONNECTORS_TEST_LOG") {
            let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
        }
    });
}

/// A file with the venue's root certificate, for as long as it is needed.
#[derive(Debug)]
pub struct RootFile {
    pub path: PathBuf,
}

impl RootFile {
    pub fn write(pem: &str) -> RootFile {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("exchange-connectors-test-{}-{count}.pem", std::process::id()));
        std::fs::write(&path, pem).unwrap();
        RootFile { path }
    }
}

impl Drop for RootFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A quiet venue that takes the canary key.
pub fn quiet_venue() -> Config {
    Config {
        credentials: Some(canary_credentials()),
        exchange_credentials: Some(canary_exchange_credentials()),
        ..Config::quiet()
    }
}

/// Where a venue is.
pub fn endpoints(venue: &LocalVenue) -> CoinbaseEndpoints {
    CoinbaseEndpoints {
        rest: Endpoint::https(&venue.rest_url()).unwrap(),
        ws: Endpoint::wss(&venue.ws_url()).unwrap(),
        ws_user: Endpoint::wss(&venue.ws_user_url()).unwrap(),
        exchange_ws: Endpoint::wss(&venue.exchange_ws_url()).unwrap(),
    }
}

type Change<T> = Box<dyn FnOnce(T) -> T>;

/// How a [`Rig`] is set up.
pub struct Bench {
    venue: Config,
    coinbase: Change<CoinbaseConfig>,
    gateway: Change<GatewayBuilder>,
    channels: Channels,
    order_connections: usize,
    with_credentials: bool,
}

impl Default for Bench {
    fn default() -> Self {
        Bench::new()
    }
}

impl Bench {
    /// Quiet venue, credentials, no limits, blocking idle strategy, fast reconciliation, nothing streamed, nobody who watches
    /// the reactor.
    pub fn new() -> Bench {
        Bench {
            venue: quiet_venue(),
            coinbase: Box::new(|config| config),
            gateway: Box::new(|builder| builder),
            channels: Channels::NONE,
            order_connections: ORDER_CONNECTIONS,
            with_credentials: true,
        }
    }

    /// Changes how the venue is set up.
    pub fn venue(mut self, change: impl FnOnce(&mut Config)) -> Bench {
        change(&mut self.venue);
        self
    }

    /// Changes how Coinbase is spoken to.
    pub fn coinbase(self, change: impl FnOnce(CoinbaseConfig) -> CoinbaseConfig + 'static) -> Bench {
        let before = self.coinbase;
        Bench { coinbase: Box::new(move |config| change(before(config))), ..self }
    }

    /// Changes how the gateway is set up; the last word before it starts.
    pub fn gateway(self, change: impl FnOnce(GatewayBuilder) -> GatewayBuilder + 'static) -> Bench {
        let before = self.gateway;
        Bench { gateway: Box::new(move |builder| change(before(builder))), ..self }
    }

    /// How long a reply may take before its outcome counts as unknown.
    pub fn reply_timeout_ms(self, ms: u64) -> Bench {
        self.coinbase(move |config| config.reply_timeout_ms(ms))
    }

    /// What is streamed of BTC-USD from the start.
    pub fn channels(self, channels: Channels) -> Bench {
        Bench { channels, ..self }
    }

    /// Connections for new orders.
    pub fn order_connections(self, order_connections: usize) -> Bench {
        Bench { order_connections, ..self }
    }

    /// Public market data only.
    pub fn without_credentials(self) -> Bench {
        Bench { with_credentials: false, ..self }
    }

    /// Starts the venue alone, for tests that prepare it before anybody connects.
    pub fn start_venue(&self) -> LocalVenue {
        logs();
        LocalVenue::start(self.venue.clone()).unwrap()
    }

    /// The gateway's configuration for a venue.
    pub fn builder(self, venue: &LocalVenue, roots: &RootFile) -> GatewayBuilder {
        let mut coinbase =
            CoinbaseConfig::default().endpoints(endpoints(venue)).order_connections(self.order_connections);
        if self.venue.limits == Limits::NONE {
            coinbase = coinbase.query_requests_per_second(QUERIES_PER_SECOND);
        }
        if self.with_credentials {
            coinbase = coinbase.credentials(venue.credentials().name(), venue.credentials().secret()).unwrap();
        }
        let builder = GatewayBuilder::default()
            .coinbase((self.coinbase)(coinbase))
            .without_limits()
            .without_state()
            .idle(Idle::Block)
            .reconcile(fast_rules())
            // Its listings would be counted, and meet the faults, that tests mean for the engine's.
            .without_reactor_watch()
            .root_certificates(&roots.path);
        (self.gateway)(builder)
    }

    /// Starts everything and waits until orders can be sent ([`Rig::healthy`]), or, without credentials, returns at once.
    pub fn start(self) -> Rig {
        let waits = self.with_credentials;
        let mut rig = self.start_unready();
        if waits {
            rig.healthy();
        }
        rig
    }

    /// Starts everything and returns at once.
    pub fn start_unready(self) -> Rig {
        let venue = self.start_venue();
        self.start_at(venue)
    }

    /// Starts a gateway to this venue and returns at once.
    pub fn start_at(self, venue: impl Into<Arc<LocalVenue>>) -> Rig {
        self.try_start_at(venue).unwrap()
    }

    /// The same for configurations that do not start.
    pub fn try_start_at(self, venue: impl Into<Arc<LocalVenue>>) -> Result<Rig, GatewayError> {
        let venue = venue.into();
        let roots = RootFile::write(venue.ca_pem());
        let channels = self.channels;
        let (gateway, reactor) = self.builder(&venue, &roots).build()?;
        // The strategy is there before the reactor turns for the first time: no connection state is missed.
        let strategy = gateway.strategy()?;
        let reactor = std::thread::Builder::new().name("reactor".into()).spawn(move || reactor.run()).unwrap();
        let btc = gateway.subscribe(strategy.id(), Venue::Coinbase, BTC, channels)?;
        Ok(Rig {
            venue,
            gateway: Some(gateway),
            reactor: Some(reactor),
            ear: Ear::of(strategy),
            btc,
            marks: (0, 0),
            _roots: roots,
        })
    }
}

/// A venue, a gateway to it, one strategy and all it was told.
pub struct Rig {
    pub venue: Arc<LocalVenue>,
    gateway: Option<Gateway>,
    reactor: Option<JoinHandle<()>>,
    ear: Ear,
    pub btc: Arc<Instrument>,
    marks: (usize, usize),
    _roots: RootFile,
}

hears!(Rig);
speaks!(Rig);

/// Waiting.
impl Rig {
    pub fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().expect("running")
    }

    /// Takes records until `done` says so; fails the test after [`PATIENCE`].
    #[track_caller]
    pub fn until<T>(&mut self, what: &str, done: impl FnMut(&mut Rig) -> Option<T>) -> T {
        ear::until(self, what, done)
    }

    /// The same for a condition.
    #[track_caller]
    pub fn until_true(&mut self, what: &str, mut done: impl FnMut(&mut Rig) -> bool) {
        self.until(what, |rig| done(rig).then_some(()));
    }

    /// What came before does not count for the waits that follow.
    pub fn mark(&mut self) {
        self.take();
        self.marks = (self.executions.len(), self.market.len());
    }

    /// Waits for an execution record since the mark.
    #[track_caller]
    pub fn wait_for_execution(&mut self, what: &str, is: impl Fn(&ExecutionRecord) -> bool) -> ExecutionRecord {
        self.until(what, |rig| rig.executions[rig.marks.0..].iter().find(|r| is(r)).copied())
    }

    /// Waits for a market record since the mark.
    #[track_caller]
    pub fn wait_for_market(&mut self, what: &str, is: impl Fn(&MarketRecord) -> bool) -> MarketRecord {
        self.until(what, |rig| rig.market[rig.marks.1..].iter().find(|r| is(r)).copied())
    }

    /// Waits for a connection state since the mark.
    #[track_caller]
    pub fn wait_for_state(&mut self, role: ConnectionRole, state: ConnectionState) {
        self.wait_for_market("a connection state", |r| is_state(r, role, state));
    }

    /// Waits until the venue takes every command.
    #[track_caller]
    pub fn healthy(&mut self) {
        self.until_ready(Venue::Coinbase);
    }

    /// How the user stream stands, as last told.
    pub fn user_state(&self) -> Option<ConnectionState> {
        self.state(ConnectionRole::User)
    }
}

/// Whether a market record says that a connection of this role stands like this.
pub fn is_state(record: &MarketRecord, of: ConnectionRole, is: ConnectionState) -> bool {
    ear::state(record, of) == Some(is)
}

/// Orders.
impl Rig {
    /// A price of BTC-USD as a mantissa.
    pub fn price(&self, price: &str) -> i64 {
        Fixed::parse(price).unwrap().rescale(self.btc.price_exponent).unwrap()
    }

    /// A size of BTC-USD as a mantissa.
    pub fn size(&self, size: &str) -> i64 {
        Fixed::parse(size).unwrap().rescale(self.btc.size_exponent).unwrap()
    }

    /// A good-til-cancelled limit order in BTC-USD.
    pub fn limit(&self, side: Side, price: &str, size: &str) -> OrderCommand {
        OrderCommand::limit(self.btc.id, side, self.price(price), self.size(size))
    }

    /// A bid for 0.01 BTC that rests far below the market (about 83,277).
    pub fn resting_bid(&self) -> OrderCommand {
        self.limit(Side::Buy, "50000", "0.01")
    }

    /// A cancel of the order of that request.
    pub fn cancel_of(&self, order: RequestId) -> OrderCommand {
        OrderCommand::cancel(self.btc.id, OrderRef::Request(order))
    }

    /// Submits an order until it leaves: what is refused here for want of a token or a connection is submitted again,
    /// as the refusal says. Returns when the venue has received it, answered or not.
    #[track_caller]
    pub fn place(&mut self, command: OrderCommand) -> RequestId {
        let received = |rig: &Rig| rig.venue.requests(&format!("POST {ORDERS}")).unwrap();
        let before = received(self);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let request = self.submit(command);
            let first = self.until("the order to leave", |rig| match rig.first(request) {
                Some(first) => Some(Some(first)),
                None => (received(rig) > before).then_some(None),
            });
            match first {
                Some(first) if is_for_want_of_a_path(&first) && Instant::now() < deadline => {
                    self.strategy.wait(Duration::from_millis(1));
                }
                _ => return request,
            }
        }
    }

    /// Places an order and waits until it is accepted.
    #[track_caller]
    pub fn place_accepted(&mut self, command: OrderCommand) -> ExecutionRecord {
        let request = self.place(command);
        self.expect(request, ExecutionKind::Accepted)
    }

    /// Waits for a record of that kind of a request, whether the order is over or not.
    #[track_caller]
    pub fn expect_kind(&mut self, request: RequestId, kind: ExecutionKind) -> ExecutionRecord {
        let what = format!("{kind:?} of {request}");
        self.until(&what, |rig| rig.executions.iter().find(|r| r.request == request && r.kind == kind).copied())
    }

    /// Waits until the order is over and shows how.
    #[track_caller]
    pub fn end_of(&mut self, request: RequestId) -> ExecutionRecord {
        let what = format!("the end of {request}");
        self.until(&what, |rig| rig.executions.iter().find(|r| r.request == request && r.kind.is_terminal()).copied())
    }

    /// How the venue itself sees an order: status and filled size.
    pub fn at_venue(&self, record: &ExecutionRecord) -> Option<(&'static str, Decimal)> {
        let order = self.venue.order(record.client_order_id.as_str()).unwrap();
        order.map(|(_, status, filled)| (status, filled))
    }

    /// How often the venue received this order.
    pub fn received(&self, record: &ExecutionRecord) -> u64 {
        self.venue.orders_received(record.client_order_id.as_str()).unwrap()
    }

    /// Somebody else with the same account places a resting bid, past all sockets; gives the venue's id.
    pub fn strangers_bid(&self, client_order_id: &str, price: &str, size: &str) -> String {
        strangers_bid(&self.venue, client_order_id, price, size)
    }

    /// Ends the gateway and gives the venue back, for another gateway.
    pub fn into_venue(mut self) -> Arc<LocalVenue> {
        drop(self.gateway.take());
        if let Some(reactor) = self.reactor.take() {
            reactor.join().expect("the reactor ended well");
        }
        self.venue.clone()
    }

    /// Drops the gateway without a shutdown, as a program that returns early does; returns when the reactor has ended.
    pub fn abandon(&mut self) {
        drop(self.gateway.take());
        self.reactor.take().expect("running").join().expect("the reactor ended well");
    }

    /// Stops gateway and reactor.
    pub fn shutdown(&mut self, shutdown: Shutdown, timeout_ms: u64) -> Result<(), GatewayError> {
        let result = self.gateway.take().expect("running").shutdown(shutdown, timeout_ms);
        self.reactor.take().expect("running").join().expect("the reactor ended well");
        self.take();
        result
    }
}

/// Somebody else with the same account places a resting bid, past all sockets; gives the venue's id.
pub fn strangers_bid(venue: &LocalVenue, client_order_id: &str, price: &str, size: &str) -> String {
    let key = venue.credentials();
    let key = CdpKey::new(key.name(), key.secret()).unwrap();
    let host = venue.rest_url().replace("https://", "");
    let body = format!(
        r#"{{"client_order_id":"{client_order_id}","product_id":"{BTC}","side":"BUY","order_configuration":{{"limit_limit_gtc":{{"base_size":"{size}","limit_price":"{price}","post_only":true}}}}}}"#
    );
    let reply = venue.call(move |core, now_ns| {
        let nonce = (now_ns as u128).to_be_bytes();
        let token = key.mint_rest("POST", &host, ORDERS, now_ns / 1_000_000_000, nonce).unwrap();
        let request = Request {
            method: "POST".into(),
            path: ORDERS.into(),
            headers: vec![("authorization".into(), format!("Bearer {token}"))],
            body: body.into_bytes(),
            ..Request::default()
        };
        core.venue.http(now_ns, DOOR_REST, &request)
    });
    let reply = reply.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    let id = body["success_response"]["order_id"].as_str();
    id.unwrap_or_else(|| panic!("{} {body}", reply.status)).to_owned()
}

/// Whether an order was refused here because no connection, token or health was there yet.
pub fn is_for_want_of_a_path(record: &ExecutionRecord) -> bool {
    record.kind == ExecutionKind::Rejected
        && record.sent == UnixNanos::NONE
        && matches!(record.reject, RejectClass::Busy | RejectClass::NotConnected)
}

/// Whether an order was refused here, before it left, by our own rate limit.
pub fn is_for_want_of_a_permit(record: &ExecutionRecord) -> bool {
    record.kind == ExecutionKind::Rejected
        && record.sent == UnixNanos::NONE
        && record.reject == RejectClass::RateLimited
}

impl Drop for Rig {
    fn drop(&mut self) {
        drop(self.gateway.take());
        let ended = self.reactor.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(!matches!(ended, Some(Err(_))), "the reactor panicked");
        }
    }
}

/// A decimal out of text.
pub fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}
