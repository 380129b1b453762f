//! An order on the account that is not ours is reported once as StrangerOrder and never touched, at every venue.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use common::decimal;
use exchange_connectors::gateway::Shutdown;
use exchange_connectors::record::{
    ConnectionRole, ConnectionState, ExecutionKind as K, ExecutionRecord, InstrumentId, RequestId,
};
use exchange_connectors::sim::server::CloseHow;
use venues::{rest_at, Rig, Setup};

const STRANGER: &str = "somebody-else-1";

/// What was told of the stranger's order at the venue that is spoken of.
fn strangers(rig: &Rig) -> Vec<ExecutionRecord> {
    let here = |r: &&ExecutionRecord| r.kind == K::StrangerOrder && r.venue == rig.local.venue();
    rig.executions.iter().filter(here).copied().collect()
}

fn is_told(rig: &mut Rig) -> ExecutionRecord {
    let told = rig.until("the stranger", |rig| strangers(rig).first().copied());
    let at = rig.local.venue();
    assert_eq!((told.request, told.client_order_id.as_str()), (RequestId::NONE, STRANGER), "{at}");
    assert!(!told.venue_order_id.is_empty(), "{at}");
    told
}

/// It is told with its price and quantity.
fn assert_terms(rig: &Rig, told: &ExecutionRecord) {
    let terms = (told.price().to_string(), told.quantity().to_string());
    let (price, size) = rig.local.bid_terms();
    assert_eq!((decimal(&terms.0), decimal(&terms.1)), (decimal(price), decimal(size)), "{}", rig.local.venue());
    assert_eq!(told.instrument, rig.traded.id, "{}", rig.local.venue());
}

#[test]
fn placed_while_we_run_and_there_before_we_came() {
    let mut rig = Setup::direct().start_everywhere();
    let ours = rig.each(|rig| {
        rig.local.strangers_bid(rig.local.symbol(), STRANGER);
        let told = is_told(rig);
        assert_terms(rig, &told);

        // Seen again after a reconnect.
        rig.local.kill_connections(Some(rig.local.user_door()), CloseHow::Reset);
        let user = |rig: &Rig| rig.state(ConnectionRole::User);
        rig.until("the end", |rig| (user(rig) != Some(ConnectionState::Healthy)).then_some(()));
        rig.healthy();
        rig.place_accepted()
    });
    rig.each(|rig| assert_eq!(strangers(rig).len(), 1, "{}", rig.local.venue()));
    let locals = rig.locals();
    rig.gateway.shutdown(Shutdown::CancelOurs, 5_000).unwrap();
    assert_eq!(rest_at(&locals, &ours), [false; 3]);
    for local in &locals {
        assert!(local.holds(STRANGER), "{}: left alone", local.venue());
        assert_eq!(local.cancels_posted(), 1, "{}: ours only", local.venue());
    }

    let mut second = Setup::direct().try_start(&locals, |builder| builder).unwrap();
    second.each(|rig| {
        // What is open may be listed before anybody has subscribed the instrument: then it is told by its ids alone.
        let told = is_told(rig);
        if told.instrument != InstrumentId::NONE {
            assert_terms(rig, &told);
        }
        rig.healthy();
        rig.place_accepted();
        assert_eq!(strangers(rig).len(), 1, "{}", rig.local.venue());
        assert!(rig.local.holds(STRANGER), "{}", rig.local.venue());
    });
}
