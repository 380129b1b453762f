//! One host we connect to: scheme, host, port and path, parsed from a URL.
//!
//! Owns the parsing that all venues share. Guarantees that an [`Endpoint`] that exists is encrypted and can stand in a
//! request head. Never resolves a name and never reads the environment.

/// One host we connect to, over TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: Box<str>,
    port: u16,
    path: Box<str>,
    authority: Box<str>,
}

/// Why a text is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// Credentials in a URL end up in logs; this one is not shown.
    #[error("a URL must not carry a user name or password")]
    UserInfo,
    /// Another scheme than the one this endpoint speaks; there is no unencrypted mode.
    #[error("`{url}` must begin with {scheme}://")]
    Scheme {
        /// What was given.
        url: String,
        /// What is needed.
        scheme: &'static str,
    },
    /// No host, or one with characters that no host has.
    #[error("`{0}` has no valid host")]
    Host(String),
    /// A port outside 1 to 65535.
    #[error("`{0}` has no valid port")]
    Port(String),
    /// A path with characters that would have to be percent-encoded.
    #[error("`{0}` has a path that is not visible ASCII, or a query or fragment")]
    Path(String),
    /// REST paths are fixed by the venue.
    #[error("`{0}` must not have a path: the REST paths are fixed")]
    UnwantedPath(String),
}

impl Endpoint {
    /// Parses `https://host[:port]`.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn https(url: &str) -> Result<Endpoint, EndpointError> {
        let endpoint = Self::parse(url, "https")?;
        if endpoint.path.as_ref() != "/" {
            return Err(EndpointError::UnwantedPath(url.into()));
        }
        Ok(endpoint)
    }

    /// Parses `wss://host[:port][/path]`.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn wss(url: &str) -> Result<Endpoint, EndpointError> {
        Self::parse(url, "wss")
    }

    /// The name for TLS and the resolver, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The path of the upgrade request; `/` for REST.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The `Host` header: with the port unless it is 443.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// A host of the program's own tables: port 443 unless it says another, no path. Not for what a user gives.
    pub(in crate::venue) fn known(url: &'static str, scheme: &'static str) -> Endpoint {
        Self::parse(url, scheme).unwrap_or_else(|_| {
            debug_assert!(false, "{url} is no endpoint");
            Endpoint { host: url.into(), port: HTTPS_PORT, path: "/".into(), authority: url.into() }
        })
    }

    fn parse(url: &str, scheme: &'static str) -> Result<Endpoint, EndpointError> {
        if url.contains('@') {
            return Err(EndpointError::UserInfo);
        }
        let rest = url
            .split_once("://")
            .filter(|(given, _)| given.eq_ignore_ascii_case(scheme))
            .map(|(_, rest)| rest)
            .ok_or_else(|| EndpointError::Scheme { url: url.into(), scheme })?;
        let (authority, path) = match rest.find('/').and_then(|at| rest.split_at_checked(at)) {
            Some((authority, path)) => (authority, path),
            None => (rest, "/"),
        };
        if !path.bytes().all(|b| b.is_ascii_graphic() && b != b'?' && b != b'#') {
            return Err(EndpointError::Path(url.into()));
        }
        let (host, port) = split_port(authority).ok_or_else(|| EndpointError::Port(url.into()))?;
        let name = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let valid = match name {
            Some(v6) => !v6.is_empty() && v6.bytes().all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.'),
            None => {
                !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
            }
        };
        if !valid {
            return Err(EndpointError::Host(url.into()));
        }
        let authority = if port == HTTPS_PORT { host.into() } else { format!("{host}:{port}").into() };
        Ok(Endpoint { host: name.unwrap_or(host).into(), port, path: path.into(), authority })
    }
}

const HTTPS_PORT: u16 = 443;

/// Host and port of an authority; `None` if there is a port that is none.
fn split_port(authority: &str) -> Option<(&str, u16)> {
    let end_of_v6 = authority.rfind(']').unwrap_or(0);
    match authority.rfind(':').filter(|colon| *colon > end_of_v6 || end_of_v6 == 0) {
        None => Some((authority, HTTPS_PORT)),
        Some(at) => {
            let (host, port) = authority.split_at_checked(at)?;
            let digits = port.strip_prefix(':')?;
            let port = if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok()? } else { 0 };
            (port != 0).then_some((host, port))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_password_in_a_url_is_refused_and_not_shown() {
        for url in ["https://user:hunter2@host", "ftp://user:hunter2@host"] {
            let error = Endpoint::https(url).unwrap_err();
            assert_eq!(error, EndpointError::UserInfo);
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn ports_and_paths_are_kept() {
        let e = Endpoint::wss("wss://127.0.0.1:9443/market").unwrap();
        assert_eq!((e.host(), e.port(), e.path(), e.authority()), ("127.0.0.1", 9443, "/market", "127.0.0.1:9443"));
        let v6 = Endpoint::https("https://[::1]:8443").unwrap();
        assert_eq!((v6.host(), v6.port(), v6.authority()), ("::1", 8443, "[::1]:8443"));
        assert_eq!(Endpoint::https("https://[::1]").unwrap().authority(), "[::1]");
    }

    #[test]
    fn what_is_unencrypted_or_malformed_is_refused_by_name() {
        assert!(matches!(Endpoint::https("http://a"), Err(EndpointError::Scheme { .. })));
        assert!(matches!(Endpoint::wss("ws://a"), Err(EndpointError::Scheme { .. })));
        assert!(matches!(Endpoint::https("https://"), Err(EndpointError::Host(_))));
        assert!(matches!(Endpoint::https("https://user@host"), Err(EndpointError::UserInfo)));
        for port in ["0", "65536", "+1", "", "x"] {
            assert!(matches!(Endpoint::https(&format!("https://h:{port}")), Err(EndpointError::Port(_))), "{port}");
        }
        assert!(matches!(Endpoint::wss("wss://h/a b"), Err(EndpointError::Path(_))));
        assert!(matches!(Endpoint::wss("wss://h/a?b"), Err(EndpointError::Path(_))));
        assert!(matches!(Endpoint::https("https://h/api"), Err(EndpointError::UnwantedPath(_))));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = Endpoint::wss(&format!("wss://{text}"));
            let _ = Endpoint::https(&text);
        }
    }
}
