//! The local Binance.US as one pure state machine: requests, messages and time in; replies, frames and closes out.
//!
//! Guarantees: the same configuration and calls with the same times give the same outputs, byte for byte. Owns no
//! socket, clock or thread and draws nothing from the system.

use super::config::{ApiKey, Config, ListenKeys};
use super::exchange::{Event, Exchange};
use super::frames::{best, update_id};
use super::kline::Bars;
use super::limits::{Limits, Usage};
use super::observed::Observed;
use super::order::{ms, Order};
use super::product::{Market, Symbol};
use super::publisher::Publisher;
use super::session::{ApiSession, Liveness, StreamSession};
use super::user::ListenKey;
use super::ws_api::{Later, Waiting};
use crate::sim::controls::{Clockwork, Model, Reports, VenueEnd};
use crate::sim::server::{CloseHow, ConnId, Control, Door, Faults, Output, Request, Response, Venue};
use crate::sim::window::Window;
use crate::sim::{RequestLog, Rng};
use std::collections::{BTreeMap, VecDeque};

/// Port of the REST API among the venue's doors.
pub const DOOR_REST: Door = 0;
/// Port of the market and listen-key streams.
pub const DOOR_STREAM: Door = 1;
/// Port of the WebSocket API.
pub const DOOR_WS_API: Door = 2;
/// Trades kept per symbol: as many as GET trades shows.
const TRADES_KEPT: usize = 1_000;
/// Weight of a connection to the WebSocket API (Binance.US reference 0).
const CONNECT_WEIGHT: u64 = 2;
const MINUTE_MS: u64 = 60_000;

/// The venue.
#[derive(Debug)]
pub struct BinanceUs {
    pub(crate) exchange: Exchange,
    /// One per symbol, as the markets.
    pub(crate) bars: Vec<Bars>,
    pub(crate) publishers: Vec<Publisher>,
    pub(crate) key: ApiKey,
    pub(super) key_may_trade: bool,
    pub(super) account_may_trade: bool,
    pub(crate) key_revoked: bool,
    pub(crate) started_ns: u64,
    pub(crate) limits: Limits,
    pub(crate) usage: Usage,
    pub(crate) streams: BTreeMap<ConnId, StreamSession>,
    pub(crate) apis: BTreeMap<ConnId, ApiSession>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) observed: Observed,
    pub(crate) listen_keys: ListenKeys,
    pub(crate) listen_key: Option<ListenKey>,
    pub(crate) listen_key_ns: u64,
    ping_interval_ns: u64,
    pong_timeout_ns: u64,
    lifetime_ns: u64,
    pub(crate) events_before_reply: bool,
    /// User events on their way, in order, each with the time it is due.
    pub(crate) user_events: VecDeque<(u64, Event)>,
    pub(crate) reports: Reports,
    /// Ends of subscriptions, told after the reply.
    pub(crate) farewells: Vec<(ConnId, String)>,
    pub(crate) forced_rejects: VecDeque<(i32, &'static str)>,
    /// Frames still to be lost, by stream name.
    pub(crate) frames_to_drop: BTreeMap<String, u32>,
    /// Faults of single requests on the WebSocket API.
    pub(crate) ws_faults: Faults,
    pub(crate) waiting: Vec<Waiting>,
    clockwork: Clockwork,
}

impl BinanceUs {
    /// A venue that starts at `now_ns`.
    pub fn new(config: &Config, now_ns: u64) -> Self {
        let mut seeds = Rng::new(config.seed);
        let market = |s: &Symbol| Market::new(s.clone(), seeds.next_u64(), config.depth, TRADES_KEPT, now_ns);
        let markets: Vec<Market> = config.symbols.iter().map(market).collect();
        let periods = [config.depth_grid_ns, config.slow_grid_ns, config.kline_grid_ns];
        let minute_ms = ms(now_ns) / MINUTE_MS * MINUTE_MS;
        let bars = |market: &Market| {
            let mut bars = Bars::default();
            market.trades.iter().rev().for_each(|trade| bars.add(trade, &market.product));
            bars.roll(now_ns, market.last());
            bars
        };
        Self {
            bars: markets.iter().map(bars).collect(),
            publishers: markets.iter().map(|m| Publisher::new(periods, update_id(m), best(m), minute_ms)).collect(),
            exchange: Exchange::new(markets, &config.balances, config.fees, config.seed),
            key: config.key.clone(),
            key_revoked: false,
            key_may_trade: config.key_may_trade,
            account_may_trade: config.account_may_trade,
            started_ns: now_ns,
            limits: config.limits,
            usage: Usage::new(),
            streams: BTreeMap::new(),
            apis: BTreeMap::new(),
            outputs: Vec::new(),
            observed: Observed::default(),
            listen_keys: config.listen_keys,
            listen_key: None,
            listen_key_ns: config.listen_key_ns,
            ping_interval_ns: config.ping_interval_ns,
            pong_timeout_ns: config.pong_timeout_ns,
            lifetime_ns: config.lifetime_ns,
            events_before_reply: config.events_before_reply,
            user_events: VecDeque::new(),
            reports: Reports::lagging(config.listing_lag_ns),
            farewells: Vec::new(),
            forced_rejects: VecDeque::new(),
            frames_to_drop: BTreeMap::new(),
            ws_faults: Faults::default(),
            waiting: Vec::new(),
            clockwork: Clockwork::new(config.events_per_s, now_ns, seeds.next_u64()),
        }
    }

    /// Sends a text to a connection as it is.
    pub(crate) fn send(&mut self, conn: ConnId, text: String) {
        self.outputs.push(Output::Text { conn, text });
    }

    /// Ends a connection from the venue's side.
    pub(crate) fn drop_connection(&mut self, conn: ConnId, how: CloseHow) {
        self.streams.remove(&conn);
        self.apis.remove(&conn);
        self.outputs.push(Output::Close { conn, how });
    }

    /// Lets replies go that a fault holds on the WebSocket API.
    pub(crate) fn release_ws_replies(&mut self, now_ns: u64) {
        for waiting in self.waiting.iter_mut().filter(|w| matches!(w.what, Later::Reply(_))) {
            waiting.due_ns.get_or_insert(now_ns);
        }
    }

    /// Pings, and ends of connections that do not answer or are too old.
    fn run_liveness(&mut self, now_ns: u64) -> Option<u64> {
        let (mut next, mut pings, mut ends) = (None, Vec::new(), Vec::new());
        let streams = self.streams.iter_mut().map(|(conn, s)| (*conn, &mut s.life));
        for (conn, life) in streams.chain(self.apis.iter_mut().map(|(conn, s)| (*conn, &mut s.life))) {
            let old_ns = life.opened_ns.saturating_add(self.lifetime_ns);
            let silent_ns = match self.ping_interval_ns {
                0 => u64::MAX,
                _ => life.pong_ns.saturating_add(self.pong_timeout_ns),
            };
            if old_ns.min(silent_ns) <= now_ns {
                ends.push(conn);
                continue;
            }
            if let Some(at) = life.next_ping_ns.as_mut().filter(|at| **at <= now_ns) {
                *at = now_ns.saturating_add(self.ping_interval_ns);
                pings.push(conn);
            }
            next = [Some(old_ns.min(silent_ns)), life.next_ping_ns, next].into_iter().flatten().min();
        }
        for conn in pings {
            self.outputs.push(Output::Ping { conn, payload: ms(now_ns).to_string().into_bytes() });
        }
        for conn in ends {
            self.drop_connection(conn, CloseHow::Frame(1000));
        }
        next
    }
}

impl Model for BinanceUs {
    fn clockwork(&mut self) -> &mut Clockwork {
        &mut self.clockwork
    }

    fn markets(&self) -> usize {
        self.exchange.markets.len()
    }

    fn market_event(&mut self, now_ns: u64, index: usize) {
        if let Some(market) = self.exchange.markets.get_mut(index) {
            let matches = market.step(now_ns);
            self.exchange.settle(now_ns, &matches);
        }
    }

    fn end_order(&mut self, now_ns: u64, client_order_id: &str, end: VenueEnd) -> bool {
        let open = |at: &usize| self.exchange.orders.get(*at).is_some_and(Order::is_open);
        let Some(index) = self.exchange.latest(client_order_id).filter(open) else { return false };
        // What the venue cancels by itself is EXPIRED there; CANCELED is what somebody asked for.
        let (VenueEnd::Cancelled | VenueEnd::Expired) = end;
        self.exchange.expire(now_ns, index, "EXCHANGE_CANCELED");
        self.exchange.settle(now_ns, &[]);
        true
    }

    fn reports(&mut self) -> &mut Reports {
        &mut self.reports
    }

    fn forget_user_events(&mut self) {
        self.exchange.events.clear();
        self.user_events.clear();
    }

    fn seen(&self) -> &RequestLog {
        &self.observed
    }

    fn rate_limit_hits(&self) -> u64 {
        self.usage.refused
    }
}

impl Venue for BinanceUs {
    fn arrived(&mut self, now_ns: u64, door: Door, request: &Request) {
        self.observed.arrived(now_ns, door, request);
    }

    fn http(&mut self, now_ns: u64, door: Door, request: &Request) -> Response {
        if door == DOOR_REST {
            self.rest(now_ns, request)
        } else {
            // A plain request on a WebSocket host.
            Response::text(400, "Bad Request\n")
        }
    }

    fn upgrade(&mut self, now_ns: u64, door: Door, conn: ConnId, request: &Request) -> Result<(), Response> {
        let not_found = || Response::text(404, "404 page not found\n");
        let life = Liveness::new(now_ns, self.ping_interval_ns);
        if !self.usage.connection(now_ns, &self.limits) {
            return Err(Response::text(429, "Too Many Requests\n"));
        }
        match door {
            DOOR_STREAM => {
                let opened = self.open_stream(&request.path, &request.query_pairs());
                let (combined, names) = opened.ok_or_else(not_found)?;
                let (streams, listen_key) = self.first_streams(&names);
                let session = StreamSession { combined, streams, listen_key, messages: Window::default(), life };
                self.streams.insert(conn, session);
            }
            DOOR_WS_API if request.path.trim_end_matches('/') == "/ws-api/v3" => {
                self.usage.request(now_ns, &self.limits, CONNECT_WEIGHT).map_err(|failure| failure.response())?;
                let hidden = ("returnRateLimits".to_owned(), "false".to_owned());
                let show_rate_limits = !request.query_pairs().contains(&hidden);
                let session = ApiSession { show_rate_limits, subscription: None, next_subscription: 0, life };
                self.apis.insert(conn, session);
            }
            _ => return Err(not_found()),
        }
        Ok(())
    }

    fn text(&mut self, now_ns: u64, conn: ConnId, text: &str) {
        if self.apis.contains_key(&conn) {
            self.api_message(now_ns, conn, text);
        } else {
            self.stream_message(now_ns, conn, text);
        }
    }

    fn control(&mut self, now_ns: u64, conn: ConnId, control: &Control) {
        if let Control::Pong(_) = control {
            self.observed.pongs += 1;
            let stream = self.streams.get_mut(&conn).map(|s| &mut s.life);
            if let Some(life) = stream.or_else(|| self.apis.get_mut(&conn).map(|s| &mut s.life)) {
                life.pong_ns = now_ns;
            }
        }
        if self.streams.contains_key(&conn) {
            self.count_stream_message(now_ns, conn);
        }
    }

    fn closed(&mut self, _now_ns: u64, conn: ConnId) {
        self.streams.remove(&conn);
        self.apis.remove(&conn);
        self.waiting.retain(|waiting| waiting.conn != conn);
    }

    fn tick(&mut self, now_ns: u64) -> Option<u64> {
        let market = self.run_market(now_ns);
        let waiting = self.run_waiting(now_ns);
        let user = self.publish_user(now_ns);
        self.say_farewells();
        let data = self.publish_market_data(now_ns);
        let listen_key = self.expire_listen_key(now_ns);
        let liveness = self.run_liveness(now_ns);
        [market, waiting, user, data, listen_key, liveness].into_iter().flatten().min()
    }

    fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }
}
