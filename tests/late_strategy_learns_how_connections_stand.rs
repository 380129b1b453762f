//! A strategy that is added while everything runs is told how every connection stands, as if it had been there.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use exchange_connectors::record::{ConnectionRole, ConnectionState, MarketRecord, View};
use venues::{Rig, Setup};

fn last(records: &[MarketRecord], of: ConnectionRole) -> Option<ConnectionState> {
    records.iter().rev().find_map(|record| match record.view() {
        View::State(now) if now.role == of => Some(now.state),
        _ => None,
    })
}

#[test]
fn at_every_venue() {
    venues::at_every_venue(|at| {
        // Healthy: whatever is going to change has changed, and no news will come.
        let mut rig = Setup::direct().start(at);
        let mut late = rig.gateway.strategy().unwrap();
        let mut told = Vec::new();
        let roles = [ConnectionRole::User, ConnectionRole::Orders];
        rig.until("the states, told to the late one", |rig: &mut Rig| {
            while let Some(record) = late.market.pop() {
                told.push(record);
            }
            roles.iter().all(|role| last(&told, *role) == rig.state(*role)).then_some(())
        });
    });
}
