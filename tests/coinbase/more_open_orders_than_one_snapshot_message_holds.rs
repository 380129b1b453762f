//! The user channel's snapshot comes in messages of 50 orders, and the first with fewer ends it (Coinbase reference 6.8):
//! after a reconnect with more than that open, all are known and none is told twice.

use crate::common::{self, Bench};
use exchange_connectors::record::{ConnectionRole, ConnectionState, ExecutionKind};
use exchange_connectors::sim::coinbase::DOOR_USER;
use exchange_connectors::sim::server::CloseHow;

/// Two full messages, so that an empty one ends the snapshot.
const ORDERS: usize = 100;

#[test]
fn all_of_them_are_known_after_a_reconnect() {
    let mut rig = Bench::new().coinbase(|config| config.requests_per_second(200)).start();
    let requests: Vec<_> = (0..ORDERS).map(|_| rig.place(rig.resting_bid())).collect();
    let accepted = |rig: &common::Rig| rig.executions.iter().filter(|r| r.kind == ExecutionKind::Accepted).count();
    rig.until_true("all of them accepted", |rig| accepted(rig) == ORDERS);
    rig.mark();
    rig.venue.kill_connections(Some(DOOR_USER), CloseHow::Reset).unwrap();
    rig.wait_for_state(ConnectionRole::User, ConnectionState::Down);
    rig.wait_for_state(ConnectionRole::User, ConnectionState::Healthy);
    assert_eq!(rig.gateway().open_orders().unwrap(), ORDERS);
    assert_eq!(accepted(&rig), ORDERS, "none is told twice");
    assert!(!rig.executions.iter().any(|r| r.kind == ExecutionKind::StrangerOrder));
    // And each can still be ended.
    rig.submit(rig.cancel_of(requests[ORDERS - 1]));
    rig.wait_for_execution("its end", |r| r.kind == ExecutionKind::Cancelled);
}
