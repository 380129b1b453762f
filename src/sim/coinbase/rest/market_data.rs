//! Products, books, trades, candles, time (Coinbase reference 3.7, 3.8).

use super::query::Query;
use crate::sim::coinbase::candle::width_s;
use crate::sim::coinbase::errors::{error, invalid_argument, not_found};
use crate::sim::coinbase::model::Coinbase;
use crate::sim::coinbase::parse::{not_valid, Refusal};
use crate::sim::coinbase::product::Market;
use crate::sim::coinbase::product::{Product, Trading};
use crate::sim::market::widened;
use crate::sim::market::Side;
use crate::sim::server::Response;
use crate::sim::{rfc3339_micros, rfc3339_nanos, Json, MILLISECOND_NS, SECOND_NS};
use rust_decimal::Decimal;

const TRADES_DEFAULT: usize = 100;
const TRADES_MAX: usize = 1_000;
/// Most candles in one reply (reference 3).
const CANDLES_MAX: u64 = 350;

/// One row of the product list: a product of a market, or the alias of one.
struct Row<'a> {
    market: &'a Market,
    /// Set for an alias.
    alias: Option<Product>,
}

impl Row<'_> {
    fn product(&self) -> &Product {
        self.alias.as_ref().unwrap_or(&self.market.product)
    }

    fn write(&self, j: &mut Json) {
        let target = if self.alias.is_some() { self.market.product.id.as_str() } else { "" };
        self.product().write(j, &self.market.view(), target);
    }
}

impl Coinbase {
    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let markets = self.exchange.markets.iter();
        let own = markets.clone().map(|market| Row { market, alias: None });
        // A product that has a market of its own is no alias.
        let free = |alias: &Product| self.exchange.market_index(&alias.id).is_none();
        let aliases = markets.filter_map(move |market| {
            let alias = market.product.aliased().filter(free)?;
            Some(Row { market, alias: Some(alias) })
        });
        own.chain(aliases)
    }

    /// `get_all_products` lists what cannot be traded too.
    pub(super) fn list_products(&self, query: &Query) -> Result<Response, Response> {
        const KINDS: [&str; 3] = ["UNKNOWN_PRODUCT_TYPE", "SPOT", "FUTURE"];
        if let Some(bad) = query.all("product_type").iter().find(|kind| !KINDS.contains(&kind.as_str())) {
            let Refusal::Malformed(name, detail) = not_valid("product_type", bad) else {
                return Err(invalid_argument("product_type"));
            };
            return Err(error(400, name, &detail));
        }
        let everything = query.flag("get_all_products") || !query.all("product_ids").is_empty();
        let matching: Vec<Row<'_>> = self
            .rows()
            .filter(|row| query.admits("product_ids", &row.product().id))
            .filter(|_| query.admits("product_type", "SPOT") || query.admits("product_type", "UNKNOWN_PRODUCT_TYPE"))
            .filter(|row| everything || row.product().trading != Trading::Disabled)
            .collect();
        let limit = query.number("limit", usize::MAX, usize::MAX)?;
        let offset = query.one("offset").and_then(|n| n.parse().ok()).unwrap_or(0);
        let from = query.cursor()?.unwrap_or(offset);
        let rest = matching.get(from..).unwrap_or(&[]);
        let (page, more) = rest.split_at(limit.min(rest.len()));
        let paged = query.one("limit").is_some() || query.one("cursor").is_some();
        let next = if more.is_empty() { String::new() } else { (from + page.len()).to_string() };
        let previous = if from == 0 { String::new() } else { from.saturating_sub(limit).to_string() };
        Ok(Response::json(
            200,
            Json::spaced().object(|j| {
                j.arr("products", |j| {
                    for row in page {
                        j.item(|j| row.write(j));
                    }
                })
                .raw("num_products", page.len());
                if paged {
                    j.obj("pagination", |j| {
                        j.str("prev_cursor", previous)
                            .str("next_cursor", next)
                            .raw("has_next", !more.is_empty())
                            .raw("has_prev", from > 0);
                    });
                } else {
                    j.raw("pagination", "null");
                }
            }),
        ))
    }

    fn row(&self, product_id: &str) -> Result<Row<'_>, Response> {
        let mut rows = self.rows();
        rows.find(|row| row.product().id == product_id).ok_or_else(|| not_found("valid product_id is required"))
    }

    pub(super) fn get_product(&self, id: &str) -> Result<Response, Response> {
        let row = self.row(id)?;
        Ok(Response::json(200, Json::spaced().object(|j| row.write(j))))
    }

    pub(super) fn get_trades(&self, id: &str, query: &Query) -> Result<Response, Response> {
        let market = self.row(id)?.market;
        let limit = query.number("limit", TRADES_DEFAULT, TRADES_MAX)?;
        let (start, end) = (query.seconds("start")?, query.seconds("end")?);
        let inside = |at_ns: u64| {
            start.is_none_or(|start| at_ns / SECOND_NS >= start) && end.is_none_or(|end| at_ns / SECOND_NS < end)
        };
        let best =
            |side| market.book.front(side).map(|f| market.product.price(f.ticks).to_string()).unwrap_or_default();
        Ok(Response::json(
            200,
            Json::spaced().object(|j| {
                j.arr("trades", |j| {
                    for trade in market.trades.iter().filter(|t| inside(t.at_ns)).take(limit) {
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

    /// Newest first; a stretch without a trade has no candle.
    pub(super) fn get_candles(&self, id: &str, query: &Query) -> Result<Response, Response> {
        let market = self.row(id)?.market;
        let needed = |key: &str| query.seconds(key)?.ok_or_else(|| invalid_argument(&format!("{key} is required")));
        let (start, end) = (needed("start")?, needed("end")?);
        let granularity = query.one("granularity").ok_or_else(|| invalid_argument("granularity is required"))?;
        let width_s = width_s(granularity).ok_or_else(|| match not_valid("granularity", granularity) {
            Refusal::Malformed(name, detail) => error(400, name, &detail),
            Refusal::Business(..) => invalid_argument("granularity"),
        })?;
        if end < start || (end - start) / width_s > CANDLES_MAX {
            let detail = "start and end argument is invalid - number of candles requested should be less than 350";
            return Err(invalid_argument(detail));
        }
        let limit = query.number("limit", CANDLES_MAX as usize, CANDLES_MAX as usize)?;
        let wide = widened(market.minutes.iter(), width_s);
        let product = &market.product;
        Ok(Response::json(
            200,
            Json::spaced().object(|j| {
                j.arr("candles", |j| {
                    let inside = wide.iter().rev().filter(|c| (start..=end).contains(&c.start_s));
                    for candle in inside.take(limit) {
                        j.item(|j| {
                            j.str("start", candle.start_s)
                                .str("low", product.price(candle.low))
                                .str("high", product.price(candle.high))
                                .str("open", product.price(candle.open))
                                .str("close", product.price(candle.close))
                                .str("volume", product.size(candle.lots));
                        });
                    }
                });
            }),
        ))
    }

    pub(super) fn product_book(&self, query: &Query) -> Result<Response, Response> {
        let id = query.one("product_id").ok_or_else(|| invalid_argument("valid product_id is required"))?;
        let market = self.row(id)?.market;
        let limit = query.number("limit", usize::MAX, usize::MAX)?;
        let step = query.decimal("aggregation_price_increment")?;
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
                j.obj("pricebook", |j| write_book(j, id, market, limit, step))
                    .str("last", market.product.price(market.last()))
                    .str("mid_market", mid.normalize())
                    .str("spread_bps", bps.round_dp(12).normalize())
                    .str("spread_absolute", spread.normalize());
            }),
        ))
    }

    pub(super) fn best_bid_ask(&self, query: &Query) -> Response {
        Response::json(
            200,
            Json::spaced().object(|j| {
                j.arr("pricebooks", |j| {
                    for row in self.rows().filter(|row| query.admits("product_ids", &row.product().id)) {
                        j.item(|j| write_book(j, &row.product().id, row.market, 1, None));
                    }
                });
            }),
        )
    }
}

/// Levels from the best outwards; with a `step`, bids joined downwards and offers upwards to its multiples.
fn write_book(j: &mut Json, id: &str, market: &Market, limit: usize, step: Option<Decimal>) {
    let product = &market.product;
    j.str("product_id", id);
    for (key, side) in [("bids", Side::Buy), ("asks", Side::Sell)] {
        let mut levels: Vec<(Decimal, i64)> = Vec::new();
        for (ticks, lots) in market.book.levels(side) {
            let price = joined(product.price(ticks), side, step);
            let full = levels.len() == limit;
            match levels.last_mut() {
                Some((last, sum)) if *last == price => *sum += lots,
                _ if full => break,
                _ => levels.push((price, lots)),
            }
        }
        j.arr(key, |j| {
            for (price, lots) in levels {
                j.item(|j| {
                    j.str("price", price.normalize()).str("size", product.size(lots));
                });
            }
        });
    }
    j.str("time", rfc3339_micros(market.changed_ns));
}

fn joined(price: Decimal, side: Side, step: Option<Decimal>) -> Decimal {
    let aggregated = step.and_then(|step| {
        let steps = price.checked_div(step)?;
        let whole = if side == Side::Buy { steps.floor() } else { steps.ceil() };
        whole.checked_mul(step)
    });
    aggregated.unwrap_or(price)
}

pub(super) fn time(now_ns: u64) -> Response {
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
