//! Coinbase as the builder takes it.

use super::checks;
use super::error::GatewayError;
use super::mint::CoinbaseMint;
use super::queries::{
    CoinbaseQueries, ColdClient, Pace, COLD_REQUESTS_PER_SECOND, EMERGENCY_REQUESTS_PER_SECOND,
    ENGINE_REQUESTS_PER_SECOND,
};
use super::{Variables, USER_AGENT};
use crate::dialer::{Budgeted, ColdHandle, DialerSettings, Endpoint as DialledTo, EndpointKind, Wake};
use crate::engine::{CoinbaseOrders, CoinbaseSetup, Slot};
use crate::journal::ColdAudit;
use crate::keeper::{Clock, TokenPool};
use crate::record::{ConnectionRole, Venue};
use crate::state::Account;
use crate::venue::coinbase::auth::{CdpKey, CoinbaseKey, LegacyKey};
use crate::venue::coinbase::exchange::ExchangeKey;
use crate::venue::coinbase::{
    limits, CoinbaseEndpoints, Endpoint, EndpointError, MarketFeeds, MarketSource, OrderConfig, StreamConfig,
};
use rustls::ClientConfig;
use std::sync::Arc;

/// How Coinbase is spoken to: where, as whom, over how many connections.
#[derive(Debug, Clone)]
pub struct CoinbaseConfig {
    pub(super) endpoints: CoinbaseEndpoints,
    pub(super) key: Option<Arc<CoinbaseKey>>,
    pub(super) stream: StreamConfig,
    pub(super) order_connections: usize,
    pub(super) reply_timeout_ms: Option<u64>,
    pub(super) warm_every_ms: u64,
    pub(super) requests_per_second: usize,
    pub(super) query_requests_per_second: usize,
    pub(super) market: MarketFeeds,
}

type Parse = fn(&str) -> Result<Endpoint, EndpointError>;

/// Connections for new orders unless told otherwise.
const ORDER_CONNECTIONS: usize = 3;
/// An idle order connection is used at least this often: shorter than any idle limit met.
const WARM_EVERY_MS: u64 = 15_000;

impl Default for CoinbaseConfig {
    /// Production endpoints, no credentials: public market data.
    fn default() -> Self {
        CoinbaseConfig {
            endpoints: CoinbaseEndpoints::default(),
            key: None,
            stream: StreamConfig::default(),
            order_connections: ORDER_CONNECTIONS,
            reply_timeout_ms: None,
            warm_every_ms: WARM_EVERY_MS,
            requests_per_second: ENGINE_REQUESTS_PER_SECOND,
            query_requests_per_second: COLD_REQUESTS_PER_SECOND,
            market: MarketFeeds::default(),
        }
    }
}

impl CoinbaseConfig {
    /// What the environment says: `COINBASE_API_KEY` and `COINBASE_API_SECRET` (both or neither), `COINBASE_AUTH`
    /// (`cdp`, the default, or `legacy` for [`CoinbaseConfig::legacy_credentials`]), `COINBASE_REST_URL`,
    /// `COINBASE_WS_URL`, `COINBASE_WS_USER_URL`, `COINBASE_EXCHANGE_WS_URL`, and for the authenticated Exchange feed
    /// `COINBASE_EXCHANGE_API_KEY`, `COINBASE_EXCHANGE_API_SECRET` and `COINBASE_EXCHANGE_API_PASSPHRASE` (all or none).
    ///
    /// # Errors
    /// [`GatewayError::Setting`] names the variable and what is wrong with it; never its value if that is a secret.
    pub fn from_env() -> Result<CoinbaseConfig, GatewayError> {
        Self::from_variables(&|name| std::env::var(name).ok())
    }

    /// The endpoints of the environment without its credentials: public market data.
    ///
    /// # Errors
    /// As [`CoinbaseConfig::from_env`].
    pub fn public_from_env() -> Result<CoinbaseConfig, GatewayError> {
        let public = |name: &str| std::env::var(name).ok().filter(|_| !is_credential(name));
        Self::from_variables(&public)
    }

    /// The same with the key of the Exchange feed, which signs subscriptions and nothing else.
    ///
    /// # Errors
    /// As [`CoinbaseConfig::from_env`].
    pub fn market_data_from_env() -> Result<CoinbaseConfig, GatewayError> {
        let public = |name: &str| std::env::var(name).ok().filter(|_| !name.starts_with("COINBASE_API_"));
        Self::from_variables(&public)
    }

    pub(super) fn from_variables(get: Variables<'_>) -> Result<CoinbaseConfig, GatewayError> {
        let mut config = CoinbaseConfig::default();
        let endpoint = |name: &'static str, parse: Parse, place: &mut Endpoint| -> Result<(), GatewayError> {
            if let Some(url) = get(name).filter(|url| !url.is_empty()) {
                *place =
                    parse(&url).map_err(|error| GatewayError::Setting { setting: name, why: error.to_string() })?;
            }
            Ok(())
        };
        endpoint("COINBASE_REST_URL", Endpoint::https, &mut config.endpoints.rest)?;
        endpoint("COINBASE_WS_URL", Endpoint::wss, &mut config.endpoints.ws)?;
        endpoint("COINBASE_WS_USER_URL", Endpoint::wss, &mut config.endpoints.ws_user)?;
        endpoint("COINBASE_EXCHANGE_WS_URL", Endpoint::wss, &mut config.endpoints.exchange_ws)?;
        let missing = |setting| GatewayError::Setting { setting, why: "not set, but the other half is".to_owned() };
        let present = |name| get(name).filter(|value| !value.is_empty());
        config.market.exchange_key = exchange_key(&present)?;
        match (present("COINBASE_API_KEY"), present("COINBASE_API_SECRET")) {
            (None, None) => Ok(config),
            (Some(_), None) => Err(missing("COINBASE_API_SECRET")),
            (None, Some(_)) => Err(missing("COINBASE_API_KEY")),
            (Some(name), Some(secret)) => {
                let secret = zeroize::Zeroizing::new(secret);
                match present("COINBASE_AUTH").as_deref() {
                    None | Some("cdp") => config.credentials(&name, &secret),
                    Some("legacy") => config.legacy_credentials(&name, &secret),
                    Some(_) => Err(GatewayError::Setting {
                        setting: "COINBASE_AUTH",
                        why: "must be `cdp` or `legacy`; unset means `cdp`".to_owned(),
                    }),
                }
            }
        }
    }

    /// Where market data comes from. Default: [`MarketSource::Advanced`].
    #[must_use]
    pub fn market_source(self, source: MarketSource) -> CoinbaseConfig {
        CoinbaseConfig { market: MarketFeeds { first: source, ..self.market }, ..self }
    }

    /// A second connection for the same instruments, to the same source or another one: each trade is told once, by
    /// whichever connection brings it first, and when the book of one is doubtful or silent the product changes over to
    /// the other's. The counters `feed_one_trades_first` and `feed_two_trades_first` say who wins how often.
    #[must_use]
    pub fn redundant_market_source(self, second: MarketSource) -> CoinbaseConfig {
        CoinbaseConfig { market: MarketFeeds { second: Some(second), ..self.market }, ..self }
    }

    /// A key of Coinbase Exchange, for [`MarketSource::ExchangeAuthenticated`]: the key, its base64 secret and its
    /// passphrase. It is used to sign subscriptions and for nothing else.
    ///
    /// # Errors
    /// [`GatewayError::Setting`] if the key cannot be used; its text never shows.
    pub fn exchange_credentials(
        self,
        key: &str,
        secret: &str,
        passphrase: &str,
    ) -> Result<CoinbaseConfig, GatewayError> {
        let key = ExchangeKey::new(key, secret, passphrase).map_err(unusable)?;
        Ok(CoinbaseConfig { market: MarketFeeds { exchange_key: Some(key), ..self.market }, ..self })
    }

    /// An authenticated feed needs its key.
    pub(super) fn check_feeds(&self) -> Result<(), GatewayError> {
        let MarketFeeds { first, second, exchange_key } = &self.market;
        let authenticated = [Some(*first), *second].contains(&Some(MarketSource::ExchangeAuthenticated));
        if authenticated && exchange_key.is_none() {
            let why = "the authenticated Exchange feed needs a key, its secret and its passphrase".to_owned();
            return Err(GatewayError::Setting { setting: "COINBASE_EXCHANGE_API_KEY", why });
        }
        Ok(())
    }

    /// Whether every number can work.
    pub(super) fn check_numbers(&self) -> Result<(), GatewayError> {
        if let Some(timeout_ms) = self.reply_timeout_ms {
            checks::timeout("coinbase reply_timeout_ms", timeout_ms)?;
        }
        let StreamConfig { market_connections_max, message_bytes_max, .. } = self.stream;
        checks::timeouts(&[
            ("coinbase stream.silence_ms_max", self.stream.silence_ms_max),
            ("coinbase stream.ack_grace_ms", self.stream.ack_grace_ms),
            ("coinbase stream.snapshot_ms", self.stream.snapshot_ms),
        ])?;
        checks::between("coinbase stream.message_bytes_max", message_bytes_max, 1, u64::MAX)?;
        let (count, most) = (market_connections_max as u64, limits::MARKET_CONNECTIONS_MAX as u64);
        checks::between("coinbase stream.market_connections_max", count, 1, most)
    }

    /// Where to connect.
    #[must_use]
    pub fn endpoints(self, endpoints: CoinbaseEndpoints) -> CoinbaseConfig {
        CoinbaseConfig { endpoints, ..self }
    }

    /// As whom: a CDP key's name and secret (PEM, SEC1 or PKCS#8, literal `\n` allowed; or base64 for Ed25519).
    ///
    /// # Errors
    /// [`GatewayError::Setting`] if the key cannot be used; its text never shows.
    pub fn credentials(self, key_name: &str, secret: &str) -> Result<CoinbaseConfig, GatewayError> {
        let key = CdpKey::new(key_name, secret)
            .map_err(|error| GatewayError::Setting { setting: "COINBASE_API_SECRET", why: error.to_string() })?;
        Ok(CoinbaseConfig { key: Some(Arc::new(CoinbaseKey::Cdp(key))), ..self })
    }

    /// As whom, by the legacy HMAC scheme: a key and its secret as they were issued. **The venue retired it in February
    /// 2025** and takes no such key any more; it is for whatever else speaks the protocol.
    ///
    /// # Errors
    /// [`GatewayError::Setting`] if the key cannot be used; its text never shows.
    pub fn legacy_credentials(self, key: &str, secret: &str) -> Result<CoinbaseConfig, GatewayError> {
        let key = LegacyKey::new(key, secret)
            .map_err(|error| GatewayError::Setting { setting: "COINBASE_API_SECRET", why: error.to_string() })?;
        Ok(CoinbaseConfig { key: Some(Arc::new(CoinbaseKey::Legacy(Arc::new(key)))), ..self })
    }

    /// Connections for new orders, 1 to 16; two more are kept for cancels and for listings.
    #[must_use]
    pub fn order_connections(self, count: usize) -> CoinbaseConfig {
        CoinbaseConfig { order_connections: count.clamp(1, 16), ..self }
    }

    /// Private requests a second the engine may make, 1 to 256. Default 24: the venue allows 30 to a key, and the rest is
    /// for queries. More only if the venue has agreed to it.
    #[must_use]
    pub fn requests_per_second(self, requests: usize) -> CoinbaseConfig {
        CoinbaseConfig { requests_per_second: requests.clamp(1, crate::guard::LIMIT_MAX), ..self }
    }

    /// Requests a second of queries, and of subscriptions, which look their product up; 1 to 256. Default 4 of the 30 the
    /// venue allows to a key. More only if the venue has agreed to it.
    #[must_use]
    pub fn query_requests_per_second(self, requests: usize) -> CoinbaseConfig {
        CoinbaseConfig { query_requests_per_second: requests.clamp(1, crate::guard::LIMIT_MAX), ..self }
    }

    /// How long a reply to an order may take before its outcome counts as unknown, ms. Default 10,000.
    #[must_use]
    pub fn reply_timeout_ms(self, timeout_ms: u64) -> CoinbaseConfig {
        CoinbaseConfig { reply_timeout_ms: Some(timeout_ms), ..self }
    }

    /// How often an idle order connection is used to keep it warm, ms. Default 15,000.
    #[must_use]
    pub fn warm_every_ms(self, every_ms: u64) -> CoinbaseConfig {
        CoinbaseConfig { warm_every_ms: every_ms.max(100), ..self }
    }

    /// Stream timing.
    #[must_use]
    pub fn stream(self, stream: StreamConfig) -> CoinbaseConfig {
        CoinbaseConfig { stream, ..self }
    }
}

/// Whether a variable holds a part of a key.
pub(super) fn is_credential(name: &str) -> bool {
    name.starts_with("COINBASE_API_") || name.starts_with("COINBASE_EXCHANGE_API_")
}

fn unusable(error: crate::venue::coinbase::exchange::ExchangeKeyError) -> GatewayError {
    GatewayError::Setting { setting: "COINBASE_EXCHANGE_API_KEY, _SECRET or _PASSPHRASE", why: error.to_string() }
}

/// The key of the Exchange feed, if its three parts are there.
fn exchange_key(present: &impl Fn(&'static str) -> Option<String>) -> Result<Option<ExchangeKey>, GatewayError> {
    const NAMES: [&str; 3] =
        ["COINBASE_EXCHANGE_API_KEY", "COINBASE_EXCHANGE_API_SECRET", "COINBASE_EXCHANGE_API_PASSPHRASE"];
    let parts = NAMES.map(|name| present(name).map(zeroize::Zeroizing::new));
    match &parts {
        [None, None, None] => Ok(None),
        [Some(key), Some(secret), Some(passphrase)] => {
            ExchangeKey::new(key, secret, passphrase).map(Some).map_err(unusable)
        }
        some => {
            let missing = NAMES.iter().zip(some).find(|(_, part)| part.is_none()).map_or(NAMES[0], |(name, _)| name);
            Err(GatewayError::Setting { setting: missing, why: "not set, but other parts of the key are".to_owned() })
        }
    }
}

/// Its part in putting a gateway together.
impl CoinbaseConfig {
    /// What the engine needs to know.
    pub(super) fn setup(&self) -> CoinbaseSetup {
        let orders = self.key.as_ref().map(|key| {
            let mut session = OrderConfig { user_agent: USER_AGENT.into(), ..OrderConfig::default() };
            if let Some(timeout_ms) = self.reply_timeout_ms {
                session.reply_ms_max = timeout_ms;
            }
            CoinbaseOrders {
                rest: self.endpoints.rest.clone(),
                session,
                legacy: match key.as_ref() {
                    CoinbaseKey::Cdp(_) => None,
                    CoinbaseKey::Legacy(key) => Some(key.clone()),
                },
                warm_every_ms: self.warm_every_ms,
                order_connections: self.order_connections,
                requests_per_second: self.requests_per_second,
            }
        });
        CoinbaseSetup { stream: self.stream, market: self.market.clone(), orders }
    }

    /// Which account is traded with; `None` without credentials.
    pub(super) fn account(&self) -> Option<Account> {
        let key = self.key.as_ref()?;
        let id = match key.as_ref() {
            CoinbaseKey::Cdp(key) => key.name(),
            CoinbaseKey::Legacy(key) => key.id(),
        };
        Some(Account::new(Venue::Coinbase, self.endpoints.rest.authority(), id))
    }

    /// What a connection of the engine is dialled to.
    pub(super) fn dialled(&self, slot: &Slot) -> DialledTo {
        let (at, kind) = match slot.role {
            ConnectionRole::Market if slot.source.is_exchange() => {
                (&self.endpoints.exchange_ws, EndpointKind::WebSocket)
            }
            ConnectionRole::Market => (&self.endpoints.ws, EndpointKind::WebSocket),
            ConnectionRole::User => (&self.endpoints.ws_user, EndpointKind::WebSocket),
            ConnectionRole::Orders | ConnectionRole::Cancels | ConnectionRole::Queries => {
                (&self.endpoints.rest, EndpointKind::Http)
            }
        };
        dialled_to(at, kind)
    }

    /// How its connections are dialled.
    pub(super) fn dialer(&self, tls: Arc<ClientConfig>, wake: Wake) -> DialerSettings {
        let per_second = limits::CONNECTIONS_PER_SECOND_MAX;
        DialerSettings {
            budgeted: Budgeted::WebSockets,
            ..DialerSettings::new(Venue::Coinbase.name(), tls, per_second, wake)
        }
    }

    /// What the keeper mints for it.
    pub(super) fn token_pool(&self) -> Option<TokenPool> {
        let authority = self.endpoints.rest.authority();
        self.key.clone().map(|key| CoinbaseMint::pool(key, authority))
    }

    /// Its cold questions.
    pub(super) fn queries(&self, cold: ColdHandle, clock: Clock, timeout_ms: u64, audit: ColdAudit) -> CoinbaseQueries {
        self.asking(cold, clock, Pace::requests_per_second(self.query_requests_per_second), timeout_ms, audit)
    }

    /// What an emergency asks, over a lifeline and within the share set aside for it.
    pub(super) fn emergency(
        &self,
        lifeline: ColdHandle,
        clock: Clock,
        timeout_ms: u64,
        audit: ColdAudit,
    ) -> CoinbaseQueries {
        self.asking(lifeline, clock, Pace::requests_per_second(EMERGENCY_REQUESTS_PER_SECOND), timeout_ms, audit)
    }

    fn asking(&self, cold: ColdHandle, clock: Clock, pace: Pace, timeout_ms: u64, audit: ColdAudit) -> CoinbaseQueries {
        let rest = dialled_to(&self.endpoints.rest, EndpointKind::Http);
        let client = ColdClient::new(Venue::Coinbase, cold, rest, clock, pace, timeout_ms, audit);
        CoinbaseQueries::new(client, self.key.clone())
    }
}

pub(super) fn dialled_to(at: &Endpoint, kind: EndpointKind) -> DialledTo {
    DialledTo { host: at.host().to_owned(), port: at.port(), path: at.path().to_owned(), kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&str, &str)]) -> Result<CoinbaseConfig, GatewayError> {
        let pairs: Vec<(String, String)> = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        CoinbaseConfig::from_variables(&move |name| pairs.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone()))
    }

    #[test]
    fn queries_keep_to_their_share_unless_told_otherwise() {
        let config = from(&[]).unwrap();
        assert_eq!(config.query_requests_per_second + config.requests_per_second + EMERGENCY_REQUESTS_PER_SECOND, 30);
        assert_eq!(config.query_requests_per_second(0).query_requests_per_second, 1);
    }

    #[test]
    fn an_empty_environment_means_public_production() {
        let config = from(&[]).unwrap();
        assert!(config.key.is_none());
        assert_eq!(config.endpoints.rest.host(), "api.coinbase.com");
    }

    #[test]
    fn endpoints_can_be_overridden_and_bad_ones_are_named() {
        let config = from(&[("COINBASE_WS_URL", "wss://localhost:1234")]).unwrap();
        assert_eq!((config.endpoints.ws.host(), config.endpoints.ws.port()), ("localhost", 1234));
        let error = from(&[("COINBASE_REST_URL", "http://plain")]).unwrap_err().to_string();
        assert!(error.starts_with("COINBASE_REST_URL: "), "{error}");
    }

    #[test]
    fn the_exchange_feed_takes_a_url_and_a_key_of_three_parts() {
        let key = |name: &'static str| (name, "c2VjcmV0");
        let parts = ["COINBASE_EXCHANGE_API_KEY", "COINBASE_EXCHANGE_API_SECRET", "COINBASE_EXCHANGE_API_PASSPHRASE"];
        let config = from(&[("COINBASE_EXCHANGE_WS_URL", "wss://localhost:7")]).unwrap();
        assert_eq!((config.endpoints.exchange_ws.port(), config.market.exchange_key.is_some()), (7, false));
        assert!(from(&parts.map(key)).unwrap().market.exchange_key.is_some());
        let error = from(&[key(parts[0]), key(parts[2])]).unwrap_err().to_string();
        assert!(error.starts_with(parts[1]), "{error}");
        let error = from(&[(parts[0], "k"), (parts[1], "hunter2!"), (parts[2], "p")]).unwrap_err().to_string();
        assert!(error.contains("base64") && !error.contains("hunter2"), "{error}");
        assert!(parts.into_iter().all(is_credential) && !is_credential("COINBASE_EXCHANGE_WS_URL"));
    }

    #[test]
    fn the_legacy_scheme_is_chosen_by_name_only() {
        let pairs = [("COINBASE_API_KEY", "0123456789abcdef"), ("COINBASE_API_SECRET", "hunter2secret")];
        assert!(from(&pairs).is_err(), "a legacy key is no CDP key");
        let legacy = from(&[pairs[0], pairs[1], ("COINBASE_AUTH", "legacy")]).unwrap();
        assert!(matches!(legacy.key.as_deref(), Some(CoinbaseKey::Legacy(_))));
        assert!(!format!("{legacy:?}").contains("hunter2"));
        let other = from(&[pairs[0], pairs[1], ("COINBASE_AUTH", "basic")]).unwrap_err().to_string();
        assert!(other.starts_with("COINBASE_AUTH: "), "{other}");
    }

    #[test]
    fn half_a_key_and_a_broken_key_are_refused_without_showing_it() {
        let half = from(&[("COINBASE_API_KEY", "organizations/a/apiKeys/b")]).unwrap_err().to_string();
        assert!(half.contains("COINBASE_API_SECRET"), "{half}");
        let broken =
            from(&[("COINBASE_API_KEY", "organizations/a/apiKeys/b"), ("COINBASE_API_SECRET", "hunter2secret")]);
        let broken = broken.unwrap_err().to_string();
        assert!(broken.contains("COINBASE_API_SECRET") && !broken.contains("hunter2"), "{broken}");
    }
}
