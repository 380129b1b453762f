//! How orders and fills look on REST (Coinbase reference 3.4, 3.5) and on the user channel (reference 6.8).
//!
//! Guarantees the key order and the quoting of the recordings. Reads, never changes.

use super::exchange::Exchange;
use super::order::{average, Fill, Kind, Order, Progress, Size, Status};
use super::product::Product;
use crate::sim::market::Side;
use crate::sim::{rfc3339_micros, rfc3339_nanos, Json};
use rust_decimal::Decimal;

/// "None" of the user channel's time fields.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// What an order's bodies need besides the order.
pub(crate) struct Shown<'a> {
    exchange: &'a Exchange,
    order: &'a Order,
    at: &'a Progress,
    product: &'a Product,
}

impl<'a> Shown<'a> {
    /// The order as it stood at `at`; `None` if its market is not there.
    pub(crate) fn new(exchange: &'a Exchange, order: &'a Order, at: &'a Progress) -> Option<Self> {
        let product = &exchange.markets.get(order.asked.market)?.product;
        Some(Self { exchange, order, at, product })
    }

    /// The REST object.
    pub(crate) fn rest(&self, j: &mut Json) {
        let (order, p) = (self.order, self.at);
        j.str("order_id", &order.id)
            .str("product_id", &order.asked.product_id)
            .str("user_id", &self.exchange.ids.user)
            .raw("order_configuration", self.configuration())
            .str("side", order.asked.side.as_str())
            .str("client_order_id", &order.asked.client_order_id)
            .str("status", p.status.as_str())
            .str("time_in_force", order.time_in_force())
            .str("created_time", rfc3339_micros(order.created_ns))
            .str("completion_percentage", self.completion())
            .str("filled_size", self.product.size(p.lots))
            .str("average_filled_price", average(p, self.product))
            .str("fee", "")
            .str("number_of_fills", p.fills)
            .str("filled_value", p.value.normalize())
            .raw("pending_cancel", p.status == Status::CancelQueued)
            .raw("size_in_quote", order.asked.in_quote)
            .str("total_fees", p.fees.normalize())
            .raw("size_inclusive_of_fees", order.asked.in_quote && order.asked.kind == Kind::Market)
            .str("total_value_after_fees", self.value_after_fees())
            .str("trigger_status", self.trigger_status())
            .str("order_type", order.kind_name())
            .str("reject_reason", or(p.reject_reason, "REJECT_REASON_UNSPECIFIED"))
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
        self.history(j);
        let id = |index: Option<usize>| {
            index.and_then(|i| self.exchange.orders.get(i)).map(|o| o.id.as_str()).unwrap_or_default()
        };
        j.str("leverage", "")
            .str("margin_type", "UNKNOWN_MARGIN_TYPE")
            .str("retail_portfolio_id", &self.exchange.ids.portfolio)
            .str("originating_order_id", id(order.originating))
            .str("attached_order_id", id(order.attached))
            .raw("attached_order_configuration", self.attached().unwrap_or_else(|| "null".to_owned()))
            .raw("current_pending_replace", "null")
            .raw("commission_detail_total", "null")
            .str("last_update_time", rfc3339_micros(p.updated_ns));
    }

    /// The user channel's object: every field, every time (reference 6.8).
    pub(crate) fn user(&self, j: &mut Json) {
        let (order, p) = (self.order, self.at);
        let price = |ticks: Option<i64>| ticks.map(|t| self.product.price(t).to_string()).unwrap_or_default();
        let start_ns = match order.asked.kind {
            Kind::Twap { start_ns, .. } => Some(start_ns),
            _ => None,
        };
        let time = |ns: Option<u64>| ns.map_or_else(|| NO_TIME.to_owned(), rfc3339_micros);
        j.str("avg_price", average(p, self.product))
            .str("cancel_reason", p.cancel_reason)
            .str("client_order_id", &order.asked.client_order_id)
            .str("completion_percentage", self.completion())
            .str("contract_expiry_type", "UNKNOWN_CONTRACT_EXPIRY_TYPE")
            .str("cumulative_quantity", self.product.size(p.lots))
            .str("filled_value", p.value.normalize())
            .str("leaves_quantity", self.leaves())
            .str("limit_price", price(p.limit))
            .str("number_of_fills", p.fills)
            .str("order_id", &order.id)
            .str("order_side", order.asked.side.as_str())
            .str("order_type", self.user_kind_name())
            .str("outstanding_hold_amount", p.hold.normalize())
            .str("post_only", order.is_post_only())
            .str("product_id", &order.asked.product_id)
            .str("product_type", "SPOT")
            .str("reject_reason", p.reject_reason)
            .str("retail_portfolio_id", &self.exchange.ids.portfolio)
            .str("risk_managed_by", "UNKNOWN_RISK_MANAGEMENT_TYPE")
            .str("status", p.status.as_str())
            .str("stop_price", price(order.stop()))
            .str("time_in_force", order.time_in_force())
            .str("total_fees", p.fees.normalize())
            .str("total_value_after_fees", self.value_after_fees())
            .str("trigger_status", self.trigger_status())
            .str("creation_time", rfc3339_micros(order.created_ns))
            .str("end_time", time(order.asked.end_ns))
            .str("start_time", time(start_ns));
    }

    /// `ticks` of the order's product as a price.
    pub(crate) fn price(&self, ticks: i64) -> Decimal {
        self.product.price(ticks)
    }

    /// The limit in force.
    pub(crate) fn limit_price(&self) -> Option<Decimal> {
        self.at.limit.map(|ticks| self.price(ticks))
    }

    /// One execution of the order; its size in quote if the order's was and `in_quote` says that such rows are so.
    pub(crate) fn fill(&self, j: &mut Json, fill: &Fill, in_quote: bool) {
        let in_quote = in_quote && self.order.asked.in_quote;
        let size = self.product.size(fill.lots) * if in_quote { self.price(fill.ticks) } else { Decimal::ONE };
        j.str("entry_id", &fill.entry_id)
            .str("trade_id", &fill.trade_id)
            .str("order_id", &self.order.id)
            .str("trade_time", rfc3339_micros(fill.at_ns))
            .str("trade_type", "FILL")
            .str("price", self.product.price(fill.ticks))
            .str("size", size.normalize())
            .str("commission", fill.fee.normalize())
            .str("product_id", &self.order.asked.product_id)
            .str("sequence_timestamp", rfc3339_nanos(fill.at_ns))
            .str("liquidity_indicator", if fill.maker { "MAKER" } else { "TAKER" })
            .raw("size_in_quote", in_quote)
            .str("user_id", &self.exchange.ids.user)
            .str("side", self.order.asked.side.as_str())
            .str("retail_portfolio_id", &self.exchange.ids.portfolio);
    }

    /// As the client wrote it until an edit changed price or size.
    fn configuration(&self) -> String {
        let (Some(ticks), Size::Base(lots), false) = (self.at.limit, self.at.size, self.order.edits.is_empty()) else {
            return self.order.asked.configuration.clone();
        };
        Json::compact().object(|j| {
            j.obj("limit_limit_gtc", |j| {
                j.str("base_size", self.product.size(lots))
                    .str("limit_price", self.product.price(ticks))
                    .raw("post_only", self.order.is_post_only());
            });
        })
    }

    fn attached(&self) -> Option<String> {
        Some(self.exchange.orders.get(self.order.attached?)?.asked.configuration.clone())
    }

    fn history(&self, j: &mut Json) {
        j.arr("edit_history", |j| {
            for edit in self.order.edits.iter().filter(|edit| edit.at_ns <= self.at.updated_ns) {
                j.item(|j| {
                    j.str("price", self.product.price(edit.ticks))
                        .str("size", self.product.size(edit.lots))
                        .str("replace_accept_timestamp", rfc3339_micros(edit.at_ns));
                });
            }
        });
    }

    fn value_after_fees(&self) -> Decimal {
        match self.order.asked.side {
            Side::Buy => self.at.value + self.at.fees,
            Side::Sell => self.at.value - self.at.fees,
        }
        .normalize()
    }

    fn completion(&self) -> String {
        let p = self.at;
        let percent = match p.size {
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

    fn leaves(&self) -> Decimal {
        match self.at.size {
            _ if self.at.status.is_terminal() => Decimal::ZERO,
            // In the currency the order was sized in.
            Size::Base(lots) => {
                let left = self.product.size(lots - self.at.lots);
                let price = self.limit_price().filter(|_| self.order.asked.in_quote);
                (left * price.unwrap_or(Decimal::ONE)).normalize()
            }
            Size::Quote(quote) => (quote - self.at.value).max(Decimal::ZERO).normalize(),
        }
    }

    fn trigger_status(&self) -> &'static str {
        match (self.order.stop(), self.at.triggered) {
            (None, _) => "INVALID_ORDER_TYPE",
            (Some(_), false) => "STOP_PENDING",
            (Some(_), true) => "STOP_TRIGGERED",
        }
    }

    /// The user channel spells the types in words (reference 6.8).
    fn user_kind_name(&self) -> &'static str {
        match self.order.asked.kind {
            Kind::Market => "Market",
            Kind::Limit { .. } => "Limit",
            Kind::StopLimit { .. } => "Stop Limit",
            Kind::Bracket { .. } => "Bracket",
            Kind::Twap { .. } => "TWAP",
            Kind::Scaled => "Scaled",
        }
    }
}

fn or(text: &'static str, otherwise: &'static str) -> &'static str {
    if text.is_empty() {
        otherwise
    } else {
        text
    }
}
