//! Key texts and key files: no text panics, no error repeats any of it, and a key that is read can sign.
#![no_main]

use exchange_connectors::codec::jwt::SigningKey;
use exchange_connectors::venue::coinbase::auth::CdpKey;
use libfuzzer_sys::fuzz_target;

/// Longer than any run of an error's own words that a text could hold by chance and mean nothing.
const LEAK_BYTES: usize = 24;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = core::str::from_utf8(data) else { return };
    match SigningKey::from_text(text) {
        Ok(key) => assert!(key.mint(&["{}"], &["{}"]).is_ok()),
        Err(error) => silent(&format!("{error} {error:?}"), text),
    }
    if let Err(error) = CdpKey::from_key_file(text) {
        silent(&format!("{error} {error:?}"), text);
    }
});

fn silent(said: &str, text: &str) {
    for window in said.as_bytes().windows(LEAK_BYTES) {
        // Base64 has no spaces: words of the error itself are not key material.
        let material = window.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte));
        assert!(!(material && memmem(text.as_bytes(), window)), "an error repeats the key text");
    }
}

fn memmem(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}
