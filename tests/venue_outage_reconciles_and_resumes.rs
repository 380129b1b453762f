//! The venue goes down with orders open and comes back: what happened meanwhile is told, then orders can be sent again.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{decimal, is_state, Bench};
use exchange_connectors::record::{ConnectionRole, ConnectionState, ExecutionKind as K, RejectClass};

#[test]
fn orders_are_reconciled_and_trading_resumes() {
    let mut rig = Bench::new().start();
    let filled = rig.place_accepted(rig.resting_bid());
    let resting = rig.place_accepted(rig.resting_bid());
    rig.mark();
    rig.venue.down().unwrap();
    rig.wait_for_state(ConnectionRole::User, ConnectionState::Down);
    let refused = rig.submit(rig.resting_bid());
    let refused = rig.until("the refusal", |rig| rig.first(refused));
    assert_eq!((refused.kind, refused.reject), (K::Rejected, RejectClass::NotConnected));
    assert_eq!(rig.received(&refused), 0);

    rig.venue.fill_order(filled.client_order_id.as_str(), decimal("0.01")).unwrap();
    rig.venue.up().unwrap().unwrap();
    rig.until_true("the user stream to be healthy again", |rig| {
        rig.user_state() == Some(ConnectionState::Healthy)
            && rig.market.iter().filter(|r| is_state(r, ConnectionRole::User, ConnectionState::Healthy)).count() == 2
    });
    rig.expect(filled.request, K::Filled);
    assert_eq!(rig.law(filled.request), [K::Accepted, K::Fill, K::Filled]);
    assert_eq!(rig.law(resting.request), [K::Accepted], "it rests on, and nothing is told of it");

    let again = rig.place_accepted(rig.resting_bid());
    rig.submit(rig.cancel_of(resting.request));
    rig.submit(rig.cancel_of(again.request));
    rig.expect(resting.request, K::Cancelled);
    rig.expect(again.request, K::Cancelled);
    assert_eq!(rig.gateway().open_orders().unwrap(), 0);
}
