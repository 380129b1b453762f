//! A prepared order is submitted by its slot as often as wanted, each time as an order of its own; an old slot submits
//! nothing, and every guard of a hot order stands before it too.

use crate::common::{Bench, ORDERS};
use exchange_connectors::gateway::PrepareError;
use exchange_connectors::record::{
    ExecutionKind as K, Exits, OrderCommand, OrderQuantity, OrderShape, OrderTerms, PreparedOrder, RejectClass, Side,
    PREPARED_MAX,
};

fn terms(price: i64, size: i64) -> OrderTerms {
    let shape = OrderShape::Limit { price, post_only: true, shown: None };
    OrderTerms::new(Side::Buy, OrderQuantity::Base(size), shape)
}

#[test]
fn each_submission_is_an_order_of_its_own() {
    let mut rig = Bench::new().start();
    let (price, size) = (rig.price("50000"), rig.size("0.01"));
    let order = PreparedOrder::new(&rig.btc, terms(price, size)).unwrap();
    let slot = rig.strategy.orders.prepare(order).unwrap();
    let first = rig.place_accepted(OrderCommand::prepared(slot));
    let second = rig.place_accepted(OrderCommand::prepared(slot));
    assert_ne!(first.client_order_id, second.client_order_id);
    assert_eq!(rig.gateway().open_orders().unwrap(), 2);
    rig.submit(rig.cancel_of(first.request));
    rig.expect(first.request, K::Cancelled);
    assert_eq!((rig.received(&first), rig.received(&second)), (1, 1));

    assert!(rig.strategy.orders.discard(slot) && !rig.strategy.orders.discard(slot));
    let other = PreparedOrder::new(&rig.btc, terms(price, 2 * size)).unwrap();
    let again = rig.strategy.orders.prepare(other).unwrap();
    let refused = rig.submit(OrderCommand::prepared(slot));
    let refused = rig.expect(refused, K::Rejected);
    assert_eq!(
        (refused.reject, refused.venue_code.as_str()),
        (RejectClass::Malformed, "nothing prepared in this slot")
    );
    rig.place_accepted(OrderCommand::prepared(again));
}

#[test]
fn increments_and_the_venues_forms_are_checked_first() {
    let mut rig = Bench::new().start();
    let (price, size) = (rig.price("50000"), rig.size("0.01"));
    let sent = rig.venue.requests(&format!("POST {ORDERS}")).unwrap();
    let exits = |at| Exits { take_profit: Some(at), ..Exits::default() };
    let off_tick = PreparedOrder::new(&rig.btc, terms(price, size).with_exits(exits(price + 1))).unwrap();
    let slot = rig.strategy.orders.prepare(off_tick).unwrap();
    let request = rig.submit(OrderCommand::prepared(slot));
    assert_eq!(rig.expect(request, K::Rejected).reject, RejectClass::InvalidPrice);

    let shown = OrderShape::Limit { price, post_only: false, shown: Some(size / 2) };
    let iceberg = OrderTerms::new(Side::Buy, OrderQuantity::Base(size), shown);
    let iceberg = PreparedOrder::new(&rig.btc, iceberg).unwrap();
    let refused = rig.strategy.orders.prepare(iceberg).unwrap_err();
    assert_eq!(refused.to_string(), "coinbase cannot take this order: Coinbase has no icebergs");

    let order = PreparedOrder::new(&rig.btc, terms(price, size)).unwrap();
    for _ in 1..PREPARED_MAX {
        rig.strategy.orders.prepare(order.clone()).unwrap();
    }
    assert_eq!(rig.strategy.orders.prepare(order), Err(PrepareError::Full));
    assert_eq!(rig.venue.requests(&format!("POST {ORDERS}")).unwrap(), sent, "nothing reached the venue");
}
