//! Executions: what an order does to trades and positions when it meets the market (OANDA reference 4, 5 and 7).
//!
//! An execution is planned first, with every check and no change, and then performed as a whole, with everything it
//! causes in the same batch: the fill, orders of closed trades cancelled, orders on fill created.
//!
//! Unconfirmed at the venue and chosen here: an order that may only reduce and finds nothing is cancelled with
//! `POSITION_CLOSEOUT_FAILED`, one that may only open against an opposite position of a netting account with
//! `FIFO_VIOLATION`, and what an IOC order leaves over with `TIME_IN_FORCE_EXPIRED` beside its fill.

use super::account::{Closed, Trade};
use super::exchange::Exchange;
use super::instrument::Guaranteed;
use super::log::{About, Batch};
use super::order::{Closing, Exit, Kind, Order, State, TimeInForce};
use super::text::{money, units};
use crate::sim::market::Side;
use crate::sim::Json;
use rust_decimal::{Decimal, RoundingStrategy};

/// What an execution wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    pub(crate) fill: u64,
    /// The rest's cancel, if not all was filled.
    pub(crate) cancel: Option<u64>,
}

/// A trade and the positive units of it that are closed.
type Part = (u64, Decimal);

/// What an execution will do.
#[derive(Debug)]
struct Plan {
    side: Side,
    /// Positive.
    filled: Decimal,
    /// Whether an IOC order leaves something over.
    partial: bool,
    closes: Vec<Part>,
    /// Signed.
    opens: Decimal,
    /// A guaranteed stop's price.
    guaranteed: Option<Decimal>,
}

impl Exchange {
    /// Executes a resting or just created order now.
    ///
    /// # Errors
    /// The reason why it cannot be, with nothing changed.
    pub(crate) fn execute(&mut self, batch: &mut Batch, id: u64) -> Result<Filled, &'static str> {
        let order = self.orders.get(&id).cloned().ok_or("INTERNAL_SERVER_ERROR")?;
        let plan = self.plan(&order)?;
        Ok(self.perform(batch, &order, &plan))
    }

    fn plan(&self, order: &Order) -> Result<Plan, &'static str> {
        let market = self.markets.get(order.market).ok_or("INTERNAL_SERVER_ERROR")?;
        if !market.tradeable {
            return Err("MARKET_HALTED");
        }
        let side = order.side();
        let (closable, may_open) = self.closable(order)?;
        let total: Decimal = closable.iter().map(|(_, units)| *units).sum();
        let wanted = if may_open { order.units.abs() } else { order.units.abs().min(total) };
        if wanted.is_zero() {
            return Err("POSITION_CLOSEOUT_FAILED");
        }
        let guaranteed = order.price.filter(|_| order.kind == Kind::GuaranteedStopLoss);
        let filled = match guaranteed {
            Some(_) => wanted,
            None => self.fillable(order, wanted)?,
        };
        let mut left = filled;
        let mut closes = Vec::new();
        for (trade, units) in closable {
            let closed = units.min(left);
            if !closed.is_zero() {
                closes.push((trade, closed));
                left -= closed;
            }
        }
        let opens = if side == Side::Buy { left } else { -left };
        let plan = Plan { side, filled, partial: filled < wanted, closes, opens, guaranteed };
        if !opens.is_zero() {
            self.may_open(order, &plan)?;
        }
        Ok(plan)
    }

    /// Trades it may close, in order, with their units; and whether it may open one.
    fn closable(&self, order: &Order) -> Result<(Vec<Part>, bool), &'static str> {
        let all = |long: bool| self.account.side(order.market, long).map(|t| (t.id, t.units.abs())).collect();
        let one = |id: u64| self.account.trades.get(&id).map(|t| (t.id, t.units.abs())).into_iter().collect();
        let opposite = order.side() == Side::Sell;
        match (&order.closing, order.trade) {
            (Some(Closing::Trade { trade, .. } | Closing::Margin { trade }), _) => return Ok((one(*trade), false)),
            (Some(Closing::Position { long, .. }), _) => return Ok((all(*long), false)),
            (None, Some(trade)) => return Ok((one(trade), false)),
            (None, None) => {}
        }
        let against = !self.account.units(order.market, opposite).is_zero();
        match order.position_fill {
            "REDUCE_ONLY" => Ok((all(opposite), false)),
            "OPEN_ONLY" if against && !self.account.hedging => Err("FIFO_VIOLATION"),
            "OPEN_ONLY" => Ok((Vec::new(), true)),
            "DEFAULT" if self.account.hedging => Ok((Vec::new(), true)),
            _ => Ok((all(opposite), true)),
        }
    }

    /// How much of what is wanted the market has for it: all, or a part for IOC.
    fn fillable(&self, order: &Order, wanted: Decimal) -> Result<Decimal, &'static str> {
        let market = self.markets.get(order.market).ok_or("INTERNAL_SERVER_ERROR")?;
        let bound = match order.kind {
            Kind::Limit | Kind::TakeProfit => order.price,
            _ => order.bound,
        };
        let available = market.available(order.side(), bound);
        if available >= wanted {
            return Ok(wanted);
        }
        let precision = market.instrument.trade_units_precision;
        let part = available.round_dp_with_strategy(precision, RoundingStrategy::ToZero);
        if order.time_in_force == TimeInForce::Ioc && part >= market.instrument.minimum_trade_size {
            return Ok(part);
        }
        let bounded = bound.is_some() && market.available(order.side(), None) >= wanted;
        Err(if bounded { "BOUNDS_VIOLATION" } else { "INSUFFICIENT_LIQUIDITY" })
    }

    fn may_open(&self, order: &Order, plan: &Plan) -> Result<(), &'static str> {
        let market = self.markets.get(order.market).ok_or("INTERNAL_SERVER_ERROR")?;
        let long = plan.opens.is_sign_positive();
        let same_side = self.account.units(order.market, long) + plan.opens;
        let most = market.instrument.maximum_position_size;
        if !most.is_zero() && same_side.abs() > most {
            return Err("POSITION_SIZE_EXCEEDED");
        }
        if let Some(id) = &order.trade_extensions.id {
            if self.account.open_trades().any(|t| t.extensions.id.as_ref() == Some(id)) {
                return Err("CLIENT_TRADE_ID_ALREADY_EXISTS");
            }
        }
        let price = market.price_of(plan.side, plan.filled);
        for exit in &order.on_fill {
            self.exit_would_lose(exit, order.market, long, price)?;
        }
        let conversion = self.conversion(order.market);
        let spread = market.best(Side::Buy) - market.best(Side::Sell);
        // Whoever trades at a better price than the market's has gained by it.
        let worse = if long { price - market.best(plan.side) } else { market.best(plan.side) - price };
        let paid = worse + spread;
        let nav = self.nav() - plan.opens.abs() * paid * conversion.loss;
        let closed: Decimal = plan.closes.iter().map(|(_, units)| *units).sum();
        let other_side = self.account.units(order.market, !long).abs() - closed;
        let exposed = same_side.abs().max(other_side);
        let before = self.margin(order.market, self.exposed(order.market));
        let used = self.margin_used() - before + self.margin(order.market, exposed);
        if used > nav {
            Err("INSUFFICIENT_MARGIN")
        } else {
            Ok(())
        }
    }

    /// Refuses a take profit or stop that the fill itself would trigger.
    fn exit_would_lose(&self, exit: &Exit, market: usize, long: bool, price: Decimal) -> Result<(), &'static str> {
        let Some(market) = self.markets.get(market) else { return Ok(()) };
        let closes_at = market.best(if long { Side::Sell } else { Side::Buy });
        let beyond = |at: Decimal, reference: Decimal| if long { at <= reference } else { at >= reference };
        match (exit.kind, exit.price) {
            (Kind::TakeProfit, Some(at)) if beyond(at, price) => Err("TAKE_PROFIT_ON_FILL_LOSS"),
            (Kind::StopLoss, Some(at)) if !beyond(at, closes_at) || at == closes_at => Err("STOP_LOSS_ON_FILL_LOSS"),
            (Kind::GuaranteedStopLoss, Some(at)) if !beyond(at, closes_at) || at == closes_at => {
                Err("GUARANTEED_STOP_LOSS_ON_FILL_LOSS")
            }
            (Kind::GuaranteedStopLoss, at) => {
                let distance = at.map(|at| (closes_at - at).abs()).or(exit.distance).unwrap_or_default();
                match market.instrument.guaranteed {
                    Guaranteed::Allowed { minimum_distance, .. } if distance < minimum_distance => {
                        Err("GUARANTEED_STOP_LOSS_ON_FILL_MINIMUM_DISTANCE_NOT_MET")
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn perform(&mut self, batch: &mut Batch, order: &Order, plan: &Plan) -> Filled {
        let (fill, now_ns) = (self.log.next(), batch.now_ns);
        let conversion = self.conversion(order.market);
        let mut full_price = String::new();
        let mut half_spread = Decimal::ZERO;
        let mut price = plan.guaranteed.unwrap_or_default();
        if let Some(market) = self.markets.get_mut(order.market) {
            full_price = Json::compact().object(|j| market.put_full_price(j));
            half_spread = (market.best(Side::Buy) - market.best(Side::Sell)) / Decimal::TWO;
            if plan.guaranteed.is_none() {
                price = market.take(plan.side, plan.filled);
            }
        }
        let close =
            |(trade, units): &(u64, Decimal)| self.account.close((fill, now_ns), *trade, *units, price, conversion);
        let closed: Vec<Closed> = plan.closes.iter().filter_map(close).collect();
        let fee = self.guaranteed_fee(order.market, plan);
        if !fee.is_zero() {
            self.account.charge(order.market, fee);
        }
        let initial_margin = self.margin(order.market, plan.opens);
        if !plan.opens.is_zero() {
            let labels = order.trade_extensions.clone();
            self.account.open((fill, now_ns), order.market, plan.opens, price, initial_margin, labels);
        }
        let cost = |units: Decimal| money(units.abs() * half_spread * conversion.mid);
        let facts = Facts { fill, order, plan, closed: &closed, price, fee, initial_margin, cost: &cost, full_price };
        self.write_fill(batch, &facts);
        self.after_fill(fill, now_ns, order.id, plan, &closed);
        for done in closed.iter().filter(|c| c.whole) {
            self.cancel_exits(batch, done.trade, fill, order.id);
        }
        if !plan.opens.is_zero() {
            for exit in &order.on_fill {
                self.create_exit(batch, exit, fill, Some(fill), "ON_FILL", None);
            }
        }
        let cancel = plan.partial.then(|| self.cancel(batch, order.id, "TIME_IN_FORCE_EXPIRED", &[]));
        Filled { fill, cancel }
    }

    fn guaranteed_fee(&self, market: usize, plan: &Plan) -> Decimal {
        let premium = match self.markets.get(market).map(|m| m.instrument.guaranteed) {
            Some(Guaranteed::Allowed { premium, .. }) if plan.guaranteed.is_some() => premium,
            _ => Decimal::ZERO,
        };
        (premium * plan.filled * self.conversion(market).loss).round_dp(super::text::MONEY_DECIMALS)
    }

    fn write_fill(&mut self, batch: &mut Batch, facts: &Facts<'_>) {
        let (order, plan) = (facts.order, facts.plan);
        let Some(market) = self.markets.get(order.market) else { return };
        let quote = self.conversion(order.market);
        let base = self.conversion_of(market.instrument.base());
        let (account, price) = (&self.account, market.price(facts.price));
        let signed = |size: Decimal| units(if plan.side == Side::Buy { size } else { -size });
        let about = About { client_order_id: order.extensions.id.clone() };
        let put_closed = |j: &mut Json, closed: &Closed| {
            j.str("tradeID", closed.trade);
            if let Some(client) = account.trades.get(&closed.trade).and_then(|t| t.extensions.id.as_ref()) {
                j.str("clientTradeID", client);
            }
            j.str("units", units(closed.units))
                .str("realizedPL", money(closed.pl))
                .str("financing", "0.0000")
                .str("baseFinancing", "0")
                .str("price", &price)
                .str("guaranteedExecutionFee", money(facts.fee))
                .str("quoteGuaranteedExecutionFee", "0")
                .str("halfSpreadCost", (facts.cost)(closed.units));
        };
        self.log.write(batch, "ORDER_FILL", about, |j| {
            j.str("orderID", order.id);
            if let Some(client) = &order.extensions.id {
                j.str("clientOrderID", client);
            }
            j.str("instrument", &market.instrument.name)
                .str("units", signed(plan.filled))
                .str("requestedUnits", units(order.units))
                .str("price", &price)
                .str("pl", money(facts.closed.iter().map(|c| c.pl).sum()))
                .str("quotePL", units(facts.closed.iter().map(|c| c.quote_pl).sum()))
                .str("financing", "0.0000")
                .str("baseFinancing", "0")
                .str("commission", "0.0000")
                .str("accountBalance", money(account.balance))
                .str("gainQuoteHomeConversionFactor", units(quote.gain))
                .str("lossQuoteHomeConversionFactor", units(quote.loss))
                .str("guaranteedExecutionFee", money(facts.fee))
                .str("quoteGuaranteedExecutionFee", "0")
                .str("halfSpreadCost", (facts.cost)(plan.filled))
                .str("fullVWAP", &price)
                .str("reason", order.fill_reason());
            if !plan.opens.is_zero() {
                j.obj("tradeOpened", |j| {
                    j.str("price", &price).str("tradeID", facts.fill).str("units", units(plan.opens));
                    if let Some(client) = &order.trade_extensions.id {
                        j.obj("clientExtensions", |j| {
                            j.str("id", client);
                        });
                    }
                    j.str("guaranteedExecutionFee", "0.0000")
                        .str("quoteGuaranteedExecutionFee", "0")
                        .str("halfSpreadCost", (facts.cost)(plan.opens))
                        .str("initialMarginRequired", money(facts.initial_margin));
                });
            }
            if facts.closed.iter().any(|c| c.whole) {
                j.arr("tradesClosed", |j| {
                    for closed in facts.closed.iter().filter(|c| c.whole) {
                        j.item(|j| put_closed(j, closed));
                    }
                });
            }
            if let Some(reduced) = facts.closed.iter().find(|c| !c.whole) {
                j.obj("tradeReduced", |j| put_closed(j, reduced));
            }
            j.raw("fullPrice", &facts.full_price).obj("homeConversionFactors", |j| {
                for (name, factor) in [
                    ("gainQuoteHome", quote.gain),
                    ("lossQuoteHome", quote.loss),
                    ("gainBaseHome", base.gain),
                    ("lossBaseHome", base.loss),
                ] {
                    j.obj(name, |j| {
                        j.str("factor", units(factor));
                    });
                }
            });
        });
    }

    fn after_fill(&mut self, fill: u64, now_ns: u64, order: u64, plan: &Plan, closed: &[Closed]) {
        self.pending.remove(&order);
        let Some(order) = self.orders.get_mut(&order) else { return };
        order.state = State::Filled;
        order.filled = Some((fill, now_ns));
        order.trade_opened = (!plan.opens.is_zero()).then_some(fill);
        order.trade_reduced = closed.iter().find(|c| !c.whole).map(|c| c.trade);
        order.trades_closed = closed.iter().filter(|c| c.whole).map(|c| c.trade).collect();
    }

    /// The orders of a trade that is no more end with it, but for the one that closed it.
    fn cancel_exits(&mut self, batch: &mut Batch, trade: u64, fill: u64, but: u64) {
        let exits = self.account.trades.get_mut(&trade).map(|t: &mut Trade| std::mem::take(&mut t.exits));
        for id in exits.unwrap_or_default().into_iter().filter(|id| *id != but) {
            let about = [("closedTradeID", trade), ("tradeCloseTransactionID", fill)];
            self.cancel(batch, id, "LINKED_TRADE_CLOSED", &about);
        }
    }
}

/// What a fill tells.
struct Facts<'a> {
    fill: u64,
    order: &'a Order,
    plan: &'a Plan,
    closed: &'a [Closed],
    price: Decimal,
    fee: Decimal,
    initial_margin: Decimal,
    cost: &'a dyn Fn(Decimal) -> String,
    full_price: String,
}
