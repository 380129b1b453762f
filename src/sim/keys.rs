//! The credentials of a local venue: a key name and a private key in the forms the venue hands out
//! (Coinbase reference 2c), made fresh per start unless a test brings a fixed throwaway key.
//!
//! The model keeps the public half only. `Debug` never shows the secret.

use aws_lc_rs::encoding::{AsBigEndian, AsDer, Curve25519SeedBin, EcPrivateKeyRfc5915Der};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair, ECDSA_P256_SHA256_FIXED_SIGNING};
use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::PrivateKeyDer;
use thiserror::Error;

const KEY_NAME: &str =
    "organizations/00000000-0000-4000-8000-000000000001/apiKeys/00000000-0000-4000-8000-000000000002";
/// Base64 digits per line of a PEM body.
const PEM_LINE: usize = 64;

/// Which signature a key makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum KeyKind {
    /// ECDSA P-256 with SHA-256, the venue's default.
    #[default]
    Es256,
    /// Ed25519.
    Ed25519,
}

/// Why a key could not be made or read.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The crypto provider could not make or encode a key.
    #[error("the crypto provider could not make a key")]
    Provider,
    /// The text is none of: SEC1 PEM, PKCS#8 PEM, base64 of an Ed25519 seed or seed and public key.
    #[error("not a private key: expected EC PEM (SEC1 or PKCS#8) or base64 of an Ed25519 seed")]
    Unreadable,
}

/// A key name and its private key.
#[derive(Clone)]
pub struct Credentials {
    name: String,
    secret: String,
    pub(crate) public: PublicKey,
}

/// The half that verifies.
#[derive(Clone, Debug)]
pub(crate) struct PublicKey {
    pub(crate) kind: KeyKind,
    pub(crate) bytes: Vec<u8>,
}

impl Credentials {
    /// A fresh key under a fixed, obviously made-up name.
    pub fn generate(kind: KeyKind) -> Result<Self, KeyError> {
        Self::generate_named(KEY_NAME, kind)
    }

    /// A fresh key under a name of your own.
    pub fn generate_named(name: &str, kind: KeyKind) -> Result<Self, KeyError> {
        match kind {
            KeyKind::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| KeyError::Provider)?;
                let der: EcPrivateKeyRfc5915Der = pair.private_key().as_der().map_err(|_| KeyError::Provider)?;
                Self::from_secret(name, &pem("EC PRIVATE KEY", der.as_ref()))
            }
            KeyKind::Ed25519 => {
                let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Provider)?;
                let seed: Curve25519SeedBin =
                    pair.seed().and_then(|seed| seed.as_be_bytes()).map_err(|_| KeyError::Provider)?;
                let both = [seed.as_ref(), pair.public_key().as_ref()].concat();
                Self::from_secret(name, &STANDARD.encode(both))
            }
        }
    }

    /// A key of your own, in any form the venue issues. For tests with a fixed canary key.
    pub fn from_secret(name: &str, secret: &str) -> Result<Self, KeyError> {
        let public = public_half(secret).ok_or(KeyError::Unreadable)?;
        Ok(Self { name: name.to_owned(), secret: secret.to_owned(), public })
    }

    /// The key name: `kid` and `sub` of each token.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The private key as the venue would hand it out: PEM for ES256, base64 for Ed25519.
    pub fn secret(&self) -> &str {
        &self.secret
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials {{ name: {:?}, secret: <redacted> }}", self.name)
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at_checked(PEM_LINE).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = tail;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

fn public_half(secret: &str) -> Option<PublicKey> {
    let secret = secret.replace("\\n", "\n");
    if secret.contains("-----BEGIN") {
        let der = PrivateKeyDer::from_pem_slice(secret.as_bytes()).ok()?;
        if let Ok(pair) = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_der()) {
            return Some(PublicKey { kind: KeyKind::Es256, bytes: pair.public_key().as_ref().to_vec() });
        }
        let pair = Ed25519KeyPair::from_pkcs8(der.secret_der()).ok()?;
        return Some(ed25519(&pair));
    }
    let bytes = STANDARD.decode(secret.trim()).ok()?;
    let seed = bytes.get(..32).filter(|_| bytes.len() == 32 || bytes.len() == 64)?;
    Some(ed25519(&Ed25519KeyPair::from_seed_unchecked(seed).ok()?))
}

fn ed25519(pair: &Ed25519KeyPair) -> PublicKey {
    PublicKey { kind: KeyKind::Ed25519, bytes: pair.public_key().as_ref().to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_es256_key_has_the_form_the_venue_issues() {
        let key = Credentials::generate(KeyKind::Es256).unwrap();
        let der = PrivateKeyDer::from_pem_slice(key.secret().as_bytes()).unwrap();
        assert!(matches!(der, PrivateKeyDer::Sec1(_)));
        assert_eq!(der.secret_der().len(), 121, "SEC1 with the public key, reference 2c");
        assert_eq!(key.public.bytes.len(), 65);
    }

    #[test]
    fn a_fresh_ed25519_key_is_base64_of_seed_and_public_key() {
        let key = Credentials::generate(KeyKind::Ed25519).unwrap();
        let bytes = STANDARD.decode(key.secret()).unwrap();
        assert_eq!(bytes.len(), 64);
        assert_eq!(&bytes[32..], key.public.bytes.as_slice());
    }

    #[test]
    fn a_pem_with_literal_backslash_n_is_read() {
        let key = Credentials::generate(KeyKind::Es256).unwrap();
        let flat = key.secret().replace('\n', "\\n");
        assert_eq!(Credentials::from_secret("k", &flat).unwrap().public.bytes, key.public.bytes);
    }

    #[test]
    fn debug_hides_the_secret_and_nonsense_is_refused() {
        let key = Credentials::generate(KeyKind::Es256).unwrap();
        assert!(!format!("{key:?}").contains("BEGIN"));
        assert!(Credentials::from_secret("k", "not a key").is_err());
    }
}
