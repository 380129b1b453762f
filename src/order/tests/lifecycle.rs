//! One order, told by hand.

use super::*;
use ExecutionKind as K;

#[test]
fn reply_fills_and_end_in_the_expected_order() {
    let mut b = Bench::live();
    b.tell(OrderStatus::Open, 400);
    b.tell(OrderStatus::Filled, 1_000);
    assert_eq!(b.log.kinds(), [K::Accepted, K::Fill, K::Fill, K::Filled]);
    let fill = &b.log.0[2];
    assert_eq!((fill.last_quantity, fill.cumulative_quantity, fill.last_price), (600, 1_000, PRICE));
    assert_eq!(fill.value(), Fixed128::new(600 * i128::from(PRICE), -16));
    assert_eq!((fill.fee(), fill.fee_asset), (Fixed128::new(600, -8), AssetId(1)));
    assert!(fill.has(EXECUTION_FLAG_DERIVED) && !fill.has(EXECUTION_FLAG_LAST));
    assert!(b.log.0.iter().all(|r| r.request == request(1) && r.client_order_id == b.client));
    assert_eq!(b.log.last().venue_order_id, venue_id("v-1"));
}

#[test]
fn a_stream_event_before_the_reply_implies_acceptance_once() {
    let mut b = Bench::sent();
    b.tell(OrderStatus::Open, 0);
    b.accept();
    assert_eq!(b.log.kinds(), [K::Accepted]);
    assert!(b.log.last().has(EXECUTION_FLAG_IMPLIED | EXECUTION_FLAG_LAST));
}

#[test]
fn a_whole_life_in_one_event_is_told_in_order() {
    let mut b = Bench::sent();
    b.tell(OrderStatus::Cancelled, 300);
    assert_eq!(b.log.kinds(), [K::Accepted, K::Fill, K::Cancelled]);
    let last: Vec<_> = b.log.0.iter().map(|r| r.has(EXECUTION_FLAG_LAST)).collect();
    assert_eq!(last, [false, false, true]);
}

#[test]
fn a_refusal_is_rejected_with_class_and_code() {
    let mut b = Bench::sent();
    b.reject(RejectClass::InsufficientFunds);
    let told = b.log.last();
    assert_eq!(
        (told.kind, told.reject, told.venue_code.as_str()),
        (K::Rejected, RejectClass::InsufficientFunds, "CODE")
    );
    assert_eq!(told.flags, EXECUTION_FLAG_LAST);
    assert_eq!(b.state(), OrderState::Closed(OrderEnd::Rejected));
}

#[test]
fn a_lost_connection_is_unknown_only_if_a_byte_may_have_left() {
    let mut b = Bench::new();
    b.orders.connection_lost(T0, b.slot, &mut b.log);
    assert_eq!((b.log.last().kind, b.log.last().reject), (K::Rejected, RejectClass::NotConnected));
    let b = Bench::unknown();
    assert_eq!((b.log.last().kind, b.state()), (K::Unknown, OrderState::Unknown));
    assert_eq!(b.log.last().venue_code.as_str(), "connection lost");
}

#[test]
fn a_timeout_says_nothing_about_an_order_that_was_not_sent() {
    let mut b = Bench::new();
    b.orders.reply_timeout(T0, b.slot, &mut b.log);
    assert_eq!((b.log.kinds(), b.state()), (vec![], OrderState::New));
    assert!(b.orders.abandon(T0, b.slot, RejectClass::Busy, "no token", &mut b.log));
    assert_eq!((b.log.last().reject, b.log.last().sent), (RejectClass::Busy, UnixNanos::NONE));
}

#[test]
fn an_order_that_was_sent_cannot_be_abandoned() {
    let mut b = Bench::sent();
    assert!(!b.orders.abandon(T0, b.slot, RejectClass::Busy, "no token", &mut b.log));
    assert!(b.log.0.is_empty());
}

#[test]
fn whatever_settles_an_unknown_order_is_flagged_reconciled() {
    for settle in [
        (|b: &mut Bench| b.accept()) as fn(&mut Bench),
        |b| b.reject(RejectClass::InvalidPrice),
        |b| _ = b.tell(OrderStatus::Open, 0),
        |b| _ = b.tell(OrderStatus::Failed, 0),
    ] {
        let mut b = Bench::unknown();
        settle(&mut b);
        assert_eq!(b.log.0.len(), 2);
        assert!(matches!(b.log.last().kind, K::Accepted | K::Rejected));
        assert!(b.log.last().has(EXECUTION_FLAG_RECONCILED));
    }
}

#[test]
fn a_duplicate_id_is_no_refusal_but_a_sign_that_it_arrived_twice() {
    let mut b = Bench::sent();
    b.reject(RejectClass::DuplicateId);
    assert_eq!((b.log.last().kind, b.log.last().venue_code.as_str()), (K::Unknown, "CODE"));
}

#[test]
fn failing_after_acceptance_is_told_as_cancelled_with_the_reason() {
    let mut b = Bench::live();
    b.give(&OrderFact { reject: RejectClass::WouldTake, ..fact(&b.client.clone(), "v-1", OrderStatus::Failed, 0) });
    assert_eq!(b.log.kinds(), [K::Accepted, K::Cancelled]);
    assert_eq!(b.log.last().reject, RejectClass::WouldTake);
}

#[test]
fn failing_as_the_first_word_is_a_rejection() {
    let mut b = Bench::sent();
    b.tell(OrderStatus::Failed, 0);
    assert_eq!((b.log.kinds(), b.log.last().reject), (vec![K::Rejected], RejectClass::Other));
    b.accept();
    b.tell(OrderStatus::Open, 0);
    assert_eq!(b.log.kinds(), [K::Rejected]);
}

#[test]
fn what_is_behind_the_end_is_ignored_and_counted() {
    let mut b = Bench::live();
    b.tell(OrderStatus::Cancelled, 300);
    let told = b.log.0.len();
    b.tell(OrderStatus::Open, 100);
    b.tell(OrderStatus::Filled, 300);
    b.reject(RejectClass::Other);
    assert_eq!((b.log.0.len(), b.orders.counters().behind_terminal), (told, 3));
}

#[test]
fn a_fill_found_after_the_end_is_told_late_and_once() {
    let mut b = Bench::live();
    b.tell(OrderStatus::Cancelled, 300);
    b.tell(OrderStatus::Cancelled, 500);
    b.tell(OrderStatus::Cancelled, 500);
    assert_eq!(b.log.kinds(), [K::Accepted, K::Fill, K::Cancelled, K::Fill]);
    assert_eq!(b.log.last().last_quantity, 200);
    assert!(b.log.last().has(EXECUTION_FLAG_LATE));
}

#[test]
fn listed_rows_enrich_and_move_nothing_until_they_exceed_the_cumulative() {
    let mut b = Bench::live();
    b.tell(OrderStatus::Open, 500);
    b.list("e-1", 200);
    b.list("e-2", 300);
    b.list("e-1", 200);
    assert_eq!(b.log.kinds(), [K::Accepted, K::Fill, K::FillDetail, K::FillDetail]);
    b.list("e-3", 400);
    let fill = b.log.last();
    assert_eq!((fill.kind, fill.last_quantity, fill.cumulative_quantity), (K::Fill, 400, 900));
    assert_eq!((fill.execution_id.as_str(), fill.liquidity), ("e-3", Liquidity::Maker));
    assert!(!fill.has(EXECUTION_FLAG_DERIVED));
    b.tell(OrderStatus::Open, 900);
    assert_eq!((b.log.0.len(), b.orders.counters().duplicate_rows), (5, 1));
}

#[test]
fn filled_with_less_than_the_order_is_asked_about_before_it_is_believed() {
    let mut b = Bench::live();
    b.tell(OrderStatus::Filled, 0);
    assert_eq!((b.state(), b.orders.counters().short_fills), (OrderState::Live, 1));
    b.advance(1_000);
    assert!(matches!(b.query(), Some((_, Query::OrdersByIds { .. }))));
    b.tell_by_query(OrderStatus::Filled, 1_000);
    assert_eq!(b.log.kinds(), [K::Accepted, K::Fill, K::Filled]);
}

#[test]
fn an_order_that_ends_filled_with_less_is_counted_once_however_often_that_is_told() {
    let mut b = Bench::live();
    b.list("e-1", 400);
    b.tell(OrderStatus::Filled, 0);
    b.tell(OrderStatus::Filled, 400);
    b.tell_by_query(OrderStatus::Filled, 400);
    assert_eq!((b.log.kinds(), b.orders.counters().short_fills), (vec![K::Accepted, K::Fill, K::Filled], 1));
}

#[test]
fn filled_short_ends_once_the_listed_rows_complete_it() {
    let mut b = Bench::live();
    b.tell(OrderStatus::Filled, 0);
    b.list("e-1", 400);
    b.list("e-2", 600);
    assert_eq!(b.log.kinds(), [K::Accepted, K::Fill, K::Fill, K::Filled]);
}

#[test]
fn an_unknown_status_proves_life_and_nothing_more() {
    let mut b = Bench::sent();
    b.tell(OrderStatus::Unrecognised, 0);
    assert_eq!((b.log.kinds(), b.state()), (vec![K::Accepted], OrderState::Live));
}

#[test]
fn a_refusal_of_an_order_that_showed_life_is_not_believed_until_the_venue_lists_it_no_more() {
    let mut b = Bench::sent();
    b.tell(OrderStatus::Pending, 0);
    b.reject(RejectClass::WouldTake);
    assert_eq!((b.log.kinds(), b.state()), (vec![K::Accepted], OrderState::Live));
    for _ in 0..60 {
        b.advance(1_000);
        while let Some((id, _)) = b.query() {
            b.done(id);
        }
    }
    assert_eq!(b.log.kinds(), [K::Accepted, K::Cancelled]);
    assert_eq!(b.log.last().reject, RejectClass::WouldTake);
    assert!(b.log.last().has(EXECUTION_FLAG_RECONCILED));
}

#[test]
fn an_order_told_dead_that_lives_is_reported_and_cancelled() {
    let mut b = Bench::sent();
    b.reject(RejectClass::RateLimited);
    b.tell(OrderStatus::Pending, 0);
    assert_eq!(b.state(), OrderState::Closed(OrderEnd::Rejected));
    b.tell(OrderStatus::Open, 100);
    assert_eq!(b.state(), OrderState::Risen);
    assert_eq!(b.log.kinds(), [K::Rejected, K::Fill, K::StrangerOrder]);
    assert!(b.log.0[1..].iter().all(|r| r.has(EXECUTION_FLAG_LATE) && r.request == request(1)));
    let due = b.orders.next_due_cancel(b.now).unwrap();
    assert_eq!((due.venue_order_id, due.request), (venue_id("v-1"), RequestId::NONE));
    b.tell(OrderStatus::Cancelled, 250);
    assert_eq!((b.log.0.len(), b.log.last().last_quantity), (4, 150));
    assert_eq!((b.state(), b.orders.open_count()), (OrderState::Closed(OrderEnd::Rejected), 0));
}

#[test]
fn an_execution_listed_for_an_order_told_dead_proves_that_it_lived() {
    let mut b = Bench::sent();
    b.reject(RejectClass::RateLimited);
    b.tell(OrderStatus::Pending, 0);
    b.list("e-1", 100);
    assert_eq!(b.log.kinds(), [K::Rejected, K::Fill, K::StrangerOrder]);
    assert_eq!(b.state(), OrderState::Risen);
}

#[test]
fn a_reply_of_acceptance_after_the_order_was_given_up_proves_that_it_lives() {
    let mut b = Bench::unknown();
    b.reject(RejectClass::RateLimited);
    b.accept();
    assert_eq!(b.log.kinds(), [K::Unknown, K::Rejected, K::StrangerOrder]);
    assert!(b.orders.next_due_cancel(b.now).is_some());
}

#[test]
fn an_order_wholly_executed_is_asked_about_until_its_end_is_told() {
    for complete in
        [(|b: &mut Bench| _ = b.tell(OrderStatus::Open, QUANTITY)) as fn(&mut Bench), |b| _ = b.list("e-1", QUANTITY)]
    {
        let mut b = Bench::live();
        complete(&mut b);
        assert_eq!((b.log.kinds(), b.state()), (vec![K::Accepted, K::Fill], OrderState::Live));
        b.advance(1_000);
        assert!(b.query().is_some());
        b.tell_by_query(OrderStatus::Filled, QUANTITY);
        assert_eq!(b.log.last().kind, K::Filled);
    }
}

#[test]
fn orders_of_others_are_reported_once_and_only_while_open() {
    let mut b = Bench::live();
    let theirs = ClientOrderId::new("0b1c-other-software").unwrap();
    b.give(&fact(&theirs, "v-9", OrderStatus::Cancelled, 0));
    assert_eq!(b.give(&fact(&theirs, "v-8", OrderStatus::Open, 0)), Whose::Stranger);
    b.give(&fact(&theirs, "v-8", OrderStatus::Open, 10));
    assert_eq!(b.log.kinds(), [K::Accepted, K::StrangerOrder]);
    assert_eq!((b.log.last().client_order_id, b.log.last().request), (theirs, RequestId::NONE));
    let earlier = ClientOrderId::new("xc-6-1").unwrap();
    assert_eq!(b.give(&fact(&earlier, "v-7", OrderStatus::Open, 0)), Whose::Stranger, "nobody knows session 6");
    let forgotten = ClientOrderId::new("xc-7-zz").unwrap();
    assert_eq!(b.give(&fact(&forgotten, "v-6", OrderStatus::Open, 0)), Whose::Forgotten);
    assert_eq!(b.log.0.len(), 3);
}

#[test]
fn a_second_venue_order_under_one_client_id_is_never_merged() {
    let mut b = Bench::live();
    let twin = fact(&b.client.clone(), "v-2", OrderStatus::Open, 500);
    assert_eq!(b.give(&twin), Whose::Twin(b.slot));
    assert_eq!(b.log.kinds(), [K::Accepted, K::StrangerOrder]);
    assert_eq!(b.orders.get(b.slot).unwrap().executed(), 0);
}

#[test]
fn a_fact_without_our_id_finds_its_order_by_the_venues() {
    let mut b = Bench::live();
    b.give(&fact(&ClientOrderId::EMPTY, "v-1", OrderStatus::Cancelled, 0));
    assert_eq!(b.log.kinds(), [K::Accepted, K::Cancelled]);
}

#[test]
fn a_full_table_refuses_and_a_closed_order_makes_room() {
    let mut b = Bench::live();
    for counter in 2..=4 {
        b.orders.place(&place_command(counter), &instrument()).unwrap();
    }
    let refusal = b.orders.place(&place_command(5), &instrument()).unwrap_err();
    assert_eq!(refusal.class, RejectClass::Busy);
    b.orders.refuse(b.now, &place_command(5), V, &refusal, &mut b.log);
    assert_eq!((b.log.last().kind, b.log.last().request), (K::Rejected, request(5)));
    b.tell(OrderStatus::Cancelled, 0);
    b.orders.place(&place_command(5), &instrument()).unwrap();
    let again = b.orders.place(&place_command(5), &instrument()).unwrap_err();
    assert_eq!(again.class, RejectClass::DuplicateId);
}

#[test]
fn closed_orders_are_forgotten_oldest_first_and_stale_slots_are_recognised() {
    let mut b = Bench::live();
    b.tell(OrderStatus::Cancelled, 0);
    for counter in 2..=6 {
        let placed = b.orders.place(&place_command(counter), &instrument()).unwrap();
        assert!(b.orders.abandon(b.now, placed.slot, RejectClass::Busy, "", &mut b.log));
    }
    assert!(b.orders.get(b.slot).is_none());
    assert_eq!(b.tell(OrderStatus::Cancelled, 0), Whose::Forgotten);
    assert!(b.orders.find(V, &OrderRef::Venue(venue_id("v-1"))).is_none());
    assert!(b.orders.find(V, &OrderRef::Request(request(3))).is_some());
    let told = b.log.0.len();
    b.reject(RejectClass::Other);
    assert_eq!((b.log.0.len(), b.orders.counters().unexpected), (told, 1));
}

#[test]
fn a_resync_lists_open_orders_in_the_order_of_their_placement() {
    let mut b = Bench::live();
    let mut slots = vec![];
    for counter in 2..=4 {
        let placed = b.orders.place(&place_command(counter), &instrument()).unwrap();
        b.orders.sent(b.now, placed.slot, b.now);
        slots.push(placed);
    }
    b.orders.connection_lost(b.now, slots[1].slot, &mut b.log);
    let listed: Vec<_> = b.orders.open_of(StrategyId(3), 0).filter_map(|(_, _, o)| o.listed(b.now)).collect();
    let kinds: Vec<_> = listed.iter().map(|r| (r.kind, r.request)).collect();
    assert_eq!(kinds, [(K::OrderListed, request(1)), (K::Unknown, request(3))]);
    assert_eq!((listed[0].last_quantity, listed[0].last_price), (QUANTITY, PRICE));
    let after: Vec<_> = b.orders.open_of(StrategyId(3), 2).map(|(_, serial, _)| serial).collect();
    assert_eq!(after, [3, 4]);
    assert_eq!(b.orders.open_of(StrategyId(0), 0).count(), 0);
}
