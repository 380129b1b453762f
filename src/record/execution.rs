//! The 256-byte execution record: everything that is ever said about an order, a balance or the account.

use super::{
    AssetId, ClientOrderId, ExecutionId, Fixed, Fixed128, GuardEvent, InlineText, InstrumentId, RequestId, Side,
    UnixNanos, Venue, VenueOrderId,
};

/// What an execution record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum ExecutionKind {
    /// The venue has the order.
    Accepted = 1,
    /// The order never lived: refused by us before a byte was written, or by the venue with evidence.
    Rejected = 2,
    /// The order may or may not live; a query is on its way. Followed by exactly one Accepted or Rejected.
    Unknown = 3,
    /// A quantity was executed.
    Fill = 4,
    /// Detail of executions already counted by Fill records: moves no position.
    FillDetail = 5,
    /// Terminal: cancelled.
    Cancelled = 6,
    /// The cancel was refused; the order stands as it stood.
    CancelRejected = 7,
    /// Whether the cancel arrived is unknown; it is being repeated.
    CancelUnknown = 8,
    /// Price or size changed as asked.
    Replaced = 9,
    /// Terminal: its time ran out.
    Expired = 10,
    /// A balance: `total` and `hold` of `fee_asset`; of the account's currency where that is none.
    Balance = 11,
    /// An open order as the engine or the venue lists it (resync after a loss).
    OrderListed = 12,
    /// An order on the account that is not ours. While nobody has subscribed its instrument that is NONE, and figures are
    /// missing.
    StrangerOrder = 13,
    /// This consumer's execution ring was full: `last_quantity` records were lost; open orders, positions and balances
    /// follow.
    Lost = 14,
    /// Terminal: the whole quantity is filled.
    Filled = 15,
    /// The change was refused; the order stands as it stood.
    ReplaceRejected = 16,
    /// End of a resync after [`ExecutionKind::Lost`].
    ResyncEnd = 17,
    /// A guard changed its state: see [`ExecutionRecord::guard`].
    Guard = 18,
    /// Whether the change arrived is unknown; it is not repeated, the order's state is being asked.
    ReplaceUnknown = 19,
    /// One side of a position, told to every strategy behind each fill that moved it, as part of its event; the long side
    /// (buy) first, then the short one (sell), and the last is flagged LAST. `last_quantity` units are held at an average of
    /// `last_price`; `value` is the profit realised over the run, of both sides together, and `fee` the profit not realised
    /// at the best price of the book it would be closed at, both in quote currency and before fees. `cumulative_quantity` is
    /// the net position, long positive: at OANDA what the account's trades come to; at a spot venue what a position limit
    /// counts, which is the balance of the base asset at the start, as soon as that was told, and every fill since. While
    /// that balance is not told, or nobody knows which fills it has, the record is flagged DERIVED; once it is known it is
    /// told again. The sides hold this gateway's fills alone there, first in, first out: what was held before and is sold is
    /// short. DERIVED otherwise: digits were cut, or some of it was never priced; then the price is 0. `venue_code` says why
    /// a profit cannot be told. Flagged RECONCILED: one side as the venue states it, both profits in the account's currency.
    Position = 20,
    /// Margin of the account, in its currency: `value` is used, `fee` is available.
    Margin = 21,
    /// A margin call began; with `last_quantity` 0 it is over.
    MarginCall = 22,
}

impl ExecutionKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [ExecutionKind; 22] = [
        ExecutionKind::Accepted,
        ExecutionKind::Rejected,
        ExecutionKind::Unknown,
        ExecutionKind::Fill,
        ExecutionKind::FillDetail,
        ExecutionKind::Cancelled,
        ExecutionKind::CancelRejected,
        ExecutionKind::CancelUnknown,
        ExecutionKind::Replaced,
        ExecutionKind::Expired,
        ExecutionKind::Balance,
        ExecutionKind::OrderListed,
        ExecutionKind::StrangerOrder,
        ExecutionKind::Lost,
        ExecutionKind::Filled,
        ExecutionKind::ReplaceRejected,
        ExecutionKind::ResyncEnd,
        ExecutionKind::Guard,
        ExecutionKind::ReplaceUnknown,
        ExecutionKind::Position,
        ExecutionKind::Margin,
        ExecutionKind::MarginCall,
    ];

    /// Whether an order is over after this record.
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            ExecutionKind::Rejected | ExecutionKind::Cancelled | ExecutionKind::Expired | ExecutionKind::Filled
        )
    }
}

/// Whether a fill took or made liquidity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Liquidity {
    /// Not told.
    Unknown = 0,
    /// Our order rested.
    Maker = 1,
    /// Our order took.
    Taker = 2,
}

/// Why something was refused, in one vocabulary for all venues; the venue's own code stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum RejectClass {
    /// Not a refusal.
    None = 0,
    /// Not enough of the asset.
    InsufficientFunds = 1,
    /// Post-only, but it would have taken liquidity.
    WouldTake = 2,
    /// Price off the tick, out of range or malformed.
    InvalidPrice = 3,
    /// Size off the lot, below the minimum or above the maximum.
    InvalidSize = 4,
    /// Price too far from the market.
    PriceBand = 5,
    /// No such instrument, or we do not know it.
    UnknownInstrument = 6,
    /// The instrument takes no such orders now.
    NotTradable = 7,
    /// The venue, or our own governor, says: too many requests.
    RateLimited = 8,
    /// Credentials refused.
    Unauthorized = 9,
    /// The key lacks the permission.
    Forbidden = 10,
    /// The client order id was used before.
    DuplicateId = 11,
    /// This kind of order is not offered.
    Unsupported = 12,
    /// The venue could not read the request.
    Malformed = 13,
    /// No such order.
    UnknownOrder = 14,
    /// The order is already over.
    OrderClosed = 15,
    /// No connection, token or slot was free; nothing was sent. Try again soon.
    Busy = 16,
    /// The venue is not connected; nothing was sent.
    NotConnected = 17,
    /// A pre-trade limit of ours.
    Limit = 18,
    /// The gateway is shutting down, or this strategy lost execution records and has not resynchronised.
    Stopped = 19,
    /// The venue gave no liquidity for an order that may not rest.
    NoLiquidity = 20,
    /// Reconciliation found that the venue never had it.
    NeverArrived = 21,
    /// The venue's circuit breaker is open.
    BreakerOpen = 22,
    /// Anything else; see the venue's code.
    Other = 255,
}

/// The price is computed from value and quantity, not sent by the venue.
pub const EXECUTION_FLAG_DERIVED: u8 = 1;
/// Accepted, known only because something later proves it.
pub const EXECUTION_FLAG_IMPLIED: u8 = 1 << 1;
/// Settled by a query after an unknown outcome.
pub const EXECUTION_FLAG_RECONCILED: u8 = 1 << 2;
/// Last record of one venue event.
pub const EXECUTION_FLAG_LAST: u8 = 1 << 3;
/// Found after the order's terminal record: a fill that still moves the position, or an order thought dead that lives.
pub const EXECUTION_FLAG_LATE: u8 = 1 << 4;
/// A fill of an adopted order that happened while no session was alive: the listed cumulative quantity and the balances
/// of the start have it already.
pub const EXECUTION_FLAG_REPLAYED: u8 = 1 << 5;

/// One execution record. Quantities are mantissas at `size_exponent`, prices at `price_exponent`.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct ExecutionRecord {
    /// Executed value in quote currency of this record (Fill), or the total of a Balance, at `value_exponent`.
    pub value: i128,
    /// Fee of this record in `fee_asset`, or the held part of a Balance, at `fee_exponent`.
    pub fee: i128,
    /// The command it answers; [`RequestId::NONE`] if none of this run.
    pub request: RequestId,
    /// When our socket was read (or when we decided).
    pub recv: UnixNanos,
    /// The venue's own time; of a refusal of ours and of a guard's record, when to try again (see
    /// [`ExecutionRecord::retry_at`]).
    pub venue_time: UnixNanos,
    /// When the last byte of the command went to the kernel; `NONE` if nothing was sent.
    pub sent: UnixNanos,
    /// Quantity of this record: executed (Fill), order size (OrderListed), records lost (Lost).
    pub last_quantity: i64,
    /// Quantity executed so far over the order's life.
    pub cumulative_quantity: i64,
    /// Price of this record: execution price (Fill), limit price (OrderListed, Replaced).
    pub last_price: i64,
    /// The instrument.
    pub instrument: InstrumentId,
    /// The fee's or balance's asset.
    pub fee_asset: AssetId,
    /// What it says.
    pub kind: ExecutionKind,
    /// The order's side.
    pub side: Side,
    /// Made or took.
    pub liquidity: Liquidity,
    /// Why refused.
    pub reject: RejectClass,
    /// `EXECUTION_FLAG_*`.
    pub flags: u8,
    /// The venue.
    pub venue: Venue,
    /// Power of ten of prices.
    pub price_exponent: i8,
    /// Power of ten of quantities.
    pub size_exponent: i8,
    /// Power of ten of `value`.
    pub value_exponent: i8,
    /// Power of ten of `fee`.
    pub fee_exponent: i8,
    /// Which guard event, if the record is one.
    pub guard: GuardEvent,
    /// Our id of the order.
    pub client_order_id: ClientOrderId,
    /// The venue's id of the order.
    pub venue_order_id: VenueOrderId,
    /// The venue's id of the execution.
    pub execution_id: ExecutionId,
    /// The venue's own code of a refusal, cut to fit; the full text goes to the log.
    pub venue_code: InlineText<32>,
}

const _: () = assert!(std::mem::size_of::<ExecutionRecord>() == 256);

impl ExecutionRecord {
    /// A record of `kind` with everything else empty.
    pub const fn new(kind: ExecutionKind, venue: Venue, instrument: InstrumentId) -> ExecutionRecord {
        ExecutionRecord {
            value: 0,
            fee: 0,
            request: RequestId::NONE,
            recv: UnixNanos::NONE,
            venue_time: UnixNanos::NONE,
            sent: UnixNanos::NONE,
            last_quantity: 0,
            cumulative_quantity: 0,
            last_price: 0,
            instrument,
            fee_asset: AssetId::NONE,
            kind,
            side: Side::Buy,
            liquidity: Liquidity::Unknown,
            reject: RejectClass::None,
            flags: 0,
            venue,
            price_exponent: 0,
            size_exponent: 0,
            value_exponent: 0,
            fee_exponent: 0,
            guard: GuardEvent::None,
            client_order_id: ClientOrderId::EMPTY,
            venue_order_id: VenueOrderId::EMPTY,
            execution_id: ExecutionId::EMPTY,
            venue_code: InlineText::EMPTY,
        }
    }

    /// When to try again what was refused here, before anything was sent; `None` if no time is known, or if the record
    /// is nothing of the kind.
    pub fn retry_at(&self) -> Option<UnixNanos> {
        let refused = matches!(
            self.kind,
            ExecutionKind::Rejected | ExecutionKind::CancelRejected | ExecutionKind::ReplaceRejected
        );
        let ours = self.kind == ExecutionKind::Guard || (refused && !self.sent.is_some());
        Some(self.venue_time).filter(|at| ours && at.is_some())
    }

    /// Whether all flags of `flag` are set.
    pub const fn has(&self, flag: u8) -> bool {
        self.flags & flag == flag
    }

    /// Quantity of this record, base currency.
    pub const fn quantity(&self) -> Fixed {
        Fixed::new(self.last_quantity, self.size_exponent)
    }

    /// Quantity executed so far, base currency.
    pub const fn cumulative(&self) -> Fixed {
        Fixed::new(self.cumulative_quantity, self.size_exponent)
    }

    /// Price of this record, quote currency.
    pub const fn price(&self) -> Fixed {
        Fixed::new(self.last_price, self.price_exponent)
    }

    /// Executed value, quote currency; the total of a balance.
    pub const fn value(&self) -> Fixed128 {
        Fixed128::new(self.value, self.value_exponent)
    }

    /// Fee in `fee_asset`; the held part of a balance.
    pub const fn fee(&self) -> Fixed128 {
        Fixed128::new(self.fee, self.fee_exponent)
    }
}

impl std::fmt::Debug for ExecutionRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExecutionRecord")
            .field("kind", &self.kind)
            .field("request", &self.request)
            .field("client_order_id", &self.client_order_id)
            .field("venue_order_id", &self.venue_order_id)
            .field("instrument", &self.instrument.0)
            .field("side", &self.side)
            .field("quantity", &self.quantity())
            .field("cumulative", &self.cumulative())
            .field("price", &self.price())
            .field("value", &self.value())
            .field("fee", &self.fee())
            .field("reject", &self.reject)
            .field("venue_code", &self.venue_code)
            .field("flags", &self.flags)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_listed_under_its_number() {
        let numbers: Vec<u8> = ExecutionKind::ALL.iter().map(|kind| *kind as u8).collect();
        assert_eq!(numbers, (1..=ExecutionKind::ALL.len() as u8).collect::<Vec<_>>());
    }

    #[test]
    fn only_the_four_ends_of_an_order_are_terminal() {
        use ExecutionKind as K;
        let all =
            [K::Accepted, K::Rejected, K::Unknown, K::Fill, K::Cancelled, K::CancelRejected, K::Expired, K::Filled];
        let terminal: Vec<_> = all.into_iter().filter(|k| k.is_terminal()).collect();
        assert_eq!(terminal, [K::Rejected, K::Cancelled, K::Expired, K::Filled]);
    }

    #[test]
    fn numbers_come_out_at_their_exponents() {
        let mut record = ExecutionRecord::new(ExecutionKind::Fill, Venue::Coinbase, InstrumentId(0));
        (record.last_quantity, record.size_exponent) = (20_000_000, -8);
        (record.fee, record.fee_exponent) = (9_960_060_000_000_000, -15);
        assert_eq!((record.quantity().to_string(), record.fee().to_string()), ("0.2".into(), "9.96006".into()));
    }
}
