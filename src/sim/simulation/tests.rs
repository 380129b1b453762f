//! Scenarios with a plot: what random ones found, played on purpose.

use super::scenario::Scenario;
use super::Subject;
use crate::sim::binance_us::BinanceUs;
use crate::sim::coinbase::Coinbase;
use crate::sim::oanda::Oanda;
use crate::sim::{VenueEnd, SECOND_NS};

/// A cancel is on its way when its session dies, and arrives. Of the order's last fill nobody has heard.
fn an_order_whose_cancel_outlived_its_session_is_told_by_the_next<S: Subject>() {
    for seed in 1..6 {
        let mut scenario = Scenario::<S>::begin(seed).unwrap();
        let id = scenario.place().unwrap();
        scenario.pass(2 * SECOND_NS);
        scenario.venue_mut().silence(&id, true);
        scenario.fill(&id, 3);
        scenario.cancel(&id);
        scenario.die();
        scenario.succeed().unwrap();
        scenario.calm();
        let truth = scenario.venue_mut().truth(&id).unwrap();
        assert!(!truth.open && truth.status.starts_with("CANCEL") && !truth.executed.is_zero(), "{truth:?}");
        assert_eq!(scenario.told_filled(&id), Some(0), "told again, not as new:\n{}", scenario.trail());
        scenario.judge().unwrap();
    }
}

#[test]
fn an_order_whose_cancel_outlived_its_session_is_told_by_the_next_at_coinbase() {
    an_order_whose_cancel_outlived_its_session_is_told_by_the_next::<Coinbase>();
}

/// The venue lists a cancelled order by the id of its cancel.
#[test]
fn an_order_whose_cancel_outlived_its_session_is_told_by_the_next_at_binance_us() {
    an_order_whose_cancel_outlived_its_session_is_told_by_the_next::<BinanceUs>();
}

/// How long until the end of an order is told, s.
fn told_after_s<S: Subject>(scenario: &mut Scenario<S>, id: &str) -> u64 {
    assert_eq!(scenario.told_end(id), None, "the stream is silent:\n{}", scenario.trail());
    let begun = scenario.now();
    while scenario.told_end(id).is_none() {
        scenario.pass(SECOND_NS / 10);
        assert!(scenario.now() < begun + 120 * SECOND_NS, "{}: never told\n{}", S::VENUE, scenario.trail());
    }
    (scenario.now() - begun) / SECOND_NS
}

/// The stream stays healthy, and there is no execution that history could tell.
fn an_end_that_a_healthy_stream_dropped_is_told_within_a_minute<S: Subject>() {
    let mut longest_s = 0;
    for seed in 1..9 {
        let mut scenario = Scenario::<S>::begin(seed).unwrap();
        let id = scenario.place().unwrap();
        scenario.pass(seed * 7 * SECOND_NS);
        scenario.venue_mut().silence(&id, true);
        scenario.end(&id, if seed % 2 == 0 { VenueEnd::Cancelled } else { VenueEnd::Expired });
        longest_s = longest_s.max(told_after_s(&mut scenario, &id));
        scenario.calm();
        scenario.judge().unwrap();
    }
    assert!((1..=60).contains(&longest_s), "{}: {longest_s} s", S::VENUE);
}

#[test]
fn an_end_that_a_healthy_stream_dropped_is_told_within_a_minute_at_coinbase() {
    an_end_that_a_healthy_stream_dropped_is_told_within_a_minute::<Coinbase>();
}

#[test]
fn an_end_that_a_healthy_stream_dropped_is_told_within_a_minute_at_binance_us() {
    an_end_that_a_healthy_stream_dropped_is_told_within_a_minute::<BinanceUs>();
}

#[test]
fn an_end_that_a_healthy_stream_dropped_is_told_within_a_minute_at_oanda() {
    an_end_that_a_healthy_stream_dropped_is_told_within_a_minute::<Oanda>();
}

/// The stream falls right after the order has ended, and what is listed when it is back shows the order as it was.
fn an_end_that_listings_hid_after_a_reconnect_is_told_soon_after<S: Subject>() {
    for seed in 1..6 {
        let mut scenario = Scenario::<S>::begin(seed).unwrap();
        let id = scenario.place().unwrap();
        scenario.pass(seed * 3 * SECOND_NS);
        scenario.venue_mut().lag(6 * SECOND_NS);
        scenario.venue_mut().silence(&id, true);
        scenario.end(&id, VenueEnd::Cancelled);
        scenario.cut_user_stream();
        // Sooner than the executions of a healthy stream are read again.
        let after_s = told_after_s(&mut scenario, &id);
        assert!(after_s < 20, "{} seed {seed}: {after_s} s\n{}", S::VENUE, scenario.trail());
        scenario.calm();
        scenario.judge().unwrap();
    }
}

#[test]
fn an_end_that_listings_hid_after_a_reconnect_is_told_soon_after_at_coinbase() {
    an_end_that_listings_hid_after_a_reconnect_is_told_soon_after::<Coinbase>();
}

#[test]
fn an_end_that_listings_hid_after_a_reconnect_is_told_soon_after_at_binance_us() {
    an_end_that_listings_hid_after_a_reconnect_is_told_soon_after::<BinanceUs>();
}

#[test]
fn an_end_that_listings_hid_after_a_reconnect_is_told_soon_after_at_oanda() {
    an_end_that_listings_hid_after_a_reconnect_is_told_soon_after::<Oanda>();
}
