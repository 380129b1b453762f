//! With a limit on the position, no order of an instrument leaves before the venue has said what is held of it: at no venue,
//! however late the subscription and however slow the answer.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/binance_us.rs"]
mod binance_us;
mod common;
#[path = "common/oanda.rs"]
mod oanda;

use common::ear::takes_orders;
use common::{canary_credentials, fast_rules, quiet_venue, RootFile, PATIENCE};
use exchange_connectors::gateway::{
    BinanceUsConfig, Channels, CoinbaseConfig, Gateway, GatewayBuilder, InstrumentLimits, Limits, Strategy,
};
use exchange_connectors::record::{
    ExecutionKind as K, ExecutionRecord, Fixed, Instrument, OrderCommand, RejectClass, Side, Venue,
};
use exchange_connectors::sim::binance_us::{Config as BinanceUsVenue, LocalBinanceUs};
use exchange_connectors::sim::coinbase::LocalVenue;
use exchange_connectors::sim::oanda::LocalOanda;
use exchange_connectors::sim::server::{Fault, FaultRule};
use std::time::{Duration, Instant};

/// More is held at each of them.
const POSITION_MAX: &str = "5";

struct Venues {
    coinbase: LocalVenue,
    binance_us: LocalBinanceUs,
    oanda: LocalOanda,
    roots: RootFile,
}

impl Venues {
    /// 10 bitcoin, 10 bitcoin, and 10 euros.
    fn start() -> Venues {
        common::logs();
        let coinbase = LocalVenue::start(quiet_venue()).unwrap();
        let binance_us = LocalBinanceUs::start(BinanceUsVenue::quiet()).unwrap();
        let oanda = oanda::quiet_venue(|_| {});
        oanda::bought_before(&oanda, "10");
        let roots = RootFile::write(&[coinbase.ca_pem(), binance_us.ca_pem(), oanda.ca_pem()].concat());
        Venues { coinbase, binance_us, oanda, roots }
    }

    fn gateway(&self) -> Gateway {
        let (key, secret) = (canary_credentials(), self.binance_us.key());
        let coinbase = CoinbaseConfig::default().endpoints(common::endpoints(&self.coinbase));
        let binance_us = BinanceUsConfig::default().endpoints(binance_us::endpoints(&self.binance_us));
        let position_max = Some(Fixed::parse(POSITION_MAX).unwrap());
        let limits = Limits::new().every_instrument(InstrumentLimits { position_max, ..InstrumentLimits::default() });
        GatewayBuilder::default()
            .coinbase(coinbase.credentials(key.name(), key.secret()).unwrap())
            .binance_us(binance_us.credentials(secret.key(), secret.secret()).unwrap())
            .oanda(oanda::config(&self.oanda))
            .root_certificates(&self.roots.path)
            .limits(limits)
            .without_state()
            .reconcile(fast_rules())
            .without_reactor_watch()
            .start()
            .unwrap()
    }

    /// How often it was asked what is held.
    fn asked(&self, venue: Venue) -> u64 {
        match venue {
            Venue::Coinbase => self.coinbase.requests("GET /api/v3/brokerage/accounts"),
            Venue::BinanceUs => self.binance_us.requests("GET /api/v3/account"),
            Venue::Oanda => self.oanda.requests("GET /"),
        }
        .unwrap()
    }

    /// The next answer to what is held stays with the venue.
    fn hold_the_answer(&self, venue: Venue) {
        let account = format!("/v3/accounts/{}", self.oanda.account_id());
        let rule = |path: &str| FaultRule::next("GET", path, Fault::ThenHold);
        match venue {
            Venue::Coinbase => self.coinbase.inject(rule("/api/v3/brokerage/accounts")),
            Venue::BinanceUs => self.binance_us.inject(rule("/api/v3/account")),
            Venue::Oanda => self.oanda.inject(rule(&account)),
        }
        .unwrap();
    }

    fn release_the_answer(&self, venue: Venue) {
        match venue {
            Venue::Coinbase => self.coinbase.release_held(),
            Venue::BinanceUs => self.binance_us.release_held(),
            Venue::Oanda => self.oanda.release_held(),
        }
        .unwrap();
    }
}

/// Waits until orders may leave at all three.
fn until_open(strategy: &mut Strategy) {
    let (mut told, deadline) = (Vec::new(), Instant::now() + PATIENCE);
    while !Venue::ALL.iter().all(|venue| takes_orders(&told, *venue)) {
        assert!(Instant::now() < deadline, "{told:?}");
        strategy.wait(Duration::from_millis(2));
        while let Some(record) = strategy.market.pop() {
            told.push(record);
        }
    }
}

/// The first word about a bid for one unit far below the market.
fn bid(strategy: &mut Strategy, instrument: &Instrument, price: &str) -> ExecutionRecord {
    let at = |text: &str, exponent| Fixed::parse(text).unwrap().rescale(exponent).unwrap();
    let (price, quantity) = (at(price, instrument.price_exponent), at("1", instrument.size_exponent));
    let request = strategy.orders.submit(OrderCommand::limit(instrument.id, Side::Buy, price, quantity)).unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        while let Some(record) = strategy.executions.pop() {
            if record.request == request {
                return record;
            }
        }
        assert!(Instant::now() < deadline, "no word");
        strategy.wait(Duration::from_millis(2));
    }
}

#[test]
fn at_every_venue() {
    let venues = Venues::start();
    let gateway = venues.gateway();
    let mut strategy = gateway.strategy().unwrap();
    until_open(&mut strategy);
    for (venue, symbol, price) in
        [(Venue::Coinbase, "BTC-USD", "50000"), (Venue::BinanceUs, "BTCUSD", "50000"), (Venue::Oanda, "EUR_USD", "1.1")]
    {
        let asked = venues.asked(venue);
        venues.hold_the_answer(venue);
        let instrument = gateway.subscribe(strategy.id(), venue, symbol, Channels::NONE).unwrap();
        for _ in 0..3 {
            let refused = bid(&mut strategy, &instrument, price);
            let why = (refused.kind, refused.reject, refused.venue_code.to_string());
            assert_eq!(why, (K::Rejected, RejectClass::Busy, "position not known yet".to_owned()), "{venue}");
            assert!(refused.venue_time > refused.recv, "{venue}: it says when to try again: {refused:?}");
        }
        // What is not asked yet is not held yet.
        let deadline = Instant::now() + PATIENCE;
        while venues.asked(venue) == asked {
            assert!(Instant::now() < deadline, "{venue} was not asked");
            strategy.wait(Duration::from_millis(2));
        }
        venues.release_the_answer(venue);
        let deadline = Instant::now() + PATIENCE;
        let refused = loop {
            let refused = bid(&mut strategy, &instrument, price);
            if refused.reject != RejectClass::Busy {
                break refused;
            }
            assert!(Instant::now() < deadline, "{venue}: {refused:?}");
        };
        let why = (refused.kind, refused.reject, refused.venue_code.to_string());
        assert_eq!(why, (K::Rejected, RejectClass::Limit, "position over the limit".to_owned()), "{venue}");
    }
    assert_eq!(venues.coinbase.requests("POST /api/v3/brokerage/orders").unwrap(), 0);
    for what in ["WS order.place", "POST /api/v3/order"] {
        assert_eq!(venues.binance_us.requests(what).unwrap(), 0, "{what}");
    }
    assert_eq!(venues.oanda.requests("POST /orders").unwrap(), 0, "but the one of before, which came past all sockets");
}
