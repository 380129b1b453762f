//! The local Coinbase as one pure state machine: requests, messages and time in; replies, frames and closes out.
//!
//! Guarantees: the same configuration, key and calls with the same times give the same outputs, byte for byte.
//! Owns no socket, clock or thread and draws nothing from the system.

use super::auth::{ApiKey, LegacyKey};
use super::config::{Config, Permissions, Unconfirmed};
use super::errors::{Generation, ReasonPlace};
use super::exchange::{Exchange, Update};
use super::exchange_feed::{ExchangeCredentials, ExchangeFeed};
use super::limits::Limits;
use super::observed::Observed;
use super::product::Market;
use super::session::Session;
use super::stream::Publisher;
use crate::sim::controls::{Clockwork, Model, Reports, VenueEnd};
use crate::sim::server::{CloseHow, ConnId, Door, Output, Request, Response, Venue};
use crate::sim::window::Window;
use crate::sim::{Credentials, RequestLog, Rng};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Where the API lives on the REST host.
pub(crate) const PREFIX: &str = "/api/v3/brokerage/";
/// The production host name, which some clients sign whatever they connect to.
pub const PRODUCTION_HOST: &str = "api.coinbase.com";
/// Port of the REST API among the venue's doors.
pub const DOOR_REST: Door = 0;
/// Port of the market-data WebSocket.
pub const DOOR_MARKET: Door = 1;
/// Port of the user WebSocket.
pub const DOOR_USER: Door = 2;
/// Port of the Exchange feed.
pub const DOOR_EXCHANGE: Door = 3;
/// Trades kept for snapshots and `GET …/ticker` (Coinbase reference 6.5: the last 100).
const TRADES_KEPT: usize = 100;
const VIEW_ONLY: Permissions = Permissions { view: true, trade: false };

/// Headers of the kind the venue's front end adds to each reply: with the others more than 32 of them, which is where
/// some clients' parsers stop.
const USUAL_HEADERS: [(&str, &str); 30] = [
    ("access-control-allow-headers", "Content-Type, Accept, Origin, Authorization, CB-ACCESS-KEY, CB-ACCESS-SIGN"),
    ("access-control-allow-methods", "GET,POST,DELETE,PUT"),
    ("access-control-allow-private-network", "true"),
    ("access-control-expose-headers", ""),
    ("access-control-max-age", "7200"),
    ("cache-control", "no-store"),
    ("cf-cache-status", "DYNAMIC"),
    ("cf-ray", "0000000000000000-SIM"),
    ("content-security-policy", "default-src 'self'; frame-ancestors 'none'"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-site"),
    ("expect-ct", "max-age=86400, enforce"),
    ("nel", "{\"success_fraction\":0,\"report_to\":\"none\",\"max_age\":604800}"),
    ("origin-agent-cluster", "?1"),
    ("permissions-policy", "interest-cohort=()"),
    ("pragma", "no-cache"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("server", "sim"),
    ("server-timing", "edge;dur=1"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
    ("timing-allow-origin", "*"),
    ("trace-id", "0000000000000000000"),
    ("vary", "Origin, Accept-Encoding"),
    ("x-content-type-options", "nosniff"),
    ("x-dns-prefetch-control", "off"),
    ("x-download-options", "noopen"),
    ("x-frame-options", "DENY"),
    ("x-permitted-cross-domain-policies", "none"),
    ("x-xss-protection", "1; mode=block"),
];

/// The venue.
#[derive(Debug)]
pub struct Coinbase {
    pub(crate) exchange: Exchange,
    /// The one that trades first, then one that may only look.
    pub(crate) keys: Vec<ApiKey>,
    pub(crate) legacy: Option<LegacyKey>,
    pub(crate) hosts: Vec<String>,
    pub(crate) started_ns: u64,
    pub(crate) limits: Limits,
    pub(crate) private_window: Window,
    pub(crate) public_window: Window,
    pub(crate) connection_window: Window,
    pub(crate) message_window: Window,
    pub(crate) sessions: BTreeMap<ConnId, Session>,
    pub(crate) publishers: Vec<Publisher>,
    pub(crate) feed: ExchangeFeed,
    pub(crate) outputs: Vec<Output>,
    pub(crate) observed: Observed,
    pub(crate) first_subscribe_ns: u64,
    pub(crate) level2_products_max: usize,
    /// User-channel updates on their way, in order, each with the time it is due.
    pub(crate) user_events: VecDeque<(u64, Update)>,
    pub(crate) reports: Reports,
    /// Fills lag at least so much.
    pub(crate) fills_lag_ns: u64,
    pub(crate) reason_place: ReasonPlace,
    pub(crate) generation: Generation,
    pub(crate) unconfirmed: Unconfirmed,
    pub(crate) forced_rejects: VecDeque<&'static str>,
    /// `reject_reason`s of orders that are let in and then fail.
    pub(crate) forced_failures: VecDeque<&'static str>,
    /// `edit_failure_reason`s of the next edits.
    pub(crate) forced_edit_failures: VecDeque<&'static str>,
    /// Market-data frames still to be lost.
    pub(crate) frames_to_drop: u32,
    /// Products that no public channel serves.
    pub(crate) unstreamed: BTreeSet<String>,
    clockwork: Clockwork,
}

impl Coinbase {
    /// A venue that starts at `now_ns`. `hosts` are the names it answers to in a token's `uri`, without scheme.
    pub fn new(config: &Config, key: Credentials, hosts: &[String], now_ns: u64) -> Self {
        Self::opened_by(config, Some(key), hosts, now_ns)
    }

    /// The same for a key of the retired scheme alone: `legacy_key` of the configuration.
    pub(crate) fn new_without_key(config: &Config, hosts: &[String], now_ns: u64) -> Self {
        Self::opened_by(config, None, hosts, now_ns)
    }

    fn opened_by(config: &Config, key: Option<Credentials>, hosts: &[String], now_ns: u64) -> Self {
        let feed_key = config.exchange_credentials.clone();
        let feed_key = feed_key.unwrap_or_else(|| ExchangeCredentials::new("local", "bG9jYWw=", "local"));
        let mut seeds = Rng::new(config.seed);
        let market = |product: &super::product::Product| {
            Market::new(product.clone(), seeds.next_u64(), config.depth, TRADES_KEPT, now_ns)
        };
        let markets: Vec<Market> = config.products.iter().map(market).collect();
        let publisher = |i: usize| Publisher::new(config.level2_grid_ns, config.trades_grid_ns, i);
        Self {
            feed: ExchangeFeed::new(feed_key, markets.len()),
            publishers: (0..markets.len()).map(publisher).collect(),
            exchange: Exchange::new(markets, &config.balances, config.fees, config.seed, now_ns),
            keys: [(key, config.permissions), (config.view_only_credentials.clone(), VIEW_ONLY)]
                .into_iter()
                .filter_map(|(credentials, permissions)| Some(ApiKey { credentials: credentials?, permissions }))
                .collect(),
            legacy: config.legacy_key.clone(),
            hosts: hosts.iter().cloned().chain([PRODUCTION_HOST.to_owned()]).collect(),
            started_ns: now_ns,
            limits: config.limits,
            private_window: Window::default(),
            public_window: Window::default(),
            connection_window: Window::default(),
            message_window: Window::default(),
            sessions: BTreeMap::new(),
            outputs: Vec::new(),
            observed: Observed::default(),
            first_subscribe_ns: config.first_subscribe_ns,
            level2_products_max: config.level2_products_max,
            user_events: VecDeque::new(),
            reports: Reports::lagging(config.listing_lag_ns),
            fills_lag_ns: 0,
            reason_place: ReasonPlace::default(),
            generation: Generation::default(),
            unconfirmed: config.unconfirmed,
            forced_rejects: VecDeque::new(),
            forced_failures: VecDeque::new(),
            forced_edit_failures: VecDeque::new(),
            frames_to_drop: 0,
            unstreamed: BTreeSet::new(),
            clockwork: Clockwork::new(config.events_per_s, now_ns, seeds.next_u64()),
        }
    }
}

impl Model for Coinbase {
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
        self.exchange.end_alone(now_ns, client_order_id, end)
    }

    fn reports(&mut self) -> &mut Reports {
        &mut self.reports
    }

    fn forget_user_events(&mut self) {
        self.exchange.updates.clear();
        self.user_events.clear();
    }

    fn seen(&self) -> &RequestLog {
        &self.observed
    }

    fn rate_limit_hits(&self) -> u64 {
        let windows = [&self.private_window, &self.public_window, &self.connection_window, &self.message_window];
        windows.iter().map(|window| window.refused).sum()
    }
}

impl Venue for Coinbase {
    fn arrived(&mut self, now_ns: u64, door: Door, request: &Request) {
        self.observed.arrived(now_ns, door, request);
    }

    fn http(&mut self, now_ns: u64, door: Door, request: &Request) -> Response {
        if door == DOOR_REST {
            let mut response = self.rest(now_ns, request);
            let usual = USUAL_HEADERS.map(|(name, value)| (name.to_owned(), value.to_owned()));
            response.headers.extend(usual);
            response
        } else {
            // A plain request on a WebSocket host.
            Response::text(426, "Upgrade Required\n")
        }
    }

    fn upgrade(&mut self, now_ns: u64, door: Door, conn: ConnId, request: &Request) -> Result<(), Response> {
        if door == DOOR_REST || request.path != "/" {
            return Err(Response::text(404, "404 page not found\n"));
        }
        if !self.connection_window.take(now_ns, self.limits.connections_per_s) {
            return Err(Response::text(429, "Too Many Requests\n"));
        }
        let deadline = now_ns.saturating_add(self.first_subscribe_ns);
        if door == DOOR_EXCHANGE {
            self.feed.opened(conn, deadline);
            return Ok(());
        }
        self.sessions.insert(conn, Session::new(door == DOOR_USER, Some(deadline)));
        Ok(())
    }

    fn text(&mut self, now_ns: u64, conn: ConnId, text: &str) {
        if self.feed.has(conn) {
            self.feed_message(now_ns, conn, text);
        } else {
            self.message(now_ns, conn, text);
        }
    }

    fn closed(&mut self, _now_ns: u64, conn: ConnId) {
        self.sessions.remove(&conn);
        self.feed.closed(conn);
    }

    fn tick(&mut self, now_ns: u64) -> Option<u64> {
        let market = self.run_market(now_ns);
        let orders = self.exchange.run_timers(now_ns);
        let user = self.publish_user(now_ns);
        let data = self.publish_market_data(now_ns);
        let timers = self.session_timers(now_ns);
        let feed = self.feed_timers(now_ns);
        [market, orders, user, data, timers, feed].into_iter().flatten().min()
    }

    fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }
}

impl Coinbase {
    /// Ends a connection from the venue's side.
    pub(crate) fn drop_session(&mut self, conn: ConnId, how: CloseHow) {
        self.sessions.remove(&conn);
        self.outputs.push(Output::Close { conn, how });
    }
}
