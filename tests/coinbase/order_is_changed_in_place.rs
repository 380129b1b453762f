//! A resting order gets a new price and size under its old id: Replaced once, under the replace's request. A change of
//! unknown outcome is never sent again; the order's own state says what became of it.

use crate::common::{decimal, Bench, Rig};
use exchange_connectors::record::{
    ExecutionKind as K, ExecutionRecord, OrderCommand, OrderRef, RejectClass, RequestId, EXECUTION_FLAG_RECONCILED,
};
use exchange_connectors::sim::coinbase::Generation;
use exchange_connectors::sim::server::{CloseHow, Fault, FaultRule, Response};
use std::time::Duration;

const EDIT: &str = "/api/v3/brokerage/orders/edit";

fn change(rig: &mut Rig, order: &ExecutionRecord, price: &str, size: &str) -> RequestId {
    let command = OrderCommand::replace(rig.btc.id, OrderRef::Request(order.request), rig.price(price), rig.size(size));
    rig.submit(command)
}

/// The first word about a change, past refusals for want of a connection or token.
fn changed(rig: &mut Rig, order: &ExecutionRecord, price: &str, size: &str) -> ExecutionRecord {
    for _ in 0..100 {
        let request = change(rig, order, price, size);
        let first = rig.until("an answer to the change", |rig| rig.first(request));
        if !(first.kind == K::ReplaceRejected && first.reject == RejectClass::Busy) {
            return first;
        }
        rig.watch(Duration::from_millis(5));
    }
    panic!("no change could be sent");
}

#[test]
fn price_and_size_change_and_the_order_lives_on_under_its_id() {
    let mut rig = Bench::new().start();
    let order = rig.place_accepted(rig.resting_bid());
    let replaced = changed(&mut rig, &order, "49000", "0.02");
    assert_eq!((replaced.kind, replaced.client_order_id), (K::Replaced, order.client_order_id));
    assert_eq!((replaced.price().to_string(), replaced.quantity().to_string()), ("49000".into(), "0.02".into()));
    assert_eq!(replaced.venue_order_id, order.venue_order_id);

    rig.venue.fill_order(order.client_order_id.as_str(), decimal("0.015")).unwrap();
    let fill = rig.expect(order.request, K::Fill);
    assert_eq!((fill.price().to_string(), fill.cumulative().to_string()), ("49000".into(), "0.015".into()));
    let refused = changed(&mut rig, &order, "49000", "0.015");
    assert_eq!((refused.kind, refused.reject), (K::ReplaceRejected, RejectClass::InvalidSize));
    rig.venue.fill_order(order.client_order_id.as_str(), decimal("0.005")).unwrap();
    assert_eq!(rig.end_of(order.request).kind, K::Filled);
    let refused = changed(&mut rig, &order, "48000", "0.03");
    assert_eq!((refused.kind, refused.reject), (K::ReplaceRejected, RejectClass::OrderClosed));
    assert_eq!(rig.venue.requests(&format!("POST {EDIT}")).unwrap(), 1);
}

#[test]
fn a_refusal_of_the_venue_says_why_and_the_order_stands() {
    let mut rig = Bench::new().start();
    let order = rig.place_accepted(rig.resting_bid());
    for (reason, class) in [
        ("ONLY_LIMIT_ORDER_EDITS_SUPPORTED", RejectClass::Unsupported),
        ("INVALID_EDITED_PRICE", RejectClass::InvalidPrice),
        ("SOMETHING_NEW", RejectClass::Other),
    ] {
        rig.venue.reject_next_edit(reason).unwrap();
        let refused = changed(&mut rig, &order, "49000", "0.02");
        assert_eq!((refused.kind, refused.reject), (K::ReplaceRejected, class));
        assert!(reason.starts_with(refused.venue_code.as_str()), "{}", refused.venue_code);
    }
    rig.submit(rig.cancel_of(order.request));
    rig.expect(order.request, K::Cancelled);
}

#[test]
fn a_lost_reply_is_unknown_and_then_replaced_by_the_orders_own_terms() {
    for fault in [
        Fault::ThenClose(CloseHow::Reset),
        Fault::ThenCut { keep: 20, how: CloseHow::Clean },
        Fault::ThenReply(Response::html(502, "<html>Bad Gateway</html>")),
        Fault::ThenSilence,
    ] {
        let named = format!("{fault:?}");
        let mut rig = Bench::new().reply_timeout_ms(300).start();
        let order = rig.place_accepted(rig.resting_bid());
        rig.venue.hold_user_events().unwrap();
        rig.venue.inject_next("POST", EDIT, fault).unwrap();
        let unknown = changed(&mut rig, &order, "49000", "0.02");
        assert_eq!(unknown.kind, K::ReplaceUnknown, "{named}");
        let replaced = rig.expect(unknown.request, K::Replaced);
        assert!(replaced.has(EXECUTION_FLAG_RECONCILED), "{named}");
        assert_eq!(rig.venue.requests(&format!("POST {EDIT}")).unwrap(), 1, "{named}: a change is never sent again");
        assert_eq!(rig.kinds(unknown.request), [K::ReplaceUnknown, K::Replaced], "{named}");
    }
}

#[test]
fn a_change_that_never_arrived_is_refused_after_proof() {
    let mut rig = Bench::new().reply_timeout_ms(300).start();
    let order = rig.place_accepted(rig.resting_bid());
    let lost = Fault::Reply(Response::html(504, "<html>Gateway Timeout</html>"));
    rig.venue.inject(FaultRule::next("POST", EDIT, lost)).unwrap();
    let unknown = changed(&mut rig, &order, "49000", "0.02");
    assert_eq!(unknown.kind, K::ReplaceUnknown);
    let refused = rig.expect(unknown.request, K::ReplaceRejected);
    assert_eq!(refused.reject, RejectClass::NeverArrived);
    assert!(refused.has(EXECUTION_FLAG_RECONCILED));
    // It can be tried again now.
    assert_eq!(changed(&mut rig, &order, "49000", "0.02").kind, K::Replaced);
}

#[test]
fn a_cancel_of_an_order_that_is_being_replaced_is_repeated_until_it_is_not() {
    let mut rig = Bench::new().start();
    let order = rig.place_accepted(rig.resting_bid());
    rig.venue.hold_edits().unwrap();
    assert_eq!(changed(&mut rig, &order, "49000", "0.02").kind, K::Replaced);
    let cancel = rig.submit(rig.cancel_of(order.request));
    let unknown = rig.expect(cancel, K::CancelUnknown);
    assert_eq!((unknown.reject, unknown.venue_code.as_str()), (RejectClass::Busy, "ORDER_IS_BEING_REPLACED"));
    rig.venue.release_edits().unwrap();
    rig.expect(order.request, K::Cancelled);
}

#[test]
fn the_older_form_of_a_refused_edit_is_read_too() {
    let mut rig = Bench::new().start();
    let order = rig.place_accepted(rig.resting_bid());
    rig.venue.set_generation(Generation::Before2024).unwrap();
    rig.venue.reject_next_edit("INVALID_EDITED_SIZE").unwrap();
    let refused = changed(&mut rig, &order, "49000", "0.02");
    assert_eq!((refused.kind, refused.reject), (K::ReplaceRejected, RejectClass::InvalidSize));
}
