//! Handlers that only read: account, listings, transactions, prices (OANDA reference 3 and 7).

use super::log::Filter;
use super::model::Oanda;
use super::order::Order;
use super::reject::Failure;
use super::rest::Call;
use super::text::units;
use crate::sim::server::Response;
use crate::sim::stamp::rfc3339_full;
use crate::sim::{Json, SECOND_NS};

/// Items of a page of orders or trades, unless asked otherwise, and at most.
const COUNT_DEFAULT: u64 = 50;
const COUNT_MAX: u64 = 500;
/// Transactions of a page, unless asked otherwise, and at most.
const PAGE_DEFAULT: u64 = 100;
const PAGE_MAX: u64 = 1_000;
/// How far back pages of transactions go without `from`, as observed.
const FROM_DEFAULT_NS: u64 = 7 * 86_400 * SECOND_NS;
/// The longest time `from` and `to` may span.
const SPAN_MAX_NS: u64 = 365 * 86_400 * SECOND_NS;

impl Oanda {
    /// As of when listings and transactions are shown.
    pub(crate) fn as_of(&self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.reports.listing_lag_ns)
    }

    /// Id of the last transaction that listings know of.
    fn last_seen(&self, now_ns: u64) -> u64 {
        self.exchange.log.last_before(self.as_of(now_ns))
    }

    pub(crate) fn missing(&self, code: &'static str) -> Failure {
        Failure::not_found(code, self.exchange.log.last())
    }

    /// A body with one thing and the last transaction's id.
    fn body(&self, last: u64, write: impl FnOnce(&mut Json)) -> Response {
        let body = Json::compact().object(|j| {
            write(j);
            j.str("lastTransactionID", last);
        });
        Response::json(200, body)
    }

    /// `GET /v3/accounts`.
    pub(crate) fn accounts(&self) -> String {
        Json::compact().object(|j| {
            j.arr("accounts", |j| {
                j.item(|j| {
                    j.str("id", &self.identity.account).arr("tags", |_| {});
                });
                if let Some(mt4) = &self.mt4_account {
                    j.item(|j| {
                        j.str("id", mt4).raw("mt4AccountID", 7_654_322).arr("tags", |j| {
                            j.item_str("MT4");
                        });
                    });
                }
            });
        })
    }

    /// The account with everything open.
    pub(crate) fn account(&self) -> Response {
        self.body(self.exchange.log.last(), |j| {
            j.obj("account", |j| {
                self.exchange.put_summary(j, &self.identity, self.started_ns);
                j.arr("orders", |j| {
                    let pending = self.exchange.pending.iter().filter_map(|id| self.exchange.orders.get(id));
                    pending.into_iter().for_each(|order| self.put_order(j, order));
                });
                j.arr("trades", |j| {
                    for trade in self.exchange.account.open_trades() {
                        j.item(|j| self.exchange.put_trade(j, trade, false));
                    }
                });
                j.arr("positions", |j| {
                    for index in self.exchange.account.totals.keys() {
                        j.item(|j| self.exchange.put_position(j, *index));
                    }
                });
            });
        })
    }

    /// `GET /summary`.
    pub(crate) fn summary(&self) -> Response {
        self.body(self.exchange.log.last(), |j| {
            j.obj("account", |j| self.exchange.put_summary(j, &self.identity, self.started_ns));
        })
    }

    /// Indices of the instruments a list of names means; an unknown one is an error.
    pub(crate) fn named(&self, csv: &str) -> Result<Vec<usize>, Failure> {
        let index = |name: &str| self.exchange.market_index(name).ok_or_else(|| Failure::parameter("instruments"));
        csv.split(',').filter(|name| !name.is_empty()).map(index).collect()
    }

    /// `GET /instruments`.
    pub(crate) fn instruments(&self, call: &Call<'_>) -> Result<Response, Failure> {
        let all = || Ok((0..self.exchange.markets.len()).collect());
        let chosen = call.query("instruments").map_or_else(all, |csv| self.named(csv))?;
        Ok(self.body(self.exchange.log.last(), |j| {
            j.arr("instruments", |j| {
                for market in chosen.into_iter().filter_map(|i| self.exchange.markets.get(i)) {
                    j.item(|j| market.instrument.put(j));
                }
            });
        }))
    }

    /// `GET /changes`.
    pub(crate) fn changes(&self, call: &Call<'_>) -> Result<Response, Failure> {
        let since = call.number("sinceTransactionID")?.ok_or_else(|| Failure::parameter("sinceTransactionID"))?;
        if since > self.exchange.log.last() {
            return Err(Failure::range());
        }
        Ok(self.body(self.exchange.log.last(), |j| self.exchange.put_changes(j, since)))
    }

    fn put_order(&self, j: &mut Json, order: &Order) {
        if let Some(market) = self.exchange.markets.get(order.market) {
            j.item(|j| order.put(j, market));
        }
    }

    /// `GET /orders`: newest first, in pages.
    pub(crate) fn orders(&self, call: &Call<'_>) -> Result<Response, Failure> {
        let state = call.query("state").unwrap_or("PENDING");
        if !matches!(state, "PENDING" | "FILLED" | "TRIGGERED" | "CANCELLED" | "ALL") {
            return Err(Failure::parameter("state"));
        }
        let page = Page::of(call)?;
        let as_of = self.as_of(call.now_ns);
        let market = |order: &Order| self.exchange.markets.get(order.market).map_or("", |m| &m.instrument.name);
        let orders = self.exchange.orders.values().rev().filter_map(|o| self.exchange.order_at(o, as_of));
        let found = orders.filter(|o| page.takes(o.id, market(o)) && (page.by_ids() || o.is_in(state)));
        let found: Vec<Order> = found.take(page.count + 1).collect();
        let (shown, more) = page.cut(&found);
        let response = self.body(self.last_seen(call.now_ns), |j| {
            j.arr("orders", |j| shown.iter().for_each(|order| self.put_order(j, order)));
        });
        Ok(self.linked(response, "orders", call, shown.last().map(|o| o.id).filter(|_| more)))
    }

    /// `GET /pendingOrders`.
    pub(crate) fn pending_orders(&self, call: &Call<'_>) -> Response {
        let as_of = self.as_of(call.now_ns);
        let orders = self.exchange.orders.values().rev().filter_map(|o| self.exchange.order_at(o, as_of));
        self.body(self.last_seen(call.now_ns), |j| {
            j.arr("orders", |j| orders.filter(|o| o.is_in("PENDING")).for_each(|order| self.put_order(j, &order)));
        })
    }

    /// `GET /orders/{x}`.
    pub(crate) fn order(&self, call: &Call<'_>) -> Result<Response, Failure> {
        let found = self.exchange.order(&call.specifier);
        let found = found.and_then(|order| self.exchange.order_at(order, self.as_of(call.now_ns)));
        let order = found.ok_or_else(|| self.missing("NO_SUCH_ORDER"))?;
        let Some(market) = self.exchange.markets.get(order.market) else { return Err(self.missing("NO_SUCH_ORDER")) };
        Ok(self.body(self.last_seen(call.now_ns), |j| {
            j.obj("order", |j| order.put(j, market));
        }))
    }

    /// `GET /trades`: newest first, in pages.
    pub(crate) fn trades(&self, call: &Call<'_>) -> Result<Response, Failure> {
        let open = match call.query("state") {
            None | Some("OPEN") => Some(true),
            Some("CLOSED") => Some(false),
            Some("ALL" | "CLOSE_WHEN_TRADEABLE") => None,
            Some(_) => return Err(Failure::parameter("state")),
        };
        let page = Page::of(call)?;
        let as_of = self.as_of(call.now_ns);
        let market = |index: usize| self.exchange.markets.get(index).map_or("", |m| &m.instrument.name);
        let trades = self.exchange.account.trades.values().rev().filter(|t| t.opened_ns <= as_of);
        let found = trades.filter(|t| page.takes(t.id, market(t.market)));
        let found = found.filter(|t| page.by_ids() || open.is_none_or(|open| open == t.is_open()));
        let found: Vec<_> = found.take(page.count + 1).collect();
        let (shown, more) = page.cut(&found);
        let response = self.body(self.last_seen(call.now_ns), |j| {
            j.arr("trades", |j| {
                for trade in shown {
                    j.item(|j| self.exchange.put_trade(j, trade, true));
                }
            });
        });
        Ok(self.linked(response, "trades", call, shown.last().map(|t| t.id).filter(|_| more)))
    }

    /// `GET /openTrades`.
    pub(crate) fn open_trades(&self) -> Response {
        self.body(self.exchange.log.last(), |j| {
            j.arr("trades", |j| {
                for trade in self.exchange.account.open_trades().rev() {
                    j.item(|j| self.exchange.put_trade(j, trade, true));
                }
            });
        })
    }

    /// `GET /trades/{x}`.
    pub(crate) fn trade(&self, call: &Call<'_>) -> Result<Response, Failure> {
        let trade = self.exchange.trade(&call.specifier).ok_or_else(|| self.missing("NO_SUCH_TRADE"))?;
        Ok(self.body(self.exchange.log.last(), |j| {
            j.obj("trade", |j| self.exchange.put_trade(j, trade, true));
        }))
    }

    /// `GET /positions`, or only those that are open.
    pub(crate) fn positions(&self, only_open: bool) -> Response {
        self.body(self.exchange.log.last(), |j| {
            j.arr("positions", |j| {
                for index in self.exchange.account.totals.keys() {
                    if !only_open || !self.exchange.exposed(*index).is_zero() {
                        j.item(|j| self.exchange.put_position(j, *index));
                    }
                }
            });
        })
    }

    /// `GET /positions/{instrument}`.
    pub(crate) fn position(&self, call: &Call<'_>) -> Result<Response, Failure> {
        let index = self.exchange.market_index(&call.specifier).ok_or_else(|| Failure::parameter("instrument"))?;
        if !self.exchange.account.totals.contains_key(&index) {
            return Err(self.missing("NO_SUCH_POSITION"));
        }
        Ok(self.body(self.exchange.log.last(), |j| {
            j.obj("position", |j| self.exchange.put_position(j, index));
        }))
    }

    /// `GET /transactions`: addresses of pages, not transactions.
    pub(crate) fn transaction_pages(&self, call: &Call<'_>) -> Result<Response, Failure> {
        let to = call.time("to")?.unwrap_or(call.now_ns);
        let from = call.time("from")?.unwrap_or(to.saturating_sub(FROM_DEFAULT_NS));
        let size = call.number("pageSize")?.unwrap_or(PAGE_DEFAULT);
        if from > to || to - from > SPAN_MAX_NS {
            return Err(Failure::range());
        }
        if size == 0 || size > PAGE_MAX {
            return Err(Failure::parameter("pageSize"));
        }
        let filter = Filter::new(call.query("type").unwrap_or(""));
        let to_seen = to.min(self.as_of(call.now_ns));
        let ids: Vec<u64> = self.exchange.log.between(from, to_seen, &filter).map(|t| t.id).collect();
        let kinds = call.query("type").map(|csv| format!("&type={}", csv.replace(',', "%2C"))).unwrap_or_default();
        let base = format!("{}/v3/accounts/{}/transactions/idrange", self.base_url, self.identity.account);
        Ok(self.body(self.last_seen(call.now_ns), |j| {
            j.str("from", rfc3339_full(from)).str("to", rfc3339_full(to)).raw("pageSize", size);
            if call.query("type").is_some() {
                j.arr("type", |j| {
                    filter.names().for_each(|name| {
                        j.item_str(name);
                    });
                });
            }
            j.raw("count", ids.len()).arr("pages", |j| {
                for page in ids.chunks(usize::try_from(size).unwrap_or(1)) {
                    if let (Some(first), Some(last)) = (page.first(), page.last()) {
                        j.item_str(format_args!("{base}?from={first}&to={last}{kinds}"));
                    }
                }
            });
        }))
    }

    /// `GET /transactions/{id}`.
    pub(crate) fn transaction(&self, call: &Call<'_>) -> Result<Response, Failure> {
        let id = call.specifier.parse().map_err(|_| Failure::parameter("transactionID"))?;
        let found = self.exchange.log.get(id).filter(|t| t.at_ns <= self.as_of(call.now_ns));
        let found = found.ok_or_else(|| self.missing("NO_SUCH_TRANSACTION"))?;
        Ok(self.body(self.last_seen(call.now_ns), |j| {
            j.raw("transaction", &found.text);
        }))
    }

    /// `GET /transactions/idrange`: both ends included.
    pub(crate) fn id_range(&self, call: &Call<'_>) -> Result<Response, Failure> {
        let from = call.number("from")?.ok_or_else(|| Failure::parameter("from"))?;
        let to = call.number("to")?.ok_or_else(|| Failure::parameter("to"))?;
        if from > to || from == 0 || to > self.exchange.log.last() {
            return Err(Failure::range());
        }
        Ok(self.transactions(call, from, to))
    }

    /// `GET /transactions/sinceid`: the id itself excluded.
    pub(crate) fn since_id(&self, call: &Call<'_>) -> Result<Response, Failure> {
        let id = call.number("id")?.ok_or_else(|| Failure::parameter("id"))?;
        if id > self.exchange.log.last() {
            return Err(Failure::range());
        }
        Ok(self.transactions(call, id + 1, u64::MAX))
    }

    fn transactions(&self, call: &Call<'_>, from: u64, to: u64) -> Response {
        let filter = Filter::new(call.query("type").unwrap_or(""));
        let last = self.last_seen(call.now_ns);
        self.body(last, |j| {
            j.arr("transactions", |j| {
                for transaction in self.exchange.log.range(from, to.min(last), &filter) {
                    j.item_raw(&transaction.text);
                }
            });
        })
    }

    /// `GET /pricing`.
    pub(crate) fn pricing(&self, call: &Call<'_>) -> Result<Response, Failure> {
        let csv = call.query("instruments").filter(|csv| !csv.is_empty());
        let chosen = self.named(csv.ok_or_else(|| Failure::parameter("instruments"))?)?;
        let since = call.time("since")?.unwrap_or(0);
        let markets: Vec<_> = chosen.into_iter().filter_map(|i| self.exchange.markets.get(i)).collect();
        let body = Json::compact().object(|j| {
            j.str("time", rfc3339_full(call.now_ns)).arr("prices", |j| {
                for market in markets.iter().filter(|m| m.at_ns > since || since == 0) {
                    j.item(|j| market.put_price(j));
                }
            });
            if call.query("includeHomeConversions").is_some_and(|v| v.eq_ignore_ascii_case("true")) {
                let names = markets.iter().flat_map(|m| [m.instrument.base(), m.instrument.quote()]);
                let currencies: std::collections::BTreeSet<&str> = names.collect();
                j.arr("homeConversions", |j| {
                    for currency in currencies.into_iter().filter(|c| self.exchange.home_mid(c).is_some()) {
                        let rate = self.exchange.conversion_of(currency);
                        j.item(|j| {
                            j.str("currency", currency)
                                .str("accountGain", units(rate.gain))
                                .str("accountLoss", units(rate.loss))
                                .str("positionValue", units(rate.mid));
                        });
                    }
                });
            }
        });
        Ok(Response::json(200, body))
    }

    /// The same reply with the address of the next page, if there is one.
    fn linked(&self, response: Response, kind: &str, call: &Call<'_>, before: Option<u64>) -> Response {
        let Some(before) = before else { return response };
        let mut query = format!("beforeID={before}");
        for name in ["state", "instrument", "count"] {
            if let Some(value) = call.query(name) {
                query.push_str(&format!("&{name}={value}"));
            }
        }
        let base = format!("{}/v3/accounts/{}/{kind}", self.base_url, self.identity.account);
        response.with_header("Link", format!("<{base}?{query}>; rel=\"next\""))
    }
}

/// What part of a listing is wanted.
#[derive(Debug)]
struct Page {
    ids: Option<Vec<u64>>,
    instrument: Option<String>,
    count: usize,
    before: u64,
}

impl Page {
    fn of(call: &Call<'_>) -> Result<Self, Failure> {
        let id = |text: &str| text.parse().map_err(|_| Failure::parameter("ids"));
        let ids = call.query("ids").map(|csv| csv.split(',').map(id).collect()).transpose()?;
        let count = call.number("count")?.unwrap_or(COUNT_DEFAULT);
        if count == 0 || count > COUNT_MAX {
            return Err(Failure::parameter("count"));
        }
        Ok(Self {
            ids,
            instrument: call.query("instrument").map(str::to_owned),
            count: usize::try_from(count).unwrap_or(1),
            before: call.number("beforeID")?.unwrap_or(u64::MAX),
        })
    }

    /// Whether single items are asked for, whatever their state.
    fn by_ids(&self) -> bool {
        self.ids.is_some()
    }

    fn takes(&self, id: u64, instrument: &str) -> bool {
        id < self.before
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&id))
            && self.instrument.as_deref().is_none_or(|csv| csv.split(',').any(|name| name == instrument))
    }

    /// The page, and whether there is another one behind it.
    fn cut<'a, T>(&self, found: &'a [T]) -> (&'a [T], bool) {
        (found.get(..self.count).unwrap_or(found), found.len() > self.count)
    }
}
