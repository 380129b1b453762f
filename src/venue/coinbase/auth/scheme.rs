//! The two schemes behind one key: tokens of a CDP key (the only one the venue still takes), or legacy HMAC signatures.
//!
//! Owns the headers of cold requests, and the form in which either scheme's WebSocket credential travels as one text.

use super::legacy::{KEY_HEADER, SIGN_HEADER, TIMESTAMP_HEADER};
use super::{CdpKey, LegacyKey, NONCE_BYTES};
use crate::codec::jwt::MintError;
use crate::venue::coinbase::request::put_json_string;
use std::sync::Arc;
use zeroize::Zeroizing;

/// How requests are signed.
#[derive(Debug)]
pub enum CoinbaseKey {
    /// A CDP key: a token per request.
    Cdp(CdpKey),
    /// A legacy key: a signature per request. Retired by the venue in February 2025.
    Legacy(Arc<LegacyKey>),
}

/// A header's name and value, wiped when dropped.
pub type AuthHeader = (&'static str, Zeroizing<String>);

impl CoinbaseKey {
    /// The headers that authorise one cold request. `path` may have a query; it is not signed.
    ///
    /// # Errors
    /// [`MintError`].
    pub fn rest_headers(
        &self,
        method: &str,
        host: &str,
        path: &str,
        body: &[u8],
        now_s: u64,
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Vec<AuthHeader>, MintError> {
        match self {
            CoinbaseKey::Cdp(key) => {
                let token = Zeroizing::new(key.mint_rest(method, host, path, now_s, nonce)?);
                Ok(vec![("Authorization", Zeroizing::new(format!("Bearer {}", *token)))])
            }
            CoinbaseKey::Legacy(key) => {
                let signed = key.sign_rest(method, path, body, now_s);
                let header = |name, value: &str| (name, Zeroizing::new(value.to_owned()));
                Ok(vec![
                    header(KEY_HEADER, key.id()),
                    header(SIGN_HEADER, signed.hex()),
                    header(TIMESTAMP_HEADER, signed.timestamp()),
                ])
            }
        }
    }

    /// The credential of one subscription to `channel` without products, as one text for [`put_ws_members`].
    ///
    /// # Errors
    /// [`MintError`].
    pub fn ws_credential(&self, channel: &str, now_s: u64, nonce: [u8; NONCE_BYTES]) -> Result<Box<str>, MintError> {
        match self {
            CoinbaseKey::Cdp(key) => key.mint_ws(now_s, nonce),
            CoinbaseKey::Legacy(key) => {
                let signed = key.sign_ws(channel, [], now_s, &mut Vec::new());
                Ok([key.id(), signed.timestamp(), signed.hex()].join(" ").into())
            }
        }
    }
}

/// Appends the members that authorise a subscription: `,"jwt":"…"`, or for a legacy credential (three words, which no
/// token is) `,"api_key":"…","timestamp":"…","signature":"…"` (Coinbase reference 2a, 2d).
pub fn put_ws_members(out: &mut Vec<u8>, credential: &str) {
    let mut words = credential.split(' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(key), Some(timestamp), Some(signature), None) => {
            for (name, value) in [("api_key", key), ("timestamp", timestamp), ("signature", signature)] {
                out.push(b',');
                put_json_string(out, name);
                out.push(b':');
                put_json_string(out, value);
            }
        }
        _ => {
            out.extend_from_slice(b",\"jwt\":");
            put_json_string(out, credential);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u64 = 1_793_613_600;

    fn legacy() -> CoinbaseKey {
        let key = LegacyKey::new("0123456789abcdef", "0123456789abcdef0123456789abcdef").unwrap();
        CoinbaseKey::Legacy(Arc::new(key))
    }

    #[test]
    fn a_legacy_request_carries_key_signature_and_time() {
        let headers = legacy()
            .rest_headers("GET", "api.coinbase.com", "/api/v3/brokerage/accounts?limit=1", b"", NOW_S, [0; NONCE_BYTES])
            .unwrap();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(
            headers,
            [
                ("CB-ACCESS-KEY", "0123456789abcdef"),
                ("CB-ACCESS-SIGN", "3601364533af0cf34d51aeac28736560ffd7babae8dd4601512aad67e7f9a063"),
                ("CB-ACCESS-TIMESTAMP", "1793613600"),
            ]
        );
    }

    #[test]
    fn either_credential_becomes_its_own_members() {
        let text = |credential: &str| {
            let mut out = Vec::new();
            put_ws_members(&mut out, credential);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text("a.b.c"), r#","jwt":"a.b.c""#);
        let credential = legacy().ws_credential("user", NOW_S, [0; NONCE_BYTES]).unwrap();
        assert_eq!(
            text(&credential),
            r#","api_key":"0123456789abcdef","timestamp":"1793613600","signature":"8b80b53b159ae29d6b70e930d79f46471e9a3eb3e89b4075a419692c24f77dac""#
        );
    }
}
