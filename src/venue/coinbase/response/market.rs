//! Cold replies about the market: books, best prices, trades, candles (Coinbase reference 3.8). They allocate; never on
//! the hot thread. A book of these has no sequence number and cannot be spliced with the stream.

use super::super::stream::{order_side_of, Fault};
use super::fields::{decimal, each, moment, required, seconds, whole, words};
use super::rows::ReplyError;
use crate::codec::json::Cursor;
use crate::record::{Fixed128, Side, UnixNanos};

/// One level of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookLevel {
    /// Price.
    pub price: Fixed128,
    /// Size, base asset.
    pub size: Fixed128,
}

/// A book, best levels first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductBook {
    /// Of what.
    pub product: Box<str>,
    /// Resting buy orders.
    pub bids: Vec<BookLevel>,
    /// Resting sell orders.
    pub asks: Vec<BookLevel>,
    /// When.
    pub time: UnixNanos,
    /// Last trade; finer than the tick.
    pub last: Option<Fixed128>,
    /// Half-way between best bid and ask; finer than the tick.
    pub mid_market: Option<Fixed128>,
    /// Ask less bid.
    pub spread: Option<Fixed128>,
    /// Spread in hundredths of a percent.
    pub spread_bps: Option<Fixed128>,
}

/// One public trade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketTrade {
    /// The venue's number.
    pub trade_id: Box<str>,
    /// Of what.
    pub product: Box<str>,
    /// Price.
    pub price: Fixed128,
    /// Size, base asset.
    pub size: Fixed128,
    /// When.
    pub time: UnixNanos,
    /// The aggressor's side: the venue names the maker's (one sample: its SELLs print at the ask).
    pub side: Side,
}

/// The latest trades, newest first, and the best prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketTrades {
    /// The trades.
    pub trades: Vec<MarketTrade>,
    /// Best bid.
    pub best_bid: Option<Fixed128>,
    /// Best ask.
    pub best_ask: Option<Fixed128>,
}

/// A candle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candle {
    /// When it begins.
    pub start: UnixNanos,
    /// First price.
    pub open: Fixed128,
    /// Highest price.
    pub high: Fixed128,
    /// Lowest price.
    pub low: Fixed128,
    /// Last price.
    pub close: Fixed128,
    /// Volume, base asset.
    pub volume: Fixed128,
}

/// The book of a reply.
///
/// # Errors
/// [`ReplyError`].
pub fn product_book(body: &mut [u8]) -> Result<ProductBook, ReplyError> {
    whole(body, |cursor| {
        let mut found = None;
        let (mut last, mut mid_market, mut spread, mut spread_bps) = (None, None, None, None);
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "pricebook" => found = Some(book(cursor)?),
                "last" => last = decimal(cursor, "last")?,
                "mid_market" => mid_market = decimal(cursor, "mid_market")?,
                "spread_absolute" => spread = decimal(cursor, "spread_absolute")?,
                "spread_bps" => spread_bps = decimal(cursor, "spread_bps")?,
                _ => cursor.skip()?,
            }
        }
        let found = found.ok_or(Fault::Missing { key: "pricebook" })?;
        Ok(ProductBook { last, mid_market, spread, spread_bps, ..found })
    })
}

/// The best bid and ask of each product of a reply.
///
/// # Errors
/// [`ReplyError`].
pub fn best_bid_ask(body: &mut [u8]) -> Result<Vec<ProductBook>, ReplyError> {
    whole(body, |cursor| {
        let mut found = None;
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "pricebooks" => found = Some(each(cursor, book)?),
                _ => cursor.skip()?,
            }
        }
        found.ok_or(Fault::Missing { key: "pricebooks" })
    })
}

fn book(cursor: &mut Cursor<'_, '_>) -> Result<ProductBook, Fault> {
    let (last, mid_market, spread, spread_bps) = (None, None, None, None);
    let mut found = ProductBook {
        product: "".into(),
        bids: Vec::new(),
        asks: Vec::new(),
        time: UnixNanos::NONE,
        last,
        mid_market,
        spread,
        spread_bps,
    };
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "product_id" => found.product = words(cursor)?,
            "bids" => found.bids = each(cursor, level)?,
            "asks" => found.asks = each(cursor, level)?,
            "time" => found.time = moment(cursor)?,
            _ => cursor.skip()?,
        }
    }
    if found.product.is_empty() {
        return Err(Fault::Missing { key: "product_id" });
    }
    Ok(found)
}

fn level(cursor: &mut Cursor<'_, '_>) -> Result<BookLevel, Fault> {
    let (mut price, mut size) = (None, None);
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "price" => price = Some(required(cursor, "price")?),
            "size" => size = Some(required(cursor, "size")?),
            _ => cursor.skip()?,
        }
    }
    match (price, size) {
        (Some(price), Some(size)) => Ok(BookLevel { price, size }),
        _ => Err(Fault::Missing { key: "price and size" }),
    }
}

/// The trades of a reply.
///
/// # Errors
/// [`ReplyError`].
pub fn market_trades(body: &mut [u8]) -> Result<MarketTrades, ReplyError> {
    whole(body, |cursor| {
        let (mut trades, mut best_bid, mut best_ask) = (None, None, None);
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "trades" => trades = Some(each(cursor, trade)?),
                "best_bid" => best_bid = decimal(cursor, "best_bid")?,
                "best_ask" => best_ask = decimal(cursor, "best_ask")?,
                _ => cursor.skip()?,
            }
        }
        let trades = trades.ok_or(Fault::Missing { key: "trades" })?;
        Ok(MarketTrades { trades, best_bid, best_ask })
    })
}

fn trade(cursor: &mut Cursor<'_, '_>) -> Result<MarketTrade, Fault> {
    let (mut trade_id, mut product): (Box<str>, Box<str>) = Default::default();
    let (mut price, mut size, mut side, mut time) = (None, None, None, UnixNanos::NONE);
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "trade_id" => trade_id = words(cursor)?,
            "product_id" => product = words(cursor)?,
            "price" => price = Some(required(cursor, "price")?),
            "size" => size = Some(required(cursor, "size")?),
            "side" => side = Some(order_side_of(cursor.str()?)?),
            "time" => time = moment(cursor)?,
            _ => cursor.skip()?,
        }
    }
    let missing = |key| Fault::Missing { key };
    Ok(MarketTrade {
        trade_id,
        product,
        price: price.ok_or(missing("price"))?,
        size: size.ok_or(missing("size"))?,
        time,
        side: side.ok_or(missing("side"))?.opposite(),
    })
}

/// The candles of a reply, in its order (newest first).
///
/// # Errors
/// [`ReplyError`].
pub fn candles(body: &mut [u8]) -> Result<Vec<Candle>, ReplyError> {
    whole(body, |cursor| {
        let mut found = None;
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "candles" => found = Some(each(cursor, candle)?),
                _ => cursor.skip()?,
            }
        }
        found.ok_or(Fault::Missing { key: "candles" })
    })
}

fn candle(cursor: &mut Cursor<'_, '_>) -> Result<Candle, Fault> {
    let (mut start, mut open, mut high, mut low, mut close, mut volume) = (None, None, None, None, None, None);
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "start" => start = Some(seconds(cursor)?),
            "open" => open = Some(required(cursor, "open")?),
            "high" => high = Some(required(cursor, "high")?),
            "low" => low = Some(required(cursor, "low")?),
            "close" => close = Some(required(cursor, "close")?),
            "volume" => volume = decimal(cursor, "volume")?,
            _ => cursor.skip()?,
        }
    }
    match (start, open, high, low, close) {
        (Some(start), Some(open), Some(high), Some(low), Some(close)) => {
            Ok(Candle { start, open, high, low, close, volume: volume.unwrap_or(Fixed128::new(0, 0)) })
        }
        _ => Err(Fault::Missing { key: "start, open, high, low or close" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bodies of Coinbase reference 3.8.
    #[test]
    fn books_trades_and_candles_are_read() {
        let mut body = br#"{"pricebook":{"product_id":"BTC-USD","bids":[{"price":"68923.66","size":"0.17189468"}],"asks":[{"price":"68923.67","size":"0.16987193"}],"time":"2026-04-07T00:28:59.662782Z"},"last":"68923.665","mid_market":"68923.665","spread_bps":"0.001450880372","spread_absolute":"0.01"}"#.to_vec();
        let book = product_book(&mut body).unwrap();
        assert_eq!(
            (book.bids[0].price.to_string(), book.asks[0].size.to_string()),
            ("68923.66".into(), "0.16987193".into())
        );
        assert_eq!((book.spread.unwrap().to_string(), book.time.is_some()), ("0.01".into(), true));

        let mut body = br#"{"pricebooks":[{"product_id":"A","bids":[],"asks":[],"time":""},{"product_id":"B","bids":null,"asks":[]}]}"#.to_vec();
        let names: Vec<_> = best_bid_ask(&mut body).unwrap().into_iter().map(|book| book.product).collect();
        assert_eq!(names, ["A".into(), "B".into()]);

        let mut body = br#"{"trades":[{"trade_id":"995098663","product_id":"BTC-USD","price":"68923.67","size":"0.00064","time":"2026-04-07T00:28:58.544778Z","side":"SELL","bid":"","ask":"","exchange":"coinbase"}],"best_bid":"68923.66","best_ask":"68923.67"}"#.to_vec();
        let trades = market_trades(&mut body).unwrap();
        assert_eq!((trades.trades[0].side, trades.best_ask.unwrap().to_string()), (Side::Buy, "68923.67".into()));

        let mut body = br#"{"candles":[{"start":"1688998200","low":"1865.63","high":"1867.72","open":"1867.38","close":"1866.81","volume":"0.20269406"}]}"#.to_vec();
        let candle = candles(&mut body).unwrap()[0];
        assert_eq!((candle.start.seconds(), candle.volume.to_string()), (1_688_998_200, "0.20269406".into()));
        assert!(candles(&mut b"{}".to_vec()).is_err() && product_book(&mut b"[]".to_vec()).is_err());
    }
}
