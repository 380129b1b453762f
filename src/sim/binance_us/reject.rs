//! Refusals: HTTP status, code and message as the venue words them (Binance.US reference 4).

use crate::sim::server::Response;
use crate::sim::Json;
use std::borrow::Cow;

/// Why a request was not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: u16,
    pub(crate) code: i32,
    pub(crate) message: Cow<'static, str>,
    /// `data` of the error, JSON: cancelReplace and bans have one.
    pub(crate) data: Option<String>,
    /// `Retry-After`, seconds.
    pub(crate) retry_after_s: Option<u64>,
}

impl Failure {
    /// HTTP 400.
    pub(crate) fn bad(code: i32, message: impl Into<Cow<'static, str>>) -> Self {
        Self::with_status(400, code, message)
    }

    pub(crate) fn with_status(status: u16, code: i32, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, message: message.into(), data: None, retry_after_s: None }
    }

    /// A parameter that has to be there.
    pub(crate) fn missing(name: &str) -> Self {
        Self::bad(-1102, format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed."))
    }

    /// A parameter the order type has no use for.
    pub(crate) fn not_required(name: &str) -> Self {
        Self::bad(-1106, format!("Parameter '{name}' sent when not required."))
    }

    /// A value outside its alphabet.
    pub(crate) fn illegal(name: &str, legal: &str) -> Self {
        Self::bad(-1100, format!("Illegal characters found in parameter '{name}'; legal range is '{legal}'."))
    }

    /// A symbol filter.
    pub(crate) fn filter(name: &str) -> Self {
        Self::bad(-1013, format!("Filter failure: {name}"))
    }

    /// The matching engine says no to a new order.
    pub(crate) fn order(message: &'static str) -> Self {
        Self::bad(-2010, message)
    }

    /// The matching engine says no to a cancel.
    pub(crate) fn cancel(message: &'static str) -> Self {
        Self::bad(-2011, message)
    }

    /// A cancel of nothing, or of what is over.
    pub(crate) fn unknown_order() -> Self {
        Self::cancel("Unknown order sent.")
    }

    /// A query for nothing.
    pub(crate) fn no_such_order() -> Self {
        Self::bad(-2013, "Order does not exist.")
    }

    /// A symbol that is none.
    pub(crate) fn symbol() -> Self {
        Self::bad(-1121, "Invalid symbol.")
    }

    /// The error as JSON.
    pub(crate) fn body(&self) -> String {
        self.written(self.data.as_deref())
    }

    fn written(&self, data: Option<&str>) -> String {
        Json::compact().object(|j| {
            j.raw("code", self.code).str("msg", &self.message);
            if let Some(data) = data {
                j.raw("data", data);
            }
        })
    }

    /// The same as an HTTP reply. When a limit ends stands in a header there, in `data` on the WebSocket API alone
    /// (reference 4).
    pub(crate) fn response(&self) -> Response {
        let data = self.data.as_deref().filter(|_| self.retry_after_s.is_none());
        let response = Response::json(self.status, self.written(data));
        match self.retry_after_s {
            Some(seconds) => response.with_header("Retry-After", seconds),
            None => response,
        }
    }
}

/// The page of a firewall rule: HTTP 403, no JSON (Binance.US reference 4). For `Fault::Reply`.
pub fn waf_page() -> Response {
    let page = "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n\
                Request blocked. We can't connect to the server for this app or website at this time.\r\n</body>\r\n</html>\r\n";
    Response::html(403, page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_worded_as_the_venue_words_it() {
        assert_eq!(Failure::filter("LOT_SIZE").body(), r#"{"code":-1013,"msg":"Filter failure: LOT_SIZE"}"#);
        let mut banned = Failure::with_status(418, -1003, "Way too much request weight used.");
        banned.retry_after_s = Some(120);
        banned.data = Some(r#"{"serverTime":1}"#.into());
        assert_eq!(
            banned.body(),
            r#"{"code":-1003,"msg":"Way too much request weight used.","data":{"serverTime":1}}"#
        );
        let reply = banned.response();
        assert!(reply.headers.contains(&("Retry-After".into(), "120".into())));
        assert_eq!(reply.body, br#"{"code":-1003,"msg":"Way too much request weight used."}"#);
        let mut partial = Failure::with_status(409, -2021, "Order cancel-replace partially failed.");
        partial.data = Some(r#"{"cancelResult":"SUCCESS"}"#.into());
        assert_eq!(partial.response().body, partial.body().into_bytes(), "what was done stands in both");
    }
}
