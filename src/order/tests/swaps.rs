//! Orders that are to be replaced by others, told by hand.

use super::*;
use ExecutionKind as K;

const NEW_PRICE: i64 = PRICE + 100;

fn command(counter: u64) -> OrderCommand {
    let target = OrderRef::Request(request(1));
    OrderCommand::replace(InstrumentId(0), target, NEW_PRICE, QUANTITY).stamped(request(counter), T0)
}

/// A live order whose replacement was registered as request 2 and sent.
fn swapping() -> (Bench, Swap, Slot) {
    let mut b = Bench::live();
    let swap = b.orders.swap(V, &command(2)).unwrap();
    assert_eq!((swap.venue_order_id, swap.untouched, swap.order.quantity()), (venue_id("v-1"), true, QUANTITY));
    let new = b.orders.place(&swap.order, &instrument()).unwrap();
    b.orders.swap_begun(&swap);
    b.orders.sent(b.now, new.slot, b.now);
    (b, swap, new.slot)
}

fn refused(class: RejectClass) -> ReplaceReply {
    ReplaceReply::Rejected { class, code: InlineText::EMPTY }
}

/// Which orders are asked for by id within a while, each question answered with the order as it stood.
fn asked_while_it_stands(b: &mut Bench, ms: u64) -> usize {
    let (until, mut asked) = (b.now.plus_ms(ms), 0);
    while b.now < until {
        b.advance(50);
        if let Some((id, query)) = b.query() {
            if let Query::OrdersByIds { ids, .. } = &query {
                assert_eq!(ids.as_slice(), [venue_id("v-1")]);
                asked += 1;
                b.tell_by_query(OrderStatus::Open, 0);
            }
            b.done(id);
        }
    }
    asked
}

#[test]
fn what_is_executed_is_taken_off_the_new_order_and_its_terms_are_the_old_ones() {
    let mut b = Bench::live();
    b.tell(OrderStatus::Open, 400);
    let swap = b.orders.swap(V, &command(2)).unwrap();
    assert_eq!((swap.order.quantity(), swap.order.price(), swap.untouched), (QUANTITY - 400, NEW_PRICE, false));
    assert_eq!((swap.order.side(), swap.order.request()), (Side::Buy, request(2)));
    assert!(!swap.order.is_post_only());
}

#[test]
fn while_it_is_under_way_the_old_order_takes_no_other_change() {
    let (mut b, swap, _) = swapping();
    assert_eq!(b.orders.swap(V, &command(3)).map_err(|refusal| refusal.class), Err(RejectClass::Busy));
    b.orders.swap_abandoned(swap.slot);
    assert!(b.orders.swap(V, &command(3)).is_ok());
}

#[test]
fn a_definitive_refusal_leaves_the_old_order_as_it_stood() {
    let (mut b, swap, _) = swapping();
    b.orders.swap_reply(b.now, swap.slot, &refused(RejectClass::InvalidPrice));
    assert_eq!(asked_while_it_stands(&mut b, 20_000), 0);
    assert!(b.orders.swap(V, &command(3)).is_ok());
    assert_eq!(b.log.kinds(), [K::Accepted]);
}

#[test]
fn an_answer_that_leaves_it_open_has_the_old_order_asked_until_it_stands_proven() {
    for reply in [refused(RejectClass::UnknownOrder), ReplaceReply::Ambiguous { code: InlineText::EMPTY }] {
        let (mut b, swap, _) = swapping();
        b.orders.swap_reply(b.now, swap.slot, &reply);
        assert_eq!(b.orders.swap(V, &command(3)).map_err(|refusal| refusal.class), Err(RejectClass::Busy));
        assert!(asked_while_it_stands(&mut b, 30_000) >= 3);
        assert_eq!(asked_while_it_stands(&mut b, 30_000), 0, "then nothing more is asked");
        assert!(b.orders.swap(V, &command(3)).is_ok());
        assert_eq!(b.log.kinds(), [K::Accepted], "nothing is told under the replace's request");
    }
}

#[test]
fn the_old_orders_end_is_told_under_its_own_request_once() {
    let (mut b, swap, new) = swapping();
    b.orders.swap_reply(b.now, swap.slot, &ReplaceReply::Accepted);
    b.tell(OrderStatus::Cancelled, 0);
    b.orders.swap_reply(b.now, swap.slot, &ReplaceReply::Accepted);
    let accepted = PlaceReply::Accepted { venue_order_id: venue_id("v-2") };
    b.orders.place_reply(b.now, new, &accepted, &mut b.log);
    let told: Vec<_> = b.log.0.iter().map(|r| (r.kind, r.request)).collect();
    assert_eq!(told, [(K::Accepted, request(1)), (K::Cancelled, request(1)), (K::Accepted, request(2))]);
}
