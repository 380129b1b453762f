//! Trades, aggregated trades and quotes.

use super::{excerpt, number, venue_time, Anomaly, At, Control, Ctx, Cursor, Decoder, Facts, Fault, Fields};
use crate::record::Side;
use crate::venue::{QuoteFact, TradeFact};

/// A trade as sent. What both streams have has the same keys in both (Binance.US reference 6).
#[derive(Debug, Default)]
pub(super) struct TradeText<'i> {
    pub symbol: &'i str,
    pub price: &'i str,
    pub size: &'i str,
    pub sent: u64,
    pub traded: u64,
    pub buyer_is_maker: Option<bool>,
}

impl<'i> TradeText<'i> {
    #[inline]
    fn field(&mut self, key: &str, cursor: &mut Cursor<'_, 'i>) -> Result<(), Fault> {
        match key.as_bytes() {
            [b'E'] => self.sent = cursor.u64()?,
            [b's'] => self.symbol = cursor.str()?,
            [b'p'] => self.price = cursor.str()?,
            [b'q'] => self.size = cursor.str()?,
            [b'T'] => self.traded = cursor.u64()?,
            [b'm'] => self.buyer_is_maker = Some(cursor.bool()?),
            // `M` means nothing; `b` and `a` are order ids that come and go.
            _ => cursor.skip()?,
        }
        Ok(())
    }

    /// Tells it, if it is news.
    #[inline]
    pub fn tell<F: Facts>(&self, first: u64, last: u64, ctx: &mut Ctx<'_, F>) -> Result<(), Fault> {
        let Some(index) = ctx.data.products.find(self.symbol) else {
            ctx.facts.anomaly(Anomaly::UnknownInstrument, excerpt(self.symbol));
            return Ok(());
        };
        let Some(product) = ctx.data.products.get(index) else { return Ok(()) };
        let fact = TradeFact {
            instrument: product.instrument,
            // The buyer rested, so the seller came: the aggressor sold.
            side: match self.buyer_is_maker.ok_or(Fault::Missing { key: "m" })? {
                true => Side::Sell,
                false => Side::Buy,
            },
            price: number("p", self.price, product.price_exponent)?,
            size: number("q", self.size, product.size_exponent)?,
            trade_id: last,
            venue_time: venue_time(if self.traded == 0 { self.sent } else { self.traded }),
            sequence: last,
            snapshot: false,
            last: true,
        };
        if ctx.data.trade_is_news(index, first, last) {
            ctx.facts.trade(fact);
        }
        Ok(())
    }
}

impl Decoder {
    #[inline]
    pub(super) fn trade<F: Facts>(
        &mut self,
        mut fields: Fields,
        cursor: &mut Cursor<'_, '_>,
        ctx: &mut Ctx<'_, F>,
    ) -> Result<(), Fault> {
        let mut text = TradeText::default();
        let mut id = None;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "t" => id = Some(cursor.u64()?),
                key => text.field(key, cursor)?,
            }
        }
        let id = id.ok_or(Fault::Missing { key: "t" })?;
        text.tell(id, id, ctx)
    }

    /// All trades of one taker at one price, told as one trade with the id of the last. Their ids are those of the trade
    /// stream, so a symbol that has both is told nothing twice.
    pub(super) fn aggregated<F: Facts>(
        &mut self,
        mut fields: Fields,
        cursor: &mut Cursor<'_, '_>,
        ctx: &mut Ctx<'_, F>,
    ) -> Result<(), Fault> {
        let mut text = TradeText::default();
        let (mut first, mut last) = (None, None);
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "f" => first = Some(cursor.u64()?),
                "l" => last = Some(cursor.u64()?),
                key => text.field(key, cursor)?,
            }
        }
        let first = first.ok_or(Fault::Missing { key: "f" })?;
        text.tell(first, last.ok_or(Fault::Missing { key: "l" })?, ctx)
    }

    /// Best bid and ask; `id` is the update id `u`. They carry no time (Binance.US reference 6).
    #[inline]
    pub(super) fn quote<F: Facts>(
        &mut self,
        id: u64,
        mut fields: Fields,
        cursor: &mut Cursor<'_, '_>,
        ctx: &mut Ctx<'_, F>,
    ) -> Result<Control, Fault> {
        self.at = At::Harmless;
        let (mut symbol, mut bid, mut bid_size, mut ask, mut ask_size) = ("", "", "", "", "");
        while let Some(key) = fields.next_key(cursor)? {
            match key.as_bytes() {
                [b's'] => symbol = cursor.str()?,
                [b'b'] => bid = cursor.str()?,
                [b'B'] => bid_size = cursor.str()?,
                [b'a'] => ask = cursor.str()?,
                [b'A'] => ask_size = cursor.str()?,
                _ => cursor.skip()?,
            }
        }
        tell_quote(id, symbol, [bid, bid_size, ask, ask_size], ctx)?;
        Ok(Control::None)
    }
}

/// Bid, its size, ask, its size; told if they are news.
#[inline]
pub(super) fn tell_quote<F: Facts>(
    id: u64,
    symbol: &str,
    [bid, bid_size, ask, ask_size]: [&str; 4],
    ctx: &mut Ctx<'_, F>,
) -> Result<(), Fault> {
    let Some(index) = ctx.data.products.find(symbol) else {
        ctx.facts.anomaly(Anomaly::UnknownInstrument, excerpt(symbol));
        return Ok(());
    };
    let Some(product) = ctx.data.products.get(index) else { return Ok(()) };
    let words = [
        number("b", bid, product.price_exponent)?,
        number("B", bid_size, product.size_exponent)?,
        number("a", ask, product.price_exponent)?,
        number("A", ask_size, product.size_exponent)?,
    ];
    let instrument = product.instrument;
    if ctx.data.quote_is_news(index, id) {
        let venue_time = crate::record::UnixNanos::NONE;
        ctx.facts.quote(QuoteFact { instrument, words, venue_time, sequence: id, snapshot: false });
    }
    Ok(())
}
