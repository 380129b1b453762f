//! The limit of open orders is one strategy's: another strategy's orders do not use it up.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bench, PATIENCE};
use exchange_connectors::gateway::Limits;
use exchange_connectors::record::ExecutionKind as K;
use std::time::{Duration, Instant};

#[test]
fn a_second_strategy_has_its_own() {
    let mut rig = Bench::new().gateway(|b| b.limits(Limits::new().open_orders_per_strategy(1))).start();
    rig.place_accepted(rig.resting_bid());
    let mut other = rig.gateway().strategy().unwrap();
    let request = other.orders.submit(rig.resting_bid()).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let first = loop {
        if let Some(record) = other.executions.pop().filter(|r| r.request == request) {
            break record;
        }
        assert!(Instant::now() < deadline, "no answer");
        other.wait(Duration::from_millis(2));
    };
    assert_eq!(first.kind, K::Accepted, "{first:?}");
}
