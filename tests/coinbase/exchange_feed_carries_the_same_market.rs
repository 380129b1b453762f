//! The Exchange feed in place of Advanced Trade: the same book, the same trades with the aggressor's side, tickers at
//! every trade; what it has no channel for is said, not left out.

use crate::common::{decimal, Bench, Rig};
use crate::feed::Feed;
use exchange_connectors::gateway::{Channels, MarketSource};
use exchange_connectors::record::{Difference, Side, SubscribedChannel, Trade, View};
use exchange_connectors::sim::coinbase::{Side as VenueSide, DOOR_EXCHANGE, DOOR_MARKET};

fn bench(channels: Channels) -> Bench {
    Bench::new().without_credentials().channels(channels).coinbase(|c| c.market_source(MarketSource::Exchange))
}

fn trades(rig: &Rig) -> Vec<Trade> {
    let trade = |r: &exchange_connectors::record::MarketRecord| match r.view() {
        View::Trade(trade) => Some(trade),
        _ => None,
    };
    rig.market.iter().filter_map(trade).collect()
}

#[test]
fn the_book_is_the_venues_through_every_change() {
    let mut rig = bench(Channels::BOOK).venue(|v| v.depth = 400).start_unready();
    let mut feed = Feed::of(&mut rig);
    rig.venue.step(200).unwrap();
    feed.wait_equal(&mut rig);
    assert_eq!((rig.venue.open_connections(DOOR_EXCHANGE), rig.venue.open_connections(DOOR_MARKET)), (Ok(1), Ok(0)));
    assert!(trades(&rig).is_empty(), "matches are subscribed with the book to see losses by, not published");
}

#[test]
fn trades_and_tickers_agree_on_the_aggressor() {
    let mut rig = bench(Channels::TRADES | Channels::TICKER).start_unready();
    rig.until_true("a live trade and a ticker", |rig| {
        rig.venue.trade_against("BTC-USD", VenueSide::Buy, decimal("90000"), decimal("0.00000001")).unwrap();
        trades(rig).len() > 1 && !rig.statistics.is_empty()
    });
    rig.venue.trade_against("BTC-USD", VenueSide::Sell, decimal("70000"), decimal("0.00000007")).unwrap();
    rig.venue.trade_against("BTC-USD", VenueSide::Buy, decimal("90000"), decimal("0.00000008")).unwrap();
    let of = |rig: &Rig, size: &str| trades(rig).into_iter().find(|t| t.size.to_string() == size);
    rig.until_true("both", |rig| of(rig, "0.00000008").is_some());
    let sold = of(&rig, "0.00000007").unwrap();
    assert_eq!((sold.side, of(&rig, "0.00000008").unwrap().side), (Side::Sell, Side::Buy), "the taker's side");
    let ticker_sides = |rig: &Rig| rig.statistics.iter().filter_map(|s| s.as_ticker().last_side).collect::<Vec<_>>();
    rig.until_true("their tickers", |rig| ticker_sides(rig).ends_with(&[Side::Sell, Side::Buy]));
}

#[test]
fn what_the_feed_has_no_channel_for_is_said() {
    let mut rig = bench(Channels::TRADES | Channels::CANDLES).start_unready();
    let said = rig.until("the difference", |rig| {
        rig.market.iter().find_map(|r| match r.view() {
            View::Subscription(subscription) => Some(subscription),
            _ => None,
        })
    });
    assert_eq!((said.channel, said.difference), (SubscribedChannel::Candles, Difference::NotOffered));
}
