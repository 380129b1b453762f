//! The local OANDA as one pure state machine: requests and time in; replies, stream lines and closes out.
//!
//! Guarantees: the same configuration and calls with the same times give the same outputs, byte for byte. Owns no
//! socket, clock or thread and draws nothing from the system.

use super::candles::Candles;
use super::config::{Config, Identity, Limits, Token};
use super::exchange::Exchange;
use super::observed::Observed;
use super::reject::too_many;
use super::stream::Stream;
use crate::sim::controls::{Clockwork, Model, Reports, VenueEnd};
use crate::sim::market::Side;
use crate::sim::server::{ConnId, Door, Output, Request, Response, Venue};
use crate::sim::window::Window;
use crate::sim::RequestLog;
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, VecDeque};

/// Port of the REST host among the venue's doors.
pub const DOOR_REST: Door = 0;
/// Port of the stream host.
pub const DOOR_STREAM: Door = 1;
/// Request ids look like the venue's and count up from here.
const REQUEST_ID_FIRST: u64 = 70_000_000_000_000_000;

/// The venue.
#[derive(Debug)]
pub struct Oanda {
    pub(crate) exchange: Exchange,
    /// One per market.
    pub(crate) candles: Vec<Candles>,
    pub(crate) identity: Identity,
    pub(crate) mt4_account: Option<String>,
    pub(crate) token: Token,
    pub(crate) token_revoked: bool,
    pub(crate) account_forbidden: bool,
    pub(crate) started_ns: u64,
    pub(crate) base_url: String,
    pub(crate) limits: Limits,
    pub(crate) requests: Window,
    connections: Window,
    pub(crate) streams: BTreeMap<ConnId, Stream>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) observed: Observed,
    pub(crate) heartbeat_ns: u64,
    pub(crate) window_ns: u64,
    /// The last transaction that is on its way to the streams.
    pub(crate) queued: u64,
    /// Transactions on their way, in order, each with the time it is due.
    pub(crate) transactions_due: VecDeque<(u64, u64)>,
    pub(crate) reports: Reports,
    /// Price lines still to be lost, by instrument.
    pub(crate) prices_to_drop: BTreeMap<String, u32>,
    request_id: u64,
    clockwork: Clockwork,
}

impl Oanda {
    /// A venue that starts at `now_ns`; `base_url` is its REST host, for the addresses it hands out.
    pub fn new(config: &Config, base_url: &str, now_ns: u64) -> Self {
        let exchange = Exchange::new(config, now_ns);
        let mut venue = Self {
            candles: exchange.markets.iter().map(|_| Candles::default()).collect(),
            queued: exchange.log.last(),
            exchange,
            identity: config.identity.clone(),
            mt4_account: config.mt4_account.clone(),
            token: config.token.clone(),
            token_revoked: false,
            account_forbidden: false,
            started_ns: now_ns,
            base_url: base_url.to_owned(),
            limits: config.limits,
            requests: Window::default(),
            connections: Window::default(),
            streams: BTreeMap::new(),
            outputs: Vec::new(),
            observed: Observed::default(),
            heartbeat_ns: config.heartbeat_ns,
            window_ns: config.window_ns,
            transactions_due: VecDeque::new(),
            reports: Reports::lagging(config.listing_lag_ns),
            prices_to_drop: BTreeMap::new(),
            request_id: REQUEST_ID_FIRST,
            clockwork: Clockwork::new(config.events_per_s, now_ns, config.seed.wrapping_add(1)),
        };
        (0..venue.exchange.markets.len()).for_each(|index| venue.note_price(now_ns, index));
        venue
    }

    pub(crate) fn next_request_id(&mut self) -> u64 {
        self.request_id += 1;
        self.request_id
    }

    /// Follows a change of an instrument's price.
    pub(crate) fn price_changed(&mut self, now_ns: u64, index: usize) {
        self.note_price(now_ns, index);
        self.exchange.price_changed(now_ns, index);
    }

    fn note_price(&mut self, now_ns: u64, index: usize) {
        let (Some(market), Some(candles)) = (self.exchange.markets.get(index), self.candles.get_mut(index)) else {
            return;
        };
        let tenth = market.instrument.point() / Decimal::TEN;
        let tenths = |price: Decimal| price.checked_div(tenth).and_then(|n| n.to_i64()).unwrap_or(0);
        candles.add(now_ns, [market.best(Side::Sell), market.mid(), market.best(Side::Buy)].map(tenths));
    }
}

impl Model for Oanda {
    fn clockwork(&mut self) -> &mut Clockwork {
        &mut self.clockwork
    }

    fn markets(&self) -> usize {
        self.exchange.markets.len()
    }

    fn market_event(&mut self, now_ns: u64, index: usize) {
        if let Some(market) = self.exchange.markets.get_mut(index).filter(|m| m.tradeable) {
            market.step(now_ns);
            self.price_changed(now_ns, index);
        }
    }

    fn end_order(&mut self, now_ns: u64, client_order_id: &str, end: VenueEnd) -> bool {
        let reason = match end {
            VenueEnd::Cancelled => "MARKET_HALTED",
            VenueEnd::Expired => "TIME_IN_FORCE_EXPIRED",
        };
        self.exchange.end_alone(now_ns, client_order_id, reason)
    }

    fn reports(&mut self) -> &mut Reports {
        &mut self.reports
    }

    fn forget_user_events(&mut self) {
        self.queued = self.exchange.log.last();
        self.observed.lines_dropped += self.transactions_due.len() as u64;
        self.transactions_due.clear();
    }

    fn seen(&self) -> &RequestLog {
        &self.observed
    }

    fn rate_limit_hits(&self) -> u64 {
        self.requests.refused + self.observed.connections_refused
    }
}

impl Venue for Oanda {
    fn connected(&mut self, now_ns: u64, _door: Door, _conn: ConnId) -> Option<Response> {
        if self.connections.take(now_ns, self.limits.connections_per_s) {
            return None;
        }
        self.observed.connections_refused += 1;
        Some(too_many("newly established connections. Allowed rate: 2 connections per second"))
    }

    fn arrived(&mut self, now_ns: u64, _door: Door, request: &Request) {
        self.observed.arrived(now_ns, request);
    }

    fn open_ended(&mut self, now_ns: u64, door: Door, conn: ConnId, request: &Request) -> Option<Response> {
        if door != DOOR_STREAM {
            return None;
        }
        let wanted = self.wanted(request).ok()?;
        Some(self.begin_stream(now_ns, conn, request, wanted))
    }

    fn http(&mut self, now_ns: u64, door: Door, request: &Request) -> Response {
        if door == DOOR_REST {
            return self.rest(now_ns, request);
        }
        // A stream that would open gets here only when a fault replaces its reply anyway.
        let response = self.wanted(request).err().unwrap_or_else(|| Response::text(503, "Service Unavailable\n"));
        let id = self.next_request_id();
        self.dressed(response, request, id)
    }

    fn upgrade(&mut self, _now_ns: u64, _door: Door, _conn: ConnId, _request: &Request) -> Result<(), Response> {
        Err(Response::text(400, "Bad Request\n"))
    }

    /// There are no WebSockets.
    fn text(&mut self, _now_ns: u64, _conn: ConnId, _text: &str) {}

    fn closed(&mut self, _now_ns: u64, conn: ConnId) {
        self.streams.remove(&conn);
    }

    fn tick(&mut self, now_ns: u64) -> Option<u64> {
        let market = self.run_market(now_ns);
        let expiry = self.exchange.expire(now_ns);
        let streams = self.run_streams(now_ns);
        [market, expiry, streams].into_iter().flatten().min()
    }

    fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }
}
