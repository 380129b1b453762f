//! Finds the real recordings that some tests read; absent, those tests say that they skip.

use std::path::PathBuf;

pub(crate) fn text(name: &str) -> Option<String> {
    let root = match std::env::var_os("EXCHANGE_CONNECTORS_CAPTURES") {
        Some(root) => PathBuf::from(root),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/captures"),
    };
    let text = std::fs::read_to_string(root.join(name)).ok();
    if text.is_none() {
        println!("skipped: no recording {name} (set EXCHANGE_CONNECTORS_CAPTURES)");
    }
    text
}

pub(crate) fn json(name: &str) -> Option<serde_json::Value> {
    text(name).map(|text| serde_json::from_str(&text).expect("recordings are valid JSON"))
}
