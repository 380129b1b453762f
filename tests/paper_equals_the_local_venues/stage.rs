//! A venue's market, and a gateway that trades in it, live or on paper.

use super::common::{self, decimal, is_for_want_of_a_path, is_for_want_of_a_permit, PATIENCE};
use super::feed::{held, Levels};
use exchange_connectors::book::{Follower, FollowerState};
use exchange_connectors::gateway::{Channels, Gateway, GatewayBuilder, PaperConfig, Strategy};
use exchange_connectors::record::{
    CommandKind, ConnectionRole, ConnectionState, ExecutionKind as K, ExecutionRecord, Fixed, Instrument, OrderCommand,
    OrderRef, RejectClass, RequestId, Side, State, TradingStatus, Venue, View, EXECUTION_FLAG_RECONCILED,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub const LOOK: Duration = Duration::from_millis(2);

/// A venue's market, moved by hand.
pub trait Market {
    /// What is listened to.
    const CHANNELS: Channels;
    /// Whether this is its book now.
    fn shows(&self, held: &Levels) -> bool;
}

/// A market and a gateway that trades in it, live or on paper.
pub struct Stage<M: ?Sized> {
    pub venue: Venue,
    pub market: Box<M>,
    pub gateway: Gateway,
    pub strategy: Strategy,
    pub instrument: Arc<Instrument>,
    pub book: Follower,
    pub executions: Vec<ExecutionRecord>,
    /// What was bought less what was sold, of all scripts.
    pub net: i64,
    /// What is held, as the position records say.
    pub held: i64,
    /// Every position told, of all scripts: side, units, net, average price, profit realised.
    pub positions: Vec<(Side, i64, i64, i64, i128)>,
    /// Balances and margins told, of all scripts.
    pub money: Vec<ExecutionRecord>,
    pub status: TradingStatus,
    /// Which order of the script each request concerns.
    requests: Vec<(RequestId, usize)>,
    orders: usize,
    user: bool,
    order_entry: bool,
    /// The millisecond in which the market was last seen to have moved.
    moved_ms: u128,
    _roots: common::RootFile,
}

/// What is told of one order: kind, side, quantity, price, reject class.
pub type Told = Vec<(K, Side, String, String, RejectClass)>;

impl<M: Market + ?Sized> Stage<M> {
    pub fn start(
        venue: Venue,
        symbol: &str,
        market: Box<M>,
        builder: GatewayBuilder,
        roots: common::RootFile,
        on_paper: Option<&[(&str, &str)]>,
    ) -> Stage<M> {
        common::logs();
        let builder =
            builder.without_limits().without_state().reconcile(common::fast_rules()).root_certificates(&roots.path);
        let builder = match on_paper {
            Some(balances) => {
                let empty = PaperConfig::new(venue);
                let with = |config: PaperConfig, (asset, amount): &(&str, &str)| config.balance(asset, decimal(amount));
                builder.paper(balances.iter().try_fold(empty, with).unwrap())
            }
            None => builder,
        };
        let gateway = builder.start().unwrap();
        let strategy = gateway.strategy().unwrap();
        let instrument = gateway.subscribe(strategy.id(), venue, symbol, M::CHANNELS).unwrap();
        let book = Follower::new(instrument.id, 60_000);
        let mut stage = Stage {
            venue,
            market,
            gateway,
            strategy,
            instrument,
            book,
            executions: vec![],
            net: 0,
            held: 0,
            positions: vec![],
            money: vec![],
            status: TradingStatus::Unknown,
            requests: vec![],
            orders: 0,
            user: false,
            order_entry: false,
            moved_ms: 0,
            _roots: roots,
        };
        stage.until("order entry", |stage| (stage.user && stage.order_entry).then_some(()));
        stage
    }

    pub fn look(&mut self) {
        while let Some(record) = self.strategy.market.pop() {
            self.book.apply(&record);
            match record.view() {
                View::State(State { role: ConnectionRole::User, state, .. }) => {
                    self.user = state == ConnectionState::Healthy;
                }
                View::State(State { role: ConnectionRole::Orders, open, wanted, .. }) => {
                    self.order_entry = open == wanted;
                }
                View::Status(now) => self.status = now.status,
                _ => {}
            }
        }
        while let Some(record) = self.strategy.executions.pop() {
            match record.kind {
                K::Fill if record.side == Side::Buy => self.net += record.last_quantity,
                K::Fill => self.net -= record.last_quantity,
                K::Position if !record.has(EXECUTION_FLAG_RECONCILED) => {
                    let ExecutionRecord { side, last_quantity, cumulative_quantity, last_price, value, .. } = record;
                    self.held = cumulative_quantity;
                    self.positions.push((side, last_quantity, cumulative_quantity, last_price, value));
                }
                K::Balance | K::Margin => self.money.push(record),
                _ => {}
            }
            self.executions.push(record);
        }
    }

    #[track_caller]
    pub fn until<T>(&mut self, what: &str, mut seen: impl FnMut(&mut Stage<M>) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.look();
            if let Some(found) = seen(self) {
                return found;
            }
            assert!(Instant::now() < deadline, "{what} did not come; executions: {:#?}", self.executions);
            self.strategy.wait(LOOK);
        }
    }

    /// The market has moved, and the gateway knows.
    #[track_caller]
    pub fn seen(&mut self) {
        self.until("the venue's book", |stage| {
            let equal = stage.book.state() == FollowerState::Whole && stage.market.shows(&held(&stage.book));
            equal.then_some(())
        });
        self.moved_ms = unix_ms();
    }

    /// The millisecond of the last move is over: venues time in whole ones, and paper takes no trade for an order that may
    /// have joined after it.
    pub fn next_ms(&mut self) {
        while unix_ms() == self.moved_ms {
            self.strategy.wait(LOOK);
        }
    }

    pub fn price(&self, price: &str) -> i64 {
        Fixed::parse(price).unwrap().rescale(self.instrument.price_exponent).unwrap()
    }

    pub fn size(&self, size: &str) -> i64 {
        Fixed::parse(size).unwrap().rescale(self.instrument.size_exponent).unwrap()
    }

    pub fn limit(&self, side: Side, price: &str, size: &str) -> OrderCommand {
        OrderCommand::limit(self.instrument.id, side, self.price(price), self.size(size))
    }

    /// Submits, again if it was refused here for want of a connection, token or permit, and waits for the first word.
    #[track_caller]
    pub fn submit(&mut self, command: OrderCommand, order: usize) -> RequestId {
        let deadline = Instant::now() + PATIENCE;
        let target = command.target().and_then(|target| match target {
            OrderRef::Request(request) => Some(request),
            _ => None,
        });
        // The end of an order that was over before is no word about this command.
        let over = |r: &ExecutionRecord| Some(r.request) == target && r.kind.is_terminal();
        // Nor is the end of one that another takes the place of: that has records of its own.
        let swaps = self.venue == Venue::BinanceUs && command.kind() == CommandKind::Replace;
        let target = target.filter(|_| !swaps && !self.executions.iter().any(over));
        loop {
            let request = self.strategy.orders.submit(command).unwrap();
            let first = self.until("the first word", |stage| {
                let of = |r: &&ExecutionRecord| r.request == request;
                let ended = |r: &&ExecutionRecord| Some(r.request) == target && r.kind.is_terminal();
                stage.executions.iter().find(|r| of(r) || ended(r)).copied()
            });
            let later = is_for_want_of_a_path(&first) || is_for_want_of_a_permit(&first);
            let again = first.request == request && later;
            if !again || Instant::now() > deadline {
                self.requests.push((request, order));
                return request;
            }
            self.strategy.wait(LOOK);
        }
    }

    #[track_caller]
    pub fn place(&mut self, command: OrderCommand) -> RequestId {
        self.orders += 1;
        self.submit(command, self.orders)
    }

    #[track_caller]
    pub fn cancel(&mut self, order: RequestId) {
        let of = self.order_of(order);
        self.submit(OrderCommand::cancel(self.instrument.id, OrderRef::Request(order)), of);
    }

    /// Gives the request under which the order goes on where a change makes a new one.
    #[track_caller]
    pub fn replace(&mut self, order: RequestId, price: &str, size: &str) -> RequestId {
        let of = self.order_of(order);
        let (price, size) = (self.price(price), self.size(size));
        let request = self.submit(OrderCommand::replace(self.instrument.id, OrderRef::Request(order), price, size), of);
        if self.venue == Venue::BinanceUs {
            request
        } else {
            order
        }
    }

    pub fn order_of(&self, request: RequestId) -> usize {
        self.requests.iter().find(|(of, _)| *of == request).unwrap().1
    }

    /// Waits until so much of an order is filled.
    #[track_caller]
    pub fn filled(&mut self, order: RequestId, size: &str) {
        let wanted = self.size(size);
        self.until("a fill", |stage| {
            let of = |r: &&ExecutionRecord| r.request == order && r.kind == K::Fill;
            let filled: i64 = stage.executions.iter().filter(of).map(|r| r.last_quantity).sum();
            (filled >= wanted).then_some(())
        });
    }

    #[track_caller]
    pub fn over(&mut self, order: RequestId) {
        self.until("the end", |stage| {
            stage.executions.iter().any(|r| r.request == order && r.kind.is_terminal()).then_some(())
        });
    }

    /// Everything of ours is cancelled.
    pub fn cancel_all(&mut self) {
        for (request, _) in std::mem::take(&mut self.requests) {
            let lives = self.executions.iter().any(|r| r.request == request && r.kind == K::Accepted)
                && !self.executions.iter().any(|r| r.request == request && r.kind.is_terminal());
            if lives {
                self.strategy
                    .orders
                    .submit(OrderCommand::cancel(self.instrument.id, OrderRef::Request(request)))
                    .unwrap();
                self.over(request);
            }
        }
        (self.orders, self.executions) = (0, vec![]);
    }

    /// What each order of the script was told, fills of one price in a row as one: a venue's trades are with single resting
    /// orders, paper's with levels.
    pub fn told(&self) -> BTreeMap<usize, Told> {
        let mut told = BTreeMap::<usize, Told>::new();
        let mut total = BTreeMap::<usize, (String, i64)>::new();
        for record in &self.executions {
            let request = self.requests.iter().find(|(request, _)| *request == record.request);
            let Some((_, order)) = request.filter(|_| record.kind != K::FillDetail) else { continue };
            let list = told.entry(*order).or_default();
            let (price, mut quantity) = match record.kind {
                K::Fill => (record.price().to_string(), record.last_quantity),
                K::Replaced => (record.price().to_string(), record.last_quantity),
                _ => (String::new(), record.cumulative_quantity),
            };
            if record.kind == K::Fill {
                let before = total.entry(*order).or_default();
                if list.last().is_some_and(|last| last.0 == K::Fill) && before.0 == price {
                    quantity += before.1;
                    list.pop();
                }
                *before = (price.clone(), quantity);
            }
            let quantity = Fixed::new(quantity, record.size_exponent).to_string();
            // A refusal of ours has no order, and so no side of one.
            list.push((record.kind, record.side, quantity, price, record.reject));
        }
        told
    }
}

fn unix_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}
