//! The legacy key scheme: an HMAC over each request (Coinbase reference 2a).
//!
//! **Retired by the venue in February 2025**: keys of this form have expired, and no new ones are issued. It is here for
//! whatever still speaks it (recordings, test doubles, private gateways), never as the default.
//!
//! Owns the signed text and its headers. A signature costs a clone of a keyed hash state and the hash of the request:
//! cheap enough for the hot thread, so that no token is pooled. Guarantees lower-case hexadecimal, keyed by the secret's
//! own ASCII, over the path without its query. Never reads a clock and never keeps the secret itself.

use crate::codec::hmac::{HmacKey, HmacKeyError, SIGNATURE_HEX_BYTES};
use core::fmt;

/// The header that names the key.
pub const KEY_HEADER: &str = "CB-ACCESS-KEY";
/// The header with the signature.
pub const SIGN_HEADER: &str = "CB-ACCESS-SIGN";
/// The header with the time, UNIX seconds.
pub const TIMESTAMP_HEADER: &str = "CB-ACCESS-TIMESTAMP";

/// Longest key id: the venue's had 16 characters.
const KEY_BYTES_MAX: usize = 128;

/// A legacy key.
pub struct LegacyKey {
    id: Box<str>,
    hmac: HmacKey,
}

/// Why two texts are no legacy key. Never says what the secret was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LegacyKeyError {
    /// Empty, too long, or with characters that cannot stand in a header or a JSON string.
    #[error("the legacy API key must be 1 to {KEY_BYTES_MAX} letters, digits, `-` or `_`")]
    BadKey,
    /// The secret cannot be used.
    #[error("{0}")]
    BadSecret(#[from] HmacKeyError),
}

impl LegacyKey {
    /// From the key and its secret, as they were issued.
    ///
    /// # Errors
    /// [`LegacyKeyError`].
    pub fn new(key: &str, secret: &str) -> Result<LegacyKey, LegacyKeyError> {
        let key = key.trim();
        let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if key.is_empty() || key.len() > KEY_BYTES_MAX || !plain {
            return Err(LegacyKeyError::BadKey);
        }
        Ok(LegacyKey { id: key.into(), hmac: HmacKey::from_bytes(secret.trim().as_bytes())? })
    }

    /// The key's id. Not secret, but it identifies the account.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Signs a REST request: `timestamp + METHOD + path + body`, the path without its query.
    pub fn sign_rest(&self, method: &str, path: &str, body: &[u8], now_s: u64) -> LegacySignature {
        let path = path.split_once('?').map_or(path, |(path, _query)| path);
        let timestamp = Seconds::new(now_s);
        self.sign(timestamp, &[timestamp.as_str().as_bytes(), method.as_bytes(), path.as_bytes(), body])
    }

    /// Signs a WebSocket subscription: `timestamp + channel + product ids joined by a comma`. `scratch` is used up.
    pub fn sign_ws<'p>(
        &self,
        channel: &str,
        products: impl IntoIterator<Item = &'p str>,
        now_s: u64,
        scratch: &mut Vec<u8>,
    ) -> LegacySignature {
        scratch.clear();
        for product in products {
            if !scratch.is_empty() {
                scratch.push(b',');
            }
            scratch.extend_from_slice(product.as_bytes());
        }
        let timestamp = Seconds::new(now_s);
        self.sign(timestamp, &[timestamp.as_str().as_bytes(), channel.as_bytes(), scratch])
    }

    fn sign(&self, timestamp: Seconds, parts: &[&[u8]]) -> LegacySignature {
        let mut hex = [0; SIGNATURE_HEX_BYTES];
        crate::codec::hex::write(&self.hmac.sign(parts), &mut hex);
        LegacySignature { timestamp, hex }
    }
}

impl fmt::Debug for LegacyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A signature and the time it was made for. Nothing in it is secret for long, and nothing of it is logged.
pub struct LegacySignature {
    timestamp: Seconds,
    hex: [u8; SIGNATURE_HEX_BYTES],
}

impl LegacySignature {
    /// UNIX seconds, as text.
    pub fn timestamp(&self) -> &str {
        self.timestamp.as_str()
    }

    /// The signature in lower-case hexadecimal.
    pub fn hex(&self) -> &str {
        core::str::from_utf8(&self.hex).unwrap_or_default()
    }
}

/// Decimal digits of a time, in place.
#[derive(Clone, Copy)]
struct Seconds {
    digits: [u8; 20],
    len: u8,
}

impl Seconds {
    fn new(seconds: u64) -> Seconds {
        let mut buffer = itoa::Buffer::new();
        let text = buffer.format(seconds).as_bytes();
        let mut digits = [0; 20];
        for (place, digit) in digits.iter_mut().zip(text) {
            *place = *digit;
        }
        Seconds { digits, len: text.len() as u8 }
    }

    fn as_str(&self) -> &str {
        self.digits.get(..usize::from(self.len)).and_then(|d| core::str::from_utf8(d).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::test_captures;

    const KEY: &str = "0123456789abcdef";
    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// Made with another implementation of HMAC-SHA256; the captures' vectors are among them.
    #[test]
    fn the_vectors_hold() {
        let key = LegacyKey::new(KEY, SECRET).unwrap();
        let signed = key.sign_rest("GET", "/api/v3/brokerage/accounts?limit=250", b"", 1_793_613_600);
        assert_eq!(signed.timestamp(), "1793613600");
        assert_eq!(signed.hex(), "3601364533af0cf34d51aeac28736560ffd7babae8dd4601512aad67e7f9a063");
        let signed = key.sign_ws("level2", ["BTC-USD", "ETH-USD"], 1_793_613_600, &mut Vec::new());
        assert_eq!(signed.hex(), "e1f5852b2bd998679e76e2309f37d8bb528f37e19e8e476ab4129be2f4215532");
        let body = br#"{"order_ids":["o-1"]}"#;
        let signed = key.sign_rest("POST", "/api/v3/brokerage/orders/batch_cancel", body, 1_793_613_600);
        assert_eq!(signed.hex(), "d787ef577ea9384c962a2bd90cf60e006778850cccf15deb8f90afb64d366ca4");
        let signed = key.sign_ws("user", [], 1_793_613_600, &mut Vec::new());
        assert_eq!(signed.hex(), "8b80b53b159ae29d6b70e930d79f46471e9a3eb3e89b4075a419692c24f77dac");

        let Some(vectors) = test_captures::json("coinbase/synthetic/hmac_vectors.json") else { return };
        let legacy = &vectors["legacy_advanced_retired"];
        assert_eq!(legacy["secret"], SECRET);
        assert_eq!(legacy["ws"]["prehash"], "1793613600level2BTC-USD,ETH-USD");
        for vector in legacy["rest"].as_array().unwrap() {
            let text = |name: &str| vector[name].as_str().unwrap();
            let at = text("timestamp").parse().unwrap();
            let signed = key.sign_rest(text("method"), text("path"), text("body").as_bytes(), at);
            assert_eq!(signed.hex(), text("cb_access_sign_hex"), "{vector}");
        }
    }

    #[test]
    fn a_key_that_cannot_be_sent_or_used_is_refused_and_none_is_shown() {
        assert_eq!(LegacyKey::new("a b", SECRET).unwrap_err(), LegacyKeyError::BadKey);
        assert_eq!(LegacyKey::new("", SECRET).unwrap_err(), LegacyKeyError::BadKey);
        assert!(matches!(LegacyKey::new(KEY, " ").unwrap_err(), LegacyKeyError::BadSecret(_)));
        let shown = format!("{:?}", LegacyKey::new(KEY, SECRET).unwrap());
        assert!(shown.contains(KEY) && !shown.contains(SECRET), "{shown}");
    }
}
