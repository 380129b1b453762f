//! How a local Coinbase is set up.

use super::auth::LegacyKey;
use super::exchange::Fees;
use super::limits::Limits;
use super::product::{usual_products, Product};
use crate::sim::{KeyKind, MILLISECOND_NS, SECOND_NS};
use rust_decimal::Decimal;

/// What the key may do (Coinbase reference 2c).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// Lists and lookups.
    pub view: bool,
    /// Create and cancel.
    pub trade: bool,
}

/// What the venue does where its behaviour is unconfirmed (Coinbase reference 7.14, 9). The default is the likelier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Unconfirmed {
    /// A known client order id is refused as `DUPLICATE_CLIENT_ORDER_ID`, not answered with the earlier order.
    pub duplicates_refused: bool,
    /// A post-only order that would take is let in and then fails, instead of being refused at once.
    pub post_only_fails_later: bool,
    /// A token with a nonce seen before is refused.
    pub tokens_good_once: bool,
    /// More open orders than this fail as `TOO_MANY_OPEN_ORDERS`; 0 for no limit.
    pub open_orders_max: usize,
    /// Executions of orders sized in quote are listed with their size in quote (reference 3.5).
    pub fills_in_quote: bool,
    /// A cancel does not know an order younger than this.
    pub cancels_blind_ns: u64,
}

/// Everything a local Coinbase is told at its start. The default is a lively market with the venue's own limits.
#[derive(Clone, Debug)]
pub struct Config {
    /// Decides market, ids and everything else that looks random.
    pub seed: u64,
    /// What is traded.
    pub products: Vec<Product>,
    /// Levels per side of each book at the start; the venue's own BTC-USD has about 21,500.
    pub depth: usize,
    /// Events of the made-up market per second, over all products; 0 starts it paused.
    pub events_per_s: u64,
    /// Grid of level2 updates (reference 6.4: 50 ms); 0 publishes each change at once.
    pub level2_grid_ns: u64,
    /// Grid of trade updates (reference 6.5: 100 ms); 0 publishes each trade at once.
    pub trades_grid_ns: u64,
    /// A connection that has subscribed to nothing by then is dropped (reference 6.1: 5 s).
    pub first_subscribe_ns: u64,
    /// Most level2 products on one connection (reference 5: 30).
    pub level2_products_max: usize,
    /// Currency and starting balance.
    pub balances: Vec<(String, Decimal)>,
    /// Fee rates.
    pub fees: Fees,
    /// Rate limits.
    pub limits: Limits,
    /// What the key may do.
    pub permissions: Permissions,
    /// Which key is made, when `credentials` brings none.
    pub key_kind: KeyKind,
    /// A key of your own; tests bring a fixed throwaway one.
    pub credentials: Option<crate::sim::Credentials>,
    /// A key of your own for the Exchange feed's signed book.
    pub exchange_credentials: Option<super::ExchangeCredentials>,
    /// The key that may only look; [`super::LocalVenue`] makes one when there is none.
    pub view_only_credentials: Option<crate::sim::Credentials>,
    /// A key of the retired HMAC scheme, with the permissions of the trading key; none by default, as on the venue
    /// (reference 2a).
    pub legacy_key: Option<LegacyKey>,
    /// Order lookups, order lists and fills show how things stood so long ago.
    pub listing_lag_ns: u64,
    /// The choices the reference leaves open.
    pub unconfirmed: Unconfirmed,
    /// Ports for REST, market data, user data and the Exchange feed; 0 takes a free one.
    pub ports: [u16; 4],
}

impl Default for Config {
    fn default() -> Self {
        let amount = |currency: &str, value: i64| (currency.to_owned(), Decimal::from(value));
        Self {
            seed: 1,
            products: usual_products(),
            depth: 200,
            events_per_s: 200,
            level2_grid_ns: 50 * MILLISECOND_NS,
            trades_grid_ns: 100 * MILLISECOND_NS,
            first_subscribe_ns: 5 * SECOND_NS,
            level2_products_max: 30,
            balances: vec![
                amount("USD", 1_000_000),
                amount("USDC", 100_000),
                amount("BTC", 10),
                amount("ETH", 100),
                amount("SOL", 1_000),
                amount("DOGE", 100_000),
            ],
            fees: Fees::default(),
            limits: Limits::default(),
            permissions: Permissions { view: true, trade: true },
            key_kind: KeyKind::default(),
            credentials: None,
            exchange_credentials: None,
            view_only_credentials: None,
            legacy_key: None,
            listing_lag_ns: 0,
            unconfirmed: Unconfirmed::default(),
            ports: [0; 4],
        }
    }
}

impl Config {
    /// For tests: nothing moves unless told to, nothing is conflated, no limit refuses.
    pub fn quiet() -> Self {
        Self {
            depth: 20,
            events_per_s: 0,
            level2_grid_ns: 0,
            trades_grid_ns: 0,
            limits: Limits::NONE,
            ..Self::default()
        }
    }
}
