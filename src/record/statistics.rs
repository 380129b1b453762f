//! The 128-byte statistics record: tickers and 24 h figures, on a ring of their own so that they never push market
//! records out. Every value carries its own exponent, since venues send them at uneven precision.

use super::{Fixed, Flags, InstrumentId, Side, UnixNanos};

/// What a statistics record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum StatisticsKind {
    /// A ticker.
    Ticker = 1,
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
        let mut record = StatisticsRecord {
            recv_ns: recv.0,
            venue_ns: venue.0,
            sequence,
            instrument,
            kind: StatisticsKind::Ticker,
            flags: if venue.is_some() { flags } else { flags.with(Flags::BAD_TS) },
            present: 0,
            values: [0; VALUES],
            exponents: [0; VALUES],
            reserved: [0; 4],
        };
        let all =
            [t.price, t.bid, t.bid_size, t.ask, t.ask_size, t.volume_24h, t.low_24h, t.high_24h, t.change_24h_percent];
        let slots = record.values.iter_mut().zip(record.exponents.iter_mut());
        for (i, ((value, exponent), given)) in slots.zip(all).enumerate() {
            if let Some(given) = given {
                (*value, *exponent) = (given.mantissa(), given.exponent());
                record.present |= 1 << i;
            }
        }
        record.present |= match t.last_side {
            None => 0,
            Some(Side::Buy) => BOUGHT,
            Some(Side::Sell) => SOLD,
        };
        record
    }

    /// The payload of a ticker record.
    pub fn as_ticker(&self) -> Ticker {
        let at = |i: usize| {
            let present = self.present & (1 << i) != 0;
            present.then(|| {
                Fixed::new(self.values.get(i).copied().unwrap_or(0), self.exponents.get(i).copied().unwrap_or(0))
            })
        };
        Ticker {
            price: at(0),
            bid: at(1),
            bid_size: at(2),
            ask: at(3),
            ask_size: at(4),
            volume_24h: at(5),
            low_24h: at(6),
            high_24h: at(7),
            change_24h_percent: at(8),
            last_side: match self.present & (BOUGHT | SOLD) {
                BOUGHT => Some(Side::Buy),
                SOLD => Some(Side::Sell),
                _ => None,
            },
        }
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
            .field("ticker", &self.as_ticker())
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
    }
}
