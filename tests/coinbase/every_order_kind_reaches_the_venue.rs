//! Each kind of order that is prepared ahead reaches the venue as what it was meant to be: the venue, which was written
//! from the reference alone, says what it understood.

use crate::common::{self, Bench, Rig};
use exchange_connectors::record::{
    ExecutionKind, Exits, Lifetime, OnTrigger, OrderCommand, OrderQuantity, OrderShape, OrderTerms, PreparedOrder,
    Scaled, Side, Spread, StopLoss, Trigger, TriggerDirection, Twap,
};
use exchange_connectors::sim::coinbase::SeenOrder;

const HOUR: Lifetime = Lifetime::For { ms: 3_600_000 };

/// Places an order, sees it accepted, asks the venue what it is, and cancels it.
fn placed(rig: &mut Rig, terms: OrderTerms) -> SeenOrder {
    let order = PreparedOrder::new(&rig.btc, terms).unwrap();
    let slot = rig.strategy.orders.prepare(order).unwrap();
    let accepted = rig.place_accepted(OrderCommand::prepared(slot));
    let seen = rig.venue.order_details(accepted.client_order_id.as_str()).unwrap().unwrap();
    rig.submit(rig.cancel_of(accepted.request));
    rig.expect(accepted.request, ExecutionKind::Cancelled);
    seen
}

fn of(seen: &SeenOrder) -> [&str; 3] {
    [seen.order_type, seen.time_in_force, seen.status]
}

#[test]
fn limit_orders_with_an_end() {
    let mut rig = Bench::new().start();
    let shape = OrderShape::Limit { price: rig.price("50000"), post_only: true, shown: None };
    let terms = OrderTerms::new(Side::Buy, OrderQuantity::Base(rig.size("0.01")), shape).living(HOUR);
    let seen = placed(&mut rig, terms);
    assert_eq!(of(&seen), ["LIMIT", "GOOD_UNTIL_DATE_TIME", "OPEN"]);
    assert_eq!((seen.limit_price, seen.base_size), (Some(common::decimal("50000")), common::decimal("0.01")));
}

#[test]
fn stop_limit_orders() {
    let mut rig = Bench::new().start();
    let shape = |rig: &Rig| OrderShape::Triggered {
        trigger: Trigger::Price { at: rig.price("90000"), direction: TriggerDirection::Up },
        then: OnTrigger::Limit { price: rig.price("91000"), shown: None },
    };
    for (lifetime, time_in_force) in
        [(Lifetime::UntilCancelled, "GOOD_UNTIL_CANCELLED"), (HOUR, "GOOD_UNTIL_DATE_TIME")]
    {
        let terms = OrderTerms::new(Side::Buy, OrderQuantity::Base(rig.size("0.01")), shape(&rig)).living(lifetime);
        let seen = placed(&mut rig, terms);
        assert_eq!(of(&seen), ["STOP_LIMIT", time_in_force, "OPEN"]);
        assert_eq!(
            (seen.limit_price, seen.stop_price),
            (Some(common::decimal("91000")), Some(common::decimal("90000")))
        );
    }
}

#[test]
fn brackets() {
    let mut rig = Bench::new().start();
    for (lifetime, time_in_force) in
        [(Lifetime::UntilCancelled, "GOOD_UNTIL_CANCELLED"), (HOUR, "GOOD_UNTIL_DATE_TIME")]
    {
        let shape = OrderShape::Bracket { take_profit: rig.price("95000"), stop: rig.price("70000"), stop_limit: None };
        let terms = OrderTerms::new(Side::Sell, OrderQuantity::Base(rig.size("0.01")), shape).living(lifetime);
        let seen = placed(&mut rig, terms);
        assert_eq!(of(&seen), ["BRACKET", time_in_force, "OPEN"]);
        assert_eq!(
            (seen.limit_price, seen.stop_price),
            (Some(common::decimal("95000")), Some(common::decimal("70000")))
        );
    }
}

#[test]
fn slices_over_time() {
    let mut rig = Bench::new().start();
    for slices in [(Some(3), None, Some(600)), (Some(3), Some("0.01"), Some(600)), (Some(3), None, None)] {
        let (slices, slice_size, slice_s) = slices;
        let slice_size = slice_size.map(|size| rig.size(size));
        let twap = Twap { limit: rig.price("50000"), start: None, slices, slice_size, slice_s };
        let shape = OrderShape::Twap(twap);
        let terms = OrderTerms::new(Side::Buy, OrderQuantity::Base(rig.size("0.03")), shape).living(HOUR);
        let seen = placed(&mut rig, terms);
        assert_eq!(of(&seen), ["TWAP", "GOOD_UNTIL_DATE_TIME", "OPEN"]);
    }
}

#[test]
fn ladders() {
    let mut rig = Bench::new().start();
    let scaled = Scaled {
        parts: 4,
        price_min: rig.price("50000"),
        price_max: rig.price("53000"),
        prices: Some(Spread::Even),
        sizes: Some(Spread::Increasing),
        size_difference: None,
        size_ratio: None,
        stated: Vec::new(),
    };
    let shape = OrderShape::Scaled(scaled);
    let terms = OrderTerms::new(Side::Buy, OrderQuantity::Base(rig.size("0.1")), shape);
    let seen = placed(&mut rig, terms);
    assert_eq!(of(&seen), ["SCALED", "GOOD_UNTIL_CANCELLED", "OPEN"]);
    let rungs: Vec<String> = seen.rungs.iter().map(|(price, size)| format!("{size} at {price}")).collect();
    assert_eq!(rungs, ["0.01 at 50000", "0.02 at 51000", "0.03 at 52000", "0.04 at 53000"]);
}

#[test]
fn orders_with_a_bracket_attached() {
    let mut rig = Bench::new().start();
    let shape = OrderShape::Limit { price: rig.price("50000"), post_only: false, shown: None };
    let exits = Exits {
        take_profit: Some(rig.price("60000")),
        stop_loss: Some(StopLoss::At(rig.price("45000"))),
        ..Exits::default()
    };
    let terms = OrderTerms::new(Side::Buy, OrderQuantity::Base(rig.size("0.01")), shape).with_exits(exits);
    let seen = placed(&mut rig, terms);
    assert_eq!(of(&seen), ["LIMIT", "GOOD_UNTIL_CANCELLED", "OPEN"]);
    assert_eq!(seen.attached, Some((common::decimal("60000"), common::decimal("45000"))));
}
