//! What the engine asks a venue session to say, in one vocabulary for all venues.

use crate::record::{
    ClientOrderId, Instrument, OrderCommand, OrderType, PreparedOrder, Side, TimeInForce, UnixNanos, VenueOrderId,
};

/// Where a session's bytes go, and where its randomness comes from. Implemented by the same object as [`super::Facts`],
/// bound to the session's own connection.
pub trait Wire {
    /// Appends bytes to what this connection sends; they are encrypted and written after the call.
    fn send(&mut self, build: impl FnOnce(&mut Vec<u8>));
    /// Unpredictable bytes (live) or seeded ones (simulation): mask keys, nonces.
    fn entropy(&mut self, out: &mut [u8]);
    /// A spent token goes back to be wiped off the hot thread.
    fn retire(&mut self, token: Box<str>);
}

/// A new order, checked and numbered.
#[derive(Debug, Clone, Copy)]
pub struct PlaceIntent<'a> {
    /// What to trade; its exponents scale the mantissas below.
    pub instrument: &'a Instrument,
    /// Our id.
    pub client_order_id: &'a ClientOrderId,
    /// Buy or sell.
    pub side: Side,
    /// Limit, market, or as `composite` says.
    pub order_type: OrderType,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// Must not take liquidity.
    pub post_only: bool,
    /// Limit price, mantissa at the price exponent; unused on market orders.
    pub price: i64,
    /// Quantity, mantissa at the size exponent, or at the quote exponent if `quantity_in_quote`.
    pub quantity: i64,
    /// The quantity counts the quote asset.
    pub quantity_in_quote: bool,
    /// The terms of a composite order; they say everything but its id, and the fields above only repeat them.
    pub composite: Option<&'a PreparedOrder>,
}

impl<'a> PlaceIntent<'a> {
    /// What the venue is to be told of a place command.
    pub fn of(
        instrument: &'a Instrument,
        client_order_id: &'a ClientOrderId,
        command: &OrderCommand,
        composite: Option<&'a PreparedOrder>,
    ) -> PlaceIntent<'a> {
        PlaceIntent {
            instrument,
            client_order_id,
            side: command.side(),
            order_type: command.order_type(),
            time_in_force: command.tif(),
            post_only: command.is_post_only(),
            price: command.price(),
            quantity: command.quantity(),
            quantity_in_quote: command.is_quantity_in_quote(),
            composite,
        }
    }
}

/// A change of a resting order, checked.
#[derive(Debug, Clone, Copy)]
pub struct ReplaceIntent<'a> {
    /// What it trades; its exponents scale the mantissas below.
    pub instrument: &'a Instrument,
    /// The venue's id of the order.
    pub venue_order_id: &'a VenueOrderId,
    /// Our id of the order.
    pub client_order_id: &'a ClientOrderId,
    /// Its side, which stays.
    pub side: Side,
    /// The new limit price, mantissa at the price exponent.
    pub price: i64,
    /// The new quantity, executed and left together, mantissa at the size exponent.
    pub quantity: i64,
}

/// The channels of one instrument a strategy wants; a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Channels(u16);

impl Channels {
    /// Nothing.
    pub const NONE: Channels = Channels(0);
    /// Order book: levels, with snapshots.
    pub const BOOK: Channels = Channels(1);
    /// Public trades.
    pub const TRADES: Channels = Channels(1 << 1);
    /// Tickers (statistics ring) and the quotes they carry.
    pub const TICKER: Channels = Channels(1 << 2);
    /// Tickers every few seconds (statistics ring), without quotes.
    pub const TICKER_BATCH: Channels = Channels(1 << 3);
    /// Candles (statistics ring).
    pub const CANDLES: Channels = Channels(1 << 4);
    /// Trading status and increments, as the venue changes them.
    pub const STATUS: Channels = Channels(1 << 5);
    /// Public trades, those of one taker at one price as one, with the id of the last. Where somebody listens to single
    /// trades of the instrument, everybody gets those. Binance.US.
    pub const AGGREGATED_TRADES: Channels = Channels(1 << 6);
    /// The best 5 levels of the book, whole each time: snapshots without changes between them. Where somebody listens to
    /// more levels of the instrument, or to the whole book, everybody gets those. Binance.US.
    pub const BOOK_5: Channels = Channels(1 << 7);
    /// The best 10 levels; else as [`Channels::BOOK_5`].
    pub const BOOK_10: Channels = Channels(1 << 8);
    /// The best 20 levels; else as [`Channels::BOOK_5`].
    pub const BOOK_20: Channels = Channels(1 << 9);
    /// All of them.
    pub const ALL: Channels = Channels((1 << 10) - 1);
    /// What every venue means the same by.
    pub const COMMON: Channels = Channels((1 << 6) - 1);

    /// These channels and `other`'s.
    #[must_use]
    pub const fn with(self, other: Channels) -> Channels {
        Channels(self.0 | other.0)
    }

    /// These channels without `other`'s.
    #[must_use]
    pub const fn without(self, other: Channels) -> Channels {
        Channels(self.0 & !other.0)
    }

    /// What both have.
    #[must_use]
    pub const fn and(self, other: Channels) -> Channels {
        Channels(self.0 & other.0)
    }

    /// Whether all of `other` are in it.
    pub const fn contains(self, other: Channels) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether it is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl std::ops::BitOr for Channels {
    type Output = Channels;

    fn bitor(self, other: Channels) -> Channels {
        self.with(other)
    }
}

/// What a session did with the bytes it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionProgress {
    /// Bytes of the input it is done with.
    pub consumed: usize,
    /// The work budget is spent with complete input left: call again after others had their turn.
    pub more: bool,
}

/// What a session of an order connection did with the bytes it was given, and the reply that ended with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderProgress<R> {
    /// As of any session.
    pub progress: SessionProgress,
    /// A request in flight ended with this; call again while there are any.
    pub reply: Option<R>,
}

impl<R> Default for OrderProgress<R> {
    fn default() -> Self {
        OrderProgress { progress: SessionProgress::default(), reply: None }
    }
}

/// Work one call may do before it must return with `more`: bytes parsed.
pub const BYTES_PER_CALL_MAX: usize = 16 * 1024;
/// Work one call may do before it must return with `more`: book levels booked and published.
pub const LEVELS_PER_CALL_MAX: usize = 256;

/// Why a session wants its connection closed. The engine closes, backs off and dials again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The peer broke the wire protocol.
    #[error("{0}")]
    Protocol(String),
    /// The peer closed.
    #[error("closed by the venue ({0})")]
    ClosedByPeer(String),
    /// The peer was silent longer than it promises.
    #[error("silent for {silent_ms} ms")]
    Silent {
        /// For how long, ms.
        silent_ms: u64,
    },
    /// A resynchronisation needs a new connection.
    #[error("resynchronising after {0}")]
    Resync(&'static str),
    /// The venue refused what the session needs to work.
    #[error("refused by the venue: {0}")]
    Refused(String),
}

/// The next moment a session wants to be called without input.
pub type Deadline = Option<UnixNanos>;
