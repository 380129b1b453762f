//! Trade side is the aggressor's, trades come oldest first, old ones are marked; a ticker is a quote and a statistic.

use crate::common::{self, decimal, Bench};
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::{Flags, Side, View};
use exchange_connectors::sim::coinbase::Side as VenueSide;

#[test]
fn trade_sides_order_and_snapshot_flags() {
    let mut rig = Bench::new().without_credentials().channels(Channels::TRADES).start_unready();
    let trades = |rig: &common::Rig| -> Vec<_> {
        let trade = |r: &exchange_connectors::record::MarketRecord| match r.view() {
            View::Trade(t) => Some((t.trade_id, t.side, t.size.to_string(), r.flags().contains(Flags::SNAPSHOT))),
            _ => None,
        };
        rig.market.iter().filter_map(trade).collect()
    };
    // Every so often somebody buys, until the first trade that is news arrives: then the subscription stands.
    rig.until_true("a live trade", |rig| {
        rig.venue.trade_against("BTC-USD", VenueSide::Buy, decimal("90000"), decimal("0.00000001")).unwrap();
        trades(rig).iter().any(|t| !t.3)
    });
    rig.mark();
    rig.venue.trade_against("BTC-USD", VenueSide::Sell, decimal("70000"), decimal("0.00000007")).unwrap();
    rig.venue.trade_against("BTC-USD", VenueSide::Buy, decimal("90000"), decimal("0.00000008")).unwrap();
    rig.until_true("both sides", |rig| trades(rig).iter().any(|t| t.2 == "0.00000008"));
    let all = trades(&rig);
    let of = |size: &str| all.iter().find(|t| t.2 == size).unwrap();
    assert_eq!((of("0.00000007").1, of("0.00000008").1), (Side::Sell, Side::Buy), "the taker's side");
    assert!(all.windows(2).all(|w| w[0].0 < w[1].0), "oldest first, none twice: {all:?}");
    assert!(all.windows(2).all(|w| w[0].3 || !w[1].3), "what is old is marked, and comes first");
}

#[test]
fn a_ticker_is_a_quote_and_a_statistic() {
    let mut rig = Bench::new().without_credentials().channels(Channels::TICKER).start_unready();
    let quote = |r: &exchange_connectors::record::MarketRecord| match r.view() {
        View::Quote(quote) => Some(quote),
        _ => None,
    };
    let first = rig.until("a quote", |rig| rig.market.iter().find_map(quote));
    let (bid, ask) = rig.venue.best("BTC-USD").unwrap();
    assert_eq!(decimal(&first.bid.to_string()), bid.unwrap());
    assert_eq!(decimal(&first.ask.to_string()), ask.unwrap());
    let statistic = rig.until("a statistic", |rig| rig.statistics.first().copied());
    assert_eq!(statistic.as_ticker().bid, Some(first.bid));
    assert!(statistic.as_ticker().price.is_some() && statistic.flags().contains(Flags::SNAPSHOT));
}
