//! Blocking HTTP exchanges for what is asked rarely and may be long: lists, fills, metadata, reconciliation.
//!
//! Owns a few kept-alive connections of its own, never the order connections. Guarantees one request at a time per
//! connection; that an error says whether any byte may have left; that a request is repeated only if not one byte of it
//! left, or if it only reads and died on a reused connection, and then once. Never follows a redirect, never judges a
//! status, never logs bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::dial::{Progress, Venue};
use super::endpoint::Endpoint;
use super::error::DialReason;
use super::resolve::Names;
use crate::codec::http1::{HttpError, Item, Limits, Method, ResponseReader};
use crate::link::{Arrived, GaveUp, Link, LinkError, Patience};

/// A kept connection older than this without use is not trusted: venues and proxies close idle ones, some without a word.
const IDLE_MAX: Duration = Duration::from_secs(20);
/// Connections kept.
const KEPT_MAX: usize = 4;

/// Whether a failed request may have reached the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Written {
    /// Not one byte left this machine.
    Nothing,
    /// Some or all of it may have left: the outcome is unknown.
    MayHaveLeft,
}

/// Why there is no response.
#[derive(Debug, Error)]
#[error("{venue}: no answer from {host}: {reason} ({})", if *.written == Written::Nothing { "nothing was sent" } else { "the request may have been received" })]
pub struct ExchangeError {
    /// Which venue.
    pub venue: Box<str>,
    /// Which host.
    pub host: Box<str>,
    /// Whether the request may have reached it.
    pub written: Written,
    /// Why. Boxed: it is large and rare.
    pub reason: Box<ExchangeReason>,
}

/// The cause of an [`ExchangeError`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExchangeReason {
    /// There is no connection.
    #[error("{0}")]
    Dial(DialReason),
    /// The connection failed.
    #[error("{0}")]
    Link(LinkError),
    /// What came is no answer.
    #[error("{0}")]
    Http(HttpError),
    /// It took too long.
    #[error("timed out")]
    Timeout,
    /// We are shutting down.
    #[error("shutting down")]
    Shutdown,
    /// The request could not be made.
    #[error("the request could not be made: {0}")]
    Request(Box<str>),
    /// A defect of ours.
    #[error("the querying thread panicked; please report it")]
    Panicked,
}

impl From<GaveUp> for ExchangeReason {
    fn from(gave_up: GaveUp) -> Self {
        match gave_up {
            GaveUp::TimedOut => ExchangeReason::Timeout,
            GaveUp::Stopped => ExchangeReason::Shutdown,
        }
    }
}

impl From<LinkError> for ExchangeReason {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::GaveUp(gave_up) => gave_up.into(),
            error => ExchangeReason::Link(error),
        }
    }
}

/// A whole response, owned. Its Debug shows no bytes: balances and ids are nobody's business.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnedResponse {
    /// 200 upwards.
    pub status: u16,
    /// As they came.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl OwnedResponse {
    /// The value of the first header of that name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let header = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value.as_slice())
    }
}

impl fmt::Debug for OwnedResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnedResponse({}, {} headers, {} bytes)", self.status, self.headers.len(), self.body.len())
    }
}

/// A request ready to be sent.
#[derive(Clone, Copy)]
pub struct ColdRequest<'a> {
    /// Where to.
    pub endpoint: &'a Endpoint,
    /// As in the bytes. GET and HEAD only read, so they may be repeated.
    pub method: Method,
    /// The whole request.
    pub bytes: &'a [u8],
    /// Longest body of the response, in bytes.
    pub body_bytes_max: usize,
}

impl ColdRequest<'_> {
    fn only_reads(&self) -> bool {
        matches!(self.method, Method::Get | Method::Head)
    }
}

struct Kept {
    link: Link<TcpStream>,
    last_used: Instant,
}

/// One thread's connections for exchanges.
pub struct ColdClient {
    venue: Arc<Venue>,
    names: Names,
    kept: BTreeMap<(String, u16), Kept>,
    /// The response so far: longer than an inbox.
    response: Vec<u8>,
}

impl ColdClient {
    pub(super) fn new(venue: Arc<Venue>, names: Names) -> Self {
        Self { venue, names, kept: BTreeMap::new(), response: Vec::new() }
    }

    /// Sends the request and waits for the whole response, until `timeout` is over.
    ///
    /// # Errors
    /// Why there is none, and whether any byte may have left.
    pub fn exchange(&mut self, request: ColdRequest<'_>, timeout: Duration) -> Result<OwnedResponse, ExchangeError> {
        let deadline = Instant::now() + timeout;
        self.exchange_until(request, deadline)
    }

    pub(super) fn exchange_until(
        &mut self,
        request: ColdRequest<'_>,
        deadline: Instant,
    ) -> Result<OwnedResponse, ExchangeError> {
        let venue = self.venue.clone();
        let patience = Patience { deadline, stop: &venue.stop };
        let key = (request.endpoint.host.clone(), request.endpoint.port);
        if let Some(link) = self.take_kept(&key) {
            match self.exchange_over(link, &key, request, patience) {
                Err((written, reason)) if written == Written::Nothing || request.only_reads() => {
                    if !died(&reason) {
                        return Err(self.error(request.endpoint, written, reason));
                    }
                    tracing::debug!(venue = %venue.name, %reason, "a kept connection died; asking again over a new one");
                }
                outcome => return outcome.map_err(|(written, reason)| self.error(request.endpoint, written, reason)),
            }
        }
        let opened = self.open(request.endpoint, patience);
        let link = opened.map_err(|reason| self.error(request.endpoint, Written::Nothing, reason))?;
        self.exchange_over(link, &key, request, patience)
            .map_err(|(written, reason)| self.error(request.endpoint, written, reason))
    }

    /// Whether there is still time, and nobody stopped us.
    pub(super) fn patience(&self, deadline: Instant) -> Result<(), GaveUp> {
        Patience { deadline, stop: &self.venue.stop }.slice().map(drop)
    }

    pub(super) fn error(&self, endpoint: &Endpoint, written: Written, reason: ExchangeReason) -> ExchangeError {
        let venue = self.venue.name.clone();
        ExchangeError { venue, host: endpoint.host.as_str().into(), written, reason: Box::new(reason) }
    }

    fn take_kept(&mut self, key: &(String, u16)) -> Option<Link<TcpStream>> {
        let Kept { mut link, last_used } = self.kept.remove(key)?;
        (last_used.elapsed() < IDLE_MAX && link.is_idle_and_open()).then_some(link)
    }

    fn keep(&mut self, key: &(String, u16), link: Link<TcpStream>) {
        self.kept.retain(|_, kept| kept.last_used.elapsed() < IDLE_MAX);
        if self.kept.len() < KEPT_MAX {
            self.kept.insert(key.clone(), Kept { link, last_used: Instant::now() });
        }
    }

    fn open(&self, endpoint: &Endpoint, patience: Patience<'_>) -> Result<Link<TcpStream>, ExchangeReason> {
        self.venue.wait_for_budget(endpoint.kind, patience)?;
        let opened = self.venue.open(endpoint, None, self.names, patience, &mut Progress::default());
        opened.map_err(|reason| match reason {
            DialReason::Shutdown => ExchangeReason::Shutdown,
            reason => ExchangeReason::Dial(reason),
        })
    }

    fn exchange_over(
        &mut self,
        mut link: Link<TcpStream>,
        key: &(String, u16),
        request: ColdRequest<'_>,
        patience: Patience<'_>,
    ) -> Result<OwnedResponse, (Written, ExchangeReason)> {
        let before = link.outbox.end_offset();
        link.outbox.append(|out| out.extend_from_slice(request.bytes));
        let sent = link.send(patience);
        if let Err(error) = sent {
            let began = link.wire.flushed().began_offset > before;
            let written = if began { Written::MayHaveLeft } else { Written::Nothing };
            return Err((written, error.into()));
        }
        let (response, keep_alive) =
            self.read(&mut link, request, patience).map_err(|reason| (Written::MayHaveLeft, reason))?;
        if keep_alive {
            self.keep(key, link);
        }
        Ok(response)
    }

    fn read(
        &mut self,
        link: &mut Link<TcpStream>,
        request: ColdRequest<'_>,
        patience: Patience<'_>,
    ) -> Result<(OwnedResponse, bool), ExchangeReason> {
        let mut reader = ResponseReader::new(Limits { body_bytes_max: request.body_bytes_max, ..Limits::default() });
        reader.expect(request.method).map_err(ExchangeReason::Http)?;
        self.response.clear();
        loop {
            let arrived = link.wait(patience);
            self.response.extend_from_slice(link.inbox.unread());
            link.inbox.consume(usize::MAX);
            let eof = !matches!(arrived, Ok(Arrived::Bytes | Arrived::InboxFull));
            // A cut is no end: only a goodbye may end a body that has no length of its own.
            let ended = matches!(arrived, Ok(Arrived::Closed));
            let step = reader.next(&mut self.response, ended).map_err(ExchangeReason::Http)?;
            let consumed = step.consumed;
            match step.item {
                Item::Response(response) => {
                    let headers = response.headers.iter();
                    let owned = OwnedResponse {
                        status: response.status,
                        headers: headers
                            .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec()))
                            .collect(),
                        body: response.body.to_vec(),
                    };
                    let keep_alive = response.keep_alive && !eof;
                    return Ok((owned, keep_alive && consumed == self.response.len()));
                }
                Item::Incomplete { .. } => {
                    self.response.drain(..consumed.min(self.response.len()));
                    match arrived {
                        Err(error) => return Err(error.into()),
                        Ok(Arrived::Closed) => {
                            return Err(LinkError::Truncated { partial_bytes: self.response.len() }.into())
                        }
                        Ok(_) => {}
                    }
                }
            }
        }
    }
}

/// Whether the connection is to blame, not our patience or the answer.
fn died(reason: &ExchangeReason) -> bool {
    use crate::codec::http1::Received;
    matches!(
        reason,
        ExchangeReason::Link(_) | ExchangeReason::Http(HttpError::Truncated { received: Received::Nothing })
    )
}
