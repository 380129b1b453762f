//! Stream messages to facts: the channels `l2_data`, `market_trades`, `ticker`, `ticker_batch`, `candles`, `status`,
//! `heartbeats`, `user`, `futures_balance_summary` and `subscriptions`, and error frames (Coinbase reference 6).
//!
//! Owns the reading of one message at a time, and the connection's sequence check: book updates and trades in the form they
//! were always recorded in, without a tape; the rest, and anything unusual, in one forward walk of its tape.
//! Guarantees that facts come in wire order with trades oldest first, that a message which cannot be read in full is
//! announced, and that no book it may have changed stays silently wrong: the product's [`BookState`] becomes
//! [`BookState::Doubtful`] and a gap is reported. Never decides what to subscribe, never sends, never waits.

use super::products::{BookState, Products, TWINS_MAX};
use crate::codec::json::{Cursor, JsonError, Plain};
use crate::codec::timestamp::Rfc3339Cache;
use crate::record::{GapCause, InlineText, UnixNanos};
pub(super) use crate::venue::fault::{announce, excerpt, Fault};
use crate::venue::{Anomaly, Facts, GapScope, TradeFact};

mod futures;
mod market;
mod recorded;
mod sequence;
mod shared;
mod sliced;
mod slow;
mod user;

pub(super) use crate::venue::fault::number;
pub(super) use market::{quote_words, subscribed, TickerText};
use sequence::Sequence;
pub(super) use sliced::LONG_ARRAYS;
pub(super) use user::{order_fact, order_side, order_side_of, order_status_of, OrderRow};

/// What a message was, as far as the session must act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Data, or nothing of use.
    None,
    /// A heartbeat.
    Heartbeat,
    /// An acknowledgement; the products and [`Decoder::listed`] say what it lists.
    Listed,
    /// An error frame; [`Decoder::error`] is what it says.
    Error,
    /// The snapshot of open orders is complete.
    UserSnapshotComplete,
    /// Not even UTF-8: the connection must be failed (RFC 6455 section 8.1). Nothing of it was told.
    NotUtf8,
}

/// Subscriptions without a product that the last acknowledgement listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListedSession {
    pub heartbeats: bool,
    pub user: bool,
    pub futures: bool,
}

/// Reads messages. One per connection.
#[derive(Debug)]
pub struct Decoder {
    pub products: Products,
    sequence: Sequence,
    /// Losses that touch the whole connection since the session last looked.
    connection_gaps: u32,
    pub listed: ListedSession,
    /// A product became [`BookState::Doubtful`] since the session last looked.
    pub doubts: bool,
    /// What the last error frame said.
    pub error: InlineText<64>,
    /// Levels told since the session last looked.
    pub levels: usize,
    times: Rfc3339Cache,
    trades: Vec<TradeFact>,
    /// Buffered trades are of several products that share a stream.
    trades_shared: bool,
    /// Books of a long event beside its first.
    twins: arrayvec::ArrayVec<market::OpenBook, TWINS_MAX>,
    /// Trades at the end of the buffer that are being told.
    section: sliced::Section,
    /// Orders of the snapshot message being read.
    snapshot_rows: usize,
    at: At,
}

/// How far into the current message we are: decides what a fault touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Nothing known of it yet.
    Start,
    /// Its sequence number was taken, its channel is known.
    Channel(Channel),
    /// In the event of this product's book.
    Book { index: usize, begun: bool },
}

/// A channel, as frames name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    Book,
    Trades,
    Ticker,
    TickerBatch,
    Candles,
    Heartbeats,
    Subscriptions,
    User,
    Status,
    Futures,
    Unknown,
}

impl Channel {
    #[inline]
    fn named(name: &str) -> Channel {
        match name {
            "l2_data" => Channel::Book,
            "market_trades" => Channel::Trades,
            "ticker" => Channel::Ticker,
            "ticker_batch" => Channel::TickerBatch,
            "candles" => Channel::Candles,
            "heartbeats" => Channel::Heartbeats,
            "subscriptions" => Channel::Subscriptions,
            "user" => Channel::User,
            "status" => Channel::Status,
            "futures_balance_summary" => Channel::Futures,
            _ => Channel::Unknown,
        }
    }
}

/// The envelope (Coinbase reference 6.2).
#[derive(Debug, Clone, Copy, Default)]
struct Head<'i> {
    channel: Option<Channel>,
    channel_name: &'i str,
    timestamp: &'i str,
    sequence: Option<u64>,
    /// Only error frames have these two.
    kind: &'i str,
    message: &'i str,
}

/// The head of one event: type, and the product where the event has one.
#[derive(Debug, Clone, Copy, Default)]
struct EventHead<'i> {
    kind: &'i str,
    product: &'i str,
}

impl EventHead<'_> {
    fn is_snapshot(&self) -> Result<bool, Fault> {
        match self.kind {
            "snapshot" => Ok(true),
            "update" => Ok(false),
            "" => Err(Fault::Missing { key: "type" }),
            _ => Err(Fault::Value { key: "type" }),
        }
    }
}

impl Decoder {
    pub fn new() -> Decoder {
        Decoder {
            products: Products::default(),
            sequence: Sequence::default(),
            connection_gaps: 0,
            listed: ListedSession::default(),
            doubts: false,
            error: InlineText::EMPTY,
            levels: 0,
            times: Rfc3339Cache::new(),
            trades: Vec::with_capacity(super::limits::TRADES_BUFFERED_MAX),
            trades_shared: false,
            twins: arrayvec::ArrayVec::new(),
            section: sliced::Section::None,
            snapshot_rows: 0,
            at: At::Start,
        }
    }

    /// Forgets the connection, keeps the products.
    pub fn opened(&mut self) {
        self.sequence = Sequence::default();
        self.connection_gaps = 0;
        self.listed = ListedSession::default();
        self.section = sliced::Section::None;
        self.trades.clear();
        self.snapshot_rows = 0;
        self.doubts = false;
        self.products.opened();
    }

    /// Losses that touched the whole connection since the last call.
    pub fn take_connection_gaps(&mut self) -> u32 {
        std::mem::take(&mut self.connection_gaps)
    }

    /// Reads one whole message, text that nobody has checked.
    #[inline]
    pub fn message(&mut self, plain: &mut Plain, text: &mut [u8], facts: &mut impl Facts) -> Control {
        self.at = At::Start;
        match self.recorded(text, facts) {
            Some(()) => Control::None,
            None => self.plain_message(plain, text, facts),
        }
    }

    /// The plain way, which reads any form.
    pub fn plain_message(&mut self, plain: &mut Plain, text: &mut [u8], facts: &mut impl Facts) -> Control {
        self.at = At::Start;
        match plain.parse(&mut *text, |cursor| self.walk(cursor, facts)) {
            Ok(control) => control,
            Err(fault) => self.unreadable(&fault, text, facts),
        }
    }

    #[cold]
    fn unreadable(&mut self, fault: &Fault, text: &[u8], facts: &mut impl Facts) -> Control {
        if matches!(fault, Fault::Json(error) if error.is_of_bad_utf8(text)) {
            return Control::NotUtf8;
        }
        self.fault(fault, facts);
        Control::None
    }

    #[inline]
    fn walk(&mut self, cursor: &mut Cursor<'_, '_>, facts: &mut impl Facts) -> Result<Control, Fault> {
        let mut head = Head::default();
        // The recorded order is channel, timestamp, sequence_num, events (Coinbase reference 6.2). It is tried first; what
        // comes otherwise is read by the loop, and `events` before what it needs is read afterwards.
        let mut early = None;
        let mut control = None;
        let mut fields = cursor.object()?;
        if let Some([name, timestamp]) = fields.next_strs(["channel", "timestamp"], cursor) {
            head.set_channel(name);
            head.timestamp = timestamp;
        }
        head.sequence = fields.next_u64("sequence_num", cursor);
        while let Some(key) = fields.next_key(cursor)? {
            if key != "events" {
                head.field(key, cursor)?;
            } else if let (Some(channel), Some(_)) = (head.channel, head.sequence) {
                control = Some(self.admitted(channel, &head, cursor, facts)?);
            } else {
                early = Some(cursor.clone());
                cursor.skip()?;
            }
        }
        if let Some(control) = control {
            return Ok(control);
        }
        let Some(channel) = head.channel else { return Ok(self.error_frame(&head, facts)) };
        match early {
            Some(mut events) => self.admitted(channel, &head, &mut events, facts),
            None => Err(Fault::Missing { key: "events" }),
        }
    }

    /// Checks the sequence and, if the message is in order, reads its events.
    #[inline]
    fn admitted(
        &mut self,
        channel: Channel,
        head: &Head<'_>,
        cursor: &mut Cursor<'_, '_>,
        facts: &mut impl Facts,
    ) -> Result<Control, Fault> {
        if !self.admit(head.sequence, facts) {
            cursor.skip()?;
            return Ok(Control::None);
        }
        self.at = At::Channel(channel);
        let mut control = Control::None;
        let mut events = cursor.array()?;
        while events.next_item(cursor)? {
            let start = cursor.clone();
            self.at = At::Channel(channel);
            match self.event(channel, head, cursor, facts) {
                Ok(Control::None) => {}
                Ok(news) => control = news,
                // The other events of the message are still good.
                Err(fault) => {
                    self.fault(&fault, facts);
                    *cursor = start;
                    cursor.skip()?;
                }
            }
        }
        Ok(control)
    }

    /// The sequence check (Coinbase reference 6.2). False: the message is old, or repeated, and must be ignored.
    #[inline]
    fn admit(&mut self, number: Option<u64>, facts: &mut impl Facts) -> bool {
        let Some(number) = number else {
            facts.anomaly(Anomaly::Malformed, "message without sequence_num");
            return true;
        };
        match self.sequence.check(number) {
            sequence::Verdict::Next => true,
            sequence::Verdict::Missed(missed) | sequence::Verdict::Restarted(missed) => {
                self.doubt_all();
                facts.gap(GapScope::Connection, GapCause::Sequence, missed);
                true
            }
            sequence::Verdict::Behind => {
                facts.anomaly(Anomaly::Malformed, "sequence_num not above the one before: ignored");
                false
            }
        }
    }

    #[inline]
    fn event(
        &mut self,
        channel: Channel,
        head: &Head<'_>,
        cursor: &mut Cursor<'_, '_>,
        facts: &mut impl Facts,
    ) -> Result<Control, Fault> {
        match channel {
            Channel::Book => self.rows(channel, "updates", head, cursor, facts),
            Channel::Trades => self.rows(channel, "trades", head, cursor, facts),
            Channel::Ticker | Channel::TickerBatch => self.rows(channel, "tickers", head, cursor, facts),
            Channel::Candles => self.rows(channel, "candles", head, cursor, facts),
            Channel::User => self.rows(channel, "orders", head, cursor, facts),
            Channel::Status => self.rows(channel, "products", head, cursor, facts),
            Channel::Heartbeats => self.heartbeat(cursor, facts),
            Channel::Subscriptions => self.subscriptions(cursor, facts),
            Channel::Futures => self.futures(head, cursor, facts),
            Channel::Unknown => {
                facts.anomaly(Anomaly::UnknownChannel, head.channel_name);
                cursor.skip()?;
                Ok(Control::None)
            }
        }
    }

    /// An event that is a type, perhaps a product, and an array of rows.
    #[inline(always)]
    fn rows(
        &mut self,
        channel: Channel,
        array: &'static str,
        head: &Head<'_>,
        cursor: &mut Cursor<'_, '_>,
        facts: &mut impl Facts,
    ) -> Result<Control, Fault> {
        let mut early = None;
        let mut control = None;
        let mut fields = cursor.object()?;
        // The recorded order is type, product_id, rows.
        let mut event = EventHead {
            kind: fields.next_strs(["type"], cursor).unwrap_or_default()[0],
            product: fields.next_strs(["product_id"], cursor).unwrap_or_default()[0],
        };
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "type" => event.kind = cursor.str()?,
                "product_id" => event.product = cursor.str()?,
                key if key == array => {
                    // Rows before what they need are read in a second look.
                    if !event.kind.is_empty() && (channel != Channel::Book || !event.product.is_empty()) {
                        control = Some(self.whole_array(channel, head, &event, cursor, facts)?);
                    } else {
                        early = Some(cursor.clone());
                        cursor.skip()?;
                    }
                }
                _ => cursor.skip()?,
            }
        }
        match (control, early) {
            (Some(control), _) => Ok(control),
            (None, Some(mut rows)) => self.whole_array(channel, head, &event, &mut rows, facts),
            (None, None) => Err(Fault::Missing { key: array }),
        }
    }

    #[inline]
    fn whole_array(
        &mut self,
        channel: Channel,
        head: &Head<'_>,
        event: &EventHead<'_>,
        cursor: &mut Cursor<'_, '_>,
        facts: &mut impl Facts,
    ) -> Result<Control, Fault> {
        let sequence = head.sequence.unwrap_or(0);
        match channel {
            Channel::Book if self.products.any_shared() => self.shared_books(sequence, event, cursor, facts)?,
            Channel::Book => {
                if let Some(mut book) = self.open_book(sequence, event, facts)? {
                    self.levels(&mut book, cursor, facts)?;
                    self.close_book(&mut book, facts);
                } else {
                    cursor.skip()?;
                }
            }
            Channel::Trades => {
                let snapshot = event.is_snapshot()?;
                self.trades.clear();
                self.trades(snapshot, sequence, cursor, facts)?;
                while self.tell_trades(facts) {}
            }
            Channel::Ticker | Channel::TickerBatch => {
                let (snapshot, time) = (event.is_snapshot()?, self.time(head.timestamp, facts));
                let batch = channel == Channel::TickerBatch;
                self.tickers(batch, snapshot, sequence, time, cursor, facts)?;
            }
            Channel::Candles => {
                let (snapshot, time) = (event.is_snapshot()?, self.time(head.timestamp, facts));
                self.candles(snapshot, sequence, time, cursor, facts)?;
            }
            Channel::User => {
                let (snapshot, time) = (event.is_snapshot()?, self.time(head.timestamp, facts));
                self.snapshot_rows = 0;
                self.orders(snapshot, time, cursor, facts)?;
                return Ok(self.snapshot_batch(snapshot, facts));
            }
            _ => {
                let (snapshot, time) = (event.is_snapshot()?, self.time(head.timestamp, facts));
                self.statuses(snapshot, time, cursor, facts)?;
            }
        }
        Ok(Control::None)
    }

    /// A time, or [`UnixNanos::NONE`] for none and, counted, for what is no time.
    #[inline]
    fn time(&mut self, text: &str, facts: &mut impl Facts) -> UnixNanos {
        match self.times.parse(text) {
            Ok(ns) => UnixNanos(ns),
            Err(_) => {
                facts.anomaly(Anomaly::BadTime, excerpt(text));
                UnixNanos::NONE
            }
        }
    }

    /// Error frames have no channel, time or sequence (Coinbase reference 6.1).
    #[cold]
    fn error_frame(&mut self, head: &Head<'_>, facts: &mut impl Facts) -> Control {
        if head.kind != "error" {
            facts.anomaly(Anomaly::Malformed, "message with neither channel nor type error");
            return Control::None;
        }
        facts.anomaly(Anomaly::VenueError, excerpt(head.message));
        self.error = InlineText::truncated(head.message);
        Control::Error
    }

    /// Announces a fault and doubts what it may have touched.
    #[cold]
    fn fault(&mut self, fault: &Fault, facts: &mut impl Facts) {
        announce(fault, facts);
        match std::mem::replace(&mut self.at, At::Start) {
            At::Start => {
                // It may have been anything, and its number is not known.
                self.sequence.lose_count();
                self.doubt_all();
                facts.gap(GapScope::Connection, GapCause::Malformed, 1);
            }
            At::Channel(Channel::Book) => {
                self.doubt_all();
                facts.gap(GapScope::Connection, GapCause::Malformed, 1);
            }
            At::Channel(Channel::User) => facts.gap(GapScope::Connection, GapCause::Malformed, 1),
            // Trades, tickers, acknowledgements: no state of anybody's hangs on them.
            At::Channel(_) => {}
            At::Book { index, begun } => {
                if begun {
                    facts.book_end(true);
                }
                self.doubt(index, GapCause::Malformed, facts);
            }
        }
    }

    /// The book of a stream is wrong, for every product that shares it.
    #[cold]
    fn doubt(&mut self, index: usize, cause: GapCause, facts: &mut impl Facts) {
        let mut next = Some(self.products.head_of(index));
        while let Some(member) = next {
            if let Some(product) = self.products.get_mut(member) {
                if member == index || product.book != BookState::Unwanted {
                    product.book = BookState::Doubtful;
                    self.doubts = true;
                    facts.gap(GapScope::Instrument(product.instrument), cause, 0);
                }
            }
            next = self.products.next_member(member);
        }
    }

    /// Every book of the connection may be wrong.
    #[cold]
    fn doubt_all(&mut self) {
        self.connection_gaps = self.connection_gaps.saturating_add(1);
        // Also without a book: the session counts.
        self.doubts = true;
        self.products.doubt_all();
    }
}

impl<'i> Head<'i> {
    #[inline]
    fn set_channel(&mut self, name: &'i str) {
        (self.channel_name, self.channel) = (name, Some(Channel::named(name)));
    }

    fn field(&mut self, key: &str, cursor: &mut Cursor<'_, 'i>) -> Result<(), JsonError> {
        match key {
            "channel" => self.set_channel(cursor.str()?),
            "timestamp" => self.timestamp = cursor.str_or_null()?.unwrap_or_default(),
            "sequence_num" => self.sequence = Some(cursor.u64_or_text()?),
            "type" => self.kind = cursor.str()?,
            "message" => self.message = cursor.str_or_null()?.unwrap_or_default(),
            // `client_id`, and whatever the venue adds without notice.
            _ => cursor.skip()?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
