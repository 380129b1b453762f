//! What the venue saw, for tests to ask about: requests and order ids. Never holds a token.

use crate::sim::server::Request;
use crate::sim::RequestLog;
use serde_json::Value;
use std::ops::Deref;

/// The log of requests, named as `POST /orders`: method and path below the account, ids of orders, trades and transactions as
/// `*`; and counters.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    log: RequestLog,
    /// Requests refused for their token.
    pub token_refusals: u64,
    /// Connections refused for their number.
    pub connections_refused: u64,
    /// Stream lines lost because a test asked for it.
    pub lines_dropped: u64,
}

impl Deref for Observed {
    type Target = RequestLog;

    fn deref(&self) -> &RequestLog {
        &self.log
    }
}

impl Observed {
    pub(crate) fn arrived(&mut self, at_ns: u64, request: &Request) {
        let name = format!("{} {}", request.method, template(&request.path));
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let id = body.pointer("/order/clientExtensions/id").and_then(Value::as_str).map(str::to_owned);
        let places = name == "POST /orders";
        self.log.note(at_ns, name, id, places);
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
