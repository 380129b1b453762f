//! The account's key, and the signatures it makes (Binance.US reference 2).
//!
//! Owns the API key and the secret as keyed hash states, worked out once: HMAC-SHA256 is the only scheme of the venue.
//! Guarantees that neither appears in `Debug` output and that both are wiped on drop. Never reads an environment and
//! never takes a time: a request that exists carries its own ([`VenueMs`](super::VenueMs)).

use crate::codec::hmac::HmacKey;
use crate::codec::secret::Secret;

/// Key and secret, ready to sign.
pub struct Credentials {
    api_key: Secret<String>,
    /// Query and body, in this order and without a separator.
    key: HmacKey,
    /// WebSocket API: every text begins with `apiKey=..&`, since no other parameter's name is smaller.
    after_api_key: HmacKey,
}

/// Why a text is no key. Never says what the text was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// No key, or characters that no key has.
    #[error("the Binance.US API key must be letters and digits; copy it again")]
    ApiKey,
    /// No secret, or characters that no secret has.
    #[error("the Binance.US API secret must be visible ASCII without spaces; copy it again")]
    ApiSecret,
}

impl Credentials {
    /// From the texts the venue shows once; white space around them is ignored.
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn new(api_key: &str, api_secret: &str) -> Result<Credentials, CredentialsError> {
        let (api_key, api_secret) = (api_key.trim(), api_secret.trim());
        if api_key.is_empty() || !api_key.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(CredentialsError::ApiKey);
        }
        if !api_secret.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(CredentialsError::ApiSecret);
        }
        let key = HmacKey::from_bytes(api_secret.as_bytes()).map_err(|_| CredentialsError::ApiSecret)?;
        let after_api_key = key.after(b"apiKey=").after(api_key.as_bytes()).after(b"&");
        Ok(Credentials { api_key: Secret::from(api_key), key, after_api_key })
    }

    /// The header's and the parameter's value. Not the secret, and not for logs either.
    pub(crate) fn api_key(&self) -> &str {
        self.api_key.expose_secret()
    }

    /// Appends the signature of a REST request: of the query and the body as they are sent, percent-encoded.
    #[inline]
    pub fn sign_rest(&self, query: &[u8], body: &[u8], out: &mut Vec<u8>) {
        self.key.sign_hex_into(&[query, body], out);
    }

    /// Appends the signature of a REST request to the very buffer that holds it, from `start`.
    #[inline]
    pub(super) fn sign_rest_in_place(&self, out: &mut Vec<u8>, start: usize) {
        let signature = self.key.sign_hex(&[out.get(start..).unwrap_or_default()]);
        out.extend_from_slice(b"&signature=");
        out.extend_from_slice(&signature);
    }

    /// Appends the signature of a WebSocket API request. `rest` is all parameters but `apiKey` and `signature`, sorted
    /// by name, `name=value` joined with `&`, not percent-encoded (Binance.US reference 8).
    #[inline]
    pub fn sign_ws(&self, rest: &[u8], out: &mut Vec<u8>) {
        self.after_api_key.sign_hex_into(&[rest], out);
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(redacted)")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The key that Binance's documentation prints.
    pub const KEY: &str = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";
    const SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";

    pub fn documented() -> Credentials {
        Credentials::new(KEY, SECRET).unwrap()
    }

    fn rest(query: &str, body: &str) -> String {
        let mut out = Vec::new();
        documented().sign_rest(query.as_bytes(), body.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    fn ws(text: &str) -> String {
        let mut out = Vec::new();
        let rest = text.strip_prefix(&format!("apiKey={KEY}&")).expect("the key is the first parameter");
        documented().sign_ws(rest.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn all_seven_vectors_of_the_reference_hold() {
        let whole = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559";
        let first = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";
        assert_eq!((rest(whole, "").as_str(), rest("", whole).as_str()), (first, first));
        assert_eq!(
            rest(
                "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
                "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
            ),
            "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"
        );
        assert_eq!(
            ws(&format!("apiKey={KEY}&newOrderRespType=ACK&price=52000.00&quantity=0.01000000&recvWindow=100&side=SELL&symbol=BTCUSDT&timeInForce=GTC&timestamp=1645423376532&type=LIMIT")),
            "cc15477742bd704c29492d96c7ead9414dfd8e0ec4a00f947bb5bb454ddbd08a"
        );
        assert_eq!(
            ws(&format!("apiKey={KEY}&price=52000.00&quantity=0.01000000&recvWindow=100&side=SELL&symbol=BTCUSDT&timeInForce=GTC&timestamp=1645423376532&type=LIMIT")),
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"
        );
        assert_eq!(
            rest("symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559", ""),
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"
        );
        assert_eq!(
            ws(&format!("apiKey={KEY}&timestamp=1747385641636")),
            "681110a6057ad58657af22f5640fab9dd17418834cdfccdc81be8b0f7b2cde3e"
        );
        assert_eq!(
            rest("symbol=BTCUSDT&orderId=28&timestamp=1499827319559", ""),
            "21b46231f8f59ef46b657346ca10ae69dbd9cef12d904fb39df47b0ccfd20771"
        );
    }

    #[test]
    fn texts_that_are_no_keys_are_refused_and_nothing_is_shown() {
        assert_eq!(Credentials::new("", "s").unwrap_err(), CredentialsError::ApiKey);
        assert_eq!(Credentials::new("a b", "s").unwrap_err(), CredentialsError::ApiKey);
        assert_eq!(Credentials::new("a", " ").unwrap_err(), CredentialsError::ApiSecret);
        assert_eq!(Credentials::new("a", "s\nt").unwrap_err(), CredentialsError::ApiSecret);
        let shown = format!("{:?}", Credentials::new(" key \n", " secret ").unwrap());
        assert_eq!(shown, "Credentials(redacted)");
    }
}
