//! A certificate for `localhost` and 127.0.0.1, made for one test and trusted by nobody else.

use std::path::PathBuf;

use tempfile::TempDir;

pub struct Certificate {
    folder: TempDir,
    pub chain_pem: String,
    pub key_pem: String,
}

impl Certificate {
    pub fn for_localhost() -> Self {
        Certificate::for_names(&["localhost", "127.0.0.1"])
    }

    pub fn for_names(names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        let chain_pem = made.cert.pem();
        std::fs::write(folder.path().join("ca.pem"), &chain_pem).expect("the certificate's file");
        Certificate {
            folder,
            chain_pem,
            key_pem: made.signing_key.serialize_pem(),
        }
    }

    /// What a client must trust: for `SSL_CERT_FILE`. The file lives as long as this value.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}
