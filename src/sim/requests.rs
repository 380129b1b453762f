//! Which requests a local venue saw, whichever it is: for tests to ask about. Holds no header, body, key or token.

use std::collections::BTreeMap;

/// Requests kept; older ones are forgotten, the counts stay.
const LOG_MAX: usize = 65_536;
/// Different names counted. A name is a path, and anybody may ask for any number of paths.
const NAMES_MAX: usize = 65_536;

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
    /// Requests by name; names beyond the first 65,536 are not counted.
    pub counts: BTreeMap<String, u64>,
    /// New orders by our id, whichever door they came in by: more than 1 is an order sent twice.
    pub orders_received: BTreeMap<String, u64>,
}

impl RequestLog {
    /// A request arrived; `places` if it is for a new order.
    pub(crate) fn note(&mut self, at_ns: u64, name: String, client_order_id: Option<String>, places: bool) {
        let room = self.counts.len() < NAMES_MAX;
        match self.counts.get_mut(&name) {
            Some(count) => *count += 1,
            None if room => drop(self.counts.insert(name.clone(), 1)),
            None => {}
        }
        if let Some(id) = client_order_id.as_ref().filter(|_| places) {
            *self.orders_received.entry(id.clone()).or_default() += 1;
        }
        if self.requests.len() == LOG_MAX {
            self.requests.drain(..LOG_MAX / 2);
        }
        self.requests.push(SeenRequest { at_ns, name, client_order_id });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_of_paths_fills_neither_the_log_nor_the_counts() {
        let mut log = RequestLog::default();
        for n in 0..2 * NAMES_MAX as u64 {
            log.note(n, format!("GET /{n}"), None, false);
            log.note(n, "GET /0".to_owned(), None, false);
        }
        assert!(log.requests.len() <= LOG_MAX && log.counts.len() == NAMES_MAX);
        assert_eq!(log.counts.get("GET /0"), Some(&(2 * NAMES_MAX as u64 + 1)), "known names go on counting");
    }
}
