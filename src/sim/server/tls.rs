//! Certificates of a local venue: a CA and leaves made at start, in memory, and the wrong ones a client must refuse.

use rcgen::{
    date_time_ymd, BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::aws_lc_rs;
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;
use thiserror::Error;

/// Which certificate a door shows to new connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Certificate {
    /// For `localhost`, `127.0.0.1` and `::1`, by the CA of [`super::Server::ca_pem`].
    #[default]
    Good,
    /// The same, over since 2021.
    Expired,
    /// For `wrong.invalid`.
    WrongName,
    /// For `localhost`, by a CA nobody knows.
    UnknownCa,
}

/// Why certificates could not be made.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The certificate generator refused.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// rustls refused the configuration.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// One rustls configuration per [`Certificate`].
pub(crate) struct Certificates {
    pub(crate) ca_pem: String,
    good: Arc<ServerConfig>,
    expired: Arc<ServerConfig>,
    wrong_name: Arc<ServerConfig>,
    unknown_ca: Arc<ServerConfig>,
}

impl Certificates {
    pub(crate) fn new() -> Result<Self, TlsError> {
        let (ca_pem, ca) = authority("exchange-connectors local venues")?;
        let (_, stranger) = authority("unknown authority")?;
        let names = ["localhost", "127.0.0.1", "::1"];
        Ok(Self {
            ca_pem,
            good: leaf(&ca, &names, 2100)?,
            expired: leaf(&ca, &names, 2021)?,
            wrong_name: leaf(&ca, &["wrong.invalid"], 2100)?,
            unknown_ca: leaf(&stranger, &names, 2100)?,
        })
    }

    pub(crate) fn get(&self, which: Certificate) -> Arc<ServerConfig> {
        Arc::clone(match which {
            Certificate::Good => &self.good,
            Certificate::Expired => &self.expired,
            Certificate::WrongName => &self.wrong_name,
            Certificate::UnknownCa => &self.unknown_ca,
        })
    }
}

fn authority(name: &str) -> Result<(String, Issuer<'static, KeyPair>), TlsError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    let pem = params.self_signed(&key)?.pem();
    Ok((pem, Issuer::new(params, key)))
}

fn leaf(ca: &Issuer<'static, KeyPair>, names: &[&str], last_year: i32) -> Result<Arc<ServerConfig>, TlsError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>())?;
    params.distinguished_name.push(DnType::CommonName, "local venue");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(last_year, 1, 1);
    let cert = params.signed_by(&key, ca)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
