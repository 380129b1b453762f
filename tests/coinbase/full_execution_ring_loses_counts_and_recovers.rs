//! A strategy that stops reading its execution records: exact loss count, open orders cancelled, new ones refused; when it
//! reads again it gets Lost, the list of what is open, ResyncEnd, and can trade again.

use crate::common::{self, is_for_want_of_a_path, Bench, ORDERS, PATIENCE};
use exchange_connectors::engine::EXECUTION_RESERVE_MAX;
use exchange_connectors::record::{ExecutionKind as K, ExecutionRecord, OrderCommand, Side, EXECUTION_FLAG_LAST};
use std::time::Instant;

const RING: usize = 16;

/// Everything between the word of the loss and the end of what follows it.
fn told_again(executions: &[ExecutionRecord]) -> &[ExecutionRecord] {
    let at = |kind| executions.iter().position(|r| r.kind == kind).unwrap();
    &executions[at(K::Lost) + 1..at(K::ResyncEnd)]
}

/// Waits until the balances of both assets were told.
fn until_balances(rig: &mut common::Rig) {
    rig.until_true("both balances", |rig| rig.executions.iter().filter(|r| r.kind == K::Balance).count() >= 2);
}

#[test]
fn the_loss_is_exact_orders_are_cancelled_and_trading_goes_on() {
    let mut rig = Bench::new().gateway(|b| b.execution_ring(RING)).start();
    let first = rig.place_accepted(rig.resting_bid());
    let second = rig.place_accepted(rig.resting_bid());
    // What was asked for at the start is told: nothing else comes by itself.
    until_balances(&mut rig);
    let read_before = rig.executions.len();

    // Every refused order is one record that nobody reads.
    let off_tick = OrderCommand::limit(rig.btc.id, Side::Buy, rig.price("50000") + 1, rig.size("0.01"));
    let refusals = RING + EXECUTION_RESERVE_MAX + 50;
    let deadline = Instant::now() + PATIENCE;
    let mut submitted = 0;
    while submitted < refusals {
        match rig.strategy.orders.submit(off_tick) {
            Ok(_) => submitted += 1,
            Err(_) => std::thread::yield_now(),
        }
        assert!(Instant::now() < deadline, "commands are not taken");
    }
    // The latch cancels what is open, without anybody asking.
    let cancelled = |rig: &common::Rig, r: &ExecutionRecord| rig.at_venue(r).unwrap().0 == "CANCELLED";
    while !(cancelled(&rig, &first) && cancelled(&rig, &second)) || rig.gateway().open_orders().unwrap() > 0 {
        assert!(Instant::now() < deadline, "open orders are not cancelled");
        std::thread::yield_now();
    }
    // While latched a good order is refused, and that, too, is only counted.
    let sent = rig.venue.requests(&format!("POST {ORDERS}")).unwrap();
    rig.submit(rig.resting_bid());

    let lost = rig.until("the loss", |rig| rig.executions.iter().find(|r| r.kind == K::Lost).copied());
    rig.until("the end of the resync", |rig| rig.executions.iter().find(|r| r.kind == K::ResyncEnd).copied());
    assert_eq!(rig.venue.requests(&format!("POST {ORDERS}")).unwrap(), sent, "the order did not leave");
    // Nothing is open: the account's holdings are all there is to tell again.
    let again: Vec<_> = told_again(&rig.executions).iter().map(|r| r.kind).collect();
    assert_eq!(again, [K::Position, K::Position, K::Balance, K::Balance]);
    let delivered = rig.executions.len() - read_before - again.len() - 2;
    // The refusals, two cancels' ends and the order refused while latched.
    let all = refusals + 2 + 1;
    assert_eq!(delivered as i64 + lost.last_quantity, all as i64, "every record is delivered or counted");
    assert_eq!(delivered, RING + EXECUTION_RESERVE_MAX, "everything that fitted came");
    let order: Vec<_> =
        rig.executions.iter().filter(|r| matches!(r.kind, K::Lost | K::ResyncEnd)).map(|r| r.kind).collect();
    assert_eq!(order, [K::Lost, K::ResyncEnd]);

    let again = rig.place_accepted(rig.resting_bid());
    assert!(!is_for_want_of_a_path(&again));
}

#[test]
fn what_is_still_open_is_listed() {
    let mut rig = Bench::new().gateway(|b| b.execution_ring(RING)).start();
    // A fill before the first balance could be in it, or not.
    until_balances(&mut rig);
    let open = rig.place_accepted(rig.resting_bid());
    rig.venue.fill_order(open.client_order_id.as_str(), common::decimal("0.004")).unwrap();
    rig.expect(open.request, K::Fill);
    // The cancel that the loss causes is held at the venue: the order is still open when the strategy reads again.
    rig.venue.hold_cancels().unwrap();
    let off_tick = OrderCommand::limit(rig.btc.id, Side::Buy, rig.price("50000") + 1, rig.size("0.01"));
    let mut submitted = 0;
    let deadline = Instant::now() + PATIENCE;
    while submitted < RING + EXECUTION_RESERVE_MAX + 2 {
        match rig.strategy.orders.submit(off_tick) {
            Ok(_) => submitted += 1,
            Err(_) => std::thread::yield_now(),
        }
        assert!(Instant::now() < deadline, "commands are not taken");
    }
    while rig.at_venue(&open).unwrap().0 != "CANCEL_QUEUED" {
        assert!(Instant::now() < deadline, "the cancel does not leave");
        std::thread::yield_now();
    }
    rig.mark();
    rig.wait_for_execution("the end of the resync", |r| r.kind == K::ResyncEnd);
    let kinds: Vec<K> = rig.executions.iter().map(|r| r.kind).collect();
    let at = |kind| kinds.iter().position(|k| *k == kind).unwrap();
    assert!(at(K::Lost) < at(K::OrderListed) && at(K::OrderListed) < at(K::ResyncEnd));
    let listed = rig.executions[at(K::OrderListed)];
    assert_eq!((listed.request, listed.client_order_id), (open.request, open.client_order_id));
    assert_eq!((listed.quantity().to_string(), listed.price().to_string()), ("0.01".into(), "50000".into()));
    // What is held is told again, too: both sides of the position, and the balances.
    let again = told_again(&rig.executions);
    let [_, long, short, base, quote] = again else { panic!("{again:#?}") };
    let told = |r: &ExecutionRecord| (r.kind, r.side, r.quantity().to_string(), r.cumulative().to_string());
    assert_eq!(told(long), (K::Position, Side::Buy, "0.004".into(), "10.004".into()), "10 were held before");
    assert_eq!(told(short), (K::Position, Side::Sell, "0".into(), "10.004".into()));
    assert_eq!((long.price().to_string(), short.has(EXECUTION_FLAG_LAST)), ("50000".into(), true));
    assert_eq!([base, quote].map(|r| r.kind), [K::Balance; 2]);
    assert_eq!(base.value().to_string(), "10.004");
    // What the rest of the order may still cost is held.
    assert_eq!((quote.fee_asset, quote.fee().to_string()), (rig.btc.quote, "300".into()));
    rig.venue.release_cancels().unwrap();
    rig.expect(open.request, K::Cancelled);
}

#[test]
fn another_strategys_open_orders_do_not_stand_in_the_way() {
    let mut rig = Bench::new().gateway(|b| b.execution_ring(RING)).start();
    let mut other = rig.gateway().strategy().unwrap();
    let deadline = Instant::now() + PATIENCE;
    // As many open orders of the other strategy as the ring of this one holds.
    let mut open = 0;
    while open < RING {
        let request = other.orders.submit(rig.resting_bid()).unwrap();
        let first = loop {
            if let Some(record) = other.executions.pop().filter(|r| r.request == request) {
                break record;
            }
            assert!(Instant::now() < deadline, "no answer");
            other.wait(std::time::Duration::from_millis(2));
        };
        open += usize::from(first.kind == K::Accepted);
    }
    let off_tick = OrderCommand::limit(rig.btc.id, Side::Buy, rig.price("50000") + 1, rig.size("0.01"));
    let mut submitted = 0;
    while submitted < RING + EXECUTION_RESERVE_MAX + 2 {
        match rig.strategy.orders.submit(off_tick) {
            Ok(_) => submitted += 1,
            Err(_) => std::thread::yield_now(),
        }
        assert!(Instant::now() < deadline, "commands are not taken");
    }
    rig.wait_for_execution("the end of the resync", |r| r.kind == K::ResyncEnd);
    assert!(!rig.executions.iter().any(|r| r.kind == K::OrderListed), "the other's orders are not this one's");
    assert_eq!(rig.gateway().open_orders().unwrap(), RING, "and they rest on");
}
