//! An engine with one strategy that listens to one instrument, and a real ring behind it.

use super::coinbase::{btc, frame, message};
use exchange_connectors::engine::{
    CoinbaseSetup, ConnId, Control, Engine, EngineConfig, Input, Note, Outputs, StrategySet,
};
use exchange_connectors::guard::BreakerRules;
use exchange_connectors::keeper::Clock;
use exchange_connectors::order::{ClientOrderIds, OrderLimits, ReconcileRules};
use exchange_connectors::record::{
    ExecutionRecord, InstrumentId, MarketRecord, StatisticsRecord, StrategyId, UnixNanos,
};
use exchange_connectors::ring::{ring, Consumer, Producer};
use exchange_connectors::telemetry::{Counter, Hop, Hops};
use exchange_connectors::venue::coinbase::{MarketFeeds, StreamConfig};
use exchange_connectors::venue::Channels;
use std::time::{Duration, Instant};

/// Messages per round: a burst that stays in the second-level cache.
pub const ROUND: u64 = 256;
pub const NOW: UnixNanos = UnixNanos(1_000_000_000);
pub const MARKET: ConnId = ConnId(0);
const STRATEGY: StrategyId = StrategyId(0);
const RING: usize = 8_192;
/// Levels a side of the book that is held.
const SIDE_LEVELS: u64 = 1_000;

/// Nothing waits for the next message to be allowed.
pub fn stream_config() -> StreamConfig {
    StreamConfig { message_gap_ms: 0, ..StreamConfig::default() }
}

/// What the reactor stamps per event.
pub struct Stamps {
    clock: Clock,
    hops: Hops,
    decrypted_at: UnixNanos,
}

/// One strategy's market ring.
pub struct Rings {
    market: Producer<MarketRecord>,
    stamps: Option<Stamps>,
}

impl Outputs for Rings {
    fn event(&mut self, _: StrategySet, records: &[MarketRecord]) -> StrategySet {
        let before = self.stamps.as_ref().map(|stamps| stamps.clock.now());
        assert!(self.market.push_all(records), "the ring is drained after every round");
        if let (Some(stamps), Some(before)) = (&mut self.stamps, before) {
            let after = stamps.clock.now();
            stamps.hops.record(Hop::Parse, before.since(stamps.decrypted_at));
            stamps.hops.record(Hop::Publish, after.since(before));
        }
        StrategySet::NONE
    }
    fn statistics(&mut self, _: StrategySet, _: &StatisticsRecord) -> StrategySet {
        StrategySet::NONE
    }
    fn execution(&mut self, _: StrategyId, _: &ExecutionRecord) -> bool {
        true
    }
    fn execution_room(&self, _: StrategyId) -> usize {
        usize::MAX
    }
    fn transmit(&mut self, _: ConnId, build: impl FnOnce(&mut Vec<u8>)) -> u64 {
        build(&mut Vec::new());
        0
    }
    fn dial(&mut self, _: ConnId, _: UnixNanos) {}
    fn close(&mut self, _: ConnId, why: String) {
        panic!("nothing closes here: {why}");
    }
    fn retire(&mut self, _: Box<str>) {}
    fn entropy(&mut self, out: &mut [u8]) {
        out.fill(7);
    }
    fn count(&mut self, counter: Counter, _: u64) {
        assert!(counter != Counter::Anomalies && counter != Counter::Gaps, "{}", counter.name());
    }
    fn measured(&mut self, _: Hop, _: u64) {}
    fn note(&mut self, _: Note<'_>) {}
}

/// An engine with one strategy that listens to a whole book and its trades.
pub struct Running {
    pub engine: Engine,
    pub out: Rings,
    pub records: Consumer<MarketRecord>,
    pub sequence: u64,
}

impl Running {
    /// With a book of 1,000 levels a side.
    pub fn with_book(stamped: bool) -> Running {
        let mut running = Running::opened();
        running.out.stamps = stamped.then(|| Stamps { clock: Clock::start().0, hops: Hops::new(), decrypted_at: NOW });
        running.read(&mut frame(&snapshot(running.sequence)));
        running.sequence += 1;
        assert!(running.drain() >= 2 * SIDE_LEVELS as usize, "the snapshot was published");
        running
    }

    /// Connected and subscribed; the snapshot is due.
    pub fn opened() -> Running {
        let (market, records) = ring(RING, None);
        let engine = Engine::new(EngineConfig {
            binance_us: None,
            oanda: None,
            coinbase: Some(CoinbaseSetup { stream: stream_config(), market: MarketFeeds::default(), orders: None }),
            ids: ClientOrderIds::new("xc", 1).unwrap(),
            limits: None,
            breaker: BreakerRules::default(),
            order_limits: OrderLimits::default(),
            reconcile: ReconcileRules::default(),
            book_blocks_max: 1_024,
        });
        let out = Rings { market, stamps: None };
        let mut running = Running { engine: engine.unwrap(), out, records, sequence: 0 };
        for control in [
            Control::Instrument(Box::new(btc())),
            Control::AddStrategy(STRATEGY),
            Control::Subscribe(STRATEGY, InstrumentId(0), Channels::BOOK | Channels::TRADES),
        ] {
            running.engine.apply(NOW, Input::Control(control), &mut running.out);
        }
        running.engine.apply(NOW, Input::Opened { conn: MARKET }, &mut running.out);
        for text in acknowledgements() {
            running.read(&mut frame(&text));
            running.sequence += 1;
        }
        running.drain();
        running
    }

    pub fn read(&mut self, bytes: &mut [u8]) {
        let mut at = 0;
        loop {
            let plain = bytes.get_mut(at..).unwrap_or_default();
            let progress = self.engine.apply(NOW, Input::Bytes { conn: MARKET, plain }, &mut self.out);
            at += progress.consumed;
            if at >= bytes.len() && !progress.more {
                break;
            }
        }
    }

    pub fn drain(&mut self) -> usize {
        let mut records = 0;
        while self.records.pop().is_some() {
            records += 1;
        }
        records
    }

    /// One message per read, as a quiet feed delivers them.
    pub fn round(&mut self, make: fn(u64) -> String, records: usize) -> Duration {
        let mut frames: Vec<Vec<u8>> = (0..ROUND).map(|i| frame(&make(self.sequence + i))).collect();
        self.sequence += ROUND;
        let start = Instant::now();
        for bytes in &mut frames {
            if let Some(stamps) = &mut self.out.stamps {
                stamps.decrypted_at = stamps.clock.now();
            }
            self.engine.apply(NOW, Input::Bytes { conn: MARKET, plain: bytes }, &mut self.out);
        }
        let spent = start.elapsed();
        assert_eq!(self.drain(), records * ROUND as usize, "every record was published");
        spent
    }
}

/// What the venue says to the subscriptions; sequence numbers 0 and 1.
pub fn acknowledgements() -> [String; 2] {
    let ack = r#"{"subscriptions":{"heartbeats":["heartbeats"],"market_trades":["BTC-USD"]}}"#;
    [
        message(0, "subscriptions", r#"{"subscriptions":{"heartbeats":["heartbeats"]}}"#),
        message(1, "subscriptions", ack),
    ]
}

/// A book of 1,000 levels a side.
pub fn snapshot(sequence: u64) -> String {
    let level = |side: &str, price: u64| {
        format!(r#"{{"side":"{side}","event_time":"","price_level":"{price}","new_quantity":"1"}}"#)
    };
    let bids = (0..SIDE_LEVELS).map(|i| level("bid", 83_243 - i));
    let offers = (0..SIDE_LEVELS).map(|i| level("offer", 83_328 + i));
    let levels: Vec<String> = bids.chain(offers).collect();
    let event = format!(r#"{{"type":"snapshot","product_id":"BTC-USD","updates":[{}]}}"#, levels.join(","));
    message(sequence, "l2_data", &event)
}
