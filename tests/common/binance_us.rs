//! A local Binance.US and a gateway to it that streams two books into one strategy.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::common::ear::{self, hears, speaks, Ear};
use exchange_connectors::book::{Follower, FollowerState};
use exchange_connectors::gateway::{BinanceUsConfig, Channels, Gateway, GatewayBuilder};
use exchange_connectors::record::{
    BookSide, ExecutionRecord, Fixed, Gap, Instrument, InstrumentId, MarketKind, MarketRecord, OrderCommand, OrderRef,
    RequestId, Side as OrderSide, Venue, View,
};
use exchange_connectors::sim::binance_us::{Config, LocalBinanceUs, DOOR_REST};
use exchange_connectors::sim::server::{Request, Venue as _};
use exchange_connectors::venue::binance_us::BinanceUsEndpoints;
use rust_decimal::Decimal;
use std::sync::Arc;

/// Bids and asks, best first: price and size.
pub type Levels = [Vec<(Decimal, Decimal)>; 2];

/// The venue's own book, asked of the model past all sockets.
pub fn venue_book(venue: &LocalBinanceUs, symbol: &str) -> Levels {
    let request = Request {
        method: "GET".into(),
        path: "/api/v3/depth".into(),
        query: format!("symbol={symbol}&limit=5000"),
        ..Request::default()
    };
    let reply = venue.call(move |core, now_ns| core.venue.http(now_ns, DOOR_REST, &request)).unwrap();
    let book: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    let decimal = |text: &serde_json::Value| text.as_str().unwrap().parse::<Decimal>().unwrap().normalize();
    ["bids", "asks"]
        .map(|side| book[side].as_array().unwrap().iter().map(|l| (decimal(&l[0]), decimal(&l[1]))).collect())
}

/// Venue, gateway, one strategy, and everything it was told.
pub struct BinanceRig {
    pub gateway: Gateway,
    ear: Ear,
    pub btc: Arc<Instrument>,
    pub eth: Arc<Instrument>,
    books: Vec<Follower>,
    /// Market records the books have followed.
    followed: usize,
    pub venue: LocalBinanceUs,
    _roots: super::common::RootFile,
}

pub fn endpoints(venue: &LocalBinanceUs) -> BinanceUsEndpoints {
    BinanceUsEndpoints::parse(&venue.rest_url(), &venue.stream_url(), &venue.ws_api_url()).unwrap()
}

hears!(BinanceRig);
speaks!(BinanceRig);

impl BinanceRig {
    /// Market data only.
    pub fn start(channels: Channels, change: impl FnOnce(&mut Config)) -> BinanceRig {
        Self::build(channels, change, |config, _| config, |builder| builder)
    }

    /// The same with a gateway set up otherwise.
    pub fn start_at(
        channels: Channels,
        venue: impl FnOnce(&mut Config),
        change: impl FnOnce(BinanceUsConfig) -> BinanceUsConfig,
    ) -> BinanceRig {
        Self::build(channels, venue, |config, _| change(config), |builder| builder)
    }

    /// With credentials and fast reconciliation; ready to trade.
    pub fn trading(change: impl FnOnce(BinanceUsConfig) -> BinanceUsConfig) -> BinanceRig {
        Self::trading_by(|builder| builder, change)
    }

    /// The same with a gateway of another kind.
    pub fn trading_by(
        by: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
        change: impl FnOnce(BinanceUsConfig) -> BinanceUsConfig,
    ) -> BinanceRig {
        Self::trading_at(|_| {}, by, change)
    }

    /// The same at a venue set up otherwise.
    pub fn trading_at(
        venue: impl FnOnce(&mut Config),
        by: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
        change: impl FnOnce(BinanceUsConfig) -> BinanceUsConfig,
    ) -> BinanceRig {
        let mut config = Config::quiet();
        venue(&mut config);
        Self::trading_with(LocalBinanceUs::start(config).unwrap(), by, change)
    }

    /// The same at a venue that runs already.
    pub fn trading_with(
        venue: LocalBinanceUs,
        by: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
        change: impl FnOnce(BinanceUsConfig) -> BinanceUsConfig,
    ) -> BinanceRig {
        let mut rig = Self::build_at(
            venue,
            Channels::NONE,
            |config, venue| {
                let config = config.credentials(venue.key().key(), venue.key().secret()).unwrap();
                change(config.order_connections(super::common::ORDER_CONNECTIONS))
            },
            by,
        );
        rig.until_ready(Venue::BinanceUs);
        rig
    }

    /// Ends the gateway, whose orders stay open, and gives the venue back, for another gateway.
    pub fn into_venue(self) -> LocalBinanceUs {
        drop(self.gateway);
        self.venue
    }

    fn build(
        channels: Channels,
        change: impl FnOnce(&mut Config),
        gateway: impl FnOnce(BinanceUsConfig, &LocalBinanceUs) -> BinanceUsConfig,
        by: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
    ) -> BinanceRig {
        let mut config = Config::quiet();
        change(&mut config);
        Self::build_at(LocalBinanceUs::start(config).unwrap(), channels, gateway, by)
    }

    fn build_at(
        venue: LocalBinanceUs,
        channels: Channels,
        gateway: impl FnOnce(BinanceUsConfig, &LocalBinanceUs) -> BinanceUsConfig,
        by: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
    ) -> BinanceRig {
        super::common::logs();
        let roots = super::common::RootFile::write(venue.ca_pem());
        let config = gateway(BinanceUsConfig::default().endpoints(endpoints(&venue)), &venue);
        let builder = GatewayBuilder::default().without_state().binance_us(config).root_certificates(&roots.path);
        // Its listings would count as the engine's.
        let builder = builder.without_limits().reconcile(super::common::fast_rules()).without_reactor_watch();
        let gateway = by(builder).start().unwrap();
        let strategy = gateway.strategy().unwrap();
        let [btc, eth] = ["BTCUSD", "ETHUSD"]
            .map(|symbol| gateway.subscribe(strategy.id(), Venue::BinanceUs, symbol, channels).unwrap());
        let books = [&btc, &eth].map(|instrument| Follower::new(instrument.id, 60_000)).into();
        BinanceRig { gateway, ear: Ear::of(strategy), btc, eth, books, followed: 0, venue, _roots: roots }
    }

    #[track_caller]
    pub fn until<T>(&mut self, what: &str, seen: impl FnMut(&mut BinanceRig) -> Option<T>) -> T {
        ear::until(self, what, seen)
    }

    fn follow(&mut self) {
        for record in &self.ear.market[self.followed..] {
            self.books.iter_mut().for_each(|book| {
                book.apply(record);
            });
        }
        self.followed = self.ear.market.len();
    }

    /// A bid for 0.01 BTC far below the market.
    pub fn resting_bid(&self) -> OrderCommand {
        self.limit(OrderSide::Buy, "50000", "0.01")
    }

    /// A good-til-cancelled limit order in BTCUSD.
    pub fn limit(&self, side: OrderSide, price: &str, size: &str) -> OrderCommand {
        OrderCommand::limit(self.btc.id, side, self.price(price), self.size(size))
    }

    /// A price of BTCUSD as a mantissa.
    pub fn price(&self, price: &str) -> i64 {
        Fixed::parse(price).unwrap().rescale(self.btc.price_exponent).unwrap()
    }

    /// A size of BTCUSD as a mantissa.
    pub fn size(&self, size: &str) -> i64 {
        Fixed::parse(size).unwrap().rescale(self.btc.size_exponent).unwrap()
    }

    pub fn cancel_of(&self, order: RequestId) -> OrderCommand {
        OrderCommand::cancel(self.btc.id, OrderRef::Request(order))
    }

    /// How often the venue received an order.
    pub fn received(&self, record: &ExecutionRecord) -> u64 {
        self.venue.orders_received(record.client_order_id.as_str()).unwrap()
    }

    /// Level by level the venue's, both books.
    #[track_caller]
    pub fn until_books_equal(&mut self) {
        self.until_best_levels_equal(usize::MAX);
    }

    /// Both books are the venue's best so many levels a side, and no others. These are told when they change, so the
    /// market moves now and then.
    #[track_caller]
    pub fn until_best_levels_equal(&mut self, most: usize) {
        let mut looks = 0;
        self.until("the venue's books", |rig| {
            rig.follow();
            looks += 1;
            if most < usize::MAX && looks % 50 == 0 {
                rig.venue.step(10).unwrap();
            }
            let equal = ["BTCUSD", "ETHUSD"].iter().zip(&rig.books).all(|(symbol, book)| {
                let decimal = |fixed: &dyn std::fmt::Display| fixed.to_string().parse::<Decimal>().unwrap().normalize();
                let held = [BookSide::Bid, BookSide::Ask]
                    .map(|side| book.levels(side).map(|l| (decimal(&l.price), decimal(&l.size))).collect::<Vec<_>>());
                let mut truth = venue_book(&rig.venue, symbol);
                truth.iter_mut().for_each(|side| side.truncate(most));
                book.state() == FollowerState::Whole && held == truth
            });
            equal.then_some(())
        });
    }

    pub fn of(&self, id: InstrumentId, kind: MarketKind) -> usize {
        self.market.iter().filter(|r| r.instrument() == id && r.kind() == kind).count()
    }

    pub fn gaps(&self, id: InstrumentId) -> Vec<Gap> {
        let gap = |r: &MarketRecord| match r.view() {
            View::Gap(gap) if r.instrument() == id => Some(gap),
            _ => None,
        };
        self.market.iter().filter_map(gap).collect()
    }
}
