//! Queries and absence, told by hand.

use super::*;
use ExecutionKind as K;

#[test]
fn an_unknown_order_is_searched_for_at_once_and_then_with_growing_pauses() {
    let mut b = Bench::unknown();
    let mut begun = vec![];
    while b.now.since(T0) < 20_000_000_000 {
        if let Some((id, query)) = b.query() {
            let Query::RecentOrders { instrument, since, .. } = query else { panic!("{query:?}") };
            assert!(instrument == InstrumentId(0) && since < T0 && since.since(UnixNanos::NONE) > 0);
            begun.push(b.now.since(T0) / 1_000_000);
            b.orders.query_done(b.now, id, QueryEnd::Failed, &mut b.log);
        }
        b.advance(50);
    }
    assert_eq!(begun, [0, 250, 750, 1_750, 3_750, 7_750, 12_750, 17_750]);
}

#[test]
fn absence_is_proven_by_three_complete_listings_begun_after_the_grace() {
    let mut b = Bench::unknown();
    let (mut complete, mut counted) = (0, 0);
    while b.state() == OrderState::Unknown {
        assert!(b.now.since(T0) < 60_000_000_000);
        if let Some((id, _)) = b.query() {
            complete += 1;
            counted += u32::from(b.now >= T0.plus_ms(10_000));
            b.done(id);
        }
        b.advance(50);
    }
    assert!(complete > 5);
    assert_eq!(counted, 3);
    assert_eq!((b.log.last().kind, b.log.last().reject), (K::Rejected, RejectClass::NeverArrived));
    assert!(b.log.last().has(EXECUTION_FLAG_RECONCILED));
}

#[test]
fn listings_that_failed_prove_nothing() {
    let mut b = Bench::unknown();
    for _ in 0..1_200 {
        b.advance(100);
        if let Some((id, _)) = b.query() {
            b.orders.query_done(b.now, id, QueryEnd::Failed, &mut b.log);
        }
    }
    assert_eq!((b.state(), b.log.kinds()), (OrderState::Unknown, vec![K::Unknown]));
}

#[test]
fn an_unknown_order_that_a_search_finds_is_settled_with_its_fills() {
    let mut b = Bench::unknown();
    let (id, _) = b.query().unwrap();
    b.tell_by_query(OrderStatus::Cancelled, 300);
    b.done(id);
    assert_eq!(b.log.kinds(), [K::Unknown, K::Accepted, K::Fill, K::Cancelled]);
    assert!(b.log.0[1].has(EXECUTION_FLAG_RECONCILED));
    b.advance(5_000);
    assert!(b.query().is_none());
}

#[test]
fn an_order_that_stays_unknown_is_told_again_and_again() {
    let mut b = Bench::unknown();
    for _ in 0..30 {
        b.advance(1_000);
        b.orders.tick(b.now, &mut b.log);
    }
    assert_eq!(b.log.kinds(), [K::Unknown; 4]);
    assert_eq!((b.log.last().request, b.orders.unknown_count()), (request(1), 1));
}

#[test]
fn one_search_covers_every_unknown_order_of_an_instrument() {
    let mut b = Bench::unknown();
    let placed = b.orders.place(&place_command(2), &instrument()).unwrap();
    b.orders.sent(b.now, placed.slot, b.now);
    b.orders.connection_lost(b.now, placed.slot, &mut b.log);
    assert!(b.query().is_some());
    assert!(b.query().is_none());
}

#[test]
fn a_reopened_stream_is_reconciled_by_fills_then_a_listing_then_single_questions() {
    let mut b = Bench::live();
    assert!(!b.orders.is_reconciled(V));
    b.orders.user_stream_up(b.now, V);
    let (fills, query) = b.query().unwrap();
    assert!(matches!(query, Query::Fills { .. }), "{query:?}");
    assert!(b.query().is_none());
    b.done(fills);
    let (listing, query) = b.query().unwrap();
    assert_eq!(query, Query::OpenOrders { venue: V, whole: true });
    b.done(listing);
    assert!(!b.orders.is_reconciled(V));
    let (single, query) = b.query().unwrap();
    assert!(matches!(query, Query::OrdersByIds { ids, .. } if ids.as_slice() == [venue_id("v-1")]));
    b.tell_by_query(OrderStatus::Cancelled, 0);
    b.done(single);
    assert!(b.orders.is_reconciled(V));
    assert_eq!(b.log.kinds(), [K::Accepted, K::Cancelled]);
}

#[test]
fn an_order_in_the_listing_needs_no_question_of_its_own() {
    let mut b = reopened();
    b.orders.user_stream_down(V);
    assert!(!b.orders.is_reconciled(V));
}

/// Executions and the first listing after a re-opened stream, which shows the order as open: nothing more is asked.
fn reopened() -> Bench {
    let mut b = Bench::live();
    b.orders.user_stream_up(b.now, V);
    let (fills, _) = b.query().unwrap();
    b.done(fills);
    let (listing, _) = b.query().unwrap();
    b.tell_by_query(OrderStatus::Open, 0);
    b.done(listing);
    assert!(b.orders.is_reconciled(V) && b.query().is_none());
    b
}

#[test]
fn open_orders_are_listed_once_more_after_a_reconnect_since_the_first_listing_may_lag() {
    let mut b = reopened();
    b.advance(9_999);
    assert!(b.query().is_none());
    b.advance(1);
    let (listing, query) = b.query().unwrap();
    assert_eq!(query, Query::OpenOrders { venue: V, whole: true });
    b.done(listing);
    let (single, query) = b.query().unwrap();
    assert!(matches!(query, Query::OrdersByIds { .. }), "{query:?}");
    b.tell_by_query(OrderStatus::Expired, 0);
    b.done(single);
    assert_eq!(b.log.kinds(), [K::Accepted, K::Expired]);
    b.advance(10_000);
    assert!(b.query().is_none(), "once");
}

#[test]
fn a_stream_that_comes_and_goes_is_not_listed_for_more_than_once_each_time() {
    let mut b = reopened();
    let mut listings = 0;
    for _ in 0..20 {
        b.orders.user_stream_down(V);
        b.orders.user_stream_up(b.now, V);
        for _ in 0..5 {
            b.advance(1_000);
            while let Some((id, query)) = b.query() {
                listings += u32::from(matches!(query, Query::OpenOrders { .. }));
                b.tell_by_query(OrderStatus::Open, 0);
                b.done(id);
            }
        }
    }
    assert_eq!(listings, 20);
}

/// The first listing of open orders while the stream is healthy, and when it began, s.
fn swept(b: &mut Bench) -> (QueryId, u64) {
    loop {
        b.advance(1_000);
        assert!(b.now.since(T0) < 120_000_000_000, "never listed");
        match b.query() {
            Some((id, Query::OpenOrders { whole: false, .. })) => return (id, b.now.since(T0) / 1_000_000_000),
            Some((id, query)) => {
                assert!(matches!(query, Query::Fills { .. }), "{query:?}");
                b.done(id);
            }
            None => {}
        }
    }
}

#[test]
fn an_end_that_a_healthy_stream_dropped_is_asked_for_by_id_until_that_is_answered() {
    let mut b = reopened();
    b.advance(10_000);
    let (id, _) = b.query().unwrap();
    b.tell_by_query(OrderStatus::Open, 0);
    b.done(id);
    let (sweep, at_s) = swept(&mut b);
    assert!((25..=26).contains(&at_s), "with the executions: {at_s} s");
    b.done(sweep);
    let (single, query) = b.query().unwrap();
    assert!(matches!(query, Query::OrdersByIds { ids, .. } if ids.as_slice() == [venue_id("v-1")]));
    assert!(b.orders.is_reconciled(V), "nobody waits for it");
    b.orders.query_done(b.now, single, QueryEnd::Failed, &mut b.log);
    assert!(b.query().is_none());
    b.advance(250);
    let (single, query) = b.query().unwrap();
    assert!(matches!(query, Query::OrdersByIds { .. }), "{query:?}");
    b.tell_by_query(OrderStatus::Cancelled, 0);
    b.done(single);
    assert_eq!(b.log.kinds(), [K::Accepted, K::Cancelled]);
}

#[test]
fn an_order_that_answers_from_the_past_is_asked_for_again_with_the_next_listing() {
    let mut b = reopened();
    b.advance(10_000);
    let (id, _) = b.query().unwrap();
    b.tell_by_query(OrderStatus::Open, 0);
    b.done(id);
    let mut asked = vec![];
    for _ in 0..3 {
        let (sweep, at_s) = swept(&mut b);
        b.done(sweep);
        let (single, _) = b.query().unwrap();
        b.tell_by_query(OrderStatus::Open, 0);
        b.done(single);
        assert!(b.query().is_none(), "one question for one listing");
        asked.push(at_s);
    }
    assert!(asked.windows(2).all(|pair| (25..=26).contains(&(pair[1] - pair[0]))), "{asked:?}");
}

#[test]
fn an_order_sent_just_before_a_listing_is_not_judged_by_it() {
    let mut b = reopened();
    b.advance(10_000);
    let (id, _) = b.query().unwrap();
    b.tell_by_query(OrderStatus::Open, 0);
    b.done(id);
    b.advance(7_000);
    let placed = b.orders.place(&place_command(2), &instrument()).unwrap();
    b.orders.sent(b.now, placed.slot, b.now);
    let accepted = PlaceReply::Accepted { venue_order_id: venue_id("v-2") };
    b.orders.place_reply(b.now, placed.slot, &accepted, &mut b.log);
    let (sweep, _) = swept(&mut b);
    b.tell_by_query(OrderStatus::Open, 0);
    b.done(sweep);
    assert!(b.query().is_none());
    let (sweep, _) = swept(&mut b);
    b.tell_by_query(OrderStatus::Open, 0);
    b.done(sweep);
    let (_, query) = b.query().unwrap();
    assert!(matches!(query, Query::OrdersByIds { ref ids, .. } if ids.as_slice() == [venue_id("v-2")]), "{query:?}");
}

#[test]
fn without_an_open_order_nothing_is_listed() {
    let mut b = Bench::live();
    b.orders.user_stream_up(b.now, V);
    b.tell(OrderStatus::Cancelled, 0);
    let mut asked = vec![];
    for _ in 0..80 {
        b.advance(1_000);
        while let Some((id, query)) = b.query() {
            asked.push(matches!(query, Query::OpenOrders { .. }));
            b.done(id);
        }
    }
    assert_eq!(asked.iter().filter(|listing| **listing).count(), 1, "the one of the start, of {}", asked.len());
}

#[test]
fn answers_begun_before_the_stream_was_lost_again_do_not_reconcile() {
    let mut b = Bench::live();
    b.orders.user_stream_up(b.now, V);
    let (fills, _) = b.query().unwrap();
    b.orders.user_stream_down(V);
    b.orders.user_stream_up(b.now, V);
    b.done(fills);
    let (again, query) = b.query().unwrap();
    assert!(matches!(query, Query::Fills { .. }));
    b.done(again);
    let (listing, _) = b.query().unwrap();
    b.orders.user_stream_down(V);
    b.done(listing);
    assert!(!b.orders.is_reconciled(V));
}

#[test]
fn a_live_order_is_never_ended_by_absence_alone() {
    let mut b = Bench::live();
    b.orders.user_stream_up(b.now, V);
    for _ in 0..120 {
        b.advance(1_000);
        while let Some((id, _)) = b.query() {
            b.done(id);
        }
    }
    assert_eq!((b.state(), b.log.kinds()), (OrderState::Live, vec![K::Accepted]));
    assert!(b.orders.is_reconciled(V) && b.orders.counters().denied >= 3);
}

#[test]
fn executions_are_asked_for_every_25_seconds_while_orders_are_recent_and_then_no_more() {
    let mut b = Bench::live();
    let mut asked = vec![];
    for _ in 0..300 {
        b.advance(1_000);
        if b.now.since(T0) == 100_000_000_000 {
            b.tell(OrderStatus::Cancelled, 0);
        }
        if let Some((id, Query::Fills { since, .. })) = b.query() {
            asked.push(b.now.since(T0) / 1_000_000_000);
            assert!(b.now.since(since) >= 120_000_000_000);
            b.done(id);
        }
    }
    assert_eq!(asked, [25, 50, 75, 100, 125, 150, 175]);
    assert_eq!(b.orders.deadline(), None);
}

#[test]
fn the_deadline_never_lies_behind_what_is_due() {
    let mut b = Bench::unknown();
    for _ in 0..40 {
        let Some(deadline) = b.orders.deadline() else { panic!("an unknown order always has a next step") };
        b.now = b.now.max(deadline);
        let mut queries = 0;
        while let Some((id, _)) = b.query() {
            b.orders.query_done(b.now, id, QueryEnd::Failed, &mut b.log);
            queries += 1;
        }
        assert!(queries < 3);
        b.orders.tick(b.now, &mut b.log);
        assert!(b.orders.deadline().unwrap() > b.now);
    }
}

/// A bench with one unknown order at each of two venues.
fn two_venues() -> Bench {
    let mut b = Bench::unknown();
    let mut elsewhere = instrument();
    elsewhere.id = InstrumentId(1);
    elsewhere.listing.venue = Venue::Oanda;
    let placed = b.orders.place(&place_command(2), &elsewhere).unwrap();
    b.orders.sent(b.now, placed.slot, b.now);
    b.orders.connection_lost(b.now, placed.slot, &mut b.log);
    b
}

#[test]
fn each_venue_is_asked_about_its_own_orders_only() {
    let mut b = two_venues();
    b.advance(60_000);
    let venue_of = |query: &Query| match query {
        Query::RecentOrders { venue, .. }
        | Query::OpenOrders { venue, .. }
        | Query::Fills { venue, .. }
        | Query::FillsOf { venue, .. }
        | Query::Balances { venue }
        | Query::OrdersByIds { venue, .. } => *venue,
    };
    assert_eq!(b.orders.next_query(b.now, Venue::BinanceUs), None);
    for venue in [Venue::Oanda, V] {
        let mut asked = 0;
        while let Some((_, query)) = b.orders.next_query(b.now, venue) {
            assert_eq!(venue_of(&query), venue);
            asked += 1;
        }
        assert!(asked > 0, "{venue} was not asked");
    }
}

#[test]
fn a_listing_begun_before_another_was_asked_for_does_not_answer_that_one() {
    let mut b = Bench::live();
    b.orders.user_stream_up(b.now, V);
    while !b.orders.is_reconciled(V) {
        let (id, _) = b.query().unwrap();
        b.tell_by_query(OrderStatus::Open, 0);
        b.done(id);
    }
    b.orders.list_open(b.now, V);
    let (early, _) = b.query().unwrap();
    b.advance(100);
    b.orders.list_open(b.now, V);
    b.done(early);
    assert!(!b.orders.is_reconciled(V));
    let (late, query) = b.query().unwrap();
    assert!(matches!(query, Query::OpenOrders { .. }));
    b.tell_by_query(OrderStatus::Open, 0);
    b.done(late);
    assert!(b.orders.is_reconciled(V));
}

#[test]
fn a_venue_that_is_up_is_reconciled_whatever_the_others_are() {
    let mut b = two_venues();
    b.orders.user_stream_up(b.now, Venue::BinanceUs);
    while let Some((id, _)) = b.orders.next_query(b.now, Venue::BinanceUs) {
        b.done(id);
    }
    let reconciled = Venue::ALL.map(|venue| b.orders.is_reconciled(venue));
    assert_eq!(reconciled, [false, true, false]);
}
