//! The 128-byte statistics record: tickers, 24 h figures, candles and futures balances, on a ring of their own so that they never push
//! market records out. Every value carries its own exponent, since venues send them at uneven precision.

use super::{Fixed, Flags, FuturesBalance, FuturesMargin, InstrumentId, Side, UnixNanos};

/// What a statistics record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum StatisticsKind {
    /// A ticker.
    Ticker = 1,
    /// A ticker of a channel that sends the latest state every few seconds instead of at every trade.
    TickerBatch = 2,
    /// A candle, final or still growing.
    Candle = 3,
    /// Balances of a futures account.
    FuturesBalance = 4,
    /// How far a futures account is from liquidation.
    FuturesMargin = 5,
}

/// One statistics record.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct StatisticsRecord {
    recv_ns: u64,
    venue_ns: u64,
    sequence: u64,
    instrument: InstrumentId,
    kind: StatisticsKind,
    flags: Flags,
    present: u16,
    values: [i64; VALUES],
    exponents: [i8; VALUES],
    reserved: [u8; 4],
}

const VALUES: usize = 10;
/// Bits of `present` above those of the values: the side of the last trade.
const BOUGHT: u16 = 1 << 14;
const SOLD: u16 = 1 << 15;
const _: () = assert!(std::mem::size_of::<StatisticsRecord>() == 128);

/// A ticker. A value the venue did not send, or that does not fit, is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ticker {
    /// Last trade price, quote currency.
    pub price: Option<Fixed>,
    /// Best bid price.
    pub bid: Option<Fixed>,
    /// Best bid size, base currency.
    pub bid_size: Option<Fixed>,
    /// Best ask price.
    pub ask: Option<Fixed>,
    /// Best ask size, base currency.
    pub ask_size: Option<Fixed>,
    /// Volume of the last 24 h, base currency.
    pub volume_24h: Option<Fixed>,
    /// Lowest price of the last 24 h.
    pub low_24h: Option<Fixed>,
    /// Highest price of the last 24 h.
    pub high_24h: Option<Fixed>,
    /// Price change over the last 24 h, percent.
    pub change_24h_percent: Option<Fixed>,
    /// The aggressor's side of the last trade, where the venue's ticker tells it.
    pub last_side: Option<Side>,
}

/// A candle: what was traded from `start` on, for `interval_s` seconds. The venue may send it many times while it grows;
/// the last one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candle {
    /// Where it begins.
    pub start: UnixNanos,
    /// How long it lasts, seconds.
    pub interval_s: u32,
    /// First price, quote currency.
    pub open: Fixed,
    /// Highest price.
    pub high: Fixed,
    /// Lowest price.
    pub low: Fixed,
    /// Last price.
    pub close: Fixed,
    /// Volume, base currency.
    pub volume: Fixed,
}

/// What is inside a statistics record, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatisticsView {
    /// A ticker, sent at every trade.
    Ticker(Ticker),
    /// A ticker, sent every few seconds.
    TickerBatch(Ticker),
    /// A candle.
    Candle(Candle),
    /// Balances of a futures account.
    FuturesBalance(FuturesBalance),
    /// Margin of a futures account.
    FuturesMargin(FuturesMargin),
}

/// Where a candle's start (ns) and interval (s) lie among the values, behind its five figures.
const CANDLE_START: usize = 5;
const CANDLE_INTERVAL: usize = 6;

impl StatisticsRecord {
    /// A ticker record.
    pub fn ticker(
        recv: UnixNanos,
        venue: UnixNanos,
        sequence: u64,
        instrument: InstrumentId,
        flags: Flags,
        t: Ticker,
    ) -> Self {
        let all =
            [t.price, t.bid, t.bid_size, t.ask, t.ask_size, t.volume_24h, t.low_24h, t.high_24h, t.change_24h_percent];
        let mut record = Self::new(StatisticsKind::Ticker, (recv, venue, sequence), instrument, flags, all);
        record.present |= match t.last_side {
            None => 0,
            Some(Side::Buy) => BOUGHT,
            Some(Side::Sell) => SOLD,
        };
        record
    }

    /// The same for a channel that sends tickers every few seconds.
    pub fn ticker_batch(
        recv: UnixNanos,
        venue: UnixNanos,
        sequence: u64,
        instrument: InstrumentId,
        flags: Flags,
        t: Ticker,
    ) -> Self {
        let record = Self::ticker(recv, venue, sequence, instrument, flags, t);
        StatisticsRecord { kind: StatisticsKind::TickerBatch, ..record }
    }

    /// A candle record.
    pub fn candle(
        recv: UnixNanos,
        venue: UnixNanos,
        sequence: u64,
        instrument: InstrumentId,
        flags: Flags,
        c: Candle,
    ) -> Self {
        let whole = |value: i64| Some(Fixed::new(value, 0));
        let start = i64::try_from(c.start.0).unwrap_or(i64::MAX);
        let all = [
            Some(c.open),
            Some(c.high),
            Some(c.low),
            Some(c.close),
            Some(c.volume),
            whole(start),
            whole(i64::from(c.interval_s)),
        ];
        Self::new(StatisticsKind::Candle, (recv, venue, sequence), instrument, flags, all)
    }

    pub(super) fn new<const N: usize>(
        kind: StatisticsKind,
        (recv, venue, sequence): (UnixNanos, UnixNanos, u64),
        instrument: InstrumentId,
        flags: Flags,
        all: [Option<Fixed>; N],
    ) -> Self {
        const { assert!(N <= VALUES) };
        let mut record = StatisticsRecord {
            recv_ns: recv.0,
            venue_ns: venue.0,
            sequence,
            instrument,
            kind,
            flags: if venue.is_some() { flags } else { flags.with(Flags::BAD_TS) },
            present: 0,
            values: [0; VALUES],
            exponents: [0; VALUES],
            reserved: [0; 4],
        };
        let slots = record.values.iter_mut().zip(record.exponents.iter_mut());
        for (i, ((value, exponent), given)) in slots.zip(all).enumerate() {
            if let Some(given) = given {
                (*value, *exponent) = (given.mantissa(), given.exponent());
                record.present |= 1 << i;
            }
        }
        record
    }

    /// The payload by kind.
    pub fn view(&self) -> StatisticsView {
        match self.kind {
            StatisticsKind::Ticker => StatisticsView::Ticker(self.as_ticker()),
            StatisticsKind::TickerBatch => StatisticsView::TickerBatch(self.as_ticker()),
            StatisticsKind::Candle => StatisticsView::Candle(self.as_candle()),
            StatisticsKind::FuturesBalance => StatisticsView::FuturesBalance(self.as_futures_balance()),
            StatisticsKind::FuturesMargin => StatisticsView::FuturesMargin(self.as_futures_margin()),
        }
    }

    /// The payload of a ticker record; nothing of any other kind.
    pub fn as_ticker(&self) -> Ticker {
        if !matches!(self.kind, StatisticsKind::Ticker | StatisticsKind::TickerBatch) {
            return Ticker::default();
        }
        Ticker {
            price: self.at(0),
            bid: self.at(1),
            bid_size: self.at(2),
            ask: self.at(3),
            ask_size: self.at(4),
            volume_24h: self.at(5),
            low_24h: self.at(6),
            high_24h: self.at(7),
            change_24h_percent: self.at(8),
            last_side: match self.present & (BOUGHT | SOLD) {
                BOUGHT => Some(Side::Buy),
                SOLD => Some(Side::Sell),
                _ => None,
            },
        }
    }

    fn as_candle(&self) -> Candle {
        let figure = |i| self.at(i).unwrap_or_default();
        let whole = |i| self.at(i).map_or(0, |value| value.mantissa());
        Candle {
            start: UnixNanos(u64::try_from(whole(CANDLE_START)).unwrap_or(0)),
            interval_s: u32::try_from(whole(CANDLE_INTERVAL)).unwrap_or(0),
            open: figure(0),
            high: figure(1),
            low: figure(2),
            close: figure(3),
            volume: figure(4),
        }
    }

    pub(super) fn at(&self, i: usize) -> Option<Fixed> {
        let present = self.present & (1 << i) != 0;
        present
            .then(|| Fixed::new(self.values.get(i).copied().unwrap_or(0), self.exponents.get(i).copied().unwrap_or(0)))
    }

    /// What kind of record it is.
    pub fn kind(&self) -> StatisticsKind {
        self.kind
    }

    /// Its flags.
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// The instrument it concerns.
    pub fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// When the socket was read.
    pub fn recv(&self) -> UnixNanos {
        UnixNanos(self.recv_ns)
    }

    /// The venue's own time.
    pub fn venue_time(&self) -> UnixNanos {
        UnixNanos(self.venue_ns)
    }

    /// The venue's sequence number.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }
}

impl std::fmt::Debug for StatisticsRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatisticsRecord")
            .field("instrument", &self.instrument.0)
            .field("sequence", &self.sequence)
            .field("view", &self.view())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticker_reads_back_with_its_holes() {
        let ticker = Ticker {
            price: Some(Fixed::new(830_005, -1)),
            change_24h_percent: Some(Fixed::new(25_541_069_034_937, -14)),
            ..Ticker::default()
        };
        let record = StatisticsRecord::ticker(UnixNanos(1), UnixNanos(2), 3, InstrumentId(4), Flags::LAST, ticker);
        assert_eq!(record.as_ticker(), ticker);
        assert_eq!(record.view(), StatisticsView::Ticker(ticker));
        let batch = StatisticsRecord::ticker_batch(UnixNanos(1), UnixNanos(2), 3, InstrumentId(4), Flags::LAST, ticker);
        assert_eq!((batch.view(), batch.as_ticker()), (StatisticsView::TickerBatch(ticker), ticker));
    }

    #[test]
    fn a_candle_reads_back_whole_and_is_no_ticker() {
        let candle = Candle {
            start: UnixNanos(1_793_613_600_000_000_000),
            interval_s: 300,
            open: Fixed::new(83_000, 0),
            high: Fixed::new(8_301_201, -2),
            low: Fixed::new(82_990, 0),
            close: Fixed::new(83_012, 0),
            volume: Fixed::new(126, -1),
        };
        let record = StatisticsRecord::candle(UnixNanos(1), UnixNanos::NONE, 3, InstrumentId(4), Flags::LAST, candle);
        assert_eq!(record.view(), StatisticsView::Candle(candle));
        assert_eq!(record.as_ticker(), Ticker::default());
        assert!(record.flags().contains(Flags::BAD_TS));
    }
}
