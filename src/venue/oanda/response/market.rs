//! Cold replies about the market and the history's pages (OANDA reference 3). They allocate; never on the hot thread.

use super::account::{list, money, required, time};
use super::{cold, each_field, each_item, ReplyError};
use crate::codec::json::{Cursor, JsonKind};
use crate::record::{Fixed128, UnixNanos};
use crate::venue::fault::Fault;

/// The prices of a pricing reply.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prices {
    /// One per instrument.
    pub prices: Vec<PriceRow>,
    /// Rates to the account's currency, if asked for.
    pub home_conversions: Vec<HomeConversion>,
    /// To be given as `since` the next time; `NONE` if not sent.
    pub time: UnixNanos,
}

/// The price of one instrument.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PriceRow {
    /// Whose.
    pub instrument: Box<str>,
    /// The venue's time.
    pub time: UnixNanos,
    /// Whether orders are taken.
    pub tradeable: bool,
    /// Price and size of each bucket; not to be taken for sorted.
    pub bids: Vec<(Fixed128, Fixed128)>,
    /// The same of the other side.
    pub asks: Vec<(Fixed128, Fixed128)>,
    /// Where longs are closed if a side is empty.
    pub closeout_bid: Fixed128,
    /// Where shorts are.
    pub closeout_ask: Fixed128,
}

/// Rates from a currency to the account's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HomeConversion {
    /// The currency.
    pub currency: Box<str>,
    /// For gains.
    pub gain: Fixed128,
    /// For losses.
    pub loss: Fixed128,
    /// For the value of positions.
    pub position_value: Fixed128,
}

/// Candles of one instrument.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Candles {
    /// Whose.
    pub instrument: Box<str>,
    /// Such as `M1`.
    pub granularity: Box<str>,
    /// Oldest first.
    pub candles: Vec<Candle>,
}

/// One candle: open, high, low and close of each price asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Candle {
    /// When it begins.
    pub time: UnixNanos,
    /// Whether it has ended.
    pub complete: bool,
    /// How many prices came in it.
    pub volume: u64,
    /// Bids.
    pub bid: Option<[Fixed128; 4]>,
    /// Half-way prices.
    pub mid: Option<[Fixed128; 4]>,
    /// Asks.
    pub ask: Option<[Fixed128; 4]>,
}

/// Where the transactions of some time are: the venue answers with addresses, of which we take the ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransactionPages {
    /// How many transactions there are.
    pub count: u64,
    /// The pages, to be asked for one by one.
    pub pages: Vec<TransactionRange>,
    /// The account's newest transaction.
    pub last_transaction: u64,
}

/// Transactions between two ids, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TransactionRange {
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
}

/// The prices of a pricing reply.
///
/// # Errors
/// [`ReplyError`].
pub fn prices(body: &[u8]) -> Result<Prices, ReplyError> {
    cold(body, |cursor| {
        let mut found = Prices::default();
        let mut there = false;
        each_field(cursor, |key, cursor| {
            match key {
                "prices" => {
                    there = true;
                    each_item(cursor, |cursor| {
                        found.prices.push(price_row(cursor)?);
                        Ok(())
                    })?;
                }
                "homeConversions" => each_item(cursor, |cursor| {
                    found.home_conversions.push(home_conversion(cursor)?);
                    Ok(())
                })?,
                "time" => found.time = time("time", cursor)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        required(there, "prices")?;
        Ok(found)
    })
}

fn price_row(cursor: &mut Cursor<'_, '_>) -> Result<PriceRow, Fault> {
    let mut row = PriceRow::default();
    let (mut tradeable, mut status) = (None, "");
    each_field(cursor, |key, cursor| {
        match key {
            "instrument" => row.instrument = cursor.str()?.into(),
            "time" => row.time = time("time", cursor)?,
            "tradeable" => tradeable = Some(cursor.bool()?),
            "status" => status = cursor.str_or_null()?.unwrap_or_default(),
            "bids" => row.bids = buckets(cursor)?,
            "asks" => row.asks = buckets(cursor)?,
            "closeoutBid" => row.closeout_bid = money("closeoutBid", cursor)?.unwrap_or_default(),
            "closeoutAsk" => row.closeout_ask = money("closeoutAsk", cursor)?.unwrap_or_default(),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    required(!row.instrument.is_empty(), "instrument")?;
    row.tradeable = tradeable.unwrap_or(status == "tradeable");
    Ok(row)
}

fn buckets(cursor: &mut Cursor<'_, '_>) -> Result<Vec<(Fixed128, Fixed128)>, Fault> {
    let mut found = Vec::new();
    each_item(cursor, |cursor| {
        let (mut price, mut size) = (None, None);
        each_field(cursor, |key, cursor| {
            match key {
                "price" => price = money("price", cursor)?,
                // A number or a text (OANDA reference 2).
                "liquidity" if cursor.peek() == JsonKind::String => size = money("liquidity", cursor)?,
                "liquidity" => size = Some(Fixed128::new(i128::from(cursor.u64()?), 0)),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let price = price.ok_or(Fault::Missing { key: "price" })?;
        found.push((price, size.ok_or(Fault::Missing { key: "liquidity" })?));
        Ok(())
    })?;
    Ok(found)
}

fn home_conversion(cursor: &mut Cursor<'_, '_>) -> Result<HomeConversion, Fault> {
    let mut row = HomeConversion::default();
    each_field(cursor, |key, cursor| {
        match key {
            "currency" => row.currency = cursor.str()?.into(),
            "accountGain" => row.gain = money("accountGain", cursor)?.unwrap_or_default(),
            "accountLoss" => row.loss = money("accountLoss", cursor)?.unwrap_or_default(),
            "positionValue" => row.position_value = money("positionValue", cursor)?.unwrap_or_default(),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(row)
}

/// The candles of a candles reply.
///
/// # Errors
/// [`ReplyError`].
pub fn candles(body: &[u8]) -> Result<Candles, ReplyError> {
    let candles = list(body, "candles", candle)?;
    cold(body, |cursor| {
        let mut found = Candles::default();
        each_field(cursor, |key, cursor| {
            match key {
                "instrument" => found.instrument = cursor.str()?.into(),
                "granularity" => found.granularity = cursor.str()?.into(),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        found.candles = candles;
        Ok(found)
    })
}

fn candle(cursor: &mut Cursor<'_, '_>) -> Result<Candle, Fault> {
    let mut row = Candle::default();
    each_field(cursor, |key, cursor| {
        match key {
            "time" => row.time = time("time", cursor)?,
            "complete" => row.complete = cursor.bool()?,
            "volume" => row.volume = cursor.u64()?,
            "bid" => row.bid = Some(ohlc(cursor)?),
            "mid" => row.mid = Some(ohlc(cursor)?),
            "ask" => row.ask = Some(ohlc(cursor)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    required(row.time.is_some(), "time")?;
    Ok(row)
}

fn ohlc(cursor: &mut Cursor<'_, '_>) -> Result<[Fixed128; 4], Fault> {
    let [mut open, mut high, mut low, mut close] = [Fixed128::default(); 4];
    each_field(cursor, |key, cursor| {
        let (key, field) = match key {
            "o" => ("o", &mut open),
            "h" => ("h", &mut high),
            "l" => ("l", &mut low),
            "c" => ("c", &mut close),
            _ => return Ok(false),
        };
        *field = money(key, cursor)?.ok_or(Fault::Missing { key })?;
        Ok(true)
    })?;
    Ok([open, high, low, close])
}

/// The pages of a transactions reply. Its addresses are never followed: only their ids are taken.
///
/// # Errors
/// [`ReplyError`].
pub fn pages(body: &[u8]) -> Result<TransactionPages, ReplyError> {
    cold(body, |cursor| {
        let mut found = TransactionPages::default();
        let mut there = false;
        each_field(cursor, |key, cursor| {
            match key {
                "pages" => {
                    there = true;
                    each_item(cursor, |cursor| {
                        found.pages.push(range(cursor.str()?).ok_or(Fault::Value { key: "pages" })?);
                        Ok(())
                    })?;
                }
                "count" => found.count = cursor.u64()?,
                "lastTransactionID" => found.last_transaction = cursor.u64_or_text()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        required(there, "pages")?;
        Ok(found)
    })
}

/// The ids in the address of a page.
fn range(address: &str) -> Option<TransactionRange> {
    let (_, query) = address.split_once('?')?;
    let value = |name: &str| {
        let mut parameters = query.split('&').filter_map(|parameter| parameter.split_once('='));
        parameters.find(|(key, _)| *key == name)?.1.parse().ok()
    };
    Some(TransactionRange { from: value("from")?, to: value("to")? })
}
