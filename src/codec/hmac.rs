//! HMAC-SHA256 signatures.
//!
//! Owns a key as the two hash states that follow from it, computed once, so that a signature costs what its message
//! costs. Guarantees that the key itself is not kept and that the states are wiped on drop. Never compares signatures:
//! this side only makes them.

use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use core::fmt;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::secret::Secret;

/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 32;
/// Bytes of a signature in hexadecimal.
pub const SIGNATURE_HEX_BYTES: usize = 64;
/// Bytes of a signature in base64 with padding.
pub const SIGNATURE_BASE64_BYTES: usize = 44;

/// A key ready to sign. Any number of signatures, each independent.
pub struct HmacKey(Hmac<Sha256>);

/// Why a text is not a key. Never says what the text was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HmacKeyError {
    /// Not base64.
    #[error("the HMAC secret is not valid base64")]
    NotBase64,
    /// Nothing in it: a signature keyed with nothing would be made and refused by the venue.
    #[error("the HMAC secret is empty")]
    Empty,
}

impl HmacKey {
    /// A key from its bytes, of any length but none (Binance.US: the secret's own ASCII).
    pub fn from_bytes(key: &[u8]) -> Result<Self, HmacKeyError> {
        if key.is_empty() {
            return Err(HmacKeyError::Empty);
        }
        // HMAC takes keys of every length: the error of the signature cannot occur.
        Hmac::new_from_slice(key).map(Self).map_err(|_| HmacKeyError::Empty)
    }

    /// A key from base64 text, padded or not, white space around it ignored (Coinbase Exchange).
    pub fn from_base64(text: &str) -> Result<Self, HmacKeyError> {
        let bytes = STANDARD_LENIENT.decode(text.trim()).map(Secret::new).map_err(|_| HmacKeyError::NotBase64)?;
        Self::from_bytes(bytes.expose_secret())
    }

    /// The same key with this much of every text already taken in: what is signed follows it. For texts that all begin
    /// alike, the beginning is paid once.
    #[must_use]
    pub fn after(&self, prefix: &[u8]) -> Self {
        let mut state = self.0.clone();
        state.update(prefix);
        Self(state)
    }

    /// The signature over the parts, as if they were one text.
    #[inline]
    #[must_use]
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; SIGNATURE_BYTES] {
        let mut state = self.0.clone();
        for part in parts {
            state.update(part);
        }
        state.finalize().into_bytes().into()
    }

    /// The signature in lower-case hexadecimal.
    #[inline]
    #[must_use]
    pub fn sign_hex(&self, parts: &[&[u8]]) -> [u8; SIGNATURE_HEX_BYTES] {
        let mut digits = [0; SIGNATURE_HEX_BYTES];
        super::hex::write(&self.sign(parts), &mut digits);
        digits
    }

    /// Appends the signature in lower-case hexadecimal.
    #[inline]
    pub fn sign_hex_into(&self, parts: &[&[u8]], out: &mut Vec<u8>) {
        out.extend_from_slice(&self.sign_hex(parts));
    }

    /// Appends the signature in base64 with padding.
    #[inline]
    pub fn sign_base64_into(&self, parts: &[&[u8]], out: &mut Vec<u8>) {
        let mut text = [0; SIGNATURE_BASE64_BYTES];
        let encoded = STANDARD.encode_slice(self.sign(parts), &mut text);
        debug_assert_eq!(encoded, Ok(SIGNATURE_BASE64_BYTES));
        out.extend_from_slice(&text);
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey(redacted)")
    }
}

const STANDARD_LENIENT: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    base64::engine::GeneralPurposeConfig::new()
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::test_captures;
    use proptest::prelude::*;

    fn hex_text(key: &[u8], parts: &[&[u8]]) -> String {
        let mut out = Vec::new();
        HmacKey::from_bytes(key).unwrap().sign_hex_into(parts, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn base64_text(key: &HmacKey, text: &str) -> String {
        let mut out = b"kept".to_vec();
        key.sign_base64_into(&[text.as_bytes()], &mut out);
        String::from_utf8(out).unwrap().strip_prefix("kept").unwrap().to_owned()
    }

    #[test]
    fn the_vectors_of_rfc_4231_hold() {
        for (key, text, expected) in [
            (vec![0x0b; 20], b"Hi There".to_vec(), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?".to_vec(),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (vec![0xaa; 20], vec![0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            ((1..=25).collect(), vec![0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
            (
                vec![0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                vec![0xaa; 131],
                b"This is a test using a larger than block-size key and a larger than block-size data. The key needs \
                  to be hashed before being used by the HMAC algorithm."
                    .to_vec(),
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ] {
            assert_eq!(hex_text(&key, &[&text]), expected);
        }
    }

    #[test]
    fn the_binance_documentation_example_holds() {
        // Binance API documentation, "SIGNED endpoint examples"; the key is published there.
        let key = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
        let query = b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559";
        assert_eq!(hex_text(key, &[query]), "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71");
    }

    #[test]
    fn the_recorded_coinbase_vectors_hold() {
        let Some(vectors) = test_captures::json("coinbase/synthetic/hmac_vectors.json") else {
            return;
        };
        let exchange = &vectors["exchange"];
        let key = HmacKey::from_base64(exchange["secret_base64"].as_str().unwrap()).unwrap();
        let rest = exchange["rest"].as_array().unwrap();
        assert!(!rest.is_empty());
        for vector in rest.iter().chain([&exchange["ws"]]) {
            assert_eq!(
                base64_text(&key, vector["prehash"].as_str().unwrap()),
                vector["cb_access_sign_base64"].as_str().unwrap()
            );
        }
        let legacy = &vectors["legacy_advanced_retired"];
        let secret = legacy["secret"].as_str().unwrap().as_bytes();
        let rest = &legacy["rest"][0];
        let parts = ["timestamp", "method", "path", "body"].map(|name| rest[name].as_str().unwrap().as_bytes());
        assert_eq!(hex_text(secret, &parts), rest["cb_access_sign_hex"].as_str().unwrap());
        let prehash = legacy["ws"]["prehash"].as_str().unwrap().as_bytes();
        assert_eq!(hex_text(secret, &[prehash]), legacy["ws"]["signature_hex"].as_str().unwrap());
    }

    #[test]
    fn keys_that_are_none_are_refused_without_repeating_them() {
        assert_eq!(HmacKey::from_bytes(b"").unwrap_err(), HmacKeyError::Empty);
        assert_eq!(HmacKey::from_base64("  ").unwrap_err(), HmacKeyError::Empty);
        let error = HmacKey::from_base64("not/base64!").unwrap_err();
        assert!(!error.to_string().contains("not/") && error == HmacKeyError::NotBase64);
        assert_eq!(format!("{:?}", HmacKey::from_base64(" QUJD\n").unwrap()), "HmacKey(redacted)");
    }

    #[test]
    fn the_states_are_wiped_on_drop() {
        // Of the hash; HMAC is two of them. Fails to compile without the `zeroize` features.
        fn wipes<T: zeroize::ZeroizeOnDrop>() {}
        wipes::<Sha256>();
    }

    proptest! {
        #[test]
        fn parts_sign_as_their_concatenation(key in prop::collection::vec(any::<u8>(), 1..200),
                                             parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..5)) {
            let key = HmacKey::from_bytes(&key).unwrap();
            let views: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(key.sign(&views), key.sign(&[&parts.concat()]));
            if let Some((first, rest)) = views.split_first() {
                prop_assert_eq!(key.after(first).sign(rest), key.sign(&views));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}") {
            let _ = HmacKey::from_base64(&text);
        }
    }
}
