use super::*;
use aws_lc_rs::signature::{
    EcdsaKeyPair, UnparsedPublicKey, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING,
    ED25519,
};
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

/// The P-256 test key of RFC 6979 A.2.5.
const D: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
const POINT: &str = "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6\
                     7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
/// The Ed25519 test key of RFC 8032 7.1 and RFC 8037 A.1.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .map(|digit| digit.to_digit(16).unwrap() as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<&str> = body
        .as_bytes()
        .chunks(64)
        .map(|line| core::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

fn sec1() -> String {
    let der = format!("30770201010420{D}a00a06082a8648ce3d030107a144034200{POINT}");
    pem("EC PRIVATE KEY", &bytes(&der))
}

fn pkcs8() -> String {
    pem("PRIVATE KEY", &bytes(&format!(
        "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420{D}a144034200{POINT}"
    )))
}

fn ed25519_pkcs8() -> String {
    pem(
        "PRIVATE KEY",
        &bytes(&format!("302e020100300506032b657004220420{SEED}")),
    )
}

fn verifies(key: &SigningKey, token: &str) -> bool {
    let (input, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let public = key.public_key();
    match key.algorithm() {
        Algorithm::Es256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public)
            .verify(input.as_bytes(), &signature),
        Algorithm::EdDsa => {
            UnparsedPublicKey::new(&ED25519, public).verify(input.as_bytes(), &signature)
        }
    }
    .is_ok()
}

#[test]
fn the_example_of_rfc_8037_comes_out_to_the_letter() {
    let key = SigningKey::from_text(&STANDARD.encode(bytes(SEED))).unwrap();
    let token = key
        .mint(
            &[r#"{"alg":"#, r#""EdDSA"}"#],
            &["Example of ", "", "Ed25519 signing"],
        )
        .unwrap();
    assert_eq!(
        &*token,
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
         hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    );
}

#[test]
fn es256_tokens_verify_with_the_public_key_of_the_vector() {
    for text in [sec1(), pkcs8()] {
        let key = SigningKey::from_text(&text).unwrap();
        assert_eq!(
            (key.algorithm(), key.public_key()),
            (Algorithm::Es256, bytes(POINT).as_slice())
        );
        let token = key.mint(&[r#"{"alg":"ES256"}"#], &["{}"]).unwrap();
        assert!(token.starts_with("eyJhbGciOiJFUzI1NiJ9.e30."));
        assert_eq!(
            token.rsplit('.').next().unwrap().len(),
            86,
            "64 raw bytes, not DER"
        );
        assert!(verifies(&key, &token));
        assert!(
            !verifies(&key, &token.replacen("e30", "e31", 1)),
            "the check can fail"
        );
    }
}

#[test]
fn a_token_is_built_in_one_piece_of_its_final_size() {
    let key = SigningKey::from_text(&sec1()).unwrap();
    for len in 0..200 {
        let text = "x".repeat(len);
        let parts = [&text[..len / 3], &text[len / 3..]];
        let token = key.mint(&parts, &[&text]).unwrap();
        let encoded = URL_SAFE_NO_PAD.encode(&text);
        assert!(token.starts_with(&format!("{encoded}.{encoded}.")), "{len}");
        let room = encoded_chars(&parts).unwrap();
        assert!(room >= encoded.len() && room <= encoded.len() + 1);
    }
    assert!(matches!(
        key.mint(&["x"; JSON_BYTES_MAX + 1], &[]),
        Err(MintError::TooLong { .. })
    ));
}

#[test]
fn keys_are_read_in_every_form_they_come_in() {
    let (seed, public) = (bytes(SEED), bytes(PUBLIC));
    let es256 = [sec1(), pkcs8()];
    let eddsa = [
        ed25519_pkcs8(),
        STANDARD.encode(&seed),
        STANDARD.encode([seed.clone(), public.clone()].concat()),
    ];
    for (text, public) in es256
        .iter()
        .map(|text| (text, bytes(POINT)))
        .chain(eddsa.iter().map(|text| (text, public.clone())))
    {
        let escaped = text.replace('\n', "\\n");
        for form in [
            text.clone(),
            text.trim_end().to_owned(),
            format!("\n  {text}  \n"),
            text.replace('\n', "\r\n"),
            text.replace('\n', "\r"),
            escaped.clone(),
            text.replace('\n', "\\r\\n"),
            text.replace('\n', "\\\\n"),
            text.replace('\n', " "),
            format!("\"{escaped}\""),
            format!("'{text}'"),
            format!("\\\"{escaped}\\\""),
            format!(" \"{}\" ", text.trim()),
        ] {
            let key = SigningKey::from_text(&form).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(key.public_key(), public);
        }
    }
    let bag = format!(
        "Bag Attributes\n  name: x\n{}{}",
        pem("EC PARAMETERS", &bytes("06082a8648ce3d030107")),
        sec1()
    );
    assert!(SigningKey::from_text(&bag).is_ok());
    let unpadded = STANDARD
        .encode(&seed)
        .trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_");
    assert_eq!(
        SigningKey::from_text(&unpadded).unwrap().public_key(),
        public
    );
    let one_line = sec1().replace('\n', "");
    assert!(
        SigningKey::from_text(&one_line).is_ok(),
        "line breaks lost altogether"
    );
}

#[test]
fn what_is_not_a_key_is_refused_for_the_right_reason() {
    let refused = |text: &str| SigningKey::from_text(text).map(|_| ()).unwrap_err();
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING)
        .unwrap()
        .to_pkcs8v1()
        .unwrap();
    let mut mismatch = [bytes(SEED), bytes(PUBLIC)].concat();
    mismatch[40] ^= 1;
    assert_eq!(refused(""), KeyError::Empty);
    assert_eq!(refused(" \"\\n\" "), KeyError::Empty);
    assert_eq!(
        refused(&"A".repeat(20_000)),
        KeyError::TooLong {
            len: 20_000,
            max: 16_384
        }
    );
    assert_eq!(
        refused("-----BEGIN EC PRIVATE KEY-----\nMHcC"),
        KeyError::PemCutShort
    );
    assert_eq!(refused("-----BEGIN EC"), KeyError::PemCutShort);
    assert_eq!(
        refused(&pem("EC PARAMETERS", b"x")),
        KeyError::PemWithoutKey
    );
    assert_eq!(
        refused(&pem("RSA PRIVATE KEY", b"x")),
        KeyError::PemWithoutKey
    );
    assert_eq!(refused(&pem("PUBLIC KEY", b"x")), KeyError::PemWithoutKey);
    assert_eq!(
        refused(&pem("ENCRYPTED PRIVATE KEY", b"x")),
        KeyError::Encrypted
    );
    assert_eq!(
        refused(&sec1().replace("KEY-----\nMH", "KEY-----\nProc-Type: 4,ENCRYPTED\n\nMH")),
        KeyError::Encrypted
    );
    assert_eq!(refused("hello, world"), KeyError::NotBase64);
    assert_eq!(
        refused(&sec1().replacen("MH", "M!", 1)),
        KeyError::NotBase64
    );
    assert_eq!(
        refused(&STANDARD.encode([7; 33])),
        KeyError::WrongLength { len: 33 }
    );
    assert_eq!(
        refused(&STANDARD.encode(mismatch)),
        KeyError::PublicKeyMismatch
    );
    assert_eq!(
        refused(&pem("PRIVATE KEY", p384.as_ref())),
        KeyError::Rejected
    );
    assert_eq!(refused(&pem("PRIVATE KEY", b"not DER")), KeyError::Rejected);
    assert_eq!(refused(&pem("EC PRIVATE KEY", &[])), KeyError::Rejected);
}

#[test]
fn keys_are_redacted() {
    let key = SigningKey::from_text(&sec1()).unwrap();
    assert_eq!(format!("{key:?}"), "SigningKey(ES256, redacted)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn errors_never_repeat_key_material(form in 0_usize..4, at in 0.0..1.0, change in prop_oneof![
            Just(None), prop::char::any().prop_map(Some)]) {
        let text = [sec1(), pkcs8(), ed25519_pkcs8(), STANDARD.encode(bytes(SEED))][form].clone();
        let mut characters: Vec<char> = text.chars().collect();
        let at = (at * characters.len() as f64) as usize;
        match change {
            Some(character) => characters[at] = character,
            None => characters.truncate(at),
        }
        let damaged: String = characters.into_iter().collect();
        if let Err(error) = SigningKey::from_text(&damaged) {
            let said = format!("{error} {error:?}");
            for window in text.lines().filter(|line| !line.starts_with('-')).flat_map(|line| line.as_bytes().windows(6)) {
                prop_assert!(!said.as_bytes().windows(6).any(|other| other == window), "{}", said);
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in prop_oneof!["(-----BEGIN |-----END |PRIVATE KEY|-----|\\\\|n|[A-Za-z0-9+/=\"' \n]){0,40}", ".{0,80}"]) {
        let _ = SigningKey::from_text(&text);
    }
}
