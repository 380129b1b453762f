//! Orders that take and do not rest: immediate-or-cancel, fill-or-kill, market by base and by quote.

use crate::common::{decimal, Bench, Rig, BTC};
use exchange_connectors::record::{ExecutionKind as K, Fixed, OrderCommand, Side, TimeInForce};
use exchange_connectors::sim::coinbase::Side as VenueSide;

/// One offer in an empty book: 0.005 BTC at 60,000, then 1 BTC at 61,000.
fn rig_with_offers() -> Rig {
    let rig = Bench::new().start();
    rig.venue.clear_liquidity(BTC).unwrap();
    rig.venue.add_liquidity(BTC, VenueSide::Sell, decimal("60000"), decimal("0.005")).unwrap();
    rig.venue.add_liquidity(BTC, VenueSide::Sell, decimal("61000"), decimal("1")).unwrap();
    rig
}

fn filled_in_all(rig: &Rig, request: exchange_connectors::record::RequestId) -> (String, String) {
    let fills: Vec<_> = rig.records(request).into_iter().filter(|r| r.kind == K::Fill).collect();
    let quantity: i64 = fills.iter().map(|f| f.last_quantity).sum();
    let value = fills.iter().map(|f| f.value().to_decimal().unwrap()).sum::<rust_decimal::Decimal>();
    (Fixed::new(quantity, rig.btc.size_exponent).to_string(), value.normalize().to_string())
}

#[test]
fn an_immediate_or_cancel_order_takes_what_is_there_and_cancels_the_rest() {
    let mut rig = rig_with_offers();
    let order = rig.limit(Side::Buy, "60000", "0.01").time_in_force(TimeInForce::ImmediateOrCancel);
    let accepted = rig.place_accepted(order);
    let end = rig.expect(accepted.request, K::Cancelled);
    assert_eq!(end.cumulative().to_string(), "0.005");
    assert_eq!(rig.law(accepted.request), [K::Accepted, K::Fill, K::Cancelled]);
    assert_eq!(filled_in_all(&rig, accepted.request), ("0.005".into(), "300".into()));
}

#[test]
fn a_fill_or_kill_order_that_does_not_fit_trades_nothing() {
    let mut rig = rig_with_offers();
    let order = rig.limit(Side::Buy, "60000", "0.01").time_in_force(TimeInForce::FillOrKill);
    let accepted = rig.place_accepted(order);
    let end = rig.expect(accepted.request, K::Cancelled);
    assert!(end.cumulative().is_zero());
    assert_eq!(rig.law(accepted.request), [K::Accepted, K::Cancelled]);
}

#[test]
fn a_fill_or_kill_order_that_fits_is_filled_whole() {
    let mut rig = rig_with_offers();
    let order = rig.limit(Side::Buy, "61000", "0.01").time_in_force(TimeInForce::FillOrKill);
    let accepted = rig.place_accepted(order);
    let end = rig.expect(accepted.request, K::Filled);
    assert_eq!(end.cumulative().to_string(), "0.01");
    assert_eq!(filled_in_all(&rig, accepted.request), ("0.01".into(), "605".into()));
}

#[test]
fn a_market_order_by_base_is_filled_exactly() {
    let mut rig = rig_with_offers();
    let accepted = rig.place_accepted(OrderCommand::market(rig.btc.id, Side::Buy, rig.size("0.007")));
    let end = rig.expect(accepted.request, K::Filled);
    assert_eq!(end.cumulative().to_string(), "0.007");
    assert_eq!(filled_in_all(&rig, accepted.request), ("0.007".into(), "422".into()));
    assert_eq!(*rig.law(accepted.request).last().unwrap(), K::Filled);
}

#[test]
fn a_market_order_by_quote_spends_its_money_fees_included() {
    let mut rig = rig_with_offers();
    let money = Fixed::parse("100").unwrap().rescale(rig.btc.quote_exponent).unwrap();
    let accepted = rig.place_accepted(OrderCommand::market_quote(rig.btc.id, Side::Buy, money));
    let end = rig.expect(accepted.request, K::Filled);
    let fills: Vec<_> = rig.records(accepted.request).into_iter().filter(|r| r.kind == K::Fill).collect();
    let spent: rust_decimal::Decimal =
        fills.iter().map(|f| f.value().to_decimal().unwrap() + f.fee().to_decimal().unwrap()).sum();
    assert!(spent <= decimal("100") && spent > decimal("99.99"), "{spent}");
    assert_eq!(rig.at_venue(&end), Some(("FILLED", end.cumulative().to_decimal().unwrap())));
    assert_eq!(fills.iter().map(|f| f.last_quantity).sum::<i64>(), end.cumulative_quantity);
}
