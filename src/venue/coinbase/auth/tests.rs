use super::*;
use crate::codec::jwt::Algorithm;
use crate::codec::test_captures;
use aws_lc_rs::signature::{UnparsedPublicKey, ECDSA_P256_SHA256_FIXED};
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::Engine as _;
use proptest::prelude::*;

const NAME: &str = "organizations/o/apiKeys/k";
/// The Ed25519 seed of RFC 8032 7.1, test 1: a key for tests.
const SEED: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const NONCE: [u8; NONCE_BYTES] = [
    0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
];

fn key() -> CdpKey {
    CdpKey::new(NAME, SEED).unwrap()
}

fn parts(token: &str) -> (String, String) {
    let mut parts = token
        .split('.')
        .map(|part| String::from_utf8_lossy(&URL_SAFE_NO_PAD.decode(part).unwrap()).into_owned());
    (parts.next().unwrap(), parts.next().unwrap())
}

#[test]
fn a_rest_token_names_the_request_without_its_query() {
    let key = key();
    let orders = "/api/v3/brokerage/orders";
    let token = key
        .mint_rest("POST", "api.coinbase.com", orders, 1_793_613_600, NONCE)
        .unwrap();
    let (header, claims) = parts(&token);
    assert_eq!(
        header,
        r#"{"alg":"EdDSA","kid":"organizations/o/apiKeys/k","nonce":"00112233445566778899aabbccddeeff","typ":"JWT"}"#
    );
    assert_eq!(
        claims,
        r#"{"sub":"organizations/o/apiKeys/k","iss":"cdp","nbf":1793613600,"exp":1793613720,"uri":"POST api.coinbase.com/api/v3/brokerage/orders"}"#
    );
    let with_query = key
        .mint_rest(
            "POST",
            "api.coinbase.com",
            &format!("{orders}?a=b?c"),
            1_793_613_600,
            NONCE,
        )
        .unwrap();
    assert_eq!(token, with_query);
}

#[test]
fn a_websocket_token_names_no_request() {
    let (_, claims) = parts(&key().mint_ws(1_793_613_600, NONCE).unwrap());
    assert_eq!(
        claims,
        r#"{"sub":"organizations/o/apiKeys/k","iss":"cdp","nbf":1793613600,"exp":1793613720}"#
    );
}

#[test]
fn what_json_would_escape_is_refused() {
    let key = key();
    for path in ["/a\"b", "/a\\b", "/a\nb"] {
        assert_eq!(
            key.mint_rest("GET", "h", path, 0, NONCE),
            Err(MintError::NeedsEscape { field: "path" })
        );
    }
    for name in ["", "  ", "a\"b", "a\\b", "a\tb", &"n".repeat(257)] {
        assert_eq!(
            CdpKey::new(name, SEED).unwrap_err(),
            KeyError::BadName,
            "{name:?}"
        );
    }
    assert_eq!(
        CdpKey::new(" \"organizations/o/apiKeys/k\"\r\n", SEED)
            .unwrap()
            .name(),
        NAME
    );
}

#[test]
fn key_files_are_read_whichever_portal_wrote_them() {
    for file in [
        format!(r#"{{"name":"{NAME}","privateKey":"{SEED}"}}"#),
        format!("\u{feff}{{\n  \"id\" : \"{NAME}\",\r\n  \"privateKey\" : \"{SEED}\\n\"\n}}\n"),
        format!(
            r#"{{"name":"organizations\/o\/apiKeys\/\u006b","principal":"x","scopes":["a,]}}","b",{{"privateKey":"no"}}],"n":-1.5,"ok":true,"privateKey":"{SEED}","last":null}}"#
        ),
        format!(r#"{{"id":"other","name":"{NAME}","privateKey":"{SEED}"}}"#),
    ] {
        let key = CdpKey::from_key_file(&file).unwrap_or_else(|error| panic!("{error}: {file}"));
        assert_eq!(
            (key.name(), key.signing_key().algorithm()),
            (NAME, Algorithm::EdDsa)
        );
    }
}

#[test]
fn other_files_are_refused_without_repeating_them() {
    for file in [
        "",
        "{}",
        "[]",
        "{\"name\":\"n\"",
        r#"{"name":"n"}"#,
        r#"{"privateKey":"SECRETSECRET"}"#,
        r#"{"name":"n","privateKey":"SECRETSECRET"#,
        r#"{"name":"n","privateKey":12}"#,
        r#"{"name":"n" "privateKey":"SECRETSECRET"}"#,
        r#"{"name":"n","privateKey":"SECRETSECRET",}"#,
        r#"{"name":"n","privateKey":"SECRETSECRET\q"}"#,
        r#"{"name":"n","privateKey":"SECRETSECRET\u12"}"#,
        r#"{"name":"n","x":[1,"privateKey":"SECRETSECRET"}"#,
    ] {
        let error = CdpKey::from_key_file(file).unwrap_err();
        assert_eq!(error, KeyError::KeyFile, "{file}");
        assert!(!error.to_string().contains("SECRET"));
    }
}

#[test]
fn debug_shows_the_name_and_no_key() {
    assert_eq!(
        format!("{:?}", key()),
        format!("CdpKey {{ name: {NAME:?}, key: SigningKey(EdDSA, redacted) }}")
    );
}

#[test]
fn the_recorded_vectors_hold() {
    let Some(vectors) = test_captures::json("coinbase/synthetic/jwt_vectors.json") else {
        return;
    };
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let name = text(&vectors["kid"]);
    let pem = |label: &str, body: &str| {
        format!("-----BEGIN {label}-----\\n{body}\\n-----END {label}-----\\n")
    };
    let es256 = [
        pem(
            "EC PRIVATE KEY",
            &text(&vectors["es256"]["sec1_pem_body_base64"]),
        ),
        pem(
            "PRIVATE KEY",
            &text(&vectors["es256"]["pkcs8_pem_body_base64"]),
        ),
    ];
    let eddsa = [
        &vectors["ed25519"]["key_file_base64_64"],
        &vectors["ed25519"]["key_file_base64_32"],
    ]
    .map(text);
    let mut checked = 0;
    for vector in vectors["vectors"].as_array().unwrap() {
        let nonce: Vec<u8> = (0..16)
            .map(|i| {
                u8::from_str_radix(&vector["nonce"].as_str().unwrap()[2 * i..2 * i + 2], 16)
                    .unwrap()
            })
            .collect();
        let nonce = nonce.try_into().unwrap();
        let now_s = vector["now"].as_u64().unwrap();
        let keys = if vector["alg"] == "ES256" {
            &es256
        } else {
            &eddsa
        };
        for key_text in keys {
            let key = CdpKey::new(&name, key_text).unwrap();
            assert_eq!(key.signing_key().algorithm().name(), text(&vector["alg"]));
            let token = match vector["uri"].as_str() {
                Some(uri) => {
                    let (method, rest) = uri.split_once(' ').unwrap();
                    let (host, path) = rest.split_at(rest.find('/').unwrap());
                    key.mint_rest(method, host, path, now_s, nonce).unwrap()
                }
                None => key.mint_ws(now_s, nonce).unwrap(),
            };
            let (input, signature) = token.rsplit_once('.').unwrap();
            assert_eq!(input, text(&vector["signing_input"]));
            if vector["alg"] == "ES256" {
                let public = UnparsedPublicKey::new(
                    &ECDSA_P256_SHA256_FIXED,
                    key.signing_key().public_key(),
                );
                let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
                public.verify(input.as_bytes(), &signature).unwrap();
                // The vector's own signature too: the same key made it.
                let (_, recorded) = vector["jwt"].as_str().unwrap().rsplit_once('.').unwrap();
                public
                    .verify(input.as_bytes(), &URL_SAFE_NO_PAD.decode(recorded).unwrap())
                    .unwrap();
            } else {
                assert_eq!(*token, text(&vector["jwt"]));
            }
            checked += 1;
        }
    }
    assert!(checked >= 4, "{checked}");
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(text in prop_oneof![
            "\\{(\"(name|id|privateKey|x)\"|:|,|\"[a-z\\\\u0-9]{0,6}\"|\\[|\\]|\\{|\\}|1|null| ){0,24}\\}", ".{0,60}"]) {
        let _ = CdpKey::from_key_file(&text);
    }

    #[test]
    fn members_read_as_serde_writes_them(name in "[ -~é]{1,40}", key in "[ -~\n\r]{0,60}", extra in ".{0,20}") {
        let file = serde_json::json!({"name": name, "privateKey": key, "extra": [extra, {"e": extra}]}).to_string();
        let read = key_file::read(&file).unwrap();
        prop_assert_eq!((read.name.as_str(), read.private_key.as_str()), (name.as_str(), key.as_str()));
    }

    #[test]
    fn any_seed_signs_what_it_verifies(seed in any::<[u8; 32]>(), now_s in any::<u64>(), nonce in any::<[u8; 16]>()) {
        let key = CdpKey::new(NAME, &STANDARD.encode(seed)).unwrap();
        let token = key.mint_ws(now_s, nonce).unwrap();
        let claims: serde_json::Value = serde_json::from_str(&parts(&token).1).unwrap();
        prop_assert_eq!(&claims["nbf"], now_s);
        prop_assert_eq!(&claims["exp"], now_s.saturating_add(TOKEN_LIFE_S));
    }
}
