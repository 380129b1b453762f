//! The fast way: trades, quotes, diffs and partial books in the one form every recording has (Binance.US reference 6).
//!
//! Owns the reading of such a message without a tape. Nothing is told before the whole message was read and every number
//! in it is good; whatever comes otherwise is left as it was, for the plain way to read and to find fault with. What is
//! told is told by the same functions as there.

use super::depth::{symbol_of, DiffHead};
use super::trades::{tell_quote, TradeText};
use super::{venue_time, Admission, At, BookSide, Ctx, Decoder, Facts, KeptLevel, LEVELS_PER_CALL_MAX};
use crate::codec::json::Scan;
use crate::venue::fault::plain_number;
use arrayvec::ArrayVec;

/// Most levels of a message read this way, so that it is told in one part; longer ones are rare and go the plain way.
const LEVELS_MAX: usize = LEVELS_PER_CALL_MAX;

/// One level: side, and mantissas of price and size.
type Level = (BookSide, i64, i64);

impl Decoder {
    /// Reads and tells a message of a known form; `None`: it has another, and nothing was told.
    #[inline]
    pub(super) fn recorded<F: Facts>(&mut self, text: &[u8], ctx: &mut Ctx<'_, F>) -> Option<()> {
        let mut scan = Scan::new(text);
        scan.literal(b"{\"stream\":\"")?;
        let stream = scan.text()?;
        scan.literal(b",\"data\":{\"")?;
        if scan.literal(b"e\":\"").is_some() {
            return match scan.text()? {
                "trade" => self.recorded_trade(scan, ctx),
                "depthUpdate" => self.recorded_diff(scan, ctx),
                _ => None,
            };
        }
        // Quotes and partial books have no `e`.
        if scan.literal(b"u\":").is_some() {
            return self.recorded_quote(scan, ctx);
        }
        scan.literal(b"lastUpdateId\":")?;
        self.recorded_partial(stream, scan, ctx)
    }

    #[inline]
    fn recorded_trade<F: Facts>(&mut self, mut scan: Scan<'_>, ctx: &mut Ctx<'_, F>) -> Option<()> {
        let mut text = TradeText::default();
        scan.literal(b",\"E\":")?;
        text.sent = scan.integer()?;
        scan.literal(b",\"s\":\"")?;
        text.symbol = scan.text()?;
        scan.literal(b",\"t\":")?;
        let id = scan.integer()?;
        scan.literal(b",\"p\":\"")?;
        text.price = scan.text()?;
        scan.literal(b",\"q\":\"")?;
        text.size = scan.text()?;
        // Order ids of both sides: gone since 2026, documented still.
        if scan.literal(b",\"b\":").is_some() {
            scan.integer()?;
            scan.literal(b",\"a\":")?;
            scan.integer()?;
        }
        scan.literal(b",\"T\":")?;
        text.traded = scan.integer()?;
        scan.literal(b",\"m\":")?;
        text.buyer_is_maker = Some(scan.flag()?);
        scan.literal(b",\"M\":")?;
        scan.flag()?;
        scan.end(b"}}")?;
        self.at = At::Harmless;
        text.tell(id, id, ctx).ok()
    }

    #[inline]
    fn recorded_quote<F: Facts>(&mut self, mut scan: Scan<'_>, ctx: &mut Ctx<'_, F>) -> Option<()> {
        let id = scan.integer()?;
        scan.literal(b",\"s\":\"")?;
        let symbol = scan.text()?;
        scan.literal(b",\"b\":\"")?;
        let bid = scan.text()?;
        scan.literal(b",\"B\":\"")?;
        let bid_size = scan.text()?;
        scan.literal(b",\"a\":\"")?;
        let ask = scan.text()?;
        scan.literal(b",\"A\":\"")?;
        let ask_size = scan.text()?;
        scan.end(b"}}")?;
        self.at = At::Harmless;
        tell_quote(id, symbol, [bid, bid_size, ask, ask_size], ctx).ok()
    }

    #[inline]
    fn recorded_diff<F: Facts>(&mut self, mut scan: Scan<'_>, ctx: &mut Ctx<'_, F>) -> Option<()> {
        scan.literal(b",\"E\":")?;
        let time = venue_time(scan.integer()?);
        scan.literal(b",\"s\":\"")?;
        let symbol = scan.text()?;
        scan.literal(b",\"U\":")?;
        let first = scan.integer()?;
        scan.literal(b",\"u\":")?;
        let last = scan.integer()?;
        let exponents = ctx.data.products.find(symbol).and_then(|index| exponents(index, ctx))?;
        let mut levels = ArrayVec::new();
        scan.literal(b",\"b\":[")?;
        side(BookSide::Bid, exponents, &mut scan, &mut levels)?;
        scan.literal(b",\"a\":[")?;
        side(BookSide::Ask, exponents, &mut scan, &mut levels)?;
        scan.end(b"}}")?;
        if first > last {
            return None;
        }
        let head = DiffHead { symbol, first: Some(first), last: Some(last), time };
        let open = self.open_diff(&head, ctx).ok()?;
        if let Some(open) = &open {
            match open.admission {
                Admission::Ignore => {}
                Admission::Apply => {
                    self.levels = levels.len();
                    levels.iter().for_each(|(side, price, size)| ctx.facts.level(*side, *price, *size));
                }
                _ => levels.iter().for_each(|&(side, price, size)| {
                    let at = (open.index, open.event.sequence);
                    ctx.data.keep(ctx.now, at, KeptLevel { side, price, size }, ctx.facts);
                }),
            }
        }
        self.close_diff(open.as_ref(), ctx);
        Some(())
    }

    #[inline]
    fn recorded_partial<F: Facts>(&mut self, stream: &str, mut scan: Scan<'_>, ctx: &mut Ctx<'_, F>) -> Option<()> {
        let id = scan.integer()?;
        let index = ctx.data.products.find_stream(symbol_of(stream))?;
        let exponents = exponents(index, ctx)?;
        let mut levels = ArrayVec::new();
        scan.literal(b",\"bids\":[")?;
        side(BookSide::Bid, exponents, &mut scan, &mut levels)?;
        scan.literal(b",\"asks\":[")?;
        side(BookSide::Ask, exponents, &mut scan, &mut levels)?;
        scan.end(b"}}")?;
        if self.open_partial(id, index, ctx) {
            self.levels = levels.len();
            levels.iter().for_each(|(side, price, size)| ctx.facts.level(*side, *price, *size));
            self.close_partial(ctx);
        }
        Some(())
    }
}

fn exponents<F>(index: usize, ctx: &Ctx<'_, F>) -> Option<(i8, i8)> {
    ctx.data.products.get(index).map(|product| (product.price_exponent, product.size_exponent))
}

/// Every level of one side, to the end of its array.
#[inline]
fn side(
    side: BookSide,
    (price_exponent, size_exponent): (i8, i8),
    scan: &mut Scan<'_>,
    levels: &mut ArrayVec<Level, LEVELS_MAX>,
) -> Option<()> {
    if scan.literal(b"]").is_some() {
        return Some(());
    }
    loop {
        scan.literal(b"[\"")?;
        let price = plain_number(scan.ascii()?, price_exponent)?;
        scan.literal(b",\"")?;
        let size = plain_number(scan.ascii()?, size_exponent)?;
        scan.literal(b"]")?;
        levels.try_push((side, price, size)).ok()?;
        if scan.literal(b",").is_none() {
            return scan.literal(b"]");
        }
    }
}

#[cfg(test)]
#[path = "recorded_tests.rs"]
mod tests;
