//! `stream oanda EUR_USD` against the local OANDA, by the environment alone.

use crate::command_line::{program, run};
use exchange_connectors::sim::oanda::{Config, LocalOanda};

#[test]
fn books_and_quotes_are_printed_and_the_token_is_used_for_prices_only() {
    let venue = LocalOanda::start(Config { events_per_s: 400, ..Config::default() }).unwrap();
    let roots = std::env::temp_dir().join(format!("exchange-connectors-stream-oanda-{}.pem", std::process::id()));
    std::fs::write(&roots, venue.ca_pem()).unwrap();
    let client = |arguments: &[&str]| {
        let mut command = program();
        command
            .args(arguments)
            .env("EXCHANGE_CONNECTORS_CA_FILE", &roots)
            .env("OANDA_API_TOKEN", venue.token().text())
            .env("OANDA_ACCOUNT_ID", venue.account_id())
            .env("OANDA_REST_URL", venue.rest_url())
            .env("OANDA_STREAM_URL", venue.stream_url());
        command
    };
    let ended = run(&mut client(&["stream", "oanda", "EUR_USD", "USD_JPY", "--seconds", "4"]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.assert_no_panic();
    let has = |start: &str| {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        ended.stdout.lines().any(|line| words(line).starts_with(start))
    };
    for start in [
        "oanda state market healthy",
        "EUR_USD status online",
        "EUR_USD level bid",
        "EUR_USD level ask",
        "EUR_USD quote",
        "USD_JPY level bid",
        "EUR_USD subscription trades not_offered",
    ] {
        assert!(has(start), "{start}: {}", ended.stdout);
    }
    assert!(!has("EUR_USD gap") && !has("USD_JPY gap"), "{}", ended.stdout);
    assert!(ended.stderr.contains("oanda: EUR_USD, tick 0.00001, lot 1"), "{}", ended.stderr);
    assert!(!ended.stdout.contains(venue.token().text()) && !ended.stderr.contains(venue.token().text()));
    let refused = run(&mut client(&["stream", "oanda", "EUR_USD", "--feed", "exchange"]));
    assert!(refused.the_error().contains("--feed"), "{refused:?}");
    let unknown = run(&mut client(&["stream", "oanda", "EURUSD"]));
    assert!(unknown.the_error().contains("no instrument `EURUSD`"), "{unknown:?}");
    let live = run(client(&["stream", "oanda", "EUR_USD"]).env("OANDA_ENVIRONMENT", "live"));
    assert!(live.the_error().contains("practice account"), "{live:?}");
    let none = run(client(&["stream", "oanda", "EUR_USD"]).env_remove("OANDA_API_TOKEN"));
    assert!(none.the_error().contains("OANDA_API_TOKEN"), "{none:?}");
    let _ = std::fs::remove_file(&roots);
}
