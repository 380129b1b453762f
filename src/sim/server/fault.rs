//! How the server misbehaves on request: which requests, how often, and in what way.
//!
//! `Then…` faults let the model process the request first, so that the order exists although the client hears nothing.

use super::api::{CloseHow, Door, Request, Response};

/// What goes wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not processed; this reply instead.
    Reply(Response),
    /// Not processed; these bytes instead of HTTP, then FIN.
    Raw(Vec<u8>),
    /// Not processed; the connection ends.
    Close(CloseHow),
    /// Not processed; no reply, the connection stays open.
    Silence,
    /// Processed and answered only after so many ns.
    Delay(u64),
    /// Processed; this reply instead of the real one.
    ThenReply(Response),
    /// Processed; these bytes instead of HTTP, then FIN.
    ThenRaw(Vec<u8>),
    /// Processed; the connection ends without a reply.
    ThenClose(CloseHow),
    /// Processed; no reply ever, the connection stays open.
    ThenSilence,
    /// Processed at once, answered after so many ns.
    ThenDelay(u64),
    /// Processed at once, answered when released (`Server::release_held`).
    ThenHold,
    /// Processed; so many bytes of the body after all headers, then the end.
    ThenCut {
        /// Body bytes sent.
        keep: usize,
        /// How it ends.
        how: CloseHow,
    },
    /// Processed; the reply trickles.
    ThenSlow {
        /// Bytes per piece.
        chunk: usize,
        /// Time between pieces, ns.
        interval_ns: u64,
    },
    /// Processed; the reply comes with chunked transfer encoding.
    ThenChunked {
        /// Bytes per chunk.
        chunk: usize,
    },
    /// An upgrade is granted and these text frames leave in the very TLS record of the 101 response.
    WithUpgrade(Vec<String>),
}

impl Fault {
    /// Whether the client gets something else than the model's reply.
    pub(crate) fn replaces_reply(&self) -> bool {
        matches!(self, Self::ThenReply(_) | Self::ThenClose(_) | Self::ThenRaw(_) | Self::ThenSilence)
    }

    /// Whether the model sees the request, now or later.
    pub(crate) fn lets_process(&self) -> bool {
        !matches!(self, Self::Reply(_) | Self::Raw(_) | Self::Close(_) | Self::Silence)
    }
}

/// Which requests a fault is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRule {
    /// Only on this door; any if `None`.
    pub door: Option<Door>,
    /// Method, or `*`.
    pub method: String,
    /// Path without query; a trailing `*` stands for any rest.
    pub path: String,
    /// So many matching requests pass first.
    pub skip: u32,
    /// Then so many are hit; the rule is gone after.
    pub times: u32,
    /// What happens to them.
    pub fault: Fault,
}

impl FaultRule {
    /// Hits the next request of that method and path on any door.
    pub fn next(method: &str, path: &str, fault: Fault) -> Self {
        Self { door: None, method: method.to_owned(), path: path.to_owned(), skip: 0, times: 1, fault }
    }

    /// The same for so many requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// The same after so many have passed.
    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// The same on one door only.
    #[must_use]
    pub fn on(mut self, door: Door) -> Self {
        self.door = Some(door);
        self
    }

    fn matches(&self, door: Door, request: &Request) -> bool {
        let path = match self.path.strip_suffix('*') {
            Some(start) => request.path.starts_with(start),
            None => request.path == self.path,
        };
        path && self.door.is_none_or(|d| d == door) && (self.method == "*" || self.method == request.method)
    }
}

/// The rules in force, asked in order.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<FaultRule>,
}

impl Faults {
    pub(crate) fn add(&mut self, rule: FaultRule) {
        if rule.times > 0 {
            self.rules.push(rule);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// The fault for this request, used up by one.
    pub(crate) fn take(&mut self, door: Door, request: &Request) -> Option<Fault> {
        let at = self.rules.iter().position(|rule| rule.matches(door, request))?;
        let rule = self.rules.get_mut(at)?;
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        rule.times -= 1;
        let fault = rule.fault.clone();
        self.rules.retain(|rule| rule.times > 0);
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str) -> Request {
        Request { method: method.into(), path: path.into(), ..Request::default() }
    }

    #[test]
    fn a_rule_hits_its_requests_and_no_others() {
        let mut faults = Faults::default();
        faults.add(FaultRule::next("POST", "/orders", Fault::Silence).after(1).times(2).on(0));
        let mut hit = |door, method, path| faults.take(door, &request(method, path)).is_some();
        assert!(!hit(0, "GET", "/orders") && !hit(1, "POST", "/orders") && !hit(0, "POST", "/orders/x"));
        assert!(!hit(0, "POST", "/orders"), "the first passes");
        assert!(hit(0, "POST", "/orders") && hit(0, "POST", "/orders"));
        assert!(!hit(0, "POST", "/orders"), "used up");
    }

    #[test]
    fn a_star_stands_for_any_rest() {
        let mut faults = Faults::default();
        faults.add(FaultRule::next("*", "/a/*", Fault::Silence));
        assert!(faults.take(0, &request("GET", "/b")).is_none());
        assert!(faults.take(3, &request("PUT", "/a/b/c")).is_some());
    }
}
