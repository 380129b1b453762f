//! Why a connection is of no use, in words a person can act on.

use std::io;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::CertificateError;
use thiserror::Error;

/// Why a connection is of no use. Hang up; what came before it is valid.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The socket failed.
    #[error("socket: {0}")]
    Io(#[from] io::Error),
    /// The peer, or somebody on the way, ended the TCP connection without TLS's goodbye: what came last may be cut.
    #[error("connection cut without a TLS close_notify ({partial_bytes} bytes of an incomplete record); what came last may be cut")]
    Truncated {
        /// Bytes of a record that never was whole.
        partial_bytes: usize,
    },
    /// The peer does not speak TLS.
    #[error("the peer does not speak TLS (it sent \"{shown}\"); check host and port")]
    NotTls {
        /// The first of it, escaped.
        shown: String,
    },
    /// TLS failed.
    #[error("TLS with {host}: {reason}")]
    Tls {
        /// The peer, as its certificate had to name it.
        host: Box<str>,
        /// Why.
        reason: TlsReason,
    },
    /// Nobody waits any longer (blocking use only).
    #[error(transparent)]
    GaveUp(#[from] GaveUp),
}

/// Why a blocking call did not wait any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum GaveUp {
    /// The deadline passed.
    #[error("timed out")]
    TimedOut,
    /// We are shutting down.
    #[error("shutting down")]
    Stopped,
}

/// Why TLS failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TlsReason {
    /// The certificate is too old.
    #[error("its certificate expired{}; if this machine's clock is right, the venue must renew it", ago(*.expired_for))]
    CertificateExpired {
        /// For how long, where known.
        expired_for: Option<Duration>,
    },
    /// The certificate is too young.
    #[error("its certificate is not valid yet; check this machine's clock")]
    CertificateNotYetValid,
    /// The certificate names somebody else.
    #[error("its certificate is for {presented}, not for this host; check the host name, or who answers for it")]
    WrongName {
        /// Whom it names.
        presented: String,
    },
    /// Nobody we trust vouches for the certificate.
    #[error(
        "its certificate comes from an authority that is not trusted; if that is intended, give the authority's PEM file"
    )]
    UnknownIssuer,
    /// The certificate was withdrawn.
    #[error("its certificate was revoked")]
    CertificateRevoked,
    /// The certificate is bad in another way.
    #[error("its certificate is not acceptable: {0}")]
    Certificate(String),
    /// The peer ended it with an alert.
    #[error("the peer refused with alert {0}; check host and port, and what stands between: it may share no TLS version or cipher with us")]
    Alert(String),
    /// No common version, cipher or protocol.
    #[error("no common ground: {0}")]
    Incompatible(String),
    /// The peer broke the protocol, or somebody changed bytes on the way.
    #[error("protocol error: {0}")]
    Protocol(String),
}

impl From<rustls::Error> for TlsReason {
    fn from(error: rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(bad) => certificate(bad),
            rustls::Error::AlertReceived(alert) => TlsReason::Alert(format!("{alert:?}")),
            rustls::Error::PeerIncompatible(_) | rustls::Error::NoApplicationProtocol => {
                TlsReason::Incompatible(error.to_string())
            }
            other => TlsReason::Protocol(other.to_string()),
        }
    }
}

fn certificate(bad: CertificateError) -> TlsReason {
    match bad {
        CertificateError::Expired => TlsReason::CertificateExpired { expired_for: None },
        CertificateError::ExpiredContext { time, not_after } => {
            TlsReason::CertificateExpired { expired_for: Some(between(not_after, time)) }
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            TlsReason::CertificateNotYetValid
        }
        CertificateError::NotValidForName => TlsReason::WrongName { presented: "somebody else".to_owned() },
        CertificateError::NotValidForNameContext { presented, .. } => TlsReason::WrongName {
            presented: if presented.is_empty() { "nobody".into() } else { presented.join(", ") },
        },
        CertificateError::UnknownIssuer => TlsReason::UnknownIssuer,
        CertificateError::Revoked => TlsReason::CertificateRevoked,
        other => TlsReason::Certificate(other.to_string()),
    }
}

fn between(earlier: UnixTime, later: UnixTime) -> Duration {
    Duration::from_secs(later.as_secs().saturating_sub(earlier.as_secs()))
}

fn ago(expired_for: Option<Duration>) -> String {
    expired_for.map(|expired| format!(" {} h ago", expired.as_secs() / 3600)).unwrap_or_default()
}
