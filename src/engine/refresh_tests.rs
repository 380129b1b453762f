#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::super::binance_us_bench::Bench;
use super::super::protect::tests::{binance_us_setup, coinbase_setup, oanda_setup};
use super::super::{Control, EngineConfig, Input};
use super::*;
use crate::guard::BreakerRules;
use crate::order::{ClientOrderIds, OrderLimits, ReconcileRules};
use crate::record::{AssetId, Fixed, Instrument, OrderCommand, RequestId, Side, StrategyId, TradingStatus, View};
use crate::sim::FakeOutputs;
use crate::venue::binance_us::{Market, StreamConfig, UserData};
use crate::venue::oanda::{GuaranteedStops, InstrumentRules};

const NOW: UnixNanos = UnixNanos(1_793_613_600_000_000_000);
const ID: InstrumentId = InstrumentId(0);
const ME: StrategyId = StrategyId(0);

fn fixed(text: &str) -> Fixed {
    Fixed::parse(text).unwrap()
}

/// One instrument of a venue, which is known and not connected to: what passes the rules is refused for that alone.
struct Desk {
    venue: Venue,
    engine: Engine,
    out: FakeOutputs,
    requests: u64,
}

impl Desk {
    fn at(venue: Venue) -> Desk {
        let config = EngineConfig {
            coinbase: (venue == Venue::Coinbase).then(coinbase_setup),
            binance_us: (venue == Venue::BinanceUs).then(binance_us_setup),
            oanda: (venue == Venue::Oanda).then(oanda_setup),
            ids: ClientOrderIds::new("xc", 1).unwrap(),
            limits: None,
            breaker: BreakerRules::default(),
            order_limits: OrderLimits::default(),
            reconcile: ReconcileRules::default(),
            book_blocks_max: 16,
        };
        let engine = Engine::new(config).unwrap();
        let out = FakeOutputs::new(1, engine.slots().len());
        let mut desk = Desk { venue, engine, out, requests: 0 };
        desk.apply(Control::AddStrategy(ME));
        let listing = desk.listing(4, "1");
        desk.apply(Control::Instrument(Box::new(Instrument::new(ID, AssetId(0), AssetId(1), listing))));
        desk.tell_rules(4, "1");
        desk.apply(Control::Subscribe(ME, ID, Channels::BOOK));
        desk.out.take_market(ME);
        desk
    }

    fn apply(&mut self, control: Control) {
        self.engine.apply(NOW, Input::Control(control), &mut self.out);
    }

    /// What the venue lists: prices with so many digits, and a least size.
    fn listing(&self, digits: i8, size_min: &str) -> Listing {
        Listing {
            venue: self.venue,
            symbol: "EUR_USD".into(),
            streamed_as: None,
            base: "EUR".into(),
            quote: "USD".into(),
            tick: Fixed::new(1, -digits),
            lot: fixed("1"),
            quote_lot: fixed("0.01"),
            size_min: fixed(size_min),
            size_max: fixed("1000"),
            notional_min: Fixed::default(),
            status: TradingStatus::Online,
        }
    }

    /// What the venue has beside.
    fn tell_rules(&mut self, digits: i8, size_min: &str) {
        match self.venue {
            Venue::Coinbase => {}
            Venue::BinanceUs => {
                let mut market = Market {
                    listing: self.listing(digits, size_min),
                    filters: Default::default(),
                    kinds: Vec::new(),
                    iceberg: true,
                    oco: true,
                    quote_quantity: true,
                    trailing: true,
                    cancel_replace: true,
                    spot: true,
                    default_self_trade: "NONE".into(),
                };
                market.filters.price.step = market.listing.tick;
                (market.filters.lot.min, market.filters.lot.step) = (fixed(size_min), fixed("1"));
                self.apply(Control::Market(ID, Box::new(market)));
            }
            Venue::Oanda => {
                let rules = InstrumentRules {
                    name: "EUR_USD".into(),
                    kind: "CURRENCY".into(),
                    display_precision: digits.unsigned_abs(),
                    trade_units_precision: 0,
                    pip_location: -4,
                    units_min: fixed(size_min),
                    units_max: fixed("1000"),
                    position_max: Fixed::default(),
                    trailing_min: Fixed::default(),
                    trailing_max: Fixed::default(),
                    margin_rate: fixed("0.02"),
                    guaranteed_stops: GuaranteedStops::Disabled,
                    guaranteed_distance_min: None,
                };
                self.apply(Control::OandaRules(ID, Box::new(rules)));
            }
        }
    }

    /// The venue was asked again.
    fn refreshed(&mut self, digits: i8, size_min: &str) {
        let listing = self.listing(digits, size_min);
        self.apply(Control::Listing(ID, Box::new(listing)));
        self.tell_rules(digits, size_min);
    }

    /// Why an order is refused; `NotConnected` if the rules let it pass.
    fn refusal(&mut self, price: &str, quantity: &str) -> RejectClass {
        self.requests += 1;
        let instrument = &self.engine.market.get(ID).unwrap().instrument;
        let price = fixed(price).rescale(instrument.price_exponent).unwrap();
        let quantity = fixed(quantity).rescale(instrument.size_exponent).unwrap();
        let command = OrderCommand::limit(ID, Side::Buy, price, quantity);
        let command = command.stamped(RequestId::new(ME, self.requests), NOW);
        self.engine.apply(NOW, Input::Command(&command), &mut self.out);
        let [record] = std::mem::take(&mut self.out.executions[0])[..] else { panic!("one answer") };
        assert_eq!(record.sent, UnixNanos::NONE, "{record:?}");
        record.reject
    }

    /// The ticks that were told, and at which exponent.
    fn ticks(&mut self) -> Vec<(Fixed, i8)> {
        let told = self.out.take_market(ME).into_iter().filter_map(|record| match record.view() {
            View::Status(status) => Some((status.tick, record.exponents().0)),
            _ => None,
        });
        told.collect()
    }
}

#[test]
fn a_larger_tick_or_least_size_refuses_orders_here_once_it_was_asked_for() {
    for venue in Venue::ALL {
        let mut desk = Desk::at(venue);
        assert_eq!(desk.refusal("1.1234", "5"), RejectClass::NotConnected, "{venue}: the old rules let it pass");
        desk.refreshed(3, "10");
        assert_eq!(desk.refusal("1.1234", "10"), RejectClass::InvalidPrice, "{venue}");
        assert_eq!(desk.refusal("1.123", "5"), RejectClass::InvalidSize, "{venue}");
        assert_eq!(desk.refusal("1.123", "10"), RejectClass::NotConnected, "{venue}: the new rules let it pass");
        desk.refreshed(4, "1");
        assert_eq!(desk.refusal("1.1234", "5"), RejectClass::NotConnected, "{venue}: and back");
    }
}

#[test]
fn a_new_tick_is_told_at_the_exponent_the_instrument_has_and_only_if_it_is_new() {
    for venue in Venue::ALL {
        let mut desk = Desk::at(venue);
        let exponent = desk.engine.market.get(ID).unwrap().instrument.price_exponent;
        desk.refreshed(4, "10");
        assert_eq!(desk.ticks(), [], "{venue}: no record says a least size");
        desk.refreshed(2, "10");
        desk.refreshed(2, "10");
        assert_eq!(desk.ticks(), [(fixed("0.01"), exponent)], "{venue}");
    }
}

#[test]
fn what_the_exponents_cannot_hold_is_refused_whole_and_counted() {
    for venue in Venue::ALL {
        let mut desk = Desk::at(venue);
        let finer = Listing { tick: Fixed::new(1, -15), ..desk.listing(4, "10") };
        desk.apply(Control::Listing(ID, Box::new(finer)));
        assert_eq!(desk.out.counters.get(Counter::Anomalies), 1, "{venue}: {:?}", desk.out.notes);
        assert!(desk.out.notes.iter().any(|note| note.contains("EUR_USD")), "{venue}: {:?}", desk.out.notes);
        assert_eq!((desk.ticks(), desk.refusal("1.1234", "5")), (vec![], RejectClass::NotConnected), "{venue}");
    }
}

#[test]
fn whether_an_instrument_is_traded_is_taken_from_a_list_only_where_no_stream_says_it() {
    for (venue, taken) in [(Venue::Coinbase, true), (Venue::BinanceUs, true), (Venue::Oanda, false)] {
        let mut desk = Desk::at(venue);
        let halted = |desk: &Desk| Listing { status: TradingStatus::Halted, ..desk.listing(4, "1") };
        let listing = halted(&desk);
        desk.apply(Control::Listing(ID, Box::new(listing)));
        let class = if taken { RejectClass::NotTradable } else { RejectClass::NotConnected };
        assert_eq!(desk.refusal("1.1234", "5"), class, "{venue}");
    }
    let mut desk = Desk::at(Venue::Coinbase);
    desk.apply(Control::Subscribe(ME, ID, Channels::STATUS));
    let listing = Listing { status: TradingStatus::Halted, ..desk.listing(4, "1") };
    desk.apply(Control::Listing(ID, Box::new(listing)));
    assert_eq!(desk.refusal("1.1234", "5"), RejectClass::NotConnected, "its stream says it");
}

#[test]
fn a_refusal_by_the_venue_of_what_passed_here_says_that_its_rules_are_doubtful() {
    let mut bench = Bench::of(StreamConfig::default(), Some(UserData::Signature));
    bench.subscribe_all();
    bench.pass_ms(3_000);
    // The bench takes the tick to be finer than it is, which is a hundredth.
    let instrument = bench.engine.market.get(ID).unwrap().instrument.clone();
    let price = fixed("50000.001").rescale(instrument.price_exponent).unwrap();
    let off_tick = OrderCommand::limit(ID, Side::Buy, price, bench.resting_bid().quantity());
    let request = bench.submit(1, off_tick);
    bench.pass_ms(1_000);
    let told: Vec<_> = bench.executions.iter().filter(|r| r.request == request).copied().collect();
    let [refused] = told[..] else { panic!("{told:?}") };
    assert_eq!((refused.reject, refused.sent.is_some()), (RejectClass::InvalidPrice, true), "{refused:?}");
    assert_eq!(bench.out.outdated, [ID]);
    // Asked again, the venue says it right: such an order does not leave, and nothing is doubtful.
    let right = Listing { tick: fixed("0.01"), ..instrument.listing };
    bench.apply(Input::Control(Control::Listing(ID, Box::new(right))));
    let request = bench.submit(2, off_tick);
    let told: Vec<_> = bench.executions.iter().filter(|r| r.request == request).copied().collect();
    let [refused] = told[..] else { panic!("{told:?}") };
    assert_eq!((refused.reject, refused.sent.is_some()), (RejectClass::InvalidPrice, false), "{refused:?}");
    assert_eq!(bench.out.outdated, [ID]);
}
