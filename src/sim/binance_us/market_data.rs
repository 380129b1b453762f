//! The public bodies: symbols, books, trades, klines and tickers (Binance.US reference 3, "Market data REST").

use super::frames::{self, aggregates, write_aggregate, Change};
use super::kline::{Bar, Interval};
use super::model::BinanceUs;
use super::order::ms;
use super::params::Params;
use super::parse;
use super::product::{fixed, Market, Symbol, ASSET_PRECISION};
use super::reject::Failure;
use super::rolling;
use crate::sim::market::{Side, Trade};
use crate::sim::Json;
use std::collections::BTreeSet;

/// Levels of a book's side at most (reference 3).
const DEPTH_MAX: usize = 5_000;
const ROWS_DEFAULT: usize = 500;
const ROWS_MAX: usize = 1_000;

impl BinanceUs {
    pub(super) fn exchange_info(&self, now_ns: u64, params: &Params) -> Result<String, Failure> {
        let wanted: Option<BTreeSet<String>> = match (params.get("symbol")?, params.names("symbols")?) {
            (Some(_), Some(_)) => return Err(Failure::bad(-1128, "Combination of optional parameters invalid.")),
            (Some(one), None) => Some([one.to_owned()].into()),
            (None, names) => names.map(|names| names.into_iter().collect()),
        };
        if wanted.iter().flatten().any(|id| self.exchange.symbol_index(id).is_none()) {
            return Err(Failure::symbol());
        }
        let with_sets = params.flag("showPermissionSets")?.unwrap_or(true);
        let shown = |market: &&Market| wanted.as_ref().is_none_or(|wanted| wanted.contains(&market.product.id));
        Ok(Json::compact().object(|j| {
            j.str("timezone", "UTC")
                .raw("serverTime", ms(now_ns))
                .arr("rateLimits", |j| self.limits.write(j))
                .raw("exchangeFilters", "[]")
                .arr("symbols", |j| {
                    for market in self.exchange.markets.iter().filter(shown) {
                        j.item(|j| market.product.write(j, with_sets));
                    }
                });
        }))
    }

    pub(super) fn depth(&self, params: &Params) -> Result<String, Failure> {
        let market = self.market(params)?;
        Ok(frames::depth(market, params.limit(100, DEPTH_MAX)?))
    }

    /// The last trades, or those from an id on.
    pub(super) fn trades(&self, params: &Params) -> Result<String, Failure> {
        let market = self.market(params)?;
        let limit = params.limit(ROWS_DEFAULT, ROWS_MAX)?;
        let trades: Vec<&Trade> = match params.integer("fromId")? {
            Some(from) => market.trades.iter().rev().filter(|t| t.id >= from).take(limit).collect(),
            None => newest(market, limit),
        };
        Ok(Json::compact().array(|j| {
            for trade in trades {
                j.item(|j| write_trade(j, &market.product, trade));
            }
        }))
    }

    pub(super) fn agg_trades(&self, params: &Params) -> Result<String, Failure> {
        let market = self.market(params)?;
        let limit = params.limit(ROWS_DEFAULT, ROWS_MAX)?;
        let (from, to) = (params.integer("startTime")?.unwrap_or(0), params.integer("endTime")?.unwrap_or(u64::MAX));
        let mut all = aggregates(market.trades.iter().rev());
        all.retain(|one| (from..=to).contains(&ms(one.first.at_ns)));
        let ranged = params.has("startTime");
        match params.integer("fromId")? {
            Some(id) => all.retain(|one| one.id >= id),
            None if !ranged => drop(all.drain(..all.len().saturating_sub(limit))),
            None => {}
        }
        Ok(Json::compact().array(|j| {
            for one in all.iter().take(limit) {
                j.item(|j| write_aggregate(j, &market.product, one));
            }
        }))
    }

    pub(super) fn klines(&self, params: &Params) -> Result<String, Failure> {
        let at = parse::symbol(params, &self.exchange)?;
        let interval = Interval::parse(params.required("interval")?);
        let interval = interval.ok_or_else(|| Failure::bad(-1120, "Invalid interval."))?;
        let limit = params.limit(ROWS_DEFAULT, ROWS_MAX)?;
        let (from, to) = (params.integer("startTime")?, params.integer("endTime")?.unwrap_or(u64::MAX));
        let (Some(symbol), Some(bars)) = (self.exchange.symbol(at), self.bars.get(at)) else {
            return Err(Failure::symbol());
        };
        let mut rows = bars.series(interval, from.unwrap_or(0), to);
        // With a start the oldest, without one the newest.
        match from {
            Some(_) => rows.truncate(limit),
            None => drop(rows.drain(..rows.len().saturating_sub(limit))),
        }
        Ok(Json::compact().array(|j| rows.iter().for_each(|bar| write_kline(j, symbol, bar))))
    }

    pub(super) fn average_price(&self, now_ns: u64, params: &Params) -> Result<String, Failure> {
        let at = parse::symbol(params, &self.exchange)?;
        let symbol = self.exchange.symbol(at).ok_or_else(Failure::symbol)?;
        Ok(Json::compact().object(|j| {
            j.raw("mins", 5)
                .str("price", symbol.show_at(self.exchange.average(at, now_ns)))
                .raw("closeTime", ms(now_ns));
        }))
    }

    pub(super) fn ticker_24h(&self, now_ns: u64, params: &Params) -> Result<String, Failure> {
        let mini = wants_mini(params)?;
        self.per_symbol(params, |j, at, market| {
            if let Some(day) = self.bars.get(at).and_then(|bars| bars.day(now_ns)) {
                write_ticker(j, market, &day, mini);
            }
        })
    }

    /// Unlike the other tickers it has to name its symbols.
    pub(super) fn ticker_rolling(&self, now_ns: u64, params: &Params) -> Result<String, Failure> {
        let (minutes, mini) = (rolling::minutes(params)?, wants_mini(params)?);
        match params.names("symbols")? {
            None => drop(parse::symbol(params, &self.exchange)?),
            Some(names) if names.len() > rolling::SYMBOLS_MAX => {
                return Err(Failure::bad(-1130, "Data sent for parameter 'symbols' is not valid."));
            }
            Some(_) => {}
        }
        self.per_symbol(params, |j, at, market| {
            if let Some(bar) = self.bars.get(at).and_then(|bars| bars.window(now_ns, minutes)) {
                rolling::write(j, &market.product, &bar, mini);
            }
        })
    }

    pub(super) fn ticker_price(&self, params: &Params) -> Result<String, Failure> {
        self.per_symbol(params, |j, _, market| {
            j.str("symbol", &market.product.id).str("price", market.product.show_price(market.last()));
        })
    }

    pub(super) fn ticker_book(&self, params: &Params) -> Result<String, Failure> {
        self.per_symbol(params, |j, _, market| {
            let (symbol, [bid, ask]) = (&market.product, frames::best(market));
            j.str("symbol", &symbol.id)
                .str("bidPrice", symbol.show_price(bid.0))
                .str("bidQty", symbol.show_size(bid.1))
                .str("askPrice", symbol.show_price(ask.0))
                .str("askQty", symbol.show_size(ask.1));
        })
    }

    /// One object for `symbol`, an array for `symbols` or for all.
    fn per_symbol(&self, params: &Params, write: impl Fn(&mut Json, usize, &Market)) -> Result<String, Failure> {
        if params.has("symbol") && params.has("symbols") {
            return Err(Failure::bad(-1128, "Combination of optional parameters invalid."));
        }
        if params.has("symbol") {
            let at = parse::symbol(params, &self.exchange)?;
            let market = self.exchange.markets.get(at).ok_or_else(Failure::symbol)?;
            return Ok(Json::compact().object(|j| write(j, at, market)));
        }
        let named = params.names("symbols")?;
        let all: Vec<usize> = match &named {
            None => (0..self.exchange.markets.len()).collect(),
            Some(names) => names
                .iter()
                .map(|name| self.exchange.symbol_index(name).ok_or_else(Failure::symbol))
                .collect::<Result<_, _>>()?,
        };
        Ok(Json::compact().array(|j| {
            for at in all {
                if let Some(market) = self.exchange.markets.get(at) {
                    j.item(|j| write(j, at, market));
                }
            }
        }))
    }

    fn market(&self, params: &Params) -> Result<&Market, Failure> {
        let at = parse::symbol(params, &self.exchange)?;
        self.exchange.markets.get(at).ok_or_else(Failure::symbol)
    }
}

/// Whether a ticker is wanted in its short form.
fn wants_mini(params: &Params) -> Result<bool, Failure> {
    match params.get("type")? {
        None | Some("FULL") => Ok(false),
        Some("MINI") => Ok(true),
        Some(_) => Err(Failure::bad(-1130, "Data sent for parameter 'type' is not valid.")),
    }
}

/// The last trades, oldest first.
fn newest(market: &Market, limit: usize) -> Vec<&Trade> {
    let mut trades: Vec<&Trade> = market.trades.iter().take(limit).collect();
    trades.reverse();
    trades
}

fn write_trade(j: &mut Json, symbol: &Symbol, trade: &Trade) {
    j.raw("id", trade.id)
        .str("price", symbol.show_price(trade.ticks))
        .str("qty", symbol.show_size(trade.lots))
        .str("quoteQty", fixed(symbol.value(trade.ticks, trade.lots), ASSET_PRECISION))
        .raw("time", ms(trade.at_ns))
        .raw("isBuyerMaker", trade.maker_side == Side::Buy)
        .raw("isBestMatch", true);
}

fn write_kline(j: &mut Json, symbol: &Symbol, bar: &Bar) {
    j.item_arr(|j| {
        j.item_raw(bar.open_ms)
            .item_str(symbol.show_price(bar.open))
            .item_str(symbol.show_price(bar.high))
            .item_str(symbol.show_price(bar.low))
            .item_str(symbol.show_price(bar.close))
            .item_str(symbol.show_size(bar.lots))
            .item_raw(bar.close_ms)
            .item_str(fixed(bar.value, ASSET_PRECISION))
            .item_raw(bar.count)
            .item_str(symbol.show_size(bar.bought_lots))
            .item_str(fixed(bar.bought_value, ASSET_PRECISION))
            .item_str("0");
    });
}

fn write_ticker(j: &mut Json, market: &Market, day: &Bar, mini: bool) {
    let (symbol, [bid, ask]) = (&market.product, frames::best(market));
    let change = Change::of(symbol, day);
    j.str("symbol", &symbol.id);
    if !mini {
        j.str("priceChange", change.price)
            .str("priceChangePercent", change.percent)
            .str("weightedAvgPrice", change.average)
            .str("prevClosePrice", symbol.show_price(day.open))
            .str("lastPrice", symbol.show_price(day.close))
            .str("lastQty", symbol.show_size(market.trades.front().map_or(0, |t| t.lots)))
            .str("bidPrice", symbol.show_price(bid.0))
            .str("bidQty", symbol.show_size(bid.1))
            .str("askPrice", symbol.show_price(ask.0))
            .str("askQty", symbol.show_size(ask.1));
    }
    j.str("openPrice", symbol.show_price(day.open))
        .str("highPrice", symbol.show_price(day.high))
        .str("lowPrice", symbol.show_price(day.low));
    if mini {
        j.str("lastPrice", symbol.show_price(day.close));
    }
    j.str("volume", symbol.show_size(day.lots))
        .str("quoteVolume", fixed(day.value, ASSET_PRECISION))
        .raw("openTime", day.open_ms)
        .raw("closeTime", day.close_ms)
        .raw("firstId", day.first_id)
        .raw("lastId", day.last_id)
        .raw("count", day.count);
}
