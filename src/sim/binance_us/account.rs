//! What the account may be asked: orders, lists, trades, balances and counts (Binance.US reference 3, "Queries").
//!
//! Listings may lag: they then show how things stood a while ago, as the venue's own do for a few seconds.

use super::exchange::OrderName;
use super::list::List;
use super::model::BinanceUs;
use super::order::{ms, Order, Progress};
use super::params::Params;
use super::parse;
use super::product::{fixed, ASSET_PRECISION};
use super::reject::Failure;
use crate::sim::market::Side;
use crate::sim::Json;
use rust_decimal::Decimal;

const ROWS_DEFAULT: usize = 500;
const ROWS_MAX: usize = 1_000;

/// How a request names an order; the id counts if both are given (reference 3).
pub(super) fn order_name(params: &Params, id: &str, client_id: &str) -> Result<OrderName, Failure> {
    match (params.integer(id)?, params.client_id(client_id)?) {
        (Some(id), _) => Ok(OrderName::Id(id)),
        (None, Some(client_id)) => Ok(OrderName::Client(client_id.to_owned())),
        (None, None) => {
            Err(Failure::bad(-1102, format!("Param '{client_id}' or '{id}' must be sent, but both were empty/null!")))
        }
    }
}

impl BinanceUs {
    fn listed_at(&self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.reports.listing_lag_ns)
    }

    pub(super) fn query_order(&self, now_ns: u64, params: &Params) -> Result<String, Failure> {
        let symbol = parse::symbol(params, &self.exchange)?;
        let name = order_name(params, "orderId", "origClientOrderId")?;
        let order = self.exchange.find(symbol, &name).and_then(|at| self.exchange.orders.get(at));
        let shown = order.and_then(|order| Some((order, order.at(self.listed_at(now_ns))?)));
        let (order, progress) = shown.ok_or_else(Failure::no_such_order)?;
        Ok(Json::compact().object(|j| self.write_row(j, order, progress)))
    }

    pub(super) fn open_orders(&self, now_ns: u64, params: &Params) -> Result<String, Failure> {
        let symbol = if params.has("symbol") { Some(parse::symbol(params, &self.exchange)?) } else { None };
        let wanted = |order: &Order| symbol.is_none_or(|symbol| order.asked.symbol == symbol);
        Ok(self.rows(now_ns, usize::MAX, |order, p| wanted(order) && !p.status.is_terminal()))
    }

    pub(super) fn all_orders(&self, now_ns: u64, params: &Params) -> Result<String, Failure> {
        let symbol = parse::symbol(params, &self.exchange)?;
        let limit = params.limit(ROWS_DEFAULT, ROWS_MAX)?;
        let from_id = params.integer("orderId")?;
        let (from, to) = (params.integer("startTime")?, params.integer("endTime")?.unwrap_or(u64::MAX));
        let wanted = |order: &Order, _: &Progress| {
            order.asked.symbol == symbol
                && from_id.is_none_or(|id| order.id >= id)
                && (from.unwrap_or(0)..=to).contains(&ms(order.created_ns))
        };
        // Without a start the newest, with one the oldest from there.
        let all = self.exchange.orders.iter().filter(|o| wanted(o, &o.now)).count();
        let skip = if from_id.is_none() && from.is_none() { all.saturating_sub(limit) } else { 0 };
        let first = self.exchange.orders.iter().filter(|o| wanted(o, &o.now)).nth(skip).map_or(0, |o| o.id);
        Ok(self.rows(now_ns, limit, |order, p| order.id >= first && wanted(order, p)))
    }

    fn rows(&self, now_ns: u64, limit: usize, wanted: impl Fn(&Order, &Progress) -> bool) -> String {
        let at_ns = self.listed_at(now_ns);
        let shown = self.exchange.orders.iter().filter_map(|order| Some((order, order.at(at_ns)?)));
        Json::compact().array(|j| {
            for (order, progress) in shown.filter(|(order, p)| wanted(order, p)).take(limit) {
                j.item(|j| self.write_row(j, order, progress));
            }
        })
    }

    fn write_row(&self, j: &mut Json, order: &Order, progress: &Progress) {
        if let Some(symbol) = self.exchange.symbol(order.asked.symbol) {
            order.write_row(j, symbol, progress, self.exchange.list_id(order));
        }
    }

    pub(super) fn my_trades(&self, now_ns: u64, params: &Params) -> Result<String, Failure> {
        let at = parse::symbol(params, &self.exchange)?;
        let symbol = self.exchange.symbol(at).ok_or_else(Failure::symbol)?;
        let limit = params.limit(ROWS_DEFAULT, ROWS_MAX)?;
        let (order_id, from_id) = (params.integer("orderId")?, params.integer("fromId")?);
        let (from, to) = (params.integer("startTime")?, params.integer("endTime")?);
        // The combinations the venue takes (reference 3).
        if (from.is_some() || to.is_some()) && (order_id.is_some() || from_id.is_some()) {
            return Err(Failure::bad(-1128, "Combination of optional parameters invalid."));
        }
        let listed_at = self.listed_at(now_ns);
        let times = from.unwrap_or(0)..=to.unwrap_or(u64::MAX);
        let rows: Vec<_> = self
            .exchange
            .fills
            .iter()
            .filter_map(|fill| Some((fill, self.exchange.orders.get(fill.order)?)))
            .filter(|(fill, order)| order.asked.symbol == at && fill.at_ns <= listed_at)
            .filter(|(fill, _)| from_id.is_none_or(|id| fill.trade_id >= id) && times.contains(&ms(fill.at_ns)))
            .filter(|(_, order)| order_id.is_none_or(|id| order.id == id))
            .collect();
        let newest = from_id.is_none() && from.is_none();
        let skip = if newest { rows.len().saturating_sub(limit) } else { 0 };
        Ok(Json::compact().array(|j| {
            for (fill, order) in rows.iter().skip(skip).take(limit) {
                j.item(|j| {
                    j.str("symbol", &symbol.id)
                        .raw("id", fill.trade_id)
                        .raw("orderId", order.id)
                        .raw("orderListId", self.exchange.list_id(order))
                        .str("price", symbol.show_price(fill.ticks))
                        .str("qty", symbol.show_size(fill.lots))
                        .str("quoteQty", fixed(fill.value, ASSET_PRECISION))
                        .str("commission", fixed(fill.fee, ASSET_PRECISION))
                        .str("commissionAsset", &fill.fee_asset)
                        .raw("time", ms(fill.at_ns))
                        .raw("isBuyer", order.asked.side == Side::Buy)
                        .raw("isMaker", fill.maker)
                        .raw("isBestMatch", true);
                });
            }
        }))
    }

    pub(super) fn prevented_matches(&self, params: &Params) -> Result<String, Failure> {
        let at = parse::symbol(params, &self.exchange)?;
        let (id, order_id) = (params.integer("preventedMatchId")?, params.integer("orderId")?);
        if id.is_some() == order_id.is_some() {
            return Err(Failure::bad(-1128, "Combination of optional parameters invalid."));
        }
        let of = |place: usize| self.exchange.orders.get(place).map_or(0, |o| o.id);
        let all = self.exchange.prevented.iter();
        let wanted = all.filter(|one| self.exchange.orders.get(one.maker).is_some_and(|o| o.asked.symbol == at));
        let wanted = wanted.filter(|one| match (id, order_id) {
            (Some(id), _) => one.id == id,
            (None, order) => order == Some(of(one.taker)) || order == Some(of(one.maker)),
        });
        Ok(Json::compact().array(|j| {
            for one in wanted {
                j.item_raw(self.prevented_row(one));
            }
        }))
    }

    pub(super) fn account(&self, now_ns: u64, params: &Params) -> Result<String, Failure> {
        let omit_zero = params.flag("omitZeroBalances")?.unwrap_or(false);
        let fees = self.exchange.fees;
        // In hundredths of a percent; a rate below one shows as 0.
        let bips = |rate: Decimal| fixed(rate * Decimal::from(10_000), 0);
        let updated = self.exchange.orders.iter().map(|o| o.now.updated_ns).max().unwrap_or(self.started_ns);
        let balances = match self.reports.listing_lag_ns {
            0 => self.exchange.ledger.accounts(),
            _ => self.exchange.balances.at(self.listed_at(now_ns)).map_or(&[][..], Vec::as_slice),
        };
        let shown = |a: &&crate::sim::market::Account| !omit_zero || !(a.free + a.locked).is_zero();
        Ok(Json::compact().object(|j| {
            j.raw("makerCommission", bips(fees.maker))
                .raw("takerCommission", bips(fees.taker))
                .raw("buyerCommission", 0)
                .raw("sellerCommission", 0)
                .obj("commissionRates", |j| {
                    j.str("maker", fixed(fees.maker, ASSET_PRECISION))
                        .str("taker", fixed(fees.taker, ASSET_PRECISION))
                        .str("buyer", "0.00000000")
                        .str("seller", "0.00000000");
                })
                .raw("canTrade", self.account_may_trade)
                .raw("canWithdraw", true)
                .raw("canDeposit", true)
                .raw("brokered", false)
                .raw("requireSelfTradePrevention", false)
                .raw("updateTime", ms(updated))
                .str("accountType", "SPOT")
                .arr("balances", |j| {
                    for account in balances.iter().filter(shown) {
                        j.item(|j| {
                            j.str("asset", &account.asset)
                                .str("free", fixed(account.free, ASSET_PRECISION))
                                .str("locked", fixed(account.locked, ASSET_PRECISION));
                        });
                    }
                })
                .raw("permissions", r#"["SPOT"]"#)
                .raw("tradeGroupId", 1);
        }))
    }

    pub(super) fn order_counts(&self, now_ns: u64) -> String {
        Json::compact().array(|j| self.usage.write_orders(j, now_ns, &self.limits))
    }

    /// GET myFilters: the symbol's filters again, and none of the account's own (Binance.US reference 0).
    pub(super) fn my_filters(&self, params: &Params) -> Result<String, Failure> {
        let at = parse::symbol(params, &self.exchange)?;
        let symbol = self.exchange.symbol(at).ok_or_else(Failure::symbol)?;
        Ok(Json::compact().object(|j| {
            j.raw("exchangeFilters", "[]").arr("symbolFilters", |j| symbol.write_filters(j)).raw("assetFilters", "[]");
        }))
    }

    pub(super) fn query_list(&self, params: &Params) -> Result<String, Failure> {
        let (id, client_id) = (params.integer("orderListId")?, params.client_id("origClientOrderId")?);
        if id.is_none() && client_id.is_none() {
            return Err(Failure::missing("orderListId"));
        }
        let named = |list: &&List| match id {
            Some(id) => list.id == id,
            None => client_id == Some(list.asked_client_id.as_str()),
        };
        let list = self.exchange.lists.iter().rev().find(named);
        let list = list.ok_or_else(|| Failure::bad(-2013, "Order list does not exist."))?;
        Ok(Json::compact().object(|j| self.exchange.write_list(j, list)))
    }

    pub(super) fn lists(&self, params: &Params, open: bool) -> Result<String, Failure> {
        let limit = if open { usize::MAX } else { params.limit(ROWS_DEFAULT, ROWS_MAX)? };
        let from_id = params.integer("fromId")?.unwrap_or(0);
        let wanted = |list: &&List| list.id >= from_id && (!open || !list.done);
        Ok(Json::compact().array(|j| {
            for list in self.exchange.lists.iter().filter(wanted).take(limit) {
                j.item(|j| self.exchange.write_list(j, list));
            }
        }))
    }
}
