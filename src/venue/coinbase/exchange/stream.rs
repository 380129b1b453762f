//! Exchange messages to facts (Coinbase reference 8).
//!
//! Owns the reading of one message at a time and the trade ids of each product. Guarantees that facts come in wire
//! order; that a trade which is missing is a gap of its product, whose book becomes [`BookState::Doubtful`]; that a
//! message which cannot be read is announced and what it may have changed doubted. Never waits.

use super::super::dialect::Dialect;
use super::super::products::{BookState, Products, TWINS_MAX};
use super::super::request::put_json_string;
use super::super::stream::{announce, excerpt, number, quote_words, Control, Fault, ListedSession, TickerText};
use super::super::subscribe::{Request, Topic};
use super::auth::ExchangeKey;
use super::book::OpenBook;
use super::messages::{Kind, Members, LONG_ARRAYS};
use super::trades::{TradeLine, Verdict};
use crate::codec::json::{Cursor, Plain};
use crate::codec::timestamp::Rfc3339Cache;
use crate::record::{BookSide, GapCause, InlineText, Side, Ticker, UnixNanos};
use crate::venue::{Anomaly, Channels, Facts, GapScope, QuoteFact, TickerFact, TradeFact};
use arrayvec::ArrayVec;

mod control;

/// Reads messages of the Exchange feed. One per connection.
#[derive(Debug)]
pub struct ExchangeDecoder {
    products: Products,
    /// Same index as in [`Products`].
    lines: Vec<TradeLine>,
    key: Option<ExchangeKey>,
    times: Rfc3339Cache,
    listed: ListedSession,
    doubts: bool,
    connection_gaps: u32,
    error: InlineText<64>,
    levels: usize,
    long: Long,
    /// The product whose book event is being read, if any: decides what a fault touches.
    at: At,
}

/// How far into the current message we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// It may be anything.
    Start,
    /// It changes no book.
    NoBook,
    /// In the book of this product.
    Book { index: usize, begun: bool },
}

/// The books of one stream.
type Books = ArrayVec<OpenBook, { TWINS_MAX + 1 }>;

/// A long message being read.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one per connection, in place: nothing is allocated per message")]
enum Long {
    /// No long array of it yet.
    None,
    /// The levels of this side come, or those of an update, which name theirs.
    Book(Books, Option<BookSide>),
    /// Of no use, or already given up.
    Ignored,
}

impl ExchangeDecoder {
    pub(super) fn new(key: Option<ExchangeKey>) -> ExchangeDecoder {
        ExchangeDecoder {
            products: Products::default(),
            lines: Vec::new(),
            key,
            times: Rfc3339Cache::new(),
            listed: ListedSession::default(),
            doubts: false,
            connection_gaps: 0,
            error: InlineText::EMPTY,
            levels: 0,
            long: Long::None,
            at: At::Start,
        }
    }

    #[inline]
    fn walk(&mut self, cursor: &mut Cursor<'_, '_>, facts: &mut impl Facts) -> Result<Control, Fault> {
        let all = Members::read(cursor)?;
        if !all.kind.is_book() {
            self.at = At::NoBook;
        }
        match all.kind {
            Kind::Snapshot | Kind::Update => self.whole_book(&all, facts)?,
            Kind::Match | Kind::LastMatch => self.trade(&all, facts)?,
            Kind::Ticker => self.ticker(&all, facts)?,
            Kind::Heartbeat => return Ok(self.heartbeat(&all, facts)),
            Kind::Subscriptions => return self.subscriptions(&all, facts),
            Kind::Error => return Ok(self.error_message(&all, facts)),
            Kind::Ignored => {}
            Kind::Unknown if all.kind_name.is_empty() => {
                // Without a type it may have been anything.
                self.at = At::Start;
                return Err(Fault::Missing { key: "type" });
            }
            Kind::Unknown => facts.anomaly(Anomaly::UnknownChannel, excerpt(all.kind_name)),
        }
        Ok(Control::None)
    }

    /// The product of a message; `None`, counted, if nobody asked for it.
    #[inline]
    fn product(&mut self, all: &Members<'_, '_>, facts: &mut impl Facts) -> Result<Option<usize>, Fault> {
        if all.product.is_empty() {
            return Err(Fault::Missing { key: "product_id" });
        }
        let index = self.products.find_streamed(all.product);
        if index.is_none() {
            facts.anomaly(Anomaly::UnknownInstrument, excerpt(all.product));
        }
        Ok(index)
    }

    fn line(&mut self, index: usize) -> Option<&mut TradeLine> {
        if self.lines.len() <= index {
            self.lines.resize(index.saturating_add(1), TradeLine::default());
        }
        self.lines.get_mut(index)
    }

    /// Opens the event of one product's book; `None` if it concerns nobody.
    #[inline]
    fn open_book(&mut self, index: usize, snapshot: bool) -> Option<OpenBook> {
        let product = self.products.get_mut(index)?;
        self.at = At::Book { index, begun: false };
        product.saw(Channels::BOOK);
        if !product.admits_book(snapshot) {
            return None;
        }
        let exponents = (product.price_exponent, product.size_exponent);
        Some(OpenBook::new(index, product.instrument, exponents, snapshot))
    }

    /// A book message that lies here whole, for every product of its stream.
    #[inline]
    fn whole_book(&mut self, all: &Members<'_, '_>, facts: &mut impl Facts) -> Result<(), Fault> {
        let Some(head) = self.product(all, facts)? else { return Ok(()) };
        self.at = At::Book { index: head, begun: false };
        let snapshot = all.kind == Kind::Snapshot;
        let time = self.time(all.time, facts);
        let arrays = if snapshot {
            [Some(("asks", &all.asks, Some(BookSide::Ask))), Some(("bids", &all.bids, Some(BookSide::Bid)))]
        } else {
            [Some(("changes", &all.changes, None)), None]
        };
        let mut next = Some(head);
        while let Some(index) = next {
            if let Some(mut book) = self.open_book(index, snapshot) {
                for (key, array, side) in arrays.iter().flatten() {
                    let mut array = (*array).clone().ok_or(Fault::Missing { key })?;
                    self.levels(&mut book, *side, time, &mut array, facts)?;
                }
                self.close_book(book, time, facts);
            }
            next = self.products.next_member(index);
        }
        Ok(())
    }

    /// Reads levels, `[price, size]` of one side or `[side, price, size]`, absolute sizes.
    #[inline]
    fn levels(
        &mut self,
        book: &mut OpenBook,
        side: Option<BookSide>,
        time: UnixNanos,
        cursor: &mut Cursor<'_, '_>,
        facts: &mut impl Facts,
    ) -> Result<(), Fault> {
        let mut items = cursor.array()?;
        while items.next_item(cursor)? {
            let mut parts = cursor.array()?;
            let mut part = |key| match parts.next_item(cursor)? {
                true => Ok(cursor.str()?),
                false => Err(Fault::Missing { key }),
            };
            let side = match side {
                Some(side) => side,
                None => match part("side")? {
                    "buy" => BookSide::Bid,
                    "sell" => BookSide::Ask,
                    _ => return Err(Fault::Value { key: "side" }),
                },
            };
            let price = number("price", part("price")?, book.exponents.0)?;
            let size = number("size", part("size")?, book.exponents.1)?;
            parts.skip_rest(cursor)?;
            book.level(side, price, size, time, facts);
            self.at = At::Book { index: book.index, begun: book.begun() };
            self.levels = self.levels.saturating_add(1);
        }
        Ok(())
    }

    /// The book is whole.
    #[inline]
    fn close_book(&mut self, book: OpenBook, time: UnixNanos, facts: &mut impl Facts) {
        let index = book.index;
        book.close(time, facts);
        self.at = At::Book { index, begun: false };
        if let Some(product) = self.products.get_mut(index) {
            product.book = BookState::Held;
        }
    }

    #[inline]
    fn trade(&mut self, all: &Members<'_, '_>, facts: &mut impl Facts) -> Result<(), Fault> {
        let Some(head) = self.product(all, facts)? else { return Ok(()) };
        self.saw(head, Channels::TRADES);
        // The one before the subscription: where the count of the others begins, and no news.
        let snapshot = all.kind == Kind::LastMatch;
        if all.trade_id == 0 {
            return Err(Fault::Missing { key: "trade_id" });
        }
        // Counted first: a trade that cannot be read is not one that was lost.
        let verdict = self.line(head).map_or(Verdict::Next, |line| match snapshot {
            true => {
                line.begin(all.trade_id);
                Verdict::Next
            }
            false => line.trade(all.trade_id),
        });
        match verdict {
            Verdict::Next => {}
            Verdict::Missed(missed) => self.doubt(head, GapCause::Sequence, missed, facts),
            Verdict::Behind => {
                facts.anomaly(Anomaly::Malformed, "trade_id not above the one before: ignored");
                return Ok(());
            }
        }
        // A match names the maker's side; records carry the aggressor's (Coinbase reference 8).
        let (side, venue_time) = (side(all.side)?.opposite(), self.time(all.time, facts));
        let mut next = Some(head);
        while let Some(index) = next {
            if let Some(product) = self.products.get(index).filter(|p| p.wanted.contains(Channels::TRADES)) {
                facts.trade(TradeFact {
                    instrument: product.instrument,
                    side,
                    price: number("price", all.price, product.price_exponent)?,
                    size: number("size", all.size, product.size_exponent)?,
                    trade_id: all.trade_id,
                    venue_time,
                    sequence: all.sequence,
                    snapshot,
                    last: true,
                });
            }
            next = self.products.next_member(index);
        }
        Ok(())
    }

    fn ticker(&mut self, all: &Members<'_, '_>, facts: &mut impl Facts) -> Result<(), Fault> {
        let Some(head) = self.product(all, facts)? else { return Ok(()) };
        self.saw(head, Channels::TICKER);
        let (venue_time, sequence, snapshot) = (self.time(all.time, facts), all.sequence, false);
        let text = TickerText { price: all.price, ..all.ticker };
        // A ticker names the taker's side, unlike a match (Coinbase reference 8); the first of a product has none.
        let last_side = if all.side.is_empty() { None } else { Some(side(all.side)?) };
        let ticker = Ticker { last_side, ..text.ticker(facts) };
        let mut next = Some(head);
        while let Some(index) = next {
            if let Some(product) = self.products.get(index).filter(|p| p.wanted.contains(Channels::TICKER)) {
                let instrument = product.instrument;
                facts.ticker(TickerFact { instrument, ticker, venue_time, sequence, snapshot });
                if let Some(words) = quote_words(&ticker, (product.price_exponent, product.size_exponent), facts) {
                    facts.quote(QuoteFact { instrument, words, venue_time, sequence, snapshot });
                }
            }
            next = self.products.next_member(index);
        }
        Ok(())
    }

    fn saw(&mut self, head: usize, channel: Channels) {
        if let Some(product) = self.products.get_mut(head) {
            product.saw(channel);
        }
    }

    /// A time, or [`UnixNanos::NONE`] for none and, counted, for what is no time.
    #[inline]
    fn time(&mut self, text: &str, facts: &mut impl Facts) -> UnixNanos {
        self.times.parse(text).map(UnixNanos).unwrap_or_else(|_| {
            facts.anomaly(Anomaly::BadTime, excerpt(text));
            UnixNanos::NONE
        })
    }

    /// Announces a fault and doubts what it may have touched.
    #[cold]
    fn fault(&mut self, fault: &Fault, facts: &mut impl Facts) {
        announce(fault, facts);
        match std::mem::replace(&mut self.at, At::Start) {
            At::Start => {
                self.connection_gaps = self.connection_gaps.saturating_add(1);
                self.doubts = true;
                self.products.doubt_all();
                facts.gap(GapScope::Connection, GapCause::Malformed, 1);
            }
            // A trade among them is missed by the next one; on the rest nothing of anybody's hangs.
            At::NoBook => {}
            At::Book { index, begun } => {
                if begun {
                    facts.book_end(true);
                }
                self.doubt(index, GapCause::Malformed, 0, facts);
            }
        }
    }

    /// The books of one stream may be wrong.
    #[cold]
    fn doubt(&mut self, index: usize, cause: GapCause, missed: u64, facts: &mut impl Facts) {
        let mut next = Some(self.products.head_of(index));
        while let Some(member) = next {
            if let Some(product) = self.products.get_mut(member) {
                if product.book != BookState::Unwanted {
                    product.book = BookState::Doubtful;
                    self.doubts = true;
                }
                if !product.wanted.is_empty() {
                    facts.gap(GapScope::Instrument(product.instrument), cause, missed);
                }
            }
            next = self.products.next_member(member);
        }
    }

    fn open_long(&mut self, all: &Members<'_, '_>, facts: &mut impl Facts) -> Result<bool, Fault> {
        let side = match (all.kind, all.last_array) {
            (Kind::Snapshot, "asks") => Some(BookSide::Ask),
            (Kind::Snapshot, "bids") => Some(BookSide::Bid),
            (Kind::Update, "changes") => None,
            (Kind::Unknown, _) if all.kind_name.is_empty() => return Err(Fault::Missing { key: "type" }),
            // An array by such a name in another message.
            (kind, _) => {
                if kind == Kind::Unknown {
                    facts.anomaly(Anomaly::UnknownChannel, excerpt(all.kind_name));
                }
                self.at = At::NoBook;
                self.long = Long::Ignored;
                return Ok(false);
            }
        };
        let books = match std::mem::replace(&mut self.long, Long::Ignored) {
            Long::Book(books, _) => books,
            Long::None => {
                let mut books = Books::new();
                let mut next = self.product(all, facts)?;
                while let Some(index) = next {
                    // A stream has no more members than there are places.
                    let _ = self.open_book(index, all.kind == Kind::Snapshot).map(|book| books.try_push(book));
                    next = self.products.next_member(index);
                }
                books
            }
            Long::Ignored => Books::new(),
        };
        if books.is_empty() {
            return Ok(false);
        }
        self.long = Long::Book(books, side);
        Ok(true)
    }

    /// Reads elements of a long array for every book of the stream.
    fn long_levels(
        &mut self,
        books: &mut Books,
        side: Option<BookSide>,
        cursor: &mut Cursor<'_, '_>,
        facts: &mut impl Facts,
    ) -> Result<(), Fault> {
        for book in books {
            // The time stands behind the levels: the message's last one brings it.
            self.levels(book, side, UnixNanos::NONE, &mut cursor.clone(), facts)?;
            book.cut(facts);
            self.at = At::Book { index: book.index, begun: false };
        }
        cursor.skip().map_err(Fault::from)
    }
}

impl Dialect for ExchangeDecoder {
    const LONG_ARRAYS: &'static [&'static str] = LONG_ARRAYS;
    const HEARTBEATS_NAME_PRODUCTS: bool = true;
    const SERVED: Channels = Channels::BOOK.with(Channels::TRADES).with(Channels::TICKER);

    /// Matches tell what the book channel cannot: that something was lost.
    fn widened(channels: Channels) -> Channels {
        match channels.contains(Channels::BOOK) {
            true => channels.with(Channels::TRADES),
            false => channels,
        }
    }

    fn products(&self) -> &Products {
        &self.products
    }

    fn products_mut(&mut self) -> &mut Products {
        &mut self.products
    }

    fn has_doubts(&self) -> bool {
        self.doubts
    }

    fn take_doubts(&mut self) -> bool {
        std::mem::take(&mut self.doubts)
    }

    fn note_doubt(&mut self) {
        self.doubts = true;
    }

    fn take_connection_gaps(&mut self) -> u32 {
        std::mem::take(&mut self.connection_gaps)
    }

    fn listed(&self) -> ListedSession {
        self.listed
    }

    fn error(&self) -> &str {
        self.error.as_str()
    }

    fn levels(&self) -> usize {
        self.levels
    }

    fn forget_levels(&mut self) {
        self.levels = 0;
    }

    fn opened(&mut self) {
        self.products.opened();
        self.lines.clear();
        self.listed = ListedSession::default();
        (self.doubts, self.connection_gaps, self.long) = (false, 0, Long::None);
    }

    #[inline]
    fn message(&mut self, plain: &mut Plain, text: &mut [u8], facts: &mut impl Facts) -> Control {
        self.at = At::Start;
        match plain.parse(&mut *text, |cursor| self.walk(cursor, facts)) {
            Ok(control) => control,
            Err(Fault::Json(error)) if error.is_of_bad_utf8(text) => Control::NotUtf8,
            Err(fault) => {
                self.fault(&fault, facts);
                Control::None
            }
        }
    }

    fn long_begins(&mut self) {
        self.at = At::Start;
        self.long = Long::None;
    }

    fn long_head(&mut self, plain: &mut Plain, text: &mut [u8], facts: &mut impl Facts) -> bool {
        let opened = plain.parse(text, |cursor| {
            let all = Members::read(cursor)?;
            self.open_long(&all, facts)
        });
        opened.unwrap_or_else(|fault| {
            self.long_failed(&fault, facts);
            false
        })
    }

    fn long_elements(&mut self, plain: &mut Plain, text: &mut [u8], _: bool, facts: &mut impl Facts) -> bool {
        let Long::Book(mut books, side) = std::mem::replace(&mut self.long, Long::Ignored) else { return false };
        let read = plain.parse(text, |cursor| self.long_levels(&mut books, side, cursor, facts));
        match read {
            Ok(()) => self.long = Long::Book(books, side),
            Err(fault) => self.long_failed(&fault, facts),
        }
        matches!(self.long, Long::Book(..))
    }

    fn long_end(&mut self, plain: &mut Plain, text: &mut [u8], facts: &mut impl Facts) -> Control {
        match std::mem::replace(&mut self.long, Long::Ignored) {
            // No long array in it: fragmented by the venue rather than long. This is all of it.
            Long::None => return self.message(plain, text, facts),
            Long::Ignored => {}
            Long::Book(books, _) => {
                let read = plain.parse(text, |cursor| {
                    let all = Members::read(cursor)?;
                    for (array, key) in [(&all.asks, "asks"), (&all.bids, "bids")] {
                        if all.kind == Kind::Snapshot && array.is_none() {
                            return Err(Fault::Missing { key });
                        }
                    }
                    Ok(self.time(all.time, facts))
                });
                match read {
                    Ok(time) => books.into_iter().for_each(|book| self.close_book(book, time, facts)),
                    Err(fault) => self.long_failed(&fault, facts),
                }
            }
        }
        Control::None
    }

    fn long_failed(&mut self, fault: &Fault, facts: &mut impl Facts) {
        self.fault(fault, facts);
        self.long = Long::Ignored;
    }

    fn long_rest(&mut self, _: &mut impl Facts) -> bool {
        false
    }

    fn put_channel(&self, request: Request, _: Option<&str>, now: UnixNanos, text: &mut Vec<u8>) -> bool {
        text.extend_from_slice(b",\"channels\":[");
        let book = if self.key.is_some() { "level2" } else { "level2_batch" };
        put_json_string(
            text,
            match request.topic {
                // There is no user channel here: a session for one is never made.
                Topic::Heartbeats | Topic::User | Topic::FuturesBalance => "heartbeat",
                Topic::Market(0) => "matches",
                Topic::Market(1) => "ticker",
                // The others are not served: see `SERVED`.
                Topic::Market(_) => book,
            },
        );
        text.push(b']');
        if let Some(key) = self.key.as_ref().filter(|_| request.subscribe) {
            key.put_signature(now, text);
            return true;
        }
        false
    }
}

/// `buy` or `sell`.
#[inline]
fn side(text: &str) -> Result<Side, Fault> {
    match text {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        "" => Err(Fault::Missing { key: "side" }),
        _ => Err(Fault::Value { key: "side" }),
    }
}
