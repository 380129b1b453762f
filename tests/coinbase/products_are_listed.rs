//! The venue's products can be listed without credentials, with exact increments.

use crate::common::Bench;
use exchange_connectors::record::{TradingStatus, Venue};

#[test]
fn every_product_comes_with_its_increments() {
    let rig = Bench::new().without_credentials().start();
    let products = rig.gateway().queries(Venue::Coinbase).unwrap().products().unwrap();
    let btc = products.iter().find(|p| p.symbol.as_ref() == "BTC-USD").unwrap();
    assert_eq!((btc.tick.to_string().as_str(), btc.lot.to_string().as_str()), ("0.01", "0.00000001"));
    assert_eq!((btc.base.as_ref(), btc.quote.as_ref(), btc.status), ("BTC", "USD", TradingStatus::Online));
    assert!(products.len() > 2, "{} products", products.len());
}
