//! TLS to the server: whom we trust, and what a refusal of its certificate means in words.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, ClientConfig, RootCertStore};

/// Why the certificates to trust could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BadRoots {
    /// The file of `--ca-file` is not readable.
    #[error("the certificates of {path} cannot be read: {why}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system or the PEM reader said.
        why: String,
    },
    /// The file of `--ca-file` holds no certificate.
    #[error("{path} holds no PEM certificate")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The TLS library refuses the configuration.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// Trusts the system's certificates and those of `ca_file`, and offers HTTP/2 before HTTP/1.1.
pub(super) fn config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, BadRoots> {
    let mut roots = RootCertStore::empty();
    // A system without certificates is told as "not trusted" when a server is reached, and may be meant.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        add_file(&mut roots, path)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Says in one sentence why a handshake failed, and what to do when it was the certificate.
pub(super) fn describe(why: &io::Error, host: &str) -> String {
    let inner = why.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(certificate)) = inner else {
        return format!("the TLS handshake with {host} failed: {why}");
    };
    match certificate {
        CertificateError::UnknownIssuer => format!(
            "the certificate of {host} was issued by nobody that this system trusts; \
             if you trust the issuer, name its certificate with --ca-file"
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the certificate of {host} has expired; renew it, or check this machine's clock")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("the certificate of {host} is not valid yet; check this machine's clock")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the certificate is not for {host} but for another name; check the URL's host")
        }
        CertificateError::Revoked => format!("the certificate of {host} was revoked"),
        other => format!("the certificate of {host} does not verify: {other}"),
    }
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), BadRoots> {
    let unreadable = |why: String| BadRoots::Unreadable { path: path.to_owned(), why };
    let file = File::open(path).map_err(|why| unreadable(why.to_string()))?;
    let mut n_added = 0;
    for certificate in CertificateDer::pem_reader_iter(file) {
        let certificate = certificate.map_err(|why| unreadable(why.to_string()))?;
        roots.add(certificate).map_err(|why| unreadable(why.to_string()))?;
        n_added += 1;
    }
    if n_added == 0 {
        return Err(BadRoots::Empty { path: path.to_owned() });
    }
    Ok(())
}
