//! One keep-alive HTTP connection to the REST API: orders, cancels, closes, and the queries that clear up what became of
//! them.
//!
//! Owns the one request in flight. Guarantees that requests are never pipelined and never sent twice, that a place or
//! cancel request gets exactly one reply fact whatever happens to the connection, that each transaction in an answer is
//! told once over all connections, and that listings are read in slices within the budget of one call. Never retries,
//! never opens or closes anything itself.

use super::super::auth::{AccessToken, AccountId};
use super::super::ledger::Ledger;
use super::super::limits;
use super::super::products::Products;
use super::super::request::{entry_order, replacement, Command, EntryOrder, OrderSpecifier, Query};
use super::super::response::{
    denial, note_error, picture, tell_cancel_reply, tell_change, tell_order_body, tell_place_reply, tell_replace_reply,
    tell_rows, Changed, End, ReplyHeaders, Rows, Teller, LIST_ARRAYS,
};
use super::reply::{NotSent, OrderProgress, Outcome, Reply, ReplyTo};
use super::{TIME_FORMAT, USER_AGENT};
use crate::codec::http1::{self, HttpError, Item, Limits, Method, RequestError, Response, ResponseReader};
use crate::codec::json::{ArraySlicer, Plain};
use crate::codec::timestamp::Rfc3339Cache;
use crate::order::Denial;
use crate::record::{ClientOrderId, InlineText, Instrument, UnixNanos, VenueOrderId};
use crate::venue::endpoint::Endpoint;
use crate::venue::fault::{announce, Fault};
use crate::venue::listing::{Listing, Step};
use crate::venue::wait::is_page;
use crate::venue::{Deadline, Facts, PlaceIntent, ReplaceIntent, SessionError, SessionProgress, Wire};
use std::sync::Arc;

/// Times and names of an order connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderConfig {
    /// Longest wait for an answer, ms.
    pub reply_ms_max: u64,
    /// Sent with every request.
    pub user_agent: Box<str>,
}

impl Default for OrderConfig {
    fn default() -> Self {
        OrderConfig { reply_ms_max: limits::REPLY_MS_MAX, user_agent: USER_AGENT.into() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InFlight {
    None,
    Place(ClientOrderId),
    Cancel(VenueOrderId),
    Replace(VenueOrderId),
    Change,
    /// A listing, or a picture of the account.
    List(ReplyTo),
    Order,
}

impl InFlight {
    const fn answered_as(&self) -> ReplyTo {
        match self {
            InFlight::Place(_) => ReplyTo::Place,
            InFlight::Cancel(_) => ReplyTo::Cancel,
            InFlight::Replace(_) => ReplyTo::Replace,
            InFlight::Change | InFlight::None => ReplyTo::Change,
            InFlight::List(to) => *to,
            InFlight::Order => ReplyTo::Orders,
        }
    }
}

/// A listing whose body is in the slicer.
#[derive(Debug)]
struct Listed {
    to: ReplyTo,
    body: Listing,
    rows: Rows,
    headers: ReplyHeaders,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct OrderSession {
    config: OrderConfig,
    host: Box<str>,
    account: AccountId,
    token: Arc<AccessToken>,
    open: bool,
    reader: ResponseReader,
    plain: Plain,
    /// Made when the first listing comes.
    slicer: Option<ArraySlicer>,
    listing: Option<Listed>,
    products: Products,
    times: Rfc3339Cache,
    in_flight: InFlight,
    /// The listing of transactions in flight is to tell executions from before our time, too.
    again: bool,
    sent_after: u64,
    reply_by: UnixNanos,
    body: Vec<u8>,
    target: Vec<u8>,
}

impl OrderSession {
    /// A session for connections to the REST host; closed.
    ///
    /// # Errors
    /// The host or the user agent cannot stand in a request.
    pub fn new(
        endpoint: &Endpoint,
        account: AccountId,
        token: Arc<AccessToken>,
        config: OrderConfig,
    ) -> Result<OrderSession, RequestError> {
        let mut session = OrderSession {
            host: endpoint.authority().into(),
            account,
            token,
            open: false,
            reader: ResponseReader::new(reply_limits()),
            plain: Plain::new(limits::REPLY_TEXT_BYTES_MAX),
            slicer: None,
            listing: None,
            products: Products::default(),
            times: Rfc3339Cache::new(),
            in_flight: InFlight::None,
            again: false,
            sent_after: 0,
            reply_by: UnixNanos::NONE,
            body: Vec::with_capacity(1024),
            target: Vec::with_capacity(256),
            config,
        };
        Query::Summary.put_target(&mut session.target, &session.account);
        let mut request = Vec::new();
        session.put(&mut request, Method::Get)?;
        request.fill(0);
        Ok(session)
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

    /// Sends an order the engine means. That it fits its instrument was checked before.
    ///
    /// # Errors
    /// [`NotSent`]: not a byte was written.
    pub fn place<IO: Wire>(
        &mut self,
        now: UnixNanos,
        intent: &PlaceIntent<'_>,
        ledger: &Ledger,
        io: &mut IO,
    ) -> Result<(), NotSent> {
        self.ready()?;
        let order = entry_order(now, intent)?;
        self.place_order(now, &order, intent.client_order_id, ledger, io)
    }

    /// Sends an order with every option the venue has; `id` is our id, which stands in its labels.
    ///
    /// # Errors
    /// [`NotSent`]: not a byte was written.
    pub fn place_order<IO: Wire>(
        &mut self,
        now: UnixNanos,
        order: &EntryOrder<'_>,
        id: &ClientOrderId,
        ledger: &Ledger,
        io: &mut IO,
    ) -> Result<(), NotSent> {
        self.send(now, &Command::Place(order), InFlight::Place(*id), ledger, io)
    }

    /// Asks for the cancel of one order by the venue's id: there is no cancel of many.
    ///
    /// # Errors
    /// [`NotSent`]: not a byte was written.
    pub fn cancel<IO: Wire>(
        &mut self,
        now: UnixNanos,
        id: &VenueOrderId,
        ledger: &Ledger,
        io: &mut IO,
    ) -> Result<(), NotSent> {
        let command = Command::Cancel(OrderSpecifier::Id(id.as_str()));
        self.send(now, &command, InFlight::Cancel(*id), ledger, io)
    }

    /// Asks for another price and quantity of a limit order that rests. The venue replaces it by an order of another id,
    /// which [`Facts::renumbered`] tells; then the new terms are told.
    ///
    /// # Errors
    /// [`NotSent`]: not a byte was written.
    pub fn replace<IO: Wire>(
        &mut self,
        now: UnixNanos,
        intent: &ReplaceIntent<'_>,
        ledger: &Ledger,
        io: &mut IO,
    ) -> Result<(), NotSent> {
        let order = replacement(intent);
        let command = Command::Replace(OrderSpecifier::Id(intent.venue_order_id.as_str()), &order);
        self.send(now, &command, InFlight::Replace(*intent.venue_order_id), ledger, io)
    }

    /// Asks for any other change: a replace of any kind, a close, exits, labels, a cancel by client id. Its transactions are told as
    /// facts; there is no direct reply fact.
    ///
    /// # Errors
    /// [`NotSent`]: not a byte was written.
    pub fn change<IO: Wire>(
        &mut self,
        now: UnixNanos,
        command: &Command<'_>,
        ledger: &Ledger,
        io: &mut IO,
    ) -> Result<(), NotSent> {
        self.send(now, command, InFlight::Change, ledger, io)
    }

    /// Asks for what is answered with facts: pending orders, one order, positions, transactions, the account.
    ///
    /// # Errors
    /// [`NotSent`]: not a byte was written. Other queries are cold ([`NotSent::ColdQuery`]): their answers go to
    /// [`response`](super::super::response) on another connection.
    pub fn query<IO: Wire>(&mut self, now: UnixNanos, query: &Query<'_>, io: &mut IO) -> Result<(), NotSent> {
        let in_flight = match query {
            Query::PendingOrders | Query::Orders { .. } => InFlight::List(ReplyTo::Orders),
            Query::Order(_) => InFlight::Order,
            Query::TransactionsSince { .. } | Query::TransactionRange { .. } => InFlight::List(ReplyTo::Transactions),
            Query::TransactionPages { .. } => InFlight::List(ReplyTo::Pages),
            Query::OpenPositions | Query::Positions => InFlight::List(ReplyTo::Positions),
            Query::Account | Query::Summary => InFlight::List(ReplyTo::Account),
            _ => return Err(NotSent::ColdQuery),
        };
        self.ready()?;
        self.target.clear();
        query.put_target(&mut self.target, &self.account);
        self.body.clear();
        self.sent_after = match query {
            Query::TransactionsSince { id } => *id,
            _ => 0,
        };
        self.write(now, Method::Get, in_flight, io)
    }

    /// Asks for the transactions after an id, those from before our time among them: their executions are told to whoever
    /// looks for an earlier session's orders, and change nothing that is held.
    ///
    /// # Errors
    /// [`NotSent`]: not a byte was written.
    pub fn replay<IO: Wire>(&mut self, now: UnixNanos, id: u64, io: &mut IO) -> Result<(), NotSent> {
        self.query(now, &Query::TransactionsSince { id }, io)?;
        self.again = true;
        Ok(())
    }

    /// Keeps an idle connection warm, and the figures of the account fresh.
    ///
    /// # Errors
    /// [`NotSent`].
    pub fn warm<IO: Wire>(&mut self, now: UnixNanos, io: &mut IO) -> Result<(), NotSent> {
        self.query(now, &Query::Summary, io)
    }

    /// Reads from `plain`, the unread bytes of the connection, within the budget of one call.
    ///
    /// # Errors
    /// [`SessionError`]: close the connection. The facts of a request in flight were told.
    pub fn bytes<IO: Facts + Wire>(
        &mut self,
        _now: UnixNanos,
        plain: &mut [u8],
        ledger: &mut Ledger,
        io: &mut IO,
    ) -> Result<OrderProgress, SessionError> {
        self.read(plain, false, ledger, io)
    }

    /// The peer ended its side; `plain` is what was left unread. The request in flight ends here, and its facts are told.
    pub fn eof<IO: Facts + Wire>(&mut self, plain: &mut [u8], ledger: &mut Ledger, io: &mut IO) -> Option<Reply> {
        let mut reply = None;
        if self.busy() && self.listing.is_none() {
            reply = self.read(plain, true, ledger, io).ok().and_then(|progress| progress.reply);
        }
        // A listing that was complete is still read to its end.
        while self.listing.is_some() && reply.is_none() {
            reply = self.slice(ledger, io);
        }
        self.closed(io).or(reply)
    }

    /// The connection is gone. What was in flight is of unknown outcome, and its facts are told.
    pub fn closed<IO: Facts + Wire>(&mut self, io: &mut IO) -> Option<Reply> {
        self.open = false;
        self.listing = None;
        self.lost("connection lost", io)
    }

    /// Does what is due: an answer that did not come.
    ///
    /// # Errors
    /// [`SessionError::Silent`]: close the connection; the facts of the request in flight were told.
    pub fn time<IO: Facts + Wire>(&mut self, now: UnixNanos, io: &mut IO) -> Result<Deadline, SessionError> {
        if !self.busy() || now < self.reply_by {
            return Ok(self.expects_reply_by());
        }
        self.open = false;
        self.listing = None;
        self.lost("no answer in time", io);
        Err(SessionError::Silent { silent_ms: self.config.reply_ms_max })
    }

    /// When the answer to the request in flight is overdue; `None` if none is in flight.
    pub fn expects_reply_by(&self) -> Deadline {
        self.busy().then_some(self.reply_by)
    }

    /// Whether a request is in flight.
    pub fn busy(&self) -> bool {
        self.in_flight != InFlight::None
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

    fn send<IO: Wire>(
        &mut self,
        now: UnixNanos,
        command: &Command<'_>,
        in_flight: InFlight,
        ledger: &Ledger,
        io: &mut IO,
    ) -> Result<(), NotSent> {
        self.ready()?;
        self.target.clear();
        command.put_target(&mut self.target, &self.account);
        self.body.clear();
        command.put_body(&mut self.body);
        self.sent_after = ledger.newest();
        self.write(now, command.method(), in_flight, io)
    }

    /// Writes the request of `target` and `body`.
    fn write<IO: Wire>(
        &mut self,
        now: UnixNanos,
        method: Method,
        in_flight: InFlight,
        io: &mut IO,
    ) -> Result<(), NotSent> {
        let mut written = Ok(());
        io.send(|out| written = self.put(out, method));
        written?;
        // Cannot be due already: nothing was in flight. If it were, the reader would refuse the next bytes.
        if self.reader.expect(method).is_err() {
            self.open = false;
        }
        self.in_flight = in_flight;
        self.again = false;
        self.reply_by = now.plus_ms(self.config.reply_ms_max);
        Ok(())
    }

    fn put(&self, out: &mut Vec<u8>, method: Method) -> Result<(), RequestError> {
        // ASCII, or refused by the request writer.
        let target = std::str::from_utf8(&self.target).unwrap_or_default();
        let headers = [
            ("User-Agent", self.config.user_agent.as_ref()),
            TIME_FORMAT,
            self.token.header(),
            ("Content-Type", "application/json"),
        ];
        let headers = if self.body.is_empty() { headers.split_at(3).0 } else { &headers[..] };
        http1::write_request(out, method, target, &self.host, headers, &self.body)
    }

    fn read<IO: Facts + Wire>(
        &mut self,
        plain: &mut [u8],
        eof: bool,
        ledger: &mut Ledger,
        io: &mut IO,
    ) -> Result<OrderProgress, SessionError> {
        if self.listing.is_some() {
            let reply = self.slice(ledger, io);
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
        let headers = ReplyHeaders::read(headers);
        // What lies behind it was asked for by nobody, and would pass for the reply to the next request.
        self.open &= keep_alive && consumed == there;
        let in_flight = self.in_flight;
        if let (InFlight::List(to), 200) = (in_flight, status) {
            let slicer = self.slicer.get_or_insert_with(|| ArraySlicer::new(LIST_ARRAYS));
            slicer.reset();
            if slicer.push(body) == body.len() {
                slicer.finish();
                let body = Listing::new(LIST_ARRAYS, to.array());
                self.listing = Some(Listed { to, body, rows: Rows::default(), headers });
                return Ok(OrderProgress { progress: SessionProgress { consumed, more: true }, reply: None });
            }
            let outcome = Outcome::Failed { code: InlineText::truncated("reply too long") };
            self.in_flight = InFlight::None;
            let reply = Some(self.reply(to, status, outcome, headers));
            return Ok(OrderProgress { progress: SessionProgress { consumed, more: false }, reply });
        }
        self.in_flight = InFlight::None;
        // Before the parser scribbles over it.
        let page = is_page(body);
        if !matches!(status, 200 | 201) {
            note_error(body, io);
        }
        let mut teller = Teller { products: &mut self.products, times: &mut self.times, ledger, again: false };
        let plain = &mut self.plain;
        let outcome = match in_flight {
            InFlight::None => {
                return Ok(OrderProgress { progress: SessionProgress { consumed, more: false }, reply: None })
            }
            InFlight::Place(id) => tell_place_reply(plain, status, body, &id, &mut teller, io).denial().into(),
            InFlight::Cancel(id) => tell_cancel_reply(plain, status, body, &id, &mut teller, io).denial().into(),
            InFlight::Replace(id) => tell_replace_reply(plain, status, body, &id, &mut teller, io).denial().into(),
            InFlight::Change => match tell_change(plain, status, body, &mut teller, io) {
                Changed::Done { created, nothing } => Outcome::Changed { created, nothing },
                Changed::Denied(denial) => denial.into(),
            },
            InFlight::Order if status == 200 => match plain.parse(body, |c| tell_order_body(&mut teller, c, io)) {
                Ok(_) => Outcome::Answered,
                Err(fault) => unreadable(&fault, io),
            },
            InFlight::Order | InFlight::List(_) => denial(plain, status, body, &mut teller, io).into(),
        };
        let mut reply = self.reply(in_flight.answered_as(), status, outcome, headers);
        reply.wait_ms = headers.wait_ms(status, page);
        let reply = Some(reply);
        Ok(OrderProgress { progress: SessionProgress { consumed, more: false }, reply })
    }

    /// One slice of a listing; the reply at its end.
    fn slice<IO: Facts + Wire>(&mut self, ledger: &mut Ledger, io: &mut IO) -> Option<Reply> {
        let (listing, slicer) = (self.listing.as_mut()?, self.slicer.as_mut()?);
        let read = match listing.body.step(slicer) {
            Ok(Step::Again) => Ok(None),
            Ok(Step::Rows { array, text }) => {
                let again = self.again;
                let mut teller = Teller { products: &mut self.products, times: &mut self.times, ledger, again };
                let rows = &mut listing.rows;
                self.plain.parse(text, |cursor| tell_rows(array, &mut teller, cursor, rows, io)).map(|()| None)
            }
            Ok(Step::End(text)) => self.plain.parse(text, picture).map(Some),
            Err(fault) => Err(fault),
        };
        let (to, headers, rows) = (listing.to, listing.headers, listing.rows);
        let outcome = match read {
            Ok(None) => return None,
            Ok(Some(end)) => self.listed(to, rows, end, ledger, io),
            Err(fault) => unreadable(&fault, io),
        };
        self.listing = None;
        self.in_flight = InFlight::None;
        Some(self.reply(to, 200, outcome, headers))
    }

    /// What the end of a listing means.
    fn listed(&self, to: ReplyTo, rows: Rows, end: End, ledger: &mut Ledger, facts: &mut impl Facts) -> Outcome {
        if let Some(account) = end.account {
            facts.account(&account);
        }
        let mut more = false;
        // What lies between its rows does not exist, or cannot be read.
        let joins = (1..=ledger.complete_to()).contains(&self.sent_after);
        match to {
            // Its size is undocumented (OANDA reference 3): it is complete if it reaches the newest one.
            ReplyTo::Transactions if end.last > rows.last_id.max(self.sent_after) => {
                ledger.heard(end.last);
                // It names a newer one and brings nothing new: no evidence of anything, and to ask for more leads nowhere.
                if rows.last_id <= self.sent_after {
                    return Outcome::Failed { code: InlineText::truncated("listing ends early") };
                }
                if joins {
                    ledger.begin(rows.last_id);
                }
                more = true;
            }
            // Read from where nothing is missing to the end.
            ReplyTo::Transactions if joins => ledger.verified(end.last),
            // The first picture is where the ledger begins; every later one only says how far the account is.
            ReplyTo::Account if ledger.needs_beginning() && end.last > 0 => ledger.begin(end.last),
            _ if end.last > 0 && !ledger.needs_beginning() => ledger.heard(end.last),
            _ => {}
        }
        Outcome::Listed { rows, more, last: end.last }
    }

    fn reply(&self, to: ReplyTo, status: u16, outcome: Outcome, headers: ReplyHeaders) -> Reply {
        Reply { to, status, outcome, headers, wait_ms: headers.wait_ms(status, false), sent_after: self.sent_after }
    }

    /// The answer cannot be told from noise.
    #[cold]
    fn broken<IO: Facts + Wire>(&mut self, error: HttpError, io: &mut IO) -> SessionError {
        self.open = false;
        self.lost("broken reply", io);
        SessionError::Protocol(error.to_string())
    }

    /// The request in flight has no answer: tells what follows from that.
    fn lost<IO: Facts + Wire>(&mut self, why: &str, io: &mut IO) -> Option<Reply> {
        let denial = Denial::unclear(why);
        let in_flight = std::mem::replace(&mut self.in_flight, InFlight::None);
        match in_flight {
            InFlight::None => return None,
            InFlight::Place(id) => io.place_reply(&id, denial.into()),
            InFlight::Cancel(id) => io.cancel_reply(&id, denial.into()),
            InFlight::Replace(id) => io.replace_reply(&id, denial.into()),
            InFlight::Change | InFlight::List(_) | InFlight::Order => {}
        }
        Some(self.reply(in_flight.answered_as(), 0, denial.into(), ReplyHeaders::default()))
    }
}

fn reply_limits() -> Limits {
    Limits { body_bytes_max: limits::REPLY_BYTES_MAX, ..Limits::default() }
}

#[cold]
fn unreadable(fault: &Fault, facts: &mut impl Facts) -> Outcome {
    announce(fault, facts);
    Outcome::Failed { code: InlineText::truncated("unreadable reply") }
}

#[cfg(test)]
#[path = "orders_tests.rs"]
mod tests;
