//! The demo talks to the venues it started and to nobody else, whatever the environment says; it ends by itself, well, with
//! one JSON object as its last line.

use crate::command_line::{self, program, run, Directory};
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

const HOSTILE_SECRET: &str = "hostile-secret-that-must-not-be-read";

/// Everything in the environment points at a listener of ours.
fn hostile(command: &mut Command, port: u16, ca: &str) {
    let at = |scheme: &str| format!("{scheme}://localhost:{port}");
    command
        .env("COINBASE_API_KEY", "organizations/hostile/apiKeys/hostile")
        .env("COINBASE_API_SECRET", HOSTILE_SECRET)
        .env("COINBASE_REST_URL", at("https"))
        .env("COINBASE_WS_URL", at("wss"))
        .env("COINBASE_WS_USER_URL", at("wss"))
        .env("COINBASE_EXCHANGE_WS_URL", at("wss"))
        .env("COINBASE_EXCHANGE_API_KEY", "hostile")
        .env("COINBASE_EXCHANGE_API_SECRET", HOSTILE_SECRET)
        .env("COINBASE_EXCHANGE_API_PASSPHRASE", HOSTILE_SECRET)
        .env("BINANCE_US_API_KEY", "hostile")
        .env("BINANCE_US_API_SECRET", HOSTILE_SECRET)
        .env("BINANCE_US_REST_URL", at("https"))
        .env("BINANCE_US_STREAM_URL", at("wss"))
        .env("BINANCE_US_WS_API_URL", at("wss"))
        .env("OANDA_API_TOKEN", HOSTILE_SECRET)
        .env("OANDA_ACCOUNT_ID", "001-001-6666666-001")
        .env("OANDA_ENVIRONMENT", "live")
        .env("OANDA_REST_URL", at("https"))
        .env("OANDA_STREAM_URL", at("https"))
        .env("HTTPS_PROXY", at("http"))
        .env("ALL_PROXY", at("http"))
        .env("EXCHANGE_CONNECTORS_CA_FILE", ca);
}

#[test]
fn the_demo_succeeds_in_a_hostile_environment_and_contacts_nobody() {
    let directory = Directory::new("hostile");
    let garbage = directory.0.join("garbage.pem");
    std::fs::write(&garbage, b"-----BEGIN CERTIFICATE-----\n\x00\xFFgarbage\n").unwrap();
    let listener = TcpListener::bind("localhost:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();

    let started = Instant::now();
    let mut command = program();
    hostile(&mut command, port, garbage.to_str().unwrap());
    let ended = run(command.arg("--json"));
    let took = started.elapsed();

    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.assert_no_panic();
    assert!(took < Duration::from_secs(25), "it should end by itself in about 15 s, not {took:?}");
    let last = ended.stdout.lines().last().expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(last).unwrap_or_else(|e| panic!("{last:?}: {e}"));
    assert_eq!(summary["ok"], true, "{last}");
    for (index, venue) in ["coinbase", "binance_us", "oanda"].into_iter().enumerate() {
        let at = &summary["venues"][index];
        assert_eq!((at["venue"].as_str(), &at["ok"]), (Some(venue), &true.into()), "{last}");
        assert_eq!(at["orders"].as_array().map(Vec::len), Some(4), "{last}");
    }
    assert!(summary["hops"]["tick_to_strategy"]["count"].as_u64().is_some_and(|n| n > 1_000), "{last}");
    assert!(ended.stderr.lines().count() > 10, "it says what it is doing: {}", ended.stderr);
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains("001-001-6666666-001"), "{text}");
        assert!(!text.contains(HOSTILE_SECRET) && !text.contains("hostile"), "{text}");
        assert!(!text.contains(&format!("localhost:{port}")), "{text}");
    }
    let nobody = listener.accept().map(|(_, from)| from).expect_err("no connection was made");
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);

    // The trap works: a subcommand that does read the environment falls into it.
    let mut command = program();
    hostile(&mut command, port, "");
    let stream = command.args(["stream", "coinbase", "BTC-USD", "--seconds", "2"]);
    let mut child = stream.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + command_line::PATIENCE;
    while listener.accept().is_err() {
        assert!(Instant::now() < deadline, "stream should have contacted the listener");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
