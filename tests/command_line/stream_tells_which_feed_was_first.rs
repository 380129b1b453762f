//! `stream --feed`: another source, or two of them with their win rates at the end.

use crate::command_line::{self, run, Simulator};

fn is_about(line: &str, kind: &str) -> bool {
    line.split_whitespace().take(2).eq(["BTC-USD", kind])
}

#[test]
fn two_feeds_end_with_their_win_rates() {
    let simulator = Simulator::start(&["--depth", "10", "--rate", "400"]);
    let arguments = ["stream", "coinbase", "BTC-USD", "--feed", "advanced,exchange", "--seconds", "2"];
    let ended = run(&mut simulator.client(arguments));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.assert_no_panic();
    let line = ended.stderr.lines().find(|l| l.contains("feed 1 (advanced) first with")).unwrap_or_default();
    assert!(line.contains("feed 2 (exchange) first with") && line.contains("trades came again"), "{}", ended.stderr);
    let told = ended.stdout.lines().filter(|l| is_about(l, "trade")).count();
    assert!(told > 10, "{}", ended.stdout);
}

#[test]
fn the_authenticated_feed_takes_its_key_from_the_environment() {
    let simulator = Simulator::start(&["--depth", "10", "--rate", "400"]);
    let arguments = ["stream", "coinbase", "BTC-USD", "--feed", "exchange-authenticated", "--seconds", "1"];
    let ended = run(&mut simulator.client(arguments));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.lines().any(|l| is_about(l, "level")), "{} {}", ended.stdout, ended.stderr);
    assert!(!ended.stderr.contains("WARN"), "{}", ended.stderr);
}

#[test]
fn an_unknown_feed_is_named() {
    let ended = run(command_line::program().args(["stream", "coinbase", "BTC-USD", "--feed", "pro"]));
    assert!(ended.stderr.contains("pro") && ended.stderr.contains("exchange-authenticated"), "{ended:?}");
    assert_ne!(ended.code, Some(0));
}
