//! What a user can get wrong gives one line on standard error that says what and what to do, and a code other than 0.

use crate::command_line::{program, run, Directory, Ended, Simulator};

/// Nobody listens there, and no system gives it to who asks for a free port: one that was bound and let go may be another
/// test's by the time it is dialled.
const NOBODYS_PORT: u16 = 1;

const STREAM: [&str; 5] = ["stream", "coinbase", "BTC-USD", "--seconds", "2"];

#[track_caller]
fn says(ended: &Ended, wanted: &[&str]) {
    let error = ended.the_error();
    for part in wanted {
        assert!(error.contains(part), "{part:?} is missing in {error:?}");
    }
    assert_eq!(error.matches("coinbase").count().min(2), error.matches("coinbase").count(), "said once: {error:?}");
    assert!(ended.stdout.is_empty(), "results only on standard output: {ended:?}");
}

#[test]
fn an_unknown_instrument_is_named() {
    let simulator = Simulator::start(&["--rate", "0"]);
    for symbol in ["NOPE-USD", "btc-usd", "BTC/USD", "", "../time"] {
        let ended = run(&mut simulator.client(["stream", "coinbase", symbol, "--seconds", "2"]));
        says(&ended, &["coinbase: no instrument", &format!("`{symbol}`")]);
    }
}

#[test]
fn usage_errors_name_the_argument_and_what_is_possible() {
    let cases: [(&[&str], &[&str]); 7] = [
        (&["stream", "kraken", "XBT"], &["kraken", "coinbase"]),
        (&["stream", "coinbase"], &["<INSTRUMENT>"]),
        (&["stream", "coinbase", "BTC-USD", "--channels", "depth"], &["`depth`", "book, trades, ticker"]),
        (&["stream", "coinbase", "BTC-USD", "--channels", ""], &["book, trades, ticker"]),
        (&["stream", "coinbase", "BTC-USD", "--seconds", "soon"], &["soon", "--seconds"]),
        (&["sim"], &["--dir"]),
        (&["trade"], &["trade"]),
    ];
    for (arguments, wanted) in cases {
        let ended = run(program().args(arguments));
        ended.assert_no_panic();
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let first = ended.stderr.lines().next().unwrap();
        assert!(first.starts_with("error: "), "{ended:?}");
        for part in wanted {
            assert!(ended.stderr.contains(part), "{part:?} is missing in {:?}", ended.stderr);
        }
    }
}

#[test]
fn a_host_nobody_listens_at_is_named() {
    let simulator = Simulator::start(&["--rate", "0"]);
    let url = format!("https://localhost:{NOBODYS_PORT}");
    says(&run(&mut simulator.client_with("COINBASE_REST_URL", Some(&url), STREAM)), &["localhost", "refused"]);
    let unknown = "https://no-such-host.invalid";
    says(
        &run(&mut simulator.client_with("COINBASE_REST_URL", Some(unknown), STREAM)),
        &["no-such-host.invalid", "resolve"],
    );
    let stream = format!("wss://localhost:{NOBODYS_PORT}");
    let ended = run(&mut simulator.client_with("COINBASE_WS_URL", Some(&stream), STREAM));
    assert!(ended.the_error().contains("no market-data connection"), "{ended:?}");
    assert!(ended.stderr.contains(&format!("localhost:{NOBODYS_PORT}")), "the log says where: {ended:?}");
}

#[test]
fn a_bad_url_is_named_with_its_variable() {
    let simulator = Simulator::start(&["--rate", "0"]);
    for (name, value, wanted) in [
        ("COINBASE_REST_URL", "http://localhost", "https://"),
        ("COINBASE_WS_URL", "https://localhost", "wss://"),
        ("COINBASE_WS_USER_URL", "localhost", "wss://"),
        ("COINBASE_REST_URL", "https://localhost:99999", "port"),
        ("COINBASE_REST_URL", "https://localhost/api", "path"),
    ] {
        let ended = run(&mut simulator.client_with(name, Some(value), STREAM));
        let error = ended.the_error();
        assert!(error.contains(name) && error.contains(wanted), "{error}");
    }
}

#[test]
fn a_missing_or_unusable_authority_is_named() {
    let simulator = Simulator::start(&["--rate", "0"]);
    let directory = Directory::new("authorities");
    let garbage = directory.0.join("garbage.pem");
    std::fs::write(&garbage, "no certificate in here").unwrap();
    for path in ["/nowhere/ca.pem", garbage.to_str().unwrap()] {
        let ended = run(&mut simulator.client_with("EXCHANGE_CONNECTORS_CA_FILE", Some(path), STREAM));
        let error = ended.the_error();
        assert!(error.contains("EXCHANGE_CONNECTORS_CA_FILE") && error.contains(path), "{error}");
    }
    let ended = run(&mut simulator.client_with("EXCHANGE_CONNECTORS_CA_FILE", None, STREAM));
    says(&ended, &["coinbase", "not trusted", "PEM file"]);
}

#[test]
fn stream_needs_no_credentials_and_does_not_look_at_broken_ones() {
    let simulator = Simulator::start(&["--rate", "0", "--depth", "5"]);
    for value in [None, Some("broken")] {
        let ended = run(&mut simulator.client_with("COINBASE_API_SECRET", value, STREAM));
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

#[test]
fn seconds_beyond_any_clock_are_no_panic() {
    let arguments = ["stream", "coinbase", "BTC-USD", "--seconds", "18446744073709551615"];
    let ended = run(program().env("COINBASE_REST_URL", format!("https://localhost:{NOBODYS_PORT}")).args(arguments));
    ended.the_error();
}
