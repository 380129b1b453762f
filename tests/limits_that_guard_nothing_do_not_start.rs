//! Credentials without a limit that could hold an order back at their venue do not start: not with none said, not with
//! empty ones, not with those of another venue, and not with limits for a name that the venue does not list.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use exchange_connectors::gateway::{GatewayError, InstrumentLimits, Limits, VenueLimits};
use exchange_connectors::record::Venue;
use venues::{Local, Setup};

/// How a start with these limits ends at venues that run.
fn said(at: &[std::sync::Arc<Local>], limits: Limits) -> Result<(), GatewayError> {
    Setup::direct().try_start(at, |builder| builder.limits(limits)).map(drop)
}

fn some() -> InstrumentLimits {
    InstrumentLimits { open_orders_max: Some(1), ..InstrumentLimits::default() }
}

#[test]
fn limits_that_limit_nothing_at_a_venue_with_credentials_are_none() {
    let locals = Local::everywhere();
    for local in &locals {
        let (at, one) = (local.venue(), std::slice::from_ref(local));
        let elsewhere = Local::ALL.into_iter().filter(|other| *other != at);
        let named = |limits: Limits, venue| limits.instrument(venue, "BTC-USD", some());
        let venue = VenueLimits { open_orders_max: Some(1), ..VenueLimits::default() };
        for nothing in [
            Limits::new(),
            Limits::new().every_instrument(InstrumentLimits::default()),
            Limits::new().instrument(at, local.symbol(), InstrumentLimits::default()),
            elsewhere.clone().fold(Limits::new(), named),
            elsewhere.clone().fold(Limits::new(), |limits, other| limits.venue(other, venue)),
        ] {
            assert_eq!(said(one, nothing), Err(GatewayError::NoLimits(at)));
        }
        for something in [
            Limits::new().open_orders_per_strategy(1),
            Limits::new().every_instrument(some()),
            Limits::new().venue(at, venue),
            Limits::new().instrument(at, local.symbol(), some()),
        ] {
            assert_eq!(said(one, something), Ok(()), "{at}");
        }
    }
    // One venue of three that nothing is said of.
    for at in Local::ALL {
        let others = locals.iter().filter(|local| local.venue() != at);
        let limits =
            others.fold(Limits::new(), |limits, local| limits.instrument(local.venue(), local.symbol(), some()));
        assert_eq!(said(&locals, limits), Err(GatewayError::NoLimits(at)));
    }
}

#[test]
fn limits_for_a_name_that_the_venue_does_not_list_are_a_mistake_that_is_named() {
    for local in Local::everywhere() {
        let (at, one) = (local.venue(), [local.clone()]);
        let misspelt: &[&str] = match at {
            Venue::Coinbase => &["BTCUSD", "BTC-USDX", "BTC/USD", "", "../accounts", "BTC-USD?limit=1"],
            Venue::BinanceUs => &["BTC-USD", "btcusd", "BTCUSDX", "", "BTCUSD&symbol=ETHUSD"],
            Venue::Oanda => &["EURUSD", "eur_usd", "EUR/USD", "", "EUR_USD,USD_JPY"],
        };
        for symbol in misspelt {
            // What is right does not make up for it.
            let limits = Limits::new().every_instrument(some()).instrument(at, local.symbol(), some());
            let error = said(&one, limits.instrument(at, symbol, some())).unwrap_err();
            assert!(matches!(error, GatewayError::Setting { setting: "limits", .. }), "{at} {symbol:?}: {error}");
            let text = error.to_string();
            assert!(text.contains(at.name()) && text.contains(&format!("`{symbol}`")), "{at} {symbol:?}: {text}");
        }
    }
}
