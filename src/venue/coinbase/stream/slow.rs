//! The slow public channels: candles and trading status (Coinbase reference 6.7).

use super::super::products::StatusTold;
use super::market::fixed;
use super::{excerpt, Decoder, Fault};
use crate::codec::json::Cursor;
use crate::record::{Candle, Fixed, TradingStatus, UnixNanos};
use crate::venue::{Anomaly, CandleFact, Channels, Facts};

/// The venue streams five-minute candles only, seconds.
const CANDLE_S: u32 = 300;
const NS_PER_S: u64 = 1_000_000_000;

/// A product of the status channel as sent.
#[derive(Debug, Clone, Copy, Default)]
struct StatusRow<'i> {
    id: &'i str,
    status: &'i str,
    base_increment: &'i str,
    quote_increment: &'i str,
}

impl Decoder {
    pub(super) fn candles(
        &mut self,
        snapshot: bool,
        sequence: u64,
        venue_time: UnixNanos,
        cursor: &mut Cursor<'_, '_>,
        facts: &mut impl Facts,
    ) -> Result<(), Fault> {
        let mut items = cursor.array()?;
        while items.next_item(cursor)? {
            let start = cursor.clone();
            let (name, candle) = match candle(cursor) {
                Ok(row) => row,
                // The other candles are still good.
                Err(fault) => {
                    super::announce(&fault, facts);
                    *cursor = start;
                    cursor.skip()?;
                    continue;
                }
            };
            let mut next = self.products.find_streamed(name);
            if next.is_none() {
                facts.anomaly(Anomaly::UnknownInstrument, excerpt(name));
            }
            while let Some(index) = next {
                next = self.products.next_member(index);
                let Some(product) = self.products.get_mut(index) else { break };
                product.saw(Channels::CANDLES);
                if product.wanted.contains(Channels::CANDLES) {
                    let instrument = product.instrument;
                    facts.candle(CandleFact { instrument, candle, venue_time, sequence, snapshot });
                }
            }
        }
        Ok(())
    }

    /// Products of the status channel; those nobody asked for are left out, since it may list all. What a snapshot says
    /// is told, and after it what changed: the venue repeats itself on an interval of its own.
    pub(super) fn statuses(
        &mut self,
        snapshot: bool,
        venue_time: UnixNanos,
        cursor: &mut Cursor<'_, '_>,
        facts: &mut impl Facts,
    ) -> Result<(), Fault> {
        let mut items = cursor.array()?;
        while items.next_item(cursor)? {
            let row = StatusRow::read(cursor)?;
            let Some(head) = self.products.find_streamed(row.id) else { continue };
            let status = row.status(facts);
            let increments = match row.increments() {
                Ok(increments) => increments,
                Err(fault) => {
                    super::announce(&fault, facts);
                    None
                }
            };
            let mut next = Some(head);
            while let Some(index) = next {
                next = self.products.next_member(index);
                let Some(product) = self.products.get_mut(index) else { break };
                product.saw(Channels::STATUS);
                // A stream's products halt together; the increments are those of the product named.
                let increments = increments.filter(|_| product.symbol.as_ref() == row.id);
                let now = StatusTold { status, increments };
                if !product.wanted.contains(Channels::STATUS) || (!snapshot && product.status == Some(now)) {
                    continue;
                }
                product.status = Some(now);
                let instrument = product.instrument;
                if let Some((tick, lot)) = increments {
                    facts.increments(instrument, tick, lot);
                }
                facts.status(instrument, status, venue_time);
            }
        }
        Ok(())
    }
}

impl<'i> StatusRow<'i> {
    fn read(cursor: &mut Cursor<'_, 'i>) -> Result<StatusRow<'i>, Fault> {
        let mut row = StatusRow::default();
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            let field = match key {
                "id" => &mut row.id,
                "status" => &mut row.status,
                "base_increment" => &mut row.base_increment,
                "quote_increment" => &mut row.quote_increment,
                _ => {
                    cursor.skip()?;
                    continue;
                }
            };
            *field = cursor.str_or_null()?.unwrap_or_default();
        }
        Ok(row)
    }

    fn status(&self, facts: &mut impl Facts) -> TradingStatus {
        match self.status {
            "online" => TradingStatus::Online,
            "offline" | "delisted" => TradingStatus::Halted,
            other => {
                facts.anomaly(Anomaly::UnknownValue, excerpt(other));
                TradingStatus::Unknown
            }
        }
    }

    /// Tick and lot; on spot, the only products listed here, the quote increment is the tick (Coinbase reference 3.7).
    fn increments(&self) -> Result<Option<(Fixed, Fixed)>, Fault> {
        // Absent numbers are "" (Coinbase reference 3).
        if self.base_increment.is_empty() || self.quote_increment.is_empty() {
            return Ok(None);
        }
        let tick = fixed("quote_increment", self.quote_increment)?;
        Ok(Some((tick, fixed("base_increment", self.base_increment)?)))
    }
}

fn candle<'i>(cursor: &mut Cursor<'_, 'i>) -> Result<(&'i str, Candle), Fault> {
    let (mut product, mut open, mut high, mut low, mut close, mut volume) = ("", "", "", "", "", "");
    let mut start = None;
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        let field = match key {
            "product_id" => &mut product,
            "open" => &mut open,
            "high" => &mut high,
            "low" => &mut low,
            "close" => &mut close,
            "volume" => &mut volume,
            // UNIX seconds, as text.
            "start" => {
                start = Some(cursor.u64_or_text()?);
                continue;
            }
            _ => {
                cursor.skip()?;
                continue;
            }
        };
        *field = cursor.str()?;
    }
    let start = start.ok_or(Fault::Missing { key: "start" })?;
    let candle = Candle {
        start: UnixNanos(start.saturating_mul(NS_PER_S)),
        interval_s: CANDLE_S,
        open: fixed("open", open)?,
        high: fixed("high", high)?,
        low: fixed("low", low)?,
        close: fixed("close", close)?,
        volume: fixed("volume", volume)?,
    };
    Ok((product, candle))
}
