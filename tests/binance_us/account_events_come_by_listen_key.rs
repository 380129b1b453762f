//! Binance.US: where the account's events come by listenKey, orders live as they do otherwise, an expired key costs nothing,
//! and a venue that has none any more is told of.

use crate::binance_us::BinanceRig;
use crate::common;
use exchange_connectors::order::ReconcileRules;
use exchange_connectors::record::{ConnectionRole, ConnectionState, ExecutionKind as K, GuardEvent, RejectClass};
use exchange_connectors::sim::binance_us::{ListenKeys, DOOR_WS_API};
use exchange_connectors::sim::server::CloseHow;
use exchange_connectors::venue::binance_us::UserData;

const START: &str = "POST /api/v3/userDataStream";

/// No order goes over the WebSocket API, so that a connection to it would be for the account's events.
fn rig() -> BinanceRig {
    let rules = ReconcileRules { fills_every_ms: 500, ..common::fast_rules() };
    let rig = BinanceRig::trading_by(
        |builder| builder.reconcile(rules),
        |config| config.user_data(UserData::ListenKey).api_connections(0),
    );
    assert_eq!(rig.venue.kill_connections(Some(DOOR_WS_API), CloseHow::Reset).unwrap(), 0);
    rig
}

#[test]
fn an_orders_events_come_over_the_key_and_after_it_expired_over_another() {
    let mut rig = rig();
    let request = rig.submit(rig.resting_bid());
    let accepted = rig.expect(request, K::Accepted);
    let id = accepted.client_order_id;
    rig.venue.fill_order(id.as_str(), "0.004".parse().unwrap()).unwrap();
    assert_eq!(rig.expect(request, K::Fill).quantity().to_string(), "0.004");
    assert_eq!(rig.venue.requests(START).unwrap(), 1);

    rig.venue.expire_listen_key().unwrap();
    rig.venue.fill_order(id.as_str(), "0.006".parse().unwrap()).unwrap();
    let filled = rig.expect(request, K::Filled);
    assert_eq!(filled.cumulative().to_string(), "0.01");
    assert_eq!(rig.law(request), [K::Accepted, K::Fill, K::Fill, K::Filled]);
    rig.until("another key", |rig| (rig.venue.requests(START).unwrap() == 2).then_some(()));
    rig.until_state(ConnectionRole::User, ConnectionState::Healthy);

    let request = rig.submit(rig.resting_bid());
    let accepted = rig.expect(request, K::Accepted);
    rig.venue.fill_order(accepted.client_order_id.as_str(), "0.01".parse().unwrap()).unwrap();
    rig.expect(request, K::Filled);
    assert_eq!((rig.law(request), rig.received(&accepted)), (vec![K::Accepted, K::Fill, K::Filled], 1));
}

#[test]
fn a_venue_without_listen_keys_is_told_of_and_open_orders_are_followed_by_queries() {
    let mut rig = rig();
    let request = rig.submit(rig.resting_bid());
    let accepted = rig.expect(request, K::Accepted);
    rig.venue.set_listen_keys(ListenKeys::Gone).unwrap();
    rig.venue.expire_listen_key().unwrap();
    rig.until("word of it", |rig| {
        let told = |r: &exchange_connectors::record::ExecutionRecord| r.guard == GuardEvent::EventsNotServed;
        rig.executions.iter().any(told).then_some(())
    });
    let refused = rig.submit(rig.resting_bid());
    let refusal = rig.expect(refused, K::Rejected);
    assert_eq!(
        (refusal.reject, refusal.venue_code.as_str()),
        (RejectClass::NotConnected, "venue has no listenKeys any more")
    );
    rig.venue.fill_order(accepted.client_order_id.as_str(), "0.01".parse().unwrap()).unwrap();
    rig.expect(request, K::Filled);
    assert_eq!(rig.law(request), [K::Accepted, K::Fill, K::Filled]);
    assert_eq!(rig.venue.requests(START).unwrap(), 2, "it was not asked again");
}
