//! A gateway whose reactor can be made to fail: a handler on its thread does what a test wants at the next market event.
//!
//! The same stage for every venue: a local venue with a market that moves only when told to, open orders of ours, one of a
//! stranger's, and a connection for emergencies that was rehearsed.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::common::{self, is_for_want_of_a_path, is_state, RootFile, PATIENCE};
use super::venues::{Local, Setup};
use exchange_connectors::gateway::{
    Channels, EmergencyState, Gateway, GatewayBuilder, Handler, InlineOrders, Strategy,
};
use exchange_connectors::record::{
    ConnectionRole, ConnectionState, ExecutionKind, ExecutionRecord, Fixed, Instrument, MarketRecord, OrderCommand,
    RequestId, Side, TimeInForce, Venue,
};
use exchange_connectors::sim::binance_us::{self, LocalBinanceUs};
use exchange_connectors::sim::server::{Request, Venue as _};
use exchange_connectors::venue::binance_us::auth::Credentials;
use exchange_connectors::venue::binance_us::cold::{Caller, Scratch};
use exchange_connectors::venue::binance_us::request::{Call, NewOrder, OrderKind, Quantity, ResponseDetail};
use exchange_connectors::venue::binance_us::VenueMs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one look sleeps when nothing comes.
const LOOK: Duration = Duration::from_millis(2);
/// The stranger's client order id.
pub const STRANGER: &str = "somebody-else-1";

/// Somebody else with the same account places a resting bid, past all sockets.
fn strangers_bid(local: &Local) {
    match local {
        Local::Coinbase(venue) => drop(common::strangers_bid(venue, STRANGER, "1000", "0.01")),
        Local::BinanceUs(venue) => binance_us_strangers_bid(venue),
    }
}

fn binance_us_strangers_bid(venue: &LocalBinanceUs) {
    let key = Credentials::new(venue.key().key(), venue.key().secret()).unwrap();
    let host = venue.rest_url().replace("https://", "");
    let caller = Caller { host: &host, user_agent: "stranger", credentials: Some(&key), recv_window_ms: 5_000 };
    let order = NewOrder {
        symbol: "BTCUSD",
        side: Side::Buy,
        kind: OrderKind::Limit,
        time_in_force: Some(TimeInForce::GoodTilCancelled),
        quantity: Quantity::Base(Fixed::parse("0.01").unwrap()),
        price: Some(Fixed::parse("40000").unwrap()),
        stop_price: None,
        trailing_delta: None,
        iceberg: None,
        client_order_id: STRANGER,
        self_trade: None,
        detail: ResponseDetail::Result,
    };
    let now_ns = venue.call(|_, now_ns| now_ns).unwrap();
    let mut bytes = Vec::new();
    let stamp = VenueMs(now_ns / 1_000_000);
    caller.put(&Call::Place(&order), stamp, &mut Scratch::default(), |write| write(&mut bytes)).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let headers = head.lines().skip(1).map(|line| line.split_once(": ").unwrap());
    let request = Request {
        method: "POST".into(),
        path: "/api/v3/order".into(),
        headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(),
        body: body.as_bytes().to_vec(),
        ..Request::default()
    };
    let reply = venue.call(move |core, now_ns| core.venue.http(now_ns, binance_us::DOOR_REST, &request)).unwrap();
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
}

/// Does what it was made for at the first market event after it was armed.
struct Saboteur {
    armed: Arc<AtomicBool>,
    act: Box<dyn FnMut() + Send>,
}

impl Handler for Saboteur {
    fn on_market(&mut self, _: &[MarketRecord], _: &mut InlineOrders) {
        if self.armed.swap(false, Ordering::SeqCst) {
            (self.act)();
        }
    }
}

/// See the module's documentation.
pub struct Stage {
    pub local: Arc<Local>,
    pub gateway: Option<Gateway>,
    pub strategy: Strategy,
    pub btc: Arc<Instrument>,
    /// Our open orders, as they were accepted.
    pub open: Vec<ExecutionRecord>,
    /// All records so far.
    pub executions: Vec<ExecutionRecord>,
    market: Vec<MarketRecord>,
    armed: Arc<AtomicBool>,
    _roots: RootFile,
}

impl Stage {
    /// With three open orders of ours and one of a stranger's.
    pub fn set(
        at: Venue,
        change: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
        act: impl FnMut() + Send + 'static,
    ) -> Stage {
        let (local, _, builder, roots) = Setup::direct().prepare(at);
        let builder = change(builder.reactor_silence_ms_max(3_000));
        let armed = Arc::new(AtomicBool::new(false));
        let saboteur = Saboteur { armed: armed.clone(), act: Box::new(act) };
        let gateway = builder.start_with_handler(Box::new(saboteur)).unwrap();
        let strategy = gateway.strategy().unwrap();
        let symbol = local.symbol();
        let btc = gateway.subscribe(strategy.id(), at, symbol, Channels::NONE).unwrap();
        gateway.subscribe(gateway.inline_strategy().unwrap(), at, symbol, Channels::BOOK).unwrap();
        let (open, executions, market) = (Vec::new(), Vec::new(), Vec::new());
        let gateway = Some(gateway);
        let mut stage = Stage { local, gateway, strategy, btc, open, executions, market, armed, _roots: roots };
        stage.until("the rehearsal", |stage| stage.gateway().emergency().is_ready());
        stage.until("the account's stream", |stage| {
            stage.market.iter().any(|r| is_state(r, ConnectionRole::User, ConnectionState::Healthy))
        });
        for _ in 0..3 {
            let accepted = stage.place_accepted();
            stage.open.push(accepted);
        }
        strangers_bid(&stage.local);
        stage
    }

    pub fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    /// The next market event goes wrong.
    pub fn sabotage(&self) {
        self.armed.store(true, Ordering::SeqCst);
        // One step may happen to change no book.
        let deadline = Instant::now() + PATIENCE;
        while self.armed.load(Ordering::SeqCst) {
            assert!(Instant::now() < deadline, "no market event came");
            self.local.step();
            std::thread::sleep(LOOK);
        }
    }

    /// A bid for 0.01 BTC that rests far below the market.
    pub fn bid(&self) -> OrderCommand {
        let mantissa = |text, exponent| Fixed::parse(text).unwrap().rescale(exponent).unwrap();
        let (price, size) = (mantissa("50000", self.btc.price_exponent), mantissa("0.01", self.btc.size_exponent));
        OrderCommand::limit(self.btc.id, Side::Buy, price, size)
    }

    pub fn submit(&mut self) -> RequestId {
        let bid = self.bid();
        self.strategy.orders.submit(bid).unwrap()
    }

    /// Places a bid; what is refused for want of a token or a connection is submitted again.
    pub fn place_accepted(&mut self) -> ExecutionRecord {
        loop {
            let request = self.submit();
            let first = self.until_some("an answer", |stage| stage.first(request, |_| true));
            if !is_for_want_of_a_path(&first) {
                assert_eq!(first.kind, ExecutionKind::Accepted, "{first:?}");
                return first;
            }
        }
    }

    pub fn first(&self, request: RequestId, is: impl Fn(&ExecutionRecord) -> bool) -> Option<ExecutionRecord> {
        self.executions.iter().find(|r| r.request == request && is(r)).copied()
    }

    /// The kinds of all records of a request but FillDetail.
    pub fn law(&self, request: RequestId) -> Vec<ExecutionKind> {
        let of = self.executions.iter().filter(|r| r.request == request);
        of.map(|r| r.kind).filter(|kind| *kind != ExecutionKind::FillDetail).collect()
    }

    /// How the emergency stands.
    pub fn state(&self) -> EmergencyState {
        self.gateway().emergency().of(self.local.venue()).unwrap().clone()
    }

    /// Every order of ours is cancelled at the venue, and the stranger's is open.
    #[track_caller]
    pub fn assert_only_ours_were_cancelled(&self) {
        for order in &self.open {
            let id = order.client_order_id.as_str();
            let state = self.local.state_of(id);
            assert!(matches!(state, Some("CANCELLED" | "CANCELED")), "{id}: {state:?}");
        }
        assert!(self.local.holds(STRANGER), "{:?}", self.local.state_of(STRANGER));
    }

    #[track_caller]
    pub fn until(&mut self, what: &str, mut is_so: impl FnMut(&Stage) -> bool) {
        self.until_some(what, |stage| is_so(stage).then_some(()));
    }

    #[track_caller]
    pub fn until_some<T>(&mut self, what: &str, mut found: impl FnMut(&Stage) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            while let Some(record) = self.strategy.market.pop() {
                self.market.push(record);
            }
            while let Some(record) = self.strategy.executions.pop() {
                self.executions.push(record);
            }
            if let Some(found) = found(self) {
                return found;
            }
            let report = self.gateway.as_ref().map(Gateway::emergency);
            assert!(Instant::now() < deadline, "{what} did not come; {report:?}; {:#?}", self.executions);
            self.strategy.wait(LOOK);
        }
    }
}
