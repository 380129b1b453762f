//! Orders, fills and accounts: lookups, filters, pages (Coinbase reference 3.4 to 3.6).
//!
//! Pages do not shift under new entries. Lags are applied here: what is listed is how things stood so long ago.

use super::query::Query;
use crate::sim::coinbase::config::Permissions;
use crate::sim::coinbase::errors::{self, error, invalid_argument, not_found, Generation};
use crate::sim::coinbase::exchange::Account;
use crate::sim::coinbase::model::Coinbase;
use crate::sim::coinbase::order::{Fill, Progress};
use crate::sim::coinbase::parse::{not_valid, Refusal};
use crate::sim::coinbase::show::Shown;
use crate::sim::server::Response;
use crate::sim::{rfc3339_micros, Json};
use rust_decimal::Decimal;
use std::cmp::Reverse;

const ORDERS_PAGE_MAX: usize = 1_000;
const FILLS_PAGE_DEFAULT: usize = 100;
const FILLS_PAGE_MAX: usize = 3_000;
const ACCOUNTS_PAGE_DEFAULT: usize = 49;
const ACCOUNTS_PAGE_MAX: usize = 250;
/// Values of filters that are enums; any other is refused (reference 3.4, 4).
const ENUMS: [(&str, &[&str]); 6] = [
    (
        "order_status",
        &[
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
        ],
    ),
    (
        "order_types",
        &[
            "UNKNOWN_ORDER_TYPE",
            "MARKET",
            "LIMIT",
            "STOP",
            "STOP_LIMIT",
            "BRACKET",
            "TWAP",
            "ROLL_OPEN",
            "ROLL_CLOSE",
            "LIQUIDATION",
            "SCALED",
        ],
    ),
    (
        "time_in_forces",
        &[
            "UNKNOWN_TIME_IN_FORCE",
            "GOOD_UNTIL_DATE_TIME",
            "GOOD_UNTIL_CANCELLED",
            "IMMEDIATE_OR_CANCEL",
            "FILL_OR_KILL",
        ],
    ),
    ("order_side", &["BUY", "SELL"]),
    ("product_type", &["UNKNOWN_PRODUCT_TYPE", "SPOT", "FUTURE"]),
    ("order_placement_source", &["UNKNOWN_PLACEMENT_SOURCE", "RETAIL_SIMPLE", "RETAIL_ADVANCED"]),
];

impl Coinbase {
    pub(super) fn get_order(&self, now_ns: u64, id: &str) -> Result<Response, Response> {
        let missing = || match self.generation {
            Generation::Current => not_found("order with this orderID was not found"),
            Generation::Before2024 => errors::order_not_found_before_2024(),
        };
        let exchange = &self.exchange;
        let order = exchange.order_index(id).and_then(|i| exchange.orders.get(i)).ok_or_else(missing)?;
        let progress = order.as_of(now_ns.saturating_sub(self.reports.listing_lag_ns)).ok_or_else(missing)?;
        let shown = Shown::new(exchange, order, progress).ok_or_else(missing)?;
        Ok(Response::json(
            200,
            Json::spaced().object(|j| {
                j.obj("order", |j| shown.rest(j));
            }),
        ))
    }

    pub(super) fn list_orders(&self, now_ns: u64, query: &Query) -> Result<Response, Response> {
        for (key, values) in ENUMS {
            if let Some(bad) = query.all(key).iter().find(|v| !values.contains(&v.as_str())) {
                let Refusal::Malformed(name, detail) = not_valid(key, bad) else { continue };
                return Err(error(400, name, &detail));
            }
        }
        let (start, end) = (query.time("start_date")?, query.time("end_date")?);
        let limit = query.number("limit", ORDERS_PAGE_MAX, ORDERS_PAGE_MAX)?;
        let as_of = now_ns.saturating_sub(self.reports.listing_lag_ns);
        let exchange = &self.exchange;
        let sort = match query.one("sort_by") {
            None | Some("UNKNOWN_SORT_BY") => None,
            Some(by @ ("LIMIT_PRICE" | "LAST_FILL_TIME")) => Some(by == "LIMIT_PRICE"),
            Some(_) => return Err(invalid_argument("parsing field \"sort_by\": not LIMIT_PRICE or LAST_FILL_TIME")),
        };
        // Newest first.
        let newest = exchange.orders.iter().enumerate().rev();
        let mut matching: Vec<(usize, (&Progress, Shown<'_>))> = newest
            .filter_map(|(i, order)| {
                let progress = order.as_of(as_of)?;
                let market = exchange.markets.get(order.asked.market)?;
                let asset = |asset: &String| *asset == market.product.base || *asset == order.asked.quote;
                let admitted = query.admits("order_ids", &order.id)
                    && query.admits("product_ids", &order.asked.product_id)
                    && query.admits("product_id", &order.asked.product_id)
                    && query.admits("order_status", progress.status.as_str())
                    && query.admits("order_types", order.kind_name())
                    && query.admits("time_in_forces", order.time_in_force())
                    && query.admits("order_side", order.asked.side.as_str())
                    && query.admits("product_type", "SPOT")
                    && query.admits("contract_expiry_type", "UNKNOWN_CONTRACT_EXPIRY_TYPE")
                    && query.admits("order_placement_source", "RETAIL_ADVANCED")
                    && query.admits("retail_portfolio_id", &exchange.ids.portfolio)
                    && (query.all("asset_filters").is_empty() || query.all("asset_filters").iter().any(asset))
                    && start.is_none_or(|start| order.created_ns >= start)
                    && end.is_none_or(|end| order.created_ns < end);
                let shown = Shown::new(exchange, order, progress)?;
                admitted.then_some((i, (progress, shown)))
            })
            .collect();
        match sort {
            Some(true) => matching.sort_by_key(|(_, (_, shown))| Reverse(shown.limit_price())),
            Some(false) => matching.sort_by_key(|(_, (progress, _))| Reverse(progress.last_fill_ns)),
            None => {}
        }
        let (page, next) = page(matching, sort.is_some(), query.cursor()?, limit);
        let has_next = !next.is_empty();
        Ok(Response::json(
            200,
            Json::spaced().object(|j| {
                j.arr("orders", |j| {
                    for (_, shown) in &page {
                        j.item(|j| shown.rest(j));
                    }
                })
                .str("sequence", "0")
                .raw("has_next", has_next)
                .str("cursor", next)
                .raw("proof_token_required", false);
            }),
        ))
    }

    pub(super) fn list_fills(&self, now_ns: u64, query: &Query) -> Result<Response, Response> {
        let (start, end) = (query.time("start_sequence_timestamp")?, query.time("end_sequence_timestamp")?);
        let limit = query.number("limit", FILLS_PAGE_DEFAULT, FILLS_PAGE_MAX)?;
        let as_of = now_ns.saturating_sub(self.reports.listing_lag_ns.max(self.fills_lag_ns));
        let exchange = &self.exchange;
        let by_price = match query.one("sort_by") {
            None | Some("UNKNOWN_SORT_BY" | "TRADE_TIME") => false,
            Some("PRICE") => true,
            Some(_) => return Err(invalid_argument("parsing field \"sort_by\": not PRICE or TRADE_TIME")),
        };
        let mut matching: Vec<(usize, (&Fill, Shown<'_>))> = exchange
            .fills
            .iter()
            .enumerate()
            .rev()
            .filter_map(|(i, fill)| {
                let order = exchange.orders.get(fill.order)?;
                let admitted = fill.at_ns <= as_of
                    && query.admits("order_ids", &order.id)
                    && query.admits("order_id", &order.id)
                    && query.admits("trade_ids", &fill.trade_id)
                    && query.admits("product_ids", &order.asked.product_id)
                    && query.admits("product_id", &order.asked.product_id)
                    && query.admits("retail_portfolio_id", &exchange.ids.portfolio)
                    && start.is_none_or(|start| fill.at_ns >= start)
                    && end.is_none_or(|end| fill.at_ns < end);
                admitted.then_some((i, (fill, Shown::new(exchange, order, &order.now)?)))
            })
            .collect();
        if by_price {
            matching.sort_by_key(|(_, (fill, shown))| Reverse(shown.price(fill.ticks)));
        }
        let (page, next) = page(matching, by_price, query.cursor()?, limit);
        Ok(Response::json(
            200,
            Json::spaced().object(|j| {
                j.arr("fills", |j| {
                    for (fill, shown) in &page {
                        j.item(|j| shown.fill(j, fill, self.unconfirmed.fills_in_quote));
                    }
                })
                .str("cursor", next);
            }),
        ))
    }

    pub(super) fn list_accounts(&self, now_ns: u64, query: &Query) -> Result<Response, Response> {
        let limit = query.number("limit", ACCOUNTS_PAGE_DEFAULT, ACCOUNTS_PAGE_MAX)?;
        let accounts = match self.reports.listing_lag_ns {
            0 => &self.exchange.accounts[..],
            lag_ns => self.exchange.balances.at(now_ns.saturating_sub(lag_ns)).map_or(&[][..], Vec::as_slice),
        };
        let total = accounts.len();
        let from = query.cursor()?.unwrap_or(0);
        let ours = query.admits("retail_portfolio_id", &self.exchange.ids.portfolio);
        let page: Vec<_> = accounts.iter().filter(|_| ours).skip(from).take(limit).collect();
        let has_next = ours && from.saturating_add(page.len()) < total;
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

    pub(super) fn get_account(&self, uuid: &str) -> Result<Response, Response> {
        let account = self.exchange.accounts.iter().find(|a| a.uuid == uuid);
        let account = account.ok_or_else(|| not_found("account not found"))?;
        Ok(Response::json(
            200,
            Json::spaced().object(|j| {
                j.obj("account", |j| self.write_account(j, account));
            }),
        ))
    }

    fn write_account(&self, j: &mut Json, account: &Account) {
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

    pub(super) fn key_permissions(&self, key: Permissions) -> Response {
        Response::json(
            200,
            Json::spaced().object(|j| {
                j.raw("can_view", key.view)
                    .raw("can_trade", key.trade)
                    .raw("can_transfer", false)
                    .raw("can_receive", false)
                    .str("portfolio_uuid", &self.exchange.ids.portfolio)
                    .str("portfolio_type", "DEFAULT");
            }),
        )
    }

    pub(super) fn portfolios(&self) -> Response {
        Response::json(
            200,
            Json::spaced().object(|j| {
                j.arr("portfolios", |j| {
                    j.item(|j| {
                        j.str("name", "Default")
                            .str("uuid", &self.exchange.ids.portfolio)
                            .str("type", "DEFAULT")
                            .raw("deleted", false);
                    });
                });
            }),
        )
    }

    /// Totals are JSON numbers here, rates strings (reference 3.8).
    pub(super) fn transaction_summary(&self) -> Response {
        let exchange = &self.exchange;
        let sum = |f: &dyn Fn(&Progress) -> Decimal| -> Decimal { exchange.orders.iter().map(|o| f(&o.now)).sum() };
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
                    .raw("has_promo_fee", false)
                    .arr("volume_breakdown", |j| {
                        j.item(|j| {
                            j.str("volume_type", "VOLUME_TYPE_SPOT").raw("volume", volume);
                        });
                    })
                    .raw("has_cost_plus_commission", false);
            }),
        )
    }
}

/// One page of entries that come with their places in the whole list, and the cursor of the next page, `""` if there
/// is none. Newest first, a cursor is the place of the last entry given; sorted, it is how many were given, and pages
/// shift as the venue's do.
fn page<T>(matching: Vec<(usize, T)>, sorted: bool, cursor: Option<usize>, limit: usize) -> (Vec<T>, String) {
    let skipped = if sorted { cursor.unwrap_or(0) } else { 0 };
    let below = cursor.filter(|_| !sorted).unwrap_or(usize::MAX);
    let mut rest = matching.into_iter().filter(|(place, _)| *place < below).skip(skipped);
    let (mut page, mut last) = (Vec::new(), 0);
    for (place, entry) in rest.by_ref().take(limit) {
        page.push(entry);
        last = place;
    }
    let next = match rest.next() {
        None => String::new(),
        Some(_) if sorted => skipped.saturating_add(page.len()).to_string(),
        Some(_) => last.to_string(),
    };
    (page, next)
}
