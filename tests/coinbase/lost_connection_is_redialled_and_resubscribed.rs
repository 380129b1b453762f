//! However the venue ends the connection: a gap, a new connection with all subscriptions, the book afresh, the gap's end.

use crate::common::{self, Bench};
use crate::feed::{count, snapshot_ends, upgrades, wait_recovered, Feed};
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::{ConnectionRole, ConnectionState, GapCause};
use exchange_connectors::sim::coinbase::DOOR_MARKET;
use exchange_connectors::sim::server::CloseHow;
use exchange_connectors::telemetry::Counter;

fn ended_by(how: CloseHow) {
    let mut rig = Bench::new().without_credentials().channels(Channels::BOOK).start();
    let mut feed = Feed::of(&mut rig);
    rig.until_true("health", |rig| {
        rig.market.iter().any(|r| common::is_state(r, ConnectionRole::Market, ConnectionState::Healthy))
    });
    rig.mark();
    let from = rig.market.len();
    rig.venue.kill_connections(Some(DOOR_MARKET), how).unwrap();
    rig.venue.step(50).unwrap();
    let gaps = wait_recovered(&mut rig, from);
    assert_eq!(
        gaps.iter().map(|g| (g.cause, g.recovered)).collect::<Vec<_>>(),
        [(GapCause::Disconnected, false), (GapCause::Disconnected, true)]
    );
    // Healthy means: every subscription is confirmed again, the heartbeats among them.
    rig.wait_for_state(ConnectionRole::Market, ConnectionState::Healthy);
    feed.wait_equal(&mut rig);
    assert_eq!(snapshot_ends(&rig, from), (1, 1));
    assert_eq!((upgrades(&rig), count(&rig, Counter::Disconnects), count(&rig, Counter::Reconnects)), (2, 1, 1));
}

#[test]
fn by_a_reset() {
    ended_by(CloseHow::Reset);
}

#[test]
fn by_a_clean_end() {
    ended_by(CloseHow::Clean);
}

#[test]
fn by_a_close_frame() {
    ended_by(CloseHow::Frame(1001));
}

#[test]
fn by_a_truncated_stream() {
    ended_by(CloseHow::Truncated);
}
