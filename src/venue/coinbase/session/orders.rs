//! One keep-alive HTTP connection to the REST API: orders, cancels and the queries that clear up what became of them.
//!
//! Owns the one request in flight. Guarantees that requests are never pipelined and never sent twice, that a place or
//! cancel request gets exactly one reply fact per order whatever happens to the connection, and that listings are read in
//! slices within the budget of one call. Never retries, never signs, never opens or closes anything itself.

use super::super::auth::LegacyKey;
use super::super::endpoint::Endpoint;
use super::super::limits;
use super::super::products::Products;
use super::super::request::{self, Query, TokenPath};
use super::super::response::{
    cancel_replies, denial, edit_reply, page_of, place_reply, server_time, tell_rows, RateHeaders, RowKind, Rows,
    LIST_ARRAYS,
};
use super::super::stream::announce;
use super::authorised::{write, write_signed, BEARER};
use super::reply::{NotSent, OrderProgress, Outcome, Refused, Reply, ReplyTo};
use crate::codec::http1::{
    self, Excerpt, HttpError, Item, Limits, Method, RequestError, RequestTemplate, Response, ResponseReader,
};
use crate::codec::json::{ArraySlicer, Plain};
use crate::order::Denial;
use crate::record::{ClientOrderId, InlineText, Instrument, UnixNanos, VenueOrderId};
use crate::venue::listing::{Listing, Step};
use crate::venue::wait::is_page;
use crate::venue::{
    Anomaly, Deadline, Facts, PlaceIntent, ReplaceIntent, SessionError, SessionProgress, Wire, BYTES_PER_CALL_MAX,
};
use arrayvec::ArrayVec;
use std::sync::Arc;

const CANCELS_MAX: usize = limits::CANCELS_PER_REQUEST_MAX;

/// Times and names of an order connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderConfig {
    /// Longest wait for an answer, ms.
    pub reply_ms_max: u64,
    /// Sent with every request; the sibling API refuses requests without one (Coinbase reference 1).
    pub user_agent: Box<str>,
}

impl Default for OrderConfig {
    fn default() -> Self {
        OrderConfig {
            reply_ms_max: limits::REPLY_MS_MAX,
            user_agent: concat!("exchange-connectors/", env!("CARGO_PKG_VERSION")).into(),
        }
    }
}

#[derive(Debug)]
enum InFlight {
    None,
    Place(ClientOrderId),
    /// The ids are in `cancels`.
    Cancel,
    Edit(VenueOrderId),
    List(RowKind),
    Time,
}

/// A listing whose body is in the slicer.
#[derive(Debug)]
struct Listed {
    kind: RowKind,
    body: Listing,
    rows: Rows,
    rate: RateHeaders,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct OrderSession {
    config: OrderConfig,
    /// Signs each request as it is written; tokens authorise them if `None`.
    legacy: Option<Arc<LegacyKey>>,
    host: Box<str>,
    open: bool,
    place: RequestTemplate,
    cancel: RequestTemplate,
    edit: RequestTemplate,
    reader: ResponseReader,
    plain: Plain,
    /// Made when the first listing comes.
    slicer: Option<ArraySlicer>,
    listing: Option<Listed>,
    products: Products,
    in_flight: InFlight,
    cancels: ArrayVec<VenueOrderId, CANCELS_MAX>,
    reply_by: UnixNanos,
    body: Vec<u8>,
    target: Vec<u8>,
}

impl OrderSession {
    /// A session for connections to this endpoint; closed.
    ///
    /// # Errors
    /// The host or the user agent cannot stand in a request.
    pub fn new(endpoint: &Endpoint, config: OrderConfig) -> Result<OrderSession, RequestError> {
        let host: Box<str> = endpoint.authority().into();
        let post = |path: TokenPath| {
            let headers = [("User-Agent", config.user_agent.as_ref()), ("Content-Type", "application/json")];
            RequestTemplate::new(path.method(), path.path(), &host, &headers, BEARER)
        };
        Ok(OrderSession {
            place: post(TokenPath::Place)?,
            cancel: post(TokenPath::BatchCancel)?,
            edit: post(TokenPath::Edit)?,
            host,
            config,
            legacy: None,
            open: false,
            reader: ResponseReader::new(reply_limits()),
            plain: Plain::new(BYTES_PER_CALL_MAX),
            slicer: None,
            listing: None,
            products: Products::default(),
            in_flight: InFlight::None,
            cancels: ArrayVec::new(),
            reply_by: UnixNanos::NONE,
            body: Vec::with_capacity(1024),
            target: Vec::with_capacity(256),
        })
    }

    /// The same with requests signed by a legacy key as they are written; the tokens given are then empty.
    #[must_use]
    pub fn signed_by(self, key: Arc<LegacyKey>) -> OrderSession {
        OrderSession { legacy: Some(key), ..self }
    }

    /// Orders and fills of this instrument can be read in full from now on.
    pub fn know(&mut self, instrument: &Instrument) {
        self.products.know(instrument);
    }

    /// The connection is up and nothing was sent on it.
    pub fn opened(&mut self) {
        self.open = true;
        self.reader = ResponseReader::new(reply_limits());
        self.in_flight = InFlight::None;
        self.listing = None;
    }

    /// Sends an order. `token` is one for [`TokenPath::Place`].
    ///
    /// # Errors
    /// [`Refused`]: not a byte was written, and the token comes back.
    pub fn place<IO: Wire>(
        &mut self,
        now: UnixNanos,
        intent: &PlaceIntent<'_>,
        token: Box<str>,
        io: &mut IO,
    ) -> Result<(), Refused> {
        let ready = self.ready().and_then(|()| {
            self.body.clear();
            request::put_place(&mut self.body, now, intent).map_err(NotSent::from)
        });
        if let Err(why) = ready {
            return Err(Refused { why, token: Some(token) });
        }
        self.post(now, TokenPath::Place, token, io)?;
        self.sent(now, InFlight::Place(*intent.client_order_id), Method::Post);
        Ok(())
    }

    /// Asks for the cancel of 1 to 100 orders. `token` is one for [`TokenPath::BatchCancel`].
    ///
    /// # Errors
    /// [`Refused`]: not a byte was written, and the token comes back.
    pub fn cancel<IO: Wire>(
        &mut self,
        now: UnixNanos,
        ids: &[VenueOrderId],
        token: Box<str>,
        io: &mut IO,
    ) -> Result<(), Refused> {
        let counted =
            if ids.is_empty() || ids.len() > CANCELS_MAX { Err(NotSent::Count { max: CANCELS_MAX }) } else { Ok(()) };
        if let Err(why) = self.ready().and(counted) {
            return Err(Refused { why, token: Some(token) });
        }
        self.body.clear();
        request::put_cancel(&mut self.body, ids);
        self.post(now, TokenPath::BatchCancel, token, io)?;
        self.cancels.clear();
        self.cancels.extend(ids.iter().copied().take(CANCELS_MAX));
        self.sent(now, InFlight::Cancel, Method::Post);
        Ok(())
    }

    /// Sends a change of an order. `token` is one for [`TokenPath::Edit`].
    ///
    /// # Errors
    /// [`Refused`]: not a byte was written, and the token comes back.
    pub fn replace<IO: Wire>(
        &mut self,
        now: UnixNanos,
        intent: &ReplaceIntent<'_>,
        token: Box<str>,
        io: &mut IO,
    ) -> Result<(), Refused> {
        if let Err(why) = self.ready() {
            return Err(Refused { why, token: Some(token) });
        }
        self.body.clear();
        request::put_edit(&mut self.body, intent);
        self.post(now, TokenPath::Edit, token, io)?;
        self.sent(now, InFlight::Edit(*intent.venue_order_id), Method::Post);
        Ok(())
    }

    /// Asks for orders, fills or the time: the queries whose answers are facts. `token` is one for the query's path.
    ///
    /// # Errors
    /// [`Refused`]: not a byte was written, and the token comes back. Other queries are cold
    /// ([`NotSent::ColdQuery`]): their answers go to [`super::super::response`] on another connection.
    pub fn query<IO: Wire>(
        &mut self,
        now: UnixNanos,
        query: &Query<'_>,
        token: Option<Box<str>>,
        io: &mut IO,
    ) -> Result<(), Refused> {
        let in_flight = match query {
            Query::OrdersById { .. } | Query::OpenOrders { .. } | Query::OrdersSince { .. } => {
                InFlight::List(RowKind::Orders)
            }
            Query::Fills { .. } => InFlight::List(RowKind::Fills),
            Query::Accounts { .. } => InFlight::List(RowKind::Balances),
            Query::Time => InFlight::Time,
            _ => return Err(Refused { why: NotSent::ColdQuery, token }),
        };
        if let Err(why) = self.ready() {
            return Err(Refused { why, token });
        }
        self.target.clear();
        query.put_target(&mut self.target);
        if let (Some(key), Some(token)) = (self.legacy.as_deref(), token.as_ref().filter(|token| token.is_empty())) {
            let target = std::str::from_utf8(&self.target).unwrap_or_default();
            let signed = write_signed(key, now, Method::Get, target, &self.host, &self.config.user_agent, b"", io);
            if let Err(error) = signed {
                return Err(Refused { why: error.into(), token: Some(token.clone()) });
            }
            self.sent(now, in_flight, Method::Get);
            return Ok(());
        }
        self.body.clear();
        let bearer = self.body.len();
        self.body.extend_from_slice(BEARER.1.as_bytes());
        self.body.extend_from_slice(token.as_deref().unwrap_or_default().as_bytes());
        let written = {
            // Both are ASCII or refused by the request writer.
            let value = std::str::from_utf8(self.body.get(bearer..).unwrap_or_default()).unwrap_or_default();
            let target = std::str::from_utf8(&self.target).unwrap_or_default();
            let headers = [("User-Agent", self.config.user_agent.as_ref()), (BEARER.0, value)];
            let headers = if token.is_some() { &headers[..] } else { headers.split_at(1).0 };
            let mut written = Ok(());
            io.send(|out| written = http1::write_request(out, Method::Get, target, &self.host, headers, b""));
            written
        };
        // It held the token.
        self.body.fill(0);
        self.body.clear();
        if let Err(error) = written {
            return Err(Refused { why: error.into(), token });
        }
        if let Some(token) = token {
            io.retire(token);
        }
        self.sent(now, in_flight, Method::Get);
        Ok(())
    }

    /// Writes the body as a POST, authorised by the token or, with a legacy key, by a signature.
    fn post<IO: Wire>(&mut self, now: UnixNanos, path: TokenPath, token: Box<str>, io: &mut IO) -> Result<(), Refused> {
        let Some(key) = self.legacy.as_deref() else {
            let template = match path {
                TokenPath::BatchCancel => &self.cancel,
                TokenPath::Edit => &self.edit,
                _ => &self.place,
            };
            return write(template, &self.body, token, io);
        };
        let (host, agent) = (&self.host, &self.config.user_agent);
        write_signed(key, now, path.method(), path.path(), host, agent, &self.body, io)
            .map_err(|error| Refused { why: error.into(), token: Some(token) })
    }

    /// Keeps an idle connection warm with the cheapest request there is: the time, without a token.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn warm<IO: Wire>(&mut self, now: UnixNanos, io: &mut IO) -> Result<(), Refused> {
        self.query(now, &Query::Time, None, io)
    }

    /// Reads from `plain`, the unread bytes of the connection, within the budget of one call.
    ///
    /// # Errors
    /// [`SessionError`]: close the connection. The facts of a request in flight were told.
    pub fn bytes<IO: Facts + Wire>(
        &mut self,
        _now: UnixNanos,
        plain: &mut [u8],
        io: &mut IO,
    ) -> Result<OrderProgress, SessionError> {
        self.read(plain, false, io)
    }

    /// The peer ended its side; `plain` is what was left unread. The request in flight ends here, and its facts are told.
    pub fn eof<IO: Facts + Wire>(&mut self, plain: &mut [u8], io: &mut IO) -> Option<Reply> {
        let mut reply = None;
        if !matches!(self.in_flight, InFlight::None) && self.listing.is_none() {
            reply = self.read(plain, true, io).ok().and_then(|progress| progress.reply);
        }
        // A listing that was complete is still read to its end.
        while self.listing.is_some() && reply.is_none() {
            match self.read(&mut [], true, io) {
                Ok(progress) => reply = progress.reply,
                Err(_) => break,
            }
        }
        self.closed(io).or(reply)
    }

    /// The connection is gone. What was in flight is of unknown outcome, and its facts are told.
    pub fn closed<IO: Facts + Wire>(&mut self, io: &mut IO) -> Option<Reply> {
        self.open = false;
        self.listing = None;
        self.lost(InlineText::truncated("connection lost"), 0, RateHeaders::default(), io)
    }

    /// Does what is due: an answer that did not come.
    ///
    /// # Errors
    /// [`SessionError::Silent`]: close the connection; the facts of the request in flight were told.
    pub fn time<IO: Facts + Wire>(&mut self, now: UnixNanos, io: &mut IO) -> Result<Deadline, SessionError> {
        if matches!(self.in_flight, InFlight::None) || now < self.reply_by {
            return Ok(self.expects_reply_by());
        }
        self.open = false;
        self.listing = None;
        self.lost(InlineText::truncated("no answer in time"), 0, RateHeaders::default(), io);
        Err(SessionError::Silent { silent_ms: self.config.reply_ms_max })
    }

    /// When the answer to the request in flight is overdue; `None` if none is in flight.
    pub fn expects_reply_by(&self) -> Deadline {
        (!matches!(self.in_flight, InFlight::None)).then_some(self.reply_by)
    }

    /// Whether a request is in flight.
    pub fn busy(&self) -> bool {
        !matches!(self.in_flight, InFlight::None)
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

    fn sent(&mut self, now: UnixNanos, in_flight: InFlight, method: Method) {
        // Cannot be due already: nothing was in flight. If it were, the reader would refuse the next bytes.
        if self.reader.expect(method).is_err() {
            self.open = false;
        }
        self.in_flight = in_flight;
        self.reply_by = now.plus_ms(self.config.reply_ms_max);
    }

    fn read<IO: Facts + Wire>(
        &mut self,
        plain: &mut [u8],
        eof: bool,
        io: &mut IO,
    ) -> Result<OrderProgress, SessionError> {
        if self.listing.is_some() {
            let reply = self.slice(io);
            let more = reply.is_none() || !plain.is_empty();
            return Ok(OrderProgress { progress: SessionProgress { consumed: 0, more }, reply });
        }
        if plain.is_empty() && !eof {
            return Ok(OrderProgress::default());
        }
        let there = plain.len();
        let step = match self.reader.next(plain, eof) {
            Ok(step) => step,
            Err(error) => return Err(self.broken(error, io)),
        };
        let consumed = step.consumed;
        let Item::Response(response) = step.item else {
            return Ok(OrderProgress { progress: SessionProgress { consumed, more: false }, reply: None });
        };
        let Response { status, keep_alive, headers, body, .. } = response;
        let rate = RateHeaders::read(headers);
        // What lies behind it was asked for by nobody, and would pass for the reply to the next request.
        self.open &= keep_alive && consumed == there;
        let reply = match std::mem::replace(&mut self.in_flight, InFlight::None) {
            InFlight::List(kind) if status == 200 => {
                let slicer = self.slicer.get_or_insert_with(|| ArraySlicer::new(LIST_ARRAYS));
                slicer.reset();
                if slicer.push(body) < body.len() {
                    Some(failed(ReplyTo::of(kind), status, "reply too long", rate))
                } else {
                    slicer.finish();
                    let body = Listing::new(LIST_ARRAYS, Some(kind.array()));
                    self.listing = Some(Listed { kind, body, rows: Rows::default(), rate });
                    self.in_flight = InFlight::List(kind);
                    None
                }
            }
            in_flight => answer(in_flight, &mut self.plain, &self.cancels, status, body, rate, io),
        };
        let more = reply.is_none();
        Ok(OrderProgress { progress: SessionProgress { consumed, more }, reply })
    }

    /// One slice of a listing; the reply at its end.
    fn slice<IO: Facts + Wire>(&mut self, io: &mut IO) -> Option<Reply> {
        let (listing, slicer) = (self.listing.as_mut()?, self.slicer.as_mut()?);
        let (kind, rate) = (listing.kind, listing.rate);
        let read = match listing.body.step(slicer) {
            Ok(Step::Again) => Ok(None),
            Ok(Step::Rows { text, .. }) => {
                let (products, rows) = (&mut self.products, &mut listing.rows);
                self.plain.parse(text, |cursor| tell_rows(kind, products, cursor, rows, io)).map(|()| None)
            }
            Ok(Step::End(text)) => self.plain.parse(text, page_of).map(Some),
            Err(fault) => Err(fault),
        };
        let to = ReplyTo::of(kind);
        let reply = match read {
            Ok(None) => return None,
            Ok(Some(page)) => {
                let outcome = Outcome::Listed { rows: listing.rows, page };
                Reply { to, status: 200, outcome, rate, wait_ms: rate.wait_ms(200, false) }
            }
            Err(fault) => {
                announce(&fault, io);
                failed(to, 200, "unreadable reply", rate)
            }
        };
        self.listing = None;
        self.in_flight = InFlight::None;
        Some(reply)
    }

    /// The answer cannot be told from noise.
    #[cold]
    fn broken<IO: Facts + Wire>(&mut self, error: HttpError, io: &mut IO) -> SessionError {
        self.open = false;
        self.lost(InlineText::truncated("broken reply"), 0, RateHeaders::default(), io);
        SessionError::Protocol(error.to_string())
    }

    /// The request in flight has no answer: tells what follows from that.
    fn lost<IO: Facts + Wire>(
        &mut self,
        code: InlineText<32>,
        status: u16,
        rate: RateHeaders,
        io: &mut IO,
    ) -> Option<Reply> {
        let unclear = Denial::Unclear { code };
        let to = match std::mem::replace(&mut self.in_flight, InFlight::None) {
            InFlight::None => return None,
            InFlight::Place(sent) => {
                io.place_reply(&sent, unclear.into());
                ReplyTo::Place
            }
            InFlight::Cancel => {
                for id in &self.cancels {
                    io.cancel_reply(id, unclear.into());
                }
                ReplyTo::Cancel
            }
            InFlight::Edit(id) => {
                io.replace_reply(&id, unclear.into());
                ReplyTo::Edit
            }
            InFlight::List(kind) => ReplyTo::of(kind),
            InFlight::Time => ReplyTo::Time,
        };
        Some(Reply { to, status, outcome: unclear.into(), rate, wait_ms: None })
    }
}

fn reply_limits() -> Limits {
    Limits { body_bytes_max: limits::REPLY_BYTES_MAX, ..Limits::default() }
}

fn failed(to: ReplyTo, status: u16, code: &str, rate: RateHeaders) -> Reply {
    let outcome = Outcome::Failed { code: InlineText::truncated(code) };
    Reply { to, status, outcome, rate, wait_ms: rate.wait_ms(status, false) }
}

/// Tells what a whole answer proves.
fn answer<IO: Facts + Wire>(
    in_flight: InFlight,
    plain: &mut Plain,
    cancels: &[VenueOrderId],
    status: u16,
    body: &mut [u8],
    rate: RateHeaders,
    io: &mut IO,
) -> Option<Reply> {
    // Before the parser scribbles over it.
    let page = is_page(body);
    if status != 200 {
        io.anomaly(Anomaly::VenueError, Excerpt::of(body).as_str());
    }
    let (to, outcome) = match in_flight {
        InFlight::None => return None,
        InFlight::Place(sent) => {
            let reply = place_reply(plain, status, body, &sent);
            io.place_reply(&sent, reply);
            (ReplyTo::Place, reply.denial().into())
        }
        InFlight::Cancel => {
            let mut outcome = Outcome::Answered;
            cancel_replies(plain, status, body, cancels, |id, reply| {
                io.cancel_reply(id, reply);
                // With another status all orders share one answer.
                outcome = reply.denial().filter(|_| status != 200).into();
            });
            (ReplyTo::Cancel, outcome)
        }
        InFlight::Edit(id) => {
            let reply = edit_reply(plain, status, body);
            io.replace_reply(&id, reply);
            (ReplyTo::Edit, reply.denial().into())
        }
        InFlight::List(kind) => (ReplyTo::of(kind), denial(plain, status, body).into()),
        InFlight::Time if status == 200 => {
            let outcome = match server_time(plain, body) {
                Ok(time) => Outcome::Time(time),
                Err(_) => Outcome::Failed { code: InlineText::truncated("unreadable reply") },
            };
            (ReplyTo::Time, outcome)
        }
        InFlight::Time => (ReplyTo::Time, denial(plain, status, body).into()),
    };
    Some(Reply { to, status, outcome, rate, wait_ms: rate.wait_ms(status, page) })
}

#[cfg(test)]
#[path = "orders_tests.rs"]
mod tests;
