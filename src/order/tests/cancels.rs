//! Cancels, told by hand.

use super::*;
use ExecutionKind as K;

fn cancel(b: &mut Bench, counter: u64) -> CancelStep {
    let command = OrderCommand::cancel(InstrumentId(0), OrderRef::Request(request(1))).stamped(request(counter), b.now);
    b.orders.cancel(b.now, V, &command, &mut b.log)
}

fn answer(b: &mut Bench, reply: CancelReply) {
    b.orders.cancel_reply(b.now, V, &venue_id("v-1"), &reply, &mut b.log);
}

fn refused(class: RejectClass) -> CancelReply {
    CancelReply::Rejected { class, code: InlineText::truncated("CODE") }
}

const AMBIGUOUS: CancelReply = CancelReply::Ambiguous { code: InlineText::EMPTY };

#[test]
fn a_cancel_is_sent_by_the_venues_id_and_answered_by_the_end_of_the_order() {
    let mut b = Bench::live();
    let CancelStep::Send(send) = cancel(&mut b, 2) else { panic!() };
    assert_eq!((send.venue_order_id, send.request), (venue_id("v-1"), request(2)));
    answer(&mut b, CancelReply::Queued);
    b.tell(OrderStatus::CancelQueued, 0);
    b.tell(OrderStatus::Cancelled, 0);
    assert_eq!(b.log.kinds(), [K::Accepted, K::Cancelled]);
    assert_eq!(b.log.last().request, request(1));
    b.advance(60_000);
    assert_eq!(b.orders.next_due_cancel(b.now), None);
}

#[test]
fn a_cancel_without_a_venue_id_waits_for_it() {
    let mut b = Bench::sent();
    assert_eq!(cancel(&mut b, 2), CancelStep::WaitForVenueId);
    assert_eq!(b.orders.next_due_cancel(b.now), None);
    b.accept();
    assert_eq!(b.orders.deadline(), Some(b.now));
    assert_eq!(b.orders.next_due_cancel(b.now).unwrap().request, request(2));
    assert_eq!(b.orders.next_due_cancel(b.now), None);
}

#[test]
fn an_ambiguous_cancel_is_told_once_and_repeated_with_growing_pauses() {
    let mut b = Bench::live();
    cancel(&mut b, 2);
    let mut pauses = vec![];
    for _ in 0..7 {
        answer(&mut b, AMBIGUOUS);
        let start = b.now;
        while b.orders.next_due_cancel(b.now).is_none() {
            b.advance(50);
        }
        pauses.push(b.now.since(start) / 1_000_000);
    }
    assert_eq!(pauses, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
    assert_eq!(b.log.kinds(), [K::Accepted, K::CancelUnknown]);
    assert_eq!((b.log.last().request, b.log.last().client_order_id), (request(2), b.client));
}

#[test]
fn a_queued_cancel_is_repeated_and_the_order_asked_about_if_it_does_not_end() {
    let mut b = Bench::live();
    cancel(&mut b, 2);
    answer(&mut b, CancelReply::Queued);
    b.advance(1_000);
    assert!(matches!(b.query(), Some((_, Query::OrdersByIds { ids, .. })) if ids.as_slice() == [venue_id("v-1")]));
    assert_eq!(b.orders.next_due_cancel(b.now), None);
    b.advance(CANCEL_CONFIRM_MS);
    assert!(b.orders.next_due_cancel(b.now).is_some());
}

#[test]
fn a_definitive_refusal_is_told_under_the_cancels_request_and_ends_the_intention() {
    let mut b = Bench::live();
    cancel(&mut b, 2);
    answer(&mut b, refused(RejectClass::Forbidden));
    let told = b.log.last();
    assert_eq!((told.kind, told.reject, told.request), (K::CancelRejected, RejectClass::Forbidden, request(2)));
    assert_eq!((told.client_order_id, b.state()), (b.client, OrderState::Live));
    b.advance(60_000);
    assert_eq!(b.orders.next_due_cancel(b.now), None);
}

#[test]
fn a_refusal_that_means_not_now_is_repeated() {
    for class in [RejectClass::RateLimited, RejectClass::Unauthorized, RejectClass::Busy] {
        let mut b = Bench::live();
        cancel(&mut b, 2);
        answer(&mut b, refused(class));
        assert_eq!((b.log.last().kind, b.log.last().reject), (K::CancelUnknown, class));
        b.advance(250);
        assert!(b.orders.next_due_cancel(b.now).is_some());
    }
}

#[test]
fn an_unknown_order_is_believed_at_the_third_time_and_ends_the_order_only_with_listings() {
    let mut b = Bench::live();
    cancel(&mut b, 2);
    for _ in 0..2 {
        answer(&mut b, refused(RejectClass::UnknownOrder));
        assert_eq!(b.log.kinds(), [K::Accepted]);
        b.advance(5_000);
        assert!(b.orders.next_due_cancel(b.now).is_some());
    }
    answer(&mut b, refused(RejectClass::UnknownOrder));
    assert_eq!((b.log.last().kind, b.state()), (K::CancelRejected, OrderState::Live));
    for _ in 0..40 {
        b.advance(1_000);
        while let Some((id, _)) = b.query() {
            b.done(id);
        }
    }
    assert_eq!((b.log.last().kind, b.log.last().reject), (K::Cancelled, RejectClass::UnknownOrder));
}

#[test]
fn a_doubt_that_a_lagging_answer_refuted_is_looked_into_until_it_is_answered_again() {
    let mut b = Bench::live();
    cancel(&mut b, 2);
    for _ in 0..3 {
        answer(&mut b, refused(RejectClass::UnknownOrder));
        b.advance(5_000);
        b.orders.next_due_cancel(b.now);
    }
    assert_eq!(b.log.last().kind, K::CancelRejected);
    let mut asked = 0;
    for _ in 0..40 {
        while let Some((id, query)) = b.query() {
            if matches!(query, Query::OrdersByIds { .. }) {
                asked += 1;
                // The listing shows what was before the order ended, then nothing, then what is.
                match asked {
                    1 => b.tell_by_query(OrderStatus::Open, 0),
                    2 => {
                        b.orders.query_done(b.now, id, QueryEnd::Failed, &mut b.log);
                        continue;
                    }
                    _ => b.tell_by_query(OrderStatus::Cancelled, 0),
                };
            }
            b.done(id);
        }
        b.advance(1_000);
    }
    assert_eq!((asked, b.log.last().kind, b.log.last().reject), (3, K::Cancelled, RejectClass::None));
}

#[test]
fn an_order_said_to_be_over_is_asked_about_until_it_is() {
    let mut b = Bench::live();
    cancel(&mut b, 2);
    answer(&mut b, refused(RejectClass::OrderClosed));
    assert_eq!(b.log.last().kind, K::CancelRejected);
    b.advance(1_000);
    let (id, _) = b.query().unwrap();
    b.tell_by_query(OrderStatus::Open, 0);
    b.done(id);
    assert!(b.query().is_none());
    b.advance(5_000);
    assert!(b.query().is_some());
    b.tell_by_query(OrderStatus::Filled, 1_000);
    assert_eq!(b.log.kinds(), [K::Accepted, K::CancelRejected, K::Fill, K::Filled]);
}

#[test]
fn cancels_of_one_order_are_one_intention_answered_under_the_latest() {
    let mut b = Bench::live();
    cancel(&mut b, 2);
    assert_eq!(cancel(&mut b, 3), CancelStep::UnderWay);
    answer(&mut b, refused(RejectClass::Other));
    assert_eq!(b.log.kinds(), [K::Accepted, K::CancelRejected]);
    assert_eq!(b.log.last().request, request(3));
}

#[test]
fn a_cancel_of_nothing_or_of_a_closed_order_is_refused_at_once() {
    let mut b = Bench::live();
    b.tell(OrderStatus::Cancelled, 0);
    assert_eq!(cancel(&mut b, 2), CancelStep::AlreadyClosed);
    assert_eq!((b.log.last().kind, b.log.last().reject), (K::CancelRejected, RejectClass::OrderClosed));
    assert_eq!((b.log.last().request, b.log.last().venue_order_id), (request(2), venue_id("v-1")));
    let target = OrderRef::Venue(venue_id("v-77"));
    let command = OrderCommand::cancel(InstrumentId(0), target).stamped(request(3), b.now);
    assert_eq!(b.orders.cancel(b.now, V, &command, &mut b.log), CancelStep::NoSuchOrder);
    assert_eq!((b.log.last().reject, b.log.last().venue_order_id), (RejectClass::UnknownOrder, venue_id("v-77")));
}

#[test]
fn a_cancel_that_could_not_be_sent_is_due_again() {
    let mut b = Bench::live();
    cancel(&mut b, 2);
    b.orders.cancel_delayed(b.slot, b.now.plus_ms(20));
    assert_eq!(b.orders.next_due_cancel(b.now), None);
    b.advance(20);
    assert!(b.orders.next_due_cancel(b.now).is_some());
    assert_eq!(b.log.kinds(), [K::Accepted]);
}

#[test]
fn a_cancel_nobody_reports_on_is_repeated() {
    let mut b = Bench::live();
    cancel(&mut b, 2);
    b.advance(CANCEL_REPLY_MS_MAX);
    assert!(b.orders.next_due_cancel(b.now).is_some());
}

#[test]
fn the_end_of_an_order_answers_its_waiting_cancel() {
    let mut b = Bench::unknown();
    assert_eq!(cancel(&mut b, 2), CancelStep::WaitForVenueId);
    b.tell(OrderStatus::Failed, 0);
    assert_eq!(b.log.kinds(), [K::Unknown, K::Rejected]);
    b.advance(60_000);
    assert_eq!(b.orders.next_due_cancel(b.now), None);
}

#[test]
fn a_venues_request_takes_no_cancels_of_another_venue() {
    let mut b = Bench::live();
    cancel(&mut b, 2);
    answer(&mut b, AMBIGUOUS);
    b.advance(1_000);
    assert_eq!(b.orders.next_due_cancel_at(b.now, Venue::Oanda), None);
    assert!(b.orders.deadline().is_some_and(|at| at <= b.now), "it is still due");
    assert_eq!(b.orders.next_due_cancel_at(b.now, V).map(|send| send.venue), Some(V));
}
