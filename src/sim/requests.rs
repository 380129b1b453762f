//! Which requests a local venue saw, whichever it is: for tests to ask about. Holds no header, body, key or token.

use std::collections::BTreeMap;

/// Requests kept; older ones are forgotten, the counts stay.
const LOG_MAX: usize = 65_536;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRequest {
    /// When it had arrived whole, UNIX ns.
    pub at_ns: u64,
    /// What was asked for, as the venue names it: method and path, or `WS` and the method.
    pub name: String,
    /// Our id of an order, if it had one.
    pub client_order_id: Option<String>,
}

/// Counters and the log of requests, those included that a fault then swallowed.
#[derive(Clone, Debug, Default)]
pub struct RequestLog {
    /// Requests in order of arrival.
    pub requests: Vec<SeenRequest>,
    /// Requests by name.
    pub counts: BTreeMap<String, u64>,
    /// New orders by our id, whichever door they came in by: more than 1 is an order sent twice.
    pub orders_received: BTreeMap<String, u64>,
}

impl RequestLog {
    /// A request arrived; `places` if it is for a new order.
    pub(crate) fn note(&mut self, at_ns: u64, name: String, client_order_id: Option<String>, places: bool) {
        *self.counts.entry(name.clone()).or_default() += 1;
        if let Some(id) = client_order_id.as_ref().filter(|_| places) {
            *self.orders_received.entry(id.clone()).or_default() += 1;
        }
        if self.requests.len() == LOG_MAX {
            self.requests.drain(..LOG_MAX / 2);
        }
        self.requests.push(SeenRequest { at_ns, name, client_order_id });
    }
}
