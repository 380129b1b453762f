//! Stops, take-profits and trailing deltas: what trades do to orders that wait (Binance.US reference 3).
//!
//! Every trade is looked at once, in order; a triggered order's own trades pull further triggers in the same turn.

use super::exchange::Exchange;
use super::order::{Order, Type};
use super::report::{Detail, Execution};
use crate::sim::market::{Side, Trade};
use rust_decimal::Decimal;

/// Hundredths of a percent in one.
const BIPS: i128 = 10_000;

impl Exchange {
    /// Shows the waiting orders all trades they have not seen.
    pub(super) fn run_triggers(&mut self, now_ns: u64) {
        while let Some((symbol, trades)) = self.unseen_trades() {
            for trade in trades {
                self.show_trade(now_ns, symbol, trade);
            }
        }
    }

    fn unseen_trades(&mut self) -> Option<(usize, Vec<Trade>)> {
        for (symbol, (market, seen)) in self.markets.iter().zip(&mut self.seen_trades).enumerate() {
            let newest = market.trades.front().map_or(0, |t| t.id);
            if newest > *seen {
                let mut trades: Vec<Trade> = market.trades.iter().take_while(|t| t.id > *seen).copied().collect();
                trades.reverse();
                *seen = newest;
                return Some((symbol, trades));
            }
        }
        None
    }

    fn show_trade(&mut self, now_ns: u64, symbol: usize, trade: Trade) {
        let waits = |order: &Order| order.is_pending() && order.asked.symbol == symbol;
        let waiting: Vec<usize> = (0..self.orders.len()).filter(|at| self.orders.get(*at).is_some_and(waits)).collect();
        for index in waiting {
            // One triggered before may have ended it, as the other leg of a list.
            let Some(order) = self.orders.get_mut(index).filter(|o| o.is_pending()) else { continue };
            if pulls(order, trade.ticks, now_ns) {
                self.trigger(now_ns, index);
            }
        }
    }

    /// Sends a waiting order to the book: NEW a second time, now working (reference 7).
    fn trigger(&mut self, now_ns: u64, index: usize) {
        self.leg_triggered(now_ns, index);
        self.change(now_ns, index, |p| p.working_ns = Some(now_ns));
        self.report(now_ns, index, Execution::New, Detail::default());
        if self.cover_market_cost(index) {
            self.execute(now_ns, index);
        } else {
            self.expire(now_ns, index, "REJECTED");
        }
    }

    /// A market order of a buyer locked an estimate: before it takes, it needs what the book really costs.
    fn cover_market_cost(&mut self, index: usize) -> bool {
        let Some(order) = self.orders.get(index) else { return false };
        let market = matches!(order.asked.kind, Type::StopLoss | Type::TakeProfit);
        if !market || order.asked.side == Side::Sell {
            return true;
        }
        let more = self.cost(order.asked.symbol, order.left()) - order.now.hold;
        if more <= Decimal::ZERO {
            return true;
        }
        let asset = self.spends(&order.asked).to_owned();
        let covered = self.ledger.lock(&asset, more);
        if let Some(order) = self.orders.get_mut(index).filter(|_| covered) {
            order.now.hold += more;
        }
        covered
    }
}

/// Shows one order one trade: moves what it trails from, and says whether it triggers.
fn pulls(order: &mut Order, last: i64, now_ns: u64) -> bool {
    let above = order.asked.kind.triggers_above(order.asked.side);
    let stop = order.asked.stop;
    let past_stop = stop > 0 && if above { last >= stop } else { last <= stop };
    if order.asked.trailing == 0 {
        return past_stop;
    }
    if order.now.trailing_ns.is_none() {
        // With a stop price, trailing begins when that is reached.
        if past_stop {
            order.now.trailing_ns = Some(now_ns);
            order.now.reference = last;
        }
        return false;
    }
    let delta = i128::from(order.asked.trailing);
    let (last_wide, reference) = (i128::from(last) * BIPS, i128::from(order.now.reference));
    if above {
        order.now.reference = order.now.reference.min(last);
        last_wide >= reference * (BIPS + delta)
    } else {
        order.now.reference = order.now.reference.max(last);
        last_wide <= reference * (BIPS - delta)
    }
}
