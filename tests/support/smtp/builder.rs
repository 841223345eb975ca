//! How the scripted mail server is to be, before it starts.

use std::sync::Arc;

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_rustls::TlsAcceptor;

use super::SmtpServer;
use crate::support::certificate::Certificate;

/// How the server is to be, before it starts.
#[derive(Default)]
pub struct Builder {
    offers: Offers,
    certificate: Option<Certificate>,
}

impl Builder {
    /// Offers STARTTLS.
    pub fn starttls(self) -> Self {
        self.certificate(Certificate::for_localhost())
    }

    /// Speaks TLS from the first byte.
    pub fn implicit_tls(mut self) -> Self {
        self.offers.implicit_tls = true;
        self.certificate(Certificate::for_localhost())
    }

    /// Offers STARTTLS with this certificate.
    pub fn certificate(mut self, certificate: Certificate) -> Self {
        self.offers.tls = Some(acceptor(&certificate));
        self.certificate = Some(certificate);
        self
    }

    /// Takes letters only after a log-in with these; `mechanisms` is `PLAIN LOGIN` or one of them.
    pub fn log_in(mut self, user: &str, password: &str, mechanisms: &'static str) -> Self {
        self.offers.log_in = Some((user.into(), password.into()));
        self.offers.mechanisms = mechanisms;
        self
    }

    pub async fn start(self) -> SmtpServer {
        SmtpServer::offering(self.offers, self.certificate).await
    }
}

#[derive(Default)]
pub(super) struct Offers {
    pub tls: Option<TlsAcceptor>,
    pub implicit_tls: bool,
    pub log_in: Option<(String, String)>,
    pub mechanisms: &'static str,
}

fn acceptor(certificate: &Certificate) -> TlsAcceptor {
    let chain = CertificateDer::pem_slice_iter(certificate.chain_pem.as_bytes());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS versions")
        .with_no_client_auth()
        .with_single_cert(
            chain.collect::<Result<_, _>>().expect("a certificate"),
            PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes()).expect("its key"),
        )
        .expect("a certificate and its key");
    TlsAcceptor::from(Arc::new(config))
}
