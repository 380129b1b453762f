//! Every error the venue sends outside HTTP 200, in the shapes that were seen (Coinbase reference 4), for the model's own
//! use and to be put in by tests: `venue.inject(FaultRule::next("POST", path, Fault::Reply(errors::html(502))))`.

use super::reject::Reject;
use crate::sim::server::Response;
use crate::sim::Json;

/// 401 in plain text: the venue says no more than this, and not in JSON.
pub fn unauthorized() -> Response {
    Response::text(401, "Unauthorized\n")
}

/// 403 of a key that may not do this.
pub fn permission_denied() -> Response {
    error(403, "PERMISSION_DENIED", "User does not have the correct permissions")
}

/// 403 in the other wording seen.
pub fn missing_scopes() -> Response {
    error(403, "PERMISSION_DENIED", "Missing required scopes")
}

/// 400 of a malformed request.
pub fn invalid_argument(detail: &str) -> Response {
    error(400, "INVALID_ARGUMENT", detail)
}

/// 404.
pub fn not_found(detail: &str) -> Response {
    error(404, "NOT_FOUND", detail)
}

/// 404 of an order lookup in its older shape.
pub fn order_not_found_before_2024() -> Response {
    error(404, "unknown", "order with this orderID was not found")
}

/// 429 in JSON.
pub fn too_many_requests() -> Response {
    Response::json(429, r#"{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}"#)
}

/// 429 as a page of several kB of HTML, as seen on `POST /orders`.
pub fn too_many_requests_html() -> Response {
    page(429, "Too Many Requests")
}

/// Any status with a page of the front end's: 502, 503, 520 to 527 and the like.
pub fn html(status: u16) -> Response {
    page(status, "Web server is returning an unknown error")
}

/// Any status with the error object of the interface description: `{error, code, message, details}`.
pub fn described(status: u16, name: &str, message: &str) -> Response {
    let body = Json::compact().object(|j| {
        j.str("error", name).raw("code", status).str("message", message).arr("details", |_| {});
    });
    Response::json(status, body)
}

/// Any status with the venue's usual error object.
pub fn error(status: u16, name: &str, detail: &str) -> Response {
    let body = Json::compact().object(|j| {
        j.str("error", name).str("error_details", detail).str("message", detail);
    });
    Response::json(status, body)
}

fn page(status: u16, title: &str) -> Response {
    // Long enough that it does not fit a buffer made for replies to orders.
    let filler = "<!-- error page of the front end, no JSON anywhere -->\n".repeat(60);
    let body = format!(
        "<!DOCTYPE html>\n<html lang=\"en-US\">\n<head>\n<title>coinbase.com | {status}: {title}</title>\n\
         <meta name=\"robots\" content=\"noindex, nofollow\" />\n{filler}</head>\n\
         <body><h1>{title}</h1><p>Error code {status}</p></body>\n</html>\n"
    );
    Response::html(status, body)
}

/// Where a rejection in HTTP 200 says why: the informative value may be in any one of these places, the others being
/// unknown or empty (Coinbase reference 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ReasonPlace {
    /// In `error` and `new_order_failure_reason`, in `preview_failure_reason` too where that enum has the name.
    #[default]
    Usual,
    /// In `new_order_failure_reason` alone.
    NewOrderFailureReason,
    /// In `error` alone.
    Error,
    /// In `preview_failure_reason` alone.
    PreviewFailureReason,
    /// In `message` alone.
    Message,
}

/// Which generation of bodies the venue sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Generation {
    /// Today's.
    #[default]
    Current,
    /// Before the change of July 2024: `failure_reason` and `order_id` at the top even on success, no
    /// `new_order_failure_reason`, edit errors in `error_response` (Coinbase reference 3.1, 3.3).
    Before2024,
}

/// HTTP 200 with `success:false`.
pub(crate) fn rejected(reject: Reject, echo: &str, place: ReasonPlace, generation: Generation) -> Response {
    const UNKNOWN: &str = "UNKNOWN_FAILURE_REASON";
    const UNKNOWN_PREVIEW: &str = "UNKNOWN_PREVIEW_FAILURE_REASON";
    let (name, preview, message) = reject.words();
    let known = if name == UNKNOWN { preview } else { name };
    let bare = known.strip_prefix("PREVIEW_").unwrap_or(known);
    let prefixed = format!("PREVIEW_{bare}");
    let (error, new_order, preview, message) = match place {
        ReasonPlace::Usual => (name, name, preview, message),
        ReasonPlace::NewOrderFailureReason => (UNKNOWN, known, UNKNOWN_PREVIEW, ""),
        ReasonPlace::Error => (known, UNKNOWN, UNKNOWN_PREVIEW, ""),
        ReasonPlace::PreviewFailureReason => (UNKNOWN, UNKNOWN, prefixed.as_str(), ""),
        ReasonPlace::Message => (UNKNOWN, UNKNOWN, UNKNOWN_PREVIEW, if message.is_empty() { known } else { message }),
    };
    let body = Json::compact().object(|j| {
        j.raw("success", false);
        if generation == Generation::Before2024 {
            j.str("failure_reason", UNKNOWN).str("order_id", "");
        }
        j.obj("error_response", |j| {
            j.str("error", error)
                .str("message", message)
                .str("error_details", "")
                .str("preview_failure_reason", preview);
            if generation == Generation::Current {
                j.str("new_order_failure_reason", new_order);
            }
        })
        .raw("order_configuration", echo);
    });
    Response::json(200, body)
}
