//! What the venue confirms is compared with what was asked: the difference is a record, counted, and asked for again.

use crate::common::{Bench, Rig};
use crate::feed::count;
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::{Instrument, MarketKind, Venue, View};
use exchange_connectors::telemetry::Counter;
use exchange_connectors::venue::coinbase::StreamConfig;
use std::sync::Arc;

/// Waits for a subscription record; its instrument's name, channel and difference.
#[track_caller]
fn wait_told(rig: &mut Rig, instruments: &[&Arc<Instrument>]) -> (String, &'static str, &'static str) {
    rig.until("a subscription record", |rig| {
        rig.market.iter().find_map(|record| match record.view() {
            View::Subscription(told) => {
                let instrument = instruments.iter().find(|i| i.id == record.instrument()).unwrap();
                Some((instrument.symbol().to_owned(), told.channel.name(), told.difference.name()))
            }
            _ => None,
        })
    })
}

#[test]
fn a_product_left_out_of_the_acknowledgement_is_missing_and_asked_for_until_it_is_served() {
    let stream = StreamConfig { ack_grace_ms: 500, ..StreamConfig::default() };
    let mut rig = Bench::new().without_credentials().coinbase(move |config| config.stream(stream)).start();
    rig.venue.set_streamed("ETH-USD", false).unwrap();
    let id = rig.strategy.id();
    let btc = rig.gateway().subscribe(id, Venue::Coinbase, "BTC-USD", Channels::TRADES).unwrap();
    let eth = rig.gateway().subscribe(id, Venue::Coinbase, "ETH-USD", Channels::TRADES).unwrap();
    assert_eq!(wait_told(&mut rig, &[&btc, &eth]), ("ETH-USD".to_owned(), "trades", "missing"));
    assert!(count(&rig, Counter::SubscriptionsWrong) >= 1);
    let trade_of = |rig: &Rig, id| rig.market.iter().any(|r| r.instrument() == id && r.kind() == MarketKind::Trade);
    rig.until_true("the other product's trades", |rig| {
        rig.venue.step(5).unwrap();
        trade_of(rig, btc.id)
    });
    assert!(!trade_of(&rig, eth.id));
    rig.venue.set_streamed("ETH-USD", true).unwrap();
    rig.until_true("its trades after all", |rig| {
        rig.venue.step(5).unwrap();
        trade_of(rig, eth.id)
    });
}

/// An error frame does not name its request; one message in flight does.
#[test]
fn a_refused_message_is_told_to_those_it_asked_for_and_to_nobody_else() {
    let bench = Bench::new().without_credentials().venue(|config| config.level2_products_max = 1);
    let mut rig = bench.channels(Channels::BOOK | Channels::TICKER).start();
    let btc = rig.btc.clone();
    rig.until_true("the book there is room for", |rig| {
        rig.market.iter().any(|r| r.instrument() == btc.id && r.kind() == MarketKind::Level)
    });
    let id = rig.strategy.id();
    let channels = Channels::BOOK | Channels::TRADES;
    let eth = rig.gateway().subscribe(id, Venue::Coinbase, "ETH-USD", channels).unwrap();
    assert_eq!(wait_told(&mut rig, &[&btc, &eth]), ("ETH-USD".to_owned(), "book", "refused"));
    rig.until_true("its trades all the same", |rig| {
        rig.venue.step(5).unwrap();
        rig.market.iter().any(|r| r.instrument() == eth.id && r.kind() == MarketKind::Trade)
    });
    // Unsubscribing frees the budget (Coinbase reference 5), and the next try is let in.
    rig.gateway().unsubscribe(id, &btc, Channels::BOOK).unwrap();
    rig.until_true("its book after all", |rig| {
        rig.market.iter().any(|r| r.instrument() == eth.id && r.kind() == MarketKind::Level)
    });
}
