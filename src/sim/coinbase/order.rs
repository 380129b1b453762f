//! A client's order: what was asked, how far it got, and its executions. How it is shown is [`super::show`]'s business.

use super::product::Product;
use crate::sim::market::Side;
use rust_decimal::Decimal;

/// How the size of an order was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// Base units, in lots.
    Base(i64),
    /// Quote units; a market buy counts its fees into it.
    Quote(Decimal),
}

/// Which way the last trade has to cross a stop price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// At the stop price or above.
    Up,
    /// At the stop price or below.
    Down,
}

impl Direction {
    /// Whether trades between `low` and `high` ticks set a stop at `stop` off.
    pub(crate) fn reached(self, stop: i64, (low, high): (i64, i64)) -> bool {
        match self {
            Self::Up => high >= stop,
            Self::Down => low <= stop,
        }
    }
}

/// The order kinds: each `order_configuration` of Coinbase reference 3.1 is one of these, with or without an end time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `market_market_ioc`.
    Market,
    /// `sor_limit_ioc`, `limit_limit_fok`, `limit_limit_gtc`, `limit_limit_gtd`.
    Limit { ticks: i64, rests: Rests },
    /// `stop_limit_stop_limit_gtc`, `…_gtd`: a limit order that waits for a trade at its stop price.
    StopLimit { ticks: i64, stop: i64, direction: Direction },
    /// `trigger_bracket_gtc`, `…_gtd`: a limit order that takes the profit, exchanged for one that limits the loss by
    /// a trade at the stop price.
    Bracket { ticks: i64, stop: i64 },
    /// `twap_limit_gtd`: so many slices, one per interval.
    Twap { ticks: i64, start_ns: u64, bucket_ns: u64, buckets: u32 },
    /// `scaled_limit_gtc`: a ladder of limit orders, its rungs in [`NewOrder::rungs`].
    Scaled,
}

/// What a limit order does with what it cannot fill at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rests {
    /// Rests until cancelled or over; with `post_only` it must not take.
    UntilCancelled { post_only: bool },
    /// Cancelled.
    ImmediateOrCancel,
    /// Filled whole or not at all.
    FillOrKill,
}

/// One limit price and its lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rung {
    pub(crate) ticks: i64,
    pub(crate) lots: i64,
    /// Must not take.
    pub(crate) post_only: bool,
}

/// The prices of a bracket, given on its own or attached to another order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BracketPrices {
    pub(crate) ticks: i64,
    pub(crate) stop: i64,
}

/// An order as asked, checked for form but not yet for funds or market.
#[derive(Clone, Debug)]
pub(crate) struct NewOrder {
    pub(crate) client_order_id: String,
    pub(crate) market: usize,
    /// The product as the client named it: an alias keeps its name (Coinbase reference 7.1).
    pub(crate) product_id: String,
    /// What a buy spends and a sell brings; an alias has another one than its market.
    pub(crate) quote: String,
    pub(crate) side: Side,
    pub(crate) kind: Kind,
    pub(crate) size: Size,
    /// Whether the client gave a quote size; a limit order's is turned into lots at its limit.
    pub(crate) in_quote: bool,
    /// Over by then.
    pub(crate) end_ns: Option<u64>,
    /// The ladder of a scaled order, one rung per price.
    pub(crate) rungs: Vec<Rung>,
    /// The bracket that comes to life with what this order fills.
    pub(crate) attached: Option<BracketPrices>,
    /// `order_configuration` as the client wrote it, echoed in replies.
    pub(crate) configuration: String,
}

/// Where an order stands (reference 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Pending,
    /// An attached bracket whose originating order is still working.
    Queued,
    Open,
    EditQueued,
    CancelQueued,
    Filled,
    Cancelled,
    /// Its end time came.
    Expired,
    /// Never placed, with a `reject_reason`.
    Failed,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Queued => "QUEUED",
            Self::Open => "OPEN",
            Self::EditQueued => "EDIT_QUEUED",
            Self::CancelQueued => "CANCEL_QUEUED",
            Self::Filled => "FILLED",
            Self::Cancelled => "CANCELLED",
            Self::Expired => "EXPIRED",
            Self::Failed => "FAILED",
        }
    }

    pub(crate) fn is_terminal(self) -> bool {
        matches!(self, Self::Filled | Self::Cancelled | Self::Expired | Self::Failed)
    }

    /// Neither over nor waiting for another order.
    pub(crate) fn is_working(self) -> bool {
        !self.is_terminal() && self != Self::Queued
    }
}

/// The changing part of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) status: Status,
    /// The limit in force: an edit or a trigger may have moved it.
    pub(crate) limit: Option<i64>,
    /// The size in force: an edit may have changed it.
    pub(crate) size: Size,
    /// Whether its stop price has been reached.
    pub(crate) triggered: bool,
    pub(crate) lots: i64,
    pub(crate) value: Decimal,
    pub(crate) fees: Decimal,
    pub(crate) fills: u32,
    /// Still held for this order, in the currency it spends.
    pub(crate) hold: Decimal,
    pub(crate) updated_ns: u64,
    pub(crate) last_fill_ns: u64,
    pub(crate) cancel_reason: &'static str,
    pub(crate) reject_reason: &'static str,
}

/// One edit that was carried out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edit {
    pub(crate) ticks: i64,
    pub(crate) lots: i64,
    pub(crate) at_ns: u64,
}

/// A client's order.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) asked: NewOrder,
    pub(crate) created_ns: u64,
    pub(crate) now: Progress,
    /// How it stood before, oldest first, for listings that lag.
    pub(crate) past: Vec<Progress>,
    /// Prices at which it may stand in the book.
    pub(crate) resting: Vec<i64>,
    pub(crate) edits: Vec<Edit>,
    /// The bracket attached to it, by its place in the list.
    pub(crate) attached: Option<usize>,
    /// The order it is attached to.
    pub(crate) originating: Option<usize>,
}

impl Order {
    /// How it stood at `as_of_ns`; `None` if it was not there yet.
    pub(crate) fn as_of(&self, as_of_ns: u64) -> Option<&Progress> {
        if self.now.updated_ns <= as_of_ns {
            return Some(&self.now);
        }
        self.past.iter().rev().find(|p| p.updated_ns <= as_of_ns)
    }

    /// Lots still to be filled of an order sized in base units.
    pub(crate) fn left(&self) -> i64 {
        match self.now.size {
            Size::Base(lots) => lots - self.now.lots,
            Size::Quote(_) => 0,
        }
    }

    /// Whether all of an order sized in base units is filled.
    pub(crate) fn is_whole(&self) -> bool {
        self.now.size == Size::Base(self.now.lots)
    }

    /// `order_type` as REST and list filters name it.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self.asked.kind {
            Kind::Market => "MARKET",
            Kind::Limit { .. } => "LIMIT",
            Kind::StopLimit { .. } => "STOP_LIMIT",
            Kind::Bracket { .. } => "BRACKET",
            Kind::Twap { .. } => "TWAP",
            Kind::Scaled => "SCALED",
        }
    }

    pub(crate) fn time_in_force(&self) -> &'static str {
        match self.asked.kind {
            Kind::Market | Kind::Limit { rests: Rests::ImmediateOrCancel, .. } => "IMMEDIATE_OR_CANCEL",
            Kind::Limit { rests: Rests::FillOrKill, .. } => "FILL_OR_KILL",
            _ if self.asked.end_ns.is_some() => "GOOD_UNTIL_DATE_TIME",
            _ => "GOOD_UNTIL_CANCELLED",
        }
    }

    /// The stop price, for the kinds that have one.
    pub(crate) fn stop(&self) -> Option<i64> {
        match self.asked.kind {
            Kind::StopLimit { stop, .. } | Kind::Bracket { stop, .. } => Some(stop),
            _ => None,
        }
    }

    /// The stop price and the way it is reached.
    pub(crate) fn trigger(&self) -> Option<(i64, Direction)> {
        match (self.asked.kind, self.asked.side) {
            (Kind::StopLimit { stop, direction, .. }, _) => Some((stop, direction)),
            (Kind::Bracket { stop, .. }, Side::Sell) => Some((stop, Direction::Down)),
            (Kind::Bracket { stop, .. }, Side::Buy) => Some((stop, Direction::Up)),
            _ => None,
        }
    }

    pub(crate) fn is_post_only(&self) -> bool {
        matches!(self.asked.kind, Kind::Limit { rests: Rests::UntilCancelled { post_only: true }, .. })
    }
}

/// Who the account belongs to: made-up ids, the same for a seed.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    pub(crate) user: String,
    pub(crate) portfolio: String,
}

/// One execution of a client's order, as `GET …/fills` lists it (reference 3.5).
#[derive(Clone, Debug)]
pub(crate) struct Fill {
    pub(crate) entry_id: String,
    pub(crate) trade_id: String,
    pub(crate) order: usize,
    pub(crate) ticks: i64,
    pub(crate) lots: i64,
    pub(crate) fee: Decimal,
    pub(crate) maker: bool,
    pub(crate) at_ns: u64,
}

/// Value over quantity; as many digits as the division gives, like the venue's own averages.
pub(crate) fn average(p: &Progress, product: &Product) -> Decimal {
    p.value.checked_div(product.size(p.lots)).unwrap_or_default().round_dp(16).normalize()
}
