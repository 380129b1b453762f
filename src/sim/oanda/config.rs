//! How a local OANDA is set up.

use super::instrument::{usual_instruments, Instrument};
use crate::sim::{MILLISECOND_NS, SECOND_NS};
use rust_decimal::Decimal;

/// A personal access token. `Debug` never shows it.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A token of your own: tests bring a throwaway one.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// What follows `Bearer `.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl Default for Token {
    /// Made up, of the venue's form, the same in every run: it opens nothing but a local venue.
    fn default() -> Self {
        Self::new("10ca10ca10ca10ca10ca10ca10ca10ca-0ada0ada0ada0ada0ada0ada0ada0ada")
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(<redacted>)")
    }
}

/// Whose account it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `{site}-{division}-{user}-{number}`; `101-` is practice.
    pub account: String,
    /// `userID` of transactions.
    pub user: u64,
}

impl Default for Identity {
    fn default() -> Self {
        Self { account: "101-001-7654321-001".to_owned(), user: 7_654_321 }
    }
}

/// The venue's limits (OANDA reference 9); 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// REST requests per second.
    pub requests_per_s: u32,
    /// New connections per second, over both doors.
    pub connections_per_s: u32,
    /// Streams open at a time.
    pub streams: usize,
    /// Orders that rest at a time.
    pub pending_orders: usize,
}

impl Limits {
    /// Nothing is refused for its number.
    pub const NONE: Self = Self { requests_per_s: 0, connections_per_s: 0, streams: 0, pending_orders: 0 };
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests_per_s: 120, connections_per_s: 2, streams: 20, pending_orders: 1_000 }
    }
}

/// Everything a local OANDA is told at its start. The default is a lively market with the venue's own limits.
#[derive(Clone, Debug)]
pub struct Config {
    /// Decides market, ids and everything else that looks random.
    pub seed: u64,
    /// What is traded. Quote currencies need a pair with the account's currency; instruments without are left out.
    pub instruments: Vec<Instrument>,
    /// Price changes per second, over all instruments; 0 starts it paused.
    pub events_per_s: u64,
    /// Currency of the account.
    pub currency: String,
    /// Balance at the start.
    pub balance: Decimal,
    /// Whether long and short trades live side by side.
    pub hedging: bool,
    /// Least margin rate of the account.
    pub margin_rate: Decimal,
    /// Cost of converting profit and loss into the account's currency, as a fraction of the rate.
    pub conversion_cost: Decimal,
    /// Account and user.
    pub identity: Identity,
    /// An MT4 account of the same token, which the venue lists and does not let trade; none if `None`.
    pub mt4_account: Option<String>,
    /// The token that opens the venue.
    pub token: Token,
    /// Limits.
    pub limits: Limits,
    /// A stream's heartbeat comes so often (5 s).
    pub heartbeat_ns: u64,
    /// A price stream tells an instrument's last price once per such window (250 ms); 0 tells each change at once.
    pub window_ns: u64,
    /// Listings and queries of transactions go by how things stood so many ns ago.
    pub listing_lag_ns: u64,
    /// Ports for REST and streams; 0 takes a free one.
    pub ports: [u16; 2],
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            instruments: usual_instruments(),
            events_per_s: 200,
            currency: "USD".to_owned(),
            balance: Decimal::from(100_000),
            hedging: false,
            margin_rate: Decimal::new(2, 2),
            conversion_cost: Decimal::new(1, 2),
            identity: Identity::default(),
            mt4_account: Some("101-001-7654321-002".to_owned()),
            token: Token::default(),
            limits: Limits::default(),
            heartbeat_ns: 5 * SECOND_NS,
            window_ns: 250 * MILLISECOND_NS,
            listing_lag_ns: 0,
            ports: [0; 2],
        }
    }
}

impl Config {
    /// For tests: nothing moves unless told to, nothing is throttled, no count refuses.
    pub fn quiet() -> Self {
        Self { events_per_s: 0, window_ns: 0, limits: Limits::NONE, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_made_up_token_has_the_venues_form_and_stays_hidden() {
        let (token, text) = (Token::default(), format!("{:?}", Config::default()));
        let halves: Vec<&str> = token.text().split('-').collect();
        assert!(halves.len() == 2 && halves.iter().all(|h| h.len() == 32 && h.bytes().all(|b| b.is_ascii_hexdigit())));
        assert!(!text.contains(token.text()) && text.contains("redacted"));
    }
}
