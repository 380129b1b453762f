//! Lines of the two streams to facts: prices (OANDA reference 6), heartbeats, and transactions (reference 7).
//!
//! Owns the reading of one line at a time. Guarantees that the order of keys means nothing, that a price which cannot be
//! read changes nothing (the one before stands, and the book is announced doubtful), and that the fast way for prices in
//! the recorded order says exactly what the plain one says. Never decides what a silence or a loss means.

use super::ledger::{Admitted, Ledger};
use super::products::Products;
use super::transaction::{venue_time, Transaction};
use crate::codec::json::{Cursor, JsonKind, Plain};
use crate::codec::timestamp::Rfc3339Cache;
use crate::order::FactSource;
use crate::record::{BookSide, GapCause, TradingStatus, UnixNanos};
use crate::venue::fault::{announce, excerpt, number, Fault};
use crate::venue::{
    Anomaly, BookEvent, BookEventKind, Channels, Facts, GapScope, QuoteFact, StreamFact, SubscribedChannel,
};
use arrayvec::ArrayVec;

mod price;

pub(super) use price::{Bucket, Price};

/// Reads lines. One per connection.
#[derive(Debug)]
pub(super) struct Decoder {
    pub products: Products,
    /// Levels told since the session last looked.
    pub levels: usize,
    /// Instruments whose first price is still to come.
    pub unseen: usize,
    times: Rfc3339Cache,
}

impl Decoder {
    pub fn new() -> Decoder {
        Decoder { products: Products::default(), levels: 0, unseen: 0, times: Rfc3339Cache::new() }
    }

    /// Forgets the connection, keeps the instruments.
    pub fn opened(&mut self) {
        self.unseen = 0;
        for product in self.products.iter_mut() {
            (product.seen, product.tradeable) = (false, None);
            (product.told, product.skip_to) = (UnixNanos::NONE, UnixNanos::NONE);
            product.requested = !product.wanted.is_empty();
            if product.requested {
                self.unseen = self.unseen.saturating_add(1);
            }
        }
    }

    /// Reads a line of the pricing stream.
    #[inline]
    pub fn pricing_line(&mut self, plain: &mut Plain, line: &mut [u8], facts: &mut impl Facts) {
        if let Some(price) = Price::scan(line) {
            if let Err(fault) = self.tell_price(&price, facts) {
                self.unreadable(&fault, price.instrument, facts);
            }
            return;
        }
        self.plain_pricing_line(plain, line, facts);
    }

    /// The same for any line: the fallback, and the oracle.
    pub fn plain_pricing_line(&mut self, plain: &mut Plain, line: &mut [u8], facts: &mut impl Facts) {
        let mut instrument = "";
        let read = plain.parse(line, |cursor| {
            let mut line = PricingLine::default();
            line.read(cursor)?;
            instrument = line.price.instrument;
            match line.kind {
                // Lines of 2016 have no type (OANDA reference 6).
                "PRICE" => self.tell_price(&line.price, facts),
                "" if line.has_buckets => self.tell_price(&line.price, facts),
                "HEARTBEAT" => {
                    facts.stream(StreamFact::Heartbeat);
                    Ok(())
                }
                kind => {
                    facts.anomaly(Anomaly::UnknownValue, excerpt(kind));
                    Ok(())
                }
            }
        });
        if let Err(fault) = read {
            self.unreadable(&fault, instrument, facts);
        }
    }

    /// Reads a line of the transaction stream.
    pub fn transaction_line(
        &mut self,
        plain: &mut Plain,
        line: &mut [u8],
        ledger: &mut Ledger,
        facts: &mut impl Facts,
    ) {
        let read = plain.parse(line, |cursor| {
            let mut found = Transaction::default();
            let mut last = 0;
            let mut fields = cursor.object()?;
            while let Some(key) = fields.next_key(cursor)? {
                match key {
                    "lastTransactionID" => last = cursor.u64_or_text()?,
                    key => found.field(key, cursor)?,
                }
            }
            if found.kind == "HEARTBEAT" {
                // Above what was seen: something was lost (OANDA reference 7).
                ledger.heard(last);
                facts.stream(StreamFact::Heartbeat);
                return Ok(());
            }
            match found.id {
                0 => Err(Fault::Missing { key: "id" }),
                id if ledger.admit(id) != Admitted::New => Ok(()),
                _ if !found.stands(ledger) => Ok(()),
                _ => found
                    .tell(FactSource::Stream, &mut self.products, &mut self.times, facts)
                    .inspect_err(|_| ledger.doubt()),
            }
        });
        if let Err(fault) = read {
            // What it said is not known: orders and executions are listed again.
            announce(&fault, facts);
            facts.gap(GapScope::Connection, GapCause::Malformed, 1);
        }
    }

    /// A line too long to be held.
    pub fn too_long(&mut self, facts: &mut impl Facts) {
        announce(&Fault::TooLong { key: "line" }, facts);
        facts.gap(GapScope::Connection, GapCause::Malformed, 1);
    }

    #[inline]
    fn tell_price(&mut self, price: &Price<'_>, facts: &mut impl Facts) -> Result<(), Fault> {
        if price.instrument.is_empty() {
            return Err(Fault::Missing { key: "instrument" });
        }
        let Some(index) = self.products.find(price.instrument) else {
            facts.anomaly(Anomaly::UnknownInstrument, excerpt(price.instrument));
            return Ok(());
        };
        let Some(product) = self.products.get_mut(index) else { return Ok(()) };
        if product.wanted.is_empty() {
            return Ok(());
        }
        let exponents = (product.price_exponent, product.size_exponent);
        let bids = Levels::new(&price.bids, exponents, BookSide::Bid)?;
        let asks = Levels::new(&price.asks, exponents, BookSide::Ask)?;
        let time = venue_time(price.time, &mut self.times, facts);
        let instrument = product.instrument;
        let first = !std::mem::replace(&mut product.seen, true);
        let wanted = product.wanted;
        let was = product.tradeable.replace(price.tradeable);
        let known = time.is_some() && time <= product.skip_to;
        product.told = product.told.max(time);
        if first {
            self.unseen = self.unseen.saturating_sub(1);
            for (channel, name) in
                [(Channels::BOOK, SubscribedChannel::Book), (Channels::TICKER, SubscribedChannel::Ticker)]
            {
                if wanted.contains(channel) {
                    facts.stream(StreamFact::Subscribed(name, instrument));
                }
            }
        }
        if known {
            return Ok(());
        }
        if was != Some(price.tradeable) {
            let status = if price.tradeable { TradingStatus::Online } else { TradingStatus::Halted };
            facts.status(instrument, status, time);
        }
        if wanted.contains(Channels::BOOK) {
            facts.book(BookEvent { instrument, kind: BookEventKind::SnapshotFirst, venue_time: time, sequence: 0 });
            for (side, levels) in [(BookSide::Bid, &bids), (BookSide::Ask, &asks)] {
                for (price, size) in &levels.levels {
                    facts.level(side, *price, *size);
                }
            }
            facts.book_end(true);
            let told = bids.levels.len().saturating_add(asks.levels.len());
            self.levels = self.levels.saturating_add(told.max(1));
        }
        if wanted.contains(Channels::TICKER) {
            let words = [bids.best.0, bids.best.1, asks.best.0, asks.best.1];
            facts.quote(QuoteFact { instrument, words, venue_time: time, sequence: 0, snapshot: first });
            self.levels = self.levels.saturating_add(1);
        }
        Ok(())
    }

    #[cold]
    fn unreadable(&mut self, fault: &Fault, instrument: &str, facts: &mut impl Facts) {
        announce(fault, facts);
        let scope =
            self.products.named(instrument).map_or(GapScope::Connection, |p| GapScope::Instrument(p.instrument));
        facts.gap(scope, GapCause::Malformed, 1);
    }
}

/// One side of a price in mantissas.
struct Levels {
    levels: ArrayVec<(i64, i64), { super::limits::BUCKETS_MAX }>,
    /// Not the first: a recorded line has the better price second (OANDA reference 6). Zeros if there is none.
    best: (i64, i64),
}

impl Levels {
    #[inline]
    fn new(buckets: &[Bucket<'_>], exponents: (i8, i8), side: BookSide) -> Result<Levels, Fault> {
        let mut found = Levels { levels: ArrayVec::new(), best: (0, 0) };
        for bucket in buckets {
            let price = number("price", bucket.price, exponents.0)?;
            let size = bucket.liquidity(exponents.1)?;
            match found.levels.iter_mut().find(|(known, _)| *known == price) {
                // Buckets say how much there is each (OANDA reference 6), a level says how much there is.
                Some((_, known)) => *known = known.saturating_add(size),
                None => {
                    found.levels.try_push((price, size)).map_err(|_| Fault::TooLong { key: "buckets" })?;
                }
            }
        }
        let better = |a: &&(i64, i64), b: &&(i64, i64)| a.0.cmp(&b.0);
        let best = match side {
            BookSide::Bid => found.levels.iter().max_by(better),
            BookSide::Ask => found.levels.iter().min_by(better),
        };
        found.best = best.copied().unwrap_or_default();
        Ok(found)
    }
}

/// A line of the pricing stream.
#[derive(Default)]
struct PricingLine<'i> {
    kind: &'i str,
    price: Price<'i>,
    has_buckets: bool,
}

impl<'i> PricingLine<'i> {
    /// In place: it is large.
    #[inline]
    fn read(&mut self, cursor: &mut Cursor<'_, 'i>) -> Result<(), Fault> {
        let mut tradeable = None;
        let mut status = "";
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "type" => self.kind = cursor.str()?,
                "time" => self.price.time = cursor.str()?,
                "instrument" => self.price.instrument = cursor.str()?,
                "bids" | "asks" => {
                    self.has_buckets = true;
                    let side = if key == "bids" { &mut self.price.bids } else { &mut self.price.asks };
                    side.clear();
                    let mut items = cursor.array()?;
                    while items.next_item(cursor)? {
                        let bucket = Bucket::read(cursor)?;
                        side.try_push(bucket).map_err(|_| Fault::TooLong { key: "buckets" })?;
                    }
                }
                "tradeable" => tradeable = Some(cursor.bool_or_text()?),
                "status" => status = cursor.str_or_null()?.unwrap_or_default(),
                _ => cursor.skip()?,
            }
        }
        // Lines of 2016 have no `tradeable`, only its deprecated elder (OANDA reference 6).
        self.price.tradeable = tradeable.unwrap_or(status == "tradeable");
        Ok(())
    }
}

impl<'i> Bucket<'i> {
    #[inline]
    fn read(cursor: &mut Cursor<'_, 'i>) -> Result<Bucket<'i>, Fault> {
        let mut bucket = Bucket::default();
        let mut fields = cursor.object()?;
        // As recorded; whatever comes otherwise, and a key that comes again, is for the loop.
        [bucket.price] = fields.next_strs(["price"], cursor).unwrap_or_default();
        bucket.units = fields.next_u64("liquidity", cursor).unwrap_or_default();
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "price" => bucket.price = cursor.str()?,
                // A number in prices, a text in fills (OANDA reference 2).
                "liquidity" if cursor.peek() == JsonKind::String => bucket.text = cursor.str()?,
                "liquidity" => bucket.units = cursor.u64()?,
                _ => cursor.skip()?,
            }
        }
        Ok(bucket)
    }
}

#[cfg(test)]
mod tests;
