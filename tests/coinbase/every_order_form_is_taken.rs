//! Every order_configuration of Coinbase reference 3.1, prepared, submitted by its slot, taken by the venue under the very
//! member it should have, and previewed.

use crate::common::{Bench, Rig};
use exchange_connectors::order::OrderStatus;
use exchange_connectors::record::{
    ExecutionKind as K, Exits, Fixed, Lifetime, OnTrigger, OrderCommand, OrderQuantity, OrderShape, OrderTerms,
    PreparedOrder, RejectClass, Scaled, Side, Spread, StopLoss, Trigger, TriggerDirection, Twap,
};
use std::time::Duration;

const HOUR: Lifetime = Lifetime::For { ms: 3_600_000 };

/// Terms for each member, resting far from the market where they can.
fn forms(rig: &Rig) -> Vec<(&'static str, OrderTerms)> {
    let (best_bid, best_ask) = rig.venue.best("BTC-USD").unwrap();
    let price = |text: &str| rig.price(text);
    let size = OrderQuantity::Base(rig.size("0.01"));
    let buy = |shape| OrderTerms::new(Side::Buy, size, shape);
    let sell = |shape| OrderTerms::new(Side::Sell, size, shape);
    let limit = |at: &str| OrderShape::Limit { price: price(at), post_only: false, shown: None };
    let market = OrderShape::Market { worst_price: None };
    let (bid, ask) = (best_bid.unwrap().trunc(), best_ask.unwrap().trunc());
    let around = |of: rust_decimal::Decimal, by: i64| rig.price(&(of + rust_decimal::Decimal::from(by)).to_string());
    let stop = OrderShape::Triggered {
        trigger: Trigger::Price { at: around(bid, -1_000), direction: TriggerDirection::Down },
        then: OnTrigger::Limit { price: around(bid, -1_100), shown: None },
    };
    let bracket = OrderShape::Bracket { take_profit: around(ask, 5_000), stop: around(bid, -5_000), stop_limit: None };
    let twap = Twap {
        limit: around(bid, -3_000),
        start: None,
        slices: Some(12),
        slice_size: Some(rig.size("0.001")),
        slice_s: Some(300),
    };
    let scaled = Scaled {
        parts: 3,
        price_min: price("40000"),
        price_max: price("50000"),
        prices: Some(Spread::Even),
        sizes: Some(Spread::Even),
        size_difference: None,
        size_ratio: None,
        stated: Vec::new(),
    };
    let exits = Exits {
        take_profit: Some(around(ask, 5_000)),
        stop_loss: Some(StopLoss::At(price("40000"))),
        ..Exits::default()
    };
    let quote = OrderQuantity::Quote(Fixed::parse("100").unwrap().rescale(rig.btc.quote_exponent).unwrap());
    let twap_size = OrderQuantity::Base(rig.size("0.012"));
    let scaled_size = OrderQuantity::Base(rig.size("0.03"));
    vec![
        ("market_market_ioc", buy(market.clone())),
        ("market_market_ioc", OrderTerms::new(Side::Buy, quote, market)),
        ("sor_limit_ioc", buy(limit("50000")).living(Lifetime::ImmediateOrCancel)),
        ("limit_limit_fok", buy(limit("50000")).living(Lifetime::FillOrKill)),
        ("limit_limit_gtc", buy(limit("50000"))),
        ("limit_limit_gtc", buy(limit("50000")).with_exits(exits)),
        ("limit_limit_gtd", buy(limit("50000")).living(HOUR)),
        ("stop_limit_stop_limit_gtc", sell(stop.clone())),
        ("stop_limit_stop_limit_gtd", sell(stop).living(HOUR)),
        ("trigger_bracket_gtc", sell(bracket.clone())),
        ("trigger_bracket_gtd", sell(bracket).living(HOUR)),
        ("twap_limit_gtd", OrderTerms::new(Side::Buy, twap_size, OrderShape::Twap(twap)).living(HOUR)),
        ("scaled_limit_gtc", OrderTerms::new(Side::Buy, scaled_size, OrderShape::Scaled(scaled))),
    ]
}

#[test]
fn each_is_accepted_and_listed_as_what_it_is() {
    let mut rig = Bench::new().start();
    let queries = rig.gateway().coinbase().unwrap();
    for (member, terms) in forms(&rig) {
        let what = format!("{member}: {terms:?}");
        let order = PreparedOrder::new(&rig.btc, terms).unwrap();
        let preview = queries.preview(&rig.btc, &order).unwrap();
        assert_eq!((preview.refusal(), preview.errors.len()), (None, 0), "{what}");
        assert!(!preview.preview_id.is_empty() && preview.order_total.is_some(), "{what}");
        let slot = rig.strategy.orders.prepare(order).unwrap();
        let request = rig.place(OrderCommand::prepared(slot));
        let first = rig.until("a first word", |rig| rig.first(request));
        assert_eq!(first.kind, K::Accepted, "{what}: {first:?}");
        let listed = rig.until("the order in the history", |_| queries.order(&first.venue_order_id).unwrap());
        assert_eq!((listed.configuration.as_ref(), listed.status == OrderStatus::Failed), (member, false), "{what}");
        assert_eq!(listed.client_order_id.as_ref(), first.client_order_id.as_str());
        assert!(rig.strategy.orders.discard(slot));
    }
    rig.watch(Duration::from_millis(100));
}

#[test]
fn what_the_venue_refuses_is_refused_by_its_preview_too() {
    let mut rig = Bench::new().start();
    let queries = rig.gateway().coinbase().unwrap();
    let shape = OrderShape::Limit { price: rig.price("50000"), post_only: true, shown: None };
    let rich = OrderTerms::new(Side::Buy, OrderQuantity::Base(rig.size("1000")), shape);
    let order = PreparedOrder::new(&rig.btc, rich).unwrap();
    let preview = queries.preview(&rig.btc, &order).unwrap();
    assert_eq!(preview.refusal(), Some(RejectClass::InsufficientFunds), "{preview:?}");
    let slot = rig.strategy.orders.prepare(order).unwrap();
    let request = rig.place(OrderCommand::prepared(slot));
    assert_eq!(rig.expect(request, K::Rejected).reject, RejectClass::InsufficientFunds);

    // Perpetuals and futures only: spot says so.
    let fok =
        OrderTerms::new(Side::Buy, OrderQuantity::Base(rig.size("0.01")), OrderShape::Market { worst_price: None })
            .living(Lifetime::FillOrKill);
    let fok = PreparedOrder::new(&rig.btc, fok).unwrap();
    let slot = rig.strategy.orders.prepare(fok).unwrap();
    let request = rig.place(OrderCommand::prepared(slot));
    assert_eq!(rig.expect(request, K::Rejected).reject, RejectClass::Unsupported);
}
