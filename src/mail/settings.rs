//! Where the mail server is and how to speak with it: the setting `SMTP_URL`.

use std::fmt;

use lettre::transport::smtp::{
    SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT, authentication::Credentials, extension::ClientId,
};
use url::{Host, Url};

use crate::config::{Setting, leads_here, settings};

/// A setting that cannot be read, in one line that names it and never quotes a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {expected}", setting.env)]
pub struct BadSetting {
    /// Which.
    pub setting: &'static Setting,
    /// What should stand there instead.
    pub expected: String,
}

/// What `SMTP_URL` says, read as lettre reads it:
///
/// | URL | port, unless given | encryption |
/// |---|---|---|
/// | `smtps://user:password@host` | 465 | from the first byte |
/// | `smtp://user:password@host?tls=required` | 587 | STARTTLS, or no letter leaves |
/// | `smtp://user:password@host?tls=opportunistic` | 587 | STARTTLS where offered: an attacker can take the offer away |
/// | `smtp://user:password@host` | 25 | none |
///
/// User and password are percent-encoded, and only count together. A path, as in
/// `smtp://host/name.example.org`, is the name by which this program greets the server;
/// otherwise it is the machine's.
///
/// An option that lettre does not know is refused: `?tsl=required` would else send in the clear.
#[derive(Clone)]
pub struct SmtpSettings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    pub(super) credentials: Option<Credentials>,
    pub(super) hello: ClientId,
    /// Whether the server is this machine itself.
    here: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// TLS before the first word.
    Implicit,
    /// STARTTLS, without which nothing is said.
    Required,
    /// STARTTLS if the server happens to offer it.
    Opportunistic,
    None,
}

impl SmtpSettings {
    /// Reads an `SMTP_URL`.
    ///
    /// # Errors
    ///
    /// [`BadSetting`] for another scheme, another `tls` or option, no host, or what is not a URL at all.
    pub fn parse(url: &str) -> Result<Self, BadSetting> {
        let bad = |expected: &str| BadSetting {
            setting: &settings::SMTP_URL,
            expected: expected.to_owned(),
        };
        let url = Url::parse(url.trim()).map_err(|e| bad(&format!("give a URL ({e})")))?;
        if url.query_pairs().any(|(key, _)| key != "tls") {
            return Err(bad("after the ? there is nothing to give but tls"));
        }
        let tls = url.query_pairs().find(|(key, _)| key == "tls");
        let (encryption, port) = match (url.scheme(), tls.as_ref().map(|(_, tls)| tls.as_ref())) {
            ("smtps", _) => (Encryption::Implicit, SUBMISSIONS_PORT),
            ("smtp", Some("required")) => (Encryption::Required, SUBMISSION_PORT),
            ("smtp", Some("opportunistic")) => (Encryption::Opportunistic, SUBMISSION_PORT),
            ("smtp", None) => (Encryption::None, SMTP_PORT),
            ("smtp", Some(_)) => {
                return Err(bad("give tls=required, tls=opportunistic or no tls at all"));
            }
            _ => return Err(bad("give smtp:// or smtps://")),
        };
        let host = match url.host() {
            Some(Host::Domain(name)) => percent_decode(name).filter(|name| !name.is_empty()),
            Some(Host::Ipv4(address)) => Some(address.to_string()),
            Some(Host::Ipv6(address)) => Some(address.to_string()),
            None => None,
        };
        let unreadable = || bad("give user and password as percent-encoded UTF-8");
        let credentials = match url.password() {
            Some(password) => Some(Credentials::new(
                percent_decode(url.username()).ok_or_else(unreadable)?,
                percent_decode(password).ok_or_else(unreadable)?,
            )),
            None => None,
        };
        let hello = match url.path().trim_matches('/') {
            "" => ClientId::default(),
            name if name.bytes().all(may_greet) => ClientId::Domain(name.to_owned()),
            _ => {
                return Err(bad(
                    "give a host name as the path, to greet with, or no path",
                ));
            }
        };
        Ok(SmtpSettings {
            host: host.ok_or_else(|| bad("give a host"))?,
            port: url.port().unwrap_or(port),
            encryption,
            credentials,
            hello,
            here: leads_here(&url),
        })
    }

    /// Whether somebody on the way to the server can read the password, or get it by taking away the
    /// server's offer to encrypt.
    pub fn exposes_password(&self) -> bool {
        let encrypts = match self.encryption {
            Encryption::Implicit | Encryption::Required => true,
            Encryption::Opportunistic | Encryption::None => false,
        };
        self.credentials.is_some() && !encrypts && !self.here
    }
}

impl fmt::Debug for SmtpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSettings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("encryption", &self.encryption)
            .field("logs_in", &self.credentials.is_some())
            .finish_non_exhaustive()
    }
}

/// What a host name, or an address in brackets, is written with.
fn may_greet(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte)
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = match (first, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escape {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|d| d.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_and_tls_choose_port_and_encryption() {
        for (url, host, port, encryption) in [
            (
                "smtp://mail.example.org",
                "mail.example.org",
                25,
                Encryption::None,
            ),
            (
                "smtp://mail.example.org?tls=required",
                "mail.example.org",
                587,
                Encryption::Required,
            ),
            (
                "smtp://[::1]:2525?tls=opportunistic",
                "::1",
                2525,
                Encryption::Opportunistic,
            ),
            ("smtps://127.0.0.1", "127.0.0.1", 465, Encryption::Implicit),
        ] {
            let read = SmtpSettings::parse(url).expect(url);
            assert_eq!(
                (read.host.as_str(), read.port, read.encryption),
                (host, port, encryption)
            );
            assert!(read.credentials.is_none());
        }
    }

    #[test]
    fn user_and_password_are_percent_decoded() {
        let read = SmtpSettings::parse("smtps://ana%40example.org:a%2Fb+c%25@mail").expect("a URL");
        assert_eq!(
            read.credentials,
            Some(Credentials::new("ana@example.org".into(), "a/b+c%".into()))
        );
    }

    #[test]
    fn the_path_is_the_name_of_the_greeting() {
        let read = SmtpSettings::parse("smtp://mail/cadastro.example.org").expect("a URL");
        assert_eq!(read.hello, ClientId::Domain("cadastro.example.org".into()));
    }

    #[test]
    fn what_cannot_be_read_is_refused_in_one_line_without_the_password() {
        for url in [
            "mail.example.org",
            "http://u:hunter2@mail.example.org",
            "smtp://u:hunter2@mail.example.org?tls=maybe",
            "smtp://u:hunter2@mail.example.org?tls=",
            "smtp://u:hunter2@mail.example.org?tsl=required",
            "smtp://u:hunter2@mail.example.org/my%20name",
            "smtp://u:hunter2@mail.example.org:port",
            "smtp://u:hunter2%ff@mail.example.org",
            "smtp:u:hunter2",
            "smtp:///hunter2",
        ] {
            let error = SmtpSettings::parse(url).expect_err(url).to_string();
            assert!(
                error.starts_with("SMTP_URL: ") && !error.contains('\n'),
                "{error}"
            );
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_password_is_exposed_where_it_leaves_this_machine_and_may_go_in_the_clear() {
        for (url, exposed) in [
            ("smtp://u:hunter2@mail.example.org", true),
            ("smtp://u:hunter2@192.0.2.1:2525?tls=opportunistic", true),
            ("smtp://u:hunter2@localhost.example.org", true),
            ("smtp://u:hunter2@mail.example.org?tls=required", false),
            ("smtps://u:hunter2@mail.example.org", false),
            ("smtp://mail.example.org", false),
            ("smtp://u:hunter2@localhost:2525", false),
            ("smtp://u:hunter2@127.0.0.1?tls=opportunistic", false),
            ("smtp://u:hunter2@[::1]", false),
        ] {
            let read = SmtpSettings::parse(url).expect(url);
            assert_eq!(read.exposes_password(), exposed, "{url}");
        }
    }

    #[test]
    fn the_password_is_never_shown() {
        let read = SmtpSettings::parse("smtps://u:hunter2@mail.example.org").expect("a URL");
        assert!(!format!("{read:?}").contains("hunter2"));
    }
}
