//! Where the venue is: two environments that share nothing, each with a host for REST and one for the streams.
//!
//! Owns the hosts of OANDA reference 1. Guarantees that practice is the default, that live is reached only by saying so,
//! and that URLs of one environment are not taken for the other. Never reads the environment variables.

use crate::venue::endpoint::{Endpoint, EndpointError};

/// Play money or real money: separate hosts, tokens and accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Environment {
    /// Play money.
    #[default]
    Practice,
    /// Real money.
    Live,
}

impl Environment {
    /// `practice` or `live`.
    pub const fn name(self) -> &'static str {
        match self {
            Environment::Practice => "practice",
            Environment::Live => "live",
        }
    }

    const fn hosts(self) -> (&'static str, &'static str) {
        match self {
            Environment::Practice => ("https://api-fxpractice.oanda.com", "https://stream-fxpractice.oanda.com"),
            Environment::Live => ("https://api-fxtrade.oanda.com", "https://stream-fxtrade.oanda.com"),
        }
    }

    const fn other(self) -> Environment {
        match self {
            Environment::Practice => Environment::Live,
            Environment::Live => Environment::Practice,
        }
    }
}

impl std::fmt::Display for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Environment {
    type Err = EndpointsError;

    fn from_str(text: &str) -> Result<Environment, EndpointsError> {
        match text {
            "practice" => Ok(Environment::Practice),
            "live" => Ok(Environment::Live),
            other => Err(EndpointsError::UnknownEnvironment(other.into())),
        }
    }
}

/// Why there are no endpoints.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointsError {
    /// Neither name.
    #[error("unknown OANDA environment `{0}`: it is practice or live")]
    UnknownEnvironment(Box<str>),
    /// Not a URL we can use.
    #[error("{0}")]
    Url(#[from] EndpointError),
    /// A host of the environment that was not chosen.
    #[error("OANDA host {host} belongs to the {belongs} environment, but {chosen} was chosen")]
    OtherEnvironment {
        /// The host.
        host: Box<str>,
        /// Whose it is.
        belongs: Environment,
        /// What was chosen.
        chosen: Environment,
    },
}

/// Where OANDA v20 is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OandaEndpoints {
    /// Which environment the token and the account must be of.
    pub environment: Environment,
    /// REST; the paths are fixed.
    pub rest: Endpoint,
    /// Both streams; the paths are fixed.
    pub stream: Endpoint,
}

impl OandaEndpoints {
    /// The hosts with play money; also the default.
    pub fn practice() -> OandaEndpoints {
        Self::of(Environment::Practice)
    }

    /// The hosts with real money: nothing but this call, or [`OandaEndpoints::parse`] with [`Environment::Live`], leads
    /// there.
    pub fn live() -> OandaEndpoints {
        Self::of(Environment::Live)
    }

    /// Parses two URLs (`https://host[:port]`), such as those of a local venue.
    ///
    /// # Errors
    /// [`EndpointsError`]; also for a host of the other environment.
    pub fn parse(environment: Environment, rest: &str, stream: &str) -> Result<OandaEndpoints, EndpointsError> {
        let endpoints = OandaEndpoints { environment, rest: Endpoint::https(rest)?, stream: Endpoint::https(stream)? };
        let others = Self::of(environment.other());
        for endpoint in [&endpoints.rest, &endpoints.stream] {
            if [others.rest.host(), others.stream.host()].iter().any(|host| endpoint.host().eq_ignore_ascii_case(host))
            {
                return Err(EndpointsError::OtherEnvironment {
                    host: endpoint.host().into(),
                    belongs: environment.other(),
                    chosen: environment,
                });
            }
        }
        Ok(endpoints)
    }

    /// Whether one of them is the venue's own.
    #[must_use]
    pub fn any_is_the_venues(&self) -> bool {
        let own = Self::of(self.environment);
        let is_own = |endpoint: &Endpoint| {
            [own.rest.host(), own.stream.host()].iter().any(|host| endpoint.host().eq_ignore_ascii_case(host))
        };
        is_own(&self.rest) || is_own(&self.stream)
    }

    fn of(environment: Environment) -> OandaEndpoints {
        let (rest, stream) = environment.hosts();
        let known = |url| Endpoint::known(url, "https");
        OandaEndpoints { environment, rest: known(rest), stream: known(stream) }
    }
}

impl Default for OandaEndpoints {
    /// Practice.
    fn default() -> Self {
        Self::practice()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn practice_is_what_you_get_and_live_is_what_you_ask_for() {
        let (practice, live) = (OandaEndpoints::default(), OandaEndpoints::live());
        assert_eq!(practice.environment, Environment::Practice);
        assert_eq!(practice.rest.host(), "api-fxpractice.oanda.com");
        assert_eq!(practice.stream.authority(), "stream-fxpractice.oanda.com");
        assert_eq!((live.rest.host(), live.stream.host()), ("api-fxtrade.oanda.com", "stream-fxtrade.oanda.com"));
        assert_eq!("live".parse(), Ok(Environment::Live));
        assert!("Live ".parse::<Environment>().is_err());
    }

    #[test]
    fn a_live_host_is_refused_while_practice_is_chosen_and_the_reverse() {
        let parse = OandaEndpoints::parse;
        let local = "https://127.0.0.1:9443";
        assert!(parse(Environment::Practice, local, local).is_ok());
        for (chosen, host) in [
            (Environment::Practice, "https://api-fxtrade.oanda.com"),
            (Environment::Practice, "https://STREAM-fxtrade.oanda.com:443"),
            (Environment::Live, "https://api-fxpractice.oanda.com"),
        ] {
            for (rest, stream) in [(host, local), (local, host)] {
                assert!(
                    matches!(parse(chosen, rest, stream), Err(EndpointsError::OtherEnvironment { .. })),
                    "{chosen} {host}"
                );
            }
        }
        assert!(matches!(parse(Environment::Practice, "http://h", local), Err(EndpointsError::Url(_))));
    }
}
