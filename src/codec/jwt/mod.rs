//! JSON web tokens: compact, signed with ES256 or EdDSA.
//!
//! Owns the signing key and the assembly of a token around caller-made JSON. Guarantees that key material, in whatever
//! form it arrived, is wiped after use, that errors never repeat any of it, and that a token is built in one allocation
//! of its final size. Never reads a clock; never verifies tokens. An ES256 signature uses randomness inside the
//! cryptographic library and so differs from call to call: nothing may depend on a token's bytes. Costs 7 to 13 us, so
//! it is never called on the hot thread.

mod key;

pub use key::{Algorithm, KeyError, SigningKey};

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine as _;

/// Bytes of a signature, for both algorithms.
pub const SIGNATURE_BYTES: usize = 64;

/// Longest header or claims taken, in bytes: several times what any venue's needs, and little enough to add up.
pub const JSON_BYTES_MAX: usize = 4096;

/// Bytes encoded at a time: a multiple of three, so that blocks join without padding.
const BLOCK_BYTES: usize = 48;
/// Characters of an encoded block.
const BLOCK_CHARS: usize = 64;

/// Why a token could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// Header or claims too long.
    #[error("token header or claims of {len} bytes are over the limit of {max}")]
    TooLong {
        /// Length in bytes.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// A text that would need escapes inside JSON: a quote, a backslash or a control character.
    #[error("token field {field} has a character that JSON would escape")]
    NeedsEscape {
        /// Which field.
        field: &'static str,
    },
    /// The cryptographic library refused; it does not say why.
    #[error("the cryptographic library failed to sign the token")]
    Signing,
}

impl SigningKey {
    /// Makes a token. `header` and `claims` are the parts of two JSON texts; each text is its parts put together. The
    /// header must name [`Algorithm::name`].
    pub fn mint(&self, header: &[&str], claims: &[&str]) -> Result<Box<str>, MintError> {
        let chars = encoded_chars(header)?
            .saturating_add(encoded_chars(claims)?)
            .saturating_add(SIGNATURE_BYTES.div_ceil(3).saturating_mul(4))
            .saturating_add(2);
        // Exact or a little more: the token never moves while it grows, so no copy of it stays behind.
        let mut token = String::with_capacity(chars);
        encode(header, &mut token);
        token.push('.');
        encode(claims, &mut token);
        let signature = self.sign(token.as_bytes()).ok_or(MintError::Signing)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token.into_boxed_str())
    }
}

/// Checks that a text can stand between quotes in JSON as it is.
pub fn plain_json_text(field: &'static str, text: &str) -> Result<(), MintError> {
    if text
        .bytes()
        .any(|byte| byte < b' ' || byte == b'"' || byte == b'\\')
    {
        return Err(MintError::NeedsEscape { field });
    }
    Ok(())
}

fn encoded_chars(parts: &[&str]) -> Result<usize, MintError> {
    let len = parts
        .iter()
        .fold(0_usize, |sum, part| sum.saturating_add(part.len()));
    if len > JSON_BYTES_MAX {
        return Err(MintError::TooLong {
            len,
            max: JSON_BYTES_MAX,
        });
    }
    // Unpadded: four characters for three bytes, two or three for the rest.
    Ok(len.saturating_mul(4).div_ceil(3))
}

/// Appends the parts in base64url, as one text.
fn encode(parts: &[&str], token: &mut String) {
    let mut block = arrayvec::ArrayVec::<u8, BLOCK_BYTES>::new();
    let mut chars = [0_u8; BLOCK_CHARS];
    let mut flush = |block: &mut arrayvec::ArrayVec<u8, BLOCK_BYTES>| {
        let used = URL_SAFE_NO_PAD
            .encode_slice(block.as_slice(), &mut chars)
            .unwrap_or(0);
        debug_assert!(used > 0 || block.is_empty(), "64 characters hold 48 bytes");
        token.push_str(
            chars
                .get(..used)
                .and_then(|used| core::str::from_utf8(used).ok())
                .unwrap_or_default(),
        );
        block.clear();
    };
    for byte in parts.iter().flat_map(|part| part.bytes()) {
        if block.is_full() {
            flush(&mut block);
        }
        block.push(byte);
    }
    flush(&mut block);
}

#[cfg(test)]
mod tests;
