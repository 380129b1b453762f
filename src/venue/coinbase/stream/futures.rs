//! The balances of the account's US futures (Coinbase reference 6.9).

use super::market::fixed;
use super::{announce, excerpt, Control, Decoder, EventHead, Fault, Head};
use crate::codec::json::Cursor;
use crate::record::{Fixed, FuturesBalance, FuturesMargin, MarginLevel, MarginWindow};
use crate::venue::{Anomaly, Facts, FuturesFact, FuturesFigures};

impl Decoder {
    /// One event: balances, what holds now, and the two margin windows, each of which may be null.
    pub(super) fn futures(
        &mut self,
        head: &Head<'_>,
        cursor: &mut Cursor<'_, '_>,
        facts: &mut impl Facts,
    ) -> Result<Control, Fault> {
        let mut event = EventHead::default();
        let (mut balance, mut margins) = (None, [None; 3]);
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "type" => event.kind = cursor.str()?,
                "fcm_balance_summary" => balance = Some(summary(cursor, &mut margins, facts)?),
                _ => cursor.skip()?,
            }
        }
        let balance = balance.ok_or(Fault::Missing { key: "fcm_balance_summary" })?;
        let (snapshot, sequence) = (event.is_snapshot()?, head.sequence.unwrap_or(0));
        let venue_time = self.time(head.timestamp, facts);
        let margins = margins.into_iter().flatten().map(FuturesFigures::Margin);
        for figures in std::iter::once(FuturesFigures::Balance(balance)).chain(margins) {
            facts.futures(FuturesFact { figures, venue_time, sequence, snapshot });
        }
        Ok(Control::None)
    }
}

fn summary(
    cursor: &mut Cursor<'_, '_>,
    [current, intraday, overnight]: &mut [Option<FuturesMargin>; 3],
    facts: &mut impl Facts,
) -> Result<FuturesBalance, Fault> {
    let (mut balance, mut now) = (FuturesBalance::default(), FuturesMargin::default());
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        let figure = match key {
            "futures_buying_power" => &mut balance.buying_power,
            "total_usd_balance" => &mut balance.total_usd,
            "cbi_usd_balance" => &mut balance.spot_usd,
            "cfm_usd_balance" => &mut balance.futures_usd,
            "total_open_orders_hold_amount" => &mut balance.open_orders_hold,
            "unrealized_pnl" => &mut balance.unrealized_pnl,
            "daily_realized_pnl" => &mut balance.daily_realized_pnl,
            "initial_margin" => &mut balance.initial_margin,
            "available_margin" => &mut balance.available_margin,
            "liquidation_threshold" => &mut balance.liquidation_threshold,
            "liquidation_buffer_amount" => &mut now.liquidation_buffer,
            "liquidation_buffer_percentage" => &mut now.liquidation_buffer_percent,
            "intraday_margin_window_measure" => {
                *intraday = margin(MarginWindow::Intraday, cursor, facts)?;
                continue;
            }
            "overnight_margin_window_measure" => {
                *overnight = margin(MarginWindow::Overnight, cursor, facts)?;
                continue;
            }
            _ => {
                cursor.skip()?;
                continue;
            }
        };
        *figure = read(cursor, facts)?;
    }
    *current = Some(now);
    Ok(balance)
}

fn margin(
    window: MarginWindow,
    cursor: &mut Cursor<'_, '_>,
    facts: &mut impl Facts,
) -> Result<Option<FuturesMargin>, Fault> {
    if cursor.take_null() {
        return Ok(None);
    }
    let mut margin = FuturesMargin { window, ..FuturesMargin::default() };
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        let figure = match key {
            "initial_margin" => &mut margin.initial_margin,
            "maintenance_margin" => &mut margin.maintenance_margin,
            "liquidation_buffer_percentage" => &mut margin.liquidation_buffer_percent,
            "total_hold" => &mut margin.total_hold,
            "futures_buying_power" => &mut margin.buying_power,
            "margin_level" => {
                margin.level = level(cursor.str_or_null()?.unwrap_or_default(), facts);
                continue;
            }
            // `margin_window_type` says what the member's own name says.
            _ => {
                cursor.skip()?;
                continue;
            }
        };
        *figure = read(cursor, facts)?;
    }
    Ok(Some(margin))
}

/// A figure; `None` for none and, counted, for what is none.
fn read(cursor: &mut Cursor<'_, '_>, facts: &mut impl Facts) -> Result<Option<Fixed>, Fault> {
    let text = cursor.str_or_null()?.unwrap_or_default();
    if text.is_empty() {
        return Ok(None);
    }
    let figure = fixed("futures figure", text);
    if let Err(fault) = &figure {
        announce(fault, facts);
    }
    Ok(figure.ok())
}

fn level(text: &str, facts: &mut impl Facts) -> MarginLevel {
    match text {
        "MARGIN_LEVEL_TYPE_BASE" => MarginLevel::Base,
        "MARGIN_LEVEL_TYPE_WARNING" => MarginLevel::Warning,
        "MARGIN_LEVEL_TYPE_DANGER" => MarginLevel::Danger,
        "MARGIN_LEVEL_TYPE_LIQUIDATION" => MarginLevel::Liquidation,
        "" | "MARGIN_LEVEL_TYPE_UNSPECIFIED" => MarginLevel::Unknown,
        other => {
            facts.anomaly(Anomaly::UnknownValue, excerpt(other));
            MarginLevel::Unknown
        }
    }
}
