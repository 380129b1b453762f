//! Account, trades and positions as the venue shows them (OANDA reference 3). Reads, never changes.

use super::account::{Totals, Trade};
use super::exchange::Exchange;
use super::order::{Kind, Order, State};
use super::text::{money, price, units};
use crate::sim::market::Side;
use crate::sim::stamp::rfc3339_full;
use crate::sim::Json;
use rust_decimal::Decimal;

/// Decimals of `marginCloseoutPercent`.
const PERCENT_DECIMALS: u32 = 5;

impl Exchange {
    /// Members of the account's money that `state` of changes has too.
    pub(crate) fn put_money(&self, j: &mut Json) {
        let (nav, used, profit) = (self.nav(), self.margin_used(), self.unrealized_all());
        let value = money(self.position_value());
        let free = money((nav - used).max(Decimal::ZERO));
        let half = (used / Decimal::TWO).checked_div(nav).filter(|_| nav > Decimal::ZERO).unwrap_or_default();
        let called = used.checked_div(nav).filter(|_| nav > Decimal::ZERO).unwrap_or_default();
        j.str("trueUnrealizedPL", money(profit))
            .str("unrealizedPL", money(profit))
            .str("trueNAV", money(nav))
            .str("NAV", money(nav))
            .str("marginUsed", money(used))
            .str("marginAvailable", &free)
            .str("positionValue", &value)
            .str("marginCloseoutUnrealizedPL", money(profit))
            .str("marginCloseoutNAV", money(nav))
            .str("marginCloseoutMarginUsed", money(used))
            .str("marginCloseoutPositionValue", &value)
            .str("marginCloseoutPercent", price(half, PERCENT_DECIMALS))
            .str("withdrawalLimit", &free)
            .str("marginCallMarginUsed", money(used))
            .str("marginCallPercent", price(called, PERCENT_DECIMALS));
    }

    /// Members of the summary.
    pub(crate) fn put_summary(&self, j: &mut Json, identity: &super::config::Identity, started_ns: u64) {
        let account = &self.account;
        j.str("guaranteedStopLossOrderMode", "ALLOWED")
            .raw("hedgingEnabled", account.hedging)
            .str("id", &identity.account)
            .str("createdTime", rfc3339_full(started_ns))
            .str("currency", &self.home)
            .raw("createdByUserID", identity.user)
            .str("alias", &account.alias)
            .str("marginRate", units(account.margin_rate))
            .str("lastTransactionID", self.log.last())
            .str("balance", money(account.balance))
            .raw("openTradeCount", account.open_trades().count())
            .raw("openPositionCount", self.open_markets().len())
            .raw("pendingOrderCount", self.pending.len())
            .str("pl", money(account.realized))
            .str("resettablePL", money(account.realized))
            .str("resettablePLTime", "0")
            .str("financing", "0.0000")
            .str("commission", "0.0000")
            .str("dividendAdjustment", "0")
            .str("guaranteedExecutionFees", money(account.fees));
        self.put_money(j);
    }

    /// Members of a trade; with its orders in full, or as `TradeSummary` with their ids.
    pub(crate) fn put_trade(&self, j: &mut Json, trade: &Trade, full: bool) {
        let Some(market) = self.markets.get(trade.market) else { return };
        j.str("id", trade.id)
            .str("instrument", &market.instrument.name)
            .str("price", market.price(trade.price))
            .str("openTime", rfc3339_full(trade.opened_ns))
            .str("initialUnits", units(trade.initial_units))
            .str("initialMarginRequired", money(trade.initial_margin))
            .str("state", if trade.is_open() { "OPEN" } else { "CLOSED" })
            .str("currentUnits", units(trade.units))
            .str("realizedPL", money(trade.realized))
            .str("financing", "0.0000")
            .str("dividendAdjustment", "0.0000");
        if trade.is_open() {
            j.str("unrealizedPL", money(self.unrealized(trade)))
                .str("marginUsed", money(self.margin(trade.market, trade.units)));
        }
        trade.extensions.put(j, "clientExtensions");
        let orders = trade.exits.iter().filter_map(|id| self.orders.get(id));
        for order in orders {
            let name = match order.kind {
                Kind::TakeProfit => "takeProfitOrder",
                Kind::GuaranteedStopLoss => "guaranteedStopLossOrder",
                Kind::TrailingStopLoss => "trailingStopLossOrder",
                _ => "stopLossOrder",
            };
            if full {
                j.obj(name, |j| order.put(j, market));
            } else {
                j.str(&format!("{name}ID"), order.id);
            }
        }
        if let Some(average) = trade.average_close() {
            j.str("averageClosePrice", market.price(average)).arr("closingTransactionIDs", |j| {
                trade.closings.iter().for_each(|id| {
                    j.item_str(id);
                });
            });
        }
        if let Some(at_ns) = trade.closed_ns {
            j.str("closeTime", rfc3339_full(at_ns));
        }
    }

    /// Members of a position.
    pub(crate) fn put_position(&self, j: &mut Json, index: usize) {
        let Some(market) = self.markets.get(index) else { return };
        let totals = self.account.totals.get(&index).copied().unwrap_or_default();
        j.str("instrument", &market.instrument.name);
        let mut profit = Decimal::ZERO;
        for (name, long) in [("long", true), ("short", false)] {
            let side = self.position_profit(index, long);
            profit += side;
            j.obj(name, |j| self.put_side(j, index, long, side, &totals));
        }
        let pl = money(totals.long_pl + totals.short_pl);
        j.str("pl", &pl)
            .str("resettablePL", &pl)
            .str("financing", "0.0000")
            .str("commission", "0.0000")
            .str("dividendAdjustment", "0.0000")
            .str("guaranteedExecutionFees", money(totals.fees))
            .str("trueUnrealizedPL", money(profit))
            .str("unrealizedPL", money(profit));
        let exposed = self.exposed(index);
        if !exposed.is_zero() {
            j.str("marginUsed", money(self.margin(index, exposed)));
        }
    }

    /// What one side of an instrument would realise now.
    pub(crate) fn position_profit(&self, index: usize, long: bool) -> Decimal {
        self.account.side(index, long).map(|t| self.unrealized(t)).sum()
    }

    fn put_side(&self, j: &mut Json, index: usize, long: bool, profit: Decimal, totals: &Totals) {
        let size = self.account.units(index, long);
        j.str("units", units(size));
        let cost: Decimal = self.account.side(index, long).map(|t| t.units * t.price).sum();
        if let Some((average, market)) = cost.checked_div(size).zip(self.markets.get(index)) {
            j.str("averagePrice", market.price(average)).arr("tradeIDs", |j| {
                self.account.side(index, long).for_each(|t| {
                    j.item_str(t.id);
                });
            });
        }
        let pl = money(if long { totals.long_pl } else { totals.short_pl });
        j.str("pl", &pl)
            .str("resettablePL", &pl)
            .str("financing", "0.0000")
            .str("dividendAdjustment", "0.0000")
            .str("guaranteedExecutionFees", "0.0000")
            .str("trueUnrealizedPL", money(profit))
            .str("unrealizedPL", money(profit));
    }

    /// An order as it stood at that time; `None` if it was not there yet.
    pub(crate) fn order_at(&self, order: &Order, at_ns: u64) -> Option<Order> {
        let mut seen = (order.created_ns <= at_ns).then(|| order.clone())?;
        let later = |end: Option<(u64, u64)>| end.is_some_and(|(_, ended_ns)| ended_ns > at_ns);
        if later(seen.cancelled) {
            seen.cancelled = None;
            seen.replaced_by = None;
            seen.state = if seen.filled.is_some() { State::Filled } else { State::Pending };
        }
        if later(seen.filled) {
            (seen.filled, seen.trade_opened, seen.trade_reduced) = (None, None, None);
            seen.trades_closed.clear();
            seen.state = State::Pending;
        }
        Some(seen)
    }

    /// Members of `changes` and of `state` after a transaction (OANDA reference 3).
    pub(crate) fn put_changes(&self, j: &mut Json, since: u64) {
        let after = |id: Option<u64>| id.is_some_and(|id| id > since);
        j.obj("changes", |j| {
            let mut orders = |name: &str, chosen: &dyn Fn(&Order) -> bool| {
                j.arr(name, |j| {
                    for order in self.orders.values().filter(|o| chosen(o)) {
                        if let Some(market) = self.markets.get(order.market) {
                            j.item(|j| order.put(j, market));
                        }
                    }
                });
            };
            orders("ordersCreated", &|o| o.id > since && o.state == State::Pending);
            orders("ordersCancelled", &|o| after(o.cancelled.map(|(id, _)| id)));
            orders("ordersFilled", &|o| o.state == State::Filled && after(o.filled.map(|(id, _)| id)));
            orders("ordersTriggered", &|_| false);
            let mut trades = |name: &str, chosen: &dyn Fn(&Trade) -> bool| {
                j.arr(name, |j| {
                    self.account.trades.values().filter(|t| chosen(t)).for_each(|trade| {
                        j.item(|j| self.put_trade(j, trade, false));
                    });
                });
            };
            let closed_after = |t: &Trade| t.closings.last().is_some_and(|id| *id > since);
            trades("tradesOpened", &|t| t.id > since && t.is_open());
            trades("tradesReduced", &|t| t.id <= since && t.is_open() && closed_after(t));
            trades("tradesClosed", &|t| !t.is_open() && closed_after(t));
            j.arr("positions", |j| {
                for (index, _) in self.account.totals.iter().filter(|(_, t)| t.changed > since) {
                    j.item(|j| self.put_position(j, *index));
                }
            });
            j.arr("transactions", |j| {
                for transaction in self.log.range(since + 1, u64::MAX, &super::log::Filter::default()) {
                    j.item_raw(&transaction.text);
                }
            });
        });
        j.obj("state", |j| self.put_state(j));
    }

    fn put_state(&self, j: &mut Json) {
        self.put_money(j);
        j.arr("orders", |j| {
            for order in self.pending.iter().filter_map(|id| self.orders.get(id)) {
                let Some(market) = self.markets.get(order.market) else { continue };
                let Some(at) = order.trailing.or(order.price) else { continue };
                let seen = market.best(if order.side() == Side::Buy { Side::Buy } else { Side::Sell });
                j.item(|j| {
                    j.str("id", order.id);
                    if order.trailing.is_some() {
                        j.str("trailingStopValue", market.price(at));
                    }
                    j.str("triggerDistance", market.price((at - seen).abs())).raw("isTriggerDistanceExact", true);
                });
            }
        });
        j.arr("trades", |j| {
            for trade in self.account.open_trades() {
                j.item(|j| {
                    j.str("id", trade.id)
                        .str("unrealizedPL", money(self.unrealized(trade)))
                        .str("marginUsed", money(self.margin(trade.market, trade.units)));
                });
            }
        });
        j.arr("positions", |j| {
            for index in self.open_markets() {
                let Some(market) = self.markets.get(index) else { continue };
                let sides = [true, false].map(|long| self.position_profit(index, long));
                j.item(|j| {
                    j.str("instrument", &market.instrument.name)
                        .str("netUnrealizedPL", money(sides.iter().sum()))
                        .str("longUnrealizedPL", money(sides[0]))
                        .str("shortUnrealizedPL", money(sides[1]))
                        .str("marginUsed", money(self.margin(index, self.exposed(index))));
                });
            }
        });
    }
}
