//! The public channels: book levels, trades, tickers, heartbeats, acknowledgements.

use super::super::products::BookState;
use super::{excerpt, At, Channel, Control, Decoder, EventHead, Fault};
use crate::codec::json::Cursor;
use crate::record::{parse_any, BookSide, Fixed, Fixed128, InstrumentId, Ticker, UnixNanos};
use crate::venue::fault::{number, side};
use crate::venue::{
    Anomaly, BookEvent, BookEventKind, Channels, Facts, QuoteFact, StreamFact, SubscribedChannel, TickerFact,
    TradeFact, LEVELS_PER_CALL_MAX,
};

/// A book event being told, perhaps over several calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenBook {
    index: usize,
    instrument: InstrumentId,
    price_exponent: i8,
    size_exponent: i8,
    sequence: u64,
    /// Of the next part.
    kind: BookEventKind,
    /// Levels in the part begun; `None` between parts.
    part_levels: Option<usize>,
    /// The final part was ended.
    ended: bool,
}

/// One level as sent.
#[derive(Debug, Clone, Copy)]
struct LevelText<'i> {
    side: &'i str,
    time: &'i str,
    price: &'i str,
    size: &'i str,
}

impl Decoder {
    /// Opens a book event; `None` if it concerns nobody.
    #[inline(always)]
    pub(super) fn open_book(
        &mut self,
        sequence: u64,
        event: &EventHead<'_>,
        facts: &mut impl Facts,
    ) -> Result<Option<OpenBook>, Fault> {
        if event.product.is_empty() {
            return Err(Fault::Missing { key: "product_id" });
        }
        let Some(index) = self.products.find_streamed(event.product) else {
            facts.anomaly(Anomaly::UnknownInstrument, excerpt(event.product));
            return Ok(None);
        };
        self.open_book_of(index, sequence, event)
    }

    /// The same for a product of the event's stream.
    #[inline]
    pub(super) fn open_book_of(
        &mut self,
        index: usize,
        sequence: u64,
        event: &EventHead<'_>,
    ) -> Result<Option<OpenBook>, Fault> {
        let Some(product) = self.products.get_mut(index) else { return Ok(None) };
        self.at = At::Book { index, begun: false };
        product.saw(Channels::BOOK);
        let snapshot = event.is_snapshot()?;
        if !product.admits_book(snapshot) {
            return Ok(None);
        }
        Ok(Some(OpenBook {
            index,
            instrument: product.instrument,
            price_exponent: product.price_exponent,
            size_exponent: product.size_exponent,
            sequence,
            kind: if snapshot { BookEventKind::SnapshotFirst } else { BookEventKind::Update },
            part_levels: None,
            ended: false,
        }))
    }

    /// Tells the levels of one array; the part begun stays open.
    #[inline]
    pub(super) fn levels(
        &mut self,
        book: &mut OpenBook,
        cursor: &mut Cursor<'_, '_>,
        facts: &mut impl Facts,
    ) -> Result<(), Fault> {
        let mut items = cursor.array()?;
        while items.next_item(cursor)? {
            let level = LevelText::read(cursor)?;
            let side = match level.side {
                "bid" => BookSide::Bid,
                "offer" => BookSide::Ask,
                "" => return Err(Fault::Missing { key: "side" }),
                _ => return Err(Fault::Value { key: "side" }),
            };
            let price = number("price_level", level.price, book.price_exponent)?;
            let size = number("new_quantity", level.size, book.size_exponent)?;
            if book.part_levels.is_none_or(|levels| levels >= LEVELS_PER_CALL_MAX) {
                // All levels of a frame share one time (Coinbase reference 6.4): the first one's is the part's.
                let time = self.time(level.time, facts);
                self.begin_part(book, time, facts);
            }
            self.level(book, (side, price, size), facts);
        }
        Ok(())
    }

    /// Tells a level of the part begun.
    #[inline(always)]
    pub(super) fn level(
        &mut self,
        book: &mut OpenBook,
        (side, price, size): (BookSide, i64, i64),
        facts: &mut impl Facts,
    ) {
        facts.level(side, price, size);
        book.part_levels = book.part_levels.map(|levels| levels.saturating_add(1));
        self.levels = self.levels.saturating_add(1);
    }

    pub(super) fn begin_part(&mut self, book: &mut OpenBook, venue_time: UnixNanos, facts: &mut impl Facts) {
        if book.part_levels.is_some() {
            facts.book_end(false);
        }
        let OpenBook { instrument, kind, sequence, .. } = *book;
        facts.book(BookEvent { instrument, kind, venue_time, sequence });
        self.at = At::Book { index: book.index, begun: true };
        book.part_levels = Some(0);
        if kind == BookEventKind::SnapshotFirst {
            book.kind = BookEventKind::SnapshotMore;
        }
    }

    /// Ends the part begun, more to follow.
    pub(super) fn cut_book(&mut self, book: &mut OpenBook, facts: &mut impl Facts) {
        if book.part_levels.take().is_some() {
            facts.book_end(false);
            self.at = At::Book { index: book.index, begun: false };
        }
    }

    /// Ends the event: the book is whole.
    #[inline]
    pub(super) fn close_book(&mut self, book: &mut OpenBook, facts: &mut impl Facts) {
        if book.ended {
            return;
        }
        if book.part_levels.is_none() {
            // Without levels: an empty snapshot still empties the book.
            self.begin_part(book, UnixNanos::NONE, facts);
        }
        facts.book_end(true);
        book.ended = true;
        self.at = At::Book { index: book.index, begun: false };
        if let Some(product) = self.products.get_mut(book.index) {
            product.book = BookState::Held;
        }
    }

    /// Buffers the trades of one array, as sent.
    pub(super) fn trades(
        &mut self,
        snapshot: bool,
        sequence: u64,
        cursor: &mut Cursor<'_, '_>,
        facts: &mut impl Facts,
    ) -> Result<(), Fault> {
        let mut items = cursor.array()?;
        while items.next_item(cursor)? {
            let start = cursor.clone();
            match self.trade(snapshot, sequence, cursor, facts) {
                Ok(()) => {}
                Err(fault) => {
                    self.fault(&fault, facts);
                    self.at = At::Channel(Channel::Trades);
                    *cursor = start;
                    cursor.skip()?;
                }
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn trade(
        &mut self,
        snapshot: bool,
        sequence: u64,
        cursor: &mut Cursor<'_, '_>,
        facts: &mut impl Facts,
    ) -> Result<(), Fault> {
        let TradeText { product, id: trade_id, price, size, time, side: maker } = TradeText::read(cursor)?;
        let Some(index) = self.products.find_streamed(product) else {
            facts.anomaly(Anomaly::UnknownInstrument, excerpt(product));
            return Ok(());
        };
        // The venue names the maker's side; records carry the aggressor's (Coinbase reference 6.5).
        let side = side("side", maker)?.opposite();
        let venue_time = self.time(time, facts);
        let mut next = Some(index);
        while let Some(index) = next {
            let Some(product) = self.products.get_mut(index) else { break };
            product.saw(Channels::TRADES);
            if product.wanted.contains(Channels::TRADES) {
                let trade = TradeFact {
                    instrument: product.instrument,
                    side,
                    price: number("price", price, product.price_exponent)?,
                    size: number("size", size, product.size_exponent)?,
                    trade_id,
                    venue_time,
                    sequence,
                    snapshot,
                    last: false,
                };
                self.buffer_trade(trade, facts);
            }
            next = self.products.next_member(index);
            self.trades_shared |= next.is_some();
        }
        Ok(())
    }

    #[inline]
    pub(super) fn buffer_trade(&mut self, trade: TradeFact, facts: &mut impl Facts) {
        if self.trades.len() >= super::super::limits::TRADES_BUFFERED_MAX {
            // None is lost, but beyond the buffer the order is that of the pieces.
            facts.anomaly(Anomaly::TooLarge, "more trades in one message than are turned round");
            while self.tell_trades(facts) {}
        }
        self.trades.push(trade);
    }

    /// Tells up to [`LEVELS_PER_CALL_MAX`] buffered trades, oldest first; true if more are left.
    pub(super) fn tell_trades(&mut self, facts: &mut impl Facts) -> bool {
        // Newest first on the wire in every recorded message (Coinbase reference 6.5). Should that change, the ids say.
        if self.trades_shared {
            // One product after the other, each as it would come alone.
            self.trades.sort_unstable_by_key(|t| (t.instrument.0, std::cmp::Reverse(t.trade_id)));
        } else if let (Some(first), Some(last)) = (self.trades.first(), self.trades.last()) {
            if first.trade_id < last.trade_id {
                self.trades.reverse();
            }
        }
        for _ in 0..LEVELS_PER_CALL_MAX {
            let Some(trade) = self.trades.pop() else { break };
            let next = self.trades.last();
            let last = next.is_none_or(|next| self.trades_shared && next.instrument != trade.instrument);
            facts.trade(TradeFact { last, ..trade });
        }
        let more = !self.trades.is_empty();
        self.trades_shared &= more;
        more
    }

    pub(super) fn tickers(
        &mut self,
        batch: bool,
        snapshot: bool,
        sequence: u64,
        venue_time: UnixNanos,
        cursor: &mut Cursor<'_, '_>,
        facts: &mut impl Facts,
    ) -> Result<(), Fault> {
        let mut items = cursor.array()?;
        while items.next_item(cursor)? {
            let text = TickerText::read(cursor)?;
            let Some(index) = self.products.find_streamed(text.product) else {
                facts.anomaly(Anomaly::UnknownInstrument, excerpt(text.product));
                continue;
            };
            let ticker = text.ticker(facts);
            let channel = if batch { Channels::TICKER_BATCH } else { Channels::TICKER };
            let mut next = Some(index);
            while let Some(index) = next {
                next = self.products.next_member(index);
                let Some(product) = self.products.get_mut(index) else { break };
                product.saw(channel);
                // All texts empty has been seen (Coinbase reference 6.6): no news.
                if ticker == Ticker::default() || !product.wanted.contains(channel) {
                    continue;
                }
                let instrument = product.instrument;
                let fact = TickerFact { instrument, ticker, venue_time, sequence, snapshot };
                if batch {
                    // Without the quote's figures (Coinbase reference 6.6).
                    facts.ticker_batch(fact);
                    continue;
                }
                facts.ticker(fact);
                let exponents = (product.price_exponent, product.size_exponent);
                if let Some(words) = quote_words(&ticker, exponents, facts) {
                    facts.quote(QuoteFact { instrument, words, venue_time, sequence, snapshot });
                }
            }
        }
        Ok(())
    }

    pub(super) fn heartbeat(&mut self, cursor: &mut Cursor<'_, '_>, facts: &mut impl Facts) -> Result<Control, Fault> {
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                // The server's uptime in seconds: says nothing about loss, the sequence does. Read for its form only.
                "heartbeat_counter" => drop(cursor.u64_or_text()?),
                _ => cursor.skip()?,
            }
        }
        facts.stream(StreamFact::Heartbeat);
        Ok(Control::Heartbeat)
    }

    /// An acknowledgement lists the whole current set (Coinbase reference 6.1).
    pub(super) fn subscriptions(
        &mut self,
        cursor: &mut Cursor<'_, '_>,
        facts: &mut impl Facts,
    ) -> Result<Control, Fault> {
        for product in self.products.iter_mut() {
            product.listed = Channels::NONE;
        }
        self.listed = super::ListedSession::default();
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            if key != "subscriptions" {
                cursor.skip()?;
                continue;
            }
            let mut channels = cursor.object()?;
            while let Some(channel) = channels.next_key(cursor)? {
                let set = match channel {
                    "level2" => Channels::BOOK,
                    "market_trades" => Channels::TRADES,
                    "ticker" => Channels::TICKER,
                    "ticker_batch" => Channels::TICKER_BATCH,
                    "candles" => Channels::CANDLES,
                    "status" => Channels::STATUS,
                    // Lists itself, and the user's own id.
                    "heartbeats" | "user" | "futures_balance_summary" => {
                        self.listed.heartbeats |= channel == "heartbeats";
                        self.listed.user |= channel == "user";
                        self.listed.futures |= channel == "futures_balance_summary";
                        cursor.skip()?;
                        continue;
                    }
                    other => {
                        facts.anomaly(Anomaly::UnknownChannel, excerpt(other));
                        cursor.skip()?;
                        continue;
                    }
                };
                self.products.list(set, cursor, facts)?;
            }
        }
        Ok(Control::Listed)
    }
}

impl<'i> LevelText<'i> {
    #[inline(always)]
    fn read(cursor: &mut Cursor<'_, 'i>) -> Result<LevelText<'i>, Fault> {
        let mut fields = cursor.object()?;
        // In the recorded order (Coinbase reference 6.4); the loop reads any other.
        let keys = ["side", "event_time", "price_level", "new_quantity"];
        let [side, time, price, size] = fields.next_strs(keys, cursor).unwrap_or_default();
        let mut level = LevelText { side, time, price, size };
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "side" => level.side = cursor.str()?,
                "event_time" => level.time = cursor.str_or_null()?.unwrap_or_default(),
                "price_level" => level.price = cursor.str()?,
                "new_quantity" => level.size = cursor.str()?,
                _ => cursor.skip()?,
            }
        }
        Ok(level)
    }
}

/// One trade as sent.
#[derive(Debug, Clone, Copy, Default)]
struct TradeText<'i> {
    product: &'i str,
    id: u64,
    price: &'i str,
    size: &'i str,
    time: &'i str,
    side: &'i str,
}

impl<'i> TradeText<'i> {
    // Always in line, as is all that makes up the walk over a message: returned through memory, the parts of a result
    // are read again before they have been written, which costs more than reading the message.
    #[inline(always)]
    fn read(cursor: &mut Cursor<'_, 'i>) -> Result<TradeText<'i>, Fault> {
        let mut fields = cursor.object()?;
        // In the recorded order (Coinbase reference 6.5); the loop reads any other.
        let (product, id) = match fields.next_strs(["product_id", "trade_id"], cursor) {
            Some([product, id]) => (product, cursor.u64_of(id)?),
            None => ("", 0),
        };
        let [price, size, time, side] = fields.next_strs(["price", "size", "time", "side"], cursor).unwrap_or_default();
        let mut trade = TradeText { product, id, price, size, time, side };
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "product_id" => trade.product = cursor.str()?,
                "trade_id" => trade.id = cursor.u64_or_text()?,
                "price" => trade.price = cursor.str()?,
                "size" => trade.size = cursor.str()?,
                "time" => trade.time = cursor.str_or_null()?.unwrap_or_default(),
                "side" => trade.side = cursor.str()?,
                _ => cursor.skip()?,
            }
        }
        Ok(trade)
    }
}

/// A ticker as sent; `ticker_batch` lacks the four quote keys, and all may be empty (Coinbase reference 6.6).
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::venue::coinbase) struct TickerText<'i> {
    pub product: &'i str,
    pub price: &'i str,
    pub bid: &'i str,
    pub bid_size: &'i str,
    pub ask: &'i str,
    pub ask_size: &'i str,
    pub volume: &'i str,
    pub low: &'i str,
    pub high: &'i str,
    pub change: &'i str,
}

impl<'i> TickerText<'i> {
    fn read(cursor: &mut Cursor<'_, 'i>) -> Result<TickerText<'i>, Fault> {
        let mut text = TickerText::default();
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            let field = match key {
                "product_id" => &mut text.product,
                "price" => &mut text.price,
                "best_bid" => &mut text.bid,
                "best_bid_quantity" => &mut text.bid_size,
                "best_ask" => &mut text.ask,
                "best_ask_quantity" => &mut text.ask_size,
                "volume_24_h" => &mut text.volume,
                "low_24_h" => &mut text.low,
                "high_24_h" => &mut text.high,
                "price_percent_chg_24_h" => &mut text.change,
                _ => {
                    cursor.skip()?;
                    continue;
                }
            };
            *field = cursor.str_or_null()?.unwrap_or_default();
        }
        Ok(text)
    }

    pub fn ticker(&self, facts: &mut impl Facts) -> Ticker {
        Ticker {
            price: figure(self.price, facts),
            bid: figure(self.bid, facts),
            bid_size: figure(self.bid_size, facts),
            ask: figure(self.ask, facts),
            ask_size: figure(self.ask_size, facts),
            volume_24h: figure(self.volume, facts),
            low_24h: figure(self.low, facts),
            high_24h: figure(self.high, facts),
            change_24h_percent: figure(self.change, facts),
            last_side: None,
        }
    }
}

/// A figure; `None` for none and, counted, for what does not fit.
fn figure(text: &str, facts: &mut impl Facts) -> Option<Fixed> {
    if text.is_empty() {
        return None;
    }
    let narrow = fixed("figure", text);
    if narrow.is_err() {
        facts.anomaly(Anomaly::Number, excerpt(text));
    }
    narrow.ok()
}

/// A figure at the exponent it was sent with.
pub(super) fn fixed(key: &'static str, text: &str) -> Result<Fixed, Fault> {
    let narrow = parse_any(text.as_bytes()).and_then(|wide: Fixed128| {
        let mantissa = i64::try_from(wide.mantissa()).map_err(|_| crate::record::DecimalError::Overflow)?;
        Ok(Fixed::new(mantissa, wide.exponent()))
    });
    narrow.map_err(|error| Fault::Number { key, error })
}

/// The quote a ticker carries, if it carries all four figures and they fit.
pub(in crate::venue::coinbase) fn quote_words(
    ticker: &Ticker,
    (price, size): (i8, i8),
    facts: &mut impl Facts,
) -> Option<[i64; 4]> {
    let (bid, bid_size, ask, ask_size) = (ticker.bid?, ticker.bid_size?, ticker.ask?, ticker.ask_size?);
    let scaled = (bid.rescale(price), bid_size.rescale(size), ask.rescale(price), ask_size.rescale(size));
    if let (Ok(bid), Ok(bid_size), Ok(ask), Ok(ask_size)) = scaled {
        return Some([bid, bid_size, ask, ask_size]);
    }
    facts.anomaly(Anomaly::Number, "quote of a ticker does not fit the instrument's exponents");
    None
}

/// For completeness of the engine's vocabulary: which [`SubscribedChannel`] a channel set of one element is.
pub(in crate::venue::coinbase) fn subscribed(channel: Channels) -> SubscribedChannel {
    match channel {
        Channels::BOOK => SubscribedChannel::Book,
        Channels::TRADES => SubscribedChannel::Trades,
        Channels::TICKER_BATCH => SubscribedChannel::TickerBatch,
        Channels::CANDLES => SubscribedChannel::Candles,
        Channels::STATUS => SubscribedChannel::Status,
        _ => SubscribedChannel::Ticker,
    }
}
