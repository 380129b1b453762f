//! What a venue session tells the engine. The engine implements [`Facts`] once: the one choke point where books, orders
//! and guards change, for every venue and for replay.

use crate::order::{CancelReply, FillFact, OrderFact, PlaceReply, ReplaceReply};
use crate::record::{
    BookSide, Candle, ClientOrderId, Fixed, Fixed128, FuturesBalance, FuturesMargin, GapCause, InlineText,
    InstrumentId, Side, SubscribedChannel, Subscription, Ticker, TradingStatus, UnixNanos, VenueOrderId,
};

/// Whether a book event replaces the book or changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BookEventKind {
    /// The first part of a snapshot: what was held is void.
    SnapshotFirst,
    /// A further part of a snapshot that was cut.
    SnapshotMore,
    /// Changes, absolute sizes.
    Update,
}

/// The head of a book event; levels follow, then [`Facts::book_end`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookEvent {
    /// Whose book.
    pub instrument: InstrumentId,
    /// Replace or change.
    pub kind: BookEventKind,
    /// The venue's time.
    pub venue_time: UnixNanos,
    /// The venue's sequence number.
    pub sequence: u64,
}

/// One public trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TradeFact {
    /// Whose.
    pub instrument: InstrumentId,
    /// The aggressor's side, whatever the venue sends.
    pub side: Side,
    /// Mantissa at the price exponent.
    pub price: i64,
    /// Mantissa at the size exponent.
    pub size: i64,
    /// The venue's number; 0 if none.
    pub trade_id: u64,
    /// The venue's time.
    pub venue_time: UnixNanos,
    /// The venue's sequence number.
    pub sequence: u64,
    /// History sent on subscription, not live.
    pub snapshot: bool,
    /// Last trade of its message.
    pub last: bool,
}

/// Best bid and ask as the venue states them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuoteFact {
    /// Whose.
    pub instrument: InstrumentId,
    /// `[bid, bid_size, ask, ask_size]` mantissas.
    pub words: [i64; 4],
    /// The venue's time.
    pub venue_time: UnixNanos,
    /// The venue's sequence number.
    pub sequence: u64,
    /// First state sent on subscription.
    pub snapshot: bool,
}

/// A ticker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickerFact {
    /// Whose.
    pub instrument: InstrumentId,
    /// Its figures.
    pub ticker: Ticker,
    /// The venue's time.
    pub venue_time: UnixNanos,
    /// The venue's sequence number.
    pub sequence: u64,
    /// First state sent on subscription.
    pub snapshot: bool,
}

/// A candle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandleFact {
    /// Whose.
    pub instrument: InstrumentId,
    /// Its figures.
    pub candle: Candle,
    /// The venue's time.
    pub venue_time: UnixNanos,
    /// The venue's sequence number.
    pub sequence: u64,
    /// History or first state, sent on subscription.
    pub snapshot: bool,
}

/// What the account holds of one asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceFact {
    /// The asset's code at the venue.
    pub asset: InlineText<16>,
    /// Free to use.
    pub available: Fixed128,
    /// Held by open orders.
    pub hold: Fixed128,
    /// The venue's time.
    pub venue_time: UnixNanos,
}

/// Figures of the account's futures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FuturesFact {
    /// Which.
    pub figures: FuturesFigures,
    /// The venue's time.
    pub venue_time: UnixNanos,
    /// The venue's sequence number.
    pub sequence: u64,
    /// First state sent on subscription.
    pub snapshot: bool,
}

/// Balances, or margins under one set of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FuturesFigures {
    /// Balances.
    Balance(FuturesBalance),
    /// Margins.
    Margin(FuturesMargin),
}

/// What a gap touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GapScope {
    /// Everything that comes over this connection.
    Connection,
    /// One instrument.
    Instrument(InstrumentId),
}

/// News about the stream itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamFact {
    /// A sign of life.
    Heartbeat,
    /// The venue confirms a subscription of this instrument.
    Subscribed(SubscribedChannel, InstrumentId),
    /// What the venue serves is not what was asked: unknown to it, dropped silently, refused, or still there.
    NotAsAsked(InstrumentId, Subscription),
    /// The user stream is open and its snapshot of open orders is complete.
    UserSnapshotComplete,
}

/// What an execution did to the venue's own trade (a lot: opened once, closed at once or in parts).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TradeEffect {
    /// Opened it.
    Opened,
    /// Took a part of it away.
    Reduced,
    /// Took all of it away.
    Closed,
}

/// One execution at a venue that keeps trades: one part of a fill for each trade that it closed, reduced or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TradeFill {
    /// The execution; its identity names the trade, too.
    pub fill: FillFact,
    /// The venue's number of the trade.
    pub trade_id: u64,
    /// What became of it.
    pub effect: TradeEffect,
    /// Profit realised, account currency; `None` if not sent.
    pub realised: Option<Fixed128>,
}

/// A trade that is held, of a picture of the account: a lot of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldTrade {
    /// Whose.
    pub instrument: InstrumentId,
    /// Long ([`Side::Buy`]) or short.
    pub side: Side,
    /// The venue's number of it.
    pub trade_id: u64,
    /// Units left of it, mantissa at the size exponent, positive.
    pub units: i64,
    /// Where it was opened, mantissa at the price exponent.
    pub price: i64,
}

/// One side of a position, as the venue states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositionFact {
    /// Whose.
    pub instrument: InstrumentId,
    /// Long ([`Side::Buy`]) or short.
    pub side: Side,
    /// Units held, mantissa at the size exponent, never negative.
    pub units: i64,
    /// Average price, exact as sent; zero if flat.
    pub average_price: Fixed128,
    /// Profit realised over its life, account currency; `None` if not sent.
    pub realised: Option<Fixed128>,
    /// Profit not realised yet, account currency; `None` if not sent.
    pub unrealised: Option<Fixed128>,
    /// The venue's time; `NONE` if not sent.
    pub venue_time: UnixNanos,
}

/// Figures of a margin account, each in the account's currency and `None` where this message does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccountFact {
    /// Cash.
    pub balance: Option<Fixed128>,
    /// Cash and the profit not realised yet.
    pub net_value: Option<Fixed128>,
    /// Profit not realised yet.
    pub unrealised: Option<Fixed128>,
    /// Margin bound by open positions.
    pub margin_used: Option<Fixed128>,
    /// Margin free for new ones.
    pub margin_available: Option<Fixed128>,
    /// A margin call began (true) or ended.
    pub margin_call: Option<bool>,
    /// The venue's time; `NONE` if not sent.
    pub venue_time: UnixNanos,
    /// Its currency; empty if not sent.
    pub currency: InlineText<16>,
    /// The client's own margin rate: an instrument's counts where that is higher.
    pub margin_rate: Option<Fixed128>,
    /// Whether long and short can be held together.
    pub hedging: Option<bool>,
    /// The newest of the account's transactions that the figures include; 0 if not sent.
    pub last_transaction: u64,
}

/// Something a session could not use. Counted, announced, and the rest of the feed goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Anomaly {
    /// Not JSON, or not in the documented shape.
    Malformed = 1,
    /// A number that does not fit its exponent or type.
    Number = 2,
    /// A channel we do not know.
    UnknownChannel = 3,
    /// An enum value we do not know.
    UnknownValue = 4,
    /// An instrument nobody asked for.
    UnknownInstrument = 5,
    /// The venue sent an error frame.
    VenueError = 6,
    /// A time stamp that is no time.
    BadTime = 7,
    /// Larger than a limit of ours.
    TooLarge = 8,
}

/// The engine's ear. A session calls these in wire order while it walks one message; the receive stamp and the
/// connection are known to the implementor.
pub trait Facts {
    /// A book event begins.
    fn book(&mut self, event: BookEvent);
    /// The absolute size of one level of the event begun; mantissas at the instrument's exponents.
    fn level(&mut self, side: BookSide, price: i64, size: i64);
    /// The event begun ends; `last` is false while further parts of a cut snapshot follow.
    fn book_end(&mut self, last: bool);
    /// A public trade.
    fn trade(&mut self, fact: TradeFact);
    /// Best bid and ask.
    fn quote(&mut self, fact: QuoteFact);
    /// A ticker.
    fn ticker(&mut self, fact: TickerFact);
    /// A ticker of a channel that sends them every few seconds. Whoever makes no difference need not implement it.
    fn ticker_batch(&mut self, fact: TickerFact) {
        self.ticker(fact);
    }
    /// A candle. Whoever has no use for candles need not implement it.
    fn candle(&mut self, fact: CandleFact) {
        let _ = fact;
    }
    /// Figures of the account's futures. Whoever has no use for them need not implement it.
    fn futures(&mut self, fact: FuturesFact) {
        let _ = fact;
    }
    /// Tick and lot as the venue states them now; told before the [`Facts::status`] they came with. Whoever keeps no
    /// instruments need not implement it.
    fn increments(&mut self, instrument: InstrumentId, tick: Fixed, lot: Fixed) {
        let _ = (instrument, tick, lot);
    }
    /// Trading status of an instrument.
    fn status(&mut self, instrument: InstrumentId, status: TradingStatus, venue_time: UnixNanos);
    /// Messages were lost, or a book became unusable. The session resubscribes where the venue's rules say so.
    fn gap(&mut self, scope: GapScope, cause: GapCause, missed: u64);
    /// News about the stream.
    fn stream(&mut self, fact: StreamFact);
    /// The state of one order.
    fn order(&mut self, fact: &OrderFact);
    /// The direct answer to the place request of this order, sent over this connection.
    fn place_reply(&mut self, client_order_id: &ClientOrderId, reply: PlaceReply);
    /// The direct answer to a cancel request, for one of its orders.
    fn cancel_reply(&mut self, venue_order_id: &VenueOrderId, reply: CancelReply);
    /// The direct answer to a change of this order, sent over this connection. Where a change is a cancel and a new order
    /// it is the answer of the half that cancels; [`Facts::place_reply`] is that of the new order.
    fn replace_reply(&mut self, venue_order_id: &VenueOrderId, reply: ReplaceReply);
    /// One execution of the venue's history.
    fn fill(&mut self, fact: &FillFact);
    /// The parts of one fill at a venue that keeps trades, in the order in which they count.
    fn fills(&mut self, parts: &[TradeFill]) {
        for part in parts {
            self.fill(&part.fill);
        }
    }
    /// The venue has given an order another id: it had no other way to change it. Facts that name the new one follow.
    /// Nothing follows from it unless the implementor keeps orders.
    fn renumbered(&mut self, old: &VenueOrderId, new: &VenueOrderId) {
        let _ = (old, new);
    }
    /// A trade that is held. Nothing follows from it unless the implementor keeps positions.
    fn held(&mut self, fact: &HeldTrade) {
        let _ = fact;
    }
    /// One side of a position. Nothing follows from it unless the implementor keeps positions.
    fn position(&mut self, fact: &PositionFact) {
        let _ = fact;
    }
    /// Figures of the account. Nothing follows from them unless the implementor keeps accounts.
    fn account(&mut self, fact: &AccountFact) {
        let _ = fact;
    }
    /// What the account holds of one asset. Whoever keeps no balances need not implement it.
    fn balance(&mut self, fact: &BalanceFact) {
        let _ = fact;
    }
    /// An asset was deposited, withdrawn or transferred: `change` is added to what is available. A venue that sends this
    /// sends [`Facts::balance`] with it; whoever keeps balances by that need not implement it.
    fn balance_change(&mut self, asset: &str, change: Fixed128, venue_time: UnixNanos) {
        let _ = (asset, change, venue_time);
    }
    /// Something unusable; `excerpt` is at most a few hundred bytes of it, for the log, never secrets.
    fn anomaly(&mut self, anomaly: Anomaly, excerpt: &str);
}
