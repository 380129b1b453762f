//! `ticker_batch`, `candles` and `status` of Coinbase (reference 6.6 and 6.7), from the venue to the strategy's rings.

use crate::common::{Bench, Rig, BTC};
use crate::feed::count;
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::{Candle, Fixed, StatisticsView, TradingStatus, View};
use exchange_connectors::sim::coinbase::Trading;
use exchange_connectors::telemetry::Counter;

fn streaming(channels: Channels) -> Rig {
    Bench::new().without_credentials().channels(channels).start()
}

fn candles(rig: &Rig) -> Vec<Candle> {
    let candle = |view| if let StatisticsView::Candle(candle) = view { Some(candle) } else { None };
    rig.statistics.iter().filter_map(|record| candle(record.view())).collect()
}

#[test]
fn a_candle_grows_with_its_trades() {
    let mut rig = streaming(Channels::CANDLES);
    rig.until_true("the first candle", |rig| !candles(rig).is_empty());
    let grown = rig.until("a candle with volume and width", |rig| {
        rig.venue.step(20).unwrap();
        candles(rig).into_iter().find(|c| c.volume.mantissa() > 0 && c.high != c.low)
    });
    assert_eq!((grown.interval_s, grown.start.0 % 300_000_000_000), (300, 0));
    let at = |figure: Fixed| figure.rescale(rig.btc.price_exponent).unwrap();
    for figure in [grown.open, grown.close] {
        assert!(at(grown.low) <= at(figure) && at(figure) <= at(grown.high), "{grown:?}");
    }
    assert_eq!(count(&rig, Counter::Anomalies), 0);
}

#[test]
fn a_ticker_batch_is_no_ticker_and_brings_no_quotes() {
    let mut rig = streaming(Channels::TICKER_BATCH);
    rig.venue.step(50).unwrap();
    let ticker = rig.until("a ticker batch", |rig| {
        let batch = |view| if let StatisticsView::TickerBatch(ticker) = view { Some(ticker) } else { None };
        rig.statistics.iter().find_map(|record| batch(record.view()))
    });
    assert!(ticker.price.is_some() && ticker.bid.is_none());
    let is_quote = |view| matches!(view, View::Quote(_));
    assert!(!rig.market.iter().any(|record| is_quote(record.view())));
    assert!(!rig.statistics.iter().any(|record| matches!(record.view(), StatisticsView::Ticker(_))));
}

#[test]
fn a_status_comes_at_first_and_again_when_it_changes() {
    let mut rig = streaming(Channels::STATUS);
    let wait = |rig: &mut Rig, expected: TradingStatus| {
        rig.until("a status", |rig| {
            let last = rig.market.iter().rev().find_map(|r| match r.view() {
                View::Status(status) => Some(status),
                _ => None,
            });
            last.filter(|status| status.status == expected)
        })
    };
    let online = wait(&mut rig, TradingStatus::Online);
    assert_eq!((online.tick, online.lot), (rig.btc.listing.tick, rig.btc.listing.lot));
    rig.venue.set_trading(BTC, Trading::Disabled).unwrap();
    wait(&mut rig, TradingStatus::Halted);
    rig.venue.set_trading(BTC, Trading::Open).unwrap();
    wait(&mut rig, TradingStatus::Online);
}
