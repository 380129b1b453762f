//! The key of the local Exchange feed and the check of a signature made with it (Coinbase reference 8).

use crate::sim::{KeyError, SECOND_NS};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use serde_json::Value;
use std::fmt;

/// A timestamp may be so far from the venue's clock, seconds.
const CLOCK_SKEW_S: u64 = 30;
/// Bytes of a made-up secret, as many as the venue's.
const SECRET_BYTES: usize = 64;

/// A key, its base64 secret and its passphrase. `Debug` shows none of them.
#[derive(Clone)]
pub struct ExchangeCredentials {
    key: String,
    secret: String,
    passphrase: String,
}

impl ExchangeCredentials {
    /// A fresh key of obviously made-up parts.
    ///
    /// # Errors
    /// [`KeyError`] if the system gives no randomness.
    pub fn generate() -> Result<ExchangeCredentials, KeyError> {
        let mut bytes = [0; SECRET_BYTES];
        SystemRandom::new().fill(&mut bytes).map_err(|_| KeyError::Provider)?;
        Ok(ExchangeCredentials::new("00000000000000000000000000000001", &STANDARD.encode(bytes), "local"))
    }

    /// A key of your own; tests bring a fixed throwaway one. The secret is base64.
    pub fn new(key: &str, secret: &str, passphrase: &str) -> ExchangeCredentials {
        ExchangeCredentials { key: key.to_owned(), secret: secret.to_owned(), passphrase: passphrase.to_owned() }
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The secret, base64.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The passphrase.
    pub fn passphrase(&self) -> &str {
        &self.passphrase
    }

    /// Whether a subscription is signed with this key, now.
    pub(super) fn verify(&self, message: &Value, now_ns: u64) -> Result<(), &'static str> {
        let field = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
        let timestamp = field("timestamp");
        // Decimals are allowed.
        let whole = timestamp.split('.').next().and_then(|whole| whole.parse::<u64>().ok());
        if whole.is_none_or(|at| at.abs_diff(now_ns / SECOND_NS) > CLOCK_SKEW_S) {
            return Err("request timestamp expired");
        }
        if field("key") != self.key || field("passphrase") != self.passphrase {
            return Err("invalid api key");
        }
        let secret = STANDARD.decode(&self.secret).map_err(|_| "invalid signature")?;
        let signature = STANDARD.decode(field("signature")).map_err(|_| "invalid signature")?;
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &secret);
        let signed = format!("{timestamp}GET/users/self/verify");
        aws_lc_rs::hmac::verify(&key, signed.as_bytes(), &signature).map_err(|_| "invalid signature")
    }
}

impl fmt::Debug for ExchangeCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExchangeCredentials(redacted)")
    }
}
