//! Binance.US announces that it will close every WebSocket: each is relieved by another one before it does. No trade, level
//! or fill is lost or told twice, no gap is opened, and orders are taken all the while.

use crate::binance_us::BinanceRig;
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::{ConnectionRole, ConnectionState, ExecutionKind, Venue, View};
use exchange_connectors::sim::binance_us::DOOR_REST;
use exchange_connectors::sim::server::{CloseHow, Request, Venue as _};
use exchange_connectors::telemetry::Counter;
use exchange_connectors::venue::binance_us::StreamConfig;

/// Ids of the newest trades, asked of the model past all sockets.
fn newest_trades(rig: &BinanceRig) -> Vec<u64> {
    let query = "symbol=BTCUSD&limit=1000".to_owned();
    let request = Request { method: "GET".into(), path: "/api/v3/trades".into(), query, ..Request::default() };
    let reply = rig.venue.call(move |core, now_ns| core.venue.http(now_ns, DOOR_REST, &request)).unwrap();
    let trades: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    trades.as_array().unwrap().iter().map(|trade| trade["id"].as_u64().unwrap()).collect()
}

fn told_trades(rig: &BinanceRig) -> Vec<u64> {
    let id = |record: &exchange_connectors::record::MarketRecord| match record.view() {
        View::Trade(trade) if record.instrument() == rig.btc.id => Some(trade.trade_id),
        _ => None,
    };
    rig.market.iter().filter_map(id).collect()
}

#[test]
fn every_connection_is_relieved_and_nothing_is_lost_or_told_twice() {
    let overlap = StreamConfig { overlap_ms: 300, ..StreamConfig::default() };
    let mut rig = BinanceRig::trading(|config| config.stream(overlap));
    for symbol in ["BTCUSD", "ETHUSD"] {
        let channels = Channels::BOOK | Channels::TRADES;
        rig.gateway.subscribe(rig.strategy.id(), Venue::BinanceUs, symbol, channels).unwrap();
    }
    rig.until_books_equal();
    rig.venue.run_market(500).unwrap();
    let first = rig.until("a trade", |rig| told_trades(rig).first().copied());
    let snapshots = rig.venue.requests("GET /api/v3/depth").unwrap();

    rig.venue.announce_shutdown().unwrap();
    let relieved = |rig: &BinanceRig| rig.gateway.telemetry().counters.get(Counter::ConnectionsRelieved);
    let left = |rig: &BinanceRig| rig.gateway.telemetry().counters.get(Counter::Disconnects);
    let mut orders = 0;
    loop {
        // Far below the made-up market: nobody fills it but the test.
        let request = rig.submit(rig.resting_bid());
        let accepted = rig.expect(request, ExecutionKind::Accepted);
        rig.venue.fill_order(accepted.client_order_id.as_str(), "0.01".parse().unwrap()).unwrap();
        rig.expect(request, ExecutionKind::Filled);
        let fills = rig.law(request).iter().filter(|kind| **kind == ExecutionKind::Fill).count();
        assert_eq!(fills, 1, "{:?}", rig.law(request));
        orders += 1;
        if relieved(&rig) == 3 && left(&rig) == 3 {
            break;
        }
        assert!(orders < 10_000, "market data, account and orders: {} relieved, {} left", relieved(&rig), left(&rig));
    }
    rig.venue.pause_market().unwrap();
    rig.until_books_equal();
    let newest = *newest_trades(&rig).last().unwrap();
    rig.until("the newest trade", |rig| told_trades(rig).contains(&newest).then_some(()));
    let mut told = told_trades(&rig);
    told.sort_unstable();
    assert_eq!(told, (first..=newest).collect::<Vec<_>>(), "each once");
    assert!(told.len() > 20, "{} trades", told.len());
    assert_eq!((rig.gaps(rig.btc.id), rig.gaps(rig.eth.id)), (vec![], vec![]));
    assert_eq!(rig.venue.requests("GET /api/v3/depth").unwrap(), snapshots, "no book was fetched again");

    // What took over is a connection like any other: when it falls, it is dialled again.
    rig.venue.kill_connections(None, CloseHow::Reset).unwrap();
    rig.until("the gap's end", |rig| rig.gaps(rig.btc.id).iter().any(|gap| gap.recovered).then_some(()));
    rig.until_books_equal();
    rig.until_state(ConnectionRole::User, ConnectionState::Healthy);
}
