//! How a local Binance.US is set up.

use super::exchange::Fees;
use super::limits::Limits;
use super::product::{usual_symbols, Symbol};
use crate::sim::{MILLISECOND_NS, SECOND_NS};
use rust_decimal::Decimal;

/// An API key and its secret. `Debug` never shows the secret.
#[derive(Clone)]
pub struct ApiKey {
    key: String,
    secret: String,
}

impl ApiKey {
    /// A key of your own: tests bring a fixed throwaway one.
    pub fn new(key: &str, secret: &str) -> Self {
        Self { key: key.to_owned(), secret: secret.to_owned() }
    }

    /// `X-MBX-APIKEY`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What signatures are keyed with.
    pub fn secret(&self) -> &str {
        &self.secret
    }
}

impl Default for ApiKey {
    /// Made up, of the venue's length and alphabet, the same in every run: it opens nothing but a local venue.
    fn default() -> Self {
        Self::new(&"LocalVenueKey0".repeat(5)[..64], &"LocalVenueSecret".repeat(4))
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ApiKey {{ key: {:?}, secret: <redacted> }}", self.key)
    }
}

/// What becomes of listen keys: which it is after the upgrade is unconfirmed (Binance.US reference 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ListenKeys {
    /// They work.
    #[default]
    Served,
    /// HTTP 410 with a page of HTML, as Binance.com since February 2026.
    Gone,
    /// HTTP 404, as `/api/v1/userDataStream` since 2020.
    NotFound,
}

/// Everything a local Binance.US is told at its start. The default is a lively market with the venue's own limits.
#[derive(Clone, Debug)]
pub struct Config {
    /// Decides market, ids and everything else that looks random.
    pub seed: u64,
    /// What is traded.
    pub symbols: Vec<Symbol>,
    /// Levels per side of each book at the start.
    pub depth: usize,
    /// Events of the made-up market per second, over all symbols; 0 starts it paused.
    pub events_per_s: u64,
    /// Grid of `@depth@100ms` and `@depth5@100ms` updates; 0 publishes each change at once.
    pub depth_grid_ns: u64,
    /// Grid of `@depth`, tickers and mini tickers (1 s); 0 publishes each change at once.
    pub slow_grid_ns: u64,
    /// Grid of klines (about 2 s); 0 publishes each change at once.
    pub kline_grid_ns: u64,
    /// Asset and starting balance.
    pub balances: Vec<(String, Decimal)>,
    /// Commission rates.
    pub fees: Fees,
    /// Limits.
    pub limits: Limits,
    /// What becomes of listen keys.
    pub listen_keys: ListenKeys,
    /// How long a listen key lives without a keepalive (60 min).
    pub listen_key_ns: u64,
    /// The server pings each WebSocket so often (20 s since the upgrade); 0 never.
    pub ping_interval_ns: u64,
    /// A WebSocket without a pong for so long is dropped (1 min).
    pub pong_timeout_ns: u64,
    /// A WebSocket is closed after so long (24 h).
    pub lifetime_ns: u64,
    /// Whether user events that a WebSocket API request caused leave before its reply, as they usually do live.
    pub events_before_reply: bool,
    /// Order lookups, listings, trades and cancels go by how things stood so many ns ago.
    pub listing_lag_ns: u64,
    /// The key that opens the venue.
    pub key: ApiKey,
    /// Whether the key may trade; without it every order is refused (-2015).
    pub key_may_trade: bool,
    /// `canTrade` of the account.
    pub account_may_trade: bool,
    /// Ports for REST, streams and the WebSocket API; 0 takes a free one.
    pub ports: [u16; 3],
}

impl Default for Config {
    fn default() -> Self {
        let amount = |asset: &str, value: i64| (asset.to_owned(), Decimal::from(value));
        Self {
            seed: 1,
            symbols: usual_symbols(),
            depth: 200,
            events_per_s: 200,
            depth_grid_ns: 100 * MILLISECOND_NS,
            slow_grid_ns: SECOND_NS,
            kline_grid_ns: 2 * SECOND_NS,
            balances: vec![
                amount("USD", 1_000_000),
                amount("USDT", 1_000_000),
                amount("BTC", 10),
                amount("ETH", 100),
                amount("SOL", 1_000),
                amount("PEPE", 1_000_000_000),
            ],
            fees: Fees::default(),
            limits: Limits::default(),
            listen_keys: ListenKeys::default(),
            listen_key_ns: 3_600 * SECOND_NS,
            ping_interval_ns: 20 * SECOND_NS,
            pong_timeout_ns: 60 * SECOND_NS,
            lifetime_ns: 86_400 * SECOND_NS,
            events_before_reply: true,
            listing_lag_ns: 0,
            key: ApiKey::default(),
            key_may_trade: true,
            account_may_trade: true,
            ports: [0; 3],
        }
    }
}

impl Config {
    /// For tests: nothing moves unless told to, nothing is conflated, no count refuses.
    pub fn quiet() -> Self {
        Self {
            depth: 20,
            events_per_s: 0,
            depth_grid_ns: 0,
            slow_grid_ns: 0,
            kline_grid_ns: 0,
            limits: Limits::NO_COUNTS,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_made_up_key_has_the_venues_form_and_its_secret_stays_hidden() {
        let key = ApiKey::default();
        for text in [key.key(), key.secret()] {
            assert!(text.len() == 64 && text.bytes().all(|b| b.is_ascii_alphanumeric()), "{text}");
        }
        assert!(!format!("{key:?} {:?}", Config::default()).contains("Secret"));
    }
}
