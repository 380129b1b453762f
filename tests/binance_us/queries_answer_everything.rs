//! Every cold question Binance.US answers, asked and read against the local venue.

use crate::binance_us::BinanceRig;
use crate::common::decimal;
use exchange_connectors::gateway::ExchangeError;
use exchange_connectors::order::OrderStatus;
use exchange_connectors::record::{
    ExecutionKind as K, OrderQuantity, OrderShape, OrderTerms, PreparedOrder, RejectClass, Side, UnixNanos,
};

#[test]
fn orders_trades_account_and_checks() {
    let mut rig = BinanceRig::trading(|config| config);
    let queries = rig.gateway.binance_us().unwrap();
    let btc = rig.btc.clone();
    let request = rig.submit(rig.resting_bid());
    let accepted = rig.expect(request, K::Accepted);
    rig.venue.fill_order(accepted.client_order_id.as_str(), decimal("0.004")).unwrap();
    rig.expect(request, K::Fill);

    let order = queries.order(&btc, &accepted.venue_order_id).unwrap().unwrap();
    let open = queries.open_orders(&btc).unwrap();
    let all = queries.all_orders(&btc, None, UnixNanos::NONE).unwrap();
    assert_eq!((open.len(), all.len()), (1, 1));
    assert_eq!((open[0], all[0]), (order, order));
    assert_eq!((order.status, order.cumulative_quantity), (OrderStatus::Open, rig.size("0.004")));
    let id: u64 = accepted.venue_order_id.as_str().parse().unwrap();
    assert!(queries.all_orders(&btc, Some(id + 1), UnixNanos::NONE).unwrap().is_empty());
    assert!(queries.open_orders(&rig.eth).unwrap().is_empty());

    let trades = queries.my_trades(&btc, None, UnixNanos::NONE).unwrap();
    assert_eq!((trades.len(), trades[0].quantity), (1, rig.size("0.004")));
    assert_eq!(trades[0].venue_order_id, accepted.venue_order_id);

    let account = queries.account().unwrap();
    assert!(account.can_trade && account.taker_rate.is_some(), "{account:?}");
    assert_eq!(account.balances.len(), queries.balances().unwrap().len());

    let shape = |price: &str| OrderShape::Limit { price: rig.price(price), post_only: true, shown: None };
    let order = |price| OrderTerms::new(Side::Buy, OrderQuantity::Base(rig.size("0.01")), shape(price));
    let prepared = |price| PreparedOrder::new(&btc, order(price)).unwrap();
    queries.test_order(&btc, &prepared("50000")).unwrap();
    let refused = queries.test_order(&btc, &prepared("100"));
    assert!(matches!(refused, Err(ExchangeError::Rejected { class: RejectClass::PriceBand, .. })), "{refused:?}");
    assert_eq!(queries.open_orders(&btc).unwrap().len(), 1, "a checked order is none");

    let catalog = queries.catalog(Some("BTCUSD")).unwrap();
    assert!(catalog.markets[0].cancel_replace && !catalog.limits.is_empty());
    assert!(queries.server_time().unwrap().is_some());

    let cancelled = queries.cancel_all(&btc).unwrap();
    assert_eq!(cancelled.iter().map(|o| o.status).collect::<Vec<_>>(), [OrderStatus::Cancelled]);
    rig.expect(request, K::Cancelled);
    assert!(queries.cancel_all(&btc).unwrap().is_empty(), "none open is no error");
}
