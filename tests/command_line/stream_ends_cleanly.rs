//! `stream` without an end of its own ends at SIGINT, SIGTERM, or when nobody reads any more: code 0, last line whole.

use crate::command_line::{finish, signal, Simulator};
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

fn ends_by(name: &str) {
    let simulator = Simulator::start(&["--depth", "50", "--rate", "1000"]);
    let mut command = simulator.client(["stream", "coinbase", "BTC-USD", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    // Well in the middle of it.
    for _ in 0..200 {
        line.clear();
        assert!(stdout.read_line(&mut line).unwrap() > 0, "it streams until it is told to end");
    }
    signal(&child, name);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    let ended = finish(child);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.assert_no_panic();
    let last = rest.lines().last().unwrap_or(line.trim_end());
    assert!(serde_json::from_str::<serde_json::Value>(last).is_ok(), "the last line is whole: {last:?}");
    assert!(rest.is_empty() || rest.ends_with('\n'));
    let count = 200 + rest.lines().count();
    assert_eq!(ended.stderr.lines().last().unwrap(), format!("{count} records"));
}

#[test]
fn sigint_ends_it_cleanly() {
    ends_by("INT");
}

#[test]
fn sigterm_ends_it_cleanly() {
    ends_by("TERM");
}

#[test]
fn a_reader_that_has_had_enough_ends_it_cleanly() {
    let simulator = Simulator::start(&["--depth", "50", "--rate", "1000"]);
    let mut command = simulator.client(["stream", "coinbase", "BTC-USD"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ended = finish(child);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.assert_no_panic();
}
