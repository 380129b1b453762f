//! What the front door can answer instead of success. Every error names the venue where there is one, the cause, and what
//! the caller can do.

use crate::record::{RejectClass, Venue};
use crate::state::StateError;

/// Why the gateway cannot be built, or a control call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// No venue was configured.
    #[error("no venue configured: call `.coinbase(..)`, `.binance_us(..)` or `.oanda(..)` on the builder")]
    NoVenue,
    /// Credentials without limits.
    #[error(
        "{0}: credentials are set but no limits: call `.limits(..)`, or `.without_limits()` if that is what you want"
    )]
    NoLimits(Venue),
    /// A setting is unusable.
    #[error("{setting}: {why}")]
    Setting {
        /// Which setting or environment variable.
        setting: &'static str,
        /// What is wrong with it and what to do.
        why: String,
    },
    /// The key may not do what order entry needs.
    #[error("{venue}: the API key may not {missing}: give it the permission `{missing}` at the venue, or leave the credentials out for public market data")]
    KeyPermission {
        /// The venue.
        venue: Venue,
        /// What it may not do: `view` or `trade`.
        missing: &'static str,
    },
    /// The venue does not know the key, or not from here.
    #[error("{venue}: the API key is refused (HTTP {status}: {excerpt}): check key, secret, IP allowlist and this machine's clock")]
    KeyRefused {
        /// The venue.
        venue: Venue,
        /// The HTTP status.
        status: u16,
        /// What the venue said.
        excerpt: String,
    },
    /// This machine's clock is too far off for signed requests.
    #[error("{venue}: this machine's clock is {offset_ms} ms off the venue's (most allowed: {max_ms} ms): synchronise it, signed requests would be refused")]
    ClockSkew {
        /// The venue.
        venue: Venue,
        /// The venue's clock less ours, ms.
        offset_ms: i64,
        /// Most it may be, ms.
        max_ms: u64,
    },
    /// The lock or the session epoch cannot be had.
    #[error(transparent)]
    State(#[from] StateError),
    /// Nothing is known of earlier sessions, but their orders are open.
    #[error("{venue}: {open} open orders look like an earlier run's ({example}), but the state directory {directory} knows of none: restore it, cancel them at the venue, or call `.order_id_prefix(..)` if they are another program's")]
    StateMissing {
        /// The venue.
        venue: Venue,
        /// How many are open.
        open: usize,
        /// The client order id of one.
        example: String,
        /// Where state is kept.
        directory: String,
    },
    /// Nothing is known of earlier sessions, and the venue cannot be asked whether their orders are open.
    #[error("{venue}: the state directory knows of no earlier run, and the venue cannot be asked for open orders ({cause}): start again when it can")]
    StateUnproven {
        /// The venue.
        venue: Venue,
        /// Why it cannot be asked.
        cause: String,
    },
    /// A number that no strategy of the gateway has.
    #[error("strategy {number}: none of this gateway has that number: take it from the strategy's `id()`")]
    NoSuchStrategy {
        /// The number.
        number: u8,
    },
    /// The instrument is not listed at the venue.
    #[error("{venue}: no instrument `{symbol}`: check the spelling against the venue's product list")]
    UnknownInstrument {
        /// The venue.
        venue: Venue,
        /// The name asked for.
        symbol: String,
    },
    /// The venue was not configured in this gateway.
    #[error("{0}: not configured in this gateway")]
    VenueNotConfigured(Venue),
    /// The venue does not trade on paper.
    #[error("{0}: does not trade on paper in this gateway: call `.paper(..)` on the builder")]
    NotOnPaper(Venue),
    /// A cold query failed.
    #[error(transparent)]
    Query(#[from] ExchangeError),
    /// All 64 strategy places are taken.
    #[error("64 strategies are running: drop one first")]
    TooManyStrategies,
    /// The reactor has ended.
    #[error("the reactor has stopped: build a new gateway")]
    Stopped,
    /// A thread could not be started, or the poller not be made.
    #[error("cannot start: {0}")]
    System(String),
    /// The end of the audit log could not be written.
    #[error("the audit log ends incomplete, its last {missing} entries are missing ({why}): look at the disk, and at the venue for what was open")]
    AuditIncomplete {
        /// Entries that are not in it.
        missing: u64,
        /// Why.
        why: String,
    },
    /// Shutdown ran out of time.
    #[error("shutdown timed out after {timeout_ms} ms with {open_orders} of our orders not confirmed cancelled: check them at the venue")]
    ShutdownTimeout {
        /// The time given, ms.
        timeout_ms: u64,
        /// Orders whose cancel was not confirmed.
        open_orders: usize,
    },
}

/// Why an exchange operation did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// Not connected; nothing was sent.
    #[error("{venue}: not connected ({why}); nothing was sent: call `connect` and try again")]
    NotConnected {
        /// The venue.
        venue: Venue,
        /// What is missing.
        why: String,
    },
    /// The venue, or a check of ours, refused.
    #[error("{venue}: {operation} refused ({class:?}{}{code})", if code.is_empty() { "" } else { ": " })]
    Rejected {
        /// The venue.
        venue: Venue,
        /// What was tried.
        operation: &'static str,
        /// Why, in our vocabulary.
        class: RejectClass,
        /// Why, in the venue's words.
        code: String,
    },
    /// The outcome of an order is unknown, and stayed so for the configured time.
    #[error(
        "{venue}: the outcome of {operation} {client_order_id} is unknown ({code}): do not resend, query its status"
    )]
    OutcomeUnknown {
        /// The venue.
        venue: Venue,
        /// What was tried.
        operation: &'static str,
        /// Our id of the order.
        client_order_id: String,
        /// What was seen.
        code: String,
    },
    /// The operation took longer than its configured time.
    #[error("{venue}: {operation} timed out after {timeout_ms} ms")]
    Timeout {
        /// The venue.
        venue: Venue,
        /// What was tried.
        operation: &'static str,
        /// The time given, ms.
        timeout_ms: u64,
        /// Whether it may have happened all the same.
        ambiguous: bool,
    },
    /// Nothing was sent: our share of the venue's rate limit is used up, or the venue wants nothing for a while, and the
    /// configured time does not reach so far.
    #[error("{venue}: {operation} was not sent: the rate limit lets it go in {retry_in_ms} ms, try again then")]
    Throttled {
        /// The venue.
        venue: Venue,
        /// What was tried.
        operation: &'static str,
        /// When to try again, ms from now.
        retry_in_ms: u64,
    },
    /// The venue answered with an error.
    #[error("{venue}: {operation} failed with HTTP {status}: {excerpt}")]
    Http {
        /// The venue.
        venue: Venue,
        /// What was tried.
        operation: &'static str,
        /// The HTTP status.
        status: u16,
        /// The beginning of the body, one line.
        excerpt: String,
    },
    /// The connection failed.
    #[error("{venue}: {operation}: {cause}")]
    Transport {
        /// The venue.
        venue: Venue,
        /// What was tried.
        operation: &'static str,
        /// What happened.
        cause: String,
        /// Whether the request may have reached the venue.
        ambiguous: bool,
    },
    /// The venue's answer could not be read.
    #[error("{venue}: the answer to {operation} could not be read: {cause}")]
    Unreadable {
        /// The venue.
        venue: Venue,
        /// What was tried.
        operation: &'static str,
        /// What was wrong with it.
        cause: String,
    },
    /// The caller's argument is unusable; nothing was sent.
    #[error("{argument}: {why}")]
    InvalidArgument {
        /// Which argument.
        argument: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// No credentials were configured.
    #[error("{0}: {1} needs credentials: set {names}, or configure them in code", names = credentials_of(*.0))]
    NoCredentials(Venue, &'static str),
    /// The venue does not offer it, or this version does not.
    #[error("{0}: {1} is not supported")]
    Unsupported(Venue, &'static str),
    /// The gateway has ended.
    #[error("the gateway has stopped: build a new one")]
    Stopped,
}

/// The variables of the environment that hold a venue's credentials.
const fn credentials_of(venue: Venue) -> &'static str {
    match venue {
        Venue::Coinbase => "COINBASE_API_KEY and COINBASE_API_SECRET",
        Venue::BinanceUs => "BINANCE_US_API_KEY and BINANCE_US_API_SECRET",
        Venue::Oanda => "OANDA_API_TOKEN and OANDA_ACCOUNT_ID",
    }
}

impl ExchangeError {
    /// Whether trying the same again later may succeed and can do no harm.
    pub fn is_retryable(&self) -> bool {
        match self {
            ExchangeError::NotConnected { .. } | ExchangeError::Throttled { .. } => true,
            ExchangeError::Rejected { class, .. } => {
                matches!(class, RejectClass::Busy | RejectClass::RateLimited | RejectClass::NotConnected)
            }
            ExchangeError::Timeout { ambiguous, .. } | ExchangeError::Transport { ambiguous, .. } => !ambiguous,
            ExchangeError::Http { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }

    /// Whether the operation may have taken effect although no success was reported: query before acting again.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            ExchangeError::OutcomeUnknown { .. } => true,
            ExchangeError::Timeout { ambiguous, .. } | ExchangeError::Transport { ambiguous, .. } => *ambiguous,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_outcome_is_ambiguous_and_never_retryable() {
        let unknown = ExchangeError::OutcomeUnknown {
            venue: Venue::Coinbase,
            operation: "place",
            client_order_id: "xc-1".into(),
            code: "http 502".into(),
        };
        assert!(unknown.is_ambiguous() && !unknown.is_retryable());
        assert!(unknown.to_string().contains("coinbase") && unknown.to_string().contains("do not resend"));
    }

    #[test]
    fn a_lost_answer_may_not_be_retried_but_a_failed_dial_may() {
        let lost = |ambiguous| ExchangeError::Transport {
            venue: Venue::Coinbase,
            operation: "cancel",
            cause: "connection reset".into(),
            ambiguous,
        };
        assert!(lost(true).is_ambiguous() && !lost(true).is_retryable());
        assert!(!lost(false).is_ambiguous() && lost(false).is_retryable());
    }

    #[test]
    fn a_refusal_names_venue_cause_and_code() {
        let refused = ExchangeError::Rejected {
            venue: Venue::Coinbase,
            operation: "place",
            class: RejectClass::InsufficientFunds,
            code: "INSUFFICIENT_FUND".into(),
        };
        assert_eq!(refused.to_string(), "coinbase: place refused (InsufficientFunds: INSUFFICIENT_FUND)");
    }
}
