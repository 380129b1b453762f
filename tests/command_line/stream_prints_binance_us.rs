//! `stream binance_us BTCUSD` against the local Binance.US, by the environment alone.

use crate::command_line::{program, run};
use exchange_connectors::sim::binance_us::{Config, LocalBinanceUs};
use exchange_connectors::sim::server::{Fault, FaultRule, Response};

fn has_level(stdout: &str) -> bool {
    stdout.lines().any(|line| line.split_whitespace().take(2).eq(["BTCUSD", "level"]))
}

#[test]
fn books_trades_and_tickers_are_printed_and_the_feeds_of_coinbase_are_refused() {
    let venue = LocalBinanceUs::start(Config { events_per_s: 400, depth: 10, ..Config::default() }).unwrap();
    let roots = std::env::temp_dir().join(format!("exchange-connectors-stream-{}.pem", std::process::id()));
    std::fs::write(&roots, venue.ca_pem()).unwrap();
    let client = |arguments: &[&str]| {
        let mut command = program();
        command
            .args(arguments)
            .env("EXCHANGE_CONNECTORS_CA_FILE", &roots)
            .env("BINANCE_US_REST_URL", venue.rest_url())
            .env("BINANCE_US_STREAM_URL", venue.stream_url())
            .env("BINANCE_US_WS_API_URL", venue.ws_api_url());
        command
    };
    let ended = run(&mut client(&["stream", "binance_us", "BTCUSD", "--seconds", "2"]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.assert_no_panic();
    let has = |start: &str| {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        ended.stdout.lines().any(|line| words(line).starts_with(start))
    };
    for start in
        ["binance_us state market open", "BTCUSD level bid", "BTCUSD level ask", "BTCUSD trade", "BTCUSD ticker"]
    {
        assert!(has(start), "{start}: {}", ended.stdout);
    }
    assert!(ended.stderr.contains("binance_us: BTCUSD, tick "), "{}", ended.stderr);
    let every = "book,trades,ticker,ticker_batch,candles";
    let ended = run(&mut client(&["stream", "binance_us", "BTCUSD", "--channels", every, "--seconds", "5", "--json"]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines: Vec<serde_json::Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for kind in ["level", "trade", "quote", "ticker", "ticker_batch", "candle", "state"] {
        assert!(lines.iter().any(|line| line["kind"] == kind && line["venue"] == "binance_us"), "{kind}");
    }
    let fewer = "book_5,aggregated_trades";
    let ended = run(&mut client(&["stream", "binance_us", "BTCUSD", "--channels", fewer, "--seconds", "2", "--json"]));
    let lines: Vec<serde_json::Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let levels = lines.iter().filter(|line| line["kind"] == "level");
    assert!(levels.clone().count() > 10 && levels.clone().all(|line| line["flags"].to_string().contains("SNAPSHOT")));
    assert!(lines.iter().any(|line| line["kind"] == "trade"), "{}", ended.stderr);
    let body = r#"{"code":-1003,"msg":"Too much request weight used"}"#;
    let mut throttled = Response::json(429, body);
    throttled.headers.push(("Retry-After".to_owned(), "1".to_owned()));
    venue.inject(FaultRule::next("GET", "/api/v3/depth", Fault::Reply(throttled))).unwrap();
    let ended = run(&mut client(&["stream", "binance_us", "BTCUSD", "--seconds", "3"]));
    assert!(ended.stderr.contains("binance_us: says that we ask too much; nothing is asked for "), "{ended:?}");
    assert!(has_level(&ended.stdout), "and then it goes on: {ended:?}");
    let refused = run(&mut client(&["stream", "binance_us", "BTCUSD", "--feed", "exchange"]));
    assert!(refused.the_error().contains("--feed"), "{refused:?}");
    let mut no_stream = client(&["stream", "binance_us", "BTCUSD", "--seconds", "2"]);
    let ended = run(no_stream.env("BINANCE_US_STREAM_URL", "wss://localhost:1"));
    assert!(ended.the_error().contains("no market-data connection"), "the queries' is none: {ended:?}");
    let unknown = run(&mut client(&["stream", "binance_us", "BTC-USD"]));
    assert!(unknown.the_error().contains("no instrument `BTC-USD`"), "{unknown:?}");
    let _ = std::fs::remove_file(&roots);
}
