//! A client's order: what was asked, how far it got, and how the venue shows it on REST (Coinbase reference 3.4) and
//! on the user channel (reference 6.8).

use super::product::Product;
use crate::sim::market::Side;
use crate::sim::{rfc3339_micros, rfc3339_nanos, Json};
use rust_decimal::Decimal;

/// "None" of the user channel's time fields.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// How the size of an order was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// Base units, in lots.
    Base(i64),
    /// Quote units; a market buy counts its fees into it.
    Quote(Decimal),
}

/// The order kinds served so far. Stop, bracket, TWAP and scaled orders will be further members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `market_market_ioc`.
    Market,
    /// `sor_limit_ioc`, `limit_limit_fok`, `limit_limit_gtc`.
    Limit { ticks: i64, rests: Rests },
}

/// What a limit order does with what it cannot fill at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rests {
    /// Rests; with `post_only` it must not take.
    UntilCancelled { post_only: bool },
    /// Cancelled.
    ImmediateOrCancel,
    /// Filled whole or not at all.
    FillOrKill,
}

/// An order as asked, checked for form but not yet for funds or market.
#[derive(Clone, Debug)]
pub(crate) struct NewOrder {
    pub(crate) client_order_id: String,
    pub(crate) market: usize,
    pub(crate) side: Side,
    pub(crate) kind: Kind,
    pub(crate) size: Size,
    /// `order_configuration` as the client wrote it, echoed in replies.
    pub(crate) configuration: String,
}

/// Where an order stands (reference 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Pending,
    Open,
    Filled,
    CancelQueued,
    Cancelled,
    /// Never placed, with a `reject_reason`.
    Failed,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Open => "OPEN",
            Self::Filled => "FILLED",
            Self::CancelQueued => "CANCEL_QUEUED",
            Self::Cancelled => "CANCELLED",
            Self::Failed => "FAILED",
        }
    }

    pub(crate) fn is_terminal(self) -> bool {
        matches!(self, Self::Filled | Self::Cancelled | Self::Failed)
    }
}

/// The changing part of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) status: Status,
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

/// A client's order.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) asked: NewOrder,
    pub(crate) created_ns: u64,
    pub(crate) now: Progress,
    /// How it stood before, oldest first, for listings that lag.
    pub(crate) past: Vec<Progress>,
}

impl Order {
    /// How it stood at `as_of_ns`; `None` if it was not there yet.
    pub(crate) fn as_of(&self, as_of_ns: u64) -> Option<&Progress> {
        if self.now.updated_ns <= as_of_ns {
            return Some(&self.now);
        }
        self.past.iter().rev().find(|p| p.updated_ns <= as_of_ns)
    }

    fn kind_name(&self) -> &'static str {
        match self.asked.kind {
            Kind::Market => "MARKET",
            Kind::Limit { .. } => "LIMIT",
        }
    }

    fn time_in_force(&self) -> &'static str {
        match self.asked.kind {
            Kind::Market | Kind::Limit { rests: Rests::ImmediateOrCancel, .. } => "IMMEDIATE_OR_CANCEL",
            Kind::Limit { rests: Rests::FillOrKill, .. } => "FILL_OR_KILL",
            Kind::Limit { .. } => "GOOD_UNTIL_CANCELLED",
        }
    }

    /// `time_in_force`, `order_type` as list filters name them.
    pub(crate) fn filter_names(&self) -> (&'static str, &'static str) {
        (self.time_in_force(), self.kind_name())
    }

    fn value_after_fees(&self, p: &Progress) -> Decimal {
        match self.asked.side {
            Side::Buy => p.value + p.fees,
            Side::Sell => p.value - p.fees,
        }
        .normalize()
    }

    fn completion(&self, p: &Progress) -> String {
        let percent = match self.asked.size {
            _ if p.status == Status::Filled => Decimal::ONE_HUNDRED,
            Size::Base(lots) if lots > 0 => Decimal::from(p.lots) * Decimal::ONE_HUNDRED / Decimal::from(lots),
            Size::Quote(quote) if !quote.is_zero() => p.value * Decimal::ONE_HUNDRED / quote,
            _ => Decimal::ZERO,
        };
        if percent.is_zero() {
            "0".to_owned()
        } else {
            format!("{:.2}", percent.round_dp(2))
        }
    }

    fn leaves(&self, p: &Progress, product: &Product) -> Decimal {
        match self.asked.size {
            _ if p.status.is_terminal() => Decimal::ZERO,
            Size::Base(lots) => product.size(lots - p.lots),
            Size::Quote(quote) => (quote - p.value).max(Decimal::ZERO).normalize(),
        }
    }

    fn limit_price(&self, product: &Product) -> Option<Decimal> {
        match self.asked.kind {
            Kind::Market => None,
            Kind::Limit { ticks, .. } => Some(product.price(ticks)),
        }
    }

    /// The REST object.
    pub(crate) fn write_rest(&self, j: &mut Json, p: &Progress, product: &Product, ids: &Ids) {
        let quote_sized = matches!(self.asked.size, Size::Quote(_));
        j.str("order_id", &self.id)
            .str("product_id", &product.id)
            .str("user_id", &ids.user)
            .raw("order_configuration", &self.asked.configuration)
            .str("side", self.asked.side.as_str())
            .str("client_order_id", &self.asked.client_order_id)
            .str("status", p.status.as_str())
            .str("time_in_force", self.time_in_force())
            .str("created_time", rfc3339_micros(self.created_ns))
            .str("completion_percentage", self.completion(p))
            .str("filled_size", product.size(p.lots))
            .str("average_filled_price", average(p, product))
            .str("fee", "")
            .str("number_of_fills", p.fills)
            .str("filled_value", p.value.normalize())
            .raw("pending_cancel", p.status == Status::CancelQueued)
            .raw("size_in_quote", quote_sized)
            .str("total_fees", p.fees.normalize())
            .raw("size_inclusive_of_fees", quote_sized && self.asked.kind == Kind::Market)
            .str("total_value_after_fees", self.value_after_fees(p))
            .str("trigger_status", "INVALID_ORDER_TYPE")
            .str("order_type", self.kind_name())
            .str(
                "reject_reason",
                if p.reject_reason.is_empty() { "REJECT_REASON_UNSPECIFIED" } else { p.reject_reason },
            )
            .raw("settled", p.status == Status::Filled)
            .str("product_type", "SPOT")
            .str("reject_message", "")
            .str("cancel_message", p.cancel_reason)
            .str("order_placement_source", "RETAIL_ADVANCED")
            .str("outstanding_hold_amount", p.hold.normalize())
            .raw("is_liquidation", false);
        if p.last_fill_ns == 0 {
            j.raw("last_fill_time", "null");
        } else {
            j.str("last_fill_time", rfc3339_micros(p.last_fill_ns));
        }
        j.arr("edit_history", |_| {})
            .str("leverage", "")
            .str("margin_type", "UNKNOWN_MARGIN_TYPE")
            .str("retail_portfolio_id", &ids.portfolio)
            .str("originating_order_id", "")
            .str("attached_order_id", "")
            .raw("attached_order_configuration", "null")
            .raw("current_pending_replace", "null")
            .raw("commission_detail_total", "null")
            .str("last_update_time", rfc3339_micros(p.updated_ns));
    }

    /// The user channel's object: every field, every time (reference 6.8).
    pub(crate) fn write_user(&self, j: &mut Json, p: &Progress, product: &Product, ids: &Ids) {
        let post_only = matches!(self.asked.kind, Kind::Limit { rests: Rests::UntilCancelled { post_only: true }, .. });
        j.str("avg_price", average(p, product))
            .str("cancel_reason", p.cancel_reason)
            .str("client_order_id", &self.asked.client_order_id)
            .str("completion_percentage", self.completion(p))
            .str("contract_expiry_type", "UNKNOWN_CONTRACT_EXPIRY_TYPE")
            .str("cumulative_quantity", product.size(p.lots))
            .str("filled_value", p.value.normalize())
            .str("leaves_quantity", self.leaves(p, product))
            .str("limit_price", self.limit_price(product).map(|p| p.to_string()).unwrap_or_default())
            .str("number_of_fills", p.fills)
            .str("order_id", &self.id)
            .str("order_side", self.asked.side.as_str())
            .str("order_type", if self.asked.kind == Kind::Market { "Market" } else { "Limit" })
            .str("outstanding_hold_amount", p.hold.normalize())
            .str("post_only", post_only)
            .str("product_id", &product.id)
            .str("product_type", "SPOT")
            .str("reject_reason", p.reject_reason)
            .str("retail_portfolio_id", &ids.portfolio)
            .str("risk_managed_by", "UNKNOWN_RISK_MANAGEMENT_TYPE")
            .str("status", p.status.as_str())
            .str("stop_price", "")
            .str("time_in_force", self.time_in_force())
            .str("total_fees", p.fees.normalize())
            .str("total_value_after_fees", self.value_after_fees(p))
            .str("trigger_status", "INVALID_ORDER_TYPE")
            .str("creation_time", rfc3339_micros(self.created_ns))
            .str("end_time", NO_TIME)
            .str("start_time", NO_TIME);
    }
}

/// Who the account belongs to: made-up ids, the same for a seed.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    pub(crate) user: String,
    pub(crate) portfolio: String,
}

/// Value over quantity; as many digits as the division gives, like the venue's own averages.
fn average(p: &Progress, product: &Product) -> Decimal {
    let size = product.size(p.lots);
    p.value.checked_div(size).unwrap_or_default().round_dp(16).normalize()
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

impl Fill {
    pub(crate) fn write(&self, j: &mut Json, order: &Order, product: &Product, ids: &Ids) {
        j.str("entry_id", &self.entry_id)
            .str("trade_id", &self.trade_id)
            .str("order_id", &order.id)
            .str("trade_time", rfc3339_micros(self.at_ns))
            .str("trade_type", "FILL")
            .str("price", product.price(self.ticks))
            .str("size", product.size(self.lots))
            .str("commission", self.fee.normalize())
            .str("product_id", &product.id)
            .str("sequence_timestamp", rfc3339_nanos(self.at_ns))
            .str("liquidity_indicator", if self.maker { "MAKER" } else { "TAKER" })
            .raw("size_in_quote", false)
            .str("user_id", &ids.user)
            .str("side", order.asked.side.as_str())
            .str("retail_portfolio_id", &ids.portfolio);
    }
}
