//! Verifies the token a request carries, as the venue does (Coinbase reference 2b, 2d): signature, key name, life,
//! and for REST the method, host and path it was made for. Reads no clock: `now` is an argument.

use super::keys::{Credentials, KeyKind};
use super::SECOND_NS;
use aws_lc_rs::signature::{UnparsedPublicKey, ECDSA_P256_SHA256_FIXED, ED25519};
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine;
use serde_json::Value;
use thiserror::Error;

/// The venue's longest token life, plus the few seconds by which clients back-date `nbf` (reference 2b).
const LIFE_MAX_S: i64 = 120 + 10;
/// Clocks may differ by this much.
const CLOCK_TOLERANCE_S: i64 = 10;

/// What a token must have been made for.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// A REST call: `uri` must be `METHOD host path` for one of the hosts.
    Rest {
        /// `GET`, `POST`.
        method: &'a str,
        /// Host names that count as this venue: its own with the port, and the production name.
        hosts: &'a [String],
        /// Path without query.
        path: &'a str,
    },
    /// A WebSocket message: no `uri` (reference 2d).
    WebSocket,
}

/// Why a token was refused. The venue says only `Unauthorized`; this is for the person who debugs a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// No token at all.
    #[error("no token")]
    Missing,
    /// Not three base64url parts of JSON.
    #[error("malformed token")]
    Malformed,
    /// Made with another key, or for another key name.
    #[error("unknown key name")]
    UnknownKey,
    /// The signature does not verify.
    #[error("bad signature")]
    Signature,
    /// Not yet valid, over, or valid for too long.
    #[error("token not valid at this time")]
    Time,
    /// Its nonce has been used before, and this venue minds.
    #[error("token used before")]
    Reused,
    /// Made for another method, host or path.
    #[error("token made for another request")]
    Uri,
}

/// What the venue needs to know of a good token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) nonce: String,
}

/// Checks `token` against the venue's one key.
pub(crate) fn verify(token: &str, key: &Credentials, now_ns: u64, target: Target<'_>) -> Result<Claims, Refused> {
    let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(Refused::Malformed)?;
    let (header, payload) = (decode_json(header)?, decode_json(payload)?);
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Refused::Malformed)?;

    if text(&header, "kid") != Some(key.name()) || text(&payload, "sub") != Some(key.name()) {
        return Err(Refused::UnknownKey);
    }
    let verified = match (key.public.kind, text(&header, "alg")) {
        (KeyKind::Es256, Some("ES256")) => {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &key.public.bytes).verify(signed.as_bytes(), &signature)
        }
        (KeyKind::Ed25519, Some("EdDSA")) => {
            UnparsedPublicKey::new(&ED25519, &key.public.bytes).verify(signed.as_bytes(), &signature)
        }
        _ => return Err(Refused::Signature),
    };
    verified.map_err(|_| Refused::Signature)?;

    let nonce = text(&header, "nonce").filter(|n| !n.is_empty()).ok_or(Refused::Malformed)?;
    if !matches!(text(&payload, "iss"), Some("cdp" | "coinbase-cloud")) {
        return Err(Refused::Malformed);
    }
    check_time(&payload, now_ns)?;
    check_target(&payload, target)?;
    Ok(Claims { nonce: nonce.to_owned() })
}

fn check_time(payload: &Value, now_ns: u64) -> Result<(), Refused> {
    let now_s = (now_ns / SECOND_NS) as i64;
    let time = |name| payload.get(name).and_then(Value::as_i64).ok_or(Refused::Malformed);
    let (nbf, exp) = (time("nbf")?, time("exp")?);
    let in_time = nbf <= now_s.saturating_add(CLOCK_TOLERANCE_S) && now_s < exp;
    let short_enough = exp.saturating_sub(nbf) <= LIFE_MAX_S;
    (in_time && short_enough).then_some(()).ok_or(Refused::Time)
}

fn check_target(payload: &Value, target: Target<'_>) -> Result<(), Refused> {
    let Target::Rest { method, hosts, path } = target else {
        return Ok(());
    };
    let good = |uri: &str| {
        hosts.iter().any(|host| {
            uri.strip_prefix(method).and_then(|u| u.strip_prefix(' ')?.strip_prefix(host.as_str())) == Some(path)
        })
    };
    let single = text(payload, "uri").is_some_and(good);
    let listed = payload
        .get("uris")
        .and_then(Value::as_array)
        .is_some_and(|uris| uris.iter().filter_map(Value::as_str).any(good));
    (single || listed).then_some(()).ok_or(Refused::Uri)
}

fn decode_json(part: &str) -> Result<Value, Refused> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Refused::Malformed)
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// Makes tokens, for the tests of `sim` alone: the library's own signer is elsewhere and is tested against this venue.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, ECDSA_P256_SHA256_FIXED_SIGNING};
    use base64::engine::general_purpose::STANDARD;
    use rustls_pki_types::pem::PemObject;

    pub(crate) fn sign(key: &Credentials, header: &Value, payload: &Value) -> String {
        let part = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
        let signed = format!("{}.{}", part(header), part(payload));
        let signature = match key.public.kind {
            KeyKind::Es256 => {
                let der = rustls_pki_types::PrivateKeyDer::from_pem_slice(key.secret().as_bytes()).unwrap();
                let pair =
                    EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_der()).unwrap();
                pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref().to_vec()
            }
            KeyKind::Ed25519 => {
                let bytes = STANDARD.decode(key.secret()).unwrap();
                let pair = Ed25519KeyPair::from_seed_unchecked(&bytes[..32]).unwrap();
                pair.sign(signed.as_bytes()).as_ref().to_vec()
            }
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    pub(crate) fn token(key: &Credentials, now_ns: u64, uri: Option<&str>) -> String {
        let alg = match key.public.kind {
            KeyKind::Es256 => "ES256",
            KeyKind::Ed25519 => "EdDSA",
        };
        let now = now_ns / SECOND_NS;
        let header = serde_json::json!({"alg": alg, "kid": key.name(), "nonce": "n", "typ": "JWT"});
        let mut payload = serde_json::json!({"sub": key.name(), "iss": "cdp", "nbf": now, "exp": now + 120});
        if let Some(uri) = uri {
            payload["uri"] = uri.into();
        }
        sign(key, &header, &payload)
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{sign, token};
    use super::*;
    use serde_json::json;

    const NOW: u64 = 1_793_613_600 * SECOND_NS;
    const PATH: &str = "/api/v3/brokerage/orders";

    fn rest(hosts: &[String]) -> Target<'_> {
        Target::Rest { method: "POST", hosts, path: PATH }
    }

    fn hosts() -> Vec<String> {
        vec!["localhost:8443".into(), "api.coinbase.com".into()]
    }

    #[test]
    fn a_good_token_of_either_kind_passes_under_either_host_name() {
        for kind in [KeyKind::Es256, KeyKind::Ed25519] {
            let key = Credentials::generate(kind).unwrap();
            for host in hosts() {
                let jwt = token(&key, NOW, Some(&format!("POST {host}{PATH}")));
                assert_eq!(verify(&jwt, &key, NOW, rest(&hosts())), Ok(Claims { nonce: "n".into() }));
            }
            assert!(verify(&token(&key, NOW, None), &key, NOW, Target::WebSocket).is_ok());
        }
    }

    #[test]
    fn another_method_path_query_or_host_is_refused() {
        let key = Credentials::generate(KeyKind::Es256).unwrap();
        for uri in [
            format!("GET api.coinbase.com{PATH}"),
            format!("POST api.coinbase.com{PATH}?limit=1"),
            format!("POST api.coinbase.com{PATH}/x"),
            format!("POST evil.example{PATH}"),
            format!("POST https://api.coinbase.com{PATH}"),
        ] {
            let jwt = token(&key, NOW, Some(&uri));
            assert_eq!(verify(&jwt, &key, NOW, rest(&hosts())), Err(Refused::Uri), "{uri}");
        }
        assert_eq!(verify(&token(&key, NOW, None), &key, NOW, rest(&hosts())), Err(Refused::Uri));
    }

    #[test]
    fn a_token_lives_from_nbf_to_exp_and_no_longer_than_the_venue_allows() {
        let key = Credentials::generate(KeyKind::Es256).unwrap();
        let jwt = token(&key, NOW, None);
        assert!(verify(&jwt, &key, NOW + 119 * SECOND_NS, Target::WebSocket).is_ok());
        assert_eq!(verify(&jwt, &key, NOW + 120 * SECOND_NS, Target::WebSocket), Err(Refused::Time));
        assert_eq!(verify(&jwt, &key, NOW - 11 * SECOND_NS, Target::WebSocket), Err(Refused::Time));
        let now = NOW / SECOND_NS;
        let header = json!({"alg": "ES256", "kid": key.name(), "nonce": "n", "typ": "JWT"});
        let long = json!({"sub": key.name(), "iss": "cdp", "nbf": now, "exp": now + 3600});
        assert_eq!(verify(&sign(&key, &header, &long), &key, NOW, Target::WebSocket), Err(Refused::Time));
    }

    #[test]
    fn another_key_a_changed_payload_and_a_der_signature_are_refused() {
        let (key, other) =
            (Credentials::generate(KeyKind::Es256).unwrap(), Credentials::generate(KeyKind::Es256).unwrap());
        let foreign = token(&other, NOW, None);
        assert_eq!(verify(&foreign, &key, NOW, Target::WebSocket), Err(Refused::Signature));

        let jwt = token(&key, NOW, None);
        let parts: Vec<&str> = jwt.split('.').collect();
        let changed =
            URL_SAFE_NO_PAD.encode(json!({"sub": key.name(), "iss": "cdp", "nbf": 0, "exp": i64::MAX}).to_string());
        let forged = format!("{}.{changed}.{}", parts[0], parts[2]);
        assert_eq!(verify(&forged, &key, NOW, Target::WebSocket), Err(Refused::Signature));
        let short = format!("{}.{}.{}", parts[0], parts[1], &parts[2][..40]);
        assert_eq!(verify(&short, &key, NOW, Target::WebSocket), Err(Refused::Signature));
        for nonsense in ["", "a", "a.b", "a.b.c", "é.é.é"] {
            assert_eq!(verify(nonsense, &key, NOW, Target::WebSocket), Err(Refused::Malformed));
        }
    }
}
