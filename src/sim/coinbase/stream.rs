//! The WebSocket side: subscriptions, snapshots, and the publication of what changed
//! (Coinbase reference 6).
//!
//! Conflation is per product and shared by all connections: one update is made per grid point and numbered per
//! connection. Data of a new subscription goes out before its ack, as recorded.

use super::frames;
use super::futures;
use super::model::Coinbase;
use super::product::{Market, Trading};
use super::session::{error_frame, Channel, Session};
use super::show::Shown;
use crate::sim::server::{CloseHow, ConnId, Output};
use crate::sim::stamp::go_time_string;
use crate::sim::{Json, SECOND_NS};
use serde_json::Value;
use std::collections::BTreeSet;

/// Orders per frame of the user snapshot (reference 6.8).
const USER_SNAPSHOT_BATCH: usize = 50;
/// `ticker_batch` period (reference 6.6).
const TICKER_BATCH_NS: u64 = 5 * SECOND_NS;
/// The server process looks this much older than the venue, so that a heartbeat counter does not start at 0.
const UPTIME_AT_START_NS: u64 = 12_000 * SECOND_NS;
/// Grids of different products are this far apart (reference 6.4: phases differ per product).
const PHASE_NS: u64 = 7_300_000;
const NO_POSITIONS: &str =
    r#"{"perpetual_futures_positions":[],"expiring_futures_positions":[],"prediction_market_positions":[]}"#;

/// When a product's changes are due to be published.
#[derive(Debug)]
pub(crate) struct Publisher {
    level2_grid_ns: u64,
    trades_grid_ns: u64,
    phase_ns: u64,
    level2_due_ns: Option<u64>,
    trades_due_ns: Option<u64>,
    ticker_trade: u64,
    /// What the status channel said last.
    trading: Option<Trading>,
}

impl Publisher {
    pub(crate) fn new(level2_grid_ns: u64, trades_grid_ns: u64, nth: usize) -> Self {
        Self {
            level2_grid_ns,
            trades_grid_ns,
            phase_ns: nth as u64 * PHASE_NS,
            level2_due_ns: None,
            trades_due_ns: None,
            ticker_trade: 0,
            trading: None,
        }
    }

    /// The first grid point at or after `now_ns`, strictly after for a change made exactly on one.
    fn next(&self, now_ns: u64, grid_ns: u64) -> u64 {
        match now_ns.saturating_sub(self.phase_ns).checked_div(grid_ns) {
            Some(passed) => (passed + 1) * grid_ns + self.phase_ns,
            None => now_ns,
        }
    }
}

impl Coinbase {
    /// One message of a client.
    pub(crate) fn message(&mut self, now_ns: u64, conn: ConnId, text: &str) {
        if let Err(error) = self.try_message(now_ns, conn, text) {
            self.send(conn, error_frame(error));
        }
    }

    fn try_message(&mut self, now_ns: u64, conn: ConnId, text: &str) -> Result<(), &'static str> {
        const MALFORMED: &str = "subscribe or unsubscribe required";
        const UNAUTHENTIC: &str = "authentication failure";
        if !self.sessions.contains_key(&conn) {
            return Ok(());
        }
        let message: Value = serde_json::from_str(text).map_err(|_| MALFORMED)?;
        let field = |name: &str| message.get(name).and_then(Value::as_str);
        let signed = ["jwt", "signature"].into_iter().any(|name| field(name).is_some_and(|t| !t.is_empty()));
        if !signed && !self.message_window.take(now_ns, self.limits.messages_per_s) {
            return Err("rate limit exceeded");
        }
        let subscribe = match field("type") {
            Some("subscribe") => true,
            Some("unsubscribe") => false,
            _ => return Err(MALFORMED),
        };
        // An unknown channel and a bad token get the same answer (reference 6.1).
        let channel = Channel::parse(field("channel").ok_or(MALFORMED)?).ok_or(UNAUTHENTIC)?;
        let caller = self.message_caller(now_ns, &message).map_err(|_| UNAUTHENTIC)?;
        let user_host = self.sessions.get(&conn).is_some_and(|s| s.user_host);
        if (channel.needs_key() && caller.is_none()) || (user_host && !channel.on_user_host()) {
            return Err(UNAUTHENTIC);
        }
        let products: Option<Vec<String>> = match message.get("product_ids") {
            None | Some(Value::Null) => None,
            Some(Value::Array(ids)) => Some(ids.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
            Some(_) => return Err(MALFORMED),
        };
        if subscribe {
            self.subscribe(now_ns, conn, channel, products)
        } else {
            self.unsubscribe(now_ns, conn, channel, products);
            Ok(())
        }
    }

    fn subscribe(
        &mut self,
        now_ns: u64,
        conn: ConnId,
        channel: Channel,
        products: Option<Vec<String>>,
    ) -> Result<(), &'static str> {
        if channel == Channel::User {
            // What is already on its way is in the snapshot: it goes to those who listen already.
            self.publish_user(now_ns);
        }
        let Some(mut session) = self.sessions.remove(&conn) else { return Ok(()) };
        let asked = products.unwrap_or_default();
        let held = session.held.get(&channel).cloned();
        // Unknown products are left out without a word (reference 6.1).
        let mut fresh: Vec<String> = Vec::new();
        for id in asked.iter().filter_map(|id| self.stream_of(channel, id)) {
            let seen = fresh.contains(&id) || held.as_ref().is_some_and(|held| held.contains(&id));
            if !seen {
                fresh.push(id);
            }
        }
        let result = if channel.is_per_product() && asked.is_empty() && channel != Channel::Status {
            Err("failure to subscribe")
        } else if channel == Channel::Level2
            && held.as_ref().map_or(0, BTreeSet::len) + fresh.len() > self.level2_products_max
        {
            Err("too many L2 streams requested in a single session")
        } else {
            session.subscribe_by_ns = None;
            self.open_channel(now_ns, conn, &mut session, channel, fresh, held.is_none());
            let ack = session.subscriptions(now_ns, &self.exchange.ids.user);
            self.send(conn, ack);
            Ok(())
        };
        self.sessions.insert(conn, session);
        result
    }

    /// The stream that serves a product: public channels send `X-USDC` as `X-USD`, and both subscribed are one stream; the
    /// user channel keeps the submitted name (reference 7.1). `None`: no such product.
    fn stream_of(&self, channel: Channel, id: &str) -> Option<String> {
        if channel.is_per_product() && self.unstreamed.contains(id) {
            return None;
        }
        if self.exchange.market_index(id).is_some() {
            return Some(id.to_owned());
        }
        let aliased = self.exchange.markets.iter().find(|m| m.product.alias_id().as_deref() == Some(id))?;
        Some(if channel.is_per_product() { aliased.product.id.clone() } else { id.to_owned() })
    }

    /// Records the subscription and sends the snapshots of what is new in it.
    fn open_channel(
        &mut self,
        now_ns: u64,
        conn: ConnId,
        session: &mut Session,
        channel: Channel,
        fresh: Vec<String>,
        first: bool,
    ) {
        match channel {
            Channel::Heartbeats => {
                session.held.entry(channel).or_default();
                session.next_beat_ns.get_or_insert(now_ns.saturating_add(SECOND_NS));
            }
            Channel::FuturesBalanceSummary => {
                session.held.entry(channel).or_default();
                if first {
                    let frame = session.frame(now_ns, channel.frame_name(), &futures::snapshot());
                    self.send(conn, frame);
                }
            }
            Channel::User => {
                session.held.entry(channel).or_default().extend(fresh);
                if first {
                    self.user_snapshot(now_ns, conn, session);
                }
            }
            _ => {
                let fresh = if channel == Channel::Status && fresh.is_empty() {
                    self.exchange.markets.iter().map(|m| m.product.id.clone()).collect()
                } else {
                    fresh
                };
                for id in fresh {
                    self.product_snapshot(now_ns, conn, session, channel, &id);
                    session.held.entry(channel).or_default().insert(id);
                }
                if matches!(channel, Channel::TickerBatch | Channel::Candles) {
                    session.next_slow_ns.get_or_insert(now_ns.saturating_add(SECOND_NS));
                }
            }
        }
    }

    fn product_snapshot(&mut self, now_ns: u64, conn: ConnId, session: &mut Session, channel: Channel, id: &str) {
        let Some(index) = self.exchange.market_index(id) else { return };
        if channel == Channel::Level2 {
            // What others have not been told yet goes out first, so that later updates are later than this snapshot.
            self.publish_level2(now_ns, index);
        }
        let Some(market) = self.exchange.markets.get(index) else { return };
        if channel == Channel::TickerBatch {
            session.batch_told.insert(id.to_owned(), market.trades.front().map_or(0, |t| t.id));
        }
        let event = match channel {
            Channel::Level2 => frames::level2_snapshot(market),
            Channel::MarketTrades => {
                let published = market.trades.iter().skip(market.unpublished.len());
                frames::trades("snapshot", market, published)
            }
            Channel::Ticker => frames::ticker("snapshot", market, false),
            Channel::TickerBatch => frames::ticker("snapshot", market, true),
            Channel::Candles => frames::candle("snapshot", market, now_ns),
            Channel::Status => frames::status("snapshot", market),
            Channel::Heartbeats | Channel::User | Channel::FuturesBalanceSummary => return,
        };
        let frame = session.frame(now_ns, channel.frame_name(), &event);
        self.send(conn, frame);
    }

    /// Open orders in batches of 50; the first shorter batch, possibly empty, ends it (reference 6.8).
    fn user_snapshot(&mut self, now_ns: u64, conn: ConnId, session: &mut Session) {
        let exchange = &self.exchange;
        let open: Vec<_> = exchange
            .orders
            .iter()
            .filter(|o| o.now.status.is_working() && !self.reports.suppressed.contains(&o.asked.client_order_id))
            .filter(|o| session.wants_orders_of(&o.asked.product_id))
            .filter_map(|o| Shown::new(exchange, o, &o.now))
            .collect();
        let mut rest = open.as_slice();
        loop {
            let (batch, tail) = rest.split_at(rest.len().min(USER_SNAPSHOT_BATCH));
            let event = Json::compact().object(|j| {
                j.str("type", "snapshot")
                    .arr("orders", |j| {
                        for order in batch {
                            j.item(|j| order.user(j));
                        }
                    })
                    .raw("positions", NO_POSITIONS);
            });
            let text = session.frame(now_ns, "user", &event);
            self.outputs.push(Output::Text { conn, text });
            rest = tail;
            if batch.len() < USER_SNAPSHOT_BATCH {
                break;
            }
        }
    }

    fn unsubscribe(&mut self, now_ns: u64, conn: ConnId, channel: Channel, products: Option<Vec<String>>) {
        let products: Option<Vec<String>> =
            products.map(|ids| ids.iter().filter_map(|id| self.stream_of(channel, id)).collect());
        let Some(session) = self.sessions.get_mut(&conn) else { return };
        if let Some(held) = session.held.get_mut(&channel) {
            match products {
                Some(products) if channel.is_per_product() && !products.is_empty() => {
                    held.retain(|id| !products.contains(id))
                }
                _ => held.clear(),
            }
            if held.is_empty() {
                session.held.remove(&channel);
            }
        }
        if channel == Channel::Heartbeats {
            session.next_beat_ns = None;
        }
        let ack = session.subscriptions(now_ns, &self.exchange.ids.user);
        self.send(conn, ack);
    }

    /// Hands order updates that are due to the user channel.
    pub(crate) fn publish_user(&mut self, now_ns: u64) -> Option<u64> {
        let due_ns = now_ns.saturating_add(self.reports.delay_ns);
        for update in self.exchange.updates.drain(..) {
            self.user_events.extend(self.reports.copies((due_ns, update)));
        }
        if self.reports.held {
            return None;
        }
        while self.user_events.front().is_some_and(|(due_ns, _)| *due_ns <= now_ns) {
            let Some((_, update)) = self.user_events.pop_front() else { break };
            let exchange = &self.exchange;
            let Some(order) = exchange.orders.get(update.order) else { continue };
            let Some(shown) = Shown::new(exchange, order, &update.progress) else { continue };
            if self.reports.suppressed.contains(&order.asked.client_order_id) {
                continue;
            }
            let event = Json::compact().object(|j| {
                j.str("type", "update")
                    .arr("orders", |j| {
                        j.item(|j| shown.user(j));
                    })
                    .raw("positions", NO_POSITIONS);
            });
            for (conn, session) in &mut self.sessions {
                if session.wants_orders_of(&order.asked.product_id) {
                    let text = session.frame(now_ns, "user", &event);
                    self.outputs.push(Output::Text { conn: *conn, text });
                }
            }
        }
        self.user_events.front().map(|(due_ns, _)| *due_ns)
    }

    /// Publishes books, trades and tickers that are due.
    pub(crate) fn publish_market_data(&mut self, now_ns: u64) -> Option<u64> {
        let mut next = None;
        let mut wait = |at: Option<u64>| next = [next, at].into_iter().flatten().min();
        for index in 0..self.exchange.markets.len() {
            self.feed_turn(now_ns, index);
            wait(self.level2_turn(now_ns, index));
            wait(self.trades_turn(now_ns, index));
            self.ticker_turn(now_ns, index);
            self.status_turn(now_ns, index);
        }
        next
    }

    fn level2_turn(&mut self, now_ns: u64, index: usize) -> Option<u64> {
        let (market, publisher) = (self.exchange.markets.get(index)?, self.publishers.get_mut(index)?);
        if !market.book.is_dirty() {
            return None;
        }
        let soonest = publisher.next(now_ns, publisher.level2_grid_ns);
        let due_ns = *publisher.level2_due_ns.get_or_insert(soonest);
        if due_ns > now_ns {
            return Some(due_ns);
        }
        self.publish_level2(now_ns, index);
        None
    }

    pub(crate) fn publish_level2(&mut self, now_ns: u64, index: usize) {
        let Some(market) = self.exchange.markets.get_mut(index) else { return };
        let changed = market.book.take_dirty();
        if let Some(publisher) = self.publishers.get_mut(index) {
            publisher.level2_due_ns = None;
        }
        if !changed.is_empty() {
            self.broadcast(now_ns, index, Channel::Level2, |market| frames::level2_update(market, &changed));
            self.feed_batch(now_ns, index, &changed);
        }
    }

    fn trades_turn(&mut self, now_ns: u64, index: usize) -> Option<u64> {
        let (market, publisher) = (self.exchange.markets.get_mut(index)?, self.publishers.get_mut(index)?);
        if market.unpublished.is_empty() {
            return None;
        }
        let soonest = publisher.next(now_ns, publisher.trades_grid_ns);
        let due_ns = *publisher.trades_due_ns.get_or_insert(soonest);
        if due_ns > now_ns {
            return Some(due_ns);
        }
        publisher.trades_due_ns = None;
        let trades = std::mem::take(&mut market.unpublished);
        self.broadcast(now_ns, index, Channel::MarketTrades, |market| {
            frames::trades("update", market, trades.iter().rev())
        });
        None
    }

    /// A ticker on every match, a cascade of matches in one (reference 6.6).
    fn ticker_turn(&mut self, now_ns: u64, index: usize) {
        let (Some(market), Some(publisher)) = (self.exchange.markets.get(index), self.publishers.get_mut(index)) else {
            return;
        };
        let newest = market.trades.front().map_or(0, |t| t.id);
        let before = std::mem::replace(&mut publisher.ticker_trade, newest);
        if before != newest && before != 0 {
            self.broadcast(now_ns, index, Channel::Ticker, |market| frames::ticker("update", market, false));
        }
    }

    /// A status as soon as it changes, and not on an interval besides (the venue's is not known).
    fn status_turn(&mut self, now_ns: u64, index: usize) {
        let (Some(market), Some(publisher)) = (self.exchange.markets.get(index), self.publishers.get_mut(index)) else {
            return;
        };
        let trading = market.product.trading;
        let before = publisher.trading.replace(trading);
        if before.is_some_and(|before| before != trading) {
            self.broadcast(now_ns, index, Channel::Status, |market| frames::status("update", market));
        }
    }

    /// Sends one event to every connection that holds the channel for the product; made only if there is one.
    fn broadcast(&mut self, now_ns: u64, index: usize, channel: Channel, make: impl FnOnce(&Market) -> String) {
        let Some(market) = self.exchange.markets.get(index) else { return };
        let mut holders = self.sessions.iter_mut().filter(|(_, s)| s.holds(channel, &market.product.id)).peekable();
        if holders.peek().is_none() {
            return;
        }
        let event = make(market);
        for (conn, session) in holders {
            if self.frames_to_drop > 0 {
                self.frames_to_drop -= 1;
                session.skip_frame();
                continue;
            }
            let text = session.frame(now_ns, channel.frame_name(), &event);
            self.outputs.push(Output::Text { conn: *conn, text });
        }
    }

    /// Heartbeats, slow channels, and the deadline of the first subscription.
    pub(crate) fn session_timers(&mut self, now_ns: u64) -> Option<u64> {
        let late = |s: &Session| s.subscribe_by_ns.is_some_and(|by_ns| by_ns <= now_ns);
        let idle: Vec<ConnId> = self.sessions.iter().filter(|(_, s)| late(s)).map(|(conn, _)| *conn).collect();
        for conn in idle {
            self.drop_session(conn, CloseHow::Clean);
        }
        let uptime_ns = now_ns.saturating_sub(self.started_ns).saturating_add(UPTIME_AT_START_NS);
        let mut next = None;
        for (conn, session) in &mut self.sessions {
            if session.next_beat_ns.is_some_and(|at| at <= now_ns) {
                // By the time it was due, so that a late turn does not make the counter jump.
                let late_ns = now_ns.saturating_sub(session.next_beat_ns.unwrap_or(now_ns));
                let counter = uptime_ns.saturating_sub(late_ns) / SECOND_NS;
                let event = Json::compact().object(|j| {
                    j.str("current_time", go_time_string(now_ns, uptime_ns)).raw("heartbeat_counter", counter);
                });
                let text = session.frame(now_ns, "heartbeats", &event);
                self.outputs.push(Output::Text { conn: *conn, text });
                session.next_beat_ns = session.next_beat_ns.map(|at| following(at, now_ns, SECOND_NS));
            }
            if session.next_slow_ns.is_some_and(|at| at <= now_ns) {
                slow_channels(now_ns, *conn, session, &self.exchange.markets, &mut self.outputs);
                session.next_slow_ns = session.next_slow_ns.map(|at| following(at, now_ns, SECOND_NS));
            }
            let deadlines = [session.subscribe_by_ns, session.next_beat_ns, session.next_slow_ns];
            next = deadlines.into_iter().flatten().chain(next).min();
        }
        next
    }

    /// Sends a text to a connection as it is.
    pub(crate) fn send(&mut self, conn: ConnId, text: String) {
        self.outputs.push(Output::Text { conn, text });
    }
}

/// The next point of a period after `now_ns`; points slept through are skipped.
fn following(at_ns: u64, now_ns: u64, period_ns: u64) -> u64 {
    let missed = now_ns.saturating_sub(at_ns) / period_ns;
    at_ns.saturating_add((missed + 1).saturating_mul(period_ns))
}

/// Candles each second, `ticker_batch` every five if the product traded meanwhile (reference 6.6 and 6.7).
fn slow_channels(now_ns: u64, conn: ConnId, session: &mut Session, markets: &[Market], outputs: &mut Vec<Output>) {
    let fifth = (now_ns / SECOND_NS).is_multiple_of(TICKER_BATCH_NS / SECOND_NS);
    for market in markets {
        if session.holds(Channel::Candles, &market.product.id) {
            let text = session.frame(now_ns, "candles", &frames::candle("update", market, now_ns));
            outputs.push(Output::Text { conn, text });
        }
        let newest = market.trades.front().map_or(0, |t| t.id);
        let due = fifth && session.holds(Channel::TickerBatch, &market.product.id);
        if due && session.batch_told.insert(market.product.id.clone(), newest) != Some(newest) {
            let text = session.frame(now_ns, "ticker_batch", &frames::ticker("update", market, true));
            outputs.push(Output::Text { conn, text });
        }
    }
}
