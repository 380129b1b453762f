//! Binance.US as the builder takes it.

use super::checks;
use super::coinbase::dialled_to;
use super::error::GatewayError;
use super::queries::{BinanceUsQueries, ColdClient, Pace};
use super::{Variables, USER_AGENT};
use crate::dialer::{Budgeted, ColdHandle, DialerSettings, Endpoint as DialledTo, EndpointKind, Wake};
use crate::engine::{BinanceUsOrders, BinanceUsSetup, Carrier, Slot};
use crate::journal::ColdAudit;
use crate::keeper::Clock;
use crate::record::Venue;
use crate::state::Account;
use crate::venue::binance_us::auth::Credentials;
use crate::venue::binance_us::{
    limits, ApiConfig, BinanceUsEndpoints, Endpoint, EndpointError, OrderConfig, StreamConfig, UserData,
};
use rustls::ClientConfig;
use std::sync::Arc;

/// How Binance.US is spoken to: where and as whom.
#[derive(Debug, Clone)]
pub struct BinanceUsConfig {
    endpoints: BinanceUsEndpoints,
    pub(super) key: Option<Arc<Credentials>>,
    stream: StreamConfig,
    market_connections: usize,
    snapshot_levels: u32,
    warm_every_ms: u64,
    pub(super) reply_timeout_ms: u64,
    api_connections: usize,
    order_connections: usize,
    user_data: UserData,
}

/// Market connections unless told otherwise: room for every symbol of the venue.
const MARKET_CONNECTIONS: usize = 4;
/// REST connections for orders while the WebSocket API is down.
const ORDER_CONNECTIONS: usize = 2;
/// An idle REST connection is used at least this often.
const WARM_EVERY_MS: u64 = 15_000;
/// WebSockets opened in a second. The venue documents no limit; its sister allows 300 in five minutes (Binance.US
/// reference 5), and who falls again and again waits longer each time.
const CONNECTIONS_PER_SECOND_MAX: u32 = 5;
/// The variables of the environment that concern this venue.
pub(super) const VARIABLES: [&str; 5] = [
    "BINANCE_US_API_KEY",
    "BINANCE_US_API_SECRET",
    "BINANCE_US_REST_URL",
    "BINANCE_US_STREAM_URL",
    "BINANCE_US_WS_API_URL",
];

type Parse = fn(&str) -> Result<Endpoint, EndpointError>;

impl Default for BinanceUsConfig {
    /// Production endpoints, no credentials: public market data.
    fn default() -> Self {
        BinanceUsConfig {
            endpoints: BinanceUsEndpoints::default(),
            key: None,
            stream: StreamConfig::default(),
            market_connections: MARKET_CONNECTIONS,
            snapshot_levels: limits::SNAPSHOT_LEVELS,
            warm_every_ms: WARM_EVERY_MS,
            reply_timeout_ms: limits::REPLY_MS_MAX,
            api_connections: 1,
            order_connections: ORDER_CONNECTIONS,
            user_data: UserData::default(),
        }
    }
}

impl BinanceUsConfig {
    /// The same without credentials.
    pub(super) fn without_key(self) -> BinanceUsConfig {
        BinanceUsConfig { key: None, ..self }
    }

    /// What the environment says: `BINANCE_US_API_KEY` and `BINANCE_US_API_SECRET` (both or neither),
    /// `BINANCE_US_REST_URL`, `BINANCE_US_STREAM_URL` and `BINANCE_US_WS_API_URL`.
    ///
    /// # Errors
    /// [`GatewayError::Setting`] names the variable and what is wrong with it; never its value if that is a secret.
    pub fn from_env() -> Result<BinanceUsConfig, GatewayError> {
        Self::from_variables(&|name| std::env::var(name).ok())
    }

    /// The endpoints of the environment without its credentials: public market data.
    ///
    /// # Errors
    /// As [`BinanceUsConfig::from_env`].
    pub fn public_from_env() -> Result<BinanceUsConfig, GatewayError> {
        Self::from_variables(&|name| std::env::var(name).ok().filter(|_| !is_credential(name)))
    }

    pub(super) fn from_variables(get: Variables<'_>) -> Result<BinanceUsConfig, GatewayError> {
        let mut config = BinanceUsConfig::default();
        let present = |name| get(name).filter(|value| !value.is_empty());
        let BinanceUsEndpoints { rest, stream, ws_api } = &mut config.endpoints;
        for (setting, parse, place) in [
            ("BINANCE_US_REST_URL", Endpoint::https as Parse, rest),
            ("BINANCE_US_STREAM_URL", Endpoint::wss, stream),
            ("BINANCE_US_WS_API_URL", Endpoint::wss, ws_api),
        ] {
            if let Some(url) = present(setting) {
                *place = parse(&url).map_err(|error| GatewayError::Setting { setting, why: error.to_string() })?;
            }
        }
        let missing = |setting| GatewayError::Setting { setting, why: "not set, but the other half is".to_owned() };
        match (present("BINANCE_US_API_KEY"), present("BINANCE_US_API_SECRET")) {
            (None, None) => Ok(config),
            (Some(_), None) => Err(missing("BINANCE_US_API_SECRET")),
            (None, Some(_)) => Err(missing("BINANCE_US_API_KEY")),
            (Some(key), Some(secret)) => config.credentials(&key, &zeroize::Zeroizing::new(secret)),
        }
    }

    /// Whether every number can work.
    pub(super) fn check_numbers(&self) -> Result<(), GatewayError> {
        checks::timeouts(&[
            ("binance_us reply_timeout_ms", self.reply_timeout_ms),
            ("binance_us stream.silence_ms_max", self.stream.silence_ms_max),
            ("binance_us stream.ack_grace_ms", self.stream.ack_grace_ms),
            ("binance_us stream.replace_after_ms", self.stream.replace_after_ms),
            ("binance_us stream.overlap_ms", self.stream.overlap_ms),
        ])
    }

    /// Where to connect.
    #[must_use]
    pub fn endpoints(self, endpoints: BinanceUsEndpoints) -> BinanceUsConfig {
        BinanceUsConfig { endpoints, ..self }
    }

    /// As whom: the key and the secret as the venue shows them once.
    ///
    /// # Errors
    /// [`GatewayError::Setting`] if they cannot be used; their texts never show.
    pub fn credentials(self, api_key: &str, api_secret: &str) -> Result<BinanceUsConfig, GatewayError> {
        let key = Credentials::new(api_key, api_secret).map_err(|error| GatewayError::Setting {
            setting: "BINANCE_US_API_KEY or BINANCE_US_API_SECRET",
            why: error.to_string(),
        })?;
        Ok(BinanceUsConfig { key: Some(Arc::new(key)), ..self })
    }

    /// Most market connections, 1 to 16. Default 4: each takes 170 instruments with all their streams, and is opened when
    /// it gets its first.
    #[must_use]
    pub fn market_connections(self, count: usize) -> BinanceUsConfig {
        BinanceUsConfig { market_connections: count.clamp(1, 16), ..self }
    }

    /// Levels per side a book begins with, 1 to 5,000. Default 1,000: more cost up to five times the request weight.
    #[must_use]
    pub fn snapshot_levels(self, levels: u32) -> BinanceUsConfig {
        BinanceUsConfig { snapshot_levels: levels.clamp(1, limits::SNAPSHOT_LEVELS_MAX), ..self }
    }

    /// WebSocket API connections for orders, 0 to 4. Default 1: each carries many requests at a time. With 0 orders go over
    /// REST.
    #[must_use]
    pub fn api_connections(self, count: usize) -> BinanceUsConfig {
        BinanceUsConfig { api_connections: count.min(4), ..self }
    }

    /// REST connections for orders while the WebSocket API is down, 1 to 16; two more are kept for cancels and for
    /// listings. Default 2.
    #[must_use]
    pub fn order_connections(self, count: usize) -> BinanceUsConfig {
        BinanceUsConfig { order_connections: count.clamp(1, 16), ..self }
    }

    /// How the account's events come. Default [`UserData::Signature`]; [`UserData::ListenKey`] is the fallback for the time
    /// when the venue does not serve that. If it has no listenKeys any more either (404, 410), strategies are told by
    /// [`GuardEvent::EventsNotServed`](crate::record::GuardEvent::EventsNotServed) and no order leaves.
    #[must_use]
    pub fn user_data(self, user_data: UserData) -> BinanceUsConfig {
        BinanceUsConfig { user_data, ..self }
    }

    /// How long a reply to an order may take before its outcome counts as unknown, ms. Default 11,000: the venue itself
    /// waits 10 s for its engine.
    #[must_use]
    pub fn reply_timeout_ms(self, timeout_ms: u64) -> BinanceUsConfig {
        BinanceUsConfig { reply_timeout_ms: timeout_ms, ..self }
    }

    /// Timing of every WebSocket: streams, the account's events, and orders.
    #[must_use]
    pub fn stream(self, stream: StreamConfig) -> BinanceUsConfig {
        BinanceUsConfig { stream, ..self }
    }

    /// How often an idle REST connection is used to keep it warm, ms. Default 15,000.
    #[must_use]
    pub fn warm_every_ms(self, every_ms: u64) -> BinanceUsConfig {
        BinanceUsConfig { warm_every_ms: every_ms.max(1_000), ..self }
    }
}

/// Whether a variable holds a part of a key.
pub(super) fn is_credential(name: &str) -> bool {
    name.starts_with("BINANCE_US_API_")
}

/// Its part in putting a gateway together.
impl BinanceUsConfig {
    /// What the engine needs to know.
    pub(super) fn setup(&self) -> Result<BinanceUsSetup, GatewayError> {
        // Asked here, so that dialling cannot fail for it.
        self.market_endpoint().ok_or(GatewayError::Setting {
            setting: "BINANCE_US_STREAM_URL",
            why: "no stream path can be added to it".to_owned(),
        })?;
        Ok(BinanceUsSetup {
            rest: self.endpoints.rest.clone(),
            stream: self.stream,
            session: OrderConfig {
                user_agent: USER_AGENT.into(),
                reply_ms_max: self.reply_timeout_ms,
                ..OrderConfig::default()
            },
            market_connections_max: self.market_connections,
            snapshot_levels: self.snapshot_levels,
            warm_every_ms: self.warm_every_ms,
            orders: self.key.as_ref().map(|key| BinanceUsOrders {
                key: key.clone(),
                api: ApiConfig {
                    silence_ms_max: self.stream.silence_ms_max,
                    reply_ms_max: self.reply_timeout_ms,
                    replace_after_ms: self.stream.replace_after_ms,
                    overlap_ms: self.stream.overlap_ms,
                    ..ApiConfig::default()
                },
                user_data: self.user_data,
                api_connections: self.api_connections,
                rest_connections: self.order_connections,
            }),
        })
    }

    /// Which account is traded with; `None` without credentials.
    pub(super) fn account(&self) -> Option<Account> {
        let key = self.key.as_ref()?;
        Some(Account::new(Venue::BinanceUs, self.endpoints.rest.authority(), key.api_key()))
    }

    fn market_endpoint(&self) -> Option<Endpoint> {
        self.endpoints.market().ok()
    }

    /// What a connection of the engine is dialled to.
    pub(super) fn dialled(&self, slot: &Slot) -> Option<DialledTo> {
        match slot.carrier {
            Carrier::Stream => Some(dialled_to(&self.market_endpoint()?, EndpointKind::WebSocket)),
            // The key is added when it is known.
            Carrier::Events => Some(dialled_to(&self.endpoints.user("").ok()?, EndpointKind::WebSocket)),
            Carrier::Api => Some(dialled_to(&self.endpoints.ws_api, EndpointKind::WebSocket)),
            Carrier::Rest => Some(dialled_to(&self.endpoints.rest, EndpointKind::Http)),
        }
    }

    /// Its cold questions.
    pub(super) fn queries(
        &self,
        cold: ColdHandle,
        clock: Clock,
        timeout_ms: u64,
        audit: ColdAudit,
    ) -> BinanceUsQueries {
        self.asking(cold, clock, limits::COLD_WEIGHT_PER_MINUTE, timeout_ms, audit)
    }

    /// What an emergency asks, over a lifeline and within the share set aside for it.
    pub(super) fn emergency(
        &self,
        lifeline: ColdHandle,
        clock: Clock,
        timeout_ms: u64,
        audit: ColdAudit,
    ) -> BinanceUsQueries {
        self.asking(lifeline, clock, limits::EMERGENCY_WEIGHT_PER_MINUTE, timeout_ms, audit)
    }

    fn asking(
        &self,
        cold: ColdHandle,
        clock: Clock,
        weight_per_minute: u32,
        timeout_ms: u64,
        audit: ColdAudit,
    ) -> BinanceUsQueries {
        let rest = dialled_to(&self.endpoints.rest, EndpointKind::Http);
        let pace = Pace::weight_per_minute(weight_per_minute, limits::DELAY_MS_MAX);
        let client = ColdClient::new(Venue::BinanceUs, cold, rest, clock, pace, timeout_ms, audit);
        BinanceUsQueries::new(client, self.key.clone())
    }
}

/// How its connections are dialled.
pub(super) fn dialer(tls: Arc<ClientConfig>, wake: Wake) -> DialerSettings {
    DialerSettings {
        budgeted: Budgeted::WebSockets,
        ..DialerSettings::new(Venue::BinanceUs.name(), tls, CONNECTIONS_PER_SECOND_MAX, wake)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&str, &str)]) -> Result<BinanceUsConfig, GatewayError> {
        let pairs: Vec<(String, String)> = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        BinanceUsConfig::from_variables(&move |name| pairs.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone()))
    }

    #[test]
    fn an_empty_environment_means_public_production() {
        let config = from(&[]).unwrap();
        assert!(config.key.is_none());
        assert_eq!(config.endpoints, BinanceUsEndpoints::default());
    }

    #[test]
    fn endpoints_can_be_overridden_and_bad_ones_are_named() {
        let config = from(&[("BINANCE_US_STREAM_URL", "wss://localhost:1234")]).unwrap();
        assert_eq!(
            config.market_endpoint().map(|at| (at.port(), at.path().to_owned())),
            Some((1234, "/stream".into()))
        );
        let error = from(&[("BINANCE_US_WS_API_URL", "https://plain")]).unwrap_err().to_string();
        assert!(error.starts_with("BINANCE_US_WS_API_URL: "), "{error}");
    }

    #[test]
    fn half_a_key_and_a_broken_key_are_refused_without_showing_it() {
        let half = from(&[("BINANCE_US_API_SECRET", "hunter2")]).unwrap_err().to_string();
        assert!(half.starts_with("BINANCE_US_API_KEY: ") && !half.contains("hunter2"), "{half}");
        let broken = from(&[("BINANCE_US_API_KEY", "no key!"), ("BINANCE_US_API_SECRET", "hunter2")]);
        let broken = broken.unwrap_err().to_string();
        assert!(broken.contains("BINANCE_US_API_KEY") && !broken.contains("hunter2"), "{broken}");
        let config = from(&[("BINANCE_US_API_KEY", "abc"), ("BINANCE_US_API_SECRET", "hunter2")]).unwrap();
        assert!(config.key.is_some() && !format!("{config:?}").contains("hunter2"));
    }
}
