//! One stream connection: prices, or the account's transactions.
//!
//! Owns the request that opens it, the place in its endless body, the line being put together, and the watchdog. A
//! stream is an HTTP/1.1 response whose chunks are not its lines (OANDA reference 6). Guarantees at most
//! [`BYTES_PER_CALL_MAX`] bytes and [`LEVELS_PER_CALL_MAX`] levels per call but for one line longer than that, that the
//! same bytes give the same facts however they were cut, and that silence ends the connection. Never opens or closes
//! anything itself: it returns a [`SessionError`].
//!
//! **Changes and losses.** Nothing can be subscribed on a stream that is open, so a new instrument needs a new
//! connection, and the session says so; it goes on with what it has until that one stands. A price is a whole picture: after a reconnect the next one repairs everything.
//! Transactions do not come again: [`Ledger`] knows what is missing, and the history closes the gap.

use super::auth::{AccessToken, AccountId};
use super::ledger::Ledger;
use super::limits;
use super::request;
use super::stream::Decoder;
use crate::codec::http1::{self, Excerpt, HttpError, Limits, Method, RequestError, StreamItem, StreamReader};
use crate::codec::json::Plain;
use crate::record::{Difference, Instrument, InstrumentId, SubscribedChannel, Subscription, UnixNanos};
use crate::venue::endpoint::Endpoint;
use crate::venue::{
    Channels, Deadline, Facts, SessionError, SessionProgress, StreamFact, Wire, BYTES_PER_CALL_MAX, LEVELS_PER_CALL_MAX,
};
use std::sync::Arc;

mod orders;
mod reply;

pub use orders::{OrderConfig, OrderSession};
pub use reply::{NotSent, OrderProgress, Outcome, Reply, ReplyTo};

/// Bytes looked at in one go: with this and [`LEVELS_STOP`] no call tells more than [`LEVELS_PER_CALL_MAX`] levels.
const STEP_BYTES: usize = 2 * 1024;
/// Fewest bytes a bucket has on the wire: `{"price":"1","liquidity":1},`.
const BUCKET_BYTES_MIN: usize = 28;
/// Levels after which a call stops: what one more step can bring still fits, and so does a line held over.
const LEVELS_STOP: usize = 112;
const _: () = assert!(LEVELS_STOP + STEP_BYTES / BUCKET_BYTES_MIN + 2 * limits::BUCKETS_MAX <= LEVELS_PER_CALL_MAX);
/// As much of an error page as is kept.
const ERROR_BYTES_MAX: usize = 1024;
/// Room for the usual line from the start.
const LINE_BYTES: usize = 4 * 1024;

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamRole {
    /// Prices of the instruments wanted.
    Pricing,
    /// The account's transactions.
    Transactions,
}

/// Times of a stream connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamConfig {
    /// Silence after which the connection counts as dead, ms.
    pub silence_ms_max: u64,
    /// How long the first price of an instrument may take, ms.
    pub first_price_ms_max: u64,
    /// Sent with the request: rules at the edge may want one (OANDA reference 1).
    pub user_agent: Box<str>,
}

impl Default for StreamConfig {
    fn default() -> Self {
        StreamConfig {
            silence_ms_max: limits::SILENCE_MS_MAX,
            first_price_ms_max: limits::FIRST_PRICE_MS_MAX,
            user_agent: USER_AGENT.into(),
        }
    }
}

const USER_AGENT: &str = concat!("exchange-connectors/", env!("CARGO_PKG_VERSION"));
/// Nine digits behind the point; also what comes unasked (OANDA reference 1).
pub(super) const TIME_FORMAT: (&str, &str) = ("Accept-Datetime-Format", "RFC3339");

/// Why an instrument cannot be had as wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WantError {
    /// There are no public trades.
    #[error("OANDA publishes no trades: subscribe to the book or the quotes")]
    NoTrades,
}

/// Where in the response we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before its head.
    Head,
    /// In the lines.
    Lines,
    /// In a line too long to be held.
    LongLine,
    /// In the body of a refusal.
    Refusal(u16),
}

/// See the module's documentation.
#[derive(Debug)]
pub struct StreamSession {
    role: StreamRole,
    config: StreamConfig,
    host: Box<str>,
    account: AccountId,
    token: Arc<AccessToken>,
    open: bool,
    at: At,
    reader: StreamReader,
    plain: Plain,
    decoder: Decoder,
    /// The line, or the error page, of which not all has come.
    held: Vec<u8>,
    /// Instruments were added that the open stream does not bring.
    outdated: bool,
    last_seen: UnixNanos,
    /// Until when first prices are waited for; `MAX` if none are.
    first_prices_by: UnixNanos,
    deadline: UnixNanos,
}

impl StreamSession {
    /// A session for connections to the streaming host; closed.
    ///
    /// # Errors
    /// The host or the user agent cannot stand in a request.
    pub fn new(
        role: StreamRole,
        endpoint: &Endpoint,
        account: AccountId,
        token: Arc<AccessToken>,
        config: StreamConfig,
    ) -> Result<StreamSession, RequestError> {
        let session = StreamSession {
            role,
            host: endpoint.authority().into(),
            account,
            token,
            open: false,
            at: At::Head,
            reader: StreamReader::new(Limits::default()),
            plain: Plain::new(limits::LINE_BYTES_MAX),
            decoder: Decoder::new(),
            held: Vec::with_capacity(LINE_BYTES),
            outdated: false,
            last_seen: UnixNanos::NONE,
            first_prices_by: UnixNanos::MAX,
            deadline: UnixNanos::MAX,
            config,
        };
        let mut request = Vec::new();
        session.write(&mut request)?;
        request.fill(0);
        Ok(session)
    }

    /// Makes the instrument known: its transactions can be read in full.
    pub fn know(&mut self, instrument: &Instrument) {
        self.decoder.products.know(instrument);
    }

    /// Wants these channels of the instrument, too. An open stream that was not asked for it is outdated from now on
    /// ([`Self::is_outdated`]), and so is one that brought it when nobody wanted it: in a quiet market its book would
    /// stay empty, while a new stream begins with a picture.
    ///
    /// # Errors
    /// [`WantError`]; nothing changed.
    pub fn want(&mut self, instrument: &Instrument, channels: Channels) -> Result<(), WantError> {
        if channels.contains(Channels::TRADES) {
            return Err(WantError::NoTrades);
        }
        let index = self.decoder.products.know(instrument);
        let Some(product) = self.decoder.products.get_mut(index) else { return Ok(()) };
        let before = product.wanted;
        product.wanted = before.with(channels);
        if product.wanted == before || !self.open {
            return Ok(());
        }
        if before.is_empty() {
            self.outdated = true;
        }
        if product.requested && product.seen {
            // It is streamed already: its next price confirms the channel.
            product.seen = false;
            self.decoder.unseen = self.decoder.unseen.saturating_add(1);
        }
        Ok(())
    }

    /// Wants these channels no longer. An open stream goes on bringing them; they are not told.
    pub fn unwant(&mut self, instrument: InstrumentId, channels: Channels) {
        let index = self.decoder.products.find_instrument(instrument);
        if let Some(product) = index.and_then(|index| self.decoder.products.get_mut(index)) {
            product.wanted = product.wanted.without(channels);
            if product.wanted.is_empty() && product.requested && !std::mem::replace(&mut product.seen, true) {
                self.decoder.unseen = self.decoder.unseen.saturating_sub(1);
            }
        }
    }

    /// Channels wanted of an instrument.
    pub fn wanted(&self, instrument: InstrumentId) -> Channels {
        let index = self.decoder.products.find_instrument(instrument);
        index.and_then(|index| self.decoder.products.get(index)).map_or(Channels::NONE, |product| product.wanted)
    }

    /// Whether anything is wanted of any instrument.
    pub fn wants_anything(&self) -> bool {
        self.decoder.products.iter().any(|product| !product.wanted.is_empty())
    }

    /// Whether a price of the instrument came since the stream opened, and is wanted.
    pub fn brings(&self, instrument: InstrumentId) -> bool {
        let index = self.decoder.products.find_instrument(instrument);
        index.and_then(|index| self.decoder.products.get(index)).is_some_and(|p| p.requested && p.seen)
    }

    /// The venue's time of the last price told of the instrument; `NONE` if none was since the stream opened.
    pub fn told(&self, instrument: InstrumentId) -> UnixNanos {
        let index = self.decoder.products.find_instrument(instrument);
        index.and_then(|index| self.decoder.products.get(index)).map_or(UnixNanos::NONE, |product| product.told)
    }

    /// Another stream has told the instrument's prices up to this time: they are not told again.
    pub fn skip_to(&mut self, instrument: InstrumentId, time: UnixNanos) {
        let index = self.decoder.products.find_instrument(instrument);
        if let Some(product) = index.and_then(|index| self.decoder.products.get_mut(index)) {
            product.skip_to = time;
        }
    }

    /// The open stream does not bring all that is wanted: only a new one will. It goes on until then.
    pub const fn is_outdated(&self) -> bool {
        self.outdated
    }

    /// The connection is up, and nothing was sent on it: asks for the stream.
    ///
    /// # Errors
    /// [`SessionError::Refused`] if there is nothing to ask for, or it cannot be written.
    pub fn opened<IO: Facts + Wire>(&mut self, now: UnixNanos, io: &mut IO) -> Result<Deadline, SessionError> {
        if self.role == StreamRole::Pricing && self.decoder.products.iter().all(|p| p.wanted.is_empty()) {
            return Err(SessionError::Refused("no instruments wanted".to_owned()));
        }
        (self.open, self.at, self.outdated) = (true, At::Head, false);
        self.reader = StreamReader::new(Limits::default());
        self.held.clear();
        self.decoder.opened();
        self.last_seen = now;
        self.first_prices_by = UnixNanos::MAX;
        let mut written = Ok(());
        io.send(|out| written = self.write(out));
        written.map_err(|error| SessionError::Refused(error.to_string()))?;
        self.time(now, io)
    }

    /// The connection is gone.
    pub fn closed(&mut self) {
        self.open = false;
        self.at = At::Head;
        self.outdated = false;
        self.deadline = UnixNanos::MAX;
    }

    /// Reads from `plain`, the unread bytes of the connection, within the budget of one call.
    ///
    /// # Errors
    /// [`SessionError`]: close the connection.
    pub fn bytes<IO: Facts + Wire>(
        &mut self,
        now: UnixNanos,
        plain: &mut [u8],
        ledger: &mut Ledger,
        io: &mut IO,
    ) -> Result<SessionProgress, SessionError> {
        let (mut consumed, mut spent) = (0_usize, 0_usize);
        self.decoder.levels = 0;
        let more = loop {
            let unread = plain.get_mut(consumed..).unwrap_or_default();
            if spent >= BYTES_PER_CALL_MAX || self.decoder.levels >= LEVELS_STOP {
                break !unread.is_empty();
            }
            // The head must stand whole; the body may be cut anywhere.
            let window = if self.at == At::Head { unread.len() } else { unread.len().min(STEP_BYTES) };
            let unread = unread.get_mut(..window).unwrap_or_default();
            let step = self.reader.next(unread).map_err(protocol)?;
            consumed = consumed.saturating_add(step.consumed);
            match step.item {
                StreamItem::Incomplete if step.consumed == 0 => break false,
                StreamItem::Incomplete => {}
                StreamItem::Head { status } => self.head(now, status, ledger, io),
                StreamItem::Data { start, end } => {
                    let held = self.held.len();
                    let data = unread.get_mut(start..end).unwrap_or_default();
                    // A line that begins or ends is a sign of life. One that goes on and on is not, nor is a refusal.
                    let alive = match self.at {
                        At::Refusal(_) => false,
                        At::Lines if held == 0 => true,
                        _ => memchr::memchr(b'\n', data).is_some(),
                    };
                    if alive {
                        self.last_seen = now;
                    }
                    spent = spent.saturating_add(data.len());
                    if self.data(data, ledger, io) {
                        spent = spent.saturating_add(held);
                    }
                }
                StreamItem::End => return Err(self.ended()),
            }
        };
        Ok(SessionProgress { consumed, more })
    }

    /// The peer ended its side.
    pub fn eof(&mut self) -> SessionError {
        match (self.at, self.reader.eof()) {
            (At::Refusal(_), _) | (_, Ok(())) => self.ended(),
            (_, Err(error)) => SessionError::ClosedByPeer(error.to_string()),
        }
    }

    /// Does what is due and says when to come again.
    ///
    /// # Errors
    /// [`SessionError::Silent`], [`SessionError::Refused`]: close the connection.
    pub fn time<IO: Facts + Wire>(&mut self, now: UnixNanos, io: &mut IO) -> Result<Deadline, SessionError> {
        if !self.open {
            self.deadline = UnixNanos::MAX;
            return Ok(None);
        }
        let silent_ms = now.since(self.last_seen).checked_div(1_000_000).unwrap_or(0);
        if silent_ms >= self.config.silence_ms_max {
            return Err(match self.at {
                At::Refusal(_) => self.ended(),
                _ => SessionError::Silent { silent_ms },
            });
        }
        if now >= self.first_prices_by {
            self.first_prices_by = UnixNanos::MAX;
            for product in self.decoder.products.iter().filter(|p| p.requested && !p.seen && !p.wanted.is_empty()) {
                let missing = Subscription { channel: SubscribedChannel::Book, difference: Difference::Missing };
                io.stream(StreamFact::NotAsAsked(product.instrument, missing));
            }
        }
        self.deadline = self.last_seen.plus_ms(self.config.silence_ms_max).min(self.first_prices_by);
        Ok(Some(self.deadline))
    }

    /// When [`Self::time`] is due next; may lie in the past.
    pub fn deadline(&self) -> Deadline {
        (self.deadline != UnixNanos::MAX).then_some(self.deadline)
    }

    /// The engine found the book wrong. The next price, at most 250 ms away in a moving market, is a whole one, so
    /// nothing is asked.
    pub const fn resync(&mut self, _: InstrumentId) {}

    /// Whether the stream flows, and every instrument has its first price or its time for it is over.
    pub fn healthy(&self) -> bool {
        let flows = self.open && matches!(self.at, At::Lines | At::LongLine);
        flows && (self.decoder.unseen == 0 || self.first_prices_by == UnixNanos::MAX)
    }

    /// What the connection carries.
    pub const fn role(&self) -> StreamRole {
        self.role
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), RequestError> {
        let mut target = Vec::with_capacity(128);
        match self.role {
            StreamRole::Pricing => {
                let wanted = self.decoder.products.iter().filter(|p| !p.wanted.is_empty());
                request::put_pricing_stream_target(&mut target, &self.account, wanted.map(|p| p.symbol.as_ref()));
            }
            StreamRole::Transactions => request::put_transaction_stream_target(&mut target, &self.account),
        }
        // ASCII, or refused by the request writer.
        let target = std::str::from_utf8(&target).unwrap_or_default();
        let headers = [("User-Agent", self.config.user_agent.as_ref()), TIME_FORMAT, self.token.header()];
        http1::write_request(out, Method::Get, target, &self.host, &headers, b"")
    }

    fn head(&mut self, now: UnixNanos, status: u16, ledger: &mut Ledger, io: &mut impl Facts) {
        self.last_seen = now;
        if status != 200 {
            self.at = At::Refusal(status);
            return;
        }
        self.at = At::Lines;
        match self.role {
            StreamRole::Pricing => {
                self.first_prices_by = now.plus_ms(self.config.first_price_ms_max);
                self.deadline = self.deadline.min(self.first_prices_by);
            }
            StreamRole::Transactions => {
                // It has no snapshot: from here on it is live, and what happened before is asked for.
                ledger.opened();
                io.stream(StreamFact::UserSnapshotComplete);
            }
        }
    }

    /// Takes a piece of the body; whether the line held was completed by it.
    fn data<IO: Facts + Wire>(&mut self, data: &mut [u8], ledger: &mut Ledger, io: &mut IO) -> bool {
        if let At::Refusal(_) = self.at {
            let room = ERROR_BYTES_MAX.saturating_sub(self.held.len()).min(data.len());
            self.held.extend_from_slice(data.get(..room).unwrap_or_default());
            return false;
        }
        let mut completed = false;
        let mut rest = data;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let Some((line, behind)) = std::mem::take(&mut rest).split_at_mut_checked(end.saturating_add(1)) else {
                break;
            };
            rest = behind;
            if self.at == At::LongLine {
                self.at = At::Lines;
            } else if self.held.is_empty() {
                self.line(line, ledger, io);
            } else {
                self.held.extend_from_slice(line);
                let mut held = std::mem::take(&mut self.held);
                self.line(&mut held, ledger, io);
                held.clear();
                self.held = held;
                completed = true;
            }
        }
        if self.at == At::Lines && !rest.is_empty() {
            if self.held.len().saturating_add(rest.len()) > limits::LINE_BYTES_MAX {
                self.decoder.too_long(io);
                self.held.clear();
                self.at = At::LongLine;
            } else {
                self.held.extend_from_slice(rest);
            }
        }
        completed
    }

    fn line<IO: Facts + Wire>(&mut self, line: &mut [u8], ledger: &mut Ledger, io: &mut IO) {
        let end = line.trim_ascii_end().len();
        let line = line.get_mut(..end).unwrap_or_default();
        if line.is_empty() {
            return;
        }
        match self.role {
            StreamRole::Pricing => {
                self.decoder.pricing_line(&mut self.plain, line, io);
                if self.decoder.unseen == 0 {
                    self.first_prices_by = UnixNanos::MAX;
                }
            }
            StreamRole::Transactions => self.decoder.transaction_line(&mut self.plain, line, ledger, io),
        }
    }

    /// Why a response that is over ends the session.
    fn ended(&mut self) -> SessionError {
        match self.at {
            At::Refusal(status) => {
                let page = Excerpt::of(&self.held);
                SessionError::Refused(format!("HTTP {status} {}", page.as_str()).trim_end().to_owned())
            }
            _ => SessionError::ClosedByPeer("the stream ended".to_owned()),
        }
    }
}

fn protocol(error: HttpError) -> SessionError {
    SessionError::Protocol(error.to_string())
}

#[cfg(test)]
mod tests;
