//! With a key of the Exchange the book is the unbatched one; a wrong key is refused, said, and asked again later; without
//! a key the configuration does not start.

use crate::common::{canary_exchange_credentials, decimal, Bench};
use crate::feed::Feed;
use exchange_connectors::gateway::{Channels, CoinbaseConfig, MarketSource};
use exchange_connectors::record::{Difference, SubscribedChannel, View};
use exchange_connectors::sim::coinbase::Side;

/// So long that nothing conflated is told within a test.
const GRID_NS: u64 = 3_600_000_000_000;

fn signed(config: CoinbaseConfig, passphrase: &str) -> CoinbaseConfig {
    let key = canary_exchange_credentials();
    let config = config.market_source(MarketSource::ExchangeAuthenticated);
    config.exchange_credentials(key.key(), key.secret(), passphrase).unwrap()
}

#[test]
fn changes_come_at_once_however_long_the_grid_is() {
    let bench = Bench::new().without_credentials().channels(Channels::BOOK).venue(|v| v.level2_grid_ns = GRID_NS);
    let mut rig = bench.coinbase(|c| signed(c, canary_exchange_credentials().passphrase())).start_unready();
    let mut feed = Feed::of(&mut rig);
    rig.venue.add_liquidity("BTC-USD", Side::Buy, decimal("50000"), decimal("1")).unwrap();
    feed.wait_equal(&mut rig);
}

#[test]
fn a_wrong_passphrase_is_refused_and_said() {
    let bench = Bench::new().without_credentials().channels(Channels::BOOK);
    let mut rig = bench.coinbase(|c| signed(c, "wrong")).start_unready();
    rig.until_true("the refusal", |rig| {
        rig.market.iter().any(|r| {
            matches!(r.view(), View::Subscription(s)
                if s.channel == SubscribedChannel::Book && s.difference == Difference::Refused)
        })
    });
}

#[test]
fn without_a_key_it_does_not_start() {
    let bench = Bench::new().without_credentials();
    let bench = bench.coinbase(|c| c.market_source(MarketSource::ExchangeAuthenticated));
    let venue = bench.start_venue();
    let Err(error) = bench.try_start_at(venue) else { panic!("started without a key") };
    assert!(error.to_string().contains("COINBASE_EXCHANGE_API_KEY"), "{error}");
}
