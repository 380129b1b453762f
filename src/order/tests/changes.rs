//! Changes of resting orders, told by hand.

use super::*;
use proptest::prelude::*;
use ExecutionKind as K;

const NEW_PRICE: i64 = PRICE + 100;
const NEW_QUANTITY: i64 = 2 * QUANTITY;

fn replace_to(b: &mut Bench, counter: u64, price: i64, quantity: i64) -> Option<ReplaceSend> {
    let command = OrderCommand::replace(InstrumentId(0), OrderRef::Request(request(1)), price, quantity);
    b.orders.replace(b.now, V, &command.stamped(request(counter), b.now), &mut b.log)
}

fn replace(b: &mut Bench, counter: u64) -> Option<ReplaceSend> {
    replace_to(b, counter, NEW_PRICE, NEW_QUANTITY)
}

/// A live order whose change was sent as request 2.
fn changing() -> Bench {
    let mut b = Bench::live();
    let send = replace(&mut b, 2).unwrap();
    assert_eq!((send.venue_order_id, send.price, send.quantity), (venue_id("v-1"), NEW_PRICE, NEW_QUANTITY));
    b.orders.replace_sent(send.slot, b.now);
    b
}

fn answer_to(b: &mut Bench, counter: u64, reply: ReplaceReply) {
    b.orders.replace_reply(b.now, b.slot, request(counter), &reply, &mut b.log);
}

fn answer(b: &mut Bench, reply: ReplaceReply) {
    answer_to(b, 2, reply);
}

fn refused(class: RejectClass) -> ReplaceReply {
    ReplaceReply::Rejected { class, code: InlineText::truncated("CODE") }
}

const AMBIGUOUS: ReplaceReply = ReplaceReply::Ambiguous { code: InlineText::EMPTY };

fn shown(b: &Bench, source: FactSource, price: i64, quantity: i64, executed: i64) -> OrderFact {
    let fact = fact(&b.client, "v-1", OrderStatus::Open, executed);
    OrderFact { source, limit_price: price, quantity, ..fact }
}

/// One whole query by id whose answer shows the order with these terms.
fn look(b: &mut Bench, price: i64, quantity: i64) {
    let start = b.now;
    let id = loop {
        match b.query() {
            Some((id, Query::OrdersByIds { .. })) => break id,
            Some((id, _)) => b.done(id),
            None => b.advance(50),
        }
        assert!(b.now.since(start) < 20_000_000_000, "nobody asks");
    };
    let fact = shown(b, FactSource::Query, price, quantity, 0);
    b.give(&fact);
    b.done(id);
}

#[test]
fn a_change_taken_is_replaced_under_its_own_request_with_the_new_terms() {
    let mut b = changing();
    answer(&mut b, ReplaceReply::Accepted);
    assert_eq!(b.log.kinds(), [K::Accepted, K::Replaced]);
    let told = b.log.last();
    assert_eq!((told.request, told.client_order_id, told.flags), (request(2), b.client, EXECUTION_FLAG_LAST));
    assert_eq!((told.last_price, told.last_quantity), (NEW_PRICE, NEW_QUANTITY));
    let order = b.orders.get(b.slot).unwrap();
    assert_eq!((order.price(), order.quantity()), (NEW_PRICE, NEW_QUANTITY));
    // The old quantity is not the end any more.
    b.tell(OrderStatus::Open, QUANTITY);
    b.advance(60_000);
    assert!(!matches!(b.query(), Some((_, Query::OrdersByIds { .. }))));
    assert_eq!(b.state(), OrderState::Live);
}

#[test]
fn a_refused_change_leaves_the_order_as_it_stood() {
    let mut b = changing();
    answer(&mut b, refused(RejectClass::InvalidPrice));
    assert_eq!(b.log.kinds(), [K::Accepted, K::ReplaceRejected]);
    let told = b.log.last();
    assert_eq!((told.request, told.reject, told.venue_code.as_str()), (request(2), RejectClass::InvalidPrice, "CODE"));
    assert_eq!(b.orders.get(b.slot).unwrap().price(), PRICE);
    assert!(replace(&mut b, 3).is_some(), "another one may be tried");
}

#[test]
fn the_order_seen_with_its_new_terms_is_replaced_before_the_reply() {
    let mut b = changing();
    let fact = shown(&b, FactSource::Stream, NEW_PRICE, NEW_QUANTITY, 0);
    b.give(&fact);
    assert_eq!(b.log.kinds(), [K::Accepted, K::Replaced]);
    assert!(b.log.last().has(EXECUTION_FLAG_IMPLIED));
    answer(&mut b, ReplaceReply::Accepted);
    answer(&mut b, AMBIGUOUS);
    assert_eq!(b.log.kinds(), [K::Accepted, K::Replaced]);
}

/// Away and back again, the second reply lost: a listing that lags shows the terms of before both.
#[test]
fn terms_an_order_had_a_moment_ago_prove_no_change_back_to_them_before_the_grace() {
    let mut b = changing();
    answer(&mut b, ReplaceReply::Accepted);
    b.advance(500);
    let back = replace_to(&mut b, 3, PRICE, QUANTITY).unwrap();
    b.orders.replace_sent(back.slot, b.now);
    answer_to(&mut b, 3, AMBIGUOUS);
    look(&mut b, PRICE, QUANTITY);
    let repeated = shown(&b, FactSource::Stream, PRICE, QUANTITY, 0);
    b.give(&repeated);
    assert_eq!(b.log.kinds(), [K::Accepted, K::Replaced, K::ReplaceUnknown]);
    // It was done all the same: later answers show it.
    while b.log.last().kind == K::ReplaceUnknown {
        look(&mut b, PRICE, QUANTITY);
        assert!(b.now.since(T0) < 30_000_000_000, "never settled");
    }
    assert!(b.now.since(T0) >= 10_500_000_000, "settled by what may have been old");
    assert_eq!(b.log.kinds(), [K::Accepted, K::Replaced, K::ReplaceUnknown, K::Replaced]);
    assert!(b.log.last().has(EXECUTION_FLAG_RECONCILED));
}

#[test]
fn a_change_back_that_never_arrived_is_refused_although_a_late_listing_showed_its_terms() {
    let mut b = changing();
    answer(&mut b, ReplaceReply::Accepted);
    let back = replace_to(&mut b, 3, PRICE, QUANTITY).unwrap();
    b.orders.replace_sent(back.slot, b.now);
    answer_to(&mut b, 3, AMBIGUOUS);
    look(&mut b, PRICE, QUANTITY);
    while b.log.last().kind == K::ReplaceUnknown {
        look(&mut b, NEW_PRICE, NEW_QUANTITY);
        assert!(b.now.since(T0) < 60_000_000_000, "never settled");
    }
    assert_eq!((b.log.last().kind, b.log.last().reject), (K::ReplaceRejected, RejectClass::NeverArrived));
    let order = b.orders.get(b.slot).unwrap();
    assert_eq!((order.price(), order.quantity()), (NEW_PRICE, NEW_QUANTITY));
}

#[test]
fn a_late_reply_to_a_settled_change_says_nothing_of_the_next() {
    let mut b = changing();
    let fact = shown(&b, FactSource::Stream, NEW_PRICE, NEW_QUANTITY, 0);
    b.give(&fact);
    replace_to(&mut b, 3, NEW_PRICE + 1, NEW_QUANTITY).unwrap();
    answer_to(&mut b, 2, ReplaceReply::Accepted);
    assert_eq!(b.log.kinds(), [K::Accepted, K::Replaced]);
    answer_to(&mut b, 3, refused(RejectClass::Other));
    assert_eq!(b.log.last().request, request(3));
}

#[test]
fn an_unknown_change_is_told_once_never_repeated_and_settled_by_the_orders_state() {
    let mut b = changing();
    answer(&mut b, AMBIGUOUS);
    answer(&mut b, AMBIGUOUS);
    assert_eq!(b.log.kinds(), [K::Accepted, K::ReplaceUnknown]);
    assert!(replace(&mut b, 3).is_none());
    assert_eq!((b.log.last().request, b.log.last().reject), (request(3), RejectClass::Busy));
    look(&mut b, NEW_PRICE, NEW_QUANTITY);
    let told = b.log.last();
    assert_eq!((told.kind, told.request), (K::Replaced, request(2)));
    assert!(told.has(EXECUTION_FLAG_RECONCILED));
}

#[test]
fn an_unknown_change_never_arrived_once_the_old_terms_stand_long_enough() {
    let mut b = changing();
    answer(&mut b, AMBIGUOUS);
    let lost = b.now;
    let mut answers = 0;
    while b.log.last().kind == K::ReplaceUnknown {
        look(&mut b, PRICE, QUANTITY);
        answers += 1;
        assert!(answers < 30);
    }
    let told = b.log.last();
    assert_eq!((told.kind, told.request, told.reject), (K::ReplaceRejected, request(2), RejectClass::NeverArrived));
    assert!(told.has(EXECUTION_FLAG_RECONCILED));
    assert!(b.now.since(lost) >= 12_000_000_000, "three answers, each begun 10 s or more after the last byte");
    assert_eq!(b.orders.get(b.slot).unwrap().price(), PRICE);
}

#[test]
fn an_edit_in_the_venues_queue_is_no_denial() {
    let mut b = changing();
    answer(&mut b, AMBIGUOUS);
    for _ in 0..12 {
        b.advance(2_000);
        let Some((id, Query::OrdersByIds { .. })) = b.query() else { continue };
        let fact = shown(&b, FactSource::Query, PRICE, QUANTITY, 0);
        b.give(&OrderFact { status: OrderStatus::EditQueued, ..fact });
        b.done(id);
    }
    assert_eq!(b.log.last().kind, K::ReplaceUnknown);
}

#[test]
fn while_a_change_is_unknown_the_order_ends_at_neither_quantity_on_our_word() {
    let mut b = changing();
    answer(&mut b, AMBIGUOUS);
    b.list("e-1", QUANTITY);
    b.list("e-2", QUANTITY);
    assert_eq!(b.orders.get(b.slot).unwrap().executed(), NEW_QUANTITY, "fills of the larger quantity are counted");
    assert_eq!(b.state(), OrderState::Live);
}

#[test]
fn while_a_change_is_under_way_self_trade_checks_see_the_price_that_reaches_further() {
    let exposed = |b: &Bench| b.orders.exposure(InstrumentId(0)).bid_max;
    let mut b = changing();
    assert_eq!(exposed(&b), NEW_PRICE);
    answer(&mut b, refused(RejectClass::Other));
    assert_eq!(exposed(&b), PRICE);

    let mut b = Bench::live();
    let send = replace_to(&mut b, 2, PRICE - 100, QUANTITY).unwrap();
    b.orders.replace_sent(send.slot, b.now);
    assert_eq!(exposed(&b), PRICE);
    answer(&mut b, ReplaceReply::Accepted);
    assert_eq!(exposed(&b), PRICE - 100);
}

#[test]
fn the_end_of_the_order_answers_its_change() {
    let mut b = changing();
    b.tell(OrderStatus::Cancelled, 0);
    assert_eq!(b.log.kinds(), [K::Accepted, K::Cancelled]);
    answer(&mut b, refused(RejectClass::OrderClosed));
    assert_eq!(b.log.kinds(), [K::Accepted, K::Cancelled]);
    assert!(replace(&mut b, 3).is_none());
    assert_eq!((b.log.last().kind, b.log.last().reject), (K::ReplaceRejected, RejectClass::OrderClosed));
}

#[test]
fn a_change_refused_because_the_order_is_over_has_the_end_asked_for() {
    let mut b = changing();
    answer(&mut b, refused(RejectClass::OrderClosed));
    assert_eq!(b.state(), OrderState::Live, "a refusal alone ends nothing");
    b.advance(1_000);
    assert!(matches!(b.query(), Some((_, Query::OrdersByIds { .. }))));
}

#[test]
fn what_cannot_be_changed_is_refused_before_anything_is_sent() {
    let mut b = Bench::sent();
    assert!(replace(&mut b, 2).is_none());
    assert_eq!((b.log.last().reject, b.log.last().request), (RejectClass::Busy, request(2)));
    let mut b = Bench::live();
    b.tell(OrderStatus::Open, QUANTITY / 2);
    assert!(replace_to(&mut b, 2, PRICE, QUANTITY / 2).is_none());
    assert_eq!(b.log.last().reject, RejectClass::InvalidSize);
    assert!(replace_to(&mut b, 2, PRICE, QUANTITY).is_none());
    assert_eq!(b.log.last().reject, RejectClass::Malformed);
    let command = OrderCommand::cancel(InstrumentId(0), OrderRef::Request(request(1))).stamped(request(3), b.now);
    b.orders.cancel(b.now, V, &command, &mut b.log);
    assert!(replace(&mut b, 4).is_none());
    assert_eq!(b.log.last().reject, RejectClass::Busy);
}

#[test]
fn a_change_of_which_nothing_left_is_refused_and_one_that_began_is_unknown() {
    let mut b = Bench::live();
    let send = replace(&mut b, 2).unwrap();
    b.orders.replace_lost(b.now, send.slot, &mut b.log);
    assert_eq!((b.log.last().kind, b.log.last().reject), (K::ReplaceRejected, RejectClass::NotConnected));
    let mut b = changing();
    b.orders.replace_lost(b.now, b.slot, &mut b.log);
    assert_eq!(b.log.last().kind, K::ReplaceUnknown);
}

/// The last word about a change, if it was told.
fn outcome(log: &[ExecutionRecord], of: RequestId) -> Vec<ExecutionRecord> {
    let about = |r: &&ExecutionRecord| {
        r.request == of && matches!(r.kind, K::Replaced | K::ReplaceRejected | K::ReplaceUnknown)
    };
    log.iter().filter(about).copied().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever comes in whatever order: each change is handed out once, told once, reconciled if and only if it was
    /// unknown; and once the venue answers truthfully, nothing stays unknown and the terms are the venue's.
    #[test]
    fn every_change_has_one_outcome_in_every_race(words in proptest::collection::vec(any::<u32>(), 1..60)) {
        let mut b = Bench::live();
        // What the venue has, and the change on its way there.
        let (mut venue, mut under_way) = ((PRICE, QUANTITY), None);
        let (mut counter, mut sends) = (1, Vec::new());
        for word in words {
            let [pick, x, y, _] = word.to_le_bytes();
            let source = if x % 2 == 0 { FactSource::Stream } else { FactSource::StreamSnapshot };
            match pick % 12 {
                0..=2 => {
                    counter += 1;
                    let terms = (PRICE + i64::from(x) * 100, QUANTITY + i64::from(y));
                    if let Some(send) = replace_to(&mut b, counter, terms.0, terms.1) {
                        prop_assert!(!sends.contains(&send.request), "handed out once");
                        sends.push(send.request);
                        under_way = Some((counter, terms, send.slot));
                        if x % 4 != 0 {
                            b.orders.replace_sent(send.slot, b.now);
                        }
                    }
                }
                3..=4 => if let Some((_, terms, slot)) = under_way {
                    // It arrives, perhaps long before anybody hears of it.
                    b.orders.replace_sent(slot, b.now);
                    venue = terms;
                },
                5 => if let Some((counter, terms, slot)) = under_way {
                    b.orders.replace_sent(slot, b.now);
                    let reply = if venue == terms { ReplaceReply::Accepted } else { refused(RejectClass::Other) };
                    answer_to(&mut b, counter, reply);
                    under_way = None;
                },
                6 => if let Some((counter, ..)) = under_way {
                    answer_to(&mut b, counter, AMBIGUOUS);
                },
                7 => if let Some((_, _, slot)) = under_way.take() {
                    b.orders.replace_lost(b.now, slot, &mut b.log);
                },
                8..=9 => {
                    let fact = shown(&b, source, venue.0, if y % 2 == 0 { venue.1 } else { 0 }, 0);
                    b.give(&fact);
                }
                _ => b.advance(u64::from(x) * 40),
            }
        }
        // Nothing more arrives; the venue answers every question as things stand.
        if let Some((_, _, slot)) = under_way {
            b.orders.replace_lost(b.now, slot, &mut b.log);
        }
        for _ in 0..200 {
            b.advance(500);
            let Some((id, query)) = b.query() else { continue };
            if let Query::OrdersByIds { .. } = query {
                let fact = shown(&b, FactSource::Query, venue.0, venue.1, 0);
                b.give(&fact);
            }
            b.done(id);
        }
        for request in sends {
            let told = outcome(&b.log.0, request);
            let kinds: Vec<_> = told.iter().map(|r| r.kind).collect();
            let unknown = kinds.first() == Some(&K::ReplaceUnknown);
            let end = told.last().unwrap();
            prop_assert!(kinds.len() == 1 + usize::from(unknown), "{kinds:?}");
            prop_assert!(matches!(end.kind, K::Replaced | K::ReplaceRejected), "{kinds:?}");
            prop_assert_eq!(end.has(EXECUTION_FLAG_RECONCILED), unknown);
        }
        let order = b.orders.get(b.slot).unwrap();
        prop_assert_eq!(order.state(), OrderState::Live);
        prop_assert_eq!((order.price(), order.quantity()), venue);
    }
}
