//! A key that may only look fails at start, before an order could be lost to it, and says what to do.

use crate::common::{self, Bench, RootFile};
use exchange_connectors::record::Venue;
use exchange_connectors::GatewayError;

#[test]
fn the_error_names_venue_permission_and_remedy() {
    let bench = Bench::new();
    let venue = bench.start_venue();
    let roots = RootFile::write(venue.ca_pem());
    let (name, secret) =
        (venue.view_only_credentials().name().to_owned(), venue.view_only_credentials().secret().to_owned());
    let bench = bench.coinbase(move |config| config.credentials(&name, &secret).unwrap());
    let error = bench.builder(&venue, &roots).start().map(|_| ()).unwrap_err();
    assert_eq!(error, GatewayError::KeyPermission { venue: Venue::Coinbase, missing: "trade" });
    assert!(error.to_string().contains("give it the permission `trade` at the venue"), "{error}");
    assert_eq!(venue.requests(&format!("POST {}", common::ORDERS)).unwrap(), 0);
}
