//! What statistics records say of a futures account: its balances, and how far it is from liquidation. They concern the
//! account, so their instrument is [`InstrumentId::NONE`].

use super::market::numbered;
use super::{Fixed, Flags, InstrumentId, StatisticsKind, StatisticsRecord, UnixNanos};

/// Balances of a futures account, US dollars. A figure the venue did not send is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FuturesBalance {
    /// What new positions may cost.
    pub buying_power: Option<Fixed>,
    /// All dollars, spot and futures.
    pub total_usd: Option<Fixed>,
    /// Dollars in the spot account.
    pub spot_usd: Option<Fixed>,
    /// Dollars in the futures account.
    pub futures_usd: Option<Fixed>,
    /// Held for open orders.
    pub open_orders_hold: Option<Fixed>,
    /// Profit of open positions.
    pub unrealized_pnl: Option<Fixed>,
    /// Profit realised today.
    pub daily_realized_pnl: Option<Fixed>,
    /// Margin that open positions and orders need.
    pub initial_margin: Option<Fixed>,
    /// Margin beyond that.
    pub available_margin: Option<Fixed>,
    /// Equity at which positions are closed by force.
    pub liquidation_threshold: Option<Fixed>,
}

/// Which rules a margin figure is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum MarginWindow {
    /// Those that hold now.
    #[default]
    Current = 1,
    /// Those of trading hours.
    Intraday = 2,
    /// Those of the night and the weekend.
    Overnight = 3,
}

/// How the venue judges an account's margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum MarginLevel {
    /// Not said, or in words we do not know.
    #[default]
    Unknown = 1,
    /// Enough.
    Base = 2,
    /// Getting short.
    Warning = 3,
    /// Short.
    Danger = 4,
    /// Positions are being closed.
    Liquidation = 5,
}

/// How far a futures account is from liquidation. A figure the venue did not send is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FuturesMargin {
    /// Under which rules.
    pub window: MarginWindow,
    /// The venue's judgement.
    pub level: MarginLevel,
    /// Margin needed to open, US dollars.
    pub initial_margin: Option<Fixed>,
    /// Margin needed to hold, US dollars.
    pub maintenance_margin: Option<Fixed>,
    /// What may be lost before liquidation, US dollars.
    pub liquidation_buffer: Option<Fixed>,
    /// The same, percent of the threshold.
    pub liquidation_buffer_percent: Option<Fixed>,
    /// Held for positions and orders, US dollars.
    pub total_hold: Option<Fixed>,
    /// What new positions may cost, US dollars.
    pub buying_power: Option<Fixed>,
}

const WINDOWS: [MarginWindow; 3] = [MarginWindow::Current, MarginWindow::Intraday, MarginWindow::Overnight];
const LEVELS: [MarginLevel; 5] =
    [MarginLevel::Unknown, MarginLevel::Base, MarginLevel::Warning, MarginLevel::Danger, MarginLevel::Liquidation];

impl StatisticsRecord {
    /// A record of a futures account's balances.
    pub fn futures_balance(recv: UnixNanos, venue: UnixNanos, sequence: u64, flags: Flags, b: FuturesBalance) -> Self {
        let all = [
            b.buying_power,
            b.total_usd,
            b.spot_usd,
            b.futures_usd,
            b.open_orders_hold,
            b.unrealized_pnl,
            b.daily_realized_pnl,
            b.initial_margin,
            b.available_margin,
            b.liquidation_threshold,
        ];
        Self::new(StatisticsKind::FuturesBalance, (recv, venue, sequence), InstrumentId::NONE, flags, all)
    }

    /// A record of a futures account's margin.
    pub fn futures_margin(recv: UnixNanos, venue: UnixNanos, sequence: u64, flags: Flags, m: FuturesMargin) -> Self {
        let whole = |number: u8| Some(Fixed::new(i64::from(number), 0));
        let all = [
            whole(m.window as u8),
            whole(m.level as u8),
            m.initial_margin,
            m.maintenance_margin,
            m.liquidation_buffer,
            m.liquidation_buffer_percent,
            m.total_hold,
            m.buying_power,
        ];
        Self::new(StatisticsKind::FuturesMargin, (recv, venue, sequence), InstrumentId::NONE, flags, all)
    }

    pub(super) fn as_futures_balance(&self) -> FuturesBalance {
        FuturesBalance {
            buying_power: self.at(0),
            total_usd: self.at(1),
            spot_usd: self.at(2),
            futures_usd: self.at(3),
            open_orders_hold: self.at(4),
            unrealized_pnl: self.at(5),
            daily_realized_pnl: self.at(6),
            initial_margin: self.at(7),
            available_margin: self.at(8),
            liquidation_threshold: self.at(9),
        }
    }

    pub(super) fn as_futures_margin(&self) -> FuturesMargin {
        let whole = |i| self.at(i).map_or(0, |value| value.mantissa());
        FuturesMargin {
            window: numbered(&WINDOWS, whole(0)).unwrap_or_default(),
            level: numbered(&LEVELS, whole(1)).unwrap_or_default(),
            initial_margin: self.at(2),
            maintenance_margin: self.at(3),
            liquidation_buffer: self.at(4),
            liquidation_buffer_percent: self.at(5),
            total_hold: self.at(6),
            buying_power: self.at(7),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::StatisticsView;

    #[test]
    fn balances_and_margins_read_back_with_their_holes() {
        let figure = |cents| Some(Fixed::new(cents, -2));
        let balance = FuturesBalance {
            buying_power: figure(1),
            total_usd: figure(2),
            unrealized_pnl: figure(-300),
            liquidation_threshold: figure(10),
            ..FuturesBalance::default()
        };
        let record = StatisticsRecord::futures_balance(UnixNanos(1), UnixNanos(2), 3, Flags::LAST, balance);
        assert_eq!((record.view(), record.instrument()), (StatisticsView::FuturesBalance(balance), InstrumentId::NONE));
        for window in WINDOWS {
            for level in LEVELS {
                let margin = FuturesMargin { window, level, buying_power: figure(7), ..FuturesMargin::default() };
                let record = StatisticsRecord::futures_margin(UnixNanos(1), UnixNanos(2), 3, Flags::LAST, margin);
                assert_eq!(record.view(), StatisticsView::FuturesMargin(margin));
            }
        }
    }
}
