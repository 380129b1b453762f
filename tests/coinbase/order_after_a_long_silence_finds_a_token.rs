//! Tokens live 120 s and are good for 90: after a longer silence the first order still finds one.

use crate::common::Bench;
use exchange_connectors::record::ExecutionKind as K;
use std::time::Duration;

#[test]
#[ignore = "takes 100 s: the life of a token is the venue's, not ours to shorten"]
fn the_first_order_after_a_hundred_seconds_is_accepted() {
    let mut rig = Bench::new().start();
    rig.place_accepted(rig.resting_bid());
    rig.watch(Duration::from_secs(100));
    let request = rig.submit(rig.resting_bid());
    rig.expect(request, K::Accepted);
    let seen = rig.venue.observed().unwrap();
    assert_eq!((seen.tokens_reused, seen.refused_tokens.len()), (0, 0));
}
