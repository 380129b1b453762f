//! The incremental reader of responses over the caller's receive buffer.
//!
//! Owns the place in the response that is due and no bytes: the buffer must hold the whole response, head and body, and
//! is left alone until it is complete (a chunked body is compacted in place as it comes). Guarantees: the response does not
//! depend on how the bytes were cut into reads; bytes nobody asked for are an error, not a response to the next request;
//! after an error nothing more is delivered. Never allocates, never follows a redirect.

use thiserror::Error;

use super::chunk::{ChunkDecoder, ChunkError};
use super::excerpt::Excerpt;
use super::head::{decimal, Head, Headers, HEADERS_MAX};
use super::Method;

/// Default of [`Limits::head_bytes_max`].
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Default of [`Limits::body_bytes_max`]: lists of all products are a few MB, order answers a few kB.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What the reader takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest head in bytes; more than 64 KiB counts as 64 KiB. Default 32 KiB.
    pub head_bytes_max: usize,
    /// Most headers; more than [`HEADERS_MAX`] counts as that. Default 128.
    pub headers_max: usize,
    /// Longest body in bytes. Default 8 MiB.
    pub body_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head_bytes_max: HEAD_BYTES_MAX, headers_max: HEADERS_MAX, body_bytes_max: BODY_BYTES_MAX }
    }
}

/// How much of a response had come when the connection ended. A request whose answer is cut off has an unknown outcome
/// wherever the cut is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// Not one byte of it.
    Nothing,
    /// A part of the head.
    PartOfHead {
        /// In bytes.
        bytes: usize,
    },
    /// The head, and a part of the body.
    PartOfBody {
        /// The status in the head.
        status: u16,
        /// Body bytes that came.
        bytes: usize,
        /// Body bytes announced; `None` if chunked.
        bytes_announced: Option<usize>,
    },
}

/// Why there is no response. The connection is of no further use in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The head breaks the grammar.
    #[error("http: malformed response head: {what}; reconnect")]
    MalformedHead {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The head is longer than the limit.
    #[error("http: response head longer than {bytes_max} bytes; raise the limit or reconnect")]
    HeadTooLong {
        /// The limit, in bytes.
        bytes_max: usize,
    },
    /// More headers than the limit.
    #[error("http: more than {headers_max} response headers; raise the limit or reconnect")]
    TooManyHeaders {
        /// The limit.
        headers_max: usize,
    },
    /// A status below 100.
    #[error("http: status {status} means nothing; reconnect")]
    BadStatus {
        /// As sent.
        status: u16,
    },
    /// 101 where no upgrade was asked for.
    #[error("http: the server switched protocols unasked; reconnect")]
    SwitchedProtocols,
    /// A content length that is not a number of at most 64 bits.
    #[error("http: content-length is not a number; reconnect")]
    BadContentLength,
    /// Several content lengths that disagree.
    #[error("http: content-lengths {first} and {other} disagree; reconnect")]
    ContentLengthsDisagree {
        /// The first of them.
        first: u64,
        /// One that differs.
        other: u64,
    },
    /// Both a content length and a transfer coding: someone on the way may have smuggled.
    #[error("http: both content-length and transfer-encoding; reconnect")]
    LengthAndTransferEncoding,
    /// A transfer coding other than chunked, which we never offer.
    #[error("http: transfer-encoding other than chunked; reconnect")]
    UnknownTransferEncoding,
    /// A transfer coding in an HTTP/1.0 response.
    #[error("http: transfer-encoding in an HTTP/1.0 response; reconnect")]
    TransferEncodingInHttp10,
    /// The chunked coding is broken.
    #[error("http: {0}; reconnect")]
    Chunk(#[from] ChunkError),
    /// The body is longer than the limit.
    #[error("http: status {status} with a body of at least {bytes} bytes, limit {bytes_max}; raise the limit or ask for less")]
    BodyTooBig {
        /// The status in the head.
        status: u16,
        /// How long it is at least, in bytes.
        bytes: u64,
        /// The limit, in bytes.
        bytes_max: usize,
    },
    /// The connection ended inside the response: the outcome of the request is unknown.
    #[error("http: connection ended inside the response ({received:?}); the outcome of the request is unknown")]
    Truncated {
        /// How far it got.
        received: Received,
    },
    /// Bytes came while no request was outstanding (a proxy's 408 on an idle connection, or worse).
    #[error("http: the server sent bytes nobody asked for; reconnect")]
    Unsolicited,
    /// [`ResponseReader::expect`] while a response was still due.
    #[error("http: a response is still due on this connection; requests are never pipelined")]
    StillDue,
}

/// One step through the stream.
#[derive(Debug)]
pub struct Step<'b> {
    /// Bytes at the front of the buffer that are done with once the item has been looked at.
    pub consumed: usize,
    /// What they held.
    pub item: Item<'b>,
}

/// What the server sent.
#[derive(Debug)]
pub enum Item<'b> {
    /// The response is not complete. `consumed` may still be above zero (an interim response was skipped).
    Incomplete {
        /// At least so many more bytes are needed behind what stays unread. A lower bound, never 0.
        bytes_wanted: usize,
    },
    /// The whole response.
    Response(Response<'b>),
}

/// A whole response, in place.
#[derive(Debug)]
pub struct Response<'b> {
    /// 200 upwards.
    pub status: u16,
    /// The connection may carry another request.
    pub keep_alive: bool,
    /// The body had no length of its own and ended with the connection: it may have been cut without a sign.
    pub ended_by_close: bool,
    /// All headers.
    pub headers: Headers<'b>,
    /// The body, contiguous, mutable for the JSON parser.
    pub body: &'b mut [u8],
}

impl Response<'_> {
    /// A line for an error message out of a body that is not the JSON that was asked for.
    #[must_use]
    pub fn excerpt(&self) -> Excerpt {
        Excerpt::of(self.body)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Framing {
    Length(usize),
    Chunked {
        decoder: ChunkDecoder,
        /// Where the undecoded bytes begin, from the start of the head.
        raw_at: usize,
        /// Body bytes compacted so far.
        body_bytes: usize,
    },
    UntilClose,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// In the head; so many bytes of it were looked at already.
    Head {
        looked_at: usize,
    },
    Body(Framing),
    Failed(HttpError),
}

/// Where a complete response lies, from the start of its head.
#[derive(Clone, Copy, Debug)]
struct Complete {
    body_bytes: usize,
    end: usize,
    ended_by_close: bool,
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct ResponseReader {
    limits: Limits,
    due: Option<Method>,
    phase: Phase,
    head: Head,
}

impl ResponseReader {
    /// A reader for a fresh connection.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let limits = Limits { headers_max: limits.headers_max.min(HEADERS_MAX), ..limits };
        Self { limits, due: None, phase: Phase::Head { looked_at: 0 }, head: Head::new() }
    }

    /// Call when a request is written: its response is now due.
    ///
    /// # Errors
    /// [`HttpError::StillDue`] if the response before is not complete, or the error that ended this reader.
    pub fn expect(&mut self, method: Method) -> Result<(), HttpError> {
        match (self.phase, self.due) {
            (Phase::Failed(error), _) => Err(error),
            (_, Some(_)) => Err(HttpError::StillDue),
            (_, None) => {
                self.due = Some(method);
                Ok(())
            }
        }
    }

    /// Takes the response off the front of `unread`, which must begin where the last step's `consumed` ended and hold
    /// all that came since. `eof` says that no more will come.
    ///
    /// # Errors
    /// Why there is no response; the same again on every later call.
    pub fn next<'b>(&'b mut self, unread: &'b mut [u8], eof: bool) -> Result<Step<'b>, HttpError> {
        if let Phase::Failed(error) = self.phase {
            return Err(error);
        }
        let mut skipped = 0;
        let outcome = self.advance(unread, eof, &mut skipped);
        let complete = match outcome {
            Ok(Ok(complete)) => complete,
            Ok(Err(bytes_wanted)) => return Ok(Step { consumed: skipped, item: Item::Incomplete { bytes_wanted } }),
            Err(error) => {
                self.phase = Phase::Failed(error);
                return Err(error);
            }
        };
        self.phase = Phase::Head { looked_at: 0 };
        self.due = None;
        let unread = unread.get_mut(skipped..).unwrap_or_default();
        let (head, rest) = unread.split_at_mut_checked(self.head.bytes).unwrap_or_default();
        let headers = self.head.headers(head);
        let response = Response {
            status: self.head.status,
            keep_alive: !complete.ended_by_close && keep_alive(self.head.minor, headers),
            ended_by_close: complete.ended_by_close,
            headers,
            body: rest.get_mut(..complete.body_bytes).unwrap_or_default(),
        };
        Ok(Step { consumed: skipped.saturating_add(complete.end), item: Item::Response(response) })
    }

    /// True while a response is due.
    #[must_use]
    pub const fn is_due(&self) -> bool {
        self.due.is_some()
    }

    /// Either a complete response or the number of bytes wanted; `skipped` counts interim responses at the front.
    fn advance(
        &mut self,
        unread: &mut [u8],
        eof: bool,
        skipped: &mut usize,
    ) -> Result<Result<Complete, usize>, HttpError> {
        let Some(method) = self.due else {
            return if unread.is_empty() { Ok(Err(1)) } else { Err(HttpError::Unsolicited) };
        };
        while let Phase::Head { looked_at } = self.phase {
            let bytes = unread.get(*skipped..).unwrap_or_default();
            // Without a line end among the new bytes the head cannot have been completed; at the end of file a broken
            // head is still told from one that was cut off.
            let new = bytes.get(looked_at..).unwrap_or_default();
            let ripe = eof || memchr::memchr(b'\n', new).is_some() || bytes.len() >= self.limits.head_bytes_max;
            if !ripe || !self.head.read(bytes, self.limits.head_bytes_max, self.limits.headers_max)? {
                if eof {
                    return Err(HttpError::Truncated { received: received_of_head(bytes.len()) });
                }
                self.phase = Phase::Head { looked_at: bytes.len() };
                return Ok(Err(1));
            }
            match self.head.status {
                status @ 0..100 => return Err(HttpError::BadStatus { status }),
                101 => return Err(HttpError::SwitchedProtocols),
                100..200 => {
                    *skipped = skipped.saturating_add(self.head.bytes);
                    self.phase = Phase::Head { looked_at: 0 };
                }
                _ => {
                    self.phase = Phase::Body(framing_of(
                        &self.head,
                        method,
                        self.head.headers(bytes),
                        self.limits.body_bytes_max,
                    )?)
                }
            }
        }
        let unread = unread.get_mut(*skipped..).unwrap_or_default();
        let Phase::Body(framing) = &mut self.phase else {
            return Ok(Err(1));
        };
        read_body(&self.head, framing, self.limits.body_bytes_max, unread, eof)
    }
}

/// How the body ends (RFC 9112 section 6.3), refusing all that is ambiguous.
pub(super) fn framing_of(
    head: &Head,
    method: Method,
    headers: Headers<'_>,
    bytes_max: usize,
) -> Result<Framing, HttpError> {
    let status = head.status;
    if method == Method::Head || status == 204 || status == 304 {
        return Ok(Framing::Length(0));
    }
    let length = content_length(headers)?;
    let mut codings = headers.all("transfer-encoding");
    let Some(coding) = codings.next() else {
        let Some(bytes) = length else {
            return Ok(Framing::UntilClose);
        };
        return match usize::try_from(bytes) {
            Ok(bytes) if bytes <= bytes_max => Ok(Framing::Length(bytes)),
            _ => Err(HttpError::BodyTooBig { status, bytes, bytes_max }),
        };
    };
    if length.is_some() {
        return Err(HttpError::LengthAndTransferEncoding);
    }
    if head.minor == 0 {
        return Err(HttpError::TransferEncodingInHttp10);
    }
    if codings.next().is_some() || !coding.eq_ignore_ascii_case(b"chunked") {
        return Err(HttpError::UnknownTransferEncoding);
    }
    Ok(Framing::Chunked { decoder: ChunkDecoder::new(), raw_at: head.bytes, body_bytes: 0 })
}

/// Looks whether the body is complete; `unread` begins at the head.
fn read_body(
    head: &Head,
    framing: &mut Framing,
    body_bytes_max: usize,
    unread: &mut [u8],
    eof: bool,
) -> Result<Result<Complete, usize>, HttpError> {
    let body_there = unread.len().saturating_sub(head.bytes);
    let truncated = |bytes, bytes_announced| {
        Err(HttpError::Truncated { received: Received::PartOfBody { status: head.status, bytes, bytes_announced } })
    };
    let too_big = |bytes| HttpError::BodyTooBig { status: head.status, bytes, bytes_max: body_bytes_max };
    match framing {
        Framing::Length(bytes) => match bytes.saturating_sub(body_there) {
            0 => Ok(Ok(Complete { body_bytes: *bytes, end: head.bytes.saturating_add(*bytes), ended_by_close: false })),
            _ if eof => truncated(body_there, Some(*bytes)),
            missing => Ok(Err(missing)),
        },
        Framing::UntilClose if body_there > body_bytes_max => Err(too_big(wide(body_there))),
        Framing::UntilClose if eof => {
            Ok(Ok(Complete { body_bytes: body_there, end: unread.len(), ended_by_close: true }))
        }
        Framing::UntilClose => Ok(Err(1)),
        Framing::Chunked { decoder, raw_at, body_bytes } => loop {
            let step = decoder.step(unread.get(*raw_at..).unwrap_or_default())?;
            let data_at = raw_at.saturating_add(step.framing);
            let data_end = data_at.saturating_add(step.data);
            let body_end = head.bytes.saturating_add(*body_bytes);
            *body_bytes = body_bytes.saturating_add(step.data);
            let announced = wide(*body_bytes).saturating_add(step.chunk_bytes_left);
            if announced > wide(body_bytes_max) {
                return Err(too_big(announced));
            }
            // The data moves down over framing only, so source and place both lie inside `unread`.
            if step.data > 0 && data_end <= unread.len() && body_end <= data_at {
                unread.copy_within(data_at..data_end, body_end);
            }
            *raw_at = data_end;
            if step.done {
                return Ok(Ok(Complete { body_bytes: *body_bytes, end: data_end, ended_by_close: false }));
            }
            if step.framing == 0 && step.data == 0 {
                return if eof { truncated(*body_bytes, None) } else { Ok(Err(1)) };
            }
        },
    }
}

/// The one content length all headers agree on. A list of equal numbers counts as one (RFC 9110 section 8.6).
fn content_length(headers: Headers<'_>) -> Result<Option<u64>, HttpError> {
    let mut agreed = None;
    for value in headers.all("content-length").flat_map(|value| value.split(|&byte| byte == b',')) {
        let other = decimal(value.trim_ascii()).ok_or(HttpError::BadContentLength)?;
        match agreed {
            Some(first) if first != other => return Err(HttpError::ContentLengthsDisagree { first, other }),
            _ => agreed = Some(other),
        }
    }
    Ok(agreed)
}

/// RFC 9112 section 9.3: `close` beats everything, HTTP/1.0 needs `keep-alive`.
fn keep_alive(minor: u8, headers: Headers<'_>) -> bool {
    !headers.has_token("connection", "close") && (minor == 1 || headers.has_token("connection", "keep-alive"))
}

pub(in crate::codec) const fn received_of_head(bytes: usize) -> Received {
    if bytes == 0 {
        Received::Nothing
    } else {
        Received::PartOfHead { bytes }
    }
}

fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
