//! The members of the feed's messages, read in one pass whatever their order (Coinbase reference 8).
//!
//! Owns nothing: texts point into the message. Messages have no envelope; `type` says what they are. Never interprets a
//! value beyond its JSON type.

use super::super::stream::{Fault, TickerText};
use crate::codec::json::Cursor;

/// Keys of the arrays that can be long: the two sides of a snapshot and the changes of an update.
pub(in crate::venue::coinbase) const LONG_ARRAYS: &[&str] = &["asks", "bids", "changes"];

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    Snapshot,
    Update,
    Match,
    LastMatch,
    Ticker,
    Heartbeat,
    Subscriptions,
    Error,
    /// Known, of no use here: the list of all products, which is not subscribed.
    Ignored,
    #[default]
    Unknown,
}

impl Kind {
    #[inline]
    fn named(name: &str) -> Kind {
        match name {
            "l2update" => Kind::Update,
            "match" => Kind::Match,
            "ticker" => Kind::Ticker,
            "heartbeat" => Kind::Heartbeat,
            "snapshot" => Kind::Snapshot,
            "last_match" => Kind::LastMatch,
            "subscriptions" => Kind::Subscriptions,
            "error" => Kind::Error,
            "status" => Kind::Ignored,
            _ => Kind::Unknown,
        }
    }

    pub const fn is_book(self) -> bool {
        matches!(self, Kind::Snapshot | Kind::Update)
    }
}

/// The members of any message, as sent; empty or `None` where absent.
#[derive(Debug, Clone, Default)]
pub(super) struct Members<'c, 'i> {
    pub kind: Kind,
    pub kind_name: &'i str,
    pub product: &'i str,
    pub time: &'i str,
    pub side: &'i str,
    pub price: &'i str,
    /// `size` of a match.
    pub size: &'i str,
    pub sequence: u64,
    pub trade_id: u64,
    pub last_trade_id: u64,
    /// The members only tickers have.
    pub ticker: TickerText<'i>,
    pub message: &'i str,
    pub reason: &'i str,
    pub asks: Option<Cursor<'c, 'i>>,
    pub bids: Option<Cursor<'c, 'i>>,
    pub changes: Option<Cursor<'c, 'i>>,
    pub channels: Option<Cursor<'c, 'i>>,
    /// The key among [`LONG_ARRAYS`] that came last: in the head of a long message, the array that opens.
    pub last_array: &'i str,
}

impl<'c, 'i> Members<'c, 'i> {
    #[inline]
    pub fn read(cursor: &mut Cursor<'c, 'i>) -> Result<Members<'c, 'i>, Fault> {
        let mut all = Members::default();
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "type" => {
                    all.kind_name = cursor.str()?;
                    all.kind = Kind::named(all.kind_name);
                }
                "product_id" => all.product = cursor.str()?,
                "changes" => all.changes = Some(all.array(key, cursor)?),
                "time" => all.time = cursor.str_or_null()?.unwrap_or_default(),
                "side" => all.side = cursor.str()?,
                "price" => all.price = cursor.str()?,
                "size" => all.size = cursor.str()?,
                "sequence" => all.sequence = cursor.u64_or_text()?,
                "trade_id" => all.trade_id = cursor.u64_or_text()?,
                "last_trade_id" => all.last_trade_id = cursor.u64_or_text()?,
                "asks" => all.asks = Some(all.array(key, cursor)?),
                "bids" => all.bids = Some(all.array(key, cursor)?),
                "channels" => {
                    all.channels = Some(cursor.clone());
                    cursor.skip()?;
                }
                "message" => all.message = cursor.str_or_null()?.unwrap_or_default(),
                "reason" => all.reason = cursor.str_or_null()?.unwrap_or_default(),
                // Order ids of a match, and whatever the venue adds without notice.
                key => match ticker_member(&mut all.ticker, key) {
                    Some(place) => *place = cursor.str_or_null()?.unwrap_or_default(),
                    None => cursor.skip()?,
                },
            }
        }
        Ok(all)
    }

    /// Notes where an array stands, to be read when all members are known, and passes it by.
    #[inline]
    fn array(&mut self, key: &'i str, cursor: &mut Cursor<'c, 'i>) -> Result<Cursor<'c, 'i>, Fault> {
        self.last_array = key;
        let start = cursor.clone();
        cursor.skip()?;
        Ok(start)
    }
}

/// Where the value of a key that only tickers have belongs.
fn ticker_member<'t, 'i>(ticker: &'t mut TickerText<'i>, key: &str) -> Option<&'t mut &'i str> {
    Some(match key {
        "best_bid" => &mut ticker.bid,
        "best_bid_size" => &mut ticker.bid_size,
        "best_ask" => &mut ticker.ask,
        "best_ask_size" => &mut ticker.ask_size,
        "volume_24h" => &mut ticker.volume,
        "low_24h" => &mut ticker.low,
        "high_24h" => &mut ticker.high,
        _ => return None,
    })
}
