//! What the venue saw, for tests to ask about: requests and order ids. Never holds a key, a signature or a secret.

use crate::sim::server::{Door, Request};
use crate::sim::RequestLog;
use rust_decimal::Decimal;
use serde_json::Value;
use std::ops::Deref;

/// An order as the venue understood it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenOrder {
    /// The venue's id.
    pub order_id: u64,
    /// `type`.
    pub kind: &'static str,
    /// `timeInForce`.
    pub time_in_force: &'static str,
    /// `status`.
    pub status: &'static str,
    /// `price`.
    pub price: Option<Decimal>,
    /// `quantity`.
    pub quantity: Decimal,
    /// `quoteOrderQty`.
    pub quote_quantity: Decimal,
    /// `stopPrice`.
    pub stop_price: Option<Decimal>,
    /// `trailingDelta`, hundredths of a percent.
    pub trailing_delta: Option<u32>,
    /// `icebergQty`.
    pub shown: Option<Decimal>,
    /// `selfTradePreventionMode`.
    pub self_trade: &'static str,
    /// `executedQty`.
    pub executed: Decimal,
}

/// The log of requests, named as `POST /api/v3/order` or `WS order.place`; and counters.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    log: RequestLog,
    /// Requests refused for their signature (-1022).
    pub signature_refusals: u64,
    /// Requests refused for their timestamp (-1021).
    pub clock_refusals: u64,
    /// Market frames lost because a test asked for it.
    pub frames_dropped: u64,
    /// Pongs that answered a ping of the venue's.
    pub pongs: u64,
}

impl Deref for Observed {
    type Target = RequestLog;

    fn deref(&self) -> &RequestLog {
        &self.log
    }
}

impl Observed {
    pub(crate) fn arrived(&mut self, now_ns: u64, _door: Door, request: &Request) {
        let name = format!("{} {}", request.method, request.path);
        let pairs = request.query_pairs().into_iter().chain(request.form_pairs());
        let id = pairs.into_iter().find(|(name, _)| name == "newClientOrderId").map(|(_, id)| id);
        let places = request.method == "POST"
            && matches!(request.path.as_str(), "/api/v3/order" | "/api/v3/order/cancelReplace");
        self.log.note(now_ns, name, id, places);
    }

    pub(crate) fn arrived_ws(&mut self, now_ns: u64, method: &str, text: &str) {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        let id =
            message.get("params").and_then(|p| p.get("newClientOrderId")).and_then(Value::as_str).map(str::to_owned);
        self.log.note(now_ns, format!("WS {method}"), id, matches!(method, "order.place" | "order.cancelReplace"));
    }
}
