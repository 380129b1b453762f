//! The market streams: control messages of clients, and the publication of what changed (Binance.US reference 6).

use super::frames::{self, aggregates, update_id};
use super::model::BinanceUs;
use super::order::ms;
use super::rolling;
use super::session::{Kind, Scope, Stream, StreamSession};
use crate::sim::server::{CloseHow, ConnId, Output};
use crate::sim::Json;
use serde_json::Value;

/// WebSocket close code for who sends too much (reference 9).
pub(crate) const POLICY: CloseHow = CloseHow::Frame(1008);
const MINUTE_MS: u64 = 60_000;

/// The refusal of a control message: code and text.
type Refused = (i32, &'static str);

impl BinanceUs {
    /// One control message of a client.
    pub(crate) fn stream_message(&mut self, now_ns: u64, conn: ConnId, text: &str) {
        if !self.count_stream_message(now_ns, conn) {
            return;
        }
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        let id = message.get("id").filter(|id| id.is_u64() || id.is_string()).cloned();
        let result = match (&id, message.is_object()) {
            (_, false) => Err((3, "Invalid JSON: expected value at line 1 column 1")),
            (None, true) => Err((2, "Invalid request: request ID must be an unsigned integer")),
            (Some(_), true) => self.control(conn, &message),
        };
        let reply = Json::compact().object(|j| {
            match &result {
                Ok(value) => j.raw("result", value),
                Err((code, text)) => j.obj("error", |j| {
                    j.raw("code", code).str("msg", text);
                }),
            };
            j.raw("id", id.unwrap_or_default());
        });
        self.send(conn, reply);
    }

    /// Counts one inbound message of a stream connection, pings and pongs too; who sends too many is cut off.
    pub(crate) fn count_stream_message(&mut self, now_ns: u64, conn: ConnId) -> bool {
        let per_s = self.limits.stream_messages_per_s;
        let Some(session) = self.streams.get_mut(&conn) else { return false };
        if session.messages.take(now_ns, per_s) {
            return true;
        }
        self.usage.refused += 1;
        self.drop_connection(conn, POLICY);
        false
    }

    fn control(&mut self, conn: ConnId, message: &Value) -> Result<String, Refused> {
        let params = message.get("params").and_then(Value::as_array).cloned().unwrap_or_default();
        let names: Vec<&str> = params.iter().filter_map(Value::as_str).collect();
        match message.get("method").and_then(Value::as_str) {
            Some("SUBSCRIBE") => self.subscribe(conn, &names).map(|()| "null".to_owned()),
            Some("UNSUBSCRIBE") => {
                if let Some(session) = self.streams.get_mut(&conn) {
                    session.streams.retain(|stream| !names.contains(&stream.name.as_str()));
                    session.listen_key.take_if(|key| names.contains(&key.as_str()));
                }
                Ok("null".to_owned())
            }
            Some("LIST_SUBSCRIPTIONS") => Ok(Json::compact().array(|j| {
                let session = self.streams.get(&conn);
                for name in
                    session.into_iter().flat_map(|s| s.listen_key.iter().chain(s.streams.iter().map(|s| &s.name)))
                {
                    j.item_str(name);
                }
            })),
            Some("SET_PROPERTY") => {
                let value = params.get(1).and_then(Value::as_bool);
                let value = value.ok_or((1, "Invalid value type: expected Boolean"))?;
                if names.first() != Some(&"combined") {
                    return Err((0, "Unknown property"));
                }
                if let Some(session) = self.streams.get_mut(&conn) {
                    session.combined = value;
                }
                Ok("null".to_owned())
            }
            Some("GET_PROPERTY") if names == ["combined"] => {
                Ok(self.streams.get(&conn).is_some_and(|s| s.combined).to_string())
            }
            Some("GET_PROPERTY") => Err((0, "Unknown property")),
            _ => Err((2, "Invalid request: unknown variant of `method`")),
        }
    }

    fn subscribe(&mut self, conn: ConnId, names: &[&str]) -> Result<(), Refused> {
        let listen_key = self.listen_key.as_ref().map(|held| held.key.clone());
        let mut fresh = Vec::new();
        for name in names {
            if Some(*name) != listen_key.as_deref() {
                fresh.push(Stream::parse(name, &self.exchange).ok_or((2, "Invalid request: invalid stream"))?);
            }
        }
        let max = self.limits.streams_per_connection;
        let Some(session) = self.streams.get_mut(&conn) else { return Ok(()) };
        fresh.retain(|stream| !session.streams.contains(stream));
        if session.streams.len() + fresh.len() > max {
            return Err((2, "Invalid request: too many streams"));
        }
        session.streams.extend(fresh);
        if let Some(key) = listen_key.filter(|key| names.contains(&key.as_str())) {
            session.listen_key = Some(key);
        }
        Ok(())
    }

    /// Opens a session for the streams a URL names: `/ws/<one>/<two>` raw, `/stream?streams=<one>/<two>` combined.
    pub(crate) fn open_stream(&self, path: &str, query: &[(String, String)]) -> Option<(bool, Vec<String>)> {
        let listed = |text: &str| text.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if let Some(names) = path.strip_prefix("/ws").filter(|rest| rest.is_empty() || rest.starts_with('/')) {
            return Some((false, listed(names)));
        }
        let names = query.iter().find(|(name, _)| name == "streams").map_or("", |(_, names)| names);
        (path.trim_end_matches('/') == "/stream").then(|| (true, listed(names)))
    }

    /// The streams of a new session: names that are none are left out without a word.
    pub(crate) fn first_streams(&self, names: &[String]) -> (Vec<Stream>, Option<String>) {
        let key = self.listen_key.as_ref().map(|held| &held.key).filter(|key| names.contains(key)).cloned();
        let max = self.limits.streams_per_connection;
        (names.iter().filter_map(|name| Stream::parse(name, &self.exchange)).take(max).collect(), key)
    }

    /// Publishes what is due of every symbol; says when the next turn is wanted.
    pub(crate) fn publish_market_data(&mut self, now_ns: u64) -> Option<u64> {
        let mut all = [const { Vec::new() }; Kind::TICKERS.len()];
        for index in 0..self.exchange.markets.len() {
            self.kline_ends(now_ns, index);
            self.trades_turn(now_ns, index);
            self.best_turn(index);
            self.depth_turn(now_ns, index);
            self.kline_turn(now_ns, index);
            self.ticker_turn(now_ns, index, &mut all);
        }
        for (kind, events) in Kind::TICKERS.into_iter().zip(all) {
            if !events.is_empty() {
                self.send_to(
                    |stream| stream.scope == Scope::All && stream.kind == kind,
                    || format!("[{}]", events.join(",")),
                );
            }
        }
        let grids = self.publishers.iter().filter_map(super::publisher::Publisher::next).min();
        let minute = self.kline_held().then(|| (ms(now_ns) / MINUTE_MS + 1) * MINUTE_MS * crate::sim::MILLISECOND_NS);
        [grids, minute].into_iter().flatten().min()
    }

    fn kline_held(&self) -> bool {
        let mut streams = self.streams.values().flat_map(|session| &session.streams);
        streams.any(|stream| matches!(stream.kind, Kind::Kline(_)))
    }

    fn trades_turn(&mut self, now_ns: u64, index: usize) {
        let Some(market) = self.exchange.markets.get_mut(index).filter(|m| !m.unpublished.is_empty()) else { return };
        let trades = std::mem::take(&mut market.unpublished);
        // The market's second queues are for a venue with two feeds.
        market.untold.clear();
        market.book.take_fresh();
        let symbol = market.product.clone();
        if let (Some(bars), Some(publisher)) = (self.bars.get_mut(index), self.publishers.get_mut(index)) {
            trades.iter().for_each(|trade| bars.add(trade, &symbol));
            publisher.ticker_changed = true;
            publisher.kline_changed = true;
        }
        for trade in &trades {
            self.publish(index, Kind::Trade, || frames::trade(now_ns, &symbol, trade));
        }
        for one in aggregates(trades.iter()) {
            self.publish(index, Kind::AggTrade, || frames::aggregate(now_ns, &symbol, &one));
        }
    }

    fn best_turn(&mut self, index: usize) {
        let (Some(market), Some(publisher)) = (self.exchange.markets.get(index), self.publishers.get_mut(index)) else {
            return;
        };
        let best = frames::best(market);
        if std::mem::replace(&mut publisher.best, best) != best {
            let text = frames::book_ticker(market);
            publisher.ticker_changed = true;
            self.publish(index, Kind::BookTicker, || text);
        }
    }

    fn depth_turn(&mut self, now_ns: u64, index: usize) {
        let (Some(market), Some(publisher)) = (self.exchange.markets.get_mut(index), self.publishers.get_mut(index))
        else {
            return;
        };
        let id = update_id(market);
        if publisher.fast.is_due(now_ns, id > publisher.fast_id) {
            let levels = market.book.take_dirty();
            publisher.slow_levels.extend(levels.iter().map(|(side, ticks, _)| (*side, *ticks)));
            let ids = (publisher.fast_id + 1, id);
            publisher.fast_id = id;
            let text = frames::depth_update(now_ns, &market.product, ids, &levels);
            self.publish(index, Kind::Depth { slow: false }, || text);
            self.publish_partial(index, false);
        }
        let (Some(market), Some(publisher)) = (self.exchange.markets.get(index), self.publishers.get_mut(index)) else {
            return;
        };
        // The slow stream tells what the fast one has told: its points are points of the fast grid too.
        if publisher.slow.is_due(now_ns, publisher.fast_id > publisher.slow_id) {
            let changed = std::mem::take(&mut publisher.slow_levels);
            let with_lots = |(side, ticks): (_, i64)| (side, ticks, market.book.lots_at(side, ticks));
            let levels: Vec<_> = changed.into_iter().map(with_lots).collect();
            let ids = (publisher.slow_id + 1, publisher.fast_id);
            publisher.slow_id = publisher.fast_id;
            let text = frames::depth_update(now_ns, &market.product, ids, &levels);
            self.publish(index, Kind::Depth { slow: true }, || text);
            self.publish_partial(index, true);
        }
    }

    fn publish_partial(&mut self, index: usize, slow: bool) {
        for levels in [5, 10, 20] {
            let Some(market) = self.exchange.markets.get(index) else { return };
            let text = frames::depth(market, levels);
            self.publish(index, Kind::Partial { levels, slow }, || text);
        }
    }

    /// The last update of each kline whose interval ended, and the new minute.
    fn kline_ends(&mut self, now_ns: u64, index: usize) {
        let minute_ms = ms(now_ns) / MINUTE_MS * MINUTE_MS;
        let (Some(market), Some(publisher), Some(bars)) =
            (self.exchange.markets.get(index), self.publishers.get_mut(index), self.bars.get_mut(index))
        else {
            return;
        };
        if publisher.minute_ms == minute_ms {
            return;
        }
        let held = self.streams.values().flat_map(|session| &session.streams);
        let mut closed = Vec::new();
        for stream in held.filter(|stream| stream.scope == Scope::One(Some(index))) {
            let Kind::Kline(interval) = stream.kind else { continue };
            if publisher.ended(interval, minute_ms) && !closed.iter().any(|(kind, _)| *kind == stream.kind) {
                if let Some(bar) = bars.current(interval) {
                    closed.push((stream.kind, frames::kline(now_ns, &market.product, interval, &bar, true)));
                }
            }
        }
        publisher.minute_ms = minute_ms;
        publisher.kline_changed = true;
        bars.roll(now_ns, market.last());
        for (kind, text) in closed {
            self.publish(index, kind, || text);
        }
    }

    fn kline_turn(&mut self, now_ns: u64, index: usize) {
        let Some(publisher) = self.publishers.get_mut(index) else { return };
        if !publisher.klines.is_due(now_ns, publisher.kline_changed) {
            return;
        }
        publisher.kline_changed = false;
        let held = self.streams.values().flat_map(|session| &session.streams);
        let mut kinds: Vec<Kind> = Vec::new();
        for stream in held.filter(|stream| stream.scope == Scope::One(Some(index))) {
            if matches!(stream.kind, Kind::Kline(_)) && !kinds.contains(&stream.kind) {
                kinds.push(stream.kind);
            }
        }
        for kind in kinds {
            let (Kind::Kline(interval), Some(symbol)) = (kind, self.exchange.symbol(index)) else { continue };
            let bar = self.bars.get(index).and_then(|bars| bars.current(interval));
            if let Some(text) = bar.map(|bar| frames::kline(now_ns, symbol, interval, &bar, false)) {
                self.publish(index, kind, || text);
            }
        }
    }

    fn ticker_turn(&mut self, now_ns: u64, index: usize, all: &mut [Vec<String>]) {
        let Some(publisher) = self.publishers.get_mut(index) else { return };
        if !publisher.tickers.is_due(now_ns, publisher.ticker_changed) {
            return;
        }
        publisher.ticker_changed = false;
        for (kind, all) in Kind::TICKERS.into_iter().zip(all) {
            let mut streams = self.streams.values().flat_map(|session| &session.streams);
            if !streams.any(|s| s.kind == kind && (s.scope == Scope::All || s.scope == Scope::One(Some(index)))) {
                continue;
            }
            if let Some(text) = self.ticker(now_ns, index, kind) {
                all.push(text.clone());
                self.publish(index, kind, || text);
            }
        }
    }

    fn ticker(&self, now_ns: u64, index: usize, kind: Kind) -> Option<String> {
        let (market, bars) = (self.exchange.markets.get(index)?, self.bars.get(index)?);
        match kind {
            Kind::Ticker => Some(frames::ticker(now_ns, market, &bars.day(now_ns)?)),
            Kind::MiniTicker => Some(frames::mini_ticker(now_ns, &market.product, &bars.day(now_ns)?)),
            Kind::Rolling(window) => {
                let bar = bars.window(now_ns, window.minutes())?;
                Some(rolling::frame(now_ns, &market.product, window, &bar))
            }
            _ => None,
        }
    }

    fn publish(&mut self, symbol: usize, kind: Kind, make: impl FnOnce() -> String) {
        self.send_to(|stream| stream.carries(symbol, kind), make);
    }

    /// Sends one event on every stream that fits; made only if there is one, lost where a test says so.
    fn send_to(&mut self, fits: impl Fn(&Stream) -> bool, make: impl FnOnce() -> String) {
        let mut fitting = Vec::new();
        for (conn, session) in &self.streams {
            fitting.extend(
                session.streams.iter().filter(|stream| fits(stream)).map(|stream| (*conn, stream.name.clone())),
            );
        }
        if fitting.is_empty() {
            return;
        }
        let event = make();
        for (conn, name) in fitting {
            if let Some(left) = self.frames_to_drop.get_mut(&name).filter(|left| **left > 0) {
                *left -= 1;
                self.observed.frames_dropped += 1;
                continue;
            }
            if let Some(text) = self.streams.get(&conn).map(|session: &StreamSession| session.wrap(&name, &event)) {
                self.outputs.push(Output::Text { conn, text });
            }
        }
    }
}
