//! The 64-byte market record: one cache line per quote, trade, level or notice.

use super::{BookSide, Fixed, Flags, InstrumentId, Side, Subscription, UnixNanos, Venue};

/// What a market record says. One byte of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MarketKind {
    /// Best bid and ask with their sizes.
    Quote = 1,
    /// One public trade.
    Trade = 2,
    /// The new absolute size of one price level.
    Level = 3,
    /// Trading status, tick and lot of an instrument.
    Status = 4,
    /// Something was lost, or recovered.
    Gap = 5,
    /// A connection changed its state.
    State = 6,
    /// The reactor is alive; carries the stamp of its publication.
    Pulse = 7,
    /// What the venue serves is not what was asked of it.
    Subscription = 8,
}

/// One fixed-layout market record: a 32-byte header and four words whose meaning follows from the kind. Built by the
/// constructors, read through [`MarketRecord::view`].
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct MarketRecord {
    recv_ns: u64,
    venue_ns: u64,
    sequence: u64,
    instrument: InstrumentId,
    kind: MarketKind,
    flags: Flags,
    price_exponent: i8,
    size_exponent: i8,
    words: [i64; 4],
}

const _: () = {
    use std::mem::{align_of, offset_of, size_of};
    assert!(size_of::<MarketRecord>() == 64 && align_of::<MarketRecord>() == 64);
    assert!(offset_of!(MarketRecord, venue_ns) == 8 && offset_of!(MarketRecord, sequence) == 16);
    assert!(offset_of!(MarketRecord, instrument) == 24 && offset_of!(MarketRecord, kind) == 28);
    assert!(offset_of!(MarketRecord, flags) == 29 && offset_of!(MarketRecord, words) == 32);
};

/// The header fields every kind shares, as the engine knows them when an event arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// When our socket was read.
    pub recv: UnixNanos,
    /// The venue's own time; [`UnixNanos::NONE`] if it sent none.
    pub venue: UnixNanos,
    /// The venue's sequence number; 0 where the feed has none.
    pub sequence: u64,
}

/// Everything of a market record but its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Times and sequence.
    pub stamp: Stamp,
    /// The instrument.
    pub instrument: InstrumentId,
    /// Powers of ten of prices and sizes.
    pub exponents: (i8, i8),
    /// Its flags, without the side.
    pub flags: Flags,
}

/// The payload of a record, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum View {
    /// Best bid and ask.
    Quote(Quote),
    /// A trade.
    Trade(Trade),
    /// A price level.
    Level(Level),
    /// An instrument's status.
    Status(InstrumentStatus),
    /// A loss or a recovery.
    Gap(Gap),
    /// A connection's state.
    State(State),
    /// A sign of life.
    Pulse(Pulse),
    /// A channel that is not served as asked.
    Subscription(Subscription),
}

/// Best bid and ask. A side without orders has size 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Best bid price, quote currency.
    pub bid: Fixed,
    /// Size at the best bid, base currency.
    pub bid_size: Fixed,
    /// Best ask price, quote currency.
    pub ask: Fixed,
    /// Size at the best ask, base currency.
    pub ask_size: Fixed,
}

/// One public trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// Price, quote currency.
    pub price: Fixed,
    /// Size, base currency.
    pub size: Fixed,
    /// The venue's trade number; 0 if it has none.
    pub trade_id: u64,
    /// The aggressor's side.
    pub side: Side,
}

/// The new absolute size of a price level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Which side of the book.
    pub side: BookSide,
    /// Price, quote currency.
    pub price: Fixed,
    /// Size now resting there, base currency; zero removes the level.
    pub size: Fixed,
}

/// Trading status and increments of an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstrumentStatus {
    /// Whether orders are taken.
    pub status: super::TradingStatus,
    /// Price increment.
    pub tick: Fixed,
    /// Size increment.
    pub lot: Fixed,
}

/// Why records were lost or a book became doubtful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum GapCause {
    /// The venue's sequence skipped.
    Sequence = 1,
    /// The connection was lost.
    Disconnected = 2,
    /// This consumer's ring was full.
    ConsumerFull = 3,
    /// Bid and ask crossed after a whole event.
    Crossed = 4,
    /// A message could not be read, or a level in it had no price or less than no size.
    Malformed = 5,
    /// The feed was silent longer than its venue promises.
    Stale = 6,
    /// The book pool has no room for more levels.
    BookFull = 7,
}

impl GapCause {
    const ALL: [GapCause; 7] = [
        GapCause::Sequence,
        GapCause::Disconnected,
        GapCause::ConsumerFull,
        GapCause::Crossed,
        GapCause::Malformed,
        GapCause::Stale,
        GapCause::BookFull,
    ];
}

/// A loss, or the end of one. While a gap is open the instrument's book is doubtful; a snapshot follows, then this
/// record with `recovered` set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// What happened.
    pub cause: GapCause,
    /// False: the gap opens, or more messages are lost before it is over. True: the book is whole again.
    pub recovered: bool,
    /// Records this consumer did not get (`ConsumerFull`), or venue messages missed (`Sequence`); 0 if unknown.
    pub lost: u64,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ConnectionRole {
    /// Public market data.
    Market = 1,
    /// Private user events.
    User = 2,
    /// New orders, their changes and cancels.
    Orders = 3,
    /// Questions: listings, history, book snapshots, the venue's clock.
    Queries = 4,
    /// Cancels when every order connection is busy or gone.
    Cancels = 5,
}

impl ConnectionRole {
    const ALL: [ConnectionRole; 5] = [
        ConnectionRole::Market,
        ConnectionRole::User,
        ConnectionRole::Orders,
        ConnectionRole::Queries,
        ConnectionRole::Cancels,
    ];

    /// `market`, `user`, `orders`, `queries` or `cancels`.
    pub const fn name(self) -> &'static str {
        match self {
            ConnectionRole::Market => "market",
            ConnectionRole::User => "user",
            ConnectionRole::Orders => "orders",
            ConnectionRole::Queries => "queries",
            ConnectionRole::Cancels => "cancels",
        }
    }
}

/// How a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ConnectionState {
    /// Closed; a new one will be dialled.
    Down = 1,
    /// Being resolved, connected and upgraded by the dialer.
    Connecting = 2,
    /// Open, not yet resubscribed and reconciled.
    Open = 3,
    /// Subscribed, snapshots held, orders reconciled.
    Healthy = 4,
}

impl ConnectionState {
    const ALL: [ConnectionState; 4] =
        [ConnectionState::Down, ConnectionState::Connecting, ConnectionState::Open, ConnectionState::Healthy];

    /// `down`, `connecting`, `open` or `healthy`.
    pub const fn name(self) -> &'static str {
        match self {
            ConnectionState::Down => "down",
            ConnectionState::Connecting => "connecting",
            ConnectionState::Open => "open",
            ConnectionState::Healthy => "healthy",
        }
    }
}

/// A connection's new state. A venue may have several connections of one role, each with states of its own: whether an
/// instrument's data is whole is what its gap records say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The venue.
    pub venue: Venue,
    /// What the connection is for.
    pub role: ConnectionRole,
    /// How it stands now.
    pub state: ConnectionState,
    /// Connections of this role to the venue that are open now, this one included.
    pub open: u16,
    /// As many are to be open.
    pub wanted: u16,
}

/// A sign of life of the reactor, about once a millisecond while it publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// When the record was pushed; popped minus published is the hand-off hop.
    pub published: UnixNanos,
}

impl MarketRecord {
    fn new(head: Head, kind: MarketKind, words: [i64; 4]) -> MarketRecord {
        let Head { stamp, instrument, exponents: (price_exponent, size_exponent), flags } = head;
        let flags = if stamp.venue.is_some() { flags } else { flags.with(Flags::BAD_TS) };
        MarketRecord {
            recv_ns: stamp.recv.0,
            venue_ns: stamp.venue.0,
            sequence: stamp.sequence,
            instrument,
            kind,
            flags,
            price_exponent,
            size_exponent,
            words,
        }
    }

    /// A notice of our own: derived, complete in itself, without numbers to scale.
    fn notice(stamp: Stamp, instrument: InstrumentId, kind: MarketKind, words: [i64; 4]) -> MarketRecord {
        let flags = Flags::LAST.with(Flags::DERIVED);
        let record = Self::new(Head { stamp, instrument, exponents: (0, 0), flags }, kind, words);
        // No venue was to send a time for it, so none is missing.
        MarketRecord { flags, ..record }
    }

    /// A level record; mantissas at the head's exponents.
    #[inline]
    pub fn level(mut head: Head, side: BookSide, price: i64, size: i64) -> MarketRecord {
        if side == BookSide::Ask {
            head.flags = head.flags.with(Flags::SELL);
        }
        Self::new(head, MarketKind::Level, [price, size, 0, 0])
    }

    /// A trade record; `side` is the aggressor's.
    #[inline]
    pub fn trade(mut head: Head, side: Side, price: i64, size: i64, trade_id: u64) -> MarketRecord {
        if side == Side::Sell {
            head.flags = head.flags.with(Flags::SELL);
        }
        Self::new(head, MarketKind::Trade, [price, size, trade_id as i64, 0])
    }

    /// A quote record: `[bid, bid_size, ask, ask_size]` mantissas.
    #[inline]
    pub fn quote(head: Head, words: [i64; 4]) -> MarketRecord {
        Self::new(head, MarketKind::Quote, words)
    }

    /// An instrument-status record: the only record that may change an instrument's exponents.
    pub fn status(head: Head, status: super::TradingStatus, tick: i64, lot: i64) -> MarketRecord {
        Self::new(head, MarketKind::Status, [i64::from(status as u8), tick, lot, 0])
    }

    /// A gap record.
    pub fn gap(stamp: Stamp, instrument: InstrumentId, gap: Gap) -> MarketRecord {
        let words = [gap.cause as i64, i64::from(gap.recovered), gap.lost as i64, 0];
        Self::notice(stamp, instrument, MarketKind::Gap, words)
    }

    /// A connection-state record.
    pub fn state(stamp: Stamp, state: State) -> MarketRecord {
        let State { venue, role, state, open, wanted } = state;
        let counts = i64::from(wanted) << 16 | i64::from(open);
        let words = [i64::from(venue as u8), i64::from(role as u8), i64::from(state as u8), counts];
        Self::notice(stamp, InstrumentId::NONE, MarketKind::State, words)
    }

    /// A subscription record.
    pub fn subscription(stamp: Stamp, instrument: InstrumentId, subscription: Subscription) -> MarketRecord {
        Self::notice(stamp, instrument, MarketKind::Subscription, subscription.words())
    }

    /// A pulse record.
    pub fn pulse(published: UnixNanos) -> MarketRecord {
        let stamp = Stamp { recv: published, venue: UnixNanos::NONE, sequence: 0 };
        Self::notice(stamp, InstrumentId::NONE, MarketKind::Pulse, [published.0 as i64, 0, 0, 0])
    }

    /// The same record with more flags set.
    #[must_use]
    pub fn with_flags(mut self, flags: Flags) -> MarketRecord {
        self.flags = self.flags.with(flags);
        self
    }

    /// What kind of record it is.
    pub fn kind(&self) -> MarketKind {
        self.kind
    }

    /// Its flags.
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// The instrument it concerns; [`InstrumentId::NONE`] for states and pulses.
    pub fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// When the socket was read.
    pub fn recv(&self) -> UnixNanos {
        UnixNanos(self.recv_ns)
    }

    /// The venue's own time; [`UnixNanos::NONE`] if absent or unusable.
    pub fn venue_time(&self) -> UnixNanos {
        UnixNanos(self.venue_ns)
    }

    /// The venue's sequence number; 0 where the feed has none.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Powers of ten of prices and sizes.
    pub fn exponents(&self) -> (i8, i8) {
        (self.price_exponent, self.size_exponent)
    }

    /// The payload, typed.
    #[inline]
    pub fn view(&self) -> View {
        let [a, b, c, d] = self.words;
        let price = |mantissa| Fixed::new(mantissa, self.price_exponent);
        let size = |mantissa| Fixed::new(mantissa, self.size_exponent);
        let sell = self.flags.contains(Flags::SELL);
        match self.kind {
            MarketKind::Quote => {
                View::Quote(Quote { bid: price(a), bid_size: size(b), ask: price(c), ask_size: size(d) })
            }
            MarketKind::Trade => View::Trade(Trade {
                price: price(a),
                size: size(b),
                trade_id: c as u64,
                side: if sell { Side::Sell } else { Side::Buy },
            }),
            MarketKind::Level => View::Level(Level {
                side: if sell { BookSide::Ask } else { BookSide::Bid },
                price: price(a),
                size: size(b),
            }),
            MarketKind::Status => View::Status(InstrumentStatus {
                status: super::TradingStatus::from_u8(a as u8),
                tick: price(b),
                lot: size(c),
            }),
            MarketKind::Gap => View::Gap(Gap {
                cause: numbered(&GapCause::ALL, a).unwrap_or(GapCause::Malformed),
                recovered: b != 0,
                lost: c as u64,
            }),
            MarketKind::State => View::State(State {
                venue: Venue::from_u8(a as u8).unwrap_or(Venue::Coinbase),
                role: numbered(&ConnectionRole::ALL, b).unwrap_or(ConnectionRole::Market),
                state: numbered(&ConnectionState::ALL, c).unwrap_or(ConnectionState::Down),
                open: d as u16,
                wanted: (d >> 16) as u16,
            }),
            MarketKind::Pulse => View::Pulse(Pulse { published: UnixNanos(a as u64) }),
            MarketKind::Subscription => View::Subscription(Subscription::of_words(self.words)),
        }
    }
}

impl std::fmt::Debug for MarketRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MarketRecord")
            .field("instrument", &self.instrument.0)
            .field("sequence", &self.sequence)
            .field("venue_ns", &self.venue_ns)
            .field("recv_ns", &self.recv_ns)
            .field("flags", &self.flags)
            .field("view", &self.view())
            .finish()
    }
}

/// The variant numbered `number`, for enums numbered 1, 2, 3, … in the order of `all`. Only our own constructors write
/// these words, so the fallbacks above are never seen.
pub(super) fn numbered<T: Copy>(all: &[T], number: i64) -> Option<T> {
    usize::try_from(number).ok().and_then(|n| n.checked_sub(1)).and_then(|i| all.get(i)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { recv: UnixNanos(10), venue: UnixNanos(9), sequence: 8 };
    const HEAD: Head = Head { stamp: STAMP, instrument: InstrumentId(3), exponents: (-2, -8), flags: Flags::LAST };

    #[test]
    fn every_kind_reads_back_what_was_written() {
        let level = MarketRecord::level(HEAD, BookSide::Ask, 8_327_726, 5);
        assert_eq!(
            level.view(),
            View::Level(Level { side: BookSide::Ask, price: Fixed::new(8_327_726, -2), size: Fixed::new(5, -8) })
        );
        assert_eq!(level.flags().names().collect::<Vec<_>>(), ["LAST"]);
        let trade = MarketRecord::trade(HEAD, Side::Sell, 1, 2, u64::MAX);
        let View::Trade(view) = trade.view() else { panic!("not a trade") };
        assert_eq!((view.trade_id, view.side), (u64::MAX, Side::Sell));
        for cause in GapCause::ALL {
            let gap = Gap { cause, recovered: true, lost: 7 };
            assert_eq!(MarketRecord::gap(STAMP, InstrumentId(3), gap).view(), View::Gap(gap));
        }
        for role in ConnectionRole::ALL {
            for state in ConnectionState::ALL {
                let state = State { venue: Venue::Coinbase, role, state, open: 3, wanted: u16::MAX };
                assert_eq!(MarketRecord::state(STAMP, state).view(), View::State(state));
            }
        }
    }

    #[test]
    fn a_missing_venue_time_is_flagged() {
        let stamp = Stamp { venue: UnixNanos::NONE, ..STAMP };
        let head = Head { stamp, ..HEAD };
        assert!(MarketRecord::quote(head, [1; 4]).flags().contains(Flags::BAD_TS));
        let gap = Gap { cause: GapCause::Sequence, recovered: false, lost: 1 };
        let notice = MarketRecord::gap(stamp, InstrumentId(3), gap).flags();
        assert!(!notice.contains(Flags::BAD_TS), "our own notices miss no venue time");
    }
}
