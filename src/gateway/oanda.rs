//! OANDA as the builder takes it.

use super::checks;
use super::coinbase::dialled_to;
use super::error::GatewayError;
use super::queries::{ColdClient, OandaQueries, Pace};
use super::{Variables, USER_AGENT};
use crate::dialer::{ColdHandle, DialerSettings, Endpoint as DialledTo, EndpointKind, Wake};
use crate::engine::{Carrier, OandaOrders, OandaSetup, Slot};
use crate::journal::ColdAudit;
use crate::keeper::Clock;
use crate::record::Venue;
use crate::state::Account;
use crate::venue::oanda::auth::{AccessToken, AccountId};
use crate::venue::oanda::{limits, Environment, OandaEndpoints, OrderConfig, StreamConfig};
use rustls::ClientConfig;
use std::sync::Arc;

/// How OANDA is spoken to: where, as whom, and whether to trade. There is no public data: even prices need a token and an
/// account. Practice, which is play money, unless live is asked for by name.
#[derive(Debug, Clone)]
pub struct OandaConfig {
    endpoints: OandaEndpoints,
    account: AccountId,
    token: Arc<AccessToken>,
    /// Orders may be sent.
    pub(super) trades: bool,
    streams: StreamConfig,
    order_connections: usize,
    requests_per_second: usize,
    connections_per_second: u32,
    warm_every_ms: u64,
    reply_timeout_ms: u64,
}

/// Connections for new orders unless told otherwise.
const ORDER_CONNECTIONS: usize = 2;
/// Requests a second the engine may make, of the 120 the venue takes (OANDA reference 9). What neither it nor cold queries
/// nor an emergency has is left for whoever else uses this address.
const ENGINE_REQUESTS_PER_SECOND: usize = 84;
/// An idle connection is used this often: connections are known to be reset, and no time is documented (OANDA reference 1).
const WARM_EVERY_MS: u64 = 5_000;

/// Requests a second of cold queries, of the 120 the venue takes (OANDA reference 9).
const COLD_REQUESTS_PER_SECOND: usize = 12;
/// And of an emergency: it cancels order by order.
const EMERGENCY_REQUESTS_PER_SECOND: usize = 20;
/// The most that is left to the engine.
const ENGINE_REQUESTS_PER_SECOND_MAX: usize =
    limits::REQUESTS_PER_SECOND_MAX as usize - COLD_REQUESTS_PER_SECOND - EMERGENCY_REQUESTS_PER_SECOND;
const _: () = assert!(ENGINE_REQUESTS_PER_SECOND <= ENGINE_REQUESTS_PER_SECOND_MAX);
/// The variables of the environment that concern this venue.
pub(super) const VARIABLES: [&str; 5] =
    ["OANDA_API_TOKEN", "OANDA_ACCOUNT_ID", "OANDA_ENVIRONMENT", "OANDA_REST_URL", "OANDA_STREAM_URL"];

impl OandaConfig {
    /// An account of the practice environment, by its id and a personal access token.
    ///
    /// # Errors
    /// [`GatewayError::Setting`] if one of them cannot be used; the token's text never shows. Whether the account belongs to
    /// the environment is asked when the gateway starts.
    pub fn new(account_id: &str, token: &str) -> Result<OandaConfig, GatewayError> {
        Ok(OandaConfig {
            endpoints: OandaEndpoints::practice(),
            account: AccountId::new(account_id).map_err(|error| unusable("OANDA_ACCOUNT_ID", &error))?,
            token: Arc::new(AccessToken::new(token).map_err(|error| unusable("OANDA_API_TOKEN", &error))?),
            trades: true,
            streams: StreamConfig { user_agent: USER_AGENT.into(), ..StreamConfig::default() },
            order_connections: ORDER_CONNECTIONS,
            requests_per_second: ENGINE_REQUESTS_PER_SECOND,
            connections_per_second: limits::CONNECTIONS_PER_SECOND_MAX,
            warm_every_ms: WARM_EVERY_MS,
            reply_timeout_ms: limits::REPLY_MS_MAX,
        })
    }

    /// What the environment says: `OANDA_API_TOKEN` and `OANDA_ACCOUNT_ID`, both needed; `OANDA_ENVIRONMENT`, which is
    /// `practice` unless it says `live`; `OANDA_REST_URL` and `OANDA_STREAM_URL` for other hosts than the environment's.
    ///
    /// # Errors
    /// [`GatewayError::Setting`] names the variable and what is wrong with it; never its value if that is a secret.
    pub fn from_env() -> Result<OandaConfig, GatewayError> {
        Self::from_variables(&|name| std::env::var(name).ok())
    }

    pub(super) fn from_variables(get: Variables<'_>) -> Result<OandaConfig, GatewayError> {
        let present = |name| get(name).filter(|value| !value.is_empty());
        let needed = |setting| {
            present(setting).map(zeroize::Zeroizing::new).ok_or_else(|| GatewayError::Setting {
                setting,
                why: "not set: OANDA needs a token and an account, for prices too".to_owned(),
            })
        };
        let config = OandaConfig::new(&needed("OANDA_ACCOUNT_ID")?, &needed("OANDA_API_TOKEN")?)?;
        let environment = match present("OANDA_ENVIRONMENT") {
            None => Environment::default(),
            Some(name) => name.parse().map_err(|error| unusable("OANDA_ENVIRONMENT", &error))?,
        };
        let usual = match environment {
            Environment::Practice => OandaEndpoints::practice(),
            Environment::Live => OandaEndpoints::live(),
        };
        let url = |name, usual: &crate::venue::oanda::Endpoint| {
            present(name).unwrap_or_else(|| format!("https://{}", usual.authority()))
        };
        let (rest, stream) = (url("OANDA_REST_URL", &usual.rest), url("OANDA_STREAM_URL", &usual.stream));
        let endpoints = OandaEndpoints::parse(environment, &rest, &stream)
            .map_err(|error| unusable("OANDA_REST_URL or OANDA_STREAM_URL", &error))?;
        Ok(config.endpoints(endpoints))
    }

    /// Whether every number can work.
    pub(super) fn check_numbers(&self) -> Result<(), GatewayError> {
        checks::timeouts(&[
            ("oanda reply_timeout_ms", self.reply_timeout_ms),
            ("oanda streams.silence_ms_max", self.streams.silence_ms_max),
            ("oanda streams.first_price_ms_max", self.streams.first_price_ms_max),
        ])
    }

    /// Where to connect, and with that whether it is play money: [`OandaEndpoints::live`] is the deliberate choice.
    #[must_use]
    pub fn endpoints(self, endpoints: OandaEndpoints) -> OandaConfig {
        OandaConfig { endpoints, ..self }
    }

    /// Prices and queries only: no order can be sent, none is asked about, and nothing of the account can be changed. So it
    /// is on paper.
    #[must_use]
    pub fn market_data_only(self) -> OandaConfig {
        OandaConfig { trades: false, ..self }
    }

    /// Stream timing.
    #[must_use]
    pub fn streams(self, streams: StreamConfig) -> OandaConfig {
        OandaConfig { streams, ..self }
    }

    /// Connections for new orders, 1 to 16; two more are kept for cancels and for listings. Default 2. The venue lets two
    /// be opened in a second.
    #[must_use]
    pub fn order_connections(self, count: usize) -> OandaConfig {
        OandaConfig { order_connections: count.clamp(1, 16), ..self }
    }

    /// Requests a second the engine may make, 1 to 88. Default 84: the venue allows 120 to an address, of which 12 are for
    /// queries and 20 for an emergency.
    #[must_use]
    pub fn requests_per_second(self, requests: usize) -> OandaConfig {
        OandaConfig { requests_per_second: requests.clamp(1, ENGINE_REQUESTS_PER_SECOND_MAX), ..self }
    }

    /// Connections opened in a second, at least 1. Default 2, the venue's own limit: more is taken only with hosts that are
    /// not the venue's, such as a local venue without limits.
    #[must_use]
    pub fn connections_per_second(self, connections: u32) -> OandaConfig {
        OandaConfig { connections_per_second: connections.max(1), ..self }
    }

    /// How long a reply to an order may take before its outcome counts as unknown, ms. Default 10,000.
    #[must_use]
    pub fn reply_timeout_ms(self, timeout_ms: u64) -> OandaConfig {
        OandaConfig { reply_timeout_ms: timeout_ms, ..self }
    }

    /// How often an idle connection is used to keep it warm and the account's figures fresh, ms, at least 100. Default
    /// 5,000.
    #[must_use]
    pub fn warm_every_ms(self, every_ms: u64) -> OandaConfig {
        OandaConfig { warm_every_ms: every_ms.max(100), ..self }
    }
}

fn unusable(setting: &'static str, error: &dyn std::fmt::Display) -> GatewayError {
    GatewayError::Setting { setting, why: error.to_string() }
}

/// Its part in putting a gateway together.
impl OandaConfig {
    /// Before anything is asked: whether the account can be one of the environment, and the pace one of its hosts.
    ///
    /// # Errors
    /// [`GatewayError::Setting`]: the account belongs to the other environment, or the venue's own hosts would be dialled
    /// faster than they allow.
    pub(super) fn check_environment(&self) -> Result<(), GatewayError> {
        if self.connections_per_second > limits::CONNECTIONS_PER_SECOND_MAX && self.endpoints.any_is_the_venues() {
            let why = format!("OANDA rejects more than {} a second", limits::CONNECTIONS_PER_SECOND_MAX);
            return Err(GatewayError::Setting { setting: "connections_per_second", why });
        }
        self.account.check(self.endpoints.environment).map_err(|error| {
            let why = format!("{error}: set OANDA_ENVIRONMENT to the account's, or choose another account");
            GatewayError::Setting { setting: "OANDA_ACCOUNT_ID", why }
        })
    }

    /// What the engine needs to know.
    ///
    /// # Errors
    /// As [`check_environment`](Self::check_environment).
    pub(super) fn setup(&self) -> Result<OandaSetup, GatewayError> {
        self.check_environment()?;
        Ok(OandaSetup {
            stream: self.endpoints.stream.clone(),
            account: self.account,
            token: self.token.clone(),
            streams: self.streams.clone(),
            orders: self.trades.then(|| OandaOrders {
                rest: self.endpoints.rest.clone(),
                session: OrderConfig { user_agent: USER_AGENT.into(), reply_ms_max: self.reply_timeout_ms },
                warm_every_ms: self.warm_every_ms,
                order_connections: self.order_connections,
                requests_per_second: self.requests_per_second,
            }),
        })
    }

    /// Which account is traded with; `None` if none is.
    pub(super) fn account(&self) -> Option<Account> {
        let id = self.account.as_str();
        self.trades.then(|| Account::new(Venue::Oanda, self.endpoints.rest.authority(), id))
    }

    /// What a connection of the engine is dialled to.
    pub(super) fn dialled(&self, slot: &Slot) -> DialledTo {
        let at = match slot.carrier {
            Carrier::Stream => &self.endpoints.stream,
            Carrier::Rest | Carrier::Api | Carrier::Events => &self.endpoints.rest,
        };
        dialled_to(at, EndpointKind::Http)
    }

    /// How its connections are dialled: every one counts (OANDA reference 9).
    pub(super) fn dialer(&self, tls: Arc<ClientConfig>, wake: Wake) -> DialerSettings {
        DialerSettings::new(Venue::Oanda.name(), tls, self.connections_per_second, wake)
    }

    /// Its cold questions.
    pub(super) fn queries(&self, cold: ColdHandle, clock: Clock, timeout_ms: u64, audit: ColdAudit) -> OandaQueries {
        self.asking(cold, clock, COLD_REQUESTS_PER_SECOND, timeout_ms, audit)
    }

    /// What an emergency asks, over a lifeline and within the share set aside for it.
    pub(super) fn emergency(
        &self,
        lifeline: ColdHandle,
        clock: Clock,
        timeout_ms: u64,
        audit: ColdAudit,
    ) -> OandaQueries {
        self.asking(lifeline, clock, EMERGENCY_REQUESTS_PER_SECOND, timeout_ms, audit)
    }

    fn asking(
        &self,
        cold: ColdHandle,
        clock: Clock,
        per_second: usize,
        timeout_ms: u64,
        audit: ColdAudit,
    ) -> OandaQueries {
        let rest = dialled_to(&self.endpoints.rest, EndpointKind::Http);
        let pace = Pace::requests_per_second(per_second);
        let client = ColdClient::new(Venue::Oanda, cold, rest, clock, pace, timeout_ms, audit);
        OandaQueries::new(client, self.account, self.token.clone(), self.trades)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: (&str, &str) = ("OANDA_API_TOKEN", "hunter2-hunter2");
    const PRACTICE: (&str, &str) = ("OANDA_ACCOUNT_ID", "101-004-1234567-001");

    fn from(pairs: &[(&str, &str)]) -> Result<OandaConfig, GatewayError> {
        let pairs: Vec<(String, String)> = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        OandaConfig::from_variables(&move |name| pairs.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone()))
    }

    #[test]
    fn practice_is_the_default_and_live_is_asked_for_by_name() {
        let config = from(&[TOKEN, PRACTICE]).unwrap();
        assert_eq!(config.endpoints, OandaEndpoints::practice());
        assert!(config.setup().is_ok() && !format!("{config:?}").contains("hunter2"));
        let live = from(&[TOKEN, ("OANDA_ACCOUNT_ID", "001-004-1234567-001"), ("OANDA_ENVIRONMENT", "live")]).unwrap();
        assert_eq!(live.endpoints, OandaEndpoints::live());
        assert!(live.setup().is_ok());
    }

    #[test]
    fn all_shares_of_the_rate_together_stay_within_the_venues() {
        let engine = |config: &OandaConfig| config.setup().unwrap().orders.unwrap().requests_per_second;
        let config = from(&[TOKEN, PRACTICE]).unwrap();
        for share in [engine(&config), engine(&config.requests_per_second(usize::MAX))] {
            let all = share + COLD_REQUESTS_PER_SECOND + EMERGENCY_REQUESTS_PER_SECOND;
            assert!(all <= limits::REQUESTS_PER_SECOND_MAX as usize, "{share} and the others are {all}");
        }
    }

    #[test]
    fn an_account_of_the_other_environment_is_refused_by_name() {
        let error = from(&[TOKEN, PRACTICE, ("OANDA_ENVIRONMENT", "live")]).unwrap().setup().unwrap_err().to_string();
        assert!(error.starts_with("OANDA_ACCOUNT_ID: ") && error.contains("practice account"), "{error}");
        let live = from(&[TOKEN, ("OANDA_ACCOUNT_ID", "001-004-1234567-001")]).unwrap();
        assert!(live.setup().is_err(), "play money is no place for a live account");
        let hosts = from(&[TOKEN, PRACTICE, ("OANDA_REST_URL", "https://api-fxtrade.oanda.com")]);
        assert!(hosts.unwrap_err().to_string().contains("live environment"));
    }

    #[test]
    fn the_venues_own_hosts_are_never_dialled_faster_than_they_allow() {
        let config = from(&[TOKEN, PRACTICE]).unwrap();
        assert_eq!(config.connections_per_second, limits::CONNECTIONS_PER_SECOND_MAX);
        let error = config.clone().connections_per_second(3).setup().unwrap_err().to_string();
        assert!(error.starts_with("connections_per_second: ") && error.contains("more than 2 a second"), "{error}");
        assert!(config.connections_per_second(1).setup().is_ok());
        // One host of our own is not enough: the other is still the venue's.
        let stream = ("OANDA_STREAM_URL", "https://localhost:77");
        assert!(from(&[TOKEN, PRACTICE, stream]).unwrap().connections_per_second(3).setup().is_err());
        let local = from(&[TOKEN, PRACTICE, stream, ("OANDA_REST_URL", "https://localhost:78")]).unwrap();
        assert!(local.connections_per_second(50).setup().is_ok());
    }

    #[test]
    fn what_is_missing_or_broken_is_named_without_showing_secrets() {
        let missing = from(&[TOKEN]).unwrap_err().to_string();
        assert!(missing.starts_with("OANDA_ACCOUNT_ID: not set"), "{missing}");
        let missing = from(&[PRACTICE]).unwrap_err().to_string();
        assert!(missing.starts_with("OANDA_API_TOKEN: not set"), "{missing}");
        let broken = from(&[("OANDA_API_TOKEN", "hunter2 with spaces"), PRACTICE]).unwrap_err().to_string();
        assert!(broken.starts_with("OANDA_API_TOKEN: ") && !broken.contains("hunter2"), "{broken}");
        let unknown = from(&[TOKEN, PRACTICE, ("OANDA_ENVIRONMENT", "paper")]).unwrap_err().to_string();
        assert!(unknown.starts_with("OANDA_ENVIRONMENT: "), "{unknown}");
        let elsewhere = from(&[TOKEN, PRACTICE, ("OANDA_STREAM_URL", "https://localhost:77")]).unwrap();
        assert_eq!(elsewhere.endpoints.stream.port(), 77);
    }
}
