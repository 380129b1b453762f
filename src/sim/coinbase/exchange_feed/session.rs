//! One connection of the feed: what it holds, and the list of it.

use crate::sim::Json;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The channels served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Channel {
    Level2,
    Level2Batch,
    Matches,
    Heartbeat,
    Ticker,
}

impl Channel {
    const ALL: [Channel; 5] =
        [Channel::Level2, Channel::Level2Batch, Channel::Matches, Channel::Heartbeat, Channel::Ticker];

    pub(super) fn parse(name: &str) -> Option<Channel> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Channel::Level2 => "level2",
            Channel::Level2Batch => "level2_batch",
            Channel::Matches => "matches",
            Channel::Heartbeat => "heartbeat",
            Channel::Ticker => "ticker",
        }
    }

    /// The batched book is echoed by its period (Coinbase reference 8).
    fn echoed(self) -> &'static str {
        match self {
            Channel::Level2Batch => "level2_50",
            other => other.name(),
        }
    }
}

#[derive(Debug)]
pub(super) struct Session {
    /// Drop the connection then unless it has subscribed to something.
    pub subscribe_by_ns: Option<u64>,
    pub held: BTreeMap<Channel, BTreeSet<String>>,
    pub next_beat_ns: Option<u64>,
    /// A subscription with a good signature came.
    pub authenticated: bool,
}

impl Session {
    pub fn new(subscribe_by_ns: u64) -> Session {
        let subscribe_by_ns = Some(subscribe_by_ns);
        Session { subscribe_by_ns, held: BTreeMap::new(), next_beat_ns: None, authenticated: false }
    }

    pub fn holds(&self, channel: Channel, product: &str) -> bool {
        self.held.get(&channel).is_some_and(|products| products.contains(product))
    }

    /// Gives up products of a channel, all of them if none is named.
    pub fn drop_channel(&mut self, channel: Channel, products: &[String]) {
        let Some(held) = self.held.get_mut(&channel) else { return };
        held.retain(|id| !products.is_empty() && !products.contains(id));
        if held.is_empty() {
            self.held.remove(&channel);
        }
    }

    /// The whole current set.
    pub fn subscriptions(&self) -> String {
        Json::compact().object(|j| {
            j.str("type", "subscriptions").arr("channels", |j| {
                for (channel, products) in &self.held {
                    j.item(|j| {
                        j.str("name", channel.echoed())
                            .arr("product_ids", |j| {
                                for id in products {
                                    j.item_str(id);
                                }
                            })
                            .raw("account_ids", "null");
                    });
                }
            });
        })
    }
}

/// The channels a message names, each with its products: a text takes those of the message, an object may have its own.
pub(super) fn channels(message: &Value) -> Option<Vec<(String, Vec<String>)>> {
    let ids = |value: Option<&Value>| -> Option<Vec<String>> {
        match value {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(value) => value.as_array()?.iter().map(|id| id.as_str().map(str::to_owned)).collect(),
        }
    };
    let common = ids(message.get("product_ids"))?;
    let channel = |value: &Value| match value {
        Value::String(name) => Some((name.clone(), common.clone())),
        Value::Object(members) => {
            let own = ids(members.get("product_ids"))?;
            Some((members.get("name")?.as_str()?.to_owned(), if own.is_empty() { common.clone() } else { own }))
        }
        _ => None,
    };
    message.get("channels")?.as_array()?.iter().map(channel).collect()
}
