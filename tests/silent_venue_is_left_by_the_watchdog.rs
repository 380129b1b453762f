//! A venue that hangs with its connections open sends no heartbeats: the watchdog ends the streams and dials again. Quiet
//! books are not silence: where heartbeats or pings go on, nothing is left.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use exchange_connectors::gateway::Channels;
use exchange_connectors::record::{ConnectionRole, ConnectionState, GapCause};
use std::time::{Duration, Instant};
use venues::{at_every_venue, Rig, Setup};

/// Longer than two of Coinbase's heartbeats, which come each second.
const SILENCE_MS: u64 = 2_200;

/// How connections of a role stood since a place in the records.
fn states(rig: &Rig, from: usize, of: ConnectionRole) -> Vec<ConnectionState> {
    rig.market[from..].iter().filter_map(|record| common::ear::state(record, of)).collect()
}

#[test]
fn silence_ends_the_streams_and_new_ones_bring_the_book_and_the_account() {
    at_every_venue(|at| {
        let setup = Setup { channels: Channels::BOOK, silence_ms: Some(SILENCE_MS), ..Setup::direct() };
        let mut rig = setup.start(at);
        rig.book_is_the_venues();
        let from = rig.market.len();
        rig.watch(Duration::from_millis(SILENCE_MS * 3 / 2));
        let roles = [ConnectionRole::Market, ConnectionRole::User];
        for of in roles {
            assert_eq!(states(&rig, from, of), [], "{at}: a book that does not move is not silence: {of:?}");
        }
        let (local, began) = (rig.local.clone(), Instant::now());
        local.hung(|| {
            rig.until("the watchdog", |rig| {
                let left = |of| states(rig, from, of).contains(&ConnectionState::Down);
                roles.into_iter().all(left).then_some(())
            });
            // The last word came at most a heartbeat before.
            assert!(began.elapsed() >= Duration::from_millis(SILENCE_MS - 1_000), "{at}: {:?}", began.elapsed());
        });
        rig.until("the end of the gap", |rig| rig.gaps(from).iter().any(|gap| gap.recovered).then_some(()));
        assert_eq!(rig.gaps(from)[0].cause, GapCause::Disconnected, "{at}");
        rig.local.step();
        rig.book_is_the_venues();
        rig.healthy();
        rig.place_accepted();
    });
}
