//! The REST endpoints: routing, permissions, rate limits (Coinbase reference 3 and 5). Bodies are made further down.

mod app;
mod listings;
mod market_data;
mod orders;
mod query;

use super::config::Permissions;
use super::errors::{error, not_found, permission_denied, too_many_requests, too_many_requests_html};
use super::limits::Refusal429;
use super::model::{Coinbase, PREFIX};
use crate::sim::server::{Request, Response};
use query::Query;

/// What a call needs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    View,
    Trade,
}

impl Scope {
    fn of(method: &str, parts: &[&str]) -> Self {
        match (method, parts) {
            ("POST", ["orders"] | ["orders", "batch_cancel" | "edit" | "edit_preview"]) => Self::Trade,
            _ => Self::View,
        }
    }

    fn allowed(self, key: Permissions) -> bool {
        match self {
            Self::View => key.view,
            Self::Trade => key.trade,
        }
    }
}

impl Coinbase {
    /// Serves one REST request.
    pub(crate) fn rest(&mut self, now_ns: u64, request: &Request) -> Response {
        // What was due before this request is done before it.
        self.exchange.run_timers(now_ns);
        if let Some(path) = request.path.strip_prefix(app::PREFIX) {
            return self.app(now_ns, path, request);
        }
        let Some(path) = request.path.strip_prefix(PREFIX) else {
            return not_found("no such path");
        };
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        if matches!(parts.as_slice(), ["time"] | ["market", ..]) {
            if !self.public_window.take(now_ns, self.limits.public_per_s) {
                return self.too_many(request);
            }
            // The public twins differ from the others by their first part and show the market only.
            return match parts.as_slice() {
                ["market", rest @ ..] => self.public(now_ns, rest, request),
                parts => self.public(now_ns, parts, request),
            };
        }
        let key = match self.caller(now_ns, request) {
            Ok(key) => key,
            Err(refusal) => return refusal,
        };
        let limit = self.limits.private_per_s;
        if !self.private_window.take(now_ns, limit) {
            return self.too_many(request);
        }
        if !Scope::of(&request.method, &parts).allowed(key) {
            return permission_denied();
        }
        let left = self.private_window.left(limit);
        self.private(now_ns, key, &parts, request)
            .with_header("x-ratelimit-limit", limit)
            .with_header("x-ratelimit-remaining", left)
            .with_header("x-ratelimit-reset", 1)
    }

    fn too_many(&self, request: &Request) -> Response {
        let orders = request.method == "POST" && request.path.ends_with("/orders");
        match self.limits.refusal {
            Refusal429::HtmlOnOrders if orders => too_many_requests_html(),
            _ => too_many_requests(),
        }
    }

    fn private(&mut self, now_ns: u64, key: Permissions, parts: &[&str], request: &Request) -> Response {
        let query = Query::of(request);
        let result = match (request.method.as_str(), parts) {
            ("POST", ["orders"]) => Ok(self.create(now_ns, request)),
            ("POST", ["orders", "batch_cancel"]) => self.batch_cancel(now_ns, request),
            ("POST", ["orders", "edit"]) => self.edit(now_ns, request),
            ("POST", ["orders", "edit_preview"]) => self.edit_preview(request),
            ("POST", ["orders", "preview"]) => self.preview(now_ns, request),
            ("GET", ["orders", "historical", "batch"]) => self.list_orders(now_ns, &query),
            ("GET", ["orders", "historical", "fills"]) => self.list_fills(now_ns, &query),
            ("GET", ["orders", "historical", id]) => self.get_order(now_ns, id),
            ("GET", ["accounts"]) => self.list_accounts(now_ns, &query),
            ("GET", ["accounts", uuid]) => self.get_account(uuid),
            ("GET", ["best_bid_ask"]) => Ok(self.best_bid_ask(&query)),
            ("GET", ["key_permissions"]) => Ok(self.key_permissions(key)),
            ("GET", ["portfolios"]) => Ok(self.portfolios()),
            ("GET", ["transaction_summary"]) => Ok(self.transaction_summary()),
            _ => return self.public(now_ns, parts, request),
        };
        result.unwrap_or_else(|refusal| refusal)
    }

    fn public(&self, now_ns: u64, parts: &[&str], request: &Request) -> Response {
        let query = Query::of(request);
        let result = match (request.method.as_str(), parts) {
            ("GET", ["products"]) => self.list_products(&query),
            ("GET", ["products", id]) => self.get_product(id),
            ("GET", ["products", id, "ticker"]) => self.get_trades(id, &query),
            ("GET", ["products", id, "candles"]) => self.get_candles(id, &query),
            ("GET", ["product_book"]) => self.product_book(&query),
            ("GET", ["time"]) => Ok(market_data::time(now_ns)),
            ("GET" | "POST", _) => Err(not_found("no such path")),
            _ => Err(error(405, "unknown", "Method Not Allowed")),
        };
        result.unwrap_or_else(|refusal| refusal)
    }
}
