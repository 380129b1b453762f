//! Signing keys out of the texts in which venues and environment files hold them.
//!
//! Owns the normalisation and decoding of key texts and the two key types. Guarantees that every intermediate copy of a
//! key is wiped and that a [`KeyError`] says what is wrong with a text without repeating any of it. Never writes a key.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, ECDSA_P256_SHA256_FIXED_SIGNING,
};
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::Engine as _;
use core::fmt;
use zeroize::Zeroizing;

use super::SIGNATURE_BYTES;

/// Longest key text taken, in bytes: a P-256 PEM has 227, a PKCS#8 one 241, and files may carry remarks around it.
const KEY_TEXT_BYTES_MAX: usize = 16 * 1024;

/// Bytes of an Ed25519 seed, and of an Ed25519 public key.
const ED25519_HALF_BYTES: usize = 32;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA over P-256 with SHA-256, signature as r and s of 32 bytes each.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// The name in the token header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// Why a text is not a signing key. Never says what the text was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Nothing but white space and quotes.
    #[error("the private key is empty")]
    Empty,
    /// Too long to be a key.
    #[error("the private key text of {len} bytes is over the limit of {max}")]
    TooLong {
        /// Length in bytes.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// PEM, cut short: a `-----BEGIN` line without its `-----END` line.
    #[error(
        "the private key PEM is cut short: its END line is missing (were the line breaks lost?)"
    )]
    PemCutShort,
    /// PEM, but no block of it is a private key in a form that can be read.
    #[error("the PEM holds no EC PRIVATE KEY and no PRIVATE KEY block")]
    PemWithoutKey,
    /// PEM of an encrypted key.
    #[error("the private key is encrypted: give it decrypted")]
    Encrypted,
    /// Neither PEM nor base64.
    #[error("the private key is neither PEM nor base64")]
    NotBase64,
    /// Base64, but not of 32 or 64 bytes.
    #[error("the base64 private key holds {len} bytes; an Ed25519 key has 32 (seed) or 64 (seed and public key)")]
    WrongLength {
        /// Length in bytes after decoding.
        len: usize,
    },
    /// The public half of an Ed25519 key does not belong to its seed.
    #[error(
        "the public half of the Ed25519 key does not belong to its seed: the key text is damaged"
    )]
    PublicKeyMismatch,
    /// The key is of a kind or a curve not signed with here, or its DER is damaged.
    #[error("the private key is not an intact P-256 or Ed25519 key")]
    Rejected,
    /// The text around the key (a key file) does not have the expected form.
    #[error("the key file is not a JSON object with the members name (or id) and privateKey")]
    KeyFile,
    /// The key's name cannot stand in a token.
    #[error("the key name is empty, too long, or has quotes, backslashes or control characters")]
    BadName,
}

/// A private key, ready to sign. The library that holds it wipes it on drop.
pub struct SigningKey(Kind);

enum Kind {
    Es256(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl SigningKey {
    /// Reads a key from text: PEM (`EC PRIVATE KEY`, or `PRIVATE KEY` with a P-256 or Ed25519 key in it), or base64 of
    /// an Ed25519 seed with or without the public key behind it (Coinbase reference 2c).
    ///
    /// Takes what environment files make of such texts: surrounding quotes, `\n` spelt out, CRLF, line breaks turned
    /// into spaces or lost, no line break at the end, other PEM blocks and remarks around the key's.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        if text.len() > KEY_TEXT_BYTES_MAX {
            return Err(KeyError::TooLong {
                len: text.len(),
                max: KEY_TEXT_BYTES_MAX,
            });
        }
        let text = normalise(text);
        let text = text.trim().trim_matches(['"', '\'']).trim();
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if text.contains(BEGIN) {
            return Self::from_pem(text);
        }
        Self::from_ed25519_bytes(&decode(text).ok_or(KeyError::NotBase64)?)
    }

    /// How this key signs.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Kind::Es256(_) => Algorithm::Es256,
            Kind::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// The public key: 65 bytes `04 X Y` for ES256, 32 bytes for EdDSA. For verification in tests and local venues.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        match &self.0 {
            Kind::Es256(pair) => pair.public_key().as_ref(),
            Kind::Ed25519(pair) => pair.public_key().as_ref(),
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Option<[u8; SIGNATURE_BYTES]> {
        let signature = match &self.0 {
            // The random source is a formality of the interface: the library uses its own.
            Kind::Es256(pair) => pair.sign(&SystemRandom::new(), message),
            Kind::Ed25519(pair) => pair.try_sign(message),
        };
        signature.ok()?.as_ref().try_into().ok()
    }

    fn from_pem(text: &str) -> Result<Self, KeyError> {
        let mut rest = text;
        let mut encrypted = false;
        while let Some((_, block)) = rest.split_once(BEGIN) {
            let (label, block) = block.split_once(DASHES).ok_or(KeyError::PemCutShort)?;
            let (body, behind) = block.split_once(END).ok_or(KeyError::PemCutShort)?;
            rest = behind;
            match label {
                // SEC1 with the old encryption headers has them in front of the body.
                "EC PRIVATE KEY" | "PRIVATE KEY" if !body.contains("ENCRYPTED") => {
                    return Self::from_der(&decode(body).ok_or(KeyError::NotBase64)?);
                }
                "EC PRIVATE KEY" | "PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => encrypted = true,
                _ => {}
            }
        }
        Err(if encrypted {
            KeyError::Encrypted
        } else {
            KeyError::PemWithoutKey
        })
    }

    fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        if let Ok(pair) = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
        {
            return Ok(Self(Kind::Es256(Box::new(pair))));
        }
        match Ed25519KeyPair::from_pkcs8(der) {
            Ok(pair) => Ok(Self(Kind::Ed25519(Box::new(pair)))),
            Err(_) => Err(KeyError::Rejected),
        }
    }

    fn from_ed25519_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let (seed, public) = match bytes.len() {
            ED25519_HALF_BYTES => (bytes, None),
            64 => bytes
                .split_at_checked(ED25519_HALF_BYTES)
                .map_or((bytes, None), |(seed, key)| (seed, Some(key))),
            len => return Err(KeyError::WrongLength { len }),
        };
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Rejected)?;
        if public.is_some_and(|public| public != pair.public_key().as_ref()) {
            return Err(KeyError::PublicKeyMismatch);
        }
        Ok(Self(Kind::Ed25519(Box::new(pair))))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, redacted)", self.algorithm().name())
    }
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// Turns backslashes before `n` or `r`, however many, into line breaks: base64 and PEM have no backslash of their own.
fn normalise(text: &str) -> Zeroizing<String> {
    // Never longer than the text, so it never moves.
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut pieces = text.split('\\');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        match piece.strip_prefix(['n', 'r']) {
            Some(behind) => {
                out.push('\n');
                out.push_str(behind);
            }
            // `\"` around a text that was quoted twice; the backslash goes.
            None => out.push_str(piece),
        }
    }
    out
}

/// Decodes either alphabet of base64, padded or not, without regard to white space.
fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut compact = Zeroizing::new(Vec::with_capacity(text.len()));
    compact.extend(text.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    // The estimate of the decoder can be a little more than its result: room for it keeps the bytes in one place.
    let mut bytes = Zeroizing::new(vec![0; compact.len()]);
    let url = compact.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let engine = if url { &BASE64_URL } else { &BASE64 };
    let used = engine.decode_slice(compact.as_slice(), &mut bytes).ok()?;
    bytes.truncate(used);
    Some(bytes)
}
