//! The same commands in the same market, once at a local venue and once on paper over its market data: every order is told
//! the same things in the same order, and the accounts hold the same in the end.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/binance_us.rs"]
mod binance_us;
mod common;
#[path = "common/feed.rs"]
mod feed;

use common::{decimal, PATIENCE};
use exchange_connectors::book::{Follower, FollowerState};
use exchange_connectors::gateway::{
    BinanceUsConfig, Channels, CoinbaseConfig, Gateway, GatewayBuilder, PaperConfig, Strategy,
};
use exchange_connectors::record::{
    ConnectionRole, ConnectionState, ExecutionKind as K, ExecutionRecord, Fixed, Instrument, OrderCommand, OrderRef,
    RejectClass, RequestId, Side, State, TimeInForce, Venue, View,
};
use exchange_connectors::sim::binance_us::LocalBinanceUs;
use exchange_connectors::sim::coinbase::{LocalVenue, Side as SimSide};
use feed::{held, Levels};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use Side::{Buy, Sell};

const LOOK: Duration = Duration::from_millis(2);
/// What both accounts begin with at both venues (the local venues' own defaults).
const BALANCES: [(&str, &str); 2] = [("USD", "1000000"), ("BTC", "10")];

/// A venue's market, moved by hand.
trait Market {
    fn add(&self, side: SimSide, price: &str, size: &str);
    fn take(&self, side: SimSide, price: &str, size: &str);
    fn clear(&self);
    fn levels(&self) -> Levels;
    /// Free and held.
    fn balance(&self, asset: &str) -> (Decimal, Decimal);
}

impl Market for LocalVenue {
    fn add(&self, side: SimSide, price: &str, size: &str) {
        self.add_liquidity("BTC-USD", side, decimal(price), decimal(size)).unwrap();
    }
    fn take(&self, side: SimSide, price: &str, size: &str) {
        self.trade_against("BTC-USD", side, decimal(price), decimal(size)).unwrap();
    }
    fn clear(&self) {
        self.clear_liquidity("BTC-USD").unwrap();
    }
    fn levels(&self) -> Levels {
        feed::venue_book(self, "BTC-USD")
    }
    fn balance(&self, asset: &str) -> (Decimal, Decimal) {
        let balance = self.balance(asset).unwrap().unwrap();
        (balance.available, balance.hold)
    }
}

impl Market for LocalBinanceUs {
    fn add(&self, side: SimSide, price: &str, size: &str) {
        self.add_liquidity("BTCUSD", side, decimal(price), decimal(size)).unwrap();
    }
    fn take(&self, side: SimSide, price: &str, size: &str) {
        self.trade_against("BTCUSD", side, decimal(price), decimal(size)).unwrap();
    }
    fn clear(&self) {
        self.clear_liquidity("BTCUSD").unwrap();
    }
    fn levels(&self) -> Levels {
        binance_us::venue_book(self, "BTCUSD")
    }
    fn balance(&self, asset: &str) -> (Decimal, Decimal) {
        let balance = self.balance(asset).unwrap().unwrap();
        (balance.free, balance.locked)
    }
}

/// A market and a gateway that trades in it, live or on paper.
struct Stage {
    venue: Venue,
    market: Box<dyn Market>,
    gateway: Gateway,
    strategy: Strategy,
    btc: Arc<Instrument>,
    book: Follower,
    executions: Vec<ExecutionRecord>,
    /// Which order of the script each request concerns.
    requests: Vec<(RequestId, usize)>,
    orders: usize,
    user: bool,
    order_entry: bool,
    _roots: common::RootFile,
}

/// What is told of one order: kind, side, quantity, price, reject class.
type Told = Vec<(K, Side, String, String, RejectClass)>;

impl Stage {
    fn coinbase(on_paper: bool) -> Stage {
        let venue = LocalVenue::start(common::quiet_venue()).unwrap();
        let config = CoinbaseConfig::default().endpoints(common::endpoints(&venue)).requests_per_second(200);
        let config = match on_paper {
            true => config,
            false => config.credentials(venue.credentials().name(), venue.credentials().secret()).unwrap(),
        };
        let roots = common::RootFile::write(venue.ca_pem());
        let builder = GatewayBuilder::default().without_state().coinbase(config);
        Stage::start(Venue::Coinbase, "BTC-USD", Box::new(venue), builder, roots, on_paper)
    }

    fn binance_us(on_paper: bool) -> Stage {
        let venue = LocalBinanceUs::start(exchange_connectors::sim::binance_us::Config::quiet()).unwrap();
        let config = BinanceUsConfig::default().endpoints(binance_us::endpoints(&venue));
        let config = match on_paper {
            true => config,
            false => config.credentials(venue.key().key(), venue.key().secret()).unwrap(),
        };
        let roots = common::RootFile::write(venue.ca_pem());
        let builder = GatewayBuilder::default().without_state().binance_us(config);
        Stage::start(Venue::BinanceUs, "BTCUSD", Box::new(venue), builder, roots, on_paper)
    }

    fn start(
        venue: Venue,
        symbol: &str,
        market: Box<dyn Market>,
        builder: GatewayBuilder,
        roots: common::RootFile,
        on_paper: bool,
    ) -> Stage {
        common::logs();
        let builder = builder.without_limits().reconcile(common::fast_rules()).root_certificates(&roots.path);
        let builder = match on_paper {
            true => {
                let empty = PaperConfig::new(venue).unwrap();
                let with = |config: PaperConfig, (asset, amount): &(&str, &str)| config.balance(asset, decimal(amount));
                builder.paper(BALANCES.iter().try_fold(empty, with).unwrap())
            }
            false => builder,
        };
        let gateway = builder.start().unwrap();
        let strategy = gateway.strategy().unwrap();
        let btc = gateway.subscribe(strategy.id(), venue, symbol, Channels::BOOK).unwrap();
        let book = Follower::new(btc.id, 60_000);
        let mut stage = Stage {
            venue,
            market,
            gateway,
            strategy,
            btc,
            book,
            executions: vec![],
            requests: vec![],
            orders: 0,
            user: false,
            order_entry: false,
            _roots: roots,
        };
        stage.until("order entry", |stage| (stage.user && stage.order_entry).then_some(()));
        stage
    }

    fn look(&mut self) {
        while let Some(record) = self.strategy.market.pop() {
            self.book.apply(&record);
            if let View::State(State { role, state, .. }) = record.view() {
                match role {
                    ConnectionRole::User => self.user = state == ConnectionState::Healthy,
                    ConnectionRole::Orders => self.order_entry |= state == ConnectionState::Healthy,
                    _ => {}
                }
            }
        }
        while let Some(record) = self.strategy.executions.pop() {
            self.executions.push(record);
        }
    }

    #[track_caller]
    fn until<T>(&mut self, what: &str, mut seen: impl FnMut(&mut Stage) -> Option<T>) -> T {
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
    fn seen(&mut self) {
        self.until("the venue's book", |stage| {
            let equal = stage.book.state() == FollowerState::Whole && held(&stage.book) == stage.market.levels();
            equal.then_some(())
        });
    }

    /// Another participant's order: takes what it crosses, and rests.
    #[track_caller]
    fn add(&mut self, side: SimSide, price: &str, size: &str) {
        self.market.add(side, price, size);
        self.seen();
    }

    /// Another participant takes, and does not rest.
    #[track_caller]
    fn take(&mut self, side: SimSide, price: &str, size: &str) {
        self.market.take(side, price, size);
        self.seen();
    }

    fn price(&self, price: &str) -> i64 {
        Fixed::parse(price).unwrap().rescale(self.btc.price_exponent).unwrap()
    }

    fn size(&self, size: &str) -> i64 {
        Fixed::parse(size).unwrap().rescale(self.btc.size_exponent).unwrap()
    }

    fn limit(&self, side: Side, price: &str, size: &str) -> OrderCommand {
        OrderCommand::limit(self.btc.id, side, self.price(price), self.size(size))
    }

    /// Submits, again if it was refused here for want of a connection, token or permit, and waits for the first word.
    #[track_caller]
    fn submit(&mut self, command: OrderCommand, order: usize) -> RequestId {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let request = self.strategy.orders.submit(command).unwrap();
            let target = command.target().and_then(|target| match target {
                OrderRef::Request(request) => Some(request),
                _ => None,
            });
            let first = self.until("the first word", |stage| {
                let of = |r: &&ExecutionRecord| r.request == request;
                let ended = |r: &&ExecutionRecord| Some(r.request) == target && r.kind.is_terminal();
                stage.executions.iter().find(|r| of(r) || ended(r)).copied()
            });
            let for_want =
                [RejectClass::Busy, RejectClass::NotConnected, RejectClass::RateLimited].contains(&first.reject);
            if !(for_want && first.request == request && Instant::now() < deadline) {
                self.requests.push((request, order));
                return request;
            }
            self.strategy.wait(LOOK);
        }
    }

    #[track_caller]
    fn place(&mut self, command: OrderCommand) -> RequestId {
        self.orders += 1;
        self.submit(command, self.orders)
    }

    #[track_caller]
    fn cancel(&mut self, order: RequestId) {
        let of = self.order_of(order);
        self.submit(OrderCommand::cancel(self.btc.id, OrderRef::Request(order)), of);
    }

    /// Gives the request under which the order goes on where a change makes a new one.
    #[track_caller]
    fn replace(&mut self, order: RequestId, price: &str, size: &str) -> RequestId {
        let of = self.order_of(order);
        let (price, size) = (self.price(price), self.size(size));
        let request = self.submit(OrderCommand::replace(self.btc.id, OrderRef::Request(order), price, size), of);
        if self.venue == Venue::BinanceUs {
            request
        } else {
            order
        }
    }

    fn order_of(&self, request: RequestId) -> usize {
        self.requests.iter().find(|(of, _)| *of == request).unwrap().1
    }

    /// Waits until so much of an order is filled.
    #[track_caller]
    fn filled(&mut self, order: RequestId, size: &str) {
        let wanted = self.size(size);
        self.until("a fill", |stage| {
            let of = |r: &&ExecutionRecord| r.request == order && r.kind == K::Fill;
            let filled: i64 = stage.executions.iter().filter(of).map(|r| r.last_quantity).sum();
            (filled >= wanted).then_some(())
        });
    }

    #[track_caller]
    fn over(&mut self, order: RequestId) {
        self.until("the end", |stage| {
            stage.executions.iter().any(|r| r.request == order && r.kind.is_terminal()).then_some(())
        });
    }

    /// Everything of ours is cancelled, everybody else's is replaced by two levels a side.
    fn reset(&mut self) {
        for (request, _) in std::mem::take(&mut self.requests) {
            let lives = self.executions.iter().any(|r| r.request == request && r.kind == K::Accepted)
                && !self.executions.iter().any(|r| r.request == request && r.kind.is_terminal());
            if lives {
                self.strategy.orders.submit(OrderCommand::cancel(self.btc.id, OrderRef::Request(request))).unwrap();
                self.over(request);
            }
        }
        (self.orders, self.executions) = (0, vec![]);
        self.market.clear();
        // Seen empty: a level that shows the same again is, on paper, the one our orders took from.
        self.seen();
        for (side, price, size) in [
            (SimSide::Buy, "83000", "0.5"),
            (SimSide::Buy, "82999", "1"),
            (SimSide::Sell, "83001", "0.5"),
            (SimSide::Sell, "83002", "1"),
        ] {
            self.market.add(side, price, size);
        }
        self.seen();
    }

    /// What each order of the script was told, fills of one price in a row as one: a venue's trades are with single resting
    /// orders, paper's with levels.
    fn told(&self) -> BTreeMap<usize, Told> {
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

type Script = fn(&mut Stage);

/// Each script leaves no question open that only time answers: it waits for every fill and end that is to come.
const SCRIPTS: &[(&str, Script)] = &[
    ("an order rests and is cancelled", |s| {
        let bid = s.place(s.limit(Buy, "82000", "0.1"));
        s.cancel(bid);
        s.over(bid);
        s.cancel(bid);
    }),
    ("an order crosses and is filled at once", |s| {
        let bid = s.place(s.limit(Buy, "83001", "0.3"));
        s.over(bid);
        let ask = s.place(s.limit(Sell, "83000", "0.5"));
        s.over(ask);
    }),
    ("an order crosses two levels and rests with what is left", |s| {
        let bid = s.place(s.limit(Buy, "83002", "2"));
        s.filled(bid, "1.5");
        s.add(SimSide::Sell, "83001", "0.2");
        s.filled(bid, "1.7");
        s.cancel(bid);
        s.over(bid);
    }),
    ("an order waits for its turn in the queue", |s| {
        let bid = s.place(s.limit(Buy, "83000", "0.3"));
        s.take(SimSide::Sell, "83000", "0.3");
        s.add(SimSide::Sell, "83000", "0.4");
        s.filled(bid, "0.2");
        s.cancel(bid);
        s.over(bid);
    }),
    ("an order behind one that leaves moves up", |s| {
        let ask = s.place(s.limit(Sell, "83003", "0.3"));
        s.add(SimSide::Sell, "83003", "1");
        s.take(SimSide::Buy, "83002", "1.5");
        s.add(SimSide::Buy, "83003", "0.1");
        s.filled(ask, "0.1");
        s.cancel(ask);
        s.over(ask);
    }),
    ("a trade at a worse price passes an order and fills it", |s| {
        let bid = s.place(s.limit(Buy, "83000", "0.3"));
        s.take(SimSide::Sell, "82999", "1.2");
        s.over(bid);
        let ask = s.place(s.limit(Sell, "83001", "0.2"));
        s.take(SimSide::Buy, "83002", "1.4");
        s.over(ask);
    }),
    ("two orders of ours at two prices are met the better one first", |s| {
        let low = s.place(s.limit(Buy, "82999", "0.2"));
        let high = s.place(s.limit(Buy, "83000", "0.2"));
        s.add(SimSide::Sell, "83000", "0.6");
        s.filled(high, "0.1");
        s.cancel(low);
        s.over(low);
        s.cancel(high);
        s.over(high);
    }),
    ("post-only rests or is refused", |s| {
        s.place(s.limit(Buy, "83001", "0.1").post_only());
        s.place(s.limit(Sell, "83000", "0.1").post_only());
        let bid = s.place(s.limit(Buy, "83000", "0.1").post_only());
        s.cancel(bid);
        s.over(bid);
    }),
    ("immediate or cancel takes what is there", |s| {
        for (side, price, size) in [(Buy, "83002", "2"), (Sell, "82998", "0.7"), (Buy, "83000", "0.1")] {
            let order = s.place(s.limit(side, price, size).time_in_force(TimeInForce::ImmediateOrCancel));
            s.over(order);
        }
    }),
    ("fill or kill is filled or killed", |s| {
        for (side, price, size) in [(Buy, "83001", "0.6"), (Buy, "83001", "0.5"), (Sell, "82999", "1.6")] {
            let order = s.place(s.limit(side, price, size).time_in_force(TimeInForce::FillOrKill));
            s.over(order);
        }
    }),
    ("market orders by base and by quote", |s| {
        let quote = |s: &Stage, amount: &str| Fixed::parse(amount).unwrap().rescale(s.btc.quote_exponent).unwrap();
        for command in [
            OrderCommand::market(s.btc.id, Buy, s.size("0.7")),
            OrderCommand::market(s.btc.id, Sell, s.size("1.2")),
            OrderCommand::market_quote(s.btc.id, Buy, quote(s, "10000")),
            OrderCommand::market_quote(s.btc.id, Buy, quote(s, "500000")),
        ] {
            let order = s.place(command);
            s.over(order);
        }
    }),
    ("more than the account holds is refused", |s| {
        s.place(s.limit(Buy, "82000", "30"));
        s.place(s.limit(Sell, "84000", "30"));
        // Together more than there is: the second is refused while the first holds its money.
        let first = s.place(s.limit(Buy, "82000", "10"));
        s.place(s.limit(Buy, "82000", "10"));
        s.cancel(first);
        s.over(first);
    }),
    ("figures off the increments are refused", |s| {
        let (tick, lot) = (s.btc.tick_mantissa(), s.btc.lot_mantissa());
        s.place(OrderCommand::limit(s.btc.id, Buy, s.price("82000") + tick / 2, s.size("0.1")));
        s.place(OrderCommand::limit(s.btc.id, Buy, s.price("82000"), s.size("0.1") + (lot - 1).max(0)));
        let cent = Fixed::parse("0.01").unwrap().rescale(s.btc.quote_exponent).unwrap();
        s.place(OrderCommand::market_quote(s.btc.id, Buy, cent));
    }),
    ("an order is changed", |s| {
        let bid = s.place(s.limit(Buy, "82000", "0.1"));
        let bid = s.replace(bid, "82500", "0.2");
        let bid = s.replace(bid, "82500", "0.15");
        s.add(SimSide::Sell, "82500", "1.6");
        s.filled(bid, "0.1");
        s.cancel(bid);
        s.over(bid);
        s.replace(bid, "82400", "0.3");
    }),
    ("an order is changed into the market", |s| {
        let bid = s.place(s.limit(Buy, "82000", "0.1"));
        let bid = s.replace(bid, "83001", "0.3");
        s.over(bid);
    }),
    ("our orders never trade with each other", |s| {
        let ask = s.place(s.limit(Sell, "83001", "0.2"));
        let bid = s.place(s.limit(Buy, "83002", "0.8"));
        s.filled(bid, "0.5");
        let market = s.place(OrderCommand::market(s.btc.id, Buy, s.size("0.1")));
        s.over(market);
        let _ = ask;
    }),
];

/// Plays every script at a local venue and on paper, and compares.
fn compare(stage: fn(bool) -> Stage, without: &[&str]) {
    let (mut live, mut paper) = (stage(false), stage(true));
    for (name, script) in SCRIPTS.iter().filter(|(name, _)| !without.contains(name)) {
        let told = [&mut live, &mut paper].map(|stage| {
            stage.reset();
            script(stage);
            stage.told()
        });
        let [live, paper] = told;
        assert!(!live.is_empty(), "{name}: nothing was told");
        assert_eq!(live, paper, "{name} (left: at the local venue, right: on paper)");
    }
    for stage in [&mut live, &mut paper] {
        stage.reset();
    }
    let balances = paper.gateway.paper_balances(paper.venue).unwrap();
    for (asset, _) in BALANCES {
        let on_paper = balances.iter().find(|balance| balance.asset == asset).unwrap();
        let (available, hold) = live.market.balance(asset);
        let on_paper = (on_paper.available.to_decimal().unwrap(), on_paper.hold.to_decimal().unwrap());
        assert_eq!(on_paper, (available.normalize(), hold.normalize()), "{asset}: on paper, at the local venue");
    }
    // Nothing but market data ever went there.
    assert_eq!(paper.market.balance("USD"), (decimal("1000000"), Decimal::ZERO));
}

#[test]
fn every_script_is_told_alike_at_coinbase_and_on_paper() {
    compare(Stage::coinbase, &[]);
}

#[test]
fn every_script_is_told_alike_at_binance_us_and_on_paper() {
    compare(Stage::binance_us, &[]);
}
