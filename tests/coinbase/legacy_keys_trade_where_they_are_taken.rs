//! The retired HMAC scheme from end to end: orders, changes, cancels, listings, queries and the user channel, each request
//! signed as it is written.

use crate::common::{self, decimal, Bench};
use exchange_connectors::record::{ExecutionKind as K, OrderCommand, OrderRef};
use exchange_connectors::sim::coinbase::LegacyKey;

const KEY: &str = "0123456789abcdef";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn an_order_lives_its_whole_life_under_a_legacy_key() {
    let bench = Bench::new()
        .venue(|config| config.legacy_key = Some(LegacyKey { key: KEY.into(), secret: SECRET.into() }))
        .coinbase(|config| config.legacy_credentials(KEY, SECRET).unwrap());
    let mut rig = bench.start();
    let order = rig.place_accepted(rig.resting_bid());
    let change =
        OrderCommand::replace(rig.btc.id, OrderRef::Request(order.request), rig.price("49000"), rig.size("0.02"));
    let change = rig.submit(change);
    rig.expect(change, K::Replaced);
    rig.venue.fill_order(order.client_order_id.as_str(), decimal("0.004")).unwrap();
    assert_eq!(rig.expect(order.request, K::Fill).price().to_string(), "49000");
    rig.submit(rig.cancel_of(order.request));
    rig.expect(order.request, K::Cancelled);
    let queries = rig.gateway().coinbase().unwrap();
    assert!(!queries.accounts().unwrap().is_empty());
    assert!(queries.order(&order.venue_order_id).unwrap().is_some());
}

#[test]
fn a_venue_that_has_retired_them_says_so_at_start() {
    let bench = Bench::new().coinbase(|config| config.legacy_credentials(KEY, SECRET).unwrap());
    let venue = bench.start_venue();
    let roots = common::RootFile::write(venue.ca_pem());
    let error = bench.builder(&venue, &roots).start().map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("coinbase: the API key is refused (HTTP 401"), "{error}");
}
