//! OANDA: an account that cannot be traded, or is not the token's, does not start; prices need no such proof.

use crate::common::RootFile;
use crate::oanda::{self, quiet_venue};
use exchange_connectors::gateway::{Gateway, GatewayBuilder, GatewayError, OandaConfig};
use exchange_connectors::sim::oanda::LocalOanda;
use exchange_connectors::venue::oanda::{Environment, OandaEndpoints};

fn start(venue: &LocalOanda, account: &str, token: &str) -> Result<Gateway, GatewayError> {
    let roots = RootFile::write(venue.ca_pem());
    let endpoints = OandaEndpoints::parse(Environment::Practice, &venue.rest_url(), &venue.stream_url()).unwrap();
    let config = OandaConfig::new(account, token).unwrap().endpoints(endpoints);
    GatewayBuilder::default().without_state().oanda(config).root_certificates(&roots.path).without_limits().start()
}

#[test]
fn accounts_of_mt4_accounts_of_others_and_broken_tokens_do_not_start() {
    let venue = quiet_venue(|_| {});
    let token = venue.token().text().to_owned();
    for (account, token, expected) in [
        ("101-001-7654321-002", token.as_str(), "MetaTrader 4"),
        ("101-001-7654321-009", token.as_str(), "not among the accounts of this token"),
        (venue.account_id(), "another-token", "HTTP 401"),
        ("001-001-7654321-001", token.as_str(), "is a live account"),
    ] {
        let error = start(&venue, account, token).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains(token), "{error}");
    }
    assert!(start(&venue, venue.account_id(), &token).is_ok());
    assert_eq!(venue.requests("POST /orders").unwrap(), 0);
}

#[test]
fn credentials_without_limits_do_not_start() {
    let venue = quiet_venue(|_| {});
    let config = oanda::config(&venue);
    let error = GatewayBuilder::default().without_state().oanda(config).start().map(|_| ()).unwrap_err();
    assert_eq!(error, GatewayError::NoLimits(exchange_connectors::record::Venue::Oanda));
}
