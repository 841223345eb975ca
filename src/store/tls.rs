//! TLS to PostgreSQL, by the URL's `sslmode` and with libpq's meaning of it.
//!
//! | `sslmode` | encrypted | the server's certificate |
//! |---|---|---|
//! | `disable` | no | – |
//! | `prefer`, the default | if the server can | not checked |
//! | `require` | yes | checked only where `sslrootcert` is given |
//! | `verify-full`, `verify-ca` | yes | checked, and its name too |
//!
//! A certificate is checked against the file that `sslrootcert` names, else against this machine's
//! trust store (or the file in `SSL_CERT_FILE`).

use std::sync::Arc;

use rustls::{
    ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;
use url::form_urlencoded;

use super::StoreError;

/// What a URL says of the server and of the way to it.
pub(super) struct Route {
    pub config: tokio_postgres::Config,
    pub tls: MakeRustlsConnect,
}

impl Route {
    /// Reads a `postgres://` URL. No error repeats it: it may hold a password.
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let mut mode = "prefer".to_owned();
        let mut roots = None;
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match form_urlencoded::parse(pair.as_bytes()).next() {
                Some((name, value)) if name == "sslmode" => mode = value.into_owned(),
                Some((name, value)) if name == "sslrootcert" => roots = Some(value.into_owned()),
                // As it stands: the driver has its own way with escapes.
                _ => rest.push(pair),
            }
        }
        let url = format!("{address}?{}", rest.join("&"));
        let mut config: tokio_postgres::Config = url
            .parse()
            .map_err(|error| unusable(format!("the PostgreSQL URL cannot be read: {error}")))?;
        let (ssl_mode, check) = match mode.as_str() {
            "disable" => (SslMode::Disable, false),
            "prefer" | "allow" => (SslMode::Prefer, false),
            "require" => (SslMode::Require, roots.is_some()),
            "verify-ca" | "verify-full" => (SslMode::Require, true),
            _ => {
                return Err(unusable(format!(
                    "sslmode `{mode}` is unknown; choose disable, prefer, require or verify-full"
                )));
            }
        };
        config.ssl_mode(ssl_mode);
        let tls = if check {
            checking(roots.as_deref())?
        } else {
            trusting()?
        };
        Ok(Route {
            config,
            tls: MakeRustlsConnect::new(tls),
        })
    }
}

fn checking(file: Option<&str>) -> Result<ClientConfig, StoreError> {
    let certificates = match file {
        None => rustls_native_certs::load_native_certs().certs,
        Some(file) => CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect)
            .map_err(|error| unusable(format!("sslrootcert {file} cannot be read: {error}")))?,
    };
    let mut roots = RootCertStore::empty();
    // A machine may hold certificates that rustls cannot read; the others still serve.
    roots.add_parsable_certificates(certificates);
    Ok(builder()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn trusting() -> Result<ClientConfig, StoreError> {
    let anybody = Arc::new(Anybody(Arc::new(ring::default_provider())));
    let builder = builder()?
        .dangerous()
        .with_custom_certificate_verifier(anybody);
    Ok(builder.with_no_client_auth())
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, StoreError> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(format!("TLS cannot be set up: {error}")))
}

fn unusable(what: String) -> StoreError {
    StoreError::Unusable(what)
}

/// Encrypts to whoever answers. The handshake's signatures are checked all the same.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_how_to_encrypt_and_the_rest_goes_to_the_driver() {
        let mode = |url: &str| Route::parse(url).map(|route| route.config.get_ssl_mode());
        assert_eq!(mode("postgres://u@h/d").unwrap(), SslMode::Prefer);
        assert_eq!(
            mode("postgres://u@h/d?sslmode=disable").unwrap(),
            SslMode::Disable
        );
        assert_eq!(
            mode("postgres://u@h/d?sslmode=verify-full").unwrap(),
            SslMode::Require
        );
        let route = Route::parse("postgres://u@h/d?application_name=a%20b&sslmode=require");
        assert_eq!(route.unwrap().config.get_application_name(), Some("a b"));
    }

    #[test]
    fn what_cannot_be_read_is_told_without_the_password() {
        for url in [
            "postgres://u:secret@h:port/d",
            "postgres://u:secret@h/d?sslmode=maybe",
        ] {
            let error = Route::parse(url).err().expect("an error").to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
