//! OANDA: whatever happens to the transaction stream, nothing of the account is lost and nothing is doubled.

use crate::common::decimal;
use crate::oanda::OandaRig;
use exchange_connectors::record::{ConnectionRole, ConnectionState, ExecutionKind as K, Side};
use exchange_connectors::sim::oanda::DOOR_STREAM;
use exchange_connectors::sim::server::CloseHow;

const HISTORY: &str = "GET /transactions/sinceid";

#[test]
fn fills_while_the_stream_was_away_are_in_the_history_and_told_once() {
    let mut rig = OandaRig::trading(|config| config);
    let request = rig.submit(rig.limit(Side::Buy, "1.19000", "100"));
    rig.expect(request, K::Accepted);
    rig.venue.hold_user_events().unwrap();
    rig.venue.set_price("EUR_USD", decimal("1.18000"), decimal("1.18010")).unwrap();
    rig.venue.drop_user_events().unwrap();
    rig.venue.kill_connections(Some(DOOR_STREAM), CloseHow::Reset).unwrap();
    rig.venue.release_user_events().unwrap();
    rig.expect(request, K::Filled);
    rig.until_state(ConnectionRole::User, ConnectionState::Healthy);
    assert_eq!((rig.law(request), rig.net().as_deref()), (vec![K::Accepted, K::Fill, K::Filled], Some("100")));
    // And what comes next is next.
    let sold = rig.submit(rig.market(Side::Sell, "40"));
    rig.expect(sold, K::Filled);
    assert_eq!(rig.net().as_deref(), Some("60"));
}

#[test]
fn a_fill_the_stream_swallowed_is_missed_by_its_number_and_fetched() {
    let mut rig = OandaRig::trading(|config| config);
    let request = rig.submit(rig.limit(Side::Buy, "1.19000", "100"));
    rig.expect(request, K::Accepted);
    rig.venue.hold_user_events().unwrap();
    rig.venue.set_price("EUR_USD", decimal("1.18000"), decimal("1.18010")).unwrap();
    rig.venue.drop_user_events().unwrap();
    rig.venue.release_user_events().unwrap();
    let asked = rig.venue.requests(HISTORY).unwrap();
    // The answer to another order names a newer transaction: the hole shows.
    let other = rig.submit(rig.resting_bid());
    rig.expect(other, K::Accepted);
    rig.expect(request, K::Filled);
    assert_eq!((rig.law(request), rig.net().as_deref()), (vec![K::Accepted, K::Fill, K::Filled], Some("100")));
    assert!(rig.venue.requests(HISTORY).unwrap() > asked);
}

#[test]
fn what_was_held_before_the_start_is_where_positions_begin() {
    let mut first = OandaRig::trading(|config| config);
    let bought = first.submit(first.market(Side::Buy, "300"));
    first.expect(bought, K::Filled);
    let mut rig = OandaRig::trading_at(first.into_venue(), |config| config, |builder| builder);
    let sold = rig.submit(rig.market(Side::Sell, "100"));
    rig.expect(sold, K::Filled);
    // The picture of the account, which is asked for once the instrument is known, may come after the fill.
    rig.until("200 units", |rig| (rig.net().as_deref() == Some("200")).then_some(()));
}
