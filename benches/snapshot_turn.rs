//! The longest the hot thread is held while a 5 MB snapshot of 43,000 levels comes in.
//!
//! First the engine alone: the longest call and the longest of each piece, with the ring drained between. Then the whole
//! reactor over TLS on loopback, while the venue reconnects it again and again: every turn in time of its own thread, and
//! the longest by the clock on the wall, which on a machine with fewer cores than busy threads also holds whatever the
//! system ran in between.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;

use common::coinbase::{frame, message};
use common::engine::{Running, MARKET, NOW};
use common::loopback::{heading, line, Loopback};
use exchange_connectors::engine::Input;
use exchange_connectors::gateway::{Channels, Idle};
use exchange_connectors::record::{Flags, MarketKind, Venue};
use exchange_connectors::sim::coinbase::{Config, DOOR_MARKET};
use exchange_connectors::sim::server::CloseHow;
use exchange_connectors::telemetry::{Counter, Histogram};
use std::time::{Duration, Instant};

/// As recorded: Coinbase BTC-USD.
const SIDE_LEVELS: usize = 21_500;
const SNAPSHOTS: usize = 20;
/// Plaintext the reactor hands over at a time.
const READ: usize = 64 * 1024;
/// The longest turn optimised code may take while a snapshot comes, ns of its thread: longer, and orders wait.
const TURN_NS_MAX: u64 = 100_000;
/// How long one snapshot may take.
const PATIENCE: Duration = Duration::from_secs(10);

fn snapshot(sequence: u64) -> Vec<u8> {
    let level = |side: &str, price: usize| {
        format!(
            r#"{{"side":"{side}","event_time":"2026-09-30T02:39:53.495541Z","price_level":"{}.{:02}","new_quantity":"0.0601005"}}"#,
            price / 100,
            price % 100
        )
    };
    let bids = (0..SIDE_LEVELS).map(|i| level("bid", 8_327_700 - 3 * i));
    let offers = (0..SIDE_LEVELS).map(|i| level("offer", 8_327_701 + 3 * i));
    let levels: Vec<String> = bids.chain(offers).collect();
    let event = format!(r#"{{"type":"snapshot","product_id":"BTC-USD","updates":[{}]}}"#, levels.join(","));
    frame(&message(sequence, "l2_data", &event))
}

/// Each call of the engine while it reads snapshots. All snapshots take the same calls, so the least time of each call is
/// its own, and what is above it is the machine's.
fn engine(snapshots: usize) {
    let mut calls = Histogram::new();
    let mut least: Vec<u64> = Vec::new();
    let mut bytes_sent = 0;
    for _ in 0..snapshots {
        let mut running = Running::opened();
        let mut bytes = snapshot(running.sequence);
        bytes_sent = bytes.len();
        let (mut at, mut end, mut records, mut call) = (0, 0, 0, 0);
        let mut more = false;
        while at < bytes.len() || more {
            end = bytes.len().min(end.max(at + READ));
            let plain = bytes.get_mut(at..end).unwrap();
            let start = Instant::now();
            let progress = running.engine.apply(NOW, Input::Bytes { conn: MARKET, plain }, &mut running.out);
            let ns = start.elapsed().as_nanos() as u64;
            calls.record(ns);
            match least.get_mut(call) {
                Some(least) => *least = ns.min(*least),
                None => least.push(ns),
            }
            call += 1;
            at += progress.consumed;
            more = progress.more;
            if !more && progress.consumed == 0 {
                end = end.max(at) + READ;
            }
            records += running.drain();
        }
        assert!(records >= 2 * SIDE_LEVELS, "{records} records of a whole snapshot");
    }
    heading(&format!("engine, {snapshots} snapshots of {bytes_sent} bytes"));
    line("one call", calls.reader().snapshot().summary());
    let (longest_at, longest) = least.iter().copied().enumerate().max_by_key(|(_, ns)| *ns).unwrap_or_default();
    let total: u64 = least.iter().sum();
    println!(
        "{} calls a snapshot, {} us in all; longest {}.{} us, call {longest_at}, each at its best; limit 100",
        least.len(),
        total / 1_000,
        longest / 1_000,
        longest % 1_000 / 100
    );
}

/// Every turn of the reactor, in time of its own thread: what the system ran in between does not count. The strategy is
/// drained by the same thread, between two turns.
fn reactor(snapshots: usize) {
    let config = Config { events_per_s: 0, depth: SIDE_LEVELS, ..Config::default() };
    let (loopback, mut reactor) = Loopback::build(Idle::Busy, config);
    let mut strategy = loopback.gateway.strategy().unwrap();
    loopback.gateway.subscribe(strategy.id(), Venue::Coinbase, "BTC-USD", Channels::BOOK).unwrap();
    // Turns that open connections, and turns from the first level of a snapshot to its last.
    let (mut opening, mut turns) = (Histogram::new(), Histogram::new());
    let (mut seen, mut levels, mut longest) = (0, 0usize, 0);
    let mut comes = false;
    let mut deadline = Instant::now() + PATIENCE;
    while seen < snapshots {
        assert!(Instant::now() < deadline, "{seen} snapshots came, then none");
        let before = thread_ns();
        let worked = reactor.poll_once();
        let turn = thread_ns() - before;
        if worked && comes {
            turns.record(turn);
            longest = turn.max(longest);
        } else if worked {
            opening.record(turn);
        }
        while let Some(record) = strategy.market.pop() {
            levels += usize::from(record.kind() == MarketKind::Level);
            comes |= record.kind() == MarketKind::Level;
            if record.flags().contains(Flags::SNAPSHOT | Flags::LAST) {
                (seen, comes) = (seen + 1, false);
                deadline = Instant::now() + PATIENCE;
                loopback.venue.kill_connections(Some(DOOR_MARKET), CloseHow::Clean).unwrap();
            }
        }
    }
    heading(&format!("reactor over TLS, {seen} snapshots, {levels} levels, in time of its thread"));
    line("a turn while one comes", turns.reader().snapshot().summary());
    line("a turn between two", opening.reader().snapshot().summary());
    let wall = loopback.gateway.telemetry().counters.get(Counter::LongestTurnNs);
    println!(
        "longest turn while one comes {} us (all turns by the clock on the wall {} us); limit {}",
        longest / 1_000,
        wall / 1_000,
        TURN_NS_MAX / 1_000
    );
    if !cfg!(debug_assertions) && longest > TURN_NS_MAX {
        println!("over its limit: the longest turn while a snapshot comes");
        std::process::exit(1);
    }
}

/// Time the calling thread has run, ns.
fn thread_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn main() {
    let snapshots = if common::is_quick() { SNAPSHOTS / 4 } else { SNAPSHOTS };
    engine(snapshots);
    reactor(snapshots);
}
