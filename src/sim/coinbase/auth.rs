//! Who asks: tokens of the venue's keys, and the HMAC scheme it has retired (Coinbase reference 2).

use super::config::Permissions;
use super::errors;
use super::model::Coinbase;
use crate::sim::server::{Request, Response};
use crate::sim::{jwt, Credentials, Refused, Target, SECOND_NS};
use aws_lc_rs::hmac;
use serde_json::Value;

/// How far the timestamp of an HMAC request may be off.
const HMAC_TOLERANCE_S: u64 = 30;

/// A key and what it may do.
#[derive(Clone, Debug)]
pub(crate) struct ApiKey {
    pub(crate) credentials: Credentials,
    pub(crate) permissions: Permissions,
}

/// A key of the HMAC scheme, which the venue retired in February 2025: for clients that still speak it.
#[derive(Clone)]
pub struct LegacyKey {
    /// `CB-ACCESS-KEY`.
    pub key: String,
    /// What it signs with.
    pub secret: String,
}

impl std::fmt::Debug for LegacyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LegacyKey {{ key: {:?}, secret: <redacted> }}", self.key)
    }
}

impl LegacyKey {
    fn verify(&self, key: &str, stamp: &str, prehash: &str, signature: &str, now_ns: u64) -> Result<(), Refused> {
        if key != self.key {
            return Err(Refused::UnknownKey);
        }
        let seconds: u64 = stamp.parse().map_err(|_| Refused::Malformed)?;
        if seconds.abs_diff(now_ns / SECOND_NS) > HMAC_TOLERANCE_S {
            return Err(Refused::Time);
        }
        let lower_hex = signature.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let tag = unhex(signature).filter(|_| lower_hex).ok_or(Refused::Malformed)?;
        let secret = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        hmac::verify(&secret, prehash.as_bytes(), &tag).map_err(|_| Refused::Signature)
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

impl Coinbase {
    /// What the sender of a REST request may do.
    pub(super) fn caller(&mut self, now_ns: u64, request: &Request) -> Result<Permissions, Response> {
        let bearer = request.header("authorization").and_then(|a| a.strip_prefix("Bearer "));
        let checked = match (bearer, request.header("cb-access-key"), self.legacy.clone()) {
            (Some(token), _, _) => {
                let target = Target::Rest { method: &request.method, hosts: &self.hosts, path: &request.path };
                verify(&self.keys, token, now_ns, target)
            }
            (None, Some(key), Some(legacy)) => self.legacy_caller(&legacy, key, now_ns, request),
            _ => Err(Refused::Missing),
        };
        checked.and_then(|(permissions, nonce)| self.accept(permissions, nonce)).map_err(|why| {
            self.observed.refused_tokens.push(why);
            errors::unauthorized()
        })
    }

    /// What the sender of a WebSocket message may do; `None` if it brings no key.
    pub(super) fn message_caller(&mut self, now_ns: u64, message: &Value) -> Result<Option<Permissions>, Refused> {
        let field = |name: &str| message.get(name).and_then(Value::as_str).filter(|t| !t.is_empty());
        let checked = match (field("jwt"), field("signature"), &self.legacy) {
            (Some(token), _, _) => verify(&self.keys, token, now_ns, Target::WebSocket),
            (None, Some(signature), Some(legacy)) => {
                let products = message.get("product_ids").and_then(Value::as_array);
                let products: Vec<&str> = products.into_iter().flatten().filter_map(Value::as_str).collect();
                let stamp = field("timestamp").unwrap_or_default();
                let prehash = format!("{stamp}{}{}", field("channel").unwrap_or_default(), products.join(","));
                let key = field("api_key").unwrap_or_default();
                let verified = legacy.verify(key, stamp, &prehash, signature, now_ns);
                verified.map(|()| (self.permissions(), None))
            }
            _ => return Ok(None),
        };
        checked.map(|(permissions, _)| Some(permissions)).inspect_err(|why| self.observed.refused_tokens.push(*why))
    }

    /// What the first key, the one that trades, may do; a key of the retired scheme alone may do everything.
    pub(super) fn permissions(&self) -> Permissions {
        let alone = self.legacy.is_some();
        self.keys.first().map_or(Permissions { view: alone, trade: alone }, |key| key.permissions)
    }

    /// `CB-ACCESS-SIGN` over timestamp, method, path without query, and body (reference 2a).
    fn legacy_caller(
        &self,
        legacy: &LegacyKey,
        key: &str,
        now_ns: u64,
        request: &Request,
    ) -> Result<(Permissions, Option<String>), Refused> {
        let stamp = request.header("cb-access-timestamp").ok_or(Refused::Missing)?;
        let signature = request.header("cb-access-sign").ok_or(Refused::Missing)?;
        let body = std::str::from_utf8(&request.body).map_err(|_| Refused::Malformed)?;
        let prehash = format!("{stamp}{}{}{body}", request.method, request.path);
        legacy.verify(key, stamp, &prehash, signature, now_ns).map(|()| (self.permissions(), None))
    }

    fn accept(&mut self, permissions: Permissions, nonce: Option<String>) -> Result<Permissions, Refused> {
        let fresh = nonce.is_none_or(|nonce| self.observed.token_used(&nonce));
        (fresh || !self.unconfirmed.tokens_good_once).then_some(permissions).ok_or(Refused::Reused)
    }
}

/// Checks a token against each key; the most telling refusal wins.
fn verify(
    keys: &[ApiKey],
    token: &str,
    now_ns: u64,
    target: Target<'_>,
) -> Result<(Permissions, Option<String>), Refused> {
    let mut refused = Refused::UnknownKey;
    for key in keys {
        match jwt::verify(token, &key.credentials, now_ns, target) {
            Ok(claims) => return Ok((key.permissions, Some(claims.nonce))),
            Err(Refused::UnknownKey) => {}
            Err(why) => refused = why,
        }
    }
    Err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector was made with another implementation: `printf | openssl dgst -sha256 -hmac`.
    #[test]
    fn a_signature_of_the_retired_scheme_is_lower_case_hex_over_the_right_text_in_time() {
        let key = LegacyKey { key: "k".into(), secret: "s".into() };
        let text = "1793613600GET/api/v3/brokerage/accounts";
        let good = "4a6b5fc3bcbb560c30fde12ade21a36193b591c2012a02b7ad8f1739d90ef1fe";
        let now = 1_793_613_600 * SECOND_NS;
        assert_eq!(key.verify("k", "1793613600", text, good, now), Ok(()));
        assert_eq!(key.verify("other", "1793613600", text, good, now), Err(Refused::UnknownKey));
        assert_eq!(key.verify("k", "1793613600", text, good, now + 31 * SECOND_NS), Err(Refused::Time));
        assert_eq!(key.verify("k", "1793613600", "x", good, now), Err(Refused::Signature));
        assert_eq!(key.verify("k", "1793613600", text, &good.to_uppercase(), now), Err(Refused::Malformed));
        assert!(!format!("{key:?}").contains("\"s\""));
    }
}
