//! The HMAC signature of authenticated subscriptions (Coinbase reference 8).
//!
//! Owns a key of the Exchange: its name, passphrase and keyed hash state. Guarantees that neither secret shows in
//! `Debug`. Cheap enough for the hot thread (two hash blocks from a prepared state); the time is an argument.

use super::super::request::put_json_string;
use crate::codec::hmac::{HmacKey, HmacKeyError};
use crate::codec::secret::Secret;
use crate::record::UnixNanos;
use std::fmt;
use std::sync::Arc;

/// What is signed behind the timestamp: method and path of a request that is never made (Coinbase reference 8).
const VERIFIED: &[u8] = b"GET/users/self/verify";

/// An API key of Coinbase Exchange.
#[derive(Clone)]
pub struct ExchangeKey(Arc<Parts>);

struct Parts {
    key: Box<str>,
    passphrase: Secret<String>,
    hmac: HmacKey,
}

/// Why a key cannot be used. Never says what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeKeyError {
    /// The secret.
    #[error("{0}")]
    Secret(#[from] HmacKeyError),
    /// No key name.
    #[error("the key is empty")]
    NoKey,
    /// No passphrase: the Exchange asks for one with every key.
    #[error("the passphrase is empty")]
    NoPassphrase,
}

impl ExchangeKey {
    /// From the three texts the venue gives out; the secret is base64.
    ///
    /// # Errors
    /// [`ExchangeKeyError`].
    pub fn new(key: &str, secret: &str, passphrase: &str) -> Result<ExchangeKey, ExchangeKeyError> {
        let (key, passphrase) = (key.trim(), passphrase.trim());
        if key.is_empty() {
            return Err(ExchangeKeyError::NoKey);
        }
        if passphrase.is_empty() {
            return Err(ExchangeKeyError::NoPassphrase);
        }
        let hmac = HmacKey::from_base64(secret)?;
        Ok(ExchangeKey(Arc::new(Parts { key: key.into(), passphrase: Secret::from(passphrase), hmac })))
    }

    /// Appends `,"signature":…,"key":…,"passphrase":…,"timestamp":…` for a message sent now.
    pub(super) fn put_signature(&self, now: UnixNanos, text: &mut Vec<u8>) {
        let mut digits = itoa::Buffer::new();
        let timestamp = digits.format(now.0.checked_div(1_000_000_000).unwrap_or(0));
        text.extend_from_slice(b",\"signature\":\"");
        self.0.hmac.sign_base64_into(&[timestamp.as_bytes(), VERIFIED], text);
        text.extend_from_slice(b"\",\"key\":");
        put_json_string(text, &self.0.key);
        text.extend_from_slice(b",\"passphrase\":");
        put_json_string(text, self.0.passphrase.expose_secret());
        text.extend_from_slice(b",\"timestamp\":\"");
        text.extend_from_slice(timestamp.as_bytes());
        text.push(b'"');
    }
}

impl fmt::Debug for ExchangeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExchangeKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::test_captures;

    #[test]
    fn the_recorded_vector_is_met() {
        let Some(text) = test_captures::text("coinbase/synthetic/hmac_vectors.json") else { return };
        let vectors: serde_json::Value = serde_json::from_str(&text).unwrap();
        let exchange = &vectors["exchange"];
        let key = ExchangeKey::new("k", exchange["secret_base64"].as_str().unwrap(), "p").unwrap();
        let at = exchange["ws"]["timestamp"].as_str().unwrap().parse::<u64>().unwrap();
        let mut fields = b"{\"a\":0".to_vec();
        key.put_signature(UnixNanos(at * 1_000_000_000 + 123), &mut fields);
        fields.push(b'}');
        let fields: serde_json::Value = serde_json::from_slice(&fields).unwrap();
        assert_eq!(fields["signature"], exchange["ws"]["cb_access_sign_base64"]);
        assert_eq!(fields["timestamp"], exchange["ws"]["timestamp"]);
        assert_eq!((fields["key"].as_str(), fields["passphrase"].as_str()), (Some("k"), Some("p")));
    }

    #[test]
    fn a_key_without_its_parts_is_refused_and_never_shown() {
        assert_eq!(ExchangeKey::new(" ", "c2VjcmV0", "p").unwrap_err(), ExchangeKeyError::NoKey);
        assert_eq!(ExchangeKey::new("k", "c2VjcmV0", "").unwrap_err(), ExchangeKeyError::NoPassphrase);
        let wrong = ExchangeKey::new("k", "hunter2!", "p").unwrap_err();
        assert_eq!(wrong, ExchangeKeyError::Secret(HmacKeyError::NotBase64));
        let key = ExchangeKey::new("k", "c2VjcmV0", "hunter2").unwrap();
        assert!(!format!("{wrong} {key:?}").contains("hunter2"));
    }
}
