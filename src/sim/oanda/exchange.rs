//! The exchange behind the interface: markets, account, orders and the log, and what requests do to them.
//!
//! Every change is written to the log in the batch of the event that made it, in the order the venue writes it. Knows
//! no HTTP and no streams.

use super::account::{Account, Trade};
use super::config::Config;
use super::hours::new_york_close;
use super::instrument::Guaranteed;
use super::log::{About, Batch, Log};
use super::market::Market;
use super::order::{Exit, Extensions, Kind, Order, State, TimeInForce};
use super::parse::Draft;
use crate::sim::market::Side;
use crate::sim::Rng;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The exchange.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) markets: Vec<Market>,
    pub(crate) account: Account,
    pub(crate) orders: BTreeMap<u64, Order>,
    pub(crate) pending: BTreeSet<u64>,
    pub(crate) log: Log,
    pub(crate) home: String,
    pub(crate) conversion_cost: Decimal,
    /// Reasons that end the next orders which could be created.
    pub(crate) forced_rejects: VecDeque<String>,
    /// Reasons that cancel the next entry orders right after their creation.
    pub(crate) forced_cancels: VecDeque<&'static str>,
    pub(crate) pending_max: usize,
}

/// What a create wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) create: u64,
    pub(crate) fill: Option<u64>,
    pub(crate) cancel: Option<u64>,
}

impl Exchange {
    pub(crate) fn new(config: &Config, now_ns: u64) -> Self {
        let mut seeds = Rng::new(config.seed);
        let market = |i: &super::Instrument| Market::new(i.clone(), seeds.next_u64(), now_ns);
        let mut exchange = Self {
            markets: config.instruments.iter().map(market).collect(),
            account: Account::new(config.balance, config.hedging, config.margin_rate),
            orders: BTreeMap::new(),
            pending: BTreeSet::new(),
            log: Log::new(config.identity.clone()),
            home: config.currency.clone(),
            conversion_cost: config.conversion_cost,
            forced_rejects: VecDeque::new(),
            forced_cancels: VecDeque::new(),
            pending_max: config.limits.pending_orders,
        };
        let convertible: Vec<bool> =
            exchange.markets.iter().map(|m| exchange.home_mid(m.instrument.quote()).is_some()).collect();
        let mut keep = convertible.into_iter();
        exchange.markets.retain(|_| keep.next().unwrap_or(false));
        exchange.write_beginning(config, now_ns);
        exchange
    }

    /// An account begins with its creation, its settings and its money.
    fn write_beginning(&mut self, config: &Config, now_ns: u64) {
        let mut batch = Batch::new(now_ns, None);
        self.log.write(&mut batch, "CREATE", About::default(), |j| {
            j.raw("divisionID", 1).raw("siteID", 101).raw("accountUserID", config.identity.user);
            j.raw("accountNumber", 1).str("homeCurrency", &config.currency);
        });
        let mut batch = Batch::new(now_ns, None);
        self.log.write(&mut batch, "CLIENT_CONFIGURE", About::default(), |j| {
            j.str("alias", "Primary").str("marginRate", super::text::units(config.margin_rate));
        });
        let mut batch = Batch::new(now_ns, None);
        self.log.write(&mut batch, "TRANSFER_FUNDS", About::default(), |j| {
            j.str("amount", super::text::money(config.balance))
                .str("fundingReason", "CLIENT_FUNDING")
                .str("accountBalance", super::text::money(config.balance));
        });
    }

    pub(crate) fn market_index(&self, name: &str) -> Option<usize> {
        self.markets.iter().position(|m| m.instrument.name == name)
    }

    /// A trade by id or `@` and client id; of client ids only open trades.
    pub(crate) fn trade(&self, specifier: &str) -> Option<&Trade> {
        match specifier.strip_prefix('@') {
            Some(client) => self.account.open_trades().find(|t| t.extensions.id.as_deref() == Some(client)),
            None => self.account.trades.get(&specifier.parse().ok()?),
        }
    }

    /// An order by id or `@` and client id; of client ids only pending orders (OANDA reference 4).
    pub(crate) fn order(&self, specifier: &str) -> Option<&Order> {
        match specifier.strip_prefix('@') {
            Some(client) => self.pending_client(client),
            None => self.orders.get(&specifier.parse().ok()?),
        }
    }

    fn pending_client(&self, client: &str) -> Option<&Order> {
        let orders = self.pending.iter().filter_map(|id| self.orders.get(id));
        orders.into_iter().find(|o| o.extensions.id.as_deref() == Some(client))
    }

    /// Why an order that can be read is not created, but for what its text alone shows.
    pub(crate) fn refusal(&mut self, order: &Order, replacing: Option<u64>) -> Option<String> {
        let taken = order.extensions.id.as_deref().and_then(|client| self.pending_client(client));
        if taken.is_some_and(|other| Some(other.id) != replacing) {
            return Some("CLIENT_ORDER_ID_ALREADY_EXISTS".to_owned());
        }
        if self.pending_max > 0 && self.pending.len() >= self.pending_max && order.kind != Kind::Market {
            return Some("PENDING_ORDERS_ALLOWED_EXCEEDED".to_owned());
        }
        let exits = order.trade.and_then(|id| self.account.trades.get(&id)).map(|t| &t.exits);
        let same = |id: &&u64| self.orders.get(id).is_some_and(|o| o.kind == order.kind) && Some(**id) != replacing;
        if !order.kind.is_entry() && exits.is_some_and(|exits| exits.iter().any(|id| same(&id))) {
            return Some(format!("{}_ALREADY_EXISTS", order.kind.order_name()));
        }
        if self.is_too_near(order) {
            return Some("GUARANTEED_STOP_LOSS_ORDER_MINIMUM_DISTANCE_NOT_MET".to_owned());
        }
        self.forced_rejects.pop_front()
    }

    /// Whether a guaranteed stop is nearer to the market than its instrument allows.
    fn is_too_near(&self, order: &Order) -> bool {
        let Some(market) = self.markets.get(order.market) else { return false };
        let Guaranteed::Allowed { minimum_distance, .. } = market.instrument.guaranteed else { return false };
        let from_market = |price: Decimal| (market.best(order.side()) - price).abs();
        let distance = order.distance.or(order.price.map(from_market));
        order.kind == Kind::GuaranteedStopLoss && distance.is_some_and(|d| d < minimum_distance)
    }

    /// Writes the refusal of an order.
    pub(crate) fn reject(&mut self, batch: &mut Batch, draft: &Draft, reason: &str) -> u64 {
        let order = &draft.order;
        let about = About { client_order_id: order.extensions.id.clone() };
        let Some(market) = self.markets.get(order.market) else { return 0 };
        self.log.write(batch, &format!("{}_REJECT", order.transaction_kind()), about, |j| {
            j.str("rejectReason", reason);
            order.put_transaction(j, market);
        })
    }

    /// Creates an order that nothing speaks against, and executes it if it can be now.
    pub(crate) fn place(&mut self, batch: &mut Batch, mut order: Order) -> Placed {
        let Some(market) = self.markets.get(order.market) else { return Placed::default() };
        order.id = self.log.next();
        order.created_ns = batch.now_ns;
        if order.time_in_force == TimeInForce::Gfd {
            order.gtd_ns = Some(new_york_close(batch.now_ns));
        }
        self.settle_exit_price(&mut order);
        let seen = reference(&order, market);
        order.from_below = order.price.is_some_and(|price| price > seen);
        let about = About { client_order_id: order.extensions.id.clone() };
        let kind = order.transaction_kind();
        let create = self.log.write(batch, &kind, about, |j| order.put_transaction(j, market));
        if let Some(trade) = order.trade.and_then(|id| self.account.trades.get_mut(&id)) {
            if !order.kind.is_entry() {
                trade.exits.insert(order.id);
            }
        }
        let (id, is_entry) = (order.id, order.kind.is_entry());
        self.pending.insert(id);
        self.orders.insert(id, order);
        let forced = if is_entry { self.forced_cancels.pop_front() } else { None };
        if let Some(reason) = forced {
            return Placed { create, fill: None, cancel: Some(self.cancel(batch, id, reason, &[])) };
        }
        let (fill, cancel) = self.try_now(batch, id);
        Placed { create, fill, cancel }
    }

    /// What happens to an order at its creation: immediate ones end, others fire if their price is there.
    fn try_now(&mut self, batch: &mut Batch, id: u64) -> (Option<u64>, Option<u64>) {
        let Some(order) = self.orders.get(&id) else { return (None, None) };
        let immediate = order.time_in_force.is_immediate();
        let fires = order.kind == Kind::Market
            || self.markets.get(order.market).is_some_and(|m| m.tradeable && is_triggered(order, m));
        if !fires {
            let cancel = immediate.then(|| self.cancel(batch, id, "TIME_IN_FORCE_EXPIRED", &[]));
            return (None, cancel);
        }
        match self.execute(batch, id) {
            Ok(filled) => (Some(filled.fill), filled.cancel),
            Err(reason) if immediate || ends_order(order_kind(self, id), reason) => {
                (None, Some(self.cancel(batch, id, reason, &[])))
            }
            Err(_) => (None, None),
        }
    }

    /// A stop given by distance gets its price from the market, a trailing stop its first stand.
    fn settle_exit_price(&self, order: &mut Order) {
        let Some(market) = self.markets.get(order.market) else { return };
        let Some(distance) = order.distance else { return };
        let closes_at = market.best(order.side());
        let at = if order.side() == Side::Sell { closes_at - distance } else { closes_at + distance };
        match order.kind {
            Kind::TrailingStopLoss => order.trailing = Some(at),
            Kind::StopLoss | Kind::GuaranteedStopLoss => order.price = Some(at),
            _ => {}
        }
    }

    /// Puts an order on a trade.
    pub(crate) fn create_exit(
        &mut self,
        batch: &mut Batch,
        exit: &Exit,
        trade: u64,
        fill: Option<u64>,
        reason: &'static str,
        replaces: Option<(u64, u64)>,
    ) -> Placed {
        let order = self.exit_order(exit, trade, fill, reason, replaces);
        order.map(|order| self.place(batch, order)).unwrap_or_default()
    }

    pub(crate) fn exit_order(
        &self,
        exit: &Exit,
        trade: u64,
        fill: Option<u64>,
        reason: &'static str,
        replaces: Option<(u64, u64)>,
    ) -> Option<Order> {
        let trade = self.account.trades.get(&trade)?;
        let mut order = Order::new(exit.kind, trade.market);
        order.trade = Some(trade.id);
        order.client_trade.clone_from(&trade.extensions.id);
        order.units = -trade.units;
        order.price = exit.price;
        order.distance = exit.distance;
        order.time_in_force = exit.time_in_force;
        order.gtd_ns = exit.gtd_ns;
        order.extensions = exit.extensions.clone();
        order.reason = reason;
        order.made_by_fill = fill;
        order.replaces = replaces.map(|(order, _)| order);
        order.cancelling = replaces.map(|(_, cancel)| cancel);
        Some(order)
    }

    /// Ends an order without, or after, a fill; gives the transaction.
    pub(crate) fn cancel(&mut self, batch: &mut Batch, id: u64, reason: &str, more: &[(&str, u64)]) -> u64 {
        self.pending.remove(&id);
        let transaction = self.log.next();
        let Some(order) = self.orders.get_mut(&id) else { return 0 };
        order.state = State::Cancelled;
        order.cancelled = Some((transaction, batch.now_ns));
        let exit_of = order.trade.and_then(|trade| self.account.trades.get_mut(&trade));
        if let Some(trade) = exit_of {
            trade.exits.remove(&id);
        }
        let client = order.extensions.id.clone();
        let about = About { client_order_id: client.clone() };
        self.log.write(batch, "ORDER_CANCEL", about, |j| {
            j.str("orderID", id);
            if let Some(client) = client {
                j.str("clientOrderID", client);
            }
            j.str("reason", reason);
            for (name, value) in more {
                j.str(name, value);
            }
        })
    }

    /// Ends the pending order of a client id, unasked; whether there was one.
    pub(crate) fn end_alone(&mut self, now_ns: u64, client_order_id: &str, reason: &str) -> bool {
        let ours = |id: &&u64| {
            self.orders.get(*id).is_some_and(|order| order.extensions.id.as_deref() == Some(client_order_id))
        };
        let Some(id) = self.pending.iter().find(ours).copied() else { return false };
        self.cancel(&mut Batch::new(now_ns, None), id, reason, &[]) > 0
    }

    /// Writes that an order asked to be cancelled or replaced is not there.
    pub(crate) fn reject_cancel(&mut self, batch: &mut Batch, specifier: &str) -> u64 {
        let client = specifier.strip_prefix('@').map(str::to_owned);
        let about = About { client_order_id: client.clone() };
        self.log.write(batch, "ORDER_CANCEL_REJECT", about, |j| {
            match &client {
                Some(client) => j.str("clientOrderID", client),
                None => j.str("orderID", specifier),
            }
            .str("rejectReason", "ORDER_DOESNT_EXIST");
        })
    }

    /// Cancels an order and creates another in its place, in one batch; gives the cancel and what the create wrote.
    pub(crate) fn replace(&mut self, batch: &mut Batch, old: u64, mut order: Order) -> (u64, Placed) {
        if let Some(before) = self.orders.get(&old) {
            // The old order's labels carry over where the new one has none (OANDA reference 4).
            let mut labels = before.extensions.clone();
            labels.merge(&order.extensions);
            order.extensions = labels;
        }
        let replacement = self.log.next() + 1;
        let cancel = self.cancel(batch, old, "CLIENT_REQUEST_REPLACED", &[("replacedByOrderID", replacement)]);
        if let Some(before) = self.orders.get_mut(&old) {
            before.replaced_by = Some(replacement);
        }
        order.reason = "REPLACEMENT";
        order.replaces = Some(old);
        order.cancelling = Some(cancel);
        (cancel, self.place(batch, order))
    }

    /// New labels of an order and of the trade it will open.
    pub(crate) fn relabel_order(&mut self, batch: &mut Batch, id: u64, order: &Extensions, trade: &Extensions) -> u64 {
        let Some(found) = self.orders.get_mut(&id) else { return 0 };
        found.extensions.merge(order);
        found.trade_extensions.merge(trade);
        let client = found.extensions.id.clone();
        let about = About { client_order_id: client.clone() };
        self.log.write(batch, "ORDER_CLIENT_EXTENSIONS_MODIFY", about, |j| {
            j.str("orderID", id);
            if let Some(client) = client {
                j.str("clientOrderID", client);
            }
            order.put(j, "clientExtensionsModify");
            trade.put(j, "tradeClientExtensionsModify");
        })
    }

    /// New labels of a trade.
    pub(crate) fn relabel_trade(&mut self, batch: &mut Batch, id: u64, labels: &Extensions) -> u64 {
        let Some(trade) = self.account.trades.get_mut(&id) else { return 0 };
        trade.extensions.merge(labels);
        let client = trade.extensions.id.clone();
        self.log.write(batch, "TRADE_CLIENT_EXTENSIONS_MODIFY", About::default(), |j| {
            j.str("tradeID", id);
            if let Some(client) = client {
                j.str("clientTradeID", client);
            }
            labels.put(j, "tradeClientExtensionsModify");
        })
    }
}

fn order_kind(exchange: &Exchange, id: u64) -> Kind {
    exchange.orders.get(&id).map_or(Kind::Market, |o| o.kind)
}

/// Whether an order that fired and could not be filled for this reason is done for; others rest and try again.
pub(crate) fn ends_order(kind: Kind, reason: &str) -> bool {
    let waits = matches!(reason, "MARKET_HALTED" | "INSUFFICIENT_LIQUIDITY" | "BOUNDS_VIOLATION");
    match kind {
        Kind::Market => true,
        Kind::Stop | Kind::MarketIfTouched => reason != "MARKET_HALTED",
        _ => !waits,
    }
}

/// The price an order looks at: by default the one it would be filled at (OANDA reference 4).
pub(crate) fn reference(order: &Order, market: &Market) -> Decimal {
    let side = order.side();
    let other = if side == Side::Buy { Side::Sell } else { Side::Buy };
    match order.trigger {
        "INVERSE" => market.best(other),
        "BID" => market.best(Side::Sell),
        "ASK" => market.best(Side::Buy),
        "MID" => market.mid(),
        _ => market.best(side),
    }
}

/// Whether the market is where an order waits for it.
pub(crate) fn is_triggered(order: &Order, market: &Market) -> bool {
    let seen = reference(order, market);
    let Some(price) = order.trailing.or(order.price) else { return order.kind == Kind::Market };
    let buys = order.side() == Side::Buy;
    let rises_to = match order.kind {
        Kind::Market => return true,
        Kind::Limit | Kind::TakeProfit => !buys,
        Kind::Stop | Kind::StopLoss | Kind::GuaranteedStopLoss | Kind::TrailingStopLoss => buys,
        Kind::MarketIfTouched => order.from_below,
    };
    if rises_to {
        seen >= price
    } else {
        seen <= price
    }
}
