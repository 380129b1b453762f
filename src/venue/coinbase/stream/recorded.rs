//! The fast way: book updates and trades in the one form every recording has (Coinbase reference 6.2, 6.4, 6.5).
//!
//! Owns the reading of such a message without a tape. Nothing is told, and no number is counted, before the whole message
//! was read and everything in it is good; whatever comes otherwise is left as it was, for the plain way to read and to find
//! fault with. Snapshots and streams that several products share go the plain way. What is told is told by the same
//! functions as there.

use super::{At, Channel, Decoder, EventHead};
use crate::codec::json::Scan;
use crate::record::digits::integer;
use crate::record::{BookSide, UnixNanos};
use crate::venue::fault::{plain_number, side};
use crate::venue::{Channels, Facts, TradeFact, LEVELS_PER_CALL_MAX};
use arrayvec::ArrayVec;

/// Most levels of a message read this way, so that it is told in one part; longer ones are rare and go the plain way.
const LEVELS_MAX: usize = LEVELS_PER_CALL_MAX;
/// Most trades.
const TRADES_MAX: usize = 32;

impl Decoder {
    /// Reads and tells a message of a known form; `None`: it has another, and nothing was told.
    #[inline]
    pub(super) fn recorded(&mut self, text: &[u8], facts: &mut impl Facts) -> Option<()> {
        let mut scan = Scan::new(text);
        scan.literal(b"{\"channel\":\"")?;
        let channel = scan.ascii()?;
        scan.literal(b",\"timestamp\":\"")?;
        scan.ascii()?;
        scan.literal(b",\"sequence_num\":")?;
        let sequence = scan.integer()?;
        scan.literal(b",\"events\":[{\"type\":\"update\",\"")?;
        match channel {
            b"l2_data" => self.recorded_levels(sequence, scan, facts),
            b"market_trades" => self.recorded_trades(sequence, scan, facts),
            _ => None,
        }
    }

    #[inline]
    fn recorded_levels(&mut self, sequence: u64, mut scan: Scan<'_>, facts: &mut impl Facts) -> Option<()> {
        scan.literal(b"product_id\":\"")?;
        let event = EventHead { kind: "update", product: scan.text()? };
        let index = self.products.find_streamed(event.product).filter(|_| !self.products.any_shared())?;
        let (price_exponent, size_exponent) = self.exponents(index)?;
        let mut levels = ArrayVec::<(BookSide, i64, i64), LEVELS_MAX>::new();
        let mut time = b"".as_slice();
        scan.literal(b",\"updates\":[")?;
        loop {
            scan.literal(b"{\"side\":\"")?;
            let side = match scan.literal(b"bid\"") {
                Some(()) => BookSide::Bid,
                None => {
                    scan.literal(b"offer\"")?;
                    BookSide::Ask
                }
            };
            scan.literal(b",\"event_time\":\"")?;
            let event_time = scan.ascii()?;
            if levels.is_empty() {
                time = event_time;
            }
            scan.literal(b",\"price_level\":\"")?;
            let price = plain_number(scan.ascii()?, price_exponent)?;
            scan.literal(b",\"new_quantity\":\"")?;
            let size = plain_number(scan.ascii()?, size_exponent)?;
            scan.literal(b"}")?;
            levels.try_push((side, price, size)).ok()?;
            if scan.literal(b",").is_none() {
                break;
            }
        }
        scan.end(b"]}]}")?;
        // All levels of a frame share one time (Coinbase reference 6.4).
        let time = self.recorded_time(time)?;
        if self.admit(Some(sequence), facts) {
            self.at = At::Channel(Channel::Book);
            // Cannot fail: the event is an update.
            if let Ok(Some(mut book)) = self.open_book_of(index, sequence, &event) {
                self.begin_part(&mut book, time, facts);
                levels.iter().for_each(|level| self.level(&mut book, *level, facts));
                self.close_book(&mut book, facts);
            }
        }
        Some(())
    }

    #[inline]
    fn recorded_trades(&mut self, sequence: u64, mut scan: Scan<'_>, facts: &mut impl Facts) -> Option<()> {
        let mut trades = ArrayVec::<(usize, TradeFact), TRADES_MAX>::new();
        scan.literal(b"trades\":[")?;
        loop {
            scan.literal(b"{\"product_id\":\"")?;
            let index = self.products.find_streamed(scan.text()?).filter(|_| !self.products.any_shared())?;
            let (price_exponent, size_exponent) = self.exponents(index)?;
            scan.literal(b",\"trade_id\":\"")?;
            let trade_id = integer(scan.ascii()?)?;
            scan.literal(b",\"price\":\"")?;
            let price = plain_number(scan.ascii()?, price_exponent)?;
            scan.literal(b",\"size\":\"")?;
            let size = plain_number(scan.ascii()?, size_exponent)?;
            scan.literal(b",\"time\":\"")?;
            let venue_time = self.recorded_time(scan.ascii()?)?;
            scan.literal(b",\"side\":\"")?;
            let side = side("side", scan.text()?).ok()?.opposite();
            scan.literal(b"}")?;
            let instrument = self.products.get(index)?.instrument;
            let (snapshot, last) = (false, false);
            let trade = TradeFact { instrument, side, price, size, trade_id, venue_time, sequence, snapshot, last };
            trades.try_push((index, trade)).ok()?;
            if scan.literal(b",").is_none() {
                break;
            }
        }
        scan.end(b"]}]}")?;
        if self.admit(Some(sequence), facts) {
            self.at = At::Channel(Channel::Trades);
            self.trades.clear();
            for (index, trade) in &trades {
                let Some(product) = self.products.get_mut(*index) else { continue };
                product.saw(Channels::TRADES);
                if product.wanted.contains(Channels::TRADES) {
                    self.buffer_trade(*trade, facts);
                }
            }
            while self.tell_trades(facts) {}
        }
        Some(())
    }

    fn exponents(&self, index: usize) -> Option<(i8, i8)> {
        self.products.get(index).map(|product| (product.price_exponent, product.size_exponent))
    }

    #[inline]
    fn recorded_time(&mut self, text: &[u8]) -> Option<UnixNanos> {
        self.times.parse(std::str::from_utf8(text).ok()?).ok().map(UnixNanos)
    }
}

#[cfg(test)]
#[path = "recorded_tests.rs"]
mod tests;
