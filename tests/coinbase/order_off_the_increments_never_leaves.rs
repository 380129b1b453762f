//! Tick, lot, minimum and maximum are checked here: what the venue would refuse does not cost a request.

use crate::common::{Bench, ORDERS};
use exchange_connectors::record::{ExecutionKind as K, InstrumentId, OrderCommand, RejectClass, Side, UnixNanos};
use exchange_connectors::ring::SubmitError;

#[test]
fn each_is_refused_with_its_class() {
    // A lot coarser than the size exponent, so that there is something between two lots.
    let bench = Bench::new().venue(|config| {
        config.products[0].base_increment = "0.0001".parse().unwrap();
        config.products[0].base_min_size = "0.001".parse().unwrap();
    });
    let mut rig = bench.start();
    let (price, size) = (rig.price("50000"), rig.size("0.01"));
    let id = rig.btc.id;
    let sent = rig.venue.requests(&format!("POST {ORDERS}")).unwrap();
    for (what, order, class) in [
        ("off the tick", OrderCommand::limit(id, Side::Buy, price + 1, size), RejectClass::InvalidPrice),
        ("off the lot", OrderCommand::limit(id, Side::Buy, price, size + 1), RejectClass::InvalidSize),
        ("too small", OrderCommand::limit(id, Side::Buy, price, rig.size("0.0009")), RejectClass::InvalidSize),
        ("too large", OrderCommand::limit(id, Side::Buy, price, rig.size("4000")), RejectClass::InvalidSize),
        ("market off the lot", OrderCommand::market(id, Side::Sell, size + 1), RejectClass::InvalidSize),
        (
            "no such instrument",
            OrderCommand::limit(InstrumentId(99), Side::Buy, price, size),
            RejectClass::UnknownInstrument,
        ),
    ] {
        let request = rig.submit(order);
        let refused = rig.expect(request, K::Rejected);
        assert_eq!((refused.reject, refused.sent), (class, UnixNanos::NONE), "{what}: {}", refused.venue_code);
        assert_eq!(rig.kinds(request), [K::Rejected], "{what}");
    }
    for (price, size) in [(0, size), (-price, size), (price, 0), (price, -size)] {
        let refused = rig.strategy.orders.submit(OrderCommand::limit(id, Side::Buy, price, size));
        assert!(matches!(refused, Err(SubmitError::Malformed(_))), "{refused:?}");
    }
    assert_eq!(rig.venue.requests(&format!("POST {ORDERS}")).unwrap(), sent, "nothing reached the venue");
    rig.place_accepted(rig.resting_bid());
}
