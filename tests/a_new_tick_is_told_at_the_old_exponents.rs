//! Coinbase's status channel says a new tick: the status record carries it, at the exponents the instrument has. A tick
//! finer than these is refused and counted, and the old one stays. At the level of the engine, frame by frame.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use exchange_connectors::engine::{CoinbaseSetup, ConnId, Control, Engine, EngineConfig, Input};
use exchange_connectors::guard::BreakerRules;
use exchange_connectors::order::{ClientOrderIds, OrderLimits, ReconcileRules};
use exchange_connectors::record::{
    AssetId, Fixed, Instrument, InstrumentId, InstrumentStatus, Listing, StrategyId, TradingStatus, UnixNanos, Venue,
    View,
};
use exchange_connectors::sim::FakeOutputs;
use exchange_connectors::telemetry::Counter;
use exchange_connectors::venue::coinbase::{MarketFeeds, StreamConfig};
use exchange_connectors::venue::Channels;

const MARKET: ConnId = ConnId(0);
const ME: StrategyId = StrategyId(0);
const NOW: UnixNanos = UnixNanos(1_793_613_600_000_000_000);

fn instrument() -> Instrument {
    let listing = Listing {
        venue: Venue::Coinbase,
        symbol: "BTC-USD".into(),
        streamed_as: None,
        base: "BTC".into(),
        quote: "USD".into(),
        tick: Fixed::new(1, -2),
        lot: Fixed::new(1, -8),
        quote_lot: Fixed::new(1, -2),
        size_min: Fixed::new(1, -8),
        size_max: Fixed::new(3400, 0),
        notional_min: Fixed::new(1, 0),
        status: TradingStatus::Online,
    };
    Instrument::new(InstrumentId(0), AssetId(0), AssetId(1), listing)
}

struct Bench {
    engine: Engine,
    out: FakeOutputs,
    sequence: u64,
}

impl Bench {
    fn new() -> Bench {
        let config = EngineConfig {
            binance_us: None,
            oanda: None,
            coinbase: Some(CoinbaseSetup {
                stream: StreamConfig::default(),
                market: MarketFeeds::default(),
                orders: None,
            }),
            ids: ClientOrderIds::new("xc", 1).unwrap(),
            limits: None,
            order_limits: OrderLimits::default(),
            reconcile: ReconcileRules::default(),
            breaker: BreakerRules::default(),
            book_blocks_max: 64,
        };
        let mut engine = Engine::new(config).unwrap();
        let mut out = FakeOutputs::new(1, engine.slots().len());
        engine.apply(NOW, Input::Control(Control::AddStrategy(ME)), &mut out);
        engine.apply(NOW, Input::Control(Control::Instrument(Box::new(instrument()))), &mut out);
        engine.apply(NOW, Input::Control(Control::Subscribe(ME, InstrumentId(0), Channels::STATUS)), &mut out);
        engine.apply(NOW, Input::Opened { conn: MARKET }, &mut out);
        out.take_market(ME);
        Bench { engine, out, sequence: 0 }
    }

    /// The status records that one message leads to.
    fn status(&mut self, tick: &str, lot: &str) -> Vec<(InstrumentStatus, (i8, i8))> {
        let text = format!(
            r#"{{"channel":"status","timestamp":"2026-11-02T10:00:08Z","sequence_num":{},"events":[{{"type":"update","products":[{{"product_type":"SPOT","id":"BTC-USD","base_increment":"{lot}","quote_increment":"{tick}","status":"online"}}]}}]}}"#,
            self.sequence
        );
        self.sequence += 1;
        let mut bytes = vec![0x81, 126];
        bytes.extend_from_slice(&u16::try_from(text.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
        self.engine.apply(NOW, Input::Bytes { conn: MARKET, plain: &mut bytes }, &mut self.out);
        let records = self.out.take_market(ME);
        let status = records.iter().filter_map(|record| match record.view() {
            View::Status(status) => Some((status, record.exponents())),
            _ => None,
        });
        status.collect()
    }
}

#[test]
fn a_new_tick_is_a_status_record_at_the_old_exponents_and_one_too_fine_is_refused() {
    let mut bench = Bench::new();
    let online = |tick, lot| InstrumentStatus { status: TradingStatus::Online, tick, lot };
    let lot = Fixed::new(1, -8);
    assert_eq!(bench.status("0.01", "0.00000001"), [(online(Fixed::new(1, -2), lot), (-8, -8))]);
    assert_eq!(bench.status("0.01", "0.00000001"), [], "said again is not told again");
    assert_eq!(bench.status("0.001", "0.0001"), [(online(Fixed::new(1, -3), Fixed::new(1, -4)), (-8, -8))]);
    assert_eq!(bench.out.counters.get(Counter::Anomalies), 0);
    // The venue says something that cannot be told exactly: what was known stays.
    let told = bench.status("0.0000000001", "0.0001");
    assert_eq!(told, [(online(Fixed::new(1, -3), Fixed::new(1, -4)), (-8, -8))]);
    assert_eq!(bench.out.counters.get(Counter::Anomalies), 1, "{:?}", bench.out.notes);
}
