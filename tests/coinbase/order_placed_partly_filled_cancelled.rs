//! The law of records on the plain way: Accepted, Fill, Cancelled, in this order, each once, with exact quantities.

use crate::common::{decimal, Bench};
use crate::feed::count;
use exchange_connectors::record::{ExecutionKind, EXECUTION_FLAG_IMPLIED, EXECUTION_FLAG_RECONCILED};
use exchange_connectors::telemetry::Counter;
use std::time::Duration;

#[test]
fn an_order_is_accepted_filled_in_part_and_cancelled_in_that_order() {
    let mut rig = Bench::new().start();
    // Reply and event come on two connections: which is read first is open, unless one is held.
    rig.venue.hold_user_events().unwrap();
    let accepted = rig.place_accepted(rig.resting_bid());
    rig.venue.release_user_events().unwrap();
    let request = accepted.request;
    assert!(!accepted.has(EXECUTION_FLAG_IMPLIED) && !accepted.has(EXECUTION_FLAG_RECONCILED), "{accepted:?}");
    assert!(!accepted.venue_order_id.is_empty());

    let traded = rig.venue.fill_order(accepted.client_order_id.as_str(), decimal("0.004")).unwrap();
    assert_eq!(traded, decimal("0.004"));
    let fill = rig.expect(request, ExecutionKind::Fill);
    assert_eq!((fill.quantity().to_string(), fill.price().to_string()), ("0.004".into(), "50000".into()));
    assert_eq!(fill.cumulative().to_string(), "0.004");
    assert_eq!(fill.value().to_string(), "200");

    rig.submit(rig.cancel_of(request));
    let end = rig.expect(request, ExecutionKind::Cancelled);
    assert_eq!(end.cumulative().to_string(), "0.004");

    rig.watch(Duration::from_millis(100));
    let told: Vec<_> = rig.kinds(request).into_iter().filter(|k| *k != ExecutionKind::FillDetail).collect();
    assert_eq!(told, [ExecutionKind::Accepted, ExecutionKind::Fill, ExecutionKind::Cancelled]);
    assert_eq!(rig.at_venue(&accepted), Some(("CANCELLED", decimal("0.004"))));
    assert_eq!(rig.received(&accepted), 1);
    assert_eq!(rig.gateway().open_orders().unwrap(), 0);
    assert_eq!((count(&rig, Counter::Fills), count(&rig, Counter::OrdersSent)), (1, 1));
    rig.until_true("every record is counted", |rig| {
        count(rig, Counter::ExecutionsEmitted) == rig.executions.len() as u64
            && count(rig, Counter::RecordsPublished) > 0
    });
}
