//! Self-trade prevention: a taker that meets an order of its own account trades nothing, and by its mode one of the two, or
//! both, give way (Binance.US reference 3).

use super::exchange::{reaches, Exchange};
use super::order::{NewOrder, Order, Prevented, Status, Stp};
use super::report::{Detail, Execution, PreventedPart};
use crate::sim::market::book::Owner;
use rust_decimal::Decimal;

impl Exchange {
    /// The client's own order at the head of the other side, if a taker would meet it.
    pub(super) fn own_in_the_way(&self, asked: &NewOrder) -> Option<usize> {
        let front = self.markets.get(asked.symbol)?.book.front(asked.side.opposite())?;
        let met = !asked.kind.has_price() || reaches(asked.side, asked.ticks, front.ticks);
        match front.owner {
            Owner::Client(order) if met => Some(order),
            _ => None,
        }
    }

    /// Self-trade prevention: the taker's mode decides who gives way (reference 3). One call, one prevented match.
    pub(super) fn prevent(&mut self, now_ns: u64, taker: usize, maker: usize) {
        let (Some(t), Some(m)) = (self.orders.get(taker), self.orders.get(maker)) else { return };
        let (mode, ticks) = (t.asked.stp, m.asked.ticks);
        let (taker_left, maker_left) = (t.left(), m.left());
        let (taker_id, maker_id) = (t.id, m.id);
        let id = self.prevented.len() as u64 + 1;
        let both = taker_left.min(maker_left);
        self.prevented.push(Prevented { id, taker, maker, mode, ticks, lots: both, at_ns: now_ns });
        let part = |counter_order, lots| PreventedPart { id, counter_order, ticks, lots };
        let (from_taker, from_maker) = match mode {
            Stp::ExpireTaker => (taker_left, 0),
            Stp::ExpireMaker => (0, maker_left),
            Stp::ExpireBoth => (taker_left, maker_left),
            Stp::Decrement | Stp::Transfer => (both, both),
        };
        if from_maker > 0 {
            self.take_away(now_ns, maker, part(taker_id, from_maker));
        }
        if from_taker > 0 {
            self.take_away(now_ns, taker, part(maker_id, from_taker));
        }
    }

    /// Reduces an order by what was prevented and ends it if nothing is left.
    fn take_away(&mut self, now_ns: u64, index: usize, part: PreventedPart) {
        let Some(asked) = self.orders.get(index).map(|o| o.asked.clone()) else { return };
        if let Some(market) = self.markets.get_mut(asked.symbol) {
            if market.book.reduce(asked.side, asked.ticks, Owner::Client(index), part.lots) > 0 {
                market.changed_ns = now_ns;
            }
        }
        self.change(now_ns, index, |p| {
            p.prevented_lots += part.lots;
            p.prevented_id = Some(part.id);
        });
        let ended = self.orders.get(index).is_some_and(|o| o.left() == 0);
        if ended {
            self.release(now_ns, index);
            self.change(now_ns, index, |p| p.status = Status::ExpiredInMatch);
        } else {
            // What was locked for the part that will not happen goes free.
            let hold = self.orders.get(index).map_or(Decimal::ZERO, |o| self.still_needed(o));
            self.set_hold(now_ns, index, hold);
        }
        self.report(now_ns, index, Execution::TradePrevention, Detail { prevented: Some(part), ..Detail::default() });
        if ended {
            // The money of both was locked for this one.
            self.end_other_leg(now_ns, index);
            self.leg_ended(now_ns, index);
        }
    }

    /// What an open order needs for what is left of it.
    fn still_needed(&self, order: &Order) -> Decimal {
        if order.list.is_some() {
            // The other leg may yet need all of it.
            return order.now.hold;
        }
        let asked = NewOrder { lots: order.left(), ..order.asked.clone() };
        self.needed(&asked).min(order.now.hold)
    }
}
