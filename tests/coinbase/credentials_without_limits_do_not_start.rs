//! A gateway that could trade starts only with limits, or with an explicit word that there are none.

use crate::common::{endpoints, Bench, RootFile};
use exchange_connectors::gateway::{CoinbaseConfig, GatewayBuilder, GatewayError, Limits};
use exchange_connectors::record::Venue;

#[test]
fn neither_limits_nor_without_limits_is_an_error() {
    let venue = Bench::new().start_venue();
    let roots = RootFile::write(venue.ca_pem());
    let key = venue.credentials();
    let coinbase = || {
        let config = CoinbaseConfig::default().endpoints(endpoints(&venue));
        config.credentials(key.name(), key.secret()).unwrap()
    };
    let builder = || GatewayBuilder::default().without_state().root_certificates(&roots.path);
    let refused = builder().coinbase(coinbase()).start();
    assert_eq!(refused.map(|_| ()), Err(GatewayError::NoLimits(Venue::Coinbase)));
    assert_eq!(venue.connections_accepted().unwrap(), 0, "nothing was dialled");
    assert!(builder().coinbase(coinbase()).without_limits().start().is_ok());
    assert!(builder().coinbase(coinbase()).limits(Limits::new().open_orders_per_strategy(1)).start().is_ok());
    let public = CoinbaseConfig::default().endpoints(endpoints(&venue));
    assert!(builder().coinbase(public).start().is_ok(), "market data needs none");
}
