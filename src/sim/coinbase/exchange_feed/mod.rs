//! The Exchange feed of the local venue: another protocol over the same markets (Coinbase reference 8).
//!
//! Served: `heartbeat`, `matches`, `ticker`, `level2_batch`, and with a signed subscription `level2`, which is not
//! conflated. Guarantees what the recordings show: the acknowledgement before the data it announces, `level2_batch`
//! echoed as `level2_50`, asks before bids, trade ids that go up by one, a heartbeat each full second that names the last
//! of them. Refuses what is unknown, and `level2` without a signature, with the venue's error message. No socket, no clock.

mod credentials;
mod frames;
mod session;
#[cfg(test)]
mod tests;

pub use credentials::ExchangeCredentials;

use super::model::Coinbase;
use crate::sim::market::{Side, Trade};
use crate::sim::server::{CloseHow, ConnId, Output};
use crate::sim::SECOND_NS;
use serde_json::Value;
use session::{Channel, Session};
use std::collections::BTreeMap;

/// The feed's own state; markets, connections and outputs are the venue's.
#[derive(Debug)]
pub(crate) struct ExchangeFeed {
    pub(crate) credentials: ExchangeCredentials,
    sessions: BTreeMap<ConnId, Session>,
    /// Engine sequence per product: on everything but book messages, with steps greater than one.
    sequences: Vec<u64>,
    /// Matches still to be lost.
    pub(crate) matches_to_drop: u32,
}

impl ExchangeFeed {
    pub(crate) fn new(credentials: ExchangeCredentials, products: usize) -> ExchangeFeed {
        let sequences = (0..products as u64).map(|nth| 100_000_000 * (nth + 1)).collect();
        ExchangeFeed { credentials, sessions: BTreeMap::new(), sequences, matches_to_drop: 0 }
    }

    pub(crate) fn has(&self, conn: ConnId) -> bool {
        self.sessions.contains_key(&conn)
    }

    /// A connection is up.
    pub(crate) fn opened(&mut self, conn: ConnId, subscribe_by_ns: u64) {
        self.sessions.insert(conn, Session::new(subscribe_by_ns));
    }

    pub(crate) fn closed(&mut self, conn: ConnId) {
        self.sessions.remove(&conn);
    }

    fn next_sequence(&mut self, index: usize) -> u64 {
        let Some(sequence) = self.sequences.get_mut(index) else { return 0 };
        // Orders that come and go use numbers up, too: gaps are normal.
        *sequence += 3;
        *sequence
    }
}

/// Why a message was refused: `message` and `reason` of the error.
type Refusal = (&'static str, String);

impl Coinbase {
    /// One message of a client of the feed.
    pub(crate) fn feed_message(&mut self, now_ns: u64, conn: ConnId, text: &str) {
        if let Err((message, reason)) = self.try_feed_message(now_ns, conn, text) {
            self.send(conn, frames::error(message, &reason));
            // Then the set that still holds, empty or not.
            if let Some(session) = self.feed.sessions.get(&conn) {
                let ack = session.subscriptions();
                self.send(conn, ack);
            }
        }
    }

    fn try_feed_message(&mut self, now_ns: u64, conn: ConnId, text: &str) -> Result<(), Refusal> {
        const FAILED: &str = "Failed to subscribe";
        let malformed = || (FAILED, "Malformed JSON".to_owned());
        let message: Value = serde_json::from_str(text).map_err(|_| malformed())?;
        let subscribe = match message.get("type").and_then(Value::as_str) {
            Some("subscribe") => true,
            Some("unsubscribe") => false,
            _ => return Err((FAILED, "Type has to be either subscribe or unsubscribe".to_owned())),
        };
        let signed = message.get("signature").is_some();
        if signed {
            self.feed.credentials.verify(&message, now_ns).map_err(|why| ("Authentication Failed", why.to_owned()))?;
        }
        let mut asked = Vec::new();
        for (name, products) in session::channels(&message).ok_or_else(malformed)? {
            let Some(channel) = Channel::parse(&name) else {
                return Err((FAILED, format!("{name} is not a valid channel")));
            };
            if let Some(unknown) = products.iter().find(|id| self.exchange.market_index(id).is_none()) {
                return Err((FAILED, format!("{unknown} is not a valid product")));
            }
            if subscribe && products.is_empty() {
                return Err((FAILED, format!("{name} channel requires product ids")));
            }
            let authenticated = signed || self.feed.sessions.get(&conn).is_some_and(|session| session.authenticated);
            if subscribe && channel == Channel::Level2 && !authenticated {
                return Err((FAILED, "level2, level3, and full channels now require authentication".to_owned()));
            }
            asked.push((channel, products));
        }
        self.change(now_ns, conn, subscribe, signed, asked);
        Ok(())
    }

    fn change(&mut self, now_ns: u64, conn: ConnId, subscribe: bool, signed: bool, asked: Vec<(Channel, Vec<String>)>) {
        // What others have not been told yet goes out first: later updates are later than the snapshots below.
        for index in 0..self.exchange.markets.len() {
            self.feed_turn(now_ns, index);
            self.publish_level2(now_ns, index);
        }
        let Some(session) = self.feed.sessions.get_mut(&conn) else { return };
        session.authenticated |= signed;
        let mut fresh = Vec::new();
        for (channel, products) in asked {
            if subscribe {
                session.subscribe_by_ns = None;
                for id in products {
                    if session.held.entry(channel).or_default().insert(id.clone()) {
                        fresh.push((channel, id));
                    }
                }
            } else {
                session.drop_channel(channel, &products);
            }
        }
        if session.held.contains_key(&Channel::Heartbeat) {
            session.next_beat_ns.get_or_insert((now_ns / SECOND_NS + 1) * SECOND_NS);
        } else {
            session.next_beat_ns = None;
        }
        let ack = session.subscriptions();
        self.send(conn, ack);
        for (channel, id) in fresh {
            let Some(index) = self.exchange.market_index(&id) else { continue };
            let sequence = self.feed.next_sequence(index);
            let Some(market) = self.exchange.markets.get(index) else { continue };
            let first = match channel {
                Channel::Level2 | Channel::Level2Batch => Some(frames::snapshot(market)),
                Channel::Matches => {
                    market.trades.front().map(|last| frames::matched("last_match", market, last, sequence))
                }
                Channel::Ticker => market.trades.front().map(|last| frames::ticker(market, last, sequence)),
                Channel::Heartbeat => None,
            };
            if let Some(text) = first {
                self.send(conn, text);
            }
        }
    }

    /// Publishes what is not conflated: matches, their tickers, and the changes of the signed book.
    pub(crate) fn feed_turn(&mut self, now_ns: u64, index: usize) {
        let Some(market) = self.exchange.markets.get_mut(index) else { return };
        let (trades, changed) = (std::mem::take(&mut market.untold), market.book.take_fresh());
        for trade in &trades {
            self.feed_trade(index, trade);
        }
        self.feed_book(now_ns, index, Channel::Level2, &changed);
    }

    fn feed_trade(&mut self, index: usize, trade: &Trade) {
        let sequence = self.feed.next_sequence(index);
        let Some(market) = self.exchange.markets.get(index) else { return };
        for (channel, text) in [
            (Channel::Matches, frames::matched("match", market, trade, sequence)),
            (Channel::Ticker, frames::ticker(market, trade, sequence)),
        ] {
            let lost = channel == Channel::Matches && self.feed.matches_to_drop > 0;
            if lost {
                self.feed.matches_to_drop -= 1;
                continue;
            }
            self.feed.tell(&mut self.outputs, channel, &market.product.id, &text);
        }
    }

    /// The changes of one grid point.
    pub(crate) fn feed_batch(&mut self, now_ns: u64, index: usize, changed: &[(Side, i64, i64)]) {
        self.feed_book(now_ns, index, Channel::Level2Batch, changed);
    }

    /// Changed levels to everybody who holds this kind of book.
    fn feed_book(&mut self, now_ns: u64, index: usize, channel: Channel, changed: &[(Side, i64, i64)]) {
        let Some(market) = self.exchange.markets.get(index).filter(|_| !changed.is_empty()) else { return };
        if !self.feed.sessions.values().any(|session| session.holds(channel, &market.product.id)) {
            return;
        }
        let text = frames::update(market, changed, now_ns);
        self.feed.tell(&mut self.outputs, channel, &market.product.id, &text);
    }

    /// Heartbeats, and the deadline of the first subscription.
    pub(crate) fn feed_timers(&mut self, now_ns: u64) -> Option<u64> {
        let late = |s: &Session| s.subscribe_by_ns.is_some_and(|by_ns| by_ns <= now_ns);
        let idle: Vec<ConnId> = self.feed.sessions.iter().filter(|(_, s)| late(s)).map(|(conn, _)| *conn).collect();
        for conn in idle {
            self.feed.closed(conn);
            self.outputs.push(Output::Close { conn, how: CloseHow::Clean });
        }
        let mut next = None;
        for (conn, session) in &mut self.feed.sessions {
            if let Some(due_ns) = session.next_beat_ns.filter(|at| *at <= now_ns) {
                let second_ns = now_ns / SECOND_NS * SECOND_NS;
                for id in session.held.get(&Channel::Heartbeat).into_iter().flatten() {
                    let Some(index) = self.exchange.market_index(id) else { continue };
                    let Some(market) = self.exchange.markets.get(index) else { continue };
                    let sequence = self.feed.sequences.get(index).copied().unwrap_or(0);
                    let text = frames::heartbeat(market, sequence, due_ns.max(second_ns));
                    self.outputs.push(Output::Text { conn: *conn, text });
                }
                session.next_beat_ns = Some(second_ns + SECOND_NS);
            }
            next = [session.subscribe_by_ns, session.next_beat_ns].into_iter().flatten().chain(next).min();
        }
        next
    }
}

impl ExchangeFeed {
    /// Products with a book on each connection.
    pub(crate) fn books_per_connection(&self) -> Vec<usize> {
        let books = |session: &Session| {
            [Channel::Level2, Channel::Level2Batch]
                .iter()
                .filter_map(|c| session.held.get(c))
                .map(|held| held.len())
                .sum()
        };
        self.sessions.values().map(books).collect()
    }

    fn tell(&self, outputs: &mut Vec<Output>, channel: Channel, product: &str, text: &str) {
        for (conn, session) in &self.sessions {
            if session.holds(channel, product) {
                outputs.push(Output::Text { conn: *conn, text: text.to_owned() });
            }
        }
    }
}
