//! The REST endpoints: routing, tokens, rate limits, and every body (Coinbase reference 3 and 4).

use super::exchange::Placed;
use super::limits::Refusal429;
use super::model::{Coinbase, PREFIX};
use super::parse::{new_order, not_valid, Refusal};
use super::product::Market;
use super::reject::Reject;
use crate::sim::market::Side;
use crate::sim::server::{Request, Response};
use crate::sim::{jwt, parse_rfc3339, rfc3339_micros, rfc3339_nanos, Json, Target, MILLISECOND_NS, SECOND_NS};
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::BTreeMap;

/// Most ids in one `batch_cancel` (reference 3.2).
const CANCELS_MAX: usize = 100;
const ORDERS_PAGE_MAX: usize = 1_000;
const FILLS_PAGE_DEFAULT: usize = 100;
const FILLS_PAGE_MAX: usize = 3_000;
const ACCOUNTS_PAGE_DEFAULT: usize = 49;
const ACCOUNTS_PAGE_MAX: usize = 250;
const STATUSES: [&str; 10] = [
    "PENDING",
    "OPEN",
    "FILLED",
    "CANCELLED",
    "EXPIRED",
    "FAILED",
    "UNKNOWN_ORDER_STATUS",
    "QUEUED",
    "CANCEL_QUEUED",
    "EDIT_QUEUED",
];

/// What a call needs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    View,
    Trade,
}

/// Query parameters, a key possibly with several values.
struct Query(BTreeMap<String, Vec<String>>);

impl Query {
    fn of(request: &Request) -> Self {
        let mut map: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, value) in request.query_pairs() {
            if !value.is_empty() {
                map.entry(key).or_default().push(value);
            }
        }
        Self(map)
    }

    fn all(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    fn one(&self, key: &str) -> Option<&str> {
        self.all(key).first().map(String::as_str)
    }

    /// True if the key is absent or one of its values is `value`.
    fn admits(&self, key: &str, value: &str) -> bool {
        self.all(key).is_empty() || self.all(key).iter().any(|v| v == value)
    }

    fn number(&self, key: &str, default: usize, max: usize) -> Result<usize, Response> {
        match self.one(key).map(str::parse::<usize>) {
            None => Ok(default),
            Some(Ok(n)) if n > 0 => Ok(n.min(max)),
            Some(Ok(_)) => Ok(default),
            Some(Err(_)) => Err(invalid(&format!("parsing field \"{key}\": not a number"))),
        }
    }

    fn time(&self, key: &str) -> Result<Option<u64>, Response> {
        match self.one(key) {
            None => Ok(None),
            Some(text) => parse_rfc3339(text)
                .map(Some)
                .ok_or_else(|| invalid(&format!("parsing field \"{key}\": not an RFC 3339 time"))),
        }
    }
}

impl Coinbase {
    /// Serves one REST request.
    pub(crate) fn rest(&mut self, now_ns: u64, request: &Request) -> Response {
        let Some(path) = request.path.strip_prefix(PREFIX) else {
            return not_found("no such path");
        };
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let is_public = matches!(parts.as_slice(), ["time"] | ["market", ..]);
        if is_public {
            let limit = self.limits.public_per_s;
            if !self.public_window.take(now_ns, limit) {
                return self.too_many(request);
            }
            return self.route(now_ns, &parts, request);
        }
        if let Err(refusal) = self.authorize(now_ns, request, &parts) {
            return refusal;
        }
        let limit = self.limits.private_per_s;
        let left = self.private_window.left(limit);
        self.route(now_ns, &parts, request)
            .with_header("x-ratelimit-limit", limit)
            .with_header("x-ratelimit-remaining", left)
            .with_header("x-ratelimit-reset", 1)
    }

    fn authorize(&mut self, now_ns: u64, request: &Request, parts: &[&str]) -> Result<(), Response> {
        let token = request.header("authorization").and_then(|a| a.strip_prefix("Bearer "));
        let target = Target::Rest { method: &request.method, hosts: &self.hosts, path: &request.path };
        let checked = token.ok_or(crate::sim::Refused::Missing).and_then(|t| jwt::verify(t, &self.key, now_ns, target));
        match checked {
            Ok(claims) => self.observed.token_used(&claims.nonce),
            Err(why) => {
                self.observed.refused_tokens.push(why);
                // The venue says no more than this, and not in JSON (reference 4).
                return Err(Response::text(401, "Unauthorized\n"));
            }
        }
        let limit = self.limits.private_per_s;
        if !self.private_window.take(now_ns, limit) {
            return Err(self.too_many(request));
        }
        let scope = match (request.method.as_str(), parts) {
            ("POST", ["orders"] | ["orders", "batch_cancel"]) => Scope::Trade,
            _ => Scope::View,
        };
        let allowed = match scope {
            Scope::View => self.permissions.view,
            Scope::Trade => self.permissions.trade,
        };
        if allowed {
            Ok(())
        } else {
            let detail = "User does not have the correct permissions";
            Err(error(403, "PERMISSION_DENIED", detail))
        }
    }

    fn too_many(&self, request: &Request) -> Response {
        let orders = request.method == "POST" && request.path.ends_with("/orders");
        if orders && self.limits.refusal == Refusal429::HtmlOnOrders {
            let page = "<html>\n  <head>\n    <title>Coinbase</title>\n    <meta name=\"robots\" content=\"noindex\">\n  </head>\n</html>\n";
            return Response::html(429, page);
        }
        let body = r#"{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}"#;
        Response::json(429, body)
    }

    fn route(&mut self, now_ns: u64, parts: &[&str], request: &Request) -> Response {
        let query = Query::of(request);
        // The public twins differ only by their first part.
        let parts = parts.strip_prefix(&["market"]).unwrap_or(parts);
        let result = match (request.method.as_str(), parts) {
            ("POST", ["orders"]) => Ok(self.create(now_ns, request)),
            ("POST", ["orders", "batch_cancel"]) => self.batch_cancel(now_ns, request),
            ("GET", ["orders", "historical", "batch"]) => self.list_orders(now_ns, &query),
            ("GET", ["orders", "historical", "fills"]) => self.list_fills(now_ns, &query),
            ("GET", ["orders", "historical", id]) => self.get_order(now_ns, id),
            ("GET", ["accounts"]) => self.list_accounts(&query),
            ("GET", ["accounts", uuid]) => self.get_account(uuid),
            ("GET", ["products"]) => Ok(self.list_products(&query)),
            ("GET", ["products", id]) => self.get_product(id),
            ("GET", ["products", id, "ticker"]) => self.get_trades(id, &query),
            ("GET", ["product_book"]) => self.product_book(&query),
            ("GET", ["best_bid_ask"]) => Ok(self.best_bid_ask(&query)),
            ("GET", ["time"]) => Ok(time(now_ns)),
            ("GET", ["key_permissions"]) => Ok(self.key_permissions()),
            ("GET", ["transaction_summary"]) => Ok(self.transaction_summary()),
            ("GET" | "POST", _) => Err(not_found("no such path")),
            _ => Err(error(405, "unknown", "Method Not Allowed")),
        };
        result.unwrap_or_else(|refusal| refusal)
    }

    fn create(&mut self, now_ns: u64, request: &Request) -> Response {
        let asked = match new_order(&request.body, &self.exchange) {
            Ok(asked) => asked,
            Err(Refusal::Malformed(name, detail)) => return error(400, name, &detail),
            Err(Refusal::Business(reject, echo)) => return rejected(reject, &echo),
        };
        let echo = asked.configuration.clone();
        if let Some(reject) = self.forced_rejects.pop_front() {
            return rejected(Reject::Named(reject), &echo);
        }
        let failure = self.forced_failures.pop_front();
        if self.duplicates_rejected && self.exchange.earlier(&asked.client_order_id).is_some() {
            return rejected(Reject::DuplicateClientOrderId, &echo);
        }
        let placed = match failure {
            Some(reason) => self.exchange.fail(now_ns, asked, reason),
            None => self.exchange.place(now_ns, asked),
        };
        let index = match placed {
            Ok(Placed::New(index) | Placed::Earlier(index)) => index,
            Err(reject) => return rejected(reject, &echo),
        };
        let Some(order) = self.exchange.orders.get(index) else {
            return error(500, "INTERNAL", "order lost");
        };
        let product = self.exchange.markets.get(order.asked.market).map_or("", |m| m.product.id.as_str());
        Response::json(
            200,
            Json::compact().object(|j| {
                j.raw("success", true)
                    .obj("success_response", |j| {
                        j.str("order_id", &order.id)
                            .str("product_id", product)
                            .str("side", order.asked.side.as_str())
                            .str("client_order_id", &order.asked.client_order_id);
                    })
                    .raw("order_configuration", &order.asked.configuration);
            }),
        )
    }

    fn batch_cancel(&mut self, now_ns: u64, request: &Request) -> Result<Response, Response> {
        let body: Value = serde_json::from_slice(&request.body).map_err(|e| invalid(&format!("invalid JSON: {e}")))?;
        let ids = body.get("order_ids").and_then(Value::as_array).filter(|ids| !ids.is_empty());
        let ids: Vec<&str> =
            ids.ok_or_else(|| invalid("order_ids is required"))?.iter().filter_map(Value::as_str).collect();
        if ids.len() > CANCELS_MAX {
            return Err(error(400, "InvalidArgument", &format!("order_ids: at most {CANCELS_MAX} per request")));
        }
        let results: Vec<_> = ids.iter().map(|id| (*id, self.exchange.cancel(now_ns, id))).collect();
        Ok(Response::json(
            200,
            Json::compact().object(|j| {
                j.arr("results", |j| {
                    for (id, result) in results {
                        j.item(|j| {
                            let reason =
                                result.map_or_else(|failure| failure.as_str(), |()| "UNKNOWN_CANCEL_FAILURE_REASON");
                            j.raw("success", result.is_ok()).str("failure_reason", reason).str("order_id", id);
                        });
                    }
                });
            }),
        ))
    }

    fn get_order(&self, now_ns: u64, id: &str) -> Result<Response, Response> {
        let missing = || error(404, "NOT_FOUND", "order with this orderID was not found");
        let exchange = &self.exchange;
        let order = exchange.order_index(id).and_then(|i| exchange.orders.get(i)).ok_or_else(missing)?;
        let progress = order.as_of(now_ns.saturating_sub(self.listing_lag_ns)).ok_or_else(missing)?;
        let market = exchange.markets.get(order.asked.market).ok_or_else(missing)?;
        Ok(Response::json(
            200,
            Json::spaced().object(|j| {
                j.obj("order", |j| order.write_rest(j, progress, &market.product, &exchange.ids));
            }),
        ))
    }

    fn list_orders(&self, now_ns: u64, query: &Query) -> Result<Response, Response> {
        if let Some(bad) = query.all("order_status").iter().find(|s| !STATUSES.contains(&s.as_str())) {
            let Refusal::Malformed(name, detail) = not_valid("order_status", bad) else {
                return Err(invalid("order_status"));
            };
            return Err(error(400, name, &detail));
        }
        let (start, end) = (query.time("start_date")?, query.time("end_date")?);
        let limit = query.number("limit", ORDERS_PAGE_MAX, ORDERS_PAGE_MAX)?;
        let as_of = now_ns.saturating_sub(self.listing_lag_ns);
        let exchange = &self.exchange;
        let below = cursor(query, exchange.orders.len())?;
        // Newest first; a cursor is the place of the last order given, so that pages do not shift under new orders.
        let mut matching = exchange.orders.iter().enumerate().take(below).rev().filter_map(|(i, order)| {
            let progress = order.as_of(as_of)?;
            let market = exchange.markets.get(order.asked.market)?;
            let (time_in_force, order_type) = order.filter_names();
            let admitted = query.admits("order_ids", &order.id)
                && query.admits("product_ids", &market.product.id)
                && query.admits("product_id", &market.product.id)
                && query.admits("order_status", progress.status.as_str())
                && query.admits("order_types", order_type)
                && query.admits("time_in_forces", time_in_force)
                && query.admits("order_side", order.asked.side.as_str())
                && query.admits("product_type", "SPOT")
                && query.admits("order_placement_source", "RETAIL_ADVANCED")
                && start.is_none_or(|start| order.created_ns >= start)
                && end.is_none_or(|end| order.created_ns < end);
            admitted.then_some((i, order, progress, market))
        });
        let page: Vec<_> = matching.by_ref().take(limit).collect();
        let has_next = matching.next().is_some();
        let next = page.last().filter(|_| has_next).map(|(i, ..)| i.to_string()).unwrap_or_default();
        Ok(Response::json(
            200,
            Json::spaced().object(|j| {
                j.arr("orders", |j| {
                    for (_, order, progress, market) in &page {
                        j.item(|j| order.write_rest(j, progress, &market.product, &exchange.ids));
                    }
                })
                .str("sequence", "0")
                .raw("has_next", has_next)
                .str("cursor", next)
                .raw("proof_token_required", false);
            }),
        ))
    }

    fn list_fills(&self, now_ns: u64, query: &Query) -> Result<Response, Response> {
        let (start, end) = (query.time("start_sequence_timestamp")?, query.time("end_sequence_timestamp")?);
        let limit = query.number("limit", FILLS_PAGE_DEFAULT, FILLS_PAGE_MAX)?;
        let as_of = now_ns.saturating_sub(self.listing_lag_ns);
        let exchange = &self.exchange;
        let below = cursor(query, exchange.fills.len())?;
        let mut matching = exchange.fills.iter().enumerate().take(below).rev().filter_map(|(i, fill)| {
            let order = exchange.orders.get(fill.order)?;
            let market = exchange.markets.get(order.asked.market)?;
            let admitted = fill.at_ns <= as_of
                && query.admits("order_ids", &order.id)
                && query.admits("order_id", &order.id)
                && query.admits("trade_ids", &fill.trade_id)
                && query.admits("product_ids", &market.product.id)
                && query.admits("product_id", &market.product.id)
                && start.is_none_or(|start| fill.at_ns >= start)
                && end.is_none_or(|end| fill.at_ns < end);
            admitted.then_some((i, fill, order, market))
        });
        let page: Vec<_> = matching.by_ref().take(limit).collect();
        let more = matching.next().is_some();
        let next = page.last().filter(|_| more).map(|(i, ..)| i.to_string()).unwrap_or_default();
        Ok(Response::json(
            200,
            Json::spaced().object(|j| {
                j.arr("fills", |j| {
                    for (_, fill, order, market) in &page {
                        j.item(|j| fill.write(j, order, &market.product, &exchange.ids));
                    }
                })
                .str("cursor", next);
            }),
        ))
    }

    fn list_accounts(&self, query: &Query) -> Result<Response, Response> {
        let limit = query.number("limit", ACCOUNTS_PAGE_DEFAULT, ACCOUNTS_PAGE_MAX)?;
        let total = self.exchange.accounts.len();
        let from = query.one("cursor").map_or(Ok(0), |c| c.parse().map_err(|_| invalid("cursor")))?;
        let page: Vec<_> = self.exchange.accounts.iter().skip(from).take(limit).collect();
        let has_next = from.saturating_add(page.len()) < total;
        let next = if has_next { (from + page.len()).to_string() } else { String::new() };
        let size = page.len();
        Ok(Response::json(
            200,
            Json::spaced().object(|j| {
                j.arr("accounts", |j| {
                    for account in page {
                        j.item(|j| self.write_account(j, account));
                    }
                })
                .raw("has_next", has_next)
                .str("cursor", next)
                .raw("size", size);
            }),
        ))
    }

    fn get_account(&self, uuid: &str) -> Result<Response, Response> {
        let account = self.exchange.accounts.iter().find(|a| a.uuid == uuid);
        let account = account.ok_or_else(|| not_found("account not found"))?;
        Ok(Response::json(
            200,
            Json::spaced().object(|j| {
                j.obj("account", |j| self.write_account(j, account));
            }),
        ))
    }

    fn write_account(&self, j: &mut Json, account: &super::exchange::Account) {
        let fiat = account.currency == "USD";
        let name = if fiat { "Cash (USD)".to_owned() } else { format!("{} Wallet", account.currency) };
        let amount = |value: Decimal| {
            move |j: &mut Json| {
                j.str("value", value.normalize()).str("currency", &account.currency);
            }
        };
        j.str("uuid", &account.uuid)
            .str("name", name)
            .str("currency", &account.currency)
            .obj("available_balance", amount(account.available))
            .raw("default", fiat)
            .raw("active", true)
            .str("created_at", rfc3339_micros(self.started_ns))
            .str("updated_at", rfc3339_micros(account.updated_ns))
            .raw("deleted_at", "null")
            .str("type", if fiat { "ACCOUNT_TYPE_FIAT" } else { "ACCOUNT_TYPE_CRYPTO" })
            .raw("ready", true)
            .obj("hold", amount(account.hold))
            .str("retail_portfolio_id", &self.exchange.ids.portfolio)
            .str("platform", "ACCOUNT_PLATFORM_CONSUMER");
    }

    fn list_products(&self, query: &Query) -> Response {
        let matching = self
            .exchange
            .markets
            .iter()
            .filter(|m| query.admits("product_ids", &m.product.id) && query.admits("product_type", "SPOT"));
        let limit = query.one("limit").and_then(|n| n.parse().ok()).filter(|n| *n > 0).unwrap_or(usize::MAX);
        let offset = query.one("offset").and_then(|n| n.parse().ok()).unwrap_or(0);
        let page: Vec<_> = matching.skip(offset).take(limit).collect();
        let count = page.len();
        Response::json(
            200,
            Json::spaced().object(|j| {
                j.arr("products", |j| {
                    for market in page {
                        j.item(|j| market.product.write(j, &market.view()));
                    }
                })
                .raw("num_products", count)
                .raw("pagination", "null");
            }),
        )
    }

    fn market_of(&self, product_id: &str) -> Result<&Market, Response> {
        let index = self.exchange.market_index(product_id);
        index.and_then(|i| self.exchange.markets.get(i)).ok_or_else(|| not_found("valid product_id is required"))
    }

    fn get_product(&self, id: &str) -> Result<Response, Response> {
        let market = self.market_of(id)?;
        Ok(Response::json(200, Json::spaced().object(|j| market.product.write(j, &market.view()))))
    }

    fn get_trades(&self, id: &str, query: &Query) -> Result<Response, Response> {
        let market = self.market_of(id)?;
        let limit = query.number("limit", 100, 1_000)?;
        let best =
            |side| market.book.front(side).map(|f| market.product.price(f.ticks).to_string()).unwrap_or_default();
        Ok(Response::json(
            200,
            Json::spaced().object(|j| {
                j.arr("trades", |j| {
                    for trade in market.trades.iter().take(limit) {
                        j.item(|j| {
                            j.str("trade_id", trade.id)
                                .str("product_id", id)
                                .str("price", market.product.price(trade.ticks))
                                .str("size", market.product.size(trade.lots))
                                .str("time", rfc3339_micros(trade.at_ns))
                                .str("side", trade.maker_side.as_str())
                                .str("bid", "")
                                .str("ask", "")
                                .str("exchange", "coinbase");
                        });
                    }
                })
                .str("best_bid", best(Side::Buy))
                .str("best_ask", best(Side::Sell));
            }),
        ))
    }

    fn product_book(&self, query: &Query) -> Result<Response, Response> {
        let id = query.one("product_id").ok_or_else(|| invalid("valid product_id is required"))?;
        let market = self.market_of(id)?;
        let limit = query.number("limit", usize::MAX, usize::MAX)?;
        let best = |side| market.book.front(side).map(|f| market.product.price(f.ticks));
        let (bid, ask) = (best(Side::Buy), best(Side::Sell));
        let (mid, spread) = match (bid, ask) {
            (Some(bid), Some(ask)) => ((bid + ask) / Decimal::TWO, ask - bid),
            _ => (Decimal::ZERO, Decimal::ZERO),
        };
        let bps = spread.checked_div(mid).unwrap_or_default() * Decimal::from(10_000);
        Ok(Response::json(
            200,
            Json::spaced().object(|j| {
                j.obj("pricebook", |j| write_book(j, market, limit))
                    .str("last", market.product.price(market.last()))
                    .str("mid_market", mid.normalize())
                    .str("spread_bps", bps.round_dp(12).normalize())
                    .str("spread_absolute", spread.normalize());
            }),
        ))
    }

    fn best_bid_ask(&self, query: &Query) -> Response {
        Response::json(
            200,
            Json::spaced().object(|j| {
                j.arr("pricebooks", |j| {
                    for market in self.exchange.markets.iter().filter(|m| query.admits("product_ids", &m.product.id)) {
                        j.item(|j| write_book(j, market, 1));
                    }
                });
            }),
        )
    }

    fn key_permissions(&self) -> Response {
        Response::json(
            200,
            Json::spaced().object(|j| {
                j.raw("can_view", self.permissions.view)
                    .raw("can_trade", self.permissions.trade)
                    .raw("can_transfer", false)
                    .raw("can_receive", false)
                    .str("portfolio_uuid", &self.exchange.ids.portfolio)
                    .str("portfolio_type", "DEFAULT");
            }),
        )
    }

    /// Totals are JSON numbers here, rates strings (reference 3.8).
    fn transaction_summary(&self) -> Response {
        let exchange = &self.exchange;
        let sum = |f: &dyn Fn(&super::order::Progress) -> Decimal| -> Decimal {
            exchange.orders.iter().map(|o| f(&o.now)).sum()
        };
        let (volume, fees) = (sum(&|p| p.value).normalize(), sum(&|p| p.fees).normalize());
        let usd = exchange.account("USD").map_or(Decimal::ZERO, |a| a.available + a.hold);
        Response::json(
            200,
            Json::compact().object(|j| {
                j.raw("total_volume", volume)
                    .raw("total_fees", fees)
                    .obj("fee_tier", |j| {
                        j.str("pricing_tier", "Intro 1")
                            .str("usd_from", "")
                            .str("usd_to", "")
                            .str("taker_fee_rate", exchange.fees.taker.normalize())
                            .str("maker_fee_rate", exchange.fees.maker.normalize())
                            .str("aop_from", "0")
                            .str("aop_to", "1000000");
                    })
                    .raw("margin_rate", "null")
                    .raw("goods_and_services_tax", "null")
                    .raw("advanced_trade_only_volume", volume)
                    .raw("advanced_trade_only_fees", fees)
                    .raw("coinbase_pro_volume", 0)
                    .raw("coinbase_pro_fees", 0)
                    .str("total_balance", usd.normalize())
                    .raw("has_promo_fee", false);
            }),
        )
    }
}

fn write_book(j: &mut Json, market: &Market, limit: usize) {
    let product = &market.product;
    j.str("product_id", &product.id);
    for (key, side) in [("bids", Side::Buy), ("asks", Side::Sell)] {
        j.arr(key, |j| {
            for (ticks, lots) in market.book.levels(side).take(limit) {
                j.item(|j| {
                    j.str("price", product.price(ticks)).str("size", product.size(lots));
                });
            }
        });
    }
    j.str("time", rfc3339_micros(market.changed_ns));
}

fn rejected(reject: Reject, echo: &str) -> Response {
    let (name, preview, message) = reject.words();
    Response::json(
        200,
        Json::compact().object(|j| {
            j.raw("success", false)
                .obj("error_response", |j| {
                    j.str("error", name)
                        .str("message", message)
                        .str("error_details", "")
                        .str("preview_failure_reason", preview)
                        .str("new_order_failure_reason", name);
                })
                .raw("order_configuration", echo);
        }),
    )
}

fn time(now_ns: u64) -> Response {
    let seconds = now_ns / SECOND_NS;
    Response::json(
        200,
        Json::spaced().object(|j| {
            j.str("iso", rfc3339_nanos(seconds * SECOND_NS))
                .str("epochSeconds", seconds)
                .str("epochMillis", now_ns / MILLISECOND_NS);
        }),
    )
}

/// Where a listing goes on: entries before this place.
fn cursor(query: &Query, len: usize) -> Result<usize, Response> {
    query
        .one("cursor")
        .map_or(Ok(len), |c| c.parse().map_err(|_| invalid("parsing field \"cursor\": not a cursor of this list")))
}

/// The venue's error shape outside HTTP 200 (reference 4).
fn error(status: u16, name: &str, detail: &str) -> Response {
    Response::json(
        status,
        Json::compact().object(|j| {
            j.str("error", name).str("error_details", detail).str("message", detail);
        }),
    )
}

fn invalid(detail: &str) -> Response {
    error(400, "INVALID_ARGUMENT", detail)
}

fn not_found(detail: &str) -> Response {
    error(404, "NOT_FOUND", detail)
}
