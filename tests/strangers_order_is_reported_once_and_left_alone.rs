//! An order on the account that is not ours is reported once as StrangerOrder and never touched.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bench, BATCH_CANCEL};
use exchange_connectors::gateway::Shutdown;
use exchange_connectors::record::{ConnectionRole, ConnectionState, ExecutionKind as K, RequestId};
use exchange_connectors::sim::coinbase::DOOR_USER;
use exchange_connectors::sim::server::CloseHow;

#[test]
fn placed_while_we_run_and_seen_again_after_a_reconnect() {
    let mut rig = Bench::new().start();
    rig.mark();
    let id = rig.strangers_bid("somebody-elses-1", "40000", "0.02");
    let told = rig.wait_for_execution("the stranger", |r| r.kind == K::StrangerOrder);
    assert_eq!(told.request, RequestId::NONE);
    assert_eq!((told.client_order_id.as_str(), told.venue_order_id.as_str()), ("somebody-elses-1", id.as_str()));
    assert_eq!((told.quantity().to_string(), told.price().to_string()), ("0.02".into(), "40000".into()));

    rig.mark();
    rig.venue.kill_connections(Some(DOOR_USER), CloseHow::Reset).unwrap();
    rig.wait_for_state(ConnectionRole::User, ConnectionState::Down);
    rig.wait_for_state(ConnectionRole::User, ConnectionState::Healthy);
    assert_eq!(rig.executions.iter().filter(|r| r.kind == K::StrangerOrder).count(), 1);

    let ours = rig.place_accepted(rig.resting_bid());
    rig.shutdown(Shutdown::CancelOurs, 3_000).unwrap();
    assert_eq!(rig.at_venue(&ours).unwrap().0, "CANCELLED");
    assert_eq!(rig.venue.order("somebody-elses-1").unwrap().unwrap().1, "OPEN", "left alone");
    assert_eq!(rig.venue.requests(&format!("POST {BATCH_CANCEL}")).unwrap(), 1, "ours only");
}

#[test]
fn there_before_we_came() {
    let bench = Bench::new();
    let venue = bench.start_venue();
    // A first gateway, only to place it.
    let rig = Bench::new().start_at(venue);
    rig.strangers_bid("somebody-elses-2", "40000", "0.02");
    let mut rig = rig;
    rig.wait_for_execution("the stranger", |r| r.kind == K::StrangerOrder);
    let venue = rig.into_venue();
    let mut second = bench.start_at(venue);
    let told = second.wait_for_execution("the stranger", |r| r.kind == K::StrangerOrder);
    assert_eq!(told.client_order_id.as_str(), "somebody-elses-2");
    second.healthy();
    assert_eq!(second.executions.iter().filter(|r| r.kind == K::StrangerOrder).count(), 1);
}
