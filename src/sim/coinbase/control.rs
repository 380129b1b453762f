//! The model's side of [`super::LocalVenue`]'s controls: what other participants do, and how the venue sees an order.

use super::local::ControlError;
use super::model::Coinbase;
use super::order::Size;
use super::product::Trading;
use crate::sim::market::Side;
use rust_decimal::Decimal;

/// An order as the venue understood it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenOrder {
    /// `order_type`.
    pub order_type: &'static str,
    /// `time_in_force`.
    pub time_in_force: &'static str,
    /// `status`.
    pub status: &'static str,
    /// The limit in force.
    pub limit_price: Option<Decimal>,
    /// The price that sets it off.
    pub stop_price: Option<Decimal>,
    /// Its size in base units, 0 if it was sized in quote.
    pub base_size: Decimal,
    /// The rungs of a ladder from the lowest price up: price and base size.
    pub rungs: Vec<(Decimal, Decimal)>,
    /// Take-profit and stop price of the bracket attached to it.
    pub attached: Option<(Decimal, Decimal)>,
}

impl Coinbase {
    pub(super) fn order_details(&self, client_order_id: &str) -> Option<SeenOrder> {
        let order = self.exchange.orders.get(self.exchange.earlier(client_order_id)?)?;
        let product = self.exchange.product_of(&order.asked)?;
        let lots = match order.now.size {
            Size::Base(lots) => lots,
            Size::Quote(_) => 0,
        };
        Some(SeenOrder {
            order_type: order.kind_name(),
            time_in_force: order.time_in_force(),
            status: order.now.status.as_str(),
            limit_price: order.now.limit.map(|ticks| product.price(ticks)),
            stop_price: order.stop().map(|ticks| product.price(ticks)),
            base_size: product.size(lots),
            rungs: order.asked.rungs.iter().map(|r| (product.price(r.ticks), product.size(r.lots))).collect(),
            attached: order.asked.attached.map(|b| (product.price(b.ticks), product.price(b.stop))),
        })
    }

    fn index(&self, product: &str) -> Result<usize, ControlError> {
        self.exchange.market_index(product).ok_or_else(|| ControlError::UnknownProduct(product.to_owned()))
    }

    /// An order of another participant; gives the base size traded.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn participate(
        &mut self,
        now_ns: u64,
        product: &str,
        side: Side,
        price: Decimal,
        size: Decimal,
        rest: bool,
    ) -> Result<Decimal, ControlError> {
        let index = self.index(product)?;
        let market = self.exchange.markets.get_mut(index);
        let market = market.ok_or_else(|| ControlError::UnknownProduct(product.to_owned()))?;
        let ticks = market.product.ticks(price).ok_or(ControlError::OffIncrement(price))?;
        let lots = market.product.lots(size).ok_or(ControlError::OffIncrement(size))?;
        let matches = market.participant(now_ns, side, ticks, lots, rest);
        let traded = market.product.size(matches.iter().map(|m| m.lots).sum());
        self.exchange.settle(now_ns, &matches);
        Ok(traded)
    }

    /// A trade with one resting order of the client; gives the base size traded.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn fill_order(&mut self, now_ns: u64, client_order_id: &str, size: Decimal) -> Result<Decimal, ControlError> {
        let order = self.exchange.earlier(client_order_id).and_then(|i| Some((i, self.exchange.orders.get(i)?)));
        let Some((index, order)) = order else { return Ok(Decimal::ZERO) };
        let (side, resting) = (order.asked.side, order.resting.clone());
        let Some(market) = self.exchange.markets.get_mut(order.asked.market) else { return Ok(Decimal::ZERO) };
        let mut left = market.product.lots(size).ok_or(ControlError::OffIncrement(size))?;
        let mut matches = Vec::new();
        for ticks in resting {
            if let Some(m) = market.trade_with(now_ns, side, ticks, index, left) {
                left -= m.lots;
                matches.push(m);
            }
        }
        let traded = market.product.size(matches.iter().map(|m| m.lots).sum());
        self.exchange.settle(now_ns, &matches);
        Ok(traded)
    }

    pub(super) fn clear_liquidity(&mut self, now_ns: u64, product: &str) -> Result<(), ControlError> {
        let index = self.index(product)?;
        if let Some(market) = self.exchange.markets.get_mut(index) {
            market.clear(now_ns);
        }
        Ok(())
    }

    pub(super) fn best(&self, product: &str) -> Result<(Option<Decimal>, Option<Decimal>), ControlError> {
        let index = self.index(product)?;
        let side = |side| {
            let market = self.exchange.markets.get(index)?;
            Some(market.product.price(market.book.front(side)?.ticks))
        };
        Ok((side(Side::Buy), side(Side::Sell)))
    }

    pub(super) fn set_trading(&mut self, product: &str, trading: Trading) -> Result<(), ControlError> {
        let index = self.index(product)?;
        if let Some(market) = self.exchange.markets.get_mut(index) {
            market.product.trading = trading;
        }
        Ok(())
    }

    pub(super) fn set_size_min(&mut self, product: &str, size: Decimal) -> Result<(), ControlError> {
        let index = self.index(product)?;
        if let Some(market) = self.exchange.markets.get_mut(index) {
            market.product.base_min_size = size;
        }
        Ok(())
    }

    /// Limit and size in force.
    pub(crate) fn order_terms(&self, client_order_id: &str) -> Option<(Decimal, Decimal)> {
        let order = self.exchange.orders.get(self.exchange.earlier(client_order_id)?)?;
        let product = &self.exchange.markets.get(order.asked.market)?.product;
        match order.now.size {
            Size::Base(lots) => Some((product.price(order.now.limit?), product.size(lots))),
            Size::Quote(_) => None,
        }
    }

    pub(crate) fn order_state(&self, client_order_id: &str) -> Option<(String, &'static str, Decimal)> {
        let order = self.exchange.orders.get(self.exchange.earlier(client_order_id)?)?;
        let market = self.exchange.markets.get(order.asked.market)?;
        Some((order.id.clone(), order.now.status.as_str(), market.product.size(order.now.lots)))
    }
}
