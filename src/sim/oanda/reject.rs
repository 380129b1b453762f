//! Refusals in the venue's words (OANDA reference 4, 5 and 8).

use crate::sim::server::Response;
use crate::sim::Json;

/// A reply that is an error and no transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: u16,
    pub(crate) message: String,
    pub(crate) code: Option<&'static str>,
    /// Told where the account was reached.
    pub(crate) last: Option<u64>,
}

impl Failure {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), code: None, last: None }
    }

    /// A token that is missing or wrong.
    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Insufficient authorization to perform request.")
    }

    /// An account the token does not own, or not over this interface.
    pub(crate) fn forbidden() -> Self {
        Self::new(403, "The provided request was forbidden.")
    }

    /// A member or parameter that cannot be read: 400 without a transaction.
    pub(crate) fn parameter(name: &str) -> Self {
        let code = Some("oanda::rest::core::InvalidParameterException");
        Self { code, ..Self::new(400, format!("Invalid value specified for '{name}'")) }
    }

    /// A body that is no JSON object, or lacks what it is for.
    pub(crate) fn missing() -> Self {
        Self::new(400, "The request was missing required data")
    }

    /// Something asked for by id that is not there.
    pub(crate) fn not_found(code: &'static str, last: u64) -> Self {
        let message = match code {
            "NO_SUCH_ORDER" => "The order ID specified does not exist",
            "NO_SUCH_TRADE" => "The trade ID specified does not exist",
            "NO_SUCH_POSITION" => "No position exists for the specified instrument",
            _ => "The transaction ID specified does not exist",
        };
        Self { code: Some(code), last: Some(last), ..Self::new(404, message) }
    }

    /// A range of transactions that does not exist.
    pub(crate) fn range() -> Self {
        Self::new(416, "The specified transaction range is invalid")
    }

    pub(crate) fn response(&self) -> Response {
        let body = Json::compact().object(|j| {
            if let Some(last) = self.last {
                j.str("lastTransactionID", last);
            }
            j.str("errorMessage", &self.message);
            if let Some(code) = self.code {
                j.str("errorCode", code);
            }
        });
        Response::json(self.status, body)
    }
}

/// Too many of something: the body of version 1, since that of v20 was never recorded (OANDA reference 8).
pub(crate) fn too_many(what: &str) -> Response {
    let body = Json::compact().object(|j| {
        j.str("errorMessage", format!("Rate limit violation of {what}"));
    });
    Response::json(429, body)
}

/// What the edge answers when the venue behind it is gone.
pub fn edge_page(status: u16) -> Response {
    let title = match status {
        502 => "Bad gateway",
        503 => "Service Unavailable",
        504 => "Gateway time-out",
        _ => "Web server is returning an unknown error",
    };
    let page =
        format!("<!DOCTYPE html><html><head><title>oanda.com | {status}: {title}</title></head><body></body></html>");
    Response::html(status, page).with_header("Server", "cloudflare")
}

/// The sentence that goes with a reject reason.
pub(crate) fn message(reason: &str) -> String {
    let known = match reason {
        "UNITS_INVALID" => "Order units specified are invalid",
        "UNITS_PRECISION_EXCEEDED" => {
            "The units specified contain more precision than is allowed for the Order's instrument"
        }
        "UNITS_LIMIT_EXCEEDED" => "The units specified exceeds the maximum number of units allowed",
        "UNITS_MINIMUM_NOT_MET" => "The units specified is less than the minimum number of units required",
        "PRICE_PRECISION_EXCEEDED" => "The price specified contains more precision than is allowed for the instrument",
        "TIME_IN_FORCE_INVALID" => "The TimeInForce specified is invalid",
        "ORDER_DOESNT_EXIST" => "The Order specified does not exist",
        "TRADE_DOESNT_EXIST" => "The Trade specified does not exist",
        "CLOSEOUT_POSITION_DOESNT_EXIST" => "The Position requested to be closed out does not exist",
        "CLIENT_ORDER_ID_INVALID" => "The client Order ID specified is invalid",
        "CLIENT_ORDER_ID_ALREADY_EXISTS" => {
            "The client Order ID specified is already assigned to another pending Order"
        }
        "CLIENT_TRADE_ID_ALREADY_EXISTS" => "The client Trade ID specified is already assigned to another open Trade",
        "INSTRUMENT_NOT_TRADEABLE" => "The instrument specified is not tradeable by the Account",
        _ => "",
    };
    if known.is_empty() {
        // The venue has a sentence of its own for each; the reason itself says as much.
        let words = reason.replace('_', " ").to_lowercase();
        let mut letters = words.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
    } else {
        known.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_look_as_recorded() {
        let body = |failure: Failure| String::from_utf8(failure.response().body).unwrap();
        assert_eq!(
            body(Failure::not_found("NO_SUCH_ORDER", 105)),
            r#"{"lastTransactionID":"105","errorMessage":"The order ID specified does not exist","errorCode":"NO_SUCH_ORDER"}"#
        );
        assert_eq!(
            body(Failure::parameter("order.instrument")),
            r#"{"errorMessage":"Invalid value specified for 'order.instrument'","errorCode":"oanda::rest::core::InvalidParameterException"}"#
        );
        assert_eq!(message("INSUFFICIENT_MARGIN"), "Insufficient margin");
        assert!(String::from_utf8(edge_page(502).body).unwrap().contains("502: Bad gateway"));
    }
}
