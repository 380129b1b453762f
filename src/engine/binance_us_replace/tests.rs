//! Which limits a cancel and a new order in one request pass, against the pure model of Binance.US.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::super::binance_us_bench::Bench;
use super::super::ConnId;
use crate::guard::{InstrumentLimits, Limits};
use crate::record::{
    ExecutionKind as K, ExecutionRecord, Fixed, InstrumentId, OrderCommand, OrderRef, RejectClass, RequestId, Venue,
};

const BTC: InstrumentId = InstrumentId(0);
/// What the account holds to begin with.
const HELD: &str = "10";
const OVER: (K, RejectClass, &str) = (K::ReplaceRejected, RejectClass::Limit, "position over the limit");

/// The account may hold so much more than it does, if the number is one of bitcoin.
fn bench(more: &str) -> Bench {
    let [held, more] = [HELD, more].map(|text| Fixed::parse(text).unwrap().rescale(-8).unwrap());
    let position_max = Some(Fixed::new(held + more, -8));
    let bench = Bench::limited(
        Limits::new().every_instrument(InstrumentLimits { position_max, ..InstrumentLimits::default() }),
    );
    let position = bench.engine.trading.orders.exposure(BTC);
    let exponent = bench.resting_bid().quantity() * 10;
    assert_eq!((position.position, position.position_known), (exponent * 10, true), "10 bitcoin");
    bench
}

#[track_caller]
fn first(bench: &Bench, request: RequestId) -> &ExecutionRecord {
    bench.executions.iter().find(|record| record.request == request).expect("an answer")
}

/// Our bid for 0.1 rests.
fn resting(bench: &mut Bench) -> RequestId {
    let request = bench.submit(1, bench.resting_bid());
    bench.pass_ms(50);
    assert_eq!(bench.kinds(request), [K::Accepted]);
    request
}

/// The venue executes so much of an order, and says so.
fn fill(bench: &mut Bench, order: RequestId, quantity: &str) {
    let id = first(bench, order).client_order_id;
    bench.venue.fill_order(bench.now, id.as_str(), quantity.parse().unwrap()).unwrap();
    bench.pass_ms(50);
    assert_eq!(bench.kinds(order).last(), Some(&K::Fill));
}

/// A change to one tick less and this quantity in all, in thousandths of the bid's.
fn change(bench: &Bench, order: RequestId, thousandths: i64) -> OrderCommand {
    let bid = bench.resting_bid();
    OrderCommand::replace(BTC, OrderRef::Request(order), bid.price() / 2, bid.quantity() / 1_000 * thousandths)
}

fn answer(bench: &mut Bench, number: u32, command: OrderCommand) -> (K, RejectClass, String) {
    let request = bench.submit(number, command);
    bench.pass_ms(50);
    let record = first(bench, request);
    (record.kind, record.reject, record.venue_code.to_string())
}

#[track_caller]
fn assert_over(bench: &mut Bench, number: u32, command: OrderCommand) {
    let (kind, class, code) = answer(bench, number, command);
    assert_eq!((kind, class, code.as_str()), OVER);
    assert_eq!(bench.engine.open_orders(), 1, "nothing was begun");
}

#[test]
fn at_the_limit_an_order_without_fills_is_repriced_and_not_doubled() {
    let mut bench = bench("0.1");
    let order = resting(&mut bench);
    let command = change(&bench, order, 1_000);
    assert_over(&mut bench, 2, command.place_anyway());
    let more = change(&bench, order, 1_001);
    assert_over(&mut bench, 3, more);
    assert_eq!(answer(&mut bench, 4, command).0, K::Accepted, "one of the two is executed, and never both");
    assert_eq!(bench.kinds(order), [K::Accepted, K::Cancelled]);
}

#[test]
fn placed_anyway_it_needs_room_for_both() {
    let mut bench = bench("0.2");
    let order = resting(&mut bench);
    let more = change(&bench, order, 1_001).place_anyway();
    assert_over(&mut bench, 2, more);
    let command = change(&bench, order, 1_000).place_anyway();
    assert_eq!(answer(&mut bench, 3, command).0, K::Accepted);
}

#[test]
fn what_may_still_be_filled_of_an_order_executed_in_part_needs_room_beside_its_successor() {
    // 0.04 are executed, 0.06 may be before the cancel arrives, and then 0.06 of the new order.
    let mut bench = bench("0.16");
    let order = resting(&mut bench);
    fill(&mut bench, order, "0.04");
    let more = change(&bench, order, 1_001);
    assert_over(&mut bench, 2, more);
    let command = change(&bench, order, 1_000);
    assert_eq!(answer(&mut bench, 3, command).0, K::Accepted);
}

#[test]
fn one_more_open_order_is_counted_only_if_it_is_placed_anyway() {
    let limits = Limits::new().open_orders_per_strategy(1);
    let mut bench = Bench::limited(limits);
    let order = resting(&mut bench);
    let command = change(&bench, order, 1_000);
    let (kind, class, _) = answer(&mut bench, 2, command.place_anyway());
    assert_eq!((kind, class), (K::ReplaceRejected, RejectClass::Limit));
    assert_eq!(answer(&mut bench, 3, command).0, K::Accepted);
}

#[test]
fn no_change_leaves_before_every_venue_is_reconciled() {
    let mut bench = Bench::limited(Limits::new());
    let order = resting(&mut bench);
    let command = change(&bench, order, 1_000);
    // Orders are traded elsewhere too, and nobody has listed them yet.
    bench.engine.trading.desks.get_mut(Venue::Coinbase).user = Some(ConnId(0));
    let (kind, class, code) = answer(&mut bench, 2, command);
    let refused = (K::ReplaceRejected, RejectClass::NotConnected, "another venue is not reconciled");
    assert_eq!((kind, class, code.as_str()), refused);
    bench.engine.trading.desks.get_mut(Venue::Coinbase).user = None;
    assert_eq!(answer(&mut bench, 3, command).0, K::Accepted);
}
