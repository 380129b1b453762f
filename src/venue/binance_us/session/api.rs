//! One connection to the WebSocket API: the fast path of orders, and the account's events.
//!
//! Owns the requests in flight, matched to their answers by id, in any order (Binance.US reference 8), and the
//! subscription of user events. Guarantees that a request is never sent twice, that a place or cancel request gets
//! exactly one reply fact whatever happens to the connection, and that silence, or an answer that does not come, ends
//! it. Signs with a keyed state and a stamp of the venue's clock. Never opens or closes anything itself.

use super::super::auth::Credentials;
use super::super::limits;
use super::super::params::WsParams;
use super::super::products::Products;
use super::super::reject;
use super::super::request::{Call, Security};
use super::super::response::{error_body, replaced, ErrorBody, Usage};
use super::super::user::{self, UserControl};
use super::super::VenueMs;
use super::frames;
use super::reply::{NotSent, Pending, Reply, ReplyTo};
use super::requests::Requests;
use crate::codec::json::{Cursor, Plain, Scan};
use crate::codec::websocket::{Data, FrameBuilder};
use crate::record::{GapCause, Instrument, UnixNanos};
use crate::venue::fault::{announce, Fault};
use crate::venue::websocket::{check_text, mask, Frames, Reader, Unread};
use crate::venue::{Anomaly, Deadline, Facts, GapScope, SessionError, SessionProgress, StreamFact, Wire};
use arrayvec::ArrayVec;
use std::collections::VecDeque;
use std::sync::Arc;

/// Times of a WebSocket API connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiConfig {
    /// Silence after which the connection counts as dead, ms.
    pub silence_ms_max: u64,
    /// Longest wait for an answer, ms.
    pub reply_ms_max: u64,
    /// How old a request may be when the venue sees it, ms.
    pub recv_window_ms: u32,
    /// Age at which a connection is to be replaced, ms.
    pub replace_after_ms: u64,
    /// How long a connection that was replaced is listened to beside its replacement, ms.
    pub overlap_ms: u64,
    /// Subscribe the account's events on this connection.
    pub user_events: bool,
}

impl Default for ApiConfig {
    fn default() -> Self {
        ApiConfig {
            silence_ms_max: limits::SILENCE_MS_MAX,
            reply_ms_max: limits::REPLY_MS_MAX,
            recv_window_ms: limits::RECV_WINDOW_MS,
            replace_after_ms: limits::REPLACE_AFTER_MS,
            overlap_ms: limits::OVERLAP_MS,
            user_events: true,
        }
    }
}

/// How the account's events stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UserState {
    /// Not asked for; not before this time.
    Due(UnixNanos),
    Asked,
    Subscribed,
    Unwanted,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct ApiSession {
    config: ApiConfig,
    credentials: Arc<Credentials>,
    open: bool,
    frames: Frames,
    state: State,
    next_id: u64,
    opened_at: UnixNanos,
    /// What is signed, request by request.
    text: Vec<u8>,
}

/// What the messages of the connection change.
#[derive(Debug)]
struct State {
    products: Products,
    pending: ArrayVec<(u64, Pending), { limits::IN_FLIGHT_MAX }>,
    replies: VecDeque<Reply>,
    user: UserState,
    shutdown_at: UnixNanos,
    /// The key was refused without a request being named.
    revoked: Option<String>,
}

impl ApiSession {
    /// A session, closed.
    #[must_use]
    pub fn new(credentials: Arc<Credentials>, config: ApiConfig) -> ApiSession {
        ApiSession {
            credentials,
            open: false,
            frames: Frames::new(frames(config.silence_ms_max)),
            state: State {
                products: Products::default(),
                pending: ArrayVec::new(),
                replies: VecDeque::with_capacity(limits::IN_FLIGHT_MAX),
                user: UserState::Unwanted,
                shutdown_at: UnixNanos::NONE,
                revoked: None,
            },
            next_id: 0,
            opened_at: UnixNanos::NONE,
            text: Vec::with_capacity(512),
            config,
        }
    }

    /// A session of the same kind, closed, that knows no instrument yet: a replacement.
    #[must_use]
    pub fn successor(&self) -> ApiSession {
        ApiSession::new(self.credentials.clone(), self.config)
    }

    /// Orders and trades of this instrument can be read in full from now on.
    pub fn know(&mut self, instrument: &Instrument) {
        self.state.products.know(instrument);
    }

    /// The connection is up, upgraded, and nothing was sent on it.
    pub fn opened(&mut self, now: UnixNanos) -> Deadline {
        self.open = true;
        self.frames.opened(now);
        self.state.pending.clear();
        self.state.user = if self.config.user_events { UserState::Due(now) } else { UserState::Unwanted };
        (self.state.shutdown_at, self.state.revoked, self.opened_at) = (UnixNanos::NONE, None, now);
        self.deadline()
    }

    /// The connection is gone. What was in flight is of unknown outcome, and its facts are told.
    pub fn closed<IO: Facts>(&mut self, io: &mut IO) {
        self.open = false;
        self.state.user = UserState::Unwanted;
        for (_, pending) in self.state.pending.take() {
            let reply = pending.lost("connection lost", io);
            self.state.replies.push_back(reply);
        }
    }

    /// Whether the account's events are to be subscribed; ask after every call.
    pub fn user_due(&self, now: UnixNanos) -> bool {
        self.open && matches!(self.state.user, UserState::Due(at) if at <= now)
    }

    /// Subscribes the account's events.
    ///
    /// # Errors
    /// [`NotSent`]: not a byte was written.
    pub fn subscribe_user<IO: Wire>(&mut self, now: UnixNanos, stamp: VenueMs, io: &mut IO) -> Result<(), NotSent> {
        let pending = Pending::new(ReplyTo::SubscribeUser, now, self.config.reply_ms_max);
        self.call(pending, stamp, &Call::SubscribeUser, io)?;
        self.state.user = UserState::Asked;
        Ok(())
    }

    /// Any other call with a short answer: one order, the time, the order counts, the checks of an order, a pair of
    /// orders. Listings go over REST: their answers can be long.
    ///
    /// # Errors
    /// [`NotSent`]: not a byte was written.
    pub fn query<IO: Wire>(
        &mut self,
        now: UnixNanos,
        stamp: VenueMs,
        call: &Call<'_>,
        io: &mut IO,
    ) -> Result<(), NotSent> {
        let short = matches!(
            call,
            Call::Test(_)
                | Call::PlaceOco(_)
                | Call::CancelList { .. }
                | Call::Order { .. }
                | Call::OrderCounts
                | Call::Time
        );
        if !short {
            return Err(NotSent::WrongConnection);
        }
        let pending = Pending::asking(call, now, self.config.reply_ms_max)?;
        self.call(pending, stamp, call, io)
    }

    /// Reads from `plain`, the unread bytes of the connection, within the budget of one call. Afterwards
    /// [`Self::next_reply`] has what ended.
    ///
    /// # Errors
    /// [`SessionError`]: close the connection.
    pub fn bytes<IO: Facts + Wire>(
        &mut self,
        now: UnixNanos,
        plain: &mut [u8],
        io: &mut IO,
    ) -> Result<SessionProgress, SessionError> {
        let progress = self.frames.read(now, plain, &mut ApiReader { now, state: &mut self.state }, io)?;
        match self.state.revoked.take() {
            Some(why) => Err(SessionError::Refused(why)),
            None => Ok(progress),
        }
    }

    /// The next request that ended.
    pub fn next_reply(&mut self) -> Option<Reply> {
        self.state.replies.pop_front()
    }

    /// Does what is due and says when to come again.
    ///
    /// # Errors
    /// [`SessionError::Silent`]: close the connection; the facts of what was overdue were told.
    pub fn time<IO: Facts + Wire>(&mut self, now: UnixNanos, io: &mut IO) -> Result<Deadline, SessionError> {
        if !self.open {
            return Ok(None);
        }
        self.frames.time(now, io)?;
        let overdue = |pending: &Pending| pending.reply_by <= now;
        if self.state.pending.iter().any(|(_, pending)| overdue(pending)) {
            // The venue answers within 10 s or not at all: something is wrong with the connection.
            for (_, pending) in self.state.pending.iter().filter(|(_, pending)| overdue(pending)) {
                self.state.replies.push_back(pending.lost("no answer in time", io));
            }
            self.state.pending.retain(|(_, pending)| !overdue(pending));
            self.open = false;
            return Err(SessionError::Silent { silent_ms: self.config.reply_ms_max });
        }
        Ok(self.deadline())
    }

    /// When [`Self::time`] is due next; may lie in the past.
    pub fn deadline(&self) -> Deadline {
        let replies = self.state.pending.iter().map(|(_, pending)| pending.reply_by).min();
        let user = match self.state.user {
            UserState::Due(at) => at,
            _ => UnixNanos::MAX,
        };
        let at = self.frames.deadline().min(replies.unwrap_or(UnixNanos::MAX)).min(user);
        self.open.then_some(at)
    }

    /// Whether the account's events flow, if they are to.
    pub fn healthy(&self) -> bool {
        self.open && matches!(self.state.user, UserState::Subscribed | UserState::Unwanted)
    }

    /// Whether a request would be sent now.
    pub fn free(&self) -> bool {
        self.open && !self.state.pending.is_full()
    }

    /// Requests in flight.
    pub fn in_flight(&self) -> usize {
        self.state.pending.len()
    }

    /// When a replacement is to be opened: before the venue's limit, or at once after its announcement. `None` while
    /// closed. Events over both connections are the same events: orders and executions carry the venue's ids.
    pub fn replace_at(&self) -> Deadline {
        let by_age = self.opened_at.plus_ms(self.config.replace_after_ms);
        let told = self.state.shutdown_at;
        self.open.then_some(if told.is_some() { by_age.min(told) } else { by_age })
    }

    /// How long it is listened to beside its replacement, ms.
    pub fn overlap_ms(&self) -> u64 {
        self.config.overlap_ms
    }
}

impl Requests for ApiSession {
    fn reply_ms_max(&self) -> u64 {
        self.config.reply_ms_max
    }

    fn call<IO: Wire>(
        &mut self,
        pending: Pending,
        stamp: VenueMs,
        call: &Call<'_>,
        io: &mut IO,
    ) -> Result<(), NotSent> {
        if !self.open {
            return Err(NotSent::Closed);
        }
        let id = self.next_id.wrapping_add(1);
        if self.state.pending.try_push((id, pending)).is_err() {
            return Err(NotSent::Busy);
        }
        self.next_id = id;
        let mask = mask(io);
        let (credentials, text, window) = (&self.credentials, &mut self.text, self.config.recv_window_ms);
        io.send(|out| {
            let mut frame = FrameBuilder::begin(out, Data::Text);
            frame.append(b"{\"id\":");
            frame.append(itoa::Buffer::new().format(id).as_bytes());
            frame.append(b",\"method\":\"");
            frame.append(call.ws_method().as_bytes());
            if call.security() == Security::None {
                // The only such call here is the time, and it has no parameters.
                frame.append(b"\"}");
            } else {
                frame.append(b"\",\"params\":");
                let mut params = WsParams::signed(frame.buffer(), text, credentials);
                call.put(stamp, window, &mut params);
                params.sign(credentials);
                frame.append(b"}");
            }
            frame.finish(mask);
        });
        Ok(())
    }
}

/// What the frames need to know of messages.
struct ApiReader<'a> {
    now: UnixNanos,
    state: &'a mut State,
}

/// One answer as sent, its halves still on the tape.
struct Answer<C, E> {
    id: Option<u64>,
    status: Option<u16>,
    result: Option<C>,
    error: Option<E>,
    usage: Usage,
}

impl ApiReader<'_> {
    /// The fast way, for reports alone.
    #[inline]
    fn recorded(&mut self, text: &[u8], io: &mut impl Facts) -> Option<()> {
        let mut scan = Scan::new(text);
        scan.literal(b"{\"subscriptionId\":")?;
        scan.scalar()?;
        scan.literal(b",\"event\":")?;
        user::recorded_report(scan, b"}", &mut self.state.products, io)
    }

    fn walk(&mut self, cursor: &mut Cursor<'_, '_>, io: &mut impl Facts) -> Result<(), Fault> {
        let mut answer = Answer { id: None, status: None, result: None, error: None, usage: Usage::default() };
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "id" => {
                    if !cursor.take_null() {
                        answer.id = Some(cursor.u64_or_text()?);
                    }
                }
                "status" => answer.status = u16::try_from(cursor.u64()?).ok(),
                // Some methods answer with this key instead (Binance.US reference 8).
                "result" | "response" => {
                    answer.result = Some(cursor.clone());
                    cursor.skip()?;
                }
                "error" => {
                    answer.error = Some(cursor.clone());
                    cursor.skip()?;
                }
                "rateLimits" => answer.usage = Usage::of_rate_limits(cursor)?,
                "event" => {
                    let control = user::event(cursor, &mut self.state.products, io);
                    self.user_event(control, io);
                    fields.skip_rest(cursor)?;
                    return Ok(());
                }
                _ => cursor.skip()?,
            }
        }
        let status = answer.status.ok_or(Fault::Missing { key: "status" })?;
        let place = answer.id.and_then(|id| self.state.pending.iter().position(|(sent, _)| *sent == id));
        let Some((_, pending)) = place.map(|place| self.state.pending.remove(place)) else {
            return self.unasked(status, answer.error.as_mut(), io);
        };
        let reply = match (status, answer.result, answer.error) {
            (200, Some(mut result), _) => match pending.succeeded(&mut result, &mut self.state.products, io) {
                Ok((outcome, counted)) => {
                    Reply { usage: counted.unwrap_or(answer.usage), ..pending.reply(200, outcome) }
                }
                Err(fault) => {
                    announce(&fault, io);
                    Reply { status, usage: answer.usage, ..pending.lost("unreadable reply", io) }
                }
            },
            (_, _, error) => self.refused(&pending, status, error, answer.usage, io),
        };
        self.settled(&pending, &reply, io);
        self.state.replies.push_back(reply);
        Ok(())
    }

    fn refused(
        &mut self,
        pending: &Pending,
        status: u16,
        error: Option<Cursor<'_, '_>>,
        usage: Usage,
        io: &mut impl Facts,
    ) -> Reply {
        let mut told = false;
        let products = &mut self.state.products;
        let body = error.map(|mut error| {
            error_body(&mut error, |data| {
                if pending.to != ReplyTo::Replace {
                    return Ok(data.skip()?);
                }
                replaced(data, &pending.venue, &pending.client, products, io)?;
                told = true;
                Ok(())
            })
        });
        let body: Option<ErrorBody<'_>> = match body {
            Some(Ok(body)) => body,
            Some(Err(fault)) => {
                announce(&fault, io);
                None
            }
            None => None,
        };
        if let Some(body) = &body {
            io.anomaly(Anomaly::VenueError, body.text().as_str());
        }
        let clock_refused = body.is_some_and(|body| body.code == reject::INVALID_TIMESTAMP);
        let wait = usage.wait(status, body.as_ref());
        let outcome = pending.failed(status, body.as_ref(), told, io);
        Reply { usage, wait, clock_refused, ..pending.reply(status, outcome) }
    }

    /// What an answer means for the subscription of user events.
    fn settled(&mut self, pending: &Pending, reply: &Reply, io: &mut impl Facts) {
        if pending.to != ReplyTo::SubscribeUser {
            return;
        }
        if reply.status == 200 {
            self.state.user = UserState::Subscribed;
            // There is no snapshot: what was before is listed by queries.
            io.stream(StreamFact::UserSnapshotComplete);
        } else {
            self.state.user = UserState::Due(self.now.plus_ms(limits::RETRY_MS_MIN));
        }
    }

    fn user_event(&mut self, control: UserControl, io: &mut impl Facts) {
        match control {
            UserControl::None => {}
            UserControl::Ended => {
                self.state.user = UserState::Due(self.now.plus_ms(limits::RETRY_MS_MIN));
                io.gap(GapScope::Connection, GapCause::Disconnected, 0);
            }
            UserControl::Shutdown => self.state.shutdown_at = self.now,
        }
    }

    /// An answer to nothing that is in flight: late, or of the connection itself (a revoked key has no id).
    #[cold]
    fn unasked(&mut self, status: u16, error: Option<&mut Cursor<'_, '_>>, io: &mut impl Facts) -> Result<(), Fault> {
        let body = match error {
            Some(error) => error_body(error, |data| Ok(data.skip()?))?,
            None => None,
        };
        let text = body.map(|body| body.text()).unwrap_or_default();
        io.anomaly(Anomaly::VenueError, &format!("answer without a request: status {status} {text}"));
        if status == 401 {
            self.state.revoked = Some(text.to_string());
        }
        Ok(())
    }
}

impl<IO: Facts> Reader<IO> for ApiReader<'_> {
    fn message(&mut self, parser: &mut Plain, text: &mut [u8], io: &mut IO) -> Result<usize, Unread> {
        if self.recorded(text, io).is_some() {
            return Ok(0);
        }
        if let Err(fault) = parser.parse(&mut *text, |cursor| self.walk(cursor, io)) {
            check_text(&fault, text)?;
            // An answer or an event: whoever waits for the answer will find it overdue, and the account is asked.
            user::lost(&fault, io);
        }
        Ok(0)
    }

    fn long_failed(&mut self, fault: &Fault, io: &mut IO) {
        user::lost(fault, io);
    }
}

#[cfg(test)]
#[path = "api_tests.rs"]
mod tests;
