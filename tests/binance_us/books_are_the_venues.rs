//! Binance.US: books, trades and tickers through gateway, rings and the local venue; a lost diff costs one book one snapshot.

use crate::binance_us::BinanceRig;
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::{GapCause, MarketKind, StatisticsView, Venue, View};
use exchange_connectors::sim::binance_us::Side;
use exchange_connectors::sim::server::CloseHow;
use exchange_connectors::telemetry::Counter;
use exchange_connectors::venue::binance_us::{CandleInterval, StreamConfig};
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

#[test]
fn the_best_levels_alone_need_no_snapshot_and_who_wants_more_gets_more() {
    let mut rig = BinanceRig::start(Channels::BOOK_5, |venue| venue.depth = 50);
    rig.until_best_levels_equal(5);
    rig.venue.step(200).unwrap();
    rig.until_best_levels_equal(5);
    let (me, venue) = (rig.strategy.id(), Venue::BinanceUs);
    for (channel, levels) in [(Channels::BOOK_10, 10), (Channels::BOOK_20, 20)] {
        for symbol in ["BTCUSD", "ETHUSD"] {
            rig.gateway.subscribe(me, venue, symbol, channel).unwrap();
        }
        rig.until_best_levels_equal(levels);
    }
    assert_eq!(rig.venue.requests(SNAPSHOTS).unwrap(), 0);
    for symbol in ["BTCUSD", "ETHUSD"] {
        rig.gateway.subscribe(me, venue, symbol, Channels::BOOK).unwrap();
    }
    rig.until_books_equal();
    rig.venue.step(200).unwrap();
    rig.until_books_equal();
    assert_eq!((rig.gaps(rig.btc.id), rig.gaps(rig.eth.id)), (vec![], vec![]));
    assert_eq!(rig.gateway.telemetry().counters.get(Counter::Anomalies), 0);
}

#[test]
fn aggregated_trades_are_one_for_each_taker_and_price() {
    let mut rig = BinanceRig::start(Channels::AGGREGATED_TRADES, |_| {});
    let (bid, _) = rig.venue.best("BTCUSD").unwrap();
    let (bid, size) = (bid.unwrap(), Decimal::new(1, 2));
    rig.venue.clear_liquidity("BTCUSD").unwrap();
    rig.until("a trade of three orders told as one", |rig| {
        for _ in 0..3 {
            rig.venue.add_liquidity("BTCUSD", Side::Buy, bid, size).unwrap();
        }
        rig.venue.trade_against("BTCUSD", Side::Sell, bid, size * Decimal::from(3)).unwrap();
        rig.until("a trade", |rig| (rig.of(rig.btc.id, MarketKind::Trade) > 0).then_some(()));
        let whole = rig.market.iter().any(|record| match record.view() {
            View::Trade(trade) => trade.size.to_string() == "0.03",
            _ => false,
        });
        whole.then_some(())
    });
}

#[test]
fn candles_last_as_long_as_configured_and_fewer_figures_come_by_their_own_channel() {
    let candles = StreamConfig { candles: CandleInterval::H1, ..StreamConfig::default() };
    let channels = Channels::CANDLES | Channels::TICKER_BATCH;
    let mut rig = BinanceRig::start_at(channels, |_| {}, |config| config.stream(candles));
    rig.until("a candle of an hour and a mini ticker", |rig| {
        let [mut hour, mut mini] = [false; 2];
        for record in &rig.statistics {
            match record.view() {
                StatisticsView::Candle(candle) => hour |= candle.interval_s == 3_600,
                StatisticsView::TickerBatch(_) => mini = true,
                other => panic!("not asked for: {other:?}"),
            }
        }
        if !(hour && mini) {
            rig.venue.step(10).unwrap();
        }
        (hour && mini).then_some(())
    });
    assert_eq!(rig.market.iter().filter(|r| r.kind() != MarketKind::State).count(), 0, "nothing else was asked for");
}
