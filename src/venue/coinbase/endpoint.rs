//! Where the venue is: hosts, ports and paths, parsed from URLs.
//!
//! Owns the three endpoints of Coinbase Advanced Trade and their defaults (Coinbase reference 1). Never resolves a name
//! and never reads the environment.

pub use crate::venue::endpoint::{Endpoint, EndpointError};

/// Where Coinbase Advanced Trade is, and the market data of Coinbase Exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoinbaseEndpoints {
    /// REST; the paths are fixed.
    pub rest: Endpoint,
    /// Market data stream.
    pub ws: Endpoint,
    /// User stream.
    pub ws_user: Endpoint,
    /// The Exchange feed: the same market data in another protocol.
    pub exchange_ws: Endpoint,
}

impl CoinbaseEndpoints {
    /// Production REST host.
    pub const REST: &'static str = "https://api.coinbase.com";
    /// Production market data stream.
    pub const WS: &'static str = "wss://advanced-trade-ws.coinbase.com";
    /// Production user stream.
    pub const WS_USER: &'static str = "wss://advanced-trade-ws-user.coinbase.com";

    /// Production Exchange feed.
    pub const EXCHANGE_WS: &'static str = "wss://ws-feed.exchange.coinbase.com";

    /// Parses the four URLs.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn parse(rest: &str, ws: &str, ws_user: &str, exchange_ws: &str) -> Result<CoinbaseEndpoints, EndpointError> {
        Ok(CoinbaseEndpoints {
            rest: Endpoint::https(rest)?,
            ws: Endpoint::wss(ws)?,
            ws_user: Endpoint::wss(ws_user)?,
            exchange_ws: Endpoint::wss(exchange_ws)?,
        })
    }
}

impl Default for CoinbaseEndpoints {
    /// The production hosts.
    fn default() -> Self {
        CoinbaseEndpoints {
            rest: Endpoint::known(Self::REST, "https"),
            ws: Endpoint::known(Self::WS, "wss"),
            ws_user: Endpoint::known(Self::WS_USER, "wss"),
            exchange_ws: Endpoint::known(Self::EXCHANGE_WS, "wss"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_endpoints() {
        let all = CoinbaseEndpoints::default();
        let parsed = CoinbaseEndpoints::parse(
            CoinbaseEndpoints::REST,
            CoinbaseEndpoints::WS,
            CoinbaseEndpoints::WS_USER,
            CoinbaseEndpoints::EXCHANGE_WS,
        );
        assert_eq!(parsed, Ok(all.clone()));
        assert_eq!(
            (all.rest.host(), all.rest.port(), all.rest.authority()),
            ("api.coinbase.com", 443, "api.coinbase.com")
        );
        assert_eq!((all.ws.path(), all.ws_user.host()), ("/", "advanced-trade-ws-user.coinbase.com"));
    }
}
