//! However hard a strategy hammers OANDA, the venue's own limits are never hit: 120 requests and 2 new connections a second,
//! 20 streams. What is too much is refused here, typed, and cancels still get through.

use crate::oanda::{self, OandaRig};
use exchange_connectors::gateway::{Channels, OandaConfig, Shutdown};
use exchange_connectors::record::{ConnectionRole, ConnectionState, ExecutionKind as K, RejectClass, UnixNanos, Venue};
use exchange_connectors::sim::oanda::Limits;
use exchange_connectors::sim::server::CloseHow;
use std::time::Duration;

/// Streams a gateway may have at once: the prices, those that take their place, and the account's transactions.
const STREAMS_MAX: usize = 3;

fn rig(order_connections: usize) -> OandaRig {
    let venue = oanda::quiet_venue(|config| config.limits = Limits::default());
    let change = move |config: OandaConfig| config.order_connections(order_connections).connections_per_second(2);
    OandaRig::trading_at(venue, change, |builder| builder)
}

#[test]
fn hundreds_of_orders_and_their_cancels() {
    let mut rig = rig(4);
    let order = rig.resting_bid();
    // A burst, then one every few milliseconds until more than one window of the limit is over.
    let mut submitted: Vec<_> = (0..50).map(|_| rig.submit(order)).collect();
    let started = rig.gateway.now();
    while submitted.len() < 400 || rig.gateway.now().since(started) < 1_300_000_000 {
        submitted.push(rig.submit(order));
        rig.strategy.wait(Duration::from_millis(3));
        rig.until("nothing", |_| Some(()));
    }
    let (mut accepted, mut limited) = (Vec::new(), 0);
    for request in submitted {
        let first = rig.until("its first record", |rig| rig.executions.iter().find(|r| r.request == request).copied());
        match (first.kind, first.reject) {
            (K::Accepted, _) => accepted.push(request),
            (K::Rejected, RejectClass::RateLimited) => {
                assert_eq!(first.sent, UnixNanos::NONE, "refused here, not there");
                assert!(first.venue_time > first.recv, "it says when to try again");
                limited += 1;
            }
            (K::Rejected, RejectClass::Busy) => assert_eq!(first.sent, UnixNanos::NONE),
            other => panic!("{other:?}: {first:?}"),
        }
    }
    assert!(accepted.len() >= 70 && limited > 20, "{} accepted, {limited} limited", accepted.len());
    assert_eq!(rig.venue.requests("POST /orders").unwrap(), accepted.len() as u64);
    // Cancels draw on their own reserve while orders are refused.
    for request in &accepted {
        rig.submit(rig.cancel_of(*request));
    }
    for request in &accepted {
        rig.expect(*request, K::Cancelled);
    }
    let seen = rig.venue.observed().unwrap();
    assert_eq!((rig.venue.rate_limit_hits().unwrap(), seen.connections_refused), (0, 0));
    assert!(seen.orders_received.values().all(|times| *times == 1));
}

#[test]
fn every_connection_lost_at_once_and_streams_that_change() {
    // As many as there are by default.
    let mut rig = rig(2);
    for symbol in ["EUR_USD", "USD_JPY", "GBP_USD"] {
        rig.gateway.subscribe(rig.strategy.id(), Venue::Oanda, symbol, Channels::BOOK).unwrap();
        assert!(rig.venue.open_streams().unwrap() <= STREAMS_MAX);
    }
    rig.until_state(ConnectionRole::Market, ConnectionState::Healthy);
    for _ in 0..2 {
        rig.market.clear();
        rig.venue.kill_connections(None, CloseHow::Reset).unwrap();
        for role in [ConnectionRole::User, ConnectionRole::Market, ConnectionRole::Orders] {
            rig.until_state(role, ConnectionState::Healthy);
        }
        assert!(rig.venue.open_streams().unwrap() <= STREAMS_MAX);
    }
    let seen = rig.venue.observed().unwrap();
    assert_eq!((rig.venue.rate_limit_hits().unwrap(), seen.connections_refused), (0, 0));
    rig.gateway.shutdown(Shutdown::LeaveOpen, 5_000).unwrap();
}
