//! The HMAC scheme the venue retired: a venue that still takes it is traded on as any other.

use crate::common::{self, Bench};
use exchange_connectors::record::ExecutionKind;
use exchange_connectors::sim::coinbase::LegacyKey;

const KEY: &str = "0123456789abcdef";
const SECRET: &str = "0123456789abcdefghijklmnopqrstuv";

#[test]
fn an_order_is_placed_filled_and_cancelled_with_an_hmac_key() {
    let mut rig = Bench::new()
        .venue(|config| config.legacy_key = Some(LegacyKey { key: KEY.to_owned(), secret: SECRET.to_owned() }))
        .coinbase(|config| config.legacy_credentials(KEY, SECRET).unwrap())
        .start();
    let accepted = rig.place_accepted(rig.resting_bid());
    rig.venue.fill_order(accepted.client_order_id.as_str(), common::decimal("0.004")).unwrap();
    // Told by the user stream, which is signed by the same scheme.
    rig.expect(accepted.request, ExecutionKind::Fill);
    rig.submit(rig.cancel_of(accepted.request));
    rig.expect(accepted.request, ExecutionKind::Cancelled);
    let observed = rig.venue.observed().unwrap();
    assert!(observed.refused_tokens.is_empty(), "{:?}", observed.refused_tokens);
    assert_eq!(observed.tokens_used, 0, "no JWT was made");
}
