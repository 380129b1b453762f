//! Requests into a send buffer.
//!
//! Owns the shape of the head: request line, `Host`, the caller's headers, `Content-Length`. Guarantees that no value can
//! break out of its line, and that after an error the buffer is as it was. Never allocates beyond the buffer's growth; the
//! order path writes a [`RequestTemplate`]: a prepared head, one value, the length, the body.

use thiserror::Error;

use super::Method;

/// Headers this module writes itself, or that would contradict the framing it writes.
const OURS: [&str; 3] = ["host", "content-length", "transfer-encoding"];

/// Why a request was not written. Names only the kind of part, since values may be secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The target must begin with `/` and hold visible ASCII only.
    #[error("http: request target must begin with '/' and be visible ASCII without spaces; percent-encode it")]
    BadTarget,
    /// The host must be visible ASCII.
    #[error("http: host must be visible ASCII without spaces; check the endpoint")]
    BadHost,
    /// A header name is not a token.
    #[error("http: header name is not a token")]
    BadHeaderName,
    /// A header value holds a line break or another control character.
    #[error("http: value of header {index} holds a control character; check the credential or setting it comes from")]
    BadHeaderValue {
        /// Which of the caller's headers, from 0.
        index: usize,
    },
    /// A header that is this module's to write.
    #[error("http: header {name} is set by the request writer; leave it out")]
    Reserved {
        /// Which.
        name: &'static str,
    },
}

/// Appends a whole request to `out`. `Content-Length` is written if there is a body or the method usually has one.
///
/// # Errors
/// A part that cannot go on the wire; nothing was appended.
pub fn write_request(
    out: &mut Vec<u8>,
    method: Method,
    target: &str,
    host: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<(), RequestError> {
    check(target, host, headers)?;
    put_head(out, method, target, host, headers);
    if !body.is_empty() || method.always_states_length() {
        put_length(out, body.len());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    Ok(())
}

/// A request of which only one header value (the token) and the body change: what an order costs is three copies.
#[derive(Clone, Debug)]
pub struct RequestTemplate {
    /// From the request line to the start of the variable value.
    front: Box<[u8]>,
    method: Method,
}

impl RequestTemplate {
    /// Prepares the head. `variable` is the header whose value changes, and the part of the value that does not:
    /// `("Authorization", "Bearer ")`.
    ///
    /// # Errors
    /// A part that cannot go on the wire.
    pub fn new(
        method: Method,
        target: &str,
        host: &str,
        headers: &[(&str, &str)],
        variable: (&str, &str),
    ) -> Result<Self, RequestError> {
        check(target, host, headers)?;
        check_header(headers.len(), variable)?;
        let mut front = Vec::new();
        put_head(&mut front, method, target, host, headers);
        let (name, prefix) = variable;
        put(&mut front, &[name, ": ", prefix]);
        Ok(Self {
            front: front.into_boxed_slice(),
            method,
        })
    }

    /// Appends the request with this value and this body.
    ///
    /// # Errors
    /// [`RequestError::BadHeaderValue`]; nothing was appended.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>, value: &str, body: &[u8]) -> Result<(), RequestError> {
        if !is_value(value) {
            return Err(RequestError::BadHeaderValue { index: 0 });
        }
        out.extend_from_slice(&self.front);
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
        if !body.is_empty() || self.method.always_states_length() {
            put_length(out, body.len());
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body);
        Ok(())
    }

    /// What [`ResponseReader::expect`](super::ResponseReader::expect) wants to know.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }
}

fn check(target: &str, host: &str, headers: &[(&str, &str)]) -> Result<(), RequestError> {
    if !target.starts_with('/') || !is_visible(target) {
        return Err(RequestError::BadTarget);
    }
    if host.is_empty() || !is_visible(host) {
        return Err(RequestError::BadHost);
    }
    headers
        .iter()
        .enumerate()
        .try_for_each(|(index, &header)| check_header(index, header))
}

fn check_header(index: usize, (name, value): (&str, &str)) -> Result<(), RequestError> {
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(RequestError::BadHeaderName);
    }
    if let Some(name) = OURS
        .into_iter()
        .find(|ours| ours.eq_ignore_ascii_case(name))
    {
        return Err(RequestError::Reserved { name });
    }
    if !is_value(value) {
        return Err(RequestError::BadHeaderValue { index });
    }
    Ok(())
}

fn put_head(out: &mut Vec<u8>, method: Method, target: &str, host: &str, headers: &[(&str, &str)]) {
    put(
        out,
        &[
            method.as_str(),
            " ",
            target,
            " HTTP/1.1\r\nHost: ",
            host,
            "\r\n",
        ],
    );
    for (name, value) in headers {
        put(out, &[name, ": ", value, "\r\n"]);
    }
}

fn put_length(out: &mut Vec<u8>, bytes: usize) {
    put(
        out,
        &[
            "Content-Length: ",
            itoa::Buffer::new().format(bytes),
            "\r\n",
        ],
    );
}

fn put(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

/// No control character but the tab (RFC 9110 section 5.5). Looks at every byte without branching, so that it runs eight
/// and more at a time.
#[inline]
fn is_value(value: &str) -> bool {
    !value.bytes().fold(false, |bad, byte| {
        bad | ((byte < b' ') & (byte != b'\t')) | (byte == 0x7F)
    })
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// RFC 9110 section 5.6.2.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}
