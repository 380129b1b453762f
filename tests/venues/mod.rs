//! Any local venue, and a gateway to it, behind one set of names: what a fault test shows, it shows for every venue.
//!
//! [`Local`] is a venue, [`Rig`] a gateway to it with one strategy and all it was told. By [`Setup::canned`] the REST API
//! is cans: what no can answers, the local venue's model answers, past all sockets.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::canned::{Canned, Fallback};
use super::common::{self, fast_rules, RootFile, BTC, PATIENCE};
use exchange_connectors::gateway::{
    BinanceUsConfig, BreakerRules, Channels, CoinbaseConfig, Gateway, GatewayBuilder, Idle, Strategy,
};
use exchange_connectors::order::ReconcileRules;
use exchange_connectors::record::{
    ConnectionRole, ConnectionState, ExecutionKind, ExecutionRecord, Fixed, GuardEvent, Instrument, MarketRecord,
    OrderCommand, OrderRef, RejectClass, RequestId, Side, UnixNanos, Venue, View,
};
use exchange_connectors::sim::binance_us::{self, LocalBinanceUs};
use exchange_connectors::sim::coinbase::{self, LocalVenue};
use exchange_connectors::sim::server::{Door, Fault, FaultRule, Request, Response, Venue as _};
use exchange_connectors::venue::binance_us::{auth as binance_us_key, BinanceUsEndpoints};
use exchange_connectors::venue::coinbase::auth::CdpKey;
use exchange_connectors::venue::coinbase::{CoinbaseEndpoints, Endpoint};
use rust_decimal::Decimal;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one look at the rings sleeps when nothing comes.
const LOOK: Duration = Duration::from_millis(2);

/// A local venue.
pub enum Local {
    Coinbase(LocalVenue),
    BinanceUs(LocalBinanceUs),
}

/// The same words to whichever venue it is.
macro_rules! at {
    ($local:expr, $venue:ident => $said:expr) => {
        match $local {
            Local::Coinbase($venue) => $said,
            Local::BinanceUs($venue) => $said,
        }
    };
}

/// Where the REST API of a venue is asked what: method and path.
#[derive(Clone, Copy)]
pub struct Paths {
    pub place: (&'static str, &'static str),
    pub cancel: (&'static str, &'static str),
    /// Where an order of unknown outcome is looked for.
    pub recent_orders: (&'static str, &'static str),
    /// What `Queries::balances` asks.
    pub balances: (&'static str, &'static str),
    /// The public question for the time, by which connections are kept warm and breakers probe.
    pub time: (&'static str, &'static str),
}

impl Local {
    /// Every venue that trades through the gateway.
    pub const ALL: [Venue; 2] = [Venue::Coinbase, Venue::BinanceUs];

    /// Quiet, and opened by a throwaway key.
    pub fn start(at: Venue) -> Local {
        match at {
            Venue::Coinbase => Local::Coinbase(LocalVenue::start(common::quiet_venue()).unwrap()),
            Venue::BinanceUs => Local::BinanceUs(LocalBinanceUs::start(binance_us::Config::quiet()).unwrap()),
            Venue::Oanda => panic!("OANDA does not trade through the gateway yet"),
        }
    }

    pub fn venue(&self) -> Venue {
        match self {
            Local::Coinbase(_) => Venue::Coinbase,
            Local::BinanceUs(_) => Venue::BinanceUs,
        }
    }

    pub fn paths(&self) -> Paths {
        match self {
            Local::Coinbase(_) => Paths {
                place: ("POST", common::ORDERS),
                cancel: ("POST", common::BATCH_CANCEL),
                recent_orders: ("GET", common::LIST_ORDERS),
                balances: ("GET", "/api/v3/brokerage/accounts"),
                time: ("GET", "/api/v3/brokerage/time"),
            },
            Local::BinanceUs(_) => Paths {
                place: ("POST", "/api/v3/order"),
                cancel: ("DELETE", "/api/v3/order"),
                recent_orders: ("GET", "/api/v3/allOrders"),
                balances: ("GET", "/api/v3/account"),
                time: ("GET", "/api/v3/time"),
            },
        }
    }

    /// The venue's name of bitcoin in dollars.
    pub fn symbol(&self) -> &'static str {
        match self {
            Local::Coinbase(_) => BTC,
            Local::BinanceUs(_) => "BTCUSD",
        }
    }

    /// Where the account's events come from.
    pub fn user_door(&self) -> Door {
        match self {
            Local::Coinbase(_) => coinbase::DOOR_USER,
            Local::BinanceUs(_) => binance_us::DOOR_WS_API,
        }
    }

    pub fn rest_door(&self) -> Door {
        match self {
            Local::Coinbase(_) => coinbase::DOOR_REST,
            Local::BinanceUs(_) => binance_us::DOOR_REST,
        }
    }

    fn ca_pem(&self) -> &str {
        at!(self, venue => venue.ca_pem())
    }

    /// Answers a request as if it had come in by REST, past all sockets. A signature that names the host is made anew.
    pub fn serve(&self, mut request: Request) -> Response {
        match self {
            Local::Coinbase(venue) => {
                if let Some((_, token)) = request.headers.iter_mut().find(|(name, _)| name == "authorization") {
                    let key = venue.credentials();
                    let key = CdpKey::new(key.name(), key.secret()).unwrap();
                    let host = venue.rest_url().replace("https://", "");
                    let now = std::time::UNIX_EPOCH.elapsed().unwrap();
                    let nonce = now.as_nanos().to_be_bytes();
                    let minted = key.mint_rest(&request.method, &host, &request.path, now.as_secs(), nonce).unwrap();
                    *token = format!("Bearer {minted}");
                }
                venue
                    .call(move |core, now_ns| {
                        core.venue.arrived(now_ns, coinbase::DOOR_REST, &request);
                        core.venue.http(now_ns, coinbase::DOOR_REST, &request)
                    })
                    .unwrap()
            }
            Local::BinanceUs(venue) => venue
                .call(move |core, now_ns| {
                    core.venue.arrived(now_ns, binance_us::DOOR_REST, &request);
                    core.venue.http(now_ns, binance_us::DOOR_REST, &request)
                })
                .unwrap(),
        }
    }

    /// Somebody else with the same account places a bid far below the market, past all sockets.
    pub fn strangers_bid(&self, symbol: &str, client_order_id: &str) {
        let (price, size) = if symbol == self.symbol() { ("50000", "0.01") } else { ("1500", "0.1") };
        let (method, path) = self.paths().place;
        let request = Request { method: method.into(), path: path.into(), ..Request::default() };
        let request = match self {
            Local::Coinbase(_) => Request {
                headers: vec![("authorization".into(), "Bearer".into())],
                body: format!(
                    r#"{{"client_order_id":"{client_order_id}","product_id":"{symbol}","side":"BUY","order_configuration":{{"limit_limit_gtc":{{"base_size":"{size}","limit_price":"{price}","post_only":true}}}}}}"#
                )
                .into_bytes(),
                ..request
            },
            Local::BinanceUs(venue) => {
                let key = venue.key();
                let stamp = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
                let order = format!(
                    "symbol={symbol}&side=BUY&type=LIMIT&timeInForce=GTC&quantity={size}&price={price}&newClientOrderId={client_order_id}&timestamp={stamp}"
                );
                let mut signature = Vec::new();
                let credentials = binance_us_key::Credentials::new(key.key(), key.secret()).unwrap();
                credentials.sign_rest(order.as_bytes(), &[], &mut signature);
                let query = format!("{order}&signature={}", String::from_utf8(signature).unwrap());
                Request { headers: vec![("x-mbx-apikey".into(), key.key().into())], query, ..request }
            }
        };
        let reply = self.serve(request);
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        assert!(self.holds(client_order_id), "{}", String::from_utf8_lossy(&reply.body));
    }

    /// The venue's name of something that no test trades.
    pub fn other_symbol(&self) -> &'static str {
        match self {
            Local::Coinbase(_) => "ETH-USD",
            Local::BinanceUs(_) => "ETHUSD",
        }
    }

    /// What may be said on the stream of the account's events and means nothing.
    pub fn nonsense(&self) -> [&'static str; 4] {
        match self {
            Local::Coinbase(_) => [
                "{not json",
                r#"{"channel":"user","timestamp":"2026-11-22T00:00:00Z","events":7}"#,
                r#"{"channel":"user","timestamp":"2026-11-22T00:00:00Z","events":[{"type":"update","orders":[{"product_id":"NO-SUCH","order_id":5}]}]}"#,
                r#"{"channel":"user","timestamp":"2026-11-22T00:00:00Z","events":[{"type":"update","orders":[{"order_id":"x","client_order_id":"y","product_id":"NO-SUCH","status":"OPEN","order_side":"BUY","cumulative_quantity":"0","leaves_quantity":"1","avg_price":"0"}]}]}"#,
            ],
            Local::BinanceUs(_) => [
                "{not json",
                r#"{"event":7}"#,
                r#"{"subscriptionId":0,"event":{"e":"executionReport","s":"NOSUCH"}}"#,
                r#"{"subscriptionId":0,"event":{"e":"horoscope","E":1}}"#,
            ],
        }
    }

    /// How often an order arrived, answered or not.
    pub fn orders_received(&self, client_order_id: &str) -> u64 {
        at!(self, venue => venue.orders_received(client_order_id).unwrap())
    }

    /// How many new orders arrived by REST, answered or not.
    pub fn orders_posted(&self) -> u64 {
        let (method, path) = self.paths().place;
        at!(self, venue => venue.requests(&format!("{method} {path}")).unwrap())
    }

    /// Lets the market move once.
    pub fn step(&self) {
        at!(self, venue => venue.step(1).unwrap());
    }

    /// How the venue itself sees an order.
    pub fn state_of(&self, client_order_id: &str) -> Option<&'static str> {
        at!(self, venue => venue.order(client_order_id).unwrap().map(|(_, state, _)| state))
    }

    /// Whether the venue holds an order open.
    pub fn holds(&self, client_order_id: &str) -> bool {
        matches!(self.state_of(client_order_id), Some("OPEN" | "NEW" | "PARTIALLY_FILLED" | "PENDING"))
    }

    pub fn inject(&self, rule: FaultRule) {
        at!(self, venue => venue.inject(rule).unwrap());
    }

    /// Something is wrong with the next new order's request.
    pub fn spoil_next_order(&self, fault: Fault) {
        let (method, path) = self.paths().place;
        self.inject(FaultRule::next(method, path, fault));
    }

    /// The same where orders go over a connection that carries many (the WebSocket API of Binance.US).
    pub fn spoil_next_api_order(&self, fault: Fault) {
        match self {
            Local::BinanceUs(venue) => venue.inject_next_ws("order.place", fault).unwrap(),
            Local::Coinbase(_) => panic!("Coinbase has no order entry but REST"),
        }
    }

    pub fn clear_faults(&self) {
        at!(self, venue => venue.clear_faults().unwrap());
    }

    pub fn hold_user_events(&self) {
        at!(self, venue => venue.hold_user_events().unwrap());
    }

    pub fn drop_user_events(&self) {
        at!(self, venue => venue.drop_user_events().unwrap());
    }

    pub fn release_user_events(&self) {
        at!(self, venue => venue.release_user_events().unwrap());
    }

    pub fn lag_listings(&self, lag_ms: u64) {
        at!(self, venue => venue.lag_listings(lag_ms * 1_000_000).unwrap());
    }

    pub fn fill(&self, client_order_id: &str, size: &str) {
        let size: Decimal = size.parse().unwrap();
        let traded = at!(self, venue => venue.fill_order(client_order_id, size).unwrap());
        assert_eq!(traded, size, "the order rests");
    }

    pub fn delay_user_events(&self, delay_ms: u64) {
        at!(self, venue => venue.delay_user_events(delay_ms * 1_000_000).unwrap());
    }

    pub fn repeat_user_events(&self, times: usize) {
        at!(self, venue => venue.repeat_user_events(times).unwrap());
    }

    /// The REST connections there are now go half-open, or go on.
    pub fn freeze_rest(&self, frozen: bool) -> usize {
        at!(self, venue => venue.set_frozen(self.rest_door(), frozen).unwrap())
    }

    pub fn step_clock(&self, ahead_ms: u64) {
        at!(self, venue => venue.step_clock(ahead_ms * 1_000_000).unwrap());
    }

    /// Something past the model to whoever hears the account's events.
    pub fn say_on_user_stream(&self, text: &str) {
        let heard = at!(self, venue => venue.send_raw(self.user_door(), text).unwrap());
        assert!(heard > 0, "somebody listens");
    }

    pub fn down(&self) {
        at!(self, venue => venue.down().unwrap());
    }

    pub fn up(&self) {
        at!(self, venue => venue.up().unwrap().unwrap());
    }

    /// Where the gateway finds it, REST elsewhere if `rest` says so. Orders go over REST at every venue.
    fn configure(&self, builder: GatewayBuilder, rest: Option<&str>, setup: &Setup) -> GatewayBuilder {
        match self {
            Local::Coinbase(venue) => {
                let mut endpoints = common::endpoints(venue);
                if let Some(rest) = rest {
                    endpoints = CoinbaseEndpoints { rest: Endpoint::https(rest).unwrap(), ..endpoints };
                }
                let key = venue.credentials();
                let config = CoinbaseConfig::default().endpoints(endpoints).order_connections(setup.order_connections);
                let mut config = config.reply_timeout_ms(setup.reply_timeout_ms);
                if let Some(every_ms) = setup.warm_every_ms {
                    config = config.warm_every_ms(every_ms);
                }
                builder.coinbase(config.credentials(key.name(), key.secret()).unwrap())
            }
            Local::BinanceUs(venue) => {
                let here = venue.rest_url();
                let rest = rest.unwrap_or(&here);
                let endpoints = BinanceUsEndpoints::parse(rest, &venue.stream_url(), &venue.ws_api_url()).unwrap();
                let config = BinanceUsConfig::default().endpoints(endpoints).api_connections(setup.api_connections);
                let mut config =
                    config.order_connections(setup.order_connections).reply_timeout_ms(setup.reply_timeout_ms);
                if let Some(every_ms) = setup.warm_every_ms {
                    config = config.warm_every_ms(every_ms);
                }
                builder.binance_us(config.credentials(venue.key().key(), venue.key().secret()).unwrap())
            }
        }
    }
}

/// How a [`Rig`] is set up.
pub struct Setup {
    /// A reply that takes longer is none, ms.
    pub reply_timeout_ms: u64,
    pub order_connections: usize,
    /// Connections for orders that carry many, where the venue has them; over REST if 0.
    pub api_connections: usize,
    pub reconcile: ReconcileRules,
    pub breaker: BreakerRules,
    pub query_timeout_ms: u64,
    pub channels: Channels,
    /// Idle connections are used this often, ms; as configured by default if `None`.
    pub warm_every_ms: Option<u64>,
    /// See [`Setup::canned`].
    pub canned: bool,
}

impl Setup {
    /// Fast reconciliation, no limits, and a breaker that never opens: what fails, fails for itself.
    pub fn direct() -> Setup {
        let never = u32::MAX;
        Setup {
            reply_timeout_ms: 400,
            order_connections: 2,
            api_connections: 0,
            reconcile: fast_rules(),
            breaker: BreakerRules {
                outcomes_min: never,
                timeouts_max: never,
                server_errors_max: never,
                ..BreakerRules::default()
            },
            query_timeout_ms: 1_500,
            channels: Channels::NONE,
            warm_every_ms: None,
            canned: false,
        }
    }

    /// The same, the REST API being cans.
    pub fn canned() -> Setup {
        Setup { canned: true, ..Setup::direct() }
    }

    /// The venue, the cans, and the gateway's configuration.
    pub fn prepare(&self, at: Venue) -> (Arc<Local>, Option<Canned>, GatewayBuilder, RootFile) {
        common::logs();
        let local = Arc::new(Local::start(at));
        let canned = self.canned.then(|| {
            let model = local.clone();
            Canned::before(Fallback::new(move |request| model.serve(request)))
        });
        let roots = canned.as_ref().map_or("", |canned| &canned.ca_pem);
        let roots = RootFile::write(&format!("{}{roots}", local.ca_pem()));
        let builder = GatewayBuilder::default()
            .without_limits()
            .idle(Idle::Block)
            .reconcile(self.reconcile)
            .breaker(self.breaker)
            .query_timeout_ms(self.query_timeout_ms)
            // Its listings would be counted, and meet the faults, that tests mean for the engine's.
            .without_reactor_watch()
            .root_certificates(&roots.path);
        let rest = canned.as_ref().map(Canned::url);
        let builder = local.configure(builder, rest.as_deref(), self);
        (local, canned, builder, roots)
    }

    /// Starts everything and waits until orders may leave.
    pub fn start(self, at: Venue) -> Rig {
        self.start_by(at, |builder| builder)
    }

    /// The same with a gateway of another kind.
    pub fn start_by(self, at: Venue, change: impl FnOnce(GatewayBuilder) -> GatewayBuilder) -> Rig {
        let (local, canned, builder, roots) = self.prepare(at);
        let gateway = change(builder).start().unwrap();
        let strategy = gateway.strategy().unwrap();
        let btc = gateway.subscribe(strategy.id(), at, local.symbol(), self.channels).unwrap();
        let (executions, market) = (vec![], vec![]);
        let mut rig = Rig { gateway, strategy, btc, executions, market, canned, local, _roots: roots };
        rig.healthy();
        rig
    }
}

/// A venue, a gateway to it, one strategy and all it was told.
pub struct Rig {
    pub gateway: Gateway,
    pub strategy: Strategy,
    pub btc: Arc<Instrument>,
    pub executions: Vec<ExecutionRecord>,
    pub market: Vec<MarketRecord>,
    canned: Option<Canned>,
    pub local: Arc<Local>,
    _roots: RootFile,
}

impl Rig {
    pub fn canned(&self) -> &Canned {
        self.canned.as_ref().expect("a setup with cans")
    }

    fn take(&mut self) {
        while let Some(record) = self.strategy.market.pop() {
            self.market.push(record);
        }
        while let Some(record) = self.strategy.executions.pop() {
            self.executions.push(record);
        }
    }

    /// Takes records until `done` says so; fails the test after [`PATIENCE`].
    #[track_caller]
    pub fn until<T>(&mut self, what: &str, mut done: impl FnMut(&mut Rig) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.take();
            if let Some(found) = done(self) {
                return found;
            }
            let at = self.local.venue();
            assert!(Instant::now() < deadline, "{at}: {what} did not come; executions: {:#?}", self.executions);
            self.strategy.wait(LOOK);
        }
    }

    /// Takes records for so long. Only to show that something does NOT happen.
    pub fn watch(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.strategy.wait(LOOK);
            self.take();
        }
    }

    /// How connections of a role stand, as last told.
    pub fn state(&self, of: ConnectionRole) -> Option<ConnectionState> {
        self.market.iter().rev().find_map(|record| match record.view() {
            View::State(now) if now.role == of => Some(now.state),
            _ => None,
        })
    }

    /// Waits until the account's events are healthy and an order connection is open.
    #[track_caller]
    pub fn healthy(&mut self) {
        self.until("order entry", |rig| {
            let orders = rig.state(ConnectionRole::Orders);
            let open = matches!(orders, Some(ConnectionState::Open | ConnectionState::Healthy));
            (open && rig.state(ConnectionRole::User) == Some(ConnectionState::Healthy)).then_some(())
        });
    }

    /// A good-til-cancelled bid for 0.01 that rests far below the market.
    pub fn resting_bid(&self) -> OrderCommand {
        let mantissa = |text: &str, exponent| Fixed::parse(text).unwrap().rescale(exponent).unwrap();
        let price = mantissa("50000", self.btc.price_exponent);
        OrderCommand::limit(self.btc.id, Side::Buy, price, mantissa("0.01", self.btc.size_exponent))
    }

    pub fn cancel_of(&self, order: RequestId) -> OrderCommand {
        OrderCommand::cancel(self.btc.id, OrderRef::Request(order))
    }

    #[track_caller]
    pub fn submit(&mut self, command: OrderCommand) -> RequestId {
        self.strategy.orders.submit(command).unwrap()
    }

    /// Submits a resting bid until it leaves: what is refused here for want of a token or a connection is submitted
    /// again, as the refusal says. Gives its first record.
    #[track_caller]
    pub fn place(&mut self) -> ExecutionRecord {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let request = self.submit(self.resting_bid());
            let first = self.first(request);
            let want = matches!(first.reject, RejectClass::Busy | RejectClass::NotConnected);
            if !(want && first.sent == UnixNanos::NONE && Instant::now() < deadline) {
                return first;
            }
            self.strategy.wait(Duration::from_millis(1));
        }
    }

    /// Places a resting bid and waits until it is accepted.
    #[track_caller]
    pub fn place_accepted(&mut self) -> ExecutionRecord {
        let first = self.place();
        assert_eq!(first.kind, ExecutionKind::Accepted, "{first:?}");
        first
    }

    /// Waits for the first record of a request.
    #[track_caller]
    pub fn first(&mut self, request: RequestId) -> ExecutionRecord {
        self.until("the first record", |rig| rig.executions.iter().find(|r| r.request == request).copied())
    }

    /// Waits for a record of that kind of a request; fails early if the order ends otherwise.
    #[track_caller]
    pub fn expect(&mut self, request: RequestId, kind: ExecutionKind) -> ExecutionRecord {
        let found = self.until(&format!("{kind:?}"), |rig| {
            let of = |r: &&ExecutionRecord| r.request == request;
            let wanted = rig.executions.iter().filter(of).find(|r| r.kind == kind);
            let ended = || rig.executions.iter().filter(of).find(|r| r.kind.is_terminal());
            wanted.or_else(ended).copied()
        });
        assert_eq!(found.kind, kind, "{}: {:#?}", self.local.venue(), self.records(request));
        found
    }

    /// Waits for news of a guard.
    #[track_caller]
    pub fn guard(&mut self, event: GuardEvent) -> ExecutionRecord {
        self.until(&format!("{event:?}"), |rig| {
            rig.executions.iter().find(|r| r.kind == ExecutionKind::Guard && r.guard == event).copied()
        })
    }

    pub fn records(&self, request: RequestId) -> Vec<ExecutionRecord> {
        self.executions.iter().filter(|r| r.request == request).copied().collect()
    }

    /// The kinds of all records of a request so far but FillDetail, which may come whenever history is listed.
    pub fn law(&self, request: RequestId) -> Vec<ExecutionKind> {
        let kinds = self.executions.iter().filter(|r| r.request == request).map(|r| r.kind);
        kinds.filter(|kind| *kind != ExecutionKind::FillDetail).collect()
    }

    /// Cancels an order and waits for the end.
    #[track_caller]
    pub fn cancel(&mut self, request: RequestId) {
        self.submit(self.cancel_of(request));
        self.expect(request, ExecutionKind::Cancelled);
    }
}
