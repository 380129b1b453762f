//! What we trust and offer in TLS: one configuration per venue, shared by all of its connections.
//!
//! Guarantees: verified certificates always; TLS 1.2 and 1.3 only; HTTP/1.1 and nothing else by ALPN; no early data (a
//! replayed order is a second order). Sessions are kept in memory and resumed, which saves a round trip and the
//! signature check of a reconnect.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

/// Why there is no TLS configuration.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsConfigError {
    /// The file cannot be read.
    #[error("cannot read the file of extra certificate authorities {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file is not PEM.
    #[error("the file of extra certificate authorities {} is not PEM: {cause}", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// There is no certificate in it.
    #[error("the file of extra certificate authorities {} holds no certificate", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// One of them cannot be a root.
    #[error("certificate {index} in {} cannot serve as a root: {cause}", path.display())]
    NotARoot {
        /// The file.
        path: PathBuf,
        /// Which one, from 1.
        index: usize,
        /// Why.
        cause: rustls::Error,
    },
    /// The cryptographic library offers none of what we ask for.
    #[error("TLS cannot be set up: {0}")]
    Provider(rustls::Error),
}

/// The configuration of one venue: Mozilla's roots, plus those in the PEM file `extra_ca_pem`.
///
/// # Errors
/// The file's faults, each naming the file.
pub fn tls_config(extra_ca_pem: Option<&Path>) -> Result<Arc<ClientConfig>, TlsConfigError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = extra_ca_pem {
        add(&mut roots, path)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(TlsConfigError::Provider)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.enable_early_data = false;
    Ok(Arc::new(config))
}

fn add(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsConfigError> {
    let text = std::fs::read(path).map_err(|cause| TlsConfigError::Unreadable { path: path.into(), cause })?;
    let mut found = 0;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate =
            certificate.map_err(|cause| TlsConfigError::NotPem { path: path.into(), cause: cause.to_string() })?;
        found += 1;
        roots.add(certificate).map_err(|cause| TlsConfigError::NotARoot { path: path.into(), index: found, cause })?;
    }
    if found == 0 {
        return Err(TlsConfigError::Empty { path: path.into() });
    }
    Ok(())
}
