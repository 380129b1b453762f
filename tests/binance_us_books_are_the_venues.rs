//! Binance.US: books, trades and tickers through gateway, rings and the local venue; a lost diff costs one book one snapshot.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/binance_us.rs"]
mod binance_us;
mod common;

use binance_us::BinanceRig;
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::{GapCause, MarketKind};
use exchange_connectors::sim::binance_us::Side;
use exchange_connectors::sim::server::CloseHow;
use exchange_connectors::telemetry::Counter;
use rust_decimal::Decimal;

const SNAPSHOTS: &str = "GET /api/v3/depth";

#[test]
fn after_bursts_of_changes_every_level_is_the_venues_and_one_snapshot_a_book_was_enough() {
    let mut rig = BinanceRig::start(Channels::BOOK, |venue| venue.depth = 300);
    rig.until_books_equal();
    for _ in 0..5 {
        rig.venue.step(400).unwrap();
        rig.until_books_equal();
    }
    assert_eq!(rig.gateway.telemetry().counters.get(Counter::Anomalies), 0);
    assert_eq!((rig.gaps(rig.btc.id), rig.gaps(rig.eth.id)), (vec![], vec![]));
    assert_eq!(rig.venue.requests(SNAPSHOTS).unwrap(), 2);
}

#[test]
fn a_lost_diff_is_a_gap_of_its_symbol_and_only_that_book_is_fetched_again() {
    let mut rig = BinanceRig::start(Channels::BOOK, |_| {});
    rig.until_books_equal();
    rig.venue.drop_frames("btcusd@depth@100ms", 1).unwrap();
    // What is lost shows in the next diff.
    rig.venue.step(100).unwrap();
    rig.venue.step(100).unwrap();
    rig.until("the end of the gap", |rig| rig.gaps(rig.btc.id).iter().any(|gap| gap.recovered).then_some(()));
    rig.until_books_equal();
    let gaps = rig.gaps(rig.btc.id);
    let causes: Vec<_> = gaps.iter().map(|gap| (gap.cause, gap.recovered)).collect();
    assert_eq!(causes, [(GapCause::Sequence, false), (GapCause::Sequence, true)]);
    assert!(gaps[0].lost > 0, "{gaps:?}");
    assert_eq!((rig.gaps(rig.eth.id), rig.venue.requests(SNAPSHOTS).unwrap()), (vec![], 3));
}

#[test]
fn a_connection_that_falls_is_a_gap_of_every_book_and_all_come_back() {
    let mut rig = BinanceRig::start(Channels::BOOK, |_| {});
    rig.until_books_equal();
    rig.venue.kill_connections(None, CloseHow::Reset).unwrap();
    rig.until("both books again", |rig| {
        let over = |id| rig.gaps(id).iter().any(|gap| gap.recovered && gap.cause == GapCause::Disconnected);
        (over(rig.btc.id) && over(rig.eth.id)).then_some(())
    });
    rig.venue.step(200).unwrap();
    rig.until_books_equal();
}

#[test]
fn trades_quotes_and_tickers_are_told() {
    let mut rig = BinanceRig::start(Channels::BOOK | Channels::TRADES | Channels::TICKER, |_| {});
    rig.until_books_equal();
    rig.until("a ticker of each", |rig| {
        let of = |id| rig.statistics.iter().any(|record| record.instrument() == id);
        if of(rig.btc.id) && of(rig.eth.id) {
            return Some(());
        }
        rig.venue.step(10).unwrap();
        None
    });
    let before = rig.of(rig.btc.id, MarketKind::Trade);
    let (bid, _) = rig.venue.best("BTCUSD").unwrap();
    let traded = rig.venue.trade_against("BTCUSD", Side::Sell, bid.unwrap(), Decimal::new(1, 2)).unwrap();
    assert!(traded > Decimal::ZERO);
    rig.until("the trade", |rig| (rig.of(rig.btc.id, MarketKind::Trade) > before).then_some(()));
    assert!(rig.of(rig.btc.id, MarketKind::Quote) > 0);
    rig.until_books_equal();
}
