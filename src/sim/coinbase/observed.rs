//! What the venue saw, for tests to ask about: requests, order ids, tokens. Never holds a token or a secret.

use crate::sim::server::{Door, Request};
use crate::sim::{Refused, RequestLog};
use std::collections::BTreeSet;
use std::ops::Deref;

/// Nonces remembered; then it begins anew.
const NONCES_MAX: usize = 65_536;

/// The log of requests, named as `METHOD path`; and counters.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    log: RequestLog,
    /// Why tokens were refused, in order.
    pub refused_tokens: Vec<Refused>,
    /// Tokens accepted on REST.
    pub tokens_used: u64,
    /// Tokens whose nonce had been used before.
    pub tokens_reused: u64,
    nonces: BTreeSet<String>,
}

impl Deref for Observed {
    type Target = RequestLog;

    fn deref(&self) -> &RequestLog {
        &self.log
    }
}

impl Observed {
    pub(crate) fn arrived(&mut self, now_ns: u64, _door: Door, request: &Request) {
        let places = request.method == "POST" && request.path.ends_with("/orders");
        let body = || serde_json::from_slice::<serde_json::Value>(&request.body).ok();
        let id = places.then(body).flatten().and_then(|body| Some(body.get("client_order_id")?.as_str()?.to_owned()));
        self.log.note(now_ns, format!("{} {}", request.method, request.path), id, places);
    }

    /// Notes a token; false if its nonce had been used before.
    pub(crate) fn token_used(&mut self, nonce: &str) -> bool {
        self.tokens_used += 1;
        if self.nonces.len() == NONCES_MAX {
            self.nonces.clear();
        }
        let fresh = self.nonces.insert(nonce.to_owned());
        self.tokens_reused += u64::from(!fresh);
        fresh
    }
}
