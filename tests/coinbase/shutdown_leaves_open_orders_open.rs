//! `shutdown(LeaveOpen)` ends everything here and nothing there.

use crate::common::{Bench, BATCH_CANCEL};
use exchange_connectors::gateway::Shutdown;

#[test]
fn orders_rest_on_at_the_venue() {
    let mut rig = Bench::new().start();
    let order = rig.place_accepted(rig.resting_bid());
    rig.shutdown(Shutdown::LeaveOpen, 5_000).unwrap();
    assert_eq!(rig.at_venue(&order).unwrap().0, "OPEN");
    assert_eq!(rig.venue.requests(&format!("POST {BATCH_CANCEL}")).unwrap(), 0);
}
