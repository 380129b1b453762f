//! The opening handshake (RFC 6455 section 4): the request we send and the answer we accept.
//!
//! Owns the check that the server really speaks WebSocket to us: status, `Upgrade`, `Connection`, the digest of our key,
//! and nothing agreed that we did not ask for. Guarantees that bytes behind the answer are left where they are: they are
//! frames already. Never follows a redirect, never makes up the key. Runs once per connection, so it may allocate.

use base64::prelude::{Engine, BASE64_STANDARD};
use thiserror::Error;
use tungstenite::handshake::client::generate_request;
use tungstenite::handshake::derive_accept_key;

use crate::codec::http1::{self, Excerpt, Headers, HttpError, Method, ResponseReader};

/// Longest body of a refusal that is waited for, in bytes; only an excerpt is kept.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// Why there is no WebSocket.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Host, path or a header cannot go on the wire.
    #[error("websocket upgrade: host, path or an extra header is malformed; check the endpoint")]
    BadRequest,
    /// An extra header that belongs to the handshake.
    #[error("websocket upgrade: an extra header belongs to the handshake itself; leave it out")]
    ReservedHeader,
    /// The server answered with something other than 101.
    #[error("websocket upgrade refused with status {status}: {excerpt}{}", wait(*.retry_after_s))]
    Refused {
        /// The status.
        status: u16,
        /// `Retry-After` in seconds, where it was a number.
        retry_after_s: Option<u64>,
        /// Of the body: see [`Excerpt`].
        excerpt: Box<str>,
    },
    /// The server wants us elsewhere.
    #[error("websocket upgrade redirected with status {status} to {location}; redirects are never followed, configure the new endpoint")]
    Redirected {
        /// The status, 300-399.
        status: u16,
        /// Where to, cut to a line.
        location: Box<str>,
    },
    /// `Upgrade: websocket` is missing.
    #[error("websocket upgrade: 101 without 'Upgrade: websocket'; this endpoint is no websocket")]
    NoUpgrade,
    /// `Connection: Upgrade` is missing.
    #[error("websocket upgrade: 101 without 'Connection: Upgrade'; this endpoint is no websocket")]
    NoConnectionUpgrade,
    /// `Sec-WebSocket-Accept` is missing, repeated, or not the digest of our key.
    #[error("websocket upgrade: Sec-WebSocket-Accept is not the digest of our key; a proxy may have answered")]
    WrongAccept,
    /// An extension we did not ask for.
    #[error("websocket upgrade: the server chose an extension that was not offered; a proxy may have answered, check the endpoint")]
    UnaskedExtension,
    /// A subprotocol we did not ask for.
    #[error("websocket upgrade: the server chose a subprotocol that was not offered; a proxy may have answered, check the endpoint")]
    UnaskedProtocol,
    /// The answer is not HTTP/1.1, or ended early.
    #[error("websocket upgrade: {0}")]
    Http(#[from] HttpError),
}

/// What to ask for.
#[derive(Clone, Copy, Debug)]
pub struct UpgradeRequest<'a> {
    /// The `Host` header: with the port where it is not 443.
    pub host: &'a str,
    /// Path and query, beginning with `/`.
    pub path: &'a str,
    /// Further headers, such as `User-Agent`. Extensions and subprotocols cannot be asked for.
    pub headers: &'a [(&'a str, &'a str)],
}

impl UpgradeRequest<'_> {
    /// Appends the request to `out`. `key` comes from a random generator, 16 fresh bytes per connection.
    ///
    /// # Errors
    /// [`HandshakeError::BadRequest`] or [`HandshakeError::ReservedHeader`]; nothing was appended.
    pub fn write(&self, out: &mut Vec<u8>, key: [u8; 16]) -> Result<UpgradeReader, HandshakeError> {
        let mut request = http::Request::get(self.path)
            .header("Host", self.host)
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", BASE64_STANDARD.encode(key));
        for &(name, value) in self.headers {
            if is_reserved(name) {
                return Err(HandshakeError::ReservedHeader);
            }
            request = request.header(name, value);
        }
        let request = request.body(()).map_err(|_| HandshakeError::BadRequest)?;
        if self.host.is_empty() || !self.path.starts_with('/') {
            return Err(HandshakeError::BadRequest);
        }
        let (bytes, key) = generate_request(request).map_err(|_| HandshakeError::BadRequest)?;
        out.extend_from_slice(&bytes);
        Ok(UpgradeReader::new(&key))
    }
}

/// How far the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// Feed more.
    Incomplete,
    /// The connection speaks WebSocket from here on.
    Accepted {
        /// Bytes of the answer; what lies behind them are frames.
        consumed: usize,
    },
}

/// Reads the answer to one [`UpgradeRequest`].
#[derive(Clone, Debug)]
pub struct UpgradeReader {
    accept: String,
    head: http1::Head,
    /// Takes over if the answer is not 101.
    refusal: ResponseReader,
}

impl UpgradeReader {
    /// For the request with this `Sec-WebSocket-Key` header.
    #[must_use]
    pub fn new(key: &str) -> Self {
        let limits = http1::Limits { body_bytes_max: REFUSAL_BYTES_MAX, ..http1::Limits::default() };
        Self {
            accept: derive_accept_key(key.as_bytes()),
            head: http1::Head::new(),
            refusal: ResponseReader::new(limits),
        }
    }

    /// Looks at all bytes that came so far; nothing is to be taken off before it is done. `eof` says that no more will
    /// come, or that patience has ended: then a refusal is reported with what there is of its body.
    ///
    /// # Errors
    /// Why there is no WebSocket; hang up.
    pub fn read(&mut self, answer: &mut [u8], eof: bool) -> Result<Upgrade, HandshakeError> {
        let mut at = 0_usize;
        loop {
            let bytes = answer.get(at..).unwrap_or_default();
            let limits = http1::Limits::default();
            if !self.head.read(bytes, limits.head_bytes_max, limits.headers_max)? {
                let received = http1::received_of_head(bytes.len());
                return if eof { Err(HttpError::Truncated { received }.into()) } else { Ok(Upgrade::Incomplete) };
            }
            match self.head.status {
                101 => {
                    self.check(self.head.headers(bytes))?;
                    return Ok(Upgrade::Accepted { consumed: at.saturating_add(self.head.bytes) });
                }
                // Interim answers, such as 103, may come first.
                100..200 => at = at.saturating_add(self.head.bytes),
                _ => return self.refused(answer.get_mut(at..).unwrap_or_default(), eof),
            }
        }
    }

    fn check(&self, headers: Headers<'_>) -> Result<(), HandshakeError> {
        if self.head.minor == 0 || !headers.has_token("upgrade", "websocket") {
            return Err(HandshakeError::NoUpgrade);
        }
        if !headers.has_token("connection", "upgrade") {
            return Err(HandshakeError::NoConnectionUpgrade);
        }
        let mut accepts = headers.all("sec-websocket-accept");
        if accepts.next() != Some(self.accept.as_bytes()) || accepts.next().is_some() {
            return Err(HandshakeError::WrongAccept);
        }
        if headers.all("sec-websocket-extensions").any(|value| !value.is_empty()) {
            return Err(HandshakeError::UnaskedExtension);
        }
        if headers.get("sec-websocket-protocol").is_some() {
            return Err(HandshakeError::UnaskedProtocol);
        }
        Ok(())
    }

    /// Waits for the body of a refusal, so that the error can say what is in it.
    fn refused(&mut self, answer: &mut [u8], eof: bool) -> Result<Upgrade, HandshakeError> {
        let headers = self.head.headers(answer);
        let status = self.head.status;
        if (300..400).contains(&status) {
            let location = Excerpt::of(headers.get("location").unwrap_or_default());
            let location = location.as_str().into();
            return Err(HandshakeError::Redirected { status, location });
        }
        let retry_after_s = headers.number("retry-after");
        if !self.refusal.is_due() {
            self.refusal.expect(Method::Get)?;
        }
        let excerpt = match self.refusal.next(answer, eof) {
            Ok(http1::Step { item: http1::Item::Response(response), .. }) => response.excerpt(),
            Ok(http1::Step { item: http1::Item::Incomplete { .. }, .. }) => return Ok(Upgrade::Incomplete),
            // The body is cut off, too big or broken. The status stands; what is there of the body is shown.
            Err(_) => Excerpt::of(answer.get(self.head.bytes..).unwrap_or_default()),
        };
        let excerpt = excerpt.as_str().into();
        Err(HandshakeError::Refused { status, retry_after_s, excerpt })
    }
}

fn wait(retry_after_s: Option<u64>) -> String {
    retry_after_s.map(|wait_s| format!("; asked to wait {wait_s} s")).unwrap_or_default()
}

/// Headers of the handshake itself.
fn is_reserved(name: &str) -> bool {
    const OURS: [&str; 3] = ["host", "connection", "upgrade"];
    const PREFIX: &str = "sec-websocket-";
    OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name))
        || name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}
