//! A local Binance.US and a gateway to it that streams two books into one strategy.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use exchange_connectors::book::{Follower, FollowerState};
use exchange_connectors::gateway::{BinanceUsConfig, Channels, Gateway, GatewayBuilder, Strategy};
use exchange_connectors::record::{
    BookSide, Gap, Instrument, InstrumentId, MarketKind, MarketRecord, StatisticsRecord, Venue, View,
};
use exchange_connectors::sim::binance_us::{Config, LocalBinanceUs, DOOR_REST};
use exchange_connectors::sim::server::{Request, Venue as _};
use exchange_connectors::venue::binance_us::BinanceUsEndpoints;
use rust_decimal::Decimal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(2);

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
    pub strategy: Strategy,
    pub btc: Arc<Instrument>,
    pub eth: Arc<Instrument>,
    pub market: Vec<MarketRecord>,
    pub statistics: Vec<StatisticsRecord>,
    books: Vec<Follower>,
    pub venue: LocalBinanceUs,
    roots: PathBuf,
}

impl Drop for BinanceRig {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.roots);
    }
}

pub fn endpoints(venue: &LocalBinanceUs) -> BinanceUsEndpoints {
    BinanceUsEndpoints::parse(&venue.rest_url(), &venue.stream_url(), &venue.ws_api_url()).unwrap()
}

impl BinanceRig {
    pub fn start(channels: Channels, change: impl FnOnce(&mut Config)) -> BinanceRig {
        super::common::logs();
        let mut config = Config::quiet();
        change(&mut config);
        let venue = LocalBinanceUs::start(config).unwrap();
        let roots = std::env::temp_dir().join(format!(
            "exchange-connectors-{}-{}.pem",
            std::process::id(),
            venue.port(DOOR_REST)
        ));
        std::fs::write(&roots, venue.ca_pem()).unwrap();
        let config = BinanceUsConfig::default().endpoints(endpoints(&venue));
        let builder = GatewayBuilder::default().binance_us(config).root_certificates(&roots);
        let gateway = builder.start().unwrap();
        let strategy = gateway.strategy().unwrap();
        let [btc, eth] = ["BTCUSD", "ETHUSD"]
            .map(|symbol| gateway.subscribe(strategy.id(), Venue::BinanceUs, symbol, channels).unwrap());
        let books = [&btc, &eth].map(|instrument| Follower::new(instrument.id, 60_000)).into();
        BinanceRig { gateway, strategy, btc, eth, market: vec![], statistics: vec![], books, venue, roots }
    }

    fn look(&mut self) {
        while let Some(record) = self.strategy.market.pop() {
            for book in &mut self.books {
                book.apply(&record);
            }
            self.market.push(record);
        }
        while let Some(record) = self.strategy.statistics.pop() {
            self.statistics.push(record);
        }
    }

    #[track_caller]
    pub fn until<T>(&mut self, what: &str, mut seen: impl FnMut(&mut BinanceRig) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.look();
            if let Some(found) = seen(self) {
                return found;
            }
            assert!(Instant::now() < deadline, "{what} did not come");
            self.strategy.wait(LOOK);
        }
    }

    /// Level by level the venue's, both books.
    #[track_caller]
    pub fn until_books_equal(&mut self) {
        self.until("the venue's books", |rig| {
            let equal = ["BTCUSD", "ETHUSD"].iter().zip(&rig.books).all(|(symbol, book)| {
                let decimal = |fixed: &dyn std::fmt::Display| fixed.to_string().parse::<Decimal>().unwrap().normalize();
                let held = [BookSide::Bid, BookSide::Ask]
                    .map(|side| book.levels(side).map(|l| (decimal(&l.price), decimal(&l.size))).collect::<Vec<_>>());
                book.state() == FollowerState::Whole && held == venue_book(&rig.venue, symbol)
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
