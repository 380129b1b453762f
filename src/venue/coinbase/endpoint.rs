//! Where the venue is: hosts, ports and paths, parsed from URLs.
//!
//! Owns the three endpoints of Coinbase Advanced Trade and their defaults (Coinbase reference 1). Never resolves a name
//! and never reads the environment.

pub use crate::venue::endpoint::{Endpoint, EndpointError};

/// Where Coinbase Advanced Trade is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoinbaseEndpoints {
    /// REST; the paths are fixed.
    pub rest: Endpoint,
    /// Market data stream.
    pub ws: Endpoint,
    /// User stream.
    pub ws_user: Endpoint,
}

impl CoinbaseEndpoints {
    /// Production REST host.
    pub const REST: &'static str = "https://api.coinbase.com";
    /// Production market data stream.
    pub const WS: &'static str = "wss://advanced-trade-ws.coinbase.com";
    /// Production user stream.
    pub const WS_USER: &'static str = "wss://advanced-trade-ws-user.coinbase.com";

    /// Parses the three URLs.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn parse(rest: &str, ws: &str, ws_user: &str) -> Result<CoinbaseEndpoints, EndpointError> {
        Ok(CoinbaseEndpoints { rest: Endpoint::https(rest)?, ws: Endpoint::wss(ws)?, ws_user: Endpoint::wss(ws_user)? })
    }
}

impl Default for CoinbaseEndpoints {
    /// The production hosts.
    fn default() -> Self {
        CoinbaseEndpoints {
            rest: Endpoint::known(Self::REST, "https"),
            ws: Endpoint::known(Self::WS, "wss"),
            ws_user: Endpoint::known(Self::WS_USER, "wss"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_endpoints() {
        let all = CoinbaseEndpoints::default();
        let parsed =
            CoinbaseEndpoints::parse(CoinbaseEndpoints::REST, CoinbaseEndpoints::WS, CoinbaseEndpoints::WS_USER);
        assert_eq!(parsed, Ok(all.clone()));
        assert_eq!(
            (all.rest.host(), all.rest.port(), all.rest.authority()),
            ("api.coinbase.com", 443, "api.coinbase.com")
        );
        assert_eq!((all.ws.path(), all.ws_user.host()), ("/", "advanced-trade-ws-user.coinbase.com"));
    }
}
