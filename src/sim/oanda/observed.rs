//! What the venue saw, for tests to ask about: requests and order ids. Never holds a token.

use crate::sim::server::Request;
use serde_json::Value;
use std::collections::BTreeMap;

/// Requests kept; older ones are forgotten, the counts stay.
const LOG_MAX: usize = 65_536;

/// One request, without headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRequest {
    /// When it had arrived whole, UNIX ns.
    pub at_ns: u64,
    /// `POST /orders`: method and path below the account, ids of orders, trades and transactions as `*`.
    pub name: String,
    /// `order.clientExtensions.id`, if it had one.
    pub client_order_id: Option<String>,
}

/// Counters and the log of requests.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Requests in order of arrival, including those a fault then swallowed.
    pub requests: Vec<SeenRequest>,
    /// Requests by name.
    pub counts: BTreeMap<String, u64>,
    /// New orders by client id, faults included: more than 1 is an order sent twice.
    pub orders_received: BTreeMap<String, u64>,
    /// Requests refused for their token.
    pub token_refusals: u64,
    /// Connections refused for their number.
    pub connections_refused: u64,
    /// Stream lines lost because a test asked for it.
    pub lines_dropped: u64,
}

impl Observed {
    pub(crate) fn arrived(&mut self, at_ns: u64, request: &Request) {
        let name = format!("{} {}", request.method, template(&request.path));
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let id = body.pointer("/order/clientExtensions/id").and_then(Value::as_str).map(str::to_owned);
        *self.counts.entry(name.clone()).or_default() += 1;
        if let Some(id) = id.as_ref().filter(|_| name == "POST /orders") {
            *self.orders_received.entry(id.clone()).or_default() += 1;
        }
        if self.requests.len() == LOG_MAX {
            self.requests.drain(..LOG_MAX / 2);
        }
        self.requests.push(SeenRequest { at_ns, name, client_order_id: id });
    }
}

/// The path below the account with ids as `*`.
fn template(path: &str) -> String {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let below = match parts.as_slice() {
        ["v3", "accounts", _, below @ ..] => below,
        other => other,
    };
    let mut text = String::new();
    for (i, part) in below.iter().enumerate() {
        let named = matches!(below.first(), Some(&("orders" | "trades" | "transactions"))) && i == 1;
        let word = matches!(*part, "idrange" | "sinceid" | "stream");
        text.push('/');
        text.push_str(if named && !word { "*" } else { part });
    }
    if text.is_empty() {
        "/".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_what_they_do() {
        for (path, name) in [
            ("/v3/accounts", "/v3/accounts"),
            ("/v3/accounts/1-2-3-4", "/"),
            ("/v3/accounts/1-2-3-4/orders/@mine/cancel", "/orders/*/cancel"),
            ("/v3/accounts/1-2-3-4/transactions/sinceid", "/transactions/sinceid"),
            ("/v3/accounts/1-2-3-4/positions/EUR_USD/close", "/positions/EUR_USD/close"),
        ] {
            assert_eq!(template(path), name);
        }
    }
}
