//! Where to connect to.

use std::fmt;

/// What is spoken once TLS stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndpointKind {
    /// WebSocket: the dialer does the upgrade.
    WebSocket,
    /// HTTP/1.1: handed over without a byte sent.
    Http,
}

/// A venue's door. Paths can hold secrets (listen keys), so Debug and Display show host and port only.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// DNS name, or an address. The certificate must be for it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path and query of the upgrade, beginning with `/`; unused for HTTP.
    pub path: String,
    /// What is spoken.
    pub kind: EndpointKind,
}

impl Endpoint {
    /// The `Host` header: with the port where it is not 443.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == 443 {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({:?} {self})", self.kind)
    }
}
