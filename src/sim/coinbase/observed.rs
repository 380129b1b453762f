//! What the venue saw, for tests to ask about: requests, order ids, tokens. Never holds a token or a secret.

use crate::sim::server::{Door, Request};
use crate::sim::Refused;
use std::collections::{BTreeMap, BTreeSet};

/// Requests kept; older ones are forgotten, the counts stay.
const LOG_MAX: usize = 65_536;

/// One request, without headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRequest {
    /// When it had arrived whole, UNIX ns.
    pub at_ns: u64,
    /// Which port, as an index: REST, market, user.
    pub door: Door,
    /// Method.
    pub method: String,
    /// Path without query.
    pub path: String,
    /// Query.
    pub query: String,
    /// `client_order_id` of a create-order body.
    pub client_order_id: Option<String>,
}

/// Counters and the log of requests.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Requests in order of arrival, including those a fault then swallowed.
    pub requests: Vec<SeenRequest>,
    /// Requests by `METHOD path`.
    pub counts: BTreeMap<String, u64>,
    /// Create-order requests by `client_order_id`: more than 1 is an order sent twice.
    pub orders_received: BTreeMap<String, u64>,
    /// Why tokens were refused, in order.
    pub refused_tokens: Vec<Refused>,
    /// Tokens accepted on REST.
    pub tokens_used: u64,
    /// Tokens whose nonce had been used before.
    pub tokens_reused: u64,
    nonces: BTreeSet<String>,
}

impl Observed {
    pub(crate) fn arrived(&mut self, now_ns: u64, door: Door, request: &Request) {
        *self.counts.entry(format!("{} {}", request.method, request.path)).or_default() += 1;
        let client_order_id = (request.method == "POST" && request.path.ends_with("/orders"))
            .then(|| serde_json::from_slice::<serde_json::Value>(&request.body).ok())
            .flatten()
            .and_then(|body| Some(body.get("client_order_id")?.as_str()?.to_owned()));
        if let Some(id) = &client_order_id {
            *self.orders_received.entry(id.clone()).or_default() += 1;
        }
        if self.requests.len() == LOG_MAX {
            self.requests.drain(..LOG_MAX / 2);
        }
        self.requests.push(SeenRequest {
            at_ns: now_ns,
            door,
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            client_order_id,
        });
    }

    /// Notes a token; false if its nonce had been used before.
    pub(crate) fn token_used(&mut self, nonce: &str) -> bool {
        self.tokens_used += 1;
        if self.nonces.len() == LOG_MAX {
            self.nonces.clear();
        }
        let fresh = self.nonces.insert(nonce.to_owned());
        self.tokens_reused += u64::from(!fresh);
        fresh
    }
}
