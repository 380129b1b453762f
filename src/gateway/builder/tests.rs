//! What a start refuses, before anything is started.

use super::*;

#[test]
fn nothing_starts_without_a_venue() {
    assert_eq!(GatewayBuilder::default().start().map(|_| ()), Err(GatewayError::NoVenue));
}

#[test]
fn a_core_that_is_not_there_is_named() {
    let error = GatewayBuilder::default().coinbase(CoinbaseConfig::default()).pin_to_core(100_000).start();
    assert!(matches!(error.map(|_| ()), Err(GatewayError::Setting { setting: "pin_to_core", .. })));
}

#[test]
fn a_missing_certificate_file_is_named() {
    let builder = GatewayBuilder::default().coinbase(CoinbaseConfig::default()).root_certificates("/nowhere/ca.pem");
    let error = builder.build().map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("/nowhere/ca.pem"), "{error}");
}

#[test]
fn an_audit_directory_that_cannot_be_made_is_named() {
    let builder =
        GatewayBuilder::default().coinbase(CoinbaseConfig::default()).audit(AuditConfig::new("/dev/null/audit"));
    let error = builder.build().map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("audit log: /dev/null/audit: "), "{error}");
}
