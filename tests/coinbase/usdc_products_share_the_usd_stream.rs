//! `BTC-USDC` is streamed as `BTC-USD` (Coinbase reference 7.1). Nobody has to know: each alone works under its own name,
//! and so do both at once, over one stream.

use crate::common::{Bench, Rig};
use crate::feed::{count, held, venue_book};
use exchange_connectors::book::{Follower, FollowerState};
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::{Instrument, InstrumentId, Venue, View};
use exchange_connectors::telemetry::Counter;
use std::sync::Arc;

fn subscribe(rig: &mut Rig, symbol: &str, channels: Channels) -> Arc<Instrument> {
    rig.gateway().subscribe(rig.strategy.id(), Venue::Coinbase, symbol, channels).unwrap()
}

/// Waits until the book kept from all records of this rig is the venue's.
#[track_caller]
fn wait_equal(rig: &mut Rig, instrument: &Instrument) {
    rig.until_true(&format!("the book of {}", instrument.symbol()), |rig| {
        let mut book = Follower::new(instrument.id, 5_000);
        rig.market.iter().for_each(|record| {
            book.apply(record);
        });
        book.state() == FollowerState::Whole && held(&book) == venue_book(&rig.venue, "BTC-USD")
    });
}

/// Trade ids of an instrument, live ones only.
fn trades(rig: &Rig, id: InstrumentId) -> Vec<u64> {
    let of = |r: &&exchange_connectors::record::MarketRecord| {
        r.instrument() == id && !r.flags().contains(exchange_connectors::record::Flags::SNAPSHOT)
    };
    let trade = |view| if let View::Trade(trade) = view { Some(trade.trade_id) } else { None };
    rig.market.iter().filter(of).filter_map(|r| trade(r.view())).collect()
}

#[test]
fn a_usdc_product_alone_has_book_and_trades_under_its_own_name() {
    let mut rig = Bench::new().without_credentials().start();
    let usdc = subscribe(&mut rig, "BTC-USDC", Channels::BOOK | Channels::TRADES);
    assert_eq!((usdc.symbol(), usdc.streamed_as()), ("BTC-USDC", "BTC-USD"));
    wait_equal(&mut rig, &usdc);
    rig.until_true("a live trade", |rig| {
        rig.venue.step(5).unwrap();
        !trades(rig, usdc.id).is_empty()
    });
    wait_equal(&mut rig, &usdc);
    assert_eq!(count(&rig, Counter::Anomalies), 0);
}

#[test]
fn both_at_once_hear_the_same_stream_whoever_comes_first_and_whoever_leaves() {
    for symbols in [["BTC-USD", "BTC-USDC"], ["BTC-USDC", "BTC-USD"]] {
        let mut rig = Bench::new().without_credentials().start();
        let channels = Channels::BOOK | Channels::TRADES;
        let first = subscribe(&mut rig, symbols[0], channels);
        wait_equal(&mut rig, &first);
        rig.venue.step(30).unwrap();
        let second = subscribe(&mut rig, symbols[1], channels);
        wait_equal(&mut rig, &second);
        wait_equal(&mut rig, &first);
        let before = [first.id, second.id].map(|id| trades(&rig, id).len());
        rig.until_true("the same trades for both", |rig| {
            rig.venue.step(5).unwrap();
            let [a, b] = [first.id, second.id].map(|id| trades(rig, id));
            a.len() >= before[0] + 3 && a.get(a.len().saturating_sub(3)..) == b.get(b.len().saturating_sub(3)..)
        });
        assert_eq!(rig.venue.books_per_connection().unwrap(), [1], "one stream, one place");

        let id = rig.strategy.id();
        rig.gateway().unsubscribe(id, &first, channels).unwrap();
        rig.gateway().open_orders().unwrap();
        rig.venue.step(50).unwrap();
        wait_equal(&mut rig, &second);
        assert_eq!(count(&rig, Counter::Anomalies), 0);
    }
}
