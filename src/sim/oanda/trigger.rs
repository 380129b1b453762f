//! What the market and the clock do by themselves: orders fire, trailing stops follow, good-till-date orders end, an
//! account without enough margin is closed out. Such batches have no request id (OANDA reference 7).

use super::exchange::{ends_order, is_triggered, reference, Exchange};
use super::log::Batch;
use super::market::Bucket;
use super::order::{Closing, Kind, Order, TimeInForce};
use super::text::units;
use crate::sim::market::Side;
use rust_decimal::Decimal;

impl Exchange {
    /// Follows a change of one instrument's price.
    pub(crate) fn price_changed(&mut self, now_ns: u64, index: usize) {
        let of_market: Vec<u64> =
            self.pending.iter().copied().filter(|id| self.orders.get(id).is_some_and(|o| o.market == index)).collect();
        for id in of_market {
            self.trail(id);
            // An order fired before may have ended this one.
            let Some(order) = self.orders.get(&id).filter(|_| self.pending.contains(&id)) else { continue };
            let Some(market) = self.markets.get(index).filter(|m| m.tradeable) else { continue };
            if is_triggered(order, market) {
                self.fire(now_ns, id);
            }
        }
        self.close_out(now_ns);
    }

    /// Somebody trades with exactly this order at its price, wherever the market is. Gives the units filled: all, or none if
    /// it does not rest at a price or may not be filled.
    pub(crate) fn fill_alone(&mut self, now_ns: u64, id: u64) -> Decimal {
        let Some(order) = self.orders.get(&id).filter(|_| self.pending.contains(&id)) else { return Decimal::ZERO };
        let (index, units, price) = (order.market, order.units.abs(), order.price);
        let (Some(price), Some(market)) = (price, self.markets.get_mut(index)) else { return Decimal::ZERO };
        let alone = || vec![Bucket { price, liquidity: units }];
        let bids = std::mem::replace(&mut market.bids, alone());
        let asks = std::mem::replace(&mut market.asks, alone());
        let filled = self.execute(&mut Batch::new(now_ns, None), id).is_ok();
        if let Some(market) = self.markets.get_mut(index) {
            (market.bids, market.asks) = (bids, asks);
        }
        if filled {
            units
        } else {
            Decimal::ZERO
        }
    }

    fn trail(&mut self, id: u64) {
        let Some(order) = self.orders.get_mut(&id).filter(|o| o.kind == Kind::TrailingStopLoss) else { return };
        let Some(market) = self.markets.get(order.market) else { return };
        let (Some(distance), Some(stand)) = (order.distance, order.trailing) else { return };
        let seen = reference(order, market);
        order.trailing = Some(match order.side() {
            Side::Sell => stand.max(seen - distance),
            Side::Buy => stand.min(seen + distance),
        });
    }

    /// An order meets the market now.
    pub(crate) fn fire(&mut self, now_ns: u64, id: u64) {
        let mut batch = Batch::new(now_ns, None);
        let Some(order) = self.orders.get_mut(&id) else { return };
        if let Some(trade) = order.trade.and_then(|id| self.account.trades.get(&id)) {
            order.units = -trade.units;
        }
        let kind = order.kind;
        match self.execute(&mut batch, id) {
            Err(reason) if ends_order(kind, reason) => {
                self.cancel(&mut batch, id, reason, &[]);
            }
            // Filled, or it waits for more liquidity.
            _ => {}
        }
    }

    /// Ends what is good till a time that has come; says when the next one is due.
    pub(crate) fn expire(&mut self, now_ns: u64) -> Option<u64> {
        let ends = |order: &Order| {
            let timed = matches!(order.time_in_force, TimeInForce::Gtd | TimeInForce::Gfd);
            order.gtd_ns.filter(|_| timed)
        };
        let timed: Vec<(u64, u64)> =
            self.pending.iter().filter_map(|id| Some((*id, ends(self.orders.get(id)?)?))).collect();
        for (id, _) in timed.iter().filter(|(_, at)| *at <= now_ns) {
            self.cancel(&mut Batch::new(now_ns, None), *id, "TIME_IN_FORCE_EXPIRED", &[]);
        }
        timed.into_iter().map(|(_, at)| at).filter(|at| *at > now_ns).min()
    }

    /// Closes everything when half the margin is more than what the account is worth.
    fn close_out(&mut self, now_ns: u64) {
        let used = self.margin_used();
        if used.is_zero() || used <= self.nav() * Decimal::TWO {
            return;
        }
        let open: Vec<(u64, usize, Decimal)> = self.account.open_trades().map(|t| (t.id, t.market, t.units)).collect();
        for (trade, market, size) in open {
            if !self.markets.get(market).is_some_and(|m| m.tradeable) {
                continue;
            }
            let mut order = Order::new(Kind::Market, market);
            order.units = -size;
            order.units_text = units(-size);
            order.position_fill = "REDUCE_ONLY";
            order.closing = Some(Closing::Margin { trade });
            order.reason = "MARGIN_CLOSEOUT";
            self.place(&mut Batch::new(now_ns, None), order);
        }
    }
}
