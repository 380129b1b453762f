//! Scenarios with a plot: what random ones found, played on purpose.

use super::scenario::Scenario;
use super::Subject;
use crate::sim::binance_us::BinanceUs;
use crate::sim::coinbase::Coinbase;
use crate::sim::SECOND_NS;

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
