//! Random order scenarios against the venues' models on a network that fails: no fill is lost, none is counted twice.
//!
//! A few by default; `EXCHANGE_CONNECTORS_SCENARIOS=10000 cargo test --release --test random_order_scenarios` plays that
//! many per venue, and `EXCHANGE_CONNECTORS_SCENARIO_SEED=N` begins with seed N: what a failure names is found again by it.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use exchange_connectors::sim::binance_us::BinanceUs;
use exchange_connectors::sim::coinbase::Coinbase;
use exchange_connectors::sim::oanda::Oanda;
use exchange_connectors::sim::simulation::scenario::{play, Scenario, Summary};
use exchange_connectors::sim::simulation::Subject;
use exchange_connectors::sim::SECOND_NS;

/// Scenarios per venue unless told otherwise.
const SCENARIOS: u64 = 25;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |value| value.parse().unwrap())
}

fn play_all<S: Subject>() {
    let (first, count) =
        (number("EXCHANGE_CONNECTORS_SCENARIO_SEED", 1), number("EXCHANGE_CONNECTORS_SCENARIOS", SCENARIOS));
    let mut all = Summary::default();
    let mut wrong = Vec::new();
    for seed in first..first + count {
        match play::<S>(seed) {
            Ok(summary) => all = all.with(summary),
            Err(what) => wrong.push(what),
        }
    }
    eprintln!("{}: {count} scenarios: {all:?}", S::VENUE);
    for what in wrong.iter().filter_map(|what| what.lines().next()) {
        eprintln!("{what}");
    }
    assert!(wrong.is_empty(), "{} of {count} failed, the first of them: {}", wrong.len(), wrong[0]);
    if count >= SCENARIOS {
        let met = [all.arrived, all.fills, all.unknown, all.changed, all.ended, all.adopted, all.faults, all.deaths];
        assert!(met.iter().all(|count| *count > 0), "they met too little: {all:?}");
    }
}

#[test]
fn nothing_is_lost_or_doubled_at_coinbase() {
    play_all::<Coinbase>();
}

#[test]
fn nothing_is_lost_or_doubled_at_binance_us() {
    play_all::<BinanceUs>();
}

#[test]
fn nothing_is_lost_or_doubled_at_oanda() {
    play_all::<Oanda>();
}

fn a_dropped_fill_is_found<S: Subject>() {
    let mut longest_s = 0;
    for seed in 1..6 {
        let mut scenario = Scenario::<S>::begin(seed).unwrap();
        let id = scenario.place().unwrap();
        scenario.pass(seed * 7 * SECOND_NS);
        scenario.venue_mut().silence(&id, true);
        scenario.fill(&id, 3);
        let (mut waited_s, before) = (0, scenario.told_filled(&id));
        assert_eq!(before, Some(0), "the stream is silent:\n{}", scenario.trail());
        while scenario.told_filled(&id) == Some(0) {
            scenario.pass(SECOND_NS);
            waited_s += 1;
            assert!(waited_s <= 60, "{}: not found in a minute", S::VENUE);
        }
        longest_s = longest_s.max(waited_s);
    }
    assert!(longest_s > 1, "the stream told it after all");
}

#[test]
fn a_fill_that_a_healthy_stream_dropped_is_found_within_a_minute_at_coinbase() {
    a_dropped_fill_is_found::<Coinbase>();
}

#[test]
fn a_fill_that_a_healthy_stream_dropped_is_found_within_a_minute_at_binance_us() {
    a_dropped_fill_is_found::<BinanceUs>();
}

#[test]
fn a_fill_that_a_healthy_stream_dropped_is_found_within_a_minute_at_oanda() {
    a_dropped_fill_is_found::<Oanda>();
}
