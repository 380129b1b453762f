//! Stream messages to facts: trades, aggregated trades, diffs, partial books, quotes, tickers, candles, and what the venue
//! says about the stream itself (Binance.US reference 6).
//!
//! Owns the reading of one message at a time: what comes most in the form it was always recorded in, without a tape; the
//! rest, and anything unusual, in one forward walk of its tape in wire order. Guarantees that a message
//! which cannot be read is announced and that no book it may have changed stays silently wrong; that an event which came
//! already over another connection is not told again; and that keys which differ only by case are kept apart. Never
//! decides what to subscribe, never sends, never waits.

use super::book_sync::{Admission, KeptLevel};
use super::market_data::{MarketData, Parts, Statistic};
use crate::codec::json::{Cursor, Fields, Items, JsonError, Plain};
use crate::record::{BookSide, InlineText, UnixNanos};
use crate::venue::fault::{announce, excerpt, number, Fault};
use crate::venue::{Anomaly, BookEvent, BookEventKind, Facts, LEVELS_PER_CALL_MAX};

mod depth;
mod recorded;
mod sliced;
mod statistics;
mod trades;

pub(super) use depth::put_levels;
pub(super) use sliced::LONG_ARRAYS;

/// What a message was, as far as the session must act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    /// Data, or nothing of use.
    None,
    /// The request with this id is done.
    Done(u64),
    /// A request was refused; [`Decoder::error`] is what the venue says.
    Refused(Option<u64>),
    /// The server will close this connection.
    Shutdown,
    /// The message was not UTF-8.
    NotUtf8,
}

/// Reads the messages of one market connection.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// What the last error said.
    pub error: InlineText<64>,
    /// Levels told by the last message.
    pub levels: usize,
    at: At,
    long: Option<sliced::Section>,
}

/// How far into the current message we are: decides what a fault touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum At {
    /// Nothing known of it yet.
    #[default]
    Start,
    /// No state of anybody's hangs on it.
    Harmless,
    /// In a diff of this product.
    Diff { index: usize, begun: bool },
    /// In a partial book, of which a whole one follows soon.
    Partial { begun: bool },
}

/// What every reading function of one message needs.
pub(super) struct Ctx<'a, F> {
    pub now: UnixNanos,
    pub data: &'a mut MarketData,
    pub facts: &'a mut F,
}

impl Decoder {
    /// Forgets the connection.
    pub fn opened(&mut self) {
        *self = Decoder::default();
    }

    /// Reads one whole message.
    #[inline]
    pub fn message<F: Facts>(&mut self, plain: &mut Plain, text: &mut [u8], ctx: &mut Ctx<'_, F>) -> Control {
        (self.at, self.levels) = (At::Start, 0);
        match self.recorded(text, ctx) {
            Some(()) => Control::None,
            None => self.plain_message(plain, text, ctx),
        }
    }

    /// The plain way, which reads any form.
    pub fn plain_message<F: Facts>(&mut self, plain: &mut Plain, text: &mut [u8], ctx: &mut Ctx<'_, F>) -> Control {
        (self.at, self.levels) = (At::Start, 0);
        let read = plain.parse(&mut *text, |cursor| self.walk(cursor, ctx));
        match read {
            Ok(control) => control,
            Err(Fault::Json(error)) if error.is_of_bad_utf8(text) => Control::NotUtf8,
            Err(fault) => {
                if self.at == At::Start {
                    self.locate(text, ctx);
                }
                self.fault(&fault, ctx);
                Control::None
            }
        }
    }

    #[inline]
    fn walk<F: Facts>(&mut self, cursor: &mut Cursor<'_, '_>, ctx: &mut Ctx<'_, F>) -> Result<Control, Fault> {
        let mut stream = "";
        let mut early = None;
        let mut control = None;
        let mut reply = Reply::default();
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "stream" => stream = cursor.str()?,
                // The recorded order is stream, data; anything else is read in a second look.
                "data" if stream.is_empty() => {
                    early = Some(cursor.clone());
                    cursor.skip()?;
                }
                "data" => control = Some(self.data(stream, cursor, ctx)?),
                // No envelope: the message is the event.
                "e" => {
                    let kind = cursor.str()?;
                    return self.event(kind, "", fields, cursor, ctx);
                }
                _ => reply.field(key, cursor)?,
            }
        }
        if let Some(mut data) = early {
            control = Some(self.data(stream, &mut data, ctx)?);
        }
        match control {
            Some(control) => Ok(control),
            None => Ok(self.reply(&reply, ctx.facts)),
        }
    }

    /// The payload of the combined envelope.
    #[inline]
    fn data<F: Facts>(
        &mut self,
        stream: &str,
        cursor: &mut Cursor<'_, '_>,
        ctx: &mut Ctx<'_, F>,
    ) -> Result<Control, Fault> {
        let start = cursor.clone();
        let mut fields = cursor.object()?;
        match fields.next_key(cursor)? {
            Some("e") => {
                let kind = cursor.str()?;
                self.event(kind, stream, fields, cursor, ctx)
            }
            // Quotes and partial books have no `e` (Binance.US reference 6).
            Some("u") => {
                let id = cursor.u64()?;
                self.quote(id, fields, cursor, ctx)
            }
            Some("lastUpdateId") => {
                let id = cursor.u64()?;
                self.partial(id, stream, fields, cursor, ctx)
            }
            _ => {
                *cursor = start;
                self.data_in_another_order(stream, cursor, ctx)
            }
        }
    }

    /// The key that tells the kind does not come first.
    #[cold]
    fn data_in_another_order<F: Facts>(
        &mut self,
        stream: &str,
        cursor: &mut Cursor<'_, '_>,
        ctx: &mut Ctx<'_, F>,
    ) -> Result<Control, Fault> {
        let (mut kind, mut update, mut snapshot) = ("", None, None);
        let mut look = cursor.clone();
        let mut fields = look.object()?;
        while let Some(key) = fields.next_key(&mut look)? {
            match key {
                "e" => kind = look.str()?,
                "u" => update = Some(look.u64()?),
                "lastUpdateId" => snapshot = Some(look.u64()?),
                _ => look.skip()?,
            }
        }
        let fields = cursor.object()?;
        match (kind, update, snapshot) {
            ("", Some(id), _) => self.quote(id, fields, cursor, ctx),
            ("", None, Some(id)) => self.partial(id, stream, fields, cursor, ctx),
            ("", None, None) => Err(Fault::Missing { key: "e" }),
            (kind, ..) => self.event(kind, stream, fields, cursor, ctx),
        }
    }

    #[inline]
    fn event<F: Facts>(
        &mut self,
        kind: &str,
        stream: &str,
        fields: Fields,
        cursor: &mut Cursor<'_, '_>,
        ctx: &mut Ctx<'_, F>,
    ) -> Result<Control, Fault> {
        if kind == "depthUpdate" {
            return self.diff(stream, fields, cursor, ctx);
        }
        self.at = At::Harmless;
        match kind {
            "trade" => self.trade(fields, cursor, ctx)?,
            "aggTrade" => self.aggregated(fields, cursor, ctx)?,
            "24hrTicker" => self.ticker(Statistic::Ticker, fields, cursor, ctx)?,
            "24hrMiniTicker" => self.ticker(Statistic::MiniTicker, fields, cursor, ctx)?,
            "kline" => self.candle(fields, cursor, ctx)?,
            "serverShutdown" => {
                fields.skip_rest(cursor)?;
                return Ok(Control::Shutdown);
            }
            unknown => {
                ctx.facts.anomaly(Anomaly::UnknownChannel, excerpt(unknown));
                fields.skip_rest(cursor)?;
            }
        }
        Ok(Control::None)
    }

    /// An answer to a request of ours.
    fn reply(&mut self, reply: &Reply<'_>, facts: &mut impl Facts) -> Control {
        self.at = At::Harmless;
        if reply.failed {
            facts.anomaly(Anomaly::VenueError, excerpt(reply.message));
            self.error = InlineText::truncated(reply.message);
            return Control::Refused(reply.id);
        }
        match reply.id {
            Some(id) if reply.result => Control::Done(id),
            _ => {
                facts.anomaly(Anomaly::Malformed, "message with neither data nor result");
                Control::None
            }
        }
    }

    /// The message is no JSON: its beginning may still say whose it is.
    #[cold]
    fn locate<F>(&mut self, text: &[u8], ctx: &mut Ctx<'_, F>) {
        let name = text.strip_prefix(b"{\"stream\":\"").and_then(|rest| {
            let end = rest.iter().position(|byte| *byte == b'"')?;
            std::str::from_utf8(rest.get(..end)?).ok()
        });
        let Some((symbol, suffix)) = name.and_then(|name| name.split_once('@')) else { return };
        let Some(index) = ctx.data.products.find_stream(symbol) else { return };
        let diff = suffix == "depth" || suffix.starts_with("depth@");
        self.at = if diff { At::Diff { index, begun: false } } else { At::Harmless };
    }

    /// Announces a fault and doubts what it may have touched.
    #[cold]
    fn fault<F: Facts>(&mut self, fault: &Fault, ctx: &mut Ctx<'_, F>) {
        announce(fault, ctx.facts);
        match std::mem::take(&mut self.at) {
            // It may have been anything: any book of the venue may have missed a diff by it.
            At::Start => ctx.data.all_broken(ctx.now, ctx.facts),
            At::Harmless => {}
            At::Diff { index, begun } => {
                if begun {
                    ctx.facts.book_end(true);
                }
                ctx.data.diff_broken(ctx.now, index, ctx.facts);
            }
            At::Partial { begun } => {
                if begun {
                    ctx.facts.book_end(true);
                }
            }
        }
    }
}

/// An answer to a request, in any of its forms (Binance.US reference 6, control messages).
#[derive(Debug, Default)]
struct Reply<'i> {
    id: Option<u64>,
    result: bool,
    failed: bool,
    message: &'i str,
}

impl<'i> Reply<'i> {
    fn field(&mut self, key: &str, cursor: &mut Cursor<'_, 'i>) -> Result<(), JsonError> {
        match key {
            "result" => {
                self.result = true;
                cursor.skip()?;
            }
            "id" => {
                if !cursor.take_null() {
                    self.id = Some(cursor.u64_or_text()?);
                }
            }
            "error" if !cursor.take_null() => {
                let mut fields = cursor.object()?;
                while let Some(key) = fields.next_key(cursor)? {
                    self.failure(key, cursor)?;
                }
                self.failed = true;
            }
            "error" => {}
            _ => self.failure(key, cursor)?,
        }
        Ok(())
    }

    fn failure(&mut self, key: &str, cursor: &mut Cursor<'_, 'i>) -> Result<(), JsonError> {
        match key {
            "code" => {
                self.failed = true;
                cursor.skip()
            }
            "msg" => {
                self.message = cursor.str_or_null()?.unwrap_or_default();
                Ok(())
            }
            _ => cursor.skip(),
        }
    }
}

/// Times are milliseconds; microseconds should the venue be told to send them (Binance.US reference 6).
#[inline]
pub(super) fn venue_time(number: u64) -> UnixNanos {
    /// Milliseconds of the year 5138: anything above is in microseconds.
    const MILLIS_MAX: u64 = 100_000_000_000_000;
    if number < MILLIS_MAX {
        UnixNanos::NONE.plus_ms(number)
    } else {
        UnixNanos(number.saturating_mul(1_000))
    }
}
