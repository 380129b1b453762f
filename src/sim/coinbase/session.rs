//! One WebSocket connection: what it subscribed to and the number of its next frame.
//!
//! Guarantees: one counter per connection over all channels, from 0, +1 per frame, error frames not counted
//! (Coinbase reference 6.2). Builds envelopes; what goes into them is made elsewhere.

use crate::sim::{rfc3339_nanos, Json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The channels served, by the name a subscription uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Channel {
    Candles,
    FuturesBalanceSummary,
    Heartbeats,
    Level2,
    MarketTrades,
    Status,
    Ticker,
    TickerBatch,
    User,
}

impl Channel {
    const ALL: [Self; 9] = [
        Self::Candles,
        Self::FuturesBalanceSummary,
        Self::Heartbeats,
        Self::Level2,
        Self::MarketTrades,
        Self::Status,
        Self::Ticker,
        Self::TickerBatch,
        Self::User,
    ];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == name)
    }

    /// As in a subscription and its ack.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Candles => "candles",
            Self::FuturesBalanceSummary => "futures_balance_summary",
            Self::Heartbeats => "heartbeats",
            Self::Level2 => "level2",
            Self::MarketTrades => "market_trades",
            Self::Status => "status",
            Self::Ticker => "ticker",
            Self::TickerBatch => "ticker_batch",
            Self::User => "user",
        }
    }

    /// As in the frames: `level2` data says `l2_data` (reference 6.4).
    pub(crate) fn frame_name(self) -> &'static str {
        match self {
            Self::Level2 => "l2_data",
            other => other.as_str(),
        }
    }

    pub(crate) fn is_per_product(self) -> bool {
        !matches!(self, Self::Heartbeats | Self::User | Self::FuturesBalanceSummary)
    }

    /// Which of these the user host serves (reference 1).
    pub(crate) fn on_user_host(self) -> bool {
        matches!(self, Self::Heartbeats | Self::User | Self::FuturesBalanceSummary)
    }

    /// Which need a token (reference 2d).
    pub(crate) fn needs_key(self) -> bool {
        matches!(self, Self::User | Self::FuturesBalanceSummary)
    }
}

/// A connection's subscriptions and counters.
#[derive(Debug)]
pub(crate) struct Session {
    /// The user host still sends `client_id` (reference 6.2).
    pub(crate) user_host: bool,
    /// Drop the connection then unless it has subscribed to something.
    pub(crate) subscribe_by_ns: Option<u64>,
    /// Products by channel; the user channel with an empty set means all products.
    pub(crate) held: BTreeMap<Channel, BTreeSet<String>>,
    pub(crate) next_beat_ns: Option<u64>,
    pub(crate) next_slow_ns: Option<u64>,
    /// The newest trade that `ticker_batch` covered, by product.
    pub(crate) batch_told: BTreeMap<String, u64>,
    sequence: u64,
}

impl Session {
    pub(crate) fn new(user_host: bool, subscribe_by_ns: Option<u64>) -> Self {
        Self {
            user_host,
            subscribe_by_ns,
            held: BTreeMap::new(),
            next_beat_ns: None,
            next_slow_ns: None,
            batch_told: BTreeMap::new(),
            sequence: 0,
        }
    }

    pub(crate) fn holds(&self, channel: Channel, product: &str) -> bool {
        self.held.get(&channel).is_some_and(|products| products.contains(product))
    }

    pub(crate) fn wants_orders_of(&self, product: &str) -> bool {
        self.held.get(&Channel::User).is_some_and(|products| products.is_empty() || products.contains(product))
    }

    /// A numbered frame around `event`, the JSON of the one element of `events`.
    pub(crate) fn frame(&mut self, now_ns: u64, channel: &str, event: &str) -> String {
        let mut text = String::with_capacity(event.len() + 140);
        let _ = write!(text, "{{\"channel\":\"{channel}\",");
        if self.user_host {
            text.push_str("\"client_id\":\"\",");
        }
        let _ = write!(
            text,
            "\"timestamp\":\"{}\",\"sequence_num\":{},\"events\":[{event}]}}",
            rfc3339_nanos(now_ns),
            self.sequence
        );
        self.sequence += 1;
        text
    }

    /// Uses up a number without a frame: what the peer sees as a loss.
    pub(crate) fn skip_frame(&mut self) {
        self.sequence += 1;
    }

    /// The ack: the whole current set (reference 6.1).
    pub(crate) fn subscriptions(&mut self, now_ns: u64, user_id: &str) -> String {
        let event = Json::compact().object(|j| {
            j.obj("subscriptions", |j| {
                for (channel, products) in &self.held {
                    j.arr(channel.as_str(), |j| match channel {
                        Channel::Heartbeats => {
                            j.item_str("heartbeats");
                        }
                        Channel::User | Channel::FuturesBalanceSummary => {
                            j.item_str(user_id);
                        }
                        _ => {
                            for product in products {
                                j.item_str(product);
                            }
                        }
                    });
                }
            });
        });
        self.frame(now_ns, "subscriptions", &event)
    }
}

/// An error frame: no channel, no time, no number.
pub(crate) fn error_frame(message: &str) -> String {
    Json::compact().object(|j| {
        j.str("type", "error").str("message", message);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_numbered_from_zero_over_all_channels() {
        let mut session = Session::new(false, None);
        let first = session.frame(1_790_735_993_670_986_313, "l2_data", "{\"a\":1}");
        assert_eq!(
            first,
            r#"{"channel":"l2_data","timestamp":"2026-09-30T02:39:53.670986313Z","sequence_num":0,"events":[{"a":1}]}"#
        );
        session.skip_frame();
        session.held.insert(Channel::Heartbeats, BTreeSet::new());
        session.held.insert(Channel::Level2, ["BTC-USD".to_owned()].into());
        let ack = session.subscriptions(0, "u");
        assert!(
            ack.contains(
                r#""sequence_num":2,"events":[{"subscriptions":{"heartbeats":["heartbeats"],"level2":["BTC-USD"]}}]"#
            ),
            "{ack}"
        );
    }

    #[test]
    fn the_user_host_still_sends_a_client_id() {
        let text = Session::new(true, None).frame(0, "user", "{}");
        assert!(text.starts_with(r#"{"channel":"user","client_id":"","timestamp":"1970-01-01T00:00:00Z""#));
    }
}
