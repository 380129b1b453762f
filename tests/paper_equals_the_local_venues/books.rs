//! Venues with a book: what other participants do there, and the scripts.

use super::common::{self, decimal};
use super::stage::{Market, Stage};
use super::{binance_us, feed};
use exchange_connectors::gateway::{BinanceUsConfig, Channels, CoinbaseConfig, GatewayBuilder};
use exchange_connectors::record::{Fixed, OrderCommand, Side, TimeInForce, Venue};
use exchange_connectors::sim::binance_us::LocalBinanceUs;
use exchange_connectors::sim::coinbase::{LocalVenue, Side as SimSide};
use feed::Levels;
use rust_decimal::Decimal;
use Side::{Buy, Sell};

/// What both accounts begin with at both venues (the local venues' own defaults).
pub const BALANCES: [(&str, &str); 2] = [("USD", "1000000"), ("BTC", "10")];

/// What others do.
pub trait Book {
    fn add(&self, side: SimSide, price: &str, size: &str);
    fn take(&self, side: SimSide, price: &str, size: &str);
    fn clear(&self);
    fn levels(&self) -> Levels;
    /// Free and held.
    fn balance(&self, asset: &str) -> (Decimal, Decimal);
}

pub type Books = Stage<Box<dyn Book>>;

impl Market for Box<dyn Book> {
    const CHANNELS: Channels = Channels::BOOK;

    fn shows(&self, held: &Levels) -> bool {
        *held == self.as_ref().levels()
    }
}

impl Book for LocalVenue {
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

impl Book for LocalBinanceUs {
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

impl Books {
    pub fn coinbase(on_paper: bool) -> Books {
        let venue = LocalVenue::start(common::quiet_venue()).unwrap();
        let config = CoinbaseConfig::default().endpoints(common::endpoints(&venue)).requests_per_second(200);
        let config = match on_paper {
            true => config,
            false => config.credentials(venue.credentials().name(), venue.credentials().secret()).unwrap(),
        };
        let roots = common::RootFile::write(venue.ca_pem());
        let builder = GatewayBuilder::default().without_state().coinbase(config);
        Stage::start(
            Venue::Coinbase,
            "BTC-USD",
            Box::new(Box::new(venue)),
            builder,
            roots,
            on_paper.then_some(&BALANCES),
        )
    }

    pub fn binance_us(on_paper: bool) -> Books {
        let venue = LocalBinanceUs::start(exchange_connectors::sim::binance_us::Config::quiet()).unwrap();
        let config = BinanceUsConfig::default().endpoints(binance_us::endpoints(&venue));
        let config = match on_paper {
            true => config,
            false => config.credentials(venue.key().key(), venue.key().secret()).unwrap(),
        };
        let roots = common::RootFile::write(venue.ca_pem());
        let builder = GatewayBuilder::default().without_state().binance_us(config);
        Stage::start(
            Venue::BinanceUs,
            "BTCUSD",
            Box::new(Box::new(venue)),
            builder,
            roots,
            on_paper.then_some(&BALANCES),
        )
    }

    /// Another participant's order: takes what it crosses, and rests.
    #[track_caller]
    fn add(&mut self, side: SimSide, price: &str, size: &str) {
        self.next_ms();
        self.market.add(side, price, size);
        self.seen();
    }

    /// Another participant takes, and does not rest.
    #[track_caller]
    fn take(&mut self, side: SimSide, price: &str, size: &str) {
        self.next_ms();
        self.market.take(side, price, size);
        self.seen();
    }

    /// Everything of ours is cancelled, everybody else's is replaced by two levels a side.
    pub fn reset(&mut self) {
        self.cancel_all();
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
}

pub type Script = fn(&mut Books);

/// Each script leaves no question open that only time answers: it waits for every fill and end that is to come.
pub const SCRIPTS: &[(&str, Script)] = &[
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
        let quote =
            |s: &Books, amount: &str| Fixed::parse(amount).unwrap().rescale(s.instrument.quote_exponent).unwrap();
        for command in [
            OrderCommand::market(s.instrument.id, Buy, s.size("0.7")),
            OrderCommand::market(s.instrument.id, Sell, s.size("1.2")),
            OrderCommand::market_quote(s.instrument.id, Buy, quote(s, "10000")),
            OrderCommand::market_quote(s.instrument.id, Buy, quote(s, "500000")),
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
        let (tick, lot) = (s.instrument.tick_mantissa(), s.instrument.lot_mantissa());
        s.place(OrderCommand::limit(s.instrument.id, Buy, s.price("82000") + tick / 2, s.size("0.1")));
        s.place(OrderCommand::limit(s.instrument.id, Buy, s.price("82000"), s.size("0.1") + (lot - 1).max(0)));
        let cent = Fixed::parse("0.01").unwrap().rescale(s.instrument.quote_exponent).unwrap();
        s.place(OrderCommand::market_quote(s.instrument.id, Buy, cent));
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
        let market = s.place(OrderCommand::market(s.instrument.id, Buy, s.size("0.1")));
        s.over(market);
        let _ = ask;
    }),
];
