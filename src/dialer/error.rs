//! Why there is no connection, by phase, in words a person can act on.

use std::fmt;
use std::io;

use thiserror::Error;

use super::Endpoint;
use crate::codec::websocket::HandshakeError;
use crate::link::{GaveUp, LinkError};

/// What an attempt was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Asking for addresses.
    Resolve,
    /// TCP.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The WebSocket upgrade.
    Upgrade,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Resolve => "resolving the name",
            Phase::Connect => "connecting",
            Phase::Tls => "the TLS handshake",
            Phase::Upgrade => "the websocket upgrade",
        })
    }
}

/// Why there is no connection.
#[derive(Debug, Error)]
#[error("{venue}: no connection to {host}:{port}: {reason}")]
pub struct DialError {
    /// Which venue.
    pub venue: Box<str>,
    /// Which host.
    pub host: Box<str>,
    /// Which port.
    pub port: u16,
    /// Why. Boxed: it is large and rare.
    pub reason: Box<DialReason>,
}

impl DialError {
    pub(super) fn new(venue: &str, endpoint: &Endpoint, reason: DialReason) -> Self {
        Self { venue: venue.into(), host: endpoint.host.as_str().into(), port: endpoint.port, reason: Box::new(reason) }
    }
}

/// The cause of a [`DialError`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DialReason {
    /// DNS does not know the name, or does not answer.
    #[error("the name does not resolve ({0}); check the host name and this machine's DNS")]
    Resolve(io::Error),
    /// The name has no address that fits.
    #[error("the name has no usable address{}", if *.local_bound { " of the local address's family; check the local address" } else { "; check the host name" })]
    NoAddress {
        /// A local address was asked for.
        local_bound: bool,
    },
    /// No address took the connection.
    #[error("none of {tried} addresses took the connection, the last said: {last}; check network, firewall and port")]
    Connect {
        /// How many were tried.
        tried: usize,
        /// What the last one said.
        last: io::Error,
    },
    /// The host cannot be in a certificate.
    #[error("the host is neither a DNS name nor an address")]
    BadHost,
    /// TLS failed.
    #[error("{0}")]
    Tls(LinkError),
    /// The peer ended the connection in the TLS handshake without a word.
    #[error(
        "the peer hung up in the TLS handshake; check host and port, and what stands between, a firewall or a proxy"
    )]
    HungUp,
    /// The upgrade was refused or is impossible.
    #[error("{0}")]
    Upgrade(HandshakeError),
    /// The connection was lost before the answer to the upgrade was complete.
    #[error("lost in the websocket upgrade: {0}")]
    UpgradeLost(LinkError),
    /// It took too long.
    #[error("timed out in {0}")]
    Timeout(Phase),
    /// We are shutting down.
    #[error("given up, shutting down")]
    Shutdown,
    /// This machine fails us.
    #[error("this machine refuses: {0}")]
    Local(io::Error),
    /// A defect of ours.
    #[error("the dialing thread panicked; please report it")]
    Panicked,
}

impl DialReason {
    pub(super) fn gave_up(gave_up: GaveUp, phase: Phase) -> Self {
        match gave_up {
            GaveUp::TimedOut => DialReason::Timeout(phase),
            GaveUp::Stopped => DialReason::Shutdown,
        }
    }

    /// For errors of a link: what gave up is told apart from what failed.
    pub(super) fn of_link(error: LinkError, phase: Phase, otherwise: impl FnOnce(LinkError) -> Self) -> Self {
        match error {
            LinkError::GaveUp(gave_up) => Self::gave_up(gave_up, phase),
            error => otherwise(error),
        }
    }
}
