//! One keep-alive HTTP connection to the REST API: orders while the WebSocket API is down, queries, and snapshots.
//!
//! Owns the one request in flight. Guarantees that requests are never pipelined and never sent twice, that a place or
//! cancel request gets exactly one reply fact whatever happens to the connection, and that listings and snapshots are
//! read in slices within the budget of one call. Signs with a keyed state and a stamp of the venue's clock. Never
//! retries, never opens or closes anything itself.

use super::super::auth::Credentials;
use super::super::cold::{Caller, Scratch};
use super::super::endpoint::Endpoint;
use super::super::limits;
use super::super::market_data::{MarketData, SnapshotRequest};
use super::super::params::RestParams;
use super::super::products::Products;
use super::super::request::{Call, NewOrder};
use super::super::response::{tell_rows, RowKind, Rows, Usage};
use super::super::snapshot::SnapshotReader;
use super::super::VenueMs;
use super::body::{answer, fill, slicer, LONG_ARRAYS};
use super::reply::{NotSent, OrderProgress, Outcome, Pending, Reply, ReplyTo};
use super::requests::Requests;
use crate::codec::http1::{HttpError, Item, Limits, Method, RequestError, RequestTemplate, Response, ResponseReader};
use crate::codec::json::{ArraySlicer, Plain};
use crate::record::{ClientOrderId, InlineText, Instrument, UnixNanos, VenueOrderId};
use crate::venue::fault::{announce, Fault};
use crate::venue::listing::{Listing, Step};
use crate::venue::{Deadline, Facts, SessionError, SessionProgress, Wire, BYTES_PER_CALL_MAX};
use std::sync::Arc;

/// Times and names of a connection that carries requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderConfig {
    /// Longest wait for an answer, ms.
    pub reply_ms_max: u64,
    /// How old a request may be when the venue sees it, ms.
    pub recv_window_ms: u32,
    /// Sent with every request.
    pub user_agent: Box<str>,
}

impl Default for OrderConfig {
    fn default() -> Self {
        OrderConfig {
            reply_ms_max: limits::REPLY_MS_MAX,
            recv_window_ms: limits::RECV_WINDOW_MS,
            user_agent: concat!("exchange-connectors/", env!("CARGO_PKG_VERSION")).into(),
        }
    }
}

const KEY_HEADER: &str = "X-MBX-APIKEY";

/// What a long reply in the slicer is.
#[derive(Debug)]
enum Long {
    Rows { kind: RowKind, body: Listing, rows: Rows },
    Snapshot(SnapshotReader),
}

/// See the module's documentation.
#[derive(Debug)]
pub struct OrderSession {
    config: OrderConfig,
    host: Box<str>,
    /// `None`: public calls only.
    credentials: Option<Arc<Credentials>>,
    place: Option<RequestTemplate>,
    open: bool,
    reader: ResponseReader,
    plain: Plain,
    /// Made when the first long reply comes.
    slicer: Option<ArraySlicer>,
    long: Option<(Long, Usage)>,
    pub(super) products: Products,
    pending: Option<Pending>,
    /// How the request ended that an error of this session ended; [`OrderSession::closed`] hands it over.
    unreported: Option<Reply>,
    scratch: Scratch,
    body: Vec<u8>,
}

impl OrderSession {
    /// A session for connections to this endpoint; closed. Without credentials it carries public calls only.
    ///
    /// # Errors
    /// The host or the user agent cannot stand in a request.
    pub fn new(
        endpoint: &Endpoint,
        credentials: Option<Arc<Credentials>>,
        config: OrderConfig,
    ) -> Result<OrderSession, RequestError> {
        let host: Box<str> = endpoint.authority().into();
        let headers =
            [("User-Agent", config.user_agent.as_ref()), ("Content-Type", "application/x-www-form-urlencoded")];
        let path = "/api/v3/order";
        let place = match &credentials {
            Some(_) => Some(RequestTemplate::new(Method::Post, path, &host, &headers, (KEY_HEADER, ""))?),
            None => None,
        };
        Ok(OrderSession {
            host,
            credentials,
            place,
            config,
            open: false,
            reader: ResponseReader::new(reply_limits()),
            plain: Plain::new(BYTES_PER_CALL_MAX),
            slicer: None,
            long: None,
            products: Products::default(),
            pending: None,
            unreported: None,
            scratch: Scratch::with_room(),
            body: Vec::with_capacity(512),
        })
    }

    /// Orders and trades of this instrument can be read in full from now on.
    pub fn know(&mut self, instrument: &Instrument) {
        self.products.know(instrument);
    }

    /// The connection is up and nothing was sent on it.
    pub fn opened(&mut self) {
        self.open = true;
        self.reader = ResponseReader::new(reply_limits());
        (self.pending, self.long, self.unreported) = (None, None, None);
    }

    /// Any other call whose answer is told as facts or as an outcome.
    ///
    /// # Errors
    /// [`NotSent`]: not a byte was written. Orders have functions of their own ([`Requests`]); `exchangeInfo` and account
    /// filters are cold, and go over another connection.
    pub fn query<IO: Wire>(
        &mut self,
        now: UnixNanos,
        stamp: VenueMs,
        call: &Call<'_>,
        io: &mut IO,
    ) -> Result<(), NotSent> {
        let pending = Pending::asking(call, now, self.config.reply_ms_max)?;
        self.call(pending, stamp, call, io)
    }

    /// Fetches a book snapshot.
    ///
    /// # Errors
    /// [`NotSent`]: not a byte was written; the snapshot is still to be failed
    /// ([`MarketData::snapshot_failed`]).
    pub fn snapshot<IO: Wire>(
        &mut self,
        now: UnixNanos,
        request: &SnapshotRequest,
        data: &MarketData,
        io: &mut IO,
    ) -> Result<(), NotSent> {
        let index = data.products.find_instrument(request.instrument).ok_or(NotSent::UnknownInstrument)?;
        let symbol = data.products.get(index).map(|p| p.symbol.as_ref()).ok_or(NotSent::UnknownInstrument)?;
        let to = ReplyTo::Snapshot(request.instrument);
        let pending = Pending::new(to, now, self.config.reply_ms_max);
        self.call(pending, VenueMs(0), &Call::Depth { symbol, limit: request.limit }, io)
    }

    /// Keeps an idle connection warm with the cheapest request there is: the time.
    ///
    /// # Errors
    /// [`NotSent`].
    pub fn warm<IO: Wire>(&mut self, now: UnixNanos, io: &mut IO) -> Result<(), NotSent> {
        self.query(now, VenueMs(0), &Call::Time, io)
    }

    /// Reads from `plain`, the unread bytes of the connection, within the budget of one call.
    ///
    /// # Errors
    /// [`SessionError`]: close the connection. The facts of a request in flight were told.
    pub fn bytes<IO: Facts + Wire>(
        &mut self,
        now: UnixNanos,
        plain: &mut [u8],
        data: &mut MarketData,
        io: &mut IO,
    ) -> Result<OrderProgress, SessionError> {
        self.read(now, plain, false, data, io)
    }

    /// The peer ended its side; `plain` is what was left unread. The request in flight ends here, and its facts are told.
    pub fn eof<IO: Facts + Wire>(
        &mut self,
        now: UnixNanos,
        plain: &mut [u8],
        data: &mut MarketData,
        io: &mut IO,
    ) -> Option<Reply> {
        let mut reply = None;
        if self.pending.is_some() && self.long.is_none() {
            reply = self.read(now, plain, true, data, io).ok().and_then(|progress| progress.reply);
        }
        // A long reply that was complete is still read to its end.
        while self.long.is_some() && reply.is_none() {
            match self.read(now, &mut [], true, data, io) {
                Ok(progress) => reply = progress.reply,
                Err(_) => break,
            }
        }
        self.closed(now, data, io).or(reply)
    }

    /// The connection is gone. What was in flight is of unknown outcome, and its facts are told. Call it also after an
    /// error of this session: it has the reply then.
    pub fn closed<IO: Facts + Wire>(&mut self, now: UnixNanos, data: &mut MarketData, io: &mut IO) -> Option<Reply> {
        self.open = false;
        self.lost(now, "connection lost", data, io).or(self.unreported.take())
    }

    /// Does what is due: an answer that did not come.
    ///
    /// # Errors
    /// [`SessionError::Silent`]: close the connection; the facts of the request in flight were told.
    pub fn time<IO: Facts + Wire>(
        &mut self,
        now: UnixNanos,
        data: &mut MarketData,
        io: &mut IO,
    ) -> Result<Deadline, SessionError> {
        match self.expects_reply_by() {
            Some(by) if now >= by => {
                self.open = false;
                self.unreported = self.lost(now, "no answer in time", data, io);
                Err(SessionError::Silent { silent_ms: self.config.reply_ms_max })
            }
            by => Ok(by),
        }
    }

    /// When the answer to the request in flight is overdue; `None` if none is in flight.
    pub fn expects_reply_by(&self) -> Deadline {
        self.pending.map(|pending| pending.reply_by)
    }

    /// Whether a request is in flight.
    pub fn busy(&self) -> bool {
        self.pending.is_some()
    }

    /// Whether a request would be sent now.
    pub fn free(&self) -> bool {
        self.ready().is_ok()
    }

    fn ready(&self) -> Result<(), NotSent> {
        match (self.open, self.busy()) {
            (false, _) => Err(NotSent::Closed),
            (true, true) => Err(NotSent::Busy),
            (true, false) => Ok(()),
        }
    }

    fn sent(&mut self, pending: Pending, method: Method) {
        // Cannot be due already: nothing was in flight. If it were, the reader would refuse the next bytes.
        if self.reader.expect(method).is_err() {
            self.open = false;
        }
        self.pending = Some(pending);
    }

    fn read<IO: Facts + Wire>(
        &mut self,
        now: UnixNanos,
        plain: &mut [u8],
        eof: bool,
        data: &mut MarketData,
        io: &mut IO,
    ) -> Result<OrderProgress, SessionError> {
        if self.long.is_some() {
            let reply = self.slice(now, data, io);
            let more = reply.is_none() || !plain.is_empty();
            return Ok(OrderProgress { progress: SessionProgress { consumed: 0, more }, reply });
        }
        if plain.is_empty() && !eof {
            return Ok(OrderProgress::default());
        }
        let there = plain.len();
        let step = match self.reader.next(plain, eof) {
            Ok(step) => step,
            Err(error) => return Err(self.broken(now, error, data, io)),
        };
        let consumed = step.consumed;
        let Item::Response(response) = step.item else {
            return Ok(OrderProgress { progress: SessionProgress { consumed, more: false }, reply: None });
        };
        let Response { status, keep_alive, headers, body, .. } = response;
        let usage = Usage::of_headers(headers);
        // What lies behind it was asked for by nobody, and would pass for the reply to the next request.
        self.open &= keep_alive && consumed == there;
        let Some(pending) = self.pending else {
            // The reader would not have taken a response that is not due.
            return Ok(OrderProgress { progress: SessionProgress { consumed, more: false }, reply: None });
        };
        let long = match pending.to {
            ReplyTo::List(kind) if status == 200 => {
                let body = Listing::new(LONG_ARRAYS, Some(kind.array()));
                Some(Long::Rows { kind, body, rows: Rows::default() })
            }
            ReplyTo::Snapshot(id) if status == 200 => Some(Long::Snapshot(SnapshotReader::new(id))),
            _ => None,
        };
        let reply = match long {
            Some(long) => {
                let slicer = self.slicer.get_or_insert_with(slicer);
                fill(slicer, body);
                self.long = Some((long, usage));
                None
            }
            None => {
                self.pending = None;
                let reply = answer(&pending, status, usage, body, &mut self.plain, &mut self.products, io);
                if let ReplyTo::Snapshot(instrument) = pending.to {
                    data.snapshot_failed(instrument, now);
                }
                Some(reply)
            }
        };
        let more = reply.is_none();
        Ok(OrderProgress { progress: SessionProgress { consumed, more }, reply })
    }

    /// One slice of a long reply; the reply at its end.
    fn slice<IO: Facts>(&mut self, now: UnixNanos, data: &mut MarketData, io: &mut IO) -> Option<Reply> {
        let ((long, usage), slicer, pending) = (self.long.as_mut()?, self.slicer.as_mut()?, self.pending?);
        let usage = *usage;
        let outcome = match long {
            Long::Snapshot(reader) => reader.step(now, slicer, &mut self.plain, data, io).map(Outcome::Snapshot),
            Long::Rows { kind, body, rows } => {
                let read = match body.step(slicer) {
                    Ok(Step::Again) => Ok(None),
                    Ok(Step::Rows { text, .. }) => {
                        let products = &mut self.products;
                        self.plain.parse(text, |cursor| tell_rows(*kind, products, cursor, rows, io)).map(|()| None)
                    }
                    Ok(Step::End(text)) => {
                        self.plain.parse(text, |cursor| cursor.skip().map_err(Fault::from)).map(|()| Some(*rows))
                    }
                    Err(fault) => Err(fault),
                };
                match read {
                    Ok(None) => None,
                    Ok(Some(rows)) => Some(Outcome::Listed(rows)),
                    Err(fault) => {
                        announce(&fault, io);
                        Some(Outcome::Failed { code: InlineText::truncated("unreadable reply") })
                    }
                }
            }
        };
        let outcome = outcome?;
        (self.long, self.pending) = (None, None);
        Some(Reply { usage, ..pending.reply(200, outcome) })
    }

    /// The answer cannot be told from noise.
    #[cold]
    fn broken<IO: Facts + Wire>(
        &mut self,
        now: UnixNanos,
        error: HttpError,
        data: &mut MarketData,
        io: &mut IO,
    ) -> SessionError {
        self.open = false;
        self.unreported = self.lost(now, "broken reply", data, io);
        SessionError::Protocol(error.to_string())
    }

    /// The request in flight has no answer: tells what follows from that.
    fn lost<IO: Facts>(&mut self, now: UnixNanos, code: &str, data: &mut MarketData, io: &mut IO) -> Option<Reply> {
        self.long = None;
        let pending = self.pending.take()?;
        if let ReplyTo::Snapshot(instrument) = pending.to {
            data.snapshot_failed(instrument, now);
        }
        Some(pending.lost(code, io))
    }
}

impl Requests for OrderSession {
    fn reply_ms_max(&self) -> u64 {
        self.config.reply_ms_max
    }

    // Parameters of a POST go in the body, all others in the query.
    fn call<IO: Wire>(
        &mut self,
        pending: Pending,
        stamp: VenueMs,
        call: &Call<'_>,
        io: &mut IO,
    ) -> Result<(), NotSent> {
        self.ready()?;
        let OrderSession { config, host, credentials, scratch, .. } = self;
        let caller = Caller {
            host,
            user_agent: &config.user_agent,
            credentials: credentials.as_deref(),
            recv_window_ms: config.recv_window_ms,
        };
        let method = caller.put(call, stamp, scratch, |write| {
            let mut written = Ok(());
            io.send(|out| written = write(out));
            written
        })?;
        self.sent(pending, method);
        Ok(())
    }

    // The one that must be fast: out of a template.
    fn place_order<IO: Wire>(
        &mut self,
        now: UnixNanos,
        stamp: VenueMs,
        order: &NewOrder<'_>,
        id: ClientOrderId,
        io: &mut IO,
    ) -> Result<(), NotSent> {
        self.ready()?;
        order.check()?;
        let (Some(credentials), Some(template)) = (&self.credentials, &self.place) else {
            return Err(NotSent::WrongConnection);
        };
        self.body.clear();
        let mut params = RestParams::new(&mut self.body);
        Call::Place(order).put(stamp, self.config.recv_window_ms, &mut params);
        params.sign(credentials);
        let mut written = Ok(());
        io.send(|out| written = template.write(out, credentials.api_key(), &self.body));
        written?;
        let pending = Pending::new(ReplyTo::Place, now, self.config.reply_ms_max).of(id, VenueOrderId::EMPTY);
        self.sent(pending, Method::Post);
        Ok(())
    }
}

fn reply_limits() -> Limits {
    Limits { body_bytes_max: limits::REPLY_BYTES_MAX, ..Limits::default() }
}

#[cfg(test)]
#[path = "orders_tests.rs"]
mod tests;
