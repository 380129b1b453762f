//! Where the venue is: hosts, ports and paths (Binance.US reference 1).
//!
//! Owns the three endpoints and their defaults. Never resolves a name and never reads the environment.

pub use crate::venue::endpoint::{Endpoint, EndpointError};

/// Where Binance.US is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinanceUsEndpoints {
    /// REST; the paths are fixed.
    pub rest: Endpoint,
    /// Market data streams, and listenKey streams: the path is the base to which `/stream` or `/ws/<key>` is added.
    pub stream: Endpoint,
    /// WebSocket API: orders and user data.
    pub ws_api: Endpoint,
}

impl BinanceUsEndpoints {
    /// Production REST host.
    pub const REST: &'static str = "https://api.binance.us";
    /// Production streams.
    pub const STREAM: &'static str = "wss://stream.binance.us:9443";
    /// Production WebSocket API.
    pub const WS_API: &'static str = "wss://ws-api.binance.us:443/ws-api/v3";
    /// The path of a market connection: bare, so that everything is subscribed by message and every event comes in the
    /// combined envelope (Binance.US reference 6).
    pub const STREAM_PATH: &'static str = "/stream";

    /// Parses the three URLs.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn parse(rest: &str, stream: &str, ws_api: &str) -> Result<BinanceUsEndpoints, EndpointError> {
        Ok(BinanceUsEndpoints {
            rest: Endpoint::https(rest)?,
            stream: Endpoint::wss(stream)?,
            ws_api: Endpoint::wss(ws_api)?,
        })
    }

    /// The endpoint of a market connection: the stream host with the combined path, unless the user gave a path.
    ///
    /// # Errors
    /// [`EndpointError`]; not of an endpoint that was parsed.
    pub fn market(&self) -> Result<Endpoint, EndpointError> {
        self.stream_at(Self::STREAM_PATH)
    }

    /// The endpoint of a listenKey stream; its events come without an envelope.
    ///
    /// # Errors
    /// [`EndpointError`] of a key that cannot stand in a path.
    pub fn user(&self, listen_key: &str) -> Result<Endpoint, EndpointError> {
        self.stream_at(&format!("/ws/{listen_key}"))
    }

    fn stream_at(&self, path: &str) -> Result<Endpoint, EndpointError> {
        let base = self.stream.path().trim_end_matches('/');
        let host = if self.stream.host().contains(':') {
            format!("[{}]", self.stream.host())
        } else {
            self.stream.host().to_owned()
        };
        Endpoint::wss(&format!("wss://{host}:{}{base}{path}", self.stream.port()))
    }
}

impl Default for BinanceUsEndpoints {
    /// The production hosts.
    fn default() -> Self {
        BinanceUsEndpoints {
            rest: Endpoint::known(Self::REST, "https"),
            stream: Endpoint::known(Self::STREAM, "wss"),
            ws_api: Endpoint::known(Self::WS_API, "wss"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_endpoints() {
        let all = BinanceUsEndpoints::default();
        let parsed =
            BinanceUsEndpoints::parse(BinanceUsEndpoints::REST, BinanceUsEndpoints::STREAM, BinanceUsEndpoints::WS_API);
        assert_eq!(parsed, Ok(all.clone()));
        assert_eq!((all.stream.host(), all.stream.port()), ("stream.binance.us", 9443));
        assert_eq!((all.ws_api.path(), all.ws_api.authority()), ("/ws-api/v3", "ws-api.binance.us"));
    }

    #[test]
    fn market_and_user_streams_are_paths_of_the_stream_host() {
        let all = BinanceUsEndpoints::default();
        assert_eq!(all.market().unwrap().path(), "/stream");
        assert_eq!(
            all.user("pqia91ma19a5s61cv6a81va65sdf19v8a65a1").unwrap().path(),
            "/ws/pqia91ma19a5s61cv6a81va65sdf19v8a65a1"
        );
        assert!(all.user("a b").is_err());
        let local = BinanceUsEndpoints::parse("https://[::1]:1", "wss://[::1]:2/base/", "wss://[::1]:3").unwrap();
        let market = local.market().unwrap();
        assert_eq!((market.host(), market.port(), market.path()), ("::1", 2, "/base/stream"));
    }
}
