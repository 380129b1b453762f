//! `stream` without `--json`: lines a person can read, what is not data on standard error.

use crate::command_line::{run, Simulator};

#[test]
fn lines_name_instrument_kind_side_price_and_size() {
    let simulator = Simulator::start(&["--depth", "10", "--rate", "400"]);
    let ended = run(&mut simulator.client(["stream", "coinbase", "BTC-USD", "--seconds", "1"]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.assert_no_panic();
    let has = |parts: &[&str]| {
        ended.stdout.lines().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.starts_with(parts)
        })
    };
    assert!(has(&["coinbase", "state", "market", "open"]), "{}", ended.stdout);
    assert!(has(&["BTC-USD", "trade", "buy"]) && has(&["BTC-USD", "trade", "sell"]), "{}", ended.stdout);
    assert!(has(&["BTC-USD", "level", "bid"]) && has(&["BTC-USD", "level", "ask"]), "{}", ended.stdout);
    assert!(has(&["BTC-USD", "quote", "bid"]) && has(&["BTC-USD", "ticker"]), "{}", ended.stdout);
    assert!(!ended.stdout.contains('{'), "no JSON: {}", ended.stdout);
    assert!(ended.stderr.contains("coinbase: BTC-USD, tick 0.01, lot 0.00000001"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("WARN") && !ended.stderr.contains("ERROR"), "{}", ended.stderr);
}
