//! Frames in the very TLS record of the 101 response are handled although no event ever comes for them.

use crate::common::Bench;
use crate::feed::Feed;
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::View;
use exchange_connectors::sim::coinbase::DOOR_MARKET;
use exchange_connectors::sim::server::{CloseHow, Fault, FaultRule};

#[test]
fn a_trade_in_the_record_of_the_upgrade_reaches_the_strategy() {
    let mut rig = Bench::new().without_credentials().channels(Channels::BOOK | Channels::TRADES).start();
    let mut feed = Feed::of(&mut rig);
    let trade = r#"{"channel":"market_trades","timestamp":"2026-11-22T00:00:00Z","events":[{"type":"update","trades":[{"product_id":"BTC-USD","trade_id":"424242","price":"83000.01","size":"0.5","side":"BUY","time":"2026-11-22T00:00:00Z"}]}]}"#;
    let with_upgrade = FaultRule::next("GET", "/", Fault::WithUpgrade(vec![trade.to_owned(); 2])).on(DOOR_MARKET);
    rig.venue.inject(with_upgrade).unwrap();
    rig.venue.kill_connections(Some(DOOR_MARKET), CloseHow::Reset).unwrap();
    rig.until_true("both trades", |rig| {
        let is = |r: &&exchange_connectors::record::MarketRecord| {
            matches!(r.view(), View::Trade(t) if t.trade_id == 424_242)
        };
        rig.market.iter().filter(is).count() == 2
    });
    feed.wait_equal(&mut rig);
}
