//! A venue that hangs with its connections open sends no heartbeats: the watchdog ends the connection and dials again.

use crate::common::{self, Bench};
use crate::feed::{gaps_since, upgrades, wait_recovered, Feed};
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::GapCause;
use exchange_connectors::venue::coinbase::StreamConfig;
use std::sync::mpsc;

#[test]
fn silence_ends_the_connection_and_a_new_one_brings_the_book() {
    let stream = StreamConfig { silence_ms_max: 1_300, ..StreamConfig::default() };
    let mut rig =
        Bench::new().without_credentials().channels(Channels::BOOK).coinbase(move |c| c.stream(stream)).start();
    let mut feed = Feed::of(&mut rig);
    let from = rig.market.len();
    let (wake, sleep) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let wake = wake; // dropped with this closure, however it ends: the venue wakes
        let venue = rig.venue.clone();
        // The venue's only thread hangs until it is woken.
        let hung = scope.spawn(move || venue.call(move |_, _| sleep.recv().is_ok()));
        let deadline = std::time::Instant::now() + common::PATIENCE;
        let mut seen = Vec::new();
        while seen.is_empty() {
            assert!(std::time::Instant::now() < deadline, "the watchdog did not bark");
            rig.strategy.wait(std::time::Duration::from_millis(2));
            while let Some(record) = rig.strategy.market.pop() {
                if record.kind() == exchange_connectors::record::MarketKind::Gap {
                    seen.push(record);
                }
                rig.market.push(record);
            }
        }
        wake.send(()).unwrap();
        assert!(hung.join().unwrap().unwrap());
    });
    assert_eq!(gaps_since(&rig, from)[0].cause, GapCause::Disconnected);
    wait_recovered(&mut rig, from);
    feed.wait_equal(&mut rig);
    assert_eq!(upgrades(&rig), 2);
}
