//! Requests with what authorises them: a token that is spent, or the signature of a legacy key.

use super::super::auth::{LegacyKey, KEY_HEADER, SIGN_HEADER, TIMESTAMP_HEADER};
use super::reply::Refused;
use crate::codec::http1::{self, Method, RequestError, RequestTemplate};
use crate::record::UnixNanos;
use crate::venue::Wire;

/// Header and prefix of a token.
pub(super) const BEARER: (&str, &str) = ("Authorization", "Bearer ");

/// Writes a request with a token and spends it.
pub(super) fn write<IO: Wire>(
    template: &RequestTemplate,
    body: &[u8],
    token: Box<str>,
    io: &mut IO,
) -> Result<(), Refused> {
    let mut written = Ok(());
    io.send(|out| written = template.write(out, &token, body));
    match written {
        Ok(()) => {
            io.retire(token);
            Ok(())
        }
        Err(error) => Err(Refused { why: error.into(), token: Some(token) }),
    }
}

/// Writes a request with the headers of a legacy key.
#[allow(clippy::too_many_arguments, reason = "the parts of a request")]
pub(super) fn write_signed<IO: Wire>(
    key: &LegacyKey,
    now: UnixNanos,
    method: Method,
    target: &str,
    host: &str,
    user_agent: &str,
    body: &[u8],
    io: &mut IO,
) -> Result<(), RequestError> {
    let signed = key.sign_rest(method.as_str(), target, body, now.seconds());
    let headers = [
        ("User-Agent", user_agent),
        (KEY_HEADER, key.id()),
        (SIGN_HEADER, signed.hex()),
        (TIMESTAMP_HEADER, signed.timestamp()),
        ("Content-Type", "application/json"),
    ];
    // A GET has no content.
    let headers = if body.is_empty() { headers.split_at(4).0 } else { &headers[..] };
    let mut written = Ok(());
    io.send(|out| written = http1::write_request(out, method, target, host, headers, body));
    written
}
