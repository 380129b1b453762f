//! Before anything else is started, Binance.US is asked whether key and account may trade: what could never work is an
//! error of the start that says what to do.

use crate::binance_us;
use exchange_connectors::gateway::{BinanceUsConfig, GatewayBuilder, GatewayError};
use exchange_connectors::record::Venue;
use exchange_connectors::sim::binance_us::{Config, LocalBinanceUs, DOOR_REST};
use exchange_connectors::venue::binance_us::limits::CLOCK_SKEW_MS_MAX;

/// How a start ends at a venue set up so, with this key and secret of its own, or another.
fn start(change: impl FnOnce(&mut Config), key: Option<(&str, &str)>) -> Result<(), GatewayError> {
    let mut config = Config::quiet();
    change(&mut config);
    start_at(&LocalBinanceUs::start(config).unwrap(), key)
}

fn start_at(venue: &LocalBinanceUs, key: Option<(&str, &str)>) -> Result<(), GatewayError> {
    let roots =
        std::env::temp_dir().join(format!("exchange-connectors-{}-{}.pem", std::process::id(), venue.port(DOOR_REST)));
    std::fs::write(&roots, venue.ca_pem()).unwrap();
    let (key, secret) = key.unwrap_or((venue.key().key(), venue.key().secret()));
    let config = BinanceUsConfig::default().endpoints(binance_us::endpoints(venue)).credentials(key, secret).unwrap();
    let builder =
        GatewayBuilder::default().binance_us(config).root_certificates(&roots).without_limits().without_state();
    let started = builder.start().map(drop);
    std::fs::remove_file(&roots).unwrap();
    started
}

#[test]
fn a_good_key_starts() {
    assert_eq!(start(|_| {}, None), Ok(()));
}

#[test]
fn a_key_nobody_knows_is_refused_with_the_venues_words() {
    let unknown = "UnknownKey".repeat(7);
    let error = start(|_| {}, Some((&unknown[..64], "secret"))).unwrap_err();
    assert!(matches!(error, GatewayError::KeyRefused { venue: Venue::BinanceUs, .. }), "{error}");
    assert!(error.to_string().contains("-2015") && error.to_string().contains("IP allowlist"), "{error}");
}

#[test]
fn a_wrong_secret_is_refused_too() {
    let own = Config::quiet().key;
    let error = start(|_| {}, Some((own.key(), "not-the-secret"))).unwrap_err();
    assert!(matches!(error, GatewayError::KeyRefused { .. }) && error.to_string().contains("-1022"), "{error}");
}

#[test]
fn a_key_that_may_only_read_is_named() {
    let error = start(|config| config.key_may_trade = false, None).unwrap_err();
    assert_eq!(error, GatewayError::KeyPermission { venue: Venue::BinanceUs, missing: "trade" });
}

#[test]
fn an_account_that_may_not_trade_is_named() {
    let error = start(|config| config.account_may_trade = false, None).unwrap_err();
    assert_eq!(error, GatewayError::KeyPermission { venue: Venue::BinanceUs, missing: "trade" });
}

#[test]
fn a_clock_that_no_stamp_can_make_good_is_named_with_how_far_it_is_off() {
    let venue = LocalBinanceUs::start(Config::quiet()).unwrap();
    let ahead_ms = CLOCK_SKEW_MS_MAX + 5_000;
    venue.step_clock(ahead_ms * 1_000_000).unwrap();
    let error = start_at(&venue, None).unwrap_err();
    let GatewayError::ClockSkew { venue: Venue::BinanceUs, offset_ms, max_ms: CLOCK_SKEW_MS_MAX } = error else {
        panic!("{error}");
    };
    assert!(offset_ms.unsigned_abs().abs_diff(ahead_ms) < 1_000, "{error}");
    assert!(error.to_string().contains("synchronise it"), "{error}");
    // The key was not even tried.
    assert_eq!(venue.requests("GET /api/v3/account").unwrap(), 0);
}

#[test]
fn a_clock_that_is_a_little_off_is_made_good() {
    let venue = LocalBinanceUs::start(Config::quiet()).unwrap();
    venue.step_clock((CLOCK_SKEW_MS_MAX - 5_000) * 1_000_000).unwrap();
    assert_eq!(start_at(&venue, None), Ok(()));
}

#[test]
fn a_key_without_a_word_on_limits_does_not_start() {
    let venue = LocalBinanceUs::start(Config::quiet()).unwrap();
    let (key, secret) = (venue.key().key(), venue.key().secret());
    let config = BinanceUsConfig::default().endpoints(binance_us::endpoints(&venue)).credentials(key, secret).unwrap();
    let started = GatewayBuilder::default().binance_us(config).without_state().start();
    assert_eq!(started.map(drop), Err(GatewayError::NoLimits(Venue::BinanceUs)));
    assert_eq!(venue.connections_accepted().unwrap(), 0, "nothing was dialled");
}
