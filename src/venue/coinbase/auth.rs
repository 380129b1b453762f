//! Coinbase authentication: CDP keys and the tokens made with them.
//!
//! Owns the claims of Coinbase reference 2b and 2d. Guarantees that a token says exactly what the caller named, for 120
//! seconds from the time given. Never reads a clock or a random source (time and nonce are arguments), and never runs on
//! the hot thread: a token costs 7 to 13 us.

use crate::codec::jwt::{plain_json_text, KeyError, MintError, SigningKey};
use core::fmt;
use zeroize::Zeroizing;

mod key_file;
mod legacy;
mod scheme;

pub use legacy::{LegacyKey, LegacyKeyError, LegacySignature, KEY_HEADER, SIGN_HEADER, TIMESTAMP_HEADER};
pub use scheme::{put_ws_members, AuthHeader, CoinbaseKey};

/// Life of a token in seconds: the venue's maximum (Coinbase reference 2b).
pub const TOKEN_LIFE_S: u64 = 120;

/// Bytes of a token's nonce, sent as twice as many hexadecimal digits.
pub const NONCE_BYTES: usize = 16;

/// Longest key name in bytes: `organizations/{uuid}/apiKeys/{uuid}` has 95.
const NAME_BYTES_MAX: usize = 256;

/// A CDP API key: its name and the key that signs for it.
pub struct CdpKey {
    name: Box<str>,
    key: SigningKey,
}

impl CdpKey {
    /// From a name (`organizations/{uuid}/apiKeys/{uuid}`, or the bare uuid of newer downloads) and the text of the
    /// private key, each in any form that environment files give them ([`SigningKey::from_text`]).
    pub fn new(name: &str, key_text: &str) -> Result<Self, KeyError> {
        let name = name.trim().trim_matches(['"', '\'']).trim();
        if name.is_empty() || name.len() > NAME_BYTES_MAX || plain_json_text("name", name).is_err() {
            return Err(KeyError::BadName);
        }
        Ok(Self { name: name.into(), key: SigningKey::from_text(key_text)? })
    }

    /// From the JSON key file that the portal offers: `{"name":…,"privateKey":…}`, or `id` in place of `name`
    /// (Coinbase reference 2c).
    pub fn from_key_file(json: &str) -> Result<Self, KeyError> {
        let file = key_file::read(json)?;
        Self::new(&file.name, &file.private_key)
    }

    /// The key's name. Not secret, but it identifies the account.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key itself.
    #[must_use]
    pub fn signing_key(&self) -> &SigningKey {
        &self.key
    }

    /// A token for one REST request: `method` in upper case, `host` without scheme, `path` with its
    /// `/api/v3/brokerage` prefix. A query behind the path is left out, as the venue demands (Coinbase reference 2b), so
    /// one token serves any query.
    pub fn mint_rest(
        &self,
        method: &str,
        host: &str,
        path: &str,
        now_s: u64,
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Box<str>, MintError> {
        let path = path.split_once('?').map_or(path, |(path, _query)| path);
        for (field, text) in [("method", method), ("host", host), ("path", path)] {
            plain_json_text(field, text)?;
        }
        self.mint(&[r#","uri":""#, method, " ", host, path, r#""}"#], now_s, nonce)
    }

    /// A token for WebSocket subscriptions: the same without a request in it (Coinbase reference 2d).
    pub fn mint_ws(&self, now_s: u64, nonce: [u8; NONCE_BYTES]) -> Result<Box<str>, MintError> {
        self.mint(&["}"], now_s, nonce)
    }

    fn mint(&self, ending: &[&str], now_s: u64, nonce: [u8; NONCE_BYTES]) -> Result<Box<str>, MintError> {
        let mut digits = [0; NONCE_BYTES * 2];
        let nonce = hex(nonce, &mut digits);
        let header = [
            r#"{"alg":""#,
            self.key.algorithm().name(),
            r#"","kid":""#,
            &self.name,
            r#"","nonce":""#,
            nonce,
            r#"","typ":"JWT"}"#,
        ];
        let (mut from, mut until) = (itoa::Buffer::new(), itoa::Buffer::new());
        let mut claims = arrayvec::ArrayVec::<&str, CLAIMS_PARTS_MAX>::new();
        claims.extend([
            r#"{"sub":""#,
            &self.name,
            r#"","iss":"cdp","nbf":"#,
            from.format(now_s),
            r#","exp":"#,
            until.format(now_s.saturating_add(TOKEN_LIFE_S)),
        ]);
        claims.extend(ending.iter().copied().take(CLAIMS_PARTS_MAX.saturating_sub(claims.len())));
        self.key.mint(&header, &claims)
    }
}

impl fmt::Debug for CdpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CdpKey").field("name", &self.name).field("key", &self.key).finish()
    }
}

/// Six parts of all claims and six of a `uri`.
const CLAIMS_PARTS_MAX: usize = 12;

/// What a key file holds.
struct KeyFile {
    name: Zeroizing<String>,
    private_key: Zeroizing<String>,
}

fn hex(bytes: [u8; NONCE_BYTES], digits: &mut [u8; NONCE_BYTES * 2]) -> &str {
    let digit = |nibble: u8| nibble.wrapping_add(if nibble < 10 { b'0' } else { b'a'.wrapping_sub(10) });
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        if let [high, low] = pair {
            *high = digit(byte >> 4);
            *low = digit(byte & 0x0f);
        }
    }
    core::str::from_utf8(digits).unwrap_or_default()
}

#[cfg(test)]
#[path = "auth/tests.rs"]
mod tests;
